"""The synthetic path as the stack sees it: which guests send over VMBus and the host switch rather than over a VF.

Frames *to* a guest follow its receive filter, frames *from* it follow NetVSC: this file keeps the latter. Who carries the
frames is told through ``changed`` and is not this file's business.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.ndis.guests import Guest
from nicmodel.ndis.journal import Journal


class SyntheticPath:
    """Guests whose NetVSC sends over VMBus, in the order in which they came."""

    def __init__(self, journal: Journal):
        self.journal = journal
        self.guests: list[Guest] = []
        self.changed: Callable[[list[Guest]], None] = lambda guests: None

    def enter(self, guest: Guest) -> None:
        """PATH-01, PATH-03: NetVSC sends over VMBus."""
        guest.path = "synthetic"
        if guest not in self.guests:
            self.guests.append(guest)
            self.changed(self.guests)

    def leave(self, guest: Guest) -> None:
        """PATH-02: NetVSC sends over the VF."""
        guest.path = "vf"
        if guest in self.guests:
            self.guests.remove(guest)
            self.changed(self.guests)
