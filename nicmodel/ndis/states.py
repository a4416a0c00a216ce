"""Adapter states of a miniport as one literal table (adapter-states-of-a-miniport-driver).

Only these edges exist; whoever asks for another one has a bug in the model, not in a driver.
"""

from __future__ import annotations

from enum import StrEnum

from nicmodel.sim.errors import ModelBug


class State(StrEnum):
    """The states of the page. From SHUTDOWN there is no way back."""

    HALTED = "halted"
    INITIALIZING = "initializing"
    PAUSED = "paused"
    RESTARTING = "restarting"
    RUNNING = "running"
    PAUSING = "pausing"
    SHUTDOWN = "shutdown"


class Event(StrEnum):
    """What moves an adapter from one state to another; a reset and low power do not."""

    INITIALIZE = "MiniportInitializeEx called"
    INITIALIZED = "initialization succeeded"
    INITIALIZE_FAILED = "initialization failed"
    RESTART = "MiniportRestart called"
    RESTARTED = "restart complete"
    RESTART_FAILED = "restart failed"
    PAUSE = "MiniportPause called"
    PAUSE_COMPLETE = "pause complete"
    HALT = "MiniportHaltEx called"
    SHUTDOWN = "MiniportShutdownEx called"


EDGES: dict[State, dict[Event, State]] = {
    State.HALTED:       {Event.INITIALIZE: State.INITIALIZING},
    State.INITIALIZING: {Event.INITIALIZED: State.PAUSED, Event.INITIALIZE_FAILED: State.HALTED},
    State.PAUSED:       {Event.RESTART: State.RESTARTING, Event.HALT: State.HALTED,
                         Event.SHUTDOWN: State.SHUTDOWN},
    State.RESTARTING:   {Event.RESTARTED: State.RUNNING, Event.RESTART_FAILED: State.PAUSED,
                         Event.SHUTDOWN: State.SHUTDOWN},
    State.RUNNING:      {Event.PAUSE: State.PAUSING, Event.SHUTDOWN: State.SHUTDOWN},
    State.PAUSING:      {Event.PAUSE_COMPLETE: State.PAUSED, Event.SHUTDOWN: State.SHUTDOWN},
    State.SHUTDOWN:     {},
}

TAKES_OIDS = frozenset({State.PAUSED, State.RESTARTING, State.RUNNING, State.PAUSING})
RESETTABLE = TAKES_OIDS                # a reset changes no state
MOVES_DATA = frozenset({State.RUNNING, State.PAUSING})


def after(state: State, event: Event) -> State:
    """The state an event leads to.

    >>> after(State.PAUSED, Event.RESTART)
    <State.RESTARTING: 'restarting'>
    """
    try:
        return EDGES[state][event]
    except KeyError:
        raise ModelBug(f"adapter is {state}: '{event}' is not possible") from None
