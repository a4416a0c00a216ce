"""What NDIS answers itself: from what the miniport registered, or from what passed by."""

from __future__ import annotations

from typing import Any

import pytest
from requests_bench import (
    FREE,
    METHOD,
    MOVE,
    NOT_OFFERED,
    OK,
    QUERY,
    VPORT_SET,
    Bench,
    to_mac,
)

from nicmodel.datasheet.ndis import (
    PF_FUNCTION_ID,
    ROW_OF,
    FilterEnumFlags,
    Oid,
    Status,
    VPortEnumFlags,
    VPortState,
)
from nicmodel.datasheet.ndis_buffers import unpack_array
from nicmodel.datasheet.ndis_structures import (
    CountedName,
    PfLuidInfo,
    ReceiveFilterInfoArray,
    ReceiveFilterParameters,
    SwitchInfoArray,
    VfInfoArray,
    VfSerialNumberInfo,
    VPortInfoArray,
)
from nicmodel.ndis.requests import APPLICATION, NdisRequests
from nicmodel.ndis.states import State

# what NDIS answers ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("oid", [Oid.SRIOV_HARDWARE_CAPABILITIES, Oid.SRIOV_CURRENT_CAPABILITIES,
                                 Oid.NIC_SWITCH_HARDWARE_CAPABILITIES, Oid.NIC_SWITCH_CURRENT_CAPABILITIES,
                                 Oid.RECEIVE_FILTER_HARDWARE_CAPABILITIES, Oid.RECEIVE_FILTER_CURRENT_CAPABILITIES])
def test_capabilities_are_those_reported(oid):
    bench = Bench()
    reported = getattr(bench.miniport.assist, "Hardware" + {"SRIOV": "Sriov", "NIC": "NicSwitch", "RECEIVE": "ReceiveFilter"}[
        oid.name.split("_")[0]] + "Capabilities").contents
    assert bench.ask(QUERY, oid, APPLICATION) == Status.SUCCESS
    assert bytes(bench.request.information) == bytes(reported)
    assert bench.request.bytes_written == ROW_OF[oid].min_length
    assert Bench(current=False).ask(QUERY, oid) == (NOT_OFFERED if "CURRENT" in oid.name else OK)


def test_luid_is_the_pfs_own_while_it_lives():
    first, second = Bench(), Bench()
    luids = []
    for bench in (first, second):
        assert bench.ask(QUERY, Oid.SRIOV_PF_LUID) == Status.SUCCESS
        luids.append(bytes(bench.request.information))
    assert luids[0] != luids[1] and len(luids[0]) == PfLuidInfo.NDIS_SIZEOF
    first.miniport.state = State.HALTED
    assert first.ask(QUERY, Oid.SRIOV_PF_LUID) == Status.NOT_SUPPORTED
    assert Bench(role="VF").ask(QUERY, Oid.SRIOV_PF_LUID) == Status.NOT_SUPPORTED


def test_serial_number_is_the_vfs():
    bench = Bench(role="VF")
    bench.requests = NdisRequests(bench.miniport, serial_number=41)
    assert bench.ask(QUERY, Oid.SRIOV_VF_SERIAL_NUMBER) == Status.SUCCESS
    assert VfSerialNumberInfo.from_buffer_copy(bench.request.information).SerialNumber == 41
    assert Bench().ask(QUERY, Oid.SRIOV_VF_SERIAL_NUMBER) == Status.NOT_SUPPORTED


def elements(bench: Bench, cls: Any) -> list[Any]:
    return unpack_array(cls, bytes(bench.request.information)[:cls.NDIS_SIZEOF] + bytes(bench.request.data))[1]


def test_switch_is_listed_as_it_is_now():
    bench = Bench()
    assert bench.ask(QUERY, Oid.NIC_SWITCH_ENUM_SWITCHES) == Status.SUCCESS and elements(bench, SwitchInfoArray) == []
    bench.with_switch()
    assert bench.ask(QUERY, Oid.NIC_SWITCH_ENUM_SWITCHES, data=bytes(571)) == Status.INVALID_LENGTH
    assert bench.request.bytes_needed == 16 + 572
    assert bench.ask(QUERY, Oid.NIC_SWITCH_ENUM_SWITCHES, data=bytes(572)) == Status.SUCCESS
    info, = elements(bench, SwitchInfoArray)
    assert (info.NumVFs, info.NumAllocatedVFs, info.NumVPorts, info.NumActiveVPorts, info.NumQueuePairsForDefaultVPort,
            info.NumQueuePairsForNonDefaultVPorts, info.NumActiveDefaultVPortMacAddresses,
            info.NumActiveNonDefaultVPortMacAddresses) == (3, 2, 4, 3, 1, 4, 1, 1)


@pytest.mark.parametrize("members, ids", [
    ({}, [0, 1, 2]), ({"Flags": VPortEnumFlags.ENUM_ON_SPECIFIC_SWITCH}, [0, 1, 2]),
    ({"Flags": VPortEnumFlags.ENUM_ON_SPECIFIC_FUNCTION, "AttachedFunctionId": PF_FUNCTION_ID}, [0, 2]),
    ({"Flags": VPortEnumFlags.ENUM_ON_SPECIFIC_FUNCTION, "AttachedFunctionId": 1}, [1]),
    ({"Flags": VPortEnumFlags.ENUM_ON_SPECIFIC_FUNCTION, "AttachedFunctionId": 0}, []),
    ({"Flags": VPortEnumFlags.ENUM_ON_SPECIFIC_FUNCTION, "AttachedFunctionId": 2}, None),
    ({"Flags": VPortEnumFlags.ENUM_ON_SPECIFIC_SWITCH, "SwitchId": 1}, None), ({"Flags": 3}, None), ({"Flags": 4}, None)])
def test_vports_are_listed_by_function_or_switch(members, ids):
    bench = Bench().with_switch()
    status = bench.ask(METHOD, Oid.NIC_SWITCH_ENUM_VPORTS, data=bytes(3 * 576), **members)
    assert status == (Status.INVALID_PARAMETER if ids is None else Status.SUCCESS)
    if ids:
        assert [(v.VPortId, v.NumFilters) for v in elements(bench, VPortInfoArray)] == [(n, (1, 1, 0)[n]) for n in ids]


def test_vfs_and_their_parameters_are_those_allocated():
    bench = Bench().with_switch()
    assert bench.ask(METHOD, Oid.NIC_SWITCH_ENUM_VFS, data=bytes(1632)) == Status.INVALID_LENGTH
    assert bench.request.bytes_needed == 24 + 2 * 1632
    assert bench.ask(METHOD, Oid.NIC_SWITCH_ENUM_VFS, data=bytes(2 * 1632)) == Status.SUCCESS
    listed = [(v.VFId, v.RequestorId, v.VMName.text) for v in elements(bench, VfInfoArray)]
    assert listed == [(0, 0x180, "web"), (1, 0x181, "web")]
    assert bench.ask(METHOD, Oid.NIC_SWITCH_ENUM_VFS, Flags=1, SwitchId=1) == Status.INVALID_PARAMETER
    assert bench.ask(METHOD, Oid.NIC_SWITCH_VF_PARAMETERS, VFId=1) == Status.SUCCESS
    assert bench.request.information.RequestorId == 0x181
    assert bench.ask(METHOD, Oid.NIC_SWITCH_VF_PARAMETERS, VFId=2) == Status.INVALID_PARAMETER
    assert bench.good(FREE, VFId=0) == Status.SUCCESS
    assert bench.ask(METHOD, Oid.NIC_SWITCH_VF_PARAMETERS, VFId=0) == Status.INVALID_PARAMETER


def test_vport_parameters_follow_what_was_set():
    bench = Bench().with_switch()
    assert bench.ask(METHOD, Oid.NIC_SWITCH_VPORT_PARAMETERS, VPortId=2) == Status.SUCCESS
    assert bench.request.information.VPortState == VPortState.DEACTIVATED
    assert bench.good(VPORT_SET, VPortName=CountedName.of("ignored: no flag")) == Status.SUCCESS
    assert bench.ask(METHOD, Oid.NIC_SWITCH_VPORT_PARAMETERS, VPortId=2) == Status.SUCCESS
    assert (bench.request.information.VPortState, bench.request.information.VPortName.text) == (VPortState.ACTIVATED, "")
    assert bench.ask(METHOD, Oid.NIC_SWITCH_VPORT_PARAMETERS, VPortId=3) == Status.INVALID_PARAMETER


def test_filters_are_listed_where_they_are_now():
    bench = Bench().with_switch()

    def listed(**members: Any) -> list[int]:
        assert bench.ask(METHOD, Oid.RECEIVE_FILTER_ENUM_FILTERS, data=bytes(32), **members) == Status.SUCCESS
        return [each.FilterId for each in elements(bench, ReceiveFilterInfoArray)]

    on_vf = dict(Flags=FilterEnumFlags.VPORT_ID_SPECIFIED, VPortId=1)
    assert listed() == [1, 2] and listed(**on_vf) == [2] and listed(VPortId=1) == [1, 2]
    assert bench.good(MOVE) == Status.SUCCESS and listed(**on_vf) == [1, 2]
    assert bench.ask(METHOD, Oid.RECEIVE_FILTER_ENUM_FILTERS, Flags=1, VPortId=3) == Status.FAILURE
    assert bench.ask(METHOD, Oid.RECEIVE_FILTER_PARAMETERS, FilterId=1) == Status.INVALID_LENGTH
    assert bench.request.bytes_needed == 44 + 56
    assert bench.ask(METHOD, Oid.RECEIVE_FILTER_PARAMETERS, data=bytes(56), FilterId=1) == Status.SUCCESS
    assert bench.request.information.VPortId == 1 and bytes(elements(bench, ReceiveFilterParameters)[0]) == bytes(to_mac())
    assert bench.ask(METHOD, Oid.RECEIVE_FILTER_PARAMETERS, data=bytes(56), FilterId=7) == Status.INVALID_PARAMETER


