"""What the library does for a PF about its VFs, and about MSI-X: who may call, what reaches the machine, levels."""

from __future__ import annotations

from typing import Any

import pytest
import simpy

from nicmodel.datasheet.ndis import PartitionType, Status
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.ndis.irql import Irql
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.platform import HandlePlatform, pf_keywords
from nicmodel.pcie.endpoint import Endpoint
from nicmodel.pcie.handle import FunctionHandle
from nicmodel.pcie.root import enumerate_device
from nicmodel.sim.errors import DriverStumble
from nicmodel.sim.memory import Domain


class Silent:
    """Function events that nobody hears."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args: None


class Port(Endpoint):
    """An endpoint whose MSI-X BAR the handle reaches at once."""

    env: simpy.Environment

    def mmio_write(self, function: int, bar: int, offset: int, value: int) -> None:
        self.bar_write(function, bar, offset, 4, value)

    def mmio_read(self, function: int, bar: int, offset: int) -> simpy.Event:
        return self.env.timeout(1, self.bar_read(function, bar, offset, 4))

    def connect_interrupt(self, function: int, vector: int, callback: Any) -> None:
        self.callbacks[vector] = callback


class Machine:
    """A PF (or, for what is refused to it, a VF) on a real configuration space."""

    def __init__(self, role: str = "PF"):
        self.env = simpy.Environment()
        self.port = Port(PROFILES["x520"], Silent())
        self.port.env, self.port.callbacks = self.env, {}
        enumerate_device(self.port)
        handle = FunctionHandle(self.port, self.env, 0, self.port.pf.rid, Domain(0, 1 << 20))
        self.platform = HandlePlatform(handle, PartitionType.MS_HV_PARENT, pf_keywords(4))
        self.ndis = NdisLibrary(self.env, role, role, self.platform)

    def do(self, steps: Any) -> Any:
        return self.env.run(self.env.process(steps))

    def with_vfs(self) -> Machine:
        assert self.do(self.ndis.NdisMEnableVirtualization(4, True)) == Status.SUCCESS
        return self


def test_bus_data_are_those_of_the_vf():
    machine = Machine().with_vfs()
    space = [machine.port.function(1 + vf).space for vf in range(4)]
    assert machine.do(machine.ndis.NdisMSetVirtualFunctionBusData(2, 4, b"\x04\x00")) == 2
    assert [each.read(4, 2) for each in space] == [0, 0, 4, 0]
    expected = b"".join(space[1].read(at, 1).to_bytes(1, "little") for at in range(0x70, 0x7B))
    assert machine.do(machine.ndis.NdisMGetVirtualFunctionBusData(1, 0x70, 11)) == expected
    assert len(machine.do(machine.ndis.NdisMGetVirtualFunctionBusData(3, 0, 4096))) == 4096


@pytest.mark.parametrize("vf, offset, length", [(4, 0, 4), (-1, 0, 4), (0, 4093, 4), (0, 0, 0), (0, -4, 4), (0, 0, 4097)])
def test_bus_data_that_are_not_there_are_none(vf, offset, length):
    machine = Machine().with_vfs()
    assert machine.do(machine.ndis.NdisMGetVirtualFunctionBusData(vf, offset, length)) == b""
    assert machine.do(machine.ndis.NdisMSetVirtualFunctionBusData(vf, offset, bytes(length))) == 0


def test_nothing_is_reached_before_virtualization_or_by_a_vf():
    for machine in (Machine(), Machine("VF")):
        assert machine.do(machine.ndis.NdisMGetVirtualFunctionBusData(0, 0, 4)) == b""
        assert machine.do(machine.ndis.NdisMSetVirtualFunctionBusData(0, 4, b"\x04")) == 0
        assert machine.ndis.NdisMQueryProbedBars() == (Status.FAILURE, [])


def test_a_register_of_two_bytes_is_written_at_once():
    """Half a device control would be no function level reset."""
    machine = Machine().with_vfs()
    function = machine.port.function(1)
    machine.do(machine.ndis.NdisMSetVirtualFunctionBusData(0, 4, b"\x04\x00"))
    assert function.mastering
    assert machine.do(machine.ndis.NdisMSetVirtualFunctionBusData(0, 0xA8, (0x8000).to_bytes(2, "little"))) == 2
    assert not function.mastering


def test_probed_bars_are_known_from_the_first_virtualization_on_and_nothing_has_moved():
    machine = Machine()
    bases = [machine.port.base(1, bar) for bar in (0, 3)]
    machine.with_vfs()
    assert machine.ndis.NdisMQueryProbedBars() == (Status.SUCCESS, [0xFFFFC00C, 0xFFFFFFFF, 0, 0xFFFFC00C, 0xFFFFFFFF, 0])
    assert [machine.port.base(1, bar) for bar in (0, 3)] == bases
    machine.do(machine.ndis.NdisMEnableVirtualization(0, False))
    assert machine.ndis.NdisMQueryProbedBars()[0] == Status.SUCCESS


def test_message_count_is_that_of_the_capability():
    assert Machine().platform.message_count() == 64


@pytest.mark.timeout(20)
@pytest.mark.parametrize("answer", (0xFFFFFFFF, 0x40404040))
def test_a_function_that_does_not_answer_and_one_whose_chain_is_a_circle_have_no_messages(answer):
    machine = Machine()
    machine.port.config_read = lambda rid, offset, size: answer & (1 << 8 * size) - 1
    assert machine.platform.message_count() == 0
    assert machine.do(machine.platform.enable_virtualization(1)) == Status.NOT_SUPPORTED


# MSI-X ----------------------------------------------------------------------------------------------------

@pytest.fixture
def interrupting():
    machine = Machine()
    machine.heard = []
    handlers = [lambda message, n=n: machine.heard.append((n, message, machine.ndis.irql)) for n in range(3)]
    assert machine.do(machine.ndis.NdisMRegisterInterruptEx(handlers)) == Status.SUCCESS
    machine.heard.clear()
    return machine


def test_messages_are_heard_at_dispatch_level(interrupting):
    interrupting.port.callbacks[1](1)
    assert interrupting.heard == [(1, 1, Irql.DISPATCH)] and interrupting.ndis.irql is Irql.PASSIVE


def test_messages_after_the_last_interrupt_was_given_back_reach_nobody(interrupting):
    interrupting.ndis.NdisMDeregisterInterruptEx()
    interrupting.port.callbacks[0](0)
    assert interrupting.heard == []


def test_an_entry_is_masked_unmasked_and_pointed_elsewhere(interrupting):
    ndis, table = interrupting.ndis, interrupting.port.msix(0)
    assert interrupting.do(ndis.NdisMConfigMSIXTableEntry(1, masked=True)) == Status.SUCCESS
    assert (table.read(24, 4), table.masked(1), table.masked(0)) == (1, True, False)
    assert interrupting.do(ndis.NdisMConfigMSIXTableEntry(1, message=2)) == Status.SUCCESS
    assert (table.read(24, 4), table.masked(1)) == (2, False)
    interrupting.port.callbacks[1](1)
    assert [n for n, _, _ in interrupting.heard] == [2]
    assert interrupting.do(ndis.NdisMConfigMSIXTableEntry(1, masked=True)) == Status.SUCCESS
    assert table.read(24, 4) == 2


@pytest.mark.parametrize("entry, message", [(3, None), (-1, None), (0, 3), (0, -1)])
def test_entries_and_messages_that_were_not_granted_are_refused(interrupting, entry, message):
    before = [list(each) for each in interrupting.port.msix(0).entries]
    assert interrupting.do(interrupting.ndis.NdisMConfigMSIXTableEntry(entry, message=message)) == Status.INVALID_PARAMETER
    assert interrupting.port.msix(0).entries == before


def test_no_entry_is_configured_without_interrupts(interrupting):
    interrupting.ndis.NdisMDeregisterInterruptEx()
    assert interrupting.do(interrupting.ndis.NdisMConfigMSIXTableEntry(0, masked=True)) == Status.INVALID_PARAMETER
    assert Machine().do(Machine().ndis.NdisMConfigMSIXTableEntry(0)) == Status.INVALID_PARAMETER


def test_a_handler_that_fails_leaves_the_level_as_it_was(interrupting):
    interrupting.ndis._handlers = (lambda message: 1 // 0,)
    with pytest.raises(DriverStumble, match="ZeroDivisionError.* in a message interrupt"):
        interrupting.port.callbacks[0](0)
    assert interrupting.ndis.irql is Irql.PASSIVE
