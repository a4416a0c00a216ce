"""Whatever was written before, what the plane has is a function of what the registers hold now."""

from __future__ import annotations

import pytest
from fake_plane import Adapter
from hypothesis import given, settings
from hypothesis import strategies as st

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.sim.plane import PF_FUNCTION, Direction

TX, RX = Direction.TX, Direction.RX
VF0, VF1 = 1, 2
QUEUE = 2                                                   # VF 1's first, with 64 pools
MACS = (0x02_11_22_33_44_55, 0x02_66_77_88_99_AA)
ANY, UNTAGGED = -1, 0
VFU, PFU, RSTI, RSTD = (vf.VFMAILBOX.VFU.mask, vf.VFMAILBOX.PFU.mask, vf.VFMAILBOX.RSTI.mask, vf.VFMAILBOX.RSTD.mask)
PFSTS, PFACK = vf.VFMAILBOX.PFSTS.mask, vf.VFMAILBOX.PFACK.mask


# rings --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("direction", [TX, RX], ids=["TX", "RX"])
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["switch", "pool", "enable", "length"]), st.booleans()), max_size=16))
def test_a_ring_is_open_exactly_while_all_is_on(direction, steps):
    adapter = Adapter(4)
    adapter.master(VF1)
    control, length, pools = ((vf.VFTXDCTL, vf.VFTDLEN, pf.VFTE) if direction == TX
                              else (vf.VFRXDCTL, vf.VFRDLEN, pf.VFRE))
    rows = {"switch": (0, *((pf.DMATXCTL, pf.DMATXCTL.TE.mask) if direction == TX else (pf.RXCTRL, pf.RXCTRL.RXEN.mask))),
            "pool": (0, pools, 0b10), "enable": (VF1, control, control.ENABLE.mask), "length": (VF1, length, 128)}
    on = dict.fromkeys(rows, False)
    for name, value in steps:
        function, row, word = rows[name]
        if name == "length" and on["enable"]:
            continue                                        # a driver changes a ring only while it is disabled
        adapter.write(function, row, word if value else 0)
        on[name] = value
        assert set(adapter.plane.rings) == ({(direction, QUEUE)} if all(on.values()) else set())
        assert bool(adapter.read(VF1, control) & control.ENABLE.mask) == on["enable"]


# the mailbox --------------------------------------------------------------------------------------------------
@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 0xFF)), max_size=12))
def test_no_buffer_has_two_owners_and_no_side_writes_the_others_bits(steps):
    adapter = Adapter(1)
    for by_vf, value in steps:
        before = adapter.nic.mailbox.bits[0]
        adapter.write(VF0 if by_vf else 0, vf.VFMAILBOX if by_vf else pf.PFMAILBOX, value)
        after = adapter.nic.mailbox.bits[0]
        assert after & (VFU | PFU) != VFU | PFU
        if by_vf:
            assert after & ~VFU == before & ~VFU, "all but VFU are the PF's"
            assert bool(after & VFU) == bool(value & VFU and not before & PFU)
        else:
            news = (PFSTS if value & pf.PFMAILBOX.STS.mask else 0) | (PFACK if value & pf.PFMAILBOX.ACK.mask else 0)
            assert after & ~(VFU | PFU) == before & ~(VFU | PFU) | news
            assert bool(after & VFU) == bool(before & VFU and not value & pf.PFMAILBOX.RVFU.mask)
            assert bool(after & PFU) == bool(value & pf.PFMAILBOX.PFU.mask and not after & VFU)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 15), st.integers(0, 2**32 - 1)), max_size=30))
def test_both_ends_of_a_mailbox_see_the_same_ram(writes):
    adapter = Adapter(4)
    twin: dict[tuple[int, int], int] = {}
    for by_vf, number, word, value in writes:
        adapter.write(*((1 + number, vf.VFMBMEM[word]) if by_vf else (0, pf.PFMBMEM[16 * number + word])), value)
        twin[number, word] = value
    for number in range(4):
        for word in range(16):
            assert (adapter.read(1 + number, vf.VFMBMEM[word]) == adapter.read(0, pf.PFMBMEM[16 * number + word])
                    == twin.get((number, word), 0))


# filters ------------------------------------------------------------------------------------------------------
STEPS = st.one_of(
    st.tuples(st.just("mac"), st.integers(0, 3), st.sampled_from(MACS)),
    st.tuples(st.just("valid"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("pools"), st.integers(0, 3), st.integers(0, 0b111)),
    st.tuples(st.just("vlan"), st.integers(0, 2), st.sampled_from([0, 10, 20])),
    st.tuples(st.just("members"), st.integers(0, 2), st.integers(0, 0b111)),
    st.tuples(st.just("aupe"), st.integers(0, 2), st.booleans()),
    st.tuples(st.just("vfe"), st.just(0), st.booleans()),
    st.tuples(st.just("reset"), st.just(0), st.just(0)),
)


def filters(adapter: Adapter) -> set[tuple[int, int, int]]:
    """(MAC, VLAN, function) of the valid slots."""
    return {words[1:] for words in adapter.plane.tables["filter"].values() if words[0]}


@settings(max_examples=150, deadline=None)
@given(st.lists(STEPS, max_size=25))
def test_filters_are_what_the_registers_say(steps):
    adapter = Adapter(2)                                     # pools 0 and 1 are VFs, pool 2 is the PF's
    own = adapter.profile.mac_base
    macs, valid, pools = [own, 0, 0, 0], [True, False, False, False], [0] * 4
    vlans, members, aupe, vfe = [0] * 3, [0] * 3, [False] * 3, False
    for what, index, value in steps:
        if what in ("mac", "valid"):
            (macs if what == "mac" else valid)[index] = value
            raw = macs[index].to_bytes(6, "big")
            adapter.write(0, pf.RAL[index], int.from_bytes(raw[:4], "little"))
            adapter.write(0, pf.RAH[index], int.from_bytes(raw[4:], "little") | (pf.RAH.AV.mask if valid[index] else 0))
        elif what == "pools":
            pools[index] = value
            adapter.write(0, pf.MPSAR_LO[index], value)
        elif what == "vlan":
            vlans[index] = value
            adapter.write(0, pf.VLVF[index], value | pf.VLVF.VI_EN.mask if value else 0)
        elif what == "members":
            members[index] = value
            adapter.write(0, pf.VLVFB[2 * index], value)
        elif what == "aupe":
            aupe[index] = value
            adapter.write(0, pf.VMOLR[index], pf.VMOLR.AUPE.mask if value else 0)
        elif what == "vfe":
            vfe = value
            adapter.write(0, pf.VLNCTRL, pf.VLNCTRL.VFE.mask if value else 0)
        else:
            adapter.write(0, pf.CTRL, pf.CTRL.RST.mask)
            assert filters(adapter) == {(own, ANY, PF_FUNCTION)}
            adapter.write(0, pf.GCR_EXT, 3)
            macs, valid, pools = [own, 0, 0, 0], [True, False, False, False], [0] * 4
            vlans, members, aupe, vfe = [0] * 3, [0] * 3, [False] * 3, False
    expected = set()
    for mac, is_valid, bitmap in zip(macs, valid, pools, strict=True):
        if is_valid and bitmap:
            pool = (bitmap & -bitmap).bit_length() - 1
            tags = {vlans[k] for k in range(3) if vlans[k] and members[k] >> pool & 1}
            tags |= {UNTAGGED} if aupe[pool] else set()
            expected |= {(mac, tag, (1, 2, PF_FUNCTION)[pool]) for tag in (tags if vfe else {ANY})}
    assert filters(adapter) == expected


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=4), st.integers(0, 3), st.integers(0, 7))
def test_a_vf_reaches_its_own_queues_and_no_others(modes, number, index):
    """After any change of VT_MODE a queue register of a VF is one of its pool's, or nobody's."""
    adapter = Adapter(4, vt_mode=modes[0])
    for mode in modes[1:]:
        adapter.write(0, pf.GCR_EXT, mode)
    per_pool = {1: 8, 2: 4, 3: 2}[modes[-1]]
    before = {queue: adapter.read(0, pf.TDBAH[queue]) for queue in range(40)}
    adapter.write(1 + number, vf.VFTDBAH[index], 0x77)
    mine = {per_pool * number + index: 0x77} if index < per_pool else {}
    assert {queue: adapter.read(0, pf.TDBAH[queue]) for queue in range(40)} == before | mine
