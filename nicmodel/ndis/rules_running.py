"""Predicates of every miniport's life around initialisation: GEN-DRV, -HANG, -STATE, -OID, -RESET, -HALT, INTR-02."""

from __future__ import annotations

from nicmodel.datasheet.ndis import MANDATORY_OIDS, MANDATORY_QUERIES, MANDATORY_SETS, RESET_STATUSES, Oid, RequestType, Status
from nicmodel.ndis.checker import (
    INITIALIZE_RETURNS,
    REQUEST,
    REQUEST_RETURNS,
    Call,
    Judgement,
    Seen,
    answers,
    broken,
    named,
    obeyed,
    oid_name,
    rule,
)
from nicmodel.ndis.rules_generic import still_held, succeeds
from nicmodel.ndis.seen import CLAIMS, HALT, HALT_RETURNS, HOLDS, INITIALIZE, PAUSE_RETURNS, RELEASES, RESET_RETURNS

REGISTER, INTERRUPTS = "NdisMRegisterMiniportDriver", "NdisMRegisterInterruptEx"
DRIVER_ENTRY_RETURNS = "DriverEntry returns"
SECOND = 1_000_000_000_000       # ps


@rule("GEN-DRV-01", on=[REGISTER])
def version_is_filled_in(call: Call, seen: Seen) -> Judgement | None:
    version = call.args.get("MajorNdisVersion", 0), call.args.get("MinorNdisVersion", 0)
    if version < (6, 30):
        return broken(f"NDIS version {version[0]}.{version[1]}: SR-IOV begins with 6.30")
    return obeyed(f"NDIS version {version[0]}.{version[1]}")


@rule("GEN-DRV-02", on=[DRIVER_ENTRY_RETURNS])
def entry_returns_what_registration_returned(call: Call, seen: Seen) -> Judgement | None:
    registrations = seen.calls.get(REGISTER, [])
    if not registrations:
        return broken("the driver has not registered")
    was = registrations[-1].result
    if not isinstance(call.args["status"], Status):
        return broken(f"returns {named(call.args['status'])}, which is no status")
    if was != Status.SUCCESS and call.args["status"] != was:
        return broken(f"returns {named(call.args['status'])}, registration had returned {named(was)}")
    return obeyed("the status of the registration")


@rule("GEN-DRV-03", on=["MiniportSetOptions"])
def options_are_set_inside_registration(call: Call, seen: Seen) -> Judgement | None:
    inside = seen.any(REGISTER) and seen.calls[REGISTER][-1].result is None
    return obeyed("inside the registration") if inside else broken("outside the registration")


@rule("GEN-DRV-04", on=[DRIVER_ENTRY_RETURNS])
def failing_entry_keeps_nothing(call: Call, seen: Seen) -> Judgement | None:
    if call.args["status"] == Status.SUCCESS:
        return None
    return broken(f"fails and keeps {leak}") if (leak := still_held(seen)) else obeyed("nothing is kept")


@rule("GEN-HANG-01", on=[INITIALIZE_RETURNS])
def hang_check_is_patient(call: Call, seen: Seen) -> Judgement | None:
    registration = seen.attributes.get("registration")
    if not succeeds(call) or registration is None:
        return None
    seconds = registration.args["attributes"].CheckForHangTimeInSeconds
    interval = 2 if seconds == 0 else seconds - seconds % 2
    took = call.time_ps - seen.calls[INITIALIZE][-1].time_ps
    if interval * SECOND <= took:
        return broken(f"a hang check every {interval} s, initialisation took {took / SECOND:.3g} s")
    return obeyed(f"a hang check every {interval} s")


@rule("GEN-STATE-01", on=["NdisMIndicateReceiveNetBufferLists", "start_ring_agent", PAUSE_RETURNS])
def paused_means_quiet(call: Call, seen: Seen) -> Judgement | None:
    if call.name == PAUSE_RETURNS:
        return obeyed("quiet while paused so far")
    if seen.running or seen.role == "VF" and not seen.any(PAUSE_RETURNS):
        return None                                    # a VF's first start is VF-INIT-24's
    return broken("frames move while the adapter is paused")


@rule("GEN-STATE-02", on=[PAUSE_RETURNS])
def pausing_waits(call: Call, seen: Seen) -> Judgement | None:
    if seen.agents > 0:
        return broken("paused, and rings are still being served")
    if call.args["status"] not in (Status.SUCCESS, Status.PENDING):
        return broken(f"{named(call.args['status'])}, and MiniportPause cannot fail")
    return obeyed("nothing is under way")


@rule("GEN-OID-01", on=[REQUEST])
def one_request_at_a_time(call: Call, seen: Seen) -> Judgement | None:
    return broken("another request is not complete") if seen.runs(REQUEST) else obeyed("the only request")


@rule("GEN-OID-03", on=[REQUEST_RETURNS])
def unknown_requests_are_named_so(call: Call, seen: Seen) -> Judgement | None:
    oid, status = call.args["oid"], call.args["status"]
    if seen.removed:
        return None
    if not isinstance(oid, Oid):
        good = status == Status.INVALID_OID
        return obeyed("INVALID_OID") if good else broken(f"{named(status)} to a request that nobody knows")
    general = seen.attributes.get("general")
    if status == Status.INVALID_OID and general is not None and oid in general.args["attributes"].oids():
        return broken(f"INVALID_OID to {oid_name(oid)}, which is in SupportedOidList")
    return None


@rule("GEN-OID-04", on=[REQUEST_RETURNS])
def removed_adapters_accept_nothing(call: Call, seen: Seen) -> Judgement | None:
    if not seen.removed:
        return None
    good = call.args["status"] == Status.NOT_ACCEPTED
    return obeyed("NOT_ACCEPTED") if good else broken(f"{named(call.args['status'])} after the device has gone")


@rule("GEN-OID-06", on=[*answers(*MANDATORY_OIDS)])
def mandatory_requests_are_served(call: Call, seen: Seen) -> Judgement | None:
    oid, status = call.args["oid"], call.args["status"]
    mandatory = {RequestType.QUERY: MANDATORY_QUERIES, RequestType.SET: MANDATORY_SETS}.get(call.args["kind"], ())
    if oid not in mandatory or seen.removed:
        return None
    missing = status in (Status.NOT_SUPPORTED, Status.INVALID_OID, None)
    return broken(f"{named(status)} to {oid_name(oid)}, which is mandatory") if missing else obeyed(f"{oid_name(oid)} is served")


@rule("GEN-RESET-01", on=[RESET_RETURNS])
def reset_status_is_allowed(call: Call, seen: Seen) -> Judgement | None:
    status = call.args["status"]
    if status == Status.NOT_SUPPORTED:
        return None                                    # the driver has no such handler
    if seen.sends:
        return broken(f"the reset is over, and {len(seen.sends)} sends are not complete")
    return obeyed(named(status)) if status in RESET_STATUSES else broken(f"a reset cannot return {named(status)}")


@rule("GEN-HALT-01", on=[HALT])
def halted_from_paused(call: Call, seen: Seen) -> Judgement | None:
    if not seen.initialized or seen.running or seen.runs(REQUEST):
        return broken("halted while it runs, or before it was initialised")
    return obeyed("halted from Paused")


IN_ORDER = ("NdisMUnmapIoSpace", "NdisMDeregisterScatterGatherDma", "NdisMFreeSharedMemory")
"""What a halt gives back in reverse order; interrupts may go as early as a driver likes."""


def _still_held_later(what: str, seen: Seen) -> list[str]:
    """What was taken after this and has not been given back."""
    taken = [HOLDS[name] for name in seen.calls if name in CLAIMS]
    return [other for other in taken[taken.index(what) + 1:] if seen.holds(other) > 0] if what in taken else []


@rule("GEN-HALT-02", on=[*IN_ORDER, HALT_RETURNS])
def halting_gives_everything_back(call: Call, seen: Seen) -> Judgement | None:
    if call.name != HALT_RETURNS:
        what = RELEASES[call.name]
        later = _still_held_later(what, seen) if seen.runs(HALT) else []
        return broken(f"gives back its {what} and still has its {later[0]}, which it took later") if later else None
    return broken(f"halts and keeps {leak}") if (leak := still_held(seen)) else obeyed("nothing is kept")


@rule("GEN-HALT-03", on=["read", "write", "config_read", "config_write", HALT_RETURNS], during=HALT)
def removed_hardware_is_not_touched(call: Call, seen: Seen) -> Judgement | None:
    if not seen.removed:
        return None
    if call.name == HALT_RETURNS:
        return obeyed("not touched")
    return broken("the hardware is gone") if seen.runs(HALT) else None


@rule("INTR-02", on=[INTERRUPTS, INITIALIZE_RETURNS])
def messages_are_registered(call: Call, seen: Seen) -> Judgement | None:
    if call.name == INITIALIZE_RETURNS:
        refused = succeeds(call) and seen.any(INTERRUPTS) and all(asked.failed for asked in seen.calls[INTERRUPTS])
        return broken("succeeded although its interrupts were refused") if refused else None
    messages = call.args["messages"]
    return obeyed(f"{messages} messages") if messages else broken("no message interrupt is registered")
