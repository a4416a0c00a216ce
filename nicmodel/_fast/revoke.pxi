"""Revocation (`docs/time.md`, 9): only what has started on a link is final.

Rare, so it searches: every line that can hold something of the ring is filtered in place, started writes become
orphans that carry their bytes, and the ring's epoch voids what is still on its way to the adapter.
"""

cdef inline bint is_write_of(Tlp* tlp, int32_t ring) noexcept nogil:
    return tlp.ring == ring and (tlp.kind == TLP_RX_PAYLOAD or tlp.kind == TLP_RX_WRITEBACK
                                 or tlp.kind == TLP_TX_WRITEBACK)


# ---- started writes --------------------------------------------------------------------------------

cdef void orphan(Nic* nic, Tlp* tlp) noexcept nogil:
    """A started write keeps its bytes and forgets everything else."""
    cdef Row* row
    cdef int32_t nbytes = tlp.nbytes
    cdef uint8_t* data = NULL
    if tlp.kind == TLP_RX_PAYLOAD:
        row = &nic.rows[tlp.ref]
        nbytes = moving_part(moving(nic, row.nbytes), tlp.offset, tlp.nbytes)
        if nbytes:
            data = buffer_take(nic, nbytes, &tlp.klass)
            if data != NULL:
                memcpy(data, row.data + tlp.offset, nbytes)
    else:
        data = buffer_take(nic, nbytes, &tlp.klass)
        if data != NULL:
            compose_writeback(nic, tlp, data)
    tlp.kind = TLP_ORPHAN
    tlp.value = <long long>data
    tlp.offset = nbytes if data != NULL else 0
    tlp.ring = -1


cdef void orphan_started_writes(Nic* nic, int32_t index) noexcept nogil:
    cdef uint64_t position
    cdef int32_t each
    cdef Tlp* tlp
    if nic.root_rules:
        for each in range(nic.num_tlps):
            if nic.sides[each].at_root and is_write_of(&nic.tlps[each], index):
                orphan(nic, &nic.tlps[each])
        return
    if when(nic, RANK_UP_END) != NEVER and nic.up.flying_kind < UPDATE_P:
        tlp = &nic.tlps[nic.up.flying]
        if is_write_of(tlp, index):
            orphan(nic, tlp)
    for position in range(nic.mem_commits.head, nic.mem_commits.tail):
        tlp = &nic.tlps[(<Timed*>lane_at(&nic.mem_commits, position)).index]
        if is_write_of(tlp, index):
            orphan(nic, tlp)


# ---- what has not started --------------------------------------------------------------------------

cdef bint forget_asking(Nic* nic, void* item, int32_t ring) noexcept nogil:
    """A request of the ring that has no tag vanishes."""
    cdef int32_t request = (<int32_t*>item)[0]
    if nic.tlps[request].ring != ring:
        return False
    tlp_free(nic, request)
    return True


cdef bint take_back(Nic* nic, void* item, int32_t ring) noexcept nogil:
    """An unstarted request of the ring gives back tag and buffer."""
    cdef int32_t request = (<int32_t*>item)[0]
    if nic.tlps[request].ring != ring:
        return False
    if nic.books:
        vanish_request(nic, request)
    request_end(nic, request)
    tlp_free(nic, request)
    nic.up.waiting -= 1
    return True


cdef void drop_requests(Nic* nic, int32_t index) noexcept nogil:
    """Requests of the ring vanish, without a tag or with one."""
    cdef int klass
    if nic.tag_lists:
        drop_listed(nic, index)
    else:
        for klass in range(3):
            lane_filter(nic, &nic.asking[klass], forget_asking, index)
    lane_filter(nic, &nic.up.nonposted, take_back, index)


cdef void drop_posted(Nic* nic, int32_t index) noexcept nogil:
    """A TLP leaves the posted line, unstarted."""
    if nic.books:
        forget_tlp(nic, index)
    tlp_free(nic, index)
    nic.up.waiting -= 1


cdef bint is_operation_of(Nic* nic, void* item, int32_t ring) noexcept nogil:
    return (<WriteOp*>item).ring == ring


cdef bint drop_write(Nic* nic, void* item, int32_t ring) noexcept nogil:
    cdef int32_t write = (<int32_t*>item)[0]
    if not is_write_of(&nic.tlps[write], ring):
        return False
    drop_posted(nic, write)
    return True


cdef void drop_writes(Nic* nic, int32_t index) noexcept nogil:
    """Unstarted writes vanish, those that WRITERS has moved included."""
    cdef int line
    for line in range(2):
        lane_filter(nic, &nic.writers[line], is_operation_of, index)
    lane_filter(nic, &nic.up.posted, drop_write, index)
    note_posted_anew(nic, &nic.up)


cdef bint is_room_of(Nic* nic, void* item, int32_t ring) noexcept nogil:
    return (<RoomBack*>item).ring == ring


cdef void drop_rooms_back(Nic* nic, int32_t index) noexcept nogil:
    """Room that a transfer under way would have returned returns with its row, and so does what arrives in this instant."""
    settle_arrivals(nic, nic.now)
    return_rooms(nic, nic.now - 1)
    lane_filter(nic, &nic.rx_rooms_back, is_room_of, index)


cdef bint drop_message(Nic* nic, void* item, int32_t function) noexcept nogil:
    cdef int32_t message = (<int32_t*>item)[0]
    if nic.tlps[message].kind != TLP_MESSAGE or nic.tlps[message].function != function:
        return False
    drop_posted(nic, message)
    return True


cdef void drop_messages(Nic* nic, int32_t function) noexcept nogil:
    lane_filter(nic, &nic.up.posted, drop_message, function)
    note_posted_anew(nic, &nic.up)
    touch(nic, UPSTREAM)


# ---- rows ------------------------------------------------------------------------------------------

cdef void revoke_row(Nic* nic, int32_t index, int hold) noexcept nogil:
    """A row that has not ended ends here, unless it is on the wire; its buffer room returns."""
    cdef Row* row = &nic.rows[index]
    if row.outcome != INSIDE or index == nic.wire_row:
        return
    if nic.books:
        vanish_row(nic, index)
    if row.room:
        row.room = 0
        if row.kind == KIND_TX:
            nic.tx_room += row.nbytes
        else:
            nic.rx_room += frame_length(row.nbytes)
    drop_row(nic, row, DROP_RESET)
    row_release(nic, index, hold)


cdef bint is_sent_by(Nic* nic, void* item, int32_t ring) noexcept nogil:
    """Is it a frame of this Tx ring?"""
    cdef Row* row = &nic.rows[(<Timed*>item).index]
    return row.kind == KIND_TX and row.ring == ring


cdef bint drop_frame(Nic* nic, void* item, int32_t ring) noexcept nogil:
    if not is_sent_by(nic, item, ring):
        return False
    revoke_row(nic, (<Timed*>item).index, IN_PIPE)
    return True


cdef void drop_frames(Nic* nic, int32_t ring) noexcept nogil:
    """A Tx ring's frames are neither in the pipeline nor in a line before or behind it; they may have left the ring before."""
    lane_filter(nic, &nic.tx_pipe_lane, drop_frame, ring)
    set_when(nic, RANK_TX_PIPE, front_time(&nic.tx_pipe_lane))
    if nic.books:
        note_frames(nic)
    lane_filter(nic, &nic.tx_wire, drop_frame, ring)
    if nic.books:
        update_wire_sample(nic)
    lane_filter(nic, &nic.tx_ready, is_sent_by, ring)       # their rows end with the ring's
    replan_ready(nic)


cdef void drop_sent(Nic* nic, Ring* ring) noexcept nogil:
    """A Tx ring's rows end, its frames wherever they are."""
    cdef uint64_t position
    cdef int32_t row
    make_waiting_rows(nic, ring)
    drop_frames(nic, ring.number)
    for position in range(ring.chip.head + (1 if ring.asked else 0), ring.chip.tail):
        nic.rows[(<Descriptor*>lane_at(&ring.chip, position)).slot].room = 0     # it has not begun
    if leaves_early(nic, ring):
        ring.rows.head = ring.retired
    while not lane_empty(&ring.rows):
        row = pop_index(&ring.rows) & ~ASKS_REPORT
        revoke_row(nic, row, IN_PIPE)
        row_release(nic, row, IN_CHAIN)


cdef void drop_received(Nic* nic, Ring* ring) noexcept nogil:
    cdef int32_t row
    while not lane_empty(&ring.unpaired):
        revoke_row(nic, pop_index(&ring.unpaired), IN_PIPE)
    while not lane_empty(&ring.rows):
        row = pop_index(&ring.rows)
        if nic.rows[row].outcome == INSIDE:
            revoke_row(nic, row, IN_CHAIN)
        else:
            row_release(nic, row, IN_CHAIN)


# ---- the ring --------------------------------------------------------------------------------------

cdef void leave_function(Function* function, Ring* ring, int32_t index) noexcept nogil:
    """The ring is no longer among the function's open rings."""
    cdef bint sends = ring.direction == DIRECTION_TX
    cdef int32_t* rings = function.tx_rings if sends else function.rx_rings
    cdef int32_t* count = &function.num_tx if sends else &function.num_rx
    cdef int32_t each, kept = 0
    for each in range(count[0]):
        if rings[each] != index:
            rings[kept] = rings[each]
            kept += 1
    count[0] = kept
    if not sends:
        function.first_rx = rings[0] if kept else -1
    elif kept:
        function.first_tx = rings[0]


cdef void revoke_transfers(Nic* nic, int32_t index) noexcept nogil:
    """What of the ring has started on a link goes on as bytes; what has not is gone."""
    orphan_started_writes(nic, index)
    drop_requests(nic, index)
    drop_writes(nic, index)
    drop_rooms_back(nic, index)


cdef void revoke_rows(Nic* nic, Ring* ring) noexcept nogil:
    """The ring's rows end, and the scheduler's and the shaper's part in them."""
    if ring.direction == DIRECTION_RX:
        drop_received(nic, ring)
        ring.held = 0
        return
    drop_sent(nic, ring)
    nic.ledger.not_begun -= ring.held - ring.begun
    note_waiting(nic, ring.number, 0)
    if nic.shaping:
        review_shaper(nic, ring.function)


cdef void clear_ring(Nic* nic, int32_t index) noexcept nogil:
    """Closed and empty; what is still on its way to it is of an epoch that has passed."""
    cdef Ring* ring = &nic.rings[index]
    ring.is_open = 0
    ring.epoch += 1
    ring.fetching = 0
    if ring.direction == DIRECTION_TX:
        lane_clear(&nic.doorbells[index])
    lane_clear(&ring.chip)
    ring.asked = 0
    ring.complete = 0
    ring.ready = ring.retired = ring.span = ring.rows.tail
    ring.visible = ring.written = ring.reaped = ring.interrupted = ring.rows.tail


cdef void decide_anew(Nic* nic) noexcept nogil:
    """Whoever something was taken from has something to decide."""
    touch(nic, TX_SCHEDULER)
    touch(nic, TX_REORDER)
    touch(nic, TAGS)
    touch(nic, WRITERS)
    touch(nic, UPSTREAM)
    plan_wire(nic)


cdef void close_ring(Nic* nic, int32_t index) noexcept nogil:
    """Revoke everything of a ring that is not final, and close it."""
    cdef Ring* ring = &nic.rings[index]
    if not ring.is_open:
        return
    concerns(nic, ring.function)
    revoke_plan(nic)
    ring.next = ring_head(nic, index)
    revoke_transfers(nic, index)
    revoke_rows(nic, ring)
    if ring.agent >= 0:
        kill_agent(nic, ring.agent)
        ring.agent = NOBODY_YET
    leave_function(&nic.functions[ring.function], ring, index)
    clear_ring(nic, index)
    review_fetch(nic, index)
    decide_anew(nic)


cdef void reset_function(Nic* nic, int32_t function) noexcept nogil:
    """Revoke a whole function: its rings, its unsent messages, its vectors' requests."""
    while nic.functions[function].num_tx:
        close_ring(nic, nic.functions[function].tx_rings[0])
    while nic.functions[function].num_rx:
        close_ring(nic, nic.functions[function].rx_rings[0])
    drop_messages(nic, function)
    take_back_requests(nic, function)
