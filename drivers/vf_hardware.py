"""The VF's own registers: reset, greeting, queues, interrupts, link. Every method is a step of a list.

Which lists they stand in, and when those are run, is decided in `vf`. The driver sees its own function and nothing beside
it (VF-INIT-21, -22); what it wants of the PF it asks over the mailbox.
"""

from __future__ import annotations

from typing import Any

from drivers.miniport import MS, US, MiniportBase
from drivers.rings import QueuePair
from drivers.vf_mailbox import VfMailbox
from drivers.vf_rss import VfRss
from nicmodel.datasheet.ethernet import address_of_words
from nicmodel.datasheet.mailbox import API_VERSIONS, Message
from nicmodel.datasheet.ndis import Status
from nicmodel.datasheet.registers_pf import IVAR_VALID, itr_units, ivar_lsb
from nicmodel.datasheet.registers_vf import (
    VFCTRL,
    VFGPRC,
    VFGPTC,
    VFLINKS,
    VFPSRTYPE,
    VFRXDCTL,
    VFTXDCTL,
    VTEIAC,
    VTEIAM,
    VTEICR,
    VTEIMC,
    VTEIMS,
    VTEITR,
    VTIVAR,
    VTIVAR_MISC,
)
from nicmodel.pcie.handle import Steps

QUEUES = 2                               # of a pool
MAILBOX_VECTOR = 2                       # vectors 0 and 1 serve queues
ALL_VECTORS = 0x7
PF_POLL_PS = 100 * US                    # how often a VF looks whether its PF is back, at first;
PF_POLL_SHARE = 128                      # then after a part of the time that it has waited already,
PF_POLL_MOST_PS = 10 * MS                # and at least so often


class VfHardware(MiniportBase):
    """Steps that touch registers of the VF."""

    COUNTERS = (VFGPRC, VFGPTC)
    mailbox: VfMailbox
    rss: VfRss
    pairs: list[QueuePair]
    api = 0
    granted_queues = 1
    link_told = False                    # the link as NDIS in the guest knows it
    running = False                      # between MiniportRestart and MiniportPause

    @property
    def is_ready(self) -> bool:
        """VF-INIT-25: whether every ring is open, without which there is no link, whatever the port's is."""
        return all(pair.is_open for pair in self.pairs)

    # MiniportInitializeEx ------------------------------------------------------------------------------

    def reset_function(self) -> Steps:
        """VF-INIT-22: mask, stop and reset this function alone; then wait for the PF's driver."""
        self.handle.write(VTEIMC, ALL_VECTORS)
        yield self.handle.read(VTEICR)
        for queue in range(QUEUES):
            self.handle.write(VFTXDCTL[queue], VFTXDCTL.SWFLSH.mask)
            yield from self.handle.clear_flags(VFRXDCTL[queue], VFRXDCTL.ENABLE.mask)
        self.handle.write(VFPSRTYPE, 0)
        self.handle.write(VFCTRL, VFCTRL.RST.mask)
        yield from self.mailbox.wait_reset_done()

    def greet_the_pf(self) -> Steps:
        """VF-INIT-22: the PF gives us our address and queues; we ask over the mailbox."""
        accepted, words = yield from self.mailbox.request(Message.RESET, answer=3)
        if not accepted:
            return Status.FAILURE
        self.mac = address_of_words(*words[:2])
        for version in API_VERSIONS:
            accepted, _ = yield from self.mailbox.request(Message.API_NEGOTIATE, [version])
            if accepted:
                self.api = version
                break
        accepted, words = yield from self.mailbox.request(Message.GET_QUEUES, [0, 0, 0, 0])
        if accepted:
            self.granted_queues = min(words[0], words[1])
        yield from self.rss.ask_the_pf()
        return Status.SUCCESS

    def self_test(self) -> Steps:
        """GEN-INIT-10: the reset is over and interrupts are masked, as we left them."""
        mask = yield self.handle.read(VTEIMS)
        return Status.FAILURE if mask & ALL_VECTORS else Status.SUCCESS

    # MiniportRestart -----------------------------------------------------------------------------------

    def set_max_frame(self) -> Steps:
        """The PF enables our receive path again once it knows the frame size."""
        accepted, _ = yield from self.mailbox.request(Message.SET_LPE, [self.settings.max_frame_bytes])
        return Status.SUCCESS if accepted else Status.FAILURE

    def open_rings(self) -> Steps:
        """VF-INIT-24: program and enable the queues; nothing is posted yet."""
        for pair in self.pairs:
            yield from pair.open()

    def moderation(self) -> list[tuple[Any, int]]:
        """The interval between two messages of each queue pair."""
        return [(VTEITR[pair.vector], VTEITR.ITR_INT.put(itr_units(self.settings.itr_ps))) for pair in self.pairs]

    def route_interrupts(self) -> None:
        """Queue i raises vector i unless it is polled, the mailbox its own; causes clear themselves when a message leaves."""
        vectors = sum((pair.vector | IVAR_VALID) << ivar_lsb(pair.index, transmit)
                      for pair in self.pairs if not pair.settings.poll_ps for transmit in (False, True))
        self.throttle()
        self.handle.write(VTIVAR[0], vectors)
        self.handle.write(VTIVAR_MISC, MAILBOX_VECTOR | IVAR_VALID)
        self.handle.write(VTEIAC, ALL_VECTORS)
        self.handle.write(VTEIAM, 0)
        self.handle.write(VTEIMS, ALL_VECTORS)

    def report_link(self) -> Steps:
        """VF-INIT-25: connected only now that both rings are enabled."""
        links = yield self.handle.read(VFLINKS)
        self.indicate_link(bool(links & VFLINKS.UP.mask))

    def indicate_link(self, up: bool) -> None:
        """NDIS is told, and what it was told remembered."""
        self.link_told = up
        super().indicate_link(up)

    def follow_link(self, up: bool) -> None:
        """G-14, VF-INIT-25: news of the port's link, by mailbox or block, told once; connected only while our rings are open."""
        if self.running and (up and self.is_ready) is not self.link_told:
            self.indicate_link(not self.link_told)

    # falling silent, and coming back -------------------------------------------------------------------

    def mask_interrupts(self) -> None:
        """GEN-HALT-02: no message leaves any more."""
        self.handle.write(VTEIMC, ALL_VECTORS)

    def stop_queues(self) -> None:
        """Neither queue moves any more; nothing is waited for."""
        for queue in range(QUEUES):
            self.handle.write(VFTXDCTL[queue], VFTXDCTL.SWFLSH.mask)
            self.handle.write(VFRXDCTL[queue], 0)

    def silence(self) -> Steps:
        """HALT-VF-01, GEN-HALT-03: reset our function, unless it is no longer there."""
        if not self.gone:
            self.mask_interrupts()
            self.handle.write(VFCTRL, VFCTRL.RST.mask)
            yield self.handle.read(VTEICR)

    def forget_rings(self) -> None:
        """A reset of ours or of the PF's has closed the queues: nothing that was in them comes back."""
        for pair in self.pairs:
            pair.stop_agent()
            pair.is_open = False

    def wait_for_pf(self) -> Steps:
        """RESET-07, G-08: the PF has gone away, for as long as it likes; it announces itself by clearing RSTI and setting RSTD.

        FAILURE if we do not run any more, or have gone ourselves.
        """
        waited = 0
        while self.running and not self.gone:
            if (yield from self.mailbox.announced()):
                return Status.SUCCESS
            pause = min(max(PF_POLL_PS, waited // PF_POLL_SHARE), PF_POLL_MOST_PS)
            yield self.ndis.NdisMSleep(pause)
            waited += pause
        return Status.FAILURE
