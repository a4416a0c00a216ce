"""Descriptor fetch, of either direction: which ring's descriptors are read next, and how many (docs/time.md, 5.2 and 6.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.reference.books import Books
from nicmodel.reference.instants import Instants
from nicmodel.reference.rows import Read, Ring, in_turns
from nicmodel.reference.tags import Tags


class Fetch:
    """One read of descriptors an edge; a ring has one out. `arrived(now, read)` when it is on chip: then `take` its descriptors.

    `kind` is the class of its read requests; `on_chip` counts the descriptors that a ring has there, of `cache` at most. A ring
    with fewer than `threshold` fetches more.
    """

    def __init__(self, instants: Instants, arbiter: str, tags: Tags, books: Books, kind: int, rings: dict[int, Ring],
                 on_chip: Callable[[Ring], int], cache: int, threshold: int, arrived: Callable[[int, Read], None]):
        self.arbiter, self.tags, self.books, self.kind, self.rings = arbiter, tags, books, kind, rings
        self.on_chip, self.cache, self.few, self.arrived = on_chip, cache, min(threshold, cache), arrived
        self.policy = tags.config.fetch
        self.touch = instants.arbiter(arbiter, self.decide)
        self.last = -1                                   # the ring last granted

    def decide(self, now: int) -> None:
        ring = self._next_ring()
        if ring is None:
            return
        self.last = ring.number
        n = min(ring.to_fetch, self.cache - self.on_chip(ring), ring.size - ring.next)
        ring.fetch = Read(ring, ring.function, ring.config.domain, self.arrived)
        ring.fetching, ring.fetched_at = n, now
        self.books.grant(self.arbiter)
        self.tags.ask(ring.fetch, self.kind, ring.address_of(ring.next), DESCRIPTOR_BYTES * n, DESCRIPTOR_BYTES * n)
        ring.next = (ring.next + n) % ring.size
        self.touch()

    def _next_ring(self) -> Ring | None:
        candidates = [ring for ring in in_turns(self.rings, self.last)
                      if ring.open and not ring.fetch and ring.to_fetch and self.on_chip(ring) < self.few]
        if self.policy == "fewest":
            return min(candidates, key=self.on_chip, default=None)       # the first in turns among equals
        return candidates[0] if candidates else None

    def take(self, read: Read) -> list[tuple[int, bytes]]:
        """The descriptors of an answered read, with their places in the ring, which may fetch again."""
        ring: Any = read.owner
        first = (ring.next - ring.fetching) % ring.size
        raw = b"".join(read.pieces)
        ring.fetch, ring.fetching = None, 0
        self.touch()
        return [(first + n, raw[DESCRIPTOR_BYTES * n:DESCRIPTOR_BYTES * (n + 1)]) for n in range(len(raw) // DESCRIPTOR_BYTES)]
