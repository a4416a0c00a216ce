"""Whole scenarios drawn at random, drivers and all: how often each key is set, and to what. Both planes must agree on them.

What no scenario may ask for is drawn anew, so that a seed always names one. Few packets, many oddities: small pools, odd
sizes, resets and retrains at awkward times.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from nicmodel.lab.loading import build
from nicmodel.lab.results import RunResult
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.testbench import Measured, run_machine
from nicmodel.sim.errors import ScenarioError

BYTES = (64, 65, 100, 129, 256, 257, 516, 1024, 1500, 1518)
HEADERS, DATA = (1, 2, 3, 5, 16, 127), (16, 17, 35, 64, 500)
SHORT = (0, 1, "7ns", "100ns", "1us")               # times

# key: how often it is set, and its values
DRAWN: dict[str, tuple[float, tuple[Any, ...]]] = {
    "profile": (1, ("x520", "vf100g")), "num_vfs": (1, (1, 1, 2, 2, 3, 5, 11)), "seed": (1, tuple(range(1000))),
    "direction": (1, ("tx", "rx", "both", "both", "vf2vf")), "warmup": (1, (0, 0, "3us", "7ns")),
    "duration": (1, ("9us", "20us", "33333ns", "60us")), "ring_size": (1, (64, 72, 128, 512)),
    "payload": (1, ("full", "headers", "lengths")), "load": (1, ("saturated", "saturated", "7%", "40%", "300Mbps")),
    "frame_size": (1, BYTES), "queues_per_vf": (0.3, (2,)),
    "record.rows": (1, (True, True, False)), "record.books": (0.8, (True,)),
    "traffic.sizes": (0.4, ((64, 512), (64, 65, 1518), BYTES)), "traffic.pf": (0.2, (True,)),
    "traffic.connections": (0.2, (1, 3, 16)),
    "nic.no_descriptor": (0.2, ("block",)), "nic.anti_spoofing": (0.15, (True,)), "nic.tx_buffer": (0.3, (9728, 12000, 20000)),
    "nic.rx_buffer": (0.3, (9728, 12000, 20000)), "nic.read_buffer": (0.3, (512, 575, 1024, 4096)),
    "nic.tag_cap": (0.3, (1, 2, 5)), "nic.tag_reserve": (0.2, (1, 2)), "nic.read_cycles": (0.2, (1, 2, 7)),
    "nic.write_cycles": (0.2, (2, 3)), "nic.tag_classes": (0.3, ("descriptors_first",)),
    "nic.tag_functions": (0.3, ("round_robin",)), "nic.fetch": (0.3, ("fewest",)), "nic.writers": (0.3, ("rx_first",)),
    "nic.vf_rate": (0.3, ("1Gbps", "3Gbps", "17.3Gbps")), "nic.vf_burst": (0.2, (0, 64, 1518, 100000)),
    "pcie.mps": (1, (128, 256, 512)), "pcie.mrrs": (1, (128, 256, 512)), "pcie.tags": (0.7, (1, 2, 3, 8, 32, 256)),
    "pcie.gen": (1, (1, 2, 3, 4, 5)), "pcie.lanes": (1, (1, 4, 8, 16)), "pcie.rcb": (0.5, (64, 128)),
    "pcie.ecrc": (0.2, (True,)), "pcie.split_rcb": (0.3, (True,)), "pcie.relaxed_ordering": (0.3, (True,)),
    "pcie.ido": (0.3, (True,)), "pcie.upstream": (0.3, ("round_robin",)), "pcie.downstream": (0.3, ("round_robin",)),
    "pcie.completions": (0.3, ("interleaved",)), "pcie.host_ph": (0.3, HEADERS), "pcie.host_pd": (0.3, DATA),
    "pcie.host_nph": (0.3, HEADERS), "pcie.host_cplh": (0.2, HEADERS), "pcie.device_ph": (0.3, HEADERS),
    "pcie.device_pd": (0.2, (1, 2, 4)), "pcie.device_nph": (0.3, HEADERS), "pcie.device_cplh": (0.3, HEADERS),
    "pcie.device_cpld": (0.3, DATA), "pcie.host_npd": (0.1, (1, 16)), "pcie.host_cpld": (0.2, (1, 2, 16)),
    "pcie.device_npd": (0.1, (1, 16)), "pcie.dllps": (0.1, ("published",)),
    "host.profile": (0.4, ("xeon", "xeon_dram", "xeon_remote", "xeon_tail", "xeon_iommu")),
    "host.walks": (0.3, ("round_robin",)), "host.read_latency": (0.3, (1, "50ns", "1us", "3us")),
    "host.read_jitter": (0.3, (0, 1, "3ns", "500ns")), "host.write_latency": (0.3, (1, "40ns", "2us")),
    "host.irq_latency": (0.2, ("200ns", "5us")), "host.iotlb_entries": (0.3, (1, 3, 64)), "host.walkers": (0.3, (1, 2)),
    "host.walk_latency": (0.3, (1, "30ns", "1us")), "host.page_size": (0.2, ("4KiB", "2MiB", "1GiB")),
    "host.remote_latency": (0.2, (0, "150ns")), "host.dram_share": (0.2, (0, "10%", 1)), "host.dram_latency": (0.2, (0, "90ns")),
    "host.tail_share": (0.2, ("1%", 1)), "host.tail_latency": (0.2, (0, "3us")), "host.cores": (0.3, (1, 2)),
    "host.core_switch": (0.2, ("100ns", "1us")),
    "driver.batch": (0.4, (1, 7, 64)), "driver.rs_batch": (0.4, (1, 7, 64)), "driver.itr": (0.2, ("2.048us", "20us")),
    "driver.poll": (0.2, (1000, "500ns", "3us")), "driver.pass_cost": (0.2, SHORT), "driver.irq_cost": (0.2, SHORT),
    "driver.rss": (0.3, (True,)), "driver.rss_entries": (0.3, (16, 64)), "driver.tx_cost": (0.2, SHORT),
    "driver.rx_cost": (0.2, SHORT), "driver.doorbell_cost": (0.2, SHORT),
    "traffic.loads": (0.3, ({"0": "saturated"}, {"0": "1Mpps"}, {"0": "5%"})),
}
LEFT_OUT = {
    "id": "a name", "doc": "a text", "schema": "has one value", "expect": "judges figures", "packets": "ends a run by them",
    "nic.scheduler": "has one value", "record.row_group": "of the file of rows", "faults.events": "drawn by `draw`",
    "driver.mutants": "break rules on purpose", "driver.switch_creation": "of requests, before any traffic",
    **dict.fromkeys(("life.attached", "life.events", "life.pnp", "life.removal", "life.switch_cost", "life.switch_poll",
                     "life.vmbus_cost", "life.vmbus_latency", "life.vpci"), "guests come and go: scripts of their own")}
FAULTS: tuple[dict[str, Any], ...] = (
    {"kind": "flr", "vf": 0}, {"kind": "flr", "vf": 0},
    {"kind": "pause", "duration": "3us"}, {"kind": "pause", "duration": "600ns"},
    {"kind": "wire_down"}, {"kind": "wire_down", "duration": "600ns"},
    {"kind": "retrain", "duration": "100ns"}, {"kind": "retrain", "duration": "2us", "gen": 1, "lanes": 1},
    {"kind": "retrain", "duration": "1ps", "gen": 5, "lanes": 16})


def draw(seed: int) -> tuple[dict[str, Any], Scenario]:
    """The keys of a seed, and their scenario."""
    rng = random.Random(seed)
    while True:
        keys = {key: rng.choice(values) for key, (often, values) in DRAWN.items() if rng.random() < often}
        keys["faults.events"] = [rng.choice(FAULTS) | {"at": f"{rng.randrange(30_000_000)}ps"}
                                 for _ in range(rng.choice((0, 0, 1, 2, 4)))]
        try:
            return keys, build({}, f"drawn {seed}", keys, where="argument")
        except ScenarioError:
            continue


def told_apart(scenario: Scenario) -> str:
    """What the two planes' runs of it differ in; "" if in nothing."""
    fast, reference = (run_machine(scenario, plane=plane) for plane in ("fast", "reference"))
    if RunResult(scenario, fast, "").simulated != RunResult(scenario, reference, "").simulated:
        return "figures"
    if fast.rows is not None and not np.array_equal(fast.rows, reference.rows):
        return "rows"
    return ", ".join(books_apart(fast, reference))


def books_apart(fast: Measured, reference: Measured) -> list[str]:
    """Which sums of the books differ."""
    if fast.books is None or reference.books is None:
        return [] if fast.books is reference.books else ["books"]
    sums = ("functions", "links", "waits", "grants", "agents", "held", "own_tags", "served", "interference", "lines")
    return [name for name in sums if not np.array_equal(getattr(fast.books, name), getattr(reference.books, name))]
