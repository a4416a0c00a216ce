"""The books: what a packet can wait for, which line blames what, which servers and pools there are.

`docs/time.md` says when a clock runs; this table names the clocks. A *wait* is time of a packet's latency that has a cause;
the rest is service. A *line* blames, at every moment while something waits in it, one of its four columns.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wait:
    """A cause of waiting: whose it is, and what a user would change to shorten it."""

    name: str
    kind: str               # own | pool | server
    resource: str           # of the rate book, or "" where it is nobody's capacity
    doc: str


WAITS = (
    Wait("descriptor_fetch", "own", "", "Tx: from the doorbell to the fetch of its descriptor; a ring has one fetch out, and "
         "a full cache fetches none"),
    Wait("no_descriptor", "own", "", "Rx: the frame waits for a descriptor of its ring"),
    Wait("shaper", "own", "shaper", "the function's shaper does not allow its next frame"),
    Wait("tag_cap", "own", "tag_cap", "the function holds as many tags as it may"),
    Wait("reorder", "own", "", "a frame waits for an older one of its ring"),
    Wait("driver", "own", "vcpu", "Rx: written back, and the driver's pass has not begun: interrupt, moderation, poll, "
         "a busy core"),
    Wait("tags", "pool", "tags", "no tag is free"),
    Wait("read_buffer", "pool", "read_buffer", "the buffer for completions has no room"),
    Wait("up_credits", "pool", "up_credits", "the host's credits are used up"),
    Wait("down_credits", "pool", "down_credits", "the adapter's credits are used up"),
    Wait("tx_buffer", "pool", "tx_buffer", "the Tx packet buffer has no room"),
    Wait("pause", "pool", "", "the far end has paused the wire, or it is down"),
    Wait("dma_issue", "server", "dma_issue", "the DMA engine issues reads no faster"),
    Wait("writers", "server", "writers", "the DMA engine issues writes no faster"),
    Wait("up_link", "server", "up_link", "PCIe towards the host is busy"),
    Wait("down_link", "server", "down_link", "PCIe towards the adapter is busy"),
    Wait("register_port", "server", "register_port", "the register port is busy"),
    Wait("walkers", "server", "walkers", "all page walkers are busy"),
    Wait("write_order", "server", "", "at the root complex, behind an older write that is not translated or committed"),
    Wait("scheduler", "server", "scheduler", "the Tx scheduler serves another turn"),
    Wait("tx_pipe", "server", "tx_pipe", "the Tx pipeline takes a frame an edge"),
    Wait("rx_pipe", "server", "rx_pipe", "the Rx pipeline takes a frame an edge"),
    Wait("wire", "server", "wire", "the wire is busy"),
)
WAIT = {wait.name: position for position, wait in enumerate(WAITS)}

# What each line blames, by column of `arbiters.CAUSES`: own, pool, server, turn.
_TAG_LINE = ("tag_cap", "tags", "dma_issue", "read_buffer")
_UP, _DOWN = ("", "up_credits", "up_link", "up_link"), ("", "down_credits", "down_link", "down_link")
LINE_WAITS = {
    "access": ("", "", "register_port", ""),
    "tx_queues": ("shaper", "tx_buffer", "scheduler", "scheduler"),
    "rx_descriptor": _TAG_LINE, "tx_descriptor": _TAG_LINE, "payload": _TAG_LINE,
    "up_posted": _UP, "up_nonposted": _UP, "up_completion": _UP,
    "down_posted": _DOWN, "down_nonposted": _DOWN, "down_completion": _DOWN,
    "tx_ready": ("", "", "tx_pipe", ""), "tx_wire": ("", "pause", "wire", ""),
    "ingress": ("", "", "rx_pipe", "rx_pipe"), "loopback": ("", "", "rx_pipe", "rx_pipe"),
    "rx_write": ("", "", "writers", "writers"), "walk_queue": ("", "", "walkers", ""),
}



@dataclass(frozen=True)
class Resource:
    """What has a capacity, of which the rate book knows the utilisation."""

    name: str               # as in `Wait.resource`
    kind: str               # own: a function's | pool, server: shared
    crossed: str            # whose packets need it: tx, rx, or both


RESOURCES = (
    Resource("vcpu", "own", "both"),
    Resource("shaper", "own", "tx"),
    Resource("tag_cap", "own", "both"),
    Resource("scheduler", "server", "tx"),
    Resource("tx_buffer", "pool", "tx"),
    Resource("tx_pipe", "server", "tx"),
    Resource("rx_pipe", "server", "rx"),
    Resource("rx_buffer", "pool", "rx"),
    Resource("up_link", "server", "both"),
    Resource("down_link", "server", "both"),
    Resource("tags", "pool", "both"),
    Resource("read_buffer", "pool", "both"),
    Resource("up_credits", "pool", "both"),
    Resource("down_credits", "pool", "both"),
    Resource("walkers", "server", "both"),
    Resource("writers", "server", "both"),
    Resource("register_port", "server", "both"),
    Resource("dma_issue", "server", "both"),
    Resource("wire", "server", "tx"),           # but of frames that are looped back
    Resource("wire_rx", "server", "rx"),
)

# Credits that a packet's TLPs take, by direction of the TLPs and by the field of the configuration that says how many there are.
UP_CREDITS = {"up_ph": "host_ph", "up_pd": "host_pd", "up_nph": "host_nph"}
DOWN_CREDITS = {"down_ph": "device_ph", "down_pd": "device_pd", "down_cplh": "device_cplh", "down_cpld": "device_cpld"}
COUNTS = UP_CREDITS | DOWN_CREDITS
POOLS = ("tags", "read_buffer", "tx_buffer", "rx_buffer", *COUNTS)      # of the others the field has the pool's name
SERVED = ("up", "down", "wire", "walkers")        # servers of the interference matrix
# One in so many entries of a line is sampled: a prime above 64, so that functions that take turns (an `x520` has 64)
# are sampled in turns too, and not always the same one.
SAMPLE = 67
