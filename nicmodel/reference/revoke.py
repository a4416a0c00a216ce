"""Taking back what has not started: ring close, function reset, bus mastering off (docs/time.md, 9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicmodel.datasheet.stages import INSIDE, TX
from nicmodel.reference.link import NONPOSTED, POSTED
from nicmodel.reference.rows import Message, Request, Ring, Write

if TYPE_CHECKING:
    from nicmodel.reference.plane import ReferencePath


def revoke_ring(plane: ReferencePath, ring: Ring) -> None:
    """Everything of this ring that is not final ends now."""
    ring.open = False
    if ring.agent:
        ring.agent.dead = True
        plane.vectors.forget_agent(ring.agent)
        plane.cores.forget(ring.agent)
    plane.vectors.unbind(ring)
    if ring.fetch:
        ring.fetch.stale = True
    for row in [row for row in ring.rows.values() if row.outcome == INSIDE and not row.on_wire]:
        if row.read:
            row.read.stale = True
        row.vanished = True
        (plane.transmit if row.kind == TX else plane.receive).return_room(row)
        plane.drop(row, "reset")
    for write in ring.writes:
        write.stale = True
    _sweep(plane)
    ring.fetch, ring.fetching, ring.inside = None, 0, 0
    for line in (ring.waiting, ring.descriptors, ring.order, ring.doorbells, ring.unreaped):
        line.clear()
    ring.span, ring.uninterrupted = [], []


def revoke_function(plane: ReferencePath, function: int) -> None:
    """All rings of a function, its messages, its interrupt requests."""
    for rings in (plane.transmit.rings, plane.receive.rings):
        for number in sorted(rings):
            if rings[number].function == function and rings[number].open:
                revoke_ring(plane, rings[number])
    plane.vectors.revoke(function)
    line = plane.up.lines[POSTED]
    for transfer in [t for t in line if isinstance(t.owner, Message) and t.function == function]:
        line.remove(transfer)
    plane.up.touch()


def _sweep(plane: ReferencePath) -> None:
    """Remove what has become stale from every line in which it waits."""
    for requests in plane.tags.lines:
        for request in [r for r in requests if r.read.stale]:
            requests.remove(request)
    for kind in (NONPOSTED, POSTED):
        line = plane.up.lines[kind]
        for transfer in list(line):
            owner = transfer.owner
            if isinstance(owner, Request) and owner.read.stale:
                line.remove(transfer)
                plane.tags.give_back(owner)
            elif isinstance(owner, Write) and owner.stale:
                line.remove(transfer)
    for writes in plane.writers.lines:
        for write in [w for w in writes if w.stale]:
            writes.remove(write)
    for rows in (plane.transmit.ready, plane.transmit.outgoing):
        for row in [r for r in rows if r.vanished]:
            rows.remove(row)
    for touch in (plane.tags.touch, plane.up.touch, plane.writers.touch, plane.transmit.touch_wire,
                  plane.transmit.touch_reorder, plane.transmit.touch_scheduler):
        touch()
