"""The library answers as documented, and adapters move only along the edges of the state table."""

from __future__ import annotations

import pytest
import simpy

from nicmodel.datasheet.ndis import PartitionType, Status
from nicmodel.datasheet.ndis_structures import HypervisorInfo, RegistrationAttributes, made
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.platform import pf_keywords
from nicmodel.ndis.states import EDGES, MOVES_DATA, TAKES_OIDS, Event, State, after
from nicmodel.sim.errors import ModelBug


class Machine:
    """A platform without a device."""

    def __init__(self, partition=PartitionType.MS_HV_PARENT, total_vfs=8):
        self.partition, self.total, self.enabled = partition, total_vfs, 0

    def partition_type(self):
        return self.partition

    def keywords(self):
        return pf_keywords(4)

    def enable_virtualization(self, num_vfs):
        if num_vfs > self.total:
            return Status.FAILURE
        self.enabled = num_vfs
        return Status.SUCCESS
        yield

    def vf_location(self, vf):
        return 0, 1, 0x80 + 2 * vf


@pytest.fixture
def pf():
    return NdisLibrary(simpy.Environment(), "PF", "PF", Machine())


@pytest.fixture
def vf():
    return NdisLibrary(simpy.Environment(), "VF", "VF0", Machine(PartitionType.MS_HV_CHILD))


def value_of(steps):
    try:
        next(steps)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("took time")


def test_hypervisor_info_is_filled(vf):
    info = made(HypervisorInfo)
    assert vf.NdisGetHypervisorInfo(info) == Status.SUCCESS
    assert (info.Flags, info.PartitionType) == (1, PartitionType.MS_HV_CHILD)


def test_hypervisor_info_too_short(vf):
    info = made(HypervisorInfo)
    info.Header.Size = 8
    assert vf.NdisGetHypervisorInfo(info) == Status.BUFFER_TOO_SHORT
    assert info.PartitionType == 0


def test_keywords_are_caseless_and_recorded(pf):
    _, configuration = pf.NdisOpenConfigurationEx()
    assert pf.NdisReadConfiguration(configuration, "*sriov") == (Status.SUCCESS, 1)
    assert pf.NdisReadConfiguration(configuration, "*Nothing") == (Status.FAILURE, None)
    calls = pf.checker.seen.calls["NdisReadConfiguration"]
    assert [call.args["keyword"] for call in calls] == ["*SRIOV", "*Nothing"]


def test_unknown_revision_is_bad_version(pf):
    attributes = made(RegistrationAttributes)
    attributes.Header.Revision = 9
    assert pf.NdisMSetMiniportAttributes(attributes) == Status.BAD_VERSION
    assert pf.NdisMSetMiniportAttributes(made(RegistrationAttributes)) == Status.SUCCESS


@pytest.mark.parametrize("num_vfs, enable, status", [
    (4, True, Status.SUCCESS), (0, True, Status.INVALID_PARAMETER), (4, False, Status.INVALID_PARAMETER),
    (9, True, Status.FAILURE), (0, False, Status.SUCCESS)])
def test_enable_virtualization_statuses(pf, num_vfs, enable, status):
    assert value_of(pf.NdisMEnableVirtualization(num_vfs, enable)) == status


def test_virtualization_is_not_enabled_twice(pf):
    pf.record("MiniportInitializeEx")
    pf.record("MiniportInitializeEx returns", status=Status.FAILURE)         # what is broken from here on closes nothing
    assert value_of(pf.NdisMEnableVirtualization(2, True)) == Status.SUCCESS
    assert value_of(pf.NdisMEnableVirtualization(3, True)) == Status.FAILURE
    assert value_of(pf.NdisMEnableVirtualization(0, False)) == Status.SUCCESS
    assert value_of(pf.NdisMEnableVirtualization(3, True)) == Status.SUCCESS
    assert pf.platform.enabled == 3


def test_pf_functions_are_refused_to_a_vf(vf):
    assert value_of(vf.NdisMEnableVirtualization(1, True)) == Status.FAILURE
    assert vf.NdisMGetVirtualFunctionLocation(0) == (0xFFFF, 0xFF, 0xFF)
    assert vf.platform.enabled == 0


def test_only_the_documented_edges_exist():
    edges = {(a, e): b for a, row in EDGES.items() for e, b in row.items()}
    assert len(edges) == 13
    for state in State:
        for event in Event:
            if (state, event) in edges:
                assert after(state, event) is edges[state, event]
            else:
                with pytest.raises(ModelBug):
                    after(state, event)
    assert after(State.PAUSED, Event.HALT) is State.HALTED and MOVES_DATA < TAKES_OIDS
