"""Rows: virtual ports (VPORT) and the receive filters on them (FILTER). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import (
    CONTRADICTION,
    HARDWARE,
    HW,
    INFERRED,
    INSIDE,
    MODEL,
    NDIS,
    NO_OUT_OF_BAND,
    PERMITS,
    PF,
    VF,
    VS,
    Rule,
)

_CREATING, _DELETING = "creating-a-virtual-port", "deleting-a-virtual-port"
_SETTING = "setting-the-parameters-of-a-virtual-port"
_PARAMETERS = "ns-ntddndis-_ndis_nic_switch_vport_parameters"
_PAIRS = "symmetric-and-asymmetric-assignment-of-queue-pairs"
_FLOW = "packet-flow-over-a-virtual-port"
_SET, _SET_OID = "setting-a-receive-filter-on-a-virtual-port", "oid-receive-filter-set-filter"
_MOVE, _MOVE_OID = "moving-a-receive-filter-to-a-virtual-port", "oid-receive-filter-move-filter"
_CLEAR, _CLEAR_OID = "clearing-a-receive-filter-on-a-virtual-port", "oid-receive-filter-clear-filter"

VPORTS: tuple[Rule, ...] = (
    Rule("VPORT-01", PF, "always", "The default VPort, id 0, is born with the switch on the PF and activated; nobody "
         "creates, deletes or gives it away.", _CREATING),
    Rule("VPORT-02", VS, "CREATE_VPORT", "The switch exists, and the request names switch 0.", _CREATING),
    Rule("VPORT-03", VS, "CREATE_VPORT", "The VPort is for the PF or for a VF that is allocated.", _CREATING),
    Rule("VPORT-04", NDIS, "CREATE_VPORT", "NDIS chooses an id that no other VPort has, from 1 to MaxNumVPorts - 1.",
         _CREATING),
    Rule("VPORT-05", PF, "CREATE_VPORT", "The driver succeeds only with all resources, and keeps the id that NDIS chose.",
         f"{_CREATING}; oid-nic-switch-create-vport"),
    Rule("VPORT-06", PF, "CREATE_VPORT", "A VF's VPort is activated from birth, a PF's waits for a set of its parameters.",
         _CREATING),
    Rule("VPORT-07", ("NDIS", "PF"), "CREATE_VPORT", "A VF has one nondefault VPort at most.", "virtual-ports--vports-"),
    Rule("VPORT-08", VS, "set VPORT_PARAMETERS", "A VPort stays with its function, and once activated stays so until it is "
         "deleted.", f"{_CREATING}; {_SETTING}"),
    Rule("VPORT-09", VS, "CREATE_VPORT", "Queue pairs are from 1 to the limit of a nondefault VPort, the same for all "
         "unless asymmetry is advertised, and all of them fit the adapter.", _PAIRS),
    Rule("VPORT-10", VS, "after creation", "The number of queue pairs stays (C-08).",
         f"virtual-ports--vports-; {_PARAMETERS}", reading=CONTRADICTION, by=("VPORT-12",)),
    Rule("VPORT-11", VS, "CREATE_VPORT for the PF", "The affinity names one processor (C-22).", _PARAMETERS,
         reading=CONTRADICTION),
    Rule("VPORT-12", VS, "set VPORT_PARAMETERS", "Name, moderation, state and a PF VPort's affinity change, each with its "
         "flag, on a VPort that exists.", _SETTING),
    Rule("VPORT-13", PF, "set VPORT_PARAMETERS", "Only members whose flag is set take effect.", _SETTING,
         unchecked=INSIDE),
    Rule("VPORT-14", PF, "a PF's nondefault VPort is activated", "Shared memory for it names that VPort and queue 0.",
         "ns-ndis-_ndis_shared_memory_parameters"),
    Rule("VPORT-15", PF, "data", "A VPort carries traffic only if it is activated and a filter on it matches.", _SETTING,
         unchecked=HARDWARE),
    Rule("VPORT-16", VS, "DELETE_VPORT", "The VPort exists, is not the default one, and its filters were cleared or moved.",
         _DELETING),
    Rule("VPORT-17", VS, "DELETE_VPORT of a VF", "The VF's driver was paused and halted before.", _DELETING,
         by=("TEARDOWN-02",)),
    Rule("VPORT-18", PF, "DELETE_VPORT", "Everything of the VPort is free afterwards: its function can have another.",
         f"{_DELETING}; {_SETTING}"),
    Rule("VPORT-19", NDIS, "queries of VPorts", "VPORT_PARAMETERS by method and ENUM_VPORTS are answered by NDIS.",
         "oid-nic-switch-vport-parameters; oid-nic-switch-enum-vports", by=("OID-01",)),
    Rule("VPORT-20", PF, "receive on a PF VPort", "A frame is indicated with the id of its VPort.", _FLOW,
         unchecked=NO_OUT_OF_BAND),
    Rule("VPORT-21", PF, "send", "A frame is queued on the VPort it names, on the default one if that is gone.", _FLOW,
         unchecked=NO_OUT_OF_BAND),
    Rule("VPORT-22", VF, "send and receive", "A VF neither sets nor reads VPort ids.", _FLOW, unchecked=NO_OUT_OF_BAND),
)

FILTERS: tuple[Rule, ...] = (
    Rule("FILTER-01", VS, "SET_FILTER", "The filter is of the VM-queue type on queue 0 of an existing VPort, its array of "
         "tests inside the buffer.", _SET),
    Rule("FILTER-02", VS, "SET_FILTER", "The tests are for equality of destination address and VLAN id, in network byte "
         "order.", f"{_SET}; ns-ntddndis-_ndis_receive_filter_field_parameters"),
    Rule("FILTER-03", NDIS, "SET_FILTER", "NDIS chooses a filter id that no other filter has, and not 0.", _SET),
    Rule("FILTER-04", PF, "SET_FILTER", "The request succeeds only after the hardware was programmed with it.", _SET_OID),
    Rule("FILTER-05", VS, "ownership", "Who made a nondefault VPort sets its filters, and who set a filter clears it.",
         f"{_SET}; {_CLEAR_OID}", tested="tests/ndis/test_requests.py::test_situation_has_its_status"),
    Rule("FILTER-06", HW, "match", "A filter matches if all its tests do, a VPort if one of its filters does.", _SET,
         tested="tests/planes/test_reference_switch.py::test_a_filter_takes_what_its_vlan_says_and_reads_id_0_as_untagged"),
    Rule("FILTER-07", HW, "UNTAGGED_OR_ZERO is set", "Frames without a tag or with VLAN id 0 pass, others do not (C-09).",
         _SET, reading=CONTRADICTION,
         tested="tests/planes/test_reference_switch.py::test_a_filter_takes_what_its_vlan_says_and_reads_id_0_as_untagged"),
    Rule("FILTER-08", PF, "neither a VLAN test nor the flag", "The request fails, or the address alone decides and the tag "
         "is moved out of band.", _SET, PERMITS, unchecked="both outcomes are allowed"),
    Rule("FILTER-09", HW, "address and VLAN tests", "Only frames of that VLAN pass, untagged ones and VLAN id 0 do not.",
         _SET, tested="tests/planes/test_reference_switch.py::test_a_filter_takes_what_its_vlan_says_and_reads_id_0_as_untagged"),
    Rule("FILTER-10", PF, "before a VPort's first filter", "Nothing is indicated on it.", _SET_OID,
         unchecked=NO_OUT_OF_BAND),
    Rule("FILTER-11", PF, "after a VPort's last filter", "Nothing is indicated on it any more.", _CLEAR_OID,
         unchecked=NO_OUT_OF_BAND),
    Rule("FILTER-12", VS, "MOVE_FILTER", "The filter exists, is where the request says, and goes to an existing VPort; "
         "queue ids are 0.", _MOVE),
    Rule("FILTER-13", ("PF", "HW"), "MOVE_FILTER", "A move happens at once or not at all: one that cannot be is refused "
         "and changes nothing.", f"{_MOVE}; {_MOVE_OID}"),
    Rule("FILTER-14", VS, "CLEAR_FILTER", "The filter exists, and its queue id is 0.", f"{_CLEAR}; {_CLEAR_OID}"),
    Rule("FILTER-15", HW, "switching", "Filters decide for frames from the wire and from other VPorts; what matches none "
         "goes to the default VPort.", "virtual-ports--vports-; sr-iov-vf-data-path",
         tested="tests/planes/test_reference_switch.py::test_frames_to_a_filter_of_another_function_stay_in_the_switch"),
    Rule("FILTER-16", NDIS, "queries of filters", "ENUM_FILTERS and FILTER_PARAMETERS are answered by NDIS.",
         "enumerating-receive-filters-on-a-virtual-port", by=("OID-01",)),
    Rule("FILTER-17", PF, "SET_FILTER", "No more filters are accepted than MaxNumMacAddresses.",
         "ns-ntddndis-_ndis_nic_switch_capabilities"),
    Rule("FILTER-18", HW, "anti-spoofing", "No request tells the adapter which addresses a VM may send from: that is a "
         "setting of the adapter (G-10).", "ns-ntddndis-_ndis_switch_port_property_security", MODEL, INFERRED,
         tested="tests/lab/test_pf_on_device.py::test_a_vf_sends_from_its_own_addresses_only_where_that_is_asked_for"),
    Rule("FILTER-19", VS, "port policies", "Policies of the extensible switch do not reach a VF's traffic; an extension "
         "may demand the VF's removal.", "ndis-status-switch-port-remove-vf", unchecked="the extensible switch has no "
         "extensions in the model"),
)
