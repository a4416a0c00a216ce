"""Interrupt registers turned into the plane's vectors: which may fire, how often, and who asked (82599 8.2.3.5, 8.3.5.2).

Queue causes live in the plane: its rings raise vectors by themselves. Causes of Python (mailbox, link) set their bit here
and raise their vector; a cause that meets a closed gate stays in EICR until the gate opens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import PF_FUNCTION, VECTORS_PER_FUNCTION, DataPlane

ITR_UNIT_PS = 2_048_000          # EITR counts 2.048 us at 10 Gb/s. ixgbe drivers
VALID = 0x80
VF_VECTORS = 3
RTXQ_VECTORS = 16                # EICR bits 15:0 are vectors 15:0
EIMS_BITS = 0x7FFF_FFFF          # 82599 8.2.3.5.3


class MsixGate(Protocol):
    """What MSI-X says of a vector: enabled, unmasked, and its function may master the bus."""

    def deliverable(self, vector: int) -> bool: ...


class Interrupts:
    """The interrupt half of the register file, of the PF and of every VF."""

    def __init__(self, regs: RegisterFile, plane: DataPlane, stamp: Callable[[], int], pf_vectors: int):
        self.regs, self.plane, self.stamp, self.pf_vectors = regs, plane, stamp, pf_vectors
        self.gates: dict[int, MsixGate] = {}
        self.vfs: dict[int, RegisterFile] = {}       # VF number -> its registers
        self._told: dict[int, tuple[int, int]] = {}
        regs.on_read(pf.EICS, lambda _index: regs.get(pf.EICR))
        regs.on_write(pf.EICS, lambda _index, value: self.raise_pf(value))
        regs.on_write(pf.EIMS, lambda _index, _value: self._clear_mask(PF_FUNCTION, regs, pf.EIMS, ~EIMS_BITS))
        regs.on_write(pf.EIMC, lambda _index, value: self._clear_mask(PF_FUNCTION, regs, pf.EIMS, value))
        regs.on_write(pf.EITR, lambda _index, _value: self.refresh(PF_FUNCTION))
        regs.on_write(pf.IVAR_MISC, lambda _index, _value: self.refresh(PF_FUNCTION))

    def bind_vf(self, number: int, regs: RegisterFile) -> None:
        """A VF exists: its interrupt registers come to life."""
        function = 1 + number
        self.vfs[number] = regs
        regs.on_write(vf.VTEICS, lambda _index, value: self._raise_vf(number, value))
        regs.on_write(vf.VTEIMS, lambda _index, _value:
                      self._clear_mask(function, regs, vf.VTEIMS, ~vf.VTEIMS.CAUSE.mask))
        regs.on_write(vf.VTEIMC, lambda _index, value: self._clear_mask(function, regs, vf.VTEIMS, value))
        regs.on_write(vf.VTEITR, lambda _index, _value: self.refresh(function))

    def unbind_vf(self, number: int) -> None:
        """A VF is gone, and its MSI-X table with it: its vectors are closed."""
        del self.vfs[number]
        self.gates.pop(1 + number, None)
        self.refresh(1 + number)

    def _clear_mask(self, function: int, regs: RegisterFile, mask: pf.Register, value: int) -> None:
        regs.put(mask, 0, regs.get(mask) & ~value)
        self.refresh(function)

    # gates --------------------------------------------------------------------------------------------------
    def refresh(self, function: int) -> None:
        """Tell the plane what has changed about a function's vectors, then raise what was held back."""
        gate = self.gates.get(function)
        for vector in range(self.pf_vectors if function == PF_FUNCTION else VF_VECTORS):
            words = (int(gate is not None and gate.deliverable(vector) and self._unmasked(function, vector)),
                     self._throttle_ps(function, vector))
            number = VECTORS_PER_FUNCTION * function + vector
            if self._told.get(number, (0, 0)) != words:
                self._told[number] = words
                self.plane.set("vector", number, words, self.stamp())
        if function == PF_FUNCTION:
            self.raise_pf(0)
        elif function - 1 in self.vfs:
            self._raise_vf(function - 1, 0)

    def _unmasked(self, function: int, vector: int) -> bool:
        if function != PF_FUNCTION:
            return function - 1 in self.vfs and bool(self.vfs[function - 1].get(vf.VTEIMS) >> vector & 1)
        mask = self.regs.get(pf.EIMS)
        return (vector < RTXQ_VECTORS and bool(mask >> vector & 1)) or vector == self.pf_other_vector

    def _throttle_ps(self, function: int, vector: int) -> int:
        if function == PF_FUNCTION:
            return pf.EITR.ITR_INT.get(self.regs.get(pf.EITR, vector)) * ITR_UNIT_PS
        if function - 1 not in self.vfs or vector >= vf.VTEITR.count:
            return 0
        return vf.VTEITR.ITR_INT.get(self.vfs[function - 1].get(vf.VTEITR, vector)) * ITR_UNIT_PS

    @property
    def pf_other_vector(self) -> int:
        """The PF's vector of mailbox and link causes; -1: none."""
        byte = pf.IVAR_MISC.OTHER.get(self.regs.get(pf.IVAR_MISC))
        return byte & 0x7F if byte & VALID else -1

    # causes -------------------------------------------------------------------------------------------------
    def raise_pf(self, causes: int) -> None:
        """Set cause bits of the PF; those that EIMS lets through raise their vector."""
        self.regs.put(pf.EICR, 0, self.regs.get(pf.EICR) | causes)
        pending = self.regs.get(pf.EICR) & self.regs.get(pf.EIMS)
        queues = pending & pf.EICR.RTXQ.mask
        for vector in range(queues.bit_length()):
            if queues >> vector & 1 and self._send(PF_FUNCTION, vector):
                self.regs.put(pf.EICR, 0, self.regs.get(pf.EICR) & ~(1 << vector & self.regs.get(pf.EIAC)))
        if pending & ~pf.EICR.RTXQ.mask:
            self._send(PF_FUNCTION, self.pf_other_vector)

    def _raise_vf(self, number: int, causes: int) -> None:
        regs = self.vfs[number]
        regs.put(vf.VTEICR, 0, regs.get(vf.VTEICR) | causes & vf.VTEICR.CAUSE.mask)
        pending = regs.get(vf.VTEICR) & regs.get(vf.VTEIMS)
        for vector in range(VF_VECTORS):
            if pending >> vector & 1 and self._send(1 + number, vector):
                regs.put(vf.VTEICR, 0, regs.get(vf.VTEICR) & ~(1 << vector & regs.get(vf.VTEIAC)))

    def raise_mailbox(self, number: int) -> None:
        """The PF has news for a VF."""
        if number in self.vfs:
            misc = self.vfs[number].get(vf.VTIVAR_MISC)
            if misc & VALID:
                self._raise_vf(number, 1 << vf.VTIVAR_MISC.VECTOR.get(misc))

    def _send(self, function: int, vector: int) -> bool:
        gate = self.gates.get(function)
        if vector < 0 or gate is None or not gate.deliverable(vector):
            return False
        self.plane.set("raise", VECTORS_PER_FUNCTION * function + vector, (), self.stamp())
        return True

    def ring_vector(self, function: int, queue: int, local: int, transmit: bool) -> int:
        """The vector that IVAR gives to a queue; -1: none. `local` is the VF's own queue number."""
        if function == PF_FUNCTION:
            word = self.regs.get(pf.IVAR, queue // 2)
            byte = word >> 16 * (queue % 2) + 8 * transmit & 0xFF
            return byte & 0x3F if byte & VALID else -1
        word = self.vfs[function - 1].get(vf.VTIVAR, local // 2)
        byte = word >> 16 * (local % 2) + 8 * transmit & 0xFF
        return byte & 0x1 if byte & VALID else -1
