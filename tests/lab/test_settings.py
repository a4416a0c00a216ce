"""Every key of link, host and driver reaches the plane or the driver, and only the field it is meant for."""

from __future__ import annotations

from dataclasses import asdict

import pytest

import nicmodel as nm
from nicmodel.lab.keys import DriverKeys, HostKeys, NicKeys, PcieKeys, RecordKeys, Section, TrafficKeys
from nicmodel.lab.loading import build
from nicmodel.lab.machine import Machine
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.settings import core_of, plane_settings, ring_settings, shaper_words
from nicmodel.lab.testbench import run_machine


def changed(key: str, value: object, made) -> dict[str, object]:
    """Fields that differ between a plain scenario's settings and those with one key changed."""
    before, after = (asdict(made(build({}, "plain", {} if n == 0 else {key: value}, where="argument"))) for n in (0, 1))
    return {name: after[name] for name in after if after[name] != before[name]}


PLANE_KEYS = {
    "nic.tag_cap": (3, {"tag_cap": 3}),
    "nic.tag_reserve": (4, {"tag_reserve": 4}),
    "nic.read_cycles": (5, {"read_cycles": 5}),
    "nic.write_cycles": (6, {"write_cycles": 6}),
    "nic.tag_classes": ("descriptors_first", {"tag_classes": "descriptors_first"}),
    "nic.tag_functions": ("round_robin", {"tag_functions": "round_robin"}),
    "nic.fetch": ("fewest", {"fetch": "fewest"}),
    "nic.writers": ("rx_first", {"writers": "rx_first"}),
    "pcie.tags": (768, {"tags": 768}),
    "pcie.split_rcb": (True, {"split_rcb": True}),
    "pcie.completions": ("interleaved", {"completions": "interleaved"}),
    "pcie.upstream": ("round_robin", {"upstream": "round_robin"}),
    "pcie.downstream": ("round_robin", {"downstream": "round_robin"}),
    "pcie.relaxed_ordering": (True, {"relaxed_ordering": True}),
    "pcie.ido": (True, {"ido": True}),
    "pcie.ecrc": (True, {"tlp_digest_bytes": 4}),
    **{f"pcie.{side}_{pool}": (97, {f"{side}_{pool}": 97})
       for side in ("host", "device") for pool in ("ph", "pd", "nph", "npd", "cplh", "cpld")},
    "host.remote_latency": ("80ns", {"remote_ps": 80_000}),
    "host.dram_latency": ("70ns", {"dram_ps": 70_000}),
    "host.dram_share": ("50%", {"dram_share": 32_768}),
    "host.tail_latency": ("1us", {"tail_ps": 1_000_000}),
    "host.tail_share": (0.25, {"tail_share": 16_384}),
    "host.iotlb_entries": (64, {"iotlb_entries": 64}),
    "host.walkers": (2, {"walkers": 2}),
    "host.walk_latency": ("100ns", {"walk_ps": 100_000}),
    "host.walks": ("round_robin", {"walks": "round_robin"}),
    "host.core_switch": ("50ns", {"core_switch_ps": 50_000}),
    "host.profile": ("xeon_iommu", {"iotlb_entries": 64}),
}


@pytest.mark.parametrize("key", PLANE_KEYS)
def test_a_key_reaches_its_field_of_the_plane(key):
    value, fields = PLANE_KEYS[key]
    assert changed(key, value, plane_settings) == fields


@pytest.mark.parametrize(("key", "value", "fields"), [
    ("driver.rs_batch", 8, {"rs_batch": 8}),
    ("driver.pass_cost", "1us", {"pass_cost_ps": 1_000_000}),
    ("driver.irq_cost", "2us", {"irq_cost_ps": 2_000_000}),
    ("driver.tx_cost", "30ns", {"tx_packet_cost_ps": 30_000}),
    ("driver.rx_cost", "40ns", {"rx_packet_cost_ps": 40_000}),
    ("driver.doorbell_cost", "60ns", {"doorbell_cost_ps": 60_000}),
])
def test_a_key_reaches_the_driver(key, value, fields):
    assert changed(key, value, lambda s: ring_settings(s, 2048)) == fields


TABLES = {"nic": NicKeys, "pcie": PcieKeys, "host": HostKeys, "driver": DriverKeys, "traffic": TrafficKeys, "record": RecordKeys}
UNREAD = {"nic.scheduler"}                  # one value: there is nothing to choose yet


def test_a_run_looks_at_every_key(monkeypatch):
    keys = {"num_vfs": 1, "queues_per_vf": 2, "direction": "both", "load": "5%", "duration": "2us", "warmup": 0,
            "nic.vf_rate": "1Gbps", "driver.rss": True, "record.rows": True}
    scenario = build({}, "all", keys, where="argument")
    looked_at, look = set(), Section.__getattribute__

    def noting(section, name):
        looked_at.add((type(section), name))
        return look(section, name)
    monkeypatch.setattr(Section, "__getattribute__", noting)
    run_machine(scenario)
    assert {f"{name}.{key}" for name, table in TABLES.items() for key in table.model_fields
            if (table, key) not in looked_at} == UNREAD


def test_published_dllps_take_their_share_and_send_none():
    fields = changed("pcie.dllps", "published", plane_settings)
    assert set(fields) == {"pcie_byte_ticks", "ack_ps", "skp_ps"}


def test_cores_are_shared_in_turns_and_the_pf_keeps_its_own():
    scenario = Scenario(num_vfs=5, queues_per_vf=2, host={"cores": 3})
    assert [core_of(scenario, f, q) for f in range(1, 4) for q in (0, 1)] == [0, 1, 2, 0, 1, 2]
    assert core_of(scenario, 0, 0) == -1 and core_of(Scenario(), 3, 0) == -1


def test_a_rate_is_a_byte_time_that_is_never_too_short():
    assert shaper_words(Scenario()) is None
    assert shaper_words(Scenario(nic={"vf_rate": "1Gbps", "vf_burst": "3kB"})) == (8192 * 1000, 3000)
    ticks, _ = shaper_words(Scenario(nic={"vf_rate": "3Gbps"}))
    assert 3 * 10**9 * ticks >= 8 * 10**12 * 1024 > 3 * 10**9 * (ticks - 1)


def test_larger_pages_need_fewer_walks():
    hosts = [{"profile": "xeon_iommu", "iotlb_entries": 8, "page_size": size} for size in ("4KiB", "2MiB")]
    small, large = (nm.run("one_vf", warmup=0, duration="20us", expect=[], host=host).simulated["utilisation"] for host in hosts)
    assert small["walkers"] > 2 * large["walkers"]


def test_a_guest_gets_the_indirection_table_that_it_asks_for():
    most = Scenario().adapter.vf_reta_entries
    for driver, entries in (({}, 0), ({"rss": True}, most), ({"rss": True, "rss_entries": most // 2}, most // 2)):
        keys = {"num_vfs": 1, "queues_per_vf": 2, **{f"driver.{key}": value for key, value in driver.items()}}
        assert Machine(build({}, "rss", keys, where="argument")).rss_entries == entries


def test_a_vf_that_is_closed_is_sent_nothing():
    keys = {"num_vfs": 2, "direction": "rx", "load": "5%", "warmup": 0, "duration": "50us",
            "driver.mutants.1": "vf_reports_no_capability"}
    offered = run_machine(build({}, "closed", keys, where="argument")).functions["rx_offered"]
    assert offered[1] > 0 and offered[2] == 0


def test_a_scenario_survives_being_written_and_read_again():
    made = Scenario(host={"profile": "xeon_tail", "tail_share": "0.1%"}, nic={"vf_rate": "2Gbps"})
    assert build(made.config(), "again", {}, where="argument") == made


def test_a_load_is_a_vfs_however_many_queues_it_sends_from():
    sent = [nm.run("vf_scaling", num_vfs=2, load="20%", queues_per_vf=queues, duration="200us").vfs["tx_packets"].sum()
            for queues in (1, 2)]
    assert sent[1] == pytest.approx(sent[0], rel=0.01)
