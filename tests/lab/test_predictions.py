"""The rate book against the machine: it names the limit, and what relaxing the limit brings is what it predicts.

Bare machines (bare_books.py) in the range in which the book claims to hold: the limit is full, the next resource has room.
Each case was also run with a wrong name, and with a prediction of f squared: both fail. One runs on the reference plane too.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from bare_books import US, Setup, attempt, measure

from nicmodel.datasheet.books import SAMPLE
from nicmodel.datasheet.pcie_link import MOST_DATA_CREDITS, MOST_HEADER_CREDITS
from nicmodel.lab import books
from nicmodel.lab.books import FULL, MET, NOBODY, TIE
from nicmodel.lab.explain import ALIKE
from nicmodel.lab.gains import LONG, NEAR, NOBODYS
from nicmodel.lab.relax import BY_NAME
from nicmodel.lab.report import THEY_CHANGE

TENTH, EIGHTH, QUARTER = Fraction(11, 10), Fraction(9, 8), Fraction(5, 4)
RX = {"direction": "rx", "itr_ps": 1 * US, "batch": 8, "ring": 32, "start_ps": 200 * US, "window_ps": 300 * US}
GBPS = 8 * 10**6 * 1024                     # ticks of a byte at 1 Mb/s
ROOM = {"start_ps": 200 * US, "window_ps": 1500 * US,
        "config": {"tx_buffer": 40 * 508, "read_latency_ps": 30 * US, "tags": 256, "read_buffer": 131_072}}
SLOW_CPU = {"tx_packet_cost_ps": 600_000}
BOTH = {"direction": "both", "vfs": 3, "frame": 260, "ring": 128, "batch": 7, "start_ps": 500 * US, "window_ps": 2000 * US}

# name -> setup, what is relaxed, by how much, what is named
CASES = {
    "wire": (Setup(), "wire", TENTH, "wire"),
    # its core is busy 98 % of the time with nearly empty passes
    "wire, drivers that never rest": (Setup(vfs=2, itr_ps=0, rs_batch=1, agent={"pass_cost_ps": 600_000}), "wire", TENTH, "wire"),
    "wire towards the adapter": (Setup(**RX), "wire", TENTH, "wire_rx"),
    "upstream link": (Setup(**RX | {"ring": 64, "start_ps": 400 * US, "window_ps": 400 * US},
                            config={"pcie_byte_ticks": 1400 * 1024, "rx_buffer": 32768}), "up_link", TENTH, "up_link"),
    "downstream link": (Setup(config={"pcie_byte_ticks": 1200 * 1024}), "down_link", TENTH, "down_link"),
    "tags": (Setup(frame=256, window_ps=300 * US, config={"tags": 10, "read_latency_ps": 3_600_000}), "tags", TENTH, "tags"),
    "tags, few": (Setup(frame=256, config={"tags": 4, "read_latency_ps": 1_600_000}), "tags", QUARTER, "tags"),
    "tags, some reserved": (Setup(frame=256, window_ps=300 * US, config={"tags": 14, "tag_reserve": 4,
                                                                         "read_latency_ps": 3_600_000}), "tags", TENTH, "tags"),
    # reads wait for the writes before them as long as any write takes: that is no other resource
    "tags, behind writes": (Setup(frame=256, window_ps=300 * US, config={"tags": 8, "read_latency_ps": 3_600_000,
                                                                         "write_latency_ps": 1_000_000}), "tags", TENTH, "tags"),
    # most completions of a read go behind others of the same read: that is no other resource either
    "tags, reads of many completions": (
        Setup(frame=8100, start_ps=500 * US, window_ps=2000 * US, config={
            "tags": 4, "read_latency_ps": 14 * US, "mrrs": 4096, "mps": 128, "read_buffer": 131_072, "tx_buffer": 1 << 20}),
        "tags", QUARTER, "tags"),
    "host latency": (Setup(frame=256, window_ps=300 * US, config={"tags": 10, "read_latency_ps": 3_600_000}),
                     "host latency", TENTH, "tags"),
    "a function's tags": (Setup(frame=256, window_ps=300 * US, config={"tag_cap": 4, "read_latency_ps": 6_000_000}),
                          "tag_cap", QUARTER, "tag_cap"),
    # reads of 128 bytes, those of descriptors too: a pool that is full to the byte
    "read buffer": (Setup(frame=132, window_ps=200 * US, config={"read_buffer": 16 * 128, "tx_cache": 8, "tx_threshold": 4,
                                                                 "read_latency_ps": 3_000_000}),
                    "read_buffer", QUARTER, "read_buffer"),
    "room for frames": (Setup(**ROOM), "tx_buffer", TENTH, "tx_buffer"),
    # a tenth more is for no frame; a seventh of these is
    "room for few frames": (Setup(**ROOM | {"config": ROOM["config"] | {"tx_buffer": 6 * 508 + 400}}), "tx_buffer", TENTH,
                            "tx_buffer"),
    "room for frames, host latency": (Setup(**ROOM), "host latency", TENTH, "tx_buffer"),
    # short rings: behind long backlogs of writes descriptor reads come in waves, and messages a frame change with the rate
    "posted credits": (Setup(**RX | {"ring": 16, "batch": 4, "itr_ps": 0, "window_ps": 400 * US},
                             config={"host_ph": 16, "write_latency_ps": 3_000_000}), "up_credits", EIGHTH, "up_credits"),
    # writes wait for the page walks of those before them, which are latency of whoever holds credits
    "posted credits, behind walks": (
        Setup(**RX | {"ring": 64, "batch": 32, "itr_ps": 5 * US, "frame": 64, "window_ps": 2000 * US}, config={
            "host_ph": 32, "write_latency_ps": 300_000, "iotlb_entries": 8, "walkers": 64, "walk_ps": 1 * US}),
        "up_credits", TENTH, "up_credits"),
    "completion credits": (Setup(frame=64, window_ps=300 * US, config={"device_cplh": 2}), "down_credits", QUARTER,
                           "down_credits"),
    "page walkers": (Setup(window_ps=300 * US, config={"iotlb_entries": 4, "walkers": 1, "walk_ps": 1_100_000}),
                     "walkers", TENTH, "walkers"),
    "Tx pipeline": (Setup(frame=64, config={"core_ps": 100_000}), "core clock", TENTH, "scheduler or tx_pipe"),
    "Rx pipeline": (Setup(**RX | {"frame": 64}, config={"core_ps": 100_000}), "core clock", TENTH, "rx_pipe or writers"),
    "DMA engine": (Setup(frame=128, config={"read_cycles": 32}), "core clock", TENTH, "dma_issue"),
    "driver": (Setup(frame=64, ring=128, batch=8, window_ps=800 * US, agent=SLOW_CPU), "vcpu", TENTH, "vcpu"),
    "drivers on shared cores": (Setup(frame=64, vfs=6, ring=128, batch=8, cores=2, window_ps=800 * US, agent=SLOW_CPU,
                                      config={"core_switch_ps": 500_000}), "vcpu", TENTH, "vcpu"),
    "driver that sends and receives": (
        Setup(**BOTH, itr_ps=20 * US, agent=SLOW_CPU | {"rx_packet_cost_ps": 800_000}), "vcpu", TENTH, "vcpu"),
    "drivers that send and receive, polling on a shared core": (
        Setup(**BOTH | {"batch": 13}, cores=1,
              agent={"tx_packet_cost_ps": 300_000, "rx_packet_cost_ps": 200_000, "poll_ps": 10 * US}), "vcpu", TENTH, "vcpu"),
    "shaper": (Setup(window_ps=400 * US, shaper=(GBPS // 1500, 0)), "shaper", TENTH, "shaper"),
}


@pytest.mark.parametrize("case, plane", [*((case, "fast") for case in CASES), ("tags, few", "reference")])
def test_the_book_names_the_limit_and_predicts_what_relaxing_it_brings(case, plane):
    setup, relaxed, factor, name = CASES[case]
    trial = attempt(replace(setup, plane=plane), relaxed, factor)
    limit = max(trial.loads[resource] for resource in BY_NAME[relaxed].resources if resource in trial.loads)
    figures = limit, trial.second, trial.factor, trial.predicted, trial.measured
    print(f"| {case} | {name} |", " | ".join(f"{figure:.3f}" for figure in figures), "|")
    assert set(trial.named) == {name}
    assert limit >= FULL and trial.factor * trial.second <= NEAR, "out of the range of the promise"
    assert name != "vcpu" or trial.longest_pass <= LONG, "out of it, too"
    assert limit - trial.second > TIE
    assert trial.measured == pytest.approx(trial.predicted, rel=0.02)


@pytest.mark.parametrize("setup, name", [
    (Setup(frame=64, config={"device_cplh": 4}), "down_credits"), (Setup(frame=64, config={"device_cpld": 24}), "down_credits"),
    (Setup(**RX | {"frame": 64, "ring": 64, "batch": 32}, config={"host_ph": 8}), "up_credits"),
    (Setup(**RX | {"frame": 256, "ring": 64, "batch": 32}, config={"host_pd": 32}), "up_credits"),
    (Setup(frame=64, window_ps=300 * US, config={"read_buffer": 768, "read_latency_ps": 1_600_000}), "read_buffer")],
    ids=lambda value: next(iter(value.config)) if isinstance(value, Setup) else value)
def test_what_there_is_too_little_of_is_named_though_it_is_never_used_to_the_last(setup, name):
    w = measure(setup)
    assert {books.bottleneck(w, function) for function in (1, 2, 3, 4)} == {name}


@pytest.mark.parametrize("config, vfs", [({"tags": 1}, 1), ({"tag_cap": 1}, 3), ({"read_buffer": 512}, 1)])
def test_what_one_fetch_at_a_time_fills_is_no_limit(config, vfs):
    """A ring has one fetch out: what it takes is always taken, and a second tag would stay idle."""
    w = measure(Setup(**RX | {"vfs": vfs, "frame": 64, "ring": 512, "batch": 32}, config=config | {"read_latency_ps": 20 * US}))
    (name,) = config
    assert books.utilisation(w, 1)[name] >= FULL
    assert {books.bottleneck(w, function) for function in range(1, 1 + vfs)} == {NOBODY}


PAGE = " ".join((Path(__file__).parents[2] / "docs" / "explain.md").read_text().split())


def test_the_page_s_bounds_are_those_of_the_books():
    assert PAGE.count(f"f x U2 <= {NEAR}") == PAGE.count(f"f x U2 is above {NEAR}") == 1
    assert PAGE.count(f"U >= {FULL}") == 3 and f"whose U is within {TIE} of the fullest" in PAGE
    assert PAGE.count(f"{round(100 * MET)} % of") >= 2 and f"differ by no more than {ALIKE}." in PAGE
    assert f"share of the packets to {ALIKE}, each cause's share of the waiting to {ALIKE}." in PAGE
    assert f"is longer than {LONG:.0%} of".replace("%", " %") in PAGE
    assert f"is more than {NOBODYS:.0%} of p".replace("%", " %") in PAGE
    assert THEY_CHANGE in PAGE and f"For every {SAMPLE}th wait" in PAGE
    assert f"({MOST_HEADER_CREDITS} headers, {MOST_DATA_CREDITS} data)" in PAGE


def test_the_page_says_on_how_many_machines_the_promise_was_tried():
    machines, limits = len(CASES), len({name for *_, name in CASES.values()})
    assert f"on {machines} of them, with {limits} different limits" in PAGE


@pytest.mark.parametrize("write_latency_ps", [1_000, 220_000, 2_000_000])
@pytest.mark.parametrize("config, name", [
    ({"tags": 8, "read_latency_ps": 3_600_000}, "tags"), ({"tag_cap": 3, "read_latency_ps": 3_600_000}, "tag_cap"),
    ({"host_nph": 4, "read_latency_ps": 400_000}, "up_credits")])
def test_what_holds_reads_is_named_however_long_writes_take(config, name, write_latency_ps):
    w = measure(Setup(frame=64, window_ps=300 * US, config=config | {"write_latency_ps": write_latency_ps, "host_ph": 0}))
    assert {books.bottleneck(w, function) for function in (1, 2, 3)} == {name}
