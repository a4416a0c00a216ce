"""From a scenario to the numbers of a plane: `PlaneConfig`, tables that are set once, and what a queue pair's driver costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drivers.rings import RingSettings
from nicmodel.datasheet.pcie_link import DIGEST_BYTES, TICKS_PER_PS, published_share
from nicmodel.datasheet.policies import PARAMETERS
from nicmodel.datasheet.profiles import HOSTS
from nicmodel.device import plane_config
from nicmodel.lab.scenario import CREDITS, Scenario
from nicmodel.lab.validators import PAGE_SIZES
from nicmodel.ndis.guests import Times
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import NEVER, PF_FUNCTION, WHOLE_SHARE, Payload

SIDES = ("host", "device")


def plane_settings(s: Scenario, *, frames_out: bool = False) -> PlaneConfig:
    """The plane of a scenario."""
    policies = {name: getattr(section, name) for name in PARAMETERS for section in (s.nic, s.pcie, s.host)
                if name != "scheduler" and hasattr(section, name)}
    credits = {f"{side}_{pool}": getattr(s.pcie, f"{side}_{pool}") for side in SIDES for pool in CREDITS}
    fields: dict[str, Any] = dict(
        num_vfs=s.num_vfs, gen=s.pcie.gen, lanes=s.pcie.lanes, mps=s.pcie.mps, mrrs=s.pcie.mrrs, rcb=s.pcie.rcb,
        split_rcb=s.pcie.split_rcb, tags=s.pcie.tags, relaxed_ordering=s.pcie.relaxed_ordering, ido=s.pcie.ido,
        tlp_digest_bytes=DIGEST_BYTES if s.pcie.ecrc else 0,
        read_buffer=s.nic.read_buffer, tx_buffer=s.nic.tx_buffer, rx_buffer=s.nic.rx_buffer, tag_cap=s.nic.tag_cap,
        tag_reserve=s.nic.tag_reserve, read_cycles=s.nic.read_cycles, write_cycles=s.nic.write_cycles,
        read_latency_ps=max(1, s.host.read_latency), read_jitter_ps=s.host.read_jitter,
        write_latency_ps=max(1, s.host.write_latency), remote_ps=s.host.remote_latency, dram_ps=s.host.dram_latency,
        dram_share=round(s.host.dram_share * WHOLE_SHARE), tail_ps=s.host.tail_latency,
        tail_share=round(s.host.tail_share * WHOLE_SHARE), iotlb_entries=s.host.iotlb_entries, walkers=s.host.walkers,
        walk_ps=s.host.walk_latency, core_switch_ps=s.host.core_switch, seed=s.seed, payload=Payload[s.payload.upper()],
        record_rows=s.record.rows or s.life.on, record_interrupts=False, frames_out=frames_out,
        books=s.record.books)
    config = plane_config(s.adapter, HOSTS[s.host.profile], **fields | policies | credits)
    return published(config, s.pcie.gen, s.pcie.lanes, s.pcie.mps) if s.pcie.dllps == "published" else config


def published(config: PlaneConfig, gen: int, lanes: int, mps: int) -> PlaneConfig:
    """The same plane, every byte of its link longer by what the published accounting withholds, and no Acks and SKPs.

    The published share is lost in both directions, always. A byte takes whole ticks: right to 3 in 100,000 at worst.
    """
    ticks = round(config.pcie_byte_ticks / (1 - published_share(gen, lanes, mps)))
    return replace(config, pcie_byte_ticks=ticks, ack_ps=NEVER >> 1, skp_ps=NEVER >> 1)


def ring_settings(s: Scenario, buffer_bytes: int) -> RingSettings:
    """What every queue pair's driver is told."""
    d = s.driver
    return RingSettings(
        ring_size=s.ring_size, buffer_bytes=buffer_bytes, tx_stride=buffer_bytes, flow=0 if s.transmits else -1,
        irq_latency_ps=max(1, s.host.irq_latency), irq_cost_ps=d.irq_cost, pass_cost_ps=d.pass_cost,
        tx_packet_cost_ps=d.tx_cost, rx_packet_cost_ps=d.rx_cost, doorbell_cost_ps=d.doorbell_cost, tx_batch=d.batch,
        rx_batch=d.batch, rs_batch=d.rs_batch, poll_ps=d.poll, drop=s.nic.no_descriptor == "drop")


def guest_times(s: Scenario) -> Times:
    """How long guests take; without [life] bring-up is not kept waiting."""
    return Times(s.life.vpci, s.life.pnp, True, s.life.removal) if s.life.on else Times()


def page_shift(s: Scenario) -> int:
    return PAGE_SIZES[s.host.page_size]


def shaper_words(s: Scenario) -> tuple[int, int] | None:
    """Words of the `shaper` table for every VF, rounded so that the rate is not exceeded; None without a rate."""
    if not s.nic.vf_rate:
        return None
    return -(-8 * 10**12 * TICKS_PER_PS // s.nic.vf_rate), s.nic.vf_burst


def core_of(s: Scenario, function: int, queue: int) -> int:
    """The CPU core of a queue pair's driver, -1: one of its own. The PF's is always its own."""
    if not s.host.cores or function == PF_FUNCTION:
        return -1
    return ((function - 1) * s.queues_per_vf + queue) % s.host.cores
