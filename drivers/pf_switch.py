"""The PF driver's image of the NIC switch: VFs, VPorts, filters, and the registers that make them true.

Every method is one OID of the switch (VF-ALLOC, VPORT and FILTER of docs/ndis.md) and returns its status;
nothing is changed unless all of it succeeds. Register programming follows the 82599: pool v belongs to
VF v, the pool after the last VF to the PF; a MAC is a receive-address slot with a pool bitmap, a VLAN a
slot of the pool filter with another. The mailbox is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nicmodel.datasheet.ndis import (
    DEFAULT_SWITCH_ID,
    DEFAULT_VPORT_ID,
    FIELD_VLAN_UNTAGGED_OR_ZERO,
    INVALID_RID,
    INVALID_VF_FUNCTION_ID,
    PF_FUNCTION_ID,
    MacHeaderField,
    Status,
    SwitchType,
    make_rid,
)
from nicmodel.datasheet.ndis_structures import (
    FilterFieldParameters,
    NicSwitchParameters,
    ReceiveFilterParameters,
    VfParameters,
    VPortParameters,
    mac_of,
)
from nicmodel.datasheet.registers import Register, RegisterAt
from nicmodel.datasheet.registers_pf import (
    MPSAR_EXT,
    MPSAR_HI,
    MPSAR_LO,
    POOL_WORDS,
    QDE,
    RAH,
    RAL,
    TDWBAH,
    TDWBAL,
    VFRE,
    VFTA,
    VFTE,
    VLVF,
    VLVFB,
    VLVFB_EXT,
    VMOLR,
)

QUEUES_PER_POOL = 2            # 64-pool mode


def words_of(pools: int) -> list[int]:
    """A bitmap of pools in words of 32, the lowest first."""
    return [pools >> 32 * word & 0xFFFFFFFF for word in range(POOL_WORDS)]


def drop_policy(queue: int, drop: bool) -> int:
    """The QDE word for one queue: drop frames that find no descriptor, or let them wait."""
    return QDE.QDE.put(drop) | QDE.IDX.put(queue & 0x7F) | QDE.IDX_EXT.put(queue >> 7) | QDE.WE.mask


@dataclass
class VirtualFunction:
    """A VF that was allocated: its address and what its driver told us."""

    mac: int
    clear_to_send: bool = False
    api: int = 0
    vport: int | None = None
    hashes: list[int] = field(default_factory=list)


@dataclass
class Filter:
    """A receive filter: what it matches, where it points, which slots hold it."""

    mac: int
    vlan: int | None
    untagged: bool
    vport: int
    slot: int
    vlan_slot: int | None = None


class NicSwitch:
    """The one switch of the adapter, id 0. ``num_vfs`` is fixed when the hardware was configured."""

    def __init__(self, driver: Any, num_vfs: int, mac_slots: int):
        self.driver, self.handle, self.ndis = driver, driver.handle, driver.ndis
        self.num_vfs, self.mac_slots = num_vfs, mac_slots
        self.created = False
        self.vfs: dict[int, VirtualFunction] = {}
        self.vports: dict[int, int] = {}               # VPort id -> function id
        self.filters: dict[int, Filter] = {}
        self._slots = {0}                              # receive address 0 is the PF's own
        self._bitmaps: dict[int, int] = {}             # pools of receive addresses, as last written
        self._vlans: dict[int, int] = {}               # VLAN id -> slot
        self._enabled = {True: 0, False: 0}            # receive, transmit: pool bitmaps as last written

    @property
    def default_pool(self) -> int:
        """The PF's pool, and the pool of frames that no filter matches."""
        return self.num_vfs

    def pool_of(self, vport: int) -> int:
        """The pool behind a VPort."""
        function = self.vports[vport]
        return self.default_pool if function == PF_FUNCTION_ID else function

    # switch ------------------------------------------------------------------------------------------

    def create(self, parameters: NicSwitchParameters) -> Status:
        """SWITCH-03, -05, -07, VPORT-01: only what we were configured with; the default VPort is born."""
        same = (parameters.SwitchType == SwitchType.EXTERNAL and parameters.SwitchId == DEFAULT_SWITCH_ID
                and parameters.NumVFs == self.num_vfs)
        if self.created or not same:
            return Status.INVALID_PARAMETER
        self.created = True
        self.vports[DEFAULT_VPORT_ID] = PF_FUNCTION_ID
        return Status.SUCCESS

    def delete(self, switch_id: int) -> Status:
        """SWITCH-13: software goes now, hardware at halt (static creation)."""
        if not self.created or switch_id != DEFAULT_SWITCH_ID:
            return Status.INVALID_PARAMETER
        self.created = False
        self.vports.clear()
        return Status.SUCCESS

    # VFs ---------------------------------------------------------------------------------------------

    def allocate_vf(self, parameters: VfParameters) -> Status:
        """VF-ALLOC-03, -06, -07, -08: the lowest free VF, its requester id from NDIS."""
        asked = (parameters.SwitchId, parameters.VFId, parameters.RequestorId)
        if not self.created or asked != (DEFAULT_SWITCH_ID, INVALID_VF_FUNCTION_ID, INVALID_RID):
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
        self.stop_pool(vf)
        del self.vfs[vf]
        return Status.SUCCESS

    def reset_vf(self, vf: int) -> Status:
        """TEARDOWN-03: quiescent; the switch keeps what it knows of the VF (G-07)."""
        if vf not in self.vfs:
            return Status.INVALID_PARAMETER
        self.driver.reset_function(vf)
        self.stop_pool(vf)
        return Status.SUCCESS

    # VPorts ------------------------------------------------------------------------------------------

    def create_vport(self, parameters: VPortParameters) -> Status:
        """VPORT-03, -05, -07, -09: one VPort an allocated VF; the id is NDIS's choice."""
        function, vport = parameters.AttachedFunctionId, parameters.VPortId
        if not self.created or vport in self.vports or vport == DEFAULT_VPORT_ID \
                or function not in self.vfs or self.vfs[function].vport is not None \
                or not 1 <= parameters.NumQueuePairs <= QUEUES_PER_POOL:
            return Status.INVALID_PARAMETER
        self.vports[vport] = function
        self.vfs[function].vport = vport
        self.handle.write(VMOLR[function], VMOLR.BAM.mask | VMOLR.ROMPE.mask)
        return Status.SUCCESS

    def delete_vport(self, vport: int) -> Status:
        """VPORT-16, -18: not the default one, and only without filters."""
        if vport == DEFAULT_VPORT_ID or vport not in self.vports \
                or any(f.vport == vport for f in self.filters.values()):
            return Status.INVALID_PARAMETER
        function = self.vports.pop(vport)
        self.vfs[function].vport = None
        self.handle.write(VMOLR[function], 0)
        return Status.SUCCESS

    # filters -----------------------------------------------------------------------------------------

    def set_filter(self, buffer: bytearray) -> Status:
        """FILTER-01, -02, -04, -07, -09, -17: a MAC, and perhaps a VLAN, to a VPort."""
        head = ReceiveFilterParameters.from_buffer(buffer)
        if head.VPortId not in self.vports or head.FilterId in self.filters or head.QueueId:
            return Status.INVALID_PARAMETER
        mac, vlan, untagged = None, None, False
        for i in range(head.FieldParametersArrayNumElements):
            test = FilterFieldParameters.from_buffer(
                buffer, head.FieldParametersArrayOffset + i * head.FieldParametersArrayElementSize)
            if test.HeaderField == MacHeaderField.DESTINATION_ADDRESS:
                mac = mac_of(test.FieldValue)
                untagged = bool(test.Flags & FIELD_VLAN_UNTAGGED_OR_ZERO)
            elif test.HeaderField == MacHeaderField.VLAN_ID:
                vlan = int.from_bytes(bytes(test.FieldValue)[:2], "big")
        if mac is None or (vlan is None and not untagged):
            return Status.INVALID_PARAMETER                  # FILTER-08: MAC alone is not offered
        slot = next((s for s in range(self.mac_slots) if s not in self._slots), None)
        if slot is None:
            return Status.RESOURCES
        entry = Filter(mac, vlan, untagged, head.VPortId, slot)
        if vlan is not None and not self._take_vlan(entry):
            return Status.RESOURCES
        self._slots.add(slot)
        self.filters[head.FilterId] = entry
        self._point(entry, None, self.pool_of(entry.vport))
        self.write_address(slot, mac)
        return Status.SUCCESS

    def move_filter(self, filter_id: int, source: int, destination: int) -> Status:
        """FILTER-12, -13: the new pool is added before the old one is removed; no frame falls between."""
        entry = self.filters.get(filter_id)
        if entry is None or entry.vport != source or destination not in self.vports:
            return Status.INVALID_PARAMETER
        entry.vport = destination
        self._point(entry, self.pool_of(source), self.pool_of(destination))
        return Status.SUCCESS

    def clear_filter(self, filter_id: int) -> Status:
        """FILTER-11, -14: the slot matches nothing any more."""
        entry = self.filters.pop(filter_id, None)
        if entry is None:
            return Status.INVALID_PARAMETER
        self.write_address(entry.slot, None)
        self._point(entry, self.pool_of(entry.vport), None)
        self._slots.discard(entry.slot)
        return Status.SUCCESS

    # registers ---------------------------------------------------------------------------------------

    def write_address(self, slot: int, mac: int | None) -> None:
        """One receive address; None makes the slot invalid."""
        first = (mac or 0).to_bytes(6, "big")
        self.handle.write(RAL[slot], int.from_bytes(first[:4], "little"))
        valid = RAH.AV.mask if mac is not None else 0
        self.handle.write(RAH[slot], int.from_bytes(first[4:], "little") | valid)

    def write_pools(self, slot: int, pools: int) -> None:
        """The pool bitmap of one receive address."""
        known = self._bitmaps.get(slot)                # None: the reset state of these registers is undefined
        registers = (MPSAR_LO[slot], MPSAR_HI[slot], *self._further(MPSAR_EXT, slot))
        for register, word, old in zip(registers, words_of(pools), words_of(known or 0), strict=False):
            if known is None or word != old:
                self.handle.write(register, word)
        self._bitmaps[slot] = pools

    def _further(self, register: Register, index: int) -> list[RegisterAt]:
        """The words of pools from 64 up, on adapters that have them (an extension of the register map)."""
        return [register[POOL_WORDS * index + word] for word in range(2, self.default_pool // 32 + 1)]

    def _point(self, entry: Filter, source: int | None, destination: int | None) -> None:
        """Bitmaps of the filter's slots follow its VPort; untagged acceptance follows with them."""
        if destination is not None:
            if source is not None and source // 32 != destination // 32:
                self.write_pools(entry.slot, 1 << destination | 1 << source)
            self.write_pools(entry.slot, 1 << destination)
            self.accept(destination)
        else:
            self.write_pools(entry.slot, 0)
        if entry.vlan is not None:
            self._write_vlan(entry.vlan)
        if source is not None:
            self.accept(source)

    def accept(self, pool: int) -> None:
        """AUPE: a pool takes untagged frames if one of its filters says so; the PF's pool always does."""
        mine = [f for f in self.filters.values() if self.pool_of(f.vport) == pool]
        word = VMOLR.BAM.mask | VMOLR.ROMPE.mask
        if pool == self.default_pool or any(f.untagged for f in mine):
            word |= VMOLR.AUPE.mask
        self.handle.write(VMOLR[pool], word)

    def _take_vlan(self, entry: Filter) -> bool:
        slot = self._vlans.get(entry.vlan or 0)
        if slot is None:
            slot = next((s for s in range(64) if s not in self._vlans.values()), None)
            if slot is None:
                return False
            self._vlans[entry.vlan or 0] = slot
        entry.vlan_slot = slot
        return True

    def _write_vlan(self, vlan: int) -> None:
        """VLVF, VLVFB and VFTA of one VLAN: the pools of its filters; no filter frees the slot."""
        slot = self._vlans[vlan]
        pools = 0
        for entry in self.filters.values():
            if entry.vlan == vlan:
                pools |= 1 << self.pool_of(entry.vport)
        registers = (VLVFB[2 * slot], VLVFB[2 * slot + 1], *self._further(VLVFB_EXT, slot))
        for register, word in zip(registers, words_of(pools), strict=False):
            self.handle.write(register, word)
        self.handle.write(VLVF[slot], vlan | VLVF.VI_EN.mask if pools else 0)
        if not pools:
            del self._vlans[vlan]
        word = 0
        for other in self._vlans:
            if other >> 5 == vlan >> 5:
                word |= 1 << (other & 31)
        self.handle.write(VFTA[vlan >> 5], word)

    def start_pool(self, pool: int) -> None:
        """Let a pool send and receive; head write-back of its queues off, which a VF reset leaves alone."""
        for queue in range(QUEUES_PER_POOL * pool, QUEUES_PER_POOL * (pool + 1)):
            self.handle.write(TDWBAH[queue], 0)
            self.handle.write(TDWBAL[queue], 0)
        self._set_pool(pool, True, True)

    def stop_pool(self, pool: int) -> None:
        """Neither send nor receive."""
        self._set_pool(pool, False, False)

    def _set_pool(self, pool: int, receive: bool, transmit: bool) -> None:
        for register, is_rx, on in ((VFRE, True, receive), (VFTE, False, transmit)):
            bits = self._enabled[is_rx] & ~(1 << pool) | on << pool
            self._enabled[is_rx] = bits
            self.handle.write(register[pool // 32], bits >> 32 * (pool // 32) & 0xFFFFFFFF)

    def pool_was_reset(self, pool: int) -> None:
        """The hardware has cleared both enable bits of a pool that was reset: follow it."""
        for is_rx in self._enabled:
            self._enabled[is_rx] &= ~(1 << pool)
