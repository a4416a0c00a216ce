"""The two planes agree exactly: every row, counter, memory byte, interrupt, upcall and line clock."""

from __future__ import annotations

import os

import pytest
from corpus import CORPUS
from corpus_whole import WHOLE_CORPUS
from harness import check_conservation, differences, run
from hypothesis import HealthCheck, given, settings
from nicmodel._fastpath import FastPath
from strategies import scripts, whole_scripts

from nicmodel.reference.plane import ReferencePath

EXAMPLES = int(os.environ.get("NICMODEL_EXAMPLES", "150"))


@pytest.mark.parametrize("script", (*CORPUS, *WHOLE_CORPUS), ids=lambda s: s.name)
def test_planes_agree_on_the_corpus(script):
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
