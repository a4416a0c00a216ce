"""Figures: the JSON's shape, what is divided and how, expectations, pictures."""

from __future__ import annotations

import io
import json
import tomllib
from pathlib import Path

import lab_fakes
import numpy as np
import pytest
from rich.console import Console

import nicmodel as nm
from nicmodel.datasheet.counters import DROP_REASONS, LATENCY_BINS, bin_lower_ps, latency_bin
from nicmodel.lab import expect, report, waiting
from nicmodel.lab.expect import Expectation
from nicmodel.lab.loading import build
from nicmodel.lab.results import RunResult, jain, latency_figures, simulated
from nicmodel.sim.errors import ScenarioError

RATES = {"mpps", "gbps", "latency_ns", "bottleneck", "waiting"}
FUNCTION = {
    "vf",
    "state",
    "rule",
    "tx_packets",
    "tx_bytes",
    "rx_packets",
    "rx_bytes",
    "tx",
    "rx",
    "drops",
    "waiting",
    "bottleneck",
    "utilisation",
}


def result(**overrides):
    scenario = build({"num_vfs": 3, "duration": "1ms"}, None, overrides)
    return RunResult(scenario, lab_fakes.run_machine(scenario), "fake")


def test_the_json_has_the_documented_shape():
    value = json.loads(result().to_json())
    assert set(value) == {"schema", "meta", "simulated", "wall"} and value["schema"] == 1
    figures = value["simulated"]
    assert set(figures) == {
        "vfs",
        "pf",
        "totals",
        "links",
        "utilisation",
        "interference",
        "expect",
        "interrupted",
    }
    for row in (figures["pf"], *figures["vfs"]):
        assert set(row) == FUNCTION
        assert set(row["tx"]) == set(row["rx"]) == RATES
        assert set(row["drops"]) == {reason.name for reason in DROP_REASONS}
        assert row["waiting"] is row["bottleneck"] is row["utilisation"] is None
        assert row["tx"]["waiting"] is row["rx"]["bottleneck"] is None
    assert figures["utilisation"] is figures["interference"] is figures["totals"]["steady"] is None
    assert set(figures["vfs"][0]["tx"]["latency_ns"]) == {"p50", "p99", "max"}
    assert figures["vfs"][0]["rx"]["latency_ns"] is None
    assert set(figures["totals"]) == {"tx_packets", "tx_bytes", "rx_packets", "rx_bytes", "drops", "steady", "jain"}
    assert all(set(link) == {"name", "direction", "bytes", "utilisation"} for link in figures["links"])
    assert [row["vf"] for row in figures["vfs"]] == [0, 1, 2]
    assert value["wall"]["plane"] == "fast" and "plane" not in json.dumps(value["meta"])


def test_rates_and_totals_come_from_integers():
    figures = result().simulated
    row = figures["vfs"][0]
    assert row["tx_packets"] == 1001
    assert row["tx"]["mpps"] == 1.001 and row["tx"]["gbps"] == 1001 * 512 * 8 / 10**6
    assert figures["totals"]["tx_packets"] == 3 * 1001 and figures["totals"]["jain"] == 1.0
    assert figures["links"][0]["utilisation"] == 0.25


def test_an_empty_window_divides_nothing():
    scenario = build({})
    measured = lab_fakes.run_machine(scenario)
    measured.window_ps = 0
    measured.functions[:] = 0
    for link in measured.links:
        link["window_ps"] = 0
    assert simulated(measured)["vfs"][0]["tx"]["mpps"] == 0.0


@pytest.mark.parametrize("values", [[5], [100, 200], list(range(1000, 100_000, 997)), [7] * 1000 + [10**9]])
def test_percentiles_are_of_the_ordered_values_bin(values):
    bins = np.zeros(LATENCY_BINS, np.int64)
    for value in values:
        bins[latency_bin(value)] += 1
    ordered = sorted(values)
    expected = {
        name: bin_lower_ps(latency_bin(ordered[-(-len(values) * percent // 100) - 1])) / 1000
        for name, percent in (("p50", 50), ("p99", 99), ("max", 100))
    }
    assert latency_figures(bins) == expected


def test_no_packet_has_no_latency():
    assert latency_figures(np.zeros(LATENCY_BINS, np.int64)) is None


def test_jain_is_of_running_vfs():
    figures = result(**{"driver.mutants.1": "vf_reports_no_capability"}).simulated
    assert figures["totals"]["jain"] == 1.0
    assert figures["vfs"][1]["state"] == "closed" and figures["vfs"][1]["tx_packets"] == 0
    assert jain([1, 3]) == 16 / 20


def test_figures_and_the_names_that_scenarios_are_checked_against_agree():
    assert set(expect.figures(result().simulated)) == expect.names(3)


@pytest.mark.parametrize(
    ("what", "bounds", "got", "ok"),
    [
        ("share.max - share.min", {"below": 0.01}, 0.0, True),
        ("totals.tx_packets / 3", {"equals": 1001}, 1001.0, True),
        ("vf0.tx_packets", {"below": 1001}, 1001, False),
        ("vf0.tx_packets", {"above": 1000, "below": 1002}, 1001, True),
        ("vf0.tx.latency_ns.p50 * 2", {"above": 5000}, None, False),
        ("-closed + 1", {"above": 1}, 1, False),
        ("vf0.rx.latency_ns.p99", {"below": 1}, None, False),
        ("jain / (drops.reset + 0)", {"below": 1}, None, False),
    ],
)
def test_an_expectation_is_judged_by_its_bound(what, bounds, got, ok):
    verdict = Expectation(what=what, source="test", **bounds).judge(expect.figures(result().simulated))
    assert verdict["ok"] is ok and set(verdict) == {"what", "got", "ok"}
    if got is not None:
        assert verdict["got"] == got


def test_shares_and_fairness_are_of_bytes():
    scenario = build({"num_vfs": 2})
    measured = lab_fakes.run_machine(scenario)
    measured.functions["tx_bytes"] = [0, 100, 300]
    found = expect.figures(simulated(measured))
    assert (found["share.min"], found["share.max"], found["jain"]) == (0.25, 0.75, 0.8)


def test_a_runs_expectations_decide_whether_it_is_ok():
    met = [{"what": "jain", "above": 0.9, "source": "x"}]
    unmet = [*met, {"what": "closed", "above": 0, "source": "x"}]
    assert result(expect=met).ok and not result(expect=unmet).ok


def test_the_front_door_runs_a_scenario(testbench, tmp_path):
    r = nm.run("vf_scaling", num_vfs=5, pcie={"mps": "128B"})
    assert len(r.vfs) == 5 and {"vf", "tx_mpps", "tx_p99_ns", "drop_no_descriptor"} <= set(r.vfs.columns)
    assert r.scenario.pcie.mps == 128
    assert nm.run(r.scenario, seed=9).simulated["vfs"][0]["tx_packets"] == 1009
    with pytest.raises(ScenarioError, match="argument: num_vfs"):
        nm.run("vf_scaling", num_vfs=0)
    for plane, said in (("slow", '"slow"'), (["fast"], r'\["fast"\]'), (3, "3")):
        with pytest.raises(ScenarioError, match=f"^{said} is not a plane: it must be one of fast, reference$"):
            nm.run("vf_scaling", plane=plane)
    picture = r.plot(tmp_path / "run.png")
    assert picture.read_bytes().startswith(b"\x89PNG") and list(tmp_path.iterdir()) == [picture]


def test_a_report_says_that_nothing_moved_and_no_figures_of_packets():
    run = nm.run("vf_scaling", num_vfs=2, warmup="1ns", duration="1ns")
    told = as_text(run)
    assert "Moved     nothing: no packet was sent or delivered in the window" in told
    assert "Links " in told and not [word for word in ("bottleneck", "Busy", "Fairness", "Latency") if word in told]
    told = as_text(nm.run("vf_scaling", num_vfs=2, warmup="1us", duration="20us"))
    assert "Moved" not in told and all(word in told for word in ("bottleneck", "Busy", "Fairness", "Latency"))


@pytest.mark.parametrize("width", [30, 40, 80, 100, 110, 140])
def test_a_terminal_of_any_width_loses_nothing(width):
    """Both directions do not fit into 80 columns, nor with a long reason of drops into 110: each has a table then."""
    run = nm.run("vf_scaling", num_vfs=2, direction="both", load="30%", duration="100us", traffic={"pf": True})
    run.measured.functions[1]["drop_queue_disabled"] = 1_234_567
    told = as_text(run, width)
    assert "\u2026" not in told and max(map(len, told.splitlines())) <= width
    tables = [line for line in told.splitlines() if line.split()[:2] == ["VF", "state"]]
    if width >= 80:
        assert len(tables) == (1 if width > 120 else 2) and "packets   Mpps" in told
        assert ["drops" in heading for heading in tables] == [False, True][-len(tables):], "told once"
        assert f" 1  running {run.vfs['tx_packets'][1]:>11,}" in told and "queue_disabled" in told


def test_a_result_is_shown_as_a_line():
    result = RunResult(build({}, "x", {}), lab_fakes.run_machine(build({}, "x", {})), "x")
    assert repr(result) == f"<RunResult {report.headline(result)}>" and "8 VFs" in repr(result)


def test_an_elasticity_that_rounds_to_nothing_has_no_sign():
    row = {"resource": "tags", "utilisation": 0.5, "named": 0, "predicted": 1.0, "factor": 1.1, "agrees": True, "promised": True}
    shown = io.StringIO()
    rows = [row | {"ratio": 1, "elasticity": -1e-4}, row | {"ratio": 0.9, "elasticity": -1}]
    Console(file=shown, width=110).print(waiting.relaxed_table(rows))
    assert "-0.00" not in shown.getvalue() and " -1.00 " in shown.getvalue()


@pytest.mark.parametrize(("sizes", "said"), [(["64B"], " 64 B,"), (["64B", "64B"], " 64 B,"),
                                              (["64B", 1518], " mix of 2 sizes (64-1518 B),")])
def test_a_headline_calls_a_mix_what_is_one(sizes, said):
    run = nm.run("vf_scaling", num_vfs=1, warmup="1ns", duration="1ns", traffic={"sizes": sizes})
    assert said in report.headline(run)


def test_a_headline_has_the_name_that_a_file_gives_itself(tmp_path):
    (tmp_path / "mine.toml").write_text('id = "two-sizes"\nnum_vfs = 1\nwarmup = "1ns"\nduration = "1ns"\n')
    run = nm.run(tmp_path / "mine.toml")
    assert report.headline(run).startswith(f"{run.to_dict()['meta']['scenario']}: ") and "two-sizes: " in repr(run)
    assert report.headline(nm.run(tmp_path / "mine.toml", id="other")).startswith("other: ")


def as_text(run, width=120):
    console = Console(width=width, file=io.StringIO())
    console.print(report.run_report(run))
    return console.file.getvalue()


def test_the_version_is_the_packages():
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert tomllib.loads(text)["project"]["version"] == nm.__version__
