"""Scheduling policies that a scenario may name (`nic.scheduler`): one row each, and both planes implement every row.

There is one so far, and planes are not told its name; a second row brings a field of `PlaneConfig`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """A Tx scheduling policy: who gets the next turn."""

    name: str
    doc: str
    source: str


TX_POLICIES = (
    Policy("round_robin", "functions in turns, then a function's queues in turns; a turn is one read request",
           "82599 7.2.1.2.1 (arbitration among pools); the turn's grain is assumed"),
)
