"""What seldom happens to a ring agent. As in `test_seldom`, each of these scripts needs a line of the compiled plane that most
runs do not notice."""

from __future__ import annotations

import numpy as np
import pytest
from corpus import HEADERS, LINE_64B
from harness import DOMAIN_BYTES, NS, US, Queue, plane_config, rx_flow
from nicmodel._fastpath import FastPath
from test_seldom import SLOW, agree, seldom

from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.plane import VECTORS_PER_FUNCTION, AgentConfig, Direction, FlowConfig, Payload, RingConfig

LONGEST = (1 << 50) - 1         # of its costs
WIDEST = (1 << 28) - 1          # of its strides


# ---- its flow --------------------------------------------------------------------------------------------------

def test_an_agent_without_a_flow_sends_nothing():
    agree(seldom((Queue(2), Queue(1, rx=True, agent_fields=(("flow", -1),))), flows=(rx_flow(1),)))


def test_nor_does_one_without_a_ring_for_it():
    agree(seldom((Queue(2), Queue(1, tx=False, rx=True, agent_fields=(("flow", 1),))), flows=(rx_flow(1),)))


@pytest.mark.parametrize("start", (4 * US, 4 * US + 1))
def test_a_flow_that_starts_later_than_its_agent_is_waited_for(start):
    flow = FlowConfig(Direction.TX, (64,), 1, 2, 0, 0, start, 40)
    agree(seldom((Queue(1, agent_fields=(("flow", 0),)),), flows=(flow,), end=9 * US))


# ---- its time --------------------------------------------------------------------------------------------------

COSTS = ("irq_cost_ps", "pass_cost_ps", "tx_packet_cost_ps", "rx_packet_cost_ps")


@pytest.mark.parametrize("costs", (dict.fromkeys(COSTS, 0), dict.fromkeys(COSTS, 0) | {"pass_cost_ps": 1}), ids=("0", "1"))
def test_a_pass_that_costs_nothing_takes_a_ps(costs):
    agree(seldom((Queue(1, rx=True, agent_fields=tuple(costs.items())),), flows=(rx_flow(1, (900,)),), end=6 * US))


@pytest.mark.parametrize("cost", COSTS)
def test_a_pass_may_cost_more_than_there_is_time(cost):
    agree(seldom((Queue(1, rx=True, agent_fields=((cost, LONGEST),)),), flows=(rx_flow(1, (900,)),), end=6 * US))


def test_an_agent_that_dies_in_the_instant_in_which_it_starts_makes_no_pass():
    both = ((3 * US, "start", (0,)), (3 * US, "close", (0, 0)))
    agree(seldom((Queue(1, agent=False),), *((1 * NS, "ahead", action) for action in both), end=5 * US))


def test_a_pass_that_has_reaped_more_than_a_batch_is_followed_by_another():
    """Nothing is left to send."""
    queue = Queue(1, sizes=(64, 1518), interval_ticks=LINE_64B, count=20, wthresh=4,
                  agent_fields=(("rs_batch", 32), ("tx_batch", 3)))
    agree(seldom((queue,), end=9 * US))


def test_a_pass_sees_what_has_come_to_memory_in_its_instant():
    """It polls, and no event tells of the write-back."""
    agree(seldom((Queue(1, sizes=(600, 65), agent_fields=(("poll_ps", 300 * NS),)), Queue(1)), core_ps=40_000, record_rows=False,
                 end=4 * US))


# ---- its ring --------------------------------------------------------------------------------------------------

def alone(plane: type, direction: Direction, size: int, head: int = 0, **changes: int) -> tuple[object, ...]:
    """Of one ring that begins at `head`, and its agent: how far they have come, and the descriptors."""
    made, memory = plane(plane_config(books=True)), np.zeros(16 * size, np.uint8)
    made.set("bme", 1, (1,), 1)
    made.attach(1, DOMAIN_BASE, memory)
    made.open_ring(direction, 0, RingConfig(1, DOMAIN_BASE, size, 1, head), 2)
    rings = (0, -1) if direction == Direction.TX else (-1, 0)
    flow = made.add_flow(FlowConfig(Direction.TX, (64,), 1, 2))
    fields = dict.fromkeys(COSTS, 0) | {"tx_batch": 4, "rx_batch": 4} | changes
    made.start_agent(AgentConfig(1, *rings, flow, DOMAIN_BASE, DOMAIN_BASE, 16, 16, -1, 1, **fields), 2 * NS)
    made.run_until(100 * NS)
    return made.results()["agents"].tolist(), made.ring_state(direction, 0), memory.tobytes()


@pytest.mark.parametrize("direction", Direction)
def test_an_agent_begins_where_its_ring_does(direction):
    assert alone(FastPath, direction, 16, 11) == alone(ReferencePath, direction, 16, 11)


def test_a_pass_with_so_many_packets_that_their_costs_are_no_word_takes_all_the_time():
    changes = {"tx_batch": 1 << 14, "tx_packet_cost_ps": LONGEST}
    assert alone(FastPath, Direction.TX, 1 << 14, **changes) == alone(ReferencePath, Direction.TX, 1 << 14, **changes)


# ---- its vector ------------------------------------------------------------------------------------------------

def test_an_agent_without_a_vector_does_not_take_the_last_of_another_function():
    """It only polls. The PF's last vector is numbered just before a VF's first."""
    last = VECTORS_PER_FUNCTION - 1
    agree(seldom((Queue(1, vector=-1, agent_fields=(("poll_ps", 2 * US),)),), (2 * NS, "set", ("bme", 0, 1)),
                 (2 * NS, "set", ("vector", last, 1, 0)), (3 * US, "set", ("raise", last))))


# ---- its buffers -----------------------------------------------------------------------------------------------

def test_buffers_may_lie_far_apart():
    """So far that most of them are nowhere."""
    fields = (("tx_stride", WIDEST), ("rx_stride", WIDEST))
    agree(seldom((Queue(1, rx=True, count=40, agent_fields=fields),), flows=(rx_flow(1),), payload=Payload.FULL, end=6 * US))


@pytest.mark.parametrize("payload", (HEADERS[1], Payload.FULL))
@pytest.mark.parametrize("inside", (16, 63, 64, 128, 200))
def test_a_frame_that_begins_in_memory_and_ends_outside_is_written_if_all_that_moves_is_inside(payload, inside):
    fields = (("tx_buffers", DOMAIN_BASE + DOMAIN_BYTES - inside), ("tx_stride", 0))
    agree(seldom((Queue(1, sizes=(600,), count=2, agent_fields=fields),), machine=SLOW, payload=payload, end=5 * US))
