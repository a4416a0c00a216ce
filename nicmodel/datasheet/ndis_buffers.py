"""Information buffers: a structure, and behind it the elements or data whose place its members name.

Reading checks every length and offset before it looks; what is wrong is a ``Malformed`` that says how to answer.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from ctypes import LittleEndianStructure
from typing import TypeVar

from nicmodel.datasheet.ndis_object import ArrayOf, DataAt, NdisStructure, ObjectHeader, header_of
from nicmodel.datasheet.ndis_status import Status

Buffer = bytes | bytearray | memoryview


class Malformed(ValueError):
    """A buffer that is not what it should be. ``status`` is the answer to the request; ``bytes_needed`` the length
    that would do, where the buffer is too short, else 0."""

    def __init__(self, sentence: str, status: Status, bytes_needed: int = 0) -> None:
        super().__init__(sentence)
        self.status = status
        self.bytes_needed = bytes_needed


S = TypeVar("S", bound=NdisStructure)
T = TypeVar("T", bound=LittleEndianStructure)


def written(structure: NdisStructure) -> bytes:
    """The bytes of a structure up to its NDIS_SIZEOF.

    >>> from nicmodel.datasheet.ndis_structures import FreeVfParameters, made
    >>> written(made(FreeVfParameters, VFId=3)).hex(" ")
    '80 01 0a 00 00 00 00 00 03 00'
    """
    return bytes(structure)[:structure.NDIS_SIZEOF]


def read(cls: type[S], buffer: Buffer) -> S:
    """The structure at the start of a buffer, a copy. NDIS_SIZEOF bytes are enough (G-06); the header must be the
    class's own (STRUCT-01).

    >>> from nicmodel.datasheet.ndis_structures import FreeVfParameters, made
    >>> read(FreeVfParameters, written(made(FreeVfParameters, VFId=3))).VFId
    3
    """
    if len(buffer) < cls.NDIS_SIZEOF:
        raise Malformed(f"{cls.NAME} takes {cls.NDIS_SIZEOF} bytes, the buffer has {len(buffer)}",
                        Status.INVALID_LENGTH, cls.NDIS_SIZEOF)
    header = ObjectHeader.from_buffer_copy(buffer)
    if (found := (header.Type, header.Revision, header.Size)) != header_of(cls):
        raise Malformed(f"{cls.NAME} has the header (type, revision, size) {header_of(cls)}, not {found}",
                        Status.INVALID_PARAMETER)
    return cls.from_buffer_copy(bytes(buffer[:ctypes.sizeof(cls)]).ljust(ctypes.sizeof(cls), b"\0"))


def _checked(what: str, offset: int, length: int, after: int, buffer: Buffer) -> None:
    """Data behind the structure and inside the buffer; empty data may be anywhere."""
    if length and offset < after:
        raise Malformed(f"{what} begins at byte {offset}, inside the {after} bytes of its structure",
                        Status.INVALID_PARAMETER)
    if length and offset + length > len(buffer):
        raise Malformed(f"{what} ends at byte {offset + length}, the buffer has {len(buffer)}",
                        Status.INVALID_LENGTH, offset + length)


def _array(cls: type[NdisStructure]) -> ArrayOf:
    if cls.ARRAY is None:
        raise TypeError(f"{cls.NAME} has no array")
    return cls.ARRAY


def _data(cls: type[NdisStructure]) -> DataAt:
    if cls.TAIL is None:
        raise TypeError(f"{cls.NAME} has no data behind it")
    return cls.TAIL


def array_length(cls: type[NdisStructure], number: int) -> int:
    """Bytes of a structure with so many elements behind it: what a buffer must hold.

    >>> from nicmodel.datasheet.ndis_switch import VPortInfoArray
    >>> array_length(VPortInfoArray, 2)
    1180
    """
    return cls.NDIS_SIZEOF + number * _array(cls).element.NDIS_SIZEOF


def pack_array(structure: NdisStructure, elements: Iterable[NdisStructure]) -> bytes:
    """A structure and its elements in one buffer, the elements right behind it. Sets the three members that
    describe them."""
    array = _array(type(structure))
    parts = list(elements)
    for part in parts:
        if not isinstance(part, array.element):
            raise TypeError(f"{structure.NAME} holds {array.element.NAME}, not {type(part).__name__}")
    setattr(structure, array.offset, structure.NDIS_SIZEOF)
    setattr(structure, array.number, len(parts))
    setattr(structure, array.size, array.element.NDIS_SIZEOF)
    return written(structure) + b"".join(map(written, parts))


def unpack_array(cls: type[S], buffer: Buffer) -> tuple[S, list[NdisStructure]]:
    """The structure at the start of a buffer and its elements. Elements may be further apart than they are long, and
    lie behind the structure and inside the buffer."""
    array = _array(cls)
    structure = read(cls, buffer)
    offset, number, size = (getattr(structure, member) for member in (array.offset, array.number, array.size))
    if not number:
        return structure, []
    if size < array.element.NDIS_SIZEOF:
        raise Malformed(f"elements of {cls.NAME} take {array.element.NDIS_SIZEOF} bytes, {array.size} is {size}",
                        Status.INVALID_PARAMETER)
    _checked(f"the array of {cls.NAME}", offset, number * size, cls.NDIS_SIZEOF, buffer)
    return structure, [read(array.element, buffer[at:at + size]) for at in range(offset, offset + number * size, size)]


def pack_data(structure: NdisStructure, data: bytes) -> bytes:
    """A structure and its data in one buffer, the data right behind it. Sets the members that describe it; for a
    read, pass as many zero bytes as shall be read."""
    where = _data(type(structure))
    setattr(structure, where.offset, structure.NDIS_SIZEOF)
    if isinstance(where.length, str):
        setattr(structure, where.length, len(data))
    elif len(data) != where.length:
        raise ValueError(f"{structure.NAME} is followed by {where.length} bytes, not {len(data)}")
    return written(structure) + data


def data_slice(structure: NdisStructure, buffer: Buffer) -> slice:
    """Where in its buffer the data of a structure lies: behind the structure and inside the buffer."""
    where = _data(type(structure))
    offset = getattr(structure, where.offset)
    length = getattr(structure, where.length) if isinstance(where.length, str) else where.length
    _checked(f"the data of {structure.NAME}", offset, length, structure.NDIS_SIZEOF, buffer)
    return slice(offset, offset + length)


def unpack_data(cls: type[S], buffer: Buffer) -> tuple[S, bytes]:
    """The structure at the start of a buffer and the data behind it."""
    structure = read(cls, buffer)
    return structure, bytes(buffer[data_slice(structure, buffer)])


def unpack_plain(cls: type[T], data: Buffer) -> T:
    """A structure without header, such as a resource descriptor, from exactly its bytes."""
    if len(data) != ctypes.sizeof(cls):
        raise Malformed(f"{cls.__name__} takes {ctypes.sizeof(cls)} bytes, not {len(data)}", Status.INVALID_LENGTH,
                        ctypes.sizeof(cls))
    return cls.from_buffer_copy(bytes(data))
