"""Writes `facts.pxd`: the constants of the datasheet as the compiled plane sees them.

Run ``python -m nicmodel._fast.generate`` after changing a table; a test compares the committed file with
`render()`. This file refuses to hold a number of its own.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from nicmodel.datasheet import (
    arbiters,
    books,
    connections,
    counters,
    descriptors,
    ethernet,
    pcie_link,
    policies,
    registers,
    rss,
    stages,
    timing,
)
from nicmodel.sim import limits, plane, rng

TARGET = Path(__file__).with_name("facts.pxd")
FACTORS = ("SEED_FACTOR", "STREAM_FACTOR", "SERIAL_FACTOR")


def enum(title: str, rows: list[tuple[str, int]]) -> list[str]:
    """One anonymous C enum, in table order."""
    return [f"# {title}", "cdef enum:", *(f"    {name} = {value}" for name, value in rows), ""]


def numbered(prefix: str, names: tuple[str, ...] | list[str]) -> list[tuple[str, int]]:
    """Rows of a table as constants that are positions."""
    return [(prefix + name.upper(), position) for position, name in enumerate(names)]


def descriptor_rows() -> list[tuple[str, int]]:
    """Descriptor fields: a mask in their dword each, the byte of DD, and what the plane writes into wider ones."""
    fields = {name: value for name, value in vars(descriptors).items() if isinstance(value, descriptors.Bits)}
    return [("DESCRIPTOR_BYTES", descriptors.DESCRIPTOR_BYTES), ("TX_MAX_BYTES", descriptors.TX_MAX_BYTES),
            *((f"{name}_MASK" if bits.width > 1 else name, bits.put(-1)) for name, bits in fields.items()
              if bits.lsb + bits.width < 32),
            *((f"{name}_AT", 4 * bits.dword + bits.lsb // 8) for name, bits in fields.items() if bits.name == "DD"),
            ("TX_DTYP_DATA", descriptors.TX_DTYP.put(descriptors.DTYP_DATA)),
            ("TX_PAYLEN_LSB", descriptors.TX_PAYLEN.lsb)]


def most_call_words() -> int:
    """Of one call: an entry of a table with its index, or a ring with its number."""
    return 1 + max(limits.MOST_WORDS, len(fields(plane.RingConfig)))


def render() -> str:
    """The whole text of `facts.pxd`."""
    clocks = {name: sum(1 << i for i, a in enumerate(arbiters.ARBITERS) if a.clock == name) for name in ("ps", "core")}
    drops = [name for name, _ in numbered("DROP_", [r.name for r in counters.DROP_REASONS])]
    lines = [
        '"""Constants of the datasheet, written by `nicmodel/_fast/generate.py`: do not edit."""',
        "",
        "from libc.stdint cimport int64_t, uint64_t",
        "",
        "cdef extern from *:",
        '    """',
        "    #include <stdint.h>",
        f"    #define NICMODEL_NEVER ((int64_t){plane.NEVER}LL)",
        *(f"    #define NICMODEL_{name} ((uint64_t){getattr(rng, name):#x}ULL)" for name in FACTORS),
        '    """',
        '    const int64_t NEVER "NICMODEL_NEVER"',
        *(f'    const uint64_t {name} "NICMODEL_{name}"' for name in FACTORS),
        "",
        *enum("stages.EVENTS: ranks of phase 1", [*numbered("RANK_", [e.name for e in stages.EVENTS]),
                                                  ("NUM_RANKS", len(stages.EVENTS))]),
        *enum("arbiters.ARBITERS: order of phase 2", [*numbered("", [a.name for a in arbiters.ARBITERS]),
                                                      ("NUM_ARBITERS", len(arbiters.ARBITERS)),
                                                      ("PS_ARBITERS", clocks["ps"]),
                                                      ("CORE_ARBITERS", clocks["core"])]),
        *enum("stages.STAGES: columns of a row", [*numbered("STAGE_", stages.STAGES),
                                                  ("NUM_STAGES", len(stages.STAGES))]),
        *enum("stages.ROW_KINDS and outcomes", [*numbered("KIND_", stages.ROW_KINDS), ("INSIDE", stages.INSIDE),
                                                ("DELIVERED", stages.DELIVERED)]),
        *enum("counters.DROP_REASONS as outcomes", [(name, stages.FIRST_DROP + i) for i, name in enumerate(drops)]),
        *enum("counters.FUNCTION_COUNTERS", [*numbered("COUNT_", [c.name for c in counters.FUNCTION_COUNTERS]),
                                             ("NUM_COUNTERS", len(counters.FUNCTION_COUNTERS)),
                                             ("LATENCY_SUBBINS", counters.LATENCY_SUBBINS),
                                             ("LATENCY_BINS", counters.LATENCY_BINS)]),
        *enum("arbiters.LINES and CAUSES", [*numbered("LINE_", arbiters.LINES), ("NUM_LINES", len(arbiters.LINES)),
                                            *numbered("CAUSE_", arbiters.CAUSES),
                                            ("NUM_CAUSES", len(arbiters.CAUSES)), ("CAUSE_NONE", -1)]),
        *enum("books", [*numbered("WAIT_", [w.name for w in books.WAITS]), ("NUM_WAITS", len(books.WAITS)),
                        *numbered("POOL_", books.POOLS), ("NUM_POOLS", len(books.POOLS)),
                        *numbered("SERVED_", books.SERVED), ("NUM_SERVED", len(books.SERVED)), ("SAMPLE", books.SAMPLE)]),
        *enum("sim.plane", [*((f"UPCALL_{kind.name}", kind.value) for kind in plane.UpcallKind),
                            *((f"PAYLOAD_{mode.name}", mode.value) for mode in plane.Payload),
                            ("PAYLOAD_HEADER_BYTES", plane.PAYLOAD_HEADER_BYTES),
                            ("DIRECTION_TX", plane.Direction.TX), ("DIRECTION_RX", plane.Direction.RX),
                            ("VECTORS_PER_FUNCTION", plane.VECTORS_PER_FUNCTION), ("WHOLE_SHARE", plane.WHOLE_SHARE),
                            ("RSS_KEY_STEP", plane.RSS_KEY_STEP), ("RSS_TABLE_STEP", plane.RSS_TABLE_STEP),
                            *((f"{name}_STREAM", getattr(rng, f"{name}_STREAM")) for name in ("READ", "DRAM", "TAIL")),
                            ("STREAM_STEP", rng.STREAM_STEP),
                            *((name, getattr(plane, name)) for name in ("DEFAULT_PAGE_SHIFT", "CHECK_MAC", "CHECK_VLAN")),
                            *((name, getattr(plane, name)) for name in ("READ_FAULT", "WRITE_FAULT", "TRANSLATION_FAULT"))]),
        *enum("sim.plane.TABLES: calls that set an entry", [*numbered("CALL_", list(plane.TABLES)),
                                                           ("NUM_TABLES", len(plane.TABLES)),
                                                           ("MOST_CALL_WORDS", most_call_words())]),
        *enum("policies.POLICIES: the rows of a parameter that are not its default", [
            (f"{parameter}_{name}".upper(), position) for parameter in policies.PARAMETERS
            for position, name in enumerate(policies.choices(parameter)) if position]),
        *enum("descriptors: fields in place in their dword", descriptor_rows()),
        *enum("ethernet", [(name, getattr(ethernet, name)) for name in (
            "FCS_BYTES", "MINIMUM_FRAME", "STANDARD_FRAME", "PREAMBLE_BYTES", "AROUND_BYTES", "PAUSE_QUANTUM_BYTES",
            "MAC_BYTES", "ETHERTYPE_BYTES", "ETHERTYPE_AT", "HEADER_BYTES", "TAG_BYTES", "VLAN_MASK")]),
        *enum("connections and rss", [
            *((name, getattr(connections, name)) for name in (
                "ETHERTYPE_VLAN", "ETHERTYPE_IPV4", "ETHERTYPE_IPV6", "ETHERTYPE_TEST", "IPV4_BYTES", "IPV6_BYTES", "PORT_BYTES",
                "FRAGMENT", "NO_PORTS")),
            ("PROTOCOL_TCP", connections.TCP), ("PROTOCOL_UDP", connections.UDP),
            *((f"HASH_{each.name}", 1 << each.bit) for each in rss.HASH_TYPES), ("KEY_BYTES", rss.KEY_BYTES),
            ("ENTRIES_A_WORD", rss.ENTRIES_A_WORD), ("TABLE_ENTRIES", rss.TABLE_ENTRIES)]),
        *enum("pcie_link, timing and registers", [(name, getattr(pcie_link, name)) for name in (
            "FRAMING_BYTES", "HEADER_3DW_BYTES", "HEADER_4DW_BYTES", "COMPLETION_HEADER_BYTES",
            "DLLP_BYTES", "DATA_CREDIT_BYTES", "PAGE_BYTES", "UPDATE_FC_IDLE_PS", "TICKS_PER_PS")]
              + [("MSIX_BYTES", timing.MSIX_BYTES), ("REGISTER_BYTES", registers.REGISTER_BYTES)]),
    ]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(render())
