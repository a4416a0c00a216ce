"""The IOMMU: an IOTLB, page walks that merge, and the walkers that do them (docs/time.md, 3).

It translates or blocks; the order in which memory is touched afterwards is the root complex's business (host.py).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Protocol

from nicmodel.reference.books import WALKERS, Books
from nicmodel.reference.instants import LINE, NO_CAUSE, SERVER, TURN, Instants
from nicmodel.reference.rows import UNBOOKED
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import DEFAULT_PAGE_SHIFT

Key = tuple[int, int, int]                       # domain, page shift, page


class Untranslated(Protocol):
    """A TLP at the root complex that may have to wait for a walk."""

    waits: list[int]
    entered: list[int]
    seen: list[int] | None

    @property
    def function(self) -> int: ...

    def translated(self, now: int, mapped: bool) -> None: ...


class Walk:
    """One page walk: of the function of its first TLP, for all TLPs that need the page meanwhile."""

    def __init__(self, key: Key, mapped: bool, first: Untranslated):
        self.key, self.mapped, self.function = key, mapped, first.function
        self.waiting = [first]
        self.waits = self.entered = UNBOOKED                      # its TLPs have clocks; the walk itself is sampled
        self.seen: list[int] | None = None


class Iommu:
    """Keys that are known, walks that wait, walks that run."""

    def __init__(self, instants: Instants, config: PlaneConfig, books: Books):
        self.instants, self.config, self.books = instants, config, books
        self.touch = instants.arbiter("WALKERS", self.decide)
        self.iotlb: OrderedDict[Key, None] = OrderedDict()        # the least recently used first
        self.walks: dict[Key, Walk] = {}                          # waiting or running
        self.queue: deque[Walk] = deque()
        self.walkers: list[Walk | None] = [None] * config.walkers
        self.last_function = config.num_functions - 1
        self.page_shifts: dict[int, list[tuple[int, int]]] = {}   # of a domain: since when, and what

    @property
    def on(self) -> bool:
        return self.config.iotlb_entries > 0

    def key_of(self, began: int, domain: int, address: int) -> Key:
        shift = next((shift for since, shift in reversed(self.page_shifts.get(domain, [])) if since <= began),
                     DEFAULT_PAGE_SHIFT)
        return domain, shift, address >> shift

    # lookup -----------------------------------------------------------------------------------------------
    def look_up(self, now: int, began: int, domain: int, address: int, arena: range, tlp: Untranslated) -> None:
        """A TLP has arrived that began its transfer at `began`: it is translated at once, or waits for a walk of its page."""
        key = self.key_of(began, domain, address)
        if key in self.iotlb:
            self.iotlb.move_to_end(key)
            tlp.translated(now, True)
        elif key in self.walks:
            self.walks[key].waiting.append(tlp)
            self.books.enters(tlp, LINE["walk_queue"], now)       # in vain if the walk runs: it leaves at its start
        else:
            _, shift, page = key
            mapped = page << shift < arena.stop and (page + 1) << shift > arena.start
            walk = self.walks[key] = Walk(key, mapped, tlp)
            self.queue.append(walk)
            self.books.enters(tlp, LINE["walk_queue"], now)
            self.books.sample(walk, LINE["walk_queue"])
            self.touch()

    # the walkers ------------------------------------------------------------------------------------------
    def decide(self, now: int) -> None:
        while self.queue and None in self.walkers:
            walk = self._next_walk()
            self.queue.remove(walk)
            self.last_function = walk.function
            walker = self.walkers.index(None)
            self.walkers[walker] = walk
            for tlp in walk.waiting:
                self.books.leaves(tlp, LINE["walk_queue"], now)
            self.books.sampled(walk, LINE["walk_queue"])
            self.books.serve(WALKERS, walk.function, self.config.walk_ps)
            self.books.grant("WALKERS")
            self.instants.at(now + self.config.walk_ps, "WALK_DONE", walker, self._done, walker)
        cause = NO_CAUSE if not self.queue else TURN if None in self.walkers else SERVER
        self.instants.blame(LINE["walk_queue"], cause, now)

    def _next_walk(self) -> Walk:
        if self.config.walks == "oldest":
            return self.queue[0]
        functions = self.config.num_functions
        return min(self.queue, key=lambda walk: (walk.function - self.last_function - 1) % functions)

    def _done(self, now: int, walker: int) -> None:
        walk = self.walkers[walker]
        assert walk
        self.walkers[walker] = None
        del self.walks[walk.key]
        if walk.mapped:
            if len(self.iotlb) == self.config.iotlb_entries:
                self.iotlb.popitem(last=False)
            self.iotlb[walk.key] = None
        for tlp in walk.waiting:
            tlp.translated(now, walk.mapped)
        self.touch()
