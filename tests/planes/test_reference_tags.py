"""Tags, descriptor fetch, writers and completions: who goes first, how many, how often; times by hand.

A 1518-byte frame is fetched by three reads, of 512, 512 and 490 bytes, asked for at 576 000, 582 400 and 588 800; their
completions take 138 000, 138 000 and 133 000: together home at 1 391 000, edge 1 395 200.
"""

from __future__ import annotations

import pytest
from harness import NS, US, Queue
from whole import GEN2, PLANES, by_function, one, stage, waited

from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.sim.errors import ModelBug

PYTHON_1 = Queue(1, agent=False)
LONG = Queue(1, count=1, sizes=(1518,))
pytestmark = pytest.mark.parametrize("plane", PLANES)


# tags ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("config, cause", [({"tag_cap": 1}, "own"), ({"tags": 1}, "pool"),
                                           ({"tags": 2, "tag_reserve": 1}, "pool")])
def test_one_tag_at_a_time_by_cap_by_pool_or_by_reserve(plane, config, cause):
    """Reads at 576 000, 1 120 000 and 1 664 000 (each 6 000 + 400 000 + 138 000); the last home at 2 203 000."""
    outcome = one(plane, LONG, **config)
    assert stage(outcome, "DATA_FETCHED") == 2_208_000
    assert waited(outcome, "payload") == {cause: 1_664_000 - 582_400}
    assert stage(one(plane, LONG), "DATA_FETCHED") == 1_395_200


def test_a_cap_holds_one_function_and_lets_the_others_pass(plane):
    """Function 1 may hold one tag; function 2, asked for behind it, does not wait for that.

    Function 2's descriptor is home at 584 000, edge 588 800; its payload read follows at once: answered 994 800, behind
    function 1's completions (to 1 120 000): home at 1 140 000, edge 1 145 600.
    """
    outcome = one(plane, LONG, Queue(2, count=1), tag_cap=1)
    assert by_function(outcome, "DATA_FETCHED") == {1: [2_208_000], 2: [1_145_600]}


def test_a_reserve_is_less_than_all(plane):
    with pytest.raises(ModelBug, match="leaves payload reads none"):
        one(plane, tags=4, tag_reserve=4)


@pytest.mark.parametrize("policy, fetched, payload", [("round_robin", 1_420_800, 1_004_800),
                                                      ("descriptors_first", 992_000, 1_420_800)])
def test_class_policy_with_one_tag(plane, policy, fetched, payload):
    """At 576 000 function 1's payload and function 2's descriptor want the one tag.

    Payload first: 1 002 000, edge 1 004 800; descriptor to 1 419 800, edge 1 420 800. Descriptor first: home at 991 000,
    edge 992 000; payload 6 000 + 400 000 + 20 000 later: 1 418 000, edge 1 420 800.
    """
    outcome = one(plane, Queue(1, count=1), Queue(2, count=1), tags=1, tag_classes=policy)
    assert by_function(outcome, "DESC_FETCHED")[2] == [fetched]
    assert by_function(outcome, "DATA_FETCHED")[1] == [payload]


@pytest.mark.parametrize("policy, first, second", [("oldest", 2_624_000, 3_052_800), ("round_robin", 3_052_800, 1_964_800)])
def test_function_policy_within_a_class_with_one_tag(plane, policy, first, second):
    """Function 1's three reads: the first at 576 000 to 1 120 000; then function 2's descriptor, home 1 535 000.

    At 1 536 000 two reads of function 1 wait, and one of function 2. Oldest: 2 080 000, 2 619 000 (edge 2 624 000), then
    function 2: 3 050 000. In turns: function 2 to 1 962 000 (edge 1 964 800), then function 1: 1 964 800 + 544 000 =
    2 508 800, an edge, + 539 000 = 3 047 800.
    """
    outcome = one(plane, LONG, Queue(2, count=1), tags=1, tag_functions=policy)
    assert by_function(outcome, "DATA_FETCHED") == {1: [first], 2: [second]}


@pytest.mark.parametrize("cycles, fetched", [(0, 1_395_200), (4, 1_395_200), (40, 1_632_000)])
def test_reads_are_granted_that_many_cycles_apart(plane, cycles, fetched):
    """40 cycles are 256 000: reads at 576 000, 832 000, 1 088 000; the last home at 1 627 000. 4 cycles do not show."""
    outcome = one(plane, LONG, read_cycles=cycles)
    assert stage(outcome, "DATA_FETCHED") == fetched
    waits = {0: {}, 4: {"server": 576_000 + 8 * 6_400 - 582_400}, 40: {"server": 1_088_000 - 582_400}}
    assert waited(outcome, "payload") == waits[cycles]


# descriptor fetch ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("policy, stamps", [("round_robin", {0: 5_952_000, 1: 5_888_000}),
                                            ("fewest", {0: 5_888_000, 1: 5_952_000})])
def test_fetch_policy_between_a_ring_in_turn_and_one_with_fewer_descriptors_on_chip(plane, policy, stamps):
    """A core of 64 ns, and a shaper that lets one frame out. Ring 1 has three descriptors on chip.

    Then each ring gets one doorbell and another one while its fetch waits for a retrain to end, at 5 000 000. Both fetches
    are home at 5 415 000 and 5 424 000: at edge 5 440 000 both rings may go on. Ring 0 was last; it has one on chip.
    The first is home at 5 855 000 (edge 5 888 000), the second a cycle later (5 919 000, edge 5 952 000).
    """
    late = 3900 * NS
    actions = ((1 * NS, "set", ("shaper", 1, 1 << 40, 0)), (3 * US, "send", (1, 0, (60,) * 4)), (late, "send", (1, 4, (60,))),
               (late, "send", (0, 0, (60,))), (late, "send", (1, 5, (60,))), (late, "send", (0, 1, (60,))),
               (4000 * NS, "set", ("retrain", 0, 1 * US, *GEN2)))
    rows = one(plane, PYTHON_1, PYTHON_1, actions=actions, core_ps=64_000, fetch=policy).results["rows"]
    assert {ring: int(rows["DESC_FETCHED"][rows["ring"] == ring].max()) for ring in (0, 1)} == stamps


# writers -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("cycles, written", [(1, 5_505_400), (10, 5_548_400)])
def test_writers_move_one_tlp_every_so_many_cycles(plane, cycles, written):
    """A received frame: payload moved at 5 254 400, 84 bytes, in memory at 5 495 400. Its write-back, 40 bytes, follows
    one cycle later and waits for the link until 5 275 400, or ten cycles later, at 5 318 400."""
    actions = ((1500 * NS, "post", (0, 0, 8)), (5 * US, "inject", (60, 1)))
    outcome = one(plane, Queue(1, tx=False, rx=True, agent=False), actions=actions, write_cycles=cycles)
    assert (stage(outcome, "DATA_WRITTEN"), stage(outcome, "WRITTEN_BACK")) == (5_495_400, written)


@pytest.mark.parametrize("second, written", [(3_844_800, 4_962_000), (3_851_200, 4_108_400)])
def test_a_report_waits_for_more_only_while_there_is_more_to_come(plane, second, written):
    """WTHRESH is 8. The first frame retires at edge 3 878 400; a doorbell that takes effect just then is more to fetch.

    The second's descriptor is then home at 4 293 400, its payload at 4 720 400: both are reported at edge 4 723 200, behind a
    SKP to 4 728 000, in 14 000 + 220 000. One edge later there is nothing to fetch: the first goes alone, in 10 000 + 220 000.
    """
    actions = ((3 * US, "send", (0, 0, (60,))), (second, "send", (0, 1, (60,))))
    assert stage(one(plane, Queue(1, wthresh=8, agent=False), actions=actions), "WRITTEN_BACK") == written


def test_descriptors_at_the_end_of_a_ring_that_want_no_report_are_never_written_back(plane):
    """A ring of 8: seven with RS, the last without, the first again with RS. Its write-back begins with itself."""
    actions = ((1 * US, "send", (0, 0, (60,) * 7)), (4 * US, "send", (0, 7, (60,), "rs")), (6 * US, "send", (0, 0, (60,))))
    outcome = one(plane, Queue(1, size=8, agent=False), actions=actions)
    written = outcome.results["rows"]["WRITTEN_BACK"]
    assert len(written) == 9 and (written >= 0).tolist() == [True] * 7 + [False, True]
    assert outcome.rings[0]["head"] == 1


def test_a_throttled_vector_asks_again_at_the_end_of_its_interval(plane):
    """640 000 between messages: one at edge 3 001 600, and what is raised at 3 100 000 at edge 3 641 600; 6 000 + 220 000."""
    actions = ((1 * US, "set", ("vector", 64, 1, 640_000)), (3 * US, "set", ("raise", 64)), (3100 * NS, "set", ("raise", 64)))
    outcome = one(plane, PYTHON_1, actions=actions)
    assert [u.time for u in outcome.upcalls] == [3_227_600, 3_867_600]


@pytest.mark.parametrize("policy, written", [("round_robin", 4_235_600), ("rx_first", 4_528_600)])
def test_writers_policy_between_a_long_frame_and_a_write_back(plane, policy, written):
    """Six TLPs of a received frame from 3 865 600 on (70 000 each, the last 65 000); a write-back joins at 3 878 400.

    In turns it is third: 3 865 600 + 140 000 + 10 000. Rx first: behind all six, an Ack due meanwhile (2 000), the Rx
    write-back and its message: 3 865 600 + 415 000 + 2 000 + 10 000 + 6 000 + 10 000. Either + 220 000.
    """
    actions = ((1500 * NS, "post", (0, 0, 8)), (2_449_200, "inject", (1514, 1)), (3 * US, "send", (0, 0, (60,))))
    rows = one(plane, Queue(1, rx=True, agent=False), actions=actions, writers=policy).results["rows"]
    assert int(rows["WRITTEN_BACK"][rows["kind"] == 0][0]) == written


# completions ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("policy, first", [("burst", 1_132_800), ("interleaved", 1_209_600)])
def test_completions_of_two_reads_one_after_the_other_or_in_turns(plane, policy, first):
    """Two reads of 512 bytes, answered at 982 000 and 994 800 by four completions of 37 000 each.

    Burst: function 1 is home at 982 000 + 4 x 37 000 = 1 130 000. In turns: 1a and, behind it, 1b; then 2a, 1c, 2b, 1d:
    the sixth ends at 1 204 000. Function 2 ends with the eighth, 1 278 000, either way.
    """
    outcome = one(plane, Queue(1, count=1, sizes=(516,)), Queue(2, count=1, sizes=(516,)), mps=128, completions=policy)
    assert by_function(outcome, "DATA_FETCHED") == {1: [first], 2: [1_280_000]}


@pytest.mark.parametrize("config, fetched", [({}, 3_936_000), ({"rcb": 128}, 3_936_000), ({"split_rcb": True}, 3_948_800),
                                             ({"rcb": 128, "split_rcb": True}, 3_936_000), ({"mps": 256}, 3_929_600)])
def test_completions_of_a_read_that_begins_within_an_rcb_are_cut_at_its_multiples(plane, config, fetched):
    """256 bytes at an address that ends in 010h, MPS 128; answered at 3 855 600.

    As long as MPS allows: 112, 128 and 16 bytes, 79 000. At each multiple of 64: 48, three times 64, 16, 89 000. Of 128: as
    with MPS. With MPS 256: 240 and 16, 74 000.
    """
    actions = ((3 * US, "stray", (0, 0, DOMAIN_BASE + 0x8010, 256)),)
    assert stage(one(plane, PYTHON_1, actions=actions, **{"mps": 128} | config), "DATA_FETCHED") == fetched


# policies ------------------------------------------------------------------------------------------------------
