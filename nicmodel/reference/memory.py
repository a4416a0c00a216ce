"""Host memory by domain: bytes of an arena, or a message domain that has none (docs/time.md, 3)."""

from __future__ import annotations

import numpy as np

from nicmodel.reference.instants import Instants
from nicmodel.sim.plane import READ_FAULT, WRITE_FAULT, Upcall, UpcallKind

NO_ARENA = (0, np.zeros(0, np.uint8))


class Memory:
    """Loads and stores. What lies outside an arena reads as zeros, takes nothing, and is reported.

    A domain that nobody has attached is an arena without bytes.
    """

    def __init__(self, instants: Instants):
        self.instants = instants
        self.arenas: dict[int, tuple[int, np.ndarray | None]] = {}

    def is_message(self, domain: int) -> bool:
        return domain in self.arenas and self.arenas[domain][1] is None

    def arena(self, domain: int) -> tuple[int, np.ndarray]:
        base, memory = self.arenas.get(domain, NO_ARENA)
        assert memory is not None
        return base, memory

    def range_of(self, domain: int) -> range:
        base, memory = self.arena(domain)
        return range(base, base + len(memory))

    def holds(self, domain: int, address: int, nbytes: int) -> bool:
        """Is all of this inside an arena?"""
        if self.is_message(domain):
            return False
        base, memory = self.arena(domain)
        return base <= address <= base + len(memory) - nbytes

    def load(self, domain: int, function: int, address: int, nbytes: int) -> bytes:
        if not self.holds(domain, address, nbytes):
            self.fault(function, READ_FAULT, address)
            return bytes(nbytes)
        base, memory = self.arena(domain)
        return memory[address - base:address - base + nbytes].tobytes()

    def store(self, domain: int, function: int, address: int, data: bytes) -> None:
        if not self.holds(domain, address, len(data)):
            self.fault(function, WRITE_FAULT, address)
            return
        base, memory = self.arena(domain)
        memory[address - base:address - base + len(data)] = np.frombuffer(data, np.uint8)

    def fault(self, function: int, code: int, address: int) -> None:
        self.instants.upcalls.append(Upcall(self.instants.now, UpcallKind.FAULT, (function, code, address)))
