"""Receive: follow one frame (`docs/time.md`, 6).

  settle_arrivals        frames have arrived: each takes a row, and needs room in the Rx buffer
  loop_back              so does a frame that turned around in the switch
  decide_switch_ingress  one frame per edge enters the parser, wire and loopback in turns
  commit_rx_pipe         filters name the function; the ring that its table names takes the frame, or its first (`steer`)
  commit_rx_descriptors  descriptors are on chip
  pair                   a frame and a descriptor meet: the write begins (writers)
  end_rx_payload         the payload is at the root complex: its room returns
  commit_rx_writeback    the descriptor is in memory

Nothing comes between a stream's offer and the parser as long as the switch loops nothing back (`ahead`): offers, starts,
arrivals and the parser's edges are carried out, in order and with their own times, when the next frame is steered or
somebody looks.
"""

cdef enum:
    FROM_WIRE = 0
    FROM_LOOPBACK = 1


# ---- into the packet buffer ------------------------------------------------------------------------

cdef void refuse(Nic* nic, int32_t index, int32_t function, int reason) noexcept nogil:
    """The frame is offered to a function and dropped at once."""
    offer_rx(nic, &nic.rows[index], function)
    drop_row(nic, &nic.rows[index], reason)
    row_release(nic, index, IN_PIPE)


cdef inline int64_t edge_of(Nic* nic, int64_t time) noexcept nogil:
    """The first core edge at or after `time`: from the one of now, if that is not far."""
    cdef int64_t back = nic.edge - time
    if unlikely(<uint64_t>back > <uint64_t>nic.far):
        return edge_from(nic, time)
    return nic.edge - <int64_t>(<uint64_t>back * nic.per_core >> EDGE_SHIFT) * nic.core


cdef inline int64_t ingress_edge(Nic* nic, int64_t time) noexcept nogil:
    """The edge at which a frame that arrives at `time` enters the parser, if it has it for itself."""
    cdef int64_t edge = edge_of(nic, time)
    return edge if edge > nic.ingress_last else nic.ingress_last + nic.core


cdef inline void enter_buffer(Nic* nic, int32_t index, int line, int64_t time) noexcept nogil:
    """The frame takes its room in the Rx buffer and waits for the parser, or is dropped."""
    cdef Row* row = &nic.rows[index]
    return_rooms(nic, time)
    if unlikely(frame_length(row.nbytes) > nic.rx_room):
        refuse(nic, index, 0, DROP_RX_BUFFER_FULL)
        return
    nic.rx_room -= frame_length(row.nbytes)
    row.room = 1
    if nic.books:
        join_parser(nic, index, line, time)
        take_room(nic, POOL_RX_BUFFER, frame_length(row.nbytes), time)
    if nic.ahead:
        nic.ingress_last = ingress_edge(nic, time)
        nic.ingress_ahead += 1
        push_timed(nic, &nic.rx_pipe_lane, nic.ingress_last + nic.rx_pipe, index)
    else:
        push_index(nic, &nic.ingress[line], index)
        touch(nic, SWITCH_INGRESS)


cdef inline void arrive(Nic* nic, Offer* offer) noexcept nogil:
    """The last byte of a frame is here, now or since a while: ARRIVED."""
    cdef int32_t index = row_new(nic, KIND_RX, -1, offer.nbytes, take_serials(nic, 1))
    cdef Row* row = &nic.rows[index]
    concerns_packet(nic, index)
    row.latency_from = offer.end
    stamp(nic, row, STAGE_ARRIVED, offer.end)
    row.flow = offer.flow
    if unlikely(row.flow < 0):
        row.slot = <int32_t>offer.number
    row.destination = offer.destination
    row.data = offer.data
    row.data_class = offer.data_class
    if unlikely(offer.length > nic.max_frame):
        refuse(nic, index, 0, DROP_TOO_LONG)
        return
    if row.flow >= 0 and nic.payload:
        row.data = buffer_take(nic, moving(nic, row.nbytes), &row.data_class)
        if row.data != NULL:
            make_frame(&nic.flows[row.flow], offer.number, row.data, moving(nic, row.nbytes), row.nbytes)
    enter_buffer(nic, index, FROM_WIRE, offer.end)


cdef void settle_arrivals(Nic* nic, int64_t before) noexcept nogil:
    """Frames whose last byte was here before this time have arrived."""
    cdef Offer* offer
    settle_offers(nic, before)
    while not lane_empty(&nic.rx_wire):
        offer = <Offer*>lane_front(&nic.rx_wire)
        if offer.end >= before:
            return
        if nic.rx_counted == nic.rx_wire.head:
            count_offer(nic, offer)
        arrive(nic, offer)
        lane_pop(&nic.rx_wire)


cdef inline int64_t next_steering(Nic* nic) noexcept nogil:
    """When the next frame is steered, or a time before that at which more is known."""
    cdef int64_t time
    if not lane_empty(&nic.rx_pipe_lane):
        return front_timed(&nic.rx_pipe_lane).time
    if not lane_empty(&nic.rx_wire):
        return ingress_edge(nic, (<Offer*>lane_front(&nic.rx_wire)).end) + nic.rx_pipe
    time = first_time(&nic.timers[RANK_FLOW])
    return time + nic.rx_pipe if time < NEVER else NEVER


cdef inline void wake_rx(Nic* nic) noexcept nogil:
    """Set the events of the way in. With the parser for itself the wire needs but one."""
    cdef bint each = not nic.ahead
    cdef int64_t offered = first_time(&nic.timers[RANK_FLOW]) if each else NEVER
    cdef int64_t arrived = NEVER
    if each and not lane_empty(&nic.rx_wire):
        arrived = (<Offer*>lane_front(&nic.rx_wire)).end
    if unlikely(when(nic, RANK_FLOW) != offered):
        set_when(nic, RANK_FLOW, offered)
    if unlikely(when(nic, RANK_WIRE_RX_END) != arrived):
        set_when(nic, RANK_WIRE_RX_END, arrived)
    set_when(nic, RANK_RX_PIPE, front_time(&nic.rx_pipe_lane) if each else next_steering(nic))


cdef void commit_arrivals(Nic* nic) noexcept nogil:
    """WIRE_RX_END."""
    settle_arrivals(nic, nic.now + 1)
    wake_rx(nic)


cdef void commit_offers(Nic* nic) noexcept nogil:
    """FLOW."""
    settle_offers(nic, nic.now + 1)
    wake_rx(nic)


# ---- one line or two before the parser: rare -------------------------------------------------------

cdef void look_ahead(Nic* nic) noexcept nogil:
    """Only the wire feeds the parser from now on: when its frames are steered is known as they arrive."""
    nic.ahead = 1
    nic.ingress_ahead = 0
    wake_rx(nic)


cdef void take_turns(Nic* nic) noexcept nogil:
    """The switch may feed the parser from now on: frames that have not entered it wait in line."""
    cdef uint64_t first = nic.rx_pipe_lane.tail, position
    if nic.books:
        share_parser(nic)
    nic.ahead = 0
    while first > nic.rx_pipe_lane.head and (<Timed*>lane_at(&nic.rx_pipe_lane, first - 1)).time - nic.rx_pipe >= nic.now:
        first -= 1
    for position in range(first, nic.rx_pipe_lane.tail):
        push_index(nic, &nic.ingress[FROM_WIRE], (<Timed*>lane_at(&nic.rx_pipe_lane, position)).index)
        touch(nic, SWITCH_INGRESS)
    if nic.ingress_ahead > <int64_t>(nic.rx_pipe_lane.tail - first):
        nic.ingress_turn = FROM_LOOPBACK
    nic.rx_pipe_lane.tail = first
    wake_rx(nic)


cdef void loop_back(Nic* nic, int32_t sent) noexcept nogil:
    """A sent frame turns around in the switch: its bytes go on in a row of their own."""
    cdef int32_t index = row_new(nic, KIND_LOOPBACK, -1, nic.rows[sent].nbytes, take_serials(nic, 1))
    cdef Row* row = &nic.rows[index]
    cdef Row* parent = &nic.rows[sent]
    if nic.record_rows:
        record_of(nic, index).parent = parent.serial
    row.flow = parent.flow
    row.origin = parent.function
    row.destination = parent.destination
    row.latency_from = nic.now
    stamp(nic, row, STAGE_ARRIVED, nic.now)
    row.data = parent.data
    row.data_class = parent.data_class
    parent.data = NULL
    enter_buffer(nic, index, FROM_LOOPBACK, nic.now)


# ---- steering --------------------------------------------------------------------------------------

cdef inline void decide_switch_ingress(Nic* nic) noexcept nogil:
    cdef int turn = nic.ingress_turn
    if lane_empty(&nic.ingress[turn]):
        turn = 1 - turn
        if lane_empty(&nic.ingress[turn]):
            return
    nic.ingress_turn = 1 - turn
    nic.ingress_last = nic.now
    timed_pushed(nic, &nic.rx_pipe_lane, RANK_RX_PIPE, nic.now + nic.rx_pipe, pop_index(&nic.ingress[turn]))
    if not (lane_empty(&nic.ingress[FROM_WIRE]) and lane_empty(&nic.ingress[FROM_LOOPBACK])):
        touch(nic, SWITCH_INGRESS)
    elif not nic.loopback:
        look_ahead(nic)


cdef void drop_from_buffer(Nic* nic, int32_t index, int32_t function, int reason) noexcept nogil:
    """A frame in the Rx buffer is dropped: its room returns."""
    nic.rx_room += frame_length(nic.rows[index].nbytes)
    nic.rows[index].room = 0
    if nic.books:
        return_room_at_steering(nic, index)
    refuse(nic, index, function, reason)


cdef inline void commit_rx_pipe(Nic* nic) noexcept nogil:
    """A frame leaves the parser, unless one was expected that then did not fit into the buffer."""
    cdef int32_t index = -1
    settle_arrivals(nic, nic.now)
    if front_time(&nic.rx_pipe_lane) == nic.now:
        index = front_timed(&nic.rx_pipe_lane).index
        lane_pop(&nic.rx_pipe_lane)
    wake_rx(nic)
    if index >= 0:
        update_edge(nic)
        steer(nic, index)


cdef inline void steer(Nic* nic, int32_t index) noexcept nogil:
    """STEERED: a function is named, or nobody wants the frame."""
    cdef int32_t target, at
    cdef Row* row = &nic.rows[index]
    cdef Ring* ring
    concerns_packet(nic, index)
    stamp(nic, row, STAGE_STEERED, nic.now)
    if nic.books:
        leave_parser(nic, index)
    target = steered_to(nic, row)
    if unlikely(target < 0):
        target = nic.default_pool
    if unlikely(target < 0 or target == row.origin):
        drop_from_buffer(nic, index, 0, DROP_NO_FILTER)
        return
    at = rx_ring_of(nic, row, target)
    if unlikely(at < 0):
        drop_from_buffer(nic, index, target, DROP_QUEUE_DISABLED)
        return
    ring = &nic.rings[at]
    if unlikely(row.nbytes > ring.buffer_bytes):
        drop_from_buffer(nic, index, target, DROP_TOO_LONG)
        return
    if unlikely(lane_empty(&ring.chip) and nic.functions[target].drop_policy
                and lane_count(&ring.unpaired) >= <uint64_t>unused(ring)):
        drop_from_buffer(nic, index, target, DROP_NO_DESCRIPTOR)
        return
    offer_rx(nic, row, target)
    row.ring = <int16_t>ring.number
    if unlikely(lane_empty(&ring.chip)):
        push_index(nic, &ring.unpaired, index)
        return
    pair(nic, ring, at, index)
    review_taken(nic, ring, at, nic.rx_few)


cdef inline int32_t unused(Ring* ring) noexcept nogil:
    """Descriptors of a ring with none on chip that it owns and has not used: being fetched, to fetch."""
    return (ring.fetch_count if ring.fetching else 0) + to_fetch(ring)


# ---- a frame meets a descriptor --------------------------------------------------------------------

cdef void commit_rx_descriptors(Nic* nic, int32_t index) noexcept nogil:
    """The last completion of a descriptor fetch has arrived."""
    cdef Ring* ring = &nic.rings[index]
    cdef Descriptor* descriptor
    cdef int32_t each
    for each in range(ring.fetch_count):
        descriptor = <Descriptor*>lane_push(nic, &ring.chip)
        descriptor.address = get64(ring.fetched + each * DESCRIPTOR_BYTES)
        descriptor.slot = ring.fetch_first + each
    ring.held += ring.fetch_count
    while not (lane_empty(&ring.unpaired) or lane_empty(&ring.chip)):
        pair(nic, ring, index, pop_index(&ring.unpaired))
    review_fetch(nic, index)


cdef inline void pair(Nic* nic, Ring* ring, int32_t index, int32_t frame) noexcept nogil:
    """The ring's oldest frame without a descriptor, and its next descriptor on chip, meet: DESC_READY."""
    cdef Descriptor* descriptor = <Descriptor*>lane_front(&ring.chip)
    cdef Row* row = &nic.rows[frame]
    row.slot = descriptor.slot
    stamp(nic, row, STAGE_DESC_READY, nic.edge)
    row.held = IN_CHAIN
    ring.held -= 1
    push_index(nic, &ring.rows, frame)
    if nic.books:
        join_writers(nic, frame)
    prefetch_bytes(nic, ring.domain, descriptor.address)
    write_frame(nic, index, frame, descriptor.address)
    lane_pop(&ring.chip)


# ---- the write ends --------------------------------------------------------------------------------

cdef inline void return_room_at(Nic* nic, Tlp* tlp, int64_t time) noexcept nogil:
    """The payload's last TLP will be at the root complex."""
    cdef RoomBack* back = <RoomBack*>lane_push(nic, &nic.rx_rooms_back)
    back.time = time
    back.row = tlp.ref
    back.ring = tlp.ring
    back.waited = payload_waited(nic, tlp)


cdef inline void settle_rx_room(Nic* nic) noexcept nogil:
    """Room of which the time has come returns: before its rows may be used again. Who arrived earlier asked earlier."""
    settle_arrivals(nic, nic.now)
    return_rooms(nic, nic.now)


cdef inline void return_rooms(Nic* nic, int64_t until) noexcept nogil:
    """Room that returns up to this time is there."""
    cdef RoomBack* back
    while not lane_empty(&nic.rx_rooms_back):
        back = <RoomBack*>lane_front(&nic.rx_rooms_back)
        if back.time > until:
            return
        end_rx_payload(nic, back.row, back.time, back.waited)
        lane_pop(&nic.rx_rooms_back)


cdef inline void end_rx_payload(Nic* nic, int32_t index, int64_t time, int64_t waited) noexcept nogil:
    """The payload's last TLP was at the root complex at `time`: the adapter may forget the bytes."""
    cdef Row* row = &nic.rows[index]
    nic.rx_room += frame_length(row.nbytes)
    row.room = 0
    if nic.books:
        return_rx_room(nic, index, time, waited)


cdef inline void commit_rx_writeback(Nic* nic, int32_t index) noexcept nogil:
    """WRITTEN_BACK. Write-backs of a ring commit in ring order; with an agent the frame waits for it."""
    cdef Row* row = &nic.rows[index]
    cdef Ring* ring = &nic.rings[nic.num_rings + row.ring]
    stamp(nic, row, STAGE_WRITTEN_BACK, nic.now)
    ring.written += 1
    ring.visible = ring.written
    if unlikely(ring.agent < 0):
        settle_rx_room(nic)
        deliver_rx(nic, row)
        nic.received[ring.number] += 1
        let_go(nic, ring)
