"""Pictures: one run, and one sweep. Readable in greyscale: series differ by lightness, hatching and marker.

The only file that imports matplotlib; it draws figures that exist and computes none.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib

from nicmodel.lab.axes import TICKS, Axis, axis, is_wide, written
from nicmodel.lab.files import write_whole
from nicmodel.lab.life_plot import draw_life, entitle, figure_size
from nicmodel.lab.report import has_traffic, headline
from nicmodel.lab.results import DIRECTIONS
from nicmodel.sim.errors import ScenarioError

if TYPE_CHECKING:
    import pandas as pd

    from nicmodel.lab.results import RunResult

matplotlib.use("Agg", force=False)

SHADES = {"tx": "0.35", "rx": "0.75"}
HATCHES = {"tx": "", "rx": "///"}
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")
DPI = 120
FORMATS = ("png", "svg", "pdf")  # what the end of a picture's name says; the first without one
AXIS = 96  # digits, and spaces between numbers, that fit below the axis of VFs
LEGEND_ROWS = 24  # of a column of the legend, which stands beside the panels: no curve is behind it
MOST_BARS = 64  # more are lines: bars as thin as their edges cannot be told apart
PLACE = "place on the axis"
STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.85",
    "font.size": 10,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def plot_run(result: RunResult, path: Path) -> Path:
    """Rates and latency per VF, one above the other, into a file that appears whole; with [life], its hand-overs instead."""
    import matplotlib.pyplot as plt

    if result.measured.life is not None:
        with plt.rc_context(STYLE):
            figure = plt.figure(figsize=figure_size(result.measured.life))
            draw_life(figure, result.measured.life, headline(result))
            return _save(figure, path)
    vfs, pf = result.simulated["vfs"], result.simulated["pf"]
    rows = [*vfs, pf] if has_traffic(pf) else vfs
    shown = [d for d in DIRECTIONS if any(row[f"{d}_packets"] for row in rows)] or ["tx"]
    with plt.rc_context(STYLE):
        figure, (rates, latency) = plt.subplots(2, 1, figsize=(9, 6.5), sharex=True)
        draw_rates(rates, rows, shown)
        draw_latency(latency, rows, shown)
        latency.set_xticks(*ticks_below(len(vfs), has_traffic(pf)))
        latency.set_xlabel("VF, and the PF" if has_traffic(pf) else "VF")
        entitle(figure, headline(result))
        return _save(figure, path)


def vf_ticks(num_vfs: int) -> range:
    """VFs whose numbers are written below the axis: so many that they do not touch.

    >>> vf_ticks(32), vf_ticks(63), vf_ticks(256)
    (range(0, 32), range(0, 63, 2), range(0, 256, 16))
    """
    step, width = 1, len(str(num_vfs - 1)) + 1
    while width * len(range(0, num_vfs, step)) > AXIS:
        step *= 2
    return range(0, num_vfs, step)


def ticks_below(num_vfs: int, with_pf: bool) -> tuple[list[int], list[str]]:
    """Where something is written below the axis, and what: numbers of VFs, and the PF behind the last one.

    >>> ticks_below(3, True), ticks_below(63, True)[1][-3:]
    (([0, 1, 2, 3], ['0', '1', '2', 'PF']), ['58', '60', 'PF'])
    """
    numbers = vf_ticks(num_vfs)
    places = [place for place in numbers if not with_pf or num_vfs - place >= numbers.step]
    if not with_pf:
        return places, list(map(str, places))
    return [*places, num_vfs], [*map(str, places), "PF"]


def draw_rates(axes: Any, rows: list[dict[str, Any]], shown: list[str]) -> None:
    """A bar a VF and direction; of many VFs, Rx as an area and Tx as a line over it."""
    (draw_bars if len(rows) * len(shown) <= MOST_BARS else draw_steps)(axes, rows, shown)
    for number, row in enumerate(rows):
        if row["state"] != "running" and not any(row[direction]["gbps"] for direction in shown):
            axes.annotate(
                f"{row['state']}: {row['rule']}" if row["rule"] else row["state"],
                (number, 0),
                xytext=(0, 4),
                textcoords="offset points",
                rotation=90,
                ha="center",
                va="bottom",
                fontsize=8,
            )
    axes.set_ylabel("frame rate [Gb/s]")
    if not any(row[direction]["gbps"] for row in rows for direction in shown):
        say_nothing_moved(axes)
        return
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right", ncols=2, bbox_to_anchor=(1, 1.14))


def draw_bars(axes: Any, rows: list[dict[str, Any]], shown: list[str]) -> None:
    width = 0.8 / len(shown)
    for position, direction in enumerate(shown):
        places = [n + (position - (len(shown) - 1) / 2) * width for n in range(len(rows))]
        axes.bar(
            places,
            [row[direction]["gbps"] for row in rows],
            width,
            label=direction.capitalize(),
            color=SHADES[direction],
            hatch=HATCHES[direction],
            edgecolor="0.1",
            linewidth=0.6,
        )


def draw_steps(axes: Any, rows: list[dict[str, Any]], shown: list[str]) -> None:
    edges = [n - 0.5 for n in range(len(rows) + 1)]
    for direction in shown:
        rates = [row[direction]["gbps"] for row in rows]
        if direction == "rx":
            axes.stairs(rates, edges, label="Rx", fill=True, color=SHADES["rx"])
        else:
            axes.stairs(rates, edges, label="Tx", color="0.1", linewidth=1.5, zorder=3)


def say_nothing_moved(axes: Any) -> None:
    """In place of a scale that nothing was measured on."""
    axes.set(yticks=[], ylim=(0, 1))
    axes.text(0.5, 0.5, "no packet of a VF in the window", transform=axes.transAxes, ha="center", va="center")


def from_zero(axes: Any) -> None:
    """The axis begins at 0, and what is highest stands clear of its end, even if all is nearly equal."""
    axes.update_datalim([(0, 0)], updatex=False)
    axes.autoscale_view(scalex=False)
    axes.set_ylim(bottom=0)


def draw_latency(axes: Any, rows: list[dict[str, Any]], shown: list[str]) -> None:
    size = 6 if len(rows) * len(shown) <= MOST_BARS else 3
    for direction in shown:
        points = [
            (n, row[direction]["latency_ns"]) for n, row in enumerate(rows) if row[direction]["latency_ns"]
        ]
        for quantile, marker, filled in (("p50", "o", True), ("p99", "^", False)):
            shade = "0.1" if direction == "tx" else "0.55"
            axes.plot(
                [n for n, _ in points],
                [figures[quantile] / 1000 for _, figures in points],
                marker,
                color=shade,
                markerfacecolor=shade if filled else "white",
                markersize=size,
                label=f"{direction.capitalize()} {quantile}",
            )
    drawn = [value for line in axes.lines for value in line.get_ydata() if value > 0]
    axes.set_ylabel("latency [us]")
    if not drawn:
        say_nothing_moved(axes)
        return
    if is_wide(drawn):
        axes.set_yscale("log")
    else:
        from_zero(axes)
    axes.legend(loc="upper right", ncols=4, bbox_to_anchor=(1, 1.14))


def plot_sweep(table: pd.DataFrame, axes_keys: list[str], path: Path, title: str) -> Path:
    """Total rate and worst latency over the first axis, one line for each value of the others."""
    import matplotlib.pyplot as plt

    points = table.drop_duplicates("point")
    first, others = axes_keys[0], axes_keys[1:]
    below = axis(first, points[first].tolist())
    points = points.assign(**{PLACE: below.places})
    curves = _lines(points, others)
    columns = -(-len(curves) // LEGEND_ROWS) if others else 0
    with plt.rc_context(STYLE):
        figure, panels = plt.subplots(1, 2, figsize=(11 + 1.6 * columns, 4.8))
        for number, (label, group) in enumerate(curves):
            ordered = group.sort_values(PLACE) if below.numeric else group
            for axes, column in zip(panels, ("point_gbps", "point_worst_p99_us"), strict=True):
                axes.plot(ordered[PLACE], ordered[column], label=label, **curve_style(number))
        for axes, quantity in zip(
            panels, ("Tx and Rx of all functions [Gb/s]", "worst p99 latency of a VF [us]"), strict=True
        ):
            axes.set(xlabel=below.label, ylabel=quantity)
            scale_below(axes, below)
            from_zero(axes)
        if is_wide(points["point_worst_p99_us"].dropna().tolist()):
            panels[1].set_ylim(auto=True)
            panels[1].set_yscale("log")
        if columns:
            figure.legend(*panels[0].get_legend_handles_labels(), title=", ".join(others), fontsize=8,
                          loc="outside right upper", ncols=columns)
        entitle(figure, title)
        return _save(figure, path)


def scale_below(axes: Any, below: Axis) -> None:
    """Whole numbers at whole ticks; of values far apart the logarithm, with the values themselves as ticks."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if below.whole and not below.wide:
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    if not below.wide:
        return
    places = sorted(set(below.places))
    if places[0]:
        axes.set_xscale("log", base=2)
    else:
        axes.set_xscale("symlog", base=2, linthresh=places[1])
    step = -(-len(places) // TICKS)
    axes.xaxis.set_major_locator(FixedLocator(places[::step]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:g}"))


def curve_style(number: int) -> dict[str, Any]:
    """Marker, dashes and lightness of a curve: the first 64 differ in marker, dashes or filling."""
    turn, marker = divmod(number, len(MARKERS))
    line = (number + turn) % len(LINES)
    color = str(0.65 * line / (len(LINES) - 1))
    filled = turn % (2 * len(LINES)) < len(LINES)
    return {"marker": MARKERS[marker], "linestyle": LINES[line], "color": color, "markerfacecolor": color if filled else "white"}


def _lines(points: pd.DataFrame, others: list[str]) -> list[tuple[str, pd.DataFrame]]:
    if not others:
        return [("", points)]
    return [
        (", ".join(written(key, value) for key, value in zip(others, values, strict=True)), group)
        for values, group in points.groupby(others, sort=False)
    ]


def _save(figure: Any, path: Path) -> Path:
    import matplotlib.pyplot as plt

    try:
        kind = path.suffix.removeprefix(".").lower() or FORMATS[0]
        if kind not in FORMATS:
            raise ScenarioError(f"the name of a picture must end in one of .{', .'.join(FORMATS)}", file=str(path))
        return write_whole(path, lambda beside: figure.savefig(beside, dpi=DPI, format=kind))
    finally:
        plt.close(figure)
