"""What the value of a key may be: validators that a scenario's keys are made of, one value at a time.

A validator either returns a value in base units or raises ValueError with what is allowed, in words.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from nicmodel.datasheet.ethernet import MINIMUM_FRAME
from nicmodel.datasheet.pcie_link import MOST_DATA_CREDITS, MOST_HEADER_CREDITS
from nicmodel.datasheet.policies import choices
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.lab.load import Load
from nicmodel.sim.limits import PAGE_SHIFTS
from nicmodel.sim.plane import WHOLE_SHARE
from nicmodel.sim.units import BYTES, DURATION, Kind, split

PAYLOAD_SIZES = (128, 256, 512, 1024, 2048, 4096)  # bytes: what PCIe can encode as MPS and MRRS
LIMIT_PS = 10**15  # a thousand seconds: beyond any run, below the clock's end
PAGE_SIZES = {1 << shift: shift for shift in PAGE_SHIFTS}  # bytes and shift


def whole(low: int, high: int, noun: str = "a whole number") -> BeforeValidator:
    """A validator: an integer (no bool, no float) between two bounds, in words."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{value!r} is not allowed: it must be {noun} from {low} to {high}")
        return value

    return BeforeValidator(check)


def up_to(attribute: str, noun: str) -> BeforeValidator:
    """A validator: an integer from 1 to what the scenario's profile has of it."""

    def check(value: Any, info: ValidationInfo) -> int:
        profile = PROFILES.get(info.data.get("profile", ""))  # absent if the profile itself was refused
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or value < 1
            or (profile and value > getattr(profile, attribute))
        ):
            allowed = (
                f"profile {profile.name} takes 1 to {getattr(profile, attribute)}" if profile else "1 or more"
            )
            raise ValueError(f"{value!r} is not allowed: {allowed} {noun}")
        return value

    return BeforeValidator(check)


def one_of(*allowed: Any) -> BeforeValidator:
    """A validator: one of a few values."""

    def check(value: Any) -> Any:
        if isinstance(value, bool) != isinstance(allowed[0], bool) or isinstance(value, float) or value not in allowed:
            raise ValueError(f"{value!r} is not allowed: it must be one of {', '.join(map(str, allowed))}")
        return value

    return BeforeValidator(check)


@dataclass(frozen=True)
class Reads:
    """The function of a validator that reads a quantity, and of which kind that is."""

    kind: Kind
    check: Callable[[Any], int]

    def __call__(self, value: Any) -> int:
        return self.check(value)


def quantity(kind: Kind, low: int, high: int) -> BeforeValidator:
    """A validator: a quantity with its unit, between two bounds."""

    def check(value: Any) -> int:
        parsed = kind.parse(value)
        if not low <= parsed <= high:
            raise ValueError(
                f"{value!r} is not allowed: it must be from {kind.format(low)} to {kind.format(high)}"
            )
        return parsed

    return BeforeValidator(Reads(kind, check))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not allowed: it must be true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


def _share(value: Any) -> float:
    """A share of reads, a multiple of 1/65536: text like "0.1%", or a number from 0 to 1."""
    number, unit = (split(value) if isinstance(value, str) else None) or (None, "")
    if number is not None and unit == "%":
        share = number / 100
    elif isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        share = Fraction(str(value))
    else:
        raise ValueError(f'{value!r} is not a share: write "0.1%" or a number from 0 to 1')
    if not 0 <= share <= 1:
        raise ValueError(f"{value!r} is not allowed: a share is from 0% to 100%")
    return round(share * WHOLE_SHARE) / WHOLE_SHARE


def _page(value: Any) -> int:
    parsed = BYTES.parse(value)
    if parsed not in PAGE_SIZES:
        raise ValueError(f"{value!r} is not allowed: pages are 4KiB, 2MiB or 1GiB")
    return parsed


Share = Annotated[float, BeforeValidator(_share)]
Page = Annotated[int, BeforeValidator(Reads(BYTES, _page))]
Headers = Annotated[int, whole(0, MOST_HEADER_CREDITS)]
Data = Annotated[int, whole(0, MOST_DATA_CREDITS)]


def named(parameter: str) -> BeforeValidator:
    """A validator: the name of a policy."""
    return one_of(*choices(parameter))


Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]
Size = Annotated[int, quantity(BYTES, 1, 1 << 30)]
FrameSize = Annotated[int, quantity(BYTES, MINIMUM_FRAME, max(p.max_frame for p in PROFILES.values()))]
Time = Annotated[int, quantity(DURATION, 0, LIMIT_PS)]
PositiveTime = Annotated[int, quantity(DURATION, 1, LIMIT_PS)]


def power_of_two_bytes() -> BeforeValidator:
    """A validator for MPS and MRRS: sizes that PCIe can encode."""

    def check(value: Any) -> int:
        parsed = BYTES.parse(value)
        if parsed not in PAYLOAD_SIZES:
            raise ValueError(f"{value!r} is not allowed: it must be a power of two from 128B to 4096B")
        return parsed

    return BeforeValidator(Reads(BYTES, check))


def is_vf_number(who: str) -> bool:
    return who.isascii() and who.isdigit() and len(who) < 6 and str(int(who)) == who


def as_load(value: Any) -> Load:
    """A validator: a load, in text or as it is."""
    return value if isinstance(value, Load) else Load.parse(value)
