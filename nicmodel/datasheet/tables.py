"""The datasheet's tables as Markdown: what the pages in `docs/` quote, so that no page can go stale.

`python -m nicmodel.datasheet.tables` prints every table; with files as arguments it renews the tables between
their markers (`<!-- table: NAME -->` and `<!-- end -->`) in place. A test compares the committed pages.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields
from typing import Any

from nicmodel.datasheet import arbiters, books, counters, pages, policies, profiles, stages

MARKED = pages.marked("table")

# What each timestamp of a row says. Both kinds of received rows (RX, LOOPBACK) use the second table.
TX_MEANINGS = {
    "POSTED": "the CPU wrote the tail register: the doorbell that covers the descriptor is queued downstream",
    "DOORBELL": "that tail write took effect in the adapter",
    "DESC_FETCHED": "the descriptor is on chip; the row is made",
    "SCHEDULED": "the frame got its first turn, and its room in the Tx buffer",
    "DATA_FETCHED": "all its bytes are on board",
    "SWITCHED": "it left the Tx pipeline: to the wire, or to another function",
    "ON_WIRE": "its first byte started on the wire",
    "OFF_WIRE": "its last byte left; delivered",
    "WRITTEN_BACK": "the write-back that covers its descriptor is in host memory",
    "INTERRUPTED": "the MSI-X message that announces it reached the host",
    "REAPED": "the driver took the descriptor back",
}
RX_MEANINGS = {
    "ARRIVED": "its last byte arrived from the wire (LOOPBACK: SWITCHED of its parent)",
    "STEERED": "the parser named its function",
    "DESC_READY": "frame and descriptor have met",
    "DATA_WRITTEN": "its bytes are in host memory",
    "WRITTEN_BACK": "its descriptor's status is in host memory",
    "INTERRUPTED": "the MSI-X message that announces it reached the host",
    "REAPED": "the driver took it; delivered (a ring without agent: at WRITTEN_BACK)",
}


def markdown(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table. No cell of ours holds a bar."""
    lines = [list(head), ["---"] * len(head), *(list(map(str, row)) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def code(name: object) -> str:
    return f"`{name}`"


def stage_table(names: Sequence[str], meanings: dict[str, str]) -> str:
    """One direction's timestamps, in the order in which they usually fall."""
    return markdown(("stage", "what has happened"), ((code(name), meanings[name]) for name in names))


def event_table() -> str:
    """Phase 1 of an instant, by rank."""
    return markdown(("rank", "event", "source", "what takes effect"),
                    ((rank, code(e.name), e.source, e.doc) for rank, e in enumerate(stages.EVENTS)))


def arbiter_table() -> str:
    """Phase 2 of an instant, in order."""
    rows = ((i, code(a.name), a.clock, a.grants or "all that fit", a.policy.replace("_", " "),
             ", ".join(map(code, a.lines)), a.doc, a.source) for i, a in enumerate(arbiters.ARBITERS))
    return markdown(("order", "arbiter", "clock", "grants", "policy", "lines", "decision", "source"), rows)


def counter_table(rows: Iterable[counters.Counter]) -> str:
    return markdown(("name", "unit", "meaning"), ((code(c.name), c.unit, c.doc) for c in rows))


def policy_table() -> str:
    """Every choice of an arbiter that a scenario may name, the default of each parameter first."""
    return markdown(("parameter", "policy", "who gets the next turn", "source"),
                    ((code(p.parameter), code(p.name), p.doc, p.source) for p in policies.TX_POLICIES + policies.POLICIES))


def wait_table() -> str:
    """The causes that a packet's waiting is split among."""
    return markdown(("cause", "kind", "resource", "meaning"),
                    ((code(w.name), w.kind, code(w.resource) if w.resource else "", w.doc) for w in books.WAITS))


def remarks(name: str) -> dict[str, str]:
    """Keyword -> the comment behind its line, in the table `name` of profiles.py."""
    source = inspect.getsource(profiles)
    lines = source.splitlines()
    call = next(node.value for node in ast.parse(source).body
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name)
    return {keyword.arg: lines[keyword.end_lineno - 1].partition("  # ")[2].strip()
            for keyword in getattr(call, "keywords", ()) if keyword.arg}


def shown(name: str, value: Any) -> str:
    """A number as people read it: identities and addresses in hexadecimal."""
    return f"{value:#x}" if name.endswith(("_id", "mac_base")) else str(value)


def profile_table(rows: dict[str, Any]) -> str:
    """A field a line; beside each number the source that profiles.py gives it, if it gives any."""
    names = {id(value): name for name, value in vars(profiles).items()}
    each = list(rows.values())
    notes = [remarks(names[id(row)]) for row in each]
    head, body = ["field"], [[code(f.name)] for f in fields(each[0]) if f.name not in ("name", "doc")]
    for row, note in zip(each, notes, strict=True):
        sourced = any(note.values())
        head += [code(row.name), *(["source"] if sourced else [])]
        for line in body:
            name = line[0].strip("`")
            line += [shown(name, getattr(row, name)), *([note.get(name, "")] if sourced else [])]
    return markdown(head, body)


def tables() -> dict[str, str]:
    """Every table by the name that markers use."""
    return {
        "tx_stages": stage_table(stages.TX_STAGES, TX_MEANINGS),
        "rx_stages": stage_table(stages.RX_STAGES, RX_MEANINGS),
        "events": event_table(),
        "arbiters": arbiter_table(),
        "policies": policy_table(),
        "counters": counter_table(c for c in counters.FUNCTION_COUNTERS if not c.name.startswith("drop_")),
        "drops": counter_table(counters.DROP_REASONS),
        "waits": wait_table(),
        "profiles": profile_table(profiles.PROFILES),
        "hosts": profile_table(profiles.HOSTS),
    }


def renewed(text: str) -> str:
    """A page with every marked table as the datasheet has it now. ValueError: there is no such table."""
    return pages.renewed(text, MARKED, tables())


if __name__ == "__main__":
    pages.renew(sys.argv[1:], MARKED, tables())
