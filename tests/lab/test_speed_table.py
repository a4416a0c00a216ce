"""The README's speed table is made from what `make bench` wrote."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benches import table

ROOT = Path(__file__).parents[2]
REPORT = {
    "machine_info": {"machine": "x86_64", "cpu": {"brand_raw": "Some CPU", "family": 26, "model": 2}},
    "benchmarks": [
        {"name": "test_everything_on", "extra_info": {"packets_per_cpu_second": 3_456_789.0}},
        {"name": "test_direction[tx]", "extra_info": {"packets_per_cpu_second": 6e6, "times_the_reference_plane": 1000.4}},
        {"name": "test_many_vfs_over_one", "extra_info": {"percent_of_the_cost_with_1_VF": 117.6}},
        {"name": "test_of_something_else", "extra_info": {"packets_per_cpu_second": 1.0}},
    ],
}


def test_rows_stand_in_the_table_s_order_with_three_digits():
    lines = table.table(REPORT).splitlines()
    assert lines[2:4] == ["| Tx, 64 B, 63 VFs of `x520`: a 10 GbE port at line rate | 6 |",
                          "| both ways, 64 B: shapers, IOTLB missing, read jitter | 3.46 |"]
    assert lines[-1] == ("In the same run: 1,000 times the reference plane; a packet with 256 VFs costs 118 % of one with 1 VF "
                         "(both machines run alternately). Processor: Some CPU, family 26, model 2.")


@pytest.mark.parametrize("cpu, told", [({}, "x86_64"), ({"brand_raw": "Some CPU"}, "Some CPU")])
def test_a_processor_that_says_little_is_named_by_what_it_says(cpu, told):
    assert table.processor({"machine": "x86_64", "cpu": cpu}) == told


def test_the_table_takes_the_place_of_the_one_before_and_nothing_else_moves():
    page = f"before\n{table.BEGIN}\nold \\1\n{table.END}\nafter\n"
    assert table.into(page, "new \\2") == f"before\n{table.BEGIN}\nnew \\2\n{table.END}\nafter\n"
    with pytest.raises(ValueError, match="has no lines"):
        table.into("a page without", "new")


def test_every_row_is_a_bench_and_the_readme_has_its_place():
    """Those of `benches/test_planes.py`, as pytest names them."""
    told = subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q", "benches/test_planes.py"], cwd=ROOT,
                          capture_output=True, text=True, check=True).stdout
    names = {line.split("::")[-1] for line in told.splitlines() if "::" in line}
    assert set(table.ROWS) <= names
    assert table.into(table.README.read_text(), "x") != table.README.read_text()


def test_the_command_prints_the_table(tmp_path):
    (tmp_path / "bench.json").write_text(json.dumps(REPORT))
    told = subprocess.run([sys.executable, "-m", "benches.table", str(tmp_path / "bench.json")], cwd=ROOT, capture_output=True,
                          text=True, check=True).stdout
    assert told == table.table(REPORT) + "\n"
