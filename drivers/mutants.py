"""Drivers broken on purpose, one for each rule that a driver can break: their first report is that rule.

`MUTANTS` maps a name to the rule and the driver class. A mutant changes one step of a good driver; where
the fault only shows in another place (partition, registry, a call that fails) its ``circumstances`` ask
for it. They serve the tests, the scenario with a bad VF, and people who want to see a report.
"""

from __future__ import annotations

from ctypes import pointer
from typing import Any, NamedTuple

from drivers.miniport import US, MiniportBase
from drivers.pf import PfMiniport
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import (
    NIC_SWITCH_KEY,
    PF_SRIOV_CAPABILITIES,
    MediaConnectState,
    Oid,
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
from nicmodel.ndis.platform import Circumstances


class Mutant(NamedTuple):
    """The rule a driver breaks first, and the driver."""

    rule: str
    driver: type[MiniportBase]


MUTANTS: dict[str, Mutant] = {}


def mutant(name: str, rule: str) -> Any:
    """Enter a driver class into `MUTANTS`."""
    def enter(cls: type[MiniportBase]) -> type[MiniportBase]:
        MUTANTS[name] = Mutant(rule, cls)
        return cls
    return enter


def without(base: type[MiniportBase], step: str) -> tuple[Any, ...]:
    """The steps of a good start with one left out."""
    return tuple(s for s in base.INITIALIZE if s.__name__ != step)


def moved(base: type[MiniportBase], step: str, before: str) -> tuple[Any, ...]:
    """The steps of a good start with one moved in front of another."""
    chosen = next(s for s in base.INITIALIZE if s.__name__ == step)
    rest = without(base, step)
    at = next(i for i, s in enumerate(rest) if s.__name__ == before)
    return (*rest[:at], chosen, *rest[at:])


# what any miniport may forget --------------------------------------------------------------------------

@mutant("vf_reads_no_configuration", "GEN-INIT-02")
class ReadsNoConfiguration(VfMiniport):
    INITIALIZE = without(VfMiniport, "read_configuration")


@mutant("vf_maps_nothing", "GEN-INIT-03")
class MapsNothing(VfMiniport):
    INITIALIZE = without(VfMiniport, "obtain_resources")


@mutant("vf_reads_config_space_itself", "GEN-INIT-03")
class ReadsConfigSpaceItself(VfMiniport):
    def obtain_resources(self) -> Any:
        status = yield from super().obtain_resources()
        yield self.handle.config_read(0, 4)
        return status


@mutant("vf_claims_before_registration", "GEN-INIT-04")
class ClaimsBeforeRegistration(VfMiniport):
    INITIALIZE = moved(VfMiniport, "obtain_resources", "set_registration_attributes")


@mutant("vf_sets_no_registration_attributes", "GEN-INIT-04")
class SetsNoRegistrationAttributes(VfMiniport):
    INITIALIZE = without(VfMiniport, "set_registration_attributes")


@mutant("vf_reports_before_general_attributes", "GEN-INIT-05")
class ReportsBeforeGeneralAttributes(VfMiniport):
    INITIALIZE = moved(VfMiniport, "report_sriov_capabilities", "set_general_attributes")


@mutant("vf_sets_no_general_attributes", "GEN-INIT-05")
class SetsNoGeneralAttributes(VfMiniport):
    INITIALIZE = without(VfMiniport, "set_general_attributes")


@mutant("vf_reports_twice", "GEN-INIT-06")
class ReportsTwice(VfMiniport):
    def report_sriov_capabilities(self) -> Status:
        super().report_sriov_capabilities()
        return super().report_sriov_capabilities()


@mutant("vf_allocates_before_dma", "GEN-INIT-08")
class AllocatesBeforeDma(VfMiniport):
    INITIALIZE = moved(VfMiniport, "allocate_rings", "register_dma")


@mutant("vf_handler_is_not_ready", "GEN-INIT-09")
class HandlerIsNotReady(VfMiniport):
    def __init__(self, ndis: Any, handle: Any, settings: Any = None):
        super().__init__(ndis, handle, settings)
        self.statistics: dict[str, int] | None = None

    def on_queue(self, vector: int) -> None:
        self.statistics["interrupts"] += 1       # type: ignore[index]  # made after registration: too late
        super().on_queue(vector)

    def self_test(self) -> Any:
        self.statistics = {"interrupts": 0}
        return super().self_test()


@mutant("vf_waits_without_ndis", "GEN-INIT-10")
class WaitsWithoutNdis(VfMiniport):
    def self_test(self) -> Any:
        yield self.handle.sleep(10 * US)
        return (yield from super().self_test())


@mutant("pf_waits_without_ndis", "GEN-INIT-10")
class PfWaitsWithoutNdis(PfMiniport):
    def reset_adapter(self) -> Any:
        yield self.handle.sleep(10 * US)
        yield from super().reset_adapter()


@mutant("vf_returns_pending", "GEN-INIT-11")
class ReturnsPending(VfMiniport):
    def initialize(self) -> Any:
        yield from super().initialize()
        return Status.PENDING


@mutant("pf_returns_bad_version", "GEN-INIT-11")
class PfReturnsBadVersion(PfMiniport):
    def decide_features(self) -> Status:
        return Status.FAILURE

    def initialize(self) -> Any:
        yield from super().initialize()
        return Status.BAD_VERSION


@mutant("pf_leaks_on_failure", "GEN-INIT-12")
class PfLeaksOnFailure(PfMiniport):
    def configure_hardware(self) -> Any:
        yield from super().configure_hardware()
        self._undo.clear()
        return Status.FAILURE


@mutant("vf_omits_mandatory_request", "GEN-INIT-14")
class OmitsMandatoryRequest(VfMiniport):
    def supported_oids(self) -> list[Oid]:
        return [oid for oid in super().supported_oids() if oid != Oid.GEN_STATISTICS]


# what a VF's miniport may get wrong --------------------------------------------------------------------

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


@mutant("vf_reports_link_too_early", "VF-INIT-25")
class ReportsLinkTooEarly(VfMiniport):
    def general_attributes(self) -> Any:
        attributes = super().general_attributes()
        attributes.MediaConnectState = MediaConnectState.CONNECTED
        return attributes


# what a PF's miniport may get wrong --------------------------------------------------------------------

@mutant("pf_sets_handlers_in_driver_entry", "PF-INIT-01")
class SetsHandlersInDriverEntry(PfMiniport):
    def driver_entry(self) -> Status:
        status = self.ndis.NdisMRegisterMiniportDriver(MajorNdisVersion=6, MinorNdisVersion=30)
        return self.set_options() if status == Status.SUCCESS else status


@mutant("pf_touches_hardware_in_add_device", "PF-INIT-03")
class TouchesHardwareInAddDevice(PfMiniport):
    def add_device(self) -> Status:
        self.handle.write(VT_CTL, 0)
        return super().add_device()


@mutant("pf_keeps_context_to_itself", "PF-INIT-04")
class KeepsContextToItself(PfMiniport):
    def add_device(self) -> Status:
        self._context = self.ndis.NdisAllocateMemory(64)
        return Status.SUCCESS


@mutant("pf_comes_up_in_child", "PF-INIT-05")
class ComesUpInChild(PfMiniport):
    circumstances = Circumstances(partition=PartitionType.MS_HV_CHILD)

    def check_partition(self) -> Status:
        super().check_partition()
        self.home = PartitionType.MS_HV_PARENT
        return Status.SUCCESS


@mutant("pf_never_asks_for_partition", "PF-INIT-05")
class PfNeverAsksForPartition(PfMiniport):
    def check_partition(self) -> Status:
        self.home = PartitionType.MS_HV_PARENT
        return Status.SUCCESS


@mutant("pf_assumes_keywords", "PF-INIT-07")
class AssumesKeywords(PfMiniport):
    def read_configuration(self) -> Status:
        self.configuration = {"*SriovPreferred": 1, "*SRIOV": 1, NIC_SWITCH_KEY + "*NumVFs": 1}
        return self.read_keywords(NIC_SWITCH_KEY + "*NumVFs")


@mutant("pf_ignores_preference", "PF-INIT-08")
class IgnoresPreference(PfMiniport):
    circumstances = Circumstances(keywords={"*SriovPreferred": 0})

    def decide_features(self) -> Status:
        super().decide_features()
        self.features = frozenset({"sriov"})
        return Status.SUCCESS


class _PfAssist(PfMiniport):
    """Empties members of the hardware-assist attributes."""

    emptied: tuple[str, ...] = ()

    def hardware_assist_attributes(self) -> Any:
        attributes = super().hardware_assist_attributes()
        for name in self.emptied:
            setattr(attributes, name, None)
        return attributes


@mutant("pf_reports_no_sriov_hardware", "PF-INIT-09")
class ReportsNoSriovHardware(_PfAssist):
    emptied = ("HardwareSriovCapabilities",)


@mutant("pf_reports_vf_flags", "PF-INIT-09")
class ReportsVfFlags(PfMiniport):
    def sriov_capabilities(self) -> SriovCapabilitiesStructure:
        return made(SriovCapabilitiesStructure, SriovCapabilities=0x5)


@mutant("pf_reports_no_current_switch", "PF-INIT-10")
class ReportsNoCurrentSwitch(_PfAssist):
    emptied = ("CurrentNicSwitchCapabilities",)


@mutant("pf_reports_no_filters", "PF-INIT-11")
class ReportsNoFilters(_PfAssist):
    emptied = ("HardwareReceiveFilterCapabilities", "CurrentReceiveFilterCapabilities")


@mutant("pf_enables_before_configuring", "PF-INIT-12")
class EnablesBeforeConfiguring(PfMiniport):
    INITIALIZE = moved(PfMiniport, "create_nic_switch", "configure_hardware")


@mutant("pf_enables_although_dynamic", "PF-INIT-13")
class EnablesAlthoughDynamic(PfMiniport):
    switch_creation = "dynamic"


@mutant("pf_omits_switch_requests", "PF-INIT-14")
class OmitsSwitchRequests(PfMiniport):
    def supported_oids(self) -> list[Oid]:
        return [oid for oid in super().supported_oids() if oid != Oid.NIC_SWITCH_ALLOCATE_VF]
