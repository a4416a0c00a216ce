"""Adapters that publications reckon with, as lists of what crosses the PCIe link for each packet.

Source: pcie-bench/pcie-model, model/simple_nic.py and model/niantic.py; the curves are Fig. 1 of "Understanding PCIe
performance for end host networking" (SIGCOMM 2018). Facts only: `lab/validation` lets a plane do it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedNic:
    """How many packets share one of each. 0: there is none. Every packet's data moves once, and a received one's status."""

    tx_doorbell: int             # tail writes
    tx_fetch: int                # descriptor reads, 16 bytes a descriptor
    tx_writeback: int            # writes of 16 bytes a descriptor
    tx_message: int              # MSI
    tx_head_read: int            # register reads
    rx_doorbell: int
    rx_fetch: int
    rx_message: int
    rx_head_read: int


PUBLISHED_NICS = {
    "simple": PublishedNic(tx_doorbell=1, tx_fetch=1, tx_writeback=0, tx_message=1, tx_head_read=1,
                           rx_doorbell=1, rx_fetch=1, rx_message=1, rx_head_read=1),
    "kernel": PublishedNic(tx_doorbell=1, tx_fetch=40, tx_writeback=8, tx_message=32, tx_head_read=1,
                           rx_doorbell=32, rx_fetch=1, rx_message=32, rx_head_read=8),
    "dpdk": PublishedNic(tx_doorbell=32, tx_fetch=40, tx_writeback=8, tx_message=0, tx_head_read=0,
                         rx_doorbell=32, rx_fetch=1, rx_message=0, rx_head_read=0),
}
