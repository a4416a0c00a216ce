"""Interrupt registers turned into the plane's vectors: which may fire, how often, and who asked (82599 8.2.3.5, 8.3.5.2).

Queue causes live in the plane: its rings raise vectors by themselves and leave no trace in EICR. Causes of Python
(mailbox, link, EICS) set their bit here and send one message when mask and MSI-X let them; until then they wait, in
the PBA if MSI-X is enabled. A cause that has been sent is sent again only after it was raised, or unmasked, again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.registers import Register, bits_in
from nicmodel.datasheet.registers_pf import IVAR_VALID
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import PF_FUNCTION, VECTORS_PER_FUNCTION, DataPlane

RTXQ_VECTORS = 16                # EICR bits 15:0 are vectors 15:0


class MsixGate(Protocol):
    """A function's MSI-X: a vector is deliverable if enabled, unmasked, and the function may master the bus."""

    enabled: bool

    def deliverable(self, vector: int) -> bool: ...
    def pend(self, vector: int) -> None: ...


@dataclass
class Causes:
    """One function's causes. `sent` are those whose message has left since they were last raised or unmasked."""

    function: int
    regs: RegisterFile
    cause: Register
    mask: Register
    auto_clear: Register
    sent: int = 0

    def raised(self, bits: int) -> None:
        self.regs.set_bits(self.cause, 0, bits & self.cause.mask)
        self.sent &= ~bits

    def pending(self) -> int:
        """Causes that are set and let through, and have not been sent."""
        let_through = self.regs.get(self.cause) & self.regs.get(self.mask)
        self.sent &= let_through
        return let_through & ~self.sent

    def leave(self, bits: int) -> None:
        """Their message has left."""
        self.sent |= bits
        self.regs.clear_bits(self.cause, 0, bits & self.regs.get(self.auto_clear))


class Interrupts:
    """The interrupt half of the register file, of the PF and of every VF."""

    def __init__(self, regs: RegisterFile, plane: DataPlane, stamp: Callable[[], int], pf_vectors: int,
                 vf_vectors: int):
        self.regs, self.plane, self.stamp = regs, plane, stamp
        self.pf_vectors, self.vf_vectors = pf_vectors, vf_vectors
        self.gates: dict[int, MsixGate] = {}
        self.causes = {PF_FUNCTION: Causes(PF_FUNCTION, regs, pf.EICR, pf.EIMS, pf.EIAC)}
        self._told: dict[int, tuple[int, int]] = {}
        regs.on_write(pf.EICS, lambda _index, value: self.raise_causes(PF_FUNCTION, value))
        regs.on_write(pf.EITR, self._write_throttle)
        for row in (pf.EIMS, pf.EIMC, pf.EITRSEL, pf.IVAR_MISC):
            regs.on_write(row, lambda _index, _value: self.refresh(PF_FUNCTION))

    def bind_vf(self, number: int, regs: RegisterFile) -> None:
        """A VF exists: its interrupt registers come to life."""
        function = 1 + number
        self.causes[function] = Causes(function, regs, vf.VTEICR, vf.VTEIMS, vf.VTEIAC)
        regs.on_write(vf.VTEICS, lambda _index, value: self.raise_causes(function, value))
        for row in (vf.VTEIMS, vf.VTEIMC, vf.VTEITR):
            regs.on_write(row, lambda _index, _value: self.refresh(function))

    def _write_throttle(self, element: int, value: int) -> None:
        """EITR: of a vector of the PF's, or of a VF's, which reads it in its own register."""
        owner = pf.throttled_vf(element, self.regs.get(pf.EITRSEL))
        if owner is None:
            self.refresh(PF_FUNCTION)
        elif 1 + owner[0] in self.causes:
            self.causes[1 + owner[0]].regs.put(vf.VTEITR, owner[1], value & vf.VTEITR.ITR_INT.mask)
            self.refresh(1 + owner[0])

    def unbind_vf(self, number: int) -> None:
        """The VF, reset by now, is gone, and its MSI-X with it."""
        self.gates.pop(1 + number, None)
        self.causes.pop(1 + number, None)

    def set_gate(self, function: int, gate: MsixGate) -> None:
        """MSI-X of a function has changed."""
        if function in self.causes:
            self.gates[function] = gate
            self.refresh(function)

    # gates --------------------------------------------------------------------------------------------------
    def refresh(self, function: int) -> None:
        """Tell the plane what has changed about a function's vectors, then send what was held back."""
        gate = self.gates.get(function)
        for vector in range(self.pf_vectors if function == PF_FUNCTION else self.vf_vectors):
            words = (int(gate is not None and gate.deliverable(vector) and self._unmasked(function, vector)),
                     self._throttle_ps(function, vector))
            number = VECTORS_PER_FUNCTION * function + vector
            if self._told.get(number, (0, 0)) != words:
                self._told[number] = words
                self.plane.set("vector", number, words, self.stamp())
        self._send_pending(self.causes[function])

    def _unmasked(self, function: int, vector: int) -> bool:
        """Does the mask register let the ring causes of a vector through? The PF's vector of other causes is always
        open here: EIMS has been asked, bit by bit, before it is raised."""
        causes = self.causes[function]
        unmasked = bool(causes.regs.get(causes.mask) >> vector & 1)
        if function != PF_FUNCTION:
            return unmasked
        return (vector < RTXQ_VECTORS and unmasked) or vector == self.pf_other_vector

    def _throttle_ps(self, function: int, vector: int) -> int:
        if function == PF_FUNCTION:
            mine = pf.throttled_vf(vector, self.regs.get(pf.EITRSEL)) is None
            return pf.EITR.ITR_INT.get(self.regs.get(pf.EITR, vector)) * pf.ITR_UNIT_PS if mine else 0
        return vf.VTEITR.ITR_INT.get(self.causes[function].regs.get(vf.VTEITR, vector)) * pf.ITR_UNIT_PS

    @property
    def pf_other_vector(self) -> int:
        """The PF's vector of mailbox and link causes; -1: none."""
        byte = pf.IVAR_MISC.OTHER.get(self.regs.get(pf.IVAR_MISC))
        return byte & pf.IVAR_MISC_VECTOR if byte & IVAR_VALID else -1

    # causes -------------------------------------------------------------------------------------------------
    def raise_causes(self, function: int, causes: int) -> None:
        """Set cause bits; those that the mask lets through send their message."""
        self.causes[function].raised(causes)
        self._send_pending(self.causes[function])

    def raise_pf(self, causes: int) -> None:
        """A cause of the PF's that is not a queue's."""
        self.raise_causes(PF_FUNCTION, causes)

    def raise_mailbox(self, number: int) -> None:
        """The PF has news for a VF."""
        causes = self.causes.get(1 + number)
        misc = causes.regs.get(vf.VTIVAR_MISC) if causes else 0
        if misc & IVAR_VALID:
            self.raise_causes(1 + number, 1 << vf.VTIVAR_MISC.VECTOR.get(misc))

    def _send_pending(self, causes: Causes) -> None:
        for vector, bits in self._vectors(causes.function, causes.pending()):
            if self._send(causes.function, vector):
                causes.leave(bits)

    def _vectors(self, function: int, bits: int) -> Iterator[tuple[int, int]]:
        """(vector, its cause bits), ascending in bits."""
        queues = bits & (pf.EICR.RTXQ.mask if function == PF_FUNCTION else vf.VTEICR.CAUSE.mask)
        for vector in bits_in(queues):
            yield vector, 1 << vector
        if bits & ~queues:
            yield self.pf_other_vector, bits & ~queues

    def _send(self, function: int, vector: int) -> bool:
        """Send, or leave it to MSI-X, which sends once nothing masks the vector any more."""
        gate = self.gates.get(function)
        if vector < 0 or gate is None or not gate.enabled:
            return False
        if gate.deliverable(vector):
            self.plane.set("raise", VECTORS_PER_FUNCTION * function + vector, (), self.stamp())
        else:
            gate.pend(vector)
        return True

    def ring_vector(self, function: int, queue: int, transmit: bool) -> int:
        """The vector that IVAR gives to a queue, or VTIVAR to one that a VF numbers so; -1: none."""
        row = pf.IVAR if function == PF_FUNCTION else vf.VTIVAR
        byte = self.causes[function].regs.get(row, queue // 2) >> pf.ivar_lsb(queue, transmit)
        return byte & pf.IVAR_VECTOR if byte & IVAR_VALID else -1
