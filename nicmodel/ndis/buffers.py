"""Buffers of requests to a PF about its switch, its VFs, their VPorts, filters and configuration space.

Built here for everybody who asks: the stack in `switch_requests`, and the examiner. A request with data behind its structure is
a triple of kind, OID and that structure, which knows its `Request`.
"""

from __future__ import annotations

from ctypes import sizeof
from typing import Any

from nicmodel.datasheet.ndis import (
    DEFAULT_SWITCH_ID,
    DEFAULT_SWITCH_NAME,
    FIELD_VLAN_UNTAGGED_OR_ZERO,
    FRAME_HEADER_MAC,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    PF_FUNCTION_ID,
    FilterTest,
    FilterType,
    MacHeaderField,
    Oid,
    PowerState,
    RequestType,
    SwitchType,
    VPortState,
)
from nicmodel.datasheet.ndis_buffers import pack_array, pack_data
from nicmodel.datasheet.ndis_structures import (
    BarResourcesInfo,
    CountedName,
    FilterFieldParameters,
    FreeVfParameters,
    MemoryResource,
    NicSwitchParameters,
    ProbedBarsInfo,
    ReadConfigBlockParameters,
    ReadConfigSpaceParameters,
    ReceiveFilterParameters,
    ResetVfParameters,
    SetPowerStateParameters,
    VendorDeviceIdInfo,
    VfParameters,
    VPortParameters,
    WriteConfigSpaceParameters,
    address,
    made,
)
from nicmodel.ndis.request import Request

QUERY, SET, METHOD = RequestType
Asked = tuple[RequestType, Oid, Any]


def switch_of(num_vfs: int, name: str = DEFAULT_SWITCH_NAME, **members: Any) -> NicSwitchParameters:
    """Switch parameters as NDIS builds them, with some members changed."""
    return made(NicSwitchParameters, **{"SwitchType": SwitchType.EXTERNAL, "SwitchId": DEFAULT_SWITCH_ID, "NumVFs": num_vfs,
                                        "SwitchFriendlyName": CountedName.of(name)} | members)


def vport_of(vport: int, function: int, queue_pairs: int = 1) -> VPortParameters:
    """A VPort with so many queue pairs."""
    parameters = made(VPortParameters, VPortId=vport, AttachedFunctionId=function, NumQueuePairs=queue_pairs)
    if function == PF_FUNCTION_ID:
        parameters.VPortState, parameters.ProcessorAffinity.Mask = VPortState.DEACTIVATED, 1
    else:
        parameters.VPortState = VPortState.ACTIVATED
    return parameters


def vf_of(mac: int, machine: str = "examiner", adapter: str = "examiner") -> VfParameters:
    """A request for any VF, for a machine and its adapter of these names."""
    name = CountedName.of(machine)
    return made(VfParameters, VMName=name, VMFriendlyName=name, NicName=CountedName.of(adapter), MacAddressLength=6,
                PermanentMacAddress=address(mac), CurrentMacAddress=address(mac), VFId=INVALID_VF_FUNCTION_ID,
                RequestorId=INVALID_RID)


def filter_of(mac: int, vport: int, vlan: int = 0, filter_id: int = 0) -> bytearray:
    """A filter on an address, untagged or of a VLAN, as the bytes of its buffer."""
    tests = [made(FilterFieldParameters, FrameHeader=FRAME_HEADER_MAC, ReceiveFilterTest=FilterTest.EQUAL,
                  HeaderField=MacHeaderField.DESTINATION_ADDRESS, Flags=0 if vlan else FIELD_VLAN_UNTAGGED_OR_ZERO)]
    tests[0].FieldValue[:6] = list(mac.to_bytes(6, "big"))
    if vlan:
        tests.append(made(FilterFieldParameters, FrameHeader=FRAME_HEADER_MAC, ReceiveFilterTest=FilterTest.EQUAL,
                          HeaderField=MacHeaderField.VLAN_ID))
        tests[1].FieldValue[:2] = list(vlan.to_bytes(2, "big"))
    head = made(ReceiveFilterParameters, FilterType=FilterType.VM_QUEUE, FilterId=filter_id, VPortId=vport)
    return bytearray(pack_array(head, tests))


def followed(kind: RequestType, oid: Oid, information: Any, data: bytes) -> Asked:
    """A request whose structure is followed by data: its members say where the data is, and how long."""
    Request(kind, oid, information, bytearray(pack_data(information, data)[information.NDIS_SIZEOF:]))
    return kind, oid, information


def read_space(vf: int, offset: int, length: int, room: int | None = None) -> Asked:
    """Bytes of a VF's configuration space; ``room`` for fewer than are asked for."""
    asked = followed(METHOD, Oid.SRIOV_READ_VF_CONFIG_SPACE, made(ReadConfigSpaceParameters, VFId=vf, Offset=offset),
                     bytes(length if room is None else room))
    asked[2].Length = length
    return asked


def write_space(vf: int, offset: int, data: bytes) -> Asked:
    """Bytes for a VF's configuration space."""
    return followed(SET, Oid.SRIOV_WRITE_VF_CONFIG_SPACE, made(WriteConfigSpaceParameters, VFId=vf, Offset=offset), data)


def read_block(vf: int, block: int, length: int) -> Asked:
    """A configuration block of a VF."""
    asked = made(ReadConfigBlockParameters, VFId=vf, BlockId=block)
    return followed(METHOD, Oid.SRIOV_READ_VF_CONFIG_BLOCK, asked, bytes(length))


def bars_of_all() -> Asked:
    """What the six BARs of VFs read when they are probed."""
    return followed(QUERY, Oid.SRIOV_PROBED_BARS, made(ProbedBarsInfo), bytes(24))


def bar_of(vf: int, bar: int) -> Asked:
    """The memory behind a BAR of a VF."""
    return followed(METHOD, Oid.SRIOV_BAR_RESOURCES, made(BarResourcesInfo, VFId=vf, BarIndex=bar), bytes(sizeof(MemoryResource)))


def requests_about(vf: int) -> list[Asked]:
    """Every request that names a VF, of one that is not allocated."""
    return [
        (SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=vf)),
        (SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=vf)),
        (SET, Oid.SRIOV_SET_VF_POWER_STATE, made(SetPowerStateParameters, VFId=vf, PowerState=PowerState.D3)),
        (METHOD, Oid.SRIOV_VF_VENDOR_DEVICE_ID, made(VendorDeviceIdInfo, VFId=vf)),
        read_space(vf, 0, 4), write_space(vf, 0x3C, bytes(1)), read_block(vf, 0, 8), bar_of(vf, 0),
    ]
