"""A lock, first come first served. Whoever finds it free takes it without waiting, and so without an event of SimPy."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import simpy


class Turn:
    """The turn of one adapter's requests. Whoever has it gives it back, whatever happens meanwhile:

        if turn.taken:
            yield from turn.wait()
        turn.taken = True
        try: ...
        finally: turn.give()
    """

    def __init__(self, env: simpy.Environment):
        self.env = env
        self.taken = False
        self._waiting: deque[simpy.Event] = deque()

    def wait(self) -> Generator[simpy.Event, Any, None]:
        """Until the turn is given to us. Whoever is interrupted once it was given passes it on."""
        mine = self.env.event()
        self._waiting.append(mine)
        try:
            yield mine
        except BaseException:
            if mine.triggered:
                self.give()
            else:
                self._waiting.remove(mine)
            raise

    def give(self) -> None:
        """Hand the turn to whoever has waited longest. It stays taken meanwhile, so that nobody slips in between."""
        if self._waiting:
            self._waiting.popleft().succeed()
        else:
            self.taken = False
