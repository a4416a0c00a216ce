"""An axis of a sweep as people read it: a value for a table or a legend, places and a label for a picture.

A sweep's table has base units (B, ps, bit/s); what is read has the units that one would write.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from nicmodel.lab.keys import walk
from nicmodel.lab.load import Load
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.validators import Allowed
from nicmodel.sim.units import BITS, PACKETS, Kind

TICKS = 12  # of a logarithmic axis at most: more values have the scale's own
WIDE = 30  # times the smallest value: what lies further apart does not show on one linear axis


@dataclass(frozen=True)
class Axis:
    """Where each value stands, and what is written below. `numeric`: places are numbers, else names side by side."""

    places: list[Any]
    label: str
    numeric: bool
    whole: bool = False

    @property
    def wide(self) -> bool:
        """Whether its values lie too far apart for a linear axis; a 0 among them has a place of its own at the left."""
        return self.numeric and is_wide([place for place in self.places if place])


def is_wide(values: Sequence[float]) -> bool:
    """Whether a linear axis would hide the smallest of these values."""
    return len(values) > 0 and min(values) > 0 and max(values) > WIDE * min(values)


@cache
def kinds() -> dict[str, Kind]:
    """The keys of a scenario that hold a quantity, and of which kind it is."""
    return {key: entry.kind for key, field in walk(Scenario) for entry in field.metadata
            if isinstance(entry, Allowed) and entry.kind}


def written(key: str, value: Any) -> str:
    """A value as its author may write it.

    >>> written("driver.itr", 4_000_000), written("frame_size", 64), written("num_vfs", 8), written("driver.rss", True)
    ('4us', '64B', '8', 'true')
    """
    if isinstance(value, bool):
        return str(value).lower()
    kind = kinds().get(key)
    return kind.format(value) if kind and isinstance(value, int) else str(value)


def axis(key: str, values: Sequence[Any]) -> Axis:
    """The axis of a key's values: numbers in the largest unit that the greatest of them fills, or names in their order.

    >>> axis("driver.itr", [0, 4_000_000]).places, axis("driver.itr", [0, 4_000_000]).label
    ([0.0, 4.0], 'driver.itr [us]')
    >>> axis("load", ["30%", "90%"]).places, axis("load", ["30%", "saturated"]).places
    ([30.0, 90.0], ['30%', 'saturated'])
    """
    if key == "load" or key.startswith("traffic.loads."):
        return _load_axis(key, values)
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
        return Axis([written(key, value) for value in values], key, numeric=False)
    whole = all(isinstance(value, int) for value in values)
    kind = kinds().get(key)
    if kind is None:
        return Axis(list(values), key, numeric=True, whole=whole)
    return _scaled(key, values, kind)


def _load_axis(key: str, values: Sequence[Any]) -> Axis:
    if not all(isinstance(value, str) for value in values):  # points without a load of this VF's own
        return Axis(list(map(str, values)), key, numeric=False)
    loads = [Load.parse(value) for value in values]
    sort = {load.kind for load in loads}
    if sort == {"share"}:
        return Axis([float(100 * load.amount) for load in loads], f"{key} [% of the line]", numeric=True)
    for name, kind in (("bps", BITS), ("pps", PACKETS)):
        if sort == {name}:
            return _scaled(key, [int(load.amount) for load in loads], kind)
    return Axis(list(values), key, numeric=False)


def _scaled(key: str, values: Sequence[int], kind: Kind) -> Axis:
    """Sizes stay in bytes, as frames are spoken of; others take the unit that the greatest value fills."""
    units = {kind.base: 1} if kind.base == "B" else kind.units
    fits = [unit for unit, factor in units.items() if factor <= max(values)] or [next(iter(units))]
    unit = max(fits, key=lambda name: units[name])
    return Axis([value / units[unit] for value in values], f"{key} [{unit}]", numeric=True, whole=units[unit] == 1)
