"""The corpus of the whole link and host under watch (watch.py), and what it exercises. Both planes will run it."""

from __future__ import annotations

import dataclasses
import os

import pytest
from comparison import differences
from corpus import CORPUS
from corpus_whole import NEW_TABLES, WHOLE_CORPUS
from harness import plane_config, run
from hypothesis import HealthCheck, given, settings
from strategies import whole_scripts
from watch import watch

from nicmodel.datasheet.policies import PARAMETERS, POLICIES
from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.config import PlaneConfig

EXAMPLES = int(os.environ.get("NICMODEL_EXAMPLES", "60"))


@pytest.mark.parametrize("script", (*CORPUS, *WHOLE_CORPUS), ids=lambda s: s.name)
def test_invariants_hold_at_every_instant_and_at_rest(script):
    watch(script)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(whole_scripts())
def test_invariants_hold_on_drawn_scripts(script):
    watch(script)


def test_every_new_field_policy_and_table_is_in_the_corpus():
    default = plane_config()
    used = {(name, value) for script in WHOLE_CORPUS for name, value in script.config}
    names = [field.name for field in dataclasses.fields(PlaneConfig)]
    new = names[names.index("host_npd"):]
    assert "completions" in new and set(PARAMETERS) <= set(new)
    for name in new:
        assert any(n == name and value != getattr(default, name) for n, value in used), name
    assert {(row.parameter, row.name) for row in POLICIES} <= used | {(name, getattr(default, name)) for name in PARAMETERS}
    called = {args[0] for script in WHOLE_CORPUS for _, verb, args in script.actions if verb == "set"}
    assert set(NEW_TABLES) == {"page_shift", "shaper", "wire", "retrain"} <= called
    fields = {name for script in WHOLE_CORPUS for queue in script.queues for name, _ in queue.agent_fields}
    assert {"core", "doorbell_cost_ps"} <= fields


def test_every_new_field_changes_some_outcome():
    """Guard against scripts that silently do nothing: without its new fields a script ends otherwise."""
    names = {field.name for field in dataclasses.fields(PlaneConfig)}
    old = {name for name, _ in (pair for script in CORPUS for pair in script.config)} & names
    for script in WHOLE_CORPUS[:40]:
        plain = dataclasses.replace(script, config=tuple(pair for pair in script.config if pair[0] in old), actions=tuple(
            action for action in script.actions if not (action[1] == "set" and action[2][0] in NEW_TABLES)))
        if plain != script:
            assert differences(run(ReferencePath, plain), run(ReferencePath, script)), script.name


def test_the_corpus_is_as_large_as_promised():
    assert len(WHOLE_CORPUS) >= 30
    assert len({script.name for script in (*CORPUS, *WHOLE_CORPUS)}) == len(CORPUS) + len(WHOLE_CORPUS)
