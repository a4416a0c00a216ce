"""A VF comes to a guest: steps UP-08 to UP-19 of the documented bring-up, in page order (docs/ndis.md draws them).

Each step is a generator function of stack and guest that returns a Status; its docstring begins with the rule ids it
serves. No step goes on past a failure: what cannot come up stays closed, and the guest stays where the step left it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicmodel.datasheet.ndis import Oid, RequestType, SriovCapabilities, Status
from nicmodel.datasheet.ndis_structures import VfSerialNumberInfo, made
from nicmodel.ndis.guests import Guest
from nicmodel.ndis.journal import Step
from nicmodel.ndis.probing import probe
from nicmodel.ndis.requests import NETVSC, NdisRequests
from nicmodel.ndis.rss import set_rss
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    from nicmodel.ndis.stack import VirtualizationStack as Stack

VF_MINIPORT = int(SriovCapabilities.VF_MINIPORT)


def set_filter(stack: Stack, guest: Guest) -> Steps:
    """PATH-01, FILTER-01: while it has no VF, the guest's frames come to the default VPort. A filter that is there stays."""
    return Status.SUCCESS if guest.filter_id else (yield from stack.requests.set_filter(guest))


def make_serial(stack: Stack, guest: Guest) -> Steps:
    """EXPOSE-04: the VF's serial number, one for each time that a guest is given a VF; NetVSC is told it over VMBus."""
    guest.serial = next(stack.serials)
    return Status.SUCCESS
    yield


def allocate_vf(stack: Stack, guest: Guest) -> Steps:
    """VF-ALLOC-02, -03, -04: a VF of the PF's choice."""
    return (yield from stack.requests.allocate_vf(guest))


def create_vport(stack: Stack, guest: Guest) -> Steps:
    """VPORT-02, -03, -04: one VPort for that VF."""
    return (yield from stack.requests.create_vport(guest))


def move_filter(stack: Stack, guest: Guest) -> Steps:
    """FILTER-12: from now on the guest's frames go to the VF, ready or not."""
    return (yield from stack.requests.move_filter(guest, guest.vport_id))


def notify_vpci(stack: Stack, guest: Guest) -> Steps:
    """EXPOSE-01: only now is the guest told of a device."""
    return (yield from stack.vpci.message())


def build_device(stack: Stack, guest: Guest) -> Steps:
    """EXPOSE-02, CFG-02, BAR-01 to -05: the guest's bus driver learns what the device is and where it lies."""
    if not stack.vpci.times.probes:
        return Status.SUCCESS
    status, guest.device = yield from probe(stack.requests.ndis, guest.vf_id)
    return status


def load_driver(stack: Stack, guest: Guest) -> Steps:
    """EXPOSE-01, CFG-01: the guest sees a PCI device, reached through the PF; its plug and play loads the VF's driver."""
    status = yield from stack.vpci.load(guest)
    if guest.adapter is not None:
        guest.ndis = NdisRequests(guest.adapter, guest.serial)
        stack.requests.ndis.connect(guest.vf_id, guest.adapter)
    return status


def initialize(stack: Stack, guest: Guest) -> Steps:
    """VF-INIT-01 to -24: MiniportInitializeEx; a breach on the way leaves the adapter halted. News wait for it (BACKCH-08)."""
    assert guest.adapter is not None
    status = yield from guest.adapter.initialize()
    if status != Status.SUCCESS:
        return status
    if not guest.has_vf:                               # it was taken while its driver started
        yield from guest.adapter.halt()
        return Status.FAILURE
    stack.requests.ndis.channels[guest.vf_id].tell()
    return status


def restart(stack: Stack, guest: Guest) -> Steps:
    """VF-INIT-24: MiniportRestart opens the queues; a VF that cannot is halted again."""
    assert guest.adapter is not None
    status = yield from guest.adapter.restart()
    if status != Status.SUCCESS:
        yield from guest.adapter.halt()
    return status


def bind(stack: Stack, guest: Guest) -> Steps:
    """VF-INIT-26, ADV-27, C-11, C-29: NetVSC, and nothing else, binds to the VF: one that says so of itself, and by its serial
    number is the one that was given to this guest."""
    assert guest.ndis is not None
    sriov = guest.ndis.bind().sriov
    if sriov is None or not sriov.SriovCapabilities & VF_MINIPORT:
        return Status.FAILURE
    info = made(VfSerialNumberInfo)
    status = yield from guest.ndis.oid(RequestType.QUERY, Oid.SRIOV_VF_SERIAL_NUMBER, info, NETVSC)
    return Status.FAILURE if status == Status.SUCCESS and info.SerialNumber != guest.serial else status


def set_packet_filter(stack: Stack, guest: Guest) -> Steps:
    """PATH-02: the packet filter starts the traffic over the VF; NetVSC sends over it from now on.

    A guest that wants receive side scaling has set it by then; one whose driver refuses goes on without.
    """
    assert guest.adapter is not None
    yield from set_rss(guest.adapter, guest.rss_entries)
    status = yield from stack.packet_filter(guest.adapter)
    if status == Status.SUCCESS:
        stack.synthetic.leave(guest)
    return status


TO_DEFAULT_VPORT = (
    Step("UP-08", "VS", "SET_FILTER on the default VPort", set_filter),
)

ATTACH = (
    *TO_DEFAULT_VPORT,
    Step("UP-09", "VS", "serial number made", make_serial),
    Step("UP-10", "VS", "ALLOCATE_VF", allocate_vf),
    Step("UP-12", "VS", "CREATE_VPORT", create_vport),
    Step("UP-13", "VS", "MOVE_FILTER to the VF", move_filter),
    Step("UP-14", "VPCI", "device offered to the guest", notify_vpci),
    Step("UP-15", "VPCI", "guest builds the device", build_device),
    Step("UP-16", "VPCI", "guest loads the driver", load_driver),
    Step("UP-17", "VF", "MiniportInitializeEx", initialize),
    Step("UP-17", "VF", "MiniportRestart", restart),
    Step("UP-18", "NetVSC", "binds to the VF", bind),
    Step("UP-19", "NetVSC", "packet filter set", set_packet_filter),
)
