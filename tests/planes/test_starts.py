"""What waits for a slow, busy link when something is revoked in the middle of a run: the compiled plane has planned its start, and
takes it back."""

from __future__ import annotations

import pytest
from corpus import LINE_64B, agents
from harness import NS, US, Script, differences, run, rx_flow
from nicmodel._fastpath import FastPath

from nicmodel.reference.plane import ReferencePath

SLOW = (("gen", 1), ("lanes", 4))       # a byte a ns
GEN2 = (128_000, 300_000, 300_000, 2_000_000, 32)       # a generation and a width later: byte time, Ack, UpdateFC, SKP
REVOCATIONS = {
    "close Tx": ("close", (0, 1)),
    "close Rx": ("close", (1, 1)),
    "reset": ("reset", (2,)),
    "bus master off": ("set", ("bme", 2, 0)),
    "retrain": ("set", ("retrain", 0, 500 * NS, *GEN2)),
}


def busy(at: int, verb: str, args: tuple[object, ...], **config: object) -> Script:
    """Nine tenths of the way up are in use, so that TLPs wait, but not so many that nothing is planned."""
    return Script("a busy link", agents(3, rx=True), flows=tuple(rx_flow(each, interval_ticks=9 * LINE_64B) for each in (1, 2, 3)),
                  actions=((1 * NS, "ahead", (at, verb, args)),), machine=SLOW, itr_ps=300 * NS, end=at + 3 * US,
                  config=tuple(config.items()))


@pytest.mark.parametrize("books", (True, False), ids=("books", "no books"))
@pytest.mark.parametrize("at", range(9 * US, 11 * US, 97_531))
@pytest.mark.parametrize("revocation", REVOCATIONS)
def test_what_has_not_started_is_taken_back(revocation, at, books):
    script = busy(at, *REVOCATIONS[revocation], books=books, record_rows=books)
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told


@pytest.mark.parametrize("latency", (1, 20_000, 3_000_000))
@pytest.mark.parametrize("delay", (1, 30_000))
def test_a_plan_reaches_no_further_than_the_next_dllp(latency, delay):
    """Delays of the link and of the host so short, and so long, that other things bound what is known."""
    script = busy(9 * US, *REVOCATIONS["retrain"], ack_ps=delay, fc_ps=delay, write_latency_ps=latency, read_latency_ps=latency,
                  books=True)
    told = differences(run(FastPath, script), run(ReferencePath, script))
    assert not told, told
