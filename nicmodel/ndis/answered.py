"""What predicates of requests say in the same words: whether an answer is a success, a refusal or none, and to what."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.ndis import Status
from nicmodel.datasheet.registers_pf import GCR_EXT, VT_CTL
from nicmodel.ndis.checker import Call, Judgement, Seen, broken, obeyed


def succeeded(call: Call) -> bool:
    """Whether a request was answered with SUCCESS."""
    return bool(call.args["status"] == Status.SUCCESS)


def refused(call: Call, what: str) -> Judgement:
    """A request that must fail: broken if it was answered with SUCCESS."""
    return broken(f"{what} is answered SUCCESS") if succeeded(call) else obeyed(f"{what} is refused")


def away(call: Call, seen: Seen) -> bool:
    """Whether a request was turned away unread, by an adapter that is being reset, sleeps or has gone (C-16)."""
    return bool(call.args["status"] == Status.NOT_ACCEPTED and seen.away)


def asked_of(call: Call, seen: Seen) -> Any:
    """What the request that is answered was asked with; None if its buffer does not say."""
    return seen.parameters_of(call.args["oid"])


def is_configured(seen: Seen) -> bool:
    """Whether the hardware has been told of pools and of virtual functions (82599: VT_CTL, GCR_EXT)."""
    return bool(seen.registers.get(VT_CTL.name) and seen.registers.get(GCR_EXT.name))
