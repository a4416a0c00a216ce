"""The handle a driver holds, over a device that answers at once but after a known time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import simpy
from machine import Machine

from nicmodel.datasheet.timing import CONFIG_ACCESS_PS, MSIX_ADDRESS
from nicmodel.pcie.handle import FunctionHandle
from nicmodel.sim.errors import DriverFault
from nicmodel.sim.memory import Domain

READ_PS = 700
AGENT = {name: 1 for name in (
    "tx_buffers", "rx_buffers", "tx_stride", "rx_stride", "vector", "irq_latency_ps", "irq_cost_ps",
    "pass_cost_ps", "tx_packet_cost_ps", "rx_packet_cost_ps", "tx_batch", "rx_batch", "flow")}


@dataclass(frozen=True)
class Row:
    """A register array, as drivers name them."""

    at: int
    offset = property(lambda self: self.at)
    stride: int = 4

    def __getitem__(self, index: int) -> Element:
        return Element(self, index, self.at + index * self.stride)


@dataclass(frozen=True)
class Element:
    register: Row
    index: int
    offset: int


CTRL, TAIL = Row(0x0), Row(0x1018, 0x40)


class Ops:
    """Registers are a dict; the MSI-X BAR and configuration space are a real endpoint's."""

    def __init__(self, machine: Machine, env: simpy.Environment):
        self.machine, self.env = machine, env
        self.registers: dict[tuple[int, int], int] = {}
        self.calls: list[tuple] = []
        self.config_read, self.config_write = machine.endpoint.config_read, machine.endpoint.config_write

    def mmio_write(self, function, bar, offset, value):
        self.calls.append(("write", function, bar, offset, value))
        if bar:
            self.machine.endpoint.bar_write(function, bar, offset, 4, value)
        else:
            self.registers[function, offset] = value

    def mmio_read(self, function, bar, offset):
        if bar:
            value = self.machine.endpoint.bar_read(function, bar, offset, 4)
        else:
            value = self.registers.get((function, offset), 0)
        return self.env.timeout(READ_PS, value)

    def connect_interrupt(self, function, vector, callback):
        self.calls.append(("connect", function, vector, callback))

    def start_agent(self, config):
        self.calls.append(("agent", config))
        return 11

    def stop_agent(self, agent):
        self.calls.append(("stop", agent))


class Bench:
    def __init__(self, index: int = 2):
        self.env, self.machine = simpy.Environment(), Machine(num_vfs=2)
        self.ops = Ops(self.machine, self.env)
        self.handle = FunctionHandle(self.ops, self.env, index, self.machine.endpoint.rid_of(index),
                                     Domain(index, 1 << 16), first_queue=2 * max(index - 1, 0))

    def run(self, steps):
        return self.env.run(self.env.process(steps))


@pytest.fixture
def bench():
    return Bench()


def test_names():
    assert [Bench(index).handle.name for index in (0, 1, 2)] == ["PF", "VF0", "VF1"]


def test_configuration_write_acts_when_the_access_completes(bench):
    rid, read = bench.handle.rid, bench.machine.endpoint.config_read
    done = bench.handle.config_write(0x04, 2, 0xFFFF)
    bench.env.run(until=CONFIG_ACCESS_PS)
    assert read(rid, 0x04, 2) == 0
    bench.env.run(done)
    assert read(rid, 0x04, 2) == 4 and bench.env.now == CONFIG_ACCESS_PS
    assert bench.env.run(bench.handle.config_read(0x04, 2)) == 4 and bench.env.now == 2 * CONFIG_ACCESS_PS


def test_registers_are_addressed_by_row_or_element(bench):
    bench.handle.write(CTRL, 5)
    bench.handle.write(TAIL[3], 6)
    assert bench.ops.calls == [("write", 2, 0, 0x0, 5), ("write", 2, 0, 0x10D8, 6)]
    assert bench.env.run(bench.handle.read(TAIL[3])) == 6 and bench.env.now == READ_PS


def test_flags_are_set_and_cleared_alone(bench):
    bench.handle.write(CTRL, 0b1010)
    bench.run(bench.handle.set_flags(CTRL, 0b0110))
    assert bench.ops.registers[2, 0] == 0b1110
    bench.run(bench.handle.clear_flags(CTRL, 0b0010))
    assert bench.ops.registers[2, 0] == 0b1100


def test_waiting_returns_the_word_once_it_fits(bench):
    def hardware():
        yield bench.env.timeout(5000)
        bench.ops.registers[2, 0] = 0b111
        yield bench.env.timeout(5000)
        bench.ops.registers[2, 0] = 0b100
    bench.env.process(hardware())
    assert bench.run(bench.handle.wait_set(CTRL, 0b11, 20_000, 100)) == 0b111
    assert 5000 < bench.env.now < 5000 + READ_PS + 100 + READ_PS
    assert bench.run(bench.handle.wait_clear(CTRL, 0b11, 20_000, 100)) == 0b100
    assert 10_000 < bench.env.now < 12_000


@pytest.mark.parametrize("poll_ps", [100, 8000])
def test_a_wait_that_is_too_long_is_a_fault_with_time_and_function(bench, poll_ps):
    with pytest.raises(DriverFault, match="VF1 at .* register 0x0 stays at 0x00000001") as caught:
        bench.handle.write(CTRL, 1)
        bench.run(bench.handle.wait_set(CTRL, 0b11, 10_000, poll_ps))
    assert caught.value.function == "VF1" and 9_000 <= caught.value.time_ps <= 10_000 + READ_PS


@pytest.mark.parametrize("misuse", [
    lambda handle: handle.write(CTRL, 1 << 32), lambda handle: handle.write(CTRL, -1),
    lambda handle: handle.config_read(1, 4), lambda handle: handle.config_write(0, 2, 1 << 16),
    lambda handle: handle.config_write(0, 3, 0)])
def test_misuse_is_the_drivers_fault_at_the_call(bench, misuse):
    with pytest.raises(DriverFault):
        misuse(bench.handle)
    assert not bench.ops.calls


def test_memory_is_the_domains(bench):
    address = bench.handle.allocate(100, align=4096)
    assert address % 4096 == 0 and bench.handle.memory_read(address, 4) == bytes(4)
    bench.handle.memory_write(address + 1, b"abc")
    assert bench.handle.domain.read(address, 4) == b"\0abc"


@pytest.mark.parametrize("index, vectors, bar", [(0, 64, 4), (2, 3, 3)])
def test_enable_msix_leaves_exactly_the_wanted_vectors_open(index, vectors, bar):
    bench = Bench(index)
    bench.machine.write(0x04, 2, 0x6, bench.handle.rid)
    bench.machine.write(0x72, 2, 0x4000, bench.handle.rid)         # the last driver left them masked
    wanted = vectors - 1
    bench.run(bench.handle.enable_msix(wanted))
    table = bench.machine.endpoint.msix(index)
    assert [table.deliverable(vector) for vector in range(vectors)] == [True] * wanted + [False]
    assert [(table.read(16 * v, 8), table.read(16 * v + 8, 4)) for v in range(wanted)] == [
        (MSIX_ADDRESS, v) for v in range(wanted)]
    assert bench.machine.read(0x72, 2, bench.handle.rid) == 0x8000 | vectors - 1
    assert {call[2] for call in bench.ops.calls} == {bar}


def test_a_function_without_msix_is_a_fault(bench):
    bench.ops.config_read = lambda rid, offset, size: (1 << 8 * size) - 1        # it has left its slot
    for steps in (bench.handle.enable_msix(1), bench.handle.set_msix_entry(0, 0, False)):
        with pytest.raises(DriverFault, match="no capability 0x11"):
            bench.run(steps)


def test_no_vector_is_open_before_all_are_programmed(bench):
    bench.machine.write(0x04, 2, 0x6, bench.handle.rid)
    table, opened = bench.machine.endpoint.msix(2), []
    write = bench.ops.mmio_write
    bench.ops.mmio_write = lambda *args: (write(*args), opened.append(table.deliverable(0)))
    bench.run(bench.handle.enable_msix(3))
    assert len(opened) == 12 and not any(opened)


@pytest.mark.parametrize("vectors", [0, 4])
def test_more_vectors_than_the_table_has_are_a_fault(bench, vectors):
    with pytest.raises(DriverFault, match="table of 3"):
        bench.run(bench.handle.enable_msix(vectors))


def test_interrupts_and_agents_reach_the_device_under_our_number(bench):
    bench.handle.connect_interrupt(1, print)
    assert bench.handle.start_ring_agent(tx_ring=1, rx_ring=-1, **AGENT) == 11
    bench.handle.stop_ring_agent(11)
    connect, (_, config), stop = bench.ops.calls
    assert connect == ("connect", 2, 1, print) and stop == ("stop", 11)
    assert (config.function, config.tx_ring, config.rx_ring) == (2, 3, -1)
