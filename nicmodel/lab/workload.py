"""The workload of a run: what was set and offered, which the results of its plane do not say. The books measure against it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from nicmodel.lab.settings import shaper_words
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import PF_FUNCTION, AgentConfig, Direction

if TYPE_CHECKING:
    from nicmodel.lab.scenario import Scenario


class Pace(NamedTuple):
    """What a ring agent's frames cost in ps, and how many of each direction a pass of it may take."""

    tx_cost_ps: int
    rx_cost_ps: int
    tx_batch: int
    rx_batch: int


@dataclass(frozen=True)
class Workload:
    """What was offered, and to what machine. Times in ps, rates in ticks of 1/1024 ps."""

    config: PlaneConfig
    tx_cost_ps: int = 0              # of a driver, per frame
    rx_cost_ps: int = 0
    batch: int = 1                   # frames a pass may take of each direction
    shaper_ticks: int = 0            # a byte of a VF, 0: no shaper
    offered_ticks: tuple[int, int] = (0, 0)     # between frames of a function, by direction; 0: saturated
    own_offered: dict[int, tuple[int, int]] = field(default_factory=dict)       # the same of a function for which it differs
    share_ticks: int = 0             # between frames that a saturated peer sends to one function, its share of the line; 0: none
    paces: tuple[Pace, ...] = ()     # of each agent in the order of their starts, as its driver asked; of others the above
    look_ps: int = 0                 # that received frames may wait until a driver looks for them
    senders: dict[int, int] = field(default_factory=dict)       # of functions that receive from one other alone: from whom

    def offered(self, function: int, way: Direction) -> int:
        """Ticks between frames offered to a function; 0: saturated."""
        return self.own_offered.get(function, self.offered_ticks)[way]

    def pace(self, agent: int) -> Pace:
        """That of an agent, by its number: a driver of one's own may not keep to what the scenario says of drivers."""
        return self.paces[agent] if agent < len(self.paces) else Pace(self.tx_cost_ps, self.rx_cost_ps, self.batch, self.batch)


def workload(scenario: Scenario, config: PlaneConfig, agents: Sequence[AgentConfig] = ()) -> Workload:
    """That of a scenario, and of the agents that its drivers have started."""
    def ticks(way: Direction, function: int) -> int:
        return 0 if scenario.load_of(function).kind == "saturated" else scenario.interval_ticks(way, function)

    def offered(function: int) -> tuple[int, int]:
        return ticks(Direction.TX, function), ticks(Direction.RX, senders.get(function, function))

    vfs = range(1, 1 + scenario.num_vfs)
    senders = {scenario.receiver(vf): vf for vf in vfs} if scenario.direction == "vf2vf" else {}
    own = [1 + int(vf) for vf in scenario.traffic.loads]
    alone = {vf: offered(vf) for vf in own + [vf for vf, sender in senders.items() if sender in own]}
    saturated = [function for function in (PF_FUNCTION, *own) if scenario.load_of(function).kind == "saturated"]
    share = scenario.interval_ticks(Direction.RX, saturated[0]) if saturated else 0
    driver, words = scenario.driver, shaper_words(scenario)
    room = scenario.ring_size - 1           # what a ring has room for

    def pace(agent: AgentConfig) -> Pace:
        return Pace(agent.tx_packet_cost_ps, agent.rx_packet_cost_ps, agent.tx_batch, agent.rx_batch)

    return Workload(config, driver.tx_cost, driver.rx_cost, min(driver.batch, room), words[0] if words else 0,
                  offered(PF_FUNCTION), alone, share, tuple(map(pace, agents)), max(driver.itr, driver.poll), senders)
