"""Who calls a plane with what is not there is told so, and nothing has happened."""

from __future__ import annotations

import numpy as np
import pytest
from comparison import differences
from harness import TAIL_BAR, TX_TAIL_OFFSET, Queue, Script, plane_config, run, rx_flow
from nicmodel._fastpath import FastPath

from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import NEVER, AgentConfig, Direction, FlowConfig, RingConfig, UpcallKind

BOTH = pytest.mark.parametrize("plane", (FastPath, ReferencePath))
BYTES = np.zeros(4096, np.uint8)
LOCKED = np.frombuffer(bytes(4096), np.uint8)


@BOTH
@pytest.mark.parametrize("call, why", [
    (lambda plane: plane.mmio_write(0, 6, 0, 1, 10), "in BAR 6"),
    (lambda plane: plane.mmio_write(0, 0, 0, 1 << 32, 10), "a register has 32 bits"),
    (lambda plane: plane.mmio_write(0, 0, 0, -1, 10), "a register has 32 bits"),
    (lambda plane: plane.mmio_write(0, 0, "8", 1, 10), "no register '8'"),
    (lambda plane: plane.mmio_write(0, 0, 8, 1.5, 10), "a register has 32 bits"),
    (lambda plane: plane.mmio_write(0, 1.5, 8, 1, 10), "in BAR 1.5"),
    (lambda plane: plane.mmio_write("1", 0, 8, 1, 10), "no function '1'"),
    (lambda plane: plane.mmio_write(-1, 0, 8, 1, 10), "no function -1"),
    (lambda plane: plane.mmio_read(0, 0, 8, 9), "stamped 9, but 9 has run"),
    (lambda plane: plane.mmio_answer(1, 1.5, 10), "a register has 32 bits"),
    (lambda plane: plane.close_ring(1.5, 0, 10), "no ring 0 of direction 1.5"),
    (lambda plane: plane.close_ring(Direction.TX, 1.5, 10), "no ring 1.5"),
    (lambda plane: plane.run_until(10.5), "time is 10.5"), (lambda plane: plane.run_until("10"), "time is '10'"),
    (lambda plane: plane.run_until(11, 1.5), "budget is 1.5"),
    (lambda plane: plane.mmio_read(0, 0, 1 << 24, 10), "no register 0x1000000"),
    (lambda plane: plane.mmio_read(5, 0, 0, 10), "no function 5"),
    (lambda plane: plane.mmio_read(0, 0, 8, 5), "stamped 5, but 9 has run"),
    (lambda plane: plane.mmio_read(0, 0, 8, NEVER), "no whole number of ps that a run reaches"),
    (lambda plane: plane.mmio_read(0, 0, 8, 10.5), "no whole number of ps"),
    (lambda plane: plane.mmio_answer(1, 5, 10), "waits for no answer"),
    (lambda plane: plane.mmio_answer(1, 1 << 32, 10), "a register has 32 bits"),
    (lambda plane: plane.dma_answer(1, b"", 10), "waits for no answer"),
    (lambda plane: plane.reset_function(5, 10), "no function 5"), (lambda plane: plane.reset_function(-1, 10), "no function -1"),
    (lambda plane: plane.stop_agent(0, 10), "no agent 0"),
    (lambda plane: plane.start_agent(agent(function=5), 10), "no function 5"),
    (lambda plane: plane.start_agent(agent(flow=0), 10), "0 flows that there are: not 0"),
    (lambda plane: plane.start_agent(agent(tx_ring=16), 10), "no ring 16"),
    (lambda plane: plane.start_agent(agent(), 9), "stamped 9, but 9 has run"),
    (lambda plane: plane.close_ring(Direction.TX, 16, 10), "no ring 16"), (lambda plane: plane.close_ring(2, 0, 10), "no ring 0"),
    (lambda plane: plane.ring_state(Direction.RX, -1), "no ring -1"),
    (lambda plane: plane.open_ring(Direction.TX, 16, RingConfig(0, 0, 8, 0), 10), "no ring 16"),
    (lambda plane: plane.open_ring(Direction.TX, 0, RingConfig(5, 0, 8, 0), 10), "no function 5"),
    (lambda plane: plane.attach(0, -1, None), "an address has 64 bits"),
    (lambda plane: plane.attach(0, 0, BYTES.view(np.uint32)), "array of bytes"),
    (lambda plane: plane.attach(0, 0, BYTES[::2]), "array of bytes"),
    (lambda plane: plane.attach(0, 0, LOCKED), "array of bytes"),
    (lambda plane: plane.attach(0, 0, bytes(64)), "array of bytes"),
    (lambda plane: plane.attach(0, 0, BYTES.reshape(64, 64)), "array of bytes"),
    (lambda plane: plane.attach(0, 1 << 64, None), "an address has 64 bits"),
    (lambda plane: plane.inject(0, "frame", 10), "which a str is not"),
    (lambda plane: plane.mmio_read(0, -1, 0, 10), "in BAR -1"), (lambda plane: plane.mmio_read(0, 0, -1, 10), "no register -0x1"),
    (lambda plane: plane.mmio_answer(1, -1, 10), "a register has 32 bits"),
    (lambda plane: plane.stop_agent(-1, 10), "no agent -1"),
    (lambda plane: plane.start_agent(agent(flow=-2), 10), "0 flows that there are: not -2"),
    (lambda plane: plane.start_agent(agent(rx_ring=16), 10), "no ring 16"),
    (lambda plane: plane.set("loopback", 1 << 70, (1,), 10), "does not take"),
    (lambda plane: plane.set("loopback", 0, ("on",), 10), "does not take"),
    (lambda plane: plane.set("vector", 0, (1, 1 << 63), 10), "does not take")],
    ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_not_there_is_refused(call, why, plane):
    """By both planes in the same words, and the next call is the first that has happened."""
    made = plane(plane_config(skp_ps=0))
    made.set("loopback", 0, (0,), 9)
    made.run_until(10)
    with pytest.raises(ModelBug, match=why):
        call(made)
    assert made.mmio_read(0, 0, 8, 10) == 1
    assert [upcall.kind for upcall in made.run_until(1000_000)] == [UpcallKind.REG_READ]
    assert made.start_agent(agent(), made.now + 1) == 0
    assert made.run_until(1000_000) == []


RING = {"function": 1, "base": 0, "size": 8, "domain": 1}
FLOW = {"direction": Direction.RX, "sizes": (64,), "dst_mac": 1, "src_mac": 2}


@pytest.mark.parametrize("make, field, value, why", [
    *((lambda **it: RingConfig(**{**RING, **it}), field, value, f"{field} is a whole number: not {value!r}")
      for field in ("base", "size", "head", "buffer_bytes", "vector", "wthresh") for value in (1.5, "1")),
    *((lambda **it: agent(**it), field, value, f"{field} is a whole number: not {value!r}")
      for field in ("tx_ring", "rx_ring", "vector", "tx_batch", "rx_batch", "rs_batch", "irq_latency_ps", "core")
      for value in (1.5, "1")),
    *((lambda **it: FlowConfig(**{**FLOW, **it}), field, value, f"{field} is a whole number: not {value!r}")
      for field in ("count", "interval_ticks") for value in (1.5, "1")),
    *((lambda **it: FlowConfig(**{**FLOW, **it}), field, value, "has a direction, and sizes that are whole numbers")
      for field, value in (("direction", 2), ("direction", "RX"), ("sizes", (64.5,)), ("sizes", "64"))),
    (lambda **it: FlowConfig(**{**FLOW, **it}), "connection", 3, "has a Connection, or None: not 3")])
def test_what_is_no_number_is_refused_by_name(make, field, value, why):
    """Not cut to one, as the compiled plane would, nor carried on, as the other."""
    with pytest.raises(ModelBug, match=why):
        make(**{field: value})


@BOTH
@pytest.mark.parametrize("time", (NEVER, 1 << 63, 1 << 64, 10**30), ids=("NEVER", "63 bits", "64 bits", "more"))
def test_a_run_may_be_asked_for_any_time_and_any_number_of_instants(plane, time):
    """What no run reaches is as good as NEVER, before the first instant is none, and below 0 is no budget."""
    made = plane(plane_config(**SILENT))
    assert made.run_until(-time) == [] and made.run_until(-1) == [] and made.now == -1
    made.mmio_read(0, 0, 8, 1)
    assert made.run_until(time, 0) == [] and made.now == -1
    assert [upcall.kind for upcall in made.run_until(time, time)] == [UpcallKind.REG_READ]
    made.mmio_read(0, 0, 8, made.now + 1)
    assert [upcall.kind for upcall in made.run_until(np.int64(NEVER), -time)] == [UpcallKind.REG_READ]
    assert made.run_until(time) == [] and made.next_time() == NEVER


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_calls_take_effect_by_their_stamps_and_those_of_one_stamp_in_their_order(plane, seed):
    """Given in any order, also long before others, with more than one to come at a time."""
    rng = np.random.default_rng(seed)
    stamps = rng.integers(1, 60, 200) * 1_000_000
    made = plane(plane_config(**SILENT))
    told = []
    for first in range(0, 200, 40):
        numbers = [made.mmio_read(0, 0, 8, max(int(at), made.now + 1)) for at in stamps[first:first + 40]]
        if first == 0:
            asked = {}
        asked |= {number: (max(int(at), made.now + 1), number) for number, at in zip(numbers, stamps[first:], strict=False)}
        for _ in range(10):
            told += made.run_until(NEVER)
    while upcalls := made.run_until(NEVER):
        told += upcalls
    assert all(0 < upcall.time - asked[upcall.args[3]][0] < 1_000_000 for upcall in told)
    order = [upcall.args[3] for upcall in told]
    assert order == sorted(order, key=asked.__getitem__) and len(order) == 200


@BOTH
@pytest.mark.parametrize("half", ("tx", "rx"))
def test_a_threshold_above_what_a_ring_holds_on_chip_is_that(plane, half):
    """While its place on chip is full a ring fetches nothing: not even a read of no descriptor."""
    def outcome(threshold):
        config = (("books", True), (f"{half}_cache", 4), (f"{half}_threshold", threshold))
        return run(plane, Script("full", (Queue(1, rx=True, count=40),), (rx_flow(1, interval_ticks=500_000 * 1024),),
                                 ((1000, "set", ("shaper", 1, 1 << 30, 0)),), config, end=12_000_000))

    told = differences(outcome(32), outcome(4))
    assert not told, told


@BOTH
def test_a_register_read_is_answered_once(plane):
    plane = plane(plane_config())
    plane.mmio_read(0, 0, 8, 1)
    asked = next(upcall for upcall in plane.run_until(10**7) if upcall.kind == UpcallKind.REG_READ)
    plane.mmio_answer(asked.args[3], 5, asked.time + 1)
    with pytest.raises(ModelBug, match="waits for no answer"):
        plane.mmio_answer(asked.args[3], 5, asked.time + 2)


def fetching(plane, base, memory=None):
    """Its ring 0 at this address has four descriptors to fetch, from Python or from an arena without bytes."""
    if memory is None:
        plane.attach(1, DOMAIN_BASE, None)
    plane.set("bme", 1, (1,), 1)
    plane.open_ring(Direction.TX, 0, RingConfig(1, base, 8, 1), 2)
    plane.set("hot", 1 << 32 | TAIL_BAR << 24 | TX_TAIL_OFFSET, (0, 0), 2)
    plane.mmio_write(1, TAIL_BAR, TX_TAIL_OFFSET, 4, 3)
    return plane


@BOTH
def test_a_ring_of_a_function_that_may_not_master_the_bus_does_not_open(plane):
    made = plane(plane_config(**SILENT))
    made.attach(1, DOMAIN_BASE, None)
    made.open_ring(Direction.TX, 0, RingConfig(1, DOMAIN_BASE, 8, 1), 2)
    made.set("bme", 1, (1,), 3)
    made.set("hot", 1 << 32 | TAIL_BAR << 24 | TX_TAIL_OFFSET, (0, 0), 3)
    made.mmio_write(1, TAIL_BAR, TX_TAIL_OFFSET, 4, 4)
    assert made.run_until(10**7) == []


@BOTH
def test_a_dma_read_is_answered_once(plane):
    plane = fetching(plane(plane_config()), DOMAIN_BASE)
    asked = plane.run_until(10**7)[0]
    plane.dma_answer(asked.args[0], bytes(64), asked.time + 1)
    with pytest.raises(ModelBug, match="waits for no answer"):
        plane.dma_answer(asked.args[0], bytes(64), asked.time + 2)


@pytest.mark.parametrize("base", ((1 << 63) - 4096, 1 << 63, (1 << 64) - 4096), ids=hex)
@pytest.mark.parametrize("memory", (None, "nowhere"))
@BOTH
def test_addresses_have_64_bits(plane, memory, base):
    told = fetching(plane(plane_config()), base, memory).run_until(10**7)[0]
    assert told.kind == (UpcallKind.DMA_READ if memory is None else UpcallKind.FAULT) and told.args[2] == base


def agent(**fields):
    zero = dict.fromkeys(("tx_buffers", "rx_buffers", "irq_cost_ps", "pass_cost_ps", "tx_packet_cost_ps", "rx_packet_cost_ps"), 0)
    return AgentConfig(**{**zero, "irq_latency_ps": 1, "function": 1, "tx_ring": -1, "rx_ring": -1, "flow": -1,
                          "tx_stride": 2048, "rx_stride": 2048, "vector": -1, "tx_batch": 1, "rx_batch": 1, **fields})


@BOTH
def test_an_agent_sends_a_flow_that_there_is(plane):
    made = plane(plane_config())
    made.add_flow(FlowConfig(Direction.TX, (64,), 1, 2))
    with pytest.raises(ModelBug, match="not 1"):
        made.start_agent(agent(flow=1), 1)
    assert made.start_agent(agent(flow=0), 1) == 0


@BOTH
def test_an_agent_may_be_stopped_before_it_has_started(plane):
    made = plane(plane_config())
    made.set("bme", 1, (1,), 1)
    made.attach(1, DOMAIN_BASE, BYTES)
    made.open_ring(Direction.TX, 0, RingConfig(1, DOMAIN_BASE, 8, 1), 2)
    made.start_agent(agent(tx_ring=0, flow=made.add_flow(FlowConfig(Direction.TX, (64,), 1, 2))), 2_000_000)
    made.stop_agent(0, 1_000_000)
    made.run_until(9_000_000)
    assert not made.results()["functions"]["tx_offered"].any()


SILENT = {"skp_ps": 0, "host_ph": 0, "host_pd": 0, "host_nph": 0, "device_ph": 0, "device_pd": 0, "device_nph": 0}


@BOTH
def test_a_stream_that_should_have_begun_begins_where_the_run_has_come_to(plane):
    """Not where the last instant was, which may lie some way back, and elsewhere on the other plane."""
    made = plane(plane_config(**SILENT))
    made.run_until(5_000_000)
    made.add_flow(FlowConfig(Direction.RX, (64,), 1, 2, start_ps=1_000_000, count=1))
    made.run_until(9_000_000)
    assert made.results()["rows"]["ARRIVED"].tolist() == [5_000_000 + 72 * 800]


@BOTH
def test_a_stream_that_should_have_begun_begins_after_the_instant_that_has_brought_news(plane):
    made = plane(plane_config(**SILENT))
    made.mmio_read(0, 0, 8, 1)
    told = made.run_until(9_000_000)
    made.add_flow(FlowConfig(Direction.RX, (64,), 1, 2, start_ps=0, count=1))
    made.run_until(9_000_000)
    assert made.results()["rows"]["ARRIVED"].tolist() == [told[0].time + 1 + 72 * 800]


@BOTH
def test_the_last_times_are_as_good_as_any(plane):
    """The link's ticks need all but two bits of a word there."""
    first, last = plane_config().core_ps * 1000, plane_config().core_ps * ((NEVER - 5_000_000) // plane_config().core_ps)
    asked = []
    for time in (first, last):
        made = plane(plane_config(**SILENT))
        made.add_flow(FlowConfig(Direction.RX, (64,), 1, 2, start_ps=time, count=1))
        made.mmio_read(0, 0, 8, time)
        asked.append([upcall.time - time for upcall in made.run_until(1 << 62)])
        assert made.run_until(1 << 62) == []
        assert made.results()["rows"]["ARRIVED"].tolist() == [time + 72 * 800]
        assert made.next_time() == NEVER
    assert asked[0] == asked[1] and len(asked[0]) == 1
    with pytest.raises(ModelBug, match="start_ps has 52 bits"):
        FlowConfig(Direction.RX, (64,), 1, 2, start_ps=NEVER)
