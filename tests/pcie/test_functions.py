"""Functions one by one: VF configuration space, bus mastering, resets, power state, unsupported requests."""

from __future__ import annotations

import pytest
from machine import BME, COMMAND, CONTROL, DEVCTL, FLR, MSIX, NUM_VFS, PAGE, PF_RID, SRIOV, Machine

from nicmodel.datasheet.config_pf import BAR4_BYTES, VF_BAR_BYTES
from nicmodel.sim.errors import ModelBug

PMCSR = 0x44
ENABLED = 0x8000
PF_MSIX_BAR, VF_MSIX_BAR = 4, 3


def busy_machine(num_vfs: int = 4) -> Machine:
    """Every function masters the bus and has MSI-X on with a programmed, unmasked vector 0."""
    machine = Machine(num_vfs=num_vfs, mps=256)
    for index, rid in enumerate((PF_RID, *machine.rids)):
        machine.write(COMMAND, 2, 0x6, rid)
        machine.write(MSIX, 2, ENABLED, rid)
        bar = VF_MSIX_BAR if index else PF_MSIX_BAR
        for at, word in enumerate((0xFEE00000, 0, 0x40 + index, 0)):
            machine.endpoint.bar_write(index, bar, 4 * at, 4, word)
    machine.heard.take()
    return machine


# VF configuration space -----------------------------------------------------------------------------------


def test_writing_all_ones_then_zeros_to_every_vf_changes_what_may_change_and_no_pf():
    machine = Machine(num_vfs=3)
    pf_before = machine.image(0)
    fresh = machine.image(1)
    may_change = {0x04: 0x4, 0x72: 0xC0}               # BME; MSI-X enable and function mask (high byte at 73)
    for index, rid in enumerate(machine.rids, 1):
        for dword in range(0, 4096, 4):
            value = 0xFFFFFFFF if dword != 0xA8 else 0xFFFF7FFF          # FLR has a test of its own
            machine.write(dword, 4, value, rid)
        ones = machine.image(index)[:4096]
        expected = bytearray(fresh[:4096])
        expected[0x04] |= may_change[0x04]
        expected[0x73] |= may_change[0x72]
        assert ones == bytes(expected)
        for dword in range(0, 4096, 4):
            machine.write(dword, 4, 0, rid)
        assert machine.image(index)[:4096] == fresh[:4096]
        assert machine.image(0) == pf_before


def test_a_vf_looks_as_the_specification_wants():
    machine = Machine(num_vfs=1)
    rid = machine.rids[0]
    expected = {0x00: 0xFFFFFFFF, 0x04: 0x00100000, 0x08: 0x02000001, 0x0C: 0, 0x2C: 0x00038086, 0x30: 0,
                0x34: 0x70, 0x3C: 0, 0x70: 0x0002A011, 0x74: 3, 0x78: 0x2003, 0xA0: 0x00020010,
                0xA4: 0x10008CC2,
                0xA8: 0, 0xAC: 0x23482, 0xB0: 0, 0xC4: 0x1F, 0xC8: 0, 0xD0: 0, 0x100: 0x15010001, 0x108: 0,
                0x10C: 0, 0x114: 0, 0x118: 0, 0x150: 0x0001000E, 0x154: 0, 0x160: 0}
    expected |= {at: 0 for at in range(0x10, 0x28, 4)}
    for offset, value in expected.items():
        assert machine.read(offset, 4, rid) == value, f"{offset:#x}"


def test_vf_error_status_is_its_own():
    machine = Machine(num_vfs=2)
    machine.write(CONTROL, 2, 0x11)                        # VF MSE off
    assert machine.endpoint.bar_read(2, VF_MSIX_BAR, 0, 4) == 0xFFFFFFFF
    status = [machine.read(0xAA, 2, rid) for rid in (PF_RID, *machine.rids)]
    assert status == [0, 0, 0x9], "correctable (advisory) and unsupported request, on VF 1 alone"
    errors = [machine.read(0x110, 4, rid) for rid in (PF_RID, *machine.rids)]
    assert errors == [0, 0, 1 << 13], "advisory non-fatal, where correctable errors are told apart"
    machine.write(0xAA, 2, 0x8, machine.rids[1])
    assert machine.read(0xAA, 2, machine.rids[1]) == 0x1


# bus mastering --------------------------------------------------------------------------------------------


def test_bus_master_edges_are_told_once_each():
    machine = Machine(num_vfs=2)
    for value in (BME, BME, 0, 0, BME):
        machine.write(COMMAND, 2, value, machine.rids[1])
    assert machine.heard.take() == [("bus_master", 2, edge) for edge in (True, False, True)]


def test_the_pfs_bus_mastering_has_no_effect_on_vfs():
    machine = busy_machine()
    machine.write(COMMAND, 2, 0x2)
    assert machine.heard.take("bus_master") == [("bus_master", 0, False)]
    assert [function.mastering for function in machine.endpoint.functions.values()] == [False, *[True] * 4]


# resets ---------------------------------------------------------------------------------------------------


def test_vf_flr_resets_that_vf_alone():
    machine = busy_machine()
    before = [machine.image(index) for index in range(5)]
    machine.write(0xA9, 1, 0x80, machine.rids[1])
    after = [machine.image(index) for index in range(5)]
    assert [index for index in range(5) if before[index] != after[index]] == [2]
    assert after[2] == Machine(num_vfs=2).image(2), "as if fresh"
    assert machine.heard.take() == [("bus_master", 2, False), ("msix_changed", 2), ("function_reset", 2)]
    assert machine.endpoint.num_vfs == 4 and machine.endpoint.decode(machine.endpoint.base(2, 0)) == (2, 0, 0)


def test_vf_flr_keeps_sticky_errors():
    machine = Machine(num_vfs=1)
    vf = machine.endpoint.function(1)
    vf.space.put("Aer.UncorrectableStatus.PoisonedTlp", 1)
    vf.space.put("Express.DevSta.NonFatalDetected", 1)
    machine.write(DEVCTL, 2, FLR, machine.rids[0])
    assert machine.read(0x104, 4, machine.rids[0]) == 1 << 12
    assert machine.read(0xAA, 2, machine.rids[0]) == 0


def test_pf_flr_removes_the_vfs_and_what_made_them():
    machine = busy_machine()
    control = machine.read(DEVCTL, 2)
    machine.write(DEVCTL, 2, control | FLR)
    assert machine.heard.take() == [("vfs_disabled",), ("bus_master", 0, False), ("msix_changed", 0),
                                    ("function_reset", 0), ("memory_decode", 0, False)]
    assert list(machine.endpoint.functions) == [PF_RID]
    assert machine.read(0, 4, machine.rids[0]) == 0xFFFFFFFF
    registers = (CONTROL, NUM_VFS, PAGE, SRIOV + 0x24, SRIOV + 0x28, 0x10, 0x14)
    assert [machine.read(at, 4) for at in registers] == [0, 0, 1, 0xC, 0, 0xC, 0]
    assert machine.read(COMMAND, 2) == 0
    assert machine.read(DEVCTL, 2) >> 5 & 7 == 1, "FLR keeps MPS"
    assert machine.read(DEVCTL, 2) >> 12 & 7 == 2 and not machine.read(DEVCTL, 2) & FLR


def test_pf_flr_without_vfs_tells_of_none():
    machine = Machine()
    machine.write(DEVCTL, 2, FLR)
    assert not machine.heard.take("vfs_disabled")


# power state ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [1, 2])
def test_unsupported_power_states_are_dropped(state):
    machine = busy_machine()
    machine.write(PMCSR, 2, state)
    assert machine.read(PMCSR, 2) & 3 == 0 and not machine.heard.take()


def test_d3hot_stops_memory_and_mastering_of_all_and_waking_resets():
    machine = busy_machine(num_vfs=2)
    windows = [machine.endpoint.base(0, 0), machine.endpoint.base(1, 0)]
    machine.write(PMCSR, 2, 3)
    assert machine.heard.take("bus_master", "memory_decode") == [
        (verb, index, False) for verb in ("memory_decode", "bus_master") for index in range(3)]
    assert [machine.endpoint.decode(address) for address in windows] == [None, None]
    assert not machine.endpoint.reachable(0, 4) and not machine.endpoint.reachable(1, 3)
    assert machine.read(0, 4) == 0x10FB8086, "configuration still works"
    machine.write(PMCSR, 2, 0)
    assert machine.heard.take() == [("vfs_disabled",), ("function_reset", 0)]
    assert machine.read(COMMAND, 2) == 0 and machine.endpoint.num_vfs == 0


# unsupported requests -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size, ones", [(1, 0xFF), (2, 0xFFFF), (4, 0xFFFFFFFF)])
def test_an_absent_function_reads_all_ones_and_takes_nothing(size, ones):
    machine = Machine(num_vfs=2)
    before = [machine.image(index) for index in (1, 2)]
    for rid in (0x101, 0x181, 0x184, 0x280):
        assert machine.read(0, size, rid) == ones
        machine.write(COMMAND, 2, BME, rid)
    assert [machine.image(index) for index in (1, 2)] == before
    assert machine.endpoint.refused["configuration write to an absent function"] == 4
    assert machine.read(0xAA, 2) & 0x8, "errors without an owner go to the PF"
    assert machine.read(0xAA, 2, machine.rids[0]) == 0


def test_writes_to_a_closed_bar_are_dropped_and_logged():
    machine = busy_machine()
    machine.write(COMMAND, 2, BME)
    machine.endpoint.bar_write(0, PF_MSIX_BAR, 8, 4, 0x1234)
    assert machine.read(0xAA, 2) == 0xA and machine.read(0x104, 4) == 1 << 20
    machine.write(COMMAND, 2, BME | 2)
    assert machine.endpoint.bar_read(0, PF_MSIX_BAR, 8, 4) == 0x40


@pytest.mark.parametrize("index, bar, size", [(0, PF_MSIX_BAR, BAR4_BYTES), (1, VF_MSIX_BAR, VF_BAR_BYTES)])
def test_an_access_that_leaves_its_bar_is_refused(index, bar, size):
    endpoint = busy_machine().endpoint
    assert endpoint.bar_read(index, bar, size - 4, 4) == 0 and not endpoint.refused
    for offset in (size, 64 << 10):
        assert endpoint.bar_read(index, bar, offset, 4) == 0xFFFFFFFF
    assert endpoint.refused["memory access that leaves its BAR"] == 2


@pytest.mark.parametrize("index", [0, 1])
def test_registers_are_not_the_endpoints_to_read(index):
    with pytest.raises(ModelBug, match=f"BAR 0 of function {index} belongs to the register file"):
        busy_machine().endpoint.bar_read(index, 0, 8, 4)


def test_an_adapter_that_was_unplugged_answers_nothing_and_comes_back_as_after_power_up():
    machine = Machine(num_vfs=2)
    endpoint = machine.endpoint
    endpoint.unplug()
    assert endpoint.num_vfs == 0 and not endpoint.functions and not endpoint.reachable(0, 0)
    endpoint.config_write(endpoint.pf.rid, 4, 2, 6)
    assert endpoint.config_read(endpoint.pf.rid, 0, 4) == 0xFFFFFFFF
    endpoint.plug()
    assert endpoint.config_read(endpoint.pf.rid, 4, 2) & 6 == 0, "what was written to an empty slot is lost"
    assert endpoint.config_read(endpoint.pf.rid, 0, 2) == 0x8086
