"""The narrow waist between control plane and data plane: what a plane is told, asked, and reports.

Two implementations keep this protocol: `nicmodel.reference` (plain Python, the golden model) and
`nicmodel._fastpath` (compiled). They share the datasheet and this page, never mechanism. Time is
integer picoseconds throughout; `docs/time.md` says what happens within one instant.

Functions are numbered 0 = PF, 1 + v = VF v. Rings are numbered per direction by absolute queue.
Nothing is computed here; a configuration that no registers or timings can mean is a `ModelBug`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import IntEnum
from numbers import Integral
from typing import Any, NamedTuple, Protocol

import numpy as np

from nicmodel.datasheet.connections import Connection
from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.ethernet import FCS_BYTES
from nicmodel.datasheet.registers_pf import TXDCTL
from nicmodel.sim.errors import ModelBug

PF_FUNCTION = 0
NO_AGENT = -1
WHOLE_SHARE = 1 << 16           # shares are of this
LONGEST_FRAME = 1 << 16         # bytes; what a plane takes at all: a NIC drops much shorter ones


class Direction(IntEnum):
    """Which way frames move, seen from the host."""

    TX = 0
    RX = 1


class Payload(IntEnum):
    """How much of each frame moves through host memory. Timing is the same in all three."""

    LENGTHS = 0
    HEADERS = 1
    FULL = 2


PAYLOAD_HEADER_BYTES = 64       # of a frame: what HEADERS moves


class UpcallKind(IntEnum):
    """Kinds of upcalls. Order within an instant: (phase, row, source, serial)."""

    REG_WRITE = 0     # function, bar, offset, value
    REG_READ = 1      # function, bar, offset, request id; answered by `mmio_answer`
    MMIO_DONE = 2     # request id, value: a split read has come back to the host
    MSIX = 3          # function, vector, data: a message has reached a Python driver
    FRAME_OUT = 4     # port, length, row serial; data holds the bytes when they exist
    DMA_READ = 5      # request id, function, address, length (message domains)
    DMA_WRITE = 6     # request id, function, address, length; data holds the bytes (message domains)
    FAULT = 7         # function, fault code, address


class Upcall(NamedTuple):
    """What a plane tells Python, stamped with the instant it belongs to."""

    time: int
    kind: UpcallKind
    args: tuple[int, ...]
    data: bytes | None = None


def check_vector(vector: int) -> None:
    """Raises `ModelBug` for a vector that no function has."""
    if not -1 <= vector < VECTORS_PER_FUNCTION:
        raise ModelBug(f"a function has {VECTORS_PER_FUNCTION} vectors from 0 on, and -1 is none: not {vector}")


def check_whole(config: Any, whose: str, *names: str) -> None:
    """Raises `ModelBug` for a field that is no whole number."""
    for name in names:
        value = getattr(config, name)
        if type(value) is not int and not isinstance(value, Integral):
            raise ModelBug(f"{whose} {name} is a whole number: not {value!r}")


def check_bits(config: Any, whose: str, bits: int, *names: str) -> None:
    """Raises `ModelBug` for a field that is no whole number, is negative, or has more bits."""
    for name in names:
        value = getattr(config, name)
        if (type(value) is not int and not isinstance(value, Integral)) or not 0 <= int(value) < 1 << bits:
            raise ModelBug(f"{whose} {name} has {bits} bits: {value} does not fit")


@dataclass(frozen=True)
class RingConfig:
    """A descriptor ring as the queue registers describe it.

    ``base`` bytes in ``domain``; ``size`` descriptors of 16 bytes; ``buffer_bytes`` is the Rx buffer
    size; ``vector`` the MSI-X vector of this function its causes raise (-1: none); ``wthresh`` as in
    TXDCTL. Raises `ModelBug` for a ring that registers cannot describe.
    """

    function: int
    base: int
    size: int
    domain: int
    head: int = 0
    buffer_bytes: int = 2048
    vector: int = -1
    wthresh: int = 0

    def __post_init__(self) -> None:
        check_whole(self, "a ring's", "base", "size", "head", "buffer_bytes", "vector", "wthresh")
        if self.size < 2 or self.base % DESCRIPTOR_BYTES or not 0 <= self.head < self.size:
            raise ModelBug(f"a ring has at least 2 descriptors, a base of whole descriptors and a head inside: {self}")
        if not 0 <= self.wthresh < 1 << TXDCTL.WTHRESH.width:
            raise ModelBug(f"WTHRESH of TXDCTL has {TXDCTL.WTHRESH.width} bits: {self.wthresh} does not fit")
        check_bits(self, "a ring's", 64, "base")
        check_bits(self, "a ring's", 31, "size", "buffer_bytes")
        check_vector(self.vector)


@dataclass(frozen=True)
class AgentConfig:
    """A ring agent: the compiled half of a miniport. Costs in ps; batches in packets.

    ``tx_ring``/``rx_ring`` are absolute queues or -1. ``flow`` is the flow the Tx half sends (-1: none).
    ``tx_buffers``/``rx_buffers`` are base addresses of ``ring size`` buffers of ``*_stride`` bytes.
    ``poll_ps`` > 0 polls at that interval instead of waiting for interrupts. Agents with the same ``core`` >= 0 share
    that CPU core; -1 is a core of its own. ``doorbell_cost_ps`` is CPU time per tail written. Raises `ModelBug` for batches
    of nothing and for a vector that no function has.
    """

    function: int
    tx_ring: int
    rx_ring: int
    flow: int
    tx_buffers: int
    rx_buffers: int
    tx_stride: int
    rx_stride: int
    vector: int
    irq_latency_ps: int
    irq_cost_ps: int
    pass_cost_ps: int
    tx_packet_cost_ps: int
    rx_packet_cost_ps: int
    tx_batch: int
    rx_batch: int
    rs_batch: int = 1
    poll_ps: int = 0
    core: int = -1
    doorbell_cost_ps: int = 0

    def __post_init__(self) -> None:
        check_whole(self, "an agent's", "tx_ring", "rx_ring", "vector", "tx_batch", "rx_batch", "rs_batch", "irq_latency_ps",
                    "core")
        if self.rs_batch < 1 or (self.tx_ring >= 0 and self.tx_batch < 1) or (self.rx_ring >= 0 and self.rx_batch < 1):
            raise ModelBug(f"an agent's batches are at least 1: {self}")
        if self.irq_latency_ps < 1:
            raise ModelBug(f"an agent wakes later than its interrupt: irq_latency_ps is {self.irq_latency_ps}, but at least 1")
        check_bits(self, "an agent's", 64, "tx_buffers", "rx_buffers")
        check_bits(self, "an agent's", 50, *AGENT_TIMES)
        check_bits(self, "an agent's", 28, "tx_stride", "rx_stride")
        check_bits(self, "an agent's", 31, "tx_batch", "rx_batch", "rs_batch")
        if not -1 <= self.core < 1 << 31:
            raise ModelBug(f"CPU cores are numbered from 0 on, and -1 is one of its own: not {self.core}")
        check_vector(self.vector)


AGENT_TIMES = [field.name for field in fields(AgentConfig) if field.name.endswith("_ps")]


@dataclass(frozen=True)
class FlowConfig:
    """A stream of frames. ``sizes`` (frame bytes, FCS included) repeat by packet number.

    ``interval_ticks`` is the spacing in 1/1024 ps (0: as fast as the ring takes them, Tx only);
    ``start_ps`` the time of packet 0; ``count`` the number of packets (-1: no end). Packet k is offered
    at ``start_ps + k * interval_ticks // 1024``. MACs are 48-bit integers, first byte on the wire highest.
    ``vlan`` is 0 for untagged. ``direction`` says who sends: an agent (TX) or the wire (RX). ``connection`` is what receive
    side scaling finds in every frame of the stream; without one they carry no IP.
    """

    direction: Direction
    sizes: Sequence[int]
    dst_mac: int
    src_mac: int
    vlan: int = 0
    interval_ticks: int = 0
    start_ps: int = 0
    count: int = -1
    connection: Connection | None = None

    def __post_init__(self) -> None:
        check_whole(self, "a flow's", "count", "interval_ticks")
        if not all(isinstance(size, Integral) for size in self.sizes) or self.direction not in tuple(Direction):
            raise ModelBug(f"a flow has a direction, and sizes that are whole numbers: not {self.direction!r} and "
                           f"{tuple(self.sizes)}")
        if self.connection is not None and not isinstance(self.connection, Connection):
            raise ModelBug(f"a flow has a Connection, or None: not {self.connection!r}")
        check_bits(self, "a flow's", 48, "dst_mac", "src_mac")
        check_bits(self, "a flow's", 12, "vlan")
        check_bits(self, "a flow's", NEVER.bit_length() - 1, "start_ps")
        if self.count < -1 or self.count >= NEVER:
            raise ModelBug(f"a flow has a number of packets, or -1 for no end: not {self.count}")
        if not self.sizes or min(self.sizes) <= FCS_BYTES or max(self.sizes) > LONGEST_FRAME:
            raise ModelBug(f"a flow has sizes of {FCS_BYTES + 1} to {LONGEST_FRAME} bytes: not {tuple(self.sizes)}")
        if self.interval_ticks < 0:
            raise ModelBug(f"a flow cannot run backwards: its interval is {self.interval_ticks} ticks")
        check_bits(self, "a flow's", 60, "interval_ticks")


class DataPlane(Protocol):
    """What `nic`, `device` and `lab` may ask of a plane. All times are absolute ps.

    Every call that changes something is stamped ``at`` (> the last executed instant) and takes effect in
    the commit phase of that instant, in call order; it returns None if nothing else is said. Illegal arguments raise `ModelBug`:
    callers check first.
    """

    now: int                                       # the last executed instant; -1 before the first

    # time ----------------------------------------------------------------------------------------------
    def next_time(self) -> int:
        """The next instant, before which nothing comes out; NEVER if there is none."""

    def run_until(self, time: int, budget: int = -1) -> list[Upcall]:
        """Run every instant < `time`, at most `budget` of them if it is not negative.

        Returns early, between instants, after the first with an upcall.
        """

    # configuration -------------------------------------------------------------------------------------
    def set(self, table: str, index: int, words: Sequence[int], at: int) -> None:
        """Change an entry of one of `TABLES`."""

    def attach(self, domain: int, base: int, memory: np.ndarray | None) -> None:
        """Map one uint8 arena at the address `base`; None makes it a message domain. Takes effect at once."""

    def open_ring(self, direction: Direction, ring: int, config: RingConfig, at: int) -> None:
        """Open a ring, empty, at its head; one that is open is closed first. Without bus mastering it stays closed."""

    def close_ring(self, direction: Direction, ring: int, at: int) -> None:
        """Revoke what has not started of a ring, and close it."""

    def reset_function(self, function: int, at: int) -> None:
        """FLR: close the function's rings, and take back its messages and interrupt requests."""

    def add_flow(self, config: FlowConfig) -> int:
        """A stream of frames; returns its number. An Rx flow starts by itself, a Tx flow is sent by the agent that names it."""

    def start_agent(self, config: AgentConfig, at: int) -> int:
        """Hand rings to an agent; returns its number. It stays idle if a ring is closed, has been used, or is not in memory."""

    def stop_agent(self, agent: int, at: int) -> None:
        """The agent posts nothing more, but still reaps."""

    # accesses ------------------------------------------------------------------------------------------
    def mmio_write(self, function: int, bar: int, offset: int, value: int, at: int) -> None:
        """The CPU writes 32 bits at a byte offset of a BAR, posted."""

    def mmio_read(self, function: int, bar: int, offset: int, at: int) -> int:
        """The CPU reads 32 bits; returns the request id that MMIO_DONE will name."""

    def mmio_answer(self, request: int, value: int, at: int) -> None:
        """The value that a REG_READ asked for."""

    def inject(self, port: int, frame: bytes, at: int) -> None:
        """The other end of the wire offers a frame, given without FCS."""

    def dma_answer(self, request: int, data: bytes, at: int) -> None:
        """The bytes that a DMA_READ asked for; missing ones are zeros."""

    # results, consistent between two instants ----------------------------------------------------------
    def results(self) -> dict[str, Any]:
        """Everything counted and recorded so far, as copies: arrays by the names of sim/results.py."""

    def take_rows(self) -> tuple[np.ndarray, np.ndarray]:
        """Recorded rows to which nothing can happen any more, by serial, each once, and their waits.

        They are `rows` and `row_waits` of `results`, which has only the others from then on. At which call a row comes is the
        plane's choice.
        """

    def ring_state(self, direction: Direction, ring: int) -> dict[str, int]:
        """`head` and `tail` of a ring, as its registers show them."""


NEVER = 1 << 52
"""A time that no run reaches, 75 minutes; `next_time` of an idle plane. In ticks, too, it fits a word of 64 bits."""


# Tables that `DataPlane.set` takes: name -> (index, words).
TABLES = {
    "hot": ("function << 32 | bar << 24 | offset", "kind (0 Tx tail, 1 Rx tail), ring"),
    "vector": ("64 * function + vector", "enabled, itr_ps"),
    "raise": ("64 * function + vector", ""),
    "filter": ("slot", "valid, mac, vlan (-1 any, 0 untagged), function"),
    "default_pool": ("0", "function or -1"),
    "loopback": ("0", "0 or 1"),
    "bme": ("function", "0 or 1; reset state 0"),
    "decode": ("function", "0 or 1; reset state 1: its tail registers are performed here"),
    "max_frame": ("0", "bytes, FCS included; reset state 1518"),
    "no_descriptor": ("function", "1 drop, 0 block; reset state 1"),
    "pause": ("port", "quanta"),
    "ring_vector": ("2 * ring + direction", "vector or -1; the ring raises it from now on"),
    "rss": ("function", "hash types (bits of the upper half of MRQC; 0: off), entries (a power of two), ring of queue 0"),
    "rss_key": ("16 * function + n", "bytes 4n and on of the key, the first of them lowest"),
    "rss_table": ("32 * function + n", "entries 4n and on, a byte each, the first of them lowest"),
    "page_shift": ("domain", "12, 21 or 30; reset state 12"),
    "shaper": ("function", "byte time in ticks (0 none), burst in bytes"),
    "wire": ("port", "byte time in ticks; 0: the link is down"),
    "retrain": ("0", "duration_ps, byte_ticks, ack_ps, fc_ps, skp_ps, skp_bytes"),
    "sources": ("function", "bit 0: it sends from its own addresses only, bit 1: in its own VLANs only; with loopback"),
}
VECTORS_PER_FUNCTION = 64
RSS_KEY_STEP, RSS_TABLE_STEP = 16, 32        # indices of a function in `rss_key` and `rss_table`
DEFAULT_PAGE_SHIFT = 12                      # of a domain that `page_shift` has not set: pages of 4 KiB
CHECK_MAC, CHECK_VLAN = 1, 2                 # bits of the word of `sources`

# Codes of FAULT upcalls.
READ_FAULT, WRITE_FAULT, TRANSLATION_FAULT = 1, 2, 3
