"""[life]: guests' VFs come and go under traffic, on both planes alike."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from life_scripts import PLAIN, drawn, scenario

import nicmodel as nm
from drivers.mutants import MUTANTS
from drivers.vf_hardware import PF_POLL_MOST_PS, PF_POLL_PS, PF_POLL_SHARE
from nicmodel.datasheet.stages import DELIVERED
from nicmodel.datasheet.timing import HANDOVER_REACH_PS
from nicmodel.lab.expect import LIFE, life_figures, names
from nicmodel.lab.life import CARRIED_OUT
from nicmodel.lab.life_keys import KINDS, PLACES
from nicmodel.lab.life_ledger import SPANS
from nicmodel.lab.life_report import guests_line, us
from nicmodel.lab.loading import build, shipped
from nicmodel.lab.testbench import bring_up

SCENARIOS = [name for name in shipped() if name.startswith("life_")]
US = 1_000_000
PAGE = (Path(nm.__file__).parent.parent / "docs/life.md").read_text()


def life_of(*events, plane="fast", **keys):
    return nm.run(scenario(*events, **keys), plane=plane).simulated["life"]


@cache
def shipped_run(name, plane="fast"):
    return nm.run(name, plane=plane)


@pytest.mark.parametrize(("slower", "other"), [("vmbus_cost", "switch_cost"), ("switch_cost", "vmbus_cost")])
def test_the_slower_of_channel_and_switch_paces_a_guest_without_a_vf(slower, other):
    keys = {"life.attached": 0, "num_vfs": 1, "direction": "tx", "load": "saturated"}
    (guest,) = life_of(**keys, **{f"life.{slower}": "4us", f"life.{other}": "1us"})["guests"]
    assert guest["tx_vf"] == 0 and 85 <= guest["tx_synthetic"] <= 100      # in 400 us, of which the first frame takes some
    assert guest["tx_offered"] is None and f"Tx 0 over VFs, {guest['tx_synthetic']} over" in guests_line([guest])


@pytest.fixture(scope="module")
def migration():
    return {"fast": shipped_run("life_migration")}


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_planes_simulate_the_same_to_the_last_digit(name):
    fast, reference = (json.dumps(shipped_run(name, plane).simulated) for plane in ("fast", "reference"))
    assert fast == reference


@pytest.mark.parametrize("seed", range(8))
def test_both_planes_agree_on_lives_drawn_at_random(seed):
    """And no driver of ours breaks a rule, and every frame to a guest ends somewhere."""
    made = build({}, f"life {seed}", drawn(seed), where="argument")
    fast, reference = (nm.run(made, plane=plane) for plane in ("fast", "reference"))
    assert json.dumps(fast.simulated) == json.dumps(reference.simulated)
    assert not fast.broken_rules
    for guest in fast.simulated["life"]["guests"]:
        assert guest["rx_offered"] == sum(guest[key] for key in ("rx_vf", "rx_synthetic", "rx_lost", "rx_inside"))
        assert 0 <= guest["rx_inside"] <= 2 and guest["tx_held"] >= 0


def test_frames_of_every_guest_add_up(migration):
    result = migration["fast"]
    for guest in result.simulated["life"]["guests"]:
        parts = sum(guest[key] for key in ("rx_vf", "rx_synthetic", "rx_lost", "rx_inside"))
        assert guest["rx_offered"] == parts == 500
    lost = [row["lost"] for row in result.simulated["life"]["handovers"]]
    unbound = sum(row["reasons"].get("unbound", 0) for row in lost)
    assert sum(row["rx"] for row in lost) - unbound == sum(result.simulated["totals"]["drops"].values()) > 0
    assert unbound == 3, "5 us of draining, a frame every 2 us"


def test_frames_are_lost_in_the_two_windows_and_nowhere_else(migration):
    over, back = migration["fast"].simulated["life"]["handovers"]
    assert over["lost"]["places"]["driver_halted"] == over["lost"]["rx"] > 5
    assert back["lost"]["places"]["vf_not_ready"] == back["lost"]["rx"] > 20
    for row in (over, back):
        window = row["window"]["end_ps"] - row["window"]["begin_ps"]
        assert abs(row["lost"]["rx"] * 2 * US - window) < 4 * US, "a frame comes every 2 us"
        assert row["rx_dark_ps"] > window - 13 * US, "VMBus still delivers what it has: 12 us and a frame"


def test_the_synthetic_path_carries_the_guest_meanwhile(migration):
    guest = migration["fast"].simulated["life"]["guests"][1]
    assert guest["rx_synthetic"] > 100 and guest["tx_synthetic"] > 100 and guest["tx_lost"] == 0
    assert guest["tx_vf"] + guest["tx_synthetic"] + guest["tx_held"] == guest["tx_offered"] == 500 and guest["tx_held"] < 3


def test_steps_come_in_page_order(migration):
    steps = [event["step"] for event in migration["fast"].simulated["life"]["events"]]
    assert steps == sorted(steps, key=lambda step: (step[:2] == "UP", step))
    assert {"DN-01", "DN-03", "DN-04", "DN-05", "DN-06", "DN-07", "UP-10", "UP-12", "UP-13", "UP-17", "UP-19"} <= set(steps)


def test_report_and_picture_show_the_hand_overs(migration, tmp_path, command):
    picture = migration["fast"].plot(tmp_path / "life.png")
    assert picture.read_bytes().startswith(b"\x89PNG")
    status, out, _ = command("run", "life_migration")
    assert status == 0
    dark = [us(row["rx_dark_ps"]) for row in migration["fast"].simulated["life"]["handovers"]]
    for words in ("fail_over", "driver halted 14", "VF not ready 51", "MOVE_FILTER to the default VPort", "0 lost", *dark):
        assert words in out


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped_scenarios_keep_what_they_expect(name):
    result = shipped_run(name)
    assert result.ok, result.simulated["expect"]
    assert not result.broken_rules


# a later hand-over waits -------------------------------------------------------------------------------------
def test_a_hand_over_waits_for_the_one_before_it_and_not_for_other_guests():
    rows = life_of({"at": "10us", "kind": "detach_vf", "vf": 0}, {"at": "11us", "kind": "attach_vf", "vf": 0},
                   {"at": "12us", "kind": "detach_vf", "vf": 1})["handovers"]
    begins = {(row["guest"], row["kind"]): row["at_ps"] for row in rows}
    ends = {(row["guest"], row["kind"]): row["end_ps"] for row in rows}
    assert begins[0, "attach_vf"] == ends[0, "detach_vf"] > 40 * US
    assert begins[1, "detach_vf"] == 12 * US


def test_a_guest_that_gets_no_vf_is_passed_over():
    """The only VF is still being taken from the other guest when this one asks for it."""
    keys = {"life.events": [{"at": "1us", "kind": "re_enable", "num_vfs": 1}, {"at": "10700us", "kind": "detach_vf", "vf": 0},
                            {"at": "10701us", "kind": "attach_vf", "vf": 1}, {"at": "10800us", "kind": "sleep", "vf": 1}],
            "duration": "11ms", "load": "0.02Mpps"}
    events = nm.run(build({}, "late", PLAIN | keys, where="argument")).simulated["life"]["events"]
    failed = [(event["step"], event["status"]) for event in events if event["status"] != "SUCCESS"]
    assert failed == [("UP-10", "RESOURCES"), ("-", "FAILURE")]


def test_guests_that_come_back_in_another_order_get_other_vfs():
    life = life_of({"at": "1us", "kind": "detach_vf", "vf": 0}, {"at": "1us", "kind": "detach_vf", "vf": 1},
                   {"at": "100us", "kind": "attach_vf", "vf": 1}, {"at": "101us", "kind": "attach_vf", "vf": 0})
    assert [row["end_ps"] is not None for row in life["handovers"]] == [True] * 4
    assert all(guest["rx_vf"] > 50 and guest["tx_vf"] > 50 for guest in life["guests"])


def test_a_guest_may_begin_without_a_vf():
    life = life_of({"at": "50us", "kind": "attach_vf", "vf": 1}, **{"life.attached": 1})
    first, second = life["guests"]
    assert first["rx_synthetic"] == first["tx_synthetic"] == 0
    assert second["rx_synthetic"] > 15 and second["tx_synthetic"] > 15 and second["rx_vf"] > 50 and second["tx_vf"] > 50


def test_without_guests_that_come_and_go_nothing_is_said_of_life():
    assert "life" not in nm.run("one_vf", packets=100).simulated


# every kind of event -----------------------------------------------------------------------------------------
def test_a_surprise_is_told_after_the_device_has_gone_and_its_driver_touches_nothing():
    """The driver of a VF that was removed neither reads nor writes a register: the VF is as its last owner left it."""
    result = nm.run(scenario({"at": "50us", "kind": "surprise_remove", "vf": 1}))
    steps = [(event["step"], event["actor"]) for event in result.simulated["life"]["events"]]
    assert steps[:2] == [("DN-02", "VPCI"), ("DN-03", "NetVSC")] and steps[-1][0] == "DN-07"
    row, = result.simulated["life"]["handovers"]
    assert row["lost"]["places"]["driver_halted"] == row["lost"]["rx"] > 10
    assert result.simulated["life"]["guests"][1]["rx_synthetic"] > 50


def test_a_reset_of_the_pf_loses_frames_of_all_and_nothing_else():
    rows = shipped_run("life_pf_reset").simulated["life"]["handovers"]
    assert len(rows) == 4
    for row in rows:
        assert row["lost"]["places"]["pf_away"] == row["lost"]["rx"] > 400
        assert 10_000 * US < row["rx_dark_ps"] < 10_500 * US


def test_a_pf_that_is_pulled_out_takes_every_vf_with_it_and_nothing_of_the_books():
    """VFs go first, each by surprise; nobody is asked anything; what comes meanwhile is lost where the PF is away."""
    simulated = shipped_run("life_pf_surprise").simulated
    gone = [event for event in simulated["life"]["events"] if event["at_ps"] < 2_000 * US]
    assert [(event["actor"], event["step"]) for event in gone if event["guest"] == 3] == [
        ("VPCI", "DN-02"), ("NetVSC", "DN-03"), ("VF", "DN-03"), ("VF", "DN-03")]
    assert [event["what"] for event in gone if event["guest"] is None] == ["surprise removal", "MiniportPause", "MiniportHaltEx"]
    assert not any(event["actor"] == "VS" for event in gone), "there is no PF to ask"
    surprises, starts = simulated["life"]["handovers"][:4], simulated["life"]["handovers"][4:]
    each = {row["lost"]["places"]["pf_away"] for row in surprises} | {row["lost"]["rx"] for row in surprises}
    assert each == {49, 50}, "a frame every 20 us for 1 ms"
    assert all(row["lost"]["places"]["pf_away"] == row["lost"]["rx"] > 500 for row in starts)
    for guest in simulated["life"]["guests"]:
        assert guest["rx_offered"] == sum(guest[key] for key in ("rx_vf", "rx_synthetic", "rx_lost", "rx_inside")) == 700
        assert guest["tx_offered"] == guest["tx_vf"] + guest["tx_synthetic"] + guest["tx_held"] and guest["tx_lost"] == 0
    assert [row["state"] for row in simulated["vfs"]] == ["running"] * 4


@pytest.mark.parametrize("asleep", ["5ms", "1100ms"])
def test_vfs_go_on_after_a_pf_that_slept(asleep):
    """Longer than any driver polls a register, too."""
    duration = f"{int(asleep[:-2]) + 40}ms"
    events = [{"at": "1ms", "kind": "pf_sleep"}, {"at": asleep, "kind": "pf_resume"}]
    life = life_of(*events, load="0.001Mpps", duration=duration)
    assert [event["status"] for event in life["events"]] == ["SUCCESS"] * 3
    for guest in life["guests"]:
        assert guest["rx_vf"] > 15 and guest["tx_vf"] > 15 and guest["rx_synthetic"] == 0
        mine = [row["lost"]["places"]["pf_away"] for row in life["handovers"] if row["guest"] == guest["guest"]]
        assert guest["rx_lost"] == sum(mine) > 3


def test_a_guest_that_sleeps_sends_nothing():
    guest = shipped_run("life_sleep").simulated["life"]["guests"][1]
    assert guest["tx_synthetic"] == 0 and guest["tx_held"] > 100 and guest["tx_vf"] > 100


def test_a_pf_that_starts_anew_has_as_many_vfs_as_it_is_told():
    result = shipped_run("life_re_enable")
    assert [row["state"] for row in result.simulated["vfs"]] == ["running", "running", "synthetic", "synthetic"]
    guests = result.simulated["life"]["guests"]
    assert all(guest["rx_vf"] > 130 for guest in guests[:2]) and all(guest["rx_synthetic"] > 80 for guest in guests[2:])


def test_every_vf_of_the_adapter_comes_up_among_the_others_traffic():
    result = shipped_run("life_enable63")
    assert [row["state"] for row in result.simulated["vfs"]] == ["running"] * 63
    guests = result.simulated["life"]["guests"]
    assert all(guest["rx_vf"] and guest["tx_vf"] and guest["rx_synthetic"] for guest in guests)
    assert sum(guest["tx_held"] for guest in guests) == 0


def test_guests_find_their_vf_where_the_adapter_says_it_is():
    """UP-15 on the device: ids of the profile, and every BAR's slice at its VF's number times its length."""
    machine = bring_up(scenario(**{"life.attached": 2}))
    first, second = (machine.stack.guests[v].device for v in range(2))
    adapter = machine.scenario.adapter
    assert (first.vendor_id, first.device_id) == (second.vendor_id, second.device_id) == (0x8086, adapter.vf_device_id)
    assert set(first.bars) == set(second.bars) and first.bars
    for bar, (start, length) in first.bars.items():
        assert second.bars[bar] == (start + length, length) and length >= 1 << 12


# the gate ----------------------------------------------------------------------------------------------------
def test_a_lost_frame_belongs_to_one_hand_over():
    """Of hand-overs that begin at once, too: a guest whose VF does not come up can be neither put to sleep nor woken."""
    life = life_of(*({"at": "50us", "kind": kind, "vf": 1} for kind in ("attach_vf", "sleep", "resume")),
                   **{"life.attached": 1, "driver.mutants": {"1": "vf_reports_no_capability"}})
    mine = [h for h in life["handovers"] if h["guest"] == 1]
    assert len(mine) == 3 and len({h["at_ps"] for h in mine}) < 3
    assert sum(h["lost"]["rx"] for h in mine) == life["guests"][1]["rx_lost"] > 0


@pytest.mark.parametrize("mutant", ["vf_reports_no_capability", "vf_reads_sriov_keyword", "vf_sets_pf_flags"])
def test_a_vf_in_breach_carries_nothing_and_the_others_run(mutant):
    """Its guest stays dark, since the filter has moved (UP-13) and no page moves it back; the other guest notices nothing."""
    keys = {"life.attached": 1, "driver.mutants": {"1": mutant}}
    result = nm.run(scenario({"at": "50us", "kind": "attach_vf", "vf": 1}, **keys))
    good, bad = result.simulated["life"]["guests"]
    assert result.simulated["vfs"][1]["state"] == "closed" and result.simulated["vfs"][1]["rule"] == MUTANTS[mutant].rule
    assert bad["rx_vf"] == bad["tx_vf"] == 0 and bad["rx_synthetic"] > 15 and bad["rx_lost"] > 100
    assert good["rx_lost"] == 0 and good["rx_vf"] > 195
    failed = [event for event in result.simulated["life"]["events"] if event["status"] != "SUCCESS"]
    assert [(event["step"], event["status"]) for event in failed] == [("UP-17", "FAILURE")]


def test_without_a_pf_nothing_comes_and_nothing_goes():
    events = ({"at": "50us", "kind": "pf_reset"}, {"at": "60us", "kind": "detach_vf", "vf": 1})
    result = nm.run(scenario(*events, **{"driver.mutants": {"pf": "pf_reports_no_filters"}}))
    closed = [row["rule"] for row in (result.simulated["pf"], *result.simulated["vfs"])]
    assert closed == [MUTANTS["pf_reports_no_filters"].rule] * 3
    assert [event["what"] for event in result.simulated["life"]["events"]] == ["no PF for pf_reset", "no PF for detach_vf"]
    assert result.simulated["totals"]["rx_packets"] == result.simulated["totals"]["tx_packets"] == 0


@pytest.mark.parametrize("direction", ["tx", "rx"])
def test_a_vf_carries_no_frame_before_its_packet_filter_is_set(direction):
    """UP-19 ends the documented path; no row of the VF is older."""
    result = nm.run(scenario({"at": "50us", "kind": "attach_vf", "vf": 1},
                             **{"life.attached": 1, "direction": direction, "record.rows": True}))
    opened = next(e["at_ps"] for e in result.simulated["life"]["events"] if e["step"] == "UP-19")
    rows = result.measured.rows[result.measured.rows["function"] == 2]
    stage = "OFF_WIRE" if direction == "tx" else "REAPED"
    moved = rows[stage][rows["outcome"] == DELIVERED] - result.measured.life.start_ps
    assert len(moved) > 50 and moved.min() > opened


def test_every_kind_of_event_is_carried_out_and_on_its_page():
    assert set(CARRIED_OUT) == set(KINDS) and all(f"`{kind}`" in PAGE for kind in KINDS)
    assert all(f"`{place}`" in PAGE for place in PLACES)
    assert all(PLACES[place].window for place in {kind.place for kind in KINDS.values() if kind.place} | {s.place for s in SPANS})


@pytest.mark.parametrize("row", [line for line in PAGE.splitlines() if " Mpps | " in line])
def test_the_migrations_of_the_page_lose_what_it_says(row):
    load, pnp, *said = (cell.strip() for cell in row.strip("|").split("|"))
    out, back = nm.run("life_migration", load=load, duration="2ms", **{"life.pnp": pnp}).simulated["life"]["handovers"]
    window = back["window"]["end_ps"] - back["window"]["begin_ps"]
    assert said == [str(out["lost"]["rx"]), *rounded(out["rx_dark_ps"], out["tx_dark_ps"], window), str(back["lost"]["rx"]),
                    *rounded(back["rx_dark_ps"], back["tx_dark_ps"])]


def rounded(*times_ps):
    return [f"{ps / US:.1f} us" for ps in times_ps]


def test_the_page_says_what_other_events_cost_and_how_long_a_vf_waits():
    said = " ".join(PAGE.split())
    surprise, asked, _ = (row["lost"]["rx"] for row in shipped_run("life_removal").simulated["life"]["handovers"])
    assert f"surprise costs {surprise} frames where asking costs {asked} " in said
    dark = max(row["rx_dark_ps"] for row in shipped_run("life_pf_reset").simulated["life"]["handovers"])
    assert f"darkens every guest for {dark / 10**9:.1f} ms" in said
    assert f"looks every {PF_POLL_PS // US} us at first, later after each {PF_POLL_SHARE}th of" in said
    assert f"every {PF_POLL_MOST_PS // 10**9} ms at least" in said
    assert f"up to {HANDOVER_REACH_PS // US} us after the frame arrived" in said


def test_the_queues_of_a_vf_share_the_load_of_its_guest():
    life = life_of({"at": "100us", "kind": "fail_over", "vf": 0}, {"at": "200us", "kind": "fail_back", "vf": 0}, queues_per_vf=2)
    for guest in life["guests"]:
        assert guest["tx_offered"] == 200 and not guest["tx_lost"] and 0 <= guest["tx_held"] <= 2
    assert life["guests"][0]["tx_synthetic"] > 10


@pytest.mark.parametrize("event", ({"kind": "pf_reset"}, {"kind": "pf_halt"}, {"kind": "pf_surprise"},
                                   {"kind": "sleep", "vf": 0}))
def test_a_run_may_end_inside_a_hand_over(event):
    first = life_of({"at": "399us", **event})["handovers"][0]
    assert first["window"]["end_ps"] == 400 * US and first["end_ps"] is None and first["rx_dark_ps"] is None


def test_expectations_know_the_figures(migration):
    assert set(LIFE) <= names(1) and set(life_figures(None)) == set(LIFE)
    found = life_figures(migration["fast"].simulated["life"])
    assert set(found) == set(LIFE) and found["life.handovers"] == 2 and found["life.rx_lost"] == 65
