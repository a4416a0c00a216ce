"""What a miniport gives NdisMSetMiniportAttributes, and the structures it shares with NDIS at run time.

None of these is in the mingw-w64 headers. Offsets are those of the public symbols of ndis.sys (Windows 8.1, x64).
"""

from __future__ import annotations

from ctypes import POINTER, LittleEndianStructure, Union, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p

from nicmodel.datasheet.ndis_capabilities import (
    NicSwitchCapabilitiesStructure,
    ReceiveFilterCapabilitiesStructure,
    ReceiveScaleCapabilities,
    SriovCapabilitiesStructure,
)
from nicmodel.datasheet.ndis_enums import ObjectType
from nicmodel.datasheet.ndis_object import Address, NdisStructure, ObjectHeader, words


class RegistrationAttributes(NdisStructure):
    """NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES."""

    NAME = "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES"
    TYPE = ObjectType.REGISTRATION_ATTRIBUTES
    REVISION = 2
    NDIS_SIZEOF = 28
    _fields_ = [("Header", ObjectHeader), ("MiniportAdapterContext", c_uint64), *words(
        "AttributeFlags", "CheckForHangTimeInSeconds", "InterfaceType")]


class AddDeviceRegistrationAttributes(NdisStructure):
    """NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES."""

    NAME = "NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES"
    TYPE = ObjectType.ADD_DEVICE_REGISTRATION_ATTRIBUTES
    NDIS_SIZEOF = 20
    _fields_ = [("Header", ObjectHeader), ("MiniportAddDeviceContext", c_uint64), ("Flags", c_uint32)]


class GeneralAttributes(NdisStructure):
    """NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES. SupportedOidListLength is in bytes."""

    NAME = "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES"
    TYPE = ObjectType.GENERAL_ATTRIBUTES
    REVISION = 2
    NDIS_SIZEOF = 224
    OTHER_REVISIONS = {1: 216}
    _fields_ = [
        ("Header", ObjectHeader), *words("Flags", "MediaType", "PhysicalMediumType", "MtuSize"),
        ("MaxXmitLinkSpeed", c_uint64), ("XmitLinkSpeed", c_uint64), ("MaxRcvLinkSpeed", c_uint64),
        ("RcvLinkSpeed", c_uint64), *words("MediaConnectState", "MediaDuplexState", "LookaheadSize"),
        ("PowerManagementCapabilities", c_void_p), *words("MacOptions", "SupportedPacketFilters",
                                                          "MaxMulticastListSize"),
        ("MacAddressLength", c_uint16), ("PermanentMacAddress", Address), ("CurrentMacAddress", Address),
        ("RecvScaleCapabilities", POINTER(ReceiveScaleCapabilities)),
        *words("AccessType", "DirectionType", "ConnectionType"), ("IfType", c_uint16),
        ("IfConnectorPresent", c_uint8), *words("SupportedStatistics", "SupportedPauseFunctions",
                                                "DataBackFillSize", "ContextBackFillSize"),
        ("SupportedOidList", POINTER(c_uint32)), *words("SupportedOidListLength", "AutoNegotiationFlags"),
        ("PowerManagementCapabilitiesEx", c_void_p)]

    def oids(self) -> list[int]:
        """The codes in SupportedOidList; empty for a NULL list."""
        if not self.SupportedOidList:
            return []
        return list(self.SupportedOidList[:self.SupportedOidListLength // 4])


class HardwareAssistAttributes(NdisStructure):
    """NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES: all pointers."""

    NAME = "NDIS_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES"
    TYPE = ObjectType.HARDWARE_ASSIST_ATTRIBUTES
    REVISION = 3
    NDIS_SIZEOF = 80
    OTHER_REVISIONS = {1: 16, 2: 48, 4: 96}      # 4, the pair for generic flow tables: number assumed, size derived
    _fields_ = [
        ("Header", ObjectHeader), ("HDSplitAttributes", c_void_p),
        ("HardwareReceiveFilterCapabilities", POINTER(ReceiveFilterCapabilitiesStructure)),
        ("CurrentReceiveFilterCapabilities", POINTER(ReceiveFilterCapabilitiesStructure)),
        ("HardwareNicSwitchCapabilities", POINTER(NicSwitchCapabilitiesStructure)),
        ("CurrentNicSwitchCapabilities", POINTER(NicSwitchCapabilitiesStructure)),
        ("HardwareSriovCapabilities", POINTER(SriovCapabilitiesStructure)),
        ("CurrentSriovCapabilities", POINTER(SriovCapabilitiesStructure)),
        ("HardwareQosCapabilities", c_void_p), ("CurrentQosCapabilities", c_void_p)]


class SharedMemoryParameters(NdisStructure):
    """NDIS_SHARED_MEMORY_PARAMETERS. Under SR-IOV QueueId is 0 and VPortId is not (VPORT-14)."""

    NAME = "NDIS_SHARED_MEMORY_PARAMETERS"
    REVISION = 2
    NDIS_SIZEOF = 68
    OTHER_REVISIONS = {1: 64}
    _fields_ = [("Header", ObjectHeader), *words("Flags", "QueueId"), ("SharedMemoryHandle", c_void_p),
                *words("PreferredNode", "Usage", "Length"), ("VirtualAddress", c_void_p),
                ("SGListBufferLength", c_uint32), ("SGListBuffer", c_void_p), ("VPortId", c_uint32)]


class QueryInformation(LittleEndianStructure):
    """NDIS_OID_REQUEST.DATA.QUERY_INFORMATION."""

    _fields_ = [("Oid", c_uint32), ("InformationBuffer", c_void_p),
                *words("InformationBufferLength", "BytesWritten", "BytesNeeded")]


class SetInformation(LittleEndianStructure):
    """NDIS_OID_REQUEST.DATA.SET_INFORMATION."""

    _fields_ = [("Oid", c_uint32), ("InformationBuffer", c_void_p),
                *words("InformationBufferLength", "BytesRead", "BytesNeeded")]


class MethodInformation(LittleEndianStructure):
    """NDIS_OID_REQUEST.DATA.METHOD_INFORMATION."""

    _fields_ = [("Oid", c_uint32), ("InformationBuffer", c_void_p), *words(
        "InputBufferLength", "OutputBufferLength", "MethodId", "BytesWritten", "BytesRead", "BytesNeeded")]


class RequestData(Union):
    """NDIS_OID_REQUEST.DATA: RequestType says which part counts."""

    _fields_ = [("QUERY_INFORMATION", QueryInformation), ("SET_INFORMATION", SetInformation),
                ("METHOD_INFORMATION", MethodInformation)]


class OidRequest(NdisStructure):
    """NDIS_OID_REQUEST."""

    NAME = "NDIS_OID_REQUEST"
    TYPE = ObjectType.OID_REQUEST
    NDIS_SIZEOF = 236
    _fields_ = [("Header", ObjectHeader), *words("RequestType", "PortNumber", "Timeout"),
                ("RequestId", c_void_p), ("RequestHandle", c_void_p), ("DATA", RequestData),
                ("NdisReserved", c_uint8 * 128), ("MiniportReserved", c_uint8 * 16), ("SourceReserved", c_uint8 * 16),
                ("SupportedRevision", c_uint8), ("Reserved1", c_uint8), ("Reserved2", c_uint16)]
