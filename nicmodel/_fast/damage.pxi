"""Invariants broken on purpose, in a checked build: a check that nobody has seen fail is none."""

cdef int32_t last_free_tlp(Nic* nic) noexcept nogil:
    cdef int32_t index = nic.free_tlp
    while index >= 0 and nic.tlps[index].ref >= 0:
        index = nic.tlps[index].ref
    return index


cdef bint swap_timers(Timers* timers) noexcept nogil:
    """The last two of the lane."""
    cdef Timer last
    if lane_count(&timers.near) < 2:
        return False
    last = near_at(timers, timers.near.tail - 1)[0]
    near_at(timers, timers.near.tail - 1)[0] = near_at(timers, timers.near.tail - 2)[0]
    near_at(timers, timers.near.tail - 2)[0] = last
    return True


cdef bint swap_before_wire(Nic* nic) noexcept nogil:
    """Two frames before the wire that are not at the switch yet."""
    cdef Timed* last
    cdef int32_t index
    if lane_count(&nic.tx_ready) < 2 or lane_count(&nic.tx_wire) < 2:
        return False
    last = <Timed*>lane_at(&nic.tx_wire, nic.tx_wire.tail - 1)
    index = last.index
    last.index = (<Timed*>lane_at(&nic.tx_wire, nic.tx_wire.tail - 2)).index
    (<Timed*>lane_at(&nic.tx_wire, nic.tx_wire.tail - 2)).index = index
    replan_ready(nic)
    return True


cdef bint hide_event(Nic* nic) noexcept nogil:
    """Its group does not know of it any more."""
    if due_time(nic.link_due) == NEVER or nic.link_due != next_due_key(nic):
        return False
    nic.link_due = due_key(NEVER, NUM_SLOTS)
    return True


cdef bint retire_in_thought(Nic* nic) noexcept nogil:
    cdef Ring* ring
    if lane_empty(&nic.tx_ready):
        return False
    ring = &nic.rings[nic.rows[front_timed(&nic.tx_ready).index].ring]
    ring.retired += 1
    return True


cdef bint lose_rowless(Nic* nic) noexcept nogil:
    """Of a Tx ring's descriptors that wait for a row."""
    cdef int32_t index
    for index in range(nic.num_rings):
        if not lane_empty(&nic.rings[index].unpaired) and first_rowless(&nic.rings[index]).count > 1:
            first_rowless(&nic.rings[index]).count -= 1
            return True
    return False


cdef bint forget_walk_to_come(Nic* nic) noexcept nogil:
    if nic.iommu.next_done == NEVER:
        return False
    nic.iommu.next_done = NEVER
    return True


cdef bint swap_walks(Nic* nic) noexcept nogil:
    """The last two that are foreseen, neither of them the next to end."""
    cdef Iommu* iommu = &nic.iommu
    cdef int64_t done
    if iommu.planned.tail < iommu.going + 3:
        return False
    done = planned_at(iommu, iommu.planned.tail - 1).done
    planned_at(iommu, iommu.planned.tail - 1).done = planned_at(iommu, iommu.planned.tail - 2).done
    planned_at(iommu, iommu.planned.tail - 2).done = done
    return True


cdef bint swap_samplings(Nic* nic) noexcept nogil:
    """The last two reads that will sample, neither of them the next."""
    cdef Lane* reads = &nic.iommu.reads
    cdef Sampling* last = <Sampling*>lane_at(reads, reads.tail - 1)
    cdef Sampling* before = <Sampling*>lane_at(reads, reads.tail - 2)
    cdef int64_t time
    if lane_count(reads) < 3 or last.time == before.time:
        return False
    time = last.time
    last.time = before.time
    before.time = time
    return True


cdef bint steer_wrongly(Nic* nic) noexcept nogil:
    """A flow that has been steered."""
    cdef int32_t index
    for index in range(nic.num_flows):
        if nic.flows[index].steered != UNKNOWN:
            nic.flows[index].steered += 1
            return True
    return False


cdef bint damage(Nic* nic, int place) noexcept nogil:
    """Break one invariant, if there is anything to break it with now."""
    cdef int32_t index
    nic.audits = AUDIT_EVERY - 1        # the next instant is followed by a look at everything
    if place == HOLDS_ORDER:
        set_when(nic, RANK_ITR, nic.now - 1)
    elif place == HOLDS_TIME:
        nic.due[WAKE_DECIDE] = nic.port_due = due_key(nic.now, WAKE_DECIDE)
    elif place == HOLDS_SOONEST:
        return hide_event(nic)
    elif place == HOLDS_TIMERS:
        return swap_timers(&nic.timers[RANK_CALL])
    elif place == HOLDS_TAGS:
        nic.tags_free -= 1
    elif place == HOLDS_READ_BUFFER:
        nic.read_buffer_free -= 1
    elif place == HOLDS_TX_BUFFER:
        nic.tx_room -= 1
    elif place == HOLDS_RX_BUFFER:
        nic.rx_room -= 1
    elif place == HOLDS_CREDITS:
        nic.up.nph = -1
    elif place == HOLDS_RELEASES:
        nic.down.owed_ph += nic.up.most_ph
    elif place == HOLDS_AGES:
        nic.down.age = 0
        return lane_count(&nic.down.completion) > 1
    elif place == HOLDS_LINES:
        nic.up.waiting += 1
    elif place == HOLDS_FREE_TLPS:
        index = last_free_tlp(nic)
        if index < 0 or index == nic.free_tlp:
            return False
        nic.tlps[index].ref = index
    elif place == HOLDS_FREE_ROWS:
        if lane_count(&nic.free_rows) < 2:
            return False
        (<int32_t*>lane_front(&nic.free_rows))[0] = index_at(&nic.free_rows, nic.free_rows.head + 1)
    elif place == HOLDS_ROW_STATE:
        if lane_count(&nic.free_rows) < 2:
            return False
        nic.rows[front_index(&nic.free_rows)].held = IN_CHAIN
    elif place == HOLDS_INSIDE:
        inside_of(nic, 1, DIRECTION_TX)[0] += 1
    elif place == HOLDS_RING:
        nic.rings[nic.num_rings].held += 1
    elif place == HOLDS_SETS:
        if nic.tx_waiting.members == 0:
            return False
        nic.tx_waiting.members -= 1
    elif place == HOLDS_ENDED:
        row_release(nic, row_new(nic, KIND_TX, 1, MINIMUM_FRAME, take_serials(nic, 1)), IN_PIPE)
    elif place == HOLDS_RING_ORDER:
        nic.audits = 0
        return retire_in_thought(nic)
    elif place == HOLDS_WIRE_ORDER:
        return swap_before_wire(nic)
    elif place == HOLDS_ROWLESS:
        return lose_rowless(nic)
    elif place == HOLDS_PLANS:
        return forget_walk_to_come(nic)
    elif place == HOLDS_WALKS:
        return swap_walks(nic)
    elif place == HOLDS_SAMPLINGS:
        return swap_samplings(nic)
    elif place == HOLDS_STEERED:
        return steer_wrongly(nic)
    return True
