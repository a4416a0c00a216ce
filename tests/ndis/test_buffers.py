"""Elements and data behind a structure come back as they went in, and nothing outside the buffer is ever read."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nicmodel.datasheet import ndis_structures as s
from nicmodel.datasheet.ndis import PCI_TYPE0_ADDRESSES, Status
from nicmodel.datasheet.ndis_buffers import (
    Malformed,
    array_length,
    data_slice,
    pack_array,
    pack_data,
    read,
    unpack_array,
    unpack_data,
    unpack_plain,
    written,
)

ARRAYS = [cls for cls in s.STRUCTURES if cls.ARRAY]
DATA = [cls for cls in s.STRUCTURES if cls.TAIL]


def with_word(buffer: bytes, cls, member: str, value: int) -> bytes:
    """The buffer with another value in one ULONG member."""
    at = getattr(cls, member).offset
    return buffer[:at] + value.to_bytes(4, "little") + buffer[at + 4:]


@contextmanager
def refused(status, needed=0):
    """A Malformed that names this status and this many bytes needed."""
    with pytest.raises(Malformed) as refusal:
        yield
    assert (refusal.value.status, refusal.value.bytes_needed) == (status, needed)


@pytest.mark.parametrize("cls", s.STRUCTURES, ids=lambda cls: cls.__name__)
def test_ndis_sizeof_bytes_are_enough_and_one_less_is_not(cls):
    buffer = written(s.made(cls))
    assert len(buffer) == cls.NDIS_SIZEOF and written(read(cls, buffer)) == buffer
    with refused(Status.INVALID_LENGTH, cls.NDIS_SIZEOF):
        read(cls, buffer[:-1])


@pytest.mark.parametrize("at", range(4))
def test_another_header_is_an_invalid_parameter(at):
    buffer = bytearray(written(s.made(s.VfParameters)))
    buffer[at] ^= 1
    with refused(Status.INVALID_PARAMETER):
        read(s.VfParameters, buffer)


@pytest.mark.parametrize("cls", ARRAYS, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("number", [0, 1, 3])
def test_elements_come_back(cls, number):
    element = cls.ARRAY.element
    last = element._fields_[-1][0]
    parts = [s.made(element, **{"Flags": 7 * n}) for n in range(number)]
    buffer = pack_array(s.made(cls), parts)
    assert len(buffer) == array_length(cls, number)
    structure, back = unpack_array(cls, buffer)
    assert [bytes(part) for part in back] == [bytes(part) for part in parts]
    assert getattr(structure, cls.ARRAY.number) == number and s.header_is(structure)
    assert all(getattr(part, last) is not None for part in back)


def test_golden_bytes_of_a_filter_with_two_tests():
    mac = s.made(s.FilterFieldParameters, FrameHeader=1, ReceiveFilterTest=1, HeaderField=1)
    mac.FieldValue[:6] = bytes.fromhex("02004C000001")
    vlan = s.made(s.FilterFieldParameters, FrameHeader=1, ReceiveFilterTest=1, HeaderField=4)
    vlan.FieldValue[:2] = (100).to_bytes(2, "big")
    buffer = pack_array(s.made(s.ReceiveFilterParameters, FilterType=1, VPortId=2), [mac, vlan])
    assert buffer.hex() == (
        "80022c00" "00000000" "01000000" "00000000" "00000000" "2c000000" "02000000" "38000000" "00000000" "00000000"
        "02000000"
        "80023800" "00000000" "01000000" "01000000" "01000000" "00000000" "02004c000001" + "00" * 26 +
        "80023800" "00000000" "01000000" "01000000" "04000000" "00000000" "0064" + "00" * 30)


def test_elements_may_be_further_apart_than_they_are_long():
    parts = [s.made(s.ReceiveFilterInfo, FilterId=n) for n in (1, 2)]
    head = s.made(s.ReceiveFilterInfoArray, FirstElementOffset=32, NumElements=2, ElementSize=24)
    buffer = written(head).ljust(32, b"\0") + b"".join(written(part).ljust(24, b"\xFF") for part in parts)
    assert [part.FilterId for part in unpack_array(s.ReceiveFilterInfoArray, buffer)[1]] == [1, 2]


@pytest.mark.parametrize("member, value, status, needed", [
    ("FirstElementOffset", 27, Status.INVALID_PARAMETER, 0), ("FirstElementOffset", 0, Status.INVALID_PARAMETER, 0),
    ("FirstElementOffset", 0xFFFFFFFF, Status.INVALID_LENGTH, 0xFFFFFFFF + 2 * 576),
    ("FirstElementOffset", 29, Status.INVALID_LENGTH, 29 + 2 * 576),
    ("NumElements", 3, Status.INVALID_LENGTH, 28 + 3 * 576),
    ("NumElements", 0xFFFFFFFF, Status.INVALID_LENGTH, 28 + 0xFFFFFFFF * 576),
    ("ElementSize", 575, Status.INVALID_PARAMETER, 0), ("ElementSize", 0, Status.INVALID_PARAMETER, 0),
    ("ElementSize", 577, Status.INVALID_LENGTH, 28 + 2 * 577)])
def test_arrays_outside_their_buffer_are_refused(member, value, status, needed):
    buffer = pack_array(s.made(s.VPortInfoArray), [s.made(s.VPortInfo), s.made(s.VPortInfo)])
    with refused(status, needed):
        unpack_array(s.VPortInfoArray, with_word(buffer, s.VPortInfoArray, member, value))


def test_an_array_of_no_elements_may_point_anywhere():
    buffer = with_word(pack_array(s.made(s.VfInfoArray), []), s.VfInfoArray, "FirstElementOffset", 0)
    assert unpack_array(s.VfInfoArray, buffer)[1] == []


def test_only_elements_of_the_array_may_be_packed():
    with pytest.raises(TypeError, match="NDIS_NIC_SWITCH_VF_INFO_ARRAY holds NDIS_NIC_SWITCH_VF_INFO, not VPortInfo"):
        pack_array(s.made(s.VfInfoArray), [s.made(s.VPortInfo)])
    with pytest.raises(TypeError, match="NDIS_SRIOV_RESET_VF_PARAMETERS has no array"):
        pack_array(s.made(s.ResetVfParameters), [])
    with pytest.raises(TypeError, match="NDIS_SRIOV_RESET_VF_PARAMETERS has no data"):
        pack_data(s.made(s.ResetVfParameters), b"")


@pytest.mark.parametrize("cls", DATA, ids=lambda cls: cls.__name__)
def test_data_comes_back(cls):
    fixed = cls.TAIL.length
    data = bytes(range(7 if isinstance(fixed, str) else fixed))
    buffer = pack_data(s.made(cls), data)
    structure, back = unpack_data(cls, buffer)
    assert back == data and buffer[data_slice(structure, buffer)] == data
    with refused(Status.INVALID_LENGTH, len(buffer)):
        unpack_data(cls, buffer[:-1])
    with refused(Status.INVALID_PARAMETER):
        unpack_data(cls, with_word(buffer, cls, cls.TAIL.offset, cls.NDIS_SIZEOF - 1))


def test_fixed_data_has_its_length():
    assert s.ProbedBarsInfo.TAIL.length == 4 * PCI_TYPE0_ADDRESSES
    with pytest.raises(ValueError, match="is followed by 24 bytes, not 20"):
        pack_data(s.made(s.ProbedBarsInfo), bytes(20))


def test_a_memory_resource_comes_back():
    bar = s.MemoryResource(Type=3, Start=0x2_4000_0000, Length=0x4000)
    back = unpack_plain(s.MemoryResource, unpack_data(s.BarResourcesInfo, pack_data(s.made(s.BarResourcesInfo), bytes(bar)))[1])
    assert (back.Type, back.Start, back.Length) == (3, 0x2_4000_0000, 0x4000)
    with refused(Status.INVALID_LENGTH, 20):
        unpack_plain(s.MemoryResource, bytes(19))


@given(st.data())
def test_drawn_members_never_reach_outside(data):
    """Whatever the members say, the answer is elements that are in the buffer, or a refusal."""
    cls = data.draw(st.sampled_from(ARRAYS))
    array = cls.ARRAY
    buffer = pack_array(s.made(cls), [s.made(array.element), s.made(array.element)])
    for member in (array.offset, array.number, array.size):
        value = data.draw(st.sampled_from([0, 1, 2, cls.NDIS_SIZEOF, array.element.NDIS_SIZEOF]) | st.integers(0, 0xFFFFFFFF))
        buffer = with_word(buffer, cls, member, value)
    try:
        structure, parts = unpack_array(cls, buffer)
    except Malformed as refusal:
        assert refusal.status in (Status.INVALID_LENGTH, Status.INVALID_PARAMETER)
        assert not refusal.bytes_needed or refusal.bytes_needed > len(buffer)
    else:
        last = getattr(structure, array.offset) + getattr(structure, array.size) * len(parts)
        assert len(parts) == getattr(structure, array.number) and (not parts or last <= len(buffer))
        assert all(ctypes.sizeof(part) == ctypes.sizeof(array.element) for part in parts)


