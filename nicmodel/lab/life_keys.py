"""[life]: what guests and their VFs go through in a run, key by key, and which events can follow each other.

    [[life.events]]
    at = "300us"
    kind = "fail_over"
    vf = 1

Guests are numbered as the VFs that they have when all have one. Carrying out is `life.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, NamedTuple

from pydantic import Field, model_validator

from nicmodel.datasheet import timing
from nicmodel.lab.keys import Section
from nicmodel.lab.validators import PositiveTime, Text, Time, one_of, whole
from nicmodel.sim.units import DURATION

if TYPE_CHECKING:
    from nicmodel.lab.scenario import Scenario


@dataclass(frozen=True)
class Kind:
    """What an event needs of its guest ("vf": it has a VF, "none": it has none, "asleep"; "": no guest), and what it leaves.

    What happens is told in docs/life.md. ``of_pf`` is what the PF has to be before ("": no matter), ``pf`` what it leaves of it.
    ``place`` is where frames are lost meanwhile, if not in the window between documented steps (`life_ledger.SPANS`).
    """

    needs: str = ""
    leaves: str = ""
    pf: str = "up"
    of_pf: str = "up"
    place: str = ""


KINDS = {
    "attach_vf": Kind("none", "vf"),
    "detach_vf": Kind("vf", "none"),
    "surprise_remove": Kind("vf", "none"),
    "fail_over": Kind("vf", "none"),
    "fail_back": Kind("none", "vf"),
    "guest_flr": Kind("vf", "vf", place="vf_reset"),
    "sleep": Kind("vf", "asleep", place="asleep"),
    "resume": Kind("asleep", "vf", place="asleep"),
    "pf_reset": Kind(place="pf_away"),
    "pf_sleep": Kind(pf="asleep", place="pf_away"),
    "pf_resume": Kind(of_pf="asleep", place="pf_away"),
    "pf_surprise": Kind(pf="gone", place="pf_away"),
    "pf_halt": Kind(pf="halted", place="pf_away"),
    "re_enable": Kind(of_pf="", place="pf_away"),
}


class Place(NamedTuple):
    """Where frames to a guest get lost: what a report calls it, and what the picture says of its window."""

    name: str
    window: str = ""


PLACES = {
    "vf_not_ready": Place("VF not ready", "filter points to a VF that is not ready"),
    "driver_halted": Place("driver halted", "driver gone, filter still at the VF"),
    "vf_reset": Place("VF in reset", "VF in reset"),
    "asleep": Place("guest asleep", "guest asleep"),
    "pf_away": Place("PF away", "PF away"),
    "synthetic": Place("synthetic path"),           # no window
    "other": Place("elsewhere"),
}


class Event(Section):
    """[[life.events]]: something that the virtualization stack, a guest or the PF does, at a time after the start of traffic."""

    at: Time = Field(description="after the start of traffic")
    kind: Annotated[Text, one_of(*KINDS)] = Field(description="what happens")
    vf: Annotated[int, whole(0, 1 << 16)] | None = Field(default=None, description="to which guest, by number")
    last_vf: Annotated[int, whole(0, 1 << 16)] | None = Field(
        default=None, description="and to every guest after that, up to this one"
    )
    every: Time = Field(default=0, description="with last_vf: how much later to each guest than to the one before")
    num_vfs: Annotated[int, whole(1, 1 << 16)] | None = Field(
        default=None, description="VFs from then on; the first guests get them"
    )

    @model_validator(mode="after")
    def _fits(self) -> Event:
        needs_guest = bool(KINDS[self.kind].needs)
        if needs_guest and self.vf is None:
            raise ValueError(f'"{self.kind}" needs vf, the number of the guest')
        if not needs_guest and not self.vf == self.last_vf is None:
            raise ValueError(f'"{self.kind}" takes no vf')
        if self.vf is not None and self.last_vf is not None and self.last_vf < self.vf:
            raise ValueError(f"last_vf must not be below vf, which is {self.vf}")
        if self.every and self.last_vf is None:
            raise ValueError("every needs last_vf")
        if self.kind == "re_enable" and self.num_vfs is None:
            raise ValueError('"re_enable" needs num_vfs, the number of VFs from then on')
        if self.kind != "re_enable" and self.num_vfs is not None:
            raise ValueError(f'"{self.kind}" takes no num_vfs')
        return self

    def each(self) -> Iterator[Event]:
        """The event of every guest that this one is for."""
        if self.vf is None or self.last_vf is None:
            yield self
            return
        for number, vf in enumerate(range(self.vf, self.last_vf + 1)):
            yield self.model_copy(update={"at": self.at + number * self.every, "vf": vf, "last_vf": None, "every": 0})


class LifeKeys(Section):
    """[life]: guests and their VFs, over time."""

    attached: Annotated[int, whole(0, 1 << 16)] | None = Field(
        default=None, description="guests that have a VF when traffic starts, the others are on the synthetic path; all without"
    )
    vpci: Time = Field(default=timing.VPCI_MESSAGE_PS, description="a VPCI message between host and guest")
    pnp: Time = Field(default=timing.GUEST_PNP_PS, description="a guest's plug and play, from the message to the driver's start")
    removal: Time = Field(default=timing.GRACEFUL_REMOVAL_PS, description="how long a graceful removal may take, 0: for ever")
    vmbus_latency: Time = Field(default=timing.VMBUS_LATENCY_PS, description="host switch to guest, or back, over VMBus")
    vmbus_cost: Time = Field(default=timing.VMBUS_FRAME_PS, description="least time between two frames of a guest's channel")
    switch_cost: Time = Field(default=timing.HOST_SWITCH_FRAME_PS, description="CPU time of the host switch per frame")
    switch_poll: PositiveTime = Field(
        default=timing.HOST_SWITCH_POLL_PS, description="how often the host switch looks at what it sent"
    )
    events: tuple[Event, ...] = Field(default=(), description="what happens, and when")

    def in_order(self) -> list[tuple[int, Event]]:
        """What happens to one guest, or to the PF, by time; with each, the number of its entry in `events`."""
        happen = [(number, event) for number, entry in enumerate(self.events) for event in entry.each()]
        return sorted(happen, key=lambda numbered: numbered[1].at)

    @property
    def on(self) -> bool:
        """Whether anything of it is asked for."""
        return bool(self.events) or self.attached is not None


def misfit(s: Scenario) -> tuple[str, str] | None:
    """The first key of [life] whose value the others do not allow, with a sentence."""
    life = s.life
    if not life.on:
        return None
    if life.attached is not None and life.attached > s.num_vfs:
        return "life.attached", f"{life.attached} is not allowed: there are {s.num_vfs} VFs (num_vfs)"
    if s.direction == "vf2vf":
        return "direction", '"vf2vf" is not allowed with [life]: the synthetic path leads to the wire'
    if s.traffic.pf:
        return "traffic.pf", "true is not allowed with [life]: the PF's queue carries the synthetic path"
    for check in (_numbers, _order):
        if found := check(s):
            return found
    return None


def _numbers(s: Scenario) -> tuple[str, str] | None:
    """Guests that are not there, times past the end."""
    for number, event in s.life.in_order():
        where = f"life.events.{number}"
        if event.vf is not None and event.vf >= s.num_vfs:
            return f"{where}.vf", f"there is no guest {event.vf}: guests are numbered 0 to {s.num_vfs - 1}"
        if event.num_vfs is not None and event.num_vfs > s.num_vfs:
            return f"{where}.num_vfs", f"{event.num_vfs} is not allowed: the scenario has {s.num_vfs} guests (num_vfs)"
        if late := s.too_late(event.at):
            return f"{where}.at", late
    return None


WANTS = {"vf": "needs a VF", "none": "needs a guest without a VF", "asleep": "needs a guest that is asleep"}
PF_IS = {"up": "runs", "asleep": "is asleep", "halted": "is halted", "gone": "is gone"}
ENDS = ("pf_halt", "pf_surprise", "re_enable")                  # no guest keeps its VF
HAS = {"vf": "has a VF and is awake", "none": "has no VF", "asleep": "is asleep"}


def _order(s: Scenario) -> tuple[str, str] | None:
    """Events that their guest's state, or the PF's, does not allow, in order of time."""
    attached = s.num_vfs if s.life.attached is None else s.life.attached
    state = {v: "vf" if v < attached else "none" for v in range(s.num_vfs)}
    pf, vfs = "up", s.num_vfs
    for number, event in s.life.in_order():
        kind, where, when = KINDS[event.kind], f"life.events.{number}.kind", DURATION.format(event.at)
        if kind.of_pf not in ("", pf):
            return where, f'"{event.kind}" needs a PF that {PF_IS[kind.of_pf]}: it {PF_IS[pf]} at {when}'
        pf = kind.pf
        if event.vf is not None:
            if state[event.vf] != kind.needs:
                return where, f'"{event.kind}" {WANTS[kind.needs]}: guest {event.vf} {HAS[state[event.vf]]} at {when}'
            state[event.vf] = kind.leaves
            if list(state.values()).count("none") < s.num_vfs - vfs:
                there = f"{'is' if vfs == 1 else 'are'} {vfs}"
                return where, f'"{event.kind}" needs a free VF: there {there} at {when}'
        elif event.kind in ENDS:
            vfs = event.num_vfs or 0
            state = {v: "vf" if v < vfs else "none" for v in range(s.num_vfs)}
    return None
