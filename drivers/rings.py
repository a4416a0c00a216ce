"""One queue pair of a driver: its memory, its registers, and who runs it.

A pair is run either by a ring agent in the data plane (bulk traffic: started and forgotten) or by
`PythonRings`, which posts and reaps real descriptors here (captures, tests). Registers come as a
`RingRegisters` row, so that PF and VF share this file. No rule of NDIS is known here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from drivers.miniport import MS, US, MiniportBase
from drivers.ringmath import advance, free, used
from nicmodel.datasheet import descriptors, registers_pf, registers_vf
from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.registers import Register
from nicmodel.pcie.handle import Steps

DRAIN_POLL_PS = 5 * US
DRAIN_PATIENCE_PS = 2 * MS


@dataclass(frozen=True)
class RingRegisters:
    """The registers of one direction of queues; each row is an array over queues."""

    base_low: Register
    base_high: Register
    length: Register
    head: Register
    tail: Register
    control: Register
    writeback_low: Register | None = None       # Tx
    writeback_high: Register | None = None
    buffers: Register | None = None             # Rx: SRRCTL


VF_TX = RingRegisters(registers_vf.VFTDBAL, registers_vf.VFTDBAH, registers_vf.VFTDLEN, registers_vf.VFTDH,
                      registers_vf.VFTDT, registers_vf.VFTXDCTL, registers_vf.VFTDWBAL, registers_vf.VFTDWBAH)
VF_RX = RingRegisters(registers_vf.VFRDBAL, registers_vf.VFRDBAH, registers_vf.VFRDLEN, registers_vf.VFRDH,
                      registers_vf.VFRDT, registers_vf.VFRXDCTL, buffers=registers_vf.VFSRRCTL)
PF_TX = RingRegisters(registers_pf.TDBAL, registers_pf.TDBAH, registers_pf.TDLEN, registers_pf.TDH,
                      registers_pf.TDT, registers_pf.TXDCTL, registers_pf.TDWBAL, registers_pf.TDWBAH)
PF_RX = RingRegisters(registers_pf.RDBAL, registers_pf.RDBAH, registers_pf.RDLEN, registers_pf.RDH,
                      registers_pf.RDT, registers_pf.RXDCTL, buffers=registers_pf.SRRCTL)


@dataclass(frozen=True)
class RingSettings:
    """Size, buffers and costs of a queue pair. Costs and latencies in ps; batches in packets.

    ``ring_size`` is in descriptors. The hardware is told ``buffer_bytes`` in whole KB, rounded down; `PythonRings` send no
    frame longer than ``tx_stride``. ``flow`` is the flow the Tx half sends (-1: none). A ring agent asks for the write-back of
    every ``rs_batch``-th Tx descriptor, and of the last in a pass; the costs are its costs (all assumed: a kernel driver's
    order of magnitude). With ``poll_ps`` > 0 the pair is polled, and raises no interrupt.
    """

    ring_size: int = 512
    buffer_bytes: int = 2048
    tx_stride: int = 2048
    flow: int = -1
    irq_latency_ps: int = 1_000_000
    irq_cost_ps: int = 500_000
    pass_cost_ps: int = 100_000
    tx_packet_cost_ps: int = 40_000
    rx_packet_cost_ps: int = 40_000
    doorbell_cost_ps: int = 0
    tx_batch: int = 32
    rx_batch: int = 32
    rs_batch: int = 1
    poll_ps: int = 0
    wthresh: int = 0
    drop: bool = True                    # a received frame without descriptor is dropped, else it waits


class QueuePair:
    """Queue ``index`` (numbered as the function's own registers are), interrupting on ``vector``.

    In this order: `allocate` once, `open`, `start_agent` or `PythonRings`; then `stop_agent`, `drain`, `close`, and `open` again.
    """

    def __init__(self, driver: MiniportBase, tx: RingRegisters, rx: RingRegisters, index: int, vector: int,
                 settings: RingSettings):
        self.driver, self.handle = driver, driver.handle
        self.tx, self.rx, self.index, self.vector, self.settings = tx, rx, index, vector, settings
        self.tx_ring = self.rx_ring = self.tx_buffers = self.rx_buffers = 0
        self.is_open = False
        self._agent: int | None = None

    def allocate(self) -> None:
        """GEN-INIT-08: shared memory for both rings and for a buffer a descriptor. ValueError when the guest has no more."""
        size = self.settings.ring_size
        self.tx_ring, self.rx_ring, self.tx_buffers, self.rx_buffers = (
            self.driver.shared_memory(size * each) for each in
            (DESCRIPTOR_BYTES, DESCRIPTOR_BYTES, self.settings.tx_stride, self.settings.buffer_bytes))

    def open(self) -> Steps:
        """Program and enable both rings; heads and tails are 0, nothing is posted. DriverFault if one does not come on."""
        for registers, base in ((self.tx, self.tx_ring), (self.rx, self.rx_ring)):
            yield from self._program(registers, base)
        self.is_open = True

    def _program(self, registers: RingRegisters, base: int) -> Steps:
        write, q = self.handle.write, self.index
        write(registers.base_low[q], base & 0xFFFFFFFF)
        write(registers.base_high[q], base >> 32)
        write(registers.length[q], self.settings.ring_size * DESCRIPTOR_BYTES)
        write(registers.head[q], 0)
        write(registers.tail[q], 0)
        control = registers.control.ENABLE.mask
        if registers.buffers is not None:
            srrctl = registers.buffers
            write(srrctl[q], srrctl.BSIZEPACKET.put(self.settings.buffer_bytes // 1024)
                  | srrctl.DESCTYPE.put(descriptors.DESCTYPE_ADVANCED) | srrctl.DROP_EN.put(self.settings.drop))
        if registers.writeback_low is not None and registers.writeback_high is not None:
            write(registers.writeback_low[q], 0)
            write(registers.writeback_high[q], 0)
            control |= registers.control.WTHRESH.put(self.settings.wthresh)
        write(registers.control[q], control)
        enable = registers.control.ENABLE.mask
        yield from self.driver.poll(registers.control[q], enable, enable)

    def start_agent(self) -> None:
        """Hand both rings, open and with nothing posted, to a ring agent in the data plane. ValueError if it cannot be."""
        s = self.settings
        self._agent = self.handle.start_ring_agent(
            tx_ring=self.index, rx_ring=self.index, flow=s.flow, tx_buffers=self.tx_buffers,
            rx_buffers=self.rx_buffers, tx_stride=s.tx_stride, rx_stride=s.buffer_bytes, vector=self.vector,
            irq_latency_ps=s.irq_latency_ps, irq_cost_ps=s.irq_cost_ps, pass_cost_ps=s.pass_cost_ps,
            tx_packet_cost_ps=s.tx_packet_cost_ps, rx_packet_cost_ps=s.rx_packet_cost_ps, tx_batch=s.tx_batch,
            rx_batch=s.rx_batch, rs_batch=s.rs_batch, poll_ps=s.poll_ps, doorbell_cost_ps=s.doorbell_cost_ps)

    def stop_agent(self) -> None:
        """The agent posts nothing more, and still reaps what it posted; without an agent nothing happens."""
        if self._agent is not None:
            self.handle.stop_ring_agent(self._agent)
            self._agent = None

    def drain(self) -> Steps:
        """GEN-STATE-02: wait until what was posted has been sent. Gives up after a while: the wire may be down.

        A descriptor is done before its frame has left, and an agent may be about to post: twice in a row there must be none.
        """
        quiet, deadline = 0, self.driver.ndis.env.now + DRAIN_PATIENCE_PS
        while self.is_open:
            head = yield self.handle.read(self.tx.head[self.index])
            if not self.is_open:
                return                                     # the device has gone meanwhile
            tail = yield self.handle.read(self.tx.tail[self.index])
            quiet = quiet + 1 if head == tail else 0
            if quiet == 2 or self.driver.ndis.env.now >= deadline:
                return
            yield self.driver.ndis.NdisMSleep(DRAIN_POLL_PS)

    def close(self) -> Steps:
        """Disable both rings and wait until the hardware has let go of them. DriverFault if it does not."""
        if not self.is_open:
            return
        self.is_open = False
        for registers in (self.tx, self.rx):
            enable = registers.control.ENABLE.mask
            yield from self.handle.clear_flags(registers.control[self.index], enable)
            yield from self.driver.poll(registers.control[self.index], enable, 0)


class PythonRings:
    """The rings of one open queue pair, run here: frames in, descriptors out, and back on interrupts.

    ``deliver`` gets received frames, without FCS, in order; ``sent`` the owners of frames that have left. Whoever makes it
    calls `start`, and `interrupt` for every message of the pair.
    """

    def __init__(self, pair: QueuePair, deliver: Callable[[list[bytes]], None],
                 sent: Callable[[list[Any]], None] = lambda owners: None):
        self.pair, self.handle, self.deliver, self.sent = pair, pair.handle, deliver, sent
        self.size = pair.settings.ring_size
        self.waiting: deque[tuple[bytes, Any]] = deque()
        self.posted: deque[Any] = deque()      # whose the descriptors are that the hardware has, oldest first
        self.refused = 0                       # frames that no buffer or descriptor can carry
        self._tx_head = self._tx_tail = 0      # head: the oldest descriptor not yet reported done
        self._rx_next = 0                      # the next descriptor that the hardware will complete
        self._parts: list[bytes] = []          # of a frame longer than one buffer

    def start(self) -> None:
        """Give the hardware all Rx buffers but one."""
        for slot in range(self.size - 1):
            self._arm(slot)
        self.handle.write(self.pair.rx.tail[self.pair.index], self.size - 1)

    def send(self, frames: list[bytes], owner: Any = None) -> int:
        """Queue frames (no FCS); returns how many were taken. Empty and too long ones are refused.

        ``sent`` hears of an owner when its frame has left.
        """
        good = [frame for frame in frames if 0 < len(frame) <= self.pair.settings.tx_stride]
        self.refused += len(frames) - len(good)
        self.waiting.extend((frame, owner) for frame in good)
        self._post()
        return len(good)

    def withdraw(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """Owners of frames that wait for a descriptor, if they are wanted back; their frames are not sent."""
        gone = [owner for _, owner in self.waiting if owner is not None and wanted(owner)]
        self.waiting = deque((frame, owner) for frame, owner in self.waiting if owner not in gone)
        return gone

    def withdraw_all(self) -> list[Any]:
        """Owners of every frame that has not left: the rings have been reset."""
        gone = [owner for owner in (*self.posted, *(owner for _, owner in self.waiting)) if owner is not None]
        self.posted.clear()
        self.waiting.clear()
        self._tx_head = self._tx_tail
        return gone

    def reap_sent(self) -> None:
        """Look what has left, and post what waits for its descriptors."""
        self._reap_tx()
        self._post()

    def room(self) -> int:
        """How many more frames could be posted at once, negative while some wait; reaps what has been sent."""
        self._reap_tx()
        return free(self._tx_head, self._tx_tail, self.size) - len(self.waiting)

    @property
    def idle(self) -> bool:
        """Whether every accepted frame has been reported as sent."""
        return not self.waiting and self._tx_head == self._tx_tail

    def interrupt(self) -> None:
        """Reap what is done in both directions, refill, deliver."""
        self.reap_sent()
        frames = self._reap_rx()
        if frames:
            self.deliver(frames)

    def _post(self) -> None:
        room = free(self._tx_head, self._tx_tail, self.size)
        count = min(room, len(self.waiting))
        for _ in range(count):
            frame, owner = self.waiting.popleft()
            self.posted.append(owner)
            buffer = self.pair.tx_buffers + self._tx_tail * self.pair.settings.tx_stride
            self.handle.memory_write(buffer, frame)
            self.handle.memory_write(self.pair.tx_ring + self._tx_tail * DESCRIPTOR_BYTES,
                                     descriptors.tx_data(buffer, len(frame)))
            self._tx_tail = advance(self._tx_tail, 1, self.size)
        if count:
            self.handle.write(self.pair.tx.tail[self.pair.index], self._tx_tail)

    def _reap_tx(self) -> None:
        owners = []
        while used(self._tx_head, self._tx_tail, self.size):
            where = self.pair.tx_ring + self._tx_head * DESCRIPTOR_BYTES
            if not descriptors.tx_done(self.handle.memory_read(where, DESCRIPTOR_BYTES)):
                break
            self._tx_head = advance(self._tx_head, 1, self.size)
            if (owner := self.posted.popleft()) is not None:
                owners.append(owner)
        if owners:
            self.sent(owners)

    def _reap_rx(self) -> list[bytes]:
        frames = []
        refilled = 0
        while True:
            slot = self._rx_next
            raw = self.handle.memory_read(self.pair.rx_ring + slot * DESCRIPTOR_BYTES, DESCRIPTOR_BYTES)
            done, end, length, _vlan = descriptors.rx_status(raw)
            if not done:
                break
            buffer = self.pair.rx_buffers + slot * self.pair.settings.buffer_bytes
            self._parts.append(self.handle.memory_read(buffer, length))
            if end:
                frames.append(b"".join(self._parts))
                self._parts.clear()
            self._rx_next = advance(slot, 1, self.size)
            self._arm(advance(slot, self.size - 1, self.size))     # the one slot that was not posted
            refilled += 1
        if refilled:
            last = advance(self._rx_next, self.size - 1, self.size)
            self.handle.write(self.pair.rx.tail[self.pair.index], last)
        return frames

    def _arm(self, slot: int) -> None:
        buffer = self.pair.rx_buffers + slot * self.pair.settings.buffer_bytes
        self.handle.memory_write(self.pair.rx_ring + slot * DESCRIPTOR_BYTES, descriptors.rx_read(buffer))
