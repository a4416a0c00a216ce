"""NDIS over a miniport that answers by a table, for tests of what NDIS does itself.

    test ─► NdisRequests ─► Miniport (answers SUCCESS, or what `answers` says, and remembers what it was asked)
"""

from __future__ import annotations

from ctypes import pointer
from typing import Any

import simpy

from nicmodel.datasheet.ndis import (
    FIELD_VLAN_UNTAGGED_OR_ZERO,
    FRAME_HEADER_MAC,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    PF_FUNCTION_ID,
    PF_SRIOV_CAPABILITIES,
    ROW_OF,
    FilterTest,
    FilterType,
    Issuer,
    MacHeaderField,
    Oid,
    RequestType,
    Status,
    SwitchFlags,
    SwitchType,
    VPortFlags,
    VPortState,
)
from nicmodel.datasheet.ndis_structures import (
    CountedName,
    FilterFieldParameters,
    GroupAffinity,
    HardwareAssistAttributes,
    NicSwitchCapabilitiesStructure,
    ReceiveFilterCapabilitiesStructure,
    SriovCapabilitiesStructure,
    address,
    made,
)
from nicmodel.ndis.request import Request
from nicmodel.ndis.requests import NDIS, STACK, NdisRequests, Opener
from nicmodel.ndis.states import State

QUERY, SET, METHOD = RequestType
BAD, SHORT, NOT_OFFERED, GONE, OK = (Status.INVALID_PARAMETER, Status.INVALID_LENGTH, Status.NOT_SUPPORTED,
                                     Status.FILE_NOT_FOUND, Status.SUCCESS)
OTHER = Opener("another protocol", Issuer.VS)


class Library:
    """What NdisRequests needs of an NdisLibrary."""

    def __init__(self, env: simpy.Environment, role: str):
        self.env, self.role, self.platform = env, role, self
        self.attributes: dict[str, Any] = {}
        self.registry: dict[str, Any] = {}
        self.on_invalidate = None
        self.vpci: Any = None

    def write_keyword(self, keyword: str, value: Any) -> None:
        self.registry[keyword] = value


class Miniport:
    """An adapter whose miniport answers SUCCESS, or what `answers` says, a little later."""

    def __init__(self, role: str = "PF", current: bool = True, vports: int = 4, pairs: int = 8):
        self.ndis = Library(simpy.Environment(), role)
        self.state = State.RUNNING
        self.answers: dict[Oid, Status] = {}
        self.asked: list[tuple[Oid, Any]] = []
        self.vfs = 0
        self.assist = made(HardwareAssistAttributes)
        for name, structure in (
                ("Sriov", made(SriovCapabilitiesStructure, SriovCapabilities=PF_SRIOV_CAPABILITIES)),
                ("NicSwitch", made(NicSwitchCapabilitiesStructure, MaxNumVPorts=vports, MaxNumVFs=3, MaxNumQueuePairs=pairs,
                                   MaxNumQueuePairsPerNonDefaultVPort=4)),
                ("ReceiveFilter", made(ReceiveFilterCapabilitiesStructure, EnabledFilterTypes=1))):
            setattr(self.assist, f"Hardware{name}Capabilities", pointer(structure))
            if current:
                setattr(self.assist, f"Current{name}Capabilities", pointer(structure))
        self.ndis.attributes["hardware_assist"] = self.assist

    def oid(self, kind: RequestType, oid: Oid, buffer: Any) -> Any:
        yield self.ndis.env.timeout(5)
        self.asked.append((oid, buffer))
        status = self.answers.get(oid, Status.SUCCESS)
        if oid == Oid.NIC_SWITCH_ALLOCATE_VF and status == Status.SUCCESS:
            buffer.VFId, buffer.RequestorId = self.vfs, 0x180 + self.vfs
            self.vfs += 1
        return status


class Bench:
    """NDIS over such a miniport."""

    def __init__(self, **miniport: Any):
        self.miniport = Miniport(**miniport)
        self.requests = NdisRequests(self.miniport)

    def do(self, steps: Any) -> Any:
        env = self.miniport.ndis.env
        return env.run(env.process(steps))

    def ask(self, kind: RequestType, oid: Oid, opener: Opener = STACK, data: bytes = b"", length: int | None = None,
            **members: Any) -> Status:
        self.request = Request(kind, oid, made(ROW_OF[oid].structure, **members), data, length)
        return self.do(self.requests.submit(self.request, opener))

    def good(self, key: tuple[RequestType, Oid], opener: Opener | None = None, data: bytes | None = None,
             **members: Any) -> Status:
        usual, follows = GOOD.get(key, ({}, b""))
        return self.ask(*key, opener or (NDIS if key[1] in NDIS_ISSUES else STACK), follows if data is None else data,
                        **{**usual, **members})

    def with_switch(self) -> Bench:
        """Switch; VF 0 allocated; VF 1 with VPort 1 and filter 2; VPort 2 of the PF's; filter 1 on the default VPort."""
        for key, members in ((CREATE, {}), (ALLOCATE, {}), (ALLOCATE, {}), (VPORT, {"AttachedFunctionId": 1}),
                             (VPORT, {"AttachedFunctionId": PF_FUNCTION_ID, "ProcessorAffinity": ONE_CPU}),
                             (FILTER, {"VPortId": 0}), (FILTER, {})):
            assert self.good(key, **members) == Status.SUCCESS
        self.miniport.asked.clear()
        return self


def to_mac(**members: Any) -> FilterFieldParameters:
    return made(FilterFieldParameters, **{**dict(
        FrameHeader=FRAME_HEADER_MAC, ReceiveFilterTest=FilterTest.EQUAL, HeaderField=MacHeaderField.DESTINATION_ADDRESS,
        Flags=FIELD_VLAN_UNTAGGED_OR_ZERO), **members})


CREATE, RENAME, DELETE = ((METHOD, Oid.NIC_SWITCH_CREATE_SWITCH), (SET, Oid.NIC_SWITCH_PARAMETERS),
                          (SET, Oid.NIC_SWITCH_DELETE_SWITCH))
VPORT, VPORT_SET, VPORT_DELETE = ((METHOD, Oid.NIC_SWITCH_CREATE_VPORT), (SET, Oid.NIC_SWITCH_VPORT_PARAMETERS),
                                  (SET, Oid.NIC_SWITCH_DELETE_VPORT))
ALLOCATE, FREE = (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF), (SET, Oid.NIC_SWITCH_FREE_VF)
FILTER, CLEAR, MOVE = ((METHOD, Oid.RECEIVE_FILTER_SET_FILTER), (SET, Oid.RECEIVE_FILTER_CLEAR_FILTER),
                       (SET, Oid.RECEIVE_FILTER_MOVE_FILTER))
NDIS_ISSUES = (Oid.NIC_SWITCH_CREATE_SWITCH, Oid.NIC_SWITCH_DELETE_SWITCH)
ONE_CPU = GroupAffinity(Mask=4)
GOOD: dict[tuple[RequestType, Oid], tuple[dict[str, Any], bytes]] = {
    CREATE: (dict(SwitchType=SwitchType.EXTERNAL, SwitchFriendlyName=CountedName.of("Default Switch"), NumVFs=3), b""),
    RENAME: (dict(Flags=SwitchFlags.SWITCH_NAME_CHANGED, SwitchFriendlyName=CountedName.of("Blue")), b""),
    ALLOCATE: (dict(MacAddressLength=6, CurrentMacAddress=address(0x02), VFId=INVALID_VF_FUNCTION_ID,
                    RequestorId=INVALID_RID, VMName=CountedName.of("web")), b""),
    VPORT: (dict(AttachedFunctionId=0, NumQueuePairs=2), b""),
    FILTER: (dict(FilterType=FilterType.VM_QUEUE, VPortId=1, FieldParametersArrayOffset=44,
                  FieldParametersArrayNumElements=1, FieldParametersArrayElementSize=56), bytes(to_mac())),
    CLEAR: (dict(FilterId=2), b""),
    MOVE: (dict(FilterId=1, SourceVPortId=0, DestVPortId=1), b""),
    VPORT_SET: (dict(VPortId=2, Flags=VPortFlags.STATE_CHANGED, VPortState=VPortState.ACTIVATED), b""),
    VPORT_DELETE: (dict(VPortId=2), b""),
}


