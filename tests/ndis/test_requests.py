"""NDIS in front of a miniport: who may ask, what never reaches the miniport, which ids NDIS chooses, what it remembers.

    test ─► NdisRequests ─► Miniport (here: answers by a table, and remembers what it was asked)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from requests_bench import (
    ALLOCATE,
    BAD,
    CLEAR,
    CREATE,
    DELETE,
    FILTER,
    FREE,
    GONE,
    METHOD,
    MOVE,
    NOT_OFFERED,
    OK,
    ONE_CPU,
    OTHER,
    QUERY,
    RENAME,
    SET,
    SHORT,
    VPORT,
    VPORT_DELETE,
    VPORT_SET,
    Bench,
    to_mac,
)

from nicmodel.datasheet.ndis import (
    HANDLER_OF,
    NIC_SWITCH_KEY,
    OIDS,
    PF_FUNCTION_ID,
    FilterType,
    Handler,
    Issuer,
    Oid,
    RequestType,
    Status,
    SwitchFlags,
)
from nicmodel.datasheet.ndis_buffers import pack_array
from nicmodel.datasheet.ndis_structures import (
    GroupAffinity,
    ReceiveFilterParameters,
    VPortParameters,
    made,
)
from nicmodel.ndis.answers import ANSWERS
from nicmodel.ndis.request import Request
from nicmodel.ndis.requests import APPLICATION, NDIS, STACK, Opener
from nicmodel.ndis.verify import NOTE, VERIFY


class Case(NamedTuple):
    """What differs from the good request, the status the caller sees, and whether the miniport was asked."""

    request: tuple[RequestType, Oid]
    situation: str
    status: Status
    members: dict[str, Any] = {}
    asked: bool = False
    opener: Opener | None = None
    data: bytes | None = None


CASES = (
    Case(CREATE, "by somebody else than NDIS (OID-06)", NOT_OFFERED, opener=STACK),
    Case(CREATE, "again (SWITCH-07)", BAD),
    Case(DELETE, "by somebody else than NDIS (OID-06)", NOT_OFFERED, opener=STACK),
    Case(DELETE, "with something on it (SWITCH-14)", GONE),
    Case((QUERY, Oid.SRIOV_PROBED_BARS), "by the stack (OID-06)", NOT_OFFERED, {}, opener=STACK, data=bytes(24)),
    Case((METHOD, Oid.SRIOV_BAR_RESOURCES), "by the stack (OID-06)", NOT_OFFERED, opener=STACK, data=bytes(20)),
    Case((METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK), "to a PF (OID-05)", NOT_OFFERED, opener=NDIS),
    Case((QUERY, Oid.SRIOV_RESET_VF), "in a kind that does not exist (C-03)", NOT_OFFERED),
    Case(RENAME, "the name (SWITCH-15)", OK, asked=True),
    Case(RENAME, "of another switch", BAD, {"SwitchId": 1}),
    Case(RENAME, "by an application", NOT_OFFERED, opener=APPLICATION),
    Case(ALLOCATE, "a VF", OK, asked=True),
    Case(ALLOCATE, "with an id preset (VF-ALLOC-03)", BAD, {"VFId": 0}),
    Case(ALLOCATE, "with a requester id preset (VF-ALLOC-03)", BAD, {"RequestorId": 0}),
    Case(ALLOCATE, "on another switch (VF-ALLOC-02)", BAD, {"SwitchId": 1}),
    Case(ALLOCATE, "without an address (VF-ALLOC-04)", BAD, {"MacAddressLength": 0}),
    Case(FREE, "by its allocator", OK, {"VFId": 0}, asked=True),
    Case(FREE, "by another driver (VF-ALLOC-12)", GONE, {"VFId": 0}, opener=OTHER),
    Case(FREE, "one that is not allocated (C-04)", GONE, {"VFId": 2}),
    Case(VPORT, "for a VF", OK, asked=True),
    Case(VPORT, "with an id of the caller's (VPORT-02)", BAD, {"VPortId": 3}),
    Case(VPORT, "on another switch (VPORT-02)", BAD, {"SwitchId": 1}),
    Case(VPORT, "for a VF that is not allocated (VPORT-03)", BAD, {"AttachedFunctionId": 2}),
    Case(VPORT, "a second one for a VF (VPORT-07)", BAD, {"AttachedFunctionId": 1}),
    Case(VPORT, "with other queue pairs than its neighbours (VPORT-09)", BAD, {"NumQueuePairs": 1}),
    Case(VPORT, "for the PF on two processors (VPORT-11)", BAD,
         {"AttachedFunctionId": PF_FUNCTION_ID, "ProcessorAffinity": GroupAffinity(Mask=3)}),
    Case(VPORT_SET, "activation of the PF's", OK, asked=True),
    Case(VPORT_SET, "of no VPort (VPORT-12)", BAD, {"VPortId": 3}),
    Case(VPORT_DELETE, "by its creator", OK, asked=True),
    Case(VPORT_DELETE, "by another driver (VPORT-16)", BAD, opener=OTHER),
    Case(VPORT_DELETE, "the default one (VPORT-16)", BAD, {"VPortId": 0}),
    Case(VPORT_DELETE, "one that is not there", BAD, {"VPortId": 3}),
    Case(FILTER, "on the caller's VPort", OK, asked=True),
    Case(FILTER, "on the default VPort by anybody (FILTER-05)", OK, {"VPortId": 0}, asked=True, opener=OTHER),
    Case(FILTER, "on a VPort of another driver's (FILTER-05)", BAD, opener=OTHER),
    Case(FILTER, "with an id of the caller's (FILTER-01)", BAD, {"FilterId": 9}),
    Case(FILTER, "on another queue (FILTER-01)", BAD, {"QueueId": 1}),
    Case(FILTER, "for packet coalescing (FILTER-01)", BAD, {"FilterType": FilterType.PACKET_COALESCING}),
    Case(FILTER, "on no VPort", BAD, {"VPortId": 3}),
    Case(FILTER, "without tests", BAD, {"FieldParametersArrayNumElements": 0}),
    Case(FILTER, "with an array that leaves the buffer (FILTER-03)", SHORT, {"FieldParametersArrayNumElements": 2}),
    Case(FILTER, "with an array over the structure", BAD, {"FieldParametersArrayOffset": 0}),
    Case(MOVE, "to the caller's VPort", OK, asked=True),
    Case(MOVE, "a filter that is not there (FILTER-12)", BAD, {"FilterId": 7}),
    Case(MOVE, "another driver's filter (FILTER-05)", BAD, opener=OTHER),
    Case(MOVE, "from where it is not (FILTER-12)", BAD, {"SourceVPortId": 1}),
    Case(MOVE, "to no VPort (FILTER-12)", BAD, {"DestVPortId": 3}),
    Case(MOVE, "from another queue (FILTER-12)", BAD, {"SourceQueueId": 1}),
    Case(CLEAR, "the caller's filter", OK, asked=True),
    Case(CLEAR, "a filter that is not there (FILTER-14)", GONE, {"FilterId": 7}),
    Case(CLEAR, "another driver's filter (FILTER-05)", GONE, opener=OTHER),
    Case(CLEAR, "of another queue (FILTER-14)", GONE, {"QueueId": 1}),
    Case((SET, Oid.SRIOV_RESET_VF), "whatever VF: the miniport's to check", OK, {"VFId": 2}, asked=True),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.request[1].name}: {case.situation}")
def test_situation_has_its_status(case):
    bench = Bench().with_switch()
    before = repr_of(bench)
    assert bench.good(case.request, case.opener, case.data, **case.members) == case.status
    assert bool(bench.miniport.asked) == case.asked
    if case.status != Status.SUCCESS:
        assert repr_of(bench) == before


def repr_of(bench: Bench) -> tuple[Any, ...]:
    """What NDIS remembers, and what is in the last request but its header."""
    known = bench.requests.known
    return [[(n, bytes(each.parameters), each.owner, each.vport) for n, each in table.items()]
            for table in (known.vports, known.vfs, known.filters)], known.switch and bytes(known.switch)


def test_tables_are_those_of_the_datasheet():
    forwarded = {(kind, oid) for (oid, kind), handler in HANDLER_OF.items() if handler is not Handler.NDIS}
    assert set(ANSWERS) == {oid for (oid, _), handler in HANDLER_OF.items() if handler is Handler.NDIS}
    assert set(VERIFY) <= forwarded and set(NOTE) <= forwarded


@pytest.mark.parametrize("row", OIDS, ids=lambda row: row.oid.name)
def test_length_and_header_are_checked_for_every_request(row):
    for kind, handler in row.handler_by_kind.items():
        bench = Bench() if handler is not Handler.VF else Bench(role="VF")
        bench.miniport.ndis.role = "VF" if handler is Handler.VF else "PF"
        if row.oid is Oid.SRIOV_VF_SERIAL_NUMBER:
            bench.requests.known.serial_number = 7
        opener = NDIS if row.issuers == (Issuer.NDIS,) else STACK
        assert bench.ask(kind, row.oid, opener, bytes(24), length=row.min_length - 1) == Status.INVALID_LENGTH
        assert bench.request.bytes_needed == row.min_length
        bench.request = Request(kind, row.oid, made(row.structure), bytes(24))
        bench.request.information.Header.Revision += 1
        status = bench.do(bench.requests.submit(bench.request, opener))
        filled_by_ndis = handler is Handler.NDIS and kind is QUERY
        gone = Status.FILE_NOT_FOUND if row.caller_statuses else Status.INVALID_PARAMETER
        assert status == (Status.SUCCESS if filled_by_ndis else gone)
        assert bench.miniport.asked == []


def test_without_sriov_every_request_of_the_pf_is_not_supported():
    bench = Bench(current=False)
    assert not bench.requests.offers_switch
    for row in OIDS:
        for kind, handler in row.handler_by_kind.items():
            if handler is Handler.PF:
                assert bench.ask(kind, row.oid, NDIS if Issuer.NDIS in row.issuers else STACK, bytes(24)) == Status.NOT_SUPPORTED
    assert bench.miniport.asked == []


def test_a_driver_that_refuses_leaves_no_trace_and_no_id():
    bench = Bench().with_switch()
    before = repr_of(bench)
    for key, member in ((VPORT, "VPortId"), (FILTER, "FilterId"), (ALLOCATE, None), (FREE, None), (MOVE, None), (CLEAR, None)):
        bench.miniport.answers[key[1]] = Status.FAILURE
        assert bench.good(key) == Status.FAILURE
        assert member is None or getattr(bench.request.information, member) == 0
    assert repr_of(bench) == before
    bench.miniport.answers.clear()
    assert bench.good(VPORT) == Status.SUCCESS and bench.request.information.VPortId == 3     # the id was not lost


def test_a_busy_vf_is_file_not_found_to_the_caller():
    bench = Bench().with_switch()
    bench.miniport.answers[Oid.NIC_SWITCH_FREE_VF] = Status.INVALID_PARAMETER
    assert bench.good(FREE, VFId=1) == Status.FILE_NOT_FOUND
    assert [oid for oid, _ in bench.miniport.asked] == [Oid.NIC_SWITCH_FREE_VF]


def test_vport_ids_are_the_lowest_free_ones_and_run_out():
    bench = Bench(vports=4).with_switch()
    assert bench.good(VPORT) == Status.SUCCESS and bench.request.information.VPortId == 3
    assert bench.good(ALLOCATE) == Status.SUCCESS
    assert bench.good(VPORT, AttachedFunctionId=2) == Status.RESOURCES and bench.request.information.VPortId == 0
    assert bench.good(VPORT_DELETE) == Status.SUCCESS
    assert bench.good(VPORT, AttachedFunctionId=2) == Status.SUCCESS and bench.request.information.VPortId == 2


def test_two_callers_at_once_get_two_ids():
    bench = Bench(vports=5, pairs=16).with_switch()
    env, made_for = bench.miniport.ndis.env, []
    bench.good(ALLOCATE)
    for vf in (0, 2):
        parameters = made(VPortParameters, AttachedFunctionId=vf, NumQueuePairs=2)
        made_for.append((parameters, env.process(bench.requests.oid(*VPORT, parameters))))
    env.run()
    assert [(p.VPortId, done.value) for p, done in made_for] == [(3, Status.SUCCESS), (4, Status.SUCCESS)]


@pytest.mark.parametrize("pairs, vports, legal", [((2,) * 63, 64, True), ((4,) * 31, 64, True), ((4,) * 32, 64, False),
                                                  ((2, 4), 64, False), ((3,) * 42, 64, True), ((5,), 64, False)])
def test_queue_pairs_of_the_documented_example(pairs, vports, legal):
    """128 queue pairs, 64 VPorts, 4 a VPort at most, symmetric (VPORT-09)."""
    bench = Bench(vports=vports, pairs=128)
    assert bench.good(CREATE) == Status.SUCCESS
    statuses = [bench.good(VPORT, AttachedFunctionId=PF_FUNCTION_ID, NumQueuePairs=n, ProcessorAffinity=ONE_CPU) for n in pairs]
    assert all(status == Status.SUCCESS for status in statuses[:-1])
    assert (statuses[-1] == Status.SUCCESS) is legal


def test_filter_ids_are_never_used_again():
    bench = Bench().with_switch()
    assert bench.good(CLEAR) == Status.SUCCESS
    assert bench.good(FILTER) == Status.SUCCESS and bench.request.information.FilterId == 3


def test_a_set_of_the_switch_changes_its_name_and_nothing_else():
    """SWITCH-15, -18: whatever else stands in the request, and without the flag not the name either."""
    bench = Bench().with_switch()
    switch = bench.requests.known.switch
    before = switch.NumVFs, switch.SwitchType, switch.SwitchId, switch.Flags
    for flags, name in ((0, "Default Switch"), (SwitchFlags.SWITCH_NAME_CHANGED, "Blue")):
        assert bench.good(RENAME, Flags=flags, NumVFs=before[0] + 1, SwitchType=before[1] + 1) == Status.SUCCESS
        switch = bench.requests.known.switch
        assert (switch.NumVFs, switch.SwitchType, switch.SwitchId, switch.Flags) == before
        assert switch.SwitchFriendlyName.text == name


def test_name_of_the_switch_goes_to_the_registry_on_success_and_reinit_only():
    bench = Bench().with_switch()
    for status, name in ((Status.FAILURE, "Default Switch"), (Status.REINIT_REQUIRED, "Blue")):
        bench.miniport.answers[Oid.NIC_SWITCH_PARAMETERS] = status
        assert bench.good(RENAME) == status
        assert bench.ask(METHOD, Oid.NIC_SWITCH_PARAMETERS, APPLICATION) == Status.SUCCESS
        assert bench.request.information.SwitchFriendlyName.text == name
    assert bench.miniport.ndis.registry == {NIC_SWITCH_KEY + "*SwitchName": "Blue"}


def test_extensions_may_veto_two_requests_and_no_other():
    bench = Bench().with_switch()
    bench.requests.extensions.append(lambda request: Status.NOT_ACCEPTED)
    assert bench.good(ALLOCATE) == bench.good(VPORT) == Status.NOT_ACCEPTED and bench.miniport.asked == []
    assert bench.request.information.VPortId == 0
    assert bench.good(FILTER) == bench.good(CLEAR) == bench.good(VPORT_DELETE) == Status.SUCCESS


def test_a_whole_buffer_of_bytes_is_a_request_too():
    bench = Bench().with_switch()
    buffer = bytearray(pack_array(made(ReceiveFilterParameters, FilterType=FilterType.VM_QUEUE, VPortId=1), [to_mac()]))
    assert bench.do(bench.requests.oid(*FILTER, buffer)) == Status.SUCCESS
    assert ReceiveFilterParameters.from_buffer(buffer).FilterId == 3          # in place
    assert bench.do(bench.requests.oid(*FREE, b"\x80\x01\x0a\x00" + bytes(6))) == Status.SUCCESS
    assert bench.do(bench.requests.oid(*FREE, b"\x80\x01\x0a")) == Status.INVALID_LENGTH


def test_what_an_opener_leaves_behind_goes_in_order():
    bench = Bench().with_switch()
    assert bench.good(FILTER, OTHER, VPortId=0) == Status.SUCCESS
    bench.miniport.asked.clear()
    assert bench.do(bench.requests.close(STACK)) == Status.SUCCESS
    assert [oid for oid, _ in bench.miniport.asked] == [CLEAR[1]] * 2 + [VPORT_DELETE[1]] * 2 + [FREE[1]] * 2
    assert bench.good(DELETE) == Status.FILE_NOT_FOUND                        # the other's filter is still there
    assert bench.do(bench.requests.close(OTHER)) == bench.good(DELETE) == Status.SUCCESS
    assert bench.ask(METHOD, Oid.NIC_SWITCH_PARAMETERS) == Status.INVALID_PARAMETER
