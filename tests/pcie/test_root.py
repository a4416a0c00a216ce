"""A host's enumeration and VF life, over configuration accesses alone."""

from __future__ import annotations

import pytest
from machine import CONTROL, MSE, NUM_VFS, PF_RID, VF100G, X520, Heard, Machine

from nicmodel.pcie import root
from nicmodel.pcie.endpoint import Endpoint
from nicmodel.sim.errors import ModelBug


def windows(enumerated):
    return [*enumerated.bars.values(), *enumerated.vf_bars.values()]


@pytest.mark.parametrize("profile", [X520, VF100G], ids=lambda profile: profile.name)
@pytest.mark.parametrize("page", [4096, 1 << 22])
def test_windows_are_sized_aligned_apart_and_above_4_gib(profile, page):
    found = Machine(profile, page_bytes=page).enumerated
    assert {bar: window.size for bar, window in found.bars.items()} == {0: 512 << 10, 4: 16 << 10}
    assert {bar: (w.size, w.count) for bar, w in found.vf_bars.items()} == {
        bar: (max(16 << 10, page), profile.total_vfs) for bar in (0, 3)}
    end = 1 << 32
    for window in windows(found):
        assert window.base % window.size == 0 and window.base >= end
        end = window.end


def test_the_device_agrees_with_the_host_about_every_window():
    machine = Machine(num_vfs=64)
    for bar, window in machine.enumerated.bars.items():
        assert machine.endpoint.base(0, bar) == window.base
    for bar, window in machine.enumerated.vf_bars.items():
        for vf in (0, 1, 63):
            assert machine.endpoint.base(1 + vf, bar) == window.base + vf * window.size
            assert machine.endpoint.decode(window.base + vf * window.size + 8) == (1 + vf, bar, 8)


def test_payload_sizes_and_command():
    machine = Machine(mps=512, mrrs=4096, rcb=128)
    devctl = machine.read(0xA8, 2)
    assert (devctl >> 5 & 7, devctl >> 12 & 7, machine.read(0xB0, 2)) == (2, 5, 8)
    assert machine.read(0x04, 2) == 0x6
    assert machine.read(0x0C, 1) == 0x10


def test_digests_are_made_and_checked_if_asked_for():
    capable = 1 << 5 | 1 << 7
    assert Machine().read(0x118, 4) & 0x1E0 == capable
    assert Machine(ecrc=True).read(0x118, 4) & 0x1E0 == capable | 1 << 6 | 1 << 8


@pytest.mark.parametrize("mps, why", [(1024, "above the device's 512 B"), (300, "300 B is no payload")])
def test_a_payload_that_the_device_cannot_do_is_refused_before_anything_is_written(mps, why):
    endpoint = Endpoint(X520, Heard())
    before = endpoint.pf.space.dump()
    with pytest.raises(ModelBug, match=why):
        root.enumerate_device(endpoint, mps)
    assert endpoint.pf.space.dump() == before


def test_no_device():
    with pytest.raises(ModelBug, match="no device"):
        root.enumerate_device(Endpoint(X520, Heard()), rid=0x0200)


def test_vf_life_in_order():
    machine = Machine()
    up = root.enable_vfs(machine.endpoint, 3)
    assert machine.heard.take() == [("vfs_enabled", 3), *(("memory_decode", index, True) for index in (1, 2, 3))]
    assert up.rids == (0x180, 0x182, 0x184) and up.settle_ps > 0
    assert machine.read(CONTROL, 2) == 0x19
    for rid in up.rids:
        root.enable_bus_master(machine.endpoint, rid)
    assert machine.heard.take() == [("bus_master", index, True) for index in (1, 2, 3)]
    assert root.disable_vfs(machine.endpoint) > 0
    assert machine.heard.take() == [*(("bus_master", index, False) for index in (1, 2, 3)), ("vfs_disabled",)]
    assert machine.read(NUM_VFS, 2) == 3
    root.release_vfs(machine.endpoint)
    assert machine.read(NUM_VFS, 2) == 0 and machine.read(CONTROL, 2) == 0x10


class Broken:
    """A port that lies about some configuration registers of the PF."""

    def __init__(self, endpoint, **lies):
        self.endpoint, self.lies = endpoint, {int(at[1:], 16): value for at, value in lies.items()}

    def config_read(self, rid, offset, size):
        return self.lies.get(offset, self.endpoint.config_read(rid, offset, size))

    def config_write(self, rid, offset, size, value):
        self.endpoint.config_write(rid, offset, size, value)


@pytest.mark.parametrize("lies, why", [
    ({"x16c": 63}, "InitialVFs"), ({"x174": 0}, "First VF Offset"), ({"x176": 0}, "Stride"),
    ({"x172": 1}, "dependency"), ({"x17c": 0}, "page"), ({"x168": 1}, "enabled already"),
    ({"x184": 0xC, "x188": 0}, "enumerate first")])
def test_what_linux_would_not_enable_is_not_enabled(lies, why):
    machine = Machine()
    with pytest.raises(ModelBug, match=why):
        root.enable_vfs(Broken(machine.endpoint, **lies), 2)
    assert machine.endpoint.num_vfs == 0


def test_windows_may_be_below_4_gib():
    machine = Machine(window_base=1 << 31)
    assert all(window.end <= 1 << 32 for window in windows(machine.enumerated))
    assert len(root.enable_vfs(machine.endpoint, 2).rids) == 2


def test_a_bar_of_32_bits_has_no_place_above_4_gib():
    with pytest.raises(ModelBug, match="BAR 0 of 0x0100 cannot go above 4 GiB"):
        root.enumerate_device(Broken(Endpoint(X520, Heard()), x10=0xFFFF_0000))


@pytest.mark.parametrize("find, identity, why", [
    ("capability", 0x42, "capability 0x42"), ("extended", 0x7F, "extended capability 0x007f")])
def test_a_capability_that_the_chain_does_not_have_is_told(find, identity, why):
    with pytest.raises(ModelBug, match=f"function 0x0100 has no {why}"):
        getattr(root.Function(Machine().endpoint, PF_RID), find)(identity)


@pytest.mark.parametrize("count", [0, 65])
def test_too_few_or_too_many_vfs(count):
    with pytest.raises(ModelBug, match="asked of a device with 64"):
        root.enable_vfs(Machine().endpoint, count)


def test_vfs_beyond_the_bridges_last_bus_are_refused():
    machine = Machine(VF100G)
    with pytest.raises(ModelBug, match="bus 0x3"):
        root.enable_vfs(machine.endpoint, 256, last_bus=2)
    assert root.enable_vfs(machine.endpoint, 192, last_bus=2).rids[-1] == 0x2FE


def test_enumerating_again_needs_the_vfs_gone():
    machine = Machine(num_vfs=1)
    with pytest.raises(ModelBug, match="disable"):
        root.enumerate_device(machine.endpoint)
    root.disable_vfs(machine.endpoint)
    assert windows(root.enumerate_device(machine.endpoint)) == windows(machine.enumerated)
    assert machine.read(0x04, 2, PF_RID) & MSE
