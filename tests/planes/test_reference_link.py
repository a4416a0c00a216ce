"""The whole link: credits of six kinds, ordering, who goes first, retraining, a wire that changes; times by hand.

One 64-byte frame of one agent, undisturbed (test_reference.py derives it): doorbell 160 000, descriptor read at the
root 166 000, home 575 000, edge 576 000; payload read at the root 582 000, answered 982 000, home 1 002 000, edge
1 004 800; at the switch 1 132 800, off the wire 1 190 400; written back 1 234 800.
"""

from __future__ import annotations

import pytest
from harness import NS, US, Queue
from whole import GEN2, LATENCY, PLANES, by_function, one, stage, waited

from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import UpcallKind

PYTHON_1, PYTHON_2 = Queue(1, agent=False), Queue(2, agent=False)
pytestmark = pytest.mark.parametrize("plane", PLANES)


# credits -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("field, count", [(f"{side}_{pool}{part}", most + 1) for side in ("host", "device")
                                          for pool in ("p", "np", "cpl") for part, most in (("h", 127), ("d", 2047))])
def test_more_than_half_the_numbers_cannot_be_advertised(plane, field, count):
    one(plane, end=1000, **{field: count - 1})
    with pytest.raises(ModelBug, match=f"{count} credits cannot be advertised"):
        one(plane, end=1000, **{field: count})


def test_traffic_goes_on_after_the_counters_have_wrapped(plane):
    """300 frames and their descriptors use far more than 256 headers of each pool; they end as with infinite credits."""
    names = [f"{side}_{pool}" for side in ("host", "device") for pool in ("ph", "pd", "nph", "cplh", "cpld")]
    finite = one(plane, Queue(1, count=300), end=60 * US, **{n: 2047 if n.endswith("d") else 127 for n in names})
    infinite = one(plane, Queue(1, count=300), end=60 * US, **dict.fromkeys(names, 0))
    assert finite.results["functions"]["tx_packets"][1] == infinite.results["functions"]["tx_packets"][1] == 300


@pytest.mark.parametrize("credits", [{"device_cplh": 1}, {"device_cpld": 16}])
def test_a_completion_waits_for_completion_credits(plane, credits):
    """512 bytes come back as two completions of 276 wire bytes (69 000 ps), 256 bytes = 16 data credits each.

    The first is home at 1 051 000 and its credits are released; Ack and UpdateFC-Cpl are due 316 000 later, at
    1 367 000, and go in this order (2 000 each): credits at 1 371 000, home at 1 440 000, which is an edge.
    """
    outcome = one(plane, Queue(1, count=1, sizes=(516,)), **credits)
    assert stage(outcome, "DATA_FETCHED") == 1_440_000
    assert waited(outcome, "down_completion")["pool"] == 1_371_000 - 982_000
    assert stage(one(plane, Queue(1, count=1, sizes=(516,))), "DATA_FETCHED") == 1_120_000


def test_non_posted_data_credits_are_reported_though_nothing_needs_them(plane):
    def reports(**counts):
        return int(one(plane, end=40 * US, **counts).results["links"][1]["dllp_bytes"])

    assert reports(host_nph=0, host_npd=4) == reports(host_nph=64) == reports(host_nph=64, host_npd=1)
    assert reports(host_nph=0) < reports(host_nph=64)


def test_a_release_just_before_the_idle_report_goes_with_it(plane):
    """The root has room for one posted header; a report is due at 30 us, without anything to say.

    Two messages at 29 500 000: the first leaves at edge 29 504 000, arrives 29 510 000 and commits 29 730 000. Its own report
    would be due 316 000 later; the idle one, 30 000 000 to 30 002 000, has it. The second leaves behind the adapter's two idle
    reports, at 30 004 000: 6 000 + 220 000.
    """
    at = 29_500 * NS
    outcome = one(plane, PYTHON_2, actions=((at, "set", ("raise", 128)), (at, "set", ("raise", 129))), host_ph=1, end=31 * US)
    assert [u.time for u in outcome.upcalls if u.kind == UpcallKind.MSIX] == [29_730_000, 30_230_000]


# ordering ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("ido, function, done", [(False, 1, 3_557_600), (True, 1, 3_142_000), (True, 2, 3_557_600)])
def test_a_completion_passes_a_blocked_write_only_with_ido_and_of_another_function(plane, ido, function, done):
    """Function 2 sends two messages and the root has room for one posted header.

    The first leaves at edge 3 001 600, arrives 3 007 600, commits 3 227 600; UpdateFC-P is due at 3 543 600, its end
    3 545 600: the second leaves then, 6 000. A hot register read of `function` at 3 100 000 arrives 3 106 000, is taken
    at 3 110 400 and answered 4 cycles later, at 3 136 000: 24 bytes, behind the second message or not.
    """
    actions = ((3 * US, "set", ("raise", 128)), (3 * US, "set", ("raise", 129)),
               (3100 * NS, "read", (function, 0x2018 + 0x40 * (function - 1))))
    outcome = one(plane, PYTHON_1, PYTHON_2, actions=actions, host_ph=1, ido=ido)
    times = {upcall.kind: upcall.time for upcall in outcome.upcalls}
    assert times[UpcallKind.MMIO_DONE] == done
    assert times[UpcallKind.MSIX] == 3_545_600 + 6_000 + 220_000
    assert waited(outcome, "up_completion").get("pool", 0) == (3_545_600 - 3_136_000 if done > 3_142_000 else 0)


@pytest.mark.parametrize("relaxed, ido, fetched", [(False, False, 4_192_000), (True, False, 4_192_000), (True, True, 3_494_400)])
def test_a_payload_read_waits_for_a_blocked_write_with_ro_too_but_not_with_ido(plane, relaxed, ido, fetched):
    """As above: function 2's second message goes at 3 545 600, arrives 3 551 600 and commits 3 771 600.

    Function 1's frame of 2 616 000 asks for its payload at 3 065 600: 6 000 + 400 000 + 20 000 from then (edge 3 494 400); or
    it is at the root 3 557 600, behind that message, and samples with its commit: 400 000 + 20 000, edge 4 192 000.
    """
    actions = ((2616 * NS, "send", (0, 0, (60,))), (3 * US, "set", ("raise", 128)), (3 * US, "set", ("raise", 129)))
    outcome = one(plane, PYTHON_1, PYTHON_2, actions=actions, host_ph=1, ido=ido, relaxed_ordering=relaxed)
    assert stage(outcome, "DATA_FETCHED") == fetched


@pytest.mark.parametrize("relaxed, ido, writer, fetched", [
    (False, False, 2, 4_160_000), (True, False, 1, 3_878_400), (False, True, 2, 3_878_400), (False, True, 1, 4_160_000)])
def test_payload_passes_a_blocked_doorbell_with_ro_or_another_function_s_with_ido(plane, relaxed, ido, writer, fetched):
    """The adapter has room for one posted header; two writes at 3 800 000, so the second waits.

    The first is taken at 3 808 000; UpdateFC-P is due 4 124 000, behind an Ack due at 4 123 000: credit at 4 127 000, the
    second write takes 7 000. The payload of function 1 (doorbell 3 033 600, descriptor 3 448 600, edge 3 449 600) is
    ready at 3 855 600: 20 000 from then, edge 3 878 400, or from 4 134 000: 4 154 000, edge 4 160 000.
    """
    at = 3800 * NS
    actions = ((3 * US, "send", (0, 0, (60,))), (at, "write", (writer, 0x200, 1)), (at, "write", (writer, 0x200, 2)))
    outcome = one(plane, PYTHON_1, PYTHON_2, actions=actions, device_ph=1, ido=ido, relaxed_ordering=relaxed)
    assert stage(outcome, "DATA_FETCHED") == fetched


def test_a_descriptor_s_completion_has_no_ro(plane):
    """As above with the descriptor: ready at 3 439 600, behind writes at 3 400 000 (taken 3 411 200; the doorbell's
    credit is back at 3 327 000). UpdateFC-P 3 727 200 after an Ack at 3 723 000: 3 729 200, write to 3 736 200, 9 000."""
    actions = ((3 * US, "send", (0, 0, (60,))), (3400 * NS, "write", (2, 0x200, 1)), (3400 * NS, "write", (2, 0x200, 2)))
    relaxed = one(plane, PYTHON_1, PYTHON_2, actions=actions, device_ph=1, relaxed_ordering=True)
    ido = one(plane, PYTHON_1, PYTHON_2, actions=actions, device_ph=1, ido=True)
    assert (stage(relaxed, "DESC_FETCHED"), stage(ido, "DESC_FETCHED")) == (3_750_400, 3_449_600)


# who goes first ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("policy, message, first, second", [("age", 3_358_000, 3_539_200, 3_545_600),
                                                            ("round_robin", 3_346_000, 3_756_800, 3_769_600)])
def test_upstream_policy_decides_between_a_message_and_older_reads(plane, policy, message, first, second):
    """While PCIe retrains until 3 120 000, two descriptor reads (3 033 600, 3 040 000) and a message (3 052 800) queue up.

    Age: reads end 3 126 000 and 3 132 000, the message 3 138 000. A read comes home 400 000 + 9 000 later, the second
    9 000 behind. In turns: the message first, commit 3 346 000, and memory shows the reads nothing older than that.
    """
    actions = ((3 * US, "send", (0, 0, (60,))), (3 * US, "send", (1, 0, (60,))),
               (3020 * NS, "set", ("retrain", 0, 100 * NS, *GEN2)), (3050 * NS, "set", ("raise", 66)))
    outcome = one(plane, PYTHON_1, PYTHON_1, actions=actions, upstream=policy)
    assert [u.time for u in outcome.upcalls if u.args[1] == 2] == [message]
    assert by_function(outcome, "DESC_FETCHED")[1] == [first, second]


def test_turns_of_the_upstream_lines_go_on_from_the_last_one_granted(plane):
    """As above, in turns, after a register was read and a frame sent: its message, posted, was last, so a read is first.

    Read to 3 126 000, message to 3 132 000 (commit 3 352 000), read to 3 138 000, which samples behind the message.
    """
    actions = ((900 * NS, "read", (1, 0x2018)), (1 * US, "send", (0, 0, (60,))),
               (3 * US, "send", (0, 1, (60,))), (3 * US, "send", (1, 0, (60,))),
               (3020 * NS, "set", ("retrain", 0, 100 * NS, *GEN2)), (3050 * NS, "set", ("raise", 66)))
    outcome = one(plane, PYTHON_1, PYTHON_1, actions=actions, upstream="round_robin")
    assert [u.time for u in outcome.upcalls if u.kind == UpcallKind.MSIX and u.args[1] == 2] == [3_352_000]
    assert by_function(outcome, "DESC_FETCHED")[1][1:] == [3_539_200, 3_763_200]


@pytest.mark.parametrize("policy, fetched, answered", [("age", 3_532_800, 3_570_800), ("round_robin", 3_539_200, 3_558_000)])
def test_downstream_policy_decides_between_a_read_and_an_older_completion(plane, policy, fetched, answered):
    """While PCIe retrains until 3 520 000, a completion (ready 3 439 600), a register read and a write queue up downstream.

    Age: completion to 3 529 000, read to 3 535 000: taken at edge 3 539 200, answered 4 cycles and 6 000 later. In turns the
    line behind that of the last TLP, a doorbell, is first: read to 3 526 000, edge 3 526 400; completion to 3 535 000.
    """
    actions = ((3 * US, "send", (0, 0, (60,))), (3420 * NS, "set", ("retrain", 0, 100 * NS, *GEN2)),
               (3445 * NS, "read", (1, 0x2018)), (3450 * NS, "write", (1, 0x200, 1)))
    outcome = one(plane, PYTHON_1, actions=actions, downstream=policy)
    assert stage(outcome, "DESC_FETCHED") == fetched
    assert next(u.time for u in outcome.upcalls if u.kind == UpcallKind.MMIO_DONE) == answered


# one direction of another rate ---------------------------------------------------------------------------------
def busy(outcome):
    """Busy ticks of the two directions of PCIe, and the bytes that took them."""
    links = outcome.results["links"][:2]
    return [int(n) for n in links["busy_ticks"]], [int(n) for n in links["tlp_bytes"] + links["dllp_bytes"] + links["skp_bytes"]]


@pytest.mark.parametrize("up, down", [(65536, 32768), (16384, 65536), (32768, 16384)])
def test_a_byte_takes_its_direction_s_share_of_the_link_s_time(plane, up, down):
    """At 256 000 ticks a byte; after a retrain at 2 us, when all is done, at twice that."""
    ticks, nbytes = busy(one(plane, end=5 * US, up_share=up, down_share=down))
    assert ticks == [nbytes[0] * 256_000 * up >> 16, nbytes[1] * 256_000 * down >> 16] and min(nbytes) > 0
    late = ((2 * US, "set", ("retrain", 0, 1, 512_000, *GEN2[1:])),)
    slower = busy(one(plane, end=5 * US, up_share=up, down_share=down, actions=late))[0]
    early = busy(one(plane, end=2 * US, up_share=up, down_share=down))[0]
    assert [b - a for a, b in zip(early, slower, strict=True)] == [2 * (b - a) for a, b in zip(early, ticks, strict=True)]
    assert slower > ticks


# retraining ----------------------------------------------------------------------------------------------------
SLOW = (512_000, LATENCY, LATENCY, 2_360_000, 32)      # twice the byte time


@pytest.mark.parametrize("at, fetched, written", [
    (900 * NS, 1_145_600, 1_385_600),                  # before the payload comes back: UpdateFC 4 000, then 40 000
    (982_000, 1_222_400, 1_462_400),                   # a start at its own instant is revoked
    (982_001, 1_004_800, 1_182_001 + 20_000 + 220_000),    # one ps later it is final; the write-back waits, 40 x 500
])
def test_nothing_starts_while_pcie_retrains_and_then_the_new_byte_time_holds(plane, at, fetched, written):
    outcome = one(plane, actions=((at, "set", ("retrain", 0, 200 * NS, *SLOW)),))
    assert (stage(outcome, "DATA_FETCHED"), stage(outcome, "WRITTEN_BACK")) == (fetched, written)


def test_a_retrain_is_no_busy_time(plane):
    """The same bytes at the same rate: the link was busy as long as without."""
    before = one(plane, end=5 * US)
    after = one(plane, end=5 * US, actions=((600 * NS, "set", ("retrain", 0, 200 * NS, *GEN2)),))
    cut_short = one(plane, end=700 * NS, actions=((600 * NS, "set", ("retrain", 0, 200 * NS, *GEN2)),))
    busy = before.results["links"]["busy_ticks"]
    assert (after.results["links"]["busy_ticks"] == busy).all()
    assert (cut_short.results["links"]["busy_ticks"] <= busy).all() and (cut_short.results["links"]["busy_ticks"] >= 0).all()


def test_skps_that_could_not_go_are_sent_one_after_the_other(plane):
    """A SKP every 2 360 000: three are due while PCIe retrains from 2 000 000 to 8 000 000; none is lost."""
    skps = [int(one(plane, end=8_100_000, actions=actions).results["links"][0]["skp_bytes"])
            for actions in ((), ((2 * US, "set", ("retrain", 0, 6 * US, *GEN2)),))]
    assert skps == [3 * 32, 3 * 32]
    faster = (256_000, LATENCY, LATENCY, 1_000_000, 32)            # from the one that was due on, every new interval
    outcome = one(plane, end=8_100_000, actions=((2 * US, "set", ("retrain", 0, 1, *faster)),))
    assert outcome.results["links"][0]["skp_bytes"] == 6 * 32       # 2.36, 3.36 ... 7.36


def test_no_skp_interval_means_no_skps(plane):
    assert one(plane, skp_ps=0).results["links"][0]["skp_bytes"] == 0
    outcome = one(plane, end=8_100_000, skp_ps=0, actions=((2 * US, "set", ("retrain", 0, 1, *GEN2)),))
    assert outcome.results["links"][0]["skp_bytes"] == 2 * 32       # 4.36, 6.72


# the wire ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("down, on, off", [(1_132_800, 1_500_000, 1_528_800), (1_132_801, 1_132_800, 1_190_400)])
def test_a_link_that_is_down_starts_nothing_and_comes_back_with_its_byte_time(plane, down, on, off):
    """72 bytes at the new 400 ps; a frame that started before is final, at the old 800 ps."""
    outcome = one(plane, actions=((down, "set", ("wire", 0, 0)), (1500 * NS, "set", ("wire", 0, 400 * 1024))))
    assert (stage(outcome, "ON_WIRE"), stage(outcome, "OFF_WIRE")) == (on, off)
    if on == 1_500_000:
        assert waited(outcome, "tx_wire") == {"pool": 1_500_000 - 1_132_800}


def test_frames_from_the_wire_wait_for_the_link(plane):
    actions = ((3 * US, "set", ("wire", 0, 0)), (4 * US, "inject", (60, 1)), (5 * US, "set", ("wire", 0, 400 * 1024)))
    assert stage(one(plane, Queue(1, tx=False, rx=True, agent=False), actions=actions), "ARRIVED") == 5_000_000 + 72 * 400


def test_a_pause_lasts_as_long_as_when_it_took_effect(plane):
    """A PAUSE of 8 quanta at 800 ps lasts 409 600; the byte time changes meanwhile. While the link is down it has no length."""
    faster = ((1_000_000, "set", ("pause", 0, 8)), (1_200_000, "set", ("wire", 0, 400 * 1024)))
    assert stage(one(plane, actions=faster), "ON_WIRE") == 1_100_000 + 409_600
    down = ((1_000_000, "set", ("wire", 0, 0)), (1_001_000, "set", ("pause", 0, 8)), (1_200_000, "set", ("wire", 0, 400 * 1024)))
    assert stage(one(plane, actions=down), "ON_WIRE") == 1_200_000
