"""`nicmodel rules`: the whole table, the first offence, and drivers of the user's own in any scenario."""

from __future__ import annotations

import json

import pytest

from drivers.mutants import MUTANTS
from nicmodel.datasheet.readings import READINGS
from nicmodel.datasheet.rules import RULES
from nicmodel.lab.cli import main
from nicmodel.lab.rules import markdown, standing

MINE = """
from drivers.pf import PfMiniport
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import Oid
from nicmodel.datasheet.ndis_structures import SriovCapabilitiesStructure, made


class TakesTheStepAtItsWord(VfMiniport):
    def sriov_capabilities(self):
        return made(SriovCapabilitiesStructure, SriovCapabilities=0x3)


class Good(VfMiniport):
    pass


class SaysNothingAtFreeVf(PfMiniport):
    def oid_request(self, kind, oid, buffer):
        return None if oid == Oid.NIC_SWITCH_FREE_VF else super().oid_request(kind, oid, buffer)


class Stumbles(VfMiniport):
    def oid_request(self, kind, oid, buffer):
        return super().oid_request(kind, oid.name and oid, buffer)


class NoMiniport:
    pass
"""


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Runs `nicmodel` where mine.py is; returns status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)

    def run(*arguments):
        status = main(list(map(str, arguments)))
        return status, *capsys.readouterr()
    return run


def rows_of(text: str) -> dict:
    return {row["id"]: row for row in json.loads(text)["rows"]}


def test_every_rule_has_a_row_with_all_that_a_row_says(command):
    status, out, _ = command("rules", "--set", "num_vfs=2", "--json")
    rows = json.loads(out)["rows"]
    assert status == 0 and [row["id"] for row in rows] == [rule.id for rule in RULES]
    for row in rows:
        assert all(row[key] for key in ("who", "when", "rule", "severity", "reading", "source", "judged", "evidence")), row
        assert row["verdict"] in ("obeyed", "not_exercised", "not_checkable")
    assert [row["judged"].startswith("as ") for row in rows] == [bool(rule.by) for rule in RULES]
    assert not [name for name, mutant in MUTANTS.items() if name not in rows_of(out)[mutant.rule]["judged"]]
    ways = standing()
    assert {key: ways[key] for key in ("as other rules", "tested", "not checkable")} == {
        "as other rules": sum(bool(rule.by) for rule in RULES), "tested": sum(bool(rule.tested) for rule in RULES),
        "not checkable": sum(bool(rule.unchecked) for rule in RULES)}
    assert json.loads(out)["standing"] == ways and len(json.loads(out)["readings"]) == len(READINGS)


def test_what_a_driver_stumbles_over_is_shown(command):
    status, out, _ = command("rules", "--driver", "mine.py:Stumbles", "--set", "num_vfs=2", "--json")
    row = rows_of(out)["GEN-OID-03"]
    assert row["verdict"] == "broken" and "AttributeError" in row["evidence"]


def test_a_pf_that_answers_with_no_status_is_judged(command):
    status, out, _ = command("rules", "--driver", "pf=mine.py:SaysNothingAtFreeVf", "--set", "num_vfs=2", "--json")
    row = rows_of(out)["RESET-05"]
    assert row["verdict"] == "broken" and row["evidence"].endswith("is not known any more: None")


def test_a_driver_of_ones_own_is_judged(command):
    status, out, _ = command("rules", "--driver", "mine.py:TakesTheStepAtItsWord", "--set", "num_vfs=2", "--json")
    row = rows_of(out)["VF-INIT-10"]
    assert status == 0 and row["verdict"] == "broken" and "0x3" in row["evidence"]
    good = command("rules", "--driver", "1=mine:Good", "--set", "num_vfs=2", "--json")[1]
    assert rows_of(good)["VF-INIT-10"]["verdict"] == "obeyed"


def test_a_driver_of_ones_own_runs_in_any_command_and_scenario(command):
    out = command("run", "vf_scaling", "--set", "num_vfs=2", "--set", "duration=20us", "--set", "warmup=0",
                  "--set", "driver.mutants.1=mine.py:TakesTheStepAtItsWord", "--set", "expect=[]", "--json")[1]
    vfs = json.loads(out)["simulated"]["vfs"]
    assert [(vf["state"], vf["rule"]) for vf in vfs] == [("running", None), ("closed", "VF-INIT-10")]


def test_strict_stops_at_the_first_offence(command):
    arguments = ("rules", "--strict", "--set", "num_vfs=2", "--driver", "1=mine.py:TakesTheStepAtItsWord")
    status, out, _ = command(*arguments)
    assert status == 1 and out.startswith("First offence: VF1: VF-INIT-10 broken by NdisMSetMiniportAttributes")
    offence = json.loads(command(*arguments, "--json")[1])["offence"]
    assert offence["rule"] == "VF-INIT-10" and offence["time_ps"] > 0
    assert command("rules", "--strict", "--set", "num_vfs=1")[0] == 0


@pytest.mark.parametrize(("driver", "says"), [
    ("mine.py:Nothing", "mine.py has no class Nothing"), ("none.py:X", "none.py cannot be read"),
    ("mine.py:NoMiniport", "is no miniport"), ("nowhere:X", "nowhere cannot be imported"),
    ("mine", "write module:Class or file.py:Class"), ("pf=mine.py:Good", "it is no driver of a PF"),
    ("9=mine.py:Good", "--driver: there is no VF 9"),
])
def test_a_mistake_is_one_sentence(command, driver, says):
    status, out, err = command("rules", "--driver", driver, "--set", "num_vfs=2")
    assert status == 2 and out == "" and says in err and err.count("\n") == 1


def test_a_table_has_one_form(command):
    status, out, err = command("rules", "one_vf", "--json", "--markdown")
    assert status == 2 and out == "" and "two forms of one table" in err and err.count("\n") == 1


def test_markdown_has_a_section_a_family_and_a_last_line():
    rows = [{"id": rule.id, **dict.fromkeys(("who", "when", "severity", "reading", "source", "judged", "evidence"), "x"),
             "rule": "*SRIOV | a_b", "verdict": "obeyed"} for rule in RULES]
    text = markdown(rows)
    lines = text.splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == [
        *dict.fromkeys(rule.family for rule in RULES), "How contradictory (C) and silent (G) pages were read"]
    assert sum(line.startswith("| ") for line in lines) == \
        len(RULES) + 2 * len({rule.family for rule in RULES}) + len(READINGS) + 2
    assert r"\*SRIOV \| a\_b" in text and lines[-1].startswith(f"{len(RULES)} rules: ")


def test_columns_fold_in_a_pipe_and_help_says_how_to_have_them_whole(command):
    said = " ".join(command("rules", "--help")[1].split())
    assert "Columns fold in a pipe as in a narrow window: --markdown and --json print them whole." in said
    plain = [rule.source for rule in RULES if not set("|_*\\") & set(rule.source)]         # what Markdown leaves as it is
    whole = [max(plain, key=len) in command("rules", "one_vf", *form)[1] for form in ((), ("--markdown",))]
    assert whole == [False, True]
