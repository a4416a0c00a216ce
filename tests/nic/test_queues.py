"""When a ring is open, what the plane is told of it, and that what a guest gets wrong stays its own."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_plane import BASE, POOLS_16, POOLS_32, POOLS_64, VALID, Adapter

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.nic.registers import rows_of
from nicmodel.sim.plane import Direction, RingConfig

TX, RX = Direction
V, Q = 5, 10                                                  # VF 5's first queue in 64-pool mode
F = 1 + V


@pytest.fixture
def adapter() -> Adapter:
    adapter = Adapter(num_vfs=20)
    adapter.take()
    return adapter


def test_a_ring_is_opened_as_its_registers_say(adapter):
    adapter.write(F, vf.VTIVAR[0], 0x0000_8081)               # Rx 0: vector 1, Tx 0: vector 0
    adapter.write(F, vf.VFSRRCTL[0], vf.VFSRRCTL.BSIZEPACKET.put(3))
    adapter.start(V, size=256)
    wthresh = vf.VFTXDCTL.WTHRESH.put(8)
    adapter.write(F, vf.VFTXDCTL[0], 0)
    adapter.write(F, vf.VFTDH[0], 17)
    adapter.write(F, vf.VFTXDCTL[0], wthresh | vf.VFTXDCTL.ENABLE.mask)
    assert adapter.plane.rings == {
        (TX, Q): RingConfig(F, BASE, 256, 100 + F, head=17, buffer_bytes=3072, vector=0, wthresh=8),
        (RX, Q): RingConfig(F, BASE + 0x10000, 256, 100 + F, buffer_bytes=3072, vector=1)}
    assert adapter.read(F, vf.VFTXDCTL[0]) & vf.VFTXDCTL.ENABLE.mask


CONDITIONS = {
    "ENABLE": (lambda a, on: [a.write(F, row[0], row.ENABLE.put(on)) for row in (vf.VFTXDCTL, vf.VFRXDCTL)]),
    "master enables": (lambda a, on: (a.write(0, pf.DMATXCTL, on), a.write(0, pf.RXCTRL, on))),
    "pool enables": (lambda a, on: [a.write(0, row[0], on << V) for row in (pf.VFTE, pf.VFRE)]),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_a_ring_is_open_while_each_condition_holds(adapter, name):
    adapter.start(V)
    assert set(adapter.plane.rings) == {(TX, Q), (RX, Q)}
    CONDITIONS[name](adapter, 0)
    assert not adapter.plane.rings
    CONDITIONS[name](adapter, 1)
    assert set(adapter.plane.rings) == {(TX, Q), (RX, Q)}


@pytest.mark.parametrize("row, left", [(pf.DMATXCTL, RX), (pf.RXCTRL, TX), (pf.VFTE[0], RX), (pf.VFRE[0], TX)],
                         ids=["TE", "RXEN", "VFTE", "VFRE"])
def test_each_direction_has_its_own_conditions(adapter, row, left):
    adapter.start(V)
    adapter.write(0, row, 0)
    assert set(adapter.plane.rings) == {(left, Q)}


def test_order_of_the_conditions_does_not_matter(adapter):
    """As in bring-up: the VF enables its queue before the PF lets its pool receive."""
    for row in (vf.VFTDLEN, vf.VFRDLEN):
        adapter.write(F, row[0], 1024)
    for row in (vf.VFTXDCTL, vf.VFRXDCTL):
        adapter.write(F, row[0], row.ENABLE.mask)
    adapter.allow(V)
    assert not adapter.plane.rings
    adapter.nic.bus_master(F, True)
    assert set(adapter.plane.rings) == {(TX, Q), (RX, Q)}


def test_clearing_bus_mastering_stops_a_function_alone(adapter):
    adapter.start(V)
    adapter.start(V + 1)
    adapter.nic.bus_master(F, False)
    assert adapter.take("close") == []                         # the plane closes them itself
    assert not adapter.read(F, vf.VFTXDCTL[0]) & vf.VFTXDCTL.ENABLE.mask
    assert adapter.read(F + 1, vf.VFTXDCTL[0]) & vf.VFTXDCTL.ENABLE.mask


def test_a_queue_that_is_enabled_without_bus_mastering_waits_for_it(adapter):
    adapter.start(V)
    adapter.nic.bus_master(F, False)
    adapter.plane.rings.clear()                                # as the plane does
    adapter.write(F, vf.VFTXDCTL[0], vf.VFTXDCTL.ENABLE.mask)
    assert set(adapter.plane.rings) == set()
    adapter.nic.bus_master(F, True)
    assert set(adapter.plane.rings) == {(TX, Q)}


def test_clearing_the_pfs_bus_mastering_stops_its_own_queues_alone(adapter):
    adapter.start(V)
    adapter.master(0)
    adapter.write(0, pf.TDLEN[126], 1024)                      # of pool 63, which no VF has
    adapter.write(0, pf.TXDCTL[126], pf.TXDCTL.ENABLE.mask)
    adapter.nic.bus_master(0, False)
    assert not adapter.read(0, pf.TXDCTL[126]) & pf.TXDCTL.ENABLE.mask
    assert adapter.read(F, vf.VFTXDCTL[0]) & vf.VFTXDCTL.ENABLE.mask


@pytest.mark.parametrize("writes", [
    [(vf.VFTDLEN[0], 0)], [(vf.VFTDLEN[0], 0x40)], [(vf.VFTDLEN[0], 1024), (vf.VFTDH[0], 64)],
    [(vf.VFTDLEN[0], 1024), (vf.VFTDH[0], 0xFFFF)]], ids=["no length", "half a line", "head at the end", "head far off"])
def test_an_impossible_ring_does_not_open(adapter, writes):
    adapter.master(F)
    adapter.allow(V)
    for at, value in writes:
        adapter.write(F, at, value)
    adapter.write(F, vf.VFTXDCTL[0], vf.VFTXDCTL.ENABLE.mask)
    assert not adapter.plane.rings


@pytest.mark.parametrize("rows, direction", [((vf.VFTDH, vf.VFTXDCTL), TX), ((vf.VFRDH, vf.VFRXDCTL), RX)], ids=["Tx", "Rx"])
def test_the_head_is_read_only_while_enabled(adapter, rows, direction):
    head, control = rows
    adapter.start(V)
    adapter.plane.ends[direction, Q] = {"head": 12, "tail": 30}
    adapter.write(F, head[0], 3)
    assert adapter.read(F, head[0]) == 12                     # the plane's
    adapter.write(F, control[0], 0)
    assert adapter.read(F, head[0]) == 12                     # kept
    adapter.write(F, head[0], 3)
    assert adapter.read(F, head[0]) == 3


def test_the_head_is_read_only_even_while_something_else_keeps_the_ring_closed(adapter):
    adapter.write(F, vf.VFTDH[0], 5)
    adapter.write(F, vf.VFTXDCTL[0], vf.VFTXDCTL.ENABLE.mask)
    adapter.write(F, vf.VFTDH[0], 9)
    assert adapter.read(F, vf.VFTDH[0]) == 5


def test_software_flush_disables_and_reads_0(adapter):
    adapter.start(V)
    adapter.write(F, vf.VFTXDCTL[0], vf.VFTXDCTL.SWFLSH.mask)
    assert adapter.read(F, vf.VFTXDCTL[0]) == 0
    assert set(adapter.plane.rings) == {(RX, Q)}


@pytest.mark.parametrize("mode, per_pool", [(POOLS_64, 2), (POOLS_32, 4), (POOLS_16, 8)])
def test_the_vf_window_shows_the_pools_queues_and_no_others(mode, per_pool):
    adapter = Adapter(num_vfs=10, vt_mode=mode)
    for index in range(vf.QUEUES):
        adapter.write(F, vf.VFTDLEN[index], 128 * (1 + index))
        assert adapter.read(F, vf.VFTDLEN[index]) == (128 * (1 + index) if index < per_pool else 0)
    lengths = {queue: value for queue in range(128) if (value := adapter.read(0, pf.TDLEN[queue]))}
    assert lengths == {per_pool * V + index: 128 * (1 + index) for index in range(per_pool)}


def test_without_pools_a_vf_has_no_queues():
    adapter = Adapter(num_vfs=10, vt_mode=0)
    adapter.write(F, vf.VFTDLEN[0], 1024)
    assert adapter.read(F, vf.VFTDLEN[0]) == 0
    assert not any(adapter.read(0, pf.TDLEN[queue]) for queue in range(128))


@pytest.mark.parametrize("row", [vf.VFSRRCTL, vf.VFDCA_RXCTRL, vf.VFDCA_TXCTRL, vf.VFRXDCTL], ids=lambda row: row.name)
def test_queues_past_the_pool_read_0_even_where_the_reset_value_is_not(adapter, row):
    adapter.write(F, row[2], 0x1234)
    assert adapter.read(F, row[2]) == 0
    assert adapter.read(F, row[1]) == row.reset


def test_the_pf_runs_the_queues_of_pools_that_no_vf_has():
    adapter = Adapter(num_vfs=20)
    adapter.master(0)
    adapter.write(0, pf.TDLEN[40], 1024)
    adapter.write(0, pf.TXDCTL[40], pf.TXDCTL.ENABLE.mask)
    assert not adapter.plane.rings
    adapter.allow(20)
    assert {key: config.function for key, config in adapter.plane.rings.items()} == {(TX, 40): 0}


def test_the_pf_reaches_a_vfs_queue_and_stops_it(adapter):
    adapter.start(V)
    adapter.write(0, pf.TXDCTL[Q], 0)
    assert set(adapter.plane.rings) == {(RX, Q)}
    assert adapter.read(F, vf.VFTXDCTL[0]) == 0


def test_queue_513_of_the_scaled_adapter_is_the_pfs():
    adapter = Adapter(num_vfs=256, profile="vf100g")
    adapter.start(255, queue=1)
    assert set(adapter.plane.rings) == {(TX, 511), (RX, 511)}
    adapter.master(0)
    adapter.write(0, pf.RDLEN[513], 1024)
    adapter.write(0, pf.RXDCTL[513], pf.RXDCTL.ENABLE.mask)
    adapter.allow(256)
    assert adapter.plane.rings[RX, 513].function == 0


def test_rows_past_the_adapters_queues_open_nothing(monkeypatch):
    """An adapter between the real part and the whole extension has rows, and no rings, past its last queue."""
    monkeypatch.setitem(PROFILES, "between", replace(PROFILES["vf100g"], queue_pairs=200))
    adapter = Adapter(num_vfs=20, profile="between")
    adapter.master(0)
    for pool in (99, 100):
        adapter.allow(pool)
    for queue in (199, 200):
        adapter.write(0, pf.TDLEN[queue], 1024)
        adapter.write(0, pf.TXDCTL[queue], pf.TXDCTL.ENABLE.mask)
    assert set(adapter.plane.rings) == {(TX, 199)}


# tails ------------------------------------------------------------------------------------------------------
def test_every_tail_of_every_function_is_decoded_by_the_plane():
    adapter = Adapter(num_vfs=63)
    hot = adapter.plane.tables["hot"]
    expected = {row.offset_of(q): (kind, q) for q in range(128) for kind, row in ((0, pf.TDT), (1, pf.RDT))}
    expected |= {(1 + v) << 32 | row.offset_of(i): (kind, 2 * v + i) for v in range(63) for i in range(2)
                 for kind, row in ((0, vf.VFTDT), (1, vf.VFRDT))}
    assert hot == expected


def test_hot_rows_are_exactly_the_tails():
    assert {row.name for kind in ("PF", "VF") for row in rows_of(kind) if row.hot} == {"TDT", "RDT", "VFTDT", "VFRDT"}


def test_tails_follow_the_pool_mapping():
    adapter = Adapter(num_vfs=10, vt_mode=POOLS_64)
    adapter.write(0, pf.GCR_EXT, POOLS_16)
    assert adapter.plane.tables["hot"][F << 32 | vf.VFTDT[7].offset] == (0, 8 * V + 7)


# vectors and policy -----------------------------------------------------------------------------------------
def test_ivar_moves_open_rings_to_another_vector(adapter):
    adapter.start(V)
    assert adapter.plane.rings[TX, Q].vector == -1
    adapter.take()
    adapter.write(F, vf.VTIVAR[0], 0x81 << 8 | VALID)
    assert adapter.take("ring_vector") == [("ring_vector", 2 * Q, (1,)), ("ring_vector", 2 * Q + 1, (0,))]


def test_the_pfs_ivar_has_64_vectors(adapter):
    adapter.master(0)
    adapter.allow(20)
    adapter.write(0, pf.RDLEN[41], 1024)
    adapter.write(0, pf.RXDCTL[41], pf.RXDCTL.ENABLE.mask)
    adapter.write(0, pf.IVAR[20], (VALID | 0x2A) << 16)
    assert ("ring_vector", 2 * 41 + 1, (0x2A,)) in adapter.take("ring_vector")


def policy(adapter, function=F):
    return adapter.plane.tables["no_descriptor"][function]


def test_frames_wait_for_descriptors_until_someone_says_drop(adapter):
    assert policy(adapter) == policy(adapter, 0) == (0,)       # the 82599's reset state, unlike the plane's
    adapter.write(F, vf.VFSRRCTL[1], vf.VFSRRCTL.DROP_EN.mask)
    assert policy(adapter) == (1,)
    adapter.write(F, vf.VFSRRCTL[1], 0)
    assert policy(adapter) == (0,)
    qde = pf.QDE.WE.mask | pf.QDE.IDX.put(Q)
    adapter.write(0, pf.QDE, qde & ~pf.QDE.WE.mask | pf.QDE.QDE.mask)
    assert policy(adapter) == (0,)                            # nothing is written without WE
    adapter.write(0, pf.QDE, qde | pf.QDE.QDE.mask)
    assert policy(adapter) == (1,)
    adapter.write(F, vf.VFSRRCTL[1], 0)
    assert policy(adapter) == (1,)                            # one queue is enough
    adapter.write(0, pf.QDE, qde)
    assert policy(adapter) == (0,)
    assert policy(adapter, F + 1) == (0,)


@pytest.mark.parametrize("row, value", [(pf.QDE, pf.QDE.QDE.mask | pf.QDE.WE.mask | pf.QDE.IDX.put(Q)),
                                        (pf.SRRCTL[Q], pf.SRRCTL.DROP_EN.mask)], ids=["QDE", "DROP_EN"])
def test_a_pf_reset_forgets_each_way_to_drop(adapter, row, value):
    adapter.write(0, row, value)
    assert policy(adapter) == (1,)
    adapter.write(0, pf.CTRL, pf.CTRL.RST.mask)
    assert policy(adapter) == (0,)
    adapter.write(0, pf.GCR_EXT, POOLS_64)
    assert policy(adapter) == (0,)


def test_qde_reaches_queues_past_127():
    adapter = Adapter(num_vfs=256, profile="vf100g")
    adapter.write(0, pf.QDE, pf.QDE.QDE.mask | pf.QDE.WE.mask | pf.QDE.IDX.put(500 & 127) | pf.QDE.IDX_EXT.put(500 >> 7))
    assert policy(adapter, 1 + 250) == (1,)
