"""Shared CPU cores and shapers; times by hand. An agent's pass costs 100 000, and 20 000 for each frame that it posts."""

from __future__ import annotations

import pytest
from harness import NS, US, Queue
from whole import PLANES, by_function, one, stage

pytestmark = pytest.mark.parametrize("plane", PLANES)


def sharing(function, count=1, **fields):
    return Queue(function, count=count, agent_fields=tuple({"core": 0, **fields}.items()))


# cores ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("switch, bell, first, second", [(0, 0, 122_000, 242_000), (50 * NS, 0, 122_000, 292_000),
                                                         (50 * NS, 30 * NS, 152_000, 352_000)])
def test_two_agents_on_a_core_one_after_the_other(plane, switch, bell, first, second):
    """Both wake at 2 000. The second begins when the first has ended, and pays for the switch; a tail costs a doorbell."""
    queues = [sharing(function, doorbell_cost_ps=bell) for function in (1, 2)]
    assert by_function(one(plane, *queues, core_switch_ps=switch), "POSTED") == {1: [first], 2: [second]}


def test_cores_of_their_own_do_not_wait(plane):
    queues = (sharing(1), sharing(2, core=1), Queue(3, count=1), Queue(4, count=1))
    assert by_function(one(plane, *queues, core_switch_ps=50 * NS), "POSTED") == {f: [122_000] for f in (1, 2, 3, 4)}


def test_agents_that_go_on_join_the_line_behind_those_that_wait(plane):
    """A frame a pass, three each: the passes alternate, each 120 000 and a switch of 10 000 but the first."""
    queues = [sharing(function, 3, tx_batch=1) for function in (1, 2)]
    stamps = by_function(one(plane, *queues, core_switch_ps=10 * NS), "POSTED")
    assert stamps == {1: [122_000, 382_000, 642_000], 2: [252_000, 512_000, 772_000]}


def test_an_interrupt_while_waiting_for_the_core_is_part_of_the_pass(plane):
    """Function 1's interrupt (2 740 800) finds the core busy with function 2's long pass; its pass then costs irq too.

    Function 1 ends its first pass at 122 000; function 2 posts from 122 000 to 122 000 + 100 000 + 3 x 1 000 000.
    Function 1's pass begins at 3 222 000: 100 000 + 500 000.
    """
    queues = (sharing(1), sharing(2, 3, tx_packet_cost_ps=1 * US))
    assert stage(one(plane, *queues), "REAPED") == 3_222_000 + 600_000


@pytest.mark.parametrize("at, stamps", [(100 * NS, {1: [122_000, 242_000, 362_000]}),
                                        (122_001, {1: [122_000, 362_000, 482_000]})])
def test_a_dead_agent_leaves_the_line_but_a_pass_under_way_keeps_its_core(plane, at, stamps):
    """Function 2 is reset while its agent waits: function 1 goes on at 122 000. Or when its pass has begun: at 242 000."""
    queues = [sharing(function, 3, tx_batch=1) for function in (1, 2)]
    assert by_function(one(plane, *queues, actions=((at, "reset", (2,)),)), "POSTED") == stamps


def test_slots_that_a_pass_reaps_are_free_in_it(plane):
    """A ring of 4 holds three frames; its second pass reaps them and posts three more: 100 000 + 500 000 + 3 x 20 000.

    It begins 1 500 000 after the first message, and both stamps are of its end.
    """
    outcome = one(plane, Queue(1, size=4, count=6))
    posted, reaped, told = (by_function(outcome, name)[1] for name in ("POSTED", "REAPED", "INTERRUPTED"))
    assert posted[:3] == [162_000] * 3 and reaped[:3] == posted[3:] == [told[0] + 1_500_000 + 660_000] * 3


# shapers -------------------------------------------------------------------------------------------------------
def shaped(plane, *actions, sizes=(64,), burst=0, count=3, end=9 * US):
    """A function at 10 ns a byte. Its three frames are posted at 162 000 and on chip at 621 400, edge 627 200."""
    first = ((1 * NS, "set", ("shaper", 1, 10 * 1024 * NS, burst)),)
    queues = Queue(1, count=count, sizes=sizes), Queue(2, count=1)
    return by_function(one(plane, *queues, actions=first + actions, end=end), "SCHEDULED")


@pytest.mark.parametrize("burst, later", [(0, [1_267_200, 1_907_200]), (64, [633_600, 1_267_200]), (32, [947_200, 1_587_200])])
def test_frames_of_a_shaped_function_are_apart_by_their_time(plane, burst, later):
    """64 bytes are 640 000, from 627 200 on or, with a burst saved, from 627 200 - burst x 10 000 on."""
    assert shaped(plane, burst=burst) == {1: [627_200, *later], 2: [576_000]}


def test_a_long_frame_pays_for_all_its_bytes_and_once_begun_is_not_held(plane):
    """1518 and 64 bytes, posted at 142 000, on chip at 601 600. Three turns follow each other; 15 180 000 for 1518 bytes.

    The last of three reads is home at 601 600 + 815 000 as in test_reference_tags.py: edge 1 420 800.
    """
    actions = ((1 * NS, "set", ("shaper", 1, 10 * 1024 * NS, 0)),)
    outcome = one(plane, Queue(1, count=2, sizes=(1518, 64)), actions=actions, end=20 * US)
    assert by_function(outcome, "SCHEDULED")[1] == [601_600, 15_782_400]
    assert stage(outcome, "DATA_FETCHED") == 1_420_800


@pytest.mark.parametrize("words, later", [
    ((5 * 1024 * NS, 0), [985_600, 1_305_600]),            # left 567 200, halved: 983 600, edge 985 600; then 320 000 a frame
    ((0, 0), [704_000, 710_400]),                          # no limit any more
    ((10 * 1024 * NS, 9999), [1_267_200, 1_907_200]),      # the same rate and a burst: nothing is saved yet
])
def test_a_new_rate_scales_what_is_left(plane, words, later):
    """At 700 000, when frame 1 would go at 1 267 200."""
    assert shaped(plane, (700 * NS, "set", ("shaper", 1, *words)))[1] == [627_200, *later]


def test_what_is_left_is_scaled_to_ticks_rounded_down(plane):
    """64 x 20 000 085 ticks from 627 200 on, of which 1 205 458 240 are left at 700 000: x 9 853 888 / 20 000 085 is 593 920 000
    and a bit, so the next frame goes 580 000 later: at an edge that a tick more would miss. The third: 615 868 behind it."""
    actions = ((2 * NS, "set", ("shaper", 1, 20_000_085, 0)), (700 * NS, "set", ("shaper", 1, 9_853_888, 0)))
    assert shaped(plane, *actions)[1] == [627_200, 1_280_000, 1_900_800]


def test_a_shaper_stays_through_a_reset(plane):
    """A frame that began has been paid for: the function's next ring waits until 1 267 200 as its old one would have."""
    actions = ((700 * NS, "reset", (1,)), (710 * NS, "reopen", (0,)), (720 * NS, "send", (0, 0, (60,))))
    assert shaped(plane, *actions)[1] == [627_200, -1, -1, 1_267_200]
