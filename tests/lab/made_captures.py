"""Captures made for tests: frames by a packet library, files of either format block by block."""

from __future__ import annotations

import struct

from scapy.all import IP, UDP, Dot1Q, Ether, Raw

MAX_FRAME = 9728
SOURCES = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"]


def packets(count=6):
    made = []
    for k in range(count):
        layers = Ether(src=SOURCES[k % 3], dst="02:00:00:00:00:ff")
        layers = layers / Dot1Q(vlan=5) if k == 1 else layers
        layers = layers / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000 + k)
        made.append(layers / Raw(bytes(range(20 * k))))
    return made


def pcap(*records, magic=b"\xd4\xc3\xb2\xa1", order="<", link=1, extra=b""):
    """A pcap file of (captured bytes, original length)."""
    out = magic + struct.pack(order + "HHiIII", 2, 4, 0, 0, 65535, link)
    for data, length in records:
        out += struct.pack(order + "IIII", 1, 2, len(data), length) + data
    return out + extra


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order, link=1, snap=0, options=b""):
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def enhanced(order, data, length=None, number=0):
    length = len(data) if length is None else length
    return block(order, 6, struct.pack(order + "IIIII", number, 0, 0, len(data), length) + data)
