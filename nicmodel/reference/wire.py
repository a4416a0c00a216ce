"""One direction of the wire: one frame at a time, and what has passed so far (docs/time.md, 2).

Which frame goes next, and whether it may, is its owner's business.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet.ethernet import AROUND_BYTES, PREAMBLE_BYTES
from nicmodel.reference.instants import Instants
from nicmodel.reference.ticks import ceil_ps, start_time, ticks


class Wire:
    """Preamble and start delimiter pass before a frame, its gap after it."""

    def __init__(self, instants: Instants, source: int, byte_ticks: int, touch: Callable[[], None]):
        self.instants, self.source, self.touch = instants, source, touch
        self.byte_ticks = byte_ticks         # 0: the link is down
        self.free = 0                        # ticks: nothing starts before
        self.wake_at = -1
        self.frames = self.frame_bytes = self.busy_ticks = 0

    def is_busy(self, now: int) -> bool:
        return self.free > ticks(now)

    def ticks_of(self, length: int) -> int:
        """How long a frame of this length occupies the wire."""
        return (length + AROUND_BYTES) * self.byte_ticks

    def start(self, now: int, ready: int, length: int) -> tuple[int, int]:
        """Start a frame that was ready at `ready` by the decision of `now`: when it starts, and when its last byte has passed."""
        start = start_time(self.free, ready, now)
        self.free = start + self.ticks_of(length)
        self.busy_ticks += self.ticks_of(length)
        self.frames += 1
        self.frame_bytes += length + AROUND_BYTES
        return ceil_ps(start), ceil_ps(start + (length + PREAMBLE_BYTES) * self.byte_ticks)

    def wake_when_free(self) -> None:
        """Its arbiter decides again when the frame under way has passed."""
        wake = ceil_ps(self.free)
        if self.wake_at != wake:
            self.wake_at = wake
            self.instants.at(wake, "LINK_FREE", self.source, lambda _now: self.touch())
