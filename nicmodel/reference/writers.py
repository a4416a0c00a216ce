"""The writers within the posted class, and the messages that follow them (docs/time.md, 6 and 7)."""

from __future__ import annotations

from collections import deque
from typing import Any

from nicmodel.datasheet.pcie_link import memory_tlp_bytes
from nicmodel.datasheet.timing import MSIX_ADDRESS, MSIX_BYTES
from nicmodel.reference.books import Books
from nicmodel.reference.credits import data_credits
from nicmodel.reference.host import Host
from nicmodel.reference.instants import LINE, NO_CAUSE, SERVER, Instants
from nicmodel.reference.link import POSTED, Link
from nicmodel.reference.rows import STAGE, UNBOOKED, Message, Ring, Transfer, Write
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import VECTORS_PER_FUNCTION, Upcall, UpcallKind

RX_WRITE, TX_WRITEBACK = 0, 1


class Writers:
    """DMA writes wait here, two lines of them; one TLP every `write_cycles` enters the posted line."""

    def __init__(self, instants: Instants, config: PlaneConfig, up: Link, host: Host, vectors: Vectors,
                 books: Books):
        self.config, self.up, self.host, self.vectors, self.books = config, up, host, vectors, books
        self.touch = instants.arbiter("WRITERS", self.decide)
        self.lines: list[deque[Write]] = [deque(), deque()]
        self.turn = RX_WRITE
        self.next_move = 0

    def write(self, line: int, write: Write) -> None:
        self.lines[line].append(write)
        self.touch()

    def decide(self, now: int) -> None:
        if now >= self.next_move:
            first = RX_WRITE if self.config.writers == "rx_first" else self.turn
            line = first if self.lines[first] else 1 - first
            if self.lines[line]:
                self._move(now, line)
        if any(self.lines):
            self.touch()
        self.books.blame("rx_write", SERVER if self.lines[RX_WRITE] else NO_CAUSE, now)

    def _move(self, now: int, line: int) -> None:
        """One TLP of the line's oldest write enters the posted line."""
        self.turn = 1 - line
        self.next_move = now + self.config.write_cycles * self.config.core_ps
        write = self.lines[line][0]
        address, _, nbytes = write.cuts[write.moved]
        self.books.grant("WRITERS")
        if line == RX_WRITE and not write.moved and not write.announces:
            self.books.leaves(write.rows[0], LINE["rx_write"], now)
        waits = UNBOOKED
        if write.moved == write.last:
            waits = write.waits = self.books.fresh()
        self.up.queue(now, POSTED, Transfer(write.function, memory_tlp_bytes(address, nbytes), data_credits(nbytes),
                                            self.host.write_arrived, (write, write.moved), write, write.relaxed, waits))
        write.moved += 1
        if write.moved > write.last:
            self.lines[line].popleft()
            if write.announces:
                self.vectors.request(now, write.ring.function, write.ring.config.vector)


class Vector:
    """One MSI-X vector: enabled or not, asking or not, and when it may fire again."""

    __slots__ = ("enabled", "itr_ps", "requested", "allowed", "reminded", "rings", "agent")

    def __init__(self) -> None:
        self.enabled = self.requested = False
        self.itr_ps = self.allowed = 0
        self.reminded = -1
        self.rings: list[Ring] = []
        self.agent: Any = None


class Vectors:
    """Interrupt moderation: a request becomes at most one message per throttle interval."""

    def __init__(self, instants: Instants, up: Link, plane: Any):
        self.instants, self.up, self.plane = instants, up, plane
        self.touch = instants.arbiter("MSIX", self.decide)
        self.table: dict[int, Vector] = {}
        self.last = -1
        self.interrupts: list[tuple[int, int, int]] = []

    def vector(self, number: int) -> Vector:
        if number not in self.table:
            self.table[number] = Vector()
        return self.table[number]

    def configure(self, number: int, enabled: int, itr_ps: int) -> None:
        vector = self.vector(number)
        vector.enabled, vector.itr_ps = bool(enabled), itr_ps
        self.touch()

    def request(self, now: int, function: int, vector: int) -> None:
        if vector >= 0:
            self.vector(VECTORS_PER_FUNCTION * function + vector).requested = True
            self.touch()

    def decide(self, now: int) -> None:
        eligible = []
        for number, vector in self.table.items():
            if vector.requested and vector.enabled and self.plane.bus_master[number // VECTORS_PER_FUNCTION]:
                if now >= vector.allowed:
                    eligible.append(number)
                elif vector.reminded != vector.allowed:
                    vector.reminded = vector.allowed
                    self.instants.at(vector.allowed, "ITR", number, lambda _now: self.touch())
        if not eligible:
            return
        number = min((n for n in eligible if n > self.last), default=min(eligible))
        self.last = number
        self.plane.books.grant("MSIX")
        vector = self.table[number]
        vector.requested = False
        vector.allowed = now + vector.itr_ps
        message = Message(number)
        self.up.queue(now, POSTED, Transfer(message.function, memory_tlp_bytes(MSIX_ADDRESS, MSIX_BYTES),
                                            data_credits(MSIX_BYTES), self._arrived, (message,), message))
        if len(eligible) > 1:
            self.touch()

    def _arrived(self, now: int, message: Message) -> None:
        self.plane.host.message_arrived(now, message.function, self._fires, message)

    def _fires(self, now: int, waits: list[int], message: Message) -> None:
        """The message commits: rows it announces are stamped, its agent or Python is told."""
        self.plane.host.release(now, POSTED, data_credits(MSIX_BYTES), waits)
        self.plane.count(message.function, "interrupts")
        self.interrupts.append((now, message.function, message.vector))
        vector = self.table[message.number]
        for ring in vector.rings:
            for row in ring.uninterrupted:
                if row.stamps[STAGE["REAPED"]] < 0:
                    row.stamps[STAGE["INTERRUPTED"]] = now
            ring.uninterrupted.clear()
        if vector.agent:
            self.instants.at(now + vector.agent.config.irq_latency_ps, "AGENT_WAKE", vector.agent.number,
                             vector.agent.wake, True)
        else:
            self.instants.upcalls.append(Upcall(now, UpcallKind.MSIX, (message.function, message.vector, 0)))

    def forget_agent(self, agent: Any) -> None:
        for vector in self.table.values():
            if vector.agent is agent:
                vector.agent = None

    def unbind(self, ring: Ring) -> None:
        for vector in self.table.values():
            if ring in vector.rings:
                vector.rings.remove(ring)

    def revoke(self, function: int) -> None:
        """A function was reset or lost bus mastering: it asks for nothing any more."""
        for number, vector in self.table.items():
            if number // VECTORS_PER_FUNCTION == function:
                vector.requested = False
