"""The two planes agree exactly: every row, counter, memory byte, interrupt, upcall, line clock, and all of the books.

Here they keep books; that a plane without is the same but for these is for test_books_close.py.
"""

from __future__ import annotations

import dataclasses
import os

import pytest
from comparison import differences
from corpus import CORPUS
from corpus_books import BOOKS_CORPUS, PATIENCE
from corpus_rss import RSS_CORPUS
from corpus_whole import WHOLE_CORPUS
from harness import US, check_conservation, run
from hypothesis import HealthCheck, given, settings
from nicmodel._fastpath import FastPath
from strategies import scripts, whole_scripts

from nicmodel.reference.plane import ReferencePath

EXAMPLES = int(os.environ.get("NICMODEL_EXAMPLES", "150"))


def booked(script, **config):
    return dataclasses.replace(script, config=(*script.config, ("books", True), *config.items()))


@pytest.mark.parametrize("script", (*CORPUS, *WHOLE_CORPUS, *RSS_CORPUS, *BOOKS_CORPUS, *PATIENCE), ids=lambda s: s.name)
def test_planes_agree_on_the_corpus(script):
    fast = run(FastPath, booked(script))
    told = differences(fast, run(ReferencePath, booked(script)))
    assert not told, told
    check_conservation(fast)


@pytest.mark.parametrize("script", (*CORPUS, *RSS_CORPUS, *BOOKS_CORPUS), ids=lambda s: s.name)
def test_planes_agree_wherever_a_run_is_cut(script):
    """A plane may know early what it tells late: at an odd time, nothing of that shows."""
    cut = script.end * 5 // 7 + 1
    early = booked(dataclasses.replace(script, end=cut, actions=tuple(action for action in script.actions if action[0] < cut)))
    told = differences(run(FastPath, early), run(ReferencePath, early))
    assert not told, told


@pytest.mark.parametrize("end", range(3 * US, 9 * US, 1_234_567))
def test_planes_agree_on_heads_while_descriptors_wait_on_chip(end):
    """Nothing is recorded, so that no result asks the compiled plane for rows that it has not made yet."""
    script = next(script for script in CORPUS if script.name == "four functions, mixed sizes")
    early = booked(dataclasses.replace(script, end=end), record_rows=False, tx_buffer=1 << 12)
    fast, reference = run(FastPath, early), run(ReferencePath, early)
    assert not differences(fast, reference)
    assert any(ring["head"] != ring["tail"] for ring in fast.rings)


@pytest.mark.parametrize("script", (*CORPUS, *RSS_CORPUS), ids=lambda s: s.name)
def test_planes_agree_when_nothing_is_recorded(script):
    """Without rows to stamp a plane may spare itself more: every counter, clock and byte still agrees."""
    quiet = booked(script, record_rows=False)
    fast = run(FastPath, quiet)
    told = differences(fast, run(ReferencePath, quiet))
    assert not told, told


def planned(script, **config):
    """With an IOMMU whose walks the compiled plane foresees: they go by age, and nothing is marked."""
    kept = {"iotlb_entries": 3, "walkers": 2, "walk_ps": 90_000} | dict(script.config) | config
    kept["iotlb_entries"] = kept["iotlb_entries"] or 8
    kept |= {"walks": "oldest", "ido": False, "relaxed_ordering": False}
    return dataclasses.replace(script, config=tuple(kept.items()))


@pytest.mark.parametrize("kept", ({"books": True}, {"books": False}, {"books": False, "record_rows": False}),
                         ids=("books", "rows", "nothing"))
@pytest.mark.parametrize("script", (*CORPUS, *WHOLE_CORPUS), ids=lambda s: s.name)
def test_planes_agree_where_walks_are_foreseen(script, kept):
    foreseen = planned(script, **kept)
    fast = run(FastPath, foreseen)
    told = differences(fast, run(ReferencePath, foreseen))
    assert not told, told
    check_conservation(fast)


@pytest.mark.parametrize("cut", range(8))
@pytest.mark.parametrize("script", [s for s in WHOLE_CORPUS if dict(s.config).get("iotlb_entries") and "ties" not in s.name],
                         ids=lambda s: s.name)
def test_planes_agree_wherever_foreseen_walks_are_cut(script, cut):
    """One walker, and short walks: some of those that are done when the TLP on the link arrives have not begun yet."""
    end = min(script.end, 9 * US) * (cut + 6) // 16 + cut * 7919 + 1
    early = planned(dataclasses.replace(script, end=end, actions=tuple(action for action in script.actions if action[0] < end)),
                    walk_ps=20_000, walkers=1, books=cut % 2 == 1)
    told = differences(run(FastPath, early), run(ReferencePath, early))
    assert not told, told


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given((whole_scripts() | scripts()).map(planned))
def test_planes_agree_on_drawn_scripts_where_walks_are_foreseen(script):
    fast = run(FastPath, script)
    told = differences(fast, run(ReferencePath, script))
    assert not told, told
    check_conservation(fast)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(whole_scripts() | scripts())
def test_planes_agree_on_drawn_scripts(script):
    fast = run(FastPath, script)
    told = differences(fast, run(ReferencePath, script))
    assert not told, told
    check_conservation(fast)
