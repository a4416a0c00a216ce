"""Predicates of NBL: whose NET_BUFFER_LISTs are, and with what they come back. Texts: datasheet.rules."""

from __future__ import annotations

from nicmodel.datasheet.ndis import SEND_STATUSES, Status
from nicmodel.ndis.checker import Call, Judgement, Seen, broken, named, obeyed, rule
from nicmodel.ndis.seen import INDICATE, PAUSE_RETURNS, RETURN_LISTS, SEND, SEND_COMPLETE


@rule("NBL-01", on=[SEND_COMPLETE])
def sends_complete_once(call: Call, seen: Seen) -> Judgement | None:
    lists = call.args["lists"]
    strange = [each for each in lists if each not in seen.sends]
    if strange or len(set(lists)) != len(lists):
        return broken("a list is completed that the miniport does not have, or no longer")
    return obeyed("lists that were handed over and not completed before")


@rule("NBL-02", on=[SEND_COMPLETE])
def send_statuses_are_allowed(call: Call, seen: Seen) -> Judgement | None:
    wrong = next((status for status in call.args["statuses"] if status not in SEND_STATUSES), Status.SUCCESS)
    return broken(f"a send cannot end with {named(wrong)}") if wrong != Status.SUCCESS else obeyed("statuses of a send")


@rule("NBL-03", on=[SEND_COMPLETE])
def pausing_adapters_take_no_sends(call: Call, seen: Seen) -> Judgement | None:
    late = [status for each, status in zip(call.args["lists"], call.args["statuses"], strict=True) if seen.sends.get(each)]
    if not late:
        return None
    wrong = next((status for status in late if status != Status.PAUSED), Status.PAUSED)
    if wrong != Status.PAUSED:
        return broken(f"{named(wrong)} to a list that came after MiniportPause")
    return obeyed("PAUSED")


@rule("NBL-04", on=[PAUSE_RETURNS])
def pausing_waits_for_lists(call: Call, seen: Seen) -> Judgement | None:
    if seen.sends or seen.lent:
        return broken(f"paused with {len(seen.sends)} sends not complete and {len(seen.lent)} received lists not back")
    return obeyed("every list is where it belongs") if seen.framed else None


@rule("NBL-05", on=[INDICATE])
def lent_lists_are_not_lent_again(call: Call, seen: Seen) -> Judgement | None:
    if any(each in seen.lent for each in call.args["lists"]):
        return broken("a list is indicated again before it has come back")
    return obeyed("lists that were the miniport's") if call.args["lists"] else None


@rule("NBL-06", on=[RETURN_LISTS])
def lists_come_back_once(call: Call, seen: Seen) -> Judgement | None:
    good = all(each in seen.lent for each in call.args["lists"])
    return obeyed("lists that were indicated") if good else broken("a list comes back that was not indicated, or twice")


@rule("NBL-07", on=[SEND])
def sends_come_while_data_moves(call: Call, seen: Seen) -> Judgement | None:
    good = seen.running or seen.runs("MiniportPause")
    return obeyed("Running or Pausing") if good else broken("a list is handed over to an adapter that is paused")
