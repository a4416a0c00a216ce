"""Where a run is cut, by time or by budget, and who looks meanwhile, changes nothing; nothing comes out before `next_time`."""

from __future__ import annotations

import os
import random
from dataclasses import replace

import pytest
from comparison import differences
from corpus import CORPUS
from corpus_whole import WHOLE_CORPUS
from harness import NS, US, Outcome, Queue, Run, Script, run, rx_flow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nicmodel._fastpath import FastPath
from strategies import scripts, whole_scripts

from nicmodel.reference.plane import ReferencePath
from nicmodel.sim.plane import Direction

EXAMPLES = int(os.environ.get("NICMODEL_EXAMPLES", "150")) // 10
PLANES = {"fast": FastPath, "reference": ReferencePath}
QUIET = Script("only agents see what is written", (Queue(1, rx=True), Queue(2, rx=True)),
               (rx_flow(1, interval_ticks=90_000 * 1024), rx_flow(2, interval_ticks=300_000 * 1024)), end=6 * US,
               config=(("record_rows", False), ("books", True)))


def stepping(plane: type, seed: int) -> type:
    """A plane that is run in small steps, and looked at between them, by time and by number of instants in turns."""
    rng = random.Random(seed)

    def look(self) -> None:
        rng.choice((self.results, lambda: self.ring_state(rng.choice(list(Direction)), 0), self.next_time))()

    def run_until(self, time: int) -> list[object]:
        while True:
            bound = self.next_time()
            if bound >= time:
                return plane.run_until(self, time)
            assert not plane.run_until(self, bound), "news before `next_time`"
            stop = min(time, bound + rng.choice((1, 2, 6 * NS, 100 * NS, 1 * US)))
            upcalls = plane.run_until(self, stop, rng.choice((-1, 1, 2, 50)))
            assert all(upcall.time >= bound for upcall in upcalls), "news before `next_time`"
            if upcalls:
                return upcalls
            if rng.random() < 0.2:
                look(self)
    return type("Stepping", (plane,), {"run_until": run_until})


def check_steps(script: Script, seed: int, plane: type) -> None:
    told = differences(run(stepping(plane, seed), script), run(FastPath, script))
    assert not told, told


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("script", (*CORPUS[::8], *WHOLE_CORPUS[::8]), ids=lambda s: s.name)
def test_many_small_runs_are_one(script, plane):
    early = replace(script, end=min(script.end, 12 * US), config=(*script.config, ("books", True)))
    check_steps(early, len(script.name), PLANES[plane])


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(whole_scripts() | scripts(), st.integers(0, 1 << 20))
def test_many_small_runs_are_one_of_drawn_scripts(script, seed):
    for plane in PLANES.values():
        check_steps(script, seed, plane)


class Watching(Run):
    """Looks at memory before the next instant and after."""

    written = 0

    def outcome(self) -> Outcome:
        while (bound := self.plane.next_time()) < self.script.end:
            before = [domain.memory.tobytes() for domain in self.domains.values()]
            self.plane.run_until(bound)
            assert before == [domain.memory.tobytes() for domain in self.domains.values()], "a write before `next_time`"
            self.plane.run_until(bound + 1)
            self.written += before != [domain.memory.tobytes() for domain in self.domains.values()]
        return super().outcome()


@pytest.mark.parametrize("plane", PLANES)
@pytest.mark.parametrize("mmu", ({}, {"iotlb_entries": 2, "walk_ps": 90 * NS}, {"ido": True}), ids=("", "IOMMU", "IDO"))
def test_no_byte_is_written_before_the_next_instant(mmu, plane, monkeypatch):
    """Not even where nobody but an agent will see it."""
    monkeypatch.setattr("harness.DOMAIN_BYTES", 1 << 19)
    watching = Watching(PLANES[plane], replace(QUIET, config=(*QUIET.config, *mmu.items())))
    watching.outcome()
    assert watching.written > 10
