"""The platform over a handle speaks to a real configuration space."""

from __future__ import annotations

import pytest
import simpy

from nicmodel.datasheet.ndis import PartitionType, Status
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.ndis.platform import HandlePlatform, pf_keywords
from nicmodel.pcie.endpoint import Endpoint
from nicmodel.pcie.handle import FunctionHandle
from nicmodel.pcie.root import enumerate_device
from nicmodel.sim.memory import Domain


class Silent:
    """Function events that nobody hears."""

    def __getattr__(self, name):
        return lambda *args: None


@pytest.fixture
def machine():
    env = simpy.Environment()
    endpoint = Endpoint(PROFILES["x520"], Silent())
    enumerate_device(endpoint)
    handle = FunctionHandle(endpoint, env, 0, endpoint.pf.rid, Domain(0, 1 << 20))
    platform = HandlePlatform(handle, PartitionType.MS_HV_PARENT, pf_keywords(8))
    return endpoint, platform, lambda steps: env.run(env.process(steps))


def test_virtual_functions_appear_where_they_are_said_to_be(machine):
    endpoint, platform, run = machine
    assert run(platform.enable_virtualization(8)) == Status.SUCCESS
    assert endpoint.num_vfs == 8 and endpoint.reachable(8, 0)
    for vf in range(8):
        segment, bus, function = platform.vf_location(vf)
        assert (segment, bus << 8 | function) == (0, endpoint.rid_of(1 + vf))


def test_too_many_or_twice_is_a_failure_and_zero_takes_them_away(machine):
    endpoint, platform, run = machine
    assert run(platform.enable_virtualization(65)) == Status.FAILURE and endpoint.num_vfs == 0
    assert run(platform.enable_virtualization(3)) == Status.SUCCESS
    assert run(platform.enable_virtualization(4)) == Status.FAILURE and endpoint.num_vfs == 3
    assert run(platform.enable_virtualization(0)) == Status.SUCCESS and endpoint.num_vfs == 0
    assert run(platform.enable_virtualization(4)) == Status.SUCCESS and endpoint.num_vfs == 4


def test_bus_data_of_any_alignment(machine):
    endpoint, platform, run = machine
    expected = b"".join(endpoint.config_read(endpoint.pf.rid, i, 1).to_bytes(1, "little") for i in range(16))
    assert run(platform.get_bus_data(0, 16)) == expected
    assert run(platform.get_bus_data(1, 7)) == expected[1:8]
    assert run(platform.set_bus_data(0x3C, b"\x05")) == 1
    assert run(platform.get_bus_data(0x3C, 1)) == b"\x05"


def test_starting_the_device_opens_memory_and_bus_mastering(machine):
    endpoint, platform, run = machine
    run(platform.set_bus_data(0x04, b"\x00"))
    assert not endpoint.pf.mastering
    run(platform.start_device())
    assert endpoint.pf.mastering and endpoint.reachable(0, 0)
