"""What the mandatory requests of every miniport carry (mandatory-oids-for-miniport-drivers): statistics, moderation, link."""

from __future__ import annotations

from ctypes import c_uint64
from enum import IntEnum, IntFlag

from nicmodel.datasheet.ndis_object import NdisStructure, ObjectHeader, words


class StatisticsFlags(IntFlag):
    """NDIS_STATISTICS_INFO.SupportedStatistics, the bits used here."""

    DIRECTED_FRAMES_RCV = 0x00000001
    DIRECTED_FRAMES_XMIT = 0x00000040


class ModerationState(IntEnum):
    """NDIS_INTERRUPT_MODERATION."""

    UNKNOWN = 0
    NOT_SUPPORTED = 1
    ENABLED = 2
    DISABLED = 3


class StatisticsInfo(NdisStructure):
    """NDIS_STATISTICS_INFO: counters since the miniport was started."""

    NAME = "NDIS_STATISTICS_INFO"
    NDIS_SIZEOF = 152
    _fields_ = [("Header", ObjectHeader), *words("SupportedStatistics"), *((name, c_uint64) for name in (
        "ifInDiscards", "ifInErrors", "ifHCInOctets", "ifHCInUcastPkts", "ifHCInMulticastPkts", "ifHCInBroadcastPkts",
        "ifHCOutOctets", "ifHCOutUcastPkts", "ifHCOutMulticastPkts", "ifHCOutBroadcastPkts", "ifOutErrors", "ifOutDiscards",
        "ifHCInUcastOctets", "ifHCInMulticastOctets", "ifHCInBroadcastOctets", "ifHCOutUcastOctets",
        "ifHCOutMulticastOctets", "ifHCOutBroadcastOctets"))]


class InterruptModerationParameters(NdisStructure):
    """NDIS_INTERRUPT_MODERATION_PARAMETERS. Flags 0: a change needs neither reset nor reinitialisation."""

    NAME = "NDIS_INTERRUPT_MODERATION_PARAMETERS"
    NDIS_SIZEOF = 12
    _fields_ = [("Header", ObjectHeader), *words("Flags", "InterruptModeration")]


class LinkParameters(NdisStructure):
    """NDIS_LINK_PARAMETERS: what the link shall be; AutoNegotiationFlags say which members the partners agree on."""

    NAME = "NDIS_LINK_PARAMETERS"
    NDIS_SIZEOF = 32
    _fields_ = [("Header", ObjectHeader), *words("MediaDuplexState"), ("XmitLinkSpeed", c_uint64), ("RcvLinkSpeed", c_uint64),
                *words("PauseFunctions", "AutoNegotiationFlags")]
