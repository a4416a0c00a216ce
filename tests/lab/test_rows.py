"""Rows on their way to the user: a file that grows by groups is, row for row, what a run keeps in memory."""

from __future__ import annotations

import threading

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import nicmodel as nm
from nicmodel.datasheet.books import WAITS
from nicmodel.datasheet.stages import INSIDE, STAGES
from nicmodel.lab.rows import RowFile, RowsInMemory, row_file
from nicmodel.lab.scenario import Scenario
from nicmodel.sim.errors import ModelBug, ScenarioError
from nicmodel.sim.results import ROW_DTYPE

RUN = dict(num_vfs=2, direction="both", duration="200us", warmup="50us", record={"rows": True, "row_group": 1000})
NO_WAITS = np.empty((0, len(WAITS)), np.int64)
GROUP = 100


def rows_of(*serials):
    rows = np.zeros(len(serials), ROW_DTYPE)
    rows["serial"] = serials
    rows["POSTED"] = rows["serial"] * 3
    return rows


def waits_of(rows):
    return rows["serial"][:, None] + np.arange(len(WAITS))


def check_file(path, count):
    assert pd.read_parquet(path)[["serial", "POSTED"]].to_numpy().tolist() == [[n, 3 * n] for n in range(count)]
    sizes = [pq.ParquetFile(path).metadata.row_group(n).num_rows for n in range(pq.ParquetFile(path).num_row_groups)]
    assert sizes[:-1] == [GROUP] * (len(sizes) - 1) and (0 not in sizes or count == 0)


# a run ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("plane", ("fast", "reference"))
def test_a_file_holds_what_a_run_keeps_in_memory(plane, tmp_path):
    short = dict(RUN, duration="20us", warmup="10us") if plane == "reference" else RUN
    path = tmp_path / "rows.parquet"
    kept = nm.run("vf_scaling", plane=plane, **short)
    streamed = nm.run("vf_scaling", plane=plane, rows_file=path, **short)
    assert streamed.rows is None and streamed.simulated == kept.simulated
    pd.testing.assert_frame_equal(pd.read_parquet(path), kept.rows)
    assert kept.rows["serial"].tolist() == list(range(len(kept.rows))) and len(kept.rows) > 1000
    assert (kept.rows["outcome"] == INSIDE).any(), "what is under way at the end is there too"
    assert [p.name for p in tmp_path.iterdir()] == ["rows.parquet"]


def test_columns_of_a_file_know_their_units(tmp_path):
    """As those of a sweep's table do."""
    path = tmp_path / "rows.parquet"
    nm.run("one_vf", duration="10us", warmup="0us", record={"rows": True}, rows_file=path)
    units = {field.name: (field.metadata or {}).get(b"unit") for field in pq.read_schema(path)}
    assert units.pop("length") == b"B"
    times = {name for name, unit in units.items() if unit == b"ps"}
    assert times == {*STAGES, *(f"wait_{wait.name}" for wait in WAITS)} and set(units.values()) == {None, b"ps"}


def test_waits_are_columns_where_books_are_kept():
    rows = nm.run("one_vf", plane="reference", duration="10us", warmup="0us", record={"rows": True}).rows
    assert [f"wait_{wait.name}" for wait in WAITS] == [name for name in rows if name.startswith("wait_")]
    assert rows.filter(like="wait_").to_numpy().sum() > 0


def test_an_interrupted_run_leaves_the_rows_so_far(tmp_path):
    stop, seen = threading.Event(), []

    def progress(fraction, figures):
        seen.append(fraction)
        if fraction > 0.5:
            stop.set()

    result = nm.run("vf_scaling", progress=progress, stop=stop, rows_file=tmp_path / "rows.parquet", **RUN)
    rows = pd.read_parquet(tmp_path / "rows.parquet")
    assert result.interrupted and rows["serial"].tolist() == list(range(len(rows))) and len(rows) > 1000


def test_a_run_that_fails_leaves_no_file(tmp_path):
    def progress(fraction, figures):
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nm.run("vf_scaling", progress=progress, rows_file=tmp_path / "rows.parquet", **RUN)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "recorded", "says"), [("rows.parquet", False, "it needs record.rows = true"),
                                                        (3, True, "it must be the name of a file, or None")])
def test_a_file_that_no_row_would_reach_is_refused(tmp_path, monkeypatch, name, recorded, says):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nm.ScenarioError, match=f"^rows_file: '{name}' is not allowed: {says}$"):
        nm.run("one_vf", duration="10us", rows_file=name, record={"rows": recorded})
    assert not list(tmp_path.iterdir())


# a file -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("books", (False, True), ids=("rows", "rows and waits"))
@pytest.mark.parametrize("seed", range(3))
def test_rows_come_in_any_order_and_leave_in_theirs(tmp_path, seed, books):
    """Some are held up for a moment, some for very long."""
    draw = np.random.default_rng(seed)
    count = 40 * GROUP + 17
    delay = np.where(draw.random(count) < 0.002, draw.integers(0, count, count), draw.integers(0, 60, count))
    order = np.argsort(np.arange(count) + delay, kind="stable")
    memory, sizes = RowsInMemory(), []
    with row_file(tmp_path / "rows.parquet", GROUP) as file:
        for part in np.array_split(order, 300):
            rows = rows_of(*sorted(part))
            for sink in (file, memory):
                sink.add(rows, waits_of(rows) if books else NO_WAITS)
            sizes.append(file.kept)
    check_file(tmp_path / "rows.parquet", count)
    assert max(sizes) <= 2 * GROUP + 20
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "rows.parquet"), pd.DataFrame(memory.all()))


def test_what_waits_for_one_row_waits_on_disk_and_comes_back(tmp_path):
    file = RowFile(tmp_path / "rows.parquet", GROUP)
    file.add(rows_of(*range(1, 1000)), NO_WAITS)
    assert file.scratch is not None and file.kept == 0 and file.writer is None
    file.add(rows_of(0, *range(1001, 1100)), NO_WAITS)
    assert file.scratch is None and file.kept == 99 and file.written == 1000
    file.add(rows_of(1000), NO_WAITS)
    file.finish()
    check_file(tmp_path / "rows.parquet", 1100)


@pytest.mark.parametrize("count", (0, 1, GROUP - 1, GROUP, GROUP + 1))
def test_the_last_group_is_as_small_as_it_must_be(tmp_path, count):
    with row_file(tmp_path / "rows.parquet", GROUP) as file:
        file.add(rows_of(*range(count)), NO_WAITS)
    check_file(tmp_path / "rows.parquet", count)


HELD_UP = (*range(1, 2 * GROUP), *range(2 * GROUP + 1, 3 * GROUP))       # by 0, and by the first of the third group


@pytest.mark.parametrize("parts, written, kept, on_disk", [
    ((range(GROUP - 1),), 0, GROUP - 1, False), ((range(GROUP),), GROUP, 0, False), ((range(GROUP + 1),), GROUP, 1, False),
    ((range(1, 2 * GROUP + 1),), 0, 2 * GROUP, False), ((range(1, 2 * GROUP + 2),), 0, 0, True),
    ((range(1, 3 * GROUP), (0, *range(3 * GROUP, 4 * GROUP))), 4 * GROUP, 0, False),
    ((HELD_UP, (0, *range(3 * GROUP, 4 * GROUP))), 2 * GROUP, 2 * GROUP - 1, False),
    ((HELD_UP, (0, *range(3 * GROUP, 4 * GROUP + 1))), 2 * GROUP, 0, True)],
    ids=("one to come", "full", "one more", "two groups wait", "and one more", "full on disk", "two groups come back",
         "one more stays"))
def test_a_group_is_written_when_it_is_full_and_two_wait_in_memory(tmp_path, parts, written, kept, on_disk):
    file = RowFile(tmp_path / "rows.parquet", GROUP)
    for part in parts:
        file.add(rows_of(*part), NO_WAITS)
    assert (file.written, file.kept, file.scratch is not None) == (written, kept, on_disk)
    file.close()


def test_a_row_that_never_comes_is_a_bug(tmp_path):
    with pytest.raises(ModelBug, match="row 1 never came"), row_file(tmp_path / "rows.parquet", GROUP) as file:
        file.add(rows_of(0, 2), NO_WAITS)
    assert not list(tmp_path.iterdir())


def test_a_group_has_a_row_at_least():
    with pytest.raises(ScenarioError, match="row_group"):
        nm.run(Scenario(), record={"row_group": 0})
