"""The fake testbench, and the command as a function."""

from __future__ import annotations

import lab_fakes
import pytest

from nicmodel.lab.cli import main


@pytest.fixture
def testbench(monkeypatch):
    return lab_fakes.install(monkeypatch)


@pytest.fixture
def command(capfd):
    """Run the command; returns (exit status, standard output, standard error)."""

    def call(*arguments):
        status = main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return status, out, err

    return call
