"""Table tests: every row of both register files keeps its reset value and its access words, everywhere it decodes."""

from __future__ import annotations

import logging

import pytest
from fake_plane import Adapter

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.nic.registers import RegisterFile, rows_of

ROWS = [pytest.param(kind, row, id=f"{kind}.{row.name}") for kind in ("PF", "VF") for row in rows_of(kind)]
PATTERN = 0xA5A5_5A5A
LIVE = {"STATUS", "VFSTATUS", "VFLINKS", "FRTIMER", "VFFRTIMER", "GCR_EXT"}   # follow the machine; tested apart
EEPROM = {("RAL", 0), ("RAH", 0)}
BAR_BYTES = {0: 0x80000, 1: 0x4000}


def elements(row):
    """First, last and the neighbours of each break in the array."""
    picks = {0, row.count - 1, *(first + step for _, first in row.extension for step in (-1, 0))}
    return sorted(pick for pick in picks if 0 <= pick < row.count)


@pytest.fixture(scope="module")
def fresh() -> Adapter:
    """Sixteen-pool mode gives a VF all eight queues of its window."""
    return Adapter(num_vfs=2, profile="vf100g", vt_mode=1)


@pytest.mark.parametrize("kind, row", [each for each in ROWS if each.values[1].name not in LIVE])
def test_a_fresh_row_reads_its_reset_value(kind, row, fresh):
    function = 0 if kind == "PF" else 1
    for index in elements(row):
        if (row.name, index) not in EEPROM:
            assert fresh.read(function, row[index]) == row.effects.shown(row.reset), index


@pytest.mark.parametrize("kind, row", ROWS)
def test_a_write_does_what_the_access_words_say(kind, row):
    """Over a storage file: behaviour bound by blocks is tested with the blocks."""
    for index in elements(row):
        for before in (0, row.mask):
            file = RegisterFile(kind)
            file.put(row, index, before)
            file.write(row.offset_of(index), PATTERN)
            assert file.get(row, index) == row.effects.after_write(before, PATTERN)
            assert file.get(row, index) & ~row.mask == before & ~row.mask
            if row.access == "RO" and not row.fields:
                assert file.get(row, index) == before


@pytest.mark.parametrize("kind, row", ROWS)
def test_a_read_clears_what_the_access_words_say_and_nothing_else(kind, row):
    file = RegisterFile(kind)
    file.put(row, 0, row.mask)
    first, second = file.read(row.at), file.read(row.at)
    clears = sum(f.mask for f in row.fields if f.access == "RC") if "RC" not in row.access.split("/") else row.mask
    assert first == row.effects.shown(row.mask)
    assert second == first & ~clears


@pytest.mark.parametrize("kind, row", [each for each in ROWS if each.values[1].access == "RO"])
def test_read_only_rows_stay(kind, row, fresh):
    function = 0 if kind == "PF" else 1
    before = fresh.read(function, row)
    fresh.write(function, row, ~before & 0xFFFFFFFF)
    assert fresh.read(function, row) == before


@pytest.mark.parametrize("kind, row", [each for each in ROWS if "W1C" in each.values[1].access.split("/")])
def test_write_1_clears(kind, row):
    file = RegisterFile(kind)
    file.put(row, 0, row.mask)
    file.write(row.at, 0b101)
    assert file.get(row) == row.mask & ~0b101


@pytest.mark.parametrize("kind, row", [each for each in ROWS if each.values[1].aliases])
def test_aliases_decode_to_the_same_storage(kind, row):
    file = RegisterFile(kind)
    for base, stride, first, count in row.aliases:
        for step in range(count):
            file.write(base + stride * step, 0x100 + step)
            assert file.read(row.offset_of(first + step)) == row.effects.after_write(row.reset, 0x100 + step)


@pytest.mark.parametrize("function", [0, 1])
def test_unknown_offsets_read_0_and_nothing_reads_all_ones(function, caplog):
    caplog.set_level(logging.CRITICAL, "nicmodel.nic.registers")
    adapter = Adapter(num_vfs=1)
    table = (adapter.nic.regs if function == 0 else adapter.nic.vfs[0]).table
    genuine = {offset for row in (pf.PFMBIMR,) for offset in map(row.offset_of, range(row.count))}
    for offset in range(0, BAR_BYTES[function], 4):
        value = adapter.nic.read(function, 0, offset)
        if offset not in table:
            assert value == 0, hex(offset)
        elif function or offset not in genuine:
            assert value != 0xFFFFFFFF, hex(offset)


def test_an_unknown_offset_is_logged_once_and_writes_to_it_are_ignored(caplog):
    adapter = Adapter(num_vfs=2)
    with caplog.at_level(logging.WARNING):
        for function in (1, 2):
            adapter.nic.write(function, 0, 0x3FFC, 0x55)
            assert adapter.nic.read(function, 0, 0x3FFC) == 0
    assert [record.getMessage() for record in caplog.records] == [
        "no VF register at 0x03ffc: it reads 0 and ignores writes"]


def test_only_bar_0_holds_registers():
    adapter = Adapter()
    adapter.nic.write(0, 4, pf.RXCTRL.at, 1)
    assert adapter.read(0, pf.RXCTRL) == 0
    assert adapter.nic.read(0, 4, pf.PFMBIMR.at) == 0


def test_a_function_that_is_not_there_reads_0():
    adapter = Adapter(num_vfs=2)
    adapter.write(3, vf.VFMBMEM[0], 7)
    assert adapter.read(3, vf.VFMBMEM[0]) == 0


@pytest.mark.parametrize("profile, stored", [("x520", 0), ("vf100g", 0x80)])
def test_the_extension_region_exists_only_on_scaled_adapters(profile, stored):
    adapter = Adapter(profile=profile)
    adapter.write(0, pf.RDLEN[128], 0x80)
    assert adapter.read(0, pf.RDLEN[128]) == stored


def test_a_semaphore_is_taken_by_reading_and_given_back_by_writing_0():
    adapter = Adapter()
    assert [adapter.read(0, pf.SWSM) & 1 for _ in range(3)] == [0, 1, 1]
    adapter.write(0, pf.SWSM, 0)
    assert adapter.read(0, pf.SWSM) & 1 == 0


def test_the_eeprom_grants_what_is_requested():
    adapter = Adapter()
    granted, present = pf.EEC.GNT.mask, pf.EEC.PRES.mask | pf.EEC.ARD.mask
    assert adapter.read(0, pf.EEC) & (granted | present) == present
    adapter.write(0, pf.EEC, pf.EEC.REQ.mask)
    assert adapter.read(0, pf.EEC) & (granted | present) == granted | present


def test_the_first_receive_address_is_the_adapters():
    adapter = Adapter()
    mac = adapter.profile.mac_base.to_bytes(6, "big")
    low, high = adapter.read(0, pf.RAL[0]), adapter.read(0, pf.RAH[0])
    assert low.to_bytes(4, "little") + (high & 0xFFFF).to_bytes(2, "little") == mac
    assert high & pf.RAH.AV.mask
    assert adapter.plane.tables["filter"][0] == (1, adapter.profile.mac_base, -1, 0)


def test_the_vf_sees_the_pfs_status_and_link():
    adapter = Adapter(num_vfs=5)
    adapter.master(0)
    status = adapter.read(3, vf.VFSTATUS)
    assert status == adapter.read(0, pf.STATUS)
    assert (vf.VFSTATUS.NUM_VFS.get(status), vf.VFSTATUS.IOV_ACTIVE.get(status), vf.VFSTATUS.GIO.get(status)) == (5, 1, 1)
    adapter.nic.link_change(False)
    assert not adapter.read(3, vf.VFLINKS) & vf.VFLINKS.UP.mask
    assert not adapter.read(3, vf.VFSTATUS) & vf.VFSTATUS.LU.mask
    assert adapter.read(0, pf.EICR) & pf.EICR.LSC.mask


@pytest.mark.parametrize("ps, us", [(999_999, 0), (4_999_000_000_000, 4_999_000), ((2**32 + 7) * 10**6, 7)])
def test_the_timer_counts_microseconds_in_32_bits(ps, us):
    adapter = Adapter(num_vfs=1)
    adapter.now = ps
    assert adapter.read(0, pf.FRTIMER) == adapter.read(1, vf.VFFRTIMER) == us


def test_gio_disable_shows_in_status():
    adapter = Adapter()
    adapter.master(0)
    adapter.write(0, pf.CTRL, pf.CTRL.GIO_DIS.mask)
    assert not adapter.read(0, pf.STATUS) & pf.STATUS.GIO.mask


def test_frames_grow_only_with_jumbo_enabled():
    adapter = Adapter()
    adapter.write(0, pf.MAXFRS, pf.MAXFRS.MFS.put(9000))
    assert adapter.plane.tables["max_frame"][0] == (1518,)
    adapter.write(0, pf.HLREG0, pf.HLREG0.JUMBOEN.mask)
    assert adapter.plane.tables["max_frame"][0] == (9000,)


def test_frames_shrink_without_jumbo_enabled():
    adapter = Adapter()
    adapter.write(0, pf.MAXFRS, pf.MAXFRS.MFS.put(1000))
    assert adapter.plane.tables["max_frame"][0] == (1000,)


def test_vf_counters_run_freely_and_pf_counters_clear_on_read():
    adapter = Adapter(num_vfs=2)
    adapter.plane.functions[2] = (7, (5 << 32) + 9, 3, (0x13 << 32) + 1, 0)        # rx packets, bytes, tx packets, bytes; spoofed
    rows = (vf.VFGPRC, vf.VFGORC_LSB, vf.VFGORC_MSB, vf.VFGPTC, vf.VFGOTC_LSB, vf.VFGOTC_MSB)
    for _ in range(2):
        assert [adapter.read(2, row) for row in rows] == [7, 9, 5, 3, 1, 3]         # octets have 36 bits
    assert [adapter.read(1, row) for row in rows] == [0] * 6
    assert [adapter.read(0, pf.GPRC), adapter.read(0, pf.GPRC)] == [7, 0]
    adapter.nic.function_reset(2)
    assert adapter.read(2, vf.VFGPRC) == 7
    adapter.write(0, pf.CTRL, pf.CTRL.RST.mask)
    assert adapter.read(2, vf.VFGPRC) == 0
