"""Scripts in which a function spreads what it receives over several rings: its indirection table, changed under way."""

from __future__ import annotations

from typing import Any

from corpus import FULL, GEN4_100G, HEADERS, LENGTHS, LINE_64B, TIES
from harness import NS, US, Queue, Script, mac_of, rx_flow

from nicmodel.datasheet.connections import TCP, UDP, Connection, headers
from nicmodel.datasheet.rss import ALL_TYPES, ENTRIES_A_WORD, KEY_WORDS, VERIFICATION_KEY

OTHER_KEY = bytes(range(7, 47))
V4 = bytes((192, 0, 2, 1)), bytes((198, 51, 100, 7))
V6 = bytes.fromhex("20010db8000000000000000000000001"), bytes.fromhex("20010db80000000000000000000000a7")
ENTRIES = 16
ADDRESSES_ONLY = 1 << 1 | 1 << 4


def web(port: int, ends: tuple[bytes, bytes] = V4, protocol: int = TCP) -> Connection:
    return Connection(*ends, protocol, port, 80)


def addresses(ends: tuple[bytes, bytes], last: int) -> Connection:
    """A connection of addresses alone."""
    return Connection(ends[0][:-1] + bytes((last,)), ends[1])


def put_key(function: int, key: bytes = VERIFICATION_KEY, at: int = 1 * NS) -> tuple[Any, ...]:
    return tuple((at, "set", ("rss_key", 16 * function + n, int.from_bytes(key[4 * n:4 * n + 4], "little")))
                 for n in range(KEY_WORDS))


def put_table(function: int, queues: tuple[int, ...], at: int = 1 * NS, entries: int = ENTRIES) -> tuple[Any, ...]:
    """Entries name these queues in turns."""
    table = bytes(queues[entry % len(queues)] for entry in range(entries))
    return tuple((at, "set", ("rss_table", 32 * function + n, int.from_bytes(table[4 * n:4 * n + 4], "little")))
                 for n in range(entries // ENTRIES_A_WORD))


def turn_on(function: int, first: int = 0, at: int = 1 * NS, types: int = ALL_TYPES, entries: int = ENTRIES) -> tuple[Any, ...]:
    return (at, "set", ("rss", function, types, entries, first)),


def spread(function: int, queues: tuple[int, ...], first: int = 0) -> tuple[Any, ...]:
    return (*put_key(function), *put_table(function, queues), *turn_on(function, first))


def streams(function: int, connections: tuple[Connection | None, ...], each: int = 8 * LINE_64B,
            **fields: Any) -> tuple[Any, ...]:
    """A stream a connection, staggered."""
    return tuple(rx_flow(function, interval_ticks=each, start_ps=3 * US + 70 * NS * n, connection=connection, **fields)
                 for n, connection in enumerate(connections))


def rings(function: int, count: int, **fields: Any) -> tuple[Queue, ...]:
    """Queue pairs of one function, each with a vector of its own."""
    return tuple(Queue(function, tx=False, rx=True, vector=vector, **fields) for vector in range(count))


EIGHT = tuple(web(1024 + 3 * n) for n in range(8))
MIXED = (*EIGHT[:3], web(7, V6), web(9, V6, UDP), web(11, V4, UDP), addresses(V4, 9), addresses(V6, 5), None)
FRAMES = tuple(headers(connection, 46).ljust(48, b"\x55") for connection in MIXED if connection) + (
    b"\x81\x00\x00\x05" + headers(EIGHT[1], 46), headers(EIGHT[2], 46)[:30], b"\x08\x00\x65" + bytes(40), b"\x88\xb5" + bytes(46),
    b"\x08\x00\x46" + headers(EIGHT[3], 50)[3:22] + bytes(4) + headers(EIGHT[3], 50)[22:],
    headers(EIGHT[4], 46)[:8] + b"\x20" + headers(EIGHT[4], 46)[9:], headers(web(5, V6), 60)[:44], b"\x08", b"")
SHOWER = tuple((4 * US + 130 * NS * n, "frame", (frame, 1)) for n, frame in enumerate(2 * FRAMES))
POSTS = ((2 * US, "post", (0, 0, 40)), (2 * US, "post", (1, 0, 40)))

RSS_CORPUS = (
    Script("spread over two rings", rings(1, 2), flows=streams(1, MIXED), actions=spread(1, (0, 1)), end=60 * US),
    Script("spread over three rings, one of them sends too",
           (*rings(1, 2), Queue(1, rx=True, vector=2, connection=EIGHT[0]), Queue(2)),
           flows=streams(1, EIGHT), actions=spread(1, (2, 0, 1, 1)), end=40 * US),
    Script("two functions with tables of their own", (*rings(1, 2), *rings(2, 2)), flows=(*streams(1, EIGHT), *streams(2, EIGHT)),
           actions=(*spread(1, (0, 1)), *put_key(2, OTHER_KEY), *put_table(2, (1, 0, 0)), *turn_on(2, 2)), end=40 * US),
    Script("a function with a table beside one without", (*rings(1, 2), *rings(2, 2)),
           flows=(*streams(1, EIGHT), *streams(2, EIGHT)), actions=spread(1, (1, 0)), end=40 * US),
    Script("the table changes under traffic", rings(1, 2), flows=streams(1, MIXED), end=40 * US, actions=(
        *spread(1, (0, 1)), *put_table(1, (1,), 8 * US), *put_table(1, (0, 1, 1), 12 * US + 1), *put_key(1, OTHER_KEY, 15 * US),
        *turn_on(1, 0, 18 * US, ADDRESSES_ONLY), *turn_on(1, 1, 21 * US), *turn_on(1, 0, 24 * US, entries=4),
        *turn_on(1, 0, 26 * US, types=0), *turn_on(1, 0, 29 * US))),
    Script("a key in words, between frames", rings(1, 2), flows=streams(1, EIGHT, LINE_64B), end=25 * US, actions=(
        *spread(1, (0, 1)), *((7 * US + 400 * NS * n, "set", ("rss_key", 16 + n, 0x9E3779B9 * (n + 1) & 0xFFFFFFFF))
                              for n in range(KEY_WORDS)))),
    Script("a queue is disabled under traffic", rings(1, 2), flows=streams(1, EIGHT), end=40 * US,
           actions=(*spread(1, (0, 1)), (9 * US, "close", (1, 1)), (15 * US, "set", ("rss_table", 32, 0)),
                    (20 * US, "close", (1, 0)))),
    Script("reset under traffic", (*rings(1, 2), *rings(2, 1)), flows=(*streams(1, EIGHT), *streams(2, EIGHT[:2])), end=30 * US,
           actions=(*spread(1, (0, 1)), (9 * US, "reset", (1,)), *turn_on(1, at=9 * US, types=0),
                    (15 * US, "set", ("bme", 2, 0)))),
    Script("entries that name nobody's queue, or somebody else's", (*rings(1, 1), *rings(2, 1)), flows=streams(1, EIGHT),
           end=30 * US,
           actions=spread(1, (0, 1, 9, 255))),
    Script("full and slow, one ring blocks the others", rings(1, 2, size=8), flows=streams(1, EIGHT, LINE_64B), end=40 * US,
           config=(("rx_buffer", 4096),), actions=(*spread(1, (0, 0, 0, 1)), (1 * NS, "set", ("no_descriptor", 1, 0)))),
    Script("without descriptors, one queue drops", rings(1, 2, size=8), flows=streams(1, EIGHT, LINE_64B), end=40 * US,
           actions=spread(1, (0, 0, 0, 1))),
    *(Script(f"injected frames, {payload[1].name.lower()}", rings(1, 2, agent=False),
             actions=(*spread(1, (0, 1)), *POSTS, *SHOWER), config=(payload,), end=20 * US)
      for payload in (FULL, HEADERS, LENGTHS)),
    *(Script(f"looped back, {payload[1].name.lower()}", (*rings(1, 2), Queue(2, dst=mac_of(1), connection=EIGHT[0]),
                                             Queue(3, dst=mac_of(1), connection=web(3, V6, UDP), vlan=5),
                                                         Queue(4, rx=False, agent=False)),
             actions=(*spread(1, (0, 1)), (4 * US, "send_bytes", (4, 0, tuple(
                 mac_of(1).to_bytes(6, "big") + bytes(6) + frame for frame in FRAMES)))),
             config=(payload,), loopback=True, end=30 * US) for payload in (FULL, HEADERS)),
    Script("whole frames with headers", (*rings(1, 2), Queue(2, sizes=(64, 1518, 61), connection=web(1, V4, UDP)),
                                         Queue(3, sizes=(64, 90, 200), vlan=7, connection=web(1, V6))),
           flows=tuple(rx_flow(1, sizes=(40, 64, 90, 700), interval_ticks=9 * LINE_64B, vlan=n % 2 * 5, connection=connection)
                       for n, connection in enumerate(MIXED)),
           config=(FULL, ("frames_out", True)), actions=spread(1, (0, 1)), end=40 * US),
    Script("spread on one grid", rings(1, 3), flows=streams(1, EIGHT, 0), machine=TIES,
           actions=spread(1, (0, 1, 2, 1)), end=20 * US, tags=("tie",)),
    Script("spread at 100 Gb/s, on one core and two", tuple(
        Queue(1, tx=False, rx=True, vector=n, agent_fields=(("core", n % 2),)) for n in range(3)),
        flows=streams(1, EIGHT, LINE_64B // 2), machine=GEN4_100G, actions=spread(1, (0, 1, 2)), end=20 * US),
)

__all__ = ["EIGHT", "FRAMES", "MIXED", "OTHER_KEY", "RSS_CORPUS", "put_key", "put_table", "spread", "turn_on"]
