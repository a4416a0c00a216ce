"""Where a capability stands in a function's configuration space: one walk over each chain, bounded whatever it reads.

A walk asks for a register as (offset, bytes) and is sent what it reads. `at_once` runs it where reads are instant,
`in_time` where each is an event to wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

from nicmodel.datasheet.config_pf import PF
from nicmodel.datasheet.config_space import EXTENDED_START, SPACE_BYTES

Walk = Generator[tuple[int, int], int, int]
POINTER = PF["CapabilityPointer"]
IN_DWORDS = ~3                       # the two low bits of a pointer are reserved. PCIe base, config chapter


def classic(identity: int) -> Walk:
    """Offset of a capability of the classic chain; 0 if there is none."""
    at = (yield POINTER.at, POINTER.nbytes) & IN_DWORDS
    for _ in range(EXTENDED_START // 4):
        if not at:
            break
        header = yield at, 2
        if header & 0xFF == identity:
            return at
        at = header >> 8 & IN_DWORDS
    return 0


def extended(identity: int) -> Walk:
    """Offset of a capability of the extended chain; 0 if there is none."""
    at = EXTENDED_START
    for _ in range((SPACE_BYTES - EXTENDED_START) // 4):
        header = yield at, 4
        if header & 0xFFFF == identity:
            return at
        at = header >> 20 & IN_DWORDS
        if not at:
            break
    return 0


def at_once(walk: Walk, read: Callable[[int, int], int]) -> int:
    """Run a walk with instant reads, `read(offset, bytes)`; returns what it found."""
    try:
        wanted = next(walk)
        while True:
            wanted = walk.send(read(*wanted))
    except StopIteration as end:
        return int(end.value)


def in_time(walk: Walk, read: Callable[[int, int], simpy.Event]) -> Generator[simpy.Event, Any, int]:
    """Run a walk whose reads take their time; returns what it found."""
    try:
        wanted = next(walk)
        while True:
            wanted = walk.send((yield read(*wanted)))
    except StopIteration as end:
        return int(end.value)
