"""Queue registers turned into the plane's rings: a ring is open while everything that must be on is on (82599 4.6.7, 4.6.8).

Tx: DMATXCTL.TE, TXDCTL.ENABLE, VFTE of its pool; Rx: RXCTRL.RXEN, RXDCTL.ENABLE, VFRE; both: bus mastering.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.registers import Register
from nicmodel.nic.interrupts import Interrupts
from nicmodel.nic.pools import Pools
from nicmodel.nic.registers import RegisterFile
from nicmodel.sim.plane import PF_FUNCTION, DataPlane, Direction, RingConfig

TX, RX = Direction.TX, Direction.RX
TX_TAIL, RX_TAIL = 0, 1
BASE_BITS, LENGTH_BITS = 0xFFFF_FF80, 0xF_FF80      # the others read 0. 82599 8.2.3.8.1, 8.2.3.8.3

# VF row -> the PF's row behind it.
VF_QUEUE_ROWS: dict[str, Register] = {
    getattr(vf, "VF" + name).name: getattr(pf, name) for name in (
        "RDBAL", "RDBAH", "RDLEN", "RDH", "RDT", "SRRCTL", "RXDCTL", "TDBAL", "TDBAH", "TDLEN", "TDH", "TDT",
        "TXDCTL", "TDWBAL", "TDWBAH")} | {"VFDCA_RXCTRL": pf.DCA_RXCTRL, "VFDCA_TXCTRL": pf.DCA_TXCTRL,
                                          "VFRSCCTL": pf.RSCCTL}


class Queues:
    """Every queue of the adapter, by absolute number."""

    def __init__(self, regs: RegisterFile, plane: DataPlane, stamp: Callable[[], int], pools: Pools,
                 interrupts: Interrupts, domain_of: Callable[[int], int]):
        self.regs, self.plane, self.stamp, self.pools = regs, plane, stamp, pools
        self.interrupts, self.domain_of = interrupts, domain_of
        self.mastering: set[int] = set()
        self.enabled: set[tuple[Direction, int]] = set()         # ENABLE is set
        self.open: dict[tuple[Direction, int], int] = {}         # open in the plane -> its function
        for direction, row in ((TX, pf.TXDCTL), (RX, pf.RXDCTL)):
            regs.on_write(row, lambda q, value, d=direction: self._enable(d, q, value))    # type: ignore[misc]
        for row in (pf.DMATXCTL, pf.RXCTRL, pf.VFRE, pf.VFTE):
            regs.on_write(row, lambda _index, _value: self.refresh())
        for row, kept in ((pf.TDBAL, BASE_BITS), (pf.RDBAL, BASE_BITS), (pf.TDLEN, LENGTH_BITS), (pf.RDLEN, LENGTH_BITS)):
            regs.on_write(row, lambda q, value, r=row, k=kept: regs.put(r, q, value & k))  # type: ignore[misc]
        regs.on_write(pf.QDE, self._write_qde)
        regs.on_write(pf.SRRCTL, lambda q, _value: self._drop_policy(q))
        regs.on_write(pf.IVAR, lambda index, _value: self.route(2 * index, 2 * index + 1))
        for direction, row in ((TX, pf.TDH), (RX, pf.RDH)):
            regs.on_read(row, lambda q, d=direction, r=row: self._head(d, q, r))           # type: ignore[misc]
        self._dropping: set[int] = set()

    def _head(self, direction: Direction, queue: int, row: Register) -> int:
        if (direction, queue) in self.open:
            return self.plane.ring_state(direction, queue)["head"]
        return self.regs.get(row, queue)

    # opening and closing ------------------------------------------------------------------------------------
    def _enable(self, direction: Direction, queue: int, value: int) -> None:
        row = pf.TXDCTL if direction == TX else pf.RXDCTL
        self.regs.put(row, queue, value & ~row.SWFLSH.mask)
        if value & row.ENABLE.mask:
            self.enabled.add((direction, queue))
        else:
            self.enabled.discard((direction, queue))
        self.refresh()

    def refresh(self) -> None:
        """Open what may be open, close what may not."""
        wanted = {key: function for key in self.enabled if (function := self._may_open(*key)) is not None}
        for key in [key for key, function in self.open.items() if wanted.get(key) != function]:
            direction, queue = key
            self._keep_head(direction, queue)
            del self.open[key]
            self.plane.close_ring(direction, queue, self.stamp())
        for key, function in sorted(wanted.items()):
            if key not in self.open:
                self.open[key] = function
                self.plane.open_ring(*key, self._config(*key, function), self.stamp())

    def _keep_head(self, direction: Direction, queue: int) -> None:
        self.regs.put(pf.TDH if direction == TX else pf.RDH, queue, self.plane.ring_state(direction, queue)["head"])

    def _may_open(self, direction: Direction, queue: int) -> int | None:
        """The function of a queue that may run now."""
        pool = self.pools.pool_of_queue(queue)
        function = self.pools.function_of_queue(queue)
        if direction == TX:
            on = self.regs.get(pf.DMATXCTL) & pf.DMATXCTL.TE.mask
        else:
            on = self.regs.get(pf.RXCTRL) & pf.RXCTRL.RXEN.mask
        if self.pools.vt_mode:
            row = pf.VFTE if direction == TX else pf.VFRE
            on = on and self.regs.get(row, pool // 32) >> pool % 32 & 1
        length = self.regs.get(pf.TDLEN if direction == TX else pf.RDLEN, queue)
        real = queue < self.pools.queues and length >= 8 * DESCRIPTOR_BYTES
        return function if on and real and function in self.mastering else None

    def _config(self, direction: Direction, queue: int, function: int) -> RingConfig:
        get = self.regs.get
        low, high, length, head = ((pf.TDBAL, pf.TDBAH, pf.TDLEN, pf.TDH) if direction == TX
                                   else (pf.RDBAL, pf.RDBAH, pf.RDLEN, pf.RDH))
        size = get(length, queue) // DESCRIPTOR_BYTES
        return RingConfig(function=function, base=get(low, queue) | get(high, queue) << 32,
                          size=size, domain=self.domain_of(function),
                          head=get(head, queue) % size, buffer_bytes=1024 * pf.SRRCTL.BSIZEPACKET.get(get(pf.SRRCTL, queue)),
                          vector=self._vector(direction, queue, function),
                          wthresh=pf.TXDCTL.WTHRESH.get(get(pf.TXDCTL, queue)) if direction == TX else 0)

    def _vector(self, direction: Direction, queue: int, function: int) -> int:
        local = queue - self.pools.queues_per_pool * (function - 1) if function != PF_FUNCTION else queue
        return self.interrupts.ring_vector(function, queue, local, direction == TX)

    def route(self, *queues: int) -> None:
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
            (self._dropping.add if value & pf.QDE.QDE.mask else self._dropping.discard)(queue)
            self._drop_policy(queue)

    def _drop_policy(self, queue: int) -> None:
        """QDE or SRRCTL.DROP_EN: drop rather than wait when a queue has no descriptor. The plane keeps it per function."""
        drop = queue in self._dropping or bool(self.regs.get(pf.SRRCTL, queue) & pf.SRRCTL.DROP_EN.mask)
        self.plane.set("no_descriptor", self.pools.function_of_queue(queue), (int(drop),), self.stamp())

    # functions ----------------------------------------------------------------------------------------------
    def bus_master(self, function: int, on: bool) -> None:
        """The plane has closed a function's rings itself when mastering went; driver and device start again by ENABLE."""
        if on:
            self.mastering.add(function)
            self.refresh()
        else:
            self.mastering.discard(function)
            self.forget(function)

    def forget(self, function: int) -> None:
        """A function's rings are gone from the plane: their ENABLE reads 0."""
        for key in [key for key in self.enabled if self.pools.function_of_queue(key[1]) == function]:
            direction, queue = key
            row = pf.TXDCTL if direction == TX else pf.RXDCTL
            self.regs.put(row, queue, self.regs.get(row, queue) & ~row.ENABLE.mask)
            if key in self.open:
                self._keep_head(direction, queue)
                del self.open[key]
            self.enabled.discard(key)

    def reset(self) -> None:
        """The PF was reset: QDE is 0 for every queue. SRRCTL decides again when a driver writes it."""
        self._dropping.clear()

    def tell_hot(self, function: int, queues: dict[int, int], tx: Register, rx: Register) -> None:
        """Tail registers that the plane decodes itself: index in the function's BAR -> absolute queue."""
        for index, queue in queues.items():
            for row, kind in ((tx, TX_TAIL), (rx, RX_TAIL)):
                self.plane.set("hot", function << 32 | row.offset_of(index), (kind, queue), self.stamp())
