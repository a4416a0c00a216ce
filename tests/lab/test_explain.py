"""`nicmodel explain` and the books in `nicmodel run`: on made-up runs, and end to end on short ones."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bare_books import US, Setup, measure
from lab_fakes import run_machine

from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.lab import explain as explaining
from nicmodel.lab.books import LINKS, NOBODY, OFFERED
from nicmodel.lab.console import show
from nicmodel.lab.explain import Trial, explain
from nicmodel.lab.loading import build
from nicmodel.lab.relax import BY_NAME, TENTH, Change
from nicmodel.lab.results import RunResult
from nicmodel.lab.waiting import explanation, relaxed_table, spans, utilisation_line, waiting_table
from nicmodel.lab.workers import Outcome
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.plane import Direction

ROOT = Path(__file__).parents[2]
SMALL = ("--plane", "reference", "--set", "profile=x520", "--set", "ring_size=64")
SHORT = (*SMALL, "--set", "warmup=60us", "--set", "duration=40us")
BRIEF = (*SMALL, "--set", "warmup=20us", "--set", "duration=20us")


@pytest.fixture(scope="module")
def book():
    """Four VFs whose 512-byte frames fill the wire."""
    return measure(Setup(window_ps=60 * US))


@pytest.fixture
def told(monkeypatch):
    """Runs done here, one after the other, instead of in workers."""

    def serial(work, jobs, count, finished, stop=None):
        for job in jobs:
            try:
                finished(Outcome(job, work(job)))
            except ZeroDivisionError as error:
                finished(Outcome(job, error=str(error)))

    monkeypatch.setattr(explaining, "run_all", serial)


def made_up(book, gains, fails=()):
    """Work whose runs deliver `gains` times the frames of the first, by the name of the trial."""

    def work(trial: Trial) -> RunResult:
        if trial.name in fails:
            raise ZeroDivisionError("no such luck")
        functions = book.functions.copy()
        functions["tx_packets"] = functions["tx_packets"] * 1000 * gains.get(trial.name, 1.0)
        measured = run_machine(trial.scenario)
        measured.functions, measured.window_ps, measured.books = functions, book.ps, replace(book, functions=functions)
        return RunResult(trial.scenario, measured, trial.name)

    return work


def scenario(**overrides):
    return build({"num_vfs": 4, "profile": "x520"}, "x", overrides)


def test_the_name_agrees_if_relaxing_it_brings_what_the_book_says(book, told):
    explained = explain(scenario(), "x", work=made_up(book, {"wire": 1.1}))
    rows = {row["resource"]: row for row in explained.relaxed}
    assert rows["wire"]["named"] == 4 and rows["up_link"]["named"] == rows["down_link"]["named"] == 0
    assert rows["wire"]["elasticity"] == pytest.approx(1, abs=0.01)
    assert rows["up_link"]["elasticity"] == rows["down_link"]["elasticity"] == 0
    assert all(row["agrees"] for row in rows.values())
    assert "walkers" not in rows and "shaper" not in rows, "the machine has none"
    assert [vf["vf"] for vf in rows["wire"]["vfs"]] == [0, 1, 2, 3]
    assert [vf["elasticity"] for vf in rows["wire"]["vfs"]] == [pytest.approx(1, abs=0.01)] * 4


@pytest.mark.parametrize(("left", "rate"), [(0.9, 0.9), (0.5, 0.5)])
def test_less_of_what_is_full_is_predicted_to_carry_less(book, left, rate):
    told = {name: explaining.predicted(BY_NAME[name], Change(), left, book, 1, Direction.TX, {}) for name in ("wire", "up_link")}
    assert told == {"wire": pytest.approx(rate, abs=0.01), "up_link": 1.0}


def last_cells(explained, capsys):
    """What the table of relaxed resources says of agreement."""
    show(relaxed_table(explained.relaxed))
    return {line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]}


@pytest.mark.parametrize(("gains", "wrong"), [({}, ["wire"]), ({"wire": 1.1, "core clock": 1.05}, ["core clock"])])
def test_the_name_does_not_agree_if_something_else_helps(book, told, capsys, gains, wrong):
    explained = explain(scenario(), "x", work=made_up(book, gains))
    assert [row["resource"] for row in explained.relaxed if not row["agrees"]] == wrong
    assert last_cells(explained, capsys) == {"yes", "NO"}


@pytest.mark.parametrize(("next_full", "promised"), [(0.76, True), (0.78, False)])
def test_a_prediction_is_no_promise_while_the_next_resource_has_no_room(book, told, capsys, next_full, promised):
    links = book.links.copy()
    links[LINKS["down_link"]] = int(next_full * book.ps * TICKS_PER_PS)
    explained = explain(scenario(), "x", work=made_up(replace(book, links=links), {}))
    assert {row["resource"]: row["promised"] for row in explained.relaxed if not row["agrees"]} == {"wire": promised}
    show(relaxed_table(explained.relaxed))
    assert ("no promise" in capsys.readouterr().out) != promised
    assert all(row["promised"] for row in explained.relaxed if not row["named"])


def test_what_nobody_used_is_not_relaxed(book, told):
    explained = explain(scenario(), "x", work=made_up(replace(book, held=book.held * 0), {}))
    assert {row["resource"] for row in explained.relaxed} == {"wire", "up_link", "down_link", "core clock", "vcpu"}


ONE_SIDED = {"profile": "x520", "num_vfs": 2, "direction": "vf2vf", "frame_size": 1518, "traffic.loads": {"0": "25%"},
             "ring_size": 512, "warmup": "2ms", "duration": "4ms"}

# name -> scenario, what is relaxed, who is limited by it, what everybody together gets of it
UNLIKE = {
    "a wire that limits the PF alone, VFs have shapers": (
        {"num_vfs": 4, "profile": "vf100g", "frame_size": 512, "traffic.pf": True, "nic.vf_rate": "20Gbps"}, "wire", 1, 1.1),
    "a wire that limits the PF alone, VFs share a core": (
        {"num_vfs": 8, "profile": "x520", "frame_size": 64, "traffic.pf": True, "host.cores": 1, "driver.tx_cost": "90ns",
         "warmup": "2ms", "duration": "1ms"}, "wire", 1, 1.1),
    "a core that limits one of those that share it": (
        {"num_vfs": 4, "frame_size": 256, "load": "400kpps", "traffic.loads": {"2": "saturated"}, "host.cores": 1,
         "driver.tx_cost": "400ns", "duration": "2ms"}, "vcpu", 1, 1.096),
    "two cores, of which each limits some": (
        {"num_vfs": 6, "frame_size": 256, "load": "400kpps", "traffic.loads": {v: "saturated" for v in "123"}, "host.cores": 2,
         "driver.tx_cost": "400ns", "duration": "2ms"}, "vcpu", 3, 1.098),
    # more is left of the wire for the PF than its own part of it
    "credits that limit the PF alone, VFs have shapers": (
        {"num_vfs": 3, "profile": "x520", "frame_size": 132, "traffic.pf": True, "nic.vf_rate": "900Mbps", "pcie.host_ph": 2,
         "ring_size": 128, "driver.batch": 64, "pcie.gen": 5, "nic.tag_functions": "round_robin"}, "up_credits", 1, 1.5),
    "shapers just below the load": (
        {"num_vfs": 2, "frame_size": 512, "load": "2Gbps", "nic.vf_rate": "1.9Gbps", "ring_size": 64}, "shaper", 2, 2 / 1.9),
    "receivers of what shapers let through": (
        {"num_vfs": 4, "direction": "vf2vf", "nic.vf_rate": "1Gbps", "ring_size": 64}, "shaper", 4, 1.1),
    # what is received is all that comes, and takes half of the core: the rest is for sending alone
    "a core that limits what its VF sends": (
        {"profile": "x520", "num_vfs": 4, "direction": "both", "load": "5%", "traffic.loads": {"3": "saturated"}, "warmup": "2ms",
         "duration": "8ms", "frame_size": 1518, "driver.tx_cost": "1500ns", "driver.rx_cost": "2500ns", "driver.batch": 8},
        "vcpu", 1, 1.111),
    "a core of a VF that sends more than it receives": (
        ONE_SIDED | {"driver.tx_cost": "2500ns", "driver.rx_cost": "2000ns", "driver.batch": 8}, "vcpu", 1, 1.094),
    "a core of two VFs, of which one sends more than it receives": (
        ONE_SIDED | {"driver.tx_cost": "2500ns", "driver.rx_cost": "2000ns", "driver.batch": 8, "host.cores": 1},
        "vcpu", 2, 1.101),
    # what VF 1 sends takes them twice: as it is sent, and as VF 0 receives it
    "credits, of two that send to each other the one sends more": (
        ONE_SIDED | {"frame_size": 260, "traffic.loads": {"0": "5%"}, "pcie.host_ph": 16, "host.write_latency": "2us"},
        "up_credits", 2, 1.126),
    "shapers just above the load": (
        {"num_vfs": 2, "frame_size": 512, "load": "1.95Gbps", "nic.vf_rate": "2Gbps", "ring_size": 64}, "shaper", 0, 1.0),
}


@pytest.mark.parametrize("case", UNLIKE)
def test_a_prediction_holds_where_not_all_are_limited_alike(case):
    settings, resource, named, gain = UNLIKE[case]
    s = scenario(**{"profile": "vf100g", "ring_size": 256, "warmup": "1ms", "duration": "500us"} | settings)
    base, row = explaining.run_trial(Trial("base", s, "fast")), BY_NAME[resource]
    change, factor = row.change(base.measured.books, TENTH)
    told = explaining.relaxed_row(row, change, float(factor), base, explaining.run_trial(Trial(resource, s, "fast", change)))
    assert told["utilisation"] > 0.96 and told["named"] == named
    assert told["ratio"] == pytest.approx(gain, abs=0.01) and told["predicted"] == pytest.approx(gain, abs=0.01)


@pytest.mark.parametrize("direction, named", [("rx", 0), ("both", 1)])
def test_a_saturated_peer_sends_more_on_a_faster_wire(direction, named):
    """Of what three peers send, a tenth of the line for all, nothing changes; the fourth sends a quarter of the line."""
    s = scenario(num_vfs=4, direction=direction, frame_size=512, load="10%", ring_size=256, warmup="300us", duration="1ms",
                 traffic={"loads": {"0": "saturated"}})
    base, row = explaining.run_trial(Trial("base", s, "fast")), BY_NAME["wire"]
    change, factor = row.change(base.measured.books, TENTH)
    told = explaining.relaxed_row(row, change, float(factor), base, explaining.run_trial(Trial("wire", s, "fast", change)))
    assert told["named"] == named and told["ratio"] > 1.07
    assert told["predicted"] == pytest.approx(told["ratio"], abs=0.005) and told["agrees"]


def test_nothing_is_promised_of_a_saturated_peer_where_something_else_is_full():
    """Tags are, and what is received takes them first."""
    s = scenario(num_vfs=2, profile="vf100g", direction="both", frame_size=1518, ring_size=256, warmup="500us", duration="500us",
                 traffic={"loads": {"0": "0.3Mpps"}}, pcie={"tags": 6}, host={"read_latency": "5us"})
    base, row = explaining.run_trial(Trial("base", s, "fast")), BY_NAME["wire"]
    change, factor = row.change(base.measured.books, TENTH)
    told = explaining.relaxed_row(row, change, float(factor), base, explaining.run_trial(Trial("wire", s, "fast", change)))
    assert told["named"] == 0 and not told["agrees"] and not told["promised"]


# name -> scenario, what is relaxed
UNPROMISED = {
    "reads of whom the DMA engine does not limit": (
        {"num_vfs": 2, "frame_size": 260, "traffic.loads": {"0": "0.3Mpps"}, "nic.read_cycles": 40}, "core clock"),
    "passes of a core that are long against the window": (
        {"num_vfs": 1, "frame_size": 512, "driver.batch": 64, "driver.tx_cost": "2us", "duration": "1200us"}, "vcpu"),
    # how often they are interrupted is not a matter of the CPU alone
    "passes that cost more than frames, on cores that limit some alone": (
        {"num_vfs": 8, "direction": "vf2vf", "frame_size": 64, "driver.batch": 7, "driver.rs_batch": 32, "host.cores": 1,
         "driver.tx_cost": "53ns", "driver.rx_cost": "81ns", "driver.pass_cost": "1us", "driver.irq_cost": "2us", "load": "90%",
         "driver.doorbell_cost": "100ns", "driver.itr": "20us", "duration": "8ms",
         "traffic.loads": {"0": "saturated", "1": "0.1Mpps", "2": "10%", "3": "10%"}}, "vcpu"),
    # sending takes next to nothing of a core that is full of what is received, and so does what passes cost
    "a core of which what it limits takes little": (
        {"num_vfs": 8, "direction": "both", "frame_size": 260, "ring_size": 64, "driver.batch": 7, "driver.tx_cost": "13ns",
         "driver.rx_cost": "1688ns", "driver.pass_cost": "200ns", "driver.irq_cost": 0, "driver.doorbell_cost": "100ns",
         "load": "10%", "traffic.loads": {"7": "saturated"}, "duration": "8ms"}, "vcpu"),
    # what it receives then is all that comes, and more of the core is left for sending
    "a VF that nearly receives all that comes": (
        {"num_vfs": 4, "direction": "both", "load": "5%", "traffic.loads": {"3": "saturated"}, "frame_size": 1518,
         "duration": "8ms", "driver.tx_cost": "1500ns", "driver.rx_cost": "3500ns", "driver.batch": 8}, "vcpu"),
}


@pytest.mark.parametrize("case", UNPROMISED)
def test_nothing_is_promised_of_what_the_book_does_not_know(case):
    settings, resource = UNPROMISED[case]
    s = scenario(**{"profile": "x520", "warmup": "2ms", "duration": "4ms"} | settings)
    base, row = explaining.run_trial(Trial("base", s, "fast")), BY_NAME[resource]
    change, factor = row.change(base.measured.books, TENTH)
    told = explaining.relaxed_row(row, change, float(factor), base, explaining.run_trial(Trial(resource, s, "fast", change)))
    assert told["named"] and not told["agrees"] and not told["promised"]


def test_without_a_name_nothing_is_claimed(book, told, capsys):
    idle = replace(book, links=book.links * 0)
    explained = explain(scenario(), "x", work=made_up(idle, {}))
    assert {row["agrees"] for row in explained.relaxed} == {row["predicted"] for row in explained.relaxed} == {None}
    assert explained.base.simulated["vfs"][0]["bottleneck"] == NOBODY
    assert last_cells(explained, capsys) == {"-"}


def test_a_choice_that_changes_who_gets_what_is_told(book, told):
    def work(trial):
        result = made_up(book, {})(trial)
        if trial.change.config == {"fetch": "fewest"}:
            result.measured.functions["tx_packets"][1] *= 2
        if trial.change.config == {"writers": "rx_first"}:
            waits = result.measured.books.waits
            result.measured.books = replace(result.measured.books, waits=np.roll(waits, 1, axis=-1))
        return result

    rows = {row["policy"]: row for row in explain(scenario(), "x", work=work).choices}
    assert not rows["fewest"]["shares"] and rows["fewest"]["bottleneck"] and rows["fewest"]["waiting"]
    assert rows["rx_first"]["shares"] and not rows["rx_first"]["waiting"]
    assert rows["descriptors_first"]["shares"] and rows["descriptors_first"]["ratio"] == 1


def test_a_run_that_failed_is_told_and_the_others_count(book, told, capsys):
    explained = explain(scenario(), "x", work=made_up(book, {}, fails=("tags",)))
    assert explained.failed == {"tags": "no such luck"} and not explained.interrupted
    assert "tags" not in [row["resource"] for row in explained.relaxed] and len(explained.relaxed) > 5
    show(explanation(explained))
    assert "Failed    tags: no such luck" in capsys.readouterr().out


def without_books(trial):
    result = RunResult(trial.scenario, run_machine(trial.scenario), "x")
    result.measured.books = None
    return result


def test_explain_needs_the_books(book, told):
    with pytest.raises(ScenarioError, match=r"record\.books"):
        explain(scenario(record={"books": False}), "x", work=made_up(book, {}))
    with pytest.raises(ScenarioError, match="keeps no books"):
        explain(scenario(), "x", work=without_books)


def test_a_first_run_that_was_stopped_is_all_there_is(monkeypatch):
    import threading

    monkeypatch.setattr(explaining, "run_all", lambda *arguments: pytest.fail("no run should begin"))
    stop = threading.Event()
    stop.set()
    explained = explain(scenario(num_vfs=1), "x", plane="reference", stop=stop)
    assert explained.interrupted and explained.base.interrupted and not explained.relaxed and not explained.choices
    json.dumps(explained.to_dict(), allow_nan=False)
    explanation(explained)


def test_what_was_not_run_before_a_stop_is_missing_and_told(book, told, monkeypatch):
    def only_one(work, jobs, count, finished, stop):
        finished(Outcome(jobs[0], work(jobs[0])))

    monkeypatch.setattr(explaining, "run_all", only_one)
    explained = explain(scenario(), "x", work=made_up(book, {}))
    assert explained.interrupted and [row["resource"] for row in explained.relaxed] == ["wire"]


# tables -------------------------------------------------------------------------------------------------
def test_functions_with_the_same_story_share_a_row(book, capsys):
    show(waiting_table(book))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 and lines[1].split()[:3] == ["0-3", "Tx", "wire"] and "wire" in lines[1].split()[3:]
    assert spans([2, 3, 4, 9, 11, 12]) == "1-3, 8, 10-11"
    assert utilisation_line({"a": 0.004, "b": 0.5, "c": 1.0}) == "c 100.0 %, b 50.0 %"


# end to end ---------------------------------------------------------------------------------------------
def test_a_run_says_what_limits_each_vf(command):
    status, out, _ = command("run", "one_vf", *SHORT, "--set", "num_vfs=2", "--json")
    simulated = json.loads(out)["simulated"]
    vf = simulated["vfs"][0]
    assert vf["bottleneck"] and sum(vf["waiting"].values()) == pytest.approx(1)
    assert vf["waiting"] == vf["tx"]["waiting"] and vf["rx"]["waiting"] is None
    assert simulated["pf"]["waiting"] is simulated["pf"]["bottleneck"] is None
    assert 0 < simulated["utilisation"]["wire"] <= 1 and 0 < vf["utilisation"]["vcpu"]
    assert simulated["totals"]["steady"] in (True, False)
    _, out, _ = command("run", "one_vf", *SHORT, "--set", "num_vfs=2")
    assert "waits for" in out and "Busy      " in out


def test_without_books_a_run_has_no_story(command):
    _, out, _ = command("run", "one_vf", *SHORT, "--set", "record.books=false", "--json")
    simulated = json.loads(out)["simulated"]
    vf = simulated["vfs"][0]
    assert vf["waiting"] is vf["bottleneck"] is vf["utilisation"] is vf["tx"]["waiting"] is None
    assert simulated["utilisation"] is simulated["interference"] is simulated["totals"]["steady"] is None
    _, out, _ = command("run", "one_vf", *SHORT, "--set", "record.books=false")
    assert "waits for" not in out and "Busy" not in out


def test_a_plane_that_keeps_no_books_runs_all_the_same(command, monkeypatch):
    from nicmodel.reference.plane import ReferencePath

    kept = ReferencePath.results
    without = {"waits", "row_waits", "grants", "agents", "pools", "own_tags", "served", "interference", "audit"}
    monkeypatch.setattr(ReferencePath, "results", lambda plane: {k: v for k, v in kept(plane).items() if k not in without})
    status, out, _ = command("run", "one_vf", *BRIEF, "--json")
    simulated = json.loads(out)["simulated"]
    assert simulated["vfs"][0]["bottleneck"] is simulated["totals"]["steady"] is None
    status, _, err = command("explain", "one_vf", *BRIEF)
    assert status == 2 and "keeps no books" in err


def test_books_change_nothing_else(command):
    runs = [json.loads(command("run", "one_vf", *SHORT, "--set", f"record.books={on}", "--json")[1])["simulated"]
            for on in ("true", "false")]
    for simulated in runs:
        for row in (simulated["pf"], *simulated["vfs"]):
            for part in (row, row["tx"], row["rx"]):
                part.update(waiting=None, bottleneck=None, utilisation=None)
        simulated.update(utilisation=None, interference=None)
        simulated["totals"]["steady"] = None
    assert runs[0] == runs[1]


def test_a_change_reaches_the_plane_the_drivers_the_shapers_and_the_wire():
    from fractions import Fraction

    from nicmodel.lab.testbench import run_machine as really_run

    base = {"profile": "x520", "num_vfs": 1, "ring_size": 64, "warmup": "50us", "duration": "50us", "frame_size": 512}
    double = Fraction(2)
    for given, change in (({"host.read_latency": "9us", "pcie.tags": 1}, Change({"tags": 2})),
                          ({"driver.tx_cost": "2us", "driver.batch": 4}, Change(cpu=double)),
                          ({"nic.vf_rate": "1Gbps"}, Change(shaper=double)),
                          ({"direction": "rx", "frame_size": 1024}, Change({"wire_byte_ticks": 409_600}, arrivals=double))):
        made = build(base, "x", given)
        before, after = (really_run(made, plane="reference", change=c).functions for c in (None, change))
        moved = [int(f["tx_packets"][1] + f["rx_packets"][1]) for f in (before, after)]
        assert moved[1] > 1.6 * moved[0] > 0, (given, moved)


def test_explain_runs_from_the_command_line(command):
    status, out, _ = command("explain", "one_vf", *BRIEF, "--workers", "2", "--json")
    explained = json.loads(out)
    assert status == 0 and not explained["failed"] and not explained["interrupted"]
    assert {"wire", "up_link", "down_link", "tags", "vcpu"} <= {row["resource"] for row in explained["relaxed"]}
    assert {row["parameter"] for row in explained["choices"]} >= {"upstream", "fetch", "completions"}
    assert explained["simulated"]["vfs"][0]["bottleneck"]
    page = (ROOT / "docs" / "explain.md").read_text().split("## The same as JSON")[1].split("\n## ")[0]
    said = [set(re.findall(r"`(\w+)`", line.split("|")[2])) for line in page.splitlines() if line.startswith("|")]
    rows = explained["relaxed"][0].keys() | explained["choices"][0].keys()
    assert set.union(*said) == rows and {"failed", "interrupted"} <= set(re.findall(r"`(\w+)`", page))


@pytest.mark.parametrize(("senders", "more"), [({(1, Direction.TX)}, {(2, Direction.RX)}),
                                               ({(1, Direction.TX), (3, Direction.TX)}, set())])
def test_who_receives_from_limited_senders_alone_takes_part_with_them(senders, more):
    names = {(1, Direction.TX): "vcpu", (2, Direction.RX): OFFERED, (3, Direction.TX): OFFERED}
    limited = explaining.limited_by_name(BY_NAME["vcpu"], names, {(2, Direction.RX): senders})
    assert limited == {"vcpu": {(1, Direction.TX)} | more}
