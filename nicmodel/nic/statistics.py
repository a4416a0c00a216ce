"""Statistics registers: the plane's counters, seen from a base (82599 8.2.3.23, 8.3.5.6).

A VF's counters run freely and wrap: reading clears nothing, nor does a reset of the VF (the datasheet does not say; its
drivers resample). The PF's are cleared by reading. A reset of the PF starts all of them again. SSVPC counts a frame by what VMECM
said when it was dropped.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.registers import Register
from nicmodel.nic.registers import RegisterFile

WORD_POOLS = 32                  # pools in a word of a bitmap
HIGH = 32                        # the high half of a pair starts at this bit
PF_ROWS = ((pf.GPRC, "rx_packets"), (pf.GPTC, "tx_packets"))
VF_ROWS = ((vf.VFGPRC, "rx_packets", 0), (vf.VFGORC_LSB, "rx_bytes", 0), (vf.VFGORC_MSB, "rx_bytes", HIGH),
           (vf.VFGPTC, "tx_packets", 0), (vf.VFGOTC_LSB, "tx_bytes", 0), (vf.VFGOTC_MSB, "tx_bytes", HIGH))
COUNTERS = ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes")


class Statistics:
    """Bases of every statistics register. `results()` is the plane's."""

    def __init__(self, regs: RegisterFile, results: Callable[[], dict[str, Any]]):
        self.results = results
        self._base: dict[tuple[int, str], int] = {}          # (function, counter)
        self._read: dict[str, int] = {}                      # PF row -> total at its last read
        self._spoofed: dict[int, int] = {}                   # function -> frames dropped that SSVPC has counted or passed over
        self._ssvpc = 0                                      # frames counted since its last read
        regs.on_change(pf.VMECM, lambda index, old, _new: self._count_spoofed(index, old))
        regs.on_read(pf.SSVPC, lambda _index: self._spoofs(regs))
        for row, counter in PF_ROWS:
            regs.on_read(row, lambda _index, row=row, counter=counter: self._since_read(row, counter))  # type: ignore[misc]

    def bind_vf(self, number: int, file: RegisterFile) -> None:
        """The VF's own registers."""
        for row, counter, shift in VF_ROWS:
            file.on_read(row, lambda _index, c=counter, s=shift: self._count(1 + number, c) >> s)       # type: ignore[misc]

    def _count(self, function: int, counter: str) -> int:
        return int(self.results()["functions"][counter][function]) - self._base.get((function, counter), 0)

    def _since_read(self, row: Register, counter: str) -> int:
        total = int(self.results()["functions"][counter].sum())
        count = total - self._read.get(row.name, 0)
        self._read[row.name] = total
        return count

    def _count_spoofed(self, word: int, pools: int) -> None:
        """SSVPC counts what anti-spoofing has dropped of these pools of a word; what it dropped of the others is passed over."""
        dropped = self.results()["functions"]["drop_spoofed"]
        first = 1 + WORD_POOLS * word                        # pool v is VF v's
        for pool, total in enumerate(dropped[first:first + WORD_POOLS]):
            if pools >> pool & 1:
                self._ssvpc += int(total) - self._spoofed.get(first + pool, 0)
            self._spoofed[first + pool] = int(total)

    def _spoofs(self, regs: RegisterFile) -> int:
        """Frames dropped since the last read, each while VMECM named its pool."""
        for word in range(pf.VMECM.count):
            self._count_spoofed(word, regs.get(pf.VMECM, word))
        count, self._ssvpc = self._ssvpc, 0
        return count

    def reset(self) -> None:
        """Every register counts from here on."""
        functions = self.results()["functions"]
        for counter in COUNTERS:
            for function, count in enumerate(functions[counter]):
                self._base[function, counter] = int(count)
        for row, counter in PF_ROWS:
            self._read[row.name] = int(functions[counter].sum())
        self._ssvpc = 0                                      # VMECM is 0 now: what is older is passed over when it is written
