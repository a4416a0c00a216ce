"""Bytes and times on a PCIe link, per generation and width.

Times of transfers are integers of 1/1024 ps ("ticks"), exact for x1-x16 of Gen1-Gen5.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

TICKS_PER_PS = 1024

# Wire bytes of a TLP apart from its payload: framing 2 + sequence 2 + LCRC 4 (Gen1/2: STP 1, seq 2, LCRC 4, END 1)
# and the header. Addresses at or above 4 GiB take the four-dword form. Source: PCIe base; checked against pcie-bench.
FRAMING_BYTES = 8
HEADER_3DW_BYTES = 12
HEADER_4DW_BYTES = 16
COMPLETION_HEADER_BYTES = 12
DIGEST_BYTES = 4             # ECRC at the end of a TLP whose TD bit is set. PCIe base, end-to-end CRC; pcie-bench has the same
DLLP_BYTES = 8

HEADER_CREDIT_BITS, DATA_CREDIT_BITS = 8, 12     # of a count of credits. PCIe base, flow control
# What a receiver may advertise of each: less than half of what a count has room for. PCIe base, flow control.
MOST_HEADER_CREDITS, MOST_DATA_CREDITS = 2 ** (HEADER_CREDIT_BITS - 1) - 1, 2 ** (DATA_CREDIT_BITS - 1) - 1
DATA_CREDIT_BYTES = 16       # one data credit; rounded up per TLP. PCIe base, flow control
PAGE_BYTES = 4096            # no request crosses one. PCIe base, request rules
# By their codes in configuration space: what a TLP carries at most, what a read asks for, and where completions are cut.
PAYLOAD_SIZES, READ_BOUNDARIES = (128, 256, 512, 1024, 2048, 4096), (64, 128)
UPDATE_FC_IDLE_PS = 30_000_000   # a finite pool is reported at least this often. PCIe base


@dataclass(frozen=True)
class Generation:
    """A signalling generation: line rate, line code, and what a SKP ordered set costs."""

    gen: int
    gigatransfers: Fraction      # GT/s per lane
    code: Fraction               # line bits per data bit
    skp_interval_symbols: int    # symbol times between SKP ordered sets, per lane
    skp_symbols: int             # symbols of one SKP ordered set, per lane
    ack_delay_symbols: int       # internal delay of the Ack latency formula

    def byte_ticks(self, lanes: int) -> int:
        """Ticks that one byte occupies a link of this width."""
        ticks = Fraction(8 * 1000 * TICKS_PER_PS) * self.code / (self.gigatransfers * lanes)
        if ticks.denominator != 1:
            raise ValueError(f"Gen{self.gen} x{lanes} has no exact byte time")
        return int(ticks)


# PCIe base: encodings and SKP spacing; Ack delays as in the base specification's table of internal delays.
GENERATIONS = {
    1: Generation(1, Fraction(5, 2), Fraction(10, 8), 1180, 4, 19),
    2: Generation(2, Fraction(5), Fraction(10, 8), 1180, 4, 70),
    3: Generation(3, Fraction(8), Fraction(130, 128), 370 * 16, 16, 115),
    4: Generation(4, Fraction(16), Fraction(130, 128), 370 * 16, 16, 115),
    5: Generation(5, Fraction(32), Fraction(130, 128), 370 * 16, 16, 115),
}
LANES = (1, 2, 4, 8, 16)


def ack_factor(mps: int, lanes: int) -> Fraction:
    """The AF column of the Ack latency table."""
    if mps <= 256:
        return Fraction(14, 10) if lanes <= 4 else Fraction(25, 10) if lanes == 8 else Fraction(3)
    return Fraction(1) if lanes <= 8 else Fraction(2)


def ack_latency_symbols(gen: int, lanes: int, mps: int) -> int:
    """The longest time, in symbol times, between a TLP and its Ack (or a release and its UpdateFC).

    >>> [ack_latency_symbols(3, n, 256) for n in (1, 2, 4, 8, 16)]
    [512, 313, 214, 203, 168]
    """
    return int(Fraction(mps + 28) * ack_factor(mps, lanes) / lanes + GENERATIONS[gen].ack_delay_symbols)


def memory_tlp_bytes(address: int, payload: int) -> int:
    """Wire bytes of a memory request at `address` with `payload` bytes of data (0 for a read)."""
    header = HEADER_4DW_BYTES if address >> 32 else HEADER_3DW_BYTES
    return FRAMING_BYTES + header + (payload + 3) // 4 * 4


def completion_tlp_bytes(payload: int) -> int:
    """Wire bytes of a completion with `payload` bytes of data."""
    return FRAMING_BYTES + COMPLETION_HEADER_BYTES + (payload + 3) // 4 * 4


# The accounting of the published bandwidth curves: an Ack and a credit update of 8 bytes in every so many *bytes* as the
# latency table has symbol times, whatever the width, and a SKP set of 4 bytes in every 1538, in both directions, always.
# Source: pcie-bench/pcie-model, model/pcie.py. A link that is byte-exact loses less (docs/validation.md).
PUBLISHED_SKP_BYTES = 4
PUBLISHED_SKP_INTERVAL = 1538


def published_share(gen: int, lanes: int, mps: int) -> Fraction:
    """The share of a link that the published accounting keeps from TLPs.

    >>> round(8 * 8 * 128 / 130 * float(1 - published_share(3, 8, 256)), 3)
    57.885
    """
    limit = ack_latency_symbols(gen, lanes, mps)
    return Fraction(2 * DLLP_BYTES, limit) + Fraction(PUBLISHED_SKP_BYTES, PUBLISHED_SKP_INTERVAL)
