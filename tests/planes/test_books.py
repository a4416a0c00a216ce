"""What packets waited for, by hand: each wait from the tables and nothing else (the times of undisturbed frames: booked.py)."""

from __future__ import annotations

import pytest
from booked import BOTH, LONG, ONE_SERVICE, PAIR, PYTHON, RECEIVER, book, pool, row_of, service, waits
from harness import NS, US, Queue

from nicmodel.reference.instants import LINE, NO_CAUSE, OWN, POOL, SERVER, Instants
from nicmodel.reference.shapers import Shaper


# Tx ------------------------------------------------------------------------------------------------------------
def test_a_packet_alone_waits_for_nothing():
    outcome = book(Queue(1, count=1))
    assert waits(outcome, 0) == {} and service(outcome, 1, 0) == ONE_SERVICE


def test_the_second_of_two_waits_for_the_scheduler_the_completions_and_the_wire():
    """Its turn is an edge later; its completion, ready at 1 014 000, is behind the first's to 1 027 600; the first
    occupies the wire from 1 158 400 for 84 x 800: 1 225 600."""
    outcome = book(PAIR)
    assert waits(outcome, 0) == {}
    assert waits(outcome, 1) == {"scheduler": 6_400, "down_link": 13_600, "wire": 1_225_600 - 1_177_600}
    off = 1_225_600 + 57_600
    assert service(outcome, 1, 0) == (1_158_400 + 57_600 - 142_000) + (off - 142_000 - 6_400 - 13_600 - 48_000)
    assert outcome.results["waits"][1, 0, -1] == (1_216_000 - 142_000) + (off - 142_000)


def test_a_frame_waits_for_the_scheduler_from_the_edge_at_which_its_descriptor_is_there():
    """Ring 0's eight descriptors are home 3 476 600, and the scheduler takes one an edge from 3 481 600 on. Ring 1's,
    behind them, is home 3 485 600, edge 3 488 000: it has that edge's turn and has not waited."""
    outcome = book(PYTHON, PYTHON, actions=((3 * US, "send", (0, 0, (60,) * 8)), (3 * US, "send", (1, 0, (60,)))))
    row = outcome.results["rows"]["ring"].argmax()
    assert [int(outcome.results["rows"][name][row]) for name in ("DESC_FETCHED", "SCHEDULED")] == [3_488_000, 3_488_000]
    assert "scheduler" not in waits(outcome, row)
    assert waits(outcome, 1)["scheduler"] == 3_494_400 - 3_481_600


def test_a_frame_waits_for_room_in_the_tx_buffer():
    """Room for one: free when the first is off the wire, at 1 216 000, an edge. Until 608 000 the scheduler was in the way.
    The read is at the root 1 222 000; the message behind the first's write-back left 1 040 400, to commit 1 266 400."""
    outcome = book(PAIR, tx_buffer=60)
    assert waits(outcome, 1) == {"scheduler": 6_400, "tx_buffer": 1_216_000 - 608_000, "write_order": 1_266_400 - 1_222_000}


@pytest.mark.parametrize("byte_ps, rest", [(10_000, 0), (10_001, 1_248_000 - 1_241_664)])
def test_a_frame_waits_for_its_shaper(byte_ps, rest):
    """64 bytes after 601 600: 1 241 600, an edge, or 1 241 664, and the scheduler looks at 1 248 000; nobody else waits.
    The read, 6 000 later at the root, waits for the first's message, which commits 1 266 400."""
    outcome = book(PAIR, actions=((1 * NS, "set", ("shaper", 1, 1024 * byte_ps, 0)),))
    begun = 601_600 + 64 * byte_ps + rest
    assert waits(outcome, 1) == {"shaper": begun - 601_600, "write_order": 1_266_400 - begun - 6_000}


def test_a_shaped_function_waits_for_its_shaper_and_then_for_what_the_line_waits_for():
    """Function 1's second frame may begin at 601 600 + 64 x 4 001 = 857 664. Its first and two of function 2's three fill the
    Tx buffer until its first is off the wire, at 1 216 000, an edge: from 857 664 on the buffer is in the way."""
    outcome = book(PAIR, Queue(2, count=3), actions=((1 * NS, "set", ("shaper", 1, 1024 * 4_001, 0)),), tx_buffer=180)
    first, second = [i for i, row in enumerate(outcome.results["rows"]) if row["function"] == 1]
    assert outcome.results["rows"]["OFF_WIRE"][first] == outcome.results["rows"]["SCHEDULED"][second] == 1_216_000
    told = waits(outcome, second)
    assert (told["shaper"], told["tx_buffer"]) == (64 * 4_001, 1_216_000 - 857_664) and "scheduler" not in told


def test_the_second_of_two_functions_waits_for_the_only_tag():
    """Its doorbell is behind the first's (7 000); the tag is seen at 1 004 800."""
    outcome = book(*BOTH, tags=1)
    assert waits(outcome, 0) == {}
    assert waits(outcome, row_of(outcome, 2)) == {"down_link": 7_000, "tags": 1_004_800 - 166_400}
    assert service(outcome, 1, 0) == ONE_SERVICE


def test_requests_wait_for_read_buffer():
    """60 bytes: both descriptors (16 each) fit, no payload beside one. Function 2's is home 584 000, edge 588 800, when
    function 1's payload goes, 594 800 .. 994 800 .. 1 014 800, edge 1 017 600; then function 2's."""
    outcome = book(*BOTH, read_buffer=60)
    assert waits(outcome, row_of(outcome, 1)) == {"read_buffer": 588_800 - 576_000}
    assert waits(outcome, row_of(outcome, 2)) == {"down_link": 7_000 + 575_000 - 572_400, "read_buffer": 1_017_600 - 588_800}


def test_reads_wait_for_host_credits():
    """One non-posted header: released 166 000, reported 484 000 (behind an Ack), seen 486 000. Function 2's descriptor read
    takes it, is sampled 492 000; report 810 000, seen 812 000; function 1's payload takes it, 818 000; seen 1 138 000."""
    outcome = book(*BOTH, host_nph=1)
    assert waits(outcome, row_of(outcome, 1)) == {"up_credits": 812_000 - 576_000}
    assert waits(outcome, row_of(outcome, 2)) == {"down_link": 7_000, "up_credits": 486_000 - 166_400 + 1_138_000 - 902_400}


def test_a_doorbell_waits_for_the_adapter_s_credits():
    """One posted header: the first doorbell is taken at 134 400, so UpdateFC-P is due 450 400; an Ack, due 445 000, has gone."""
    outcome = book(*BOTH, device_ph=1)
    assert waits(outcome, row_of(outcome, 2))["down_credits"] == 452_400 - 122_000


def test_doorbells_wait_for_the_register_port():
    """It takes one every 8 cycles (51 200): at 134 400 and 185 600; the second has arrived 136 000. From 140 800 on the
    port knows of it; before, nothing waited there."""
    outcome = book(*BOTH, register_cycles=8)
    told = waits(outcome, row_of(outcome, 2))
    assert told["register_port"] == 185_600 - 140_800
    third = book(*BOTH, Queue(3, count=1), register_cycles=8)       # there 143 000, when others wait already
    assert waits(third, row_of(third, 3))["register_port"] == 236_800 - 143_000


def test_a_read_waits_for_a_walker_and_only_for_that():
    """One walker, 100 000 a walk: function 1's descriptor 166 000 .. 266 000, function 2's from then on, having come 172 400."""
    outcome = book(*BOTH, iotlb_entries=8, walkers=1, walk_ps=100_000)
    assert waits(outcome, row_of(outcome, 1)) == {}
    assert waits(outcome, row_of(outcome, 2)) == {"down_link": 7_000, "walkers": 266_000 - 172_400}


def test_what_joins_a_walk_waits_for_a_walker_only_while_the_walk_waits():
    """40 descriptors are two requests of one page, at the root 3 046 000 and 3 052 000; function 1's walk ends 3 139 600. The
    second request comes home last, behind the first's 138 000. Without function 1, an edge earlier, it joins a walk that runs."""
    actions = ((3 * US, "send", (0, 0, (60,))), (3 * US, "send", (1, 0, (60,) * 40)))
    outcome = book(PYTHON, Queue(2, agent=False), actions=actions, iotlb_entries=8, walkers=1, walk_ps=100_000)
    assert waits(outcome, row_of(outcome, 2)) == {"down_link": 7_000 + 138_000, "up_link": 6_000,
                                                  "walkers": 3_139_600 - 3_052_000}
    alone = book(PYTHON, Queue(2, agent=False), actions=actions[1:], iotlb_entries=8, walkers=1, walk_ps=100_000)
    assert waits(alone, 0) == {"down_link": 138_000, "up_link": 6_000}


def test_a_read_waits_for_an_older_message():
    """Raised 3 020 000, taken 3 020 800, at the root 3 026 800, committed 3 246 800; the descriptor read arrives 3 039 600."""
    outcome = book(PYTHON, actions=((3 * US, "send", (0, 0, (60,))), (3020 * NS, "set", ("raise", 66))))
    assert waits(outcome, 0) == {"write_order": 3_246_800 - 3_039_600}


def test_a_descriptor_waits_for_the_ring_s_fetch():
    """The second doorbell takes effect 3 136 000, while the ring's fetch is out, home 3 448 600, seen 3 449 600. Then the
    first's payload goes up before it (6 000) and comes down before it, to 3 875 600 (ready 3 861 600). Its own payload,
    asked for at 3 884 800, is behind a write-back (3 878 400, 10 000) and its message (6 000), and waits for their
    commits: the message's is at 3 894 400 + 220 000, the read at the root 3 900 400."""
    outcome = book(PYTHON, actions=((3 * US, "send", (0, 0, (60,))), (3100 * NS, "send", (0, 1, (60,)))))
    assert waits(outcome, 1) == {"descriptor_fetch": 3_449_600 - 3_136_000, "up_link": 6_000 + 3_894_400 - 3_884_800,
                                 "down_link": 3_875_600 - 3_861_600, "write_order": 4_114_400 - 3_900_400}


@pytest.mark.parametrize("config, wait, ps", [({"tag_cap": 1}, "tag_cap", 1_664_000 - 588_800),
                                              ({"read_cycles": 40}, "dma_issue", 1_088_000 - 588_800)])
def test_a_frame_of_three_reads_waits_as_its_last_one(config, wait, ps):
    """Asked for at 576 000, 582 400, 588 800: two more turns. The last's second completion is behind its first, 69 000."""
    assert waits(book(LONG, **config), 0) == {"scheduler": 12_800, wait: ps, "down_link": 69_000}


def test_a_frame_waits_for_an_older_one_of_its_ring_and_for_the_pipeline():
    """Interleaved completions of 128 bytes (37 000): the small frame's, queued 1 014 000, goes third, 1 081 600 to
    1 101 600, edge 1 107 200. The large one is complete at 1 175 600, when both join; edge 1 177 600 takes it, the next
    the small one; the wire is the large one's from 1 305 600 for 536 x 800."""
    outcome = book(Queue(1, count=2, sizes=(516, 64)), mps=128, completions="interleaved")
    assert waits(outcome, 0) == {"down_link": 1_138_600 - 1_007_600}      # answered then, last of its four completions
    assert waits(outcome, 1) == {"scheduler": 6_400, "down_link": 1_081_600 - 1_014_000, "reorder": 1_175_600 - 1_107_200,
                                 "tx_pipe": 6_400, "wire": 1_305_600 + 428_800 - 1_312_000}


@pytest.mark.parametrize("actions", [((1_032_800, "set", ("pause", 0, 2)),),
                                     ((1_100_000, "set", ("wire", 0, 0)), (1_235_200, "set", ("wire", 0, 800 * 1024)))])
def test_a_frame_waits_for_a_paused_wire_or_one_that_is_down(actions):
    assert waits(book(Queue(1, count=1), actions=actions), 0) == {"pause": 102_400}


@pytest.mark.parametrize("actions", [((1_100_000, "set", ("pause", 0, 2)),),
                                     ((1_200_000, "set", ("wire", 0, 0)), (1_302_400, "set", ("wire", 0, 800 * 1024)))])
def test_a_wire_that_is_paused_is_busy_until_the_frame_on_it_has_left(actions):
    """The first frame has the wire from 1 158 400 for 84 x 800; paused, or down, from 1 200 000 to 1 302 400. So nothing counts
    twice: the time that the wire is busy, and the time that frames wait for the far end."""
    outcome = book(PAIR, actions=actions)
    assert outcome.results["rows"][1]["ON_WIRE"] == 1_302_400
    assert waits(outcome, 1) == {"scheduler": 6_400, "down_link": 13_600, "wire": 1_225_600 - 1_177_600,
                                 "pause": 1_302_400 - 1_225_600}
    assert outcome.results["lines"][LINE["tx_wire"], POOL] == 1_302_400 - 1_225_600


def test_a_retrain_is_a_busy_link():
    outcome = book(Queue(1, count=1), actions=((900 * NS, "set", ("retrain", 0, 200 * NS, 256_000, 316_000, 316_000, 0, 32)),))
    assert waits(outcome, 0) == {"down_link": 1_102_000 - 982_000}       # an UpdateFC, due meanwhile, goes first


# Rx ------------------------------------------------------------------------------------------------------------
def test_a_received_frame_waits_for_a_descriptor_and_its_write_back_for_the_link():
    """Steered 2 252 800; posted 3 000 000, the descriptors are home 3 476 600, the payload moved 3 481 600 (21 000), the
    write-back an edge later. No agent: delivered when written back, (21 000 + 10 000 + 220 000) later."""
    outcome = book(RECEIVER, actions=((1 * NS, "set", ("no_descriptor", 1, 0)), (2 * US, "inject", (60, 1)),
                                      (3 * US, "post", (0, 0, 8))))
    assert waits(outcome, 0) == {"no_descriptor": 3_476_600 - 2_252_800, "up_link": 14_600}
    assert outcome.results["waits"][1, 1, -1] == 3_481_600 + 251_000 - 2_057_600


def test_a_received_frame_waits_for_the_driver():
    """Written back 5 505 400, its message 5 511 400, then 1 500 000 of interrupt latency; the pass of 630 000 is service."""
    outcome = book(Queue(1, tx=False, rx=True), actions=((5 * US, "inject", (60, 1)),))
    assert waits(outcome, 0) == {"up_link": 14_600, "driver": 7_011_400 - 5_505_400}
    assert service(outcome, 1, 1) == 7_641_400 - 5_057_600 - 14_600 - 1_506_000


def test_a_received_frame_waits_for_the_writers():
    """Two frames paired by one commit, 3 476 600: payload and write-back of the first are moved at 3 481 600 and 20 cycles
    (128 000) later, the second's after 40; before 3 481 600 the writers knew of nothing."""
    outcome = book(RECEIVER, write_cycles=20, actions=(
        (1 * NS, "set", ("no_descriptor", 1, 0)), (2 * US, "inject", (60, 1)), (2 * US, "inject", (60, 1)),
        (3 * US, "post", (0, 0, 8))))
    assert waits(outcome, 0) == {"no_descriptor": 3_476_600 - 2_252_800}
    assert waits(outcome, 1)["writers"] == 256_000


def test_a_write_back_waits_for_the_walk_of_its_payload():
    """The first buffer is in the ring's page, the second in the next. Its payload is at the root 5 275 400 and needs a walk to
    5 375 400; its write-back, there 5 285 400, waits for that, no longer than a walk takes, so that the posted header and the
    data credit that it holds have not queued. (No message follows: the first frame's was less than 2 us before.)"""
    outcome = book(RECEIVER, iotlb_entries=8, walk_ps=100_000, actions=(
        (1500 * NS, "post", (0, 0, 8)), (4 * US, "inject", (60, 1)), (5 * US, "inject", (60, 1))))
    assert waits(outcome, 0) == {"up_link": 14_600}
    assert waits(outcome, 1) == {"up_link": 14_600, "write_order": 90_000}
    assert pool(outcome, "up_ph")[2] == pool(outcome, "up_pd")[2] == 0


def test_looped_back_and_received_frames_take_turns_in_the_rx_pipeline():
    """A frame is at the switch at 1 132 800, an edge, when one from the wire is there too (1 075 200 + 72 x 800): the wire's
    goes first, the other an edge later. Its latency begins there, and the Tx row's ends."""
    outcome = book(Queue(1, count=1, dst=0x02_00_00_00_01_02), Queue(2, tx=False, rx=True), end=9 * US,
                   actions=((1 * NS, "set", ("loopback", 0, 1)), (1_075_200, "inject", (60, 2))))
    kinds = [int(row["kind"]) for row in outcome.results["rows"]]
    assert waits(outcome, kinds.index(2))["rx_pipe"] == 6_400
    assert "rx_pipe" not in waits(outcome, kinds.index(1))
    assert outcome.results["waits"][1, 0, -1] == 1_132_800 - 122_000


# parts ---------------------------------------------------------------------------------------------------------
def test_a_hold_ends_at_its_time_or_with_a_new_rate():
    """Held from 0 to 64 x 10 = 640; then what the line waits for. A change of the rate at 900 holds what is left longer."""
    shaper = Shaper(1, Instants(1), lambda: None)
    shaper.configure(0, 10 * 1024, 0)
    shaper.pay(0, 64)
    shaper.blame(0, SERVER)
    assert shaper.clock_at(500).at(500)[OWN] == 500
    assert [shaper.clock_at(700).at(700)[cause] for cause in (OWN, SERVER)] == [640, 60]
    shaper.pay(800, 64)
    shaper.blame(800, SERVER)
    shaper.configure(900, 20 * 1024, 0)                          # 540 left become 1080
    assert shaper.clock_at(2500).at(2500) == [640 + 100 + 1080, 0, 160 + 520, 0]


def test_a_line_that_nobody_has_looked_at_blames_nothing():
    instants = Instants(1)
    assert instants.lines[LINE["access"]].cause == NO_CAUSE and instants.lines[LINE["access"]].at(99) == [0, 0, 0, 0]
