"""The reference data plane: the golden model, plain Python, written to be read as the specification.

The door class keeps the `DataPlane` protocol and the few tables that more than one block reads. To follow a packet,
read transmit.py or receive.py from top to bottom; instants.py says what "at the same time" means.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from nicmodel.datasheet.counters import DROP_REASONS, FUNCTION_COUNTERS, LATENCY_BINS, latency_bin
from nicmodel.datasheet.ethernet import STANDARD_FRAME
from nicmodel.datasheet.stages import DELIVERED, FIRST_DROP, INSIDE, TX
from nicmodel.reference.agent import Agent
from nicmodel.reference.books import Books
from nicmodel.reference.cores import Cores
from nicmodel.reference.credits import CreditPool
from nicmodel.reference.host import Host
from nicmodel.reference.instants import Instants
from nicmodel.reference.link import Link, LinkTiming
from nicmodel.reference.memory import NO_ARENA
from nicmodel.reference.receive import Flow, Receive
from nicmodel.reference.registers import Registers
from nicmodel.reference.revoke import revoke_function, revoke_ring
from nicmodel.reference.rows import STAGE, Ring, Row, Write, row_array
from nicmodel.reference.spread import Spread
from nicmodel.reference.switch import Switch
from nicmodel.reference.tables import SETTERS
from nicmodel.reference.tags import Tags
from nicmodel.reference.ticks import ticks
from nicmodel.reference.transmit import Transmit
from nicmodel.reference.writers import Vectors, Writers
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.limits import (
    check_access,
    check_agent,
    check_agent_number,
    check_arena,
    check_config,
    check_frame,
    check_function,
    check_ring,
    check_ring_config,
    check_run,
    check_settled,
    check_stamp,
    check_value,
    check_words,
    whole_bytes,
)
from nicmodel.sim.plane import (
    VECTORS_PER_FUNCTION,
    AgentConfig,
    Direction,
    FlowConfig,
    RingConfig,
    Upcall,
    UpcallKind,
)
from nicmodel.sim.results import FUNCTION_DTYPE, INTERRUPT_DTYPE, LINK_DTYPE

DROP = {reason.name: FIRST_DROP + position for position, reason in enumerate(DROP_REASONS)}


class ReferencePath:
    """A `DataPlane` in plain Python. See `nicmodel.sim.plane` for what each verb promises."""

    def __init__(self, config: PlaneConfig):
        self.config = config
        check_config(config)
        self.instants = instants = Instants(config.core_ps)
        self.books = books = Books(instants, config)
        timing = LinkTiming(config.pcie_byte_ticks, config.ack_ps, config.fc_ps, config.skp_ps, config.skp_bytes)
        host = [CreditPool(config.host_ph, config.host_pd), CreditPool(config.host_nph, config.host_npd),
                CreditPool(config.host_cplh, config.host_cpld)]
        device = [CreditPool(config.device_ph, config.device_pd), CreditPool(config.device_nph, config.device_npd),
                  CreditPool(config.device_cplh, config.device_cpld)]
        digest = config.tlp_digest_bytes
        self.up = Link(instants, "up", "UP_END", 0, timing, host, config.upstream, config.ido, digest, config.up_share,
                       books)
        self.down = Link(instants, "down", "DOWN_END", 1, timing, device, config.downstream, config.ido, digest,
                         config.down_share, books)
        self.up.other, self.down.other = self.down, self.up
        self.up.start()
        self.down.start()
        self.tags = Tags(instants, config, self.up, books)
        self.host = self.tags.host = Host(instants, config, self.up, self.down, self.tags, books)
        self.vectors = Vectors(instants, self.up, self)
        self.writers = Writers(instants, config, self.up, self.host, self.vectors, books)
        self.transmit = Transmit(instants, config, self.tags, self)
        self.receive = Receive(instants, config, self.tags, self)
        self.registers = Registers(instants, config, self.up, self.down, self)
        self.agents: list[Agent] = []
        self.agent_configs: list[AgentConfig] = []
        self.stopped: set[int] = set()                               # numbers of agents, perhaps before they start
        self.flows: list[Flow] = []
        self.cores = Cores(instants, config.core_switch_ps, books)
        self.bus_master = [False] * config.num_functions
        self.replaced: tuple[list[Ring], list[Ring]] = ([], [])      # by direction: rings that have opened anew
        self.tx_rings_of: list[dict[int, Ring]] = [{} for _ in range(config.num_functions)]
        self.switch = Switch()
        self.spreads = [Spread() for _ in range(config.num_functions)]
        self.max_frame = STANDARD_FRAME
        self.drop_policy = [True] * config.num_functions
        self.counters = [dict.fromkeys((c.name for c in FUNCTION_COUNTERS), 0) for _ in range(config.num_functions)]
        self.latency = np.zeros((config.num_functions, 2, LATENCY_BINS), np.int64)
        self.received = np.zeros(config.num_rings, np.int64)
        self.rows: list[Row] = []
        self.serial = 0
        self.requests = 0
        self.unanswered: dict[UpcallKind, set[int]] = {UpcallKind.REG_READ: set(), UpcallKind.DMA_READ: set()}    # ids told

    # time -------------------------------------------------------------------------------------------------
    @property
    def now(self) -> int:
        return self.instants.now

    def next_time(self) -> int:
        return self.instants.next_time()

    def run_until(self, time: int, budget: int = -1) -> list[Upcall]:
        upcalls = self.instants.run_until(*check_run(time, budget))
        for upcall in upcalls:
            if upcall.kind == UpcallKind.REG_READ:
                self.unanswered[upcall.kind].add(upcall.args[3])
            elif upcall.kind == UpcallKind.DMA_READ:
                self.unanswered[upcall.kind].add(upcall.args[0])
        return upcalls

    def _call(self, at: int, do: Callable[..., None], *args: Any) -> None:
        check_stamp(self.now, at)
        self.instants.at(at, "CALL", 0, do, *args)

    # configuration ----------------------------------------------------------------------------------------
    def set(self, table: str, index: int, words: Sequence[int], at: int) -> None:
        check_words(self.config, table, index, words)
        self._call(at, partial(SETTERS[table], self), index, *words)

    def attach(self, domain: int, base: int, memory: np.ndarray | None) -> None:
        check_arena(domain, base, memory)
        was_base, was = self.host.memory.arenas.get(domain, NO_ARENA)
        if was_base != base or was is not memory:
            check_settled(domain, any(agent.works_in(domain) for agent in self.agents if agent))
        self.host.memory.arenas[domain] = (base, memory)

    def open_ring(self, direction: Direction, ring: int, config: RingConfig, at: int) -> None:
        check_ring(self.config, direction, ring)
        check_ring_config(self.config, config)
        self._call(at, self._open_ring, direction, ring, config)

    def _open_ring(self, _now: int, direction: Direction, number: int, config: RingConfig) -> None:
        rings = self.rings(direction)
        if number in rings and rings[number].open:
            revoke_ring(self, rings[number])
        if not self.bus_master[config.function]:
            return
        if number in rings and rings[number].rows:
            self.replaced[direction].append(rings[number])           # its last frames are still on the wire
        ring = rings[number] = Ring(number, config)
        if direction == Direction.TX:
            self.tx_rings_of[config.function][number] = ring
        self.bind_vector(ring)

    def bind_vector(self, ring: Ring) -> None:
        if ring.config.vector >= 0:
            self.vectors.vector(VECTORS_PER_FUNCTION * ring.function + ring.config.vector).rings.append(ring)

    def close_ring(self, direction: Direction, ring: int, at: int) -> None:
        check_ring(self.config, direction, ring)
        self._call(at, self._close_ring, direction, ring)

    def _close_ring(self, _now: int, direction: Direction, number: int) -> None:
        ring = self.rings(direction).get(number)
        if ring and ring.open:
            revoke_ring(self, ring)

    def reset_function(self, function: int, at: int) -> None:
        check_function(self.config, function)
        self._call(at, lambda _now: revoke_function(self, function))

    def rings(self, direction: Direction) -> dict[int, Ring]:
        return self.transmit.rings if direction == Direction.TX else self.receive.rings

    def add_flow(self, config: FlowConfig) -> int:
        flow = Flow(len(self.flows), config)
        self.flows.append(flow)
        if config.direction == Direction.RX:
            self.receive.start_flow(flow, max(self.now + 1, self.instants.horizon))
        return flow.number

    def start_agent(self, config: AgentConfig, at: int) -> int:
        check_agent(self.config, config, len(self.flows))
        number = len(self.agents)
        self._call(at, self._start_agent, number, config)
        self.agents.append(None)                                     # type: ignore[arg-type]
        self.agent_configs.append(config)
        return number

    def _start_agent(self, now: int, number: int, config: AgentConfig) -> None:
        def ring_of(rings: dict[int, Ring], number: int) -> Ring | None:
            ring = rings.get(number)
            if ring is None or not ring.open or ring.agent or ring.posted:
                return None
            return ring if self.host.memory.holds(ring.config.domain, ring.config.base, ring.nbytes) else None

        tx, rx = ring_of(self.transmit.rings, config.tx_ring), ring_of(self.receive.rings, config.rx_ring)
        flow = self.flows[config.flow] if config.flow >= 0 else None
        agent = self.agents[number] = Agent(number, config, tx, rx, flow, self)
        if (tx is None and config.tx_ring >= 0) or (rx is None and config.rx_ring >= 0):
            agent.dead = agent.ringless = True
            return
        for ring in (tx, rx):
            if ring:
                ring.agent = agent
        if config.vector >= 0:
            self.vectors.vector(VECTORS_PER_FUNCTION * config.function + config.vector).agent = agent
        agent.start(now)

    def stop_agent(self, agent: int, at: int) -> None:
        check_agent_number(agent, len(self.agents))
        self._call(at, self._stop_agent, agent)

    def _stop_agent(self, _now: int, number: int) -> None:
        self.stopped.add(number)

    # accesses ---------------------------------------------------------------------------------------------
    def mmio_write(self, function: int, bar: int, offset: int, value: int, at: int) -> None:
        check_access(self.config, function, bar, offset, value)
        self._call(at, self.registers.write, function, bar, offset, value)

    def mmio_read(self, function: int, bar: int, offset: int, at: int) -> int:
        check_access(self.config, function, bar, offset)
        self._call(at, self.registers.read, function, bar, offset, self.requests + 1)
        self.requests += 1
        return self.requests

    def mmio_answer(self, request: int, value: int, at: int) -> None:
        check_value(value)
        self._answer(UpcallKind.REG_READ, "register read", request, at, self.registers.answer, value)

    def _answer(self, kind: UpcallKind, name: str, request: int, at: int, do: Callable[..., None], what: Any) -> None:
        """What Python has been asked for, once."""
        if request not in self.unanswered[kind]:
            raise ModelBug(f"{name} {request} waits for no answer")
        self._call(at, do, request, what)
        self.unanswered[kind].remove(request)

    def inject(self, port: int, frame: bytes, at: int) -> None:
        frame = whole_bytes(frame)
        check_frame(port, len(frame))
        self._call(at, self.receive.offer, None, 0, frame)

    def dma_answer(self, request: int, data: bytes, at: int) -> None:
        self._answer(UpcallKind.DMA_READ, "DMA read", request, at, self.host.dma_answer, whole_bytes(data))

    # what blocks ask --------------------------------------------------------------------------------------
    def rx_ring_of(self, function: int, row: Row) -> Ring | None:
        """The open Rx ring that the function's table names for a frame; without a table its lowest-numbered one."""
        if self.spreads[function].types:
            ring = self.receive.rings.get(self.spreads[function].ring_for(row.connection))
            return ring if ring and ring.open and ring.function == function else None
        return min((r for r in self.receive.rings.values() if r.open and r.function == function),
                   key=lambda r: r.number, default=None)

    def drops_without_descriptor(self, function: int) -> bool:
        return self.drop_policy[function]

    def name_flow(self, row: Row, ring: Ring) -> None:
        """A Tx row belongs to the flow of its ring's agent."""
        if ring.agent and ring.agent.flow:
            flow = ring.agent.flow
            row.flow, row.dst, row.vlan = flow.number, flow.config.dst_mac, flow.config.vlan
            row.src = flow.config.src_mac

    # rows and counters ------------------------------------------------------------------------------------
    def new_row(self, kind: int, function: int, length: int, nbytes: int) -> Row:
        row = Row(self.serial, kind, function, length, nbytes)
        row.waits = self.books.fresh()
        self.serial += 1
        if self.config.record_rows:
            self.rows.append(row)
        return row

    def count(self, function: int, counter: str, amount: int = 1) -> None:
        self.counters[function][counter] += amount

    def count_latency(self, row: Row, direction: Direction, latency_ps: int) -> None:
        self.latency[row.function, direction, latency_bin(latency_ps)] += 1
        self.books.close(row, direction, latency_ps)

    def count_received(self, now: int, row: Row) -> None:
        self.received[row.ring_number] += 1
        self.count(row.function, "rx_packets")
        self.count(row.function, "rx_bytes", row.length)
        self.count_latency(row, Direction.RX, now - row.stamps[STAGE["ARRIVED"]])
        self.ended(row)

    def drop(self, row: Row, reason: str) -> None:
        row.outcome = DROP[reason]
        self.count(row.function, "drop_" + reason)
        self.ended(row)

    @staticmethod
    def ended(row: Row) -> None:
        """A row is delivered or dropped: its ring need not look after it any more."""
        if row.ring:
            row.ring.rows.pop(row.serial, None)

    def written_back(self, now: int, write: Write) -> None:
        """The commit of the last TLP of a write-back."""
        ring = write.ring
        for row in write.rows:
            row.stamps[STAGE["WRITTEN_BACK"]] = now
            if row.kind != TX:
                self.books.inherit(row, write.waits)
            if row.kind != TX and not ring.agent and row.outcome == INSIDE:
                row.outcome = DELIVERED
                self.count_received(now, row)
            if row.stamps[STAGE["REAPED"]] < 0:
                ring.uninterrupted.append(row)

    # results ----------------------------------------------------------------------------------------------
    def ring_state(self, direction: Direction, ring: int) -> dict[str, int]:
        check_ring(self.config, direction, ring)
        known = self.rings(direction).get(ring)
        return {"head": known.head if known else 0, "tail": known.tail if known else 0}

    def take_rows(self) -> tuple[np.ndarray, np.ndarray]:
        done = [row for row in self.rows if row.is_done]
        self.rows = [row for row in self.rows if not row.is_done]
        taken = row_array(done), self.books.waits_of(done)
        self.books.forget(done)
        return taken

    def results(self) -> dict[str, Any]:
        functions = np.array([tuple(c.values()) for c in self.counters], FUNCTION_DTYPE)
        inside = np.zeros((self.config.num_functions, 2), np.int64)
        for direction, rings in enumerate((self.transmit.rings, self.receive.rings)):
            for ring in (*rings.values(), *self.replaced[direction]):
                inside[ring.function, direction] += len(ring.rows)
        ahead = ticks(self.instants.horizon)             # a transfer under way is busy up to here only
        links = np.array([*((link.tlps, link.tlp_bytes, link.dllp_bytes, link.skp_total,
                             link.busy_ticks - max(0, link.ended - ahead)) for link in (self.up, self.down)),
                          *((wire.frames, wire.frame_bytes, 0, 0, wire.busy_ticks - max(0, wire.free - ahead))
                            for wire in (self.transmit.wire, self.receive.wire))], LINK_DTYPE)
        return {"functions": functions, "latency": self.latency.copy(), "links": links,
                "lines": np.array(self.instants.clocks(), np.int64), "inside": inside,
                "rows": row_array(self.rows), "interrupts": np.array(self.vectors.interrupts, INTERRUPT_DTYPE),
                "received": self.received.copy(),
                "ringless": np.array([agent is not None and agent.ringless for agent in self.agents], np.bool_),
                **self.books.results(self)}
