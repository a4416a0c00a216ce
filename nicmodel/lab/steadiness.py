"""Was a window of one piece? Marks are taken from edge to edge, and its halves compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nicmodel.lab.books import Window, ways

STEADY = 0.02                        # halves of a steady window differ by no more


def mark(results: dict[str, Any], ps: int) -> tuple[int, ...]:
    """Time, frames delivered, and the latency of those sent and of those received, so far."""
    frames = results["functions"]["tx_packets"].sum() + results["functions"]["rx_packets"].sum()
    latency = results["waits"][..., -1].sum(axis=0) if "waits" in results else (0, 0)
    return ps, int(frames), int(latency[0]), int(latency[1])


def streams(w: Window) -> int:
    """Functions whose packets moved, each direction by itself."""
    return sum(len(ways(w, function)) for function in range(len(w.functions)))


def is_steady(marks: Sequence[tuple[int, ...]], num_streams: int = 0) -> bool:
    """Whether both halves of a window moved as many packets a second, and kept them as long. `marks` from edge to edge. That a
    frame of each stream falls into one half or the other says nothing."""
    first, last = marks[0], marks[-1]
    middle = min(marks[1:-1], key=lambda m: abs(2 * m[0] - first[0] - last[0]), default=None)
    if middle is None:
        return False
    frames = max(1, last[1] - first[1])
    for before, half, after in list(zip(first, middle, last, strict=True))[1:]:
        early, late = (half - before) * (last[0] - middle[0]), (after - half) * (middle[0] - first[0])
        at_the_edge = num_streams * (after - before) / frames * (last[0] - first[0]) / 2
        if abs(early - late) > max(STEADY * max(early, late), at_the_edge):
            return False
    return True
