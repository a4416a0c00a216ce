"""One run, from a name to a result. The only file of the lab that calls the testbench for a run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicmodel.lab.loading import build, load
from nicmodel.lab.results import RunResult
from nicmodel.lab.scenario import Scenario
from nicmodel.sim.errors import ScenarioError

Progress = Callable[[float, dict[str, Any]], None]
PLANES = ("fast", "reference")


def run(
    scenario: str | Path | Scenario,
    *,
    plane: str = "fast",
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    **overrides: Any,
) -> RunResult:
    """Run a shipped scenario, a TOML file or a `Scenario`; keywords replace its keys.

    Keys of a section are given as a table, `pcie={"mps": "128B"}`. `progress` is told the finished fraction
    and a few figures; setting `stop` ends the run early with what was measured. Raises ScenarioError.
    """
    check_plane(plane)
    if isinstance(scenario, Scenario):
        name = scenario.id
        if overrides:
            scenario = build(scenario.config(), name, overrides, where="argument")
    else:
        name = Path(scenario).stem
        scenario = load(scenario, overrides, where="argument")
    from nicmodel.lab.testbench import run_machine

    measured = run_machine(scenario, progress=progress, stop=stop, plane=plane)
    return RunResult(scenario, measured, name)


def check_plane(plane: str) -> None:
    """Refuse a plane that does not exist."""
    if plane not in PLANES:
        raise ScenarioError(f'"{plane}" is not a plane: it must be one of {", ".join(PLANES)}', key="plane")
