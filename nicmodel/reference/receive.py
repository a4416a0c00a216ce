"""From wire to host memory: buffer, switch ingress, steering, descriptor, payload write, write-back (docs/time.md, 6)."""

from __future__ import annotations

from collections import deque
from typing import Any

from nicmodel.datasheet.connections import addressed, connection_of, headers
from nicmodel.datasheet.descriptors import rx_buffer, rx_writeback
from nicmodel.datasheet.ethernet import ETHERTYPE_BYTES, FCS_BYTES, frame_length
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.datasheet.stages import LOOPBACK, RX
from nicmodel.reference.books import RX_BUFFER, Books
from nicmodel.reference.fetch import Fetch
from nicmodel.reference.instants import LINE, NO_CAUSE, SERVER, Instants
from nicmodel.reference.rows import STAGE, UNBOOKED, Read, Ring, Row, Write, cut
from nicmodel.reference.switch import parse_header
from nicmodel.reference.tags import RX_DESCRIPTOR, Tags
from nicmodel.reference.transmit import moved
from nicmodel.reference.wire import Wire
from nicmodel.reference.writers import RX_WRITE
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import PF_FUNCTION, FlowConfig

FROM_WIRE, FROM_LOOPBACK = 0, 1
INGRESS_LINE = (LINE["ingress"], LINE["loopback"])


class Flow:
    """A stream's state: which frame comes next. Tx flows are read by their agent, Rx flows offer by themselves."""

    def __init__(self, number: int, config: FlowConfig):
        self.number, self.config = number, config
        self.sent = 0

    @property
    def finished(self) -> bool:
        return 0 <= self.config.count <= self.sent

    def nominal(self, packet: int) -> int:
        return self.config.start_ps + packet * self.config.interval_ticks // TICKS_PER_PS

    def size(self, packet: int) -> int:
        return self.config.sizes[packet % len(self.config.sizes)]

    def frame(self, packet: int) -> bytes:
        """The bytes of a frame without FCS."""
        config = self.config
        nbytes, first = self.size(packet) - FCS_BYTES, addressed(config.dst_mac, config.src_mac, config.vlan)
        head = first + headers(config.connection, nbytes - len(first) - ETHERTYPE_BYTES) + packet.to_bytes(8, "big")
        return (head + bytes((packet + i) & 0xFF for i in range(len(head), nbytes)))[:nbytes]


class Receive:
    """The Rx half of the adapter."""

    def __init__(self, instants: Instants, config: PlaneConfig, tags: Tags, plane: Any):
        self.instants, self.config, self.tags, self.plane = instants, config, tags, plane
        self.books: Books = plane.books
        self.rings: dict[int, Ring] = {}
        self.fetch = Fetch(instants, "RX_DESC_FETCH", tags, plane.books, RX_DESCRIPTOR, self.rings,
                           lambda ring: len(ring.descriptors), config.rx_cache, config.rx_threshold, self.descriptors_arrived)
        self.touch_ingress = instants.arbiter("SWITCH_INGRESS", self.decide_ingress)
        self.touch_wire = instants.arbiter("WIRE_RX", self.decide_wire)
        self.buffer = config.rx_buffer
        self.offers: deque[tuple[int, Flow | None, int, bytes | None]] = deque()
        self.wire = Wire(instants, 3, config.wire_byte_ticks, self.touch_wire)
        self.ingress: list[deque[Row]] = [deque(), deque()]
        self.turn = FROM_WIRE

    # 1 the wire -------------------------------------------------------------------------------------------
    def start_flow(self, flow: Flow, earliest: int) -> None:
        if not flow.finished:
            self.instants.at(max(flow.nominal(flow.sent), earliest), "FLOW", flow.number, self._offer, flow)

    def _offer(self, now: int, flow: Flow) -> None:
        packet = flow.sent
        flow.sent += 1
        self.offer(now, flow, packet, None)

    def offer(self, now: int, flow: Flow | None, packet: int, frame: bytes | None) -> None:
        """A frame is ready at the far end of the wire."""
        self.offers.append((now, flow, packet, frame))
        self.touch_wire()

    def decide_wire(self, now: int) -> None:
        if not self.wire.byte_ticks:
            return                                       # the link is down
        if self.offers and not self.wire.is_busy(now):
            ready, flow, packet, frame = self.offers.popleft()
            nbytes = len(frame) if frame is not None else flow.size(packet) - FCS_BYTES   # type: ignore[union-attr]
            length = frame_length(nbytes)
            _, end = self.wire.start(now, ready, length)
            self.books.grant("WIRE_RX")
            self.instants.at(end, "WIRE_RX_END", 0, self._arrived, flow, packet, frame, nbytes, length)
            if flow:
                self.start_flow(flow, now + 1)
        if self.offers and self.wire.is_busy(now):
            self.wire.wake_when_free()

    # 2 the packet buffer ----------------------------------------------------------------------------------
    def _arrived(self, now: int, flow: Flow | None, packet: int, frame: bytes | None, nbytes: int,
                 length: int) -> None:
        row = self.plane.new_row(RX, -1, length, nbytes)
        row.stamps[STAGE["ARRIVED"]] = now
        if flow:
            row.flow, row.number, row.dst, row.vlan = flow.number, packet, flow.config.dst_mac, flow.config.vlan
            row.connection = flow.config.connection
            wanted = moved(self.config.payload, nbytes)
            row.data = flow.frame(packet)[:wanted] if wanted else None
        elif frame is not None:
            row.dst, row.vlan = parse_header(frame)
            row.connection = connection_of(frame)
            row.data = frame[:moved(self.config.payload, nbytes)] or None
        if row.length > self.plane.max_frame:
            self._refuse(row, PF_FUNCTION, "too_long")
        else:
            self._store(row, FROM_WIRE)

    def loop_back(self, now: int, tx_row: Row) -> None:
        """The switch hands a transmitted frame to the receive side: a row of its own."""
        row = self.plane.new_row(LOOPBACK, -1, tx_row.length, tx_row.nbytes)
        row.parent, row.flow, row.number = tx_row.serial, tx_row.flow, tx_row.number
        row.dst, row.vlan, row.data = tx_row.dst, tx_row.vlan, tx_row.data
        row.connection = self.plane.flows[row.flow].config.connection if row.flow >= 0 else connection_of(row.data or b"")
        row.stamps[STAGE["ARRIVED"]] = now
        row.sender = tx_row.function
        self._store(row, FROM_LOOPBACK)

    def _store(self, row: Row, line: int) -> None:
        if row.length > self.buffer:
            self._refuse(row, PF_FUNCTION, "rx_buffer_full")
        else:
            row.room = row.length
            self.buffer -= row.room
            self.books.take_room(self.instants.now, RX_BUFFER, row)
            self.ingress[line].append(row)
            self.books.enters(row, INGRESS_LINE[line], self.instants.now)
            self.touch_ingress()

    def _refuse(self, row: Row, function: int, reason: str) -> None:
        row.function = function
        self.plane.count(function, "rx_offered")
        self.plane.drop(row, reason)

    def return_room(self, row: Row, waits: list[int] = UNBOOKED) -> None:
        """`waits`: of its payload's last TLP, if that is what has left."""
        self.buffer += row.room
        self.books.give_room(self.instants.now, RX_BUFFER, row, sum(waits))
        row.room = 0

    # 3 the parser -----------------------------------------------------------------------------------------
    def decide_ingress(self, now: int) -> None:
        line = self.turn if self.ingress[self.turn] else 1 - self.turn
        if self.ingress[line]:
            self.turn = 1 - line
            row = self.ingress[line].popleft()
            self.books.leaves(row, INGRESS_LINE[line], now)
            self.books.grant("SWITCH_INGRESS")
            self.instants.at(now + self.config.rx_pipe_cycles * self.config.core_ps, "RX_PIPE", 0, self.steered, row)
        if any(self.ingress):
            self.touch_ingress()
        for name, rows in zip(("ingress", "loopback"), self.ingress, strict=True):
            self.books.blame(name, SERVER if rows else NO_CAUSE, now)

    def steered(self, now: int, row: Row) -> None:
        row.stamps[STAGE["STEERED"]] = now
        function = self.plane.switch.pool_of(row)
        if function < 0:
            self.return_room(row)
            self._refuse(row, PF_FUNCTION, "no_filter")
            return
        row.function = function
        self.plane.count(function, "rx_offered")
        ring = self.plane.rx_ring_of(function, row)
        owned = len(ring.descriptors) + ring.fetching + ring.to_fetch if ring else 0
        if ring is None:
            reason = "queue_disabled"
        elif row.nbytes > ring.config.buffer_bytes:
            reason = "too_long"
        elif len(ring.waiting) >= owned and self.plane.drops_without_descriptor(function):
            reason = "no_descriptor"
        else:
            row.ring, row.ring_number = ring, ring.number
            ring.rows[row.serial] = row
            ring.waiting.append(row)
            self._pair(now, ring)
            return
        self.return_room(row)
        self.plane.drop(row, reason)

    # 4 tail, descriptor fetch (fetch.py), descriptors on board --------------------------------------------
    def doorbell(self, now: int, ring: Ring, tail: int) -> None:
        if not ring.open or tail >= ring.size:
            return
        self.plane.count(ring.function, "doorbells")
        ring.posted |= tail != ring.tail
        ring.tail = tail
        self.fetch.touch()

    def descriptors_arrived(self, now: int, read: Read) -> None:
        ring: Ring = read.owner
        ring.descriptors.extend((index, rx_buffer(descriptor)) for index, descriptor in self.fetch.take(read))
        self._pair(now, ring)

    # 5 frame and descriptor meet: write -------------------------------------------------------------------
    def _pair(self, now: int, ring: Ring) -> None:
        while ring.waiting and ring.descriptors:
            row = ring.waiting.popleft()
            row.index, row.address = ring.descriptors.popleft()
            ring.head = (row.index + 1) % ring.size
            row.stamps[STAGE["DESC_READY"]] = self.instants.edge(now)
            ring.take(row)
            self.books.wait(row, "no_descriptor", now - row.stamps[STAGE["STEERED"]])
            self.books.enters(row, LINE["rx_write"], now)
            write = self.plane.writers.write
            cuts = cut(row.address, row.nbytes, self.config.mps, True)
            write(RX_WRITE, Write(ring, cuts, row.data, self._data_written, [row], self._payload_left,
                                  relaxed=self.config.relaxed_ordering))
            status = rx_writeback(row.nbytes, loopback=row.kind == LOOPBACK)
            write(RX_WRITE, Write(ring, [(ring.address_of(row.index), 0, len(status))], status, self.plane.written_back, [row],
                                  announces=True))
            self.fetch.touch()

    def _payload_left(self, now: int, write: Write) -> None:
        self.return_room(write.rows[0], write.waits)

    def _data_written(self, now: int, write: Write) -> None:
        write.rows[0].stamps[STAGE["DATA_WRITTEN"]] = now
