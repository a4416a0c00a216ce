"""Configuration blocks: what our PF's miniport and a VF's exchange over the back channel.

Ids, lengths and contents are the vendor's (sr-iov-pf-vf-backchannel-communication): these are ours, assumed. The PF can
tell that a block has changed only for ids below 64, and one transfer carries at most 128 bytes.
"""

from __future__ import annotations

from typing import NamedTuple


class ConfigBlock(NamedTuple):
    """One block. ``written_by_vf``: the VF writes it and reads back what it wrote; else the PF fills it."""

    id: int
    name: str
    nbytes: int
    written_by_vf: bool
    doc: str


LINK = ConfigBlock(0, "link", 8, False, "ULONG 1 while the port's link is up, ULONG its speed in Mb/s")
ADDRESS = ConfigBlock(1, "address", 8, False, "the six bytes of the VF's MAC address, first byte on the wire first; two of zero")
LIMITS = ConfigBlock(2, "limits", 8, False, "ULONG largest frame in bytes, FCS included; ULONG queue pairs of the VF")
DRIVER = ConfigBlock(64, "driver", 16, True, "what the VF's driver says of itself; zeros until it has")

BLOCKS = {block.id: block for block in (LINK, ADDRESS, LIMITS, DRIVER)}
