"""The register file: storage and access kinds from the datasheet's rows; behaviour is bound by row.

A block binds what a write does (`on_write`, or `on_change` to know what was there before; both after the generic
access), what a read gives (`on_read`), or which bits a write may change now (`guard`). Unknown offsets read 0 and
ignore writes; nothing here ever reads all ones.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from functools import cache

from nicmodel.datasheet import registers_pf, registers_vf
from nicmodel.datasheet.registers import WORD, Register, registers_of

Written = Callable[[int, int], None]         # (index, value written)
Given = Callable[[int], int]                 # index -> value
Changed = Callable[[int, int, int], None]    # (index, old, new)
Guard = Callable[[int, int, int], int]       # (index, old, new) -> what is stored
MODULES = {"PF": registers_pf, "VF": registers_vf}
log = logging.getLogger(__name__)


def rows_of(kind: str) -> tuple[Register, ...]:
    """The rows of a "PF" or a "VF"."""
    return registers_of(vars(MODULES[kind]))


@cache
def decoder(kind: str, extended: bool = True, rss: bool = True) -> dict[int, tuple[Register, int]]:
    """Offset -> (row, index), aliases included; extension region and RSS of VFs if the adapter has them."""
    table = {}
    for row in rows_of(kind):
        if row.rss and not rss:
            continue
        for index in range(row.count):
            table[row.offset_of(index)] = (row, index)
        for base, stride, first, count in row.aliases:
            for step in range(count):
                table[base + stride * step] = (row, first + step)
    return {offset: found for offset, found in table.items() if extended or offset < registers_pf.EXTENSION_BASE}


class RegisterFile:
    """One function's registers. Behaviour goes by row name, storage by (name of the row it belongs to, index)."""

    def __init__(self, kind: str, extended: bool = True, unknown: set[int] | None = None, rss: bool = True):
        self.kind = kind
        self.table = decoder(kind, extended, rss)
        self.values: dict[tuple[str, int], int] = {}
        self.unknown = set() if unknown is None else unknown         # offsets that no row has, logged once
        self._writes: dict[str, Written] = {}
        self._changes: dict[str, Changed] = {}
        self._reads: dict[str, Given] = {}
        self._guards: dict[str, Guard] = {}

    # binding ------------------------------------------------------------------------------------------------
    def on_write(self, row: Register, do: Written) -> None:
        """`do(index, value)` runs after every write to the row, with the word that was written."""
        self._writes[row.name] = do

    def on_change(self, row: Register, do: Changed) -> None:
        """`do(index, old, new)` runs after every write to the row, with what was and is stored; they may be equal."""
        self._changes[row.name] = do

    def on_read(self, row: Register, give: Given) -> None:
        """`give(index)` is what a read shows, instead of what is stored."""
        self._reads[row.name] = give

    def guard(self, row: Register, allow: Guard) -> None:
        """`allow(index, old, new)` says what a write stores."""
        self._guards[row.name] = allow

    # storage ------------------------------------------------------------------------------------------------
    def get(self, row: Register, index: int = 0) -> int:
        """The stored word, without the side effects of a read."""
        return self.values.get((row.key, index), row.reset)

    def put(self, row: Register, index: int, value: int) -> None:
        """Store a word, without those of a write."""
        self.values[row.key, index] = value & WORD

    def set_bits(self, row: Register, index: int, mask: int) -> None:
        self.put(row, index, self.get(row, index) | mask)

    def clear_bits(self, row: Register, index: int, mask: int) -> None:
        self.put(row, index, self.get(row, index) & ~mask)

    def reset(self, keep: Collection[str] = ()) -> None:
        """Back to the rows' reset values, but for the rows named in `keep`."""
        self.values = {key: value for key, value in self.values.items() if key[0] in keep}

    # accesses -----------------------------------------------------------------------------------------------
    def write(self, offset: int, value: int) -> None:
        """A 32-bit write: the generic access first, then what is bound to the row."""
        found = self.table.get(offset)
        if found is None:
            self._note(offset)
            return
        row, index = found
        key = row.key, index                                         # as `get` and `put` do, without their calls
        old = self.values.get(key, row.reset)
        new = row.effects.after_write(old, value) if row.effects.of_writing else value & WORD
        if row.name in self._guards:
            new = self._guards[row.name](index, old, new)
        self.values[key] = new & WORD
        if row.name in self._writes:
            self._writes[row.name](index, value & WORD)
        if row.name in self._changes:
            self._changes[row.name](index, old, new)

    def read(self, offset: int) -> int:
        """A 32-bit read, with its side effects."""
        found = self.table.get(offset)
        if found is None:
            self._note(offset)
            return 0
        row, index = found
        stored = self.values.get((row.key, index), row.reset)
        value = self._reads[row.name](index) if row.name in self._reads else stored
        if row.effects.of_reading and (after := row.effects.after_read(stored)) != stored:
            self.put(row, index, after)
        return value & row.visible

    def _note(self, offset: int) -> None:
        if offset not in self.unknown:
            self.unknown.add(offset)
            log.warning("no %s register at %#07x: it reads 0 and ignores writes", self.kind, offset)
