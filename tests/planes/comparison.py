"""Two planes' outcomes of one script (harness.py), told apart row by row."""

from __future__ import annotations

import functools

import numpy as np
from harness import Outcome

from nicmodel.datasheet.arbiters import LINES
from nicmodel.datasheet.books import WAITS
from nicmodel.datasheet.stages import STAGES
from nicmodel.sim.plane import Direction
from nicmodel.sim.results import LINK_NAMES

BOOKS = ("grants", "agents", "pools", "own_tags", "served", "interference", "audit")     # and waits, told by name


def differences(left: Outcome, right: Outcome) -> str:
    """Empty if the outcomes agree; else the first difference, told with its neighbours."""
    checks = (_rows, _counters, _links, _lines, functools.partial(_arrays, "interrupts"), _upcalls,
              functools.partial(_arrays, "latency"), functools.partial(_arrays, "inside"), functools.partial(_arrays, "received"),
              functools.partial(_arrays, "ringless"),
              _waits, _row_waits,
              *(functools.partial(_arrays, name) for name in BOOKS))
    for check in checks:
        told = check(left, right)
        if told:
            return told
    if left.memory != right.memory:
        return f"memory of functions {[f for f in left.memory if left.memory[f] != right.memory[f]]} differs"
    return "" if left.rings == right.rings else f"ring states differ: {left.rings} != {right.rings}"


def _rows(left: Outcome, right: Outcome) -> str:
    a, b = left.results["rows"], right.results["rows"]
    common = min(len(a), len(b))
    unequal = np.nonzero(a[:common] != b[:common])[0]
    if not len(unequal):
        return "" if len(a) == len(b) else f"{len(a)} rows against {len(b)}; the extra: {(a if len(a) > common else b)[common]}"
    # The earliest in time tells more than the first by number.

    def when(i: int) -> int:
        return min(int(max(a[i][name], b[i][name])) for name in STAGES if a[i][name] != b[i][name]) \
            if any(a[i][name] != b[i][name] for name in STAGES) else 0
    first = min((int(i) for i in unequal), key=when)
    fields = [f"{name}: {a[first][name]} != {b[first][name]}" for name in a.dtype.names if a[first][name] != b[first][name]]
    near = [f"  {'>' if i == first else ' '} {i}: {side[i]}" for i in range(max(0, first - 1), min(common, first + 2))
            for side in (a, b)]
    return f"{len(unequal)} rows differ, first row {first}: " + "; ".join(fields) + "\n" + "\n".join(near)


def _counters(left: Outcome, right: Outcome) -> str:
    a, b = left.results["functions"], right.results["functions"]
    return "; ".join(f"function {f} {name}: {a[f][name]} != {b[f][name]}" for f in range(len(a))
                     for name in a.dtype.names if a[f][name] != b[f][name])


def _links(left: Outcome, right: Outcome) -> str:
    a, b = left.results["links"], right.results["links"]
    return "; ".join(f"{LINK_NAMES[i]} {name}: {a[i][name]} != {b[i][name]}" for i in range(len(a))
                     for name in a.dtype.names if a[i][name] != b[i][name])


def _lines(left: Outcome, right: Outcome) -> str:
    a, b = left.results["lines"], right.results["lines"]
    return "; ".join(f"line {name}: {list(x)} != {list(y)}" for name, x, y in zip(LINES, a, b, strict=True)
                     if list(x) != list(y))


def _arrays(name: str, left: Outcome, right: Outcome) -> str:
    a, b = left.results[name], right.results[name]
    return "" if a.shape == b.shape and (a == b).all() else f"{name} differ: {a.tolist()[:20]} != {b.tolist()[:20]}"


def _waits(left: Outcome, right: Outcome) -> str:
    a, b = left.results["waits"], right.results["waits"]
    names = [*(wait.name for wait in WAITS), "latency"]
    return "; ".join(f"function {f} {Direction(d).name} waits {names[w]}: {a[f, d, w]} != {b[f, d, w]}"
                     for f, d, w in zip(*np.nonzero(a != b), strict=True))


def _row_waits(left: Outcome, right: Outcome) -> str:
    a, b = left.results["row_waits"], right.results["row_waits"]
    if a.shape != b.shape:
        return f"row_waits {a.shape} != {b.shape}"
    unequal = np.nonzero((a != b).any(axis=1))[0]
    return "" if not len(unequal) else f"waits of {len(unequal)} rows differ, first {unequal[0]}: " + ", ".join(
        f"{wait.name}: {x} != {y}" for wait, x, y in zip(WAITS, a[unequal[0]], b[unequal[0]], strict=True) if x != y)


def _upcalls(left: Outcome, right: Outcome) -> str:
    for position, (a, b) in enumerate(zip(left.upcalls, right.upcalls, strict=False)):
        if a != b:
            return f"upcall {position}: {a} != {b}"
    return "" if len(left.upcalls) == len(right.upcalls) else f"{len(left.upcalls)} upcalls against {len(right.upcalls)}"
