"""The reference plane against golden rows worked out by hand, and against conservation."""

from __future__ import annotations

import pytest
from corpus import CORPUS
from harness import US, Queue, Script, check_conservation, run

from nicmodel.reference.plane import ReferencePath


def stages(row, *names):
    return tuple(int(row[name]) for name in names)


TX_PATH = ("POSTED", "DOORBELL", "DESC_FETCHED", "SCHEDULED", "DATA_FETCHED", "SWITCHED", "ON_WIRE", "OFF_WIRE",
           "WRITTEN_BACK", "INTERRUPTED", "REAPED")


def test_golden_first_frame_of_one_agent():
    """Every stamp of a lone 64-byte frame, from the tables: Gen2 x8 is 250 ps a byte, the core 6400 ps.

    POSTED     agent starts at 2 ns; pass 100 ns + 1 packet 20 ns                          122 000
    DOORBELL   28 B x 250 = 7 000 -> 129 000; edge 134 400; + 4 cycles                     160 000
    DESC       read 24 B: 166 000; memory 400 000: 566 000; 36 B: 575 000; edge            576 000
    SCHEDULED  same edge
    DATA       read 24 B: 582 000; 982 000; 80 B x 250: 1 002 000; edge                   1 004 800
    SWITCHED   + 20 cycles                                                                1 132 800
    ON_WIRE    at once; OFF_WIRE + 72 B x 800                                             1 190 400
    WRITTEN    40 B x 250 after 1 004 800: 1 014 800; + 220 000                           1 234 800
    INTERRUPTED MSI-X 24 B behind it: 1 020 800; + 220 000                                1 240 800
    REAPED     + 1 500 000 irq latency; pass 100 000 + irq 500 000                        3 340 800
    """
    row = run(ReferencePath, Script("golden", (Queue(1, count=1),), end=5 * US)).results["rows"][0]
    assert stages(row, *TX_PATH) == (122_000, 160_000, 576_000, 576_000, 1_004_800, 1_132_800, 1_132_800, 1_190_400,
                                     1_234_800, 1_240_800, 3_340_800)


def test_golden_two_functions_share_link_tags_and_wire():
    """Two agents in step, one tag: the second function's descriptor read waits for the first's completion.

    Both post at 122 000. Doorbells leave at 122 000 and 129 000 (each 7 000), take effect at 160 000 and 166 400
    (arrivals 129 000 and 136 000, edges 134 400 and 140 800, + 4 cycles). One tag: function 1 reads its descriptor
    160 000..575 000; the tag is seen at edge 576 000, where the classes take turns: Tx descriptors came first, so the
    payload request of function 1 (queued at 576 000) goes before function 2's descriptor read. Payload is home at
    1 002 000, edge 1 004 800; then function 2's descriptor: read 1 010 800, 1 410 800, 36 B 1 419 800, edge 1 420 800.
    """
    script = Script("golden pair", (Queue(1, count=1), Queue(2, count=1)), config=(("tags", 1),), end=6 * US)
    first, second = run(ReferencePath, script).results["rows"][:2]
    assert stages(first, "POSTED", "DOORBELL", "DESC_FETCHED", "DATA_FETCHED") == (122_000, 160_000, 576_000, 1_004_800)
    assert stages(second, "POSTED", "DOORBELL", "DESC_FETCHED") == (122_000, 166_400, 1_420_800)


def test_golden_pause_revokes_a_start_at_its_own_instant():
    """A frame that would start at 1 132 800 is held by a PAUSE that takes effect at exactly that instant.

    PAUSE at 1 032 800 + reaction 100 000; 2 quanta = 128 byte times = 102 400: it starts at 1 235 200 instead.
    One ps later the PAUSE is too late for it.
    """
    def on_wire(at):
        script = Script("pause", (Queue(1, count=1),), actions=((at, "set", ("pause", 0, 2)),), end=5 * US)
        return int(run(ReferencePath, script).results["rows"][0]["ON_WIRE"])

    assert on_wire(1_032_800) == 1_132_800 + 102_400
    assert on_wire(1_032_801) == 1_132_800


def test_golden_register_read_as_an_upcall():
    """A cold read: request 24 B down (6 000), edge, 4 cycles, Python answers 1 ps later, 24 B up (6 000)."""
    script = Script("read", (Queue(1, tx=False, agent=False),), actions=((3 * US, "read", (1, 0x8)),), end=4 * US)
    asked, done = run(ReferencePath, script).upcalls
    assert asked.time == 3_008_000 + 4 * 6400          # 3 006 000 -> edge 3 008 000
    assert (done.time, done.args) == (asked.time + 1 + 6_000, (1, 0x8 ^ 0x5A5A))


@pytest.mark.parametrize("script", CORPUS, ids=lambda s: s.name)
def test_offered_is_delivered_dropped_or_inside(script):
    outcome = run(ReferencePath, script)
    check_conservation(outcome)


@pytest.mark.parametrize("script", CORPUS, ids=lambda s: s.name)
def test_each_row_moves_forward_in_time(script):
    """No stage of a row precedes one that causes it."""
    order = ("POSTED", "DOORBELL", "DESC_FETCHED", "SCHEDULED", "DATA_FETCHED", "SWITCHED", "ON_WIRE", "OFF_WIRE")
    rx_order = ("ARRIVED", "STEERED", "DESC_READY", "DATA_WRITTEN", "WRITTEN_BACK", "INTERRUPTED", "REAPED")
    for row in run(ReferencePath, script).results["rows"]:
        for path in (order, rx_order):
            if row["kind"] == 0 and path is rx_order:
                path = ("DATA_FETCHED", *rx_order[4:])
            seen = [int(row[name]) for name in path if row[name] >= 0]
            assert seen == sorted(seen), row


@pytest.mark.parametrize("script", CORPUS, ids=lambda s: s.name)
def test_what_enters_the_core_is_stamped_with_an_edge(script):
    """NIC latencies are whole core cycles: every stamp taken inside the core is a multiple of its period."""
    core_ps = {**dict(script.machine), **dict(script.config)}.get("core_ps", 6400)
    rows = run(ReferencePath, script).results["rows"]
    for stage in ("DOORBELL", "DESC_FETCHED", "SCHEDULED", "DATA_FETCHED", "SWITCHED", "STEERED", "DESC_READY"):
        stamps = rows[stage][rows[stage] >= 0]
        assert not (stamps % core_ps).any(), stage


def test_the_corpus_is_as_large_as_promised():
    assert len(CORPUS) >= 30
    assert sum("tie" in script.tags for script in CORPUS) >= 6
    assert len({script.name for script in CORPUS}) == len(CORPUS)


def test_corpus_exercises_what_it_names():
    """Guard against scripts that silently do nothing: drops, loopbacks, resets and upcalls do occur."""
    by_name = {script.name: run(ReferencePath, script) for script in CORPUS}
    drops = {name: out.results["functions"] for name, out in by_name.items()}
    assert drops["receive without descriptors drops"]["drop_no_descriptor"][1] > 0
    assert drops["receive without descriptors blocks"]["drop_no_descriptor"][1] == 0
    assert drops["receive without descriptors blocks"]["drop_rx_buffer_full"][0] > 0
    assert drops["no filter, default pool, too long"]["drop_no_filter"][0] > 0
    assert drops["no filter, default pool, too long"]["drop_too_long"][:2].min() > 0
    assert drops["bad descriptors"]["drop_bad_descriptor"][1] == 5
    assert drops["ties: function reset in flight"]["drop_reset"][1:3].min() > 0
    assert drops["VF to VF"]["rx_packets"][2] > 0
    assert all(len(out.results["rows"]) for out in by_name.values())
    assert len(by_name["a message domain"].upcalls) > 10
    assert by_name["rings driven by Python"].results["functions"]["rx_packets"][1] == 3
    stranger, owner = sorted(by_name["a VF at another function's tail"].upcalls, key=lambda u: u.args[0])
    assert stranger.args[1] == 0 and owner.args[1] > 0
