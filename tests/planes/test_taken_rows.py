"""Rows that are taken while a plane runs are those of a run in which nobody takes any, each once, and stay as they were."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from corpus import CORPUS
from corpus_whole import WHOLE_CORPUS
from harness import NS, US, Queue, Script, run, rx_flow
from nicmodel._fastpath import FastPath

from nicmodel.datasheet.stages import INSIDE, STAGES
from nicmodel.reference.plane import ReferencePath

PLANES = {"fast": FastPath, "reference": ReferencePath}
EVERY = 700 * NS


def taking(plane_class, taken):
    """A plane whose rows are taken, into `taken`, at every multiple of EVERY and with all news."""

    class Taking(plane_class):
        reached = 0

        def run_until(self, time, budget=-1):
            while True:
                stop = min(time, self.reached + EVERY)
                upcalls = super().run_until(stop, budget)
                taken.append((stop, *self.take_rows()))
                if upcalls or stop == time:
                    return upcalls
                self.reached = stop

    return Taking


def check_taken(plane_class, script):
    taken = []
    whole = run(plane_class, script).results
    rest = run(taking(plane_class, taken), script).results
    for now, rows, _ in taken:             # nothing of `now` has run
        assert (rows["outcome"] != INSIDE).all() and (np.diff(rows["serial"]) > 0).all()
        assert all((rows[stage] < now).all() for stage in STAGES)
    rows = np.concatenate([rows for _, rows, _ in taken] + [rest["rows"]])
    order = np.argsort(rows["serial"])
    assert rows[order].tolist() == whole["rows"].tolist()
    if "row_waits" in whole:
        waits = np.concatenate([waits for *_, waits in taken] + [rest["row_waits"]])
        assert (waits[order] if len(waits) else waits).tolist() == whole["row_waits"].tolist()
    return taken, rest


@pytest.mark.parametrize("script", (*CORPUS, *WHOLE_CORPUS), ids=lambda s: s.name)
def test_taken_rows_and_those_left_are_all_rows(script):
    check_taken(FastPath, replace(script, config=(*script.config, ("record_rows", True))))


@pytest.mark.parametrize("script", (*CORPUS[::3], *WHOLE_CORPUS[::6]), ids=lambda s: s.name)
def test_on_the_reference_plane_likewise_and_every_row_comes_with_its_waits(script):
    taken, _ = check_taken(ReferencePath, replace(script, config=(*script.config, ("books", True), ("record_rows", True))))
    assert all(len(rows) == len(waits) for _, rows, waits in taken)


@pytest.mark.parametrize("plane", PLANES)
def test_a_plane_keeps_no_more_rows_than_are_under_way(plane):
    script = Script("busy", (Queue(1, rx=True), Queue(2, rx=True)), (rx_flow(1, interval_ticks=200_000 * 1024),),
                    end=200 * US, config=(("tx_buffer", 4096),))
    taken, rest = check_taken(PLANES[plane], script)
    assert sum(len(rows) for _, rows, _ in taken) > 1000 > 3 * len(rest["rows"])


@pytest.mark.parametrize("plane", PLANES)
def test_a_row_that_is_held_up_holds_up_no_other(plane):
    """Function 1 may send next to nothing; function 2's rows come all the same."""
    slow = ((1 * NS, "set", ("shaper", 1, 1 << 40, 0)),)
    script = Script("stuck", (Queue(1, count=8), Queue(2)), actions=slow, end=200 * US)
    taken, rest = check_taken(PLANES[plane], script)
    rows = np.concatenate([rows for _, rows, _ in taken])
    assert rest["rows"]["serial"].min() < rows["serial"].max() // 2
    assert (rest["rows"]["function"] == 1).sum() == 7
