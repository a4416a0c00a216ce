"""The whole host: read latency, IOTLB and walkers, order of commits and of reads; times by hand.

A queue's ring and its first buffer share the first page of its domain; buffers 1 and 2 lie in the second, 3 and 4 in
the third, and so on. A page walk takes 280 000 here.
"""

from __future__ import annotations

import pytest
from harness import DOMAIN_BYTES, NS, US, Queue
from whole import PLANES, by_function, one, stage, waited

from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.sim.plane import READ_FAULT, TRANSLATION_FAULT, WRITE_FAULT, Payload, UpcallKind
from nicmodel.sim.rng import DRAM_STREAM, TAIL_STREAM, draw

PYTHON_1, PYTHON_2 = Queue(1, agent=False), Queue(2, agent=False)
RX_1, RX_2 = Queue(1, tx=False, rx=True, agent=False), Queue(2, tx=False, rx=True, agent=False)
MMU = {"iotlb_entries": 8, "walk_ps": 280 * NS}
SEND = (3 * US, "send", (0, 0, (60,)))
NOWHERE = DOMAIN_BASE + (1 << 30)
pytestmark = pytest.mark.parametrize("plane", PLANES)


def faults(outcome):
    return [(u.time, u.args) for u in outcome.upcalls if u.kind == UpcallKind.FAULT]


# latency -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("config, fetched", [
    ({}, 576_000), ({"remote_ps": 80 * NS}, 656_000 - 656_000 % 6400 + 6400), ({"dram_ps": 55 * NS}, 576_000),
    ({"remote_ps": 80 * NS, "dram_ps": 55 * NS, "dram_share": 65536, "tail_ps": 350 * NS, "tail_share": 65536}, 1_062_400)])
def test_a_read_takes_what_its_parts_take(plane, config, fetched):
    """166 000 + 400 000 + 80 000 + 55 000 + 350 000 + 9 000 = 1 060 000; a share of 0 draws nothing slow."""
    assert stage(one(plane, **config), "DESC_FETCHED") == fetched


def test_a_share_of_the_reads_pays_by_its_own_stream(plane):
    """Function 1's reads: its descriptor, then 20 payloads in order of sampling; DRAM and tail are drawn apart."""
    config = {"dram_ps": 3 * US, "dram_share": 20000, "tail_ps": 100 * US, "tail_share": 9000, "tags": 1, "seed": 5}
    stamps = by_function(one(plane, Queue(1, count=20), end=900 * US, **config), "DATA_FETCHED")[1]

    def slow(serial):
        dram = 3 * US if draw(5, DRAM_STREAM * 4096 + 1, serial, 65536) < 20000 else 0
        return dram + (100 * US if draw(5, TAIL_STREAM * 4096 + 1, serial, 65536) < 9000 else 0)

    # one tag: a read at a time, so payloads are home this far apart (edges: within one core cycle)
    for serial, (before, after) in enumerate(zip(stamps, stamps[1:], strict=False), start=2):
        assert 0 <= after - before - (6_000 + 400_000 + slow(serial) + 20_000) < 2 * 6_400, serial
    assert len({slow(serial) for serial in range(2, 21)}) >= 3


# IOTLB and walkers ---------------------------------------------------------------------------------------------
def test_a_miss_costs_a_walk_and_a_hit_nothing(plane):
    """Two frames. Descriptors at the root 3 039 600: walk to 3 319 600, home 3 732 600, edge 3 737 600.

    Payload 0 hits the same page: 3 743 600 + 400 000 + 20 000, edge 4 166 400. Payload 1 is in the next page: at the root
    3 750 000, walked by 4 030 000, home 4 450 000, edge 4 454 400.
    """
    outcome = one(plane, PYTHON_1, actions=((3 * US, "send", (0, 0, (60, 60))),), **MMU)
    assert by_function(outcome, "DESC_FETCHED")[1] == [3_737_600, 3_737_600]
    assert by_function(outcome, "DATA_FETCHED")[1] == [4_166_400, 4_454_400]


@pytest.mark.parametrize("entries, written", [(8, 4_396_400), (2, 4_396_400), (1, 4_676_400)])
def test_the_least_recently_used_page_leaves_a_full_iotlb(plane, entries, written):
    """As above: page 1 enters at 4 030 000. Frame 0's write-back is at the root 4 176 400; with one entry its page is gone."""
    outcome = one(plane, PYTHON_1, actions=((3 * US, "send", (0, 0, (60, 60))),), **MMU | {"iotlb_entries": entries})
    assert stage(outcome, "WRITTEN_BACK") == written


def test_a_hit_makes_a_page_the_most_recently_used(plane):
    """Two entries, one walker, frames in pages 0, 1, 1 and 2. Page 1 enters at 4 036 400, page 2 at 4 316 400.

    Between them frame 0's write-back hits page 0 (at the root 4 182 800), so page 1 leaves: the later write-backs do not
    wait either. Each is in memory 10 000 + 220 000 after its frame was on board.
    """
    actions = ((3 * US, "send", (0, 0, (60, 60, 60, 60))),)
    outcome = one(plane, PYTHON_1, actions=actions, **MMU | {"iotlb_entries": 2})
    data, written = (by_function(outcome, name)[1] for name in ("DATA_FETCHED", "WRITTEN_BACK"))
    assert data[0] == 4_172_800 and data[3] == 4_742_400
    assert [after - before for before, after in zip(data, written, strict=True)] == [230_000] * 4


@pytest.mark.parametrize("walkers, second, wait", [(1, 1_139_200, 273_600), (2, 864_000, 0)])
def test_walks_wait_for_a_walker(plane, walkers, second, wait):
    """Two functions miss at 166 000 and 172 400. One walker: 446 000 and 726 000; the second home at 1 135 000.

    Two: 452 400, answered 852 400, behind the first's completion, home at 864 000, an edge.
    """
    outcome = one(plane, Queue(1, count=1), Queue(2, count=1), walkers=walkers, **MMU)
    assert by_function(outcome, "DESC_FETCHED") == {1: [857_600], 2: [second]}
    assert waited(outcome, "walk_queue").get("server", 0) == wait


@pytest.mark.parametrize("shift, second", [(12, 4_012_800), (21, 3_737_600)])
def test_misses_of_one_page_share_a_walk(plane, shift, second):
    """Two rings of one function, in different 4 KiB pages of one 2 MiB page; descriptor reads at 3 039 600 and 3 046 000.

    Together: walked by 3 319 600, home 3 728 600 and 3 737 600, an edge. Apart, with one walker: the second by
    3 599 600, home 4 008 600.
    """
    actions = ((1 * US, "set", ("page_shift", 1, shift)), SEND, (3 * US, "send", (1, 0, (60,))))
    outcome = one(plane, PYTHON_1, PYTHON_1, actions=actions, **MMU)
    assert by_function(outcome, "DESC_FETCHED")[1] == [3_731_200, second]


def test_entries_of_another_page_shift_match_nothing(plane):
    """The page is known; after a change of shift it is walked again: payload at the root 3 737 200 + 280 000."""
    change = (3700 * NS, "set", ("page_shift", 1, 21))
    stamps = [stage(one(plane, PYTHON_1, actions=(SEND, *more), **MMU), "DATA_FETCHED") for more in ((), (change,))]
    assert stamps == [4_160_000, 4_441_600]


@pytest.mark.parametrize("books", [False, True])
@pytest.mark.parametrize("at, fetched", [(3_033_600, 4_160_000), (3_033_601, 4_441_600), (3_039_600, 4_441_600)])
def test_what_is_on_the_link_keeps_the_page_shift_that_it_started_with(plane, at, fetched, books):
    """Descriptors are on the link from 3 033 600 to 3 039 600; a change after that start is met by the payload only."""
    outcome = one(plane, PYTHON_1, actions=(SEND, (at, "set", ("page_shift", 1, 21))), books=books, **MMU)
    assert stage(outcome, "DATA_FETCHED") == fetched


@pytest.mark.parametrize("policy, fetched", [("oldest", 5_299_200), ("round_robin", 4_742_400)])
def test_walk_policy_between_a_backlog_and_another_function(plane, policy, fetched):
    """One walker. Function 1's payloads miss pages 1, 2, 3 at 3 769 200, 3 782 000, 3 794 800; then function 2's descriptor.

    Oldest: walks end 4 049 200, 4 329 200, 4 609 200 and 4 889 200: home 5 298 200. In turns it is second: 4 738 200.
    """
    actions = ((3 * US, "send", (0, 0, (60,) * 7)), (3780 * NS, "send", (1, 0, (60,))))
    outcome = one(plane, PYTHON_1, PYTHON_2, actions=actions, walks=policy, **MMU)
    assert by_function(outcome, "DESC_FETCHED")[2] == [fetched]


def test_a_page_without_memory_blocks_its_reads_and_is_walked_each_time(plane):
    """Descriptor home 3 728 600; payload at the root 3 737 200, blocked at 4 017 200, answered with zeros: 4 437 200.

    The next such frame is walked again. Without an IOMMU the same address is a read fault when memory is looked at.
    """
    actions = ((3 * US, "stray", (0, 0, NOWHERE)), (6 * US, "stray", (0, 1, NOWHERE + 64)))
    outcome = one(plane, PYTHON_1, actions=actions, payload=Payload.FULL, frames_out=True, **MMU)
    assert stage(outcome, "DATA_FETCHED") == 4_441_600
    (first, args), (second, _) = faults(outcome)
    assert (first, args) == (4_017_200, (1, TRANSLATION_FAULT, NOWHERE))
    again = one(plane, PYTHON_1, actions=actions, **MMU)           # whatever the payload mode
    assert second - first > 2 * US and [time for time, _ in faults(again)] == [first, second]
    assert [u.data for u in outcome.upcalls if u.kind == UpcallKind.FRAME_OUT] == [bytes(60)] * 2
    plain = one(plane, PYTHON_1, actions=actions[:1], payload=Payload.FULL)
    assert faults(plain) == [(3_461_600 - 6_000, (1, READ_FAULT, NOWHERE))]


@pytest.mark.parametrize("address, blocked", [(DOMAIN_BASE - 64, True), (DOMAIN_BASE + DOMAIN_BYTES - 64, False),
                                              (DOMAIN_BASE + DOMAIN_BYTES, True)], ids=["before", "the last bytes", "behind"])
def test_the_pages_next_to_the_arena_are_not_mapped(plane, address, blocked):
    found = faults(one(plane, PYTHON_1, actions=((3 * US, "stray", (0, 0, address)),), payload=Payload.FULL, **MMU))
    assert [args for _, args in found] == [(1, TRANSLATION_FAULT, address)] * blocked


def test_a_blocked_write_takes_its_turn_and_stores_nothing(plane):
    """Payload at the root 5 275 400, blocked at 5 555 400: DATA_WRITTEN 220 000 later, and the write-back no earlier."""
    actions = ((1500 * NS, "stray", (0, 0, NOWHERE, 0, 1)), (5 * US, "inject", (60, 1)))
    outcome = one(plane, RX_1, actions=actions, payload=Payload.FULL, **MMU)
    assert faults(outcome) == [(5_555_400, (1, TRANSLATION_FAULT, NOWHERE))]
    assert (stage(outcome, "DATA_WRITTEN"), stage(outcome, "WRITTEN_BACK")) == (5_775_400, 5_775_400)
    assert faults(one(plane, RX_1, actions=actions, payload=Payload.FULL)) == [(5_495_400, (1, WRITE_FAULT, NOWHERE))]


# order ---------------------------------------------------------------------------------------------------------
THREE_FRAMES = ((1400 * NS, "set", ("page_shift", 2, 21)), (1500 * NS, "post", (0, 0, 8)), (1500 * NS, "post", (1, 0, 8)),
                (5 * US, "inject", (60, 1)), (5 * US, "inject", (60, 1)), (5 * US, "inject", (60, 2)))


@pytest.mark.parametrize("ordering, data, written", [
    ({}, 5_839_400, 5_839_400), ({"ido": True}, 5_629_800, 5_639_800), ({"relaxed_ordering": True}, 5_629_800, 5_839_400)])
def test_a_write_that_waits_for_a_walk_holds_those_behind_it(plane, ordering, data, written):
    """Function 1's second frame misses: payload at the root 5 339 400, walked by 5 619 400, in memory 5 839 400.

    Function 2's frame is at the root at 5 409 800 (payload) and 5 419 800 (write-back), in pages that are known. In
    order it commits with the other; with IDO, 220 000 after it came; with RO that holds for the payload only.
    """
    outcome = one(plane, RX_1, RX_2, actions=THREE_FRAMES, **MMU, **ordering)
    assert by_function(outcome, "DATA_WRITTEN") == {1: [5_495_400, 5_839_400], 2: [data]}
    assert by_function(outcome, "WRITTEN_BACK") == {1: [5_505_400, 5_839_400], 2: [written]}


@pytest.mark.parametrize("ido, fetched", [(False, 6_252_800), (True, 6_060_800)])
def test_a_read_waits_for_the_writes_of_its_scope_that_came_before(plane, ido, fetched):
    """A descriptor read of function 2, at the root 5 439 600, behind the write of function 1 that is walked until 5 619 400.

    In order it samples at 5 839 400: home 6 248 400. With IDO after its own function's last commit, a message's at
    5 645 800: 6 054 800.
    """
    both = Queue(2, rx=True, agent=False)
    outcome = one(plane, RX_1, both, actions=(*THREE_FRAMES, (5400 * NS, "send", (1, 0, (60,)))), ido=ido, **MMU)
    assert max(by_function(outcome, "DESC_FETCHED")[2]) == fetched


def test_with_ro_a_write_is_complete_with_the_last_of_its_tlps_to_commit(plane):
    """A 300-byte frame over a page's end: the first TLP is walked, the second (its page is known) commits before it."""
    edge = DOMAIN_BASE + 2 * 4096 - 256                  # 256 bytes in page 1, 44 in page 2
    warm = DOMAIN_BASE + 2 * 4096 + 64
    actions = ((1500 * NS, "stray", (0, 0, warm, 0, 1)), (3 * US, "inject", (60, 1)), (6 * US, "stray", (0, 1, edge, 0, 1)),
               (9 * US, "inject", (300, 1)))
    outcome = one(plane, RX_1, actions=actions, end=12 * US, relaxed_ordering=True, **MMU)
    ordered = one(plane, RX_1, actions=actions, end=12 * US, **MMU)
    assert stage(outcome, "DATA_WRITTEN", 1) == stage(ordered, "DATA_WRITTEN", 1)
    assert stage(outcome, "WRITTEN_BACK", 1) == stage(ordered, "WRITTEN_BACK", 1) >= stage(outcome, "DATA_WRITTEN", 1)
