"""docs/miniport.md runs as it is printed, and docs/ndis.md quotes every reading as the datasheet has it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from nicmodel.datasheet.ndis import Oid
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


def test_readings_are_quoted_as_the_datasheet_has_them():
    quoted = [tuple(cell.replace(r"\*", "*") for cell in found[:3])
              for found in READING.findall((DOCS / "ndis.md").read_text())]
    assert quoted == [reading[:3] for reading in READINGS]


def test_every_reading_says_where_its_decision_lives():
    silent = [found[0] for found in READING.findall((DOCS / "ndis.md").read_text()) if "`" not in found[3] and found[0] != "G-15"]
    assert not silent
