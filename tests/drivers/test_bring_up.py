"""Our drivers obey every rule, program the adapter as its datasheet asks, and give everything back."""

from __future__ import annotations

import pytest

from drivers.pf import PfMiniport, PfSettings
from drivers.rings import RingSettings
from drivers.vf import VfMiniport, VfSettings
from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet.ndis import Oid, PartitionType, RequestType, Status
from nicmodel.datasheet.ndis_structures import FreeVfParameters, VPortParameters, made
from nicmodel.ndis.examination import examine
from nicmodel.ndis.platform import Circumstances
from nicmodel.ndis.states import State

RUNNING = {"state": "running", "rule": None}
CLOSED = {"state": "closed", "rule": None}


def test_good_drivers_break_nothing_and_run(machine):
    bench = machine(num_vfs=3).start()
    assert bench.states == [RUNNING] * 4
    assert bench.reported() == []
    assert {row.verdict for row in bench.stack.verdicts()} == {"obeyed", "not_exercised", "not_checkable"}


def test_not_exercised_rules_are_those_of_failing_paths_and_other_machines(machine):
    bench = machine(num_vfs=1).start()
    idle = {row.rule for row in bench.stack.verdicts() if row.verdict == "not_exercised"
            and "-INIT-" in row.rule}
    assert idle == {"GEN-INIT-12", "VF-INIT-05", "VF-INIT-06", "VF-INIT-16", "VF-INIT-23", "PF-INIT-06",
                    "PF-INIT-13"}


def test_an_examination_leaves_open_what_needs_other_machines_other_drivers_or_a_failure(machine):
    """Every other rule is obeyed by some call: none is silent because its predicate looks away."""
    bench = machine(num_vfs=2).start()
    bench.do(examine(bench.stack))
    failures = {"GEN-DRV-04", "GEN-INIT-12", "VF-INIT-16", "PF-INIT-13"}
    other_machines = {"VF-INIT-05", "VF-INIT-06", "VF-INIT-23", "PF-INIT-06", "KW-12", "KW-13", "ADV-24", "ADV-25"}
    other_switches = {"ADV-14", "SWITCH-04", "VF-ALLOC-06", "VPORT-11", "VPORT-14", "HALT-PF-04", "OID-07"}
    other_drivers = {"NBL-05", "NBL-06", "HW-RX-01", "HW-TX-01", "INTR-05", "INTR-11", "BACKCH-06"}
    open_still = {row.rule for row in bench.stack.rule_table() if row.verdict == "not_exercised"}
    assert open_still == failures | other_machines | other_switches | other_drivers and not bench.reported()


class RefusesVPorts(PfMiniport):
    def oid_request(self, kind, oid, buffer):
        return Status.FAILURE if oid == Oid.NIC_SWITCH_CREATE_VPORT else super().oid_request(kind, oid, buffer)


def test_a_vf_that_got_no_vport_is_given_back(machine):
    """VF-ALLOC-12, SWITCH-14: what was allocated is reset and freed, so that the switch can go."""
    bench = machine(num_vfs=1, pf_driver=RefusesVPorts).start()
    assert bench.states[1]["state"] == "closed" and bench.detach(0) == Status.SUCCESS
    switch = bench.ndis.checker.seen.switch
    assert not switch.vfs and len(switch.filters) == 1
    bench.do(examine(bench.stack))
    assert not switch.created and "HALT-PF-02" not in bench.reported()


def test_requests_come_in_the_documented_order(machine):
    bench = machine(num_vfs=1).start()
    requests = [c.args["oid"].name for c in bench.ndis.checker.seen.calls["MiniportOidRequest"]]
    assert requests == ["NIC_SWITCH_CREATE_SWITCH", "GEN_CURRENT_PACKET_FILTER", "RECEIVE_FILTER_SET_FILTER",
                        "NIC_SWITCH_ALLOCATE_VF", "NIC_SWITCH_CREATE_VPORT", "RECEIVE_FILTER_MOVE_FILTER",
                        "SRIOV_READ_VF_CONFIG_SPACE", *["SRIOV_READ_VF_CONFIG_BLOCK"] * 3]


def test_virtualization_comes_last_of_pf_initialisation(machine):
    bench = machine(num_vfs=5).start()
    assert bench.adapter.num_vfs == 5
    assert bench.adapter.value(0, "VT_CTL") == pf.VT_CTL.VT_ENA.mask | 5 << 7 | pf.VT_CTL.REPL_EN.mask


def test_filter_of_a_vf_points_to_its_pool(machine):
    bench = machine(num_vfs=2).start()
    read = bench.adapter.value
    slots = {(read(0, "RAL", s), read(0, "RAH", s) & 0xFFFF): s for s in range(128)
             if read(0, "RAH", s) & pf.RAH.AV.mask}
    mac = (0x020000000101).to_bytes(6, "big")
    slot = slots[int.from_bytes(mac[:4], "little"), int.from_bytes(mac[4:], "little")]
    assert read(0, "MPSAR_LO", slot) == 1 << 1 and read(0, "MPSAR_HI", slot) == 0
    assert read(0, "VMOLR", 1) & pf.VMOLR.AUPE.mask
    assert read(0, "VFRE") == read(0, "VFTE") == 0b111


def test_vlan_filter_takes_tagged_frames_only(machine):
    bench = machine(num_vfs=1).start(vlan=5)
    read = bench.adapter.value
    assert read(0, "VLVF", 0) == 5 | pf.VLVF.VI_EN.mask
    assert (read(0, "VLVFB", 0), read(0, "VLVFB", 1)) == (1, 0)
    assert read(0, "VFTA", 0) == 1 << 5
    assert not read(0, "VMOLR", 0) & pf.VMOLR.AUPE.mask


def test_vf_learns_its_address_from_the_pf(machine):
    bench = machine(num_vfs=2).start()
    assert [bench.driver(v).mac for v in range(2)] == [0x020000000100, 0x020000000101]
    assert bench.driver(0).api == 4 and bench.driver(0).granted_queues == 1


def test_rings_go_to_an_agent_only_after_restart(machine):
    bench = machine(num_vfs=1).start(settings=VfSettings(rings=(RingSettings(ring_size=64, flow=7),)))
    agent, = bench.adapter.agents.values()
    assert (agent["function"], agent["flow"], agent["running"]) == (1, 7, True)
    assert bench.adapter.value(1, "VFTDLEN") == 64 * 16
    assert bench.adapter.value(1, "VFRXDCTL") >> 25 & 1 and bench.adapter.value(1, "VFTXDCTL") >> 25 & 1


def test_queues_are_programmed_as_their_settings_say(machine):
    """SRRCTL: kilobytes of a buffer in bits 4:0, one buffer a descriptor in 27:25, Drop_En in 28; WTHRESH in bits 22:16."""
    rings = (RingSettings(ring_size=64, buffer_bytes=4096, drop=True, wthresh=4),)
    adapter = machine(num_vfs=1).start(settings=VfSettings(rings=rings)).adapter
    assert adapter.value(1, "VFSRRCTL") == 4 | 1 << 25 | 1 << 28
    assert adapter.value(1, "VFTXDCTL") >> 16 & 0x7F == 4 and adapter.value(1, "VFRXDCTL") >> 16 & 0x7F == 0
    assert (adapter.value(1, "VFTDLEN"), adapter.value(1, "VFRDLEN")) == (1024, 1024)


def test_queues_that_wait_for_descriptors_do_not_drop(machine):
    adapter = machine(num_vfs=1).start(settings=VfSettings(rings=(RingSettings(drop=False),))).adapter
    assert adapter.value(1, "VFSRRCTL") == 2 | 1 << 25


def test_pf_opens_its_own_queue_pair_in_the_pool_after_the_vfs(machine):
    bench = machine(num_vfs=3, pf_settings=PfSettings(rings=RingSettings(flow=1))).start()
    agent = next(a for a in bench.adapter.agents.values() if a["function"] == 0)
    assert agent["tx_ring"] == agent["rx_ring"] == 6
    assert bench.adapter.value(0, "TXDCTL", 6) >> 25 & 1
    assert bench.reported() == []


def vf_in(partition):
    return type("Elsewhere", (VfMiniport,), {"circumstances": Circumstances(partition=partition)})


@pytest.mark.parametrize("partition, rule", [(PartitionType.MS_HV_PARENT, "VF-INIT-05"),
                                             (PartitionType.UNKNOWN, "VF-INIT-06")])
def test_vf_driver_does_not_come_up_outside_a_child(machine, partition, rule):
    bench = machine(num_vfs=1).start([vf_in(partition)])
    assert bench.states == [RUNNING, CLOSED] and bench.reported() == []
    verdicts = {row.rule: row.verdict for row in bench.stack.verdicts() if row.adapter == "VF0"}
    assert verdicts[rule] == verdicts["VF-INIT-23"] == "obeyed"


def pf_on(**keywords):
    return type("Elsewhere", (PfMiniport,), {"circumstances": Circumstances(
        keywords={"*" + name: value for name, value in keywords.items()})})


@pytest.mark.parametrize("keywords", [{"SriovPreferred": 0}, {"SRIOV": 0}, {"SriovPreferred": 0,
                                                                           "RssOrVmqPreference": 1}])
def test_pf_without_sriov_is_an_ordinary_nic(machine, keywords):
    bench = machine(num_vfs=2, pf_driver=pf_on(**keywords)).start()
    assert bench.states == [RUNNING, CLOSED, CLOSED] and bench.reported() == []
    assert bench.adapter.num_vfs == 0


def test_pf_reads_only_the_keywords_of_its_preference(machine):
    bench = machine(num_vfs=1, pf_driver=pf_on(SriovPreferred=0)).start()
    read = set(bench.ndis.checker.seen.keywords)
    assert "*RSS" in read and not read & {"*SRIOV", "*VMQ"}
    bench = machine(num_vfs=1).start()
    assert "*RSS" not in bench.ndis.checker.seen.keywords


def test_more_vfs_than_the_adapter_has_are_not_accepted(machine):
    bench = machine(num_vfs=3, pf_settings=PfSettings(max_vfs=2)).start()
    assert bench.states[0] == CLOSED and bench.reported() == []
    call = bench.ndis.checker.seen.calls["MiniportInitializeEx returns"][0]
    assert call.args["status"] == Status.NOT_ACCEPTED


@pytest.mark.parametrize("call", ["NdisGetHypervisorInfo", "NdisOpenConfigurationEx", "NdisMMapIoSpace",
                                  "NdisMSetMiniportAttributes.registration",
                                  "NdisMSetMiniportAttributes.general",
                                  "NdisMSetMiniportAttributes.hardware_assist",
                                  "NdisMRegisterScatterGatherDma",
                                  "NdisMRegisterInterruptEx"])
@pytest.mark.parametrize("base", [PfMiniport, VfMiniport])
def test_whatever_fails_everything_is_given_back(machine, base, call):
    driver = type("Unlucky", (base,), {"circumstances": Circumstances(faults={call: Status.RESOURCES})})
    if base is PfMiniport:
        bench = machine(num_vfs=1, pf_driver=driver).start()
        assert bench.states == [CLOSED, CLOSED] and bench.adapter.num_vfs == 0
    else:
        bench = machine(num_vfs=1).start([driver])
        assert bench.states == [RUNNING, CLOSED]
    rows = {row.rule: row.verdict for row in bench.stack.verdicts()
            if row.adapter == ("PF" if base is PfMiniport else "VF0")}
    assert rows["GEN-INIT-12"] == "obeyed"
    assert bench.reported() == []


def test_a_step_that_fails_after_virtualization_takes_the_vfs_back(machine):
    class Late(PfMiniport):
        def stumble(self):
            assert self.ndis.virtualized
            return Status.FAILURE

        INITIALIZE = (*PfMiniport.INITIALIZE, stumble)
    bench = machine(num_vfs=2, pf_driver=Late).start()
    assert bench.states == [CLOSED] * 3 and bench.adapter.was_enabled and bench.adapter.num_vfs == 0


def test_vf_gives_up_when_the_pf_is_not_there(machine):
    bench = machine(num_vfs=1)
    bench.pf.RESTART = tuple(s for s in PfMiniport.RESTART if s.__name__ != "announce")
    bench.start()
    assert bench.states == [RUNNING, CLOSED] and bench.reported() == []
    assert "VFMAILBOX" in bench.stack.guests[0].adapter.ndis.error_log[0]


def test_teardown_runs_in_order_and_vf_can_come_back(machine):
    bench = machine(num_vfs=2).start()
    before = len(bench.ndis.checker.seen.calls["MiniportOidRequest"])
    assert bench.detach(0) == Status.SUCCESS
    requests = [c.args["oid"].name for c in bench.ndis.checker.seen.calls["MiniportOidRequest"][before:]]
    assert requests == ["RECEIVE_FILTER_MOVE_FILTER", "NIC_SWITCH_DELETE_VPORT", "SRIOV_RESET_VF",
                        "NIC_SWITCH_FREE_VF"]
    assert bench.stack.guests[0].adapter.state is State.HALTED
    assert not bench.adapter.value(0, "VFRE") & 1
    bench.do(bench.stack.requests.clear_filter(bench.stack.guests[0]))
    again = bench.attach(0)
    assert again == RUNNING and bench.reported() == []


def test_shutdown_turns_virtualization_off(machine):
    bench = machine(num_vfs=2).start()
    assert bench.do(bench.stack.shut_down_pf()) == Status.SUCCESS
    assert bench.adapter.num_vfs == 0 and bench.stack.pf.state is State.HALTED
    assert not any(agent["running"] for agent in bench.adapter.agents.values())
    assert bench.reported() == []


def test_pf_refuses_what_the_state_of_a_vf_forbids(machine):
    bench = machine(num_vfs=1).start()

    def ask(oid, parameters, kind=RequestType.SET):
        return bench.do(bench.stack.pf.oid(kind, oid, parameters))
    assert ask(Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=0)) == Status.INVALID_PARAMETER
    assert ask(Oid.NIC_SWITCH_FREE_VF, made(FreeVfParameters, VFId=9)) == Status.INVALID_PARAMETER
    second = made(VPortParameters, VPortId=2, AttachedFunctionId=0, NumQueuePairs=1)
    assert ask(Oid.NIC_SWITCH_CREATE_VPORT, second, RequestType.METHOD) == Status.INVALID_PARAMETER
    assert ask(Oid.GEN_LINK_PARAMETERS, None) == Status.INVALID_DATA
    assert ask(Oid.GEN_SUPPORTED_LIST, None, RequestType.QUERY) == Status.NOT_SUPPORTED


def test_vf_refuses_requests_of_a_pf(machine):
    bench = machine(num_vfs=1).start()
    adapter = bench.stack.guests[0].adapter
    assert bench.do(adapter.oid(RequestType.SET, Oid.NIC_SWITCH_FREE_VF, None)) == Status.NOT_SUPPORTED
