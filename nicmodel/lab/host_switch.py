"""The host switch: it carries the frames of guests on the synthetic path through the PF's queue pair.

    wire ─► PF's Rx ring ─► agent (switch_cost a frame) ─► VMBus channel of the guest ─► NetVSC       (`life_ledger`)
    NetVSC ─► VMBus ─► one flow for all guests that send, in turns ─► agent (switch_cost) ─► PF's Tx ring ─► wire

A ring agent sends one flow. So whenever the guests that send change, the agent on the Tx ring is stopped, the ring runs
empty, and a new agent goes on with a flow of the guests there are then; what they offered meanwhile is sent at once.
VMBus has no events of its own: what it does to a frame is arithmetic on the time at which the switch had it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from nicmodel.ndis.guests import Guest
from nicmodel.sim.plane import NO_AGENT, AgentConfig, Direction, FlowConfig

if TYPE_CHECKING:
    from nicmodel.lab.machine import Machine

LOOK_PS = 1_000_000           # how often an emptying ring is looked at


@dataclass(frozen=True)
class SharedFlow:
    """A flow of several guests: packet k is that of guest ``guests[k % len(guests)]``."""

    guests: tuple[int, ...]


class HostSwitch:
    """The synthetic path of one machine. `carry` is told who sends over it."""

    def __init__(self, machine: Machine, remote_mac: int):
        self.machine, self.remote_mac = machine, remote_mac
        self.flows: dict[int, SharedFlow] = {}           # flow -> whose frames
        self._pair: AgentConfig | None = None            # the PF's queue pair, as its driver asked for it
        self._wanted: tuple[int, ...] = ()
        self._sending: tuple[int, ...] = ()
        self._agent: int | None = None
        self._since = 0                                  # when those that are wanted were told
        self._busy = False

    def take(self, config: AgentConfig) -> AgentConfig:
        """The PF's driver asks for an agent of its pair: the switch gets the Tx half, and a frame costs its CPU time."""
        life = self.machine.scenario.life
        config = replace(config, rx_packet_cost_ps=life.switch_cost, tx_packet_cost_ps=life.switch_cost)
        self._pair, self._agent, self._sending = config, None, ()
        self._go()
        return replace(config, tx_ring=NO_AGENT, flow=-1)

    def drop(self) -> None:
        """The PF's pair is about to close: nothing is sent until it is asked for again."""
        if self._agent is not None:
            self.machine.device.stop_agent(self._agent)
        self._pair = self._agent = None
        self._sending = ()

    def carry(self, guests: list[Guest]) -> None:
        """These guests send over the synthetic path from now on."""
        self._wanted, self._since = tuple(guest.number for guest in guests), int(self.machine.clock.now)
        self._go()

    def _go(self) -> None:
        if self.machine.traffic and self.machine.scenario.transmits and self._pair and not self._busy:
            self._busy = True
            self.machine.clock.process(self._change())

    begin = _go

    def _change(self) -> Any:
        """One change of senders after the other, until those that send are those that are wanted."""
        while self._pair is not None and self._wanted != self._sending:
            pair, since = self._pair, self._since
            if self._agent is not None:
                self.machine.device.stop_agent(self._agent)
                yield from self._drained(pair)
            self._agent = None
            if pair is not self._pair:
                continue
            self._sending = self._wanted
            if self._sending:
                self._agent = self._start(pair, self._sending, since)
        self._busy = False

    def _drained(self, pair: AgentConfig) -> Any:
        """The ring is empty, and its agent has had time to reap it."""
        clock, plane = self.machine.clock, self.machine.device.plane
        while self._pair is pair:
            yield clock.timeout(LOOK_PS)
            state = plane.ring_state(Direction.TX, pair.tx_ring)
            if state["head"] == state["tail"]:
                break
        yield clock.timeout(2 * pair_poll(self.machine))

    def _start(self, pair: AgentConfig, guests: tuple[int, ...], since: int) -> int:
        machine, s = self.machine, self.machine.scenario
        start = max(since, machine.started) + s.life.vmbus_latency
        flow = machine.device.plane.add_flow(FlowConfig(
            Direction.TX, s.sizes, self.remote_mac, machine.mac_of(0), 0,
            -(-s.interval_ticks(Direction.TX) // len(guests)), start))
        self.flows[flow] = SharedFlow(guests)
        return machine.device.start_agent(machine.change.agent(replace(
            pair, rx_ring=NO_AGENT, rx_buffers=0, flow=flow, vector=-1, poll_ps=pair_poll(machine), core=-1)))


def pair_poll(machine: Machine) -> int:
    """How often the switch looks at what it has sent."""
    return machine.scenario.life.switch_poll
