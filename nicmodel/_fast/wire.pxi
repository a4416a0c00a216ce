"""The wire (`docs/time.md`, 2, 5.9 and 6.1). Preamble and start delimiter pass before a frame, its gap after it."""

cdef enum:
    WIRE_OUT = 0
    WIRE_IN = 1
    FRAMES_AHEAD = 4    # frames that wait for the wire are many: each is prefetched, with its book, so many frames ahead
    LINE_AHEAD = 12     # and its entry in the line so many


cdef inline void count_frame(Nic* nic, int way, int64_t length) noexcept nogil:
    """A frame of this length starts."""
    nic.wire_books[way][0] += 1
    nic.wire_books[way][1] += length + AROUND_BYTES
    nic.wire_books[way][2] += (length + AROUND_BYTES) * nic.wire_ticks


# ---- leaving ---------------------------------------------------------------------------------------

cdef inline void count_wait(Nic* nic, int64_t until) noexcept nogil:
    """The head of the line has waited up to `until`: for the partner as long as that keeps the wire empty, else for the wire."""
    cdef int64_t since = front_timed(&nic.tx_wire).time, paused
    if since < nic.wire_mark:
        since = nic.wire_mark
    if unlikely(since >= until):
        return
    paused = min(nic.pause_until, until) - max(nic.pause_from, since)
    if unlikely(paused > 0):
        nic.line_clock[LINE_TX_WIRE][CAUSE_POOL] += paused
        since += paused
    nic.line_clock[LINE_TX_WIRE][CAUSE_SERVER] += until - since
    nic.wire_mark = until


cdef inline void start_head(Nic* nic) noexcept nogil:
    """The planned start has happened, a while ago."""
    cdef Timed* head = front_timed(&nic.tx_wire)
    cdef int64_t time = nic.wire_start, length
    nic.wire_row = head.index
    nic.wire_start = NEVER
    count_wait(nic, time)
    stamp(nic, &nic.rows[head.index], STAGE_SWITCHED, head.time)
    stamp(nic, &nic.rows[head.index], STAGE_ON_WIRE, time)
    if nic.books:
        leave_for_wire(nic, head, time)
    length = frame_length(head.nbytes)
    nic.wire_free = start_time(nic.wire_free, head.time, time) + (length + AROUND_BYTES) * nic.wire_ticks
    count_frame(nic, WIRE_OUT, length)
    lane_pop(&nic.tx_wire)


cdef inline void plan_wire(Nic* nic) noexcept nogil:
    """When the head of the line starts, and ends, is known: it passes the switch, the frame before it has left, the
    partner lets it go. Its end is the only event, at the edge at which the scheduler may see it if nobody else looks;
    while a frame is on the wire that is the one before."""
    cdef Timed* head
    cdef int64_t time, start, nbytes
    if unlikely(nic.wire_row >= 0 or lane_empty(&nic.tx_wire)):
        return
    head = front_timed(&nic.tx_wire)
    time = ceil_ps(nic.wire_free)
    if time < head.time:
        time = head.time
    if unlikely(time < nic.pause_until):
        time = nic.pause_until
    if unlikely(time == NEVER):
        expect_end(nic, NEVER)      # the wire is down
        return
    nic.wire_start = time
    prefetch_frames(nic)
    start = start_time(nic.wire_free, head.time, time)
    nbytes = frame_length(head.nbytes)
    expect_end(nic, ceil_ps(start + (nbytes + PREAMBLE_BYTES) * nic.wire_ticks))


cdef inline void prefetch_frames(Nic* nic) noexcept nogil:
    """What the ends of the next frames will look at is brought into the cache, step by step."""
    cdef int32_t index
    if lane_count(&nic.tx_wire) <= FRAMES_AHEAD:
        return
    prefetch(lane_at(&nic.tx_wire, nic.tx_wire.head + LINE_AHEAD))
    index = (<Timed*>lane_at(&nic.tx_wire, nic.tx_wire.head + FRAMES_AHEAD)).index
    prefetch(&nic.rows[index])
    prefetch_stamp(nic, index, STAGE_ON_WIRE)
    if nic.books:
        prefetch(row_book(nic, index))
        index = (<Timed*>lane_at(&nic.tx_wire, nic.tx_wire.head + 1)).index
        prefetch(&nic.ledger.groups[nic.rows[index].origin].delivered)
        prefetch(&nic.ledger.sums[nic.rows[index].function])
        prefetch(&nic.ledger.sums[nic.rows[index].function].latency)


cdef inline void expect_end(Nic* nic, int64_t time) noexcept nogil:
    """The frame on the wire, or planned, ends at `time`."""
    nic.wire_end = time
    set_when(nic, RANK_WIRE_TX_END, time if nic.frames_out or time == NEVER else edge_from(nic, time))


cdef inline void push_wire(Nic* nic, int64_t ready, int32_t index, int32_t nbytes) noexcept nogil:
    cdef Timed* item = <Timed*>lane_push(nic, &nic.tx_wire)
    prefetch(lane_at(&nic.tx_wire, nic.tx_wire.tail + LINE_AHEAD))
    item.time = ready
    item.index = index
    item.nbytes = nbytes


cdef inline void join_wire(Nic* nic, int64_t ready, int32_t index) noexcept nogil:
    """A frame passes the switch at `ready`, now or later."""
    push_wire(nic, ready, index, nic.rows[index].nbytes)
    if unlikely(nic.wire_start == NEVER):
        plan_wire(nic)


cdef void settle_wire(Nic* nic, int64_t before) noexcept nogil:
    """What was planned before this time has happened."""
    cdef uint64_t position
    cdef Timed* item
    while nic.wire_end < before:
        end_frame(nic, nic.wire_end)
    if nic.wire_start < before:
        start_head(nic)
    if nic.record_rows:
        for position in range(nic.tx_wire.head, nic.tx_wire.tail):
            item = <Timed*>lane_at(&nic.tx_wire, position)
            if item.time < before:
                stamp(nic, &nic.rows[item.index], STAGE_SWITCHED, item.time)


cdef void revoke_plan(Nic* nic) noexcept nogil:
    """Something comes between, in the commits of now: a start before now is final, any other is decided anew."""
    settle_wire(nic, nic.now)
    if not lane_empty(&nic.tx_wire):
        count_wait(nic, nic.now)
    if nic.wire_start != NEVER:
        expect_end(nic, NEVER)
    nic.wire_start = NEVER


cdef inline void end_frame(Nic* nic, int64_t time) noexcept nogil:
    """OFF_WIRE, now or since the last edge: the frame is delivered."""
    cdef int32_t index
    cdef Row* row
    cdef QueuedUpcall* upcall
    if likely(nic.wire_row < 0):
        start_head(nic)     # it was planned, and has ended
    index = nic.wire_row
    row = &nic.rows[index]
    concerns_packet(nic, index)
    nic.wire_row = -1
    if unlikely(lane_empty(&nic.tx_wire)):
        expect_end(nic, NEVER)
    else:
        plan_wire(nic)
    stamp(nic, row, STAGE_OFF_WIRE, time)
    if likely(row.room):
        row.room = 0
        tx_room_back(nic, row.nbytes, time)
    deliver_tx(nic, row, time)
    if unlikely(nic.frames_out):
        upcall = post_upcall(nic, UPCALL_FRAME_OUT, 3, 0, frame_length(row.nbytes), row.serial, 0)
        upcall.data = row.data
        upcall.nbytes = moving(nic, row.nbytes) if row.data != NULL else 0
        upcall.data_class = row.data_class
        row.data = NULL
    row_release(nic, index, IN_PIPE)


cdef inline void commit_wire_tx_end(Nic* nic) noexcept nogil:
    """Frames have left; with a fast wire more than one of them."""
    while nic.wire_end <= nic.now:
        end_frame(nic, nic.wire_end)


cdef inline void pause_up_to(Nic* nic, int64_t time) noexcept nogil:
    """From now on nothing starts before `time`. What is on the wire leaves it."""
    nic.pause_from = max(nic.now, ceil_ps(nic.wire_free))
    nic.pause_until = time


cdef void commit_pause(Nic* nic, int64_t quanta) noexcept nogil:
    """A PAUSE takes effect; 0 quanta end the current one. A wire that is down pauses until it is up, and longer."""
    revoke_plan(nic)
    if nic.books:
        change_pause(nic)
    nic.pause_end = nic.now + ceil_ps(quanta * PAUSE_QUANTUM_BYTES * nic.wire_ticks)
    pause_up_to(nic, nic.pause_end if nic.wire_ticks else NEVER)
    plan_wire(nic)


# ---- arriving --------------------------------------------------------------------------------------

cdef int64_t nominal_time(Nic* nic, int32_t flow, int64_t number) noexcept nogil:
    """When packet `number` of a flow is offered; NEVER beyond its last."""
    if unlikely(0 <= nic.flows[flow].count <= number):
        return NEVER
    return nic.flows[flow].start + (number * nic.flows[flow].interval >> TICK_BITS)


cdef inline void place_offer(Nic* nic, Offer* offer) noexcept nogil:
    """The other end of the wire sends what is offered, in order: when it starts and ends is known at once."""
    cdef int64_t nbytes = offer.length, time = offer.ready, start
    if unlikely(time < nic.wire_since):
        time = nic.wire_since
    if nic.wire_rx_free > ticks(time):
        time = ceil_ps(nic.wire_rx_free)
    if unlikely(nic.wire_ticks == 0):
        offer.start = offer.end = NEVER
        return
    start = start_time(nic.wire_rx_free, offer.ready, time)
    offer.start = time
    offer.end = ceil_ps(start + (nbytes + PREAMBLE_BYTES) * nic.wire_ticks)
    offer.free = nic.wire_rx_free = start + (nbytes + AROUND_BYTES) * nic.wire_ticks


cdef inline int32_t take_size(Flow* flow, int32_t* cursor) noexcept nogil:
    """Of the flow's next frame: sizes go round."""
    cdef int32_t size = flow.size
    if unlikely(flow.num_sizes > 1):
        size = flow.sizes[cursor[0]]
        cursor[0] = cursor[0] + 1 if cursor[0] + 1 < flow.num_sizes else 0
    return size


cdef inline void await_next(Nic* nic, int32_t index, int64_t start) noexcept nogil:
    """A stream offers its next frame once the one before has started."""
    cdef int64_t time = nominal_time(nic, index, nic.flows[index].number)
    if time <= start:
        time = start + 1
    if time < NEVER:
        timers_push(nic, &nic.timers[RANK_FLOW], time, <uint64_t>index, index, nic.flows[index].plan)


cdef inline void offer_next(Nic* nic, int32_t index, int64_t time) noexcept nogil:
    """A stream offers its next frame to the wire; the one after that follows once this one has started."""
    cdef Flow* flow = &nic.flows[index]
    cdef Offer* offer = <Offer*>lane_push(nic, &nic.rx_wire)
    offer.ready = time
    offer.number = flow.number
    offer.flow = index
    offer.nbytes = take_size(flow, &flow.cursor) - FCS_BYTES      # a short frame is padded on the wire, not in memory
    offer.length = frame_length(offer.nbytes)
    offer.destination = flow.destination
    offer.data = NULL
    place_offer(nic, offer)
    flow.number += 1
    await_next(nic, index, offer.start)


cdef inline void settle_offers(Nic* nic, int64_t before) noexcept nogil:
    """Streams have offered what they offer before this time."""
    cdef Timer timer
    while first_time(&nic.timers[RANK_FLOW]) < before:
        timer = timers_pop(&nic.timers[RANK_FLOW])
        if likely(timer.b == nic.flows[timer.a].plan):
            offer_next(nic, <int32_t>timer.a, timer.time)


cdef void offer_injected(Nic* nic, uint8_t* data, int32_t nbytes, uint8_t data_class, int64_t connection) noexcept nogil:
    """A frame from Python is offered to the wire. Its header is read even if its bytes do not move."""
    cdef Offer* offer = <Offer*>lane_push(nic, &nic.rx_wire)
    offer.ready = nic.now
    offer.number = connection
    offer.flow = -1
    offer.nbytes = nbytes
    offer.length = frame_length(nbytes)
    offer.data = data
    offer.data_class = data_class
    offer.destination = parse_destination(data, nbytes)
    place_offer(nic, offer)
    wake_rx(nic)


cdef inline void count_offer(Nic* nic, Offer* offer) noexcept nogil:
    """Its start has happened."""
    nic.rx_counted += 1
    nic.rx_counted_free = offer.free
    count_frame(nic, WIRE_IN, offer.length)


cdef void count_offers(Nic* nic, int64_t before) noexcept nogil:
    """Starts before this time have happened."""
    cdef Offer* offer
    while nic.rx_counted < nic.rx_wire.tail:
        offer = <Offer*>lane_at(&nic.rx_wire, nic.rx_counted)
        if offer.start >= before:
            return
        count_offer(nic, offer)


# ---- another byte time -----------------------------------------------------------------------------

cdef void replace_offers(Nic* nic) noexcept nogil:
    """Frames that have not started start anew, and the streams' next ones after them."""
    cdef uint64_t position
    cdef Offer* offer
    nic.wire_since = nic.now
    nic.wire_rx_free = nic.rx_counted_free
    for position in range(nic.rx_counted, nic.rx_wire.tail):
        offer = <Offer*>lane_at(&nic.rx_wire, position)
        place_offer(nic, offer)
        if offer.flow >= 0:
            nic.flows[offer.flow].plan += 1
            await_next(nic, offer.flow, offer.start)


cdef void set_wire(Nic* nic, int64_t byte_ticks) noexcept nogil:
    """The table `wire`: frames that have not started take the new byte time, or wait while there is none."""
    revoke_plan(nic)
    if nic.books:
        change_pause(nic)
    count_offers(nic, nic.now)
    nic.wire_ticks = byte_ticks
    pause_up_to(nic, max(nic.pause_end, nic.now) if byte_ticks else NEVER)
    plan_wire(nic)
    replace_offers(nic)
    wake_rx(nic)
