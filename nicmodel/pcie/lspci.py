"""Configuration space in the dump format that `lspci -F` reads: text only, no decoding."""

from __future__ import annotations

from nicmodel.datasheet.config_space import SPACE_BYTES
from nicmodel.pcie.endpoint import Endpoint

BYTES_PER_LINE = 16


def slot(rid: int) -> str:
    """A routing ID the way lspci writes it; an 8-bit function number keeps its classic form.

    >>> slot(0x0100), slot(0x0180), slot(0x019F)
    ('01:00.0', '01:10.0', '01:13.7')
    """
    return f"{rid >> 8:02x}:{rid >> 3 & 0x1F:02x}.{rid & 7}"


def dump(endpoint: Endpoint) -> str:
    """Every function that exists, all 4096 bytes of each, in the order of routing IDs."""
    return "\n".join(section(rid, function.space.dump())
                     for rid, function in sorted(endpoint.functions.items()))


def section(rid: int, data: bytes) -> str:
    """One function. The header needs a space after the address, and data lines take no comment."""
    lines = [f"{slot(rid)} Ethernet controller"]
    lines += [f"{at:02x}: {data[at:at + BYTES_PER_LINE].hex(' ')}"
              for at in range(0, SPACE_BYTES, BYTES_PER_LINE)]
    return "\n".join(lines) + "\n"
