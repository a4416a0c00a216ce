"""Sweeps: every point once, resumed after a kill, a dead worker's point alone lost, files whole."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import lab_fakes
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest

import nicmodel as nm
from nicmodel import _fastpath
from nicmodel.lab import code, files
from nicmodel.lab import sweep as module
from nicmodel.lab.sweep import Point, grid, sweep
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.units import quoted

AXES = {"num_vfs": [1, 2, 4], "frame_size": ["64B", "512B"]}


def test_a_picture_has_the_name_that_a_file_gives_itself(tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr("nicmodel.lab.plots.plot_sweep", lambda _frame, _keys, path, title: titles.append(title) or path)
    (tmp_path / "mine.toml").write_text('id = "two-sizes"\n')
    sweep(tmp_path / "mine.toml", {"num_vfs": [1, 2]}, tmp_path / "out", work=lab_fakes.work)
    assert titles == ["two-sizes: sweep over num_vfs"]


def test_a_grid_is_one_tidy_table_with_units_and_a_picture(tmp_path):
    told = []
    swept = sweep(
        "vf_scaling",
        AXES,
        tmp_path,
        workers=2,
        work=lab_fakes.work,
        progress=lambda done, total: told.append((done, total)),
    )
    assert (swept.ran, swept.reused, swept.failed, swept.interrupted) == (6, 0, {}, False)
    assert told[0] == (0, 6) and told[-1] == (6, 6)
    frame = pd.read_parquet(tmp_path / "sweep.parquet")
    assert len(frame) == (1 + 2 + 4) * 2 and frame["point"].nunique() == 6
    assert set(frame["frame_size"]) == {64, 512} and {"pcie.mps", "seed", "tx_gbps", "point_jain"} <= set(
        frame
    )
    schema = pyarrow.parquet.read_schema(tmp_path / "sweep.parquet")
    assert schema.field("tx_gbps").metadata[b"unit"] == b"Gbit/s"
    assert schema.field("pcie.mps").metadata[b"unit"] == b"B"
    for key, unit in (("driver.tx_cost", b"ps"), ("host.page_size", b"B"), ("nic.vf_rate", b"bit/s"), ("life.pnp", b"ps")):
        assert schema.field(key).metadata == {b"unit": unit}
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["points", "sweep.parquet", "sweep.png"]
    assert len(list((tmp_path / "points").iterdir())) == 6


def test_a_repeated_sweep_runs_nothing_and_a_wider_one_only_the_new_points(tmp_path):
    sweep("vf_scaling", {"num_vfs": [1]}, tmp_path, work=lab_fakes.work)
    assert sweep("vf_scaling", {"num_vfs": [1]}, tmp_path, work=lab_fakes.work).ran == 0
    wider = sweep("vf_scaling", {"num_vfs": [1, 2]}, tmp_path, work=lab_fakes.work)
    assert (wider.ran, wider.reused) == (1, 1)
    other_seed = sweep("vf_scaling", {"num_vfs": [1]}, tmp_path, fixed={"seed": 2}, work=lab_fakes.work)
    assert other_seed.ran == 1


def test_a_half_written_point_is_run_again(tmp_path):
    points = grid("vf_scaling", {"num_vfs": [1]})
    (tmp_path / "points").mkdir()
    (tmp_path / "points" / f"{points[0].key}.json").write_text('{"schema": 1, "simul')
    assert sweep("vf_scaling", {"num_vfs": [1]}, tmp_path, work=lab_fakes.work).ran == 1


def test_a_dead_worker_loses_only_its_point(tmp_path):
    swept = sweep("vf_scaling", {"num_vfs": [1, 2, 3, 4]}, tmp_path, workers=1, work=lab_fakes.work_or_die)
    assert swept.ran == 2 and len(swept.failed) == 2
    assert sorted(swept.failed.values()) == [
        "ValueError: three is too many",
        "its worker died (exit code -9)",
    ]
    assert set(swept.frame["num_vfs"]) == {1, 4}
    again = sweep("vf_scaling", {"num_vfs": [1, 2, 3, 4]}, tmp_path, work=lab_fakes.work)
    assert (again.ran, again.reused) == (2, 2)


def test_a_stopped_sweep_keeps_what_is_finished(tmp_path):
    stop = threading.Event()

    def progress(done, _total):
        if done == 1:
            stop.set()

    swept = sweep(
        "vf_scaling", {"num_vfs": [1, 2, 4]}, tmp_path, work=lab_fakes.work, progress=progress, stop=stop
    )
    assert swept.interrupted and swept.ran == 1 and len(swept.frame) == 1
    assert sweep("vf_scaling", {"num_vfs": [1, 2, 4]}, tmp_path, work=lab_fakes.work).reused == 1


def test_a_point_is_known_by_all_that_decides_its_figures():
    (point,) = grid("vf_scaling", {"num_vfs": [1]})
    (same,) = grid("vf_scaling", {}, {"num_vfs": 1})
    assert point.key == same.key
    for key, value in (("seed", 2), ("host.read_latency", "401ns"), ("load", "50%")):
        (other,) = grid("vf_scaling", {"num_vfs": [1]}, {key: value})
        assert other.key != point.key
    assert Point(point.scenario, "reference", point.code).key != point.key


def test_a_changed_model_runs_its_points_again(monkeypatch, tmp_path):
    model, out = tmp_path / "model", tmp_path / "out"
    (model / "_fast").mkdir(parents=True)
    monkeypatch.setattr(code, "PACKAGES", (model,))
    for name in ("nic.py", "_plane.pyx", "_fast/tx.pxi", "_fast/types.pxd"):
        for written, ran in (("before", 1), ("after", 1), ("after", 0)):
            (model / name).write_text(f"{name} {written}")
            assert sweep("vf_scaling", {"num_vfs": [1]}, out, work=lab_fakes.work).ran == ran, (name, written)
    (model / "notes.txt").write_text("no code")
    assert sweep("vf_scaling", {"num_vfs": [1]}, out, work=lab_fakes.work).ran == 0


def test_the_model_is_its_sources_its_drivers_and_the_compiled_plane():
    files = list(code.model_files())
    assert len(files) == len(set(files))
    named = {"/".join(path.parts[-2:]) for path in files}
    assert {"nicmodel/_fastpath.pyx", "_fast/tx.pxi", "_fast/types.pxd", "drivers/vf.py", "lab/sweep.py"} <= named
    assert Path(_fastpath.__file__) in files


MINE = "from drivers.vf import VfMiniport\n\n\nclass Mine(VfMiniport):\n    spare = {}\n"


@pytest.mark.parametrize("written_as", ("file", "module"))
def test_a_changed_driver_of_ones_own_runs_its_points_again(monkeypatch, tmp_path, written_as):
    file = tmp_path / "mine_of_sweep.py"
    monkeypatch.syspath_prepend(str(tmp_path))
    fixed = {"driver.mutants.0": f"{file if written_as == 'file' else file.stem}:Mine"}
    for spare, ran in ((1, 1), (2, 1), (2, 0), (1, 0)):
        file.write_text(MINE.format(spare))
        assert sweep("vf_scaling", {"num_vfs": [1]}, tmp_path / "out", fixed=fixed, work=lab_fakes.work).ran == ran
    other = {"driver.mutants.0": "vf_reports_no_capability"}
    assert sweep("vf_scaling", {"num_vfs": [1]}, tmp_path / "out", fixed=other, work=lab_fakes.work).ran == 1


def test_a_bad_point_stops_the_sweep_before_it_begins(tmp_path):
    with pytest.raises(ScenarioError, match="takes 1 to 256 VFs"):
        sweep("vf_scaling", {"num_vfs": [1, 999]}, tmp_path / "out", work=lab_fakes.work)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ScenarioError, match=r"must be 2 or more \(the point num_vfs=1, direction=vf2vf\)$"):
        grid("vf_scaling", {"num_vfs": [2, 1], "direction": ["tx", "vf2vf"]})
    with pytest.raises(ScenarioError, match="is not allowed: at most"):
        grid("vf_scaling", {"num_vfs": list(range(1, 101)), "seed": range(20_000)})


@pytest.mark.parametrize(("axes", "fixed", "says"), [
    ({"load": "10%"}, {}, '^argument: load: "10%" is no axis: it must be a list of values$'),
    ({"num_vfs": 3}, {}, "^argument: num_vfs: 3 is no axis"),
    (["num_vfs"], {}, "^axes: .* is not allowed: it must be a dict of keys"),
    ({"num_vfs": [1]}, ["load"], "^fixed: .* is not allowed: it must be a dict of keys"),
    ({"seed": (n for n in (1, 2))}, {}, "^argument: seed: .* is no axis"),
    ({"num_vfs": []}, {}, "^argument: num_vfs has no value$"),
    ({"num_vfs": [1, 2]}, {"num_vfs": 3}, "^argument: num_vfs is an axis and fixed: write one of the two$"),
    ({"num_vfs": [1]}, {"load": "much"}, '^argument: load: .much. is not a load'),
])
def test_an_axis_is_a_list_of_values(axes, fixed, says):
    with pytest.raises(ScenarioError, match=says):
        grid("vf_scaling", axes, fixed)


def test_workers_are_a_whole_number(tmp_path):
    for count in (0, 1.5, "2", True):
        with pytest.raises(ScenarioError, match=f"^workers: {re.escape(quoted(count))} is not allowed: .* needs a whole number"):
            sweep("vf_scaling", {}, tmp_path, workers=count)


def test_a_folder_that_cannot_be_is_called_as_python_calls_it(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ScenarioError, match="^out: the folder .*/file/below cannot be written: "):
        sweep("vf_scaling", {}, tmp_path / "file" / "below")


def test_a_scenario_that_was_built_is_swept_as_one_that_is_named(tmp_path):
    own = nm.scenario("vf_scaling", frame_size="64B")
    swept = sweep(own, {"num_vfs": [1, 2]}, tmp_path, work=lab_fakes.work)
    assert [(point.scenario.num_vfs, point.scenario.frame_size) for point in swept.points] == [(1, 64), (2, 64)]
    assert repr(swept) == "<Swept 2 points: 2 run, 0 reused, 0 failed>"
    assert sweep("vf_scaling", {"num_vfs": [1, 2]}, tmp_path, fixed={"frame_size": "64B"}, work=lab_fakes.work).reused == 2


def test_an_axis_may_be_an_array():
    assert [point.scenario.num_vfs for point in grid("vf_scaling", {"num_vfs": np.arange(1, 4)})] == [1, 2, 3]


def test_the_command_sweeps_and_reports(monkeypatch, command, tmp_path):
    monkeypatch.setattr(module, "run_point", lab_fakes.work)
    arguments = ["sweep", "vf_scaling", "--set", "num_vfs=1,2", "--set", "frame_size=64B", "--out", tmp_path]
    status, out, err = command(*arguments, "--workers", 2)
    assert status == 0 and err == "" and "2 run, 0 found from before, 0 failed" in out and "num_vfs" in out
    status, out, _ = command(*arguments, "--json")
    value = json.loads(out)
    assert status == 0 and value["reused"] == 2 and len(value["rows"]) == 3


def test_the_command_names_a_point_that_failed_by_its_values(monkeypatch, command, tmp_path):
    monkeypatch.setattr(module, "run_point", lab_fakes.work_or_die)
    status, out, err = command("sweep", "vf_scaling", "--set", "num_vfs=1,3", "--set", "driver.itr=4us,8us", "--out", tmp_path)
    assert status == 1 and "2 failed" in out
    assert err.splitlines() == [f"nicmodel: the point num_vfs=3, driver.itr={itr} failed: ValueError: three is too many"
                                for itr in ("4us", "8us")]


def test_the_command_prints_values_with_their_units(monkeypatch, command, tmp_path):
    monkeypatch.setattr(module, "run_point", lab_fakes.work)
    _, out, _ = command("sweep", "vf_scaling", "--set", "driver.itr=0,20us", "--set", "frame_size=64,1518", "--out", tmp_path)
    assert [line.split()[:2] for line in out.splitlines()[1:5]] == [
        ["0ps", "64B"], ["0ps", "1518B"], ["20us", "64B"], ["20us", "1518B"]]


EXPECTS = 'num_vfs = 2\nid = "x"\n[[expect]]\nwhat = "totals.tx_packets"\nabove = 3000\nsource = "a test"\n'


def test_the_command_tells_of_points_that_are_unsteady_or_miss_an_expectation(monkeypatch, command, tmp_path):
    """Nobody looks at each point of a grid: what `run` would say of one must not be lost."""
    monkeypatch.setattr(module, "run_point", lab_fakes.work_unsteadily)
    (tmp_path / "x.toml").write_text(EXPECTS)
    arguments = ["sweep", tmp_path / "x.toml", "--out", tmp_path / "out", "--set", "seed=1,2,1000"]
    status, out, _ = command(*arguments)
    assert status == 1 and "Expected  in 2 of 3 points an expectation" in out
    assert "Warning   in 1 of 3 points packets or latency change" in out
    assert [re.split("  +", line.strip())[-1] for line in out.splitlines()[:4]] == ["distrust", "unmet", "unsteady, unmet", "-"]
    frame = pd.read_parquet(tmp_path / "out" / "sweep.parquet").drop_duplicates("point")
    assert list(frame["point_unmet"]) == [1, 1, 0] and list(frame["point_steady"]) == [True, False, True]
    status, out, _ = command(*arguments, "--json")
    assert status == 1 and json.loads(out)["unmet"] == 2
    status, out, _ = command(*arguments[:-1], "seed=1000,1001")
    assert status == 0 and "Expected" not in out and "Warning" not in out and "distrust" not in out
    status, out, _ = command(*arguments[:-1], "seed=2", "--set", "num_vfs=1")
    said = " ".join(out.split())
    assert status == 1 and "Warning in 1 of 1 point packets or latency change" in said and "(1 row, one a point and VF)" in said


def test_the_command_prints_a_dash_where_a_point_has_no_figure(command, tmp_path):
    """Alone or beside points that have one."""
    arguments = ["sweep", "vf_scaling", "--out", tmp_path, "--set", "num_vfs=2"]
    for durations, figures in (("5ps", [3]), ("5ps,20us", [3, 0])):
        _, out, _ = command(*arguments, "--set", f"duration={durations}")
        rows = [re.split("  +", line.strip())[:-1] for line in out.splitlines()[1:1 + len(figures)]]
        assert [row.count("-") for row in rows] == figures, out


def test_the_table_names_what_limits_each_way_of_each_vf(tmp_path):
    fixed = {"warmup": "50us", "duration": "50us", "num_vfs": 2}
    swept = sweep("vf_scaling", {"direction": ["tx", "rx"]}, tmp_path, fixed=fixed)
    sends, receives = swept.frame.iloc[0], swept.frame.iloc[-1]
    assert sends["tx_bottleneck"] == sends["point_bottlenecks"] and sends["tx_bottleneck"] and pd.isna(sends["rx_bottleneck"])
    assert receives["rx_bottleneck"] == receives["point_bottlenecks"] and pd.isna(receives["tx_bottleneck"])


HELPED = "from drivers.vf import VfMiniport\n{}\n\n\nclass Mine(VfMiniport):\n    spare = {}\n"


@pytest.mark.parametrize(("says", "uses"), [
    ("import helper_of_sweep", "helper_of_sweep.SPARE"),
    ("from helper_of_sweep import SPARE", "SPARE"),
    ("from parts_of_sweep import deep", "deep.SPARE"),
    ("import parts_of_sweep.deep as deep", "deep.SPARE"),
])
def test_what_a_driver_of_ones_own_imports_runs_its_points_again(monkeypatch, tmp_path, says, uses):
    """Its own files, and what those import in turn; not what is installed."""
    names = ("helper_of_sweep", "parts_of_sweep", "parts_of_sweep.deep")
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "parts_of_sweep").mkdir()
    (tmp_path / "parts_of_sweep" / "__init__.py").write_text("import numpy\n")
    (tmp_path / "parts_of_sweep" / "deep.py").write_text("import helper_of_sweep\nSPARE = helper_of_sweep.SPARE\n")
    file = tmp_path / f"mine_{len(says)}.py"
    file.write_text(HELPED.format(says, uses))
    fixed = {"driver.mutants.0": f"{file}:Mine"}
    for spare, ran in ((1, 1), (2, 1), (2, 0), (1, 0)):
        (tmp_path / "helper_of_sweep.py").write_text(f"SPARE = {spare}\n")
        assert sweep("vf_scaling", {"num_vfs": [1]}, tmp_path / "out", fixed=fixed, work=lab_fakes.work).ran == ran, spare
    assert all(path.is_relative_to(tmp_path) for path in code.files_of(f"{file}:Mine"))
    for name in names:
        sys.modules.pop(name, None)


@pytest.mark.parametrize(("axis", "column", "shown"), [
    ("driver.mutants.0=vf_reports_no_capability,drivers.vf:VfMiniport", "driver.mutants.0", "drivers.vf:VfMiniport"),
    ("doc=one,another", "num_vfs", "Points    2"),
    ("traffic.loads.1=10%,saturated", "traffic.loads.1", "saturated"),
])
def test_any_key_may_be_an_axis(monkeypatch, command, tmp_path, axis, column, shown):
    """That of a table by VF has a column; what the table leaves out is not shown."""
    monkeypatch.setattr(module, "run_point", lab_fakes.work)
    status, out, err = command("sweep", "vf_scaling", "--set", axis, "--set", "expect=[]", "--out", tmp_path)
    assert (status, err) == (0, "") and shown in out
    frame = pd.read_parquet(tmp_path / "sweep.parquet")
    assert column in frame and frame["point"].nunique() == 2


def test_the_command_reports_a_lost_point_with_status_1(monkeypatch, command, tmp_path):
    monkeypatch.setattr(module, "run_point", lab_fakes.work_or_die)
    status, _, err = command("sweep", "vf_scaling", "--set", "num_vfs=1,2", "--out", tmp_path, "--workers", 1)
    assert status == 1 and "its worker died" in err


@pytest.mark.parametrize("file", ("mine.py", "-"))
def test_a_script_that_workers_cannot_run_anew_is_told_once(tmp_path, file):
    script = 'import nicmodel as nm\nnm.sweep("vf_scaling", {"num_vfs": [1, 2]}, "out", workers=2)\n'
    (tmp_path / "mine.py").write_text(script)
    done = subprocess.run([sys.executable, file], input=script, capture_output=True, text=True, cwd=tmp_path,
                          env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    assert done.stderr.splitlines()[-1].startswith("nicmodel.sim.errors.ScenarioError: a script that starts workers is run anew")
    assert done.stderr.count("Traceback") == 1 and done.returncode == 1


SLOW = """
import sys
import lab_fakes
import nicmodel.lab.sweep
from nicmodel.lab.cli import main
if __name__ == "__main__":
    nicmodel.lab.sweep.run_point = lab_fakes.work_slowly
    sys.exit(main(sys.argv[1:]))
"""


def test_ctrl_c_stops_a_sweep_at_once_and_the_same_command_goes_on(tmp_path):
    script, out = tmp_path / "slow.py", tmp_path / "out"
    script.write_text(SLOW)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    arguments = [
        "sweep",
        "vf_scaling",
        "--set",
        "num_vfs=1,2,3,4,5,6,7,8",
        "--out",
        str(out),
        "--workers",
        "2",
    ]
    process = subprocess.Popen(
        [sys.executable, str(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(out.glob("points/*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    text, err = process.communicate(timeout=20)
    assert process.returncode == 130 and err == "", err
    assert "the same command goes on" in text
    finished = len(list(out.glob("points/*.json")))
    assert 0 < finished < 8
    assert sweep("vf_scaling", {"num_vfs": list(range(1, 9))}, out, work=lab_fakes.work).reused == finished


def test_files_appear_whole_or_not_at_all(tmp_path):
    target = tmp_path / "file.txt"
    files.write_text(target, "old")

    def fail(beside):
        beside.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        files.write_whole(target, fail)
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


def test_a_disk_that_is_full_is_told_with_the_file(tmp_path):
    target = tmp_path / "file.txt"

    def fill(beside):
        raise OSError(errno.ENOSPC, "whatever a library says")

    with pytest.raises(ScenarioError, match="^.*/file.txt: cannot be written: no space left on device$"):
        files.write_whole(target, fill)
    with pytest.raises(ScenarioError, match="^.*/none/file.txt: cannot be written: no such file or directory$"):
        files.write_text(tmp_path / "none" / "file.txt", "x")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what the kernel knows of a process")
def test_the_first_worker_does_not_hear_ctrl_c_while_it_boots():
    script = """if __name__ == "__main__":
        from nicmodel.lab.workers import Worker
        worker = Worker(print)
        with open(f"/proc/{worker.process.pid}/status") as status:
            blocked = next(line.split()[1] for line in status if line.startswith("SigBlk"))
        worker.end()
        print(int(blocked, 16) >> 1 & 1)
    """
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
