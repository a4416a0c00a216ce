"""A PCIe link direction: three lines of TLPs, credits, Acks, credit updates and SKPs (docs/time.md, 2).

It knows when a transfer may start and when it ends; what it means is its owner's business.
"""

from __future__ import annotations

from collections import deque

from nicmodel.datasheet.pcie_link import DLLP_BYTES, UPDATE_FC_IDLE_PS
from nicmodel.reference.instants import LINE, NO_CAUSE, POOL, SERVER, TURN, Instants
from nicmodel.reference.rows import Transfer

POSTED, NONPOSTED, COMPLETION = 0, 1, 2
HEADER, DATA = 0, 1


class CreditPool:
    """One class's flow control, both ends: what the sender may use and what the receiver has not reported."""

    def __init__(self, headers: int, data: int):
        self.available = [headers, data]
        self.infinite = [headers == 0, data == 0]
        self.released = [0, 0]                # by the receiver, not yet reported
        self.reported = not all(self.infinite)
        self.due = UPDATE_FC_IDLE_PS

    def covers(self, data: int) -> bool:
        return ((self.infinite[HEADER] or self.available[HEADER] >= 1)
                and (self.infinite[DATA] or self.available[DATA] >= data))

    def take(self, data: int) -> None:
        self.available[HEADER] -= not self.infinite[HEADER]
        self.available[DATA] -= 0 if self.infinite[DATA] else data


class Link:
    """One direction. `other` is the opposite one, which carries its Acks and credit updates."""

    other: Link

    def __init__(self, instants: Instants, name: str, end_event: str, source: int, config: dict[str, int]):
        self.instants, self.name, self.end_event, self.source = instants, name, end_event, source
        self.byte_ticks, self.ack_ps, self.fc_ps = config["byte_ticks"], config["ack_ps"], config["fc_ps"]
        self.skp_ps, self.skp_bytes = config["skp_ps"], config["skp_bytes"]
        self.touch = instants.arbiter({"up": "UPSTREAM", "down": "DOWNSTREAM"}[name], self.decide)
        self.line_names = [LINE[f"{name}_{kind}"] for kind in ("posted", "nonposted", "completion")]
        self.lines: list[deque[Transfer]] = [deque(), deque(), deque()]
        self.pools = [CreditPool(config["ph"], config["pd"]), CreditPool(config["nph"], 0), CreditPool(0, 0)]
        self.free = 0
        self.age = 0
        self.wake_at = -1
        self.skp_due = self.skp_ps
        self.ack_due = -1                     # this direction owes an Ack for TLPs of the other
        self.tlps = self.tlp_bytes = self.dllp_bytes = self.skp_total = self.busy_ticks = 0
        self._remind(self.skp_due)

    def start(self) -> None:
        """Both directions exist: credit updates may fall due."""
        for pool in self.pools:
            if pool.reported:
                self.other._remind_idle(0, pool)

    def _remind(self, due: int) -> None:
        self.instants.at(due, "DLLP", self.source, self._fall_due)

    def _remind_idle(self, now: int, pool: CreditPool) -> None:
        """One standing reminder a pool: it moves on while credit updates keep going out by themselves."""
        if pool.due <= now:
            self.touch()
        next_look = pool.due if pool.due > now else now + UPDATE_FC_IDLE_PS
        self.instants.at(next_look, "DLLP", self.source, self._remind_idle, pool)

    def _fall_due(self, _now: int) -> None:
        self.touch()

    # senders and receivers --------------------------------------------------------------------------------
    def queue(self, now: int, kind: int, transfer: Transfer) -> None:
        """A TLP joins its line at `now`."""
        transfer.age, transfer.ready = self.age, now
        self.age += 1
        self.lines[kind].append(transfer)
        self.touch()

    def release(self, now: int, kind: int, data: int) -> None:
        """The receiver of this direction has freed one header and `data` data credits of a pool."""
        pool = self.pools[kind]
        if not pool.reported:
            return
        if not any(pool.released):
            due = now + self.fc_ps
            if due < pool.due:
                pool.due = due
                self.other._remind(due)
        pool.released[HEADER] += 1
        pool.released[DATA] += data

    def _arrive(self, now: int, transfer: Transfer) -> None:
        other = self.other
        if other.ack_due < 0:
            other.ack_due = now + other.ack_ps
            other._remind(other.ack_due)
        transfer.ended(now, *transfer.args)

    # the arbiter ------------------------------------------------------------------------------------------
    def decide(self, now: int) -> None:
        if self.free <= 1024 * now:
            self._start_one(now)
        if self.free > 1024 * now and (any(self.lines) or self._dllp_waits(now)):
            wake = -(-self.free // 1024)
            if self.wake_at != wake:
                self.wake_at = wake
                self.instants.at(wake, "LINK_FREE", self.source, self._fall_due)
        self._blame(now)

    def _dllp_waits(self, now: int) -> bool:
        return (self.skp_due <= now or 0 <= self.ack_due <= now
                or any(pool.reported and pool.due <= now for pool in self.other.pools))

    def _start_one(self, now: int) -> None:
        if self.skp_due <= now:
            self._occupy(now, self.skp_due, self.skp_bytes)
            self.skp_total += self.skp_bytes
            self.skp_due += self.skp_ps
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
        kind = self._oldest_eligible()
        if kind >= 0:
            transfer = self.lines[kind].popleft()
            self.pools[kind].take(transfer.data_credits)
            transfer.started = True
            end = self._occupy(now, transfer.ready, transfer.wire_bytes)
            self.tlps += 1
            self.tlp_bytes += transfer.wire_bytes
            self.instants.at(end, self.end_event, 0, self._arrive, transfer)

    def _credit(self, _now: int, kind: int, report: list[int]) -> None:
        """An UpdateFC has reached this direction's sender."""
        for unit in (HEADER, DATA):
            self.pools[kind].available[unit] += report[unit]
        self.touch()

    def _oldest_eligible(self) -> int:
        """Posted writes may pass older TLPs that lack credits; nothing passes an older posted write."""
        best, best_age = -1, self.age
        oldest_posted = self.lines[POSTED][0].age if self.lines[POSTED] else self.age
        for kind, line in enumerate(self.lines):
            if (line and line[0].age <= oldest_posted and line[0].age < best_age
                    and self.pools[kind].covers(line[0].data_credits)):
                best, best_age = kind, line[0].age
        return best

    def _occupy(self, now: int, ready: int, nbytes: int) -> int:
        """Start a transfer; returns the ps at which the receiver has it."""
        start = self.free if self.free > 1024 * (now - 1) and ready < now else 1024 * now
        self.free = start + nbytes * self.byte_ticks
        self.busy_ticks += nbytes * self.byte_ticks
        return -(-self.free // 1024)

    def _blame(self, now: int) -> None:
        posted_cause = NO_CAUSE
        oldest_posted = self.lines[POSTED][0].age if self.lines[POSTED] else self.age
        for kind, line in enumerate(self.lines):
            if not line:
                cause = NO_CAUSE
            elif not self.pools[kind].covers(line[0].data_credits):
                cause = POOL
            elif kind != POSTED and line[0].age > oldest_posted:
                cause = posted_cause
            elif self.free > 1024 * now:
                cause = SERVER
            else:
                cause = TURN
            if kind == POSTED:
                posted_cause = cause
            self.instants.blame(self.line_names[kind], cause, now)
