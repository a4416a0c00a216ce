"""Bring-up and teardown of a VF as sequence diagrams: Mermaid text, made of what a run's miniports called and were asked.

`record` runs a scenario's PF and first VF up and down again, and notes every NDIS call beside the stack's journal;
`mermaid` draws one of the two halves. `python -m nicmodel.lab.sequence PAGE.md` renews the diagrams between their markers
(`<!-- sequence: NAME -->` and `<!-- end -->`); with a scenario, or nothing, it prints them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nicmodel.datasheet import pages
from nicmodel.datasheet.ndis import Oid, Status
from nicmodel.lab.loading import build, load
from nicmodel.lab.machine import Machine
from nicmodel.lab.scenario import Scenario
from nicmodel.ndis.checker import Call
from nicmodel.ndis.journal import Entry, Journal
from nicmodel.ndis.library import NdisLibrary
from nicmodel.sim.errors import DriverStumble, ScenarioError
from nicmodel.sim.units import TIME

US = TIME["us"]
MARKED = pages.marked("sequence")
NAMES = ("bring_up", "teardown")
PARTICIPANTS = {"VS": "Virtualization stack", "NDIS": "NDIS", "PF": "PF miniport", "VPCI": "VPCI", "VF": "VF miniport",
                "NetVSC": "NetVSC"}
ONE_VF: dict[str, Any] = {"num_vfs": 1, "direction": "both", "load": "0.1Mpps", "life.attached": 1}
LONGEST_LOOP = 3

# Steps that are a message of their own, whatever a miniport is asked on the way: from whom to whom.
MESSAGES = {("UP-14", "VPCI"): ("VS", "VPCI"), ("UP-16", "VPCI"): ("VPCI", "VF"), ("UP-18", "NetVSC"): ("NDIS", "NetVSC"),
            ("DN-01", "VS"): ("VS", "VPCI"), ("DN-02", "VPCI"): ("VPCI", "VF"), ("DN-03", "VPCI"): ("VPCI", "VS")}
# Steps that the pages number and the journal holds inside another: step under way, call -> id.
WITHIN = {("UP-01", "MiniportAddDevice"): "UP-02",
          ("UP-04", "NdisMEnableVirtualization"): "UP-05",
          ("UP-06", "MiniportOidRequest returns"): "UP-07",
          ("UP-10", "NdisMGetVirtualFunctionLocation"): "UP-11",
          ("UP-16", "DriverEntry"): "UP-17",
          ("PD-05", "MiniportOidRequest returns"): "PD-06",
          ("PD-07", "NdisMEnableVirtualization"): "PD-08"}
ENDS_SHOWN = frozenset({"MiniportInitializeEx returns", "MiniportHaltEx returns"})
LEFT_OUT = frozenset({"NdisOpenConfigurationEx", "NdisCloseConfiguration", "NdisAllocateMemory", "NdisFreeMemory",
                      "MessageInterrupt", "MiniportSetOptions", "MiniportFilterResourceRequirements", "MiniportStartDevice",
                      "NdisMMapIoSpace", "NdisMUnmapIoSpace", "NdisMRegisterScatterGatherDma",
                      "NdisMDeregisterScatterGatherDma", "NdisMAllocateSharedMemory", "NdisMFreeSharedMemory",
                      "NdisMGetVirtualFunctionBusData", "NdisMSetVirtualFunctionBusData",
                      "NdisMQueryProbedBars"})
OF_A_VF = "NdisMGetBusData"                # a PF reads its own configuration space, a VF's NDIS must ask the PF
# What of a call's arguments is worth reading.
DETAILS: dict[str, Callable[[dict[str, Any]], str]] = {
    "NdisMSetMiniportAttributes": lambda args: f"({args['kind']})",
    "NdisMEnableVirtualization": lambda args: f"({args['num_vfs']}, {str(args['enable']).upper()})",
    "NdisMRegisterInterruptEx": lambda args: f"({args['messages']} messages)",
    "NdisMGetVirtualFunctionLocation": lambda args: f"(VF {args['vf']})",
    "NdisMIndicateStatusEx": lambda args: f" (link {args['state'].name.lower()})",
    "MiniportOidRequest": lambda args: f" ({args['buffer']:#x})" if isinstance(args["buffer"], int) else "",
}


class Heard(NamedTuple):
    """One call of a miniport's library, whose it is, and the position in the journal of the step that was under way."""

    role: str
    call: Call
    step: int


class Arrow(NamedTuple):
    """One line of a diagram; ``step`` is the documented id that begins with it, or nothing."""

    at_ps: int
    source: str
    target: str
    text: str
    step: str = ""
    back: bool = False

    @property
    def alike(self) -> tuple[str, str, str, str]:
        """What two arrows have in common that are drawn once."""
        return self.source, self.target, self.text, self.step


class Recorded(NamedTuple):
    """A recorded run: journal, calls, how many steps the bring-up took, whose VF it is, and the rule that closed a role."""

    entries: list[Entry]
    heard: list[Heard]
    steps_up: int
    guest: int
    closed_by: dict[str, str | None]

    def half(self, name: str) -> list[Arrow]:
        """The arrows of the bring-up or of the teardown."""
        first, last = (0, self.steps_up) if name == "bring_up" else (self.steps_up, len(self.entries))
        return [arrow for index in range(first, last) for arrow in self._step(index)]

    def _step(self, index: int) -> Iterator[Arrow]:
        """A step's own message, its calls, and how it failed if it did; the first of them carries its id."""
        entry, begun = self.entries[index], ""
        if entry.guest not in (None, self.guest):
            return
        arrows = [made for role, call, step in self.heard if step == index and (made := drawn(role, call, entry))]
        if (message := MESSAGES.get((entry.step, entry.actor))) is not None:
            arrows.insert(0, Arrow(entry.begin_ps, *message, entry.what))
        for arrow in arrows:
            own = arrow.step or ("" if begun else entry.step)
            begun = begun or own
            yield arrow._replace(step=own)
        if entry.status not in (None, Status.SUCCESS):
            rule = self.closed_by.get(entry.actor)
            why = f", closed by {rule}" if rule else ""
            yield Arrow(entry.end_ps, entry.actor, entry.actor, f"{entry.what} fails with {entry.status.name}{why}", entry.step)


def drawn(role: str, call: Call, entry: Entry) -> Arrow | None:
    """The arrow of a call, if it is one that a reader wants."""
    name, ends = call.name, call.name.endswith(" returns")
    step = WITHIN.get((entry.step, name), "")
    if name in LEFT_OUT or (name == OF_A_VF and role == "PF"):
        return None
    if ends and not (name in ENDS_SHOWN or step or call.args["status"] != Status.SUCCESS):
        return None
    detail = DETAILS[name](call.args) if name in DETAILS else ""
    if ends:
        what = oid_name(call.args["oid"]) if "oid" in call.args else name.removesuffix(" returns")
        return Arrow(call.time_ps, role, issuer(role, entry), f"{what} {call.args['status'].name}", step, back=True)
    if name == "MiniportOidRequest":
        return Arrow(call.time_ps, issuer(role, entry), role, oid_name(call.args["oid"]) + detail)
    if name.startswith("Ndis"):
        return Arrow(call.time_ps, role, "NDIS", name + detail, step)
    return Arrow(call.time_ps, "NDIS", role, name, step)


def oid_name(oid: int) -> str:
    """A request as the headers spell it; its code, if they do not know it.

    >>> oid_name(Oid.SRIOV_RESET_VF), oid_name(0xFFFFFF)
    ('OID_SRIOV_RESET_VF', 'OID 0xffffff')
    """
    return f"OID_{oid.name}" if isinstance(oid, Oid) else f"OID {oid:#x}"


def issuer(role: str, entry: Entry) -> str:
    """Who asks a miniport while a step is under way: its actor; VPCI where a VF's driver is at the other end; else NDIS."""
    if entry.actor == role:
        return "NDIS"
    return "VPCI" if entry.actor == "VF" else entry.actor


# a run ---------------------------------------------------------------------------------------------------------
def record(scenario: Scenario | None = None, vf: int = 0) -> Recorded:
    """Bring a scenario's drivers up and take them down again, without traffic; by default one VF and a guest that probes."""
    scenario = scenario or build({}, "sequence", ONE_VF, where="argument")
    if not 0 <= vf < scenario.num_vfs:
        raise ScenarioError(f"--vf: {vf} is not allowed: the scenario has VFs 0 to {scenario.num_vfs - 1}")
    machine = Machine(scenario)
    stack, heard = machine.stack, []                       # type: tuple[Any, list[Heard]]
    listen(stack.pf.ndis, stack.journal, heard)
    machine.vf_drivers[vf] = heard_driver(machine.vf_drivers[vf], stack.journal, heard)
    machine.bring_up()
    steps_up = len(stack.journal.entries)
    machine.run(stack.shut_down_pf())
    rule = next((each.rule for each in stack.adapters() if each.ndis.name == machine.handles[1 + vf].name), None)
    return Recorded(stack.journal.entries, heard, steps_up, vf, {"PF": stack.pf.rule, "VF": rule})


def listen(ndis: NdisLibrary, journal: Journal, heard: list[Heard]) -> None:
    """Note every call of a library from here on. What is called between two steps is in none."""
    tell = ndis.record

    def record_and_note(name: str, **args: Any) -> Call:
        call = tell(name, **args)
        if journal.entries and journal.entries[-1].end_ps < 0:
            heard.append(Heard(ndis.role, call, len(journal.entries) - 1))
        return call
    ndis.record = record_and_note                          # type: ignore[method-assign]


def heard_driver(driver: Any, journal: Journal, heard: list[Heard]) -> Any:
    """The same driver, its library listened to from before DriverEntry."""
    def start(self: Any, ndis: NdisLibrary, *rest: Any) -> None:
        listen(ndis, journal, heard)
        driver.__init__(self, ndis, *rest)
    return type(driver.__name__, (driver,), {"__init__": start})


# the text ------------------------------------------------------------------------------------------------------
def mermaid(arrows: Sequence[Arrow]) -> str:
    """The diagram as a fenced block: what repeats is drawn once, a time is written where it differs from the last."""
    lines = ["sequenceDiagram", *(f"    participant {key} as {name}" for key, name in PARTICIPANTS.items())]
    written = -1
    for times, block in folded(arrows):
        loop = times > 1 and len(block) > 1
        lines += [f"    loop {times} times"] * loop
        for arrow in block:
            text = f"{arrow.step} {arrow.text}".strip() + (f" x{times}" if times > 1 and not loop else "")
            if arrow.step or arrow.at_ps != written:
                text, written = f"{text} @ {arrow.at_ps / US:.2f} us", arrow.at_ps
            lines.append(f"    {arrow.source}{'-->>' if arrow.back else '->>'}{arrow.target}: {text}")
        lines += ["    end"] * loop
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def folded(arrows: Sequence[Arrow]) -> Iterator[tuple[int, Sequence[Arrow]]]:
    """Blocks of at most `LONGEST_LOOP` arrows, each with how often it comes in a row; shorter blocks are tried first."""
    at = 0
    while at < len(arrows):
        length, times = next(((n, t) for n in range(1, LONGEST_LOOP + 1) if (t := repeats(arrows, at, n)) > 1), (1, 1))
        yield times, arrows[at:at + length]
        at += length * times


def repeats(arrows: Sequence[Arrow], at: int, length: int) -> int:
    """How often the block of this length comes in a row."""
    block, times = [a.alike for a in arrows[at:at + length]], 1
    while len(block) == length and [a.alike for a in arrows[at + times * length:at + (times + 1) * length]] == block:
        times += 1
    return times


def renewed(text: str) -> str:
    """A page with every marked diagram as a run gives it now. ValueError: there is no such diagram."""
    run = record()
    return pages.renewed(text, MARKED, {half: mermaid(run.half(half)) for half in NAMES})


def main(arguments: Sequence[str] | None = None) -> None:
    """Renew the named pages; print the diagrams of any other scenario, of ours where nothing is named."""
    parser = argparse.ArgumentParser(prog="python -m nicmodel.lab.sequence", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="PAGE.md|SCENARIO", help="a page to renew, or a scenario to draw")
    parser.add_argument("--vf", type=int, default=0, help="whose bring-up, in a scenario of several VFs")
    options = parser.parse_args(arguments)
    for name in options.names or [""]:
        if name.endswith(".md"):
            page = Path(name)
            page.write_text(renewed(page.read_text()))
        else:
            run = record(load(name) if name else None, options.vf)
            print("\n".join(f"## {half}\n\n{mermaid(run.half(half))}" for half in NAMES), end="")


if __name__ == "__main__":
    try:
        main()
    except (ScenarioError, DriverStumble, ValueError, OSError) as problem:
        sys.exit(str(problem))
