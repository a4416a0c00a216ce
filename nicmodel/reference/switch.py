"""The switch's tables: filters, default pool, loopback, anti-spoofing; who a frame is for (docs/time.md, 5.8 and 6.3)."""

from __future__ import annotations

from nicmodel.datasheet.connections import ETHERTYPE_VLAN
from nicmodel.datasheet.ethernet import ETHERTYPE_AT, ETHERTYPE_BYTES, HEADER_BYTES, MAC_BYTES, VLAN_MASK
from nicmodel.reference.rows import Row
from nicmodel.sim.plane import CHECK_MAC, CHECK_VLAN

# Parts of a frame; the last is what a tag has behind its ethertype.
DESTINATION, SOURCE = slice(0, MAC_BYTES), slice(MAC_BYTES, ETHERTYPE_AT)
ETHERTYPE, TAG = slice(ETHERTYPE_AT, HEADER_BYTES), slice(HEADER_BYTES, HEADER_BYTES + ETHERTYPE_BYTES)


class Switch:
    """Lookups only: frames pass it in no time of their own."""

    def __init__(self) -> None:
        self.filters: dict[int, tuple[int, int, int]] = {}
        self.default_pool, self.loopback = -1, False
        self.checks: dict[int, int] = {}             # function -> what is checked of the frames that it sends

    def set_filter(self, slot: int, valid: int, mac: int, vlan: int, function: int) -> None:
        self.filters.pop(slot, None)
        if valid:
            self.filters[slot] = (mac, vlan, function)

    def _lookup(self, mac: int, vlan: int) -> int:
        for slot in sorted(self.filters):
            wanted_mac, wanted_vlan, function = self.filters[slot]
            if wanted_mac == mac and wanted_vlan in (-1, vlan):
                return function
        return -1

    def is_spoofed(self, row: Row) -> bool:
        """Whether a transmitted frame says that it comes from an address, or a VLAN, that is not its function's."""
        checks = self.checks.get(row.function, 0)
        if not self.loopback or not checks:
            return False
        self._read_header(row)
        mine = [(mac, vlan) for mac, vlan, function in self.filters.values() if function == row.function]
        return row.src >= 0 and bool(
            checks & CHECK_MAC and all(mac != row.src for mac, _ in mine)
            or checks & CHECK_VLAN and row.vlan and all(vlan not in (-1, row.vlan) for _, vlan in mine))

    @staticmethod
    def _read_header(row: Row) -> None:
        if row.flow < 0 and row.data is not None:
            row.dst, row.vlan = parse_header(row.data)
            row.src = int.from_bytes(row.data[SOURCE].ljust(MAC_BYTES, b"\0"), "big")

    def loopback_target(self, row: Row) -> int:
        """The function a transmitted frame stays inside for, or -1."""
        if not self.loopback:
            return -1
        self._read_header(row)
        function = self._lookup(row.dst, row.vlan)
        return -1 if function == row.function else function

    def pool_of(self, row: Row) -> int:
        """The function a received frame is for, or -1."""
        function = self._lookup(row.dst, row.vlan)
        if function < 0:
            function = self.default_pool
        return -1 if function == row.sender else function


def parse_header(frame: bytes) -> tuple[int, int]:
    """Destination MAC and VLAN id (0: untagged) of a frame's bytes."""
    dst, ethertype, tag = (int.from_bytes(frame[part], "big") for part in (DESTINATION, ETHERTYPE, TAG))
    return dst, tag & VLAN_MASK if ethertype == ETHERTYPE_VLAN else 0
