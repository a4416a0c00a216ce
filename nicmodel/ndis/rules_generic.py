"""Predicates of the GEN-INIT rules: what every miniport does to initialise. Texts: datasheet.rules."""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.ndis import (
    ATTRIBUTE_BUS_MASTER,
    INITIALIZE_STATUSES,
    MANDATORY_OIDS,
    PF_OIDS,
    VF_OIDS,
    Status,
)
from nicmodel.ndis.checker import (
    CLAIMS,
    INITIALIZE,
    INITIALIZE_RETURNS,
    UNMAPPED,
    Call,
    Judgement,
    Seen,
    broken,
    obeyed,
    rule,
)

ATTRIBUTES, UNMAP, ADD_DEVICE = "NdisMSetMiniportAttributes", "NdisMUnmapIoSpace", "MiniportAddDevice"


def succeeds(call: Call) -> bool:
    """Whether a call is the successful return of MiniportInitializeEx."""
    return call.name == INITIALIZE_RETURNS and call.args["status"] == Status.SUCCESS


def fails(call: Call) -> bool:
    """Whether a call is any other return of MiniportInitializeEx."""
    return call.name == INITIALIZE_RETURNS and call.args["status"] != Status.SUCCESS


def assist(call: Call) -> Any | None:
    """The hardware-assist attributes, if the call sets them."""
    return call.args["attributes"] if call.args.get("kind") == "hardware_assist" else None


@rule("GEN-INIT-02", on=[INITIALIZE_RETURNS])
def configuration_is_read(call: Call, seen: Seen) -> Judgement | None:
    if not succeeds(call):
        return None
    if all(opened.failed for opened in seen.calls.get("NdisOpenConfigurationEx", ())):
        return broken("succeeded without opening its configuration")
    if not seen.any("NdisReadConfiguration"):
        return broken("opened its configuration and read nothing from it")
    return obeyed("configuration opened and read")


@rule("GEN-INIT-03", on=[*UNMAPPED, "config_read", "config_write", INITIALIZE_RETURNS])
def resources_come_before_use(call: Call, seen: Seen) -> Judgement | None:
    if seen.phase == ADD_DEVICE:
        return None                                    # PF-INIT-03
    if call.name in ("config_read", "config_write"):
        return broken("configuration space is reached with NdisMGetBusData and NdisMSetBusData")
    if call.name != INITIALIZE_RETURNS:
        return broken(f"registers are accessed {'after they were given back' if seen.any(UNMAP) else 'before they are mapped'}")
    if not succeeds(call):
        return None
    return obeyed("registers mapped") if seen.mapped > 0 else broken("succeeded without obtaining its registers")


@rule("GEN-INIT-04", on=[*CLAIMS, ATTRIBUTES, INITIALIZE_RETURNS])
def registration_comes_before_resources(call: Call, seen: Seen) -> Judgement | None:
    if call.name == ATTRIBUTES:
        return obeyed("set before any resource was claimed") if call.args["kind"] == "registration" else None
    if seen.phase != "MiniportInitializeEx" or not (lack := seen.lacks("registration")):
        return None
    if succeeds(call):
        return broken(f"succeeded {lack}")
    if call.name in CLAIMS:
        return broken("claims a resource before the registration attributes are set")
    return None


@rule("GEN-INIT-05", on=[ATTRIBUTES, INITIALIZE_RETURNS])
def general_follows_registration(call: Call, seen: Seen) -> Judgement | None:
    if call.name == INITIALIZE_RETURNS:
        lack = succeeds(call) and seen.lacks("general")
        return broken(f"succeeded {lack}") if lack else None
    kind = call.args["kind"]
    if kind == "general":
        if seen.lacks("registration"):
            return broken("general attributes before the registration attributes")
        return obeyed("after the registration attributes")
    if kind not in ("registration", "add_device") and seen.lacks("general"):
        return broken(f"{kind} attributes before the general attributes")
    return None


@rule("GEN-INIT-06", on=[ATTRIBUTES])
def one_call_per_structure(call: Call, seen: Seen) -> Judgement | None:
    kind = call.args["kind"]
    if not seen.lacks(kind):
        return broken(f"{kind} attributes are set a second time")
    if kind in ("registration", "general", "add_device"):
        return None
    if seen.lacks("general"):
        return broken(f"{kind} attributes do not follow the general attributes")
    return obeyed("after the general attributes, in a call of its own")


@rule("GEN-INIT-08", on=["NdisMRegisterScatterGatherDma", "NdisMAllocateSharedMemory", INITIALIZE_RETURNS])
def dma_comes_before_shared_memory(call: Call, seen: Seen) -> Judgement | None:
    if call.name == "NdisMRegisterScatterGatherDma":
        if seen.lacks("registration"):
            return broken("DMA is registered before the registration attributes are set")
        return obeyed("after the registration attributes, before shared memory")
    if seen.holds("DMA channel") > 0:
        return None
    if call.name == "NdisMAllocateSharedMemory":
        return broken("shared memory is allocated before NdisMRegisterScatterGatherDma")
    registration = seen.attributes.get("registration")
    flags = registration.args["attributes"].AttributeFlags if registration else 0
    if succeeds(call) and flags & ATTRIBUTE_BUS_MASTER:
        return broken("a bus master succeeded without NdisMRegisterScatterGatherDma")
    return None


@rule("GEN-INIT-09", on=["MessageInterrupt"])
def handlers_are_ready(call: Call, seen: Seen) -> Judgement | None:
    if not call.args["registering"]:
        return None
    if call.args["error"]:
        return broken(f"an interrupt right after registration finds the driver unready: {call.args['error']}")
    return obeyed("an interrupt right after registration is served")


@rule("GEN-INIT-10", on=["sleep", INITIALIZE_RETURNS], during=INITIALIZE)
def hardware_is_tested(call: Call, seen: Seen) -> Judgement | None:
    if call.name == "sleep":
        waits = seen.phase == "MiniportInitializeEx"
        return broken("waits by other means than NdisWaitEvent or NdisMSleep") if waits else None
    if not succeeds(call):
        return None
    if not seen.reads:
        return broken("succeeded without reading anything back from its hardware")
    return obeyed(f"{seen.reads} registers read back")


@rule("GEN-INIT-11", on=[INITIALIZE_RETURNS])
def status_is_allowed(call: Call, seen: Seen) -> Judgement | None:
    if call.args["status"] in INITIALIZE_STATUSES:
        return obeyed("one of the four statuses")
    return broken("the status is none of SUCCESS, NOT_ACCEPTED, RESOURCES, FAILURE")


@rule("GEN-INIT-12", on=[INITIALIZE_RETURNS])
def failure_releases_everything(call: Call, seen: Seen) -> Judgement | None:
    if not fails(call):
        return None
    return broken(f"fails and keeps {leak}") if (leak := still_held(seen)) else obeyed("nothing is kept")


def still_held(seen: Seen) -> str:
    """Resources not given back, in words; empty if none."""
    return ", ".join(f"{n} x {what}" for what, n in sorted(seen.held.items()) if n > 0)


@rule("GEN-INIT-14", on=[ATTRIBUTES])
def oids_are_listed(call: Call, seen: Seen) -> Judgement | None:
    if call.args["kind"] != "general":
        return None
    listed = set(call.args["attributes"].oids())
    needed = MANDATORY_OIDS + (PF_OIDS if seen.role == "PF" else VF_OIDS)
    missing = [oid for oid in needed if oid not in listed]
    if missing:
        return broken(f"SupportedOidList lacks {missing[0].name}" + (" and others" if missing[1:] else ""))
    return obeyed(f"{len(listed)} requests listed")
