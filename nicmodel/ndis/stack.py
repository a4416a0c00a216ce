"""The virtualization stack: it brings the PF up, gives VFs to guests and takes them away, in page order.

The sequences are lists of steps in `attach`, `detach` and `lives`, the requests are `switch_requests`, guests and VPCI are
`guests`; docs/ndis.md draws them. All traffic decisions are the device's: the stack issues requests and believes their
statuses. What cannot come up is closed, with the rule that closed it. `journal` keeps every step with its times.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import (
    PACKET_FILTER_BROADCAST,
    PACKET_FILTER_DIRECTED,
    PACKET_FILTER_MULTICAST,
    Oid,
    RequestType,
    Status,
)
from nicmodel.ndis.adapter import Adapter, Miniport
from nicmodel.ndis.attach import ATTACH, TO_DEFAULT_VPORT
from nicmodel.ndis.checker import Report, RuleVerdict, summary
from nicmodel.ndis.detach import ASK, OFF_THE_SWITCH, OUT_OF_THE_GUEST, SURPRISE, VANISHED, WITHDRAW
from nicmodel.ndis.guests import Guest, Times, Vpci, make_pf
from nicmodel.ndis.journal import Journal
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.lives import (
    GUEST_FLR,
    LAST_FILTER,
    PF_DOWN,
    PF_RESET,
    PF_RESUME,
    PF_SLEEP,
    PF_SURPRISE,
    PF_UP,
    RESUME,
    SLEEP,
)
from nicmodel.ndis.states import TAKES_OIDS, State
from nicmodel.ndis.switch_requests import SwitchRequests
from nicmodel.ndis.synthetic import SyntheticPath
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    import simpy

__all__ = ["Guest", "Times", "VirtualizationStack", "make_pf"]
PACKET_FILTER = PACKET_FILTER_DIRECTED | PACKET_FILTER_MULTICAST | PACKET_FILTER_BROADCAST


class VirtualizationStack:
    """One adapter's PF and its VFs. ``pf_driver`` and ``pf_ndis`` come from `make_pf`.

    What takes time is a generator, for a process of ``env``. Where the PF or the guest is in no state for it, nothing is done
    and the Status is NOT_ACCEPTED. A state record is what `state_of` gives.
    """

    def __init__(self, env: simpy.Environment, pf_driver: Miniport, pf_ndis: NdisLibrary, times: Times | None = None):
        self.env = env
        self.journal = Journal(env)
        self.vpci = Vpci(env, times or Times())
        self.synthetic = SyntheticPath(self.journal)
        self.guests: dict[int, Guest] = {}
        self.past: list[Adapter] = []               # adapters of earlier lives, for the judge's table
        self.serials = count(1)                     # of VFs: none is given twice
        self.has_switch = False
        self._take_pf(pf_driver, pf_ndis)

    def _take_pf(self, driver: Miniport, ndis: NdisLibrary) -> None:
        self.pf = Adapter(ndis, driver)
        self.pf_failed = False                      # a step of UP-01 to UP-07 was not granted
        self.requests = SwitchRequests(self.pf)

    # the PF: UP-01 to UP-07, PD-02 to PD-07 ----------------------------------------------------------------

    def bring_up_pf(self) -> Steps:
        """UP-01 to UP-07: initialise the PF, create the switch, restart. A PF in breach leaves virtualization off.

        Returns a state record.
        """
        self.pf_failed = (yield from self.journal.follow(PF_UP, self)) != Status.SUCCESS
        if self.pf.rule is not None and self.pf.ndis.virtualized:
            yield from self.pf.ndis.platform.enable_virtualization(0)
        return self.state_of_pf()

    @property
    def offers_switch(self) -> bool:
        """Whether the PF's driver has reported SR-IOV as enabled, so that NDIS creates the switch."""
        return self.requests.ndis.offers_switch

    @property
    def pf_serves(self) -> bool:
        """Whether the PF takes requests, now or as soon as a reset is over: it is neither halted, asleep nor gone."""
        return self.pf.state in TAKES_OIDS and not self.pf.asleep and not self.pf.removed

    def reset_pf(self) -> Steps:
        """MiniportResetEx of the PF under the feet of its VFs. Returns a Status."""
        if not self.pf_serves:
            return Status.NOT_ACCEPTED
        return (yield from self.journal.follow(PF_RESET, self))

    def sleep_pf(self) -> Steps:
        """The PF goes to D3 under its VFs: they notice and wait for it. Returns a Status."""
        if self.pf.state is not State.RUNNING or self.pf.resetting or self.pf.removed:
            return Status.NOT_ACCEPTED
        return (yield from self.journal.follow(PF_SLEEP, self))

    def resume_pf(self) -> Steps:
        """The PF is back in D0, and its VFs with it. Returns a Status."""
        if not self.pf.asleep or self.pf.removed or self.pf.state is not State.PAUSED:
            return Status.NOT_ACCEPTED
        return (yield from self.journal.follow(PF_RESUME, self))

    def remove_pf_by_surprise(self) -> Steps:
        """The adapter has left its slot: every guest's VF goes by surprise, then the PF; nobody is asked. Returns a Status."""
        if self.pf.removed or self.pf.state not in TAKES_OIDS:
            return Status.NOT_ACCEPTED
        yield self.env.all_of([self.env.process(self.journal.follow(VANISHED, self, guest, guest=guest.number))
                               for guest in self.guests.values() if guest.has_vf])
        return (yield from self.journal.follow(PF_SURPRISE, self))

    def shut_down_pf(self) -> Steps:
        """Take every VF away, delete the switch, halt the PF, awake if need be. Returns the first status that is no SUCCESS."""
        if self.pf.asleep:
            status = yield from self.resume_pf()
            if status != Status.SUCCESS:
                return status
        for guest in self.guests.values():
            status = Status.SUCCESS
            if guest.has_vf:
                status = yield from self.detach(guest)
            if status == Status.SUCCESS and guest.filter_id:
                status = yield from self.journal.follow(LAST_FILTER, self, guest, guest=guest.number)
            if status != Status.SUCCESS:
                return status
        return (yield from self.journal.follow(PF_DOWN, self))

    def replace_pf(self, driver: Miniport, ndis: NdisLibrary) -> Steps:
        """A PF that was halted is started anew, its registry being another. Returns a state record."""
        self.pf.remove()
        self.past.append(self.pf)
        self._take_pf(driver, ndis)
        return (yield from self.bring_up_pf())

    # a guest -----------------------------------------------------------------------------------------------

    def attach(self, guest: Guest) -> Steps:
        """Give a VF to a guest, new or known: UP-08 to UP-19. A guest keeps the one it has. Returns a state record.

        A guest that gets none is `failed`; the step that was not granted, if one was begun, is in `journal`.
        """
        if guest.has_vf:
            return self.state_of_guest(guest)
        if not self.pf_serves or self.pf.state is not State.RUNNING or not self.has_switch:
            self.guests[guest.number], guest.failed = guest, True
            return self.state_of_guest(guest)
        self._welcome(guest)
        status = yield from self.journal.follow(ATTACH, self, guest, guest=guest.number)
        guest.failed = status != Status.SUCCESS
        return self.state_of_guest(guest)

    def admit(self, guest: Guest) -> Steps:
        """A guest without a VF: its frames come to the default VPort (UP-08). Returns a Status."""
        if guest.has_vf or not self.pf_serves:
            return Status.NOT_ACCEPTED
        self._welcome(guest)
        return (yield from self.journal.follow(TO_DEFAULT_VPORT, self, guest, guest=guest.number))

    def _welcome(self, guest: Guest) -> None:
        self.guests[guest.number] = guest
        self.end_life(guest)
        self.synthetic.enter(guest)

    def end_life(self, guest: Guest) -> None:
        """A halted adapter of a guest is kept for the judge's table only."""
        if guest.adapter is not None:
            self.past.append(guest.adapter)
            guest.adapter = None

    def detach(self, guest: Guest) -> Steps:
        """DN-01 to DN-07, gracefully; by surprise if the guest does not let go in time (DN-02). Returns a Status."""
        if not self._can_change(guest):
            return Status.NOT_ACCEPTED
        guest.failed = False
        status = yield from self.journal.follow(ASK, self, guest, guest=guest.number)
        if status == Status.SUCCESS:
            status = yield from self._out_of_the_guest(guest)
        if status == Status.SUCCESS:
            status = yield from self.journal.follow(OFF_THE_SWITCH, self, guest, guest=guest.number)
        return status

    def _can_change(self, guest: Guest) -> bool:
        """Whether a guest has a VF, and there is a PF to be asked about it."""
        return guest.has_vf and self.pf_serves

    def _out_of_the_guest(self, guest: Guest) -> Steps:
        """DN-03, and DN-02 where that takes too long: a guest that still does not let go is not waited for again."""
        going = self.journal.follow(OUT_OF_THE_GUEST, self, guest, guest=guest.number)
        patience = self.vpci.times.removal_ps
        if not patience:
            return (yield from going)
        gone = self.env.process(going)
        yield gone | self.env.timeout(patience)
        if not gone.triggered:
            yield from self.journal.follow(WITHDRAW, self, guest, guest=guest.number)
            yield gone | self.env.timeout(patience)
        return Status.SUCCESS

    def remove_by_surprise(self, guest: Guest) -> Steps:
        """DN-02 to DN-07: the guest's driver learns of it when the device has gone. Returns a Status."""
        if not self._can_change(guest):
            return Status.NOT_ACCEPTED
        guest.failed = False
        return (yield from self.journal.follow(SURPRISE, self, guest, guest=guest.number))

    def guest_flr(self, guest: Guest) -> Steps:
        """A guest resets its VF and starts its driver again; the filter stays where it is. Returns a Status."""
        if not self._can_change(guest) or guest.path == "asleep":
            return Status.NOT_ACCEPTED
        return (yield from self.journal.follow(GUEST_FLR, self, guest, guest=guest.number))

    def sleep(self, guest: Guest) -> Steps:
        """A guest goes to sleep with its VF. Returns a Status."""
        if not self._can_change(guest) or guest.adapter is None or guest.adapter.state is not State.RUNNING:
            return Status.NOT_ACCEPTED
        guest.path = "asleep"
        return (yield from self.journal.follow(SLEEP, self, guest, guest=guest.number))

    def resume(self, guest: Guest) -> Steps:
        """A guest wakes up with its VF. Returns a Status."""
        if not self._can_change(guest) or guest.path != "asleep":
            return Status.NOT_ACCEPTED
        return (yield from self.journal.follow(RESUME, self, guest, guest=guest.number))

    def packet_filter(self, adapter: Adapter, mask: int = PACKET_FILTER) -> Steps:
        """NDIS sets the packet filter of an adapter, by default directed, multicast and broadcast. Returns a Status."""
        return (yield from adapter.oid(RequestType.SET, Oid.GEN_CURRENT_PACKET_FILTER, mask))

    # results -----------------------------------------------------------------------------------------------

    def adapters(self) -> list[Adapter]:
        """Every adapter that was loaded: the PF, then VFs by number, then those of earlier lives."""
        now = [g.adapter for _, g in sorted(self.guests.items()) if g.adapter is not None]
        return [self.pf, *now, *self.past]

    def verdicts(self) -> list[RuleVerdict]:
        """The rule table of every adapter, adapter by adapter."""
        return [row for adapter in self.adapters() for row in adapter.ndis.checker.verdicts()]

    def rule_table(self) -> list[RuleVerdict]:
        """One row for every rule: what a report prints."""
        return summary(self.verdicts())

    def reports(self) -> list[Report]:
        """Every breach in the order of its call."""
        found = [report for adapter in self.adapters() for report in adapter.ndis.checker.reports]
        return sorted(found, key=lambda report: report.time_ps)

    def state_of_pf(self) -> dict[str, Any]:
        """As `state_of`."""
        return self.state_of(self.pf, self.pf_failed)

    def state_of_guest(self, guest: Guest | None) -> dict[str, Any]:
        """As `state_of`; "synthetic" for a guest without a VF, closed for one that got none."""
        if guest is None:
            return {"state": "closed", "rule": self.pf.rule}
        if guest.adapter is not None and (guest.failed or guest.has_vf):
            return self.state_of(guest.adapter, guest.failed)
        return {"state": "closed" if guest.failed else "synthetic", "rule": self.pf.rule if guest.failed else None}

    @staticmethod
    def state_of(adapter: Adapter, failed: bool) -> dict[str, Any]:
        """What has become of an adapter: {"state", "rule"}.

        Its state; asleep in D3; closed if it did not come up, by which rule if it broke one.
        """
        if adapter.state is not State.RUNNING and (failed or adapter.failure or adapter.rule is not None):
            return {"state": "closed", "rule": adapter.rule}
        return {"state": "asleep" if adapter.asleep else str(adapter.state), "rule": None}
