"""What the values of a scenario's keys may be beside each other: one check a subject, the first misfit is told.

A check returns the first key whose value the others do not allow, with a sentence, or None. What a value may be by itself is
said by `validators.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet.ethernet import AROUND_BYTES, MINIMUM_FRAME
from nicmodel.datasheet.pcie_link import DATA_CREDIT_BYTES, TICKS_PER_PS
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.datasheet.rss import LEAST_ENTRIES, LEAST_QUEUES
from nicmodel.lab.life_keys import misfit as life_misfit
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.validators import LIMIT_PS
from nicmodel.sim.plane import PF_FUNCTION, Direction
from nicmodel.sim.units import BITS, BYTES, DURATION

Misfit = tuple[str, str] | None
"""A key, and a sentence."""


def together(scenario: Scenario) -> Misfit:
    """The first key whose value the others do not allow, with a sentence; None if all fit."""
    return next((misfit for check in CHECKS if (misfit := check(scenario)) is not None), None)


def link(s: Scenario) -> Misfit:
    """What the adapter can do of the link, and room in it for one TLP of each kind."""
    if s.pcie.mps > s.adapter.mpss:
        return "pcie.mps", (
            f"{BYTES.format(s.pcie.mps)} is not allowed: profile {s.profile} supports at most {BYTES.format(s.adapter.mpss)}"
        )
    least = -(-s.pcie.mps // DATA_CREDIT_BYTES)
    for key, what in (("host_pd", "write"), ("device_cpld", "completion")):
        if 0 < (credits := getattr(s.pcie, key)) < least:
            return f"pcie.{key}", (
                f"{credits} is not allowed: a {what} of {BYTES.format(s.pcie.mps)} (pcie.mps) needs {least} data credits; "
                "0 is infinite"
            )
    if s.nic.tag_reserve >= s.pcie.tags:
        return "nic.tag_reserve", (
            f"{s.nic.tag_reserve} is not allowed: of {s.pcie.tags} tags at least one must be left"
        )
    return None


def sizes(s: Scenario) -> Misfit:
    """Frames that the adapter takes, and buffers that hold one."""
    largest = s.adapter.max_frame
    if max(s.sizes) > largest:
        return "frame_size", (
            f"{max(s.sizes)} bytes is not allowed: profile {s.profile} takes frames of {MINIMUM_FRAME} to {largest} bytes"
        )
    for buffer in ("tx_buffer", "rx_buffer"):
        if (room := getattr(s.nic, buffer)) < largest:
            return f"nic.{buffer}", f"{BYTES.format(room)} is not allowed: it must hold a frame of {largest} bytes"
    if s.nic.read_buffer < s.pcie.mrrs:
        return "nic.read_buffer", (
            f"{BYTES.format(s.nic.read_buffer)} is not allowed: it must hold one read request of {BYTES.format(s.pcie.mrrs)}"
        )
    return None


def rss(s: Scenario) -> Misfit:
    """What receive side scaling needs: an adapter that has it for VFs, two queues, a table that the adapter can hold."""
    profile, wanted = s.adapter, s.driver
    if wanted.rss and not profile.vf_rss_queues:
        able = ", ".join(each.name for each in PROFILES.values() if each.vf_rss_queues)
        return "driver.rss", (
            f"true is not allowed: profile {profile.name} has one table for all VFs; {able} has one for each"
        )
    if wanted.rss and not LEAST_QUEUES <= s.queues_per_vf <= profile.vf_rss_queues:
        return "driver.rss", (
            f"true is not allowed with queues_per_vf = {s.queues_per_vf}: profile {profile.name} scales a VF over "
            f"{_span(LEAST_QUEUES, profile.vf_rss_queues)} queues"
        )
    entries = wanted.rss_entries
    if entries and not wanted.rss:
        return "driver.rss_entries", f"{entries} is not allowed without driver.rss: there is no table"
    if entries and (entries.bit_count() != 1 or not LEAST_ENTRIES <= entries <= profile.vf_reta_entries):
        return "driver.rss_entries", (
            f"{entries} is not allowed: profile {profile.name} takes a power of two from {LEAST_ENTRIES} to "
            f"{profile.vf_reta_entries}"
        )
    return None


def rates(s: Scenario) -> Misfit:
    """What registers and a plane's integers have no room for."""
    rate, burst = s.nic.vf_rate, s.nic.vf_burst
    longest = DURATION.format(LIMIT_PS)
    if rate and burst * 8 * 10**12 > rate * LIMIT_PS:
        return "nic.vf_burst", (
            f"{BYTES.format(burst)} is not allowed: at {BITS.format(rate)} (nic.vf_rate) it is saved in more than {longest}"
        )
    for function in (PF_FUNCTION, *(1 + int(vf) for vf in s.traffic.loads)):
        if any(s.interval_ticks(way, function) > LIMIT_PS * TICKS_PER_PS for way in Direction):
            key = f"traffic.loads.{function - 1}" if function else "load"
            return key, f'"{s.load_of(function)}" is not allowed: a function\'s frames would be more than {longest} apart'
    return None


def traffic(s: Scenario) -> Misfit:
    """Who sends to whom, and no more to the VFs than the wire carries."""
    if s.direction == "vf2vf" and s.num_vfs < 2:
        return "direction", '"vf2vf" is not allowed with one VF: num_vfs must be 2 or more'
    if s.traffic.loads and s.life.on:
        return "traffic.loads", "a load of a VF's own is not allowed with [life]: guests that come and go have the same load"
    for vf in s.traffic.loads:
        if missing := s.missing_vf(int(vf)):
            return f"traffic.loads.{vf}", missing
    if s.receives and _wire_share(s) > 1:
        key, said = ("traffic.loads", f'with "{s.load}" for the others') if s.traffic.loads else ("load", f'"{s.load}" is')
        return key, f"{said} not allowed: {s.senders} functions would receive more than the wire's {s.adapter.link_gbps}Gbps"
    return None


def faults(s: Scenario) -> Misfit:
    """Events that concern a VF that there is, and the time that there is."""
    for number, event in enumerate(s.faults.events):
        where = f"faults.events.{number}"
        if event.vf is not None and (missing := s.missing_vf(event.vf)):
            return f"{where}.vf", missing
        if late := s.too_late(event.at):
            return f"{where}.at", late
        if event.kind == "pause" and event.duration > s.longest_pause:
            return f"{where}.duration", (
                f"{DURATION.format(event.duration)} is not allowed: a PAUSE lasts at most {DURATION.format(s.longest_pause)} "
                "on this wire"
            )
    return None


def drivers(s: Scenario) -> Misfit:
    """Drivers of VFs that there are."""
    for who in s.driver.mutants:
        if who != "pf" and (missing := s.missing_vf(int(who))):
            return f"driver.mutants.{who}", missing
    return None


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"


def _wire_share(s: Scenario) -> float:
    """The share of the wire that the Rx load of all functions takes."""
    functions = [*range(1, 1 + s.num_vfs), *([PF_FUNCTION] if s.traffic.pf else [])]
    frame = sum(s.sizes) / len(s.sizes) + AROUND_BYTES
    line_ticks = frame * 8 * 1000 * TICKS_PER_PS / s.adapter.link_gbps
    return 0.999_999 * sum(line_ticks / s.interval_ticks(Direction.RX, function) for function in functions)


CHECKS: tuple[Callable[[Scenario], Misfit], ...] = (link, sizes, rss, rates, traffic, faults, drivers, life_misfit)
