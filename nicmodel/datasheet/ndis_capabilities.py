"""What a miniport announces and is told: partition, SR-IOV, NIC switch, receive filter and RSS capabilities, RSS parameters."""

from __future__ import annotations

from ctypes import LittleEndianStructure, c_uint8, c_uint16, c_uint32

from nicmodel.datasheet.ndis_enums import ObjectType
from nicmodel.datasheet.ndis_object import NdisStructure, ObjectHeader, words


class HypervisorInfo(NdisStructure):
    """NDIS_HYPERVISOR_INFO. The caller fills the header; NDIS the rest."""

    NAME = "NDIS_HYPERVISOR_INFO"
    NDIS_SIZEOF = 12
    _fields_ = [("Header", ObjectHeader), *words("Flags", "PartitionType")]


class SriovCapabilitiesStructure(NdisStructure):
    """NDIS_SRIOV_CAPABILITIES: header, Flags reserved for NDIS, capability bits."""

    NAME = "NDIS_SRIOV_CAPABILITIES"
    NDIS_SIZEOF = 12
    _fields_ = [("Header", ObjectHeader), *words("Flags", "SriovCapabilities")]


class NicSwitchCapabilitiesStructure(NdisStructure):
    """NDIS_NIC_SWITCH_CAPABILITIES. The three Num* members belong to revision 1 and are 0 from revision 2 on."""

    NAME = "NDIS_NIC_SWITCH_CAPABILITIES"
    REVISION = 2
    NDIS_SIZEOF = 116
    OTHER_REVISIONS = {1: 32, 3: 132}
    _fields_ = [("Header", ObjectHeader), *words(
        "Flags", "NdisReserved1", "NumTotalMacAddresses", "NumMacAddressesPerPort", "NumVlansPerPort",
        "NdisReserved2", "NdisReserved3", "NicSwitchCapabilities", "MaxNumSwitches", "MaxNumVPorts",
        "NdisReserved4", "MaxNumVFs", "MaxNumQueuePairs", "NdisReserved5", "NdisReserved6", "NdisReserved7",
        "MaxNumQueuePairsPerNonDefaultVPort", "NdisReserved8", "NdisReserved9", "NdisReserved10",
        "NdisReserved11", "NdisReserved12", "MaxNumMacAddresses", "NdisReserved13", "NdisReserved14",
        "NdisReserved15", "NdisReserved16", "NdisReserved17")]


class NicSwitchCapabilities660(NicSwitchCapabilitiesStructure):
    """NDIS_NIC_SWITCH_CAPABILITIES as of NDIS 6.60: the tail for RSS on PF VPorts (order from a public header,
    offsets derived)."""

    REVISION = 3
    NDIS_SIZEOF = 132
    OTHER_REVISIONS = {1: 32, 2: 116}
    _fields_ = [*words("MaxNumRssCapableNonDefaultPFVPorts", "NumberOfIndirectionTableEntriesForDefaultVPort",
                       "NumberOfIndirectionTableEntriesPerNonDefaultPFVPort", "MaxNumQueuePairsForDefaultVPort")]


class ReceiveFilterCapabilitiesStructure(NdisStructure):
    """NDIS_RECEIVE_FILTER_CAPABILITIES. NumQueues and the lookahead sizes are 0 under SR-IOV."""

    NAME = "NDIS_RECEIVE_FILTER_CAPABILITIES"
    REVISION = 2
    NDIS_SIZEOF = 84
    OTHER_REVISIONS = {1: 56}
    _fields_ = [("Header", ObjectHeader), *words(
        "Flags", "EnabledFilterTypes", "EnabledQueueTypes", "NumQueues", "SupportedQueueProperties",
        "SupportedFilterTests", "SupportedHeaders", "SupportedMacHeaderFields", "MaxMacHeaderFilters",
        "MaxQueueGroups", "MaxQueuesPerQueueGroup", "MinLookaheadSplitSize", "MaxLookaheadSplitSize",
        "SupportedARPHeaderFields", "SupportedIPv4HeaderFields", "SupportedIPv6HeaderFields",
        "SupportedUdpHeaderFields", "MaxFieldTestsPerPacketCoalescingFilter", "MaxPacketCoalescingFilters",
        "NdisReserved")]


class ReceiveScaleCapabilities(NdisStructure):
    """NDIS_RECEIVE_SCALE_CAPABILITIES."""

    NAME = "NDIS_RECEIVE_SCALE_CAPABILITIES"
    TYPE = ObjectType.RSS_CAPABILITIES
    REVISION = 2
    NDIS_SIZEOF = 18
    OTHER_REVISIONS = {1: 16}
    _fields_ = [("Header", ObjectHeader),
                *words("CapabilitiesFlags", "NumberOfInterruptMessages", "NumberOfReceiveQueues"),
                ("NumberOfIndirectionTableEntries", c_uint16)]


class ProcessorNumber(LittleEndianStructure):
    """PROCESSOR_NUMBER: an entry of an indirection table from NDIS 6.20 on."""

    _fields_ = [("Group", c_uint16), ("Number", c_uint8), ("Reserved", c_uint8)]


class ReceiveScaleParameters(NdisStructure):
    """NDIS_RECEIVE_SCALE_PARAMETERS; table, key and processor masks follow it in its buffer. Sizes are in bytes."""

    NAME = "NDIS_RECEIVE_SCALE_PARAMETERS"
    TYPE = ObjectType.RSS_PARAMETERS
    REVISION = 2
    NDIS_SIZEOF = 40
    OTHER_REVISIONS = {1: 28}
    _fields_ = [("Header", ObjectHeader), ("Flags", c_uint16), ("BaseCpuNumber", c_uint16), *words("HashInformation"),
                ("IndirectionTableSize", c_uint16), ("IndirectionTableOffset", c_uint32), ("HashSecretKeySize", c_uint16),
                ("HashSecretKeyOffset", c_uint32), *words("ProcessorMasksOffset", "NumberOfProcessorMasks",
                                                          "ProcessorMasksEntrySize")]
