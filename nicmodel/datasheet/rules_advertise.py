"""Rows: what a PF reads from the registry (KW) and what either role may advertise (ADV). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import (
    BOTH,
    CONTRADICTION,
    HARDWARE,
    HW,
    INF,
    INF_ONLY,
    INFERRED,
    INSIDE,
    LATER_NDIS,
    NDIS,
    PF,
    VF,
    Rule,
)

_KEYWORDS = "standardized-inf-keywords-for-sr-iov"
_DECIDE = "handling-sr-iov--vmq--and-rss-standardized-inf-keywords"
_SRIOV = "determining-sr-iov-capabilities"
_SWITCH = "determining-nic-switch-capabilities"
_SWITCH_CAPS = "ns-ntddndis-_ndis_nic_switch_capabilities"
_FILTER = "determining-receive-filtering-capabilities"
_FILTER_CAPS = "ns-ntddndis-_ndis_receive_filter_capabilities"
_RSS_CAPS = "ns-ntddndis-_ndis_receive_scale_capabilities"
_VMMQ = "advertising-vmmq-capabilities"
ASSIST, GENERAL = "hardware-assist attributes", "general attributes"

KEYWORDS: tuple[Rule, ...] = (
    Rule("KW-01", INF, "install", "A PF's INF defines *SRIOV and the keywords of the default switch.", _KEYWORDS,
         unchecked=INF_ONLY),
    Rule("KW-02", INF, "install", "The switch keywords are written under NicSwitches\\0, one directive each, and appear on "
         "no property page.", _KEYWORDS, unchecked=INF_ONLY),
    Rule("KW-03", INF, "install", "*SriovPreferred and *RssOrVmqPreference appear in no INF.",
         f"{_KEYWORDS}; standardized-inf-keywords-for-vmq; HCR", unchecked=INF_ONLY),
    Rule("KW-04", INF, "install", "A DDInstall.HW section includes pci.inf and needs PciSriovSupported.HW.",
         "inf-ddinstall-hw-section-for-pf-miniport-drivers", unchecked=INF_ONLY),
    Rule("KW-05", INF, "install", "A PF's INF has the upper range ndis5 and the lower range ethernet.", "HCR",
         unchecked=INF_ONLY),
    Rule("KW-06", INF, "install", "A VF's INF has the upper range ndisvf and the lower range iovvf, and no SR-IOV "
         "keywords.", "inf-requirements-for-vf-miniport-drivers", unchecked=INF_ONLY),
    Rule("KW-07", PF, "MiniportInitializeEx", "*SriovPreferred is read first, *RssOrVmqPreference next, the keywords of "
         "the feature after both.", _DECIDE),
    Rule("KW-11", PF, "*SriovPreferred is 1", "*SRIOV and *VMQVlanFiltering are read, and no keyword of RSS.", _DECIDE),
    Rule("KW-12", PF, "VMQ is preferred", "*VMQ is read, and no keyword of RSS or SR-IOV.", _DECIDE),
    Rule("KW-13", PF, "RSS is preferred", "*RSS is read, and no keyword of VMQ or SR-IOV; a preference that is missing "
         "counts as 0.", _DECIDE),
    Rule("KW-14", PF, GENERAL, "SR-IOV and VMQ may be enabled together, RSS of the PF with neither of them.", _DECIDE),
    Rule("KW-15", PF, ASSIST, "Only what is enabled is reported as current; all that the hardware can do is reported as "
         "hardware.", _DECIDE, by=("PF-INIT-08", "PF-INIT-09", "PF-INIT-10", "PF-INIT-11")),
    Rule("KW-16", PF, "*VMQVlanFiltering is 1", "The VLAN id is among the header fields that filters support.", _DECIDE),
    Rule("KW-17", NDIS, "property page", "A change on the property page restarts the miniport.", _KEYWORDS,
         unchecked="the model has no property pages"),
)

ADVERTISED: tuple[Rule, ...] = (
    Rule("ADV-01", PF, ASSIST, "A PF's SriovCapabilities is SRIOV_SUPPORTED | PF_MINIPORT = 0x3 (C-01).", _SRIOV,
         implies=("PF-INIT-09",), reading=CONTRADICTION),
    Rule("ADV-02", BOTH, ASSIST, "PF_MINIPORT and VF_MINIPORT exclude each other.", "ns-ntddndis-_ndis_sriov_capabilities",
         reading=INFERRED, by=("ADV-01", "VF-INIT-10")),
    Rule("ADV-03", PF, ASSIST, "Hardware SR-IOV capabilities are always set; the current ones are the same structure if "
         "SR-IOV is enabled, else NULL (C-02).", _SRIOV, reading=CONTRADICTION, by=("PF-INIT-09",)),
    Rule("ADV-04", PF, ASSIST, "Hardware switch capabilities are always set; the current ones are the same structure if "
         "SR-IOV is enabled, else NULL.", _SWITCH, by=("PF-INIT-10",)),
    Rule("ADV-05", PF, ASSIST, "The switch capabilities carry the header type 0x80, revision 2, size 116.",
         f"{_SWITCH}; {_SWITCH_CAPS}"),
    Rule("ADV-06", PF, ASSIST, "MaxNumSwitches is 1.", _SWITCH_CAPS),
    Rule("ADV-07", PF, ASSIST, "The address and VLAN counts of revision 1 are 0.", _SWITCH_CAPS),
    Rule("ADV-08", PF, ASSIST, "MaxNumVPorts is at least MaxNumVFs + 1, the default VPort counted.", _SWITCH_CAPS),
    Rule("ADV-09", PF, ASSIST, "MaxNumQueuePairs is at least MaxNumVPorts.", _SWITCH_CAPS),
    Rule("ADV-10", PF, ASSIST, "MaxNumMacAddresses is at least MaxNumVPorts.", _SWITCH_CAPS),
    Rule("ADV-11", PF, ASSIST, "MaxNumQueuePairsPerNonDefaultVPort is a power of two.", _SWITCH_CAPS),
    Rule("ADV-12", PF, ASSIST, "MaxNumVFs is at most *NumVFs; it may be less.", _SWITCH),
    Rule("ADV-13", PF, ASSIST, "VLAN, moderation, asymmetry and VF_RSS flags are set only if the hardware does what they "
         "say: with VF_RSS a VF's VPort can have two queue pairs, and its pool scales by itself.", _SWITCH_CAPS),
    Rule("ADV-14", PF, "CREATE_VPORT", "Without SINGLE_VPORT_POOL the PF owns at most MaxNumVPorts - MaxNumVFs VPorts, so "
         "that every VF finds one.", "nondefault-virtual-ports-and-vmq"),
    Rule("ADV-15", PF, ASSIST, "The receive-filter capabilities carry the header type 0x80, revision 2, size 84.",
         _FILTER),
    Rule("ADV-16", PF, "SR-IOV is enabled", "VMQ filters are enabled, VM queues are not, and NumQueues is 0.",
         f"{_FILTER_CAPS}; {_FILTER}"),
    Rule("ADV-17", PF, "SR-IOV or VMQ is enabled", "Queue properties have MSI_X, VM_QUEUE, dynamic affinity and vector "
         "coalescing, and no lookahead split, whose sizes are 0.", _FILTER_CAPS),
    Rule("ADV-18", PF, "SR-IOV or VMQ is enabled", "Filters can test a header field for equality, the destination address "
         "at least.", _FILTER_CAPS),
    Rule("ADV-19", PF, "SR-IOV, VMQ and coalescing are off", "Current receive-filter capabilities are NULL.", _FILTER,
         by=("PF-INIT-11",)),
    Rule("ADV-20", PF, "NDIS 6.60", "A switch without SR-IOV may be advertised beside VMQ; the first to be created wins.",
         _SWITCH, unchecked=LATER_NDIS),
    Rule("ADV-21", PF, "NDIS 6.60", "VMMQ sets pool, RSS and table flags, and its three hash flags all or none (C-35).",
         _VMMQ, reading=CONTRADICTION, unchecked=LATER_NDIS),
    Rule("ADV-22", PF, "capabilities change", "A change of capabilities at run time is indicated to NDIS.",
         "ndis-status-nic-switch-current-capabilities; ndis-status-nic-switch-hardware-capabilities", unchecked=INSIDE),
    Rule("ADV-23", VF, ASSIST, "A VF advertises neither VMQ nor a switch nor receive filters.", f"{_SWITCH}; {_FILTER}",
         by=("VF-INIT-13", "VF-INIT-14")),
    Rule("ADV-24", VF, "RSS is offered", "RSS capabilities carry the header type 0x88, revision 2; the table has a power "
         "of two of entries; Toeplitz and the request that sets the parameters are there.",
         f"{_RSS_CAPS}; oid-gen-receive-scale-parameters"),
    Rule("ADV-25", VF, "RSS is offered", "RSS of a VF has two queues and a table of 16 entries at least, no more queues than "
         "its VPort has queue pairs, and the PF offers VF_RSS.", f"HCR; {_SWITCH_CAPS}"),
    Rule("ADV-26", VF, "coalescing is offered", "Receive segment coalescing covers IPv4 and IPv6.", "HCR",
         unchecked="offload attributes are not modelled"),
    Rule("ADV-27", NDIS, "bind and attach", "Overlying drivers are given the current capabilities, and capability queries "
         "are answered by NDIS.", f"{_SRIOV}; {_SWITCH}; {_FILTER}", by=("OID-01",)),
    Rule("ADV-28", HW, "always", "An SR-IOV adapter can do VMQ and has a bridge between its VPorts.",
         "HCR; virtual-ports--vports-", unchecked=HARDWARE),
)
