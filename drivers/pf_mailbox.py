"""The PF's end of every VF's mailbox: who has reset, who asks, what the answer is.

`service` is run on each mailbox interrupt: one pass, since news that come meanwhile send another. Requests are answered by
the `ANSWERS` table; a VF that has not sent RESET since its last reset is refused without "clear to send", unknown
messages are refused with it.
What a VF sends comes from another partition: it is checked, and touches that VF only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.miniport import US
from drivers.pf_pools import QUEUES_PER_POOL, drop_policy
from drivers.pf_switch import NicSwitch, VirtualFunction
from nicmodel.datasheet.ethernet import MINIMUM_FRAME, address_of_words, words_of_address
from nicmodel.datasheet.mailbox import ACK, API_VERSIONS, CTS, MAX_HASHES, NACK, RSS_VERSIONS, WORDS, Message
from nicmodel.datasheet.profiles import SRIOV_MAX_FRAME
from nicmodel.datasheet.registers import bits_in
from nicmodel.datasheet.registers_pf import (
    MTA,
    PFMAILBOX,
    PFMBICR,
    PFMBIMR,
    PFMBMEM,
    PFVFLRE,
    PFVFLREC,
    QDE,
)
from nicmodel.datasheet.rss import KEY_WORDS
from nicmodel.pcie.handle import Steps

PATIENCE = 100                               # microseconds that a VF may hold its buffer while we have news for it
REQUESTS_A_WORD, RESETS_A_WORD = 16, 32      # VFs of a word of PFMBICR, of PFVFLRE
REQUESTS = 0xFFFF                            # of a word of PFMBICR; the rest are acknowledgements


class PfMailbox:
    """Serves the mailboxes of ``switch.num_vfs`` VFs."""

    def __init__(self, driver: Any, switch: NicSwitch):
        self.driver, self.handle, self.switch = driver, driver.handle, switch
        self.tables = [0] * MTA.count                # MTA as last written
        self.refused = 0                             # messages answered with NACK
        self.reach = 0                               # VFs below this have been allocated at some time

    def listen(self) -> None:
        """Interrupts for requests only: nothing here waits for an acknowledgement."""
        for word in range(-(-self.switch.num_vfs // REQUESTS_A_WORD)):
            self.handle.write(PFMBIMR[word], REQUESTS)

    def service(self) -> Steps:
        """Serve resets first, then requests, of the VFs allocated so far: others have no guest. True if there was any."""
        news = False
        self.reach = max(self.reach, 1 + max(self.switch.vfs, default=-1))
        for word in range(-(-self.reach // RESETS_A_WORD)):
            reset = yield self.handle.read(PFVFLRE[word])
            if reset:
                news = True
                self.handle.write(PFVFLREC[word], reset)
                for bit in bits_in(reset):
                    self.forget(RESETS_A_WORD * word + bit)
        for word in range(-(-self.reach // REQUESTS_A_WORD)):
            cause = yield self.handle.read(PFMBICR[word])
            if cause:
                news |= bool(cause & REQUESTS)                    # acknowledgements lie there at all times
                self.handle.write(PFMBICR[word], cause)
                for bit in bits_in(cause & REQUESTS):
                    yield from self.answer(REQUESTS_A_WORD * word + bit)
        return news

    def forget(self, vf: int) -> None:
        """A VF was reset: it is heard again only after its RESET message."""
        self.switch.pools.was_reset(vf)
        record = self.switch.vfs.get(vf)
        if record is not None:
            record.clear_to_send = False
            if record.hashes:
                record.hashes.clear()
                self._write_hashes()

    def silence(self) -> Steps:
        """The PF goes away for a while: every VF is told so by a message that is not marked clear to send."""
        for vf in list(self.switch.vfs):
            self.forget(vf)
            yield from self.reply(vf, [Message.PF_CONTROL_MSG])

    def answer(self, vf: int) -> Steps:
        """Take one message of a VF, act, reply."""
        words = [(yield self.handle.read(PFMBMEM[WORDS * vf]))]
        for i in range(1, needs(words[0])):
            words.append((yield self.handle.read(PFMBMEM[WORDS * vf + i])))
        self.handle.write(PFMAILBOX[vf], PFMAILBOX.ACK.mask)
        yield from self.reply(vf, self.judge(vf, words))

    def judge(self, vf: int, words: list[int]) -> list[int]:
        """The reply to a message, after acting on it."""
        record = self.switch.vfs.get(vf)
        message = words[0] & 0xFFFF
        if record is not None and message == Message.RESET:
            return self.reset(vf, record)
        if record is None or not record.clear_to_send:
            self.refused += 1
            return [words[0] | NACK]
        _, handler = ANSWERS.get(message, (1, None))
        reply = handler(self, vf, record, words) if handler is not None else None
        if reply is None:
            self.refused += 1
            return [words[0] | NACK | CTS]
        return [words[0] | ACK | CTS, *reply]

    def reply(self, vf: int, words: list[int]) -> Steps:
        """Own the buffer, write the words, tell the VF."""
        yield from self._own(vf)
        for i, word in enumerate(words):
            self.handle.write(PFMBMEM[WORDS * vf + i], word)
        self.handle.write(PFMAILBOX[vf], PFMAILBOX.STS.mask)

    def ping(self) -> Steps:
        """G-14: something has changed that every VF may look at: its link. One that is asking us something hears it otherwise."""
        for vf, record in list(self.switch.vfs.items()):
            if not record.clear_to_send:
                continue
            yield from self._own(vf)
            asked = yield self.handle.read(PFMBICR[vf // REQUESTS_A_WORD])
            if asked >> vf % REQUESTS_A_WORD & 1:
                self.handle.write(PFMAILBOX[vf], 0)
                continue
            self.handle.write(PFMBMEM[WORDS * vf], Message.PF_CONTROL_MSG | CTS)
            self.handle.write(PFMAILBOX[vf], PFMAILBOX.STS.mask)

    def _own(self, vf: int) -> Steps:
        """The buffer is ours. A VF that keeps it for ever loses it."""
        own, tries = PFMAILBOX.PFU.mask, 0
        while True:
            self.handle.write(PFMAILBOX[vf], own)
            if (yield self.handle.read(PFMAILBOX[vf])) & own:
                break
            tries += 1
            if tries >= PATIENCE:
                self.handle.write(PFMAILBOX[vf], PFMAILBOX.RVFU.mask)
            yield self.driver.ndis.NdisMSleep(US)

    # answers: the words after the first, or None to refuse ----------------------------------------------

    def reset(self, vf: int, record: VirtualFunction) -> list[int]:
        """RESET: address and multicast filter type; the only reply that is not marked clear to send."""
        record.clear_to_send, record.api = True, API_VERSIONS[-1]
        for queue in range(QUEUES_PER_POOL * vf, QUEUES_PER_POOL * (vf + 1)):
            self.handle.write(QDE, drop_policy(queue, self.driver.settings.drop_without_descriptor))
        self.switch.follow_vf(vf)
        return [Message.RESET | ACK, *words_of_address(record.mac), 0]

    def api_negotiate(self, vf: int, record: VirtualFunction, words: list[int]) -> list[int] | None:
        """Versions 1.0 to 1.3."""
        if words[1] not in API_VERSIONS:
            return None
        record.api = words[1]
        return [words[1]]

    def get_queues(self, vf: int, record: VirtualFunction, words: list[int]) -> list[int] | None:
        """Tx and Rx queues of the VF's VPort, one traffic class, default queue 0; from version 1.1 on."""
        if record.api == API_VERSIONS[-1]:
            return None
        pairs = QUEUES_PER_POOL if record.vport is None else self.switch.vports[record.vport].queue_pairs
        return [pairs, pairs, 1, 0]

    def get_rss_key(self, vf: int, record: VirtualFunction, words: list[int]) -> list[int] | None:
        """ADV-13: granted where pools scale by themselves. The key of the port is not theirs: ten words of 0."""
        return [0] * KEY_WORDS if self.driver.settings.vf_rss and record.api in RSS_VERSIONS else None

    def set_mac(self, vf: int, record: VirtualFunction, words: list[int]) -> list[int] | None:
        """Only the address that the virtualization stack gave to this VF."""
        return words[1:3] if address_of_words(*words[1:3]) == record.mac else None

    def set_multicast(self, vf: int, record: VirtualFunction, words: list[int]) -> list[int] | None:
        """Hashes of 12 bits, two a word."""
        count = words[0] >> 16 & 0xFF
        if count > MAX_HASHES:
            return None
        record.hashes = [words[1 + i // 2] >> 16 * (i % 2) & 0xFFF for i in range(count)]
        self._write_hashes()
        return []

    def set_lpe(self, vf: int, record: VirtualFunction, words: list[int]) -> list[int] | None:
        """The largest frame this VF will take; the port's limit is ours."""
        if not MINIMUM_FRAME <= words[1] <= SRIOV_MAX_FRAME:
            return None
        self.switch.follow_vf(vf)
        return [words[1]]

    def _write_hashes(self) -> None:
        """MTA is shared: it holds what any VF asked for."""
        tables = [0] * MTA.count
        for record in self.switch.vfs.values():
            for value in record.hashes:
                tables[value >> 5] |= 1 << (value & 31)
        for i, word in enumerate(tables):
            if word != self.tables[i]:
                self.handle.write(MTA[i], word)
        self.tables = tables


Answer = Callable[[PfMailbox, int, VirtualFunction, list[int]], list[int] | None]
ANSWERS: dict[int, tuple[int, Answer]] = {
    Message.API_NEGOTIATE: (2, PfMailbox.api_negotiate),
    Message.GET_QUEUES: (1, PfMailbox.get_queues),
    Message.GET_RSS_KEY: (1, PfMailbox.get_rss_key),
    Message.SET_MAC_ADDR: (3, PfMailbox.set_mac),
    Message.SET_MULTICAST: (WORDS, PfMailbox.set_multicast),
    Message.SET_LPE: (2, PfMailbox.set_lpe),
}
"""Message -> words that its answer depends on, the first included, and the answer."""


def needs(first: int) -> int:
    """How many words of a message are to be read, by its first."""
    return ANSWERS.get(first & 0xFFFF, (1, None))[0]
