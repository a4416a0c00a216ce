"""Every rule of the NDIS SR-IOV interface as a row, in table order. Rows are in ``rules_*.py``, a file a few families.

A row says who obeys, when, what, where it is written and how it was read; `datasheet.rule` has the vocabulary. Predicates
live in `nicmodel.ndis`; this file computes nothing.
"""

from __future__ import annotations

from nicmodel.datasheet.rule import Rule
from nicmodel.datasheet.rules_advertise import ADVERTISED, KEYWORDS
from nicmodel.datasheet.rules_frames import FRAMES
from nicmodel.datasheet.rules_generic import GENERIC
from nicmodel.datasheet.rules_hardware import HARDWARE_ORDER
from nicmodel.datasheet.rules_init import INITIALISATION
from nicmodel.datasheet.rules_life import BACK_CHANNEL, DATA_PATHS, ENDINGS, RESETS
from nicmodel.datasheet.rules_order import ORDER_DOWN, ORDER_UP, STATES
from nicmodel.datasheet.rules_pci import INTERRUPTS, PCI_VIEW
from nicmodel.datasheet.rules_requests import REQUESTS, STRUCTURES
from nicmodel.datasheet.rules_switch import ALLOCATION, SWITCH
from nicmodel.datasheet.rules_vport import FILTERS, VPORTS

__all__ = ["BY_ID", "ORDER", "RULES", "Rule"]

RULES: tuple[Rule, ...] = (
    GENERIC + FRAMES + INITIALISATION + KEYWORDS + ADVERTISED + SWITCH + ALLOCATION + VPORTS + FILTERS + PCI_VIEW + INTERRUPTS
    + BACK_CHANNEL + DATA_PATHS + RESETS + ENDINGS + REQUESTS + STRUCTURES + ORDER_UP + ORDER_DOWN + STATES + HARDWARE_ORDER)
BY_ID = {rule.id: rule for rule in RULES}
ORDER = {rule.id: position for position, rule in enumerate(RULES)}
