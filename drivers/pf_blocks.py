"""The PF's end of the back channel: configuration blocks that a VF reads and writes, and news of their change.

What a VF sends comes from another partition: block, length and offset are checked, and only that VF's block is touched
(BACKCH-11). Blocks are rows of `datasheet.config_blocks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.pf_switch import NicSwitch, VirtualFunction
from nicmodel.datasheet.config_blocks import ADDRESS, BLOCKS, LIMITS, LINK
from nicmodel.datasheet.ndis import BLOCK_MASK_BITS, INVALIDATE_BLOCK_ALL_VFS, MAX_CONFIG_BLOCK, Status
from nicmodel.ndis.request import Request


class PfBlocks:
    """Blocks of every VF of a switch."""

    def __init__(self, driver: Any, switch: NicSwitch):
        self.driver, self.switch = driver, switch
        self.link_up = False

    # requests ----------------------------------------------------------------------------------------

    def read(self, request: Request) -> Status:
        """BACKCH-02, -03, -05, -11: the block as it is now, or its first bytes."""
        status, vf = self._check(request)
        if vf is not None:
            asked = request.information
            request.put(asked.BufferOffset, self.contents(vf, asked.BlockId)[:asked.Length])
        return status

    def write(self, request: Request) -> Status:
        """BACKCH-02, -03, -05, -11: only a block that is the VF's to write; what is not sent stays."""
        status, vf = self._check(request)
        if vf is None:
            return status
        asked = request.information
        if not BLOCKS[asked.BlockId].written_by_vf:
            return Status.INVALID_PARAMETER
        data = request.get(asked.BufferOffset, asked.Length)
        vf.blocks[asked.BlockId] = data + self.contents(vf, asked.BlockId)[len(data):]
        return Status.SUCCESS

    def _check(self, request: Request) -> tuple[Status, VirtualFunction | None]:
        """The buffer holds what it says; then the VF is allocated, the block is known and has that many bytes."""
        asked = request.information
        status = request.holds(asked.BufferOffset, asked.Length)
        if status != Status.SUCCESS:
            return status, None
        block, vf = BLOCKS.get(asked.BlockId), self.switch.vfs.get(asked.VFId)
        if vf is None or block is None or not 0 < asked.Length <= min(block.nbytes, MAX_CONFIG_BLOCK):
            return Status.INVALID_PARAMETER, None
        return Status.SUCCESS, vf

    # contents ----------------------------------------------------------------------------------------

    def contents(self, vf: VirtualFunction, block_id: int) -> bytes:
        """A whole block of a VF."""
        fill = CONTENTS.get(block_id)
        return fill(self, vf) if fill is not None else vf.blocks.get(block_id, bytes(BLOCKS[block_id].nbytes))

    def link(self, vf: VirtualFunction) -> bytes:
        """The block `LINK`: the port's link, the same for every VF."""
        return _ulongs(int(self.link_up), 1000 * self.driver.settings.link_gbps)

    def address(self, vf: VirtualFunction) -> bytes:
        """The block `ADDRESS`; zeros for a VF without an address."""
        return vf.mac.to_bytes(6, "big") + bytes(2)

    def limits(self, vf: VirtualFunction) -> bytes:
        """The block `LIMITS`; no queue pairs for a VF without a VPort."""
        pairs = self.switch.vports[vf.vport].queue_pairs if vf.vport in self.switch.vports else 0
        return _ulongs(self.driver.settings.max_frame_bytes, pairs)

    # news --------------------------------------------------------------------------------------------

    def link_changed(self, up: bool) -> None:
        """BACKCH-06: every VF learns that its copy of the link block is stale."""
        was, self.link_up = self.link_up, up
        if was != up and self.switch.vfs:
            self.changed(LINK.id)

    def changed(self, *blocks: int, vf: int = INVALIDATE_BLOCK_ALL_VFS) -> None:
        """BACKCH-06: one notice for several blocks; those from 64 up have no bit and are not announced."""
        mask = sum(1 << block for block in set(blocks) if block < BLOCK_MASK_BITS)
        if mask:
            self.driver.ndis.NdisMInvalidateConfigBlock(vf, mask)


def _ulongs(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


CONTENTS: dict[int, Callable[[PfBlocks, VirtualFunction], bytes]] = {
    LINK.id: PfBlocks.link, ADDRESS.id: PfBlocks.address, LIMITS.id: PfBlocks.limits}
"""Blocks that the PF fills; the others are what the VF wrote."""
