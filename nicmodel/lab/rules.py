"""The conformance table: every rule with its verdict, as rows, as Markdown, and summed up in a line.

`judge` brings a scenario's machine up, lets it be examined, and makes a row of every rule; with ``strict`` it stops at the
first offence. What a row means is in `datasheet.rule`.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from drivers.mutants import MUTANTS
from nicmodel.datasheet.readings import READINGS
from nicmodel.datasheet.rules import BY_ID, RULES, Rule
from nicmodel.lab.scenario import SCHEMA, Scenario
from nicmodel.ndis.checker import FirstOffence, Report, stop_at_first_offence

COLUMNS = ("id", "who", "when", "rule", "severity", "reading", "source", "judged", "verdict", "evidence")


@dataclass(frozen=True)
class Judged:
    """A row a rule, and the first offence if judging stopped there."""

    rows: list[dict[str, Any]]
    offence: Report | None = None
    failed: tuple[str, ...] = ()         # a sentence for every adapter that did not come up although no rule was broken

    @property
    def broken(self) -> bool:
        """Whether some rule is broken."""
        return self.offence is not None or any(row["verdict"] == "broken" for row in self.rows)

    def to_dict(self) -> dict[str, Any]:
        """What --json prints."""
        if self.offence is None:
            return {"rows": self.rows, "failed": list(self.failed), "readings": [reading._asdict() for reading in READINGS],
                    "standing": standing()}
        of = self.offence
        return {"offence": {"rule": of.rule, "adapter": of.adapter, "call": of.call, "time_ps": of.time_ps, "why": of.why}}


def judge(scenario: Scenario, strict: bool = False) -> Judged:
    """Bring the scenario up, examine its drivers, and judge. ``strict`` stops at the first offence, and has no rows then.

    DriverStumble for a driver whose code fails.
    """
    from nicmodel.lab import testbench

    try:
        with stop_at_first_offence() if strict else nullcontext():
            machine = testbench.bring_up(scenario)
            failed = tuple(f"{'VF' + str(function - 1) if function else 'PF'} did not come up: {why}."
                           for function, why in machine.failures().items())
            machine.examine()
    except FirstOffence as first:
        return Judged([], first.report)
    return Judged(complete(list(machine.rule_rows())), failed=failed)


def print_judged(judged: Judged, as_json: bool, as_markdown: bool) -> None:
    """The table, or the first offence, in the form that was asked for."""
    from nicmodel.lab.console import show
    from nicmodel.lab.options import print_rows

    if as_json:
        print(json.dumps({"schema": SCHEMA} | judged.to_dict(), indent=1))
    elif judged.offence is not None:
        print(f"First offence: {judged.offence}")
    elif as_markdown:
        print(markdown(judged.rows))
    else:
        print_rows(judged.rows, ("id", "severity", "verdict", "evidence", "source", "reading"), as_json)
        for sentence in (*judged.failed, last_line(judged.rows)):
            show(sentence)


def how(row: Rule) -> str:
    """How a rule is judged, in words."""
    if row.by:
        return f"as {', '.join(row.by)}"
    if row.tested:
        return f"by {row.tested}"
    if row.unchecked:
        return f"not checkable: {row.unchecked}"
    names = [name for name, mutant in MUTANTS.items() if mutant.rule == row.id]
    return "by every call" + (f"; broken by {', '.join(names)}" if names else "")


def complete(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for every rule of the table, those that no adapter of the run was judged by included."""
    found = {row["id"]: row for row in rows}
    return [_described(rule) | (found.get(rule.id) or _idle(rule)) for rule in RULES]


def _idle(rule: Rule) -> dict[str, Any]:
    if rule.unchecked:
        return {"verdict": "not_checkable", "evidence": rule.unchecked}
    return {"verdict": "not_exercised", "evidence": "no adapter of this run was judged by it"}


def _described(rule: Rule) -> dict[str, Any]:
    return {"id": rule.id, "who": ", ".join(rule.who), "when": rule.when, "rule": rule.sentence, "severity": rule.severity,
            "reading": rule.reading, "source": rule.source, "judged": how(rule)}


def standing() -> dict[str, int]:
    """How many rules stand in which way; a predicate of a must-rule that a driver can break has a mutant."""
    mutated = {mutant.rule for mutant in MUTANTS.values()}

    def way(row: Rule) -> str:
        if not row.judged:
            return "as other rules" if row.by else "tested" if row.tested else "not checkable"
        return "with a broken driver" if row.id in mutated else "judged"
    return dict(Counter(way(row) for row in RULES))


def last_line(rows: list[dict[str, Any]]) -> str:
    """Rules by standing and by verdict."""
    ways, verdicts = Counter(standing()), Counter(row["verdict"] for row in rows)
    mutated = ways["with a broken driver"]
    return (f"{len(RULES)} rules: {mutated + ways['judged']} judged by every call, {mutated} of them with a driver broken on "
            f"purpose; {ways['as other rules']} stand as others do; {ways['tested']} are for tests of NDIS, the stack and the "
            f"adapter; {ways['not checkable']} are not checkable. "
            "Here: " + ", ".join(f"{verdicts[name]} {name.replace('_', ' ')}" for name in
                                 ("obeyed", "broken", "not_exercised", "not_checkable")) + ".")


def markdown(rows: list[dict[str, Any]]) -> str:
    """The table as Markdown, a section a family, then how pages were read, and the last line."""
    lines = ["# NDIS SR-IOV rules", ""]
    family = None
    for row in rows:
        if BY_ID[row["id"]].family != family:
            family = BY_ID[row["id"]].family
            lines += [*([""] if lines[-1] else []), f"## {family}", "", "| " + " | ".join(COLUMNS) + " |",
                      "|" + " --- |" * len(COLUMNS)]
        lines.append("| " + " | ".join(_cell(row[column]) for column in COLUMNS) + " |")
    lines += ["", "## How contradictory (C) and silent (G) pages were read", "", "| id | question | decision | rules |",
              "|" + " --- |" * 4]
    lines += ["| " + " | ".join(map(_cell, (*reading[:3], ", ".join(reading.rules)))) + " |" for reading in READINGS]
    return "\n".join([*lines, "", last_line(rows)])


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
