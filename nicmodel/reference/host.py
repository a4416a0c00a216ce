"""The root complex and host memory: posted writes commit in order, reads wait for them (docs/time.md, 3).

It also cuts completions. It knows no rings and no packets.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nicmodel.datasheet.pcie_link import DATA_CREDIT_BYTES, completion_tlp_bytes
from nicmodel.reference.instants import Instants
from nicmodel.reference.link import COMPLETION, NONPOSTED, POSTED, Link
from nicmodel.reference.rows import Request, Transfer, Write
from nicmodel.sim.plane import PlaneConfig, Upcall, UpcallKind
from nicmodel.sim.rng import READ_STREAM, draw

READ_FAULT, WRITE_FAULT = 1, 2


class Host:
    """Memory by domain, and the order in which it is touched."""

    def __init__(self, instants: Instants, config: PlaneConfig, up: Link, down: Link, tags: Any):
        self.instants, self.config, self.up, self.down, self.tags = instants, config, up, down, tags
        self.arenas: dict[int, tuple[int, np.ndarray | None]] = {}
        self.last_commit = 0
        self.reads_of = [0] * config.num_functions
        self.questions = 0
        self.asked: dict[int, Request] = {}          # message domains: request id -> read

    # memory -----------------------------------------------------------------------------------------------
    def is_message(self, domain: int) -> bool:
        return self.arenas[domain][1] is None

    def load(self, domain: int, function: int, address: int, nbytes: int) -> bytes:
        base, memory = self.arenas[domain]
        assert memory is not None
        if not base <= address <= base + len(memory) - nbytes:
            self._fault(function, READ_FAULT, address)
            return bytes(nbytes)
        return memory[address - base:address - base + nbytes].tobytes()

    def store(self, domain: int, function: int, address: int, data: bytes) -> None:
        base, memory = self.arenas[domain]
        assert memory is not None
        if not base <= address <= base + len(memory) - len(data):
            self._fault(function, WRITE_FAULT, address)
            return
        memory[address - base:address - base + len(data)] = np.frombuffer(data, np.uint8)

    def _fault(self, function: int, code: int, address: int) -> None:
        self.instants.upcalls.append(Upcall(self.instants.now, UpcallKind.FAULT, (function, code, address)))

    # posted writes ----------------------------------------------------------------------------------------
    def write_arrived(self, now: int, write: Write, piece: int) -> None:
        """One TLP of a DMA write is at the root complex."""
        if piece == write.last and write.arrived and not write.stale:
            write.arrived(now, write)
        if self.is_message(write.domain):
            self._commit_write(now, write, piece, True)
        else:
            self.posted_commit(now, self._commit_write, write, piece, False)

    def posted_commit(self, now: int, do: Any, *args: Any) -> None:
        """Schedule the commit of a posted TLP that has arrived: in order, write_latency later."""
        self.last_commit = max(self.last_commit, now + self.config.write_latency_ps)
        self.instants.at(self.last_commit, "MEM_COMMIT", 0, do, *args)

    def _commit_write(self, now: int, write: Write, piece: int, message: bool) -> None:
        address, offset, nbytes = write.cuts[piece]
        data = None if write.data is None else write.data[offset:offset + nbytes]
        if message:
            self.instants.upcalls.append(Upcall(now, UpcallKind.DMA_WRITE, (0, write.function, address, nbytes), data))
        elif data:
            self.store(write.domain, write.function, address, data)
        self.up.release(now, POSTED, -(-nbytes // DATA_CREDIT_BYTES))
        if piece == write.last:
            write.ring.writes.discard(write)
            if not write.stale:
                write.landed(now, write)

    # reads ------------------------------------------------------------------------------------------------
    def read_arrived(self, now: int, request: Request) -> None:
        """A read request is at the root complex; it waits for the writes that arrived before it."""
        if self.last_commit <= now:
            self._sample(now, request)
        else:
            self.instants.at(self.last_commit, "MEM_READ", 0, self._sample, request)

    def _sample(self, now: int, request: Request) -> None:
        self.up.release(now, NONPOSTED, 0)
        read = request.read
        if self.is_message(read.domain):
            number = self.questions = self.questions + 1
            self.asked[number] = request
            self.instants.upcalls.append(Upcall(now, UpcallKind.DMA_READ,
                                                (number, read.function, request.address, request.nbytes)))
            return
        if request.wanted:
            read.pieces[request.piece] = self.load(read.domain, read.function, request.address, request.wanted)
        serial = self.reads_of[read.function]
        self.reads_of[read.function] += 1
        jitter = draw(self.config.seed, READ_STREAM * 4096 + read.function, serial, self.config.read_jitter_ps + 1)
        self.instants.at(now + self.config.read_latency_ps + jitter, "READ_DONE", 0, self.answer, request)

    def dma_answer(self, now: int, number: int, data: bytes) -> None:
        """The owner of a message domain answers a read."""
        request = self.asked.pop(number)
        request.read.pieces[request.piece] = data[:request.wanted]
        self.answer(now, request)

    def answer(self, now: int, request: Request) -> None:
        """Queue the completions of a read, cut at multiples of RCB."""
        config = self.config
        address, left = request.address, request.nbytes
        while left:
            reach = config.rcb - address % config.rcb if config.split_rcb else config.mps
            end = address + reach
            if address + left > end:
                end -= end % config.rcb
            nbytes = min(left, end - address)
            self.down.queue(now, COMPLETION, Transfer(completion_tlp_bytes(nbytes), 0, self.tags.completed,
                                                      (request, nbytes), None))
            address += nbytes
            left -= nbytes
