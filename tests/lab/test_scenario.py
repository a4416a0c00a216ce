"""Scenarios: what is filled in, what is refused, and how the refusal reads."""

from __future__ import annotations

import numpy as np
import pytest

import nicmodel as nm
from nicmodel.datasheet.profiles import PROFILES, XEON
from nicmodel.lab import loading
from nicmodel.lab.loading import build, known_keys, parse_set, read, shipped
from nicmodel.lab.names import meant
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.plane import Direction


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"num_fvs": 3}, "num_fvs is not a key; the nearest known key is num_vfs"),
        ({"mps": 256}, "the nearest known key is pcie.mps"),
        ({"pcie.mpss": 256}, "the nearest known key is pcie.mps"),
        ({"trafic.pf": 4}, "trafic is not a key; the nearest known key is traffic"),
        ({"link.lanes": 4}, "link is not a key; a scenario has direction, doc, driver, "),
        ({"nic.mps": 4}, "nic.mps is not a key; the nearest known key is pcie.mps"),
        ({"pcie.width": 4}, "pcie.width is not a key; pcie has completions, "),
        ({"num_vfs.x": 3}, "num_vfs has no keys below it; the nearest known key is num_vfs"),
        ({"faults.flr": 3}, "faults.flr is not a key"),
        ({"seed": True}, "seed: true is not allowed: it must be a whole number"),
        ({"num_vfs": 0}, "profile vf100g takes 1 to 256 VFs"),
        ({"num_vfs": 257}, "profile vf100g takes 1 to 256 VFs"),
        ({"profile": "x520", "num_vfs": 64}, "profile x520 takes 1 to 63 VFs"),
        ({"num_vfs": "8"}, 'num_vfs: "8" is not allowed: it must be a whole number: profile vf100g takes 1 to 256 VFs'),
        ({"queues_per_vf": 3}, "takes 1 to 2 queues per VF"),
        ({"queues_per_vf": 0}, "takes 1 to 2 queues per VF"),
        ({"driver.rss": True}, "true is not allowed with queues_per_vf = 1: profile vf100g scales a VF over 2 queues"),
        ({"driver.rss": True, "queues_per_vf": 2, "profile": "x520"}, "profile x520 has one table for all VFs"),
        ({"driver.rss": True, "queues_per_vf": 2, "driver.rss_entries": 128}, "takes a power of two from 16 to 64"),
        ({"driver.rss": True, "queues_per_vf": 2, "driver.rss_entries": 48}, "takes a power of two from 16 to 64"),
        ({"driver.rss": True, "queues_per_vf": 2, "driver.rss_entries": 8}, "takes a power of two from 16 to 64"),
        ({"driver.rss_entries": 64}, "64 is not allowed without driver.rss"),
        ({"driver.rss_entries": 129}, "must be a whole number from 0 to 128"),
        ({"driver.rss": 2}, "must be true or false"),
        ({"traffic.connections": 257}, "must be a whole number from 0 to 256"),
        ({"profile": "x5200"}, "must be one of x520, vf100g"),
        ({"ring_size": 100}, "multiple of 8 from 64 to 8192"),
        ({"ring_size": 56}, "multiple of 8 from 64 to 8192"),
        ({"ring_size": 16384}, "multiple of 8 from 64 to 8192"),
        ({"frame_size": "63B"}, "must be from 64B to 9728B"),
        ({"frame_size": 9729}, "must be from 64B to 9728B"),
        ({"frame_size": "64ns"}, "unit must be one of B, kB"),
        ({"frame_size": float("nan")}, "frame_size: nan is not a size"),
        ({"direction": "up"}, "must be one of tx, rx, both, vf2vf"),
        ({"direction": "vf2vf", "num_vfs": 1}, "num_vfs must be 2 or more"),
        ({"load": "3Mbananas"}, "its unit must be %, bps"),
        ({"load": "101%"}, "at most 100%"),
        ({"load": 0}, "a rate is from 1"),
        ({"load": 10**13 + 1}, "a rate is from 1 to 10**13"),
        ({"load": 1}, 'load: 1 is not allowed: the whole line is "100%" or 1.0, one bit a second "1bps"'),
        ({"load": np.int64(1)}, "load: 1 is not allowed: the whole line"),
        ({"load": "1"}, 'load: "1" is not allowed: the whole line'),
        ({"load": "10000001Mbps"}, "a rate is from 1 to 10**13"),
        ({"load": 2.5}, "load: 2.5 is not a load"),
        ({"load": "20Gbps", "direction": "rx"}, "more than the wire's 100Gbps"),
        ({"duration": 0}, "duration: 0 is not allowed"),
        ({"duration": "10Gbps"}, "unit must be one of ps, ns"),
        ({"warmup": -1}, "warmup: -1 is not allowed"),
        ({"payload": "some"}, "must be one of full, headers, lengths"),
        ({"seed": 1.5}, "seed: 1.5 is not allowed"),
        ({"packets": -1}, "packets: -1 is not allowed"),
        ({"pcie.mps": "1KiB"}, "profile vf100g supports at most 512B"),
        ({"pcie.mps": 300}, "must be a power of two from 128B to 4096B"),
        ({"pcie.gen": 6}, "must be one of 1, 2, 3, 4, 5"),
        ({"pcie.gen": True}, "pcie.gen: true is not allowed"),
        ({"pcie.gen": 3.0}, "pcie.gen: 3.0 is not allowed"),
        ({".pcie": 3}, '--set: ".pcie" is not a key: write key or table.key'),
        ({"pcie.": 3}, '--set: "pcie." is not a key: write key or table.key'),
        ({"host.dram_share": float("nan")}, 'nan is not a share: write "0.1%" or a number from 0 to 1'),
        ({"host.tail_share": float("inf")}, "inf is not a share"),
        ({"host.tail_share": 10**400}, "a share is from 0% to 100%"),
        ({"pcie.lanes": 3}, "must be one of 1, 2, 4, 8, 16"),
        ({"pcie.tags": 769}, "from 1 to 768"),
        ({"pcie.host_pd": 15}, "a write of 256B (pcie.mps) needs 16 data credits; 0 is infinite"),
        ({"pcie.device_cpld": 1}, "a completion of 256B (pcie.mps) needs 16 data credits"),
        ({"pcie.host_ph": 128}, "from 0 to 127"),
        ({"pcie.host_npd": 2048}, "from 0 to 2047"),
        ({"pcie.upstream": "lottery"}, "must be one of age, round_robin"),
        ({"pcie.dllps": "none"}, "must be one of exact, published"),
        ({"nic.tag_reserve": 32, "pcie.tags": 32}, "of 32 tags at least one must be left"),
        ({"nic.write_cycles": 0}, "from 1 to 10000"),
        ({"nic.vf_rate": "999bps"}, '"999bps" is not allowed: it must be 0 or from 1kbps to 1Tbps'),
        ({"nic.vf_rate": "1Mbps", "nic.vf_burst": "1GiB"}, "at 1Mbps (nic.vf_rate) it is saved in more than 1000s"),
        ({"load": "71bps", "frame_size": "9000B"}, "a function's frames would be more than 1000s apart"),
        ({"load": "1bps", "direction": "rx"}, "a function's frames would be more than 1000s apart"),
        ({"host.read_jitter": 2**32 - 1}, "host.read_jitter: 4294967295 is not allowed: it must be from 0ps to 4294967294ps"),
        ({"driver.itr": "2047ns"}, "it must be 0 or from 2048ns to 1046528ns"),
        ({"driver.itr": "1047us"}, "it must be 0 or from 2048ns to 1046528ns"),
        ({"nic.vf_rate": "2Tbananas"}, "its unit must be one of"),
        ({"host.profile": "zeon"}, "must be one of xeon, xeon_dram"),
        ({"host.page_size": "8KiB"}, "pages are 4KiB, 2MiB or 1GiB"),
        ({"host.dram_share": "150%"}, "a share is from 0% to 100%"),
        ({"host.tail_share": "some"}, "is not a share"),
        ({"host.walkers": 0}, "from 1 to 1024"),
        ({"driver.rs_batch": 0}, "from 1 to 1024"),
        ({"nic": 3}, "nic is a table of keys, written [nic]"),
        ({"nic.scheduler": "lottery"}, "must be one of round_robin"),
        ({"nic.rx_buffer": "1kB"}, "must hold a frame of 9728 bytes"),
        ({"nic.read_buffer": "64B"}, "must hold one read request of 512B"),
        ({"traffic.pf": 1}, "must be true or false"),
        ({"traffic.sizes": [64, 20]}, "traffic.sizes.1: 20 is not allowed"),
        ({"traffic.sizes": 64}, "must be a list"),
        ({"faults.events": ["flr"]}, '0: "flr" is not allowed: faults.events.0 is a table of keys, written [[faults.events]]'),
        ({"life.events": 3}, "life.events: 3 is not allowed: life.events is a list, each written [[life.events]]"),
        ({"schema": 2}, "must be one of 1"),
        ({"driver.batch": 0}, "driver.batch: 0 is not allowed"),
        ({"driver.mutants": 3}, "write a table like"),
        ({"expect": [{"what": "vf9.tx_packets", "above": 1, "source": "x"}]}, "num_vfs = 8 does not give; expect = [] runs"),
        ({"expect": [{"what": "vf9.tx_packet", "above": 1, "source": "x"}]}, "is not a figure of this run"),
        ({"expect": [{"what": "open('x')", "above": 1, "source": "x"}]}, "not an expression of figures"),
        ({"expect": [{"what": "jain", "above": True, "source": "x"}]}, "true is not a number"),
        ({"expect": [{"what": "jain", "source": "x"}]}, "needs below, above or equals"),
        ({"expect": [{"what": "jain", "above": 1}]}, "expect.0.source is missing"),
    ],
)
def test_what_cannot_be_is_one_sentence_naming_key_and_origin(overrides, says):
    with pytest.raises(ScenarioError) as error:
        build({}, "mine.toml", overrides)
    sentence = str(error.value)
    assert says in sentence and "\n" not in sentence
    assert sentence.startswith("--set: ")
    with pytest.raises(ScenarioError) as error:
        nested = {}
        for key, value in overrides.items():
            loading._place(nested, key, value, "mine.toml")
        build(nested, "mine.toml")
    assert str(error.value).startswith("mine.toml: ")


@pytest.mark.parametrize("overrides", [{"pcie.gen": 3, "pcie": {"gen": 4}}, {"pcie": {"gen": 4, "mps": "128B"}, "pcie.gen": 3},
                                       {"traffic": {"loads": {0: "saturated", "0": "1Gbps"}}}])
def test_a_key_that_is_set_in_two_ways_is_told(overrides):
    """Alone, in its table, or by a number and its text: neither of the two values goes unheard."""
    with pytest.raises(ScenarioError, match=r"^argument: (pcie\.gen|traffic\.loads\.0) is set twice: write it once$"):
        build({}, "mine.toml", overrides, where="argument")


def test_the_adapters_own_values_fill_what_was_not_said():
    scenario = build({"profile": "x520", "num_vfs": 2, "pcie": {"mps": "128B"}})
    x520 = PROFILES["x520"]
    assert (scenario.pcie.mps, scenario.pcie.gen, scenario.pcie.tags) == (128, x520.pcie_gen, x520.tags)
    assert scenario.host.read_latency == XEON.read_latency_ps
    assert scenario.nic.tx_buffer == x520.tx_buffer


def test_a_configuration_builds_the_same_scenario_again():
    data, file = read("imix")
    scenario = build(data, file, {"load": "3Mpps", "direction": "tx"})
    assert build(scenario.config()) == scenario


def test_an_override_replaces_one_key_of_a_section():
    scenario = build({"pcie": {"mps": 128, "gen": 3}}, None, {"pcie": {"mps": 512}})
    assert (scenario.pcie.mps, scenario.pcie.gen) == (512, 3)


def test_a_broken_driver_is_named_and_belongs_to_a_vf():
    good = build({}, None, {"driver.mutants.3": "vf_reports_no_capability"})
    assert good.driver.mutants == {"3": "vf_reports_no_capability"}
    for key, name, says in (
        ("3", "vf_reports_no_capabilities", "the nearest is vf_reports_no_capability"),
        ("3", "pf_comes_up_in_child", "is no broken VF driver"),
        ("8", "vf_reports_no_capability", "VFs are numbered 0 to 7"),
        ("x", "vf_reports_no_capability", "named by its VF number or pf"),
    ):
        with pytest.raises(ScenarioError, match=says):
            build({}, None, {f"driver.mutants.{key}": name})


@pytest.mark.parametrize(
    ("text", "direction", "ticks"),
    [
        ("saturated", Direction.TX, 0),
        ("saturated", Direction.RX, 8 * (512 + 20) * 8 * 10 * 1024),
        ("100%", Direction.TX, 8 * (512 + 20) * 8 * 10 * 1024),
        ("0.25", Direction.RX, 4 * 8 * (512 + 20) * 8 * 10 * 1024),
        ("10000000000", Direction.TX, 512 * 8 * 100 * 1024),
        (0.25, Direction.RX, 4 * 8 * (512 + 20) * 8 * 10 * 1024),
        ("10Gbps", Direction.TX, 512 * 8 * 100 * 1024),
        ("2Mpps", Direction.RX, 500_000 * 1024),
    ],
)
def test_a_load_is_the_spacing_of_frames(text, direction, ticks):
    both = "both" if text not in ("10Gbps", "10000000000") else "tx"
    assert build({"load": text, "direction": both}).interval_ticks(direction) == ticks


def test_a_share_counts_the_pf_if_it_sends():
    alone = build({"load": "50%"}).interval_ticks(Direction.TX)
    beside_the_pf = build({"load": "50%", "traffic": {"pf": True}}).interval_ticks(Direction.TX)
    assert beside_the_pf * 8 == alone * 9


@pytest.mark.parametrize("name", list(shipped()))
def test_shipped_scenarios_say_what_they_are(name):
    data, _ = read(name)
    assert data["id"] == name and len(data["doc"]) > 40
    if "driver" not in data or "mutants" not in data["driver"]:
        assert build(data).num_vfs >= 1


def test_the_main_job_fits_a_plain_python_plane():
    data, _ = read("vf_scaling")
    assert (data["num_vfs"], data["profile"]) == (8, "vf100g") and data["packets"] <= 200_000


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"num_vfs = ", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"num_vfs = 1\nnum_vfs = 2", "is not TOML"),
        (b"x = " + b"[" * 5000, "is not TOML"),
        (b"#" * (1 << 21), "larger than 1 MiB"),
    ],
)
def test_a_file_that_is_no_scenario_is_one_sentence(tmp_path, content, says):
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(ScenarioError, match=says) as error:
        loading.load(file)
    assert "\n" not in str(error.value) and str(file) in str(error.value)


def test_a_file_that_begins_with_a_byte_order_mark_is_read(tmp_path):
    """As some editors write UTF-8."""
    file = tmp_path / "mark.toml"
    file.write_bytes(b"\xef\xbb\xbfnum_vfs = 3\r\n")
    assert loading.load(file).num_vfs == 3


def test_an_empty_key_is_told_with_the_file():
    with pytest.raises(ScenarioError, match='^mine.toml: "" is not a key; a scenario has direction'):
        build({"": 3}, "mine.toml")


def test_integers_of_arrays_are_integers():
    """What comes out of numpy and pandas, one by one or in a list; not what only looks like one."""
    s = build({}, None, {"num_vfs": np.int64(3), "pcie": {"tags": np.uint16(9)}, "traffic.sizes": (np.int32(64), "1518B")})
    assert (s.num_vfs, s.pcie.tags, s.sizes) == (3, 9, (64, 1518)) and type(s.num_vfs) is int
    for value in (np.float64(3), np.bool_(True)):
        with pytest.raises(ScenarioError, match="profile vf100g takes 1 to 256 VFs"):
            build({}, None, {"num_vfs": value})


def test_a_missing_file_and_a_missing_name_differ(tmp_path):
    with pytest.raises(ScenarioError, match="cannot be read: no such file or directory"):
        loading.load(str(tmp_path / "none.toml"))
    with pytest.raises(ScenarioError, match="the nearest shipped one is vf_scaling"):
        loading.load("vf_scalling")
    with pytest.raises(ScenarioError, match='no scenario "nosuch"; nicmodel list names the shipped ones, and a file'):
        loading.load("nosuch")
    with pytest.raises(ScenarioError, match="cannot be read: is a directory"):
        loading.load(tmp_path)


@pytest.mark.parametrize("name", [None, 3, {"num_vfs": 1}, b"one_vf"])
def test_what_names_no_scenario_is_one_sentence(name):
    with pytest.raises(ScenarioError, match="is no scenario: write the name of a shipped one or of a TOML file"):
        loading.load(name)
    with pytest.raises(ScenarioError, match="is no scenario: write the name of a shipped one or of a TOML file"):
        nm.run(name)


@pytest.mark.parametrize("text", ["num_vfs", "=3", "num_vfs="])
def test_a_setting_needs_key_and_value(text):
    with pytest.raises(ScenarioError, match="write key=value"):
        parse_set([text])


def test_known_keys_are_those_of_the_design():
    keys = set(known_keys())
    assert {
        "num_vfs",
        "frame_size",
        "direction",
        "load",
        "warmup",
        "duration",
        "seed",
        "profile",
        "ring_size",
        "queues_per_vf",
        "payload",
        "pcie.gen",
        "pcie.lanes",
        "pcie.mps",
        "pcie.mrrs",
        "pcie.rcb",
        "pcie.tags",
        "host.read_latency",
        "driver.batch",
    } <= keys
    assert meant("pcie.lane", keys) == "pcie.lanes"
