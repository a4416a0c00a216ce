"""The device as the link sees it: who answers a configuration request, and whom an address belongs to.

Requests that nobody answers get Unsupported Request: reads return all ones (what a root complex makes of it),
writes are dropped; both are counted in `refused` and logged in the function's error status (the PF's, if no
function owns the request). Time is not spent here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from nicmodel.datasheet.config_pf import PF, PF_BARS, PF_MSIX_BAR, VF_BARS, VF_MSIX_BAR
from nicmodel.datasheet.config_space import PF_RID
from nicmodel.datasheet.config_vf import VF
from nicmodel.datasheet.profiles import Profile
from nicmodel.pcie.config import ConfigLayout, check_request
from nicmodel.pcie.functions import Function, FunctionEvents, PhysicalFunction
from nicmodel.pcie.identity import hwinit_values
from nicmodel.pcie.msix import MsixTable
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import PF_FUNCTION


class Endpoint:
    """One adapter's functions. `gen` and `lanes` are the negotiated link, by default the profile's.

    `transactions_pending(function)` may be replaced by whoever knows of outstanding reads; `refused` counts,
    by reason, what was answered with Unsupported Request or held back by a register.
    """

    def __init__(self, profile: Profile, events: FunctionEvents, *, rid: int = PF_RID, gen: int | None = None,
                 lanes: int | None = None):
        values = hwinit_values(profile, gen, lanes)
        self.refused: Counter[str] = Counter()
        self.transactions_pending: Callable[[int], bool] = lambda _function: False
        layouts = ConfigLayout(PF, values), ConfigLayout(VF, values)
        self.pf = PhysicalFunction(rid, *layouts, events, lambda index: self.transactions_pending(index),
                                   self._count)
        self.plugged = True                                    # False between `unplug` and `plug`

    @property
    def functions(self) -> dict[int, Function]:
        """The functions that exist now, by routing ID."""
        return self.pf.family if self.plugged else {}

    @property
    def num_vfs(self) -> int:
        """VFs that exist: NumVFs while VF Enable is set, else 0."""
        return len(self.pf.vfs)

    def function(self, index: int) -> Function | None:
        """Function 0 = PF, 1 + v = VF v; None if it does not exist now."""
        if index == PF_FUNCTION:
            return self.pf
        return self.pf.vfs[index - 1] if 1 <= index <= len(self.pf.vfs) else None

    def rid_of(self, index: int) -> int:
        """The routing ID that a function has, or would have."""
        return self.pf.rid if index == PF_FUNCTION else self.pf.sriov.rid_of(index - 1)

    def msix(self, index: int) -> MsixTable:
        """The MSI-X table of a function that exists."""
        function = self.function(index)
        if function is None:
            raise ModelBug(f"function {index} does not exist, so it has no MSI-X table")
        return function.msix

    # the slot ------------------------------------------------------------------------------------------------

    def unplug(self) -> None:
        """The adapter leaves its slot: VFs vanish, all of it is as after power-up, and nothing answers any more."""
        self.pf.reset()
        self.plugged = False

    def plug(self) -> None:
        """An adapter is in the slot again, as after power-up: to be enumerated."""
        self.plugged = True

    # configuration requests --------------------------------------------------------------------------------

    def config_read(self, rid: int, offset: int, size: int) -> int:
        """What a host reads; all ones if no function has this routing ID."""
        function = self.functions.get(rid)
        if function is None:
            check_request(offset, size)
            self._unsupported(self.pf, "configuration read of an absent function", posted=False)
            return (1 << 8 * size) - 1
        return function.space.read(offset, size)

    def config_write(self, rid: int, offset: int, size: int, value: int) -> None:
        """What a host writes; dropped if no function has this routing ID."""
        function = self.functions.get(rid)
        if function is None:
            check_request(offset, size)
            self._unsupported(self.pf, "configuration write to an absent function", posted=False)
        else:
            function.space.write(offset, size, value)

    # memory requests ---------------------------------------------------------------------------------------

    def reachable(self, index: int, bar: int) -> bool:
        """Does this BAR of this function decode now? MSE for the PF, VF MSE for a VF; nothing in D3hot."""
        if index == PF_FUNCTION:
            return self.pf.decoding is True and bar in PF_BARS
        vfs = self.pf.vfs                                      # as `function` does, without its call
        return 1 <= index <= len(vfs) and vfs[index - 1].decoding is True and bar in VF_BARS

    def bar_bytes(self, index: int, bar: int) -> int:
        """Bytes that a function's BAR decodes; a VF's grows with the system page size."""
        return PF_BARS[bar] if index == PF_FUNCTION else self.pf.sriov.slice_bytes(bar)

    def base(self, index: int, bar: int) -> int:
        """The address at which a function's BAR begins."""
        if index != PF_FUNCTION:
            return self.pf.sriov.base(bar) + (index - 1) * self.pf.sriov.slice_bytes(bar)
        space = self.pf.space
        return space.get(f"Bar{bar}High") << 32 | space.get(f"Bar{bar}.Base") * PF_BARS[bar]

    def decode(self, address: int) -> tuple[int, int, int] | None:
        """(function, BAR, offset) that an address belongs to now; None is an Unsupported Request."""
        for bar, size in PF_BARS.items():
            offset = address - self.base(PF_FUNCTION, bar)
            if 0 <= offset < size and self.reachable(PF_FUNCTION, bar):
                return PF_FUNCTION, bar, offset
        hit = self.pf.sriov.decode(address)
        if hit is None or not self.pf.powered():
            return None
        vf, bar, offset = hit
        return 1 + vf, bar, offset

    def bar_read(self, index: int, bar: int, offset: int, size: int) -> int:
        """A read of a function's MSI-X BAR; all ones if the BAR does not decode or the access leaves it."""
        table = self._msix_access(index, bar, offset, size, posted=False)
        return (1 << 8 * size) - 1 if table is None else table.read(offset, size)

    def bar_write(self, index: int, bar: int, offset: int, size: int, value: int) -> None:
        """A posted write to a function's MSI-X BAR; dropped under the same conditions."""
        table = self._msix_access(index, bar, offset, size, posted=True)
        if table is not None:
            table.write(offset, size, value)

    def _msix_access(self, index: int, bar: int, offset: int, size: int, posted: bool) -> MsixTable | None:
        bars, msix_bar = (PF_BARS, PF_MSIX_BAR) if index == PF_FUNCTION else (VF_BARS, VF_MSIX_BAR)
        if bar in bars and bar != msix_bar:
            raise ModelBug(f"BAR {bar} of function {index} belongs to the register file")
        function = self.function(index)
        if function is None or not self.reachable(index, bar):
            self.refuse_access(index, posted)
            return None
        if not 0 <= offset <= self.bar_bytes(index, bar) - size:
            self._unsupported(function, "memory access that leaves its BAR", posted)
            return None
        return function.msix

    # what is refused ---------------------------------------------------------------------------------------

    def refuse_access(self, index: int, posted: bool) -> None:
        """A memory access to a BAR that does not decode."""
        self._unsupported(self.function(index) or self.pf, "memory access to a BAR that does not decode", posted)

    def _unsupported(self, function: Function, why: str, posted: bool) -> None:
        self._count(why)
        if self.plugged:
            function.log_unsupported(posted)

    def _count(self, why: str) -> None:
        self.refused[why] += 1
