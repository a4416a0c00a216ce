"""How the public C headers (mingw-w64 10.0.0) spell our names, and which of our facts they do not have.

A spelling is a pattern for the members of a class, with the members that do not follow it. What a header lacks is in
``NOT_IN_PUBLIC_HEADERS`` with the source of our number instead.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from nicmodel.datasheet import ndis_enums as e
from nicmodel.datasheet import ndis_rss as r
from nicmodel.datasheet.ndis_object import MAX_PHYS_ADDRESS_LENGTH
from nicmodel.datasheet.ndis_oids import Oid
from nicmodel.datasheet.ndis_sriov import INVALIDATE_BLOCK_ALL_VFS, MAX_CONFIG_BLOCK
from nicmodel.datasheet.ndis_status import Indication, Status


class Spelling(NamedTuple):
    """``{}`` stands for the member's name; members in ``others`` are spelled as given there."""

    pattern: str
    others: dict[str, str] = {}


def _camel(prefix: str, members: type[Enum], **others: str) -> Spelling:
    """Enumerators are the prefix and the member's name in capitalized words."""
    return Spelling(prefix, {m: prefix + m.title().replace("_", "") for m in members.__members__} | others)


FLAGS_AND_OIDS: dict[type[Enum], Spelling] = {
    e.ObjectType: Spelling("NDIS_OBJECT_TYPE_{}", {
        "REGISTRATION_ATTRIBUTES": "NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES",
        "GENERAL_ATTRIBUTES": "NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES",
        "ADD_DEVICE_REGISTRATION_ATTRIBUTES": "NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES",
        "HARDWARE_ASSIST_ATTRIBUTES": "NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES"}),
    Oid: Spelling("OID_{}"),
    e.HypervisorFlags: Spelling("NDIS_HYPERVISOR_INFO_FLAG_{}"),
    e.SriovCapabilities: Spelling("NDIS_SRIOV_CAPS_{}"),
    e.NicSwitchCapabilities: Spelling("NDIS_NIC_SWITCH_CAPS_{}_SUPPORTED", {
        "ASYMMETRIC_QUEUE_PAIRS": "NDIS_NIC_SWITCH_CAPS_ASYMMETRIC_QUEUE_PAIRS_FOR_NONDEFAULT_VPORT_SUPPORTED",
        "SINGLE_VPORT_POOL": "NDIS_NIC_SWITCH_CAPS_SINGLE_VPORT_POOL",
        "RSS_PER_PF_VPORT_INDIRECTION_TABLE_SIZE_RESTRICTED":
            "NDIS_NIC_SWITCH_CAPS_RSS_PER_PF_VPORT_INDIRECTION_TABLE_SIZE_RESTRICTED"}),
    e.SwitchFlags: Spelling("NDIS_NIC_SWITCH_PARAMETERS_{}"),
    e.VPortFlags: Spelling("NDIS_NIC_SWITCH_VPORT_PARAMS_{}"),
    e.VPortInfoFlags: Spelling("NDIS_NIC_SWITCH_VPORT_INFO_{}"),
    e.VPortEnumFlags: Spelling("NDIS_NIC_SWITCH_VPORT_INFO_ARRAY_{}"),
    e.VfEnumFlags: Spelling("NDIS_NIC_SWITCH_VF_INFO_ARRAY_{}"),
    e.FilterEnumFlags: Spelling("NDIS_RECEIVE_FILTER_INFO_ARRAY_{}"),
    e.FilterTypes: Spelling("NDIS_RECEIVE_FILTER_{}_ENABLED"),
    e.QueueTypes: Spelling("NDIS_RECEIVE_FILTER_{}_ENABLED"),
    e.QueueProperties: Spelling("NDIS_RECEIVE_FILTER_{}_SUPPORTED", {
        "IMPLAT_MIN_OF_QUEUES_MODE": "NDIS_RECEIVE_FILTER_IMPLAT_MIN_OF_QUEUES_MODE",
        "IMPLAT_SUM_OF_QUEUES_MODE": "NDIS_RECEIVE_FILTER_IMPLAT_SUM_OF_QUEUES_MODE",
        "PACKET_COALESCING_ON_DEFAULT_QUEUE": "NDIS_RECEIVE_FILTER_PACKET_COALESCING_SUPPORTED_ON_DEFAULT_QUEUE"}),
    e.FilterTests: Spelling("NDIS_RECEIVE_FILTER_TEST_HEADER_FIELD_{}_SUPPORTED"),
    e.FilterHeaders: Spelling("NDIS_RECEIVE_FILTER_{}_HEADER_SUPPORTED"),
    e.MacHeaderFields: Spelling("NDIS_RECEIVE_FILTER_MAC_HEADER_{}_SUPPORTED"),
    e.FieldFlags: Spelling("NDIS_RECEIVE_FILTER_FIELD_MAC_HEADER_{}"),
    r.RssCapabilities: Spelling("NDIS_RSS_CAPS_{}"),
    r.RssFlags: Spelling("NDIS_RSS_PARAM_FLAG_{}"),
    r.HashTypes: Spelling("NDIS_HASH_{}"),
    e.PacketFilter: Spelling("NDIS_PACKET_TYPE_{}"),
}
"""Macros of ntddndis.h."""

ENUMERATIONS: dict[type[Enum], Spelling] = {
    e.RequestType: Spelling("", {"QUERY": "NdisRequestQueryInformation", "SET": "NdisRequestSetInformation",
                                 "METHOD": "NdisRequestMethod"}),
    e.PartitionType: Spelling("", {"UNKNOWN": "NdisHypervisorPartitionTypeUnknown",
                                   "MS_HV_PARENT": "NdisHypervisorPartitionTypeMsHvParent",
                                   "MS_HV_CHILD": "NdisHypervisorPartitionMsHvChild"}),
    e.FilterType: _camel("NdisReceiveFilterType", e.FilterType, VM_QUEUE="NdisReceiveFilterTypeVMQueue"),
    e.FilterTest: _camel("NdisReceiveFilterTest", e.FilterTest),
    e.FrameHeader: _camel("NdisFrameHeader", e.FrameHeader),
    e.MacHeaderField: _camel("NdisMacHeaderField", e.MacHeaderField),
    e.SwitchType: _camel("NdisNicSwitchType", e.SwitchType),
    e.VPortState: _camel("NdisNicSwitchVPortState", e.VPortState),
    e.InterruptModeration: _camel("NdisNicSwitchVPortInterruptModeration", e.InterruptModeration),
    e.PowerState: _camel("NdisDeviceState", e.PowerState),
    e.MediaConnectState: _camel("MediaConnectState", e.MediaConnectState),
}
"""Enumerators of ntddndis.h and ifdef.h."""

STATUSES: dict[type[Enum], Spelling] = {Status: Spelling("NDIS_STATUS_{}"), Indication: Spelling("NDIS_STATUS_{}")}
"""Macros of ndis.h."""

CONSTANTS: dict[str, int] = {
    "NDIS_NIC_SWITCH_PARAMETERS_CHANGE_MASK": e.SWITCH_CHANGE_MASK,
    "NDIS_NIC_SWITCH_VPORT_PARAMS_CHANGE_MASK": e.VPORT_CHANGE_MASK,
    "NDIS_PF_FUNCTION_ID": e.PF_FUNCTION_ID,
    "NDIS_INVALID_VF_FUNCTION_ID": e.INVALID_VF_FUNCTION_ID,
    "NDIS_INVALID_RID": e.INVALID_RID,
    "NDIS_INVALID_SWITCH_ID": e.INVALID_SWITCH_ID,
    "NDIS_INVALID_VPORT_ID": e.INVALID_VPORT_ID,
    "NDIS_DEFAULT_SWITCH_ID": e.DEFAULT_SWITCH_ID,
    "NDIS_DEFAULT_VPORT_ID": e.DEFAULT_VPORT_ID,
    "NDIS_DEFAULT_RECEIVE_QUEUE_ID": e.DEFAULT_RECEIVE_QUEUE_ID,
    "NDIS_DEFAULT_RECEIVE_FILTER_ID": e.DEFAULT_RECEIVE_FILTER_ID,
    "NDIS_HASH_FUNCTION_MASK": r.HASH_FUNCTION_MASK,
    "NDIS_HASH_TYPE_MASK": r.HASH_TYPE_MASK,
    "NdisHashFunctionToeplitz": r.HASH_TOEPLITZ,
    "NDIS_RSS_HASH_SECRET_KEY_MAX_SIZE_REVISION_2": r.HASH_SECRET_KEY_BYTES,
    "NDIS_RSS_INDIRECTION_TABLE_MAX_SIZE_REVISION_1": r.INDIRECTION_TABLE_ENTRIES,
    "NDIS_MAX_PHYS_ADDRESS_LENGTH": MAX_PHYS_ADDRESS_LENGTH,
    "NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER": e.ATTRIBUTE_BUS_MASTER,
    "VPCI_MAX_READ_WRITE_BLOCK_SIZE": MAX_CONFIG_BLOCK,
    "SRIOV_INVALIDATE_BLOCK_ALL_VFS": INVALIDATE_BLOCK_ALL_VFS,
}
"""Ids, masks and limits; macros of ntddndis.h where they are there."""

LATER_HEADERS = "public copy of a later ntddndis.h"
SYMBOLS = "public symbols of ndis.sys, Windows 8.1 x64"
NDIS_630_HEADER = "public copy of ndis.h for NDIS 6.30 and later"
VPCI_HEADERS = "public pages of vpci.h and pcivirt.h"

NOT_IN_PUBLIC_HEADERS: dict[str, str] = {
    **dict.fromkeys((
        "OID_SRIOV_OVERLYING_ADAPTER_INFO", "NDIS_SRIOV_OVERLYING_ADAPTER_INFO", "NDIS_INVALID_VPORT_ID",
        "NDIS_NIC_SWITCH_CAPS_RSS_PARAMETERS_PER_PF_VPORT_SUPPORTED", "NDIS_NIC_SWITCH_CAPS_NIC_SWITCH_WITHOUT_IOV_SUPPORTED",
        "NDIS_NIC_SWITCH_CAPS_RSS_ON_PF_VPORTS_SUPPORTED",
        "NDIS_NIC_SWITCH_CAPS_RSS_PER_PF_VPORT_INDIRECTION_TABLE_SUPPORTED",
        "NDIS_NIC_SWITCH_CAPS_RSS_PER_PF_VPORT_HASH_FUNCTION_SUPPORTED",
        "NDIS_NIC_SWITCH_CAPS_RSS_PER_PF_VPORT_HASH_TYPE_SUPPORTED",
        "NDIS_NIC_SWITCH_CAPS_RSS_PER_PF_VPORT_HASH_KEY_SUPPORTED",
        "NDIS_NIC_SWITCH_CAPS_RSS_PER_PF_VPORT_INDIRECTION_TABLE_SIZE_RESTRICTED",
        "NDIS_NIC_SWITCH_VPORT_PARAMS_PACKET_DIRECT_RX_ONLY", "NDIS_NIC_SWITCH_VPORT_PARAMS_ENFORCE_MAX_SG_LIST",
        "NDIS_NIC_SWITCH_VPORT_PARAMS_NDK_PARAMS_CHANGED", "NDIS_NIC_SWITCH_VPORT_PARAMS_QOS_SQ_ID_CHANGED",
        "NDIS_NIC_SWITCH_VPORT_PARAMS_NUM_QUEUE_PAIRS_CHANGED",
        "NDIS_NIC_SWITCH_VPORT_INFO_PACKET_DIRECT_RX_ONLY", "NDIS_NIC_SWITCH_VPORT_INFO_GFT_ENABLED",
        "NDIS_SIZEOF_NIC_SWITCH_CAPABILITIES_REVISION_3", "NDIS_SIZEOF_NIC_SWITCH_PARAMETERS_REVISION_2"), LATER_HEADERS),
    **dict.fromkeys((
        "NDIS_STATUS_REINIT_REQUIRED", "NDIS_STATUS_VF_CONFIG_STATE",
        "NDIS_STATUS_RECEIVE_FILTER_CURRENT_CAPABILITIES", "NDIS_STATUS_RECEIVE_FILTER_HARDWARE_CAPABILITIES",
        "NDIS_STATUS_NIC_SWITCH_CURRENT_CAPABILITIES", "NDIS_STATUS_NIC_SWITCH_HARDWARE_CAPABILITIES",
        "NDIS_STATUS_SWITCH_PORT_REMOVE_VF", "NDIS_STATUS_SWITCH_NIC_STATUS",
        "NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER"), NDIS_630_HEADER),
    **dict.fromkeys(("VPCI_MAX_READ_WRITE_BLOCK_SIZE", "SRIOV_INVALIDATE_BLOCK_ALL_VFS"), VPCI_HEADERS),
    **dict.fromkeys((
        "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES", "NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES",
        "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES", "NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES",
        "NDIS_SHARED_MEMORY_PARAMETERS", "NDIS_OID_REQUEST"), SYMBOLS),
}
"""Names that mingw-w64 10.0.0 does not define, and where our fact comes from instead."""


def spelled(spelling: Spelling, member: str) -> str:
    """The C name of a member.

    >>> spelled(FLAGS_AND_OIDS[e.QueueProperties], "MSI_X"), spelled(ENUMERATIONS[e.VPortState], "ACTIVATED")
    ('NDIS_RECEIVE_FILTER_MSI_X_SUPPORTED', 'NdisNicSwitchVPortStateActivated')
    """
    return spelling.others.get(member) or spelling.pattern.format(member)


def numbers(table: dict[type[Enum], Spelling]) -> dict[str, int]:
    """Every member of a table's classes, by its C name."""
    return {spelled(spelling, member.name): member.value for members, spelling in table.items() for member in members}
