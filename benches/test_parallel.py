"""Do two simulations in two threads of one process stand in each other's way? `make bench`.

A data plane runs without the GIL; Python comes in only at news and when the budget of `sim/clock.py` is spent. Two threads
that hash big buffers, which does without the GIL too, say what the computer gives to a second thread just now: both sides
are measured in turns, by wall time, and their medians are compared. Nothing but another user of the second core comes
between, and it comes between both.
"""

from __future__ import annotations

import statistics
import time
import zlib
from collections.abc import Callable
from threading import Thread

import pytest
from test_planes import US, grouped

from nicmodel.lab.machine import Machine
from nicmodel.lab.scenario import Scenario

PAIRS = 7
SETTLE = 40 * US
PIECE = 8_000 * US                        # simulated; some tenths of a second of wall time
BUFFER = bytes(1 << 26)
CHECKSUMS = 16
OVER_HASHING = 1.15                       # what a second simulation may cost, in units of what a second hash costs
NO_SECOND_CORE = 1.6                      # if hashing is that much slower with two, others have the second core: no answer

Piece = Callable[[], object]


def simulation() -> Piece:
    """A saturated machine; each call runs the next piece of it in one go."""
    machine = Machine(Scenario(profile="x520", num_vfs=8, frame_size=64))
    machine.bring_up()
    machine.start_traffic()
    machine.device.run_until(int(machine.clock.now) + SETTLE)
    return lambda: machine.device.run_until(int(machine.clock.now) + PIECE)


def hashing() -> Piece:
    return lambda: [zlib.crc32(BUFFER) for _ in range(CHECKSUMS)]


def seconds(*pieces: Piece) -> float:
    """Wall time until every piece has ended, each in a thread of its own."""
    threads = [Thread(target=piece) for piece in pieces]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def two_over_one(first: Piece, second: Piece) -> float:
    """Time of both at once over time of the first alone: 1 on two idle cores, 2 if one has to wait for the other."""
    return seconds(first, second) / seconds(first)


@grouped("threads")
def test_two_simulations_in_two_threads(benchmark):
    simulations, hashes = (simulation(), simulation()), (hashing(), hashing())
    pairs = []

    def pair() -> None:
        pairs.append((two_over_one(*simulations), two_over_one(*hashes)))

    benchmark.pedantic(pair, rounds=PAIRS)
    ours, theirs = (statistics.median(ratios) for ratios in zip(*pairs, strict=True))
    benchmark.extra_info.update(two_over_one=ours, two_hashes_over_one=theirs, over_hashing=ours / theirs)
    if ours <= OVER_HASHING * theirs and theirs > NO_SECOND_CORE:
        pytest.skip(f"no second core to spare: two threads that hash take {theirs:.2f} of one")
    assert ours <= OVER_HASHING * theirs, f"two at once take {ours:.2f} of one; two that hash {theirs:.2f}; pairs {pairs}"
