"""[faults]: what is taken back at a time takes effect then, on both planes alike; what cannot be is one sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import nicmodel as nm
from nicmodel.datasheet.ndis import MediaConnectState
from nicmodel.datasheet.stages import STAGES
from nicmodel.lab import faults
from nicmodel.lab.loading import build
from nicmodel.lab.machine import Machine
from nicmodel.lab.testbench import run_machine
from nicmodel.sim.errors import ScenarioError

PLAIN = {"profile": "x520", "num_vfs": 2, "frame_size": "256B", "warmup": 0, "duration": "60us", "record.rows": True,
         "direction": "both"}
EVENTS = {
    "flr": {"at": "30us", "kind": "flr", "vf": 1},
    "pause": {"at": "30us", "kind": "pause", "duration": "10us"},
    "wire down": {"at": "30us", "kind": "wire_down", "duration": "10us"},
    "wire down for good": {"at": "30us", "kind": "wire_down"},
    "retrain": {"at": "30us", "kind": "retrain", "duration": "10us"},
    "retrain to Gen1 x1": {"at": "30us", "kind": "retrain", "duration": "1us", "gen": 1, "lanes": 1},
}


def scenario(*events: dict[str, object], **keys: object):
    return build({}, "faults", PLAIN | keys | {"faults.events": list(events)}, where="argument")


def test_a_wire_that_is_paused_half_of_the_time_is_what_limits():
    halves = [{"at": f"{at}us", "kind": "pause", "duration": "30us"} for at in (0, 60, 120, 180)]
    run = nm.run(scenario(*halves, direction="tx", duration="240us"))
    busy = {(link["name"], link["direction"]): link["utilisation"] for link in run.simulated["links"]}
    assert 0.45 < busy["wire", "tx"] < 0.55 and {vf["bottleneck"] for vf in run.simulated["vfs"]} == {"wire"}


def starts(measured, start: int, end: int) -> int:
    """Frames that started on the wire in a stretch of time after the start of traffic."""
    at = measured.rows["ON_WIRE"] - (measured.simulated_ps - 60_000_000)
    return int(((at >= start) & (at < end)).sum())


@pytest.fixture(scope="module")
def runs():
    return {name: {plane: run_machine(scenario(event), plane=plane) for plane in ("fast", "reference")}
            for name, event in EVENTS.items()}


@pytest.mark.parametrize("name", EVENTS)
def test_both_planes_agree(runs, name):
    fast, reference = runs[name]["fast"], runs[name]["reference"]
    assert (fast.rows == reference.rows).all()
    assert (fast.functions == reference.functions).all()
    assert fast.links == reference.links


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_happens_before_its_time(runs, name):
    plain = run_machine(scenario())
    early = plain.simulated_ps - 60_000_000 + 30_000_000
    for stage in STAGES[2:]:                # POSTED and DOORBELL are recorded when the descriptor is here
        before, after = (np.sort(rows[stage][rows[stage] < early]) for rows in (plain.rows, runs[name]["fast"].rows))
        before, after = before[before >= 0], after[after >= 0]
        assert len(before) > 10 and before.tolist() == after.tolist(), stage


def test_frames_that_have_not_started_wait(runs):
    for name, first in (("pause", 31_000_000), ("wire down", 30_000_001)):      # the adapter's reaction to a PAUSE takes time
        run = runs[name]["fast"]
        assert starts(run, first, 40_000_000) == 0 and starts(run, first + 10_000_000, 60_000_000) > 20
    assert starts(runs["wire down for good"]["fast"], 30_000_001, 60_000_000) == 0
    plain = run_machine(scenario())
    busy = {name: runs[name]["fast"].links[0]["busy_ps"] for name in ("retrain", "retrain to Gen1 x1")}
    assert busy["retrain"] < 0.95 * plain.links[0]["busy_ps"] and busy["retrain to Gen1 x1"] > plain.links[0]["busy_ps"]


@pytest.mark.parametrize(("duration", "quanta"), [(51_200, 1), (51_201, 2), (102_400, 2)])
def test_a_pause_is_as_many_quanta_as_its_duration_needs(duration, quanta):
    told = []
    machine = SimpleNamespace(config=SimpleNamespace(wire_byte_ticks=1024 * 800), device=SimpleNamespace(pause_in=told.append))
    faults.pause(machine, SimpleNamespace(duration=duration))
    assert told == [quanta]                                          # of 512 bits at 10 Gb/s


def test_a_vf_that_is_reset_stays_silent_and_the_other_goes_on(runs):
    run = runs["flr"]["fast"]
    rows = run.rows
    late = run.simulated_ps - 60_000_000 + 30_500_000        # a frame on the wire goes on
    assert run.functions["drop_reset"][2] > 0 and run.functions["drop_reset"][1] == 0
    for stage in ("DATA_FETCHED", "ON_WIRE", "DATA_WRITTEN"):
        assert not (rows[stage][rows["function"] == 2] > late).any() and (rows[stage][rows["function"] == 1] > late).any(), stage


@pytest.mark.parametrize(("event", "says"), [
    ({"kind": "flr", "vf": 0}, "faults.events.0.at is missing"),
    ({"at": "1us", "kind": "fire"}, "must be one of flr, pause, wire_down, retrain"),
    ({"at": "1us", "kind": "flr"}, '"flr" needs vf'),
    ({"at": "1us", "kind": "flr", "vf": 2}, "there is no VF 2: VFs are numbered 0 to 1"),
    ({"at": "1us", "kind": "flr", "vf": 0, "duration": "1us"}, '"flr" takes no duration: beside at and kind it takes vf'),
    ({"at": "1us", "kind": "pause"}, '"pause" needs a duration'),
    ({"at": "1us", "kind": "pause", "duration": "4ms"}, "a PAUSE lasts at most 3355392ns on this wire"),
    ({"at": "1us", "kind": "retrain"}, '"retrain" needs a duration'),
    ({"at": "1us", "kind": "retrain", "duration": "1us", "gen": 6}, "must be one of 1, 2, 3, 4, 5"),
    ({"at": "60us", "kind": "wire_down"}, "the run ends 60us after the start of traffic"),
    ({"at": "1us", "kind": "wire_down", "what": 1}, "faults.events.0.what is not a key"),
    ({"at": "1Gbps", "kind": "wire_down"}, "faults.events.0.at"),
])
def test_what_cannot_happen_is_said_in_a_sentence(event, says):
    with pytest.raises(ScenarioError, match=says.replace("(", r"\(")):
        scenario(event)


def test_events_survive_being_written_and_read_again():
    made = scenario(*EVENTS.values())
    assert build(made.config(), "again", {}, where="argument") == made


@pytest.mark.parametrize("plane", ["fast", "reference"])
def test_every_link_follows_the_wire(plane):
    """LSC to the PF, a message and a stale block to every VF, NDIS_STATUS_LINK_STATE of each, down and up again (G-14)."""
    machine = Machine(scenario({"at": "10us", "kind": "wire_down", "duration": "150us"}, duration="400us"), plane)
    machine.bring_up()
    machine.start_traffic()
    faults.schedule(machine)
    adapters = [machine.stack.pf, *(machine.stack.guests[v].adapter for v in range(2))]
    told = [adapter.ndis.checker.seen.calls["NdisMIndicateStatusEx"] for adapter in adapters]
    before = [len(calls) for calls in told]
    up, down = MediaConnectState.CONNECTED, MediaConnectState.DISCONNECTED
    for at, expected in ((5, up), (150, down), (350, up)):
        machine.device.run_until(machine.started + at * 1_000_000)
        assert [adapter.ndis.link_state for adapter in adapters] == [expected] * 3, at
    assert [len(calls) - was for calls, was in zip(told, before, strict=True)] == [2, 2, 2], "each is told once of each change"
    assert machine.stack.reports() == []


@pytest.mark.parametrize("away", [{"kind": "pf_halt"}, {"kind": "pf_surprise"},
                                  {"kind": "re_enable", "num_vfs": 1}], ids=lambda event: event["kind"])
def test_a_vf_that_is_away_has_nothing_to_reset(away):
    """Nor does its number stop the run: nobody answers the host's write."""
    lives = {"load": "0.02Mpps", "duration": "300us", "life.events": [{"at": "20us", **away}]}
    plain, reset = (nm.run(scenario(*events, **lives)).simulated for events in ((), ({"at": "250us", "kind": "flr", "vf": 1},)))
    assert reset == plain


def test_an_event_that_falls_into_the_window_is_not_said_to_want_more_warm_up(command, tmp_path):
    """With more of it the event would be over before anything is measured."""
    file = tmp_path / "x.toml"
    file.write_text('num_vfs = 2\nload = "20%"\nduration = "300us"\n[[faults.events]]\nat = "100us"\nkind = "flr"\nvf = 1\n')
    said = " ".join(command("run", file)[1].split())
    assert "what was before it: 1 event of the scenario began in it; warmup and duration choose" in said and "double" not in said
    said = " ".join(command("run", file, "--set", "warmup=90us")[1].split())
    assert "1 event of the scenario began in it" in said
    said = " ".join(command("run", "vf_scaling", "--set", "warmup=20us", "--set", "duration=20us")[1].split())
    assert "or it was cut: double warmup" in said
