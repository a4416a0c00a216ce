"""Hypothesis draws scripts for the two planes: machines, queues, flows and awkward actions. Ties are favoured."""

from __future__ import annotations

from corpus import FULL, GEN3, GEN4_100G, HEADERS, LENGTHS, LINE_64B, TIES
from harness import NS, US, Queue, Script, mac_of, rx_flow
from hypothesis import strategies as st

MACHINES = (TIES, TIES, (), GEN3, GEN4_100G)
FUNCTIONS = st.integers(0, 3)
SIZES = st.lists(st.sampled_from((64, 65, 128, 300, 513, 777, 1518)), min_size=1, max_size=3).map(tuple)
TIMES = st.one_of(st.integers(3 * US, 14 * US), st.integers(3000, 14000).map(lambda n: n * NS))


@st.composite
def queues(draw, number):
    function = draw(FUNCTIONS)
    fields = []
    if draw(st.booleans()):
        fields = [("rs_batch", draw(st.integers(1, 5))), ("tx_batch", draw(st.sampled_from((1, 7, 32)))),
                  ("rx_batch", draw(st.sampled_from((1, 8, 64))))]
    if draw(st.integers(0, 5)) == 0:
        fields += [("poll_ps", draw(st.sampled_from((300 * NS, 777_777))))]
    return Queue(function=function, tx=draw(st.booleans()) or number == 0, rx=draw(st.booleans()),
                 size=draw(st.sampled_from((8, 16, 64))), sizes=draw(SIZES),
                 interval_ticks=draw(st.sampled_from((0, 0, LINE_64B, 5 * LINE_64B + 77))),
                 count=draw(st.sampled_from((-1, -1, 1, 20))),
                 dst=draw(st.sampled_from((0x02_00_00_00_00_FF, mac_of(1), mac_of(2)))),
                 vector=draw(st.integers(0, 2)), wthresh=draw(st.sampled_from((0, 0, 4, 8))),
                 agent_fields=tuple(fields))


ACTIONS = st.one_of(
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("pause"), st.just(0), st.integers(0, 4))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("bme"), FUNCTIONS, st.integers(0, 1))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("no_descriptor"), FUNCTIONS, st.integers(0, 1))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("default_pool"), st.just(0), st.integers(-1, 3))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("loopback"), st.just(0), st.integers(0, 1))),
    st.tuples(TIMES, st.just("reset"), st.tuples(FUNCTIONS)),
    st.tuples(TIMES, st.just("close"), st.tuples(st.integers(0, 1), st.integers(0, 2))),
    st.tuples(TIMES, st.just("read"), st.tuples(FUNCTIONS, st.sampled_from((0x2018, 0x1018, 0x8, 0x2058)))),
    st.tuples(TIMES, st.just("write"), st.tuples(FUNCTIONS, st.sampled_from((0x8, 0x200)), st.integers(0, 99))),
    st.tuples(TIMES, st.just("inject"), st.tuples(st.sampled_from((14, 60, 500, 1514, 1515)), FUNCTIONS)),
    st.tuples(TIMES, st.just("stop"), st.tuples(st.just(0))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("max_frame"), st.just(0), st.sampled_from((200, 1518)))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("ring_vector"), st.integers(0, 5), st.integers(-1, 2))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("raise"), st.integers(64, 66))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("vector"), st.integers(64, 66), st.integers(0, 1),
                                               st.sampled_from((0, 777_777)))),
)


@st.composite
def scripts(draw):
    pairs = tuple(draw(queues(number)) for number in range(draw(st.integers(1, 3))))
    flows = tuple(rx_flow(draw(FUNCTIONS), draw(SIZES), draw(st.sampled_from((0, LINE_64B, 3 * LINE_64B + 5))),
                          draw(st.sampled_from((3 * US, 3 * US + 1, 3_000_400))), draw(st.sampled_from((-1, 3, 50))))
                  for _ in range(draw(st.integers(0, 2))))
    config = [("seed", draw(st.integers(0, 9))), ("tags", draw(st.sampled_from((1, 4, 32)))),
              ("read_jitter_ps", draw(st.sampled_from((0, 0, 3, 90 * NS)))),
              ("read_buffer", draw(st.sampled_from((1024, 16384)))), ("host_ph", draw(st.sampled_from((0, 2, 64)))),
              ("host_nph", draw(st.sampled_from((1, 64)))), ("tx_buffer", draw(st.sampled_from((2048, 1 << 17)))),
              ("rx_buffer", draw(st.sampled_from((2048, 1 << 19)))), ("split_rcb", draw(st.booleans())),
              ("tx_threshold", draw(st.sampled_from((1, 32)))), ("rx_threshold", draw(st.sampled_from((1, 8)))),
              draw(st.sampled_from((FULL, HEADERS, LENGTHS))), ("record_rows", draw(st.booleans())),
              ("frames_out", draw(st.booleans()))]
    actions = draw(st.lists(ACTIONS, max_size=6))
    return Script("drawn", pairs, flows, tuple(actions), tuple(config), draw(st.sampled_from(MACHINES)),
                  draw(st.sampled_from((12 * US, 20 * US))), draw(st.sampled_from((0, 1 * US, 3 * US + 1))),
                  draw(st.booleans()))
