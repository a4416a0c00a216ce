"""The configuration tables describe a space that can exist: no overlaps, whole chains, sources."""

from __future__ import annotations

import pytest

from nicmodel.datasheet.config_pf import PF, PF_BARS, VF_BARS, VPD_IMAGE
from nicmodel.datasheet.config_space import ACCESSES, HWINIT, HWINIT_VALUES, SPACE_BYTES, SURVIVES
from nicmodel.datasheet.config_vf import VF

ROWS = [pytest.param(table, row, id=f"{table.name}-{row.name}")
        for table in (PF, VF) for row in table.registers]


@pytest.mark.parametrize("table", [PF, VF], ids=lambda table: table.name)
def test_registers_do_not_overlap_and_names_are_unique(table):
    end = 0
    for row in table.registers:
        assert row.at >= end, f"{row.name} overlaps the row before it"
        end = row.at + row.nbytes
    assert end <= SPACE_BYTES
    assert len({row.name for row in table.registers}) == len(table.registers)


@pytest.mark.parametrize("table, row", ROWS)
def test_row_is_well_formed(table, row):
    assert row.source, "a fact has a source"
    assert row.nbytes in (1, 2, 3, 4) and row.at // 4 == (row.at + row.nbytes - 1) // 4, "within one dword"
    seen = 0
    for field in row.all_fields:
        assert field.access in ACCESSES and field.survives in SURVIVES
        assert not seen & field.mask and field.mask < 1 << 8 * row.nbytes
        seen |= field.mask
        if isinstance(field.reset, str):
            assert field.reset in HWINIT_VALUES
            assert field.access == HWINIT or field.name == "TargetSpeed" or row.name.endswith("Vfs")
        else:
            assert field.reset < 1 << field.width


def chain(table):
    """(offset, id) of both capability chains, followed by their headers."""
    headers = {capability.at: capability for capability in table.capabilities}
    found, at = [], table["CapabilityPointer"].reset
    for start in (at, 0x100):
        at = start
        while at:
            found.append((at, headers[at].id))
            at = headers[at].next
    return found


def test_pf_chain_is_the_82599s():
    assert chain(PF) == [(0x40, 0x01), (0x50, 0x05), (0x70, 0x11), (0xA0, 0x10), (0xE0, 0x03),
                         (0x100, 0x01), (0x140, 0x03), (0x150, 0x0E), (0x160, 0x10)]


def test_vf_chain():
    assert chain(VF) == [(0x70, 0x11), (0xA0, 0x10), (0x100, 0x01), (0x150, 0x0E)]


@pytest.mark.parametrize("table", [PF, VF], ids=lambda table: table.name)
def test_every_capability_is_on_the_chain(table):
    assert {at for at, _ in chain(table)} == {capability.at for capability in table.capabilities}


def test_offsets_that_drivers_hard_wire():
    places = {row.name: row.at for row in PF.registers}
    names = ("Msix.Control", "Express.DevSta", "Express.LinkSta", "Express.DevCtl2")
    assert [places[name] for name in names] == [0x72, 0xAA, 0xB2, 0xC8]


def test_sriov_layout_is_the_specifications():
    sriov = PF.capability("Sriov")
    offsets = {row.name: row.at for row in sriov.rows}
    assert [offsets[name] for name in (
        "Control", "InitialVfs", "TotalVfs", "NumVfs", "DependencyLink", "FirstVfOffset", "VfStride",
        "VfDeviceId", "SupportedPageSizes", "SystemPageSize", "VfBar0", "VfBar3", "MigrationState")] == [
        0x08, 0x0C, 0x0E, 0x10, 0x12, 0x14, 0x16, 0x1A, 0x1C, 0x20, 0x24, 0x30, 0x3C]


@pytest.mark.parametrize("bars, prefix", [(PF_BARS, "Bar"), (VF_BARS, "Sriov.VfBar")])
def test_bar_sizes_agree_with_the_rows(bars, prefix):
    for number, size in bars.items():
        assert 1 << PF[f"{prefix}{number}"]["Base"].lsb == size


def test_vpd_checksum_and_end_tag():
    assert VPD_IMAGE[-1] == 0x78 and VPD_IMAGE[0] == 0x82
    assert sum(VPD_IMAGE[:-1]) % 256 == 0
