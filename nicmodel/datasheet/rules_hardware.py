"""Rows: what the adapter's own data sheet asks of a driver that the judge can see (HW). Vocabulary: `datasheet.rule`.

Sections 4.6.7 and 4.6.8 are those on receive and on transmit initialisation, as public drivers that follow the data sheet cite
them (TinyNF, ixy). Of the mailbox no public text cites a section: its rule is what the public drivers do on both sides.
"""

from __future__ import annotations

from nicmodel.datasheet.rule import BOTH, INFERRED, Rule

_RX, _TX = "82599 4.6.7, receive initialization", "82599 4.6.8, transmit initialization"
_MAILBOX = "Linux ixgbe and ixgbevf, DPDK ixgbe_mbx.c: each side takes the buffer before it writes; section not verified"

HARDWARE_ORDER: tuple[Rule, ...] = (
    Rule("HW-RX-01", BOTH, "receive tail", "The tail of a receive queue is raised only after its ENABLE was read back.", _RX),
    Rule("HW-TX-01", BOTH, "transmit tail", "The tail of a transmit queue is raised only after its ENABLE was read back.", _TX),
    Rule("HW-RING-01", BOTH, "ring length", "A ring is a multiple of 128 bytes long.", f"{_RX}; {_TX}"),
    Rule("HW-RING-02", BOTH, "base and length", "Base and length of a ring stay while its queue is enabled.",
         f"{_RX}; {_TX}: both are programmed before ENABLE", reading=INFERRED),
    Rule("HW-MBX-01", BOTH, "message buffer", "The message buffer is written only by who has asked for it and read that it "
         "is his.", _MAILBOX, reading=INFERRED),
)
