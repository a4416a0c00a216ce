"""Broken on purpose: requests about one VF, and how requests are answered at all (EXPOSE, CFG, BAR, RESET, POWER, OID)."""

from __future__ import annotations

from typing import Any

from drivers.mutant import LIFE, mutant
from drivers.pf import PfMiniport
from drivers.pf_blocks import PfBlocks
from drivers.rings import PF_TX
from nicmodel.datasheet.ndis import PF_OIDS, Oid, RequestType, Status
from nicmodel.datasheet.ndis_structures import MemoryResource
from nicmodel.ndis.platform import Circumstances


class _Trusting(PfMiniport):
    """Answers SUCCESS about VFs that are not allocated, where ``trusts`` names the handler."""

    trusts = ""

    def _knows(self, request: Any) -> bool:
        return request.information.VFId in self.switch.vfs

    def vendor_device_id(self, request: Any) -> Any:
        if self.trusts == "vendor_device_id" and not self._knows(request):
            return Status.SUCCESS
        return (yield from super().vendor_device_id(request))

    def read_config_space(self, request: Any) -> Any:
        if self.trusts == "read_config_space" and not self._knows(request):
            return Status.SUCCESS
        return (yield from super().read_config_space(request))

    def bar_resources(self, request: Any) -> Any:
        if self.trusts == "bar_resources" and not self._knows(request):
            return Status.SUCCESS
        return (yield from super().bar_resources(request))

    def reset_vf(self, vf: int) -> Any:
        if self.trusts == "reset_vf" and vf not in self.switch.vfs:
            return Status.SUCCESS
        return (yield from super().reset_vf(vf))

    def set_vf_power(self, asked: Any) -> Status:
        if self.trusts == "set_vf_power" and asked.VFId not in self.switch.vfs:
            return Status.SUCCESS
        return super().set_vf_power(asked)


for _name, _rule, _trusts in (("pf_reads_space_of_any_vf", "CFG-03", "read_config_space"),
                              ("pf_has_bars_for_any_vf", "BAR-04", "bar_resources"),
                              ("pf_resets_any_vf", "RESET-02", "reset_vf"),
                              ("pf_powers_any_vf", "POWER-03", "set_vf_power")):
    mutant(_name, _rule, LIFE)(type(_name, (_Trusting,), {"trusts": _trusts}))


@mutant("pf_vfs_have_no_ids", "EXPOSE-02", LIFE)
class VfsHaveNoIds(PfMiniport):
    def vendor_device_id(self, request: Any) -> Any:
        status = yield from super().vendor_device_id(request)
        request.information.VendorId = request.information.DeviceId = 0xFFFF
        return status


@mutant("pf_reads_into_short_buffers", "CFG-04", LIFE)
class ReadsIntoShortBuffers(PfMiniport):
    def read_config_space(self, request: Any) -> Any:
        status = yield from super().read_config_space(request)
        return Status.FAILURE if status == Status.INVALID_LENGTH else status


@mutant("pf_writes_space_on_paper", "CFG-05", LIFE)
class WritesSpaceOnPaper(PfMiniport):
    def write_config_space(self, request: Any) -> Any:
        status = self._config_access(request)
        yield self.ndis.NdisMSleep(1)
        return status


@mutant("pf_invents_bars", "BAR-02", LIFE)
class InventsBars(PfMiniport):
    def probed_bars(self, request: Any) -> Status:
        return Status.SUCCESS


@mutant("pf_asks_for_bars_and_says_nothing", "BAR-02", LIFE)
class AsksForBarsAndSaysNothing(PfMiniport):
    def probed_bars(self, request: Any) -> Status:
        return self.ndis.NdisMQueryProbedBars()[0]


@mutant("pf_powers_vfs_to_any_state", "OID-09", LIFE)
class PowersVfsToAnyState(PfMiniport):
    def set_vf_power(self, asked: Any) -> Status:
        known = asked.VFId in self.switch.vfs and asked.PowerState == 0
        return Status.SUCCESS if known else super().set_vf_power(asked)


@mutant("pf_has_one_slice_for_all", "BAR-05", LIFE)
class HasOneSliceForAll(PfMiniport):
    def bar_resources(self, request: Any) -> Any:
        status = yield from super().bar_resources(request)
        if status == Status.SUCCESS:
            at, size = request.information.BarResourcesOffset, len(bytes(MemoryResource()))
            memory = MemoryResource.from_buffer_copy(request.get(at, size))
            memory.Start = 0x1000
            request.put(at, bytes(memory))
        return status


class _ReadsAnyBlock(PfBlocks):
    def read(self, request: Any) -> Status:
        known = request.information.VFId in self.switch.vfs
        return super().read(request) if known else Status.SUCCESS


@mutant("pf_reads_blocks_of_any_vf", "BACKCH-03", LIFE)
class ReadsBlocksOfAnyVf(PfMiniport):
    def __init__(self, ndis: Any, handle: Any, settings: Any = None):
        super().__init__(ndis, handle, settings)
        self.blocks = _ReadsAnyBlock(self, self.switch)


@mutant("pf_resets_on_paper", "RESET-03", LIFE)
class ResetsOnPaper(PfMiniport):
    def reset_vf(self, vf: int) -> Status:              # type: ignore[override]  # nothing to wait for
        return Status.SUCCESS if vf in self.switch.vfs else Status.INVALID_PARAMETER


@mutant("pf_resets_two_vfs", "RESET-03", LIFE)
class ResetsTwoVfs(PfMiniport):
    def reset_vf(self, vf: int) -> Any:
        if vf in self.switch.vfs:
            self.handle.write(PF_TX.control[2 * (vf + 1)], 0)
        return (yield from super().reset_vf(vf))


@mutant("pf_fails_without_sriov", "OID-07", LIFE)
class FailsWithoutSriov(PfMiniport):
    circumstances = Circumstances(keywords={"*SriovPreferred": 0})

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Any:
        return Status.FAILURE if oid in PF_OIDS else super().oid_request(kind, oid, buffer)


@mutant("pf_calls_short_buffers_bad_parameters", "OID-08", LIFE)
class CallsShortBuffersBadParameters(PfMiniport):
    @staticmethod
    def check(request: Any) -> Status:
        status = PfMiniport.check(request)
        return Status.INVALID_PARAMETER if status == Status.INVALID_LENGTH else status


@mutant("pf_invents_statuses", "OID-09", LIFE)
class InventsStatuses(PfMiniport):
    def reset_vf(self, vf: int) -> Any:
        status = yield from super().reset_vf(vf)
        return Status.INVALID_DATA if status == Status.INVALID_PARAMETER else status
