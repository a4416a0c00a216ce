"""The heart of the reference plane: instants, each a commit phase and a decide phase (docs/time.md, 1).

One heap of events, one mask of touched arbiters. It knows no packets.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from nicmodel.datasheet.arbiters import ARBITERS, CAUSES, LINES, ORDER
from nicmodel.datasheet.stages import RANK
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import NEVER, Upcall

NO_CAUSE = -1
OWN, POOL, SERVER, TURN = range(len(CAUSES))
LINE = {name: position for position, name in enumerate(LINES)}


class Clock:
    """Time by cause: the one that runs, since when, and what each has come to."""

    __slots__ = ("cause", "since", "sums")

    def __init__(self) -> None:
        self.cause, self.since = NO_CAUSE, 0
        self.sums = [0] * len(CAUSES)

    def blame(self, cause: int, now: int) -> None:
        """From `now` on this cause runs (NO_CAUSE: none)."""
        if cause != self.cause:
            if self.cause != NO_CAUSE:
                self.sums[self.cause] += now - self.since
            self.cause, self.since = cause, now

    def at(self, now: int) -> list[int]:
        """What each cause has come to at `now`, which is not before the running one began."""
        sums = list(self.sums)
        if self.cause != NO_CAUSE:
            sums[self.cause] += now - self.since
        return sums


class Instants:
    """Events, touches and blame: everything about *when*, nothing about *what*."""

    def __init__(self, core_ps: int):
        self.core_ps = core_ps
        self.now = -1
        self.horizon = 0                     # everything before it has been run
        self.upcalls: list[Upcall] = []
        self._heap: list[tuple[int, int, int, int, Callable[..., None], tuple[Any, ...]]] = []
        self._serials: dict[tuple[int, int], int] = {}
        self._decide: list[Callable[[int], None]] = [_nobody] * len(ARBITERS)
        self._core_mask = sum(1 << ORDER[a.name] for a in ARBITERS if a.clock == "core")
        self._touched = 0
        self._later = 0
        self._deciding = -1
        self._edge_at = -1
        self.lines = [Clock() for _ in LINES]

    # events -----------------------------------------------------------------------------------------------
    def at(self, time: int, event: str, source: int, do: Callable[..., None], *args: Any) -> None:
        """Schedule `do(time, *args)` for the commit phase of `time`."""
        if time <= self.now:
            raise ModelBug(f"{event} scheduled for {time} ps, but {self.now} ps has been executed")
        rank = RANK[event]
        key = (rank, source)
        serial = self._serials.get(key, 0)
        self._serials[key] = serial + 1
        heappush(self._heap, (time, rank, source, serial, do, args))

    def edge(self, time: int) -> int:
        """The first core clock edge at or after `time`."""
        return -(-time // self.core_ps) * self.core_ps

    def next_time(self) -> int:
        return self._heap[0][0] if self._heap else NEVER

    def run_until(self, time: int, budget: int) -> list[Upcall]:
        """Run every instant < `time`; stop after one with upcalls, or after `budget` instants if >= 0."""
        heap = self._heap
        while heap and heap[0][0] < time and budget != 0:
            now = self.now = heap[0][0]
            while heap and heap[0][0] == now:
                *_, do, args = heappop(heap)
                do(now, *args)
            self._decide_touched(now)
            budget -= 1
            if self.upcalls:
                break
        done = not self.upcalls and budget != 0
        self.horizon = max(self.horizon, time if done else self.now)
        upcalls, self.upcalls = self.upcalls, []
        return upcalls

    # arbiters ---------------------------------------------------------------------------------------------
    def arbiter(self, name: str, decide: Callable[[int], None]) -> Callable[[], None]:
        """Register the decision of an arbiter; returns the function that touches it."""
        position = ORDER[name]
        self._decide[position] = decide

        def touch() -> None:
            if position <= self._deciding:
                self._later |= 1 << position
            else:
                self._touched |= 1 << position
        return touch

    def _decide_touched(self, now: int) -> None:
        may = self._touched if now % self.core_ps == 0 else self._touched & ~self._core_mask
        while may:
            position = (may & -may).bit_length() - 1
            self._deciding = position
            self._touched &= ~(1 << position)
            self._decide[position](now)
            later_ones = -1 << (position + 1)
            may = self._touched & later_ones
            if now % self.core_ps:
                may &= ~self._core_mask
        self._deciding = -1
        self._touched |= self._later
        self._later = 0
        if self._touched & ~self._core_mask:
            raise ModelBug("a ps arbiter was touched after its turn")
        if self._touched:
            next_edge = self.edge(now + 1)
            if self._edge_at != next_edge:
                self._edge_at = next_edge
                self.at(next_edge, "EDGE", 0, _nobody)

    # blame ------------------------------------------------------------------------------------------------
    def blame(self, line: int, cause: int, now: int) -> None:
        """From `now` on, whatever waits in `line` waits for `cause` (NO_CAUSE: the line is empty)."""
        self.lines[line].blame(cause, now)

    def clocks(self) -> list[list[int]]:
        """The clocks of all lines, those still running brought up to the horizon."""
        return [clock.at(self.horizon) for clock in self.lines]


def _nobody(_now: int) -> None:
    """An edge without content, or an arbiter that no block has taken."""
