"""The NIC switch, its VPorts and its VFs: parameters of the requests, and the arrays NDIS answers enumerations with."""

from __future__ import annotations

from ctypes import c_uint16, c_uint32

from nicmodel.datasheet.ndis_object import Address, ArrayOf, CountedName, GroupAffinity, NdisStructure, ObjectHeader, words


class NicSwitchParameters(NdisStructure):
    """NDIS_NIC_SWITCH_PARAMETERS: a switch to create, or its name to change."""

    NAME = "NDIS_NIC_SWITCH_PARAMETERS"
    NDIS_SIZEOF = 548
    OTHER_REVISIONS = {2: 552}
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SwitchType", "SwitchId"),
                ("SwitchFriendlyName", CountedName),
                *words("NumVFs", "NdisReserved1", "NdisReserved2", "NdisReserved3")]


class NicSwitchParameters660(NicSwitchParameters):
    """NDIS_NIC_SWITCH_PARAMETERS as of NDIS 6.60 (offset derived)."""

    REVISION = 2
    NDIS_SIZEOF = 552
    OTHER_REVISIONS = {1: 548}
    _fields_ = [*words("NumQueuePairsForDefaultVPort")]


class DeleteSwitchParameters(NdisStructure):
    """NDIS_NIC_SWITCH_DELETE_SWITCH_PARAMETERS."""

    NAME = "NDIS_NIC_SWITCH_DELETE_SWITCH_PARAMETERS"
    NDIS_SIZEOF = 12
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SwitchId")]


class SwitchInfo(NdisStructure):
    """NDIS_NIC_SWITCH_INFO: a switch as it is now. NumVFs counts enabled VFs, allocated or not."""

    NAME = "NDIS_NIC_SWITCH_INFO"
    NDIS_SIZEOF = 572
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SwitchType", "SwitchId"),
                ("SwitchFriendlyName", CountedName), *words(
                    "NumVFs", "NumAllocatedVFs", "NumVPorts", "NumActiveVPorts",
                    "NumQueuePairsForDefaultVPort", "NumQueuePairsForNonDefaultVPorts",
                    "NumActiveDefaultVPortMacAddresses", "NumActiveNonDefaultVPortMacAddresses",
                    "NumActiveDefaultVPortVlanIds", "NumActiveNonDefaultVPortVlanIds")]


class SwitchInfoArray(NdisStructure):
    """NDIS_NIC_SWITCH_INFO_ARRAY."""

    NAME = "NDIS_NIC_SWITCH_INFO_ARRAY"
    NDIS_SIZEOF = 16
    ARRAY = ArrayOf(SwitchInfo)
    _fields_ = [("Header", ObjectHeader), *words("FirstElementOffset", "NumElements", "ElementSize")]


class VPortParameters(NdisStructure):
    """NDIS_NIC_SWITCH_VPORT_PARAMETERS. Revision 2 (6.50) appends NdkParams and QosSqId, whose layouts are not public."""

    NAME = "NDIS_NIC_SWITCH_VPORT_PARAMETERS"
    NDIS_SIZEOF = 572
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SwitchId", "VPortId"), ("VPortName", CountedName),
                ("AttachedFunctionId", c_uint16),
                *words("NumQueuePairs", "InterruptModeration", "VPortState"),
                ("ProcessorAffinity", GroupAffinity), ("LookaheadSize", c_uint32)]


class DeleteVPortParameters(NdisStructure):
    """NDIS_NIC_SWITCH_DELETE_VPORT_PARAMETERS."""

    NAME = "NDIS_NIC_SWITCH_DELETE_VPORT_PARAMETERS"
    NDIS_SIZEOF = 12
    _fields_ = [("Header", ObjectHeader), *words("Flags", "VPortId")]


class VPortInfo(NdisStructure):
    """NDIS_NIC_SWITCH_VPORT_INFO: a VPort as it is now. Unlike in VPORT_PARAMETERS, VPortId comes before Flags."""

    NAME = "NDIS_NIC_SWITCH_VPORT_INFO"
    NDIS_SIZEOF = 576
    _fields_ = [("Header", ObjectHeader), *words("VPortId", "Flags", "SwitchId"), ("VPortName", CountedName),
                ("AttachedFunctionId", c_uint16),
                *words("NumQueuePairs", "InterruptModeration", "VPortState"),
                ("ProcessorAffinity", GroupAffinity), *words("LookaheadSize", "NumFilters")]


class VPortInfoArray(NdisStructure):
    """NDIS_NIC_SWITCH_VPORT_INFO_ARRAY: Flags, SwitchId and AttachedFunctionId choose the VPorts."""

    NAME = "NDIS_NIC_SWITCH_VPORT_INFO_ARRAY"
    NDIS_SIZEOF = 28
    ARRAY = ArrayOf(VPortInfo)
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SwitchId"), ("AttachedFunctionId", c_uint16),
                *words("FirstElementOffset", "NumElements", "ElementSize")]


class VfParameters(NdisStructure):
    """NDIS_NIC_SWITCH_VF_PARAMETERS: the guest's names and addresses in, VF id and requester id out."""

    NAME = "NDIS_NIC_SWITCH_VF_PARAMETERS"
    NDIS_SIZEOF = 1632
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SwitchId"), ("VMName", CountedName),
                ("VMFriendlyName", CountedName), ("NicName", CountedName), ("MacAddressLength", c_uint16),
                ("PermanentMacAddress", Address), ("CurrentMacAddress", Address), ("VFId", c_uint16),
                ("RequestorId", c_uint32)]


class FreeVfParameters(NdisStructure):
    """NDIS_NIC_SWITCH_FREE_VF_PARAMETERS."""

    NAME = "NDIS_NIC_SWITCH_FREE_VF_PARAMETERS"
    NDIS_SIZEOF = 10
    _fields_ = [("Header", ObjectHeader), ("Flags", c_uint32), ("VFId", c_uint16)]


class VfInfo(NdisStructure):
    """NDIS_NIC_SWITCH_VF_INFO: an allocated VF, in the layout of its parameters."""

    NAME = "NDIS_NIC_SWITCH_VF_INFO"
    NDIS_SIZEOF = 1632
    _fields_ = VfParameters._fields_


class VfInfoArray(NdisStructure):
    """NDIS_NIC_SWITCH_VF_INFO_ARRAY."""

    NAME = "NDIS_NIC_SWITCH_VF_INFO_ARRAY"
    NDIS_SIZEOF = 24
    ARRAY = ArrayOf(VfInfo)
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SwitchId", "FirstElementOffset", "NumElements", "ElementSize")]
