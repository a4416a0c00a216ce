"""How full pools were, what was granted, who was served meanwhile, by hand (the times of undisturbed frames: booked.py)."""

from __future__ import annotations

from types import SimpleNamespace

from booked import BOTH, LONG, PAIR, PYTHON, RECEIVER, book, pool, waits
from harness import NS, US, Queue, plane_config

from nicmodel.datasheet.arbiters import ORDER
from nicmodel.datasheet.books import SERVED, WAITS
from nicmodel.reference import books
from nicmodel.reference.books import DOWN_PH, UP, UP_PH, Credits
from nicmodel.reference.link import NONPOSTED, POSTED
from nicmodel.reference.plane import ReferencePath


# pools and rates -----------------------------------------------------------------------------------------------
def test_pools_of_a_packet_alone():
    """A tag from 160 000 to 575 000 and from 576 000 to 1 002 000; credits until the UpdateFC's end: of the reads 326 000
    each (316 000 + an Ack + itself after 6 000), of the write-back and the message until 1 552 800."""
    outcome = book(Queue(1, count=1), end=3_500_000)
    tag = 415_000 + 426_000
    posted = 1_552_800 - 1_004_800 + 1_552_800 - 1_014_800
    assert pool(outcome, "tags") == (32, tag, 0) and tuple(outcome.results["own_tags"][1]) == (tag, 0)
    assert pool(outcome, "read_buffer") == (16384, 16 * 415_000 + 60 * 426_000, 0)
    assert pool(outcome, "tx_buffer") == (160 << 10, 60 * (1_190_400 - 576_000), 0)
    assert pool(outcome, "rx_buffer") == (512 << 10, 0, 0)
    assert pool(outcome, "up_nph") == (64, 2 * 326_000, 0)
    assert pool(outcome, "up_ph") == (64, posted, 0) and pool(outcome, "up_pd") == (1024, posted, 0)


def test_a_tag_does_not_queue_behind_completions_of_its_own_read():
    """Three reads of two completions each, 69 000 a long one, answered 982 000, 988 400 and 994 800, so that the last ones start
    1 051 000, 1 189 000 and 1 327 000. Of what they wait 69 000 are their own."""
    queued = 1_189_000 - 988_400 - 69_000 + 1_327_000 - 994_800 - 69_000
    outcome = book(LONG)
    assert pool(outcome, "tags")[2] == outcome.results["own_tags"][1, 1] == queued
    assert pool(outcome, "read_buffer")[2] == 512 * (1_189_000 - 988_400 - 69_000) + 490 * (1_327_000 - 994_800 - 69_000)


def test_credits_of_the_adapter_are_held_until_they_are_reported():
    """Doorbells from 122 000 and 129 000, both reported 452 400 (test_books.py); the second waits 44 800 for the port."""
    outcome = book(*BOTH, device_ph=2, device_pd=8, register_cycles=8)
    used = 452_400 - 122_000 + 452_400 - 129_000
    assert pool(outcome, "down_ph") == (2, used, 44_800) and pool(outcome, "down_pd") == (8, used, 44_800)
    assert pool(outcome, "down_cplh") == pool(outcome, "down_cpld") == (0, 0, 0), "infinite: no book"


def test_credits_of_completions_return_when_they_have_arrived_and_been_reported():
    """Of the descriptor 566 000 .. 575 000, of the payload 982 000 .. 1 002 000; Ack and UpdateFC 316 000 later, 2 000 each."""
    outcome = book(Queue(1, count=1), end=3_500_000, device_cplh=2, device_cpld=8)
    descriptor, payload = 575_000 + 320_000 - 566_000, 1_002_000 + 320_000 - 982_000
    assert pool(outcome, "down_cplh") == (2, descriptor + payload, 0)
    assert pool(outcome, "down_cpld") == (8, descriptor + 4 * payload, 0)


def test_a_credit_that_another_s_transfer_keeps_idle_is_spoken_for():
    """Two non-posted headers, four descriptor reads: two go at once, two lack a header until 486 000 (test_books.py). Then
    there are two; the second is left while the link sends the first, 6 000, and counts as taken."""
    outcome = book(*(Queue(function, count=1) for function in (1, 2, 3, 4)), end=500_000, host_nph=2)
    used = 486_000 - 160_000 + 486_000 - 166_400 + 500_000 - 486_000 + 500_000 - 492_000
    assert pool(outcome, "up_nph") == (2, used + 6_000, 0)


def test_credits_are_spoken_for_while_the_head_lacks_some_and_until_more_come_or_nothing_waits():
    """Of 16, one is taken and the head needs 16; from 20 on they are there, at 30 it takes 12. At 40 another head needs more
    than the 4 left, 4 return at 50, at 60 it has what it needs; 2 more return at 70: nobody lacks any."""
    count = Credits(16)
    count.start(0, 1)
    count.review(10, True, True, 15)
    count.report(20, 1)
    count.review(20, True, False, 16)
    count.start(30, 12)
    count.review(30, True, False, 4)
    count.review(40, True, True, 4)
    count.report(50, 4)
    count.review(60, True, False, 8)
    assert count.sums(70) == (1 * 10 + 16 * 60, 0)
    count.report(70, 2)
    assert (count.taken, count.spoken_for) == (12 - 4 - 2, 0)
    count.review(80, True, True, 10)
    count.review(90, False, False, 10)
    assert count.sums(100)[0] == 1 * 10 + 16 * 60 + 6 * 10 + 16 * 10 + 6 * 10, "an empty line lacks nothing"


def test_read_buffer_that_is_too_little_for_a_request_counts_as_taken():
    """100 bytes: from 588 800, when function 2 asks for 60, until 1 004 800, when it has them, 40 are of no use."""
    outcome = book(*BOTH, end=1_030_000, read_buffer=100)
    held = 16 * (575_000 - 160_000 + 584_000 - 166_400) + 60 * (1_002_000 - 576_000 + 1_030_000 - 1_004_800)
    assert pool(outcome, "read_buffer") == (100, held + 40 * (1_004_800 - 588_800), 16 * 2_600)


def test_tx_buffer_that_is_too_little_for_a_frame_counts_as_taken():
    """100 bytes: from 608 000, when the scheduler finds no room for the second frame, until 1 216 000, when it does, 40 are
    of no use."""
    outcome = book(PAIR, end=1_300_000, tx_buffer=100)
    held = 60 * (1_216_000 - 601_600 + 1_300_000 - 1_216_000)
    assert pool(outcome, "tx_buffer") == (100, held + 40 * (1_216_000 - 608_000), 0)


def test_queueing_of_a_holder():
    """The second of two frames holds tag and read buffer while its completion waits 13 600, Tx buffer also on the wire."""
    outcome = book(PAIR)
    assert pool(outcome, "tags")[2] == outcome.results["own_tags"][1, 1] == 13_600
    assert pool(outcome, "read_buffer")[2] == 60 * 13_600
    assert pool(outcome, "tx_buffer")[2] == 60 * (13_600 + 48_000)


def test_a_read_behind_a_write_waits_as_long_as_any_write_takes_and_that_is_no_queueing():
    """It waits 207 200 for a message's commit, of the 220 000 that a write takes: its credit, tag and buffer are in use."""
    outcome = book(PYTHON, actions=((3 * US, "send", (0, 0, (60,))), (3020 * NS, "set", ("raise", 66))))
    assert waits(outcome, 0)["write_order"] == 207_200
    assert [pool(outcome, name)[2] for name in ("up_nph", "tags", "read_buffer")] == [0, 0, 0]


def test_what_is_waited_for_writes_beyond_that_is_queueing():
    """Behind the IOMMU writes wait for walks of those before them, and reads for writes: of 320 000 a read queued 100 000 and a
    write 270 000, beside a walk's 5 000."""
    kept = ReferencePath(plane_config(books=True, write_latency_ps=220_000, walk_ps=50_000)).books
    waited = {"write_order": 320_000, "walkers": 5_000}
    holder = SimpleNamespace(waits=[waited.get(wait.name, 0) for wait in WAITS], before=[0] * len(WAITS))
    assert kept._queued(holder) == 105_000
    kept.queue_credits(UP, NONPOSTED, 0, holder.waits)
    kept.queue_credits(UP, POSTED, 2, holder.waits)
    assert [pool.queued for pool in kept.pools[UP_PH:DOWN_PH]] == [275_000, 2 * 275_000, 105_000]


def test_rx_buffer_is_held_until_the_payload_has_left():
    """64 bytes from 2 057 600 to 3 481 600 + 21 000; of that the descriptor was missing for 1 223 800."""
    outcome = book(RECEIVER, actions=((1 * NS, "set", ("no_descriptor", 1, 0)), (2 * US, "inject", (60, 1)),
                                      (3 * US, "post", (0, 0, 8))))
    assert pool(outcome, "rx_buffer") == (512 << 10, 64 * (3_502_600 - 2_057_600), 64 * 1_223_800)


def test_rx_buffer_is_queued_for_as_long_as_its_payload_waits_for_the_link():
    """Two frames paired by one commit. The second arrives 2 124 800, an edge, is steered 2 316 800; its payload is moved third,
    at 3 494 400, behind a write-back and its message on the link to 3 518 600."""
    outcome = book(RECEIVER, actions=((1 * NS, "set", ("no_descriptor", 1, 0)), (2 * US, "inject", (60, 1)),
                                      (2 * US, "inject", (60, 1)), (3 * US, "post", (0, 0, 8))))
    second = 3_476_600 - 2_316_800 + 12_800 + 3_518_600 - 3_494_400
    used = 3_502_600 - 2_057_600 + 3_539_600 - 2_124_800
    assert pool(outcome, "rx_buffer") == (512 << 10, 64 * used, 64 * (1_223_800 + second))


def test_an_integral_runs_to_the_end_of_the_run():
    assert pool(book(Queue(1, count=1), end=300_000), "tags") == (32, 300_000 - 160_000, 0)


def test_what_is_revoked_was_not_queued():
    """The function is reset while its second frame waits for the wire: its room was taken to then, and that is all."""
    outcome = book(PAIR, actions=((1_200_000, "reset", (1,)),))
    assert pool(outcome, "tx_buffer") == (160 << 10, 60 * (1_216_000 - 601_600 + 1_200_000 - 608_000), 0)
    assert waits(outcome, 1) == {}


def test_a_revoked_read_holds_its_tag_to_the_end_and_was_not_queued():
    """Reset at 1 010 000, both payload reads out: tags return 1 027 600 and 1 047 600; the second's completion waited 13 600."""
    outcome = book(PAIR, actions=((1_010_000, "reset", (1,)),))
    used = (598_200 - 179_200) + (1_027_600 - 601_600) + (1_047_600 - 608_000)
    assert pool(outcome, "tags") == (32, used, 0) and tuple(outcome.results["own_tags"][1]) == (used, 0)


def test_grants_and_passes_of_a_packet_alone():
    """Its passes: 100 000 + 20 000 when it posts, 100 000 + 500 000 when the interrupt has come."""
    outcome = book(Queue(1, count=1, agent_fields=(("core", 3),)))
    granted = {name: int(outcome.results["grants"][position]) for name, position in ORDER.items()}
    assert granted == {"VCPU": 2, "REGISTER_PORT": 1, "TX_SCHEDULER": 1, "TX_REORDER": 1, "SWITCH_INGRESS": 0, "TX_DESC_FETCH": 1,
                       "RX_DESC_FETCH": 0, "TAGS": 2, "WRITERS": 1, "MSIX": 1, "UPSTREAM": 4, "WALKERS": 0, "DOWNSTREAM": 3,
                       "WIRE": 1, "WIRE_RX": 0}
    assert [tuple(row) for row in outcome.results["agents"]] == [(1, 3, 720_000, 2, 0)]


def test_grants_of_a_received_frame():
    """One descriptor read, one frame; payload and write-back; up: that read, both, the message; down: doorbell, completion."""
    outcome = book(RECEIVER, actions=((1500 * NS, "post", (0, 0, 8)), (5 * US, "inject", (60, 1))))
    granted = {name: int(outcome.results["grants"][at]) for name, at in ORDER.items() if outcome.results["grants"][at]}
    assert granted == {"REGISTER_PORT": 1, "SWITCH_INGRESS": 1, "RX_DESC_FETCH": 1, "TAGS": 1, "WRITERS": 2, "MSIX": 1,
                       "UPSTREAM": 4, "DOWNSTREAM": 2, "WIRE_RX": 1}


def test_a_pass_on_a_shared_core_costs_its_switch():
    """Four passes, in turns: all but the first come after another agent's."""
    shared = {"count": 1, "agent_fields": (("core", 0),)}
    outcome = book(Queue(1, **shared), Queue(2, **shared), core_switch_ps=50_000)
    assert [tuple(row) for row in outcome.results["agents"]] == [(1, 0, 720_000 + 50_000, 2, 0), (2, 0, 720_000 + 100_000, 2, 0)]


# interference --------------------------------------------------------------------------------------------------
def test_who_was_served_on_the_wire_while_a_frame_waited(monkeypatch):
    """With every entry sampled: function 1's long frame is on the wire when two others come. While function 2's waits nothing
    starts but itself, which is not in its way; function 3's sees that start: 84 bytes."""
    monkeypatch.setattr(books, "SAMPLE", 1)
    outcome = book(Queue(1, count=1, sizes=(400,)), Queue(2, count=1), Queue(3, count=1))
    assert list(outcome.results["rows"]["function"][outcome.results["rows"]["SWITCHED"].argsort()]) == [1, 2, 3]
    wire, served = (outcome.results[key][SERVED.index("wire")] for key in ("interference", "served"))
    frame = 84 * 800 * 1024
    assert wire[3, 2] == wire.sum() == frame
    assert served.tolist() == [0, 420 * 800 * 1024, frame, frame, 0]
