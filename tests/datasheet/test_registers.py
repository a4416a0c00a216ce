"""The register tables hold together: no two rows share an offset, every word of every row means something."""

from __future__ import annotations

from collections import Counter

import pytest
import register_sheet

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.config_pf import BAR0_BYTES, VF_BAR_BYTES
from nicmodel.datasheet.registers import (
    ACCESS_WORDS,
    FULL,
    PARTIAL,
    STORAGE,
    WORD,
    Effects,
    Field,
    Register,
    bits,
    registers_of,
)

FILES = {"PF": registers_of(vars(pf)), "VF": registers_of(vars(vf))}
SHEETS = {"PF": register_sheet.parsed(register_sheet.PF), "VF": register_sheet.parsed(register_sheet.VF)}
BAR_BYTES = {"PF": BAR0_BYTES, "VF": VF_BAR_BYTES}
ROWS = [pytest.param(kind, row, id=f"{kind}.{row.name}") for kind, rows in FILES.items() for row in rows]


def offsets_of(row: Register) -> list[int]:
    """Every offset a row decodes at, aliases and extension included."""
    return [row.offset_of(i) for i in range(row.count)] + [base + stride * i for base, stride, _, count in row.aliases
                                                           for i in range(count)]


@pytest.mark.parametrize("kind", FILES)
def test_no_two_elements_share_an_offset(kind):
    seen = Counter(offset for row in FILES[kind] for offset in offsets_of(row))
    assert [hex(offset) for offset, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("kind, row", ROWS)
def test_every_offset_is_a_dword_inside_the_bar(kind, row):
    assert all(offset % 4 == 0 and 0 <= offset < BAR_BYTES[kind] for offset in offsets_of(row))


@pytest.mark.parametrize("kind, row", ROWS)
def test_fields_lie_inside_the_row_and_apart(kind, row):
    taken = 0
    for field in row.fields:
        assert 0 < field.mask <= WORD and not field.mask & taken, field.name
        taken |= field.mask
    assert row.reset & ~row.mask == 0


@pytest.mark.parametrize("kind, row", ROWS)
def test_words_of_a_row_are_known(kind, row):
    words = {word for access in (row.access, *(f.access for f in row.fields if f.access)) for word in access.split("/")}
    assert words <= ACCESS_WORDS
    assert row.models in (FULL, PARTIAL, STORAGE)
    assert row.name == next(name for name, value in vars({"PF": pf, "VF": vf}[kind]).items() if value is row)
    assert row.source.startswith(("82599 8.", "X550, ")) or row.source == "extension"


@pytest.mark.parametrize("kind, row", [each for each in ROWS if each.values[1].shows])
def test_a_row_that_shows_another_has_its_shape(kind, row):
    other = next(each for each in FILES[kind] if each.name == row.shows)
    assert (other.count, other.reset, other.mask, other.fields) == (row.count, row.reset, row.mask, row.fields)
    assert not other.shows


@pytest.mark.parametrize("kind, row", [each for each in ROWS if each.values[1].aliases])
def test_aliases_name_elements_that_exist(kind, row):
    assert all(first + count <= row.count for _, _, first, count in row.aliases)


@pytest.mark.parametrize("row", FILES["PF"], ids=lambda row: row.name)
def test_only_extension_elements_lie_in_the_extension_region(row):
    for index in range(row.count):
        inside = row.offset_of(index) >= pf.EXTENSION_BASE
        declared = row.source == "extension" or any(base >= pf.EXTENSION_BASE and index >= first
                                                    for base, first in row.extension)
        assert inside == declared


def test_arrays_reach_the_last_pool_and_queue():
    assert {pf.VMOLR.count} == {pf.POOLS}
    assert all(32 * row.count >= pf.POOLS for row in (pf.VFRE, pf.VFTE, pf.PFVFLRE))
    assert all(row.count == pf.QUEUES for row in (pf.TDT, pf.RDT, pf.TXDCTL, pf.RXDCTL))
    assert 2 * pf.IVAR.count >= pf.QUEUES
    assert pf.PFMBMEM.count == 16 * pf.PFMAILBOX.count


@pytest.mark.parametrize("kind, row", ROWS)
def test_offset_reset_value_and_bits_are_those_of_the_sheet(kind, row):
    if row.source == "extension":
        return
    fields = {field.name: field.lsb for field in row.fields if field.name not in register_sheet.OURS.get(row.name, ())}
    assert (row.at, row.stride, row.reset, fields) == SHEETS[kind][row.name]


def test_elements_of_arrays_are_where_the_sheet_has_them():
    """A sample of each array, from the datasheet and the public drivers' headers."""
    expected = {pf.RDT[0]: 0x1018, pf.RDT[63]: 0x1FD8, pf.RDT[64]: 0xD018, pf.TDT[127]: 0x7FD8, pf.SRRCTL[3]: 0x10D4,
                pf.PFVFLRE[0]: 0x600, pf.PFVFLRE[1]: 0x1C0, pf.PFMAILBOX[63]: 0x4BFC, pf.PFMBMEM[16 * 63]: 0x13FC0,
                pf.EITR[23]: 0x87C, pf.EITR[24]: 0x12300, pf.RAH[127]: 0xA5FC, pf.MPSAR_HI[1]: 0xA60C,
                vf.VFTDT[7]: 0x21D8, vf.VFMBMEM[15]: 0x23C, vf.VTEITR[1]: 0x824}
    assert {at: at.offset for at in expected} == expected


def test_kept_rows_are_those_of_the_clarification():
    kept = {row.name for row in FILES["VF"] if row.kept}
    assert kept == {"VF" + name for name in (
        "RDH", "RDT", "TDH", "TDT", "PSRTYPE", "SRRCTL", "RXDCTL", "TXDCTL", "TDWBAL", "TDWBAH", "DCA_RXCTRL", "DCA_TXCTRL")}
    queue_rows = {row.name: row for row in FILES["PF"]}
    for row in FILES["VF"]:
        if row.name[2:] in queue_rows and row.count == vf.QUEUES:
            assert (queue_rows[row.name[2:]].kept, queue_rows[row.name[2:]].mask) == (row.kept, row.mask)


def test_past_the_array_is_an_error():
    with pytest.raises(IndexError):
        pf.EICR.offset_of(1)
    with pytest.raises(IndexError):
        vf.VFTDT.offset_of(-1)


def test_a_field_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="EICR has no field NOPE"):
        _ = pf.EICR.NOPE


@pytest.mark.parametrize("access, write, read, shown", [
    ("RO", 0b0011, 0b0011, 0b0011),
    ("RW", 0b0101, 0b0101, 0b0101),
    ("WO", 0b0011, 0b0011, 0b0000),
    ("SC", 0b0011, 0b0011, 0b0011),
    ("RC", 0b0011, 0b0000, 0b0011),
    ("RS", 0b0101, 0b1111, 0b0101),
    ("W1C", 0b0010, 0b0010, 0b0010),
    ("W1S", 0b0111, 0b0111, 0b0111),
    ("RC/W1C", 0b0010, 0b0000, 0b0010),
    ("WO/W1S", 0b0111, 0b0111, 0b0000),
    ("WO/W1C", 0b0010, 0b0010, 0b0000),
])
def test_each_access_word(access, write, read, shown):
    """0b0011 overwritten with 0b0101 in a four-bit row: what stays, what a read leaves, what it shows."""
    effects = Effects.of(access, 0xF, ())
    written = effects.after_write(0b0011, 0b0101)
    assert (written, effects.after_read(written), effects.shown(written)) == (write, read, shown)


def test_a_field_overrides_its_row():
    effects = Effects.of("RW", 0xFF, (Field("DONE", 7, access="RO"), *bits(NEWS=(4, 2, "RC"))))
    assert effects.after_write(0x00, 0xFF) == 0x4F
    assert effects.after_read(0xFF) == 0xCF
    assert effects.after_write(0x00, 0xF00) == 0                  # outside the mask
