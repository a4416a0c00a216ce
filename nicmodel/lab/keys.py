"""The sections of a scenario, key by key, and the validators they are made of: one value at a time.

A validator either returns a value in base units or raises ValueError with what is allowed, in words. Which
values fit together is decided in `scenario.py`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from nicmodel.datasheet.pcie_link import GENERATIONS, LANES
from nicmodel.datasheet.policies import TX_POLICIES
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.sim.units import BYTES, DURATION, Kind

MIN_FRAME = 64  # bytes, FCS included: the Ethernet minimum
PAYLOAD_SIZES = (128, 256, 512, 1024, 2048, 4096)  # bytes: what PCIe can encode as MPS and MRRS
MAX_SIZES = 4096  # entries of a size mix
LIMIT_PS = 10**15  # a thousand seconds: beyond any run, below the clock's end


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
        if isinstance(value, bool) != isinstance(allowed[0], bool) or value not in allowed:
            raise ValueError(f"{value!r} is not allowed: it must be one of {', '.join(map(str, allowed))}")
        return value

    return BeforeValidator(check)


def quantity(kind: Kind, low: int, high: int) -> BeforeValidator:
    """A validator: a quantity with its unit, between two bounds."""

    def check(value: Any) -> int:
        parsed = kind.parse(value)
        if not low <= parsed <= high:
            raise ValueError(
                f"{value!r} is not allowed: it must be from {kind.format(low)} to {kind.format(high)}"
            )
        return parsed

    return BeforeValidator(check)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not allowed: it must be true or false")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not text")
    return value


Flag = Annotated[bool, BeforeValidator(_flag)]
Text = Annotated[str, BeforeValidator(_text)]
Size = Annotated[int, quantity(BYTES, 1, 1 << 30)]
FrameSize = Annotated[int, quantity(BYTES, MIN_FRAME, max(p.max_frame for p in PROFILES.values()))]
Time = Annotated[int, quantity(DURATION, 0, LIMIT_PS)]
PositiveTime = Annotated[int, quantity(DURATION, 1, LIMIT_PS)]


def power_of_two_bytes() -> BeforeValidator:
    """A validator for MPS and MRRS: sizes that PCIe can encode."""

    def check(value: Any) -> int:
        parsed = BYTES.parse(value)
        if parsed not in PAYLOAD_SIZES:
            raise ValueError(f"{value!r} is not allowed: it must be a power of two from 128B to 4096B")
        return parsed

    return BeforeValidator(check)


class Section(BaseModel):
    """A table of keys; unknown ones are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, validate_default=True)


class NicKeys(Section):
    """[nic]: the adapter's own choices."""

    scheduler: Annotated[Text, one_of(*(p.name for p in TX_POLICIES))] = Field(
        default=TX_POLICIES[0].name, description="who gets the next Tx turn"
    )
    no_descriptor: Annotated[Text, one_of("drop", "block")] = Field(
        default="drop", description="what happens to a received frame whose ring has no descriptor"
    )
    tx_buffer: Size = Field(default=0, description="bytes of the Tx packet buffer", validate_default=False)
    rx_buffer: Size = Field(default=0, description="bytes of the Rx packet buffer", validate_default=False)
    read_buffer: Size = Field(
        default=0, description="bytes reserved on board for read completions", validate_default=False
    )


class PcieKeys(Section):
    """[pcie]: the link between adapter and host."""

    gen: Annotated[int, one_of(*GENERATIONS)] = Field(
        default=0, description="PCIe generation", validate_default=False
    )
    lanes: Annotated[int, one_of(*LANES)] = Field(default=0, description="link width", validate_default=False)
    mps: Annotated[int, power_of_two_bytes()] = Field(
        default=0, description="maximum payload of a TLP", validate_default=False
    )
    mrrs: Annotated[int, power_of_two_bytes()] = Field(
        default=0, description="maximum read request", validate_default=False
    )
    rcb: Annotated[int, one_of(64, 128), BeforeValidator(BYTES.parse)] = Field(
        default=0, description="read completion boundary", validate_default=False
    )
    tags: Annotated[int, whole(1, 1024)] = Field(
        default=0, description="outstanding read requests", validate_default=False
    )


class HostKeys(Section):
    """[host]: memory and interrupt latency."""

    read_latency: Time = Field(default=0, description="request at the root complex to completion ready")
    read_jitter: Time = Field(default=0, description="uniform extra of a read, at most this")
    write_latency: Time = Field(default=0, description="posted write at the root complex to visible")
    irq_latency: Time = Field(default=0, description="MSI-X at the host to the handler's first instruction")


class DriverKeys(Section):
    """[driver]: how the miniports drive their rings, and which of them are broken on purpose."""

    batch: Annotated[int, whole(1, 1024)] = Field(default=32, description="packets per pass over a ring")
    itr: Time = Field(
        default=0, description="least time between two interrupts of a vector (82599 EITR), 0: none"
    )
    poll: Time = Field(
        default=0, description="poll at this interval instead of waiting for interrupts, 0: interrupts"
    )
    mutants: dict[str, str] = Field(
        default_factory=dict, description="VF number, or pf -> a driver broken on purpose"
    )

    @field_validator("mutants", mode="before")
    @classmethod
    def _mutants(cls, value: Any) -> dict[str, str]:
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise ValueError(
                f'{value!r} is not allowed: write a table like {{ "3" = "vf_reports_no_capability" }}'
            )
        if value:
            from drivers.mutants import MUTANTS

            for who, name in value.items():
                kind = "pf" if who == "pf" else "vf"
                if who != "pf" and not (who.isascii() and who.isdigit() and str(int(who)) == who):
                    raise ValueError(f'"{who}" is not allowed: a driver is named by its VF number or pf')
                allowed = [n for n in MUTANTS if n.startswith(kind + "_")]
                if name not in allowed:
                    from nicmodel.lab.loading import nearest

                    raise ValueError(
                        f'"{name}" is no broken {kind.upper()} driver; the nearest is '
                        f"{nearest(name, allowed)}"
                    )
        return value


class TrafficKeys(Section):
    """[traffic]: who sends besides the VFs, and mixes of sizes."""

    pf: Flag = Field(default=False, description="the PF has a queue and traffic like a VF's")
    sizes: tuple[FrameSize, ...] = Field(
        default=(), description="frame sizes, repeated in this order, instead of frame_size"
    )

    @field_validator("sizes", mode="before")
    @classmethod
    def _sizes(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple) or len(value) > MAX_SIZES:
            raise ValueError(f'it must be a list of at most {MAX_SIZES} sizes, like ["64B", "576B"]')
        return value


class FaultKeys(Section):
    """[faults]: nothing can be broken on purpose here yet; the section takes no keys."""


class RecordKeys(Section):
    """[record]: what is kept besides counters."""

    rows: Flag = Field(default=False, description="keep one row a packet with its stage timestamps")
