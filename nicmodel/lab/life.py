"""[life]: every event of the scenario, carried out by the stack at its time after the start of traffic.

Events of one guest, and events of the PF, wait for those before them: a stack does not begin to give a VF back to a guest
from which it is still taking one. Each event is one `Handover`, with the steps that the journal wrote on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import simpy

from nicmodel.datasheet.ndis import Status
from nicmodel.lab.life_keys import KINDS, Event
from nicmodel.lab.machine import Machine
from nicmodel.ndis.adapter import Adapter
from nicmodel.ndis.guests import Guest
from nicmodel.ndis.journal import Entry, Journal
from nicmodel.ndis.stack import VirtualizationStack
from nicmodel.ndis.states import State
from nicmodel.pcie.handle import Steps


@dataclass
class Handover:
    """One event: which guests it concerned, when it began and ended (-1: it is under way), and where its steps begin."""

    kind: str
    guests: tuple[int, ...]
    begin_ps: int
    journal: Journal
    first: int
    last: int | None = None
    end_ps: int = -1

    def steps(self, guest: int) -> list[Entry]:
        """What was done to a guest, or to the PF, as far as it came."""
        return [entry for entry in self.journal.entries[self.first:self.last] if entry.guest in (guest, None)]


def schedule(machine: Machine) -> list[Handover]:
    """Traffic starts now: every event will happen at its time. The list fills as they do."""
    done: dict[int | None, simpy.Event] = {}          # guest, or None for all -> its last event
    handovers: list[Handover] = []
    for _, event in machine.scenario.life.in_order():
        before = list(done.values()) if event.vf is None else [done[key] for key in (event.vf, None) if key in done]
        process = machine.clock.process(_happen(machine, event, before, handovers))
        if event.vf is None:
            done.clear()
        done[event.vf] = process
    return handovers


def _happen(machine: Machine, event: Event, before: list[simpy.Event], handovers: list[Handover]) -> Steps:
    yield machine.clock.timeout(event.at)
    yield machine.clock.all_of(before)
    journal = machine.stack.journal
    guests = tuple(machine.stack.guests) if event.vf is None else (event.vf,)
    handover = Handover(event.kind, guests, int(machine.clock.now), journal, len(journal.entries))
    handovers.append(handover)
    if IS[KINDS[event.kind].of_pf](machine.stack.pf):
        yield from CARRIED_OUT[event.kind](machine, event)
    else:
        pass_over(machine, "PF", event)
    handover.end_ps, handover.last = int(machine.clock.now), len(journal.entries)


IS: dict[str, Callable[[Adapter], bool]] = {
    "": lambda pf: True, "up": lambda pf: pf.state is State.RUNNING, "asleep": lambda pf: pf.asleep}
"""What an event needs of the PF, by `Kind.of_pf`."""


def pass_over(machine: Machine, missing: str, event: Event) -> None:
    """What an event needs did not come up: that is written down, and nothing is done."""
    journal = machine.stack.journal
    journal.end(journal.begin("-", "VS", f"no {missing} for {event.kind}", event.vf), Status.FAILURE)


def with_guest(do: Callable[[VirtualizationStack, Guest], Steps]) -> Callable[[Machine, Event], Steps]:
    """An event of one guest: what the stack does to it. A guest that was to have a VF by now, and got none, is passed over."""
    def carry_out(machine: Machine, event: Event) -> Steps:
        assert event.vf is not None
        stack, guest = machine.stack, machine.stack.guests[event.vf]
        if KINDS[event.kind].needs in ("vf", "asleep") and not guest.has_vf:
            return pass_over(machine, "VF", event)
        yield from do(stack, guest)
    return carry_out


def pf_reset(machine: Machine, _event: Event) -> Steps:
    """MiniportResetEx of the PF."""
    yield from machine.stack.reset_pf()


def pf_sleep(machine: Machine, _event: Event) -> Steps:
    """D3 of the PF."""
    yield from machine.stack.sleep_pf()


def pf_resume(machine: Machine, _event: Event) -> Steps:
    """D0 of the PF."""
    yield from machine.stack.resume_pf()


def pf_surprise(machine: Machine, _event: Event) -> Steps:
    """The adapter is pulled out of its slot."""
    machine.unplug()
    yield from machine.stack.remove_pf_by_surprise()


def pf_halt(machine: Machine, _event: Event) -> Steps:
    """Every VF goes, then the switch, then the PF."""
    yield from machine.stack.shut_down_pf()


def re_enable(machine: Machine, event: Event) -> Steps:
    """The PF, plugged in if it had gone, starts anew with another NumVFs; the first guests get VFs, others the synthetic path."""
    assert event.num_vfs is not None
    stack = machine.stack
    if stack.pf.state is not State.HALTED:
        yield from stack.shut_down_pf()
    machine.plug()
    yield from stack.replace_pf(*machine.make_pf(event.num_vfs))
    for v, guest in sorted(stack.guests.items()):
        yield from stack.attach(guest) if v < event.num_vfs else stack.admit(guest)


attach, detach = with_guest(VirtualizationStack.attach), with_guest(VirtualizationStack.detach)
CARRIED_OUT: dict[str, Callable[[Machine, Event], Steps]] = {
    "attach_vf": attach, "detach_vf": detach, "fail_over": detach, "fail_back": attach,
    "surprise_remove": with_guest(VirtualizationStack.remove_by_surprise),
    "guest_flr": with_guest(VirtualizationStack.guest_flr),
    "sleep": with_guest(VirtualizationStack.sleep), "resume": with_guest(VirtualizationStack.resume),
    "pf_reset": pf_reset, "pf_sleep": pf_sleep, "pf_resume": pf_resume, "pf_surprise": pf_surprise, "pf_halt": pf_halt,
    "re_enable": re_enable}
