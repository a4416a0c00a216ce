"""What is generated from the datasheet and committed equals what the datasheet says now."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from nicmodel._fast import generate
from nicmodel.datasheet import arbiters, profiles, stages, tables
from nicmodel.datasheet.policies import PARAMETERS, choices
from nicmodel.sim.config import PlaneConfig

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))


@pytest.mark.parametrize("name", PAGES)
def test_pages_quote_the_datasheet_as_it_is(name):
    page = (DOCS / name).read_text()
    assert tables.renewed(page) == page, "run: python -m nicmodel.datasheet.tables docs/" + name


def test_every_table_is_quoted_once():
    quoted = [found[2] for name in PAGES for found in tables.MARKED.finditer((DOCS / name).read_text())]
    assert sorted(quoted) == sorted(tables.tables())


def test_the_compiled_plane_has_the_facts_of_the_datasheet():
    assert generate.TARGET.read_text() == generate.render(), "run: python -m nicmodel._fast.generate"


def test_every_stage_has_a_meaning_and_no_other_has():
    assert tuple(tables.TX_MEANINGS) == stages.TX_STAGES and tuple(tables.RX_MEANINGS) == stages.RX_STAGES


def test_tables_hold_every_row_in_order():
    lines = tables.tables()["arbiters"].splitlines()[2:]
    assert [line.split("`")[1] for line in lines] == [a.name for a in arbiters.ARBITERS]
    assert len(tables.tables()["events"].splitlines()) == 2 + len(stages.EVENTS)


def test_a_number_has_the_source_that_stands_beside_it():
    lines = tables.tables()["profiles"].splitlines()
    row = next(line for line in lines if line.startswith("| `read_buffer`"))
    x520, vf100g = (profiles.PROFILES[name].read_buffer for name in ("x520", "vf100g"))
    assert row == f"| `read_buffer` | {x520} | assumed | {vf100g} | assumed |"


def test_the_first_policy_of_a_parameter_is_its_default():
    defaults = {field.name: field.default for field in fields(PlaneConfig)}
    assert all(defaults[parameter] == choices(parameter)[0] for parameter in PARAMETERS)


def test_a_page_that_is_out_of_date_is_seen():
    old = "<!-- table: hosts -->\nold\n<!-- end -->"
    assert "`xeon`" in tables.renewed(old) and "old" not in tables.renewed(old)
    with pytest.raises(ValueError, match='^there is nothing named "none": one of .*hosts.* is allowed'):
        tables.renewed("<!-- table: none -->\n<!-- end -->")
