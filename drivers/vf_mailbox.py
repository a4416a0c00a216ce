"""The VF's end of the mailbox, in three layers: bits, messages, posted messages with a time-out.

VFMAILBOX has bits that a read clears (PFSTS, PFACK, RSTD); what is read is kept until somebody asks for
it. Legacy protocol (API 1.0 to 1.3): the buffer is owned before words are written or read.
"""

from __future__ import annotations

from collections.abc import Sequence

from drivers.miniport import POLL_PS, POLL_TIMEOUT_PS, MiniportBase
from nicmodel.datasheet.mailbox import ACK, CTS, NACK, Message
from nicmodel.datasheet.registers_vf import VFMAILBOX, VFMBMEM
from nicmodel.pcie.handle import Steps

READ_TO_CLEAR = VFMAILBOX.PFSTS.mask | VFMAILBOX.PFACK.mask | VFMAILBOX.RSTD.mask


class VfMailbox:
    """Talks to the PF's miniport for one VF."""

    def __init__(self, driver: MiniportBase):
        self.driver, self.handle = driver, driver.handle
        self.busy = False                      # a conversation is going on
        self._kept = 0

    # bits --------------------------------------------------------------------------------------------

    def bits(self) -> Steps:
        """The register, with every read-to-clear bit seen since it was last taken."""
        word = yield self.handle.read(VFMAILBOX)
        self._kept |= word & READ_TO_CLEAR
        return word | self._kept

    def take_bit(self, mask: int) -> Steps:
        """Whether the bit has been seen; forgets it."""
        word = yield from self.bits()
        self._kept &= ~mask
        return bool(word & mask)

    def _wait_bit(self, mask: int, what: str) -> Steps:
        waited = 0
        while not (yield from self.take_bit(mask)):
            if waited >= POLL_TIMEOUT_PS or self.driver.gone:
                raise self.driver.fault(f"the PF sent no {what}")
            yield self.driver.ndis.NdisMSleep(POLL_PS)
            waited += POLL_PS

    def wait_reset_done(self) -> Steps:
        """After a reset: the PF's driver is there (RSTI clear) and nothing is in progress."""
        yield from self.driver.poll(VFMAILBOX, VFMAILBOX.RSTI.mask, 0)
        self._kept = 0

    def announced(self) -> Steps:
        """Whether the PF, which has been away, says that it is back: RSTD seen, RSTI clear."""
        word = yield from self.bits()
        if not word & VFMAILBOX.RSTD.mask or word & VFMAILBOX.RSTI.mask:
            return False
        self._kept = 0
        return True

    # messages ----------------------------------------------------------------------------------------

    def _own(self) -> Steps:
        waited = 0
        while True:
            self.handle.write(VFMAILBOX, VFMAILBOX.VFU.mask)
            if (yield from self.bits()) & VFMAILBOX.VFU.mask:
                return
            if waited >= POLL_TIMEOUT_PS or self.driver.gone:
                raise self.driver.fault("the PF keeps the mailbox")
            yield self.driver.ndis.NdisMSleep(POLL_PS)
            waited += POLL_PS

    def send(self, words: Sequence[int]) -> Steps:
        """Write a message and wait until the PF has taken it."""
        yield from self._own()
        self._kept &= ~(VFMAILBOX.PFSTS.mask | VFMAILBOX.PFACK.mask)
        for i, word in enumerate(words):
            self.handle.write(VFMBMEM[i], word)
        self.handle.write(VFMAILBOX, VFMAILBOX.REQ.mask)
        yield from self._wait_bit(VFMAILBOX.PFACK.mask, "acknowledgement")

    def receive(self, count: int) -> Steps:
        """Wait for a message of the PF, read ``count`` words and acknowledge them."""
        yield from self._wait_bit(VFMAILBOX.PFSTS.mask, "answer")
        yield from self._own()
        words = []
        for i in range(count):
            words.append((yield self.handle.read(VFMBMEM[i])))
        self.handle.write(VFMAILBOX, VFMAILBOX.ACK.mask)
        return words

    # posted messages -----------------------------------------------------------------------------------

    def request(self, message: Message, words: Sequence[int] = (), answer: int | None = None) -> Steps:
        """Send a request, wait for its answer; returns (accepted, answer words without the first).

        The answer has as many words as the request unless ``answer`` says how many follow the first.
        """
        self.busy = True
        try:
            yield from self.send([message, *words])
            reply = yield from self.receive(1 + (len(words) if answer is None else answer))
        finally:
            self.busy = False
        if reply[0] & 0xFFFF != message:
            raise self.driver.fault(f"answer {reply[0]:#x} to {message.name}")
        return bool(reply[0] & ACK and not reply[0] & NACK), reply[1:]

    def hear(self) -> Steps:
        """Outside a conversation: take news of the PF. True if the PF is there and has cleared us to send."""
        word = yield from self.bits()
        if word & VFMAILBOX.RSTI.mask or self.driver.gone:
            return False
        message = yield self.handle.read(VFMBMEM[0])
        if self.driver.gone:
            return False
        if (yield from self.take_bit(VFMAILBOX.PFSTS.mask)):
            self.handle.write(VFMAILBOX, VFMAILBOX.ACK.mask)
        return bool(message & CTS)
