"""A host's plug and play over configuration accesses alone: enumeration, VFs on and off in Linux's order.

It sees a `ConfigPort` (the endpoint, or a device in front of it) and spends no time: what a host would wait
is returned. A request that makes no sense, or a device that breaks the rules a bus driver checks, is a
`ModelBug`; who lets people choose numbers checks them first.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Protocol

from nicmodel.datasheet.config_pf import AER, EXPRESS, PF, SRIOV
from nicmodel.datasheet.config_space import (
    BAR_64,
    BAR_IO,
    BAR_TYPE_BITS,
    CACHE_LINE_DWORDS,
    DEFAULT_PAGE_BYTES,
    PF_RID,
    SMALLEST_PAGE,
    WINDOW_BASE,
    ConfigRegister,
)
from nicmodel.datasheet.pcie_link import PAYLOAD_SIZES, READ_BOUNDARIES
from nicmodel.datasheet.timing import VF_DISABLE_SETTLE_PS, VF_ENABLE_SETTLE_PS
from nicmodel.pcie.capabilities import Walk, at_once, classic, extended
from nicmodel.pcie.identity import payload_code
from nicmodel.sim.errors import ModelBug

BARS = 6
NO_DEVICE = 0xFFFF
ALL_ONES = 0xFFFFFFFF
COMMAND = PF["Command"]


class ConfigPort(Protocol):
    """Configuration requests by routing ID."""

    def config_read(self, rid: int, offset: int, size: int) -> int:
        """A value of 1, 2 or 4 bytes; all ones where no function has this routing ID."""

    def config_write(self, rid: int, offset: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes; dropped where no function has this routing ID."""


@dataclass(frozen=True)
class Window:
    """Addresses that a BAR was given: `size` bytes per function, `count` functions."""

    base: int
    size: int
    count: int = 1

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.base + self.size * self.count


@dataclass(frozen=True)
class Enumerated:
    """Where things went: windows by BAR number, and the highest bus that VFs can need."""

    bars: dict[int, Window]
    vf_bars: dict[int, Window]
    last_bus: int


@dataclass(frozen=True)
class VfsEnabled:
    """Routing IDs of the VFs that exist now, and the ps before software may touch one."""

    rids: tuple[int, ...]
    settle_ps: int


class Function:
    """One function's configuration space as a bus driver sees it: registers by datasheet row."""

    def __init__(self, port: ConfigPort, rid: int):
        self.port, self.rid = port, rid

    def get(self, row: ConfigRegister, at: int = 0) -> int:
        """Read a register; `at` is the offset of its capability, 0 for the header."""
        return self.port.config_read(self.rid, at + row.at, row.nbytes)

    def set(self, row: ConfigRegister, value: int, at: int = 0) -> None:
        """Write a whole register, likewise."""
        self.port.config_write(self.rid, at + row.at, row.nbytes, value)

    def change(self, row: ConfigRegister, at: int = 0, **fields: int) -> None:
        """Read, replace fields by name, write."""
        word = self.get(row, at)
        for name, value in fields.items():
            word = word & ~row[name].mask | row[name].put(value)
        self.set(row, word, at)

    def capability(self, identity: int) -> int:
        """Offset of a classic capability. ModelBug if the chain has none."""
        at = self._found(classic(identity))
        _require(at != 0, f"function {self.rid:#06x} has no capability {identity:#04x}")
        return at

    def extended(self, identity: int) -> int:
        """Offset of an extended capability. ModelBug if the chain has none."""
        at = self._found(extended(identity))
        _require(at != 0, f"function {self.rid:#06x} has no extended capability {identity:#06x}")
        return at

    def _found(self, walk: Walk) -> int:
        return at_once(walk, partial(self.port.config_read, self.rid))

    def place_bars(self, first: int, free: int, count: int = 1) -> tuple[dict[int, Window], int]:
        """Size the six BARs at offset `first` by writing all ones, and place them from `free` up.

        Returns the windows and the next free address. Each is aligned to its size and has `count` slices.
        """
        windows: dict[int, Window] = {}
        bar = 0
        while bar < BARS:
            at = first + 4 * bar
            kind = self.port.config_read(self.rid, at, 4) & BAR_TYPE_BITS
            if kind & BAR_IO:
                raise ModelBug(f"BAR {bar} of {self.rid:#06x} is an I/O BAR: not supported")
            dwords = 2 if kind & BAR_64 else 1
            probe = 0
            for n in range(dwords):
                self.port.config_write(self.rid, at + 4 * n, 4, ALL_ONES)
                probe |= self.port.config_read(self.rid, at + 4 * n, 4) << 32 * n
            if probe & ~BAR_TYPE_BITS:
                size = -(probe & ~BAR_TYPE_BITS) & (1 << 32 * dwords) - 1
                base = -(-free // size) * size
                if dwords == 1:
                    raise ModelBug(f"BAR {bar} of {self.rid:#06x} cannot go above 4 GiB")
                for n in range(dwords):
                    self.port.config_write(self.rid, at + 4 * n, 4, base >> 32 * n & ALL_ONES)
                windows[bar] = Window(base, size, count)
                free = windows[bar].end
            bar += dwords
        return windows, free


def enumerate_device(endpoint: ConfigPort, mps: int = 128, mrrs: int = 512, *, rid: int = PF_RID,
                     rcb: int = 64, ari: bool = True, ecrc: bool = False,
                     page_bytes: int = DEFAULT_PAGE_BYTES, window_base: int = WINDOW_BASE) -> Enumerated:
    """Bring up the PF as firmware and a bus driver do: BARs, payload sizes, ARI, VF windows, decode, BME.

    `mps`, `mrrs`, `rcb` in bytes; `ari`: the port above forwards ARI; `ecrc`: digests are made and checked; windows go
    from `window_base` up, VF windows with room for TotalVFs. VFs must be disabled. ModelBug if the device does not support `mps`.
    """
    pf = Function(endpoint, rid)
    if pf.get(PF["VendorId"]) == NO_DEVICE:
        raise ModelBug(f"no device answers at {rid:#06x}")
    express, sriov = pf.capability(EXPRESS.id), pf.extended(SRIOV.id)
    supported = EXPRESS["DevCap"]["MaxPayload"].get(pf.get(EXPRESS["DevCap"], express))
    if payload_code(mps) > supported:
        raise ModelBug(f"MPS {mps} B is above the device's {PAYLOAD_SIZES[supported]} B")
    if pf.get(SRIOV["Control"], sriov) & SRIOV["Control"]["VfEnable"].mask:
        raise ModelBug("VFs are enabled: disable them before enumerating anew")
    pf.change(COMMAND, MemoryEnable=0, BusMaster=0)
    pf.set(PF["CacheLineSize"], CACHE_LINE_DWORDS)
    bars, free = pf.place_bars(PF["Bar0"].at, window_base)
    tags = EXPRESS["DevCap"]["ExtendedTag"].get(pf.get(EXPRESS["DevCap"], express))
    pf.change(EXPRESS["DevCtl"], express, MaxPayload=payload_code(mps), MaxReadRequest=payload_code(mrrs),
              ExtendedTag=tags)
    pf.change(EXPRESS["LinkCtl"], express, Rcb=int(rcb == READ_BOUNDARIES[1]))
    if ecrc:
        pf.change(AER["Control"], pf.extended(AER.id), EcrcGenerate=1, EcrcCheck=1)
    pf.change(SRIOV["Control"], sriov, AriHierarchy=int(ari))
    pf.set(SRIOV["SystemPageSize"], page_bytes >> SMALLEST_PAGE, sriov)
    total = pf.get(SRIOV["TotalVfs"], sriov)
    vf_bars, _ = pf.place_bars(sriov + SRIOV["VfBar0"].at, free, total)
    for bar, window in vf_bars.items():
        _require(window.size % page_bytes == 0, f"VF BAR {bar} is no multiple of the {page_bytes} B page")
    last_bus = furthest_bus(pf, sriov, total)
    pf.change(COMMAND, MemoryEnable=1, BusMaster=1)
    return Enumerated(bars, vf_bars, last_bus)


def vf_rids(pf: Function, sriov: int, count: int) -> tuple[int, ...]:
    """Routing IDs of `count` VFs by the offset and stride that the capability shows now."""
    offset, stride = pf.get(SRIOV["FirstVfOffset"], sriov), pf.get(SRIOV["VfStride"], sriov)
    return tuple(pf.rid + offset + vf * stride & 0xFFFF for vf in range(count))


def furthest_bus(pf: Function, sriov: int, total: int) -> int:
    """The highest bus that any NumVFs needs: all are tried, since offset and stride may depend on it."""
    last = pf.rid >> 8
    for count in range(total, 0, -1):
        pf.set(SRIOV["NumVfs"], count, sriov)
        offset, stride = pf.get(SRIOV["FirstVfOffset"], sriov), pf.get(SRIOV["VfStride"], sriov)
        last = max(last, (pf.rid + offset + (count - 1) * stride & 0xFFFF) >> 8)
    pf.set(SRIOV["NumVfs"], 0, sriov)
    return last


def enable_vfs(endpoint: ConfigPort, count: int, *, rid: int = PF_RID, last_bus: int = 0xFF,
               page_bytes: int = DEFAULT_PAGE_BYTES) -> VfsEnabled:
    """Make VFs exist: the checks Linux makes, then NumVFs, then VF Enable and VF MSE in one write.

    `last_bus` is the subordinate bus of the bridge above. The device must have been enumerated. Each VF's bus
    mastering is off: `enable_bus_master` once `settle_ps` has passed.
    """
    pf = Function(endpoint, rid)
    sriov = pf.extended(SRIOV.id)
    total = pf.get(SRIOV["TotalVfs"], sriov)
    control = pf.get(SRIOV["Control"], sriov)
    _require(pf.get(SRIOV["InitialVfs"], sriov) == total, "InitialVFs differs from TotalVFs")
    _require(1 <= count <= total, f"{count} VFs asked of a device with {total}")
    _require(not control & SRIOV["Control"]["VfEnable"].mask, "VFs are enabled already")
    _require(pf.get(SRIOV["SupportedPageSizes"], sriov) << SMALLEST_PAGE >= page_bytes, "no page is that large")
    pf.set(SRIOV["NumVfs"], count, sriov)
    _require(pf.get(SRIOV["FirstVfOffset"], sriov) != 0, "First VF Offset is 0")
    _require(count == 1 or pf.get(SRIOV["VfStride"], sriov) != 0, "VF Stride is 0")
    rids = vf_rids(pf, sriov, count)
    _require(rids[-1] >> 8 <= last_bus, f"VFs reach bus {rids[-1] >> 8:#x}, the bridge {last_bus:#x}")
    _require(pf.get(SRIOV["DependencyLink"], sriov) == rid & 0xFF, "its dependency is absent")
    _require(bool(pf.get(SRIOV["VfBar0"], sriov) & ~BAR_TYPE_BITS or pf.get(SRIOV["VfBar0High"], sriov)),
             "the VF windows have no address: enumerate first")
    pf.change(SRIOV["Control"], sriov, VfEnable=1, VfMemoryEnable=1)
    return VfsEnabled(rids, VF_ENABLE_SETTLE_PS)


def enable_bus_master(endpoint: ConfigPort, rid: int) -> None:
    """Let a function issue memory requests: the last step of bringing up a VF's configuration space."""
    function = Function(endpoint, rid)
    function.change(COMMAND, BusMaster=1)


def disable_vfs(endpoint: ConfigPort, *, rid: int = PF_RID) -> int:
    """Make the VFs vanish: their bus mastering first, then VF Enable and VF MSE.

    Returns the ps for which software must leave the capability alone; afterwards `release_vfs`.
    """
    pf = Function(endpoint, rid)
    sriov = pf.extended(SRIOV.id)
    for vf in vf_rids(pf, sriov, pf.get(SRIOV["NumVfs"], sriov)):
        Function(endpoint, vf).change(COMMAND, BusMaster=0)
    pf.change(SRIOV["Control"], sriov, VfEnable=0, VfMemoryEnable=0)
    return VF_DISABLE_SETTLE_PS


def release_vfs(endpoint: ConfigPort, *, rid: int = PF_RID) -> None:
    """NumVFs 0: the last step of disabling, once the wait is over."""
    pf = Function(endpoint, rid)
    pf.set(SRIOV["NumVfs"], 0, pf.extended(SRIOV.id))


def _require(truth: bool, otherwise: str) -> None:
    if not truth:
        raise ModelBug(otherwise)
