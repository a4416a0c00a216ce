"""Broken on purpose: what a driver reads of its registry and advertises (KW, ADV)."""

from __future__ import annotations

from ctypes import pointer
from typing import Any

from drivers.mutant import LIFE, mutant
from drivers.pf import PfMiniport
from drivers.pf_hardware import MRQE_64_POOLS
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import (
    HASH_FUNCTION_MASK,
    HASH_TOEPLITZ,
    NIC_SWITCH_KEYWORDS,
    NicSwitchCapabilities,
    Oid,
    RssCapabilities,
    Status,
)
from nicmodel.datasheet.ndis_structures import ReceiveScaleCapabilities, SriovCapabilitiesStructure, made
from nicmodel.datasheet.registers_pf import MRQC
from nicmodel.ndis.platform import Circumstances


class _Flags(PfMiniport):
    """Reports ``flags`` as its SriovCapabilities."""

    flags = 0

    def sriov_capabilities(self) -> SriovCapabilitiesStructure:
        return made(SriovCapabilitiesStructure, SriovCapabilities=self.flags)


@mutant("pf_reports_vf_flags", "ADV-01")
class ReportsVfFlags(_Flags):
    flags = 0x5


def pf_with_flags(flags: int) -> type[PfMiniport]:
    """A PF driver that reports these SriovCapabilities."""
    return type(f"PfFlags{flags:X}", (_Flags,), {"flags": flags})


# KW ------------------------------------------------------------------------------------------------------

@mutant("pf_reads_one_preference", "KW-07")
class ReadsOnePreference(PfMiniport):
    def read_configuration(self) -> Status:
        self.read_keywords("*SriovPreferred")
        return self.read_keywords("*SRIOV", "*VMQVlanFiltering", *NIC_SWITCH_KEYWORDS)


@mutant("pf_reads_rss_before_it_is_told", "KW-11")
class ReadsRssBeforeItIsTold(PfMiniport):
    def read_configuration(self) -> Status:
        self.read_keywords("*RssOnHostVPorts")
        return super().read_configuration()


class _Reads(PfMiniport):
    """Reads ``also`` after its own keywords."""

    also: tuple[str, ...] = ()

    def read_configuration(self) -> Status:
        status = super().read_configuration()
        return self.read_keywords(*self.also) if status == Status.SUCCESS else status


@mutant("pf_reads_preferences_backwards", "KW-07")
class ReadsPreferencesBackwards(PfMiniport):
    def read_configuration(self) -> Status:
        self.read_keywords("*RssOrVmqPreference")
        return super().read_configuration()


@mutant("pf_reads_rss_beside_sriov", "KW-11")
class ReadsRssBesideSriov(_Reads):
    also = ("*RSS",)


@mutant("pf_reads_sriov_beside_vmq", "KW-12")
class ReadsSriovBesideVmq(_Reads):
    circumstances = Circumstances(keywords={"*SriovPreferred": 0, "*RssOrVmqPreference": 1})
    also = ("*SRIOV",)


@mutant("pf_reads_vmq_beside_rss", "KW-13")
class ReadsVmqBesideRss(_Reads):
    circumstances = Circumstances(keywords={"*SriovPreferred": 0})
    also = ("*VMQ",)


@mutant("pf_offers_rss_beside_sriov", "KW-14")
class OffersRssBesideSriov(PfMiniport):
    def general_attributes(self) -> Any:
        attributes = super().general_attributes()
        attributes.RecvScaleCapabilities = pointer(rss(queues=8, entries=64, messages=2))
        return attributes


def rss(queues: int, entries: int, messages: int) -> ReceiveScaleCapabilities:
    """What a driver offers of RSS."""
    flags = RssCapabilities.HASH_TYPE_TCP_IPV4 | HASH_TOEPLITZ
    return made(ReceiveScaleCapabilities, CapabilitiesFlags=flags, NumberOfInterruptMessages=messages,
                NumberOfReceiveQueues=queues, NumberOfIndirectionTableEntries=entries)


class _Rss(VfMiniport):
    """A VF that offers RSS as ``offered`` says."""

    offered: dict[str, int] = {}

    def rss_capabilities(self) -> ReceiveScaleCapabilities:
        return rss(**{"queues": 2, "entries": 16, "messages": 2} | self.offered)


@mutant("vf_rss_table_is_no_power_of_two", "ADV-24")
class RssTableIsNoPowerOfTwo(_Rss):
    offered = {"entries": 24}


@mutant("vf_rss_is_too_small", "ADV-25")
class RssIsTooSmall(_Rss):
    offered = {"queues": 1, "entries": 8}


@mutant("vf_rss_takes_more_queues_than_its_vport", "ADV-25")
class RssTakesMoreQueuesThanItsVPort(_Rss):
    offered = {"queues": 4, "messages": 4}

    def register_interrupts(self) -> Any:
        return (yield from self.register_handlers([self.on_queue] * 4 + [self.on_mailbox]))


@mutant("vf_rss_without_toeplitz", "ADV-24")
class RssWithoutToeplitz(_Rss):
    def rss_capabilities(self) -> ReceiveScaleCapabilities:
        capabilities = super().rss_capabilities()
        capabilities.CapabilitiesFlags &= ~HASH_FUNCTION_MASK
        return capabilities


@mutant("vf_rss_cannot_be_set", "ADV-24")
class RssCannotBeSet(_Rss):
    def supported_oids(self) -> list[Oid]:
        return [oid for oid in super().supported_oids() if oid != Oid.GEN_RECEIVE_SCALE_PARAMETERS]


@mutant("vf_rss_counts_messages_of_others", "INTR-11")
class RssCountsMessagesOfOthers(_Rss):
    offered = {"messages": 64}


@mutant("vf_rss_queues_share_a_message", "INTR-11")
class RssQueuesShareAMessage(_Rss):
    offered = {"messages": 1}


@mutant("pf_offers_vf_rss_and_shares_one_table", "ADV-13", LIFE)
class OffersVfRssAndSharesOneTable(PfMiniport):
    """Says VF_RSS, and leaves its pools with the one key and table that they share."""

    def configure_pools(self) -> Any:
        yield from super().configure_pools()
        self.handle.write(MRQC, MRQC.MRQE.put(MRQE_64_POOLS))


# ADV -----------------------------------------------------------------------------------------------------

class _Capabilities(PfMiniport):
    """Changes members of the switch and filter capabilities: a number, or a function of the structure."""

    switch_changes: dict[str, Any] = {}
    filter_changes: dict[str, Any] = {}

    def switch_capabilities(self) -> Any:
        return _changed(super().switch_capabilities(), self.switch_changes)

    def filter_capabilities(self) -> Any:
        return _changed(super().filter_capabilities(), self.filter_changes)


def _changed(structure: Any, changes: dict[str, Any]) -> Any:
    for name, value in changes.items():
        setattr(structure, name, value(structure) if callable(value) else value)
    return structure


def _old(structure: Any) -> Any:
    structure.Header.Revision = 1
    return structure.Header


def _pf(name: str, rule: str, **changes: Any) -> None:
    """A PF with one capability structure changed: ``switch`` or ``filters`` to a table of members."""
    members = {"switch_changes": changes.get("switch", {}), "filter_changes": changes.get("filters", {})}
    mutant(name, rule)(type(name, (_Capabilities,), members))


_pf("pf_keeps_vlans_to_itself", "KW-16", filters={"SupportedMacHeaderFields": 0x1})
_pf("pf_switch_header_is_old", "ADV-05", switch={"Header": _old})
_pf("pf_offers_two_switches", "ADV-06", switch={"MaxNumSwitches": 2})
_pf("pf_counts_addresses_the_old_way", "ADV-07", switch={"NumTotalMacAddresses": 128})
_pf("pf_forgets_the_default_vport", "ADV-08", switch={"MaxNumVPorts": lambda s: s.MaxNumVFs})
_pf("pf_has_too_few_queue_pairs", "ADV-09", switch={"MaxNumQueuePairs": lambda s: s.MaxNumVPorts - 1})
_pf("pf_has_too_few_addresses", "ADV-10", switch={"MaxNumMacAddresses": lambda s: s.MaxNumVPorts - 1})
_pf("pf_has_three_queue_pairs_a_vport", "ADV-11", switch={"MaxNumQueuePairsPerNonDefaultVPort": 3})
_pf("pf_offers_more_vfs_than_the_registry", "ADV-12",
    switch={"MaxNumVFs": lambda s: s.MaxNumVFs + 1, "MaxNumVPorts": lambda s: s.MaxNumVPorts + 1,
            "MaxNumQueuePairs": lambda s: s.MaxNumQueuePairs + 2})
_pf("pf_offers_vf_rss_on_single_queues", "ADV-13",
    switch={"NicSwitchCapabilities": lambda s: s.NicSwitchCapabilities | NicSwitchCapabilities.VF_RSS,
            "MaxNumQueuePairsPerNonDefaultVPort": 1})
_pf("pf_filter_header_is_old", "ADV-15", filters={"Header": _old})
_pf("pf_enables_vm_queues", "ADV-16", filters={"EnabledQueueTypes": 1, "NumQueues": 8})
_pf("pf_advertises_lookahead_split", "ADV-17", filters={"MaxLookaheadSplitSize": 128})
_pf("pf_cannot_test_for_equality", "ADV-18", filters={"SupportedFilterTests": 0x2})
