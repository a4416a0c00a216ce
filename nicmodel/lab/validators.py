"""What the value of a key may be: validators that a scenario's keys are made of, one value at a time.

A validator either returns a value in base units or raises ValueError with what is allowed, in words; the same words are in
its `words`, for those who list the keys (`key_tables.py`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationInfo

from nicmodel.datasheet.ethernet import MINIMUM_FRAME
from nicmodel.datasheet.pcie_link import MOST_DATA_CREDITS, MOST_HEADER_CREDITS, PAYLOAD_SIZES
from nicmodel.datasheet.policies import choices
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.lab.load import FORMS, Load
from nicmodel.sim.limits import PAGE_SHIFTS
from nicmodel.sim.plane import WHOLE_SHARE
from nicmodel.sim.units import BYTES, DURATION, Kind, quoted, split

LIMIT_PS = 10**15  # a thousand seconds: beyond any run, below the clock's end
PAGE_SIZES = {1 << shift: shift for shift in PAGE_SHIFTS}  # bytes and shift
SHARE_FORMS = '"0.1%" or a number from 0 to 1'


@dataclass(frozen=True, kw_only=True)
class Allowed(BeforeValidator):
    """A validator that can say what it takes; `kind` is that of a quantity."""

    words: str
    kind: Kind | None = None


def whole(low: int, high: int, noun: str = "a whole number") -> Allowed:
    """A validator: an integer (no bool, no float) between two bounds, in words."""
    words = f"{noun} from {low} to {high}"

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"{quoted(value)} is not allowed: it must be {words}")
        return value

    return Allowed(check, words=words)


def up_to(attribute: str, noun: str) -> Allowed:
    """A validator: an integer from 1 to what the scenario's profile has of it."""
    words = {name: f"profile {name} takes 1 to {getattr(profile, attribute)}" for name, profile in PROFILES.items()}

    def check(value: Any, info: ValidationInfo) -> int:
        profile = PROFILES.get(info.data.get("profile", ""))  # absent if the profile itself was refused
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or value < 1 or (profile and value > getattr(profile, attribute)):
            kind = "" if whole else "it must be a whole number: "
            raise ValueError(f"{quoted(value)} is not allowed: {kind}{words[profile.name] if profile else '1 or more'} {noun}")
        return value

    return Allowed(check, words=f"a whole number: {', '.join(words.values())}")


def one_of(*allowed: Any, kind: Kind | None = None) -> Allowed:
    """A validator: one of a few values, which may be quantities."""
    words = f"one of {', '.join(map(kind.format if kind else str, allowed))}"

    def check(value: Any) -> Any:
        value = kind.parse(value) if kind else value
        if isinstance(value, bool) != isinstance(allowed[0], bool) or isinstance(value, float) or value not in allowed:
            raise ValueError(f"{quoted(value)} is not allowed: it must be {words}")
        return value

    return Allowed(check, words=f"{kind.noun}: {words}" if kind else words, kind=kind)


def quantity(kind: Kind, low: int, high: int, *, or_0: bool = False) -> Allowed:
    """A validator: a quantity with its unit, between two bounds, or 0."""
    words = f"{'0 or ' if or_0 else ''}from {kind.format(low)} to {kind.format(high)}"

    def check(value: Any) -> int:
        parsed = kind.parse(value)
        if not (low <= parsed <= high or or_0 and parsed == 0):
            raise ValueError(f"{quoted(value)} is not allowed: it must be {words}")
        return parsed

    return Allowed(check, words=f"{kind.noun}{':' if or_0 else ''} {words}", kind=kind)


def sizes(allowed: Collection[int], words: str, verb: str = "it must be") -> Allowed:
    """A validator: one of some sizes, which the words tell."""

    def check(value: Any) -> int:
        parsed = BYTES.parse(value)
        if parsed not in allowed:
            raise ValueError(f"{quoted(value)} is not allowed: {verb} {words}")
        return parsed

    return Allowed(check, words=f"{BYTES.noun}: {words}", kind=BYTES)


def power_of_two_bytes() -> Allowed:
    """A validator for MPS and MRRS: sizes that PCIe can encode."""
    return sizes(PAYLOAD_SIZES, f"a power of two from {PAYLOAD_SIZES[0]}B to {PAYLOAD_SIZES[-1]}B")


def named(parameter: str) -> Allowed:
    """A validator: the name of a policy."""
    return one_of(*choices(parameter))


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{quoted(value)} is not allowed: it must be true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is not text")
    return value


def as_share(value: Any) -> float:
    """A share of reads, a multiple of 1/65536: text like "0.1%", or a number from 0 to 1."""
    number, unit = (split(value) if isinstance(value, str) else None) or (None, "")
    if number is not None and unit == "%":
        share = number / 100
    elif not isinstance(value, bool) and (isinstance(value, int) or (isinstance(value, float) and isfinite(value))):
        share = Fraction(str(value))
    else:
        raise ValueError(f"{quoted(value)} is not a share: write {SHARE_FORMS}")
    if not 0 <= share <= 1:
        raise ValueError(f"{quoted(value)} is not allowed: a share is from 0% to 100%")
    return round(share * WHOLE_SHARE) / WHOLE_SHARE


def _pages() -> Allowed:
    *most, last = map(BYTES.format, PAGE_SIZES)
    return sizes(PAGE_SIZES, f"{', '.join(most)} or {last}", "pages are")


def is_vf_number(who: str) -> bool:
    return who.isascii() and who.isdigit() and len(who) < 6 and str(int(who)) == who


def as_load(value: Any) -> Load:
    """A validator: a load, in text or as it is."""
    return value if isinstance(value, Load) else Load.parse(value)


LOAD = Allowed(as_load, words=FORMS)
Flag = Annotated[bool, Allowed(_flag, words="true or false")]
Text = Annotated[str, Allowed(_text, words="text")]
Share = Annotated[float, Allowed(as_share, words=f"a share: {SHARE_FORMS}")]
Page = Annotated[int, _pages()]
Headers = Annotated[int, whole(0, MOST_HEADER_CREDITS)]
Data = Annotated[int, whole(0, MOST_DATA_CREDITS)]
Size = Annotated[int, quantity(BYTES, 1, 1 << 30)]
FrameSize = Annotated[int, quantity(BYTES, MINIMUM_FRAME, max(p.max_frame for p in PROFILES.values()))]
Time = Annotated[int, quantity(DURATION, 0, LIMIT_PS)]
PositiveTime = Annotated[int, quantity(DURATION, 1, LIMIT_PS)]
