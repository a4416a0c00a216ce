"""Broken on purpose: what a VF's miniport may get wrong (VF-INIT)."""

from __future__ import annotations

from ctypes import pointer
from typing import Any

from drivers.mutant import LIFE, mutant, without
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import (
    PF_SRIOV_CAPABILITIES,
    MediaConnectState,
    PartitionType,
    Status,
)
from nicmodel.datasheet.ndis_structures import (
    HypervisorInfo,
    NicSwitchCapabilitiesStructure,
    ReceiveFilterCapabilitiesStructure,
    SriovCapabilitiesStructure,
    made,
)
from nicmodel.datasheet.registers_pf import VT_CTL
from nicmodel.datasheet.registers_vf import VFCTRL
from nicmodel.ndis.platform import Circumstances


@mutant("vf_skips_generic_steps", "VF-INIT-01")
class SkipsGenericSteps(VfMiniport):
    INITIALIZE = (VfMiniport.check_partition,)


@mutant("vf_leaves_header_empty", "VF-INIT-02")
class LeavesHeaderEmpty(VfMiniport):
    def partition(self) -> PartitionType | None:
        info = made(HypervisorInfo)
        info.Header.Type = 0
        self.ndis.NdisGetHypervisorInfo(info)
        return PartitionType(info.PartitionType)


@mutant("vf_never_asks_for_partition", "VF-INIT-03")
class NeverAsksForPartition(VfMiniport):
    INITIALIZE = without(VfMiniport, "check_partition")


@mutant("vf_ignores_hypervisor_status", "VF-INIT-03")
class IgnoresHypervisorStatus(VfMiniport):
    circumstances = Circumstances(faults={"NdisGetHypervisorInfo": Status.BUFFER_TOO_SHORT})

    def check_partition(self) -> Status:
        super().check_partition()
        return Status.SUCCESS


class _ComesUpAnywhere(VfMiniport):
    def check_partition(self) -> Status:
        super().check_partition()
        return Status.SUCCESS


@mutant("vf_comes_up_under_other_hypervisor", "VF-INIT-04")
class ComesUpUnderOtherHypervisor(_ComesUpAnywhere):
    circumstances = Circumstances(partition=PartitionType.UNKNOWN)


@mutant("vf_comes_up_in_parent", "VF-INIT-05")
class ComesUpInParent(_ComesUpAnywhere):
    circumstances = Circumstances(partition=PartitionType.MS_HV_PARENT)


@mutant("vf_reads_sriov_keyword", "VF-INIT-07")
class ReadsSriovKeyword(VfMiniport):
    def read_configuration(self) -> Status:
        return self.read_keywords("*JumboPacket", "*SRIOV")


class _Capabilities(VfMiniport):
    """Changes members of the capability structure."""

    changes: dict[str, int] = {}

    def sriov_capabilities(self) -> SriovCapabilitiesStructure:
        structure = super().sriov_capabilities()
        for name, value in self.changes.items():
            setattr(structure, name, value)
        return structure


@mutant("vf_capability_header_is_empty", "VF-INIT-09")
class CapabilityHeaderIsEmpty(_Capabilities):
    def sriov_capabilities(self) -> SriovCapabilitiesStructure:
        structure = super().sriov_capabilities()
        structure.Header.Revision = 0
        return structure


@mutant("vf_sets_pf_flags", "VF-INIT-10")
class SetsPfFlags(_Capabilities):
    """Takes the page's second step at its word: SRIOV_SUPPORTED | PF_MINIPORT."""

    changes = {"SriovCapabilities": int(PF_SRIOV_CAPABILITIES)}


def with_flags(flags: int) -> type[VfMiniport]:
    """A VF driver that reports these SriovCapabilities."""
    return type(f"Flags{flags:X}", (_Capabilities,), {"changes": {"SriovCapabilities": flags}})


@mutant("vf_writes_reserved_flags", "VF-INIT-11")
class WritesReservedFlags(_Capabilities):
    changes = {"Flags": 1}


class _Assist(VfMiniport):
    """Changes the hardware-assist attributes."""

    def hardware_assist_attributes(self) -> Any:
        attributes = super().hardware_assist_attributes()
        self.change(attributes)
        return attributes

    def change(self, attributes: Any) -> None:
        """Nothing here; a mutant says what."""


@mutant("vf_leaves_current_null", "VF-INIT-12")
class LeavesCurrentNull(_Assist):
    def change(self, attributes: Any) -> None:
        attributes.CurrentSriovCapabilities = None


@mutant("vf_reports_no_capability", "VF-INIT-12")
class ReportsNoCapability(VfMiniport):
    INITIALIZE = without(VfMiniport, "report_sriov_capabilities")


@mutant("vf_reports_switch", "VF-INIT-13")
class ReportsSwitch(_Assist):
    def change(self, attributes: Any) -> None:
        attributes.HardwareNicSwitchCapabilities = pointer(
            made(NicSwitchCapabilitiesStructure, MaxNumSwitches=1))


@mutant("vf_advertises_vmq", "VF-INIT-14")
class AdvertisesVmq(_Assist):
    def change(self, attributes: Any) -> None:
        attributes.CurrentReceiveFilterCapabilities = pointer(
            made(ReceiveFilterCapabilitiesStructure, EnabledQueueTypes=1))


@mutant("vf_assist_revision_is_old", "VF-INIT-15")
class AssistRevisionIsOld(_Assist):
    def change(self, attributes: Any) -> None:
        attributes.Header.Revision = 1


@mutant("vf_ignores_refused_attributes", "VF-INIT-16")
class IgnoresRefusedAttributes(VfMiniport):
    circumstances = Circumstances(faults={"NdisMSetMiniportAttributes.hardware_assist": Status.BAD_VERSION})

    def report_sriov_capabilities(self) -> Status:
        super().report_sriov_capabilities()
        return Status.SUCCESS


@mutant("vf_omits_invalidate_request", "VF-INIT-18")
class OmitsInvalidateRequest(VfMiniport):
    ROLE_OIDS = ()


@mutant("vf_asks_for_vf_location", "VF-INIT-19")
class AsksForVfLocation(VfMiniport):
    def self_test(self) -> Any:
        self.ndis.NdisMGetVirtualFunctionLocation(0)
        return super().self_test()


@mutant("vf_writes_switch_register", "VF-INIT-22")
class WritesSwitchRegister(VfMiniport):
    def self_test(self) -> Any:
        self.handle.write(VT_CTL, 0)
        return super().self_test()


@mutant("vf_leaks_on_failure", "VF-INIT-23")
class LeaksOnFailure(VfMiniport):
    def self_test(self) -> Any:
        yield from super().self_test()
        self._undo.clear()
        return Status.FAILURE


@mutant("vf_sends_before_restart", "VF-INIT-24")
class SendsBeforeRestart(VfMiniport):
    def self_test(self) -> Any:
        status = yield from super().self_test()
        self.start_data()
        return status


@mutant("vf_reports_link_in_its_reset", "VF-INIT-25", LIFE)
class ReportsLinkInItsReset(VfMiniport):
    """Resets its function, which closes its queues, and says that the link is up before they are open again."""

    def forget_rings(self) -> None:
        super().forget_rings()
        if self.recovering:
            self.handle.write(VFCTRL, VFCTRL.RST.mask)
            self.indicate_link(True)


@mutant("vf_reports_link_too_early", "VF-INIT-25")
class ReportsLinkTooEarly(VfMiniport):
    def general_attributes(self) -> Any:
        attributes = super().general_attributes()
        attributes.MediaConnectState = MediaConnectState.CONNECTED
        return attributes
