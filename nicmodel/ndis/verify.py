"""What NDIS verifies before a miniport is asked, and what it notes once the miniport has succeeded.

A verification answers SUCCESS or with what is wrong; it may put an id of NDIS's choice into the request. Ownership: only
who allocated a VF frees it, only who created a VPort deletes it or sets filters on it, only who set a filter moves or
clears it; the default VPort is everybody's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from nicmodel.datasheet.ndis import (
    DEFAULT_RECEIVE_FILTER_ID,
    DEFAULT_RECEIVE_QUEUE_ID,
    DEFAULT_SWITCH_ID,
    DEFAULT_VPORT_ID,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    NIC_SWITCH_KEY,
    PF_FUNCTION_ID,
    FilterType,
    Issuer,
    NicSwitchCapabilities,
    Oid,
    RequestType,
    Status,
    SwitchFlags,
    VPortFlags,
    VPortState,
)
from nicmodel.datasheet.ndis_buffers import Malformed, unpack_array, written
from nicmodel.datasheet.ndis_structures import ReceiveFilterParameters
from nicmodel.ndis.answers import Known, Owned, copy_of
from nicmodel.ndis.request import Request

SET, METHOD = RequestType.SET, RequestType.METHOD


class Opener(NamedTuple):
    """Who asks: a name, so that what is created has an owner, and what kind of caller that is."""

    name: str
    issuer: Issuer


STACK = Opener("virtualization stack", Issuer.VS)
NDIS = Opener("NDIS", Issuer.NDIS)
NETVSC = Opener("NetVSC", Issuer.NETVSC)
APPLICATION = Opener("application", Issuer.APP)


# the switch --------------------------------------------------------------------------------------


def verify_create_switch(known: Known, request: Request, opener: Opener) -> Status:
    """SWITCH-07."""
    taken = known.switch is not None or request.information.SwitchId != DEFAULT_SWITCH_ID
    return Status.INVALID_PARAMETER if taken else Status.SUCCESS


def verify_delete_switch(known: Known, request: Request, opener: Opener) -> Status:
    """SWITCH-13, -14: NDIS asks only when nothing is left on it."""
    busy = known.filters or known.vfs or set(known.vports) != {DEFAULT_VPORT_ID}
    return Status.INVALID_PARAMETER if busy or not known.is_switch(request.information) else Status.SUCCESS


def verify_switch(known: Known, request: Request, opener: Opener) -> Status:
    return Status.SUCCESS if known.is_switch(request.information) else Status.INVALID_PARAMETER


def note_switch_name(known: Known, request: Request, opener: Opener) -> None:
    """SWITCH-15: the registry follows."""
    if request.information.Flags & SwitchFlags.SWITCH_NAME_CHANGED and known.switch is not None:
        known.switch.SwitchFriendlyName = request.information.SwitchFriendlyName
        known.write_keyword(NIC_SWITCH_KEY + "*SwitchName", request.information.SwitchFriendlyName.text)


# VFs ---------------------------------------------------------------------------------------------


def verify_allocate_vf(known: Known, request: Request, opener: Opener) -> Status:
    """VF-ALLOC-02, -03, -04, -05."""
    asked = request.information
    preset = (asked.VFId, asked.RequestorId) == (INVALID_VF_FUNCTION_ID, INVALID_RID)
    good = known.is_switch(asked) and preset and 0 < asked.MacAddressLength <= len(asked.CurrentMacAddress)
    return Status.SUCCESS if good else Status.INVALID_PARAMETER


def note_vf(known: Known, request: Request, opener: Opener) -> None:
    known.vfs[request.information.VFId] = Owned(copy_of(request.information), opener.name)


def verify_free_vf(known: Known, request: Request, opener: Opener) -> Status:
    """VF-ALLOC-12: by its allocator. Whether it is busy is the miniport's check (VF-ALLOC-14)."""
    return _owned(known.vfs, request.information.VFId, opener)


def note_vf_freed(known: Known, request: Request, opener: Opener) -> None:
    """BACKCH-12: its back channel goes with it."""
    del known.vfs[request.information.VFId]
    known.vf_freed(request.information.VFId)


def _owned(table: dict[int, Owned], number: int, opener: Opener) -> Status:
    good = number in table and table[number].owner == opener.name
    return Status.SUCCESS if good else Status.INVALID_PARAMETER


# VPorts ------------------------------------------------------------------------------------------


def verify_create_vport(known: Known, request: Request, opener: Opener) -> Status:
    """VPORT-02, -03, -04, -07, -09, -11: and the lowest free id from 1."""
    asked = request.information
    function, of_pf = asked.AttachedFunctionId, asked.AttachedFunctionId == PF_FUNCTION_ID
    if not known.is_switch(asked) or asked.VPortId != DEFAULT_VPORT_ID or not (of_pf or function in known.vfs):
        return Status.INVALID_PARAMETER
    if not of_pf and function in [each.parameters.AttachedFunctionId for each in known.vports.values()]:
        return Status.INVALID_PARAMETER
    if of_pf and asked.ProcessorAffinity.Mask.bit_count() != 1:
        return Status.INVALID_PARAMETER
    status = _queue_pairs(known, asked.NumQueuePairs)
    if status != Status.SUCCESS:
        return status
    number = 1
    while number in known.vports:
        number += 1
    if number >= known.capability("CurrentNicSwitch").MaxNumVPorts:
        return Status.RESOURCES
    asked.VPortId = number
    return Status.SUCCESS


def _queue_pairs(known: Known, count: int) -> Status:
    """VPORT-09: within a VPort's limit, alike on all nondefault VPorts unless that is not needed, within the adapter's."""
    capabilities = known.capability("CurrentNicSwitch")
    others = [each.parameters.NumQueuePairs for number, each in known.vports.items() if number != DEFAULT_VPORT_ID]
    asymmetric = capabilities.NicSwitchCapabilities & NicSwitchCapabilities.ASYMMETRIC_QUEUE_PAIRS
    if not 1 <= count <= capabilities.MaxNumQueuePairsPerNonDefaultVPort or (not asymmetric and set(others) - {count}):
        return Status.INVALID_PARAMETER
    return Status.RESOURCES if 1 + sum(others) + count > capabilities.MaxNumQueuePairs else Status.SUCCESS


def note_vport(known: Known, request: Request, opener: Opener) -> None:
    """VPORT-06: a VF's is activated from birth, one of the PF's is not."""
    parameters = copy_of(request.information)
    of_pf = parameters.AttachedFunctionId == PF_FUNCTION_ID
    parameters.VPortState = VPortState.DEACTIVATED if of_pf else VPortState.ACTIVATED
    known.vports[parameters.VPortId] = Owned(parameters, opener.name)


def verify_set_vport(known: Known, request: Request, opener: Opener) -> Status:
    """VPORT-12, INTR-08: moderation only where it is a VPort's own."""
    asked, offered = request.information, known.capability("CurrentNicSwitch")
    there = known.is_switch(asked) and asked.VPortId in known.vports
    if asked.Flags & VPortFlags.INT_MOD_CHANGED and not (
            offered and offered.NicSwitchCapabilities & NicSwitchCapabilities.PER_VPORT_INTERRUPT_MODERATION):
        return Status.INVALID_PARAMETER
    return Status.SUCCESS if there else Status.INVALID_PARAMETER


def note_vport_changed(known: Known, request: Request, opener: Opener) -> None:
    """VPORT-13: what the flags name."""
    asked, vport = request.information, known.vports[request.information.VPortId].parameters
    for flag, member in CHANGED.items():
        if asked.Flags & flag:
            setattr(vport, member, getattr(asked, member))


def verify_delete_vport(known: Known, request: Request, opener: Opener) -> Status:
    """VPORT-16: by its creator, and never the default one."""
    return _owned(known.vports, request.information.VPortId, opener)


def note_vport_deleted(known: Known, request: Request, opener: Opener) -> None:
    del known.vports[request.information.VPortId]


# filters -----------------------------------------------------------------------------------------


def verify_set_filter(known: Known, request: Request, opener: Opener) -> Status:
    """FILTER-01, -03, -05: well formed, on a VPort that the caller may use; and an id that nobody has had."""
    asked = request.information
    if asked.FilterType != FilterType.VM_QUEUE or asked.QueueId != DEFAULT_RECEIVE_QUEUE_ID \
            or asked.FilterId != DEFAULT_RECEIVE_FILTER_ID or not _may_filter(known, asked.VPortId, opener):
        return Status.INVALID_PARAMETER
    try:
        _, tests = unpack_array(ReceiveFilterParameters, written(asked) + bytes(request.data)[:request.length - request.size])
    except Malformed as problem:
        request.bytes_needed = problem.bytes_needed
        return problem.status
    if not tests:
        return Status.INVALID_PARAMETER
    asked.FilterId = next(known.filter_ids)
    return Status.SUCCESS


def _may_filter(known: Known, vport: int, opener: Opener) -> bool:
    return vport == DEFAULT_VPORT_ID in known.vports or _owned(known.vports, vport, opener) == Status.SUCCESS


def note_filter(known: Known, request: Request, opener: Opener) -> None:
    asked = request.information
    _, tests = unpack_array(ReceiveFilterParameters, written(asked) + bytes(request.data))
    known.filters[asked.FilterId] = Owned(copy_of(asked), opener.name, tuple(tests), asked.VPortId)  # type: ignore[arg-type]


def verify_move_filter(known: Known, request: Request, opener: Opener) -> Status:
    """FILTER-12."""
    asked = request.information
    status = _owned(known.filters, asked.FilterId, opener)
    if status == Status.SUCCESS and (
            known.filters[asked.FilterId].vport != asked.SourceVPortId or not _may_filter(known, asked.DestVPortId, opener)
            or (asked.SourceQueueId, asked.DestQueueId) != (DEFAULT_RECEIVE_QUEUE_ID,) * 2):
        return Status.INVALID_PARAMETER
    return status


def note_filter_moved(known: Known, request: Request, opener: Opener) -> None:
    known.filters[request.information.FilterId].vport = request.information.DestVPortId


def verify_clear_filter(known: Known, request: Request, opener: Opener) -> Status:
    """FILTER-05, -14: by who set it."""
    if request.information.QueueId != DEFAULT_RECEIVE_QUEUE_ID:
        return Status.INVALID_PARAMETER
    return _owned(known.filters, request.information.FilterId, opener)


def note_filter_cleared(known: Known, request: Request, opener: Opener) -> None:
    del known.filters[request.information.FilterId]


CHANGED = {VPortFlags.NAME_CHANGED: "VPortName", VPortFlags.INT_MOD_CHANGED: "InterruptModeration",
           VPortFlags.STATE_CHANGED: "VPortState", VPortFlags.PROCESSOR_AFFINITY_CHANGED: "ProcessorAffinity"}
CHOSEN = {Oid.NIC_SWITCH_CREATE_VPORT: "VPortId", Oid.RECEIVE_FILTER_SET_FILTER: "FilterId"}
"""The member that holds an id of NDIS's choice."""

Verify = Callable[[Known, Request, Opener], Status]
VERIFY: dict[tuple[RequestType, Oid], Verify] = {
    (METHOD, Oid.NIC_SWITCH_CREATE_SWITCH): verify_create_switch,
    (SET, Oid.NIC_SWITCH_DELETE_SWITCH): verify_delete_switch,
    (SET, Oid.NIC_SWITCH_PARAMETERS): verify_switch,
    (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF): verify_allocate_vf,
    (SET, Oid.NIC_SWITCH_FREE_VF): verify_free_vf,
    (METHOD, Oid.NIC_SWITCH_CREATE_VPORT): verify_create_vport,
    (SET, Oid.NIC_SWITCH_VPORT_PARAMETERS): verify_set_vport,
    (SET, Oid.NIC_SWITCH_DELETE_VPORT): verify_delete_vport,
    (METHOD, Oid.RECEIVE_FILTER_SET_FILTER): verify_set_filter,
    (SET, Oid.RECEIVE_FILTER_MOVE_FILTER): verify_move_filter,
    (SET, Oid.RECEIVE_FILTER_CLEAR_FILTER): verify_clear_filter,
}
"""What NDIS verifies itself; the members of other requests are the miniport's to check."""

Note = Callable[[Known, Request, Opener], None]
NOTE: dict[tuple[RequestType, Oid], Note] = {
    (METHOD, Oid.NIC_SWITCH_CREATE_SWITCH): lambda known, request, _: known.born(request.information),
    (SET, Oid.NIC_SWITCH_DELETE_SWITCH): lambda known, _request, _opener: known.died(),
    (SET, Oid.NIC_SWITCH_PARAMETERS): note_switch_name,
    (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF): note_vf,
    (SET, Oid.NIC_SWITCH_FREE_VF): note_vf_freed,
    (METHOD, Oid.NIC_SWITCH_CREATE_VPORT): note_vport,
    (SET, Oid.NIC_SWITCH_VPORT_PARAMETERS): note_vport_changed,
    (SET, Oid.NIC_SWITCH_DELETE_VPORT): note_vport_deleted,
    (METHOD, Oid.RECEIVE_FILTER_SET_FILTER): note_filter,
    (SET, Oid.RECEIVE_FILTER_MOVE_FILTER): note_filter_moved,
    (SET, Oid.RECEIVE_FILTER_CLEAR_FILTER): note_filter_cleared,
}
"""What NDIS notes once the miniport has succeeded."""
