"""The SR-IOV half of the NDIS library: what a PF's miniport calls for its VFs, and the back channel of a VF's.

A function that belongs to the other role answers FAILURE, no bytes or all ones, and does nothing. Generators take the
time their accesses take. Who is at the other end of a VF's calls is `vpci`, and who hears of the PF's invalidations is
`on_invalidate`: `ndis.requests` connects both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from nicmodel.datasheet.config_space import SPACE_BYTES
from nicmodel.datasheet.ndis import BLOCK_MASK_BITS, MAX_CONFIG_BLOCK, Status
from nicmodel.ndis.checker import Call, Checker
from nicmodel.ndis.irql import Irql
from nicmodel.ndis.platform import Platform
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    from collections.abc import Mapping


class Vpci(Protocol):
    """What stands between a VF's NDIS in its guest and the PF's in the management partition."""

    def read_block(self, block_id: int, length: int) -> Steps: ...         # (Status, bytes)
    def write_block(self, block_id: int, data: bytes) -> Steps: ...        # Status
    def read_config(self, offset: int, length: int) -> Steps: ...          # bytes, none if refused
    def write_config(self, offset: int, data: bytes) -> Steps: ...         # how many bytes


class SriovFunctions:
    """Mixed into `NdisLibrary`, which gives it recorder and platform."""

    role: str
    platform: Platform
    checker: Checker
    irql: Irql
    faults: Mapping[str, Status]
    vpci: Vpci | None = None
    on_invalidate: Callable[[int, int], None] | None = None
    _virtualized: bool = False
    _num_vfs: int = 0

    if TYPE_CHECKING:
        def record(self, name: str, **args: Any) -> Call: ...
        def _answer(self, call: Call, status: Status, fault: str | None = None) -> Status: ...

    # PF only: virtualization -------------------------------------------------------------------------

    def NdisMEnableVirtualization(self, num_vfs: int, enable: bool) -> Steps:
        """Writes NumVFs and VF Enable; over when VFs may be touched. Returns a Status.

        FAILURE for a VF's driver, to enable in breach of a rule, twice, or more VFs than there are; INVALID_PARAMETER to enable
        none, or to disable with a number (SWITCH-10).
        """
        call = self.record("NdisMEnableVirtualization", num_vfs=num_vfs, enable=enable)
        if self.role != "PF" or (enable and self.checker.closing):
            return self._answer(call, Status.FAILURE)
        if enable == (num_vfs == 0):
            return self._answer(call, Status.INVALID_PARAMETER)
        if enable and self._virtualized:
            return self._answer(call, Status.FAILURE)
        if (fault := self.faults.get(call.name, Status.SUCCESS)) != Status.SUCCESS:
            return self._answer(call, fault)
        status = yield from self.platform.enable_virtualization(num_vfs)
        if self._answer(call, status) == Status.SUCCESS:
            self._virtualized, self._num_vfs = enable, num_vfs
        return call.result

    @property
    def virtualized(self) -> bool:
        """Whether virtualization is on."""
        return self._virtualized

    def NdisMGetVirtualFunctionLocation(self, vf: int) -> tuple[int, int, int]:
        """Segment, bus and function of a VF; all ones for a VF's driver, which may not ask."""
        call = self.record("NdisMGetVirtualFunctionLocation", vf=vf)
        call.result = self.platform.vf_location(vf) if self.role == "PF" else (0xFFFF, 0xFF, 0xFF)
        return call.result

    # PF only: a VF's configuration space and BARs ------------------------------------------------------

    def _reaches(self, vf: int, offset: int, length: int) -> bool:
        """Whether a PF may access these bytes of a VF: one that exists, within its space."""
        return (self.role == "PF" and 0 <= vf < self._num_vfs
                and offset >= 0 and length > 0 and offset + length <= SPACE_BYTES)

    def NdisMGetVirtualFunctionBusData(self, vf: int, offset: int, length: int) -> Steps:
        """Bytes of a VF's configuration space; none if it does not exist or the bytes do not."""
        call = self.record("NdisMGetVirtualFunctionBusData", vf=vf, offset=offset, length=length)
        call.result = b""
        if call.name not in self.faults and self._reaches(vf, offset, length):
            call.result = yield from self.platform.get_vf_bus_data(vf, offset, length)
        return call.result

    def NdisMSetVirtualFunctionBusData(self, vf: int, offset: int, data: bytes) -> Steps:
        """Number of bytes written to a VF's configuration space, 0 as above."""
        call = self.record("NdisMSetVirtualFunctionBusData", vf=vf, offset=offset, length=len(data))
        call.result = 0
        if call.name not in self.faults and self._reaches(vf, offset, len(data)):
            call.result = yield from self.platform.set_vf_bus_data(vf, offset, data)
        return call.result

    def NdisMQueryProbedBars(self) -> tuple[Status, list[int]]:
        """What the six VF BARs read after all ones were written; FAILURE before virtualization was enabled."""
        call = self.record("NdisMQueryProbedBars")
        values = self.platform.probed_bars() if self.role == "PF" else []
        status = self._answer(call, Status.SUCCESS if values else Status.FAILURE)
        call.args["values"] = values
        return status, values if status == Status.SUCCESS else []

    # the back channel --------------------------------------------------------------------------------

    def NdisMInvalidateConfigBlock(self, vf: int, mask: int) -> None:
        """PF: tells a VF (0xFFFF: every VF) that the blocks whose bits are set have changed. Nothing to test."""
        self.record("NdisMInvalidateConfigBlock", vf=vf, mask=mask, irql=self.irql)
        if self.role == "PF" and self.on_invalidate is not None and self.irql <= Irql.DISPATCH:
            self.on_invalidate(vf, mask & (1 << BLOCK_MASK_BITS) - 1)

    def NdisMReadConfigBlock(self, block_id: int, length: int) -> Steps:
        """VF: a block of the PF's, as (Status, bytes). FAILURE whatever went wrong, and above APC_LEVEL."""
        call = self.record("NdisMReadConfigBlock", block_id=block_id, length=length, irql=self.irql)
        if not self._may_transfer(length):
            return self._answer(call, Status.FAILURE), b""
        status, data = yield from self.vpci.read_block(block_id, length)         # type: ignore[union-attr]
        good = self._answer(call, Status.SUCCESS if status == Status.SUCCESS else Status.FAILURE) == Status.SUCCESS
        return call.result, data if good else b""

    def NdisMWriteConfigBlock(self, block_id: int, data: bytes) -> Steps:
        """VF: writes a block of the PF's. FAILURE whatever went wrong, and above APC_LEVEL."""
        call = self.record("NdisMWriteConfigBlock", block_id=block_id, length=len(data), irql=self.irql)
        if not self._may_transfer(len(data)):
            return self._answer(call, Status.FAILURE)
        status = yield from self.vpci.write_block(block_id, data)                # type: ignore[union-attr]
        return self._answer(call, Status.SUCCESS if status == Status.SUCCESS else Status.FAILURE)

    def _may_transfer(self, length: int) -> bool:
        return (self.role == "VF" and self.vpci is not None and self.irql <= Irql.APC
                and 0 < length <= MAX_CONFIG_BLOCK)
