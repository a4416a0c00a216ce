"""Predicates of HW: the order of register accesses that the adapter's data sheet asks for. Texts: datasheet.rules."""

from __future__ import annotations

from nicmodel.datasheet import registers_pf, registers_vf
from nicmodel.datasheet.mailbox import WORDS
from nicmodel.ndis.checker import Call, Judgement, Seen, broken, obeyed, rule

ENABLE = registers_vf.VFRXDCTL.ENABLE.mask          # the same bit in all four control registers
RING_UNIT = 128                                     # bytes
CONTROL_OF = {f"{vf}{way}D{what}": f"{vf}{way}XDCTL" for vf in ("", "VF") for way in "RT" for what in ("T", "LEN", "BAL", "BAH")}
TAILS = {way: [f"write {vf}{way}DT" for vf in ("", "VF")] for way in "RT"}
LENGTHS = [f"write {vf}{way}DLEN" for vf in ("", "VF") for way in "RT"]
PLACES = [f"write {name}" for name in CONTROL_OF if not name.endswith("DT")]
OWNER = {"VFMBMEM": ("VFMAILBOX", registers_vf.VFMAILBOX.VFU.mask), "PFMBMEM": ("PFMAILBOX", registers_pf.PFMAILBOX.PFU.mask)}


def _tail(call: Call, seen: Seen) -> Judgement | None:
    if not call.args["value"]:
        return None                                 # heads and tails are cleared before a queue is enabled
    control = CONTROL_OF[call.args["register"]], call.args["index"]
    if not seen.elements.get(control, 0) & ENABLE:
        return broken(f"{control[0]}[{control[1]}] is not enabled")
    if control not in seen.read_back:
        return broken(f"{control[0]}[{control[1]}].ENABLE was written and not read back")
    return obeyed("enabled, and read back")


@rule("HW-RX-01", on=TAILS["R"])
def receive_waits_for_enable(call: Call, seen: Seen) -> Judgement | None:
    return _tail(call, seen)


@rule("HW-TX-01", on=TAILS["T"])
def transmit_waits_for_enable(call: Call, seen: Seen) -> Judgement | None:
    return _tail(call, seen)


@rule("HW-RING-01", on=LENGTHS)
def rings_are_whole(call: Call, seen: Seen) -> Judgement | None:
    length = call.args["value"]
    return broken(f"{length} bytes") if length % RING_UNIT else obeyed(f"{length} bytes")


@rule("HW-RING-02", on=PLACES)
def rings_stay_where_they_are(call: Call, seen: Seen) -> Judgement | None:
    control = CONTROL_OF[call.args["register"]], call.args["index"]
    if seen.elements.get(control, 0) & ENABLE:
        return broken(f"{control[0]}[{control[1]}] is enabled")
    return obeyed("before the queue is enabled")


@rule("HW-MBX-01", on=[f"write {name}" for name in OWNER])
def message_buffers_are_owned(call: Call, seen: Seen) -> Judgement | None:
    register, own = OWNER[call.args["register"]]
    mailbox = register, call.args["index"] // WORDS
    if seen.elements.get(mailbox, 0) & own and mailbox in seen.read_back:
        return obeyed("asked for, and read back")
    return broken(f"{register} was not asked for, or not read")
