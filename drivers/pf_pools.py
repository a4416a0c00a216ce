"""The registers behind the PF driver's image of the switch: pools, receive addresses, VLANs, who may send and receive.

Register programming follows the 82599: pool v belongs to VF v, the pool after the last VF to the PF, further ones to
its other VPorts. A MAC is a receive-address slot with a pool bitmap, a VLAN a slot of the pool filter with another.
What was written last is remembered, so that one register is written where one changes, and everything can be written
anew after a reset. No status and no VPort is known here.
"""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet import registers_pf
from nicmodel.datasheet.ethernet import words_of_address
from nicmodel.datasheet.registers import Register, RegisterAt
from nicmodel.datasheet.registers_pf import (
    EITR,
    EITRSEL,
    MPSAR_EXT,
    MPSAR_HI,
    MPSAR_LO,
    PFVFSPOOF,
    POOL_WORDS,
    POOLS_64,
    QDE,
    RAH,
    RAL,
    TDWBAH,
    TDWBAL,
    VF_THROTTLES,
    VFRE,
    VFTA,
    VFTE,
    VLVF,
    VLVFB,
    VLVFB_EXT,
    VMECM,
    VMOLR,
    vf_throttle,
)

QUEUES_PER_POOL = registers_pf.QUEUES_PER_POOL[POOLS_64]
VLAN_SLOTS = VLVF.count
SPOOF_POOLS = PFVFSPOOF.MACAS.width     # of a word of PFVFSPOOF
SHARED_FROM = 32               # VFs from here on share throttles with vectors of the PF's


def words_of(pools: int) -> list[int]:
    """A bitmap of pools in words of 32, the lowest first."""
    return [pools >> 32 * word & 0xFFFFFFFF for word in range(POOL_WORDS)]


def drop_policy(queue: int, drop: bool) -> int:
    """The QDE word for one queue: drop frames that find no descriptor, or let them wait."""
    return QDE.QDE.put(drop) | QDE.IDX.put(queue & 0x7F) | QDE.IDX_EXT.put(queue >> 7) | QDE.WE.mask


class PoolRegisters:
    """``last_pool`` is the highest pool in use: bitmaps are written as far as it needs."""

    def __init__(self, handle: Any):
        self.handle = handle
        self.last_pool = 0
        self.enabled = {True: 0, False: 0}            # receive, transmit: pool bitmaps as last written
        self._bitmaps: dict[int, int] = {}            # pools of receive addresses, as last written
        self._vlans: dict[int, int] = {}              # VLAN id -> slot
        self._selected = 0                            # EITRSEL, as last written

    def forget(self) -> None:
        """The hardware was reset: nothing is as last written."""
        self.enabled = {True: 0, False: 0}
        self._bitmaps.clear()
        self._vlans.clear()
        self._selected = 0

    # receive addresses -------------------------------------------------------------------------------

    def write_address(self, slot: int, mac: int | None) -> None:
        """One receive address; None makes the slot invalid."""
        low, high = words_of_address(mac or 0)
        self.handle.write(RAL[slot], low)
        self.handle.write(RAH[slot], high | (RAH.AV.mask if mac is not None else 0))

    def write_pools(self, slot: int, pools: int) -> None:
        """The pool bitmap of one receive address."""
        known = self._bitmaps.get(slot)                # None: the reset state of these registers is undefined
        registers = (MPSAR_LO[slot], MPSAR_HI[slot], *self._further(MPSAR_EXT, slot))
        for register, word, old in zip(registers, words_of(pools), words_of(known or 0), strict=False):
            if known is None or word != old:
                self.handle.write(register, word)
        self._bitmaps[slot] = pools

    def move_pool(self, slot: int, source: int, destination: int) -> None:
        """Hand a receive address from one pool to another with no moment at which neither has it.

        Within a word of the bitmap one write does both; across words the new pool is added before the old one goes.
        """
        if source // 32 != destination // 32:
            self.write_pools(slot, 1 << destination | 1 << source)
        self.write_pools(slot, 1 << destination)

    def _further(self, register: Register, index: int) -> list[RegisterAt]:
        """The words of pools from 64 up, on adapters that have them (an extension of the register map)."""
        return [register[POOL_WORDS * index + word] for word in range(2, self.last_pool // 32 + 1)]

    # VLANs -------------------------------------------------------------------------------------------

    def has_vlan_slot(self, vlan: int) -> bool:
        """Whether this VLAN has a slot or could get one."""
        return vlan in self._vlans or len(self._vlans) < VLAN_SLOTS

    def write_vlan(self, vlan: int, pools: int) -> None:
        """VLVF, VLVFB and VFTA of one VLAN; without pools its slot is free again."""
        if vlan not in self._vlans:
            self._vlans[vlan] = next(s for s in range(VLAN_SLOTS) if s not in self._vlans.values())
        slot = self._vlans[vlan]
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

    # pools -------------------------------------------------------------------------------------------

    def accept(self, pool: int, untagged: bool) -> None:
        """A pool takes broadcasts and what its addresses match; AUPE: untagged frames too."""
        self.handle.write(VMOLR[pool], VMOLR.BAM.mask | VMOLR.ROMPE.mask | (VMOLR.AUPE.mask if untagged else 0))

    def accept_nothing(self, pool: int) -> None:
        """A pool without VPort."""
        self.handle.write(VMOLR[pool], 0)

    def start(self, pool: int) -> None:
        """Let a pool send and receive; head write-back of its queues off, which a VF reset leaves alone."""
        for queue in range(QUEUES_PER_POOL * pool, QUEUES_PER_POOL * (pool + 1)):
            self.handle.write(TDWBAH[queue], 0)
            self.handle.write(TDWBAL[queue], 0)
        self._set(pool, True)

    def check_sources(self, num_vfs: int) -> None:
        """Anti-spoofing of every VF's pool, counted: FILTER-18, G-10. The PF's pools carry the frames of guests without VF."""
        for first in range(0, num_vfs, SPOOF_POOLS):
            pools = (1 << min(SPOOF_POOLS, num_vfs - first)) - 1
            self.handle.write(PFVFSPOOF[first // SPOOF_POOLS], PFVFSPOOF.MACAS.put(pools) | PFVFSPOOF.VLANAS.put(pools))
        for word, pools in enumerate(words_of((1 << num_vfs) - 1)):
            if pools:
                self.handle.write(VMECM[word], pools)

    def throttle(self, vf: int, word: int) -> None:
        """The interval between two messages of each of a VF's queue vectors; EITRSEL first, where the PF's vectors share it."""
        if vf >= SHARED_FROM and not self._selected:
            self._selected = 0xFFFFFFFF
            self.handle.write(EITRSEL, self._selected)
        for vector in range(VF_THROTTLES):
            self.handle.write(EITR[vf_throttle(vf, vector)], word)

    def stop(self, pool: int) -> None:
        """Neither send nor receive."""
        self._set(pool, False)

    def _set(self, pool: int, on: bool) -> None:
        for register, is_rx in ((VFRE, True), (VFTE, False)):
            bits = self.enabled[is_rx] & ~(1 << pool) | on << pool
            self.enabled[is_rx] = bits
            self.handle.write(register[pool // 32], bits >> 32 * (pool // 32) & 0xFFFFFFFF)

    def was_reset(self, pool: int) -> None:
        """The hardware has cleared both enable bits of a pool that was reset: follow it."""
        for is_rx in self.enabled:
            self.enabled[is_rx] &= ~(1 << pool)
