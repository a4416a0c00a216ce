"""The table of OID requests says what the requests' own pages say."""

from __future__ import annotations

import pytest

from nicmodel.datasheet import ndis_oids as o
from nicmodel.datasheet.ndis import Status
from nicmodel.datasheet.ndis_oids import Handler, Issuer, Oid, RequestType

Q, S, M = RequestType.QUERY, RequestType.SET, RequestType.METHOD
ROWS = [pytest.param(row, id=row.oid.name) for row in o.OIDS]

PF_REQUESTS = {               # what a VF must never accept
    ("NIC_SWITCH_CREATE_SWITCH", M), ("NIC_SWITCH_PARAMETERS", S), ("NIC_SWITCH_DELETE_SWITCH", S),
    ("NIC_SWITCH_CREATE_VPORT", M), ("NIC_SWITCH_VPORT_PARAMETERS", S), ("NIC_SWITCH_DELETE_VPORT", S),
    ("NIC_SWITCH_ALLOCATE_VF", M), ("NIC_SWITCH_FREE_VF", S),
    ("SRIOV_READ_VF_CONFIG_SPACE", M), ("SRIOV_WRITE_VF_CONFIG_SPACE", S), ("SRIOV_READ_VF_CONFIG_BLOCK", M),
    ("SRIOV_WRITE_VF_CONFIG_BLOCK", S), ("SRIOV_RESET_VF", S), ("SRIOV_SET_VF_POWER_STATE", S),
    ("SRIOV_VF_VENDOR_DEVICE_ID", M), ("SRIOV_PROBED_BARS", Q), ("SRIOV_BAR_RESOURCES", M),
    ("RECEIVE_FILTER_SET_FILTER", M), ("RECEIVE_FILTER_CLEAR_FILTER", S), ("RECEIVE_FILTER_MOVE_FILTER", S)}

# Bytes that follow a structure at least: six registers, a resource.
DATA_BEHIND = {"SRIOV_PROBED_BARS": 24, "SRIOV_BAR_RESOURCES": 20}

NDIS_REQUESTS = {             # what NDIS answers itself
    ("NIC_SWITCH_HARDWARE_CAPABILITIES", Q), ("NIC_SWITCH_CURRENT_CAPABILITIES", Q), ("NIC_SWITCH_PARAMETERS", M),
    ("NIC_SWITCH_ENUM_SWITCHES", Q), ("NIC_SWITCH_VPORT_PARAMETERS", M), ("NIC_SWITCH_ENUM_VPORTS", M),
    ("NIC_SWITCH_VF_PARAMETERS", M), ("NIC_SWITCH_ENUM_VFS", M), ("SRIOV_HARDWARE_CAPABILITIES", Q),
    ("SRIOV_CURRENT_CAPABILITIES", Q), ("SRIOV_PF_LUID", Q), ("SRIOV_VF_SERIAL_NUMBER", Q),
    ("RECEIVE_FILTER_HARDWARE_CAPABILITIES", Q), ("RECEIVE_FILTER_CURRENT_CAPABILITIES", Q),
    ("RECEIVE_FILTER_ENUM_FILTERS", M), ("RECEIVE_FILTER_PARAMETERS", M)}

VF_REQUESTS = {("SRIOV_CONFIG_STATE", S), ("SRIOV_OVERLYING_ADAPTER_INFO", S), ("SRIOV_VF_INVALIDATE_CONFIG_BLOCK", M)}


@pytest.mark.parametrize("handler, requests", [(Handler.PF, PF_REQUESTS), (Handler.NDIS, NDIS_REQUESTS),
                                               (Handler.VF, VF_REQUESTS)])
def test_who_finally_handles_what(handler, requests):
    assert {(oid.name, kind) for (oid, kind), to in o.HANDLER_OF.items() if to is handler} == requests


def test_derived_lists():
    assert len(o.OIDS) == len(o.ROW_OF) == 37 and len({row.code for row in o.OIDS}) == 37
    assert {(oid.name, kind) for oid, kind in o.PF_ONLY_REQUESTS} == PF_REQUESTS
    assert {oid.name for oid in o.PF_OIDS} == {name for name, _ in PF_REQUESTS} and len(o.PF_OIDS) == 20
    assert o.VF_OIDS == (Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK,)
    assert {oid.name for oid in o.NDIS_OIDS} == {name for name, _ in NDIS_REQUESTS} - {
        "NIC_SWITCH_PARAMETERS", "NIC_SWITCH_VPORT_PARAMETERS"}
    assert set(o.NDIS_ISSUED_OIDS) == {
        Oid.NIC_SWITCH_CREATE_SWITCH, Oid.NIC_SWITCH_DELETE_SWITCH, Oid.SRIOV_PROBED_BARS, Oid.SRIOV_BAR_RESOURCES,
        Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK, Oid.SRIOV_CONFIG_STATE, Oid.SRIOV_OVERLYING_ADAPTER_INFO}
    assert not set(o.PF_OIDS) & set(o.VF_OIDS)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_consistent(row):
    assert row.min_length == DATA_BEHIND.get(row.oid.name, 0) + row.structure.NDIS_SIZEOF
    assert Status.SUCCESS in row.statuses and len(set(row.statuses)) == len(row.statuses)
    assert not row.caller_statuses or Status.SUCCESS in row.caller_statuses
    assert row.issuers and row.kinds and all(row.issuers_of(kind) for kind in row.kinds)
    assert row.source == o.HEADER_ONLY or row.source.split(";")[0] == "oid-" + row.oid.name.lower().replace("_", "-")
    assert all(Issuer.APP not in row.issuers_of(kind) for kind, to in row.handler_by_kind.items() if to is not Handler.NDIS)


@pytest.mark.parametrize("oid, kinds", [
    (Oid.SRIOV_BAR_RESOURCES, {M}), (Oid.NIC_SWITCH_ENUM_VFS, {M}), (Oid.NIC_SWITCH_ENUM_VPORTS, {M}),
    (Oid.NIC_SWITCH_PARAMETERS, {M, S}), (Oid.NIC_SWITCH_VPORT_PARAMETERS, {M, S}), (Oid.NIC_SWITCH_VF_PARAMETERS, {M})],
    ids=lambda v: getattr(v, "name", ""))
def test_the_own_page_decides_the_kind(oid, kinds):
    assert set(o.ROW_OF[oid].kinds) == kinds


def test_bad_members_of_the_two_deletions_look_different_to_driver_and_caller():
    for oid in (Oid.NIC_SWITCH_DELETE_SWITCH, Oid.NIC_SWITCH_FREE_VF):
        row = o.ROW_OF[oid]
        assert Status.FILE_NOT_FOUND in row.caller_statuses and Status.FILE_NOT_FOUND not in row.statuses
    assert Status.INVALID_PARAMETER in o.ROW_OF[Oid.NIC_SWITCH_FREE_VF].statuses
    assert Status.REINIT_REQUIRED in o.ROW_OF[Oid.NIC_SWITCH_PARAMETERS].statuses


def test_statuses_any_time():
    assert all(o.may_answer(row.oid, status) for row in o.OIDS for status in o.ANY_TIME_STATUSES)
    assert not any(o.may_answer(row.oid, Status.BUFFER_TOO_SHORT) for row in o.OIDS)


def test_codes_skip():
    codes = [row.code for row in o.OIDS if row.oid.name.startswith("NIC_SWITCH") and row.code >= 0x10237]
    assert codes == [0x10237, 0x10238, 0x10239, *range(0x10240, 0x10249)]
    assert not {code for code in map(int, Oid) if code >> 8 == 0x102 and code & 0xF > 9} - {0x1022A, 0x1022D, 0x1022E, 0x1022F}


def test_mandatory_requests():
    assert len(o.MANDATORY_QUERIES) == 12 and len(o.MANDATORY_SETS) == 4 and len(o.MANDATORY_OIDS) == 15
    assert all(oid.name.startswith("GEN_") for oid in o.MANDATORY_OIDS)


def test_capability_requests_answer_with_the_capability_structures():
    row = o.ROW_OF[Oid.SRIOV_CURRENT_CAPABILITIES]
    assert row.structure.NAME == "NDIS_SRIOV_CAPABILITIES" and row.min_length == 12
