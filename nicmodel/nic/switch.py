"""Receive addresses, pool bitmaps and VLANs turned into the plane's filter table (82599 8.2.3.7, 8.2.3.27).

A receive address that several pools share goes to the lowest of them: replication is not modelled. The plane takes the
lowest filter slot that matches, so receive address k uses slots 65 k .. 65 k + 64.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet import registers_pf as pf
from nicmodel.nic.pools import Pools
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import PF_FUNCTION, DataPlane

VLANS = pf.VLVF.count
SLOTS_PER_ADDRESS = VLANS + 1
ANY_VLAN, UNTAGGED = -1, 0
Filter = tuple[int, int, int]                # MAC, VLAN, function


class Switch:
    """Who gets a frame."""

    def __init__(self, regs: RegisterFile, plane: DataPlane, stamp: Callable[[], int], pools: Pools):
        self.regs, self.plane, self.stamp, self.pools = regs, plane, stamp, pools
        self.filters: dict[int, Filter] = {}
        self._used: dict[int, int] = {}              # slots in use, by receive address
        self._pools: dict[int, int] = {}             # pool bitmap of each valid receive address
        self._default_pool = -1
        self._loopback = 0
        for row in (pf.RAH, pf.RAL, pf.MPSAR_LO, pf.MPSAR_HI):
            regs.on_write(row, lambda index, _value: self.refresh_address(index))
        regs.on_write(pf.MPSAR_EXT, lambda index, _value: self.refresh_address(index // pf.POOL_WORDS))
        for row in (pf.VLVF, pf.VLVFB, pf.VLVFB_EXT, pf.VLNCTRL):
            regs.on_write(row, lambda _index, _value: self.refresh_all())
        regs.on_write(pf.VMOLR, lambda pool, _value: self._refresh_pool(pool))
        regs.on_write(pf.VT_CTL, lambda _index, _value: self.refresh_default())
        regs.on_write(pf.PFDTXGSWC, lambda _index, _value: self.refresh_default())

    def refresh_all(self) -> None:
        """A mapping changed: every valid receive address is looked at again."""
        for index in {key[1] for key in self.regs.values if key[0] == pf.RAH.name}:
            self.refresh_address(index)
        self.refresh_default()

    def _refresh_pool(self, pool: int) -> None:
        """A pool's acceptance of untagged frames changed."""
        for index in [index for index, pools in self._pools.items() if pools >> pool & 1]:
            self.refresh_address(index)

    def refresh_default(self) -> None:
        word = self.regs.get(pf.VT_CTL)
        pool = pf.VT_CTL.DEF_PL.get(word) | pf.VT_CTL.DEF_PL_EXT.get(word) << 6
        on = word & pf.VT_CTL.VT_ENA.mask and not word & pf.VT_CTL.DIS_DEF_PL.mask
        function = self.pools.function_of_pool(pool) if on else -1
        if function != self._default_pool:
            self._default_pool = function
            self.plane.set("default_pool", 0, (function,), self.stamp())
        loopback = int(bool(self.regs.get(pf.PFDTXGSWC) & pf.PFDTXGSWC.LBE.mask))
        if loopback != self._loopback:
            self._loopback = loopback
            self.plane.set("loopback", 0, (loopback,), self.stamp())

    def refresh_address(self, index: int) -> None:
        """Bring the plane's slots of one receive address up to date."""
        first = SLOTS_PER_ADDRESS * index
        wanted = dict(enumerate(self._filters_of(index), first))
        for slot in range(first, first + max(len(wanted), self._used.get(index, 0))):
            new, old = wanted.get(slot), self.filters.get(slot)
            if new == old:
                continue
            if new is None:
                del self.filters[slot]
                self.plane.set("filter", slot, (0, 0, 0, 0), self.stamp())
            else:
                self.filters[slot] = new
                self.plane.set("filter", slot, (1, *new), self.stamp())
        self._used[index] = len(wanted)

    def _filters_of(self, index: int) -> list[Filter]:
        high = self.regs.get(pf.RAH, index)
        if not high & pf.RAH.AV.mask:
            return []
        low_first = self.regs.get(pf.RAL, index) | (high & 0xFFFF) << 32
        mac = int.from_bytes(low_first.to_bytes(6, "little"), "big")
        bitmap = self._bitmap(pf.MPSAR_LO, pf.MPSAR_HI, index) | self._further(pf.MPSAR_EXT, index)
        self._pools[index] = bitmap
        if not bitmap:
            return []
        pool = (bitmap & -bitmap).bit_length() - 1
        function = self.pools.function_of_pool(pool) if self.pools.vt_mode else PF_FUNCTION
        if not self.regs.get(pf.VLNCTRL) & pf.VLNCTRL.VFE.mask:
            return [(mac, ANY_VLAN, function)]
        filters = []
        if self.regs.get(pf.VMOLR, pool) & pf.VMOLR.AUPE.mask:
            filters.append((mac, UNTAGGED, function))
        for entry in range(VLANS):
            word = self.regs.get(pf.VLVF, entry)
            if word & pf.VLVF.VI_EN.mask:
                members = (self.regs.get(pf.VLVFB, 2 * entry) | self.regs.get(pf.VLVFB, 2 * entry + 1) << 32
                           | self._further(pf.VLVFB_EXT, entry))
                if members >> pool & 1:
                    filters.append((mac, pf.VLVF.VLAN_ID.get(word), function))
        return filters

    def _bitmap(self, low: pf.Register, high: pf.Register, index: int) -> int:
        return self.regs.get(low, index) | self.regs.get(high, index) << 32

    def _further(self, row: pf.Register, index: int) -> int:
        """Pools from 64 up."""
        return sum(self.regs.get(row, pf.POOL_WORDS * index + word) << 32 * word for word in range(2, pf.POOL_WORDS))
