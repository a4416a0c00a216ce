"""How a driver is broken on purpose: its entry in the table, and starts with a step left out or moved.

Most breaches show while the driver starts and keep it closed (``START``); others only while it lives, or when it is asked
for what it must refuse, or at its end (``LIFE``): those need an examination (`ndis.examination`).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from drivers.miniport import MiniportBase

START, LIFE = "start", "life"


class Mutant(NamedTuple):
    """The rule a driver breaks first, the driver, and when it shows."""

    rule: str
    driver: type[MiniportBase]
    when: str = START


MUTANTS: dict[str, Mutant] = {}


def mutant(name: str, rule: str, when: str = START) -> Any:
    """Enter a driver class into `MUTANTS`."""
    def enter(cls: type[MiniportBase]) -> type[MiniportBase]:
        MUTANTS[name] = Mutant(rule, cls, when)
        return cls
    return enter


def without(base: type[MiniportBase], step: str) -> tuple[Any, ...]:
    """The steps of a good start with one left out."""
    return tuple(s for s in base.INITIALIZE if s.__name__ != step)


def moved(base: type[MiniportBase], step: str, before: str) -> tuple[Any, ...]:
    """The steps of a good start with one moved in front of another."""
    chosen = next(s for s in base.INITIALIZE if s.__name__ == step)
    rest = without(base, step)
    at = next(i for i, s in enumerate(rest) if s.__name__ == before)
    return (*rest[:at], chosen, *rest[at:])
