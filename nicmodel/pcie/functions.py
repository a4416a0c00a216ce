"""Functions: a configuration space and its consequences. Bus mastering, MSI-X, power state, resets.

What a function tells the rest of the device goes through `FunctionEvents`. Functions are numbered 0 = PF,
1 + v = VF v. A reset is done at once: its 100 ms are the host's to wait, not the model's to spend.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from nicmodel.datasheet.config_pf import VPD_IMAGE
from nicmodel.datasheet.config_space import FLR
from nicmodel.pcie.config import ConfigLayout, ConfigSpace
from nicmodel.pcie.msix import MsixTable
from nicmodel.pcie.sriov import SriovCapability
from nicmodel.sim.plane import PF_FUNCTION

D0, D3HOT = 0, 3


class FunctionEvents(Protocol):
    """What configuration space does to the rest of the device."""

    def bus_master(self, function: int, enabled: bool) -> None: ...     # an edge of BME (D3hot counts as off)
    def memory_decode(self, function: int, enabled: bool) -> None: ...  # an edge of MSE, of VF MSE for a VF (likewise)
    def vfs_enabled(self, num_vfs: int) -> None: ...                    # VFs exist, fresh
    def vfs_disabled(self) -> None: ...                                 # no VF exists any more
    def function_reset(self, function: int) -> None: ...                # FLR or D3hot -> D0; 0 is the PF
    def msix_changed(self, function: int) -> None: ...                  # some vector's deliverability changed
    def msix_fire(self, function: int, vector: int) -> None: ...        # a held message leaves now


class Function:
    """What PF and VF have in common. `pending(index)` says whether a non-posted request is unanswered;
    `powered()` whether the function is in D0."""

    def __init__(self, index: int, rid: int, layout: ConfigLayout, events: FunctionEvents,
                 pending: Callable[[int], bool], powered: Callable[[], bool]):
        self.index, self.rid, self.events, self.powered = index, rid, events, powered
        self.space = ConfigSpace(layout)
        self.mastering = False
        self.decoding: bool | None = None                      # not known yet
        self.msix = MsixTable(self.space.get("Msix.Control.TableSize") + 1,
                              fire=lambda vector: events.msix_fire(index, vector),
                              changed=lambda: events.msix_changed(index))
        for name in ("Command.BusMaster", "Msix.Control.Enable", "Msix.Control.FunctionMask"):
            self.space.watch(name, lambda _old, _new: self.settle())
        self.space.trigger("Express.DevCtl.InitiateFlr", lambda: self.reset(FLR))
        self.space.source("Express.DevSta.TransactionsPending", lambda: int(pending(index)))

    def decode(self, on: bool) -> None:
        """Its BARs decode from now on, or do not."""
        if on != self.decoding:
            self.decoding = on
            self.events.memory_decode(self.index, on)

    def settle(self) -> None:
        """Tell of an edge of bus mastering, then let MSI-X see its gates."""
        mastering = self.powered() and bool(self.space.get("Command.BusMaster"))
        if mastering != self.mastering:
            self.mastering = mastering
            self.events.bus_master(self.index, mastering)
        self.msix.gate(bool(self.space.get("Msix.Control.Enable")),
                       bool(self.space.get("Msix.Control.FunctionMask")), mastering)

    def reset(self, *spared: str) -> None:
        """Everything but what survives is as after power-up, bus mastering and MSI-X included."""
        self.space.reset(*spared)
        self.settle()
        self.msix.reset()
        self.events.function_reset(self.index)

    def log_unsupported(self, posted: bool) -> None:
        """An access got Unsupported Request: non-fatal if posted, else an advisory correctable error."""
        self.space.put("Express.DevSta.UnsupportedRequestDetected", 1)
        if posted:
            self.space.put("Express.DevSta.NonFatalDetected", 1)
            self.space.put("Aer.UncorrectableStatus.UnsupportedRequest", 1)
        else:
            self.space.put("Express.DevSta.CorrectableDetected", 1)
            self.space.put("Aer.CorrectableStatus.AdvisoryNonFatal", 1)


class VirtualFunction(Function):
    """VF `number` of a PF. It follows the PF's power state; its own reset leaves everybody else alone."""

    def __init__(self, number: int, rid: int, layout: ConfigLayout, pf: PhysicalFunction):
        super().__init__(1 + number, rid, layout, pf.events, pf.pending, pf.powered)


class PhysicalFunction(Function):
    """The PF, and the VFs that VF Enable made: `vfs` by number, `family` (PF included) by routing ID."""

    def __init__(self, rid: int, layout: ConfigLayout, vf_layout: ConfigLayout, events: FunctionEvents,
                 pending: Callable[[int], bool], refuse: Callable[[str], None]):
        self.vfs: list[VirtualFunction]
        self.family: dict[int, Function]
        self._vf_layout, self.pending = vf_layout, pending
        super().__init__(PF_FUNCTION, rid, layout, events, pending, self._is_powered)
        self._adopt([])
        self.sriov = SriovCapability(rid, self.space, self._create, self._destroy, refuse)
        for name in ("Command.MemoryEnable", "Sriov.Control.VfMemoryEnable"):
            self.space.watch(name, lambda _old, _new: self._settle_memory())
        self.decode(False)
        self.space.source("Vpd.Address.Flag", lambda: 1 - self.space.stored("Vpd.Address.Flag"))
        self.space.source("Vpd.Data", self._vpd_data)
        self.space.guard("Pm.Control.PowerState", lambda old, new: new if new in (D0, D3HOT) else old)
        self.space.watch("Pm.Control.PowerState", self._hear_power)
        self.space.guard("Express.DevCtl.ExtendedTag",
                         lambda _old, new: new & self.space.get("Express.DevCap.ExtendedTag"))

    def _is_powered(self) -> bool:
        return self.space.get("Pm.Control.PowerState") == D0

    def _vpd_data(self) -> int:
        start = 4 * self.space.get("Vpd.Address.Address")
        return int.from_bytes(VPD_IMAGE[start:start + 4], "little")

    def _hear_power(self, old: int, new: int) -> None:
        if (old, new) == (D3HOT, D0):
            self.reset()
            return
        self._settle_memory()
        for function in (self, *self.vfs):
            function.settle()

    def _settle_memory(self) -> None:
        """MSE and VF MSE, as far as there is power."""
        powered = self.powered()
        self.decode(powered and bool(self.space.get("Command.MemoryEnable")))
        windows = powered and self.sriov.memory_enabled
        for function in self.vfs:
            function.decode(windows)

    def _adopt(self, vfs: list[VirtualFunction]) -> None:
        self.vfs = vfs
        self.family = {function.rid: function for function in (self, *vfs)}

    def _create(self, num_vfs: int) -> None:
        self._adopt([VirtualFunction(vf, self.sriov.rid_of(vf), self._vf_layout, self)
                     for vf in range(num_vfs)])
        self.events.vfs_enabled(num_vfs)
        self._settle_memory()

    def _destroy(self) -> None:
        self._adopt([])
        self.events.vfs_disabled()

    def reset(self, *spared: str) -> None:
        """VF Enable falls with everything else, so the VFs go first."""
        existed = self.sriov.enabled
        self._adopt([])
        if existed:
            self.events.vfs_disabled()
        super().reset(*spared)
        self._settle_memory()
