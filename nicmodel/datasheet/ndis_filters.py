"""Receive filters on VPorts: what a filter tests, and the requests that set, clear, move and list filters."""

from __future__ import annotations

from ctypes import c_uint8, c_uint32

from nicmodel.datasheet.ndis_object import ArrayOf, NdisStructure, ObjectHeader, words


class FilterFieldParameters(NdisStructure):
    """NDIS_RECEIVE_FILTER_FIELD_PARAMETERS: one test on one field. FieldValue is big-endian."""

    NAME = "NDIS_RECEIVE_FILTER_FIELD_PARAMETERS"
    REVISION = 2
    NDIS_SIZEOF = 56
    OTHER_REVISIONS = {1: 56}
    _fields_ = [("Header", ObjectHeader), *words("Flags", "FrameHeader", "ReceiveFilterTest", "HeaderField"),
                ("_pad", c_uint32), ("FieldValue", c_uint8 * 16), ("ResultValue", c_uint8 * 16)]


class ReceiveFilterParameters(NdisStructure):
    """NDIS_RECEIVE_FILTER_PARAMETERS; its tests follow in the same buffer. VPortId needs revision 2."""

    NAME = "NDIS_RECEIVE_FILTER_PARAMETERS"
    REVISION = 2
    NDIS_SIZEOF = 44
    OTHER_REVISIONS = {1: 36}
    ARRAY = ArrayOf(FilterFieldParameters, "FieldParametersArrayOffset", "FieldParametersArrayNumElements",
                    "FieldParametersArrayElementSize")
    _fields_ = [("Header", ObjectHeader), *words(
        "Flags", "FilterType", "QueueId", "FilterId", "FieldParametersArrayOffset",
        "FieldParametersArrayNumElements", "FieldParametersArrayElementSize", "RequestedFilterIdBitCount",
        "MaxCoalescingDelay", "VPortId")]


class FilterClearParameters(NdisStructure):
    """NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS."""

    NAME = "NDIS_RECEIVE_FILTER_CLEAR_PARAMETERS"
    NDIS_SIZEOF = 16
    _fields_ = [("Header", ObjectHeader), *words("Flags", "QueueId", "FilterId")]


class FilterMoveParameters(NdisStructure):
    """NDIS_RECEIVE_FILTER_MOVE_FILTER_PARAMETERS."""

    NAME = "NDIS_RECEIVE_FILTER_MOVE_FILTER_PARAMETERS"
    NDIS_SIZEOF = 24
    _fields_ = [("Header", ObjectHeader), *words("FilterId", "SourceQueueId", "SourceVPortId", "DestQueueId", "DestVPortId")]


class ReceiveFilterInfo(NdisStructure):
    """NDIS_RECEIVE_FILTER_INFO: one filter of an enumeration."""

    NAME = "NDIS_RECEIVE_FILTER_INFO"
    NDIS_SIZEOF = 16
    _fields_ = [("Header", ObjectHeader), *words("Flags", "FilterType", "FilterId")]


class ReceiveFilterInfoArray(NdisStructure):
    """NDIS_RECEIVE_FILTER_INFO_ARRAY. VPortId counts only with VPORT_ID_SPECIFIED in Flags (revision 2)."""

    NAME = "NDIS_RECEIVE_FILTER_INFO_ARRAY"
    REVISION = 2
    NDIS_SIZEOF = 28
    OTHER_REVISIONS = {1: 20}
    ARRAY = ArrayOf(ReceiveFilterInfo)
    _fields_ = [("Header", ObjectHeader), *words(
        "QueueId", "FirstElementOffset", "NumElements", "ElementSize", "Flags", "VPortId")]
