"""Every request of the PF's with each of its statuses: situation -> status, straight at the miniport.

NDIS in front of it is left out here (tests/ndis/test_requests.py): what it would have refused arrives too. Whatever a
request answers but SUCCESS, neither the driver's image of the switch nor a register of the adapter has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from fakes import switch_state

from drivers.pf import DynamicPfMiniport, PfMiniport, PfSettings
from nicmodel.datasheet.config_blocks import ADDRESS, DRIVER, LIMITS, LINK
from nicmodel.datasheet.ndis import (
    FIELD_VLAN_UNTAGGED_OR_ZERO,
    FRAME_HEADER_MAC,
    HANDLER_OF,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    PF_FUNCTION_ID,
    ROW_OF,
    FilterTest,
    FilterType,
    Handler,
    Indication,
    InterruptModeration,
    MacHeaderField,
    MediaConnectState,
    NicSwitchCapabilities,
    Oid,
    PowerState,
    RequestType,
    Status,
    SwitchFlags,
    SwitchType,
    VPortFlags,
    VPortState,
    may_answer,
)
from nicmodel.datasheet.ndis_general import InterruptModerationParameters, ModerationState
from nicmodel.datasheet.ndis_structures import (
    CountedName,
    FilterFieldParameters,
    GroupAffinity,
    MemoryResource,
    address,
    made,
)
from nicmodel.ndis.platform import Circumstances
from nicmodel.ndis.request import Request
from nicmodel.ndis.requests import STACK

QUERY, SET, METHOD = RequestType
MAC = 0x020000000A00
V1, V2, V3 = 3, 0, 1                    # VFs in the states of the table: never allocated, allocated, with VPort 1
ON_DEFAULT, ON_VF = 1, 2                # filters, by VPort
PF_VPORT = 2                            # of the PF, deactivated


def field(header_field: int, value: bytes, **members: int) -> bytes:
    test = made(FilterFieldParameters, FrameHeader=FRAME_HEADER_MAC, ReceiveFilterTest=FilterTest.EQUAL,
                HeaderField=header_field)
    for name, member in members.items():
        setattr(test, name, member)
    test.FieldValue[:len(value)] = list(value)
    return bytes(test)


def to_mac(mac: int = MAC, **members: int) -> bytes:
    return field(MacHeaderField.DESTINATION_ADDRESS, mac.to_bytes(6, "big"),
                 **{"Flags": FIELD_VLAN_UNTAGGED_OR_ZERO, **members})


def in_vlan(vlan: int) -> bytes:
    return to_mac(Flags=0) + field(MacHeaderField.VLAN_ID, vlan.to_bytes(2, "big"))


GOOD: dict[tuple[RequestType, Oid], tuple[dict[str, Any], bytes]] = {
    (METHOD, Oid.NIC_SWITCH_CREATE_SWITCH): (
        dict(SwitchType=SwitchType.EXTERNAL, SwitchFriendlyName=CountedName.of("Default Switch"), NumVFs=4), b""),
    (SET, Oid.NIC_SWITCH_PARAMETERS): (
        dict(Flags=SwitchFlags.SWITCH_NAME_CHANGED, SwitchFriendlyName=CountedName.of("Blue")), b""),
    (SET, Oid.NIC_SWITCH_DELETE_SWITCH): ({}, b""),
    (METHOD, Oid.NIC_SWITCH_CREATE_VPORT): (dict(VPortId=5, AttachedFunctionId=V2, NumQueuePairs=1), b""),
    (SET, Oid.NIC_SWITCH_VPORT_PARAMETERS): (
        dict(VPortId=PF_VPORT, Flags=VPortFlags.STATE_CHANGED | VPortFlags.NAME_CHANGED, VPortState=VPortState.ACTIVATED,
             VPortName=CountedName.of("mine")), b""),
    (SET, Oid.NIC_SWITCH_DELETE_VPORT): (dict(VPortId=PF_VPORT), b""),
    (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF): (
        dict(MacAddressLength=6, CurrentMacAddress=address(MAC), PermanentMacAddress=address(MAC),
             VFId=INVALID_VF_FUNCTION_ID, RequestorId=INVALID_RID, VMName=CountedName.of("vm"),
             VMFriendlyName=CountedName.of("VM"), NicName=CountedName.of("nic")), b""),
    (SET, Oid.NIC_SWITCH_FREE_VF): (dict(VFId=V2), b""),
    (METHOD, Oid.SRIOV_READ_VF_CONFIG_SPACE): (dict(VFId=V2, Offset=0, Length=4, BufferOffset=20), bytes(4)),
    (SET, Oid.SRIOV_WRITE_VF_CONFIG_SPACE): (dict(VFId=V2, Offset=4, Length=2, BufferOffset=20), b"\x04\x00"),
    (METHOD, Oid.SRIOV_READ_VF_CONFIG_BLOCK): (
        dict(VFId=V2, BlockId=ADDRESS.id, Length=8, BufferOffset=20), bytes(8)),
    (SET, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK): (dict(VFId=V2, BlockId=DRIVER.id, Length=4, BufferOffset=20), b"ours"),
    (SET, Oid.SRIOV_RESET_VF): (dict(VFId=V2), b""),
    (SET, Oid.SRIOV_SET_VF_POWER_STATE): (dict(VFId=V3, PowerState=PowerState.D3, WakeEnable=1), b""),
    (METHOD, Oid.SRIOV_VF_VENDOR_DEVICE_ID): (dict(VFId=V2), b""),
    (QUERY, Oid.SRIOV_PROBED_BARS): (dict(BaseRegisterValuesOffset=8), bytes(24)),
    (METHOD, Oid.SRIOV_BAR_RESOURCES): (dict(VFId=V3, BarIndex=0, BarResourcesOffset=12), bytes(20)),
    (METHOD, Oid.RECEIVE_FILTER_SET_FILTER): (
        dict(FilterType=FilterType.VM_QUEUE, FilterId=9, VPortId=1, FieldParametersArrayOffset=44,
             FieldParametersArrayNumElements=1, FieldParametersArrayElementSize=56), to_mac()),
    (SET, Oid.RECEIVE_FILTER_CLEAR_FILTER): (dict(FilterId=ON_VF), b""),
    (SET, Oid.RECEIVE_FILTER_MOVE_FILTER): (dict(FilterId=ON_DEFAULT, SourceVPortId=0, DestVPortId=1), b""),
}
"""One good request of each kind and OID, in the state that `prepared` leaves: members, and what follows the structure."""


class Case(NamedTuple):
    """A situation: what differs from the good request, and the status it must be answered with."""

    request: tuple[RequestType, Oid]
    situation: str
    status: Status
    members: dict[str, Any] = {}
    data: bytes | None = None
    before: tuple[tuple[tuple[RequestType, Oid], dict[str, Any]], ...] = ()      # good requests, changed, that come first
    faults: tuple[str, ...] = ()


CREATE, RENAME, DELETE = ((METHOD, Oid.NIC_SWITCH_CREATE_SWITCH), (SET, Oid.NIC_SWITCH_PARAMETERS),
                          (SET, Oid.NIC_SWITCH_DELETE_SWITCH))
VPORT, VPORT_SET, VPORT_DELETE = ((METHOD, Oid.NIC_SWITCH_CREATE_VPORT), (SET, Oid.NIC_SWITCH_VPORT_PARAMETERS),
                                  (SET, Oid.NIC_SWITCH_DELETE_VPORT))
ALLOCATE, FREE = (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF), (SET, Oid.NIC_SWITCH_FREE_VF)
READ, WRITE = (METHOD, Oid.SRIOV_READ_VF_CONFIG_SPACE), (SET, Oid.SRIOV_WRITE_VF_CONFIG_SPACE)
READ_BLOCK, WRITE_BLOCK = (METHOD, Oid.SRIOV_READ_VF_CONFIG_BLOCK), (SET, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK)
RESET, POWER, IDS = (SET, Oid.SRIOV_RESET_VF), (SET, Oid.SRIOV_SET_VF_POWER_STATE), (METHOD, Oid.SRIOV_VF_VENDOR_DEVICE_ID)
BARS, BAR = (QUERY, Oid.SRIOV_PROBED_BARS), (METHOD, Oid.SRIOV_BAR_RESOURCES)
FILTER, CLEAR, MOVE = ((METHOD, Oid.RECEIVE_FILTER_SET_FILTER), (SET, Oid.RECEIVE_FILTER_CLEAR_FILTER),
                       (SET, Oid.RECEIVE_FILTER_MOVE_FILTER))
BAD, SHORT, FAILED, OK, NOT_OFFERED = (Status.INVALID_PARAMETER, Status.INVALID_LENGTH, Status.FAILURE, Status.SUCCESS,
                                       Status.NOT_SUPPORTED)
ONE_CPU = GroupAffinity(Mask=2)
EMPTY = ((CLEAR, {"FilterId": ON_VF}), (CLEAR, {"FilterId": ON_DEFAULT}), (VPORT_DELETE, {"VPortId": 1}),
         (VPORT_DELETE, {"VPortId": PF_VPORT}), (FREE, {"VFId": V2}), (FREE, {"VFId": V3}))
"""What takes everything off the switch, in the order that is asked of its users."""

CASES = (
    Case(CREATE, "again while it exists (SWITCH-07)", BAD),
    Case(CREATE, "as it was configured", OK, before=(*EMPTY, (DELETE, {}))),
    Case(CREATE, "another number of VFs than configured (SWITCH-03)", BAD, {"NumVFs": 3}, before=(*EMPTY, (DELETE, {}))),
    Case(CREATE, "another id (SWITCH-07)", BAD, {"SwitchId": 1}, before=(*EMPTY, (DELETE, {}))),
    Case(CREATE, "not an external switch (SWITCH-02)", BAD, {"SwitchType": SwitchType.UNSPECIFIED},
         before=(*EMPTY, (DELETE, {}))),

    Case(RENAME, "the name", OK),
    Case(RENAME, "nothing", OK, {"Flags": 0}),
    Case(RENAME, "something else than the name (SWITCH-15)", BAD, {"Flags": 0x00020000}),
    Case(RENAME, "another switch (SWITCH-15)", BAD, {"SwitchId": 1}),

    Case(DELETE, "with VFs, VPorts and filters on it (SWITCH-14)", BAD),
    Case(DELETE, "with a filter on it", BAD, before=(EMPTY[0], *EMPTY[2:])),
    Case(DELETE, "with a VPort of the PF's on it", BAD, before=(*EMPTY[:3], *EMPTY[4:])),
    Case(DELETE, "with a VF on it", BAD, before=EMPTY[:5]),
    Case(DELETE, "empty", OK, before=EMPTY),
    Case(DELETE, "another switch", BAD, {"SwitchId": 1}, before=EMPTY),

    Case(VPORT, "for an allocated VF", OK),
    Case(VPORT, "a second one for a VF (VPORT-07)", BAD, {"AttachedFunctionId": V3}),
    Case(VPORT, "for a VF that is not allocated (VPORT-03)", BAD, {"AttachedFunctionId": V1}),
    Case(VPORT, "on another switch (VPORT-02)", BAD, {"SwitchId": 1}),
    Case(VPORT, "with an id that exists (VPORT-04)", BAD, {"VPortId": 1}),
    Case(VPORT, "with the default VPort's id (VPORT-01)", BAD, {"VPortId": 0}),
    Case(VPORT, "with an id past the last (VPORT-04)", BAD, {"VPortId": 7}),
    Case(VPORT, "without queue pairs (VPORT-09)", BAD, {"NumQueuePairs": 0}),
    Case(VPORT, "with more queue pairs than a VPort has (VPORT-09)", BAD, {"NumQueuePairs": 3}),
    Case(VPORT, "with another number than its neighbours (VPORT-09)", BAD, {"NumQueuePairs": 2}),
    Case(VPORT, "for the PF, on one processor", OK, {"AttachedFunctionId": PF_FUNCTION_ID, "ProcessorAffinity": ONE_CPU}),
    Case(VPORT, "for the PF, on no processor (VPORT-11)", BAD, {"AttachedFunctionId": PF_FUNCTION_ID}),
    Case(VPORT, "for the PF, on two processors (VPORT-11)", BAD,
         {"AttachedFunctionId": PF_FUNCTION_ID, "ProcessorAffinity": GroupAffinity(Mask=3)}),
    Case(VPORT, "for the PF, when its pools are used up (VPORT-05)", Status.RESOURCES,
         {"VPortId": 6, "AttachedFunctionId": PF_FUNCTION_ID, "ProcessorAffinity": ONE_CPU},
         before=((VPORT, {"AttachedFunctionId": PF_FUNCTION_ID, "ProcessorAffinity": ONE_CPU}),)),
    Case(VPORT, "before the switch (SWITCH-06)", BAD, before=(*EMPTY, (DELETE, {}))),

    Case(VPORT_SET, "name and activation of one of the PF's", OK),
    Case(VPORT_SET, "its processor", OK, {"Flags": VPortFlags.PROCESSOR_AFFINITY_CHANGED, "ProcessorAffinity": ONE_CPU}),
    Case(VPORT_SET, "two processors (VPORT-11)", BAD,
         {"Flags": VPortFlags.PROCESSOR_AFFINITY_CHANGED, "ProcessorAffinity": GroupAffinity(Mask=3)}),
    Case(VPORT_SET, "the processor of a VF's (VPORT-12)", BAD,
         {"VPortId": 1, "Flags": VPortFlags.PROCESSOR_AFFINITY_CHANGED, "ProcessorAffinity": ONE_CPU}),
    Case(VPORT_SET, "deactivation (VPORT-08)", BAD,
         {"VPortId": 1, "Flags": VPortFlags.STATE_CHANGED, "VPortState": VPortState.DEACTIVATED}),
    Case(VPORT_SET, "queue pairs (VPORT-10)", BAD, {"Flags": VPortFlags.NUM_QUEUE_PAIRS_CHANGED, "NumQueuePairs": 2}),
    Case(VPORT_SET, "moderation (INTR-08)", OK, {"VPortId": 1, "Flags": VPortFlags.INT_MOD_CHANGED, "InterruptModeration": 2}),
    Case(VPORT_SET, "moderation without a value (INTR-08)", BAD, {"Flags": VPortFlags.INT_MOD_CHANGED}),
    Case(VPORT_SET, "moderation of no known kind (INTR-08)", BAD,
         {"Flags": VPortFlags.INT_MOD_CHANGED, "InterruptModeration": 3}),
    Case(VPORT_SET, "something that no version knows (VPORT-12)", BAD, {"Flags": 0x01000000}),
    Case(VPORT_SET, "lookahead (VPORT-12)", BAD, {"LookaheadSize": 64}),
    Case(VPORT_SET, "members whose flags are clear", OK, {"Flags": 0, "VPortState": VPortState.DEACTIVATED}),
    Case(VPORT_SET, "of another switch (VPORT-12)", BAD, {"SwitchId": 1}),
    Case(VPORT_SET, "of no VPort (VPORT-12)", BAD, {"VPortId": 6}),

    Case(VPORT_DELETE, "of the PF's", OK),
    Case(VPORT_DELETE, "with a filter on it (VPORT-16)", BAD, {"VPortId": 1}),
    Case(VPORT_DELETE, "once its filter is cleared", OK, {"VPortId": 1}, before=(EMPTY[0],)),
    Case(VPORT_DELETE, "the default one (VPORT-16)", BAD, {"VPortId": 0}),
    Case(VPORT_DELETE, "one that is not there", BAD, {"VPortId": 6}),

    Case(ALLOCATE, "the lowest free VF", OK),
    Case(ALLOCATE, "on another switch (VF-ALLOC-02)", BAD, {"SwitchId": 1}),
    Case(ALLOCATE, "with a VF id chosen by the caller (VF-ALLOC-03)", BAD, {"VFId": 2}),
    Case(ALLOCATE, "with a requester id chosen by the caller (VF-ALLOC-03)", BAD, {"RequestorId": 0x182}),
    Case(ALLOCATE, "with an address that is no Ethernet's (VF-ALLOC-04)", BAD, {"MacAddressLength": 8}),
    Case(ALLOCATE, "when all are taken (VF-ALLOC-06)", Status.RESOURCES, before=((ALLOCATE, {}), (ALLOCATE, {}))),
    Case(ALLOCATE, "before the switch (SWITCH-06)", BAD, before=(*EMPTY, (DELETE, {}))),

    Case(FREE, "in V2", OK),
    Case(FREE, "in V3 (VF-ALLOC-14)", BAD, {"VFId": V3}),
    Case(FREE, "in V1 (VF-ALLOC-14)", BAD, {"VFId": V1}),
    Case(FREE, "of no VF (VF-ALLOC-14)", BAD, {"VFId": INVALID_VF_FUNCTION_ID}),

    Case(READ, "the first dword", OK),
    Case(READ, "all 4096 bytes", OK, {"Length": 4096}, bytes(4096)),
    Case(READ, "past the end (CFG-07)", BAD, {"Offset": 4094}),
    Case(READ, "far past the end (CFG-07)", BAD, {"Offset": 0xFFFFFFFF}),
    Case(READ, "nothing", BAD, {"Length": 0}),
    Case(READ, "more than the buffer holds (CFG-04)", SHORT, {"Length": 8}),
    Case(READ, "over the structure (CFG-02)", BAD, {"BufferOffset": 16}),
    Case(READ, "in V1 (CFG-03, G-05)", BAD, {"VFId": V1}),
    Case(READ, "when the bus does not answer (CFG-05)", FAILED, faults=("NdisMGetVirtualFunctionBusData",)),

    Case(WRITE, "the command register", OK),
    Case(WRITE, "past the end (CFG-07)", BAD, {"Offset": 4095}),
    Case(WRITE, "more than the buffer holds (CFG-04)", SHORT, {"Length": 4}),
    Case(WRITE, "over the structure (CFG-02)", BAD, {"BufferOffset": 0}),
    Case(WRITE, "in V1 (CFG-03, G-05)", BAD, {"VFId": V1}),
    Case(WRITE, "when the bus does not answer (CFG-05)", FAILED, faults=("NdisMSetVirtualFunctionBusData",)),

    Case(READ_BLOCK, "a block", OK),
    Case(READ_BLOCK, "its first bytes", OK, {"Length": 2}),
    Case(READ_BLOCK, "more than the block has (BACKCH-03)", BAD, {"Length": 9}, bytes(9)),
    Case(READ_BLOCK, "more than the transport carries (BACKCH-05)", BAD, {"Length": 129}, bytes(129)),
    Case(READ_BLOCK, "nothing", BAD, {"Length": 0}),
    Case(READ_BLOCK, "one that is not known (BACKCH-03)", BAD, {"BlockId": 7}),
    Case(READ_BLOCK, "more than the buffer holds (BACKCH-03)", SHORT, {}, bytes(7)),
    Case(READ_BLOCK, "in V1 (BACKCH-03, G-05)", BAD, {"VFId": V1}),

    Case(WRITE_BLOCK, "a block of the VF's", OK),
    Case(WRITE_BLOCK, "a block of the PF's (BACKCH-11)", BAD, {"BlockId": LINK.id}),
    Case(WRITE_BLOCK, "more than the block has (BACKCH-03)", BAD, {"Length": 17}, bytes(17)),
    Case(WRITE_BLOCK, "one that is not known (BACKCH-03)", BAD, {"BlockId": 65}),
    Case(WRITE_BLOCK, "more than the buffer holds (BACKCH-03)", SHORT, {"Length": 5}),
    Case(WRITE_BLOCK, "in V1 (BACKCH-03, G-05)", BAD, {"VFId": V1}),

    Case(RESET, "in V2", OK),
    Case(RESET, "in V3 (G-07)", OK, {"VFId": V3}),
    Case(RESET, "in V1 (RESET-02, G-05)", BAD, {"VFId": V1}),
    Case(RESET, "when the bus does not answer", FAILED, faults=("NdisMSetVirtualFunctionBusData",)),

    Case(POWER, "D3", OK),
    Case(POWER, "D0", OK, {"PowerState": PowerState.D0, "WakeEnable": 0}),
    Case(POWER, "D0 with wake (POWER-02)", BAD, {"PowerState": PowerState.D0}),
    Case(POWER, "D1, which the device does not know", NOT_OFFERED, {"PowerState": PowerState.D1}),
    Case(POWER, "D2, which the device does not know", NOT_OFFERED, {"PowerState": PowerState.D2}),
    Case(POWER, "unspecified", BAD, {"PowerState": PowerState.UNSPECIFIED, "WakeEnable": 0}),
    Case(POWER, "none of the states", BAD, {"PowerState": 5}),
    Case(POWER, "a wake that is no boolean", BAD, {"WakeEnable": 2}),
    Case(POWER, "in V1 (POWER-03, G-05)", BAD, {"VFId": V1}),

    Case(IDS, "in V2", OK),
    Case(IDS, "in V1 (EXPOSE-02, G-05)", BAD, {"VFId": V1}),

    Case(BARS, "six values", OK),
    Case(BARS, "with room for five (BAR-02)", SHORT, {}, bytes(20)),
    Case(BARS, "over the structure", BAD, {"BaseRegisterValuesOffset": 4}),
    Case(BARS, "further back than the buffer goes", SHORT, {"BaseRegisterValuesOffset": 16}),
    Case(BARS, "when the bus driver does not know (BAR-02)", FAILED, faults=("NdisMQueryProbedBars",)),

    Case(BAR, "registers", OK),
    Case(BAR, "MSI-X", OK, {"BarIndex": 3}),
    Case(BAR, "the upper half of a 64-bit BAR (BAR-06)", BAD, {"BarIndex": 1}),
    Case(BAR, "a BAR that is not there", BAD, {"BarIndex": 2}),
    Case(BAR, "a seventh BAR", BAD, {"BarIndex": 6}),
    Case(BAR, "without room for the descriptor (BAR-04)", SHORT, {}, bytes(19)),
    Case(BAR, "over the structure", BAD, {"BarResourcesOffset": 8}),
    Case(BAR, "in V1 (BAR-04, G-05)", BAD, {"VFId": V1}),
    Case(BAR, "when the bus driver does not know", FAILED, faults=("NdisMQueryProbedBars",)),

    Case(FILTER, "an address, untagged", OK),
    Case(FILTER, "an address in a VLAN", OK, {"FieldParametersArrayNumElements": 2}, in_vlan(7)),
    Case(FILTER, "on the default VPort", OK, {"VPortId": 0}),
    Case(FILTER, "elements further apart than they are long", OK,
         {"FieldParametersArrayNumElements": 2, "FieldParametersArrayElementSize": 60},
         in_vlan(7)[:56] + bytes(4) + in_vlan(7)[56:] + bytes(4)),
    Case(FILTER, "an address alone, whatever the tag (FILTER-08)", BAD, {}, to_mac(Flags=0)),
    Case(FILTER, "in a VLAN and untagged (FILTER-09)", BAD, {"FieldParametersArrayNumElements": 2},
         to_mac() + in_vlan(7)[56:]),
    Case(FILTER, "in VLAN 0", BAD, {"FieldParametersArrayNumElements": 2}, in_vlan(0)),
    Case(FILTER, "in VLAN 4095", BAD, {"FieldParametersArrayNumElements": 2}, in_vlan(4095)),
    Case(FILTER, "a VLAN alone", BAD, {}, in_vlan(7)[56:]),
    Case(FILTER, "two addresses", NOT_OFFERED, {"FieldParametersArrayNumElements": 2}, to_mac() + to_mac()),
    Case(FILTER, "a source address (FILTER-02)", NOT_OFFERED, {}, field(MacHeaderField.SOURCE_ADDRESS, bytes(6))),
    Case(FILTER, "a masked test (FILTER-02)", NOT_OFFERED, {}, to_mac(ReceiveFilterTest=FilterTest.MASK_EQUAL)),
    Case(FILTER, "a test of no known header", NOT_OFFERED, {}, to_mac(FrameHeader=0)),
    Case(FILTER, "a test with a bad header (STRUCT-01)", BAD, {}, b"\x81" + to_mac()[1:]),
    Case(FILTER, "without a test", BAD, {"FieldParametersArrayNumElements": 0}),
    Case(FILTER, "with three tests", BAD, {"FieldParametersArrayNumElements": 3}, in_vlan(7) + to_mac()),
    Case(FILTER, "elements that are too short", BAD, {"FieldParametersArrayElementSize": 55}),
    Case(FILTER, "an array that leaves the buffer", SHORT, {"FieldParametersArrayOffset": 48}),
    Case(FILTER, "an array over the structure", BAD, {"FieldParametersArrayOffset": 40}),
    Case(FILTER, "for packet coalescing", NOT_OFFERED, {"FilterType": FilterType.PACKET_COALESCING}),
    Case(FILTER, "on a VPort that is not there (FILTER-01)", BAD, {"VPortId": 6}),
    Case(FILTER, "on another queue (FILTER-01)", BAD, {"QueueId": 1}),
    Case(FILTER, "without an id from NDIS (FILTER-03)", BAD, {"FilterId": 0}),
    Case(FILTER, "with an id that exists (FILTER-03)", BAD, {"FilterId": ON_VF}),
    Case(FILTER, "when the addresses are used up (FILTER-17)", FAILED,
         before=tuple((FILTER, {"FilterId": each}) for each in range(20, 29))),

    Case(CLEAR, "a filter", OK),
    Case(CLEAR, "one that is not there (FILTER-14)", BAD, {"FilterId": 7}),
    Case(CLEAR, "of another queue (FILTER-14)", BAD, {"QueueId": 1}),

    Case(MOVE, "to a VF's VPort", OK),
    Case(MOVE, "back to the default VPort", OK, {"FilterId": ON_VF, "SourceVPortId": 1, "DestVPortId": 0}),
    Case(MOVE, "to where it is", OK, {"DestVPortId": 0}),
    Case(MOVE, "one that is not there (FILTER-12)", BAD, {"FilterId": 7}),
    Case(MOVE, "from where it is not (FILTER-12)", BAD, {"SourceVPortId": 1}),
    Case(MOVE, "to a VPort that is not there (FILTER-12)", BAD, {"DestVPortId": 6}),
    Case(MOVE, "from another queue (FILTER-12)", BAD, {"SourceQueueId": 1}),
    Case(MOVE, "to another queue (FILTER-12)", BAD, {"DestQueueId": 1}),
)


class Bench:
    """A PF with four VFs on a fake adapter, asked by hand."""

    def __init__(self, machine: Any, driver: Any = PfMiniport, **faults: Status):
        settings = PfSettings(max_vfs=8, pf_vports=2, mac_slots=12)
        unlucky = type("Under", (driver,), {"circumstances": Circumstances(faults=faults)}) if faults else driver
        self.machine = machine(num_vfs=4, pf_driver=unlucky, pf_settings=settings)
        self.machine.do(self.machine.stack.bring_up_pf())
        self.machine.ndis.checker.seen.probing = True      # what is asked by hand is not held against the stack
        self.pf = self.machine.pf

    def ask(self, key: tuple[RequestType, Oid], data: bytes | None = None, **members: Any) -> Status:
        """The good request with other members, or other data behind them."""
        usual, follows = GOOD[key]
        structure = made(ROW_OF[key[1]].structure, **{**usual, **members})
        self.request = Request(*key, structure, follows if data is None else data)
        return self.send(self.request)

    def send(self, request: Request) -> Status:
        return self.machine.do(self.machine.stack.pf.oid(request.kind, request.oid, request.information))

    def prepared(self) -> Bench:
        """V2 allocated; V3 with VPort 1 and a filter; VPort 2 of the PF's; a filter on the default VPort."""
        for key, members in ((ALLOCATE, {}), (ALLOCATE, {}), (VPORT, {"VPortId": 1, "AttachedFunctionId": V3}),
                             (VPORT, {"VPortId": PF_VPORT, "AttachedFunctionId": PF_FUNCTION_ID, "ProcessorAffinity": ONE_CPU}),
                             (FILTER, {"FilterId": ON_DEFAULT, "VPortId": 0}), (FILTER, {"FilterId": ON_VF})):
            assert self.ask(key, **members) == Status.SUCCESS
        return self

    def state(self) -> tuple[Any, ...]:
        """All that a request could change: the driver's image, the adapter's registers and configuration space."""
        adapter = self.machine.adapter
        return (switch_state(self.pf.switch), dict(adapter.registers), {f: bytes(s) for f, s in adapter.config.items()},
                repr(adapter.mailbox))


@pytest.fixture
def bench(machine: Any) -> Callable[..., Bench]:
    return lambda *args, **faults: Bench(machine, *args, **faults)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.request[1].name}: {case.situation}")
def test_situation_has_its_status_and_a_failure_changes_nothing(bench, case):
    pf = bench().prepared()
    for key, members in case.before:
        assert pf.ask(key, **members) == Status.SUCCESS
    pf.machine.ndis.faults.update(dict.fromkeys(case.faults, Status.FAILURE))
    before = pf.state()
    assert pf.ask(case.request, case.data, **case.members) == case.status
    if case.status != Status.SUCCESS:
        assert pf.state() == before
    assert may_answer(case.request[1], case.status) or (case.request, case.status) in BEYOND_THEIR_PAGES


BEYOND_THEIR_PAGES = {(DELETE, BAD), (CLEAR, BAD)}
"""What only a caller that goes past NDIS can see: the pages leave these members to NDIS."""


def test_every_request_of_the_pf_is_served_and_tested():
    served = {(oid, kind) for (oid, kind), handler in HANDLER_OF.items() if handler is Handler.PF}
    assert {(oid, kind) for kind, oid in PfMiniport.SERVED} == {(oid, kind) for kind, oid in GOOD} == served
    assert {case.request for case in CASES if case.status == Status.SUCCESS} == set(GOOD)


@pytest.mark.parametrize("key", GOOD, ids=lambda key: key[1].name)
def test_order_of_checks(bench, key):
    """OID-10: enabled, then length, then header, then members; the first that fails decides."""
    row, (members, data) = ROW_OF[key[1]], GOOD[key]
    pf = bench().prepared()
    before = pf.state()
    bad = made(row.structure, **members)
    bad.Header.Revision = 9
    if "SwitchId" in dict(row.structure._fields_):
        bad.SwitchId = 5
    short = Request(*key, bad, data, length=row.min_length - 1)
    assert pf.send(short) == Status.INVALID_LENGTH and short.bytes_needed == row.min_length
    assert pf.send(Request(*key, bad, data)) == Status.INVALID_PARAMETER
    for wrong in ({"Type": 0x81}, {"Revision": row.structure.REVISION + 1}, {"Size": row.structure.NDIS_SIZEOF - 1}):
        structure = made(row.structure, **members)
        for name, value in wrong.items():
            setattr(structure.Header, name, value)
        assert pf.send(Request(*key, structure, data)) == Status.INVALID_PARAMETER
    assert pf.state() == before
    plain = type("Plain", (PfMiniport,), {"circumstances": Circumstances(keywords={"*SRIOV": 0})})
    assert bench(plain).send(short) == Status.NOT_SUPPORTED


@pytest.mark.parametrize("kind, oid, status", [
    (SET, Oid.NIC_SWITCH_ALLOCATE_VF, NOT_OFFERED), (QUERY, Oid.SRIOV_RESET_VF, NOT_OFFERED),
    (METHOD, Oid.NIC_SWITCH_PARAMETERS, NOT_OFFERED), (METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK, NOT_OFFERED),
    (QUERY, 0x00FF0001, Status.INVALID_OID)])
def test_what_is_not_the_pfs_is_refused(bench, kind, oid, status):
    assert bench().prepared().pf.oid_request(kind, oid, None) == status


# what comes back -----------------------------------------------------------------------------------------

def test_allocated_vf_has_an_id_and_a_requester_id(bench):
    pf = bench()
    assert pf.ask(ALLOCATE) == pf.ask(ALLOCATE) == Status.SUCCESS
    assert (pf.request.information.VFId, pf.request.information.RequestorId) == (1, 0x182)
    assert pf.ask(FREE, VFId=0) == pf.ask(ALLOCATE) == Status.SUCCESS
    assert pf.request.information.VFId == 0


def test_vport_of_a_vf_is_born_activated_and_one_of_the_pf_is_not(bench):
    pf = bench()
    pf.ask(ALLOCATE)
    assert pf.ask(VPORT, AttachedFunctionId=0) == Status.SUCCESS
    assert pf.request.information.VPortState == VPortState.ACTIVATED
    assert pf.ask(VPORT, VPortId=6, AttachedFunctionId=PF_FUNCTION_ID, ProcessorAffinity=ONE_CPU) == Status.SUCCESS
    assert pf.request.information.VPortState == VPortState.DEACTIVATED


def test_activated_vport_of_the_pf_opens_its_own_pool(bench):
    pf = bench().prepared()
    enabled = pf.machine.adapter.value(0, "VFRE")
    assert pf.ask(VPORT_SET) == Status.SUCCESS
    assert pf.machine.adapter.value(0, "VFRE") == enabled | 1 << 5       # VFs have pools 0 to 3, the default VPort 4
    assert pf.ask(VPORT_DELETE) == Status.SUCCESS and pf.machine.adapter.value(0, "VFRE") == enabled


def test_moderation_of_a_vport_throttles_the_vectors_of_its_queues_alone(bench):
    """INTR-08, VPORT-13: by EITR, in 2.048 us; a change of something else leaves it; a reset of the PF restores it."""
    pf = bench().prepared()
    before = dict(pf.machine.adapter.registers)
    asked = {"VPortId": 1, "Flags": VPortFlags.INT_MOD_CHANGED, "InterruptModeration": InterruptModeration.MEDIUM}
    assert pf.ask(VPORT_SET, **asked) == Status.SUCCESS
    expected = {(0, "EITR", 128 - 2 * V3 - vector): 24 << 3 for vector in range(2)}
    assert {key: word for key, word in pf.machine.adapter.registers.items() if before.get(key) != word} == expected
    assert pf.ask(VPORT_SET, VPortId=1, Flags=VPortFlags.NAME_CHANGED, InterruptModeration=InterruptModeration.OFF) == OK
    assert {key: pf.machine.adapter.registers[key] for key in expected} == expected
    pf.machine.adapter.registers.update(dict.fromkeys(expected, 0))
    assert pf.machine.do(pf.machine.stack.pf.reset()) == OK and expected.items() <= pf.machine.adapter.registers.items()
    assert pf.ask(VPORT_SET, **{**asked, "VPortId": 0, "InterruptModeration": InterruptModeration.HIGH}) == OK
    assert pf.machine.adapter.value(0, "EITR", 0) == 61 << 3


def test_moderation_of_a_vport_is_refused_where_it_is_not_advertised(machine):
    """INTR-08, ADV-13: by NDIS, and by the driver where NDIS is passed by."""
    offered = NicSwitchCapabilities.PER_VPORT_INTERRUPT_MODERATION
    for on, status in ((True, OK), (False, BAD)):
        bench = machine(num_vfs=1, pf_settings=PfSettings(vport_moderation=on)).start()
        flags = bench.stack.requests.ndis.known.capability("CurrentNicSwitch").NicSwitchCapabilities
        assert bool(flags & offered) is on
        asked = made(ROW_OF[VPORT_SET[1]].structure, VPortId=1, Flags=VPortFlags.INT_MOD_CHANGED, InterruptModeration=100)
        known = len(bench.ndis.checker.seen.calls["MiniportOidRequest"])
        assert bench.do(bench.stack.requests.ndis.oid(*VPORT_SET, asked, STACK)) == status
        assert bench.do(bench.stack.pf.oid(*VPORT_SET, asked)) == status
        assert len(bench.ndis.checker.seen.calls["MiniportOidRequest"]) == known + 1 + on


def test_capabilities_that_change_are_indicated_and_ndis_goes_by_them(machine):
    """ADV-22, ADV-27: without moderation there is none a VPort; what the hardware could do stays."""
    bench = machine(num_vfs=1).start()
    ndis, flag = bench.stack.requests.ndis, NicSwitchCapabilities.PER_VPORT_INTERRUPT_MODERATION
    asked = made(ROW_OF[VPORT_SET[1]].structure, VPortId=1, Flags=VPortFlags.INT_MOD_CHANGED, InterruptModeration=100)
    for state, on in ((ModerationState.DISABLED, False), (ModerationState.DISABLED, False), (ModerationState.ENABLED, True)):
        off = made(InterruptModerationParameters, InterruptModeration=state)
        assert bench.do(bench.stack.pf.oid(SET, Oid.GEN_INTERRUPT_MODERATION, off)) == OK
        assert bool(ndis.known.capability("CurrentNicSwitch").NicSwitchCapabilities & flag) is on
        assert ndis.known.capability("HardwareNicSwitch").NicSwitchCapabilities & flag
        assert bench.do(ndis.oid(*VPORT_SET, asked, STACK)) == (OK if on else BAD)
    told = [call.args["status"] for call in bench.ndis.checker.seen.calls["NdisMIndicateStatusEx"]]
    assert told.count(Indication.NIC_SWITCH_CURRENT_CAPABILITIES) == 2 and bench.ndis.link_state is MediaConnectState.CONNECTED
    assert bench.reported() == []


def test_memory_of_a_vport_is_named_after_it_and_goes_with_it(bench):
    """VPORT-14, VPORT-18: from its activation, once, to its deletion; where there is none to be had, it stays as it was."""
    pf = bench().prepared()
    calls, ndis = pf.machine.ndis.checker.seen.calls, pf.machine.ndis
    ndis.faults["NdisAllocateSharedMemory"] = Status.RESOURCES
    before = pf.state()
    assert pf.ask(VPORT_SET) == Status.FAILURE and pf.state() == before
    del ndis.faults["NdisAllocateSharedMemory"]
    assert pf.ask(VPORT_SET) == pf.ask(VPORT_SET) == Status.SUCCESS
    refused, taken = calls["NdisAllocateSharedMemory"]
    assert (taken.args["vport_id"], taken.args["queue_id"], taken.args["length"]) == (PF_VPORT, 0, 512 * (16 + 2048))
    assert pf.ask(VPORT_DELETE) == Status.SUCCESS
    assert [call.args["address"] for call in calls["NdisFreeSharedMemory"]] == [taken.args["address"]]


def test_configuration_space_is_that_vfs_alone(bench):
    pf = bench().prepared()
    assert pf.ask(WRITE, b"\x34\x12", VFId=V3, Offset=0x3C) == Status.SUCCESS
    assert pf.machine.adapter.config[1 + V3][0x3C:0x3E] == b"\x34\x12"
    assert pf.ask(READ, bytes(8), VFId=V3, Offset=0x3C, Length=2, BufferOffset=23) == Status.SUCCESS
    assert bytes(pf.request.data) == bytes(3) + b"\x34\x12" + bytes(3) and pf.request.bytes_written == 25
    assert pf.ask(READ, VFId=V2, Offset=0x3C) == Status.SUCCESS and bytes(pf.request.data) == bytes(4)


def test_ids_are_ours_and_that_of_the_capability(bench):
    pf = bench().prepared()
    assert pf.ask(IDS) == Status.SUCCESS
    assert (pf.request.information.VendorId, pf.request.information.DeviceId) == (0x8086, 0x10ED)


def test_bars_are_probed_and_cut_into_slices(bench):
    pf = bench().prepared()
    assert pf.ask(BARS) == Status.SUCCESS
    values = [int.from_bytes(pf.request.data[i:i + 4], "little") for i in range(0, 24, 4)]
    assert values == [0xFFFFC004, 0xFFFFFFFF, 0, 0xFFFFC004, 0xFFFFFFFF, 0]
    assert pf.ask(BAR, BarIndex=3) == Status.SUCCESS
    resource = MemoryResource.from_buffer_copy(pf.request.data)
    assert (resource.Type, resource.Start, resource.Length) == (3, 0x9_0000_0000 + V3 * 0x4000, 0x4000)


def test_blocks_are_the_vfs_own(bench):
    pf = bench().prepared()
    assert pf.ask(READ_BLOCK) == Status.SUCCESS and bytes(pf.request.data) == MAC.to_bytes(6, "big") + bytes(2)
    assert pf.ask(READ_BLOCK, VFId=V3, BlockId=LIMITS.id) == Status.SUCCESS
    assert bytes(pf.request.data) == (1518).to_bytes(4, "little") + (1).to_bytes(4, "little")
    assert pf.ask(WRITE_BLOCK) == Status.SUCCESS
    for vf, contents in ((V2, b"ours" + bytes(12)), (V3, bytes(16))):
        assert pf.ask(READ_BLOCK, bytes(16), VFId=vf, BlockId=DRIVER.id, Length=16) == Status.SUCCESS
        assert bytes(pf.request.data) == contents
    assert pf.ask(RESET) == Status.SUCCESS                                  # BACKCH-12: what the VF wrote is gone
    assert pf.ask(READ_BLOCK, bytes(16), BlockId=DRIVER.id, Length=16) == Status.SUCCESS
    assert bytes(pf.request.data) == bytes(16)


def test_reset_is_a_function_level_reset_of_that_vf_alone(bench):
    pf = bench().prepared()
    for vf in (V2, V3):
        pf.pf.switch.vfs[vf].clear_to_send = True
        pf.pf.switch.follow_vf(vf)
    assert pf.machine.adapter.value(0, "VFRE") == 0b10011
    assert pf.ask(RESET, VFId=V3) == Status.SUCCESS
    assert pf.machine.adapter.resets == [V3] and pf.machine.adapter.value(0, "VFRE") == 0b10001
    assert pf.pf.switch.vfs[V3].vport == 1 and not pf.pf.switch.vfs[V3].clear_to_send and pf.pf.switch.vfs[V2].clear_to_send


def test_a_vf_in_d3_neither_sends_nor_receives(bench):
    pf = bench().prepared()
    for vf in (V2, V3):
        pf.pf.switch.vfs[vf].clear_to_send = True
        pf.pf.switch.follow_vf(vf)
    assert pf.ask(POWER) == Status.SUCCESS
    assert pf.machine.adapter.value(0, "VFRE") == pf.machine.adapter.value(0, "VFTE") == 0b10001
    assert pf.ask(POWER, PowerState=PowerState.D0, WakeEnable=0) == Status.SUCCESS
    assert pf.machine.adapter.value(0, "VFRE") == 0b10011


def test_dynamic_creation_serves_the_same_requests(bench):
    pf = bench(DynamicPfMiniport).prepared()
    for key in GOOD:
        if key not in (CREATE, DELETE, ALLOCATE, VPORT):
            again = bench(DynamicPfMiniport).prepared()
            assert again.ask(key) == Status.SUCCESS, key
    assert pf.machine.reported() == []
