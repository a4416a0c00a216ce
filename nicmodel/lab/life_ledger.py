"""What guests noticed of their VFs' lives: every frame to and from a guest, its losses and its dark times.

Made from the rows of a run, which both planes agree on, and from the stack's journal. Times are ps. Definitions:

- a frame *to* a guest is delivered when its VF's driver has reaped it, or, over the synthetic path, when the host switch
  has reaped it and VMBus has carried it: `vmbus_latency` later, and not closer than `vmbus_cost` to the one before;
- a frame *from* a guest is delivered when it has left on the wire;
- a frame that a VF's driver had while NetVSC was not bound to it is lost (`unbound`);
- a lost frame belongs to the hand-over that began last, up to `HANDOVER_REACH_PS` after the frame arrived; of several that
  began at once, to the last. Its place is that hand-over's window if a VF dropped it; if not, the synthetic path for want
  of descriptors or buffers, or `pf_away` where no filter or queue of the PF's was there;
- a frame that its guest's load has offered, and that neither left nor was dropped, is *held*: under way, or no path took it;
- *dark* is the longest time without a delivered frame, from the last one before a hand-over's window to the first after it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from nicmodel.datasheet.counters import DROP_REASONS
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.datasheet.stages import DELIVERED, FIRST_DROP, RX, TX
from nicmodel.datasheet.timing import HANDOVER_REACH_PS
from nicmodel.lab.life import Handover
from nicmodel.lab.life_keys import KINDS, PLACES
from nicmodel.lab.machine import Machine
from nicmodel.ndis.detach import UNBINDS
from nicmodel.sim.plane import PF_FUNCTION, Direction

COLUMNS = ("serial", "kind", "outcome", "function", "flow", "DESC_FETCHED", "OFF_WIRE", "ARRIVED", "REAPED")
UNBOUND = -1                 # an outcome of ours: a VF's driver had the frame, and nobody was bound to it
NOBODY = {FIRST_DROP + i for i, reason in enumerate(DROP_REASONS) if reason.name in ("no_filter", "queue_disabled", "reset")}


class Span(NamedTuple):
    """A kind of window: it opens as the first of some steps begins, or ends, and closes as the last of another ends."""

    place: str
    opens: tuple[str, ...]
    at_end: bool
    closes: str


SPANS = (Span("vf_not_ready", ("UP-13",), True, "UP-19"), Span("driver_halted", ("DN-02", "DN-03"), False, "DN-04"))


@dataclass
class Window:
    """One hand-over's window: where a lost frame is booked, from when to when (-1: it did not come to it)."""

    place: str
    begin_ps: int
    end_ps: int


@dataclass
class Dark:
    """The longest time without a frame around a window; -1 if there was no frame before it, or none after it."""

    begin_ps: int = -1
    end_ps: int = -1

    @property
    def ps(self) -> int | None:
        """How long; None where it has no beginning or no end."""
        return self.end_ps - self.begin_ps if self.begin_ps >= 0 and self.end_ps >= 0 else None


@dataclass
class GuestLife:
    """Frames of one guest: times of arrival (Rx), of delivery, and who delivered or dropped them."""

    guest: int
    rx_arrived: np.ndarray
    rx_delivered: np.ndarray         # -1: not delivered
    rx_function: np.ndarray
    rx_outcome: np.ndarray
    tx_left: np.ndarray              # times of frames that have left
    tx_synthetic: np.ndarray         # whether over the synthetic path
    tx_lost: np.ndarray              # times of frames that were dropped: when their descriptors came
    tx_offered: int | None = None    # frames that its load has offered; None for a load that takes what it gets


@dataclass
class Life:
    """All of it, for results, reports and pictures. `handovers` are (what happened, to which guest, figures)."""

    start_ps: int
    end_ps: int
    guests: list[GuestLife]
    handovers: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        """`simulated.life` of a run's JSON; times count from the start of traffic."""
        return {"handovers": self.handovers, "events": self.events, "guests": [counts(guest) for guest in self.guests]}


class Ledger:
    """Collects rows while a run goes on; `close` makes a `Life` of them."""

    def __init__(self, machine: Machine, handovers: list[Handover]):
        self.machine, self.happened = machine, handovers
        self.first = len(machine.stack.journal.entries)      # what came before belongs to bring-up
        self.parts: list[np.ndarray] = []
        self.end_ps = 0

    def add(self, rows: np.ndarray) -> None:
        """Rows that are done, each once, in any order."""
        if len(rows):
            self.parts.append(rows[list(COLUMNS)].copy())

    def close(self, end_ps: int) -> Life:
        """What every guest noticed."""
        self.end_ps = end_ps
        machine, start = self.machine, self.machine.started
        rows = np.sort(np.concatenate(self.parts), order="serial") if self.parts else np.empty(0)
        guests = [self._guest(v, rows) for v in range(machine.scenario.num_vfs)] if len(rows) else []
        life = Life(start, end_ps, guests)
        life.events = [{"at_ps": e.begin_ps - start, "end_ps": e.end_ps - start if e.end_ps >= 0 else None, "guest": e.guest,
                        "actor": e.actor, "step": e.step, "what": e.what, "status": None if e.status is None else e.status.name}
                       for e in machine.stack.journal.entries[self.first:]]
        windows = [(h, v, window(h, v, end_ps)) for h in self.happened for v in h.guests]
        life.handovers = [self._handover(h, window, guests[v], next((later.begin_ps for later, other, _ in windows[number:]
                                                                      if other == v), None))
                          for number, (h, v, window) in enumerate(windows, start=1) if v < len(guests)]
        return life

    def _guest(self, v: int, rows: np.ndarray) -> GuestLife:
        machine = self.machine
        assert machine.switch is not None
        flows = [flow for flow, guest in machine.flows.items() if guest == v]
        mine = rows[np.isin(rows["flow"], flows)]
        rx, tx = mine[mine["kind"] == RX], mine[mine["kind"] == TX]
        shared = [tx, *(of_life[np.nonzero(np.array(posted[:len(of_life)], np.int64) == v)[0]]
                        for of_life, posted in self._synthetic(rows))]
        sent = np.sort(np.concatenate(shared), order="serial")
        left = sent[sent["outcome"] == DELIVERED]
        outcome = np.where(self._unbound(v, rx), UNBOUND, rx["outcome"])
        return GuestLife(v, rx["ARRIVED"], self._delivered(rx, outcome), rx["function"], outcome,
                         left["OFF_WIRE"], left["function"] == PF_FUNCTION, sent["DESC_FETCHED"][sent["outcome"] >= FIRST_DROP],
                         self._offered())

    def _synthetic(self, rows: np.ndarray) -> list[tuple[np.ndarray, list[int]]]:
        """What the PF's Tx ring has sent, an opening of it at a time, and whose frames those are, in order."""
        switch = self.machine.switch
        assert switch is not None
        mine = rows[(rows["kind"] == TX) & (rows["function"] == PF_FUNCTION)]
        ends = [*(opening.since for opening in switch.openings[1:]), self.end_ps][:len(switch.openings)]
        return [(mine[(mine["DESC_FETCHED"] >= opening.since) & (mine["DESC_FETCHED"] < end)], opening.posted)
                for opening, end in zip(switch.openings, ends, strict=True)]

    def _offered(self) -> int | None:
        """Frames that a guest's load has offered to send, whoever took them; None for a load without a rate."""
        s = self.machine.scenario
        ticks = s.interval_ticks(Direction.TX)
        if not s.transmits:
            return 0
        return -(-(self.end_ps - self.machine.started) * TICKS_PER_PS // ticks) if ticks else None

    def _unbound(self, v: int, rx: np.ndarray) -> np.ndarray:
        """Which frames a VF's driver had while NetVSC was not bound to it: from DN-03 until the next packet filter (UP-19)."""
        found, since = np.zeros(len(rx), bool), None
        mine = [e for e in self.machine.stack.journal.entries[self.first:] if e.guest == v]
        for entry in [*mine, None]:
            if entry is not None and entry.what == UNBINDS and since is None:
                since = entry.end_ps
            elif since is not None and (entry is None or entry.step == "UP-19"):
                found |= (rx["REAPED"] > since) & (rx["REAPED"] <= (self.end_ps if entry is None else entry.end_ps))
                since = None
        return found & (rx["function"] != PF_FUNCTION) & (rx["outcome"] == DELIVERED)

    def _delivered(self, rx: np.ndarray, outcome: np.ndarray) -> np.ndarray:
        """When the guest had each frame; -1 for those it never had."""
        life = self.machine.scenario.life
        times = np.where(outcome == DELIVERED, rx["REAPED"], -1)
        over = np.nonzero((rx["function"] == PF_FUNCTION) & (times >= 0))[0]
        over = over[np.argsort(times[over], kind="stable")]
        place = np.arange(len(over)) * life.vmbus_cost
        times[over] = np.maximum.accumulate(times[over] + life.vmbus_latency - place) + place
        return times

    def _handover(self, happened: Handover, window: Window | None, guest: GuestLife, next_ps: int | None) -> dict[str, Any]:
        """What a guest noticed of one hand-over; its next one begins at ``next_ps``."""
        start = self.machine.started
        end_ps = None if next_ps is None else next_ps - HANDOVER_REACH_PS
        lost = losses(guest, window, happened.begin_ps - HANDOVER_REACH_PS, end_ps)
        rx, tx = (dark(times, window) for times in (guest.rx_delivered, guest.tx_left))
        return {
            "kind": happened.kind, "guest": guest.guest, "at_ps": happened.begin_ps - start,
            "end_ps": happened.end_ps - start if happened.end_ps >= 0 else None,
            "window": None if window is None else {"place": window.place, "begin_ps": window.begin_ps - start,
                                                   "end_ps": window.end_ps - start},
            "lost": lost, "rx_dark_ps": rx.ps, "tx_dark_ps": tx.ps,
            "rx_dark": [rx.begin_ps - start, rx.end_ps - start] if rx.ps is not None else None,
            "tx_dark": [tx.begin_ps - start, tx.end_ps - start] if tx.ps is not None else None}


def window(happened: Handover, guest: int, run_ends_ps: int) -> Window | None:
    """The window of a hand-over in which a VF that is not served gets a guest's frames; None if it had none.

    One of the PF's that is open when the run ends goes as far as the run.
    """
    steps = happened.steps(guest)
    if (place := KINDS[happened.kind].place) and steps:
        is_over = all(step.end_ps >= 0 for step in steps)
        return Window(place, steps[0].begin_ps, max(step.end_ps for step in steps) if is_over else run_ends_ps)
    for span in SPANS:
        first = next((s for s in steps if s.step in span.opens), None)
        last = next((s for s in reversed(steps) if s.step == span.closes), None)
        if first is not None and last is not None and last.end_ps >= 0:
            return Window(span.place, first.end_ps if span.at_end else first.begin_ps, last.end_ps)
    return None


def losses(guest: GuestLife, window: Window | None, begin_ps: int, end_ps: int | None) -> dict[str, Any]:
    """Frames lost from ``begin_ps`` on, up to ``end_ps``: by place, by reason, and sent ones."""
    inside = never_had(guest) & (guest.rx_arrived >= begin_ps)
    sent = guest.tx_lost >= begin_ps
    if end_ps is not None:
        inside &= guest.rx_arrived < end_ps
        sent &= guest.tx_lost < end_ps
    at_vf = inside & (guest.rx_function != PF_FUNCTION)
    found = dict.fromkeys(PLACES, 0)
    found["other" if window is None else window.place] += int(at_vf.sum())
    at_pf = guest.rx_outcome[inside & ~at_vf]
    found["pf_away"] += (away := int(np.isin(at_pf, list(NOBODY)).sum()))
    found["synthetic"] += len(at_pf) - away
    reasons = {reason.name: n for position, reason in enumerate(DROP_REASONS)
               if (n := int((guest.rx_outcome[inside] == FIRST_DROP + position).sum()))}
    if unbound := int((guest.rx_outcome[inside] == UNBOUND).sum()):
        reasons["unbound"] = unbound
    return {"rx": int(inside.sum()), "places": found, "reasons": reasons, "tx": int(sent.sum())}


def never_had(guest: GuestLife) -> np.ndarray:
    """Which frames to a guest were lost: dropped by the adapter, or by NDIS since nobody was bound."""
    return (guest.rx_outcome >= FIRST_DROP) | (guest.rx_outcome == UNBOUND)


def dark(delivered: np.ndarray, window: Window | None) -> Dark:
    """The longest time without a frame around a window."""
    if window is None:
        return Dark()
    times = np.sort(delivered[delivered >= 0])
    first = int(np.searchsorted(times, window.begin_ps, "right")) - 1
    last = max(first + 1, int(np.searchsorted(times, window.end_ps, "left")))
    if first < 0:
        return Dark(end_ps=int(times[last]) if last < len(times) else -1)
    if last >= len(times):
        return Dark(begin_ps=int(times[-1]))
    gaps = np.diff(times[first:last + 1])
    longest = first + int(np.argmax(gaps))
    return Dark(int(times[longest]), int(times[longest + 1]))


def counts(guest: GuestLife) -> dict[str, Any]:
    """One guest's frames over the whole run."""
    lost = never_had(guest)
    over = guest.rx_function[guest.rx_delivered >= 0] == PF_FUNCTION
    return {"guest": guest.guest, "rx_offered": len(guest.rx_arrived), "rx_vf": int((~over).sum()),
            "rx_synthetic": int(over.sum()), "rx_lost": int(lost.sum()),
            "rx_inside": int(len(guest.rx_arrived) - lost.sum() - len(over)), "tx_offered": guest.tx_offered,
            "tx_vf": int((~guest.tx_synthetic).sum()), "tx_synthetic": int(guest.tx_synthetic.sum()),
            "tx_lost": len(guest.tx_lost),
            "tx_held": None if guest.tx_offered is None else guest.tx_offered - len(guest.tx_left) - len(guest.tx_lost)}
