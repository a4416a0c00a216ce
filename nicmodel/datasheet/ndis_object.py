"""The header every NDIS structure starts with, and the base class whose subclasses know what to write in it.

Layouts are those of 64-bit Windows: little-endian, natural alignment.
"""

from __future__ import annotations

import ctypes
from ctypes import LittleEndianStructure, c_uint8, c_uint16, c_uint32, c_uint64
from functools import cache
from typing import Any, ClassVar, NamedTuple, TypeVar

from nicmodel.datasheet.ndis_enums import ObjectType

MAX_PHYS_ADDRESS_LENGTH = 32           # NDIS_MAX_PHYS_ADDRESS_LENGTH
NAME_UNITS = 257                       # IF_MAX_STRING_SIZE + 1
Address = c_uint8 * MAX_PHYS_ADDRESS_LENGTH


class ObjectHeader(LittleEndianStructure):
    """NDIS_OBJECT_HEADER."""

    _fields_ = [("Type", c_uint8), ("Revision", c_uint8), ("Size", c_uint16)]


class ArrayOf(NamedTuple):
    """Elements that follow a structure in its buffer, and the three members that describe them."""

    element: type[NdisStructure]
    offset: str = "FirstElementOffset"
    number: str = "NumElements"
    size: str = "ElementSize"


class DataAt(NamedTuple):
    """Bytes that follow a structure in its buffer: the member with their offset, and the member with their
    length or, where the length is fixed, that number."""

    offset: str
    length: str | int


class NdisStructure(LittleEndianStructure):
    """A structure with an NDIS_OBJECT_HEADER whose contents the class knows.

    NDIS_SIZEOF is the end of the last member of that revision, which is not always ``ctypes.sizeof``.
    """

    NAME: ClassVar[str]
    """Its typedef in the public headers."""
    TYPE: ClassVar[ObjectType] = ObjectType.DEFAULT
    REVISION: ClassVar[int] = 1
    """The revision spoken at NDIS 6.30."""
    NDIS_SIZEOF: ClassVar[int]
    OTHER_REVISIONS: ClassVar[dict[int, int]] = {}
    """NDIS_SIZEOF of the earlier and later revisions, by revision."""
    ARRAY: ClassVar[ArrayOf | None] = None
    TAIL: ClassVar[DataAt | None] = None


class CountedName(LittleEndianStructure):
    """IF_COUNTED_STRING: length in bytes, no terminator, then 257 UTF-16 units.

    >>> name = CountedName.of("Default Switch")
    >>> name.Length, name.text
    (28, 'Default Switch')
    """

    _fields_ = [("Length", c_uint16), ("String", c_uint16 * NAME_UNITS)]

    @classmethod
    def of(cls, text: str) -> CountedName:
        """The counted form of a name; names longer than 256 units are cut there."""
        units = text.encode("utf-16-le", "surrogatepass")[:2 * (NAME_UNITS - 1)]
        return cls(len(units), (c_uint16 * NAME_UNITS).from_buffer_copy(units.ljust(2 * NAME_UNITS, b"\0")))

    @property
    def text(self) -> str:
        """The name as a Python string."""
        return bytes(self.String)[:self.Length].decode("utf-16-le", "replace")


class GroupAffinity(LittleEndianStructure):
    """GROUP_AFFINITY: a mask of processors in one group."""

    _fields_ = [("Mask", c_uint64), ("Group", c_uint16), ("Reserved", c_uint16 * 3)]


class Luid(LittleEndianStructure):
    """LUID: a number unique on this computer until it restarts."""

    _fields_ = [("LowPart", c_uint32), ("HighPart", ctypes.c_int32)]


def words(*names: str) -> list[tuple[str, Any]]:
    """ULONG members in a row."""
    return [(name, c_uint32) for name in names]


S = TypeVar("S", bound=NdisStructure)


@cache
def header_of(cls: type[NdisStructure]) -> tuple[int, int, int]:
    """(Type, Revision, Size) of a class at NDIS 6.30."""
    return cls.TYPE, cls.REVISION, cls.NDIS_SIZEOF


def made(cls: type[S], **members: Any) -> S:
    """A zeroed structure with its documented header and the given members.

    >>> from nicmodel.datasheet.ndis_capabilities import SriovCapabilitiesStructure
    >>> bytes(made(SriovCapabilitiesStructure, SriovCapabilities=5)).hex(" ")
    '80 01 0c 00 00 00 00 00 05 00 00 00'
    """
    return cls(Header=ObjectHeader(*header_of(cls)), **members)


def header_is(structure: LittleEndianStructure) -> bool:
    """Whether a structure's header is the documented one of its class."""
    header = structure.Header
    return (header.Type, header.Revision, header.Size) == header_of(type(structure))  # type: ignore[arg-type]


def carries_nothing(pointer: Any) -> bool:
    """NULL, or a structure with a valid header and zeros in all other members (C-02 in docs/ndis.md)."""
    if not pointer:
        return True
    structure = pointer.contents
    return header_is(structure) and not any(bytes(structure)[ctypes.sizeof(ObjectHeader):])


def address(mac: int) -> Any:
    """A 48-bit MAC as an NDIS address array: first byte on the wire first, 26 bytes of zero after it."""
    return Address(*mac.to_bytes(6, "big"))


def mac_of(array: Any) -> int:
    """The 48-bit MAC in the first six bytes of an NDIS address array."""
    return int.from_bytes(bytes(array)[:6], "big")
