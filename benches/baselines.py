"""Simulated figures of every shipped scenario, against committed ones: equal to the last digit, or changed on purpose.

    python -m benches.baselines              # show what differs, exit 1 if anything does
    python -m benches.baselines --update     # show it, and write the new figures

`tests/lab/test_baselines.py` holds the same comparison. The speed scenarios are left out: they differ in length only.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nicmodel as nm
from nicmodel.lab.loading import shipped

FOLDER = Path(__file__).parent / "baselines"
SHORT = {"packets": 20_000}          # a baseline needs no more


def names() -> list[str]:
    """The scenarios that have a baseline."""
    return [name for name in shipped() if not name.startswith("speed_")]


def figures(name: str) -> dict[str, Any]:
    """What a run of this scenario simulates, as JSON has it."""
    return json.loads(json.dumps(nm.run(name, **SHORT).simulated))


def stored(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def differences(before: Any, now: Any, where: str = "") -> Iterator[str]:
    """One line a value that differs."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from differences(before.get(key), now.get(key), f"{where}.{key}" if where else key)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for position, (left, right) in enumerate(zip(before, now, strict=True)):
            yield from differences(left, right, f"{where}[{position}]")
    elif before != now:
        yield f"{where}: {before} -> {now}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write the new figures")
    options = parser.parse_args()
    changed = 0
    for name in names():
        now = figures(name)
        lines = list(differences(stored(name), now))
        changed += bool(lines)
        print(f"{name}: " + (f"{len(lines)} values differ" if lines else "as before"))
        print(*(f"  {line}" for line in lines), sep="\n", end="\n" if lines else "")
        if options.update and lines:
            FOLDER.mkdir(exist_ok=True)
            (FOLDER / f"{name}.json").write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    return 1 if changed and not options.update else 0


if __name__ == "__main__":
    sys.exit(main())
