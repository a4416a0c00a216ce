"""What happened on the way, step by step: the documented steps as rows, and when each began and ended.

A sequence of the pages is a tuple of `Step`s; `Journal.follow` runs it, writes an `Entry` a step and stops at the first
step that fails. Nothing is decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from nicmodel.datasheet.ndis import Status
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    import simpy


class Step(NamedTuple):
    """One documented step: its id, who acts, what it is called, and the generator function that performs it."""

    id: str
    actor: str
    what: str
    run: Callable[..., Steps]


@dataclass
class Entry:
    """One step that was begun: ``end_ps`` is -1 and ``status`` None while it is under way."""

    begin_ps: int
    actor: str
    what: str
    step: str
    guest: int | None
    end_ps: int = -1
    status: Status | None = None


class Journal:
    """Entries in the order in which their steps began."""

    def __init__(self, env: simpy.Environment):
        self.env = env
        self.entries: list[Entry] = []

    def begin(self, step: str, actor: str, what: str, guest: int | None = None) -> Entry:
        """Write down that a step begins."""
        entry = Entry(int(self.env.now), actor, what, step, guest)
        self.entries.append(entry)
        return entry

    def end(self, entry: Entry, status: Status = Status.SUCCESS) -> None:
        """Write down that it has ended."""
        entry.end_ps, entry.status = int(self.env.now), status

    def follow(self, steps: Sequence[Step], *args: Any, guest: int | None = None) -> Steps:
        """Perform steps in order, each called with ``args``; the first status that is no SUCCESS, or SUCCESS."""
        for step in steps:
            entry = self.begin(step.id, step.actor, step.what, guest)
            status = yield from step.run(*args)
            self.end(entry, status)
            if status != Status.SUCCESS:
                return status
        return Status.SUCCESS
