"""The two planes agree exactly: every row, counter, memory byte, interrupt, upcall and line clock."""

from __future__ import annotations

import dataclasses
import os

import pytest
from corpus import CORPUS
from corpus_whole import WHOLE_CORPUS
from harness import check_conservation, differences, run
from hypothesis import HealthCheck, given, settings
from nicmodel._fastpath import FastPath
from strategies import scripts, whole_scripts

from nicmodel.reference.plane import ReferencePath

WHOLE = False        # the compiled plane ignores the fields of the whole link and host so far; True when it has them
EXAMPLES = int(os.environ.get("NICMODEL_EXAMPLES", "150"))


@pytest.mark.parametrize("script", (*CORPUS, *WHOLE_CORPUS) if WHOLE else CORPUS, ids=lambda s: s.name)
def test_planes_agree_on_the_corpus(script):
    fast = run(FastPath, script)
    told = differences(fast, run(ReferencePath, script))
    assert not told, told
    check_conservation(fast)


@pytest.mark.parametrize("script", CORPUS, ids=lambda s: s.name)
def test_planes_agree_wherever_a_run_is_cut(script):
    """A plane may know early what it tells late: at an odd time, nothing of that shows."""
    cut = script.end * 5 // 7 + 1
    early = dataclasses.replace(script, end=cut, actions=tuple(action for action in script.actions if action[0] < cut))
    told = differences(run(FastPath, early), run(ReferencePath, early))
    assert not told, told


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(whole_scripts() | scripts() if WHOLE else scripts())
def test_planes_agree_on_drawn_scripts(script):
    fast = run(FastPath, script)
    told = differences(fast, run(ReferencePath, script))
    assert not told, told
    check_conservation(fast)
