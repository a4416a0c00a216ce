"""Receive addresses, pools and VLANs become filter rows of the plane, and nothing else does."""

from __future__ import annotations

import pytest
from fake_plane import Adapter

from nicmodel.datasheet import registers_pf as pf

MAC = 0x02_11_22_33_44_55


def filters(adapter) -> dict[int, tuple[int, int, int]]:
    """Valid filter rows by slot, without the adapter's own address."""
    return {slot: words[1:] for slot, words in adapter.plane.tables["filter"].items() if words[0] and slot >= 65}


def address(adapter, index, mac, pools):
    """Program a receive address as drivers do."""
    first = mac.to_bytes(6, "big")
    adapter.write(0, pf.RAL[index], int.from_bytes(first[:4], "little"))
    adapter.write(0, pf.RAH[index], int.from_bytes(first[4:], "little") | pf.RAH.AV.mask)
    adapter.write(0, pf.MPSAR_LO[index], pools & 0xFFFFFFFF)
    adapter.write(0, pf.MPSAR_HI[index], pools >> 32 & 0xFFFFFFFF)


def vlan(adapter, entry, number, pools):
    adapter.write(0, pf.VLVFB[2 * entry], pools & 0xFFFFFFFF)
    adapter.write(0, pf.VLVFB[2 * entry + 1], pools >> 32 & 0xFFFFFFFF)
    adapter.write(0, pf.VLVF[entry], number | pf.VLVF.VI_EN.mask)


@pytest.fixture
def adapter() -> Adapter:
    return Adapter(num_vfs=63)


@pytest.mark.parametrize("pool, function", [(0, 1), (31, 32), (32, 33), (62, 63), (63, 0)])
def test_an_address_goes_to_its_pools_function(adapter, pool, function):
    address(adapter, 3, MAC, 1 << pool)
    assert filters(adapter) == {65 * 3: (MAC, -1, function)}


def test_the_low_alias_programs_the_same_address(adapter):
    adapter.nic.write(0, 0, 0x5400 + 8 * 15, 0x44332211)
    adapter.nic.write(0, 0, 0x5404 + 8 * 15, 0x6655 | pf.RAH.AV.mask)
    adapter.write(0, pf.MPSAR_LO[15], 1)
    assert filters(adapter) == {65 * 15: (0x112233445566, -1, 1)}


def test_an_address_without_av_or_pool_matches_nothing(adapter):
    address(adapter, 3, MAC, 0)
    assert filters(adapter) == {}
    adapter.write(0, pf.MPSAR_HI[3], 1)
    assert filters(adapter) == {65 * 3: (MAC, -1, 33)}
    adapter.write(0, pf.RAH[3], 0)
    assert filters(adapter) == {}


def test_of_several_pools_the_lowest_gets_it(adapter):
    address(adapter, 3, MAC, 1 << 40 | 1 << 7)
    assert filters(adapter) == {65 * 3: (MAC, -1, 8)}


def test_with_vlan_filtering_there_is_a_row_a_vlan(adapter):
    address(adapter, 3, MAC, 1 << 35)
    vlan(adapter, 0, 100, 1 << 35 | 1)
    vlan(adapter, 9, 4000, 1 << 35)
    vlan(adapter, 10, 7, 1 << 36)                             # another pool's
    assert filters(adapter) == {65 * 3: (MAC, -1, 36)}
    adapter.write(0, pf.VLNCTRL, pf.VLNCTRL.VFE.mask)
    assert set(filters(adapter).values()) == {(MAC, 100, 36), (MAC, 4000, 36)}
    adapter.write(0, pf.VMOLR[35], pf.VMOLR.AUPE.mask)
    assert set(filters(adapter).values()) == {(MAC, 0, 36), (MAC, 100, 36), (MAC, 4000, 36)}
    adapter.write(0, pf.VLVF[0], 100)                         # VI_EN gone
    assert set(filters(adapter).values()) == {(MAC, 0, 36), (MAC, 4000, 36)}
    adapter.write(0, pf.VMOLR[35], 0)
    adapter.write(0, pf.VLVFB[19], 0)
    assert filters(adapter) == {}


def test_64_vlans_of_one_address_leave_the_next_address_alone(adapter):
    adapter.write(0, pf.VLNCTRL, pf.VLNCTRL.VFE.mask)
    adapter.write(0, pf.VMOLR[1], pf.VMOLR.AUPE.mask)
    for entry in range(64):
        vlan(adapter, entry, 1 + entry, 0b10)
    address(adapter, 3, MAC, 0b10)
    address(adapter, 4, MAC + 1, 0b10)
    rows = filters(adapter)
    assert len(rows) == 2 * 65
    assert rows[65 * 3 + 64] == (MAC, 64, 2) and rows[65 * 4] == (MAC + 1, 0, 2)


def test_only_what_changes_is_told(adapter):
    address(adapter, 3, MAC, 1)
    adapter.take()
    address(adapter, 3, MAC, 1)
    assert adapter.take() == []
    adapter.write(0, pf.MPSAR_LO[3], 2)
    assert adapter.take() == [("filter", 65 * 3, (1, MAC, -1, 2))]


def test_pools_change_hands_with_num_vfs():
    adapter = Adapter(num_vfs=4)
    address(adapter, 3, MAC, 1 << 2)
    adapter.nic.vfs_disabled()
    assert filters(adapter) == {65 * 3: (MAC, -1, 0)}
    adapter.nic.vfs_enabled(4)
    assert filters(adapter) == {65 * 3: (MAC, -1, 3)}


def test_without_pools_every_address_is_the_pfs():
    adapter = Adapter()
    address(adapter, 3, MAC, 0)
    assert filters(adapter) == {65 * 3: (MAC, -1, 0)}


def test_pools_past_63_are_in_the_extension():
    adapter = Adapter(num_vfs=256, profile="vf100g")
    address(adapter, 300, MAC, 0)
    adapter.write(0, pf.MPSAR_EXT[pf.POOL_WORDS * 300 + 255 // 32], 1 << 255 % 32)
    assert filters(adapter) == {65 * 300: (MAC, -1, 256)}
    adapter.write(0, pf.VLNCTRL, pf.VLNCTRL.VFE.mask)
    assert filters(adapter) == {}
    adapter.write(0, pf.VLVF[5], 77 | pf.VLVF.VI_EN.mask)
    adapter.write(0, pf.VLVFB_EXT[pf.POOL_WORDS * 5 + 255 // 32], 1 << 255 % 32)
    assert filters(adapter) == {65 * 300: (MAC, 77, 256)}


@pytest.mark.parametrize("word, function", [
    (pf.VT_CTL.VT_ENA.mask | pf.VT_CTL.DEF_PL.put(63), 0),
    (pf.VT_CTL.VT_ENA.mask | pf.VT_CTL.DEF_PL.put(9), 10),
    (pf.VT_CTL.VT_ENA.mask | pf.VT_CTL.DEF_PL.put(9) | pf.VT_CTL.DIS_DEF_PL.mask, -1),
    (pf.VT_CTL.DEF_PL.put(9), -1),
])
def test_the_default_pool(adapter, word, function):
    adapter.write(0, pf.VT_CTL, word)
    assert adapter.plane.tables["default_pool"].get(0, (-1,)) == (function,)


def test_the_default_pool_of_256_vfs_is_the_pfs():
    adapter = Adapter(num_vfs=256, profile="vf100g")
    adapter.write(0, pf.VT_CTL, pf.VT_CTL.VT_ENA.mask | pf.VT_CTL.DEF_PL.put(255 & 63) | pf.VT_CTL.DEF_PL_EXT.put(255 >> 6))
    assert adapter.plane.tables["default_pool"][0] == (256,)
    adapter.write(0, pf.VT_CTL, pf.VT_CTL.VT_ENA.mask | pf.VT_CTL.DEF_PL_EXT.put(256 >> 6))
    assert adapter.plane.tables["default_pool"][0] == (0,)


def test_loopback(adapter):
    adapter.write(0, pf.PFDTXGSWC, 1)
    assert adapter.plane.tables["loopback"][0] == (1,)
    adapter.write(0, pf.PFDTXGSWC, 0)
    assert adapter.plane.tables["loopback"][0] == (0,)


def test_calls_carry_the_stamp_of_now(adapter):
    adapter.now = 123_456
    adapter.plane.log.clear()
    address(adapter, 3, MAC, 1)
    adapter.start(1)
    assert adapter.plane.log and {entry[-1] for entry in adapter.plane.log} == {123_456}


def test_anti_spoofing_is_that_of_a_vfs_pool(adapter):
    adapter.write(0, pf.PFVFSPOOF[0], pf.PFVFSPOOF.MACAS.put(0b0110) | pf.PFVFSPOOF.VLANAS.put(0b1100))
    checks = adapter.plane.tables["sources"]
    assert {function: words for function, words in checks.items() if words != (0,)} == {2: (1,), 3: (3,), 4: (2,)}
    adapter.write(0, pf.PFVFSPOOF[7], pf.PFVFSPOOF.MACAS.put(0x80))
    assert 0 not in checks, "a pool of the PF's is not checked"
    adapter.write(0, pf.CTRL, pf.CTRL.RST.mask)
    assert set(checks.values()) == {(0,)}
