"""How each resource is made a tenth larger: the numbers of a made-up machine, by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from made_books import CONFIG, PS, WORKLOAD, window

from nicmodel.datasheet.arbiters import ORDER
from nicmodel.datasheet.books import POOLS, SERVED
from nicmodel.lab import books
from nicmodel.lab.relax import BY_NAME, MOST, RELAXATIONS, TENTH, Change, capacity_factor, choices
from nicmodel.sim.plane import AgentConfig


def test_every_row_widens_what_the_rate_book_knows_by_about_a_tenth():
    config = replace(CONFIG, tag_cap=30, iotlb_entries=8, read_cycles=2)
    moved = {(1, "tx_packets"): 1, (1, "tx_bytes"): 64, (1, "rx_packets"): 1}
    w = window(replace(WORKLOAD, config=config, shaper_ticks=10**6), functions=moved, links={(3, "busy_ticks"): 1},
               served={(SERVED.index("wire"), 1): 1})
    known = {*books.own(w, 1), *books.crossed_loads(w, 1)} - {"rx_buffer"}
    assert {name for row in RELAXATIONS for name in row.resources} == known
    for row in RELAXATIONS:
        change, factor = row.change(w, TENTH)
        assert abs(float(factor) - 1) == pytest.approx(0.1, abs=0.03), row.name      # 18 credits for 16
        assert change.plane(config) != config or change.cpu > 1 or change.shaper > 1, row.name


def test_what_a_machine_does_not_have_is_not_relaxed():
    w = window()
    assert [row.name for row in RELAXATIONS if row.change(w, TENTH) is None] == ["tag_cap", "walkers", "shaper"]


def test_credits_are_cut_where_pcie_allows_no_more():
    few = window(replace(WORKLOAD, config=replace(CONFIG, host_ph=16)), pools={(4, "used"): 16 * PS})
    change, factor = BY_NAME["up_credits"].change(few, TENTH)
    assert (change.config["host_ph"], float(factor)) == (18, 1.125) and change.config["host_pd"] == MOST["host_pd"]
    change, factor = BY_NAME["up_credits"].change(window(replace(WORKLOAD, config=replace(CONFIG, host_ph=12))), TENTH)
    assert (change.config["host_ph"], factor) == (13, Fraction(13, 12)), "a whole number is not quite a tenth more, and allowed"
    change, factor = BY_NAME["down_credits"].change(window(pools={(7, "used"): CONFIG.device_ph * PS}), TENTH)
    assert change.config == {"device_ph": 18, "device_pd": 70} and float(factor) == 1.125, "what is infinite stays so"
    many = window(pools={(5, "used"): MOST["host_pd"] * PS})
    change, factor = BY_NAME["up_credits"].change(many, TENTH)
    assert factor < 1 and change.config["host_pd"] < MOST["host_pd"]


def test_choices_are_those_that_differ_and_could_matter():
    found = choices(replace(CONFIG, fetch="fewest"))
    assert ("fetch", "round_robin") in found and ("fetch", "fewest") not in found
    assert "walks" not in dict(found) and "walks" in dict(choices(replace(CONFIG, iotlb_entries=4)))


ROUND = replace(CONFIG, core_ps=6_600, wire_byte_ticks=880_000, up_share=55_000, down_share=44_000, tags=32, tag_reserve=2,
                tag_cap=8, read_buffer=16_500, mrrs=512, tx_buffer=165_000, read_latency_ps=330_000, remote_ps=110_000,
                iotlb_entries=4, walk_ps=99_000, core_switch_ps=2_200, pcie_byte_ticks=65_536)


@pytest.mark.parametrize(("name", "config", "factor"), [
    ("wire", {"wire_byte_ticks": 800_000}, TENTH), ("up_link", {"up_share": 50_000}, TENTH),
    ("down_link", {"down_share": 40_000}, TENTH), ("tags", {"tags": 35}, TENTH), ("tag_cap", {"tag_cap": 9}, Fraction(9, 8)),
    ("read_buffer", {"read_buffer": 18_150}, TENTH),
    ("host latency", {"read_latency_ps": 300_000, "remote_ps": 100_000}, TENTH), ("walkers", {"walk_ps": 90_000}, TENTH),
    ("core clock", {"core_ps": 6_000}, TENTH), ("vcpu", {"core_switch_ps": 2_000}, TENTH)])
def test_a_tenth_more_in_numbers_of_the_plane(name, config, factor):
    change, applied = BY_NAME[name].change(window(replace(WORKLOAD, config=ROUND)), TENTH)
    assert (change.config, applied) == (config, factor)
    assert change.plane(ROUND) == replace(ROUND, **config)


@pytest.mark.parametrize(("sizes", "room", "factor"), [
    ((1000,), 176_000, TENTH), ((1500, 500), 176_000, TENTH), ((50_000,), 200_000, Fraction(4, 3)),
    ((160_000,), 320_000, 2), ((14_999,), 164_989, TENTH)])
def test_a_tx_buffer_gets_room_for_whole_frames(sizes, room, factor):
    """160 kB: of frames that all fit a tenth more, of few one more; never less room than there was."""
    config = replace(ROUND, tx_buffer=160_000)
    counts = {(1, "tx_packets"): len(sizes), (1, "tx_bytes"): sum(sizes) + 4 * len(sizes)}
    change, applied = BY_NAME["tx_buffer"].change(window(replace(WORKLOAD, config=config), functions=counts), TENTH)
    assert (change.config, applied) == ({"tx_buffer": room}, factor)


@pytest.mark.parametrize(("name", "few", "config", "factor"), [
    ("tags", {"tags": 6}, {"tags": 7}, Fraction(5, 4)), ("tag_cap", {"tag_cap": 2}, {"tag_cap": 3}, Fraction(3, 2)),
    ("read_buffer", {"read_buffer": 1024}, {"read_buffer": 1536}, Fraction(3, 2)),
    ("walkers", {"walk_ps": 1}, {"walk_ps": 1}, 1), ("host latency", {"read_latency_ps": 1, "remote_ps": 0},
                                                     {"read_latency_ps": 1, "remote_ps": 0}, 1)])
def test_of_few_it_is_one_more_and_a_time_never_vanishes(name, few, config, factor):
    change, applied = BY_NAME[name].change(window(replace(WORKLOAD, config=replace(ROUND, **few))), TENTH)
    assert (change.config, applied) == (config, factor)


def test_drivers_shapers_and_arrivals_are_faster_and_nothing_else_of_them_changes():
    agent = AgentConfig(function=1, tx_ring=0, rx_ring=0, flow=0, tx_buffers=4096, rx_buffers=8192, tx_stride=2048,
                        rx_stride=2048, vector=0, irq_latency_ps=1_100, irq_cost_ps=2_200, pass_cost_ps=3_300,
                        tx_packet_cost_ps=4_400, rx_packet_cost_ps=5_500, tx_batch=11, rx_batch=22, doorbell_cost_ps=6_600)
    assert Change(cpu=TENTH).agent(agent) == replace(agent, irq_cost_ps=2_000, pass_cost_ps=3_000, tx_packet_cost_ps=4_000,
                                                     rx_packet_cost_ps=5_000, doorbell_cost_ps=6_000)
    assert Change(shaper=TENTH).shaper_words((8_800, 77)) == (8_000, 77)
    assert Change(arrivals=TENTH).arrival_ticks(990) == 900 and Change(arrivals=Fraction(9)).arrival_ticks(1) == 1
    wire, _ = BY_NAME["wire"].change(window(replace(WORKLOAD, config=ROUND)), TENTH)
    assert wire.arrivals == TENTH
    shaper, applied = BY_NAME["shaper"].change(window(replace(WORKLOAD, shaper_ticks=8_800)), TENTH)
    assert shaper.shaper == applied == TENTH


def test_reads_that_are_answered_sooner_hold_their_tags_for_a_shorter_time():
    """1,000 reads hold a tag for 1 us each; 440 ns of that become 400."""
    w = window(replace(WORKLOAD, config=ROUND), grants={(ORDER["TAGS"],): 1000},
               pools={(POOLS.index("tags"), "used"): 1000 * 1_000_000})
    change, factor = BY_NAME["host latency"].change(w, TENTH)
    assert capacity_factor(BY_NAME["host latency"], w, change, factor) == pytest.approx(1.0 / 0.96)
    assert capacity_factor(BY_NAME["wire"], w, change, factor) == pytest.approx(1.1)


def test_a_tag_is_held_as_long_as_the_host_takes_whatever_a_short_window_says():
    """A wave more of reads was granted in the window than ended in it: on the average they seem to hold tags too short."""
    latency = CONFIG.read_latency_ps
    for hold, factor in ((2 * latency, 2 / (2 - 1 / 11)), (latency, 1.1), (latency * 9 // 10, 1.1)):
        w = window(pools={(0, "used"): 100 * hold}, grants={(ORDER["TAGS"],): 100})
        change, applied = BY_NAME["host latency"].change(w, TENTH)
        assert capacity_factor(BY_NAME["host latency"], w, change, applied) == pytest.approx(factor, rel=1e-5)


def test_room_for_a_frame_is_held_while_the_host_answers():
    hold = 3 * CONFIG.read_latency_ps
    w = window(pools={(2, "used"): 100 * 60 * hold}, functions={(1, "tx_packets"): 100, (1, "tx_bytes"): 6400})
    change, applied = BY_NAME["host latency"].change(w, TENTH)
    assert capacity_factor(BY_NAME["host latency"], w, change, applied, "tx_buffer") == pytest.approx(3 / (3 - 1 / 11), rel=1e-5)
