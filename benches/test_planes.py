"""How fast the data planes run: packets per CPU second of the run loop, bring-up apart. `make bench`.

A packet is a frame delivered in either direction. Unless its name says otherwise a bench has the goal's conditions
(`bare.py`). Comparisons are within one run, so that a slow or busy computer changes both sides; their floors are
below what a quiet one shows.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from bare import EVERYTHING, US, bare, delivered, go, transferred
from simpy_pipeline import Pipeline
from timing import Run, best, calibration_seconds, clocked

from nicmodel.datasheet.profiles import PROFILES
from nicmodel.lab.machine import Machine
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.testbench import delivered as counted

SETTLE = 300 * US                         # from the start of traffic to full queues
FAST, REFERENCE = 40_000 * US, 120 * US   # simulated: long enough to be timed
# Floors of the comparisons, and two ceilings.
OVER_REFERENCE, OVER_SIMPY, PER_CALIBRATION = 300, 60, 80_000
WITH_BOOKS, EVERYTHING_WITH_BOOKS = 65, 58     # per cent of the speed without
MANY_OVER_ONE = 1.7
LONG_OVER_SHORT = 1.0                     # of a TLP
SLICES, SLICE = 40, 1_500 * US             # of two machines that run in turns


def grouped(group: str) -> pytest.MarkDecorator:
    return pytest.mark.benchmark(group=group, timer=time.process_time)


def saturated(plane: str = "fast", duration: int = 0, settle: int = SETTLE, **conditions: Any) -> Run:
    """A bare machine with full queues, to be run for `duration`."""
    machine = bare(plane, **conditions)
    go(machine, settle)
    end = settle + (duration or (FAST if plane == "fast" else REFERENCE))
    return Run(lambda: go(machine, end), lambda: delivered(machine))


def driven(plane: str = "fast", duration: int = 5_000 * US, **keys: Any) -> Run:
    """A machine whose drivers came up by the rules, with the scenario's own interrupts."""
    machine = Machine(Scenario(**{"profile": "x520", "num_vfs": 63, "frame_size": 64, **keys}), plane)
    machine.bring_up()
    machine.start_traffic()
    machine.device.run_until(int(machine.clock.now) + SETTLE)
    end = int(machine.clock.now) + duration
    return Run(lambda: machine.device.run_until(end), lambda: counted(machine.device.plane.results()))


def in_simpy(vfs: int = 8, frame: int = 64) -> Run:
    pipeline = Pipeline(PROFILES["x520"], vfs, frame)
    pipeline.run(40 * US)
    return Run(lambda: pipeline.run(300 * US), lambda: pipeline.sent)


@pytest.mark.parametrize("direction", ("tx", "rx", "both"))
@grouped("direction")
def test_direction(direction, packets_per_second):
    packets_per_second(lambda: saturated(direction=direction))


@pytest.mark.parametrize("direction", ("tx", "rx", "both"))
@grouped("driven")
def test_driven_by_miniports(direction, packets_per_second):
    packets_per_second(lambda: driven(direction=direction))


@pytest.mark.parametrize("direction", ("tx", "rx", "both"))
@grouped("plane")
def test_reference_plane(direction, packets_per_second):
    packets_per_second(lambda: saturated("reference", direction=direction, vfs=8, settle=60 * US), rounds=2)


@pytest.mark.parametrize("vfs", (1, 8, 64, 256))
@grouped("VFs")
def test_vfs_on_vf100g(vfs, packets_per_second):
    packets_per_second(lambda: saturated(profile="vf100g", vfs=vfs, duration=2_000 * US))


@pytest.mark.parametrize("frame", (64, 512, 1518))
@grouped("frame")
def test_frame(frame, packets_per_second):
    packets_per_second(lambda: saturated(frame=frame, direction="both"))


@pytest.mark.parametrize("payload", ("lengths", "headers", "full"))
@grouped("payload")
def test_payload(payload, packets_per_second):
    packets_per_second(lambda: saturated(payload=payload, direction="both"))


@pytest.mark.parametrize("rows", (False, True), ids=("not recorded", "recorded"))
@grouped("rows")
def test_rows(rows, packets_per_second):
    packets_per_second(lambda: saturated(rows=rows, duration=10_000 * US))


@grouped("everything")
def test_everything_on(packets_per_second):
    packets_per_second(lambda: saturated(duration=FAST // 4, **EVERYTHING))


@grouped("compared")
def test_fast_over_reference(packets_per_second, benchmark):
    rate = packets_per_second(lambda: saturated(vfs=8))
    packets, spent = best(lambda: saturated("reference", vfs=8, settle=60 * US), rounds=2)
    ratio = benchmark.extra_info["times_the_reference_plane"] = rate / (packets / spent)
    assert ratio > OVER_REFERENCE


@grouped("compared")
def test_fast_over_a_simpy_pipeline(packets_per_second, benchmark):
    rate = packets_per_second(lambda: saturated(vfs=8))
    packets, spent = best(in_simpy, rounds=2)
    assert packets > 0
    ratio = benchmark.extra_info["times_a_SimPy_pipeline"] = rate / (packets / spent)
    assert ratio > OVER_SIMPY


def in_turns(machines: list[Any], piece: int, done: Callable[[Any], int] = delivered) -> list[list[float]]:
    """CPU seconds a packet, or of whatever else is done, of each machine's slices, one of each after the other: what disturbs one
    disturbs its neighbours."""
    costs: list[list[float]] = [[] for _ in machines]
    for each in range(SLICES):
        for machine, cost in zip(machines, costs, strict=True):
            end = SETTLE + each * piece
            number, spent = clocked(Run(partial(go, machine, end), partial(done, machine)))
            cost.append(spent / number)
    return [cost[1:] for cost in costs]


@grouped("compared")
def test_many_vfs_over_one(packets_per_second, benchmark):
    """What a packet costs with 256 VFs, in per cent of what it costs with one."""
    packets_per_second(lambda: saturated(profile="vf100g", vfs=256, duration=2_000 * US))
    machines = [bare(profile="vf100g", vfs=vfs) for vfs in (1, 256)]
    one, many = in_turns(machines, SLICE // 10)
    ratio = statistics.median(b / a for a, b in zip(one, many, strict=True))
    benchmark.extra_info["percent_of_the_cost_with_1_VF"] = 100 * ratio
    assert ratio < MANY_OVER_ONE


@pytest.mark.parametrize("direction", ("tx", "rx", "both"))
@grouped("compared")
def test_tlps_of_long_frames_over_short(direction, packets_per_second, benchmark):
    """What a TLP costs with frames of 1518 bytes, in per cent of what it costs with 64."""
    packets_per_second(lambda: saturated(frame=1518, direction=direction, duration=10_000 * US))
    short, long = in_turns([bare(frame=frame, direction=direction) for frame in (64, 1518)], SLICE, transferred)
    ratio = statistics.median(b / a for a, b in zip(short, long, strict=True))
    benchmark.extra_info["percent_of_the_cost_of_a_TLP_with_64_B"] = 100 * ratio
    assert ratio < LONG_OVER_SHORT


@pytest.mark.parametrize("conditions, floor", (({"direction": "tx"}, WITH_BOOKS), ({"direction": "rx"}, WITH_BOOKS),
                                               ({"direction": "both"}, WITH_BOOKS), (EVERYTHING, EVERYTHING_WITH_BOOKS)),
                         ids=("tx", "rx", "both", "everything"))
@grouped("compared")
def test_with_books_over_without(conditions, floor, packets_per_second, benchmark):
    """Two machines in turns, a slice each: what disturbs one slice disturbs no other, and the median is of pairs."""
    packets_per_second(lambda: saturated(books=True, duration=10_000 * US, **conditions))
    without, books = in_turns([bare(books=on, **conditions) for on in (False, True)], SLICE)
    percent = 100 * statistics.median(a / b for a, b in zip(without, books, strict=True))
    benchmark.extra_info["percent_of_the_speed_without_books"] = percent
    assert percent > floor


@grouped("compared")
def test_fast_over_the_calibration_kernel(packets_per_second, benchmark):
    rate = packets_per_second(saturated)
    kernel = calibration_seconds()
    worth = benchmark.extra_info["packets_in_a_calibration_kernel"] = rate * kernel
    assert worth > PER_CALIBRATION
