"""From doorbell to wire: descriptor fetch, scheduler, payload fetch, reorder, switch, wire (docs/time.md, 5).

Read it top to bottom: a packet goes the same way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from nicmodel.datasheet.descriptors import TX_MAX_BYTES, tx_parse, tx_writeback
from nicmodel.datasheet.ethernet import FCS_BYTES, PAUSE_QUANTUM_BYTES, frame_length
from nicmodel.datasheet.pcie_link import PAGE_BYTES
from nicmodel.datasheet.stages import DELIVERED, TX
from nicmodel.reference.books import TX_BUFFER, WIRE, Books
from nicmodel.reference.fetch import Fetch
from nicmodel.reference.instants import LINE, NO_CAUSE, OWN, POOL, SERVER, Instants
from nicmodel.reference.registers import Access
from nicmodel.reference.rows import STAGE, Doorbell, Read, Ring, Row, Write, cut, in_turns
from nicmodel.reference.shapers import Shaper
from nicmodel.reference.tags import PAYLOAD, TX_DESCRIPTOR, Tags
from nicmodel.reference.ticks import ceil_ps
from nicmodel.reference.wire import Wire
from nicmodel.reference.writers import TX_WRITEBACK
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import PAYLOAD_HEADER_BYTES, Direction, Payload, Upcall, UpcallKind


class Transmit:
    """The Tx half of the adapter."""

    def __init__(self, instants: Instants, config: PlaneConfig, tags: Tags, plane: Any):
        self.instants, self.config, self.tags, self.plane = instants, config, tags, plane
        self.books: Books = plane.books
        self.rings: dict[int, Ring] = {}
        self.fetch = Fetch(instants, "TX_DESC_FETCH", tags, plane.books, TX_DESCRIPTOR, self.rings,
                           lambda ring: len(ring.waiting), config.tx_cache, config.tx_threshold, self.descriptors_arrived)
        self.touch_scheduler = instants.arbiter("TX_SCHEDULER", self.decide_scheduler)
        self.touch_reorder = instants.arbiter("TX_REORDER", self.decide_reorder)
        self.touch_wire = instants.arbiter("WIRE", self.decide_wire)
        self.last_function = config.num_functions - 1
        self.last_ring = [-1] * config.num_functions
        self.buffer = config.tx_buffer
        self.fetched: list[Row] = []                     # since the scheduler last looked
        self.ready: deque[Row] = deque()
        self.outgoing: deque[Row] = deque()              # frames that have passed the switch
        self.shapers = [Shaper(function, instants, self.touch_scheduler) for function in range(config.num_functions)]
        self.wire = Wire(instants, 2, config.wire_byte_ticks, self.touch_wire)
        self.paused_until = 0

    # 1 doorbell -------------------------------------------------------------------------------------------
    def doorbell(self, now: int, ring: Ring, access: Access) -> None:
        """A tail write takes effect."""
        tail = access.value
        if not ring.open or tail >= ring.size:
            return
        self.plane.count(ring.function, "doorbells")
        covered = (tail - ring.tail) % ring.size
        if covered:
            ring.doorbells.append(Doorbell(covered, access.posted, now, access.waits))
            ring.posted = True
        ring.tail = tail
        self.fetch.touch()

    # 2 descriptor fetch (fetch.py), 3 descriptors on board ------------------------------------------------
    def descriptors_arrived(self, now: int, read: Read) -> None:
        ring: Ring = read.owner
        stamp = self.instants.edge(now)
        for index, descriptor in self.fetch.take(read):
            address, nbytes, eop, rs, is_data = tx_parse(descriptor)
            row = self.plane.new_row(TX, ring.function, frame_length(nbytes), nbytes)
            row.ring, row.ring_number, row.index, row.address, row.rs = ring, ring.number, index, address, rs
            self._take_doorbell(ring, row)
            self.books.inherit(row, read.last.waits)
            row.stamps[STAGE["DESC_FETCHED"]] = stamp
            self.plane.name_flow(row, ring)
            row.bad = not (is_data and eop and 1 <= nbytes <= TX_MAX_BYTES
                           and nbytes <= self.plane.max_frame - FCS_BYTES)
            ring.rows[row.serial] = row
            ring.take(row)
            ring.order.append(row)
            ring.inside += 1
            self.plane.count(ring.function, "tx_offered")
            if row.bad:
                row.complete = True
            else:
                ring.waiting.append(row)
                if self.books.on:
                    self.fetched.append(row)
        self._advance(now, ring)
        self.touch_scheduler()

    def _take_doorbell(self, ring: Ring, row: Row) -> None:
        doorbell = ring.doorbells[0]
        row.stamps[STAGE["POSTED"]], row.stamps[STAGE["DOORBELL"]] = doorbell.posted, doorbell.effect
        self.books.inherit(row, doorbell.waits)
        self.books.wait(row, "descriptor_fetch", ring.fetched_at - doorbell.effect)
        doorbell.covers -= 1
        if not doorbell.covers:
            ring.doorbells.popleft()

    # 4 scheduler ------------------------------------------------------------------------------------------
    def decide_scheduler(self, now: int) -> None:
        for row in self.fetched:
            self.books.enters_queue(row, self.shapers[row.function].clock_at(now), now)
        self.fetched.clear()
        granted = self._take_turn(now)
        if self.books.on:
            self._blame_queues(now, granted)

    def _blame_queues(self, now: int, granted: bool) -> None:
        """The cause of the rows that have not begun, and for each function whether its shaper holds them."""
        waiting = [shaper for shaper, rings in zip(self.shapers, self.plane.tx_rings_of, strict=True)
                   if any(len(ring.waiting) > ring.waiting[0].begun for ring in rings.values() if ring.waiting)]
        cause = NO_CAUSE if not waiting else OWN if all(s.holds(now) for s in waiting) else SERVER if granted else POOL
        self.books.blame("tx_queues", cause, now)
        self.books.tx_buffer.review(now, cause == POOL)
        for shaper in waiting:
            shaper.blame(now, cause)

    def _take_turn(self, now: int) -> bool:
        """One read request of one ring; False if none may go."""
        def eligible(ring: Ring) -> bool:
            if not ring.waiting:
                return False
            head = ring.waiting[0]
            return head.begun or (self.shapers[ring.function].allows(now) and head.nbytes <= self.buffer)

        ring = self._next_by_function(eligible)
        if ring is None:
            return False
        row = ring.waiting[0]
        self.last_function = ring.function
        self.last_ring[ring.function] = ring.number
        if not row.begun:
            row.begun = True
            row.room = row.nbytes
            self.buffer -= row.room
            row.stamps[STAGE["SCHEDULED"]] = now
            self.books.leaves_queue(row, self.shapers[row.function].clock_at(now), now)
            self.books.take_room(now, TX_BUFFER, row)
            self.shapers[ring.function].pay(now, row.length)
            row.read = Read(row, row.function, ring.config.domain, self.payload_arrived)
        where = row.address + row.issued
        turn = min(row.nbytes - row.issued, self.config.mrrs, PAGE_BYTES - where % PAGE_BYTES)
        wanted = max(0, min(turn, moved(self.config.payload, row.nbytes) - row.issued))
        self.tags.ask(row.read, PAYLOAD, where, turn, wanted)
        row.issued += turn
        if row.issued == row.nbytes:
            ring.waiting.popleft()
            self.fetch.touch()
        self.books.grant("TX_SCHEDULER")
        self.touch_scheduler()
        return True

    def _next_by_function(self, eligible: Callable[[Ring], bool]) -> Ring | None:
        functions = self.config.num_functions
        for step in range(1, functions + 1):
            function = (self.last_function + step) % functions
            for ring in in_turns(self.plane.tx_rings_of[function], self.last_ring[function]):
                if eligible(ring):
                    return ring
        return None

    # 5 payload on board, in ring order --------------------------------------------------------------------
    def payload_arrived(self, now: int, read: Read) -> None:
        row: Row = read.owner
        if row.issued < row.nbytes:
            return
        row.read = None
        row.stamps[STAGE["DATA_FETCHED"]] = self.instants.edge(now)
        row.data = b"".join(read.pieces) or None
        row.complete = True
        self.books.wait(row, "scheduler", read.last.asked - row.stamps[STAGE["SCHEDULED"]])
        self.books.inherit(row, read.last.waits)
        self._advance(now, row.ring)

    def _advance(self, now: int, ring: Ring) -> None:
        while ring.order and ring.order[0].complete:
            row = ring.order.popleft()
            if not row.bad:
                self.books.wait(row, "reorder", now - row.stamps[STAGE["DATA_FETCHED"]])
            self.ready.append(row)
            self.books.enters(row, LINE["tx_ready"], now)
            self.touch_reorder()

    # 6 reorder, 7 write-back ------------------------------------------------------------------------------
    def decide_reorder(self, now: int) -> None:
        if self.ready:
            row = self.ready.popleft()
            self.books.leaves(row, LINE["tx_ready"], now)
            self.books.grant("TX_REORDER")
            if row.bad:
                self.plane.drop(row, "bad_descriptor")
            else:
                self.instants.at(now + self.config.tx_pipe_cycles * self.config.core_ps, "TX_PIPE", 0,
                                 self.switched, row)
            self._retire(row)
        if self.ready:
            self.touch_reorder()
        self.instants.blame(LINE["tx_ready"], SERVER if self.ready else NO_CAUSE, now)

    def _retire(self, row: Row) -> None:
        ring: Ring = row.ring
        ring.inside -= 1
        ring.head = (row.index + 1) % ring.size
        ring.span.append(row)
        reporting = sum(r.rs for r in ring.span)
        last = row.index == ring.size - 1
        drained = not (ring.inside or ring.fetch or ring.to_fetch)
        if reporting and (reporting >= max(1, ring.config.wthresh) or last or drained):
            first, span = ring.span[0], ring.span
            data = b"".join(tx_writeback(r.rs) for r in span)
            cuts = cut(ring.address_of(first.index), len(data), self.config.mps, True)
            self.plane.writers.write(TX_WRITEBACK, Write(ring, cuts, data, self.plane.written_back, span,
                                                         announces=True))
            ring.span = []
        elif last:
            ring.span = []

    # 8 switch ---------------------------------------------------------------------------------------------
    def switched(self, now: int, row: Row) -> None:
        if row.vanished:
            return
        row.stamps[STAGE["SWITCHED"]] = now
        target = self.plane.switch.loopback_target(row)
        if self.plane.switch.is_spoofed(row):
            self.return_room(row)
            self.plane.drop(row, "spoofed")
        elif target >= 0:
            self.return_room(row)
            self._deliver(now, row)
            self.plane.receive.loop_back(now, row)
        else:
            self.outgoing.append(row)
            self.books.enters(row, LINE["tx_wire"], now)
            self.books.sample(row, LINE["tx_wire"])
            self.touch_wire()

    def return_room(self, row: Row) -> None:
        self.buffer += row.room
        self.books.give_room(self.instants.now, TX_BUFFER, row)
        row.room = 0
        self.touch_scheduler()

    def _deliver(self, now: int, row: Row) -> None:
        row.outcome = DELIVERED
        self.plane.ended(row)
        self.plane.count(row.function, "tx_packets")
        self.plane.count(row.function, "tx_bytes", row.length)
        self.plane.count_latency(row, Direction.TX, now - row.stamps[STAGE["POSTED"]])

    # 9 wire -----------------------------------------------------------------------------------------------
    def decide_wire(self, now: int) -> None:
        paused = now < self.paused_until or not self.wire.byte_ticks
        if self.outgoing and not paused and not self.wire.is_busy(now):
            row = self.outgoing.popleft()
            self.books.leaves(row, LINE["tx_wire"], now)
            self.books.sampled(row, LINE["tx_wire"])
            self.books.serve(WIRE, row.function, self.wire.ticks_of(row.length))
            self.books.grant("WIRE")
            row.on_wire = True
            row.stamps[STAGE["ON_WIRE"]], end = self.wire.start(now, row.stamps[STAGE["SWITCHED"]], row.length)
            self.instants.at(end, "WIRE_TX_END", 0, self.left, row)
        busy = self.wire.is_busy(now)
        if self.outgoing and busy:
            self.wire.wake_when_free()
        cause = NO_CAUSE if not self.outgoing else POOL if paused and not busy else SERVER
        self.instants.blame(LINE["tx_wire"], cause, now)

    def left(self, now: int, row: Row) -> None:
        """The last byte of a frame has left."""
        row.stamps[STAGE["OFF_WIRE"]] = now
        self.return_room(row)
        self._deliver(now, row)
        if self.config.frames_out:
            self.instants.upcalls.append(Upcall(now, UpcallKind.FRAME_OUT, (0, row.length, row.serial), row.data))

    def pause(self, now: int, quanta: int) -> None:
        """A PAUSE frame's last byte has arrived."""
        self.instants.at(now + self.config.pause_reaction_ps, "PAUSE", 0, self._pause_begins, quanta)

    def _pause_begins(self, now: int, quanta: int) -> None:
        self.paused_until = now + ceil_ps(quanta * PAUSE_QUANTUM_BYTES * self.wire.byte_ticks)
        if self.paused_until > now:
            self.instants.at(self.paused_until, "PAUSE", 0, lambda _now: self.touch_wire())
        self.touch_wire()


def moved(payload: Payload, nbytes: int) -> int:
    """How many of a frame's bytes move through host memory."""
    return {Payload.LENGTHS: 0, Payload.HEADERS: min(nbytes, PAYLOAD_HEADER_BYTES), Payload.FULL: nbytes}[payload]
