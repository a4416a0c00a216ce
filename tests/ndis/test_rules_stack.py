"""What NDIS and the stack owe a PF, and our own decisions: each of these rules is broken once, by a call made for it.

A switch of 4 VFs is set up by good requests; then comes the one request, answer or call that breaks the rule.
"""

from __future__ import annotations

from ctypes import pointer

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
    DeleteSwitchParameters,
    DeleteVPortParameters,
    FilterClearParameters,
    FilterMoveParameters,
    FreeVfParameters,
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
from nicmodel.ndis.buffers import bar_of, bars_of_all, filter_of, read_space, switch_of, vf_of, vport_of
from nicmodel.ndis.checker import Call, Checker

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


ELSEWHERE = {"TEARDOWN-03", "GEN-OID-01", "GEN-HALT-01", "HALT-PF-02", "GEN-DRV-03", "OID-12", "RESET-05",
             "NBL-06", "NBL-07"}                         # the last two in test_net_buffers.py
STARTING = {"VF-INIT-06", "PF-INIT-06"}                  # broken in tests/drivers/test_mutants.py


def test_every_rule_that_is_judged_has_been_seen_broken():
    broken = {mutant.rule for mutant in MUTANTS.values()} | set(REQUESTS) | set(ANSWERS) | ELSEWHERE | STARTING
    assert broken == {row.id for row in RULES if row.judged}
