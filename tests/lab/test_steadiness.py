"""A window is steady if neither packets nor latency change by more than 2 %: made marks, and a machine that drains a backlog."""

from __future__ import annotations

import numpy as np
import pytest

from nicmodel.lab.loading import build
from nicmodel.lab.steadiness import Mark, is_steady
from nicmodel.lab.testbench import run_machine


def marks(*rows):
    """(time, frames sent by each function, their latency, that of frames received: one each and as many as were sent)"""
    return [Mark(ps, np.array([frames, frames if got else [0] * len(frames)]).T, np.array([took, got or [0] * len(took)]).T)
            for ps, frames, took, got in rows]


@pytest.mark.parametrize(("late", "steady"), [
    ((100, [201], [10050], []), True),
    ((100, [203], [10150], []), False),                                      # more frames
    ((100, [200], [10200], []), False),                                      # slower ones
    ((125, [250], [12500], []), True),                                       # halves of unequal length
    ((125, [200], [10000], []), False),
])
def test_steady_is_when_the_halves_are_alike(late, steady):
    assert is_steady(marks((0, [0], [0], []), (50, [100], [5000], []), late)) == steady


def test_latency_is_judged_by_direction():
    assert is_steady(marks((0, [0], [0], [0]), (50, [100], [5000], [90_000]), (100, [200], [10_000], [180_000])))
    assert not is_steady(marks((0, [0], [0], [0]), (50, [100], [5000], [90_000]), (100, [200], [10_200], [180_000])))


def test_a_window_that_was_cut_before_its_middle_is_not_steady():
    assert not is_steady(marks((0, [0], [0], []), (100, [200], [10_000], [])))


@pytest.mark.parametrize(("late", "functions", "steady"), [(96, 2, True), (97, 2, False), (96, 1, False)])
def test_a_frame_of_each_function_may_fall_into_either_half(late, functions, steady):
    def both(frames):
        return [frames] if functions == 1 else [frames - frames // 2, frames // 2]

    rows = [(ps, both(n), [50 * x for x in both(n)], []) for ps, n in ((0, 0), (50, 94), (100, 94 + late))]
    assert is_steady(marks(*rows)) == steady


def test_latency_that_grows_is_seen_though_functions_have_few_frames():
    assert not is_steady(marks((0, [0] * 9, [0] * 9, []), (50, [1] * 9, [100] * 9, []), (100, [2] * 9, [250] * 9, [])))


def test_latency_does_not_grow_with_the_frames_of_who_waits_longer():
    assert is_steady(marks((0, [0, 0], [0, 0], []), (50, [60, 40], [600, 4000], []), (100, [100, 100], [1000, 10_000], [])))


@pytest.mark.parametrize(("took", "steady"), [(4040, True), (6000, False)])
def test_frames_of_a_function_that_had_none_are_compared_with_those_of_all(took, steady):
    assert is_steady(marks((0, [0, 0], [0, 0], []), (50, [40, 0], [4000, 0], []), (100, [40, 40], [4000, took], []))) == steady


@pytest.mark.parametrize(("before", "took", "steady"), [(-100, 94, False), (-100, 99, True), (-99, 94, True), (-800, 94, False)])
def test_a_window_that_is_short_against_the_warm_up_is_like_what_was_before(before, took, steady):
    earlier, *window = marks((before, [before], [took * before], []), (0, [0], [0], []), (50, [50], [4975], []),
                             (100, [100], [9950], []))
    assert is_steady(window, None) and is_steady(window, earlier) == steady


def test_a_short_window_in_which_a_long_backlog_drains_is_not_steady():
    """Rings of 512 frames of 9000 bytes take 62 ms to drain: until then latency is as long as traffic has lasted."""
    s = build({"profile": "x520", "num_vfs": 17, "frame_size": "9000B", "warmup": "3ms", "duration": "60us"}, "x", {})
    assert run_machine(s).steady is False
