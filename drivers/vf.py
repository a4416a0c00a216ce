"""The VF miniport: `INITIALIZE` reads like Microsoft's page "Initializing a VF Miniport Driver".

Each step's docstring begins with the ids of the rules it serves (datasheet.rules). Initialisation resets
the function, learns its address from the PF over the mailbox and reports what it is; `RESTART` opens the
queues; the packet filter starts the traffic. The driver sees NDIS, its handle and the datasheet, nothing
inside the device.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from ctypes import pointer
from dataclasses import dataclass
from typing import Any

from drivers.miniport import MiniportBase, StepList
from drivers.rings import ITR_UNIT_PS, VF_RX, VF_TX, PythonRings, QueuePair, RingSettings
from drivers.vf_mailbox import VfMailbox
from nicmodel.datasheet.mailbox import API_VERSIONS, Message
from nicmodel.datasheet.ndis import VF_OIDS, VF_SRIOV_CAPABILITIES, Oid, PartitionType, RequestType, Status
from nicmodel.datasheet.ndis_structures import HardwareAssistAttributes, SriovCapabilitiesStructure, made
from nicmodel.datasheet.registers_vf import (
    VFCTRL,
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

Steps = Generator[Any, Any, Any]
KEYWORDS = ("*JumboPacket", "*InterruptModeration")
MAILBOX_VECTOR = 2                       # vectors 0 and 1 serve queues
ALL_VECTORS = 0x7
IVAR_VALID = 0x80


@dataclass(frozen=True)
class VfSettings:
    """What a user chooses of a VF's driver. ``rings`` holds one row a queue pair, two at most."""

    rings: Sequence[RingSettings] = (RingSettings(),)
    itr_ps: int = 0                      # interrupt throttle, rounded down to 2.048 us; 0: none
    max_frame_bytes: int = 1518          # FCS included, a tag excluded
    link_gbps: int = 10
    python_rings: bool = False           # keep the rings here: `send` and `on_receive`


class VfMiniport(MiniportBase):
    """One VF's driver. ``switch_creation`` of a VF is none: it never touches the switch."""

    ROLE_OIDS: tuple[Oid, ...] = VF_OIDS

    def __init__(self, ndis: Any, handle: Any, settings: VfSettings | None = None):
        super().__init__(ndis, handle, settings or VfSettings())
        self.mailbox = VfMailbox(self)
        self.api = 0
        self.granted_queues = 1
        self.pairs: list[QueuePair] = []
        self.rings: list[PythonRings] = []
        self._receivers: list[Callable[[list[bytes]], None]] = []

    # MiniportInitializeEx ------------------------------------------------------------------------------

    def check_partition(self) -> Status:
        """VF-INIT-02, -03, -04, -05, -06, -27: come up only in a Hyper-V child partition."""
        return Status.SUCCESS if self.partition() is PartitionType.MS_HV_CHILD else Status.FAILURE

    def read_configuration(self) -> Status:
        """GEN-INIT-02, VF-INIT-07: our own keywords, none of SR-IOV's."""
        return self.read_keywords(*KEYWORDS)

    def reset_function(self) -> Steps:
        """VF-INIT-22: mask, stop and reset this function alone; then wait for the PF's driver."""
        self.handle.write(VTEIMC, ALL_VECTORS)
        yield self.handle.read(VTEICR)
        for queue in range(2):
            self.handle.write(VFTXDCTL[queue], VFTXDCTL.SWFLSH.mask)
            yield from self.handle.clear_flags(VFRXDCTL[queue], VFRXDCTL.ENABLE.mask)
        self.handle.write(VFPSRTYPE, 0)
        self.handle.write(VFCTRL, VFCTRL.RST.mask)
        self.hold(self._silence)
        yield from self.mailbox.wait_reset_done()

    def greet_the_pf(self) -> Steps:
        """VF-INIT-22: the PF gives us our address and queues; we ask over the mailbox."""
        accepted, words = yield from self.mailbox.request(Message.RESET, answer=3)
        if not accepted:
            return Status.FAILURE
        self.mac = int.from_bytes((words[0] | words[1] << 32).to_bytes(8, "little")[:6], "big")
        for version in API_VERSIONS:
            accepted, _ = yield from self.mailbox.request(Message.API_NEGOTIATE, [version])
            if accepted:
                self.api = version
                break
        accepted, words = yield from self.mailbox.request(Message.GET_QUEUES, [0, 0, 0, 0])
        if accepted:
            self.granted_queues = min(words[0], words[1])
        return Status.SUCCESS

    def report_sriov_capabilities(self) -> Status:
        """VF-INIT-09, -10, -11, -12, -13, -14, -15, -16: flags 0x5, both pointers, nothing of the switch."""
        attributes = self.hardware_assist_attributes()
        return self.ndis.NdisMSetMiniportAttributes(attributes)

    def sriov_capabilities(self) -> SriovCapabilitiesStructure:
        """VF-INIT-09, -10, -11: SRIOV_SUPPORTED and VF_MINIPORT, Flags 0."""
        return made(SriovCapabilitiesStructure, SriovCapabilities=VF_SRIOV_CAPABILITIES)

    def hardware_assist_attributes(self) -> HardwareAssistAttributes:
        """VF-INIT-12, -13, -14, -15: one structure, two pointers; switch and filter pointers stay NULL."""
        capabilities = pointer(self.sriov_capabilities())
        return made(HardwareAssistAttributes, HardwareSriovCapabilities=capabilities,
                    CurrentSriovCapabilities=capabilities)

    def allocate_rings(self) -> None:
        """GEN-INIT-08: shared memory, after DMA was registered."""
        for index, settings in enumerate(self.settings.rings[:min(2, self.granted_queues)]):
            pair = QueuePair(self, VF_TX, VF_RX, index, index, settings)
            pair.allocate()
            self.pairs.append(pair)
            if self.settings.python_rings:
                self.rings.append(PythonRings(pair, self.ndis.NdisMIndicateReceiveNetBufferLists))

    def register_interrupts(self) -> Steps:
        """GEN-INIT-09: two queue messages and the mailbox's; all they touch exists by now."""
        return (yield from self.register_handlers([self.on_queue, self.on_queue, self.on_mailbox]))

    def self_test(self) -> Steps:
        """GEN-INIT-10: the reset is over and interrupts are masked, as we left them."""
        mask = yield self.handle.read(VTEIMS)
        return Status.FAILURE if mask & ALL_VECTORS else Status.SUCCESS

    INITIALIZE: StepList = (
        check_partition,
        read_configuration,
        MiniportBase.set_registration_attributes,
        MiniportBase.obtain_resources,
        reset_function,
        greet_the_pf,
        MiniportBase.set_general_attributes,
        report_sriov_capabilities,
        MiniportBase.register_dma,
        allocate_rings,
        register_interrupts,
        self_test,
    )

    # MiniportRestart -----------------------------------------------------------------------------------

    def set_max_frame(self) -> Steps:
        """The PF enables our receive path again once it knows the frame size."""
        accepted, _ = yield from self.mailbox.request(Message.SET_LPE, [self.settings.max_frame_bytes])
        return Status.SUCCESS if accepted else Status.FAILURE

    def open_rings(self) -> Steps:
        """VF-INIT-24: program and enable the queues; nothing is posted yet."""
        for pair in self.pairs:
            yield from pair.open()

    def route_interrupts(self) -> None:
        """Queue i raises vector i, the mailbox its own; causes clear themselves when a message leaves."""
        vectors = 0
        for pair in self.pairs:
            byte = 16 * (pair.index & 1)
            valid = (pair.vector | IVAR_VALID) << byte | (pair.vector | IVAR_VALID) << (byte + 8)
            vectors |= valid
            self.handle.write(VTEITR[pair.vector], (self.settings.itr_ps // ITR_UNIT_PS & 0x1FF) << 3)
        self.handle.write(VTIVAR[0], vectors)
        self.handle.write(VTIVAR_MISC, MAILBOX_VECTOR | IVAR_VALID)
        self.handle.write(VTEIAC, ALL_VECTORS)
        self.handle.write(VTEIAM, 0)
        self.handle.write(VTEIMS, ALL_VECTORS)

    def report_link(self) -> Steps:
        """VF-INIT-25: connected only now that both rings are enabled."""
        links = yield self.handle.read(VFLINKS)
        self.indicate_link(bool(links & VFLINKS.UP.mask))

    RESTART: StepList = (set_max_frame, open_rings, route_interrupts, report_link)

    # requests, pause, halt -----------------------------------------------------------------------------

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status:
        """OID-04, GEN-OID-03: our own requests; a PF's are refused without effect."""
        if (kind, oid) == (RequestType.SET, Oid.GEN_CURRENT_PACKET_FILTER):
            return self.set_packet_filter(buffer)
        if (kind, oid) == (RequestType.METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK):
            return Status.SUCCESS              # no block is cached, so nothing goes stale
        return self.common_request(kind, oid)

    def set_packet_filter(self, mask: int) -> Status:
        """Traffic flows from the first filter that is not empty."""
        opening = bool(mask) and not self.packet_filter
        closing = bool(self.packet_filter) and not mask
        self.packet_filter = mask
        if opening:
            self.start_data()
        elif closing:
            self.stop_data()
        return Status.SUCCESS

    def start_data(self) -> None:
        """VF-INIT-24: rings go to their agents, or start here."""
        if self.settings.python_rings:
            for rings in self.rings:
                rings.start()
        else:
            for pair in self.pairs:
                pair.start_agent()

    def stop_data(self) -> None:
        """Nothing more is posted."""
        for pair in self.pairs:
            pair.stop_agent()

    def pause(self) -> Steps:
        """GEN-STATE-02: stop posting, let the hardware finish, close the queues."""
        self.stop_data()
        self.packet_filter = 0
        for pair in self.pairs:
            yield from pair.close()

    def halt(self) -> Steps:
        """GEN-HALT-02, HALT-VF-01: interrupts off first, then everything back in reverse order."""
        self.handle.write(VTEIMC, ALL_VECTORS)
        yield from self.release()

    def _silence(self) -> Steps:
        self.handle.write(VTEIMC, ALL_VECTORS)
        self.handle.write(VFCTRL, VFCTRL.RST.mask)
        yield self.handle.read(VTEICR)

    # interrupts ----------------------------------------------------------------------------------------

    def on_queue(self, vector: int) -> None:
        """Rings that Python runs are served here; those of an agent never interrupt us."""
        if self.packet_filter and vector < len(self.rings):
            self.rings[vector].interrupt()

    def on_mailbox(self, vector: int) -> None:
        """News of the PF; a conversation under way polls for itself."""
        if self.packet_filter and not self.mailbox.busy:
            self.ndis.env.process(self._hear())

    def _hear(self) -> Steps:
        cleared = yield from self.mailbox.hear()
        self.indicate_link(cleared)

    # frames --------------------------------------------------------------------------------------------

    def send(self, frames: list[bytes]) -> int:
        """Send frames (without FCS) on the first queue; returns how many were accepted, 0 unless running."""
        return self.rings[0].send(frames) if self.rings and self.packet_filter else 0

    def on_receive(self, callback: Callable[[list[bytes]], None]) -> None:
        """Deliver received frames to ``callback``, in order, several at a time."""
        self.ndis.receive_handler = callback
