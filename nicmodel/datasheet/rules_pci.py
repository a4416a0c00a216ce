"""Rows: a VF as a PCI device: EXPOSE, CFG, BAR, and interrupts (INTR). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import (
    BOTH,
    HARDWARE,
    HV,
    HW,
    INFERRED,
    INSIDE,
    MODEL,
    NDIS,
    NO_BUS_DRIVER,
    PF,
    SHOULD,
    VF,
    VS,
    Rule,
)

_SPACE, _READ = "querying-the-pci-configuration-space-for-a-virtual-function", "oid-sriov-read-vf-config-space"
_BUS_DATA = "nf-ndis-ndismgetvirtualfunctionbusdata"
_BARS, _BAR_RESOURCES = "oid-sriov-probed-bars", "oid-sriov-bar-resources"
_IDS = "querying-the-pci-vendor-and-device-identifiers-for-a-virtual-function"
_MSI = "registering-and-deregistering-an-msi-interrupt"
_RSS_CAPS = "ns-ntddndis-_ndis_receive_scale_capabilities"
_UP = "virtual-function-initialization-sequence"

PCI_VIEW: tuple[Rule, ...] = (
    Rule("EXPOSE-01", VS, "after the filters", "The guest sees a device only when VF, VPort and filters are in place.", _UP,
         tested="tests/drivers/test_bring_up.py::test_requests_come_in_the_documented_order"),
    Rule("EXPOSE-02", PF, "VF_VENDOR_DEVICE_ID", "Vendor and device id of an allocated VF are returned; another VF is "
         "refused.", f"{_IDS}; nc-pcivirt-sriov_get_vendor_and_device_ids"),
    Rule("EXPOSE-03", NDIS, "PF_LUID", "NDIS answers it itself.", "oid-sriov-pf-luid", by=("OID-01",)),
    Rule("EXPOSE-04", NDIS, "VF_SERIAL_NUMBER", "NDIS answers it itself, in the guest (C-29).",
         "oid-sriov-vf-serial-number", by=("OID-01",)),
    Rule("CFG-01", VF, "run time", "A VF reaches its configuration space with NdisMGetBusData and NdisMSetBusData.",
         "sr-iov-virtual-functions--vfs-; nf-ndis-ndismgetbusdata", by=("GEN-INIT-03",)),
    Rule("CFG-02", VS, "READ and WRITE_VF_CONFIG_SPACE", "Requests name VF, offset, length and where in the buffer the "
         "data are.", _SPACE, by=("OID-08",)),
    Rule("CFG-03", PF, "READ and WRITE_VF_CONFIG_SPACE", "A VF that is not allocated is refused.", f"{_SPACE}; {_READ}"),
    Rule("CFG-04", PF, "READ_VF_CONFIG_SPACE", "A buffer too short for its data is refused with INVALID_LENGTH.", _READ),
    Rule("CFG-05", PF, "WRITE_VF_CONFIG_SPACE", "The write goes to the VF through NdisMSetVirtualFunctionBusData; reads "
         "may be answered from a copy.", _BUS_DATA),
    Rule("CFG-06", PF, "a vendor's bus driver is there", "Its private channel replaces these functions.", _BUS_DATA,
         unchecked=NO_BUS_DRIVER),
    Rule("CFG-07", PF, "READ and WRITE_VF_CONFIG_SPACE", "An access beyond the 4096 bytes of the space is refused.", _READ,
         MODEL, INFERRED),
    Rule("BAR-01", NDIS, "PROBED_BARS", "Only NDIS asks for it (C-12).", _BARS,
         tested="tests/ndis/test_requests.py::test_situation_has_its_status"),
    Rule("BAR-02", PF, "PROBED_BARS", "Six values come from NdisMQueryProbedBars; a buffer under 32 bytes is refused with "
         "INVALID_LENGTH.", f"{_BARS}; nf-ndis-ndismqueryprobedbars"),
    Rule("BAR-03", NDIS, "BAR_RESOURCES", "Only NDIS asks for it.", _BAR_RESOURCES,
         tested="tests/ndis/test_requests.py::test_situation_has_its_status"),
    Rule("BAR-04", PF, "BAR_RESOURCES", "The slice of an allocated VF is described; another VF is refused.",
         f"{_BAR_RESOURCES}; ns-ntddndis-_ndis_sriov_bar_resources_info"),
    Rule("BAR-05", HW + PF, "BAR_RESOURCES", "VF n has the n-th of NumVFs equal slices of a BAR.",
         "nc-pcivirt-sriov_get_resource_for_bar"),
    Rule("BAR-06", PF, "BAR_RESOURCES", "The upper half of a 64-bit BAR has no resource of its own: it is refused.",
         _BAR_RESOURCES, MODEL, INFERRED),
)

INTERRUPTS: tuple[Rule, ...] = (
    Rule("INTR-01", PF, "hardware-assist attributes", "MSI-X is among the queue properties.",
         "ns-ntddndis-_ndis_receive_filter_capabilities", by=("ADV-17",)),
    Rule("INTR-02", BOTH, "NdisMRegisterInterruptEx", "The driver registers message interrupts.", _MSI),
    Rule("INTR-03", VF, "in a guest", "An assigned device does not depend on line interrupts.", "pcivirt/index",
         by=("INTR-02",)),
    Rule("INTR-04", BOTH, "before initialisation", "Number and affinity of messages are shaped by filtering resource "
         "requirements.", "msi-x-resource-filtering; msi-x-pre-registration",
         unchecked="resource requirements are not modelled"),
    Rule("INTR-05", BOTH, "from initialisation to halt", "NdisMConfigMSIXTableEntry masks and maps table entries.",
         "changing-the-cpu-affinity-of-msi-x-table-entries"),
    Rule("INTR-06", HV, "VF interrupts", "They are remapped by the VF's requester id and reach its own partition.",
         "single-root-i-o-virtualization--sr-iov--interface; allocating-resources-for-a-virtual-function",
         unchecked=HARDWARE),
    Rule("INTR-07", HW, "PF VPorts", "VPorts of one affinity share a receive interrupt.",
         "ns-ntddndis-_ndis_receive_filter_capabilities", unchecked=HARDWARE),
    Rule("INTR-08", HW, "moderation", "Moderation per VPort exists only where it is advertised.",
         "ns-ntddndis-_ndis_nic_switch_capabilities", unchecked=HARDWARE),
    Rule("INTR-09", HW, "FLR", "Pending interrupts of the VF are cleared, and none comes until it is set up again.",
         "virtual-function-teardown-sequence",
         tested="tests/nic/test_resets.py::test_a_vf_reset_clears_its_interrupt_registers"),
    Rule("INTR-10", PF, "vectors", "There is a vector a processor of the list, and two more at most.",
         "vmq-interrupt-requirements", SHOULD, INFERRED, unchecked=INSIDE),
    Rule("INTR-11", VF, "RSS is offered", "Its counts of messages and queues are this VF's own: no more messages than it "
         "registers, and one a queue at least.", _RSS_CAPS),
    Rule("INTR-12", HW, "always", "A VF has its own MSI-X table and pending bits.", "sr-iov-vf-data-path", reading=INFERRED,
         tested="tests/pcie/test_msix.py::test_configuration_space_and_bar_reach_the_table_of_their_function"),
)
