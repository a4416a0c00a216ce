"""Keywords decide what a PF is: the whole decision table, what may be read, what is not accepted, what is reported."""

from __future__ import annotations

from typing import Any

import pytest

from drivers.pf import DynamicPfMiniport, PfMiniport, PfSettings
from nicmodel.datasheet.ndis import MAC_FIELD_VLAN_ID, NIC_SWITCH_KEY, RSS_KEYWORDS, VMQ_KEYWORDS, PartitionType, Status
from nicmodel.datasheet.ndis_structures import carries_nothing
from nicmodel.ndis.platform import Circumstances

READ_BY = {"sriov": {"*SRIOV", "*VMQVlanFiltering"}, "vmq": {"*VMQ"}, "rss": {"*RSS"}}


def pf_with(driver: Any = PfMiniport, partition: PartitionType | None = None, **keywords: Any) -> Any:
    """A PF whose registry has other values; None removes a keyword."""
    return type("Under", (driver,), {"circumstances": Circumstances(
        partition=partition, keywords={"*" + name: value for name, value in keywords.items()})})


TABLE = (
    # SriovPreferred, RssOrVmqPreference, SRIOV, VMQ, RSS -> enabled; preference that decides what is read
    (1, 1, 1, 1, 1, {"sriov", "vmq"}, "sriov"),
    (1, 1, 0, 1, 1, {"vmq"}, "sriov"),
    (1, 1, 0, 0, 1, set(), "sriov"),
    (1, 0, 0, 0, 1, set(), "sriov"),
    (1, None, 0, 0, 1, set(), "sriov"),
    (0, 1, 1, 1, 1, {"vmq"}, "vmq"),
    (None, 1, 1, 1, 1, {"vmq"}, "vmq"),
    (0, 1, 1, 0, 1, set(), "vmq"),
    (0, 0, 1, 1, 1, {"rss"}, "rss"),
    (None, None, 1, 1, 1, {"rss"}, "rss"),
    (0, 0, 1, 1, 0, set(), "rss"),
    # rows that the page omits
    (1, 1, 1, 0, 1, {"sriov"}, "sriov"),
    (1, 0, 1, 0, 1, {"sriov"}, "sriov"),
    (1, 0, 1, 1, 1, {"sriov"}, "sriov"),
    (1, None, 1, 1, 1, {"sriov"}, "sriov"),
    (1, 0, 0, 1, 1, set(), "sriov"),
)


@pytest.mark.parametrize("driver", [PfMiniport, DynamicPfMiniport])
@pytest.mark.parametrize("preferred, preference, sriov, vmq, rss, enabled, reads", TABLE)
def test_decision_table(machine, driver, preferred, preference, sriov, vmq, rss, enabled, reads):
    bench = machine(num_vfs=2, pf_driver=pf_with(driver, SriovPreferred=preferred, RssOrVmqPreference=preference, SRIOV=sriov,
                                                 VMQ=vmq, RSS=rss)).start()
    assert bench.pf.features == enabled and bench.reported() == []
    read = list(bench.ndis.checker.seen.keywords)
    assert read[:2] == ["*SriovPreferred", "*RssOrVmqPreference"]
    features = set(read) & {"*SRIOV", *VMQ_KEYWORDS, *RSS_KEYWORDS}
    assert READ_BY[reads] <= features
    assert not features & {"sriov": set(RSS_KEYWORDS), "vmq": {"*SRIOV", *RSS_KEYWORDS},
                           "rss": {"*SRIOV", *VMQ_KEYWORDS}}[reads]
    assert bench.adapter.num_vfs == (2 if "sriov" in enabled else 0)
    assist = bench.ndis.attributes["hardware_assist"]
    for name in ("Sriov", "NicSwitch", "ReceiveFilter"):
        assert not carries_nothing(getattr(assist, f"Hardware{name}Capabilities"))
    assert carries_nothing(assist.CurrentSriovCapabilities) == carries_nothing(assist.CurrentNicSwitchCapabilities) \
        == ("sriov" not in enabled)
    assert carries_nothing(assist.CurrentReceiveFilterCapabilities) == (not enabled & {"sriov", "vmq"})


@pytest.mark.parametrize("keywords", [
    {"SriovPreferred": 2}, {"SriovPreferred": "yes"}, {"RssOrVmqPreference": -1}, {"SRIOV": 7}, {"VMQVlanFiltering": 3},
    {"RssOrVmqPreference": 1, "VMQ": 5}, {"SriovPreferred": 0, "RSS": 2},
    {"SriovPreferred": 0, "RssOrVmqPreference": 1, "VMQ": "x"}])
def test_values_that_no_keyword_has_are_not_accepted(machine, keywords):
    bench = machine(num_vfs=1, pf_driver=pf_with(**keywords)).start()
    assert bench.ndis.checker.seen.calls["MiniportInitializeEx returns"][0].args["status"] == Status.NOT_ACCEPTED
    assert bench.adapter.num_vfs == 0 and bench.reported() == []


@pytest.mark.parametrize("name, value", [("*Flags", 1), ("*SwitchType", 2), ("*SwitchId", 1), ("*NumVFs", -1), ("*NumVFs", 64),
                                         ("*NumVFs", "many"), ("*NumVFs", None)])
def test_switch_keywords_that_cannot_be_are_not_accepted(machine, name, value):
    driver = type("Under", (PfMiniport,), {"circumstances": Circumstances(keywords={NIC_SWITCH_KEY + name: value})})
    bench = machine(num_vfs=1, pf_driver=driver).start()
    assert bench.ndis.checker.seen.calls["MiniportInitializeEx returns"][0].args["status"] == Status.NOT_ACCEPTED


def test_enumerated_keywords_may_be_text(machine):
    bench = machine(num_vfs=1, pf_driver=pf_with(SriovPreferred="1", SRIOV="1", RssOrVmqPreference="0")).start()
    assert bench.pf.features == {"sriov"} and bench.adapter.num_vfs == 1


@pytest.mark.parametrize("value, field", [(1, MAC_FIELD_VLAN_ID), (None, MAC_FIELD_VLAN_ID), (0, 0)])
def test_vlan_filtering_is_reported_and_offered_as_its_keyword_says(machine, value, field):
    bench = machine(num_vfs=1, pf_driver=pf_with(VMQVlanFiltering=value)).start(vlan=7)
    capability = bench.ndis.attributes["hardware_assist"].CurrentReceiveFilterCapabilities.contents
    assert capability.SupportedMacHeaderFields & MAC_FIELD_VLAN_ID == field
    assert bench.states[1]["state"] == ("running" if field else "closed")


@pytest.mark.parametrize("num_vfs, pf_vports", [(1, 0), (2, 0), (40, 3), (63, 0), (0, 2)])
def test_reported_capabilities_obey_their_inequalities(machine, num_vfs, pf_vports):
    bench = machine(num_vfs=num_vfs, pf_settings=PfSettings(pf_vports=pf_vports))
    bench.do(bench.stack.bring_up_pf())
    switch = bench.ndis.attributes["hardware_assist"].CurrentNicSwitchCapabilities.contents
    assert (switch.MaxNumSwitches, switch.MaxNumVFs, switch.MaxNumVPorts) == (1, num_vfs, 1 + num_vfs + pf_vports)
    assert switch.MaxNumQueuePairs >= switch.MaxNumVPorts <= switch.MaxNumMacAddresses
    assert switch.MaxNumQueuePairsPerNonDefaultVPort.bit_count() == 1
    assert (switch.NumTotalMacAddresses, switch.NumMacAddressesPerPort, switch.NumVlansPerPort) == (0, 0, 0)


def test_pools_that_the_adapter_has_not_are_not_accepted(machine):
    bench = machine(num_vfs=62, pf_settings=PfSettings(pf_vports=2)).start()
    assert bench.ndis.checker.seen.calls["MiniportInitializeEx returns"][0].args["status"] == Status.NOT_ACCEPTED


@pytest.mark.parametrize("partition, state", [(PartitionType.MS_HV_CHILD, "closed"), (PartitionType.UNKNOWN, "running")])
def test_partition_decides_whether_there_is_a_pf(machine, partition, state):
    bench = machine(num_vfs=1, pf_driver=pf_with(partition=partition)).start()
    assert bench.states[0]["state"] == state and bench.adapter.num_vfs == 0 and bench.reported() == []
