"""Receive filters on VPorts: what a SET_FILTER asks for, and the slots that hold it.

Every method is one request (FILTER of docs/ndis.md) and returns its status; nothing is changed unless all of it
succeeds. NDIS has chosen the filter's id. Offered are one test for a destination address and at most one for a VLAN id;
an address alone must say VLAN_UNTAGGED_OR_ZERO (FILTER-08).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nicmodel.datasheet.ndis import (
    DEFAULT_RECEIVE_FILTER_ID,
    DEFAULT_RECEIVE_QUEUE_ID,
    FIELD_VLAN_UNTAGGED_OR_ZERO,
    FRAME_HEADER_MAC,
    FilterTest,
    FilterType,
    MacHeaderField,
    Status,
)
from nicmodel.datasheet.ndis_structures import (
    FilterClearParameters,
    FilterFieldParameters,
    FilterMoveParameters,
    ReceiveFilterParameters,
    header_is,
    mac_of,
)
from nicmodel.ndis.request import Request

FIELD_BYTES = FilterFieldParameters.NDIS_SIZEOF
MAX_TESTS = 2
LAST_VLAN = 4094


@dataclass
class Filter:
    """A receive filter: what it matches, where it points, which slot holds its address."""

    mac: int
    vlan: int | None
    untagged: bool
    vport: int
    slot: int


class Filters:
    """The filters of one switch. Slot 0 is the PF's own address and belongs to no filter."""

    def __init__(self, switch: Any, mac_slots: int):
        self.switch, self.pools = switch, switch.pools
        self.mac_slots = mac_slots
        self.by_id: dict[int, Filter] = {}
        self.vlans_offered = True                      # *VMQVlanFiltering
        self._slots = {0}                              # in use

    def on(self, vport: int) -> list[Filter]:
        """The filters of a VPort."""
        return [each for each in self.by_id.values() if each.vport == vport]

    # requests ----------------------------------------------------------------------------------------

    def set(self, request: Request) -> Status:
        """FILTER-01, -02, -03, -04, -07, -09, -17: a MAC, and perhaps a VLAN, to a VPort."""
        head: ReceiveFilterParameters = request.information
        if head.FilterType != FilterType.VM_QUEUE:
            return Status.NOT_SUPPORTED
        if (head.VPortId not in self.switch.vports or head.QueueId != DEFAULT_RECEIVE_QUEUE_ID
                or head.FilterId == DEFAULT_RECEIVE_FILTER_ID or head.FilterId in self.by_id):
            return Status.INVALID_PARAMETER
        status, tests = self._tests(request, head)
        if status != Status.SUCCESS:
            return status
        status, asked = self._asked(tests, head.VPortId)
        if asked is None:
            return status
        slot = next((s for s in range(self.mac_slots) if s not in self._slots), None)
        if slot is None or (asked.vlan is not None and not self.pools.has_vlan_slot(asked.vlan)):
            return Status.FAILURE                          # the request's page knows no RESOURCES
        asked.slot = slot
        self._slots.add(slot)
        self.by_id[head.FilterId] = asked
        self._program(asked)
        return Status.SUCCESS

    def _tests(self, request: Request, head: ReceiveFilterParameters) -> tuple[Status, list[FilterFieldParameters]]:
        """The field array, wherever and however large its elements are; one shorter than ours is no element."""
        count, size, at = (head.FieldParametersArrayNumElements, head.FieldParametersArrayElementSize,
                           head.FieldParametersArrayOffset)
        if not 1 <= count <= MAX_TESTS or size < FIELD_BYTES:
            return Status.INVALID_PARAMETER, []
        status = request.holds(at, count * size)
        if status != Status.SUCCESS:
            return status, []
        tests = [FilterFieldParameters.from_buffer_copy(request.get(at + i * size, FIELD_BYTES)) for i in range(count)]
        return (Status.SUCCESS if all(map(header_is, tests)) else Status.INVALID_PARAMETER), tests

    def _asked(self, tests: list[FilterFieldParameters], vport: int) -> tuple[Status, Filter | None]:
        """What the tests mean together; NOT_SUPPORTED for what we do not offer."""
        mac, vlan, untagged = None, None, False
        for test in tests:
            if test.FrameHeader != FRAME_HEADER_MAC or test.ReceiveFilterTest != FilterTest.EQUAL:
                return Status.NOT_SUPPORTED, None
            value = bytes(test.FieldValue)
            if test.HeaderField == MacHeaderField.DESTINATION_ADDRESS and mac is None:
                mac = mac_of(test.FieldValue)
                untagged = bool(test.Flags & FIELD_VLAN_UNTAGGED_OR_ZERO)
            elif test.HeaderField == MacHeaderField.VLAN_ID and vlan is None:
                vlan = int.from_bytes(value[:2], "big")
            else:
                return Status.NOT_SUPPORTED, None
        if vlan is not None and not self.vlans_offered:
            return Status.NOT_SUPPORTED, None
        if mac is None or (vlan is None) != untagged or (vlan is not None and not 1 <= vlan <= LAST_VLAN):
            return Status.INVALID_PARAMETER, None
        return Status.SUCCESS, Filter(mac, vlan, untagged, vport, 0)

    def move(self, parameters: FilterMoveParameters) -> Status:
        """FILTER-12, -13: at every moment the filter's frames have exactly one VPort to go to."""
        entry = self.by_id.get(parameters.FilterId)
        destination = parameters.DestVPortId
        if (entry is None or entry.vport != parameters.SourceVPortId or destination not in self.switch.vports
                or parameters.SourceQueueId != DEFAULT_RECEIVE_QUEUE_ID
                or parameters.DestQueueId != DEFAULT_RECEIVE_QUEUE_ID):
            return Status.INVALID_PARAMETER
        source, target = (self.switch.pool_of(each) for each in (entry.vport, destination))
        entry.vport = destination
        if source != target:
            self._accept(target)                       # the destination can take the frames before they come
            if entry.vlan is not None:
                self.pools.write_vlan(entry.vlan, self._pools_of(entry.vlan) | 1 << source)
            self.pools.move_pool(entry.slot, source, target)
            if entry.vlan is not None:
                self.pools.write_vlan(entry.vlan, self._pools_of(entry.vlan))
            self._accept(source)
        return Status.SUCCESS

    def clear(self, parameters: FilterClearParameters) -> Status:
        """FILTER-11, -14: the slot matches nothing any more."""
        if parameters.FilterId not in self.by_id or parameters.QueueId != DEFAULT_RECEIVE_QUEUE_ID:
            return Status.INVALID_PARAMETER
        self.drop(parameters.FilterId)
        return Status.SUCCESS

    def drop(self, filter_id: int) -> None:
        """Take a filter out of the hardware and forget it."""
        entry = self.by_id.pop(filter_id)
        self.pools.write_address(entry.slot, None)
        self.pools.write_pools(entry.slot, 0)
        if entry.vlan is not None:
            self.pools.write_vlan(entry.vlan, self._pools_of(entry.vlan))
        self._accept(self.switch.pool_of(entry.vport))
        self._slots.discard(entry.slot)

    # hardware ----------------------------------------------------------------------------------------

    def restore(self) -> None:
        """Program every filter anew, after a reset of the hardware."""
        for entry in self.by_id.values():
            self._program(entry)

    def _program(self, entry: Filter) -> None:
        pool = self.switch.pool_of(entry.vport)
        self.pools.write_pools(entry.slot, 1 << pool)
        self._accept(pool)
        if entry.vlan is not None:
            self.pools.write_vlan(entry.vlan, self._pools_of(entry.vlan))
        self.pools.write_address(entry.slot, entry.mac)

    def _pools_of(self, vlan: int) -> int:
        """The pools that any filter with this VLAN points to, as a bitmap."""
        pools = 0
        for entry in self.by_id.values():
            if entry.vlan == vlan:
                pools |= 1 << self.switch.pool_of(entry.vport)
        return pools

    def _accept(self, pool: int) -> None:
        """AUPE: a pool takes untagged frames if one of its filters says so; the PF's own always does."""
        vports = self.switch.vports
        mine = [entry for entry in self.by_id.values() if entry.untagged and vports[entry.vport].pool == pool]
        self.pools.accept(pool, pool == self.switch.default_pool or bool(mine))
