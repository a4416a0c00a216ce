"""Tables of the books: what functions wait for, how busy resources are, who is in whose way, what would help.

Rich renderables only; functions that have the same bottleneck and the same longest wait share a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from nicmodel.lab.books import SAID, Window, limited_by, shares, waited, ways
from nicmodel.lab.look import counted, plain
from nicmodel.sim.plane import Direction

if TYPE_CHECKING:
    from nicmodel.lab.explain import Explained

TOP = 3  # causes that a table names
LEAST_NS = 1  # less interference is not worth a row
SHOWN = 0.005  # a smaller share or utilisation is not worth a cell


def waiting_table(book: Window) -> Table:
    """A row for each group of VFs and direction: what limits them, and the causes that took most of their latency."""
    table = plain("VF", "", "bottleneck", "waits for, in parts of its latency", whole=("VF", ""))
    for functions, way, name in groups(book):
        named = list((shares(waited(book, functions, way)) or {}).items())[:TOP]
        causes = ", ".join(f"{cause} {percent(share)}" for cause, share in named if share >= SHOWN)
        table.add_row(spans(functions), SAID[way], name, causes)
    return table


def groups(book: Window) -> list[tuple[list[int], Direction, str]]:
    """Functions that are limited by the same and wait longest for the same, by direction."""
    found: dict[tuple[Direction, Any, str], list[int]] = {}
    for function in range(len(book.functions)):
        for way in ways(book, function):
            longest, *_ = shares(waited(book, [function], way)) or {"": 0.0}
            found.setdefault((way, limited_by(book, function, way), longest), []).append(function)
    rows = [(functions, way, name) for (way, name, _), functions in found.items()]
    return sorted(rows, key=lambda row: (row[1], row[0]))


def spans(functions: Sequence[int]) -> str:
    """Functions as VF numbers.

    >>> spans([0, 1, 2, 3, 5, 7, 8])
    'PF, 0-2, 4, 6-7'
    """
    parts: list[list[int]] = []
    for vf in sorted(function - 1 for function in functions if function):
        if parts and parts[-1][-1] == vf - 1:
            parts[-1][1:] = [vf]
        else:
            parts.append([vf])
    return ", ".join((["PF"] if 0 in functions else []) + ["-".join(map(str, part)) for part in parts])


def utilisation_line(loads: dict[str, float]) -> str:
    """Resources by utilisation, busiest first."""
    busy = sorted(loads.items(), key=lambda pair: -pair[1])
    return ", ".join(f"{name} {percent(load)}" for name, load in busy if load >= SHOWN) or "-"


def interference_table(rows: Iterable[dict[str, Any]]) -> Table:
    """Who was served while whose packets waited."""
    table = plain("victim", "culprit", "server", "ns a packet")
    for row in rows:
        who = ["PF" if row[key] is None else f"VF {row[key]}" for key in ("victim", "culprit")]
        table.add_row(*who, row["server"], f"{row['ns']:,.1f}")
    return table


def relaxed_table(rows: Iterable[dict[str, Any]]) -> Table:
    """What each relaxed run brought, next to what the book said of it."""
    table = plain("resource", "U", "named by", "relaxed x", "rate x", "predicted x", "elasticity", "agrees")
    for row in rows:
        named = counted(row["named"], "VF") if row["named"] else "-"
        expected = "-" if row["predicted"] is None else f"{row['predicted']:.3f}"
        figures = (f"{row[key]:.3f}" for key in ("factor", "ratio"))
        table.add_row(row["resource"], percent(row["utilisation"]), named, *figures, expected, f"{row['elasticity']:z.2f}",
                      "no promise" if row["agrees"] is False and not row["promised"] else verdict(row["agrees"]))
    return table


def choices_table(rows: Iterable[dict[str, Any]]) -> Table:
    """Which conclusions are the same if an arbiter chooses otherwise."""
    table = plain("assumed choice", "rate x", "same bottlenecks", "same shares", "same waiting")
    for row in rows:
        same = (verdict(row[key]) for key in ("bottleneck", "shares", "waiting"))
        table.add_row(f"{row['parameter']} = {row['policy']}", f"{row['ratio']:.3f}", *same)
    return table


def verdict(ok: bool | None) -> str:
    return "-" if ok is None else "yes" if ok else "NO"


def explanation(explained: Explained) -> RenderableType:
    """What is known of why a run was no faster, beyond its own report."""
    parts: list[RenderableType] = []
    interfering = [row for row in explained.base.simulated["interference"] or () if row["ns"] >= LEAST_NS]
    for title, table, rows in (
        ("Who was served while whose packets waited", interference_table, interfering),
        ("Each resource relaxed, with the same seed", relaxed_table, explained.relaxed),
        ("Arbiters that choose otherwise", choices_table, explained.choices),
    ):
        if rows:
            parts += [Text(f"\n{title}", style="bold"), table(rows)]
    parts += [Text(f"Failed    {name}: {why}") for name, why in explained.failed.items()]
    return Group(*parts)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
