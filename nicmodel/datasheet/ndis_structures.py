"""Layouts of the NDIS structures our miniports and stack exchange, as ctypes, 64-bit Windows, little-endian.

Offsets are those of the public headers (mingw-w64 10.0.0, x86-64 ABI); the attribute structures are not
in those headers and follow the public structure pages with natural alignment (derived). Every structure
knows its header: `made(cls, **members)` fills it. ``SIZES`` are NDIS_SIZEOF constants: the end of the
last member of that revision, which is not always sizeof.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, LittleEndianStructure, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p
from typing import Any, TypeVar

from nicmodel.datasheet.ndis import MAX_PHYS_ADDRESS_LENGTH, ObjectType


class ObjectHeader(LittleEndianStructure):
    """NDIS_OBJECT_HEADER."""

    _fields_ = [("Type", c_uint8), ("Revision", c_uint8), ("Size", c_uint16)]


class CountedName(LittleEndianStructure):
    """IF_COUNTED_STRING: length in bytes, no terminator, then 257 UTF-16 units."""

    _fields_ = [("Length", c_uint16), ("String", c_uint16 * 257)]

    @classmethod
    def of(cls, text: str) -> CountedName:
        """The counted form of a name; names longer than 256 characters are cut there."""
        units = [ord(c) & 0xFFFF for c in text[:256]]
        return cls(2 * len(units), (c_uint16 * 257)(*units))

    @property
    def text(self) -> str:
        """The name as a Python string."""
        return "".join(map(chr, self.String[:self.Length // 2]))


class HypervisorInfo(LittleEndianStructure):
    """NDIS_HYPERVISOR_INFO (12 bytes). The caller fills the header; NDIS the rest."""

    _fields_ = [("Header", ObjectHeader), ("Flags", c_uint32), ("PartitionType", c_uint32)]


class SriovCapabilitiesStructure(LittleEndianStructure):
    """NDIS_SRIOV_CAPABILITIES (12 bytes): header, Flags reserved for NDIS, capability bits."""

    _fields_ = [("Header", ObjectHeader), ("Flags", c_uint32), ("SriovCapabilities", c_uint32)]


def _words(*names: str) -> list[tuple[str, Any]]:
    return [(name, c_uint32) for name in names]


class NicSwitchCapabilitiesStructure(LittleEndianStructure):
    """NDIS_NIC_SWITCH_CAPABILITIES, revision 2 (116 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words(
        "Flags", "NdisReserved1", "NumTotalMacAddresses", "NumMacAddressesPerPort", "NumVlansPerPort",
        "NdisReserved2", "NdisReserved3", "NicSwitchCapabilities", "MaxNumSwitches", "MaxNumVPorts",
        "NdisReserved4", "MaxNumVFs", "MaxNumQueuePairs", "NdisReserved5", "NdisReserved6", "NdisReserved7",
        "MaxNumQueuePairsPerNonDefaultVPort", "NdisReserved8", "NdisReserved9", "NdisReserved10",
        "NdisReserved11", "NdisReserved12", "MaxNumMacAddresses", "NdisReserved13", "NdisReserved14",
        "NdisReserved15", "NdisReserved16", "NdisReserved17")]


class ReceiveFilterCapabilitiesStructure(LittleEndianStructure):
    """NDIS_RECEIVE_FILTER_CAPABILITIES, revision 2 (84 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words(
        "Flags", "EnabledFilterTypes", "EnabledQueueTypes", "NumQueues", "SupportedQueueProperties",
        "SupportedFilterTests", "SupportedHeaders", "SupportedMacHeaderFields", "MaxMacHeaderFilters",
        "MaxQueueGroups", "MaxQueuesPerQueueGroup", "MinLookaheadSplitSize", "MaxLookaheadSplitSize",
        "SupportedARPHeaderFields", "SupportedIPv4HeaderFields", "SupportedIPv6HeaderFields",
        "SupportedUdpHeaderFields", "MaxFieldTestsPerPacketCoalescingFilter", "MaxPacketCoalescingFilters",
        "NdisReserved")]


class ReceiveScaleCapabilities(LittleEndianStructure):
    """NDIS_RECEIVE_SCALE_CAPABILITIES, revision 2 (18 of 20 bytes)."""

    _fields_ = [("Header", ObjectHeader),
                *_words("CapabilitiesFlags", "NumberOfInterruptMessages", "NumberOfReceiveQueues"),
                ("NumberOfIndirectionTableEntries", c_uint16)]


class RegistrationAttributes(LittleEndianStructure):
    """NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, revision 2 (28 bytes, derived)."""

    _fields_ = [("Header", ObjectHeader), ("MiniportAdapterContext", c_uint64), *_words(
        "AttributeFlags", "CheckForHangTimeInSeconds", "InterfaceType")]


class AddDeviceRegistrationAttributes(LittleEndianStructure):
    """NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES, revision 1 (20 bytes, derived)."""

    _fields_ = [("Header", ObjectHeader), ("MiniportAddDeviceContext", c_uint64), ("Flags", c_uint32)]


_Address = c_uint8 * MAX_PHYS_ADDRESS_LENGTH


class GeneralAttributes(LittleEndianStructure):
    """NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, revision 2 (derived).

    SupportedOidListLength is in bytes.
    """

    _fields_ = [
        ("Header", ObjectHeader), *_words("Flags", "MediaType", "PhysicalMediumType", "MtuSize"),
        ("MaxXmitLinkSpeed", c_uint64), ("XmitLinkSpeed", c_uint64), ("MaxRcvLinkSpeed", c_uint64),
        ("RcvLinkSpeed", c_uint64), *_words("MediaConnectState", "MediaDuplexState", "LookaheadSize"),
        ("PowerManagementCapabilities", c_void_p), *_words("MacOptions", "SupportedPacketFilters",
                                                           "MaxMulticastListSize"),
        ("MacAddressLength", c_uint16), ("PermanentMacAddress", _Address), ("CurrentMacAddress", _Address),
        ("RecvScaleCapabilities", POINTER(ReceiveScaleCapabilities)),
        *_words("AccessType", "DirectionType", "ConnectionType"), ("IfType", c_uint16),
        ("IfConnectorPresent", c_uint8), *_words("SupportedStatistics", "SupportedPauseFunctions",
                                                 "DataBackFillSize", "ContextBackFillSize"),
        ("SupportedOidList", POINTER(c_uint32)), *_words("SupportedOidListLength", "AutoNegotiationFlags"),
        ("PowerManagementCapabilitiesEx", c_void_p)]

    def oids(self) -> list[int]:
        """The codes in SupportedOidList; empty for a NULL list."""
        if not self.SupportedOidList:
            return []
        return list(self.SupportedOidList[:self.SupportedOidListLength // 4])


class HardwareAssistAttributes(LittleEndianStructure):
    """NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES, revision 3 (80 bytes, derived): all pointers."""

    _fields_ = [
        ("Header", ObjectHeader), ("HDSplitAttributes", c_void_p),
        ("HardwareReceiveFilterCapabilities", POINTER(ReceiveFilterCapabilitiesStructure)),
        ("CurrentReceiveFilterCapabilities", POINTER(ReceiveFilterCapabilitiesStructure)),
        ("HardwareNicSwitchCapabilities", POINTER(NicSwitchCapabilitiesStructure)),
        ("CurrentNicSwitchCapabilities", POINTER(NicSwitchCapabilitiesStructure)),
        ("HardwareSriovCapabilities", POINTER(SriovCapabilitiesStructure)),
        ("CurrentSriovCapabilities", POINTER(SriovCapabilitiesStructure)),
        ("HardwareQosCapabilities", c_void_p), ("CurrentQosCapabilities", c_void_p)]


class NicSwitchParameters(LittleEndianStructure):
    """NDIS_NIC_SWITCH_PARAMETERS, revision 1 (548 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words("Flags", "SwitchType", "SwitchId"),
                ("SwitchFriendlyName", CountedName), *_words("NumVFs", "NdisReserved1", "NdisReserved2",
                                                             "NdisReserved3")]


class DeleteSwitchParameters(LittleEndianStructure):
    """NDIS_NIC_SWITCH_DELETE_SWITCH_PARAMETERS (12 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words("Flags", "SwitchId")]


class GroupAffinity(LittleEndianStructure):
    """GROUP_AFFINITY."""

    _fields_ = [("Mask", c_uint64), ("Group", c_uint16), ("Reserved", c_uint16 * 3)]


class VPortParameters(LittleEndianStructure):
    """NDIS_NIC_SWITCH_VPORT_PARAMETERS, revision 1 (572 of 576 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words("Flags", "SwitchId", "VPortId"), ("VPortName", CountedName),
                ("AttachedFunctionId", c_uint16),
                *_words("NumQueuePairs", "InterruptModeration", "VPortState"),
                ("ProcessorAffinity", GroupAffinity), ("LookaheadSize", c_uint32)]


class DeleteVPortParameters(LittleEndianStructure):
    """NDIS_NIC_SWITCH_DELETE_VPORT_PARAMETERS (12 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words("Flags", "VPortId")]


class VfParameters(LittleEndianStructure):
    """NDIS_NIC_SWITCH_VF_PARAMETERS (1632 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words("Flags", "SwitchId"), ("VMName", CountedName),
                ("VMFriendlyName", CountedName), ("NicName", CountedName), ("MacAddressLength", c_uint16),
                ("PermanentMacAddress", _Address), ("CurrentMacAddress", _Address), ("VFId", c_uint16),
                ("RequestorId", c_uint32)]


class FreeVfParameters(LittleEndianStructure):
    """NDIS_NIC_SWITCH_FREE_VF_PARAMETERS (10 of 12 bytes)."""

    _fields_ = [("Header", ObjectHeader), ("Flags", c_uint32), ("VFId", c_uint16)]


class ResetVfParameters(LittleEndianStructure):
    """NDIS_SRIOV_RESET_VF_PARAMETERS (6 bytes)."""

    _fields_ = [("Header", ObjectHeader), ("VFId", c_uint16)]


class ReceiveFilterParameters(LittleEndianStructure):
    """NDIS_RECEIVE_FILTER_PARAMETERS, revision 2 (44 bytes); the field array follows in the same buffer."""

    _fields_ = [("Header", ObjectHeader), *_words(
        "Flags", "FilterType", "QueueId", "FilterId", "FieldParametersArrayOffset",
        "FieldParametersArrayNumElements", "FieldParametersArrayElementSize", "RequestedFilterIdBitCount",
        "MaxCoalescingDelay", "VPortId")]


class FilterFieldParameters(LittleEndianStructure):
    """NDIS_RECEIVE_FILTER_FIELD_PARAMETERS (56 bytes). FieldValue is big-endian."""

    _fields_ = [("Header", ObjectHeader), *_words("Flags", "FrameHeader", "ReceiveFilterTest", "HeaderField"),
                ("_pad", c_uint32), ("FieldValue", c_uint8 * 16), ("ResultValue", c_uint8 * 16)]


class FilterClearParameters(LittleEndianStructure):
    """NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS (16 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words("Flags", "QueueId", "FilterId")]


class FilterMoveParameters(LittleEndianStructure):
    """NDIS_RECEIVE_FILTER_MOVE_FILTER_PARAMETERS (24 bytes)."""

    _fields_ = [("Header", ObjectHeader), *_words("FilterId", "SourceQueueId", "SourceVPortId", "DestQueueId",
                                                  "DestVPortId")]


def _end(cls: type[LittleEndianStructure]) -> int:
    field = getattr(cls, cls._fields_[-1][0])
    return int(field.offset + field.size)


_D = ObjectType.DEFAULT
HEADERS: dict[type[LittleEndianStructure], tuple[int, int, int]] = {
    cls: (kind, revision, _end(cls)) for cls, kind, revision in (
        (HypervisorInfo, _D, 1), (SriovCapabilitiesStructure, _D, 1), (NicSwitchCapabilitiesStructure, _D, 2),
        (ReceiveFilterCapabilitiesStructure, _D, 2),
        (ReceiveScaleCapabilities, ObjectType.RSS_CAPABILITIES, 2),
        (RegistrationAttributes, ObjectType.REGISTRATION_ATTRIBUTES, 2),
        (AddDeviceRegistrationAttributes, ObjectType.ADD_DEVICE_REGISTRATION_ATTRIBUTES, 1),
        (GeneralAttributes, ObjectType.GENERAL_ATTRIBUTES, 2),
        (HardwareAssistAttributes, ObjectType.HARDWARE_ASSIST_ATTRIBUTES, 3),
        (NicSwitchParameters, _D, 1), (DeleteSwitchParameters, _D, 1), (VPortParameters, _D, 1),
        (DeleteVPortParameters, _D, 1), (VfParameters, _D, 1), (FreeVfParameters, _D, 1),
        (ResetVfParameters, _D, 1), (ReceiveFilterParameters, _D, 2), (FilterFieldParameters, _D, 2),
        (FilterClearParameters, _D, 1), (FilterMoveParameters, _D, 1))}
"""Header of each structure at NDIS 6.30: (Type, Revision, NDIS_SIZEOF)."""

S = TypeVar("S", bound=LittleEndianStructure)


def made(cls: type[S], **members: Any) -> S:
    """A zeroed structure with its documented header and the given members.

    >>> from nicmodel.datasheet.ndis import VF_SRIOV_CAPABILITIES
    >>> bytes(made(SriovCapabilitiesStructure, SriovCapabilities=VF_SRIOV_CAPABILITIES)).hex(" ")
    '80 01 0c 00 00 00 00 00 05 00 00 00'
    """
    return cls(Header=ObjectHeader(*HEADERS[cls]), **members)


def header_is(structure: LittleEndianStructure, cls: type[LittleEndianStructure] | None = None) -> bool:
    """Whether a structure's header is the documented one of its class (or of ``cls``)."""
    header = structure.Header
    return (header.Type, header.Revision, header.Size) == HEADERS[cls or type(structure)]


def carries_nothing(pointer: Any) -> bool:
    """NULL, or a structure with a valid header and zeros in all other members (C-02 in docs/ndis.md)."""
    if not pointer:
        return True
    structure = pointer.contents
    return header_is(structure) and not any(bytes(structure)[ctypes.sizeof(ObjectHeader):])


def address(mac: int) -> Any:
    """A 48-bit MAC as an NDIS address array: first byte on the wire first, 26 bytes of zero after it."""
    return _Address(*mac.to_bytes(6, "big"))


def mac_of(array: Any) -> int:
    """The 48-bit MAC in the first six bytes of an NDIS address array."""
    return int.from_bytes(bytes(array)[:6], "big")
