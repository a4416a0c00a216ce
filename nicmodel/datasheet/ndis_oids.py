"""OID requests: codes, who issues and who finally handles each kind of them, structures, lengths, statuses.

``OIDS`` is the one table; everything below it is derived from it. Where pages disagree about the kind of a request, the
request's own page decides (C-03 in docs/ndis.md).
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import NamedTuple

from nicmodel.datasheet.ndis_capabilities import (
    NicSwitchCapabilitiesStructure,
    ReceiveFilterCapabilitiesStructure,
    SriovCapabilitiesStructure,
)
from nicmodel.datasheet.ndis_enums import RequestType
from nicmodel.datasheet.ndis_filters import (
    FilterClearParameters,
    FilterMoveParameters,
    ReceiveFilterInfoArray,
    ReceiveFilterParameters,
)
from nicmodel.datasheet.ndis_object import NdisStructure
from nicmodel.datasheet.ndis_sriov import (
    BarResourcesInfo,
    ConfigStateParameters,
    InvalidateConfigBlockInfo,
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
from nicmodel.datasheet.ndis_status import Status
from nicmodel.datasheet.ndis_switch import (
    DeleteSwitchParameters,
    DeleteVPortParameters,
    FreeVfParameters,
    NicSwitchParameters,
    SwitchInfoArray,
    VfInfoArray,
    VfParameters,
    VPortInfoArray,
    VPortParameters,
)


class Oid(IntEnum):
    """Codes are not consecutive hexadecimal: from ..239 to ..240, ..249 to ..250, ..259 to ..260."""

    GEN_SUPPORTED_LIST = 0x00010101
    GEN_TRANSMIT_BUFFER_SPACE = 0x00010108
    GEN_RECEIVE_BUFFER_SPACE = 0x00010109
    GEN_TRANSMIT_BLOCK_SIZE = 0x0001010A
    GEN_RECEIVE_BLOCK_SIZE = 0x0001010B
    GEN_VENDOR_ID = 0x0001010C
    GEN_VENDOR_DESCRIPTION = 0x0001010D
    GEN_CURRENT_PACKET_FILTER = 0x0001010E
    GEN_CURRENT_LOOKAHEAD = 0x0001010F
    GEN_MAXIMUM_TOTAL_SIZE = 0x00010111
    GEN_VENDOR_DRIVER_VERSION = 0x00010116
    GEN_RECEIVE_SCALE_PARAMETERS = 0x00010204
    GEN_LINK_PARAMETERS = 0x00010208
    GEN_INTERRUPT_MODERATION = 0x00010209
    GEN_XMIT_OK = 0x00020101
    GEN_RCV_OK = 0x00020102
    GEN_STATISTICS = 0x00020106
    RECEIVE_FILTER_HARDWARE_CAPABILITIES = 0x00010221
    RECEIVE_FILTER_SET_FILTER = 0x00010227
    RECEIVE_FILTER_CLEAR_FILTER = 0x00010228
    RECEIVE_FILTER_ENUM_FILTERS = 0x00010229
    RECEIVE_FILTER_PARAMETERS = 0x0001022A
    RECEIVE_FILTER_CURRENT_CAPABILITIES = 0x0001022D
    NIC_SWITCH_HARDWARE_CAPABILITIES = 0x0001022E
    NIC_SWITCH_CURRENT_CAPABILITIES = 0x0001022F
    RECEIVE_FILTER_MOVE_FILTER = 0x00010230
    NIC_SWITCH_CREATE_SWITCH = 0x00010237
    NIC_SWITCH_PARAMETERS = 0x00010238
    NIC_SWITCH_DELETE_SWITCH = 0x00010239
    NIC_SWITCH_ENUM_SWITCHES = 0x00010240
    NIC_SWITCH_CREATE_VPORT = 0x00010241
    NIC_SWITCH_VPORT_PARAMETERS = 0x00010242
    NIC_SWITCH_ENUM_VPORTS = 0x00010243
    NIC_SWITCH_DELETE_VPORT = 0x00010244
    NIC_SWITCH_ALLOCATE_VF = 0x00010245
    NIC_SWITCH_FREE_VF = 0x00010246
    NIC_SWITCH_VF_PARAMETERS = 0x00010247
    NIC_SWITCH_ENUM_VFS = 0x00010248
    SRIOV_HARDWARE_CAPABILITIES = 0x00010249
    SRIOV_CURRENT_CAPABILITIES = 0x00010250
    SRIOV_READ_VF_CONFIG_SPACE = 0x00010251
    SRIOV_WRITE_VF_CONFIG_SPACE = 0x00010252
    SRIOV_READ_VF_CONFIG_BLOCK = 0x00010253
    SRIOV_WRITE_VF_CONFIG_BLOCK = 0x00010254
    SRIOV_RESET_VF = 0x00010255
    SRIOV_SET_VF_POWER_STATE = 0x00010256
    SRIOV_VF_VENDOR_DEVICE_ID = 0x00010257
    SRIOV_PROBED_BARS = 0x00010258
    SRIOV_BAR_RESOURCES = 0x00010259
    SRIOV_PF_LUID = 0x00010260
    SRIOV_CONFIG_STATE = 0x00010261
    SRIOV_VF_SERIAL_NUMBER = 0x00010262
    SRIOV_OVERLYING_ADAPTER_INFO = 0x00010268
    SRIOV_VF_INVALIDATE_CONFIG_BLOCK = 0x00010269
    PNP_SET_POWER = 0xFD010101


class Issuer(Enum):
    """Who may ask. VS is the virtualization stack and any other overlying driver, APP a user-mode application,
    NETVSC the synthetic NIC's client in a guest."""

    NDIS = "NDIS"
    VS = "VS"
    APP = "app"
    NETVSC = "NetVSC"


class Handler(Enum):
    """Who finally handles a request: NDIS itself, the PF's miniport, a VF's miniport."""

    NDIS = "N"
    PF = "P"
    VF = "V"


class OidRow(NamedTuple):
    """One request. ``statuses`` are those its handler may complete it with; ``caller_statuses`` those the caller sees
    where NDIS answers for the driver, empty where they are the same."""

    oid: Oid
    issuers: tuple[Issuer, ...]
    handler_by_kind: dict[RequestType, Handler]
    structure: type[NdisStructure]
    statuses: tuple[Status, ...]
    source: str
    caller_statuses: tuple[Status, ...] = ()
    owner: str = ""                    # whose request alone counts, where that is limited
    version: int = 630

    @property
    def code(self) -> int:
        """The number in NDIS_OID_REQUEST.DATA."""
        return int(self.oid)

    @property
    def min_length(self) -> int:
        """The shortest buffer: without array elements, and without data whose length the request names."""
        tail = self.structure.TAIL
        return self.structure.NDIS_SIZEOF + (tail.length if tail is not None and isinstance(tail.length, int) else 0)

    @property
    def kinds(self) -> tuple[RequestType, ...]:
        """The request types in which this OID exists."""
        return tuple(self.handler_by_kind)

    def issuers_of(self, kind: RequestType) -> tuple[Issuer, ...]:
        """Who may issue it in this kind: applications reach only what NDIS answers."""
        return tuple(i for i in self.issuers if i is not Issuer.APP or self.handler_by_kind[kind] is Handler.NDIS)


Q, S, M = RequestType.QUERY, RequestType.SET, RequestType.METHOD
N, P, V = Handler.NDIS, Handler.PF, Handler.VF
NDIS, VS, APP, NETVSC = Issuer.NDIS, Issuer.VS, Issuer.APP, Issuer.NETVSC

STD4 = (Status.SUCCESS, Status.NOT_SUPPORTED, Status.INVALID_LENGTH, Status.FAILURE)
STD5 = (*STD4, Status.INVALID_PARAMETER)
CREATE = (*STD5, Status.RESOURCES)     # the last by the handling pages, not the requests' own
DELETE = (Status.SUCCESS, Status.PENDING, Status.NOT_ACCEPTED, Status.REQUEST_ABORTED)
DELETE_SEEN = (Status.SUCCESS, Status.NOT_SUPPORTED, Status.FILE_NOT_FOUND, Status.INVALID_LENGTH)
CLEAR_SEEN = (Status.SUCCESS, Status.FILE_NOT_FOUND, Status.INVALID_LENGTH)
HEADER_ONLY = "ntddndis.h; statuses assumed"

OIDS: tuple[OidRow, ...] = (
    OidRow(Oid.NIC_SWITCH_HARDWARE_CAPABILITIES, (VS, APP), {Q: N}, NicSwitchCapabilitiesStructure, STD4,
           "oid-nic-switch-hardware-capabilities"),
    OidRow(Oid.NIC_SWITCH_CURRENT_CAPABILITIES, (VS, APP), {Q: N}, NicSwitchCapabilitiesStructure, STD4,
           "oid-nic-switch-current-capabilities"),
    OidRow(Oid.NIC_SWITCH_CREATE_SWITCH, (NDIS,), {M: P}, NicSwitchParameters, STD5, "oid-nic-switch-create-switch"),
    OidRow(Oid.NIC_SWITCH_PARAMETERS, (VS, APP), {M: N, S: P}, NicSwitchParameters, (*STD5, Status.REINIT_REQUIRED),
           "oid-nic-switch-parameters"),
    OidRow(Oid.NIC_SWITCH_DELETE_SWITCH, (NDIS,), {S: P}, DeleteSwitchParameters, DELETE,
           "oid-nic-switch-delete-switch", DELETE_SEEN),
    OidRow(Oid.NIC_SWITCH_ENUM_SWITCHES, (VS, APP), {Q: N}, SwitchInfoArray, STD5, "oid-nic-switch-enum-switches"),
    OidRow(Oid.NIC_SWITCH_CREATE_VPORT, (VS,), {M: P}, VPortParameters, CREATE,
           "oid-nic-switch-create-vport"),
    OidRow(Oid.NIC_SWITCH_VPORT_PARAMETERS, (VS, APP), {M: N, S: P}, VPortParameters, STD5,
           "oid-nic-switch-vport-parameters"),
    OidRow(Oid.NIC_SWITCH_ENUM_VPORTS, (VS, APP), {M: N}, VPortInfoArray, STD5, "oid-nic-switch-enum-vports"),
    OidRow(Oid.NIC_SWITCH_DELETE_VPORT, (VS,), {S: P}, DeleteVPortParameters, STD5, "oid-nic-switch-delete-vport",
           owner="creator of the VPort"),
    OidRow(Oid.NIC_SWITCH_ALLOCATE_VF, (VS,), {M: P}, VfParameters, CREATE,
           "oid-nic-switch-allocate-vf"),
    OidRow(Oid.NIC_SWITCH_FREE_VF, (VS,), {S: P}, FreeVfParameters, (*DELETE, Status.INVALID_PARAMETER),
           "oid-nic-switch-free-vf", DELETE_SEEN, owner="allocator of the VF"),
    OidRow(Oid.NIC_SWITCH_VF_PARAMETERS, (VS, APP), {M: N}, VfParameters, STD5, "oid-nic-switch-vf-parameters"),
    OidRow(Oid.NIC_SWITCH_ENUM_VFS, (VS, APP), {M: N}, VfInfoArray, STD5, "oid-nic-switch-enum-vfs"),
    OidRow(Oid.SRIOV_HARDWARE_CAPABILITIES, (VS, APP), {Q: N}, SriovCapabilitiesStructure, STD4,
           "oid-sriov-hardware-capabilities"),
    OidRow(Oid.SRIOV_CURRENT_CAPABILITIES, (VS, APP), {Q: N}, SriovCapabilitiesStructure, STD4,
           "oid-sriov-current-capabilities"),
    OidRow(Oid.SRIOV_READ_VF_CONFIG_SPACE, (VS,), {M: P}, ReadConfigSpaceParameters, STD5,
           "oid-sriov-read-vf-config-space"),
    OidRow(Oid.SRIOV_WRITE_VF_CONFIG_SPACE, (VS,), {S: P}, WriteConfigSpaceParameters, STD5,
           "oid-sriov-write-vf-config-space"),
    OidRow(Oid.SRIOV_READ_VF_CONFIG_BLOCK, (VS, NDIS), {M: P}, ReadConfigBlockParameters, STD5,
           "oid-sriov-read-vf-config-block"),
    OidRow(Oid.SRIOV_WRITE_VF_CONFIG_BLOCK, (VS, NDIS), {S: P}, WriteConfigBlockParameters, STD5,
           "oid-sriov-write-vf-config-block"),
    OidRow(Oid.SRIOV_RESET_VF, (VS,), {S: P}, ResetVfParameters, STD5, "oid-sriov-reset-vf"),
    OidRow(Oid.SRIOV_SET_VF_POWER_STATE, (VS,), {S: P}, SetPowerStateParameters, STD5, "oid-sriov-set-vf-power-state"),
    OidRow(Oid.SRIOV_VF_VENDOR_DEVICE_ID, (VS,), {M: P}, VendorDeviceIdInfo, STD5, "oid-sriov-vf-vendor-device-id"),
    OidRow(Oid.SRIOV_PROBED_BARS, (NDIS,), {Q: P}, ProbedBarsInfo, STD5, "oid-sriov-probed-bars"),
    OidRow(Oid.SRIOV_BAR_RESOURCES, (NDIS,), {M: P}, BarResourcesInfo, STD5, "oid-sriov-bar-resources"),
    OidRow(Oid.SRIOV_PF_LUID, (VS,), {Q: N}, PfLuidInfo, STD4, "oid-sriov-pf-luid"),
    OidRow(Oid.SRIOV_CONFIG_STATE, (NDIS,), {S: V}, ConfigStateParameters, STD5, HEADER_ONLY),
    OidRow(Oid.SRIOV_VF_SERIAL_NUMBER, (NETVSC, VS), {Q: N}, VfSerialNumberInfo, STD4, "oid-sriov-vf-serial-number"),
    OidRow(Oid.SRIOV_OVERLYING_ADAPTER_INFO, (NDIS,), {S: V}, OverlyingAdapterInfo, STD5, HEADER_ONLY, version=670),
    OidRow(Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK, (NDIS,), {M: V}, InvalidateConfigBlockInfo, STD5,
           "oid-sriov-vf-invalidate-config-block"),
    OidRow(Oid.RECEIVE_FILTER_HARDWARE_CAPABILITIES, (VS, APP), {Q: N}, ReceiveFilterCapabilitiesStructure,
           (*STD4, Status.PENDING), "oid-receive-filter-hardware-capabilities"),
    OidRow(Oid.RECEIVE_FILTER_CURRENT_CAPABILITIES, (VS, APP), {Q: N}, ReceiveFilterCapabilitiesStructure,
           (*STD4, Status.PENDING), "oid-receive-filter-current-capabilities; statuses assumed"),
    OidRow(Oid.RECEIVE_FILTER_SET_FILTER, (VS,), {M: P}, ReceiveFilterParameters, (*STD5, Status.PENDING),
           "oid-receive-filter-set-filter"),
    OidRow(Oid.RECEIVE_FILTER_CLEAR_FILTER, (VS,), {S: P}, FilterClearParameters,
           (Status.SUCCESS, Status.PENDING, Status.NOT_ACCEPTED), "oid-receive-filter-clear-filter", CLEAR_SEEN,
           owner="setter of the filter"),
    OidRow(Oid.RECEIVE_FILTER_ENUM_FILTERS, (VS, APP), {M: N}, ReceiveFilterInfoArray,
           (Status.SUCCESS, Status.PENDING, Status.INVALID_LENGTH, Status.FAILURE), "oid-receive-filter-enum-filters"),
    OidRow(Oid.RECEIVE_FILTER_PARAMETERS, (VS, APP), {M: N}, ReceiveFilterParameters,
           (Status.SUCCESS, Status.PENDING, Status.INVALID_PARAMETER, Status.INVALID_LENGTH, Status.FAILURE),
           "oid-receive-filter-parameters"),
    OidRow(Oid.RECEIVE_FILTER_MOVE_FILTER, (VS,), {S: P}, FilterMoveParameters, STD5, "oid-receive-filter-move-filter"),
)

ROW_OF: dict[Oid, OidRow] = {row.oid: row for row in OIDS}

HANDLER_OF: dict[tuple[Oid, RequestType], Handler] = {
    (row.oid, kind): handler for row in OIDS for kind, handler in row.handler_by_kind.items()}
"""Who finally handles a request of this kind; a pair that is missing does not exist."""

PF_OIDS: tuple[Oid, ...] = tuple(row.oid for row in OIDS if P in row.handler_by_kind.values())
"""What a PF miniport must support and list (OID-02)."""

VF_OIDS: tuple[Oid, ...] = tuple(row.oid for row in OIDS
                                 if V in row.handler_by_kind.values() and row.source is not HEADER_ONLY)
"""What a VF miniport must support and list (OID-03); requests without a page are not demanded."""

NDIS_OIDS: tuple[Oid, ...] = tuple(row.oid for row in OIDS if set(row.handler_by_kind.values()) == {N})
"""What never reaches a miniport in any kind (OID-01)."""

PF_ONLY_REQUESTS: frozenset[tuple[Oid, RequestType]] = frozenset(pair for pair, to in HANDLER_OF.items() if to is P)
"""What a VF miniport must never accept (OID-04)."""

NDIS_ISSUED_OIDS: tuple[Oid, ...] = tuple(row.oid for row in OIDS if row.issuers == (NDIS,))
"""What no overlying driver may issue (OID-06)."""

VETOABLE_OIDS = (Oid.NIC_SWITCH_ALLOCATE_VF, Oid.NIC_SWITCH_CREATE_VPORT)
"""What an extension of the extensible switch may refuse (managing-hardware-offload-oid-requests-to-physical-network-adapters)."""

ANY_TIME_STATUSES = (Status.PENDING, Status.NOT_ACCEPTED, Status.REQUEST_ABORTED)
"""What MiniportOidRequest may answer to anything: not finished, device gone, reset under way (GEN-OID-02, 04, 05)."""

MANDATORY_QUERIES = (
    Oid.GEN_INTERRUPT_MODERATION, Oid.GEN_MAXIMUM_TOTAL_SIZE, Oid.GEN_RCV_OK, Oid.GEN_XMIT_OK,
    Oid.GEN_STATISTICS, Oid.GEN_RECEIVE_BLOCK_SIZE, Oid.GEN_TRANSMIT_BLOCK_SIZE,
    Oid.GEN_RECEIVE_BUFFER_SPACE, Oid.GEN_TRANSMIT_BUFFER_SPACE, Oid.GEN_VENDOR_ID,
    Oid.GEN_VENDOR_DESCRIPTION, Oid.GEN_VENDOR_DRIVER_VERSION)
MANDATORY_SETS = (
    Oid.GEN_CURRENT_LOOKAHEAD, Oid.GEN_CURRENT_PACKET_FILTER, Oid.GEN_INTERRUPT_MODERATION, Oid.GEN_LINK_PARAMETERS)
RSS_OIDS = (Oid.GEN_RECEIVE_SCALE_PARAMETERS,)
"""What a miniport that offers RSS supports, as a set; NDIS answers the query (oid-gen-receive-scale-parameters)."""

MANDATORY_OIDS: tuple[Oid, ...] = tuple(dict.fromkeys((*MANDATORY_QUERIES, *MANDATORY_SETS)))
"""What every miniport supports (mandatory-oids-for-miniport-drivers)."""


def may_answer(oid: Oid, status: Status) -> bool:
    """Whether a handler may complete this request with this status.

    >>> may_answer(Oid.NIC_SWITCH_FREE_VF, Status.FILE_NOT_FOUND), may_answer(Oid.SRIOV_RESET_VF, Status.PENDING)
    (False, True)
    """
    return status in ROW_OF[oid].statuses or status in ANY_TIME_STATUSES
