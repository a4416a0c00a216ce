"""What the commands share: options, scenarios with their overrides, and lists as a table or as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nicmodel.lab.console import OK, show

ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped name or a TOML file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a key; may be given many times."),
]
Plane = Annotated[str, typer.Option(help="Data plane: fast or reference.")]
Seed = Annotated[int | None, typer.Option(help="The same as --set seed=N.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
Out = Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Folder for files.")]


def print_rows(rows: list[dict[str, Any]], columns: Sequence[str], as_json: bool) -> int:
    """Print a list, as a table or as {"schema", "rows"}."""
    if as_json:
        from nicmodel.lab.scenario import SCHEMA

        print(json.dumps({"schema": SCHEMA, "rows": rows}, indent=1))
    else:
        from nicmodel.lab.report import rows_table

        show(rows_table(rows, columns))
    return OK



def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """A row's figures, short enough for a table."""
    short = {key: f"{row[key]:.6g}" for key in ("got", "expected", "tolerance") if row[key] is not None}
    error = {} if row["error"] is None else {"error": f"{row['error']:+.2g}"}
    verdict = {} if row["ok"] is None else {"ok": "yes" if row["ok"] else "NO"}
    return row | short | error | verdict


def load_scenario(scenario: str, settings: list[str] | None, seed: int | None) -> Any:
    from nicmodel.lab.loading import load, parse_set

    overrides = parse_set(settings or [])
    if seed is not None:
        overrides["seed"] = seed
    return load(scenario, overrides)
