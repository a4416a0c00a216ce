"""The books: what packets waited for, how full the pools were, who was served meanwhile (docs/time.md, 10).

Blocks tell it what enters and leaves a line, what is taken and returned, and what is served. It only adds up: nothing
here decides, and nothing that decides looks here. Without `books` every verb returns at once.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from nicmodel.datasheet.arbiters import ARBITERS, CAUSES, LINES, ORDER
from nicmodel.datasheet.books import COUNTS, LINE_WAITS, POOLS, SAMPLE, SERVED, WAIT, WAITS
from nicmodel.reference.credits import DATA, HEADER, Counter
from nicmodel.reference.instants import LINE, Clock, Instants
from nicmodel.reference.rows import UNBOOKED
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.plane import Direction
from nicmodel.sim.results import AGENT_DTYPE, AUDIT_DTYPE, POOL_DTYPE

TAGS, READ_BUFFER, TX_BUFFER, RX_BUFFER, UP_PH, UP_PD, UP_NPH, DOWN_PH, DOWN_PD, DOWN_CPLH, DOWN_CPLD = range(len(POOLS))
UP, DOWN, WIRE, WALKERS = range(len(SERVED))
SERVER_OF = {LINE["up_posted"]: UP, LINE["up_nonposted"]: UP, LINE["down_completion"]: DOWN, LINE["tx_wire"]: WIRE,
             LINE["walk_queue"]: WALKERS}                     # lines whose entries are sampled
WAIT_OF = [[WAIT.get(name) for name in LINE_WAITS[line]] for line in LINES]       # line, cause -> wait
AT_RECEIVER = {UP: (WAIT["walkers"], WAIT["write_order"]), DOWN: (WAIT["register_port"],)}     # waits of a TLP there
# Headers and data of posted, non-posted and completion TLPs that a packet follows; None: no book is kept.
CREDIT_POOLS = {UP: ((UP_PH, UP_PD), (UP_NPH, None), (None, None)),
                DOWN: ((DOWN_PH, DOWN_PD), (None, None), (DOWN_CPLH, DOWN_CPLD))}


class Carrier(Protocol):
    """What waits in lines: a row, a request, a TLP, an access, a walk. Carriers may share `waits`."""

    waits: list[int]                 # by row of WAITS
    entered: list[int]               # the clocks of its line when it entered
    seen: list[int] | None           # sampled: what its server had served by then

    @property
    def function(self) -> int: ...


def word(number: int) -> int:
    """As a word of 64 bits holds it: an integral wraps."""
    return (number + (1 << 63)) % (1 << 64) - (1 << 63)


class Pool:
    """How much is taken, the time integral of that, and the part of it that its holders spent waiting."""

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.taken = self.used = self.queued = self.since = 0

    def take(self, now: int, amount: int) -> None:
        self.used = self.sums(now)[0]
        self.since = now
        self.taken += amount

    def give(self, now: int, amount: int, waited_ps: int) -> None:
        self.take(now, -amount)
        self.queued += amount * waited_ps

    def sums(self, now: int) -> tuple[int, int]:
        return self.used + self.taken * (now - self.since), self.queued


class TxBuffer(Pool):
    """Room for frames. While it is *short*, what is left is too little for all that wait, and all of it counts as taken."""

    short = False

    def review(self, now: int, short: bool) -> None:
        """The scheduler has decided."""
        self.take(now, 0)
        self.short = short

    def sums(self, now: int) -> tuple[int, int]:
        return self.used + (self.capacity if self.short else self.taken) * (now - self.since), self.queued


class Credits(Pool):
    """A count of credits. While the head of its line lacks some, and then until more come or the line is empty, those that are
    left are *spoken for*: too few for the head, or for TLPs that the link sends one after the other."""

    def __init__(self, capacity: int):
        super().__init__(capacity)
        self.spoken_for = 0                                   # of `taken`
        self.lacking = self.recovering = False

    def start(self, now: int, amount: int) -> None:
        """A TLP takes some."""
        if self.lacking or self.recovering:
            self.spoken_for -= amount
        else:
            self.take(now, amount)

    def report(self, now: int, amount: int) -> None:
        """The sender has some again."""
        if self.lacking:
            self.spoken_for += amount
            return
        self.give(now, amount, 0)
        self.let_go(now)

    def let_go(self, now: int) -> None:
        """Nobody is in want of them."""
        self.give(now, self.spoken_for, 0)
        self.spoken_for = 0
        self.lacking = self.recovering = False

    def review(self, now: int, waits: bool, lacks: bool, left: int) -> None:
        """After a decision: does anything wait in its line, does the head lack some, and how many has the sender?"""
        if not waits:
            self.let_go(now)
        elif lacks:
            if not (self.lacking or self.recovering):
                self.take(now, left)
                self.spoken_for = left
            self.lacking, self.recovering = True, False
        elif self.lacking:
            self.lacking, self.recovering = False, True


class Books:
    """All sums of a plane."""

    def __init__(self, instants: Instants, config: PlaneConfig):
        self.instants, self.config, self.on = instants, config, config.books
        functions = config.num_functions
        self.row_waits: dict[int, list[int]] = {}             # delivered rows, by serial
        self.waits = np.zeros((functions, 2, len(WAITS) + 1), np.int64)
        self.grants = [0] * len(ARBITERS)
        self.credits = {count: Credits(getattr(config, name)) for count, name in enumerate(COUNTS.values(), start=UP_PH)}
        self.tx_buffer = TxBuffer(config.tx_buffer)
        self.pools = [Pool(config.tags), Pool(config.read_buffer), self.tx_buffer, Pool(config.rx_buffer),
                      *self.credits.values()]
        self.own_tags = [Pool(config.tags) for _ in range(functions)]
        self.requests: set[Any] = set()                       # that hold a tag
        self.too_little = 0                                   # of the read buffer, beside what requests hold
        self.stored: tuple[set[Any], set[Any]] = (set(), set())      # rows in the Tx and in the Rx buffer
        self.served = [[0] * functions for _ in SERVED]
        self.entries = [0] * len(LINES)                       # of the sampled lines
        self.interference = np.zeros((len(SERVED), functions, functions), np.int64)

    def fresh(self) -> list[int]:
        """The waits of a carrier that has not waited yet."""
        return [0] * len(WAITS) if self.on else UNBOOKED

    # lines ------------------------------------------------------------------------------------------------
    def blame(self, line: str, cause: int, now: int) -> None:
        """The cause of a line that has clocks in the books alone."""
        if self.on:
            self.instants.blame(LINE[line], cause, now)

    def enters(self, carrier: Carrier, line: int, now: int) -> None:
        """A carrier's clocks start, if a packet follows it."""
        if carrier.waits:
            carrier.entered = self.instants.lines[line].at(now)

    def leaves(self, carrier: Carrier, line: int, now: int) -> None:
        """A carrier is charged with what the clocks have run since."""
        if carrier.waits:
            self.charge(carrier, line, self.instants.lines[line].at(now))

    def enters_queue(self, carrier: Carrier, clock: Clock, now: int) -> None:
        """As `enters`, for rows that wait for the scheduler: by their function's clock."""
        if self.on:
            carrier.entered = clock.at(now)

    def leaves_queue(self, carrier: Carrier, clock: Clock, now: int) -> None:
        if self.on:
            self.charge(carrier, LINE["tx_queues"], clock.at(now))

    def charge(self, carrier: Carrier, line: int, clocks: list[int]) -> None:
        for cause in range(len(CAUSES)):
            waited = clocks[cause] - carrier.entered[cause]
            if waited:
                wait = WAIT_OF[line][cause]
                assert wait is not None, (LINES[line], CAUSES[cause])
                carrier.waits[wait] += waited

    def sample(self, carrier: Carrier, line: int) -> None:
        """A carrier has entered a line: every so many are noted."""
        if self.on and line in SERVER_OF:
            if self.entries[line] % SAMPLE == 0:
                carrier.seen = list(self.served[SERVER_OF[line]])
            self.entries[line] += 1

    def sampled(self, carrier: Carrier, line: int) -> None:
        """A carrier leaves a line: what has been served meanwhile was in the way of its function."""
        if carrier.seen is not None:
            server = SERVER_OF[line]
            self.interference[server, carrier.function] += np.subtract(self.served[server], carrier.seen)
            carrier.seen = None

    def serve(self, server: int, function: int, amount: int) -> None:
        if self.on:
            self.served[server][function] += amount

    # waits ------------------------------------------------------------------------------------------------
    def wait(self, carrier: Carrier, wait: str, ps: int) -> None:
        """A wait that is a difference of two times."""
        if self.on and ps > 0:
            carrier.waits[WAIT[wait]] += ps

    def inherit(self, carrier: Carrier, waits: list[int]) -> None:
        """What a carrier's carrier has waited."""
        if self.on:
            carrier.waits = [own + more for own, more in zip(carrier.waits, waits, strict=True)]

    def close(self, row: Any, direction: Direction, latency_ps: int) -> None:
        """A row is delivered."""
        if self.on:
            self.waits[row.function, direction] += [*row.waits, latency_ps]
            if self.config.record_rows:
                self.row_waits[row.serial] = row.waits

    def waits_of(self, rows: list[Any]) -> np.ndarray:
        """Waits of recorded rows, int64 [n, W] in ps: zeros of one that is not delivered; n = 0 without books."""
        none = [0] * len(WAITS)
        waits = [self.row_waits.get(row.serial, none) for row in rows] if self.on else []
        return np.array(waits, np.int64).reshape(-1, len(WAITS))

    def forget(self, rows: list[Any]) -> None:
        """Somebody else keeps their waits."""
        for row in rows:
            self.row_waits.pop(row.serial, None)

    # rates ------------------------------------------------------------------------------------------------
    def grant(self, arbiter: str) -> None:
        if self.on:
            self.grants[ORDER[arbiter]] += 1

    def take_tag(self, now: int, request: Any) -> None:
        """A request has its tag and its read buffer; what it waits for from now on is queueing of a holder."""
        if self.on:
            self.requests.add(request)
            request.before = list(request.waits)
            self.pools[TAGS].take(now, 1)
            self.own_tags[request.read.function].take(now, 1)
            self.pools[READ_BUFFER].take(now, request.nbytes)

    def give_tag(self, now: int, request: Any) -> None:
        if self.on:
            self.requests.remove(request)
            waited = 0 if request.read.stale else self._queued(request, request.own_ps)
            self.pools[TAGS].give(now, 1, waited)
            self.own_tags[request.read.function].give(now, 1, waited)
            self.pools[READ_BUFFER].give(now, request.nbytes, waited)

    def review_read_buffer(self, now: int, too_little: int) -> None:
        """TAGS has decided: so much of it is left and too little for a request."""
        if self.on:
            self.pools[READ_BUFFER].take(now, too_little - self.too_little)
            self.too_little = too_little

    def _queued(self, holder: Any, own_ps: int = 0) -> int:
        """What it has queued since it took what it holds. `own_ps`: that is no queueing on the way down."""
        since = [now - then for now, then in zip(holder.waits, holder.before, strict=True)]
        latency = min(since[WAIT["write_order"]], self.config.write_latency_ps) + min(since[WAIT["down_link"]], own_ps)
        return sum(since) - latency

    def take_room(self, now: int, pool: int, row: Any) -> None:
        """A row has its room in a packet buffer."""
        if self.on:
            self.stored[pool - TX_BUFFER].add(row)
            row.before = list(row.waits)
            self.pools[pool].take(now, row.room)

    def give_room(self, now: int, pool: int, row: Any, more_ps: int = 0) -> None:
        """`more_ps`: what its payload's last TLP has waited."""
        if self.on and row.room:
            self.stored[pool - TX_BUFFER].remove(row)
            self.pools[pool].give(now, row.room, 0 if row.vanished else self._queued(row) + more_ps)

    def credits_of(self, way: int, kind: int, amounts: tuple[int, int] | list[int]) -> list[tuple[Credits, int]]:
        """The finite counts that a kind of TLP takes credits of in a direction, each with its part of `amounts`."""
        counts = [(self.credits[count], amounts[half]) for half, count in enumerate(CREDIT_POOLS[way][kind])
                  if self.on and count is not None]
        return [(count, amount) for count, amount in counts if count.capacity]

    def take_credits(self, now: int, way: int, kind: int, data: int) -> None:
        """A TLP starts."""
        for count, amount in self.credits_of(way, kind, (1, data)):
            count.start(now, amount)

    def queue_credits(self, way: int, kind: int, data: int, waits: list[int]) -> None:
        """The receiver releases the credits of a TLP that has waited there, an access for its port. That a read waits for the
        writes before it as long as any write takes, and a write for those before it as long as any walk does, is no queueing."""
        for count, amount in self.credits_of(way, kind, (1, data)):
            latency_ps = self.config.write_latency_ps if count is self.credits[UP_NPH] else self.config.walk_ps
            latency = min(waits[WAIT["write_order"]], latency_ps)
            count.queued += amount * (sum(waits[wait] for wait in AT_RECEIVER[way]) - latency)

    def give_credits(self, now: int, way: int, kind: int, report: list[int]) -> None:
        """The sender has them again."""
        for count, amount in self.credits_of(way, kind, report):
            count.report(now, amount)

    def review_credits(self, now: int, way: int, kind: int, data: int | None, counters: list[Counter]) -> None:
        """A link has decided; `data`: what the head of the line needs, None if there is none."""
        for count, half in self.credits_of(way, kind, (HEADER, DATA)):
            counter = counters[half]
            lacks = data is not None and not counter.covers((1, data)[half])
            count.review(now, data is not None, lacks, counter.left)

    # results ----------------------------------------------------------------------------------------------
    def results(self, plane: Any) -> dict[str, Any]:
        horizon = self.instants.horizon
        pools = [(pool.capacity, *map(word, pool.sums(horizon))) if self.on else (0, 0, 0) for pool in self.pools]
        agents = [(config.function, config.core, agent.busy_ps, agent.passes, agent.received) if self.on and agent
                  else (config.function, config.core, 0, 0, 0)
                  for config, agent in zip(plane.agent_configs, plane.agents, strict=True)]
        own_tags = [[*map(word, pool.sums(horizon))] for pool in self.own_tags]
        return {"waits": self.waits.copy(), "row_waits": self.waits_of(plane.rows), "grants": np.array(self.grants, np.int64),
                "agents": np.array(agents, AGENT_DTYPE), "pools": np.array(pools, POOL_DTYPE),
                "own_tags": np.array(own_tags, np.int64),
                "served": np.array(self.served, np.int64), "interference": self.interference.copy(),
                "audit": np.array(self._audit(plane), AUDIT_DTYPE)}

    def _audit(self, plane: Any) -> list[tuple[int, int, int]]:
        """Per pool: capacity, what its owner has left, and what holders hold, counted one by one."""
        if not self.on:
            return [(0, 0, 0)] * len(POOLS)
        links = {UP: plane.up.pools, DOWN: plane.down.pools}
        counters = {pool: links[way][kind].counters[half] for way, kinds in CREDIT_POOLS.items()
                    for kind, halves in enumerate(kinds) for half, pool in enumerate(halves) if pool is not None}
        free = (plane.tags.free, plane.tags.buffer, plane.transmit.buffer, plane.receive.buffer,
                *(counter.left for _, counter in sorted(counters.items())))
        held = (len(self.requests), sum(request.nbytes for request in self.requests),
                *(sum(row.room for row in rows) for rows in self.stored),
                *(count.taken - count.spoken_for for count in self.credits.values()))
        return [(pool.capacity, left if pool.capacity else 0, taken)
                for pool, left, taken in zip(self.pools, free, held, strict=True)]
