"""Loads of a VF's own: what it means, what is refused, and that a neighbour's does not take another VF's."""

from __future__ import annotations

from pathlib import Path

import pytest

import nicmodel as nm
from nicmodel.lab.loading import build
from nicmodel.lab.report import headline
from nicmodel.lab.settings import plane_settings
from nicmodel.lab.workload import workload
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.plane import Direction

BASE = {"profile": "x520", "num_vfs": 4, "direction": "both", "frame_size": "64B", "load": "10%", "warmup": "100us",
        "duration": "300us", "driver": {"itr": "20us"}, "nic": {"tx_buffer": "10kB"}}          # which is soon full


@pytest.mark.parametrize("plane", ["fast", "reference"])
def test_each_vf_gets_its_own_load_and_the_others_keep_theirs(plane):
    short = {"warmup": "60us", "duration": "60us"} if plane == "reference" else {}
    run = nm.run(build(BASE | short | {"traffic": {"loads": {"0": "saturated", "2": "2Mpps"}}}), plane=plane)
    tx, rx = run.vfs["tx_mpps"], run.vfs["rx_mpps"]
    line = 10_000 / (84 * 8)
    even = 0.1 * line / 4
    frame = 2e6 / run.measured.window_ps              # at both edges
    assert tx[0] > 0.6 * line
    assert rx[0] == pytest.approx(line / 4, rel=0.2)
    for vf, rate in ((1, even), (2, 2.0), (3, even)):
        assert tx[vf] == pytest.approx(rate, rel=0.05, abs=frame) and rx[vf] == pytest.approx(rate, rel=0.1, abs=8 * frame)
    assert "load 10% (VF 0 saturated, VF 2 2Mpps)" in headline(run)


def test_a_load_of_ones_own_that_is_that_of_the_others_changes_nothing():
    plain = nm.run(build(BASE)).simulated
    same = nm.run(build(BASE | {"traffic": {"loads": {str(vf): "10%" for vf in range(4)}}})).simulated
    assert same == plain


def test_the_page_says_how_long_quiet_vfs_wait_behind_a_noisy_one():
    said = " ".join((Path(__file__).parents[2] / "docs" / "explain.md").read_text().split())
    noisy, alone, small = (nm.run("noisy_neighbour", **keys).simulated["vfs"][1]
                           for keys in ({}, {"traffic.loads": {}}, {"nic.tx_buffer": "10kB"}))
    after, before, briefly = (vf["tx"]["latency_ns"]["p50"] / 1000 for vf in (noisy, alone, small))
    assert f"half of their frames take more than {int(after)} us instead of {before:.1f}" in said
    assert f"{noisy['waiting']['wire']:.0%} of it".replace("%", " %") in said and f"it is about {briefly:.0f} us" in said


def test_the_books_know_what_each_vf_was_offered():
    scenario = build(BASE | {"traffic": {"loads": {"0": "saturated", "1": "1Mpps"}}})
    found = workload(scenario, plane_settings(scenario))
    assert [found.offered(function, Direction.TX) for function in (1, 2)] == [0, 1024 * 10**6]
    assert found.offered(3, Direction.TX) == found.offered(0, Direction.TX) == scenario.interval_ticks(Direction.TX) > 0


def test_what_a_vf_receives_from_another_is_what_that_is_offered_to_send():
    scenario = build(BASE | {"direction": "vf2vf", "load": "saturated", "traffic": {"loads": {"0": "2Gbps"}}})
    found = workload(scenario, plane_settings(scenario))
    assert [found.offered(function, Direction.RX) for function in (1, 2, 3, 4)] == [0, found.offered(1, Direction.TX), 0, 0]
    assert found.senders == {2: 1, 3: 2, 4: 3, 1: 4}
    assert workload(build(BASE), found.config).senders == {}


def test_who_receives_more_than_it_sends_is_not_limited_by_its_own_load():
    """VF 1 sends to VF 0 as fast as it can, faster than that one's core takes; of what VF 0 sends it gets all."""
    run = nm.run(build(BASE | {
        "num_vfs": 2, "direction": "vf2vf", "frame_size": "1518B", "load": "saturated", "traffic": {"loads": {"0": "5%"}},
        "driver": {"tx_cost": "1500ns", "rx_cost": "2500ns", "batch": 8}, "warmup": "1ms", "duration": "4ms"}))
    assert [vf[way]["bottleneck"] for vf in run.simulated["vfs"] for way in ("tx", "rx")] == [
        "offered load", "vcpu", "vcpu", "offered load"]


@pytest.mark.parametrize(("changes", "says"), [
    ({"traffic.loads.4": "5%"}, "traffic.loads.4: there is no VF 4: VFs are numbered 0 to 3"),
    ({"traffic.loads": {"pf": "5%"}}, 'traffic.loads: "pf" is not allowed: a load is that of a VF, by its number'),
    ({"traffic.loads.0": 1}, "traffic.loads.0: 1 is not allowed: the whole line is"),
    ({"traffic.loads.0": "much"}, 'traffic.loads.0: "much" is not a load'),
    ({"traffic.loads": "5%"}, 'traffic.loads: "5%" is not allowed: write a table like'),
    ({"traffic.loads.0": "7.5Gbps"}, 'traffic.loads: with "10%" for the others not allowed: 4 functions would receive more'),
    ({"traffic.loads.0": "1bps", "frame_size": "1518B"},
     "traffic.loads.0: \"1bps\" is not allowed: a function's frames would be more than 1000s apart"),
    ({"traffic.loads.0": "5%", "life.attached": 2}, "traffic.loads: a load of a VF's own is not allowed with .life."),
])
def test_what_cannot_be_is_one_sentence(changes, says):
    with pytest.raises(ScenarioError, match=says):
        build(BASE, "x.toml", changes)
