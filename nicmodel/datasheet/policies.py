"""Policies of arbiters that a scenario may name: one row each, and both planes implement every row.

The first row of an arbiter is its default. A policy decides who gets the next turn, so it decides conclusions: each
row names its source, or says *assumed*, and `nicmodel explain` can try the others.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """One way to choose: the parameter it is a value of, its name, and why one would take it."""

    parameter: str               # field of PlaneConfig, key of [nic], [pcie] or [host]
    name: str
    doc: str
    source: str


TX_POLICIES = (
    Policy("scheduler", "round_robin",
           "functions in turns, then a function's queues in turns; a turn is one read request",
           "82599 7.2.1.2.1 (arbitration among pools); the turn's grain is assumed"),
)

POLICIES = (
    Policy("upstream", "age", "the oldest eligible TLP goes: what a FIFO in front of the link does",
           "assumed; PCIe orders only what may not pass"),
    Policy("upstream", "round_robin", "posted, non-posted and completion lines in turns", "assumed"),
    Policy("downstream", "age", "as upstream", "assumed"),
    Policy("downstream", "round_robin", "as upstream", "assumed"),
    Policy("tag_classes", "round_robin", "Rx descriptor, Tx descriptor and payload reads in turns: none can starve",
           "assumed"),
    Policy("tag_classes", "descriptors_first", "descriptor reads before payload reads: they are what payload reads wait for",
           "assumed"),
    Policy("tag_functions", "oldest", "reads of one class in the order of asking", "assumed"),
    Policy("tag_functions", "round_robin", "functions in turns within a class: a backlog of one does not delay the others",
           "assumed"),
    Policy("fetch", "round_robin", "rings in turns by number", "82599 7.2.3.4 names no order; assumed"),
    Policy("fetch", "fewest", "the ring with the fewest descriptors on chip: it is the next to run dry", "assumed"),
    Policy("writers", "round_robin", "Rx writes and Tx write-backs in turns", "assumed"),
    Policy("writers", "rx_first", "Rx writes first: what has arrived cannot wait, what has left can", "assumed"),
    Policy("walks", "oldest", "page walks in the order of the misses", "assumed"),
    Policy("walks", "round_robin", "functions in turns: one that thrashes the IOTLB does not fill the walk queue for all",
           "assumed"),
    Policy("completions", "burst", "all completions of a read, one after the other", "assumed"),
    Policy("completions", "interleaved", "reads being answered take turns, a completion each", "assumed"),
)
PARAMETERS = tuple(dict.fromkeys(row.parameter for row in POLICIES))


def choices(parameter: str) -> tuple[str, ...]:
    """The names a parameter may have, its default first."""
    return tuple(row.name for row in POLICIES if row.parameter == parameter)
