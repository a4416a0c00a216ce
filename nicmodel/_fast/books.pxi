"""What every room writes down: rows, drops, news and byte buffers.

Nothing here decides.
"""

cdef inline void touch(Nic* nic, int arbiter) noexcept nogil:
    """The arbiter's inputs changed: it decides at its next tick, or in this instant if its turn is to come."""
    nic.touched |= (<uint32_t>1) << arbiter

# ---- events ----------------------------------------------------------------------------------------

cdef inline void set_when(Nic* nic, int slot, int64_t time) noexcept nogil:
    """The next event of this rank, or the next wake of this arbiter, is at `time`."""
    cdef int64_t* four = &nic.when[slot & ~3]
    cdef int64_t left, right
    check(nic, time > nic.now or (time == nic.now and slot >> 2 >= nic.committing), 10, slot)
    nic.when[slot] = time
    left = four[0] if four[0] < four[1] else four[1]
    right = four[2] if four[2] < four[3] else four[3]
    nic.soonest[slot >> 2] = left if left < right else right

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

cdef inline int latency_bin(int64_t value) noexcept nogil:
    """Twin of `counters.latency_bin`."""
    cdef int octave
    cdef int64_t index
    if value < LATENCY_SUBBINS:
        return <int>value if value > 0 else 0
    octave = bit_length(<uint64_t>value) - 6
    index = octave * LATENCY_SUBBINS + (value >> (octave - 1)) - LATENCY_SUBBINS
    return <int>index if index < LATENCY_BINS else LATENCY_BINS - 1

cdef inline void count_latency(Nic* nic, int32_t function, int direction, int64_t value) noexcept nogil:
    nic.latency[(2 * function + direction) * LATENCY_BINS + latency_bin(value)] += 1

cdef inline void deliver_tx(Nic* nic, Row* row) noexcept nogil:
    """A sent frame has left the adapter, or has turned around in its switch."""
    cdef Function* function = &nic.functions[row.function]
    row.outcome = DELIVERED
    function.counters[COUNT_TX_PACKETS] += 1
    function.counters[COUNT_TX_BYTES] += row.length
    function.inside[DIRECTION_TX] -= 1
    count_latency(nic, row.function, DIRECTION_TX, nic.now - row.born)
    if nic.books:
        close_sent(nic, row)

cdef inline void deliver_rx(Nic* nic, Row* row) noexcept nogil:
    """A received frame is the driver's."""
    cdef Function* function = &nic.functions[row.function]
    row.outcome = DELIVERED
    function.counters[COUNT_RX_PACKETS] += 1
    function.counters[COUNT_RX_BYTES] += row.length
    function.inside[DIRECTION_RX] -= 1
    count_latency(nic, row.function, DIRECTION_RX, nic.now - row.born)
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

# ---- news ------------------------------------------------------------------------------------------


# ---- byte buffers ----------------------------------------------------------------------------------


cdef inline void buffer_return(Nic* nic, uint8_t* data, uint8_t data_class) noexcept nogil:
    (<uint8_t**>data)[0] = nic.free_buffers[data_class]
    nic.free_buffers[data_class] = data


cdef bint rows_grow(Nic* nic) noexcept nogil:
    """More slots. When memory has run out slot 0 serves: the run stops after this instant."""
    cdef int32_t room = 1024 if nic.room_rows == 0 else 2 * nic.room_rows
    cdef Row* rows = <Row*>realloc(nic.rows, <size_t>room * sizeof(Row))
    if rows == NULL:
        latch(nic, FAULT_MEMORY, 4, room)
        return False
    nic.rows = rows
    if nic.books and not row_books_grow(nic, room):
        return False
    nic.room_rows = room
    return True


cdef bint records_grow(Nic* nic) noexcept nogil:
    """More records. When memory has run out nothing is recorded any more: the run stops after this instant."""
    cdef int64_t room = 1024 if nic.room_records == 0 else 2 * nic.room_records
    cdef Record* records = <Record*>realloc(nic.records, <size_t>room * sizeof(Record))
    if records == NULL:
        latch(nic, FAULT_MEMORY, 10, room)
        nic.record_rows = 0
        return False
    nic.records = records
    if nic.books and not row_waits_grow(nic, room):
        return False
    nic.room_records = room
    return True


cdef inline void stamp(Nic* nic, Row* row, int stage, int64_t time) noexcept nogil:
    """The row reaches a stage."""
    if nic.record_rows:
        nic.records[row.serial].at[stage] = time


cdef void record_birth(Nic* nic, int64_t serial) noexcept nogil:
    cdef int stage
    if unlikely(serial >= nic.room_records):
        if not records_grow(nic):
            return
    nic.records[serial].parent = -1
    for stage in range(NUM_STAGES):
        nic.records[serial].at[stage] = -1


cdef void record_row(Nic* nic, Row* row) noexcept nogil:
    """What a row is, as it is now; its stamps are recorded already."""
    cdef Record* record = &nic.records[row.serial]
    record.serial = row.serial
    record.kind = row.kind
    record.outcome = row.outcome
    record.function = row.function
    record.ring = row.ring
    record.flow = row.flow
    record.length = row.length


cdef void blank_row(Row* row) noexcept nogil:
    memset(row, 0, sizeof(Row))
    row.outcome = INSIDE
    row.ring = row.flow = row.sender = row.slot = -1
    row.born = -1
    row.held = IN_PIPE


cdef inline int32_t row_new(Nic* nic, int kind, int32_t function, int32_t length) noexcept nogil:
    """A row is born, inside and without stamps. Pointers to rows are void after this call."""
    cdef int32_t index = nic.free_row
    cdef Row* row
    if index >= 0:
        nic.free_row = nic.rows[index].slot
    elif nic.num_rows < nic.room_rows or rows_grow(nic):
        index = nic.num_rows
        nic.num_rows += 1
    else:
        index = 0
    row = &nic.rows[index]
    row[0] = nic.blank
    row.serial = nic.row_serial
    row.kind = <uint8_t>kind
    row.function = function
    row.length = length
    if nic.record_rows:
        record_birth(nic, nic.row_serial)
    nic.row_serial += 1
    return index


cdef inline void row_forget_bytes(Nic* nic, Row* row) noexcept nogil:
    """The frame's bytes have moved on."""
    if row.data != NULL:
        buffer_return(nic, row.data, row.data_class)
        row.data = NULL


cdef inline void row_free(Nic* nic, int32_t index) noexcept nogil:
    """Nobody needs the row any more, but for its record."""
    cdef Row* row = &nic.rows[index]
    row_forget_bytes(nic, row)
    check(nic, row.outcome != INSIDE, 11, row.serial)
    if nic.record_rows:
        record_row(nic, row)
    row.slot = nic.free_row
    nic.free_row = index


cdef void offer_rx(Nic* nic, Row* row, int32_t function) noexcept nogil:
    """A received frame has become a function's."""
    row.function = function
    nic.functions[function].counters[COUNT_RX_OFFERED] += 1
    nic.functions[function].inside[DIRECTION_RX] += 1


cdef void drop_row(Nic* nic, Row* row, int reason) noexcept nogil:
    """The frame ends here, for a reason that is counted on its function."""
    cdef Function* function = &nic.functions[row.function]
    row.outcome = <uint8_t>reason
    function.counters[COUNT_DROP_NO_DESCRIPTOR + reason - DROP_NO_DESCRIPTOR] += 1
    function.inside[DIRECTION_TX if row.kind == KIND_TX else DIRECTION_RX] -= 1
    if nic.books:
        forget_row(nic, row)


cdef void let_go(Nic* nic, Ring* ring) noexcept nogil:
    """The ring is done with its oldest rows: written back and reaped by its agent. Without one nobody reaps;
    recorded rows then stay for their interrupt."""
    cdef uint64_t end = ring.written
    if ring.agent >= 0:
        end = min(ring.written, ring.reaped)
    elif nic.record_rows:
        end = ring.interrupted
    while ring.rows.head < end:
        row_release(nic, pop_index(&ring.rows), IN_CHAIN)


cdef News* tell(Nic* nic, int kind, int num_args, int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil:
    """News for Python, of this instant. The caller may add bytes."""
    cdef News* news = <News*>lane_push(nic, &nic.news)
    nic.halt = 1
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


cdef uint8_t* buffer_take(Nic* nic, int32_t nbytes, uint8_t* data_class) noexcept nogil:
    """A buffer of at least `nbytes`, of a size class from 64 bytes on; NULL only when memory has run out."""
    cdef int klass = bit_length(<uint64_t>(nbytes - 1)) if nbytes > 64 else 6
    cdef int32_t count, each
    cdef uint8_t* block
    cdef uint8_t* data
    data_class[0] = <uint8_t>klass
    if nic.free_buffers[klass] == NULL:
        count = nic.buffers[klass] if nic.buffers[klass] else 16
        block = <uint8_t*>malloc((<size_t>count) << klass) if klass < NUM_CLASSES else NULL
        if block == NULL:
            latch(nic, FAULT_MEMORY, 5, nbytes)
            return NULL
        (<uint8_t**>lane_push(nic, &nic.blocks))[0] = block
        nic.buffers[klass] += count
        for each in range(count):
            buffer_return(nic, block + ((<size_t>each) << klass), <uint8_t>klass)
    data = nic.free_buffers[klass]
    nic.free_buffers[klass] = (<uint8_t**>data)[0]
    return data
