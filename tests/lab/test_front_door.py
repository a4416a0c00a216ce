"""What `help` says of the public functions and of what they give back, and that it says it all."""

from __future__ import annotations

import inspect
import pydoc
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import nicmodel as nm
from nicmodel.lab import sweep as sweeps
from nicmodel.lab.explain import explain
from nicmodel.lab.loading import build
from nicmodel.lab.replay import machine, replay
from nicmodel.lab.validation.run import validate
from nicmodel.sim.errors import ScenarioError


def test_help_shows_every_public_name():
    """In a new process, in which none of them has been used yet."""
    code = "import nicmodel, pydoc; print(pydoc.plain(pydoc.render_doc(nicmodel)))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    functions = shown[shown.index("\nFUNCTIONS"):]
    for name in ("run", "scenario", "sweep"):
        assert f"    {name}(" in functions and f"    {name}(" in shown[:shown.index("PACKAGE CONTENTS")]
    assert all(f"    class {name}(" in shown for name in ("RunResult", "Scenario", "Swept", "ScenarioError", "DriverStumble"))


def test_every_public_name_is_there_and_explained():
    for name in set(nm.__all__) - {"__version__"}:
        assert name in dir(nm) and inspect.getdoc(getattr(nm, name))


@pytest.mark.parametrize("function", [nm.run, nm.sweep], ids=["run", "sweep"])
def test_every_argument_is_explained_and_what_is_raised(function):
    said = inspect.getdoc(function)
    explained = {line.split()[0] for line in said.splitlines() if line.strip()}
    assert set(inspect.signature(function).parameters) <= explained and "Raises ScenarioError" in said


@pytest.mark.parametrize("kind", [nm.RunResult, nm.Swept], ids=["RunResult", "Swept"])
def test_every_attribute_is_explained(kind):
    said = inspect.getdoc(kind)
    own = {name for name in (*vars(kind), *kind.__annotations__) if not name.startswith("_")} - {"measured", "name"}
    assert not [name for name in own if name not in said.replace(",", " ").replace("(", " ").split()]


def test_every_column_is_explained(testbench, tmp_path):
    result = nm.run("vf_scaling", num_vfs=2)
    said = inspect.getdoc(nm.RunResult.vfs)
    columns = {"drop_REASON" if column.startswith("drop_") else column for column in result.vfs}
    assert not [column for column in columns if column not in said.replace(",", " ").replace(";", " ").split()]
    point = sweeps.grid("vf_scaling", {"num_vfs": [2]})[0]
    of_sweep = sweeps.table([point], {point.key: result.to_dict()})
    assert {*of_sweep} - {*result.vfs} - {*sweeps.flat_config(point.scenario.config())} \
        == {column for column in of_sweep if column in ("point", "plane") or column.startswith("point_")}
    assert pydoc.getdoc(nm.Swept.frame).count("point_") >= 5


@pytest.mark.parametrize("work", [
    lambda **asked: nm.run("vf_scaling", **asked),
    lambda **asked: nm.sweep("vf_scaling", {"num_vfs": [1]}, "nowhere", **asked),
    lambda **asked: explain(build({}), "x", **asked),
    lambda **asked: validate(**asked),
    lambda **asked: replay("none.pcap", machine({}), **asked),
], ids=["run", "sweep", "explain", "validate", "replay"])
@pytest.mark.parametrize(("asked", "says"), [
    ({"progress": 3}, "progress: 3 is not allowed: it must be a function, or None"),
    ({"stop": True}, "stop: True is not allowed: it must be a threading.Event, or None"),
])
def test_what_cannot_be_told_or_asked_is_refused_before_any_work(work, asked, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ScenarioError, match=says):
        work(**asked)
    assert not list(tmp_path.iterdir())


def test_a_latency_that_nothing_was_measured_of_is_nan_in_a_column_of_numbers(tmp_path):
    result = nm.run("one_vf", warmup="0us", duration="20us")
    point = sweeps.grid("one_vf", {"warmup": ["0us"], "duration": ["20us"]})[0]
    sweeps.write_parquet(sweeps.table([point], {point.key: result.to_dict()}), tmp_path / "x.parquet")
    for frame in (result.vfs, pd.read_parquet(tmp_path / "x.parquet")):
        kinds = {column: frame[column].dtype for column in frame if column.endswith("_ns")}
        assert len(kinds) == 6 and set(kinds.values()) == {np.dtype(float)} and frame["rx_p99_ns"].isna().all()


def test_every_column_of_rows_is_of_a_kind_that_is_explained():
    from nicmodel.datasheet.stages import STAGES
    from nicmodel.sim.results import ROW_DTYPE

    said = inspect.getdoc(nm.RunResult.rows).replace(",", " ").split()
    assert [name for name in ROW_DTYPE.names if name not in STAGES and name not in said] == []
