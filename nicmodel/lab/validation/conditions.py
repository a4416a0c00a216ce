"""A row's conditions, read as the experiment asks for them. What cannot be answered is said in one sentence.

The author of a file of points may describe what no plane does: that is no mistake of his, so it is `Unanswerable`,
which ends up as the row's reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from nicmodel.datasheet.pcie_link import GENERATIONS, LANES, PAYLOAD_SIZES, READ_BOUNDARIES
from nicmodel.lab.validation.bench import OWN, PUBLISHED, LinkSettings


class Unanswerable(Exception):
    """The model has no answer to this row; the message says why."""


class Conditions:
    """The conditions of one row. Every one has to be asked for: `finish` refuses what was not."""

    def __init__(self, given: dict[str, str]):
        self._given = given
        self._used: set[str] = set()

    def _text(self, key: str, default: str | None) -> str:
        self._used.add(key)
        text = self._given.get(key, default)
        if text is None:
            raise Unanswerable(f'the condition "{key}" is missing')
        return text

    def integer(self, key: str, default: int | None = None, *, low: int = 1, high: int = 1 << 20,
                among: Collection[int] = ()) -> int:
        text = self._text(key, None if default is None else str(default))
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise Unanswerable(f"{key}={text} is not a whole number")
        number = int(text)
        if among and number not in among:
            raise Unanswerable(f"{key}={text} is not modelled; it can be {', '.join(map(str, sorted(among)))}")
        if not low <= number <= high:
            raise Unanswerable(f"{key}={text} is not modelled; it can be {low} to {high}")
        return number

    def fixed(self, key: str, value: int) -> None:
        """The model knows one value only."""
        self.integer(key, value, low=0, among=(value,))

    def word(self, key: str, default: str | None, among: Collection[str]) -> str:
        text = self._text(key, default)
        if text not in among:
            raise Unanswerable(f"{key}={text} is not modelled; it can be {', '.join(among)}")
        return text

    def link_mbps(self) -> int:
        """The speed in `link=10GbE`."""
        text = self._text("link", None)
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(?:GbE|G)", text)
        if not match:
            raise Unanswerable(f"link={text} is not a speed such as 10GbE")
        return round(1000 * float(match[1])) or 1

    def pcie(self, gen: str | None = None, width: str | None = None) -> LinkSettings:
        """The link: `pcie=gen3;width=x8;mps;mrrs;rcb;addr;ecrc`, and `split_rcb=1`, `accounting=own` of ours."""
        gen = self.word("pcie", gen, tuple(f"gen{gen}" for gen in GENERATIONS))
        width = self.word("width", width, tuple(f"x{lanes}" for lanes in LANES))
        return LinkSettings(
            gen=int(gen[3:]), lanes=int(width[1:]), mps=self.integer("mps", 256, among=PAYLOAD_SIZES),
            mrrs=self.integer("mrrs", 512, among=PAYLOAD_SIZES), rcb=self.integer("rcb", 64, among=READ_BOUNDARIES),
            addr=self.integer("addr", 64, among=(32, 64)), split_rcb=bool(self.integer("split_rcb", 0, low=0, high=1)),
            ecrc=bool(self.integer("ecrc", 0, low=0, high=1)),
            accounting=self.word("accounting", PUBLISHED, (PUBLISHED, OWN)))

    def finish(self) -> None:
        """Nothing is left that the experiment has not heard of."""
        unknown = sorted(set(self._given) - self._used)
        if unknown:
            raise Unanswerable(f"the condition {', '.join(unknown)} is not known to this experiment")


Experiment = Callable[[str, Conditions], float]
"""Name of a plane and conditions in, a figure out. Raises Unanswerable."""
