"""Ticks of 1/1024 ps, which links count in: when a transfer starts, and when its receiver has it (docs/time.md, 2)."""

from __future__ import annotations

from nicmodel.datasheet.pcie_link import TICKS_PER_PS


def ticks(ps: int) -> int:
    """A time in ticks."""
    return TICKS_PER_PS * ps


def ceil_ps(time: int) -> int:
    """A time in ticks as ps, rounded up.

    >>> ceil_ps(1024), ceil_ps(1025)
    (1, 2)
    """
    return -(-time // TICKS_PER_PS)


def start_time(free: int, ready: int, now: int) -> int:
    """When the transfer that a decision at `now` (ps) has chosen starts, in ticks: at the end of the last one (`free`, ticks) if
    that was within the ps before and the transfer was ready (ps) by then, else now.

    >>> start_time(5 * 1024 - 1, 4, 5), start_time(5 * 1024 - 1, 5, 5), start_time(4 * 1024, 0, 5)
    (5119, 5120, 5120)
    """
    return free if free > ticks(now - 1) and ready < now else ticks(now)
