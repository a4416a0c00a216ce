"""A machine under traffic, measured: brought up by the book, loaded, warmed up, its window read off.

    Machine ─► bring_up() ─► start_traffic() ─► warm-up ─► window ─► Measured
                                            └─► real frames out and back ─► ReplayResult

Counters are the differences between the two edges of the window.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from drivers.vf import VfMiniport
from nicmodel.datasheet.books import WAITS
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.datasheet.registers_pf import PFDTXGSWC, RAH, VT_CTL, put_default_pool
from nicmodel.datasheet.timing import REPLAY_PATIENCE_PS, REPLAY_STEP_PS
from nicmodel.device import Device
from nicmodel.lab import agents, books, faults, life, steadiness
from nicmodel.lab.life_ledger import Ledger, Life
from nicmodel.lab.machine import Machine
from nicmodel.lab.relax import Change
from nicmodel.lab.rows import RowSink, RowsInMemory
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.workload import workload
from nicmodel.sim.plane import PF_FUNCTION
from nicmodel.sim.results import LINK_NAMES

Progress = Callable[[float, dict[str, Any]], None]
NO_WAITS = np.empty((0, len(WAITS)), np.int64)
SLICES = 64                          # steps of a run, between which progress, Ctrl-C and the packet cap are looked at


@dataclass
class Measured:
    """What a run measured in its window; rows and rules are of the whole run.

    `functions` has a row a function, 0 = PF, with a column a counter; `latency[function, direction]` holds packets by latency
    bin (`datasheet.counters`); `links` a dict a link direction. `packets` were delivered in the whole run, warm-up included.
    """

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
    books: books.Window | None = None       # of the window, if the plane kept any
    steady: bool | None = None              # whether its halves were alike; None without books
    life: Life | None = None                # what guests noticed, with [life]; of the whole run
    failures: dict[int, str] = field(default_factory=dict)      # why a function did not come up although no rule was broken
    unused: tuple[str, ...] = ()            # a sentence for each VF and each ring agent that was started in vain
    queues: list[list[int]] | None = None   # frames that each queue of each VF received, where VFs have several


@dataclass
class ReplayResult:
    """Frames that left the wire, and frames that came back to VFs, each with its time in ps."""

    wire_frames: list[tuple[int, bytes]] = field(default_factory=list)
    received: list[tuple[int, bytes, int]] = field(default_factory=list)
    interrupted: bool = False
    wall_seconds: float = 0.0


def bring_up(scenario: Scenario, plane: str = "fast") -> Machine:
    """A machine whose drivers have started; no traffic yet. A VF that did not come up is told in its `states`.

    DriverStumble for a driver whose code fails.
    """
    machine = Machine(scenario, plane)
    machine.bring_up()
    return machine


def run_machine(scenario: Scenario, progress: Progress | None = None, stop: threading.Event | None = None,
                plane: str = "fast", change: Change | None = None, rows: RowSink | None = None) -> Measured:
    """Bring up, warm up, measure. `progress(fraction, figures)`; setting `stop` ends early with what there is.

    `change` is what differs from the scenario's machine. `rows` gets the rows, if the scenario records any; without it
    they are kept in memory. DriverStumble for a driver whose code fails; ModelBug if frames do not add up.
    """
    began = time.perf_counter()
    machine = Machine(scenario, plane, change=change)
    tell, vfs = progress or (lambda fraction, figures: None), scenario.num_vfs
    machine.bring_up(lambda v: tell(0.1 * (v + 1) / vfs, {"phase": "bring-up", "vfs": v + 1}), stop)
    machine.start_traffic()
    faults.schedule(machine)
    run = Run(machine, tell, stop, rows)
    run.go()
    return run.measured(plane, began)


class Run:
    """A machine from the start of its traffic on: to the window's edges, with rows taken on the way."""

    def __init__(self, machine: Machine, tell: Progress, stop: threading.Event | None, rows: RowSink | None):
        self.machine, self.plane, self.tell, self.stop = machine, machine.device.plane, tell, stop
        self.kept = RowsInMemory()
        self.sink: RowSink = self.kept if rows is None else rows
        self.guests = Ledger(machine, life.schedule(machine)) if machine.scenario.life.on else None
        self.pace = Pace(machine.device)
        self.packets = 0
        self.start = int(machine.clock.now)
        self.opens = self.start + machine.scenario.warmup
        self.marks: list[steadiness.Mark] = []
        self._open(self.plane.results(), self.start)

    def _open(self, results: dict[str, Any], now: int) -> None:
        """The window opens here, unless a later edge of the warm-up is reached."""
        self.opened, self.window_from = results, now
        self.before = self.marks[0] if self.marks else None
        self.marks = [steadiness.mark(results, now)]

    def edges(self) -> list[int]:
        """Where a run is looked at: in eighths of the warm-up, then in steps of the window."""
        s = self.machine.scenario
        warming = [self.start + s.warmup * i // 8 for i in range(1, 9)] if s.warmup else []
        return warming + [self.opens + s.duration * i // SLICES for i in range(1, SLICES + 1)]

    def go(self) -> None:
        """Warm up and measure, to the end of the window, the cap on packets, or a stop."""
        cap = self.machine.scenario.packets
        for edge in self.edges():
            if not self.pace.run_until(edge, self._step):
                return
            results = self.plane.results()
            self.packets = delivered(results)
            if edge <= self.opens:
                self._open(results, edge)
                continue
            self.marks.append(steadiness.mark(results, edge))
            if cap and self.packets >= cap:
                return       # at a step of the window: with as many before it opens, it is one step long

    def _step(self, now: int) -> bool:
        """Between two edges: rows that are done, progress; False to stop."""
        record, end = self.machine.scenario.record, self.opens + self.machine.scenario.duration
        if record.rows or self.guests:
            taken, waits = self.plane.take_rows()
            if len(taken) > record.row_group:
                self.pace.step_ps = max(1, self.pace.step_ps // 4)         # of which it takes 2 back
            self._keep(taken, waits)
        self.tell(0.1 + 0.9 * (now - self.start) / (end - self.start), {"phase": "traffic", "packets": self.packets})
        return not self._stopped()

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def _keep(self, rows: np.ndarray, waits: np.ndarray) -> None:
        if self.machine.scenario.record.rows:
            self.sink.add(rows, waits)
        if self.guests:
            self.guests.add(rows)

    def measured(self, plane: str, began: float) -> Measured:
        """What there is to tell; `began` is when the wall's clock was started. Raises ModelBug if frames do not add up."""
        machine, scenario, reached = self.machine, self.machine.scenario, int(self.machine.clock.now)
        results, opened, window_ps = self.plane.results(), self.opened, reached - self.window_from
        machine.check_conservation(results)
        if scenario.record.rows or self.guests:
            self._keep(results["rows"], results.get("row_waits", NO_WAITS))
        machine.look()
        ledger = books.window(opened, results, window_ps, workload(scenario, machine.config, machine.started_agents))
        steady = None if ledger is None or self.guests else (
            not self._stopped() and steadiness.is_steady(self.marks, self.before))
        return Measured(
            scenario=scenario, num_vfs=scenario.num_vfs, functions=books.difference(results["functions"], opened["functions"]),
            latency=results["latency"] - opened["latency"],
            links=link_figures(books.difference(results["links"], opened["links"]), window_ps),
            states=machine.states, window_ps=window_ps, simulated_ps=reached, wall_seconds=time.perf_counter() - began,
            packets=delivered(results), plane=plane, interrupted=self._stopped(), failures=machine.failures(),
            rows=self.kept.all() if scenario.record.rows and self.sink is self.kept else None, rules=machine.stack.verdicts(),
            unused=(*machine.without_traffic(), *agents.idle(machine, results)),
            books=ledger, steady=steady, life=self.guests.close(reached) if self.guests else None,
            queues=queue_counts(machine, results["received"] - opened["received"]))


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
            if took > 0.2:
                self.step_ps = max(1_000_000, self.step_ps // 2)
            elif took < 0.05 and now + self.step_ps <= time_ps:          # a step that was cut short says nothing of a longer one
                self.step_ps *= 2
            if not go_on(int(self.device.clock.now)):
                return False
        return True


def delivered(results: dict[str, Any]) -> int:
    """Frames delivered so far, both directions."""
    return int(results["functions"]["tx_packets"].sum() + results["functions"]["rx_packets"].sum())


def queue_counts(machine: Machine, received: np.ndarray) -> list[list[int]] | None:
    """By VF, the frames that each of its queues has received; None where a VF has one queue."""
    s, pools = machine.scenario, machine.device.nic.pools
    if s.queues_per_vf == 1:
        return None
    return [[int(received[pools.queues_per_pool * v + q]) for q in range(s.queues_per_vf)] for v in range(s.num_vfs)]


def link_figures(links: np.ndarray, window_ps: int) -> list[dict[str, Any]]:
    """One row a link direction."""
    return [{"name": name, "direction": direction,
             "bytes": int(row["tlp_bytes"] + row["dllp_bytes"] + row["skp_bytes"]),
             "busy_ps": int(row["busy_ticks"]) // TICKS_PER_PS, "window_ps": window_ps}
            for (name, direction), row in zip(LINK_NAMES, links, strict=True)]


# real frames ------------------------------------------------------------------------------------------------------
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
        """Send everything, wait for it, offer it again: once. What has not come after `REPLAY_PATIENCE_PS` is not waited for.

        Frames of a VF that does not run are not sent.
        """
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
            self.machine.settle()
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
        for slot in range(adapter.receive_addresses):
            pf.write(RAH[slot], 0)
        pf.write(PFDTXGSWC, 0)
        self.machine.settle()

    def _stopped(self) -> bool:
        return self.stop is not None and self.stop.is_set()

    def _wait(self, count: Callable[[], int], wanted: int, offset: float) -> None:
        """Run until `wanted` frames have come, or nothing has come for too long."""
        clock = self.machine.clock
        last, since = count(), int(clock.now)
        while count() < wanted and not self._stopped() and int(clock.now) - since < REPLAY_PATIENCE_PS:
            self.machine.device.run_until(int(clock.now) + REPLAY_STEP_PS)
            if count() != last:
                last, since = count(), int(clock.now)
                self.tell(offset + 0.5 * last / max(1, len(self.frames)), {"phase": "replay", "packets": last})


def default_pool(pool: int) -> int:
    """VT_CTL for frames that no filter matches."""
    return VT_CTL.VT_ENA.mask | VT_CTL.REPL_EN.mask | put_default_pool(pool)
