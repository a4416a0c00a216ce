"""What the tests of the whole link and the whole host share: the planes they run on, and how they read a result."""

from __future__ import annotations

from typing import Any

from harness import US, Outcome, Queue, Script, run
from nicmodel._fastpath import FastPath

from nicmodel.datasheet.arbiters import CAUSES, LINES
from nicmodel.reference.plane import ReferencePath

PLANES = (ReferencePath, FastPath)       # every promise is for each of these

# Gen2 x8 is 250 ps a byte, the core 6400 ps, a wire byte 800 ps; Acks and credit updates fall due after this long:
LATENCY = 316_000
GEN2 = (256_000, LATENCY, LATENCY, 2_360_000, 32)      # words of `retrain` that change no number
PYTHON = {"agent": False}


def one(plane: Any, *queues: Queue, end: int = 9 * US, actions: tuple[Any, ...] = (), **config: Any) -> Outcome:
    """A short script; queues default to one agent that sends one frame."""
    return run(plane, Script("one", queues or (Queue(1, count=1),), actions=actions, config=tuple(config.items()), end=end))


def stage(outcome: Outcome, name: str, row: int = 0) -> int:
    return int(outcome.results["rows"][row][name])


def by_function(outcome: Outcome, name: str) -> dict[int, list[int]]:
    """A stage's stamps by function, in the order of rows."""
    stamps: dict[int, list[int]] = {}
    for row in outcome.results["rows"]:
        stamps.setdefault(int(row["function"]), []).append(int(row[name]))
    return stamps


def waited(outcome: Outcome, line: str) -> dict[str, int]:
    """How long a line blamed each cause, those that it did blame."""
    clocks = outcome.results["lines"][LINES.index(line)]
    return {cause: int(ps) for cause, ps in zip(CAUSES, clocks, strict=True) if ps}
