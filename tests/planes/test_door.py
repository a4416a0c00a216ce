"""Who calls a compiled plane with what is not there is told so, and nothing has happened."""

from __future__ import annotations

import pytest
from harness import TAIL_BAR, TX_TAIL_OFFSET, plane_config
from nicmodel._fastpath import FastPath

from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import AgentConfig, Direction, FlowConfig, RingConfig, UpcallKind


@pytest.mark.parametrize("call, why", [
    (lambda plane: plane.mmio_write(0, 6, 0, 1, 1), "in BAR 6"),
    (lambda plane: plane.mmio_read(0, 0, 1 << 24, 1), "no register 0x1000000"),
    (lambda plane: plane.mmio_read(5, 0, 0, 1), "no function 5"), (lambda plane: plane.reset_function(5, 1), "no function 5"),
    (lambda plane: plane.stop_agent(0, 1), "no agent 0"), (lambda plane: plane.dma_answer(1, b"", 1), "waits for no answer")],
    ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_not_there_is_refused(call, why):
    plane = FastPath(plane_config())
    with pytest.raises(ModelBug, match=why):
        call(plane)
    plane.run_until(1000)


def test_a_register_read_is_answered_once():
    plane = FastPath(plane_config())
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


def test_a_dma_read_is_answered_once():
    plane = fetching(FastPath(plane_config()), DOMAIN_BASE)
    asked = plane.run_until(10**7)[0]
    plane.dma_answer(asked.args[0], bytes(64), asked.time + 1)
    with pytest.raises(ModelBug, match="waits for no answer"):
        plane.dma_answer(asked.args[0], bytes(64), asked.time + 2)


@pytest.mark.parametrize("base", ((1 << 63) - 4096, 1 << 63, (1 << 64) - 4096), ids=hex)
@pytest.mark.parametrize("memory", (None, "nowhere"))
@pytest.mark.parametrize("plane", (FastPath, ReferencePath))
def test_addresses_have_64_bits(plane, memory, base):
    told = fetching(plane(plane_config()), base, memory).run_until(10**7)[0]
    assert told.kind == (UpcallKind.DMA_READ if memory is None else UpcallKind.FAULT) and told.args[2] == base


def agent(**fields):
    zero = dict.fromkeys(("tx_buffers", "rx_buffers", "irq_latency_ps", "irq_cost_ps", "pass_cost_ps", "tx_packet_cost_ps",
                          "rx_packet_cost_ps"), 0)
    return AgentConfig(**{**zero, "function": 1, "tx_ring": -1, "rx_ring": -1, "flow": -1, "tx_stride": 2048, "rx_stride": 2048,
                          "vector": -1, "tx_batch": 1, "rx_batch": 1, **fields})


@pytest.mark.parametrize("fields, why", [({"flow": 1}, "not 1"), ({"function": 5}, "no function 5")], ids=("flow", "function"))
def test_an_agent_has_a_function_and_a_flow_that_there_are(fields, why):
    plane = FastPath(plane_config())
    plane.add_flow(FlowConfig(Direction.TX, (64,), 1, 2))
    with pytest.raises(ModelBug, match=why):
        plane.start_agent(agent(**fields), 1)
    assert plane.start_agent(agent(flow=0), 1) == 0
