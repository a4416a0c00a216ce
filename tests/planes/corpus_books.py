"""Scripts in which packets wait for everything at once: the books' own corpus."""

from __future__ import annotations

from corpus import GEN3, LINE_64B, TIES
from harness import NS, US, Queue, Script, mac_of, rx_flow
from whole import GEN2

EVERYTHING = (("iotlb_entries", 4), ("walkers", 2), ("walk_ps", 150 * NS), ("ido", True), ("relaxed_ordering", True),
              ("tag_cap", 6), ("tags", 16), ("tag_reserve", 2), ("read_cycles", 2), ("write_cycles", 3), ("remote_ps", 70 * NS),
              ("dram_ps", 300 * NS), ("dram_share", 20000), ("core_switch_ps", 50 * NS), ("completions", "interleaved"),
              ("walks", "round_robin"), ("tag_functions", "round_robin"), ("upstream", "round_robin"),
              ("downstream", "round_robin"), ("device_cplh", 6), ("host_cplh", 1), ("read_jitter_ps", 90 * NS))
SHAPED = tuple((at, "set", ("shaper", f, rate, burst)) for at, f, rate, burst in (
    (1 * NS, 1, 3 * 800 * 1024, 0), (1 * NS, 2, 2 * 800 * 1024, 500), (9 * US, 1, 800 * 1024 + 77, 100), (12 * US, 2, 0, 0),
    (15 * US + 7, 1, 9 * 800 * 1024, 0)))
TROUBLE = ((8 * US, "set", ("retrain", 0, 700 * NS, *GEN2)), (10 * US + 3, "set", ("wire", 0, 0)),
           (11 * US, "set", ("wire", 0, 900 * 1024)), (13 * US, "reset", (2,)), (14 * US, "set", ("pause", 0, 9)))
FOUR = tuple(Queue(f, rx=True, sizes=(64, 900, 1518), agent_fields=(("core", f % 2),)) for f in (1, 2, 3))
BOOKS_CORPUS = (
    Script("the whole link and host", FOUR, flows=(rx_flow(1, sizes=(700,)), rx_flow(3, interval_ticks=3 * LINE_64B)),
           config=EVERYTHING, actions=SHAPED, end=25 * US),
    Script("the whole in trouble", FOUR, flows=(rx_flow(1), rx_flow(2)), config=EVERYTHING, machine=GEN3,
           actions=(*SHAPED, *TROUBLE), end=25 * US),
    Script("the whole on one grid", FOUR, flows=(rx_flow(2),), config=EVERYTHING, machine=TIES, actions=(*SHAPED, *TROUBLE),
           end=25 * US),
    Script("shaped, looped back", (Queue(1, dst=mac_of(2)), Queue(2, rx=True), Queue(3)), loopback=True, actions=SHAPED,
           config=(("tx_buffer", 4000),), end=25 * US),
    Script("the first shaper comes while a function has nothing to send",
           tuple(Queue(f, size=8, sizes=(nbytes,), interval_ticks=68_812_800, agent_fields=(
               ("poll_ps", 300 * NS), ("core", 0), ("doorbell_cost_ps", 0))) for f, nbytes in ((0, 128), (1, 1518))),
           config=(("read_buffer", 1024), ("host_nph", 1), ("tx_buffer", 2048), ("tx_threshold", 1), ("tag_cap", 2)),
           actions=((12_852 * NS, "set", ("shaper", 0, 0, 0)),), end=20 * US, itr_ps=0),
    Script("reads come home out of order", (Queue(1, sizes=(1518, 64)), Queue(2, sizes=(777,))), end=25 * US,
           config=(("dram_ps", 900 * NS), ("dram_share", 30000), ("tx_buffer", 9000))),
)

# Waits that last longer than 2^32 ps: for shaper, buffer and a wire that is down or paused; for the only tag; for descriptors,
# walks, older writes and the driver.
MS = 1_000 * US
PATIENCE = (
    Script("waits of milliseconds, sent", (Queue(1, count=40), Queue(3, count=2), Queue(4, count=3, tx=True)), end=20 * MS,
           config=(("tx_buffer", 600), ("skp_ps", 0)), actions=(
               (1 * NS, "set", ("shaper", 3, 80_000_000 * 1024, 0)), (2 * US, "set", ("wire", 0, 0)),
               (7 * MS, "set", ("wire", 0, 800 * 1024)), (12 * MS, "set", ("pause", 0, 65_000)))),
    Script("waits of milliseconds, slow memory", (Queue(1, count=6, sizes=(64, 900)), Queue(2, count=6, rx=True)), end=60 * MS,
           config=(("tags", 1), ("read_latency_ps", 5 * MS), ("skp_ps", 0), ("tx_buffer", 2000)), flows=(rx_flow(2, count=9),)),
    Script("waits of milliseconds, received", (Queue(2, tx=False, rx=True, agent=False),
                                               Queue(4, tx=False, rx=True, size=8)), end=30 * MS, itr_ps=6 * MS,
           config=(("skp_ps", 0), ("write_latency_ps", 6 * MS), ("iotlb_entries", 2), ("walkers", 1), ("walk_ps", 5 * MS)),
           flows=(rx_flow(4, interval_ticks=300 * US * 1024),), actions=(
               (1 * NS, "set", ("no_descriptor", 2, 0)), (2 * US, "inject", (60, 2)), (2 * US, "inject", (900, 2)),
               (6 * MS, "post", (0, 0, 8)), (6 * MS, "inject", (60, 2)))),
)
