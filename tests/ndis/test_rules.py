"""The rule table is complete, in order, and judged call by call."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicmodel.datasheet.ndis import Status
from nicmodel.datasheet.readings import READINGS
from nicmodel.datasheet.rules import BY_ID, ORDER, RULES
from nicmodel.ndis import library  # noqa: F401  registers the predicates
from nicmodel.ndis.checker import PREDICATES, Call, Checker, implied, report_order

SIZES = {"GEN-DRV": 5, "GEN-INIT": 14, "GEN-HANG": 1, "GEN-STATE": 2, "GEN-OID": 6, "GEN-RESET": 1, "GEN-HALT": 3, "VF-INIT": 27,
         "PF-INIT": 15, "KW": 14, "ADV": 28, "SWITCH": 19, "VF-ALLOC": 18, "VPORT": 22, "FILTER": 19, "EXPOSE": 4, "CFG": 7,
         "BAR": 6, "INTR": 12, "BACKCH": 13, "PATH": 9, "RESET": 7, "POWER": 4, "TEARDOWN": 4, "HALT-VF": 2, "HALT-PF": 4,
         "OID": 12, "STRUCT": 4, "UP": 19, "DN": 7, "PD": 8, "V": 7,
         "HW-RX": 1, "HW-TX": 1, "HW-RING": 2, "HW-MBX": 1, "NBL": 7}
GAPS = {"KW": {8, 9, 10}}                                # numbers that no rule has
ROOT = Path(__file__).parents[2]


def number(identifier: str) -> int:
    return int(re.sub(r".*\D", "", identifier))


def test_every_family_is_whole_and_numbered_without_gaps():
    families = {}
    for row in RULES:
        families.setdefault(row.family, []).append(number(row.id))
    assert {family: len(numbers) for family, numbers in families.items()} == SIZES
    for family, numbers in families.items():
        assert set(range(min(numbers), max(numbers) + 1)) - set(numbers) == GAPS.get(family, set()), family
        assert min(numbers) == (0 if family == "V" else 1)
    assert len(RULES) == len(BY_ID) == sum(SIZES.values())


@pytest.mark.parametrize("row", RULES, ids=lambda row: row.id)
def test_a_row_is_judged_or_says_why_not(row):
    assert [row.id in PREDICATES, bool(row.unchecked), bool(row.by), bool(row.tested)].count(True) == 1
    assert row.severity in ("must", "should", "permits", "model")
    assert row.reading in ("literal", "gap", "contradiction", "header", "inferred")
    assert row.source and row.sentence.endswith(".") and all(i in BY_ID for i in (*row.implies, *row.by))
    assert row.id not in implied(row.id) and row.id not in row.by
    assert row.roles and set(row.who) <= {"PF", "VF", "NDIS", "VS", "VPCI", "INF", "HW", "HV"}


@pytest.mark.parametrize("row", [row for row in RULES if row.tested], ids=lambda row: row.id)
def test_the_test_that_looks_at_others_exists(row):
    file, _, name = row.tested.partition("::")
    assert not row.binds_a_driver and f"def {name}(" in (ROOT / file).read_text()


def test_every_contradiction_and_gap_is_decided_and_rules_name_only_those():
    ids = [reading.id for reading in READINGS]
    assert ids == [f"C-{i:02}" for i in range(1, 36)] + [f"G-{i:02}" for i in range(1, 16)]
    for reading in READINGS:
        assert reading.question and reading.decision.endswith(".") and set(reading.rules) <= set(BY_ID) and reading.rules
    for row in RULES:
        named = set(re.findall(r"\b[CG]-\d\d\b", row.sentence))
        assert named <= set(ids), row.id
        assert row.reading != "contradiction" or any(i.startswith("C-") for i in named), row.id


def test_model_decisions_never_close():
    assert {"VF-INIT-06", "PF-INIT-06"} <= {row.id for row in RULES if row.severity == "model"}
    assert not any(row.closes for row in RULES if row.severity == "model" or not set(row.who) & {"PF", "VF"})


def test_the_docs_name_only_rules_that_exist():
    text = (ROOT / "docs" / "ndis.md").read_text()
    families = "|".join(sorted(SIZES, key=len, reverse=True))
    named = set(re.findall(rf"\b(?:{families})-\d\d\b", text))
    assert named and named <= set(BY_ID)


@given(st.lists(st.sampled_from(list(BY_ID)), unique=True))
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
    checker = Checker("VF", "VF0")
    checker.feed(Call("MiniportInitializeEx", {}, 0))
    checker.feed(Call("MiniportInitializeEx returns", {"status": Status.FAILURE}, 1))
    reports = checker.feed(Call("NdisMQueryProbedBars", {}, 2))
    assert [r.rule for r in reports] == ["VF-INIT-19"] and checker.closing is None


def test_a_reset_is_over_only_when_every_send_is_complete():
    checker = Checker("VF", "VF0")
    checker.seen.running = True
    checker.feed(Call("MiniportSendNetBufferLists", {"lists": (1,)}, 0))
    checker.feed(Call("MiniportResetEx", {}, 1))
    reports = checker.feed(Call("MiniportResetEx returns", {"status": Status.SUCCESS}, 2))
    assert [report.rule for report in reports] == ["GEN-RESET-01"]


def test_a_vf_is_not_judged_by_the_rules_of_a_pf():
    rows = {row.rule for row in Checker("VF", "VF0").verdicts()}
    assert {"VF-INIT-10", "GEN-INIT-02", "GEN-HALT-01", "INTR-11"} <= rows
    assert not rows & {row.id for row in RULES if row.who == ("PF",)}


def test_verdicts_of_an_adapter_that_did_nothing():
    verdicts = {row.rule: row.verdict for row in Checker("PF", "PF").verdicts()}
    assert set(verdicts.values()) == {"not_exercised", "not_checkable"}
    assert verdicts["PF-INIT-15"] == "not_checkable"
