"""Stages of a packet and the order of everything that happens within one instant.

One table gives the timestamp columns of a packet row, the rank of each event in phase 1 (commit) and,
with `arbiters.py`, the order of phase 2 (decide). The picture in the docs is printed from it.
"""

from __future__ import annotations

from dataclasses import dataclass

# Timestamp columns of a packet row, in the order in which they usually fall. -1 means "has not happened".
TX_STAGES = ("POSTED", "DOORBELL", "DESC_FETCHED", "SCHEDULED", "DATA_FETCHED", "SWITCHED", "ON_WIRE", "OFF_WIRE",
             "WRITTEN_BACK", "INTERRUPTED", "REAPED")
RX_STAGES = ("ARRIVED", "STEERED", "DESC_READY", "DATA_WRITTEN", "WRITTEN_BACK", "INTERRUPTED", "REAPED")
STAGES = (*TX_STAGES, *(s for s in RX_STAGES if s not in TX_STAGES))

# What a row is. A replica, a segment or a loopback copy is a row of its own that names its parent.
ROW_KINDS = ("TX", "RX", "LOOPBACK")
TX, RX, LOOPBACK = range(len(ROW_KINDS))

# How a row ended: still inside, delivered, or dropped for the reason `DROP_REASONS[outcome - 2]`.
INSIDE, DELIVERED, FIRST_DROP = 0, 1, 2


@dataclass(frozen=True)
class EventRow:
    """An event of phase 1. Rank is the row's position; `source` says what numbers the instances."""

    name: str
    source: str
    doc: str


EVENTS = (
    EventRow("CALL", "-", "a call from the control plane takes effect; serial is call order"),
    EventRow("PAUSE", "port", "a PAUSE takes effect, or its quanta have run out"),
    EventRow("MEM_COMMIT", "-", "a posted write becomes visible in host memory; its host credits return"),
    EventRow("MEM_READ", "-", "a read that had to wait for earlier writes samples host memory"),
    EventRow("WALK_DONE", "walker", "a page walk is done: its requests are translated, or blocked"),
    EventRow("UP_END", "-", "the last byte of an upstream transfer is at the root complex"),
    EventRow("READ_DONE", "-", "memory has answered a read: its completions are ready at the root complex"),
    EventRow("DOWN_END", "-", "the last byte of a downstream transfer is at the adapter"),
    EventRow("REGISTER", "-", "the register port has performed an access"),
    EventRow("TX_PIPE", "port", "a Tx frame leaves the Tx pipeline at the switch"),
    EventRow("RX_PIPE", "port", "a received frame leaves the parser with its pool"),
    EventRow("WIRE_TX_END", "port", "the last byte of a frame has left on the wire"),
    EventRow("WIRE_RX_END", "port", "the last byte of a frame has arrived from the wire"),
    EventRow("FLOW", "flow", "a received stream offers its next frame to the wire"),
    EventRow("ITR", "vector", "an interrupt throttle interval is over"),
    EventRow("SHAPER", "function", "a function's shaper allows its next frame"),
    EventRow("AGENT_WAKE", "agent", "an interrupt, a poll or the next offered packet wakes a ring agent"),
    EventRow("AGENT_DONE", "agent", "a ring agent's pass ends: reaped, refilled, doorbells rung"),
    EventRow("DLLP", "direction", "an Ack, UpdateFC or SKP falls due on a link direction"),
    EventRow("LINK_FREE", "direction", "a link direction, or the wire, may decide again"),
    EventRow("EDGE", "-", "a core clock edge on which some core arbiter has something to decide"),
)
RANK = {row.name: rank for rank, row in enumerate(EVENTS)}
