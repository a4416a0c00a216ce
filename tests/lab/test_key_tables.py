"""The list of a scenario's keys: complete, said in words, and the same on the page, in the command and in the validators."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import Field

from nicmodel.datasheet.profiles import PROFILES
from nicmodel.lab import key_tables
from nicmodel.lab.axes import kinds
from nicmodel.lab.keys import Section
from nicmodel.lab.loading import build, known_keys, lists_of_tables
from nicmodel.lab.validators import Time
from nicmodel.sim.errors import ScenarioError

PAGE = Path(__file__).parents[2] / "docs/keys.md"
ROWS = {row.key: row for row in key_tables.keys()}


def test_the_page_has_the_keys_as_they_are():
    page = PAGE.read_text()
    assert key_tables.renewed(page) == page, "run: python -m nicmodel.lab.key_tables docs/keys.md"


def test_every_table_stands_on_the_page_once():
    assert sorted(found[2] for found in key_tables.MARKED.finditer(PAGE.read_text())) == sorted(key_tables.tables())


def test_a_page_that_is_out_of_date_is_seen():
    old = "<!-- keys: pcie -->\nout of date\n<!-- end -->"
    assert "| `mps` |" in key_tables.renewed(old) and "out of date" not in key_tables.renewed(old)
    with pytest.raises(ValueError, match='^there is nothing named "none": one of .*pcie.* is allowed'):
        key_tables.renewed("<!-- keys: none -->\n<!-- end -->")


def test_every_key_is_listed_with_a_meaning_and_what_is_allowed():
    lists = {*lists_of_tables(), "expect"}
    assert {key for key in ROWS if ".N." not in key} == set(known_keys()) - lists
    assert {key.partition(".N.")[0] for key in ROWS if ".N." in key} == lists
    assert not [row.key for row in ROWS.values() if not row.meaning or not row.allowed]
    assert not [row.key for row in ROWS.values() if "|" in "".join(map(str, row))]


def test_a_key_without_words_is_seen():
    class Some(Section):
        said: Time = Field(default=0, description="of something")
        unsaid: int = 0

    said, unsaid = key_tables.keys(Some)
    assert (said.meaning, said.unit, unsaid.meaning, unsaid.allowed) == ("of something", "ps", "", "")


def test_a_quantity_has_its_unit():
    assert {key: row.unit for key, row in ROWS.items() if row.unit and ".N." not in key} \
        == {key: kind.base for key, kind in kinds().items()} | {"traffic.sizes": "B"}


@pytest.mark.parametrize(("key", "value"), [
    ("pcie.mps", "300B"), ("pcie.rcb", "32B"), ("pcie.tags", 0), ("host.page_size", "8KiB"), ("host.read_latency", "-1ns"),
    ("nic.vf_rate", "999bps"), ("driver.itr", "1ns"), ("driver.rss", 1), ("direction", "up"), ("ring_size", 63),
    ("traffic.sizes", 3), ("traffic.loads", 3), ("driver.mutants", 3), ("load", "much"), ("id", 3), ("frame_size", "1B")])
def test_what_is_listed_as_allowed_is_what_a_refusal_says(key, value):
    with pytest.raises(ScenarioError) as error:
        build({}, None, {key: value})
    words = re.sub("^a (size|time|bit rate):? ", "", ROWS[key].allowed.partition("; each ")[0])
    assert words in str(error.value)


def test_defaults_are_those_of_a_scenario_that_says_nothing():
    """Written back, they change nothing; nor do those in brackets, for their profile."""
    for name in (key_tables.PROFILE, *PROFILES):
        given = {key: own_default(row.default, name) for key, row in ROWS.items()
                 if row.default not in ("none", key_tables.NEEDED) and ".N." not in key}
        given |= {"profile": name, "schema": 1}
        assert build({}, None, {key: as_value(value) for key, value in given.items()}) == build({"profile": name})


def own_default(text: str, profile: str) -> str:
    first, *others = text.split("; ")
    return next((other.removesuffix(f" ({profile})") for other in others if other.endswith(f"({profile})")), first)


def as_value(text):
    return int(text) if str(text).isdigit() else {"true": True, "false": False}.get(text, text)


def test_the_command_lists_the_same(command):
    status, out, _ = command("list", "--keys", "--json")
    listed = json.loads(out)["rows"]
    assert status == 0 and [row["key"] for row in listed] == list(ROWS)
    assert listed[list(ROWS).index("pcie.mps")] == {
        "table": "pcie", "key": "pcie.mps", "meaning": "maximum payload of a TLP", "unit": "B",
        "allowed": "a size: a power of two from 128B to 4096B", "default": "256B"}
    status, out, _ = command("list", "--keys")
    assert status == 0 and all(key in out for key in ROWS)


def test_help_says_where_the_keys_are_listed(command):
    for name in ("run", "explain", "sweep", "replay", "lspci", "rules"):
        assert "nicmodel list --keys" in " ".join(command(name, "--help")[1].split())
