"""Counters and drop reasons: one row each, one increment per plane, one column in every table of results.

Latency is counted in bins: exact below 64 ps, then 64 bins per octave, so that a bin is never wider than
1/64 of its lower edge. Planes count by `latency_bin`, or a twin of it; results name a bin by `bin_lower_ps`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Counter:
    """A counted event of one function: name, unit and meaning."""

    name: str
    unit: str
    doc: str


DROP_REASONS = (
    Counter("no_descriptor", "frames", "Rx: the pool's ring had no descriptor left (drop policy)"),
    Counter("rx_buffer_full", "frames", "Rx: the port's packet buffer had no room for the frame"),
    Counter("no_filter", "frames", "Rx: no filter matched and no default pool is set; counted on the PF"),
    Counter("queue_disabled", "frames", "Rx: the pool's ring was not enabled when the frame was steered"),
    Counter("too_long", "frames", "Rx: the frame exceeds the port's maximum or the buffer of its descriptor"),
    Counter("bad_descriptor", "frames", "Tx: the descriptor is not a one-buffer data descriptor of legal length"),
    Counter("reset", "frames", "inside the device when its function was reset, its bus mastering was cleared "
                               "or its ring was disabled"),
    Counter("spoofed", "frames", "Tx: anti-spoofing: the source address, or the VLAN, is not one of the function's own"),
)

FUNCTION_COUNTERS = (
    Counter("tx_offered", "frames", "Tx frames whose descriptor has been fetched"),
    Counter("tx_packets", "frames", "Tx frames that left on the wire (VF to VF: passed the switch)"),
    Counter("tx_bytes", "bytes", "frame bytes of tx_packets, FCS included"),
    Counter("rx_offered", "frames", "frames steered to this function, dropped ones included"),
    Counter("rx_packets", "frames", "frames the driver has reaped"),
    Counter("rx_bytes", "bytes", "frame bytes of rx_packets, FCS included"),
    Counter("doorbells", "writes", "tail writes that took effect"),
    Counter("interrupts", "messages", "MSI-X messages that reached the host"),
    *(Counter("drop_" + r.name, r.unit, r.doc) for r in DROP_REASONS),
)

LATENCY_SUBBINS = 64
LATENCY_OCTAVES = 40
LATENCY_BINS = LATENCY_SUBBINS * LATENCY_OCTAVES


def latency_bin(value_ps: int) -> int:
    """The bin of a latency in ps. Monotone; the last bin takes everything beyond.

    >>> [latency_bin(v) for v in (0, 63, 64, 127, 128, 130)]
    [0, 63, 64, 127, 128, 129]
    """
    if value_ps < LATENCY_SUBBINS:
        return max(value_ps, 0)
    octave = value_ps.bit_length() - 6                # 64 has seven bits: octave 1
    index = octave * LATENCY_SUBBINS + (value_ps >> (octave - 1)) - LATENCY_SUBBINS
    return min(index, LATENCY_BINS - 1)


def bin_lower_ps(index: int) -> int:
    """The lower edge of a bin in ps: the inverse of `latency_bin`.

    >>> all(latency_bin(bin_lower_ps(i)) == i for i in range(LATENCY_BINS))
    True
    """
    octave, sub = divmod(index, LATENCY_SUBBINS)
    return sub if octave == 0 else (LATENCY_SUBBINS + sub) << (octave - 1)
