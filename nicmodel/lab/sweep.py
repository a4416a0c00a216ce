"""A grid of runs over local processes: resumable, one tidy table, one picture.

Each point is keyed by a hash of its full configuration (seed included), the code that runs and the plane, and
kept as a small file of its own in DIR/points, written whole. A killed sweep continues where it was; a repeated
one runs nothing, unless the model or a driver of the user's own has changed. The table has one row a point and VF;
columns that begin with `point_` describe the whole point. Workers are spawned: scripts that call `sweep` need
the usual `if __name__ == "__main__":`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nicmodel.lab.axes import kinds
from nicmodel.lab.code import Code
from nicmodel.lab.files import writable_folder, write_text, write_whole
from nicmodel.lab.loading import BY_VF, build, read
from nicmodel.lab.look import counted
from nicmodel.lab.results import flat
from nicmodel.lab.run import check_call, run
from nicmodel.lab.scenario import SCHEMA, Scenario
from nicmodel.lab.workers import Outcome, check_workers, run_all
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.units import quoted

if TYPE_CHECKING:
    import pandas as pd

MAX_POINTS = 1_000_000
TABLE, PICTURE, POINTS = "sweep.parquet", "sweep.png", "points"
UNITS = {  # of figures; keys know theirs
    "tx_bytes": "B",
    "rx_bytes": "B",
    "_mpps": "Mpps",
    "_gbps": "Gbit/s",
    "_ns": "ns",
    "_us": "us",
    "_packets": "frames",
}


@dataclass(frozen=True)
class Point:
    """One run of a sweep."""

    scenario: Scenario
    plane: str
    code: str  # a hash of what runs it

    @property
    def key(self) -> str:
        """Equal for equal configuration, code and plane."""
        what = {"config": self.scenario.config(), "code": self.code, "plane": self.plane}
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(repr=False)
class Swept:
    """What a sweep left.

    points        every point of the grid, each with its `key` and `scenario`
    ran, reused   how many were run now, and found from before
    failed        key of a point -> the sentence why it has no result
    interrupted   whether points are missing because `stop` was set; the same call goes on
    unmet         how many points miss an expectation
    table         DIR/sweep.parquet, units in the columns' metadata; None if no point is done
    picture       DIR/sweep.png; None likewise
    frame         the table as a data frame
    """

    points: list[Point]
    ran: int
    reused: int
    failed: dict[str, str]
    interrupted: bool
    unmet: int = 0
    table: Path | None = None
    picture: Path | None = None

    def __repr__(self) -> str:
        return f"<Swept {counted(len(self.points), 'point')}: {self.ran} run, {self.reused} reused, {len(self.failed)} failed>"

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a data frame, one row a point and VF; empty if no point is done.

        point, plane      key of the point, and who ran it
        every key         dotted, as in "pcie.mps", in base units: B, ps, bit/s
        columns of a VF   as in `RunResult.vfs`
        point_gbps, point_mpps, point_worst_p99_us, point_jain, point_drops, ...: of the whole point (docs/metrics.md)
        """
        import pandas as pd

        return pd.read_parquet(self.table) if self.table else pd.DataFrame()


def grid(
    scenario: str | Path | Scenario,
    axes: Mapping[str, Sequence[Any]],
    fixed: Mapping[str, Any] | None = None,
    plane: str = "fast",
    where: str = "argument",
) -> list[Point]:
    """Every combination of the axes' values as a checked point, last axis fastest. Raises ScenarioError.

    `where` is what errors call the origin of `axes` and `fixed`.
    """
    check_call(plane)
    for name, keys in (("axes", axes), ("fixed", fixed or {})):
        if not isinstance(keys, Mapping):
            raise ScenarioError(f"{name}: {quoted(keys)} is not allowed: it must be a dict of keys", key=name)
    size = 1
    for key, values in axes.items():
        if isinstance(values, str) or not isinstance(values, Sized):
            raise ScenarioError(f"{key}: {quoted(values)} is no axis: it must be a list of values", key=key, file=where)
        if not len(values):
            raise ScenarioError(f"{key} has no value", key=key, file=where)
        if key in (fixed or {}):
            raise ScenarioError(f"{key} is an axis and fixed: write one of the two", key=key, file=where)
        size *= len(values)
    if size > MAX_POINTS:
        raise ScenarioError(f"a grid of {size} points is not allowed: at most {MAX_POINTS}")
    data, file = (scenario.config(), scenario.id) if isinstance(scenario, Scenario) else read(scenario)
    code = Code()
    points = []
    for combination in itertools.product(*axes.values()):
        chosen = dict(zip(axes, combination, strict=True))
        try:
            built = build(data, file, {**(fixed or {}), **chosen}, where)
        except ScenarioError as error:
            at = f" (the point {', '.join(f'{key}={value}' for key, value in chosen.items())})" if len(axes) > 1 else ""
            raise ScenarioError(error.message + at, error.key, error.file) from None
        points.append(Point(built, plane, code.of(built)))
    return list({point.key: point for point in points}.values())


def sweep(
    scenario: str | Path | Scenario,
    axes: Mapping[str, Sequence[Any]],
    out: str | Path,
    *,
    fixed: Mapping[str, Any] | None = None,
    workers: int = 1,
    plane: str = "fast",
    progress: Callable[[int, int], None] | None = None,
    stop: threading.Event | None = None,
    work: Callable[[Point], dict[str, Any]] | None = None,
    where: str = "argument",
) -> Swept:
    """Run every combination of some keys' values, over local processes, and write a table and a picture.

        sweep("vf_scaling", {"num_vfs": [1, 2, 4], "pcie.mps": ["128B", "256B"]}, "out", fixed={"seed": 7}, workers=2)

    scenario   a shipped name, a TOML file or a `Scenario`
    axes       dotted key -> list of values; the last one varies fastest
    out        folder; points that an earlier sweep has left there are not run again
    fixed      dotted key -> value, for all points
    workers    processes; a script that calls this needs `if __name__ == "__main__":`
    plane      "fast" or "reference"
    progress   called with points done and points in all
    stop       setting it ends the sweep early; the same call goes on
    work       what runs one point in a worker, `run_point` by default
    where      what errors call the origin of `axes` and `fixed`

    Raises ScenarioError before anything runs if a point cannot be, or if workers cannot run the script that calls this; a
    point that fails later is in `Swept.failed`.
    """
    check_workers(workers, "a sweep")
    check_call(plane, progress, stop)
    points = grid(scenario, axes, fixed, plane, where)
    folder = writable_folder(Path(out), "out")
    store = writable_folder(folder / POINTS, "out")
    done = {point.key: found for point in points if (found := stored(store, point)) is not None}
    waiting = [point for point in points if point.key not in done]
    swept = Swept(points, ran=0, reused=len(done), failed={}, interrupted=False)

    def keep(outcome: Outcome) -> None:
        if outcome.error is None and outcome.value is not None:
            write_text(store / f"{outcome.job.key}.json", json.dumps(outcome.value))
            done[outcome.job.key] = outcome.value
            swept.ran += 1
        else:
            swept.failed[outcome.job.key] = outcome.error or "no result"
        if progress:
            progress(len(done) + len(swept.failed), len(points))

    if progress:
        progress(len(done), len(points))
    run_all(work or run_point, waiting, min(workers, max(len(waiting), 1)), keep, stop)
    swept.interrupted = len(done) + len(swept.failed) < len(points)
    if done:
        frame = table([point for point in points if point.key in done], done)
        swept.unmet = sum(not all(e["ok"] for e in result["simulated"]["expect"]) for result in done.values())
        swept.table = write_parquet(frame, folder / TABLE)
        swept.picture = picture(frame, points[0].scenario.id, axes, folder / PICTURE)
    return swept


def run_point(point: Point) -> dict[str, Any]:
    """Run one point: its JSON. This is what a worker does."""
    return run(point.scenario, plane=point.plane).to_dict()


def stored(store: Path, point: Point) -> dict[str, Any] | None:
    """The point's result from an earlier sweep; None if there is none that can be read."""
    try:
        found = json.loads((store / f"{point.key}.json").read_text(encoding="utf-8"))
        return found if found["schema"] == SCHEMA and found["simulated"]["vfs"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def table(points: Sequence[Point], done: Mapping[str, dict[str, Any]]) -> pd.DataFrame:
    """One row a point and VF: the configuration, the VF's figures, the point's figures."""
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for point in points:
        result = done[point.key]
        about = {"point": point.key, "plane": point.plane} | flat_config(point.scenario.config())
        whole = point_figures(result)
        rows += [about | flat(row) | whole for row in result["simulated"]["vfs"]]
    return pd.DataFrame(rows)


def flat_config(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted keys; lists as JSON text, and tables by VF beside a column for each; prose and expectations left out."""
    flattened: dict[str, Any] = {}
    for key, value in config.items():
        if not prefix and key in ("doc", "expect", "schema"):
            continue
        if isinstance(value, Mapping):
            flattened |= flat_config(value, f"{prefix}{key}.")
        if not isinstance(value, Mapping) or prefix + key in BY_VF:
            flattened[prefix + key] = json.dumps(value) if isinstance(value, list | Mapping) else value
    return flattened


def point_figures(result: Mapping[str, Any]) -> dict[str, Any]:
    """Figures of a whole point, in columns that begin with `point_`."""
    simulated = result["simulated"]
    everyone = [simulated["pf"], *simulated["vfs"]]
    worst = [
        row[d]["latency_ns"]["p99"] for row in simulated["vfs"] for d in ("tx", "rx") if row[d]["latency_ns"]
    ]
    figures = {
        "point_gbps": sum(row[d]["gbps"] for row in everyone for d in ("tx", "rx")),
        "point_mpps": sum(row[d]["mpps"] for row in everyone for d in ("tx", "rx")),
        "point_jain": simulated["totals"]["jain"],
        "point_worst_p99_us": max(worst) / 1000 if worst else None,
        "point_drops": sum(simulated["totals"]["drops"].values()),
        "point_bottlenecks": "; ".join(dict.fromkeys(row["bottleneck"] for row in simulated["vfs"] if row["bottleneck"])) or None,
        "point_steady": simulated["totals"]["steady"],
        "point_unmet": sum(not expected["ok"] for expected in simulated["expect"]),
    }
    return figures | {
        f"point_{link['name']}_{link['direction']}_utilisation": link["utilisation"]
        for link in simulated["links"]
    }


def write_parquet(frame: pd.DataFrame, path: Path) -> Path:
    """The table, whole, with units in the columns' metadata."""
    import pyarrow
    import pyarrow.parquet

    arrow = pyarrow.Table.from_pandas(frame, preserve_index=False)
    fields = [
        field.with_metadata({"unit": unit}) if (unit := unit_of(field.name)) else field
        for field in arrow.schema
    ]
    arrow = arrow.cast(pyarrow.schema(fields, metadata=arrow.schema.metadata))
    return write_whole(path, lambda beside: pyarrow.parquet.write_table(arrow, beside))


def unit_of(column: str) -> str | None:
    """The unit of a column of the table, or None for what has none.

    >>> unit_of("tx_gbps"), unit_of("pcie.mps"), unit_of("driver.tx_cost"), unit_of("drop_reset"), unit_of("seed")
    ('Gbit/s', 'B', 'ps', 'frames', None)
    """
    if column in kinds():
        return kinds()[column].base
    if column.startswith("drop_") or column == "point_drops":
        return "frames"
    return next((unit for end, unit in UNITS.items() if column.endswith(end)), None)


def picture(frame: pd.DataFrame, name: str, axes: Mapping[str, Sequence[Any]], path: Path) -> Path:
    """Rates and latency over the first axis."""
    from nicmodel.lab.plots import plot_sweep

    drawn = [key for key in axes if len(axes[key]) > 1 and key in frame.columns] or ["num_vfs"]
    return plot_sweep(frame, drawn, path, f"{name}: sweep over {', '.join(drawn)}")
