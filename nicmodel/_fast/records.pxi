"""Rows of packets: their slots, the records of those that are kept, how they begin and how they end.

A slot is a row from when it is taken until nobody holds it; with `record_rows` its stamps go into a record that outlives it.
"""

cdef enum:
    ROWS_AHEAD = 8          # rows of a ring that reach a stage together are prefetched so far ahead
    FREE_ROWS_AHEAD = 4     # and so are the slots that are taken next


# ---- memory ----------------------------------------------------------------------------------------

cdef bint rows_grow(Nic* nic, int32_t function) noexcept nogil:
    """More slots, for a row of this function. False when memory has run out."""
    cdef int32_t room = 1024 if nic.room_rows == 0 else 2 * nic.room_rows
    nic.rows = <Row*>lines_grow(nic.rows, nic.num_rows * sizeof(Row), room * sizeof(Row), &nic.row_memory)
    if nic.row_memory.full:
        nic.at_function = function
        nic.at_packet = nic.row_serial
        latch(nic, FAULT_MEMORY, ROOM_ROWS, room * <int64_t>sizeof(Row))
        return False
    if nic.record_rows and not records_grow(nic, room):
        return False
    if nic.books and not row_books_grow(nic, room):
        return False
    nic.room_rows = room
    return True


cdef bint records_grow(Nic* nic, int32_t room) noexcept nogil:
    """A record a slot. False when memory has run out."""
    nic.records = <RecordLines*>lines_grow(nic.records, nic.num_rows * sizeof(RecordLines), room * sizeof(RecordLines),
                                           &nic.record_memory)
    if nic.record_memory.full:
        latch(nic, FAULT_MEMORY, ROOM_RECORDS, room * <int64_t>sizeof(RecordLines))
        return False
    return not nic.books or waits_grow(nic, &nic.ledger.row_waits, room)


cdef bint done_grow(Nic* nic) noexcept nogil:
    """Room for more that are done. When memory has run out the run stops after this instant."""
    cdef int64_t room = 1024 if nic.room_done == 0 else 2 * nic.room_done
    cdef Record* done = <Record*>realloc(nic.done, <size_t>room * sizeof(Record))
    if done == NULL:
        latch(nic, FAULT_MEMORY, ROOM_RECORDS, room * <int64_t>sizeof(Record))
        return False
    nic.done = done
    if nic.books and not waits_grow(nic, &nic.ledger.done_waits, room):
        return False
    nic.room_done = room
    return True


cdef inline Record* record_of(Nic* nic, int32_t index) noexcept nogil:
    """Only if rows are recorded."""
    return &nic.records[index].record


cdef inline void stamp(Nic* nic, Row* row, int stage, int64_t time) noexcept nogil:
    """The row reaches a stage."""
    if nic.record_rows:
        record_of(nic, <int32_t>(row - nic.rows)).at[stage] = time


cdef inline void prefetch_stamp(Nic* nic, int32_t index, int stage) noexcept nogil:
    """The row will reach a stage soon: the place of its stamp is brought into the cache."""
    if nic.record_rows:
        prefetch(&record_of(nic, index).at[stage])


cdef inline void prefetch_stamps(Nic* nic, Ring* ring, uint64_t position, uint64_t end, int stage) noexcept nogil:
    """Likewise of the ring's rows, which reach it one after the other, before `end`; the one of `position` does now."""
    if position + ROWS_AHEAD < end:
        prefetch_stamp(nic, row_at(ring, position + ROWS_AHEAD), stage)


cdef void open_record(Nic* nic, int32_t index) noexcept nogil:
    cdef int stage
    record_of(nic, index).parent = -1
    for stage in range(NUM_STAGES):
        record_of(nic, index).at[stage] = -1
    if nic.books:
        memset(recorded_waits(nic, index), 0, NUM_WAITS * sizeof(int64_t))


cdef void record_row(Nic* nic, Row* row) noexcept nogil:
    """What a row is, as it is now; its stamps are recorded already."""
    cdef Record* record = record_of(nic, <int32_t>(row - nic.rows))
    record.serial = row.serial
    record.kind = row.kind
    record.outcome = row.outcome
    record.function = row.function
    record.ring = row.ring
    record.flow = row.flow
    record.length = frame_length(row.nbytes)


cdef void record_done(Nic* nic, int32_t index) noexcept nogil:
    """Nothing happens to the row any more: its record waits to be taken."""
    if unlikely(nic.num_done == nic.room_done) and not done_grow(nic):
        return
    record_row(nic, &nic.rows[index])
    nic.done[nic.num_done] = record_of(nic, index)[0]
    if nic.books:
        memcpy(nic.ledger.done_waits + nic.num_done * NUM_WAITS, recorded_waits(nic, index), NUM_WAITS * sizeof(int64_t))
    nic.num_done += 1


cdef inline int64_t take_serials(Nic* nic, int32_t count) noexcept nogil:
    """The first of so many serials, in the order of arrival."""
    nic.row_serial += count
    return nic.row_serial - count


cdef inline int32_t row_new(Nic* nic, int kind, int32_t function, int32_t nbytes, int64_t serial) noexcept nogil:
    """A row is taken, inside and without stamps; where its latency begins, its flow and what only a Tx row has are for the caller
    to say. Pointers to rows are void after this call."""
    cdef int32_t index
    cdef Row* row
    if not lane_empty(&nic.free_rows):
        index = pop_last_index(&nic.free_rows)
        if lane_count(&nic.free_rows) >= FREE_ROWS_AHEAD:
            prefetch(&nic.rows[index_at(&nic.free_rows, nic.free_rows.tail - FREE_ROWS_AHEAD)])
    elif nic.num_rows < nic.room_rows or rows_grow(nic, function):
        index = nic.num_rows
        nic.num_rows += 1
    else:
        index = 0
    row = &nic.rows[index]
    # Field by field: from the copy of a blank row a compiler may merge narrow fields by way of the stack, and then waits for it.
    row.serial = serial
    row.destination = 0
    row.data = NULL
    row.nbytes = nbytes
    row.arrived = 0
    row.origin = -1
    row.function = <int16_t>function
    row.ring = -1
    row.kind = <uint8_t>kind
    row.outcome = INSIDE
    row.room = row.complete = 0
    row.held = IN_PIPE
    if nic.record_rows:
        open_record(nic, index)
    return index


cdef inline void row_forget_bytes(Nic* nic, Row* row) noexcept nogil:
    """The frame's bytes have moved on."""
    if unlikely(row.data != NULL):
        buffer_return(nic, row.data, row.data_class)
        row.data = NULL


cdef inline void row_free(Nic* nic, int32_t index) noexcept nogil:
    """Nobody needs the row any more, but for its record."""
    cdef Row* row = &nic.rows[index]
    row_forget_bytes(nic, row)
    concerns_packet(nic, index)
    check(nic, row.outcome != INSIDE, HOLDS_ENDED, row.serial)
    if nic.record_rows:
        record_done(nic, index)
    push_index(nic, &nic.free_rows, index)


cdef void offer_rx(Nic* nic, Row* row, int32_t function) noexcept nogil:
    """A received frame has become a function's."""
    row.function = <int16_t>function
    concerns(nic, function)
    counter_of(nic, function, COUNT_RX_OFFERED)[0] += 1
    inside_of(nic, function, DIRECTION_RX)[0] += 1


cdef void drop_row(Nic* nic, Row* row, int reason) noexcept nogil:
    """The frame ends here, for a reason that is counted on its function."""
    row.outcome = <uint8_t>reason
    counter_of(nic, row.function, COUNT_DROP_NO_DESCRIPTOR + reason - DROP_NO_DESCRIPTOR)[0] += 1
    inside_of(nic, row.function, DIRECTION_TX if row.kind == KIND_TX else DIRECTION_RX)[0] -= 1
    if nic.books:
        forget_row(nic, row)


cdef inline bint leaves_early(Nic* nic, Ring* ring) noexcept nogil:
    """Is a Tx descriptor's row used again once it is retired and its frame has left? A record is written until it is reaped."""
    return ring.direction == DIRECTION_TX and not nic.record_rows


cdef void let_go(Nic* nic, Ring* ring) noexcept nogil:
    """The ring is done with its oldest rows: written back and reaped by its agent. Without one nobody reaps;
    recorded rows then stay for their interrupt."""
    cdef uint64_t end = ring.written
    if likely(ring.agent >= 0):
        end = min(ring.written, ring.reaped)
    elif nic.record_rows:
        end = ring.interrupted
    if leaves_early(nic, ring):
        ring.rows.head = max(ring.rows.head, end)
    while ring.rows.head < end:
        row_release(nic, pop_index(&ring.rows) & ~ASKS_REPORT, IN_CHAIN)
