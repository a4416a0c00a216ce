"""NET_BUFFER_LISTs: frames on their way between a protocol and a miniport, and whose they are meanwhile.

    protocol ─ send ─► NDIS ─ MiniportSendNetBufferLists ─► miniport ─ NdisMSendNetBufferListsComplete ─► protocol
    protocol ◄─ receive ─ NDIS ◄─ NdisMIndicateReceiveNetBufferLists ─ miniport ◄─ MiniportReturnNetBufferLists ─ protocol

A list has one NET_BUFFER here, and that one frame, without FCS. A `Binding` is a protocol bound to one adapter with NDIS
between them: lists go to the miniport while the adapter is Running or Pausing, else NDIS completes them itself. It carries
frames that somebody wants to look at; the bulk of traffic goes through ring agents and never comes here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import Status
from nicmodel.ndis.seen import CANCEL_SEND, RETURN_LISTS, SEND
from nicmodel.ndis.states import MOVES_DATA, State
from nicmodel.ndis.stumble import file_of, sentence

if TYPE_CHECKING:
    from nicmodel.ndis.adapter import Adapter

_SERIALS = itertools.count(1)


@dataclass(eq=False)
class NetBufferList:
    """One NET_BUFFER_LIST. ``status`` is None until a send is complete."""

    frame: bytes
    cancel_id: int = 0
    status: Status | None = None
    serial: int = field(default_factory=lambda: next(_SERIALS))


def serials(lists: Iterable[NetBufferList]) -> tuple[int, ...]:
    """What the judge knows lists by."""
    return tuple(each.serial for each in lists)


class Binding:
    """A protocol on one adapter. ``keeps``: received lists stay with it until `give_back`; else they go back at once."""

    def __init__(self, adapter: Adapter, keeps: bool = False):
        self.adapter, self.keeps = adapter, keeps
        self.sent: list[NetBufferList] = []              # complete, in order of completion
        self.pending: list[NetBufferList] = []           # the miniport's
        self.received: list[NetBufferList] = []          # ours until they are given back
        self.frames: list[bytes] = []                    # everything received
        adapter.ndis.binding = self

    # sends -------------------------------------------------------------------------------------------

    def send(self, frames: Sequence[bytes], cancel_id: int = 0) -> list[NetBufferList]:
        """Hand frames over, each in a list of its own; what becomes of them stands in their ``status``."""
        adapter, lists = self.adapter, [NetBufferList(frame, cancel_id) for frame in frames]
        self.pending += lists
        handler = getattr(adapter.driver, "send_net_buffer_lists", None)
        if handler is None or adapter.state not in MOVES_DATA:
            self.complete(lists, Status.FAILURE if handler is None else NOT_MOVING.get(adapter.state, Status.PAUSED))
        elif adapter.resetting:
            self.complete(lists, Status.RESET_IN_PROGRESS)
        else:
            adapter.hand_over(SEND, handler, lists, lists=serials(lists))
        return lists

    def cancel(self, cancel_id: int) -> None:
        """MiniportCancelSend: lists with this id that have not left need not."""
        handler = getattr(self.adapter.driver, "cancel_send", None)
        if handler is not None and self.adapter.state in MOVES_DATA:
            self.adapter.hand_over(CANCEL_SEND, handler, cancel_id, cancel_id=cancel_id)

    def complete(self, lists: Iterable[NetBufferList], status: Status | None = None) -> None:
        """ProtocolSendNetBufferListsComplete: lists are ours again; one that was ours already changes nothing."""
        for each in lists:
            if each in self.pending:
                self.pending.remove(each)
                each.status = each.status if status is None else status
                self.sent.append(each)

    # receives ----------------------------------------------------------------------------------------

    def receive(self, lists: Sequence[NetBufferList]) -> None:
        """ProtocolReceiveNetBufferLists: read, and kept or given back."""
        self.received += lists
        self.frames += [each.frame for each in lists]
        if not self.keeps:
            self.give_back()

    def give_back(self) -> None:
        """NdisReturnNetBufferLists: whatever we keep becomes the miniport's again."""
        lists, self.received = self.received, []
        if not lists:
            return
        handler: Any = getattr(self.adapter.driver, "return_net_buffer_lists", None)
        if handler is None:
            raise sentence(self.adapter.ndis.name, self.adapter.driver, "NdisMIndicateReceiveNetBufferLists",
                           "indicates lists and has no return_net_buffer_lists", file_of(self.adapter.driver), None)
        self.adapter.hand_over(RETURN_LISTS, handler, lists, lists=serials(lists))


NOT_MOVING = {State.HALTED: Status.FAILURE, State.INITIALIZING: Status.FAILURE, State.SHUTDOWN: Status.FAILURE}
"""With what NDIS completes lists itself, where that is not PAUSED."""
