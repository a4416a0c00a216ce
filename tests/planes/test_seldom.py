"""What seldom happens: each of these scripts needs a line of the compiled plane that most runs do not notice."""

from __future__ import annotations

from dataclasses import replace

import harness
import pytest
from comparison import differences
from corpus import FULL, GEN3, LENGTHS, LINE_64B, TIES, agents
from corpus_rss import EIGHT
from harness import NS, US, Queue, Script, mac_of, run, rx_flow
from nicmodel._fastpath import FastPath

from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.limits import MOST_BYTE_TICKS, MOST_CYCLES, MOST_PS
from nicmodel.sim.plane import LONGEST_FRAME, NEVER

SLOW = (("gen", 1), ("lanes", 4))       # a byte a ns
ANEW = (60, 300, 61, 62)


def agree(script: Script, fast: type = FastPath, reference: type = ReferencePath) -> None:
    told = differences(run(fast, script), run(reference, script))
    assert not told, told


def seldom(queues: tuple[Queue, ...], *actions: tuple[int, str, tuple[object, ...]], end: int = 14 * US, machine: object = (),
           flows: tuple[object, ...] = (), marks: tuple[int, ...] = (), itr_ps: int = 0, **config: object) -> Script:
    """Books are kept."""
    return Script("seldom", queues, flows, actions, tuple(({"books": True} | config).items()), machine, end, itr_ps,
                  message_functions=marks)


def into(*functions: int, lines: int = 8, sizes: tuple[int, ...] = (64,)) -> tuple[object, ...]:
    return tuple(rx_flow(each, sizes, lines * LINE_64B) for each in functions)


# ---- revocation ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("at", range(6 * US, 10 * US, 797_077))
def test_with_ido_nothing_waits_for_writes_that_have_been_taken_back(at):
    """One of two rings of a function has gone: reads of the other do not wait for its writes."""
    queues = (Queue(1, rx=True), Queue(1, rx=True, vector=1), Queue(2, rx=True))
    agree(seldom(queues, (at, "close", (0, 0)), (at, "close", (1, 0)), flows=into(1, 2), machine=SLOW, ido=True, host_ph=1))


@pytest.mark.parametrize("at", range(6 * US, 8 * US, 117_077))
def test_with_ido_nothing_waits_for_messages_that_have_been_taken_back(at):
    agree(seldom((Queue(3, rx=True),), (at, "reset", (3,)), (at + 1, "reopen", (0,)), (at + 2, "send", (0, 0, ANEW)),
                 machine=SLOW, ido=True, host_ph=1, end=10 * US))


@pytest.mark.parametrize("late", (16 * NS, 20 * NS, 60 * NS))
def test_messages_that_have_been_taken_back_are_no_samples(late):
    """So many wait for a credit that some of them are the 67th of their line."""
    rounds = range(8 * US, 11 * US, 100 * NS)
    actions = ((1 * NS, "set", ("bme", 0, 1)), (1 * NS, "set", ("vector", 0, 1, 0)), (1 * NS, "set", ("vector", 1, 1, 0)),
               *((at, "set", ("raise", vector)) for at in rounds for vector in (0, 1)),
               *((at + late, "reset", (0,)) for at in rounds), *((at + late + 1, "set", ("bme", 0, 1)) for at in rounds))
    agree(seldom(agents(3, rx=True, interval_ticks=12 * LINE_64B), *((1 * NS, "ahead", action) for action in actions),
                 flows=into(1, 2, 3, lines=18), machine=SLOW, host_ph=1, end=13 * US))


@pytest.mark.parametrize("at", range(2 * US, 4 * US, 237_077))
def test_a_ring_that_opens_anew_begins_a_frame_at_its_first_byte(at):
    """Some bytes of one had been asked for when it was closed."""
    agree(seldom((Queue(1, sizes=(1518,)),), (at, "close", (0, 0)), (at + 1 * US, "reopen", (0,)),
                 (at + 1 * US + 1, "send", (0, 0, (1500, 300, 61))), machine=SLOW, mrrs=256, core_ps=100_000))


@pytest.mark.parametrize("at", range(3 * US, 4 * US, 97_077))
def test_a_ring_that_opens_anew_has_no_frames_that_came_out_of_order(at):
    queues = (Queue(1, size=16, sizes=(64, 1518)), Queue(2, sizes=(64, 1518)), Queue(3))
    agree(seldom(queues, (at, "close", (0, 0)), (at + 1, "reopen", (0,)),
                 *((at + 2 + step * 2 * US, "send", (0, step * 5 % 16, (*ANEW, 64))) for step in range(4)), end=22 * US,
                 read_jitter_ps=1900 * NS))


@pytest.mark.parametrize("at, ring", [(3_388_308, 1), (4_359_078, 1), (3_388_308, 0)])
def test_a_closed_ring_fetches_nothing(ring, at):
    """It could have, but it was another one's turn."""
    queues = (Queue(3, sizes=(900, 65), interval_ticks=4 * LINE_64B), Queue(1, rx=True, size=16, vector=2, dst=mac_of(2)),
              Queue(3, rx=True, size=32, sizes=(900, 65), interval_ticks=12 * LINE_64B))
    actions = tuple((1 * NS, "ahead", action) for action in ((at, "close", (1, ring)), (at, "close", (0, ring)),
                                                             (at + 1, "reset", (3,))))
    script = seldom(queues, *actions, flows=(rx_flow(3, (600,), 8 * LINE_64B),), machine=SLOW, end=12 * US, itr_ps=300 * NS,
                    core_ps=40_000, tags=2)
    agree(replace(script, loopback=True))


@pytest.mark.parametrize("at", range(1_201_078, 3 * US, 150_000))
def test_what_its_shaper_holds_back_does_not_begin_when_another_ring_of_the_function_closes(at):
    """A frame of that had begun: the function was asked in spite of its shaper."""
    agree(seldom((Queue(1, sizes=(1518,)), Queue(1, sizes=(1518,), vector=1)), (1 * NS, "set", ("shaper", 1, 10_000_000, 0)),
                 (at, "close", (0, 0)), mrrs=256, core_ps=100_000))


@pytest.mark.parametrize("at", range(9_964_002, 10_300_000, 37_077))
def test_a_write_that_is_on_its_way_to_a_message_domain_keeps_its_bytes(at):
    agree(seldom((Queue(1, agent=False, rx=True), Queue(2, rx=True)), (3 * US, "post", (0, 0, 20)), (9 * US, "inject", (900, 1)),
                 (1 * NS, "ahead", (at, "close", (1, 0))), machine=SLOW, marks=(1,), payload=FULL[1]))


# ---- tags ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("at", range(4_175_742, 5 * US, 100_000))
def test_functions_that_ask_are_listed_once_when_something_is_revoked(at):
    agree(seldom((Queue(2, rx=True, size=16, interval_ticks=4 * LINE_64B), Queue(3, rx=True, interval_ticks=LINE_64B),
                  Queue(3, rx=True, size=16, interval_ticks=LINE_64B)), (at, "close", (1, 2)), machine=SLOW, tag_cap=1))


@pytest.mark.parametrize("at", range(8_044_396, 9 * US, 200_000))
def test_nothing_is_left_of_a_list_of_functions_when_something_is_revoked(at):
    agree(seldom((Queue(2, rx=True), Queue(1, interval_ticks=4 * LINE_64B)), (at, "close", (1, 0)), machine=SLOW, tag_cap=3,
                 core_ps=40_000, read_cycles=5))


@pytest.mark.parametrize("at", range(3 * US, 4 * US, 197_077))
def test_nothing_is_left_of_a_long_list_of_functions_either(at):
    """Of so many that one finds its place far from the end."""
    sizes = ((64,), (1518,), (64,), (64,), (1518,), (64, 1518), (64,), (64, 1518), (64,), (64,), (64, 1518), (64,))
    queues = tuple(Queue(1 + each, sizes=sizes[each]) for each in range(12))
    agree(seldom(queues, (at, "close", (0, 0)), machine=GEN3, num_functions=16, tag_cap=5, tags=8, read_jitter_ps=900 * NS,
                 mrrs=128, end=8 * US))


def test_turns_of_functions_begin_with_the_first():
    """Descriptors go first: when the first payload may be asked for, several functions want theirs."""
    agree(seldom(tuple(Queue(each) for each in range(5)), tag_functions="round_robin", tag_classes="descriptors_first", tags=1))


# ---- the link and the root complex -----------------------------------------------------------------------------

def test_completions_go_in_turns_even_if_nothing_else_is_out_of_the_ordinary():
    agree(seldom(agents(1), machine=SLOW, completions="interleaved", end=8 * US))


@pytest.mark.parametrize("at", range(4 * US, 8 * US, 331_384))
def test_credits_of_completions_that_have_been_released_fall_due_anew_when_the_link_retrains(at):
    agree(seldom((Queue(2), Queue(2, rx=True, size=16, sizes=(300,), vector=1)),
                 (at, "set", ("retrain", 0, 1, 1_024_000, 536 * NS, 5 * NS, 2_360_000, 8)), machine=TIES, device_cplh=2,
                 end=10 * US))


@pytest.mark.parametrize("rules", ({"ido": True}, {"relaxed_ordering": True, "iotlb_entries": 3}), ids=("IDO", "RO"))
@pytest.mark.parametrize("lines", (17, 18, 19))
def test_a_frame_that_has_arrived_asks_for_room_before_another_gives_it_back(lines, rules):
    flows = (rx_flow(3, (600,), lines * LINE_64B, 4 * US), rx_flow(1, (64, 900), lines * LINE_64B, 5 * US))
    agree(seldom((Queue(1, tx=False, rx=True), Queue(3, tx=False, rx=True, size=16)), flows=flows, machine=SLOW, rx_buffer=2048,
                 end=20 * US, **rules))


@pytest.mark.parametrize("at", (8_931_053, 9_031_053, 9_231_053, 9_331_053))
@pytest.mark.parametrize("tx", (False, True))
def test_what_a_write_that_is_in_memory_leaves_behind_is_not_taken_for_a_started_one(tx, at):
    agree(seldom((Queue(3, tx=tx, rx=True), Queue(2, sizes=(900, 65))), (at, "reset", (3,)), machine=SLOW, ido=True,
                 flows=into(3, lines=18, sizes=(1518,))))


@pytest.mark.parametrize("at", range(5_663_411, 6_200_000, 94_773))
@pytest.mark.parametrize("told", (False, True))
def test_nor_what_one_leaves_that_nobody_hears_of_or_that_is_for_a_message_domain(told, at):
    flows = (rx_flow(1, (1518,), 16 * LINE_64B), rx_flow(2, (1518,), (16 if told else 40) * LINE_64B))
    agree(seldom((Queue(1, tx=False, rx=True, agent=not told), Queue(2, tx=False, rx=True, size=64 if told else 16)),
                 *([(2 * US, "post", (0, 0, 60))] if told else []), (1 * NS, "ahead", (at, "reset", (2,))), flows=flows,
                 machine=SLOW, marks=(1,) if told else (), ido=True, host_ph=1 if told else 3, record_rows=told,
                 write_latency_ps=220 * NS if told else 1, payload=LENGTHS[1]))


@pytest.mark.parametrize("rules", ({"ido": True}, {"relaxed_ordering": True, "iotlb_entries": 1}), ids=("IDO", "RO"))
def test_only_payload_is_out_of_sight_when_nothing_is_recorded(rules):
    """Of it without RO: with RO, who commits last completes the write."""
    agree(seldom((Queue(1, rx=True, size=32),), flows=into(1, lines=1, sizes=(600,)), machine=SLOW, record_rows=False,
                 end=11 * US, **rules))


@pytest.mark.parametrize("tx", (False, True))
def test_only_payload_is_written_out_of_order(tx):
    """A write-back and a message wait for their turn, whatever they find in the IOTLB."""
    agree(seldom((Queue(2, tx=tx, rx=True, dst=mac_of(3)),), flows=into(2, lines=3, sizes=(64, 900)), relaxed_ordering=True,
                 iotlb_entries=8 if not tx else 1, walk_ps=280 * NS, end=11 * US))


# ---- results ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("end", (4_206_000, 4_206_001))
def test_room_that_returns_when_a_run_ends_has_not_returned(end):
    agree(seldom(agents(2, rx=True), flows=(rx_flow(1), rx_flow(2)), machine=TIES, rx_buffer=2048, tx_buffer=2048, end=end))


def looking(plane: type, step: int) -> type:
    """A plane whose results are asked for every so often."""
    def run_until(self, time: int) -> list[object]:
        following = (max(self.now, 0) // step + 1) * step
        while following < time:
            upcalls = plane.run_until(self, following)
            self.results()
            if upcalls:
                return upcalls
            following += step
        return plane.run_until(self, time)
    return type("Looking", (plane,), {"run_until": run_until})


@pytest.mark.parametrize("step", (40_000, 333_333))
@pytest.mark.parametrize("shaped", (False, True), ids=("", "shaped"))
def test_who_looks_changes_nothing(shaped, step):
    """The scheduler has work at the next edge; or a shaper lets go between two."""
    shapers = ((1 * NS, "set", ("shaper", 1, 300_000, 0)), (1 * NS, "set", ("shaper", 2, 100_000, 0)))
    script = seldom((Queue(1), Queue(1, vector=1), Queue(2)), *(shapers if shaped else ()), core_ps=40_000,
                    tx_buffer=300 if step == 40_000 else 2048, end=6 * US)
    plain = run(FastPath, script)
    for plane in (FastPath, ReferencePath):
        told = differences(run(looking(plane, step), script), plain)
        assert not told, told


@pytest.mark.parametrize("end", (6 * US, 6 * US + 130_001))
def test_a_frame_that_enters_the_parser_when_a_run_ends_has_waited_until_then(end):
    agree(seldom(agents(3, rx=True), flows=into(1, 2, 3, lines=1), core_ps=100_000, end=end))


def test_there_is_room_for_many_connections():
    flows = tuple(rx_flow(1 + each % 3, interval_ticks=40 * LINE_64B, connection=EIGHT[each % 8]) for each in range(40))
    agree(seldom(agents(3, rx=True), flows=flows, end=10 * US))


# ---- the books of shapers ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("rate", (220_001, 300_000))
@pytest.mark.parametrize("loopback", (False, True))
def test_a_hold_that_has_ended_since_the_last_edge_is_settled_before_the_line_is_blamed_for_room(loopback, rate):
    """Room returns at the edge at which functions may send again."""
    queues = tuple(Queue(each, rx=loopback, size=32, dst=mac_of(each % 3 + 1) if loopback else 0xFF) for each in (1, 2, 3))
    shapers = ((1 * NS, "set", ("shaper", each, rate, 0)) for each in (1, 2, 3))
    agree(replace(seldom(queues, *shapers, core_ps=40_000, end=9 * US), loopback=loopback))


# ---- the first turns -------------------------------------------------------------------------------------------

TWO_AT_ONCE = (1 * US, "set", ("retrain", 0, 2 * US, 1024, 300 * NS, 300 * NS, 0, 16))     # the first fetches wait for its end


@pytest.mark.parametrize("queues", [(Queue(1), Queue(0)), (Queue(1, vector=1), Queue(1))], ids=("functions", "rings"))
def test_the_first_of_all_turns_goes_to_the_lowest_number(queues):
    agree(seldom(queues, TWO_AT_ONCE, core_ps=300_000, end=8 * US))


def test_the_first_of_all_messages_is_that_of_the_lowest_vector():
    ready = ((1 * NS, "set", words) for words in (("bme", 0, 1), ("vector", 0, 1, 0), ("vector", 1, 1, 0)))
    agree(seldom((Queue(1, agent=False),), *ready, *((100 * NS, "set", ("raise", vector)) for vector in (0, 1)), core_ps=40_000,
                 end=1 * US))


# ---- the parser ------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("core_ps, end", [(100_000, 6_600_000), (100_000, 6_300_000), (400_000, 6_300_000),
                                          (1_000_000, 6_500_000)])
def test_a_burst_waits_for_the_parser_up_to_the_end_and_no_longer(core_ps, end):
    """The run ends behind all edges at which the frames enter, between them, or before the second."""
    agree(seldom((Queue(1, rx=True),), *((6 * US, "inject", (60, 1)) for _ in range(5)), core_ps=core_ps, end=end))


def test_a_frame_that_shows_no_address_has_none_of_an_older_one():
    """Its bytes do not move, and no flow tells: it is nobody's in the switch. The row it takes was a frame's to function 2."""
    agree(replace(seldom((Queue(1, agent=False), Queue(2, rx=True, tx=False)), (7 * US, "send", (0, 0, ANEW)), flows=into(2),
                         payload=LENGTHS[1]), loopback=True))


# ---- few descriptors on chip, and long times -------------------------------------------------------------------

@pytest.mark.parametrize("cache", ({"rx_cache": 2}, {"tx_cache": 2}), ids=("Rx", "Tx"))
def test_a_ring_whose_place_on_chip_is_full_fetches_nothing(cache):
    """However high its threshold is."""
    agree(seldom((Queue(1, rx=True), Queue(2, rx=True)), flows=into(1, 2), **cache))


SILENT = {"skp_ps": 0, "host_ph": 0, "host_pd": 0, "host_nph": 0, "device_ph": 0, "device_pd": 0, "device_nph": 0}
FEW = (Queue(1, rx=True, count=5), Queue(2, count=3))


@pytest.mark.parametrize("core_ps", (1 << 42, MOST_PS >> 2))
@pytest.mark.parametrize("cycles", ("tx_pipe_cycles", "rx_pipe_cycles", "register_cycles", "register_latency_cycles",
                                    "read_cycles", "write_cycles"))
def test_what_takes_so_many_long_cycles_never_ends(cycles, core_ps):
    agree(seldom(FEW, flows=(rx_flow(1, count=3),), end=1 << 50, core_ps=core_ps, **SILENT, **{cycles: MOST_CYCLES}))


@pytest.mark.parametrize("batch", (300, 512, 9_000))      # the product with 9,000 does not fit a word
def test_a_pass_that_never_ends_hides_no_other(batch, monkeypatch):
    monkeypatch.setattr(harness, "DOMAIN_BYTES", 1 << 26)
    slow = Queue(1, size=max(512, batch + 8), agent_fields=(("tx_packet_cost_ps", MOST_PS - 1), ("tx_batch", batch)))
    agree(seldom((slow, Queue(2, count=50)), end=50 * US, **SILENT))


def test_the_longest_skp_fits_a_word_too():
    slowest = ("retrain", 0, MOST_PS, MOST_BYTE_TICKS, NEVER >> 1, NEVER >> 1, NEVER >> 1, LONGEST_FRAME)
    agree(seldom(FEW, (2 * US, "set", slowest), (NEVER >> 1, "set", slowest), end=NEVER, **SILENT))


def test_the_integral_of_a_pool_wraps():
    queues = (Queue(1, rx=True, size=512, count=90), Queue(2, rx=True, count=4))
    flows = (rx_flow(1, count=90), rx_flow(2, count=90))
    agree(seldom(queues, flows=flows, end=NEVER, iotlb_entries=1, walk_ps=MOST_PS, **SILENT))
