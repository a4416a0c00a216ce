"""Predicates of KW and ADV: what a PF reads from its registry, what either role advertises. Texts: datasheet.rules."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.ndis import PF_SRIOV_CAPABILITIES
from nicmodel.datasheet.ndis_structures import carries_nothing
from nicmodel.ndis.checker import Call, Judgement, Seen, broken, obeyed, rule
from nicmodel.ndis.rules_generic import ATTRIBUTES

PF_MISREADINGS = {
    0x0: "nothing is set: an adapter that cannot do SR-IOV at all",
    0x1: "SRIOV_SUPPORTED alone: the structure page's word for a PF, without the role",
    0x2: "PF_MINIPORT alone: the role taken for the support",
    0x4: "VF_MINIPORT alone: a VF's flags as the pages had them before 2017",
    0x5: "a VF's flags: one word reported for both roles",
    0x6: "PF_MINIPORT and VF_MINIPORT: every role the driver has, and not the support",
    0x7: "every flag: what the driver can be instead of what it is; the two roles exclude each other",
}
"""What each wrong flag word of a PF says about how the page was read (C-01 in docs/ndis.md)."""


def assist(call: Call) -> Any | None:
    """The hardware-assist attributes, if the call sets them."""
    return call.args["attributes"] if call.args.get("kind") == "hardware_assist" else None


@rule("ADV-01", on=[ATTRIBUTES])
def pf_flags(call: Call, seen: Seen) -> Judgement | None:
    if (attributes := assist(call)) is None or not attributes.HardwareSriovCapabilities:
        return None
    current = attributes.CurrentSriovCapabilities
    words = [attributes.HardwareSriovCapabilities.contents.SriovCapabilities]
    words += [] if carries_nothing(current) else [current.contents.SriovCapabilities]
    wrong = next((word for word in words if word != PF_SRIOV_CAPABILITIES), None)
    if wrong is None:
        return obeyed("SriovCapabilities = 0x3")
    return broken(f"SriovCapabilities = {wrong:#x}: {PF_MISREADINGS.get(wrong, 'undefined bits are set')}")
