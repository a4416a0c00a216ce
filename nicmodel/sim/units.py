"""Quantities as people write them: sizes, times, rates. Text in, integers of the base unit out, and back.

Base units: B for sizes, ps for times, bit/s for bit rates, packets/s for packet rates. Arithmetic is exact:
what is no whole number of base units is refused, never rounded.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from fractions import Fraction

SIZE = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
TIME = {"ps": 1, "ns": 10**3, "us": 10**6, "ms": 10**9, "s": 10**12}
BIT_RATE = {"bps": 1, "kbps": 10**3, "Mbps": 10**6, "Gbps": 10**9, "Tbps": 10**12}
PACKET_RATE = {"pps": 1, "kpps": 10**3, "Mpps": 10**6, "Gpps": 10**9}

_QUANTITY = re.compile(r"\s*([+-]?(?:[0-9][0-9_]*)(?:\.[0-9]+)?)\s*([A-Za-zµμ%/]*)\s*", re.ASCII)
_DIGITS = 40  # longer numbers are typing errors, and cost time to convert


@dataclass(frozen=True)
class Kind:
    """A kind of quantity: what it is called, its units, and the unit that a bare integer has."""

    noun: str
    units: dict[str, int]
    base: str
    example: str
    bare_text: bool = True      # whether text may do without a unit: "5" is no time that anybody means

    def parse(self, value: object) -> int:
        """The quantity in base units. Text carries its unit; a bare integer is in the base unit.

        Raises ValueError with a sentence that names the units allowed.

        >>> [BYTES.parse(v) for v in ("2KiB", "256 B", 64)], DURATION.parse("1.5us"), BITS.parse("10Gbps")
        ([2048, 256, 64], 1500000, 10000000000)
        """
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if not isinstance(value, str):
            raise ValueError(
                f'{quoted(value)} is not {self.noun}: write text like "{self.example}" or a whole number '
                f"of {self.base}"
            )
        number, unit = split(value) or (None, "")
        if number is None:
            raise ValueError(
                f'{quoted(value)} is not {self.noun}: write a number and a unit, like "{self.example}"'
            )
        if unit and unit not in self.units:
            raise ValueError(f'{quoted(value)} is not {self.noun}: its unit must be one of {", ".join(self.units)}')
        if not unit and number and not self.bare_text:
            raise ValueError(f'{quoted(value)} is not {self.noun}: it has no unit, which must be one of {", ".join(self.units)}')
        exact = number * self.units.get(unit, 1)
        if exact.denominator != 1:
            raise ValueError(f"{quoted(value)} is not a whole number of {self.base}")
        return int(exact)

    def format(self, value: int) -> str:
        """The shortest text that parses back to exactly this value.

        >>> DURATION.format(1_500_000), BYTES.format(2048), BYTES.format(1500), BITS.format(10**10)
        ('1500ns', '2KiB', '1500B', '10Gbps')
        """
        fits = [unit for unit, factor in self.units.items() if value % factor == 0 and (value or factor == 1)]
        return min((f"{value // self.units[unit]}{unit}" for unit in fits), key=len)


BYTES = Kind("a size", SIZE, "B", "256B")
DURATION = Kind("a time", TIME, "ps", "1.5us", bare_text=False)
BITS = Kind("a bit rate", BIT_RATE, "bit/s", "10Gbps")
PACKETS = Kind("a packet rate", PACKET_RATE, "packets/s", "3Mpps")


def quoted(value: object) -> str:
    """A value that is refused, as a scenario's file has it: text in double quotes, true and false in small letters.

    >>> print(quoted("fast"), quoted(True), quoted([1, {"at": "2"}]), quoted(1.5), quoted(None), quoted("\\udcff"))
    "fast" true [1, {at = "2"}] 1.5 None "\\udcff"
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(quoted, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {quoted(each)}' for key, each in value.items())}}}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace").decode()
    return repr(value)


def split(text: str) -> tuple[Fraction, str] | None:
    """Number and unit of a quantity, or None if the text is none.

    >>> split("1.5us"), split("fast")
    ((Fraction(3, 2), 'us'), None)
    """
    match = _QUANTITY.fullmatch(text)
    if match is None or len(match[1]) > _DIGITS or match[1].endswith("_"):
        return None
    unit = match[2].replace("µ", "u").replace("μ", "u")
    return Fraction(match[1].replace("_", "")), unit
