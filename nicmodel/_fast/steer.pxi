"""Filters: the lowest valid slot that matches names the function (`docs/time.md`, 6.3).

Slots of one MAC are chained in slot order, and a map finds the first; setting a slot builds both anew, which is
rare.
"""

cdef enum:
    VLAN_SHIFT = 48         # of a MAC and a VLAN in one word


cdef inline uint64_t with_vlan(uint64_t mac, int32_t vlan) noexcept nogil:
    return mac | <uint64_t>vlan << VLAN_SHIFT


cdef inline uint64_t mac_of(uint64_t destination) noexcept nogil:
    return destination & ((<uint64_t>1 << VLAN_SHIFT) - 1)


cdef inline int32_t vlan_of(uint64_t destination) noexcept nogil:
    return <int32_t>(destination >> VLAN_SHIFT)


cdef int32_t match_filter(Nic* nic, uint64_t destination) noexcept nogil:
    """The function of the lowest slot that matches, or -1."""
    cdef int32_t slot = <int32_t>map_get(&nic.filter_first, mac_of(destination), -1), vlan = vlan_of(destination)
    while slot >= 0:
        if nic.filters[slot].vlan == vlan or nic.filters[slot].vlan < 0:
            return nic.filters[slot].function
        slot = nic.filters[slot].next_slot
    return -1


cdef inline int32_t steered_to(Nic* nic, Row* row) noexcept nogil:
    """The function that the filters name for a frame, or -1. The frames of a flow are all for one: it remembers which."""
    cdef Flow* flow
    if unlikely(row.flow < 0):
        return match_filter(nic, row.destination)
    flow = &nic.flows[row.flow]
    if unlikely(flow.steered == UNKNOWN):
        flow.steered = match_filter(nic, row.destination)
    return flow.steered


cdef bint is_own(Nic* nic, int32_t function, uint64_t mac) noexcept nogil:
    """Does a filter of this function name the address?"""
    cdef int32_t slot = <int32_t>map_get(&nic.filter_first, mac, -1)
    while slot >= 0:
        if nic.filters[slot].function == function:
            return True
        slot = nic.filters[slot].next_slot
    return False


cdef bint is_member(Nic* nic, int32_t function, int32_t vlan) noexcept nogil:
    """Does a filter of this function name the VLAN?"""
    cdef int32_t slot
    for slot in range(nic.num_filters):
        if nic.filters[slot].valid and nic.filters[slot].function == function \
                and (nic.filters[slot].vlan == vlan or nic.filters[slot].vlan < 0):
            return True
    return False


cdef bint is_spoofed(Nic* nic, Row* row) noexcept nogil:
    """Does a frame say that it comes from an address, or a VLAN, that is not its function's? Unknown if no byte moved."""
    cdef int64_t checks = nic.functions[row.function].source_checks
    cdef uint64_t source
    if row.flow >= 0:
        source = nic.flows[row.flow].src_mac
    elif row.data != NULL:
        source = parse_source(row.data, moving(nic, row.nbytes))
    else:
        return False
    return checks & CHECK_MAC and not is_own(nic, row.function, source) \
        or checks & CHECK_VLAN and vlan_of(row.destination) and not is_member(nic, row.function, vlan_of(row.destination))


cdef void check_sources(Nic* nic, int32_t function, int64_t checks) noexcept nogil:
    nic.checked_functions += (checks != 0) - (nic.functions[function].source_checks != 0)
    nic.functions[function].source_checks = checks


cdef void set_filter(Nic* nic, int32_t slot, bint valid, uint64_t mac, int32_t vlan, int32_t function) noexcept nogil:
    cdef int32_t room, each
    cdef Filter* filters
    if slot >= nic.num_filters:
        room = nic.num_filters if nic.num_filters else 64
        while room <= slot:
            room *= 2
        filters = <Filter*>realloc(nic.filters, room * sizeof(Filter))
        if filters == NULL:
            latch(nic, FAULT_MEMORY, ROOM_FILTERS, room * <int64_t>sizeof(Filter))
            return
        memset(filters + nic.num_filters, 0, (room - nic.num_filters) * sizeof(Filter))
        nic.filters = filters
        nic.num_filters = room
    nic.filters[slot].valid = valid
    nic.filters[slot].mac = mac
    nic.filters[slot].vlan = vlan
    nic.filters[slot].function = function
    map_clear(&nic.filter_first)
    for each in range(nic.num_filters - 1, -1, -1):
        if nic.filters[each].valid:
            nic.filters[each].next_slot = <int32_t>map_get(&nic.filter_first, nic.filters[each].mac, -1)
            map_put(nic, &nic.filter_first, nic.filters[each].mac, each)
    for each in range(nic.num_flows):
        nic.flows[each].steered = UNKNOWN
