"""What NDIS needs of the machine under it, and the implementation over a device's function handle.

`Platform` is the whole of it. `HandlePlatform` keeps it with configuration accesses, MSI-X and memory of
one `FunctionHandle`; enabling virtualization walks the PF's capability list like any bus driver.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from nicmodel.datasheet.config_pf import MSIX, PF, SRIOV
from nicmodel.datasheet.ndis import DEFAULT_SWITCH_NAME, NIC_SWITCH_KEY, NUM_VFS, PartitionType, Status
from nicmodel.datasheet.timing import VF_ENABLE_SETTLE_PS
from nicmodel.pcie.capabilities import at_once, classic, extended, in_time
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    import simpy

    from nicmodel.pcie.handle import FunctionHandle

COMMAND = PF["Command"]
MEMORY_AND_MASTER = COMMAND["MemoryEnable"].mask | COMMAND["BusMaster"].mask
VF_ENABLE = SRIOV["Control"]["VfEnable"].mask
VF_MEMORY_ENABLE = SRIOV["Control"]["VfMemoryEnable"].mask
BARS, ALL_ONES = 6, 0xFFFFFFFF


class Platform(Protocol):
    """The machine as one miniport's NDIS sees it. Generators take the time their accesses take."""

    def partition_type(self) -> PartitionType:
        """Where the miniport runs, as the hypervisor tells it."""

    def keywords(self) -> Mapping[str, Any]:
        """The adapter's registry, as it is now."""

    def start_device(self) -> Steps:
        """Memory decode and bus mastering on: before MiniportInitializeEx."""

    def get_bus_data(self, offset: int, length: int) -> Steps:
        """Returns bytes of the function's own configuration space."""

    def set_bus_data(self, offset: int, data: bytes) -> Steps:
        """Returns how many bytes of the function's own configuration space were written."""

    def allocate(self, length: int, align: int) -> int:
        """The bus address of fresh bytes; nothing is freed. ValueError when there are no more."""

    def message_count(self) -> int:
        """MSI-X messages that the function has."""

    def connect_interrupts(self, vectors: int, handler: Callable[[int], None]) -> Steps:
        """From here on `handler(entry)` runs for a message of each of the first `vectors` entries of the table."""

    def enable_virtualization(self, num_vfs: int) -> Steps:
        """VFs appear, and may be touched when this is over; 0: they vanish. Returns a Status."""

    def vf_location(self, vf: int) -> tuple[int, int, int]:
        """Segment, bus and function of a VF, once virtualization was enabled."""

    def get_vf_bus_data(self, vf: int, offset: int, length: int) -> Steps:
        """Returns bytes of a VF's configuration space."""

    def set_vf_bus_data(self, vf: int, offset: int, data: bytes) -> Steps:
        """Returns how many bytes of a VF's configuration space were written."""

    def probed_bars(self) -> list[int]:
        """What the six VF BARs read after all ones; empty before virtualization was enabled."""

    def configure_msix(self, entry: int, message: int, masked: bool) -> Steps:
        """An entry of the table sends this message from here on, or is masked."""

    def write_keyword(self, keyword: str, value: Any) -> None:
        """Change the registry; whoever has opened it sees it too."""


def pf_keywords(num_vfs: int, **changes: Any) -> dict[str, Any]:
    """The registry of a PF with SR-IOV preferred and enabled; ``changes`` name keywords without the asterisk.

    >>> pf_keywords(8, SRIOV=0)["*SRIOV"], pf_keywords(8)["NicSwitches\\\\0\\\\*NumVFs"]
    (0, 8)
    """
    keywords: dict[str, Any] = {
        "*SRIOV": 1, "*SriovPreferred": 1, "*RssOrVmqPreference": 0, "*VMQ": 1, "*VMQVlanFiltering": 1,
        "*RSS": 1, NIC_SWITCH_KEY + "*Flags": 0, NIC_SWITCH_KEY + "*SwitchType": 1,
        NIC_SWITCH_KEY + "*SwitchId": 0, NIC_SWITCH_KEY + "*SwitchName": DEFAULT_SWITCH_NAME,
        NUM_VFS: num_vfs, "*JumboPacket": 1514, "*InterruptModeration": 1}
    return keywords | {"*" + name: value for name, value in changes.items()}


VF_KEYWORDS = {"*JumboPacket": 1514, "*InterruptModeration": 1}
"""The registry of a VF: nothing of SR-IOV (VF-INIT-08)."""


@dataclass(frozen=True)
class Circumstances:
    """Where a driver is to run, if not where its role belongs: partition, registry changes, failing calls."""

    partition: PartitionType | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict)
    faults: Mapping[str, Status] = field(default_factory=dict)


class HandlePlatform:
    """One function's machine, over its handle; what has no word of its own here is as `Platform` says."""

    def __init__(self, handle: FunctionHandle, partition: PartitionType, keywords: Mapping[str, Any]):
        self.handle, self._partition, self._keywords = handle, partition, dict(keywords)
        self._first_offset = self._stride = 0
        self._probed: list[int] = []

    def partition_type(self) -> PartitionType:
        return self._partition

    def keywords(self) -> Mapping[str, Any]:
        return self._keywords

    def start_device(self) -> Steps:
        """Let the function decode memory and master the bus, as a bus driver does before the driver loads."""
        yield self.handle.config_write(COMMAND.at, COMMAND.nbytes, MEMORY_AND_MASTER)

    def get_bus_data(self, offset: int, length: int) -> Steps:
        return (yield from self._read_config(self.handle.rid, offset, length))

    def set_bus_data(self, offset: int, data: bytes) -> Steps:
        return (yield from self._write_config(self.handle.rid, offset, data))

    def get_vf_bus_data(self, vf: int, offset: int, length: int) -> Steps:
        """Bytes of a VF's configuration space."""
        return (yield from self._read_config(self._vf_rid(vf), offset, length))

    def set_vf_bus_data(self, vf: int, offset: int, data: bytes) -> Steps:
        """Number of bytes written to a VF's configuration space."""
        return (yield from self._write_config(self._vf_rid(vf), offset, data))

    def _read_config(self, rid: int, offset: int, length: int) -> Steps:
        data = bytearray()
        while len(data) < length:
            at = offset + len(data)
            size = 4 if at % 4 == 0 and length - len(data) >= 4 else 1
            data += (yield self.handle.config_read(at, size, rid)).to_bytes(size, "little")
        return bytes(data)

    def _write_config(self, rid: int, offset: int, data: bytes) -> Steps:
        """In the largest pieces that one request may be: a register of two bytes is written at once."""
        done = 0
        while done < len(data):
            size = next(n for n in (4, 2, 1) if (offset + done) % n == 0 and len(data) - done >= n)
            word = int.from_bytes(data[done:done + size], "little")
            yield self.handle.config_write(offset + done, size, word, rid)
            done += size
        return done

    def write_keyword(self, keyword: str, value: Any) -> None:
        """Change the registry; drivers that have opened it before see it too."""
        self._keywords[keyword] = value

    def allocate(self, length: int, align: int) -> int:
        return self.handle.allocate(length, align)

    def message_count(self) -> int:
        """Entries of the function's MSI-X table, as plug and play has found them; 0 without MSI-X. Takes no time."""
        control, read = MSIX["Control"], partial(self.handle.ops.config_read, self.handle.rid)
        at = at_once(classic(MSIX.id), read)
        return control["TableSize"].get(read(at + control.at, control.nbytes)) + 1 if at else 0

    def connect_interrupts(self, vectors: int, handler: Callable[[int], None]) -> Steps:
        for vector in range(vectors):
            self.handle.connect_interrupt(vector, handler)
        yield from self.handle.enable_msix(vectors)

    def configure_msix(self, entry: int, message: int, masked: bool) -> Steps:
        yield from self.handle.set_msix_entry(entry, message, masked)

    def enable_virtualization(self, num_vfs: int) -> Steps:
        """Write NumVFs, then VF Enable and VF MSE in one write; 0 disables. Returns a Status.

        No VF is touched before the settling time that a bus driver allows (scaled, see `datasheet.timing`) is over.
        """
        at = yield from in_time(extended(SRIOV.id), self.handle.config_read)
        if not at:
            return Status.NOT_SUPPORTED

        def read(name: str) -> simpy.Event:
            return self.handle.config_read(at + SRIOV[name].at, SRIOV[name].nbytes)

        def write(name: str, value: int) -> simpy.Event:
            return self.handle.config_write(at + SRIOV[name].at, SRIOV[name].nbytes, value)

        control = yield read("Control")
        if num_vfs > (yield read("TotalVfs")) or (num_vfs and control & VF_ENABLE):
            return Status.FAILURE
        yield write("Control", control & ~(VF_ENABLE | VF_MEMORY_ENABLE))
        yield write("NumVfs", num_vfs)
        if not self._probed:
            self._probed = self._probe_vf_bars(at + SRIOV["VfBar0"].at)
        if num_vfs:
            yield write("Control", control | VF_ENABLE | VF_MEMORY_ENABLE)
            yield self.handle.sleep(VF_ENABLE_SETTLE_PS)
        self._first_offset = yield read("FirstVfOffset")
        self._stride = yield read("VfStride")
        return Status.SUCCESS

    def _vf_rid(self, vf: int) -> int:
        return self.handle.rid + self._first_offset + vf * self._stride

    def vf_location(self, vf: int) -> tuple[int, int, int]:
        rid = self._vf_rid(vf)
        return 0, rid >> 8, rid & 0xFF

    def probed_bars(self) -> list[int]:
        """What the six VF BARs read after all ones were written to them; empty before virtualization was enabled."""
        return list(self._probed)

    def _probe_vf_bars(self, first: int) -> list[int]:
        """Size the VF BARs and put them back, at one instant: a bus driver has done it long before, when it enumerated."""
        read, write, rid = self.handle.ops.config_read, self.handle.ops.config_write, self.handle.rid
        values = []
        for at in range(first, first + 4 * BARS, 4):
            was = read(rid, at, 4)
            write(rid, at, 4, ALL_ONES)
            values.append(read(rid, at, 4))
            write(rid, at, 4, was)
        return values
