"""What a rule row is: who obeys, when, what, where it is written, how it was read, and how it is judged.

``severity`` is ``must`` only where the page obliges; ``should`` advises, ``permits`` allows, ``model`` is a decision of ours
where the pages are silent and never counts against a driver. ``reading`` says how the text was read: literal, gap,
contradiction (with its number in `datasheet.readings`), header or inferred. Every row stands in exactly one way:

    a predicate      in `nicmodel.ndis`, registered for the id
    by               other rules say the same of a driver; this one stands as the worst of them
    tested           it binds NDIS, the stack or the hardware: a test of ours looks at theirs (file::function)
    unchecked        nothing can show it broken; the row says why

``implies`` lists the rules that break because this one is broken, in one of its forms; reports name the cause first.
Sources are page names of Microsoft's public driver documentation, without the suffix; HCR is its hardware compatibility
requirement for SR-IOV. This file computes nothing; rows are in ``rules_*.py``.
"""

from __future__ import annotations

from dataclasses import dataclass

MUST, SHOULD, PERMITS, MODEL = "must", "should", "permits", "model"
LITERAL, GAP, CONTRADICTION, HEADER, INFERRED = "literal", "gap", "contradiction", "header", "inferred"
PF, VF, NDIS, VS, VPCI, HW, INF, HV = ("PF",), ("VF",), ("NDIS",), ("VS",), ("VPCI",), ("HW",), ("INF",), ("HV",)
BOTH = PF + VF
DRIVERS = frozenset(BOTH)
VF_FAMILIES = ("VF-INIT", "HALT-VF", "DN")     # whose rules about others than drivers belong to a VF's table

NDIS_ONLY = "only NDIS itself could break it"
INF_ONLY = "only the installation file could break it"
HARDWARE = "the adapter does it, no call of a driver shows it"
INSIDE = "what a driver keeps inside itself is not in its calls"
ALLOWS = "it permits and obliges to nothing"
NO_BUS_DRIVER = "a vendor's own virtual bus driver is not modelled"
LATER_NDIS = "it is of a later NDIS than 6.30"
NO_OUT_OF_BAND = "frames carry no out-of-band data in the model"


@dataclass(frozen=True)
class Rule:
    """One rule; see the head of this file for the vocabulary."""

    id: str
    who: tuple[str, ...]
    when: str
    sentence: str
    source: str
    severity: str = MUST
    reading: str = LITERAL
    implies: tuple[str, ...] = ()
    unchecked: str = ""
    by: tuple[str, ...] = ()
    tested: str = ""

    @property
    def family(self) -> str:
        """The id without its number: GEN-INIT, VF-INIT, SWITCH, ..."""
        return self.id.rsplit("-", 1)[0] if "-" in self.id else self.id.rstrip("0123456789")

    @property
    def judged(self) -> bool:
        """Whether a predicate of its own judges this rule."""
        return not (self.unchecked or self.by or self.tested)

    @property
    def binds_a_driver(self) -> bool:
        """Whether a miniport can break it; else NDIS, the stack or the adapter could."""
        return not DRIVERS.isdisjoint(self.who)

    @property
    def closes(self) -> bool:
        """Whether a driver can break it and must not: on the initialise path that keeps the adapter from coming up."""
        return self.severity == MUST and self.judged and self.binds_a_driver

    @property
    def roles(self) -> tuple[str, ...]:
        """The adapters on whose table it stands."""
        if self.binds_a_driver:
            return tuple(role for role in BOTH if role in self.who)
        return BOTH if self.family.startswith(("GEN", "NBL")) else VF if self.family in VF_FAMILIES else PF
