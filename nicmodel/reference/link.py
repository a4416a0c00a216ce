"""A PCIe link direction: three lines of TLPs, ordering, Acks, credit updates, SKPs and retraining (docs/time.md, 2).

It knows when a transfer may start and when it ends; what it means is its owner's business.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from nicmodel.datasheet.pcie_link import DLLP_BYTES, TICKS_PER_PS, UPDATE_FC_IDLE_PS
from nicmodel.reference.books import Books
from nicmodel.reference.credits import DATA, HEADER, CreditPool
from nicmodel.reference.instants import LINE, NO_CAUSE, POOL, SERVER, TURN, Instants
from nicmodel.reference.rows import Transfer
from nicmodel.reference.ticks import ceil_ps, start_time, ticks
from nicmodel.sim.plane import NEVER, WHOLE_SHARE

POSTED, NONPOSTED, COMPLETION = 0, 1, 2
LINES = 3


class LinkTiming(NamedTuple):
    """What a generation and a width decide; the words of the table `retrain` after the first."""

    byte_ticks: int
    ack_ps: int
    fc_ps: int
    skp_ps: int                               # 0: no SKPs
    skp_bytes: int


class Link:
    """One direction. `other` is the opposite one, which carries its Acks and credit updates."""

    other: Link

    def __init__(self, instants: Instants, name: str, end_event: str, source: int, timing: LinkTiming,
                 pools: list[CreditPool], policy: str, ido: bool, digest_bytes: int, share: int, books: Books):
        self.books = books
        self.instants, self.name, self.end_event, self.source = instants, name, end_event, source
        self.timing, self.pools, self.policy, self.ido = timing, pools, policy, ido
        self.digest_bytes = digest_bytes      # of every TLP
        self.share = share                    # of the link's byte time, of WHOLE_SHARE
        self.byte_ticks = timing.byte_ticks * share // WHOLE_SHARE
        self.arbiter = {"up": "UPSTREAM", "down": "DOWNSTREAM"}[name]
        self.touch = instants.arbiter(self.arbiter, self.decide)
        self.line_names = [LINE[f"{name}_{kind}"] for kind in ("posted", "nonposted", "completion")]
        self.lines: list[deque[Transfer]] = [deque(), deque(), deque()]
        self.turn = POSTED                    # the line that is asked first by `round_robin`
        self.free = 0                         # nothing starts before
        self.ended = 0                        # of the last transfer; `free` is later after a retrain
        self.age = 0
        self.began = 0                        # the decision that started the last TLP
        self.wake_at = -1
        self.skp_due = timing.skp_ps or NEVER
        self.ack_due = -1                     # this direction owes an Ack for TLPs of the other
        self.tlps = self.tlp_bytes = self.dllp_bytes = self.skp_total = self.busy_ticks = 0
        if timing.skp_ps:
            self._remind(self.skp_due)

    def start(self) -> None:
        """Both directions exist: credit updates may fall due."""
        for pool in self.pools:
            if pool.reported:
                self.other._remind_idle(0, pool)

    def _remind(self, due: int) -> None:
        self.instants.at(due, "DLLP", self.source, self._look_again)

    def _remind_idle(self, now: int, pool: CreditPool) -> None:
        """One standing reminder a pool: it moves on while credit updates keep going out by themselves."""
        if pool.due <= now:
            self.touch()
        next_look = pool.due if pool.due > now else now + UPDATE_FC_IDLE_PS
        self.instants.at(next_look, "DLLP", self.source, self._remind_idle, pool)

    def _look_again(self, _now: int) -> None:
        """A DLLP falls due, or the link is free."""
        self.touch()

    def retrain(self, now: int, duration: int, timing: LinkTiming) -> None:
        """Nothing starts before `now + duration`; then the new numbers hold."""
        self.free = max(self.free, ticks(now + duration))
        self.timing = timing
        self.byte_ticks = timing.byte_ticks * self.share // WHOLE_SHARE
        if self.skp_due == NEVER and timing.skp_ps:
            self.skp_due = now + timing.skp_ps
            self._remind(self.skp_due)
        self.touch()

    # senders and receivers --------------------------------------------------------------------------------
    def queue(self, now: int, kind: int, transfer: Transfer) -> None:
        """A TLP joins its line at `now`."""
        self._join(now, kind, transfer)
        self.touch()

    def _join(self, now: int, kind: int, transfer: Transfer) -> None:
        transfer.age, transfer.ready = self.age, now
        self.age += 1
        self.lines[kind].append(transfer)
        self.books.enters(transfer, self.line_names[kind], now)
        self.books.sample(transfer, self.line_names[kind])

    def transfer_ps(self, transfers: list[Transfer]) -> int:
        """How long they need the link."""
        return sum(each.wire_bytes + self.digest_bytes for each in transfers) * self.byte_ticks // TICKS_PER_PS

    def release(self, now: int, kind: int, data: int) -> None:
        """The receiver of this direction has freed one header and `data` data credits of a pool."""
        pool = self.pools[kind]
        if not pool.reported:
            return
        if not any(pool.released):
            due = now + self.timing.fc_ps
            if due < pool.due:
                pool.due = due
                self.other._remind(due)
        pool.released[HEADER] += 1
        pool.released[DATA] += data

    def _arrive(self, now: int, kind: int, transfer: Transfer) -> None:
        other = self.other
        if other.ack_due < 0:
            other.ack_due = now + other.timing.ack_ps
            other._remind(other.ack_due)
        if kind == COMPLETION:                # nobody holds one up: its buffer is reserved or drained at once
            self.release(now, COMPLETION, transfer.data_credits)
        transfer.ended(now, *transfer.args)

    # the arbiter ------------------------------------------------------------------------------------------
    def decide(self, now: int) -> None:
        if self.free <= ticks(now):
            self._start_one(now)
        if self.free > ticks(now) and (any(self.lines) or self._dllp_waits(now)):
            wake = ceil_ps(self.free)
            if self.wake_at != wake:
                self.wake_at = wake
                self.instants.at(wake, "LINK_FREE", self.source, self._look_again)
        self._blame(now)

    def _dllp_waits(self, now: int) -> bool:
        return (self.skp_due <= now or 0 <= self.ack_due <= now
                or any(pool.reported and pool.due <= now for pool in self.other.pools))

    def _start_one(self, now: int) -> None:
        if self.skp_due <= now:
            self._occupy(now, self.skp_due, self.timing.skp_bytes)
            self.skp_total += self.timing.skp_bytes
            self.skp_due = self.skp_due + self.timing.skp_ps if self.timing.skp_ps else NEVER
            if self.timing.skp_ps:
                self._remind(max(self.skp_due, now + 1))
            return
        if 0 <= self.ack_due <= now:
            self._occupy(now, self.ack_due, DLLP_BYTES)
            self.dllp_bytes += DLLP_BYTES
            self.ack_due = -1
            return
        for kind, pool in enumerate(self.other.pools):
            if pool.reported and pool.due <= now:
                end = self._occupy(now, pool.due, DLLP_BYTES)
                self.dllp_bytes += DLLP_BYTES
                report, pool.released = pool.released, [0, 0]
                pool.due = now + UPDATE_FC_IDLE_PS
                self.instants.at(end, self.end_event, 0, self.other._credit, kind, report)
                return
        kind = self._chosen()
        if kind >= 0:
            transfer = self.lines[kind].popleft()
            self.turn = (kind + 1) % LINES
            self.pools[kind].consume(transfer.data_credits)
            self.began = now
            self._book_start(now, kind, transfer)
            end = self._occupy(now, transfer.ready, transfer.wire_bytes + self.digest_bytes)
            self.tlps += 1
            self.tlp_bytes += transfer.wire_bytes + self.digest_bytes
            self.instants.at(end, self.end_event, 0, self._arrive, kind, transfer)
            if transfer.next:
                self._join(now, kind, transfer.next)

    def _book_start(self, now: int, kind: int, transfer: Transfer) -> None:
        books = self.books
        books.leaves(transfer, self.line_names[kind], now)
        books.sampled(transfer, self.line_names[kind])
        books.serve(self.source, transfer.function, (transfer.wire_bytes + self.digest_bytes) * self.byte_ticks)
        books.grant(self.arbiter)
        books.take_credits(now, self.source, kind, transfer.data_credits)

    def _credit(self, now: int, kind: int, report: list[int]) -> None:
        """An UpdateFC has reached this direction's sender."""
        self.pools[kind].grant(report)
        self.books.give_credits(now, self.source, kind, report)
        self.touch()

    def _chosen(self) -> int:
        """The line whose head goes next, or -1."""
        eligible = [kind for kind, line in enumerate(self.lines)
                    if line and self.pools[kind].covers(line[0].data_credits) and not self._held(kind, line[0])]
        if not eligible:
            return -1
        if self.policy == "age":
            return min(eligible, key=lambda kind: self.lines[kind][0].age)
        return min(eligible, key=lambda kind: (kind - self.turn) % LINES)

    def _held(self, kind: int, head: Transfer) -> bool:
        """Does an older posted TLP wait that this head may not pass?"""
        if kind == POSTED or (kind == COMPLETION and head.relaxed):
            return False
        return any(posted.age < head.age and not (self.ido and posted.function != head.function)
                   for posted in self.lines[POSTED])

    def _occupy(self, now: int, ready: int, nbytes: int) -> int:
        """Start a transfer; returns the ps at which the receiver has it."""
        self.free = self.ended = start_time(self.free, ready, now) + nbytes * self.byte_ticks
        self.busy_ticks += nbytes * self.byte_ticks
        return ceil_ps(self.free)

    def _blame(self, now: int) -> None:
        posted_cause = NO_CAUSE
        for kind, line in enumerate(self.lines):
            if not line:
                cause = NO_CAUSE
            elif not self.pools[kind].covers(line[0].data_credits):
                cause = POOL
            elif self._held(kind, line[0]):
                cause = posted_cause
            elif self.free > ticks(now):
                cause = SERVER
            else:
                cause = TURN
            if kind == POSTED:
                posted_cause = cause
            self.instants.blame(self.line_names[kind], cause, now)
            self.books.review_credits(now, self.source, kind, line[0].data_credits if line else None, self.pools[kind].counters)
