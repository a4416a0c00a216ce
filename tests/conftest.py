"""Test folders may import the helpers that stand beside them. In CI nothing may be skipped. Drawn examples have no deadline:
a busy computer is no mistake."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

for folder in sorted(Path(__file__).parent.iterdir()):
    if folder.is_dir() and not folder.name.startswith(("_", ".")):
        sys.path.append(str(folder))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """A missing outside tool is a failure in CI, not a skip."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") and skipped:
        reporter.write_line(f"{len(skipped)} tests were skipped, which CI does not allow", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
