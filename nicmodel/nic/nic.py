"""The register side of the adapter: what a BAR0 access means, for the PF and for every VF.

    BAR0 access ─► PF file ──┬─ interrupts ─┐
                  VF window ─┼─ queues ─────┼─► tables, rings and vectors of the data plane
                             ├─ rss ────────┤
                             ├─ switch ─────┘
                             └─ mailbox, resets, statistics (Python alone)

It is given a plane and never imports one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.config_pf import REGISTER_BAR
from nicmodel.datasheet.ethernet import STANDARD_FRAME, words_of_address
from nicmodel.datasheet.profiles import Profile
from nicmodel.datasheet.registers import Register
from nicmodel.nic.interrupts import Interrupts, MsixGate
from nicmodel.nic.mailbox import Mailbox
from nicmodel.nic.pools import Pools
from nicmodel.nic.queues import VF_QUEUE_ROWS, Queues
from nicmodel.nic.registers import RegisterFile
from nicmodel.nic.resets import Resets
from nicmodel.nic.rss import Rss
from nicmodel.nic.statistics import Statistics
from nicmodel.nic.switch import Switch
from nicmodel.sim.plane import PF_FUNCTION, DataPlane

REAL_QUEUES = 128                            # adapters with more have the extension region
MICROSECOND_PS = 1_000_000


class Nic:
    """All registers of one adapter. Times come from `stamp()`, the time at which a call to the plane takes effect."""

    def __init__(self, profile: Profile, plane: DataPlane, stamp: Callable[[], int],
                 call_later: Callable[[int, Callable[[], None]], None], domain_of: Callable[[int], int]):
        self.profile, self.plane, self.stamp = profile, plane, stamp
        self.regs = regs = RegisterFile("PF", extended=profile.queue_pairs > REAL_QUEUES)
        self.vfs: dict[int, RegisterFile] = {}
        self.pools = Pools(min(profile.queue_pairs, pf.QUEUES))
        self.interrupts = Interrupts(regs, plane, stamp, profile.pf_vectors, profile.vf_vectors)
        self.queues = Queues(regs, plane, stamp, self.pools, self.interrupts, domain_of)
        self.switch = Switch(regs, plane, stamp, self.pools)
        self.rss = Rss(regs, plane, stamp, self.pools, profile.vf_reta_entries)
        self.mailbox = Mailbox(regs, profile.total_vfs, lambda: self.interrupts.raise_pf(pf.EICR.MAILBOX.mask),
                               self.interrupts.raise_mailbox)
        self.statistics = Statistics(regs, plane.results)
        self.resets = Resets(self, call_later)
        self.link_up = True
        self._unknown_to_vfs: set[int] = set()
        self._bind()
        self.load_address()
        self.queues.tell_hot(PF_FUNCTION, {q: q for q in range(self.pools.queues)}, pf.TDT, pf.RDT)
        self.mapping_changed()

    def _bind(self) -> None:
        regs = self.regs
        regs.on_write(pf.GCR_EXT, self._write_gcr_ext)
        for row in (pf.MAXFRS, pf.HLREG0):
            regs.on_write(row, lambda _i, _value: self.limit_frames())
        regs.on_read(pf.STATUS, lambda _i: self.status())
        regs.on_read(pf.LINKS, lambda _i: self.links())
        regs.on_read(pf.FRTIMER, lambda _i: self._timer())
        regs.on_read(pf.EEC, lambda _i: self._eec())

    # accesses -----------------------------------------------------------------------------------------------
    def write(self, function: int, bar: int, offset: int, value: int) -> None:
        """A register write that the plane did not decode itself. One BAR holds registers."""
        file = self.regs if function == PF_FUNCTION else self.vfs.get(function - 1)
        if bar == REGISTER_BAR and file is not None:
            file.write(offset, value)

    def read(self, function: int, bar: int, offset: int) -> int:
        """A register read; what does not exist reads 0, never all ones."""
        file = self.regs if function == PF_FUNCTION else self.vfs.get(function - 1)
        return file.read(offset) if bar == REGISTER_BAR and file is not None else 0

    # the VF window ------------------------------------------------------------------------------------------
    def _make_vf(self, number: int) -> RegisterFile:
        """A VF's registers: mirrors of the PF's, its mailbox, its interrupts, and its slice of the queues."""
        file = RegisterFile("VF", unknown=self._unknown_to_vfs, rss=bool(self.profile.vf_rss_queues))
        file.on_write(vf.VFCTRL, lambda _i, value: self.resets.write_vfctrl(number, value))
        file.on_read(vf.VFSTATUS, lambda _i: self.status())
        file.on_read(vf.VFLINKS, lambda _i: self.links())
        file.on_read(vf.VFFRTIMER, lambda _i: self._timer())
        file.on_write(vf.VFMAILBOX, lambda _i, value: self.mailbox.vf_write(number, value))
        file.on_read(vf.VFMAILBOX, lambda _i: self.mailbox.vf_read(number))
        file.on_write(vf.VFMBMEM, partial(self.mailbox.write_ram, number))
        file.on_read(vf.VFMBMEM, partial(self.mailbox.ram, number))
        file.on_write(vf.VTIVAR, lambda _i, _value: self.queues.route(self.pools.vf_queues(number).values()))
        for name, row in VF_QUEUE_ROWS.items():
            self._alias(file, getattr(vf, name), number, row)
        self.statistics.bind_vf(number, file)
        self.interrupts.bind_vf(number, file)
        self.rss.bind_vf(number, file)
        return file

    def _alias(self, file: RegisterFile, window: Register, number: int, row: Register) -> None:
        """A queue row of the VF is the PF's row at the pool's queue; past its queues it reads 0 and ignores writes."""

        def write(index: int, value: int) -> None:
            if (queue := self.pools.vf_queue(number, index)) is not None:
                self.regs.write(row.offset_of(queue), value)

        def read(index: int) -> int:
            queue = self.pools.vf_queue(number, index)
            return self.regs.read(row.offset_of(queue)) if queue is not None else 0

        file.on_write(window, write)
        file.on_read(window, read)

    # what pcie tells us -------------------------------------------------------------------------------------
    def vfs_enabled(self, num_vfs: int) -> None:
        """VFs exist, in reset state; their pools are theirs from now on."""
        self.pools.num_vfs = num_vfs
        for number in range(num_vfs):
            self.vfs[number] = self._make_vf(number)
        self.mapping_changed()

    def vfs_disabled(self) -> None:
        """No VF exists any more: each has been reset, and its pool is the PF's."""
        for number in list(self.vfs):
            self.resets.one_vf(number)
            self.interrupts.unbind_vf(number)
            self.rss.unbind_vf(number)
            self.queues.mastering.discard(1 + number)
        self.vfs.clear()
        self.pools.num_vfs = 0
        self.mapping_changed()

    def bus_master(self, function: int, on: bool) -> None:
        """Bus mastering of a function was switched; the plane's own table is the caller's to set."""
        self.queues.bus_master(function, on)

    def msix_changed(self, function: int, gate: MsixGate) -> None:
        """What a function's MSI-X lets through has changed."""
        self.interrupts.set_gate(function, gate)

    def function_reset(self, function: int) -> None:
        """FLR of a VF or of the PF."""
        if function == PF_FUNCTION:
            self.resets.everything()
        elif function - 1 in self.vfs:
            self.resets.one_vf(function - 1)

    def link_change(self, up: bool) -> None:
        """The wire's state, as LINKS shows it. Frames are not held back."""
        self.link_up = up
        self.interrupts.raise_pf(pf.EICR.LSC.mask)

    # the mapping --------------------------------------------------------------------------------------------
    def _write_gcr_ext(self, _index: int, value: int) -> None:
        mode = pf.GCR_EXT.VT_MODE.get(value)
        if mode != self.pools.vt_mode:
            self.pools.vt_mode = mode
            self.mapping_changed()

    def mapping_changed(self) -> None:
        """NumVFs or VT_MODE: pools, and all that is written in pools, belong to other functions now."""
        for number in self.vfs:
            self.queues.tell_hot(1 + number, self.pools.vf_queues(number), vf.VFTDT, vf.VFRDT)
        self.switch.refresh_all()
        self.rss.refresh_all()
        self.queues.mapping_changed((PF_FUNCTION, *(1 + number for number in self.vfs)))

    # mirrors ------------------------------------------------------------------------------------------------
    def load_address(self) -> None:
        """Receive address 0 comes from the EEPROM."""
        low, high = words_of_address(self.profile.mac_base)
        self.regs.put(pf.RAL, 0, low)
        self.regs.put(pf.RAH, 0, high | pf.RAH.AV.mask)

    def limit_frames(self) -> None:
        """MAXFRS counts only with JUMBOEN, or below the standard frame."""
        jumbo = self.regs.get(pf.HLREG0) & pf.HLREG0.JUMBOEN.mask
        limit = pf.MAXFRS.MFS.get(self.regs.get(pf.MAXFRS))
        self.plane.set("max_frame", 0, (limit if jumbo else min(limit, STANDARD_FRAME),), self.stamp())

    def status(self) -> int:
        """STATUS, the same for every function."""
        row = pf.STATUS
        mastering = PF_FUNCTION in self.queues.mastering and not self.regs.get(pf.CTRL) & pf.CTRL.GIO_DIS.mask
        return (row.LU.put(self.link_up) | row.NUM_VFS.put(self.pools.num_vfs & 0xFF)
                | row.IOV_ACTIVE.put(bool(self.vfs)) | row.GIO.put(mastering))

    def links(self) -> int:
        """LINKS, the same for every function."""
        return self.regs.get(pf.LINKS) if self.link_up else self.regs.get(pf.LINKS) & ~pf.LINKS.UP.mask

    def _timer(self) -> int:
        return self.stamp() // MICROSECOND_PS & 0xFFFFFFFF

    def _eec(self) -> int:
        word = self.regs.get(pf.EEC)
        return word | pf.EEC.GNT.put(bool(word & pf.EEC.REQ.mask))
