"""What the judge remembers of one adapter: the calls, and what follows from them. It judges nothing.

`Call` is one NDIS call, entry or access. `Seen` is fed every call after it was judged, so a predicate sees what
was before the call in its hands.
"""

from __future__ import annotations

from collections import Counter
from ctypes import Structure
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any

from nicmodel.datasheet.ndis import SURPRISE_REMOVED, Oid, PartitionType, PowerState, Status
from nicmodel.datasheet.ndis_structures import carries_nothing
from nicmodel.ndis.switch_seen import SwitchSeen, copied, length_of, parameters

LOADED = "loaded"                      # the phase between two entry points
INITIALIZE = "MiniportInitializeEx"
INITIALIZE_RETURNS = INITIALIZE + " returns"
RESTART_RETURNS = "MiniportRestart returns"
REQUEST = "MiniportOidRequest"
REQUEST_RETURNS = REQUEST + " returns"
PNP_EVENT = "MiniportDevicePnPEventNotify"
HALT, HALT_RETURNS = "MiniportHaltEx", "MiniportHaltEx returns"
PAUSE_RETURNS = "MiniportPause returns"
RESET, RESET_RETURNS = "MiniportResetEx", "MiniportResetEx returns"
PAUSE = "MiniportPause"
SEND, SEND_COMPLETE = "MiniportSendNetBufferLists", "NdisMSendNetBufferListsComplete"
CANCEL_SEND = "MiniportCancelSend"
INDICATE, RETURN_LISTS = "NdisMIndicateReceiveNetBufferLists", "MiniportReturnNetBufferLists"
FRAMES = frozenset({SEND, SEND_COMPLETE, CANCEL_SEND, INDICATE, RETURN_LISTS})     # too many to be kept
ENABLE = "NdisMEnableVirtualization"


@dataclass(slots=True)
class Call:
    """One NDIS call, entry or access: its name, its arguments, its time in ps and, later, its result."""

    name: str
    args: dict[str, Any]
    time_ps: int
    result: Any = None

    @property
    def failed(self) -> bool:
        """Whether the library has refused the call."""
        return isinstance(self.result, Status) and self.result != Status.SUCCESS

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={_short(v)}' for k, v in self.args.items())})"


@cache
def entry_of(name: str) -> str:
    """The entry point whose call or return has this name; none for a call of the library.

    >>> entry_of(RESTART_RETURNS), entry_of("NdisMSleep")
    ('MiniportRestart', '')
    """
    return name.removesuffix(" returns") if name.startswith(("Miniport", "DriverEntry")) else ""


def _short(value: Any) -> str:
    """A value as evidence shows it.

    >>> str(Call("NdisMEnableVirtualization", {"num_vfs": 10, "enable": True}, 0))
    'NdisMEnableVirtualization(num_vfs=0xa, enable=True)'
    """
    if isinstance(value, Structure):
        return type(value).__name__
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value) if value > 9 else str(value)
    text = getattr(value, "__name__", str(value))
    return text if len(text) <= 40 else text[:37] + "..."


# What claims hardware or DMA resources, and what gives them back.
CLAIMS = ("NdisMMapIoSpace", "NdisMRegisterScatterGatherDma", "NdisMAllocateSharedMemory",
          "NdisMRegisterInterruptEx")
HOLDS = {"NdisOpenConfigurationEx": "configuration handle", "NdisMMapIoSpace": "register mapping",
         "NdisMRegisterScatterGatherDma": "DMA channel", "NdisMAllocateSharedMemory": "shared memory",
         "NdisMRegisterInterruptEx": "interrupt", "NdisAllocateMemory": "memory",
         "NdisAllocateSharedMemory": "memory of a VPort"}
RELEASES = {"NdisCloseConfiguration": "configuration handle", "NdisMUnmapIoSpace": "register mapping",
            "NdisMDeregisterScatterGatherDma": "DMA channel", "NdisMFreeSharedMemory": "shared memory",
            "NdisMDeregisterInterruptEx": "interrupt", "NdisFreeMemory": "memory",
            "NdisFreeSharedMemory": "memory of a VPort"}
CLAIMS_OF, RETURNS_OF = ({what: tuple(name for name, of in table.items() if of == what) for what in HOLDS.values()}
                         for table in (HOLDS, RELEASES))
RESETS = frozenset({"CTRL", "VFCTRL"})                      # writing these forgets what queues were told
REMEMBERED = frozenset({f"{vf}{way}XDCTL" for vf in ("", "VF") for way in "RT"} | {"PFMAILBOX", "VFMAILBOX"})
UNMAPPED = "read unmapped", "write unmapped"                # accesses while no registers are mapped
ACCESSES = frozenset({"read", "write", "config_read", "config_write", "sleep", "start_ring_agent", "stop_ring_agent"})


@dataclass
class Seen:
    """What the judge remembers: calls by name, attributes, keywords, the phase, last register values."""

    role: str
    phase: str = LOADED                    # the entry point that runs, or LOADED
    switch_creation: str = "none"          # static, dynamic or none, as the driver declares
    calls: dict[str, list[Call]] = field(default_factory=dict)
    attributes: dict[str, Call] = field(default_factory=dict)    # kind -> last call that set it
    keywords: dict[str, Any] = field(default_factory=dict)
    partition: PartitionType | None = None
    registers: dict[str, int] = field(default_factory=dict)      # register name -> last value written
    elements: dict[tuple[str, int], int] = field(default_factory=dict)   # the same of elements of REMEMBERED registers
    read_back: set[tuple[str, int]] = field(default_factory=set)         # those that were read since
    reads: int = 0                                               # register reads since the phase began
    writes: int = 0                                              # register writes since then
    mapped: int = 0                                              # mappings of the registers
    agents: int = 0                                              # ring agents started and not stopped
    initialized: bool = False
    running: bool = False
    sriov: bool = False                                          # the driver has reported SR-IOV as enabled
    queue_pairs: int | None = None                               # VF: of its VPort, as NDIS knows them
    vf_rss: bool = False                                         # VF: the PF has said that VFs may scale
    removed: bool = False                                        # the device was removed by surprise
    asleep: bool = False                                         # in low power, by the last OID_PNP_SET_POWER that succeeded
    probing: bool = False                                        # an examiner asks what a stack never would
    request: Call | None = None                                  # the request that runs
    asked: Any = None                                            # its buffer as it was handed over
    asked_length: int | None = None                              # how long that was said to be
    framed: bool = False                                         # NET_BUFFER_LISTs were seen
    sends: dict[int, bool] = field(default_factory=dict)         # lists to send -> whether they came after MiniportPause
    lent: set[int] = field(default_factory=set)                  # received lists that NDIS has
    switch: SwitchSeen = field(default_factory=SwitchSeen)
    _asked_as: tuple[Any, Any] | None = None                     # request and parameters of `parameters_of`
    _entries: list[str] = field(default_factory=list)
    _kept: Counter[str] = field(default_factory=Counter)         # what MiniportAddDevice left behind

    def any(self, name: str) -> bool:
        """Whether a call of this name was seen."""
        return name in self.calls

    def lacks(self, kind: str) -> str:
        """What keeps attributes of a kind from being set, in words; empty if they are. What NDIS has refused is not set."""
        call = self.attributes.get(kind)
        if call is None:
            return f"without {kind} attributes"
        return f"although its {kind} attributes were refused" if call.failed else ""

    def holds(self, what: str) -> int:
        """How many of a resource were taken and not given back; a call that failed took nothing."""
        count = -self._kept.get(what, 0)
        for name in CLAIMS_OF[what]:
            for call in self.calls.get(name, ()):
                count += not call.failed
        for name in RETURNS_OF[what]:
            count -= len(self.calls.get(name, ()))
        return count

    def shared_by(self, vport: int) -> int:
        """How many pieces of shared memory a VPort of the PF's has."""
        taken = [call.args["address"] for call in self.calls.get("NdisAllocateSharedMemory", ())
                 if not call.failed and call.args["vport_id"] == vport]
        given = [call.args["address"] for call in self.calls.get("NdisFreeSharedMemory", ())]
        return sum(address not in given for address in taken)

    @property
    def held(self) -> Counter[str]:
        """`holds` of every resource."""
        return Counter({what: self.holds(what) for what in CLAIMS_OF})

    @property
    def initializing(self) -> bool:
        """True until MiniportInitializeEx has returned."""
        return not self.initialized

    @property
    def virtualized(self) -> bool:
        """Whether virtualization is on, by the last call that succeeded."""
        return self.enabled > 0

    @property
    def enabled(self) -> int:
        """How many VFs are enabled, by the last call that succeeded."""
        done = [call.args for call in self.calls.get(ENABLE, ()) if call.result == Status.SUCCESS]
        return int(done[-1]["num_vfs"]) if done and done[-1]["enable"] else 0

    @property
    def away(self) -> bool:
        """Whether the adapter accepts no request of anybody: it is being reset, sleeps, or has gone (RESET-07, GEN-OID-04)."""
        return self.removed or self.asleep or self.runs(RESET)

    def parameters_of(self, oid: Any) -> Any:
        """What the request that runs asks with, if its buffer holds the right structure with the right header, else None."""
        if self._asked_as is None or self._asked_as[0] != oid:
            self._asked_as = oid, parameters(oid, self.asked)
        return self._asked_as[1]

    def runs(self, entry: str) -> bool:
        """Whether this entry point is running."""
        return entry in self._entries

    def note(self, call: Call) -> None:
        """Remember a call, after it was judged."""
        name = call.name
        if name in ACCESSES:
            self.note_access(name, call.args)
            return
        if name in FRAMES:
            self.note_frames(name, call.args.get("lists", ()))
            return
        self.calls.setdefault(name, []).append(call)
        if name == "NdisMSetMiniportAttributes":
            kind, attributes = call.args["kind"], call.args["attributes"]
            self.attributes[kind] = call
            if kind == "hardware_assist":
                self.sriov = not carries_nothing(attributes.CurrentSriovCapabilities)
        elif name == PNP_EVENT:
            self.removed |= call.args.get("event") == SURPRISE_REMOVED
        self._follow(name, call)

    def note_frames(self, name: str, lists: tuple[int, ...]) -> None:
        """Follow lists to the miniport and back."""
        self.framed = True
        if name == SEND:
            self.sends |= dict.fromkeys(lists, self.runs(PAUSE))
        elif name == INDICATE:
            self.lent |= set(lists)
        for each in lists:
            if name == SEND_COMPLETE:
                self.sends.pop(each, None)
            elif name == RETURN_LISTS:
                self.lent.discard(each)

    def note_access(self, name: str, args: dict[str, Any]) -> None:
        """Remember an access."""
        if name == "write":
            register = args["register"]
            self.registers[register] = args["value"]
            self.writes += 1
            if register in REMEMBERED:
                element = register, args["index"]
                self.elements[element] = args["value"]
                self.read_back.discard(element)
            elif register in RESETS:
                self.elements.clear()
        elif name == "read":
            self.reads += 1
            if args["register"] in REMEMBERED:
                self.read_back.add((args["register"], args.get("index", 0)))
        else:
            self.agents += (name == "start_ring_agent") - (name == "stop_ring_agent")

    def _follow(self, name: str, call: Call) -> None:
        entry = entry_of(name)
        if not entry:
            return
        if entry == name:
            self._entries.append(name)
            self.reads = self.writes = 0
            if name == REQUEST:
                buffer = call.args.get("buffer")
                self.request, self.asked, self.asked_length, self._asked_as = call, copied(buffer), length_of(buffer), None
        else:
            self._entries.remove(entry)
            succeeded = call.args.get("status", Status.SUCCESS) == Status.SUCCESS
            if entry == REQUEST:
                self.request = None
                if succeeded and call.args["oid"] == Oid.PNP_SET_POWER:
                    self.asleep = call.args.get("buffer") != PowerState.D0
                if succeeded and self.role == "PF":
                    self.switch.note(call.args["oid"], call.args.get("buffer"))
            self.initialized |= entry == INITIALIZE
            if entry == "MiniportAddDevice":
                self._kept = self.held         # RemoveDevice gives it back
            if entry in ("MiniportRestart", "MiniportPause", "MiniportHaltEx"):
                self.running = entry == "MiniportRestart" and succeeded
        self.phase = self._entries[-1] if self._entries else LOADED
