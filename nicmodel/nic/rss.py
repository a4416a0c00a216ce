"""Receive side scaling of VFs: their registers turned into the plane's key, table and hash types (X550: VFMRQC, VFRSSRK, VFRETA).

It is on while the PF lets every pool have its own (MRQC.MULTIPLE_RSS), the VF has enabled it and named a kind of frame. An
entry names a queue of the pool by its lowest VFPSRTYPE.RQPL bits.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.rss import ALL_TYPES, ENTRIES_A_WORD, TYPES_LSB
from nicmodel.nic.pools import Pools
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import RSS_KEY_STEP, RSS_TABLE_STEP, DataPlane

OFF = (0, 1, 0)                  # words of "rss"


class Rss:
    """The tables of every VF; nothing is told to the plane twice. Adapters without RSS in VFs have no entries."""

    def __init__(self, regs: RegisterFile, plane: DataPlane, stamp: Callable[[], int], pools: Pools, entries: int):
        self.regs, self.plane, self.stamp, self.pools, self.entries = regs, plane, stamp, pools, entries
        self.files: dict[int, RegisterFile] = {}
        self._told: dict[tuple[str, int], tuple[int, ...]] = {}
        regs.on_write(pf.MRQC, lambda _index, _value: self.refresh_all())

    def bind_vf(self, number: int, file: RegisterFile) -> None:
        """A VF exists."""
        if self.entries:
            self.files[number] = file
            for row in (vf.VFMRQC, vf.VFRSSRK, vf.VFRETA, vf.VFPSRTYPE):
                file.on_write(row, lambda _index, _value: self.refresh(number))

    def unbind_vf(self, number: int) -> None:
        """The VF, reset by now, is gone."""
        self.files.pop(number, None)

    def refresh_all(self) -> None:
        for number in self.files:
            self.refresh(number)

    def refresh(self, number: int) -> None:
        """Tell the plane what has changed of a VF's registers, or around them. A table is complete before it counts."""
        file = self.files.get(number)
        if file is None:
            return
        function, queues = 1 + number, self._queue_mask(file)
        for n in range(vf.VFRSSRK.count):
            self._tell("rss_key", RSS_KEY_STEP * function + n, (file.get(vf.VFRSSRK, n),), (0,))
        for n in range(self.entries // ENTRIES_A_WORD):
            self._tell("rss_table", RSS_TABLE_STEP * function + n, (file.get(vf.VFRETA, n) & 0x01010101 * queues,), (0,))
        self._tell("rss", function, self._words(number, file), OFF)

    def _queue_mask(self, file: RegisterFile) -> int:
        """The bits of an entry that name a queue."""
        named = (1 << vf.VFPSRTYPE.RQPL.get(file.get(vf.VFPSRTYPE))) - 1
        return named & max(0, self.pools.queues_per_pool - 1)

    def _words(self, number: int, file: RegisterFile) -> tuple[int, ...]:
        types, first = file.get(vf.VFMRQC) >> TYPES_LSB & ALL_TYPES, self.pools.vf_queue(number, 0)
        on = self.regs.get(pf.MRQC) & pf.MRQC.MULTIPLE_RSS.mask and file.get(vf.VFMRQC) & vf.VFMRQC.RSSEN.mask
        return (types, self.entries, first) if on and types and first is not None else OFF

    def _tell(self, table: str, index: int, words: tuple[int, ...], reset: tuple[int, ...]) -> None:
        if self._told.get((table, index), reset) != words:
            self._told[table, index] = words
            self.plane.set(table, index, words, self.stamp())
