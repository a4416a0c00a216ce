"""Predicates of SWITCH, VF-ALLOC and the PF's halt: what a PF's miniport answers about its switch and its VFs."""

from __future__ import annotations

from nicmodel.datasheet.ndis import (
    DEFAULT_SWITCH_ID,
    INVALID_RID,
    NUM_VFS,
    Oid,
    RequestType,
    Status,
    SwitchFlags,
    SwitchType,
)
from nicmodel.datasheet.ndis_structures import VfParameters
from nicmodel.ndis.answered import asked_of, away, is_configured, refused, succeeded
from nicmodel.ndis.checker import Call, Judgement, Seen, answers, broken, named, obeyed, rule
from nicmodel.ndis.seen import ENABLE, HALT, HALT_RETURNS, INITIALIZE
from nicmodel.ndis.switch_seen import view

CREATE, DELETE, PARAMETERS = Oid.NIC_SWITCH_CREATE_SWITCH, Oid.NIC_SWITCH_DELETE_SWITCH, Oid.NIC_SWITCH_PARAMETERS
ALLOCATE, FREE, CREATE_VPORT = Oid.NIC_SWITCH_ALLOCATE_VF, Oid.NIC_SWITCH_FREE_VF, Oid.NIC_SWITCH_CREATE_VPORT
LOCATION = "NdisMGetVirtualFunctionLocation"


@rule("SWITCH-03", on=answers(CREATE))
def static_parameters_are_compared(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if seen.switch_creation != "static" or asked is None or seen.switch.created or NUM_VFS not in seen.keywords:
        return None
    configured = seen.enabled if seen.virtualized else int(seen.keywords[NUM_VFS] or 0)
    if asked.NumVFs != configured:
        return refused(call, f"a switch of {asked.NumVFs} VFs, where {configured} were configured,")
    if asked.SwitchType != SwitchType.EXTERNAL:
        return refused(call, f"a switch of type {asked.SwitchType}")
    return obeyed("the same parameters") if succeeded(call) else None


@rule("SWITCH-04", on=[ENABLE, *answers(CREATE)])
def dynamic_switch_brings_its_vfs(call: Call, seen: Seen) -> Judgement | None:
    if call.name == ENABLE:
        creating = seen.switch_creation == "dynamic" and seen.request is not None and seen.request.args["oid"] == CREATE
        early = creating and call.args["enable"] and not is_configured(seen)
        return broken("virtualization is enabled before the hardware is configured for it") if early else None
    asked = asked_of(call, seen)
    if seen.switch_creation != "dynamic" or not succeeded(call) or asked is None or not asked.NumVFs:
        return None
    return obeyed("virtualization enabled") if seen.virtualized else broken("virtualization is not enabled")


@rule("SWITCH-06", on=answers(ALLOCATE, CREATE_VPORT))
def nothing_before_the_switch(call: Call, seen: Seen) -> Judgement | None:
    if seen.switch.created:
        return obeyed("after CREATE_SWITCH") if succeeded(call) else None
    return refused(call, "a request without a switch")


@rule("SWITCH-07", on=answers(CREATE, DELETE))
def one_switch(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if asked is None:
        return None
    if asked.SwitchId != DEFAULT_SWITCH_ID:
        return refused(call, f"switch {asked.SwitchId}")
    if call.args["oid"] == CREATE and seen.switch.created:
        return refused(call, "a second switch")
    return obeyed("switch 0") if succeeded(call) else None


@rule("SWITCH-09", on=[ENABLE])
def enabled_once(call: Call, seen: Seen) -> Judgement | None:
    if not call.args["enable"]:
        return None
    return broken("virtualization is on already") if seen.virtualized else obeyed("virtualization was off")


@rule("SWITCH-10", on=[ENABLE])
def disabling_names_no_vfs(call: Call, seen: Seen) -> Judgement | None:
    if call.args["enable"]:
        return None
    num_vfs = call.args["num_vfs"]
    return broken(f"NumVFs is {num_vfs} while disabling") if num_vfs else obeyed("NumVFs is 0")


@rule("SWITCH-12", on=[ENABLE])
def disabled_in_its_place(call: Call, seen: Seen) -> Judgement | None:
    if call.args["enable"] or seen.switch_creation == "none":
        return None
    if seen.runs(INITIALIZE):
        return None                                    # a failing start takes back what it has done
    if seen.switch_creation == "static":
        good = seen.runs(HALT)
    else:
        good = seen.request is not None and seen.request.args["oid"] in (CREATE, DELETE) or seen.runs(HALT)
    return obeyed(f"in {seen.phase}") if good else broken(f"a {seen.switch_creation} driver disables it in {seen.phase}")


@rule("SWITCH-13", on=answers(DELETE))
def deleting_frees_what_it_should(call: Call, seen: Seen) -> Judgement | None:
    asked, switch = asked_of(call, seen), seen.switch
    if call.args["status"] == Status.INVALID_PARAMETER and asked is not None and asked.SwitchId == DEFAULT_SWITCH_ID \
            and switch.is_empty:
        return broken("switch 0 has nothing left on it and is not deleted")
    if not succeeded(call) or not seen.any(ENABLE):
        return None
    if seen.switch_creation == "dynamic" and seen.virtualized:
        return broken("a dynamic switch is deleted and virtualization is still on")
    if seen.switch_creation == "static" and not seen.virtualized:
        return broken("a static switch gives up its hardware before the halt")
    return obeyed("what this kind of switch frees")


@rule("SWITCH-15", on=answers(PARAMETERS))
def only_the_name_changes(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if call.args["kind"] != RequestType.SET or asked is None:
        return None
    if asked.SwitchId != DEFAULT_SWITCH_ID or asked.Flags & ~SwitchFlags.SWITCH_NAME_CHANGED:
        return refused(call, "a change of another switch or member")
    return obeyed("the name may change")


@rule("VF-ALLOC-07", on=answers(ALLOCATE))
def vf_ids_are_free_and_small(call: Call, seen: Seen) -> Judgement | None:
    if not succeeded(call):
        return None
    if (given := view(call.args["buffer"], VfParameters)) is None:
        return broken("the buffer holds no VF parameters")
    vf = given.VFId
    if vf in seen.switch.vfs:
        return broken(f"VF {vf} is given away a second time")
    if vf >= seen.switch.num_vfs:
        return broken(f"VF {vf} of {seen.switch.num_vfs}")
    return obeyed(f"VF {vf}")


@rule("VF-ALLOC-08", on=answers(ALLOCATE))
def requester_id_is_asked_for(call: Call, seen: Seen) -> Judgement | None:
    given = view(call.args["buffer"], VfParameters)
    if not succeeded(call) or given is None:
        return None
    vf, rid = given.VFId, given.RequestorId
    began = seen.request.time_ps if seen.request else 0
    if rid == INVALID_RID:
        return broken("RequestorId is left invalid")
    if rid in [other for known, other in seen.switch.vfs.items() if known != vf]:
        return broken("RequestorId is another VF's")
    if not any(c.args["vf"] == vf and c.time_ps >= began for c in seen.calls.get(LOCATION, ())):
        return broken(f"{LOCATION} was not asked for VF {vf}")
    return obeyed("by the location that NDIS names")


@rule("VF-ALLOC-14", on=answers(FREE))
def only_free_vfs_are_freed(call: Call, seen: Seen) -> Judgement | None:
    if (asked := asked_of(call, seen)) is None or not seen.switch.created or away(call, seen):
        return None
    vf, status = asked.VFId, call.args["status"]
    if vf in seen.switch.vfs and not seen.switch.attached(vf):
        return None
    why = f"VF {vf}, which has a VPort," if vf in seen.switch.vfs else f"VF {vf}, which is not allocated,"
    if succeeded(call) or status != Status.INVALID_PARAMETER:
        return broken(f"{why} is answered {named(status)}, not INVALID_PARAMETER")
    return obeyed(f"{why} is refused")


@rule("VF-ALLOC-15", on=answers(ALLOCATE))
def freed_vfs_come_back(call: Call, seen: Seen) -> Judgement | None:
    switch = seen.switch
    if not switch.freed or not switch.created or len(switch.vfs) >= switch.num_vfs or seen.probing:
        return None
    if call.args["status"] in (Status.RESOURCES, Status.FAILURE):
        return broken(f"no VF is to be had, although only {len(switch.vfs)} of {switch.num_vfs} are given away")
    return obeyed("a freed VF can be had again") if succeeded(call) else None


@rule("HALT-PF-03", on=[HALT_RETURNS])
def static_driver_disables_at_halt(call: Call, seen: Seen) -> Judgement | None:
    if seen.switch_creation != "static" or not seen.any(ENABLE) or seen.removed:
        return None                                    # nobody turns off what has gone (GEN-HALT-03)
    return broken("halted with virtualization on") if seen.virtualized else obeyed("virtualization is off")


@rule("HALT-PF-04", on=[HALT])
def dynamic_driver_has_disabled_before(call: Call, seen: Seen) -> Judgement | None:
    if seen.switch_creation != "dynamic" or not seen.any(ENABLE) or seen.switch.created:
        return None                                    # a switch that was not deleted is NDIS's omission (HALT-PF-02)
    return broken("virtualization is on when the halt begins") if seen.virtualized else obeyed("off since the switch was deleted")
