"""The root complex: what has arrived is translated, writes become visible in order, reads wait for them (docs/time.md, 3).

It also answers reads and cuts completions. Memory is memory.py, translation iommu.py. It knows no rings and no packets.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.pcie_link import completion_tlp_bytes
from nicmodel.reference.books import UP, Books
from nicmodel.reference.credits import data_credits
from nicmodel.reference.instants import Instants
from nicmodel.reference.iommu import Iommu
from nicmodel.reference.link import COMPLETION, NONPOSTED, POSTED, Link
from nicmodel.reference.memory import Memory
from nicmodel.reference.rows import UNBOOKED, Request, Transfer, Write
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import TRANSLATION_FAULT, WHOLE_SHARE, Upcall, UpcallKind
from nicmodel.sim.rng import DRAM_STREAM, READ_STREAM, STREAM_STEP, TAIL_STREAM, draw


class Scope:
    """TLPs that are ordered among each other: those of the root complex, or with IDO those of a function."""

    def __init__(self) -> None:
        self.line: deque[PostedTlp | ReadTlp] = deque()      # in order of arrival, up to the last unsettled one
        self.latest = 0                                      # commit set so far


class PostedTlp:
    """A posted TLP at the root complex. Its commit is `do(now, *args)`."""

    def __init__(self, host: Host, function: int, address: int, relaxed: bool, waits: list[int],
                 do: Any, *args: Any):
        self.host, self.function, self.address, self.relaxed = host, function, address, relaxed
        self.do, self.args = do, args
        self.waits, self.entered = waits, UNBOOKED
        self.seen: list[int] | None = None
        self.translated_at = 0
        self.ready = self.committed = False                  # translated; commit set
        self.mapped = True

    def translated(self, now: int, mapped: bool) -> None:
        self.ready, self.mapped, self.translated_at = True, mapped, now
        if not mapped:
            self.host.memory.fault(self.function, TRANSLATION_FAULT, self.address)
        if self.relaxed:
            self.host.set_commit(now, self)
        self.host.advance(now, self.function)


class ReadTlp:
    """A read request at the root complex."""

    def __init__(self, host: Host, request: Request):
        self.host, self.request, self.function = host, request, request.read.function
        self.ready = self.cleared = False                    # translated; no write before it is unsettled
        self.mapped = True
        self.not_before = 0                                  # the commit of the last such write
        self.waits, self.entered = request.waits, UNBOOKED
        self.seen: list[int] | None = None
        self.translated_at = 0

    def translated(self, now: int, mapped: bool) -> None:
        self.ready, self.mapped, self.translated_at = True, mapped, now
        if not mapped:
            self.host.memory.fault(self.function, TRANSLATION_FAULT, self.request.address)
        if self.cleared:
            self.host.sample_in_time(now, self)
        else:
            self.host.advance(now, self.function)


class Host:
    """The order in which memory is touched."""

    def __init__(self, instants: Instants, config: PlaneConfig, up: Link, down: Link, tags: Any,
                 books: Books):
        self.instants, self.config, self.up, self.down, self.tags = instants, config, up, down, tags
        self.books = books
        self.memory = Memory(instants)
        self.iommu = Iommu(instants, config, books)
        self.scopes = [Scope() for _ in range(config.num_functions if config.ido else 1)]
        self.reads_of = [0] * config.num_functions
        self.questions = 0
        self.asked: dict[int, Request] = {}          # message domains: request id -> read

    def scope_of(self, function: int) -> Scope:
        return self.scopes[function if self.config.ido else 0]

    # arrivals ---------------------------------------------------------------------------------------------
    def write_arrived(self, now: int, write: Write, piece: int) -> None:
        """One TLP of a DMA write is at the root complex."""
        if piece == write.last and write.arrived and not write.stale:
            write.arrived(now, write)
        address, _, nbytes = write.cuts[piece]
        if self.memory.is_message(write.domain):
            data = write.bytes_of(piece)
            self.instants.upcalls.append(Upcall(now, UpcallKind.DMA_WRITE, (0, write.function, address, nbytes), data))
            self._write_done(now, write, piece, self.books.fresh())
            return
        waits = write.waits if piece == write.last else self.books.fresh()
        tlp = PostedTlp(self, write.function, address, write.relaxed, waits, self._commit_write, write, piece)
        self.scope_of(write.function).line.append(tlp)
        self._translate(now, write.domain, address, tlp)

    def message_arrived(self, now: int, function: int, do: Any, *args: Any) -> None:
        """An MSI-X message is at the root complex: ordered as a write, never translated."""
        tlp = PostedTlp(self, function, 0, False, self.books.fresh(), lambda at, tlp: do(at, tlp.waits, *args))
        self.scope_of(function).line.append(tlp)
        tlp.translated(now, True)

    def read_arrived(self, now: int, request: Request) -> None:
        """A read request is at the root complex; it waits for the writes of its scope that arrived before it."""
        tlp = ReadTlp(self, request)
        self.scope_of(tlp.function).line.append(tlp)
        self.advance(now, tlp.function)
        self._translate(now, request.read.domain, request.address, tlp)

    def _translate(self, now: int, domain: int, address: int, tlp: PostedTlp | ReadTlp) -> None:
        if self.iommu.on and not self.memory.is_message(domain):
            self.iommu.look_up(now, self.up.began, domain, address, self.memory.range_of(domain), tlp)
        else:
            tlp.translated(now, True)

    # order ------------------------------------------------------------------------------------------------
    def advance(self, now: int, function: int) -> None:
        """Settle a scope's TLPs in order of arrival, up to the first write that is not translated."""
        scope = self.scope_of(function)
        while scope.line:
            tlp = scope.line[0]
            if isinstance(tlp, PostedTlp):
                if not tlp.ready:
                    return
                self.set_commit(now, tlp)
            scope.line.popleft()
            if isinstance(tlp, ReadTlp):
                tlp.cleared, tlp.not_before = True, scope.latest
                if tlp.ready:
                    self.sample_in_time(now, tlp)

    def set_commit(self, now: int, tlp: PostedTlp) -> None:
        if tlp.committed:
            return
        tlp.committed = True
        self.books.wait(tlp, "write_order", now - tlp.translated_at)
        scope = self.scope_of(tlp.function)
        scope.latest = max(scope.latest, now + self.config.write_latency_ps)
        self.instants.at(scope.latest, "MEM_COMMIT", 0, tlp.do, tlp, *tlp.args)

    # posted writes ----------------------------------------------------------------------------------------
    def _commit_write(self, now: int, tlp: PostedTlp, write: Write, piece: int) -> None:
        data = write.bytes_of(piece)
        if data and tlp.mapped:
            self.memory.store(write.domain, write.function, write.cuts[piece][0], data)
        self._write_done(now, write, piece, tlp.waits)

    def _write_done(self, now: int, write: Write, piece: int, waits: list[int]) -> None:
        self.release(now, POSTED, data_credits(write.cuts[piece][2]), waits)
        write.committed += 1
        if write.announces and not write.stale:
            _, offset, nbytes = write.cuts[piece]
            write.ring.visible = write.rows[(offset + nbytes) // DESCRIPTOR_BYTES - 1].place
        if write.committed > write.last:
            write.ring.writes.discard(write)
            if not write.stale:
                write.landed(now, write)

    def release(self, now: int, kind: int, data: int, waits: list[int]) -> None:
        """Credits of a TLP that has waited here."""
        self.up.release(now, kind, data)
        self.books.queue_credits(UP, kind, data, waits)

    # reads ------------------------------------------------------------------------------------------------
    def sample_in_time(self, now: int, tlp: ReadTlp) -> None:
        """A read is cleared and translated: it samples now, or when the writes before it are in memory."""
        if tlp.not_before > now:
            self.instants.at(tlp.not_before, "MEM_READ", 0, self._sample, tlp)
        else:
            self._sample(now, tlp)

    def _sample(self, now: int, tlp: ReadTlp) -> None:
        self.books.wait(tlp, "write_order", now - tlp.translated_at)
        self.release(now, NONPOSTED, 0, tlp.waits)
        request, read = tlp.request, tlp.request.read
        if self.memory.is_message(read.domain):
            number = self.questions = self.questions + 1
            self.asked[number] = request
            self.instants.upcalls.append(Upcall(now, UpcallKind.DMA_READ,
                                                (number, read.function, request.address, request.nbytes)))
            return
        if request.wanted:
            read.pieces[request.piece] = (self.memory.load(read.domain, read.function, request.address, request.wanted)
                                          if tlp.mapped else bytes(request.wanted))
        self.instants.at(now + self._latency(read.function), "READ_DONE", 0, self.answer, request)

    def _latency(self, function: int) -> int:
        """From sampling to the answer: a constant, jitter, and what some reads pay."""
        config, serial = self.config, self.reads_of[function]
        self.reads_of[function] += 1

        def drawn(purpose: int, below: int) -> int:
            return draw(config.seed, purpose * STREAM_STEP + function, serial, below)

        parts = (config.read_latency_ps, config.remote_ps, drawn(READ_STREAM, config.read_jitter_ps + 1),
                 config.dram_ps if drawn(DRAM_STREAM, WHOLE_SHARE) < config.dram_share else 0,
                 config.tail_ps if drawn(TAIL_STREAM, WHOLE_SHARE) < config.tail_share else 0)
        return sum(parts)

    def dma_answer(self, now: int, number: int, data: bytes) -> None:
        """The owner of a message domain answers a read."""
        request = self.asked.pop(number)
        request.read.pieces[request.piece] = data[:request.wanted]
        self.answer(now, request)

    def answer(self, now: int, request: Request) -> None:
        """Queue the completions of a read: all of them, or the first, which brings the others one by one."""
        completions = [Transfer(request.read.function, completion_tlp_bytes(nbytes), data_credits(nbytes),
                                self.tags.completed, (request, nbytes), None, self.tags.relaxed(request))
                       for nbytes in self.completion_sizes(request)]
        request.own_ps = self.down.transfer_ps(completions[:-1])
        if self.config.completions == "burst":
            completions[-1].waits = request.waits
            for completion in completions:
                self.down.queue(now, COMPLETION, completion)
        else:
            for completion, follower in zip(completions, completions[1:], strict=False):
                completion.next = follower
            for completion in completions:              # one waits where the one before it did
                completion.waits = request.waits
            self.down.queue(now, COMPLETION, completions[0])

    def completion_sizes(self, request: Request) -> list[int]:
        """Cut at multiples of RCB: as long as MPS allows, or with `split_rcb` each at the next multiple."""
        config = self.config
        address, left, sizes = request.address, request.nbytes, []
        while left:
            reach = config.rcb - address % config.rcb if config.split_rcb else config.mps
            end = address + reach
            if address + left > end:
                end -= end % config.rcb
            sizes.append(min(left, end - address))
            address += sizes[-1]
            left -= sizes[-1]
        return sizes
