"""One VF through its PF: configuration space, identity, BARs, function level reset, power.

Every method is one request addressed to a VF (EXPOSE, CFG, BAR, RESET and POWER of docs/ndis.md). A VF that is not
allocated has none: INVALID_PARAMETER (G-05). One VF's request touches that VF alone.
"""

from __future__ import annotations

from drivers.miniport import US
from drivers.pf_mailbox import PfMailbox
from drivers.pf_requests import PfRequests
from nicmodel.datasheet.config_pf import SRIOV
from nicmodel.datasheet.config_space import BAR_64, BAR_BYTES, BAR_TYPE_BITS, SPACE_BYTES
from nicmodel.datasheet.config_vf import EXPRESS as VF_EXPRESS
from nicmodel.datasheet.ndis import PCI_TYPE0_ADDRESSES, PowerState, Status
from nicmodel.datasheet.ndis_sriov import RESOURCE_TYPE_MEMORY
from nicmodel.datasheet.ndis_structures import MemoryResource, SetPowerStateParameters
from nicmodel.datasheet.timing import FLR_SETTLE_PS
from nicmodel.ndis.request import Request
from nicmodel.pcie.handle import Steps

DEVICE_CONTROL = VF_EXPRESS.at + VF_EXPRESS["DevCtl"].at
DEVICE_STATUS = VF_EXPRESS.at + VF_EXPRESS["DevSta"].at
INITIATE_FLR = VF_EXPRESS["DevCtl"]["InitiateFlr"].mask
TRANSACTIONS_PENDING = VF_EXPRESS["DevSta"]["TransactionsPending"].mask
FLR_PATIENCE_PS, FLR_POLL_PS = 100 * US, 10 * US


class PfFunctions(PfRequests):
    """Requests addressed to one VF."""

    identity: bytes
    mailbox: PfMailbox

    # configuration space -------------------------------------------------------------------------------

    def _config_access(self, request: Request) -> Status:
        """CFG-03, -04, -07: the buffer holds the data; the VF is allocated; the bytes are in its space."""
        asked = request.information
        status = request.holds(asked.BufferOffset, asked.Length)
        if status != Status.SUCCESS:
            return status
        inside = asked.Length > 0 and asked.Offset + asked.Length <= SPACE_BYTES
        return Status.SUCCESS if asked.VFId in self.switch.vfs and inside else Status.INVALID_PARAMETER

    def read_config_space(self, request: Request) -> Steps:
        """CFG-02, -05: the VF's bytes go to BufferOffset."""
        status, asked = self._config_access(request), request.information
        if status != Status.SUCCESS:
            return status
        data = yield from self.ndis.NdisMGetVirtualFunctionBusData(asked.VFId, asked.Offset, asked.Length)
        if len(data) != asked.Length:
            return Status.FAILURE
        request.put(asked.BufferOffset, data)
        return Status.SUCCESS

    def write_config_space(self, request: Request) -> Steps:
        """CFG-02, -05: the bytes at BufferOffset go to the VF; nothing comes back (C-14)."""
        status, asked = self._config_access(request), request.information
        if status != Status.SUCCESS:
            return status
        data = request.get(asked.BufferOffset, asked.Length)
        done = yield from self.ndis.NdisMSetVirtualFunctionBusData(asked.VFId, asked.Offset, data)
        return Status.SUCCESS if done == asked.Length else Status.FAILURE

    # identity and BARs ---------------------------------------------------------------------------------

    def vendor_device_id(self, request: Request) -> Steps:
        """EXPOSE-02: our vendor, and the device that our SR-IOV capability names for VFs; a VF's own space has neither."""
        asked = request.information
        if asked.VFId not in self.switch.vfs:
            return Status.INVALID_PARAMETER
        device = yield from self.ndis.NdisMGetBusData(SRIOV.at + SRIOV["VfDeviceId"].at, 2)
        if is_nobodys(device):
            return Status.FAILURE
        asked.VendorId = int.from_bytes(self.identity[:2], "little")
        asked.DeviceId = int.from_bytes(device, "little")
        request.bytes_written = request.size
        return Status.SUCCESS

    def probed_bars(self, request: Request) -> Status:
        """BAR-01, -02: what each of the six VF BARs reads after all ones; 0 where there is none."""
        at = request.information.BaseRegisterValuesOffset
        status = request.holds(at, PCI_TYPE0_ADDRESSES * BAR_BYTES)
        if status != Status.SUCCESS:
            return status
        status, values = self.ndis.NdisMQueryProbedBars()
        if status == Status.SUCCESS:
            request.put(at, b"".join(value.to_bytes(BAR_BYTES, "little") for value in values))
        return status

    def bar_resources(self, request: Request) -> Steps:
        """BAR-03, -04, -05, -06: that VF's slice of a VF BAR's window; the upper half of a 64-bit BAR has none of its own."""
        asked = request.information
        status = request.holds(asked.BarResourcesOffset, SIZEOF_RESOURCE)
        if status != Status.SUCCESS:
            return status
        if asked.VFId not in self.switch.vfs or not asked.BarIndex < PCI_TYPE0_ADDRESSES:
            return Status.INVALID_PARAMETER
        status, probed = self.ndis.NdisMQueryProbedBars()
        if status != Status.SUCCESS:
            return status
        size = bar_sizes(probed).get(asked.BarIndex)
        if size is None:
            return Status.INVALID_PARAMETER
        at = SRIOV.at + SRIOV["VfBar0"].at + BAR_BYTES * asked.BarIndex
        wide = bool(probed[asked.BarIndex] & BAR_64)
        base = yield from self.ndis.NdisMGetBusData(at, 2 * BAR_BYTES if wide else BAR_BYTES)
        if is_nobodys(base):
            return Status.FAILURE
        start = int.from_bytes(base, "little") & ~BAR_TYPE_BITS
        request.put(asked.BarResourcesOffset, bytes(MemoryResource(
            Type=RESOURCE_TYPE_MEMORY, Start=start + asked.VFId * size, Length=size)))
        return Status.SUCCESS

    # reset and power -----------------------------------------------------------------------------------

    def reset_vf(self, vf: int) -> Steps:
        """RESET-01, -02, -03, -04, -05, TEARDOWN-03, G-07: FLR, and done when the VF has nothing outstanding.

        The switch keeps what it knows of the VF; what its driver has told us is gone (BACKCH-12).
        """
        if vf not in self.switch.vfs:
            return Status.INVALID_PARAMETER
        flr = INITIATE_FLR.to_bytes(2, "little")
        if (yield from self.ndis.NdisMSetVirtualFunctionBusData(vf, DEVICE_CONTROL, flr)) != len(flr):
            return Status.FAILURE
        yield self.ndis.NdisMSleep(FLR_SETTLE_PS)
        for _ in range(FLR_PATIENCE_PS // FLR_POLL_PS):
            status = yield from self.ndis.NdisMGetVirtualFunctionBusData(vf, DEVICE_STATUS, 2)
            if not int.from_bytes(status, "little") & TRANSACTIONS_PENDING:
                break
            yield self.ndis.NdisMSleep(FLR_POLL_PS)
        else:
            return Status.FAILURE
        self.mailbox.forget(vf)
        self.switch.vfs[vf].blocks.clear()
        self.switch.pools.stop(vf)
        return Status.SUCCESS

    def set_vf_power(self, asked: SetPowerStateParameters) -> Status:
        """POWER-01, -02, -03: in D3 the VF neither sends nor receives; D0 gives it back what it had. No D1, no D2."""
        vf = self.switch.vfs.get(asked.VFId)
        if vf is None or asked.PowerState not in STATES or asked.WakeEnable > (asked.PowerState != PowerState.D0):
            return Status.INVALID_PARAMETER
        if asked.PowerState in (PowerState.D1, PowerState.D2):
            return Status.NOT_SUPPORTED
        if asked.PowerState != vf.power:
            vf.power = asked.PowerState
            self.switch.follow_vf(asked.VFId)
        return Status.SUCCESS


STATES = (PowerState.D0, PowerState.D1, PowerState.D2, PowerState.D3)
SIZEOF_RESOURCE = len(bytes(MemoryResource()))


def is_nobodys(data: bytes) -> bool:
    """Whether configuration space has read all ones: our adapter has left its slot, and we have not been told yet."""
    return all(byte == 0xFF for byte in data)


def bar_sizes(probed: list[int]) -> dict[int, int]:
    """Bytes of each BAR there is, by its index, from what the six read after all ones were written.

    >>> bar_sizes([0xFFFFC004, 0xFFFFFFFF, 0, 0xFFFF0000, 0, 0])
    {0: 16384, 3: 65536}
    """
    sizes, index = {}, 0
    while index < len(probed):
        value, dwords = probed[index], 2 if probed[index] & BAR_64 else 1
        if dwords == 2:
            value |= probed[index + 1] << 32
        if value & ~BAR_TYPE_BITS:
            sizes[index] = -(value & ~BAR_TYPE_BITS) & (1 << 32 * dwords) - 1
        index += dwords
    return sizes
