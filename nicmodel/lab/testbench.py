"""Where device, drivers and traffic meet: one machine, brought up by the book, loaded, measured.

    Scenario ─► Machine: Device (plane, registers, config space) + one guest memory and handle a function
                         + PF miniport, VF miniports under the virtualization stack
    bring_up() ─► start_traffic() ─► warm-up ─► window ─► Measured

Traffic starts for all at once, when every VF has come up or stays closed: ring agents that miniports ask for before are
held until then. Counters are the differences between the two edges of the window.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from drivers.mutants import MUTANTS
from drivers.pf import PfMiniport, PfSettings
from drivers.rings import RingSettings
from drivers.vf import VfMiniport, VfSettings
from nicmodel.datasheet.profiles import XEON
from nicmodel.datasheet.registers_pf import PFDTXGSWC, RAH, VT_CTL
from nicmodel.datasheet.rules import BY_ID
from nicmodel.device import Device, plane_config
from nicmodel.lab.scenario import Scenario
from nicmodel.ndis.stack import VirtualizationStack, make_pf
from nicmodel.pcie.handle import FunctionHandle
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import PF_FUNCTION, AgentConfig, Direction, FlowConfig, Payload
from nicmodel.sim.results import LINK_NAMES

Progress = Callable[[float, dict[str, Any]], None]
SLICES = 64                          # steps of a run, between which progress, Ctrl-C and the packet cap are looked at
REMOTE_MAC = 0x02_00_00_00_FF_01     # the far end of the wire
MAC_SLOTS = {64: 128}                # receive addresses by TotalVFs; larger adapters have the extension's 512
KB = 1 << 10
DROP = "drop_"


@dataclass
class Measured:
    """What a run measured in its window; rows and rules are of the whole run."""

    scenario: Scenario
    num_vfs: int
    functions: np.ndarray
    latency: np.ndarray
    links: list[dict[str, Any]]
    states: list[dict[str, Any]]
    window_ps: int
    simulated_ps: int
    wall_seconds: float
    packets: int
    plane: str
    interrupted: bool
    rows: np.ndarray | None
    rules: list[Any]


@dataclass
class ReplayResult:
    """Frames that left the wire, and frames that came back to VFs, each with its time in ps."""

    wire_frames: list[tuple[int, bytes]] = field(default_factory=list)
    received: list[tuple[int, bytes, int]] = field(default_factory=list)
    interrupted: bool = False
    wall_seconds: float = 0.0


class LabOps:
    """A device's verbs for handles, but ring agents wait for `start_traffic`."""

    def __init__(self, machine: Machine):
        self.machine = machine
        device = machine.device
        self.mmio_write, self.mmio_read = device.mmio_write, device.mmio_read
        self.config_read, self.config_write = device.config_read, device.config_write
        self.connect_interrupt = device.connect_interrupt

    def start_agent(self, config: AgentConfig) -> int:
        self.machine.held.append(config)
        if self.machine.traffic:
            self.machine.start_held()
        return len(self.machine.held) - 1

    def stop_agent(self, agent: int) -> None:
        if self.machine.agents[agent] is not None:
            self.machine.device.stop_agent(self.machine.agents[agent])


class Machine:
    """A scenario's adapter, guests, drivers and traffic."""

    def __init__(self, scenario: Scenario, plane: str = "fast", *, python_rings: bool = False):
        self.scenario, self.python_rings = scenario, python_rings
        s = scenario
        config = plane_config(
            s.adapter, num_vfs=s.num_vfs, gen=s.pcie.gen, lanes=s.pcie.lanes, mps=s.pcie.mps, mrrs=s.pcie.mrrs,
            rcb=s.pcie.rcb, tags=s.pcie.tags, read_buffer=s.nic.read_buffer, tx_buffer=s.nic.tx_buffer,
            rx_buffer=s.nic.rx_buffer, read_latency_ps=max(1, s.host.read_latency),
            read_jitter_ps=s.host.read_jitter, write_latency_ps=max(1, s.host.write_latency), seed=s.seed,
            payload=Payload[s.payload.upper()], record_rows=s.record.rows, record_interrupts=False,
            frames_out=python_rings)
        self.device = Device(s.adapter, config, plane, gen=s.pcie.gen, lanes=s.pcie.lanes)
        self.endpoint, self.clock = self.device.endpoint, self.device.clock
        self.device.enumerate(mps=s.pcie.mps, mrrs=s.pcie.mrrs)          # VFs' requester ids depend on it
        self.held: list[AgentConfig] = []                  # agents asked for
        self.agents: list[int] = []                        # those running, same order
        self.traffic = False
        self.states: list[dict[str, Any]] = []
        ops = LabOps(self)
        self.handles = []
        for function in range(1 + s.num_vfs):
            domain = Domain(function, self._guest_bytes())
            self.device.attach(function, domain)
            first = s.adapter.queues_per_pool * (function - 1) if function else 0
            self.handles.append(FunctionHandle(ops, self.clock, function, self.endpoint.rid_of(function), domain, first))
        mutants = {who: MUTANTS[name].driver for who, name in s.driver.mutants.items()}
        self.vf_drivers = [mutants.get(str(v), VfMiniport) for v in range(s.num_vfs)]
        driver, ndis = make_pf(self.clock, mutants.get("pf", PfMiniport), self.handles[0], s.num_vfs, self._pf_settings())
        self.stack = VirtualizationStack(self.clock, driver, ndis)

    # settings -----------------------------------------------------------------------------------------------
    @property
    def buffer_bytes(self) -> int:
        """A receive buffer that holds the largest frame, in whole KB, at least 2."""
        largest = self.scenario.adapter.max_frame if self.python_rings else max(self.scenario.sizes)
        return max(2, -(-largest // KB)) * KB

    def _guest_bytes(self) -> int:
        per_slot = 2 * 16 + 2 * self.buffer_bytes
        return self.scenario.queues_per_vf * self.scenario.ring_size * per_slot + 256 * KB

    def _ring(self) -> RingSettings:
        d = self.scenario.driver
        return RingSettings(
            ring_size=self.scenario.ring_size, buffer_bytes=self.buffer_bytes, tx_stride=self.buffer_bytes,
            flow=0 if self.scenario.transmits else -1, irq_latency_ps=max(1, self.scenario.host.irq_latency),
            irq_cost_ps=XEON.irq_cost_ps, pass_cost_ps=XEON.pass_cost_ps, tx_packet_cost_ps=XEON.tx_packet_cost_ps,
            rx_packet_cost_ps=XEON.rx_packet_cost_ps, tx_batch=d.batch, rx_batch=d.batch, poll_ps=d.poll,
            drop=self.scenario.nic.no_descriptor == "drop")

    def _max_frame(self) -> int:
        return max(1518, self.scenario.adapter.max_frame if self.python_rings else max(self.scenario.sizes))

    def _pf_settings(self) -> PfSettings:
        adapter = self.scenario.adapter
        return PfSettings(max_vfs=adapter.max_vfs, mac_slots=MAC_SLOTS.get(adapter.total_vfs, RAH.count),
                          max_frame_bytes=self._max_frame(), rings=self._ring() if self.scenario.traffic.pf else None,
                          itr_ps=self.scenario.driver.itr, link_gbps=adapter.link_gbps,
                          drop_without_descriptor=self.scenario.nic.no_descriptor == "drop")

    def _vf_settings(self) -> VfSettings:
        return VfSettings(rings=(self._ring(),) * self.scenario.queues_per_vf, itr_ps=self.scenario.driver.itr,
                          max_frame_bytes=self._max_frame(), link_gbps=self.scenario.adapter.link_gbps,
                          python_rings=self.python_rings)

    def mac_of(self, function: int) -> int:
        return self.scenario.adapter.mac_base + function

    # bring-up -----------------------------------------------------------------------------------------------
    def bring_up(self, told: Callable[[int], None] | None = None, stop: threading.Event | None = None) -> None:
        """Start the PF's driver, then each VF's, by the documented rules. `told(v)` after each VF."""
        self.run(self.stack.bring_up_pf())
        for v, driver in enumerate(self.vf_drivers):
            if stop is not None and stop.is_set():
                break
            self.states.append(self.run(self.stack.attach_vf(v, self.mac_of(1 + v), 0, driver, self.handles[1 + v],
                                                             self._vf_settings())))
            if told:
                told(v)
        missing = self.scenario.num_vfs - len(self.states)
        pf = {"state": "closed" if self.stack.pf.state.name != "RUNNING" else "running", "rule": self.stack.pf.rule}
        self.states = [pf, *self.states, *[{"state": "closed", "rule": None}] * missing]

    def run(self, steps: Any) -> Any:
        """Run a generator of waiting steps to its end; returns its value."""
        return self.clock.run(until=self.clock.process(steps))

    def rule_rows(self) -> list[dict[str, Any]]:
        """The conformance table."""
        return [{"id": row.rule, "source": BY_ID[row.rule].source, "severity": BY_ID[row.rule].severity,
                 "reading": BY_ID[row.rule].reading, "verdict": row.verdict, "evidence": row.evidence}
                for row in self.stack.rule_table()]

    # traffic ------------------------------------------------------------------------------------------------
    def start_traffic(self) -> None:
        """Every held ring agent starts, and every receive stream, at one instant."""
        self.traffic = True
        self.start_held()
        s = self.scenario
        if not s.receives:
            return
        running = [f for f, state in enumerate(self.states) if state["state"] == "running" and (f or s.traffic.pf)]
        ticks = s.interval_ticks(Direction.RX)
        for position, function in enumerate(running):
            start = self.clock.stamp() + 1 + position * ticks // (1024 * max(1, len(running)))
            self.device.plane.add_flow(FlowConfig(Direction.RX, s.sizes, self.mac_of(function), REMOTE_MAC, 0, ticks, start))

    def start_held(self) -> None:
        for config in self.held[len(self.agents):]:
            flow = -1
            if config.flow >= 0:
                flow = self.device.plane.add_flow(FlowConfig(
                    Direction.TX, self.scenario.sizes, self._destination(config.function), self.mac_of(config.function), 0,
                    self.scenario.interval_ticks(Direction.TX), self.clock.stamp()))
            self.agents.append(self.device.start_agent(replace(config, flow=flow)))

    def _destination(self, function: int) -> int:
        if self.scenario.direction != "vf2vf" or function == PF_FUNCTION:
            return REMOTE_MAC
        return self.mac_of(1 + function % self.scenario.num_vfs)

    def check_conservation(self, results: dict[str, Any]) -> None:
        """Offered = delivered + dropped + inside, per function. Raises ModelBug."""
        functions, inside = results["functions"], results["inside"]
        drops = sum(functions[name] for name in functions.dtype.names if name.startswith(DROP))
        gone = functions["tx_packets"] + functions["rx_packets"] + drops
        lost = functions["tx_offered"] + functions["rx_offered"] - gone - inside.sum(axis=1)
        if lost.any():
            raise ModelBug(f"frames do not add up: {dict(enumerate(lost.tolist()))} by function")


def bring_up(scenario: Scenario, plane: str = "fast") -> Machine:
    """A machine whose drivers have started; no traffic yet."""
    machine = Machine(scenario, plane)
    machine.bring_up()
    return machine


def run_machine(scenario: Scenario, progress: Progress | None = None, stop: threading.Event | None = None,
                plane: str = "fast") -> Measured:
    """Bring up, warm up, measure. `progress(fraction, figures)`; setting `stop` ends early with what there is."""
    began = time.perf_counter()
    machine = Machine(scenario, plane)
    tell = progress or (lambda fraction, figures: None)
    vfs = scenario.num_vfs
    machine.bring_up(lambda v: tell(0.1 * (v + 1) / vfs, {"phase": "bring-up", "vfs": v + 1}), stop)
    machine.start_traffic()
    clock, device = machine.clock, machine.device
    start = int(clock.now)
    opened, window_from = device.plane.results(), start
    end = start + scenario.warmup + scenario.duration
    edges = [start + scenario.warmup * i // 8 for i in range(1, 9)] if scenario.warmup else []
    edges += [start + scenario.warmup + scenario.duration * i // SLICES for i in range(1, SLICES + 1)]
    packets = 0

    def step(now: int) -> bool:
        tell(0.1 + 0.9 * (now - start) / (end - start), {"phase": "traffic", "packets": packets})
        return stop is None or not stop.is_set()

    pace = Pace(device)
    for edge in edges:
        if not pace.run_until(edge, step):
            break
        if edge <= start + scenario.warmup:
            opened, window_from = device.plane.results(), edge
        packets = delivered(device.plane.results())
        if scenario.packets and packets >= scenario.packets:
            break
    reached = int(clock.now)
    results = device.plane.results()
    machine.check_conservation(results)
    interrupted = stop is not None and stop.is_set()
    return Measured(
        scenario=scenario, num_vfs=vfs, functions=difference(results["functions"], opened["functions"]),
        latency=results["latency"] - opened["latency"],
        links=link_figures(difference(results["links"], opened["links"]), reached - window_from),
        states=machine.states, window_ps=reached - window_from, simulated_ps=reached,
        wall_seconds=time.perf_counter() - began, packets=delivered(results), plane=plane, interrupted=interrupted,
        rows=results["rows"] if scenario.record.rows else None, rules=machine.stack.verdicts())


class Pace:
    """Runs a device in steps of about a tenth of a second of wall time, so that Ctrl-C is soon noticed.

    Where the steps end has no effect on what is simulated.
    """

    def __init__(self, device: Device):
        self.device = device
        self.step_ps = 1_000_000

    def run_until(self, time_ps: int, go_on: Callable[[int], bool]) -> bool:
        """Run everything before `time_ps`; False if `go_on(now)` said no after a step."""
        while (now := int(self.device.clock.now)) < time_ps:
            began = time.perf_counter()
            self.device.run_until(min(time_ps, now + self.step_ps))
            took = time.perf_counter() - began
            self.step_ps = max(1_000_000, self.step_ps * 2 if took < 0.05 else self.step_ps // 2 if took > 0.2 else self.step_ps)
            if not go_on(int(self.device.clock.now)):
                return False
        return True


def delivered(results: dict[str, Any]) -> int:
    """Frames delivered so far, both directions."""
    return int(results["functions"]["tx_packets"].sum() + results["functions"]["rx_packets"].sum())


def difference(late: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Late minus early, column by column."""
    result = late.copy()
    for name in late.dtype.names or ():
        result[name] -= early[name]
    return result


def link_figures(links: np.ndarray, window_ps: int) -> list[dict[str, Any]]:
    """One row a link direction."""
    return [{"name": name, "direction": direction,
             "bytes": int(row["tlp_bytes"] + row["dllp_bytes"] + row["skp_bytes"]),
             "busy_ps": int(row["busy_ticks"]) // 1024, "window_ps": window_ps}
            for (name, direction), row in zip(LINK_NAMES, links, strict=True)]


# real frames ------------------------------------------------------------------------------------------------------
PATIENCE_PS = 50_000_000_000         # a frame that takes longer is lost
STEP_PS = 20_000_000


def replay_frames(frames: Sequence[bytes], assignment: Sequence[int], scenario: Scenario, *, plane: str = "fast",
                  progress: Progress | None = None, stop: threading.Event | None = None) -> ReplayResult:
    """Send each frame from its VF to the wire, then offer what left the wire back to the VF that sent it.

    The switch is passive: address filters and loopback are off. On the way back the PF's default pool points at one VF
    after the other. So a frame reaches the wire, and returns to its sender, whatever its destination address is.
    """
    return Replay(frames, assignment, scenario, plane, progress, stop).result()


class Replay:
    """One replay: out, then back."""

    def __init__(self, frames: Sequence[bytes], assignment: Sequence[int], scenario: Scenario, plane: str,
                 progress: Progress | None, stop: threading.Event | None):
        self.frames, self.assignment, self.stop = frames, assignment, stop
        self.tell = progress or (lambda fraction, figures: None)
        self.began = time.perf_counter()
        self.outcome = ReplayResult()
        self.machine = Machine(scenario, plane, python_rings=True)
        self.machine.bring_up(stop=stop)
        self.machine.device.on_frame = lambda frame, at: self.outcome.wire_frames.append((at, frame))
        self.drivers: dict[int, VfMiniport] = {}
        for v, guest in self.machine.stack.guests.items():
            if self.machine.states[1 + v]["state"] == "running" and guest.adapter is not None:
                driver = self.drivers[v] = cast(VfMiniport, guest.adapter.driver)
                driver.on_receive(lambda received, v=v: self._receive(v, received))    # type: ignore[misc]

    def _receive(self, vf: int, frames: list[bytes]) -> None:
        now = int(self.machine.clock.now)
        self.outcome.received += [(vf, frame, now) for frame in frames]

    def result(self) -> ReplayResult:
        by_vf: dict[int, list[bytes]] = {}
        for frame, vf in zip(self.frames, self.assignment, strict=True):
            by_vf.setdefault(vf, []).append(frame)
        self._pass_everything()
        expected = 0
        for vf, own in by_vf.items():
            expected += self.drivers[vf].send(own) if vf in self.drivers else 0
        self._wait(lambda: len(self.outcome.wire_frames), expected, 0.0)
        burst = self.machine.scenario.ring_size // 4
        for vf, own in by_vf.items():
            if vf not in self.drivers:
                continue
            self.machine.handles[PF_FUNCTION].write(VT_CTL, default_pool(vf))
            self.machine.run(self._settle())
            for first in range(0, len(own), burst):
                group = own[first:first + burst]
                for frame in group:
                    self.machine.device.frame_in(frame)
                self._wait(lambda: len(self.outcome.received), len(self.outcome.received) + len(group), 0.5)
        self.outcome.interrupted = self._stopped()
        self.outcome.wall_seconds = time.perf_counter() - self.began
        return self.outcome

    def _pass_everything(self) -> None:
        """No address is the adapter's own any more: frames go to the wire, and from it to the default pool."""
        adapter, pf = self.machine.scenario.adapter, self.machine.handles[PF_FUNCTION]
        for slot in range(MAC_SLOTS.get(adapter.total_vfs, RAH.count)):
            pf.write(RAH[slot], 0)
        pf.write(PFDTXGSWC, 0)
        self.machine.run(self._settle())

    def _settle(self) -> Any:
        """A read pushes the write before it."""
        yield self.machine.handles[PF_FUNCTION].read(VT_CTL)

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def _wait(self, count: Callable[[], int], wanted: int, offset: float) -> None:
        """Run until `wanted` frames have come, or nothing has come for too long."""
        clock = self.machine.clock
        last, since = count(), int(clock.now)
        while count() < wanted and not self._stopped() and int(clock.now) - since < PATIENCE_PS:
            self.machine.device.run_until(int(clock.now) + STEP_PS)
            if count() != last:
                last, since = count(), int(clock.now)
                self.tell(offset + 0.5 * last / max(1, len(self.frames)), {"phase": "replay", "packets": last})


def default_pool(pool: int) -> int:
    """VT_CTL for frames that no filter matches."""
    return (VT_CTL.VT_ENA.mask | VT_CTL.REPL_EN.mask | VT_CTL.DEF_PL.put(pool & 0x3F) | VT_CTL.DEF_PL_EXT.put(pool >> 6))
