"""NDIS_OID_REQUEST: one request with its information buffer and the three counts that come back with it.

    InformationBuffer   ┌ structure ───────────┬ data ───────────────────────────┐
    offset              0          NDIS_SIZEOF ┘                  length ─────────┘

`information` is the structure at the start of the buffer, updated in place; `data` is what follows it: filter tests,
configuration space, a block, BAR values, an array's elements. Offsets in a structure count from its start. A structure
knows its request (`Request.of`), so that a miniport, which is handed the structure, finds the rest.
"""

from __future__ import annotations

from ctypes import sizeof
from typing import Any

from nicmodel.datasheet.ndis import Oid, RequestType, Status
from nicmodel.datasheet.ndis_structures import NdisStructure

ULONG_BYTES = 4


class Request:
    """A request of a kind for an OID. ``length`` is the buffer's length if it is not that of what it holds."""

    def __init__(self, kind: RequestType, oid: Oid, information: Any = None, data: bytes | bytearray | memoryview = b"",
                 length: int | None = None):
        self.kind, self.oid, self.information = kind, oid, information
        self.size = size_of(information)
        self.data = data if isinstance(data, bytearray | memoryview) else bytearray(data)
        self.length = self.size + len(self.data) if length is None else length
        self.bytes_needed = self.bytes_written = self.bytes_read = 0
        if isinstance(information, NdisStructure):
            information.oid_request = self

    @classmethod
    def of(cls, kind: RequestType, oid: Oid, buffer: Any, structure: Any = None) -> Request:
        """The request that a buffer belongs to, or one made around it.

        Bytes are the whole buffer and begin with ``structure`` (a copy of it, where they are as long as its NDIS_SIZEOF
        but shorter than itself); if they are too short for that, the request has no information.
        """
        if isinstance(buffer, bytes | bytearray) and structure is not None:
            size, whole = structure.NDIS_SIZEOF, sizeof(structure)
            if len(buffer) < size:
                return cls(kind, oid, length=len(buffer))
            shared = isinstance(buffer, bytearray) and len(buffer) >= whole
            information = (structure.from_buffer(buffer) if shared
                           else structure.from_buffer_copy(bytes(buffer[:whole]).ljust(whole, b"\0")))
            return cls(kind, oid, information, memoryview(buffer)[size:])
        known = getattr(buffer, "oid_request", None)
        if known is not None and (known.kind, known.oid) == (kind, oid):
            return known
        return cls(kind, oid, buffer)

    def holds(self, offset: int, nbytes: int) -> Status:
        """Whether the buffer has these bytes behind its structure: SUCCESS, or INVALID_LENGTH with BytesNeeded.

        INVALID_PARAMETER if they overlap the structure.
        """
        if offset < self.size:
            return Status.INVALID_PARAMETER
        return self.needs(offset + nbytes)

    def needs(self, nbytes: int) -> Status:
        """INVALID_LENGTH, and BytesNeeded set, if the buffer is shorter than this."""
        if self.length >= nbytes and self.size + len(self.data) >= nbytes:
            return Status.SUCCESS
        self.bytes_needed = nbytes
        return Status.INVALID_LENGTH

    def get(self, offset: int, nbytes: int) -> bytes:
        """Bytes behind the structure; `holds` has been asked."""
        self.bytes_read = max(self.bytes_read, offset + nbytes)
        return bytes(self.data[offset - self.size:offset - self.size + nbytes])

    def put(self, offset: int, what: bytes) -> None:
        """Bytes that go behind the structure; `holds` has been asked."""
        self.data[offset - self.size:offset - self.size + len(what)] = what
        self.bytes_written = max(self.bytes_written, offset + len(what))


def size_of(information: Any) -> int:
    """Bytes of a structure that a buffer begins with: its NDIS_SIZEOF constant; numbers are ULONGs."""
    if information is None:
        return 0
    return information.NDIS_SIZEOF if isinstance(information, NdisStructure) else ULONG_BYTES
