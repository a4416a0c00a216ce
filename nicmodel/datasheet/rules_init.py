"""Rows: initialisation of a VF's miniport (VF-INIT) and of a PF's (PF-INIT). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import (
    ALLOWS,
    CONTRADICTION,
    GAP,
    INF,
    INF_ONLY,
    MODEL,
    NDIS,
    NDIS_ONLY,
    PERMITS,
    PF,
    SHOULD,
    VF,
    Rule,
)

INIT = "MiniportInitializeEx"
_ADAPTER = "initializing-a-miniport-adapter"
_ATTRIBUTES = "nf-ndis-ndismsetminiportattributes"
_VF = "initializing-a-vf-miniport-driver"
_PF = "miniportinitializeex-guidelines-for-pf-miniport-drivers"
_ADD = "miniportadddevice-guidelines-for-pf-miniport-drivers"
_HV = "nf-ndis-ndisgethypervisorinfo"
_CAPS = "ns-ntddndis-_ndis_sriov_capabilities"
_ASSIST = "ns-ndis-_ndis_miniport_adapter_hardware_assist_attributes"

INITIALISATION: tuple[Rule, ...] = (
    Rule("VF-INIT-01", VF, INIT, "The VF driver performs the generic initialisation steps; its own come in addition.", _VF,
         implies=("GEN-INIT-02", "GEN-INIT-03", "GEN-INIT-04", "GEN-INIT-05", "GEN-INIT-08", "GEN-INIT-10", "VF-INIT-12")),
    Rule("VF-INIT-02", VF, "before NdisGetHypervisorInfo", "The caller fills the header of NDIS_HYPERVISOR_INFO: type "
         "0x80, revision 1, size 12.", f"{_HV}; ns-ntddndis-_ndis_hypervisor_info"),
    Rule("VF-INIT-03", VF, INIT, "The driver calls NdisGetHypervisorInfo and goes on only if that succeeded.",
         f"{_VF}; {_HV}", implies=("VF-INIT-04",)),
    Rule("VF-INIT-04", VF, "after NdisGetHypervisorInfo", "Only in a Hyper-V child partition does the driver come up as a "
         "VF.", _VF, implies=("VF-INIT-06",)),
    Rule("VF-INIT-05", VF, "after NdisGetHypervisorInfo", "In the Hyper-V parent partition the driver does not come up as "
         "a VF.", _VF, implies=("VF-INIT-04",)),
    Rule("VF-INIT-06", VF, "after NdisGetHypervisorInfo", "With another vendor's hypervisor the driver fails.", _HV, MODEL,
         GAP),
    Rule("VF-INIT-07", VF, "any time", "The driver does not try to read the SR-IOV standardized keywords.", _VF),
    Rule("VF-INIT-08", INF, "install", "The VF's INF does not install those keywords.",
         f"{_VF}; inf-requirements-for-vf-miniport-drivers", unchecked=INF_ONLY),
    Rule("VF-INIT-09", VF, "hardware-assist attributes", "NDIS_SRIOV_CAPABILITIES carries the header type 0x80, revision "
         "1, size 12.", f"{_VF}; {_CAPS}"),
    Rule("VF-INIT-10", VF, "hardware-assist attributes", "SriovCapabilities is SRIOV_SUPPORTED | VF_MINIPORT = 0x5, with "
         "PF_MINIPORT clear (C-01).", f"determining-sr-iov-capabilities; note in {_VF}", reading=CONTRADICTION),
    Rule("VF-INIT-11", VF, "hardware-assist attributes", "The Flags member of NDIS_SRIOV_CAPABILITIES is reserved and 0.",
         _CAPS),
    Rule("VF-INIT-12", VF, "hardware-assist attributes", "HardwareSriovCapabilities and CurrentSriovCapabilities both "
         "point to that one structure, unconditionally.", _VF),
    Rule("VF-INIT-13", VF, "hardware-assist attributes", "The driver reports no NIC switch capabilities: both pointers "
         "carry nothing (C-02).", "determining-nic-switch-capabilities", reading=CONTRADICTION),
    Rule("VF-INIT-14", VF, "hardware-assist attributes", "The driver reports no receive-filter capabilities and no VMQ: "
         "both pointers carry nothing.", f"determining-receive-filtering-capabilities; {_VF}"),
    Rule("VF-INIT-15", VF, "hardware-assist attributes", "The attributes carry the header type 0xAF, revision 3, size 80.",
         _ASSIST),
    Rule("VF-INIT-16", VF, "hardware-assist attributes", "The driver checks what NdisMSetMiniportAttributes returned, "
         "unwinds and fails if it was not SUCCESS.", _ATTRIBUTES),
    Rule("VF-INIT-17", VF, "general attributes", "The driver may advertise other technologies, such as RSS and power "
         "management.", _VF, PERMITS, unchecked=ALLOWS),
    Rule("VF-INIT-18", VF, "general attributes", "SupportedOidList contains OID_SRIOV_VF_INVALIDATE_CONFIG_BLOCK.",
         "sr-iov-oids", implies=("GEN-INIT-14", "OID-03")),
    Rule("VF-INIT-19", VF, "always", "The driver calls none of the functions reserved for the PF's miniport.",
         "the nf-ndis page of each function"),
    Rule("VF-INIT-20", VF, "from initialisation on", "The driver may use NdisMGetBusData, NdisMSetBusData and the "
         "config-block functions.", "sr-iov-virtual-functions--vfs-; nf-ndis-ndismreadconfigblock", PERMITS,
         unchecked=ALLOWS),
    Rule("VF-INIT-21", VF, "always", "Nothing the driver does affects another VF or the PF.",
         "sr-iov-virtual-functions--vfs-; sr-iov-architecture", unchecked="the adapter enforces it: no access of a VF "
         "reaches another function; attempts are judged by VF-INIT-19 and VF-INIT-22"),
    Rule("VF-INIT-22", VF, "always", "The driver does not configure the NIC switch, VPorts, filters or other adapter-wide "
         "hardware: it accesses the VF's own registers only.", "creating-a-nic-switch; "
         "overview-of-virtual-function-initialization-and-teardown"),
    Rule("VF-INIT-23", VF, "return with failure", "A failing VF driver releases everything and returns NOT_ACCEPTED, "
         "RESOURCES or FAILURE.", _ADAPTER, implies=("GEN-INIT-12",)),
    Rule("VF-INIT-24", VF, "return with success", "No data moves until MiniportRestart has finished.", _ADAPTER),
    Rule("VF-INIT-25", VF, "media connect", "When the driver reports its link connected it can pass traffic at once.",
         "HCR"),
    Rule("VF-INIT-26", NDIS, "after start", "Only NetVSC is bound to a VF miniport.", "sr-iov-vf-data-path",
         unchecked=NDIS_ONLY),
    Rule("VF-INIT-27", VF, "Windows 10 1703 and later", "NdisGetHypervisorInfo is deprecated, so the check stays behind "
         "one function.", _HV, SHOULD, unchecked="it is advice on how to write the driver"),

    Rule("PF-INIT-01", PF, "DriverEntry", "A driver that needs resources before MiniportInitializeEx sets its PnP handlers "
         "with NdisSetOptionalHandlers from inside MiniportSetOptions.", "driverentry-guidelines-for-pf-miniport-drivers"),
    Rule("PF-INIT-02", PF, "MiniportAddDevice", "The driver may read its keywords and allocate software resources.", _ADD,
         PERMITS, unchecked=ALLOWS),
    Rule("PF-INIT-03", PF, "MiniportAddDevice", "The driver neither accesses the adapter nor claims hardware resources nor "
         "enables SR-IOV.", _ADD),
    Rule("PF-INIT-04", PF, "MiniportAddDevice", "A per-device context is handed over with the add-device registration "
         "attributes.", "msi-x-pre-registration"),
    Rule("PF-INIT-05", PF, INIT, "The driver asks NdisGetHypervisorInfo and does not come up as a PF in a child partition.",
         _PF),
    Rule("PF-INIT-06", PF, INIT, "Without Hyper-V the driver comes up as an ordinary NIC, current SR-IOV capabilities "
         "NULL.", "HCR", MODEL, GAP),
    Rule("PF-INIT-07", PF, INIT, "The driver reads the SR-IOV keywords: *SriovPreferred first, *SRIOV if that is 1 (C-05).",
         _PF, reading=CONTRADICTION, implies=("PF-INIT-08",)),
    Rule("PF-INIT-08", PF, INIT, "Which of SR-IOV, VMQ and RSS is enabled follows the decision table of the keywords.",
         "handling-sr-iov--vmq--and-rss-standardized-inf-keywords",
         implies=("PF-INIT-06", "PF-INIT-09", "PF-INIT-10", "PF-INIT-11")),
    Rule("PF-INIT-09", PF, "hardware-assist attributes", "The full SR-IOV capability is always reported as hardware, and "
         "as current only if enabled.", f"{_PF}; determining-sr-iov-capabilities", implies=("PF-INIT-10", "PF-INIT-11")),
    Rule("PF-INIT-10", PF, "hardware-assist attributes", "The full NIC switch capability is always reported as hardware, "
         "and as current only if enabled.", _PF),
    Rule("PF-INIT-11", PF, "hardware-assist attributes", "The full receive-filter capability is always reported as "
         "hardware, and as current only if enabled.", _PF),
    Rule("PF-INIT-12", PF, "static switch creation", "The switch keywords are read and verified and the hardware is "
         "configured from them, and only then comes NdisMEnableVirtualization.", "static-creation-of-a-nic-switch"),
    Rule("PF-INIT-13", PF, "dynamic switch creation", "A driver that creates its switch on request enables no "
         "virtualization during initialisation.", "dynamic-creation-of-a-nic-switch"),
    Rule("PF-INIT-14", PF, "general attributes", "SupportedOidList holds every request a PF must support.", "sr-iov-oids",
         implies=("GEN-INIT-14",)),
    Rule("PF-INIT-15", PF, "lifetime", "The PF is loaded before any VF is allocated and halted after all are freed.",
         "sr-iov-architecture", unchecked="only NDIS and the virtualization stack order these"),
)
