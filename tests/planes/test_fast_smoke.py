"""The compiled plane by itself: frames go out and come in, and nothing is lost or counted twice."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from nicmodel._fastpath import FastPath

from nicmodel import _fastpath
from nicmodel.datasheet.counters import DROP_REASONS
from nicmodel.datasheet.pcie_link import GENERATIONS
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import NEVER, AgentConfig, Direction, FlowConfig, Payload, RingConfig

US = 1_000_000
BASE = 1 << 32
SLOT = 2048


def machine(**changes):
    gen = GENERATIONS[4]
    ticks = gen.byte_ticks(16)
    fields = dict(
        num_functions=9, num_rings=16, core_ps=1600, wire_byte_ticks=80 * 1024, pcie_byte_ticks=ticks,
        ack_ps=50_000, fc_ps=50_000, skp_ps=gen.skp_interval_symbols * 16 * ticks // 1024, skp_bytes=256, mps=256,
        mrrs=512, rcb=64, split_rcb=False, tags=256, read_buffer=65536, host_ph=127, host_pd=2047, host_nph=127,
        device_ph=32, device_pd=128, device_nph=16, read_latency_ps=400_000, read_jitter_ps=0,
        write_latency_ps=200_000, register_cycles=1, register_latency_cycles=4, tx_pipe_cycles=20, rx_pipe_cycles=30,
        tx_cache=40, tx_threshold=32, rx_cache=40, rx_threshold=32, tx_buffer=1 << 18, rx_buffer=1 << 18,
        pause_reaction_ps=100_000)
    return PlaneConfig(**{**fields, **changes})


def with_agents(plane, functions, size=256, frame=64, interval=0, flow_count=-1):
    """Each function sends and receives: an agent on ring pair f - 1, a filter, and a stream from the wire."""
    for function in functions:
        ring = function - 1
        arena = np.zeros(2 * 16 * size + 2 * SLOT * size, np.uint8)
        plane.attach(function, BASE, arena)
        plane.set("bme", function, (1,), 1)
        plane.set("vector", 64 * function, (1, 2 * US), 1)
        plane.set("filter", function, (1, 0x020000000000 + function, -1, function), 1)
        for direction in Direction:
            plane.open_ring(direction, ring, RingConfig(function, BASE + 16 * size * direction, size, function, vector=0),
                            1)
        buffers = BASE + 32 * size
        flow = plane.add_flow(FlowConfig(Direction.TX, (frame,), 0xFF, function, count=flow_count))
        plane.start_agent(AgentConfig(function, ring, ring, flow, buffers, buffers + SLOT * size, SLOT, SLOT, 0, US, US // 2,
                                      100_000, 10_000, 10_000, 32, 32, 8), 2)
        if interval:
            plane.add_flow(FlowConfig(Direction.RX, (frame,), 0x020000000000 + function, 1, 0, interval, 5 * US))


def drain(plane, until):
    upcalls = []
    while plane.next_time() < until:
        upcalls += plane.run_until(until)
    return upcalls


@pytest.mark.parametrize("payload", list(Payload))
def test_frames_flow_both_ways_and_are_conserved(payload):
    plane = FastPath(machine(payload=payload))
    with_agents(plane, (1, 2), interval=200_000 * 1024)
    assert drain(plane, 60 * US) == []
    results = plane.results()
    functions, inside = results["functions"], results["inside"]
    for f in (1, 2):
        assert functions[f]["tx_packets"] > 100 and functions[f]["rx_packets"] > 20 and functions[f]["interrupts"] > 3
        assert functions[f]["tx_offered"] == functions[f]["tx_packets"] + inside[f, 0]
        drops = sum(functions[f]["drop_" + reason.name] for reason in DROP_REASONS)
        assert functions[f]["rx_offered"] == functions[f]["rx_packets"] + inside[f, 1] + drops
    rows = results["rows"]
    assert (rows["serial"] == np.arange(len(rows))).all()
    assert (rows["outcome"] == 1).sum() == functions["tx_packets"].sum() + functions["rx_packets"].sum()


def test_without_recording_the_counters_are_the_same():
    outcomes = []
    for record in (True, False):
        plane = FastPath(machine(record_rows=record))
        with_agents(plane, (1, 2, 3), interval=100_000 * 1024)
        drain(plane, 80 * US)
        outcomes.append(plane.results())
    assert (outcomes[0]["functions"] == outcomes[1]["functions"]).all()
    assert (outcomes[0]["latency"] == outcomes[1]["latency"]).all()
    assert (outcomes[0]["lines"] == outcomes[1]["lines"]).all()
    assert len(outcomes[0]["rows"]) > 0 and len(outcomes[1]["rows"]) == 0


def test_received_bytes_are_the_flow_s():
    plane = FastPath(machine(payload=Payload.FULL))
    arena = np.zeros(1 << 16, np.uint8)
    plane.attach(0, BASE, arena)
    plane.set("bme", 0, (1,), 0)
    plane.set("default_pool", 0, (0,), 0)
    plane.open_ring(Direction.RX, 0, RingConfig(0, BASE, 8, 0), 0)
    plane.set("hot", 0x1018, (1, 0), 0)
    arena[:8] = np.frombuffer((BASE + 4096).to_bytes(8, "little"), np.uint8)
    plane.mmio_write(0, 0, 0x1018, 1, 1)
    frame = bytes(range(100))
    plane.inject(0, frame, 2 * US)
    drain(plane, 9 * US)
    assert arena[4096:4196].tobytes() == frame
    assert arena[8:16].tobytes() == (3).to_bytes(4, "little") + (100).to_bytes(4, "little")


def test_a_call_in_the_past_and_an_unknown_ring_are_bugs():
    plane = FastPath(machine(skp_ps=0))
    plane.set("loopback", 0, (1,), 5)
    plane.run_until(10)
    assert plane.now == 5
    with pytest.raises(ModelBug):
        plane.set("loopback", 0, (1,), 5)
    with pytest.raises(ModelBug):
        plane.close_ring(Direction.TX, 99, 20)


class Read:
    """A configuration that knows what has been read of it."""

    def __init__(self, config):
        self.config, self.names = config, set()

    def __getattr__(self, name):
        self.names.add(name)
        return getattr(self.config, name)


def test_every_field_of_a_configuration_is_consumed(monkeypatch):
    """A field that only the reference plane knows would make two planes of one scenario."""
    monkeypatch.setattr(_fastpath, "check_config", lambda config: None)      # which reads all of them
    config = Read(machine())
    FastPath(config)
    assert config.names == {field.name for field in fields(PlaneConfig)}


def test_an_idle_plane_without_reports_has_no_next_time():
    plane = FastPath(machine(skp_ps=0, host_ph=0, host_pd=0, host_nph=0, device_ph=0, device_pd=0, device_nph=0))
    assert plane.next_time() == NEVER
