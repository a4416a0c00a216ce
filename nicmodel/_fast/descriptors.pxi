"""Tx descriptors arrive, and get their rows (`docs/time.md`, 5).

A descriptor on chip gets its row only when the scheduler begins its frame, for many wait there and few are under way: the row
that is taken was used last, and is in the cache. Until then descriptors that were fetched together under one doorbell share a
`Rowless`. Who needs the rows of a ring earlier, as a revocation does, has them made.

Rows of a ring are made in ring order; that of a bad descriptor as it arrives, after all those before it.
"""

cdef inline bint is_good(Nic* nic, uint64_t command, int32_t nbytes) noexcept nogil:
    """An advanced data descriptor of one whole frame of legal length."""
    return (command & TX_DTYP_MASK == TX_DTYP_DATA and command & TX_DEXT and command & TX_EOP
            and 1 <= nbytes <= TX_MAX_BYTES and nbytes <= nic.max_frame - FCS_BYTES)


# ---- rows are made ---------------------------------------------------------------------------------

cdef inline Rowless* first_rowless(Ring* ring) noexcept nogil:
    return <Rowless*>lane_front(&ring.unpaired)


cdef inline uint64_t end_of_made(Ring* ring) noexcept nogil:
    """The position in a Tx ring's rows up to which they are made."""
    return ring.rows.tail if lane_empty(&ring.unpaired) else first_rowless(ring).position


cdef inline int32_t make_row(Nic* nic, Ring* ring, int32_t nbytes) noexcept nogil:
    """The next descriptor of the ring, a good one, gets its row. Pointers to rows are void after this call."""
    cdef Rowless* rowless = first_rowless(ring)
    cdef int32_t made = row_new(nic, KIND_TX, ring.function, nbytes, rowless.serial)
    cdef Row* row = &nic.rows[made]
    row.ring = <int16_t>ring.number
    row.slot = rowless.slot
    row.rs = <uint8_t>(rowless.reports >> (rowless.count - 1) & 1)
    row.good = row.room = 1     # it holds room once it has begun
    row.held = IN_PIPE | IN_CHAIN
    row.latency_from = rowless.posted
    row.flow = rowless.flow
    row.origin = rowless.group
    if nic.record_rows:
        stamp(nic, row, STAGE_POSTED, rowless.posted)
        stamp(nic, row, STAGE_DOORBELL, rowless.doorbell)
        stamp(nic, row, STAGE_DESC_FETCHED, rowless.fetched)
    (<int32_t*>ring.rows.items)[rowless.position & ring.rows.mask] = made | (ASKS_REPORT if row.rs else 0)
    rowless.serial += 1
    rowless.position += 1
    rowless.slot += 1
    rowless.count -= 1
    if rowless.count == 0:
        lane_pop(&ring.unpaired)
    return made


cdef void make_waiting_rows(Nic* nic, Ring* ring) noexcept nogil:
    """All good descriptors on chip get their rows."""
    cdef uint64_t position
    cdef Descriptor* waiting
    for position in range(ring.chip.head, ring.chip.tail):
        waiting = <Descriptor*>lane_at(&ring.chip, position)
        if waiting.slot == NO_ROW_YET:
            waiting.slot = make_row(nic, ring, waiting.nbytes)


cdef void make_bad_row(Nic* nic, Ring* ring, int32_t nbytes) noexcept nogil:
    """A bad descriptor gets its row at once, for it never asks the scheduler."""
    cdef Row* row
    make_waiting_rows(nic, ring)
    row = &nic.rows[make_row(nic, ring, nbytes)]
    row.good = row.room = 0
    row.complete = 1
    ring.complete += 1


cdef void make_all_rows(Nic* nic) noexcept nogil:
    """All rows are asked for, by results."""
    cdef int32_t each
    for each in range(nic.num_rings):
        make_waiting_rows(nic, &nic.rings[each])


# ---- descriptors arrive ----------------------------------------------------------------------------

cdef inline Rowless* announce_descriptors(Nic* nic, Ring* ring, Doorbell* doorbell, int32_t slot, int32_t count) noexcept nogil:
    """So many descriptors, from `slot` on, have arrived that the doorbell covers. The pointer is good until the next call."""
    cdef Rowless* rowless = <Rowless*>lane_push(nic, &ring.unpaired)
    rowless.serial = take_serials(nic, count)
    rowless.position = ring.rows.tail
    lane_extend(nic, &ring.rows, count)
    rowless.posted = doorbell.posted
    rowless.doorbell = doorbell.effect
    rowless.fetched = nic.edge
    rowless.slot = slot
    rowless.count = count
    rowless.flow = nic.agents[ring.agent].flow if ring.agent >= 0 else -1
    rowless.reports = 0
    rowless.group = group_new(nic, ring.function, doorbell, count) if nic.books else -1
    return rowless


cdef inline void take_descriptor(Nic* nic, Ring* ring, Rowless* rowless, int32_t after, uint8_t* descriptor) noexcept nogil:
    """One of those announced, and so many come after it: a good one waits for the scheduler."""
    cdef Descriptor* waiting
    cdef uint64_t command = get32(descriptor + 8)
    cdef int32_t nbytes = <int32_t>(command & TX_DTALEN_MASK)
    rowless.reports |= <uint64_t>(command & TX_RS != 0) << after
    if unlikely(not is_good(nic, command, nbytes)):
        make_bad_row(nic, ring, nbytes)
        return
    waiting = <Descriptor*>lane_push(nic, &ring.chip)
    waiting.address = get64(descriptor)
    waiting.slot = NO_ROW_YET
    waiting.nbytes = nbytes


cdef void commit_tx_descriptors(Nic* nic, int32_t index) noexcept nogil:
    """The last completion of a descriptor fetch has arrived: its descriptors, doorbell by doorbell."""
    cdef Ring* ring = &nic.rings[index]
    cdef Lane* doorbells = &nic.doorbells[index]
    cdef Doorbell* doorbell
    cdef Rowless* rowless
    cdef int32_t taken = 0, end, good
    settle_arrivals(nic, nic.now)       # rows are numbered in the order of arrival
    concerns(nic, ring.function)
    counter_of(nic, ring.function, COUNT_TX_OFFERED)[0] += ring.fetch_count
    inside_of(nic, ring.function, DIRECTION_TX)[0] += ring.fetch_count
    while taken < ring.fetch_count:
        check(nic, not lane_empty(doorbells), HOLDS_ROWLESS, taken)
        doorbell = <Doorbell*>lane_front(doorbells)
        end = taken + min(min(doorbell.covers, MOST_ROWLESS), ring.fetch_count - taken)
        rowless = announce_descriptors(nic, ring, doorbell, ring.fetch_first + taken, end - taken)
        doorbell.covers -= end - taken
        if doorbell.covers == 0:
            lane_pop(doorbells)
        while taken < end:
            take_descriptor(nic, ring, rowless, end - taken - 1, ring.fetched + taken * DESCRIPTOR_BYTES)
            taken += 1
    if unlikely(ring.rows.tail - ring.ready > <uint64_t>ring.size):
        ring.ready_slot = -1            # two rows of one descriptor: it does not tell them apart any more
    good = <int32_t>lane_count(&ring.chip) - ring.held
    note_waiting(nic, index, ring.held + good)
    if nic.books:
        join_queues(nic, good)
    advance_ready(nic, ring)
    review_fetch(nic, index)
