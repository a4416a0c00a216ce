"""Filters: the lowest valid slot that matches names the function (`docs/time.md`, 6.3).

Slots of one MAC are chained in slot order, and a map finds the first; setting a slot builds both anew, which is
rare.
"""

cdef enum:
    VLAN_SHIFT = 48         # of a MAC and a VLAN in one word


cdef inline uint64_t with_vlan(uint64_t mac, int32_t vlan) noexcept nogil:
    return mac | <uint64_t>vlan << VLAN_SHIFT


cdef inline uint64_t mac_of(Row* row) noexcept nogil:
    return row.destination & ((<uint64_t>1 << VLAN_SHIFT) - 1)


cdef inline int32_t vlan_of(Row* row) noexcept nogil:
    return <int32_t>(row.destination >> VLAN_SHIFT)


cdef inline int32_t match_filter(Nic* nic, uint64_t mac, int32_t vlan) noexcept nogil:
    """The function of the lowest slot that matches, or -1."""
    cdef int32_t slot = <int32_t>map_get(&nic.filter_first, mac, -1)
    while slot >= 0:
        if nic.filters[slot].vlan == vlan or nic.filters[slot].vlan < 0:
            return nic.filters[slot].function
        slot = nic.filters[slot].next_slot
    return -1


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
