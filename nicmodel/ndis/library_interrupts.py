"""The interrupt half of the NDIS library: handlers are registered, messages mapped to MSI-X table entries, and served.

A handler is the driver author's. What it raises while it is registered, spuriously, is a name in the call's record; what it
raises as the device runs ends the run with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import Status
from nicmodel.ndis.checker import Call
from nicmodel.ndis.irql import Irql
from nicmodel.ndis.platform import Platform
from nicmodel.ndis.stumble import stumble
from nicmodel.pcie.handle import Steps
from nicmodel.sim.errors import NicModelError

INTERRUPT = "an interrupt"


class InterruptFunctions:
    """Mixed into `NdisLibrary`, which gives it recorder, platform and the list of what the miniport has."""

    name: str
    driver: Any
    platform: Platform
    irql: Irql = Irql.PASSIVE
    granted_messages: int | None = None             # None: whatever the function has
    _handlers: Sequence[Callable[[int], None]] = ()
    _messages: dict[int, int]                       # MSI-X table entry -> message, where they differ

    if TYPE_CHECKING:
        def record(self, name: str, **args: Any) -> Call: ...
        def _answer(self, call: Call, status: Status, fault: str | None = None) -> Status: ...
        def _taken_if(self, status: Status, what: str) -> Status: ...
        def _give_back(self, what: str, which: int = 0) -> None: ...

    def NdisMRegisterInterruptEx(self, handlers: Sequence[Callable[[int], None]]) -> Steps:
        """One handler a message, RESOURCES for more than were granted. Handlers may run before this returns: each is run
        once, spuriously."""
        call = self.record("NdisMRegisterInterruptEx", messages=len(handlers))
        granted = self.granted_messages is None or len(handlers) <= self.granted_messages
        if self._taken_if(self._answer(call, Status.SUCCESS if granted else Status.RESOURCES), INTERRUPT) != Status.SUCCESS:
            return call.result
        self._handlers = tuple(handlers)
        for message in range(len(handlers)):
            error = None
            try:
                self._interrupt(message)
            except Exception as problem:      # the handler is the driver author's: name the fault, go on
                error = f"{type(problem).__name__}: {problem}"
            self.record("MessageInterrupt", message=message, registering=True, error=error)
        yield from self.platform.connect_interrupts(len(handlers), self._message)
        return call.result

    def NdisMDeregisterInterruptEx(self) -> None:
        """No handler runs after this."""
        self._give_back(INTERRUPT)
        self.record("NdisMDeregisterInterruptEx")
        self._handlers = ()
        self._messages.clear()

    def NdisMConfigMSIXTableEntry(self, entry: int, *, message: int | None = None, masked: bool = False) -> Steps:
        """Maps a table entry to a message (at first, entry i to message i), or masks it, or unmasks it.

        INVALID_PARAMETER for an entry or message that was not granted; so is every call while no interrupt is
        registered.
        """
        call = self.record("NdisMConfigMSIXTableEntry", entry=entry, message=message, masked=masked)
        to = self._messages.get(entry, entry) if message is None else message
        if not all(0 <= each < len(self._handlers) for each in (entry, to)):
            return self._answer(call, Status.INVALID_PARAMETER)
        yield from self.platform.configure_msix(entry, to, masked)
        self._messages[entry] = to
        return self._answer(call, Status.SUCCESS)

    def _message(self, entry: int) -> None:
        """A message of the running device."""
        try:
            self._interrupt(entry)
        except NicModelError:
            raise
        except (Exception, SystemExit) as problem:
            raise stumble(self.name, self.driver, "a message interrupt", problem) from problem

    def _interrupt(self, entry: int) -> None:
        """A message has come: its handler runs as a DPC does, at DISPATCH_LEVEL."""
        message = self._messages.get(entry, entry)
        if message < len(self._handlers):
            was, self.irql = self.irql, Irql.DISPATCH
            try:
                self._handlers[message](message)
            finally:
                self.irql = was
