"""Examples in docstrings hold: of every module that has one, none of which need be named here."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts) for room in ("nicmodel", "drivers")
           for path in sorted((ROOT / room).rglob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted and not done.failed


def test_examples_are_found():
    assert len(MODULES) > 30 and {"nicmodel.reference.rows", "drivers.ringmath"} <= set(MODULES)
