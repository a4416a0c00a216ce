"""How fast the data planes run: packets per CPU second of the run loop, bring-up apart. `make bench`.

Every bench runs a whole machine (drivers, agents, adapter) on x520 with 64-byte frames unless its name says
otherwise. A packet is a frame delivered in either direction. Comparisons are within one run, so that a slow or busy
computer changes both sides; their floors are far below what a quiet one shows.
"""

from __future__ import annotations

import time

import pytest
from simpy_pipeline import Pipeline
from timing import Run, best, calibration_seconds

from nicmodel.datasheet.profiles import PROFILES
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.testbench import Machine, delivered

US = 1_000_000
FAST, REFERENCE = 10_000 * US, 100 * US     # simulated: long enough to be timed, the same state of saturation
SETTLE = 40 * US                          # from the start of traffic to full queues
LENGTH = {"fast": FAST, "reference": REFERENCE}
# Floors of the comparisons.
OVER_REFERENCE, OVER_SIMPY, PER_CALIBRATION = 50, 20, 5_000


def grouped(group: str) -> pytest.MarkDecorator:
    return pytest.mark.benchmark(group=group, timer=time.process_time)


def loaded(plane: str = "fast", duration: int = 0, **keys: object) -> Run:
    """A machine under traffic; the result runs it for `duration` and returns the frames delivered in it."""
    machine = Machine(Scenario(**{"profile": "x520", "num_vfs": 8, "frame_size": 64, **keys}), plane)
    machine.bring_up()
    machine.start_traffic()
    machine.device.run_until(int(machine.clock.now) + SETTLE)
    end = int(machine.clock.now) + (duration or LENGTH[plane])
    before = delivered(machine.device.plane.results())

    def run() -> int:
        machine.device.run_until(end)
        return delivered(machine.device.plane.results()) - before

    return run


def in_simpy(vfs: int = 8, frame: int = 64) -> Run:
    pipeline = Pipeline(PROFILES["x520"], vfs, frame)
    pipeline.run(SETTLE)
    return lambda: pipeline.run(300 * US)


@pytest.mark.parametrize("plane", ("fast", "reference"))
@grouped("plane")
def test_plane(plane, packets_per_second):
    packets_per_second(lambda: loaded(plane))


@pytest.mark.parametrize("direction", ("tx", "rx", "both"))
@grouped("direction")
def test_direction_with_63_vfs(direction, packets_per_second):
    packets_per_second(lambda: loaded(num_vfs=63, direction=direction))


@pytest.mark.parametrize("direction", ("tx", "rx", "both"))
@grouped("direction")
def test_direction_on_the_reference_plane(direction, packets_per_second):
    packets_per_second(lambda: loaded("reference", direction=direction), rounds=2)


@pytest.mark.parametrize("vfs", (1, 8, 63))
@grouped("VFs")
def test_vfs(vfs, packets_per_second):
    packets_per_second(lambda: loaded(num_vfs=vfs))


@pytest.mark.parametrize("payload", ("lengths", "headers", "full"))
@grouped("payload")
def test_payload_both_ways_1518_bytes(payload, packets_per_second):
    packets_per_second(lambda: loaded(payload=payload, frame_size=1518, direction="both"))


@pytest.mark.parametrize("rows", (False, True), ids=("not recorded", "recorded"))
@grouped("rows")
def test_rows(rows, packets_per_second):
    packets_per_second(lambda: loaded(record={"rows": rows}))


@grouped("compared")
def test_fast_over_reference(packets_per_second, benchmark):
    rate = packets_per_second(loaded)
    packets, seconds = best(lambda: loaded("reference"), rounds=2)
    ratio = benchmark.extra_info["times_the_reference_plane"] = rate / (packets / seconds)
    assert ratio > OVER_REFERENCE


@grouped("compared")
def test_fast_over_a_simpy_pipeline(packets_per_second, benchmark):
    rate = packets_per_second(loaded)
    packets, seconds = best(in_simpy, rounds=2)
    assert packets > 0
    ratio = benchmark.extra_info["times_a_SimPy_pipeline"] = rate / (packets / seconds)
    assert ratio > OVER_SIMPY


@grouped("compared")
def test_fast_over_the_calibration_kernel(packets_per_second, benchmark):
    rate = packets_per_second(loaded)
    kernel = calibration_seconds()
    worth = benchmark.extra_info["packets_in_a_calibration_kernel"] = rate * kernel
    assert worth > PER_CALIBRATION
