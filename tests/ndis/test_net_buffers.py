"""Whose NET_BUFFER_LISTs are: what NDIS does with them itself, and breaches of its own that the judge names."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nicmodel.datasheet.ndis import Status
from nicmodel.ndis import library  # noqa: F401  registers the predicates
from nicmodel.ndis.checker import Call, Checker
from nicmodel.ndis.net_buffers import Binding, NetBufferList
from nicmodel.ndis.seen import INDICATE, RETURN_LISTS, SEND
from nicmodel.ndis.states import State
from nicmodel.sim.errors import DriverStumble


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


def bound(state=State.RUNNING, driver=None):
    """A protocol on an adapter of a driver that has no entry point for frames, or this one."""
    return Binding(SimpleNamespace(ndis=SimpleNamespace(name="VF0", binding=None), driver=driver or object(), state=state,
                                   resetting=False))


@pytest.mark.parametrize("state, driver, status", [
    (State.RUNNING, None, Status.FAILURE),
    (State.PAUSED, SimpleNamespace(send_net_buffer_lists=None), Status.FAILURE),
    (State.PAUSED, SimpleNamespace(send_net_buffer_lists=print), Status.PAUSED),
    (State.HALTED, SimpleNamespace(send_net_buffer_lists=print), Status.FAILURE),
])
def test_ndis_completes_what_no_miniport_can_send(state, driver, status):
    protocol = bound(state, driver)
    (sent,) = protocol.send([bytes(60)])
    assert sent.status is status and protocol.sent == [sent] and protocol.pending == []


def test_a_list_that_is_completed_again_changes_nothing():
    protocol = bound()
    (sent,) = protocol.send([bytes(60)])
    protocol.complete([sent], Status.SUCCESS)
    assert sent.status is Status.FAILURE and protocol.sent == [sent]


def test_who_indicates_lists_takes_them_back():
    said = "VF0: object indicates lists and has no return_net_buffer_lists in NdisMIndicateReceiveNetBufferLists"
    with pytest.raises(DriverStumble, match=said):
        bound().receive([NetBufferList(bytes(60))])
