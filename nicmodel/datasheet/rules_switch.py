"""Rows: the NIC switch (SWITCH) and the life of a VF on it (VF-ALLOC). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import CONTRADICTION, HARDWARE, HV, INFERRED, INSIDE, NDIS, NO_BUS_DRIVER, PF, VS, Rule

_CREATE_OID = "oid-nic-switch-create-switch"
_HANDLE = "handling-the-oid-nic-switch-create-switch-request"
_STATIC, _DYNAMIC = "static-creation-of-a-nic-switch", "dynamic-creation-of-a-nic-switch"
_CREATING, _DELETING = "creating-a-nic-switch", "deleting-a-nic-switch"
_ENABLE = "nf-ndis-ndismenablevirtualization"
_ALLOCATING = "allocating-resources-for-a-virtual-function"
_ISSUE, _HANDLE_ALLOCATE = "issuing-oid-nic-switch-allocate-vf-requests", "handling-oid-nic-switch-allocate-vf-requests"
_ISSUE_FREE, _HANDLE_FREE = "issuing-oid-nic-switch-free-vf-requests", "handling-oid-nic-switch-free-vf-requests"

SWITCH: tuple[Rule, ...] = (
    Rule("SWITCH-01", NDIS, "after the PF's start", "Only NDIS asks for a switch (C-18).", _CREATE_OID,
         reading=CONTRADICTION, tested="tests/ndis/test_requests.py::test_situation_has_its_status"),
    Rule("SWITCH-02", NDIS, "CREATE_SWITCH", "The request asks for an external switch with id 0 and the VFs that the "
         "registry names.", _HANDLE),
    Rule("SWITCH-03", PF, "CREATE_SWITCH, static", "Parameters that differ from those of the initialisation are refused.",
         _STATIC),
    Rule("SWITCH-04", PF, "CREATE_SWITCH, dynamic", "The driver checks the parameters, configures the hardware and enables "
         "virtualization before it completes the request.", _DYNAMIC),
    Rule("SWITCH-05", PF, "CREATE_SWITCH", "The default VPort gets its resources; it is the PF's, and activated from "
         "birth.", _HANDLE, unchecked=INSIDE),
    Rule("SWITCH-06", PF, "before CREATE_SWITCH has succeeded", "No VF is allocated and no VPort created, even if the "
         "switch was built statically.", _CREATING),
    Rule("SWITCH-07", PF, "always", "There is one switch, and its id is 0.", "nic-switches"),
    Rule("SWITCH-08", PF, "NdisMEnableVirtualization", "The two reserved arguments are FALSE, the caller is a PF at "
         "PASSIVE_LEVEL.", _ENABLE, unchecked="the library leaves the reserved arguments out; a VF that calls it breaks "
         "VF-INIT-19"),
    Rule("SWITCH-09", PF, "NdisMEnableVirtualization", "Virtualization is not enabled while it is on.", _ENABLE),
    Rule("SWITCH-10", PF, "NdisMEnableVirtualization", "NumVFs is 0 when virtualization is disabled.", _ENABLE,
         implies=("HALT-PF-03",)),
    Rule("SWITCH-11", ("HW",), "NdisMEnableVirtualization", "The bus refuses more VFs than TotalVFs, and none while "
         "enabling.", "nc-wdm-enable_virtualization",
         tested="tests/ndis/test_platform.py::test_too_many_or_twice_is_a_failure_and_zero_takes_them_away"),
    Rule("SWITCH-12", PF, "NdisMEnableVirtualization", "Virtualization is disabled where a dynamic switch is deleted or a "
         "static PF halts, and nowhere else.", f"{_DELETING}; halting-a-pf-miniport-driver"),
    Rule("SWITCH-13", PF, "DELETE_SWITCH", "A switch with nothing on it goes, its default VPort with it; a static driver "
         "frees software only, a dynamic one its hardware too.", f"{_DELETING}; oid-nic-switch-delete-switch"),
    Rule("SWITCH-14", NDIS, "DELETE_SWITCH", "No filter, nondefault VPort or VF is left when the switch is deleted.",
         _DELETING),
    Rule("SWITCH-15", ("VS", "PF"), "set NIC_SWITCH_PARAMETERS", "Only the name of switch 0 changes, and only with its "
         "flag.", "setting-the-parameters-of-a-nic-switch"),
    Rule("SWITCH-16", NDIS, "queries of the switch", "Parameters, enumerations and capabilities are answered by NDIS.",
         "oid-nic-switch-parameters; oid-nic-switch-enum-switches", by=("OID-01",)),
    Rule("SWITCH-17", PF, "default VPort", "The default VPort has one queue pair (C-08).",
         "ns-ntddndis-_ndis_nic_switch_info; advertising-vmmq-capabilities", reading=CONTRADICTION, unchecked="no request "
         "of NDIS 6.30 names the default VPort's queue pairs"),
    Rule("SWITCH-18", VS, "static", "The parameters of a static switch stay while the driver runs.", _CREATING,
         tested="tests/ndis/test_requests.py::test_a_set_of_the_switch_changes_its_name_and_nothing_else"),
    Rule("SWITCH-19", PF, "a vendor's bus driver is there", "Its private channel replaces the PF's library functions.",
         _ENABLE, unchecked=NO_BUS_DRIVER),
)

ALLOCATION: tuple[Rule, ...] = (
    Rule("VF-ALLOC-01", PF, "enabling virtualization", "The hardware of every VF is set aside when virtualization is "
         "enabled.", _ALLOCATING, by=("PF-INIT-12",)),
    Rule("VF-ALLOC-02", VS, "ALLOCATE_VF", "A switch exists, and the request names switch 0.", _ISSUE),
    Rule("VF-ALLOC-03", VS, "ALLOCATE_VF", "VFId and RequestorId hold their invalid marks on input.", _ISSUE),
    Rule("VF-ALLOC-04", VS, "ALLOCATE_VF", "Names of the VM and its adapter and both its addresses are filled in.",
         _ISSUE),
    Rule("VF-ALLOC-05", NDIS, "ALLOCATE_VF", "NDIS refuses bad parameters before the PF sees them.", _ISSUE,
         tested="tests/ndis/test_requests.py::test_situation_has_its_status"),
    Rule("VF-ALLOC-06", PF, "ALLOCATE_VF", "The driver allocates software for the VF and assigns it to the switch; without "
         "SR-IOV it answers NOT_SUPPORTED.", _HANDLE_ALLOCATE, by=("OID-07",)),
    Rule("VF-ALLOC-07", PF, "ALLOCATE_VF", "VFId names a VF that nobody has: an index below NumVFs.", _HANDLE_ALLOCATE),
    Rule("VF-ALLOC-08", PF, "ALLOCATE_VF", "RequestorId is made of what NdisMGetVirtualFunctionLocation says of that VF.",
         f"{_HANDLE_ALLOCATE}; nf-ndis-ndismgetvirtualfunctionlocation"),
    Rule("VF-ALLOC-09", PF, "ALLOCATE_VF", "The driver initialises and exposes the VF and keeps its id.", _HANDLE_ALLOCATE,
         unchecked=INSIDE),
    Rule("VF-ALLOC-10", PF, "before ALLOCATE_VF has succeeded", "A VF that is not allocated does not operate: requests "
         "that name it fail.", _ALLOCATING, by=("RESET-02", "CFG-03", "BACKCH-03", "POWER-03")),
    Rule("VF-ALLOC-11", ("PF", "VS"), "after ALLOCATE_VF", "The VF is unattached until a VPort is made for it; its "
         "parameters stay.", f"{_HANDLE_ALLOCATE}; {_ALLOCATING}", unchecked="no request could change the parameters of a "
         "VF"),
    Rule("VF-ALLOC-12", VS, "ownership", "Only the driver that allocated a VF frees it.", _ISSUE_FREE,
         tested="tests/ndis/test_requests.py::test_situation_has_its_status"),
    Rule("VF-ALLOC-13", VS, "FREE_VF", "The VF's VPort was deleted before.", _ISSUE_FREE),
    Rule("VF-ALLOC-14", PF, "FREE_VF", "A VF that is unknown, not allocated or still has a VPort is not freed: "
         "INVALID_PARAMETER (C-04).", f"{_HANDLE_FREE}; oid-nic-switch-free-vf", reading=CONTRADICTION),
    Rule("VF-ALLOC-15", PF, "after FREE_VF", "Its software is free and the VF detached: it can be allocated again.",
         _HANDLE_FREE),
    Rule("VF-ALLOC-16", HV, "while allocated", "The requester id drives remapping of the VF's DMA and interrupts.",
         _ALLOCATING, unchecked=HARDWARE),
    Rule("VF-ALLOC-17", NDIS, "queries of VFs", "VF_PARAMETERS and ENUM_VFS are answered by NDIS (C-28).",
         "querying-the-parameters-of-a-virtual-function; oid-nic-switch-vf-parameters", reading=CONTRADICTION,
         by=("OID-01",)),
    Rule("VF-ALLOC-18", VS, "ALLOCATE_VF, CREATE_VPORT", "A forwarding extension may veto these two requests.",
         "managing-hardware-offload-oid-requests-to-physical-network-adapters", reading=INFERRED,
         tested="tests/ndis/test_requests.py::test_extensions_may_veto_two_requests_and_no_other"),
)
