"""docs/miniport.md runs as it is printed, docs/ndis.md quotes every reading as the datasheet has it, and docs/requests.md says
who answers, issues and owns what as the table of requests does."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from drivers.pf import MESSAGES
from drivers.pf_filters import LAST_VLAN
from drivers.pf_mailbox import PATIENCE
from nicmodel.datasheet.ndis import MAX_CONFIG_BLOCK, MODERATION_PS, OIDS, InterruptModeration, Oid, RequestType, Status
from nicmodel.datasheet.ndis_oids import HANDLER_OF, NDIS_ISSUED_OIDS, VETOABLE_OIDS, Handler
from nicmodel.datasheet.readings import READINGS
from nicmodel.lab.loading import build
from nicmodel.lab.rules import judge

DOCS = Path(__file__).parents[2] / "docs"
FENCED = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = FENCED.findall((DOCS / "miniport.md").read_text())
DRIVER, JUDGING = (text for language, text in BLOCKS if language == "python")
(PRINTED,) = (text for language, text in BLOCKS if language == "text")
READING = re.compile(r"^\| ([CG]-\d\d) \| (.*?) \| (.*?) \| (.*) \|$", re.MULTILINE)
PRINTED_TIME = re.compile(r"at \d+ ps")


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A folder with the page's mine.py; what was imported from it is forgotten afterwards."""
    (tmp_path / "mine.py").write_text(DRIVER)
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "mine.py"
    sys.modules.pop("own_driver_mine", None)


def verdicts(name):
    scenario = build({}, "mine", {"num_vfs": 1, "driver.mutants.0": f"mine.py:{name}"}, where="argument")
    return {row["id"]: row for row in judge(scenario).rows}


def test_the_driver_of_the_page_obeys_every_rule(mine):
    exec(JUDGING, {})


def test_the_judging_of_the_page_would_see_a_breach(mine):
    with pytest.raises(AssertionError, match="VF-INIT-10"):
        exec(JUDGING.replace("mine.py:MyVf", "mine.py:Misread"), {})


def test_what_the_page_says_of_the_broken_driver_is_so(mine, command):
    status, out, _ = command("rules", "one_vf", "--driver", "mine.py:Misread", "--strict")
    assert status == 1
    assert PRINTED_TIME.sub("", " ".join(out.split())) == PRINTED_TIME.sub("", " ".join(PRINTED.split()))
    rows, good = verdicts("Misread"), verdicts("MyVf")
    broken = {name: row["evidence"] for name, row in rows.items() if row["verdict"] == "broken"}
    assert "VF-INIT-10" in broken and all("as VF-INIT-10" in why for name, why in broken.items() if name != "VF-INIT-10")
    assert len(broken) > 1
    assert any(row["verdict"] == "not_exercised" and good[name]["verdict"] == "obeyed" for name, row in rows.items())


def test_every_part_of_the_driver_of_the_page_is_used(mine):
    """Its step and its look at requests take place: a driver that is never asked would prove nothing."""
    from nicmodel.lab.testbench import bring_up

    machine = bring_up(build({}, "mine", {"num_vfs": 1, "driver.mutants.0": "mine.py:MyVf"}, where="argument"))
    adapter = machine.stack.guests[0].adapter
    assert machine.states[1] == {"state": "running", "rule": None}
    assert f"asked: {Oid.GEN_CURRENT_PACKET_FILTER:#x}" in adapter.ndis.error_log
    assert "*PriorityVLANTag" in adapter.driver.configuration


def test_every_file_of_ndis_in_the_datasheet_is_on_its_page():
    page, datasheet = (DOCS / "ndis.md").read_text(), DOCS.parent / "nicmodel/datasheet"
    table = page.split("## Structures, requests, numbers")[1].split("\n## ")[0]
    assert {file.name for file in datasheet.glob("ndis*.py")} <= set(re.findall(r"`(ndis\w*\.py)`", table))


def test_readings_are_quoted_as_the_datasheet_has_them():
    quoted = [tuple(cell.replace(r"\*", "*") for cell in found[:3])
              for found in READING.findall((DOCS / "ndis.md").read_text())]
    assert quoted == [reading[:3] for reading in READINGS]


def test_every_reading_says_where_its_decision_lives():
    silent = [found[0] for found in READING.findall((DOCS / "ndis.md").read_text()) if "`" not in found[3] and found[0] != "G-15"]
    assert not silent


REQUESTS = (DOCS / "requests.md").read_text()
ROLES = dict(re.findall(r"^\| (.*?) \| (.*?) \|$", REQUESTS, re.MULTILINE))
PREFIX = re.compile("^(NIC_SWITCH|SRIOV|RECEIVE_FILTER)_")
WORD = re.compile(r"[A-Z][A-Z_]{3,}")


def short(oids):
    """Requests as the page names them, those of several families once."""
    return {PREFIX.sub("", oid.name) for oid in oids}


def named(row):
    return {PREFIX.sub("", word) for word in WORD.findall(ROLES[row])} - {"NDIS"}


def test_who_issues_owns_and_vetoes_requests_is_as_in_their_table():
    assert named("issued by NDIS alone") == short(NDIS_ISSUED_OIDS)
    assert named("what an extension may veto") == short(VETOABLE_OIDS)
    owned = {row.oid for row in OIDS if row.owner}
    assert short(owned) | {"MOVE_FILTER", "SET_FILTER"} == named("its owner's alone")
    told = short(row.oid for row in OIDS if Status.FILE_NOT_FOUND in row.caller_statuses)
    assert named("FILE_NOT_FOUND") - {"INVALID_PARAMETER"} == told


def test_what_ndis_answers_itself_is_all_on_the_page():
    """The method requests of what may be set are named each; an ENUM is an ENUM."""
    answered = {oid for (oid, _), to in HANDLER_OF.items() if to is Handler.NDIS}
    rows = [named(row) for row in ROLES if row.startswith("answered by NDIS")]
    assert set.union(*rows) == {name for name in short(answered) if not name.startswith("ENUM_")} | {"ENUM"}
    assert all(HANDLER_OF.get((oid, RequestType.METHOD)) is Handler.NDIS for oid in answered if oid.name.endswith("PARAMETERS"))


def test_numbers_of_the_requests_page_are_those_of_datasheet_and_driver():
    said = " ".join(REQUESTS.split())
    low, medium, high = (MODERATION_PS[InterruptModeration[name]] // 10**6 for name in ("LOW", "MEDIUM", "HIGH"))
    assert f"no throttle, {low}, {medium}, {high} us; adaptive is medium" in said
    assert MODERATION_PS[InterruptModeration.ADAPTIVE] == MODERATION_PS[InterruptModeration.MEDIUM]
    assert f"A transfer is {MAX_CONFIG_BLOCK} bytes at most" in said and f"one VLAN id, 1 to {LAST_VLAN}" in said
    assert f"loses it after {PATIENCE} us when the PF has news" in said
    assert MESSAGES == 2 and "the PF's driver keeps two" in said
