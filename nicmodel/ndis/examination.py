"""An examination: drivers that run are asked what no stack would ask, and then lead the rest of their lives.

A bring-up exercises the rules of starting; most others are about refusals, about resets and about the end. `examine` asks
the PF for what it must refuse, asks VFs what is a PF's, resets adapters, takes VFs away and gives them back, removes one
by surprise, and takes the PF down, in the order that a machine allows. It believes nothing and checks nothing: the judge,
who hears every call, does. What is asked on purpose is marked (`Seen.probing`), so that it is not held against the stack.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import (
    DEFAULT_VPORT_ID,
    HANDLER_OF,
    MANDATORY_QUERIES,
    MAX_CONFIG_BLOCK,
    PF_FUNCTION_ID,
    PF_ONLY_REQUESTS,
    ROW_OF,
    Handler,
    Oid,
    PowerState,
    RequestType,
    Status,
    SwitchFlags,
    VPortFlags,
    VPortState,
)
from nicmodel.datasheet.ndis_structures import (
    CountedName,
    DeleteSwitchParameters,
    DeleteVPortParameters,
    FilterClearParameters,
    FilterMoveParameters,
    FreeVfParameters,
    InvalidateConfigBlockInfo,
    ResetVfParameters,
    SetPowerStateParameters,
    VendorDeviceIdInfo,
    made,
)
from nicmodel.ndis.buffers import (
    bar_of,
    bars_of_all,
    filter_of,
    read_block,
    read_space,
    requests_about,
    switch_of,
    vf_of,
    vport_of,
    write_space,
)
from nicmodel.ndis.net_buffers import Binding
from nicmodel.ndis.request import Request
from nicmodel.ndis.seen import REQUEST
from nicmodel.ndis.states import State
from nicmodel.sim.errors import NicModelError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nicmodel.ndis.adapter import Adapter
    from nicmodel.ndis.guests import Guest
    from nicmodel.ndis.stack import VirtualizationStack
    from nicmodel.pcie.handle import Steps

QUERY, SET, METHOD = RequestType
PF_REQUESTS = [(kind, oid) for (oid, kind), to in HANDLER_OF.items() if to is Handler.PF]
UNKNOWN_OID = 0x00FFFFFF                # no request has this number
NOBODY = 0x7F00                         # no adapter has this VF
FAR_VPORT = 0x7F00                      # nor has any this VPort, or this filter
STRANGER = 0x02_00_00_0E_00_00          # addresses of filters that only the examiner sets
MOST = 1024                             # filters or VPorts: no more are tried, whatever is advertised (assumed)
BYTES_4 = bytes(4)
FRAME = bytes(60)                       # the shortest frame, without FCS
ROOM = 1024                             # bytes for any answer to a mandatory query


def examine(stack: VirtualizationStack) -> Steps:
    """Examine every adapter that runs, then take everything down. Returns nothing: ask the judges."""
    pf = stack.pf
    if pf.state is not State.RUNNING:
        return
    examiner = Examiner(stack)
    if not pf.ndis.checker.seen.switch.created:
        yield from examiner.ask_without_sriov()
    else:
        yield from examiner.ask_for_what_must_be_refused()
        for guest in list(stack.guests.values()):
            if guest.adapter is not None and guest.adapter.state is State.RUNNING:
                yield from examiner.ask_a_vf(guest.adapter)
                yield from examiner.send_while_it_pauses(guest.adapter)
                yield from guest.adapter.reset()
        yield from examiner.take_vfs_away()
        yield from examiner.ask_about_freed_vfs()
        yield from pf.reset()
        yield from examiner.delete_the_switch()
    if pf.state is State.RUNNING:
        yield from pf.pause()
    if pf.state is State.PAUSED:
        yield from pf.halt()


class Examiner:
    """Asks one stack's adapters."""

    def __init__(self, stack: VirtualizationStack):
        self.stack, self.pf = stack, stack.pf
        self.seen = stack.pf.ndis.checker.seen

    @contextmanager
    def probing(self, adapter: Adapter) -> Iterator[None]:
        """What is asked inside is asked on purpose."""
        seen = adapter.ndis.checker.seen
        seen.probing = True
        try:
            yield
        finally:
            seen.probing = False

    def ask(self, kind: RequestType, oid: Any, buffer: Any, adapter: Adapter | None = None) -> Steps:
        """One request; a driver that stumbles over it has not answered: the status is None."""
        adapter = adapter or self.pf
        try:
            return (yield from adapter.oid(kind, oid, buffer))
        except Exception as problem:          # the driver author's: the request ends here, without a status
            error = str(problem) if isinstance(problem, NicModelError) else f"{type(problem).__name__}: {problem}"
            adapter.ndis.NdisWriteErrorLogEntry(error)
            if adapter.ndis.checker.seen.runs(REQUEST):
                adapter.ndis.record(f"{REQUEST} returns", oid=oid, kind=kind, buffer=buffer, status=None, error=error)
            return None

    def ask_all(self, requests: Iterable[tuple[RequestType, Any, Any]], adapter: Adapter | None = None) -> Steps:
        """Probing requests, one after the other."""
        with self.probing(adapter or self.pf):
            for kind, oid, buffer in requests:
                yield from self.ask(kind, oid, buffer, adapter)

    # a PF with VFs ---------------------------------------------------------------------------------------

    def ask_for_what_must_be_refused(self) -> Steps:
        """Requests that a PF with a switch and attached VFs must refuse, and some that it must grant."""
        yield from self.ask_all(self.bad_requests())
        yield from self.ask_all(requests_about(NOBODY))
        yield from self.ask_all(self.malformed())
        yield from self.ask_all(self.about_vfs())
        yield from self.ask_all((QUERY, oid, bytearray(ROOM)) for oid in MANDATORY_QUERIES)
        for kind, oid, buffer in self.good_requests():
            yield from self.ask(kind, oid, buffer)
        yield from self.fill_with_filters()
        yield from self.fill_with_vports()

    def good_requests(self) -> Iterator[tuple[RequestType, Any, Any]]:
        """What may be set while VFs are in use: names, and the state that a VF's VPort has anyway."""
        switch = self.seen.switch
        named = switch_of(switch.num_vfs, Flags=SwitchFlags.SWITCH_NAME_CHANGED, SwitchFriendlyName=CountedName.of("Renamed"))
        yield SET, Oid.NIC_SWITCH_PARAMETERS, named
        for vport, port in list(switch.vports.items())[1:2]:
            parameters = vport_of(vport, port.function)
            parameters.Flags = VPortFlags.NAME_CHANGED | VPortFlags.STATE_CHANGED
            parameters.VPortName, parameters.VPortState = CountedName.of("Renamed"), VPortState.ACTIVATED
            yield SET, Oid.NIC_SWITCH_VPORT_PARAMETERS, parameters

    def bad_requests(self) -> Iterator[tuple[RequestType, Any, Any]]:
        """Switch, VPorts and filters as they cannot be."""
        switch = self.seen.switch
        attached = next((port.function for port in switch.vports.values() if port.function != PF_FUNCTION_ID), None)
        yield METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(switch.num_vfs)
        yield METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(switch.num_vfs, SwitchId=1)
        yield SET, Oid.NIC_SWITCH_DELETE_SWITCH, made(DeleteSwitchParameters, SwitchId=1)
        yield SET, Oid.NIC_SWITCH_PARAMETERS, switch_of(switch.num_vfs, SwitchId=1)
        yield METHOD, Oid.NIC_SWITCH_CREATE_VPORT, vport_of(DEFAULT_VPORT_ID, PF_FUNCTION_ID)
        yield SET, Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=DEFAULT_VPORT_ID)
        if attached is not None:
            yield METHOD, Oid.NIC_SWITCH_CREATE_VPORT, vport_of(self.free_vport(), attached)
            yield SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=attached)
        for filter_id, vport in list(switch.filters.items())[:1]:
            for known, source, target in ((filter_id, vport, FAR_VPORT), (filter_id, FAR_VPORT, vport),
                                          (FAR_VPORT, vport, DEFAULT_VPORT_ID)):
                yield SET, Oid.RECEIVE_FILTER_MOVE_FILTER, made(FilterMoveParameters, FilterId=known, SourceVPortId=source,
                                                                DestVPortId=target)
        yield METHOD, Oid.RECEIVE_FILTER_SET_FILTER, filter_of(STRANGER, FAR_VPORT, filter_id=FAR_VPORT)
        yield SET, Oid.RECEIVE_FILTER_CLEAR_FILTER, made(FilterClearParameters, FilterId=FAR_VPORT)
        yield METHOD, Oid.NIC_SWITCH_CREATE_VPORT, vport_of(self.free_vport(), NOBODY)
        yield SET, Oid.NIC_SWITCH_VPORT_PARAMETERS, vport_of(FAR_VPORT, PF_FUNCTION_ID)
        yield SET, Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=FAR_VPORT)
        yield METHOD, UNKNOWN_OID, None
        yield METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK, made(InvalidateConfigBlockInfo, BlockMask=1)

    def malformed(self) -> Iterator[tuple[RequestType, Any, Any]]:
        """Every request of a PF's with too few bytes, and with a header of another revision."""
        for kind, oid in PF_REQUESTS:
            row = ROW_OF[oid]
            yield kind, oid, bytearray(BYTES_4)
            wrong = made(row.structure)
            wrong.Header.Revision = 0x7F
            room = bytearray(row.min_length - row.structure.NDIS_SIZEOF) if row.min_length > row.structure.NDIS_SIZEOF else b""
            Request(kind, oid, wrong, room)
            yield kind, oid, wrong

    def about_vfs(self) -> Iterator[tuple[RequestType, Any, Any]]:
        """What a guest's bus driver asks about its VF, and what it cannot have."""
        for vf in list(self.seen.switch.vfs)[:2]:
            yield METHOD, Oid.SRIOV_VF_VENDOR_DEVICE_ID, made(VendorDeviceIdInfo, VFId=vf)
            yield bars_of_all()
            yield bar_of(vf, 0)
            yield bar_of(vf, 1)
            yield read_space(vf, 0, 4)
            yield read_space(vf, 0, 4, room=2)
            yield read_space(vf, 4094, 4)
            yield write_space(vf, 0x3C, bytes(1))
            yield read_block(vf, 0, MAX_CONFIG_BLOCK + 1)
            yield SET, Oid.SRIOV_SET_VF_POWER_STATE, made(SetPowerStateParameters, VFId=vf, PowerState=PowerState.UNSPECIFIED)

    def fill_with_filters(self) -> Steps:
        """One filter more than is advertised; those that were taken are cleared again."""
        first = 1 + max(self.seen.switch.filters, default=0)
        taken: list[int] = []
        for number in range(MOST):
            buffer = filter_of(STRANGER + number, DEFAULT_VPORT_ID, filter_id=first + number)
            if (yield from self.ask(METHOD, Oid.RECEIVE_FILTER_SET_FILTER, buffer)) != Status.SUCCESS:
                break
            taken.append(first + number)
        for filter_id in taken:
            yield from self.ask(SET, Oid.RECEIVE_FILTER_CLEAR_FILTER, made(FilterClearParameters, FilterId=filter_id))

    def fill_with_vports(self) -> Steps:
        """VPorts for the PF until none is left; those that were given are deleted again."""
        taken: list[int] = []
        while len(taken) < MOST:
            vport = self.free_vport()
            with self.probing(self.pf):            # one more than there are may be asked for
                status = yield from self.ask(METHOD, Oid.NIC_SWITCH_CREATE_VPORT, vport_of(vport, PF_FUNCTION_ID))
            if status != Status.SUCCESS or vport not in self.seen.switch.vports:
                break
            taken.append(vport)
        for vport in taken:
            activated = vport_of(vport, PF_FUNCTION_ID)
            activated.Flags, activated.VPortState = VPortFlags.STATE_CHANGED, VPortState.ACTIVATED
            yield from self.ask(SET, Oid.NIC_SWITCH_VPORT_PARAMETERS, activated)
            yield from self.ask(SET, Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=vport))

    def free_vport(self) -> int:
        """The lowest VPort id that nobody has."""
        return next(i for i in range(1, len(self.seen.switch.vports) + 2) if i not in self.seen.switch.vports)

    # a VF ------------------------------------------------------------------------------------------------

    def ask_a_vf(self, adapter: Adapter) -> Steps:
        """What every miniport answers, a PF's requests, one that nobody knows, and news of stale blocks."""
        yield from self.ask_all(((QUERY, oid, bytearray(ROOM)) for oid in MANDATORY_QUERIES), adapter)
        pairs = sorted(PF_ONLY_REQUESTS)
        yield from self.ask_all([*((kind, oid, made(ROW_OF[oid].structure)) for oid, kind in pairs),
                                 (METHOD, UNKNOWN_OID, None)], adapter)
        stale = made(InvalidateConfigBlockInfo, BlockMask=0xFF)
        yield from self.ask(METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK, stale, adapter)

    def send_while_it_pauses(self, adapter: Adapter) -> Steps:
        """Frames before a pause, in it and after it, from a protocol that keeps what it receives until the pause waits for it."""
        bound = Binding(adapter, keeps=True)
        bound.send([FRAME])
        pausing = self.stack.env.process(adapter.pause())
        yield self.stack.env.timeout(0)
        bound.send([FRAME])
        bound.keeps = False
        bound.give_back()
        yield pausing
        bound.send([FRAME])
        adapter.ndis.binding = None
        if (yield from adapter.restart()) == Status.SUCCESS:
            yield from self.stack.packet_filter(adapter)

    def take_vfs_away(self) -> Steps:
        """Every VF leaves its guest; the first comes back and is then removed by surprise."""
        stack = self.stack
        guests = [guest for guest in stack.guests.values() if guest.has_vf]
        for guest in guests:
            yield from stack.detach(guest)
        first = stack.guests.get(0)
        if first in guests and first.adapter is not None and first.adapter.rule is None and not self.seen.switch.vfs:
            yield from self.second_life(first)
        for guest in stack.guests.values():
            if guest.filter_id:
                yield from stack.requests.clear_filter(guest)

    def second_life(self, guest: Guest) -> Steps:
        """The same guest gets a VF again, and loses it without warning."""
        yield from self.stack.requests.clear_filter(guest)
        yield from self.stack.attach(guest)
        if guest.adapter is not None and guest.adapter.state is State.RUNNING:
            yield from self.stack.remove_by_surprise(guest)
        elif guest.has_vf:
            yield from self.stack.detach(guest)

    # a PF without VFs --------------------------------------------------------------------------------------

    def ask_about_freed_vfs(self) -> Steps:
        """All VFs are allocated, given a VPort twice over, asked for power states, and freed."""
        given: list[int] = []
        for _ in range(self.seen.switch.num_vfs + 1):
            with self.probing(self.pf) if len(given) == self.seen.switch.num_vfs else _nothing():
                parameters = vf_of(STRANGER)
                if (yield from self.ask(METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, parameters)) == Status.SUCCESS:
                    given.append(parameters.VFId)
        for vf in given[:1]:
            for _ in range(2):
                vport = vport_of(self.free_vport(), vf)
                status = yield from self.ask(METHOD, Oid.NIC_SWITCH_CREATE_VPORT, vport)
                if status == Status.SUCCESS:
                    yield from self.ask(SET, Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=vport.VPortId))
            for state in (PowerState.D3, PowerState.D0):
                yield from self.ask(SET, Oid.SRIOV_SET_VF_POWER_STATE, made(SetPowerStateParameters, VFId=vf, PowerState=state))
        for vf in dict.fromkeys(given):
            yield from self.ask(SET, Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=vf))
            yield from self.ask(SET, Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=vf))
        yield from self.ask_all(requests_about(given[0] if given else NOBODY))

    def delete_the_switch(self) -> Steps:
        """The switch goes; then nothing of it may be had."""
        num_vfs = self.seen.switch.num_vfs
        status = yield from self.stack.requests.delete_switch()
        if status == Status.SUCCESS:
            yield from self.ask_all([(METHOD, Oid.NIC_SWITCH_ALLOCATE_VF, vf_of(STRANGER)),
                                     (METHOD, Oid.NIC_SWITCH_CREATE_VPORT, vport_of(1, 0)),
                                     (METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(num_vfs, SwitchType=0)),
                                     (METHOD, Oid.NIC_SWITCH_CREATE_SWITCH, switch_of(num_vfs + 1))])
            if self.seen.switch.created:
                yield from self.stack.requests.delete_switch()

    def ask_without_sriov(self) -> Steps:
        """Every SR-IOV request, of a PF that has none to offer."""
        yield from self.ask_all((kind, oid, made(ROW_OF[oid].structure)) for kind, oid in PF_REQUESTS)


@contextmanager
def _nothing() -> Iterator[None]:
    yield
