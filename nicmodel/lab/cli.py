"""The command `nicmodel`: results on standard output, progress and errors (one sentence) on standard error.

Exit status: 0 ok; 1 an expectation or a published point is missed, `--strict` found something, a point of a sweep or a
re-run of `explain` failed, a replayed frame was lost or changed, or a driver of your own failed; 2 bad input, told in one
sentence; 130 Ctrl-C or SIGTERM, after printing what was measured. Heavy imports happen in the commands. Those that run no
traffic are in `cli_tables.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from nicmodel.lab import cli_tables
from nicmodel.lab.console import (
    Stopped,
    ended,
    run_progress,
    say,
    show,
    stop_on_interrupt,
    sweep_progress,
)
from nicmodel.lab.endings import INTERRUPTED, OK, UNMET
from nicmodel.lab.options import (
    ALL_CORES,
    AsJson,
    Out,
    Plane,
    ScenarioName,
    Seed,
    Settings,
    Workers,
    load_scenario,
    named_folder,
    option,
    print_rows,
    rounded,
)


class Commands(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        """Run a command. A KeyboardInterrupt, of which typer makes a silent exit, is a driver's own: Ctrl-C is `Stopped`."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as problem:
            from nicmodel.lab.own_drivers import blamed
            from nicmodel.sim.errors import DriverStumble

            if (sentence := blamed(problem)) is None:
                raise Stopped from None
            raise DriverStumble(sentence) from None


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="A cycle-level model of an SR-IOV network adapter: what happens to throughput, latency and "
    "fairness when many virtual functions share one adapter.",
)


@app.callback(invoke_without_command=True)
def front(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        import nicmodel

        print(f"nicmodel {nicmodel.__version__}")
    elif context.invoked_subcommand is None:
        print(context.get_help())


app.command("list")(cli_tables.list_)


@app.command()
def run(
    scenario: ScenarioName,
    settings: Settings = None,
    plane: Plane = "fast",
    seed: Seed = None,
    out: Out = None,
    plot: Annotated[bool, typer.Option("--plot", help="Draw SCENARIO.png, in the folder of --out or here.")] = False,
    strict: Annotated[bool, typer.Option(help="Fail if a VF is closed or a rule is broken.")] = False,
    as_json: AsJson = False,
) -> int:
    """Run one scenario: a table per VF, totals, links, expectations."""
    from nicmodel.lab.files import writable_file, writable_folder, write_text
    from nicmodel.lab.results import RunResult
    from nicmodel.lab.rows import Forgotten, row_file
    from nicmodel.lab.run import check_call

    checked = load_scenario(scenario, settings, seed)
    check_call(plane)
    name = Path(scenario).stem
    asked_by = "--out" if out else "--plot"
    folder = writable_folder(out or Path(), asked_by) if out or plot else None
    figures, row_groups, picture = (folder / f"{name}{ending}" if folder and asked else None for ending, asked in (
        (".json", out), (".rows.parquet", out and checked.record.rows), (".png", plot)))
    for file in filter(None, (figures, row_groups, picture)):
        writable_file(file, asked_by)
    if checked.record.rows and not out:
        say("rows are recorded (record.rows) and kept nowhere: --out DIR keeps them")
    from nicmodel.lab.testbench import run_machine

    with stop_on_interrupt() as stop:
        with run_progress(name, as_json) as progress:
            with row_file(row_groups, checked.record.row_group) if row_groups else nullcontext(Forgotten()) as rows:
                measured = run_machine(checked, progress=progress, stop=stop, plane=plane, rows=rows)
        result = RunResult(checked, measured, name)
        try:  # before it is shown: whoever reads that may leave
            if figures:
                write_text(figures, result.to_json() + "\n")
            if picture:
                say(f"the picture is {result.plot(picture)}")
        finally:
            print(result.to_json()) if as_json else _show_run(result)
    if result.interrupted:
        return INTERRUPTED
    breached = strict and (
        bool(result.broken_rules)
        or any(row["state"] == "closed" for row in (result.simulated["pf"], *result.simulated["vfs"]))
    )
    return UNMET if breached or not result.ok else OK


def _show_run(result: Any) -> None:
    from nicmodel.lab.report import run_report

    show(run_report(result))


@app.command(short_help="What VFs wait for and what would help, checked by re-runs.")
def explain(
    scenario: ScenarioName,
    settings: Settings = None,
    plane: Plane = "fast",
    seed: Seed = None,
    workers: Workers = ALL_CORES,
    as_json: AsJson = False,
) -> int:
    """What VFs wait for, who is in the way, and what would help, checked by re-runs."""
    from nicmodel.lab.explain import explain as run_explain

    name = Path(scenario).stem
    checked = load_scenario(scenario, settings, seed)
    with stop_on_interrupt() as stop, sweep_progress(name, as_json) as progress:
        explained = run_explain(checked, name, plane=plane, workers=workers, progress=progress, stop=stop)
    if as_json:
        print(json.dumps(explained.to_dict(), indent=1, allow_nan=False))
    else:
        from nicmodel.lab.waiting import explanation

        _show_run(explained.base)
        show(explanation(explained))
    return INTERRUPTED if explained.interrupted else UNMET if explained.failed else OK


@app.command(short_help="Run a grid of points over local processes; resumable.")
def sweep(
    scenario: ScenarioName,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", parser=named_folder, help="Folder for the table, the picture and finished points."),
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=A,B,C", help="An axis of the grid, or one value for all (nicmodel list --keys)."),
    ] = None,
    workers: Workers = ALL_CORES,
    plane: Plane = "fast",
    seed: Seed = None,
    as_json: AsJson = False,
) -> int:
    """Run a grid of points over local processes; the same command resumes or repeats it."""
    from nicmodel.lab.axes import written
    from nicmodel.lab.loading import COMMAND_LINE, split_values
    from nicmodel.lab.sweep import flat_config
    from nicmodel.lab.sweep import sweep as run_sweep

    values = split_values(settings or [])
    with option(values, "--seed", {} if seed is None else {"seed": [seed]}):
        axes = {key: options for key, options in values.items() if len(options) > 1}
        fixed = {key: options[0] for key, options in values.items() if len(options) == 1}
        with stop_on_interrupt() as stop, sweep_progress(Path(scenario).stem, as_json) as progress:
            swept = run_sweep(
                scenario, axes, out, fixed=fixed, workers=workers, plane=plane, progress=progress, stop=stop, where=COMMAND_LINE
            )
    for point in swept.points:
        if point.key in swept.failed:
            config = flat_config(point.scenario.config())
            at = ", ".join(f"{key}={written(key, config[key])}" for key in axes if key in config)
            say(f"the point {at or point.key} failed: {swept.failed[point.key]}")
    summary = {
        "points": len(swept.points),
        "ran": swept.ran,
        "reused": swept.reused,
        "failed": len(swept.failed),
        "unmet": swept.unmet,
        "table": str(swept.table) if swept.table else None,
        "picture": str(swept.picture) if swept.picture else None,
        "interrupted": swept.interrupted,
    }
    if as_json:
        from nicmodel.lab.scenario import SCHEMA

        print(json.dumps({"schema": SCHEMA} | summary | {"rows": _frame_rows(swept)}, indent=1))
    else:
        _show_sweep(swept, axes)
    return INTERRUPTED if swept.interrupted else UNMET if swept.failed or swept.unmet else OK


def _frame_rows(swept: Any) -> list[dict[str, Any]]:
    return json.loads(swept.frame.to_json(orient="records")) if swept.table else []


def _show_sweep(swept: Any, axes: dict[str, list[Any]]) -> None:
    from nicmodel.lab.axes import written
    from nicmodel.lab.look import counted
    from nicmodel.lab.report import distrust, rows_table, sweep_notes

    frame = swept.frame
    if len(frame):
        figures = [f"point_{name}" for name in ("gbps", "mpps", "jain", "worst_p99_us", "drops", "bottlenecks")]
        columns = [*(key for key in axes if key in frame), *figures]
        judged = frame.drop_duplicates("point").assign(distrust=distrust)
        columns += ["distrust"] if (judged["distrust"] != "-").any() else []
        points = judged[columns].to_dict("records")
        rounded = [
            {
                k.removeprefix("point_"): written(k, v) if k in axes else f"{v:.4f}" if isinstance(v, float) else v
                for k, v in row.items() if k in axes or v == v  # NaN: another point has this figure
            }
            for row in points
        ]
        show(rows_table(rounded, [column.removeprefix("point_") for column in columns]))
        show(f"Table     {swept.table} ({counted(len(frame), 'row')}, one a point and VF)\nPicture   {swept.picture}")
        for line in sweep_notes(frame):
            show(line)
    show(
        f"Points    {len(swept.points)}: {swept.ran} run, {swept.reused} found from before, "
        f"{len(swept.failed)} failed" + ("; stopped, the same command goes on" if swept.interrupted else "")
    )


@app.command(short_help="Send the frames of a capture through VFs to the wire and back.")
def replay(
    capture: Annotated[Path, typer.Argument(help="A pcap or pcapng file.")],
    vf_map: Annotated[
        str,
        typer.Option(
            "--vf",
            metavar="MAP",
            help="round-robin, by-source, a VF number, or MAC=VF,...,*=VF by source address.",
        ),
    ] = "round-robin",
    write: Annotated[
        Path | None,
        typer.Option("--write", metavar="OUT.pcapng", help="Write the frames that left the wire."),
    ] = None,
    settings: Settings = None,
    plane: Plane = "fast",
    as_json: AsJson = False,
) -> int:
    """Send the frames of a capture through VFs to the wire and back, byte for byte."""
    from nicmodel.lab.captures import write_capture
    from nicmodel.lab.files import writable_file
    from nicmodel.lab.loading import parse_set
    from nicmodel.lab.replay import machine
    from nicmodel.lab.replay import replay as run_replay

    scenario = machine(parse_set(settings or []))
    if write:
        writable_file(write, "--write", capture)
    with stop_on_interrupt() as stop, run_progress(capture.name, as_json) as progress:
        replayed = run_replay(capture, scenario, vf_map, plane=plane, progress=progress, stop=stop)
    kept = write if replayed.wire or not replayed.interrupted else None      # an earlier file is worth more than nothing
    if kept:
        write_capture(kept, replayed.wire)
    if as_json:
        print(json.dumps(replayed.to_dict(), indent=1))
    else:
        from nicmodel.lab.look import counted
        from nicmodel.lab.report import replay_report

        show(replay_report(replayed))
        if kept:
            say(f"{kept} holds {counted(len(replayed.wire), 'frame')} that left the wire")
    return INTERRUPTED if replayed.interrupted else OK if replayed.ok else UNMET


app.command(short_help="Config space of every function, for lspci -F.")(cli_tables.lspci)
app.command(short_help="Every NDIS rule: source, verdict and evidence.")(cli_tables.rules)
app.command(short_help="The register map, and how deeply each is modelled.")(cli_tables.registers)


@app.command(short_help="Published points, answered by simulation.")
def validate(
    points: Annotated[
        Path | None, typer.Argument(metavar="POINTS.csv", help="Published points; without it, the shipped ones.")
    ] = None,
    plane: Plane = "fast",
    as_json: AsJson = False,
) -> int:
    """Published points, answered by simulation: expected, got, error, tolerance kept or not."""
    from nicmodel.lab.validation.run import COLUMNS, summary
    from nicmodel.lab.validation.run import validate as run_validate

    with stop_on_interrupt() as stop, sweep_progress("validate", as_json) as progress:
        rows = run_validate(points, plane, progress=progress, stop=stop)
    if as_json:
        print_rows(rows, COLUMNS, as_json)
    else:
        print_rows([rounded(row) for row in rows], COLUMNS, as_json)
        show("")
        print_rows(summary(rows), ("group", "points", "answered", "within", "median error"), as_json)
    return INTERRUPTED if stop.is_set() else UNMET if any(row["ok"] is False for row in rows) else OK


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status. Mistakes of the user end in one sentence and status 2."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    return ended(lambda: app(args=given, prog_name="nicmodel", standalone_mode=False))


if __name__ == "__main__":
    sys.exit(main())
