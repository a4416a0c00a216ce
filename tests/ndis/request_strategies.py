"""Requests to draw: members that are good more often than not, what follows them, and the tests of a filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from life_bench import NUM_VFS
from request_model import (
    AFFINITY_FLAG,
    BAD,
    MEMBERS,
    MODERATION_FLAG,
    MODERATIONS,
    NAME_CHANGED,
    SHORT,
    STATE_FLAG,
    VPORT_NAME_FLAG,
    FilterTests,
    Tables,
)

from nicmodel.datasheet.ndis import (
    FIELD_VLAN_UNTAGGED_OR_ZERO,
    FRAME_HEADER_MAC,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    PF_FUNCTION_ID,
    ROW_OF,
    Handler,
    Issuer,
    MacHeaderField,
    Oid,
    RequestType,
    Status,
)
from nicmodel.datasheet.ndis_structures import CountedName, FilterFieldParameters, GroupAffinity, address, made
from nicmodel.ndis.requests import APPLICATION, NDIS, STACK, Opener

OTHER = Opener("another protocol", Issuer.VS)
OPENERS = [STACK, STACK, STACK, STACK, OTHER, NDIS, APPLICATION]
KINDS_OF = [(kind, row.oid) for row in ROW_OF.values() for kind, handler in row.handler_by_kind.items() if handler is Handler.PF]
OF_NO_KIND = [(kind, row.oid) for row in ROW_OF.values() for kind in RequestType
              if row.handler_by_kind.get(kind) in (None, Handler.VF)]
OF_THE_SWITCH = [oid for oid in MEMBERS if oid.name.startswith(("NIC_SWITCH", "RECEIVE_FILTER"))]
MACS, VLANS = [0x020000000A00 + i for i in range(4)], [0, 7, 39]


# the tests of a filter -------------------------------------------------------------------------------------

def field(header_field: int, value: bytes, **members: int) -> bytes:
    test = made(FilterFieldParameters, FrameHeader=FRAME_HEADER_MAC, ReceiveFilterTest=1, HeaderField=header_field)
    for name, member in members.items():
        setattr(test, name, member)
    test.FieldValue[:len(value)] = list(value)
    return bytes(test)


def to_mac(mac: int, **members: int) -> bytes:
    return field(MacHeaderField.DESTINATION_ADDRESS, mac.to_bytes(6, "big"), **members)


def in_vlan(vlan: int) -> bytes:
    return field(MacHeaderField.VLAN_ID, vlan.to_bytes(2, "big"))


def good_tests(mac: int, vlan: int) -> FilterTests:
    if vlan:
        return FilterTests(to_mac(mac) + in_vlan(vlan), 2, None, mac, vlan)
    return FilterTests(to_mac(mac, Flags=FIELD_VLAN_UNTAGGED_OR_ZERO), 1, None, mac)


MAC = MACS[0]
GOOD_TESTS = [good_tests(mac, vlan) for mac in MACS for vlan in VLANS]
BAD_TESTS = [
    FilterTests(to_mac(MAC), 1, BAD), FilterTests(in_vlan(7), 1, BAD), FilterTests(b"", 0, BAD),
    FilterTests(to_mac(MAC) + in_vlan(4095), 2, BAD), FilterTests(b"\x81" + to_mac(MAC)[1:], 1, BAD),
    FilterTests(to_mac(MAC, Flags=FIELD_VLAN_UNTAGGED_OR_ZERO) + in_vlan(7), 2, BAD),
    FilterTests(to_mac(MAC), 2, SHORT), FilterTests(to_mac(MAC)[:-1], 1, SHORT),
    FilterTests(field(MacHeaderField.SOURCE_ADDRESS, bytes(6)), 1, Status.NOT_SUPPORTED),
    FilterTests(to_mac(MAC, ReceiveFilterTest=2), 1, Status.NOT_SUPPORTED)]


def of_a_vm(mac: int) -> dict[str, Any]:
    """VF-ALLOC-04: names and addresses of the VM that a VF is for."""
    return dict(VMName=CountedName.of("web"), VMFriendlyName=CountedName.of("web"), NicName=CountedName.of("web adapter"),
                PermanentMacAddress=address(mac), CurrentMacAddress=address(mac))


# members ----------------------------------------------------------------------------------------------------

def members_of(data: st.DataObject, t: Tables, oid: Oid, opener: Opener) -> tuple[dict[str, Any], bytes, FilterTests | None]:
    follows, tests = b"", None

    def draw(values: Any) -> Any:
        return data.draw(st.sampled_from(list(values)))

    def mostly(good: Any, *others: Any) -> Any:
        return draw([good] * 9 + list(others))

    def known(table: Sequence[int], *others: int) -> int:
        return draw([*table] * 4 + list(others))

    mine = [number for number, each in t.filters.items() if each.owner == opener.name]
    members: dict[str, Any] = {}
    match oid:
        case Oid.NIC_SWITCH_CREATE_SWITCH:
            members = dict(SwitchType=mostly(1, 0, 2), SwitchId=mostly(0, 1), NumVFs=draw([0, 2, 3, 3, 3, 4]),
                           SwitchFriendlyName=CountedName.of("Default Switch"))
        case Oid.NIC_SWITCH_DELETE_SWITCH:
            members = dict(SwitchId=mostly(0, 1))
        case Oid.NIC_SWITCH_PARAMETERS:
            members = dict(SwitchId=mostly(0, 1), Flags=draw([0, NAME_CHANGED, NAME_CHANGED, 1 << 17]),
                           SwitchFriendlyName=CountedName.of(draw(["Blue", "Red"])))
        case Oid.NIC_SWITCH_ALLOCATE_VF:
            members = dict(SwitchId=mostly(0, 1), VFId=mostly(INVALID_VF_FUNCTION_ID, 0),
                           RequestorId=mostly(INVALID_RID, 0x180), MacAddressLength=mostly(6, 0, 33),
                           **of_a_vm(draw(MACS)))
        case Oid.NIC_SWITCH_CREATE_VPORT:
            members = dict(SwitchId=mostly(0, 1), VPortId=mostly(0, 1), NumQueuePairs=mostly(1, 0, 2, 2, 2, 3),
                           AttachedFunctionId=known([*t.vfs], PF_FUNCTION_ID, NUM_VFS, 0),
                           ProcessorAffinity=GroupAffinity(Mask=mostly(4, 0, 3)))
        case Oid.NIC_SWITCH_VPORT_PARAMETERS:
            members = dict(SwitchId=mostly(0, 1), VPortId=known([*t.vports], 9), VPortState=mostly(1, 0, 2),
                           LookaheadSize=mostly(0, 64), ProcessorAffinity=GroupAffinity(Mask=mostly(8, 0, 6)), Flags=draw(
                               [0, STATE_FLAG, STATE_FLAG, VPORT_NAME_FLAG, AFFINITY_FLAG, STATE_FLAG | AFFINITY_FLAG,
                                MODERATION_FLAG, 1 << 23]), InterruptModeration=mostly(draw(MODERATIONS), 0, 3),
                           VPortName=CountedName.of(draw(["port", "other"])))
        case Oid.NIC_SWITCH_DELETE_VPORT:
            members = dict(VPortId=known([*t.vports], 9))
        case Oid.RECEIVE_FILTER_SET_FILTER:
            tests = draw(GOOD_TESTS * 2 + BAD_TESTS)
            follows = tests.data
            members = dict(FilterType=mostly(1, 0, 2), QueueId=mostly(0, 1), FilterId=mostly(0, 1),
                           VPortId=known([*t.vports], 9), FieldParametersArrayOffset=44,
                           FieldParametersArrayNumElements=tests.count, FieldParametersArrayElementSize=56)
        case Oid.RECEIVE_FILTER_MOVE_FILTER:
            number = known(mine or [*t.filters], *t.filters, 999)
            at = t.filters[number].vport if number in t.filters else 0
            members = dict(FilterId=number, SourceVPortId=mostly(at, 0, 1), DestVPortId=known([*t.vports], 9),
                           SourceQueueId=mostly(0, 1), DestQueueId=mostly(0, 1))
        case Oid.RECEIVE_FILTER_CLEAR_FILTER:
            members = dict(FilterId=known(mine or [*t.filters], *t.filters, 999), QueueId=mostly(0, 1))
        case Oid.SRIOV_PROBED_BARS:
            members, follows = dict(BaseRegisterValuesOffset=mostly(8, 4, 12)), bytes(24)
        case _:
            members = dict(VFId=known([*t.vfs], *range(NUM_VFS + 1), PF_FUNCTION_ID))
    match oid:
        case Oid.SRIOV_READ_VF_CONFIG_SPACE | Oid.SRIOV_WRITE_VF_CONFIG_SPACE:
            members |= dict(Offset=draw([0x3C, 0x40, 4092, 4094]), Length=mostly(4, 0, 2), BufferOffset=mostly(20, 16, 22))
            follows = bytes(range(4))
        case Oid.SRIOV_READ_VF_CONFIG_BLOCK | Oid.SRIOV_WRITE_VF_CONFIG_BLOCK:
            members |= dict(BlockId=draw([0, 1, 2, 64, 64, 64, 3]), Length=mostly(8, 0, 16, 17), BufferOffset=mostly(20, 16, 24))
            follows = bytes(range(16))
        case Oid.SRIOV_SET_VF_POWER_STATE:
            members |= dict(PowerState=draw([0, 1, 1, 1, 2, 3, 4, 4, 4, 5]), WakeEnable=mostly(0, 1, 2))
        case Oid.SRIOV_BAR_RESOURCES:
            members |= dict(BarIndex=draw([0, 3, 3, 1, 2, 6]), BarResourcesOffset=mostly(12, 8, 13))
            follows = bytes(20)
    return members, follows, tests
