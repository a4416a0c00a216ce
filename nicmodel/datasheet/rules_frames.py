"""Rows: NET_BUFFER_LISTs between NDIS and any miniport (NBL). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import BOTH, NDIS, Rule

_COMPLETE, _SENDING = "nf-ndis-ndismsendnetbufferlistscomplete", "nc-ndis-miniport_send_net_buffer_lists"
_PAUSING, _RETURN = "pausing-an-adapter; nc-ndis-miniport_pause", "nc-ndis-miniport_return_net_buffer_lists"
_INDICATE = "nf-ndis-ndismindicatereceivenetbufferlists"
_STATES = "miniport-adapter-states-and-operations"

FRAMES: tuple[Rule, ...] = (
    Rule("NBL-01", BOTH, "send", "A list that was handed over belongs to the driver until it completes it, which it does "
         "once.", f"{_SENDING}; {_COMPLETE}"),
    Rule("NBL-02", BOTH, "NdisMSendNetBufferListsComplete", "The status is one of those that a send may end with.", _COMPLETE),
    Rule("NBL-03", BOTH, "send while Pausing", "A list that comes after MiniportPause is completed at once, with PAUSED.",
         f"{_PAUSING}; {_SENDING}"),
    Rule("NBL-04", BOTH, "MiniportPause", "Pausing is over only when every send is complete and every received list is back.",
         _PAUSING),
    Rule("NBL-05", BOTH, "receive", "A list that was indicated belongs to NDIS until it comes back.", f"{_INDICATE}; {_RETURN}"),
    Rule("NBL-06", NDIS, "receive", "NDIS gives back every list that was indicated, once.", _RETURN),
    Rule("NBL-07", NDIS, "send", "Lists are handed over to adapters that are Running or Pausing.", _STATES),
)
