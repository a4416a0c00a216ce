"""Transmit: follow one packet (`docs/time.md`, 5).

  commit_doorbell        the tail changes; its descriptors will carry the doorbell's stamps
  commit_tx_descriptors  descriptors are on chip: good ones wait for TX_SCHEDULER (descriptors, sched)
  commit_tx_payload      data is on board: the frame may leave, in ring order
  join_ready             it waits for its edge, which is known, and with it when it is at the wire (wire)
  retire                 the edge has come: one descriptor is retired
  join_span              the retired descriptor waits for its write-back (writers)
  commit_tx_pipe         a switch that loops back: to the wire (wire), or around to another function (rx)
  commit_tx_writeback    DD is in memory

TX_REORDER is a server of one frame an edge and the pipeline has one length. So a frame's edge, its time at the switch and
its start on the wire are decided when it becomes ready. Nothing happens at the edge itself unless the descriptor asks
for a report: the others are retired when somebody looks (`settle_ready`). What may come between, a revocation or a
change of loopback, decides anew what has not happened.
"""

cdef void commit_doorbell(Nic* nic, int32_t index, Tlp* tlp) noexcept nogil:
    """A tail write takes effect, on a ring of either direction. Nonsense and closed rings are ignored."""
    cdef Ring* ring = &nic.rings[index]
    cdef Doorbell* doorbell
    cdef int32_t tail = <int32_t>tlp.value, count
    if unlikely(not ring.is_open or <uint32_t>tail >= <uint32_t>ring.size):
        return
    counter_of(nic, ring.function, COUNT_DOORBELLS)[0] += 1
    count = tail - ring.tail
    if count < 0:
        count += ring.size
    if unlikely(ring.agent == NOBODY_YET) and count:
        ring.agent = SOMEBODY_ELSE
    ring.tail = tail
    if ring.direction == DIRECTION_TX and count:
        doorbell = <Doorbell*>lane_push(nic, &nic.doorbells[index])
        doorbell.posted = tlp.ready
        doorbell.effect = nic.now
        doorbell.covers = count
        if nic.books:
            note_doorbell(nic, doorbell, tlp)
    review_fetch(nic, index)


# ---- a ring's rows ---------------------------------------------------------------------------------

cdef inline int32_t row_at(Ring* ring, uint64_t position) noexcept nogil:
    """The row of a descriptor of the ring."""
    return index_at(&ring.rows, position) & ~ASKS_REPORT


cdef inline bint asks_report(Ring* ring, uint64_t position) noexcept nogil:
    """Has the driver asked for a report of this Tx descriptor?"""
    return index_at(&ring.rows, position) & ASKS_REPORT != 0


# ---- data arrives ----------------------------------------------------------------------------------

cdef inline void wake_reorder(Nic* nic, int64_t edge) noexcept nogil:
    """At this edge, now or later, TX_REORDER has to decide."""
    push_timed(nic, &nic.tx_reports, edge, 0)
    if lane_count(&nic.tx_reports) > 1:
        return
    nic.reorder_wake = edge
    if edge == nic.now:
        touch(nic, TX_REORDER)
    elif edge < when(nic, WAKE_DECIDE):
        set_when(nic, WAKE_DECIDE, edge)


cdef inline bint is_watched(Nic* nic, Row* row) noexcept nogil:
    """May its retirement do anything that others see? A span is written for a report; it may wait for one only with wthresh."""
    return row.rs or nic.loopback or nic.rings[row.ring].wthresh > 1


cdef inline void prefetch_report(Nic* nic, Ring* ring) noexcept nogil:
    """What the write-back of its report will look at, and the interrupt behind it, is brought into the cache."""
    prefetch(&ring.base)
    prefetch(&nic.vector_bits[ring.function])
    if ring.vector >= 0:
        prefetch(vector_of(nic, ring.vector))


cdef inline void join_ready(Nic* nic, int32_t index) noexcept nogil:
    """The frame takes the first edge that is left."""
    cdef int64_t edge = nic.edge
    settle_ready(nic, nic.now)
    if nic.books:
        join_reorder(nic, index)
    if edge <= nic.ready_last:
        edge = nic.ready_last + nic.core
    nic.ready_last = edge
    push_timed(nic, &nic.tx_ready, edge, index)
    if is_watched(nic, &nic.rows[index]):
        prefetch_report(nic, &nic.rings[nic.rows[index].ring])
        wake_reorder(nic, edge)
    if likely(nic.rows[index].good and not nic.loopback):
        join_wire(nic, edge + nic.tx_pipe, index)


cdef inline void take_ready(Nic* nic, Ring* ring, int32_t index) noexcept nogil:
    """The ring's oldest frame that has not been ready is."""
    ring.ready += 1
    if likely(ring.ready_slot >= 0):
        ring.ready_slot = ring.ready_slot + 1 if ring.ready_slot + 1 < ring.size else 0
    join_ready(nic, index)


cdef void advance_ready(Nic* nic, Ring* ring) noexcept nogil:
    """Frames of a ring become ready in ring order: the oldest when complete, then its complete successors."""
    cdef int32_t index
    while ring.complete:
        index = row_at(ring, ring.ready)
        if not nic.rows[index].complete:
            return
        ring.complete -= 1
        take_ready(nic, ring, index)


cdef inline void commit_tx_payload(Nic* nic, Tlp* request) noexcept nogil:
    """The last completion of one payload request has arrived. By its descriptor it is known whether the frame is the oldest
    of its ring."""
    cdef Row* row = &nic.rows[request.ref]
    cdef Ring* ring = &nic.rings[request.ring]
    row.arrived += request.nbytes
    if row.arrived < row.nbytes:
        return
    row.complete = 1
    stamp(nic, row, STAGE_DATA_FETCHED, nic.edge)
    if nic.books:
        take_over_payload(nic, request.ref)
    if likely(row.slot == ring.ready_slot):
        take_ready(nic, ring, request.ref)
    else:
        ring.complete += 1
    if unlikely(ring.complete):
        advance_ready(nic, ring)


# ---- retirement ------------------------------------------------------------------------------------

cdef void forget_span(Nic* nic, int32_t index) noexcept nogil:
    """No report was asked for: nothing is written. Earlier spans may still be on their way."""
    cdef Ring* ring = &nic.rings[index]
    if ring.written == ring.span:
        ring.written = ring.retired
        let_go(nic, ring)
    ring.span = ring.retired


cdef inline void join_span(Nic* nic, int32_t index, Row* row) noexcept nogil:
    """A retired descriptor joins the write-back span; a full span is written."""
    cdef Ring* ring = &nic.rings[index]
    cdef bint is_last = row.slot == ring.size - 1
    if ring.retired - ring.span == 1:
        ring.span_slot = row.slot
        ring.span_reports = 0
    ring.span_reports += row.rs
    if unlikely(ring.span_reports) and (is_last or is_span_full(ring)):
        write_span(nic, index, ring.span, <int32_t>(ring.retired - ring.span))
        ring.span = ring.retired
    elif unlikely(is_last):
        forget_span(nic, index)


cdef inline bint is_span_full(Ring* ring) noexcept nogil:
    """Has it as many reports as it waits for, or is nothing of the ring inside?"""
    return (ring.span_reports >= (ring.wthresh if ring.wthresh > 1 else 1)
            or (ring.retired == ring.rows.tail and not ring.fetching and to_fetch(ring) == 0))


cdef inline void retire(Nic* nic, int32_t index, int64_t edge) noexcept nogil:
    """The edge of the first in line, now or a while ago: its descriptor is retired."""
    cdef Row* row = &nic.rows[index]
    cdef Ring* ring = &nic.rings[row.ring]
    concerns_packet(nic, index)
    check(nic, row_at(ring, ring.retired) == index, HOLDS_RING_ORDER, row.serial)
    lane_pop(&nic.tx_ready)
    ring.retired += 1
    nic.ledger.grants[TX_REORDER] += 1
    if row.good:
        if unlikely(nic.loopback):
            timed_pushed(nic, &nic.tx_pipe_lane, RANK_TX_PIPE, edge + nic.tx_pipe, index)
        join_span(nic, row.ring, row)
    else:
        drop_row(nic, row, DROP_BAD_DESCRIPTOR)
        join_span(nic, row.ring, row)
        row_release(nic, index, IN_PIPE)
    if not nic.record_rows:
        row_release(nic, index, IN_CHAIN)       # of its descriptor only the wish for a report is left
    blame_from(nic, LINE_TX_READY, CAUSE_NONE if lane_empty(&nic.tx_ready) else CAUSE_SERVER, edge)


cdef inline void settle_ready(Nic* nic, int64_t before) noexcept nogil:
    """Edges before this time have passed."""
    while not lane_empty(&nic.tx_ready) and front_timed(&nic.tx_ready).time < before:
        retire(nic, front_timed(&nic.tx_ready).index, front_timed(&nic.tx_ready).time)


cdef void decide_tx_reorder(Nic* nic) noexcept nogil:
    """One frame per edge leaves; at this edge somebody may care."""
    settle_ready(nic, nic.now + 1)
    while not lane_empty(&nic.tx_reports) and front_timed(&nic.tx_reports).time <= nic.now:
        lane_pop(&nic.tx_reports)
    nic.reorder_wake = front_time(&nic.tx_reports)
    if lane_empty(&nic.tx_ready):
        blame(nic, LINE_TX_READY, CAUSE_NONE)


# ---- what comes between, in a commit: rare ---------------------------------------------------------

cdef void watch_ready(Nic* nic) noexcept nogil:
    """Find anew the edges at which something may have to be done."""
    cdef uint64_t position
    cdef Timed* item
    lane_clear(&nic.tx_reports)
    nic.reorder_wake = NEVER
    for position in range(nic.tx_ready.head, nic.tx_ready.tail):
        item = <Timed*>lane_at(&nic.tx_ready, position)
        if is_watched(nic, &nic.rows[item.index]):
            wake_reorder(nic, item.time)


cdef void replan_ready(Nic* nic) noexcept nogil:
    """Frames have been taken out of the line: the others move up, from the next edge on."""
    cdef uint64_t position, last = nic.tx_wire.tail
    cdef Timed* item
    nic.ready_last = nic.edge - nic.core
    for position in range(nic.tx_ready.head, nic.tx_ready.tail):
        nic.ready_last += nic.core
        (<Timed*>lane_at(&nic.tx_ready, position)).time = nic.ready_last
    position = nic.tx_ready.tail
    while position > nic.tx_ready.head and not nic.loopback:
        position -= 1
        item = <Timed*>lane_at(&nic.tx_ready, position)
        if nic.rows[item.index].good:
            last -= 1
            check(nic, (<Timed*>lane_at(&nic.tx_wire, last)).index == item.index, HOLDS_WIRE_ORDER, item.index)
            (<Timed*>lane_at(&nic.tx_wire, last)).time = item.time + nic.tx_pipe
    watch_ready(nic)


cdef void turn_back(Nic* nic) noexcept nogil:
    """The switch may loop back from now on: frames that are not there yet wait in the pipeline, not for the wire."""
    cdef uint64_t position, first = nic.tx_wire.head, unready = nic.tx_wire.tail
    cdef Timed* item
    for position in range(nic.tx_ready.head, nic.tx_ready.tail):
        unready -= nic.rows[(<Timed*>lane_at(&nic.tx_ready, position)).index].good
    while first < nic.tx_wire.tail and (<Timed*>lane_at(&nic.tx_wire, first)).time < nic.now:
        first += 1
    for position in range(first, unready):
        item = <Timed*>lane_at(&nic.tx_wire, position)
        push_timed(nic, &nic.tx_pipe_lane, item.time, item.index)
    nic.tx_wire.tail = first


cdef void go_straight(Nic* nic) noexcept nogil:
    """The switch loops nothing back from now on: when the frames before it join the wire's line is known."""
    cdef uint64_t position
    cdef Timed* item
    while not lane_empty(&nic.tx_pipe_lane):
        item = front_timed(&nic.tx_pipe_lane)
        push_wire(nic, item.time, item.index, nic.rows[item.index].nbytes)
        lane_pop(&nic.tx_pipe_lane)
    for position in range(nic.tx_ready.head, nic.tx_ready.tail):
        item = <Timed*>lane_at(&nic.tx_ready, position)
        if nic.rows[item.index].good:
            push_wire(nic, item.time + nic.tx_pipe, item.index, nic.rows[item.index].nbytes)


cdef void set_loopback(Nic* nic, bint on) noexcept nogil:
    if nic.loopback == on:
        return
    settle_ready(nic, nic.now)
    revoke_plan(nic)
    if on:
        if nic.books:
            note_frames(nic)
        turn_back(nic)
    else:
        go_straight(nic)
    nic.loopback = on
    set_when(nic, RANK_TX_PIPE, front_time(&nic.tx_pipe_lane))
    watch_ready(nic)
    plan_wire(nic)
    if on:
        take_turns(nic)
    elif lane_empty(&nic.ingress[FROM_WIRE]) and lane_empty(&nic.ingress[FROM_LOOPBACK]):
        look_ahead(nic)


# ---- the switch ------------------------------------------------------------------------------------

cdef void stop_at_switch(Nic* nic, int32_t index) noexcept nogil:
    """A sent frame goes no further: its room in the Tx buffer returns."""
    cdef Row* row = &nic.rows[index]
    if nic.books:
        end_at_switch(nic, index)
    tx_room_back(nic, row.nbytes, nic.now)
    row.room = 0


cdef void drop_spoofed(Nic* nic, int32_t index) noexcept nogil:
    """A frame that says it comes from somebody else ends."""
    stop_at_switch(nic, index)
    if nic.books:
        return_tx_room(nic, index, nic.now, waited_since_scheduled(row_book(nic, index)))
    drop_row(nic, &nic.rows[index], DROP_SPOOFED)
    row_release(nic, index, IN_PIPE)


cdef void turn_around(Nic* nic, int32_t index) noexcept nogil:
    """A frame for another function has been sent, and is received."""
    stop_at_switch(nic, index)
    deliver_tx(nic, &nic.rows[index], nic.now)
    loop_back(nic, index)
    row_release(nic, index, IN_PIPE)


cdef inline void commit_tx_pipe(Nic* nic) noexcept nogil:
    """A frame is at the switch: SWITCHED. Another function's turns around, a spoofed one ends, all others go to the wire."""
    cdef int32_t index = front_timed(&nic.tx_pipe_lane).index, target
    cdef Row* row = &nic.rows[index]
    timed_popped(nic, &nic.tx_pipe_lane, RANK_TX_PIPE)
    stamp(nic, row, STAGE_SWITCHED, nic.now)
    if row.flow >= 0:
        row.destination = nic.flows[row.flow].destination
    elif row.data != NULL:
        row.destination = parse_destination(row.data, moving(nic, row.nbytes))
    if nic.checked_functions and nic.loopback and nic.functions[row.function].source_checks and is_spoofed(nic, row):
        drop_spoofed(nic, index)
        return
    target = steered_to(nic, row) if nic.loopback else -1
    if target >= 0 and target != row.function:
        turn_around(nic, index)
    else:
        join_wire(nic, nic.now, index)


# ---- write-back ------------------------------------------------------------------------------------

cdef void commit_tx_writeback(Nic* nic, int32_t index, uint64_t first, uint64_t end) noexcept nogil:
    """The last TLP of a span, rows [first, end) of the ring, is in memory. Forgotten spans before it are not."""
    cdef Ring* ring = &nic.rings[index]
    cdef uint64_t position
    if nic.record_rows:
        for position in range(first, end):
            prefetch_stamps(nic, ring, position, end, STAGE_WRITTEN_BACK)
            stamp(nic, &nic.rows[row_at(ring, position)], STAGE_WRITTEN_BACK, nic.now)
    ring.written = end
    let_go(nic, ring)
