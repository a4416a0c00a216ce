"""Arbiters: who decides, in which order, by which clock, by which policy.

Phase 2 of an instant asks the arbiters whose inputs changed, once each, in the order of this table. A *core*
arbiter decides at core clock edges only; a *ps* arbiter at any instant. `grants` is the number of grants in one
decision (0: as many as fit). Arbiters decide conclusions, so every choice names its source or says *assumed*.
`lines` are its inputs; those of LINES keep a clock per blamed cause.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arbiter:
    """One place where packets compete."""

    name: str
    clock: str
    grants: int
    policy: str
    lines: tuple[str, ...]
    doc: str
    source: str


ARBITERS = (
    Arbiter("VCPU", "ps", 0, "fifo", (), "a free CPU core starts a pass of the agent that has waited longest for it; "
            "a pass is never cut short", "assumed"),
    Arbiter("REGISTER_PORT", "core", 1, "fifo", ("access",), "MMIO accesses in arrival order", "assumed"),
    Arbiter("TX_SCHEDULER", "core", 1, "round_robin", ("tx_queues",), "round robin over functions, then over a "
            "function's queues; a turn is one read request of at most MRRS", "82599 7.2.1.2.1; turn: assumed"),
    Arbiter("TX_REORDER", "core", 1, "fifo", ("tx_ready",), "frames of one queue leave in queue order; queues leave in "
            "the order in which their heads became complete", "domain `queue`: assumed"),
    Arbiter("SWITCH_INGRESS", "core", 1, "round_robin", ("ingress", "loopback"), "received and looped back frames enter "
            "the parser in turns", "assumed"),
    Arbiter("TX_DESC_FETCH", "core", 1, "round_robin", ("tx_fetch",), "one descriptor read per decision, by "
            "policy `fetch`; one outstanding per ring", "82599 7.2.3.4; one outstanding: assumed"),
    Arbiter("RX_DESC_FETCH", "core", 1, "round_robin", ("rx_fetch",), "as for Tx", "assumed"),
    Arbiter("TAGS", "core", 0, "round_robin", ("rx_descriptor", "tx_descriptor", "payload"),
            "tags and read buffer together; classes by policy `tag_classes`, within a class functions by "
            "`tag_functions`, below their cap", "assumed"),
    Arbiter("WRITERS", "core", 1, "round_robin", ("rx_write", "tx_writeback"), "one TLP per decision enters the "
            "posted queue, by policy `writers`", "assumed"),
    Arbiter("MSIX", "core", 1, "round_robin", ("vectors",), "one message per decision, behind the data it announces",
            "PCIe ordering; order among vectors: assumed"),
    Arbiter("UPSTREAM", "ps", 1, "age", ("up_posted", "up_nonposted", "up_completion"),
            "an eligible TLP, by policy `upstream`; nothing passes an older posted write but by RO or IDO, "
            "posted writes pass blocked reads",
            "PCIe ordering rules; age: assumed"),
    Arbiter("WALKERS", "ps", 0, "oldest", ("walk_queue",), "free walkers take waiting page walks, by policy `walks`",
            "assumed"),
    Arbiter("DOWNSTREAM", "ps", 1, "age", ("down_posted", "down_nonposted", "down_completion"),
            "as upstream, by policy `downstream`", "PCIe ordering rules; age: assumed"),
    Arbiter("WIRE", "ps", 1, "fifo", ("tx_wire",), "frames leave in the order in which they passed the switch",
            "82599 7.2.1.2"),
    Arbiter("WIRE_RX", "ps", 1, "fifo", ("rx_wire",), "the other end of the wire sends offered frames in the order "
            "(time, flow)", "definition of the traffic source"),
)
ORDER = {row.name: position for position, row in enumerate(ARBITERS)}

# What a waiting line blames, the first that holds; index = column of a line's clocks. The last five lines need `books`.
CAUSES = ("own", "pool", "server", "turn")
LINES = ("rx_descriptor", "tx_descriptor", "payload", "up_posted", "up_nonposted", "up_completion",
         "down_posted", "down_nonposted", "down_completion", "tx_wire", "tx_ready", "walk_queue",
         "access", "tx_queues", "ingress", "loopback", "rx_write")
