"""How each resource is made a little larger: one row a resource, in numbers of the plane, of drivers and of traffic.

A row says which resources of the rate book it widens and returns the change with the factor really applied, after
rounding to whole tags, credits and picoseconds. Nothing runs here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from nicmodel.datasheet.arbiters import ORDER
from nicmodel.datasheet.books import COUNTS, POOLS
from nicmodel.datasheet.ethernet import FCS_BYTES
from nicmodel.datasheet.pcie_link import MOST_DATA_CREDITS, MOST_HEADER_CREDITS
from nicmodel.datasheet.policies import POLICIES
from nicmodel.lab.books import CORE_SERVERS, Window, capacity_of, credit_loads
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import WHOLE_SHARE, AgentConfig

TENTH = Fraction(11, 10)
MOST = {name: MOST_DATA_CREDITS if name.endswith("d") else MOST_HEADER_CREDITS for name in COUNTS.values()}
COSTS = ("irq_cost_ps", "pass_cost_ps", "tx_packet_cost_ps", "rx_packet_cost_ps", "doorbell_cost_ps")


@dataclass(frozen=True)
class Change:
    """What differs from the scenario's machine."""

    config: dict[str, Any] = field(default_factory=dict)             # fields of PlaneConfig
    cpu: Fraction = Fraction(1)                                      # drivers are so much faster
    shaper: Fraction = Fraction(1)                                   # shapers allow so much more
    arrivals: Fraction = Fraction(1)                                 # a saturated wire brings so much more

    def plane(self, config: PlaneConfig) -> PlaneConfig:
        """The plane's numbers, changed."""
        return replace(config, **self.config)

    def agent(self, agent: AgentConfig) -> AgentConfig:
        """The agent with its CPU costs changed; its latencies and batches stay."""
        return replace(agent, **{name: less(getattr(agent, name), self.cpu) for name in COSTS})

    def shaper_words(self, words: tuple[int, int]) -> tuple[int, int]:
        """A shaper's byte time in ticks, changed, and its burst in bytes, which stays."""
        return less(words[0], self.shaper), words[1]

    def arrival_ticks(self, ticks: int) -> int:
        """The interval between arrivals, changed, at least one tick."""
        return max(1, less(ticks, self.arrivals))


Widened = tuple[Change, Fraction] | None
"""What is changed and the factor really applied; None: the machine has none of it."""
Widen = Callable[[Window, Fraction], Widened]


@dataclass(frozen=True)
class Relaxation:
    """One row: its name, the resources of the rate book that it widens, and how."""

    name: str
    resources: tuple[str, ...]
    doc: str
    change: Widen


def less(ps: int, factor: Fraction) -> int:
    """A time divided by a factor, to the nearest whole one."""
    return round(Fraction(ps) / factor)


def more(count: int, factor: Fraction, least: int = 1) -> int:
    """A count times a factor, and at least so many more."""
    return max(count + least, round(count * factor)) if factor > 1 else count


def _shorter(name: str) -> Widen:
    """A time of the configuration, if it is not 0."""
    def change(w: Window, factor: Fraction) -> Widened:
        old = getattr(w.workload.config, name)
        new = max(1, less(old, factor))
        return (Change({name: new}), Fraction(old, new)) if old else None
    return change


def _larger(name: str, least: Callable[[PlaneConfig], int] = lambda config: 1) -> Widen:
    """A count of the configuration, if it is not 0 (which is: infinite)."""
    def change(w: Window, factor: Fraction) -> Widened:
        old = getattr(w.workload.config, name)
        new = more(old, factor, least(w.workload.config))
        return (Change({name: new}), Fraction(new, old)) if old else None
    return change


def _direction(share: str) -> Widen:
    """A byte's time in one direction of PCIe."""
    def change(w: Window, factor: Fraction) -> Widened:
        ticks = w.workload.config.pcie_byte_ticks
        old = getattr(w.workload.config, share)
        new = less(old, factor)
        return Change({share: new}), Fraction(ticks * old // WHOLE_SHARE, ticks * new // WHOLE_SHARE)
    return change


def _wire(w: Window, factor: Fraction) -> Widened:
    """The wire, and with it what a saturated far end sends."""
    old = w.workload.config.wire_byte_ticks
    new = less(old, factor)
    return Change({"wire_byte_ticks": new}, arrivals=Fraction(old, new)), Fraction(old, new)


def _tags(w: Window, factor: Fraction) -> Widened:
    """Tags that payload reads may take: those that are reserved stay as many."""
    old, reserve = capacity_of(w.workload.config, "tags"), w.workload.config.tag_reserve
    new = more(old, factor)
    return Change({"tags": new + reserve}), Fraction(new, old)


def _tx_buffer(w: Window, factor: Fraction) -> Widened:
    """Room for whole frames, of the mean size of those that were sent."""
    old, sent = w.workload.config.tx_buffer, int(w.functions["tx_packets"].sum())
    mean = Fraction(sent_bytes(w), sent) if sent else Fraction(1)
    frames = max(1, int(old / mean))
    new = more(frames, factor)
    return Change({"tx_buffer": max(old, math.ceil(new * mean))}), Fraction(new, frames)


def _credits(resource: str) -> Widen:
    """All finite counts of a direction, as far as PCIe allows; where the fullest may have no more, all are cut instead."""
    def change(w: Window, factor: Fraction) -> Widened:
        loads = credit_loads(w, resource)
        old = {name: getattr(w.workload.config, name) for name in loads if getattr(w.workload.config, name)}
        if not old:
            return None
        fullest = max(old, key=lambda name: loads[name])
        new = {name: min(more(count, factor), MOST[name]) for name, count in old.items()}
        if new[fullest] < more(old[fullest], factor):
            new = {name: max(1, less(count, factor)) for name, count in old.items()}
        return Change(new), Fraction(new[fullest], old[fullest])
    return change


def _latency(w: Window, factor: Fraction) -> Widened:
    config = w.workload.config
    new = {name: less(getattr(config, name), factor) for name in ("read_latency_ps", "remote_ps")}
    old = config.read_latency_ps + config.remote_ps
    return Change(new | {"read_latency_ps": max(1, new["read_latency_ps"])}), Fraction(old, max(1, sum(new.values())))


def _walks(w: Window, factor: Fraction) -> Widened:
    return _shorter("walk_ps")(w, factor) if w.workload.config.iotlb_entries else None


def _cpu(w: Window, factor: Fraction) -> Widened:
    return Change({"core_switch_ps": less(w.workload.config.core_switch_ps, factor)}, cpu=factor), factor


def _shaper(w: Window, factor: Fraction) -> Widened:
    old = w.workload.shaper_ticks
    return (Change(shaper=factor), Fraction(old, less(old, factor))) if old else None


RELAXATIONS = (
    Relaxation("wire", ("wire", "wire_rx"), "a byte on the wire takes less time", _wire),
    Relaxation("up_link", ("up_link",), "a byte takes less time on the way up", _direction("up_share")),
    Relaxation("down_link", ("down_link",), "a byte takes less time on the way down", _direction("down_share")),
    Relaxation("tags", ("tags",), "more tags", _tags),
    Relaxation("tag_cap", ("tag_cap",), "more tags of one function", _larger("tag_cap")),
    Relaxation("read_buffer", ("read_buffer",), "room for more completions, a read request's at least",
               _larger("read_buffer", lambda config: config.mrrs)),
    Relaxation("tx_buffer", ("tx_buffer",), "room for more frames in the Tx packet buffer", _tx_buffer),
    Relaxation("up_credits", ("up_credits",), "more credits of the host; fewer where PCIe allows no more",
               _credits("up_credits")),
    Relaxation("down_credits", ("down_credits",), "more credits of the adapter, likewise", _credits("down_credits")),
    Relaxation("host latency", ("tags", "read_buffer", "tag_cap", "tx_buffer"), "the host answers reads sooner", _latency),
    Relaxation("walkers", ("walkers",), "a page walk takes less time", _walks),
    Relaxation("core clock", tuple(CORE_SERVERS), "the adapter's clock is faster", _shorter("core_ps")),
    Relaxation("vcpu", ("vcpu",), "drivers take less CPU time", _cpu),
    Relaxation("shaper", ("shaper",), "shapers allow more", _shaper),
)
BY_NAME = {row.name: row for row in RELAXATIONS}


def capacity_factor(row: Relaxation, w: Window, change: Change, factor: Fraction | float, resource: str = "tags") -> float:
    """How much more a widened resource can carry: the factor itself, or what it does to the time that a tag, or room for a
    frame, is held. That is the host's latency at least, whatever a short window says."""
    if row.name != "host latency":
        return float(factor)
    old, new = (config.read_latency_ps + config.remote_ps for config in (w.workload.config, change.plane(w.workload.config)))
    pool = resource if resource == "tx_buffer" else "tags"
    moved = sent_bytes(w) if pool == "tx_buffer" else int(w.grants[ORDER["TAGS"]])
    hold = max(float(old), int(w.held[POOLS.index(pool)]) / moved if moved else 0.0)
    return hold / (hold - (old - new))


def sent_bytes(w: Window) -> int:
    """What frames that were sent took in the Tx buffer: it holds no FCS."""
    return int((w.functions["tx_bytes"] - FCS_BYTES * w.functions["tx_packets"]).sum())


def choices(config: PlaneConfig) -> list[tuple[str, str]]:
    """Every assumed choice that differs from the configuration's and could matter: parameter and policy."""
    return [(row.parameter, row.name) for row in POLICIES if getattr(config, row.parameter) != row.name
            and (row.parameter != "walks" or config.iotlb_entries)]
