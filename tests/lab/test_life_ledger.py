"""What the ledger makes of the times and ends of frames: which are lost, where, and how long it is dark."""

from __future__ import annotations

import numpy as np
import pytest

from nicmodel.datasheet.stages import DELIVERED, FIRST_DROP
from nicmodel.lab.life_keys import PLACES
from nicmodel.lab.life_ledger import GuestLife, Window, dark, losses


def guest(arrived=(), delivered=(), function=(), outcome=(), tx_lost=()):
    return GuestLife(0, *(np.array(column, np.int64) for column in (arrived, delivered, function, outcome)),
                     np.array([], np.int64), np.array([], bool), np.array(tx_lost, np.int64))


@pytest.mark.parametrize(("delivered", "begin", "end"), [
    ([10, 20, 30, 90, 100], 30, 90), ([10, 20, 45, 90, 100], 45, 90), ([10, 20, 30], 30, -1), ([90, 100], -1, 90),
    ([0, 90], 0, 90), ([0, 35, 60, 90], 60, 90), ([10, 30, 90, 300], 30, 90), ([], -1, -1)])
def test_dark_is_the_longest_gap_around_the_window(delivered, begin, end):
    found = dark(np.array([-1, *delivered], np.int64), Window("driver_halted", 40, 80))
    assert (found.begin_ps, found.end_ps) == (begin, end)
    assert found.ps == (end - begin if min(begin, end) >= 0 else None)


def test_a_window_of_no_length_has_a_gap_too():
    found = dark(np.array([10, 40, 70]), Window("driver_halted", 40, 40))
    assert (found.begin_ps, found.end_ps) == (40, 70)


def test_losses_are_booked_by_who_dropped_the_frame():
    queue_disabled, reset = FIRST_DROP + 3, FIRST_DROP + 6
    one = guest(arrived=[1, 2, 3, 4, 9], delivered=[-1] * 5, function=[2, 2, 0, 2, 2],
                outcome=[queue_disabled, reset, FIRST_DROP, DELIVERED, reset], tx_lost=[3, 9])
    found = losses(one, Window("vf_not_ready", 1, 5), 1, 9)
    assert found == {"rx": 3, "tx": 1, "reasons": {"no_descriptor": 1, "queue_disabled": 1, "reset": 1},
                     "places": dict.fromkeys(PLACES, 0) | {"vf_not_ready": 2, "synthetic": 1}}
    assert losses(one, None, 9, None)["places"]["other"] == 1
