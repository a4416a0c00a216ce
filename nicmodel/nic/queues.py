"""Queue registers turned into the plane's rings: a ring is open while everything that must be on is on.

Tx: DMATXCTL.TE, TXDCTL.ENABLE, VFTE of its pool; Rx: RXCTRL.RXEN, RXDCTL.ENABLE, VFRE; both: bus mastering and a ring
that can be one (82599 4.6.7, 4.6.8). What a guest gets wrong keeps its ring closed and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.registers import Field, Register, bits_in
from nicmodel.nic.interrupts import Interrupts
from nicmodel.nic.pools import Pools
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import PF_FUNCTION, DataPlane, Direction, RingConfig

TX, RX = Direction.TX, Direction.RX
DROPS_AT_RESET = 1               # the plane's reset state of "no_descriptor"
Key = tuple[Direction, int]

# VF row -> the PF's row behind it.
VF_QUEUE_ROWS: dict[str, Register] = {"VF" + name: getattr(pf, name) for name in (
    "RDBAL", "RDBAH", "RDLEN", "DCA_RXCTRL", "RDH", "SRRCTL", "RDT", "RXDCTL", "RSCCTL",
    "TDBAL", "TDBAH", "TDLEN", "DCA_TXCTRL", "TDH", "TDT", "TXDCTL", "TDWBAL", "TDWBAH")}


@dataclass(frozen=True)
class RingRows:
    """The rows of one direction. `switch` is its master enable, `pools` its enable per pool."""

    low: Register
    high: Register
    length: Register
    head: Register
    tail: Register
    control: Register
    switch: Register
    on: Field
    pools: Register

    @property
    def enable(self) -> int:
        return self.control.ENABLE.mask


ROWS = {TX: RingRows(pf.TDBAL, pf.TDBAH, pf.TDLEN, pf.TDH, pf.TDT, pf.TXDCTL, pf.DMATXCTL, pf.DMATXCTL.TE, pf.VFTE),
        RX: RingRows(pf.RDBAL, pf.RDBAH, pf.RDLEN, pf.RDH, pf.RDT, pf.RXDCTL, pf.RXCTRL, pf.RXCTRL.RXEN, pf.VFRE)}


class Queues:
    """Every queue of the adapter, by absolute number."""

    def __init__(self, regs: RegisterFile, plane: DataPlane, stamp: Callable[[], int], pools: Pools,
                 interrupts: Interrupts, domain_of: Callable[[int], int]):
        self.regs, self.plane, self.stamp, self.pools = regs, plane, stamp, pools
        self.interrupts, self.domain_of = interrupts, domain_of
        self.mastering: set[int] = set()
        self.enabled: set[Key] = set()                   # ENABLE is set
        self.open: dict[Key, int] = {}                   # open in the plane -> its function
        self._qde: set[int] = set()                      # queues that drop by QDE
        self._drop_en: set[int] = set()                  # and by SRRCTL.DROP_EN
        self._dropping: Counter[int] = Counter()         # function -> its queues that drop by either
        self._drops: dict[int, int] = {}                 # function -> what the plane has been told
        for direction in Direction:
            self._bind(direction)
        regs.on_write(pf.QDE, self._write_qde)
        regs.on_write(pf.SRRCTL, self._write_srrctl)
        regs.on_write(pf.IVAR, lambda index, _value: self.route((2 * index, 2 * index + 1)))

    def _bind(self, direction: Direction) -> None:
        rows, regs = ROWS[direction], self.regs
        regs.on_write(rows.control, lambda q, value: self._enable((direction, q), bool(value & rows.enable)))
        regs.on_write(rows.switch, lambda _index, _value: self.refresh())
        regs.on_change(rows.pools, lambda word, old, new: self._refresh_pools(word, old ^ new))
        regs.guard(rows.head, lambda q, old, new: old if (direction, q) in self.enabled else new)
        regs.on_read(rows.head, lambda q: self._position(direction, q, rows.head, "head"))
        regs.on_read(rows.tail, lambda q: self._position(direction, q, rows.tail, "tail"))

    def _position(self, direction: Direction, queue: int, row: Register, end: str) -> int:
        if (direction, queue) in self.open:
            return self.plane.ring_state(direction, queue)[end]
        return self.regs.get(row, queue)

    # opening and closing ------------------------------------------------------------------------------------
    def _enable(self, key: Key, on: bool) -> None:
        (self.enabled.add if on else self.enabled.discard)(key)
        self.refresh((key,))

    def _refresh_pools(self, word: int, changed: int) -> None:
        """Enable bits of 32 pools were written: rings that wait may open, those of changed pools may close."""
        pools = {32 * word + bit for bit in bits_in(changed)}
        queues = [queue for pool in pools for queue in self.pools.queues_of_pool(pool)]
        self.refresh(self._waiting() | self._enabled_of(queues))

    def _waiting(self) -> set[Key]:
        """Enabled, and not open so far."""
        return self.enabled - self.open.keys()

    def _enabled_of(self, queues: Iterable[int]) -> set[Key]:
        return {key for queue in queues for key in ((TX, queue), (RX, queue)) if key in self.enabled}

    def refresh(self, keys: Iterable[Key] | None = None) -> None:
        """Open what may be open, close what may not: all queues, or those that may have changed."""
        for key in sorted(self.enabled | self.open.keys() if keys is None else keys):
            function = self._may_open(*key) if key in self.enabled else None
            if self.open.get(key) == function:
                continue
            if key in self.open:
                self._shut(key)
                self.plane.close_ring(*key, self.stamp())
            if function is not None:
                self.open[key] = function
                self.plane.open_ring(*key, self._config(*key, function), self.stamp())

    def _shut(self, key: Key) -> None:
        """The ring is no longer open: its registers keep where it stood."""
        del self.open[key]
        state = self.plane.ring_state(*key)
        self.regs.put(ROWS[key[0]].head, key[1], state["head"])
        self.regs.put(ROWS[key[0]].tail, key[1], state["tail"])

    def _may_open(self, direction: Direction, queue: int) -> int | None:
        """The function of an enabled queue that may run now."""
        rows, get = ROWS[direction], self.regs.get
        function = self.pools.function_of_queue(queue)
        pool = self.pools.pool_of_queue(queue)
        size = get(rows.length, queue) // DESCRIPTOR_BYTES          # 0, or 8 and more: the length's low bits read 0
        allowed = (get(rows.switch) & rows.on.mask and function in self.mastering and queue < self.pools.queues
                   and get(rows.head, queue) < size
                   and (not self.pools.vt_mode or get(rows.pools, pool // 32) >> pool % 32 & 1))
        return function if allowed else None

    def _config(self, direction: Direction, queue: int, function: int) -> RingConfig:
        rows, get = ROWS[direction], self.regs.get
        return RingConfig(function=function, base=get(rows.low, queue) | get(rows.high, queue) << 32,
                          size=get(rows.length, queue) // DESCRIPTOR_BYTES, domain=self.domain_of(function),
                          head=get(rows.head, queue), buffer_bytes=1024 * pf.SRRCTL.BSIZEPACKET.get(get(pf.SRRCTL, queue)),
                          vector=self._vector(direction, queue, function),
                          wthresh=pf.TXDCTL.WTHRESH.get(get(pf.TXDCTL, queue)) if direction == TX else 0)

    def _vector(self, direction: Direction, queue: int, function: int) -> int:
        first = self.pools.queues_per_pool * (function - 1) if function != PF_FUNCTION else 0
        return self.interrupts.ring_vector(function, queue - first, direction == TX)

    def route(self, queues: Iterable[int]) -> None:
        """IVAR changed: open rings raise another vector from now on."""
        for queue in queues:
            for direction in Direction:
                if (direction, queue) in self.open:
                    vector = self._vector(direction, queue, self.open[direction, queue])
                    self.plane.set("ring_vector", 2 * queue + direction, (vector,), self.stamp())

    # drop policy --------------------------------------------------------------------------------------------
    def _write_qde(self, _index: int, value: int) -> None:
        if value & pf.QDE.WE.mask:
            queue = pf.QDE.IDX.get(value) | pf.QDE.IDX_EXT.get(value) << 7
            self._drop(self._qde, queue, bool(value & pf.QDE.QDE.mask))

    def _write_srrctl(self, queue: int, value: int) -> None:
        self._drop(self._drop_en, queue, bool(value & pf.SRRCTL.DROP_EN.mask))

    def _drop(self, droppers: set[int], queue: int, on: bool) -> None:
        function, before = self.pools.function_of_queue(queue), self._drops_by_either(queue)
        (droppers.add if on else droppers.discard)(queue)
        self._dropping[function] += self._drops_by_either(queue) - before
        self.refresh_drops((function,))

    def _drops_by_either(self, queue: int) -> bool:
        return queue in self._qde or queue in self._drop_en

    def refresh_drops(self, functions: Iterable[int]) -> None:
        """QDE or SRRCTL.DROP_EN of one of its queues: a function drops rather than waits when it has no descriptor.

        The 82599 has this per queue, the plane per function.
        """
        for function in functions:
            drops = int(self._dropping[function] > 0)
            if self._drops.get(function, DROPS_AT_RESET) != drops:
                self._drops[function] = drops
                self.plane.set("no_descriptor", function, (drops,), self.stamp())

    # functions ----------------------------------------------------------------------------------------------
    def bus_master(self, function: int, on: bool) -> None:
        """The plane has closed a function's rings itself when mastering went; driver and device start again by ENABLE."""
        if on:
            self.mastering.add(function)
            self.refresh(self._waiting())
        else:
            self.mastering.discard(function)
            self.forget(function)

    def forget(self, function: int) -> None:
        """A function's rings are gone from the plane: their ENABLE reads 0."""
        for key in self._enabled_of(self._queues_of(function)):
            direction, queue = key
            self.regs.clear_bits(ROWS[direction].control, queue, ROWS[direction].enable)
            self.enabled.discard(key)
            if key in self.open:
                self._shut(key)

    def _queues_of(self, function: int) -> Iterable[int]:
        """Every queue that a function may have enabled."""
        if function != PF_FUNCTION:
            return self.pools.vf_queues(function - 1).values()
        return {queue for _, queue in self.enabled if self.pools.function_of_queue(queue) == PF_FUNCTION}

    def mapping_changed(self, functions: Iterable[int]) -> None:
        """Queues belong to other functions now."""
        self._dropping = Counter(map(self.pools.function_of_queue, self._qde | self._drop_en))
        self.refresh_drops(functions)
        self.refresh()

    def vf_reset(self, number: int) -> None:
        """What a reset of its VF does to queue registers: those that are not kept go back to their reset values."""
        self.forget(1 + number)
        for queue in self.pools.vf_queues(number).values():
            for row in VF_QUEUE_ROWS.values():
                if not row.kept:
                    self.regs.put(row, queue, row.reset)

    def all_reset(self) -> None:
        """The registers are back at their reset values; `mapping_changed` is to follow."""
        self._qde.clear()
        self._drop_en.clear()

    def tell_hot(self, function: int, queues: dict[int, int], tx: Register, rx: Register) -> None:
        """Tail registers that the plane decodes itself: index in the function's BAR -> absolute queue."""
        for index, queue in queues.items():
            for row, direction in ((tx, TX), (rx, RX)):
                self.plane.set("hot", function << 32 | row.offset_of(index), (direction, queue), self.stamp())
