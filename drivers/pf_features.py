"""What the PF's miniport is to be, by its keywords, and what it therefore tells NDIS it can do.

The decision table of features, and the three capability structures. No register is touched here.
"""

from __future__ import annotations

from ctypes import pointer

from drivers.miniport import MiniportBase
from drivers.pf_pools import QUEUES_PER_POOL
from drivers.pf_switch import NicSwitch
from nicmodel.datasheet import ndis as n
from nicmodel.datasheet.ndis import PartitionType, Status
from nicmodel.datasheet.ndis_structures import (
    HardwareAssistAttributes,
    NicSwitchCapabilitiesStructure,
    ReceiveFilterCapabilitiesStructure,
    SriovCapabilitiesStructure,
    made,
)

ENUMERATED = {"*SriovPreferred": 0, "*RssOrVmqPreference": 0, "*SRIOV": 1, "*VMQ": 1, "*VMQVlanFiltering": 1, "*RSS": 1}
"""Keywords that are 0 or 1, a number or its text, with their defaults (standardized-inf-keywords-for-sr-iov, -vmq, -rss)."""
FIXED = {n.NIC_SWITCH_KEY + "*Flags": 0, n.NIC_SWITCH_KEY + "*SwitchType": 1, n.NIC_SWITCH_KEY + "*SwitchId": 0}
"""Switch keywords that have one value only."""


class PfFeatures(MiniportBase):
    """Features and capabilities of a PF."""

    home: PartitionType | None
    switch: NicSwitch
    features: frozenset[str]
    max_num_vfs: int                     # what we announce: *NumVFs if we have read it, at most what we have

    def read_configuration(self) -> Status:
        """GEN-INIT-02, PF-INIT-07, KW-07, -11, -12, -13: preferences first, then the preferred feature's keywords alone."""
        status = self.read_keywords("*SriovPreferred", "*RssOrVmqPreference", "*JumboPacket")
        if status != Status.SUCCESS:
            return status
        if self.bad_keywords():
            return Status.SUCCESS                          # `decide_features` says so
        vmq = ("*VMQ",) if self.keyword("*RssOrVmqPreference") else ()
        if self.keyword("*SriovPreferred"):
            return self.read_keywords("*SRIOV", "*VMQVlanFiltering", *vmq, *n.NIC_SWITCH_KEYWORDS)
        return self.read_keywords(*(vmq or ("*RSS",)))

    def keyword(self, name: str) -> int:
        """A keyword's number; keywords that are missing or were not to be read have their default."""
        value = self.configuration.get(name)
        return ENUMERATED[name] if value is None else int(value)

    def bad_keywords(self) -> list[str]:
        """PF-INIT-07: keywords that were read and hold what they cannot."""
        read = self.configuration
        bad = [name for name in ENUMERATED if read.get(name) is not None and str(read[name]) not in ("0", "1")]
        if "*SRIOV" in read:
            bad += [name for name, value in FIXED.items() if read.get(name) is not None and read[name] != value]
            bad += [n.NUM_VFS] if not str(read.get(n.NUM_VFS)).isdecimal() else []
        return bad

    def decide_features(self) -> Status:
        """PF-INIT-07, -08, -12, KW-14, -16: the decision table; values and VF counts that cannot be are not accepted."""
        bad = self.bad_keywords()
        if bad:
            self.ndis.NdisWriteErrorLogEntry(f"keywords hold what they cannot: {', '.join(bad)}")
            return Status.NOT_ACCEPTED
        self.features = n.enabled_features(*(self.keyword(name) for name in (
            "*SriovPreferred", "*RssOrVmqPreference", "*SRIOV", "*VMQ", "*RSS")))
        if self.home is not PartitionType.MS_HV_PARENT:
            self.features -= {"sriov"}
        most = self.settings.max_vfs - self.settings.pf_vports
        asked = int(self.configuration.get(n.NUM_VFS, most))
        if self.sriov and asked > most:
            return Status.NOT_ACCEPTED
        self.max_num_vfs = min(most, asked)
        self.switch.filters.vlans_offered = bool(self.keyword("*VMQVlanFiltering"))
        return Status.SUCCESS

    @property
    def sriov(self) -> bool:
        """Whether SR-IOV is enabled (C-05: both keywords are 1)."""
        return "sriov" in self.features

    def report_capabilities(self) -> Status:
        """PF-INIT-09, -10, -11: hardware always, current only what is enabled."""
        return self.ndis.NdisMSetMiniportAttributes(self.hardware_assist_attributes())

    def sriov_capabilities(self) -> SriovCapabilitiesStructure:
        """PF-INIT-09: SRIOV_SUPPORTED and PF_MINIPORT."""
        return made(SriovCapabilitiesStructure, SriovCapabilities=n.PF_SRIOV_CAPABILITIES)

    def switch_flags(self) -> int:
        """ADV-13: what holds VPort by VPort here."""
        flags = n.NicSwitchCapabilities
        return (flags.VLAN | (flags.VF_RSS if self.settings.vf_rss else 0)
                | (flags.PER_VPORT_INTERRUPT_MODERATION if self.moderates_vports else 0))

    def switch_capabilities(self) -> NicSwitchCapabilitiesStructure:
        """PF-INIT-10, ADV-05 to -14: one switch, a VPort and two queue pairs a VF, one MAC at least a VPort."""
        others = self.max_num_vfs + self.settings.pf_vports
        return made(NicSwitchCapabilitiesStructure, NicSwitchCapabilities=self.switch_flags(),
                    MaxNumSwitches=1, MaxNumVFs=self.max_num_vfs, MaxNumVPorts=1 + others,
                    MaxNumQueuePairs=1 + QUEUES_PER_POOL * others,
                    MaxNumQueuePairsPerNonDefaultVPort=QUEUES_PER_POOL,
                    MaxNumMacAddresses=self.settings.mac_slots)

    @property
    def moderates_vports(self) -> bool:
        """ADV-13, INTR-08: whether a VPort may have moderation of its own: not while moderation is off."""
        return bool(self.settings.vport_moderation and self.moderated)

    def indicate_capabilities(self) -> None:
        """ADV-22: what the switch can do now has changed; what the hardware could do has not."""
        if self.sriov:
            self.ndis.NdisMIndicateStatusEx(n.Indication.NIC_SWITCH_CURRENT_CAPABILITIES, self.switch_capabilities())

    def filter_capabilities(self) -> ReceiveFilterCapabilitiesStructure:
        """PF-INIT-11, ADV-15 to -18, KW-16: filters on destination address and, if its keyword says so, VLAN."""
        vlan = n.MAC_FIELD_VLAN_ID if self.keyword("*VMQVlanFiltering") else 0
        return made(ReceiveFilterCapabilitiesStructure, EnabledFilterTypes=n.VMQ_FILTERS_ENABLED,
                    SupportedQueueProperties=n.SRIOV_QUEUE_PROPERTIES,
                    SupportedFilterTests=n.FILTER_TEST_EQUAL, SupportedHeaders=n.FILTER_HEADER_MAC,
                    MaxMacHeaderFilters=self.settings.mac_slots,
                    SupportedMacHeaderFields=n.MAC_FIELD_DEST_ADDR | vlan)

    def hardware_assist_attributes(self) -> HardwareAssistAttributes:
        """PF-INIT-09, -10, -11: one structure a capability, in both places if it is enabled."""
        sriov, switch, filters = (pointer(made_it()) for made_it in (
            self.sriov_capabilities, self.switch_capabilities, self.filter_capabilities))
        attributes = made(HardwareAssistAttributes, HardwareSriovCapabilities=sriov,
                          HardwareNicSwitchCapabilities=switch, HardwareReceiveFilterCapabilities=filters)
        if self.sriov:
            attributes.CurrentSriovCapabilities, attributes.CurrentNicSwitchCapabilities = sriov, switch
        if self.sriov or "vmq" in self.features:
            attributes.CurrentReceiveFilterCapabilities = filters
        return attributes
