"""What PF and VF miniports share: running a literal list of steps, the generic steps, polling, undoing.

A step is a method; it may be a generator. It returns None to go on or a failing Status to stop. Whatever a
step takes it registers with `hold`, so that a failing start and a halt give it back in reverse order. This
file knows NDIS and the handle's verbs; registers and rings belong to the drivers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ctypes import c_uint32
from inspect import isgenerator
from typing import Any

from drivers.general import QUERIES, SETS, answer
from nicmodel.datasheet.ethernet import MAC_BYTES
from nicmodel.datasheet.mailbox import MAX_HASHES
from nicmodel.datasheet.ndis import (
    ATTRIBUTE_BUS_MASTER,
    INITIALIZE_STATUSES,
    INTERFACE_PCI,
    MANDATORY_OIDS,
    PACKET_FILTER_BROADCAST,
    PACKET_FILTER_DIRECTED,
    PACKET_FILTER_MULTICAST,
    STATUS_LINK_STATE,
    MediaConnectState,
    Oid,
    PartitionType,
    RequestType,
    Status,
)
from nicmodel.datasheet.ndis_structures import (
    GeneralAttributes,
    HypervisorInfo,
    RegistrationAttributes,
    address,
    made,
)
from nicmodel.pcie.handle import Steps
from nicmodel.sim.errors import DriverFault

US, MS = 1_000_000, 1_000_000_000         # ps
StepList = tuple[Callable[..., Any], ...]
KNOWN_OIDS = frozenset(Oid)
POLL_PS = 10 * US                          # spacing of register polls
POLL_TIMEOUT_PS = 1000 * MS                # 2000 x 500 us, as the drivers of this family wait


class MiniportBase:
    """A miniport whose start is a list of steps. A subclass gives `INITIALIZE`, `RESTART`, `pause`, `halt` and `oid_request`.

    ``settings`` are its own; steps and requests here read `link_gbps`, `max_frame_bytes` and `rings` of them. A step of the
    subclass finds `mac` out before `set_general_attributes` tells it.
    """

    switch_creation = "none"
    circumstances: Any = None              # where a driver made for tests wants to run
    INITIALIZE: StepList = ()
    RESTART: StepList = ()
    ROLE_OIDS: tuple[Oid, ...] = ()
    COUNTERS: tuple[Any, Any]              # registers that count frames received and sent
    COUNTERS_CLEAR = False                 # whether reading clears them
    gone = False                           # removed by surprise: no register is there any more
    halting = False                        # MiniportHaltEx has begun: registers are given back

    def __init__(self, ndis: Any, handle: Any, settings: Any):
        self.ndis, self.handle, self.settings = ndis, handle, settings
        self.configuration: dict[str, Any] = {}
        self.mac = 0
        self.packet_filter = 0
        self.moderated = True              # interrupts are throttled as the settings ask for
        self._counted = [0, 0]
        self._undo: list[Callable[[], Any]] = []

    # entry points ------------------------------------------------------------------------------------

    def driver_entry(self) -> Status:
        """GEN-DRV-01, -02: register the characteristics; return what the registration returned."""
        return self.ndis.NdisMRegisterMiniportDriver(MajorNdisVersion=6, MinorNdisVersion=30)

    def initialize(self) -> Steps:
        """GEN-INIT-11, -12, VF-INIT-23: every step in order; the first failure undoes what was done."""
        try:
            status = yield from self.run(self.INITIALIZE)
        except DriverFault as fault:
            self.ndis.NdisWriteErrorLogEntry(str(fault))
            status = Status.FAILURE
        if status != Status.SUCCESS:
            yield from self.release()
        return status if status in INITIALIZE_STATUSES else Status.FAILURE

    def restart(self) -> Steps:
        """The data path opens: every step of RESTART in order. Returns the first failing status, or SUCCESS."""
        return (yield from self.run(self.RESTART))

    # running, holding, waiting -------------------------------------------------------------------------

    def run(self, steps: Iterable[Callable[..., Any]]) -> Steps:
        """Run steps by name (a subclass may replace any) until one returns a failing status, which goes to the error log.

        Returns that status, or SUCCESS. TypeError for a step that returns neither a Status nor None.
        """
        for step in steps:
            outcome = getattr(self, step.__name__)()
            if isgenerator(outcome):
                outcome = yield from outcome
            if outcome is not None and not isinstance(outcome, Status):
                raise TypeError(f"{step.__name__} returned {outcome!r}, which is no status")
            if outcome not in (None, Status.SUCCESS):
                self.ndis.NdisWriteErrorLogEntry(f"{step.__name__} returned {outcome.name}")
                return outcome
        return Status.SUCCESS

    def hold(self, undo: Callable[[], Any]) -> None:
        """Remember how to give back what was just taken: `release` calls it, and waits if it is a generator."""
        self._undo.append(undo)

    def release(self) -> Steps:
        """GEN-INIT-12, GEN-HALT-02: give everything back in reverse order."""
        while self._undo:
            outcome = self._undo.pop()()
            if isgenerator(outcome):
                yield from outcome

    def attend(self, steps: Steps) -> Steps:
        """GEN-INIT-03, GEN-HALT-03: what we do beside our entry points, given up where the device has gone or a halt begins."""
        back = None
        while not (self.gone or self.halting):
            try:
                back = yield steps.send(back)
            except StopIteration:
                return
        steps.close()

    def poll(self, register: Any, mask: int, want: int) -> Steps:
        """GEN-INIT-10: read until the masked bits equal ``want``, sleeping 10 us between; returns the word.

        DriverFault after a second, or if we are gone.
        """
        waited = 0
        while True:
            word = yield self.handle.read(register)
            if word & mask == want:
                return word
            if waited >= POLL_TIMEOUT_PS or self.gone:
                name = getattr(register, "register", register).name
                raise self.fault(f"{name} stays at {word:#x}")
            yield self.ndis.NdisMSleep(POLL_PS)
            waited += POLL_PS

    def fault(self, message: str) -> DriverFault:
        """What we raise when the hardware or the other side lets us down; an entry point that may wait then fails by it."""
        return DriverFault(message, None, int(self.ndis.env.now), self.handle.name)

    # generic steps -------------------------------------------------------------------------------------

    def partition(self) -> PartitionType | None:
        """The partition we run in; None if NDIS cannot tell. One place to change: the call is deprecated."""
        info = made(HypervisorInfo)
        if self.ndis.NdisGetHypervisorInfo(info) != Status.SUCCESS:
            return None
        return PartitionType(info.PartitionType)

    def read_keywords(self, *names: str) -> Status:
        """GEN-INIT-02: `configuration` has these keywords from here on, None for a missing one. Returns the status of opening."""
        status, configuration = self.ndis.NdisOpenConfigurationEx()
        if status != Status.SUCCESS:
            return status
        for name in names:
            _, self.configuration[name] = self.ndis.NdisReadConfiguration(configuration, name)
        self.ndis.NdisCloseConfiguration(configuration)
        return Status.SUCCESS

    def set_registration_attributes(self) -> Status:
        """GEN-INIT-04: the first attributes, before any resource is claimed."""
        return self.ndis.NdisMSetMiniportAttributes(made(
            RegistrationAttributes, MiniportAdapterContext=id(self), AttributeFlags=ATTRIBUTE_BUS_MASTER,
            CheckForHangTimeInSeconds=4, InterfaceType=INTERFACE_PCI))

    def obtain_resources(self) -> Steps:
        """GEN-INIT-03: map the registers; read vendor and device id as bus data, which become `identity`, 4 bytes."""
        status = self.ndis.NdisMMapIoSpace()
        if status != Status.SUCCESS:
            return status
        self.hold(self.ndis.NdisMUnmapIoSpace)
        self.identity = yield from self.ndis.NdisMGetBusData(0, 4)
        return Status.SUCCESS

    def supported_oids(self) -> list[Oid]:
        """GEN-INIT-14: the mandatory requests and those of our role."""
        return [*MANDATORY_OIDS, *self.ROLE_OIDS]

    def general_attributes(self) -> GeneralAttributes:
        """What this adapter is: Ethernet, its address, its requests. Link state unknown until restart."""
        oids = self.supported_oids()
        speed = self.settings.link_gbps * 10**9
        return made(
            GeneralAttributes, MtuSize=1500, LookaheadSize=1500, MaxXmitLinkSpeed=speed,
            MaxRcvLinkSpeed=speed, MediaConnectState=MediaConnectState.UNKNOWN,
            SupportedPacketFilters=PACKET_FILTER_DIRECTED | PACKET_FILTER_MULTICAST | PACKET_FILTER_BROADCAST,
            MaxMulticastListSize=MAX_HASHES, MacAddressLength=MAC_BYTES, PermanentMacAddress=address(self.mac),
            CurrentMacAddress=address(self.mac), IfType=6, SupportedOidList=(c_uint32 * len(oids))(*oids),
            SupportedOidListLength=4 * len(oids))

    def set_general_attributes(self) -> Status:
        """GEN-INIT-05, -14, VF-INIT-17, -18, PF-INIT-14: after registration, before all others."""
        return self.ndis.NdisMSetMiniportAttributes(self.general_attributes())

    def register_dma(self) -> Status:
        """GEN-INIT-08: after the registration attributes, before shared memory."""
        status = self.ndis.NdisMRegisterScatterGatherDma()
        if status == Status.SUCCESS:
            self.hold(self.ndis.NdisMDeregisterScatterGatherDma)
        return status

    def shared_memory(self, nbytes: int) -> int:
        """The bus address of memory that we share with the device, given back with everything else. ValueError without room."""
        where = self.ndis.NdisMAllocateSharedMemory(nbytes)
        self.hold(lambda: self.ndis.NdisMFreeSharedMemory(where))
        return where

    def register_handlers(self, handlers: Iterable[Callable[[int], None]]) -> Steps:
        """GEN-INIT-09: one handler a message, called with its number; they may run before this returns a status."""
        status = yield from self.ndis.NdisMRegisterInterruptEx(list(handlers))
        if status == Status.SUCCESS:
            self.hold(self.ndis.NdisMDeregisterInterruptEx)
        return status

    def indicate_link(self, up: bool) -> None:
        """Tell NDIS that the link is up or down; until it is told it knows neither."""
        state = MediaConnectState.CONNECTED if up else MediaConnectState.DISCONNECTED
        self.ndis.NdisMIndicateStatusEx(STATUS_LINK_STATE, state)

    # requests of every miniport --------------------------------------------------------------------------

    def common_request(self, kind: RequestType, oid: Oid, buffer: Any = None) -> Status | Steps:
        """GEN-OID-03, -06, OID-04, -05: the mandatory requests; what to answer to one that no handler serves.

        The packet filter is none of them: each role serves its own.
        """
        if kind is RequestType.QUERY and oid in QUERIES:
            return answer(self, oid, buffer)
        if kind is RequestType.SET and oid in SETS:
            return SETS[oid](self, buffer)
        return Status.NOT_SUPPORTED if oid in KNOWN_OIDS else Status.INVALID_OID

    def moderation(self) -> list[tuple[Any, int]]:
        """Registers that throttle our interrupts, each with the word that the settings ask for."""
        return []

    def throttle(self) -> None:
        """Write them: as asked for, or off."""
        for register, word in self.moderation():
            self.handle.write(register, word if self.moderated else 0)

    def packet_counts(self) -> Steps:
        """Frames received and sent, from the registers `COUNTERS`; where reading clears them, they are added up here."""
        received, sent = (yield self.handle.read(self.COUNTERS[0])), (yield self.handle.read(self.COUNTERS[1]))
        if self.COUNTERS_CLEAR:
            self._counted = [old + new for old, new in zip(self._counted, (received, sent), strict=True)]
            return tuple(self._counted)
        return received, sent
