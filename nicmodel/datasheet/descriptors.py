"""Advanced receive and transmit descriptors of the 82599: 16 bytes, little-endian, four dwords.

Layouts are rows; the functions below pack and parse by them. Hardware, drivers and tests use these and no others.
Source: 82599 7.1.6 (receive) and 7.2.3 (transmit).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

DESCRIPTOR_BYTES = 16
DESCTYPE_ADVANCED = 1            # SRRCTL.DESCTYPE: advanced, one buffer
DTYP_DATA = 3
TX_MAX_BYTES = 16383             # largest DTALEN that is taken: 14 bits, assumed; the frame limit is nearly always lower


@dataclass(frozen=True)
class Bits:
    """A field of a descriptor: dword, lowest bit, width."""

    name: str
    dword: int
    lsb: int
    width: int
    doc: str

    def put(self, value: int) -> int:
        """The value at its place in the dword; bits that do not fit are cut off."""
        return (value & ((1 << self.width) - 1)) << self.lsb

    def get(self, dwords: tuple[int, ...]) -> int:
        """The value in a descriptor's dwords, the lowest first."""
        return dwords[self.dword] >> self.lsb & ((1 << self.width) - 1)


# transmit, read format (dwords 0 and 1 hold the buffer address)
TX_DTALEN = Bits("DTALEN", 2, 0, 16, "bytes in this buffer")
TX_DTYP = Bits("DTYP", 2, 20, 4, "3: data")
TX_EOP = Bits("EOP", 2, 24, 1, "last buffer of the frame")
TX_IFCS = Bits("IFCS", 2, 25, 1, "insert FCS")
TX_RS = Bits("RS", 2, 27, 1, "report status")
TX_DEXT = Bits("DEXT", 2, 29, 1, "advanced format")
TX_PAYLEN = Bits("PAYLEN", 3, 14, 18, "frame bytes")
TX_DD = Bits("DD", 3, 0, 1, "write-back: done")
# receive, write-back format (read format: dwords 0 and 1 hold the packet buffer address, 2 and 3 the header buffer's)
RX_DD = Bits("DD", 2, 0, 1, "done")
RX_EOP = Bits("EOP", 2, 1, 1, "last buffer of the frame")
RX_LB = Bits("LB", 2, 18, 1, "came through the internal switch")
RX_LENGTH = Bits("LENGTH", 3, 0, 16, "bytes in this buffer")
RX_VLAN = Bits("VLAN", 3, 16, 16, "stripped tag")

_DWORDS = struct.Struct("<4I")


def _pack(address: int, *, dword2: int = 0, dword3: int = 0) -> bytes:
    return _DWORDS.pack(address & 0xFFFFFFFF, address >> 32, dword2, dword3)


def tx_data(address: int, length: int, eop: bool = True, rs: bool = True) -> bytes:
    """A data descriptor for a buffer of `length` bytes.

    >>> tx_data(0x1_0000_0080, 60).hex()
    '80000000010000003c00302b00000f00'
    """
    dword2 = (TX_DTALEN.put(length) | TX_DTYP.put(DTYP_DATA) | TX_EOP.put(eop) | TX_IFCS.put(1) | TX_RS.put(rs)
              | TX_DEXT.put(1))
    return _pack(address, dword2=dword2, dword3=TX_PAYLEN.put(length))


def tx_parse(raw: bytes) -> tuple[int, int, bool, bool, bool]:
    """(address, length, EOP, RS, whether it is an advanced data descriptor).

    >>> tx_parse(tx_data(0x1_0000_0080, 60, rs=False))
    (4294967424, 60, True, False, True)
    """
    dwords = _DWORDS.unpack(raw)
    is_data = TX_DEXT.get(dwords) == 1 and TX_DTYP.get(dwords) == DTYP_DATA
    return (dwords[0] | dwords[1] << 32, TX_DTALEN.get(dwords), bool(TX_EOP.get(dwords)), bool(TX_RS.get(dwords)),
            is_data)


def tx_writeback(rs: bool) -> bytes:
    """What the hardware writes over a finished descriptor: DD if it had RS, else zeros."""
    return _pack(0, dword3=TX_DD.put(rs))


def tx_done(raw: bytes) -> bool:
    """Whether the hardware has reported this descriptor."""
    return bool(TX_DD.get(_DWORDS.unpack(raw)))


def rx_read(address: int) -> bytes:
    """A receive descriptor that offers a buffer."""
    return _pack(address)


def rx_buffer(raw: bytes) -> int:
    """The address of the buffer that a receive descriptor offers.

    >>> hex(rx_buffer(rx_read(0x1_0000_0080)))
    '0x100000080'
    """
    low, high, *_ = _DWORDS.unpack(raw)
    return low | high << 32


def rx_writeback(length: int, vlan: int = 0, loopback: bool = False) -> bytes:
    """What the hardware writes over the descriptor of a received frame.

    >>> rx_status(rx_writeback(60))
    (True, True, 60, 0)
    """
    return _pack(0, dword2=RX_DD.put(1) | RX_EOP.put(1) | RX_LB.put(loopback),
                 dword3=RX_LENGTH.put(length) | RX_VLAN.put(vlan))


def rx_status(raw: bytes) -> tuple[bool, bool, int, int]:
    """(DD, EOP, length, VLAN) of a descriptor."""
    dwords = _DWORDS.unpack(raw)
    return bool(RX_DD.get(dwords)), bool(RX_EOP.get(dwords)), RX_LENGTH.get(dwords), RX_VLAN.get(dwords)
