"""A testbench that needs no device: `run_machine` and `replay_frames` with made-up, deterministic counts."""

from __future__ import annotations

import os
import signal
import sys
import time
import types
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nicmodel.datasheet.counters import FUNCTION_COUNTERS, LATENCY_BINS, latency_bin
from nicmodel.sim.results import ROW_DTYPE

DTYPE = np.dtype([(c.name, np.int64) for c in FUNCTION_COUNTERS])


@dataclass
class Measured:
    scenario: Any
    num_vfs: int
    functions: np.ndarray
    latency: np.ndarray
    links: list
    states: list
    window_ps: int
    simulated_ps: int
    wall_seconds: float = 0.5
    packets: int = 0
    plane: str = "fast"
    interrupted: bool = False
    rows: np.ndarray | None = None
    rules: list = field(default_factory=list)
    books: Any = None
    steady: bool | None = None
    life: Any = None
    failures: dict = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    queues: Any = None


def run_machine(scenario, progress=None, stop=None, plane="fast", change=None, rows=None):
    """VF v sends 1000 + seed frames; VF v of `driver.mutants` is closed; drops on VF 0 if it receives."""
    functions = np.zeros(1 + scenario.num_vfs, DTYPE)
    latency = np.zeros((1 + scenario.num_vfs, 2, LATENCY_BINS), np.int64)
    states = [{"state": "running", "rule": None} for _ in functions]
    for v in range(scenario.num_vfs):
        if str(v) in scenario.driver.mutants:
            states[1 + v] = {"state": "closed", "rule": "VF-INIT-12"}
            continue
        direction = "rx" if scenario.receives else "tx"
        packets = 1000 + scenario.seed
        functions[1 + v][f"{direction}_packets"] = packets
        functions[1 + v][f"{direction}_bytes"] = packets * scenario.frame_size
        functions[1 + v]["drop_no_descriptor"] = 7 if direction == "rx" and v == 0 else 0
        latency[1 + v, int(direction == "rx"), latency_bin(1_000_000)] = packets - 10
        latency[1 + v, int(direction == "rx"), latency_bin(9_000_000)] = 10
    if progress:
        progress(1.0, {"packets": 1})
    recorded = np.zeros(3, ROW_DTYPE)
    recorded["serial"] = range(3)
    if scenario.record.rows and rows is not None:
        rows.add(recorded, np.zeros((0, 0)))
    links = [
        {"name": n, "direction": d, "bytes": 10, "busy_ps": 25, "window_ps": 100}
        for n, d in (("pcie", "up"), ("pcie", "down"), ("wire", "tx"), ("wire", "rx"))
    ]
    return Measured(
        scenario,
        scenario.num_vfs,
        functions,
        latency,
        links,
        states,
        scenario.duration,
        scenario.warmup + scenario.duration,
        packets=int(functions["tx_packets"].sum()),
        plane=plane,
        interrupted=bool(stop and stop.is_set()),
        rows=recorded if scenario.record.rows and rows is None else None,
    )


@dataclass
class ReplayResult:
    wire_frames: list
    received: list
    interrupted: bool = False
    wall_seconds: float = 0.1


def replay_frames(frames, assignment, scenario, *, plane="fast", progress=None, stop=None):
    """A wire that loses nothing and pads what is short."""
    wire = [(1000 * k, frame.ljust(60, b"\0")) for k, frame in enumerate(frames)]
    return ReplayResult(wire, [(vf, frame, time) for vf, (time, frame) in zip(assignment, wire, strict=True)])


def testbench(**changes):
    """A module that stands in for `nicmodel.lab.testbench`."""
    module = types.ModuleType("nicmodel.lab.testbench")
    module.run_machine, module.replay_frames = run_machine, replay_frames
    for name, value in changes.items():
        setattr(module, name, value)
    return module


def install(monkeypatch, **changes):
    """Put the fake testbench where the lab will look for it."""
    import nicmodel.lab

    module = testbench(**changes)
    monkeypatch.setitem(sys.modules, "nicmodel.lab.testbench", module)
    monkeypatch.setattr(nicmodel.lab, "testbench", module, raising=False)
    return module


# what a sweep's workers are given; functions of a module, because they are pickled -----------------------


def work(point):
    """One point on the fake testbench."""
    from nicmodel.lab.results import RunResult

    return RunResult(point.scenario, run_machine(point.scenario), "fake").to_dict()


def work_slowly(point):
    """One point a second."""
    time.sleep(1)
    return work(point)


def work_or_die(point):
    """The point with two VFs kills its worker; the one with three fails."""
    if point.scenario.num_vfs == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if point.scenario.num_vfs == 3:
        raise ValueError("three is too many")
    return work(point)


def work_unsteadily(point):
    """The point with seed 2 has a window that is not of one piece."""
    from nicmodel.lab.results import RunResult

    measured = run_machine(point.scenario)
    measured.steady = point.scenario.seed != 2
    return RunResult(point.scenario, measured, "fake").to_dict()
