"""Frames that overrun into descriptors, rings that lie over each other, addresses that wrap: memory is bytes, on both planes.

Function 1 has one domain. The first ring's descriptors begin it.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from comparison import differences
from corpus import FULL, GEN3
from harness import NS, US, Queue, Run, Script, check_conservation, mac_of, run, rx_flow
from nicmodel._fastpath import FastPath

from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import Direction, RingConfig

RING, ADDRESSES = Domain(1, 4096).base, 1 << 64
ROWS = pytest.mark.parametrize("rows", (True, False), ids=("rows", "no rows"))
RECEIVES = Queue(1, tx=False, rx=True, size=16)
FRAMES = rx_flow(1, (300, 64, 128), 102_400_000)


def counted(queues, flows=(), what="tx_packets", rows=False, actions=(), config=(), **fields):
    """Of function 1, on both planes, in 20 us; `fields` are of the first queue's agent."""
    first = replace(queues[0], agent_fields=tuple(fields.items()))
    script = Script("overrun", (first, *queues[1:]), flows, actions, (FULL, ("record_rows", rows), *config), GEN3, 20 * US)
    fast, reference = run(FastPath, script), run(ReferencePath, script)
    told = differences(fast, reference)
    assert not told, told
    check_conservation(fast)
    return int(fast.results["functions"][what][1])


@ROWS
@pytest.mark.parametrize("at", (-200, -41, 0, 33, 107, 200))
def test_received_frames_overrun_into_their_ring(at, rows):
    """Where DD was, before the driver saw it, is a byte of a frame."""
    kept = {"rx_buffers": RING + at, "rx_stride": 16, "rx_batch": 8, "rows": rows}
    assert counted((RECEIVES,), (FRAMES,), "rx_packets", **kept) < counted((RECEIVES,), (FRAMES,), "rx_packets", rx_batch=8)


@ROWS
@pytest.mark.parametrize("rs_batch", (1, 3))
@pytest.mark.parametrize("at", (-290, -137, 0, 55, 150))
def test_sent_frames_overrun_into_their_ring(at, rs_batch, rows):
    """The adapter reads frames as descriptors; the driver waits for the reports that it has asked for."""
    queue = Queue(1, size=16, sizes=(300, 81))
    for latency in (1, 220 * NS, 2 * US):
        counted((queue,), rows=rows, config=[("write_latency_ps", latency)], tx_buffers=RING + at, tx_stride=48, tx_batch=4,
                rs_batch=rs_batch)


@ROWS
@pytest.mark.parametrize("at", (-290, 0, 55))
def test_a_driver_writes_over_what_has_been_written_back_during_its_pass(at, rows):
    counted((Queue(1, size=16, sizes=(300, 81)),), rows=rows, tx_buffers=RING + at, tx_stride=48, tx_batch=4, rs_batch=1,
            pass_cost_ps=1 * US, poll_ps=300 * NS)


@ROWS
@pytest.mark.parametrize("shift", (0, 8, 12))
def test_a_dd_that_a_frame_has_left_is_not_believed(shift, rows):
    """Frames of function 2 turn around into the descriptors of 1, whose frames are still on their way."""
    queues = (replace(RECEIVES, rx=True, tx=True, sizes=(1500,)), Queue(2, sizes=(200,), dst=mac_of(1)))
    flows = (rx_flow(1, (200,), 51_200_000), rx_flow(1, (64,), 25_600_000))
    for stride in (0, 16, 17, 100):
        counted(queues, flows, rows=rows, rx_buffers=RING + shift, rx_stride=stride, rs_batch=5, rx_batch=3,
                config=[("write_latency_ps", 1 * US)])


@ROWS
@pytest.mark.parametrize("direction", (0, 1))
@pytest.mark.parametrize("back", (1, 16, 60, 200))
def test_a_buffer_goes_on_at_address_0(back, direction, rows):
    """Headers of a TLP are those of its own address: of three dwords where there is none above 4 GiB."""
    queue = Queue(1, tx=True, rx=True, agent=False, size=16)
    post = (1 * US, "stray", (0, 0, ADDRESSES - back, 300, direction))
    counted((queue,), actions=(post, (2 * US, "inject", (400, 1))), rows=rows)


@pytest.mark.parametrize("direction", Direction)
def test_a_ring_goes_on_at_address_0(direction):
    seen = []
    for plane in (FastPath, ReferencePath):
        world = Run(plane, Script("top", (Queue(1, rx=True, agent=False, size=16),), (FRAMES,), end=9 * US))
        world.plane.open_ring(direction, 0, RingConfig(1, ADDRESSES - 32, 16, 1), 2 * NS)
        world.do_write(3 * NS, 1, (0x2018, 0x1018)[direction], 6)
        seen.append(world.outcome())
    told = differences(*seen)
    assert not told, told
