"""Real frames as NET_BUFFER_LISTs: out of one VF's miniport, through the adapter, and up through another's, in both planes."""

from __future__ import annotations

import pytest

from nicmodel.datasheet.ndis import Status
from nicmodel.lab.net_buffers import Exchange
from nicmodel.lab.scenario import Scenario
from nicmodel.ndis.states import State
from nicmodel.sim.errors import ScenarioError

PLANES = ("fast", "reference")


def exchange(plane: str, **keys) -> Exchange:
    return Exchange(Scenario(profile="x520", num_vfs=3, payload="full", ring_size=64, **keys), plane)


def frame(ex: Exchange, source: int, target: int, number: int, size: int = 60) -> bytes:
    mac = ex.machine.mac_of
    head = mac(1 + target).to_bytes(6, "big") + mac(1 + source).to_bytes(6, "big") + (0x88B5).to_bytes(2, "big")
    return (head + bytes([number] * size))[:size]


def broken(ex: Exchange) -> list[str]:
    return [row.rule for row in ex.machine.stack.rule_table() if row.verdict == "broken"]


@pytest.mark.parametrize("plane", PLANES)
def test_frames_go_from_vf_to_vf_byte_for_byte_and_every_list_comes_back_once(plane):
    ex = exchange(plane)
    to_1, to_2 = [[frame(ex, 0, target, n, 60 + 100 * n) for n in range(5)] for target in (1, 2)]
    lists = ex.send(0, [*to_1, *to_2])
    assert all(each.status is None for each in lists)
    back = ex.send(2, [frame(ex, 2, 0, 9)])
    ex.settle()
    assert ex.received == {0: [frame(ex, 2, 0, 9)], 1: to_1, 2: to_2}
    assert {each.status for each in lists + back} == {Status.SUCCESS}
    assert ex.bound[0].sent == lists and not ex.bound[0].pending
    verdicts = {row.rule: row.verdict for row in ex.machine.stack.rule_table()}
    assert [verdicts[f"NBL-0{n}"] for n in (1, 2, 5, 6, 7)] == ["obeyed"] * 5 and not broken(ex)
    assert verdicts["HW-RX-01"] == verdicts["HW-TX-01"] == "obeyed"         # tails after their queues' ENABLE, read back


def test_both_planes_deliver_at_the_same_time():
    ends = []
    for plane in PLANES:
        ex = exchange(plane)
        came: list[tuple[int, int]] = []
        guest, receive = ex.bound[1], ex.bound[1].receive
        guest.receive = lambda lists, ex=ex, came=came, receive=receive: (came.append((int(ex.machine.clock.now), len(lists))),
                                                                          receive(lists))
        ex.send(0, [frame(ex, 0, 1, n) for n in range(8)])
        ex.settle()
        ends.append(came)
    assert sum(count for _, count in ends[0]) == 8 and ends[0] == ends[1]


@pytest.mark.parametrize("plane", PLANES)
def test_a_pause_is_over_when_every_list_is_back_and_what_comes_meanwhile_is_refused(plane):
    ex = exchange(plane)
    ex.bound[1].keeps = True
    ex.send(0, [frame(ex, 0, 1, n) for n in range(3)])
    ex.settle()
    machine, receiver = ex.machine, ex.bound[1]
    adapter = receiver.adapter
    pausing = machine.clock.process(adapter.pause())
    machine.device.run_until(int(machine.clock.now) + 1_000_000_000)
    assert adapter.state is State.PAUSING and not pausing.triggered and len(receiver.received) == 3
    late, = ex.send(1, [frame(ex, 1, 0, 1)])
    assert late.status is Status.PAUSED
    receiver.give_back()
    machine.device.run_until(int(machine.clock.now) + 1_000_000_000)
    assert adapter.state is State.PAUSED
    later, = ex.send(1, [frame(ex, 1, 0, 2)])
    assert later.status is Status.PAUSED and not broken(ex)
    verdicts = {row.rule: row.verdict for row in machine.stack.rule_table()}
    assert verdicts["NBL-03"] == verdicts["NBL-04"] == "obeyed"


@pytest.mark.parametrize("plane", PLANES)
def test_a_pause_completes_the_sends_that_are_under_way(plane):
    ex = exchange(plane)
    lists = ex.send(0, [frame(ex, 0, 1, n) for n in range(40)])
    ex.machine.run(ex.bound[0].adapter.pause())
    assert {each.status for each in lists} == {Status.SUCCESS} and not broken(ex)
    ex.settle()
    assert len(ex.received[1]) == 40


def test_sends_that_wait_for_a_descriptor_are_cancelled_by_their_mark():
    ex = exchange("fast")
    room = 63                                                       # a ring of 64 holds one less
    first = ex.send(0, [frame(ex, 0, 1, n % 200) for n in range(room)])
    kept, gone = ex.send(0, [frame(ex, 0, 1, 201)]), ex.send(0, [frame(ex, 0, 1, 202)] * 3, cancel_id=7)
    ex.bound[0].cancel(7)
    assert [each.status for each in gone] == [Status.SEND_ABORTED] * 3
    ex.settle()
    assert {each.status for each in first + kept} == {Status.SUCCESS} and len(ex.received[1]) == room + 1
    assert not broken(ex)


def test_a_reset_completes_what_it_sweeps_away():
    ex = exchange("fast")
    lists = ex.send(0, [frame(ex, 0, 1, n % 200) for n in range(100)])
    assert ex.machine.run(ex.bound[0].adapter.reset()) == Status.SUCCESS
    assert {each.status for each in lists} <= {Status.SUCCESS, Status.RESET_IN_PROGRESS}
    assert lists[-1].status is Status.RESET_IN_PROGRESS
    again = ex.send(0, [frame(ex, 0, 1, 250)])
    ex.settle()
    assert again[0].status is Status.SUCCESS and ex.received[1][-1] == frame(ex, 0, 1, 250) and not broken(ex)


def test_a_removed_or_halted_vf_sends_nothing():
    ex = exchange("fast")
    lists = ex.send(0, [frame(ex, 0, 1, n % 200) for n in range(100)])
    guest = ex.machine.stack.guests[0]
    ex.machine.run(ex.machine.stack.remove_by_surprise(guest))
    assert lists[-1].status is Status.FAILURE and None not in [each.status for each in lists]
    after, = ex.send(0, [frame(ex, 0, 1, 1)])
    assert after.status is Status.FAILURE and not broken(ex)


@pytest.mark.parametrize("size", (0, 70_000))
def test_a_frame_that_no_buffer_holds_is_of_invalid_length(size):
    ex = exchange("fast")
    bad, = ex.send(0, [bytes(size)])
    assert bad.status is Status.INVALID_LENGTH


def test_mistakes_are_one_sentence():
    with pytest.raises(ScenarioError, match='write payload = "full"'):
        Exchange(Scenario(profile="x520", num_vfs=2, payload="lengths"))
    with pytest.raises(ScenarioError, match="guest 9 has no VF that runs; those with one are 0, 1, 2"):
        exchange("fast").send(9, [bytes(60)])
