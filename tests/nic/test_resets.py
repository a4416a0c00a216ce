"""Resets: what goes, what is kept, and who is told."""

from __future__ import annotations

import pytest
from fake_plane import BASE, Adapter

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.nic.queues import VF_QUEUE_ROWS
from nicmodel.nic.registers import rows_of
from nicmodel.sim.plane import Direction

V = 33                                                       # in the second word of every bitmap
OPAQUE = {"VFTDT", "VFRDT", "VFTDH", "VFRDH"}                # positions: tested apart
QUEUE_ROWS = [row for row in rows_of("VF") if row.name in VF_QUEUE_ROWS and row.name not in OPAQUE]
INTERRUPT_ROWS = (vf.VTEICR, vf.VTEIMS, vf.VTEIAC, vf.VTEIAM, vf.VTIVAR, vf.VTIVAR_MISC, vf.VTEITR)


def flr(adapter):
    adapter.nic.function_reset(1 + V)


def software_reset(adapter):
    adapter.write(1 + V, vf.VFCTRL, vf.VFCTRL.RST.mask)


@pytest.fixture
def adapter() -> Adapter:
    adapter = Adapter(num_vfs=63)
    adapter.write(0, pf.CTRL_EXT, pf.CTRL_EXT.PFRSTD.mask)
    adapter.read(1 + V, vf.VFMAILBOX)
    adapter.route_mailbox()
    adapter.start(V)
    adapter.start(V - 1)
    adapter.take()
    return adapter


@pytest.mark.parametrize("reset", [flr, software_reset])
@pytest.mark.parametrize("row", QUEUE_ROWS, ids=lambda row: row.name)
def test_a_vf_reset_keeps_what_is_kept_and_resets_the_rest(adapter, reset, row):
    enable = row.ENABLE.mask if row in (vf.VFTXDCTL, vf.VFRXDCTL) else 0
    adapter.write(1 + V, row[1], 0x0015_0380 | enable)
    before = adapter.read(1 + V, row[1])
    assert before not in (row.reset, 0)
    reset(adapter)
    assert adapter.read(1 + V, row[1]) == (before & ~enable if row.kept else row.reset)


@pytest.mark.parametrize("reset", [flr, software_reset])
def test_a_vf_reset_closes_its_queues_and_nobody_elses(adapter, reset):
    reset(adapter)
    queue = 2 * V
    assert (set(adapter.plane.rings)) == {(d, queue - 2) for d in Direction}
    assert adapter.take("reset") == [("reset", 1 + V)]
    assert not adapter.read(1 + V, vf.VFTXDCTL[0]) & vf.VFTXDCTL.ENABLE.mask
    assert adapter.read(V, vf.VFTXDCTL[0]) & vf.VFTXDCTL.ENABLE.mask


def test_heads_and_tails_are_kept_where_they_stood(adapter):
    adapter.plane.ends[Direction.TX, 2 * V] = {"head": 7, "tail": 9}
    flr(adapter)
    assert adapter.read(1 + V, vf.VFTDH[0]) == 7
    assert adapter.read(1 + V, vf.VFTDT[0]) == 9


@pytest.mark.parametrize("reset", [flr, software_reset])
def test_a_vf_reset_disables_its_pool_and_tells_the_pf(adapter, reset):
    adapter.read(0, pf.EICR)
    reset(adapter)
    bit = 1 << V % 32
    assert [adapter.read(0, row[V // 32]) & bit for row in (pf.VFRE, pf.VFTE)] == [0, 0]
    assert [adapter.read(0, row[V // 32]) & bit >> 1 for row in (pf.VFRE, pf.VFTE)] == [bit >> 1] * 2
    assert adapter.read(0, pf.PFVFLRE[V // 32]) == bit
    assert adapter.nic.read(0, 0, 0x604) == adapter.nic.read(0, 0, 0x1C0) == bit
    assert adapter.read(0, pf.EICR) & pf.EICR.MAILBOX.mask
    assert (0, 1) in adapter.raised()
    adapter.write(0, pf.PFVFLRE[V // 32], bit)                      # read-only
    assert adapter.read(0, pf.PFVFLREC[V // 32]) == bit
    adapter.write(0, pf.PFVFLREC[V // 32], bit)
    assert adapter.read(0, pf.PFVFLRE[V // 32]) == 0


@pytest.mark.parametrize("row", INTERRUPT_ROWS, ids=lambda row: row.name)
def test_a_vf_reset_clears_its_interrupt_registers(adapter, row):
    adapter.write(1 + V, vf.VTEIMC, 7)
    adapter.write(1 + V, vf.VTEICS if row is vf.VTEICR else row, 0x81 if row in (vf.VTIVAR, vf.VTIVAR_MISC) else 0x1)
    assert adapter.nic.vfs[V].get(row)
    flr(adapter)
    assert adapter.read(1 + V, row) == 0


def test_a_vf_reset_keeps_psrtype_and_the_mailbox_ram(adapter):
    adapter.write(1 + V, vf.VFPSRTYPE, 0x2000_0000)
    adapter.write(1 + V, vf.VFMBMEM[3], 0x77)
    adapter.write(1 + V, vf.VFMAILBOX, vf.VFMAILBOX.VFU.mask)
    adapter.write(0, pf.PFMAILBOX[V], pf.PFMAILBOX.STS.mask)
    flr(adapter)
    assert adapter.read(1 + V, vf.VFPSRTYPE) == 0x2000_0000
    assert adapter.read(1 + V, vf.VFMBMEM[3]) == 0x77
    assert adapter.read(1 + V, vf.VFMAILBOX) == 0                   # VFU and news gone, RSTI not set by it


def test_a_reset_command_reads_1_until_it_is_done():
    adapter = Adapter()
    adapter.write(0, pf.CTRL, pf.CTRL.RST.mask)
    assert adapter.read(0, pf.CTRL) == pf.CTRL.RST.mask
    (delay, do), = adapter.later
    assert delay == pf.RESET_PS
    do()
    assert adapter.read(0, pf.CTRL) == 0


@pytest.mark.parametrize("reset", [
    lambda a: a.write(0, pf.CTRL, pf.CTRL.RST.mask), lambda a: a.write(0, pf.CTRL, pf.CTRL.LRST.mask),
    lambda a: a.nic.function_reset(0)], ids=["RST", "LRST", "FLR"])
def test_a_pf_reset_takes_everything_with_it(adapter, reset):
    adapter.write(0, pf.PFDTXGSWC, 1)
    adapter.write(0, pf.VT_CTL, pf.VT_CTL.VT_ENA.mask | pf.VT_CTL.DEF_PL.put(63))
    adapter.write(0, pf.RAH[5], pf.RAH.AV.mask)
    adapter.write(0, pf.MPSAR_LO[5], 1)
    assert adapter.plane.tables["filter"][65 * 5][0] == 1
    adapter.write(1 + V, vf.VFPSRTYPE, 1)
    adapter.write(1 + V, vf.VFMBMEM[2], 0x99)
    reset(adapter)
    assert not adapter.plane.rings
    assert {entry[1] for entry in adapter.take("reset")} == set(range(64))
    assert [adapter.read(0, row) for row in (pf.VFRE[1], pf.VFTE[1], pf.EIMS, pf.VT_CTL, pf.DMATXCTL)] == [
        0, 0, 0, 0, pf.DMATXCTL.reset]
    assert {adapter.read(1 + v, vf.VFMAILBOX) for v in range(63)} == {vf.VFMAILBOX.RSTI.mask}
    assert adapter.read(1 + V, vf.VFPSRTYPE) == adapter.read(1 + V, vf.VTEIMS) == 0
    tables = adapter.plane.tables
    assert (tables["default_pool"][0], tables["loopback"][0], tables["max_frame"][0]) == ((-1,), (0,), (1518,))
    assert [slot for slot, words in tables["filter"].items() if words[0]] == [0]
    assert all(words[0] == 0 for words in tables["vector"].values())
    assert adapter.read(0, pf.RAH[0]) & pf.RAH.AV.mask              # loaded again
    assert adapter.read(1 + V, vf.VFMBMEM[2]) == 0x99               # RAM has no reset


def test_disabling_vfs_resets_them_and_gives_their_pools_to_the_pf(adapter):
    adapter.nic.vfs_disabled()
    assert not adapter.plane.rings
    assert {entry[1] for entry in adapter.take("reset")} == set(range(1, 64))
    assert adapter.read(1 + V, vf.VFMAILBOX) == 0                   # there is no such function
    assert all(words[0] == 0 for index, words in adapter.plane.tables["vector"].items() if index >= 64)


def test_late_news_of_a_vf_that_is_gone_are_ignored(adapter):
    gate = adapter.msix[1 + V]
    adapter.nic.vfs_disabled()
    adapter.take()
    adapter.nic.msix_changed(1 + V, gate)
    assert adapter.take() == []
    adapter.nic.vfs_enabled(63)
    adapter.write(1 + V, vf.VTEIMS, 7)
    assert all(words[0] == 0 for index, words in adapter.plane.tables["vector"].items() if index >= 64)


def test_vfs_come_back_without_mastering_and_without_msix(adapter):
    adapter.nic.vfs_disabled()
    adapter.nic.vfs_enabled(63)
    adapter.write(1 + V, vf.VTEIMS, 7)
    assert all(words[0] == 0 for index, words in adapter.plane.tables["vector"].items() if index >= 64)
    adapter.allow(V)
    adapter.write(1 + V, vf.VFTDLEN[0], 1024)
    adapter.write(1 + V, vf.VFTXDCTL[0], vf.VFTXDCTL.ENABLE.mask)
    assert not adapter.plane.rings
    adapter.start(V)
    assert (Direction.TX, 2 * V) in adapter.plane.rings


def test_a_reset_vf_starts_again(adapter):
    flr(adapter)
    adapter.take()
    adapter.start(V)
    assert [entry[:3] for entry in adapter.take("open")] == [("open", d, 2 * V) for d in Direction]
    assert adapter.plane.rings[Direction.TX, 2 * V].base == BASE
