"""The rule table is complete, in order, and judged call by call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicmodel.datasheet.rules import BY_ID, ORDER, RULES
from nicmodel.ndis import library  # noqa: F401  registers the predicates
from nicmodel.ndis.checker import PREDICATES, Call, Checker, implied, report_order

EXPECTED = ([f"GEN-INIT-{i:02}" for i in range(1, 15)] + [f"VF-INIT-{i:02}" for i in range(1, 28)]
            + [f"PF-INIT-{i:02}" for i in range(1, 16)])


def test_every_id_of_the_three_families_is_a_row_in_order():
    assert [row.id for row in RULES] == EXPECTED


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.id)
def test_a_row_is_checked_or_says_why_not(row):
    assert (row.id in PREDICATES) != bool(row.unchecked)
    assert row.severity in ("must", "should", "permits", "model")
    assert row.reading in ("literal", "gap", "contradiction", "header", "inferred")
    assert row.source and row.sentence.endswith(".") and all(i in BY_ID for i in row.implies)
    assert row.id not in implied(row.id)


def test_model_decisions_never_close():
    assert [row.id for row in RULES if row.severity == "model"] == ["VF-INIT-06", "PF-INIT-06"]
    assert not any(row.closes for row in RULES if row.severity == "model")


def test_the_docs_name_only_rules_that_exist():
    text = (Path(__file__).parents[2] / "docs" / "ndis.md").read_text()
    named = set(re.findall(r"\b(?:GEN|VF|PF)-INIT-\d\d\b", text))
    assert named and named <= set(BY_ID)


@given(st.lists(st.sampled_from(EXPECTED), unique=True))
def test_report_order_puts_causes_first_and_else_keeps_table_order(identifiers):
    ordered = report_order(identifiers)
    assert sorted(ordered) == sorted(identifiers)
    for i, later in enumerate(ordered):
        assert not any(earlier in implied(later) for earlier in ordered[:i])
    free = [i for i in ordered if not any(i in implied(j) or j in implied(i) for j in ordered if j != i)]
    assert free == sorted(free, key=ORDER.__getitem__)


def test_a_rule_is_reported_at_its_call_and_once():
    checker = Checker("VF", "VF0")
    first = checker.feed(Call("NdisReadConfiguration", {"keyword": "*SRIOV"}, 10))
    again = checker.feed(Call("NdisReadConfiguration", {"keyword": "*SriovPreferred"}, 20))
    assert [(r.rule, r.time_ps) for r in first] == [("VF-INIT-07", 10)] and again == []
    assert checker.closing == "VF-INIT-07"


def test_a_breach_after_initialisation_is_reported_and_closes_nothing():
    from nicmodel.datasheet.ndis import Status
    checker = Checker("VF", "VF0")
    checker.feed(Call("MiniportInitializeEx", {}, 0))
    checker.feed(Call("MiniportInitializeEx returns", {"status": Status.FAILURE}, 1))
    reports = checker.feed(Call("NdisMQueryProbedBars", {}, 2))
    assert [r.rule for r in reports] == ["VF-INIT-19"] and checker.closing is None


def test_a_vf_is_not_judged_by_the_rules_of_a_pf():
    families = {row.rule.rsplit("-", 1)[0] for row in Checker("VF", "VF0").verdicts()}
    assert families == {"GEN-INIT", "VF-INIT"}


def test_verdicts_of_an_adapter_that_did_nothing():
    verdicts = {row.rule: row.verdict for row in Checker("PF", "PF").verdicts()}
    assert set(verdicts.values()) == {"not_exercised", "not_checkable"}
    assert verdicts["PF-INIT-15"] == "not_checkable"
