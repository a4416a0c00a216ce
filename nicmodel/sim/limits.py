"""What a plane takes, and what it refuses: numbers of a configuration, words of a table.

Both planes ask here before they change anything, so that neither goes on with what the other refuses. Every refusal is a
`ModelBug`: whoever calls a plane checks first, in the words of its own user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicmodel.datasheet.ethernet import MAX_QUANTA
from nicmodel.datasheet.pcie_link import (
    DATA_CREDIT_BYTES,
    DIGEST_BYTES,
    MOST_DATA_CREDITS,
    MOST_HEADER_CREDITS,
    PAGE_BYTES,
    TICKS_PER_PS,
)
from nicmodel.datasheet.policies import PARAMETERS, choices
from nicmodel.datasheet.rss import ALL_TYPES, KEY_WORDS, TABLE_ENTRIES
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import (
    LONGEST_FRAME,
    NEVER,
    RSS_KEY_STEP,
    RSS_TABLE_STEP,
    TABLES,
    VECTORS_PER_FUNCTION,
    WHOLE_SHARE,
    PlaneConfig,
)

LEAST_BYTE_TICKS = TICKS_PER_PS // 8    # a transfer, of 8 bytes at least, takes 1 ps or more
MOST_BYTE_TICKS = 1 << 44               # a frame ends before NEVER
MOST_JITTER_PS = (1 << 32) - 2          # `rng.draw` draws below 2**32
MOST_RINGS = (1 << 15) - 1              # functions, and rings of a direction
MOST_ON_CHIP = (1 << 16) - 1            # descriptors of a ring
MOST_DOMAINS = 1 << 20
MOST_SLOTS = 1 << 16                    # of filters
PAGE_SHIFTS = (12, 21, 30)              # x86: 4 KiB, 2 MiB, 1 GiB
CREDITS = {f"{side}_{pool}{part}": most for side in ("host", "device") for pool in ("p", "np", "cpl")
           for part, most in (("h", MOST_HEADER_CREDITS), ("d", MOST_DATA_CREDITS))}
AT_LEAST_1 = ("core_ps", "tags", "read_latency_ps", "write_latency_ps", "register_cycles",
              "register_latency_cycles", "tx_pipe_cycles", "rx_pipe_cycles", "write_cycles", "walkers", "walk_ps")
NOT_NEGATIVE = ("ack_ps", "fc_ps", "skp_ps", "skp_bytes", "read_buffer", "tx_threshold", "rx_threshold", "tx_buffer", "rx_buffer",
                "pause_reaction_ps", "tag_cap", "tag_reserve", "read_cycles", "remote_ps", "dram_ps", "dram_share", "tail_ps",
                "tail_share", "iotlb_entries", "core_switch_ps")
RANGES = {name: (1, None) for name in AT_LEAST_1} | {name: (0, None) for name in NOT_NEGATIVE} | {
    "num_functions": (1, MOST_RINGS), "num_rings": (0, MOST_RINGS), "tx_cache": (0, MOST_ON_CHIP), "rx_cache": (0, MOST_ON_CHIP),
    "read_jitter_ps": (0, MOST_JITTER_PS), "wire_byte_ticks": (LEAST_BYTE_TICKS, MOST_BYTE_TICKS),
    "pcie_byte_ticks": (LEAST_BYTE_TICKS, MOST_BYTE_TICKS), "up_share": (1, WHOLE_SHARE), "down_share": (1, WHOLE_SHARE)}


def check_config(config: PlaneConfig) -> None:
    """Raises `ModelBug` for a configuration that no plane can run with; it names the field."""
    for field, (least, most) in RANGES.items():
        value = getattr(config, field)
        if value < least or (most is not None and value > most):
            raise ModelBug(f"{field} is {value}, but " + (f"at least {least}" if most is None else f"from {least} to {most}"))
    for field, most in CREDITS.items():
        if not 0 <= (credits := getattr(config, field)) <= most:
            raise ModelBug(f"{field}: {credits} credits cannot be advertised, at most {most}; 0 is infinite")
    for parameter in PARAMETERS:
        if (name := getattr(config, parameter)) not in choices(parameter):
            raise ModelBug(f"{parameter} {name!r} is no policy; there are {', '.join(choices(parameter))}")
    if config.tlp_digest_bytes not in (0, DIGEST_BYTES):
        raise ModelBug(f"a digest has {DIGEST_BYTES} bytes or is not there, but tlp_digest_bytes is {config.tlp_digest_bytes}")
    for field in ("mps", "mrrs", "rcb"):
        size = getattr(config, field)
        if not DATA_CREDIT_BYTES <= size <= PAGE_BYTES or size & (size - 1):
            raise ModelBug(f"{field} is {size}, but a power of two from {DATA_CREDIT_BYTES} to {PAGE_BYTES}")
    if config.mps < config.rcb:
        raise ModelBug(f"mps is {config.mps}, but at least rcb, which is {config.rcb}")
    if config.tag_reserve >= config.tags:
        raise ModelBug(f"tag_reserve {config.tag_reserve} leaves payload reads none of {config.tags} tags")
    if slowest_is_too_fast(config, config.pcie_byte_ticks):
        raise ModelBug("a transfer on PCIe takes at least 1 ps in either direction")


def slowest_is_too_fast(config: PlaneConfig, byte_ticks: int) -> bool:
    """Does a transfer take less than 1 ps, in the direction with the smaller share?"""
    return byte_ticks * min(config.up_share, config.down_share) // WHOLE_SHARE < LEAST_BYTE_TICKS


# ---- tables ----------------------------------------------------------------------------------------

def _function(config: PlaneConfig, function: int) -> bool:
    return 0 <= function < config.num_functions


def _ring(config: PlaneConfig, ring: int) -> bool:
    return 0 <= ring < config.num_rings


def _byte_ticks(ticks: int) -> bool:
    return LEAST_BYTE_TICKS <= ticks <= MOST_BYTE_TICKS


Rule = Callable[[PlaneConfig, int, Sequence[int]], bool]

# Table -> how many words it takes, and which index and words it takes.
RULES: dict[str, tuple[int, Rule]] = {
    "hot": (2, lambda c, index, w: w[0] in (0, 1) and _ring(c, w[1])),
    "vector": (2, lambda c, index, w: _function(c, index // VECTORS_PER_FUNCTION) and w[1] >= 0),
    "raise": (0, lambda c, index, w: _function(c, index // VECTORS_PER_FUNCTION)),
    "filter": (4, lambda c, index, w: 0 <= index < MOST_SLOTS and _function(c, w[3])),
    "default_pool": (1, lambda c, index, w: w[0] == -1 or _function(c, w[0])),
    "loopback": (1, lambda c, index, w: True),
    "bme": (1, lambda c, index, w: _function(c, index)),
    "max_frame": (1, lambda c, index, w: w[0] >= 0),
    "no_descriptor": (1, lambda c, index, w: _function(c, index)),
    "pause": (1, lambda c, index, w: 0 <= w[0] <= MAX_QUANTA),
    "ring_vector": (1, lambda c, index, w: _ring(c, index // 2) and -1 <= w[0] < VECTORS_PER_FUNCTION),
    "rss": (3, lambda c, index, w: _function(c, index) and not w[0] & ~ALL_TYPES and 0 < w[1] <= TABLE_ENTRIES
            and not w[1] & (w[1] - 1) and _ring(c, w[2])),
    "rss_key": (1, lambda c, index, w: _function(c, index // RSS_KEY_STEP) and index % RSS_KEY_STEP < KEY_WORDS
                and 0 <= w[0] < 1 << 32),
    "rss_table": (1, lambda c, index, w: _function(c, index // RSS_TABLE_STEP) and 0 <= w[0] < 1 << 32),
    "page_shift": (1, lambda c, index, w: 0 <= index < MOST_DOMAINS and w[0] in PAGE_SHIFTS),
    "shaper": (2, lambda c, index, w: _function(c, index) and 0 <= w[0] <= MOST_BYTE_TICKS and 0 <= w[1] and w[0] * w[1] < NEVER),
    "wire": (1, lambda c, index, w: index == 0 and (w[0] == 0 or _byte_ticks(w[0]))),
    "retrain": (6, lambda c, index, w: min(w) >= 0 and _byte_ticks(w[1]) and not slowest_is_too_fast(c, w[1])),
    "sources": (1, lambda c, index, w: _function(c, index) and 0 <= w[0] < 4),
}


def check_domain(domain: int) -> None:
    """Raises `ModelBug` for a number that no domain has."""
    if not 0 <= domain < MOST_DOMAINS:
        raise ModelBug(f"there is no domain {domain}: they are numbered from 0 to {MOST_DOMAINS - 1}")


def check_frame(port: int, nbytes: int) -> None:
    """Raises `ModelBug` for a port that there is not, or a frame of no bytes or too many."""
    if port != 0 or not 1 <= nbytes <= LONGEST_FRAME:
        raise ModelBug(f"there is port 0 and frames of 1 to {LONGEST_FRAME} bytes: not port {port} and {nbytes}")


def check_words(config: PlaneConfig, table: str, index: int, words: Sequence[int]) -> None:
    """Raises `ModelBug` for a table that there is not, or for an index or words that it does not take."""
    if table not in RULES:
        raise ModelBug(f"there is no table {table!r}; there are {', '.join(TABLES)}")
    number, takes = RULES[table]
    if len(words) != number or not takes(config, index, words):
        expected = " and ".join(part for part in TABLES[table] if part)
        raise ModelBug(f"table {table!r} does not take {list(words)} at {index}: it takes {expected}")
