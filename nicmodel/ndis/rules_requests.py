"""Predicates of OID, STRUCT, EXPOSE, CFG, BAR, POWER: how a miniport answers requests, above all about one VF."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.config_space import BAR_64, BAR_BYTES, SPACE_BYTES
from nicmodel.datasheet.ndis import (
    DEFAULT_RECEIVE_QUEUE_ID,
    DEFAULT_VPORT_ID,
    PF_FUNCTION_ID,
    PF_OIDS,
    PF_ONLY_REQUESTS,
    ROW_OF,
    VF_OIDS,
    Oid,
    PowerState,
    Status,
    may_answer,
)
from nicmodel.datasheet.ndis_buffers import Malformed, unpack_data, unpack_plain
from nicmodel.datasheet.ndis_structures import (
    BarResourcesInfo,
    MemoryResource,
    ProbedBarsInfo,
    VendorDeviceIdInfo,
    header_is,
)
from nicmodel.ndis.answered import asked_of, away, refused, succeeded
from nicmodel.ndis.checker import REQUEST_RETURNS, Call, Judgement, Seen, answers, broken, named, obeyed, oid_name, rule
from nicmodel.ndis.rules_generic import ATTRIBUTES
from nicmodel.ndis.switch_seen import view, whole

READ_SPACE, WRITE_SPACE = Oid.SRIOV_READ_VF_CONFIG_SPACE, Oid.SRIOV_WRITE_VF_CONFIG_SPACE
READ_BLOCK, WRITE_BLOCK = Oid.SRIOV_READ_VF_CONFIG_BLOCK, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK
SET_BUS_DATA = "NdisMSetVirtualFunctionBusData"
QUERY_BARS = "NdisMQueryProbedBars"
ABOUT_A_VF = frozenset(oid for oid in PF_OIDS if oid.name.startswith("SRIOV_"))
ABSENT = (0x0000, 0xFFFF)           # ids of no device


@rule("OID-03", on=[ATTRIBUTES, *answers(*VF_OIDS)])
def vf_supports_its_own(call: Call, seen: Seen) -> Judgement | None:
    if call.name == ATTRIBUTES:
        if call.args["kind"] != "general":
            return None
        missing = set(VF_OIDS) - set(call.args["attributes"].oids())
        return broken(f"{oid_name(min(missing))} is not listed") if missing else obeyed("listed")
    status = call.args["status"]
    if seen.removed or status not in (Status.NOT_SUPPORTED, Status.INVALID_OID):
        return None
    return broken(f"{named(status)} to {oid_name(call.args['oid'])}, which a VF supports")


@rule("OID-04", on=[REQUEST_RETURNS])
def vf_serves_no_request_of_a_pf(call: Call, seen: Seen) -> Judgement | None:
    if (call.args["oid"], call.args["kind"]) not in PF_ONLY_REQUESTS:
        return None
    return refused(call, f"a PF's {oid_name(call.args['oid'])}")


@rule("OID-05", on=answers(Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK))
def pf_knows_no_stale_blocks(call: Call, seen: Seen) -> Judgement | None:
    good = call.args["status"] == Status.NOT_SUPPORTED
    return obeyed("NOT_SUPPORTED") if good else broken(f"{named(call.args['status'])} instead of NOT_SUPPORTED")


@rule("OID-07", on=answers(*PF_OIDS))
def without_sriov_nothing_is_supported(call: Call, seen: Seen) -> Judgement | None:
    if "hardware_assist" not in seen.attributes or seen.sriov or seen.removed:
        return None
    good = call.args["status"] == Status.NOT_SUPPORTED
    return obeyed("NOT_SUPPORTED") if good else broken(f"{named(call.args['status'])} although SR-IOV is not enabled")


@rule("OID-08", on=answers(*PF_OIDS))
def short_buffers_are_refused(call: Call, seen: Seen) -> Judgement | None:
    least = ROW_OF[call.args["oid"]].min_length
    if seen.asked_length is None or seen.asked_length >= least or not seen.sriov or seen.removed:
        return None
    if call.args["status"] in (Status.INVALID_LENGTH, Status.NOT_ACCEPTED):
        return obeyed("INVALID_LENGTH")
    return broken(f"{named(call.args['status'])} to {seen.asked_length} bytes, where {least} are needed")


def _bad_member(oid: Oid, asked: Any, seen: Seen) -> str:
    """A VPort, VF or filter that a request names and that is not there, or there already, in words; empty if there is none."""
    switch = seen.switch
    if not switch.created:
        return ""
    if oid in (Oid.NIC_SWITCH_DELETE_VPORT, Oid.NIC_SWITCH_VPORT_PARAMETERS, Oid.RECEIVE_FILTER_SET_FILTER) \
            and asked.VPortId not in switch.vports:
        return f"VPort {asked.VPortId}, which is not there"
    if oid == Oid.NIC_SWITCH_CREATE_VPORT and asked.AttachedFunctionId not in (PF_FUNCTION_ID, *switch.vfs):
        return f"VF {asked.AttachedFunctionId}, which is not allocated"
    if oid == Oid.RECEIVE_FILTER_SET_FILTER and asked.FilterId in switch.filters:
        return f"filter {asked.FilterId}, which is there already"
    if oid == Oid.RECEIVE_FILTER_CLEAR_FILTER and asked.FilterId not in switch.filters:
        return f"filter {asked.FilterId}, which is not there"
    if oid == Oid.SRIOV_SET_VF_POWER_STATE and not PowerState.D0 <= asked.PowerState <= PowerState.D3:
        return f"power state {asked.PowerState}"
    return ""


def _is_good(oid: Oid, asked: Any, seen: Seen) -> bool:
    """Whether a request that takes something from the switch names what is there and may go."""
    switch = seen.switch
    if oid == Oid.RECEIVE_FILTER_CLEAR_FILTER:
        return asked.FilterId in switch.filters and asked.QueueId == DEFAULT_RECEIVE_QUEUE_ID
    return oid == Oid.NIC_SWITCH_DELETE_VPORT and asked.VPortId != DEFAULT_VPORT_ID and asked.VPortId in switch.vports \
        and asked.VPortId not in switch.filters.values()


@rule("OID-09", on=answers(*PF_OIDS))
def statuses_are_those_of_the_page(call: Call, seen: Seen) -> Judgement | None:
    oid, status = call.args["oid"], call.args["status"]
    if seen.removed or not seen.sriov:
        return None
    asked = asked_of(call, seen)
    if asked is None:
        return None
    vf = getattr(asked, "VFId", None)
    unknown = oid in ABOUT_A_VF and vf is not None and vf not in seen.switch.vfs
    if unknown and status not in (Status.SUCCESS, Status.INVALID_PARAMETER, Status.INVALID_LENGTH, Status.NOT_ACCEPTED):
        return broken(f"{named(status)} for a VF that is not allocated, not INVALID_PARAMETER")
    if status == Status.SUCCESS and (bad := _bad_member(oid, asked, seen)):
        return broken(f"SUCCESS to {oid_name(oid)} with {bad}, not INVALID_PARAMETER")
    if status == Status.INVALID_PARAMETER and _is_good(oid, asked, seen):
        return broken(f"INVALID_PARAMETER to {oid_name(oid)}, whose members are good")
    if status not in (Status.INVALID_PARAMETER, Status.FAILURE, Status.RESOURCES, Status.INVALID_LENGTH) \
            and not may_answer(oid, status):
        return broken(f"{named(status)} is no answer to {oid_name(oid)}")
    return obeyed("a status of its page")


@rule("OID-12", on=answers(*PF_OIDS))
def nothing_remains_of_a_failure(call: Call, seen: Seen) -> Judgement | None:
    if call.args["status"] not in (Status.INVALID_PARAMETER, Status.INVALID_LENGTH):
        return None
    return broken(f"refused after {seen.writes} register writes") if seen.writes else obeyed("refused before any write")


@rule("STRUCT-01", on=answers(*PF_OIDS))
def wrong_headers_are_refused(call: Call, seen: Seen) -> Judgement | None:
    row = ROW_OF[call.args["oid"]]
    found = view(seen.asked, row.structure)
    if found is None or header_is(found) or not seen.sriov or seen.removed:
        return None
    if call.args["status"] in (Status.INVALID_PARAMETER, Status.INVALID_LENGTH, Status.NOT_ACCEPTED):
        return obeyed("a header that does not match is refused")
    return broken(f"{named(call.args['status'])} to the header {bytes(found.Header).hex(' ')}")


def unknown_vf(call: Call, seen: Seen) -> Judgement | None:
    """Judges a request that names a VF: one that is not allocated is refused."""
    if (asked := asked_of(call, seen)) is None:
        return None
    if asked.VFId not in seen.switch.vfs:
        return refused(call, f"{oid_name(call.args['oid'])} for VF {asked.VFId}, which is not allocated,")
    return obeyed("an allocated VF") if succeeded(call) else None


@rule("CFG-03", on=answers(READ_SPACE, WRITE_SPACE))
def spaces_of_allocated_vfs(call: Call, seen: Seen) -> Judgement | None:
    return unknown_vf(call, seen)


@rule("CFG-04", on=answers(READ_SPACE))
def read_buffers_hold_their_data(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if asked is None or seen.asked_length is None or asked.VFId not in seen.switch.vfs \
            or away(call, seen):
        return None
    needed = asked.BufferOffset + asked.Length
    if needed <= seen.asked_length:
        return None
    if call.args["status"] == Status.INVALID_LENGTH:
        return obeyed("INVALID_LENGTH")
    return broken(f"{named(call.args['status'])} to a buffer of {seen.asked_length} bytes, where {needed} are needed")


@rule("CFG-05", on=answers(WRITE_SPACE))
def writes_reach_the_vf(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if asked is None or not succeeded(call) or seen.request is None:
        return None
    done = any(c.args["vf"] == asked.VFId and c.time_ps >= seen.request.time_ps for c in seen.calls.get(SET_BUS_DATA, ()))
    return obeyed(f"through {SET_BUS_DATA}") if done else broken(f"succeeded without {SET_BUS_DATA}")


@rule("CFG-07", on=answers(READ_SPACE, WRITE_SPACE))
def spaces_end(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if asked is None or asked.Offset + asked.Length <= SPACE_BYTES:
        return None
    return refused(call, f"an access up to byte {asked.Offset + asked.Length}")


@rule("EXPOSE-02", on=answers(Oid.SRIOV_VF_VENDOR_DEVICE_ID))
def vfs_have_ids(call: Call, seen: Seen) -> Judgement | None:
    asked, given = asked_of(call, seen), view(call.args["buffer"], VendorDeviceIdInfo)
    if asked is None or given is None or asked.VFId not in seen.switch.vfs:
        return unknown_vf(call, seen)
    if not succeeded(call):
        return None
    if given.VendorId in ABSENT or given.DeviceId in ABSENT:
        return broken(f"vendor {given.VendorId:#06x}, device {given.DeviceId:#06x}: no device has these")
    return obeyed(f"vendor {given.VendorId:#06x}, device {given.DeviceId:#06x}")


@rule("BAR-02", on=answers(Oid.SRIOV_PROBED_BARS))
def probed_bars_are_asked_for(call: Call, seen: Seen) -> Judgement | None:
    if not succeeded(call):
        return None
    if not seen.any(QUERY_BARS):
        return broken(f"answered without {QUERY_BARS}")
    told = seen.calls[QUERY_BARS][-1].args.get("values")
    try:
        _, given = unpack_data(ProbedBarsInfo, whole(call.args["buffer"]))
    except Malformed:
        return broken("the values are not where the request wants them")
    if told and given[:len(told) * BAR_BYTES] != b"".join(value.to_bytes(BAR_BYTES, "little") for value in told):
        return broken(f"other values than those of {QUERY_BARS}")
    return obeyed(f"by {QUERY_BARS}")


@rule("BAR-04", on=answers(Oid.SRIOV_BAR_RESOURCES))
def bars_of_allocated_vfs(call: Call, seen: Seen) -> Judgement | None:
    return unknown_vf(call, seen)


def slice_of(buffer: Any) -> tuple[int, int, MemoryResource] | None:
    """VF, BAR and memory of an answer about BARs."""
    try:
        info, data = unpack_data(BarResourcesInfo, whole(buffer))
        return info.VFId, info.BarIndex, unpack_plain(MemoryResource, data)
    except Malformed:
        return None


@rule("BAR-05", on=answers(Oid.SRIOV_BAR_RESOURCES))
def slices_lie_side_by_side(call: Call, seen: Seen) -> Judgement | None:
    if not succeeded(call) or (found := slice_of(call.args["buffer"])) is None:
        return None
    vf, bar, memory = found
    for earlier in seen.calls.get(REQUEST_RETURNS, ()):
        if earlier.args["oid"] != call.args["oid"] or earlier.args["status"] != Status.SUCCESS:
            continue
        other = slice_of(earlier.args["buffer"])
        if other is None or other[1] != bar:
            continue
        if memory.Start - other[2].Start != (vf - other[0]) * memory.Length or memory.Length != other[2].Length:
            return broken(f"BAR {bar} of VF {vf} is at {memory.Start:#x}, of VF {other[0]} at {other[2].Start:#x}, "
                          f"{memory.Length:#x} bytes each")
        if vf != other[0]:
            return obeyed("equal slices in order")
    return None


def upper_halves(seen: Seen) -> set[int]:
    """BARs that are the upper half of the one before, by the last answer to PROBED_BARS."""
    for call in reversed(seen.calls.get(REQUEST_RETURNS, [])):
        if call.args["oid"] != Oid.SRIOV_PROBED_BARS or call.args["status"] != Status.SUCCESS:
            continue
        try:
            _, data = unpack_data(ProbedBarsInfo, whole(call.args["buffer"]))
        except Malformed:
            return set()
        upper: set[int] = set()
        for bar, low in enumerate(data[::BAR_BYTES]):
            if low & BAR_64 and bar not in upper:
                upper.add(bar + 1)
        return upper
    return set()


@rule("BAR-06", on=answers(Oid.SRIOV_BAR_RESOURCES))
def upper_halves_have_nothing(call: Call, seen: Seen) -> Judgement | None:
    asked = asked_of(call, seen)
    if asked is None or asked.VFId not in seen.switch.vfs or asked.BarIndex not in upper_halves(seen):
        return None
    return refused(call, f"BAR {asked.BarIndex}, an upper half,")


@rule("POWER-03", on=answers(Oid.SRIOV_SET_VF_POWER_STATE))
def power_of_allocated_vfs(call: Call, seen: Seen) -> Judgement | None:
    return unknown_vf(call, seen)


@rule("BACKCH-03", on=answers(READ_BLOCK, WRITE_BLOCK))
def blocks_of_allocated_vfs(call: Call, seen: Seen) -> Judgement | None:
    return unknown_vf(call, seen)
