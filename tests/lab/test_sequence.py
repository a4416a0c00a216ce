"""The diagrams of docs/ndis.md are what a run gives now, and keep the order that the pages demand."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import simpy

from nicmodel.lab import sequence
from nicmodel.lab.loading import load
from nicmodel.ndis.journal import Journal
from nicmodel.sim.errors import ScenarioError

PAGE = Path(__file__).parents[2] / "docs/ndis.md"
LINE = re.compile(r"^    (\w+)-?->>(\w+): (?:((?:UP|DN|PD)-\d\d) )?(.*?)(?: x\d+)?(?: @ ([\d.]+) us)?$")
DRAWN = {found[2]: found[0] for found in sequence.MARKED.finditer(PAGE.read_text())}
# What the pages demand: each before the next, in one diagram.
ORDERS = {
    "the PF describes itself before it enables virtualization, and is asked for a switch only then":
        ("bring_up", "UP-01", "UP-02", "UP-04", "hardware_assist", "NdisMEnableVirtualization(1, TRUE)", "CREATE_SWITCH",
         "UP-08"),
    "the guest hears of a device when VF, VPort and filter are there":
        ("bring_up", "SET_FILTER", "ALLOCATE_VF", "GetVirtualFunctionLocation", "CREATE_VPORT", "MOVE_FILTER", "UP-14"),
    "the device is built before its driver is loaded, and runs before NetVSC binds":
        ("bring_up", "UP-14", "UP-15", "UP-16", "NDIS->>VF: UP-17 MiniportInitializeEx", "NDIS->>VF: UP-17 MiniportRestart",
         "UP-18", "UP-19"),
    "a VF's attributes": ("bring_up", "VF->>NDIS: NdisGetHypervisorInfo", "VF->>NDIS: NdisMSetMiniportAttributes(registration)",
                          "VF->>NDIS: NdisMSetMiniportAttributes(general)",
                          "VF->>NDIS: NdisMSetMiniportAttributes(hardware_assist)", "VF-->>NDIS: MiniportInitializeEx SUCCESS"),
    "unbind, pause, halt, then the filter, the VPort, the reset, the VF":
        ("teardown", "DN-01", "NetVSC->>VF: DN-03", "DN-03 MiniportPause", "DN-03 MiniportHaltEx", "MOVE_FILTER", "DELETE_VPORT",
         "RESET_VF", "FREE_VF"),
    "filters and VFs go before the switch, the switch before the PF":
        ("teardown", "FREE_VF", "CLEAR_FILTER", "DELETE_SWITCH", "PD-07 MiniportPause", "PD-07 MiniportHaltEx",
         "NdisMEnableVirtualization(0, FALSE)"),
}


def arrows(text: str) -> list[re.Match[str]]:
    """Every line with an arrow; a line of another shape is an error."""
    lines = [line for line in text.splitlines() if "->>" in line]
    found = [LINE.match(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    return [match for match in found if match]


def test_the_page_shows_the_run_as_it_is():
    page = PAGE.read_text()
    assert set(DRAWN) == set(sequence.NAMES)
    assert sequence.renewed(page) == page, "run: python -m nicmodel.lab.sequence docs/ndis.md"


@pytest.mark.parametrize("said", ORDERS)
def test_order_that_the_pages_demand(said):
    name, *parts = ORDERS[said]
    lines = DRAWN[name].splitlines()
    places = [next(i for i, line in enumerate(lines) if part in line) for part in parts]
    assert places == sorted(places) and len(set(places)) == len(places), list(zip(parts, places, strict=True))


@pytest.mark.parametrize("name", sequence.NAMES)
def test_steps_and_times_only_grow(name):
    found = arrows(DRAWN[name])
    assert 15 <= len(found) <= 50, "some forty arrows can be read"
    assert {end for match in found for end in match.group(1, 2)} <= set(sequence.PARTICIPANTS)
    steps = [match[3] for match in found if match[3]]
    assert steps == sorted(steps)
    times = [float(match[5]) for match in found if match[5]]
    assert times == sorted(times)


def test_the_whole_way_is_drawn_by_its_ids():
    up, down = ({match[3] for match in arrows(DRAWN[name])} - {None} for name in sequence.NAMES)
    assert up == {f"UP-{n:02}" for n in range(1, 20)} - {"UP-03", "UP-09"}
    assert down == {"DN-01", *(f"DN-{n:02}" for n in range(3, 8)), "PD-02", "PD-05", "PD-06", "PD-07", "PD-08"}


def test_a_library_is_heard_within_steps_only_and_goes_on_recording():
    """What is called before a step, between two and after the last is in no diagram, but in the library's own record."""
    journal, heard = Journal(simpy.Environment()), []
    library = SimpleNamespace(role="VF", record=lambda name, **args: (name, args))
    sequence.listen(library, journal, heard)
    answers = [library.record("before")]
    first = journal.begin("UP-01", "VS", "one")
    answers.append(library.record("in the first", vf=1))
    journal.end(first)
    answers.append(library.record("between"))
    second = journal.begin("UP-02", "VS", "two")
    answers.append(library.record("in the second"))
    journal.end(second)
    answers.append(library.record("after"))
    assert [name for name, _ in answers] == ["before", "in the first", "between", "in the second", "after"]
    assert heard == [sequence.Heard("VF", answers[1], 0), sequence.Heard("VF", answers[3], 1)]
    assert answers[1] == ("in the first", {"vf": 1})


def test_what_repeats_is_drawn_once():
    one, two = (sequence.Arrow(at, "VF", "NDIS", text) for at, text in ((1, "a"), (2, "b")))
    folded = [(times, len(block)) for times, block in sequence.folded([one, one, two, one, two, one, two])]
    assert folded == [(2, 1), (2, 2), (1, 1)]


def test_a_driver_in_breach_is_drawn_up_to_its_rule(capsys):
    sequence.main(["bad_vf_driver", "--vf", "2"])
    printed = capsys.readouterr().out
    assert "MiniportInitializeEx fails with FAILURE, closed by VF-INIT-12" in printed
    assert "UP-18" not in printed and "DN-04 OID_RECEIVE_FILTER_MOVE_FILTER" in printed


def test_a_page_is_renewed_in_place(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- sequence: teardown -->\nold\n<!-- end -->\nafter\n")
    sequence.main([str(page)])
    assert page.read_text() == f"before\n{DRAWN['teardown']}\nafter\n"


def test_what_there_is_not_is_refused():
    with pytest.raises(ValueError, match="bring_up, teardown is allowed"):
        sequence.renewed("<!-- sequence: sideways -->\n<!-- end -->")
    with pytest.raises(ScenarioError, match="VFs 0 to 3"):
        sequence.record(load("bad_vf_driver"), 4)
