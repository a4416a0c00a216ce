"""The books of pools (`docs/time.md`, 10): how much is taken, and what of that its holders spend waiting.

An integral of what is taken needs no look at what is taken: whoever takes at t subtracts t, whoever returns at t adds it, and
what is still out is added when somebody asks. So it does not matter when it is written down.
"""

cdef inline void take_from(Pool* pool, int64_t amount, int64_t time) noexcept nogil:
    pool.area -= <uint64_t>(amount * time)


cdef inline void return_to(Pool* pool, int64_t amount, int64_t time, int64_t waited) noexcept nogil:
    """`waited`: how long its holder has, while it held it."""
    pool.area += <uint64_t>(amount * time)
    pool.queued += <uint64_t>(amount * waited)


# ---- tags and read buffer --------------------------------------------------------------------------

cdef inline void take_tag(Nic* nic, Tlp* tlp, TlpBook* book) noexcept nogil:
    book.holds = 1
    take_from(&nic.ledger.pools[POOL_READ_BUFFER], tlp.nbytes, nic.now)
    nic.ledger.own_area[tlp.function] -= <uint64_t>nic.now


cdef inline void return_tag(Nic* nic, Tlp* tlp, TlpBook* book, int64_t waited) noexcept nogil:
    book.holds = 0
    return_to(&nic.ledger.pools[POOL_READ_BUFFER], tlp.nbytes, nic.now, waited)
    nic.ledger.own_area[tlp.function] += <uint64_t>nic.now
    nic.ledger.own_queued[tlp.function] += <uint64_t>waited


cdef inline void end_request(Nic* nic, int32_t index) noexcept nogil:
    """The last completion of a request has arrived."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef TlpBook* book = tlp_book(nic, index)
    return_tag(nic, tlp, book, waited_with_tag(nic, book) if is_live(nic, tlp) else 0)


cdef void vanish_request(Nic* nic, int32_t index) noexcept nogil:
    """It is taken back, with its tag."""
    return_tag(nic, &nic.tlps[index], tlp_book(nic, index), 0)
    forget_tlp(nic, index)


cdef inline void review_read_buffer(Nic* nic) noexcept nogil:
    """TAGS has decided. If a request finds a tag and too little room, what there is counts as taken."""
    cdef Pool* pool = &nic.ledger.pools[POOL_READ_BUFFER]
    cdef int64_t left = nic.read_buffer_free if blames(nic.tags_blamed, CAUSE_TURN) else 0
    if unlikely(left != pool.spoken_for):
        take_from(pool, left - pool.spoken_for, nic.now)
        pool.spoken_for = left


# ---- packet buffers --------------------------------------------------------------------------------

cdef inline void take_room(Nic* nic, int pool, int64_t nbytes, int64_t time) noexcept nogil:
    take_from(&nic.ledger.pools[pool], nbytes, time)


cdef int64_t waited_rarely(RareBook* rare) noexcept nogil:
    """Since SCHEDULED."""
    cdef int64_t waited = -rare.before
    cdef uint64_t left = rare.which
    while left:
        waited += rare.waits[low_bit(left)]
        left &= left - 1
    return waited


cdef int64_t waited_since_scheduled(RowBook* row) noexcept nogil:
    """What a sent row's book has of that."""
    cdef int64_t waited = -<int64_t>row.turn - row.room
    cdef int each
    for each in range(SENT_WAITS):
        waited += waits_of(row)[each]
    return waited


cdef inline void return_tx_room(Nic* nic, int32_t index, int64_t time, int64_t waited) noexcept nogil:
    """With what its book says that it has queued since SCHEDULED."""
    cdef int64_t order = row_book(nic, index).write_order
    if unlikely(nic.ledger.has_rare[index]):
        waited += waited_rarely(rare_book(nic, index))
        order += rare_wait(rare_book(nic, index), WAIT_WRITE_ORDER)
    waited += held_up(nic, order) - order
    return_to(&nic.ledger.pools[POOL_TX_BUFFER], nic.rows[index].nbytes, time, waited)


cdef inline void return_rx_room(Nic* nic, int32_t index, int64_t time, int64_t payload) noexcept nogil:
    """`time`: now, or a while ago; `payload`: how long its last TLP has waited for the link."""
    cdef RowBook* row = row_book(nic, index)
    cdef int64_t waited = payload + row.pipe + row.room + row.turn
    cdef RareBook* rare
    if unlikely(nic.ledger.has_rare[index]):
        rare = rare_book(nic, index)
        waited += rare_wait(rare, WAIT_RX_PIPE) + rare_wait(rare, WAIT_NO_DESCRIPTOR) + rare_wait(rare, WAIT_WRITERS)
    return_to(&nic.ledger.pools[POOL_RX_BUFFER], frame_length(nic.rows[index].nbytes), time, waited)


cdef void return_room_at_steering(Nic* nic, int32_t index) noexcept nogil:
    """A frame is dropped there."""
    cdef int64_t waited = row_book(nic, index).pipe
    if unlikely(nic.ledger.has_rare[index]):
        waited += rare_wait(rare_book(nic, index), WAIT_RX_PIPE)
    return_to(&nic.ledger.pools[POOL_RX_BUFFER], frame_length(nic.rows[index].nbytes), nic.now, waited)


cdef void vanish_row(Nic* nic, int32_t index) noexcept nogil:
    """A row is revoked; its room, if it has any, returns."""
    cdef Row* row = &nic.rows[index]
    if nic.ledger.has_rare[index]:
        forget_sample(nic, &rare_book(nic, index).sample)
    if not row.room:
        return
    if row.kind == KIND_TX:
        leave_room(nic, row.nbytes, nic.now)
        return_to(&nic.ledger.pools[POOL_TX_BUFFER], row.nbytes, nic.now, 0)
    else:
        return_to(&nic.ledger.pools[POOL_RX_BUFFER], frame_length(row.nbytes), nic.now, 0)


# ---- credits ---------------------------------------------------------------------------------------

cdef enum:
    # Credits that are left are spoken for: too few for the head of their line, or for TLPs that the link sends one after
    # the other.
    WANT_NONE = 0
    WANT_LACKING
    WANT_RECOVERING     # the head lacks none any more; until more come, or the line is empty


cdef inline void take_credit(Nic* nic, int count, int64_t amount) noexcept nogil:
    """A TLP starts."""
    cdef Pool* pool = &nic.ledger.pools[count]
    if unlikely(pool.want):
        pool.spoken_for -= amount
    else:
        take_from(pool, amount, nic.now)
        pool.taken += amount


cdef void let_go_of(Pool* pool, int64_t amount, int64_t time) noexcept nogil:
    """So many return, and those that were spoken for."""
    amount += pool.spoken_for
    pool.area += <uint64_t>(amount * time)
    pool.taken -= amount
    pool.spoken_for = 0
    pool.want = WANT_NONE


cdef void return_credit(Nic* nic, int count, int64_t amount, int64_t time) noexcept nogil:
    """The sender has them again."""
    cdef Pool* pool = &nic.ledger.pools[count]
    if pool.want == WANT_LACKING:
        pool.spoken_for += amount
    else:
        let_go_of(pool, amount, time)


cdef void review_count(Nic* nic, Direction* way, int count, bint waits, int64_t need, int64_t left) noexcept nogil:
    """After a decision: does anything wait in its line, what does the head need, and how many has the sender?"""
    cdef Pool* pool = &nic.ledger.pools[count]
    if not pool.capacity:
        return
    if not waits:
        let_go_of(pool, 0, nic.now)
    elif left < need:
        if pool.want == WANT_NONE:
            take_from(pool, left, nic.now)
            pool.taken += left
            pool.spoken_for = left
        pool.want = WANT_LACKING
    elif pool.want == WANT_LACKING:
        pool.want = WANT_RECOVERING
    way.wants |= pool.want


cdef void review_credits(Nic* nic, Direction* way) noexcept nogil:
    """A link has decided, and some credits are or were short."""
    cdef bint up = way == &nic.up, posted = not lane_empty(&way.posted), completion = not lane_empty(&way.completion)
    way.wants = 0
    review_count(nic, way, POOL_UP_PH if up else POOL_DOWN_PH, posted, 1, way.ph)
    review_count(nic, way, POOL_UP_PD if up else POOL_DOWN_PD, posted,
                 data_credits(nic.tlps[front_index(&way.posted)].nbytes) if posted else 0, way.pd)
    if up:
        review_count(nic, way, POOL_UP_NPH, not lane_empty(&way.nonposted), 1, way.nph)
    elif way.rules:
        review_count(nic, way, POOL_DOWN_CPLH, completion, 1, way.ch)
        review_count(nic, way, POOL_DOWN_CPLD, completion,
                     completion_credits(nic, &nic.tlps[front_index(&way.completion)]) if completion else 0, way.cd)


cdef inline void take_posted(Nic* nic, int64_t data) noexcept nogil:
    take_credit(nic, POOL_UP_PH, 1)
    take_credit(nic, POOL_UP_PD, data)


cdef inline void take_nonposted(Nic* nic) noexcept nogil:
    take_credit(nic, POOL_UP_NPH, 1)


cdef inline void take_for_access(Nic* nic, int32_t nbytes) noexcept nogil:
    """A write of a register starts."""
    take_credit(nic, POOL_DOWN_PH, 1)
    take_credit(nic, POOL_DOWN_PD, data_credits(nbytes))


cdef void take_for_completion(Nic* nic, int64_t data) noexcept nogil:
    """A completion on its way down starts."""
    take_credit(nic, POOL_DOWN_CPLH, 1)
    take_credit(nic, POOL_DOWN_CPLD, data)


cdef void report_credits(Nic* nic, Direction* sender, int kind, int64_t headers, int64_t data, int64_t time) noexcept nogil:
    """An UpdateFC has reached the sender, now or a while ago."""
    cdef bint up = sender == &nic.up
    if kind == UPDATE_P:
        return_credit(nic, POOL_UP_PH if up else POOL_DOWN_PH, headers, time)
        return_credit(nic, POOL_UP_PD if up else POOL_DOWN_PD, data, time)
    elif kind == UPDATE_NP and up:
        return_credit(nic, POOL_UP_NPH, headers, time)
    elif kind == UPDATE_C and not up:
        return_credit(nic, POOL_DOWN_CPLH, headers, time)
        return_credit(nic, POOL_DOWN_CPLD, data, time)


cdef void release_access(Nic* nic, int32_t index) noexcept nogil:
    """The register port takes a write, which has waited for it."""
    cdef int64_t waited = tlp_book(nic, index).port
    nic.ledger.pools[POOL_DOWN_PH].queued += <uint64_t>waited
    nic.ledger.pools[POOL_DOWN_PD].queued += <uint64_t>(waited * data_credits(nic.tlps[index].nbytes))


cdef inline void release_read(Nic* nic, int32_t index) noexcept nogil:
    """The root complex releases the credit of a read."""
    cdef TlpBook* book = tlp_book(nic, index)
    nic.ledger.pools[POOL_UP_NPH].queued += <uint64_t>(book.walkers + held_up(nic, book.waits.write_order))


cdef inline void settle_releases(Nic* nic, int64_t before) noexcept nogil:
    settle_released(nic, &nic.ledger.released_reads, before)
    settle_released(nic, &nic.ledger.released_writes, before)


cdef void settle_released(Nic* nic, Lane* lane, int64_t before) noexcept nogil:
    """Those of a lane, reads or writes, that are released before this time."""
    cdef Later* later = <Later*>lane_front(lane)
    cdef int64_t waited = 0, data = 0
    while not lane_empty(lane) and later.time < before:
        waited += later.waited
        data += later.waited * later.data
        lane_pop(lane)
        later = <Later*>lane_front(lane)
    if lane == &nic.ledger.released_reads:
        nic.ledger.pools[POOL_UP_NPH].queued += <uint64_t>waited
    else:
        nic.ledger.pools[POOL_UP_PH].queued += <uint64_t>waited
        nic.ledger.pools[POOL_UP_PD].queued += <uint64_t>data


cdef inline void order_read(Nic* nic, int32_t index, int64_t translated, int64_t samples) noexcept nogil:
    """A read waits for the writes before it, from when it is translated (without an IOMMU, when it arrives) until it samples."""
    tlp_book(nic, index).waits.write_order = samples - translated


cdef inline void release_read_at(Nic* nic, int32_t index, int64_t time) noexcept nogil:
    """Its credit will be released at `time`, without an event."""
    cdef TlpBook* book = tlp_book(nic, index)
    release_later(nic, &nic.ledger.released_reads, time, book.walkers + held_up(nic, book.waits.write_order), 0)


cdef inline void release_write_at(Nic* nic, int32_t index, int64_t time) noexcept nogil:
    """And those of a write."""
    cdef TlpBook* book = tlp_book(nic, index)
    release_later(nic, &nic.ledger.released_writes, time, book.walkers + write_held_up(nic, book.waits.write_order),
                  data_credits(nic.tlps[index].nbytes))


cdef void release_later(Nic* nic, Lane* lane, int64_t time, int64_t waited, int64_t data) noexcept nogil:
    """Times of reads are in order, and so are those of writes. Those that have come are added some together."""
    cdef Later* later
    if waited == 0:
        return
    if unlikely(is_full(lane)):
        settle_released(nic, lane, nic.now)
    later = <Later*>lane_push(nic, lane)
    later.time = time
    later.waited = waited
    later.data = data
