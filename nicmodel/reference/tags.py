"""Tags and read buffer: the pool that every read asks (docs/time.md, 4)."""

from __future__ import annotations

from collections import deque

from nicmodel.datasheet.pcie_link import memory_tlp_bytes
from nicmodel.reference.host import Host
from nicmodel.reference.instants import LINE, NO_CAUSE, POOL, TURN, Instants
from nicmodel.reference.link import NONPOSTED, Link
from nicmodel.reference.rows import Read, Request, Transfer, cut
from nicmodel.sim.plane import PlaneConfig

RX_DESCRIPTOR, TX_DESCRIPTOR, PAYLOAD = 0, 1, 2
CLASSES = ("rx_descriptor", "tx_descriptor", "payload")


class Tags:
    """Three classes of waiting requests, one pool of tags, one read buffer."""

    host: Host

    def __init__(self, instants: Instants, config: PlaneConfig, up: Link):
        self.instants, self.config, self.up = instants, config, up
        self.touch = instants.arbiter("TAGS", self.decide)
        self.free = config.tags
        self.buffer = config.read_buffer
        self.lines: list[deque[Request]] = [deque() for _ in CLASSES]
        self.turn = 0

    def ask(self, read: Read, kind: int, address: int, nbytes: int, wanted: int) -> None:
        """A block asks for part of a read; cut to MRRS and pages, each piece a request in line."""
        for where, offset, n in cut(address, nbytes, self.config.mrrs, False):
            self.lines[kind].append(Request(read, where, n, kind, max(0, min(n, wanted - offset))))
        self.touch()

    def decide(self, now: int) -> None:
        looked = 0
        while looked < len(CLASSES):
            kind = (self.turn + looked) % len(CLASSES)
            line = self.lines[kind]
            if line and self.free and self.buffer >= line[0].nbytes:
                self._grant(now, line.popleft())
                self.turn = (kind + 1) % len(CLASSES)
                looked = 0
            else:
                looked += 1
        for kind, name in enumerate(CLASSES):
            head = self.lines[kind][0] if self.lines[kind] else None
            lacking = head and (not self.free or self.buffer < head.nbytes)
            self.instants.blame(LINE[name], NO_CAUSE if head is None else POOL if lacking else TURN, now)

    def _grant(self, now: int, request: Request) -> None:
        self.free -= 1
        self.buffer -= request.nbytes
        wire_bytes = memory_tlp_bytes(request.address, 0)
        self.up.queue(now, NONPOSTED, Transfer(wire_bytes, 0, self.host.read_arrived, (request,), request))

    def give_back(self, request: Request) -> None:
        self.free += 1
        self.buffer += request.nbytes
        self.touch()

    def completed(self, now: int, request: Request, nbytes: int) -> None:
        """One completion has arrived at the adapter."""
        request.missing -= nbytes
        if request.missing:
            return
        self.give_back(request)
        read = request.read
        read.pending -= 1
        if not read.pending and not read.stale:
            read.then(now, read)
