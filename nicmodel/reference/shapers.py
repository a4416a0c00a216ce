"""A rate limit per function: when its next frame may begin (docs/time.md, 5.4)."""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.reference.instants import Instants


class Shaper:
    """Time paid for, in ticks, by byte time and burst."""

    def __init__(self, function: int, instants: Instants, touch: Callable[[], None]):
        self.function, self.instants, self.touch = function, instants, touch
        self.byte_ticks = self.burst = 0             # a byte time of 0: no limit
        self.shaped = 0                              # the next frame may begin when this is no later than now
        self.reminded = -1

    def configure(self, now: int, byte_ticks: int, burst: int) -> None:
        """A new rate applies to what is still to be paid."""
        left = max(0, self.shaped - 1024 * now)
        both = self.byte_ticks and byte_ticks
        self.shaped = 1024 * now + left * byte_ticks // self.byte_ticks if both else 0
        self.byte_ticks, self.burst = byte_ticks, burst
        self.touch()

    def allows(self, now: int) -> bool:
        """May a frame begin? If not, the scheduler is reminded when it may."""
        if self.shaped <= 1024 * now:
            return True
        when = -(-self.shaped // 1024)
        if self.reminded != when:
            self.reminded = when
            self.instants.at(when, "SHAPER", self.function, lambda _now: self.touch())
        return False

    def pay(self, now: int, nbytes: int) -> None:
        if self.byte_ticks:
            self.shaped = max(self.shaped, 1024 * now - self.burst * self.byte_ticks) + nbytes * self.byte_ticks
