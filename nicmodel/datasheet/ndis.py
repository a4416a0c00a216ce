"""Names and numbers of the NDIS 6.30 SR-IOV interface, gathered from the files that define them.

Facts only. Values are those of the public driver headers (mingw-w64 10.0.0) unless ``ndis_headers`` says otherwise;
page names are files of Microsoft's public driver documentation, without the suffix.
"""

from __future__ import annotations

from nicmodel.datasheet.ndis_enums import *  # noqa: F403
from nicmodel.datasheet.ndis_keywords import *  # noqa: F403
from nicmodel.datasheet.ndis_object import MAX_PHYS_ADDRESS_LENGTH  # noqa: F401
from nicmodel.datasheet.ndis_oids import (  # noqa: F401
    HANDLER_OF,
    MANDATORY_OIDS,
    MANDATORY_QUERIES,
    MANDATORY_SETS,
    NDIS_ISSUED_OIDS,
    NDIS_OIDS,
    OIDS,
    PF_OIDS,
    PF_ONLY_REQUESTS,
    ROW_OF,
    RSS_OIDS,
    VF_OIDS,
    Handler,
    Issuer,
    Oid,
    OidRow,
    may_answer,
)
from nicmodel.datasheet.ndis_rss import *  # noqa: F403
from nicmodel.datasheet.ndis_sriov import (  # noqa: F401
    BLOCK_MASK_BITS,
    INVALIDATE_BLOCK_ALL_VFS,
    MAX_CONFIG_BLOCK,
    PCI_TYPE0_ADDRESSES,
)
from nicmodel.datasheet.ndis_status import *  # noqa: F403

PF_ONLY_FUNCTIONS = (
    "NdisMEnableVirtualization", "NdisMGetVirtualFunctionLocation", "NdisMGetVirtualFunctionBusData",
    "NdisMSetVirtualFunctionBusData", "NdisMInvalidateConfigBlock", "NdisMQueryProbedBars",
)
"""Library functions that only the PF's miniport may call (the nf-ndis page of each)."""
