"""The VF's end of the back channel: configuration blocks of the PF's, kept until the PF says that they have changed.

Optional: a VF whose NDIS has no back channel comes up without (the mailbox gives it all it needs).
"""

from __future__ import annotations

from drivers.vf_hardware import VfHardware
from nicmodel.datasheet.config_blocks import ADDRESS, BLOCKS, LIMITS, LINK
from nicmodel.datasheet.ndis import Status
from nicmodel.pcie.handle import Steps

WANTED = (LINK, ADDRESS, LIMITS)


class VfBlocks:
    """Copies of the PF's blocks, by id."""

    def __init__(self, driver: VfHardware):
        self.driver = driver
        self.copies: dict[int, bytes] = {}
        self.stale: set[int] = set()

    def read(self) -> Steps:
        """BACKCH-01, -05: read every block that we use; a back channel that refuses leaves us without it."""
        for block in WANTED:
            yield from self._fetch(block.id)

    def _fetch(self, block_id: int) -> Steps:
        status, data = yield from self.driver.ndis.NdisMReadConfigBlock(block_id, BLOCKS[block_id].nbytes)
        if status == Status.SUCCESS:
            self.copies[block_id] = data
            self.stale.discard(block_id)

    def invalidate(self, mask: int) -> Status:
        """BACKCH-09: copies of these blocks are stale. They are read again outside the request that says so."""
        self.stale |= {block for block in self.copies if mask >> block & 1}
        if self.stale:
            self.driver.ndis.env.process(self.driver.attend(self._refresh()))
        return Status.SUCCESS

    def _refresh(self) -> Steps:
        for block in sorted(self.stale):
            yield from self._fetch(block)
        if self.link_up is not None:
            self.driver.follow_link(self.link_up)

    @property
    def link_up(self) -> bool | None:
        """What the PF says of the link; None if it has not said anything."""
        link = self.copies.get(LINK.id)
        return None if link is None else bool(int.from_bytes(link[:4], "little"))
