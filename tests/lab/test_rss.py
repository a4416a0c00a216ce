"""Receive side scaling from scenario to figures: what one vCPU cannot take, two can, and every life of a VF keeps its table."""

from __future__ import annotations

import json

import pytest
from rich.console import Console

from nicmodel.datasheet.rss import VERIFICATION_KEY, hash_input, hash_type_of, toeplitz
from nicmodel.lab.machine import connection_to
from nicmodel.lab.report import run_report
from nicmodel.lab.run import run

FULL_LOAD = {"load": "60Mpps", "duration": "100us"}
LIVES = {"duration": "30ms", "warmup": 0, "load": "0.5Mpps", "num_vfs": 2, "packets": 0, "expect": []}


def received(result, vf=0):
    return [queue["rx_packets"] for queue in result.simulated["vfs"][vf]["queues"]]


def test_two_vcpus_take_what_one_cannot():
    alone, both = run("rss_queues", driver={"rss": False}, **FULL_LOAD), run("rss_queues", **FULL_LOAD)
    before, after = (result.simulated["vfs"][0] for result in (alone, both))
    assert before["bottleneck"] == "vcpu" and before["utilisation"]["vcpu"] > 0.99
    assert after["rx"]["mpps"] == pytest.approx(2 * before["rx"]["mpps"], rel=0.02)
    assert received(alone) == [before["rx_packets"], 0]
    assert before["drops"]["no_descriptor"] > 2 * after["drops"]["no_descriptor"]


@pytest.mark.parametrize("connections", [8, 12, 16])
def test_queues_share_as_the_hashes_of_their_connections_say(connections):
    """Eight in a row go to the same of two queues (docs/metrics.md): only more than eight show a table that spreads."""
    result = run("rss_queues", duration="100us", traffic={"connections": connections}, load="10Mpps")
    found = [0, 0]
    for number in range(connections):
        connection = connection_to(1, number)
        value = toeplitz(VERIFICATION_KEY, hash_input(connection, hash_type_of(connection, 0b11)))
        found[value % 64 % 2] += 1
    first, second = received(result)
    assert first + second == result.simulated["vfs"][0]["rx_packets"]
    shares = [each / connections for each in found]
    assert [first / (first + second), second / (first + second)] == pytest.approx(shares, abs=0.01)
    assert sorted(found) == [connections - 8, 8]


@pytest.mark.parametrize("connections, queues", [(0, 1), (1, 1), (32, 2)])
def test_frames_without_ip_and_a_single_connection_stay_in_one_queue(connections, queues):
    result = run("rss_queues", duration="20us", load="5Mpps", traffic={"connections": connections}, expect=[])
    assert sum(each > 0 for each in received(result)) == queues


def test_a_small_table_spreads_as_well():
    assert min(received(run("rss_queues", duration="20us", driver={"rss_entries": 16}))) > 0


@pytest.mark.parametrize("changes", [{}, {"payload": "full", "frame_size": "300B", "load": "3Mpps"}, {"driver": {"rss": False}}],
                         ids=["as shipped", "full payload", "off"])
def test_both_planes_give_the_same_figures(changes):
    fast, slow = (run("rss_queues", plane=plane, warmup="2us", duration="8us", **changes) for plane in ("fast", "reference"))
    assert json.dumps(fast.simulated) == json.dumps(slow.simulated)


def test_vfs_have_tables_of_their_own_beside_one_another():
    result = run("rss_queues", num_vfs=4, load="5Mpps", duration="50us", expect=[])
    assert all(min(received(result, vf)) > 50 for vf in range(4))
    assert not result.broken_rules
    rules = {row.rule: row.verdict for row in result.measured.rules if row.adapter == "VF3"}
    assert {rules[rule] for rule in ("ADV-24", "ADV-25", "INTR-11", "VF-INIT-17")} <= {"obeyed", "not_checkable"}


@pytest.mark.parametrize("kind", ["guest_flr", "pf_reset", "sleep"])
def test_after_a_reset_and_after_sleep_both_queues_receive_again(kind):
    events = [{"at": "100us", "kind": kind, **({} if kind == "pf_reset" else {"vf": 0})}]
    if kind == "sleep":
        events.append({"at": "600us", "kind": "resume", "vf": 0})
    result = run("rss_queues", **LIVES, life={"events": events})
    assert min(received(result)) > 1000                    # 50 frames each would have come before


def test_a_silent_reset_by_the_host_leaves_no_table_behind():
    """The guest hears nothing of it: its rings are gone, and with them all it was to receive."""
    result = run("rss_queues", duration="100us", load="5Mpps", expect=[],
                 faults={"events": [{"at": "60us", "kind": "flr", "vf": 0}]})
    drops = result.simulated["vfs"][0]["drops"]
    assert drops["queue_disabled"] > 100 and result.simulated["totals"]["drops"]["no_filter"] == 0


def test_a_scenario_of_single_queues_says_nothing_of_queues():
    assert "queues" not in run("rx_overload", duration="5us").simulated["vfs"][0]


def test_the_report_has_a_row_of_queues_a_vf():
    target = Console(width=200)
    with target.capture() as text:
        target.print(run_report(run("rss_queues", duration="20us", num_vfs=2, load="10Mpps", expect=[])))
    shown = text.get()
    assert "Rx queue 0" in shown and "Rx queue 1" in shown and "share" in shown
