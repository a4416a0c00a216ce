"""Broken on purpose: the order in which the adapter wants its registers (HW)."""

from __future__ import annotations

from typing import Any

from drivers.mutant import LIFE, mutant
from drivers.vf import VfMiniport
from nicmodel.datasheet.registers_vf import VFMBMEM, VFRDBAL, VFRDLEN, VFRDT, VFTDT


class _OpensRings(VfMiniport):
    """Writes ``before`` its rings are opened, and ``after``: register and value, of queue 0."""

    before: tuple[Any, ...] = ()
    after: tuple[Any, ...] = ()

    def open_rings(self) -> Any:
        for register, value in self.before:
            self.handle.write(register[0], value)
        yield from super().open_rings()
        for register, value in self.after:
            self.handle.write(register[0], value)


@mutant("vf_receives_before_enable", "HW-RX-01", LIFE)
class ReceivesBeforeEnable(_OpensRings):
    before = ((VFRDT, 8),)


@mutant("vf_sends_from_a_closed_queue", "HW-TX-01", LIFE)
class SendsFromAClosedQueue(_OpensRings):
    """Raises the tail of a queue that it has closed, at the halt."""

    def halt(self) -> Any:
        if not self.gone:
            self.handle.write(VFTDT[0], 8)
        yield from super().halt()


@mutant("vf_has_a_broken_ring", "HW-RING-01", LIFE)
class HasABrokenRing(_OpensRings):
    before = ((VFRDLEN, 1000),)


@mutant("vf_moves_an_open_ring", "HW-RING-02", LIFE)
class MovesAnOpenRing(_OpensRings):
    after = ((VFRDBAL, 0x1000),)


@mutant("vf_writes_into_a_message", "HW-MBX-01")
class WritesIntoAMessage(VfMiniport):
    def self_test(self) -> Any:
        self.handle.write(VFMBMEM[0], 0)
        return (yield from super().self_test())
