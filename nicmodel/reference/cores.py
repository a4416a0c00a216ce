"""CPU cores: which agent runs where and when (docs/time.md, 8). What an agent does with its time is agent.py."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from nicmodel.reference.books import Books
from nicmodel.reference.instants import Instants

if TYPE_CHECKING:
    from nicmodel.reference.agent import Agent


class Core:
    """One pass at a time; agents that want one wait in line."""

    def __init__(self) -> None:
        self.line: deque[Agent] = deque()
        self.running: Agent | None = None
        self.last: Agent | None = None               # whose pass was the last one


class Cores:
    """The cores that agents share, by number, and one of its own for each other agent."""

    def __init__(self, instants: Instants, switch_ps: int, books: Books):
        self.instants, self.switch_ps, self.books = instants, switch_ps, books
        self.touch = instants.arbiter("VCPU", self.decide)
        self.shared: dict[int, Core] = {}
        self.all: list[Core] = []

    def core_for(self, number: int) -> Core:
        """The shared core of that number, or a new one if it is negative."""
        core = self.shared.get(number)
        if core is None:
            core = Core()
            self.all.append(core)
            if number >= 0:
                self.shared[number] = core
        return core

    def join(self, agent: Agent) -> None:
        """A woken agent wants a pass; one that runs asks again when it has ended."""
        core = agent.core
        if core.running is not agent and agent not in core.line:
            core.line.append(agent)
            self.touch()

    def decide(self, now: int) -> None:
        for core in self.all:
            if core.line and core.running is None:
                agent = core.line.popleft()
                switch_ps = self.switch_ps if core.last not in (None, agent) else 0
                core.running = core.last = agent
                cost = max(1, agent.begin_pass(now) + switch_ps)
                agent.busy_ps += cost
                self.books.grant("VCPU")
                self.instants.at(now + cost, "AGENT_DONE", agent.number, self._done, core, agent)

    def _done(self, now: int, core: Core, agent: Agent) -> None:
        core.running = None
        agent.end_pass(now)
        self.touch()

    def forget(self, agent: Agent) -> None:
        """A dead agent waits for nothing; a pass that has begun keeps its core to its end."""
        if agent in agent.core.line:
            agent.core.line.remove(agent)
