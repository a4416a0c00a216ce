"""UP-15: what a guest's bus driver asks about a VF before there is a device: identity, header, BARs and their places.

A VF's configuration space has no usable ids and no BARs of its own, so each question goes to the PF's miniport. No page
orders them (G-12); ours asks as a bus driver does that finds a device.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nicmodel.datasheet.config_space import BAR_64, BAR_BYTES
from nicmodel.datasheet.ndis import PCI_TYPE0_ADDRESSES, Oid, RequestType, Status
from nicmodel.datasheet.ndis_structures import (
    BarResourcesInfo,
    MemoryResource,
    ProbedBarsInfo,
    ReadConfigSpaceParameters,
    VendorDeviceIdInfo,
    made,
)
from nicmodel.ndis.request import Request
from nicmodel.ndis.requests import NDIS, STACK, NdisRequests, Opener
from nicmodel.pcie.handle import Steps

HEADER_BYTES = 64                    # of a PCI configuration header
QUERY, METHOD = RequestType.QUERY, RequestType.METHOD


@dataclass
class Probed:
    """A device as the guest finds it."""

    vendor_id: int = 0
    device_id: int = 0
    header: bytes = b""
    bars: dict[int, tuple[int, int]] = field(default_factory=dict)      # BAR -> start, length


def probe(ndis: NdisRequests, vf: int) -> Steps:
    """Everything about one VF: (Status, Probed). Stops at the first answer that is no success."""
    found = Probed()

    def ask(kind: RequestType, oid: Oid, information: Any, data: bytes, opener: Opener) -> Steps:
        request = Request(kind, oid, information, data)
        return (yield from ndis.submit(request, opener)), bytes(request.data)

    ids = made(VendorDeviceIdInfo, VFId=vf)
    status, _ = yield from ask(METHOD, Oid.SRIOV_VF_VENDOR_DEVICE_ID, ids, b"", STACK)
    if status != Status.SUCCESS:
        return status, found
    found.vendor_id, found.device_id = ids.VendorId, ids.DeviceId
    status, found.header = yield from ask(METHOD, Oid.SRIOV_READ_VF_CONFIG_SPACE, made(
        ReadConfigSpaceParameters, VFId=vf, Length=HEADER_BYTES, BufferOffset=ReadConfigSpaceParameters.NDIS_SIZEOF),
        bytes(HEADER_BYTES), STACK)
    if status != Status.SUCCESS:
        return status, found
    status, raw = yield from ask(QUERY, Oid.SRIOV_PROBED_BARS, made(
        ProbedBarsInfo, BaseRegisterValuesOffset=ProbedBarsInfo.NDIS_SIZEOF), bytes(BAR_BYTES * PCI_TYPE0_ADDRESSES), NDIS)
    if status != Status.SUCCESS:
        return status, found
    for index in implemented([int.from_bytes(raw[at:at + BAR_BYTES], "little") for at in range(0, len(raw), BAR_BYTES)]):
        status, raw = yield from ask(METHOD, Oid.SRIOV_BAR_RESOURCES, made(
            BarResourcesInfo, VFId=vf, BarIndex=index, BarResourcesOffset=BarResourcesInfo.NDIS_SIZEOF),
            bytes(MemoryResource()), NDIS)
        if status != Status.SUCCESS:
            return status, found
        place = MemoryResource.from_buffer_copy(raw)
        found.bars[index] = place.Start, place.Length
    return Status.SUCCESS, found


def implemented(probed: list[int]) -> list[int]:
    """Indices of BARs there are; the upper half of a 64-bit BAR is not one of its own.

    >>> implemented([0xFFFFC004, 0xFFFFFFFF, 0, 0xFFFF0000, 0, 0])
    [0, 3]
    """
    indices, index = [], 0
    while index < len(probed):
        if probed[index]:
            indices.append(index)
        index += 2 if probed[index] & BAR_64 else 1
    return indices
