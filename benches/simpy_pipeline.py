"""The usual way: a transmit pipeline written with SimPy's processes, stores and resources. A yardstick, not a model.

It has the stages of the adapter's transmit path (post, doorbell, descriptor fetch, round-robin schedule, data fetch, switch,
wire, write-back, interrupt, reap) and takes its times from the same tables, one frame at a time, as a careful first
version would. Credits, DLLPs, completion splitting, caches, batching and tie rules are left out, all of which would
make it slower. Times in ps, sizes in bytes.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.ethernet import AROUND_BYTES, FCS_BYTES
from nicmodel.datasheet.pcie_link import GENERATIONS
from nicmodel.datasheet.profiles import XEON, Profile

READ_TLP, COMPLETION_HEAD, WRITE_HEAD = 24, 20, 24
Steps = Generator[simpy.Event, Any, None]


class Pipeline:
    """`vfs` functions that send `frame`-byte frames as fast as they can."""

    def __init__(self, profile: Profile, vfs: int, frame: int, ring_size: int = 512):
        self.env = env = simpy.Environment()
        self.profile, self.frame = profile, frame
        self.byte_ps = GENERATIONS[profile.pcie_gen].byte_ticks(profile.lanes) / 1024
        self.up, self.down = simpy.Resource(env), simpy.Resource(env)
        self.tags = simpy.Resource(env, capacity=profile.tags)
        self.free = [simpy.Container(env, ring_size, init=ring_size) for _ in range(vfs)]
        self.posted = [simpy.Store(env) for _ in range(vfs)]
        self.ready = [simpy.Store(env, capacity=profile.tx_cache) for _ in range(vfs)]
        self.done = [simpy.Store(env) for _ in range(vfs)]
        self.work = simpy.Store(env)                  # one token a frame that is ready
        self.fetched, self.switched = simpy.Store(env, capacity=profile.tags), simpy.Store(env)
        self.sent = 0
        for v in range(vfs):
            env.process(self.driver(v))
            env.process(self.fetch_descriptors(v))
            env.process(self.reap(v))
        for engine in (self.schedule, self.switch, self.transmit):
            env.process(engine())

    def transfer(self, link: simpy.Resource, nbytes: int) -> Steps:
        with link.request() as turn:
            yield turn
            yield self.env.timeout(nbytes * self.byte_ps)

    def read(self, nbytes: int) -> Steps:
        with self.tags.request() as tag:
            yield tag
            yield from self.transfer(self.up, READ_TLP)
            yield self.env.timeout(XEON.read_latency_ps)
            yield from self.transfer(self.down, COMPLETION_HEAD + nbytes)

    def driver(self, v: int) -> Steps:
        while True:
            yield self.free[v].get(1)
            yield self.env.timeout(XEON.tx_packet_cost_ps)
            yield from self.transfer(self.down, WRITE_HEAD + 4)
            yield self.posted[v].put(self.env.now)

    def fetch_descriptors(self, v: int) -> Steps:
        while True:
            posted = yield self.posted[v].get()
            yield from self.read(DESCRIPTOR_BYTES)
            yield self.ready[v].put(posted)
            yield self.work.put(v)

    def schedule(self) -> Steps:
        last = 0
        while True:
            yield self.work.get()
            while True:
                last = (last + 1) % len(self.ready)
                if self.ready[last].items:
                    break
            posted = yield self.ready[last].get()
            yield self.env.timeout(self.profile.core_ps)
            self.env.process(self.fetch_data(last, posted))

    def fetch_data(self, v: int, posted: float) -> Steps:
        yield from self.read(self.frame - FCS_BYTES)
        yield self.fetched.put((v, posted))
        yield from self.transfer(self.up, WRITE_HEAD + DESCRIPTOR_BYTES)
        yield self.env.timeout(XEON.write_latency_ps)
        yield self.done[v].put(posted)

    def switch(self) -> Steps:
        while True:
            frame = yield self.fetched.get()
            yield self.env.timeout(self.profile.core_ps)
            yield self.switched.put(frame)

    def transmit(self) -> Steps:
        byte_ps = 8_000 / self.profile.link_gbps
        while True:
            yield self.switched.get()
            yield self.env.timeout((self.frame + AROUND_BYTES) * byte_ps)
            self.sent += 1

    def reap(self, v: int) -> Steps:
        while True:
            yield self.done[v].get()
            yield from self.transfer(self.up, WRITE_HEAD)
            yield self.env.timeout(XEON.irq_latency_ps)
            frames = 1 + len(self.done[v].items)
            self.done[v].items.clear()
            yield self.env.timeout(XEON.irq_cost_ps + XEON.pass_cost_ps)
            yield self.free[v].put(frames)

    def run(self, duration_ps: int) -> int:
        """Frames sent in the next `duration_ps`."""
        before = self.sent
        self.env.run(until=self.env.now + duration_ps)
        return self.sent - before
