"""The file of points: CSV in, one `Point` a row. What is wrong with a file is one sentence that names the line.

Columns that count: id, group, experiment, value, conditions (`key=value;...`), tol_kind (rel, abs, exact, note), tol.
Others may stand beside them. A row without an experiment or with tol_kind `note` is for reading and gets no answer.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from nicmodel.lab.files import reason
from nicmodel.sim.errors import ScenarioError

COLUMNS = ("id", "group", "experiment", "value", "conditions", "tol_kind", "tol")
REL, ABS, EXACT, NOTE = "rel", "abs", "exact", "note"


@dataclass(frozen=True)
class Point:
    """A published figure and how near an answer has to be. `expected` is None in rows that are for reading."""

    id: str
    group: str
    experiment: str
    expected: float | None
    conditions: dict[str, str]
    tol_kind: str
    tolerance: float | None

    def error(self, got: float) -> float:
        """The deviation, in the terms of the tolerance: a share of the expected value, or absolute."""
        assert self.expected is not None
        difference = got - self.expected
        return difference / self.expected if self.tol_kind == REL and self.expected else difference


def shipped() -> Path:
    """The points that come with the package."""
    return Path(str(files("nicmodel.lab.validation") / "points.csv"))


def read(path: Path) -> list[Point]:
    """Every row of a file. Raises ScenarioError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            return _rows(csv.DictReader(stream, strict=True), str(path))
    except OSError as error:
        raise ScenarioError(f"cannot be read: {reason(error)}", file=str(path)) from None
    except UnicodeDecodeError:
        raise ScenarioError("is not a CSV file in UTF-8", file=str(path)) from None
    except csv.Error as error:
        raise ScenarioError(f"is not a CSV file: {error}", file=str(path)) from None


def _rows(table: csv.DictReader, file: str) -> list[Point]:
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        raise ScenarioError(f"there is no column {', '.join(missing)}; a file of points has {', '.join(COLUMNS)}", file=file)
    points: list[Point] = []
    for row in table:
        where = f"{file}, line {table.line_num}"
        if None in row or None in row.values():
            raise ScenarioError(f"the line has not {len(table.fieldnames or ())} fields", file=where)
        points.append(_point({key: value.strip() for key, value in row.items()}, where))
    if not points:
        raise ScenarioError("there are no points", file=file)
    return points


def _point(row: dict[str, str], where: str) -> Point:
    kind = row["tol_kind"]
    if kind not in (REL, ABS, EXACT, NOTE):
        raise ScenarioError(f'tol_kind "{kind}" must be {REL}, {ABS}, {EXACT} or {NOTE}', file=where)
    reads_only = kind == NOTE or not row["experiment"]
    expected = None if reads_only else _number(row["value"], "value", where)
    tolerance = None if reads_only else _number(row["tol"], "tol", where)
    if tolerance is not None and tolerance < 0:
        raise ScenarioError(f'tol "{row["tol"]}" is negative', file=where)
    return Point(row["id"], row["group"], row["experiment"], expected, _conditions(row["conditions"], reads_only, where),
                 kind, tolerance)


def _number(text: str, column: str, where: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ScenarioError(f'{column} "{text}" is not a number', file=where)
    return number


def _conditions(text: str, reads_only: bool, where: str) -> dict[str, str]:
    if reads_only:
        return {}
    conditions: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(";"))):
        key, sign, value = (each.strip() for each in part.partition("="))
        if not (key and sign and value):
            raise ScenarioError(f'the condition "{part}" is not key=value', file=where)
        if key in conditions:
            raise ScenarioError(f'the condition "{key}" is there twice', file=where)
        conditions[key] = value
    return conditions
