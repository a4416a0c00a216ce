"""What moves: packet rows, rings, reads and transfers. Data only; the blocks move them."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import Any

import numpy as np

from nicmodel.datasheet.connections import Connection
from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.pcie_link import PAGE_BYTES
from nicmodel.datasheet.stages import INSIDE, STAGES
from nicmodel.sim.plane import VECTORS_PER_FUNCTION, RingConfig
from nicmodel.sim.results import ROW_DTYPE

STAGE = {name: position for position, name in enumerate(STAGES)}
ADDRESSES = 1 << 64                  # an address has 64 bits: after the last comes 0
UNBOOKED: list[int] = []             # the waits of what no packet follows, and of everything without books


class Row:
    """One packet's life: who it is, where it is, and a timestamp per stage."""

    __slots__ = ("serial", "kind", "outcome", "parent", "function", "ring", "ring_number", "flow", "number", "length",
                 "nbytes", "stamps", "data", "dst", "src", "vlan", "index", "place", "address", "rs", "bad", "begun", "issued",
                 "complete", "room", "on_wire", "vanished", "read", "sender", "connection", "waits", "entered", "seen", "before")

    def __init__(self, serial: int, kind: int, function: int, length: int, nbytes: int):
        self.serial, self.kind, self.function = serial, kind, function
        self.length, self.nbytes = length, nbytes     # on the wire, FCS included; over PCIe
        self.outcome, self.parent, self.flow, self.number, self.ring_number = INSIDE, -1, -1, -1, -1
        self.sender = -1                              # LOOPBACK: the function that sent it
        self.connection: Connection | None = None     # what receive side scaling finds in it
        self.ring: Any = None
        self.stamps = [-1] * len(STAGES)
        self.data: bytes | None = None
        self.dst = self.vlan = 0
        self.src = -1                                 # -1: not known, since none of its bytes moved
        self.index = self.address = 0                 # its descriptor, its buffer
        self.place = 0                                # among the rows of its ring, from 1 on
        self.rs = self.bad = self.begun = self.complete = False
        self.issued = 0                               # bytes for which reads have been issued
        self.room = 0                                 # bytes it holds of a packet buffer
        self.on_wire = False
        self.vanished = False                         # revoked: whatever still refers to it passes it over
        self.read: Read | None = None                 # the payload fetch under way
        self.waits = self.entered = UNBOOKED          # of the books, as are the next two
        self.seen: list[int] | None = None
        self.before = 0                               # waits before it took its room

    @property
    def is_done(self) -> bool:
        """It has ended, and no write-back, interrupt or driver will stamp it any more."""
        if self.outcome == INSIDE:
            return False
        if self.ring is None or not self.ring.open:
            return True
        return self.stamps[STAGE["REAPED" if self.ring.agent else "INTERRUPTED"]] >= 0


def row_array(rows: list[Row]) -> np.ndarray:
    """Rows as Python sees them: [n] of ROW_DTYPE."""
    return np.array([(r.serial, r.kind, r.outcome, r.parent, r.function, r.ring_number, r.flow, r.length, *r.stamps)
                     for r in rows], ROW_DTYPE)


class Ring:
    """A descriptor ring as the plane sees it. Indices wrap here and nowhere else."""

    def __init__(self, number: int, config: RingConfig):
        self.number, self.config = number, config
        self.function, self.size, self.open = config.function, config.size, True
        self.tail = self.next = self.head = config.head   # software's end, next to fetch, next to retire
        self.fetch: Read | None = None                    # the outstanding descriptor read
        self.fetching = 0
        self.fetched_at = 0                               # when that read was asked for
        self.waiting: deque[Any] = deque()                # Tx: rows for the scheduler; Rx: rows for a descriptor
        self.descriptors: deque[tuple[int, int]] = deque()  # Rx: (index, address) on chip
        self.order: deque[Row] = deque()                  # Tx: fetched and not yet handed to reorder
        self.inside = 0                                   # Tx: descriptors fetched and not retired
        self.doorbells: deque[Doorbell] = deque()         # Tx: those with descriptors to fetch
        self.span: list[Row] = []                         # Tx: retired, not yet written back
        self.rows: dict[int, Row] = {}                    # live rows by serial
        self.unreaped: deque[Row] = deque()               # in ring order, until the agent reaps them
        self.count = 0                                    # rows in it so far
        self.visible = 0                                  # of these up to the last whose write-back is in memory
        self.uninterrupted: list[Row] = []
        self.writes: set[Write] = set()                   # under way
        self.agent: Any = None
        self.posted = False                               # some descriptor has been

    @property
    def nbytes(self) -> int:
        return DESCRIPTOR_BYTES * self.size

    @property
    def to_fetch(self) -> int:
        return (self.tail - self.next) % self.size

    def address_of(self, index: int) -> int:
        return (self.config.base + DESCRIPTOR_BYTES * index) % ADDRESSES

    def take(self, row: Row) -> None:
        """A descriptor and its row belong together from now on."""
        self.count += 1
        row.place = self.count
        self.unreaped.append(row)


class Doorbell:
    """A tail write that took effect: how many descriptors it covers that are not fetched, and its stamps."""

    __slots__ = ("covers", "posted", "effect", "waits")

    def __init__(self, covers: int, posted: int, effect: int, waits: list[int]):
        self.covers, self.posted, self.effect, self.waits = covers, posted, effect, waits


class Read:
    """An operation of one or more read requests; complete with the last completion of the last.

    `last` is the request whose last completion came last so far.
    """

    last: Request

    __slots__ = ("owner", "function", "domain", "then", "pending", "pieces", "stale", "last")

    def __init__(self, owner: Any, function: int, domain: int, then: Any):
        self.owner, self.function, self.domain, self.then = owner, function, domain, then
        self.pending = 0
        self.pieces: list[bytes] = []
        self.stale = False


class Request:
    """One read request: a tag, read buffer, one TLP up, completions down."""

    __slots__ = ("read", "address", "nbytes", "kind", "wanted", "piece", "missing", "asked", "waits",
                 "entered", "seen", "before", "own_ps")

    def __init__(self, read: Read, address: int, nbytes: int, kind: int, wanted: int, asked: int,
                 waits: list[int]):
        self.read, self.address, self.nbytes, self.kind = read, address, nbytes, kind
        self.wanted = wanted                              # how many of its bytes anybody will look at
        self.piece = len(read.pieces)
        self.missing = nbytes
        self.asked, self.waits, self.entered = asked, waits, UNBOOKED
        self.seen: list[int] | None = None
        self.before = 0                                   # waits before it took its tag
        self.own_ps = 0                                   # that its completions before the last need the link
        read.pieces.append(b"")
        read.pending += 1

    @property
    def function(self) -> int:
        return self.read.function


class Write:
    """A DMA write, cut into TLPs: [(address, offset, nbytes)]. `landed(now, write)` when all have committed."""

    __slots__ = ("ring", "function", "domain", "cuts", "data", "rows", "landed", "arrived", "last", "moved", "committed",
                 "stale", "announces", "relaxed", "waits")

    def __init__(self, ring: Ring, cuts: list[tuple[int, int, int]], data: bytes | None, landed: Any, rows: list[Row],
                 arrived: Any = None, announces: bool = False, relaxed: bool = False):
        self.ring, self.function, self.domain = ring, ring.function, ring.config.domain
        self.cuts, self.data, self.landed, self.rows, self.arrived = cuts, data, landed, rows, arrived
        self.announces = announces                        # a write-back: the ring's vector requests after it
        self.last = len(cuts) - 1
        self.relaxed = relaxed                            # the RO attribute of its TLPs
        self.moved = self.committed = 0                   # TLPs that WRITERS has moved; that are in memory
        self.stale = False
        self.waits = UNBOOKED                             # of its last TLP
        ring.writes.add(self)

    def bytes_of(self, piece: int) -> bytes | None:
        """What one of its TLPs stores; None if no byte moves."""
        _, offset, nbytes = self.cuts[piece]
        return (self.data or b"")[offset:offset + nbytes] or None


class Message:
    """An MSI-X message: which vector fires, and whose."""

    __slots__ = ("number", "function", "vector")

    def __init__(self, number: int):
        self.number = number                              # among the vectors of all functions
        self.function, self.vector = divmod(number, VECTORS_PER_FUNCTION)


class Transfer:
    """A TLP waiting for, or on, a link direction. `next` joins the line when this one starts."""

    __slots__ = ("age", "ready", "function", "wire_bytes", "data_credits", "relaxed", "ended", "args", "owner", "next",
                 "waits", "entered", "seen")

    def __init__(self, function: int, wire_bytes: int, data_credits: int, ended: Any, args: tuple[Any, ...],
                 owner: Any = None, relaxed: bool = False, waits: list[int] = UNBOOKED):
        self.age = self.ready = 0
        self.function, self.wire_bytes, self.data_credits = function, wire_bytes, data_credits
        self.ended, self.args, self.owner, self.relaxed = ended, args, owner, relaxed
        self.next: Transfer | None = None
        self.waits, self.entered = waits, UNBOOKED
        self.seen: list[int] | None = None


def in_turns(rings: dict[int, Ring], last: int) -> list[Ring]:
    """All rings by number, those after `last` first."""
    numbers = sorted(rings)
    split = bisect_right(numbers, last)
    return [rings[number] for number in (*numbers[split:], *numbers[:split])]


def cut(address: int, nbytes: int, limit: int, natural: bool) -> list[tuple[int, int, int]]:
    """Cut a range at pages and at `limit` bytes (`natural`: at multiples of it): [(address, offset, nbytes)].

    >>> cut(0xff8, 512, 512, False)
    [(4088, 0, 8), (4096, 8, 504)]
    >>> cut(0x1f0, 256, 256, True)
    [(496, 0, 16), (512, 16, 240)]
    >>> cut(ADDRESSES - 16, 48, 256, True)
    [(18446744073709551600, 0, 16), (0, 16, 32)]
    """
    pieces = []
    offset = 0
    while offset < nbytes:
        here = (address + offset) % ADDRESSES
        room = min(PAGE_BYTES - here % PAGE_BYTES, limit - here % limit if natural else limit)
        n = min(nbytes - offset, room)
        pieces.append((here, offset, n))
        offset += n
    return pieces
