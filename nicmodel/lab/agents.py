"""Ring agents as the drivers of a machine ask for them: what their rings have room for, and which of them got none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.registers import Register
from nicmodel.datasheet.registers_pf import RDLEN, TDLEN
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import AgentConfig

if TYPE_CHECKING:
    from nicmodel.lab.machine import Machine

ONLY = "an agent takes only rings that are open and have not been used"


def fitting(config: AgentConfig, regs: RegisterFile) -> AgentConfig:
    """The same, its batches no larger than its rings have room for: what a full pass is. Not for the plane, whose agent goes on
    at once after a batch that is as large as was asked for (docs/time.md, 8)."""
    def most(batch: int, length: Register, ring: int) -> int:
        room = regs.get(length, ring) // DESCRIPTOR_BYTES - 1 if ring >= 0 else batch
        return max(1, min(batch, room))

    return replace(config, tx_batch=most(config.tx_batch, TDLEN, config.tx_ring),
                   rx_batch=most(config.rx_batch, RDLEN, config.rx_ring))


def idle(machine: Machine, results: dict[str, Any]) -> Iterable[str]:
    """A sentence for every agent that got no ring; none with [life], where rings come and go."""
    for config, ringless in zip(machine.started_agents, results["ringless"], strict=True):
        if ringless and not machine.scenario.life.on:
            first = machine.handles[config.function].first_queue
            rings = " and ".join(f"{name} queue {ring - first}" for name, ring in (("Tx", config.tx_ring), ("Rx", config.rx_ring))
                                 if ring >= 0)
            whose = f"VF {config.function - 1}'s driver" if config.function else "the PF's driver"
            yield f"The ring agent that {whose} started for {rings} does nothing: {ONLY}."
