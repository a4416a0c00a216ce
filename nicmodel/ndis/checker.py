"""The judge: it is fed every call and access of one miniport, one at a time, and reports at that call.

A predicate is one function for one rule id. It sees the call and what was seen before it, and answers
`obeyed(...)`, `broken(...)` or None (this call does not concern it). Omissions are judged at the call that
makes them final, mostly the return of MiniportInitializeEx. This file neither stops a driver nor knows a
rule's text: texts are rows of `datasheet.rules`, and `NdisLibrary` asks `closing` what a breach costs. Rules
that bind NDIS or the stack are judged by the same calls; a breach of them is theirs and closes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from nicmodel.datasheet.ndis import Oid
from nicmodel.datasheet.ndis_structures import HEADERS
from nicmodel.datasheet.rules import BY_ID, ORDER, RULES, Rule
from nicmodel.ndis.seen import (
    ACCESSES,
    CLAIMS,
    INITIALIZE,
    INITIALIZE_RETURNS,
    REQUEST,
    REQUEST_RETURNS,
    RESTART_RETURNS,
    UNMAPPED,
    Call,
    Seen,
)

if TYPE_CHECKING:
    import simpy

__all__ = ["CLAIMS", "INITIALIZE", "INITIALIZE_RETURNS", "REQUEST", "REQUEST_RETURNS", "RESTART_RETURNS", "UNMAPPED", "Call",
           "Checker", "FirstOffence", "Judgement", "Report", "RuleVerdict", "Seen", "answers", "asks", "attribute_kind",
           "broken", "implied", "known_structure", "listeners", "obeyed", "oid_name", "report_order", "rule",
           "stop_at_first_offence", "summary"]


SENTENCES = 1024                       # judgements kept to be given again: most calls are judged in the same words


class Judgement(NamedTuple):
    """What a predicate says of one call."""

    ok: bool
    why: str


@lru_cache(maxsize=SENTENCES)
def obeyed(why: str) -> Judgement:
    """A predicate's word that this call keeps its rule; `why` becomes the table's evidence."""
    return Judgement(True, why)


def broken(why: str) -> Judgement:
    """A predicate's word that this call breaks its rule; `why` is what it did, as the report prints it."""
    return Judgement(False, why)


def holds(good: Any, what: str) -> Judgement:
    """Obeyed if a condition holds, in the same words either way."""
    return obeyed(what) if good else broken(f"not so: {what}")


def named(status: Any) -> str:
    """A status by its name; what is none, as it is."""
    return str(getattr(status, "name", status))


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


def oid_name(oid: Any) -> str:
    """The name of a request, or its number if nobody knows it."""
    return getattr(oid, "name", None) or str(oid)


def asks(*oids: Oid) -> list[str]:
    """Where predicates about requests listen, before the driver has them (see `rule`)."""
    return [f"{REQUEST} {oid.name}" for oid in oids]


def answers(*oids: Oid) -> list[str]:
    """Where predicates about requests listen, at the driver's answer."""
    return [f"{REQUEST_RETURNS} {oid.name}" for oid in oids]


Predicate = Callable[[Call, Seen], Judgement | None]
PREDICATES: dict[str, Predicate] = {}
_LISTENERS: dict[str, list[str]] = {}
_DURING: dict[str, str] = {}
_UNLESS: dict[str, Collection[str]] = {}


def rule(identifier: str, on: Iterable[str], during: str = "",
         unless: Collection[str] = ()) -> Callable[[Predicate], Predicate]:
    """Register the predicate of a rule for the calls named in ``on``; accesses only while this entry point runs.

    A request's name may be followed by that of its OID, an access's by that of its register, or by "unmapped": then it is
    judged only while the driver has no registers mapped. Registers in ``unless`` do not concern the rule.
    """
    if identifier not in BY_ID or not BY_ID[identifier].judged:
        raise ValueError(f"{identifier} is no rule that a predicate judges")

    def register(predicate: Predicate) -> Predicate:
        listeners.cache_clear()
        PREDICATES[identifier] = predicate
        if during:
            _DURING[identifier] = during
        if unless:
            _UNLESS[identifier] = unless
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


@cache
def listeners(role: str, name: str, phase: str = "", probing: bool = False, detail: Any = "",
              mapped: bool = True) -> tuple[tuple[str, Predicate], ...]:
    """(id, predicate) of every rule that is judged at such a call on an adapter of this role; ``detail`` is the request or
    the register, ``mapped`` whether the registers are.

    While an examiner is ``probing`` the stack is not itself, and rules that bind it are left alone.
    """
    special = [oid_name(detail)] * (detail != "") + ["unmapped"] * (not mapped)
    names = [each for what in (name, *(f"{name} {word}" for word in special)) for each in _LISTENERS.get(what, ())]
    return tuple((each, PREDICATES[each]) for each in names
                 if role in BY_ID[each].roles and (BY_ID[each].binds_a_driver or not probing)
                 and (name not in ACCESSES or _DURING.get(each, phase) == phase) and detail not in _UNLESS.get(each, ()))


class FirstOffence(BaseException):
    """Stops everything at a driver's first breach; no Exception, so that no driver takes it for its own trouble."""

    def __init__(self, report: Report):
        super().__init__(report)
        self.report = report


_STRICT: ContextVar[bool] = ContextVar("strict", default=False)


@contextmanager
def stop_at_first_offence() -> Iterator[None]:
    """Adapters made inside raise `FirstOffence` at the call that breaks a rule, before it takes effect."""
    token = _STRICT.set(True)
    try:
        yield
    finally:
        _STRICT.reset(token)


class Checker:
    """Judges one adapter. ``reports`` holds the first breach of each rule in order of report."""

    def __init__(self, role: str, adapter: str):
        self.role, self.adapter = role, adapter
        self.seen = Seen(role)
        self.reports: list[Report] = []
        self._standing: dict[str, tuple[bool, Call, str]] = {}         # obeyed or not, at which call, why
        self._strict = _STRICT.get()

    def feed(self, call: Call) -> list[Report]:
        """Judge one call; returns the rules it breaks for the first time, in report order."""
        seen, verdicts = self.seen, {}
        args = call.args
        detail = args["oid"] if "oid" in args else args.get("register", "")
        for name, predicate in listeners(self.role, call.name, seen.phase, seen.probing, detail, seen.mapped > 0):
            judged = predicate(call, seen)
            if judged is not None and not (judged.ok and name in self._standing):
                verdicts[name] = judged
        fresh = self._report(call, verdicts) if verdicts else []
        seen.note(call)
        if fresh and self._strict:
            raise FirstOffence(fresh[0])
        return fresh

    def access(self, name: str, args: dict[str, Any], env: simpy.Environment) -> None:
        """Judge a hardware access, made now; most concern no rule at the time, and are only noted."""
        seen = self.seen
        if listeners(self.role, name, seen.phase, seen.probing, args.get("register", ""), seen.mapped > 0):
            self.feed(Call(name, args, int(env.now)))
        else:
            seen.note_access(name, args)

    def _report(self, call: Call, verdicts: dict[str, Judgement]) -> list[Report]:
        """Note how rules stand after a call; the fresh breaches, in report order."""
        fresh = []
        all_obeyed = all([judged.ok for judged in verdicts.values()])
        for name in verdicts if all_obeyed else report_order(verdicts):
            was = self._standing.get(name)
            judged = verdicts[name]
            if was is not None and (not was[0] or judged.ok):
                continue
            self._standing[name] = judged.ok, call, judged.why
            if not judged.ok:
                fresh.append(Report(name, self._whose(BY_ID[name]), str(call), call.time_ps, judged.why,
                                    self.seen.initializing))
        self.reports += fresh
        return fresh

    def _whose(self, row: Rule) -> str:
        """Whose doing a rule is: this adapter's driver's, or somebody else's."""
        return self.adapter if row.binds_a_driver else f"{row.who[0]} of {self.adapter}"

    @property
    def closing(self) -> str | None:
        """The first must-rule broken on the initialise path, or None. Only this closes an adapter."""
        return next((r.rule for r in self.reports if r.initializing and BY_ID[r.rule].closes), None)

    def verdicts(self) -> list[RuleVerdict]:
        """One row for every rule that stands on this adapter's table, in table order."""
        return [self._verdict(row) for row in RULES if self.role in row.roles]

    def _verdict(self, row: Rule) -> RuleVerdict:
        def stands(verdict: str, evidence: str, time_ps: int | None = None) -> RuleVerdict:
            return RuleVerdict(row.id, self._whose(row), verdict, evidence, time_ps)
        if row.unchecked:
            return stands("not_checkable", row.unchecked)
        if row.tested:
            return stands("not_checkable", f"no driver could break it; {row.tested} looks at who could")
        if row.by:
            others = [self._verdict(BY_ID[i]) for i in row.by if self.role in BY_ID[i].roles or BY_ID[i].unchecked]
            if others:
                worst = min(others, key=lambda other: VERDICTS.index(other.verdict))
                return stands(worst.verdict, f"as {worst.rule}: {worst.evidence}", worst.time_ps)
        if row.id not in self._standing:
            return stands("not_exercised", "no call of this run concerns it")
        ok, call, why = self._standing[row.id]
        return stands("obeyed" if ok else "broken", f"{call}: {why}", call.time_ps)


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
