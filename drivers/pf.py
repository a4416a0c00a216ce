"""The PF miniport: parent partition, static switch creation, and the adapter behind every VF.

`INITIALIZE` follows the seven steps of Microsoft's guidelines for a PF's MiniportInitializeEx; each step's
docstring begins with the rule ids it serves (datasheet.rules). Features and capabilities are in `pf_features`, the
switch is in `pf_switch`, the VFs' mailboxes in `pf_mailbox`. The driver sees NDIS, its handle and the datasheet, nothing
inside the device.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from drivers.miniport import MS, MiniportBase, StepList
from drivers.pf_features import PfFeatures
from drivers.pf_mailbox import PfMailbox
from drivers.pf_switch import QUEUES_PER_POOL, NicSwitch, drop_policy
from drivers.rings import ITR_UNIT_PS, PF_RX, PF_TX, PythonRings, QueuePair, RingSettings
from nicmodel.datasheet import ndis as n
from nicmodel.datasheet.ndis import Oid, PartitionType, RequestType, Status
from nicmodel.datasheet.ndis_structures import (
    AddDeviceRegistrationAttributes,
    made,
)
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
    HLREG0,
    IVAR,
    IVAR_MISC,
    LINKS,
    MAXFRS,
    MCSTCTRL,
    MRQC,
    MTQC,
    PFDTXGSWC,
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
)

Steps = Generator[Any, Any, Any]
QUEUE_VECTOR, OTHER_VECTOR = 0, 1
IVAR_VALID = 0x80
POOLS_64 = 3                            # GCR_EXT and GPIE VT_MODE: 64 pools of two queues
MRQE_64_POOLS, MTQC_64_POOLS = 0x8, 0x6
ALL_CAUSES = 0x7FFFFFFF
STANDARD_FRAME = 1518                   # bytes, FCS included
RESET_SETTLE_PS = 10 * MS               # the datasheet asks for 10 ms after a reset


@dataclass(frozen=True)
class PfSettings:
    """What a user chooses of the PF's driver.

    ``max_vfs`` is what the adapter supports (the PF keeps a pool). ``rings`` opens the PF's own queue pair
    for traffic; without it the PF only serves its VFs.
    """

    max_vfs: int = 63
    mac_slots: int = 128
    max_frame_bytes: int = 1518
    rings: RingSettings | None = None
    python_rings: bool = False
    itr_ps: int = 0
    link_gbps: int = 10
    drop_without_descriptor: bool = True


class PfMiniport(PfFeatures):
    """The PF's driver. It creates its switch statically, during initialisation."""

    switch_creation = "static"
    ROLE_OIDS = n.PF_OIDS

    def __init__(self, ndis: Any, handle: Any, settings: PfSettings | None = None):
        super().__init__(ndis, handle, settings or PfSettings())
        self.features: frozenset[str] = frozenset()
        self.switch = NicSwitch(self, 0, self.settings.mac_slots)
        self.mailbox = PfMailbox(self, self.switch)
        self.pair: QueuePair | None = None
        self.rings: PythonRings | None = None
        self._service: Any = None                # the running mailbox service, if any
        self._again = False                      # news came while it ran
        self._context = 0

    # DriverEntry and MiniportAddDevice -------------------------------------------------------------------

    def driver_entry(self) -> Status:
        """PF-INIT-01: optional PnP handlers are set from inside MiniportSetOptions."""
        return self.ndis.NdisMRegisterMiniportDriver(MajorNdisVersion=6, MinorNdisVersion=30,
                                                     SetOptionsHandler=self.set_options)

    def set_options(self) -> Status:
        """PF-INIT-01: we want MiniportAddDevice."""
        return self.ndis.NdisSetOptionalHandlers(AddDevice=self.add_device, RemoveDevice=self.remove_device)

    def add_device(self) -> Status:
        """PF-INIT-02, -03, -04: software only; the context goes to NDIS."""
        self._context = self.ndis.NdisAllocateMemory(64)
        return self.ndis.NdisMSetMiniportAttributes(made(AddDeviceRegistrationAttributes,
                                                         MiniportAddDeviceContext=self._context))

    def remove_device(self) -> None:
        """PF-INIT-04: undo MiniportAddDevice."""
        self.ndis.NdisFreeMemory(self._context)

    # MiniportInitializeEx ------------------------------------------------------------------------------

    def check_partition(self) -> Status:
        """PF-INIT-05, -06: a PF lives in the parent; without Hyper-V it is an ordinary NIC."""
        self.home = self.partition()
        return Status.FAILURE if self.home in (None, PartitionType.MS_HV_CHILD) else Status.SUCCESS

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
        low, high = (yield self.handle.read(RAL[0])), (yield self.handle.read(RAH[0]))
        self.mac = int.from_bytes((low | (high & 0xFFFF) << 32).to_bytes(8, "little")[:6], "big")

    def allocate_rings(self) -> None:
        """GEN-INIT-08: the PF's own queue pair, in its own pool, if it is to carry traffic."""
        if self.settings.rings is None:
            return
        queue = QUEUES_PER_POOL * self.switch.default_pool
        self.pair = QueuePair(self, PF_TX, PF_RX, queue, QUEUE_VECTOR, self.settings.rings)
        self.pair.allocate()
        if self.settings.python_rings:
            self.rings = PythonRings(self.pair, self.ndis.NdisMIndicateReceiveNetBufferLists)

    def register_interrupts(self) -> Steps:
        """GEN-INIT-09: one queue message and one for everything else."""
        return (yield from self.register_handlers([self.on_queue, self.on_other]))

    def configure_hardware(self) -> Steps:
        """PF-INIT-12: pools, queues, loopback and drop policy for the VFs that the keywords ask for."""
        write, pool = self.handle.write, self.switch.default_pool
        virtual = POOLS_64 if self.sriov else 0
        write(GCR_EXT, GCR_EXT.VT_MODE.put(virtual) | GCR_EXT.MSIX_EN.mask)
        write(GPIE, GPIE.VT_MODE.put(virtual) | GPIE.MSIX_MODE.mask | GPIE.EIAME.mask | GPIE.PBA_SUPPORT.mask)
        if self.sriov:
            write(VT_CTL, VT_CTL.VT_ENA.mask | VT_CTL.DEF_PL.put(pool & 0x3F)
                  | VT_CTL.DEF_PL_EXT.put(pool >> 6) | VT_CTL.REPL_EN.mask)
            write(MRQC, MRQC.MRQE.put(MRQE_64_POOLS))
            yield from self.handle.set_flags(RTTDCS, RTTDCS.ARBDIS.mask)
            write(MTQC, MTQC_64_POOLS)
            yield from self.handle.clear_flags(RTTDCS, RTTDCS.ARBDIS.mask)
            write(PFDTXGSWC, PFDTXGSWC.LBE.mask)
        write(MAXFRS, MAXFRS.MFS.put(self.settings.max_frame_bytes))
        if self.settings.max_frame_bytes > STANDARD_FRAME:
            yield from self.handle.set_flags(HLREG0, HLREG0.JUMBOEN.mask)
        yield from self.handle.set_flags(RDRXCTL, RDRXCTL.CRCSTRIP.mask)
        write(FCTRL, FCTRL.BAM.mask)
        write(MCSTCTRL, MCSTCTRL.MFE.mask)
        yield from self.handle.set_flags(VLNCTRL, VLNCTRL.VFE.mask)
        for queue in range(QUEUES_PER_POOL * (pool + 1)):
            write(QDE, drop_policy(queue, self.settings.drop_without_descriptor))
        self.switch.write_pools(0, 1 << pool)
        self.switch.write_address(0, self.mac)
        self.switch.accept(pool)
        self.switch.start_pool(pool)

    def create_nic_switch(self) -> Steps:
        """PF-INIT-12, SWITCH-08: only now, with the hardware configured, do the VFs appear."""
        if not self.sriov or not self.switch.num_vfs:
            return Status.SUCCESS
        status = yield from self.ndis.NdisMEnableVirtualization(self.switch.num_vfs, True)
        if status == Status.SUCCESS:
            self.hold(lambda: self.ndis.NdisMEnableVirtualization(0, False))
        return status

    INITIALIZE: StepList = (
        check_partition,
        PfFeatures.read_configuration,
        PfFeatures.decide_features,
        MiniportBase.set_registration_attributes,
        MiniportBase.obtain_resources,
        reset_adapter,
        MiniportBase.set_general_attributes,
        PfFeatures.report_capabilities,
        MiniportBase.register_dma,
        allocate_rings,
        register_interrupts,
        configure_hardware,
        create_nic_switch,
    )

    # MiniportRestart -----------------------------------------------------------------------------------

    def open_data_path(self) -> Steps:
        """Transmit on; receive on behind the security block's handshake; then our own rings."""
        yield from self.handle.set_flags(DMATXCTL, DMATXCTL.TE.mask)
        yield from self.handle.set_flags(SECRXCTRL, SECRXCTRL.RX_DIS.mask)
        yield from self.poll(SECRXSTAT, SECRXSTAT.RDY.mask, SECRXSTAT.RDY.mask)
        self.handle.write(RXCTRL, RXCTRL.RXEN.mask)
        yield from self.handle.clear_flags(SECRXCTRL, SECRXCTRL.RX_DIS.mask)
        if self.pair is not None:
            yield from self.pair.open()

    def route_interrupts(self) -> Steps:
        """Our queue pair on one vector, mailbox and link on the other."""
        valid = QUEUE_VECTOR | IVAR_VALID
        if self.pair is not None:
            self.handle.write(IVAR[self.pair.index // 2], (valid | valid << 8) << 16 * (self.pair.index % 2))
        self.handle.write(IVAR_MISC, (OTHER_VECTOR | IVAR_VALID) << 8)
        self.handle.write(EITR[QUEUE_VECTOR], EITR.ITR_INT.put(self.settings.itr_ps // ITR_UNIT_PS & 0x1FF))
        self.handle.write(EIAC, 1 << QUEUE_VECTOR)
        self.mailbox.listen()
        yield self.handle.read(EICR)
        self.handle.write(EIMS, 1 << QUEUE_VECTOR | EIMS.MAILBOX.mask)

    def announce(self) -> Steps:
        """Tell every VF that the PF is ready for it."""
        yield from self.handle.set_flags(CTRL_EXT, CTRL_EXT.PFRSTD.mask | CTRL_EXT.DRV_LOAD.mask)

    def report_link(self) -> Steps:
        """The link as it is."""
        self.indicate_link(bool((yield self.handle.read(LINKS)) & LINKS.UP.mask))

    RESTART: StepList = (open_data_path, route_interrupts, announce, report_link)

    # interrupts ----------------------------------------------------------------------------------------

    def on_queue(self, vector: int) -> None:
        """Rings that Python runs are served here."""
        if self.rings is not None and self.packet_filter:
            self.rings.interrupt()

    def on_other(self, vector: int) -> None:
        """Serve the mailboxes; news that come meanwhile make one more round."""
        self._again = True
        if self.switch.created and self._service is None:
            self._service = self.ndis.env.process(self._serve())

    def _serve(self) -> Steps:
        while self._again:
            self._again = False
            self.handle.write(EICR, EICR.MAILBOX.mask)            # news from here on send another message
            yield from self.mailbox.service()
        self._service = None

    def reset_function(self, vf: int) -> None:
        """Close the queues of a VF, whose guest is gone."""
        for queue in range(QUEUES_PER_POOL * vf, QUEUES_PER_POOL * (vf + 1)):
            self.handle.write(PF_TX.control[queue], PF_TX.control.SWFLSH.mask)
            self.handle.write(PF_RX.control[queue], 0)
        self.mailbox.forget(vf)

    # requests, pause, halt -----------------------------------------------------------------------------

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status:
        """OID-02, OID-07, GEN-OID-03: one row a request; SR-IOV requests only while SR-IOV is enabled."""
        handler = OIDS.get((kind, oid))
        if handler is None:
            return self.common_request(kind, oid)
        if oid in n.PF_OIDS and not self.sriov:
            return Status.NOT_SUPPORTED
        return handler(self, buffer)

    def set_packet_filter(self, mask: int) -> Status:
        """Our own traffic flows from the first filter that is not empty."""
        opening, closing = mask and not self.packet_filter, self.packet_filter and not mask
        self.packet_filter = mask
        if self.pair is not None and opening:
            if self.rings is not None:
                self.rings.start()
            else:
                self.pair.start_agent()
        elif self.pair is not None and closing:
            self.pair.stop_agent()
        return Status.SUCCESS

    def pause(self) -> Steps:
        """GEN-STATE-02: our own rings stop; the VFs' do not."""
        self.set_packet_filter(0)
        if self.pair is not None:
            yield from self.pair.close()

    def halt(self) -> Steps:
        """HALT-PF-03, GEN-HALT-02: interrupts off, then everything back in reverse order, the VFs first."""
        self.handle.write(EIMC, ALL_CAUSES)
        yield from self.handle.clear_flags(CTRL_EXT, CTRL_EXT.DRV_LOAD.mask)
        yield from self.release()


OIDS: dict[tuple[RequestType, Oid], Callable[[PfMiniport, Any], Status]] = {
    (RequestType.SET, Oid.GEN_CURRENT_PACKET_FILTER): PfMiniport.set_packet_filter,
    (RequestType.METHOD, Oid.NIC_SWITCH_CREATE_SWITCH): lambda pf, b: pf.switch.create(b),
    (RequestType.SET, Oid.NIC_SWITCH_DELETE_SWITCH): lambda pf, b: pf.switch.delete(b.SwitchId),
    (RequestType.METHOD, Oid.NIC_SWITCH_ALLOCATE_VF): lambda pf, b: pf.switch.allocate_vf(b),
    (RequestType.SET, Oid.NIC_SWITCH_FREE_VF): lambda pf, b: pf.switch.free_vf(b.VFId),
    (RequestType.METHOD, Oid.NIC_SWITCH_CREATE_VPORT): lambda pf, b: pf.switch.create_vport(b),
    (RequestType.SET, Oid.NIC_SWITCH_DELETE_VPORT): lambda pf, b: pf.switch.delete_vport(b.VPortId),
    (RequestType.METHOD, Oid.RECEIVE_FILTER_SET_FILTER): lambda pf, b: pf.switch.set_filter(b),
    (RequestType.SET, Oid.RECEIVE_FILTER_MOVE_FILTER):
        lambda pf, b: pf.switch.move_filter(b.FilterId, b.SourceVPortId, b.DestVPortId),
    (RequestType.SET, Oid.RECEIVE_FILTER_CLEAR_FILTER): lambda pf, b: pf.switch.clear_filter(b.FilterId),
    (RequestType.SET, Oid.SRIOV_RESET_VF): lambda pf, b: pf.switch.reset_vf(b.VFId),
}
"""The requests served so far; the others of the PF's list answer NOT_SUPPORTED."""
