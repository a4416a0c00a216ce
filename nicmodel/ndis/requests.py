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
from typing import Any, NamedTuple

from nicmodel.datasheet.ndis import (
    INVALIDATE_BLOCK_ALL_VFS,
    OIDS,
    ROW_OF,
    Handler,
    Issuer,
    NicSwitchCapabilities,
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
from nicmodel.ndis.answers import ANSWERS, Answer, Binding, Known
from nicmodel.ndis.backchannel import BackChannel
from nicmodel.ndis.request import Request
from nicmodel.ndis.states import State
from nicmodel.ndis.turn import Turn
from nicmodel.ndis.verify import APPLICATION, CHOSEN, NDIS, NETVSC, NOTE, STACK, VERIFY, Note, Opener, Verify
from nicmodel.pcie.handle import Steps

_LUIDS = itertools.count(1)
__all__ = ["APPLICATION", "NDIS", "NETVSC", "STACK", "NdisRequests", "Opener"]
Extension = Callable[[Request], Status]


class NdisRequests:
    """The requests of one adapter. ``extensions`` of the extensible switch may veto two of them (VF-ALLOC-18)."""

    def __init__(self, adapter: Adapter, serial_number: int = 0):
        self.adapter = adapter
        is_pf = adapter.ndis.role == "PF"
        self.known = Known(adapter.ndis.attributes, next(_LUIDS) if is_pf else 0, serial_number)
        self.channels: dict[int, BackChannel] = {}
        self.extensions: list[Extension] = []
        self._turn = Turn(adapter.ndis.env)                # from verifying to noting: one request at a time
        self.known.vf_freed, self.known.write_keyword = self.disconnect, adapter.ndis.platform.write_keyword
        if is_pf:
            adapter.ndis.on_invalidate = self.invalidate

    @property
    def offers_switch(self) -> bool:
        """Whether the miniport has reported SR-IOV as enabled: then NDIS creates the switch (UP-06)."""
        return self.known.capability("CurrentSriov") is not None

    def bind(self) -> Binding:
        """C-11, ADV-27: what a protocol is given as it binds: capabilities that are current, None where there are none."""
        return Binding(self.known)

    # the door ----------------------------------------------------------------------------------------

    def oid(self, kind: RequestType, oid: Oid, buffer: Any, opener: Opener = STACK, data: bytes = b"") -> Steps:
        """One request: a structure (or bytes that begin with one), and what follows it. Returns a Status."""
        row = ROW_OF.get(oid)
        request = (Request(kind, oid, buffer, data) if row is None or not isinstance(buffer, bytes | bytearray)
                   else Request.of(kind, oid, buffer, row.structure))
        return (yield from self.submit(request, opener))

    def submit(self, request: Request, opener: Opener = STACK) -> Steps:
        """NdisOidRequest: returns when the request is complete, with the status that the caller sees."""
        plan = PLANS.get(key_of(request.kind, request.oid))
        if plan is None:                                   # none of SR-IOV's, or not in this kind
            return Status.NOT_SUPPORTED if request.oid in ROW_OF else (
                yield from self.adapter.oid(request.kind, request.oid, request.information))
        status = self._refused(request, plan, opener)
        if status == Status.SUCCESS:
            if plan.answer is not None:
                status = plan.answer(self.known, request)
            else:
                if self._turn.taken:
                    yield from self._turn.wait()
                self._turn.taken = True
                try:
                    status = yield from self._forward(request, plan, opener)
                finally:
                    self._turn.give()
        return seen_by_caller(plan.row, status)

    def _refused(self, request: Request, plan: Plan, opener: Opener) -> Status:
        """OID-06, -07, -08, STRUCT-01: what no miniport is bothered with."""
        if opener.issuer not in plan.issuers or self.adapter.state is State.HALTED:
            return Status.NOT_SUPPORTED
        if plan.answer is None and plan.of_pf is not bool(self.known.luid):
            return Status.NOT_SUPPORTED
        if plan.needs and self.known.capability(plan.needs) is None:
            return Status.NOT_SUPPORTED
        status = request.needs(plan.row.min_length)
        if status != Status.SUCCESS:
            return status
        if not isinstance(request.information, plan.row.structure):
            return Status.INVALID_PARAMETER
        return Status.SUCCESS if plan.filled_in or header_is(request.information) else Status.INVALID_PARAMETER

    def _forward(self, request: Request, plan: Plan, opener: Opener) -> Steps:
        """Verify, choose ids, ask the miniport, note what it did."""
        was = None if plan.chosen is None else getattr(request.information, plan.chosen)
        status = plan.verify(self.known, request, opener) if plan.verify is not None else Status.SUCCESS
        if status == Status.SUCCESS and plan.vetoable and self.extensions:
            vetoes = (extension(request) for extension in self.extensions)
            status = next((veto for veto in vetoes if veto != Status.SUCCESS), Status.SUCCESS)
        if status == Status.SUCCESS:
            status = yield from self.adapter.oid(request.kind, request.oid, request.information)
        if status in (Status.SUCCESS, Status.REINIT_REQUIRED):
            if plan.note is not None:
                plan.note(self.known, request, opener)
        elif plan.chosen is not None:
            setattr(request.information, plan.chosen, was)
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
        seen, switch = guest.ndis.checker.seen, self.known.capability("CurrentNicSwitch")
        seen.queue_pairs = next((each.parameters.NumQueuePairs for each in self.known.vports.values()
                                 if each.parameters.AttachedFunctionId == vf), None)
        seen.vf_rss = switch is not None and bool(switch.NicSwitchCapabilities & NicSwitchCapabilities.VF_RSS)
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


class Plan(NamedTuple):
    """All that NDIS does with a request of one kind; made of the tables, so that a request costs one look."""

    row: OidRow
    issuers: tuple[Issuer, ...]
    of_pf: bool                        # the miniport that is asked is a PF's
    answer: Answer | None              # NDIS answers itself
    filled_in: bool                    # NDIS fills in the whole structure, header included
    needs: str                         # the capability without which the miniport is not asked
    verify: Verify | None
    note: Note | None
    chosen: str | None                 # the member that holds an id of NDIS's choice
    vetoable: bool


def key_of(kind: RequestType, oid: Oid) -> int:
    """A kind and an OID as one number."""
    return kind << 32 | oid


def planned(row: OidRow, kind: RequestType, handler: Handler) -> Plan:
    """What the tables say of one request."""
    by_ndis, of_pf, key = handler is Handler.NDIS, handler is Handler.PF, (kind, row.oid)
    capability = "CurrentReceiveFilter" if row.oid.name.startswith("RECEIVE_FILTER") else "CurrentSriov"
    return Plan(row, row.issuers_of(kind), of_pf, ANSWERS[row.oid] if by_ndis else None,
                by_ndis and kind is RequestType.QUERY, capability if of_pf else "", VERIFY.get(key), NOTE.get(key),
                CHOSEN.get(row.oid), row.oid in VETOABLE_OIDS)


PLANS = {key_of(kind, row.oid): planned(row, kind, handler) for row in OIDS for kind, handler in row.handler_by_kind.items()}


def seen_by_caller(row: OidRow, status: Status) -> Status:
    """C-04, OID-09: bad members of the requests that take something away are reported as FILE_NOT_FOUND.

    >>> seen_by_caller(ROW_OF[Oid.NIC_SWITCH_FREE_VF], Status.INVALID_PARAMETER).name
    'FILE_NOT_FOUND'
    >>> seen_by_caller(ROW_OF[Oid.NIC_SWITCH_DELETE_VPORT], Status.INVALID_PARAMETER).name
    'INVALID_PARAMETER'
    """
    bad_member = status == Status.INVALID_PARAMETER and Status.FILE_NOT_FOUND in row.caller_statuses
    return Status.FILE_NOT_FOUND if bad_member else status
