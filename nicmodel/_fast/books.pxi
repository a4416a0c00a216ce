"""What every room writes down: events, packets that are delivered, what lines wait for, and upcalls.

Nothing here decides.
"""

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


if NUM_SLOTS > 1 << SLOT_BITS:
    raise ModelBug("a slot does not fit the bits that it has in a key")


cdef inline int64_t due_key(int64_t time, int slot) noexcept nogil:
    """Time and slot in one number: the least of some is the next, and tells what it is."""
    return time << SLOT_BITS | slot


cdef inline int64_t due_time(int64_t key) noexcept nogil:
    return key >> SLOT_BITS


cdef inline int64_t when(Nic* nic, int slot) noexcept nogil:
    """The next event of this rank, or the next wake of this arbiter."""
    return due_time(nic.due[slot])


cdef inline void update_link_due(Nic* nic) noexcept nogil:
    cdef int64_t* due = nic.due
    nic.link_due = earliest_of(due[RANK_READ_DONE], due[RANK_DOWN_END], due[WAKE_UP], due[WAKE_DOWN])


cdef inline void set_when(Nic* nic, int slot, int64_t time) noexcept nogil:
    """The next event of this rank, or the next wake of this arbiter, is at `time`. `slot` is a constant nearly always, and
    then one group is all that is looked at."""
    cdef int64_t* due = nic.due
    check(nic, time > nic.now or (time == nic.now and slot >= nic.at_stage), HOLDS_ORDER, slot)
    due[slot] = due_key(time, slot)
    if slot == RANK_READ_DONE or slot == RANK_DOWN_END or slot == WAKE_UP or slot == WAKE_DOWN:
        update_link_due(nic)
    elif slot == RANK_UP_END or slot == RANK_RX_PIPE or slot == RANK_WIRE_TX_END or slot == WAKE_DECIDE:
        nic.port_due = earliest_of(due[RANK_UP_END], due[RANK_RX_PIPE], due[RANK_WIRE_TX_END], due[WAKE_DECIDE])
    elif slot == RANK_MEM_COMMIT or slot == RANK_MEM_READ or slot == RANK_AGENT_WAKE or slot == RANK_AGENT_DONE:
        nic.host_due = earliest_of(due[RANK_MEM_COMMIT], due[RANK_MEM_READ], due[RANK_AGENT_WAKE], due[RANK_AGENT_DONE])
    else:
        nic.other_due = earliest(earliest_of(due[RANK_CALL], due[RANK_PAUSE], due[RANK_REGISTER], due[RANK_TX_PIPE]),
                                 earliest_of(due[RANK_WIRE_RX_END], due[RANK_FLOW], due[RANK_ITR], due[RANK_SHAPER]))

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
    if time < when(nic, rank):
        set_when(nic, rank, time)

cdef inline Timer timer_pop(Nic* nic, int rank) noexcept nogil:
    """The next event of an unordered source."""
    cdef Timer timer = timers_pop(&nic.timers[rank])
    set_when(nic, rank, first_time(&nic.timers[rank]))
    return timer

# ---- rows ------------------------------------------------------------------------------------------


cdef inline void row_release(Nic* nic, int32_t index, int hold) noexcept nogil:
    """One of the two holders of a row lets go; with the last the row may be used again."""
    cdef Row* row = &nic.rows[index]
    row.held &= ~hold
    if hold == IN_PIPE:
        row_forget_bytes(nic, row)
    if row.held == 0:
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
    """Count the last frames, whose bins are still on their way into the cache; the places they had are nobody's again."""
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
    count_sent(nic, row.function, time - row.latency_from)
    if nic.books:
        close_sent(nic, row, time)

cdef inline void deliver_rx(Nic* nic, Row* row) noexcept nogil:
    """A received frame is the driver's."""
    row.outcome = DELIVERED
    counter_of(nic, row.function, COUNT_RX_PACKETS)[0] += 1
    counter_of(nic, row.function, COUNT_RX_BYTES)[0] += frame_length(row.nbytes)
    inside_of(nic, row.function, DIRECTION_RX)[0] -= 1
    count_received(nic, row.function, nic.now - row.latency_from)
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


# What three lines wait for, in one number: a byte each, which is 0 where a line is empty.

cdef inline int32_t cause_byte(int cause, int line) noexcept nogil:
    return (cause + 1) << 8 * line

cdef inline int32_t three_causes(int first, int second, int third) noexcept nogil:
    return cause_byte(first, 0) | cause_byte(second, 1) | cause_byte(third, 2)

cdef inline int cause_in(int32_t causes, int line) noexcept nogil:
    return (causes >> 8 * line & 255) - 1

cdef inline bint blames(int32_t causes, int cause) noexcept nogil:
    """Does one of the three lines wait for this?"""
    return cause_in(causes, 0) == cause or cause_in(causes, 1) == cause or cause_in(causes, 2) == cause

cdef inline int32_t byte_of_line(Lane* waiting, int cause, int line) noexcept nogil:
    """The cause, unless it is empty."""
    return 0 if lane_empty(waiting) else cause_byte(cause, line)


# ---- upcalls ---------------------------------------------------------------------------------------

cdef QueuedUpcall* post_upcall(Nic* nic, int kind, int num_args, int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil:
    """Posted for Python, of this instant. The caller may add bytes."""
    cdef QueuedUpcall* upcall = <QueuedUpcall*>lane_push(nic, &nic.upcalls)
    nic.limit = 0
    upcall.time = nic.now
    upcall.kind = kind
    upcall.num_args = num_args
    upcall.args[0] = a
    upcall.args[1] = b
    upcall.args[2] = c
    upcall.args[3] = d
    upcall.data = NULL
    upcall.nbytes = 0
    return upcall
