"""A scenario: one experiment, complete and possible.

What the author left out of [nic], [pcie] and [host] is filled from the adapter's and the host's tables.
Values are checked alone by `validators.py`, and with each other by `together.py`. Sizes are bytes, times ps,
rates bit/s or packets/s. Reading files, overrides and the wording of errors: `loading.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, field_validator, model_validator

from nicmodel.datasheet.ethernet import AROUND_BYTES, MAX_QUANTA, PAUSE_QUANTUM_BYTES
from nicmodel.datasheet.profiles import HOSTS, PROFILES, XEON, HostProfile, Profile
from nicmodel.lab.expect import Expectation
from nicmodel.lab.keys import DriverKeys, FaultKeys, HostKeys, NicKeys, PcieKeys, RecordKeys, Section, TrafficKeys
from nicmodel.lab.life_keys import LifeKeys
from nicmodel.lab.load import Load
from nicmodel.lab.validators import LOAD, FrameSize, PositiveTime, Text, Time, one_of, up_to, whole
from nicmodel.sim.plane import PF_FUNCTION, WHOLE_SHARE, Direction
from nicmodel.sim.units import DURATION

SCHEMA = 1
MIN_RING, MAX_RING, RING_STEP = 64, 8192, 8  # descriptors; 82599: a multiple of 128 B, up to 128 KB
DIRECTIONS = ("tx", "rx", "both", "vf2vf")
CREDITS = ("ph", "pd", "nph", "npd", "cplh", "cpld")


class Scenario(Section):
    """One experiment, complete: `_fill` puts the adapter's own values where nothing was said."""

    id: Text = Field(default="unnamed", description="its name; a file's own by default")
    doc: Text = Field(default="", description="what it asks, in a sentence")
    schema_number: Annotated[int, one_of(SCHEMA)] = Field(
        default=SCHEMA, alias="schema", description="version of this format"
    )
    profile: Annotated[Text, one_of(*PROFILES)] = Field(default="vf100g", description="the adapter's table")
    num_vfs: Annotated[int, up_to("max_vfs", "VFs")] = Field(default=8, description="VFs that the PF enables")
    frame_size: FrameSize = Field(default=512, description="size of every frame, with FCS")
    direction: Annotated[Text, one_of(*DIRECTIONS)] = Field(
        default="tx", description="VFs send, receive, do both, or send to the next VF"
    )
    load: Annotated[Load, LOAD, PlainSerializer(str)] = Field(
        default_factory=lambda: Load("saturated"),
        description="what is offered to each VF in each direction: as much as it takes, a rate of frame bytes or of frames, or "
        "its even part of a share of the line, preamble and gap included"
    )
    warmup: Time = Field(default=20_000_000, description="traffic before anything is measured")
    duration: PositiveTime = Field(default=200_000_000, description="the measured window")
    packets: Annotated[int, whole(0, 10**12)] = Field(
        default=0, description="end the window when about so many frames have been delivered, 0: no cap"
    )
    seed: Annotated[int, whole(0, (1 << 63) - 1)] = Field(default=1, description="of every random draw")
    ring_size: Annotated[int, whole(MIN_RING, MAX_RING, f"a multiple of {RING_STEP}")] = Field(
        default=512, description="descriptors of each ring"
    )
    queues_per_vf: Annotated[int, up_to("queues_per_pool", "queues per VF")] = Field(
        default=1, description="queue pairs of each VF"
    )
    payload: Annotated[Literal["full", "headers", "lengths"], one_of("full", "headers", "lengths")] = Field(
        default="lengths", description="how much of a frame is moved as bytes: all, its headers, or none; times are the same"
    )
    nic: NicKeys = NicKeys()
    pcie: PcieKeys = PcieKeys()
    host: HostKeys = HostKeys()
    driver: DriverKeys = DriverKeys()
    traffic: TrafficKeys = TrafficKeys()
    faults: FaultKeys = FaultKeys()
    life: LifeKeys = LifeKeys()
    record: RecordKeys = RecordKeys()
    expect: tuple[Expectation, ...] = Field(default=(), description="what must be true of the figures")

    @model_validator(mode="before")
    @classmethod
    def _fill(cls, data: Any) -> Any:
        """Put the tables' values where the author said nothing."""
        if not isinstance(data, dict):
            return data
        profile = (
            PROFILES.get(data.get("profile", "vf100g")) if isinstance(data.get("profile", ""), str) else None
        )
        if profile is None:
            return data  # the profile's own error says more
        given = data.get("host")
        chosen = given.get("profile", XEON.name) if isinstance(given, dict) else XEON.name
        host = HOSTS.get(chosen, XEON) if isinstance(chosen, str) else XEON
        return data | {
            name: _under(data.get(name, {}), defaults(profile, host)) for name, defaults in FILLERS.items()
        }

    @field_validator("ring_size")
    @classmethod
    def _ring_step(cls, value: int) -> int:
        if value % RING_STEP:
            raise ValueError(
                f"{value} is not allowed: it must be a multiple of {RING_STEP} from {MIN_RING} to {MAX_RING}"
            )
        return value

    @property
    def adapter(self) -> Profile:
        """The adapter's table."""
        return PROFILES[self.profile]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Frame sizes in bytes, FCS included; they repeat by packet number."""
        return self.traffic.sizes or (self.frame_size,)

    @property
    def transmits(self) -> bool:
        """Whether VFs send."""
        return self.direction != "rx"

    @property
    def receives(self) -> bool:
        """Whether the wire brings frames; those of `vf2vf` come from VFs."""
        return self.direction in ("rx", "both")

    @property
    def longest_pause(self) -> int:
        """What a PAUSE can ask for at most, in ps."""
        return MAX_QUANTA * PAUSE_QUANTUM_BYTES * 8 * 1000 // self.adapter.link_gbps

    @property
    def senders(self) -> int:
        """Functions that share the line: the VFs, and the PF if it has traffic."""
        return self.num_vfs + int(self.traffic.pf)

    def load_of(self, function: int) -> Load:
        """What is offered to a function: 0 is the PF, 1 + v VF v."""
        return self.traffic.loads.get(str(function - 1), self.load)

    def receiver(self, function: int) -> int:
        """To which function a VF's frames go with direction `vf2vf`."""
        return 1 + function % self.num_vfs

    def interval_ticks(self, direction: Direction, function: int = PF_FUNCTION) -> int:
        """Spacing of one function's frames in 1/1024 ps; 0: as fast as its ring takes them (Tx only). The PF has what VFs have
        that have no load of their own.

        A rate counts frame bytes, per function and direction; a share is of the line with preamble and gap,
        split evenly. Saturated Rx is the whole line.
        """
        mean = sum(self.sizes), len(self.sizes)
        line = self.adapter.link_gbps * 10**9
        return self.load_of(function).interval_ticks(mean, line, self.senders, AROUND_BYTES, rx=direction == Direction.RX)

    def missing_vf(self, number: int) -> str | None:
        """A sentence about a VF that there is not; None if there is one of this number."""
        return None if number < self.num_vfs else f"there is no VF {number}: VFs are numbered 0 to {self.num_vfs - 1}"

    def too_late(self, at: int) -> str | None:
        """A sentence about a time after the start of traffic, in ps, that the run does not come to; None if it does."""
        end = self.warmup + self.duration
        return None if at < end else (
            f"{DURATION.format(at)} is not allowed: the run ends {DURATION.format(end)} after the start of traffic"
        )

    def config(self) -> dict[str, Any]:
        """Every key with its value in base units: what a result and a sweep's key record."""
        return self.model_dump(mode="json", by_alias=True)


def _under(given: Any, defaults: dict[str, Any]) -> Any:
    return defaults | given if isinstance(given, dict) else given


FILLERS: dict[str, Callable[[Profile, HostProfile], dict[str, Any]]] = {
    "nic": lambda p, h: {"tx_buffer": p.tx_buffer, "rx_buffer": p.rx_buffer, "read_buffer": p.read_buffer},
    "pcie": lambda p, h: {
        "gen": p.pcie_gen,
        "lanes": p.lanes,
        "mps": p.mps,
        "mrrs": p.mrrs,
        "rcb": h.rcb,
        "split_rcb": h.split_rcb,
        "tags": p.tags,
        **{f"host_{pool}": getattr(h, f"host_{pool}") for pool in CREDITS},
        **{f"device_{pool}": getattr(p, f"device_{pool}", 0) for pool in CREDITS},
    },
    "host": lambda p, h: {
        "read_latency": h.read_latency_ps,
        "read_jitter": h.read_jitter_ps,
        "write_latency": h.write_latency_ps,
        "irq_latency": h.irq_latency_ps,
        "remote_latency": h.remote_ps,
        "dram_latency": h.dram_ps,
        "dram_share": h.dram_share / WHOLE_SHARE,
        "tail_latency": h.tail_ps,
        "tail_share": h.tail_share / WHOLE_SHARE,
        "iotlb_entries": h.iotlb_entries,
        "walkers": h.walkers,
        "walk_latency": h.walk_ps,
        "core_switch": h.core_switch_ps,
    },
    "driver": lambda p, h: {
        "pass_cost": h.pass_cost_ps,
        "irq_cost": h.irq_cost_ps,
        "tx_cost": h.tx_packet_cost_ps,
        "rx_cost": h.rx_packet_cost_ps,
        "doorbell_cost": h.doorbell_cost_ps,
    },
}
