"""A plane that only remembers what it was told, and an adapter's register side around it.

    test ── read/write ──► Nic ── set, open_ring, close_ring, reset_function ──► FakePlane.log
                            ▲
              MSI-X, bus mastering, VF Enable: called by the test as pcie would
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.datasheet.registers import Register, RegisterAt
from nicmodel.nic.nic import Nic
from nicmodel.sim.limits import check_words
from nicmodel.sim.plane import TABLES, VECTORS_PER_FUNCTION, Direction, RingConfig

BASE = 0x1_0000_0000
POOLS_16, POOLS_32, POOLS_64 = 1, 2, 3
VALID = 0x80


class FakePlane:
    """Tables as last set, rings that are open, and a log of it all. It refuses what the real planes refuse."""

    def __init__(self, functions: int, rings: int):
        self.num_rings = rings
        self.config: Any = SimpleNamespace(num_functions=functions, num_rings=rings)     # what tables are checked by
        self.log: list[tuple[Any, ...]] = []
        self.tables: dict[str, dict[int, tuple[int, ...]]] = {name: {} for name in TABLES}
        self.rings: dict[tuple[Direction, int], RingConfig] = {}
        self.ends: dict[tuple[Direction, int], dict[str, int]] = {}      # what `ring_state` gives
        self.functions = np.zeros(functions, [(name, np.int64) for name in
                                              ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "drop_spoofed")])

    def set(self, table: str, index: int, words: tuple[int, ...], at: int) -> None:
        check_words(self.config, table, index, words)
        self.log.append(("set", table, index, tuple(words), at))
        self.tables[table][index] = tuple(words)

    def open_ring(self, direction: Direction, ring: int, config: RingConfig, at: int) -> None:
        assert (direction, ring) not in self.rings and 0 <= ring < self.num_rings
        assert 0 <= config.function < len(self.functions) and -1 <= config.vector < VECTORS_PER_FUNCTION
        assert config.size >= 2 and config.base % 16 == 0 and 0 <= config.head < config.size
        self.log.append(("open", direction, ring, config, at))
        self.rings[direction, ring] = config

    def close_ring(self, direction: Direction, ring: int, at: int) -> None:
        self.log.append(("close", direction, ring, at))
        del self.rings[direction, ring]

    def reset_function(self, function: int, at: int) -> None:
        self.log.append(("reset", function, at))
        self.rings = {key: config for key, config in self.rings.items() if config.function != function}

    def ring_state(self, direction: Direction, ring: int) -> dict[str, int]:
        return self.ends.get((direction, ring), {"head": 0, "tail": 0})

    def results(self) -> dict[str, Any]:
        return {"functions": self.functions}


class FakeMsix:
    """MSI-X of one function. Vectors in `masked` are held back and pend."""

    def __init__(self, *, enabled: bool = True):
        self.enabled = enabled
        self.masked: set[int] = set()
        self.pending: set[int] = set()

    def deliverable(self, vector: int) -> bool:
        return self.enabled and vector not in self.masked

    def pend(self, vector: int) -> None:
        self.pending.add(vector)


class Adapter:
    """A `Nic` on a `FakePlane`, with the verbs of a test. Accesses name a row; the function is 0 PF, 1 + v VF v."""

    def __init__(self, num_vfs: int = 0, profile: str = "x520", vt_mode: int = POOLS_64):
        self.profile = PROFILES[profile]
        self.plane = FakePlane(1 + self.profile.total_vfs, self.profile.queue_pairs)
        self.now = 1000
        self.later: list[tuple[int, Callable[[], None]]] = []
        self.nic = Nic(self.profile, self.plane, lambda: self.now,  # type: ignore[arg-type]
                       call_later=lambda delay, do: self.later.append((delay, do)), domain_of=lambda f: 100 + f)
        self.msix: dict[int, FakeMsix] = {}
        if num_vfs:
            self.write(0, pf.GCR_EXT, pf.GCR_EXT.VT_MODE.put(vt_mode))
            self.nic.vfs_enabled(num_vfs)

    # accesses
    def write(self, function: int, register: Register | RegisterAt, value: int) -> None:
        self.nic.write(function, 0, register.offset, value)

    def read(self, function: int, register: Register | RegisterAt) -> int:
        return self.nic.read(function, 0, register.offset)

    # what was heard since the last time
    def take(self, *kinds: str) -> list[tuple[Any, ...]]:
        """Entries of the log, without their time; `set` goes by its table's name."""
        log, self.plane.log = self.plane.log, []
        told = [(entry[1:-1] if entry[0] == "set" else entry[:-1]) for entry in log]
        return [entry for entry in told if not kinds or entry[0] in kinds]

    def raised(self) -> list[tuple[int, int]]:
        """(function, vector) of each message asked for since the last time."""
        return [divmod(entry[1], VECTORS_PER_FUNCTION) for entry in self.take("raise")]

    # what a driver and a host do
    def master(self, *functions: int) -> None:
        for function in functions:
            self.nic.bus_master(function, True)

    def interrupts(self, function: int) -> FakeMsix:
        """Enable MSI-X of a function with everything unmasked."""
        self.msix[function] = gate = FakeMsix()
        self.nic.msix_changed(function, gate)  # type: ignore[arg-type]
        return gate

    def start(self, number: int, queue: int = 0, size: int = 64) -> None:
        """Everything a VF's queue pair needs to run, ENABLE last."""
        self.master(1 + number)
        self.allow(number)
        for low, high, length, base in ((vf.VFTDBAL, vf.VFTDBAH, vf.VFTDLEN, BASE),
                                        (vf.VFRDBAL, vf.VFRDBAH, vf.VFRDLEN, BASE + 0x10000)):
            self.write(1 + number, low[queue], base & 0xFFFFFFFF)
            self.write(1 + number, high[queue], base >> 32)
            self.write(1 + number, length[queue], 16 * size)
        self.write(1 + number, vf.VFTXDCTL[queue], vf.VFTXDCTL.ENABLE.mask)
        self.write(1 + number, vf.VFRXDCTL[queue], vf.VFRXDCTL.ENABLE.mask)

    def allow(self, number: int) -> None:
        """The PF's half: master enables and the pool's bits."""
        self.write(0, pf.DMATXCTL, pf.DMATXCTL.TE.mask)
        self.write(0, pf.RXCTRL, pf.RXCTRL.RXEN.mask)
        for row in (pf.VFTE, pf.VFRE):
            self.write(0, row[number // 32], self.read(0, row[number // 32]) | 1 << number % 32)

    def route_mailbox(self, *, pf_vector: int = 1, vf_vector: int = 2) -> None:
        """Mailbox causes of the PF and of every VF go to vectors, unmasked."""
        self.write(0, pf.IVAR_MISC, (pf_vector | VALID) << 8)
        self.write(0, pf.EIMS, pf.EIMS.MAILBOX.mask)
        self.interrupts(0)
        for number in self.nic.vfs:
            self.write(1 + number, vf.VTIVAR_MISC, vf_vector | VALID)
            self.write(1 + number, vf.VTEIMS, 7)
            self.interrupts(1 + number)
