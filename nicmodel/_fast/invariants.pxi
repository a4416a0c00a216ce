"""What must hold between two instants, looked at in a checked build only.

`audit` looks at counts after every instant, and every `AUDIT_EVERY` instants at everything: lines are in order and name what
exists (a slot is marked by who has it), and all adds up, counted one by one (`census`). Nothing is mended here.
"""

cdef enum:
    AUDIT_EVERY = 64


# ---- after every instant ---------------------------------------------------------------------------

cdef void audit_events(Nic* nic) noexcept nogil:
    """What is to come is to come later, and the earliest of each group is known."""
    cdef int64_t soonest = nic.due[0]
    cdef int slot
    for slot in range(NUM_SLOTS):
        soonest = min(soonest, nic.due[slot])
    check(nic, next_due_key(nic) == soonest, HOLDS_SOONEST, soonest)
    check(nic, due_time(soonest) > nic.now, HOLDS_ORDER, due_time(soonest))


cdef void audit_pool(Nic* nic, int64_t free, int64_t capacity, int place) noexcept nogil:
    check(nic, 0 <= free <= capacity, place, free)


cdef void audit_count(Nic* nic, int64_t held, int64_t owed, int64_t most) noexcept nogil:
    """Credits of one count: consumed <= limit, released <= consumed. An infinite count is only ever consumed."""
    check(nic, held >= 0, HOLDS_CREDITS, held)
    if most < NEVER:
        check(nic, held + owed <= most, HOLDS_RELEASES, held + owed)


cdef void audit_credits(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """What a sender holds and what is on its way back to it."""
    cdef bint flies = when(nic, partner.end_rank) != NEVER
    cdef int64_t headers = partner.update_headers if flies else 0, data = partner.update_data if flies else 0
    cdef bint posted = partner.flying_kind == UPDATE_P, nonposted = partner.flying_kind == UPDATE_NP
    cdef bint completion = partner.flying_kind == UPDATE_C
    audit_count(nic, way.ph, partner.owed_ph + <int64_t>lane_count(&partner.p_releases) + posted * headers, way.most_ph)
    audit_count(nic, way.pd, partner.owed_pd + posted * data, way.most_pd)
    audit_count(nic, way.nph, partner.owed_nph + <int64_t>lane_count(&partner.np_releases) + nonposted * headers, way.most_nph)
    audit_count(nic, way.ch, partner.owed_ch + <int64_t>lane_count(&partner.c_releases) + completion * headers, way.most_ch)
    audit_count(nic, way.cd, partner.owed_cd + completion * data, way.most_cd)


cdef void audit(Nic* nic) noexcept nogil:
    """After an instant."""
    audit_events(nic)
    audit_pool(nic, nic.tags_free, nic.tags, HOLDS_TAGS)
    audit_pool(nic, nic.read_buffer_free, nic.read_buffer, HOLDS_READ_BUFFER)
    audit_pool(nic, nic.tx_room, nic.tx_buffer, HOLDS_TX_BUFFER)
    audit_pool(nic, nic.rx_room, nic.rx_buffer, HOLDS_RX_BUFFER)
    audit_credits(nic, &nic.up, &nic.down)
    audit_credits(nic, &nic.down, &nic.up)
    nic.audits += 1
    if nic.audits % AUDIT_EVERY == 0:
        audit_everything(nic)


# ---- lines -----------------------------------------------------------------------------------------

cdef void audit_indices(Nic* nic, Lane* lane, uint8_t* marks, int32_t count) noexcept nogil:
    """It names things that exist, and are not free."""
    cdef uint64_t position
    cdef int32_t index
    for position in range(lane.head, lane.tail):
        index = index_at(lane, position)
        check(nic, 0 <= index < count, HOLDS_LINES, index)
        check(nic, not marks[index] & FREE, HOLDS_LINES, index)


cdef void audit_timed(Nic* nic, Lane* lane, uint8_t* marks, int32_t count) noexcept nogil:
    """Likewise, and in order of time."""
    cdef uint64_t position
    cdef int64_t before = -1
    cdef Timed* item
    for position in range(lane.head, lane.tail):
        item = <Timed*>lane_at(lane, position)
        check(nic, item.time >= before, HOLDS_LINES, item.time)
        before = item.time
        check(nic, 0 <= item.index < count, HOLDS_LINES, item.index)
        check(nic, not marks[item.index] & FREE, HOLDS_LINES, item.index)


cdef void audit_ages(Nic* nic, Direction* way, Lane* lane, uint8_t* marks) noexcept nogil:
    """A line of a link is in order of age."""
    cdef uint64_t position, youngest = 0
    audit_indices(nic, lane, marks, nic.num_tlps)
    for position in range(lane.head, lane.tail):
        check(nic, nic.tlps[index_at(lane, position)].age >= youngest, HOLDS_AGES, index_at(lane, position))
        youngest = nic.tlps[index_at(lane, position)].age + 1
    check(nic, youngest <= way.age, HOLDS_AGES, <int64_t>youngest)


cdef void audit_way(Nic* nic, Direction* way, uint8_t* marks) noexcept nogil:
    audit_ages(nic, way, &way.posted, marks)
    audit_ages(nic, way, &way.nonposted, marks)
    audit_ages(nic, way, &way.completion, marks)
    check(nic, way.waiting == <int64_t>(lane_count(&way.posted) + lane_count(&way.nonposted) + lane_count(&way.completion)),
          HOLDS_LINES, way.waiting)


cdef void audit_timers(Nic* nic, Timers* timers) noexcept nogil:
    """The lane is sorted, the heap is one."""
    cdef uint64_t position
    cdef int32_t each
    for position in range(timers.near.head + 1, timers.near.tail):
        check(nic, earlier(near_at(timers, position - 1), near_at(timers, position)), HOLDS_TIMERS, <int64_t>position)
    for each in range(1, timers.count):
        check(nic, earlier(&timers.far[(each - 1) >> 1], &timers.far[each]), HOLDS_TIMERS, each)


cdef void audit_set(Nic* nic, Bits* bits) noexcept nogil:
    cdef int32_t word, members = 0
    cdef uint64_t left
    for word in range((bits.count + 63) >> 6):
        left = bits.words[word]
        while left:
            left &= left - 1
            members += 1
    check(nic, members == bits.members, HOLDS_SETS, bits.members)


# ---- everything ------------------------------------------------------------------------------------

cdef void audit_flows(Nic* nic) noexcept nogil:
    cdef int32_t index
    cdef Flow* flow
    for index in range(nic.num_flows):
        flow = &nic.flows[index]
        check(nic, flow.steered == UNKNOWN or flow.steered == match_filter(nic, flow.destination), HOLDS_STEERED, flow.steered)


cdef void audit_everything(Nic* nic) noexcept nogil:
    """Each part has its own marks, a byte a slot."""
    cdef size_t tlps = nic.num_tlps, rows = nic.num_rows, functions = 2 * nic.num_functions
    cdef uint8_t* marks = <uint8_t*>unrefused_calloc(tlps + rows + 8 * functions + 8, 1)
    cdef int64_t* inside = <int64_t*>marks
    cdef int each
    if marks == NULL:
        return
    keep_marks(nic, marks)
    for each in range(NUM_RANKS):
        audit_timers(nic, &nic.timers[each])
    audit_set(nic, &nic.tx_fetchable)
    audit_set(nic, &nic.rx_fetchable)
    audit_set(nic, &nic.tx_waiting)
    audit_set(nic, &nic.tx_begun)
    audit_set(nic, &nic.requesting)
    check(nic, <int64_t>lane_count(&nic.iommu.walking) == nic.iommu.idle.count - nic.iommu.idle.members, HOLDS_SETS,
          nic.iommu.idle.members)
    audit_tlps(nic, marks + 8 * functions)
    audit_flows(nic)
    audit_packets(nic, marks + 8 * functions + tlps)
    audit_rows(nic, marks + 8 * functions + tlps, inside)


cdef void keep_marks(Nic* nic, uint8_t* marks) noexcept nogil:
    """A broken invariant leaves the loop: what the audit has taken goes back with the next one's, or with the plane."""
    free(nic.marks)
    nic.marks = marks
