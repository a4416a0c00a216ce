"""Expectations: an expression over the figures of a run, a bound, and where the bound comes from.

    [[expect]]
    what = "share.max - share.min"
    below = 0.01
    source = "definition of equal weights"

`what` adds, subtracts, multiplies and divides figures and numbers; nothing else is evaluated. Figures are the
paths of a run's JSON (`totals.tx_packets`, `vf0.tx.mpps`, `pcie.up.utilisation`, `drops.no_descriptor`), and
`share.min`, `share.max` (a VF's part of the frame bytes all VFs moved), `closed` (VFs that did not come up), and with
[life] those of `LIFE` (`life.rx_lost`, `life.vf_not_ready`, `life.rx_dark_ps`, ...).
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nicmodel.datasheet.counters import DROP_REASONS
from nicmodel.lab.life_keys import PLACES
from nicmodel.lab.names import nearest_or
from nicmodel.lab.validators import Allowed, Text
from nicmodel.sim.units import quoted

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
A_FORMULA = "an expression of figures, numbers and + - * /"
MAX_EXPRESSION = 500
PACKET_COUNTS = ("tx_packets", "tx_bytes", "rx_packets", "rx_bytes")
LINKS = ("pcie.up", "pcie.down", "wire.tx", "wire.rx")


def _number(value: Any) -> float | None:
    if (
        value is None
        or isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    ):
        return value
    raise ValueError(f"{quoted(value)} is not a number")


def _expression(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{quoted(value)} is not text")
    parse(value)
    return value


Number = Annotated[float | int | None, Allowed(_number, words="a number")]
Expression = Annotated[str, Allowed(_expression, words=A_FORMULA)]


class Expectation(BaseModel):
    """What, and the bound it must keep: `below`, `above` (both strict) or `equals`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: Expression = Field(description="what is judged")
    below: Number = Field(default=None, description="it must be less than this")
    above: Number = Field(default=None, description="it must be more than this")
    equals: Number = Field(default=None, description="it must be this; one of the three is needed")
    source: Text = Field(description="where the bound comes from")

    @model_validator(mode="after")
    def _bounded(self) -> Expectation:
        if self.below is None and self.above is None and self.equals is None:
            raise ValueError("an expectation needs below, above or equals")
        return self

    def unknown_name(self, num_vfs: int) -> str | None:
        """A sentence about the first figure that a run with so many VFs does not have, or None."""
        known = names(num_vfs)
        for name in sorted(_names_in(parse(self.what))):
            number, _, figure = name.removeprefix("vf").partition(".")
            if number.isdecimal() and f"vf0.{figure}" in known and int(number) >= num_vfs:
                return (f'"{name}" is a figure of a VF that num_vfs = {num_vfs} does not give; '
                        "expect = [] runs without expectations")
            if name not in known:
                known_one = nearest_or(name, known, "the nearest", "docs/metrics.md names them")
                return f'"{name}" is not a figure of this run; {known_one}'
        return None

    def judge(self, figures: Mapping[str, Any]) -> dict[str, Any]:
        """{"what", "got", "ok"}; without the figure (no packet: no latency) it is not ok and got null."""
        try:
            got = _evaluate(parse(self.what), figures)
        except (TypeError, ZeroDivisionError, OverflowError):
            got = None
        if got is None:
            return {"what": self.what, "got": None, "ok": False}
        ok = (
            (self.below is None or got < self.below)
            and (self.above is None or got > self.above)
            and (self.equals is None or got == self.equals)
        )
        return {"what": self.what, "got": got, "ok": ok}


def parse(text: str) -> ast.expr:
    """The expression's tree. Raises ValueError if it holds anything but figures, numbers and + - * /."""
    try:
        if len(text) > MAX_EXPRESSION:
            raise ValueError
        tree = ast.parse(text.strip(), mode="eval").body
        _names_in(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f'"{text[:60]}" is not {A_FORMULA}') from None
    return tree


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    raise ValueError


def _names_in(node: ast.expr) -> set[str]:
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return _names_in(node.left) | _names_in(node.right)
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        return _names_in(node.operand)
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return set()
    return {_dotted(node)}


def _evaluate(node: ast.expr, figures: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_evaluate(node.left, figures), _evaluate(node.right, figures))
    if isinstance(node, ast.UnaryOp):
        return OPERATORS[type(node.op)](_evaluate(node.operand, figures))
    if isinstance(node, ast.Constant):
        return node.value
    return figures[_dotted(node)]


def figures(simulated: Mapping[str, Any]) -> dict[str, Any]:
    """The figures that expressions may name, from the `simulated` part of a run's JSON."""
    found: dict[str, Any] = {}
    rows = {f"vf{row['vf']}": row for row in simulated["vfs"]} | {"pf": simulated["pf"]}
    for name, row in rows.items():
        found |= {f"{name}.{count}": row[count] for count in PACKET_COUNTS}
        found |= {f"{name}.drops.{reason}": n for reason, n in row["drops"].items()}
        for direction in ("tx", "rx"):
            rates = row[direction]
            found |= {f"{name}.{direction}.{key}": rates[key] for key in ("mpps", "gbps")}
            found |= {
                f"{name}.{direction}.latency_ns.{key}": (rates["latency_ns"] or {}).get(key)
                for key in ("p50", "p99", "max")
            }
    totals = simulated["totals"]
    found |= {f"totals.{count}": totals[count] for count in PACKET_COUNTS}
    found |= {f"drops.{reason}": n for reason, n in totals["drops"].items()}
    found["jain"] = totals["jain"]
    found |= {
        f"{link['name']}.{link['direction']}.{key}": link[key]
        for link in simulated["links"]
        for key in ("bytes", "utilisation")
    }
    moved = [row["tx_bytes"] + row["rx_bytes"] for row in simulated["vfs"]]
    total = sum(moved)
    found["share.min"], found["share.max"] = (
        (min(moved) / total, max(moved) / total) if total else (None, None)
    )
    found |= life_figures(simulated.get("life"))
    found["closed"] = sum(row["state"] == "closed" for row in simulated["vfs"])
    return found


LIFE = ("life.handovers", "life.unfinished", "life.failed", "life.rx_lost", "life.tx_lost", "life.rx_dark_ps", "life.tx_dark_ps",
        *(f"life.{place}" for place in PLACES))


def life_figures(life: Mapping[str, Any] | None) -> dict[str, Any]:
    """Figures of [life]: frames lost in all hand-overs, by place, and the longest dark times; None without [life]."""
    if life is None:
        return dict.fromkeys(LIFE)
    rows = life["handovers"]
    lost = {f"life.{place}": sum(row["lost"]["places"][place] for row in rows) for place in PLACES}
    dark = {f"life.{key}": max((row[key] for row in rows if row[key] is not None), default=None)
            for key in ("rx_dark_ps", "tx_dark_ps")}
    return lost | dark | {
        "life.handovers": len(rows), "life.unfinished": sum(row["end_ps"] is None for row in rows),
        "life.failed": sum(event["status"] not in (None, "SUCCESS") for event in life["events"]),
        "life.rx_lost": sum(guest["rx_lost"] for guest in life["guests"]),
        "life.tx_lost": sum(guest["tx_lost"] for guest in life["guests"])}


def names(num_vfs: int) -> set[str]:
    """The names `figures` gives for a run with so many VFs."""
    rates = {
        f"{d}.{k}"
        for d in ("tx", "rx")
        for k in ("mpps", "gbps", "latency_ns.p50", "latency_ns.p99", "latency_ns.max")
    }
    drops = {f"drops.{reason.name}" for reason in DROP_REASONS}
    row = set(PACKET_COUNTS) | rates | drops
    functions = {
        f"{function}.{key}" for function in ("pf", *(f"vf{v}" for v in range(num_vfs))) for key in row
    }
    links = {f"{link}.{key}" for link in LINKS for key in ("bytes", "utilisation")}
    return (
        functions
        | drops
        | links
        | {f"totals.{count}" for count in PACKET_COUNTS}
        | {"jain", "share.min", "share.max", "closed"}
        | set(LIFE)
    )
