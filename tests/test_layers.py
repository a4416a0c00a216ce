"""Imports point down only: a walk over imports and cimports fails on any arrow the house does not have."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# room -> rooms (or modules) it may see. Everything may see itself.
ALLOWED = {
    "nicmodel.datasheet": set(),
    "nicmodel.sim": {"nicmodel.datasheet"},
    "nicmodel.pcie": {"nicmodel.datasheet", "nicmodel.sim"},
    "nicmodel.nic": {"nicmodel.datasheet", "nicmodel.sim", "nicmodel.pcie"},
    "nicmodel.ndis": {"nicmodel.datasheet", "nicmodel.sim", "nicmodel.pcie"},
    "nicmodel.reference": {"nicmodel.datasheet", "nicmodel.sim"},
    "nicmodel._fast": {"nicmodel.datasheet", "nicmodel.sim"},
    "nicmodel._fastpath": {"nicmodel.datasheet", "nicmodel.sim", "nicmodel._fast"},
    "nicmodel.device": {"nicmodel.datasheet", "nicmodel.sim", "nicmodel.pcie", "nicmodel.nic", "nicmodel.reference",
                        "nicmodel._fastpath"},
    "drivers": {"nicmodel.datasheet", "nicmodel.ndis", "nicmodel.pcie.handle", "nicmodel.sim.errors"},
    "nicmodel.lab": {"nicmodel", "drivers"},
    "nicmodel": {"nicmodel.lab", "nicmodel.sim.errors"},       # the front door: __init__ and __main__
}
SOURCES = sorted(p for folder in ("nicmodel", "drivers") for suffix in ("*.py", "*.pyx", "*.pxd", "*.pxi")
                 for p in (ROOT / folder).rglob(suffix))
CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\b|c?import\s+([\w.]+))", re.MULTILINE)


def room_of(module: str) -> str:
    """The longest room name that the module belongs to."""
    return max((room for room in ALLOWED if module == room or module.startswith(room + ".")), key=len)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    text = path.read_text()
    if path.suffix != ".py":
        return {a or b for a, b in CIMPORT.findall(text)}
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def may_see(room: str, target: str) -> bool:
    if room_of(target) == room:
        return True
    return any(target == allowed or target.startswith(allowed + ".") for allowed in ALLOWED[room])


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path):
    room = room_of(module_of(path))
    upward = [target for target in imports_of(path)
              if target.split(".")[0] in ("nicmodel", "drivers") and not may_see(room, target)]
    assert not upward, f"{path.relative_to(ROOT)} ({room}) may not import {upward}"


def test_a_wrong_arrow_would_be_seen():
    assert not may_see("drivers", "nicmodel.nic.queues")
    assert not may_see("nicmodel.nic", "nicmodel.reference.plane")
    assert not may_see("nicmodel.ndis", "nicmodel.nic")
    assert may_see("drivers", "nicmodel.pcie.handle.FunctionHandle")
    assert len(SOURCES) > 30
