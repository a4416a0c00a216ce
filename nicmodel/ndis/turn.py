"""One at a time, first come first served; who finds nobody there does not wait, and costs nobody an event."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import simpy


class Turn:
    """The turn of one adapter's requests. Who is through gives it on, whatever has happened:

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
        """Until the turn is given to us; who gives up waiting gives it on."""
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
        """To who has waited longest; it stays taken meanwhile, so that nobody slips in between."""
        if self._waiting:
            self._waiting.popleft().succeed()
        else:
            self.taken = False
