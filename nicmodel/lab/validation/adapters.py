"""Published adapters at full load both ways: their list of operations, done by a plane's rings and a driver on this side.

    driver: looks ─► tails, head reads, messages ─► plane: descriptors, data, status ─► links ─► looks again
"""

from __future__ import annotations

from nicmodel.datasheet.ethernet import FCS_BYTES
from nicmodel.datasheet.pcie_link import completion_tlp_bytes
from nicmodel.datasheet.published import PUBLISHED_NICS, PublishedNic
from nicmodel.lab.validation.bench import DWORD, Bench, LinkSettings, byte_for_byte
from nicmodel.lab.validation.conditions import Conditions, Experiment
from nicmodel.sim.plane import Direction

MAX_PAYLOAD = 16_383                 # of one descriptor
PAIRS, PER_PAIR = 16, 400            # queue pairs, and packets that each has for each direction
WINDOW = 80                          # descriptors ahead: two fetches of the largest batch
STEP_PACKETS = 8                     # the driver looks about so often


class NicRun:
    """One adapter, all packets alike; both directions of a queue pair keep in step.

    Tx data reads on their way are as many as queue pairs, so that neither direction starves the other. The first fetches
    of the Tx rings differ in length, so that later ones do not come all at once. `prefetched`: Rx descriptors are on chip
    before the clock starts; the published curves lack the requests for them.
    """

    def __init__(self, plane: str, link: LinkSettings, nic: PublishedNic, nbytes: int, prefetched: bool):
        self.nic, self.prefetched, self.long_messages = nic, prefetched, link.addr == 64
        config = link.plane_config(
            num_vfs=PAIRS - 1, num_rings=PAIRS, tx_cache=nic.tx_fetch, tx_threshold=1, tx_buffer=PAIRS * nbytes,
            rx_cache=PER_PAIR if prefetched else nic.rx_fetch, rx_threshold=1, record_rows=False)
        self.bench = Bench(plane, config, nbytes, PER_PAIR + 8, addr=link.addr, pairs=PAIRS, report=nic.tx_writeback)
        self.tails = {Direction.TX: [1 + nic.tx_fetch * pair // PAIRS for pair in range(PAIRS)],
                      Direction.RX: [0] * PAIRS}
        self.seen = {direction: [0] * PAIRS for direction in Direction}
        self.delivered = [0] * PAIRS
        self.short = 0                                   # bytes that messages were too short by
        self.read_bytes = completion_tlp_bytes(4) + link.digest_bytes        # upstream, of a register read
        if prefetched:
            for pair in range(PAIRS):
                self.bench.ring_bell(Direction.RX, pair, PER_PAIR)
            self.bench.run(self.bench.at + self.bench.link_ps(50 * PAIRS * PER_PAIR))
        for pair in range(PAIRS):
            self.bench.ring_bell(Direction.TX, pair, self.tails[Direction.TX][pair])
        self.bench.run(self.bench.at + self.bench.link_ps(1000))

    def packet_ps(self) -> float:
        """Time per packet and direction, from a quarter of the run to seven eighths of it."""
        bench = self.bench
        step = bench.link_ps(STEP_PACKETS * (bench.payload + 150))
        total = PAIRS * PER_PAIR
        first: tuple[int, float] | None = None
        while True:
            done = self._done()
            packets = sum(map(sum, done.values())) / 2
            if first is None and packets >= total / 4:
                first = bench.at, packets
            if first and packets >= total * 7 / 8:
                return (bench.at - first[0]) / (packets - first[1])
            self._drive(done)
            bench.check_moving()
            bench.run(bench.at + step)

    def _done(self) -> dict[Direction, list[int]]:
        functions = self.bench.functions()
        return {Direction.TX: functions["tx_packets"].tolist(), Direction.RX: functions["rx_packets"].tolist()}

    def _drive(self, done: dict[Direction, list[int]]) -> None:
        nic = self.nic
        for pair in range(PAIRS):
            ahead = min(done[Direction.TX][pair], done[Direction.RX][pair]) + WINDOW
            self._follow(Direction.TX, pair, done, nic.tx_message, nic.tx_head_read)
            self._follow(Direction.RX, pair, done, nic.rx_message, nic.rx_head_read)
            self._ring(Direction.TX, pair, min(ahead, PER_PAIR), nic.tx_doorbell)
            self._ring(Direction.RX, pair, min(ahead, PER_PAIR), nic.rx_doorbell)
            self.bench.deliver(pair, min(ahead, PER_PAIR) - self.delivered[pair])
            self.delivered[pair] = min(ahead, PER_PAIR)

    def _follow(self, direction: Direction, pair: int, done: dict[Direction, list[int]], message: int,
                head_read: int) -> None:
        """What follows on packets that are finished: messages, head reads."""
        for packet in range(self.seen[direction][pair] + 1, done[direction][pair] + 1):
            if message and packet % message == 0:
                self._message(pair)
            if head_read and packet % head_read == 0:
                self.bench.read_head(direction, pair)
        self.seen[direction][pair] = done[direction][pair]

    def _message(self, pair: int) -> None:
        """The planes' messages have a three-dword header; if the list's have four, register reads make up for it."""
        self.bench.raise_message(pair)
        self.short += DWORD * self.long_messages
        if self.short >= self.read_bytes:
            self.short -= self.read_bytes
            self.bench.read_head(Direction.TX, pair)

    def _ring(self, direction: Direction, pair: int, ahead: int, doorbell: int) -> None:
        while self.tails[direction][pair] + doorbell <= ahead:
            self.tails[direction][pair] += doorbell
            on_chip = self.prefetched and direction == Direction.RX
            self.bench.ring_bell(direction, pair, PER_PAIR if on_chip else self.tails[direction][pair])


def nic(name: str, *, prefetched: bool = False, rate: bool = False) -> Experiment:
    """Goodput of a published adapter per direction in Gb/s, or with `rate` its packets in Mpps."""
    def experiment(plane: str, conditions: Conditions) -> float:
        link, frame = conditions.pcie(), conditions.integer("frame", low=64, high=MAX_PAYLOAD + FCS_BYTES)
        nbytes = conditions.integer("dma_bytes", frame - FCS_BYTES, low=14, high=MAX_PAYLOAD)
        conditions.finish()

        def packet_ps(size: int) -> float:
            return NicRun(plane, link, PUBLISHED_NICS[name], size, prefetched).packet_ps()

        mpps = 1_000_000 / byte_for_byte(packet_ps, link, nbytes)
        return mpps if rate else mpps * nbytes * 8 / 1000

    return experiment
