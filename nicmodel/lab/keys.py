"""The sections of a scenario, key by key. What a value may be is said by `validators.py`; which values fit together is decided in
`scenario.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator
from pydantic.fields import FieldInfo

from nicmodel.datasheet.pcie_link import GENERATIONS, LANES, READ_BOUNDARIES
from nicmodel.datasheet.policies import TX_POLICIES, choices
from nicmodel.datasheet.profiles import HOSTS, XEON
from nicmodel.datasheet.registers_pf import ITR_UNIT_PS, LONGEST_ITR_PS
from nicmodel.datasheet.rss import TABLE_ENTRIES
from nicmodel.lab.load import Load
from nicmodel.lab.names import nearest_or
from nicmodel.lab.validators import (
    LOAD,
    Allowed,
    Data,
    Flag,
    FrameSize,
    Headers,
    Page,
    PositiveTime,
    Share,
    Size,
    Text,
    Time,
    is_vf_number,
    named,
    one_of,
    power_of_two_bytes,
    quantity,
    whole,
)
from nicmodel.sim.limits import MOST_JITTER_PS
from nicmodel.sim.units import BITS, BYTES, DURATION, quoted

MAX_SIZES = 4096  # entries of a size mix
A_MUTANT = '{ "3" = "vf_reports_no_capability" }'
A_LOAD = '{ "0" = "saturated" }'
A_MIX = f'a list of at most {MAX_SIZES} sizes, like ["64B", "576B"]'
MAX_CONNECTIONS = 256  # of a function
LEAST_RATE = 1000  # bit/s, of a shaper: its byte takes less than MOST_BYTE_TICKS
MAX_TAGS = 768  # PCIe: ten-bit tags, of which a requester may not use the lowest quarter


def policy(parameter: str, description: str) -> Any:
    """The field of an arbiter's policy: a row of the datasheet, its first by default."""
    return Field(default=choices(parameter)[0], description=description)


class Section(BaseModel):
    """A table of keys; unknown ones are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, validate_default=True)


def walk(table: type[Section], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key that a table, and the tables in it, may hold: dotted, with its field. A list of tables is one key."""
    for name, field in table.model_fields.items():
        key = prefix + (field.alias or name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            yield from walk(field.annotation, f"{key}.")
        else:
            yield key, field


class NicKeys(Section):
    """[nic]: the adapter's own choices."""

    scheduler: Annotated[Text, one_of(*(p.name for p in TX_POLICIES))] = Field(
        default=TX_POLICIES[0].name, description="who gets the next Tx turn"
    )
    no_descriptor: Annotated[Text, one_of("drop", "block")] = Field(
        default="drop", description="what happens to a received frame whose ring has no descriptor"
    )
    anti_spoofing: Flag = Field(
        default=False, description="whether VFs may send only from the addresses, and in the VLANs, of their filters"
    )
    tx_buffer: Size = Field(default=0, description="bytes of the Tx packet buffer", validate_default=False)
    rx_buffer: Size = Field(default=0, description="bytes of the Rx packet buffer", validate_default=False)
    read_buffer: Size = Field(
        default=0, description="bytes reserved on board for read completions", validate_default=False
    )
    tag_cap: Annotated[int, whole(0, MAX_TAGS)] = Field(
        default=0, description="tags that one function may hold, 0: all"
    )
    tag_reserve: Annotated[int, whole(0, MAX_TAGS - 1)] = Field(
        default=0, description="tags that payload reads leave to descriptor reads"
    )
    read_cycles: Annotated[int, whole(0, 10_000)] = Field(
        default=0, description="core cycles between two read requests, 0: as many as fit"
    )
    write_cycles: Annotated[int, whole(1, 10_000)] = Field(
        default=1, description="core cycles between two DMA writes"
    )
    tag_classes: Annotated[Text, named("tag_classes")] = policy("tag_classes", "which kind of read goes first")
    tag_functions: Annotated[Text, named("tag_functions")] = policy(
        "tag_functions", "whose read goes first within a kind"
    )
    fetch: Annotated[Text, named("fetch")] = policy("fetch", "which ring fetches descriptors next")
    writers: Annotated[Text, named("writers")] = policy("writers", "Rx writes against Tx write-backs")
    vf_rate: Annotated[int, quantity(BITS, LEAST_RATE, 10**12, or_0=True)] = Field(
        default=0, description="most that a VF may send, in frame bits a second, 0: no shaper"
    )
    vf_burst: Annotated[int, quantity(BYTES, 0, 1 << 30)] = Field(
        default=0, description="bytes that an idle VF may send at once beyond its rate"
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
    rcb: Annotated[int, one_of(*READ_BOUNDARIES, kind=BYTES)] = Field(
        default=0, description="read completion boundary", validate_default=False
    )
    tags: Annotated[int, whole(1, MAX_TAGS)] = Field(
        default=0, description="outstanding read requests", validate_default=False
    )
    split_rcb: Flag = Field(default=XEON.split_rcb, description="completions end at every RCB multiple")
    completions: Annotated[Text, named("completions")] = policy(
        "completions", "whether reads being answered take turns"
    )
    upstream: Annotated[Text, named("upstream")] = policy("upstream", "which kind of TLP goes first to the host")
    downstream: Annotated[Text, named("downstream")] = policy(
        "downstream", "which kind of TLP goes first to the adapter"
    )
    relaxed_ordering: Flag = Field(default=False, description="payload may pass older posted writes")
    ido: Flag = Field(default=False, description="TLPs of different functions are not ordered")
    ecrc: Flag = Field(default=False, description="every TLP ends with a digest of 4 bytes")
    dllps: Annotated[Text, one_of("exact", "published")] = Field(
        default="exact",
        description="Acks, credit updates and SKPs byte by byte, or the published bandwidth curves' share",
    )
    host_ph: Headers = Field(default=0, description="posted header credits of the host, 0: infinite")
    host_pd: Data = Field(default=0, description="posted data credits of the host")
    host_nph: Headers = Field(default=0, description="non-posted header credits of the host")
    host_npd: Data = Field(default=0, description="non-posted data credits of the host")
    host_cplh: Headers = Field(default=0, description="completion header credits of the host")
    host_cpld: Data = Field(default=0, description="completion data credits of the host")
    device_ph: Headers = Field(default=0, description="posted header credits of the adapter, 0: infinite")
    device_pd: Data = Field(default=0, description="posted data credits of the adapter")
    device_nph: Headers = Field(default=0, description="non-posted header credits of the adapter")
    device_npd: Data = Field(default=0, description="non-posted data credits of the adapter")
    device_cplh: Headers = Field(default=0, description="completion header credits of the adapter")
    device_cpld: Data = Field(default=0, description="completion data credits of the adapter")


class HostKeys(Section):
    """[host]: memory, IOMMU, CPU cores and interrupt latency. What is not said is the host profile's."""

    profile: Annotated[Text, one_of(*HOSTS)] = Field(default=XEON.name, description="the host's table")
    read_latency: Time = Field(default=0, description="request at the root complex to completion ready")
    read_jitter: Annotated[int, quantity(DURATION, 0, MOST_JITTER_PS)] = Field(
        default=0, description="uniform extra of a read, at most this"
    )
    write_latency: Time = Field(default=0, description="posted write at the root complex to visible")
    irq_latency: Time = Field(default=0, description="MSI-X at the host to the handler's first instruction")
    remote_latency: Time = Field(default=0, description="extra of every read: memory of the other socket")
    dram_latency: Time = Field(default=0, description="extra of a read that misses the last-level cache")
    dram_share: Share = Field(default=0, description="share of reads that do", validate_default=False)
    tail_latency: Time = Field(default=0, description="extra of a late read")
    tail_share: Share = Field(default=0, description="share of late reads", validate_default=False)
    iotlb_entries: Annotated[int, whole(0, 1 << 20)] = Field(
        default=0, description="translations the IOMMU keeps, 0: no IOMMU"
    )
    page_size: Page = Field(default=1 << 12, description="page size of the guests' memory")
    walkers: Annotated[int, whole(1, 1024)] = Field(default=1, description="page walks at a time")
    walk_latency: PositiveTime = Field(default=1, description="a page walk")
    walks: Annotated[Text, named("walks")] = policy("walks", "whose page walk goes first")
    cores: Annotated[int, whole(0, 4096)] = Field(
        default=0, description="CPU cores that VFs share in turns by number, 0: one a queue pair"
    )
    core_switch: Time = Field(default=0, description="CPU time of taking up another VF's work on a shared core")


def _mutants(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
        raise ValueError(f"{quoted(value)} is not allowed: write a table like {A_MUTANT}")
    if value:
        from drivers.mutants import MUTANTS
        from nicmodel.lab.own_drivers import driver_class, may_be

        for who, name in value.items():
            kind = "pf" if who == "pf" else "vf"
            if who != "pf" and not is_vf_number(who):
                raise ValueError(f'"{who}" is not allowed: a driver is named by its VF number or pf')
            if ":" in name:
                if not may_be(driver_class(name), kind):
                    raise ValueError(f'"{name}" is not allowed: it is no driver of a {kind.upper()}')
                continue
            allowed = [n for n in MUTANTS if n.startswith(kind + "_")]
            if name not in allowed:
                known = nearest_or(name, allowed, "the nearest", "those that there are stand in drivers/mutants_*.py")
                raise ValueError(f'"{name}" is no broken {kind.upper()} driver; {known}')
    return value


Mutants = Annotated[dict[str, str], Allowed(_mutants, words=f"a table like {A_MUTANT}")]


class DriverKeys(Section):
    """[driver]: how the miniports drive their rings, and which of them are broken on purpose."""

    batch: Annotated[int, whole(1, 1024)] = Field(default=32, description="packets per pass over a ring")
    rs_batch: Annotated[int, whole(1, 1024)] = Field(
        default=1, description="Tx completion reports are asked for one in so many packets"
    )
    pass_cost: Time = Field(default=0, description="CPU time of a pass over the rings, empty")
    irq_cost: Time = Field(default=0, description="CPU time of taking an interrupt")
    tx_cost: Time = Field(default=0, description="CPU time per frame sent")
    rx_cost: Time = Field(default=0, description="CPU time per frame received")
    doorbell_cost: Time = Field(default=0, description="CPU time per tail written")
    itr: Annotated[int, quantity(DURATION, ITR_UNIT_PS, LONGEST_ITR_PS, or_0=True)] = Field(
        default=0, description="least time between two interrupts of a vector, rounded down to the steps of EITR, "
        f"{DURATION.format(ITR_UNIT_PS)}; 0: none"
    )
    poll: Time = Field(
        default=0, description="poll at this interval instead of waiting for interrupts, 0: interrupts"
    )
    rss: Flag = Field(default=False, description="VFs spread what they receive over their queues, by an indirection table each")
    rss_entries: Annotated[int, whole(0, TABLE_ENTRIES)] = Field(
        default=0, description="entries of that table, a power of two, 0: as many as the adapter has"
    )
    switch_creation: Annotated[Literal["static", "dynamic"], one_of("static", "dynamic")] = Field(
        default="static", description="the PF's driver creates the NIC switch during initialisation, or when NDIS asks for it"
    )
    mutants: Mutants = Field(
        default_factory=dict, description="VF number, or pf -> a driver broken on purpose, or one's own as module:Class"
    )


def _loads(value: Any) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{quoted(value)} is not allowed: write a table like {A_LOAD}")
    for who in value:
        if not is_vf_number(who):
            raise ValueError(f'"{who}" is not allowed: a load is that of a VF, by its number')
    return value


def _sizes(value: Any) -> Any:
    if not isinstance(value, list | tuple) or len(value) > MAX_SIZES:
        raise ValueError(f"it must be {A_MIX}")
    return value


LoadsByVf = Annotated[dict[str, Annotated[Load, LOAD, PlainSerializer(str)]], Allowed(_loads, words=f"a table like {A_LOAD}")]
Mix = Annotated[tuple[FrameSize, ...], Allowed(_sizes, words=A_MIX)]


class TrafficKeys(Section):
    """[traffic]: who sends besides the VFs, and mixes of sizes."""

    pf: Flag = Field(default=False, description="the PF has a queue and traffic like a VF's")
    connections: Annotated[int, whole(0, MAX_CONNECTIONS)] = Field(
        default=0, description="TCP connections that each function receives over in turns, 0: frames carry no IP"
    )
    loads: LoadsByVf = Field(
        default_factory=dict, description="VF number -> its own load, each read as if all had it; the others keep load"
    )
    sizes: Mix = Field(
        default=(), description="frame sizes, repeated in this order, instead of frame_size"
    )


FAULT_KINDS = {"flr": ("vf",), "pause": ("duration",), "wire_down": ("duration",), "retrain": ("duration", "gen", "lanes")}


class Fault(Section):
    """[[faults.events]]: something that takes back, at a time after the start of traffic, what has not been sent."""

    at: Time = Field(description="after the start of traffic")
    kind: Annotated[Text, one_of(*FAULT_KINDS)] = Field(
        description="a VF is reset; the partner pauses the wire; the wire goes down; PCIe retrains"
    )
    vf: Annotated[int, whole(0, 1 << 16)] | None = Field(default=None, description="which VF is reset")
    duration: Time = Field(default=0, description="how long it lasts; a wire stays down without")
    gen: Annotated[int, one_of(*GENERATIONS)] | None = Field(
        default=None, description="PCIe generation from then on, else [pcie]'s"
    )
    lanes: Annotated[int, one_of(*LANES)] | None = Field(default=None, description="link width from then on, else [pcie]'s")

    @model_validator(mode="after")
    def _fits(self) -> Fault:
        """Each kind has its own keys."""
        takes = FAULT_KINDS[self.kind]
        for key in ("vf", "duration", "gen", "lanes"):
            if getattr(self, key) not in (None, 0) and key not in takes:
                raise ValueError(f'"{self.kind}" takes no {key}: beside at and kind it takes {", ".join(takes)}')
        if self.kind == "flr" and self.vf is None:
            raise ValueError('"flr" needs vf, the number of the VF that is reset')
        if self.kind in ("pause", "retrain") and not self.duration:
            raise ValueError(f'"{self.kind}" needs a duration')
        return self


class FaultKeys(Section):
    """[faults]: what happens to a run on purpose."""

    events: tuple[Fault, ...] = Field(default=(), description="what is taken back, and when")


class RecordKeys(Section):
    """[record]: what is kept besides counters."""

    rows: Flag = Field(default=False, description="keep one row a packet with its stage timestamps")
    row_group: Annotated[int, whole(1, 1 << 24)] = Field(
        default=1 << 17, description="rows that wait in memory before they go to the file, one of its groups"
    )
    books: Flag = Field(default=True, description="keep the books: what packets wait for, and what limits each VF")
