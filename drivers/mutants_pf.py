"""Broken on purpose: what a PF's miniport may get wrong (PF-INIT)."""

from __future__ import annotations

from ctypes import pointer
from typing import Any

from drivers.mutant import moved, mutant, without
from drivers.pf import PfMiniport
from nicmodel.datasheet.ndis import (
    NUM_VFS,
    Oid,
    PartitionType,
    Status,
)
from nicmodel.datasheet.registers_pf import VT_CTL
from nicmodel.ndis.platform import Circumstances


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
        self.configuration = {"*SriovPreferred": 1, "*SRIOV": 1, NUM_VFS: 1}
        return self.read_keywords(NUM_VFS)


@mutant("pf_ignores_preference", "PF-INIT-08")
class IgnoresPreference(PfMiniport):
    circumstances = Circumstances(keywords={"*SriovPreferred": 0})

    def decide_features(self) -> Status:
        super().decide_features()
        self.features = frozenset({"sriov"})
        return Status.SUCCESS


@mutant("pf_capability_header_is_empty", "PF-INIT-09")
class PfCapabilityHeaderIsEmpty(PfMiniport):
    def sriov_capabilities(self) -> Any:
        capabilities = super().sriov_capabilities()
        capabilities.Header.Revision = 0
        return capabilities


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


@mutant("pf_reports_no_current_switch", "PF-INIT-10")
class ReportsNoCurrentSwitch(_PfAssist):
    emptied = ("CurrentNicSwitchCapabilities",)


@mutant("pf_current_switch_is_larger", "PF-INIT-10")
class CurrentSwitchIsLarger(PfMiniport):
    def hardware_assist_attributes(self) -> Any:
        attributes = super().hardware_assist_attributes()
        larger = self.switch_capabilities()
        larger.MaxNumMacAddresses += 1
        attributes.CurrentNicSwitchCapabilities = pointer(larger)
        return attributes


@mutant("pf_reports_no_filters", "PF-INIT-11")
class ReportsNoFilters(_PfAssist):
    emptied = ("HardwareReceiveFilterCapabilities", "CurrentReceiveFilterCapabilities")


@mutant("pf_enables_before_configuring", "PF-INIT-12")
class EnablesBeforeConfiguring(PfMiniport):
    INITIALIZE = moved(PfMiniport, "create_nic_switch", "configure_hardware")


@mutant("pf_enables_nothing", "PF-INIT-12")
class EnablesNothing(PfMiniport):
    INITIALIZE = without(PfMiniport, "create_nic_switch")


@mutant("pf_enables_although_dynamic", "PF-INIT-13")
class EnablesAlthoughDynamic(PfMiniport):
    switch_creation = "dynamic"


@mutant("pf_omits_switch_requests", "PF-INIT-14")
class OmitsSwitchRequests(PfMiniport):
    def supported_oids(self) -> list[Oid]:
        return [oid for oid in super().supported_oids() if oid != Oid.NIC_SWITCH_ALLOCATE_VF]
