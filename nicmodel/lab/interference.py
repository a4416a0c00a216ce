"""Who is in whose way: the interference matrix of a window, in ns a packet (docs/explain.md 6)."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.books import SERVED, WAIT
from nicmodel.lab.books import WAIT_FOR, Window

PS_PER_NS = 1000


def interference(w: Window) -> list[dict[str, Any]]:
    """Who was served while whose packets waited for a server: ns a packet of the victim, most first.

    All that a victim waited for the server, split among the culprits as it was in those waits that were sampled. A victim
    none of whose waits was sampled has no rows.
    """
    delivered = w.functions["tx_packets"] + w.functions["rx_packets"]
    waits = w.waits.sum(axis=1)
    rows = []
    for server, name in enumerate(SERVED):
        wait = WAIT[WAIT_FOR[name]]
        for victim, culprit in zip(*w.interference[server].nonzero(), strict=True):
            meanwhile = int(w.interference[server, victim].sum())
            ns = int(w.interference[server, victim, culprit]) * int(waits[victim, wait]) / meanwhile / PS_PER_NS
            if delivered[victim] and ns:
                rows.append({"victim": vf_of(victim), "culprit": vf_of(culprit), "server": WAIT_FOR[name],
                             "ns": ns / int(delivered[victim])})
    return sorted(rows, key=lambda row: -row["ns"])


def vf_of(function: int) -> int | None:
    """A function's VF number; None is the PF."""
    return int(function) - 1 if function else None
