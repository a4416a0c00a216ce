"""Rows: what follows what: bring-up (UP), a VF's removal (DN), the PF's end (PD), and a VF's states (V0 to V6).

Steps of drivers are judged by the rules that describe them; steps of the stack are looked at by tests of our stack's trace.
"""

from __future__ import annotations

from nicmodel.datasheet.rule import BOTH, INFERRED, MODEL, NDIS, PF, VF, VPCI, VS, Rule

_PF_UP = "initialization-sequence-for-pf-miniport-drivers"
_UP, _DOWN = "virtual-function-initialization-sequence", "virtual-function-teardown-sequence"
_DELETING, _PF_HALT = "deleting-a-nic-switch", "halting-a-pf-miniport-driver"
_UP_TEST = "tests/drivers/test_bring_up.py::test_requests_come_in_the_documented_order"
_DOWN_TEST = "tests/drivers/test_bring_up.py::test_teardown_runs_in_order_and_vf_can_come_back"
_OVERVIEW = "overview-of-virtual-function-initialization-and-teardown"
_STATE = "a VF's state"

ORDER_UP: tuple[Rule, ...] = (
    Rule("UP-01", PF, "bring-up, 1", "DriverEntry registers the driver, and its PnP handlers if it wants to be asked "
         "early.", "driverentry-guidelines-for-pf-miniport-drivers", by=("GEN-DRV-02", "PF-INIT-01")),
    Rule("UP-02", PF, "bring-up, 2", "MiniportAddDevice reads keywords and allocates software only.",
         "miniportadddevice-guidelines-for-pf-miniport-drivers", by=("PF-INIT-03", "PF-INIT-04")),
    Rule("UP-03", NDIS, "bring-up, 3", "NDIS makes the PF's locally unique id before it initialises the PF.",
         "oid-sriov-pf-luid", tested="tests/ndis/test_answers.py::test_luid_is_the_pfs_own_while_it_lives"),
    Rule("UP-04", PF, "bring-up, 4", "MiniportInitializeEx: generic steps, partition, keywords, features, capabilities.",
         f"{_PF_UP}; miniportinitializeex-guidelines-for-pf-miniport-drivers",
         by=("GEN-INIT-05", "PF-INIT-05", "PF-INIT-07", "PF-INIT-08", "PF-INIT-09")),
    Rule("UP-05", PF, "bring-up, 5", "A static switch: hardware first, then virtualization, inside MiniportInitializeEx.",
         "static-creation-of-a-nic-switch", by=("PF-INIT-12",)),
    Rule("UP-06", NDIS, "bring-up, 6", "NDIS asks for the switch of the registry.",
         "handling-the-oid-nic-switch-create-switch-request", by=("SWITCH-02",)),
    Rule("UP-07", PF, "bring-up, 7", "The PF compares or creates the switch, and gives the default VPort its resources.",
         "handling-the-oid-nic-switch-create-switch-request", by=("SWITCH-03", "SWITCH-04", "SWITCH-06")),
    Rule("UP-08", VS, "bring-up, 8", "The VM's filter is set on the default VPort while it has no VF.",
         f"{_UP}; moving-a-receive-filter-to-a-virtual-port", tested=_UP_TEST),
    Rule("UP-09", VS, "bring-up, 9", "The VF's serial number is made.", "oid-sriov-vf-serial-number",
         tested="tests/drivers/test_vf_life.py::test_every_vf_that_is_given_has_a_serial_number_of_its_own"),
    Rule("UP-10", VS, "bring-up, 10", "A VF is asked for.", "issuing-oid-nic-switch-allocate-vf-requests",
         tested=_UP_TEST),
    Rule("UP-11", PF, "bring-up, 11", "The PF chooses a VF and says its id and requester id.",
         "handling-oid-nic-switch-allocate-vf-requests", by=("VF-ALLOC-07", "VF-ALLOC-08")),
    Rule("UP-12", VS, "bring-up, 12", "A VPort is created for the VF.", "creating-a-virtual-port", tested=_UP_TEST),
    Rule("UP-13", VS, "bring-up, 13", "The VM's filter moves to the VF's VPort (G-09).", _UP, tested=_UP_TEST),
    Rule("UP-14", VS, "bring-up, 14", "The guest is told of the VF.", _UP,
         tested="tests/lab/test_life.py::test_steps_come_in_page_order"),
    Rule("UP-15", NDIS, "bring-up, 15", "Identifiers and BARs of the VF are asked of the PF, in no order that a driver may "
         "rely on (G-12).", "querying-the-pci-base-address-registers-of-a-virtual-function", MODEL, INFERRED,
         tested="tests/lab/test_life.py::test_guests_find_their_vf_where_the_adapter_says_it_is"),
    Rule("UP-16", VPCI, "bring-up, 16", "The guest finds the device and loads the VF's driver.", _UP, by=("EXPOSE-01",)),
    Rule("UP-17", VF, "bring-up, 17", "The VF's driver initialises, is Paused, restarts, and is Running.",
         "initializing-a-vf-miniport-driver", by=("VF-INIT-01", "VF-INIT-24")),
    Rule("UP-18", NDIS, "bring-up, 18", "NetVSC and nothing else is bound to it.", "sr-iov-vf-data-path",
         by=("VF-INIT-26",)),
    Rule("UP-19", VS, "bring-up, 19", "The packet filter is set, and traffic moves to the VF.", _UP,
         tested="tests/drivers/test_bring_up.py::test_rings_go_to_an_agent_only_after_restart"),
)

ORDER_DOWN: tuple[Rule, ...] = (
    Rule("DN-01", VS, "removal, 1", "The guest is asked to remove the VF gracefully.", _DOWN,
         tested="tests/lab/test_life.py::test_steps_come_in_page_order"),
    Rule("DN-02", VPCI, "removal, 2", "Where that takes too long the VF is removed by surprise.",
         "sr-iov-vf-failover-and-live-migration-support",
         tested="tests/lab/test_life.py::test_a_surprise_is_told_after_the_device_has_gone_and_its_driver_touches_nothing"),
    Rule("DN-03", NDIS, "removal, 3", "NetVSC unbinds; the VF's driver is paused and halted (C-20).",
         f"{_DOWN}; deleting-a-virtual-port", tested=_DOWN_TEST),
    Rule("DN-04", VS, "removal, 4", "The filter moves back to the default VPort.", _DOWN, tested=_DOWN_TEST),
    Rule("DN-05", VS, "removal, 5", "The VF's VPort is deleted.", _DOWN, tested=_DOWN_TEST),
    Rule("DN-06", VS, "removal, 6", "The VF is reset.", _DOWN, tested=_DOWN_TEST),
    Rule("DN-07", VS, "removal, 7", "The VF is freed.", _DOWN, tested=_DOWN_TEST),
    Rule("PD-01", NDIS, "the PF goes, 1", "Protocols are unbound and filter drivers detached.", _PF_HALT,
         tested="tests/ndis/test_requests.py::test_what_an_opener_leaves_behind_goes_in_order"),
    Rule("PD-02", VS, "the PF goes, 2", "Every filter is cleared by who set it.", _PF_HALT, by=("SWITCH-14",)),
    Rule("PD-03", VS, "the PF goes, 3", "Every nondefault VPort is deleted by who created it.", _PF_HALT,
         by=("SWITCH-14",)),
    Rule("PD-04", VS, "the PF goes, 4", "Every VF is freed by who allocated it.", _PF_HALT, by=("SWITCH-14",)),
    Rule("PD-05", NDIS, "the PF goes, 5", "The switch is deleted.", _DELETING, by=("HALT-PF-02",)),
    Rule("PD-06", PF, "the PF goes, 6", "A dynamic driver frees hardware and disables virtualization, a static one frees "
         "software only.", _DELETING, by=("SWITCH-12", "SWITCH-13")),
    Rule("PD-07", NDIS, "the PF goes, 7", "The PF's driver is halted.", _PF_HALT, by=("HALT-PF-02",)),
    Rule("PD-08", PF, "the PF goes, 8", "A static driver frees its hardware and disables virtualization; then comes the "
         "generic halt.", _PF_HALT, by=("HALT-PF-03", "HALT-PF-04", "GEN-HALT-02")),
)

STATES: tuple[Rule, ...] = (
    Rule("V0", PF, _STATE, "Disabled: virtualization is off, and no request may name the VF.", _OVERVIEW,
         by=("VF-ALLOC-07",)),
    Rule("V1", PF, _STATE, "Enabled, not allocated: every request that names the VF fails.", _OVERVIEW,
         by=("VF-ALLOC-10",)),
    Rule("V2", PF, _STATE, "Allocated, unattached: it can be freed, or be given a VPort.", _OVERVIEW,
         by=("VF-ALLOC-15", "VPORT-18")),
    Rule("V3", PF, _STATE, "Attached: it has its one VPort and cannot be freed.", _OVERVIEW,
         by=("VPORT-07", "VF-ALLOC-14")),
    Rule("V4", VPCI, _STATE, "Exposed: the guest reaches its configuration space.", _OVERVIEW, by=("EXPOSE-01",)),
    Rule("V5", VF, _STATE, "Its driver runs, and may use the back channel.", _OVERVIEW, by=("VF-INIT-24", "BACKCH-01")),
    Rule("V6", BOTH, _STATE, "Its data path is active, until it is unbound.", _OVERVIEW, by=("GEN-STATE-01",)),
)
