"""A VF leaves its guest: steps DN-01 to DN-07 of the documented teardown, in page order, and the same by surprise.

Each step is a generator function of stack and guest that returns a Status; its docstring begins with the rule ids it
serves. The guest goes on over the synthetic path: to send from DN-03 on, to receive from DN-04 on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicmodel.datasheet.ndis import DEFAULT_VPORT_ID, Status
from nicmodel.ndis.guests import Guest
from nicmodel.ndis.journal import Step
from nicmodel.ndis.states import State
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    from nicmodel.ndis.stack import VirtualizationStack as Stack


UNBINDS = "unbinds from the VF"


def ask_removal(stack: Stack, guest: Guest) -> Steps:
    """TEARDOWN-01, PATH-06: the guest is asked to give the device back."""
    return (yield from stack.vpci.message())


def unbind(stack: Stack, guest: Guest) -> Steps:
    """HALT-VF-02, PATH-03: NetVSC unbinds from a VF that runs, and sends over the synthetic path from now on."""
    if guest.adapter is not None and guest.adapter.state is State.RUNNING:
        yield from stack.packet_filter(guest.adapter, 0)
    stack.synthetic.enter(guest)
    return Status.SUCCESS


def pause(stack: Stack, guest: Guest) -> Steps:
    """HALT-VF-02: MiniportPause of a VF that runs."""
    if guest.adapter is not None and guest.adapter.state is State.RUNNING:
        yield from guest.adapter.pause()
    return Status.SUCCESS


def halt(stack: Stack, guest: Guest) -> Steps:
    """HALT-VF-01, TEARDOWN-02: MiniportHaltEx of a VF that is paused."""
    if guest.adapter is not None and guest.adapter.state is State.PAUSED:
        yield from guest.adapter.halt()
    return Status.SUCCESS


def give_back(stack: Stack, guest: Guest) -> Steps:
    """TEARDOWN-02: the host learns that the guest has let go of the device."""
    return (yield from stack.vpci.message())


def move_filter_back(stack: Stack, guest: Guest) -> Steps:
    """PATH-04: the guest's frames come to the default VPort again, if they had left it; the synthetic path works in full."""
    if guest.filter_vport == DEFAULT_VPORT_ID:
        return Status.SUCCESS
    return (yield from stack.requests.move_filter(guest, DEFAULT_VPORT_ID))


def delete_vport(stack: Stack, guest: Guest) -> Steps:
    """VPORT-16, -17: after the VF's driver has been halted; a VF that the PF has refused a VPort has none to delete."""
    if guest.vport_id == DEFAULT_VPORT_ID:
        return Status.SUCCESS
    return (yield from stack.requests.delete_vport(guest))


def reset_vf(stack: Stack, guest: Guest) -> Steps:
    """TEARDOWN-03, RESET-01, -04, -05: by the PF alone; the VF is quiescent, its interrupts are gone, VF and VPort stay."""
    return (yield from stack.requests.reset_vf(guest))


def free_vf(stack: Stack, guest: Guest) -> Steps:
    """TEARDOWN-04, VF-ALLOC-13: last of all."""
    return (yield from stack.requests.free_vf(guest))


def withdraw(stack: Stack, guest: Guest) -> Steps:
    """PATH-06: the device is taken from the guest, and its driver is told that it has gone."""
    if guest.adapter is not None and guest.adapter.state is not State.HALTED:
        yield from stack.vpci.withdraw(guest)
        yield from stack.vpci.message()
        guest.adapter.surprise_remove()
    return Status.SUCCESS


def vanish(stack: Stack, guest: Guest) -> Steps:
    """PATH-06: the adapter has left its slot, and this VF with it; the guest's driver is told."""
    if guest.adapter is not None and guest.adapter.state is not State.HALTED:
        yield from stack.vpci.message()
        guest.adapter.surprise_remove()
    return Status.SUCCESS


OUT_OF_THE_GUEST = (
    Step("DN-03", "NetVSC", UNBINDS, unbind),
    Step("DN-03", "VF", "MiniportPause", pause),
    Step("DN-03", "VF", "MiniportHaltEx", halt),
    Step("DN-03", "VPCI", "device given back to the host", give_back),
)

OFF_THE_SWITCH = (
    Step("DN-04", "VS", "MOVE_FILTER to the default VPort", move_filter_back),
    Step("DN-05", "VS", "DELETE_VPORT", delete_vport),
    Step("DN-06", "VS", "RESET_VF", reset_vf),
    Step("DN-07", "VS", "FREE_VF", free_vf),
)

ASK = (Step("DN-01", "VS", "removal asked of the guest", ask_removal),)
WITHDRAW = (Step("DN-02", "VPCI", "surprise removal", withdraw),)

VANISHED = (Step("DN-02", "VPCI", "surprise removal, with the PF", vanish), *OUT_OF_THE_GUEST[:-1])
"""The whole adapter has gone: nothing is given back, and no PF is left to be asked."""

SURPRISE = (*WITHDRAW, *OUT_OF_THE_GUEST, *OFF_THE_SWITCH)
