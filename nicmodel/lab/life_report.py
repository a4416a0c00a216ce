"""What a person reads of [life]: a row a hand-over, then the sequence of steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from nicmodel.lab.life_keys import PLACES
from nicmodel.lab.look import plain
from nicmodel.sim.units import TIME

US = TIME["us"]
MOST = 48            # steps shown; all are in the JSON


def life_report(life: dict[str, Any]) -> Iterable[RenderableType]:
    """Hand-overs, steps, and what is in no hand-over."""
    yield handover_table(life["handovers"][:MOST])
    if len(life["handovers"]) > MOST:
        yield Text(f"and {len(life['handovers']) - MOST} more, all of them in --json")
    yield step_table(life["events"][:MOST])
    if len(life["events"]) > MOST:
        yield Text(f"and {len(life['events']) - MOST} more steps, all of them in --json")
    yield Text(guests_line(life["guests"]))


def handover_table(handovers: list[dict[str, Any]]) -> Table:
    """A row a hand-over: frames lost, where and why, and how long the guest was dark."""
    table = plain("at us", "guest", "hand-over", "Rx lost", "where", "why", "Rx dark us", "Tx lost", "Tx dark us",
                  right=("at us", "guest", "Rx lost", "Rx dark us", "Tx lost", "Tx dark us"))
    for row in handovers:
        lost = row["lost"]
        table.add_row(us(row["at_ps"]), str(row["guest"]), row["kind"] + ("" if row["end_ps"] is not None else " (under way)"),
                      f"{lost['rx']:,}", named({PLACES[place].name: n for place, n in lost["places"].items()}),
                      named(lost["reasons"]), us(row["rx_dark_ps"]), f"{lost['tx']:,}", us(row["tx_dark_ps"]))
    return table


def step_table(events: list[dict[str, Any]]) -> Table:
    """A row a step, in the order in which they began."""
    table = plain("at us", "took us", "guest", "actor", "step", "what", "status", right=("at us", "took us", "guest"))
    for event in events:
        took = None if event["end_ps"] is None else event["end_ps"] - event["at_ps"]
        table.add_row(us(event["at_ps"]), us(took), "-" if event["guest"] is None else str(event["guest"]), event["actor"],
                      event["step"], event["what"], event["status"] or "under way")
    return table


def guests_line(guests: list[dict[str, Any]]) -> str:
    """All guests together, over the whole run."""
    total = {key: sum(guest[key] or 0 for guest in guests) for key in (guests[0] if guests else {})}
    if not total:
        return "Guests    no frame to or from any"
    return (f"Guests    Rx {total['rx_vf']:,} over VFs, {total['rx_synthetic']:,} over the synthetic path, "
            f"{total['rx_lost']:,} lost, {total['rx_inside']:,} under way; Tx {total['tx_vf']:,} over VFs, "
            f"{total['tx_synthetic']:,} over the synthetic path, {total['tx_lost']:,} lost, {total['tx_held']:,} held")


def named(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {n:,}" for name, n in counts.items() if n) or "-"


def us(ps: int | None) -> str:
    """Microseconds, two decimals; a dash for what did not happen.

    >>> us(1_234_567), us(None)
    ('1.23', '-')
    """
    return "-" if ps is None else f"{ps / US:.2f}"
