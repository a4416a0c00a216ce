"""Tags and read buffer: the pool that every read asks (docs/time.md, 4)."""

from __future__ import annotations

from collections import deque

from nicmodel.datasheet.pcie_link import memory_tlp_bytes
from nicmodel.reference.books import Books
from nicmodel.reference.host import Host
from nicmodel.reference.instants import LINE, NO_CAUSE, OWN, POOL, SERVER, TURN, Instants
from nicmodel.reference.link import NONPOSTED, Link
from nicmodel.reference.rows import Read, Request, Transfer, cut
from nicmodel.sim.config import PlaneConfig

RX_DESCRIPTOR, TX_DESCRIPTOR, PAYLOAD = 0, 1, 2
CLASSES = ("rx_descriptor", "tx_descriptor", "payload")


class Tags:
    """Three classes of waiting requests, one pool of tags, one read buffer."""

    host: Host

    def __init__(self, instants: Instants, config: PlaneConfig, up: Link, books: Books):
        self.instants, self.config, self.up, self.books = instants, config, up, books
        self.touch = instants.arbiter("TAGS", self.decide)
        self.free = config.tags
        self.buffer = config.read_buffer
        self.held = [0] * config.num_functions           # tags, by function
        self.lines: list[deque[Request]] = [deque() for _ in CLASSES]
        self.turn = 0                                    # the class that is asked first
        self.last = [config.num_functions - 1] * len(CLASSES)   # the function last granted, by class
        self.next_grant = 0                              # `read_cycles` after the last

    def ask(self, read: Read, kind: int, address: int, nbytes: int, wanted: int) -> None:
        """A block asks for part of a read; cut to MRRS and pages, each piece a request in line."""
        for where, offset, n in cut(address, nbytes, self.config.mrrs, False):
            request = Request(read, where, n, kind, max(0, min(n, wanted - offset)), self.instants.now, self.books.fresh())
            self.lines[kind].append(request)
            self.books.enters(request, LINE[CLASSES[kind]], self.instants.now)
        self.touch()

    # who is next ------------------------------------------------------------------------------------------
    def candidate(self, kind: int) -> Request | None:
        """The request of a class that goes next: none if the class is empty or all its functions hold their cap."""
        cap, functions, last = self.config.tag_cap, self.config.num_functions, self.last[kind]
        allowed = (r for r in self.lines[kind] if not cap or self.held[r.read.function] < cap)
        if self.config.tag_functions == "oldest":
            return next(allowed, None)
        return min(allowed, key=lambda r: (r.read.function - last - 1) % functions, default=None)   # the oldest of equals

    def fits(self, request: Request) -> bool:
        return self.free > self._reserve(request.kind) and self.buffer >= request.nbytes

    def _reserve(self, kind: int) -> int:
        return self.config.tag_reserve if kind == PAYLOAD else 0

    def _choose(self) -> Request | None:
        first = 0 if self.config.tag_classes == "descriptors_first" else self.turn
        for step in range(len(CLASSES)):
            request = self.candidate((first + step) % len(CLASSES))
            if request and self.fits(request):
                return request
        return None

    # the arbiter ------------------------------------------------------------------------------------------
    def decide(self, now: int) -> None:
        cycles = self.config.read_cycles
        if now >= self.next_grant:
            request = self._choose()
            while request:
                self._grant(now, request)
                if cycles:
                    self.next_grant = now + cycles * self.config.core_ps
                    break
                request = self._choose()
        if cycles and self._choose():
            self.touch()                                 # again at the next edge
        causes = [self._cause(kind, now) for kind in range(len(CLASSES))]
        for name, cause in zip(CLASSES, causes, strict=True):
            self.instants.blame(LINE[name], cause, now)
        self.books.review_read_buffer(now, self.buffer if TURN in causes else 0)

    def _cause(self, kind: int, now: int) -> int:
        if not self.lines[kind]:
            return NO_CAUSE
        request = self.candidate(kind)
        if request is None:
            return OWN
        if not self.fits(request):
            return TURN if self.free > self._reserve(kind) else POOL       # read buffer, or a tag
        return SERVER if now < self.next_grant else TURN

    def _grant(self, now: int, request: Request) -> None:
        function = request.read.function
        self.lines[request.kind].remove(request)
        self.turn = (request.kind + 1) % len(CLASSES)
        self.last[request.kind] = function
        self.free -= 1
        self.held[function] += 1
        self.buffer -= request.nbytes
        self.books.leaves(request, LINE[CLASSES[request.kind]], now)
        self.books.take_tag(now, request)
        self.books.grant("TAGS")
        self.up.queue(now, NONPOSTED, Transfer(function, memory_tlp_bytes(request.address, 0), 0, self.host.read_arrived,
                                               (request,), request, self.relaxed(request), request.waits))

    def relaxed(self, request: Request) -> bool:
        """The RO attribute of a read and of its completions."""
        return self.config.relaxed_ordering and request.kind == PAYLOAD

    def give_back(self, request: Request) -> None:
        self.free += 1
        self.held[request.read.function] -= 1
        self.buffer += request.nbytes
        self.books.give_tag(self.instants.now, request)
        self.touch()

    def completed(self, now: int, request: Request, nbytes: int) -> None:
        """One completion has arrived at the adapter."""
        request.missing -= nbytes
        if request.missing:
            return
        self.give_back(request)
        read = request.read
        read.pending -= 1
        read.last = request
        if not read.pending and not read.stale:
            read.then(now, read)
