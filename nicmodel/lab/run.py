"""One run, from a name to a result."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicmodel.device import PLANES
from nicmodel.lab.files import writable_file
from nicmodel.lab.loading import build, load
from nicmodel.lab.results import RunResult
from nicmodel.lab.scenario import Scenario
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.units import quoted

if TYPE_CHECKING:
    from nicmodel.lab.testbench import Progress


def run(
    scenario: str | Path | Scenario,
    *,
    plane: str = "fast",
    progress: Progress | None = None,
    stop: threading.Event | None = None,
    rows_file: str | Path | None = None,
    **overrides: Any,
) -> RunResult:
    """Run one scenario and return what it measured.

        run("vf_scaling", num_vfs=4, frame_size="64B", pcie={"mps": "128B"})

    scenario    a shipped name, a TOML file or a `Scenario`
    overrides   keys to replace; those of a table as a dict. Values as in TOML: text with a unit, or a number in base units
    plane       "fast" or "reference"; the figures are the same
    progress    called with the finished part, 0 to 1, and a dict of figures so far
    stop        setting it ends the run early, with what was measured: `RunResult.interrupted`
    rows_file   a Parquet file for the rows, with record={"rows": True}; without it they are kept in memory

    Raises ScenarioError for what cannot be run, DriverStumble where a driver of one's own fails.
    """
    check_call(plane, progress, stop)
    if isinstance(scenario, Scenario):
        name = scenario.id
        if overrides:
            scenario = build(scenario.config(), name, overrides, where="argument")
    else:
        asked, scenario = scenario, load(scenario, overrides, where="argument")
        name = Path(asked).stem
    from nicmodel.lab.rows import row_file
    from nicmodel.lab.testbench import run_machine

    if rows_file is not None and not (isinstance(rows_file, str | Path) and scenario.record.rows):
        allowed = "it needs record.rows = true" if isinstance(rows_file, str | Path) else "it must be the name of a file, or None"
        raise ScenarioError(f"rows_file: {str(rows_file)!r} is not allowed: {allowed}", key="rows_file")
    if rows_file is None:
        return RunResult(scenario, run_machine(scenario, progress=progress, stop=stop, plane=plane), name)
    with row_file(writable_file(Path(rows_file), "rows_file"), scenario.record.row_group) as rows:
        measured = run_machine(scenario, progress=progress, stop=stop, plane=plane, rows=rows)
    return RunResult(scenario, measured, name)


def check_call(plane: str, progress: object = None, stop: object = None) -> None:
    """Refuse, before any work, a plane that does not exist, and what could not be told or asked later."""
    if not isinstance(plane, str) or plane not in PLANES:
        raise ScenarioError(f'{quoted(plane)} is not a plane: it must be one of {", ".join(PLANES)}', key="plane")
    if progress is not None and not callable(progress):
        raise ScenarioError(f"progress: {progress!r} is not allowed: it must be a function, or None", key="progress")
    if stop is not None and not callable(getattr(stop, "is_set", None)):
        raise ScenarioError(f"stop: {stop!r} is not allowed: it must be a threading.Event, or None", key="stop")
