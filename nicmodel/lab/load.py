"""How much traffic a scenario offers: as much as fits, a rate per function and direction, or a share."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.sim.units import BIT_RATE, BITS, PACKET_RATE, PACKETS, quoted, split

TICKS_PER_SECOND = TICKS_PER_PS * 10**12
FORMS = '"saturated", a rate like "2.5Gbps" or "3Mpps", or a share of the line like "50%" or 0.5'
HELP = f"write {FORMS}"


@dataclass(frozen=True)
class Load:
    """Kind `saturated`, `bps`, `pps` or `share`; the amount in bit/s, packets/s, or as an exact fraction."""

    kind: str
    amount: Fraction = Fraction(0)

    @staticmethod
    def parse(value: object) -> Load:
        """A load from what the author wrote. A bare integer above 1 is bit/s, a fraction a share of the line.

        >>> [str(Load.parse(v)) for v in ("saturated", "3Mpps", "50%", 0.25, 10**9)]
        ['saturated', '3Mpps', '50%', '25%', '1Gbps']
        """
        if value == "saturated":
            return Load("saturated")
        if isinstance(value, bool):
            raise ValueError(f"{quoted(value)} is not a load: {HELP}")
        if isinstance(value, int):
            return _checked("bps", _not_the_line(Fraction(value), value), value)
        if isinstance(value, float) and 0 < value <= 1:
            return Load("share", Fraction(str(value)))
        number, unit = (split(value) if isinstance(value, str) else None) or (None, "")
        if number is None:
            raise ValueError(f"{quoted(value)} is not a load: {HELP}")
        if unit == "%":
            return _checked("share", number / 100, value)
        if unit == "" and number.denominator != 1:
            return _checked("share", number, value)
        if unit and unit not in BIT_RATE | PACKET_RATE:
            raise ValueError(
                f"{quoted(value)} is not a load: its unit must be %, {', '.join(BIT_RATE)} or "
                f"{', '.join(PACKET_RATE)}"
            )
        if unit in PACKET_RATE:
            return _checked("pps", Fraction(PACKETS.parse(value)), value)
        bits = Fraction(BITS.parse(value))
        return _checked("bps", bits if unit else _not_the_line(bits, value), value)

    def __str__(self) -> str:
        if self.kind == "saturated":
            return "saturated"
        if self.kind == "share":
            percent = 100 * self.amount
            return f"{percent.numerator if percent.denominator == 1 else float(percent)}%"
        return (BITS if self.kind == "bps" else PACKETS).format(int(self.amount))

    def interval_ticks(
        self, sizes: tuple[int, int], line_bps: int, senders: int, overhead: int, *, rx: bool
    ) -> int:
        """Spacing of one function's frames in 1/1024 ps. `sizes` is (sum, count) of frame sizes in bytes.

        0 means no spacing: a saturated sender. Rounded up, so that a load is never exceeded.
        """
        total, count = sizes
        if self.kind == "saturated" and not rx:
            return 0
        if self.kind == "pps":
            return _up(TICKS_PER_SECOND / self.amount)
        if self.kind == "bps":
            return _up(Fraction(total * 8, count) * TICKS_PER_SECOND / self.amount)
        share = self.amount if self.kind == "share" else Fraction(1)
        bits = (Fraction(total, count) + overhead) * 8
        return _up(bits * TICKS_PER_SECOND * senders / (line_bps * share))


def _not_the_line(bits: Fraction, value: object) -> Fraction:
    """A bare 1 stands at the end of 0.25, 0.5, 0.75, and would be a frame in minutes."""
    if bits == 1:
        raise ValueError(f'{quoted(value)} is not allowed: the whole line is "100%" or 1.0, one bit a second "1bps"')
    return bits


def _checked(kind: str, amount: Fraction, value: object) -> Load:
    if kind == "share" and not 0 < amount <= 1:
        raise ValueError(f"{quoted(value)} is not allowed: a share of the line is above 0% and at most 100%")
    if kind != "share" and not 1 <= amount <= 10**13:
        raise ValueError(f"{quoted(value)} is not allowed: a rate is from 1 to 10**13 per second")
    return Load(kind, amount)


def _up(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)
