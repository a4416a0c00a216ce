"""Points in, judged rows out."""

from __future__ import annotations

import statistics
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicmodel.lab.run import check_call
from nicmodel.lab.validation.conditions import Conditions, Unanswerable
from nicmodel.lab.validation.experiments import EXPERIMENTS
from nicmodel.lab.validation.points import Point, read, shipped

COLUMNS = ("id", "group", "expected", "got", "error", "tolerance", "ok", "reason")


def validate(file: Path | None = None, plane: str = "fast", *, progress: Callable[[int, int], None] | None = None,
             stop: threading.Event | None = None) -> list[dict[str, Any]]:
    """A row for every point of a file, or of the shipped one. Raises ScenarioError for a bad file or plane."""
    check_call(plane, progress, stop)
    points = read(file or shipped())
    rows: list[dict[str, Any]] = []
    for point in points:
        if stop is not None and stop.is_set():
            break
        rows.append(judge(point, plane))
        if progress:
            progress(len(rows), len(points))
    return rows


def judge(point: Point, plane: str) -> dict[str, Any]:
    """One point's answer. `error` is a share of the expected value where the tolerance is one, else absolute; `ok` is null
    and `reason` says why where the model has no answer."""
    row: dict[str, Any] = dict.fromkeys(COLUMNS)
    row.update(id=point.id, group=point.group, expected=point.expected, tolerance=point.tolerance)
    try:
        if point.tolerance is None:
            raise Unanswerable("the row is for reading")
        if point.experiment not in EXPERIMENTS:
            raise Unanswerable(f'there is no experiment "{point.experiment}"')
        got = float(EXPERIMENTS[point.experiment](plane, Conditions(point.conditions)))
    except Unanswerable as why:
        return row | {"reason": str(why)}
    error = point.error(got)
    ok = abs(error) <= point.tolerance
    return row | {"got": got, "error": error, "ok": ok, "reason": None if ok else "outside its tolerance"}


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line a group: points, those answered and those within tolerance, and the median error."""
    lines = []
    for group in dict.fromkeys(row["group"] for row in rows):
        own = [row for row in rows if row["group"] == group]
        answered = [row for row in own if row["ok"] is not None]
        lines.append({"group": group, "points": len(own), "answered": len(answered),
                      "within": sum(row["ok"] for row in answered),
                      "median error": f"{statistics.median(abs(r['error']) for r in answered):.2g}" if answered else None})
    return lines
