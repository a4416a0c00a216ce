"""VFs come and go, modes change, guests ask for what the adapter does not have: nobody inherits, nothing leaks."""

from __future__ import annotations

import pytest
from fake_plane import BASE, POOLS_16, VALID, Adapter

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.registers import registers_of
from nicmodel.sim.plane import PF_FUNCTION, VECTORS_PER_FUNCTION, Direction

TX, RX = Direction.TX, Direction.RX
VF0, VF1 = 1, 2
PF_RESETS = pytest.mark.parametrize("reset", [lambda a: a.write(0, pf.CTRL, pf.CTRL.RST.mask),
                                              lambda a: a.write(0, pf.CTRL, pf.CTRL.LRST.mask),
                                              lambda a: a.nic.function_reset(PF_FUNCTION)], ids=["RST", "LRST", "FLR"])


def open_vectors(adapter: Adapter, function: int) -> set[int]:
    first = VECTORS_PER_FUNCTION * function
    return {index - first for index, words in adapter.plane.tables["vector"].items()
            if words[0] and 0 <= index - first < VECTORS_PER_FUNCTION}


# VFs come and go ----------------------------------------------------------------------------------------------
def test_vectors_of_a_vf_that_is_gone_are_closed():
    adapter = Adapter(2)
    adapter.interrupts(VF0)
    adapter.write(VF0, vf.VTEIMS, 0b111)
    assert open_vectors(adapter, VF0) == {0, 1, 2}
    adapter.nic.vfs_disabled()
    assert open_vectors(adapter, VF0) == set()


def test_status_counts_the_vfs_that_there_are():
    adapter = Adapter(2)
    assert pf.STATUS.NUM_VFS.get(adapter.read(0, pf.STATUS)) == 2
    adapter.nic.vfs_disabled()
    assert pf.STATUS.NUM_VFS.get(adapter.read(0, pf.STATUS)) == 0
    assert adapter.nic.pools.function_of_pool(0) == PF_FUNCTION


def test_a_new_vf_inherits_neither_msix_nor_bus_mastering_nor_its_pool():
    adapter = Adapter(2)
    adapter.interrupts(VF1)
    adapter.start(1)
    assert set(adapter.plane.rings) == {(TX, 2), (RX, 2)}
    adapter.nic.vfs_disabled()
    assert not adapter.plane.rings
    assert adapter.read(0, pf.VFTE) == adapter.read(0, pf.VFRE) == 0
    adapter.nic.vfs_enabled(2)
    adapter.write(VF1, vf.VTEIMS, 0b111)
    adapter.write(VF1, vf.VTEICS, 0b001)
    assert open_vectors(adapter, VF1) == set() and not adapter.raised()
    adapter.allow(1)
    adapter.write(VF1, vf.VFTXDCTL, vf.VFTXDCTL.ENABLE.mask)
    assert not adapter.plane.rings


def test_a_ring_changes_owner_with_its_pool():
    adapter = Adapter(0)
    adapter.write(0, pf.GCR_EXT, 3)
    adapter.master(0)
    adapter.allow(1)
    adapter.write(0, pf.TDLEN[2], 1024)
    adapter.write(0, pf.TXDCTL[2], pf.TXDCTL.ENABLE.mask)
    assert adapter.plane.rings[TX, 2].function == PF_FUNCTION
    adapter.nic.vfs_enabled(4)
    assert not adapter.plane.rings, "VF 1 does not master the bus yet"
    adapter.master(VF1)
    assert adapter.plane.rings[TX, 2].function == VF1


def test_a_disabled_vf_leaves_a_free_mailbox():
    adapter = Adapter(2)
    adapter.write(VF1, vf.VFMAILBOX, vf.VFMAILBOX.VFU.mask)
    assert adapter.read(0, pf.PFMAILBOX[1]) == pf.PFMAILBOX.VFU.mask
    adapter.nic.vfs_disabled()
    assert adapter.read(0, pf.PFMAILBOX[1]) == 0


@pytest.mark.parametrize("number", [0, 31, 32, 63, 64, 255])
def test_every_vf_has_its_own_reset_bits(number):
    adapter = Adapter(256, "vf100g")
    for word in range(8):
        for row in (pf.VFRE, pf.VFTE):
            adapter.write(0, row[word], 0xFFFFFFFF)
    adapter.nic.function_reset(1 + number)
    for word in range(8):
        bit = 1 << number % 32 if word == number // 32 else 0
        assert adapter.read(0, pf.PFVFLRE[word]) == adapter.read(0, pf.PFVFLREC[word]) == bit
        assert adapter.read(0, pf.VFRE[word]) == adapter.read(0, pf.VFTE[word]) == 0xFFFFFFFF & ~bit
    adapter.write(0, pf.PFVFLREC[number // 32], 1 << number % 32)
    assert adapter.read(0, pf.PFVFLRE[number // 32]) == 0


@pytest.mark.parametrize("offset", [0x001C0, 0x00604])
def test_resets_of_vfs_from_32_up_show_at_both_addresses(offset):
    adapter = Adapter(40)
    adapter.nic.function_reset(1 + 37)
    assert adapter.nic.read(0, 0, offset) == 1 << 5 and adapter.nic.read(0, 0, 0x00600) == 0


@PF_RESETS
def test_a_pf_reset_brings_every_register_back(reset):
    adapter, fresh = Adapter(4), Adapter(4)
    for row in registers_of(vars(pf)):
        if row not in (pf.CTRL, pf.PFMBMEM, pf.SWSM):
            for index in {0, 1, row.count - 1} & set(range(row.count)):
                adapter.write(0, row[index], 0x0180_0083)
    reset(adapter)
    for _, do in adapter.later:
        do()
    adapter.write(0, pf.GCR_EXT, 3)
    for row in registers_of(vars(pf)):
        if row is not pf.SWSM:
            for index in {0, 1, row.count - 1} & set(range(row.count)):
                assert adapter.read(0, row[index]) == fresh.read(0, row[index]), f"{row.name}[{index}]"


@PF_RESETS
def test_a_pf_reset_clears_the_interrupts_of_every_vf(reset):
    adapter = Adapter(4)
    for function in (1, 2, 3, 4):
        adapter.interrupts(function)
        for row in (vf.VTEIMS, vf.VTEIAC, vf.VTIVAR, vf.VTIVAR_MISC, vf.VTEITR):
            adapter.write(function, row, 0x181)
    reset(adapter)
    for function in (1, 2, 3, 4):
        assert open_vectors(adapter, function) == set()
        for row in (vf.VTEICR, vf.VTEIMS, vf.VTEIAC, vf.VTIVAR, vf.VTIVAR_MISC, vf.VTEITR):
            assert adapter.read(function, row) == 0


@PF_RESETS
def test_no_function_drops_after_either_reset_of_the_pf(reset):
    adapter = Adapter(2)
    adapter.write(0, pf.QDE, pf.QDE.WE.mask | pf.QDE.QDE.mask | pf.QDE.IDX.put(2))
    adapter.write(0, pf.SRRCTL[0], pf.SRRCTL.DROP_EN.mask)
    reset(adapter)
    assert all(words == (0,) for words in adapter.plane.tables["no_descriptor"].values())
    adapter.write(0, pf.GCR_EXT, 3)
    adapter.write(VF1, vf.VFSRRCTL, 0x0402)
    assert adapter.plane.tables["no_descriptor"][VF1] == (0,)


def test_a_pf_reset_starts_the_counters_again_and_a_vf_reset_does_not():
    adapter = Adapter(2)
    adapter.plane.functions[VF1] = (7, 1000, 11, 2000, 0)
    adapter.nic.function_reset(VF1)
    assert adapter.read(VF1, vf.VFGPRC) == 7
    adapter.nic.function_reset(PF_FUNCTION)
    adapter.plane.functions[VF1] = (8, 1060, 11, 2000, 0)
    assert [adapter.read(VF1, row) for row in (vf.VFGPRC, vf.VFGORC_LSB, vf.VFGPTC, vf.VFGOTC_LSB)] == [1, 60, 0, 0]
    assert adapter.read(0, pf.GPRC) == 1


def drop_spoofed(adapter, **frames):
    """Anti-spoofing drops so many more frames of VFs named vN."""
    for vf_name, count in frames.items():
        adapter.plane.functions["drop_spoofed"][1 + int(vf_name[1:])] += count


def test_ssvpc_counts_what_is_dropped_while_vmecm_names_the_pool():
    adapter = Adapter(40)
    drop_spoofed(adapter, v1=5, v35=6)
    adapter.write(0, pf.VMECM[0], 1 << 1)
    assert adapter.read(0, pf.SSVPC) == 0, "dropped before"
    drop_spoofed(adapter, v1=1, v2=10, v35=20)
    adapter.write(0, pf.VMECM[1], 1 << 3)
    drop_spoofed(adapter, v1=2, v2=30, v35=100)
    adapter.write(0, pf.VMECM[0], 1 << 2)
    drop_spoofed(adapter, v1=300, v2=1000)
    assert [adapter.read(0, pf.SSVPC) for _ in range(2)] == [1103, 0], "also of pool 1, which VMECM names no longer"


def test_a_pf_reset_starts_ssvpc_again():
    adapter = Adapter(2)
    adapter.write(0, pf.VMECM[0], 3)
    drop_spoofed(adapter, v0=4)
    adapter.nic.function_reset(PF_FUNCTION)
    drop_spoofed(adapter, v0=8, v1=16)
    assert adapter.read(0, pf.SSVPC) == 0, "VMECM names no pool after a reset"
    adapter.write(0, pf.VMECM[0], 3)
    drop_spoofed(adapter, v1=32)
    assert adapter.read(0, pf.SSVPC) == 32


def test_a_pf_reset_forgets_what_ssvpc_had_yet_to_show():
    adapter = Adapter(2)
    adapter.write(0, pf.VMECM[0], 3)
    drop_spoofed(adapter, v0=4)
    adapter.write(0, pf.VMECM[0], 1)
    adapter.nic.function_reset(PF_FUNCTION)
    adapter.write(0, pf.VMECM[0], 3)
    assert adapter.read(0, pf.SSVPC) == 0


def test_octet_counters_have_36_bits():
    adapter = Adapter(1)
    adapter.plane.functions[VF0] = (0, 0x1E_8765_4321, 0, 0x2F_1234_5678, 0)
    assert [adapter.read(VF0, row) for row in (vf.VFGORC_MSB, vf.VFGORC_LSB, vf.VFGOTC_MSB, vf.VFGOTC_LSB)] == [
        0xE, 0x8765_4321, 0xF, 0x1234_5678]


# what the adapter does not have -------------------------------------------------------------------------------
def test_queues_past_the_adapters_do_not_exist():
    """The row has 514 elements; this adapter has 128 queues, and the extension region is not there."""
    adapter = Adapter(0)
    adapter.master(0)
    adapter.allow(0)
    for queue in (127, 128, pf.QUEUES - 1):
        adapter.write(0, pf.TDLEN[queue], 1024)
        adapter.write(0, pf.TXDCTL[queue], pf.TXDCTL.ENABLE.mask)
    assert set(adapter.plane.rings) == {(TX, 127)}


def test_pools_past_the_adapters_queues_have_none():
    """16 pools of eight queues use all 128."""
    adapter = Adapter(40, vt_mode=POOLS_16)
    adapter.start(15, queue=7)
    adapter.start(20)
    assert set(adapter.plane.rings) == {(TX, 127), (RX, 127)}
    assert adapter.read(1 + 20, vf.VFTXDCTL) == adapter.read(1 + 20, vf.VFSRRCTL) == 0


@pytest.mark.parametrize("vector, sent", [(63, True), (64, False), (66, False), (127, False)])
def test_other_causes_never_use_a_vector_of_another_function(vector, sent):
    """IVAR_MISC has seven bits; the PF has 64 vectors."""
    adapter = Adapter(2)
    gate = adapter.interrupts(0)
    gate.masked.update(range(64, 128))                       # a table of 64 delivers no others
    adapter.write(0, pf.EIMS, pf.EIMS.LSC.mask)
    adapter.write(0, pf.IVAR_MISC, pf.IVAR_MISC.OTHER.put(VALID | vector))
    adapter.take()
    adapter.nic.link_change(False)
    assert adapter.raised() == ([(0, 63)] if sent else [])


@pytest.mark.parametrize("length, opens", [(0, False), (112, False), (127, False), (128, True), (0xFFF0_0080, True)])
def test_a_ring_needs_eight_descriptors(length, opens):
    adapter = Adapter(1)
    adapter.start(0)
    adapter.write(VF0, vf.VFTXDCTL, 0)
    adapter.write(VF0, vf.VFTDLEN, length)
    adapter.write(VF0, vf.VFTXDCTL, vf.VFTXDCTL.ENABLE.mask)
    assert ((TX, 0) in adapter.plane.rings) == opens
    assert not opens or adapter.plane.rings[TX, 0].size == 8


def test_what_a_guest_writes_never_reaches_the_plane_as_an_impossible_ring():
    """The fake plane refuses what the real ones refuse."""
    adapter = Adapter(1)
    adapter.start(0)
    for direction, low, head, length, control in ((TX, vf.VFTDBAL, vf.VFTDH, vf.VFTDLEN, vf.VFTXDCTL),
                                                  (RX, vf.VFRDBAL, vf.VFRDH, vf.VFRDLEN, vf.VFRXDCTL)):
        for base, start, nbytes in ((BASE | 0x7F, 0, 128), (0, 8, 128), (0, 0xFFFF, 128), (0, 0, 0xFFFFFFFF), (3, 0, 3)):
            adapter.write(VF0, control, 0)
            adapter.write(VF0, low, base & 0xFFFFFFFF)
            adapter.write(VF0, head, start)
            adapter.write(VF0, length, nbytes)
            adapter.write(VF0, control, control.ENABLE.mask)
            assert ((direction, 0) in adapter.plane.rings) == (start < (nbytes & 0xFFF80) // 16)


def test_a_vf_vector_is_one_bit():
    """82599 8.3.5.2: the vector is bit 0 of its byte, whatever stands beside it."""
    adapter = Adapter(1)
    adapter.write(VF0, vf.VTIVAR, 0xFF | 0xFE << 8)
    adapter.start(0)
    assert (adapter.plane.rings[RX, 0].vector, adapter.plane.rings[TX, 0].vector) == (1, 0)


def test_a_vf_may_read_the_pfs_reset_as_often_as_it_likes():
    adapter = Adapter(1)
    assert [adapter.read(VF0, vf.VFMAILBOX) for _ in range(3)] == [vf.VFMAILBOX.RSTI.mask] * 3


@pytest.mark.parametrize("base, stride, row, count", [
    (0x02100, 4, pf.SRRCTL, 16), (0x02200, 4, pf.DCA_RXCTRL, 16), (0x05400, 8, pf.RAL, 16), (0x05404, 8, pf.RAH, 16),
    (0x05480, 4, pf.PSRTYPE, 16), (0x05818, 4, pf.MRQC, 1)], ids=lambda value: getattr(value, "name", ""))
def test_low_indices_are_also_where_drivers_look(base, stride, row, count):
    adapter = Adapter(1)
    for index in (0, count - 1):
        adapter.nic.write(0, 0, base + stride * index, 0x1234 + index)
        assert adapter.read(0, row[index]) == 0x1234 + index
        adapter.write(0, row[index], 0x4321 + index)
        assert adapter.nic.read(0, 0, base + stride * index) == 0x4321 + index


@pytest.mark.parametrize("pool", [64, 95, 96, 255, 256])
def test_addresses_and_vlans_reach_every_pool_past_the_real_part(pool):
    adapter = Adapter(256, "vf100g")
    function, word, bit = 1 + pool if pool < 256 else PF_FUNCTION, pool // 32, 1 << pool % 32
    adapter.write(0, pf.VLNCTRL, pf.VLNCTRL.VFE.mask)
    adapter.write(0, pf.RAL[200], 0x33221102)
    adapter.write(0, pf.RAH[200], 0x5544 | pf.RAH.AV.mask)
    adapter.write(0, pf.MPSAR_EXT[pf.POOL_WORDS * 200 + word], bit)
    adapter.write(0, pf.VLVF[3], 10 | pf.VLVF.VI_EN.mask)
    adapter.write(0, pf.VLVFB_EXT[pf.POOL_WORDS * 3 + word], bit)
    assert [words for words in adapter.plane.tables["filter"].values() if words[0]] == [(1, 0x02_11_22_33_44_55, 10, function)]
    adapter.write(0, pf.MPSAR_EXT[pf.POOL_WORDS * 200 + word], 0)
    assert not [words for words in adapter.plane.tables["filter"].values() if words[0]]
