"""The requests that every miniport must support (GEN-OID-06), as two literal tables.

A query's buffer is a bytearray; the answer goes to its start, BUFFER_TOO_SHORT if it does not fit (the generic page's
status; SR-IOV requests have INVALID_LENGTH). A set request brings a number or a structure. The packet filter is each
role's own.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isgenerator
from typing import Any

from nicmodel.datasheet.ethernet import FCS_BYTES
from nicmodel.datasheet.ndis import Oid, Status
from nicmodel.datasheet.ndis_general import (
    InterruptModerationParameters,
    LinkParameters,
    ModerationState,
    StatisticsFlags,
    StatisticsInfo,
)
from nicmodel.datasheet.ndis_structures import header_is, made
from nicmodel.pcie.handle import Steps

DESCRIPTION = b"nicmodel 82599-compatible adapter\0"
DRIVER_VERSION = 0x0100                # major and minor version of the driver, a byte each
ULONG, ULONG64 = 4, 8
GIGABIT = 1_000_000_000


def answer(driver: Any, oid: Oid, buffer: Any) -> Steps:
    """Answer one query into its buffer."""
    value = QUERIES[oid](driver)
    if isgenerator(value):
        value = yield from value
    if isinstance(value, int):
        value = value.to_bytes(ULONG, "little")
    if isinstance(value, tuple):                       # counters are as long as the caller's buffer, 8 bytes or 4
        size = ULONG64 if isinstance(buffer, bytearray) and len(buffer) >= ULONG64 else ULONG
        value = (value[0] % (1 << 8 * size)).to_bytes(size, "little")
    if not isinstance(buffer, bytearray) or len(buffer) < len(value):
        return Status.BUFFER_TOO_SHORT
    buffer[:len(value)] = value
    return Status.SUCCESS


# queries --------------------------------------------------------------------------------------------------

def largest_frame(driver: Any) -> int:
    """Bytes of a frame with its header; NDIS does not see the FCS."""
    return driver.settings.max_frame_bytes - FCS_BYTES


def _space(driver: Any, stride: str) -> int:
    rings = driver.settings.rings or ()
    return sum(each.ring_size * getattr(each, stride) for each in (rings if isinstance(rings, tuple | list) else (rings,)))


def transmit_space(driver: Any) -> int:
    """Bytes of all Tx buffers."""
    return _space(driver, "tx_stride")


def receive_space(driver: Any) -> int:
    """Bytes of all Rx buffers."""
    return _space(driver, "buffer_bytes")


def vendor_id(driver: Any) -> int:
    """The vendor's three bytes of our address, and a zero."""
    return driver.mac >> 24


def received(driver: Any) -> Steps:
    """Frames, as a tuple of one: a counter, whose answer is as long as the buffer."""
    return ((yield from driver.packet_counts())[0],)


def sent(driver: Any) -> Steps:
    """Frames, likewise."""
    return ((yield from driver.packet_counts())[1],)


def statistics(driver: Any) -> Steps:
    """Frames, all counted as directed: the hardware's counters do not tell them apart."""
    frames_in, frames_out = yield from driver.packet_counts()
    return bytes(made(StatisticsInfo, ifHCInUcastPkts=frames_in, ifHCOutUcastPkts=frames_out, SupportedStatistics=(
        StatisticsFlags.DIRECTED_FRAMES_RCV | StatisticsFlags.DIRECTED_FRAMES_XMIT)))


def moderation(driver: Any) -> bytes:
    """ENABLED only if interrupts are throttled: a driver whose settings ask for none says DISABLED."""
    on = driver.moderated and any(word for _, word in driver.moderation())
    state = ModerationState.ENABLED if on else ModerationState.DISABLED
    return bytes(made(InterruptModerationParameters, InterruptModeration=state))


QUERIES: dict[Oid, Callable[[Any], Any]] = {
    Oid.GEN_MAXIMUM_TOTAL_SIZE: largest_frame,
    Oid.GEN_TRANSMIT_BLOCK_SIZE: largest_frame,
    Oid.GEN_RECEIVE_BLOCK_SIZE: largest_frame,
    Oid.GEN_TRANSMIT_BUFFER_SPACE: transmit_space,
    Oid.GEN_RECEIVE_BUFFER_SPACE: receive_space,
    Oid.GEN_VENDOR_ID: vendor_id,
    Oid.GEN_VENDOR_DESCRIPTION: lambda driver: DESCRIPTION,
    Oid.GEN_VENDOR_DRIVER_VERSION: lambda driver: DRIVER_VERSION,
    Oid.GEN_RCV_OK: received,
    Oid.GEN_XMIT_OK: sent,
    Oid.GEN_STATISTICS: statistics,
    Oid.GEN_INTERRUPT_MODERATION: moderation,
}


# sets -----------------------------------------------------------------------------------------------------

def set_lookahead(driver: Any, count: Any) -> Status:
    """Whole frames are indicated, so any number of bytes within one will do."""
    if not isinstance(count, int) or not 0 <= count <= largest_frame(driver):
        return Status.INVALID_DATA
    return Status.SUCCESS


def set_moderation(driver: Any, asked: Any) -> Status:
    """On as the settings say, or off."""
    if not isinstance(asked, InterruptModerationParameters) or not header_is(asked) \
            or asked.InterruptModeration not in (ModerationState.ENABLED, ModerationState.DISABLED):
        return Status.INVALID_DATA
    driver.moderated = asked.InterruptModeration == ModerationState.ENABLED
    driver.throttle()
    return Status.SUCCESS


def set_link(driver: Any, asked: Any) -> Status:
    """The link has one speed: that, or 0 for whatever there is."""
    speeds = (0, driver.settings.link_gbps * GIGABIT)
    if not isinstance(asked, LinkParameters) or not header_is(asked) \
            or asked.XmitLinkSpeed not in speeds or asked.RcvLinkSpeed not in speeds:
        return Status.INVALID_DATA
    return Status.SUCCESS


SETS: dict[Oid, Callable[[Any, Any], Status]] = {
    Oid.GEN_CURRENT_LOOKAHEAD: set_lookahead,
    Oid.GEN_INTERRUPT_MODERATION: set_moderation,
    Oid.GEN_LINK_PARAMETERS: set_link,
}
