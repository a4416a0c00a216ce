"""Everything there is, counted one by one, in a checked build only: TLPs, packets, rings.

Each pool is what is free plus what its holders hold; what is free is free once. `invariants` says when it is looked at.
"""

cdef enum:
    FREE = 1            # marks of a slot
    ASKING = 2          # a read without a tag


# ---- TLPs ------------------------------------------------------------------------------------------

cdef void mark_free_tlps(Nic* nic, uint8_t* marks) noexcept nogil:
    cdef int32_t index = nic.free_tlp
    while index >= 0:
        check(nic, index < nic.num_tlps and not marks[index], HOLDS_FREE_TLPS, index)
        marks[index] = FREE
        index = nic.tlps[index].ref


cdef void mark_asking(Nic* nic, uint8_t* marks) noexcept nogil:
    """Requests that have no tag, in the lines of their classes or in lists by function."""
    cdef int32_t klass, function, index
    cdef uint64_t position
    for klass in range(3):
        if not nic.tag_lists:
            audit_indices(nic, &nic.asking[klass], marks, nic.num_tlps)
            for position in range(nic.asking[klass].head, nic.asking[klass].tail):
                marks[index_at(&nic.asking[klass], position)] = ASKING
            continue
        for function in range(nic.num_functions):
            index = asking_at(nic, klass, function).head
            while index >= 0:
                check(nic, index < nic.num_tlps and not marks[index], HOLDS_LINES, index)
                marks[index] = ASKING
                index = nic.sides[index].next


cdef void audit_tags(Nic* nic, uint8_t* marks) noexcept nogil:
    """Every read that does not ask any more holds a tag and its bytes of the read buffer."""
    cdef int32_t index
    cdef int64_t tags = nic.tags_free, room = nic.read_buffer_free, by_function = nic.tags_free
    for index in range(nic.num_tlps):
        if not marks[index] and (nic.tlps[index].kind == TLP_READ or nic.tlps[index].kind == TLP_COMPLETION):
            tags += 1
            room += nic.tlps[index].nbytes
    check(nic, tags == nic.tags, HOLDS_TAGS, tags)
    check(nic, room == nic.read_buffer, HOLDS_READ_BUFFER, room)
    if nic.tag_lists:
        for index in range(nic.num_functions):
            concerns(nic, index)
            check(nic, nic.tags_held[index] >= 0, HOLDS_TAGS, nic.tags_held[index])
            check(nic, nic.tag_cap == 0 or nic.tags_held[index] <= nic.tag_cap, HOLDS_TAGS, nic.tags_held[index])
            by_function += nic.tags_held[index]
        concerns(nic, -1)
        check(nic, by_function == nic.tags, HOLDS_TAGS, by_function)


cdef void audit_tlps(Nic* nic, uint8_t* marks) noexcept nogil:
    mark_free_tlps(nic, marks)
    mark_asking(nic, marks)
    audit_tags(nic, marks)
    audit_way(nic, &nic.up, marks)
    audit_way(nic, &nic.down, marks)
    audit_timed(nic, &nic.mem_commits, marks, nic.num_tlps)
    audit_timed(nic, &nic.mem_reads, marks, nic.num_tlps)
    audit_timed(nic, &nic.read_dones, marks, nic.num_tlps)
    audit_timed(nic, &nic.register_pipe, marks, nic.num_tlps)
    audit_indices(nic, &nic.accesses, marks, nic.num_tlps)
    audit_plans(nic, marks)


cdef void audit_plans(Nic* nic, uint8_t* marks) noexcept nogil:
    """Walks that are foreseen, and reads that will sample."""
    cdef Iommu* iommu = &nic.iommu
    cdef Sampling* item
    cdef Sampling* before = NULL
    cdef uint64_t position
    check(nic, iommu.planned.head <= iommu.going <= iommu.planned.tail, HOLDS_PLANS, <int64_t>iommu.going)
    check(nic, not nic.books or iommu.planned.head <= iommu.begun, HOLDS_PLANS, <int64_t>iommu.begun)
    if iommu.entries:
        check(nic, iommu.next_done == (planned_at(iommu, iommu.going).done if iommu.going < iommu.planned.tail else NEVER),
              HOLDS_PLANS, iommu.next_done)
    for position in range(iommu.planned.head + 1, iommu.planned.tail):
        check(nic, planned_at(iommu, position).done > planned_at(iommu, position - 1).done, HOLDS_WALKS,
              planned_at(iommu, position).done)
    for position in range(iommu.reads.head, iommu.reads.tail):
        item = <Sampling*>lane_at(&iommu.reads, position)
        check(nic, item.time + (0 if needs_sampling(nic, &nic.tlps[item.index]) else iommu.answer_slack) > nic.now
              and (before == NULL or before.time <= item.time), HOLDS_SAMPLINGS, item.time)
        check(nic, 0 <= item.index < nic.num_tlps and not marks[item.index] & FREE, HOLDS_LINES, item.index)
        before = item


# ---- packets ---------------------------------------------------------------------------------------

cdef void mark_free_rows(Nic* nic, uint8_t* marks) noexcept nogil:
    cdef int32_t index
    cdef uint64_t position
    for position in range(nic.free_rows.head, nic.free_rows.tail):
        index = index_at(&nic.free_rows, position)
        check(nic, index < nic.num_rows and not marks[index], HOLDS_FREE_ROWS, index)
        marks[index] = FREE


cdef int64_t room_to_come(Nic* nic) noexcept nogil:
    """Room of the Tx buffer that rows will take whose frames have not begun."""
    cdef Descriptor* waiting
    cdef int64_t room = 0
    cdef int32_t index
    cdef uint64_t position
    cdef Ring* ring
    for index in range(nic.num_rings):
        ring = &nic.rings[index]
        for position in range(ring.chip.head + (1 if ring.asked else 0), ring.chip.tail):
            waiting = <Descriptor*>lane_at(&ring.chip, position)
            if waiting.slot != NO_ROW_YET:
                room += waiting.nbytes
    return room


cdef int64_t count_rowless(Ring* ring) noexcept nogil:
    """Descriptors of a Tx ring without a row."""
    cdef int64_t count = 0
    cdef uint64_t position
    for position in range(ring.unpaired.head, ring.unpaired.tail):
        count += (<Rowless*>lane_at(&ring.unpaired, position)).count
    return count


cdef int64_t count_waiting(Ring* ring) noexcept nogil:
    """Those of its descriptors on chip."""
    cdef int64_t count = 0
    cdef uint64_t position
    for position in range(ring.chip.head, ring.chip.tail):
        count += (<Descriptor*>lane_at(&ring.chip, position)).slot == NO_ROW_YET
    return count


cdef void audit_ring_rows(Nic* nic, Ring* ring, uint8_t* marks) noexcept nogil:
    """A ring's packets exist and are not free, as far as it still needs them."""
    cdef uint64_t position = max(ring.rows.head, ring.retired) if leaves_early(nic, ring) else ring.rows.head
    cdef int32_t index, complete = 0
    for position in range(position, end_of_made(ring) if ring.direction == DIRECTION_TX else ring.rows.tail):
        index = row_at(ring, position)
        check(nic, 0 <= index < nic.num_rows and not marks[index] & FREE, HOLDS_LINES, index)
        if ring.direction == DIRECTION_TX and position >= ring.ready:
            complete += nic.rows[index].complete
    check(nic, complete == <int32_t>ring.complete, HOLDS_RING, complete)


cdef void audit_rows(Nic* nic, uint8_t* marks, int64_t* inside) noexcept nogil:
    """States, the room that frames hold, and how many of them are inside."""
    cdef int32_t index, each
    cdef int64_t tx_room = nic.tx_room, rx_room = nic.rx_room
    cdef Row* row
    for index in range(nic.num_rows):
        row = &nic.rows[index]
        concerns_packet(nic, index)
        check(nic, (row.held == 0) == (marks[index] == FREE), HOLDS_ROW_STATE, row.held)
        if row.held == 0:
            continue
        check(nic, row.held <= (IN_CHAIN | IN_PIPE) and row.outcome <= DROP_SPOOFED, HOLDS_ROW_STATE, row.outcome)
        check(nic, 0 <= row.serial < nic.row_serial and row.function < nic.num_functions, HOLDS_ROW_STATE, row.serial)
        check(nic, row.kind != KIND_TX or not row.good or 0 <= row.arrived <= row.nbytes, HOLDS_ROW_STATE, row.arrived)
        check(nic, row.outcome == INSIDE or not row.room, HOLDS_ROW_STATE, row.room)
        if row.room and row.kind == KIND_TX:
            tx_room += row.nbytes
        elif row.room:
            rx_room += frame_length(row.nbytes)
        if row.outcome == INSIDE and row.function >= 0:
            inside[2 * row.function + (DIRECTION_TX if row.kind == KIND_TX else DIRECTION_RX)] += 1
    enter_stage(nic, nic.at_stage)
    for index in range(nic.num_rings):
        inside[2 * nic.rings[index].function + DIRECTION_TX] += count_rowless(&nic.rings[index])
    tx_room -= room_to_come(nic)
    check(nic, tx_room == nic.tx_buffer, HOLDS_TX_BUFFER, tx_room)
    check(nic, rx_room == nic.rx_buffer, HOLDS_RX_BUFFER, rx_room)
    for index in range(nic.num_functions):
        concerns(nic, index)
        for each in range(2):
            check(nic, inside_of(nic, index, each)[0] == inside[2 * index + each], HOLDS_INSIDE, inside[2 * index + each])
    concerns(nic, -1)


cdef void audit_packets(Nic* nic, uint8_t* marks) noexcept nogil:
    cdef int each
    mark_free_rows(nic, marks)
    audit_timed(nic, &nic.tx_ready, marks, nic.num_rows)
    audit_timed(nic, &nic.tx_pipe_lane, marks, nic.num_rows)
    audit_timed(nic, &nic.tx_wire, marks, nic.num_rows)
    audit_timed(nic, &nic.rx_pipe_lane, marks, nic.num_rows)
    for each in range(2):
        audit_indices(nic, &nic.ingress[each], marks, nic.num_rows)
    for each in range(2 * nic.num_rings):
        concerns(nic, nic.rings[each].function)
        audit_ring_rows(nic, &nic.rings[each], marks)
        if each >= nic.num_rings:
            audit_indices(nic, &nic.rings[each].unpaired, marks, nic.num_rows)
        audit_ring(nic, &nic.rings[each])
    concerns(nic, -1)


# ---- rings -----------------------------------------------------------------------------------------

cdef void audit_ring(Nic* nic, Ring* ring) noexcept nogil:
    """Positions follow one another; descriptors are on chip as far as there is room for them."""
    cdef bint sends = ring.direction == DIRECTION_TX
    if not ring.is_open:
        check(nic, lane_empty(&ring.rows) and lane_empty(&ring.unpaired) and ring.held == 0, HOLDS_RING, ring.held)
        return
    check(nic, 0 <= ring.next < ring.size and 0 <= ring.tail < ring.size, HOLDS_RING, ring.next)
    check(nic, 0 <= ring.held <= (nic.tx_cache if sends else nic.rx_cache) and ring.fetching >= 0, HOLDS_RING, ring.held)
    check(nic, ring.rows.head <= ring.written <= ring.rows.tail, HOLDS_RING, <int64_t>ring.written)
    check(nic, ring.agent < 0 or ring.reaped <= ring.visible, HOLDS_RING, <int64_t>ring.reaped)
    if sends:
        check(nic, max(ring.written, ring.visible) <= ring.span <= ring.retired <= ring.ready <= ring.rows.tail, HOLDS_RING,
              <int64_t>ring.retired)
        check(nic, ring.ready <= end_of_made(ring), HOLDS_ROWLESS, <int64_t>ring.ready)
        check(nic, count_rowless(ring) == count_waiting(ring) == <int64_t>(ring.rows.tail - end_of_made(ring)), HOLDS_ROWLESS,
              count_rowless(ring))
    check(nic, <int64_t>lane_count(&ring.chip) == ring.held, HOLDS_RING, ring.held)
    check(nic, is_member_of(&nic.tx_fetchable if sends else &nic.rx_fetchable, ring.number)
          == (not ring.fetching and ring.tail != ring.next and ring.held < (nic.tx_few if sends else nic.rx_few)),
          HOLDS_SETS, ring.number)
