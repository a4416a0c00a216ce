"""Test folders may import the helpers that stand beside them."""

import os
import sys
from pathlib import Path

import pytest

for folder in sorted(Path(__file__).parent.iterdir()):
    if folder.is_dir() and not folder.name.startswith(("_", ".")):
        sys.path.append(str(folder))

IN_CI = bool(os.environ.get("CI"))


def pytest_runtest_makereport(item, call):
    """In CI nothing is skipped: a missing tool is a failure there."""
    if IN_CI and call.excinfo is not None and call.excinfo.errisinstance(pytest.skip.Exception):
        raise AssertionError(f"skipped in CI: {call.excinfo.value}")
