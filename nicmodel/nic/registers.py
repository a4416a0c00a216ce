"""The register file: storage and access kinds from the datasheet's rows; behaviour is bound by row.

A block binds what a write does (`on_write(ROW, do)`, after the generic access) or what a read gives
(`on_read(ROW, give)`). Unknown offsets read 0 and ignore writes; nothing here ever reads all ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from nicmodel.datasheet import registers_pf, registers_vf
from nicmodel.datasheet.registers import Register, registers_of

Written = Callable[[int, int], None]         # (index, value written)
Given = Callable[[int], int]                 # index -> value
WORD = 0xFFFFFFFF
READ_CLEARS = {"RC", "RC_W1C"}
NOT_STORED = {"RO", "WO", "SET", "MAILBOX", "VFLREC"}


@cache
def decoder(kind: str) -> dict[int, tuple[Register, int]]:
    """Offset -> (row, index), aliases and extensions included; `kind` is "PF" or "VF"."""
    rows = registers_of(vars(registers_pf if kind == "PF" else registers_vf))
    table = {}
    for row in rows:
        for index in range(row.count):
            table[row.offset_of(index)] = (row, index)
        for base, stride, first, count in row.aliases:
            for step in range(count):
                table[base + stride * step] = (row, first + step)
    return table


class RegisterFile:
    """One function's registers. Behaviour goes by row name, storage by (row name, index)."""

    def __init__(self, kind: str):
        self.table = decoder(kind)
        self.values: dict[tuple[str, int], int] = {}
        self.unknown: set[int] = set()               # offsets that no row has, seen once
        self._writes: dict[str, Written] = {}
        self._reads: dict[str, Given] = {}

    # binding ------------------------------------------------------------------------------------------------
    def on_write(self, row: Register, do: Written) -> None:
        self._writes[row.name] = do

    def on_read(self, row: Register, give: Given) -> None:
        self._reads[row.name] = give

    # storage ------------------------------------------------------------------------------------------------
    def get(self, row: Register, index: int = 0) -> int:
        return self.values.get((row.name, index), row.reset)

    def put(self, row: Register, index: int, value: int) -> None:
        self.values[row.name, index] = value & WORD

    def reset(self, keep: frozenset[str] = frozenset()) -> None:
        """Back to the rows' reset values, but for the rows named in `keep`."""
        self.values = {key: value for key, value in self.values.items() if key[0] in keep}

    # accesses -----------------------------------------------------------------------------------------------
    def write(self, offset: int, value: int) -> None:
        if offset not in self.table:
            self.unknown.add(offset)
            return
        row, index = self.table[offset]
        old = self.get(row, index)
        if row.access == "W1S":
            self.put(row, index, old | value)
        elif row.access in ("W1C", "RC_W1C"):
            self.put(row, index, old & ~value)
        elif row.access not in NOT_STORED:
            self.put(row, index, value)
        if row.access != "RO" and row.name in self._writes:
            self._writes[row.name](index, value & WORD)

    def read(self, offset: int) -> int:
        if offset not in self.table:
            self.unknown.add(offset)
            return 0
        row, index = self.table[offset]
        if row.name in self._reads:
            value = self._reads[row.name](index)
        elif row.access in ("WO", "SET"):
            value = 0
        else:
            value = self.get(row, index)
        if row.access in READ_CLEARS:
            self.put(row, index, 0)
        return value & WORD
