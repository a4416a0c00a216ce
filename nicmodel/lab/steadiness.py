"""Was a window of one piece? Marks are taken from edge to edge; what lies between two of them is compared with what follows.

    the last eighth of the warm-up │ half a window │ half a window
                 └── like the window, if it is as long ──┘└── alike ──┘
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from nicmodel.sim.plane import Direction

if TYPE_CHECKING:
    import numpy as np

STEADY = 0.02                        # parts of a steady run differ by no more


class Mark(NamedTuple):
    """What there was at a time: frames delivered by function and direction, and their latency in ps, 0 without books."""

    ps: int
    frames: np.ndarray
    latency: np.ndarray


def mark(results: dict[str, Any], ps: int) -> Mark:
    """That of a plane's results."""
    import numpy as np

    functions = results["functions"]
    frames = np.stack([functions["tx_packets"], functions["rx_packets"]], axis=1).astype(np.int64)
    return Mark(ps, frames, results["waits"][..., -1].copy() if "waits" in results else np.zeros_like(frames))


def is_steady(marks: Sequence[Mark], before: Mark | None = None) -> bool:
    """Whether both halves of a window are alike; `marks` are from edge to edge. In a window that is short against the warm-up
    nothing has time to change: if the stretch from `before` to its opening is as long, that must be like it, too."""
    first, last = marks[0], marks[-1]
    middle = min(marks[1:-1], key=lambda m: abs(2 * m.ps - first.ps - last.ps), default=None)
    if middle is None or not alike(first, middle, last):
        return False
    return before is None or first.ps - before.ps < last.ps - first.ps or alike(before, first, last)


def alike(first: Mark, middle: Mark, last: Mark) -> bool:
    """Whether as many frames a second were delivered before as after the middle, and each function's took as long.

    That a frame of each function and direction falls into one part or the other says nothing. Latencies are compared frame by
    frame, each with the mean of its function before: how many of whose frames there were makes no difference.
    """
    early, late = middle.frames - first.frames, last.frames - middle.frames
    span = last.ps - first.ps
    before, after = int(early.sum()) * (last.ps - middle.ps), int(late.sum()) * (middle.ps - first.ps)
    a_frame_each = int(((early + late) > 0).sum()) * span / 2
    if abs(before - after) > max(STEADY * max(before, after), a_frame_each):
        return False
    took, takes = middle.latency - first.latency, last.latency - middle.latency
    return all(as_long(early[:, way], took[:, way], late[:, way], takes[:, way]) for way in Direction)


def as_long(early: np.ndarray, took: np.ndarray, late: np.ndarray, takes: np.ndarray) -> bool:
    """Whether late frames took as long as early ones of their function (of all, if it had none); arrays by function."""
    if not early.any():
        return True
    before = took / early.clip(1)
    before[early == 0] = took.sum() / early.sum()
    was, now = float((before * late).sum()), int(takes.sum())
    return abs(was - now) <= STEADY * max(was, now)
