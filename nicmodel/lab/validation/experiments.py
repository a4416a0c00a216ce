"""What a point asks, done on a plane: one function an experiment, from conditions to a figure.

Each brings its bench to the state that it wants to look at, lets the plane run, and reads stamps and counters. None
evaluates the formula that it is compared with. What the benches do in common is in bench.py, and docs/validation.md
says what stands for what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.ethernet import AROUND_BYTES, FCS_BYTES, GAP_BYTES, PREAMBLE_BYTES
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.datasheet.published import PUBLISHED_NICS
from nicmodel.datasheet.stages import RX, TX
from nicmodel.lab.validation.adapters import MAX_PAYLOAD, nic
from nicmodel.lab.validation.bench import DWORD, OWN, QUICK_WIRE, Bench, LinkSettings, byte_for_byte
from nicmodel.lab.validation.conditions import Conditions, Experiment, Unanswerable
from nicmodel.sim.plane import NEVER, Direction

UP, DOWN = 0, 1                      # rows of `links`
RUN_BYTES, LEAST = 150_000, 128      # a run moves so much, in so many operations at least
GBPS = 8_000                         # bytes/ps in Gb/s


def operations(payload: int) -> int:
    return max(LEAST, -(-RUN_BYTES // (payload + 64)))


# ---- transfers ---------------------------------------------------------------------------------------

def reader_writer(plane: str, link: LinkSettings, payload: int, count: int, **changes: int) -> Bench:
    """A device with all Rx descriptors on chip, and room there for all Tx descriptors."""
    config = link.plane_config(num_vfs=0, num_rings=1, tx_cache=count, tx_threshold=1, rx_cache=count, rx_threshold=1,
                               **changes)
    bench = Bench(plane, config, payload, count + 1, addr=link.addr)
    bench.ring_bell(Direction.RX, 0, count)
    bench.run_while(lambda: bench.links()[DOWN]["tlp_bytes"] < DESCRIPTOR_BYTES * count, bench.link_ps(1000))
    bench.run(bench.at + bench.link_ps(DESCRIPTOR_BYTES * count + 1000))
    return bench


def send(bench: Bench, count: int) -> None:
    """One doorbell; one fetch brings all descriptors on chip, and the first data are about to be asked for."""
    bench.ring_bell(Direction.TX, 0, count)
    bench.run_while(lambda: bench.functions()["tx_offered"][0] < count, bench.link_ps(8))


def finish(bench: Bench, sent: int, received: int) -> None:
    def pending() -> bool:
        done = bench.functions()[0]
        return bool(done["tx_packets"] < sent or done["rx_packets"] < received)

    bench.run_while(pending, bench.link_ps(20_000))


@dataclass
class Writes:
    """A stream of frames into memory: the link time of all data but the first's, and of one status, in ps."""

    data_ps: int
    status_ps: float
    operations: int


def write_stream(plane: str, link: LinkSettings, payload: int) -> Writes:
    """Frames arrive faster than the link takes them. Each is its data, then 16 bytes of status."""
    count = operations(payload)
    bench = reader_writer(plane, link, payload, count)
    bench.deliver(0, count)
    finish(bench, 0, count)
    rows = bench.rows(RX)
    data, status = rows["DATA_WRITTEN"], rows["WRITTEN_BACK"]
    return Writes(int((data[1:] - status[:-1]).sum()), float((status - data).mean()), count - 1)


def dma(each_ps: Callable[[str, LinkSettings, int], float]) -> Experiment:
    """Payload over the time of one operation, in Gb/s."""
    def experiment(plane: str, conditions: Conditions) -> float:
        link, payload = conditions.pcie(), conditions.integer("payload", low=DWORD, high=MAX_PAYLOAD)
        conditions.finish()
        return payload / byte_for_byte(lambda nbytes: each_ps(plane, link, nbytes), link, payload) * GBPS

    return experiment


def write_ps(plane: str, link: LinkSettings, payload: int) -> float:
    """The stretches of time in which the upstream link moves data are put end to end; status is left out."""
    stream = write_stream(plane, link, payload)
    return stream.data_ps / stream.operations


def read_ps(plane: str, link: LinkSettings, payload: int) -> float:
    """Frames to be sent are read back to back; none of them asks for a status."""
    count = operations(payload)
    bench = reader_writer(plane, link, payload, count)
    send(bench, count)
    finish(bench, count, 0)
    read = bench.rows(TX)["DATA_FETCHED"]
    return int(read.max() - read.min()) / (count - 1)


def both_ps(plane: str, link: LinkSettings, payload: int) -> float:
    """As many reads as writes, together, less the link time of status as a stream of writes shows it.

    Status does not delay what the downstream link limits: the reads alone take that time.
    """
    count = operations(payload)
    bench = reader_writer(plane, link, payload, count)
    send(bench, count)
    begin = bench.at
    bench.deliver(0, count)
    finish(bench, count, count)
    end = int(max(bench.rows(TX)["DATA_FETCHED"].max(), bench.rows(RX)["WRITTEN_BACK"].max()))
    status_ps = write_stream(plane, link, payload).status_ps
    return max((end - begin) / count - status_ps, read_ps(plane, link, payload))


# ---- bytes and shares of the link --------------------------------------------------------------------

CONST_PAYLOAD, CONST_COUNT = 64, 16


def overhead(kind: str) -> Experiment:
    """Bytes that a link direction counted per TLP of a kind, apart from what was in it."""
    def experiment(plane: str, conditions: Conditions) -> float:
        link = conditions.pcie("gen3", "x8")
        conditions.finish()
        bench = reader_writer(plane, link, CONST_PAYLOAD, CONST_COUNT)
        sends = kind != "mwr"
        if sends:
            send(bench, CONST_COUNT)                     # looks before the first request of data has passed
        before = bench.links()[DOWN if kind == "cpld" else UP].copy()
        if not sends:
            bench.deliver(0, CONST_COUNT)
        finish(bench, CONST_COUNT * sends, CONST_COUNT * (not sends))
        after = bench.links()[DOWN if kind == "cpld" else UP]
        inside = {"mwr": CONST_PAYLOAD + DESCRIPTOR_BYTES, "mrd": 0, "cpld": CONST_PAYLOAD}[kind] * CONST_COUNT
        return (after["tlp_bytes"] - before["tlp_bytes"] - inside) / (after["tlps"] - before["tlps"])

    return experiment


def link_rate(plane: str, conditions: Conditions) -> float:
    """TLP bytes that pass while the upstream link always has a TLP waiting."""
    link = conditions.pcie()
    conditions.finish()
    count = operations(link.mps)
    bench = reader_writer(plane, link, link.mps, count)
    before = bench.links()[UP]["tlp_bytes"]
    bench.deliver(0, count)
    finish(bench, 0, count)
    each = (bench.links()[UP]["tlp_bytes"] - before) / count
    status = bench.rows(RX)["WRITTEN_BACK"]
    return each * (count - 1) / int(status.max() - status.min()) * GBPS


# ---- the wire ----------------------------------------------------------------------------------------

WIRE_FRAMES = 1024                   # as many frames as ticks in a ps: they take whole ps


def line_rate(plane: str, conditions: Conditions) -> float:
    """Frames on the wire, from the end of one to the end of another, with the next always waiting."""
    speed, frame = conditions.link_mbps(), conditions.integer("frame_incl_fcs", low=64, high=MAX_PAYLOAD + FCS_BYTES)
    conditions.fixed("preamble", PREAMBLE_BYTES)
    conditions.fixed("ifg", GAP_BYTES)
    conditions.finish()
    ticks, rest = divmod(8_000_000 * TICKS_PER_PS, speed)
    if rest or ticks < QUICK_WIRE:
        raise Unanswerable(f"a byte at {speed} Mb/s is not a whole number of 1/1024 ps, or is below {QUICK_WIRE} of them")
    count = WIRE_FRAMES + 1
    bench = reader_writer(plane, LinkSettings(accounting=OWN), frame - FCS_BYTES, count, wire_byte_ticks=ticks,
                          pcie_byte_ticks=QUICK_WIRE, skp_ps=NEVER >> 1)
    bench.ring_bell(Direction.TX, 0, count)
    bench.run_while(lambda: bench.functions()["tx_packets"][0] < count, 16 * (frame + AROUND_BYTES) * ticks // TICKS_PER_PS)
    left = bench.rows(TX)["OFF_WIRE"]
    return WIRE_FRAMES / int(left.max() - left.min()) * 1_000_000


EXPERIMENTS: dict[str, Experiment] = {
    "tlp_overhead_mwr": overhead("mwr"),
    "tlp_overhead_mrd": overhead("mrd"),
    "tlp_overhead_cpld": overhead("cpld"),
    "link_tlp_rate_published": link_rate,
    "dma_write_formula": dma(write_ps),
    "dma_read_formula": dma(read_ps),
    "dma_both_formula": dma(both_ps),
    "line_rate": line_rate,
    **{f"nic_{name}": nic(name) for name in PUBLISHED_NICS},
    **{f"nic_{name}_published": nic(name, prefetched=True) for name in PUBLISHED_NICS},
    **{f"nic_{name}_rate": nic(name, rate=True) for name in PUBLISHED_NICS},
    **{f"nic_{name}_rate_published": nic(name, prefetched=True, rate=True) for name in PUBLISHED_NICS},
}
