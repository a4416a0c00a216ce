"""Who gets a frame: filters with and without VLAN, the default pool, and the switch between functions; on both planes."""

from __future__ import annotations

import pytest
from harness import US, Queue, mac_of
from whole import PLANES, one

from nicmodel.datasheet.stages import DELIVERED
from nicmodel.sim.plane import Payload

RX_0, RX_1, RX_2 = (Queue(function, tx=False, rx=True, agent=False) for function in range(3))
REST = b"\x88\xb5" + bytes(60)
POSTED = tuple((1 * US, "post", (ring, 0, 16)) for ring in range(3))
pytestmark = pytest.mark.parametrize("plane", PLANES)


def took(outcome):
    """The function of every frame that was received, in the order of arrival; None if it was dropped."""
    rows = outcome.results["rows"]
    return [int(row["function"]) if row["outcome"] == DELIVERED else None for row in rows if row["kind"] != 0]


@pytest.mark.parametrize("vlan, taken", [(-1, "untagged, 0, priority, 5, 6"), (0, "untagged, 0, priority"), (5, "5")])
def test_a_filter_takes_what_its_vlan_says_and_reads_id_0_as_untagged(plane, vlan, taken):
    """FILTER-06, -07, -09: address and VLAN must both match; a tag with id 0 carries a priority alone (C-09)."""
    frames = {"untagged": REST, "0": b"\x81\x00\x00\x00" + REST, "priority": b"\x81\x00\xe0\x00" + REST,
              "5": b"\x81\x00\x60\x05" + REST, "6": b"\x81\x00\x00\x06" + REST}
    actions = (*POSTED[:1], (1 * US, "set", ("filter", 1, 1, mac_of(1), vlan, 1)),
               *((2 * US, "frame", (frame, 1)) for frame in frames.values()), (2 * US, "frame", (REST, 2)))
    outcome = one(plane, RX_1, actions=actions, end=6 * US)
    wanted = taken.split(", ")
    assert took(outcome) == [*(1 if name in wanted else None for name in frames), None], "another address is nobody's"


def test_what_matches_no_filter_goes_to_the_default_pool(plane):
    """FILTER-15, of frames from the wire; the lowest slot that matches decides for the others."""
    actions = (*POSTED, (1 * US, "set", ("default_pool", 0, 0)), (1 * US, "set", ("filter", 9, 1, mac_of(1), -1, 2)),
               *((2 * US, "frame", (REST, function)) for function in (1, 2, 7)))
    assert took(one(plane, RX_0, RX_1, RX_2, actions=actions, end=6 * US)) == [1, 2, 0]


@pytest.mark.parametrize("posted, at", [(0, 1 * US), (2, 1 * US), (2, 1_990_000)], ids=["none", "on chip", "being fetched"])
def test_a_frame_for_which_no_descriptor_is_left_is_dropped(plane, posted, at):
    """Four frames from 2 us on, for as many descriptors as the ring owns: those that are on their way are spoken for as well."""
    post = ((at, "post", (0, 0, posted)),) if posted else ()
    outcome = one(plane, RX_1, actions=(*post, *((2 * US, "inject", (60, 1)),) * 4), end=6 * US)
    assert took(outcome) == [1] * posted + [None] * (4 - posted)
    assert outcome.results["functions"]["drop_no_descriptor"][1] == 4 - posted


@pytest.mark.parametrize("on, left, back", [(1, [2, 3, 4], [(0, 2), (1, 0)]), (0, [0, 1, 2, 3, 4], [])])
def test_frames_to_a_filter_of_another_function_stay_in_the_switch(plane, on, left, back):
    """FILTER-15, PATH-08: VF 0 (function 1) sends to VF 1, to a guest behind the default VPort, to itself, and to strangers.

    Its own and strangers' frames leave on the wire, and the default pool takes none back.
    """
    frames = tuple(mac_of(function).to_bytes(6, "big") + mac_of(1).to_bytes(6, "big") + REST for function in (2, 0, 1, 7, 8))
    sender = Queue(1, agent=False)
    actions = (*((1 * US, "post", (ring, 0, 16)) for ring in (1, 2)), (1 * US, "set", ("default_pool", 0, 0)),
               (1 * US, "set", ("loopback", 0, on)), (2 * US, "send_bytes", (0, 0, frames)))
    rows = one(plane, sender, RX_0, RX_2, actions=actions, end=8 * US, payload=Payload.FULL).results["rows"]
    sent, looped = rows[rows["kind"] == 0], rows[rows["kind"] == 2]
    assert (sent["outcome"] == DELIVERED).all() and [i for i in range(5) if sent["ON_WIRE"][i] >= 0] == left
    parents = {int(serial): i for i, serial in enumerate(sent["serial"])}
    assert [(parents[int(row["parent"])], int(row["function"])) for row in looped if row["outcome"] == DELIVERED] == back
