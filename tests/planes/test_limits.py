"""What a plane takes and refuses (sim/limits.py): both planes alike, before anything is changed."""

from __future__ import annotations

import numpy as np
import pytest
from harness import plane_config
from whole import PLANES

from nicmodel.datasheet.policies import PARAMETERS
from nicmodel.sim import limits
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import LONGEST_FRAME, NEVER, RSS_KEY_STEP, TABLES, Direction, RingConfig

pytestmark = pytest.mark.parametrize("plane", PLANES)
FUNCTIONS = 5           # of `plane_config()`, and 16 rings


@pytest.mark.parametrize("field, value", [
    ("write_cycles", 0), ("walkers", 0), ("walk_ps", 0), ("core_ps", 0), ("core_ps", -1), ("register_cycles", 0), ("tags", 0),
    ("num_functions", 0), ("num_functions", 1 << 15), ("num_rings", 1 << 15), ("tx_cache", 1 << 16),
    ("tag_reserve", 32), ("host_ph", 128), ("device_cpld", 2048), ("device_npd", -1), ("tag_cap", -1), ("iotlb_entries", -1),
    ("tail_share", -1), ("read_jitter_ps", (1 << 32) - 1), ("pcie_byte_ticks", 127), ("wire_byte_ticks", 0), ("mps", 96),
    ("mrrs", 8192), ("rcb", 8), ("tlp_digest_bytes", 8), ("up_share", 0), ("down_share", 65537),
    ("ack_ps", 0), ("fc_ps", 0), ("pause_reaction_ps", 0), ("read_latency_ps", 1 << 51), ("core_ps", "fast"), ("core_ps", 6400.0),
    ("tags", 1 << 31), ("skp_bytes", (1 << 16) + 1), ("seed", -1), ("mrrs", "256"), ("tx_pipe_cycles", 1 << 17),
    *((parameter, "by_lot") for parameter in PARAMETERS)])
def test_what_no_plane_can_run_with_is_refused_by_name(plane, field, value):
    with pytest.raises(ModelBug, match=field):
        plane(plane_config(**{field: value}))


def test_numbers_that_do_not_go_together_are_refused(plane):
    with pytest.raises(ModelBug, match="mps is 64, but at least rcb, which is 128"):
        plane(plane_config(mps=64, rcb=128))
    plane(plane_config(mps=128, rcb=128)).run_until(1000)
    with pytest.raises(ModelBug, match="at least 1 ps in either direction"):
        plane(plane_config(pcie_byte_ticks=128, down_share=65535))


def test_the_most_that_is_allowed_runs(plane):
    made = plane(plane_config(read_jitter_ps=limits.MOST_JITTER_PS, host_ph=127, host_pd=2047,
                              pcie_byte_ticks=limits.MOST_BYTE_TICKS, up_share=1, down_share=1, core_ps=1))
    made.run_until(1000)


@pytest.mark.parametrize("table, index, words", [
    ("hot", 0, (2, 0)), ("hot", 0, (0, 16)), ("vector", 64 * FUNCTIONS, (1, 0)), ("vector", 0, (1, -1)), ("raise", -1, ()),
    ("filter", 1 << 16, (1, 2, -1, 0)), ("filter", 0, (1, 2, -1, FUNCTIONS)), ("default_pool", 0, (FUNCTIONS,)),
    ("bme", FUNCTIONS, (1,)), ("max_frame", 0, (-1,)), ("no_descriptor", -1, (1,)), ("pause", 0, (65536,)),
    ("ring_vector", 32, (0,)), ("ring_vector", 0, (64,)), ("rss", FUNCTIONS, (0, 2, 0)), ("rss", 0, (0, 3, 0)),
    ("rss", 0, (0, 2, 16)), ("rss", 0, (1 << 31, 2, 0)),
    ("rss_key", 10, (0,)), ("rss_key", 0, (1 << 32,)), ("rss_table", 32 * FUNCTIONS, (0,)),
    ("page_shift", 1, (13,)), ("page_shift", 1 << 20, (12,)), ("shaper", FUNCTIONS, (1, 0)), ("shaper", 1, (-1, 0)),
    ("shaper", 1, (1 << 44, 1 << 20)), ("wire", 1, (80 * 1024,)), ("wire", 0, (127,)), ("wire", 0, (-1,)),
    ("retrain", 0, (0, 127, 1, 1, 1, 1)), ("retrain", 0, (-1, 1024, 1, 1, 1, 1)), ("retrain", 0, (0, 1024, 1, 1, 1)),
    ("retrain", 0, (0, 1024, 0, 1, 1, 1)), ("retrain", 0, (0, 1024, 1, 0, 1, 1)), ("retrain", 0, (1 << 51, 1024, 1, 1, 1, 1)),
    ("retrain", 0, (0, 1024, 1, 1, 1, (1 << 16) + 1)),
    ("filter", 0, (1, 1 << 48, -1, 0)), ("filter", 0, (1, 2, 1 << 12, 0)), ("max_frame", 0, (1 << 31,)), ("bme", 1.5, (1,)),
    ("sources", FUNCTIONS, (1,)), ("sources", 10**7, (1,)), ("sources", -(10**7), (1,)), ("sources", 0, (4,)),
    ("hot", 0, (0, -1)), ("vector", 0, (1, limits.MOST_PS + 1)), ("filter", -1, (1, 2, -1, 0)), ("filter", 0, (1, -1, -1, 0)),
    ("filter", 0, (1, 2, -2, 0)), ("pause", 0, (-1,)), ("rss", 0, (0, 0, 0)), ("rss", 0, (0, 256, 0)),
    ("rss_key", RSS_KEY_STEP * FUNCTIONS, (0,)), ("rss_table", 0, (1 << 32,)), ("rss_table", 0, (-1,)),
    ("page_shift", -1, (12,)), ("shaper", 1, (limits.MOST_BYTE_TICKS + 1, 0)), ("shaper", 1, (1, limits.MOST + 1)),
    ("shaper", 1, (1, -1)), ("wire", 0, (limits.MOST_BYTE_TICKS + 1,)), ("ring_vector", 0, (-2,)),
    ("retrain", 0, (0, limits.MOST_BYTE_TICKS + 1, 1, 1, 1, 1)), ("retrain", 0, (0, 1024, limits.MOST_DELAY_PS + 1, 1, 1, 1)),
    ("retrain", 0, (0, 1024, 1, 1, limits.MOST_DELAY_PS + 1, 1)), ("retrain", 0, (0, 1024, 1, 1, 1, LONGEST_FRAME + 1)),
    ("rss_key", 0, (-1,)), ("sources", 0, (-1,)), ("loopback", 0, (NEVER + 1,)), ("loopback", 0, (-NEVER - 1,)),
    ("nothing", 0, ())])
def test_a_table_takes_no_nonsense(plane, table, index, words):
    made = plane(plane_config())
    with pytest.raises(ModelBug, match=table):
        made.set(table, index, words, 1)
    made.run_until(1000)


@pytest.mark.parametrize("table, index, words", [
    ("hot", 0, (1, 15)), ("vector", 64 * FUNCTIONS - 1, (1, limits.MOST_PS)), ("vector", 0, (0, 0)),
    ("filter", limits.MOST_SLOTS - 1, (1, (1 << 48) - 1, (1 << 12) - 1, FUNCTIONS - 1)), ("filter", 0, (1, 0, 0, 0)),
    ("default_pool", 0, (-1,)), ("default_pool", 0, (FUNCTIONS - 1,)), ("max_frame", 0, (0,)), ("max_frame", 0, (limits.MOST,)),
    ("pause", 0, (0,)), ("pause", 0, (65535,)), ("ring_vector", 31, (63,)), ("ring_vector", 0, (-1,)), ("rss", 0, (0, 1, 15)),
    ("rss", FUNCTIONS - 1, (0, 128, 0)), ("rss_key", RSS_KEY_STEP * (FUNCTIONS - 1) + 9, ((1 << 32) - 1,)),
    ("rss_table", 32 * FUNCTIONS - 1, ((1 << 32) - 1,)), ("page_shift", limits.MOST_DOMAINS - 1, (30,)),
    ("shaper", 1, (limits.MOST_BYTE_TICKS, 0)), ("shaper", 1, (1, limits.MOST)), ("wire", 0, (limits.LEAST_BYTE_TICKS,)),
    ("wire", 0, (limits.MOST_BYTE_TICKS,)), ("retrain", 0, (0, limits.LEAST_BYTE_TICKS, 1, 1, 0, 0)),
    ("retrain", 0, (limits.MOST_PS, limits.MOST_BYTE_TICKS, *[limits.MOST_DELAY_PS] * 3, LONGEST_FRAME)),
    ("sources", FUNCTIONS - 1, (3,)), ("loopback", np.int64(0), (np.uint8(1),)), ("loopback", 0, (NEVER,)),
    ("loopback", 0, (-NEVER,))])
def test_a_table_takes_the_last_that_it_may(plane, table, index, words):
    """What lies one further is refused above; whole numbers of numpy are as good as ours."""
    made = plane(plane_config())
    made.set(table, index, words, 1)
    assert made.next_time() == 1
    assert made.run_until(1000) == []


@pytest.mark.parametrize("ticks, taken", [(256, True), (255, False)])
def test_the_smaller_share_of_a_retrained_link_is_not_too_fast(plane, ticks, taken):
    """Half of the link is asked for 128 ticks a byte: 1 ps for the 8 bytes that a transfer has at least."""
    made = plane(plane_config(pcie_byte_ticks=256, down_share=1 << 15))
    if taken:
        made.set("retrain", 0, (0, ticks, 1, 1, 1, 1), 1)
        assert made.next_time() == 1
    else:
        with pytest.raises(ModelBug, match="retrain"):
            made.set("retrain", 0, (0, ticks, 1, 1, 1, 1), 1)


@pytest.mark.parametrize("call", [
    lambda plane: plane.attach(limits.MOST_DOMAINS - 1, (1 << 64) - 1, None),
    lambda plane: plane.mmio_write(FUNCTIONS - 1, limits.BARS - 1, limits.BAR_BYTES - 1, limits.MOST_VALUE, 1),
    lambda plane: plane.mmio_read(0, 0, 0, NEVER - 1),
    lambda plane: plane.reset_function(FUNCTIONS - 1, 1), lambda plane: plane.close_ring(Direction.RX, 15, 1),
    lambda plane: plane.inject(0, bytes(1), 1), lambda plane: plane.inject(0, bytes(LONGEST_FRAME), 1)],
    ids=("arena", "write", "stamp", "function", "ring", "one byte", "longest frame"))
def test_a_call_takes_the_last_that_it_may(plane, call):
    made = plane(plane_config())
    call(made)
    assert made.next_time() < NEVER
    made.run_until(10**7)


@pytest.mark.parametrize("field", ("mps", "mrrs", "rcb"))
@pytest.mark.parametrize("size", (16, 4096))
def test_the_last_sizes_of_a_tlp_are_taken(plane, field, size):
    other = {"rcb": 16} if field == "mps" else {"mps": 4096}
    assert plane(plane_config(**{**other, field: size})).run_until(1000) == []


@pytest.mark.parametrize("domain", (-1, limits.MOST_DOMAINS))
def test_there_are_only_so_many_domains(plane, domain):
    made = plane(plane_config())
    with pytest.raises(ModelBug, match="no domain"):
        made.attach(domain, 0, None)
    with pytest.raises(ModelBug, match="no domain"):
        made.open_ring(Direction.TX, 0, RingConfig(0, 0, 8, domain), 1)
    made.run_until(1000)


def test_every_table_has_its_rule(plane):
    assert set(limits.RULES) == set(TABLES)
    words = {"hot": (0, 1), "vector": (1, 0), "raise": (), "filter": (1, 2, -1, 0), "rss": (0, 2, 0), "shaper": (0, 0),
             "page_shift": (12,), "retrain": (0, 1024, 1, 1, 1, 1)}
    made = plane(plane_config())
    for table in TABLES:
        made.set(table, 0, words.get(table, (0,)), 1)
    made.run_until(1000)


@pytest.mark.parametrize("port, nbytes", [(1, 60), (0, 0), (0, (1 << 16) + 1)])
def test_a_frame_comes_through_the_port_and_has_bytes(plane, port, nbytes):
    with pytest.raises(ModelBug, match="not port"):
        plane(plane_config()).inject(port, bytes(nbytes), 1)
