"""What a plane takes, and what it refuses: numbers of a configuration, words of a table, arguments of a call.

Both planes ask here before they change anything, so that neither goes on with what the other refuses. Every refusal is a
`ModelBug`: whoever calls a plane checks first, in the words of its own user.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any

import numpy as np

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
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import (
    CHECK_MAC,
    CHECK_VLAN,
    DEFAULT_PAGE_SHIFT,
    LONGEST_FRAME,
    NEVER,
    RSS_KEY_STEP,
    RSS_TABLE_STEP,
    TABLES,
    VECTORS_PER_FUNCTION,
    WHOLE_SHARE,
    AgentConfig,
    Direction,
    Payload,
    RingConfig,
)

NO_RING = NO_FLOW = -1
LEAST_BYTE_TICKS = TICKS_PER_PS // 8    # a transfer, of 8 bytes at least, takes 1 ps or more
MOST_BYTE_TICKS = 1 << 44               # a frame, or an SKP, fits a word in ticks, whenever it starts
MOST_JITTER_PS = (1 << 32) - 2          # `rng.draw` draws below 2**32
MOST_RINGS = (1 << 15) - 1              # functions, and rings of a direction
MOST_ON_CHIP = (1 << 16) - 1            # descriptors of a ring
MOST_DOMAINS = 1 << 20
MOST_SLOTS = 1 << 16                    # of filters
MOST_PS = 1 << 50                       # of a latency or an interval: 18 minutes
MOST_DELAY_PS = NEVER >> 1              # of a DLLP or SKP: it never falls due
MOST_CYCLES = 1 << 16                   # of a latency in edges of the core, chosen: far above any
MOST = (1 << 31) - 1                    # of anything else
BARS, BAR_BYTES = 6, 1 << 24            # of a type 0 header; of one of them, chosen: what keys of `hot` leave room for
MOST_VALUE = (1 << 32) - 1              # of a register
PAGE_SHIFTS = (DEFAULT_PAGE_SHIFT, 21, 30)  # x86: 4 KiB, 2 MiB, 1 GiB
CREDITS = {f"{side}_{pool}{part}": most for side in ("host", "device") for pool in ("p", "np", "cpl")
           for part, most in (("h", MOST_HEADER_CREDITS), ("d", MOST_DATA_CREDITS))}
AT_LEAST_1 = ("core_ps", "tags", "read_latency_ps", "write_latency_ps", "pause_reaction_ps", "register_cycles",
              "register_latency_cycles", "tx_pipe_cycles", "rx_pipe_cycles", "write_cycles", "walkers", "walk_ps")
NOT_NEGATIVE = ("read_buffer", "tx_threshold", "rx_threshold", "tx_buffer", "rx_buffer", "tag_cap",
                "tag_reserve", "read_cycles", "remote_ps", "dram_ps", "dram_share", "tail_ps", "tail_share", "iotlb_entries",
                "core_switch_ps")


def most_of(name: str) -> int:
    """The largest number that a field of this name takes, by its unit."""
    return MOST_PS if name.endswith("_ps") else MOST_CYCLES if name.endswith("_cycles") else MOST


RANGES = {name: (1, most_of(name)) for name in AT_LEAST_1} | {name: (0, most_of(name)) for name in NOT_NEGATIVE} | {
    "ack_ps": (1, MOST_DELAY_PS), "fc_ps": (1, MOST_DELAY_PS), "skp_ps": (0, MOST_DELAY_PS),
    "skp_bytes": (0, LONGEST_FRAME), "seed": (0, (1 << 64) - 1), "payload": (0, max(Payload)),
    "num_functions": (1, MOST_RINGS), "num_rings": (0, MOST_RINGS), "tx_cache": (0, MOST_ON_CHIP), "rx_cache": (0, MOST_ON_CHIP),
    "read_jitter_ps": (0, MOST_JITTER_PS), "wire_byte_ticks": (LEAST_BYTE_TICKS, MOST_BYTE_TICKS),
    "pcie_byte_ticks": (LEAST_BYTE_TICKS, MOST_BYTE_TICKS), "up_share": (1, WHOLE_SHARE), "down_share": (1, WHOLE_SHARE)}


def is_within(value: Any, least: int, most: int) -> bool:
    """Is it a whole number, and not too small or large?"""
    return (type(value) is int or isinstance(value, Integral)) and least <= int(value) <= most


def check_config(config: PlaneConfig) -> None:
    """Raises `ModelBug` for a configuration that no plane can run with; it names the field."""
    for field, (least, most) in RANGES.items():
        if not is_within(value := getattr(config, field), least, most):
            raise ModelBug(f"{field} is {value!r}, but a whole number from {least} to {most}")
    for field, most in CREDITS.items():
        if not is_within(credits := getattr(config, field), 0, most):
            raise ModelBug(f"{field}: {credits} credits cannot be advertised, at most {most}; 0 is infinite")
    for parameter in PARAMETERS:
        if (name := getattr(config, parameter)) not in choices(parameter):
            raise ModelBug(f"{parameter} {name!r} is no policy; there are {', '.join(choices(parameter))}")
    if config.tlp_digest_bytes not in (0, DIGEST_BYTES):
        raise ModelBug(f"a digest has {DIGEST_BYTES} bytes or is not there, but tlp_digest_bytes is {config.tlp_digest_bytes}")
    for field in ("mps", "mrrs", "rcb"):
        size = getattr(config, field)
        if not is_within(size, DATA_CREDIT_BYTES, PAGE_BYTES) or size & (size - 1):
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
    "vector": (2, lambda c, index, w: _function(c, index // VECTORS_PER_FUNCTION) and 0 <= w[1] <= MOST_PS),
    "raise": (0, lambda c, index, w: _function(c, index // VECTORS_PER_FUNCTION)),
    "filter": (4, lambda c, index, w: 0 <= index < MOST_SLOTS and 0 <= w[1] < 1 << 48 and -1 <= w[2] < 1 << 12
               and _function(c, w[3])),
    "default_pool": (1, lambda c, index, w: w[0] == -1 or _function(c, w[0])),
    "loopback": (1, lambda c, index, w: True),
    "bme": (1, lambda c, index, w: _function(c, index)),
    "decode": (1, lambda c, index, w: _function(c, index)),
    "max_frame": (1, lambda c, index, w: 0 <= w[0] <= MOST),
    "no_descriptor": (1, lambda c, index, w: _function(c, index)),
    "pause": (1, lambda c, index, w: 0 <= w[0] <= MAX_QUANTA),
    "ring_vector": (1, lambda c, index, w: _ring(c, index // 2) and -1 <= w[0] < VECTORS_PER_FUNCTION),
    "rss": (3, lambda c, index, w: _function(c, index) and not w[0] & ~ALL_TYPES and 0 < w[1] <= TABLE_ENTRIES
            and not w[1] & (w[1] - 1) and _ring(c, w[2])),
    "rss_key": (1, lambda c, index, w: _function(c, index // RSS_KEY_STEP) and index % RSS_KEY_STEP < KEY_WORDS
                and 0 <= w[0] < 1 << 32),
    "rss_table": (1, lambda c, index, w: _function(c, index // RSS_TABLE_STEP) and 0 <= w[0] < 1 << 32),
    "page_shift": (1, lambda c, index, w: 0 <= index < MOST_DOMAINS and w[0] in PAGE_SHIFTS),
    "shaper": (2, lambda c, index, w: _function(c, index) and 0 <= w[0] <= MOST_BYTE_TICKS and 0 <= w[1] <= MOST
               and w[0] * w[1] < NEVER * TICKS_PER_PS),
    "wire": (1, lambda c, index, w: index == 0 and (w[0] == 0 or _byte_ticks(w[0]))),
    "retrain": (6, lambda c, index, w: min(w) >= 0 and min(w[2:4]) > 0 and w[0] <= MOST_PS and max(w[2:5]) <= MOST_DELAY_PS
                and w[5] <= LONGEST_FRAME and _byte_ticks(w[1]) and not slowest_is_too_fast(c, w[1])),
    "sources": (1, lambda c, index, w: _function(c, index) and 0 <= w[0] <= CHECK_MAC | CHECK_VLAN),
}

MOST_WORDS = max(number for number, _ in RULES.values())


def check_domain(domain: int) -> None:
    """Raises `ModelBug` for a number that no domain has."""
    if not is_within(domain, 0, MOST_DOMAINS - 1):
        raise ModelBug(f"there is no domain {domain}: they are numbered from 0 to {MOST_DOMAINS - 1}")


def check_frame(port: int, nbytes: int) -> None:
    """Raises `ModelBug` for a port that there is not, or a frame of no bytes or too many."""
    if port != 0 or not 1 <= nbytes <= LONGEST_FRAME:
        raise ModelBug(f"there is port 0 and frames of 1 to {LONGEST_FRAME} bytes: not port {port} and {nbytes}")


# ---- calls -----------------------------------------------------------------------------------------

def check_stamp(now: int, at: int) -> None:
    """Raises `ModelBug` for a time that has passed, or that no run reaches."""
    if not is_within(at, now + 1, NEVER - 1):
        raise ModelBug(f"a call is stamped {at}, but {now} has run" if is_within(at, -NEVER, now)
                       else f"a call is stamped {at!r}, which is no whole number of ps that a run reaches")


def check_run(time: int, budget: int) -> tuple[int, int]:
    """How far a run goes, and how many instants it may take: no further than NEVER, which no run reaches, and as many as fit
    a word. Raises `ModelBug` for what is no whole number."""
    for name, value in (("time", time), ("budget", budget)):
        if not isinstance(value, Integral):
            raise ModelBug(f"a run goes to a time and has a budget of instants, whole numbers both: {name} is {value!r}")
    return max(-1, min(int(time), NEVER)), max(-1, min(int(budget), NEVER))


def check_function(config: PlaneConfig, function: int) -> None:
    """Raises `ModelBug` for a function that there is not."""
    if not is_within(function, 0, config.num_functions - 1):
        raise ModelBug(f"there is no function {function!r}")


def check_ring(config: PlaneConfig, direction: Direction, ring: int) -> None:
    """Raises `ModelBug` for a ring that there is not."""
    if direction not in (Direction.TX, Direction.RX) or not is_within(ring, 0, config.num_rings - 1):
        raise ModelBug(f"there is no ring {ring!r} of direction {direction!r}")


def check_ring_config(config: PlaneConfig, ring: RingConfig) -> None:
    """Raises `ModelBug` for a function or a domain that a ring cannot be of."""
    check_function(config, ring.function)
    check_domain(ring.domain)


def check_access(config: PlaneConfig, function: int, bar: int, offset: int, value: int = 0) -> None:
    """Raises `ModelBug` for a register that there cannot be, or a value of more than 32 bits."""
    check_function(config, function)
    if not is_within(bar, 0, BARS - 1) or not is_within(offset, 0, BAR_BYTES - 1):
        raise ModelBug(f"there is no register {offset:#x} in BAR {bar}" if is_within(offset, -NEVER, NEVER)
                       else f"there is no register {offset!r} in BAR {bar!r}")
    check_value(value)


def check_value(value: int) -> None:
    """Raises `ModelBug` for what no register holds."""
    if not is_within(value, 0, MOST_VALUE):
        raise ModelBug(f"a register has 32 bits: {value!r} does not fit")


def check_agent(config: PlaneConfig, agent: AgentConfig, flows: int) -> None:
    """Raises `ModelBug` for an agent of a function, a ring or a flow that there is not; there are so many flows."""
    check_function(config, agent.function)
    for direction, ring in ((Direction.TX, agent.tx_ring), (Direction.RX, agent.rx_ring)):
        if ring != NO_RING:
            check_ring(config, direction, ring)
    if not is_within(agent.flow, NO_FLOW, flows - 1):
        raise ModelBug(f"an agent sends one of the {flows} flows that there are: not {agent.flow!r}")


def check_agent_number(agent: int, agents: int) -> None:
    """Raises `ModelBug` for an agent that there is not; there are so many."""
    if not is_within(agent, 0, agents - 1):
        raise ModelBug(f"there is no agent {agent!r}")


def check_arena(domain: int, base: int, memory: np.ndarray | None) -> None:
    """Raises `ModelBug` for what cannot be a domain's memory."""
    check_domain(domain)
    if not is_within(base, 0, (1 << 64) - 1):
        raise ModelBug(f"an address has 64 bits: domain {domain} cannot begin at {base!r}")
    if memory is not None and not (isinstance(memory, np.ndarray) and memory.dtype == np.uint8 and memory.ndim == 1
                                   and memory.flags.c_contiguous and memory.flags.writeable):
        raise ModelBug(f"domain {domain} has an array of bytes (uint8, one dimension, contiguous, writable), or None")


def check_settled(domain: int, in_use: bool) -> None:
    """Raises `ModelBug` if another arena would take the place of one in which a ring agent works."""
    if in_use:
        raise ModelBug(f"an agent runs in domain {domain}: its memory stays until a ring of that agent has closed")


def whole_bytes(data: Any) -> bytes:
    """The bytes as they are now: whoever owns them may write others. Raises `ModelBug` for what has none."""
    try:
        return memoryview(data).cast("B").tobytes()
    except (TypeError, ValueError):
        raise ModelBug(f"bytes are asked for, which a {type(data).__name__} is not") from None


def check_words(config: PlaneConfig, table: str, index: int, words: Sequence[int]) -> None:
    """Raises `ModelBug` for a table that there is not, or for an index or words that it does not take."""
    if table not in RULES:
        raise ModelBug(f"there is no table {table!r}; there are {', '.join(TABLES)}")
    number, takes = RULES[table]
    whole = True
    for word in (index, *words):            # a call for each would be felt while 63 VFs come up
        if (type(word) is not int and not isinstance(word, Integral)) or not -NEVER <= word <= NEVER:
            whole = False
    if not whole or len(words) != number or not takes(config, index, words):
        expected = " and ".join(part for part in TABLES[table] if part)
        raise ModelBug(f"table {table!r} does not take {list(words)} at {index}: it takes {expected}")
