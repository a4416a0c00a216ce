"""A function whose memory is elsewhere: its DMA leaves the standalone door as messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from device_bench import BUFFER, US, Bench, frames

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.descriptors import rx_read, rx_status, tx_data, tx_done
from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.sim.errors import ModelBug

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


def send_from_elsewhere(plane: str, latency: int) -> tuple[Bench, Elsewhere, list[bytes]]:
    bench, data = Bench(plane), frames(3, size=700)
    guest = Elsewhere(bench, 1, latency)
    for n, frame in enumerate(data):
        guest.put(HERE + 16 * n, tx_data(THERE + BUFFER * n, len(frame)))
        guest.put(THERE + BUFFER * n, frame)
    bench.enable_both_directions()
    bench.vf_ring(0, HERE)
    bench.write(1, vf.VFTDT, len(data))
    bench.wait(40)
    return bench, guest, data


def test_a_message_domain_sends_frames(plane):
    bench, guest, data = send_from_elsewhere(plane, latency=300_000)
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
    soon, late = (send_from_elsewhere(plane, latency)[0].out[0][1] for latency in (0, 2 * US))
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
