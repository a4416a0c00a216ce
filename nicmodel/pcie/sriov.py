"""The SR-IOV capability alive: what it holds and refuses, which VFs exist, whose an address is.

    window of a VF BAR:   base ┌──────┬──────┬─────┬─────────────┐   each max(natural size, page) bytes
                               │ VF 0 │ VF 1 │ ... │ VF NumVFs-1 │   base aligned to one slice only
                               └──────┴──────┴─────┴─────────────┘

So an address is decoded by subtracting and dividing, never by masking.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicmodel.datasheet.config_pf import FIRST_VF_OFFSET, VF_BARS
from nicmodel.datasheet.config_space import SMALLEST_PAGE
from nicmodel.pcie.config import ConfigSpace

RID_BITS = 0xFFFF


class SriovCapability:
    """The capability of one PF. `create(n)`, `destroy()` follow VF Enable; `refuse(why)` counts."""

    def __init__(self, rid: int, space: ConfigSpace, create: Callable[[int], None],
                 destroy: Callable[[], None], refuse: Callable[[str], None]):
        self.rid, self.space = rid, space
        self._create, self._destroy, self._refuse = create, destroy, refuse
        space.guard("Sriov.NumVfs", self._guard_num_vfs)
        space.guard("Sriov.SystemPageSize", self._guard_page_size)
        space.guard("Sriov.Control.AriHierarchy", self._guard_ari)
        for bar in VF_BARS:
            space.guard(f"Sriov.VfBar{bar}.Base", partial(self._guard_base, bar))
        # The ARI bit moves the VFs before VF Enable of the same write creates them.
        space.watch("Sriov.Control.AriHierarchy", self._hear_ari)
        space.watch("Sriov.SystemPageSize", self._hear_page_size)
        space.watch("Sriov.Control.VfEnable", self._hear_enable)

    # state ------------------------------------------------------------------------------------------------

    @property
    def enabled(self) -> bool:
        """Whether VF Enable is set: VFs exist."""
        return bool(self.space.get("Sriov.Control.VfEnable"))

    @property
    def memory_enabled(self) -> bool:
        """Do the windows decode? Only VFs that exist have one."""
        return self.enabled and bool(self.space.get("Sriov.Control.VfMemoryEnable"))

    @property
    def num_vfs(self) -> int:
        """VFs that exist now."""
        return self.space.get("Sriov.NumVfs") if self.enabled else 0

    @property
    def page_bytes(self) -> int:
        """The system page size, of which a VF's part of a window is a multiple."""
        return self.space.get("Sriov.SystemPageSize") << SMALLEST_PAGE

    def rid_of(self, vf: int) -> int:
        """The routing ID of VF `vf`; carries out of 16 bits are dropped."""
        offset, stride = self.space.get("Sriov.FirstVfOffset"), self.space.get("Sriov.VfStride")
        return self.rid + offset + vf * stride & RID_BITS

    # windows ----------------------------------------------------------------------------------------------

    def slice_bytes(self, bar: int) -> int:
        """Bytes of one VF in the window of a VF BAR."""
        return max(VF_BARS[bar], self.page_bytes)

    def base(self, bar: int) -> int:
        """Where the window of a VF BAR begins."""
        low, high = self.space.get(f"Sriov.VfBar{bar}.Base"), self.space.get(f"Sriov.VfBar{bar}High")
        return high << 32 | low * VF_BARS[bar]

    def decode(self, address: int) -> tuple[int, int, int] | None:
        """(VF, BAR, offset) that an address belongs to while the windows decode."""
        if not self.memory_enabled:
            return None
        for bar in VF_BARS:
            vf, offset = divmod(address - self.base(bar), self.slice_bytes(bar))
            if 0 <= vf < self.num_vfs:
                return vf, bar, offset
        return None

    # what the registers hold and refuse -------------------------------------------------------------------

    def _guard_num_vfs(self, old: int, new: int) -> int:
        if self.enabled:
            return self._hold("NumVFs written while VF Enable is 1", old)
        if new > self.space.get("Sriov.TotalVfs"):
            return self._hold("NumVFs above TotalVFs", old)
        return new

    def _guard_page_size(self, old: int, new: int) -> int:
        if self.enabled:
            return self._hold("System Page Size written while VF Enable is 1", old)
        if new.bit_count() != 1 or not new & self.space.get("Sriov.SupportedPageSizes"):
            return self._hold("System Page Size not supported", old)
        return new

    def _guard_ari(self, old: int, new: int) -> int:
        return self._hold("ARI Capable Hierarchy written while VF Enable is 1", old) if self.enabled else new

    def _guard_base(self, bar: int, _old: int, new: int) -> int:
        return self._clip(bar, new)

    def _hold(self, why: str, old: int) -> int:
        self._refuse(why)
        return old

    def _clip(self, bar: int, base: int) -> int:
        """Base bits below one VF's size read 0: that is how software sizes the BAR."""
        return base & -(self.slice_bytes(bar) // VF_BARS[bar])

    def _hear_page_size(self, _old: int, _new: int) -> None:
        for bar in VF_BARS:
            name = f"Sriov.VfBar{bar}.Base"
            self.space.put(name, self._clip(bar, self.space.get(name)))

    def _hear_ari(self, _old: int, new: int) -> None:
        self.space.put("Sriov.FirstVfOffset", FIRST_VF_OFFSET[new])

    def _hear_enable(self, _old: int, new: int) -> None:
        if new:
            self._create(self.num_vfs)
        else:
            self._destroy()
