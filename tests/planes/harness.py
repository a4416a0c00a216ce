"""Runs one script on a data plane; `comparison.py` tells two planes' outcomes apart, row by row.

A script is data: queues, flows and timed actions on a bare plane (no device, no drivers), so that a failure
shrinks well and a fixed one can join the corpus.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Any

from nicmodel.datasheet.connections import Connection
from nicmodel.datasheet.descriptors import rx_read, tx_data
from nicmodel.datasheet.pcie_link import GENERATIONS, TICKS_PER_PS, ack_latency_symbols
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import (
    VECTORS_PER_FUNCTION,
    AgentConfig,
    Direction,
    FlowConfig,
    RingConfig,
    Upcall,
    UpcallKind,
)

DOMAIN_BYTES = 1 << 22
NS, US, MS = 1_000, 1_000_000, 1_000_000_000
OPEN_AT, AGENTS_AT = 1 * NS, 2 * NS
TAIL_BAR, TX_TAIL_OFFSET, RX_TAIL_OFFSET = 0, 0x2018, 0x1018


def plane_config(gen: int = 2, lanes: int = 8, mps: int = 256, core_ps: int = 6400, gbps: int = 10,
                 **changes: Any) -> PlaneConfig:
    """An 82599-like machine; `changes` are fields of PlaneConfig."""
    ticks = GENERATIONS[gen].byte_ticks(lanes)
    latency = -(-ack_latency_symbols(gen, lanes, mps) * lanes * ticks // TICKS_PER_PS)
    config = PlaneConfig(
        num_functions=5, num_rings=16, core_ps=core_ps, wire_byte_ticks=8 * 1000 * TICKS_PER_PS // gbps, pcie_byte_ticks=ticks,
        ack_ps=latency, fc_ps=latency, skp_ps=GENERATIONS[gen].skp_interval_symbols * lanes * ticks // TICKS_PER_PS,
        skp_bytes=GENERATIONS[gen].skp_symbols * lanes, mps=mps, mrrs=512, rcb=64, split_rcb=False, tags=32,
        read_buffer=16384, host_ph=64, host_pd=1024, host_nph=64, device_ph=16, device_pd=64, device_nph=8,
        read_latency_ps=400 * NS, read_jitter_ps=0, write_latency_ps=220 * NS, register_cycles=1,
        register_latency_cycles=4, tx_pipe_cycles=20, rx_pipe_cycles=30, tx_cache=40, tx_threshold=32, rx_cache=16,
        rx_threshold=8, tx_buffer=160 << 10, rx_buffer=512 << 10, pause_reaction_ps=100 * NS)
    return replace(config, **changes)


@dataclass(frozen=True)
class Queue:
    """A function's queue pair. `tx`/`rx` say which halves exist; `agent` False leaves the rings to actions."""

    function: int
    tx: bool = True
    rx: bool = False
    size: int = 64
    sizes: tuple[int, ...] = (64,)
    interval_ticks: int = 0
    count: int = -1
    dst: int = 0x02_00_00_00_00_FF
    vlan: int = 0
    vector: int = 0
    agent: bool = True
    wthresh: int = 0
    buffer_bytes: int = 2048
    agent_fields: tuple[tuple[str, int], ...] = ()
    connection: Connection | None = None


@dataclass(frozen=True)
class Script:
    """What happens on a bare plane. Actions are (at, verb, args) with the verbs of `perform`."""

    name: str
    queues: tuple[Queue, ...]
    flows: tuple[FlowConfig, ...] = ()
    actions: tuple[tuple[int, str, tuple[Any, ...]], ...] = ()
    config: tuple[tuple[str, Any], ...] = ()
    machine: tuple[tuple[str, Any], ...] = ()
    end: int = 30 * US
    itr_ps: int = 2 * US
    loopback: bool = False
    message_functions: tuple[int, ...] = ()
    unattached_functions: tuple[int, ...] = ()
    answer_ps: int = 300 * NS
    tags: tuple[str, ...] = ()


@dataclass
class Outcome:
    """Everything that two planes must agree on."""

    results: dict[str, Any]
    memory: dict[int, bytes]
    upcalls: list[Upcall] = field(default_factory=list)
    rings: list[dict[str, int]] = field(default_factory=list)


def mac_of(function: int) -> int:
    return 0x02_00_00_00_01_00 + function


def rx_flow(function: int, sizes: tuple[int, ...] = (64,), interval_ticks: int = 0, start_ps: int = 3 * US,
            count: int = -1, vlan: int = 0, dst: int | None = None, connection: Connection | None = None) -> FlowConfig:
    return FlowConfig(Direction.RX, sizes, mac_of(function) if dst is None else dst, 0x06_00_00_00_00_01, vlan,
                      interval_ticks, start_ps, count, connection)


def run(plane_class: Any, script: Script) -> Outcome:
    """One script, one plane, from nothing to `script.end`."""
    return Run(plane_class, script).outcome()


class Run:
    """The world around a bare plane: memory, rings, agents, actions, answers."""

    def __init__(self, plane_class: Any, script: Script):
        self.script = script
        self.plane = plane_class(plane_config(**{**dict(script.machine), **dict(script.config)}))
        self.domains: dict[int, Domain] = {}
        self.slots: dict[int, tuple[int, int]] = {}          # ring -> (base, buffers), python-driven rings
        self.upcalls: list[Upcall] = []
        for function in sorted({q.function for q in script.queues}):
            self._prepare(function)
        plane, at = self.plane, OPEN_AT
        if script.loopback:
            plane.set("loopback", 0, (1,), at)
        for number, queue in enumerate(script.queues):
            self._open(number, queue)
        for flow in script.flows:
            plane.add_flow(flow)
        for number, queue in enumerate(script.queues):
            if queue.agent:
                self._start_agent(number, queue)

    def _prepare(self, function: int) -> None:
        plane = self.plane
        domain = self.domains[function] = Domain(function, DOMAIN_BYTES)
        if function not in self.script.unattached_functions:
            plane.attach(function, domain.base, None if function in self.script.message_functions else domain.memory)
        plane.set("bme", function, (1,), OPEN_AT)
        plane.set("filter", function, (1, mac_of(function), -1, function), OPEN_AT)
        for vector in range(3):
            plane.set("vector", VECTORS_PER_FUNCTION * function + vector, (1, self.script.itr_ps), OPEN_AT)

    def _open(self, number: int, queue: Queue) -> None:
        domain = self.domains[queue.function]
        for direction, wanted, offset in ((Direction.TX, queue.tx, TX_TAIL_OFFSET),
                                          (Direction.RX, queue.rx, RX_TAIL_OFFSET)):
            if not wanted:
                continue
            base = domain.allocate(16 * queue.size)
            buffers = domain.allocate(2048 * queue.size, 2048)
            self.slots[2 * number + direction] = (base, buffers)
            config = RingConfig(queue.function, base, queue.size, queue.function, 0, queue.buffer_bytes, queue.vector,
                                queue.wthresh)
            self.plane.open_ring(direction, number, config, OPEN_AT)
            key = queue.function << 32 | TAIL_BAR << 24 | offset + 0x40 * number
            self.plane.set("hot", key, (int(direction), number), OPEN_AT)

    def _start_agent(self, number: int, queue: Queue, at: int = AGENTS_AT) -> None:
        flow = -1
        if queue.tx:
            flow = self.plane.add_flow(FlowConfig(Direction.TX, queue.sizes, queue.dst, mac_of(queue.function),
                                                  queue.vlan, queue.interval_ticks, AGENTS_AT, queue.count,
                                                  queue.connection))
        fields = dict(function=queue.function, tx_ring=number if queue.tx else -1, rx_ring=number if queue.rx else -1,
                      flow=flow, tx_buffers=self.slots.get(2 * number, (0, 0))[1],
                      rx_buffers=self.slots.get(2 * number + 1, (0, 0))[1], tx_stride=2048, rx_stride=2048,
                      vector=queue.vector, irq_latency_ps=1500 * NS, irq_cost_ps=500 * NS, pass_cost_ps=100 * NS,
                      tx_packet_cost_ps=20 * NS, rx_packet_cost_ps=30 * NS, tx_batch=32, rx_batch=32)
        self.plane.start_agent(AgentConfig(**{**fields, **dict(queue.agent_fields)}), at)

    # actions ----------------------------------------------------------------------------------------------
    def perform(self, at: int, verb: str, args: tuple[Any, ...]) -> None:
        getattr(self, "do_" + verb)(at, *args)

    def do_ahead(self, _at: int, later: int, verb: str, args: tuple[Any, ...]) -> None:
        """An action given early: the run is not cut where it happens."""
        self.perform(later, verb, args)

    def do_set(self, at: int, table: str, index: int, *words: int) -> None:
        self.plane.set(table, index, words, at)

    def do_attach(self, _at: int, function: int) -> None:
        """A function that was unattached has memory from now on."""
        self.plane.attach(function, self.domains[function].base, self.domains[function].memory)

    def do_shrink(self, _at: int, function: int) -> None:
        """Of a function's memory only the first bytes are left."""
        self.plane.attach(function, self.domains[function].base, self.domains[function].memory[:16])

    def do_close(self, at: int, direction: int, ring: int) -> None:
        self.plane.close_ring(Direction(direction), ring, at)

    def do_reset(self, at: int, function: int) -> None:
        self.plane.reset_function(function, at)

    def do_reopen(self, at: int, ring: int, direction: int = 0) -> None:
        """A fresh ring in place of a revoked one; it has no agent."""
        queue = self.script.queues[ring]
        base, _ = self.slots[2 * ring + direction]
        self.plane.set("bme", queue.function, (1,), at)
        self.plane.open_ring(Direction(direction), ring, RingConfig(queue.function, base, queue.size, queue.function, 0, 2048,
                                                            queue.vector, 0), at)

    def do_inject(self, at: int, nbytes: int, function: int, vlan: int = 0) -> None:
        tag = b"" if not vlan else b"\x81\x00" + vlan.to_bytes(2, "big")
        frame = mac_of(function).to_bytes(6, "big") + bytes(6) + tag + b"\x88\xb5"
        self.plane.inject(0, frame + bytes(i & 255 for i in range(len(frame), nbytes)), at)

    def do_frame(self, at: int, frame: bytes, function: int) -> None:
        """A frame of these bytes after its addresses is offered by the wire."""
        self.plane.inject(0, mac_of(function).to_bytes(6, "big") + bytes(6) + frame, at)

    def do_send_bytes(self, at: int, ring: int, first: int, frames: tuple[bytes, ...]) -> None:
        """Post whole frames on a Tx ring that Python drives."""
        queue = self.script.queues[ring]
        domain, (base, buffers) = self.domains[queue.function], self.slots[2 * ring]
        for step, frame in enumerate(frames):
            domain.write(buffers + 2048 * (first + step), frame)
            domain.write(base + 16 * (first + step), tx_data(buffers + 2048 * (first + step), len(frame)))
        self.plane.mmio_write(queue.function, TAIL_BAR, TX_TAIL_OFFSET + 0x40 * ring, first + len(frames), at)

    def do_read(self, at: int, function: int, offset: int) -> None:
        self.plane.mmio_read(function, TAIL_BAR, offset, at)

    def do_write(self, at: int, function: int, offset: int, value: int) -> None:
        self.plane.mmio_write(function, TAIL_BAR, offset, value, at)

    def do_start(self, at: int, number: int) -> None:
        """Another agent for a queue pair that has one."""
        self._start_agent(number, self.script.queues[number], at)

    def do_stop(self, at: int, agent: int) -> None:
        self.plane.stop_agent(agent, at)

    def do_send(self, at: int, ring: int, first: int, lengths: tuple[int, ...], flaw: str = "") -> None:
        """Write Tx descriptors from Python (memory now, doorbell at `at`)."""
        queue = self.script.queues[ring]
        domain, (base, buffers) = self.domains[queue.function], self.slots[2 * ring]
        for step, nbytes in enumerate(lengths):
            index = (first + step) % queue.size
            frame = queue.dst.to_bytes(6, "big") + bytes((7 * index + i) & 255 for i in range(nbytes - 6))
            domain.write(buffers + 2048 * index, frame[:2048])
            good = flaw == "" or step % 3
            descriptor = tx_data(buffers + 2048 * index, nbytes, eop=bool(good or flaw != "eop"),
                                 rs=bool(good or flaw != "rs"))
            if not good and flaw == "type":
                descriptor = bytes(16)
            domain.write(base + 16 * index, descriptor)
        tail = (first + len(lengths)) % queue.size
        self.plane.mmio_write(queue.function, TAIL_BAR, TX_TAIL_OFFSET + 0x40 * ring, tail, at)

    def do_post(self, at: int, ring: int, first: int, count: int) -> None:
        """Post Rx descriptors from Python."""
        queue = self.script.queues[ring]
        domain, (base, buffers) = self.domains[queue.function], self.slots[2 * ring + 1]
        for step in range(count):
            index = (first + step) % queue.size
            domain.write(base + 16 * index, rx_read(buffers + 2048 * index))
        self.plane.mmio_write(queue.function, TAIL_BAR, RX_TAIL_OFFSET + 0x40 * ring, (first + count) % queue.size, at)

    def do_stray(self, at: int, ring: int, index: int, address: int, nbytes: int = 60, direction: int = 0) -> None:
        """One descriptor whose buffer is anywhere, and its doorbell."""
        queue = self.script.queues[ring]
        base, _ = self.slots[2 * ring + direction]
        descriptor = rx_read(address) if direction else tx_data(address, nbytes)
        self.domains[queue.function].write(base + 16 * index, descriptor)
        offset = RX_TAIL_OFFSET if direction else TX_TAIL_OFFSET
        self.plane.mmio_write(queue.function, TAIL_BAR, offset + 0x40 * ring, (index + 1) % queue.size, at)

    # time -------------------------------------------------------------------------------------------------
    def outcome(self) -> Outcome:
        plane, script = self.plane, self.script
        actions = sorted(script.actions, key=lambda a: a[0])
        while True:
            until = actions[0][0] if actions else script.end
            upcalls = plane.run_until(until)
            for upcall in upcalls:
                self._answer(upcall)
            if upcalls:
                continue
            if not actions:
                break
            at, verb, args = actions.pop(0)
            self.perform(max(at, plane.now + 1), verb, args)
        rings = [plane.ring_state(direction, number) for number in range(len(script.queues)) for direction in Direction]
        memory = {f: hashlib.sha256(d.memory.tobytes()).digest() for f, d in self.domains.items()}
        return Outcome(plane.results(), memory, self.upcalls, rings)

    def _answer(self, upcall: Upcall) -> None:
        self.upcalls.append(upcall)
        if upcall.kind == UpcallKind.REG_READ:
            self.plane.mmio_answer(upcall.args[3], upcall.args[2] ^ 0x5A5A, upcall.time + 1)
        elif upcall.kind == UpcallKind.DMA_READ:
            request, function, address, nbytes = upcall.args
            data = self.domains[function].read(address, nbytes)
            self.plane.dma_answer(request, data, upcall.time + self.script.answer_ps)
        elif upcall.kind == UpcallKind.DMA_WRITE and upcall.data:
            self.domains[upcall.args[1]].write(upcall.args[2], upcall.data)


def check_conservation(outcome: Outcome) -> None:
    """Offered = delivered + dropped + inside, per function, both directions together and the Tx half alone."""
    functions, inside = outcome.results["functions"], outcome.results["inside"]
    for f, row in enumerate(functions):
        drops = sum(int(row[name]) for name in functions.dtype.names if name.startswith("drop_"))
        offered = int(row["tx_offered"] + row["rx_offered"])
        ended = int(row["tx_packets"] + row["rx_packets"]) + drops
        assert offered == ended + int(inside[f].sum()), (f, row, inside[f])
