"""The mailbox between each VF and the PF: shared RAM, who owns it, who has news (82599 8.2.3.22.21, 8.3.5.1.5).

    VF: REQ ACK VFU ─► PFMBICR, EICR.MAILBOX          PF: STS ACK PFU ─► PFSTS PFACK, the VF's mailbox interrupt
    RSTI: the PF is in reset. RSTD: it has come out of it. Any VF write carries the whole byte, so it also sets VFU.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet.mailbox import WORDS
from nicmodel.datasheet.registers_pf import PFMAILBOX, PFMBICR, PFMBMEM
from nicmodel.datasheet.registers_vf import VFMAILBOX
from nicmodel.nic.registers import RegisterFile

VFU, PFU = VFMAILBOX.VFU.mask, VFMAILBOX.PFU.mask
PFSTS, PFACK = VFMAILBOX.PFSTS.mask, VFMAILBOX.PFACK.mask
RSTI, RSTD = VFMAILBOX.RSTI.mask, VFMAILBOX.RSTD.mask
VFS_PER_WORD = 16


class Mailbox:
    """All mailboxes of the adapter. `tell_pf()` and `tell_vf(v)` raise the other side's interrupt."""

    def __init__(self, regs: RegisterFile, max_vfs: int, tell_pf: Callable[[], None], tell_vf: Callable[[int], None]):
        self.regs, self.tell_pf, self.tell_vf = regs, tell_pf, tell_vf
        self.bits = [RSTI] * max_vfs
        regs.on_write(PFMAILBOX, self.pf_write)
        regs.on_read(PFMAILBOX, self.pf_read)

    # the VF's side ------------------------------------------------------------------------------------------
    def vf_write(self, vf: int, value: int) -> None:
        bits = self.bits[vf] & ~VFU
        if value & VFU and not bits & PFU:
            bits |= VFU
        self.bits[vf] = bits
        for flag, shift in ((VFMAILBOX.REQ, 0), (VFMAILBOX.ACK, VFS_PER_WORD)):
            if value & flag.mask:
                word = vf // VFS_PER_WORD
                self.regs.put(PFMBICR, word, self.regs.get(PFMBICR, word) | 1 << vf % VFS_PER_WORD + shift)
                self.tell_pf()

    def vf_read(self, vf: int) -> int:
        """Reading clears PFSTS, PFACK and RSTD, and exactly those."""
        bits = self.bits[vf]
        self.bits[vf] = bits & ~(PFSTS | PFACK | RSTD)
        return bits

    def ram(self, vf: int, word: int) -> int:
        return self.regs.get(PFMBMEM, WORDS * vf + word)

    def write_ram(self, vf: int, word: int, value: int) -> None:
        self.regs.put(PFMBMEM, WORDS * vf + word, value)

    # the PF's side ------------------------------------------------------------------------------------------
    def pf_write(self, vf: int, value: int) -> None:
        if vf >= len(self.bits):
            return
        bits = self.bits[vf]
        if value & PFMAILBOX.RVFU.mask:
            bits &= ~VFU
        bits &= ~PFU
        if value & PFMAILBOX.PFU.mask and not bits & VFU:
            bits |= PFU
        news = (PFSTS if value & PFMAILBOX.STS.mask else 0) | (PFACK if value & PFMAILBOX.ACK.mask else 0)
        self.bits[vf] = bits | news
        if news:
            self.tell_vf(vf)

    def pf_read(self, vf: int) -> int:
        return self.bits[vf] & (VFU | PFU) if vf < len(self.bits) else 0

    # resets -------------------------------------------------------------------------------------------------
    def pf_in_reset(self) -> None:
        """The PF has been reset: every VF sees RSTI until the PF says it is ready."""
        self.bits = [RSTI] * len(self.bits)

    def pf_ready(self, num_vfs: int) -> None:
        """CTRL_EXT.PFRSTD."""
        self.bits = [bits & ~RSTI | RSTD for bits in self.bits]
        for vf in range(num_vfs):
            self.tell_vf(vf)

    def vf_reset(self, vf: int) -> None:
        """Ownership and news go; the RAM and RSTI stay."""
        self.bits[vf] &= RSTI | PFU
