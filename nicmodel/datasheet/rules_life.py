"""Rows: back channel (BACKCH), data paths (PATH), RESET, POWER, TEARDOWN and HALT. Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import (
    ALLOWS,
    BOTH,
    CONTRADICTION,
    HW,
    INFERRED,
    MODEL,
    NDIS,
    NO_BUS_DRIVER,
    NO_OUT_OF_BAND,
    PERMITS,
    PF,
    VF,
    VS,
    Rule,
)

_READ_BLOCK, _WRITE_BLOCK = "nf-ndis-ndismreadconfigblock", "nf-ndis-ndismwriteconfigblock"
_FROM_VF = "backchannel-communication-from-a-vf-miniport-driver"
_FROM_PF = "backchannel-communication-from-the-pf-miniport-driver"
_IOCTL = "ni-vpci-ioctl_vpci_invalidate_block"
_FAILOVER = "sr-iov-vf-failover-and-live-migration-support"
_DOWN = "virtual-function-teardown-sequence"
_RESET = "resetting-a-virtual-function; oid-sriov-reset-vf"
_POWER = "setting-the-power-state-of-a-virtual-function"
_PF_HALT = "halting-a-pf-miniport-driver"
_ORDER_TEST = "tests/drivers/test_bring_up.py::test_teardown_runs_in_order_and_vf_can_come_back"

BACK_CHANNEL: tuple[Rule, ...] = (
    Rule("BACKCH-01", BOTH, "always", "Blocks are read and written by a VF, with NdisMReadConfigBlock and "
         "NdisMWriteConfigBlock, and never by a PF.", f"{_READ_BLOCK}; {_WRITE_BLOCK}"),
    Rule("BACKCH-02", NDIS, "those calls", "Each becomes a request to the PF and returns when that is complete.", _FROM_VF,
         tested="tests/ndis/test_backchannel.py::test_calls_of_a_vf_are_requests_to_the_pf"),
    Rule("BACKCH-03", PF, "READ and WRITE_VF_CONFIG_BLOCK", "A VF that is not allocated, a block that is unknown and a "
         "length beyond it are refused.", "oid-sriov-read-vf-config-block; oid-sriov-write-vf-config-block"),
    Rule("BACKCH-04", BOTH, "contents", "Ids, formats and lengths of blocks are the vendor's own.",
         "sr-iov-pf-vf-backchannel-communication", PERMITS, unchecked="the system attaches no meaning to a block"),
    Rule("BACKCH-05", BOTH, "length", "A transfer is of 128 bytes at most (C-32).", "nc-vpci-vpci_read_block; "
         "nc-pcivirt-sriov_read_block", reading=CONTRADICTION),
    Rule("BACKCH-06", PF, "data changed", "NdisMInvalidateConfigBlock names an allocated VF, or all, and some of the first "
         "64 blocks (C-30).", "nf-ndis-ndisminvalidateconfigblock; ns-ntddndis-_ndis_sriov_vf_invalidate_config_block_info",
         reading=CONTRADICTION),
    Rule("BACKCH-07", VS, "several invalidations", "Masks that wait are combined into one.", _FROM_PF,
         tested="tests/ndis/test_backchannel.py::test_news_that_come_before_the_last_was_taken_are_combined"),
    Rule("BACKCH-08", NDIS, "in the guest", "NDIS passes each notice to the VF's driver as a request with the mask.",
         f"{_FROM_PF}; {_IOCTL}", tested="tests/ndis/test_backchannel.py::test_news_reach_the_vf_they_are_for"),
    Rule("BACKCH-09", VF, "VF_INVALIDATE_CONFIG_BLOCK", "Copies of the named blocks are stale: the driver reads them "
         "again.", "oid-sriov-vf-invalidate-config-block"),
    Rule("BACKCH-10", VF, "always", "The driver does not ask for notices itself.", _IOCTL, unchecked="a miniport has no "
         "way to issue that control request in the model"),
    Rule("BACKCH-11", PF, "requests of a VF", "Whatever comes from a VF is untrusted: it is checked and touches that VF "
         "only.", "sr-iov-virtual-functions--vfs-", MODEL, INFERRED, by=("BACKCH-03",)),
    Rule("BACKCH-12", PF, "FREE_VF, RESET_VF", "A freed VF's blocks and notices are gone; what a reset does to them is the "
         "vendor's choice.", "sr-iov-pf-vf-backchannel-communication", MODEL, INFERRED, by=("BACKCH-03",)),
    Rule("BACKCH-13", VF, "a vendor's bus driver is there", "It replaces the block functions.", _READ_BLOCK,
         unchecked=NO_BUS_DRIVER),
)

DATA_PATHS: tuple[Rule, ...] = (
    Rule("PATH-01", VS, "VM start", "Traffic begins on the synthetic path, with filters on the default VPort.",
         "overview-of-sr-iov-data-paths", by=("UP-08",)),
    Rule("PATH-02", VS, "the VF's driver runs", "Traffic moves to the VF once NetVSC is bound and has set the packet "
         "filter.", "virtual-function-initialization-sequence", by=("UP-19",)),
    Rule("PATH-03", VS, "no VF, no VPort, migration", "Traffic takes the synthetic path.", "sr-iov-synthetic-data-path; "
         "ns-ntddndis-_ndis_nic_switch_capabilities",
         tested="tests/lab/test_life.py::test_the_synthetic_path_carries_the_guest_meanwhile"),
    Rule("PATH-04", VS, "fail-over", "Filters move back first; then come DELETE_VPORT, RESET_VF and FREE_VF.", _FAILOVER,
         tested="tests/lab/test_life.py::test_steps_come_in_page_order"),
    Rule("PATH-05", ("VS", "HW"), "fail-over", "Few frames are lost and no connection.", _FAILOVER,
         tested="tests/lab/test_life.py::test_frames_are_lost_in_the_two_windows_and_nowhere_else"),
    Rule("PATH-06", ("VPCI", "VF"), "fail-over", "Removal is graceful, and by surprise where that takes too long; a VF's "
         "driver survives both.", _FAILOVER, by=("GEN-OID-04", "GEN-HALT-03")),
    Rule("PATH-07", PF, "synthetic path", "A VM's frames are indicated on the default VPort, or on a PF VPort of its own.",
         "nondefault-virtual-ports-and-vmq", unchecked=NO_OUT_OF_BAND),
    Rule("PATH-08", HW, "VM to VM", "Between two VFs frames stay in the switch; to a VM without a VF they pass the default "
         "VPort.", "sr-iov-vf-data-path",
         tested="tests/planes/test_reference_switch.py::test_frames_to_a_filter_of_another_function_stay_in_the_switch"),
    Rule("PATH-09", VF, "the VF is lost", "The VM's own adapter stays; only the VF's goes.", "sr-iov-vf-data-path", MODEL,
         INFERRED, unchecked="a VM has nothing that a VF's driver could take away"),
)

RESETS: tuple[Rule, ...] = (
    Rule("RESET-01", VS, "detaching a VF", "A function level reset is asked of the PF's driver, which alone performs it.",
         _RESET, by=("TEARDOWN-03",)),
    Rule("RESET-02", PF, "RESET_VF", "A VF that is not allocated is refused.", _RESET),
    Rule("RESET-03", ("PF", "HW"), "RESET_VF", "The reset reaches that VF, and it alone.", _RESET),
    Rule("RESET-04", HW, "after RESET_VF", "The VF does no DMA, and its pending interrupts are cleared.", _DOWN,
         tested="tests/nic/test_resets.py::test_a_vf_reset_closes_its_queues_and_nobody_elses"),
    Rule("RESET-05", PF, "after RESET_VF", "The VF stays allocated and keeps id, requester id and VPort (G-07).", _RESET,
         MODEL, INFERRED),
    Rule("RESET-06", HW, "FLR", "Private registers return to their defaults, the PF's SR-IOV capability stays.", _RESET,
         MODEL, INFERRED, tested="tests/pcie/test_functions.py::test_vf_flr_resets_that_vf_alone"),
    Rule("RESET-07", PF, "MiniportResetEx of the PF", "Requests that arrive are answered NOT_ACCEPTED, interrupted ones "
         "REQUEST_ABORTED (G-08).", "oid-nic-switch-free-vf; oid-nic-switch-delete-switch", MODEL, INFERRED,
         by=("GEN-OID-05",)),
    Rule("POWER-01", VS, "power of the VM changes", "SET_VF_POWER_STATE names the VF and a state from D0 to D3.", _POWER),
    Rule("POWER-02", VS, "D0", "WakeEnable is FALSE.", "ns-ntddndis-_ndis_sriov_set_vf_power_state_parameters"),
    Rule("POWER-03", PF, "SET_VF_POWER_STATE", "A VF that is not allocated is refused; no other VF changes.", _POWER),
    Rule("POWER-04", VF, "power of the guest", "Power management in the guest is that of any miniport.",
         "initializing-a-vf-miniport-driver; ns-ndis-_ndis_miniport_adapter_registration_attributes", PERMITS, unchecked=ALLOWS),
)

ENDINGS: tuple[Rule, ...] = (
    Rule("TEARDOWN-01", VS, "a VF is removed", "The order is DN-01 to DN-07.", _DOWN, tested=_ORDER_TEST),
    Rule("TEARDOWN-02", VS, "DELETE_VPORT", "The VF's driver is halted and its filters moved before.",
         "deleting-a-virtual-port", tested=_ORDER_TEST),
    Rule("TEARDOWN-03", VS, "RESET_VF", "It comes after DELETE_VPORT and before FREE_VF.", _DOWN),
    Rule("TEARDOWN-04", PF, "FREE_VF", "What is freed is software; hardware stays reserved until virtualization is off "
         "(C-06).", _DOWN, reading=CONTRADICTION, by=("VF-ALLOC-14", "VF-ALLOC-15")),
    Rule("HALT-VF-01", VF, "MiniportHaltEx", "A VF's driver halts like any other and does not try to free the VF.",
         "halting-a-vf-miniport-driver", by=("GEN-HALT-02", "GEN-HALT-03", "VF-INIT-19")),
    Rule("HALT-VF-02", VF, "before MiniportHaltEx", "NetVSC is unbound, the adapter paused, every frame returned (C-34).",
         _FAILOVER, reading=CONTRADICTION, by=("GEN-STATE-02", "GEN-HALT-01")),
    Rule("HALT-PF-01", VS, "the PF goes", "Filters are cleared, then VPorts deleted, then VFs freed.", _PF_HALT,
         by=("SWITCH-14",)),
    Rule("HALT-PF-02", NDIS, "the PF goes", "The PF is halted only after its switch was deleted.", _PF_HALT),
    Rule("HALT-PF-03", PF, "MiniportHaltEx, static", "Virtualization is disabled here.", _PF_HALT),
    Rule("HALT-PF-04", PF, "MiniportHaltEx, dynamic", "Virtualization is off already, since the switch was deleted.",
         _PF_HALT),
)
