"""Predicates of the VF-INIT rules: what a VF's miniport does and refrains from. Texts: datasheet.rules."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import addressof
from typing import Any

from nicmodel.datasheet import registers_vf
from nicmodel.datasheet.ndis import (
    INITIALIZE_STATUSES,
    PF_ONLY_FUNCTIONS,
    STATUS_LINK_STATE,
    VF_OIDS,
    VF_SRIOV_CAPABILITIES,
    MediaConnectState,
    PartitionType,
    Status,
    is_sriov_keyword,
)
from nicmodel.datasheet.ndis_structures import carries_nothing, header_is
from nicmodel.datasheet.registers import Register
from nicmodel.ndis.checker import (
    INITIALIZE_RETURNS,
    RESTART_RETURNS,
    Call,
    Judgement,
    Seen,
    broken,
    obeyed,
    rule,
)
from nicmodel.ndis.rules_generic import ATTRIBUTES, assist, fails, still_held, succeeds
from nicmodel.ndis.seen import PAUSE_RETURNS

MISREADINGS = {
    0x0: "nothing is set: the capability is not reported at all",
    0x1: "SRIOV_SUPPORTED alone: the role is missing",
    0x2: "PF_MINIPORT alone: the page's second step taken at its word",
    0x3: "the PF's flags: the page's second step read without its note",
    0x4: "VF_MINIPORT alone: the page as it stood before SRIOV_SUPPORTED was added in 2017",
    0x6: "PF_MINIPORT and VF_MINIPORT: step and note mixed, SRIOV_SUPPORTED forgotten",
    0x7: "every flag: step and note added up; the two roles exclude each other",
}
"""What each wrong flag word of a VF says about how the page was read (C-01 in docs/ndis.md)."""


def _sriov(call: Call) -> Iterator[Any]:
    """The capability structures a hardware-assist call points to."""
    if (attributes := assist(call)) is not None:
        for pointer in (attributes.HardwareSriovCapabilities, attributes.CurrentSriovCapabilities):
            if pointer:
                yield pointer.contents


@rule("VF-INIT-01", on=[INITIALIZE_RETURNS])
def generic_steps_come_too(call: Call, seen: Seen) -> Judgement | None:
    if not succeeds(call):
        return None
    done = [seen.any("NdisOpenConfigurationEx"), seen.any("NdisMMapIoSpace"),
            "registration" in seen.attributes, "general" in seen.attributes]
    if not any(done):
        return broken("succeeded without any of the generic steps")
    return obeyed("generic steps performed") if all(done) else None


@rule("VF-INIT-02", on=["NdisGetHypervisorInfo"])
def hypervisor_header_is_filled(call: Call, seen: Seen) -> Judgement | None:
    if header_is(call.args["info"]):
        return obeyed("header 80 01 0C 00")
    return broken(f"header {bytes(call.args['info'].Header).hex(' ')}")


@rule("VF-INIT-03", on=[INITIALIZE_RETURNS])
def hypervisor_is_asked(call: Call, seen: Seen) -> Judgement | None:
    asked = seen.calls.get("NdisGetHypervisorInfo", [])
    if succeeds(call) and not asked:
        return broken("succeeded without asking NdisGetHypervisorInfo")
    if succeeds(call) and not any(c.result == Status.SUCCESS for c in asked):
        return broken("succeeded although NdisGetHypervisorInfo had failed")
    return obeyed("asked, and its status heeded") if asked else None


@rule("VF-INIT-04", on=[INITIALIZE_RETURNS])
def vf_lives_in_a_child(call: Call, seen: Seen) -> Judgement | None:
    if not succeeds(call):
        return None
    if seen.partition is PartitionType.MS_HV_CHILD:
        return obeyed("child partition")
    known = "an unknown" if seen.partition is None else f"a {seen.partition.name}"
    return broken(f"came up as a VF in {known} partition")


@rule("VF-INIT-05", on=[INITIALIZE_RETURNS])
def vf_shuns_the_parent(call: Call, seen: Seen) -> Judgement | None:
    if seen.partition is not PartitionType.MS_HV_PARENT:
        return None
    return broken("came up as a VF in the parent") if succeeds(call) else obeyed("fails in the parent")


@rule("VF-INIT-06", on=[INITIALIZE_RETURNS])
def vf_fails_elsewhere(call: Call, seen: Seen) -> Judgement | None:
    if seen.partition is not PartitionType.UNKNOWN:
        return None
    return broken("came up under another hypervisor") if succeeds(call) else obeyed("fails there")


@rule("VF-INIT-07", on=["NdisReadConfiguration", INITIALIZE_RETURNS])
def sriov_keywords_are_left_alone(call: Call, seen: Seen) -> Judgement | None:
    if call.name == INITIALIZE_RETURNS:
        return obeyed("no SR-IOV keyword read")
    return broken("an SR-IOV keyword is read") if is_sriov_keyword(call.args["keyword"]) else None


@rule("VF-INIT-09", on=[ATTRIBUTES])
def capability_header(call: Call, seen: Seen) -> Judgement | None:
    structures = list(_sriov(call))
    for structure in structures:
        if not header_is(structure):
            return broken(f"header {bytes(structure.Header).hex(' ')} instead of 80 01 0c 00")
    return obeyed("header 80 01 0c 00") if structures else None


@rule("VF-INIT-10", on=[ATTRIBUTES])
def capability_flags(call: Call, seen: Seen) -> Judgement | None:
    structures = list(_sriov(call))
    for structure in structures:
        flags = structure.SriovCapabilities
        if flags != VF_SRIOV_CAPABILITIES:
            misreading = MISREADINGS.get(flags, "undefined bits are set")
            return broken(f"SriovCapabilities = {flags:#x}: {misreading}")
    return obeyed("SriovCapabilities = 0x5") if structures else None


@rule("VF-INIT-11", on=[ATTRIBUTES])
def capability_reserved_flags(call: Call, seen: Seen) -> Judgement | None:
    structures = list(_sriov(call))
    if any(structure.Flags for structure in structures):
        return broken("the reserved Flags member is not 0")
    return obeyed("Flags = 0") if structures else None


@rule("VF-INIT-12", on=[ATTRIBUTES, INITIALIZE_RETURNS])
def both_pointers_are_set(call: Call, seen: Seen) -> Judgement | None:
    if call.name == INITIALIZE_RETURNS:
        missing = succeeds(call) and "hardware_assist" not in seen.attributes
        return broken("succeeded without reporting its SR-IOV capability") if missing else None
    if (attributes := assist(call)) is None:
        return None
    hardware, current = attributes.HardwareSriovCapabilities, attributes.CurrentSriovCapabilities
    for name, pointer in (("Hardware", hardware), ("Current", current)):
        if not pointer:
            return broken(f"{name}SriovCapabilities is NULL")
    if addressof(hardware.contents) != addressof(current.contents):
        return broken("the two pointers name different structures")
    return obeyed("both pointers name one structure")


@rule("VF-INIT-13", on=[ATTRIBUTES])
def no_switch_capabilities(call: Call, seen: Seen) -> Judgement | None:
    if (attributes := assist(call)) is None:
        return None
    if carries_nothing(attributes.HardwareNicSwitchCapabilities) \
            and carries_nothing(attributes.CurrentNicSwitchCapabilities):
        return obeyed("no NIC switch capability")
    return broken("NIC switch capabilities are reported")


@rule("VF-INIT-14", on=[ATTRIBUTES])
def no_filter_capabilities(call: Call, seen: Seen) -> Judgement | None:
    if (attributes := assist(call)) is None:
        return None
    if carries_nothing(attributes.HardwareReceiveFilterCapabilities) \
            and carries_nothing(attributes.CurrentReceiveFilterCapabilities):
        return obeyed("no receive-filter capability, no VMQ")
    return broken("receive-filter (VMQ) capabilities are reported")


@rule("VF-INIT-15", on=[ATTRIBUTES])
def assist_header(call: Call, seen: Seen) -> Judgement | None:
    if (attributes := assist(call)) is None:
        return None
    if header_is(attributes):
        return obeyed("header af 03 50 00")
    return broken(f"header {bytes(attributes.Header).hex(' ')} instead of af 03 50 00")


@rule("VF-INIT-16", on=[INITIALIZE_RETURNS])
def assist_status_is_checked(call: Call, seen: Seen) -> Judgement | None:
    reported = seen.attributes.get("hardware_assist")
    if reported is None or reported.result == Status.SUCCESS:
        return None
    if succeeds(call):
        return broken(f"succeeded although the call had returned {Status(reported.result).name}")
    return obeyed("fails after the call has failed")


@rule("VF-INIT-18", on=[ATTRIBUTES])
def invalidate_oid_is_listed(call: Call, seen: Seen) -> Judgement | None:
    if call.args["kind"] != "general":
        return None
    listed = call.args["attributes"].oids()
    return obeyed("listed") if all(oid in listed for oid in VF_OIDS) else broken("not in SupportedOidList")


@rule("VF-INIT-19", on=[*PF_ONLY_FUNCTIONS, INITIALIZE_RETURNS])
def pf_functions_are_not_called(call: Call, seen: Seen) -> Judgement | None:
    if call.name == INITIALIZE_RETURNS:
        return obeyed("no PF function called")
    return broken("only the PF's miniport may call this")


VF_REGISTERS = {row.name for row in vars(registers_vf).values() if isinstance(row, Register)}


@rule("VF-INIT-22", on=["read", "write", INITIALIZE_RETURNS], unless=VF_REGISTERS)
def only_own_registers(call: Call, seen: Seen) -> Judgement | None:
    if call.name == INITIALIZE_RETURNS:
        return obeyed("only registers of the VF accessed")
    return broken(f"{call.args['register']} is not a register of the VF")


@rule("VF-INIT-23", on=[INITIALIZE_RETURNS])
def vf_failure_is_clean(call: Call, seen: Seen) -> Judgement | None:
    if not fails(call):
        return None
    if leak := still_held(seen):
        return broken(f"fails and keeps {leak}")
    if call.args["status"] not in INITIALIZE_STATUSES:
        return broken("fails with a status that is none of NOT_ACCEPTED, RESOURCES, FAILURE")
    return obeyed("everything released")


DATA = ("start_ring_agent", "write VFTDT", "NdisMIndicateReceiveNetBufferLists")


@rule("VF-INIT-24", on=[*DATA, RESTART_RETURNS])
def no_data_before_restart(call: Call, seen: Seen) -> Judgement | None:
    if call.name == RESTART_RETURNS:
        return obeyed("no data moved before") if call.args["status"] == Status.SUCCESS else None
    moves = call.name != "write" or call.args["value"]
    if not moves or seen.running or seen.any(PAUSE_RETURNS):
        return None
    return broken("data moves before MiniportRestart has finished")


RINGS = {row.name: row for row in (registers_vf.VFRXDCTL, registers_vf.VFTXDCTL)}


@rule("VF-INIT-25", on=["NdisMIndicateStatusEx", ATTRIBUTES])
def connected_means_ready(call: Call, seen: Seen) -> Judgement | None:
    if call.name == ATTRIBUTES:
        connected = call.args["kind"] == "general" \
            and call.args["attributes"].MediaConnectState == MediaConnectState.CONNECTED
    else:
        connected = (call.args["status"], call.args["state"]) == (STATUS_LINK_STATE,
                                                                  MediaConnectState.CONNECTED)
    if not connected:
        return None
    enabled = {name for (name, _), word in seen.elements.items() if name in RINGS and word & RINGS[name].ENABLE.mask}
    return obeyed("both rings are enabled") if enabled == set(RINGS) else broken("connected, but no ring is enabled")
