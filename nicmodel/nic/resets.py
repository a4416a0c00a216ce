"""What a reset does (82599 4.2; specification update, clarification 5).

    CTRL.RST, CTRL.LRST, FLR of the PF    every register of the PF and of every VF, all rings, all mailboxes: RSTI
    VFCTRL.RST, FLR of a VF, VF Disable   that VF's rings, interrupts and pool; `kept` rows and the mailbox RAM stay,
                                          and the PF is told: PFVFLRE, EICR.MAILBOX
    CTRL_EXT.PFRSTD                       the PF is ready: RSTI goes, RSTD comes, every VF is interrupted
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.nic.registers import rows_of
from nicmodel.sim.plane import PF_FUNCTION

if TYPE_CHECKING:
    from nicmodel.nic.nic import Nic

KEPT_BY_VF = frozenset(row.name for row in rows_of("VF") if row.kept)
KEPT_BY_PF = frozenset({pf.PFMBMEM.name})        # RAM has no reset


class Resets:
    """The resets of one adapter."""

    def __init__(self, nic: Nic, call_later: Callable[[int, Callable[[], None]], None]):
        self.nic, self.call_later = nic, call_later
        self.under_way = 0                       # bits of CTRL that have not cleared themselves yet
        nic.regs.on_write(pf.CTRL, self._write_ctrl)
        nic.regs.on_read(pf.CTRL, lambda _index: nic.regs.get(pf.CTRL) | self.under_way)
        nic.regs.on_write(pf.CTRL_EXT, self._write_ctrl_ext)

    def _write_ctrl(self, _index: int, value: int) -> None:
        asked = value & (pf.CTRL.RST.mask | pf.CTRL.LRST.mask)
        if asked:
            self.everything()
            self.under_way |= asked
            self.call_later(pf.RESET_PS, self._finish)

    def _finish(self) -> None:
        self.under_way = 0

    def _write_ctrl_ext(self, _index: int, value: int) -> None:
        if value & pf.CTRL_EXT.PFRSTD.mask:
            self.nic.mailbox.pf_ready(self.nic.pools.num_vfs)

    def write_vfctrl(self, number: int, value: int) -> None:
        """VFCTRL of a VF."""
        if value & vf.VFCTRL.RST.mask:
            self.one_vf(number)

    def everything(self) -> None:
        """The PF is reset, and with it all it serves."""
        nic = self.nic
        for function in (PF_FUNCTION, *(1 + number for number in nic.vfs)):
            nic.plane.reset_function(function, nic.stamp())
            nic.queues.forget(function)
        nic.regs.reset(keep=KEPT_BY_PF)
        for file in nic.vfs.values():
            file.reset()
        nic.pools.vt_mode = 0
        nic.mailbox.pf_in_reset()
        nic.queues.all_reset()
        nic.statistics.reset()
        nic.load_address()
        for function in (PF_FUNCTION, *(1 + number for number in nic.vfs)):
            nic.interrupts.refresh(function)
        nic.limit_frames()
        nic.mapping_changed()

    def one_vf(self, number: int) -> None:
        """Queues off, interrupt state gone, pool disabled, PF told."""
        nic, function = self.nic, 1 + number
        nic.plane.reset_function(function, nic.stamp())
        nic.queues.vf_reset(number)
        nic.vfs[number].reset(keep=KEPT_BY_VF)
        nic.interrupts.refresh(function)
        nic.rss.refresh(number)
        word, bit = number // 32, 1 << number % 32
        nic.regs.clear_bits(pf.VFRE, word, bit)
        nic.regs.clear_bits(pf.VFTE, word, bit)
        nic.regs.set_bits(pf.PFVFLRE, word, bit)
        nic.mailbox.vf_reset(number)
        nic.interrupts.raise_pf(pf.EICR.MAILBOX.mask)
