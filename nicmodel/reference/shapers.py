"""A rate limit per function: when its next frame may begin (docs/time.md, 5.4)."""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.reference.instants import NO_CAUSE, OWN, Clock, Instants
from nicmodel.reference.ticks import ceil_ps, ticks


class Shaper:
    """Time paid for, in ticks, by byte time and burst."""

    def __init__(self, function: int, instants: Instants, touch: Callable[[], None]):
        self.function, self.instants, self.touch = function, instants, touch
        self.byte_ticks = self.burst = 0             # a byte time of 0: no limit
        self.shaped = 0                              # the next frame may begin when this is no later than now
        self.reminded = -1
        # Of the books: the clock of this function's rows that wait for the scheduler.
        self.clock = Clock()
        self.line_cause = NO_CAUSE                   # of all such rows; OWN runs instead while this shaper holds them
        self.held_until = 0

    def configure(self, now: int, byte_ticks: int, burst: int) -> None:
        """A new rate applies to what is still to be paid."""
        left = max(0, self.shaped - ticks(now))
        both = self.byte_ticks and byte_ticks
        if both:
            self.shaped = ticks(now) + left * byte_ticks // self.byte_ticks
        else:
            self.shaped = ticks(now) - burst * byte_ticks        # nothing is to be paid: the whole burst is saved
        self.byte_ticks, self.burst = byte_ticks, burst
        self.blame(now, self.line_cause)
        self.touch()

    def allows(self, now: int) -> bool:
        """May a frame begin? If not, the scheduler is reminded when it may."""
        if self.shaped <= ticks(now):
            return True
        when = ceil_ps(self.shaped)
        if self.reminded != when:
            self.reminded = when
            self.instants.at(when, "SHAPER", self.function, lambda _now: self.touch())
        return False

    def pay(self, now: int, nbytes: int) -> None:
        if self.byte_ticks:
            self.shaped = max(self.shaped, ticks(now) - self.burst * self.byte_ticks) + nbytes * self.byte_ticks

    # books ------------------------------------------------------------------------------------------------
    def holds(self, now: int) -> bool:
        return self.shaped > ticks(now)

    def blame(self, now: int, cause: int) -> None:
        """From `now` on the line's cause is this one; while the shaper holds the rows, they wait for it."""
        self.clock_at(now)
        self.line_cause, self.held_until = cause, ceil_ps(self.shaped)
        self.clock.blame(OWN if self.held_until > now else cause, now)

    def clock_at(self, now: int) -> Clock:
        """The clock, a hold that has ended accounted for."""
        if self.clock.cause == OWN and self.held_until <= now:
            self.clock.blame(self.line_cause, self.held_until)
        return self.clock
