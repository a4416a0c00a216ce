"""What every room writes down: events, rows, drops and news.

Nothing here decides.
"""

cdef enum:
    ROWS_AHEAD = 8          # of a ring's rows that reach a stage together, so far ahead they come into the cache
    BIRTHS_AHEAD = 4        # and so do slots in which rows will be born


cdef inline void touch(Nic* nic, int arbiter) noexcept nogil:
    """The arbiter's inputs changed: it decides at its next tick, or in this instant if its turn is to come."""
    nic.touched |= (<uint32_t>1) << arbiter

# ---- counters --------------------------------------------------------------------------------------

cdef inline int64_t* counter_of(Nic* nic, int32_t function, int counter) noexcept nogil:
    return nic.counters + <int64_t>counter * nic.num_functions + function


cdef inline int64_t* inside_of(Nic* nic, int32_t function, int direction) noexcept nogil:
    """How many of its frames are inside."""
    return nic.inside + <int64_t>direction * nic.num_functions + function


# ---- events ----------------------------------------------------------------------------------------

cdef inline int64_t earliest_of(int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil:
    return earliest(earliest(a, b), earliest(c, d))


cdef inline void find_link_when(Nic* nic) noexcept nogil:
    cdef int64_t* when = nic.when
    nic.link_when = earliest_of(when[RANK_READ_DONE], when[RANK_DOWN_END], when[WAKE_UP], when[WAKE_DOWN])


cdef inline void set_when(Nic* nic, int slot, int64_t time) noexcept nogil:
    """The next event of this rank, or the next wake of this arbiter, is at `time`. `slot` is a constant nearly always, and
    then one group is all that is looked at."""
    cdef int64_t* when = nic.when
    check(nic, time > nic.now or (time == nic.now and slot >= nic.at_stage), HOLDS_ORDER, slot)
    when[slot] = time
    if slot == RANK_READ_DONE or slot == RANK_DOWN_END or slot == WAKE_UP or slot == WAKE_DOWN:
        find_link_when(nic)
    elif slot == RANK_UP_END or slot == RANK_RX_PIPE or slot == RANK_WIRE_TX_END or slot == WAKE_DECIDE:
        nic.port_when = earliest_of(when[RANK_UP_END], when[RANK_RX_PIPE], when[RANK_WIRE_TX_END], when[WAKE_DECIDE])
    elif slot == RANK_MEM_COMMIT or slot == RANK_MEM_READ or slot == RANK_AGENT_WAKE or slot == RANK_AGENT_DONE:
        nic.host_when = earliest_of(when[RANK_MEM_COMMIT], when[RANK_MEM_READ], when[RANK_AGENT_WAKE], when[RANK_AGENT_DONE])
    else:
        nic.other_when = earliest(earliest_of(when[RANK_CALL], when[RANK_PAUSE], when[RANK_REGISTER], when[RANK_TX_PIPE]),
                                  earliest_of(when[RANK_WIRE_RX_END], when[RANK_FLOW], when[RANK_ITR], when[RANK_SHAPER]))

cdef inline void timed_popped(Nic* nic, Lane* lane, int rank) noexcept nogil:
    """The front of a rank's lane has been taken."""
    lane.head += 1
    set_when(nic, rank, front_time(lane))

cdef inline void timed_pushed(Nic* nic, Lane* lane, int rank, int64_t time, int32_t index) noexcept nogil:
    """An event of a rank whose times never decrease."""
    push_timed(nic, lane, time, index)
    if lane.tail - lane.head == 1:
        set_when(nic, rank, time)

cdef inline void schedule(Nic* nic, int rank, int64_t time, int64_t source, int64_t a, int64_t b) noexcept nogil:
    """An event of an unordered source."""
    timers_push(nic, &nic.timers[rank], time, <uint64_t>source, a, b)
    if time < nic.when[rank]:
        set_when(nic, rank, time)

cdef inline Timer timer_pop(Nic* nic, int rank) noexcept nogil:
    """The next event of an unordered source."""
    cdef Timer timer = timers_pop(&nic.timers[rank])
    set_when(nic, rank, first_time(&nic.timers[rank]))
    return timer

# ---- rows ------------------------------------------------------------------------------------------


cdef inline void row_release(Nic* nic, int32_t index, int hold) noexcept nogil:
    """One of the two holders of a row lets go; with the last the row may be used again."""
    nic.rows[index].held &= ~hold
    if hold == IN_PIPE:
        row_forget_bytes(nic, &nic.rows[index])
    if nic.rows[index].held == 0:
        row_free(nic, index)

cdef inline int32_t frame_length(int32_t nbytes) noexcept nogil:
    """With FCS, of a frame of so many DMA bytes: a short one is padded on the wire."""
    return nbytes + FCS_BYTES if nbytes + FCS_BYTES > MINIMUM_FRAME else MINIMUM_FRAME

cdef inline int latency_bin(int64_t value) noexcept nogil:
    """Twin of `counters.latency_bin`."""
    cdef int octave
    cdef int64_t index
    if unlikely(value < LATENCY_SUBBINS):
        return <int>value if value > 0 else 0
    octave = bit_length(<uint64_t>value) - 6
    index = octave * LATENCY_SUBBINS + (value >> (octave - 1)) - LATENCY_SUBBINS
    return <int>index if index < LATENCY_BINS else LATENCY_BINS - 1

cdef inline void count_sent(Nic* nic, int32_t function, int64_t latency) noexcept nogil:
    """Functions take turns on the wire, with neighbouring latencies: a bin of all functions shares lines of the cache."""
    nic.latency[<size_t>latency_bin(latency) * nic.num_functions + function] += 1

cdef inline int64_t* received_bins(Nic* nic, int32_t function) noexcept nogil:
    """A function's frames are reaped together: its bins stand side by side, behind those of what was sent."""
    return nic.latency + (<size_t>nic.num_functions + function) * LATENCY_BINS

cdef inline void settle_latency(Nic* nic) noexcept nogil:
    """The last frames are counted too; those that come next count for nobody, before they are told their bins."""
    cdef int each
    for each in range(BINS_AHEAD):
        nic.latency_next[each][0] += 1
        nic.latency_next[each] = received_bins(nic, nic.num_functions)

cdef inline void count_received(Nic* nic, int32_t function, int64_t latency) noexcept nogil:
    cdef int64_t* bin = received_bins(nic, function) + latency_bin(latency)
    prefetch(bin)
    nic.latency_next[nic.latency_turn][0] += 1      # the oldest's: it is in the cache by now
    nic.latency_next[nic.latency_turn] = bin
    nic.latency_turn = (nic.latency_turn + 1) & (BINS_AHEAD - 1)

cdef inline void deliver_tx(Nic* nic, Row* row, int64_t time) noexcept nogil:
    """A sent frame has left the adapter, or has turned around in its switch, at `time`."""
    row.outcome = DELIVERED
    counter_of(nic, row.function, COUNT_TX_PACKETS)[0] += 1
    counter_of(nic, row.function, COUNT_TX_BYTES)[0] += frame_length(row.nbytes)
    inside_of(nic, row.function, DIRECTION_TX)[0] -= 1
    count_sent(nic, row.function, time - row.born)
    if nic.books:
        close_sent(nic, row, time)

cdef inline void deliver_rx(Nic* nic, Row* row) noexcept nogil:
    """A received frame is the driver's."""
    row.outcome = DELIVERED
    counter_of(nic, row.function, COUNT_RX_PACKETS)[0] += 1
    counter_of(nic, row.function, COUNT_RX_BYTES)[0] += frame_length(row.nbytes)
    inside_of(nic, row.function, DIRECTION_RX)[0] -= 1
    count_received(nic, row.function, nic.now - row.born)
    if nic.books:
        close_received(nic, row)


# ---- blame -----------------------------------------------------------------------------------------

cdef inline void blame_from(Nic* nic, int line, int cause, int64_t time) noexcept nogil:
    """From `time` on the line waits for `cause` (CAUSE_NONE: it is empty)."""
    cdef int before = nic.line_cause[line]
    if before == cause:
        return
    if before != CAUSE_NONE:
        nic.line_clock[line][before] += time - nic.line_since[line]
    nic.line_cause[line] = cause
    nic.line_since[line] = time

cdef inline void blame(Nic* nic, int line, int cause) noexcept nogil:
    blame_from(nic, line, cause, nic.now)


# ---- rows: their memory -----------------------------------------------------------------------------

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


cdef inline void foresee_stamp(Nic* nic, int32_t index, int stage) noexcept nogil:
    """The row will reach a stage soon: the place of its stamp is brought into the cache."""
    if nic.record_rows:
        prefetch(&record_of(nic, index).at[stage])


cdef inline void foresee_stamps(Nic* nic, Ring* ring, uint64_t position, uint64_t end, int stage) noexcept nogil:
    """Likewise of the ring's rows, which reach it one after the other, before `end`; the one of `position` does now."""
    if position + ROWS_AHEAD < end:
        foresee_stamp(nic, row_at(ring, position + ROWS_AHEAD), stage)


cdef void record_birth(Nic* nic, int32_t index) noexcept nogil:
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
    """A row is born, inside and without stamps. Pointers to rows are void after this call."""
    cdef int32_t index
    cdef Row* row
    if not lane_empty(&nic.free_rows):
        index = pop_last_index(&nic.free_rows)
        if lane_count(&nic.free_rows) >= BIRTHS_AHEAD:
            prefetch(&nic.rows[index_at(&nic.free_rows, nic.free_rows.tail - BIRTHS_AHEAD)])
    elif nic.num_rows < nic.room_rows or rows_grow(nic, function):
        index = nic.num_rows
        nic.num_rows += 1
    else:
        index = 0
    row = &nic.rows[index]
    # Field by field: from the copy of a blank row a compiler may merge narrow fields by way of the stack, and then waits for it.
    row.serial = serial
    row.born = -1
    row.destination = 0
    row.data = NULL
    row.nbytes = nbytes
    row.arrived = 0
    row.slot = row.flow = row.origin = -1
    row.function = <int16_t>function
    row.ring = -1
    row.kind = <uint8_t>kind
    row.outcome = INSIDE
    row.data_class = row.room = row.good = row.rs = row.complete = 0
    row.held = IN_PIPE
    if nic.record_rows:
        record_birth(nic, index)
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
    counter_of(nic, function, COUNT_RX_OFFERED)[0] += 1
    inside_of(nic, function, DIRECTION_RX)[0] += 1


cdef void drop_row(Nic* nic, Row* row, int reason) noexcept nogil:
    """The frame ends here, for a reason that is counted on its function."""
    row.outcome = <uint8_t>reason
    counter_of(nic, row.function, COUNT_DROP_NO_DESCRIPTOR + reason - DROP_NO_DESCRIPTOR)[0] += 1
    inside_of(nic, row.function, DIRECTION_TX if row.kind == KIND_TX else DIRECTION_RX)[0] -= 1
    if nic.books:
        forget_row(nic, row)


cdef void let_go(Nic* nic, Ring* ring) noexcept nogil:
    """The ring is done with its oldest rows: written back and reaped by its agent. Without one nobody reaps;
    recorded rows then stay for their interrupt."""
    cdef uint64_t end = ring.written
    if likely(ring.agent >= 0):
        end = min(ring.written, ring.reaped)
    elif nic.record_rows:
        end = ring.interrupted
    let_go_to(nic, ring, end)


cdef inline bint leaves_early(Nic* nic, Ring* ring) noexcept nogil:
    """Is a Tx descriptor's row used again once it is retired and its frame has left? A record is written until it is reaped."""
    return ring.direction == DIRECTION_TX and not nic.record_rows


cdef void let_go_to(Nic* nic, Ring* ring, uint64_t end) noexcept nogil:
    """The ring is done with its rows before this position."""
    if leaves_early(nic, ring):
        ring.rows.head = max(ring.rows.head, end)
    while ring.rows.head < end:
        row_release(nic, pop_index(&ring.rows) & ~ASKS_REPORT, IN_CHAIN)


# ---- news ------------------------------------------------------------------------------------------

cdef News* tell(Nic* nic, int kind, int num_args, int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil:
    """News for Python, of this instant. The caller may add bytes."""
    cdef News* news = <News*>lane_push(nic, &nic.news)
    nic.limit = 0
    news.time = nic.now
    news.kind = kind
    news.num_args = num_args
    news.args[0] = a
    news.args[1] = b
    news.args[2] = c
    news.args[3] = d
    news.data = NULL
    news.nbytes = 0
    return news
