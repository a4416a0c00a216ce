"""Rows: requests (OID) and the structures they carry (STRUCT). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import HEADER, INFERRED, MODEL, NDIS, PF, VF, VS, Rule

_OIDS, _PAGES = "sr-iov-oids", "the oid page of each request"
_REQUEST = "nc-ndis-miniport_oid_request"
_LAYOUT_TEST = "tests/ndis/test_structures.py"

REQUESTS: tuple[Rule, ...] = (
    Rule("OID-01", NDIS, "MiniportOidRequest", "Requests that NDIS answers itself never reach a miniport.",
         f"{_OIDS}; {_PAGES}"),
    Rule("OID-02", PF, "general attributes", "A PF supports and lists every request of its role.", _OIDS,
         by=("PF-INIT-14",)),
    Rule("OID-03", VF, "general attributes and MiniportOidRequest", "A VF supports and lists every request of its role.", _OIDS),
    Rule("OID-04", VF, "MiniportOidRequest", "A VF serves no request of a PF.", f"{_OIDS}; {_REQUEST}"),
    Rule("OID-05", PF, "MiniportOidRequest", "A PF answers VF_INVALIDATE_CONFIG_BLOCK with NOT_SUPPORTED.", _OIDS, MODEL,
         INFERRED),
    Rule("OID-06", VS, "always", "Some requests are NDIS's alone: those of the switch itself, of BARs and of stale blocks.",
         _PAGES, tested="tests/ndis/test_requests.py::test_situation_has_its_status"),
    Rule("OID-07", PF, "SR-IOV is not enabled", "Every SR-IOV request is answered NOT_SUPPORTED.", _PAGES),
    Rule("OID-08", PF, "a short buffer", "The answer is INVALID_LENGTH (C-15).", _PAGES),
    Rule("OID-09", PF, "a bad member", "The answer is INVALID_PARAMETER, and FAILURE for anything else.", _PAGES),
    Rule("OID-10", PF, "checking", "Checks come in this order: enabled, length, header, members, resources.", _PAGES, MODEL,
         INFERRED, unchecked="a request with two faults may be answered for either"),
    Rule("OID-11", PF, "method requests", "Data go back in the caller's buffer.", "ns-oidrequest-ndis_oid_request",
         by=("VF-ALLOC-07", "VF-ALLOC-08")),
    Rule("OID-12", PF, "a request fails", "Nothing of it remains.", _PAGES, MODEL, INFERRED),
)

STRUCTURES: tuple[Rule, ...] = (
    Rule("STRUCT-01", PF, "a header that does not match", "A request with it is answered INVALID_PARAMETER.", _PAGES, MODEL,
         INFERRED),
    Rule("STRUCT-02", VS, "sizes", "Three structures are longer in memory than their size says, by alignment.",
         "ntddndis.h of the public headers", reading=HEADER, tested=_LAYOUT_TEST + "::test_sizes_are_documented"),
    Rule("STRUCT-03", VS, "32 bits", "32-bit layouts differ only where pointers and affinities are.",
         "ntddndis.h of the public headers", reading=INFERRED, unchecked="the model has 64-bit structures only"),
    Rule("STRUCT-04", VS, "names", "A counted name has its length in bytes, no terminator, and 257 units of room.",
         "ntddndis.h of the public headers", reading=HEADER, tested=_LAYOUT_TEST + "::test_offsets_are_documented"),
)
