"""The PF's life beyond requests: dynamic creation, reset, low power, shutdown, surprise removal, halt."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import switch_state
from test_pf_requests import (
    ALLOCATE,
    CLEAR,
    CREATE,
    DELETE,
    EMPTY,
    FREE,
    IDS,
    ON_VF,
    READ,
    V2,
    V3,
    VPORT,
    VPORT_DELETE,
    Bench,
)
from test_pf_requests import RESET as RESET_VF

from drivers.pf import PF_MINIPORTS, DynamicPfMiniport, PfMiniport, PfSettings
from drivers.rings import RingSettings
from nicmodel.datasheet.ndis import MediaConnectState, Oid, PowerState, RequestType, Status
from nicmodel.datasheet.ndis_structures import VendorDeviceIdInfo, made
from nicmodel.datasheet.registers_pf import CTRL_EXT, RAH, RXCTRL, VT_CTL
from nicmodel.ndis.platform import Circumstances
from nicmodel.ndis.states import State
from nicmodel.sim.errors import ModelBug

RUNNING = {"state": "running", "rule": None}


def calls(bench: Any, name: str) -> list[Any]:
    return bench.ndis.checker.seen.calls.get(name, [])


def enabled(bench: Any) -> list[tuple[int, bool]]:
    """Every NdisMEnableVirtualization: how many VFs, on or off."""
    return [(call.args["num_vfs"], call.args["enable"]) for call in calls(bench, "NdisMEnableVirtualization")]


# dynamic creation -----------------------------------------------------------------------------------------

def test_dynamic_driver_brings_up_the_same_machine(machine):
    benches = [machine(num_vfs=3, pf_driver=driver).start(vlan=5) for driver in PF_MINIPORTS.values()]
    for bench in benches:
        assert bench.states == [RUNNING] * 4 and bench.reported() == []
    static, dynamic = (bench.adapter.registers for bench in benches)
    assert static == dynamic


def test_dynamic_driver_waits_for_the_switch(machine):
    bench = machine(num_vfs=3, pf_driver=DynamicPfMiniport)
    bench.stack.pf.load()
    assert bench.do(bench.stack.pf.initialize()) == Status.SUCCESS
    assert bench.adapter.num_vfs == 0 and not bench.adapter.value(0, "VT_CTL") and not enabled(bench)
    assert bench.do(bench.stack.requests.create_switch()) == Status.SUCCESS
    assert bench.adapter.num_vfs == 3 and bench.adapter.value(0, "VT_CTL") & VT_CTL.VT_ENA.mask
    assert bench.adapter.value(0, "VMOLR", 0) == 0 and bench.adapter.value(0, "VFRE") == 1 << 3      # pool 0 is a VF's now
    assert bench.reported() == []


def test_deleting_the_switch_turns_virtualization_off_in_a_dynamic_driver_only(machine):
    for driver, left in ((PfMiniport, 4), (DynamicPfMiniport, 0)):
        pf = Bench(machine, driver).prepared()
        for key, members in EMPTY:
            assert pf.ask(key, **members) == Status.SUCCESS
        assert pf.ask(DELETE) == Status.SUCCESS
        assert pf.machine.adapter.num_vfs == left
        assert bool(pf.machine.adapter.value(0, "VT_CTL")) is bool(left)
        assert pf.ask(ALLOCATE) == Status.INVALID_PARAMETER
        assert pf.ask(CREATE, NumVFs=4) == Status.SUCCESS and pf.machine.adapter.num_vfs == 4
        assert pf.ask(ALLOCATE) == Status.SUCCESS


@pytest.mark.parametrize("num_vfs, status", [(5, Status.INVALID_PARAMETER), (2, Status.SUCCESS), (0, Status.SUCCESS)])
def test_dynamic_driver_takes_as_many_vfs_as_it_has_announced(machine, num_vfs, status):
    pf = Bench(machine, DynamicPfMiniport)
    assert pf.ask(DELETE) == Status.SUCCESS
    assert pf.ask(CREATE, NumVFs=num_vfs) == status
    assert pf.machine.adapter.num_vfs == (num_vfs if status == Status.SUCCESS else 0)


def test_dynamic_creation_that_fails_leaves_nothing(machine):
    pf = Bench(machine, DynamicPfMiniport)
    assert pf.ask(DELETE) == Status.SUCCESS
    before = pf.state()
    pf.machine.ndis.faults["NdisMEnableVirtualization"] = Status.FAILURE
    assert pf.ask(CREATE) == Status.FAILURE
    assert pf.state() == before
    del pf.machine.ndis.faults["NdisMEnableVirtualization"]
    assert pf.ask(CREATE) == Status.SUCCESS


def test_virtualization_that_cannot_be_turned_off_leaves_the_dynamic_switch(machine):
    pf = Bench(machine, DynamicPfMiniport)
    before = pf.state()
    pf.machine.ndis.faults["NdisMEnableVirtualization"] = Status.FAILURE
    assert pf.ask(DELETE) == Status.FAILURE and pf.state() == before


@pytest.mark.parametrize("driver", PF_MINIPORTS.values())
def test_own_queue_pair_is_in_the_pool_after_the_vfs(machine, driver):
    bench = machine(num_vfs=3, pf_driver=driver, pf_settings=PfSettings(rings=RingSettings(flow=1))).start()
    agent = next(a for a in bench.adapter.agents.values() if a["function"] == 0)
    assert agent["tx_ring"] == agent["rx_ring"] == 6 and bench.reported() == []


# reset ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("driver", PF_MINIPORTS.values())
def test_switch_survives_a_reset_of_the_pf(machine, driver):
    pf = Bench(machine, driver).prepared()
    switch, registers = switch_state(pf.pf.switch)[:-1], dict(pf.machine.adapter.registers)
    assert pf.machine.do(pf.machine.stack.pf.reset()) == Status.SUCCESS
    assert switch_state(pf.pf.switch)[:-1] == switch
    assert pf.machine.adapter.registers == registers and pf.machine.adapter.num_vfs == 4
    assert pf.machine.stack.pf.state is State.RUNNING and pf.machine.reported() == []
    assert pf.ask(FREE) == Status.SUCCESS                                     # and it goes on serving


def test_vfs_are_silent_after_a_reset_until_they_have_greeted_again(machine):
    bench = machine(num_vfs=2).start()
    links = bench.ndis.checker.seen.calls["NdisMIndicateStatusEx"]
    assert bench.do(bench.stack.pf.reset()) == Status.SUCCESS
    assert [c.args["state"] for c in links][-2:] == [MediaConnectState.DISCONNECTED, MediaConnectState.CONNECTED]
    assert bench.adapter.value(0, "VFRE") == 0b100 and not any(vf.clear_to_send for vf in bench.pf.switch.vfs.values())
    bench.env.run(bench.env.now + 10**12)                                     # the VFs' drivers come back by themselves
    assert bench.adapter.value(0, "VFRE") == 0b111 and all(vf.clear_to_send for vf in bench.pf.switch.vfs.values())
    assert bench.reported() == []


def test_request_that_a_reset_overtakes_is_aborted_and_changes_nothing(machine):
    pf = Bench(machine).prepared()
    before = switch_state(pf.pf.switch)
    adapter, env = pf.machine.stack.pf, pf.machine.env
    reading = env.process(adapter.oid(*IDS, _ids()))
    later = env.process(_after(env, 1, adapter.oid(*IDS, _ids())))
    env.process(_after(env, 1, adapter.reset()))
    env.run()
    assert (reading.value, later.value) == (Status.REQUEST_ABORTED, Status.NOT_ACCEPTED)
    assert switch_state(pf.pf.switch) == before
    assert pf.ask(IDS) == Status.SUCCESS


def _ids() -> Any:
    return made(VendorDeviceIdInfo, VFId=V2)


def _after(env: Any, ps: int, steps: Any) -> Any:
    yield env.timeout(ps)
    return (yield from steps)


def test_own_rings_run_again_after_a_reset(machine):
    bench = machine(num_vfs=1, pf_settings=PfSettings(rings=RingSettings(flow=1))).start()
    assert bench.do(bench.stack.pf.reset()) == Status.SUCCESS
    mine = [agent["running"] for agent in bench.adapter.agents.values() if agent["function"] == 0]
    assert mine == [False, True] and bench.adapter.value(0, "TXDCTL", 2) >> 25 & 1


def test_reset_of_hardware_that_does_not_answer_is_a_hard_error(machine):
    pf = Bench(machine).prepared()
    pf.pf.configure_hardware = lambda: Status.FAILURE
    assert pf.machine.do(pf.machine.stack.pf.reset()) == Status.HARD_ERRORS


# power ------------------------------------------------------------------------------------------------------

def test_low_power_quiesces_the_vfs_and_drops_the_link(machine):
    bench = machine(num_vfs=2).start()
    adapter = bench.stack.pf
    assert bench.do(adapter.sleep()) == Status.SUCCESS
    assert bench.ndis.link_state == MediaConnectState.DISCONNECTED
    assert bench.adapter.value(0, "VFRE") & 0b11 == bench.adapter.value(0, "VFTE") & 0b11 == 0
    assert bench.adapter.value(0, "EIMS") == bench.adapter.value(0, "RXCTRL") == 0
    assert bench.do(adapter.oid(*IDS, _ids())) == Status.NOT_ACCEPTED
    assert bench.do(adapter.oid(RequestType.SET, Oid.PNP_SET_POWER, PowerState.D3)) == Status.SUCCESS      # again: nothing
    assert bench.do(adapter.resume()) == Status.SUCCESS
    assert bench.ndis.link_state == MediaConnectState.CONNECTED and set(bench.pf.switch.vfs) == {0, 1}
    assert bench.do(adapter.oid(*IDS, _ids())) == Status.SUCCESS and bench.adapter.num_vfs == 2
    bench.env.run(bench.env.now + 10**12)
    assert bench.adapter.value(0, "VFRE") == 0b111 and bench.reported() == []


def test_a_pf_in_low_power_is_not_reset(machine):
    bench = machine(num_vfs=2).start()
    adapter = bench.stack.pf
    assert bench.do(adapter.sleep()) == Status.SUCCESS
    before = dict(bench.adapter.registers)
    assert bench.do(bench.stack.reset_pf()) == bench.do(adapter.reset()) == Status.NOT_ACCEPTED
    assert not calls(bench, "MiniportResetEx"), "NDIS does not ask the driver"
    assert bench.do(bench.pf.reset()) == Status.HARD_ERRORS, "nor would the driver do it"
    with pytest.raises(ModelBug, match="in D3"):
        bench.do(adapter.restart())
    assert bench.adapter.registers == before and bench.do(adapter.oid(*IDS, _ids())) == Status.NOT_ACCEPTED
    assert bench.do(adapter.resume()) == bench.do(adapter.reset()) == Status.SUCCESS


def test_requests_that_a_sleeping_pf_turns_away_unread_are_not_held_against_it(machine):
    """C-16: NOT_ACCEPTED is the answer to all of them, whatever it would have been to each in D0."""
    pf = Bench(machine).prepared()
    for key, members in ((CLEAR, dict(FilterId=ON_VF)), (VPORT_DELETE, dict(VPortId=1)), (RESET_VF, dict(VFId=V3)),
                         (VPORT, dict(VPortId=5, AttachedFunctionId=V2))):
        assert pf.ask(key, **members) == Status.SUCCESS
    assert pf.machine.do(pf.machine.stack.pf.sleep()) == Status.SUCCESS
    pf.machine.ndis.checker.seen.probing = False
    asks = [(FREE, dict(VFId=V2)), (FREE, dict(VFId=V3)), (VPORT, dict(VPortId=1, AttachedFunctionId=V3)),
            (READ, dict(VFId=V2, Length=64))]
    assert [pf.ask(key, **members) for key, members in asks] == [Status.NOT_ACCEPTED] * 4
    assert [report for report in pf.machine.stack.reports() if report.adapter == "PF"] == []


def test_a_pf_turns_requests_away_while_it_sleeps_and_is_excused_for_no_others(machine):
    bench = machine().start()
    seen, adapter = bench.ndis.checker.seen, bench.stack.pf
    assert not seen.away, "it has served some"
    assert bench.do(adapter.sleep()) == Status.SUCCESS and seen.away
    assert bench.do(adapter.resume()) == Status.SUCCESS and not seen.away


def test_a_vf_that_keeps_the_mailbox_does_not_keep_the_pf_awake(machine):
    bench = machine(num_vfs=2).start()
    bench.adapter.mailbox[1]["vfu"] = 1
    assert bench.do(bench.stack.pf.sleep()) == Status.SUCCESS and not bench.pf.switch.vfs[1].clear_to_send


@pytest.mark.parametrize("state", [PowerState.UNSPECIFIED, PowerState.D1, PowerState.D2, 5])
def test_power_states_that_the_device_has_not_are_not_supported(machine, state):
    bench = machine(num_vfs=1).start()
    before = dict(bench.adapter.registers)
    assert bench.do(bench.stack.pf.oid(RequestType.SET, Oid.PNP_SET_POWER, state)) == Status.NOT_SUPPORTED
    assert bench.adapter.registers == before


# resources --------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("granted, state", [(64, "running"), (2, "running"), (1, "closed"), (0, "closed")])
def test_interrupts_are_those_granted(machine, granted, state):
    class Modest(PfMiniport):
        """Takes what it is given."""

        def filter_resource_requirements(self, wanted: Any) -> Status:
            assert wanted.messages == 64
            wanted.messages = granted
            return Status.SUCCESS

    bench = machine(num_vfs=1, pf_driver=Modest).start()
    assert bench.states[0]["state"] == state and bench.ndis.granted_messages == granted


def test_pf_takes_as_many_messages_as_it_uses(machine):
    bench = machine(num_vfs=1).start()
    assert bench.ndis.granted_messages == 2 and bench.reported() == []
    names = ("MiniportAddDevice", "MiniportFilterResourceRequirements", "MiniportStartDevice", "MiniportInitializeEx")
    times = [calls(bench, name)[0].time_ps for name in names]
    assert times == sorted(times) and [len(calls(bench, name)) for name in names] == [1] * 4


def test_resources_that_are_refused_keep_the_device_from_starting(machine):
    class Picky(PfMiniport):
        """Wants nothing."""

        def filter_resource_requirements(self, wanted: Any) -> Status:
            return Status.RESOURCES

    bench = machine(num_vfs=1, pf_driver=Picky).start()
    assert bench.states[0]["state"] == "closed" and not calls(bench, "MiniportInitializeEx")


# shutdown, surprise removal, halt ---------------------------------------------------------------------------

def test_shutdown_stops_interrupts_and_dma_and_waits_for_nothing(machine):
    bench = machine(num_vfs=1).start()
    now = bench.env.now
    bench.stack.pf.shutdown()
    assert bench.env.now == now and bench.stack.pf.state is State.SHUTDOWN
    assert bench.adapter.value(0, "EIMS") == bench.adapter.value(0, "DMATXCTL") == 0
    assert not bench.adapter.value(0, "RXCTRL") & RXCTRL.RXEN.mask


def test_nothing_is_touched_once_the_pf_has_gone(machine):
    bench = machine(num_vfs=2).start()
    bench.stack.pf.surprise_remove()
    accesses, config = len(bench.adapter.log), {f: bytes(s) for f, s in bench.adapter.config.items()}
    assert bench.do(bench.stack.pf.oid(*IDS, _ids())) == Status.NOT_ACCEPTED
    assert bench.do(bench.stack.pf.oid(RequestType.SET, Oid.GEN_CURRENT_PACKET_FILTER, 1)) == Status.NOT_ACCEPTED
    bench.do(bench.stack.pf.pause())
    bench.do(bench.stack.pf.halt())
    assert [entry for entry in bench.adapter.log[accesses:] if entry[0] == 0] == []
    assert {f: bytes(s) for f, s in bench.adapter.config.items()} == config
    assert bench.stack.pf.state is State.HALTED
    assert not any(bench.ndis.checker.seen.held.values())


@pytest.mark.parametrize("driver", PF_MINIPORTS.values())
def test_halt_with_live_vfs_undoes_them_in_order(machine, driver):
    bench = machine(num_vfs=2, pf_driver=driver).start()
    begin = len(bench.adapter.log)
    bench.do(bench.stack.pf.pause())
    bench.do(bench.stack.pf.halt())
    assert bench.adapter.num_vfs == 0 and not bench.pf.switch.vfs and not bench.pf.switch.vports
    written = [(name, index) for function, verb, name, index, _ in bench.adapter.log[begin:]
               if (function, verb) == (0, "write")]
    slots = [index for name, index in written if name == "RAH"]
    assert len(slots) == 2 and not any(bench.adapter.value(0, "RAH", slot) & RAH.AV.mask for slot in slots)
    order = [written.index(key) for key in (("EIMC", 0), ("RAH", slots[0]), ("VMOLR", 0), ("VFRE", 0)) if key in written]
    assert order == sorted(order)
    assert not bench.adapter.value(0, "CTRL_EXT") & CTRL_EXT.DRV_LOAD.mask
    assert enabled(bench) == [(2, True), (0, False)]


@pytest.mark.parametrize("driver", PF_MINIPORTS.values())
def test_virtualization_goes_on_and_off_once_in_a_whole_life(machine, driver):
    bench = machine(num_vfs=2, pf_driver=driver).start()
    assert bench.do(bench.stack.shut_down_pf()) == Status.SUCCESS
    assert enabled(bench) == [(2, True), (0, False)] and bench.adapter.num_vfs == 0 and bench.reported() == []


def test_a_failing_enable_keeps_a_static_pf_closed(machine):
    faults = {"NdisMEnableVirtualization": Status.FAILURE}
    driver = type("Unlucky", (PfMiniport,), {"circumstances": Circumstances(faults=faults)})
    bench = machine(num_vfs=1, pf_driver=driver).start()
    assert bench.states == [{"state": "closed", "rule": None}] * 2 and bench.adapter.num_vfs == 0


def test_first_vport_of_another_size_decides_for_all(machine):
    pf = Bench(machine)
    assert pf.ask(ALLOCATE) == pf.ask(ALLOCATE) == Status.SUCCESS
    assert pf.ask(VPORT, VPortId=1, AttachedFunctionId=0, NumQueuePairs=2) == Status.SUCCESS
    assert pf.ask(VPORT, VPortId=2, AttachedFunctionId=1, NumQueuePairs=1) == Status.INVALID_PARAMETER
    assert pf.ask(VPORT, VPortId=2, AttachedFunctionId=V3, NumQueuePairs=2) == Status.SUCCESS
