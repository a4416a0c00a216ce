"""CPU time of run loops, and of a fixed piece of work that says how fast this computer is now."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import NamedTuple

CALIBRATION_ITEMS, CALIBRATION_ROUNDS = 200_000, 5


class Run(NamedTuple):
    """A run loop, and what tells the packets delivered so far, which is not timed."""

    loop: Callable[[], object]
    delivered: Callable[[], int]


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began


def clocked(run: Run) -> tuple[int, float]:
    """Packets and CPU seconds of a run loop."""
    before = run.delivered()
    spent = seconds(run.loop)
    return run.delivered() - before, spent


def best(prepare: Callable[[], Run], rounds: int) -> tuple[int, float]:
    """The fastest of some fresh runs, each prepared outside its timing: packets and CPU seconds."""
    return max((clocked(prepare()) for _ in range(rounds)), key=lambda figures: figures[0] / figures[1])


def calibration_seconds() -> float:
    """CPU seconds of the calibration kernel: a sort of the same shuffled integers; the fastest of some."""
    numbers = list(range(CALIBRATION_ITEMS))
    random.Random(82599).shuffle(numbers)
    return min(seconds(lambda: sorted(numbers)) for _ in range(CALIBRATION_ROUNDS))
