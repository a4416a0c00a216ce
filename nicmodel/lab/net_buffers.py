"""Frames of one's own from guest to guest, as NET_BUFFER_LISTs through the miniports of a scenario's machine.

    Exchange(scenario).send(0, frames) ─► VF 0's miniport ─► rings, PCIe, switch ─► VF 1's miniport ─► received[1]

For a handful of frames that somebody wants to look at: drivers run their rings themselves and every byte is moved.
"""

from __future__ import annotations

from collections.abc import Sequence

from nicmodel.datasheet.timing import REPLAY_PATIENCE_PS, REPLAY_STEP_PS
from nicmodel.lab.machine import Machine
from nicmodel.lab.scenario import Scenario
from nicmodel.ndis.net_buffers import Binding, NetBufferList
from nicmodel.ndis.states import State
from nicmodel.sim.errors import ScenarioError


class Exchange:
    """A machine whose guests have a protocol bound to their VF. Raises ScenarioError if no byte would be moved."""

    def __init__(self, scenario: Scenario, plane: str = "fast"):
        if scenario.payload != "full":
            raise ScenarioError(f'payload: "{scenario.payload}" moves no frames of your own; write payload = "full"',
                                key="payload")
        self.machine = machine = Machine(scenario, plane, python_rings=True)
        machine.bring_up()
        machine.traffic = True                       # rings are run by the drivers: no agent and no stream is started
        self.bound = {v: Binding(guest.adapter) for v, guest in sorted(machine.stack.guests.items())
                      if guest.adapter is not None and guest.adapter.state is State.RUNNING}

    @property
    def received(self) -> dict[int, list[bytes]]:
        """Frames that each guest has received, in order."""
        return {v: bound.frames for v, bound in self.bound.items()}

    def send(self, guest: int, frames: Sequence[bytes], cancel_id: int = 0) -> list[NetBufferList]:
        """Hand frames (without FCS) to a guest's miniport; their status says what became of them."""
        if guest not in self.bound:
            raise ScenarioError(f"guest {guest} has no VF that runs; those with one are {', '.join(map(str, self.bound))}")
        return self.bound[guest].send(frames, cancel_id)

    def settle(self) -> None:
        """Run until every send is complete and no frame has come for a while."""
        clock, last, since = self.machine.clock, -1, int(self.machine.clock.now)
        while int(clock.now) - since < REPLAY_PATIENCE_PS:
            self.machine.device.run_until(int(clock.now) + REPLAY_STEP_PS)
            count = sum(len(bound.frames) + len(bound.sent) for bound in self.bound.values())
            if count != last:
                last, since = count, int(clock.now)
