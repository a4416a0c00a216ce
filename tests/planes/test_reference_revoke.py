"""What a reset does to what is under way in the whole link and the whole host (docs/time.md, 9); times by hand.

Function 1's lone frame as in test_reference_link.py; with an IOMMU its descriptor read walks from 166 000 to 446 000.
"""

from __future__ import annotations

import pytest
from harness import NS, US, Queue
from whole import GEN2, PLANES, by_function, one, stage, waited

from nicmodel.datasheet.counters import DROP_REASONS
from nicmodel.datasheet.stages import FIRST_DROP
from nicmodel.sim.plane import TRANSLATION_FAULT, UpcallKind

RESET = FIRST_DROP + [reason.name for reason in DROP_REASONS].index("reset")
MMU = {"iotlb_entries": 8, "walk_ps": 280 * NS}
PAIR = (Queue(1, count=1), Queue(2, count=1))
pytestmark = pytest.mark.parametrize("plane", PLANES)


def test_a_walk_of_a_revoked_read_goes_on_and_so_does_its_tag(plane):
    """One tag. Function 1 is reset at 300 000; its read is answered all the same, the tag is back at 855 000.

    Function 2's descriptor: edge 857 600, at the root 863 600, walked by 1 143 600, home 1 552 600.
    """
    outcome = one(plane, *PAIR, actions=((300 * NS, "reset", (1,)),), tags=1, **MMU)
    assert by_function(outcome, "DESC_FETCHED") == {2: [1_555_200]}


def test_a_revoked_walk_that_waits_is_not_taken_back_and_its_page_is_known_afterwards(plane):
    """One walker, busy with function 1 until 446 000. Function 2 is reset meanwhile: its walk still runs, to 726 000.

    Its next ring's descriptor (1 000 000: doorbell 1 033 600, at the root 1 039 600) finds the page: home 1 448 600.
    """
    actions = ((300 * NS, "reset", (2,)), (900 * NS, "reopen", (1,)), (1 * US, "send", (1, 0, (60,))))
    outcome = one(plane, *PAIR, actions=actions, **MMU)
    assert by_function(outcome, "DESC_FETCHED")[2] == [1_452_800]
    assert waited(outcome, "walk_queue") == {"server": 446_000 - 172_400}


def test_a_blocked_tlp_of_a_revoked_ring_is_still_reported(plane):
    actions = ((3 * US, "stray", (0, 0, 1 << 50)), (3900 * NS, "reset", (1,)))
    outcome = one(plane, Queue(1, agent=False), actions=actions, **MMU)
    assert [(u.time, u.args[1]) for u in outcome.upcalls if u.kind == UpcallKind.FAULT] == [(4_017_200, TRANSLATION_FAULT)]
    assert int(outcome.results["rows"][0]["outcome"]) == RESET and stage(outcome, "DATA_FETCHED") == -1


@pytest.mark.parametrize("at, second", [(578_000, 1_420_800), (575_999, 992_000)])
def test_a_cap_counts_tags_of_revoked_requests_until_they_are_answered(plane, at, second):
    """Two rings of one function, a cap of one. Ring 0 is closed when its payload read has started (576 000): answered
    982 000, home 1 002 000, ring 1's descriptor read goes at edge 1 004 800 and is home 1 419 800. Or just before it is
    asked for: then ring 1's read goes at 576 000, home 991 000."""
    outcome = one(plane, Queue(1, count=1), Queue(1, count=1, vector=1), actions=((at, "close", (0, 0)),), tag_cap=1)
    ring = outcome.results["rows"]["ring"] == 1
    assert int(outcome.results["rows"]["DESC_FETCHED"][ring][0]) == second


@pytest.mark.parametrize("policy", ["burst", "interleaved"])
def test_completions_of_a_revoked_read_all_come(plane, policy):
    """Four completions of 37 000, from 982 000 on; one tag. A reset while the first is on the link: the other three are
    queued or, interleaved, two of them not yet. The tag is back at 1 130 000: function 2's read goes at edge 1 132 800,
    home after 6 000, 400 000 and 9 000."""
    first = Queue(1, count=1, sizes=(516,))
    outcome = one(plane, first, PAIR[1], actions=((1 * US, "reset", (1,)),), tags=1, mps=128, completions=policy)
    assert by_function(outcome, "DESC_FETCHED")[2] == [1_548_800]


@pytest.mark.parametrize("at, tlps", [(1_000_000, 1), (1_104_800, 1), (1_190_000, 2), (1_190_001, 2)])
def test_what_waits_for_a_retrain_is_taken_back_what_started_after_it_is_not(plane, at, tlps):
    """PCIe retrains from 900 000 to 1 100 000: an UpdateFC of 2 000, payload from 1 102 000, home 1 122 000, edge 1 126 400.

    The write-back starts then: a reset before takes back the frame and there is none; later it reaches memory.
    """
    actions = ((900 * NS, "set", ("retrain", 0, 200 * NS, *GEN2)), (at, "reset", (1,)))
    outcome = one(plane, PAIR[0], actions=actions)
    assert stage(outcome, "DATA_FETCHED") == (1_126_400 if at > 1_126_400 else -1)
    links = outcome.results["links"]
    assert int(links[0]["tlps"]) == 2 + (2 if tlps == 2 else 0)        # two reads; write-back and its message
    assert int(outcome.results["rows"][0]["outcome"]) == RESET


@pytest.mark.parametrize("at, tlps", [(1_100_000, 2), (1_203_000, 2), (1_203_001, 3), (1_213_001, 4)])
def test_a_write_back_and_its_message_that_wait_for_a_retrain_are_taken_back(plane, at, tlps):
    """Two reads have gone. PCIe retrains from 1 003 000 to 1 203 000; the write-back and its message wait since 1 004 800.

    A reset at the instant in which the write-back would start takes back both; one ps later only the message, which
    would start at 1 213 000.
    """
    actions = ((1003 * NS, "set", ("retrain", 0, 200 * NS, *GEN2)), (at, "reset", (1,)))
    assert int(one(plane, PAIR[0], actions=actions).results["links"][0]["tlps"]) == tlps


@pytest.mark.parametrize("at, on", [(1_500_000, -1), (1_500_001, 1_500_000)])
def test_a_frame_that_waits_for_the_wire_is_taken_back_until_it_starts(plane, at, on):
    """The wire comes back at 1 500 000: a reset at that instant finds the frame not started, one ps later it is final."""
    actions = ((1 * US, "set", ("wire", 0, 0)), (1500 * NS, "set", ("wire", 0, 800 * 1024)), (at, "reset", (1,)))
    assert stage(one(plane, PAIR[0], actions=actions), "ON_WIRE") == on


def test_a_revoked_write_holds_its_place_until_it_is_walked(plane):
    """As in test_reference_host.py: function 1's second frame is walked from 5 339 400 to 5 619 400, reset at 5 400 000.

    Function 2's frame commits no earlier for that: 5 839 400. Function 1's frame stamps nothing.
    """
    queues = [Queue(f, tx=False, rx=True, agent=False) for f in (1, 2)]
    actions = ((1400 * NS, "set", ("page_shift", 2, 21)), (1500 * NS, "post", (0, 0, 8)), (1500 * NS, "post", (1, 0, 8)),
               (5 * US, "inject", (60, 1)), (5 * US, "inject", (60, 1)), (5 * US, "inject", (60, 2)), (5400 * NS, "reset", (1,)))
    outcome = one(plane, *queues, actions=actions, **MMU)
    assert by_function(outcome, "DATA_WRITTEN") == {1: [-1, -1], 2: [5_839_400]}


def test_the_pace_of_reads_counts_from_a_grant_that_was_taken_back(plane):
    """read_cycles 100: 640 000. Function 1's descriptor read is granted at 160 000 and taken back at 160 000 + 1 (started),
    function 2's goes at 800 000 all the same: home 1 215 000, edge 1 216 000."""
    outcome = one(plane, *PAIR, actions=((160_001, "reset", (1,)),), read_cycles=100)
    assert by_function(outcome, "DESC_FETCHED") == {2: [1_216_000]}
