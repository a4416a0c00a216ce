"""A plane that cannot go on says so once, with where and when; memory that has run out is an error, never a crash."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest
from faults import BUSY, check_stopped
from harness import Run

from nicmodel import _fastpath
from nicmodel.sim.errors import ModelBug

ROOT = Path(__file__).resolve().parent.parent.parent
STARVED = """
import resource, sys
from faults import BUSY, check_stopped
from harness import MS, US, Run
from dataclasses import replace
from nicmodel._fastpath import FastPath
from nicmodel.sim.errors import ModelBug
plane = Run(FastPath, replace(BUSY, actions=(), config=())).plane
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[1]) << 20),) * 2)
try:
    for step in range(1, 1000):
        plane.run_until(step * 100 * US)
except ModelBug as error:
    assert error.kind == "memory" and error.value > 0 and error.time_ps == plane.now, error
    assert "memory has run out" in str(error), error
    try:
        plane.run_until(plane.now + MS)
    except ModelBug as again:
        print(len(str(error)) > 0 and "stopped for good" in str(again))
"""


def test_a_fault_keeps_its_context_through_args_and_pickling():
    fault = ModelBug("told", "invariant", "TX_SCHEDULER", 17, "VF 3", -60, 1200)
    for copy in (type(fault)(*fault.args), pickle.loads(pickle.dumps(fault))):
        assert str(copy) == "told" and vars(copy) == vars(fault)
    assert vars(ModelBug("told")) == {"message": "told"} | dict.fromkeys(
        ("kind", "stage", "packet", "function", "value", "time_ps"))


@pytest.mark.skipif(sys.platform != "linux", reason="limits of address space are Linux' here")
@pytest.mark.parametrize("megabytes", [3, 20])
def test_a_starved_process_gets_an_error(megabytes):
    done = subprocess.run([sys.executable, "-c", STARVED, str(megabytes)], cwd=ROOT / "tests" / "planes", capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0 and done.stdout.strip() == "True", done


def test_only_a_checked_build_is_broken_on_purpose():
    with pytest.raises(ModelBug, match="only a checked build refuses"):
        _fastpath.refuse_allocations(1)
    plane = Run(_fastpath.FastPath, BUSY).plane
    with pytest.raises(ModelBug, match="only a checked build is damaged"):
        plane.damage(_fastpath.INVARIANTS[0])
    with pytest.raises(AssertionError, match="went on"):
        check_stopped(plane)
