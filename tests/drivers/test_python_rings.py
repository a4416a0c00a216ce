"""Rings run in Python post real descriptors, reap what is done, wrap, and lose no frame."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.miniport import US
from drivers.ringmath import advance, free, used
from drivers.rings import RingSettings
from drivers.vf import VfSettings

SIZE = 8
PYTHON = VfSettings(rings=(RingSettings(ring_size=SIZE),), python_rings=True)


@pytest.fixture
def bench(machine):
    return machine(num_vfs=1).start(settings=PYTHON)


def complete_tx(bench, pair, head):
    """Do as hardware does with every Tx descriptor up to the tail: returns the frames and the new head."""
    handle, frames = bench.driver(0).handle, []
    tail = bench.adapter.value(1, "VFTDT")
    while head != tail:
        where = pair.tx_ring + 16 * head
        address, word, _ = struct.unpack("<QII", handle.memory_read(where, 16))
        frames.append(handle.memory_read(address, word & 0xFFFF))
        handle.memory_write(where + 12, struct.pack("<I", 1))
        head = advance(head, 1, SIZE)
    return frames, head


def test_frames_leave_in_order_although_the_ring_is_small(bench):
    driver = bench.driver(0)
    frames = [bytes([i]) * (60 + i) for i in range(20)]
    assert driver.send(frames) == 20
    seen, head = [], 0
    for _ in range(4):
        sent, head = complete_tx(bench, driver.pairs[0], head)
        seen += sent
        bench.adapter.callbacks[1, 0](0)
    assert seen == frames and driver.rings[0].idle


def test_room_is_that_of_what_has_left_heard_of_or_not(bench):
    driver = bench.driver(0)
    driver.send([bytes(60)] * (SIZE + 2))
    assert driver.rings[0].room() == -3, "one descriptor stays empty, and three frames wait"
    complete_tx(bench, driver.pairs[0], 0)
    assert driver.rings[0].room() == SIZE - 1 - 3


def test_received_frames_are_delivered_in_order_across_the_wrap(bench):
    driver, got = bench.driver(0), []
    driver.on_receive(got.extend)
    pair, handle = driver.pairs[0], driver.handle
    assert bench.adapter.value(1, "VFRDT") == SIZE - 1
    frames = [bytes([i]) * 64 for i in range(20)]
    for i, frame in enumerate(frames):
        where = pair.rx_ring + 16 * (i % SIZE)
        address, = struct.unpack("<Q", handle.memory_read(where, 8))
        handle.memory_write(address, frame)
        handle.memory_write(where, struct.pack("<IIII", 0, 0, 3, len(frame)))
        bench.adapter.callbacks[1, 0](0)
        assert bench.adapter.value(1, "VFRDT") == i % SIZE
    assert got == frames


def test_a_frame_in_two_buffers_is_one_frame(bench):
    driver, got = bench.driver(0), []
    driver.on_receive(got.extend)
    pair, handle = driver.pairs[0], driver.handle
    for slot, (part, status) in enumerate(((b"a" * 2048, 1), (b"b" * 100, 3))):
        where = pair.rx_ring + 16 * slot
        handle.memory_write(struct.unpack("<Q", handle.memory_read(where, 8))[0], part)
        handle.memory_write(where, struct.pack("<IIII", 0, 0, status, len(part)))
    bench.adapter.callbacks[1, 0](0)
    assert got == [b"a" * 2048 + b"b" * 100]


def test_frames_no_buffer_can_carry_are_refused(bench):
    driver = bench.driver(0)
    assert driver.send([b"", b"x" * 2049, b"y" * 60]) == 1 and driver.rings[0].refused == 2


def test_nothing_is_sent_while_the_adapter_does_not_run(bench):
    driver = bench.driver(0)
    bench.detach(0)
    assert driver.send([b"y" * 60]) == 0


def test_nothing_is_sent_while_the_vf_recovers(bench):
    """Its rings are closed and will be made anew: a frame that was taken would be lost."""
    driver = bench.driver(0)
    resetting = bench.env.process(bench.stack.guests[0].adapter.reset())
    bench.env.run(until=bench.env.now + 1 * US)
    assert driver.recovering and driver.packet_filter and driver.send([b"y" * 60]) == 0
    bench.env.run(until=resetting)
    assert not driver.recovering and driver.send([b"y" * 60]) == 1


@given(st.integers(2, 64), st.data())
def test_used_and_free_fill_the_ring_but_one(size, data):
    head, tail = (data.draw(st.integers(0, size - 1)) for _ in range(2))
    assert used(head, tail, size) + free(head, tail, size) == size - 1
    assert advance(head, used(head, tail, size), size) == tail
