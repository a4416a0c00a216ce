"""Hypothesis draws scripts for the two planes: machines, queues, flows and awkward actions. Ties are favoured."""

from __future__ import annotations

from dataclasses import replace

from corpus import FULL, GEN3, GEN4_100G, HEADERS, LENGTHS, LINE_64B, TIES
from corpus_rss import EIGHT, FRAMES, MIXED, OTHER_KEY, put_key, put_table, spread
from corpus_whole import EVENTS
from harness import NS, US, Queue, Script, mac_of, rx_flow
from hypothesis import strategies as st

from nicmodel.datasheet.policies import PARAMETERS, choices
from nicmodel.datasheet.rss import ALL_TYPES

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
                 count=draw(st.sampled_from((-1, -1, 1, 20))), connection=draw(st.sampled_from((None, None, *EIGHT[:3]))),
                 dst=draw(st.sampled_from((0x02_00_00_00_00_FF, mac_of(1), mac_of(2)))),
                 vector=draw(st.integers(0, 2)), wthresh=draw(st.sampled_from((0, 0, 4, 8))),
                 agent_fields=tuple(fields))


ACTIONS = st.one_of(
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("pause"), st.just(0), st.integers(0, 4))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("bme"), FUNCTIONS, st.integers(0, 1))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("decode"), FUNCTIONS, st.integers(0, 1))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("no_descriptor"), FUNCTIONS, st.integers(0, 1))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("default_pool"), st.just(0), st.integers(-1, 3))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("loopback"), st.just(0), st.integers(0, 1))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("sources"), FUNCTIONS, st.integers(0, 3))),
    st.tuples(TIMES, st.just("set"), st.builds(lambda slot, to, vlan: ("filter", slot, 1, mac_of(slot), vlan, to), FUNCTIONS,
                                               FUNCTIONS, st.sampled_from((-1, 0, 5)))),
    st.tuples(TIMES, st.just("reset"), st.tuples(FUNCTIONS)),
    st.tuples(TIMES, st.just("close"), st.tuples(st.integers(0, 1), st.integers(0, 2))),
    st.tuples(TIMES, st.just("read"), st.tuples(FUNCTIONS, st.sampled_from((0x2018, 0x1018, 0x8, 0x2058)))),
    st.tuples(TIMES, st.just("write"), st.tuples(FUNCTIONS, st.sampled_from((0x8, 0x200)), st.integers(0, 99))),
    st.tuples(TIMES, st.just("inject"), st.tuples(st.sampled_from((14, 60, 500, 1514, 1515)), FUNCTIONS)),
    st.tuples(TIMES, st.just("stop"), st.tuples(st.just(0))),
    st.tuples(TIMES, st.just("start"), st.tuples(st.just(0))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("max_frame"), st.just(0), st.sampled_from((200, 1518)))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("ring_vector"), st.integers(0, 5), st.integers(-1, 2))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("raise"), st.integers(64, 66))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("vector"), st.integers(64, 66), st.integers(0, 1),
                                               st.sampled_from((0, 777_777)))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("rss"), FUNCTIONS, st.sampled_from((0, 0b10, 0b11, 1 << 4, ALL_TYPES)),
                                               st.sampled_from((2, 16, 128)), st.integers(0, 2))),
    st.tuples(TIMES, st.just("set"), st.tuples(st.just("rss_table"), st.integers(32, 35), st.sampled_from(
        (0, 0x01000100, 0x02010002, 0xFF010203)))),
    st.tuples(TIMES, st.just("frame"), st.tuples(st.sampled_from(FRAMES), FUNCTIONS)),
)


@st.composite
def tables(draw):
    """Indirection tables, of none or one of the functions; perhaps another key or other entries some time later."""
    if draw(st.booleans()):
        return ()
    function, queues = draw(FUNCTIONS), st.lists(st.integers(0, 2), min_size=1, max_size=3).map(tuple)
    later = draw(st.sampled_from((None, "key", "table")))
    change = () if later is None else (put_key(function, OTHER_KEY, draw(TIMES)) if later == "key"
                                       else put_table(function, draw(queues), draw(TIMES)))
    return (*spread(function, draw(queues), draw(st.integers(0, 1))), *change)


@st.composite
def scripts(draw):
    pairs = tuple(draw(queues(number)) for number in range(draw(st.integers(1, 3))))
    flows = tuple(rx_flow(draw(FUNCTIONS), draw(SIZES), draw(st.sampled_from((0, LINE_64B, 3 * LINE_64B + 5))),
                          draw(st.sampled_from((3 * US, 3 * US + 1, 3_000_400))), draw(st.sampled_from((-1, 3, 50))),
                          connection=draw(st.sampled_from((None, *MIXED))))
                  for _ in range(draw(st.integers(0, 2))))
    config = [("seed", draw(st.integers(0, 9))), ("tags", draw(st.sampled_from((1, 4, 32)))),
              ("read_jitter_ps", draw(st.sampled_from((0, 0, 3, 90 * NS)))),
              ("read_buffer", draw(st.sampled_from((1024, 16384)))), ("host_ph", draw(st.sampled_from((0, 2, 64)))),
              ("host_nph", draw(st.sampled_from((1, 64)))), ("tx_buffer", draw(st.sampled_from((2048, 1 << 17)))),
              ("rx_buffer", draw(st.sampled_from((2048, 1 << 19)))), ("split_rcb", draw(st.booleans())),
              ("tx_threshold", draw(st.sampled_from((1, 32)))), ("rx_threshold", draw(st.sampled_from((1, 8)))),
              draw(st.sampled_from((FULL, HEADERS, LENGTHS))), ("record_rows", draw(st.booleans())),
              ("frames_out", draw(st.booleans())), ("books", draw(st.sampled_from((True, True, False))))]
    actions = (*draw(tables()), *draw(st.lists(ACTIONS, max_size=6)))
    return Script("drawn", pairs, flows, actions, tuple(config), draw(st.sampled_from(MACHINES)),
                  draw(st.sampled_from((12 * US, 20 * US))), draw(st.sampled_from((0, 1 * US, 3 * US + 1))),
                  draw(st.booleans()))


# the whole link and the whole host -----------------------------------------------------------------------------
def counts(most):
    return st.sampled_from((0, 0, 2, most))


FIELDS = {
    "host_npd": counts(2047), "host_cplh": counts(127), "host_cpld": st.sampled_from((0, 1, 2047)), "device_npd": counts(2047),
    "device_cplh": counts(127), "device_cpld": st.sampled_from((0, 32, 2047)), "relaxed_ordering": st.booleans(),
    "up_share": st.sampled_from((65536, 65536, 59578, 32768)), "down_share": st.sampled_from((65536, 65536, 59578)),
    "ido": st.booleans(), "tlp_digest_bytes": st.sampled_from((0, 4)),
    "tag_cap": st.integers(0, 3), "read_cycles": st.sampled_from((0, 1, 7)),
    "write_cycles": st.sampled_from((1, 1, 4)), "remote_ps": st.sampled_from((0, 80 * NS)),
    "dram_ps": st.sampled_from((0, 55 * NS)), "dram_share": st.sampled_from((0, 20000, 65536)),
    "tail_ps": st.sampled_from((0, 2 * US)), "tail_share": st.sampled_from((0, 5000)),
    "iotlb_entries": st.sampled_from((0, 1, 3, 8)), "walkers": st.integers(1, 3),
    "walk_ps": st.sampled_from((1, 1 * NS, 280 * NS)), "core_switch_ps": st.sampled_from((0, 1, 90 * NS)),
    **{name: st.sampled_from(choices(name)) for name in PARAMETERS},
}
RATES = st.sampled_from((0, 1_024_000, 819_200, 5_000_001))
TIMINGS = st.sampled_from(((1_024_000, 536 * NS, 536 * NS, 2_360_000, 8), (256_000, 316 * NS, 1, 0, 32),
                           (999_999, 1, 316_001, 1_000_000, 16)))
# Instants of corpus_whole.EVENTS too: what is revoked there is often in the middle of something.
AWKWARD = st.one_of(TIMES, st.builds(sum, st.tuples(st.sampled_from(tuple(EVENTS.values())), st.integers(-1, 1))))
WHOLE_ACTIONS = st.one_of(
    ACTIONS,
    st.tuples(AWKWARD, st.just("reset"), st.tuples(FUNCTIONS)),
    st.tuples(AWKWARD, st.just("close"), st.tuples(st.integers(0, 1), st.integers(0, 2))),
    st.tuples(AWKWARD, st.just("set"), st.tuples(st.just("bme"), FUNCTIONS, st.just(0))),
    st.tuples(AWKWARD, st.just("set"), st.tuples(st.just("wire"), st.just(0), RATES)),
    st.tuples(AWKWARD, st.just("set"), st.tuples(st.just("shaper"), FUNCTIONS, RATES, st.sampled_from((0, 64, 3000)))),
    st.tuples(AWKWARD, st.just("set"), st.tuples(st.just("page_shift"), FUNCTIONS, st.sampled_from((12, 21, 30)))),
    st.tuples(AWKWARD, st.just("set"), st.builds(lambda words, duration: ("retrain", 0, duration, *words), TIMINGS,
                                                 st.sampled_from((0, 1, 300 * NS, 2 * US)))),
)


@st.composite
def whole_scripts(draw):
    """A script of `scripts()` with some of the new fields, new actions, and agents that share cores."""
    script = draw(scripts())
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=8, unique=True))
    config = dict(script.config) | {name: draw(FIELDS[name]) for name in names}
    if config["tags"] > 1:
        config["tag_reserve"] = draw(st.integers(0, min(2, config["tags"] - 1)))
    queues = tuple(replace(queue, agent_fields=(*queue.agent_fields, ("core", draw(st.integers(-1, 1))),
                                                ("doorbell_cost_ps", draw(st.sampled_from((0, 7 * NS))))))
                   for queue in script.queues)
    actions = (*draw(tables()), *draw(st.lists(WHOLE_ACTIONS, max_size=6)))
    return replace(script, queues=queues, config=tuple(config.items()), actions=actions)
