"""A bare plane on a bench: queue pairs that are driven from here, on a link with nothing else in the way.

    doorbells, head reads, messages ─► plane ─► both directions of the PCIe link, counted ─► memory with descriptors

Tags, credits, buffers and the wire are never short; the core decides every picosecond, memory and pipelines take
one, too. What is left is the link: TLPs in their order, requests and completions cut as configured, and link-layer traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES, rx_read, tx_data
from nicmodel.datasheet.ethernet import FCS_BYTES, STANDARD_FRAME
from nicmodel.datasheet.pcie_link import DIGEST_BYTES, PAGE_BYTES, TICKS_PER_PS
from nicmodel.datasheet.profiles import X520
from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.device import make_plane, plane_config
from nicmodel.lab.settings import published
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.limits import MOST_DELAY_PS
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import VECTORS_PER_FUNCTION, Direction, RingConfig

PLENTY = 1 << 30
QUICK_WIRE = 128                 # ticks a byte: eight bytes a ps
LOW_BASE = 1 << 20               # memory below 4 GiB: three-dword headers
DWORD = 4
MESSAGE_VECTORS = 16             # of a pair, in turns: more than it sends between two looks of a driver
OPEN_AT, START_AT = 1, 1_000     # ps
PUBLISHED, OWN = "published", "own"


@dataclass(frozen=True)
class LinkSettings:
    """A PCIe link and how its bytes are accounted for."""

    gen: int = 3
    lanes: int = 8
    mps: int = 256
    mrrs: int = 512
    rcb: int = 64
    addr: int = 64
    split_rcb: bool = False
    ecrc: bool = False
    accounting: str = PUBLISHED

    @property
    def digest_bytes(self) -> int:
        return DIGEST_BYTES if self.ecrc else 0

    def plane_config(self, **changes: Any) -> PlaneConfig:
        """The plane of a bench with this link."""
        fields = dict(
            gen=self.gen, lanes=self.lanes, mps=self.mps, mrrs=self.mrrs, rcb=self.rcb, split_rcb=self.split_rcb,
            tlp_digest_bytes=self.digest_bytes, core_ps=1, wire_byte_ticks=QUICK_WIRE,
            tags=PLENTY, read_buffer=PLENTY, host_ph=0, host_pd=0, host_nph=0,
            device_ph=0, device_pd=0, device_nph=0, read_latency_ps=1, read_jitter_ps=0, write_latency_ps=1,
            register_cycles=1, register_latency_cycles=1, tx_pipe_cycles=1, rx_pipe_cycles=1, tx_buffer=PLENTY,
            rx_buffer=PLENTY, record_interrupts=False)
        config = plane_config(X520, **fields | changes)                            # type: ignore[arg-type]
        return published(config, self.gen, self.lanes, self.mps) if self.accounting == PUBLISHED else config


def byte_for_byte(time_of: Callable[[int], float], link: LinkSettings, nbytes: int) -> float:
    """`time_of(nbytes)`, as the accounting has it. The link moves whole dwords; the published accounting counts bytes.

    Between sizes that are cut into the same TLPs time is a straight line: it is drawn through two whole numbers of dwords.
    """
    over = -nbytes % DWORD
    if link.accounting == OWN or not over:
        return time_of(nbytes)
    above = nbytes + over
    cut = link.rcb if link.split_rcb else min(link.mps, link.mrrs)
    other = above + DWORD if (above - DWORD) % cut == 0 else above - DWORD
    return time_of(above) + (time_of(other) - time_of(above)) * (nbytes - above) / (other - above)


class Bench:
    """`pairs` queue pairs of `size` descriptors, one a function; every frame has `payload` bytes over PCIe.

    All descriptors point at one buffer at the start of a page; no frame's bytes move. `report`: Tx descriptors ask for
    their write-back, which is then done for `report` of them at a time; 0: never.
    """

    def __init__(self, plane: str, config: PlaneConfig, payload: int, size: int, *, addr: int = 64, pairs: int = 1,
                 report: int = 0):
        self.payload, self.config = payload, config
        self.plane = make_plane(plane, config)
        self.at = START_AT
        self.frames = [self.mac(pair).to_bytes(6, "big").ljust(payload, b"\0")[:payload] for pair in range(pairs)]
        self.vectors_raised = [0] * pairs
        ring_bytes = size * DESCRIPTOR_BYTES
        room = 2 * pairs * (ring_bytes + PAGE_BYTES) + 2 * PAGE_BYTES + payload
        memory = Domain(0, room, base=DOMAIN_BASE if addr == 64 else LOW_BASE)
        self.plane.attach(0, memory.base, memory.memory)
        buffer = memory.allocate(payload, PAGE_BYTES)
        descriptors = {Direction.TX: tx_data(buffer, payload, rs=bool(report)), Direction.RX: rx_read(buffer)}
        self.plane.set("max_frame", 0, (max(STANDARD_FRAME, payload + FCS_BYTES),), OPEN_AT)
        self.plane.set("default_pool", 0, (0,), OPEN_AT)           # frames too short for an address
        for pair in range(pairs):
            self.plane.set("bme", pair, (1,), OPEN_AT)
            self.plane.set("filter", pair, (1, self.mac(pair), -1, pair), OPEN_AT)
            self.plane.set("no_descriptor", pair, (0,), OPEN_AT)
            for vector in range(MESSAGE_VECTORS):
                self.plane.set("vector", VECTORS_PER_FUNCTION * pair + vector, (1, 0), OPEN_AT)
            for direction, descriptor in descriptors.items():
                base = memory.allocate(ring_bytes, PAGE_BYTES)
                memory.write(base, descriptor * size)
                self.plane.open_ring(direction, pair, RingConfig(pair, base, size, 0, 0, payload, -1, report), OPEN_AT)
                self.plane.set("hot", pair << 32 | self._register(direction), (int(direction), pair), OPEN_AT)
        self.run(START_AT)

    @staticmethod
    def mac(pair: int) -> int:
        """The address of a pair's function, a number of 48 bits."""
        return 0x02_00_00_00_00_00 + pair

    @staticmethod
    def _register(direction: Direction) -> int:
        return 4 * int(direction)

    # time -------------------------------------------------------------------------------------------------
    def run(self, until: int) -> None:
        """Every instant before `until`; what happens next is stamped `until`."""
        while self.plane.next_time() < until:
            self.plane.run_until(until)
        self.plane.run_until(until)
        self.at = until

    def run_while(self, pending: Callable[[], bool], step: int) -> None:
        """In steps of `step` ps as long as `pending()`. Raises ModelBug when nothing more will happen."""
        while pending():
            self.check_moving()
            self.run(self.at + step)

    def check_moving(self) -> None:
        """Raises ModelBug if nothing will happen by itself any more. SKPs of the own accounting happen for ever."""
        if self.plane.next_time() >= MOST_DELAY_PS:
            raise ModelBug(f"the bench stands still at {self.at} ps")

    def link_ps(self, nbytes: int) -> int:
        """The time that so many bytes take on the PCIe link, at least 1."""
        return max(1, nbytes * self.config.pcie_byte_ticks // TICKS_PER_PS)

    # what a driver and the wire do --------------------------------------------------------------------------
    def ring_bell(self, direction: Direction, pair: int, tail: int) -> None:
        """Write a tail: descriptors before it are the hardware's."""
        self.plane.mmio_write(pair, 0, self._register(direction), tail, self.at)

    def read_head(self, direction: Direction, pair: int) -> None:
        """A 32-bit register read, for its time on the link: nobody asks for its value."""
        self.plane.mmio_read(pair, 0, self._register(direction), self.at)

    def raise_message(self, pair: int) -> None:
        """One MSI-X message; each of a pair's next vector, so that none is merged into another."""
        vector = self.vectors_raised[pair] % MESSAGE_VECTORS
        self.vectors_raised[pair] += 1
        self.plane.set("raise", VECTORS_PER_FUNCTION * pair + vector, (), self.at)

    def deliver(self, pair: int, count: int) -> None:
        """`count` frames come along the wire, back to back."""
        for _ in range(count):
            self.plane.inject(0, self.frames[pair], self.at)

    # what was counted ---------------------------------------------------------------------------------------
    def functions(self) -> np.ndarray:
        """Counters so far, a row a function: pair p is function p."""
        return self.plane.results()["functions"]

    def links(self) -> np.ndarray:
        """Counters of PCIe up and down, wire Tx and Rx."""
        return self.plane.results()["links"]

    def rows(self, kind: int) -> np.ndarray:
        """Recorded rows of a kind (Tx or Rx), so far."""
        rows = self.plane.results()["rows"]
        return rows[rows["kind"] == kind]
