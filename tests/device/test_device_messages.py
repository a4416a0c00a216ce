"""A function whose memory is elsewhere: its DMA leaves the standalone door as messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from device_bench import BUFFER, US, Bench, frames, send

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.descriptors import rx_read, rx_status, tx_data, tx_done
from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.device import MESSAGES, NOWHERE
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import READ_FAULT

# memory elsewhere -------------------------------------------------------------------------------------------------

class Elsewhere:
    """A guest memory at the other end of messages: sparse bytes, and a log."""

    def __init__(self, bench: Bench, function: int, latency: int = 0):
        self.bench, self.function, self.latency = bench, function, latency
        self.memory: dict[int, int] = {}
        self.log: list[tuple[str, int, int, int]] = []
        bench.device.attach(function, None)
        bench.device.on_dma_read = self.on_read
        bench.device.on_dma_write = self.on_write

    def put(self, address: int, data: bytes) -> None:
        self.memory.update(enumerate(data, start=address))

    def get(self, address: int, length: int) -> bytes:
        return bytes(self.memory.get(address + n, 0) for n in range(length))

    def on_read(self, request: int, function: int, address: int, length: int, time: int) -> None:
        assert function == self.function and time == int(self.bench.device.clock.now)
        self.log.append(("read", address, length, time))
        self.bench.device.dma_answer(request, self.get(address, length), time + self.latency if self.latency else None)

    def on_write(self, function: int, address: int, data: bytes | None, time: int) -> None:
        assert function == self.function and data is not None
        self.log.append(("write", address, len(data), time))
        self.put(address, data)


HERE, THERE = DOMAIN_BASE + 0x1000, DOMAIN_BASE + 0x8000


def send_from_elsewhere(bench: Bench, latency: int) -> tuple[Elsewhere, list[bytes]]:
    """VF 0 sends frames from a memory elsewhere."""
    guest, data = Elsewhere(bench, 1, latency), frames(3, size=700)
    for n, frame in enumerate(data):
        guest.put(HERE + 16 * n, tx_data(THERE + BUFFER * n, len(frame)))
        guest.put(THERE + BUFFER * n, frame)
    bench.enable_both_directions()
    bench.vf_ring(0, HERE)
    bench.write(1, vf.VFTDT, len(data))
    bench.wait(40)
    return guest, data


def test_a_message_domain_sends_frames(plane):
    bench = Bench(plane)
    guest, data = send_from_elsewhere(bench, latency=300_000)
    assert [frame for frame, _ in bench.out] == data
    assert guest.log[0][:3] == ("read", HERE, 48)
    payload = [(address, length) for kind, address, length, _ in guest.log if kind == "read" and address >= THERE]
    mrrs = bench.device.config.mrrs
    assert sorted(payload) == [piece for n, frame in enumerate(data) for piece in (
        (THERE + BUFFER * n, mrrs), (THERE + BUFFER * n + mrrs, len(frame) - mrrs))]
    assert all(tx_done(guest.get(HERE + 16 * n, 16)) for n in range(3))
    assert bench.device.faults == []


def test_the_time_of_an_answer_is_the_answerers(plane):
    """A frame needs two reads one after the other: the descriptor's and the payload's."""
    benches = Bench(plane), Bench(plane)
    for bench, latency in zip(benches, (0, 2 * US), strict=True):
        send_from_elsewhere(bench, latency)
    soon, late = (bench.out[0][1] for bench in benches)
    assert 4 * US - 20_000 <= late - soon <= 4 * US + 20_000


def test_a_message_domain_receives_frames(plane):
    bench, data = Bench(plane), frames(3, size=300)
    guest = Elsewhere(bench, 1, 300_000)
    for n in range(4):
        guest.put(HERE + 16 * n, rx_read(THERE + BUFFER * n))
    bench.enable_both_directions()
    bench.deliver_to(0)
    bench.vf_ring(0, HERE, receive=True)
    bench.write(1, vf.VFRDT, 4)
    bench.wait()
    guest.log.clear()
    for frame in data:
        bench.device.frame_in(frame)
    bench.wait()
    for n, frame in enumerate(data):
        assert guest.get(THERE + BUFFER * n, len(frame)) == frame
        assert rx_status(guest.get(HERE + 16 * n, 16)) == (True, True, len(frame), 0)
    order = [address for kind, address, _, _ in guest.log if kind == "write"]
    for n in range(3):
        assert order.index(THERE + BUFFER * n) < order.index(HERE + 16 * n), "data before the status that announces it"
    assert max(length for _, _, length, _ in guest.log) <= bench.device.config.mps


# who has which memory ---------------------------------------------------------------------------------------------

@pytest.mark.parametrize("index", (0, 1, 5))
def test_a_memory_may_move_elsewhere_and_back(plane, index):
    bench = Bench(plane)
    bench.attach(1, index)
    guest, data = send_from_elsewhere(bench, latency=0)
    assert [frame for frame, _ in bench.out] == data and guest.log
    bench.device.function_reset(1)
    guest.log.clear()
    bench.write(1, vf.VFTDT, 0)
    send(bench, 0, data[:2], index)
    bench.wait(40)
    assert [frame for frame, _ in bench.out] == data + data[:2] and not guest.log
    assert bench.device.faults == []


def test_a_function_without_memory_takes_nobody_elses(plane):
    """VF 0's memory has the number of VF 1, whose own is elsewhere."""
    bench, data = Bench(plane), frames(3)
    guest, ring = send(bench, 0, data[:2], index=2)
    bench.wait()
    elsewhere = Elsewhere(bench, 2)
    buffer = guest.allocate(BUFFER)
    guest.write(buffer, data[2])
    guest.write(ring + 16 * 2, tx_data(buffer, len(data[2])))
    bench.write(1, vf.VFTDT, 3)
    bench.wait()
    assert [frame for frame, _ in bench.out] == data and not elsewhere.log
    bench.vf_ring(1, HERE)
    bench.write(2, vf.VFTDT, 1)
    bench.wait()
    assert elsewhere.log[0][:3] == ("read", HERE, 16)


def test_dma_of_a_function_that_nobody_attached_is_a_fault(plane):
    """Nor is its memory that of whoever has a domain of its number."""
    bench, data = Bench(plane), frames(3)
    guest, ring = send(bench, 0, data, index=2)
    guest.write(ring + 16 * 3, tx_data(guest.allocate(BUFFER), 100))
    bench.vf_ring(1, ring)
    bench.write(2, vf.VFTDT, 4)
    bench.wait()
    assert [frame for frame, _ in bench.out] == data
    assert {fault.args[:2] for fault in bench.device.faults} == {(2, READ_FAULT)}


@pytest.mark.parametrize("index", (MESSAGES, NOWHERE, -1))
def test_a_memory_needs_an_index_of_its_own(plane, index):
    bench = Bench(plane)
    with pytest.raises(ModelBug, match=f"domain {index}"):
        bench.attach(1, index)


def test_a_blocking_read_inside_a_dma_callback_is_refused(plane):
    bench = Bench(plane)
    guest = Elsewhere(bench, 1)
    refused: list[bool] = []

    def on_read(*message: int, answer: Callable[..., None] = guest.on_read) -> None:
        with pytest.raises(ModelBug):
            bench.read(0, pf.STATUS)
        refused.append(True)
        answer(*message)

    bench.device.on_dma_read = on_read
    bench.enable_both_directions()
    bench.vf_ring(0, HERE)
    bench.write(1, vf.VFTDT, 1)
    bench.wait()
    assert refused
