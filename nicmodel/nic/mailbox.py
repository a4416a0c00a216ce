"""The mailbox between each VF and the PF: shared RAM, who owns it, who has news (82599 8.2.3.22.21, 8.3.5.1.5).

    VF: REQ ACK VFU ─► PFMBICR, EICR.MAILBOX          PF: STS ACK PFU ─► PFSTS PFACK, the VF's mailbox interrupt
    RSTI: the PF is in reset. RSTD: it has come out of it. Any VF write carries the whole byte, so it also sets VFU.

One word a VF, laid out as VFMAILBOX; PFMAILBOX shows the same VFU and PFU. The RAM is PFMBMEM's storage.
"""

from __future__ import annotations

from collections.abc import Callable

from nicmodel.datasheet.mailbox import WORDS
from nicmodel.datasheet.registers_pf import PFMAILBOX, PFMBICR, PFMBIMR, PFMBMEM
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
        self.bits = [VFMAILBOX.reset] * max_vfs
        regs.on_write(PFMAILBOX, self.pf_write)
        regs.on_read(PFMAILBOX, self.pf_read)

    # the VF's side ------------------------------------------------------------------------------------------
    def vf_write(self, vf: int, value: int) -> None:
        """Ownership, then a request or an acknowledgement, as one write asks for them."""
        bits = VFMAILBOX.effects.after_write(self.bits[vf], value)
        self.bits[vf] = bits & ~VFU if bits & PFU else bits
        word, bit = divmod(vf, VFS_PER_WORD)
        news = VFMAILBOX.REQ.get(value) << bit | VFMAILBOX.ACK.get(value) << VFS_PER_WORD + bit
        if news:
            self.regs.set_bits(PFMBICR, word, news)
            if news & self.regs.get(PFMBIMR, word):
                self.tell_pf()

    def vf_read(self, vf: int) -> int:
        """Reading clears PFSTS, PFACK and RSTD, and exactly those."""
        bits = self.bits[vf]
        self.bits[vf] = VFMAILBOX.effects.after_read(bits)
        return bits

    def ram(self, vf: int, word: int) -> int:
        return self.regs.get(PFMBMEM, WORDS * vf + word)

    def write_ram(self, vf: int, word: int, value: int) -> None:
        self.regs.put(PFMBMEM, WORDS * vf + word, value)

    # the PF's side ------------------------------------------------------------------------------------------
    def pf_write(self, vf: int, value: int) -> None:
        """Ownership, then status and acknowledgement for the VF."""
        if vf >= len(self.bits):
            return
        bits = PFMAILBOX.effects.after_write(self.bits[vf], value)
        if value & PFMAILBOX.RVFU.mask:
            bits &= ~VFU
        if bits & VFU:
            bits &= ~PFU
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
        """CTRL_EXT.PFRSTD, for VFs that exist and VFs to come."""
        self.bits = [bits & ~RSTI | RSTD for bits in self.bits]
        for vf in range(num_vfs):
            self.tell_vf(vf)

    def vf_reset(self, vf: int) -> None:
        """Ownership and news go; the RAM and RSTI stay."""
        self.bits[vf] &= RSTI | PFU
