"""The requests that NDIS and the virtualization stack issue to a PF's miniport about switch, VFs, VPorts and filters.

One method a request; each returns the status it was answered with and, on success, remembers in the guest what it was
given. Who issues them in which order is decided in `attach` and `detach`.
"""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.ndis import (
    DEFAULT_SWITCH_ID,
    DEFAULT_VPORT_ID,
    INVALID_VF_FUNCTION_ID,
    NIC_SWITCH_KEY,
    NUM_VFS,
    Oid,
    PowerState,
    RequestType,
    Status,
)
from nicmodel.datasheet.ndis_structures import (
    DeleteSwitchParameters,
    DeleteVPortParameters,
    FilterClearParameters,
    FilterMoveParameters,
    FreeVfParameters,
    ReceiveFilterParameters,
    ResetVfParameters,
    SetPowerStateParameters,
    made,
)
from nicmodel.ndis.adapter import Adapter
from nicmodel.ndis.buffers import filter_of, switch_of, vf_of, vport_of
from nicmodel.ndis.guests import Guest
from nicmodel.ndis.requests import NDIS, STACK, NdisRequests, Opener
from nicmodel.pcie.handle import Steps


class SwitchRequests:
    """Requests to one PF, through NDIS: it verifies them, and chooses VPort and filter ids."""

    def __init__(self, pf: Adapter):
        self.pf = pf
        self.ndis = NdisRequests(pf)

    def _method(self, oid: Oid, buffer: Any, opener: Opener = STACK) -> Steps:
        return self._ask(RequestType.METHOD, oid, buffer, opener)

    def _set(self, oid: Oid, buffer: Any, opener: Opener = STACK) -> Steps:
        return self._ask(RequestType.SET, oid, buffer, opener)

    def _ask(self, kind: RequestType, oid: Oid, buffer: Any, opener: Opener) -> Steps:
        """RESET-07: what a reset of the PF has turned away or overtaken, and so left as it was, is asked again after it."""
        while True:
            status = yield from self.ndis.oid(kind, oid, buffer, opener)
            if not self.pf.resetting or status not in (Status.NOT_ACCEPTED, Status.REQUEST_ABORTED):
                return status
            yield self.pf.reset_over

    # the switch ----------------------------------------------------------------------------------------

    def create_switch(self) -> Steps:
        """SWITCH-01, -02: NDIS builds the switch parameters from the registry and issues CREATE_SWITCH."""
        keywords = self.pf.ndis.platform.keywords()
        parameters = switch_of(int(keywords[NUM_VFS]), keywords[NIC_SWITCH_KEY + "*SwitchName"])
        return (yield from self._method(Oid.NIC_SWITCH_CREATE_SWITCH, parameters, NDIS))

    def delete_switch(self) -> Steps:
        """SWITCH-14: only when no filter, nondefault VPort or VF is left."""
        return (yield from self._set(Oid.NIC_SWITCH_DELETE_SWITCH,
                                     made(DeleteSwitchParameters, SwitchId=DEFAULT_SWITCH_ID), NDIS))

    # filters -------------------------------------------------------------------------------------------

    def set_filter(self, guest: Guest, vport: int = DEFAULT_VPORT_ID) -> Steps:
        """FILTER-01, -02, -03: the guest's MAC (and VLAN) on a VPort."""
        buffer = filter_of(guest.mac, vport, guest.vlan)
        status = yield from self._method(Oid.RECEIVE_FILTER_SET_FILTER, buffer)
        if status == Status.SUCCESS:
            guest.filter_id, guest.filter_vport = ReceiveFilterParameters.from_buffer(buffer).FilterId, vport
        return status

    def move_filter(self, guest: Guest, destination: int) -> Steps:
        """FILTER-12: from where the guest's filter is to another VPort."""
        parameters = made(FilterMoveParameters, FilterId=guest.filter_id, SourceVPortId=guest.filter_vport,
                          DestVPortId=destination)
        status = yield from self._set(Oid.RECEIVE_FILTER_MOVE_FILTER, parameters)
        if status == Status.SUCCESS:
            guest.filter_vport = destination
        return status

    def clear_filter(self, guest: Guest) -> Steps:
        """FILTER-14: the VM's filter goes with the VM."""
        status = yield from self._set(Oid.RECEIVE_FILTER_CLEAR_FILTER,
                                      made(FilterClearParameters, FilterId=guest.filter_id))
        if status == Status.SUCCESS:
            guest.filter_id = 0
        return status

    # VFs and VPorts ------------------------------------------------------------------------------------

    def allocate_vf(self, guest: Guest) -> Steps:
        """VF-ALLOC-02, -03, -04: the PF's miniport answers with VF id and requester id."""
        parameters = vf_of(guest.mac, "guest", "guest adapter")
        status = yield from self._method(Oid.NIC_SWITCH_ALLOCATE_VF, parameters)
        if status == Status.SUCCESS:
            guest.vf_id = parameters.VFId
        return status

    def create_vport(self, guest: Guest) -> Steps:
        """VPORT-02, -03, -04: NDIS chooses the VPort id."""
        parameters = vport_of(DEFAULT_VPORT_ID, guest.vf_id, guest.queue_pairs)        # NDIS chooses another id
        status = yield from self._method(Oid.NIC_SWITCH_CREATE_VPORT, parameters)
        if status == Status.SUCCESS:
            guest.vport_id = parameters.VPortId
        return status

    def delete_vport(self, guest: Guest) -> Steps:
        """VPORT-16, -17: the guest's VPort, without filters by now."""
        status = yield from self._set(Oid.NIC_SWITCH_DELETE_VPORT,
                                      made(DeleteVPortParameters, VPortId=guest.vport_id))
        if status == Status.SUCCESS:
            guest.vport_id = DEFAULT_VPORT_ID
        return status

    def reset_vf(self, guest: Guest) -> Steps:
        """RESET-01: a function level reset of the guest's VF, which only the PF may perform."""
        return (yield from self._set(Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=guest.vf_id)))

    def set_vf_power(self, guest: Guest, state: PowerState) -> Steps:
        """POWER-01, -02: the power of the guest's VF; it is not to wake us."""
        return (yield from self._set(Oid.SRIOV_SET_VF_POWER_STATE, made(
            SetPowerStateParameters, VFId=guest.vf_id, PowerState=state, WakeEnable=0)))

    def free_vf(self, guest: Guest) -> Steps:
        """VF-ALLOC-12, -13: by whom it was allocated, after its VPort has gone."""
        status = yield from self._set(Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=guest.vf_id))
        if status == Status.SUCCESS:
            guest.vf_id, guest.serial = INVALID_VF_FUNCTION_ID, 0
        return status
