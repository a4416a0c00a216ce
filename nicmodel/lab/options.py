"""What the commands share: options, scenarios with their overrides, and lists as a table or as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from nicmodel.lab.console import show
from nicmodel.lab.endings import OK
from nicmodel.sim.errors import ScenarioError


def named_folder(text: str) -> Path:
    """A folder that was named; an empty name, which a script's unset variable gives, would be the current folder."""
    if not text:
        raise typer.BadParameter('"" is no folder: write . for the current one')
    return Path(text)


def whole_number(text: str | int) -> int:
    """A whole number that was written, or the default, which is one."""
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f'"{text}" is no whole number') from None


ScenarioName = Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped name or a TOML file.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a key (nicmodel list --keys); may be given many times."),
]
Plane = Annotated[str, typer.Option(help="Data plane: fast or reference.")]
Seed = Annotated[int | None, typer.Option(metavar="N", parser=whole_number, help="The same as --set seed=N.")]
ALL_CORES = max(1, os.cpu_count() or 1)
Workers = Annotated[int, typer.Option(metavar="N", parser=whole_number, help="Processes.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", parser=named_folder, help="Folder for SCENARIO.json, and for rows and picture."),
]


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


def load_scenario(
    scenario: str, settings: list[str] | None, seed: int | None, drivers: Mapping[str, str] | None = None
) -> Any:
    """The scenario, with what `--set`, `--seed` and `--driver` replace in it."""
    from nicmodel.lab.loading import load, parse_set

    overrides = parse_set(settings or [])
    with option(overrides, "--seed", {} if seed is None else {"seed": seed}), option(overrides, "--driver", drivers or {}):
        return load(scenario, overrides)


@contextmanager
def option(overrides: dict[str, Any], name: str, given: Mapping[str, Any]) -> Iterator[None]:
    """The overrides take what an option of another name stands for; what is wrong with that is said of this option."""
    from nicmodel.lab.loading import COMMAND_LINE

    for key in given.keys() & overrides.keys():
        raise ScenarioError(f"{key} is set by {COMMAND_LINE}, too: write one of the two", key=key, file=name)
    overrides.update(given)
    try:
        yield
    except ScenarioError as error:
        if error.file != COMMAND_LINE or not concerns(error.key or "", given):
            raise
        raise ScenarioError(error.message.removeprefix(f"{error.key}: "), error.key, name) from None


def concerns(key: str, given: Collection[str]) -> bool:
    """Is it one of these keys, or a table that one of them is in?"""
    return any(f"{each}.".startswith(f"{key}.") for each in given)
