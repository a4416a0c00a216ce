"""MSI-X: what fires, what pends, what is lost; the table and PBA as BAR accesses see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine import COMMAND, MSIX, Machine

from nicmodel.pcie.msix import MsixTable

ENABLE, FUNCTION_MASK = 0x8000, 0x4000
VECTOR_CONTROL = 12


class Table:
    """A table of 3 vectors, its messages and the news of changed deliverability."""

    def __init__(self, vectors: int = 3):
        self.fired: list[int] = []
        self.changes = 0
        self.table = MsixTable(vectors, self.fired.append, self._change)

    def _change(self) -> None:
        self.changes += 1

    def cause(self, vector: int) -> None:
        """As `nicmodel.nic.interrupts` does: a message if nothing holds it back, else it pends."""
        if self.table.deliverable(vector):
            self.fired.append(vector)
        else:
            self.table.pend(vector)

    def open(self) -> Table:
        self.table.gate(enabled=True, function_masked=False, bus_master=True)
        for vector in range(self.table.vectors):
            self.table.write(16 * vector + VECTOR_CONTROL, 4, 0)
        return self


def test_reset_state():
    table = MsixTable(3, print, print)
    assert [table.read(16 * n + VECTOR_CONTROL, 4) for n in range(4)] == [1, 1, 1, 0]
    assert table.read(0x2000, 4) == 0


def test_what_nothing_holds_back_is_deliverable_and_no_other_vector():
    it = Table().open()
    assert [it.table.deliverable(vector) for vector in (-1, 0, 1, 2, 3)] == [False, True, True, True, False]
    it.table.write(16 + VECTOR_CONTROL, 4, 1)
    assert [it.table.deliverable(vector) for vector in range(3)] == [True, False, True]


def test_a_masked_cause_pends_and_fires_once_when_unmasked():
    it = Table().open()
    it.table.write(16 + VECTOR_CONTROL, 4, 1)
    for _ in range(3):
        it.cause(1)
    assert it.fired == [] and it.table.read(0x2000, 4) == 0b010
    it.table.write(16 + VECTOR_CONTROL, 4, 0)
    assert it.fired == [1] and it.table.read(0x2000, 4) == 0
    it.table.write(16 + VECTOR_CONTROL, 4, 0)
    assert it.fired == [1]


def test_the_function_mask_and_bus_mastering_hold_all_vectors():
    for closed in ({"function_masked": True, "bus_master": True},
                   {"function_masked": False, "bus_master": False}):
        it = Table().open()
        it.table.gate(enabled=True, **closed)
        it.cause(0)
        it.cause(2)
        assert it.fired == [] and it.table.read(0x2000, 4) == 0b101
        it.table.gate(enabled=True, function_masked=False, bus_master=True)
        assert it.fired == [0, 2]


def test_disabled_msix_loses_causes_and_forgets_pending_ones():
    it = Table().open()
    it.table.write(VECTOR_CONTROL, 4, 1)
    it.cause(0)
    it.table.gate(enabled=False, function_masked=False, bus_master=True)
    it.cause(1)
    it.table.write(VECTOR_CONTROL, 4, 0)
    it.table.gate(enabled=True, function_masked=False, bus_master=True)
    assert it.fired == [] and it.table.pending == 0


def test_a_cause_served_while_masked_may_be_cleared():
    it = Table().open()
    it.table.write(VECTOR_CONTROL, 4, 1)
    it.cause(0)
    it.table.clear(0)
    it.table.write(VECTOR_CONTROL, 4, 0)
    assert it.fired == []


def test_change_is_told_before_the_held_message_leaves():
    log = []
    table = MsixTable(1, lambda vector: log.append("fire"), lambda: log.append("changed"))
    table.gate(True, False, True)
    table.pend(0)
    table.write(VECTOR_CONTROL, 4, 0)
    assert log == ["changed", "fire"]


def test_entries_hold_what_is_written_but_reserved_bits():
    it = Table()
    it.table.write(16, 8, 0x0000_0012_FEE0_0FFF)
    it.table.write(24, 4, 0xABCD)
    it.table.write(28, 4, 0xFFFFFFFF)
    assert (it.table.read(16, 8), it.table.read(24, 4), it.table.read(28, 4)) == (0x12_FEE0_0FFC, 0xABCD, 1)


@pytest.mark.parametrize("offset, size", [(0, 1), (0, 2), (2, 4), (4, 8), (1, 4)])
def test_other_than_aligned_4_and_8_bytes_is_unsupported(offset, size):
    it = Table()
    it.table.write(offset, size, 0)
    assert it.table.read(VECTOR_CONTROL, 4) == 1
    assert it.table.read(offset, size) == (1 << 8 * size) - 1


def test_the_pba_is_read_only_and_64_vectors_wide():
    it = Table(64).open()
    it.table.gate(True, True, True)
    it.cause(0)
    it.cause(63)
    it.table.write(0x2000, 8, 0)
    assert it.table.read(0x2000, 8) == 1 << 63 | 1 and it.table.read(0x2004, 4) == 1 << 31


@given(st.lists(st.one_of(
    st.tuples(st.just("cause"), st.integers(0, 2)), st.tuples(st.just("mask"), st.integers(0, 2)),
    st.tuples(st.just("unmask"), st.integers(0, 2)), st.tuples(st.just("function_mask"), st.booleans()),
    st.tuples(st.just("bus_master"), st.booleans())), max_size=40))
def test_no_cause_is_lost_and_none_is_invented(steps):
    """Against a model of one line: a cause is owed until its message, which leaves once nothing holds it."""
    it = Table().open()
    gates, masked, owed, messages = {"function_masked": False, "bus_master": True}, set(), set(), []
    for verb, value in steps:
        if verb == "cause":
            owed.add(value)
            it.cause(value)
        elif verb in ("mask", "unmask"):
            (masked.add if verb == "mask" else masked.discard)(value)
            it.table.write(16 * value + VECTOR_CONTROL, 4, verb == "mask")
        else:
            gates["function_masked" if verb == "function_mask" else verb] = value
            it.table.gate(True, **gates)
        if gates["bus_master"] and not gates["function_masked"]:
            messages += sorted(owed - masked)
            owed &= masked
        assert it.fired == messages
        assert it.table.pending == sum(1 << vector for vector in owed)


def test_configuration_space_and_bar_reach_the_table_of_their_function():
    machine = Machine(num_vfs=2)
    rid = machine.rids[1]
    machine.write(COMMAND, 2, 4, rid)
    machine.write(MSIX, 2, ENABLE | FUNCTION_MASK, rid)
    machine.endpoint.bar_write(2, 3, 16 + VECTOR_CONTROL, 4, 0)
    machine.heard.take()
    machine.endpoint.msix(2).pend(1)
    assert machine.endpoint.bar_read(2, 3, 0x2000, 4) == 0b10 and not machine.heard.take()
    machine.write(MSIX, 2, ENABLE, rid)
    assert machine.heard.take() == [("msix_changed", 2), ("msix_fire", 2, 1)]
    assert machine.endpoint.bar_read(2, 3, 0x2000, 4) == 0
    assert not machine.endpoint.msix(1).enabled and not machine.endpoint.msix(0).enabled


def test_a_message_held_by_bus_mastering_leaves_after_the_edge_is_told():
    machine = Machine(num_vfs=1)
    machine.write(MSIX, 2, ENABLE, machine.rids[0])
    machine.endpoint.bar_write(1, 3, VECTOR_CONTROL, 4, 0)
    machine.endpoint.msix(1).pend(0)
    machine.heard.take()
    machine.write(COMMAND, 2, 4, machine.rids[0])
    assert machine.heard.take() == [("bus_master", 1, True), ("msix_changed", 1), ("msix_fire", 1, 0)]
