"""Receive side scaling: which of its rings a function receives a frame on (docs/time.md, 6.4)."""

from __future__ import annotations

from nicmodel.datasheet.connections import Connection
from nicmodel.datasheet.rss import ENTRIES_A_WORD, KEY_BYTES, TABLE_ENTRIES, hash_input, hash_type_of, toeplitz


class Spread:
    """One function's key, hash types and indirection table; `types` of 0: it has none, and nothing here counts."""

    def __init__(self) -> None:
        self.types, self.entries, self.first = 0, 1, 0
        self.key, self.table = bytearray(KEY_BYTES), bytearray(TABLE_ENTRIES)

    def set_key(self, n: int, word: int) -> None:
        self.key[4 * n:4 * n + 4] = word.to_bytes(4, "little")

    def set_entries(self, n: int, word: int) -> None:
        self.table[ENTRIES_A_WORD * n:ENTRIES_A_WORD * (n + 1)] = word.to_bytes(ENTRIES_A_WORD, "little")

    def ring_for(self, connection: Connection | None) -> int:
        """The ring that the table names for a hash; queue 0 for a frame that has none."""
        kind = hash_type_of(connection, self.types)
        if connection is None or kind is None:
            return self.first
        return self.first + self.table[toeplitz(bytes(self.key), hash_input(connection, kind)) % self.entries]
