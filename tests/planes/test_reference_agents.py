"""What makes a ring agent look for received frames, times by hand. A pass costs 100 000, 20 000 for each frame that it posts and
30 000 for each that it takes, and 500 000 if an interrupt woke it. Frames are offered at 2 000 and every 3 us from then on."""

from __future__ import annotations

import pytest
from harness import NS, US, Queue, Script, run, rx_flow
from whole import PLANES

from nicmodel.datasheet.stages import RX

pytestmark = pytest.mark.parametrize("plane", PLANES)
EVERY_3_US = 3 * US << 10


def taken(plane, frames=1, count=-1, itr_ps=0, **fields):
    """When the driver of a function that sends and receives takes its received frames, the first of which arrives at 5 us."""
    queue = Queue(1, rx=True, interval_ticks=EVERY_3_US, count=count, vector=fields.get("vector", -1),
                  agent_fields=tuple(fields.items()))
    flows = (rx_flow(1, count=frames, start_ps=5 * US),)
    results = run(plane, Script("taken", (queue,), flows=flows, end=20 * US, itr_ps=itr_ps)).results
    rows = [row for row in results["rows"] if row["kind"] == RX]
    assert all(0 < row["WRITTEN_BACK"] < 6 * US for row in rows), "long before most of the passes"
    return [int(row["REAPED"]) for row in rows]


def test_sending_takes_no_received_frame(plane):
    """Six passes, and none of them looks."""
    assert taken(plane) == [-1]


def test_a_poll_falls_due_whatever_has_been_sent_meanwhile(plane):
    """The pass at the start looks, and ends at 122 000. Those at 3 002 000 and 6 002 000 put off no poll 7 us after it."""
    assert taken(plane, poll_ps=7 * US) == [122_000 + 7_000_000 + 130_000]


def test_a_batch_of_received_frames_is_followed_by_another_look(plane):
    """The next poll is 7 us after the last of the looks, which finds nothing."""
    assert taken(plane, frames=2, poll_ps=7 * US, rx_batch=1) == [7_252_000, 7_382_000]


def test_a_poll_is_void_once_something_else_has_made_the_driver_look(plane):
    """The report of the only frame that is sent does, 2 740 800 (test_reference.py); the next message is held back. So the poll
    at 7 122 000 is void, and the next is 7 us after that pass of 600 000."""
    assert taken(plane, count=1, itr_ps=15 * US, vector=0, poll_ps=7 * US) == [3_340_800 + 7_000_000 + 130_000]


def test_a_poll_in_a_pass_that_sends_makes_the_next_one_look(plane):
    """It falls due at 122 000 + 5 900 000, within the pass that began 6 002 000 and posts a frame."""
    assert taken(plane, poll_ps=5_900 * NS) == [6_122_000 + 130_000]


def test_an_interrupt_in_a_pass_that_sends_makes_the_next_one_look(plane):
    """Whatever it is for. A pass that posts a frame lasts 3 us here, so that one follows the other. The report of the first frame
    sent wakes the driver in the pass from 3 002 000 on; that from 6 002 000 on is by interrupt, and posts a frame, too."""
    assert taken(plane, vector=0, tx_packet_cost_ps=2_900 * NS) == [6_002_000 + 100_000 + 500_000 + 2_900_000 + 30_000]
