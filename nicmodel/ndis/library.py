"""The NDIS library as one miniport sees it: the functions it calls, under their documented names.

Every call goes through one recorder to the judge before it takes effect. The library answers as the pages
say and refuses what they refuse; it does not punish: a breach closes an adapter only through `Adapter`.
Functions that take time are generators (``yield from``). Simplifications of the C interface: handles are
implicit (one library an adapter), out-parameters are return values.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from ctypes import LittleEndianStructure, pointer
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import (
    HYPERVISOR_PRESENT,
    STATUS_LINK_STATE,
    Indication,
    MediaConnectState,
    PartitionType,
    Status,
    spelled,
)
from nicmodel.datasheet.ndis_structures import HypervisorInfo, header_is
from nicmodel.ndis import predicates  # noqa: F401  registers them
from nicmodel.ndis.checker import Call, Checker, attribute_kind, known_structure
from nicmodel.ndis.library_interrupts import InterruptFunctions
from nicmodel.ndis.library_sriov import SriovFunctions
from nicmodel.ndis.net_buffers import Binding, NetBufferList, serials
from nicmodel.ndis.observed import ObservedHandle
from nicmodel.ndis.platform import Platform
from nicmodel.ndis.seen import INDICATE, SEND_COMPLETE
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    import simpy

    from nicmodel.pcie.handle import FunctionHandle


@dataclass
class ResourceRequirements:
    """IO_RESOURCE_REQUIREMENTS_LIST, as far as a miniport changes it: how many MSI-X messages it is to get."""

    messages: int


SHARED_ALIGN = 128          # bytes
CONFIGURATION, MAPPING, DMA = "a configuration handle", "a mapping of registers", "a DMA channel"
MEMORY, SHARED, VPORT_SHARED = "memory", "shared memory", "shared memory of a VPort"
CAPABILITIES = {
    Indication.NIC_SWITCH_CURRENT_CAPABILITIES: "CurrentNicSwitchCapabilities",
    Indication.NIC_SWITCH_HARDWARE_CAPABILITIES: "HardwareNicSwitchCapabilities",
    Indication.RECEIVE_FILTER_CURRENT_CAPABILITIES: "CurrentReceiveFilterCapabilities",
    Indication.RECEIVE_FILTER_HARDWARE_CAPABILITIES: "HardwareReceiveFilterCapabilities"}
"""Indications of capabilities that have changed, and where NDIS keeps them."""


class NdisLibrary(InterruptFunctions, SriovFunctions):
    """NDIS for one adapter of a role ("PF" or "VF").

    ``faults`` maps a function name (for attributes: "NdisMSetMiniportAttributes.<kind>") to the status it
    shall fail with, for tests of a driver's failing paths. Whatever is given back without having been taken, or twice, is a
    ValueError.
    """

    def __init__(self, env: simpy.Environment, role: str, name: str, platform: Platform,
                 faults: Mapping[str, Status] | None = None):
        self.env, self.role, self.name, self.platform = env, role, name, platform
        self.faults = dict(faults or {})
        self.driver: Any = None                                       # whose library this is, once it has an adapter
        self.checker = Checker(role, name)
        self._access = self.checker.access
        self.link_state = MediaConnectState.UNKNOWN
        self._earlier: list[Any] = []            # attributes of which a part is still pointed to
        self.error_log: list[str] = []
        self.binding: Binding | None = None                           # the protocol that lists go to
        self.receive_handler: Callable[[list[bytes]], None] | None = None
        self.pnp_handlers: Mapping[str, Any] = {}
        self.attributes: dict[str, LittleEndianStructure] = {}        # kind -> what NDIS has accepted
        self._messages = {}
        self._blocks = itertools.count(1)
        self._taken: defaultdict[tuple[str, int], int] = defaultdict(int)             # what the miniport has, and which

    # the recorder ------------------------------------------------------------------------------------

    def record(self, name: str, **args: Any) -> Call:
        """Tell the judge of a call; the caller fills in its result."""
        call = Call(name, args, int(self.env.now))
        self.checker.feed(call)
        return call

    def access(self, name: str, **args: Any) -> None:
        """Tell the judge of a hardware access."""
        self._access(name, args, self.env)

    def observe(self, handle: FunctionHandle) -> ObservedHandle:
        """The handle to give to a driver: the judge sees its accesses."""
        return ObservedHandle(handle, self)

    def _answer(self, call: Call, status: Status, fault: str | None = None) -> Status:
        call.result = self.faults.get(fault or call.name, status)
        return call.result

    def _taken_if(self, status: Status, what: str) -> Status:
        """A resource that there is one of is the miniport's, if it was granted."""
        self._taken[what, 0] += status == Status.SUCCESS
        return status

    def _give_back(self, what: str, which: int = 0) -> None:
        """Nobody gives back what he has not, or no longer: Windows would stop, and the driver's author reads where it was."""
        if not self._taken[what, which]:
            raise ValueError(f"{what} that the miniport does not have is given back")
        self._taken[what, which] -= 1

    # driver, configuration, attributes ----------------------------------------------------------------

    def NdisMRegisterMiniportDriver(self, **characteristics: Any) -> Status:
        """Registers the driver; calls MiniportSetOptions, if given, before it returns."""
        call = self.record("NdisMRegisterMiniportDriver", **characteristics)
        set_options = characteristics.get("SetOptionsHandler")
        if set_options is not None:
            self.record("MiniportSetOptions")
            status = set_options()
            self.record("MiniportSetOptions returns", status=status)
            if status != Status.SUCCESS:
                return self._answer(call, status)
        return self._answer(call, Status.SUCCESS)

    def NdisSetOptionalHandlers(self, **handlers: Any) -> Status:
        """Handlers that NDIS calls where they are given: AddDevice, RemoveDevice, StartDevice, FilterResourceRequirements.

        Called from inside MiniportSetOptions (PF-INIT-01); a later call replaces all of them.
        """
        call = self.record("NdisSetOptionalHandlers", **handlers)
        self.pnp_handlers = handlers
        return self._answer(call, Status.SUCCESS)

    def NdisGetHypervisorInfo(self, info: HypervisorInfo) -> Status:
        """Fills flags and partition type; BUFFER_TOO_SHORT if the caller's size is too small."""
        call = self.record("NdisGetHypervisorInfo", info=info)
        if info.Header.Size < HypervisorInfo.PartitionType.offset + 4:
            return self._answer(call, Status.BUFFER_TOO_SHORT)
        partition = self.platform.partition_type()
        info.Flags, info.PartitionType = HYPERVISOR_PRESENT, partition
        if self._answer(call, Status.SUCCESS) == Status.SUCCESS:
            self.checker.seen.partition = PartitionType(partition)
        return call.result

    def NdisOpenConfigurationEx(self) -> tuple[Status, Mapping[str, Any]]:
        """A status, and the handle that NdisReadConfiguration takes; the miniport closes it."""
        call = self.record("NdisOpenConfigurationEx")
        return self._taken_if(self._answer(call, Status.SUCCESS), CONFIGURATION), self.platform.keywords()

    def NdisReadConfiguration(self, configuration: Mapping[str, Any], keyword: str) -> tuple[Status, Any]:
        """The value of a keyword, names being caseless; FAILURE and None if it is not there."""
        keyword = spelled(keyword)
        call = self.record("NdisReadConfiguration", keyword=keyword)
        value = next((v for k, v in configuration.items() if k.lower() == keyword.lower()), None)
        self.checker.seen.keywords[keyword] = value
        return self._answer(call, Status.FAILURE if value is None else Status.SUCCESS), value

    def NdisCloseConfiguration(self, configuration: Mapping[str, Any]) -> None:
        """Gives the handle back. ValueError if none is open."""
        self._give_back(CONFIGURATION)
        self.record("NdisCloseConfiguration")

    def NdisMSetMiniportAttributes(self, attributes: LittleEndianStructure) -> Status:
        """Takes one attribute structure; BAD_VERSION if its header is not one that NDIS knows."""
        kind = attribute_kind(attributes)
        call = self.record("NdisMSetMiniportAttributes", kind=kind, attributes=attributes)
        good = known_structure(attributes) and header_is(attributes)
        status = self._answer(call, Status.SUCCESS if good else Status.BAD_VERSION, f"{call.name}.{kind}")
        if status == Status.SUCCESS:
            self.attributes[kind] = attributes
        return status

    # plug and play -----------------------------------------------------------------------------------

    def assign_resources(self) -> Status:
        """Before MiniportInitializeEx: a driver that has asked for it shapes its messages, then hears of its start.

        Message numbers follow the list, from 0; a driver without these handlers is granted what the function has.
        """
        shape, start = (self.pnp_handlers.get(name) for name in ("FilterResourceRequirements", "StartDevice"))
        if shape is not None:
            wanted = ResourceRequirements(self.platform.message_count())
            status = self._entry("MiniportFilterResourceRequirements", shape, wanted)
            if status != Status.SUCCESS:
                return status
            self.granted_messages = wanted.messages
        return Status.SUCCESS if start is None else self._entry("MiniportStartDevice", start)

    def _entry(self, name: str, handler: Callable[..., Status], *args: Any) -> Status:
        self.record(name)
        status = handler(*args)
        self.record(f"{name} returns", status=status)
        return status

    # resources ---------------------------------------------------------------------------------------

    def NdisMGetBusData(self, offset: int, length: int) -> Steps:
        """Bytes of the function's own configuration space; a VF's come through the PF's miniport, none if that refuses."""
        call = self.record("NdisMGetBusData", offset=offset, length=length)
        call.result = yield from (self.platform.get_bus_data(offset, length) if self.vpci is None
                                  else self.vpci.read_config(offset, length))
        return call.result

    def NdisMSetBusData(self, offset: int, data: bytes) -> Steps:
        """Number of bytes written to the function's own configuration space; a VF's go through the PF's miniport."""
        call = self.record("NdisMSetBusData", offset=offset, length=len(data))
        call.result = yield from (self.platform.set_bus_data(offset, data) if self.vpci is None
                                  else self.vpci.write_config(offset, data))
        return call.result

    def NdisMMapIoSpace(self) -> Status:
        """Maps the registers of BAR 0, which only then may be touched; the handle's verbs take no address of it (GEN-INIT-03)."""
        status = self._answer(self.record("NdisMMapIoSpace"), Status.SUCCESS)
        self.checker.seen.mapped += status == Status.SUCCESS
        return self._taken_if(status, MAPPING)

    def NdisMUnmapIoSpace(self) -> None:
        """No register may be touched after this. ValueError if they are not mapped."""
        self._give_back(MAPPING)
        self.record("NdisMUnmapIoSpace")
        self.checker.seen.mapped -= 1

    def NdisAllocateMemory(self, length: int) -> int:
        """Memory of the driver's own, ``length`` in bytes: a number to free it by, with no bytes behind it."""
        call = self.record("NdisAllocateMemory", length=length)
        call.result = next(self._blocks)
        self._taken[MEMORY, call.result] += 1
        return call.result

    def NdisFreeMemory(self, block: int) -> None:
        """Gives memory back by its number. ValueError for what the miniport does not have."""
        self._give_back(MEMORY, block)
        self.record("NdisFreeMemory", block=block)

    def NdisMRegisterScatterGatherDma(self) -> Status:
        """The right to share memory with the device: after the registration attributes, before that memory (GEN-INIT-08)."""
        return self._taken_if(self._answer(self.record("NdisMRegisterScatterGatherDma"), Status.SUCCESS), DMA)

    def NdisMDeregisterScatterGatherDma(self) -> None:
        """Gives that back, after the memory. ValueError if it was not registered."""
        self._give_back(DMA)
        self.record("NdisMDeregisterScatterGatherDma")

    def NdisMAllocateSharedMemory(self, length: int) -> int:
        """The bus address of zero bytes that driver and device share, aligned to 128. ValueError when the guest has no more."""
        call = self.record("NdisMAllocateSharedMemory", length=length)
        call.result = self.platform.allocate(length, SHARED_ALIGN)
        self._taken[SHARED, call.result] += 1
        return call.result

    def NdisMFreeSharedMemory(self, address: int) -> None:
        """Gives it back by its address, ValueError for another. What was given back is not given out again."""
        self._give_back(SHARED, address)
        self.record("NdisMFreeSharedMemory", address=address)

    def NdisAllocateSharedMemory(self, length: int, vport_id: int, queue_id: int = 0) -> tuple[Status, int]:
        """Memory that a VPort of the PF's shares with the device: a status, and its bus address, 0 without SUCCESS.

        ValueError when the PF's guest has no more.
        """
        call = self.record("NdisAllocateSharedMemory", length=length, vport_id=vport_id, queue_id=queue_id)
        if self._answer(call, Status.SUCCESS) != Status.SUCCESS:
            return call.result, 0
        call.args["address"] = self.platform.allocate(length, SHARED_ALIGN)
        self._taken[VPORT_SHARED, call.args["address"]] += 1
        return Status.SUCCESS, call.args["address"]

    def NdisFreeSharedMemory(self, address: int) -> None:
        """Gives it back by its address. ValueError for one that NdisAllocateSharedMemory did not give."""
        self._give_back(VPORT_SHARED, address)
        self.record("NdisFreeSharedMemory", address=address)

    def NdisMSleep(self, ps: int) -> simpy.Event:
        """An event that comes after ``ps`` picoseconds."""
        return self.env.timeout(ps)

    # indications -------------------------------------------------------------------------------------

    def NdisMIndicateStatusEx(self, status: int, state: Any) -> None:
        """A status indication: of the link, with its state, or of capabilities that have changed, with the structure (ADV-22)."""
        self.record("NdisMIndicateStatusEx", status=status, state=state)
        if status == STATUS_LINK_STATE:
            self.link_state = state
        elif status in CAPABILITIES and "hardware_assist" in self.attributes:
            self._earlier.append(self.attributes["hardware_assist"])
            assist = type(self._earlier[-1]).from_buffer_copy(self._earlier[-1])
            setattr(assist, CAPABILITIES[Indication(status)], pointer(state))
            self.attributes["hardware_assist"] = assist

    def NdisMIndicateReceiveNetBufferLists(self, received: Sequence[bytes | NetBufferList]) -> None:
        """Hands received frames to whoever is bound to the adapter. Lists come back through MiniportReturnNetBufferLists;
        bare frames, NDIS_RECEIVE_FLAGS_RESOURCES in the C interface, are the miniport's again when this returns."""
        lists = [each for each in received if isinstance(each, NetBufferList)]
        self.record(INDICATE, frames=len(received), lists=serials(lists))
        if lists and self.binding is not None:
            self.binding.receive(lists)
        if self.receive_handler is not None:
            self.receive_handler([each.frame if isinstance(each, NetBufferList) else each for each in received])

    def NdisMSendNetBufferListsComplete(self, lists: Sequence[NetBufferList]) -> None:
        """Gives lists back whose sending has ended, each with its status."""
        self.record(SEND_COMPLETE, lists=serials(lists), statuses=tuple(each.status for each in lists))
        if self.binding is not None:
            self.binding.complete(lists)

    def has_binding(self) -> bool:
        """Whether a protocol is bound that takes lists."""
        return self.binding is not None

    def NdisWriteErrorLogEntry(self, text: str) -> None:
        """A line for people: where a driver does not come up, the last one is told with the entry point that failed."""
        self.record("NdisWriteErrorLogEntry", text=text)
        self.error_log.append(text)
