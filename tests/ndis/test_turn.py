"""Whose turn it is: order of coming, no event where nobody waits, and a waiter who gives up holds nobody back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import simpy

from nicmodel.ndis.turn import Turn


def use(env: simpy.Environment, turn: Turn, name: str, done: list[Any]) -> Iterator[Any]:
    if turn.taken:
        yield from turn.wait()
    turn.taken = True
    try:
        yield env.timeout(10)
        done.append((name, env.now))
    finally:
        turn.give()


def test_turns_are_taken_in_order_one_at_a_time():
    env, done = simpy.Environment(), []
    turn = Turn(env)
    for name in "abc":
        env.process(use(env, turn, name, done))
    env.run()
    assert done == [("a", 10), ("b", 20), ("c", 30)]
    assert not turn.taken


def test_who_finds_nobody_there_waits_for_no_event():
    env, done = simpy.Environment(), []
    steps = use(env, Turn(env), "a", done)
    assert isinstance(next(steps), simpy.Timeout)          # its own work is the first thing that takes time


def test_a_waiter_that_gives_up_holds_nobody_back():
    env, done = simpy.Environment(), []
    turn = Turn(env)
    env.process(use(env, turn, "a", done))
    env.run(until=5)
    gone = use(env, turn, "gone", done)
    next(gone)
    env.process(use(env, turn, "b", done))
    gone.close()
    env.run()
    assert done == [("a", 10), ("b", 20)]


def test_a_waiter_that_gives_up_when_it_is_its_turn_gives_it_on():
    env, done = simpy.Environment(), []
    turn = Turn(env)
    turn.taken = True
    gone = turn.wait()
    next(gone)
    env.process(use(env, turn, "b", done))
    env.run(until=1)
    turn.give()
    gone.close()
    env.run()
    assert done == [("b", 11)]
