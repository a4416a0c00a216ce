"""Commands that run no traffic and show what there is: scenarios, config space, rules, registers. `cli.py` names them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from nicmodel.lab.console import say
from nicmodel.lab.endings import OK, UNMET
from nicmodel.lab.options import AsJson, ScenarioName, Settings, load_scenario, print_rows

MAIN_JOB = "vf_scaling"


def list_(
    keys: Annotated[bool, typer.Option("--keys", help="List the keys of a scenario instead.")] = False, as_json: AsJson = False
) -> int:
    """Shipped scenarios, a line each, or the keys of a scenario."""
    if keys:
        from nicmodel.lab import key_tables

        return print_rows([row._asdict() for row in key_tables.keys()], key_tables.COLUMNS, as_json)
    from nicmodel.lab.loading import read, shipped

    rows = [{"name": name, "doc": read(name)[0].get("doc", "")} for name in shipped()]
    return print_rows(rows, ("name", "doc"), as_json)


def lspci(
    scenario: ScenarioName = MAIN_JOB,
    file: Annotated[
        Path | None, typer.Option("-o", metavar="FILE", help="Write here instead of standard output.")
    ] = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> int:
    """Config space of every function after bring-up, in the format that `lspci -F` reads."""
    from nicmodel.lab.files import writable_file, write_text

    checked = load_scenario(scenario, settings, None)
    if file:
        writable_file(file, "-o", Path(scenario))
    from nicmodel.lab.testbench import bring_up
    from nicmodel.pcie.lspci import dump

    text = dump(bring_up(checked).endpoint)
    if file:
        write_text(file, text)
    if as_json:
        from nicmodel.lab.scenario import SCHEMA

        print(json.dumps({"schema": SCHEMA, "dump": text, "file": str(file) if file else None}))
    elif not file:
        print(text, end="")
    else:
        say(f"the dump is {file}; read it with: lspci -F {file} -vvv")
    return OK


def rules(
    scenario: ScenarioName = MAIN_JOB,
    settings: Settings = None,
    driver: Annotated[
        list[str] | None,
        typer.Option("--driver", metavar="[WHO=]MODULE:CLASS", help="Judge a driver of one's own; WHO is a VF number or pf."),
    ] = None,
    strict: Annotated[bool, typer.Option(help="Stop at the first offence.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown with all columns.")] = False,
    as_json: AsJson = False,
) -> int:
    """The conformance table: every rule, its source, verdict and evidence.

    Columns fold in a pipe as in a narrow window: --markdown and --json print them whole.
    """
    from nicmodel.lab.own_drivers import as_overrides
    from nicmodel.lab.rules import judge, print_judged

    if as_json and as_markdown:
        raise typer.BadParameter("--json and --markdown are two forms of one table: ask for one of them")
    checked = load_scenario(scenario, settings, None, as_overrides(driver or []))
    judged = judge(checked, strict)
    print_judged(judged, as_json, as_markdown)
    return UNMET if strict and judged.broken else OK


def registers(as_json: AsJson = False) -> int:
    """The register map of BAR 0, PF and VF, and how deeply each register is modelled."""
    from nicmodel.lab.registers import register_rows

    rows = register_rows()
    if not as_json:
        rows = [row | {key: hex(row[key]) for key in ("offset", "stride", "reset")} for row in rows]
    return print_rows(
        rows, ("function", "name", "offset", "stride", "count", "access", "reset", "modelled"), as_json
    )
