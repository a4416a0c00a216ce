"""The register port, hot registers, and split reads (docs/time.md, 7)."""

from __future__ import annotations

from collections import deque
from typing import Any

from nicmodel.datasheet.pcie_link import completion_tlp_bytes, memory_tlp_bytes
from nicmodel.datasheet.registers import REGISTER_BYTES
from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.reference.books import DOWN, Books
from nicmodel.reference.credits import data_credits
from nicmodel.reference.instants import LINE, NO_CAUSE, SERVER, Instants
from nicmodel.reference.link import COMPLETION, NONPOSTED, POSTED, Link
from nicmodel.reference.rows import UNBOOKED, Transfer
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import PF_FUNCTION, Direction, Upcall, UpcallKind

MMIO_ADDRESS = DOMAIN_BASE           # BARs are above 4 GiB: four-dword headers


class Access:
    """One MMIO access on its way to a register."""

    __slots__ = ("function", "bar", "offset", "value", "posted", "request", "tail", "waits", "entered", "seen")

    def __init__(self, function: int, bar: int, offset: int, value: int, posted: int, request: int,
                 tail: tuple[int, int] | None = None, waits: list[int] = UNBOOKED):
        self.function, self.bar, self.offset, self.value = function, bar, offset, value
        self.posted, self.request = posted, request        # when it was queued; 0 for a write
        self.tail = tail                                   # an agent's doorbell: (kind, ring)
        self.waits, self.entered = waits, UNBOOKED         # of a write: it may be a doorbell
        self.seen: list[int] | None = None


class Registers:
    """Accesses arrive in order, one every register_cycles; hot ones end here, the others in Python."""

    def __init__(self, instants: Instants, config: PlaneConfig, up: Link, down: Link, plane: Any):
        self.instants, self.config, self.up, self.down, self.plane = instants, config, up, down, plane
        self.books: Books = plane.books
        self.touch = instants.arbiter("REGISTER_PORT", self.decide)
        self.line: deque[Access] = deque()
        self.free_at = 0
        self.hot: dict[int, tuple[int, int]] = {}
        self.decodes = [True] * config.num_functions
        self.readers: dict[int, int] = {}                  # split reads under way: request -> function

    def write(self, now: int, function: int, bar: int, offset: int, value: int) -> None:
        """A CPU store to a register leaves the root complex."""
        self._post(now, Access(function, bar, offset, value, now, 0, None, self.books.fresh()))

    def write_tail(self, now: int, function: int, kind: int, ring: int, tail: int) -> None:
        """A ring agent rings a doorbell."""
        self._post(now, Access(function, 0, 0, tail, now, 0, (kind, ring), self.books.fresh()))

    def _post(self, now: int, access: Access) -> None:
        self.down.queue(now, POSTED, Transfer(access.function, memory_tlp_bytes(MMIO_ADDRESS, REGISTER_BYTES),
                                              data_credits(REGISTER_BYTES), self.arrived, (access,), waits=access.waits))

    def read(self, now: int, function: int, bar: int, offset: int, request: int) -> None:
        access = Access(function, bar, offset, 0, now, request)
        self.readers[request] = function
        self.down.queue(now, NONPOSTED, Transfer(function, memory_tlp_bytes(MMIO_ADDRESS, 0), 0, self.arrived, (access,)))

    def arrived(self, now: int, access: Access) -> None:
        self.line.append(access)
        self.books.enters(access, LINE["access"], now)
        self.touch()

    def decide(self, now: int) -> None:
        if self.line and now >= self.free_at:
            access = self.line.popleft()
            self.books.leaves(access, LINE["access"], now)
            self.books.grant("REGISTER_PORT")
            self.free_at = now + self.config.register_cycles * self.config.core_ps
            if access.request:
                self.down.release(now, NONPOSTED, 0)
            else:
                self.down.release(now, POSTED, data_credits(REGISTER_BYTES))
                self.books.queue_credits(DOWN, POSTED, data_credits(REGISTER_BYTES), access.waits)
            self.instants.at(now + self.config.register_latency_cycles * self.config.core_ps, "REGISTER", 0,
                             self.performed, access)
        if self.line:
            self.touch()
        self.books.blame("access", SERVER if self.line else NO_CAUSE, now)

    def performed(self, now: int, access: Access) -> None:
        where = (access.function, access.bar, access.offset)
        hot: tuple[int, int] | None = None
        if self.decodes[access.function]:
            hot = access.tail or self.hot.get(access.function << 32 | access.bar << 24 | access.offset)
        if hot is None:
            kind = UpcallKind.REG_READ if access.request else UpcallKind.REG_WRITE
            self.instants.upcalls.append(Upcall(now, kind, (*where, access.request or access.value)))
            return
        half, number = hot
        ring = (self.plane.transmit if half == Direction.TX else self.plane.receive).rings.get(number)
        if ring and access.function not in (PF_FUNCTION, ring.function):
            ring = None                  # a VF reaches no ring of another function, whatever the hot table still says
        if access.request:
            self.answer(now, access.request, ring.tail if ring else 0)
        elif ring and half == Direction.TX:
            self.plane.transmit.doorbell(now, ring, access)
        elif ring:
            self.plane.receive.doorbell(now, ring, access.value)

    def answer(self, now: int, request: int, value: int) -> None:
        """A read's completion starts its way back."""
        self.up.queue(now, COMPLETION, Transfer(self.readers.pop(request), completion_tlp_bytes(REGISTER_BYTES),
                                                data_credits(REGISTER_BYTES), self._back, (request, value)))

    def _back(self, now: int, request: int, value: int) -> None:
        self.instants.upcalls.append(Upcall(now, UpcallKind.MMIO_DONE, (request, value)))
