"""Predicates of the PF-INIT rules: what a PF's miniport does before VFs exist. Texts: datasheet.rules."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.ndis import NUM_VFS, PF_OIDS, PartitionType, enabled_features
from nicmodel.datasheet.ndis_structures import carries_nothing, header_is
from nicmodel.ndis.answered import is_configured
from nicmodel.ndis.checker import CLAIMS, INITIALIZE_RETURNS, Call, Judgement, Seen, broken, obeyed, rule
from nicmodel.ndis.rules_generic import ADD_DEVICE, ATTRIBUTES, assist, fails, succeeds
from nicmodel.ndis.seen import ENABLE

ADD_DEVICE_RETURNS = ADD_DEVICE + " returns"

@rule("PF-INIT-01", on=["NdisSetOptionalHandlers"])
def handlers_are_set_in_set_options(call: Call, seen: Seen) -> Judgement | None:
    if seen.phase == "MiniportSetOptions":
        return obeyed("called from MiniportSetOptions")
    return broken(f"called from {seen.phase}, not from MiniportSetOptions")


@rule("PF-INIT-03", on=["read", "write", "config_read", "config_write", *CLAIMS, ENABLE, ADD_DEVICE_RETURNS], during=ADD_DEVICE)
def add_device_leaves_hardware_alone(call: Call, seen: Seen) -> Judgement | None:
    if seen.phase != ADD_DEVICE:
        return None
    if call.name == ADD_DEVICE_RETURNS:
        return obeyed("only software was touched")
    return broken("hardware is touched in MiniportAddDevice")


@rule("PF-INIT-04", on=[ADD_DEVICE_RETURNS])
def context_is_handed_over(call: Call, seen: Seen) -> Judgement | None:
    if "add_device" in seen.attributes:
        return obeyed("context handed over")
    if seen.holds("memory") > 0:
        return broken("keeps memory without add-device registration attributes")
    return None


@rule("PF-INIT-05", on=[INITIALIZE_RETURNS])
def pf_lives_in_the_parent(call: Call, seen: Seen) -> Judgement | None:
    if succeeds(call) and seen.partition is None:
        return broken("succeeded without learning its partition from NdisGetHypervisorInfo")
    if seen.partition is PartitionType.MS_HV_CHILD:
        return broken("came up as a PF in a child") if succeeds(call) else obeyed("fails in a child")
    return obeyed("parent partition") if seen.partition is PartitionType.MS_HV_PARENT else None


@rule("PF-INIT-06", on=[ATTRIBUTES])
def ordinary_nic_elsewhere(call: Call, seen: Seen) -> Judgement | None:
    if (attributes := assist(call)) is None or seen.partition is not PartitionType.UNKNOWN:
        return None
    if carries_nothing(attributes.CurrentSriovCapabilities):
        return obeyed("an ordinary NIC")
    return broken("SR-IOV is reported as current without Hyper-V")


@rule("PF-INIT-07", on=[ATTRIBUTES, INITIALIZE_RETURNS])
def keywords_are_read(call: Call, seen: Seen) -> Judgement | None:
    if call.name == ATTRIBUTES and assist(call) is None or fails(call):
        return None
    if "*SriovPreferred" not in seen.keywords:
        return broken("*SriovPreferred has not been read")
    if seen.keywords["*SriovPreferred"] and "*SRIOV" not in seen.keywords:
        return broken("*SriovPreferred is 1 but *SRIOV has not been read")
    return obeyed("keywords read before the capabilities are reported")


def decided(seen: Seen) -> frozenset[str]:
    """What the decision table makes of the keywords read so far."""
    value = seen.keywords.get
    return enabled_features(*(int(value(name, default) or 0) for name, default in (
        ("*SriovPreferred", 0), ("*RssOrVmqPreference", 0), ("*SRIOV", 1), ("*VMQ", 1), ("*RSS", 1))))


def _free(seen: Seen) -> bool:
    """Without Hyper-V no page says what is current; PF-INIT-06 holds our decision."""
    return seen.partition is PartitionType.UNKNOWN


def _current(attributes: Any) -> dict[str, bool]:
    return {name: not carries_nothing(getattr(attributes, f"Current{name}Capabilities"))
            for name in ("Sriov", "NicSwitch", "ReceiveFilter")}


def _expected(seen: Seen) -> dict[str, bool]:
    features = decided(seen)
    sriov = "sriov" in features
    return {"Sriov": sriov, "NicSwitch": sriov, "ReceiveFilter": sriov or "vmq" in features}


@rule("PF-INIT-08", on=[ATTRIBUTES])
def decision_table_is_followed(call: Call, seen: Seen) -> Judgement | None:
    if (attributes := assist(call)) is None or _free(seen):
        return None
    current, expected = _current(attributes), _expected(seen)
    if current["Sriov"] != expected["Sriov"] and current["NicSwitch"] != expected["NicSwitch"]:
        return broken(f"SR-IOV is {'enabled' if current['Sriov'] else 'disabled'}, the keywords say "
                      f"{', '.join(sorted(decided(seen))) or 'none'}")
    return obeyed(f"enabled: {', '.join(sorted(decided(seen))) or 'none'}")


SAME = ("Sriov", "NicSwitch")              # whose current structure is the hardware's; that of filters may be less


def _differs(attributes: Any, name: str) -> str:
    """In words, that what is current is not what the hardware can do (ADV-03, -04); empty if it is, or nothing is current."""
    current, hardware = (getattr(attributes, f"{when}{name}Capabilities") for when in ("Current", "Hardware"))
    if carries_nothing(current) or bytes(current.contents) == bytes(hardware.contents):
        return ""
    return f"Current{name}Capabilities is another structure than Hardware{name}Capabilities"


def _reported(call: Call, seen: Seen, name: str) -> Judgement | None:
    """The common half of PF-INIT-09 to -11: hardware always, current only if enabled."""
    if call.name == INITIALIZE_RETURNS:
        lack = succeeds(call) and seen.lacks("hardware_assist")
        return broken(f"succeeded {lack}") if lack else None
    if (attributes := assist(call)) is None:
        return None
    if carries_nothing(getattr(attributes, f"Hardware{name}Capabilities")):
        return broken(f"Hardware{name}Capabilities carries nothing")
    if name in SAME and (differs := _differs(attributes, name)):
        return broken(differs)
    current, expected = _current(attributes)[name], _expected(seen)[name]
    if current != expected and not _free(seen):
        return broken(f"Current{name}Capabilities is {'set' if current else 'empty'} although the feature is "
                      f"{'enabled' if expected else 'disabled'}")
    return obeyed(f"hardware reported, current {'reported' if current else 'empty'}")


@rule("PF-INIT-09", on=[ATTRIBUTES, INITIALIZE_RETURNS])
def sriov_capability_is_reported(call: Call, seen: Seen) -> Judgement | None:
    attributes = assist(call)
    if attributes is not None:
        for pointer in (attributes.HardwareSriovCapabilities, attributes.CurrentSriovCapabilities):
            if carries_nothing(pointer):
                continue
            if not header_is(pointer.contents):
                return broken(f"header {bytes(pointer.contents.Header).hex(' ')} instead of 80 01 0c 00")
    return _reported(call, seen, "Sriov")


@rule("PF-INIT-10", on=[ATTRIBUTES, INITIALIZE_RETURNS])
def switch_capability_is_reported(call: Call, seen: Seen) -> Judgement | None:
    return _reported(call, seen, "NicSwitch")


@rule("PF-INIT-11", on=[ATTRIBUTES, INITIALIZE_RETURNS])
def filter_capability_is_reported(call: Call, seen: Seen) -> Judgement | None:
    return _reported(call, seen, "ReceiveFilter")


@rule("PF-INIT-12", on=[ENABLE, INITIALIZE_RETURNS])
def hardware_is_ready_before_vfs(call: Call, seen: Seen) -> Judgement | None:
    if call.name == INITIALIZE_RETURNS:
        if not succeeds(call) or seen.switch_creation != "static" or not seen.sriov or seen.virtualized:
            return None
        wanted = int(seen.keywords.get(NUM_VFS) or 0)
        return broken(f"succeeded without virtualization, and *NumVFs is {wanted}") if wanted else None
    if not call.args["enable"] or seen.switch_creation != "static" or seen.phase != "MiniportInitializeEx":
        return None
    if NUM_VFS not in seen.keywords:
        return broken("virtualization is enabled before *NumVFs has been read")
    if not is_configured(seen):
        return broken("virtualization is enabled before the hardware is configured for it")
    limit = int(seen.keywords[NUM_VFS] or 0)
    if call.args["num_vfs"] > limit:
        return broken(f"{call.args['num_vfs']} VFs are enabled, *NumVFs allows {limit}")
    return obeyed("keywords read and hardware configured first")


@rule("PF-INIT-13", on=[ENABLE, INITIALIZE_RETURNS])
def dynamic_creation_waits(call: Call, seen: Seen) -> Judgement | None:
    if seen.switch_creation != "dynamic" or seen.phase != "MiniportInitializeEx":
        return None
    if call.name == ENABLE:
        return broken("a dynamic driver enables virtualization during initialisation")
    return obeyed("virtualization waits for the switch")


@rule("PF-INIT-14", on=[ATTRIBUTES])
def pf_oids_are_listed(call: Call, seen: Seen) -> Judgement | None:
    if call.args["kind"] != "general":
        return None
    listed = set(call.args["attributes"].oids())
    missing = [oid.name for oid in PF_OIDS if oid not in listed]
    return broken(f"SupportedOidList lacks {', '.join(missing)}") if missing else obeyed("all listed")
