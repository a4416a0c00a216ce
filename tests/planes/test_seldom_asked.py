"""What is seldom asked for: options one at a time, and calls that were given early. As in `test_seldom`, each of these scripts
needs a line of the compiled plane that most runs do not notice."""

from __future__ import annotations

import pytest
from corpus import LINE_64B, agents
from harness import NS, US, Queue, rx_flow
from test_seldom import SLOW, agree, into, seldom

from nicmodel.sim.plane import VECTORS_PER_FUNCTION, Payload

FULL = Payload.FULL


# ---- options, one at a time ------------------------------------------------------------------------------------

ANOTHER_SPEED = ("retrain", 0, 100 * NS, 1024, 300 * NS, 300 * NS, 0, 16)


@pytest.mark.parametrize("at", range(3 * US, 7 * US, 797_077))
def test_with_ido_a_retrain_forgets_no_walk(at):
    agree(seldom((Queue(1), Queue(2)), (at, "set", ANOTHER_SPEED), machine=SLOW, ido=True, iotlb_entries=1, walk_ps=2 * US))


def test_a_credit_that_is_late_by_a_walk_is_reported_to_a_link_that_waits_for_nothing_else():
    """Its write is set to commit long after the link has fallen silent."""
    agree(seldom((Queue(1, rx=True), Queue(2, rx=True)), flows=into(1, 2), machine=SLOW, host_ph=1, ido=True, iotlb_entries=1,
                 walk_ps=2 * US, end=20 * US))


@pytest.mark.parametrize("rule", ({"tag_classes": "descriptors_first"}, {"tag_reserve": 1}), ids=("first", "reserve"))
def test_one_rule_for_tags_needs_no_other(rule):
    agree(seldom(agents(3, rx=True, sizes=(900,)), flows=into(1, 2, 3), tags=2, **rule))


def test_a_function_that_reaches_its_cap_by_another_class_is_listed_once_in_each():
    """It has a place in the list already, and is not its first, when it gives a tag back."""
    agree(seldom((Queue(1, sizes=(64, 1518), interval_ticks=5 * LINE_64B), Queue(2)), end=16 * US, core_ps=40_000, mrrs=256,
                 tags=2, tag_cap=2, read_jitter_ps=900 * NS))


@pytest.mark.parametrize("at", range(5_340_042, 6 * US, 197_077))
def test_what_a_function_asks_for_ends_with_what_is_left_when_a_ring_closes(at):
    """The last of its requests were that ring's."""
    queues = (Queue(1), Queue(1), Queue(2, agent_fields=(("tx_batch", 1),)), Queue(3))
    agree(seldom(queues, (at, "close", (0, 0)), tags=2, tag_functions="round_robin", end=8 * US))


def test_a_link_that_trains_in_no_time_starts_what_waits():
    """It would have been asked at the end of a transfer; that is another instant now."""
    retrain = ("retrain", 0, 0, 1_024_000, 536 * NS, 5 * NS, 2_360_000, 8)
    agree(seldom((Queue(1, tx=False, rx=True),), (1 * NS, "ahead", (7_385_319, "set", retrain)), machine=SLOW, host_ph=2,
                 flows=into(1, lines=21, sizes=(600, 64)), end=10 * US))


@pytest.mark.parametrize("count", [f"{side}_{pool}{part}" for side in ("host", "device") for pool in ("p", "np", "cpl")
                                   for part in "hd"])
def test_one_finite_count_of_a_pool_is_reported(count):
    """Also that of what no TLP needs."""
    infinite = dict.fromkeys(("host_ph", "host_pd", "host_nph", "device_ph", "device_pd", "device_nph"), 0)
    agree(seldom(agents(2, rx=True), flows=into(1), machine=SLOW, end=40 * US, **(infinite | {count: 64})))


@pytest.mark.parametrize("trained", (False, True))
def test_an_skp_each_ps_leaves_no_room(trained):
    """From the first ps on, or from a retrain on."""
    retrain = ("retrain", 0, 100 * NS, 1024, 300 * NS, 300 * NS, 1, 16)
    agree(seldom((Queue(1),), *([(4 * US, "set", retrain)] if trained else []), machine=SLOW, skp_ps=0 if trained else 1,
                 end=5 * US))


def test_a_read_in_so_many_completions_that_several_are_sampled():
    """The 67th of its line, and the 134th."""
    agree(seldom((Queue(1, sizes=(1518,)), Queue(2)), rcb=16, split_rcb=True, mrrs=2048, end=12 * US))


# ---- calls -----------------------------------------------------------------------------------------------------

def test_a_ring_that_opens_anew_has_its_place_among_those_of_its_function():
    """Turns go on from the last ring, by number."""
    queues = (Queue(1, sizes=(900,)), Queue(1, sizes=(900,), vector=1), Queue(1, sizes=(900,), vector=2))
    agree(seldom(queues, (6 * US, "close", (0, 0)), (6 * US + 1, "reopen", (0,)), (6 * US + 2, "send", (0, 0, (300,) * 40)),
                 machine=SLOW, tx_buffer=2048, end=20 * US))


@pytest.mark.parametrize("late", (False, True))
def test_a_ring_without_a_vector_does_not_raise_that_before_its_functions_first(late):
    """The PF's last vector is numbered just before a VF's first."""
    queue = Queue(1, rx=True, agent=False, vector=0 if late else -1)
    last = ("vector", VECTORS_PER_FUNCTION - 1, 1, 0)
    agree(seldom((queue,), (2 * NS, "set", ("bme", 0, 1)), (2 * NS, "set", last),
                 *([(2 * NS, "set", ("ring_vector", direction, -1)) for direction in (0, 1)] if late else []),
                 (2 * US, "post", (0, 0, 8)), (3 * US, "send", (0, 0, (60, 300))), flows=(rx_flow(1, count=2),)))


def test_a_vector_that_was_raised_without_bus_mastering_sends_its_message_with_it():
    raised = 2 * VECTORS_PER_FUNCTION
    agree(seldom((Queue(1, count=1),), (2 * US, "set", ("vector", raised, 1, 0)), (11 * US, "set", ("raise", raised)),
                 (12 * US, "set", ("bme", 2, 1))))


# ---- what is done before a call --------------------------------------------------------------------------------

@pytest.mark.parametrize("at", range(9 * US, 9 * US + 40 * LINE_64B // 1024, 97_003))
def test_a_frame_that_has_arrived_was_short_enough_when_it_did(at):
    """Nobody has looked since; then longer ones are refused."""
    agree(seldom((Queue(1, rx=True, count=1),), (1 * NS, "ahead", (at, "set", ("max_frame", 0, 500))),
                 flows=into(1, lines=40, sizes=(900,))))


@pytest.mark.parametrize("at", range(8 * US, 10 * US, 87_003))
def test_a_descriptor_that_asks_for_no_report_is_retired_before_its_ring_closes(at):
    queues = (Queue(1, agent_fields=(("rs_batch", 32),)), Queue(2))
    agree(seldom(queues, (1 * NS, "ahead", (at, "close", (0, 0))), machine=SLOW, end=11 * US))


@pytest.mark.parametrize("late", (100 * NS, 600 * NS, 1_100 * NS))
def test_a_write_that_is_in_memory_does_not_land_again_on_what_a_new_agent_posts(late):
    """One frame, of which no message tells; its ring then has another agent."""
    at, actions = 5 * US + late, []
    for step, action in enumerate((("close", (1, 0)), ("reopen", (0, 1)), ("start", (0,)))):
        actions.append((1 * NS, "ahead", (at + step, *action)))
    agree(seldom((Queue(1, tx=False, rx=True, vector=5),), *actions, flows=(rx_flow(1, start_ps=4 * US, count=1),), machine=SLOW,
                 record_rows=False, end=9 * US))


@pytest.mark.parametrize("late", range(0, 1_000 * NS, 50 * NS))
def test_a_write_on_its_way_to_memory_that_goes_is_heard_of(late):
    """A write-back that only an agent would have looked at. That has died: its other ring is closed."""
    at = 8 * US + late
    agree(seldom((Queue(1, rx=True, vector=5), Queue(2)), (at, "close", (0, 0)), (at + 2, "shrink", (1,)),
                 flows=into(1, lines=4), machine=SLOW, record_rows=False, end=12 * US))


def test_a_frame_that_joined_the_line_of_the_wire_is_sampled_although_it_is_taken_back():
    """It was the 67th, and none has started since it joined."""
    queues = (Queue(1, size=8), Queue(1, sizes=(600, 65)), Queue(1), Queue(0))
    agree(seldom(queues, (5_832_310, "reset", (1,)), end=8 * US))


@pytest.mark.parametrize("function", (1, 2))
@pytest.mark.parametrize("at, ahead", [(6_617_600, False), (6_617_600, True), (8_224_000, False)])
def test_a_frame_that_joins_it_in_the_instant_in_which_others_are_taken_back_is_counted_then(at, ahead, function):
    reset = (at, "reset", (function,))
    agree(seldom((Queue(1), Queue(2)), (1 * NS, "ahead", reset) if ahead else reset))


# ---- bytes -----------------------------------------------------------------------------------------------------

def test_a_frame_of_one_byte_more_than_a_buffer_takes_the_next_larger_one():
    """Its last byte would be the first of another frame, that waits too."""
    frames = [(3 * US + each, "ahead", (4 * US + each, "inject", (65, 1))) for each in range(20)]
    agree(seldom((Queue(1, rx=True, count=1),), *frames, payload=FULL))

# ---- vectors and answers ---------------------------------------------------------------------------------------

FIRST = VECTORS_PER_FUNCTION        # VF 0's


@pytest.mark.parametrize("last", (0, 1))
def test_of_two_vectors_of_a_function_that_are_raised_at_once_both_send_their_message(last):
    """The later one first, if the last one of all was the earlier."""
    raised = [(3 * US, last), *((4 * US, each) for each in (0, 1))]
    agree(seldom((Queue(1, count=0),), *((1 * NS, "ahead", (at, "set", ("raise", FIRST + each))) for at, each in raised),
                 end=8 * US))


def test_a_vector_that_was_raised_while_it_was_disabled_sends_its_message_when_it_is_enabled():
    vector = ("vector", FIRST)
    agree(seldom((Queue(1, count=0),), (2 * US, "set", (*vector, 0, 0)), (3 * US, "set", ("raise", FIRST)),
                 (4 * US, "set", (*vector, 1, 0)), end=8 * US))


def test_an_answer_takes_one_data_credit():
    reads = ((4 * US + each, "ahead", (5 * US + each, "read", (1, 0x8))) for each in range(6))
    agree(seldom((Queue(1),), *reads, machine=SLOW, host_cpld=1, end=9 * US))
