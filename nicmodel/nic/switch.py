"""Receive addresses, pool bitmaps and VLANs turned into the plane's filter table (82599 8.2.3.7, 8.2.3.27).

A receive address that several pools share goes to the lowest of them: replication is not modelled. The plane takes the
lowest filter slot that matches, so receive address k uses slots 65 k .. 65 k + 64.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet.ethernet import address_of_words
from nicmodel.nic.pools import Pools
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import CHECK_MAC, CHECK_VLAN, PF_FUNCTION, DataPlane

VLANS = pf.VLVF.count
SLOTS_PER_ADDRESS = VLANS + 1
SPOOF_POOLS = pf.PFVFSPOOF.MACAS.width        # of a word of PFVFSPOOF
ANY_VLAN, UNTAGGED = -1, 0
Filter = tuple[int, int, int]                # MAC, VLAN, function
Members = list[tuple[int, int]]              # (VLAN, bitmap of its pools), in the order of VLVF


class Switch:
    """Who gets a frame."""

    def __init__(self, regs: RegisterFile, plane: DataPlane, stamp: Callable[[], int], pools: Pools):
        self.regs, self.plane, self.stamp, self.pools = regs, plane, stamp, pools
        self.filters: dict[int, list[Filter]] = {}   # receive address -> what the plane has of it
        self._used = {0}                             # receive addresses that have had AV; the EEPROM loads the first
        self._known: Members | None = None           # `_members` since the last write to VLAN registers
        self._pools: dict[int, int | None] = {}      # `_pool_of` since the last write to pool bitmaps
        self._pointing: defaultdict[int, set[int]] = defaultdict(set)        # pool -> addresses of `_pools` with it
        self._default_pool = -1
        self._loopback = 0
        for row in (pf.RAH, pf.RAL):
            regs.on_write(row, lambda index, _value: self.refresh_address(index))
        for row in (pf.MPSAR_LO, pf.MPSAR_HI):
            regs.on_write(row, lambda index, _value: self._write_pools(index))
        regs.on_write(pf.MPSAR_EXT, lambda index, _value: self._write_pools(index // pf.POOL_WORDS))
        regs.on_write(pf.VMOLR, lambda pool, _value: self._refresh_pool(pool))
        for row in (pf.VLVF, pf.VLVFB, pf.VLVFB_EXT, pf.VLNCTRL):
            regs.on_write(row, lambda _index, _value: self.refresh_all())
        regs.on_write(pf.PFVFSPOOF, lambda group, _value: self._check_sources(group))
        self._checks: dict[int, int] = {}            # function -> what the plane checks of the frames that it sends
        for row in (pf.VT_CTL, pf.PFDTXGSWC):
            regs.on_write(row, lambda _index, _value: self.refresh_default())

    # what may have changed ----------------------------------------------------------------------------------
    def refresh_all(self) -> None:
        """A mapping changed: every receive address is looked at again."""
        self._known = None
        self._pools.clear()
        self._pointing.clear()
        members = self._members()
        for index in sorted(self._used):
            self._update(index, members)
        self.refresh_default()
        for group in range(pf.PFVFSPOOF.count):
            self._check_sources(group)

    def _check_sources(self, group: int) -> None:
        """Anti-spoofing of eight pools, VFs' only: a pool of the PF's carries the frames of others."""
        word = self.regs.get(pf.PFVFSPOOF, group)
        if not word and not self._checks:
            return
        for bit in range(SPOOF_POOLS):
            function = self.pools.function_of_pool(SPOOF_POOLS * group + bit)
            checks = (CHECK_MAC * (pf.PFVFSPOOF.MACAS.get(word) >> bit & 1)
                      | CHECK_VLAN * (pf.PFVFSPOOF.VLANAS.get(word) >> bit & 1))
            if function != PF_FUNCTION and self._checks.get(function, 0) != checks:
                self._checks[function] = checks
                self.plane.set("sources", function, (checks,), self.stamp())

    def _write_pools(self, index: int) -> None:
        """The pools of one receive address changed."""
        self._forget_pool(index)
        self.refresh_address(index)

    def _forget_pool(self, index: int) -> None:
        pool = self._pools.pop(index, None)
        if pool is not None:
            self._pointing[pool].discard(index)

    def refresh_address(self, index: int) -> None:
        """One receive address changed."""
        if self.regs.get(pf.RAH, index) & pf.RAH.AV.mask:
            self._used.add(index)
        self._update(index, self._members())

    def _refresh_pool(self, pool: int) -> None:
        """What a pool accepts changed."""
        members = self._members()
        for index in sorted(self._pointing[pool]):
            if index in self._used:
                self._update(index, members)

    def refresh_default(self) -> None:
        """Default pool and loopback, as the registers say."""
        word = self.regs.get(pf.VT_CTL)
        on = word & pf.VT_CTL.VT_ENA.mask and not word & pf.VT_CTL.DIS_DEF_PL.mask
        function = self.pools.function_of_pool(pf.get_default_pool(word)) if on else -1
        if function != self._default_pool:
            self._default_pool = function
            self.plane.set("default_pool", 0, (function,), self.stamp())
        loopback = int(bool(self.regs.get(pf.PFDTXGSWC) & pf.PFDTXGSWC.LBE.mask))
        if loopback != self._loopback:
            self._loopback = loopback
            self.plane.set("loopback", 0, (loopback,), self.stamp())

    def _update(self, index: int, members: Members) -> None:
        """Bring the plane's slots of one receive address up to date."""
        old, new = self.filters.pop(index, []), self._filters_of(index, members)
        if new:
            self.filters[index] = new
        for position in range(max(len(old), len(new))):
            slot = SLOTS_PER_ADDRESS * index + position
            if position >= len(new):
                self.plane.set("filter", slot, (0, 0, 0, 0), self.stamp())
            elif position >= len(old) or old[position] != new[position]:
                self.plane.set("filter", slot, (1, *new[position]), self.stamp())

    # what the registers say ---------------------------------------------------------------------------------
    def _filters_of(self, index: int, members: Members) -> list[Filter]:
        high = self.regs.get(pf.RAH, index)
        if not high & pf.RAH.AV.mask:
            return []
        mac = address_of_words(self.regs.get(pf.RAL, index), high)
        if not self.pools.vt_mode:
            return [(mac, ANY_VLAN, PF_FUNCTION)]
        pool = self._pool_of(index)
        if pool is None:
            return []
        function = self.pools.function_of_pool(pool)
        if not self.regs.get(pf.VLNCTRL) & pf.VLNCTRL.VFE.mask:
            return [(mac, ANY_VLAN, function)]
        untagged = self.regs.get(pf.VMOLR, pool) & pf.VMOLR.AUPE.mask
        return [*([(mac, UNTAGGED, function)] if untagged else []),
                *((mac, vlan, function) for vlan, pools in members if pools >> pool & 1)]

    def _pool_of(self, index: int) -> int | None:
        """The lowest pool of a receive address."""
        if index not in self._pools:
            pools = (self.regs.get(pf.MPSAR_LO, index) | self.regs.get(pf.MPSAR_HI, index) << 32
                     | self._further(pf.MPSAR_EXT, index))
            lowest = self._pools[index] = (pools & -pools).bit_length() - 1 if pools else None
            if lowest is not None:
                self._pointing[lowest].add(index)
        return self._pools[index]

    def _members(self) -> Members:
        """The valid VLANs and their pools; none while VLANs are not looked at."""
        if self._known is None:
            self._known = self._read_members()
        return self._known

    def _read_members(self) -> Members:
        if not self.regs.get(pf.VLNCTRL) & pf.VLNCTRL.VFE.mask:
            return []
        found = []
        for entry in range(VLANS):
            word = self.regs.get(pf.VLVF, entry)
            if word & pf.VLVF.VI_EN.mask:
                pools = (self.regs.get(pf.VLVFB, 2 * entry) | self.regs.get(pf.VLVFB, 2 * entry + 1) << 32
                         | self._further(pf.VLVFB_EXT, entry))
                found.append((pf.VLVF.VLAN_ID.get(word), pools))
        return found

    def _further(self, row: pf.Register, index: int) -> int:
        """Pools from 64 up."""
        return sum(self.regs.get(row, pf.POOL_WORDS * index + word) << 32 * word for word in range(2, pf.POOL_WORDS))
