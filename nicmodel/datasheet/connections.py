"""Who talks to whom: addresses and ports of a frame, found in its bytes and put into them.

Only what receive side scaling looks at. A frame that is cut short, a fragment, and a protocol without ports of its own have
addresses alone; what carries no IP has no connection.
"""

from __future__ import annotations

from dataclasses import dataclass

from nicmodel.datasheet.ethernet import ETHERTYPE_AT, ETHERTYPE_BYTES, MAC_BYTES, TAG_BYTES

ETHERTYPE_VLAN, ETHERTYPE_IPV4, ETHERTYPE_IPV6 = 0x8100, 0x0800, 0x86DD
ETHERTYPE_TEST = 0x88B5                    # local experimental, IEEE 802: frames of agents and flows that carry no IP
NO_PORTS, TCP, UDP = 0, 6, 17              # IP protocol numbers; what is neither TCP nor UDP counts as NO_PORTS
IPV4_BYTES, IPV6_BYTES, ADDRESS_BYTES = 20, 40, {4: 4, 6: 16}
PORT_BYTES = 4
FRAGMENT = 0x3FFF                          # IPv4: more fragments, and the offset
DONT_FRAGMENT, HOPS, TCP_ACK, TCP_WORDS, WINDOW = 0x4000, 64, 0x10, 5, 0xFFFF


@dataclass(frozen=True)
class Connection:
    """Addresses and ports as a frame carries them: source first. Without ports both are 0."""

    source: bytes
    destination: bytes
    protocol: int = NO_PORTS
    source_port: int = 0
    destination_port: int = 0

    @property
    def version(self) -> int:
        """4 or 6, by the length of the addresses."""
        return 4 if len(self.source) == ADDRESS_BYTES[4] else 6

    @property
    def addresses(self) -> bytes:
        """As they are hashed and sent: source, then destination."""
        return self.source + self.destination

    @property
    def ports(self) -> bytes:
        """Likewise, 2 bytes each, most significant first."""
        return self.source_port.to_bytes(2, "big") + self.destination_port.to_bytes(2, "big")


def connection_of(frame: bytes) -> Connection | None:
    """The connection of a frame with or without a VLAN tag; None if it carries no IP. IPv6 extensions hide the ports.

    >>> made = Connection(bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)), TCP, 1024, 80)
    >>> connection_of(bytes(12) + headers(made, 46)) == made, connection_of(bytes(60))
    (True, None)
    """
    at = ETHERTYPE_AT
    if _word(frame, at) == ETHERTYPE_VLAN:
        at += TAG_BYTES
    ethertype, at = _word(frame, at), at + ETHERTYPE_BYTES
    if ethertype == ETHERTYPE_IPV4 and len(frame) >= at + IPV4_BYTES and frame[at] >> 4 == 4:
        words, protocol = frame[at] & 0xF, frame[at + 9]
        whole = words >= IPV4_BYTES // 4 and not _word(frame, at + 6) & FRAGMENT
        return _with_ports(frame[at + 12:at + 16], frame[at + 16:at + 20], protocol if whole else NO_PORTS,
                           frame[at + 4 * words:])
    if ethertype == ETHERTYPE_IPV6 and len(frame) >= at + IPV6_BYTES and frame[at] >> 4 == 6:
        return _with_ports(frame[at + 8:at + 24], frame[at + 24:at + 40], frame[at + 6], frame[at + IPV6_BYTES:])
    return None


def _with_ports(source: bytes, destination: bytes, protocol: int, segment: bytes) -> Connection:
    if protocol not in (TCP, UDP) or len(segment) < PORT_BYTES:
        return Connection(source, destination)
    return Connection(source, destination, protocol, _word(segment, 0), _word(segment, 2))


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at:at + 2], "big")


def addressed(destination: int, source: int, vlan: int = 0) -> bytes:
    """What stands before a frame's ethertype: its addresses, and a tag unless `vlan` is 0.

    >>> addressed(0x02_00_00_00_00_01, 0x02_00_00_00_00_02, 7).hex(" ", 2)
    '0200 0000 0001 0200 0000 0002 8100 0007'
    """
    tag = _two(ETHERTYPE_VLAN) + _two(vlan) if vlan else b""
    return destination.to_bytes(MAC_BYTES, "big") + source.to_bytes(MAC_BYTES, "big") + tag


def headers(connection: Connection | None, nbytes: int) -> bytes:
    """Ethertype, IP header and segment header of a frame that has `nbytes` after its ethertype. The segment's checksum is 0.

    Without a connection there is no IP, and the ethertype is ETHERTYPE_TEST.

    >>> headers(Connection(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)), UDP, 7, 9), 46).hex(" ", 2)
    '0800 4500 002e 0000 4000 4011 b6bb c000 0201 c000 0202 0007 0009 001a 0000'
    """
    if connection is None:
        return _two(ETHERTYPE_TEST)
    length = max(0, nbytes) & 0xFFFF
    if connection.version == 4:
        head = bytes((0x45, 0)) + _two(length) + _two(0) + _two(DONT_FRAGMENT) + bytes((HOPS, connection.protocol))
        sums = head + _two(0) + connection.addresses
        return _two(ETHERTYPE_IPV4) + head + _two(_checksum(sums)) + connection.addresses + _segment(
            connection, max(0, length - IPV4_BYTES))
    payload = max(0, length - IPV6_BYTES)
    head = bytes((0x60, 0, 0, 0)) + _two(payload) + bytes((connection.protocol, HOPS))
    return _two(ETHERTYPE_IPV6) + head + connection.addresses + _segment(connection, payload)


def _segment(connection: Connection, nbytes: int) -> bytes:
    if connection.protocol == TCP:
        return connection.ports + bytes(8) + bytes((TCP_WORDS << 4, TCP_ACK)) + _two(WINDOW) + bytes(4)
    return connection.ports + _two(nbytes) + bytes(2) if connection.protocol == UDP else b""


def _two(value: int) -> bytes:
    return value.to_bytes(2, "big")


def _checksum(data: bytes) -> int:
    total = sum(_word(data, at) for at in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
