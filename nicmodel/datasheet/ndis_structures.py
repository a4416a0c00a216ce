"""Every structure that miniports, NDIS and the virtualization stack exchange, gathered from the files that define them.

Revisions and sizes are those of NDIS 6.30.
"""

from __future__ import annotations

from nicmodel.datasheet.ndis_attributes import (
    AddDeviceRegistrationAttributes,
    GeneralAttributes,
    HardwareAssistAttributes,
    OidRequest,
    RegistrationAttributes,
    SharedMemoryParameters,
)
from nicmodel.datasheet.ndis_capabilities import (
    HypervisorInfo,
    NicSwitchCapabilities660,
    NicSwitchCapabilitiesStructure,
    ProcessorNumber,
    ReceiveFilterCapabilitiesStructure,
    ReceiveScaleCapabilities,
    ReceiveScaleParameters,
    SriovCapabilitiesStructure,
)
from nicmodel.datasheet.ndis_filters import (
    FilterClearParameters,
    FilterFieldParameters,
    FilterMoveParameters,
    ReceiveFilterInfo,
    ReceiveFilterInfoArray,
    ReceiveFilterParameters,
)
from nicmodel.datasheet.ndis_general import InterruptModerationParameters, LinkParameters, StatisticsInfo
from nicmodel.datasheet.ndis_object import (
    CountedName,
    GroupAffinity,
    Luid,
    NdisStructure,
    ObjectHeader,
    address,
    carries_nothing,
    header_is,
    header_of,
    mac_of,
    made,
)
from nicmodel.datasheet.ndis_sriov import (
    BarResourcesInfo,
    ConfigStateParameters,
    InvalidateConfigBlockInfo,
    MemoryResource,
    OverlyingAdapterInfo,
    PfLuidInfo,
    ProbedBarsInfo,
    ReadConfigBlockParameters,
    ReadConfigSpaceParameters,
    ResetVfParameters,
    SetPowerStateParameters,
    VendorDeviceIdInfo,
    VfSerialNumberInfo,
    WriteConfigBlockParameters,
    WriteConfigSpaceParameters,
)
from nicmodel.datasheet.ndis_switch import (
    DeleteSwitchParameters,
    DeleteVPortParameters,
    FreeVfParameters,
    NicSwitchParameters,
    NicSwitchParameters660,
    SwitchInfo,
    SwitchInfoArray,
    VfInfo,
    VfInfoArray,
    VfParameters,
    VPortInfo,
    VPortInfoArray,
    VPortParameters,
)

STRUCTURES: tuple[type[NdisStructure], ...] = (
    HypervisorInfo, SriovCapabilitiesStructure, NicSwitchCapabilitiesStructure, ReceiveFilterCapabilitiesStructure,
    ReceiveScaleCapabilities, ReceiveScaleParameters,
    NicSwitchParameters, DeleteSwitchParameters, SwitchInfo, SwitchInfoArray,
    VPortParameters, DeleteVPortParameters, VPortInfo, VPortInfoArray,
    VfParameters, FreeVfParameters, VfInfo, VfInfoArray,
    ReadConfigSpaceParameters, WriteConfigSpaceParameters, ReadConfigBlockParameters, WriteConfigBlockParameters,
    ResetVfParameters, SetPowerStateParameters, ConfigStateParameters, VendorDeviceIdInfo, ProbedBarsInfo,
    BarResourcesInfo, PfLuidInfo, VfSerialNumberInfo, InvalidateConfigBlockInfo, OverlyingAdapterInfo,
    ReceiveFilterParameters, FilterFieldParameters, FilterClearParameters, FilterMoveParameters, ReceiveFilterInfo,
    ReceiveFilterInfoArray,
    StatisticsInfo, InterruptModerationParameters, LinkParameters,
    RegistrationAttributes, AddDeviceRegistrationAttributes, GeneralAttributes, HardwareAssistAttributes,
    SharedMemoryParameters, OidRequest)

HEADERS: dict[type[NdisStructure], tuple[int, int, int]] = {cls: header_of(cls) for cls in STRUCTURES}
"""Header of each structure: (Type, Revision, NDIS_SIZEOF)."""

__all__ = [
    "HEADERS", "STRUCTURES", "CountedName", "GroupAffinity", "Luid", "MemoryResource", "NdisStructure",
    "NicSwitchCapabilities660", "NicSwitchParameters660", "ObjectHeader", "ProcessorNumber",
    "address", "carries_nothing", "header_is",
    "header_of", "mac_of", "made", *(cls.__name__ for cls in STRUCTURES)]
