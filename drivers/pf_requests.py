"""How the PF's miniport takes a request: one literal table, one order of checks, an answer to every row.

    enabled? ─► there? ─► length ─► header ─► members and resources (the handler)            OID-10

A handler returns a Status, or a generator of one: a request that pends while the hardware is waited for, and that NDIS
gives up with REQUEST_ABORTED where a reset overtakes it, so it changes its own state in one go. What a handler does is
elsewhere: `pf_switch`, `pf_filters`, `pf_functions`, `pf_blocks`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers.pf_features import PfFeatures
from nicmodel.datasheet import ndis as n
from nicmodel.datasheet.ndis import Oid, RequestType, Status
from nicmodel.datasheet.ndis_structures import header_is
from nicmodel.ndis.request import Request
from nicmodel.pcie.handle import Steps

Serve = Callable[[Any, Request], Status | Steps]


class PfRequests(PfFeatures):
    """The door for requests."""

    SERVED: dict[tuple[RequestType, Oid], Serve] = {}
    available = True               # False from the start of a reset, or of low power, to its end
    gone = False                   # surprise removed

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status | Steps:
        """OID-02, -07, -08, -09, -10, GEN-OID-03, -04, RESET-07."""
        if self.gone:
            return Status.NOT_ACCEPTED
        serve = self.SERVED.get((kind, oid))
        if serve is None:
            return self.generic_request(kind, oid, buffer)
        if not self.sriov:
            return Status.NOT_SUPPORTED
        if not self.available:
            return Status.NOT_ACCEPTED
        request = Request.of(kind, oid, buffer, n.ROW_OF[oid].structure)
        status = self.check(request)
        if status != Status.SUCCESS:
            return status
        return serve(self, request)

    def generic_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status | Steps:
        """Requests that have nothing to do with SR-IOV."""
        return self.common_request(kind, oid, buffer)

    @staticmethod
    def check(request: Request) -> Status:
        """OID-08, STRUCT-01: the length first, with BytesNeeded; then type, revision and size of the header."""
        row = n.ROW_OF[request.oid]
        status = request.needs(row.min_length)
        if status != Status.SUCCESS:
            return status
        good = isinstance(request.information, row.structure) and header_is(request.information)
        return Status.SUCCESS if good else Status.INVALID_PARAMETER
