"""Why a run was no faster: the books of one run, checked by re-runs with the same seed.

    base run ─► Window ─► bottleneck, prediction
        └─► a run for each row of relax.RELAXATIONS ─► elasticity, next to what the book predicted
        └─► a run for each assumed choice of an arbiter ─► do the conclusions survive it?

Re-runs go to worker processes, one each. What the figures mean: docs/explain.md.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nicmodel.lab.books import (
    NOBODY,
    OFFERED,
    OWN,
    Stream,
    Window,
    bottleneck,
    follows_senders,
    gets_all_offered,
    limited_by,
    packets,
    shares,
    utilisation,
    waited,
    ways,
)
from nicmodel.lab.gains import (
    LONG,
    NEAR,
    NOBODYS,
    beyond_frames,
    gain,
    is_part_known,
    longest_pass,
    part_of,
    part_of_core,
    room,
    without,
)
from nicmodel.lab.relax import RELAXATIONS, TENTH, Change, Relaxation, capacity_factor, choices
from nicmodel.lab.results import RunResult
from nicmodel.lab.run import check_call
from nicmodel.lab.scenario import SCHEMA, Scenario
from nicmodel.lab.workers import Outcome, check_workers, run_all
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.plane import Direction

ALIKE = 0.02  # what two runs may differ by and still say the same


@dataclass(frozen=True)
class Trial:
    """One run: what is different in it, and how."""

    name: str
    scenario: Scenario
    plane: str
    change: Change = field(default_factory=Change)


@dataclass
class Explained:
    """A run and what its re-runs say of it."""

    base: RunResult
    relaxed: list[dict[str, Any]] = field(default_factory=list)
    choices: list[dict[str, Any]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """What the JSON holds: the run's own parts, and the re-runs."""
        return {
            "schema": SCHEMA,
            "meta": self.base.meta,
            "simulated": self.base.simulated,
            "relaxed": self.relaxed,
            "choices": self.choices,
            "failed": self.failed,
            "interrupted": self.interrupted,
            "wall": self.base.wall,
        }


def explain(
    scenario: Scenario,
    name: str,
    *,
    plane: str = "fast",
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
    work: Callable[[Trial], RunResult] | None = None,
) -> Explained:
    """Run a scenario, then again with one thing changed at a time. Raises ScenarioError if it keeps no books.

    `progress` is told runs done and runs in all. `work` does one run in a worker (`run_trial`).
    """
    check_workers(workers, "explain")
    check_call(plane, progress, stop)
    if not scenario.record.books:
        raise ScenarioError("record.books = false is not allowed here: explain reads the books", key="record.books")
    first = Trial(name, scenario, plane)
    base = work(first) if work else run_trial(first, stop)
    book = base.measured.books
    if base.interrupted:
        return Explained(base, interrupted=True)
    if book is None:
        raise ScenarioError(f'"{plane}" keeps no books: explain needs another plane', key="plane")
    relaxations = {row.name: (row, *changed) for row in RELAXATIONS if used(row, book) and (changed := row.change(book, TENTH))}
    policies = {f"{parameter} = {policy}": (parameter, policy) for parameter, policy in choices(book.workload.config)}
    jobs = [Trial(key, scenario, plane, change) for key, (_, change, _) in relaxations.items()]
    jobs += [Trial(key, scenario, plane, Change({parameter: policy})) for key, (parameter, policy) in policies.items()]
    ended: dict[str, RunResult] = {}
    explained = Explained(base)

    def keep(outcome: Outcome) -> None:
        if outcome.error is None:
            ended[outcome.job.name] = outcome.value
        else:
            explained.failed[outcome.job.name] = outcome.error
        if progress:
            progress(1 + len(ended) + len(explained.failed), 1 + len(jobs))

    if progress:
        progress(1, 1 + len(jobs))
    run_all(work or run_trial, jobs, max(1, min(workers, len(jobs))), keep, stop)
    explained.interrupted = len(ended) + len(explained.failed) < len(jobs)
    explained.relaxed = [relaxed_row(row, change, float(factor), base, ended[key])
                         for key, (row, change, factor) in relaxations.items() if key in ended]
    explained.choices = [{"parameter": parameter, "policy": policy} | survivors(base, ended[key])
                         for key, (parameter, policy) in policies.items() if key in ended]
    return explained


def run_trial(trial: Trial, stop: threading.Event | None = None) -> RunResult:
    """Do one run. This is what a worker does."""
    from nicmodel.lab.testbench import run_machine

    measured = run_machine(trial.scenario, stop=stop, plane=trial.plane, change=trial.change)
    return RunResult(trial.scenario, measured, trial.name)


# relaxed runs ------------------------------------------------------------------------------------------
def moving(book: Window) -> list[int]:
    """Functions whose packets moved."""
    return [function for function in range(len(book.functions)) if ways(book, function)]


def load_of(row: Relaxation, book: Window) -> float:
    """The highest utilisation among what a row widens."""
    loads = [load for f in moving(book) for name, load in utilisation(book, f).items() if name in row.resources]
    return max(loads, default=0.0)


def used(row: Relaxation, book: Window) -> bool:
    return load_of(row, book) > 0


def rates(result: RunResult, functions: Sequence[int]) -> list[float]:
    """Packets a second of functions, both directions."""
    counts, window = result.measured.functions, result.measured.window_ps
    return [int(counts[f]["tx_packets"] + counts[f]["rx_packets"]) * 1e12 / window for f in functions]


def relaxed_row(row: Relaxation, change: Change, factor: float, base: RunResult, after: RunResult) -> dict[str, Any]:
    """What a relaxed run brought, and what the book said it would."""
    book = base.measured.books
    assert book is not None
    functions = moving(book)
    before, now = rates(base, functions), rates(after, functions)
    names = {(f, way): limited_by(book, f, way) or NOBODY for f in functions for way in ways(book, f)}
    moved = {each: packets(book, *each) for each in names}
    followed = {each: senders for each, name in names.items() if name == OFFERED and (senders := sent_by(book, names, *each))}
    limited = limited_by_name(row, names, followed)
    gains = {each: predicted(row, change, factor, book, *each, limited) for each in names}
    gains |= {each: mean_gain(gains, {sender: moved[sender] for sender in senders}) for each, senders in followed.items()}
    expected = mean_gain(gains, moved)
    ratio = sum(now) / sum(before)
    nobody = NOBODY in names.values()
    to_grow = [each for each, name in names.items() if is_named(row, name) or (
        name == OFFERED and change.arrivals > 1 and is_peer_saturated(book, *each))]
    next_full = max((load for each in to_grow for load in without(book, *each, row.resources)), default=0.0)
    return {
        "resource": row.name,
        "utilisation": load_of(row, book),
        "named": len({f for (f, _), name in names.items() if is_named(row, name)}),
        "factor": factor,
        "ratio": ratio,
        "elasticity": (ratio - 1) / (factor - 1),
        "predicted": None if nobody else expected,
        "promised": factor * next_full <= NEAR and all(is_certain(book, factor, *each) for each in limited.items()),
        "agrees": None if nobody else abs(ratio - expected) <= ALIKE,
        "vfs": [{"vf": f - 1 if f else None, "elasticity": (b / a - 1) / (factor - 1)}
                for f, a, b in zip(functions, before, now, strict=True)],
    }


def sent_by(book: Window, streams: Collection[Stream], function: int, way: Direction) -> set[Stream]:
    """Whose sending decides what a function receives, if something holds that back and nothing else this."""
    if not follows_senders(book, function, way) or gets_all_offered(book, function, way):
        return set()
    sender = book.workload.senders.get(function)
    return {each for each in streams if each[1] == Direction.TX and sender in (None, each[0])}


def is_certain(book: Window, factor: float, resource: str, streams: set[Stream]) -> bool:
    """Whether it is known how much of a resource some streams take, and that none of them leaves the others more than the book
    says: of one that soon gets all that is offered to it they get the rest. A core's passes are to be short, too."""
    if len({room(book, *each) < factor for each in streams}) > 1:
        return False
    if resource == "vcpu":
        functions = {function for function, _ in streams}
        least = min(part_of_core(book, function, streams) for function in functions)
        return longest_pass(book, functions) <= LONG and (least == 1 or beyond_frames(book, functions) <= NOBODYS * least)
    return is_part_known(book, resource, streams)


def is_peer_saturated(book: Window, function: int, way: Direction) -> bool:
    """Whether all that is offered to a function in a direction is its share of the line."""
    return way == Direction.RX and not book.workload.offered(function, way) and not follows_senders(book, function, way)


def mean_gain(gains: Mapping[Stream, float], moved: Mapping[Stream, int]) -> float:
    """Of functions and directions, by the packets that they moved; 1 if they moved none."""
    return sum(gains[each] * x for each, x in moved.items()) / sum(moved.values()) if any(moved.values()) else 1.0


def is_named(row: Relaxation, name: str) -> bool:
    return bool(named_of(row, name))


def named_of(row: Relaxation, name: str) -> list[str]:
    """Which of the resources that a row widens a bottleneck's name holds."""
    return [part for part in name.split(" or ") if part in row.resources]


def limited_by_name(row: Relaxation, names: Mapping[Stream, str],
                    followed: Mapping[Stream, set[Stream]]) -> dict[str, set[Stream]]:
    """Of each resource that a row widens and that is named: what it limits, and what of the rest receives just that."""
    limited: dict[str, set[Stream]] = {}
    for stream, name in names.items():
        for resource in named_of(row, name):
            limited.setdefault(resource, set()).add(stream)
    for streams in limited.values():
        streams |= {each for each, senders in followed.items() if senders <= streams}
    return limited


def predicted(row: Relaxation, change: Change, factor: float, book: Window, function: int, way: Direction,
              limited: Mapping[str, set[Stream]]) -> float:
    """A function's new rate in a direction over its old one, by the book alone. `limited`: of `limited_by_name`."""
    if factor < 1:  # where more is impossible, less was tried
        return min(1.0, factor / max(load_of(row, book), 1e-9))
    name = limited_by(book, function, way) or ""
    if name == OFFERED and is_peer_saturated(book, function, way):
        return max(1.0, gain(book, function, way, row.resources, float(change.arrivals)))
    if not (named := named_of(row, name)):
        return 1.0
    capacity = capacity_factor(row, book, change, factor, named[0])
    taken = max(part(book, name, function, limited[name]) for name in named)
    theirs_alone = set().union(*(limited[name] for name in named))
    return max(1.0, gain(book, function, way, row.resources, capacity, taken, theirs_alone))


def part(book: Window, resource: str, function: int, streams: set[Stream]) -> float:
    """The part of a resource that what it limits takes: of a core, what goes on there; all of what else is one function's own."""
    if resource == "vcpu":
        return part_of_core(book, function, streams)
    return 1.0 if resource in OWN else part_of(book, resource, streams)


# other choices -----------------------------------------------------------------------------------------
def survivors(base: RunResult, other: RunResult) -> dict[str, Any]:
    """Which conclusions are the same under another choice: names, shares of the traffic, shares of waiting."""
    book, other_book = base.measured.books, other.measured.books
    assert book is not None and other_book is not None
    functions = moving(book)
    before, now = rates(base, functions), rates(other, functions)
    parts = [[x / sum(rate) if sum(rate) else 0.0 for x in rate] for rate in (before, now)]
    waits = [shares(waited(b, functions)) or {} for b in (book, other_book)]
    causes = waits[0].keys() | waits[1].keys()
    return {
        "ratio": sum(now) / sum(before) if sum(before) else 1.0,
        "bottleneck": [bottleneck(book, f) for f in functions] == [bottleneck(other_book, f) for f in functions],
        "shares": all(abs(a - b) <= ALIKE for a, b in zip(*parts, strict=True)),
        "waiting": all(abs(waits[0].get(c, 0.0) - waits[1].get(c, 0.0)) <= ALIKE for c in causes),
    }
