"""The VF miniport: `INITIALIZE` reads like Microsoft's page "Initializing a VF Miniport Driver".

Each step's docstring begins with the ids of the rules it serves (datasheet.rules). Initialisation resets
the function, learns its address from the PF over the mailbox and reports what it is; `RESTART` opens the
queues; the packet filter starts the traffic. Steps that touch registers are in `vf_hardware`, the mailbox is in
`vf_mailbox`, the back channel in `vf_blocks`. The driver sees NDIS, its handle and the datasheet, nothing inside the device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import pointer
from dataclasses import dataclass
from typing import Any

from drivers.miniport import POLL_PS, MiniportBase, StepList
from drivers.rings import VF_RX, VF_TX, PythonRings, QueuePair, RingSettings
from drivers.vf_blocks import VfBlocks
from drivers.vf_frames import VfFrames
from drivers.vf_hardware import QUEUES, VfHardware
from drivers.vf_mailbox import VfMailbox
from drivers.vf_rss import VfRss
from nicmodel.datasheet.ethernet import STANDARD_FRAME
from nicmodel.datasheet.ndis import (
    RSS_OIDS,
    SURPRISE_REMOVED,
    VF_OIDS,
    VF_SRIOV_CAPABILITIES,
    Oid,
    PartitionType,
    PowerState,
    RequestType,
    Status,
)
from nicmodel.datasheet.ndis_structures import (
    GeneralAttributes,
    HardwareAssistAttributes,
    ReceiveScaleCapabilities,
    SriovCapabilitiesStructure,
    made,
)
from nicmodel.datasheet.registers_vf import VFLINKS
from nicmodel.pcie.handle import Steps
from nicmodel.sim.errors import DriverFault

SET, METHOD = RequestType.SET, RequestType.METHOD
KEYWORDS = ("*JumboPacket", "*InterruptModeration")


@dataclass(frozen=True)
class VfSettings:
    """What a user chooses of a VF's driver. ``rings`` holds one row a queue pair, two at most."""

    rings: Sequence[RingSettings] = (RingSettings(),)
    itr_ps: int = 0                      # interrupt throttle, rounded down to 2.048 us; 0: none
    max_frame_bytes: int = STANDARD_FRAME    # FCS and a tag included
    link_gbps: int = 10
    python_rings: bool = False           # keep the rings here: `send` and `on_receive`
    rss_entries: int = 0                 # of the device's indirection table; 0: it has none of its own


class VfMiniport(VfFrames):
    """One VF's driver. ``switch_creation`` of a VF is none: it never touches the switch."""

    ROLE_OIDS: tuple[Oid, ...] = VF_OIDS

    def __init__(self, ndis: Any, handle: Any, settings: VfSettings | None = None):
        super().__init__(ndis, handle, settings or VfSettings())
        self.mailbox = VfMailbox(self)
        self.blocks = VfBlocks(self)
        self.rss = VfRss(self)
        self.pairs: list[QueuePair] = []
        self.rings: list[PythonRings] = []
        self.recovering = False                  # the PF is away, or we greet it again
        self.paused = False                      # from MiniportPause until the next MiniportRestart
        self.unheard = False                     # news of the PF came meanwhile
        self.resets = 0                          # resets that we have come through

    # MiniportInitializeEx ------------------------------------------------------------------------------

    def check_partition(self) -> Status:
        """VF-INIT-02, -03, -04, -05, -06, -27: come up only in a Hyper-V child partition."""
        return Status.SUCCESS if self.partition() is PartitionType.MS_HV_CHILD else Status.FAILURE

    def read_configuration(self) -> Status:
        """GEN-INIT-02, VF-INIT-07: our own keywords, none of SR-IOV's."""
        return self.read_keywords(*KEYWORDS)

    def hold_silence(self) -> None:
        """GEN-INIT-12, GEN-HALT-02: whatever follows, our function ends up reset."""
        self.hold(self.silence)

    def rss_capabilities(self) -> ReceiveScaleCapabilities | None:
        """ADV-24, -25: receive side scaling over the queues of our VPort, where it has two at least."""
        return self.rss.capabilities()

    def supported_oids(self) -> list[Oid]:
        """GEN-INIT-14, VF-INIT-18, ADV-24: who offers RSS serves the request that sets it."""
        return [*super().supported_oids(), *(RSS_OIDS if self.rss_capabilities() is not None else ())]

    def general_attributes(self) -> GeneralAttributes:
        """VF-INIT-17: what every miniport says of itself, and RSS if we offer it."""
        attributes = super().general_attributes()
        if (capabilities := self.rss_capabilities()) is not None:
            attributes.RecvScaleCapabilities = pointer(capabilities)
        return attributes

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
        for index, settings in enumerate(self.settings.rings[:min(QUEUES, self.granted_queues)]):
            pair = QueuePair(self, VF_TX, VF_RX, index, index, settings)
            pair.allocate()
            self.pairs.append(pair)

    def register_interrupts(self) -> Steps:
        """GEN-INIT-09: two queue messages and the mailbox's; all they touch exists by now."""
        return (yield from self.register_handlers([self.on_queue, self.on_queue, self.on_mailbox]))

    def read_blocks(self) -> Steps:
        """VF-INIT-20, BACKCH-01: what the PF has for us, if there is a back channel."""
        yield from self.blocks.read()

    INITIALIZE: StepList = (
        check_partition,
        read_configuration,
        MiniportBase.set_registration_attributes,
        MiniportBase.obtain_resources,
        hold_silence,
        VfHardware.reset_function,
        VfHardware.greet_the_pf,
        MiniportBase.set_general_attributes,
        report_sriov_capabilities,
        MiniportBase.register_dma,
        allocate_rings,
        register_interrupts,
        read_blocks,
        VfHardware.self_test,
    )

    # MiniportRestart and MiniportPause -----------------------------------------------------------------

    def scale_again(self) -> None:
        """GEN-RESET-01, POWER-04: a reset has taken RSS from the hardware; what was set last holds again."""
        if self.rss.setting is not None:
            self.rss.program()

    RESTART: StepList = (VfHardware.set_max_frame, VfHardware.open_rings, scale_again, VfHardware.route_interrupts,
                         VfHardware.report_link)

    def restart(self) -> Steps:
        """The data path opens: every step of RESTART in order, after a PF that has been away meanwhile was greeted again."""
        if self.unheard and not (yield from self.mailbox.hear()):
            status = yield from self.run(self.WAKE)
            if status != Status.SUCCESS:
                return status
        status = yield from super().restart()
        self.running = status == Status.SUCCESS
        if self.running:
            self.paused = self.unheard = False
        return status

    def pause(self) -> Steps:
        """GEN-STATE-02: stop posting, let the hardware send what it has, close the queues. A recovery ends first."""
        self.running, self.paused = False, True
        while self.recovering:
            self.unheard = True
            yield self.ndis.NdisMSleep(POLL_PS)
        self.stop_data()
        yield from self.finish_frames()
        self.packet_filter = 0
        for pair in self.pairs:
            yield from pair.drain()
            yield from pair.close()

    # requests ------------------------------------------------------------------------------------------

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status | Steps:
        """OID-04, GEN-OID-03, -04: our own requests; a PF's are refused without effect, all once the device has gone."""
        if self.gone:
            return Status.NOT_ACCEPTED
        if (kind, oid) == (SET, Oid.GEN_CURRENT_PACKET_FILTER):
            return self.set_packet_filter(buffer)
        if (kind, oid) == (METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK):
            return self.blocks.invalidate(getattr(buffer, "BlockMask", 0))
        if (kind, oid) == (SET, Oid.PNP_SET_POWER):
            return self.set_power(buffer)
        if (kind, oid) == (SET, Oid.GEN_RECEIVE_SCALE_PARAMETERS):
            return self.rss.set(buffer)
        return self.common_request(kind, oid, buffer)

    def set_packet_filter(self, mask: int) -> Status:
        """Traffic flows from the first filter that is not empty, and stops with an empty one."""
        opening = bool(mask) and not self.packet_filter
        closing = bool(self.packet_filter) and not mask
        self.packet_filter = mask
        if opening and not self.recovering:
            self.start_data()
        elif closing:
            self.stop_data()
        return Status.SUCCESS

    def start_data(self) -> None:
        """VF-INIT-24: rings go to their agents, or start here."""
        if self.settings.python_rings:
            self.rings = [PythonRings(pair, self.indicate, lambda lists: self.complete_sends(lists, Status.SUCCESS))
                          for pair in self.pairs]
            for rings in self.rings:
                rings.start()
        else:
            for pair in self.pairs:
                pair.start_agent()

    def stop_data(self) -> None:
        """Nothing more is posted."""
        for pair in self.pairs:
            pair.stop_agent()

    # power, reset, shutdown, removal, halt ---------------------------------------------------------------

    WAKE: StepList = (VfHardware.reset_function, VfHardware.greet_the_pf)
    RESET: StepList = (VfHardware.forget_rings, VfFrames.abort_sends, *WAKE)
    RECOVER: StepList = (VfHardware.forget_rings, VfFrames.abort_sends, VfHardware.wait_for_pf, *WAKE)

    def set_power(self, state: int) -> Status | Steps:
        """POWER-04: NDIS has paused us. Low power resets our function; full power greets the PF again, then NDIS restarts us."""
        if state not in (PowerState.D0, PowerState.D3):
            return Status.NOT_SUPPORTED                  # the device knows neither D1 nor D2
        return self._sleep() if state == PowerState.D3 else self.run(self.WAKE)

    def _sleep(self) -> Steps:
        yield from self.silence()
        return Status.SUCCESS

    def reset(self) -> Steps:
        """GEN-RESET-01: MiniportResetEx. Our function alone is reset; if it ran, it runs again. NDIS need not set filters."""
        status = yield from self._again(self.RESET)
        if status == Status.HARD_ERRORS and self.running:
            self.ndis.env.process(self._recover())
        return status

    def _again(self, steps: StepList) -> Steps:
        """Come back through these steps, and to where we were if we ran; HARD_ERRORS if it cannot be."""
        if self.recovering:
            return Status.RESET_IN_PROGRESS
        self.recovering = True
        try:
            status = yield from self.run(steps)
            if status == Status.SUCCESS and self.running:
                status = yield from self.run(self.RESTART)
        except DriverFault as fault:
            self.ndis.NdisWriteErrorLogEntry(str(fault))
            status = Status.FAILURE
        finally:
            self.recovering = False
        if status != Status.SUCCESS:
            return Status.HARD_ERRORS
        self.resets += 1
        if self.running and self.packet_filter:
            self.start_data()
        return Status.SUCCESS

    def shutdown(self) -> None:
        """MiniportShutdownEx: no interrupt, no DMA; nothing is given back, nothing waited for."""
        self.mask_interrupts()
        self.stop_queues()

    def device_pnp_event(self, event: str) -> None:
        """GEN-OID-04, PATH-06: the device is gone. No request is accepted and no register touched from here on."""
        self.gone = event == SURPRISE_REMOVED
        if self.gone:
            self.forget_rings()
            self.abort_sends(Status.FAILURE)

    def halt(self) -> Steps:
        """GEN-HALT-02, -03, HALT-VF-01: interrupts off first, then everything back in reverse order."""
        self.halting = True
        if not self.gone:
            self.mask_interrupts()
        yield from self.release()

    # interrupts ----------------------------------------------------------------------------------------

    def on_queue(self, vector: int) -> None:
        """Rings that Python runs are served here; those of an agent never interrupt us."""
        if self.packet_filter and vector < len(self.rings):
            self.rings[vector].interrupt()

    def on_mailbox(self, vector: int) -> None:
        """News of the PF, for later if we are paused; a conversation under way polls for itself."""
        if self.mailbox.busy or self.recovering:
            return
        if self.running:
            self.ndis.env.process(self.attend(self._hear()))
        elif self.paused:
            self.unheard = True

    def _hear(self) -> Steps:
        """RESET-07, G-08: a PF that no longer clears us to send is going away; we come back after it."""
        cleared = yield from self.mailbox.hear()
        if self.gone:
            return
        if cleared:
            self.follow_link(bool((yield self.handle.read(VFLINKS)) & VFLINKS.UP.mask))
        else:
            self.follow_link(False)
        if not cleared and self.running and not self.recovering:
            yield from self._recover()

    def _recover(self) -> Steps:
        """RESET-07, G-08: back to work once the PF is there again, whenever that is, and however often it goes."""
        while self.running and not self.gone and not self.recovering:
            if (yield from self._again(self.RECOVER)) == Status.SUCCESS:
                return

    # frames --------------------------------------------------------------------------------------------

    def send(self, frames: list[bytes]) -> int:
        """Send frames (without FCS) on the first queue; returns how many were accepted: 0 without a packet filter, and while it
        recovers from a reset.

        Only with `python_rings`: where agents run the rings, none is accepted.
        """
        return self.rings[0].send(frames) if self.rings and self.packet_filter and not self.recovering else 0

    def on_receive(self, callback: Callable[[list[bytes]], None]) -> None:
        """Deliver received frames to ``callback``, in order, several at a time; an earlier callback hears no more.

        Only with `python_rings`. The bytes are without FCS.
        """
        self.ndis.receive_handler = callback
