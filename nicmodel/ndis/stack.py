"""The virtualization stack: it brings the PF up, gives VFs to guests and takes them away, in page order.

Steps UP-03 to UP-19 of the bring-up and DN-01 to DN-07 of the teardown, one method each, are read in
`attach_vf` and `detach_vf`; docs/ndis.md draws them. All traffic decisions are the device's: this file
issues requests and believes their statuses. What cannot come up is closed, with the rule that closed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import (
    DEFAULT_SWITCH_ID,
    DEFAULT_VPORT_ID,
    FIELD_VLAN_UNTAGGED_OR_ZERO,
    FRAME_HEADER_MAC,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    NIC_SWITCH_KEY,
    PACKET_FILTER_BROADCAST,
    PACKET_FILTER_DIRECTED,
    PACKET_FILTER_MULTICAST,
    FilterTest,
    FilterType,
    MacHeaderField,
    Oid,
    PartitionType,
    RequestType,
    Status,
    SwitchType,
    VPortState,
)
from nicmodel.datasheet.ndis_structures import (
    CountedName,
    DeleteSwitchParameters,
    DeleteVPortParameters,
    FilterClearParameters,
    FilterFieldParameters,
    FilterMoveParameters,
    FreeVfParameters,
    NicSwitchParameters,
    ReceiveFilterParameters,
    ResetVfParameters,
    VfParameters,
    VPortParameters,
    address,
    made,
)
from nicmodel.ndis.adapter import Adapter, Miniport
from nicmodel.ndis.checker import Report, RuleVerdict, summary
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.platform import VF_KEYWORDS, Circumstances, HandlePlatform, Steps, pf_keywords
from nicmodel.ndis.states import State
from nicmodel.sim.errors import ModelBug

if TYPE_CHECKING:
    import simpy

    from nicmodel.pcie.handle import FunctionHandle

PACKET_FILTER = PACKET_FILTER_DIRECTED | PACKET_FILTER_MULTICAST | PACKET_FILTER_BROADCAST


@dataclass
class Guest:
    """What the stack knows of one VM's virtual function."""

    mac: int
    vlan: int
    filter_id: int = 0
    vf_id: int = INVALID_VF_FUNCTION_ID
    vport_id: int = DEFAULT_VPORT_ID
    adapter: Adapter | None = None


def _home(where: Circumstances, usual: PartitionType) -> PartitionType:
    return usual if where.partition is None else where.partition


def make_pf(env: simpy.Environment, driver_class: Any, handle: FunctionHandle, num_vfs: int,
            settings: Any) -> tuple[Miniport, NdisLibrary]:
    """A PF's driver and its library on a machine that wants ``num_vfs`` VFs."""
    where = getattr(driver_class, "circumstances", None) or Circumstances()
    platform = HandlePlatform(handle, _home(where, PartitionType.MS_HV_PARENT),
                              pf_keywords(num_vfs) | dict(where.keywords))
    ndis = NdisLibrary(env, "PF", handle.name, platform, where.faults)
    return driver_class(ndis, ndis.observe(handle), settings), ndis


def make_vf(env: simpy.Environment, driver_class: Any, handle: FunctionHandle,
            settings: Any) -> tuple[Miniport, NdisLibrary]:
    """A VF's driver and its library in a guest."""
    where = getattr(driver_class, "circumstances", None) or Circumstances()
    platform = HandlePlatform(handle, _home(where, PartitionType.MS_HV_CHILD),
                              VF_KEYWORDS | dict(where.keywords))
    ndis = NdisLibrary(env, "VF", handle.name, platform, where.faults)
    return driver_class(ndis, ndis.observe(handle), settings), ndis


class VirtualizationStack:
    """One adapter's PF and its VFs. ``pf_driver`` and ``pf_ndis`` come from `make_pf`."""

    def __init__(self, env: simpy.Environment, pf_driver: Miniport, pf_ndis: NdisLibrary):
        self.env = env
        self.pf = Adapter(pf_ndis, pf_driver)
        self.guests: dict[int, Guest] = {}
        self._filters = 0
        self._vports: set[int] = set()
        self._switch = False

    # the PF: UP-03 to UP-07 --------------------------------------------------------------------------

    def bring_up_pf(self) -> Steps:
        """Initialise the PF, create the switch, restart. A PF in breach leaves virtualization off."""
        status = self.pf.load()
        if status == Status.SUCCESS:
            status = yield from self.pf.initialize()                              # UP-04, UP-05
        if status == Status.SUCCESS and self.pf.ndis.virtualized:
            status = yield from self.create_switch()                              # UP-06, UP-07
            self._switch = status == Status.SUCCESS
        if status == Status.SUCCESS:
            status = yield from self.pf.restart()
        if status == Status.SUCCESS:
            status = yield from self._packet_filter(self.pf)
        if self.pf.rule is not None and self.pf.ndis.virtualized:
            yield from self.pf.ndis.platform.enable_virtualization(0)
        return self._state(self.pf)

    def create_switch(self) -> Steps:
        """NDIS builds the switch parameters from the registry and issues CREATE_SWITCH."""
        keywords = self.pf.ndis.platform.keywords()
        parameters = made(NicSwitchParameters, SwitchType=SwitchType.EXTERNAL, SwitchId=DEFAULT_SWITCH_ID,
                          SwitchFriendlyName=CountedName.of(keywords[NIC_SWITCH_KEY + "*SwitchName"]),
                          NumVFs=int(keywords[NIC_SWITCH_KEY + "*NumVFs"]))
        return (yield from self._method(Oid.NIC_SWITCH_CREATE_SWITCH, parameters))

    # a VF: UP-08 to UP-19 ----------------------------------------------------------------------------

    def attach_vf(self, v: int, mac: int, vlan: int, vf_driver_class: Any, handle: FunctionHandle,
                  settings: Any = None) -> Steps:
        """Give VF ``v`` to a guest and start its driver; ``vlan`` 0 means untagged. Returns a state record.

        The PF's miniport chooses the VF; ours takes the lowest free one, so guests are attached in order.
        """
        if self._state(self.pf)["state"] == "closed" or not self._switch:
            return {"state": "closed", "rule": self.pf.rule}
        guest = self.guests[v] = Guest(mac, vlan)
        for step in (self.set_filter, self.allocate_vf, self.create_vport, self.move_filter):
            status = yield from step(guest)
            if status != Status.SUCCESS:
                return {"state": "closed", "rule": None}
        if guest.vf_id != v:
            raise ModelBug(f"the PF gave VF {guest.vf_id} to the guest of VF {v}: attach guests in order")
        driver, ndis = make_vf(self.env, vf_driver_class, handle, settings)       # UP-14 to UP-16
        guest.adapter = Adapter(ndis, driver)
        status = guest.adapter.load()
        if status == Status.SUCCESS:
            status = yield from guest.adapter.initialize()                        # UP-17
        if status == Status.SUCCESS:
            status = yield from guest.adapter.restart()
        if status == Status.SUCCESS:
            yield from self._packet_filter(guest.adapter)                         # UP-18, UP-19
        return self._state(guest.adapter)

    def set_filter(self, guest: Guest, vport: int = DEFAULT_VPORT_ID) -> Steps:
        """UP-08: the guest's MAC (and VLAN) on the default VPort while it has no VF."""
        self._filters += 1
        tests = [made(FilterFieldParameters, FrameHeader=FRAME_HEADER_MAC, ReceiveFilterTest=FilterTest.EQUAL,
                      HeaderField=MacHeaderField.DESTINATION_ADDRESS,
                      Flags=0 if guest.vlan else FIELD_VLAN_UNTAGGED_OR_ZERO)]
        tests[0].FieldValue[:6] = list(guest.mac.to_bytes(6, "big"))
        if guest.vlan:
            tests.append(made(FilterFieldParameters, FrameHeader=FRAME_HEADER_MAC,
                              ReceiveFilterTest=FilterTest.EQUAL, HeaderField=MacHeaderField.VLAN_ID))
            tests[1].FieldValue[:2] = list(guest.vlan.to_bytes(2, "big"))
        head = made(ReceiveFilterParameters, FilterType=FilterType.VM_QUEUE, FilterId=self._filters,
                    FieldParametersArrayOffset=44, FieldParametersArrayNumElements=len(tests),
                    FieldParametersArrayElementSize=56, VPortId=vport)
        buffer = bytearray(bytes(head) + b"".join(bytes(test) for test in tests))
        status = yield from self._method(Oid.RECEIVE_FILTER_SET_FILTER, buffer)
        if status == Status.SUCCESS:
            guest.filter_id = self._filters
        return status

    def allocate_vf(self, guest: Guest) -> Steps:
        """UP-10, UP-11: the PF's miniport answers with VF id and requester id."""
        parameters = made(VfParameters, VMName=CountedName.of("guest"), MacAddressLength=6,
                          PermanentMacAddress=address(guest.mac), CurrentMacAddress=address(guest.mac),
                          VFId=INVALID_VF_FUNCTION_ID, RequestorId=INVALID_RID)
        status = yield from self._method(Oid.NIC_SWITCH_ALLOCATE_VF, parameters)
        if status == Status.SUCCESS:
            guest.vf_id = parameters.VFId
        return status

    def create_vport(self, guest: Guest) -> Steps:
        """UP-12: NDIS chooses the VPort id, the lowest free one from 1."""
        vport = next(i for i in range(1, len(self._vports) + 2) if i not in self._vports)
        self._vports.add(vport)
        parameters = made(VPortParameters, VPortId=vport, AttachedFunctionId=guest.vf_id, NumQueuePairs=1,
                          VPortState=VPortState.ACTIVATED)
        status = yield from self._method(Oid.NIC_SWITCH_CREATE_VPORT, parameters)
        if status == Status.SUCCESS:
            guest.vport_id = vport
        else:
            self._vports.discard(vport)
        return status

    def move_filter(self, guest: Guest) -> Steps:
        """UP-13: from now on the guest's frames go to the VF, ready or not."""
        return (yield from self._move(guest, DEFAULT_VPORT_ID, guest.vport_id))

    # taking a VF away: DN-01 to DN-07; the PF: PD-02 to PD-08 ------------------------------------------

    def detach_vf(self, v: int) -> Steps:
        """Take VF ``v`` from its guest: unbind, halt, filter back, VPort, reset, free. Returns a Status."""
        guest = self.guests[v]
        if guest.adapter is not None:
            if guest.adapter.state is State.RUNNING:
                yield from self._packet_filter(guest.adapter, 0)                  # DN-03
                yield from guest.adapter.pause()
            if guest.adapter.state is State.PAUSED:
                yield from guest.adapter.halt()
        status = yield from self._move(guest, guest.vport_id, DEFAULT_VPORT_ID)   # DN-04
        for oid, parameters in (
                (Oid.NIC_SWITCH_DELETE_VPORT, made(DeleteVPortParameters, VPortId=guest.vport_id)),
                (Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=guest.vf_id)),
                (Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=guest.vf_id))):
            if status == Status.SUCCESS:
                status = yield from self.pf.oid(RequestType.SET, oid, parameters)  # DN-05 to DN-07
        if status == Status.SUCCESS:
            self._vports.discard(guest.vport_id)
            guest.vf_id, guest.vport_id = INVALID_VF_FUNCTION_ID, DEFAULT_VPORT_ID
        return status

    def clear_filter(self, guest: Guest) -> Steps:
        """PD-02: the VM's filter goes with the VM."""
        parameters = made(FilterClearParameters, FilterId=guest.filter_id)
        return (yield from self.pf.oid(RequestType.SET, Oid.RECEIVE_FILTER_CLEAR_FILTER, parameters))

    def shut_down_pf(self) -> Steps:
        """Take every VF away, delete the switch, halt the PF. Returns the first status that is no SUCCESS."""
        status = Status.SUCCESS
        for v, guest in self.guests.items():
            if guest.vf_id != INVALID_VF_FUNCTION_ID:
                status = yield from self.detach_vf(v)
            if status == Status.SUCCESS:
                status = yield from self.clear_filter(guest)
            if status != Status.SUCCESS:
                return status
        self.guests.clear()
        if self._switch:
            parameters = made(DeleteSwitchParameters, SwitchId=DEFAULT_SWITCH_ID)
            status = yield from self.pf.oid(RequestType.SET, Oid.NIC_SWITCH_DELETE_SWITCH, parameters)
            self._switch = status != Status.SUCCESS
        if status == Status.SUCCESS and self.pf.state is State.RUNNING:
            yield from self.pf.pause()
            yield from self.pf.halt()
        return status

    # results -----------------------------------------------------------------------------------------

    def adapters(self) -> list[Adapter]:
        """Every adapter that was loaded: the PF, then VFs by number."""
        return [self.pf] + [g.adapter for _, g in sorted(self.guests.items()) if g.adapter is not None]

    def verdicts(self) -> list[RuleVerdict]:
        """The rule table of every adapter, adapter by adapter."""
        return [row for adapter in self.adapters() for row in adapter.ndis.checker.verdicts()]

    def rule_table(self) -> list[RuleVerdict]:
        """One row for every rule of the three families: what a report prints."""
        return summary(self.verdicts())

    def reports(self) -> list[Report]:
        """Every breach in the order of its call."""
        found = [report for adapter in self.adapters() for report in adapter.ndis.checker.reports]
        return sorted(found, key=lambda report: report.time_ps)

    # helpers -----------------------------------------------------------------------------------------

    def _method(self, oid: Oid, buffer: Any) -> Steps:
        return (yield from self.pf.oid(RequestType.METHOD, oid, buffer))

    def _move(self, guest: Guest, source: int, destination: int) -> Steps:
        parameters = made(FilterMoveParameters, FilterId=guest.filter_id, SourceVPortId=source,
                          DestVPortId=destination)
        return (yield from self.pf.oid(RequestType.SET, Oid.RECEIVE_FILTER_MOVE_FILTER, parameters))

    def _packet_filter(self, adapter: Adapter, mask: int = PACKET_FILTER) -> Steps:
        return (yield from adapter.oid(RequestType.SET, Oid.GEN_CURRENT_PACKET_FILTER, mask))

    @staticmethod
    def _state(adapter: Adapter) -> dict[str, Any]:
        running = adapter.state is State.RUNNING
        return {"state": "running" if running else "closed", "rule": None if running else adapter.rule}
