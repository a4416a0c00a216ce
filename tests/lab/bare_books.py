"""Bare planes with books for the rate book's tests: rings, agents and flows without a control plane, latency without jitter.

    Setup ─► build(setup, change) ─► run to `start`, to `start + window` ─► Window
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from nicmodel.datasheet.profiles import HOSTS, PROFILES
from nicmodel.device import make_plane, plane_config
from nicmodel.lab import books, gains
from nicmodel.lab.relax import BY_NAME, Change, capacity_factor
from nicmodel.lab.workload import Workload
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import VECTORS_PER_FUNCTION, AgentConfig, Direction, FlowConfig, Payload, RingConfig

US = 1_000_000
OPEN_AT, AGENTS_AT, FLOWS_AT = 1_000, 2_000, 3_000
REMOTE_MAC = 0x02_00_00_00_FF_01


@dataclass(frozen=True)
class Setup:
    """A machine: `config` are fields of PlaneConfig, `agent` of AgentConfig."""

    vfs: int = 4
    frame: int = 512
    direction: str = "tx"
    profile: str = "x520"
    ring: int = 64
    batch: int = 32
    itr_ps: int = 5 * US
    rs_batch: int = 32
    cores: int = 0
    shaper: tuple[int, int] | None = None
    tx_ticks: int = 0                        # between frames of a function; 0: saturated
    start_ps: int = 60 * US
    window_ps: int = 150 * US
    plane: str = "fast"
    config: dict[str, Any] = field(default_factory=dict)
    agent: dict[str, Any] = field(default_factory=dict)

    def plane_config(self):
        return plane_config(PROFILES[self.profile], HOSTS["xeon"], num_vfs=self.vfs, payload=Payload.LENGTHS,
                            record_rows=False, record_interrupts=False, books=True,
                            **{"read_jitter_ps": 0} | self.config)

    def workload(self):
        host = HOSTS["xeon"]
        return Workload(self.plane_config(), self.agent.get("tx_packet_cost_ps", host.tx_packet_cost_ps),
                            self.agent.get("rx_packet_cost_ps", host.rx_packet_cost_ps), self.batch,
                            self.shaper[0] if self.shaper else 0, (self.tx_ticks, 0))


def mac_of(function: int) -> int:
    return 0x02_00_00_00_00_00 + function


def build(s: Setup, change: Change):
    """A plane whose agents start at 2 ns."""
    config, host = change.plane(s.plane_config()), HOSTS["xeon"]
    made = make_plane(s.plane, config)
    sends, receives = s.direction in ("tx", "both"), s.direction in ("rx", "both")
    stride = -(-max(2048, s.frame) // 1024) * 1024
    made.set("max_frame", 0, (max(1518, s.frame),), OPEN_AT)
    for vf in range(s.vfs):
        function = 1 + vf
        domain = Domain(function, 2 * s.ring * (16 + stride) + 65536)
        made.attach(function, domain.base, domain.memory)
        made.set("bme", function, (1,), OPEN_AT)
        made.set("filter", function, (1, mac_of(function), -1, function), OPEN_AT)
        made.set("vector", VECTORS_PER_FUNCTION * function, (1, s.itr_ps), OPEN_AT)
        if s.shaper:
            made.set("shaper", function, change.shaper_words(s.shaper), OPEN_AT)
        buffers = {}
        for way, wanted in ((Direction.TX, sends), (Direction.RX, receives)):
            if wanted:
                base = domain.allocate(16 * s.ring)
                buffers[way] = domain.allocate(stride * s.ring, 1024)
                made.open_ring(way, vf, RingConfig(function, base, s.ring, function, 0, stride, 0), OPEN_AT)
        flow = made.add_flow(FlowConfig(Direction.TX, (s.frame,), REMOTE_MAC, mac_of(function), interval_ticks=s.tx_ticks,
                                        start_ps=AGENTS_AT)) if sends else -1
        agent = AgentConfig(
            function, vf if sends else -1, vf if receives else -1, flow, buffers.get(Direction.TX, 0),
            buffers.get(Direction.RX, 0), stride, stride, 0, host.irq_latency_ps, host.irq_cost_ps, host.pass_cost_ps,
            host.tx_packet_cost_ps, host.rx_packet_cost_ps, s.batch, s.batch, s.rs_batch, core=vf % s.cores if s.cores else -1)
        made.start_agent(change.agent(replace(agent, **s.agent)), AGENTS_AT)
    if receives:
        ticks = change.arrival_ticks(s.vfs * (s.frame + 20) * 8 * 1000 * 1024 // PROFILES[s.profile].link_gbps)
        for vf in range(s.vfs):
            made.add_flow(FlowConfig(Direction.RX, (s.frame,), mac_of(1 + vf), REMOTE_MAC, interval_ticks=ticks,
                                     start_ps=FLOWS_AT + vf * ticks // s.vfs // 1024))
    return made


def measure(s: Setup, change: Change = Change()) -> books.Window:     # noqa: B008 (frozen)
    """The window's books; those measured against the workload of the changed machine."""
    made = build(s, change)
    while made.run_until(s.start_ps):
        pass
    opened = made.results()
    while made.run_until(s.start_ps + s.window_ps):
        pass
    workload = replace(s.workload(), config=change.plane(s.plane_config()))
    found = books.window(opened, made.results(), s.window_ps, workload)
    assert found is not None
    return found


def packets(w: books.Window) -> int:
    return int(w.functions["tx_packets"].sum() + w.functions["rx_packets"].sum())


@dataclass(frozen=True)
class Trial:
    """What the book says of a setup, and what a relaxed run measured."""

    named: list[str | None]
    loads: dict[str, float]
    factor: float                    # of capacity
    second: float
    predicted: float
    measured: float
    longest_pass: float              # in parts of the window


def attempt(s: Setup, name: str, factor: Fraction) -> Trial:
    """Run, predict what relaxing a resource does, and run it relaxed."""
    before = measure(s)
    row = BY_NAME[name]
    change, applied = row.change(before, factor)
    after = measure(s, change)
    limit = next(each for each in row.resources if each in (books.bottleneck(before, 1) or "") or each == row.resources[-1])
    capacity = capacity_factor(row, before, change, applied, limit)
    functions = range(1, 1 + s.vfs)
    streams = [(f, way) for f in functions for way in books.ways(before, f)]
    rest = max(max(gains.without(before, *stream, row.resources)) for stream in streams)
    rates = [books.packets(before, *stream) for stream in streams]
    grown = [gains.gain(before, *stream, row.resources, capacity) for stream in streams]
    predicted = sum(g * r for g, r in zip(grown, rates, strict=True)) / sum(rates)
    return Trial([books.bottleneck(before, f) for f in functions], books.utilisation(before, 1), capacity, rest, predicted,
                 packets(after) / packets(before), gains.longest_pass(before, functions))
