"""What happens to adapters that run: a guest resets or suspends its VF, the PF is reset, brought up and shut down.

Lists of steps like those of `attach` and `detach`, which they reuse. Steps with ids of the form RESET-01, POWER-01 name the
rule that asks for them, since no page numbers them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicmodel.datasheet.ndis import PowerState, Status
from nicmodel.ndis import attach, detach
from nicmodel.ndis.guests import Guest
from nicmodel.ndis.journal import Step
from nicmodel.ndis.states import State
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    from nicmodel.ndis.stack import VirtualizationStack as Stack


# a guest's VF ------------------------------------------------------------------------------------------------
def load_again(stack: Stack, guest: Guest) -> Steps:
    """The guest's plug and play starts the device anew: another life of its adapter."""
    stack.end_life(guest)
    return (yield from attach.load_driver(stack, guest))


def power_down(stack: Stack, guest: Guest) -> Steps:
    """POWER-04: NDIS in the guest pauses the VF, then tells it to go to D3."""
    assert guest.adapter is not None
    return (yield from guest.adapter.sleep())


def vf_to_d3(stack: Stack, guest: Guest) -> Steps:
    """POWER-01, -03: the stack follows the guest's power; only that VF changes."""
    return (yield from stack.requests.set_vf_power(guest, PowerState.D3))


def vf_to_d0(stack: Stack, guest: Guest) -> Steps:
    """POWER-01, -02: full power, no wake enabled."""
    return (yield from stack.requests.set_vf_power(guest, PowerState.D0))


def power_up(stack: Stack, guest: Guest) -> Steps:
    """POWER-04: NDIS in the guest tells the VF to go to D0, then restarts it."""
    assert guest.adapter is not None
    return (yield from guest.adapter.resume())


COME_UP = tuple(step for step in attach.ATTACH if step.id in ("UP-17", "UP-18", "UP-19"))

GUEST_FLR = (
    Step("RESET-01", "NetVSC", detach.UNBINDS, detach.unbind),
    Step("RESET-01", "VF", "MiniportPause", detach.pause),
    Step("RESET-01", "VF", "MiniportHaltEx", detach.halt),
    Step("RESET-01", "VS", "RESET_VF", detach.reset_vf),
    Step("UP-16", "VPCI", "guest loads the driver", load_again),
    *COME_UP,
)

SLEEP = (
    Step("POWER-04", "VF", "MiniportPause, D3", power_down),
    Step("POWER-01", "VS", "SET_VF_POWER_STATE D3", vf_to_d3),
)

RESUME = (
    Step("POWER-01", "VS", "SET_VF_POWER_STATE D0", vf_to_d0),
    Step("POWER-04", "VF", "D0, MiniportRestart", power_up),
    Step("UP-19", "NetVSC", "packet filter set", attach.set_packet_filter),
)


# the PF ------------------------------------------------------------------------------------------------------
def load_pf(stack: Stack) -> Steps:
    """UP-01, UP-02: DriverEntry, MiniportAddDevice."""
    return stack.pf.load()
    yield


def initialize_pf(stack: Stack) -> Steps:
    """UP-04, UP-05: MiniportInitializeEx; a static switch is built on the way."""
    return (yield from stack.pf.initialize())


def create_switch(stack: Stack) -> Steps:
    """UP-06, UP-07: NDIS creates the switch if the PF has SR-IOV enabled."""
    if not stack.offers_switch:
        return Status.SUCCESS
    status = yield from stack.requests.create_switch()
    stack.has_switch = status == Status.SUCCESS
    return status


def restart_pf(stack: Stack) -> Steps:
    """MiniportRestart: from here on VFs may talk to it."""
    return (yield from stack.pf.restart())


def open_pf(stack: Stack) -> Steps:
    """The packet filter starts the PF's own traffic."""
    return (yield from stack.packet_filter(stack.pf))


def reset_pf(stack: Stack) -> Steps:
    """RESET-07: MiniportResetEx; VFs notice and come back by themselves (G-08)."""
    return (yield from stack.pf.reset())


def pf_to_d3(stack: Stack) -> Steps:
    """POWER-04, G-08: NDIS pauses the PF and tells it to go to D3; its VFs fall silent until it is back."""
    return (yield from stack.pf.sleep())


def pf_to_d0(stack: Stack) -> Steps:
    """POWER-04, G-08: NDIS tells the PF to go to D0 and restarts it; VFs come back by themselves."""
    return (yield from stack.pf.resume())


def tell_pf_driver(stack: Stack) -> Steps:
    """GEN-OID-04: the PF's driver is told that its device has gone; with it went the switch and all that was on it."""
    stack.pf.surprise_remove()
    stack.requests.ndis.known.lost()
    stack.has_switch = False
    for guest in stack.guests.values():
        guest.lose_everything()
    return Status.SUCCESS
    yield


def clear_filter(stack: Stack, guest: Guest) -> Steps:
    """FILTER-14, HALT-PF-01: the guest's filter on the default VPort."""
    return (yield from stack.requests.clear_filter(guest))


def delete_switch(stack: Stack) -> Steps:
    """SWITCH-14: when no filter, VPort or VF is left."""
    if not stack.has_switch:
        return Status.SUCCESS
    status = yield from stack.requests.delete_switch()
    stack.has_switch = status != Status.SUCCESS
    return status


def pause_pf(stack: Stack) -> Steps:
    """GEN-HALT-01: a PF that runs is paused first, once a reset that is under way is over."""
    if stack.pf.resetting:
        yield stack.pf.reset_over
    return (yield from stack.pf.pause()) if stack.pf.state is State.RUNNING else Status.SUCCESS


def halt_pf(stack: Stack) -> Steps:
    """HALT-PF-02: only after the switch has gone."""
    return (yield from stack.pf.halt()) if stack.pf.state is State.PAUSED else Status.SUCCESS


PF_UP = (
    Step("UP-01", "PF", "DriverEntry, MiniportAddDevice", load_pf),
    Step("UP-04", "PF", "MiniportInitializeEx", initialize_pf),
    Step("UP-06", "NDIS", "CREATE_SWITCH", create_switch),
    Step("UP-07", "PF", "MiniportRestart", restart_pf),
    Step("UP-07", "NDIS", "packet filter set", open_pf),
)

PF_RESET = (Step("RESET-07", "PF", "MiniportResetEx", reset_pf),)

PF_SLEEP = (Step("POWER-04", "PF", "MiniportPause, D3", pf_to_d3),)

PF_RESUME = (
    Step("POWER-04", "PF", "D0, MiniportRestart", pf_to_d0),
    Step("UP-07", "NDIS", "packet filter set", open_pf),
)

PF_OUT = (
    Step("PD-07", "PF", "MiniportPause", pause_pf),
    Step("PD-07", "PF", "MiniportHaltEx", halt_pf),
)

PF_SURPRISE = (
    Step("GEN-OID-04", "PF", "surprise removal", tell_pf_driver),
    *PF_OUT,
)

LAST_FILTER = (Step("PD-02", "VS", "CLEAR_FILTER", clear_filter),)

PF_DOWN = (
    Step("PD-05", "NDIS", "DELETE_SWITCH", delete_switch),
    *PF_OUT,
)
