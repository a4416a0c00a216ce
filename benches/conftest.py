"""Benches import what stands beside them, time by CPU time, and end with a table of packets per CPU second."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from timing import Run, clocked  # noqa: E402  (it stands beside this file)

FIGURES: list[tuple[str, str, dict[str, float]]] = []         # group, name, extra_info
OWN = ("packets", "cpu_seconds", "packets_per_cpu_second")    # every bench has these; a comparison adds one


@pytest.fixture
def packets_per_second(benchmark, request):
    """Benchmark the run loop that `prepare()` returns; asserts packets; reports packets per CPU second of the fastest round."""
    def measure(prepare: Callable[[], Run], rounds: int = 3) -> float:
        figures: list[tuple[int, float]] = []
        benchmark.pedantic(lambda run: figures.append(clocked(run)), setup=lambda: ((prepare(),), {}), rounds=rounds)
        assert all(packets > 0 for packets, _ in figures)
        packets, seconds = max(figures, key=lambda figure: figure[0] / figure[1])
        benchmark.extra_info.update(packets=packets, cpu_seconds=seconds, packets_per_cpu_second=round(packets / seconds))
        FIGURES.append((benchmark.group, request.node.name, benchmark.extra_info))
        return packets / seconds

    return measure


def pytest_terminal_summary(terminalreporter):
    """The figures that benchmark's own table does not have."""
    if FIGURES:
        terminalreporter.section("packets per CPU second of the run loop")
        for group, name, info in FIGURES:
            terminalreporter.write_line(f"{group:<10} {name:<48} {info['packets_per_cpu_second']:>10,}"
                                        f"   ({info['packets']:,} in {info['cpu_seconds']:.2f} s)")
            for what in [what for what in info if what not in OWN]:
                terminalreporter.write_line(f"{'':<10} {what.replace('_', ' '):<48} {info[what]:>10,.0f}")
