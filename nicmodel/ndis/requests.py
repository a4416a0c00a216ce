"""NDIS in front of a miniport's MiniportOidRequest: who may ask, what NDIS verifies, answers itself, chooses and notes.

    caller ─► kind, issuer ─► enabled? ─► length, header ─► N: `answers`
                                                        └─► P, V: members, owner, ids ─► miniport ─► noted ─► caller

What is noted is what succeeded. A request that fails leaves nothing noted, and the id that NDIS had chosen is taken back.
Where a page gives the caller other statuses than the miniport, they are translated last (C-04). Order and traffic of
requests are the callers' business.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import simpy

from nicmodel.datasheet.ndis import (
    INVALIDATE_BLOCK_ALL_VFS,
    ROW_OF,
    Handler,
    Oid,
    OidRow,
    RequestType,
    Status,
)
from nicmodel.datasheet.ndis_oids import VETOABLE_OIDS
from nicmodel.datasheet.ndis_structures import (
    DeleteVPortParameters,
    FilterClearParameters,
    FreeVfParameters,
    NdisStructure,
    header_is,
    made,
)
from nicmodel.ndis.adapter import Adapter
from nicmodel.ndis.answers import ANSWERS, Known
from nicmodel.ndis.backchannel import BackChannel
from nicmodel.ndis.platform import Steps
from nicmodel.ndis.request import Request
from nicmodel.ndis.states import State
from nicmodel.ndis.verify import APPLICATION, CHOSEN, NDIS, NOTE, STACK, VERIFY, Opener

_LUIDS = itertools.count(1)
__all__ = ["APPLICATION", "NDIS", "STACK", "NdisRequests", "Opener"]


Extension = Callable[[Request], Status]


class NdisRequests:
    """The requests of one adapter. ``extensions`` of the extensible switch may veto two of them (VF-ALLOC-18)."""

    def __init__(self, adapter: Adapter, serial_number: int = 0):
        self.adapter = adapter
        is_pf = adapter.ndis.role == "PF"
        self.known = Known(adapter.ndis.attributes, next(_LUIDS) if is_pf else 0, serial_number)
        self.channels: dict[int, BackChannel] = {}
        self.extensions: list[Extension] = []
        self._turn = simpy.Resource(adapter.ndis.env)      # from verifying to noting: one request at a time
        self.known.vf_freed, self.known.write_keyword = self.disconnect, adapter.ndis.platform.write_keyword
        if is_pf:
            adapter.ndis.on_invalidate = self.invalidate

    @property
    def offers_switch(self) -> bool:
        """Whether the miniport has reported SR-IOV as enabled: then NDIS creates the switch (UP-06)."""
        return self.known.capability("CurrentSriov") is not None

    # the door ----------------------------------------------------------------------------------------

    def oid(self, kind: RequestType, oid: Oid, buffer: Any, opener: Opener = STACK, data: bytes = b"") -> Steps:
        """One request: a structure (or bytes that begin with one), and what follows it. Returns a Status."""
        row = ROW_OF.get(oid)
        request = (Request(kind, oid, buffer, data) if row is None or not isinstance(buffer, bytes | bytearray)
                   else Request.of(kind, oid, buffer, row.structure))
        return (yield from self.submit(request, opener))

    def submit(self, request: Request, opener: Opener = STACK) -> Steps:
        """NdisOidRequest: returns when the request is complete, with the status that the caller sees."""
        row = ROW_OF.get(request.oid)
        if row is None:                                    # none of SR-IOV's: the miniport's alone
            return (yield from self.adapter.oid(request.kind, request.oid, request.information))
        status = self._refused(request, row, opener)
        if status == Status.SUCCESS:
            if row.handler_by_kind[request.kind] is Handler.NDIS:
                status = ANSWERS[request.oid](self.known, request)
            else:
                with self._turn.request() as turn:
                    yield turn
                    status = yield from self._forward(request, opener)
        return seen_by_caller(row, status)

    def _refused(self, request: Request, row: OidRow, opener: Opener) -> Status:
        """OID-06, -07, -08, STRUCT-01: what no miniport is bothered with."""
        handler = row.handler_by_kind.get(request.kind)
        if handler is None or opener.issuer not in row.issuers_of(request.kind):
            return Status.NOT_SUPPORTED
        if handler is not Handler.NDIS and handler is not (Handler.PF if self.known.luid else Handler.VF):
            return Status.NOT_SUPPORTED
        if self.adapter.state is State.HALTED or (handler is Handler.PF and self.known.capability(needed_by(row.oid)) is None):
            return Status.NOT_SUPPORTED
        status = request.needs(row.min_length)
        if status != Status.SUCCESS:
            return status
        if not isinstance(request.information, row.structure):
            return Status.INVALID_PARAMETER
        if handler is Handler.NDIS and request.kind is RequestType.QUERY:
            return Status.SUCCESS                          # NDIS fills in all of it
        return Status.SUCCESS if header_is(request.information) else Status.INVALID_PARAMETER

    def _forward(self, request: Request, opener: Opener) -> Steps:
        """Verify, choose ids, ask the miniport, note what it did."""
        key = (request.kind, request.oid)
        verify, note, chosen = VERIFY.get(key), NOTE.get(key), CHOSEN.get(request.oid)
        was = None if chosen is None else getattr(request.information, chosen)
        status = verify(self.known, request, opener) if verify is not None else Status.SUCCESS
        if status == Status.SUCCESS and request.oid in VETOABLE_OIDS:
            vetoes = (extension(request) for extension in self.extensions)
            status = next((veto for veto in vetoes if veto != Status.SUCCESS), Status.SUCCESS)
        if status == Status.SUCCESS:
            status = yield from self.adapter.oid(request.kind, request.oid, request.information)
        if status in (Status.SUCCESS, Status.REINIT_REQUIRED):
            if note is not None:
                note(self.known, request, opener)
        elif chosen is not None:
            setattr(request.information, chosen, was)
        return status

    # an opener goes, VFs come and go --------------------------------------------------------------------

    def close(self, opener: Opener) -> Steps:
        """HALT-PF-01: what an overlying driver left behind goes in order: filters, VPorts, VFs. Returns a Status."""
        known, mine = self.known, opener.name
        leftovers: list[tuple[Oid, NdisStructure]] = [
            (Oid.RECEIVE_FILTER_CLEAR_FILTER, made(FilterClearParameters, FilterId=number))
            for number, each in known.filters.items() if each.owner == mine]
        leftovers += [(Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=number))
                      for number, each in known.vports.items() if each.owner == mine]
        leftovers += [(Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=number))
                      for number, each in known.vfs.items() if each.owner == mine]
        for oid, parameters in leftovers:
            status = yield from self.oid(RequestType.SET, oid, parameters, opener)
            if status != Status.SUCCESS:
                return status
        return Status.SUCCESS

    def connect(self, vf: int, guest: Adapter) -> BackChannel:
        """A guest's adapter is this VF: bus data and blocks go through us from now on, and news of blocks to it."""
        channel = self.channels[vf] = BackChannel(self, vf, guest)
        guest.ndis.vpci = channel
        return channel

    def disconnect(self, vf: int) -> None:
        """The VF is nobody's any more."""
        channel = self.channels.pop(vf, None)
        if channel is not None:
            channel.close()

    def invalidate(self, vf: int, mask: int) -> None:
        """BACKCH-06: from the PF's miniport to a VF, or to all."""
        for number, channel in self.channels.items():
            if vf in (number, INVALIDATE_BLOCK_ALL_VFS):
                channel.notice(mask)


def needed_by(oid: Oid) -> str:
    """The capability without which a PF's miniport is not asked."""
    return "CurrentReceiveFilter" if oid.name.startswith("RECEIVE_FILTER") else "CurrentSriov"


def seen_by_caller(row: OidRow, status: Status) -> Status:
    """C-04, OID-09: bad members of the requests that take something away are reported as FILE_NOT_FOUND.

    >>> seen_by_caller(ROW_OF[Oid.NIC_SWITCH_FREE_VF], Status.INVALID_PARAMETER).name
    'FILE_NOT_FOUND'
    >>> seen_by_caller(ROW_OF[Oid.NIC_SWITCH_DELETE_VPORT], Status.INVALID_PARAMETER).name
    'INVALID_PARAMETER'
    """
    bad_member = status == Status.INVALID_PARAMETER and Status.FILE_NOT_FOUND in row.caller_statuses
    return Status.FILE_NOT_FOUND if bad_member else status
