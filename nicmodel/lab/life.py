"""[life]: every event of the scenario, carried out by the stack at its time after the start of traffic.

Events of one guest, and events of the PF, wait for those before them: a stack does not begin to give a VF back to a guest
from which it is still taking one. Each event is one `Handover`, with the steps that the journal wrote on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import simpy

from nicmodel.lab.life_keys import Event
from nicmodel.lab.machine import Machine
from nicmodel.ndis.journal import Entry, Journal
from nicmodel.ndis.platform import Steps


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
        """What was done to a guest, as far as it came."""
        return [entry for entry in self.journal.entries[self.first:self.last] if entry.guest == guest]


def schedule(machine: Machine) -> list[Handover]:
    """Traffic starts now: every event will happen at its time. The list fills as they do."""
    done: dict[int | None, simpy.Event] = {}          # guest, or None for all -> its last event
    handovers: list[Handover] = []
    for event in sorted(machine.scenario.life.events, key=lambda event: event.at):
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
    yield from KINDS[event.kind](machine, event)
    handover.end_ps, handover.last = int(machine.clock.now), len(journal.entries)


def attach(machine: Machine, event: Event) -> Steps:
    """A guest gets a VF."""
    assert event.vf is not None
    yield from machine.stack.attach(machine.stack.guests[event.vf])


def detach(machine: Machine, event: Event) -> Steps:
    """A guest's VF is taken, gracefully."""
    assert event.vf is not None
    yield from machine.stack.detach(machine.stack.guests[event.vf])


def surprise(machine: Machine, event: Event) -> Steps:
    """A guest's VF is taken, and its driver is told afterwards."""
    assert event.vf is not None
    yield from machine.stack.remove_by_surprise(machine.stack.guests[event.vf])


KINDS: dict[str, Callable[[Machine, Any], Steps]] = {
    "attach_vf": attach, "detach_vf": detach, "surprise_remove": surprise, "fail_over": detach, "fail_back": attach}
