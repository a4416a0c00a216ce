"""Descriptors, byte for byte: what is packed is parsed, and layouts are the sheet's."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicmodel.datasheet import descriptors as d

addresses = st.integers(0, (1 << 64) - 1)
lengths = st.integers(0, (1 << 16) - 1)
FIELDS = [value for value in vars(d).values() if isinstance(value, d.Bits)]


@given(addresses, lengths, st.booleans(), st.booleans())
def test_a_transmit_descriptor_is_parsed_as_packed(address, length, eop, rs):
    assert d.tx_parse(d.tx_data(address, length, eop, rs)) == (address, length, eop, rs, True)
    assert not d.tx_done(d.tx_data(address, length, eop, rs))


@given(lengths, lengths, st.booleans())
def test_a_receive_write_back_is_parsed_as_packed(length, vlan, loopback):
    raw = d.rx_writeback(length, vlan, loopback)
    assert d.rx_status(raw) == (True, True, length, vlan)
    assert bool(raw[10] & 0x04) == loopback                          # dword 2 bit 18


@given(addresses)
def test_an_offered_buffer_is_not_done(address):
    raw = d.rx_read(address)
    assert raw == struct.pack("<QQ", address, 0)
    assert d.rx_status(raw) == (False, False, 0, 0)


def test_transmit_bits_are_the_sheets():
    address, dword2, dword3 = struct.unpack("<QII", d.tx_data(0x1122334455667788, 1514))
    assert address == 0x1122334455667788
    assert dword2 == 1514 | 3 << 20 | 1 << 24 | 1 << 25 | 1 << 27 | 1 << 29
    assert dword3 == 1514 << 14


def test_only_reported_descriptors_are_done():
    assert d.tx_done(d.tx_writeback(True)) and d.tx_writeback(True) == struct.pack("<QII", 0, 0, 1)
    assert not d.tx_done(d.tx_writeback(False))


@pytest.mark.parametrize("dword2", [0, 1 << 29, 3 << 20, 2 << 20 | 1 << 29])
def test_legacy_and_context_descriptors_are_no_data_descriptors(dword2):
    assert not d.tx_parse(struct.pack("<QII", 0x1000, dword2 | 60, 0))[4]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: f"{field.name}{field.dword}")
def test_a_field_takes_its_bits_and_no_others(field):
    full = field.put(-1)
    assert full == ((1 << field.width) - 1) << field.lsb <= 0xFFFFFFFF
    dwords = [0, 0, 0, 0]
    dwords[field.dword] = ~full & 0xFFFFFFFF
    assert field.get(tuple(dwords)) == 0


def test_write_back_bits_are_the_sheets():
    assert d.rx_writeback(1514) == struct.pack("<4I", 0, 0, 0b11, 1514)                       # DD, EOP
    assert d.rx_writeback(60, vlan=0xE123) == struct.pack("<4I", 0, 0, 0b11, 0xE123 << 16 | 60)
    assert d.tx_writeback(True) == struct.pack("<4I", 0, 0, 0, 1) and d.tx_writeback(False) == bytes(16)
