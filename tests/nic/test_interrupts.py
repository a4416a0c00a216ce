"""Causes, masks, throttles and MSI-X: which vectors are open, and when a message is asked for."""

from __future__ import annotations

import pytest
from fake_plane import VALID, Adapter

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf

V = 2
F = 1 + V
MAILBOX, LSC = pf.EICR.MAILBOX.mask, pf.EICR.LSC.mask


@pytest.fixture
def adapter() -> Adapter:
    return Adapter(num_vfs=4)


def vector(adapter, function, number):
    return adapter.plane.tables["vector"].get(64 * function + number, (0, 0))


# vectors ----------------------------------------------------------------------------------------------------
def test_a_vfs_vector_is_open_while_msix_and_mask_let_it(adapter):
    gate = adapter.interrupts(F)
    assert vector(adapter, F, 1)[0] == 0
    adapter.write(F, vf.VTEIMS, 0b010)
    assert [vector(adapter, F, n)[0] for n in range(3)] == [0, 1, 0]
    adapter.write(F, vf.VTEIMS, 0b001)                         # sets, does not replace
    assert adapter.read(F, vf.VTEIMS) == 0b011
    gate.masked.add(1)
    adapter.nic.msix_changed(F, gate)
    assert [vector(adapter, F, n)[0] for n in range(3)] == [1, 0, 0]
    adapter.write(F, vf.VTEIMC, 0b001)
    assert adapter.read(F, vf.VTEIMC) == 0
    assert adapter.read(F, vf.VTEIMS) == 0b010
    assert [vector(adapter, F, n)[0] for n in range(3)] == [0, 0, 0]
    assert all(vector(adapter, other, 1)[0] == 0 for other in (F - 1, F + 1))


def test_the_pfs_first_16_vectors_follow_eims(adapter):
    adapter.interrupts(0)
    adapter.write(0, pf.EIMS, 0x8001)
    assert [n for n in range(64) if vector(adapter, 0, n)[0]] == [0, 15]
    adapter.write(0, pf.EIMC, 0x0001)
    assert [n for n in range(64) if vector(adapter, 0, n)[0]] == [15]


def test_causes_that_are_no_vectors_open_none(adapter):
    """EIMS from bit 16 up masks causes: MAILBOX is bit 19, and vector 19 is a ring's."""
    adapter.interrupts(0)
    adapter.write(0, pf.EIMS, MAILBOX | LSC | 1 << 16)
    assert [n for n in range(64) if vector(adapter, 0, n)[0]] == []


def test_the_pfs_vector_of_other_causes_is_that_of_ivar_misc(adapter):
    adapter.interrupts(0)
    adapter.write(0, pf.IVAR_MISC, (VALID | 40) << 8)
    assert [n for n in range(64) if vector(adapter, 0, n)[0]] == [40]
    adapter.write(0, pf.IVAR_MISC, 40 << 8)
    assert [n for n in range(64) if vector(adapter, 0, n)[0]] == []


def test_the_pf_throttles_a_vf_through_its_own_array(adapter):
    """From element 128 down; where the PF's vectors share an element, EITRSEL gives it to the VF."""
    adapter.write(0, pf.EITR[pf.vf_throttle(V, 1)], pf.EITR.ITR_INT.put(7) | 1 << 20 | pf.EITR.CNT_WDIS.mask)
    assert adapter.read(F, vf.VTEITR[1]) == vf.VTEITR.ITR_INT.put(7) and adapter.read(F, vf.VTEITR[0]) == 0
    assert vector(adapter, F, 1)[1] == 7 * 2_048_000 and not any(vector(adapter, 0, n)[1] for n in range(64))
    adapter.write(F, vf.VTEITR[1], 0)
    assert vector(adapter, F, 1)[1] == 0, "who writes last decides"
    many = Adapter(num_vfs=40)
    shared = pf.vf_throttle(36, 0)
    many.write(0, pf.EITR[shared], pf.EITR.ITR_INT.put(3))
    assert shared < 64 and vector(many, 0, shared)[1] == 3 * 2_048_000 and many.read(37, vf.VTEITR[0]) == 0
    many.write(0, pf.EITRSEL, 1 << 4)
    assert vector(many, 0, shared)[1] == 0
    many.write(0, pf.EITR[shared], pf.EITR.ITR_INT.put(5))
    assert vector(many, 37, 0)[1] == 5 * 2_048_000 and vector(many, 0, shared)[1] == 0


def test_every_vf_has_throttles_of_its_own():
    elements = [pf.vf_throttle(v, w) for v in range(256) for w in range(2)]
    assert len(set(elements)) == 512 and set(elements) == set(range(1, 513))
    assert all(pf.throttled_vf(pf.vf_throttle(v, w), 0xFFFFFFFF) == (v, w) for v in range(256) for w in range(2))


def test_throttles_are_in_units_of_2048_ns(adapter):
    adapter.write(F, vf.VTEITR[1], vf.VTEITR.ITR_INT.put(5))
    adapter.write(0, pf.EITR[30], pf.EITR.ITR_INT.put(511) | pf.EITR.CNT_WDIS.mask)
    assert vector(adapter, F, 1) == (0, 5 * 2_048_000)
    assert vector(adapter, 0, 30) == (0, 511 * 2_048_000)
    assert vector(adapter, F, 2) == (0, 0)                    # vector 2 has no throttle register


def test_what_leaves_the_counters_alone_reads_0(adapter):
    """CNT_WDIS, which public drivers set in every write of a throttle."""
    for function, row in ((0, pf.EITR), (F, vf.VTEITR)):
        adapter.write(function, row[1], row.ITR_INT.put(5) | row.CNT_WDIS.mask)
        assert adapter.read(function, row[1]) == row.ITR_INT.put(5)


def test_the_plane_hears_only_of_changes(adapter):
    adapter.interrupts(F)
    adapter.write(F, vf.VTEIMS, 7)
    adapter.take()
    adapter.write(F, vf.VTEIMS, 7)
    adapter.nic.msix_changed(F, adapter.msix[F])
    assert adapter.take() == []


# causes -----------------------------------------------------------------------------------------------------
def test_a_cause_sends_one_message_and_stays_until_it_is_cleared(adapter):
    adapter.route_mailbox()
    adapter.take()
    adapter.nic.interrupts.raise_pf(MAILBOX)
    assert adapter.raised() == [(0, 1)]
    assert adapter.read(0, pf.EICS) == adapter.read(0, pf.EICS) == MAILBOX      # reading EICS clears nothing
    adapter.write(0, pf.EITR[0], 0)
    adapter.write(0, pf.EIMS, 1)
    assert adapter.raised() == []                             # not sent again because something else changed
    assert [adapter.read(0, pf.EICR), adapter.read(0, pf.EICR)] == [MAILBOX, 0]
    adapter.nic.interrupts.raise_pf(MAILBOX)
    assert adapter.raised() == [(0, 1)]


def test_a_cause_raised_again_before_it_is_cleared_is_news(adapter):
    adapter.route_mailbox()
    adapter.take()
    adapter.nic.interrupts.raise_pf(MAILBOX)
    adapter.nic.interrupts.raise_pf(MAILBOX)
    assert adapter.raised() == [(0, 1), (0, 1)]


def test_write_1_clears_one_cause(adapter):
    adapter.nic.interrupts.raise_pf(MAILBOX | LSC)
    adapter.write(0, pf.EICR, LSC)
    assert adapter.read(0, pf.EICR) == MAILBOX


def test_a_masked_cause_waits_in_eicr_and_is_sent_when_unmasked(adapter):
    adapter.route_mailbox()
    adapter.write(0, pf.EIMC, MAILBOX)
    adapter.take()
    adapter.nic.interrupts.raise_pf(MAILBOX)
    assert adapter.raised() == []
    adapter.write(0, pf.EIMS, MAILBOX)
    assert adapter.raised() == [(0, 1)]
    adapter.write(0, pf.EIMC, MAILBOX)
    adapter.write(0, pf.EIMS, MAILBOX)                        # unmasked anew while still set
    assert adapter.raised() == [(0, 1)]


def test_a_cause_without_msix_waits_for_it_and_is_not_lost_to_auto_clear(adapter):
    adapter.write(0, pf.EIMS, 1)
    adapter.write(0, pf.EIAC, 1)
    adapter.write(0, pf.EICS, 1)
    assert adapter.raised() == []
    adapter.interrupts(0)
    assert adapter.raised() == [(0, 0)]
    assert adapter.read(0, pf.EICR) == 0                      # EIAC: cleared as its message left


def test_only_causes_of_queues_and_of_the_timer_clear_themselves(adapter):
    """EIAC has bits 15:0 and 30: the mailbox's cause stays until it is read or written, whatever a driver asks for."""
    adapter.write(0, pf.EIAC, 0xFFFF_FFFF)
    assert adapter.read(0, pf.EIAC) == 0x4000_FFFF
    adapter.route_mailbox()
    adapter.nic.interrupts.raise_pf(MAILBOX)
    assert adapter.read(0, pf.EICS) == MAILBOX


def test_a_cause_waits_for_msix_to_be_enabled(adapter):
    gate = adapter.interrupts(F)
    gate.enabled = False
    adapter.nic.msix_changed(F, gate)
    adapter.write(F, vf.VTEIMS, 7)
    adapter.write(F, vf.VTEICS, 0b010)
    assert (adapter.raised(), gate.pending) == ([], set())
    gate.enabled = True
    adapter.nic.msix_changed(F, gate)
    assert adapter.raised() == [(F, 1)]


def test_a_cause_that_meets_a_masked_vector_pends_there(adapter):
    gate = adapter.interrupts(F)
    gate.masked.add(2)
    adapter.write(F, vf.VTIVAR_MISC, VALID | 2)
    adapter.write(F, vf.VTEIMS, 7)
    adapter.take()
    adapter.write(0, pf.PFMAILBOX[V], pf.PFMAILBOX.STS.mask)
    assert gate.pending == {2}
    gate.masked.clear()
    adapter.nic.msix_changed(F, gate)
    assert adapter.raised() == []                             # MSI-X itself sends it


@pytest.mark.parametrize("cleared", [0, 0b100])
def test_a_vfs_causes_clear_themselves_as_eiac_says(adapter, cleared):
    adapter.route_mailbox()
    adapter.write(F, vf.VTEIAC, cleared)
    adapter.take()
    adapter.write(F, vf.VTEICS, 0b100)
    assert adapter.raised() == [(F, 2)]
    assert adapter.read(F, vf.VTEICR) == 0b100 & ~cleared
    assert adapter.read(F, vf.VTEICR) == 0


def test_a_vf_without_a_mailbox_vector_hears_nothing(adapter):
    adapter.interrupts(F)
    adapter.write(F, vf.VTEIMS, 7)
    adapter.take()
    adapter.write(0, pf.PFMAILBOX[V], pf.PFMAILBOX.STS.mask)
    assert adapter.raised() == []
    assert adapter.read(F, vf.VTEICR) == 0
    assert adapter.read(F, vf.VFMAILBOX) & vf.VFMAILBOX.PFSTS.mask


def test_link_changes_interrupt_the_pf(adapter):
    adapter.route_mailbox()
    adapter.write(0, pf.EIMS, LSC)
    adapter.take()
    adapter.nic.link_change(False)
    assert adapter.raised() == [(0, 1)]
    assert adapter.read(0, pf.EICR) == LSC
