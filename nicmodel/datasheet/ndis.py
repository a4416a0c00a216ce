"""Names and numbers of the NDIS 6.30 SR-IOV interface: statuses, OIDs, flag words, enumerations, sentinels.

Facts only. Values are those of the public driver headers (mingw-w64 10.0.0 ``ntddndis.h``) unless a row
says otherwise; page names are files of Microsoft's public driver documentation, without the suffix.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Status(IntEnum):
    """NDIS_STATUS values. Compare with SUCCESS: NOT_ACCEPTED looks like a success by its severity bits."""

    SUCCESS = 0x00000000
    PENDING = 0x00000103
    NOT_RECOGNIZED = 0x00010001
    NOT_ACCEPTED = 0x00010003
    SOFT_ERRORS = 0x80010003
    HARD_ERRORS = 0x80010004
    FAILURE = 0xC0000001
    INVALID_PARAMETER = 0xC000000D
    RESOURCES = 0xC000009A
    NOT_SUPPORTED = 0xC00000BB
    BAD_VERSION = 0xC0010004
    BAD_CHARACTERISTICS = 0xC0010005
    DEVICE_FAILED = 0xC0010008
    REQUEST_ABORTED = 0xC001000C
    RESET_IN_PROGRESS = 0xC001000D
    INVALID_LENGTH = 0xC0010014
    INVALID_DATA = 0xC0010015
    BUFFER_TOO_SHORT = 0xC0010016
    INVALID_OID = 0xC0010017
    ADAPTER_REMOVED = 0xC0010018
    FILE_NOT_FOUND = 0xC001001B
    PAUSED = 0xC023002A
    UNSUPPORTED_REVISION = 0xC023002C
    LOW_POWER_STATE = 0xC023002F
    REINIT_REQUIRED = 0xC0230030


INITIALIZE_STATUSES = (Status.SUCCESS, Status.NOT_ACCEPTED, Status.RESOURCES, Status.FAILURE)
"""All that MiniportInitializeEx may return (nc-ndis-miniport_initialize)."""


class ObjectType(IntEnum):
    """NDIS_OBJECT_HEADER.Type."""

    DEFAULT = 0x80
    MINIPORT_INIT_PARAMETERS = 0x81
    MINIPORT_INTERRUPT = 0x84
    RSS_CAPABILITIES = 0x88
    MINIPORT_DRIVER_CHARACTERISTICS = 0x8A
    MINIPORT_PNP_CHARACTERISTICS = 0x92
    OID_REQUEST = 0x96
    STATUS_INDICATION = 0x98
    REGISTRATION_ATTRIBUTES = 0x9E
    GENERAL_ATTRIBUTES = 0x9F
    ADD_DEVICE_REGISTRATION_ATTRIBUTES = 0xA4
    HARDWARE_ASSIST_ATTRIBUTES = 0xAF


class PartitionType(IntEnum):
    """NDIS_HYPERVISOR_INFO.PartitionType."""

    UNKNOWN = 0
    MS_HV_PARENT = 1
    MS_HV_CHILD = 2


HYPERVISOR_PRESENT = 0x1


class SriovCapabilities(IntFlag):
    """NDIS_SRIOV_CAPABILITIES.SriovCapabilities."""

    SRIOV_SUPPORTED = 0x1
    PF_MINIPORT = 0x2
    VF_MINIPORT = 0x4


PF_SRIOV_CAPABILITIES = SriovCapabilities.SRIOV_SUPPORTED | SriovCapabilities.PF_MINIPORT
VF_SRIOV_CAPABILITIES = SriovCapabilities.SRIOV_SUPPORTED | SriovCapabilities.VF_MINIPORT


class NicSwitchCapabilities(IntFlag):
    """NDIS_NIC_SWITCH_CAPABILITIES.NicSwitchCapabilities (6.30 bits)."""

    VLAN = 0x1
    PER_VPORT_INTERRUPT_MODERATION = 0x2
    ASYMMETRIC_QUEUE_PAIRS = 0x4
    VF_RSS = 0x8
    SINGLE_VPORT_POOL = 0x10


class QueueProperties(IntFlag):
    """NDIS_RECEIVE_FILTER_CAPABILITIES.SupportedQueueProperties; SR-IOV needs at least 0x1B."""

    MSI_X = 0x1
    VM_QUEUE = 0x2
    LOOKAHEAD_SPLIT = 0x4
    DYNAMIC_PROCESSOR_AFFINITY_CHANGE = 0x8
    INTERRUPT_VECTOR_COALESCING = 0x10


SRIOV_QUEUE_PROPERTIES = (QueueProperties.MSI_X | QueueProperties.VM_QUEUE
                          | QueueProperties.DYNAMIC_PROCESSOR_AFFINITY_CHANGE
                          | QueueProperties.INTERRUPT_VECTOR_COALESCING)
VMQ_FILTERS_ENABLED = 0x1              # EnabledFilterTypes
FILTER_TEST_EQUAL = 0x1                # SupportedFilterTests
FILTER_HEADER_MAC = 0x1                # SupportedHeaders
MAC_FIELD_DEST_ADDR = 0x1              # SupportedMacHeaderFields
MAC_FIELD_VLAN_ID = 0x8
FIELD_VLAN_UNTAGGED_OR_ZERO = 0x1      # field parameter Flags


class FilterType(IntEnum):
    UNDEFINED = 0
    VM_QUEUE = 1
    PACKET_COALESCING = 2


class FilterTest(IntEnum):
    EQUAL = 1
    MASK_EQUAL = 2
    NOT_EQUAL = 3


class MacHeaderField(IntEnum):
    DESTINATION_ADDRESS = 1
    SOURCE_ADDRESS = 2
    PROTOCOL = 3
    VLAN_ID = 4
    PRIORITY = 5
    PACKET_TYPE = 6


class SwitchType(IntEnum):
    UNSPECIFIED = 0
    EXTERNAL = 1


class VPortState(IntEnum):
    UNDEFINED = 0
    ACTIVATED = 1
    DEACTIVATED = 2


class MediaConnectState(IntEnum):
    UNKNOWN = 0
    CONNECTED = 1
    DISCONNECTED = 2


class RequestType(IntEnum):
    QUERY = 0
    SET = 1
    METHOD = 12


class PowerState(IntEnum):
    """NDIS_DEVICE_POWER_STATE."""

    D0 = 1
    D1 = 2
    D2 = 3
    D3 = 4


PF_FUNCTION_ID = 0xFFFF                # NDIS_PF_FUNCTION_ID
INVALID_VF_FUNCTION_ID = 0xFFFF
INVALID_RID = 0xFFFFFFFF
DEFAULT_SWITCH_ID = 0
DEFAULT_VPORT_ID = 0
DEFAULT_RECEIVE_QUEUE_ID = 0
DEFAULT_RECEIVE_FILTER_ID = 0
MAX_PHYS_ADDRESS_LENGTH = 32
FRAME_HEADER_MAC = 1
STATUS_LINK_STATE = 0x40010017         # NDIS_STATUS_LINK_STATE indication (ndis-status-link-state)
PACKET_FILTER_DIRECTED = 0x1
PACKET_FILTER_MULTICAST = 0x2
PACKET_FILTER_BROADCAST = 0x8
ATTRIBUTE_BUS_MASTER = 0x8             # NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER
INTERFACE_PCI = 5                      # NdisInterfacePci


def make_rid(segment: int, bus: int, function: int) -> int:
    """NDIS_MAKE_RID: the layout is not public; ours puts the PCIe requester id in the low half.

    >>> hex(make_rid(0, 3, 0x81))
    '0x381'
    """
    return segment << 16 | bus << 8 | function


class Oid(IntEnum):
    """The requests this interface uses. Codes skip from ..239 to ..240, ..249 to ..250, ..259 to ..260."""

    GEN_SUPPORTED_LIST = 0x00010101
    GEN_CURRENT_PACKET_FILTER = 0x0001010E
    GEN_CURRENT_LOOKAHEAD = 0x0001010F
    GEN_TRANSMIT_BUFFER_SPACE = 0x00010108
    GEN_RECEIVE_BUFFER_SPACE = 0x00010109
    GEN_TRANSMIT_BLOCK_SIZE = 0x0001010A
    GEN_RECEIVE_BLOCK_SIZE = 0x0001010B
    GEN_VENDOR_ID = 0x0001010C
    GEN_VENDOR_DESCRIPTION = 0x0001010D
    GEN_MAXIMUM_TOTAL_SIZE = 0x00010111
    GEN_VENDOR_DRIVER_VERSION = 0x00010116
    GEN_XMIT_OK = 0x00020101
    GEN_RCV_OK = 0x00020102
    GEN_STATISTICS = 0x00020106
    GEN_LINK_PARAMETERS = 0x00010208
    GEN_INTERRUPT_MODERATION = 0x00010209
    RECEIVE_FILTER_SET_FILTER = 0x00010227
    RECEIVE_FILTER_CLEAR_FILTER = 0x00010228
    RECEIVE_FILTER_MOVE_FILTER = 0x00010230
    NIC_SWITCH_CREATE_SWITCH = 0x00010237
    NIC_SWITCH_PARAMETERS = 0x00010238
    NIC_SWITCH_DELETE_SWITCH = 0x00010239
    NIC_SWITCH_CREATE_VPORT = 0x00010241
    NIC_SWITCH_VPORT_PARAMETERS = 0x00010242
    NIC_SWITCH_DELETE_VPORT = 0x00010244
    NIC_SWITCH_ALLOCATE_VF = 0x00010245
    NIC_SWITCH_FREE_VF = 0x00010246
    SRIOV_READ_VF_CONFIG_SPACE = 0x00010251
    SRIOV_WRITE_VF_CONFIG_SPACE = 0x00010252
    SRIOV_READ_VF_CONFIG_BLOCK = 0x00010253
    SRIOV_WRITE_VF_CONFIG_BLOCK = 0x00010254
    SRIOV_RESET_VF = 0x00010255
    SRIOV_SET_VF_POWER_STATE = 0x00010256
    SRIOV_VF_VENDOR_DEVICE_ID = 0x00010257
    SRIOV_PROBED_BARS = 0x00010258
    SRIOV_BAR_RESOURCES = 0x00010259
    SRIOV_VF_INVALIDATE_CONFIG_BLOCK = 0x00010269
    PNP_SET_POWER = 0xFD010101


MANDATORY_OIDS = (
    Oid.GEN_INTERRUPT_MODERATION, Oid.GEN_MAXIMUM_TOTAL_SIZE, Oid.GEN_RCV_OK, Oid.GEN_XMIT_OK,
    Oid.GEN_STATISTICS, Oid.GEN_RECEIVE_BLOCK_SIZE, Oid.GEN_TRANSMIT_BLOCK_SIZE,
    Oid.GEN_RECEIVE_BUFFER_SPACE, Oid.GEN_TRANSMIT_BUFFER_SPACE, Oid.GEN_VENDOR_ID,
    Oid.GEN_VENDOR_DESCRIPTION, Oid.GEN_VENDOR_DRIVER_VERSION, Oid.GEN_CURRENT_LOOKAHEAD,
    Oid.GEN_CURRENT_PACKET_FILTER, Oid.GEN_LINK_PARAMETERS,
)
"""What every miniport supports (mandatory-oids-for-miniport-drivers)."""

PF_OIDS = (
    Oid.NIC_SWITCH_CREATE_SWITCH, Oid.NIC_SWITCH_PARAMETERS, Oid.NIC_SWITCH_DELETE_SWITCH,
    Oid.NIC_SWITCH_CREATE_VPORT, Oid.NIC_SWITCH_VPORT_PARAMETERS, Oid.NIC_SWITCH_DELETE_VPORT,
    Oid.NIC_SWITCH_ALLOCATE_VF, Oid.NIC_SWITCH_FREE_VF,
    Oid.SRIOV_READ_VF_CONFIG_SPACE, Oid.SRIOV_WRITE_VF_CONFIG_SPACE,
    Oid.SRIOV_READ_VF_CONFIG_BLOCK, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK,
    Oid.SRIOV_RESET_VF, Oid.SRIOV_SET_VF_POWER_STATE, Oid.SRIOV_VF_VENDOR_DEVICE_ID,
    Oid.SRIOV_PROBED_BARS, Oid.SRIOV_BAR_RESOURCES,
    Oid.RECEIVE_FILTER_SET_FILTER, Oid.RECEIVE_FILTER_CLEAR_FILTER, Oid.RECEIVE_FILTER_MOVE_FILTER,
)
"""What a PF miniport must support and list (sr-iov-oids)."""

VF_OIDS = (Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK,)
"""What a VF miniport must support and list (sr-iov-oids)."""

SRIOV_KEYWORDS = ("*SRIOV", "*SriovPreferred")
NIC_SWITCH_KEY = "NicSwitches\\0\\"
NIC_SWITCH_KEYWORDS = tuple(NIC_SWITCH_KEY + name for name in
                            ("*Flags", "*SwitchType", "*SwitchId", "*SwitchName", "*NumVFs"))
"""Keywords only a PF may read (standardized-inf-keywords-for-sr-iov)."""

VMQ_KEYWORDS = ("*VMQ", "*VMQVlanFiltering", "*VMQLookaheadSplit")
RSS_KEYWORDS = ("*RSS", "*RssOnHostVPorts")
DEFAULT_SWITCH_NAME = "Default Switch"

PF_ONLY_FUNCTIONS = (
    "NdisMEnableVirtualization", "NdisMGetVirtualFunctionLocation", "NdisMGetVirtualFunctionBusData",
    "NdisMSetVirtualFunctionBusData", "NdisMInvalidateConfigBlock", "NdisMQueryProbedBars",
)
"""Library functions that only the PF's miniport may call (the nf-ndis page of each)."""


def is_sriov_keyword(keyword: str) -> bool:
    """Whether a registry keyword is one of the standardized SR-IOV or switch keywords (names are caseless).

    >>> is_sriov_keyword("*sriov"), is_sriov_keyword("NicSwitches\\\\0\\\\*NumVFs"), is_sriov_keyword("*RSS")
    (True, True, False)
    """
    lower = keyword.lower()
    return lower in {k.lower() for k in SRIOV_KEYWORDS} or lower.startswith("nicswitches\\")


def enabled_features(sriov_preferred: int, rss_or_vmq: int, sriov: int, vmq: int, rss: int) -> frozenset[str]:
    """Which of "sriov", "vmq", "rss" a PF enables (handling-sr-iov--vmq--and-rss-standardized-inf-keywords).

    A missing preference counts as 0. Rows that the page omits (SR-IOV preferred, VMQ off or not preferred)
    follow the text of its steps.

    >>> sorted(enabled_features(1, 1, 1, 1, 1)), sorted(enabled_features(1, 0, 1, 1, 1))
    (['sriov', 'vmq'], ['sriov'])
    >>> sorted(enabled_features(0, 1, 1, 1, 1)), sorted(enabled_features(0, 0, 1, 1, 1))
    (['vmq'], ['rss'])
    """
    names: tuple[tuple[str, int], ...]
    if sriov_preferred:
        names = (("sriov", sriov), ("vmq", vmq and rss_or_vmq))
    elif rss_or_vmq:
        names = (("vmq", vmq),)
    else:
        names = (("rss", rss),)
    return frozenset(name for name, on in names if on)
