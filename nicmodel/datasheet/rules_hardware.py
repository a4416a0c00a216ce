"""Rows: what the adapter's own data sheet asks of a driver that the judge can see (HW). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import BOTH, Rule

_RX, _TX, _MAILBOX = "82599 4.6.7", "82599 4.6.8", "82599 4.6.10, 8.3.5.1.5"

HARDWARE_ORDER: tuple[Rule, ...] = (
    Rule("HW-RX-01", BOTH, "receive tail", "The tail of a receive queue is raised only after its ENABLE was read back.", _RX),
    Rule("HW-TX-01", BOTH, "transmit tail", "The tail of a transmit queue is raised only after its ENABLE was read back.", _TX),
    Rule("HW-RING-01", BOTH, "ring length", "A ring is a multiple of 128 bytes long.", f"{_RX}; {_TX}"),
    Rule("HW-RING-02", BOTH, "base and length", "Base and length of a ring stay while its queue is enabled.", f"{_RX}; {_TX}"),
    Rule("HW-MBX-01", BOTH, "message buffer", "The message buffer is written only by who has asked for it and read that it "
         "is his.", _MAILBOX),
)
