"""VFs come and go with VF Enable, sit where the formula says, and own their slice of each window."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from machine import (
    ARI,
    COMMAND,
    CONTROL,
    FIRST_OFFSET,
    MSE,
    NUM_VFS,
    PAGE,
    PF_RID,
    SRIOV,
    STRIDE,
    VF100G,
    VF_ENABLE,
    VF_MSE,
    X520,
    Heard,
    Machine,
)

from nicmodel.pcie.endpoint import Endpoint

PAGES = [1 << (12 + bit) for bit in (0, 1, 4, 6, 8, 10)]
VF_BAR0, VF_BAR3 = SRIOV + 0x24, SRIOV + 0x30


def answering(machine: Machine, rids=range(1 << 16)) -> set[int]:
    return {rid for rid in rids if machine.endpoint.config_read(rid, COMMAND, 4) != 0xFFFFFFFF}


def test_num_vfs_creates_nothing_by_itself():
    machine = Machine()
    machine.write(NUM_VFS, 2, 8)
    assert machine.endpoint.num_vfs == 0 and answering(machine) == {PF_RID} and not machine.heard.take()


def test_vf_enable_edges():
    machine = Machine()
    machine.write(NUM_VFS, 2, 3)
    machine.write(CONTROL, 2, ARI | VF_ENABLE)
    assert machine.heard.take() == [("vfs_enabled", 3), *(("memory_decode", index, False) for index in (1, 2, 3))]
    assert answering(machine) == {0x100, 0x180, 0x182, 0x184}
    machine.write(COMMAND, 2, 4, rid=0x182)
    machine.write(CONTROL, 2, ARI | VF_ENABLE | VF_MSE)
    assert machine.heard.take() == [("bus_master", 2, True), *(("memory_decode", index, True) for index in (1, 2, 3))], \
        "VF MSE is no edge of VF Enable"
    machine.write(CONTROL, 2, ARI | VF_MSE)
    assert machine.heard.take() == [("vfs_disabled",)]
    assert answering(machine) == {0x100} and machine.endpoint.num_vfs == 0
    machine.write(CONTROL, 2, ARI | VF_ENABLE)
    assert machine.read(COMMAND, 2, rid=0x182) == 0, "a VF that comes back is fresh"


def test_what_vf_enable_latches_is_held():
    machine = Machine(num_vfs=5)
    for offset, size, value in ((NUM_VFS, 2, 6), (PAGE, 4, 2), (CONTROL, 2, VF_ENABLE | VF_MSE)):
        before = machine.read(offset, size)
        machine.write(offset, size, value)
        assert machine.read(offset, size) == before
    assert sum(machine.endpoint.refused.values()) == 3
    machine.write(CONTROL, 2, ARI)
    machine.write(NUM_VFS, 2, 6)
    machine.write(PAGE, 4, 2)
    assert (machine.read(NUM_VFS, 2), machine.read(PAGE)) == (6, 2)


def test_num_vfs_takes_half_a_word_at_a_time_and_nothing_above_total_vfs():
    machine = Machine(VF100G)
    machine.write(NUM_VFS + 1, 1, 1)
    assert machine.read(NUM_VFS, 2) == 256
    machine.write(NUM_VFS, 1, 1)
    assert machine.read(NUM_VFS, 2) == 256, "257 is above TotalVFs"
    machine.write(NUM_VFS, 2, 64)
    assert machine.read(NUM_VFS, 2) == 64


@pytest.mark.parametrize("value", [0, 3, 4, 0x800, 0xFFFFFFFF])
def test_system_page_size_is_one_supported_bit(value):
    machine = Machine()
    machine.write(PAGE, 4, 2)
    machine.write(PAGE, 4, value)
    assert machine.read(PAGE) == 2


def test_ari_bit_moves_the_vfs():
    machine = Machine()
    for control, offset in ((ARI, 128), (0, 384), (ARI, 128)):
        machine.write(CONTROL, 2, control)
        assert (machine.read(FIRST_OFFSET, 2), machine.read(STRIDE, 2)) == (offset, 2)


def test_ari_and_vf_enable_in_one_write():
    machine = Machine()
    machine.write(CONTROL, 2, 0)
    machine.write(NUM_VFS, 2, 2)
    machine.write(CONTROL, 2, ARI | VF_ENABLE)
    assert sorted(machine.endpoint.functions) == [0x100, 0x180, 0x182]


@pytest.mark.parametrize("profile", [X520, VF100G], ids=lambda profile: profile.name)
@pytest.mark.parametrize("ari, offset", [(True, 128), (False, 384)])
def test_answering_rids_are_the_formula(profile, ari, offset):
    machine = Machine(profile, num_vfs=profile.total_vfs, ari=ari)
    formula = {0x100} | {0x100 + offset + 2 * vf for vf in range(profile.total_vfs)}
    assert answering(machine) == formula == set(machine.endpoint.functions) == {0x100, *machine.rids}
    assert [machine.endpoint.rid_of(1 + vf) for vf in range(profile.total_vfs)] == list(machine.rids)


def test_256_vfs_reach_across_buses():
    machine = Machine(VF100G, num_vfs=256)
    assert machine.rids[63:65] == (0x1FE, 0x200) and machine.rids[255] == 0x37E
    assert machine.enumerated.last_bus == 3
    machine.write(COMMAND, 2, 4, rid=0x37E)
    assert machine.heard.take() == [("bus_master", 256, True)]


@given(rid=st.integers(0, 0xFFFF), count=st.integers(1, 64), ari=st.booleans())
def test_rids_wrap_at_16_bits(rid, count, ari):
    endpoint = Endpoint(X520, Heard(), rid=rid)
    endpoint.config_write(rid, NUM_VFS, 2, count)
    endpoint.config_write(rid, CONTROL, 2, ARI * ari | VF_ENABLE)
    offset = 128 if ari else 384
    assert set(endpoint.functions) == {rid, *((rid + offset + 2 * n) % 65536 for n in range(count))}


# windows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_probe_answers_one_vf_at_the_system_page_size(page):
    machine = Machine()
    machine.write(PAGE, 4, page >> 12)
    size = max(16 << 10, page)
    for bar in (VF_BAR0, VF_BAR3):
        machine.write(bar, 4, 0xFFFFFFFF)
        machine.write(bar + 4, 4, 0xFFFFFFFF)
        assert machine.read(bar) == 0xFFFFFFFF & -size | 0xC
        assert machine.read(bar + 4) == 0xFFFFFFFF


def test_raising_the_page_size_realigns_the_base():
    machine = Machine()
    machine.write(VF_BAR0, 4, 0x0004C000)
    machine.write(PAGE, 4, 0x10)
    assert machine.read(VF_BAR0) == 0x0004000C


@given(page=st.sampled_from(PAGES), num_vfs=st.integers(1, 256), slot=st.integers(0, 1 << 24),
       gap=st.integers(1, 999), data=st.data())
def test_an_address_belongs_to_exactly_its_vf(page, num_vfs, slot, gap, data):
    machine = Machine(VF100G, page_bytes=page)
    size = max(16 << 10, page)
    bases = {0: slot * size, 3: (slot + num_vfs + gap) * size}
    for bar, base in bases.items():
        at = VF_BAR0 if bar == 0 else VF_BAR3
        machine.write(at, 4, base & 0xFFFFFFFF)
        machine.write(at + 4, 4, base >> 32)
    machine.write(NUM_VFS, 2, num_vfs)
    machine.write(CONTROL, 2, ARI | VF_ENABLE | VF_MSE)
    decode, bar = machine.endpoint.decode, data.draw(st.sampled_from([0, 3]))
    vf, offset = data.draw(st.integers(0, num_vfs - 1)), data.draw(st.integers(0, size - 1))
    assert decode(bases[bar] + vf * size + offset) == (1 + vf, bar, offset)
    assert decode(bases[bar] + num_vfs * size) is None, "NumVFs bounds the window"
    assert decode(bases[bar] + num_vfs * size - 1) == (num_vfs, bar, size - 1)
    assert decode(bases[bar] - 1) is None or bases[bar] == 0


def test_vf_windows_have_their_own_gate():
    machine = Machine(num_vfs=2)
    address = machine.endpoint.base(2, 3)
    assert machine.endpoint.decode(address) == (2, 3, 0)
    machine.write(COMMAND, 2, 0)
    assert machine.endpoint.decode(address) == (2, 3, 0), "the PF's MSE has no effect on VF windows"
    machine.write(CONTROL, 2, ARI | VF_ENABLE)
    assert machine.endpoint.decode(address) is None
    assert machine.read(0, 4, rid=machine.rids[0]) == 0xFFFFFFFF
    assert machine.read(8, 4, rid=machine.rids[0]) == 0x02000001, "configuration still works"
    machine.write(CONTROL, 2, ARI | VF_MSE)
    assert machine.endpoint.decode(address) is None


def test_pf_bars_decode_under_mse_alone():
    machine = Machine(num_vfs=1)
    for bar, size in ((0, 512 << 10), (4, 16 << 10)):
        base = machine.enumerated.bars[bar].base
        assert machine.endpoint.decode(base) == (0, bar, 0)
        assert machine.endpoint.decode(base + size - 1) == (0, bar, size - 1)
        machine.write(COMMAND, 2, 0)
        assert machine.endpoint.decode(base) is None
        machine.write(COMMAND, 2, MSE)
    assert machine.endpoint.decode(machine.enumerated.bars[4].end) != (0, 4, 16 << 10)


def test_total_vfs_is_the_profiles():
    assert Machine(replace(X520, total_vfs=7)).read(SRIOV + 0x0C) == 0x00070007
