"""The corpus of the whole link and the whole host: every field, every policy, pairs of them, awkward revocations.

On TIES (1 ns a byte, 1 ns core) the first reads of two saturated agents go like this, with an IOMMU of 280 ns a walk:
doorbells take effect 774 000 and 802 000; function 1's descriptor read is at the root 798 000, walked by 1 078 000,
answered 1 478 000; its completions are on the link from 1 518 000, to 1 794 000 and 2 078 000; UpdateFC-NP is due 1 614 000.
"""

from __future__ import annotations

from typing import Any

from corpus import FULL, GEN3, GEN4_100G, JITTER, LINE_64B, LOST, LOST_ACTIONS, TIES, agents
from harness import NS, US, Queue, Script, rx_flow

from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.sim.plane import TABLES

LATENCY = 316 * NS
GEN2_X8 = (256_000, LATENCY, LATENCY, 2_360_000, 32)          # words of `retrain` after the duration
GEN1_X2 = (2_048_000, 900 * NS, 800 * NS, 4_720_000, 8)
NOWHERE = DOMAIN_BASE + (1 << 30)
SMALL = {"host_ph": 2, "host_pd": 40, "host_nph": 2, "host_npd": 1, "host_cplh": 1, "host_cpld": 1,
         "device_ph": 1, "device_pd": 1, "device_nph": 1, "device_npd": 2, "device_cplh": 2, "device_cpld": 32}
MMU = {"iotlb_entries": 8, "walk_ps": 280 * NS, "walkers": 2}
SLOW_LANES = {"tx_cache": 8, "tx_threshold": 8}
BOTH_WAYS = (rx_flow(1, interval_ticks=2 * LINE_64B), rx_flow(2, interval_ticks=3 * LINE_64B, sizes=(512, 64)))
READS = tuple((3 * US + 400 * NS * i, "read", (1 + i % 2, 0x2018 + 64 * (i % 2))) for i in range(20))


def script(name: str, queues: tuple[Queue, ...], *actions: Any, flows: tuple[Any, ...] = (), machine: Any = (),
           end: int = 30 * US, marks: tuple[str, ...] = (), message_functions: tuple[int, ...] = (),
           unattached_functions: tuple[int, ...] = (), **config: Any) -> Script:
    return Script(name, queues, flows, tuple(actions), tuple(config.items()), machine, end, tags=marks,
                  message_functions=message_functions, unattached_functions=unattached_functions)


def ties(name: str, *actions: Any, queues: tuple[Queue, ...] = agents(2), **config: Any) -> Script:
    return script("ties: " + name, queues, *actions, machine=TIES, marks=("tie",), end=20 * US, **config)


def shared(*functions: int, core: int = 0, **fields: Any) -> tuple[Queue, ...]:
    agent_fields = tuple({"core": core, "doorbell_cost_ps": 7 * NS, **fields}.items())
    return tuple(Queue(f, rx=True, agent_fields=agent_fields) for f in functions)


def retrain(at: int, duration: int, words: tuple[int, ...] = GEN2_X8) -> Any:
    return (at, "set", ("retrain", 0, duration, *words))


LINK = (
    script("six small credit pools", agents(2, rx=True, sizes=(600,)), *READS, flows=BOTH_WAYS, end=60 * US, **SMALL),
    script("counters wrap", agents(3), end=60 * US, host_ph=127, host_pd=2047, host_nph=127, host_npd=2047, host_cplh=127,
           host_cpld=2047, device_ph=127, device_pd=2047, device_nph=127, device_npd=2047, device_cplh=127, device_cpld=2047),
    script("non-posted data credits only", agents(2), *READS, host_nph=0, host_npd=1, device_nph=0, device_npd=3, end=70 * US),
    script("data credits only", agents(2, rx=True), flows=BOTH_WAYS, host_ph=0, host_pd=40, device_ph=0, device_pd=1,
           device_cpld=16, end=60 * US),
    script("one completion at a time", agents(2, sizes=(1518,)), *READS, device_cplh=1, host_cplh=1, end=60 * US),
    script("RO", agents(2, rx=True, sizes=(600,)), *READS, flows=BOTH_WAYS, relaxed_ordering=True, host_ph=3, device_ph=1),
    script("IDO", agents(3, rx=True), *READS, flows=BOTH_WAYS, ido=True, host_ph=3, device_ph=1, end=60 * US),
    script("RO and IDO", agents(3, rx=True, sizes=(64, 900)), *READS, flows=BOTH_WAYS, ido=True, relaxed_ordering=True, **SMALL),
    script("an IOMMU and a Rx buffer that is short", agents(2, rx=True), flows=(rx_flow(1, (513,)), rx_flow(2, (300,))),
           machine=GEN4_100G, rx_buffer=2048, iotlb_entries=8, end=12 * US),
    script("digests", agents(3, rx=True, sizes=(64, 900)), *READS, flows=BOTH_WAYS, tlp_digest_bytes=4, **SMALL),
    script("digests on a full link", agents(4, rx=True, sizes=(1518,)), flows=BOTH_WAYS, tlp_digest_bytes=4, machine=TIES),
    script("links in turns", agents(3, rx=True), *READS, flows=BOTH_WAYS, upstream="round_robin", downstream="round_robin"),
    *(script(f"{name} alone", agents(3, rx=True, sizes=(600, 64)), flows=BOTH_WAYS, machine=(("gen", 1), ("lanes", 4)), **field)
      for name, field in (("upstream in turns", {"upstream": "round_robin"}),
                          ("downstream in turns", {"downstream": "round_robin"}),
                          ("writers of two cycles", {"write_cycles": 2}))),
    script("links in turns, RO, interleaved", agents(3, rx=True, sizes=(1518, 64)), *READS, flows=BOTH_WAYS, machine=GEN3,
           upstream="round_robin", downstream="round_robin", relaxed_ordering=True, completions="interleaved", host_ph=4),
    script("one tag a function", agents(4, sizes=(1518, 64)), tag_cap=1, end=60 * US),
    script("two tags a function, functions in turns", agents(4, sizes=(64, 1518)), tag_cap=2, tags=6, end=60 * US,
           tag_functions="round_robin"),
    script("functions in turns, few tags", agents(4, sizes=(600,)), tag_functions="round_robin", tags=3),
    script("descriptors first, a reserve", agents(4, rx=True), flows=BOTH_WAYS, tag_classes="descriptors_first", tag_reserve=2,
           tags=4),
    script("reads every fifth cycle", agents(3, rx=True), flows=BOTH_WAYS, read_cycles=5, tags=8),
    script("a read a cycle, classes first", agents(3, sizes=(300,)), read_cycles=1, tag_classes="descriptors_first", tag_cap=3),
    script("fewest descriptors first", (Queue(1), Queue(1, vector=1, rx=True), Queue(2, rx=True), Queue(3, size=16)),
           flows=BOTH_WAYS, fetch="fewest", rx_threshold=3, rx_cache=5, **SLOW_LANES),
    script("Rx writes first, every third cycle", agents(3, rx=True, sizes=(64, 700)), flows=BOTH_WAYS, writers="rx_first",
           write_cycles=3),
    script("completions interleaved at RCB", agents(4, sizes=(1518,)), *READS, completions="interleaved",
           split_rcb=True, mps=128),
    script("interleaved with completion credits", agents(3, sizes=(1000, 64)), completions="interleaved", device_cplh=2,
           device_cpld=20, read_jitter_ps=90 * NS),
    script("retrained to another generation", agents(2, rx=True), *READS, retrain(7 * US, 3 * US, GEN1_X2),
           retrain(16 * US + 1, 1 * US), flows=BOTH_WAYS, end=50 * US),
    script("retrained twice, and for no time", agents(2), retrain(6 * US, 2 * US), retrain(7 * US, 100 * NS, GEN1_X2),
           retrain(12 * US, 0), retrain(13 * US, 0, GEN1_X2), end=40 * US, **SMALL),
    script("no SKPs, then some, then none", agents(1), retrain(6 * US, 500 * NS), retrain(15 * US, 0, (256_000, 1, 1, 0, 32)),
           skp_ps=0),
    script("a wire that goes down and comes back slower", agents(2, rx=True), (8 * US, "set", ("wire", 0, 0)),
           (9 * US, "set", ("pause", 0, 5)), (13 * US, "set", ("wire", 0, 2000 * 1024)), (14 * US, "set", ("pause", 0, 9)),
           (15 * US, "set", ("wire", 0, 100 * 1024)), (20 * US, "inject", (60, 1)), flows=BOTH_WAYS, end=40 * US),
)

HOST = (
    script("remote, DRAM and tail", agents(3), remote_ps=80 * NS, dram_ps=55 * NS, dram_share=20000, tail_ps=3 * US,
           tail_share=900, read_jitter_ps=30 * NS),
    script("one IOTLB entry, one walker", agents(2, rx=True), flows=BOTH_WAYS, iotlb_entries=1, walk_ps=280 * NS, end=40 * US),
    script("a small IOTLB", agents(3, rx=True, sizes=(64, 900)), flows=BOTH_WAYS, **MMU | {"iotlb_entries": 5}, end=40 * US),
    script("walks in turns", agents(4, sizes=(1518, 64)), walks="round_robin", **MMU | {"walkers": 1}, end=40 * US),
    script("walks in turns, three walkers, IDO", agents(4, rx=True), flows=BOTH_WAYS, walks="round_robin", ido=True,
           **MMU | {"walkers": 3, "iotlb_entries": 2}),
    script("IOMMU and RO", agents(3, rx=True), flows=BOTH_WAYS, relaxed_ordering=True, **MMU | {"iotlb_entries": 3}),
    script("IOMMU, RO, IDO, few credits", agents(3, rx=True, sizes=(600, 64)), flows=BOTH_WAYS, relaxed_ordering=True, ido=True,
           **MMU, **SMALL),
    script("pages of three sizes", agents(3, rx=True), (1 * NS, "set", ("page_shift", 1, 21)),
           (1 * NS, "set", ("page_shift", 2, 30)), (12 * US, "set", ("page_shift", 1, 12)),
           (12 * US + 1, "set", ("page_shift", 3, 21)), flows=BOTH_WAYS, **MMU),
    script("pages without memory", (Queue(1, agent=False, rx=True), Queue(2)), (2 * US, "stray", (0, 0, NOWHERE, 60, 1)),
           (3 * US, "stray", (0, 0, NOWHERE)), (4 * US, "stray", (0, 1, NOWHERE + 64, 1500)), (5 * US, "inject", (600, 1)),
           (6 * US, "stray", (0, 2, NOWHERE - 4096)), (9 * US, "reset", (1,)), **MMU, **dict([FULL])),
    script("pages without memory, RO and IDO", (Queue(1, agent=False, rx=True), Queue(2, rx=True)),
           (2 * US, "stray", (0, 0, NOWHERE + 4000, 60, 1)), (5 * US, "inject", (600, 1)), (6 * US, "stray", (0, 0, NOWHERE)),
           flows=BOTH_WAYS[1:], ido=True, relaxed_ordering=True, **MMU),
    script("a message domain beside an IOMMU", (Queue(1, agent=False, rx=True), Queue(2, rx=True)), (3 * US, "post", (0, 0, 20)),
           (4 * US, "send", (0, 0, (60, 700, 1500))), (9 * US, "inject", (300, 1)), flows=BOTH_WAYS[1:], message_functions=(1,),
           completions="interleaved", **MMU, **dict([FULL])),
    script("a message domain, IDO and few credits", (Queue(1, agent=False, rx=True), Queue(2, rx=True)),
           (3 * US, "post", (0, 0, 20)), (4 * US, "send", (0, 0, (60, 700, 1500))), (9 * US, "inject", (300, 1)),
           (12 * US, "reset", (1,)), (13 * US, "reopen", (0,)), (13 * US + 1, "send", (0, 0, (60, 300, 61))),
           flows=BOTH_WAYS[1:], message_functions=(1,), ido=True, **SMALL, **dict([FULL])),
    script("a message domain beside an IOMMU, RO", (Queue(1, agent=False, rx=True), Queue(2, rx=True)),
           (3 * US, "post", (0, 0, 20)), (4 * US, "send", (0, 0, (60, 700, 1500))), (9 * US, "inject", (300, 1)),
           flows=BOTH_WAYS[1:], message_functions=(1,), relaxed_ordering=True, **MMU, **dict([FULL])),
    script("functions that nobody attached behind an IOMMU", LOST, *LOST_ACTIONS, unattached_functions=(3, 4), **MMU,
           **dict([FULL])),
    script("functions that nobody attached behind an IOMMU, RO and IDO", LOST, *LOST_ACTIONS, unattached_functions=(3, 4),
           ido=True, relaxed_ordering=True, **MMU, **dict([FULL])),
    script("100 GbE behind an IOMMU", agents(4, sizes=(64, 1518), rx=True), flows=(rx_flow(1), rx_flow(3, sizes=(1518,))),
           machine=GEN4_100G, tags=128, tag_cap=40, end=15 * US, read_jitter_ps=JITTER[1],
           **MMU | {"iotlb_entries": 64, "walkers": 6}),
    script("three agents on a core", shared(1, 2, 3), flows=BOTH_WAYS, core_switch_ps=90 * NS, end=40 * US),
    script("two cores, and an agent that dies", (*shared(1, 2), *shared(3, core=1, tx_batch=4), Queue(4)),
           (9 * US, "reset", (1,)), (9 * US + 40 * NS, "close", (0, 2)), flows=BOTH_WAYS, core_switch_ps=90 * NS),
    script("polling agents on a core", shared(1, 2, 3, poll_ps=700 * NS, vector=-1), flows=BOTH_WAYS, core_switch_ps=1),
    script("shapers and bursts", (Queue(1), Queue(1, vector=1, sizes=(1518,)), Queue(2), Queue(3)),
           (1 * NS, "set", ("shaper", 1, 4_000_000, 0)), (1 * NS, "set", ("shaper", 2, 3_000_007, 3000)),
           (9 * US, "set", ("shaper", 1, 1_000_001, 9000)), (12 * US, "set", ("shaper", 2, 0, 0)),
           (15 * US, "set", ("shaper", 2, 50_000_000, 64)), (16 * US, "set", ("shaper", 2, 50_000_000, 640))),
    script("a shaped function is reset", agents(2, sizes=(300,)), (1 * NS, "set", ("shaper", 1, 20_000_000, 0)),
           (8 * US, "reset", (1,)), (9 * US, "reopen", (0,)), (9 * US + 1, "send", (0, 0, (60, 61)))),
    script("everything at once", (*shared(1, 2), Queue(3, rx=True, sizes=(64, 1518)), Queue(4)), *READS,
           (1 * NS, "set", ("shaper", 3, 3_000_000, 2000)), (8 * US, "reset", (2,)), retrain(9 * US, 600 * NS),
           (11 * US, "set", ("wire", 0, 0)), (12 * US, "set", ("wire", 0, 819_200)), flows=BOTH_WAYS, completions="interleaved",
           tag_functions="round_robin", fetch="fewest", writers="rx_first", walks="round_robin", upstream="round_robin",
           downstream="round_robin", ido=True, relaxed_ordering=True, core_switch_ps=50 * NS, tag_cap=6, tag_reserve=1,
           remote_ps=80 * NS, dram_ps=55 * NS, dram_share=9000, **MMU, **SMALL, end=40 * US),
)

# Revocations at instants where something of the revoked happens, and one ps to either side.
EVENTS = {"a read arrives": 798_000, "a walk ends": 1_078_000, "a read is answered": 1_478_000, "an UpdateFC is due": 1_614_000,
          "a completion is on the link": 1_600_500, "a completion arrives": 1_794_000, "descriptors are home": 2_078_000}
# Later, when both functions have frames inside.
LATER = {"a frame leaves the pipe": 3_258_000, "a frame has left": 3_330_000, "payload arrives": 3_418_000,
         "a write-back commits": 3_522_000, "a walk of payload ends": 3_542_000,
         "a message commits and a read samples": 3_546_000, "an Ack and an UpdateFC are due": 4_398_000,
         "an agent wakes": 5_046_000}
CALLS = (("reset", ("reset", (1,))), ("close", ("close", (0, 0))), ("bus master off", ("set", ("bme", 1, 0))),
         ("reset other", ("reset", (2,))), ("close other", ("close", (0, 1))), ("bus master off other", ("set", ("bme", 2, 0))))
REVOKED = tuple(
    ties(f"{verb} {side}{event}", (at + shift, *call), **MMU, tag_cap=2, tags=6, completions="interleaved", device_cplh=2)
    for events, turn in ((EVENTS, 0), (LATER, 0), (LATER, 3))
    for number, (event, at) in enumerate(events.items())
    for verb, call in (CALLS[(number + turn) % len(CALLS)],)
    for side, shift in (("before ", -1), ("when ", 0), ("after ", 1)))

TIED = (
    ties("retrain at starts", *(retrain(at, 300 * NS, (1_024_000, 536 * NS, 536 * NS, 2_360_000, 8)) for at in
                                (774 * NS, 1518 * NS, 2078 * NS + 1, 4 * US, 5 * US)), **MMU),
    ties("retrain and reset in one instant", retrain(1478 * NS, 200 * NS), (1478 * NS, "reset", (1,)),
         (5 * US, "reset", (2,)), retrain(5 * US, 200 * NS)),
    ties("wire down, reset and up in one instant", (6 * US, "set", ("wire", 0, 0)), (6500 * NS, "set", ("wire", 0, 1_024_000)),
         (6500 * NS, "reset", (1,)), (7 * US, "set", ("wire", 0, 0)), (7 * US, "set", ("wire", 0, 512_000)),
         (7 * US, "set", ("pause", 0, 1))),
    ties("shaper changed at its own event", (1 * NS, "set", ("shaper", 1, 10_240_000, 0)),
         (1 * NS, "set", ("shaper", 2, 5_120_000, 64)), *((at, "set", ("shaper", 1, words, 0)) for at, words in
                                                          ((4190 * NS, 5_120_000), (5 * US, 10_240_000), (6 * US, 0)))),
    ties("agents of one core at equal ps", queues=shared(1, 2, 3, tx_batch=1), core_switch_ps=1 * NS),
    ties("capped tags at an edge", *((4 * US + 500 * NS * i, "reset", (1 + i,)) for i in range(3)),
         queues=agents(4, sizes=(72, 1518)), tag_cap=1, tag_functions="round_robin", tags=3, read_jitter_ps=3),
    ties("walkers and credits at equal ps", queues=agents(4, rx=True), flows=(rx_flow(1), rx_flow(3)), walks="round_robin",
         **MMU | {"walk_ps": 1 * NS, "iotlb_entries": 2}, **SMALL),
)

# An answer has left its slot to a write that waits for a credit when function 2 is reset.
SLOTS = tuple(
    script(f"a slot of an answered read has an unstarted write at a reset, {rules}", agents(2, tx=False, rx=True),
           *((3 * US + 100 * NS * i, "read", (1, 0x2018)) for i in range(8)), (8 * US, "reset", (2,)),
           flows=(rx_flow(1), rx_flow(2)), host_ph=2, **config)
    for rules, config in (("IDO", {"ido": True}), ("walks in turns", {"iotlb_entries": 4, "walkers": 1, "walk_ps": 300 * NS,
                                                                      "walks": "round_robin"})))

WHOLE_CORPUS = (*LINK, *HOST, *REVOKED, *TIED, *SLOTS)
NEW_TABLES = tuple(TABLES)[tuple(TABLES).index("page_shift"):tuple(TABLES).index("sources")]

__all__ = ["NEW_TABLES", "WHOLE_CORPUS"]
