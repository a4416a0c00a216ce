"""Whose NET_BUFFER_LISTs are: what NDIS does with them itself, and breaches of its own that the judge names."""

from __future__ import annotations

import pytest

from nicmodel.ndis.checker import Call, Checker
from nicmodel.ndis.seen import INDICATE, RETURN_LISTS, SEND


@pytest.fixture
def running():
    """The judge of a VF that runs."""
    judge = Checker("VF", "VF0")
    judge.seen.running = judge.seen.initialized = True
    return judge


def feed(judge, name, *lists):
    return [report.rule for report in judge.feed(Call(name, {"lists": lists}, 0))]


def test_a_list_that_comes_back_twice_is_ndiss_breach(running):
    assert feed(running, INDICATE, 1, 2) == [] and feed(running, RETURN_LISTS, 1, 2) == []
    assert feed(running, RETURN_LISTS, 2) == ["NBL-06"]
    assert running.reports[0].adapter == "NDIS of VF0" and running.closing is None


def test_a_send_to_a_paused_adapter_is_ndiss_breach(running):
    assert feed(running, SEND, 1) == []
    running.seen.running = False
    assert feed(running, SEND, 2) == ["NBL-07"]
