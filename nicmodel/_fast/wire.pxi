"""The wire (`docs/time.md`, 2, 5.9 and 6.1). Preamble and start delimiter pass before a frame, its gap after it."""

cdef enum:
    SHORTEST_FRAME = 64
    PREAMBLE_BYTES = 8      # with the start delimiter
    AROUND_BYTES = 20       # preamble and gap
    QUANTUM_BYTES = 64      # a PAUSE quantum is 512 bit times
    WIRE_OUT = 0
    WIRE_IN = 1


cdef inline int64_t start_frame(Nic* nic, int64_t* free, int64_t time, int64_t ready, int32_t length, int way) noexcept nogil:
    """A frame starts by the decision of `time`; the time when its last byte has passed."""
    cdef int64_t start = start_tick(time, free[0], ready)
    cdef int64_t nbytes = length if length > SHORTEST_FRAME else SHORTEST_FRAME
    free[0] = start + (nbytes + AROUND_BYTES) * nic.wire_ticks
    nic.wire_books[way][0] += 1
    nic.wire_books[way][1] += nbytes + AROUND_BYTES
    nic.wire_books[way][2] += (nbytes + AROUND_BYTES) * nic.wire_ticks
    return round_up(start + (nbytes + PREAMBLE_BYTES) * nic.wire_ticks)


# ---- leaving ---------------------------------------------------------------------------------------

cdef inline void start_head(Nic* nic, int64_t time) noexcept nogil:
    """The head of the line starts by the decision of `time`, now or a while ago."""
    cdef Timed* head = front_timed(&nic.tx_wire)
    nic.wire_row = head.index
    nic.wire_start = NEVER
    stamp(nic, &nic.rows[head.index], STAGE_ON_WIRE, time)
    set_when(nic, RANK_WIRE_TX_END,
             start_frame(nic, &nic.wire_free, time, head.time, nic.rows[head.index].length, WIRE_OUT))
    lane_pop(&nic.tx_wire)
    if lane_empty(&nic.tx_wire):
        blame_from(nic, LINE_TX_WIRE, CAUSE_NONE, time)


cdef inline void settle_wire(Nic* nic, int64_t before) noexcept nogil:
    """A planned start that lies before this time has happened."""
    if nic.wire_start < before:
        start_head(nic, nic.wire_start)


cdef inline void plan_wire(Nic* nic) noexcept nogil:
    """The wire is busy and a frame waits: it starts when the wire is free, which takes no event of its own unless
    something comes between. Its end is known; it is due once the frame before has ended."""
    cdef Timed* head = front_timed(&nic.tx_wire)
    cdef int64_t free = nic.wire_free, time = round_up(free), start
    cdef int64_t nbytes = nic.rows[head.index].length
    nic.wire_start = time
    if nic.wire_row >= 0:
        return
    start = start_tick(time, free, head.time)
    nbytes = nbytes if nbytes > SHORTEST_FRAME else SHORTEST_FRAME
    set_when(nic, RANK_WIRE_TX_END, round_up(start + (nbytes + PREAMBLE_BYTES) * nic.wire_ticks))


cdef void revoke_plan(Nic* nic) noexcept nogil:
    """Something comes between, in the commits of now: a start before now is final, any other is decided anew."""
    settle_wire(nic, nic.now)
    touch(nic, WIRE)
    if nic.wire_start != NEVER and nic.wire_row < 0:
        set_when(nic, RANK_WIRE_TX_END, NEVER)
    nic.wire_start = NEVER


cdef inline void decide_wire(Nic* nic) noexcept nogil:
    """WIRE: frames leave in the order in which they passed the switch, unless the partner asked for a pause."""
    cdef bint paused = nic.now < nic.pause_until
    settle_wire(nic, nic.now + 1)
    if not lane_empty(&nic.tx_wire) and not paused and nic.wire_free <= nic.now << 10:
        start_head(nic, nic.now)
    if lane_empty(&nic.tx_wire):
        blame(nic, LINE_TX_WIRE, CAUSE_NONE)
        return
    if not paused and nic.wire_start == NEVER:
        plan_wire(nic)
    blame(nic, LINE_TX_WIRE, CAUSE_POOL if paused else CAUSE_SERVER)


cdef inline void commit_wire_tx_end(Nic* nic) noexcept nogil:
    """OFF_WIRE: the frame is delivered."""
    cdef int32_t index
    cdef Row* row
    cdef News* news
    if nic.wire_row < 0:
        settle_wire(nic, nic.now)       # it was planned, and has ended
    index = nic.wire_row
    row = &nic.rows[index]
    nic.wire_row = -1
    set_when(nic, RANK_WIRE_TX_END, NEVER)
    if not lane_empty(&nic.tx_wire) and nic.now >= nic.pause_until:
        plan_wire(nic)
    stamp(nic, row, STAGE_OFF_WIRE, nic.now)
    if row.room:
        row.room = 0
        tx_room_back(nic, row.nbytes)
    deliver_tx(nic, row)
    if nic.frames_out:
        news = tell(nic, UPCALL_FRAME_OUT, 3, 0, row.length, row.serial, 0)
        news.data = row.data
        news.nbytes = row.moved
        news.data_class = row.data_class
        row.data = NULL
    row_release(nic, index, IN_PIPE)


cdef void commit_pause(Nic* nic, int64_t quanta) noexcept nogil:
    """A PAUSE takes effect (0 quanta end the current one), or its time has run out (-1)."""
    if quanta >= 0:
        revoke_plan(nic)
        nic.pause_until = nic.now + round_up(quanta * QUANTUM_BYTES * nic.wire_ticks)
        if quanta:
            schedule(nic, RANK_PAUSE, nic.pause_until, 0, -1, 0)
    touch(nic, WIRE)


# ---- arriving --------------------------------------------------------------------------------------

cdef int64_t nominal_time(Nic* nic, int32_t flow, int64_t number) noexcept nogil:
    """When packet `number` of a flow is offered; NEVER beyond its last."""
    if 0 <= nic.flows[flow].count <= number:
        return NEVER
    return nic.flows[flow].start + (number * nic.flows[flow].interval >> 10)


cdef inline void commit_flow(Nic* nic, int32_t index) noexcept nogil:
    """A stream offers its next frame to the wire."""
    cdef Flow* flow = &nic.flows[index]
    cdef Offer* offer = <Offer*>lane_push(nic, &nic.rx_wire)
    cdef int32_t size = flow.sizes[flow.cursor]
    offer.ready = nic.now
    offer.number = flow.number
    offer.flow = index
    offer.length = size if size > SHORTEST_FRAME else SHORTEST_FRAME
    offer.nbytes = offer.length - 4
    offer.moved = moving(nic, offer.nbytes)
    offer.mac = flow.dst_mac
    offer.vlan = flow.vlan
    offer.data = NULL
    offer.data_class = 0
    flow.number += 1
    flow.cursor = flow.cursor + 1 if flow.cursor + 1 < flow.num_sizes else 0
    touch(nic, WIRE_RX)


cdef void offer_injected(Nic* nic, uint8_t* data, int32_t nbytes, uint8_t data_class) noexcept nogil:
    """A frame from Python is offered to the wire. Its header is read even if its bytes do not move."""
    cdef Offer* offer = <Offer*>lane_push(nic, &nic.rx_wire)
    offer.ready = nic.now
    offer.number = 0
    offer.flow = -1
    offer.length = nbytes + 4 if nbytes + 4 > SHORTEST_FRAME else SHORTEST_FRAME
    offer.nbytes = nbytes
    offer.moved = moving(nic, nbytes)
    offer.data = data
    offer.data_class = data_class
    parse_frame(data, nbytes, &offer.mac, &offer.vlan)
    touch(nic, WIRE_RX)


cdef inline void decide_wire_rx(Nic* nic) noexcept nogil:
    """WIRE_RX: the other end of the wire sends what was offered, in order. A flow's next offer follows."""
    cdef Offer* offer
    cdef int64_t next_time
    if lane_empty(&nic.rx_wire):
        return
    if nic.wire_rx_free <= nic.now << 10:
        offer = <Offer*>lane_front(&nic.rx_wire)
        nic.arriving = offer[0]
        set_when(nic, RANK_WIRE_RX_END,
                 start_frame(nic, &nic.wire_rx_free, nic.now, offer.ready, offer.length, WIRE_IN))
        lane_pop(&nic.rx_wire)
        if nic.arriving.flow >= 0:
            next_time = nominal_time(nic, nic.arriving.flow, nic.arriving.number + 1)
            if next_time < NEVER:
                if next_time <= nic.now:
                    next_time = nic.now + 1
                schedule(nic, RANK_FLOW, next_time, nic.arriving.flow, nic.arriving.flow, 0)
    if not lane_empty(&nic.rx_wire) and nic.when[WAKE_WIRE_RX] == NEVER and nic.wire_rx_free > nic.now << 10:
        set_when(nic, WAKE_WIRE_RX, round_up(nic.wire_rx_free))
