"""Ring agents: the compiled half of a miniport, on a CPU core (docs/time.md, 8)."""

from __future__ import annotations

from collections import deque
from typing import Any

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES, rx_read, rx_status, tx_data, tx_done
from nicmodel.datasheet.ethernet import FCS_BYTES
from nicmodel.datasheet.stages import DELIVERED, INSIDE
from nicmodel.reference.receive import Flow
from nicmodel.reference.rows import ADDRESSES, STAGE, Ring, Row
from nicmodel.reference.transmit import moved
from nicmodel.sim.plane import NEVER, AgentConfig, Direction


class Agent:
    """One queue pair's driver: reap, refill, post, ring, wait."""

    def __init__(self, number: int, config: AgentConfig, tx: Ring | None, rx: Ring | None, flow: Flow | None,
                 plane: Any):
        self.number, self.config, self.tx, self.rx, self.flow, self.plane = number, config, tx, rx, flow, plane
        self.core = plane.cores.core_for(config.core)
        self.woken = self.by_interrupt = self.rx_due = self.dead = False
        self.ringless = False                              # it was to start, and got no ring: dead, too
        self.doing = (0, 0, 0)                             # the pass under way: reaped, received, posts
        self.looked = False                                # and whether it has looked for received frames
        self.tx_next = self.tx_used = 0
        self.tx_posted = 0
        self.marks: deque[tuple[int, int]] = deque()       # (index of an RS descriptor, descriptors it reports)
        self.rx_clean = 0
        self.timer = -1
        self.passes = self.looks = self.received = 0
        self.began = -1                                    # the pass under way, or the last
        self.busy_ps = 0                                   # of all passes begun
        if tx:
            self.tx_next = tx.tail
        if rx:
            self.rx_clean = rx.tail

    @property
    def stopped(self) -> bool:
        """It posts nothing more."""
        return self.number in self.plane.stopped

    def works_in(self, domain: int) -> bool:
        """Does it run, with a ring in this domain?"""
        return not self.dead and any(ring.config.domain == domain for ring in (self.tx, self.rx) if ring)

    def start(self, now: int) -> None:
        if self.rx:
            for step in range(self.rx.size - 1):
                self._post_rx((self.rx_clean + step) % self.rx.size)
            self._ring_bell(now, Direction.RX, self.rx.number, (self.rx_clean + self.rx.size - 1) % self.rx.size)
        self.wake(now, False)

    def wake(self, now: int, by_interrupt: bool) -> None:
        """By its start, an interrupt or a poll: it looks for received frames."""
        self.by_interrupt |= by_interrupt
        self.rx_due = True
        self._wake_to_send(now)

    def _wake_to_send(self, _now: int) -> None:
        """By an offered packet, or to go on: of received frames it takes no notice unless that is due."""
        if self.dead:
            return
        self.woken = True
        self.plane.cores.join(self)

    def _poll(self, now: int, looks: int) -> None:
        """A poll falls due; it is void if there has been another look since it was set."""
        if looks == self.looks:
            self.wake(now, False)

    # a pass -----------------------------------------------------------------------------------------------
    def begin_pass(self, now: int) -> int:
        """Its core gives this agent its turn: look at memory, decide what to do; returns what that costs."""
        config = self.config
        self.passes += 1
        self.began = now
        by_interrupt, self.woken, self.by_interrupt = self.by_interrupt, False, False
        self.looked, self.rx_due = self.rx_due, False
        self.looks += self.looked
        reaped, received = self._completed_tx(), self._completed_rx() if self.looked else 0
        posts = self._may_post(now, reaped)
        self.doing = (reaped, received, posts)
        bells = (received > 0) + (posts > 0)
        return min(NEVER, config.pass_cost_ps + (config.irq_cost_ps if by_interrupt else 0) + posts * config.tx_packet_cost_ps
                   + received * config.rx_packet_cost_ps + bells * config.doorbell_cost_ps)

    def _completed_tx(self) -> int:
        reaped = 0
        while self.tx and self.marks and reaped < self.config.tx_batch:
            index, reports = self.marks[0]
            if not (self._is_written(self.tx, reaped + reports) and tx_done(self._descriptor(self.tx, index))):
                break
            reaped += reports
            self.marks.popleft()
        return reaped

    def _completed_rx(self) -> int:
        received = 0
        while self.rx and received < min(self.config.rx_batch, self.rx.size - 1) and self._is_written(self.rx, received + 1):
            done, *_ = rx_status(self._descriptor(self.rx, (self.rx_clean + received) % self.rx.size))
            if not done:
                break
            received += 1
        return received

    @staticmethod
    def _is_written(ring: Ring, count: int) -> bool:
        """Has the adapter written back so many more? A DD that something else has left there is not believed before."""
        return count <= len(ring.unreaped) and ring.unreaped[count - 1].place <= ring.visible

    def _may_post(self, now: int, reaped: int) -> int:
        if not self.tx or not self.flow or self.stopped:
            return 0
        flow, config = self.flow, self.flow.config
        limit = min(self.tx.size - 1 - (self.tx_used - reaped), self.config.tx_batch)
        if config.count >= 0:
            limit = min(limit, config.count - flow.sent)
        posts = 0
        while posts < limit and flow.nominal(flow.sent + posts) <= now:
            posts += 1
        return posts

    def end_pass(self, now: int) -> None:
        if self.dead:
            return
        config = self.config
        reaped, received, posts = self.doing
        if self.tx:
            self.tx_used -= reaped
            for _ in range(reaped):
                self.tx.unreaped.popleft().stamps[STAGE["REAPED"]] = now
        if self.rx and received:
            self.received += received
            for _ in range(received):
                self._receive(now, self.rx.unreaped.popleft())
                self._post_rx((self.rx_clean - 1) % self.rx.size)      # the one slot that is not posted
                self.rx_clean = (self.rx_clean + 1) % self.rx.size
            self._ring_bell(now, Direction.RX, self.rx.number, (self.rx_clean - 1) % self.rx.size)
        if posts:
            self._post_tx(now, posts)
        self.rx_due |= self.rx is not None and received >= config.rx_batch
        if config.poll_ps and self.looked and not self.rx_due:
            self.plane.instants.at(now + config.poll_ps, "AGENT_WAKE", self.number, self._poll, self.looks)
        full = self.tx is not None and max(reaped, posts) >= config.tx_batch
        if full or self.rx_due or self.woken or self._may_post(now, 0):
            self._wake_to_send(now)
        else:
            self._wait_for_an_offer()

    def _wait_for_an_offer(self) -> None:
        flow = self.flow
        if (self.tx and flow and not self.stopped and not flow.finished and self.tx_used < self.tx.size - 1):
            offered = flow.nominal(flow.sent)
            if self.timer != offered:
                self.timer = offered
                self.plane.instants.at(offered, "AGENT_WAKE", self.number, self._wake_to_send)

    # what it does to memory -------------------------------------------------------------------------------
    def _descriptor(self, ring: Ring, index: int) -> bytes:
        return self.plane.host.memory.load(ring.config.domain, ring.function, ring.address_of(index),
                                           DESCRIPTOR_BYTES)

    def _store(self, ring: Ring, address: int, data: bytes) -> None:
        """As a CPU does: of what is outside nobody hears."""
        memory = self.plane.host.memory
        if memory.holds(ring.config.domain, address, len(data)):
            memory.store(ring.config.domain, ring.function, address, data)

    def _post_rx(self, index: int) -> None:
        assert self.rx
        buffer = (self.config.rx_buffers + index * self.config.rx_stride) % ADDRESSES
        self._store(self.rx, self.rx.address_of(index), rx_read(buffer))

    def _post_tx(self, now: int, posts: int) -> None:
        assert self.tx and self.flow
        tx, flow = self.tx, self.flow
        since_mark = 0                                   # the pass before ended with a report
        for step in range(posts):
            packet = flow.sent
            flow.sent += 1
            self.tx_posted += 1
            since_mark += 1
            nbytes = flow.size(packet) - FCS_BYTES
            buffer = (self.config.tx_buffers + self.tx_next * self.config.tx_stride) % ADDRESSES
            wanted = moved(self.plane.config.payload, nbytes)
            if wanted:
                self._store(tx, buffer, flow.frame(packet)[:wanted])
            rs = self.tx_posted % self.config.rs_batch == 0 or step == posts - 1
            self._store(tx, tx.address_of(self.tx_next), tx_data(buffer, nbytes, rs=rs))
            if rs:
                self.marks.append((self.tx_next, since_mark))
                since_mark = 0
            self.tx_next = (self.tx_next + 1) % tx.size
        self.tx_used += posts
        self._ring_bell(now, Direction.TX, tx.number, self.tx_next)

    def _receive(self, now: int, row: Row) -> None:
        row.stamps[STAGE["REAPED"]] = now
        if row.outcome == INSIDE:
            row.outcome = DELIVERED
            self.plane.books.wait(row, "driver", self.began - row.stamps[STAGE["WRITTEN_BACK"]])
            self.plane.count_received(now, row)

    def _ring_bell(self, now: int, kind: int, ring: int, tail: int) -> None:
        self.plane.registers.write_tail(now, self.config.function, kind, ring, tail)
