"""What happens to a run on purpose: the events of [faults], each at its time after the start of traffic.

They take back what has not been sent (docs/time.md, 9) and nothing else: drivers are told what the device tells them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

from nicmodel.datasheet.config_pf import EXPRESS
from nicmodel.datasheet.ethernet import PAUSE_QUANTUM_BYTES
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.lab.keys import Fault
from nicmodel.lab.machine import Machine
from nicmodel.lab.settings import plane_settings
from nicmodel.pcie.root import Function


def schedule(machine: Machine) -> None:
    """Traffic starts now: every event will happen at its time."""
    for event in machine.scenario.faults.events:
        machine.clock.process(_happen(machine, event))


def _happen(machine: Machine, event: Fault) -> Generator[simpy.Event, Any, None]:
    yield machine.clock.timeout(event.at)
    KINDS[event.kind](machine, event)
    if event.kind == "wire_down" and event.duration:
        yield machine.clock.timeout(event.duration)
        _set(machine, "wire", machine.config.wire_byte_ticks)
        machine.device.link_change(True)


def _set(machine: Machine, table: str, *words: int) -> None:
    machine.device.plane.set(table, 0, words, machine.clock.stamp())


def reset_vf(machine: Machine, event: Fault) -> None:
    """FLR, as a host writes it. The VF's driver is not told: it has stopped for good. A VF that is away has nothing to reset."""
    assert event.vf is not None
    rid = machine.endpoint.rid_of(1 + event.vf)
    if rid not in machine.endpoint.functions:           # its PF is halted, gone, or has fewer VFs now
        return
    function = Function(machine.endpoint, rid)
    function.change(EXPRESS["DevCtl"], function.capability(EXPRESS.id), InitiateFlr=1)


def pause(machine: Machine, event: Fault) -> None:
    """A PAUSE from the partner, in whole quanta."""
    quantum = PAUSE_QUANTUM_BYTES * machine.config.wire_byte_ticks
    machine.device.pause_in(-(-event.duration * TICKS_PER_PS // quantum))


def wire_down(machine: Machine, _event: Fault) -> None:
    """No frame starts in either direction; the adapter tells its PF, which tells its VFs."""
    _set(machine, "wire", 0)
    machine.device.link_change(False)


def retrain(machine: Machine, event: Fault) -> None:
    """PCIe stands still, and goes on at a generation and a width, those of the scenario if no other is said."""
    s = machine.scenario
    link = s.pcie.model_copy(update={"gen": event.gen or s.pcie.gen, "lanes": event.lanes or s.pcie.lanes})
    config = machine.change.plane(plane_settings(s.model_copy(update={"pcie": link})))
    _set(machine, "retrain", event.duration, config.pcie_byte_ticks, config.ack_ps, config.fc_ps, config.skp_ps, config.skp_bytes)


KINDS: dict[str, Callable[[Machine, Fault], None]] = {
    "flr": reset_vf, "pause": pause, "wire_down": wire_down, "retrain": retrain}
