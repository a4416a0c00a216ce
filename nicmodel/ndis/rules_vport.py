"""Predicates of VPORT, FILTER and RESET: what a PF's miniport answers about VPorts, filters and resets of VFs."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.ndis import (
    DEFAULT_VPORT_ID,
    PF_FUNCTION_ID,
    NicSwitchCapabilities,
    Oid,
    VPortState,
)
from nicmodel.datasheet.ndis_structures import VPortParameters, carries_nothing
from nicmodel.ndis.answered import asked_of, away, refused, succeeded
from nicmodel.ndis.checker import REQUEST, Call, Judgement, Seen, answers, broken, named, obeyed, rule
from nicmodel.ndis.switch_seen import view

CREATE, DELETE = Oid.NIC_SWITCH_CREATE_VPORT, Oid.NIC_SWITCH_DELETE_VPORT
SET_FILTER, MOVE_FILTER = Oid.RECEIVE_FILTER_SET_FILTER, Oid.RECEIVE_FILTER_MOVE_FILTER
RESET_VF = Oid.SRIOV_RESET_VF
QUEUES = ("TXDCTL", "RXDCTL")      # per queue, two queues a VF
QUEUES_PER_VF = 2
SET_BUS_DATA = "NdisMSetVirtualFunctionBusData"


def capabilities(seen: Seen) -> Any | None:
    """The switch capabilities that the driver has reported; the hardware's if none are current."""
    call = seen.attributes.get("hardware_assist")
    if call is None:
        return None
    attributes = call.args["attributes"]
    for pointer in (attributes.CurrentNicSwitchCapabilities, attributes.HardwareNicSwitchCapabilities):
        if not carries_nothing(pointer):
            return pointer.contents
    return None


@rule("VPORT-01", on=answers(CREATE, DELETE))
def default_vport_is_nobodys(call: Call, seen: Seen) -> Judgement | None:
    if (asked := asked_of(call, seen)) is None or asked.VPortId != DEFAULT_VPORT_ID:
        return None
    return refused(call, "the default VPort")


@rule("VPORT-05", on=answers(CREATE))
def vport_keeps_its_id(call: Call, seen: Seen) -> Judgement | None:
    asked, given = asked_of(call, seen), view(call.args["buffer"], VPortParameters)
    if asked is None or given is None or not succeeded(call):
        return None
    if given.VPortId != asked.VPortId:
        return broken(f"the driver calls it VPort {given.VPortId}, NDIS chose {asked.VPortId}")
    return obeyed(f"VPort {given.VPortId}")


@rule("VPORT-06", on=answers(CREATE))
def vport_begins_as_it_should(call: Call, seen: Seen) -> Judgement | None:
    asked, given = asked_of(call, seen), view(call.args["buffer"], VPortParameters)
    if asked is None or given is None or not succeeded(call):
        return None
    if given.AttachedFunctionId == PF_FUNCTION_ID:
        early = given.VPortState == VPortState.ACTIVATED != asked.VPortState
        return broken("a VPort of the PF's is activated before its parameters are set") if early else None
    good = given.VPortState == VPortState.ACTIVATED
    return obeyed("activated") if good else broken(f"the VPort of a VF is in state {given.VPortState}")


@rule("VPORT-07", on=answers(CREATE))
def one_vport_a_vf(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if asked is None or not seen.switch.created or asked.AttachedFunctionId == PF_FUNCTION_ID:
        return None
    if seen.switch.attached(asked.AttachedFunctionId):
        return refused(call, f"a second VPort for VF {asked.AttachedFunctionId}")
    return obeyed("its only VPort") if succeeded(call) else None


@rule("VPORT-14", on=["NdisAllocateSharedMemory"])
def memory_names_its_vport(call: Call, seen: Seen) -> Judgement | None:
    vport, queue = call.args["vport_id"], call.args["queue_id"]
    port = seen.switch.vports.get(vport)
    if vport == DEFAULT_VPORT_ID or port is None or port.function != PF_FUNCTION_ID or queue:
        return broken(f"shared memory names VPort {vport} and queue {queue}, not a nondefault VPort of the PF's and queue 0")
    return obeyed(f"shared memory of VPort {vport}")


@rule("VPORT-18", on=answers(CREATE, DELETE))
def deleted_vports_leave_room(call: Call, seen: Seen) -> Judgement | None:
    asked, switch = asked_of(call, seen), seen.switch
    if call.args["oid"] == DELETE:
        kept = asked is not None and succeeded(call) and seen.shared_by(asked.VPortId)
        return broken(f"VPort {asked.VPortId} is deleted and keeps its shared memory") if kept else None
    if asked is None or asked.AttachedFunctionId not in switch.unplugged or asked.AttachedFunctionId not in switch.vfs \
            or asked.VPortId in switch.vports or seen.probing or away(call, seen):
        return None
    if succeeded(call):
        return obeyed("another VPort for the same VF")
    return broken(f"VF {asked.AttachedFunctionId} gets no VPort, although its last one was deleted")


@rule("ADV-14", on=answers(CREATE))
def vports_are_kept_for_vfs(call: Call, seen: Seen) -> Judgement | None:
    asked, offered = asked_of(call, seen), capabilities(seen)
    if asked is None or offered is None or asked.AttachedFunctionId != PF_FUNCTION_ID or not succeeded(call) \
            or offered.NicSwitchCapabilities & NicSwitchCapabilities.SINGLE_VPORT_POOL:
        return None
    mine = 1 + sum(port.function == PF_FUNCTION_ID for port in seen.switch.vports.values())
    most = offered.MaxNumVPorts - offered.MaxNumVFs
    if mine > most:
        return broken(f"the PF owns {mine} VPorts, {most} are not reserved for VFs")
    return obeyed(f"{mine} of {most} VPorts")


@rule("FILTER-04", on=answers(SET_FILTER))
def filters_reach_the_hardware(call: Call, seen: Seen) -> Judgement | None:
    if not succeeded(call):
        return None
    return obeyed(f"{seen.writes} registers written") if seen.writes else broken("succeeded without writing a register")


@rule("FILTER-13", on=answers(MOVE_FILTER))
def moves_are_whole_or_not_at_all(call: Call, seen: Seen) -> Judgement | None:
    if (asked := asked_of(call, seen)) is None or seen.removed:
        return None
    switch = seen.switch
    possible = switch.filters.get(asked.FilterId) == asked.SourceVPortId and asked.DestVPortId in switch.vports
    if not possible and succeeded(call):
        return broken("a move that cannot be is answered SUCCESS")
    if succeeded(call) and asked.SourceVPortId != asked.DestVPortId and not seen.writes:
        return broken("a move succeeded without writing a register")
    if not succeeded(call) and seen.writes:
        return broken(f"a refused move wrote {seen.writes} registers")
    return obeyed("moved" if possible else "refused, nothing written")


@rule("FILTER-17", on=answers(SET_FILTER))
def filters_are_counted(call: Call, seen: Seen) -> Judgement | None:
    if (offered := capabilities(seen)) is None or not succeeded(call):
        return None
    count = 1 + len(seen.switch.filters)
    if count > offered.MaxNumMacAddresses:
        return broken(f"filter {count}, where MaxNumMacAddresses is {offered.MaxNumMacAddresses}")
    return obeyed(f"filter {count} of {offered.MaxNumMacAddresses}")


@rule("RESET-02", on=answers(RESET_VF))
def only_allocated_vfs_are_reset(call: Call, seen: Seen) -> Judgement | None:
    if (asked := asked_of(call, seen)) is None:
        return None
    if asked.VFId in seen.switch.vfs:
        return obeyed("an allocated VF") if succeeded(call) else None
    return refused(call, "a reset of a VF that is not allocated")


def _reached(vf: int, seen: Seen) -> Judgement:
    """Whether a reset that is said to be done has reached its VF, by its configuration space or by registers."""
    began = seen.request.time_ps if seen.request else 0
    told = any(c.args["vf"] == vf and c.time_ps >= began for c in seen.calls.get(SET_BUS_DATA, ()))
    return obeyed("that VF, and its own queues only") if told or seen.writes else broken(f"nothing was done to VF {vf}")


@rule("RESET-03", on=[*(f"write {name}" for name in QUEUES), *answers(RESET_VF)], during=REQUEST)
def resets_touch_one_vf(call: Call, seen: Seen) -> Judgement | None:
    if seen.request is None or seen.request.args["oid"] != RESET_VF:
        return None
    if (asked := asked_of(seen.request, seen)) is None:
        return None
    if call.name != "write":
        return _reached(asked.VFId, seen) if succeeded(call) else None
    vf = call.args["index"] // QUEUES_PER_VF
    return None if vf == asked.VFId else broken(f"a reset of VF {asked.VFId} writes {call.args['register']} of VF {vf}")


@rule("RESET-05", on=answers(Oid.NIC_SWITCH_FREE_VF))
def reset_vfs_stay_allocated(call: Call, seen: Seen) -> Judgement | None:
    asked, switch = asked_of(call, seen), seen.switch
    if asked is None or asked.VFId not in switch.vfs or asked.VFId not in switch.reset or switch.attached(asked.VFId) \
            or away(call, seen):
        return None
    if succeeded(call):
        return obeyed("allocated until it was freed")
    return broken(f"VF {asked.VFId} was reset and is not known any more: {named(call.args['status'])}")
