"""The interrupt request levels that rules of miniports speak of. A level is the caller's, not a function's."""

from __future__ import annotations

from enum import IntEnum


class Irql(IntEnum):
    """Passive: entry points and requests. Dispatch: interrupt messages, whose work is done in a DPC."""

    PASSIVE = 0
    APC = 1
    DISPATCH = 2
