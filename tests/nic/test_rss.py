"""A VF's key, table and hash types reach the plane as its own; a reset takes them away; adapters without have no such rows."""

from __future__ import annotations

import pytest
from fake_plane import POOLS_32, POOLS_64, Adapter

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.datasheet.rss import ENTRIES_A_WORD, KEY_WORDS, LEAST_ENTRIES, LEAST_QUEUES
from nicmodel.sim.plane import RSS_KEY_STEP, RSS_TABLE_STEP

V = 1
RSS_ON = vf.VFMRQC.RSSEN.mask | vf.VFMRQC.TCP_IPV4.mask | vf.VFMRQC.IPV4.mask
OFF = (0, 1, 0)


def two_queues(vt_mode: int = POOLS_64, rqpl: int = 1) -> Adapter:
    """VF 1 with a key, a table that alternates, and everything on."""
    adapter = Adapter(num_vfs=3, profile="vf100g", vt_mode=vt_mode)
    adapter.write(0, pf.MRQC, pf.MRQC.MULTIPLE_RSS.mask)
    adapter.write(1 + V, vf.VFPSRTYPE, vf.VFPSRTYPE.RQPL.put(rqpl))
    for n in range(vf.VFRSSRK.count):
        adapter.write(1 + V, vf.VFRSSRK[n], 0x11111111 * (n + 1) & 0xFFFFFFFF)
    for n in range(vf.VFRETA.count):
        adapter.write(1 + V, vf.VFRETA[n], 0x03020100)
    adapter.write(1 + V, vf.VFMRQC, RSS_ON)
    return adapter


def test_key_table_and_types_reach_the_plane_before_they_count():
    adapter = two_queues()
    tables, function = adapter.plane.tables, 1 + V
    assert tables["rss"] == {function: (0b11, 64, 2 * V)}
    assert tables["rss_key"] == {RSS_KEY_STEP * function + n: (0x11111111 * (n + 1) & 0xFFFFFFFF,) for n in range(KEY_WORDS)}
    assert tables["rss_table"] == {RSS_TABLE_STEP * function + n: (0x01000100,) for n in range(vf.VFRETA.count)}
    told = [entry[0] for entry in adapter.take("rss", "rss_key", "rss_table")]
    assert told.index("rss") == len(told) - 1 and told.count("rss") == 1


@pytest.mark.parametrize("vt_mode, rqpl, word", [(POOLS_64, 0, 0), (POOLS_64, 1, 0x01000100), (POOLS_64, 2, 0x01000100),
                                                 (POOLS_32, 1, 0x01000100), (POOLS_32, 2, 0x03020100)])
def test_an_entry_names_a_queue_of_the_pool(vt_mode, rqpl, word):
    adapter = two_queues(vt_mode, rqpl)
    assert adapter.plane.tables["rss_table"].get(RSS_TABLE_STEP * (1 + V), (0,)) == (word,)


def test_one_vfs_registers_leave_the_others_alone():
    adapter = two_queues()
    assert {index // RSS_TABLE_STEP for index in adapter.plane.tables["rss_table"]} == {1 + V}
    assert adapter.read(1, vf.VFRSSRK[0]) == adapter.read(1, vf.VFRETA[0]) == 0


@pytest.mark.parametrize("row, function, value", [(pf.MRQC, 0, 0), (vf.VFMRQC, 1 + V, RSS_ON & ~1), (vf.VFMRQC, 1 + V, 1)],
                         ids=["MULTIPLE_RSS", "RSSEN", "types"])
def test_everything_that_must_be_on_turns_it_off(row, function, value):
    adapter = two_queues()
    adapter.write(function, row, value)
    assert adapter.plane.tables["rss"][1 + V] == OFF


@pytest.mark.parametrize("reset", ["flr", "VFCTRL", "PF", "VF Enable"])
def test_a_reset_turns_it_off_and_forgets_key_and_table(reset):
    adapter = two_queues()
    if reset == "flr":
        adapter.nic.function_reset(1 + V)
    elif reset == "VFCTRL":
        adapter.write(1 + V, vf.VFCTRL, vf.VFCTRL.RST.mask)
    elif reset == "PF":
        adapter.nic.function_reset(0)
    else:
        adapter.nic.vfs_disabled()
    assert adapter.plane.tables["rss"][1 + V] == OFF
    assert not any(words != (0,) for table in ("rss_key", "rss_table") for words in adapter.plane.tables[table].values())


def test_a_vf_that_moves_takes_its_table_along():
    adapter = two_queues()
    adapter.write(0, pf.GCR_EXT, pf.GCR_EXT.VT_MODE.put(POOLS_32))
    assert adapter.plane.tables["rss"][1 + V] == (0b11, 64, 4 * V)
    adapter.write(0, pf.GCR_EXT, 0)
    assert adapter.plane.tables["rss"][1 + V] == OFF


def test_an_82599_has_no_such_registers():
    adapter = Adapter(num_vfs=2)
    adapter.take()
    for row in (vf.VFMRQC, vf.VFRSSRK[3], vf.VFRETA[5]):
        adapter.write(1, row, 0xFFFFFFFF)
        assert adapter.read(1, row) == 0
    adapter.write(0, pf.MRQC, pf.MRQC.MULTIPLE_RSS.mask)
    assert not adapter.take()


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_has_all_of_it_or_nothing(profile):
    """What RSS in a VF has at least (HCR), what the pool and the register map have at most."""
    queues, entries = profile.vf_rss_queues, profile.vf_reta_entries
    assert bool(queues) == bool(entries)
    if queues:
        assert LEAST_QUEUES <= queues <= profile.queues_per_pool and profile.vf_vectors > queues
        assert LEAST_ENTRIES <= entries <= ENTRIES_A_WORD * vf.VFRETA.count and entries.bit_count() == 1
