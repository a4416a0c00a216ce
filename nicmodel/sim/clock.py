"""One clock for SimPy's processes and any number of data planes (docs/time.md, 1).

`step` lets the planes run up to the next SimPy event, or to their own next upcall, which is heard at its own time:
before every SimPy event, since none is due by then. Exact: no quantum, no polling.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral

import simpy

from nicmodel.sim.errors import ModelBug, TooManySteps
from nicmodel.sim.plane import NEVER, DataPlane, Upcall

Hear = Callable[[Upcall], None]
NOTHING = float("inf")                          # SimPy's word for an empty queue
INSTANTS_PER_STEP = 100_000                     # so that a signal is noticed during long silent stretches


class Clock(simpy.Environment):
    """A SimPy environment whose time is integer ps and whose queue is merged with the planes' instants."""

    def __init__(self) -> None:
        super().__init__(0)
        self.planes: list[DataPlane] = []
        self._hear: list[Hear] = []
        self._next_instant: Callable[[], int] = self._earliest       # of all planes
        self._executed = -1                     # the last instant that the planes have run
        self._horizon = NEVER                   # `run_to` stops the planes here
        self.inside = False                     # is a step under way?
        self.steps_left: float = NOTHING        # with none left, `step` raises `TooManySteps`

    def add_plane(self, plane: DataPlane, hear: Hear) -> None:
        """Merge a plane; `hear` gets its upcalls, at their time, in order. Planes that were added first come first."""
        self.planes.append(plane)
        self._hear.append(hear)
        self._next_instant = plane.next_time if len(self.planes) == 1 else self._earliest

    def stamp(self) -> int:
        """The time at which a call made now takes effect: now, or now + 1 once instant `now` has run."""
        now = int(self._now)
        return now + 1 if self._executed >= now else now

    def timeout(self, delay: int = 0, value: object = None) -> simpy.Timeout:     # type: ignore[override]
        """A SimPy timeout; the delay is a whole number of ps, else a ModelBug. A negative one is a ValueError of SimPy's."""
        if delay != int(delay):
            raise ModelBug(f"a delay of {delay} ps is not a whole number of picoseconds")
        return simpy.Timeout(self, int(delay), value)

    def call_at(self, time: int, do: Callable[[], None]) -> None:
        """Run `do` as an event of `time` (>= now), after what was scheduled for then before."""
        event = self.timeout(time - int(self.now))
        event.callbacks.append(lambda _event: do())       # type: ignore[union-attr]

    def step(self) -> None:
        """Run the next thing: a SimPy event, or the planes up to their next upcall.

        Raises `TooManySteps`, and ModelBug inside another step.
        """
        self.steps_left -= 1
        if self.steps_left < 0:
            raise TooManySteps("what is waited for does not come to its end")
        if self.inside:
            self.refuse_inside()
        self.inside = True
        try:
            mine, theirs = self._queue[0][0] if self._queue else NOTHING, self._next_instant()       # `peek`, without the call
            if mine <= theirs:
                simpy.Environment.step(self)
            elif mine == NOTHING and theirs >= NEVER:
                raise simpy.core.EmptySchedule()
            else:
                limit = min(self._horizon, NEVER if mine == NOTHING else int(mine))
                if len(self.planes) != 1:
                    self._run_planes(limit)
                    return
                plane = self.planes[0]                        # what `_run_planes` does, for the most frequent case
                upcalls = plane.run_until(limit, INSTANTS_PER_STEP)
                self._executed = plane.now
                if len(upcalls) == 1:
                    self._now = upcalls[0].time
                    self._hear[0](upcalls[0])
                else:
                    self._tell([(upcall, self._hear[0]) for upcall in upcalls])
        finally:
            self.inside = False

    def refuse_inside(self) -> None:
        """ModelBug inside a step: a callback, or a process that does not wait, would run time inside of an instant."""
        if self.inside:
            raise ModelBug("the clock runs what calls this, so that this cannot run the clock: "
                           "start what it waits for (start_read), and return or yield")

    def _earliest(self) -> int:
        return min((plane.next_time() for plane in self.planes), default=NEVER)

    def _run_planes(self, limit: int) -> None:
        """Run every plane's instants < limit, together, up to and including the first with upcalls."""
        now = self._next_instant()
        if now >= limit:
            return
        heard = [(upcall, hear) for plane, hear in zip(self.planes, self._hear, strict=True)
                 for upcall in plane.run_until(now + 1)]
        self._executed = now
        self._tell(heard)

    def _tell(self, heard: Sequence[tuple[Upcall, Hear]]) -> None:
        """All upcalls of one instant, in order. The first is heard at once, which spares it SimPy's queue: nothing in
        there is due before it. What it starts comes after the others, as between any events of one time."""
        for upcall, hear in heard[1:]:
            self.call_at(upcall.time, lambda upcall=upcall, hear=hear: hear(upcall))      # type: ignore[misc]
        for upcall, hear in heard[:1]:
            self._now = upcall.time
            hear(upcall)

    def run_to(self, time: int) -> None:
        """Run everything before `time`; afterwards now == time and nothing of instant `time` has run.

        ModelBug for a time that has passed or is no whole number, and inside a step; `TooManySteps` as in `step`.
        """
        if not isinstance(time, Integral):
            raise ModelBug(f"a time of {time!r} ps is not a whole number of picoseconds")
        if time < self.now:
            raise ModelBug(f"time {time} ps has passed: it is {self.now} ps")
        self.refuse_inside()
        self._horizon = time
        try:
            while min(self.peek(), self._next_instant()) < time:
                self.step()
            for plane in self.planes:       # silence: nothing happens any more, but books run up to `time`
                plane.run_until(time)
        finally:
            self._horizon = NEVER
        self._now = int(time)
