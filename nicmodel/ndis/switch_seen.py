"""The NIC switch as the requests to a PF tell of it: what was allocated, created and set, by successes alone.

It is the judge's own copy, made of what NDIS asked and the driver answered; it knows no driver and no device.
"""

from __future__ import annotations

from collections.abc import Callable
from ctypes import Structure, sizeof
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nicmodel.datasheet.ndis import DEFAULT_VPORT_ID, PF_FUNCTION_ID, ROW_OF, Oid
from nicmodel.datasheet.ndis_structures import NdisStructure, header_is

S = TypeVar("S", bound=NdisStructure)


def view(buffer: Any, cls: type[S]) -> S | None:
    """A request's buffer as the structure it should be; None if it is something else, or too short."""
    if isinstance(buffer, cls):
        return buffer
    if isinstance(buffer, bytes | bytearray | memoryview) and len(buffer) >= cls.NDIS_SIZEOF:
        return cls.from_buffer_copy(bytes(buffer[:sizeof(cls)]).ljust(sizeof(cls), b"\0"))
    return None


def parameters(oid: Any, buffer: Any) -> Any:
    """What a request asks with, if its buffer holds the right structure with the right header, else None."""
    row = ROW_OF.get(oid)
    found = None if row is None else view(buffer, row.structure)
    return found if found is not None and header_is(found) else None


def whole(buffer: Any) -> bytes:
    """Every byte of a request's buffer, what lies behind its structure included."""
    if not isinstance(buffer, NdisStructure):
        return bytes(buffer) if isinstance(buffer, bytes | bytearray | memoryview) else b""
    behind = getattr(buffer, "oid_request", None)
    return bytes(buffer)[:buffer.NDIS_SIZEOF] + (bytes(behind.data) if behind is not None else b"")


def length_of(buffer: Any) -> int | None:
    """How long a request says its buffer is; None where there is no telling."""
    if isinstance(buffer, NdisStructure):
        behind = getattr(buffer, "oid_request", None)
        return buffer.NDIS_SIZEOF if behind is None else int(behind.length)
    return len(buffer) if isinstance(buffer, bytes | bytearray | memoryview) else None


def copied(buffer: Any) -> Any:
    """A request's buffer as it is now; the handler may change the original."""
    if isinstance(buffer, Structure):
        return type(buffer).from_buffer_copy(buffer)
    return bytes(buffer) if isinstance(buffer, bytearray | memoryview) else buffer


@dataclass
class VPort:
    """A VPort that was created: whose it is, with how many queue pairs."""

    function: int
    pairs: int = 1


@dataclass
class SwitchSeen:
    """The switch after every request that has succeeded."""

    created: bool = False
    num_vfs: int = 0
    vfs: dict[int, int] = field(default_factory=dict)            # VF id -> requester id
    vports: dict[int, VPort] = field(default_factory=dict)
    filters: dict[int, int] = field(default_factory=dict)        # filter id -> VPort id
    freed: set[int] = field(default_factory=set)                 # VFs that were allocated and freed
    unplugged: set[int] = field(default_factory=set)             # VFs whose VPort was deleted since they were allocated
    reset: set[int] = field(default_factory=set)                 # VFs that were reset since their VPort was deleted

    def attached(self, vf: int) -> bool:
        """Whether a VPort belongs to this VF."""
        return any(port.function == vf for port in self.vports.values())

    @property
    def is_empty(self) -> bool:
        """Whether there is a switch with nothing on it but the default VPort."""
        return self.created and not self.filters and not self.vfs and len(self.vports) == 1

    def note(self, oid: Oid, buffer: Any) -> None:
        """Follow a request that has succeeded."""
        follow = _FOLLOW.get(oid)
        if follow is not None and (asked := view(buffer, ROW_OF[oid].structure)) is not None:
            follow(self, asked)


def _create(switch: SwitchSeen, asked: Any) -> None:
    switch.created, switch.num_vfs = True, asked.NumVFs
    switch.vports[DEFAULT_VPORT_ID] = VPort(PF_FUNCTION_ID)


def _delete(switch: SwitchSeen, asked: Any) -> None:
    switch.created = False
    for left in (switch.vports, switch.vfs, switch.filters):
        left.clear()


def _allocate(switch: SwitchSeen, asked: Any) -> None:
    switch.vfs[asked.VFId] = asked.RequestorId
    for gone in (switch.freed, switch.unplugged, switch.reset):
        gone.discard(asked.VFId)


def _free(switch: SwitchSeen, asked: Any) -> None:
    if switch.vfs.pop(asked.VFId, None) is not None:
        switch.freed.add(asked.VFId)


def _create_vport(switch: SwitchSeen, asked: Any) -> None:
    switch.vports[asked.VPortId] = VPort(asked.AttachedFunctionId, asked.NumQueuePairs)
    switch.unplugged.discard(asked.AttachedFunctionId)


def _delete_vport(switch: SwitchSeen, asked: Any) -> None:
    port = switch.vports.pop(asked.VPortId, None)
    if port is not None and port.function != PF_FUNCTION_ID:
        switch.unplugged.add(port.function)
        switch.reset.discard(port.function)


def _set_filter(switch: SwitchSeen, asked: Any) -> None:
    if asked.VPortId in switch.vports:                           # else there is none, whatever the driver says (OID-09)
        switch.filters[asked.FilterId] = asked.VPortId


def _move_filter(switch: SwitchSeen, asked: Any) -> None:
    if asked.FilterId in switch.filters:
        switch.filters[asked.FilterId] = asked.DestVPortId


def _clear_filter(switch: SwitchSeen, asked: Any) -> None:
    switch.filters.pop(asked.FilterId, None)


def _reset_vf(switch: SwitchSeen, asked: Any) -> None:
    switch.reset.add(asked.VFId)


_FOLLOW: dict[Oid, Callable[[SwitchSeen, Any], None]] = {
    Oid.NIC_SWITCH_CREATE_SWITCH: _create, Oid.NIC_SWITCH_DELETE_SWITCH: _delete,
    Oid.NIC_SWITCH_ALLOCATE_VF: _allocate, Oid.NIC_SWITCH_FREE_VF: _free,
    Oid.NIC_SWITCH_CREATE_VPORT: _create_vport, Oid.NIC_SWITCH_DELETE_VPORT: _delete_vport,
    Oid.RECEIVE_FILTER_SET_FILTER: _set_filter, Oid.RECEIVE_FILTER_MOVE_FILTER: _move_filter,
    Oid.RECEIVE_FILTER_CLEAR_FILTER: _clear_filter, Oid.SRIOV_RESET_VF: _reset_vf,
}
