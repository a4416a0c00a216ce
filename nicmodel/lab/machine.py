"""A scenario's machine: device, guests, drivers under the virtualization stack, and traffic that waits for its start.

    Scenario ─► Machine: Device (plane, registers, config space) + one guest memory and handle a function
                         + PF miniport, VF miniports under the virtualization stack
    bring_up() ─► start_traffic()

Traffic starts for all at once, when every VF has come up or stays closed: ring agents that miniports ask for before are
held until then. What is measured, and when a run ends, is the testbench's.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from drivers.pf import PF_MINIPORTS, PfSettings
from drivers.rings import RingSettings
from drivers.vf import VfMiniport, VfSettings
from nicmodel.datasheet.connections import TCP, Connection
from nicmodel.datasheet.ethernet import STANDARD_FRAME
from nicmodel.datasheet.ndis import Status
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.datasheet.registers_pf import VT_CTL
from nicmodel.datasheet.rules import BY_ID
from nicmodel.datasheet.timing import DRIVER_PATIENCE_PS, DRIVER_STEPS
from nicmodel.device import Device
from nicmodel.lab.agents import fitting
from nicmodel.lab.host_switch import HostSwitch
from nicmodel.lab.own_drivers import driver_class
from nicmodel.lab.relax import Change
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.settings import core_of, guest_times, page_shift, plane_settings, ring_settings, shaper_words
from nicmodel.ndis.checker import named
from nicmodel.ndis.guests import Guest, make_pf
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.seen import LOADED
from nicmodel.ndis.stack import VirtualizationStack
from nicmodel.ndis.stumble import stuck
from nicmodel.pcie.handle import FunctionHandle
from nicmodel.sim.clock import NOTHING
from nicmodel.sim.errors import ModelBug, TooManySteps
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import PF_FUNCTION, AgentConfig, Direction, FlowConfig

REMOTE_MAC = 0x02_00_00_00_FF_01     # the far end of the wire
SERVER, SUBNET = bytes((198, 51, 100, 1)), bytes((10, 0))        # documentation and private addresses
HTTPS, FIRST_PORT = 443, 49152
KB = 1 << 10
DROP = "drop_"
RECEIVES = ("running", "silent", "synthetic")


def connection_to(function: int, number: int) -> Connection:
    """One of the connections that a function receives over: a web server's answers, to a port each."""
    return Connection(SERVER, SUBNET + bytes((function >> 8, function & 0xFF)), TCP, HTTPS, FIRST_PORT + number)


class LabOps:
    """A device's verbs for handles, but ring agents wait for `start_traffic`; a queue that there is not is a ValueError."""

    def __init__(self, machine: Machine):
        self.machine = machine
        device = machine.device
        self.mmio_write, self.mmio_read = device.mmio_write, device.mmio_read
        self.config_read, self.config_write = device.config_read, device.config_write
        self.connect_interrupt = device.connect_interrupt

    def start_agent(self, config: AgentConfig) -> int:
        if (ring := max(config.tx_ring, config.rx_ring)) >= self.machine.config.num_rings:     # told now, while its driver asks
            raise ValueError(f"there is no queue {ring} for a ring agent: the adapter has {self.machine.config.num_rings}")
        if config.function == PF_FUNCTION and self.machine.switch is not None:
            config = self.machine.switch.take(config)
        self.machine.held.append(config)
        if self.machine.traffic:
            self.machine.start_held()
        return len(self.machine.held) - 1

    def stop_agent(self, agent: int) -> None:
        if self.machine.held[agent].function == PF_FUNCTION and self.machine.switch is not None:
            self.machine.switch.drop()
        if agent < len(self.machine.agents):
            self.machine.device.stop_agent(self.machine.agents[agent])


class Machine:
    """A scenario's adapter, guests, drivers and traffic; `change` says what differs from the scenario."""

    def __init__(self, scenario: Scenario, plane: str = "fast", *, python_rings: bool = False, change: Change | None = None):
        self.scenario, self.python_rings, self.change = scenario, python_rings, change or Change()
        s = scenario
        self.config = self.change.plane(plane_settings(s, frames_out=python_rings))
        self.device = Device(s.adapter, self.config, plane, gen=s.pcie.gen, lanes=s.pcie.lanes)
        self.endpoint, self.clock = self.device.endpoint, self.device.clock
        self._enumerate()                                  # VFs' requester ids depend on it
        self.held: list[AgentConfig] = []                  # agents asked for
        self.agents: list[int] = []                        # those started, same order: their numbers in the plane
        self.started_agents: list[AgentConfig] = []        # what these can do of what they were told
        self.traffic, self.started = False, 0
        self.flows: dict[int, int] = {}                    # flow -> its guest
        self.switch = HostSwitch(self, REMOTE_MAC) if s.life.on else None
        self.states: list[dict[str, Any]] = []
        self.ops = LabOps(self)
        self.domains = [Domain(function, self._guest_bytes()) for function in range(1 + s.num_vfs)]
        self.owners: dict[int, int] = {}                   # function of a VF -> the guest that has it
        self.handles: dict[int, FunctionHandle] = {}
        for function in range(1 + s.num_vfs):
            self._handle(function, function)
        mutants = {who: driver_class(name) for who, name in s.driver.mutants.items()}
        self.vf_drivers = [mutants.get(str(v), VfMiniport) for v in range(s.num_vfs)]
        self.pf_driver = mutants.get("pf", PF_MINIPORTS[s.driver.switch_creation])
        self.stack = VirtualizationStack(self.clock, *self.make_pf(s.num_vfs), guest_times(s))
        if self.switch is not None:
            self.stack.synthetic.changed = self.switch.carry

    def _enumerate(self) -> None:
        s = self.scenario
        self.device.enumerate(mps=s.pcie.mps, mrrs=s.pcie.mrrs, rcb=s.pcie.rcb, ecrc=s.pcie.ecrc)

    def unplug(self) -> None:
        """The adapter leaves its slot: no register of it answers, and it neither sends nor receives."""
        self.endpoint.unplug()

    def plug(self) -> None:
        """It is in its slot again, as after power-up, and the host finds it there; where it had not left, nothing happens."""
        if not self.endpoint.plugged:
            self.endpoint.plug()
            self._enumerate()

    def make_pf(self, num_vfs: int) -> tuple[Any, NdisLibrary]:
        """A PF's driver and its library, on a registry that asks for so many VFs."""
        return make_pf(self.clock, self.pf_driver, self.handles[0], num_vfs, self._pf_settings())

    def _handle(self, function: int, memory: int) -> FunctionHandle:
        """A function in the hands of a guest: the one whose memory has this index."""
        if self.owners.get(function) == memory - 1:
            return self.handles[function]
        s, domain = self.scenario, self.domains[memory]
        self.device.attach(function, domain)
        self.device.plane.set("page_shift", domain.index, (page_shift(s),), self.clock.stamp())
        first = s.adapter.queues_per_pool * (function - 1) if function else 0
        self.owners[function] = memory - 1
        self.handles[function] = FunctionHandle(self.ops, self.clock, function, self.endpoint.rid_of(function), domain, first)
        return self.handles[function]

    def guest(self, v: int) -> Guest:
        """Guest v: any VF in its hands has its memory."""
        return Guest(v, self.mac_of(1 + v), 0, self.vf_drivers[v], lambda vf: self._handle(1 + vf, 1 + v), self._vf_settings(),
                     self.scenario.queues_per_vf, self.rss_entries)

    # settings -----------------------------------------------------------------------------------------------
    @property
    def buffer_bytes(self) -> int:
        """A receive buffer that holds the largest frame, in whole KB, at least 2."""
        largest = self.scenario.adapter.max_frame if self.python_rings else max(self.scenario.sizes)
        return max(2, -(-largest // KB)) * KB

    @property
    def rss_entries(self) -> int:
        """Of the indirection table that guests ask for; 0: they do not."""
        driver = self.scenario.driver
        return (driver.rss_entries or self.scenario.adapter.vf_reta_entries) if driver.rss else 0

    def _guest_bytes(self) -> int:
        per_slot = 2 * 16 + 2 * self.buffer_bytes
        happen = Counter(event.vf for _, event in self.scenario.life.in_order())
        mine = max((count for vf, count in happen.items() if vf is not None), default=0)
        lives = 2 + happen[None] + mine         # each takes its rings anew; untouched pages cost nothing
        return lives * (self.scenario.queues_per_vf * self.scenario.ring_size * per_slot + 256 * KB)

    def _ring(self) -> RingSettings:
        return ring_settings(self.scenario, self.buffer_bytes)

    def _max_frame(self) -> int:
        return max(STANDARD_FRAME, self.scenario.adapter.max_frame if self.python_rings else max(self.scenario.sizes))

    def _pf_settings(self) -> PfSettings:
        adapter, carries = self.scenario.adapter, self.scenario.traffic.pf or self.switch is not None
        return PfSettings(max_vfs=adapter.max_vfs, mac_slots=adapter.receive_addresses,
                          max_frame_bytes=self._max_frame(), rings=self._ring() if carries else None,
                          itr_ps=self.scenario.driver.itr, link_gbps=adapter.link_gbps,
                          drop_without_descriptor=self.scenario.nic.no_descriptor == "drop",
                          anti_spoofing=self.scenario.nic.anti_spoofing, vf_rss=adapter.vf_rss_queues > 0)

    def _vf_settings(self) -> VfSettings:
        return VfSettings(rings=(self._ring(),) * self.scenario.queues_per_vf, itr_ps=self.scenario.driver.itr,
                          max_frame_bytes=self._max_frame(), link_gbps=self.scenario.adapter.link_gbps,
                          python_rings=self.python_rings, rss_entries=self.scenario.adapter.vf_reta_entries)

    def mac_of(self, function: int) -> int:
        """The address of the PF (0) or of guest `function - 1`, as a number of 48 bits."""
        return self.scenario.adapter.mac_base + function

    # bring-up -----------------------------------------------------------------------------------------------
    def bring_up(self, told: Callable[[int], None] | None = None, stop: threading.Event | None = None) -> None:
        """Start the PF's driver, then each VF's, by the documented rules. `told(v)` after each VF."""
        self.run(self.stack.bring_up_pf())
        attached = self.scenario.life.attached
        for v in range(self.scenario.num_vfs):
            if stop is not None and stop.is_set():
                break
            bring = self.stack.attach if attached is None or v < attached else self.stack.admit
            self.run(bring(self.guest(v)))
            if told:
                told(v)
        if self.switch is not None:
            self.settle()       # the filters of many guests are on their way when the last one is admitted
        self.look()

    def settle(self) -> None:
        """Run until what the PF has written has arrived: a read pushes the writes before it."""
        def read() -> Any:
            yield self.handles[PF_FUNCTION].read(VT_CTL)

        self.run(read())

    def look(self) -> None:
        """The state of every function as it is now. A VF that its driver runs, and that has no queue open, is silent."""
        guests = [self.stack.guests.get(v) for v in range(self.scenario.num_vfs)]
        self.states = [self.stack.state_of_pf(), *map(self.stack.state_of_guest, guests)]
        with_queues = {PF_FUNCTION, *self.device.nic.queues.open.values()}
        for function, state in enumerate(self.states):
            if state["state"] == "running" and function not in with_queues:
                state["state"] = "silent"

    def run(self, steps: Any) -> Any:
        """Run a generator of waiting steps to its end; returns its value."""
        process = self.clock.process(steps)
        self.clock.call_at(int(self.clock.now) + DRIVER_PATIENCE_PS * (1 + len(self.stack.guests)),
                           lambda: self._lost(steps, "does not return") if process.is_alive else None)
        self.clock.steps_left = DRIVER_STEPS * (1 + len(self.stack.guests))
        try:
            return self.clock.run(until=process)
        except TooManySteps:
            self._lost(steps, "does not return")
            raise
        except RuntimeError as problem:                    # SimPy's word for what no process may yield
            self._lost(steps, f"waits in a way that is none ({' '.join(str(problem).split()[-4:])})")
            raise
        finally:
            self.clock.steps_left = NOTHING

    def _lost(self, steps: Any, why: str) -> None:
        """Steps do not come to their end: DriverStumble for the driver that they wait for, if any."""
        for adapter in self.stack.adapters():
            if (entry := adapter.ndis.checker.seen.phase) != LOADED:
                raise stuck(adapter.ndis.name, adapter.driver, entry, steps, why)

    def examine(self) -> None:
        """Let every driver be asked for what it must refuse, and led to the end of its life."""
        from nicmodel.ndis.examination import examine

        self.run(examine(self.stack))

    def failures(self) -> dict[int, str]:
        """Why a function did not come up although no rule was broken; the PF's reason alone if that is one."""
        closed = [f for f, state in enumerate(self.states) if state["state"] == "closed" and state["rule"] is None]
        return {function: self._failure(function) for function in (closed[:1] if PF_FUNCTION in closed else closed)}

    def without_traffic(self) -> tuple[str, ...]:
        """A sentence for every VF that runs, but whose guest was refused what starts its traffic. With [life] the steps tell."""
        if self.scenario.life.on:
            return ()
        return tuple(f"VF {v} runs, but its guest does not use it: {self._failure(1 + v)}."
                     for v, guest in sorted(self.stack.guests.items())
                     if guest.failed and self.states[1 + v]["state"] == "running")

    def _failure(self, function: int) -> str:
        """What its driver returned, else the first step of the stack that was not granted."""
        guest = self.stack.guests.get(function - 1) if function else None
        if function and guest is None:
            return "the run was stopped before its turn"
        adapter = self.stack.pf if not function else guest.adapter if guest is not None else None
        if adapter is not None and adapter.failure:
            return adapter.failure
        for entry in self.stack.journal.entries:
            if entry.guest == (function - 1 if function else None) and entry.status not in (None, Status.SUCCESS):
                return f"{entry.what} ended with {named(entry.status)}"
        return "no step has failed"

    def rule_rows(self) -> list[dict[str, Any]]:
        """The conformance table."""
        return [{"id": row.rule, "source": BY_ID[row.rule].source, "severity": BY_ID[row.rule].severity,
                 "reading": BY_ID[row.rule].reading, "verdict": row.verdict, "evidence": row.evidence}
                for row in self.stack.rule_table()]

    # traffic ------------------------------------------------------------------------------------------------
    def start_traffic(self) -> None:
        """Every held ring agent starts, and every receive stream, at one instant."""
        self.traffic, self.started = True, int(self.clock.now)
        s = self.scenario
        if shaper := shaper_words(s):
            for function in range(1, 1 + s.num_vfs):
                self.device.plane.set("shaper", function, self.change.shaper_words(shaper), self.clock.stamp())
        self.start_held()
        if self.switch is not None:
            self.switch.begin()
        if not s.receives:
            return
        running = [f for f, state in enumerate(self.states) if state["state"] in RECEIVES and (f or s.traffic.pf)]
        streams = max(1, s.traffic.connections)
        for position, function in enumerate(running):
            ticks = s.interval_ticks(Direction.RX, function)
            if s.load_of(function).kind == "saturated":
                ticks = self.change.arrival_ticks(ticks)
            for number in range(streams):
                start = self.clock.stamp() + 1 + (position + number * len(running)) * ticks // (TICKS_PER_PS * len(running))
                config = FlowConfig(Direction.RX, s.sizes, self.mac_of(function), REMOTE_MAC, 0, streams * ticks, start,
                                    connection=connection_to(function, number) if s.traffic.connections else None)
                self.flows[self.device.plane.add_flow(config)] = function - 1

    def start_held(self) -> None:
        """Start the agents that were asked for and have not been started, each with the flow that it is to send."""
        for config in self.held[len(self.agents):]:
            flow, queue = -1, config.tx_ring % self.scenario.adapter.queues_per_pool
            if config.flow >= 0:
                queues = 1 if config.function == PF_FUNCTION else self.scenario.queues_per_vf
                flow = self.device.plane.add_flow(FlowConfig(
                    Direction.TX, self.scenario.sizes, self._destination(config.function),
                    self.mac_of(1 + self.owners[config.function]), 0,
                    queues * self.scenario.interval_ticks(Direction.TX, config.function),
                    self.next_offer(self.clock.stamp(), queue, queues, config.function)))
                self.flows[flow] = self.owners[config.function]
            core = core_of(self.scenario, config.function, queue)
            config = self.change.agent(replace(config, flow=flow, core=core))
            self.started_agents.append(fitting(config, self.device.nic.regs))
            self.agents.append(self.device.start_agent(config))

    def next_offer(self, at: int, queue: int, queues: int, function: int) -> int:
        """When one of a function's queues, which take the frames of its load in turns, is offered its next one.

        The load of a guest whose VF may go counts from the start of traffic, whoever sends.
        """
        ticks = self.scenario.interval_ticks(Direction.TX, function)
        if self.switch is None or not ticks:
            return at + queue * ticks // TICKS_PER_PS
        first = -(-max(0, at - self.started) * TICKS_PER_PS // ticks)
        return self.started + (first + (queue - first) % queues) * ticks // TICKS_PER_PS

    def _destination(self, function: int) -> int:
        if self.scenario.direction != "vf2vf" or function == PF_FUNCTION:
            return REMOTE_MAC
        return self.mac_of(self.scenario.receiver(function))

    def check_conservation(self, results: dict[str, Any]) -> None:
        """Offered = delivered + dropped + inside, per function. Raises ModelBug."""
        functions, inside = results["functions"], results["inside"]
        drops = sum(functions[name] for name in functions.dtype.names if name.startswith(DROP))
        gone = functions["tx_packets"] + functions["rx_packets"] + drops
        lost = functions["tx_offered"] + functions["rx_offered"] - gone - inside.sum(axis=1)
        if lost.any():
            raise ModelBug(f"frames do not add up: {dict(enumerate(lost.tolist()))} by function")
