"""The compiled plane's constants are those of the datasheet, as committed and as compiled."""

from __future__ import annotations

import re

import pytest

from nicmodel._fast import generate
from nicmodel.datasheet import arbiters, counters, pcie_link
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import Direction, FlowConfig


def test_the_committed_file_is_what_the_tables_say():
    assert generate.TARGET.read_text() == generate.render(), "run python -m nicmodel._fast.generate"


def test_rendering_follows_the_tables(monkeypatch):
    """A table that changes changes the text: the file above cannot agree by accident."""
    before = generate.render()
    monkeypatch.setattr(pcie_link, "PAGE_BYTES", 8192)
    assert generate.render() == before.replace("PAGE_BYTES = 4096", "PAGE_BYTES = 8192") != before
    monkeypatch.setattr(arbiters, "ARBITERS", arbiters.ARBITERS[1:])
    assert f"NUM_ARBITERS = {len(arbiters.ARBITERS)}\n" in generate.render()


def test_enumerations_are_positions_in_their_tables():
    rows = dict(re.findall(r"^    (\w+) = (-?\d+)$", generate.render(), re.MULTILINE))
    assert {name: int(value) for name, value in rows.items() if name.startswith("COUNT_")} == {
        "COUNT_" + counter.name.upper(): position for position, counter in enumerate(counters.FUNCTION_COUNTERS)}
    core = sum(1 << int(rows[a.name.upper()]) for a in arbiters.ARBITERS if a.clock == "core")
    assert int(rows["CORE_ARBITERS"]) == core
    assert int(rows["PS_ARBITERS"]) & core == 0
    assert int(rows["PS_ARBITERS"]) | core == (1 << len(arbiters.ARBITERS)) - 1


@pytest.mark.parametrize("name, wrong", [("dst_mac", 1 << 48), ("src_mac", -1), ("vlan", 4096)])
def test_a_flow_has_addresses_of_48_bits_and_a_vlan_of_12(name, wrong):
    with pytest.raises(ModelBug, match=f"a flow's {name} has .* bits: {wrong} does not fit"):
        FlowConfig(**{"direction": Direction.RX, "sizes": (64,), "dst_mac": 1, "src_mac": 2, name: wrong})


@pytest.mark.parametrize("wrong, told", [
    ({"sizes": ()}, "sizes of 5 to 65536 bytes"), ({"sizes": (64, 4)}, "sizes of 5 to 65536 bytes"),
    ({"sizes": (65537,)}, "sizes of 5 to 65536 bytes"), ({"interval_ticks": -1}, "cannot run backwards")])
def test_a_flow_has_frames_and_goes_forward(wrong, told):
    """Whichever plane it is meant for."""
    with pytest.raises(ModelBug, match=told):
        FlowConfig(**{"direction": Direction.RX, "sizes": (64,), "dst_mac": 1, "src_mac": 2} | wrong)


def test_who_decides_between_tags_and_upstream_is_who_a_request_looks_at():
    """A read request starts at TAGS only if nobody there is touched (`TAGS_TO_UPSTREAM` in types.pxd)."""
    names = [row.name for row in arbiters.ARBITERS]
    between = names[names.index("TAGS") + 1:names.index("UPSTREAM")]
    text = (generate.TARGET.parent / "types.pxd").read_text()
    mask = re.search(r"TAGS_TO_UPSTREAM = (.*?)\s+#", text)
    assert mask and re.findall(r"1 << (\w+)", mask[1]) == between
