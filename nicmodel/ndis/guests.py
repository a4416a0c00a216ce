"""Guests of the virtualization stack: what it knows of a VM, and how a device comes to a VM and leaves it.

`make_miniport` is what plug and play does when a driver is loaded: a library in the right partition, a judged handle, the
driver. `Vpci` is the pair of VPCI services, host side and guest side: it takes messages over VMBus, and time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import DEFAULT_VPORT_ID, INVALID_VF_FUNCTION_ID, PartitionType, Status
from nicmodel.ndis.adapter import Adapter, Miniport
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.platform import COMMAND, VF_KEYWORDS, Circumstances, HandlePlatform, pf_keywords
from nicmodel.ndis.stumble import stumble
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    import simpy

    from nicmodel.ndis.probing import Probed
    from nicmodel.ndis.requests import NdisRequests
    from nicmodel.pcie.handle import FunctionHandle

HOMES = {"PF": PartitionType.MS_HV_PARENT, "VF": PartitionType.MS_HV_CHILD}


@dataclass
class Guest:
    """One VM: its address, the driver it would load for a VF, and what it has been given.

    ``place`` gives the handle of a VF, by its number, in this guest's hands. ``path`` is what NetVSC sends over:
    "synthetic" or "vf". Its VPort has ``queue_pairs``; with ``rss_entries`` the guest wants receive side scaling, over an
    indirection table of so many entries, where its VF's driver offers it.
    """

    number: int
    mac: int
    vlan: int
    driver_class: Any
    place: Callable[[int], FunctionHandle]
    settings: Any = None
    queue_pairs: int = 1
    rss_entries: int = 0
    filter_id: int = 0
    filter_vport: int = DEFAULT_VPORT_ID
    vf_id: int = INVALID_VF_FUNCTION_ID
    vport_id: int = DEFAULT_VPORT_ID
    serial: int = 0                      # of the VF, from the stack: by it NetVSC knows the adapter that is its own
    adapter: Adapter | None = None
    ndis: NdisRequests | None = None     # NDIS in the guest, in front of that adapter
    path: str = "synthetic"
    device: Probed | None = None         # the VF as the guest found it
    failed: bool = False                 # the VF it was to get did not come up

    def lose_everything(self) -> None:
        """VF, VPort and filter went with the adapter."""
        self.vf_id, self.failed, self.device, self.serial = INVALID_VF_FUNCTION_ID, False, None, 0
        self.vport_id = self.filter_vport = DEFAULT_VPORT_ID
        self.filter_id = 0

    @property
    def has_vf(self) -> bool:
        """Whether a VF is allocated to this guest."""
        return self.vf_id != INVALID_VF_FUNCTION_ID


def make_miniport(env: simpy.Environment, role: str, driver_class: Any, handle: FunctionHandle, registry: Mapping[str, Any],
                  settings: Any) -> tuple[Miniport, NdisLibrary]:
    """A driver and its library where its role belongs, or in the circumstances that the driver asks for."""
    where = getattr(driver_class, "circumstances", None) or Circumstances()
    partition = HOMES[role] if where.partition is None else where.partition
    ndis = NdisLibrary(env, role, handle.name, HandlePlatform(handle, partition, {**registry, **where.keywords}), where.faults)
    try:
        return driver_class(ndis, ndis.observe(handle), settings), ndis
    except (Exception, SystemExit) as problem:
        raise stumble(handle.name, driver_class, "its constructor", problem) from problem


def make_pf(env: simpy.Environment, driver_class: Any, handle: FunctionHandle, num_vfs: int,
            settings: Any) -> tuple[Miniport, NdisLibrary]:
    """A PF's driver and its library on a machine that wants ``num_vfs`` VFs."""
    return make_miniport(env, "PF", driver_class, handle, pf_keywords(num_vfs), settings)


@dataclass(frozen=True)
class Times:
    """How long guests take, in ps; 0 takes no time at all."""

    vpci_ps: int = 0             # a message of the VPCI provider, over VMBus, to the client in the guest
    pnp_ps: int = 0              # from there until the guest has built the device and calls its driver
    probes: bool = False         # whether guests ask the PF about the device (UP-15), or find it built
    removal_ps: int = 0          # how long a graceful removal may take before the device is removed by surprise; 0: for ever


class Vpci:
    """The VPCI provider in the host and its client in each guest."""

    def __init__(self, env: simpy.Environment, times: Times):
        self.env, self.times = env, times

    def message(self) -> Steps:
        """One message from host to guest."""
        if self.times.vpci_ps:
            yield self.env.timeout(self.times.vpci_ps)
        return Status.SUCCESS

    def load(self, guest: Guest) -> Steps:
        """UP-16: the guest's plug and play finds the device and loads its driver."""
        if self.times.pnp_ps:
            yield self.env.timeout(self.times.pnp_ps)
        if not guest.has_vf:
            return Status.FAILURE                      # it has gone again
        driver, ndis = make_miniport(self.env, "VF", guest.driver_class, guest.place(guest.vf_id), VF_KEYWORDS, guest.settings)
        guest.adapter = Adapter(ndis, driver)
        return guest.adapter.load()

    def withdraw(self, guest: Guest) -> Steps:
        """The guest has no device any more: the device reaches neither its memory nor its CPUs."""
        yield guest.place(guest.vf_id).config_write(COMMAND.at, COMMAND.nbytes, 0)
        return Status.SUCCESS
