"""The mailbox: who owns the buffer, who has news, what reading clears, and that no VF reaches another's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_plane import Adapter

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.profiles import PROFILES, X520

BOX = vf.VFMAILBOX
REQ, ACK, VFU, PFU, PFSTS, PFACK, RSTI, RSTD = (getattr(BOX, name).mask for name in (
    "REQ", "ACK", "VFU", "PFU", "PFSTS", "PFACK", "RSTI", "RSTD"))


@pytest.fixture
def adapter() -> Adapter:
    """64 VFs, the PF out of reset, and what was told so far forgotten."""
    adapter = Adapter(num_vfs=64)
    adapter.write(0, pf.CTRL_EXT, pf.CTRL_EXT.PFRSTD.mask)
    for number in range(64):
        adapter.read(1 + number, BOX)
    adapter.route_mailbox()
    adapter.take()
    return adapter


def test_at_power_up_the_pf_is_in_reset():
    adapter = Adapter(num_vfs=64)
    assert {adapter.read(1 + v, BOX) for v in range(64)} == {RSTI}


def test_pfrstd_ends_the_reset_for_every_vf_and_interrupts_it():
    adapter = Adapter(num_vfs=3)
    adapter.route_mailbox()
    adapter.take()
    adapter.write(0, pf.CTRL_EXT, pf.CTRL_EXT.PFRSTD.mask | pf.CTRL_EXT.DRV_LOAD.mask)
    assert adapter.read(0, pf.CTRL_EXT) == pf.CTRL_EXT.DRV_LOAD.mask
    assert adapter.raised() == [(1 + v, 2) for v in range(3)]
    assert [adapter.read(1, BOX), adapter.read(1, BOX)] == [RSTD, 0]
    assert adapter.read(2, BOX) == RSTD                                    # each VF reads its own


def test_other_bits_of_ctrl_ext_leave_the_vfs_waiting():
    adapter = Adapter(num_vfs=3)
    adapter.route_mailbox()
    adapter.take()
    adapter.write(0, pf.CTRL_EXT, pf.CTRL_EXT.DRV_LOAD.mask)
    assert {adapter.read(1 + v, BOX) for v in range(3)} == {RSTI} and adapter.raised() == []


def test_the_mailbox_of_a_vf_that_an_adapter_cannot_have_reads_0(monkeypatch):
    monkeypatch.setitem(PROFILES, "small", replace(X520, total_vfs=8, max_vfs=7))
    adapter = Adapter(num_vfs=7, profile="small")
    adapter.write(0, pf.PFMAILBOX[8], pf.PFMAILBOX.PFU.mask | pf.PFMAILBOX.STS.mask)
    assert adapter.read(0, pf.PFMAILBOX[8]) == 0


def test_pfrstd_before_vf_enable_counts_for_vfs_to_come():
    adapter = Adapter()
    adapter.write(0, pf.CTRL_EXT, pf.CTRL_EXT.PFRSTD.mask)
    adapter.nic.vfs_enabled(1)
    assert adapter.read(1, BOX) == RSTD


def test_reading_clears_exactly_the_three_news_bits(adapter):
    adapter.write(6, BOX, VFU)
    adapter.write(0, pf.PFMAILBOX[5], pf.PFMAILBOX.STS.mask | pf.PFMAILBOX.ACK.mask)
    adapter.write(0, pf.CTRL_EXT, pf.CTRL_EXT.PFRSTD.mask)
    assert adapter.read(6, BOX) == VFU | PFSTS | PFACK | RSTD
    assert adapter.read(6, BOX) == VFU


@pytest.mark.parametrize("number", [0, 15, 16, 31, 32, 63])
def test_a_request_reaches_the_pf_and_reads_0(adapter, number):
    adapter.write(1 + number, BOX, REQ)
    word, bit = divmod(number, 16)
    assert adapter.read(1 + number, BOX) == 0
    assert adapter.read(0, pf.PFMBICR[word]) == 1 << bit
    assert adapter.read(0, pf.PFMBICR[word]) == 1 << bit                     # reading clears nothing
    assert adapter.raised() == [(0, 1)]
    assert adapter.read(0, pf.EICR) & pf.EICR.MAILBOX.mask
    adapter.write(1 + number, BOX, ACK)
    assert adapter.read(0, pf.PFMBICR[word]) == 1 << bit | 1 << 16 + bit
    adapter.write(0, pf.PFMBICR[word], 1 << bit)
    assert adapter.read(0, pf.PFMBICR[word]) == 1 << 16 + bit


def test_a_masked_request_is_recorded_and_not_told(adapter):
    adapter.write(0, pf.PFMBIMR[0], ~(1 << 4) & 0xFFFFFFFF)
    adapter.write(5, BOX, REQ)
    assert adapter.read(0, pf.PFMBICR[0]) == 1 << 4
    assert adapter.raised() == []
    assert not adapter.read(0, pf.EICR) & pf.EICR.MAILBOX.mask


def test_the_buffer_has_one_owner(adapter):
    box = pf.PFMAILBOX[9]
    adapter.write(10, BOX, VFU)
    adapter.write(0, box, pf.PFMAILBOX.PFU.mask)
    assert (adapter.read(10, BOX), adapter.read(0, box)) == (VFU, VFU)
    adapter.write(10, BOX, 0)
    adapter.write(0, box, pf.PFMAILBOX.PFU.mask)
    adapter.write(10, BOX, VFU)
    assert (adapter.read(10, BOX), adapter.read(0, box)) == (PFU, PFU)
    adapter.write(10, BOX, PFU)                                            # read-only for the VF
    adapter.write(0, box, 0)
    assert adapter.read(10, BOX) == 0


def test_any_vf_write_carries_the_whole_byte(adapter):
    adapter.write(1, BOX, VFU)
    adapter.write(1, BOX, REQ)
    assert adapter.read(1, BOX) == 0
    adapter.write(1, BOX, REQ | VFU)
    assert adapter.read(1, BOX) == VFU


@pytest.mark.parametrize("reset", [lambda a: a.nic.function_reset(10), lambda a: a.write(10, vf.VFCTRL, vf.VFCTRL.RST.mask)],
                         ids=["FLR", "RST"])
def test_a_reset_of_the_vf_leaves_the_buffer_to_the_pf_that_has_it(adapter, reset):
    adapter.write(0, pf.PFMAILBOX[9], pf.PFMAILBOX.PFU.mask | pf.PFMAILBOX.STS.mask)
    reset(adapter)
    assert (adapter.read(10, BOX), adapter.read(0, pf.PFMAILBOX[9])) == (PFU, PFU)


def test_the_pf_takes_a_stuck_buffer_back(adapter):
    adapter.write(3, BOX, VFU)
    adapter.write(0, pf.PFMAILBOX[2], pf.PFMAILBOX.RVFU.mask | pf.PFMAILBOX.PFU.mask)
    assert adapter.read(3, BOX) == PFU


@pytest.mark.parametrize("field, bit", [("STS", PFSTS), ("ACK", PFACK)])
def test_news_of_the_pf_reach_one_vf(adapter, field, bit):
    adapter.write(0, pf.PFMAILBOX[40], getattr(pf.PFMAILBOX, field).mask)
    assert adapter.raised() == [(41, 2)]
    assert adapter.read(0, pf.PFMAILBOX[40]) == 0                           # STS and ACK read 0
    assert (adapter.read(41, BOX), adapter.read(40, BOX), adapter.read(42, BOX)) == (bit, 0, 0)


def test_the_ram_is_one_and_the_same_on_both_sides(adapter):
    for number in (0, 1, 63):
        for word in range(16):
            adapter.write(1 + number, vf.VFMBMEM[word], number << 16 | word)
    for number in (0, 1, 63):
        for word in range(16):
            assert adapter.read(0, pf.PFMBMEM[16 * number + word]) == number << 16 | word
    adapter.write(0, pf.PFMBMEM[16 * 63 + 5], 0xCAFE)
    assert adapter.read(64, vf.VFMBMEM[5]) == 0xCAFE
    assert adapter.read(63, vf.VFMBMEM[5]) == 0


def test_256_mailboxes_on_the_scaled_adapter():
    adapter = Adapter(num_vfs=256, profile="vf100g")
    for number in (63, 64, 255):
        adapter.write(1 + number, vf.VFMBMEM[15], number)
        adapter.write(1 + number, BOX, REQ)
        assert adapter.read(0, pf.PFMBMEM[16 * number + 15]) == number
        assert adapter.read(0, pf.PFMBICR[number // 16]) & 1 << number % 16
