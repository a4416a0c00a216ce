"""Flow control credits, counted as the base specification has it: modulo, from the beginning of time (docs/time.md, 2).

It knows neither lines nor links. A *counter* is one of the six of a direction; a *pool* is a class's two.
"""

from __future__ import annotations

from nicmodel.datasheet.pcie_link import DATA_CREDIT_BITS, DATA_CREDIT_BYTES, HEADER_CREDIT_BITS, UPDATE_FC_IDLE_PS
from nicmodel.sim.errors import ModelBug

HEADER, DATA = 0, 1
BITS = (HEADER_CREDIT_BITS, DATA_CREDIT_BITS)


class Counter:
    """What the receiver has allowed and what the sender has used, both modulo 2^bits. Advertised 0: infinite."""

    def __init__(self, advertised: int, bits: int):
        self.modulus, self.half = 1 << bits, 1 << (bits - 1)
        if not 0 <= advertised < self.half:
            raise ModelBug(f"{advertised} credits cannot be advertised: a count of {bits} bits has room for "
                           f"{self.half - 1}, and 0 means infinite")
        self.advertised = advertised
        self.infinite = advertised == 0
        self.limit, self.consumed = advertised, 0

    def covers(self, need: int) -> bool:
        """May the sender use `need` more?"""
        return self.infinite or (self.limit - self.consumed - need) % self.modulus <= self.half

    @property
    def left(self) -> int:
        """Of a finite count: what the sender has."""
        return (self.limit - self.consumed) % self.modulus

    def consume(self, need: int) -> None:
        self.consumed = (self.consumed + need) % self.modulus

    def grant(self, more: int) -> None:
        self.limit = (self.limit + more) % self.modulus


class CreditPool:
    """One class's flow control, both ends: the sender's counters and what the receiver has not reported."""

    def __init__(self, headers: int, data: int):
        self.counters = [Counter(count, bits) for count, bits in zip((headers, data), BITS, strict=True)]
        self.released = [0, 0]                # by the receiver, not yet reported
        self.reported = not all(counter.infinite for counter in self.counters)
        self.due = UPDATE_FC_IDLE_PS

    def covers(self, data: int) -> bool:
        return self.counters[HEADER].covers(1) and self.counters[DATA].covers(data)

    def consume(self, data: int) -> None:
        self.counters[HEADER].consume(1)
        self.counters[DATA].consume(data)

    def grant(self, report: list[int]) -> None:
        for counter, more in zip(self.counters, report, strict=True):
            counter.grant(more)


def data_credits(nbytes: int) -> int:
    """Data credits of a TLP with so much payload."""
    return -(-nbytes // DATA_CREDIT_BYTES)
