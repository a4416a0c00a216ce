"""Receive side scaling: which parts of a frame are hashed, the hash, and the indirection table that it indexes.

The hash is Microsoft's Toeplitz function over the bytes as they are on the wire: source address, destination address,
source port, destination port (rss-hashing-types, rss-hashing-functions). Which queue a frame takes, and when, is the planes'.
"""

from __future__ import annotations

from typing import NamedTuple

from nicmodel.datasheet.connections import NO_PORTS, TCP, UDP, Connection
from nicmodel.datasheet.ndis_rss import HashTypes

KEY_BYTES = 40                 # 82599 8.2.3.7.14: RSSRK; the secret key of NDIS is as long
KEY_WORDS = KEY_BYTES // 4
ENTRIES_A_WORD = 4             # of a RETA register, a byte each
TABLE_ENTRIES = 128            # the largest table there is: RETA of the 82599's PF, NDIS's limit
VERIFICATION_KEY = bytes.fromhex(                 # Microsoft: verifying-the-rss-hash-calculation
    "6d5a56da255b0ec24167253d43a38fb0d0ca2bcbae7b30b477cb2da38030f20c6a42b73bbeac01fa")
TYPES_LSB = 16                 # 82599 8.2.3.7.12: hash types are the upper half of MRQC, and of VFMRQC
LEAST_QUEUES, LEAST_ENTRIES = 2, 16    # of RSS in a VF (hardware compatibility requirements for SR-IOV)


class HashType(NamedTuple):
    """One kind of frame that a hash is computed for: its bit from TYPES_LSB up, its flag in NDIS."""

    name: str
    bit: int
    flag: HashTypes | None
    version: int
    protocol: int


HASH_TYPES = (                 # the more specific ones first
    HashType("TCP_IPV4", 0, HashTypes.TCP_IPV4, 4, TCP),
    HashType("UDP_IPV4", 6, None, 4, UDP),
    HashType("IPV4", 1, HashTypes.IPV4, 4, NO_PORTS),
    HashType("TCP_IPV6", 5, HashTypes.TCP_IPV6, 6, TCP),
    HashType("UDP_IPV6", 7, None, 6, UDP),
    HashType("IPV6", 4, HashTypes.IPV6, 6, NO_PORTS),
)
"""82599 8.2.3.7.12. Flags of UDP came with NDIS 6.80. IPv6 extensions are not looked into."""

ALL_TYPES = sum(1 << each.bit for each in HASH_TYPES)
TYPE_OF_FLAG = {each.flag: each for each in HASH_TYPES if each.flag is not None}


def hash_type_of(connection: Connection | None, types: int) -> HashType | None:
    """The most specific of the enabled types that fits; None: no hash is computed.

    >>> web = Connection(bytes(4), bytes(4), TCP, 1024, 80)
    >>> [each and each.name for each in (hash_type_of(web, 0b11), hash_type_of(web, 0b10), hash_type_of(web, 0))]
    ['TCP_IPV4', 'IPV4', None]
    """
    if connection is None:
        return None
    return next((each for each in HASH_TYPES if types >> each.bit & 1 and each.version == connection.version
                 and each.protocol in (NO_PORTS, connection.protocol)), None)


def hash_input(connection: Connection, hash_type: HashType) -> bytes:
    """What is hashed of a connection."""
    return connection.addresses + (connection.ports if hash_type.protocol else b"")


def toeplitz(key: bytes, data: bytes) -> int:
    """The 32-bit Toeplitz hash: for every bit of the data that is 1, the 32 bits of the key that begin at its place.

    >>> hex(toeplitz(VERIFICATION_KEY, bytes((66, 9, 149, 187, 161, 142, 100, 80))))
    '0x323e8fc2'
    """
    bits, number, result = 8 * len(key), int.from_bytes(key, "big"), 0
    for place in range(8 * len(data)):
        if data[place // 8] << place % 8 & 0x80:
            result ^= number >> (bits - 32 - place) & 0xFFFFFFFF
    return result
