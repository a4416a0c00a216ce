"""The back channel of one VF: between NDIS in its guest and the PF's miniport, over VPCI.

    guest's miniport ─ NdisMReadConfigBlock, NdisMGetBusData ─► BackChannel ─ OID_SRIOV_READ_VF_... ─► PF's miniport
    guest's miniport ◄─ OID_SRIOV_VF_INVALIDATE_CONFIG_BLOCK ── BackChannel ◄─ NdisMInvalidateConfigBlock ── PF's miniport

Calls return when the PF's miniport has answered. Notices that come before the last one was delivered are combined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.ndis import Oid, RequestType, Status
from nicmodel.datasheet.ndis_structures import (
    InvalidateConfigBlockInfo,
    ReadConfigBlockParameters,
    ReadConfigSpaceParameters,
    WriteConfigBlockParameters,
    WriteConfigSpaceParameters,
    made,
)
from nicmodel.ndis.adapter import Adapter
from nicmodel.ndis.buffers import followed
from nicmodel.ndis.states import TAKES_OIDS
from nicmodel.pcie.handle import Steps

if TYPE_CHECKING:
    from nicmodel.ndis.requests import NdisRequests

SET, METHOD = RequestType.SET, RequestType.METHOD


class BackChannel:
    """VF ``vf`` of the PF behind ``requests``, in the hands of ``guest``."""

    def __init__(self, requests: NdisRequests, vf: int, guest: Adapter):
        self.requests, self.vf, self.guest = requests, vf, guest
        self.pending = 0                                   # blocks of which the guest has not been told yet
        self._telling = False

    def _ask(self, kind: RequestType, oid: Oid, structure: Any, data: bytes, **members: int) -> Steps:
        """A request about this VF with data behind it; (status, request)."""
        request = followed(kind, oid, made(structure, VFId=self.vf, **members), data)[2].oid_request
        return (yield from self.requests.submit(request)), request

    # guest to PF -------------------------------------------------------------------------------------

    def read_block(self, block_id: int, length: int) -> Steps:
        """BACKCH-02: (status, bytes)."""
        status, request = yield from self._ask(METHOD, Oid.SRIOV_READ_VF_CONFIG_BLOCK, ReadConfigBlockParameters,
                                               bytes(length), BlockId=block_id)
        return status, bytes(request.data)

    def write_block(self, block_id: int, data: bytes) -> Steps:
        """BACKCH-02: a status."""
        status, _ = yield from self._ask(SET, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK, WriteConfigBlockParameters, data,
                                         BlockId=block_id)
        return status

    def read_config(self, offset: int, length: int) -> Steps:
        """CFG-01: bytes of the VF's configuration space; none if the PF's miniport refuses."""
        status, request = yield from self._ask(METHOD, Oid.SRIOV_READ_VF_CONFIG_SPACE, ReadConfigSpaceParameters,
                                               bytes(length), Offset=offset)
        return bytes(request.data) if status == Status.SUCCESS else b""

    def write_config(self, offset: int, data: bytes) -> Steps:
        """CFG-01: how many bytes were written; 0 if the PF's miniport refuses."""
        status, _ = yield from self._ask(SET, Oid.SRIOV_WRITE_VF_CONFIG_SPACE, WriteConfigSpaceParameters, data, Offset=offset)
        return len(data) if status == Status.SUCCESS else 0

    # PF to guest -------------------------------------------------------------------------------------

    def notice(self, mask: int) -> None:
        """BACKCH-07, -08: blocks of the PF's have changed; masks are combined until the guest takes them."""
        self.pending |= mask
        self.tell()

    def tell(self) -> None:
        """Deliver what is pending, once the guest's miniport takes requests."""
        if self.pending and not self._telling and self.guest.state in TAKES_OIDS:
            self._telling = True
            self.guest.ndis.env.process(self._tell())

    def _tell(self) -> Steps:
        while self.pending and self.guest.state in TAKES_OIDS:
            mask, self.pending = self.pending, 0
            yield from self.guest.oid(METHOD, Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK,
                                      made(InvalidateConfigBlockInfo, BlockMask=mask))
        self._telling = False

    def close(self) -> None:
        """BACKCH-12: the VF was freed; notices that nobody took are forgotten, and the guest reaches nothing more."""
        self.pending = 0
        if self.guest.ndis.vpci is self:
            self.guest.ndis.vpci = None
