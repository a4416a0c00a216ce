"""The reference plane under watch: what must hold at every instant of any script, and when everything has come to rest.

The checks keep books of their own (who arrived, who committed, who runs until when) and compare; they are not a model.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness import US, Outcome, Run, Script, check_conservation

from nicmodel.reference.link import COMPLETION, POSTED
from nicmodel.reference.plane import ReferencePath

REST_PS = 100 * US                   # long enough for every walk, slow read and credit update


class Watched(ReferencePath):
    """Runs instant by instant and looks after each."""

    def __init__(self, config: Any):
        super().__init__(config)
        self.arrived: dict[int, list[Any]] = {}              # scope -> posted TLPs that have not committed, oldest first
        self.before: dict[Any, list[Any]] = {}               # read -> those that were there when it arrived
        self.busy_until: dict[Any, int] = {}                 # core or walker -> end of what it does
        self.silent_until = 0
        self.finite = [counter for link in (self.up, self.down) for pool in link.pools for counter in pool.counters
                       if not counter.infinite]
        host = self.host
        self._tap(host, "write_arrived", self._write_arrived)
        self._tap(host, "message_arrived", self._message_arrived)
        self._tap(host, "read_arrived", self._read_arrived)
        self._tap(host, "_commit_write", lambda now, tlp, write, piece: self._committed(write.function, (write, piece)))
        self._tap(self.vectors, "_fires",
                  lambda now, waits, message: self._committed(message.function, ("message", message)))
        self._tap(host, "_sample", self._sampled)
        self._tap(self.instants, "at", self._scheduled)
        for link in (self.up, self.down):
            self._tap(link, "retrain", self._retrains)
            chosen, occupy = link._chosen, link._occupy
            link._chosen = lambda link=link, chosen=chosen: self._chosen(link, chosen())            # type: ignore
            link._occupy = lambda now, ready, nbytes, occupy=occupy: self._occupied(now, occupy(now, ready, nbytes))  # type: ignore

    @staticmethod
    def _tap(owner: Any, name: str, look: Any) -> None:
        """`look` sees the arguments before the method acts on them."""
        method = getattr(owner, name)

        def tapped(*args: Any) -> Any:
            look(*args)
            return method(*args)
        setattr(owner, name, tapped)

    # the root complex -------------------------------------------------------------------------------------
    def _scope(self, function: int) -> list[Any]:
        return self.arrived.setdefault(function if self.config.ido else 0, [])

    def _write_arrived(self, _now: int, write: Any, piece: int) -> None:
        if not self.host.memory.is_message(write.domain):
            self._scope(write.function).append((write, piece))

    def _message_arrived(self, _now: int, function: int, _do: Any, message: Any) -> None:
        self._scope(function).append(("message", message))

    def _committed(self, function: int, token: Any) -> None:
        waiting = self._scope(function)
        relaxed = token[0] != "message" and token[0].relaxed
        assert relaxed or waiting[0] == token, "a posted TLP committed before an older one of its scope"
        waiting.remove(token)

    def _read_arrived(self, _now: int, request: Any) -> None:
        self.before[request] = list(self._scope(request.read.function))

    def _sampled(self, _now: int, tlp: Any) -> None:
        waiting = self._scope(tlp.function)
        older = self.before.pop(tlp.request)
        assert not any(token is other for token in older for other in waiting), "a read overtook a write"

    # links, cores, walkers --------------------------------------------------------------------------------
    def _chosen(self, link: Any, kind: int) -> int:
        if kind in (-1, POSTED):
            return kind
        head = link.lines[kind][0]
        for posted in link.lines[POSTED]:
            if posted.age < head.age:
                ido = self.config.ido and posted.function != head.function
                ro = kind == COMPLETION and head.relaxed and self.config.relaxed_ordering
                assert ido or ro, "a TLP passed a posted one that it must not pass"
        return kind

    def _retrains(self, now: int, duration: int, _timing: Any) -> None:
        self.silent_until = max(self.silent_until, now + duration)

    def _occupied(self, now: int, end: int) -> int:
        assert now >= self.silent_until, "a transfer started while PCIe retrains"
        return end

    def _scheduled(self, time: int, event: str, source: int, _do: Any, *args: Any) -> None:
        if event in ("AGENT_DONE", "WALK_DONE"):
            who = args[0] if event == "AGENT_DONE" else source
            assert self.now >= self.busy_until.get(who, 0), f"{event}: two at a time"
            assert event == "AGENT_DONE" or 0 <= source < self.config.walkers
            self.busy_until[who] = time

    # every instant ----------------------------------------------------------------------------------------
    def run_until(self, time: int, budget: int = -1) -> list[Any]:
        while self.next_time() < time:
            upcalls = super().run_until(time, 1)
            self.look()
            if upcalls:
                return upcalls
        return super().run_until(time)

    def look(self) -> None:
        config, tags = self.config, self.tags
        assert sum(tags.held) + tags.free == config.tags and tags.free >= 0, "tags"
        assert 0 <= tags.buffer <= config.read_buffer, "read buffer"
        assert not config.tag_cap or max(tags.held) <= config.tag_cap, "tag cap"
        assert len(self.host.iommu.iotlb) <= config.iotlb_entries, "IOTLB"
        assert sum(walk is not None for walk in self.host.iommu.walkers) <= config.walkers, "walkers"
        assert 0 <= self.transmit.buffer <= config.tx_buffer and 0 <= self.receive.buffer <= config.rx_buffer, "buffers"
        for counter in self.finite:
            assert (counter.limit - counter.consumed) % counter.modulus <= counter.advertised, "credits"

    def look_at_rest(self) -> None:
        """Nothing is under way: every pool is full, every line empty."""
        config, tags, iommu = self.config, self.tags, self.host.iommu
        assert (tags.free, tags.buffer) == (config.tags, config.read_buffer) and not any(tags.held), "tags or read buffer lost"
        assert (self.transmit.buffer, self.receive.buffer) == (config.tx_buffer, config.rx_buffer), "packet buffer lost"
        for counter in self.finite:
            assert (counter.limit - counter.consumed) % counter.modulus == counter.advertised, "credits lost"
        assert not any(self.arrived.values()) and not self.before, "a TLP is still at the root"
        assert not any(scope.line for scope in self.host.scopes), "a scope is stuck"
        assert not iommu.queue and not iommu.walks and not any(iommu.walkers), "a walk is stuck"
        assert not any(line for link in (self.up, self.down) for line in link.lines), "a TLP is stuck"
        dead = [agent for core in self.cores.all for agent in (*core.line, core.running) if agent and agent.dead]
        assert not dead, "a dead agent waits for a core or keeps it"


def to_rest(script: Script) -> Script:
    """The same script, and then everything is taken back and given time to end. An action may come after the end that the script
    names, and is carried out; so everything is taken back after the last of them.
    """
    end = max((script.end, *(at for at, _, _ in script.actions)))
    resets = tuple((end, "reset", (function,)) for function in range(5))
    wire = ((end, "set", ("wire", 0, 0)),)
    return replace(script, actions=(*script.actions, *resets, *wire), end=end + REST_PS)


def watch(script: Script) -> Outcome:
    """Run a script under watch, to its end and then to rest."""
    run = Run(Watched, to_rest(script))
    outcome = run.outcome()
    run.plane.look_at_rest()
    check_conservation(outcome)
    assert not outcome.results["inside"].any(), "a frame is still inside"
    return outcome
