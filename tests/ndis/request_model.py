"""What the pages say of requests to a PF, as plain tables of what exists: who may ask, what is legal, what follows.

Nothing here looks at NDIS or a miniport. `refusals` gives the statuses with which a request must fail, by the order of
checks (OID-10): the first layer that has any decides, and within a layer any will do. `Tables.done` is what a success changes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from nicmodel.datasheet.ndis import (
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    PF_FUNCTION_ID,
    ROW_OF,
    Handler,
    Oid,
    RequestType,
    Status,
    VPortFlags,
)
from nicmodel.ndis.requests import Opener

QUERY, SET, METHOD = RequestType
BAD, SHORT, NOT_SUPPORTED, GONE, FAILURE, RESOURCES = (
    Status.INVALID_PARAMETER, Status.INVALID_LENGTH, Status.NOT_SUPPORTED, Status.FILE_NOT_FOUND, Status.FAILURE,
    Status.RESOURCES)
REMOVALS = {Oid.NIC_SWITCH_DELETE_SWITCH, Oid.NIC_SWITCH_FREE_VF, Oid.RECEIVE_FILTER_CLEAR_FILTER}
D0, D1, D2, D3 = 1, 2, 3, 4
CONFIG_BYTES, NAME_CHANGED = 4096, 1 << 16
STATE_FLAG, VPORT_NAME_FLAG, AFFINITY_FLAG, MODERATION_FLAG = (
    VPortFlags.STATE_CHANGED, VPortFlags.NAME_CHANGED, VPortFlags.PROCESSOR_AFFINITY_CHANGED, VPortFlags.INT_MOD_CHANGED)
MODERATIONS = (1, 2, 100, 200, 300)
BLOCK_BYTES, WRITABLE = {0: 8, 1: 8, 2: 8, 64: 16}, {64}
REAL_BARS = (0, 3)


@dataclass
class Vf:
    owner: str
    mac: int
    power: int = D0


@dataclass
class VPort:
    function: int
    owner: str
    pairs: int
    active: bool


@dataclass
class Filter:
    owner: str
    vport: int
    mac: int
    vlan: int                                  # 0: untagged


class FilterTests(NamedTuple):
    """The tests of a SET_FILTER: as bytes, how many, and what a miniport that offers what ours does must say of them."""

    data: bytes
    count: int
    refusal: Status | None
    mac: int = 0
    vlan: int = 0


@dataclass
class Ask:
    """One request as drawn: members without header, the harm done to header and length, who asks, what follows."""

    kind: RequestType
    oid: Oid
    opener: Opener
    members: dict[str, Any]
    data: bytes = b""
    bad_header: bool = False
    length: int | None = None
    tests: FilterTests | None = None

    @property
    def key(self) -> tuple[RequestType, Oid]:
        return self.kind, self.oid

    def room(self, offset: int, nbytes: int) -> set[Status]:
        """Whether these bytes are in the buffer, behind the structure."""
        size = ROW_OF[self.oid].structure.NDIS_SIZEOF
        if offset < size:
            return {BAD}
        return set() if offset + nbytes <= size + len(self.data) else {SHORT}


@dataclass
class Tables:
    """The switch as the pages see it. ``announced`` VFs, ``num_vfs`` of them on it; a static one takes no other number."""

    static: bool
    announced: int
    pf_vports: int
    filter_room: int
    num_vfs: int = 0
    switch: bool = False
    vfs: dict[int, Vf] = field(default_factory=dict)
    vports: dict[int, VPort] = field(default_factory=dict)
    filters: dict[int, Filter] = field(default_factory=dict)
    filter_ids: set[int] = field(default_factory=set)          # that have ever been given
    takes_requests: bool = True                                # False from low power, or a removal, on

    def create(self, num_vfs: int) -> None:
        self.switch, self.num_vfs = True, num_vfs
        self.vports = {0: VPort(PF_FUNCTION_ID, "NDIS", 1, True)}

    def vport_of(self, vf: int) -> int | None:
        return next((number for number, each in self.vports.items() if each.function == vf), None)

    def state(self, vf: int) -> str:
        """V0 to V3 of the state table."""
        if vf >= self.num_vfs:
            return "V0"
        return "V1" if vf not in self.vfs else "V2" if self.vport_of(vf) is None else "V3"

    def owned(self, table: dict[int, Any], number: int, ask: Ask) -> set[Status]:
        return set() if number in table and table[number].owner == ask.opener.name else {BAD}

    def on(self, vport: int) -> list[Filter]:
        return [each for each in self.filters.values() if each.vport == vport]

    def may_filter(self, vport: int, ask: Ask) -> bool:
        return vport in self.vports and (vport == 0 or self.vports[vport].owner == ask.opener.name)

    def refusals(self, ask: Ask) -> set[Status]:
        """Empty if the request is legal."""
        row = ROW_OF[ask.oid]
        if row.handler_by_kind.get(ask.kind) is not Handler.PF or ask.opener.issuer not in row.issuers_of(ask.kind):
            return {NOT_SUPPORTED}
        if ask.length is not None and ask.length < row.min_length or \
                row.structure.NDIS_SIZEOF + len(ask.data) < row.min_length:
            return {SHORT}
        if ask.bad_header:
            return {seen(ask.oid, BAD)}
        members = MEMBERS[ask.oid](self, ask, ask.members) | (set() if self.takes_requests else {Status.NOT_ACCEPTED})
        found = members or SCARCE.get(ask.oid, lambda *_: set())(self, ask, ask.members)
        return {seen(ask.oid, status) for status in found}


def seen(oid: Oid, status: Status) -> Status:
    """OID-09: who asks for a removal is told that what it named is not there."""
    return GONE if status == BAD and oid in REMOVALS else status


def may_see(oid: Oid, status: Status) -> bool:
    """Whether a caller may be given this: the row's statuses, and what NDIS says of any request at all (GEN-OID-03 to -05)."""
    row = ROW_OF[oid]
    return status in (row.caller_statuses or row.statuses) or status in (
        Status.NOT_SUPPORTED, Status.NOT_ACCEPTED, Status.REQUEST_ABORTED)


# what members must be ------------------------------------------------------------------------------------

Check = Callable[[Tables, Ask, dict[str, Any]], set[Status]]


def bad_unless(*conditions: Any) -> set[Status]:
    return set() if all(conditions) else {BAD}


def create_switch(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    fits = m["NumVFs"] == t.announced if t.static else m["NumVFs"] <= t.announced
    return bad_unless(not t.switch, m["SwitchId"] == 0, m["SwitchType"] == 1, fits)


def delete_switch(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return bad_unless(t.switch, m["SwitchId"] == 0, not t.vfs, not t.filters, set(t.vports) <= {0})


def set_switch(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return bad_unless(t.switch, m["SwitchId"] == 0, m["Flags"] in (0, NAME_CHANGED))


def allocate(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return bad_unless(t.switch, m["SwitchId"] == 0, m["VFId"] == INVALID_VF_FUNCTION_ID, m["RequestorId"] == INVALID_RID,
                      m["MacAddressLength"] == 6)


def free(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return t.owned(t.vfs, m["VFId"], ask) or bad_unless(t.state(m["VFId"]) == "V2")


def create_vport(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    function = m["AttachedFunctionId"]
    attachable = m["ProcessorAffinity"].Mask.bit_count() == 1 if function == PF_FUNCTION_ID else t.state(function) == "V2"
    others = {each.pairs for number, each in t.vports.items() if number}
    return bad_unless(t.switch, m["SwitchId"] == 0, m["VPortId"] == 0, attachable, m["NumQueuePairs"] in (1, 2),
                      others <= {m["NumQueuePairs"]})


def set_vport(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    flags, vport = m["Flags"], t.vports.get(m["VPortId"])
    if vport is None:
        return {BAD}
    of_pf = vport.function == PF_FUNCTION_ID
    return bad_unless(
        m["SwitchId"] == 0, m["LookaheadSize"] == 0,
        not flags & ~(STATE_FLAG | VPORT_NAME_FLAG | AFFINITY_FLAG | MODERATION_FLAG),
        not flags & MODERATION_FLAG or m["InterruptModeration"] in MODERATIONS,
        not flags & STATE_FLAG or m["VPortState"] == 1,
        not flags & AFFINITY_FLAG or (of_pf and m["ProcessorAffinity"].Mask.bit_count() == 1))


def delete_vport(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return t.owned(t.vports, m["VPortId"], ask) | bad_unless(m["VPortId"] != 0, not t.on(m["VPortId"]))


def set_filter(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    assert ask.tests is not None
    place = bad_unless(m["FilterType"] == 1, m["QueueId"] == 0, m["FilterId"] == 0, t.may_filter(m["VPortId"], ask))
    return place | ({ask.tests.refusal} if ask.tests.refusal else set())


def move_filter(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    number = m["FilterId"]
    return t.owned(t.filters, number, ask) or bad_unless(
        t.filters[number].vport == m["SourceVPortId"], t.may_filter(m["DestVPortId"], ask),
        m["SourceQueueId"] == m["DestQueueId"] == 0)


def clear_filter(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return t.owned(t.filters, m["FilterId"], ask) | bad_unless(m["QueueId"] == 0)


def config_space(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    inside = m["Length"] > 0 and m["Offset"] + m["Length"] <= CONFIG_BYTES
    return ask.room(m["BufferOffset"], m["Length"]) | bad_unless(m["VFId"] in t.vfs, inside)


def config_block(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    written = ask.kind is SET
    fits = 0 < m["Length"] <= BLOCK_BYTES.get(m["BlockId"], 0)
    return ask.room(m["BufferOffset"], m["Length"]) | bad_unless(
        m["VFId"] in t.vfs, fits, not written or m["BlockId"] in WRITABLE)


def of_a_vf(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return bad_unless(m["VFId"] in t.vfs)


def power(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    wake = m["WakeEnable"] == 0 or (m["WakeEnable"] == 1 and m["PowerState"] != D0)
    found = bad_unless(m["VFId"] in t.vfs, D0 <= m["PowerState"] <= D3, wake)
    return found or ({NOT_SUPPORTED} if m["PowerState"] in (D1, D2) else set())


def probed_bars(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return ask.room(m["BaseRegisterValuesOffset"], 24)


def bar(t: Tables, ask: Ask, m: dict[str, Any]) -> set[Status]:
    return ask.room(m["BarResourcesOffset"], 20) | bad_unless(m["VFId"] in t.vfs, m["BarIndex"] in REAL_BARS)


MEMBERS: dict[Oid, Check] = {
    Oid.NIC_SWITCH_CREATE_SWITCH: create_switch, Oid.NIC_SWITCH_DELETE_SWITCH: delete_switch,
    Oid.NIC_SWITCH_PARAMETERS: set_switch, Oid.NIC_SWITCH_ALLOCATE_VF: allocate, Oid.NIC_SWITCH_FREE_VF: free,
    Oid.NIC_SWITCH_CREATE_VPORT: create_vport, Oid.NIC_SWITCH_VPORT_PARAMETERS: set_vport,
    Oid.NIC_SWITCH_DELETE_VPORT: delete_vport, Oid.RECEIVE_FILTER_SET_FILTER: set_filter,
    Oid.RECEIVE_FILTER_MOVE_FILTER: move_filter, Oid.RECEIVE_FILTER_CLEAR_FILTER: clear_filter,
    Oid.SRIOV_READ_VF_CONFIG_SPACE: config_space, Oid.SRIOV_WRITE_VF_CONFIG_SPACE: config_space,
    Oid.SRIOV_READ_VF_CONFIG_BLOCK: config_block, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK: config_block,
    Oid.SRIOV_RESET_VF: of_a_vf, Oid.SRIOV_VF_VENDOR_DEVICE_ID: of_a_vf, Oid.SRIOV_SET_VF_POWER_STATE: power,
    Oid.SRIOV_PROBED_BARS: probed_bars, Oid.SRIOV_BAR_RESOURCES: bar,
}
"""Every request that a PF's miniport serves."""

SCARCE: dict[Oid, Check] = {
    Oid.NIC_SWITCH_ALLOCATE_VF: lambda t, ask, m: {RESOURCES} if len(t.vfs) >= t.num_vfs else set(),
    Oid.NIC_SWITCH_CREATE_VPORT: lambda t, ask, m: {RESOURCES} if m["AttachedFunctionId"] == PF_FUNCTION_ID
    and t.pf_vports <= sum(each.function == PF_FUNCTION_ID for number, each in t.vports.items() if number) else set(),
    Oid.RECEIVE_FILTER_SET_FILTER: lambda t, ask, m: {FAILURE, RESOURCES} if len(t.filters) >= t.filter_room else set(),
}
"""What can be used up."""


# what a success changes ------------------------------------------------------------------------------------

def done(t: Tables, ask: Ask, structure: Any) -> None:
    """``structure`` is the caller's, as it came back."""
    change = CHANGES.get(ask.oid)
    if change is not None:
        change(t, ask, structure)


def allocated(t: Tables, ask: Ask, s: Any) -> None:
    assert t.state(s.VFId) == "V1" and s.RequestorId == 0x180 + 2 * s.VFId
    t.vfs[s.VFId] = Vf(ask.opener.name, int.from_bytes(bytes(s.CurrentMacAddress)[:6], "big"))


def vport_created(t: Tables, ask: Ask, s: Any) -> None:
    of_pf = s.AttachedFunctionId == PF_FUNCTION_ID
    assert s.VPortId not in t.vports and 0 < s.VPortId <= t.announced + t.pf_vports and s.VPortState == (2 if of_pf else 1)
    t.vports[s.VPortId] = VPort(s.AttachedFunctionId, ask.opener.name, s.NumQueuePairs, not of_pf)


def vport_changed(t: Tables, ask: Ask, s: Any) -> None:
    if s.Flags & STATE_FLAG:
        t.vports[s.VPortId].active = True


def filter_set(t: Tables, ask: Ask, s: Any) -> None:
    assert s.FilterId and s.FilterId not in t.filter_ids and ask.tests is not None
    t.filter_ids.add(s.FilterId)
    t.filters[s.FilterId] = Filter(ask.opener.name, s.VPortId, ask.tests.mac, ask.tests.vlan)


def switch_deleted(t: Tables, ask: Ask, s: Any) -> None:
    t.switch, t.vports = False, {}
    t.num_vfs = t.announced if t.static else 0


def filter_moved(t: Tables, ask: Ask, s: Any) -> None:
    t.filters[s.FilterId].vport = s.DestVPortId


def power_set(t: Tables, ask: Ask, s: Any) -> None:
    t.vfs[s.VFId].power = s.PowerState


CHANGES: dict[Oid, Callable[[Tables, Ask, Any], None]] = {
    Oid.NIC_SWITCH_CREATE_SWITCH: lambda t, ask, s: t.create(s.NumVFs),
    Oid.NIC_SWITCH_DELETE_SWITCH: switch_deleted,
    Oid.NIC_SWITCH_ALLOCATE_VF: allocated,
    Oid.NIC_SWITCH_FREE_VF: lambda t, ask, s: t.vfs.pop(s.VFId),
    Oid.NIC_SWITCH_CREATE_VPORT: vport_created,
    Oid.NIC_SWITCH_VPORT_PARAMETERS: vport_changed,
    Oid.NIC_SWITCH_DELETE_VPORT: lambda t, ask, s: t.vports.pop(s.VPortId),
    Oid.RECEIVE_FILTER_SET_FILTER: filter_set,
    Oid.RECEIVE_FILTER_MOVE_FILTER: filter_moved,
    Oid.RECEIVE_FILTER_CLEAR_FILTER: lambda t, ask, s: t.filters.pop(s.FilterId),
    Oid.SRIOV_SET_VF_POWER_STATE: power_set,
}
