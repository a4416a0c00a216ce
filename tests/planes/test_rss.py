"""Receive side scaling in both planes: Microsoft's vectors end in the ring that their hash names, and tables act at once."""

from __future__ import annotations

import ipaddress

import pytest
from corpus_rss import EIGHT, put_key, put_table, rings, spread, streams, turn_on
from harness import NS, US, Script, run
from nicmodel._fastpath import FastPath
from rss_vectors import VECTORS

from nicmodel.datasheet.connections import TCP, Connection, headers
from nicmodel.datasheet.rss import TABLE_ENTRIES
from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.errors import ModelBug

PLANES = pytest.mark.parametrize("plane", [FastPath, ReferencePath], ids=["fast", "reference"])


TWO = rings(1, 2)


def received(plane, *actions, queues=TWO, flows=(), end=20 * US):
    """Frames of each ring, and what function 1 dropped."""
    results = run(plane, Script("rss", queues, flows, actions, end=end)).results
    row = results["functions"][1]
    drops = {name.removeprefix("drop_"): int(row[name]) for name in row.dtype.names if name.startswith("drop_") and row[name]}
    return results["received"][:len(queues)].tolist(), drops


@PLANES
@pytest.mark.parametrize("with_ports", [False, True], ids=["addresses", "ports"])
@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector[0])
def test_a_frame_takes_the_entry_that_microsofts_vector_names(plane, vector, with_ports):
    destination, destination_port, source, source_port, *hashes = vector
    made = Connection(ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed, TCP, source_port,
                      destination_port)
    entry = hashes[with_ports] % TABLE_ENTRIES
    types = {4: 0b11, 6: 0b11 << 4}[made.version] if with_ports else {4: 0b10, 6: 1 << 4}[made.version]
    if made.version == 6 and with_ports:
        types = 1 << 4 | 1 << 5
    word = 0x01010101 & ~(0xFF << 8 * (entry % 4))                          # the one entry that names queue 0
    found, drops = received(
        plane, *put_key(1), *put_table(1, (1,), entries=TABLE_ENTRIES), (1 * NS, "set", ("rss_table", 32 + entry // 4, word)),
        *turn_on(1, types=types, entries=TABLE_ENTRIES), (5 * US, "frame", (headers(made, 80).ljust(80, b"x"), 1)),
        queues=rings(1, 1))
    assert (found, drops) == ([1], {})


@PLANES
def test_every_connection_stays_in_its_ring_and_the_rings_share(plane):
    found, drops = received(plane, *spread(1, (0, 1)), flows=streams(1, EIGHT))
    assert min(found) > 20 and not drops
    alone = [received(plane, *spread(1, (0, 1)), flows=streams(1, (connection,)))[0] for connection in EIGHT]
    assert all(min(each) == 0 and max(each) > 0 for each in alone)
    assert {each.index(max(each)) for each in alone} == {0, 1}


@PLANES
def test_without_a_table_the_first_ring_takes_all(plane):
    found, drops = received(plane, *spread(1, (0, 1)), *turn_on(1, types=0), flows=streams(1, EIGHT))
    assert found[0] > 40 and found[1] == 0 and not drops


@PLANES
def test_frames_without_a_hash_are_queue_zeros(plane):
    found, drops = received(plane, *spread(1, (1,)), flows=streams(1, (None,)))
    assert found[0] > 10 and found[1] == 0 and not drops


@PLANES
def test_a_stream_that_carries_no_ip_does_not_go_with_the_connection_of_another(plane):
    found, drops = received(plane, *spread(1, (1,)), flows=streams(1, (EIGHT[0], None)))
    assert min(found) > 10 and not drops


@PLANES
def test_an_entry_for_a_closed_queue_drops_and_the_others_go_on(plane):
    found, drops = received(plane, *spread(1, (0, 1)), (2 * US, "close", (1, 1)), flows=streams(1, EIGHT))
    assert found[0] > 20 and found[1] == 0 and set(drops) == {"queue_disabled"}


@pytest.mark.parametrize("table, index, words", [
    ("rss", 9, (3, 16, 0)), ("rss", 1, (1 << 3, 16, 0)), ("rss", 1, (3, 24, 0)), ("rss", 1, (3, 256, 0)), ("rss", 1, (3, 16, 99)),
    ("rss_key", 16 * 9, (0,)), ("rss_key", 16 + 10, (0,)), ("rss_key", 16, (1 << 32,)), ("rss_table", 32, (-1,)),
    ("rss_table", 32 * 9, (0,))])
def test_what_no_table_can_hold_is_a_bug_of_the_caller(table, index, words):
    script = Script("rss", rings(1, 1), actions=((1 * NS, "set", (table, index, *words)),))
    with pytest.raises(ModelBug):
        run(FastPath, script)
