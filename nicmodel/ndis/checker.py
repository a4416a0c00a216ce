"""The judge: it is fed every call and access of one miniport, one at a time, and reports at that call.

A predicate is one function for one rule id. It sees the call and what was seen before it, and answers
`obeyed(...)`, `broken(...)` or None (this call does not concern it). Omissions are judged at the call that
makes them final, mostly the return of MiniportInitializeEx. This file neither stops a driver nor knows a
rule's text: texts are rows of `datasheet.rules`, and `NdisLibrary` asks `closing` what a breach costs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from ctypes import Structure
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from nicmodel.datasheet.ndis import PartitionType, Status
from nicmodel.datasheet.ndis_structures import HEADERS
from nicmodel.datasheet.rules import BY_ID, ORDER, RULES, Rule

INITIALIZE = "MiniportInitializeEx"
INITIALIZE_RETURNS = INITIALIZE + " returns"
RESTART_RETURNS = "MiniportRestart returns"


@dataclass
class Call:
    """One NDIS call, entry or access: its name, its arguments, its time in ps and, later, its result."""

    name: str
    args: dict[str, Any]
    time_ps: int
    result: Any = None

    @property
    def failed(self) -> bool:
        """Whether the library has refused the call."""
        return isinstance(self.result, Status) and self.result != Status.SUCCESS

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={_short(v)}' for k, v in self.args.items())})"


def _short(value: Any) -> str:
    if isinstance(value, Structure):
        return type(value).__name__
    if isinstance(value, Status | PartitionType):
        return value.name
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value) if value > 9 else str(value)
    text = getattr(value, "__name__", str(value))
    return text if len(text) <= 40 else text[:37] + "..."


class Judgement(NamedTuple):
    """What a predicate says of one call."""

    ok: bool
    why: str


def obeyed(why: str) -> Judgement:
    return Judgement(True, why)


def broken(why: str) -> Judgement:
    return Judgement(False, why)


@dataclass(frozen=True)
class Report:
    """One rule broken at one call, in words."""

    rule: str
    adapter: str
    call: str
    time_ps: int
    why: str
    initializing: bool

    def __str__(self) -> str:
        return f"{self.adapter}: {self.rule} broken by {self.call} at {self.time_ps} ps: {self.why}"


@dataclass(frozen=True)
class RuleVerdict:
    """A rule's standing for one adapter: obeyed, broken, not_exercised or not_checkable, with evidence."""

    rule: str
    adapter: str
    verdict: str
    evidence: str
    time_ps: int | None


# What claims hardware or DMA resources, and what gives them back.
CLAIMS = ("NdisMMapIoSpace", "NdisMRegisterScatterGatherDma", "NdisMAllocateSharedMemory",
          "NdisMRegisterInterruptEx")
HOLDS = {"NdisOpenConfigurationEx": "configuration handle", "NdisMMapIoSpace": "register mapping",
         "NdisMRegisterScatterGatherDma": "DMA channel", "NdisMAllocateSharedMemory": "shared memory",
         "NdisMRegisterInterruptEx": "interrupt", "NdisAllocateMemory": "memory"}
RELEASES = {"NdisCloseConfiguration": "configuration handle", "NdisMUnmapIoSpace": "register mapping",
            "NdisMDeregisterScatterGatherDma": "DMA channel", "NdisMFreeSharedMemory": "shared memory",
            "NdisMDeregisterInterruptEx": "interrupt", "NdisFreeMemory": "memory"}
CLAIMS_OF, RETURNS_OF = ({what: tuple(name for name, of in table.items() if of == what) for what in HOLDS.values()}
                         for table in (HOLDS, RELEASES))
ACCESSES = frozenset({"read", "write", "config_read", "config_write", "sleep", "start_ring_agent"})


@dataclass
class Seen:
    """What the judge remembers: calls by name, attributes, keywords, the phase, last register values."""

    role: str
    phase: str = "loaded"                  # the entry point that runs, or "loaded" between two
    switch_creation: str = "none"          # static, dynamic or none, as the driver declares
    calls: dict[str, list[Call]] = field(default_factory=dict)
    attributes: dict[str, Call] = field(default_factory=dict)    # kind -> last call that set it
    keywords: dict[str, Any] = field(default_factory=dict)
    partition: PartitionType | None = None
    registers: dict[str, int] = field(default_factory=dict)      # register name -> last value written
    reads: int = 0                                               # register reads since the phase began
    initialized: bool = False
    running: bool = False
    _entries: list[str] = field(default_factory=list)
    _kept: Counter[str] = field(default_factory=Counter)         # what MiniportAddDevice left behind

    def any(self, name: str) -> bool:
        """Whether a call of this name was seen."""
        return name in self.calls

    def holds(self, what: str) -> int:
        """How many of a resource were taken and not given back; a call that failed took nothing."""
        count = -self._kept.get(what, 0)
        for name in CLAIMS_OF[what]:
            for call in self.calls.get(name, ()):
                count += not call.failed
        for name in RETURNS_OF[what]:
            count -= len(self.calls.get(name, ()))
        return count

    @property
    def held(self) -> Counter[str]:
        """`holds` of every resource."""
        return Counter({what: self.holds(what) for what in CLAIMS_OF})

    @property
    def initializing(self) -> bool:
        """True until MiniportInitializeEx has returned."""
        return not self.initialized

    def note(self, call: Call) -> None:
        """Remember a call, after it was judged."""
        name = call.name
        if name == "write":
            self.registers[call.args["register"]] = call.args["value"]
            return
        if name in ACCESSES:
            self.reads += name == "read"
            return
        if name == "NdisMIndicateReceiveNetBufferLists":
            return
        self.calls.setdefault(name, []).append(call)
        if name == "NdisMSetMiniportAttributes":
            self.attributes[call.args["kind"]] = call
        self._follow(name, call)

    def _follow(self, name: str, call: Call) -> None:
        if not name.startswith(("Miniport", "DriverEntry")):
            return
        if not name.endswith(" returns"):
            self._entries.append(name)
            self.reads = 0
        else:
            entry = name.removesuffix(" returns")
            self._entries.remove(entry)
            succeeded = call.args.get("status", Status.SUCCESS) == Status.SUCCESS
            self.initialized |= entry == INITIALIZE
            if entry == "MiniportAddDevice":
                self._kept = self.held         # RemoveDevice gives it back
            if entry in ("MiniportRestart", "MiniportPause", "MiniportHaltEx"):
                self.running = entry == "MiniportRestart" and succeeded
        self.phase = self._entries[-1] if self._entries else "loaded"


Predicate = Callable[[Call, Seen], Judgement | None]
PREDICATES: dict[str, Predicate] = {}
_LISTENERS: dict[str, list[str]] = {}


def rule(identifier: str, on: Iterable[str]) -> Callable[[Predicate], Predicate]:
    """Register the predicate of a rule for the calls named in ``on``."""
    if identifier not in BY_ID or BY_ID[identifier].unchecked:
        raise ValueError(f"{identifier} is no checkable rule")

    def register(predicate: Predicate) -> Predicate:
        listeners.cache_clear()
        PREDICATES[identifier] = predicate
        for name in on:
            _LISTENERS.setdefault(name, []).append(identifier)
        return predicate
    return register


@cache
def implied(identifier: str) -> frozenset[str]:
    """Every rule that breaks with this one, at any remove.

    >>> sorted(implied("VF-INIT-03"))
    ['VF-INIT-04', 'VF-INIT-06']
    """
    found: set[str] = set()
    todo = list(BY_ID[identifier].implies)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(BY_ID[name].implies)
    return frozenset(found)


def report_order(identifiers: Iterable[str]) -> list[str]:
    """Implying ids before what they imply, else table order.

    >>> report_order(["VF-INIT-04", "VF-INIT-03", "GEN-INIT-14", "VF-INIT-18"])
    ['VF-INIT-03', 'VF-INIT-04', 'VF-INIT-18', 'GEN-INIT-14']
    """
    left, ordered = sorted(identifiers, key=ORDER.__getitem__), []
    while left:
        first = next((i for i in left if not any(i in implied(j) for j in left if j != i)), left[0])
        left.remove(first)
        ordered.append(first)
    return ordered


def applies(row: Rule, role: str) -> bool:
    """Whether a rule is judged on an adapter of this role; rules of NDIS or the INF follow their family."""
    return row.family == "GEN-INIT" or row.family.startswith(role)


@cache
def listeners(role: str, name: str) -> tuple[tuple[str, Predicate], ...]:
    """(id, predicate) of every rule that is judged at calls of this name on an adapter of this role."""
    return tuple((each, PREDICATES[each]) for each in _LISTENERS.get(name, ()) if applies(BY_ID[each], role))


class Checker:
    """Judges one adapter. ``reports`` holds the first breach of each rule in order of report."""

    def __init__(self, role: str, adapter: str):
        self.role, self.adapter = role, adapter
        self.seen = Seen(role)
        self.reports: list[Report] = []
        self._standing: dict[str, RuleVerdict] = {}
        self._rules = {row.id for row in RULES if applies(row, role)}

    def feed(self, call: Call) -> list[Report]:
        """Judge one call; returns the rules it breaks for the first time, in report order."""
        seen, verdicts = self.seen, {}
        for name, predicate in listeners(self.role, call.name):
            judged = predicate(call, seen)
            if judged is not None and not (judged.ok and name in self._standing):
                verdicts[name] = judged
        fresh = self._report(call, verdicts) if verdicts else []
        seen.note(call)
        return fresh

    def _report(self, call: Call, verdicts: dict[str, Judgement]) -> list[Report]:
        """Note how rules stand after a call; the fresh breaches, in report order."""
        fresh = []
        for name in report_order(verdicts):
            was = self._standing.get(name)
            judged = verdicts[name]
            if was is not None and (was.verdict == "broken" or judged.ok):
                continue
            self._standing[name] = RuleVerdict(name, self.adapter, "obeyed" if judged.ok else "broken",
                                               f"{call}: {judged.why}", call.time_ps)
            if not judged.ok:
                fresh.append(Report(name, self.adapter, str(call), call.time_ps, judged.why,
                                    self.seen.initializing))
        self.reports += fresh
        return fresh

    @property
    def closing(self) -> str | None:
        """The first must-rule broken on the initialise path, or None. Only this closes an adapter."""
        return next((r.rule for r in self.reports if r.initializing and BY_ID[r.rule].closes), None)

    def verdicts(self) -> list[RuleVerdict]:
        """One row for every rule of this adapter's families, in table order."""
        def verdict(row: Rule) -> RuleVerdict:
            if row.unchecked:
                return RuleVerdict(row.id, self.adapter, "not_checkable", row.unchecked, None)
            return self._standing.get(row.id) or RuleVerdict(
                row.id, self.adapter, "not_exercised", "no call of this run concerns it", None)
        return [verdict(row) for row in RULES if row.id in self._rules]


VERDICTS = ("broken", "obeyed", "not_exercised", "not_checkable")
"""From the one that decides a table to the one that says least."""


def summary(rows: Iterable[RuleVerdict]) -> list[RuleVerdict]:
    """One row a rule, in table order: the verdict of the adapter that says most, the first of equals."""
    chosen: dict[str, RuleVerdict] = {}
    for row in rows:
        best = chosen.get(row.rule)
        if best is None or VERDICTS.index(row.verdict) < VERDICTS.index(best.verdict):
            chosen[row.rule] = row
    return sorted(chosen.values(), key=lambda row: ORDER[row.rule])


def attribute_kind(structure: Any) -> str:
    """The kind of an attribute structure, from its class: registration, general, hardware_assist, ..."""
    return {"RegistrationAttributes": "registration", "GeneralAttributes": "general",
            "HardwareAssistAttributes": "hardware_assist",
            "AddDeviceRegistrationAttributes": "add_device"}.get(type(structure).__name__, "unknown")


def known_structure(structure: Any) -> bool:
    """Whether NDIS knows this structure at all."""
    return type(structure) in HEADERS
