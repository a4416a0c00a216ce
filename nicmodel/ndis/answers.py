"""What NDIS knows of an adapter, and the requests that it answers from that without asking the miniport (OID-01).

It knows what the miniport registered and what has passed by: the switch, VPorts, VFs and filters that were created with
success. Answers go into the caller's buffer; where it is too short for all elements, BytesNeeded says how much would do.
"""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nicmodel.datasheet.ndis import (
    DEFAULT_VPORT_ID,
    PF_FUNCTION_ID,
    FilterEnumFlags,
    FilterType,
    Oid,
    Status,
    VfEnumFlags,
    VPortEnumFlags,
    VPortState,
)
from nicmodel.datasheet.ndis_buffers import array_length
from nicmodel.datasheet.ndis_structures import (
    FilterFieldParameters,
    Luid,
    NdisStructure,
    NicSwitchParameters,
    PfLuidInfo,
    ReceiveFilterInfo,
    ReceiveFilterParameters,
    SwitchInfo,
    SwitchInfoArray,
    VfInfo,
    VfParameters,
    VfSerialNumberInfo,
    VPortInfo,
    VPortParameters,
    carries_nothing,
    made,
)
from nicmodel.ndis.request import Request


@dataclass
class Owned:
    """Something that was created with success: its parameters, and whose it is."""

    parameters: Any
    owner: str
    tests: tuple[FilterFieldParameters, ...] = ()          # of a filter
    vport: int = DEFAULT_VPORT_ID                          # where a filter is now


@dataclass
class Known:
    """One adapter, as NDIS knows it. ``attributes`` are those that it accepted, by kind."""

    attributes: dict[str, Any]
    luid: int = 0                                          # 0: none, this is no PF
    serial_number: int = 0                                 # 0: none, this is no VF
    switch: NicSwitchParameters | None = None
    vports: dict[int, Owned] = field(default_factory=dict)
    vfs: dict[int, Owned] = field(default_factory=dict)
    filters: dict[int, Owned] = field(default_factory=dict)
    filter_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    vf_freed: Callable[[int], None] = lambda vf: None
    write_keyword: Callable[[str, Any], None] = lambda keyword, value: None
    _assist: Any = None                                    # the attributes of which `_found` are the capabilities
    _found: dict[str, Any] = field(default_factory=dict)

    def capability(self, name: str) -> Any:
        """A capability structure, or None if the miniport reported nothing. Say "CurrentSriov", "HardwareNicSwitch", ..."""
        assist = self.attributes.get("hardware_assist")
        if assist is not self._assist:
            self._assist, self._found = assist, {}
        if name not in self._found:
            pointer: Any = getattr(assist, f"{name}Capabilities", None)
            self._found[name] = None if carries_nothing(pointer) else pointer.contents
        return self._found[name]

    def is_switch(self, asked: Any) -> bool:
        """Whether a request names the switch that there is."""
        return self.switch is not None and asked.SwitchId == self.switch.SwitchId

    def filters_on(self, vport: int) -> list[int]:
        """Ids of the filters that are on a VPort now."""
        return [number for number, each in self.filters.items() if each.vport == vport]

    def born(self, parameters: NicSwitchParameters) -> None:
        """A switch was created, and with it the default VPort."""
        self.switch = copy_of(parameters)
        default = made(VPortParameters, VPortId=DEFAULT_VPORT_ID, AttachedFunctionId=PF_FUNCTION_ID, NumQueuePairs=1,
                       VPortState=VPortState.ACTIVATED)
        self.vports[DEFAULT_VPORT_ID] = Owned(default, "NDIS")

    def lost(self) -> None:
        """The adapter was removed by surprise, and all that was on it."""
        for vf in list(self.vfs):
            self.vf_freed(vf)
        self.died()
        self.vfs.clear()
        self.filters.clear()

    def died(self) -> None:
        """The switch was deleted, and with it the default VPort."""
        self.switch = None
        self.vports.clear()


class Binding:
    """What NetVSC looks at in the parameters of binding (NDIS_BIND_PARAMETERS), whose other capabilities nobody here reads."""

    def __init__(self, known: Known):
        self._known = known

    @property
    def sriov(self) -> Any:
        return self._known.capability("CurrentSriov")


def copy_of(structure: Any) -> Any:
    """A structure of its own with the same members."""
    return type(structure).from_buffer_copy(structure)


def fill(request: Request, structure: Any) -> Status:
    """Put a structure where the caller's is."""
    ctypes.memmove(ctypes.addressof(request.information), ctypes.addressof(structure), structure.NDIS_SIZEOF)
    request.bytes_written = structure.NDIS_SIZEOF
    return Status.SUCCESS


def fill_array(request: Request, elements: Sequence[NdisStructure]) -> Status:
    """Put elements behind the caller's structure and describe them in it; or say how long the buffer must be."""
    head = request.information
    array = type(head).ARRAY
    status = request.needs(array_length(type(head), len(elements)))
    if status != Status.SUCCESS:
        return status
    size = array.element.NDIS_SIZEOF
    setattr(head, array.offset, head.NDIS_SIZEOF)
    setattr(head, array.number, len(elements))
    setattr(head, array.size, size)
    for position, element in enumerate(elements):
        request.put(head.NDIS_SIZEOF + position * size, bytes(element)[:size])
    request.bytes_written = array_length(type(head), len(elements))
    return Status.SUCCESS


# what the miniport registered ---------------------------------------------------------------------------

def capability(name: str) -> Callable[[Known, Request], Status]:
    """ADV-27: a capability as the miniport reported it; NOT_SUPPORTED if it reported none."""
    def answer(known: Known, request: Request) -> Status:
        structure = known.capability(name)
        return Status.NOT_SUPPORTED if structure is None else fill(request, structure)
    return answer


def pf_luid(known: Known, request: Request) -> Status:
    """EXPOSE-03: a number of this PF's, from before its initialisation to its halt."""
    if not known.luid:
        return Status.NOT_SUPPORTED
    return fill(request, made(PfLuidInfo, Luid=Luid(known.luid & 0xFFFFFFFF, known.luid >> 32)))


def vf_serial_number(known: Known, request: Request) -> Status:
    """EXPOSE-04: asked in the guest; it names the VF that the guest's adapter is."""
    if not known.serial_number:
        return Status.NOT_SUPPORTED
    return fill(request, made(VfSerialNumberInfo, SerialNumber=known.serial_number))


# what passed by -----------------------------------------------------------------------------------------

def switch_parameters(known: Known, request: Request) -> Status:
    """SWITCH-16."""
    switch = known.switch
    if switch is None or request.information.SwitchId != switch.SwitchId:
        return Status.INVALID_PARAMETER
    return fill(request, switch)


def enum_switches(known: Known, request: Request) -> Status:
    """SWITCH-16: the one switch, or none. The caller's structure need not be filled in: this is a query."""
    array = made(SwitchInfoArray)
    ctypes.memmove(ctypes.addressof(request.information), ctypes.addressof(array), array.NDIS_SIZEOF)
    return fill_array(request, [] if known.switch is None else [switch_info(known, known.switch)])


def switch_info(known: Known, switch: NicSwitchParameters) -> SwitchInfo:
    """The switch as it is now."""
    capabilities = known.capability("CurrentNicSwitch")
    nondefault = [each.parameters for number, each in known.vports.items() if number != DEFAULT_VPORT_ID]
    on_default = [known.filters[number] for number in known.filters_on(DEFAULT_VPORT_ID)]
    elsewhere = [each for each in known.filters.values() if each.vport != DEFAULT_VPORT_ID]
    return made(
        SwitchInfo, SwitchType=switch.SwitchType, SwitchId=switch.SwitchId, SwitchFriendlyName=switch.SwitchFriendlyName,
        NumVFs=switch.NumVFs, NumAllocatedVFs=len(known.vfs),
        NumVPorts=capabilities.MaxNumVPorts if capabilities is not None else 1, NumActiveVPorts=len(known.vports),
        NumQueuePairsForDefaultVPort=1, NumQueuePairsForNonDefaultVPorts=sum(each.NumQueuePairs for each in nondefault),
        NumActiveDefaultVPortMacAddresses=len(on_default), NumActiveNonDefaultVPortMacAddresses=len(elsewhere),
        NumActiveDefaultVPortVlanIds=sum(len(each.tests) > 1 for each in on_default),
        NumActiveNonDefaultVPortVlanIds=sum(len(each.tests) > 1 for each in elsewhere))


def owned(table: str, member: str) -> Callable[[Known, Request], Status]:
    """VPORT-19, VF-ALLOC-17: the parameters of the VPort or VF that a member names, if it is there."""
    def answer(known: Known, request: Request) -> Status:
        asked = request.information
        found = getattr(known, table).get(getattr(asked, member))
        if found is None or asked.SwitchId != found.parameters.SwitchId:
            return Status.INVALID_PARAMETER
        return fill(request, found.parameters)
    return answer


def enum_vports(known: Known, request: Request) -> Status:
    """VPORT-19: all, or those of a function, or those of a switch; not both."""
    asked = request.information
    function, switch = (bool(asked.Flags & flag) for flag in VPortEnumFlags)
    bad_function = function and asked.AttachedFunctionId not in {PF_FUNCTION_ID, *known.vfs}
    if (function and switch) or asked.Flags & ~sum(VPortEnumFlags) or bad_function or (switch and not known.is_switch(asked)):
        return Status.INVALID_PARAMETER
    chosen = [each.parameters for _, each in sorted(known.vports.items())
              if not function or each.parameters.AttachedFunctionId == asked.AttachedFunctionId]
    return fill_array(request, [made(
        VPortInfo, NumFilters=len(known.filters_on(each.VPortId)),
        **{name: getattr(each, name) for name in SHARED_BY_VPORTS}) for each in chosen])


SHARED_BY_VPORTS = ("VPortId", "SwitchId", "VPortName", "AttachedFunctionId", "NumQueuePairs", "InterruptModeration",
                    "VPortState", "ProcessorAffinity")


def enum_vfs(known: Known, request: Request) -> Status:
    """VF-ALLOC-17: every allocated VF."""
    asked = request.information
    if asked.Flags & ~sum(VfEnumFlags) or (asked.Flags and not known.is_switch(asked)):
        return Status.INVALID_PARAMETER
    return fill_array(request, [_vf_info(each.parameters) for _, each in sorted(known.vfs.items())])


def _vf_info(parameters: VfParameters) -> VfInfo:
    return VfInfo.from_buffer_copy(parameters)             # the same layout and header


def enum_filters(known: Known, request: Request) -> Status:
    """FILTER-16: all, or those on a VPort if the flag says so; FAILURE for a VPort that is not there."""
    asked = request.information
    chosen = sorted(known.filters)
    if asked.Flags & FilterEnumFlags.VPORT_ID_SPECIFIED:
        if asked.VPortId not in known.vports:
            return Status.FAILURE
        chosen = sorted(known.filters_on(asked.VPortId))
    return fill_array(request, [made(ReceiveFilterInfo, FilterType=FilterType.VM_QUEUE, FilterId=number)
                                for number in chosen])


def filter_parameters(known: Known, request: Request) -> Status:
    """FILTER-16: a filter with its tests, and the VPort it is on now."""
    entry = known.filters.get(request.information.FilterId)
    if entry is None:
        return Status.INVALID_PARAMETER
    status = request.needs(array_length(ReceiveFilterParameters, len(entry.tests)))
    if status != Status.SUCCESS:
        return status
    fill(request, entry.parameters)
    request.information.VPortId = entry.vport
    return fill_array(request, entry.tests)


Answer = Callable[[Known, Request], Status]
ANSWERS: dict[Oid, Answer] = {
    Oid.SRIOV_HARDWARE_CAPABILITIES: capability("HardwareSriov"),
    Oid.SRIOV_CURRENT_CAPABILITIES: capability("CurrentSriov"),
    Oid.NIC_SWITCH_HARDWARE_CAPABILITIES: capability("HardwareNicSwitch"),
    Oid.NIC_SWITCH_CURRENT_CAPABILITIES: capability("CurrentNicSwitch"),
    Oid.RECEIVE_FILTER_HARDWARE_CAPABILITIES: capability("HardwareReceiveFilter"),
    Oid.RECEIVE_FILTER_CURRENT_CAPABILITIES: capability("CurrentReceiveFilter"),
    Oid.SRIOV_PF_LUID: pf_luid,
    Oid.SRIOV_VF_SERIAL_NUMBER: vf_serial_number,
    Oid.NIC_SWITCH_PARAMETERS: switch_parameters,
    Oid.NIC_SWITCH_ENUM_SWITCHES: enum_switches,
    Oid.NIC_SWITCH_VPORT_PARAMETERS: owned("vports", "VPortId"),
    Oid.NIC_SWITCH_ENUM_VPORTS: enum_vports,
    Oid.NIC_SWITCH_VF_PARAMETERS: owned("vfs", "VFId"),
    Oid.NIC_SWITCH_ENUM_VFS: enum_vfs,
    Oid.RECEIVE_FILTER_ENUM_FILTERS: enum_filters,
    Oid.RECEIVE_FILTER_PARAMETERS: filter_parameters,
}
"""Every request that NDIS handles in some kind; a test holds this against the table of requests."""
