"""The register side of the adapter: what a BAR0 access means, for the PF and for every VF.

    BAR0 access ─► PF file ──┬─ interrupts ─┐
                  VF window ─┼─ queues ─────┼─► tables, rings and vectors of the data plane
                             ├─ switch ─────┘
                             └─ mailbox, resets (Python alone)

It is given a plane and never imports one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.nic.interrupts import Interrupts, MsixGate
from nicmodel.nic.mailbox import Mailbox
from nicmodel.nic.pools import Pools
from nicmodel.nic.queues import VF_QUEUE_ROWS, Queues
from nicmodel.nic.registers import RegisterFile
from nicmodel.nic.switch import Switch
from nicmodel.sim.plane import PF_FUNCTION, DataPlane

STANDARD_FRAME = 1518                        # without JUMBOEN. 82599 8.2.3.22.8
MICROSECOND_PS = 1_000_000


class Nic:
    """All registers of one adapter. Times come from `stamp()`, the time at which a call to the plane takes effect."""

    def __init__(self, profile: Any, plane: DataPlane, stamp: Callable[[], int],
                 call_later: Callable[[int, Callable[[], None]], None], domain_of: Callable[[int], int]):
        self.profile, self.plane, self.stamp, self.call_later = profile, plane, stamp, call_later
        self.regs = regs = RegisterFile("PF")
        self.vfs: dict[int, RegisterFile] = {}
        self.pools = Pools(profile.queue_pairs)
        self.interrupts = Interrupts(regs, plane, stamp, profile.pf_vectors)
        self.queues = Queues(regs, plane, stamp, self.pools, self.interrupts, domain_of)
        self.switch = Switch(regs, plane, stamp, self.pools)
        self.mailbox = Mailbox(regs, profile.max_vfs, lambda: self.interrupts.raise_pf(pf.EICR.MAILBOX.mask),
                               self.interrupts.raise_mailbox)
        self.link_up = True
        self._bind()
        self._load_address()
        self.queues.tell_hot(PF_FUNCTION, {q: q for q in range(self.pools.queues)}, pf.TDT, pf.RDT)

    def _bind(self) -> None:
        regs = self.regs
        regs.on_write(pf.CTRL, self._write_ctrl)
        regs.on_write(pf.CTRL_EXT, self._write_ctrl_ext)
        regs.on_write(pf.GCR_EXT, self._write_gcr_ext)
        regs.on_write(pf.PFVFLREC, lambda i, value: regs.put(pf.PFVFLRE, i, regs.get(pf.PFVFLRE, i) & ~value))
        regs.on_read(pf.PFVFLREC, lambda i: regs.get(pf.PFVFLRE, i))
        regs.on_write(pf.MAXFRS, lambda _i, _value: self._frame_limit())
        regs.on_write(pf.HLREG0, lambda _i, _value: self._frame_limit())
        regs.on_read(pf.STATUS, lambda _i: self.status())
        regs.on_read(pf.LINKS, lambda _i: self.links())
        regs.on_read(pf.FRTIMER, lambda _i: self._timer())
        regs.on_read(pf.EEC, lambda _i: self._eec())
        regs.on_read(pf.RDRXCTL, lambda _i: regs.get(pf.RDRXCTL) | pf.RDRXCTL.DMAIDONE.mask)
        regs.on_read(pf.GPRC, lambda _i: int(self.plane.results()["functions"]["rx_packets"].sum()))
        regs.on_read(pf.GPTC, lambda _i: int(self.plane.results()["functions"]["tx_packets"].sum()))

    # accesses -----------------------------------------------------------------------------------------------
    def write(self, function: int, bar: int, offset: int, value: int) -> None:
        """A register write that the plane did not decode itself."""
        if function == PF_FUNCTION:
            self.regs.write(offset, value)
        elif function - 1 in self.vfs:
            self.vfs[function - 1].write(offset, value)

    def read(self, function: int, bar: int, offset: int) -> int:
        """A register read; what does not exist reads 0, never all ones."""
        if function == PF_FUNCTION:
            return self.regs.read(offset)
        return self.vfs[function - 1].read(offset) if function - 1 in self.vfs else 0

    # the VF window ------------------------------------------------------------------------------------------
    def _make_vf(self, number: int) -> RegisterFile:
        """A VF's registers: mirrors of the PF's, its mailbox, its interrupts, and its slice of the queues."""
        file = RegisterFile("VF")
        file.on_write(vf.VFCTRL, lambda _i, value: self._write_vfctrl(number, value))
        file.on_read(vf.VFSTATUS, lambda _i: self.status())
        file.on_read(vf.VFLINKS, lambda _i: self.links())
        file.on_read(vf.VFFRTIMER, lambda _i: self._timer())
        file.on_write(vf.VFMAILBOX, lambda _i, value: self.mailbox.vf_write(number, value))
        file.on_read(vf.VFMAILBOX, lambda _i: self.mailbox.vf_read(number))
        file.on_write(vf.VFMBMEM, lambda i, value: self.mailbox.write_ram(number, i, value))
        file.on_read(vf.VFMBMEM, lambda i: self.mailbox.ram(number, i))
        file.on_write(vf.VTIVAR, lambda _i, _value: self._route(number))
        for name, row in VF_QUEUE_ROWS.items():
            window = getattr(vf, name)
            file.on_write(window, lambda i, value, row=row: self._queue_write(number, row, i, value))   # type: ignore[misc]
            file.on_read(window, lambda i, row=row: self._queue_read(number, row, i))                   # type: ignore[misc]
        for row, counter, shift in ((vf.VFGPRC, "rx_packets", 0), (vf.VFGORC_LSB, "rx_bytes", 0),
                                    (vf.VFGORC_MSB, "rx_bytes", 32), (vf.VFGPTC, "tx_packets", 0),
                                    (vf.VFGOTC_LSB, "tx_bytes", 0), (vf.VFGOTC_MSB, "tx_bytes", 32)):
            file.on_read(row, lambda _i, c=counter, s=shift: self._counted(number, c) % (1 << 36) >> s)  # type: ignore[misc]
        return file

    def _queue_write(self, number: int, row: pf.Register, index: int, value: int) -> None:
        queue = self.pools.vf_queue(number, index)
        if queue is not None:
            self.regs.write(row.offset_of(queue), value)

    def _queue_read(self, number: int, row: pf.Register, index: int) -> int:
        queue = self.pools.vf_queue(number, index)
        return self.regs.read(row.offset_of(queue)) if queue is not None else 0

    def _route(self, number: int) -> None:
        self.queues.route(*(queue for index in range(self.pools.queues_per_pool)
                            if (queue := self.pools.vf_queue(number, index)) is not None))

    def _counted(self, number: int, counter: str) -> int:
        return int(self.plane.results()["functions"][counter][1 + number])

    # what pcie tells us -------------------------------------------------------------------------------------
    def vfs_enabled(self, num_vfs: int) -> None:
        """VFs exist, in reset state; their pools are theirs from now on."""
        self.pools.num_vfs = num_vfs
        for number in range(num_vfs):
            self.vfs[number] = file = self._make_vf(number)
            self.interrupts.bind_vf(number, file)
            self._tell_hot(number)
        self._mapping_changed()

    def _tell_hot(self, number: int) -> None:
        queues = {index: queue for index in range(self.pools.queues_per_pool)
                  if (queue := self.pools.vf_queue(number, index)) is not None}
        self.queues.tell_hot(1 + number, queues, vf.VFTDT, vf.VFRDT)

    def vfs_disabled(self) -> None:
        """No VF exists any more: what a reset does to each, and then its registers and vectors go."""
        for number in list(self.vfs):
            self._vf_reset(number)
            self.queues.mastering.discard(1 + number)
            self.interrupts.unbind_vf(number)
        self.vfs.clear()
        self.pools.num_vfs = 0
        self._mapping_changed()

    def _mapping_changed(self) -> None:
        self.switch.refresh_all()
        self.queues.refresh()

    def bus_master(self, function: int, on: bool) -> None:
        self.queues.bus_master(function, on)

    def msix_changed(self, function: int, gate: MsixGate) -> None:
        self.interrupts.gates[function] = gate
        self.interrupts.refresh(function)

    def link_change(self, up: bool) -> None:
        """The wire's state, as LINKS shows it. Frames are not held back."""
        self.link_up = up
        self.interrupts.raise_pf(pf.EICR.LSC.mask)

    # resets (82599 4.2; specification update, clarification 5) -----------------------------------------------
    def function_reset(self, function: int) -> None:
        """FLR of a VF or of the PF."""
        if function == PF_FUNCTION:
            self._pf_reset()
        elif function - 1 in self.vfs:
            self._vf_reset(function - 1)

    def _write_ctrl(self, _index: int, value: int) -> None:
        if value & (pf.CTRL.RST.mask | pf.CTRL.LRST.mask):
            self._pf_reset()

    def _pf_reset(self) -> None:
        """Every register to its reset value, every ring closed, every VF sees the PF in reset."""
        for function in (PF_FUNCTION, *(1 + number for number in self.vfs)):
            self.plane.reset_function(function, self.stamp())
            self.queues.forget(function)
        self.regs.reset()
        self.queues.reset()
        self.pools.vt_mode = 0
        for number, file in self.vfs.items():
            file.reset()
            self.interrupts.refresh(1 + number)
        self.mailbox.pf_in_reset()
        self._load_address()
        self.interrupts.refresh(PF_FUNCTION)
        self._frame_limit()
        self._mapping_changed()
        for slot in list(self.switch.filters):
            self.switch.refresh_address(slot // (pf.VLVF.count + 1))

    def _write_vfctrl(self, number: int, value: int) -> None:
        if value & vf.VFCTRL.RST.mask:
            self._vf_reset(number)

    def _vf_reset(self, number: int) -> None:
        """Queues off, interrupt state gone, pool disabled, PF told. Queue registers are kept but for ENABLE."""
        function = 1 + number
        self.plane.reset_function(function, self.stamp())
        self.queues.forget(function)
        self.vfs[number].reset(keep=frozenset({vf.VFPSRTYPE.name}))
        self.interrupts.refresh(function)
        word, bit = number // 32, 1 << number % 32
        for row in (pf.VFRE, pf.VFTE):
            self.regs.put(row, word, self.regs.get(row, word) & ~bit)
        self.regs.put(pf.PFVFLRE, word, self.regs.get(pf.PFVFLRE, word) | bit)
        self.mailbox.vf_reset(number)
        self.interrupts.raise_pf(pf.EICR.MAILBOX.mask)

    def _write_ctrl_ext(self, _index: int, value: int) -> None:
        self.regs.put(pf.CTRL_EXT, 0, value & ~pf.CTRL_EXT.PFRSTD.mask)
        if value & pf.CTRL_EXT.PFRSTD.mask:
            self.mailbox.pf_ready(self.pools.num_vfs)

    def _write_gcr_ext(self, _index: int, value: int) -> None:
        mode = pf.GCR_EXT.VT_MODE.get(value)
        if mode != self.pools.vt_mode:
            self.pools.vt_mode = mode
            for number in self.vfs:
                self._tell_hot(number)
            self._mapping_changed()

    # mirrors ------------------------------------------------------------------------------------------------
    def _load_address(self) -> None:
        """Receive address 0 comes from the EEPROM."""
        first = self.profile.mac_base.to_bytes(6, "big")
        self.regs.put(pf.RAL, 0, int.from_bytes(first[:4], "little"))
        self.regs.put(pf.RAH, 0, int.from_bytes(first[4:], "little") | pf.RAH.AV.mask)

    def _frame_limit(self) -> None:
        jumbo = self.regs.get(pf.HLREG0) & pf.HLREG0.JUMBOEN.mask
        limit = pf.MAXFRS.MFS.get(self.regs.get(pf.MAXFRS))
        self.plane.set("max_frame", 0, (limit if jumbo else min(limit, STANDARD_FRAME),), self.stamp())

    def status(self) -> int:
        row = pf.STATUS
        mastering = PF_FUNCTION in self.queues.mastering and not self.regs.get(pf.CTRL) & pf.CTRL.GIO_DIS.mask
        return (row.LU.put(self.link_up) | row.NUM_VFS.put(self.pools.num_vfs & 0xFF)
                | row.IOV_ACTIVE.put(bool(self.vfs)) | row.GIO.put(mastering))

    def links(self) -> int:
        return self.regs.get(pf.LINKS) if self.link_up else self.regs.get(pf.LINKS) & ~pf.LINKS.UP.mask

    def _timer(self) -> int:
        return self.stamp() // MICROSECOND_PS & 0xFFFFFFFF

    def _eec(self) -> int:
        word = self.regs.get(pf.EEC) & ~pf.EEC.GNT.mask
        return word | pf.EEC.PRES.mask | pf.EEC.ARD.mask | pf.EEC.GNT.put(bool(word & pf.EEC.REQ.mask))
