"""What the tables of `DataPlane.set` do to the reference plane: a function each, applied in its commit (docs/time.md, 1).

Words and index were checked when the table was set (`sim/limits.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from nicmodel.reference.link import LinkTiming
from nicmodel.reference.revoke import revoke_function
from nicmodel.sim.plane import RSS_KEY_STEP, RSS_TABLE_STEP, VECTORS_PER_FUNCTION, Direction

if TYPE_CHECKING:
    from nicmodel.reference.plane import ReferencePath


def set_hot(plane: ReferencePath, _now: int, key: int, kind: int, ring: int) -> None:
    plane.registers.hot[key] = (kind, ring)


def set_vector(plane: ReferencePath, _now: int, number: int, enabled: int, itr_ps: int) -> None:
    plane.vectors.configure(number, enabled, itr_ps)


def set_raise(plane: ReferencePath, now: int, number: int) -> None:
    plane.vectors.request(now, *divmod(number, VECTORS_PER_FUNCTION))


def set_filter(plane: ReferencePath, _now: int, slot: int, valid: int, mac: int, vlan: int, function: int) -> None:
    plane.switch.set_filter(slot, valid, mac, vlan, function)


def set_default_pool(plane: ReferencePath, _now: int, _index: int, function: int) -> None:
    plane.switch.default_pool = function


def set_loopback(plane: ReferencePath, _now: int, _index: int, on: int) -> None:
    plane.switch.loopback = bool(on)


def set_sources(plane: ReferencePath, _now: int, function: int, checks: int) -> None:
    plane.switch.checks[function] = checks


def set_bme(plane: ReferencePath, _now: int, function: int, on: int) -> None:
    if plane.bus_master[function] and not on:
        revoke_function(plane, function)
    plane.bus_master[function] = bool(on)
    plane.vectors.touch()


def set_decode(plane: ReferencePath, _now: int, function: int, on: int) -> None:
    plane.registers.decodes[function] = bool(on)


def set_max_frame(plane: ReferencePath, _now: int, _index: int, nbytes: int) -> None:
    plane.max_frame = nbytes


def set_no_descriptor(plane: ReferencePath, _now: int, function: int, drop: int) -> None:
    plane.drop_policy[function] = bool(drop)


def set_pause(plane: ReferencePath, now: int, _port: int, quanta: int) -> None:
    plane.transmit.pause(now, quanta)


def set_page_shift(plane: ReferencePath, now: int, domain: int, shift: int) -> None:
    plane.host.iommu.page_shifts.setdefault(domain, []).append((now, shift))


def set_shaper(plane: ReferencePath, now: int, function: int, byte_ticks: int, burst: int) -> None:
    plane.transmit.shapers[function].configure(now, byte_ticks, burst)


def set_wire(plane: ReferencePath, _now: int, _port: int, byte_ticks: int) -> None:
    plane.transmit.wire.byte_ticks = plane.receive.wire.byte_ticks = byte_ticks
    plane.transmit.touch_wire()
    plane.receive.touch_wire()


def set_retrain(plane: ReferencePath, now: int, _index: int, duration: int, *timing: int) -> None:
    for link in (plane.up, plane.down):
        link.retrain(now, duration, LinkTiming(*timing))


def set_rss(plane: ReferencePath, _now: int, function: int, types: int, entries: int, first: int) -> None:
    spread = plane.spreads[function]
    spread.types, spread.entries, spread.first = types, entries, first


def set_rss_key(plane: ReferencePath, _now: int, index: int, word: int) -> None:
    plane.spreads[index // RSS_KEY_STEP].set_key(index % RSS_KEY_STEP, word)


def set_rss_table(plane: ReferencePath, _now: int, index: int, word: int) -> None:
    plane.spreads[index // RSS_TABLE_STEP].set_entries(index % RSS_TABLE_STEP, word)


def set_ring_vector(plane: ReferencePath, _now: int, number: int, vector: int) -> None:
    direction = Direction(number & 1)
    ring = plane.rings(direction).get(number >> 1)
    if ring and ring.open:
        plane.vectors.unbind(ring)
        ring.config = replace(ring.config, vector=vector)
        plane.bind_vector(ring)


SETTERS: dict[str, Callable[..., None]] = {
    "hot": set_hot, "vector": set_vector, "raise": set_raise, "filter": set_filter, "default_pool": set_default_pool,
    "loopback": set_loopback, "sources": set_sources, "bme": set_bme, "decode": set_decode,
    "max_frame": set_max_frame, "no_descriptor": set_no_descriptor, "pause": set_pause, "page_shift": set_page_shift,
    "shaper": set_shaper, "wire": set_wire, "retrain": set_retrain, "rss": set_rss, "rss_key": set_rss_key,
    "rss_table": set_rss_table, "ring_vector": set_ring_vector}
"""Table -> what takes effect: called with the plane, the time, the index and the words."""
