"""The standalone door: an adapter assembled from pcie, nic, a clock and a data plane.

It knows no lab, no NDIS and no drivers. Whoever plugs it in gets configuration and BAR accesses, host memory by
domain, MSI-X, frames in and out, and time:

    device = Device(PROFILES["x520"])
    device.attach(0, Domain(0, 1 << 22))
    value, at = device.bar_read(0, 0, 0x8)          # function, BAR, offset -> value, and when it came back

Every access has a split form with a callback; the blocking form runs the device and is refused inside callbacks.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import fields
from typing import Any, cast

import simpy

from nicmodel.datasheet.config_pf import REGISTER_BAR
from nicmodel.datasheet.pcie_link import GENERATIONS, TICKS_PER_PS, ack_latency_symbols
from nicmodel.datasheet.profiles import XEON, HostProfile, Profile
from nicmodel.nic.nic import Nic
from nicmodel.pcie import root
from nicmodel.pcie.endpoint import Endpoint
from nicmodel.sim.clock import Clock
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.limits import check_function
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import (
    NEVER,
    VECTORS_PER_FUNCTION,
    AgentConfig,
    DataPlane,
    Payload,
    Upcall,
    UpcallKind,
    check_vector,
)

PLANES = {"fast": ("nicmodel._fastpath", "FastPath"), "reference": ("nicmodel.reference.plane", "ReferencePath")}
PLANE_FIELDS = frozenset(field.name for field in fields(PlaneConfig))
ALL_ONES = 0xFFFFFFFF
# Domains of the plane that are no guest's memory: that of every function whose DMA leaves as messages, and that of every
# function that nobody attached. There are more numbers below them than functions.
MESSAGES, NOWHERE = 1 << 12, (1 << 12) + 1


def plane_config(profile: Profile, host: HostProfile = XEON, *, num_vfs: int | None = None, gen: int | None = None,
                 lanes: int | None = None, mps: int | None = None, **changes: Any) -> PlaneConfig:
    """Every number a plane needs, from two tables and a few changes. `changes` are fields of `PlaneConfig`."""
    gen, lanes, mps = gen or profile.pcie_gen, lanes or profile.lanes, mps or profile.mps
    generation = GENERATIONS[gen]
    ticks = generation.byte_ticks(lanes)

    def symbols_ps(count: int) -> int:
        return -(-count * lanes * ticks // TICKS_PER_PS)

    latency = symbols_ps(ack_latency_symbols(gen, lanes, mps))
    numbers = dict(
        shared(profile) | shared(host), mps=mps,
        num_functions=1 + (profile.max_vfs if num_vfs is None else num_vfs), num_rings=profile.queue_pairs,
        wire_byte_ticks=8 * 1000 * TICKS_PER_PS // profile.link_gbps, pcie_byte_ticks=ticks, ack_ps=latency, fc_ps=latency,
        skp_ps=symbols_ps(generation.skp_interval_symbols), skp_bytes=generation.skp_symbols * lanes)
    return PlaneConfig(**numbers | changes)


def shared(table: Profile | HostProfile) -> dict[str, Any]:
    """The numbers that a plane takes from a table as they are: those of one name."""
    return {field.name: getattr(table, field.name) for field in fields(table) if field.name in PLANE_FIELDS}


def make_plane(name: str, config: PlaneConfig) -> DataPlane:
    """A data plane by name: `fast` or `reference`. KeyError for another."""
    module, cls = PLANES[name]
    return cast(DataPlane, getattr(importlib.import_module(module), cls)(config))


class Device:
    """One adapter on a clock. Functions are numbered 0 = PF, 1 + v = VF v; times are ps.

    `gen` and `lanes` are the negotiated link, by default the profile's: what configuration space says, and, without a
    `config` that says otherwise, what the plane does. Without a `config` every byte moves and frames come out. Several devices
    may share a `clock`. A call that no machine could answer is a ModelBug; what the hardware does not like is in `faults` and
    `endpoint.refused`.
    """

    def __init__(self, profile: Profile, config: PlaneConfig | None = None, plane: str = "fast",
                 clock: Clock | None = None, gen: int | None = None, lanes: int | None = None):
        self.profile = profile
        self.config = config or plane_config(profile, gen=gen, lanes=lanes, payload=Payload.FULL, frames_out=True)
        self.clock = clock or Clock()
        self.plane = make_plane(plane, self.config)
        self.clock.add_plane(self.plane, self._hear)
        self.domains: dict[int, Domain | None] = {}                        # by function, as attached
        self._reads: dict[int, Callable[[int, int], None]] = {}            # by request: who is told of the value
        self._awaited: dict[int, simpy.Event] = {}                         # the same, where somebody waits for it
        self._interrupts: dict[tuple[int, int], Callable[[int], None]] = {}
        self.on_msix: Callable[[int, int, int], None] | None = None        # function, vector, time
        self.on_frame: Callable[[bytes, int], None] | None = None          # frame without FCS, time of its last byte
        # message domains: (request, function, address, length, time); answered by `dma_answer`
        self.on_dma_read: Callable[[int, int, int, int, int], None] | None = None
        # (function, address, bytes or None in payload modes that move none, time)
        self.on_dma_write: Callable[[int, int, bytes | None, int], None] | None = None
        self.faults: list[Upcall] = []
        heard: dict[UpcallKind, Callable[[Upcall], None]] = {
            UpcallKind.REG_WRITE: self._register_write, UpcallKind.REG_READ: self._register_read,
            UpcallKind.MMIO_DONE: self._read_done, UpcallKind.MSIX: self._message, UpcallKind.FRAME_OUT: self._frame_out,
            UpcallKind.DMA_READ: self._dma_read, UpcallKind.DMA_WRITE: self._dma_write,
            UpcallKind.FAULT: self.faults.append}
        self._heard = [heard[kind] for kind in UpcallKind]                  # by the kind's number
        self.nic = Nic(profile, self.plane, self.clock.stamp, call_later=self._call_later, domain_of=self._domain_of)
        self.endpoint = Endpoint(profile, self, gen=gen, lanes=lanes)

    # configuration space, and what it does (FunctionEvents of pcie) --------------------------------------------
    def config_read(self, rid: int, offset: int, size: int) -> int:
        """A configuration read of 1, 2 or 4 bytes, instant. ModelBug if it is none; an absent function answers all ones."""
        return self.endpoint.config_read(rid, offset, size)

    def config_write(self, rid: int, offset: int, size: int, value: int) -> None:
        """A configuration write of 1, 2 or 4 bytes, instant. ModelBug if it is none; dropped by an absent function."""
        self.endpoint.config_write(rid, offset, size, value)

    def bus_master(self, function: int, enabled: bool) -> None:
        """An edge of Bus Master Enable; D3hot counts as off. Without it a function's DMA and messages stop."""
        self.plane.set("bme", function, (int(enabled),), self.clock.stamp())
        self.nic.bus_master(function, enabled)

    def memory_decode(self, function: int, enabled: bool) -> None:
        """An edge of Memory Space Enable, of VF MSE for a VF: its BARs decode from here on, or do not."""
        self.plane.set("decode", function, (int(enabled),), self.clock.stamp())

    def vfs_enabled(self, num_vfs: int) -> None:
        """VFs exist, fresh. ModelBug for more than the plane was made for (`num_functions` of its config)."""
        if 1 + num_vfs > self.config.num_functions:
            raise ModelBug(f"{num_vfs} VFs enabled, but the plane was made for {self.config.num_functions - 1}")
        self.nic.vfs_enabled(num_vfs)

    def vfs_disabled(self) -> None:
        """No VF exists any more."""
        for function in range(1, self.config.num_functions):
            for table in ("decode", "bme"):
                self.plane.set(table, function, (0,), self.clock.stamp())
        self.nic.vfs_disabled()

    def function_reset(self, function: int) -> None:
        """FLR, or D3hot to D0; that of the PF is one of all functions."""
        self.nic.function_reset(function)

    def msix_changed(self, function: int) -> None:
        """Some vector of it may be delivered now, or may not."""
        self.nic.msix_changed(function, self.endpoint.msix(function))

    def msix_fire(self, function: int, vector: int) -> None:
        """A message that was held back leaves now."""
        self.plane.set("raise", VECTORS_PER_FUNCTION * function + vector, (), self.clock.stamp())

    # memory -------------------------------------------------------------------------------------------------
    def attach(self, function: int, domain: Domain | None) -> None:
        """Attach a function to a guest's memory; None: its DMA leaves as messages (`on_dma_read`, `on_dma_write`).

        Rings that are open keep the memory that they were opened with. Functions may share a domain; of two domains with one
        index the later one counts. DMA of a function that was never attached is a fault. ModelBug for a function or an index that
        the plane does not have, or that is none of a guest's (`MESSAGES`, `NOWHERE`).
        """
        check_function(self.config, function)
        if domain is None:
            self.plane.attach(MESSAGES, 0, None)
        elif domain.index in (MESSAGES, NOWHERE):
            raise ModelBug(f"domain {domain.index} is no guest's memory: take another index")
        else:
            self.plane.attach(domain.index, domain.base, domain.memory)
        self.domains[function] = domain

    def dma_answer(self, request: int, data: bytes, at: int | None = None) -> None:
        """The answer to a DMA read of a message domain; bytes that are missing are zeros. `at` >= now, default at once."""
        self.plane.dma_answer(request, data, self.clock.stamp() if at is None else at)

    def _domain_of(self, function: int) -> int:
        if function not in self.domains:
            return NOWHERE
        domain = self.domains[function]
        return MESSAGES if domain is None else domain.index

    # BAR accesses -------------------------------------------------------------------------------------------
    def bar_write(self, function: int, bar: int, offset: int, value: int) -> None:
        """A posted 32-bit write; it takes effect when it arrives, in call order. ModelBug for a value that does not fit.

        Where the BAR does not decode it is dropped and counted in `endpoint.refused`.
        """
        self.plane.mmio_write(function, bar, offset, value, self.clock.stamp())

    def start_read(self, function: int, bar: int, offset: int, done: Callable[[int, int], None]) -> None:
        """Split read of 32 bits: `done(value, time)` when the completion is back; all ones where the BAR does not decode."""
        self._reads[self.plane.mmio_read(function, bar, offset, self.clock.stamp())] = done

    def bar_read(self, function: int, bar: int, offset: int) -> tuple[int, int]:
        """Blocking read: runs the device until the value is back: (value, time). ModelBug inside a step of its clock."""
        self.clock.refuse_inside()
        back: list[tuple[int, int]] = []
        self.start_read(function, bar, offset, lambda value, time: back.append((value, time)))
        while not back:
            self.clock.step()
        return back[0]

    # frames and time ----------------------------------------------------------------------------------------
    def frame_in(self, frame: bytes, at: int | None = None) -> None:
        """A frame (without FCS) is offered to the port by the wire; `at` >= now, default at once."""
        self.plane.inject(0, frame, self.clock.stamp() if at is None else at)

    def link_change(self, up: bool) -> None:
        """The partner's signal comes or goes: LINKS shows it and the PF is interrupted. Table `wire` holds frames back."""
        self.nic.link_change(up)

    def pause_in(self, quanta: int) -> None:
        """A PAUSE frame's last byte arrives now; it asks for so many quanta of 512 bit times, 0 to go on."""
        self.plane.set("pause", 0, (quanta,), self.clock.stamp())

    def run_until(self, time: int) -> None:
        """Run everything before `time`, which it is afterwards. ModelBug for a time that has passed."""
        self.clock.run_to(time)

    def next_output_time(self) -> int:
        """A lower bound of the time of the next frame, DMA, MSI-X or read completion, given no further input."""
        return min(self.plane.next_time(), int(min(self.clock.peek(), NEVER)))

    # what a driver's handle needs (HandleOps of pcie) -----------------------------------------------------------
    mmio_write = bar_write

    def mmio_read(self, function: int, bar: int, offset: int) -> simpy.Event:
        """Split read as an event, which gives the 32-bit value when the completion is back."""
        event = simpy.Event(self.clock)
        self._awaited[self.plane.mmio_read(function, bar, offset, self.clock.stamp())] = event
        return event

    def connect_interrupt(self, function: int, vector: int, callback: Callable[[int], None]) -> None:
        """`callback(vector)` runs when a message of this vector reaches the host. ModelBug for what does not exist."""
        check_function(self.config, function)
        check_vector(vector)
        self._interrupts[function, vector] = callback

    def start_agent(self, config: AgentConfig) -> int:
        """Hand rings to an agent of the plane, now; returns its number. ModelBug for what does not exist."""
        return self.plane.start_agent(config, self.clock.stamp())

    def stop_agent(self, agent: int) -> None:
        """The agent posts nothing more; what it posted is still reaped."""
        self.plane.stop_agent(agent, self.clock.stamp())

    # a host's plug and play ---------------------------------------------------------------------------------
    def enumerate(self, mps: int | None = None, mrrs: int | None = None, rcb: int | None = None,
                  ecrc: bool | None = None) -> None:
        """Size and place BARs, enable the PF: what firmware and a PCI bus driver do. In bytes; None: as the plane has it."""
        root.enumerate_device(self.endpoint, mps=mps or self.config.mps, mrrs=mrrs or self.config.mrrs,
                              rcb=rcb or self.config.rcb, ecrc=bool(self.config.tlp_digest_bytes) if ecrc is None else ecrc)

    def enable_vfs(self, count: int) -> simpy.Event:
        """NumVFs, then VF Enable and VF MSE, as Linux does; `enumerate` has placed the VF BARs. The event is the settle time.

        ModelBug for more VFs than there are, or if they are enabled already.
        """
        return self.clock.timeout(root.enable_vfs(self.endpoint, count).settle_ps)

    # upcalls of the plane -----------------------------------------------------------------------------------
    def _hear(self, upcall: Upcall) -> None:
        self._heard[upcall.kind](upcall)

    def _register_write(self, upcall: Upcall) -> None:
        function, bar, offset, value = upcall.args
        if not self.endpoint.reachable(function, bar):
            self.endpoint.refuse_access(function, posted=True)
        elif bar == REGISTER_BAR:
            self.nic.write(function, bar, offset, value)
        else:
            self.endpoint.bar_write(function, bar, offset, 4, value)

    def _register_read(self, upcall: Upcall) -> None:
        function, bar, offset, request = upcall.args
        if not self.endpoint.reachable(function, bar):
            self.endpoint.refuse_access(function, posted=False)
            value = ALL_ONES                                   # Unsupported Request, as the host sees it
        elif bar == REGISTER_BAR:
            value = self.nic.read(function, bar, offset)
        else:
            value = self.endpoint.bar_read(function, bar, offset, 4)
        self.plane.mmio_answer(request, value, self.clock.stamp())

    def _read_done(self, upcall: Upcall) -> None:
        request, value = upcall.args
        event = self._awaited.pop(request, None)
        if event is not None:
            event.succeed(value)
        else:
            self._reads.pop(request)(value, upcall.time)

    def _message(self, upcall: Upcall) -> None:
        function, vector, _ = upcall.args
        if self.on_msix:
            self.on_msix(function, vector, upcall.time)
        if (function, vector) in self._interrupts:
            self._interrupts[function, vector](vector)

    def _frame_out(self, upcall: Upcall) -> None:
        if self.on_frame and upcall.data is not None:
            self.on_frame(upcall.data, upcall.time)

    def _dma_read(self, upcall: Upcall) -> None:
        if self.on_dma_read:
            request, function, address, length = upcall.args
            self.on_dma_read(request, function, address, length, upcall.time)

    def _dma_write(self, upcall: Upcall) -> None:
        if self.on_dma_write:
            _, function, address, *_ = upcall.args
            self.on_dma_write(function, address, upcall.data, upcall.time)

    def _call_later(self, delay_ps: int, do: Callable[[], None]) -> None:
        self.clock.call_at(int(self.clock.now) + delay_ps, do)
