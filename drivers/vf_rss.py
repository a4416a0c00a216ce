"""Receive side scaling of a VF: what its driver offers, what it is asked to do, and the registers behind it.

The queues of the VF's own VPort, one message each, a key and an indirection table of its own (ADV-24, -25, INTR-11). What
was set is kept here, so that a function that was reset has it again when its queues open; nothing of it outlives the driver.
"""

from __future__ import annotations

from ctypes import sizeof
from dataclasses import dataclass, replace
from typing import Any

from nicmodel.datasheet.mailbox import Message
from nicmodel.datasheet.ndis import (
    HASH_FUNCTION_MASK,
    HASH_SECRET_KEY_BYTES,
    HASH_TOEPLITZ,
    HASH_TYPE_MASK,
    RssCapabilities,
    RssFlags,
    Status,
)
from nicmodel.datasheet.ndis_structures import (
    ProcessorNumber,
    ReceiveScaleCapabilities,
    ReceiveScaleParameters,
    header_is,
    made,
)
from nicmodel.datasheet.registers_vf import VFMRQC, VFPSRTYPE, VFRETA, VFRSSRK
from nicmodel.datasheet.rss import ENTRIES_A_WORD, KEY_WORDS, LEAST_QUEUES, TYPE_OF_FLAG, TYPES_LSB
from nicmodel.pcie.handle import Steps

CAPABILITIES = (RssCapabilities.HASH_TYPE_TCP_IPV4 | RssCapabilities.HASH_TYPE_TCP_IPV6
                | RssCapabilities.MESSAGE_SIGNALED_INTERRUPTS | RssCapabilities.USING_MSI_X | RssCapabilities.SUPPORTS_MSI_X
                | RssCapabilities.CLASSIFICATION_AT_ISR | HASH_TOEPLITZ)
HASHED = sum(flag for flag in TYPE_OF_FLAG if flag is not None)
ENTRY_BYTES, HEAD_BYTES = sizeof(ProcessorNumber), ReceiveScaleParameters.NDIS_SIZEOF


@dataclass(frozen=True)
class Setting:
    """RSS as it was set last: hash types of NDIS, a queue an entry, the key."""

    types: int
    queues: tuple[int, ...]
    key: bytes


class Refused(Exception):
    """The status of a request that cannot be served."""


class VfRss:
    """RSS of one VF's driver. ``setting`` is None while it is off."""

    def __init__(self, driver: Any):
        self.driver = driver
        self.setting: Setting | None = None
        self.allowed = False                           # by the PF

    # what is offered ---------------------------------------------------------------------------------

    @property
    def queues(self) -> int:
        """Queues to spread over: those of our VPort that we use."""
        return min(self.driver.granted_queues, len(self.driver.settings.rings))

    def ask_the_pf(self) -> Steps:
        """ADV-25: a PF that grants a key has given our pool its own; one that refuses keeps the table to itself."""
        self.allowed = False
        if self.driver.settings.rss_entries and self.queues >= LEAST_QUEUES:
            self.allowed, _ = yield from self.driver.mailbox.request(Message.GET_RSS_KEY, answer=KEY_WORDS)

    def capabilities(self) -> ReceiveScaleCapabilities | None:
        """ADV-24, -25, INTR-11: our own queues and messages, and the hardware's table; None if the PF does not allow it."""
        if not self.allowed:
            return None
        return made(ReceiveScaleCapabilities, CapabilitiesFlags=CAPABILITIES, NumberOfInterruptMessages=self.queues,
                    NumberOfReceiveQueues=self.queues, NumberOfIndirectionTableEntries=self.driver.settings.rss_entries)

    # OID_GEN_RECEIVE_SCALE_PARAMETERS ------------------------------------------------------------------

    def set(self, buffer: Any) -> Status:
        """All of a request or nothing: DISABLE_RSS and a hash function of 0 turn it off, whatever else they bring."""
        if self.driver.rss_capabilities() is None:
            return Status.NOT_SUPPORTED
        try:
            self.setting = self._asked(buffer)
        except Refused as refusal:
            return refusal.args[0]
        if self.driver.running:
            self.program()
        return Status.SUCCESS

    def _asked(self, buffer: Any) -> Setting | None:
        if not isinstance(buffer, bytes | bytearray) or len(buffer) < HEAD_BYTES:
            raise Refused(Status.INVALID_LENGTH)
        asked = ReceiveScaleParameters.from_buffer_copy(buffer)
        if not header_is(asked):
            raise Refused(Status.INVALID_PARAMETER)
        kept = RssFlags(asked.Flags & sum(RssFlags))
        if kept & RssFlags.DISABLE_RSS:
            return None
        setting = self.setting or Setting(0, (), b"")
        if not kept & RssFlags.HASH_INFO_UNCHANGED:
            if not asked.HashInformation & HASH_FUNCTION_MASK:
                return None
            setting = replace(setting, types=self._types(asked.HashInformation))
        if not kept & RssFlags.ITABLE_UNCHANGED:
            table = _part(buffer, asked.IndirectionTableOffset, asked.IndirectionTableSize)
            setting = replace(setting, queues=self._table(table))
        if not kept & RssFlags.HASH_KEY_UNCHANGED:
            setting = replace(setting, key=_part(buffer, asked.HashSecretKeyOffset, asked.HashSecretKeySize))
        if not setting.types or not setting.queues or len(setting.key) != HASH_SECRET_KEY_BYTES:
            raise Refused(Status.INVALID_PARAMETER)         # "unchanged" of what has never been set; a key of another length
        return setting

    def _types(self, information: int) -> int:
        types = information & HASH_TYPE_MASK
        if information & HASH_FUNCTION_MASK != HASH_TOEPLITZ or types & ~HASHED:
            raise Refused(Status.INVALID_PARAMETER)
        return types

    def _table(self, table: bytes) -> tuple[int, ...]:
        """A queue an entry: processors in the order of their first entry; if they are more than queues, several share one."""
        entries = len(table) // ENTRY_BYTES
        if len(table) % ENTRY_BYTES or entries.bit_count() != 1 or entries > self.driver.settings.rss_entries:
            raise Refused(Status.INVALID_PARAMETER)
        processors = [table[at:at + ENTRY_BYTES] for at in range(0, len(table), ENTRY_BYTES)]
        order = list(dict.fromkeys(processors))
        return tuple(order.index(each) % self.queues for each in processors)

    # registers ---------------------------------------------------------------------------------------

    def program(self) -> None:
        """VF-INIT-22: key and table first, what turns them on last. A small table fills the hardware's by repeating."""
        write, setting = self.driver.handle.write, self.setting
        if setting is None:
            write(VFMRQC, 0)
            return
        write(VFPSRTYPE, VFPSRTYPE.RQPL.put((self.queues - 1).bit_length()))
        for n in range(VFRSSRK.count):
            write(VFRSSRK[n], int.from_bytes(setting.key[4 * n:4 * n + 4], "little"))
        for n in range(self.driver.settings.rss_entries // ENTRIES_A_WORD):
            entries = (setting.queues[(ENTRIES_A_WORD * n + i) % len(setting.queues)] for i in range(ENTRIES_A_WORD))
            write(VFRETA[n], int.from_bytes(bytes(entries), "little"))
        types = sum(1 << each.bit for flag, each in TYPE_OF_FLAG.items() if flag is not None and setting.types & flag)
        write(VFMRQC, VFMRQC.RSSEN.mask | types << TYPES_LSB)


def _part(buffer: Any, offset: int, nbytes: int) -> bytes:
    """Bytes that follow the structure."""
    if offset < HEAD_BYTES or offset + nbytes > len(buffer):
        raise Refused(Status.INVALID_LENGTH)
    return bytes(buffer[offset:offset + nbytes])
