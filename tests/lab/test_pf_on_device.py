"""The PF's requests and its reset against the modelled device, on both planes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nicmodel.datasheet.config_pf import EXPRESS
from nicmodel.datasheet.config_space import PF_RID
from nicmodel.datasheet.ndis import PF_FUNCTION_ID, Oid, PowerState, RequestType, Status, VPortFlags, VPortState
from nicmodel.datasheet.ndis_structures import (
    BarResourcesInfo,
    MemoryResource,
    ProbedBarsInfo,
    ResetVfParameters,
    SetPowerStateParameters,
    VendorDeviceIdInfo,
    VPortParameters,
    made,
)
from nicmodel.datasheet.registers_pf import SSVPC
from nicmodel.lab.loading import build
from nicmodel.lab.machine import Machine
from nicmodel.lab.scenario import Scenario
from nicmodel.ndis.buffers import filter_of, vport_of
from nicmodel.ndis.request import Request
from nicmodel.ndis.requests import NDIS
from nicmodel.pcie.root import Function

QUERY, SET, METHOD = RequestType
US = 1_000_000
VFS = 3


@pytest.fixture(params=["fast", "reference"])
def machine(request):
    scenario = Scenario(profile="x520", num_vfs=VFS, traffic={"pf": True}, driver={"switch_creation": "dynamic"})
    machine = Machine(scenario, request.param)
    machine.bring_up()
    machine.start_traffic()
    machine.device.run_until(int(machine.clock.now) + 20 * US)
    return machine


def sent_meanwhile(machine, ps):
    before = machine.device.plane.results()["functions"]["tx_packets"].copy()
    machine.device.run_until(int(machine.clock.now) + ps)
    return list(machine.device.plane.results()["functions"]["tx_packets"] - before)


def test_pf_and_vfs_send_again_after_a_reset_of_the_pf(machine):
    assert all(sent_meanwhile(machine, 50 * US))
    assert machine.run(machine.stack.pf.reset()) == Status.SUCCESS
    machine.device.run_until(int(machine.clock.now) + 2000 * US)             # VFs poll for the PF's return
    assert all(sent_meanwhile(machine, 50 * US)) and machine.stack.reports() == []
    assert machine.run(machine.stack.shut_down_pf()) == Status.SUCCESS and machine.endpoint.num_vfs == 0


def test_bars_and_ids_are_the_devices(machine):
    ask = machine.stack.requests.ndis
    ids = made(VendorDeviceIdInfo, VFId=2)
    assert machine.run(ask.oid(METHOD, Oid.SRIOV_VF_VENDOR_DEVICE_ID, ids)) == Status.SUCCESS
    assert (ids.VendorId, ids.DeviceId) == (0x8086, 0x10ED)
    bars = Request(QUERY, Oid.SRIOV_PROBED_BARS, made(ProbedBarsInfo, BaseRegisterValuesOffset=8), bytes(24))
    assert machine.run(ask.submit(bars, NDIS)) == Status.SUCCESS
    low, high = (int.from_bytes(bars.data[at:at + 8], "little") for at in (0, 12))
    assert low & ~0xF == high & ~0xF == -0x4000 % (1 << 64)
    for vf in range(VFS):
        for bar in (0, 3):
            request = Request(METHOD, Oid.SRIOV_BAR_RESOURCES, made(BarResourcesInfo, VFId=vf, BarIndex=bar,
                                                                   BarResourcesOffset=12), bytes(20))
            assert machine.run(ask.submit(request, NDIS)) == Status.SUCCESS
            resource = MemoryResource.from_buffer_copy(request.data)
            assert (resource.Start, resource.Length) == (machine.endpoint.base(1 + vf, bar), 0x4000)


@pytest.mark.parametrize("rcb", (64, 128))
def test_the_pf_is_told_the_completion_boundary_of_the_scenario_whenever_it_is_plugged(rcb):
    machine = Machine(Scenario(profile="x520", num_vfs=1, pcie={"rcb": rcb}), "reference")
    for _ in range(2):
        pf = Function(machine.device, PF_RID)
        control = pf.get(EXPRESS["LinkCtl"], pf.capability(EXPRESS.id))
        assert EXPRESS["LinkCtl"]["Rcb"].get(control) == rcb // 128
        machine.unplug()
        machine.plug()


@pytest.mark.parametrize("oid, parameters", [(Oid.SRIOV_RESET_VF, made(ResetVfParameters, VFId=1)),
                                             (Oid.SRIOV_SET_VF_POWER_STATE,
                                              made(SetPowerStateParameters, VFId=1, PowerState=PowerState.D3))])
def test_one_vf_falls_silent_and_no_other(machine, oid, parameters):
    assert machine.run(machine.stack.requests.ndis.oid(SET, oid, parameters)) == Status.SUCCESS
    machine.device.run_until(int(machine.clock.now) + 20 * US)               # what was on its way
    assert [bool(sent) for sent in sent_meanwhile(machine, 50 * US)] == [True, True, False, True]


@pytest.mark.parametrize("carries, ends", [(True, "rx_packets"), (False, "drop_queue_disabled")])
def test_frames_for_a_further_vport_of_the_pf_come_to_the_pf_s_own_queue(monkeypatch, carries, ends):
    """docs/requests.md: its VPorts have no rings of their own, and planes know functions."""
    usual, mac = Machine._pf_settings, 0x02_00_00_00_77_01
    monkeypatch.setattr(Machine, "_pf_settings", lambda *args: replace(usual(*args), max_vfs=2, pf_vports=1))
    machine = Machine(Scenario(profile="x520", num_vfs=1, payload="full", traffic={"pf": carries}), "fast")
    machine.bring_up()
    vport = vport_of(0, PF_FUNCTION_ID, 1)
    vport.ProcessorAffinity.Mask = 1

    def ask(kind, oid, buffer):
        assert machine.run(machine.stack.requests.ndis.oid(kind, oid, buffer)) == Status.SUCCESS

    ask(METHOD, Oid.NIC_SWITCH_CREATE_VPORT, vport)
    ask(SET, Oid.NIC_SWITCH_VPORT_PARAMETERS, made(VPortParameters, VPortId=vport.VPortId, VPortState=VPortState.ACTIVATED,
                                                   Flags=VPortFlags.STATE_CHANGED))
    ask(METHOD, Oid.RECEIVE_FILTER_SET_FILTER, filter_of(mac, vport.VPortId, 0))
    machine.start_traffic()
    machine.device.run_until(int(machine.clock.now) + 20 * US)
    machine.device.frame_in(mac.to_bytes(6, "big") + bytes(54))
    machine.device.run_until(int(machine.clock.now) + 50 * US)
    counters = machine.device.plane.results()["functions"][0]
    assert counters["rx_offered"] == counters[ends] == 1


@pytest.mark.parametrize("plane", ["fast", "reference"])
@pytest.mark.parametrize("asked", [False, True])
def test_a_vf_sends_from_its_own_addresses_only_where_that_is_asked_for(plane, asked):
    """FILTER-18, G-10: a frame with another's address, or in a VLAN that is not its own, ends in the switch, counted."""
    scenario = build({}, "spoof", {"num_vfs": 2, "payload": "full", "nic.anti_spoofing": asked}, where="argument")
    machine = Machine(scenario, plane, python_rings=True)
    machine.bring_up()
    drivers = [machine.stack.guests[v].adapter.driver for v in range(2)]
    own, others = (machine.mac_of(1 + v).to_bytes(6, "big") for v in range(2))
    heard = []
    drivers[1].on_receive(heard.extend)
    machine.device.on_frame = lambda frame, at: heard.append(frame)
    wire = b"\x02\x00\x00\x00\xff\x01"
    frames = [wire + own + b"\x88\xb5" + bytes(50), others + own + b"\x88\xb5" + bytes(50)]
    spoofed = [wire + others + b"\x88\xb5" + bytes(50), others + wire + b"\x88\xb5" + bytes(50),
               wire + own + b"\x81\x00\x00\x07\x88\xb5" + bytes(50)]
    assert drivers[0].send(frames + spoofed) == 5
    machine.device.run_until(int(machine.clock.now) + 100 * US)
    counters = machine.device.plane.results()["functions"]
    assert sorted(heard) == sorted(frames if asked else frames + spoofed)
    assert list(counters["drop_spoofed"]) == [0, 3 * asked, 0] and counters["tx_packets"][1] == 5 - 3 * asked
    assert machine.device.bar_read(0, 0, SSVPC.at)[0] == 3 * asked
    assert machine.device.bar_read(0, 0, SSVPC.at)[0] == 0, "reading clears it"
