"""Predicates of what NDIS and the virtualization stack owe a PF: the requests they make, in members and in order.

They listen at the request, before the driver has it, and hold it against what the judge has seen of the switch. A breach
is NDIS's or the stack's and never closes an adapter; while an examiner asks on purpose they are not asked.
"""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.ndis import (
    DEFAULT_RECEIVE_QUEUE_ID,
    DEFAULT_SWITCH_ID,
    DEFAULT_VPORT_ID,
    FRAME_HEADER_MAC,
    HANDLER_OF,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    NUM_VFS,
    PF_FUNCTION_ID,
    VPORT_CHANGE_MASK,
    FilterTest,
    FilterType,
    Handler,
    MacHeaderField,
    NicSwitchCapabilities,
    Oid,
    PowerState,
    RequestType,
    Status,
    SwitchType,
    VPortFlags,
    VPortState,
)
from nicmodel.datasheet.ndis_buffers import Malformed, unpack_array
from nicmodel.datasheet.ndis_structures import ReceiveFilterParameters
from nicmodel.ndis.checker import REQUEST, REQUEST_RETURNS, Call, Judgement, Seen, asks, broken, holds, oid_name, rule
from nicmodel.ndis.rules_vport import capabilities
from nicmodel.ndis.seen import HALT
from nicmodel.ndis.switch_seen import parameters, whole

MAC_BYTES = 6
CREATE_VPORT, SET_VPORT = Oid.NIC_SWITCH_CREATE_VPORT, Oid.NIC_SWITCH_VPORT_PARAMETERS
ALLOCATE, FREE = Oid.NIC_SWITCH_ALLOCATE_VF, Oid.NIC_SWITCH_FREE_VF
SET_FILTER, MOVE, CLEAR = Oid.RECEIVE_FILTER_SET_FILTER, Oid.RECEIVE_FILTER_MOVE_FILTER, Oid.RECEIVE_FILTER_CLEAR_FILTER
CHANGEABLE = (VPortFlags.NAME_CHANGED | VPortFlags.INT_MOD_CHANGED | VPortFlags.STATE_CHANGED
              | VPortFlags.PROCESSOR_AFFINITY_CHANGED)


def asked(call: Call) -> Any:
    """What a request asks with."""
    return parameters(call.args["oid"], call.args.get("buffer"))


@rule("OID-01", on=[REQUEST])
def ndis_answers_its_own(call: Call, seen: Seen) -> Judgement | None:
    handler = HANDLER_OF.get((call.args["oid"], call.args["kind"]))
    if handler is None:
        return None
    return holds(handler is not Handler.NDIS, f"{oid_name(call.args['oid'])} is a miniport's to answer")


@rule("SWITCH-02", on=asks(Oid.NIC_SWITCH_CREATE_SWITCH))
def switch_of_the_registry(call: Call, seen: Seen) -> Judgement | None:
    if (it := asked(call)) is None:
        return broken("no switch parameters")
    wanted = int(seen.keywords.get(NUM_VFS) or it.NumVFs)
    good = it.SwitchType == SwitchType.EXTERNAL and it.SwitchId == DEFAULT_SWITCH_ID and it.NumVFs == wanted
    return holds(good, f"external switch 0 of {wanted} VFs")


@rule("SWITCH-14", on=asks(Oid.NIC_SWITCH_DELETE_SWITCH))
def empty_switches_are_deleted(call: Call, seen: Seen) -> Judgement | None:
    left = [*seen.switch.filters, *seen.switch.vfs, *(v for v in seen.switch.vports if v != DEFAULT_VPORT_ID)]
    return holds(not left, "no filter, VPort or VF is left")


@rule("VF-ALLOC-02", on=asks(ALLOCATE))
def vfs_come_of_a_switch(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    return holds(it is not None and seen.switch.created and it.SwitchId == DEFAULT_SWITCH_ID, "switch 0 exists")


@rule("VF-ALLOC-03", on=asks(ALLOCATE))
def ids_begin_invalid(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    good = it is not None and (it.VFId, it.RequestorId) == (INVALID_VF_FUNCTION_ID, INVALID_RID)
    return holds(good, "both ids are invalid marks")


@rule("VF-ALLOC-04", on=asks(ALLOCATE))
def vms_are_described(call: Call, seen: Seen) -> Judgement | None:
    if (it := asked(call)) is None:
        return broken("no VF parameters")
    names = [name for name in ("VMName", "VMFriendlyName", "NicName") if not getattr(it, name).Length]
    if names:
        return broken(f"{', '.join(names)} left empty")
    addresses = [bytes(it.PermanentMacAddress)[:MAC_BYTES], bytes(it.CurrentMacAddress)[:MAC_BYTES]]
    return holds(it.MacAddressLength == MAC_BYTES and all(map(any, addresses)), "names and addresses filled in")


@rule("VF-ALLOC-13", on=asks(FREE))
def bare_vfs_are_freed(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    good = it is not None and it.VFId in seen.switch.vfs and not seen.switch.attached(it.VFId)
    return holds(good, "allocated, without a VPort")


@rule("TEARDOWN-03", on=asks(FREE))
def vfs_are_reset_before_they_go(call: Call, seen: Seen) -> Judgement | None:
    it, switch = asked(call), seen.switch
    if it is None or it.VFId not in switch.unplugged:
        return None
    return holds(it.VFId in switch.reset, "reset between DELETE_VPORT and FREE_VF")


@rule("VPORT-02", on=asks(CREATE_VPORT))
def vports_come_of_a_switch(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    return holds(it is not None and seen.switch.created and it.SwitchId == DEFAULT_SWITCH_ID, "switch 0 exists")


@rule("VPORT-03", on=asks(CREATE_VPORT))
def vports_have_a_function(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    return holds(it is not None and (it.AttachedFunctionId == PF_FUNCTION_ID or it.AttachedFunctionId in seen.switch.vfs),
                 "for the PF or an allocated VF")


@rule("VPORT-04", on=asks(CREATE_VPORT))
def vport_ids_are_new(call: Call, seen: Seen) -> Judgement | None:
    it, offered = asked(call), capabilities(seen)
    most = offered.MaxNumVPorts if offered is not None else 1 << 32
    return holds(it is not None and 0 < it.VPortId < most and it.VPortId not in seen.switch.vports, "an id that is new")


@rule("VPORT-08", on=asks(SET_VPORT))
def vports_stay_activated(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    if it is None or not it.Flags & VPortFlags.STATE_CHANGED:
        return None
    return holds(it.VPortState == VPortState.ACTIVATED, "the new state is Activated")


@rule("VPORT-09", on=asks(CREATE_VPORT))
def queue_pairs_fit(call: Call, seen: Seen) -> Judgement | None:
    it, offered = asked(call), capabilities(seen)
    if it is None or offered is None:
        return None
    others = [port.pairs for vport, port in seen.switch.vports.items() if vport != DEFAULT_VPORT_ID]
    free = offered.NicSwitchCapabilities & NicSwitchCapabilities.ASYMMETRIC_QUEUE_PAIRS
    total = 1 + sum(others) + it.NumQueuePairs
    if not 1 <= it.NumQueuePairs <= offered.MaxNumQueuePairsPerNonDefaultVPort:
        return broken(f"{it.NumQueuePairs} queue pairs, {offered.MaxNumQueuePairsPerNonDefaultVPort} are the most")
    if not free and any(n != it.NumQueuePairs for n in others):
        return broken(f"{it.NumQueuePairs} queue pairs, the other VPorts have {others[0]}")
    return holds(total <= offered.MaxNumQueuePairs, f"{total} queue pairs of {offered.MaxNumQueuePairs}")


@rule("VPORT-11", on=asks(CREATE_VPORT))
def pf_vports_have_one_processor(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    if it is None or it.AttachedFunctionId != PF_FUNCTION_ID:
        return None
    return holds(it.ProcessorAffinity.Mask.bit_count() == 1, "one processor")


@rule("VPORT-12", on=asks(SET_VPORT))
def vports_change_what_may_change(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    if call.args["kind"] != RequestType.SET or it is None:
        return None
    port = seen.switch.vports.get(it.VPortId)
    good = port is not None and it.SwitchId == DEFAULT_SWITCH_ID and not it.Flags & VPORT_CHANGE_MASK & ~CHANGEABLE \
        and not it.LookaheadSize \
        and (port.function == PF_FUNCTION_ID or not it.Flags & VPortFlags.PROCESSOR_AFFINITY_CHANGED)
    return holds(good, "an existing VPort, and members that may change")


@rule("VPORT-16", on=asks(Oid.NIC_SWITCH_DELETE_VPORT))
def bare_vports_are_deleted(call: Call, seen: Seen) -> Judgement | None:
    it, switch = asked(call), seen.switch
    good = it is not None and it.VPortId != DEFAULT_VPORT_ID and it.VPortId in switch.vports \
        and it.VPortId not in switch.filters.values()
    return holds(good, "an existing VPort without filters, not the default one")


def _filter(call: Call) -> Any:
    try:
        return unpack_array(ReceiveFilterParameters, whole(call.args.get("buffer")))
    except Malformed:
        return None


@rule("FILTER-01", on=asks(SET_FILTER))
def filters_are_well_formed(call: Call, seen: Seen) -> Judgement | None:
    if (found := _filter(call)) is None:
        return broken("the tests are not where the request says")
    it, tests = found
    good = it.FilterType == FilterType.VM_QUEUE and it.QueueId == DEFAULT_RECEIVE_QUEUE_ID and it.VPortId in seen.switch.vports
    return holds(good and bool(tests), "a VM-queue filter on queue 0 of an existing VPort, with its tests")


@rule("FILTER-02", on=asks(SET_FILTER))
def tests_are_those_of_sriov(call: Call, seen: Seen) -> Judgement | None:
    if (found := _filter(call)) is None:
        return None
    known = (MacHeaderField.DESTINATION_ADDRESS, MacHeaderField.VLAN_ID)
    good = all(test.FrameHeader == FRAME_HEADER_MAC and test.ReceiveFilterTest == FilterTest.EQUAL and test.HeaderField in known
               for test in found[1])
    return holds(good, "destination address and VLAN id are tested for equality")


@rule("FILTER-03", on=asks(SET_FILTER))
def filter_ids_are_new(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    return holds(it is not None and it.FilterId > 0 and it.FilterId not in seen.switch.filters, "an id that is new, and not 0")


@rule("FILTER-12", on=asks(MOVE))
def filters_move_from_where_they_are(call: Call, seen: Seen) -> Judgement | None:
    it, switch = asked(call), seen.switch
    good = it is not None and switch.filters.get(it.FilterId) == it.SourceVPortId and it.DestVPortId in switch.vports \
        and not it.SourceQueueId and not it.DestQueueId
    return holds(good, "from where it is to an existing VPort")


@rule("FILTER-14", on=asks(CLEAR))
def known_filters_are_cleared(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    return holds(it is not None and it.FilterId in seen.switch.filters and not it.QueueId, "a filter that was set, queue 0")


@rule("POWER-01", on=asks(Oid.SRIOV_SET_VF_POWER_STATE))
def power_states_are_named(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    return holds(it is not None and PowerState.D0 <= it.PowerState <= PowerState.D3, "a state from D0 to D3")


@rule("POWER-02", on=asks(Oid.SRIOV_SET_VF_POWER_STATE))
def nothing_wakes_in_d0(call: Call, seen: Seen) -> Judgement | None:
    it = asked(call)
    if it is None or it.PowerState != PowerState.D0:
        return None
    return holds(not it.WakeEnable, "WakeEnable is FALSE in D0")


def _refused_to_delete(seen: Seen) -> bool:
    """Whether NDIS has asked for the end of the switch, and the PF has not granted it."""
    refused = [asked(c) for c in seen.calls.get(REQUEST_RETURNS, ())
               if c.args["oid"] == Oid.NIC_SWITCH_DELETE_SWITCH and c.args["status"] != Status.SUCCESS]
    return any(it is not None and it.SwitchId == DEFAULT_SWITCH_ID for it in refused)


@rule("HALT-PF-02", on=[HALT])
def switches_go_before_the_pf(call: Call, seen: Seen) -> Judgement | None:
    if not seen.any(REQUEST) or seen.removed or _refused_to_delete(seen):
        return None                                    # a PF that keeps an empty switch breaks SWITCH-13
    return holds(not seen.switch.created, "the switch was deleted before")
