"""An MSI-X table and its pending bits (PBA), as one BAR shows them. It sends nothing itself: `fire` does.

    offset 0000h   entry n at 16 n:  address low | address high | data | control (bit 0: masked, reset 1)
    offset 2000h   PBA: one read-only bit per vector

Delivery, per vector: whoever has a cause sends its message if the vector is `deliverable`; else the cause is to `pend`:
of a disabled function it is lost, of an enabled one it sets the PBA bit. A set PBA bit fires, and clears, at the
moment nothing holds it back any more; several causes collapse into one. With bus mastering off the cause is held in
the PBA like a masked one (the specification leaves hold or drop to the device).
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet.config_pf import MSIX_ENTRY_BYTES, MSIX_PBA_OFFSET

CONTROL = 3                  # dword of an entry
MASKED = 1
ALL_ONES = 0xFFFFFFFF


class MsixTable:
    """`vectors` entries. `fire(vector)` sends one message; `changed()` hears when deliverability changes."""

    def __init__(self, vectors: int, fire: Callable[[int], None], changed: Callable[[], None]):
        self.vectors = vectors
        self._fire, self._changed = fire, changed
        self.enabled = self.function_masked = self.bus_master = False
        self.reset()

    def reset(self) -> None:
        """Power-up state of table and PBA: all masked, nothing pending. Nobody is told."""
        self.entries = [[0, 0, 0, MASKED] for _ in range(self.vectors)]
        self.pending = 0                                   # bit n: vector n

    def gate(self, enabled: bool, function_masked: bool, bus_master: bool) -> None:
        """Enable and function mask of the capability, and BME of the function, have these values now."""
        old = self._deliverables()
        self.enabled, self.function_masked, self.bus_master = enabled, function_masked, bus_master
        if not enabled:
            self.pending = 0
        self._settle(old)

    def masked(self, vector: int) -> bool:
        """Is the vector held back by either mask?"""
        return self.function_masked or bool(self.entries[vector][CONTROL] & MASKED)

    def deliverable(self, vector: int) -> bool:
        """Would a cause of this vector send its message now?"""
        return 0 <= vector < self.vectors and self.enabled and self.bus_master and not self.masked(vector)

    def pend(self, vector: int) -> None:
        """Remember a cause that could not be delivered; without MSI-X enabled it is lost."""
        if self.enabled and 0 <= vector < self.vectors:
            self.pending |= 1 << vector

    def clear(self, vector: int) -> None:
        """The cause was served while it pended."""
        self.pending &= ~(1 << vector)

    # the BAR ----------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        """An aligned read of 4 or 8 bytes; others get all ones (Unsupported Request)."""
        if not legal(offset, size):
            return (1 << 8 * size) - 1
        value = self._dword(offset)
        return value | self._dword(offset + 4) << 32 if size == 8 else value

    def _dword(self, offset: int) -> int:
        entry, dword = offset // MSIX_ENTRY_BYTES, offset % MSIX_ENTRY_BYTES // 4
        if entry < self.vectors:
            return self.entries[entry][dword]
        word = (offset - MSIX_PBA_OFFSET) // 4
        return self.pending >> 32 * word & ALL_ONES if 0 <= word < self.vectors else 0

    def write(self, offset: int, size: int, value: int) -> None:
        """An aligned write of 4 or 8 bytes; others, and writes outside the table, are dropped."""
        if not legal(offset, size):
            return
        old = self._deliverables()
        for n in range(size // 4):
            entry, dword = (offset + 4 * n) // MSIX_ENTRY_BYTES, (offset + 4 * n) % MSIX_ENTRY_BYTES // 4
            if entry < self.vectors:
                word = value >> 32 * n & ALL_ONES
                self.entries[entry][dword] = word & (~3, ALL_ONES, ALL_ONES, MASKED)[dword]
        self._settle(old)

    def _deliverables(self) -> list[bool]:
        """`deliverable` of every vector."""
        if self.function_masked or not (self.enabled and self.bus_master):
            return [False] * self.vectors
        return [not entry[CONTROL] & MASKED for entry in self.entries]

    def _settle(self, old: list[bool]) -> None:
        """Something that holds vectors back has changed: tell, then fire what nothing holds back any more."""
        if self._deliverables() == old:
            return
        self._changed()
        for vector in range(self.vectors):
            if self.pending >> vector & 1 and self.deliverable(vector):
                self.clear(vector)
                self._fire(vector)


def legal(offset: int, size: int) -> bool:
    """MSI-X structures take aligned accesses of 4 or 8 bytes."""
    return size in (4, 8) and offset >= 0 and offset % size == 0
