"""What waits for a slow, busy link when something is revoked in the middle of a run, at one moment after the other."""

from __future__ import annotations

from dataclasses import replace

import pytest
from comparison import differences
from corpus import FULL, LINE_64B, agents
from harness import NS, US, Queue, Script, check_conservation, mac_of, run, rx_flow
from nicmodel._fastpath import FastPath

from nicmodel.reference.plane import ReferencePath

SLOW = (("gen", 1), ("lanes", 4))       # a byte a ns
GEN2 = (128_000, 300_000, 300_000, 2_000_000, 32)       # a generation and a width later: byte time, Ack, UpdateFC, SKP
GEN1 = (256_000, 5_000, 5_000, 2_000_000, 32)           # likewise, with UpdateFCs that are hardly late
REVOCATIONS = {
    "close Tx": ("close", (0, 1)),
    "close Rx": ("close", (1, 1)),
    "reset": ("reset", (2,)),
    "bus master off": ("set", ("bme", 2, 0)),
    "retrain": ("set", ("retrain", 0, 500 * NS, *GEN2)),
}


def busy(*ahead: tuple[int, str, tuple[object, ...]], **config: object) -> Script:
    """TLPs wait, but never for long. What happens is known ahead: it cuts no run."""
    flows = tuple(rx_flow(each, interval_ticks=18 * LINE_64B, start_ps=(3 + each) * US) for each in (1, 2, 3))
    return Script("a busy link", agents(3, rx=True, interval_ticks=12 * LINE_64B), flows=flows, machine=SLOW, itr_ps=300 * NS,
                  actions=tuple((1 * NS, "ahead", action) for action in ahead), end=13 * US, config=tuple(config.items()))


@pytest.mark.parametrize("books", (True, False), ids=("books", "no books"))
@pytest.mark.parametrize("at", range(9 * US, 11 * US, 97_531))
@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_what_has_not_started_is_taken_back(revocation, at, books):
    script = busy((at, *REVOCATIONS[revocation]), books=books, record_rows=books)
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


@pytest.mark.parametrize("late", (-1, 0, 1))
@pytest.mark.parametrize("revocation", ("close Rx", "reset", "bus master off"))
def test_room_of_a_frame_that_arrives_in_this_instant_returns_with_what_is_revoked(revocation, late):
    """A call comes before what else happens then: the frame's payload is not in the root complex, its waits are nobody's."""
    def script(*actions: tuple[int, str, tuple[object, ...]]) -> Script:
        return Script("the last byte", (Queue(1), Queue(2, tx=False, rx=True)), (rx_flow(2, (300,)),), actions,
                      (("books", True),), SLOW, 9 * US)

    written = run(ReferencePath, script()).results["rows"]["DATA_WRITTEN"]
    assert (written > 0).sum() > 5
    for arrived in written[written > 0][2:5] - 220 * NS:
        revoked = script((int(arrived) + late, *REVOCATIONS[revocation]))
        told = differences(run(FastPath, revoked), run(ReferencePath, revoked))
        assert not told, told


@pytest.mark.parametrize("at", range(1_900 * NS, 2_900 * NS, 63_457))
def test_room_that_a_reset_returns_is_for_those_that_wait_for_it(at):
    """A frame of either function fills the Tx buffer but for 40 bytes, and one of either waits."""
    script = Script("a full Tx buffer", (Queue(1, count=9), Queue(2, count=9)), actions=((at, "reset", (1,)),), end=9 * US,
                    config=(("books", True), ("tx_buffer", 160)))
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


@pytest.mark.parametrize("end", (100 * NS, 400 * NS, 2 * US))
@pytest.mark.parametrize("at", range(9 * US, 10 * US, 297_531))
def test_a_retrain_in_a_retrain_is_no_busy_time(at, end):
    """The second begins while the first goes on, and ends later; the run ends in the first, in the second, or behind both."""
    script = busy(*((begin, *REVOCATIONS["retrain"]) for begin in (at, at + 200 * NS)), books=True)
    told = differences(*(run(plane, replace(script, end=at + end)) for plane in (FastPath, ReferencePath)))
    assert not told, told


@pytest.mark.parametrize("late", range(0, 60 * NS, 4 * NS))
def test_a_message_that_has_not_started_is_taken_back(late):
    """Of a function without a ring."""
    script = busy((1 * NS, "set", ("bme", 0, 1)), (1 * NS, "set", ("vector", 0, 1, 0)),
                  *((at, "set", ("raise", 0)) for at in range(9 * US, 11 * US, 100 * NS)),
                  *((at + late, "reset", (0,)) for at in range(9 * US, 11 * US, 100 * NS)),
                  *((at + late + 1, "set", ("bme", 0, 1)) for at in range(9 * US, 11 * US, 100 * NS)))
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


LONG, LINE_1518B = agents(3, rx=True, sizes=(1518,)), 1538 * 800 * 1024
BYTES = dict(queues=LONG, machine=SLOW, flows=tuple(rx_flow(each, (1518,), 3 * LINE_1518B) for each in (1, 2, 3)))
STUFFED = {         # lines that are empty in most runs are not in these
    "capped tags": dict(config=(("tag_cap", 2), ("tags", 4))),
    "capped tags, functions in turns": dict(config=(("tag_cap", 2), ("tags", 4), ("tag_functions", "round_robin"))),
    "a credit, IDO": dict(config=(("ido", True), ("host_ph", 1)), machine=SLOW),
    "slow writers": dict(config=(("write_cycles", 50),)),
    "a slow switch, loopback": dict(queues=agents(3, rx=True, dst=mac_of(3)), loopback=True, config=(("core_ps", 40_000),)),
    "a slow scheduler, long frames": dict(queues=LONG, config=(("mrrs", 256), ("tx_buffer", 8192), ("core_ps", 100_000))),
    "writes under way": BYTES | dict(config=(FULL, ("mps", 128))),
    "writes under way, IDO": BYTES | dict(config=(FULL, ("mps", 128), ("ido", True))),
    "two rings a function": dict(queues=tuple(Queue(each, rx=True, interval_ticks=4 * LINE_64B) for each in (1, 1, 2, 2))),
}


def stuffed(*actions: tuple[int, str, tuple[object, ...]], queues: tuple[Queue, ...] = agents(3, rx=True),
            config: tuple[tuple[str, object], ...] = (), **fields: object) -> Script:
    """Books are kept; flows come in unless there are others."""
    flows = tuple(rx_flow(each, interval_ticks=8 * LINE_64B) for each in (1, 2, 3))
    return Script("a stuffed line", queues, **{"flows": flows, **fields}, actions=actions, config=(("books", True), *config),
                  end=14 * US, itr_ps=300 * NS)


@pytest.mark.parametrize("at", range(6 * US, 7 * US, 333_077))
@pytest.mark.parametrize("ring, calls", [(0, [("close", (0, 0))]), (1, [("close", (0, 1)), ("close", (1, 1))]),
                                         (1, [("reset", (2,))])], ids=("close first", "close both", "reset"))
@pytest.mark.parametrize("name", STUFFED)
def test_what_a_stuffed_line_holds_is_taken_back_and_the_ring_starts_anew(name, ring, calls, at):
    script = stuffed(*((at, *call) for call in calls), (at + 2 * US, "reopen", (ring,)),
                     (at + 2 * US + 1, "send", (ring, 0, (60, 300, 61))), **STUFFED[name])
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


@pytest.mark.parametrize("latency", (1, 20_000, 3_000_000))
@pytest.mark.parametrize("delay", (1, 30_000))
def test_planes_agree_on_the_shortest_and_the_longest_delays(latency, delay):
    """Of the host, and of Acks and UpdateFCs: one ps is less than a byte takes, the longest is more than all credits last."""
    script = busy(ack_ps=delay, fc_ps=delay, write_latency_ps=latency, read_latency_ps=latency, books=True)
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


# Nearly every TLP waits for a page, and reads for one of few credits.
PAGES = {"iotlb_entries": 4, "walkers": 2, "walk_ps": 150 * NS, "host_nph": 3, "dram_share": 1 << 15, "dram_ps": 90 * NS}


@pytest.mark.parametrize("books", (True, False), ids=("books", "no books"))
@pytest.mark.parametrize("delay", (1, 40 * NS, 900 * NS))
def test_credits_of_reads_that_wait_for_pages_are_released_when_they_sample(delay, books):
    """Whatever the delay of their UpdateFC, which a retrain changes in the middle."""
    script = busy(*((at, "set", ("retrain", 0, 100 * NS, *GEN2)) for at in (9 * US + 1, 11 * US + 1)), fc_ps=delay, books=books,
                  record_rows=books, **PAGES)
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


@pytest.mark.parametrize("end", range(11 * US, 11 * US + 900 * NS, 41_113))
def test_books_of_reads_that_wait_for_pages_close_at_any_moment(end):
    script = replace(busy(books=True, **PAGES), end=end)
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


@pytest.mark.parametrize("late", range(0, 600 * NS, 28_051))
def test_what_reads_that_wait_for_pages_release_before_a_retrain_falls_due_as_before(late):
    """Each of them waits for the credit of the one before."""
    script = busy((10 * US + late, "set", ("retrain", 0, 10 * NS, *GEN2)),
                  (10 * US + late + 77 * NS, "set", ("retrain", 0, 0, *GEN1)), fc_ps=350 * NS, books=True,
                  **{**PAGES, "host_nph": 1})
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


@pytest.mark.parametrize("plane", (ReferencePath, FastPath))
@pytest.mark.parametrize("late", (0, 300 * NS, 900 * NS))
def test_a_frame_on_the_wire_is_inside_although_its_ring_has_opened_anew(late, plane):
    script = Script("on the wire", (Queue(1, sizes=(1518,), count=1),))
    row = run(plane, script).results["rows"][0]
    begun = int(row["ON_WIRE"]) + 10 * NS
    anew = replace(script, actions=((begun, "reopen", (0,)),), end=begun + 1 + late)
    outcome = run(plane, anew)
    check_conservation(outcome)
    assert outcome.results["inside"].sum() == 1
    after = run(plane, replace(anew, end=30 * US))
    check_conservation(after)
    assert after.results["functions"][1]["tx_packets"] == 1 and after.results["rows"][0]["OFF_WIRE"] == row["OFF_WIRE"]
