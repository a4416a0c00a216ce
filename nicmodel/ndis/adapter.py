"""What NDIS does to a miniport: its entry points in legal order, requests one at a time, breaches closed.

An `Adapter` joins a driver and its library. It calls only what the state table allows, records entry and
return of every entry point, and decides what a breach costs: on the initialise path a broken must-rule
means that the adapter does not come up (it is halted if it had succeeded); later breaches cost nothing.

Entry points that a driver may leave out (`reset`, `shutdown`, `device_pnp_event`) are called only where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import isgenerator
from typing import Any, Protocol

from nicmodel.datasheet.ndis import SURPRISE_REMOVED, Oid, PowerState, RequestType, Status
from nicmodel.ndis.checker import named
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.seen import HALT, INITIALIZE, PAUSE, PAUSE_RETURNS, PNP_EVENT, REQUEST, RESET
from nicmodel.ndis.states import RESETTABLE, TAKES_OIDS, Event, State, after
from nicmodel.ndis.stumble import no_status, stumble
from nicmodel.ndis.turn import Turn
from nicmodel.pcie.handle import Steps
from nicmodel.sim.errors import DriverFault, ModelBug, NicModelError

HALT_REMOVED, HALT_STOPPED = "NdisHaltDeviceSurpriseRemoved", "NdisHaltDeviceStopped"
ASSIGN = "MiniportFilterResourceRequirements or MiniportStartDevice"


class Miniport(Protocol):
    """A miniport as NDIS calls it. Generators may wait; the others return at once.

    A `DriverFault` of an entry point that may wait is its FAILURE, and a line of the error log; what else a driver's code
    raises ends the run with a `DriverStumble`.
    """

    switch_creation: str          # "static" or "dynamic" for a PF, "none" for a VF

    def driver_entry(self) -> Status:
        """DriverEntry: registers the driver, and returns the status of that (GEN-DRV-02)."""

    def initialize(self) -> Steps:
        """MiniportInitializeEx: returns one of `INITIALIZE_STATUSES`, and keeps nothing if it fails (GEN-INIT-11, -12)."""

    def restart(self) -> Steps:
        """MiniportRestart: returns a Status; frames may move after SUCCESS, once a packet filter is set."""

    def pause(self) -> Steps:
        """MiniportPause: over when nothing is under way any more. What it returns makes no difference (GEN-STATE-02)."""

    def halt(self) -> Steps:
        """MiniportHaltEx: gives everything back, and leaves alone a device that has gone (GEN-HALT-02, -03)."""

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status | Steps:
        """MiniportOidRequest: a Status, or steps that return one; an answer goes into ``buffer`` (docs/requests.md)."""


class Adapter:
    """One adapter's life. Its generators return a Status; `load`, `remove`, `shutdown` and `surprise_remove` take no time."""

    def __init__(self, ndis: NdisLibrary, driver: Miniport):
        self.ndis, self.driver = ndis, driver
        ndis.driver = driver
        self.state = State.HALTED
        self.failure = ""                          # which entry point has failed last, and what its driver logged, in words
        self.removed = False                       # the device is gone, and the driver has been told
        self.asleep = False                        # in low power, by OID_PNP_SET_POWER
        self.resetting = False
        self.reset_over = ndis.env.event()         # succeeds when the reset that is under way has ended
        self.resets = 0                            # MiniportResetEx calls so far
        self._turn = Turn(ndis.env)

    @property
    def rule(self) -> str | None:
        """The rule whose breach keeps this adapter closed, if any."""
        return self.ndis.checker.closing

    def load(self) -> Status:
        """DriverEntry, and MiniportAddDevice where the driver has asked for it; the first status that is no SUCCESS."""
        self.ndis.checker.seen.switch_creation = getattr(self.driver, "switch_creation", "none")
        status = self._at_once("DriverEntry", self.driver.driver_entry)
        add_device = self.ndis.pnp_handlers.get("AddDevice")
        if status == Status.SUCCESS and add_device is not None:
            status = self._at_once("MiniportAddDevice", add_device)
        return self._unless_failed("DriverEntry or MiniportAddDevice", status)

    def initialize(self) -> Steps:
        """Start the device and run MiniportInitializeEx; FAILURE, and halted again, if a must-rule broke on the way."""
        yield from self.ndis.platform.start_device()
        status = self._whole(ASSIGN, self.ndis.assign_resources)
        if status != Status.SUCCESS:
            return status
        self.state = after(self.state, Event.INITIALIZE)
        status = yield from self._entry(INITIALIZE, self.driver.initialize)
        if status != Status.SUCCESS:
            self.state = after(self.state, Event.INITIALIZE_FAILED)
            return self._unless_failed(INITIALIZE, status)
        self.state = after(self.state, Event.INITIALIZED)
        if self.rule is not None:
            yield from self.halt()
            return Status.FAILURE
        return status

    def restart(self) -> Steps:
        """MiniportRestart; a failing driver stays Paused. Not in low power (POWER-04)."""
        if self.asleep:
            raise ModelBug("adapter is in D3: 'MiniportRestart called' is not possible")
        self.state = after(self.state, Event.RESTART)
        status = yield from self._entry("MiniportRestart", self.driver.restart)
        if not isinstance(status, Status):
            raise no_status(self.ndis.name, self.driver, "MiniportRestart", status)
        self.state = after(self.state, Event.RESTARTED if status == Status.SUCCESS else Event.RESTART_FAILED)
        return self._unless_failed("MiniportRestart", status)

    def _unless_failed(self, entry: str, status: Status) -> Status:
        """A status of the way up; if it is none of success, `failure` says whose it is."""
        if status != Status.SUCCESS:
            why = f" ({self.ndis.error_log[-1]})" if self.ndis.error_log else ""
            self.failure = f"{entry} returned {named(status)}{why}"
        return status

    def pause(self) -> Steps:
        """MiniportPause, which cannot fail: whatever it returns, the adapter is Paused (GEN-STATE-02)."""
        self.state = after(self.state, Event.PAUSE)
        self.ndis.record(PAUSE)
        status = yield from self._steps(PAUSE, self.driver.pause)
        self.ndis.record(PAUSE_RETURNS, status=Status.SUCCESS if status is None else status)
        self.state = after(self.state, Event.PAUSE_COMPLETE)
        return Status.SUCCESS

    def halt(self) -> Steps:
        """MiniportHaltEx, from Paused only; the action says whether the hardware is still there."""
        self.state = after(self.state, Event.HALT)
        self.ndis.record(HALT, action=HALT_REMOVED if self.removed else HALT_STOPPED)
        yield from self._steps(HALT, self.driver.halt)
        self.ndis.record(f"{HALT} returns", status=Status.SUCCESS)
        return Status.SUCCESS

    def remove(self) -> None:
        """MiniportRemoveDevice, where the driver has asked for it: an adapter that was halted is not started again."""
        handler = self.ndis.pnp_handlers.get("RemoveDevice")
        if handler is not None:
            self._at_once("MiniportRemoveDevice", handler, cannot_fail=True)

    # what may happen while it runs -----------------------------------------------------------------------

    def reset(self) -> Steps:
        """MiniportResetEx: the state stays. A request in progress is aborted, one that arrives is not accepted.

        Requests that were under way end before the reset does (GEN-OID-05, GEN-RESET-01). NOT_ACCEPTED, and the driver is not
        called, in low power and once the device has gone.
        """
        if self.state not in RESETTABLE:
            raise ModelBug(f"adapter is {self.state}: MiniportResetEx is not possible")
        if self.resetting:
            return Status.RESET_IN_PROGRESS
        if self.asleep or self.removed:
            return Status.NOT_ACCEPTED
        self.resetting, self.resets, self.reset_over = True, self.resets + 1, self.ndis.env.event()
        self.ndis.record(RESET)
        handler = getattr(self.driver, "reset", None)
        status = Status.NOT_SUPPORTED if handler is None else (yield from self._steps(RESET, handler))
        if self._turn.taken:
            yield from self._turn.wait()
            self._turn.give()
        self.ndis.record(f"{RESET} returns", status=status)
        self.resetting = False
        self.reset_over.succeed()
        return status

    def shutdown(self) -> Status:
        """MiniportShutdownEx: the system goes down; the hardware is left in a known state, nothing is given back."""
        self.state = after(self.state, Event.SHUTDOWN)
        self._at_once("MiniportShutdownEx", getattr(self.driver, "shutdown", _nothing), cannot_fail=True)
        return Status.SUCCESS

    def surprise_remove(self) -> None:
        """MiniportDevicePnPEventNotify: the device is gone. What follows is pause and halt (GEN-OID-04, GEN-HALT-03)."""
        self.removed = True
        self.ndis.record(PNP_EVENT, event=SURPRISE_REMOVED)
        self._whole(PNP_EVENT, getattr(self.driver, "device_pnp_event", _nothing), SURPRISE_REMOVED)
        self.ndis.record(f"{PNP_EVENT} returns", status=Status.SUCCESS)

    def sleep(self) -> Steps:
        """D3: pause, then OID_PNP_SET_POWER, as NDIS does for a driver that has not asked to stay unpaused (POWER-04)."""
        if self.state is State.RUNNING:
            yield from self.pause()
        return (yield from self.oid(RequestType.SET, Oid.PNP_SET_POWER, PowerState.D3))

    def resume(self) -> Steps:
        """D0: OID_PNP_SET_POWER, then restart. Returns the status of the one that failed, or SUCCESS."""
        status = yield from self.oid(RequestType.SET, Oid.PNP_SET_POWER, PowerState.D0)
        return (yield from self.restart()) if status == Status.SUCCESS else status

    # requests --------------------------------------------------------------------------------------------

    def oid(self, kind: RequestType, oid: Oid, buffer: Any) -> Steps:
        """One request; others wait until it is complete. NOT_ACCEPTED while the adapter takes none."""
        if self._turn.taken:
            yield from self._turn.wait()
        self._turn.taken = True
        try:
            if self.state not in TAKES_OIDS or self.resetting:
                return Status.NOT_ACCEPTED
            self.ndis.record(REQUEST, oid=oid, kind=kind, buffer=buffer)
            status = yield from self._steps(REQUEST, self.driver.oid_request, kind, oid, buffer)
            self.ndis.record(f"{REQUEST} returns", oid=oid, kind=kind, buffer=buffer, status=status)
            if oid == Oid.PNP_SET_POWER and status == Status.SUCCESS:
                self.asleep = buffer != PowerState.D0
        finally:
            self._turn.give()
        return status

    def _until_reset(self, request: Steps) -> Steps:
        """A request's own steps, given up with REQUEST_ABORTED at the first step after a reset has begun."""
        resets, back = self.resets, None
        while True:
            try:
                back = yield request.send(back)
            except StopIteration as stop:
                return stop.value
            if self.resets != resets:
                request.close()
                return Status.REQUEST_ABORTED

    # the driver's code -------------------------------------------------------------------------------------

    def _entry(self, name: str, method: Callable[..., Any]) -> Steps:
        """An entry point that may wait, from its call to its return, both recorded."""
        self.ndis.record(name)
        status = yield from self._steps(name, method)
        self.ndis.record(f"{name} returns", status=status)
        return status

    def _at_once(self, name: str, method: Callable[..., Any], cannot_fail: bool = False) -> Status:
        """An entry point that takes no time, from its call to its return, both recorded."""
        self.ndis.record(name)
        status = self._whole(name, method)
        self.ndis.record(f"{name} returns", status=Status.SUCCESS if cannot_fail else status)
        return status

    def hand_over(self, name: str, method: Callable[[Any], Any], what: Any, **told: Any) -> None:
        """Frames, or what concerns frames, go to the driver; the judge is told."""
        self.ndis.record(name, **told)
        self._whole(name, method, what)

    def _steps(self, name: str, method: Callable[..., Any], *args: Any) -> Steps:
        """What a driver does in an entry point. One that gives up on its hardware fails; the reason goes to the error log."""
        try:
            steps = method(*args)
            if isgenerator(steps):
                steps = yield from (self._until_reset(steps) if name == REQUEST else steps)
            return steps
        except DriverFault as fault:
            self.ndis.NdisWriteErrorLogEntry(str(fault))
            return Status.FAILURE
        except NicModelError:
            raise
        except (Exception, SystemExit) as problem:
            raise stumble(self.ndis.name, self.driver, name, problem) from problem

    def _whole(self, name: str, method: Callable[..., Any], *args: Any) -> Any:
        """The same of an entry point that takes no time."""
        try:
            return method(*args)
        except NicModelError:
            raise
        except (Exception, SystemExit) as problem:
            raise stumble(self.ndis.name, self.driver, name, problem) from problem


def _nothing(*_args: Any) -> None:
    """A driver that has no such entry point."""
