"""Predicates of KW and ADV: what a PF reads from its registry, what either role advertises. Texts: datasheet.rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicmodel.datasheet.ndis import (
    FILTER_TEST_EQUAL,
    HASH_TOEPLITZ,
    MAC_FIELD_DEST_ADDR,
    MAC_FIELD_VLAN_ID,
    NUM_VFS,
    PF_FUNCTION_ID,
    PF_SRIOV_CAPABILITIES,
    PREFERENCE_KEYWORDS,
    RSS_KEYWORDS,
    RSS_OIDS,
    SRIOV_QUEUE_PROPERTIES,
    VMQ_FILTERS_ENABLED,
    VMQ_KEYWORDS,
    NicSwitchCapabilities,
    Oid,
    QueueProperties,
    is_sriov_keyword,
)
from nicmodel.datasheet.ndis_structures import carries_nothing, header_is
from nicmodel.datasheet.registers_pf import MRQC
from nicmodel.datasheet.rss import LEAST_ENTRIES, LEAST_QUEUES
from nicmodel.ndis.answered import asked_of, succeeded
from nicmodel.ndis.checker import INITIALIZE_RETURNS, Call, Judgement, Seen, answers, broken, holds, obeyed, rule
from nicmodel.ndis.rules_generic import ATTRIBUTES, assist
from nicmodel.ndis.rules_pf import decided

VF_RSS = NicSwitchCapabilities.VF_RSS
PF_MISREADINGS = {
    0x0: "nothing is set: an adapter that cannot do SR-IOV at all",
    0x1: "SRIOV_SUPPORTED alone: the structure page's word for a PF, without the role",
    0x2: "PF_MINIPORT alone: the role taken for the support",
    0x4: "VF_MINIPORT alone: a VF's flags as the pages had them before 2017",
    0x5: "a VF's flags: one word reported for both roles",
    0x6: "PF_MINIPORT and VF_MINIPORT: every role the driver has, and not the support",
    0x7: "every flag: what the driver can be instead of what it is; the two roles exclude each other",
}
"""What each wrong flag word of a PF says about how the page was read (C-01 in docs/ndis.md)."""


@rule("ADV-01", on=[ATTRIBUTES])
def pf_flags(call: Call, seen: Seen) -> Judgement | None:
    if (attributes := assist(call)) is None or not attributes.HardwareSriovCapabilities:
        return None
    current = attributes.CurrentSriovCapabilities
    words = [attributes.HardwareSriovCapabilities.contents.SriovCapabilities]
    words += [] if carries_nothing(current) else [current.contents.SriovCapabilities]
    wrong = next((word for word in words if word != PF_SRIOV_CAPABILITIES), None)
    if wrong is None:
        return obeyed("SriovCapabilities = 0x3")
    return broken(f"SriovCapabilities = {wrong:#x}: {PF_MISREADINGS.get(wrong, 'undefined bits are set')}")


# KW: which keywords are read, and in which order ------------------------------------------------------

READ = "NdisReadConfiguration"
FEATURES = ("*SRIOV", "*VMQ", "*RSS")


@rule("KW-07", on=[READ, INITIALIZE_RETURNS])
def preferences_are_read_first(call: Call, seen: Seen) -> Judgement | None:
    unread = [each for each in PREFERENCE_KEYWORDS if each not in seen.keywords]
    if call.name == INITIALIZE_RETURNS:
        return None if unread else obeyed("preferences before features")
    keyword = call.args["keyword"]
    if keyword == PREFERENCE_KEYWORDS[1] and unread == [*PREFERENCE_KEYWORDS]:
        return broken(f"{keyword} is read before {PREFERENCE_KEYWORDS[0]}")
    return broken(f"{keyword} is read before {unread[0]}") if keyword in FEATURES and unread else None


def preferred(seen: Seen) -> str | None:
    """Which feature the preferences that were read prefer; None while they do not tell."""
    if (sriov := seen.keywords.get("*SriovPreferred", None)) is None and "*SriovPreferred" not in seen.keywords:
        return None
    if sriov:
        return "sriov"
    if "*RssOrVmqPreference" not in seen.keywords:
        return None
    return "vmq" if seen.keywords["*RssOrVmqPreference"] else "rss"


def _reads(call: Call, seen: Seen, feature: str, must: tuple[str, ...], must_not: tuple[str, ...]) -> Judgement | None:
    """The common part of KW-11 to -13: what is read and what is left alone under a preference."""
    if preferred(seen) != feature:
        return None
    if call.name != READ and call.args.get("kind") != "hardware_assist":
        return None
    for keyword in (call.args["keyword"],) if call.name == READ else seen.keywords:
        if keyword in must_not or feature != "sriov" and keyword not in PREFERENCE_KEYWORDS and is_sriov_keyword(keyword):
            return broken(f"{keyword} is read although {feature.upper()} is preferred")
    if call.name == READ:
        return None
    missing = [keyword for keyword in must if keyword not in seen.keywords]
    return broken(f"{', '.join(missing)} was not read") if missing else obeyed(f"{', '.join(must)} read, no other feature's")


@rule("KW-11", on=[READ, ATTRIBUTES])
def sriov_preference_reads_its_own(call: Call, seen: Seen) -> Judgement | None:
    return _reads(call, seen, "sriov", ("*VMQVlanFiltering",), RSS_KEYWORDS)       # *SRIOV itself is PF-INIT-07


@rule("KW-12", on=[READ, ATTRIBUTES])
def vmq_preference_reads_its_own(call: Call, seen: Seen) -> Judgement | None:
    return _reads(call, seen, "vmq", ("*VMQ",), RSS_KEYWORDS)


@rule("KW-13", on=[READ, ATTRIBUTES])
def rss_preference_reads_its_own(call: Call, seen: Seen) -> Judgement | None:
    return _reads(call, seen, "rss", ("*RSS",), VMQ_KEYWORDS)


@rule("KW-14", on=[ATTRIBUTES])
def rss_is_alone(call: Call, seen: Seen) -> Judgement | None:
    if call.args["kind"] != "general" or preferred(seen) is None:
        return None
    others = decided(seen) & {"sriov", "vmq"}
    if call.args["attributes"].RecvScaleCapabilities and others:
        return broken(f"RSS is offered beside {', '.join(sorted(others))}")
    return obeyed("RSS is not offered beside SR-IOV or VMQ")


@rule("KW-16", on=[ATTRIBUTES])
def vlan_filtering_is_reported(call: Call, seen: Seen) -> Judgement | None:
    if (filters := _structure(call, "ReceiveFilter")) is None or not seen.keywords.get("*VMQVlanFiltering"):
        return None
    return holds(filters.SupportedMacHeaderFields & MAC_FIELD_VLAN_ID, "VLAN_ID is among SupportedMacHeaderFields")


# ADV: what the capability structures say ----------------------------------------------------------------

def _structure(call: Call, name: str) -> Any | None:
    """The current structure of a capability, else the hardware's, if the call reports one."""
    if (attributes := assist(call)) is None:
        return None
    for when in ("Current", "Hardware"):
        pointer = getattr(attributes, f"{when}{name}Capabilities")
        if not carries_nothing(pointer):
            return pointer.contents
    return None


def _enabled(call: Call, name: str) -> Any | None:
    """The current structure of a capability, if the call reports it as enabled."""
    if (attributes := assist(call)) is None:
        return None
    pointer = getattr(attributes, f"Current{name}Capabilities")
    return None if carries_nothing(pointer) else pointer.contents


def _header(structure: Any, wanted: str) -> Judgement:
    found = bytes(structure.Header).hex(" ")
    return obeyed(f"header {found}") if header_is(structure) else broken(f"header {found} instead of {wanted}")


@rule("ADV-05", on=[ATTRIBUTES])
def switch_header(call: Call, seen: Seen) -> Judgement | None:
    return None if (switch := _structure(call, "NicSwitch")) is None else _header(switch, "80 02 74 00")


@rule("ADV-15", on=[ATTRIBUTES])
def filter_header(call: Call, seen: Seen) -> Judgement | None:
    return None if (filters := _structure(call, "ReceiveFilter")) is None else _header(filters, "80 02 54 00")


SWITCH_MEMBERS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "ADV-06": ("MaxNumSwitches is 1", lambda s: s.MaxNumSwitches == 1),
    "ADV-07": ("the counts of revision 1 are 0",
               lambda s: not (s.NumTotalMacAddresses or s.NumMacAddressesPerPort or s.NumVlansPerPort)),
    "ADV-08": ("MaxNumVPorts is above MaxNumVFs", lambda s: s.MaxNumVPorts >= s.MaxNumVFs + 1),
    "ADV-09": ("every VPort can have a queue pair", lambda s: s.MaxNumQueuePairs >= s.MaxNumVPorts),
    "ADV-10": ("every VPort can have an address", lambda s: s.MaxNumMacAddresses >= s.MaxNumVPorts),
    "ADV-11": ("MaxNumQueuePairsPerNonDefaultVPort is a power of two",
               lambda s: s.MaxNumQueuePairsPerNonDefaultVPort.bit_count() == 1),
}
"""Rules about one switch structure: what shall hold, in words and as a condition."""


def _member(identifier: str) -> None:
    what, good = SWITCH_MEMBERS[identifier]

    @rule(identifier, on=[ATTRIBUTES])
    def member(call: Call, seen: Seen) -> Judgement | None:
        return None if (switch := _structure(call, "NicSwitch")) is None else holds(good(switch), what)


for _identifier in SWITCH_MEMBERS:
    _member(_identifier)


@rule("ADV-13", on=[ATTRIBUTES, *answers(Oid.NIC_SWITCH_CREATE_VPORT)])
def vf_rss_is_there(call: Call, seen: Seen) -> Judgement | None:
    if call.name == ATTRIBUTES:
        if (switch := _structure(call, "NicSwitch")) is None or not switch.NicSwitchCapabilities & VF_RSS:
            return None
        return holds(switch.MaxNumQueuePairsPerNonDefaultVPort >= LEAST_QUEUES, "VF_RSS, and VPorts can have two queue pairs")
    asked, assist_call = asked_of(call, seen), seen.attributes.get("hardware_assist")
    switch = _enabled(assist_call, "NicSwitch") if assist_call is not None else None
    if asked is None or switch is None or not switch.NicSwitchCapabilities & VF_RSS or not succeeded(call) \
            or asked.NumQueuePairs < LEAST_QUEUES or asked.AttachedFunctionId == PF_FUNCTION_ID:
        return None
    return holds(seen.registers.get("MRQC", 0) & MRQC.MULTIPLE_RSS.mask, "VF_RSS, and the hardware gives pools their own RSS")


@rule("ADV-12", on=[ATTRIBUTES])
def vfs_are_those_of_the_registry(call: Call, seen: Seen) -> Judgement | None:
    limit = seen.keywords.get(NUM_VFS)
    if (switch := _enabled(call, "NicSwitch")) is None or limit is None:
        return None
    return holds(switch.MaxNumVFs <= int(limit), f"MaxNumVFs is at most {limit}")


@rule("ADV-16", on=[ATTRIBUTES])
def filters_without_queues(call: Call, seen: Seen) -> Judgement | None:
    if (filters := _enabled(call, "ReceiveFilter")) is None or "sriov" not in decided(seen):
        return None
    good = filters.EnabledFilterTypes & VMQ_FILTERS_ENABLED and not filters.EnabledQueueTypes and not filters.NumQueues
    return holds(good, "VMQ filters on, VM queues off, NumQueues 0")


@rule("ADV-17", on=[ATTRIBUTES])
def queue_properties(call: Call, seen: Seen) -> Judgement | None:
    if (filters := _enabled(call, "ReceiveFilter")) is None or not decided(seen) & {"sriov", "vmq"}:
        return None
    properties = filters.SupportedQueueProperties
    if missing := SRIOV_QUEUE_PROPERTIES & ~properties:
        return broken(f"SupportedQueueProperties lacks {missing:#x}")
    split = properties & QueueProperties.LOOKAHEAD_SPLIT or filters.MinLookaheadSplitSize or filters.MaxLookaheadSplitSize
    return broken("lookahead split is advertised") if split else obeyed(f"SupportedQueueProperties = {properties:#x}")


@rule("ADV-18", on=[ATTRIBUTES])
def filter_tests(call: Call, seen: Seen) -> Judgement | None:
    if (filters := _enabled(call, "ReceiveFilter")) is None or not decided(seen) & {"sriov", "vmq"}:
        return None
    good = filters.SupportedFilterTests & FILTER_TEST_EQUAL and filters.SupportedMacHeaderFields & MAC_FIELD_DEST_ADDR
    return holds(good, "equality of the destination address can be tested")


def _rss(call: Call) -> Any | None:
    if call.args["kind"] != "general" or not call.args["attributes"].RecvScaleCapabilities:
        return None
    return call.args["attributes"].RecvScaleCapabilities.contents


@rule("ADV-24", on=[ATTRIBUTES])
def rss_is_well_formed(call: Call, seen: Seen) -> Judgement | None:
    if (rss := _rss(call)) is None:
        return None
    if not header_is(rss):
        return _header(rss, "88 02 12 00")
    if rss.NumberOfIndirectionTableEntries.bit_count() != 1:
        return broken(f"{rss.NumberOfIndirectionTableEntries} entries are no power of two")
    if not rss.CapabilitiesFlags & HASH_TOEPLITZ:
        return broken("RSS without the Toeplitz hash")
    return holds(set(RSS_OIDS) <= set(call.args["attributes"].oids()),
                 "a power of two of entries, Toeplitz, and the request that sets them")


@rule("ADV-25", on=[ATTRIBUTES])
def rss_of_a_vf_is_large_enough(call: Call, seen: Seen) -> Judgement | None:
    if (rss := _rss(call)) is None:
        return None
    if rss.NumberOfReceiveQueues < LEAST_QUEUES or rss.NumberOfIndirectionTableEntries < LEAST_ENTRIES:
        return broken(f"{rss.NumberOfReceiveQueues} queues and {rss.NumberOfIndirectionTableEntries} entries, where "
                      f"{LEAST_QUEUES} and {LEAST_ENTRIES} are the least")
    if seen.queue_pairs is None:
        return None                                       # a VF without a VPort: nobody knows its queue pairs
    if rss.NumberOfReceiveQueues > seen.queue_pairs:
        return broken(f"{rss.NumberOfReceiveQueues} queues, where the VPort has {seen.queue_pairs} queue pairs")
    return holds(seen.vf_rss, f"{rss.NumberOfReceiveQueues} queues of its VPort's, and the PF offers VF_RSS")


@rule("INTR-11", on=["NdisMRegisterInterruptEx"])
def rss_counts_are_this_vfs(call: Call, seen: Seen) -> Judgement | None:
    general = seen.attributes.get("general")
    if general is None or (rss := _rss(general)) is None:
        return None
    messages = call.args["messages"]
    if rss.NumberOfInterruptMessages > messages:
        return broken(f"RSS counts {rss.NumberOfInterruptMessages} messages, {messages} are registered")
    return holds(rss.NumberOfInterruptMessages >= rss.NumberOfReceiveQueues, f"a message of the {messages} for every queue")
