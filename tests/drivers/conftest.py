"""A machine of fakes with our drivers and stack on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import simpy
from fakes import FakeAdapter

from drivers.pf import PfMiniport, PfSettings
from drivers.vf import VfMiniport, VfSettings
from nicmodel.datasheet.ndis import Status
from nicmodel.ndis.stack import Guest, VirtualizationStack, make_pf


class Machine:
    """One fake adapter, a stack, and the state of every function after `run`."""

    def __init__(self, num_vfs: int = 2, pf_driver: Any = PfMiniport, pf_settings: PfSettings | None = None,
                 queue_pairs: int = 1):
        self.env = simpy.Environment()
        self.adapter = FakeAdapter(self.env)
        self.num_vfs = num_vfs
        driver, self.ndis = make_pf(self.env, pf_driver, self.adapter.handle(0), num_vfs,
                                    pf_settings or PfSettings(vf_rss=True))
        self.queue_pairs = queue_pairs
        self.pf = driver
        self.stack = VirtualizationStack(self.env, driver, self.ndis)
        self.states: list[dict[str, Any]] = []

    def do(self, steps: Any) -> Any:
        """Run a generator of the stack to its end."""
        return self.env.run(self.env.process(steps))

    def start(self, vf_drivers: Sequence[Any] = (), settings: VfSettings | None = None,
              vlan: int = 0) -> Machine:
        """Bring up the PF, then attach every VF; VFs without a driver of their own get ours."""
        self.states = [self.do(self.stack.bring_up_pf())]
        for v in range(self.num_vfs):
            driver = vf_drivers[v] if v < len(vf_drivers) else VfMiniport
            self.states.append(self.attach(v, driver, settings, vlan))
        return self

    def attach(self, v: int, driver: Any = VfMiniport, settings: VfSettings | None = None, vlan: int = 0) -> dict[str, Any]:
        """Give VF v to a new guest with a driver; the PF's miniport gives the lowest free one, so in order."""
        handle = self.adapter.handle(1 + v)
        return self.do(self.stack.attach(Guest(v, 0x020000000100 + v, vlan, driver, {v: handle}.__getitem__, settings,
                                                self.queue_pairs)))

    def detach(self, v: int) -> Status:
        """Take the VF of guest v."""
        return self.do(self.stack.detach(self.stack.guests[v]))

    def reported(self) -> list[str]:
        """Rules broken, in order of report."""
        return [report.rule for report in self.stack.reports()]

    def driver(self, v: int) -> Any:
        """The driver of a VF."""
        guest = self.stack.guests[v]
        return guest.adapter.driver if guest.adapter else None


@pytest.fixture
def machine() -> Callable[..., Machine]:
    return Machine
