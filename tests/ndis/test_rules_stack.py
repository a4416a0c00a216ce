"""What NDIS and the stack owe a PF, and our own decisions: each of these rules is broken once, by a call made for it.

A switch of 4 VFs is set up by good requests; then comes the one request, answer or call that breaks the rule.
"""

from __future__ import annotations

from ctypes import c_uint32, pointer

import pytest

from drivers.mutants import MUTANTS
from nicmodel.datasheet.ndis import (
    DEFAULT_VPORT_ID,
    PF_FUNCTION_ID,
    MacHeaderField,
    Oid,
    PowerState,
    RequestType,
    Status,
    VPortFlags,
    VPortState,
)
from nicmodel.datasheet.ndis_structures import (
    CountedName,
    DeleteSwitchParameters,
    DeleteVPortParameters,
    FilterClearParameters,
    FilterMoveParameters,
    FreeVfParameters,
    GeneralAttributes,
    HardwareAssistAttributes,
    InvalidateConfigBlockInfo,
    NicSwitchCapabilitiesStructure,
    ReceiveFilterParameters,
    ResetVfParameters,
    SetPowerStateParameters,
    SriovCapabilitiesStructure,
    made,
)
from nicmodel.datasheet.rules import BY_ID, RULES
from nicmodel.ndis import library  # noqa: F401  registers the predicates
from nicmodel.ndis.buffers import bar_of, bars_of_all, filter_of, read_space, switch_of, vf_of, vport_of, write_space
from nicmodel.ndis.checker import Call, Checker
from nicmodel.ndis.irql import Irql

QUERY, SET, METHOD = RequestType
MAC = 0x020000000001


def ask(checker, kind, oid, buffer):
    """A request arrives."""
    return checker.feed(Call("MiniportOidRequest", {"oid": oid, "kind": kind, "buffer": buffer}, 0))


def answer(checker, kind, oid, buffer, status=Status.SUCCESS):
    """A request arrives and is answered."""
    return ask(checker, kind, oid, buffer) + checker.feed(
        Call("MiniportOidRequest returns", {"oid": oid, "kind": kind, "buffer": buffer, "status": status}, 0))


@pytest.fixture
def checker():
    """The judge of a PF that has a switch of 4 VFs; VF 0 has VPort 1 with filter 1, VF 1 nothing."""
    judge = Checker("PF", "PF")
    judge.seen.switch_creation = "static"
    judge.seen.keywords["NicSwitches\\0\\*NumVFs"] = 4
    capable = pointer(made(SriovCapabilitiesStructure, SriovCapabilities=3))
    switch = pointer(made(NicSwitchCapabilitiesStructure, MaxNumSwitches=1, MaxNumVFs=4, MaxNumVPorts=6, MaxNumQueuePairs=8,
                          MaxNumQueuePairsPerNonDefaultVPort=2, MaxNumMacAddresses=16))
    judge.seen.note(Call("NdisMSetMiniportAttributes", {"kind": "hardware_assist", "attributes": made(
        HardwareAssistAttributes, HardwareSriovCapabilities=capable, CurrentSriovCapabilities=capable,
        HardwareNicSwitchCapabilities=switch, CurrentNicSwitchCapabilities=switch)}, 0))
    judge.feed(Call("MiniportInitializeEx", {}, 0))
    judge.feed(Call("MiniportInitializeEx returns", {"status": Status.FAILURE}, 0))
    judge.seen.writes = 1
    for vf in range(2):
        given = vf_of(MAC)
        given.VFId, given.RequestorId = vf, 0x180 + vf
        judge.seen.switch.note(Oid.NIC_SWITCH_ALLOCATE_VF, given)
    judge.seen.switch.note(Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(4))
    judge.seen.switch.note(Oid.NIC_SWITCH_CREATE_VPORT, vport_of(1, 0))
    judge.seen.switch.note(Oid.RECEIVE_FILTER_SET_FILTER, filter_of(MAC, 1, filter_id=1))
    judge.reports.clear()
    return judge


def changed(structure, **members):
    for name, value in members.items():
        setattr(structure, name, value)
    return structure


def bad_filter(**members):
    buffer = filter_of(MAC, 1, filter_id=2)
    changed(ReceiveFilterParameters.from_buffer(buffer), **members)
    return buffer


def wrong_test():
    buffer = filter_of(MAC, 1, filter_id=2)
    buffer[44 + 16] = MacHeaderField.SOURCE_ADDRESS
    return buffer


POWER, MOVE = Oid.SRIOV_SET_VF_POWER_STATE, Oid.RECEIVE_FILTER_MOVE_FILTER
VPORT, SET_VPORT = Oid.NIC_SWITCH_CREATE_VPORT, Oid.NIC_SWITCH_VPORT_PARAMETERS
REQUESTS = {
    "OID-01": (QUERY, Oid.SRIOV_PF_LUID, None),
    "SWITCH-02": (METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(4, SwitchType=0)),
    "SWITCH-14": (SET, Oid.NIC_SWITCH_DELETE_SWITCH, made(DeleteSwitchParameters)),
    "VF-ALLOC-02": (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, changed(vf_of(MAC), SwitchId=1)),
    "VF-ALLOC-03": (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, changed(vf_of(MAC), VFId=2)),
    "VF-ALLOC-04": (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, vf_of(0)),
    "VF-ALLOC-13": (SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=0)),
    "VPORT-02": (METHOD, VPORT, changed(vport_of(2, 1), SwitchId=1)),
    "VPORT-03": (METHOD, VPORT, vport_of(2, 3)),
    "VPORT-04": (METHOD, VPORT, vport_of(1, 1)),
    "VPORT-08": (SET, SET_VPORT, changed(vport_of(1, 0), Flags=VPortFlags.STATE_CHANGED, VPortState=VPortState.DEACTIVATED)),
    "VPORT-09": (METHOD, VPORT, changed(vport_of(2, 1), NumQueuePairs=3)),
    "VPORT-11": (METHOD, VPORT, changed(vport_of(2, 1), AttachedFunctionId=PF_FUNCTION_ID)),
    "VPORT-12": (SET, SET_VPORT, changed(vport_of(1, 0), Flags=VPortFlags.NUM_QUEUE_PAIRS_CHANGED)),
    "VPORT-16": (SET, Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=1)),
    "FILTER-01": (METHOD, Oid.RECEIVE_FILTER_SET_FILTER, bad_filter(QueueId=3)),
    "FILTER-02": (METHOD, Oid.RECEIVE_FILTER_SET_FILTER, wrong_test()),
    "FILTER-03": (METHOD, Oid.RECEIVE_FILTER_SET_FILTER, bad_filter(FilterId=1)),
    "FILTER-12": (SET, MOVE, made(FilterMoveParameters, FilterId=1, SourceVPortId=DEFAULT_VPORT_ID, DestVPortId=1)),
    "FILTER-14": (SET, Oid.RECEIVE_FILTER_CLEAR_FILTER, made(FilterClearParameters, FilterId=9)),
    "POWER-01": (SET, POWER, made(SetPowerStateParameters, VFId=0, PowerState=9)),
    "POWER-02": (SET, POWER, made(SetPowerStateParameters, VFId=0, PowerState=PowerState.D0, WakeEnable=1)),
}
"""Rules of NDIS and the stack: a request that breaks each, and no other."""


@pytest.mark.parametrize("rule", REQUESTS)
def test_a_wrong_request_breaks_its_rule_and_no_other(checker, rule):
    reports = ask(checker, *REQUESTS[rule])
    assert [report.rule for report in reports] == [rule]
    assert reports[0].adapter == f"{BY_ID[rule].who[0]} of PF" and checker.closing is None


@pytest.mark.parametrize("rule", REQUESTS)
def test_what_an_examiner_asks_is_not_held_against_the_stack(checker, rule):
    checker.seen.probing = True
    assert ask(checker, *REQUESTS[rule]) == []


def test_a_vf_that_is_freed_without_a_reset_breaks_the_order(checker):
    checker.seen.switch.note(Oid.RECEIVE_FILTER_CLEAR_FILTER, made(FilterClearParameters, FilterId=1))
    answer(checker, SET, Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=1))
    assert [r.rule for r in ask(checker, SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=0))] == ["TEARDOWN-03"]


def test_a_second_request_before_the_first_is_answered_breaks_the_rule(checker):
    ask(checker, SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=0))
    assert [r.rule for r in ask(checker, SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=0))] == ["GEN-OID-01"]


def test_halting_a_pf_with_a_switch_or_while_it_runs_breaks_a_rule(checker):
    answer(checker, SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=0))
    checker.seen.running = True
    assert {r.rule for r in checker.feed(Call("MiniportHaltEx", {}, 0))} == {"GEN-HALT-01", "HALT-PF-02"}


def test_options_outside_the_registration_break_the_rule():
    assert [r.rule for r in Checker("VF", "VF0").feed(Call("MiniportSetOptions", {}, 0))] == ["GEN-DRV-03"]


# our own decisions: severity model ---------------------------------------------------------------------------

WRONG_HEADER = made(ResetVfParameters, VFId=0)
WRONG_HEADER.Header.Revision = 9
ANSWERS = {
    "OID-05": (METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK, made(InvalidateConfigBlockInfo, BlockMask=1), Status.SUCCESS),
    "STRUCT-01": (SET, Oid.SRIOV_RESET_VF, WRONG_HEADER, Status.SUCCESS),
    "CFG-07": (*read_space(0, 4094, 4), Status.SUCCESS),
    "BAR-06": (*bar_of(0, 1), Status.SUCCESS),
}


@pytest.mark.parametrize("rule", ANSWERS)
def test_a_decision_of_ours_is_broken_by_an_answer_and_closes_nothing(checker, rule):
    probed = bars_of_all()
    probed[2].oid_request.data[:] = bytes.fromhex("04c0ffff ffffffff") + bytes(16)      # BAR 0 is of 64 bits
    answer(checker, *probed)
    *request, status = ANSWERS[rule]
    assert rule in [report.rule for report in answer(checker, *request, status)]
    assert not BY_ID[rule].closes


def test_a_refusal_after_writes_leaves_something_behind(checker):
    request = (SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=9))
    ask(checker, *request)
    checker.feed(Call("write", {"register": "VFRE", "value": 0, "index": 0}, 0))
    kind, oid, buffer = request
    returns = {"oid": oid, "kind": kind, "buffer": buffer, "status": Status.INVALID_PARAMETER}
    assert [r.rule for r in checker.feed(Call("MiniportOidRequest returns", returns, 0))] == ["OID-12"]


def test_a_vf_that_is_forgotten_by_a_reset_breaks_our_reading(checker):
    answer(checker, SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=1))
    reports = answer(checker, SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=1), Status.INVALID_PARAMETER)
    assert "RESET-05" in [report.rule for report in reports]


# one condition of a rule at a time ---------------------------------------------------------------------------

def at_once(checker, *what, status=Status.SUCCESS):
    """The rules that a request and its answer break."""
    return {report.rule for report in answer(checker, *what, status)}


def about(cls, oid, kind=SET, **members):
    return kind, oid, made(cls, **members)


def without_header():
    buffer = filter_of(MAC, 1, filter_id=2)
    buffer[44 + 8] = 0
    return buffer


BREACHES = {
    "a status of another page": ("OID-09", about(ResetVfParameters, Oid.SRIOV_RESET_VF, VFId=0), Status.INVALID_DATA),
    "a name left empty": ("VF-ALLOC-04", (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, changed(vf_of(MAC), NicName=CountedName.of(""))),
                          Status.RESOURCES),
    "an id beyond the last VPort": ("VPORT-04", (METHOD, VPORT, vport_of(6, 1)), Status.INVALID_PARAMETER),
    "a test of no header that there is": ("FILTER-02", (METHOD, Oid.RECEIVE_FILTER_SET_FILTER, without_header()),
                                          Status.NOT_SUPPORTED),
    "a split of looked-ahead bytes": ("VPORT-12", (SET, SET_VPORT, changed(vport_of(1, 0), LookaheadSize=1)),
                                      Status.INVALID_PARAMETER),
    "a VPort for a VF that nobody has": ("OID-09", (METHOD, VPORT, vport_of(2, 3)), Status.SUCCESS),
    "parameters of a VPort that is not there": ("OID-09", (SET, SET_VPORT, vport_of(3, PF_FUNCTION_ID)), Status.SUCCESS),
    "a filter that is there": ("OID-09", (METHOD, Oid.RECEIVE_FILTER_SET_FILTER, filter_of(MAC, 1, filter_id=1)), Status.SUCCESS),
    "a filter that is not there": ("OID-09", about(FilterClearParameters, Oid.RECEIVE_FILTER_CLEAR_FILTER, FilterId=9),
                                   Status.SUCCESS),
}


@pytest.mark.parametrize("what", BREACHES)
def test_each_condition_of_a_rule_is_enough_to_break_it(checker, what):
    rule, request, status = BREACHES[what]
    assert rule in at_once(checker, *request, status=status)


def test_a_request_with_two_faults_may_be_answered_for_either(checker):
    """OID-10: a short buffer about a VF that nobody has."""
    assert at_once(checker, *read_space(9, 0, 4, room=2), status=Status.INVALID_PARAMETER) == set()


def test_the_upper_half_of_a_bar_has_no_upper_half(checker):
    probed = bars_of_all()
    probed[2].oid_request.data[:] = bytes.fromhex("04c0ffff ffffffff") + bytes(16)
    answer(checker, *probed)
    assert "BAR-06" not in at_once(checker, *bar_of(0, 2))


def test_what_was_done_to_another_vf_does_not_count(checker):
    for rule, request in (("CFG-05", write_space(0, 0x3C, bytes(1))),
                          ("RESET-03", about(ResetVfParameters, Oid.SRIOV_RESET_VF, VFId=0))):
        ask(checker, *request)
        checker.feed(Call("NdisMSetVirtualFunctionBusData", {"vf": 1, "offset": 0, "length": 1}, 0))
        kind, oid, buffer = request
        returns = {"oid": oid, "kind": kind, "buffer": buffer, "status": Status.SUCCESS}
        assert [r.rule for r in checker.feed(Call("MiniportOidRequest returns", returns, 0))] == [rule]


def test_a_refusal_says_which_vf_cannot_be_freed(checker):
    def why(vf):
        (report,) = answer(checker, SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=vf))[-1:]
        return report.why
    checker.seen.probing = True
    assert "VF 0, which has a VPort, is answered SUCCESS" in why(0)


def test_who_is_reset_or_gone_turns_requests_away(checker):
    checker.feed(Call("MiniportResetEx", {}, 0))
    assert at_once(checker, SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=9), status=Status.NOT_ACCEPTED) == {
        "VF-ALLOC-13"}
    checker.feed(Call("MiniportResetEx returns", {"status": Status.SUCCESS}, 0))
    checker.seen.removed = True
    assert "OID-09" not in at_once(checker, SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=0), status=Status.INVALID_DATA)


def unplugged(checker):
    """VF 0 has lost its VPort."""
    checker.seen.switch.note(Oid.RECEIVE_FILTER_CLEAR_FILTER, made(FilterClearParameters, FilterId=1))
    answer(checker, SET, Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=1))
    return METHOD, VPORT, vport_of(2, 0)


def test_a_vf_that_lost_its_vport_gets_another(checker):
    assert "VPORT-18" in at_once(checker, *unplugged(checker), status=Status.INVALID_PARAMETER)


def test_a_vf_that_was_freed_or_is_asked_about_on_purpose_gets_none(checker):
    asked = unplugged(checker)
    checker.seen.probing = True
    assert "VPORT-18" not in at_once(checker, *asked, status=Status.INVALID_PARAMETER)
    checker.seen.probing = False
    checker.seen.switch.note(Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=0))
    assert "VPORT-18" not in at_once(checker, *asked, status=Status.INVALID_PARAMETER)


def test_a_vport_that_is_there_is_not_another(checker):
    kind, oid, _ = unplugged(checker)
    checker.seen.switch.note(Oid.NIC_SWITCH_CREATE_VPORT, vport_of(2, 1))
    assert "VPORT-18" not in at_once(checker, kind, oid, vport_of(2, 0), status=Status.INVALID_PARAMETER)


def test_vfs_are_not_to_be_had_without_a_switch(checker):
    switch = checker.seen.switch
    for vf in list(switch.vfs):
        switch.note(Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=vf))
    checker.seen.probing = True
    switch.note(Oid.NIC_SWITCH_DELETE_SWITCH, made(DeleteSwitchParameters))
    checker.seen.probing = False
    assert "VF-ALLOC-15" not in at_once(checker, METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, vf_of(MAC), status=Status.FAILURE)


def test_a_requester_id_of_another_vf_is_called_so(checker):
    given = changed(vf_of(MAC), VFId=2, RequestorId=0x181)
    reports = {report.rule: report.why for report in answer(checker, METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, given)}
    assert reports["VF-ALLOC-08"] == "RequestorId is another VF's"


def test_a_good_request_that_is_refused_is_not_an_obeyed_rule(checker):
    checker.seen.switch.created = False
    answer(checker, METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(4), Status.FAILURE)
    stands = {row.rule: row.verdict for row in checker.verdicts()}
    assert stands["SWITCH-03"] == stands["SWITCH-07"] == "not_exercised"


def test_a_dynamic_switch_of_no_vfs_needs_no_virtualization(checker):
    checker.seen.switch.created, checker.seen.switch_creation = False, "dynamic"
    checker.seen.keywords.clear()
    assert "SWITCH-04" not in at_once(checker, METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(0))
    checker.seen.switch.created = False
    assert "SWITCH-04" in at_once(checker, METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(4))


def test_what_is_mandatory_to_query_need_not_be_set(checker):
    assert "GEN-OID-06" not in at_once(checker, SET, Oid.GEN_STATISTICS, None, status=Status.NOT_SUPPORTED)
    assert "GEN-OID-06" in at_once(checker, QUERY, Oid.GEN_STATISTICS, None, status=Status.NOT_SUPPORTED)


@pytest.mark.parametrize("rule, keyword", [("KW-13", "*VMQ"), (None, "*SriovPreferred"), (None, "*RSS")])
def test_a_preference_that_is_missing_counts_as_0(rule, keyword):
    judge = Checker("PF", "PF")
    judge.seen.keywords |= {"*SriovPreferred": None, "*RssOrVmqPreference": None}
    assert [r.rule for r in judge.feed(Call("NdisReadConfiguration", {"keyword": keyword}, 0))] == [rule] * bool(rule)


def test_a_listed_request_is_not_unknown():
    judge = Checker("VF", "VF0")
    listed = (c_uint32 * 1)(Oid.GEN_STATISTICS)
    judge.seen.note(Call("NdisMSetMiniportAttributes", {"kind": "general", "attributes": made(
        GeneralAttributes, SupportedOidList=listed, SupportedOidListLength=4)}, 0))
    reports = answer(judge, QUERY, Oid.GEN_STATISTICS, None, Status.INVALID_OID)
    assert "GEN-OID-03" in [report.rule for report in reports]


def test_levels_at_which_the_back_channel_may_be_called(checker):
    blocks = {"block_id": 0, "length": 8}
    for level, good in ((Irql.APC, True), (Irql.DISPATCH, False)):
        reports = Checker("VF", "VF0").feed(Call("NdisMReadConfigBlock", blocks | {"irql": level}, 0))
        assert [r.rule for r in reports] == ([] if good else ["BACKCH-01"])
    told = {"vf": 0, "mask": 1}
    assert checker.feed(Call("NdisMInvalidateConfigBlock", told | {"irql": Irql.DISPATCH}, 0)) == []
    assert [r.rule for r in checker.feed(Call("NdisMInvalidateConfigBlock", told | {"irql": Irql.DISPATCH + 1}, 0))] == [
        "BACKCH-06"]


ELSEWHERE = {"TEARDOWN-03", "GEN-OID-01", "GEN-HALT-01", "HALT-PF-02", "GEN-DRV-03", "OID-12", "RESET-05",
             "NBL-06", "NBL-07"}                         # the last two in test_net_buffers.py
STARTING = {"VF-INIT-06", "PF-INIT-06"}                  # broken in tests/drivers/test_mutants.py


def test_every_rule_that_is_judged_has_been_seen_broken():
    broken = {mutant.rule for mutant in MUTANTS.values()} | set(REQUESTS) | set(ANSWERS) | ELSEWHERE | STARTING
    assert broken == {row.id for row in RULES if row.judged}
