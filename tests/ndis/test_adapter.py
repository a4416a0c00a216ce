"""NDIS calls a miniport in legal order only, aborts and refuses requests around a reset, and tells a removal."""

from __future__ import annotations

import pytest
import simpy

from nicmodel.datasheet.ndis import SURPRISE_REMOVED, Oid, PartitionType, PowerState, RequestType, Status
from nicmodel.ndis.adapter import HALT_REMOVED, HALT_STOPPED, Adapter
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.states import State
from nicmodel.sim.errors import DriverFault, ModelBug

US = 1_000_000


class Platform:
    """A machine that starts at once."""

    def partition_type(self):
        return PartitionType.MS_HV_CHILD

    def start_device(self):
        return
        yield


class Driver:
    """A miniport that writes down what it is asked; its requests take 10 us, its reset 3 us."""

    switch_creation = "none"
    restarts = Status.SUCCESS

    def __init__(self, env):
        self.env, self.heard = env, []

    def driver_entry(self):
        return Status.SUCCESS

    def initialize(self):
        return Status.SUCCESS

    def restart(self):
        return self.restarts

    def pause(self):
        return Status.SUCCESS

    halt = pause

    def oid_request(self, kind, oid, buffer):
        yield self.env.timeout(10 * US)
        self.heard.append((oid, buffer))
        return Status.SUCCESS


class Resetting(Driver):
    def reset(self):
        yield self.env.timeout(3 * US)
        return Status.SUCCESS

    def shutdown(self):
        self.heard.append("shutdown")

    def device_pnp_event(self, event):
        self.heard.append(event)


class Unjudged(Adapter):
    """These miniports break rules of initialisation; here it is NDIS that is tested."""

    rule = None


@pytest.fixture
def running():
    """A running adapter with a driver of a class, and how to run a generator of it."""

    def make(driver_class=Resetting):
        env = simpy.Environment()
        adapter = Unjudged(NdisLibrary(env, "VF", "VF0", Platform()), driver_class(env))

        def do(steps):
            return env.run(env.process(steps))

        adapter.load()
        do(adapter.initialize())
        if do(adapter.restart()) == Status.SUCCESS:
            assert adapter.state is State.RUNNING
        return adapter, do
    return make


def calls(adapter, name):
    return [call.args for call in adapter.ndis.checker.seen.calls[name]]


def test_a_request_is_recorded_with_its_buffer_and_its_status(running):
    adapter, do = running()
    buffer = bytearray(8)
    assert do(adapter.oid(RequestType.METHOD, Oid.NIC_SWITCH_CREATE_VPORT, buffer)) == Status.SUCCESS
    came, = calls(adapter, "MiniportOidRequest")
    went, = calls(adapter, "MiniportOidRequest returns")
    assert came == {"oid": Oid.NIC_SWITCH_CREATE_VPORT, "kind": RequestType.METHOD, "buffer": buffer}
    assert went == came | {"status": Status.SUCCESS} and went["buffer"] is buffer


def test_a_reset_aborts_the_request_in_progress_and_refuses_those_that_come(running):
    adapter, do = running()
    env, got = adapter.ndis.env, {}

    def ask(name, after):
        yield env.timeout(after)
        got[name] = (yield from adapter.oid(RequestType.SET, Oid.GEN_CURRENT_LOOKAHEAD, name)), int(env.now)

    env.process(ask("in progress", 0))
    env.process(ask("waiting", 1 * US))

    def reset():
        yield env.timeout(5 * US)
        got["reset"] = (yield from adapter.reset()), int(env.now)

    env.process(reset())
    env.run()
    assert got["in progress"] == (Status.REQUEST_ABORTED, 10 * US)
    assert got["waiting"][0] == Status.NOT_ACCEPTED
    assert got["reset"] == (Status.SUCCESS, 10 * US), "the reset ends after the requests"
    assert adapter.driver.heard == [] and adapter.state is State.RUNNING
    assert do(adapter.oid(RequestType.SET, Oid.GEN_CURRENT_LOOKAHEAD, 1)) == Status.SUCCESS


def test_a_reset_on_a_reset_is_in_progress_and_a_halted_adapter_has_none(running):
    adapter, do = running()
    adapter.ndis.env.process(adapter.reset())
    assert do(adapter.reset()) == Status.RESET_IN_PROGRESS
    do(adapter.pause())
    do(adapter.halt())
    with pytest.raises(ModelBug, match="MiniportResetEx is not possible"):
        do(adapter.reset())


def test_a_driver_without_a_reset_says_so(running):
    adapter, do = running(Driver)
    assert do(adapter.reset()) == Status.NOT_SUPPORTED


def test_a_removal_is_told_before_pause_and_halt(running):
    adapter, do = running()
    adapter.surprise_remove()
    do(adapter.pause())
    do(adapter.halt())
    assert adapter.driver.heard == [SURPRISE_REMOVED]
    assert calls(adapter, "MiniportHaltEx") == [{"action": HALT_REMOVED}]


def test_an_ordinary_halt_says_that_the_hardware_is_there(running):
    adapter, do = running(Driver)
    do(adapter.pause())
    do(adapter.halt())
    assert calls(adapter, "MiniportHaltEx") == [{"action": HALT_STOPPED}]


def test_shutdown_ends_everything(running):
    adapter, do = running()
    assert adapter.shutdown() == Status.SUCCESS and adapter.driver.heard == ["shutdown"]
    assert adapter.state is State.SHUTDOWN
    assert do(adapter.oid(RequestType.SET, Oid.GEN_CURRENT_LOOKAHEAD, 0)) == Status.NOT_ACCEPTED


def test_power_goes_down_paused_and_comes_back_running(running):
    adapter, do = running()
    assert do(adapter.sleep()) == Status.SUCCESS and adapter.state is State.PAUSED
    assert do(adapter.resume()) == Status.SUCCESS and adapter.state is State.RUNNING
    assert adapter.driver.heard == [(Oid.PNP_SET_POWER, PowerState.D3), (Oid.PNP_SET_POWER, PowerState.D0)]


def test_a_restart_that_fails_leaves_the_adapter_paused(running):
    class Broken(Driver):
        def restart(self):
            raise DriverFault("the queue does not open")
            yield

    for driver_class in (type("Refuses", (Driver,), {"restarts": Status.RESOURCES}), Broken):
        adapter, _ = running(driver_class)
        assert adapter.state is State.PAUSED
    assert adapter.ndis.error_log == ["the queue does not open"]
