"""Receive side scaling as NDIS sets it for the protocols above a miniport: one request with hash types, table and key.

The key is that of Microsoft's verification page, so that runs repeat; the table names processors in turns, one a queue.
"""

from __future__ import annotations

from ctypes import sizeof
from typing import Any

from nicmodel.datasheet.ndis import HASH_TOEPLITZ, HashTypes, Oid, RequestType, RssCapabilities, RssFlags, Status
from nicmodel.datasheet.ndis_structures import (
    GroupAffinity,
    ProcessorNumber,
    ReceiveScaleCapabilities,
    ReceiveScaleParameters,
    made,
)
from nicmodel.datasheet.rss import VERIFICATION_KEY
from nicmodel.ndis.adapter import Adapter
from nicmodel.pcie.handle import Steps

TYPES_OF_CAPABILITY = {RssCapabilities.HASH_TYPE_TCP_IPV4: HashTypes.IPV4 | HashTypes.TCP_IPV4,
                       RssCapabilities.HASH_TYPE_TCP_IPV6: HashTypes.IPV6 | HashTypes.TCP_IPV6}
"""What the stack asks for of what a miniport can: a miniport that hashes ports hashes addresses, too."""


def offered_rss(adapter: Adapter) -> ReceiveScaleCapabilities | None:
    """What a miniport has said in its general attributes; None: it does not offer RSS."""
    general: Any = adapter.ndis.attributes.get("general")
    return general.RecvScaleCapabilities.contents if general is not None and general.RecvScaleCapabilities else None


def rss_parameters(types: int, processors: list[int], key: bytes = VERIFICATION_KEY) -> bytes:
    """NDIS_RECEIVE_SCALE_PARAMETERS with its indirection table (a processor an entry), key, and mask of processors."""
    table = b"".join(bytes(ProcessorNumber(Number=each)) for each in processors)
    mask = bytes(GroupAffinity(Mask=sum(1 << each for each in set(processors))))
    head = sizeof(ReceiveScaleParameters)
    return bytes(made(
        ReceiveScaleParameters, HashInformation=types | HASH_TOEPLITZ if types else 0,
        IndirectionTableSize=len(table), IndirectionTableOffset=head, HashSecretKeySize=len(key),
        HashSecretKeyOffset=head + len(table), ProcessorMasksOffset=head + len(table) + len(key), NumberOfProcessorMasks=1,
        ProcessorMasksEntrySize=len(mask))) + table + key + mask


def disabled() -> bytes:
    """The parameters that turn RSS off."""
    return bytes(made(ReceiveScaleParameters, Flags=RssFlags.DISABLE_RSS))


def set_rss(adapter: Adapter, entries: int) -> Steps:
    """Set RSS where the miniport offers it, over as many processors as it has queues. Returns a Status."""
    offered = offered_rss(adapter)
    if not entries or offered is None:
        return Status.SUCCESS
    types = sum(flags for can, flags in TYPES_OF_CAPABILITY.items() if offered.CapabilitiesFlags & can)
    table = [entry % offered.NumberOfReceiveQueues for entry in range(min(entries, offered.NumberOfIndirectionTableEntries))]
    return (yield from adapter.oid(RequestType.SET, Oid.GEN_RECEIVE_SCALE_PARAMETERS, rss_parameters(types, table)))
