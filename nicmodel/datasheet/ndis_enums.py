"""Object types, flag words, enumerations, ids and sentinels of the NDIS 6.30 SR-IOV interface.

Bits and values of later versions are marked with the version that brought them.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class ObjectType(IntEnum):
    """NDIS_OBJECT_HEADER.Type."""

    DEFAULT = 0x80
    MINIPORT_INIT_PARAMETERS = 0x81
    MINIPORT_INTERRUPT = 0x84
    RSS_CAPABILITIES = 0x88
    RSS_PARAMETERS = 0x89
    MINIPORT_DRIVER_CHARACTERISTICS = 0x8A
    MINIPORT_PNP_CHARACTERISTICS = 0x92
    OID_REQUEST = 0x96
    STATUS_INDICATION = 0x98
    REGISTRATION_ATTRIBUTES = 0x9E
    GENERAL_ATTRIBUTES = 0x9F
    ADD_DEVICE_REGISTRATION_ATTRIBUTES = 0xA4
    HARDWARE_ASSIST_ATTRIBUTES = 0xAF


class RequestType(IntEnum):
    """NDIS_OID_REQUEST.RequestType; the numbers between are not for miniports of NDIS 6."""

    QUERY = 0
    SET = 1
    METHOD = 12


class PartitionType(IntEnum):
    """NDIS_HYPERVISOR_INFO.PartitionType."""

    UNKNOWN = 0
    MS_HV_PARENT = 1
    MS_HV_CHILD = 2


class HypervisorFlags(IntFlag):
    """NDIS_HYPERVISOR_INFO.Flags."""

    HYPERVISOR_PRESENT = 0x1


class SriovCapabilities(IntFlag):
    """NDIS_SRIOV_CAPABILITIES.SriovCapabilities."""

    SRIOV_SUPPORTED = 0x1
    PF_MINIPORT = 0x2
    VF_MINIPORT = 0x4


PF_SRIOV_CAPABILITIES = SriovCapabilities.SRIOV_SUPPORTED | SriovCapabilities.PF_MINIPORT
VF_SRIOV_CAPABILITIES = SriovCapabilities.SRIOV_SUPPORTED | SriovCapabilities.VF_MINIPORT


class NicSwitchCapabilities(IntFlag):
    """NDIS_NIC_SWITCH_CAPABILITIES.NicSwitchCapabilities; from RSS_PARAMETERS_PER_PF_VPORT on: NDIS 6.60."""

    VLAN = 0x1
    PER_VPORT_INTERRUPT_MODERATION = 0x2
    ASYMMETRIC_QUEUE_PAIRS = 0x4
    VF_RSS = 0x8
    SINGLE_VPORT_POOL = 0x10
    RSS_PARAMETERS_PER_PF_VPORT = 0x20
    NIC_SWITCH_WITHOUT_IOV = 0x40
    RSS_ON_PF_VPORTS = 0x80
    RSS_PER_PF_VPORT_INDIRECTION_TABLE = 0x100
    RSS_PER_PF_VPORT_HASH_FUNCTION = 0x200
    RSS_PER_PF_VPORT_HASH_TYPE = 0x400
    RSS_PER_PF_VPORT_HASH_KEY = 0x800
    RSS_PER_PF_VPORT_INDIRECTION_TABLE_SIZE_RESTRICTED = 0x1000


class SwitchFlags(IntFlag):
    """NDIS_NIC_SWITCH_PARAMETERS.Flags."""

    SWITCH_NAME_CHANGED = 0x00010000


SWITCH_CHANGE_MASK = 0xFFFF0000        # bits of a set request that name changed members


class VPortFlags(IntFlag):
    """NDIS_NIC_SWITCH_VPORT_PARAMETERS.Flags; PACKET_DIRECT, NDK, QOS: NDIS 6.50; NUM_QUEUE_PAIRS: 6.60."""

    LOOKAHEAD_SPLIT_ENABLED = 0x1
    PACKET_DIRECT_RX_ONLY = 0x2
    ENFORCE_MAX_SG_LIST = 0x8000
    FLAGS_CHANGED = 0x00010000
    NAME_CHANGED = 0x00020000
    INT_MOD_CHANGED = 0x00040000
    STATE_CHANGED = 0x00080000
    PROCESSOR_AFFINITY_CHANGED = 0x00100000
    NDK_PARAMS_CHANGED = 0x00200000
    QOS_SQ_ID_CHANGED = 0x00400000
    NUM_QUEUE_PAIRS_CHANGED = 0x00800000


VPORT_CHANGE_MASK = 0xFFFF0000         # bits of a set request that name changed members


class VPortInfoFlags(IntFlag):
    """NDIS_NIC_SWITCH_VPORT_INFO.Flags; the last two: NDIS 6.50."""

    LOOKAHEAD_SPLIT_ENABLED = 0x1
    PACKET_DIRECT_RX_ONLY = 0x2
    GFT_ENABLED = 0x4


class VPortEnumFlags(IntFlag):
    """NDIS_NIC_SWITCH_VPORT_INFO_ARRAY.Flags: at most one; none lists every VPort."""

    ENUM_ON_SPECIFIC_FUNCTION = 0x1
    ENUM_ON_SPECIFIC_SWITCH = 0x2


class VfEnumFlags(IntFlag):
    """NDIS_NIC_SWITCH_VF_INFO_ARRAY.Flags; none lists every VF."""

    ENUM_ON_SPECIFIC_SWITCH = 0x1


class FilterEnumFlags(IntFlag):
    """NDIS_RECEIVE_FILTER_INFO_ARRAY.Flags: whether VPortId counts."""

    VPORT_ID_SPECIFIED = 0x1


class FilterTypes(IntFlag):
    """NDIS_RECEIVE_FILTER_CAPABILITIES.EnabledFilterTypes; SR-IOV needs VMQ_FILTERS."""

    VMQ_FILTERS = 0x1
    PACKET_COALESCING_FILTERS = 0x2


class QueueTypes(IntFlag):
    """NDIS_RECEIVE_FILTER_CAPABILITIES.EnabledQueueTypes; clear for SR-IOV alone (C-19)."""

    VM_QUEUES = 0x1


class QueueProperties(IntFlag):
    """NDIS_RECEIVE_FILTER_CAPABILITIES.SupportedQueueProperties; SR-IOV needs at least 0x1B."""

    MSI_X = 0x1
    VM_QUEUE = 0x2
    LOOKAHEAD_SPLIT = 0x4
    DYNAMIC_PROCESSOR_AFFINITY_CHANGE = 0x8
    INTERRUPT_VECTOR_COALESCING = 0x10
    ANY_VLAN = 0x20
    IMPLAT_MIN_OF_QUEUES_MODE = 0x40
    IMPLAT_SUM_OF_QUEUES_MODE = 0x80
    PACKET_COALESCING_ON_DEFAULT_QUEUE = 0x100


SRIOV_QUEUE_PROPERTIES = (QueueProperties.MSI_X | QueueProperties.VM_QUEUE
                          | QueueProperties.DYNAMIC_PROCESSOR_AFFINITY_CHANGE
                          | QueueProperties.INTERRUPT_VECTOR_COALESCING)


class FilterTests(IntFlag):
    """NDIS_RECEIVE_FILTER_CAPABILITIES.SupportedFilterTests; SR-IOV needs EQUAL."""

    EQUAL = 0x1
    MASK_EQUAL = 0x2
    NOT_EQUAL = 0x4


class FilterHeaders(IntFlag):
    """NDIS_RECEIVE_FILTER_CAPABILITIES.SupportedHeaders; SR-IOV needs MAC."""

    MAC = 0x1
    IPV4 = 0x2
    IPV6 = 0x4
    ARP = 0x8
    UDP = 0x10


class MacHeaderFields(IntFlag):
    """NDIS_RECEIVE_FILTER_CAPABILITIES.SupportedMacHeaderFields; SR-IOV needs DEST_ADDR."""

    DEST_ADDR = 0x1
    SOURCE_ADDR = 0x2
    PROTOCOL = 0x4
    VLAN_ID = 0x8
    PRIORITY = 0x10
    PACKET_TYPE = 0x20


class FieldFlags(IntFlag):
    """NDIS_RECEIVE_FILTER_FIELD_PARAMETERS.Flags."""

    VLAN_UNTAGGED_OR_ZERO = 0x1


class PacketFilter(IntFlag):
    """OID_GEN_CURRENT_PACKET_FILTER, the bits used here."""

    DIRECTED = 0x1
    MULTICAST = 0x2
    BROADCAST = 0x8


class FilterType(IntEnum):
    """NDIS_RECEIVE_FILTER_TYPE; SR-IOV filters are VM_QUEUE ones."""

    UNDEFINED = 0
    VM_QUEUE = 1
    PACKET_COALESCING = 2


class FilterTest(IntEnum):
    """NDIS_RECEIVE_FILTER_TEST."""

    EQUAL = 1
    MASK_EQUAL = 2
    NOT_EQUAL = 3


class FrameHeader(IntEnum):
    """NDIS_FRAME_HEADER."""

    UNDEFINED = 0
    MAC = 1


class MacHeaderField(IntEnum):
    """NDIS_MAC_HEADER_FIELD."""

    DESTINATION_ADDRESS = 1
    SOURCE_ADDRESS = 2
    PROTOCOL = 3
    VLAN_ID = 4
    PRIORITY = 5
    PACKET_TYPE = 6


class SwitchType(IntEnum):
    """NDIS_NIC_SWITCH_TYPE."""

    UNSPECIFIED = 0
    EXTERNAL = 1


class VPortState(IntEnum):
    """NDIS_NIC_SWITCH_VPORT_STATE."""

    UNDEFINED = 0
    ACTIVATED = 1
    DEACTIVATED = 2


class InterruptModeration(IntEnum):
    """NDIS_NIC_SWITCH_VPORT_INTERRUPT_MODERATION."""

    UNDEFINED = 0
    ADAPTIVE = 1
    OFF = 2
    LOW = 100
    MEDIUM = 200
    HIGH = 300


MODERATION_PS = {InterruptModeration.OFF: 0, InterruptModeration.LOW: 10_000_000, InterruptModeration.MEDIUM: 50_000_000,
                 InterruptModeration.HIGH: 125_000_000, InterruptModeration.ADAPTIVE: 50_000_000}
"""Time between two messages that each asks for; no page gives any. A throttle that does not adapt takes the middle. assumed"""


class PowerState(IntEnum):
    """NDIS_DEVICE_POWER_STATE."""

    UNSPECIFIED = 0
    D0 = 1
    D1 = 2
    D2 = 3
    D3 = 4


class MediaConnectState(IntEnum):
    """NET_IF_MEDIA_CONNECT_STATE."""

    UNKNOWN = 0
    CONNECTED = 1
    DISCONNECTED = 2


SURPRISE_REMOVED = "NdisDevicePnPEventSurpriseRemoved"     # NET_DEVICE_PNP_EVENT: the device is gone
HYPERVISOR_PRESENT = HypervisorFlags.HYPERVISOR_PRESENT
VMQ_FILTERS_ENABLED = FilterTypes.VMQ_FILTERS
FILTER_TEST_EQUAL = FilterTests.EQUAL
FILTER_HEADER_MAC = FilterHeaders.MAC
MAC_FIELD_DEST_ADDR = MacHeaderFields.DEST_ADDR
MAC_FIELD_VLAN_ID = MacHeaderFields.VLAN_ID
FIELD_VLAN_UNTAGGED_OR_ZERO = FieldFlags.VLAN_UNTAGGED_OR_ZERO
FRAME_HEADER_MAC = FrameHeader.MAC
PACKET_FILTER_DIRECTED = PacketFilter.DIRECTED
PACKET_FILTER_MULTICAST = PacketFilter.MULTICAST
PACKET_FILTER_BROADCAST = PacketFilter.BROADCAST

PF_FUNCTION_ID = 0xFFFF                # NDIS_PF_FUNCTION_ID
INVALID_VF_FUNCTION_ID = 0xFFFF
INVALID_RID = 0xFFFFFFFF
INVALID_SWITCH_ID = 0xFFFFFFFF
INVALID_VPORT_ID = 0xFFFFFFFF
DEFAULT_SWITCH_ID = 0
DEFAULT_VPORT_ID = 0
DEFAULT_RECEIVE_QUEUE_ID = 0
DEFAULT_RECEIVE_FILTER_ID = 0
ATTRIBUTE_BUS_MASTER = 0x8             # NDIS_MINIPORT_ATTRIBUTES_BUS_MASTER
INTERFACE_PCI = 5                      # NdisInterfacePci


def make_rid(segment: int, bus: int, function: int) -> int:
    """NDIS_MAKE_RID: the layout is not public; ours puts the PCIe requester id in the low half.

    >>> hex(make_rid(0, 3, 0x81))
    '0x381'
    """
    return segment << 16 | bus << 8 | function
