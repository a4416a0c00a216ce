"""A filter moves with no moment at which its frames go anywhere but to the old or to the new VPort (FILTER-13)."""

from __future__ import annotations

from typing import Any

import pytest
from test_pf_requests import ALLOCATE, CLEAR, FILTER, MAC, MOVE, VPORT, Bench, in_vlan, to_mac

from drivers.pf import PfMiniport, PfSettings
from nicmodel.datasheet.ndis import Status
from nicmodel.datasheet.registers_pf import RAH, VLVF, VMOLR, VT_CTL

LAST = 40                                # VFs of this adapter, so that bitmaps of pools have two words


class Recorder:
    """Who gets frames of our address, after every register write of the PF."""

    def __init__(self, adapter: Any, vlan: int | None):
        self.adapter, self.vlan = adapter, vlan
        self.seen: list[int | None] = []
        self.write = adapter.write

    def __call__(self, function: int, register: Any, value: int) -> None:
        self.write(function, register, value)
        self.seen.append(self.pool())

    def pool(self) -> int | None:
        """The lowest matching slot, and of its pools the lowest that takes the frame; else the default pool."""
        read = self.adapter.value
        first = MAC.to_bytes(6, "big")
        for slot in range(128):
            low, high = read(0, "RAL", slot), read(0, "RAH", slot)
            if high & RAH.AV.mask and (low, high & 0xFFFF) == (int.from_bytes(first[:4], "little"),
                                                               int.from_bytes(first[4:], "little")):
                pools = read(0, "MPSAR_LO", slot) | read(0, "MPSAR_HI", slot) << 32
                takers = [p for p in range(LAST + 1) if pools >> p & 1 and self.takes(p)]
                if takers:
                    return takers[0]
        return VT_CTL.DEF_PL.get(read(0, "VT_CTL"))

    def takes(self, pool: int) -> bool:
        read = self.adapter.value
        if self.vlan is None:
            return bool(read(0, "VMOLR", pool) & VMOLR.AUPE.mask)
        for slot in range(64):
            if read(0, "VLVF", slot) == self.vlan | VLVF.VI_EN.mask:
                return bool((read(0, "VLVFB", 2 * slot) | read(0, "VLVFB", 2 * slot + 1) << 32) >> pool & 1)
        return False


@pytest.fixture
def pf(machine):
    bench = object.__new__(Bench)
    bench.machine = machine(num_vfs=LAST, pf_driver=PfMiniport, pf_settings=PfSettings())
    bench.machine.do(bench.machine.stack.bring_up_pf())
    bench.pf = bench.machine.pf
    for vf in range(LAST):
        assert bench.ask(ALLOCATE) == bench.ask(VPORT, VPortId=1 + vf, AttachedFunctionId=vf) == Status.SUCCESS
    return bench


@pytest.mark.parametrize("vlan", [None, 7])
@pytest.mark.parametrize("source, destination", [(0, 1), (0, 39), (1, 0), (39, 0), (1, 2), (2, 1), (3, 38), (38, 3)])
def test_frames_go_to_the_old_or_the_new_vport_and_nowhere_else(pf, vlan, source, destination):
    data = to_mac() if vlan is None else in_vlan(vlan)
    tests = 1 if vlan is None else 2
    assert pf.ask(FILTER, data, VPortId=source, FieldParametersArrayNumElements=tests) == Status.SUCCESS
    pools = [pf.pf.switch.pool_of(vport) for vport in (source, destination)]
    recorder = pf.machine.adapter.write = Recorder(pf.machine.adapter, vlan)
    assert recorder.pool() == pools[0]
    assert pf.ask(MOVE, FilterId=9, SourceVPortId=source, DestVPortId=destination) == Status.SUCCESS
    assert recorder.seen[-1] == pools[1] and set(recorder.seen) <= set(pools)
    changes = sum(a != b for a, b in zip([pools[0], *recorder.seen], recorder.seen, strict=False))
    assert changes == 1                                   # over once, and never back


def test_a_move_leaves_the_neighbours_of_a_vlan_alone(pf):
    other = MAC + 1
    for number, mac, vport in ((9, MAC, 1), (8, other, 2)):
        data = to_mac(mac, Flags=0) + in_vlan(7)[56:]
        assert pf.ask(FILTER, data, FilterId=number, VPortId=vport, FieldParametersArrayNumElements=2) == Status.SUCCESS
    assert pf.machine.adapter.value(0, "VLVFB", 0) == 0b11
    assert pf.ask(MOVE, FilterId=9, SourceVPortId=1, DestVPortId=5) == Status.SUCCESS
    assert pf.machine.adapter.value(0, "VLVFB", 0) == 0b10010
    assert pf.ask(CLEAR, FilterId=9) == pf.ask(CLEAR, FilterId=8) == Status.SUCCESS
    assert pf.machine.adapter.value(0, "VLVF", 0) == pf.machine.adapter.value(0, "VFTA", 0) == 0


def test_vlan_slots_run_out_and_nothing_is_left_behind(machine):
    bench = object.__new__(Bench)
    bench.machine = machine(num_vfs=1, pf_settings=PfSettings(mac_slots=128))
    bench.machine.do(bench.machine.stack.bring_up_pf())
    bench.pf = bench.machine.pf
    for number in range(1, 65):
        assert bench.ask(FILTER, in_vlan(number), FilterId=number, VPortId=0, FieldParametersArrayNumElements=2) == Status.SUCCESS
    before = bench.state()
    one_more = dict(FilterId=65, VPortId=0, FieldParametersArrayNumElements=2)
    assert bench.ask(FILTER, in_vlan(65), **one_more) == Status.FAILURE and bench.state() == before
    assert bench.ask(FILTER, in_vlan(64), **one_more) == Status.SUCCESS          # a VLAN that has its slot
