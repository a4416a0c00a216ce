"""A VF's driver through its whole life: pause, power, reset, removal, shutdown, back channel, and the wrong partition."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from drivers.pf import PfSettings
from drivers.rings import RingSettings
from drivers.vf import VfMiniport, VfSettings
from drivers.vf_or_pf import EitherMiniport, EitherSettings
from nicmodel.datasheet.config_blocks import ADDRESS, LIMITS, LINK
from nicmodel.datasheet.ndis import MediaConnectState, Oid, PartitionType, PowerState, RequestType, Status
from nicmodel.datasheet.ndis_structures import SriovCapabilitiesStructure, VfSerialNumberInfo, made
from nicmodel.ndis import attach
from nicmodel.ndis.adapter import HALT_REMOVED
from nicmodel.ndis.guests import Times
from nicmodel.ndis.platform import Circumstances
from nicmodel.ndis.requests import NETVSC, NdisRequests
from nicmodel.ndis.states import State

RUNNING = {"state": "running", "rule": None}
CLOSED = {"state": "closed", "rule": None}
US = 1_000_000
PF_IDENTITY = b"\x86\x80\xfb\x10"


@pytest.fixture
def one(machine):
    return machine(num_vfs=1).start()


def accesses(bench, function):
    return [entry for entry in bench.adapter.log if entry[0] == function]


def enabled(bench, function=1):
    return [bench.adapter.value(function, name) >> 25 & 1 for name in ("VFTXDCTL", "VFRXDCTL")]


# pause -------------------------------------------------------------------------------------------------------
def test_pause_waits_until_everything_has_been_sent(one):
    """The hardware is slow: its head reaches the tail 20 us after the driver stopped."""
    env, adapter = one.env, one.stack.guests[0].adapter
    one.adapter.registers[1, "VFTDT", 0] = 5

    def hardware():
        yield env.timeout(20 * US)
        assert enabled(one) == [1, 1], "closed while descriptors were waiting"
        one.adapter.registers[1, "VFTDH", 0] = 5

    env.process(hardware())
    began = env.now
    one.do(adapter.pause())
    assert env.now - began >= 20 * US and enabled(one) == [0, 0] and adapter.state is State.PAUSED


def test_pause_gives_up_on_a_wire_that_is_down(one):
    one.adapter.registers[1, "VFTDT", 0] = 5
    began = one.env.now
    one.do(one.stack.guests[0].adapter.pause())
    assert 2000 * US <= one.env.now - began < 2100 * US and enabled(one) == [0, 0]


# power -------------------------------------------------------------------------------------------------------
def test_a_guest_sleeps_and_wakes_with_its_vf(one):
    stack, guest = one.stack, one.stack.guests[0]
    assert one.do(stack.sleep(guest)) == Status.SUCCESS
    assert guest.adapter.state is State.PAUSED and enabled(one) == [0, 0]
    assert one.pf.switch.vfs[0].power == PowerState.D3
    assert one.do(stack.resume(guest)) == Status.SUCCESS
    assert guest.adapter.state is State.RUNNING and enabled(one) == [1, 1]
    assert one.pf.switch.vfs[0].power == PowerState.D0 and one.reported() == []
    assert [e.step for e in stack.journal.entries[-5:]] == ["POWER-04", "POWER-01", "POWER-01", "POWER-04", "UP-19"]


def test_a_power_state_that_the_device_does_not_have_is_refused(one):
    adapter = one.stack.guests[0].adapter
    assert one.do(adapter.oid(RequestType.SET, Oid.PNP_SET_POWER, PowerState.D1)) == Status.NOT_SUPPORTED


# reset -------------------------------------------------------------------------------------------------------
def test_a_reset_of_the_vf_brings_it_back_where_it_was(one):
    adapter, driver = one.stack.guests[0].adapter, one.driver(0)
    agents = len(one.adapter.agents)
    assert one.do(adapter.reset()) == Status.SUCCESS
    assert adapter.state is State.RUNNING and enabled(one) == [1, 1] and driver.resets == 1
    assert len(one.adapter.agents) == agents + 1 and one.adapter.agents[agents + 1]["running"]
    assert not any(agent["running"] for number, agent in one.adapter.agents.items() if number <= agents)
    assert one.reported() == []


def test_a_reset_of_a_paused_vf_opens_no_queue(one):
    adapter = one.stack.guests[0].adapter
    one.do(adapter.pause())
    assert one.do(adapter.reset()) == Status.SUCCESS
    assert adapter.state is State.PAUSED and enabled(one) == [0, 0]


def test_a_reset_that_the_pf_does_not_answer_is_a_hard_error(one):
    one.pf.available = False                                        # its mailbox is served no more
    adapter = one.stack.guests[0].adapter
    assert one.do(adapter.reset()) == Status.HARD_ERRORS
    assert "VFMAILBOX" in adapter.ndis.error_log[0] or "the PF" in adapter.ndis.error_log[0]
    assert not any(agent["running"] for agent in one.adapter.agents.values())


def test_a_guest_that_resets_its_vf_starts_another_life_of_its_adapter(one):
    stack, guest = one.stack, one.stack.guests[0]
    before = guest.adapter
    assert one.do(stack.guest_flr(guest)) == Status.SUCCESS
    assert before.state is State.HALTED and guest.adapter is not before and guest.adapter.state is State.RUNNING
    assert guest.vf_id == 0 and guest.vport_id == 1 and before in stack.past and one.reported() == []


def test_vfs_come_back_after_their_pf_was_reset(machine):
    bench = machine(num_vfs=2).start()
    assert bench.do(bench.stack.reset_pf()) == Status.SUCCESS
    bench.env.run(until=bench.env.now + 1000 * US)
    assert [bench.driver(v).resets for v in range(2)] == [1, 1]
    assert enabled(bench, 1) == enabled(bench, 2) == [1, 1]
    assert bench.driver(0).ndis.link_state is MediaConnectState.CONNECTED and bench.reported() == []


@pytest.mark.parametrize("away_us", [500, 900_000, 1_500_000, 30_000_000])
def test_vfs_come_back_however_long_their_pf_was_away(machine, away_us):
    bench = machine(num_vfs=2).start()
    assert bench.do(bench.stack.pf.sleep()) == Status.SUCCESS
    bench.env.run(until=bench.env.now + away_us * US)
    assert enabled(bench, 1) == enabled(bench, 2) == [1, 1], "the rings stay, the pools are closed"
    assert not bench.adapter.value(0, "VFRE") & 0b11 and bench.driver(0).ndis.link_state is MediaConnectState.DISCONNECTED
    assert bench.do(bench.stack.pf.resume()) == Status.SUCCESS
    bench.env.run(until=bench.env.now + 50_000 * US)
    assert bench.adapter.value(0, "VFRE") & 0b11 == 0b11 and [bench.driver(v).resets for v in range(2)] == [1, 1]
    assert bench.driver(0).ndis.link_state is MediaConnectState.CONNECTED and bench.reported() == []


def test_a_vf_that_gave_up_on_its_pf_comes_back_with_it(one):
    """MiniportResetEx fails while the PF serves no mailbox; the PF's own reset brings both back."""
    one.pf.available = False
    assert one.do(one.stack.guests[0].adapter.reset()) == Status.HARD_ERRORS
    one.pf.available = True
    assert one.do(one.stack.reset_pf()) == Status.SUCCESS
    one.env.run(until=one.env.now + 50_000 * US)
    assert enabled(one) == [1, 1] and one.adapter.value(0, "VFRE") & 1 and one.reported() == []


def test_a_vf_that_was_paused_while_its_pf_was_away_greets_it_at_its_restart(machine):
    bench = machine(num_vfs=2).start()
    waiting, paused = (bench.stack.guests[v].adapter for v in range(2))
    bench.do(paused.pause())
    assert bench.do(bench.stack.pf.sleep()) == Status.SUCCESS
    bench.env.run(until=bench.env.now + 100 * US)
    bench.do(waiting.pause())
    assert not bench.driver(0).recovering, "a pause ends the recovery"
    assert bench.do(bench.stack.pf.resume()) == Status.SUCCESS
    for v, adapter in enumerate((waiting, paused)):
        assert bench.do(adapter.restart()) == Status.SUCCESS and enabled(bench, 1 + v) == [1, 1]
    assert bench.adapter.value(0, "VFRE") & 0b11 == 0b11 and bench.reported() == []


def test_a_vf_whose_pf_sleeps_cannot_restart_and_can_when_it_wakes(one):
    adapter = one.stack.guests[0].adapter
    one.do(adapter.pause())
    one.do(one.stack.pf.sleep())
    assert one.do(adapter.restart()) == Status.FAILURE and adapter.state is State.PAUSED
    one.do(one.stack.pf.resume())
    assert one.do(adapter.restart()) == Status.SUCCESS and one.reported() == []


def test_a_vf_that_goes_while_its_pf_is_away_waits_no_longer(machine):
    bench = machine(num_vfs=2).start()
    gone, halted = (bench.stack.guests[v].adapter for v in range(2))
    bench.do(bench.stack.pf.sleep())
    gone.surprise_remove()
    touched = len(accesses(bench, 1))
    bench.do(halted.pause())
    bench.do(halted.halt())
    quiet = len(accesses(bench, 2))
    bench.env.run(until=bench.env.now + 10_000 * US)
    assert len(accesses(bench, 1)) == touched and len(accesses(bench, 2)) == quiet and bench.reported() == []


# removal, shutdown -------------------------------------------------------------------------------------------
def test_a_driver_whose_device_has_gone_touches_no_register_and_takes_no_request(one):
    guest = one.stack.guests[0]
    adapter = guest.adapter
    adapter.surprise_remove()
    seen = len(accesses(one, 1))
    assert one.do(adapter.oid(RequestType.SET, Oid.GEN_CURRENT_PACKET_FILTER, 0)) == Status.NOT_ACCEPTED
    one.do(adapter.pause())
    one.do(adapter.halt())
    assert len(accesses(one, 1)) == seen
    assert adapter.ndis.checker.seen.calls["MiniportHaltEx"][0].args["action"] == HALT_REMOVED
    assert not +adapter.ndis.checker.seen.held, "everything that is NDIS's was given back"


def test_a_vf_is_removed_by_surprise_and_freed(one):
    guest = one.stack.guests[0]
    assert one.do(one.stack.remove_by_surprise(guest)) == Status.SUCCESS
    assert guest.path == "synthetic" and not guest.has_vf and 0 not in one.pf.switch.vfs and one.reported() == []


class Stubborn(VfMiniport):
    """A guest that does not let go of its VF until it has gone."""

    def pause(self):
        while not self.gone:
            yield self.ndis.NdisMSleep(10 * US)


@pytest.mark.parametrize("driver, by_surprise", [(VfMiniport, False), (Stubborn, True)])
def test_a_graceful_removal_that_takes_too_long_ends_by_surprise(machine, driver, by_surprise):
    bench = machine(num_vfs=1).start([driver])
    bench.stack.vpci.times = Times(removal_ps=100 * US)
    guest = bench.stack.guests[0]
    assert bench.do(bench.stack.detach(guest)) == Status.SUCCESS
    steps = [entry.step for entry in bench.stack.journal.entries]
    assert ("DN-02" in steps) is by_surprise and steps[-1] == "DN-07"
    assert guest.adapter.state is State.HALTED and guest.adapter.removed is by_surprise and not guest.has_vf


def test_shutdown_leaves_no_queue_and_no_interrupt(one):
    adapter = one.stack.guests[0].adapter
    adapter.shutdown()
    assert enabled(one) == [0, 0] and one.adapter.value(1, "VTEIMS") == 0 and adapter.state is State.SHUTDOWN


# the back channel --------------------------------------------------------------------------------------------
def test_a_vf_reads_the_blocks_that_its_pf_has_for_it(one):
    copies = one.driver(0).blocks.copies
    assert copies[ADDRESS.id][:6] == (0x020000000100).to_bytes(6, "big")
    assert int.from_bytes(copies[LIMITS.id][:4], "little") == 1518 and one.driver(0).blocks.link_up is True
    assert set(copies) == {LINK.id, ADDRESS.id, LIMITS.id}


def test_a_block_that_has_changed_is_read_again_and_told(one):
    driver = one.driver(0)
    one.pf.blocks.link_changed(False)
    assert driver.blocks.link_up is True, "not before the guest has asked again"
    one.env.run(until=one.env.now + 100 * US)
    assert driver.blocks.link_up is False and driver.ndis.link_state is MediaConnectState.DISCONNECTED
    reads = [call.args["block_id"] for call in driver.ndis.checker.seen.calls["NdisMReadConfigBlock"]]
    assert reads == [LINK.id, ADDRESS.id, LIMITS.id, LINK.id]


def test_a_vf_without_a_back_channel_comes_up(machine):
    class Deaf(VfMiniport):
        circumstances = Circumstances(faults={"NdisMReadConfigBlock": Status.FAILURE})

    bench = machine(num_vfs=1).start([Deaf])
    assert bench.states == [RUNNING, RUNNING] and bench.driver(0).blocks.copies == {}
    assert bench.driver(0).blocks.link_up is None and bench.reported() == []


# the guest's bus driver --------------------------------------------------------------------------------------
def test_a_guest_builds_the_device_from_what_the_pf_answers(machine):
    bench = machine(num_vfs=1)
    bench.stack.vpci.times = Times(probes=True)
    bench.adapter.config[0][0:4] = PF_IDENTITY
    bench.start()
    steps = [entry.step for entry in bench.stack.journal.entries]
    assert steps.index("UP-14") < steps.index("UP-15") < steps.index("UP-16")
    asked = [call.args["oid"].name for call in bench.ndis.checker.seen.calls["MiniportOidRequest"]]
    assert "SRIOV_VF_VENDOR_DEVICE_ID" in asked and "SRIOV_PROBED_BARS" in asked and "SRIOV_READ_VF_CONFIG_SPACE" in asked
    assert bench.stack.guests[0].device.vendor_id == 0x8086 and len(bench.stack.guests[0].device.header) == 64


def test_every_vf_that_is_given_has_a_serial_number_of_its_own(machine):
    """UP-09, C-29: made before ALLOCATE_VF, known to NDIS in the guest, and gone with the VF."""
    bench = machine(num_vfs=2).start()
    stack, guests = bench.stack, bench.stack.guests
    steps = [entry.step for entry in stack.journal.entries if entry.guest == 0]
    assert steps.index("UP-09") == steps.index("UP-10") - 1
    info = made(VfSerialNumberInfo)
    assert bench.do(guests[1].ndis.oid(RequestType.QUERY, Oid.SRIOV_VF_SERIAL_NUMBER, info, NETVSC)) == Status.SUCCESS
    assert (guests[0].serial, guests[1].serial, info.SerialNumber) == (1, 2, 2)
    assert bench.do(stack.detach(guests[0])) == Status.SUCCESS and guests[0].serial == 0
    assert bench.do(stack.attach(guests[0])) == RUNNING and guests[0].serial == 3


@pytest.mark.parametrize("serial, flags", [(7, 0x5), (1, 0x1), (1, 0x3)])
def test_netvsc_binds_to_nothing_but_its_own_vf(machine, monkeypatch, serial, flags):
    """VF-INIT-26: not to another's VF, and not to what does not say that it is one (C-11: its current capabilities)."""
    def ndis_of(adapter, _serial):
        requests = NdisRequests(adapter, serial)
        if flags != 0x5:
            requests.bind = lambda: SimpleNamespace(sriov=made(SriovCapabilitiesStructure, SriovCapabilities=flags))
        return requests

    monkeypatch.setattr(attach, "NdisRequests", ndis_of)
    bench = machine(num_vfs=1).start()
    failed = [entry.step for entry in bench.stack.journal.entries if entry.status != Status.SUCCESS]
    assert failed == ["UP-18"] and bench.stack.guests[0].path == "synthetic" and not bench.driver(0).packet_filter


def test_who_binds_is_given_what_is_current(machine):
    """C-11, ADV-27: of a PF everything, of a VF its SR-IOV capabilities alone."""
    bench = machine(num_vfs=1).start()
    pf, vf = bench.stack.requests.ndis, bench.stack.guests[0].ndis
    assert (pf.bind().sriov.SriovCapabilities, vf.bind().sriov.SriovCapabilities) == (0x3, 0x5)
    switch, filters = "CurrentNicSwitch", "CurrentReceiveFilter"
    assert (pf.known.capability(switch).MaxNumVFs, pf.known.capability(filters).EnabledFilterTypes) == (1, 1)
    assert vf.known.capability(switch) is vf.known.capability(filters) is None


@pytest.mark.parametrize("after_us", [5, 15, 40, 60])
@pytest.mark.parametrize("taken", ["detach", "pull_out"])
def test_a_vf_that_goes_while_it_comes_leaves_nothing(machine, taken, after_us):
    """Whichever step it was at: the guest is on the synthetic path, nothing is held, and it can be given a VF again."""
    bench = machine(num_vfs=2).start()
    stack, guest = bench.stack, bench.stack.guests[1]
    assert bench.do(stack.detach(guest)) == Status.SUCCESS
    stack.vpci.times = Times(vpci_ps=10 * US, pnp_ps=10 * US)
    coming = bench.env.process(stack.attach(guest))
    bench.env.run(until=bench.env.now + after_us * US)
    bench.do(stack.detach(guest) if taken == "detach" else stack.remove_pf_by_surprise())
    bench.env.run(until=bench.env.now + 3_000_000 * US)
    assert coming.processed and not guest.has_vf and guest.path == "synthetic"
    assert guest.adapter is None or guest.adapter.state is State.HALTED and not +guest.adapter.ndis.checker.seen.held
    assert stack.journal.entries[-1].status is not None and bench.reported() == []
    if taken == "detach":
        assert bench.do(stack.attach(guest)) == RUNNING


# partitions --------------------------------------------------------------------------------------------------
def either(partition):
    return type("Somewhere", (EitherMiniport,), {"circumstances": Circumstances(partition=partition)})


def test_one_driver_is_a_vf_in_a_child_and_a_pf_in_the_parent(machine):
    bench = machine(num_vfs=1, pf_driver=EitherMiniport, pf_settings=EitherSettings(pf=PfSettings()))
    bench.adapter.config[0][0:4] = PF_IDENTITY
    bench.start([EitherMiniport], EitherSettings(vf=VfSettings(rings=(RingSettings(ring_size=64),))))
    assert bench.states == [RUNNING, RUNNING] and bench.reported() == []
    assert type(bench.pf.role).__name__ == "PfMiniport" and type(bench.driver(0).role).__name__ == "VfMiniport"
    assert bench.do(bench.stack.shut_down_pf()) == Status.SUCCESS and bench.pf.role is None


@pytest.mark.parametrize("partition", [PartitionType.MS_HV_PARENT, PartitionType.UNKNOWN])
def test_a_vf_device_in_the_parent_is_neither(machine, partition):
    bench = machine(num_vfs=1).start([either(partition)])
    assert bench.states == [RUNNING, CLOSED] and bench.driver(0).role is None and bench.reported() == []
    assert enabled(bench) == [0, 0]
