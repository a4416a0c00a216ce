"""Whose a ring is (docs/time.md, 8): an agent takes one that nobody has used and that is in memory, and its memory stays."""

from __future__ import annotations

import numpy as np
import pytest
from comparison import differences
from corpus import FULL
from harness import AGENTS_AT, NS, US, Queue, Run, Script, plane_config, run
from nicmodel._fastpath import FastPath

from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import AgentConfig, Direction, FlowConfig, RingConfig, UpcallKind

BOTH = pytest.mark.parametrize("plane", (FastPath, ReferencePath), ids=("fast", "reference"))
PYTHONS = Queue(1, rx=True, agent=False)
BASE, SIZE = 1 << 32, 8


def counted(script: Script, what: str = "tx_packets") -> int:
    """Of function 1, on both planes."""
    fast, reference = run(FastPath, script), run(ReferencePath, script)
    told = differences(fast, reference)
    assert not told, told
    return int(fast.results["functions"][what][1])


@pytest.mark.parametrize("start", (1_100 * NS, 1_400 * NS, 2 * US, 4 * US, 12 * US))
@pytest.mark.parametrize("posts", [("send", (0, 0, (100, 200, 300))), ("post", (0, 0, 3))], ids=["Tx", "Rx"])
def test_an_agent_does_not_take_a_ring_in_which_somebody_has_posted(posts, start):
    """Neither while that is outstanding nor when it is done."""
    sent = counted(Script("used", (PYTHONS,), actions=((1 * US, *posts), (start, "start", (0,))), end=20 * US))
    assert sent == (3 if posts[0] == "send" else 0)


@pytest.mark.parametrize("written", [("send", (0, 0, ())), ("write", (1, 0x2018, 64))], ids=["its old tail", "nonsense"])
def test_a_write_of_the_tail_that_posts_nothing_uses_no_ring(written):
    assert counted(Script("unused", (PYTHONS,), actions=((1 * US, *written), (2 * US, "start", (0,))), end=20 * US)) > 10


def test_a_ring_that_opens_anew_is_nobodys():
    actions = ((1 * US, "send", (0, 0, (100,))), (9 * US, "reopen", (0,)), (10 * US, "start", (0,)))
    assert counted(Script("anew", (Queue(1, agent=False),), actions=actions, end=30 * US)) > 10


@pytest.mark.parametrize("where", ["message_functions", "unattached_functions"])
def test_an_agent_does_not_take_a_ring_that_is_in_no_memory(where):
    assert counted(Script("nowhere", (Queue(1, rx=True), Queue(2)), **{where: (1,)}), "doorbells") == 0


@pytest.mark.parametrize(("at", "taken"), [(0, True), (-16, False), (16, False), (4096, False)])
@pytest.mark.parametrize("direction", Direction)
@BOTH
def test_all_of_a_ring_is_in_memory(plane, direction, at, taken):
    """Bytes of a ring, and of nothing else."""
    made = opened(plane, direction, BASE + at)
    start(made, direction)
    made.run_until(10 * US)
    assert (made.results()["functions"]["doorbells"][1] > 0) == taken


def opened(plane, direction=Direction.TX, base=BASE, **config):
    made = plane(plane_config(**config))
    made.set("bme", 1, (1,), 1)
    made.attach(1, BASE, np.zeros(16 * SIZE, np.uint8))
    made.open_ring(direction, 0, RingConfig(1, base, SIZE, 1), 2)
    return made


def start(made, direction=Direction.TX, at=AGENTS_AT, buffers=BASE):
    sends = direction == Direction.TX
    flow = made.add_flow(FlowConfig(Direction.TX, (64,), 1, 2)) if sends else -1
    rings = (0, -1) if sends else (-1, 0)
    return made.start_agent(AgentConfig(1, *rings, flow, buffers, buffers, 16, 16, -1, 1, 0, 0, 0, 0, 4, 4, poll_ps=1 * US), at)


@BOTH
def test_of_what_an_agent_writes_outside_its_memory_nobody_hears(plane):
    """The adapter that reads there is told."""
    made = opened(plane, payload=FULL[1])
    start(made, buffers=BASE + 4096)
    faults = []
    while news := made.run_until(10 * US):
        faults += [upcall for upcall in news if upcall.kind == UpcallKind.FAULT]
    assert faults and faults[0].time > AGENTS_AT + 400 * NS


@pytest.mark.parametrize("direction", Direction)
@BOTH
def test_the_memory_of_a_running_agent_stays(plane, direction):
    made, other = opened(plane, direction), np.zeros(4096, np.uint8)
    memory = np.zeros(16 * SIZE, np.uint8)
    made.attach(1, BASE, memory)                                # nobody runs there yet
    start(made, direction)
    made.run_until(5 * US)
    for base, instead in ((BASE, other), (BASE, None), (BASE + 16, memory)):
        with pytest.raises(ModelBug, match="an agent runs in domain 1: its memory stays until a ring of that agent has closed"):
            made.attach(1, base, instead)
    made.attach(1, BASE, memory)                                # the same
    made.attach(2, BASE, other)                                 # nobody's
    assert memory.any(), "the agent writes there"
    made.close_ring(direction, 0, 10 * US + 1)
    made.run_until(11 * US)
    made.attach(1, BASE, other)


def test_an_agent_that_has_not_begun_has_no_memory():
    """Its start finds another arena, in which its ring is not."""
    script = Script("before", (Queue(1),), end=10 * US)
    for plane in (FastPath, ReferencePath):
        world = Run(plane, script)
        world.plane.attach(1, world.domains[1].base, np.zeros(16, np.uint8))
        assert not world.outcome().results["functions"]["doorbells"].any()
