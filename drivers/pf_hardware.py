"""The PF's own hardware: reset, pools, port, data path, interrupts, announcements. Every method is a step of a list.

Steps follow the 82599: software initialisation (4.6), virtualization (4.6.10), receive and transmit (4.6.7, 4.6.8).
Which lists they stand in, and when those are run, is decided in `pf`.
"""

from __future__ import annotations

from typing import Any

from drivers.miniport import MS
from drivers.pf_mailbox import PfMailbox
from drivers.pf_pools import QUEUES_PER_POOL, drop_policy
from drivers.pf_requests import PfRequests
from drivers.rings import PF_RX, PF_TX, PythonRings, QueuePair
from nicmodel.datasheet.ethernet import STANDARD_FRAME, address_of_words
from nicmodel.datasheet.registers_pf import (
    CTRL,
    CTRL_EXT,
    DMATXCTL,
    EEC,
    EIAC,
    EICR,
    EIMC,
    EIMS,
    EITR,
    FCTRL,
    GCR_EXT,
    GPIE,
    GPRC,
    GPTC,
    HLREG0,
    IVAR,
    IVAR_MISC,
    IVAR_VALID,
    LINKS,
    MAXFRS,
    MCSTCTRL,
    MRQC,
    MTQC,
    PFDTXGSWC,
    POOLS_64,
    QDE,
    RAH,
    RAL,
    RDRXCTL,
    RTTDCS,
    RXCTRL,
    SECRXCTRL,
    SECRXSTAT,
    VLNCTRL,
    VT_CTL,
    itr_units,
    ivar_lsb,
    put_default_pool,
)
from nicmodel.pcie.handle import Steps

QUEUE_VECTOR, OTHER_VECTOR = 0, 1
MRQE_64_POOLS, MTQC_64_POOLS = 0x8, 0x6
ALL_CAUSES = 0x7FFFFFFF
RESET_SETTLE_PS = 10 * MS               # the datasheet asks for 10 ms after a reset


class PfHardware(PfRequests):
    """Steps that write registers of the PF."""

    mailbox: PfMailbox
    pair: QueuePair | None
    rings: PythonRings | None
    COUNTERS, COUNTERS_CLEAR = (GPRC, GPTC), True        # of the port: the VFs' frames are in them
    pooled: bool                        # whether the hardware is divided into pools

    def reset_adapter(self) -> Steps:
        """GEN-INIT-10: mask, stop receiving, reset, wait for EEPROM and DMA engine; learn our address."""
        self.handle.write(RXCTRL, 0)
        self.handle.write(EIMC, ALL_CAUSES)
        yield self.handle.read(EICR)
        self.handle.write(CTRL, CTRL.RST.mask)
        yield from self.poll(CTRL, CTRL.RST.mask, 0)
        yield self.ndis.NdisMSleep(RESET_SETTLE_PS)
        yield from self.poll(EEC, EEC.ARD.mask, EEC.ARD.mask)
        self.handle.write(EIMC, ALL_CAUSES)
        yield from self.poll(RDRXCTL, RDRXCTL.DMAIDONE.mask, RDRXCTL.DMAIDONE.mask)
        self.mac = address_of_words((yield self.handle.read(RAL[0])), (yield self.handle.read(RAH[0])))
        self.switch.pools.forget()

    # pools and port ------------------------------------------------------------------------------------

    def configure_pools(self) -> Steps:
        """PF-INIT-12, SWITCH-04, ADV-13: pools of two queues, the PF's after the last VF's; loopback between them."""
        write, pool = self.handle.write, self.switch.default_pool
        virtual = POOLS_64 if self.pooled else 0
        write(GCR_EXT, GCR_EXT.VT_MODE.put(virtual) | GCR_EXT.MSIX_EN.mask)
        write(GPIE, GPIE.VT_MODE.put(virtual) | GPIE.MSIX_MODE.mask | GPIE.EIAME.mask | GPIE.PBA_SUPPORT.mask)
        if self.pooled:
            write(VT_CTL, VT_CTL.VT_ENA.mask | put_default_pool(pool) | VT_CTL.REPL_EN.mask)
            write(MRQC, MRQC.MRQE.put(MRQE_64_POOLS) | MRQC.MULTIPLE_RSS.put(self.settings.vf_rss))
            yield from self.set_tx_queues(MTQC_64_POOLS)
            write(PFDTXGSWC, PFDTXGSWC.LBE.mask)
            if self.settings.anti_spoofing:
                self.switch.pools.check_sources(self.switch.num_vfs)

    def leave_pools(self) -> Steps:
        """SWITCH-13, dynamic: the hardware is that of an ordinary NIC again."""
        self.handle.write(PFDTXGSWC, 0)
        self.handle.write(MRQC, 0)
        yield from self.set_tx_queues(0)
        self.handle.write(VT_CTL, 0)
        yield from self.configure_pools()

    def set_tx_queues(self, word: int) -> Steps:
        """MTQC changes only while the arbiter is off."""
        yield from self.handle.set_flags(RTTDCS, RTTDCS.ARBDIS.mask)
        self.handle.write(MTQC, word)
        yield from self.handle.clear_flags(RTTDCS, RTTDCS.ARBDIS.mask)

    def configure_port(self) -> Steps:
        """Frame size, CRC stripping, broadcast, multicast filter, VLAN filter."""
        write = self.handle.write
        write(MAXFRS, MAXFRS.MFS.put(self.settings.max_frame_bytes))
        if self.settings.max_frame_bytes > STANDARD_FRAME:
            yield from self.handle.set_flags(HLREG0, HLREG0.JUMBOEN.mask)
        yield from self.handle.set_flags(RDRXCTL, RDRXCTL.CRCSTRIP.mask)
        write(FCTRL, FCTRL.BAM.mask)
        write(MCSTCTRL, MCSTCTRL.MFE.mask)
        yield from self.handle.set_flags(VLNCTRL, VLNCTRL.VFE.mask)

    def open_default_pool(self) -> None:
        """SWITCH-05: drop policy of every queue so far; the PF's own pool has its address, and sends and receives."""
        pool, pools = self.switch.default_pool, self.switch.pools
        pools.last_pool = pool + self.switch.pf_vports
        for queue in range(QUEUES_PER_POOL * (pools.last_pool + 1)):
            self.handle.write(QDE, drop_policy(queue, self.settings.drop_without_descriptor))
        pools.write_pools(0, 1 << pool)
        pools.write_address(0, self.mac)
        pools.accept(pool, untagged=True)
        pools.start(pool)

    def close_default_pool(self) -> None:
        """The pool that was the PF's is somebody else's from here on: it neither sends, receives nor matches."""
        self.switch.pools.stop(self.switch.default_pool)
        self.switch.pools.accept_nothing(self.switch.default_pool)

    # rings and interrupts -------------------------------------------------------------------------------

    def allocate_rings(self) -> None:
        """GEN-INIT-08: the PF's own queue pair, in its own pool, if it is to carry traffic."""
        if self.settings.rings is None:
            return
        queue = QUEUES_PER_POOL * self.switch.default_pool
        self.pair = QueuePair(self, PF_TX, PF_RX, queue, QUEUE_VECTOR, self.settings.rings)
        self.pair.allocate()

    def open_data_path(self) -> Steps:
        """Transmit on; receive on behind the security block's handshake; then our own rings."""
        yield from self.handle.set_flags(DMATXCTL, DMATXCTL.TE.mask)
        yield from self.handle.set_flags(SECRXCTRL, SECRXCTRL.RX_DIS.mask)
        yield from self.poll(SECRXSTAT, SECRXSTAT.RDY.mask, SECRXSTAT.RDY.mask)
        self.handle.write(RXCTRL, RXCTRL.RXEN.mask)
        yield from self.handle.clear_flags(SECRXCTRL, SECRXCTRL.RX_DIS.mask)
        if self.pair is not None:
            self.pair.index = QUEUES_PER_POOL * self.switch.default_pool
            yield from self.pair.open()
            if self.settings.python_rings:
                self.rings = PythonRings(self.pair, self.ndis.NdisMIndicateReceiveNetBufferLists)

    def route_interrupts(self) -> Steps:
        """Our queue pair on one vector, mailbox and link on the other."""
        if self.pair is not None and not self.pair.settings.poll_ps:
            self.handle.write(IVAR[self.pair.index // 2], sum(
                (QUEUE_VECTOR | IVAR_VALID) << ivar_lsb(self.pair.index, transmit) for transmit in (False, True)))
        self.handle.write(IVAR_MISC, IVAR_MISC.OTHER.put(OTHER_VECTOR | IVAR_VALID))
        self.throttle()
        self.handle.write(EIAC, 1 << QUEUE_VECTOR)
        self.mailbox.listen()
        yield self.handle.read(EICR)
        self.handle.write(EIMS, 1 << QUEUE_VECTOR | EIMS.MAILBOX.mask | EIMS.LSC.mask)

    def moderation(self) -> list[tuple[Any, int]]:
        """The interval between two messages of our queue."""
        interval = self.switch.interval_ps(self.settings.itr_ps)
        return [(EITR[QUEUE_VECTOR], EITR.ITR_INT.put(itr_units(interval)))]

    def announce(self) -> Steps:
        """Tell every VF that the PF is ready for it."""
        yield from self.handle.set_flags(CTRL_EXT, CTRL_EXT.PFRSTD.mask | CTRL_EXT.DRV_LOAD.mask)

    def report_link(self) -> Steps:
        """The link as it is."""
        self.indicate_link(bool((yield self.handle.read(LINKS)) & LINKS.UP.mask))

    def restore_switch(self) -> None:
        """G-08: VPorts and filters as before; the VFs greet us again."""
        self.switch.restore()

    # falling silent -------------------------------------------------------------------------------------

    def mask_interrupts(self) -> None:
        """GEN-HALT-02: no message leaves any more."""
        self.handle.write(EIMC, ALL_CAUSES)

    def silence_vfs(self) -> Steps:
        """G-08: every VF is told, then neither sends nor receives until it has greeted again."""
        yield from self.mailbox.silence()
        for vf in self.switch.vfs:
            self.switch.pools.stop(vf)

    def drop_link(self) -> None:
        """G-08: the link is down while the adapter is away."""
        self.indicate_link(False)

    def stop_rings(self) -> None:
        """Our own rings post nothing more; what they held, the reset drops."""
        if self.pair is not None:
            self.pair.stop_agent()
            self.pair.is_open = False

    def stop_dma(self) -> None:
        """Neither descriptors nor payload move any more."""
        self.handle.write(RXCTRL, 0)
        self.handle.write(DMATXCTL, 0)
