"""Tx descriptors arrive, and become rows (`docs/time.md`, 5).

A descriptor on chip is a row once the scheduler begins its frame, for many wait there and few are under way: a row that has
just been used is used again, and is in the cache. Until then descriptors that were fetched together under one doorbell
share an `Unborn`. Who asks for the rows of a ring before, as a revocation does, has them born.

Descriptors are born in ring order, a bad one as it arrives, and all before it.
"""

cdef inline bint is_good(Nic* nic, uint64_t command, int32_t nbytes) noexcept nogil:
    """An advanced data descriptor of one whole frame of legal length."""
    return (command & TX_DTYP_MASK == TX_DTYP_DATA and command & TX_DEXT and command & TX_EOP
            and 1 <= nbytes <= TX_MAX_BYTES and nbytes <= nic.max_frame - FCS_BYTES)


# ---- births ----------------------------------------------------------------------------------------

cdef inline Unborn* first_unborn(Ring* ring) noexcept nogil:
    return <Unborn*>lane_front(&ring.unpaired)


cdef inline uint64_t end_of_born(Ring* ring) noexcept nogil:
    """The position in a Tx ring's rows up to which they are born."""
    return ring.rows.tail if lane_empty(&ring.unpaired) else first_unborn(ring).position


cdef inline int32_t bear_row(Nic* nic, Ring* ring, int32_t nbytes) noexcept nogil:
    """The next descriptor of the ring, a good one, becomes a row. Pointers to rows are void after this call."""
    cdef Unborn* unborn = first_unborn(ring)
    cdef int32_t born = row_new(nic, KIND_TX, ring.function, nbytes, unborn.serial)
    cdef Row* row = &nic.rows[born]
    row.ring = <int16_t>ring.number
    row.slot = unborn.slot
    row.rs = <uint8_t>(unborn.reports >> (unborn.count - 1) & 1)
    row.good = row.room = 1     # it holds room once it has begun
    row.held = IN_PIPE | IN_CHAIN
    row.latency_from = unborn.posted
    row.flow = unborn.flow
    row.origin = unborn.group
    if nic.record_rows:
        stamp(nic, row, STAGE_POSTED, unborn.posted)
        stamp(nic, row, STAGE_DOORBELL, unborn.doorbell)
        stamp(nic, row, STAGE_DESC_FETCHED, unborn.fetched)
    (<int32_t*>ring.rows.items)[unborn.position & ring.rows.mask] = born | (ASKS_REPORT if row.rs else 0)
    unborn.serial += 1
    unborn.position += 1
    unborn.slot += 1
    unborn.count -= 1
    if unborn.count == 0:
        lane_pop(&ring.unpaired)
    return born


cdef void bear_waiting(Nic* nic, Ring* ring) noexcept nogil:
    """All good descriptors on chip become rows."""
    cdef uint64_t position
    cdef Descriptor* waiting
    for position in range(ring.chip.head, ring.chip.tail):
        waiting = <Descriptor*>lane_at(&ring.chip, position)
        if waiting.slot == UNBORN:
            waiting.slot = bear_row(nic, ring, waiting.nbytes)


cdef void bear_bad_row(Nic* nic, Ring* ring, int32_t nbytes) noexcept nogil:
    """A bad one never asks the scheduler."""
    cdef Row* row
    bear_waiting(nic, ring)
    row = &nic.rows[bear_row(nic, ring, nbytes)]
    row.good = row.room = 0
    row.complete = 1
    ring.complete += 1


cdef void bear_all(Nic* nic) noexcept nogil:
    """Somebody asks for all rows."""
    cdef int32_t each
    for each in range(nic.num_rings):
        bear_waiting(nic, &nic.rings[each])


# ---- descriptors arrive ----------------------------------------------------------------------------

cdef inline Unborn* announce_births(Nic* nic, Ring* ring, Doorbell* doorbell, int32_t slot, int32_t count) noexcept nogil:
    """So many descriptors, from `slot` on, have arrived that the doorbell covers. The pointer is good until the next call."""
    cdef Unborn* unborn = <Unborn*>lane_push(nic, &ring.unpaired)
    unborn.serial = take_serials(nic, count)
    unborn.position = ring.rows.tail
    lane_extend(nic, &ring.rows, count)
    unborn.posted = doorbell.posted
    unborn.doorbell = doorbell.effect
    unborn.fetched = nic.edge
    unborn.slot = slot
    unborn.count = count
    unborn.flow = nic.agents[ring.agent].flow if ring.agent >= 0 else -1
    unborn.reports = 0
    unborn.group = group_new(nic, ring.function, doorbell, count) if nic.books else -1
    return unborn


cdef inline void take_descriptor(Nic* nic, Ring* ring, Unborn* unborn, int32_t after, uint8_t* descriptor) noexcept nogil:
    """One of those announced, and so many come after it: a good one waits for the scheduler."""
    cdef Descriptor* waiting
    cdef uint64_t command = get32(descriptor + 8)
    cdef int32_t nbytes = <int32_t>(command & TX_DTALEN_MASK)
    unborn.reports |= <uint64_t>(command & TX_RS != 0) << after
    if unlikely(not is_good(nic, command, nbytes)):
        bear_bad_row(nic, ring, nbytes)
        return
    waiting = <Descriptor*>lane_push(nic, &ring.chip)
    waiting.address = get64(descriptor)
    waiting.slot = UNBORN
    waiting.nbytes = nbytes


cdef void commit_tx_descriptors(Nic* nic, int32_t index) noexcept nogil:
    """The last completion of a descriptor fetch has arrived: its descriptors, doorbell by doorbell."""
    cdef Ring* ring = &nic.rings[index]
    cdef Lane* doorbells = &nic.doorbells[index]
    cdef Doorbell* doorbell
    cdef Unborn* unborn
    cdef int32_t taken = 0, end, good
    settle_arrivals(nic, nic.now)       # rows are numbered in the order of arrival
    concerns(nic, ring.function)
    counter_of(nic, ring.function, COUNT_TX_OFFERED)[0] += ring.fetch_count
    inside_of(nic, ring.function, DIRECTION_TX)[0] += ring.fetch_count
    while taken < ring.fetch_count:
        check(nic, not lane_empty(doorbells), HOLDS_BIRTHS, taken)
        doorbell = <Doorbell*>lane_front(doorbells)
        end = taken + min(min(doorbell.covers, MOST_UNBORN), ring.fetch_count - taken)
        unborn = announce_births(nic, ring, doorbell, ring.fetch_first + taken, end - taken)
        doorbell.covers -= end - taken
        if doorbell.covers == 0:
            lane_pop(doorbells)
        while taken < end:
            take_descriptor(nic, ring, unborn, end - taken - 1, ring.fetched + taken * DESCRIPTOR_BYTES)
            taken += 1
    if unlikely(ring.rows.tail - ring.ready > <uint64_t>ring.size):
        ring.ready_slot = -1            # two rows of one descriptor: it does not post_upcall them apart any more
    good = <int32_t>lane_count(&ring.chip) - ring.held
    note_waiting(nic, index, ring.held + good)
    if nic.books:
        join_queues(nic, good)
    advance_ready(nic, ring)
    review_fetch(nic, index)
