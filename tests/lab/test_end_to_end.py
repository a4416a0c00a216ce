"""The whole machine from a scenario to figures: shipped scenarios, bad drivers, bounds, many VFs, Ctrl-C."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from rich.console import Console

from drivers.mutants import LIFE, MUTANTS, START
from drivers.pf import PfMiniport
from nicmodel.datasheet.ethernet import AROUND_BYTES
from nicmodel.datasheet.pcie_link import GENERATIONS, TICKS_PER_PS, completion_tlp_bytes, memory_tlp_bytes
from nicmodel.datasheet.rules import BY_ID
from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.lab.books import OFFERED
from nicmodel.lab.loading import load, shipped
from nicmodel.lab.machine import Machine
from nicmodel.lab.report import run_report
from nicmodel.lab.results import RunResult
from nicmodel.lab.run import run
from nicmodel.lab.testbench import bring_up
from nicmodel.sim.errors import ModelBug

FCS, DESCRIPTOR = 4, 16
SHIPPED = ("bad_vf_driver", "both_ways", "imix", "noisy_neighbour", "one_vf", "packet_size", "pf_and_vfs", "rss_queues",
           "rx_overload", "slow_link", "vf_scaling", "vf_to_vf")
SPEED = ("speed_both64", "speed_rx64", "speed_tx64")      # a second of run loop each: shortened here


@cache
def whole(name: str) -> RunResult:
    """A shipped scenario as it is."""
    return run(name)


# every shipped scenario -------------------------------------------------------------------------------------------

def test_the_scenarios_tested_here_are_those_shipped():
    assert {*SHIPPED, *SPEED} == {name for name in shipped() if not name.startswith("life_")}, "test_life.py has the others"


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_moves_frames_and_keeps_its_expectations(name):
    result = whole(name)
    assert result.scenario.expect and result.ok, result.simulated["expect"]
    assert not result.interrupted and result.measured.packets > 5000 and result.measured.steady


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_scenario_gives_the_same_figures_again(name):
    again, first = run(name), whole(name)
    assert json.dumps(again.simulated) == json.dumps(first.simulated)
    assert again.meta == first.meta


@pytest.mark.parametrize("name", SPEED)
def test_a_speed_scenario_fills_the_wire(name):
    result = run(name, duration="200us")
    assert result.ok, result.simulated["expect"]


@pytest.mark.parametrize("name", SHIPPED + SPEED)
def test_both_planes_give_the_same_figures(name):
    # Of the speed scenarios 8 VFs: the doorbells of 63 that start at once keep reads waiting for longer than this.
    fewer = {"num_vfs": 8} if name in SPEED else {}
    fast, reference = (run(name, plane=plane, warmup="5us", duration="25us", packets=0, **fewer)
                       for plane in ("fast", "reference"))
    assert fast.measured.packets == reference.measured.packets > 20
    assert json.dumps(fast.simulated) == json.dumps(reference.simulated)


def test_the_seed_changes_the_figures():
    """Only memory's jitter is random; without this, 'the same again' would say nothing about the seed."""
    one, two = (run("packet_size", seed=seed, duration="50us", warmup=0, packets=0).simulated for seed in (1, 2))
    assert one["vfs"] != two["vfs"]


# bad drivers ------------------------------------------------------------------------------------------------------

def test_bad_vf_driver_closes_that_vf_alone():
    simulated = whole("bad_vf_driver").simulated
    bad = simulated["vfs"].pop(2)
    assert (bad["state"], bad["rule"]) == ("closed", MUTANTS["vf_reports_no_capability"].rule)
    assert not any(bad[count] for count in ("tx_packets", "tx_bytes", "rx_packets", "rx_bytes"))
    assert not any(bad["drops"].values())
    assert all(vf["state"] == "running" and vf["rule"] is None and vf["tx_packets"] > 1000 for vf in simulated["vfs"])


def mutant_scenario(name, who):
    """Two VFs, one of which or the PF is broken; what concerns receive side scaling needs two queues a VF."""
    return {"num_vfs": 2, f"driver.mutants.{who}": name, "queues_per_vf": 2 if "rss" in name else 1}


@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if mutant.when == START])
def test_a_mutant_on_the_machine_reports_its_rule_and_closes_what_it_must(name):
    rule, driver, _ = MUTANTS[name]
    is_pf = issubclass(driver, PfMiniport)
    machine = bring_up(load("vf_scaling", mutant_scenario(name, "pf" if is_pf else 0)))
    assert machine.stack.reports()[0].rule == rule
    closed, running = {"state": "closed", "rule": rule}, {"state": "running", "rule": None}
    assert BY_ID[rule].closes
    if is_pf:
        assert machine.states == [closed] * 3 and machine.endpoint.num_vfs == 0
    else:
        assert machine.states == [running, closed, running]
    machine.start_traffic()
    machine.device.run_until(int(machine.clock.now) + 10_000_000)
    sent = machine.device.plane.results()["functions"]["tx_packets"].tolist()
    assert [packets > 0 for packets in sent] == [False, False, not is_pf]


@pytest.mark.parametrize("name", [name for name, mutant in MUTANTS.items() if mutant.when == LIFE][::5])
def test_a_mutant_on_the_machine_is_found_out_by_the_examination(name):
    """A sample: with fakes under them all are (test_mutants)."""
    rule, driver, _ = MUTANTS[name]
    who = "pf" if issubclass(driver, PfMiniport) else 0
    machine = bring_up(load("vf_scaling", mutant_scenario(name, who)))
    machine.examine()
    assert machine.stack.reports()[0].rule == rule


def test_good_drivers_pass_the_examination_on_the_machine():
    machine = bring_up(load("vf_scaling", {"num_vfs": 4}))
    machine.examine()
    assert machine.stack.reports() == [] and {adapter.state.name for adapter in machine.stack.adapters()} == {"HALTED"}


def test_a_breach_after_initialisation_is_named_and_closes_nothing():
    result = run("vf_scaling", num_vfs=2, duration="20us", driver={"mutants": {"0": "vf_sets_pf_flags"}})
    assert [(row.rule, row.adapter) for row in result.broken_rules] == [("VF-INIT-10", "VF0")]
    assert "hardware_assist" in result.broken_rules[0].evidence


# bounds -----------------------------------------------------------------------------------------------------------

def cut(length: int, size: int) -> list[int]:
    """A transfer from an aligned address in pieces of `size` bytes."""
    return [size] * (length // size) + ([length % size] if length % size else [])


def least_pcie_bytes(direction: str, frame: int, mps: int, mrrs: int) -> dict[str, Fraction]:
    """The fewest TLP bytes up and down that one frame of each direction costs: its data in the largest TLPs allowed,
    its share of the largest descriptor transfers, and nothing else. Guest memory is above 4 GiB."""
    data = frame - FCS
    together = mps // DESCRIPTOR                             # descriptors of the largest TLP
    fetched = Fraction(completion_tlp_bytes(mps), together)
    asked = Fraction(memory_tlp_bytes(DOMAIN_BASE, 0), mrrs // DESCRIPTOR)
    written = Fraction(memory_tlp_bytes(DOMAIN_BASE, mps), together)
    up = down = Fraction(0)
    if direction in ("tx", "both"):
        up += asked + written + sum(memory_tlp_bytes(DOMAIN_BASE, 0) for _ in cut(data, mrrs))
        down += fetched + sum(map(completion_tlp_bytes, cut(data, mps)))
    if direction in ("rx", "both"):
        up += asked + written + sum(memory_tlp_bytes(DOMAIN_BASE, size) for size in cut(data, mps))
        down += fetched
    return {"up": up, "down": down}


@pytest.mark.parametrize("direction", ["tx", "rx", "both"])
@pytest.mark.parametrize(("gen", "lanes", "frame", "mps", "duration"), [
    (4, 16, 1518, 256, "150us"), (4, 16, 256, 256, "150us"), (3, 4, 512, 256, "150us"), (3, 4, 1518, 128, "150us"),
    (2, 8, 1500, 512, "150us"), (1, 1, 64, 128, "1ms")])
def test_rates_are_inside_the_bounds_of_link_and_wire(direction, gen, lanes, frame, mps, duration):
    """From the first frame on, without warm-up: every byte of every delivered frame crossed both in the window."""
    result = run("packet_size", direction=direction, frame_size=frame, warmup=0, duration=duration, packets=0,
                 pcie={"gen": gen, "lanes": lanes, "mps": mps})
    totals, window = result.simulated["totals"], result.measured.window_ps
    sent, received = totals["tx_packets"], totals["rx_packets"]
    assert (sent > 0) == (direction != "rx") and (received > 0) == (direction != "tx")
    assert (totals["tx_bytes"], totals["rx_bytes"]) == (sent * frame, received * frame)
    links = {(link["name"], link["direction"]): link for link in result.simulated["links"]}

    wire_ps = Fraction((frame + AROUND_BYTES) * 8 * 1000, result.scenario.adapter.link_gbps)
    for packets, way in ((sent, "tx"), (received, "rx")):
        assert packets * wire_ps <= window
        assert packets * (frame + AROUND_BYTES) <= links["wire", way]["bytes"] <= window / wire_ps * (
            frame + AROUND_BYTES) + frame + AROUND_BYTES

    byte_ps = Fraction(GENERATIONS[gen].byte_ticks(lanes), TICKS_PER_PS)
    least = {way: sum(n * least_pcie_bytes(d, frame, mps, result.scenario.pcie.mrrs)[way]
                      for d, n in (("tx", sent), ("rx", received))) for way in ("up", "down")}
    largest = memory_tlp_bytes(DOMAIN_BASE, mps)             # counted when it starts
    fullest = Fraction(0)
    for way, minimum in least.items():
        link = links["pcie", way]
        assert minimum <= link["bytes"] <= window / byte_ps + largest
        assert link["utilisation"] <= 1
        fullest = max(fullest, Fraction(link["bytes"]) * byte_ps / window)
    fullest = max([fullest, *(links["wire", way]["utilisation"] for way in ("tx", "rx"))])
    assert fullest > 0.75, "neither the link nor the wire was the limit"


def test_a_saturated_link_carries_what_its_bytes_allow():
    """Gen3 x4, Tx: the downstream link is full of completions; descriptors in small batches, doorbells, Acks and credit
    updates are allowed 5 %."""
    result = run("slow_link", frame_size=1518, warmup="100us", duration="300us", packets=0)
    scenario, sent = result.scenario, result.simulated["totals"]["tx_packets"]
    least = least_pcie_bytes("tx", 1518, scenario.pcie.mps, scenario.pcie.mrrs)["down"]
    byte_ps = Fraction(GENERATIONS[3].byte_ticks(4), TICKS_PER_PS)
    assert 0.95 < sent * least * byte_ps / result.measured.window_ps <= 1


# many VFs ---------------------------------------------------------------------------------------------------------

def test_all_63_vfs_of_the_real_part_come_up_and_share_fairly():
    result = run("one_vf", num_vfs=63, frame_size=256, warmup="500us", duration="2ms", packets=0)
    vfs = result.simulated["vfs"]
    assert len(vfs) == 63 and all(vf["state"] == "running" for vf in vfs)
    sent = [vf["tx_packets"] for vf in vfs]
    assert max(sent) - min(sent) <= 2 and min(sent) > 100, "round robin among equals"
    assert result.simulated["totals"]["jain"] > 0.9999
    assert next(link for link in result.simulated["links"] if link["name"] == "wire")["utilisation"] > 0.99


def test_200_vfs_come_up():
    """Every one running, no rule broken; past the start, when all fill their rings at once, they share the line."""
    result = run("vf_scaling", num_vfs=200, warmup="100us", duration="200us", packets=0)
    vfs = result.simulated["vfs"]
    assert [vf["state"] for vf in vfs] == ["running"] * 200 and not result.broken_rules
    sent = [vf["tx_packets"] for vf in vfs]
    assert min(sent) > 0.9 * max(sent) > 30


# conservation -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("plane", ["fast", "reference"])
@pytest.mark.parametrize("column", ["tx_offered", "rx_packets", "drop_no_descriptor"])
def test_a_frame_that_got_lost_or_came_from_nowhere_is_a_bug_of_the_model(monkeypatch, plane, column):
    def off_by_one(machine, results, check=Machine.check_conservation):
        results["functions"][column][1] += 1
        check(machine, results)

    monkeypatch.setattr(Machine, "check_conservation", off_by_one)
    with pytest.raises(ModelBug, match="do not add up: .*1: -?1"):
        run("rx_overload", plane=plane, warmup=0, duration="3us")


def test_every_run_checks_conservation(monkeypatch):
    seen = []
    monkeypatch.setattr(Machine, "check_conservation", lambda machine, results: seen.append(results["functions"].copy()))
    run("packet_size", warmup=0, duration="5us")
    assert len(seen) == 1 and seen[0]["tx_packets"].sum() > 0


# Ctrl-C -----------------------------------------------------------------------------------------------------------

def cpu_seconds(pid: int) -> float:
    """Processor time that a running process has used: wall time says little on a busy machine."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("plane", ["reference", "fast"])
def test_ctrl_c_ends_a_long_run_soon_and_prints_what_was_measured(plane):
    command = [sys.executable, "-m", "nicmodel", "run", "vf_scaling", "--plane", plane, "--json", "--set", "packets=0",
               "--set", "duration=1000ms", "--set", "warmup=1us"]
    before = cpu_seconds_of_children()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while cpu_seconds(process.pid) < 4:                   # imports and bring-up take half of that where it is slow
            time.sleep(0.05)
            assert process.poll() is None, process.communicate()
        at_signal = cpu_seconds(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130 and err == ""
    assert cpu_seconds_of_children() - before - at_signal < 1
    simulated = json.loads(out)["simulated"]
    assert simulated["interrupted"] is True and simulated["totals"]["tx_packets"] > 100


def test_a_cap_that_the_warmup_reaches_leaves_a_window_of_one_step():
    result = run("vf_scaling", packets=1, warmup="100us", duration="640us")
    assert result.meta["window_ps"] == 10_000_000 and result.simulated["totals"]["tx_packets"] > 0


@pytest.mark.parametrize("plane", ["fast", "reference"])
def test_a_vf_that_is_polled_gets_no_interrupt_and_waits_for_the_poll(plane):
    """Frames a microsecond apart wait for the next of the polls, 100 us apart: from nearly nothing to nearly all of that."""
    result = run("one_vf", plane=plane, direction="rx", load="1Mpps", frame_size=64, ring_size=512, warmup="200us",
                 duration="1ms", packets=0, expect=[], record={"rows": True}, driver={"poll": "100us"})
    (vf,) = result.simulated["vfs"]
    assert 950 <= vf["rx_packets"] <= 1100 and 45_000 < vf["rx"]["latency_ns"]["p50"] < 55_000
    assert 95_000 < vf["rx"]["latency_ns"]["max"] < 105_000
    assert len(result.rows) > 1000 and (result.rows["INTERRUPTED"] < 0).all()


@pytest.mark.parametrize("plane", ["fast", "reference"])
def test_a_vf_that_has_sent_nothing_has_saved_its_burst(plane):
    """100 kB at once, then 1 Gb/s for about 1 ms: 125 kB more, to a frame."""
    result = run("one_vf", plane=plane, frame_size=1518, warmup=0, duration="1ms", packets=0, expect=[],
                 nic={"vf_rate": "1Gbps", "vf_burst": "100kB"})
    assert result.simulated["vfs"][0]["tx_bytes"] == pytest.approx(225_000, abs=2 * 1518)


def test_two_queues_share_the_load_that_a_vf_is_offered():
    result = run("one_vf", queues_per_vf=2, load="1Mpps", frame_size=64, warmup="100us", duration="1ms", packets=0, expect=[])
    assert result.simulated["vfs"][0]["tx_packets"] == pytest.approx(1000, abs=2)
    assert result.simulated["vfs"][0]["bottleneck"] == OFFERED


def test_what_is_just_allowed_runs_on_both_planes():
    """The slowest shaper with the most it can save, the slowest load, the most jitter, the longest and shortest throttle."""
    for keys in ({"nic.vf_rate": "1kbps", "nic.vf_burst": "125kB"}, {"load": "72bps", "frame_size": "9000B"},
                 {"host.read_jitter": 2**32 - 2, "driver.itr": "1046528ns"}, {"driver.itr": "2048ns"}):
        fast, reference = (run("one_vf", plane=plane, warmup=0, duration="100us", packets=0, expect=[], **keys).simulated
                           for plane in ("fast", "reference"))
        assert fast == reference, keys


@pytest.mark.parametrize(("packets", "capped"), [(500, True), (0, False), (10**6, False)])
def test_a_run_that_its_cap_has_ended_says_so(packets, capped):
    target = Console(width=200)
    with target.capture() as text:
        target.print(run_report(run("vf_scaling", packets=packets, warmup="20us", duration="80us")))
    said = "Capped    packets = 500 ended the run: " in text.get()
    assert said == capped
    assert (" of 80 us were measured; packets = 0 is no cap" in text.get()) == capped
