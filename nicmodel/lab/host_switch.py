"""The host switch: it carries the frames of guests on the synthetic path through the PF's queue pair.

    wire ─► PF's Rx ring ─► ring agent (switch_cost a frame) ─► VMBus channel of the guest ─► NetVSC     (`life_ledger`)
    NetVSC ─► VMBus (vmbus_latency, vmbus_cost) ─► one core (switch_cost a frame) ─► PF's Tx ring ─► wire

The Rx half is a ring agent like any other. The Tx half is here, frame by frame, since a ring agent knows one sender only:
the frames of all guests wait for one core, in the order in which VMBus brings them; it posts them and rings the doorbell.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from drivers.rings import PythonRings
from nicmodel.datasheet.connections import addressed, headers
from nicmodel.datasheet.ethernet import FCS_BYTES
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.ndis.guests import Guest
from nicmodel.sim.plane import NEVER, NO_AGENT, AgentConfig, Direction

if TYPE_CHECKING:
    from nicmodel.lab.machine import Machine


@dataclass
class Sender:
    """A guest that sends over the synthetic path, up to the time ``until``: its next frame, and when (ps) VMBus brings it."""

    guest: int
    until: int = NEVER
    packet: int = 0
    arrives: int = 0


@dataclass
class Opening:
    """One opening of the PF's queue pair: since when, and whose frames were posted, in order."""

    since: int
    rings: PythonRings
    posted: list[int] = field(default_factory=list)


class HostSwitch:
    """The synthetic path of one machine. `carry` is told who sends over it."""

    def __init__(self, machine: Machine, remote_mac: int):
        self.machine, self.remote_mac = machine, remote_mac
        self.openings: list[Opening] = []
        self.senders: dict[int, Sender] = {}             # by guest: those that send
        self.leaving: list[Sender] = []                  # those that have stopped, whose frames are still coming
        self._pair: Any = None                           # the PF's queue pair while it is open
        self._news = machine.clock.event()

    # the PF's pair -------------------------------------------------------------------------------------------
    def take(self, config: AgentConfig) -> AgentConfig:
        """The PF's driver asks for an agent of its pair: it gets an Rx half, where a frame costs the switch's CPU time."""
        self._pair = getattr(self.machine.stack.pf.driver, "pair", None)
        if self.machine.traffic:
            self._open()
        return replace(config, tx_ring=NO_AGENT, flow=-1, rx_packet_cost_ps=self.machine.scenario.life.switch_cost)

    def drop(self) -> None:
        """The PF's pair is about to close: what is sent from now on is thrown away."""
        self._pair = None

    def _open(self) -> None:
        rings = PythonRings(self._pair, lambda frames: None)
        self.openings.append(Opening(int(self.machine.clock.now), rings))

    # who sends -----------------------------------------------------------------------------------------------
    def carry(self, guests: list[Guest]) -> None:
        """These guests send over the synthetic path from now on, and no others."""
        now, numbers = int(self.machine.clock.now), [guest.number for guest in guests]
        for number in [number for number in self.senders if number not in numbers]:
            sender = self.senders.pop(number)
            sender.until = now
            if self.machine.traffic and sender.arrives - self.machine.scenario.life.vmbus_latency < now:
                self.leaving.append(sender)              # a frame of its is under way
        for number in numbers:
            if number not in self.senders:
                self.senders[number] = sender = Sender(number)
                self._first(sender, now)
        self._wake()

    def begin(self) -> None:
        """Traffic starts, at this instant, for those that are on the synthetic path."""
        if not self.machine.scenario.transmits:
            return
        if self._pair is not None:
            self._open()
        for sender in self.senders.values():
            self._first(sender, self.machine.started)
        self.machine.clock.process(self._serve())

    def _wake(self) -> None:
        news, self._news = self._news, self.machine.clock.event()
        news.succeed()

    # the way out ---------------------------------------------------------------------------------------------
    def _offer(self, packet: int) -> int:
        """When a guest whose load has a rate offers a frame, whatever path it is on."""
        return self.machine.started + packet * self.machine.scenario.interval_ticks(Direction.TX) // TICKS_PER_PS

    def _first(self, sender: Sender, now: int) -> None:
        """The first frame offered from now on; a load without a rate offers one at once."""
        ticks, life = self.machine.scenario.interval_ticks(Direction.TX), self.machine.scenario.life
        sender.packet = -(-max(0, now - self.machine.started) * TICKS_PER_PS // ticks) if ticks else 0
        sender.arrives = (self._offer(sender.packet) if ticks else now) + life.vmbus_latency

    def _next(self, sender: Sender) -> bool:
        """The frame after this one; False if the guest does not send it here."""
        ticks, life = self.machine.scenario.interval_ticks(Direction.TX), self.machine.scenario.life
        sender.packet += 1
        offered = self._offer(sender.packet) if ticks else int(self.machine.clock.now) - life.vmbus_latency
        sender.arrives = max(offered + life.vmbus_latency, sender.arrives + life.vmbus_cost)
        return offered < sender.until

    def _serve(self) -> Any:
        """One core: wait for the frame that arrives first, spend its CPU time, post it."""
        clock, life = self.machine.clock, self.machine.scenario.life
        while True:
            sender = min((*self.leaving, *self.senders.values()), key=lambda s: (s.arrives, s.guest), default=None)
            if sender is None:
                yield self._news
                continue
            if sender.arrives > clock.now:
                yield clock.any_of((clock.timeout(sender.arrives - int(clock.now)), self._news))
                continue
            yield clock.timeout(max(1, life.switch_cost))
            yield from self._post(sender)
            if not self._next(sender) and sender in self.leaving:
                self.leaving.remove(sender)

    def _post(self, sender: Sender) -> Any:
        """Into the PF's Tx ring, as soon as there is room; nowhere if there is no ring."""
        machine, s = self.machine, self.machine.scenario
        size = s.sizes[sender.packet % len(s.sizes)] - FCS_BYTES
        frame = addressed(self.remote_mac, machine.mac_of(1 + sender.guest)) + headers(None, size)
        life = self.openings[-1] if self._pair is not None else None
        while life is not None and not life.rings.room():
            yield machine.clock.timeout(s.life.switch_poll)
            life = self.openings[-1] if self._pair is not None else None
        if life is not None:
            life.rings.send([frame.ljust(size, b"\0")])
            life.posted.append(sender.guest)
