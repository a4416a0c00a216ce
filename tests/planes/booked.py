"""What the tests of the books share: short scripts on the reference plane with books, and how they read them.

Gen2 x8 is 250 ps a byte, the core 6400 ps, a wire byte 800 ps. One 64-byte frame of one agent, undisturbed
(test_reference.py derives it): posted 122 000, doorbell 160 000, descriptor read 160 000 .. 575 000, edge 576 000,
payload read 576 000 .. 1 002 000, edge 1 004 800, at the switch 1 132 800, off the wire 1 190 400.

Two frames of one pass (PAIR): posted 142 000, doorbell 179 200, both descriptors home 598 200, edge 601 600; payload
reads 601 600 and 608 000, answered 1 007 600 and 1 014 000, home 1 027 600 and, behind it, 1 047 600; edges 1 030 400
and 1 049 600; at the switch 1 158 400 and 1 177 600.
"""

from __future__ import annotations

from harness import US, Queue
from whole import one

from nicmodel.datasheet.books import POOLS, WAITS
from nicmodel.reference.plane import ReferencePath

PAIR = Queue(1, count=2)
BOTH = (Queue(1, count=1), Queue(2, count=1))
LONG = Queue(1, count=1, sizes=(1518,))
PYTHON = Queue(1, agent=False)
RECEIVER = Queue(1, tx=False, rx=True, agent=False)
ONE_SERVICE = 1_190_400 - 122_000


def book(*queues, actions=(), end=9 * US, **config):
    return one(ReferencePath, *queues, actions=actions, end=end, books=True, **config)


def waits(outcome, row):
    """What a row waited for, those waits that it had."""
    return {wait.name: int(ps) for wait, ps in zip(WAITS, outcome.results["row_waits"][row], strict=True) if ps}


def row_of(outcome, function):
    return [int(row["function"]) for row in outcome.results["rows"]].index(function)


def service(outcome, function, direction):
    *parts, latency = outcome.results["waits"][function, direction]
    return int(latency - sum(parts))


def pool(outcome, name):
    return tuple(int(n) for n in outcome.results["pools"][POOLS.index(name)])
