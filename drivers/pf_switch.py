"""The PF driver's image of the NIC switch: itself, its VFs and its VPorts.

Every method is one request (SWITCH, VF-ALLOC and VPORT of docs/ndis.md) and returns its status; nothing is changed
unless all of it succeeds. The state table of a VF (V1 allocated nowhere, V2 allocated, V3 with a VPort) is what the
checks follow. Filters are in `pf_filters`, registers in `pf_pools`. The mailbox is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from drivers.pf_filters import Filters
from drivers.pf_pools import QUEUES_PER_POOL, PoolRegisters
from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.ethernet import MAC_BYTES
from nicmodel.datasheet.ndis import (
    DEFAULT_SWITCH_ID,
    DEFAULT_VPORT_ID,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    MODERATION_PS,
    PF_FUNCTION_ID,
    SWITCH_CHANGE_MASK,
    VPORT_CHANGE_MASK,
    InterruptModeration,
    PowerState,
    Status,
    SwitchFlags,
    SwitchType,
    VPortFlags,
    VPortState,
    make_rid,
)
from nicmodel.datasheet.ndis_structures import NicSwitchParameters, VfParameters, VPortParameters, mac_of
from nicmodel.datasheet.registers_pf import EITR, itr_units

MODERATION = VPortFlags.INT_MOD_CHANGED
CHANGEABLE = int(VPortFlags.NAME_CHANGED | VPortFlags.STATE_CHANGED | VPortFlags.PROCESSOR_AFFINITY_CHANGED)
DEFAULT_QUEUE_PAIRS = 1        # of the default VPort: fixed before NDIS 6.60 (SWITCH-17)
USUAL_RING, USUAL_BUFFER = 512, 2048


def one_processor(parameters: VPortParameters) -> bool:
    """VPORT-11: the affinity of a PF's VPort names exactly one processor (C-22)."""
    return parameters.ProcessorAffinity.Mask.bit_count() == 1


@dataclass
class VirtualFunction:
    """A VF that was allocated: its address, what its driver told us, the power state it was put into."""

    mac: int
    clear_to_send: bool = False
    api: int = 0
    vport: int | None = None
    hashes: list[int] = field(default_factory=list)
    power: int = PowerState.D0
    blocks: dict[int, bytes] = field(default_factory=dict)         # configuration blocks that its driver wrote


@dataclass
class VPort:
    """A VPort: the function and pool behind it, its queue pairs, and what a set request may change."""

    function: int
    pool: int
    queue_pairs: int
    active: bool
    name: str = ""
    moderation: int = InterruptModeration.UNDEFINED
    memory: int = 0                                    # shared with the device, of an activated VPort of the PF's; 0: none

    @property
    def interval_ps(self) -> int:
        """The time between two messages that its moderation asks for."""
        return MODERATION_PS[InterruptModeration(self.moderation)]


class NicSwitch:
    """The one switch of the adapter, id 0.

    ``num_vfs`` is fixed when the hardware was configured. ``pf_vports`` nondefault VPorts may go to the PF, in the pools
    after its own.
    """

    def __init__(self, driver: Any, num_vfs: int, mac_slots: int, pf_vports: int = 0):
        self.driver, self.ndis = driver, driver.ndis
        self.num_vfs, self.pf_vports = num_vfs, pf_vports
        self.created = False
        self.name = ""
        self.vfs: dict[int, VirtualFunction] = {}
        self.vports: dict[int, VPort] = {}
        self.pools = PoolRegisters(driver.handle)
        self.filters = Filters(self, mac_slots)

    @property
    def default_pool(self) -> int:
        """The PF's pool, and the pool of frames that no filter matches."""
        return self.num_vfs

    @property
    def max_vports(self) -> int:
        """MaxNumVPorts: the default one, one a VF, and the PF's others."""
        return 1 + self.num_vfs + self.pf_vports

    def pool_of(self, vport: int) -> int:
        """The pool behind a VPort."""
        return self.vports[vport].pool

    def _share_memory(self, vport: int) -> tuple[Status, int]:
        """VPORT-14: for what a VPort of the PF's receives: a buffer a descriptor, and the descriptors."""
        rings = self.driver.settings.rings
        each = DESCRIPTOR_BYTES + (rings.buffer_bytes if rings is not None else USUAL_BUFFER)
        return self.ndis.NdisAllocateSharedMemory((rings.ring_size if rings is not None else USUAL_RING) * each, vport)

    def _give_back(self, vport: VPort) -> None:
        """VPORT-18: the memory that it shared with the device."""
        if vport.memory:
            self.ndis.NdisFreeSharedMemory(vport.memory)
            vport.memory = 0

    def lose(self) -> None:
        """GEN-HALT-03: the adapter has gone; what NDIS has lent for its VPorts goes back."""
        for vport in self.vports.values():
            self._give_back(vport)

    def interval_ps(self, usual_ps: int) -> int:
        """The time between two messages of the default VPort: as it was set, or as usual."""
        default = self.vports.get(DEFAULT_VPORT_ID)
        return usual_ps if default is None or default.moderation == InterruptModeration.UNDEFINED else default.interval_ps

    # switch ------------------------------------------------------------------------------------------

    def accepts(self, parameters: NicSwitchParameters) -> bool:
        """SWITCH-02, -07: the external switch 0 is all there is, and once."""
        return (not self.created and parameters.SwitchType == SwitchType.EXTERNAL
                and parameters.SwitchId == DEFAULT_SWITCH_ID)

    def create(self, parameters: NicSwitchParameters) -> Status:
        """SWITCH-03: static creation takes only what it was configured with at initialisation."""
        if not self.accepts(parameters) or parameters.NumVFs != self.num_vfs:
            return Status.INVALID_PARAMETER
        return self.give_birth(parameters.SwitchFriendlyName.text)

    def give_birth(self, name: str) -> Status:
        """SWITCH-05, -06, VPORT-01: the switch is there, and with it the default VPort, on the PF and activated."""
        self.created, self.name = True, name
        self.vports[DEFAULT_VPORT_ID] = VPort(PF_FUNCTION_ID, self.default_pool, DEFAULT_QUEUE_PAIRS, active=True)
        return Status.SUCCESS

    def set_parameters(self, parameters: NicSwitchParameters) -> Status:
        """SWITCH-15, -18: only the name may change, and only where the flag says that it does."""
        changed = parameters.Flags & SWITCH_CHANGE_MASK
        if not self.created or parameters.SwitchId != DEFAULT_SWITCH_ID or changed not in (0, SwitchFlags.SWITCH_NAME_CHANGED):
            return Status.INVALID_PARAMETER
        if changed:
            self.name = parameters.SwitchFriendlyName.text
        return Status.SUCCESS

    def is_idle(self, switch_id: int) -> bool:
        """SWITCH-14: filters cleared, nondefault VPorts deleted, VFs freed."""
        return (self.created and switch_id == DEFAULT_SWITCH_ID and not self.vfs and not self.filters.by_id
                and set(self.vports) == {DEFAULT_VPORT_ID})

    def delete(self, switch_id: int) -> Status:
        """SWITCH-13: the software goes, the default VPort with it."""
        if not self.is_idle(switch_id):
            return Status.INVALID_PARAMETER
        self.created = False
        self.vports.clear()
        return Status.SUCCESS

    def abandon(self) -> None:
        """HALT-PF-01: what others should have given back before the halt goes in their order: filters, VPorts, VFs."""
        for filter_id in list(self.filters.by_id):
            self.filters.drop(filter_id)
        for vport in [each for each in self.vports if each != DEFAULT_VPORT_ID]:
            self.delete_vport(vport)
        for vf in list(self.vfs):
            self.free_vf(vf)
        self.delete(DEFAULT_SWITCH_ID)

    # VFs ---------------------------------------------------------------------------------------------

    def allocate_vf(self, parameters: VfParameters) -> Status:
        """VF-ALLOC-03, -06, -07, -08: the lowest free VF, its requester id from NDIS."""
        asked = (parameters.SwitchId, parameters.VFId, parameters.RequestorId, parameters.MacAddressLength)
        if not self.created or asked != (DEFAULT_SWITCH_ID, INVALID_VF_FUNCTION_ID, INVALID_RID, MAC_BYTES):
            return Status.INVALID_PARAMETER
        vf = next((v for v in range(self.num_vfs) if v not in self.vfs), None)
        if vf is None:
            return Status.RESOURCES
        parameters.VFId = vf
        parameters.RequestorId = make_rid(*self.ndis.NdisMGetVirtualFunctionLocation(vf))
        self.vfs[vf] = VirtualFunction(mac_of(parameters.CurrentMacAddress))
        return Status.SUCCESS

    def free_vf(self, vf: int) -> Status:
        """VF-ALLOC-14, -15: only a VF that is allocated and has no VPort."""
        if vf not in self.vfs or self.vfs[vf].vport is not None:
            return Status.INVALID_PARAMETER
        self.pools.stop(vf)
        del self.vfs[vf]
        return Status.SUCCESS

    def follow_vf(self, vf: int) -> None:
        """A VF sends and receives while its driver has greeted us and it is in D0."""
        record = self.vfs[vf]
        if record.clear_to_send and record.power == PowerState.D0:
            self.pools.start(vf)
        else:
            self.pools.stop(vf)

    # VPorts ------------------------------------------------------------------------------------------

    def create_vport(self, parameters: VPortParameters) -> Status:
        """VPORT-02, -03, -05, -06, -07, -09, -11: one VPort an allocated VF; the id is NDIS's choice."""
        if not self.created or not self._may_be_born(parameters):
            return Status.INVALID_PARAMETER
        function = parameters.AttachedFunctionId
        of_pf = function == PF_FUNCTION_ID
        pool = self._free_pool() if of_pf else function
        if pool is None:
            return Status.RESOURCES
        self.vports[parameters.VPortId] = VPort(function, pool, parameters.NumQueuePairs, not of_pf, parameters.VPortName.text)
        parameters.VPortState = VPortState.DEACTIVATED if of_pf else VPortState.ACTIVATED
        if not of_pf:
            self.vfs[function].vport = parameters.VPortId
        self.pools.accept(pool, untagged=False)
        return Status.SUCCESS

    def _may_be_born(self, parameters: VPortParameters) -> bool:
        function, vport = parameters.AttachedFunctionId, parameters.VPortId
        if parameters.SwitchId != DEFAULT_SWITCH_ID or vport in self.vports or not 0 < vport < self.max_vports:
            return False
        others = {each.queue_pairs for number, each in self.vports.items() if number != DEFAULT_VPORT_ID}
        if not 1 <= parameters.NumQueuePairs <= QUEUES_PER_POOL or not others <= {parameters.NumQueuePairs}:
            return False                               # symmetric: we do not advertise otherwise
        if function == PF_FUNCTION_ID:
            return one_processor(parameters)
        return function in self.vfs and self.vfs[function].vport is None

    def _free_pool(self) -> int | None:
        """A pool for one more VPort of the PF's, after its own."""
        taken = {each.pool for each in self.vports.values()}
        return next((pool for pool in range(self.default_pool + 1, self.default_pool + 1 + self.pf_vports)
                     if pool not in taken), None)

    def set_vport(self, parameters: VPortParameters) -> Status:
        """VPORT-08, -10, -12, -13, INTR-08: only members whose flag is set, and of those only what may change."""
        vport, changed = self.vports.get(parameters.VPortId), parameters.Flags & VPORT_CHANGE_MASK
        if not self.created or vport is None or parameters.SwitchId != DEFAULT_SWITCH_ID \
                or changed & ~(CHANGEABLE | MODERATION * self.driver.moderates_vports) or parameters.LookaheadSize \
                or changed & MODERATION and parameters.InterruptModeration not in MODERATION_PS:
            return Status.INVALID_PARAMETER
        if changed & VPortFlags.PROCESSOR_AFFINITY_CHANGED and (
                vport.function != PF_FUNCTION_ID or not one_processor(parameters)):
            return Status.INVALID_PARAMETER
        if changed & VPortFlags.STATE_CHANGED and parameters.VPortState != VPortState.ACTIVATED:
            return Status.INVALID_PARAMETER
        if changed & VPortFlags.STATE_CHANGED and not vport.active:
            status, vport.memory = self._share_memory(parameters.VPortId)
            if status != Status.SUCCESS:
                return Status.FAILURE                      # the request's page knows no RESOURCES
        if changed & VPortFlags.NAME_CHANGED:
            vport.name = parameters.VPortName.text
        if changed & MODERATION:
            vport.moderation = parameters.InterruptModeration
            self._throttle(vport)
        if changed & VPortFlags.STATE_CHANGED and not vport.active:
            vport.active = True
            self.pools.start(vport.pool)
        return Status.SUCCESS

    def _throttle(self, vport: VPort) -> None:
        """ADV-13, INTR-08: the vectors of a VPort's queues; those of the PF's other VPorts have no rings to interrupt for."""
        if vport.moderation == InterruptModeration.UNDEFINED:
            return
        if vport.function != PF_FUNCTION_ID:
            self.pools.throttle(vport.function, EITR.ITR_INT.put(itr_units(vport.interval_ps)))
        elif vport.pool == self.default_pool:
            self.driver.throttle()

    def delete_vport(self, vport: int) -> Status:
        """VPORT-16, -18: not the default one, and only without filters."""
        if vport == DEFAULT_VPORT_ID or vport not in self.vports or self.filters.on(vport):
            return Status.INVALID_PARAMETER
        gone = self.vports.pop(vport)
        if gone.function in self.vfs:
            self.vfs[gone.function].vport = None
        elif gone.active:
            self.pools.stop(gone.pool)
        self._give_back(gone)
        self.pools.accept_nothing(gone.pool)
        return Status.SUCCESS

    # after a reset -------------------------------------------------------------------------------------

    def restore(self) -> None:
        """G-08: VF ids, VPorts and filters survive a reset of the adapter; VFs are silent until they greet again."""
        for vport, each in self.vports.items():
            if vport != DEFAULT_VPORT_ID:
                self.pools.accept(each.pool, untagged=False)
                if each.function == PF_FUNCTION_ID and each.active:
                    self.pools.start(each.pool)
            self._throttle(each)
        self.filters.restore()
