"""The books of `tx_queues`, the rows that wait for TX_SCHEDULER and have not begun (`docs/time.md`, 10).

The scheduler is not asked as long as nobody has room, so the line's cause is known without it: after a turn the scheduler is
busy for an edge, then the room lacks. Only with shapers it decides at every edge at which the page says that it does.

A function that its shaper holds waits for that. How long it has been held, and what the line's clocks ran meanwhile, is
kept by function, up to the last change of its shaper; so its rows' waits are differences here too.
"""

# ---- the line --------------------------------------------------------------------------------------

cdef inline void settle_turn(Nic* nic, int64_t time) noexcept nogil:
    """The edge after the last turn has passed, and nobody had room."""
    if nic.ledger.full_from <= time:
        blame_queues_for(nic, CAUSE_POOL, nic.ledger.full_from)
        nic.ledger.full_from = NEVER


cdef inline uint64_t left_until(Nic* nic, int64_t time) noexcept nogil:
    """The integral of what is left of the Tx buffer, up to `time`, but for a constant as long as nobody takes any."""
    return <uint64_t>nic.tx_room * <uint64_t>time - nic.ledger.pools[POOL_TX_BUFFER].area


cdef inline void blame_queues_for(Nic* nic, int cause, int64_t time) noexcept nogil:
    """The line's cause from `time` on. While it is *pool*, what is left of the Tx buffer is too little for all of it."""
    if nic.line_cause[LINE_TX_QUEUES] == CAUSE_POOL and cause != CAUSE_POOL:
        nic.ledger.too_little += left_until(nic, time)
    elif nic.line_cause[LINE_TX_QUEUES] != CAUSE_POOL and cause == CAUSE_POOL:
        nic.ledger.too_little -= left_until(nic, time)
    blame_from(nic, LINE_TX_QUEUES, cause, time)


cdef uint64_t room_lacked(Nic* nic) noexcept nogil:
    """The integral of what was left of the Tx buffer while that was too little, up to the horizon."""
    return nic.ledger.too_little + (left_until(nic, nic.horizon) if nic.line_cause[LINE_TX_QUEUES] == CAUSE_POOL else 0)


cdef inline void leave_room(Nic* nic, int32_t nbytes, int64_t time) noexcept nogil:
    """So much of the Tx buffer is about to return as of `time`, perhaps before the line's cause was *pool*. If it is so from
    `time` on that waits: shapers' holds that have ended since the last edge are not settled yet."""
    settle_turn(nic, time - 1)
    if nic.line_cause[LINE_TX_QUEUES] == CAUSE_POOL and time < nic.line_since[LINE_TX_QUEUES]:
        nic.ledger.too_little -= <uint64_t>(nbytes * (nic.line_since[LINE_TX_QUEUES] - time))


cdef bint waits_unheld(Nic* nic, int32_t index) noexcept nogil:
    """Has the function a row that has not begun, and does its shaper let it begin?"""
    cdef Function* function = &nic.functions[index]
    cdef Ring* ring
    cdef int32_t each
    if function.waiting_rings == 0 or is_shaped(nic, index):
        return False
    for each in range(function.num_tx):
        ring = &nic.rings[function.tx_rings[each]]
        if ring.held > ring.begun:
            return True
    return False


cdef bint are_all_held(Nic* nic) noexcept nogil:
    cdef int32_t function
    for function in range(nic.num_functions):
        if waits_unheld(nic, function):
            return False
    return True


cdef inline void blame_queues(Nic* nic) noexcept nogil:
    """TX_SCHEDULER has decided."""
    cdef bint granted = nic.ledger.turn_at == nic.now
    settle_turn(nic, nic.now)
    if nic.ledger.not_begun == 0:
        blame_queues_for(nic, CAUSE_NONE, nic.now)
    elif unlikely(nic.shaping) and are_all_held(nic):
        blame_queues_for(nic, CAUSE_OWN, nic.now)
    else:
        blame_queues_for(nic, CAUSE_SERVER if granted else CAUSE_POOL, nic.now)
        if likely(granted):
            nic.ledger.full_from = nic.now + nic.core
    if unlikely(nic.shaping) and granted:
        touch(nic, TX_SCHEDULER)


# ---- functions that their shapers hold -------------------------------------------------------------

cdef void settle_hold(Nic* nic, int32_t function, int64_t time) noexcept nogil:
    """What has been of a hold up to `time`. If rows of the function wait it comes here at the first edge after its end at the
    latest, before the scheduler decides: until then the line's cause has not changed."""
    cdef Hold* hold = &nic.ledger.holds[function]
    cdef int64_t end = hold.until if hold.until < time else time, own, pool
    if hold.since == NEVER:
        return
    own = clock_at(nic, LINE_TX_QUEUES, CAUSE_OWN, end)
    pool = clock_at(nic, LINE_TX_QUEUES, CAUSE_POOL, end)
    hold.held += end - hold.since
    hold.own += own - hold.own_since
    hold.pool += pool - hold.pool_since
    hold.own_since = own
    hold.pool_since = pool
    hold.since = end if end < hold.until else NEVER


cdef void begin_hold(Nic* nic, int32_t function) noexcept nogil:
    """The function has paid, or its rate has changed: it is held anew, or not."""
    cdef Hold* hold = &nic.ledger.holds[function]
    settle_hold(nic, function, nic.now)
    hold.since = NEVER
    if is_shaped(nic, function):
        hold.since = nic.now
        hold.until = ceil_ps(nic.shapers[function].shaped)
        hold.own_since = clock_at(nic, LINE_TX_QUEUES, CAUSE_OWN, nic.now)
        hold.pool_since = clock_at(nic, LINE_TX_QUEUES, CAUSE_POOL, nic.now)


cdef inline int64_t shaper_clock(Nic* nic, int32_t function, int64_t time) noexcept nogil:
    """Of a function whose hold is settled: how long its rows have waited for the shaper."""
    cdef Hold* hold = &nic.ledger.holds[function]
    return hold.held + clock_at(nic, LINE_TX_QUEUES, CAUSE_OWN, time) - hold.own


cdef inline int64_t room_clock(Nic* nic, int32_t function, int64_t time) noexcept nogil:
    """And for room in the Tx buffer."""
    return clock_at(nic, LINE_TX_QUEUES, CAUSE_POOL, time) - nic.ledger.holds[function].pool


# ---- rows ------------------------------------------------------------------------------------------

cdef void begin_to_queue(Nic* nic, Group* group, int64_t edge) noexcept nogil:
    """DESC_FETCHED: its rows wait for the scheduler from this edge on."""
    group.queued = edge
    group.shaped = shaper_clock(nic, group.function, edge)
    group.roomless = room_clock(nic, group.function, edge)


cdef void queue_group(Nic* nic, int32_t index) noexcept nogil:
    """Descriptors have arrived that wait for the scheduler from the next edge on."""
    if unlikely(nic.shaping):
        push_index(nic, &nic.ledger.fetched, index)
        return
    settle_turn(nic, nic.now)
    begin_to_queue(nic, &nic.ledger.groups[index], nic.edge)


cdef void join_queues(Nic* nic, int32_t count) noexcept nogil:
    """So many good ones have arrived."""
    nic.ledger.not_begun += count
    if unlikely(nic.shaping):
        touch(nic, TX_SCHEDULER)
    elif nic.ledger.not_begun and nic.line_cause[LINE_TX_QUEUES] == CAUSE_NONE:
        nic.ledger.full_from = nic.edge


cdef void open_queues(Nic* nic) noexcept nogil:
    """TX_SCHEDULER is about to decide, with shapers: rows begin to wait."""
    cdef Group* group
    while not lane_empty(&nic.ledger.fetched):
        group = &nic.ledger.groups[pop_index(&nic.ledger.fetched)]
        if group.rows:
            settle_hold(nic, group.function, nic.now)
            begin_to_queue(nic, group, nic.now)


cdef inline uint32_t brief_before(Nic* nic, int32_t index, int wait, int64_t waited) noexcept nogil:
    """As `brief`, before SCHEDULED."""
    if unlikely(waited >> 32):
        open_rare(nic, index).before += waited
    return brief(nic, index, wait, waited)


cdef inline void leave_queues(Nic* nic, int32_t index) noexcept nogil:
    """A frame begins: SCHEDULED."""
    cdef RowBook* row = row_book(nic, index)
    cdef Group* group = &nic.ledger.groups[nic.rows[index].origin]
    cdef int64_t shaped = 0, roomless
    if unlikely(nic.shaping):
        settle_hold(nic, group.function, nic.now)
        settle_turn(nic, nic.now)
        shaped = shaper_clock(nic, group.function, nic.now) - group.shaped
        if shaped:
            put_aside(nic, index, WAIT_SHAPER, shaped)
            open_rare(nic, index).before += shaped
    settle_turn(nic, nic.now)
    roomless = room_clock(nic, group.function, nic.now) - group.roomless
    row.room = brief_before(nic, index, WAIT_TX_BUFFER, roomless)
    row.turn = brief_before(nic, index, WAIT_SCHEDULER, nic.now - group.queued - roomless - shaped)
    row.since = nic.now
    nic.ledger.not_begun -= 1


cdef inline void take_turn(Nic* nic, int32_t index, bint begins) noexcept nogil:
    """TX_SCHEDULER grants a turn to the frame; if it is its first it takes its room."""
    nic.ledger.grants[TX_SCHEDULER] += 1
    nic.ledger.turn_at = nic.now
    if likely(begins):
        leave_queues(nic, index)
        take_room(nic, POOL_TX_BUFFER, nic.rows[index].nbytes, nic.now)
