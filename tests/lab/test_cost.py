"""What the commands and a bring-up may cost: imports, CPU time, work an access, memory.

Measured where a busy machine changes little: modules imported, Python functions called, peak memory of a child, and CPU
time (not wall time) of a child, the best of some.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nicmodel.sim.results import ROW_DTYPE

HEAVY = ("pandas", "pyarrow", "matplotlib")            # imported where they are used
WITH_RUN = ("numpy", "simpy", "pydantic")              # needed by a run, not by --help
BEST_OF = 3
MILLION_CALLS = 0.035                                  # seconds
STATUS = Path("/proc/self/status")                     # Linux: VmHWM, since ru_maxrss begins at the peak of the parent
MB = 1 << 20

COMMAND = """
import json, sys, time
from nicmodel.lab.cli import main
status = main({arguments!r})
print(json.dumps([status, time.process_time(), sorted(set(sys.modules) & set({modules!r}))]), file=sys.stderr)
"""
GROWTH = """
import json, sys
from pathlib import Path
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.machine import Machine
machine = Machine(Scenario(profile="vf100g", num_vfs=256, direction="both", payload="lengths", record={"rows": False}))
machine.bring_up()
machine.start_traffic()
start, peaks = int(machine.clock.now), []
for milliseconds in (1, 10):
    machine.device.run_until(start + milliseconds * 1_000_000_000)
    peaks += [int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
print(json.dumps(peaks), file=sys.stderr)
"""
BRING_UP = """
import json, sys, time
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.machine import Machine

def called(n):
    return n

def timed(work):
    began = time.process_time()
    work()
    return time.process_time() - began

def calls():
    for n in range(CALLS):
        called(n)

CALLS = 1_000_000
print(json.dumps([[timed(Machine(Scenario(profile="x520", num_vfs=63)).bring_up), timed(calls)] for _ in range(5)]),
      file=sys.stderr)
"""
WORK = """
import json, sys
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.machine import Machine

machine = Machine(Scenario(profile=sys.argv[1], num_vfs=int(sys.argv[2])))
accessing = machine.device.nic.read.__code__, machine.device.nic.write.__code__
counts = [0, 0]

def count(frame, event, argument):
    if event == "call":
        counts[0] += 1
        counts[1] += frame.f_code in accessing

sys.setprofile(count)
machine.bring_up()
sys.setprofile(None)
print(json.dumps(counts), file=sys.stderr)
"""
STREAM = """
import json, sys
from pathlib import Path
import nicmodel as nm
peaks = []
for duration in ("10ms", "50ms"):
    nm.run("speed_tx64", duration=duration, rows_file=sys.argv[1], record={"rows": True, "row_group": 1 << 14})
    peaks += [int(line.split()[1]) * 1024 for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
import pyarrow.parquet as pq
print(json.dumps([pq.ParquetFile(sys.argv[1]).metadata.num_rows, *peaks]), file=sys.stderr)
"""


def last_line_of_child(program: str, *arguments: str) -> Any:
    """What a Python program of its own says in JSON, in the last line of its standard error."""
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stderr.splitlines()[-1])


def command(*arguments: str) -> tuple[int, float, list[str]]:
    """Status, CPU seconds with all imports, and which of the modules that cost much were imported."""
    status, seconds, modules = last_line_of_child(COMMAND.format(arguments=list(arguments), modules=HEAVY + WITH_RUN))
    return status, seconds, modules


def cpu_seconds(*arguments: str) -> float:
    return min(command(*arguments)[1] for _ in range(BEST_OF))


def test_help_imports_nothing_that_costs_much():
    status, _, modules = command("--help")
    assert (status, modules) == (0, [])


@pytest.mark.parametrize("arguments", (("run", "one_vf"), ("run", "one_vf", "--json"), ("rules",), ("lspci",), ("list",)))
def test_commands_without_tables_or_pictures_import_none_of_their_libraries(arguments):
    status, _, modules = command(*arguments)
    assert status == 0 and not set(modules) & set(HEAVY)


def test_help_takes_half_a_second_of_cpu_at_most():
    assert cpu_seconds("--help") <= 0.5


def test_the_main_job_takes_three_seconds_of_cpu_at_most():
    assert cpu_seconds("run", "vf_scaling") <= 3


@cache
def bring_up_work(profile: str, num_vfs: int) -> tuple[int, int]:
    """Python functions called during the first bring-up of a process, and accesses of registers."""
    calls, accesses = last_line_of_child(WORK, profile, str(num_vfs))
    return calls, accesses


def test_bring_up_of_63_vfs_takes_half_a_second_of_cpu_at_most():
    """Of a computer that is not busy, where a million calls take MILLION_CALLS; it takes 0.3 s there."""
    bring_up, calls = (min(seconds) for seconds in zip(*last_line_of_child(BRING_UP), strict=True))
    assert bring_up <= 0.5 * max(1, calls / MILLION_CALLS)


def test_bring_up_of_a_vf_calls_few_python_functions_and_accesses_few_registers():
    calls, accesses = bring_up_work("x520", 63)
    assert calls <= 8_560 * 63 and accesses <= 200 * 63


def test_a_vf_comes_up_among_256_with_little_more_work_than_among_63():
    assert bring_up_work("vf100g", 256)[0] / 256 <= 1.25 * bring_up_work("x520", 63)[0] / 63


def test_an_access_costs_no_more_with_more_vfs():
    (calls, accesses), (few_calls, few_accesses) = bring_up_work("vf100g", 256), bring_up_work("x520", 16)
    assert calls / accesses <= few_calls / few_accesses


@pytest.mark.skipif(not STATUS.exists(), reason="peak memory is read from Linux's /proc")
def test_memory_of_256_vfs_is_small_and_does_not_grow_with_simulated_time():
    early, late = last_line_of_child(GROWTH)
    assert late < 400 * MB
    assert late - early < 20 * MB


@pytest.mark.skipif(not STATUS.exists(), reason="peak memory is read from Linux's /proc")
def test_memory_does_not_grow_with_the_rows_that_go_to_a_file(tmp_path):
    rows, early, late = last_line_of_child(STREAM, str(tmp_path / "rows.parquet"))
    assert rows * ROW_DTYPE.itemsize > 100 * MB
    assert late < 400 * MB
    assert late - early < 40 * MB
