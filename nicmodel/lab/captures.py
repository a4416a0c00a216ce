"""Captures: pcap and pcapng files in, pcapng out.

A frame goes on only if every byte of it is in the file; what cannot be replayed byte for byte is left out and
counted by reason. Timestamps of the input are not kept: a replay sends as fast as the rings take frames. The
reader walks records itself, because dpkt's iterators lose the original length that tells a truncated frame;
layouts are those of the pcap and pcapng Internet drafts.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

import dpkt

from nicmodel.datasheet.ethernet import FCS_BYTES, HEADER_BYTES, MINIMUM_FRAME
from nicmodel.lab.files import reason, write_whole
from nicmodel.sim.errors import ScenarioError

ETHERNET = dpkt.pcap.DLT_EN10MB
PCAP_MAGICS = {
    b"\xa1\xb2\xc3\xd4": ">",
    b"\xa1\xb2\x3c\x4d": ">",
    b"\xd4\xc3\xb2\xa1": "<",
    b"\x4d\x3c\xb2\xa1": "<",
}
PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
BYTE_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
INTERFACE, SIMPLE, ENHANCED, PACKET = 1, 3, 6, 2
FCS_LENGTH_OPTION = 13
FCS_PRESENT = 1 << 26  # in a pcap file's link type; the length in 16-bit words is above it
MAX_RECORD = 1 << 24  # bytes; a longer record is damage, not a frame
MIN_UNPADDED = MINIMUM_FRAME - FCS_BYTES
NS_PER_S_DIGITS = 9
PS_PER_NS = 1000

TRUNCATED = "truncated when captured"
OVERSIZE = "longer than the device takes"
RUNT = "shorter than an Ethernet header"
NOT_ETHERNET = "not Ethernet"
CUT_SHORT = "cut short by the end of the file"


class Record(NamedTuple):
    """A frame as captured: its bytes, its length on the wire, whether its link is Ethernet; FCS taken off."""

    data: bytes
    length: int
    ethernet: bool = True


@dataclass
class Capture:
    """The frames that can be replayed, without FCS, and how many could not, by reason."""

    frames: list[bytes] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)


class Damaged(Exception):
    """The file contradicts itself; the message says how."""


def read_capture(path: Path, max_frame: int) -> Capture:
    """The replayable frames of a pcap or pcapng file. `max_frame` counts the FCS. Raises ScenarioError.

    A file that ends within a record gives what came before it; the last frame counts as cut short.
    """
    capture = Capture()
    try:
        with path.open("rb") as file:
            for record in records(file):
                why = unfit(record, max_frame)
                if why:
                    capture.skipped[why] += 1
                else:
                    capture.frames.append(record.data)
    except EOFError:
        capture.skipped[CUT_SHORT] += 1
    except OSError as error:
        raise ScenarioError(f"the capture cannot be read: {reason(error)}", file=str(path)) from None
    except Damaged as error:
        raise ScenarioError(f"the capture cannot be read: {error}", file=str(path)) from None
    return capture


def unfit(record: Record, max_frame: int) -> str | None:
    """Why a frame cannot be replayed, or None."""
    if not record.ethernet:
        return NOT_ETHERNET
    if len(record.data) < record.length:
        return TRUNCATED
    if len(record.data) < HEADER_BYTES:
        return RUNT
    if len(record.data) + FCS_BYTES > max_frame:
        return OVERSIZE
    return None


def records(file: BinaryIO) -> Iterator[Record]:
    """Every frame of a capture. Raises Damaged, and EOFError where the file ends within a record."""
    magic = file.read(4)
    if magic == PCAPNG_MAGIC:
        return pcapng_records(file)
    if magic in PCAP_MAGICS:
        return pcap_records(file, PCAP_MAGICS[magic])
    raise Damaged(
        "it is empty" if not magic else f"it is no pcap or pcapng file (it begins with {magic.hex(' ')})"
    )


def pcap_records(file: BinaryIO, order: str) -> Iterator[Record]:
    """Frames of a pcap file; the magic has been read."""
    try:
        major, _, _, _, _, link = struct.unpack(order + "HHiIII", _exactly(file, 20))
    except EOFError:
        raise Damaged("it ends within its header") from None
    if major != 2:
        raise Damaged(f"its version {major} is unknown")
    if link & 0xFFFF != ETHERNET:
        raise Damaged(f"its link type is {link & 0xFFFF}, not Ethernet ({ETHERNET})")
    fcs = 2 * (link >> 28) if link & FCS_PRESENT else 0
    while header := file.read(16):
        if len(header) < 16:
            raise EOFError
        _, _, captured, length = struct.unpack(order + "IIII", header)
        if captured > MAX_RECORD:
            raise Damaged(f"a record claims {captured} bytes")
        yield without_fcs(_exactly(file, captured), max(captured, length), fcs)


def pcapng_records(file: BinaryIO) -> Iterator[Record]:
    """Frames of a pcapng file; the first block type has been read. Sections may differ in byte order."""
    order, interfaces, kind_bytes = "<", list[tuple[int, int, int]](), PCAPNG_MAGIC
    first = True
    while kind_bytes:
        if len(kind_bytes) < 4:
            raise EOFError
        try:
            if kind_bytes == PCAPNG_MAGIC:
                order, interfaces = section_order(file), []
                kind, body = 0, b""
            else:
                (kind,) = struct.unpack(order + "I", kind_bytes)
                body = block_body(file, order, _exactly(file, 4))
        except EOFError:
            if first:
                raise Damaged("it ends within its header") from None
            raise
        first = False
        if kind == INTERFACE:
            interfaces.append(interface(body, order))
        elif kind in (SIMPLE, ENHANCED, PACKET):
            yield packet(kind, body, order, interfaces)
        kind_bytes = file.read(4)


def section_order(file: BinaryIO) -> str:
    """The byte order of the section whose block type has been read; leaves the file behind the block."""
    length, mark = _exactly(file, 4), _exactly(file, 4)
    if mark not in BYTE_ORDERS:
        raise Damaged("a section has no byte-order mark")
    order = BYTE_ORDERS[mark]
    body = block_body(file, order, length, already=4)
    if len(body) < 12 or struct.unpack_from(order + "H", body)[0] != 1:
        raise Damaged("a section's version is unknown")
    return order


def block_body(file: BinaryIO, order: str, length_bytes: bytes, already: int = 0) -> bytes:
    """A block's body behind type and length (and `already` bytes of it); its closing length is checked."""
    (length,) = struct.unpack(order + "I", length_bytes)
    if length < 12 + already or length % 4 or length > MAX_RECORD:
        raise Damaged(f"a block claims {length} bytes")
    body = _exactly(file, length - 12 - already)
    if _exactly(file, 4) != length_bytes:
        raise Damaged("a block's two lengths differ")
    return body


def interface(body: bytes, order: str) -> tuple[int, int, int]:
    """Link type, snap length and FCS length in bytes of an interface description."""
    if len(body) < 8:
        raise Damaged("an interface description is too short")
    link, _, snap = struct.unpack_from(order + "HHI", body)
    at, fcs = 8, 0
    while at + 4 <= len(body):
        code, length = struct.unpack_from(order + "HH", body, at)
        if code == 0:
            break
        if code == FCS_LENGTH_OPTION and length == 1 and at + 5 <= len(body):
            fcs = body[at + 4] if body[at + 4] <= 4 else body[at + 4] // 8  # writers give bytes or bits
        at += 4 + length + -length % 4
    return link, snap, fcs


def packet(kind: int, body: bytes, order: str, interfaces: list[tuple[int, int, int]]) -> Record:
    """The frame of a packet block."""
    layout = {ENHANCED: order + "IIIII", PACKET: order + "HHIIII", SIMPLE: order + "I"}[kind]
    start = struct.calcsize(layout)
    if len(body) < start:
        raise Damaged("a packet block is too short")
    values = struct.unpack_from(layout, body)
    number, length = (0 if kind == SIMPLE else values[0]), values[-1]
    if number >= len(interfaces):
        raise Damaged(f"a packet names interface {number}, which is not described")
    link, snap, fcs = interfaces[number]
    captured = min(length, snap or length) if kind == SIMPLE else values[-2]
    if captured > len(body) - start:
        raise Damaged(f"a packet claims {captured} bytes in a block of {len(body)}")
    return without_fcs(body[start : start + captured], max(captured, length), fcs, link == ETHERNET)


def without_fcs(data: bytes, length: int, fcs: int, ethernet: bool = True) -> Record:
    """A record less the checksum that some captures keep: the model's wire makes its own."""
    if fcs == 0 or length < fcs:
        return Record(data, length, ethernet)
    return Record(data[: length - fcs], length - fcs, ethernet)


def _exactly(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise EOFError
    return data


def write_capture(path: Path, frames: Iterable[tuple[int, bytes]]) -> Path:
    """A pcapng file of (time in ps, frame without FCS), nanosecond timestamps, whole or not at all."""
    little = struct.pack("=H", 1) == struct.pack("<H", 1)
    names = dpkt.pcapng
    suffix = "LE" if little else ""
    option, block, description = (
        getattr(names, f"{name}{suffix}")
        for name in ("PcapngOption", "EnhancedPacketBlock", "InterfaceDescriptionBlock")
    )
    about = description(linktype=ETHERNET, snaplen=0)
    about.opts = [
        option(code=names.PCAPNG_OPT_IF_NAME, data=b"wire"),
        option(code=names.PCAPNG_OPT_IF_TSRESOL, data=bytes([NS_PER_S_DIGITS])),
        option(),
    ]

    def write(beside: Path) -> None:
        with beside.open("wb") as file:
            names.Writer(file, idb=about)
            for time_ps, frame in frames:
                ns = time_ps // PS_PER_NS
                if ns >= 1 << 64:
                    raise ValueError("time beyond a pcapng timestamp")
                # Not Writer.writepkt, which takes time 0 for "now".
                file.write(bytes(block(ts_high=ns >> 32, ts_low=ns & 0xFFFFFFFF, pkt_data=frame, opts=[])))

    return write_whole(path, write)
