"""TX_SCHEDULER: functions in turns, then a function's rings in turns; a turn is one read request (`docs/time.md`, 5.4).

Picking is one function: state in, ring out. `tx_least` saves it from asking every ring again and again while the
Tx buffer is full: it is a lower bound of the room that any frame needs to begin, exact after a pick in vain. A frame
that has begun needs no more room; with less than that left only those (`tx_begun`) are asked.
"""

cdef enum:
    TURNS_AHEAD = 4     # prefetched, a turn each: a function, its ring, its descriptor on chip, with `books` its group


cdef inline void tx_room_back(Nic* nic, int32_t nbytes, int64_t time) noexcept nogil:
    """Room of the Tx buffer returns at `time`, now or since the last edge; the scheduler decides only if it may be enough
    for somebody."""
    if nic.books:
        leave_room(nic, nbytes, time)
    nic.tx_room += nbytes
    if may_pick(nic):
        touch(nic, TX_SCHEDULER)


cdef inline bint may_pick(Nic* nic) noexcept nogil:
    """May any ring go?"""
    return nic.tx_begun.members != 0 or (nic.tx_waiting.members != 0 and nic.tx_room >= nic.tx_least)


cdef inline void note_begun(Nic* nic, Ring* ring, bint begun) noexcept nogil:
    """The ring's frame has begun and has turns left, or no frame has."""
    cdef Function* function = &nic.functions[ring.function]
    if ring.begun == begun:
        return
    ring.begun = begun
    function.begun_rings += 1 if begun else -1
    if function.begun_rings:
        bits_add(&nic.tx_begun, ring.function)
    else:
        bits_remove(&nic.tx_begun, ring.function)


cdef inline void note_waiting(Nic* nic, int32_t index, int32_t held) noexcept nogil:
    """A Tx ring now has `held` descriptors waiting for the scheduler."""
    cdef Ring* ring = &nic.rings[index]
    cdef Function* function = &nic.functions[ring.function]
    if unlikely(ring.held == 0 and held):
        function.waiting_rings += 1
        bits_add(&nic.tx_waiting, ring.function)
        if unlikely(nic.shaping):
            review_shaper(nic, ring.function)
    elif unlikely(ring.held and held == 0):
        function.waiting_rings -= 1
        if function.waiting_rings == 0:
            bits_remove(&nic.tx_waiting, ring.function)
    ring.held = held
    if unlikely(held == 0):
        note_begun(nic, ring, False)
        return
    if likely(not ring.begun):
        nic.tx_least = min(nic.tx_least, room_needed(ring))
    if ring.begun or nic.tx_room >= nic.tx_least:
        touch(nic, TX_SCHEDULER)


cdef inline int64_t room_needed(Ring* ring) noexcept nogil:
    """Tx buffer that the next frame of a waiting ring takes as it begins."""
    return (<Descriptor*>lane_front(&ring.chip)).nbytes


cdef inline bint may_go(Nic* nic, Ring* ring) noexcept nogil:
    """Has the ring a descriptor waiting, and its next turn room?"""
    cdef int64_t needed
    if ring.held == 0 or ring.begun:
        return ring.begun
    needed = room_needed(ring)
    nic.tx_least = min(nic.tx_least, needed)
    return needed <= nic.tx_room


cdef inline int32_t pick_ring(Nic* nic, Function* function) noexcept nogil:
    """The first of the function's rings that may go, in turns after the last granted, or -1."""
    cdef int32_t count = function.num_tx, first = 0, step, at
    if likely(count == 1):
        return function.first_tx if may_go(nic, &nic.rings[function.first_tx]) else -1
    while first < count and function.tx_rings[first] <= function.last_ring:
        first += 1
    for step in range(count):
        at = first + step
        if at >= count:
            at -= count
        if unlikely(nic.shaping) and is_held_back(nic, &nic.rings[function.tx_rings[at]]):
            continue
        if may_go(nic, &nic.rings[function.tx_rings[at]]):
            return function.tx_rings[at]
    return -1


cdef inline int32_t pick(Nic* nic) noexcept nogil:
    """The ring whose turn it is, or -1."""
    cdef int64_t least = nic.tx_least
    cdef bint full = nic.tx_room < least
    cdef Bits* asked = &nic.tx_begun if full else &nic.tx_waiting
    cdef int32_t function = bits_after(asked, nic.last_function), first = function, ring
    if not full:
        nic.tx_least = NEVER
    while function >= 0:
        ring = pick_ring(nic, &nic.functions[function])
        if likely(ring >= 0):
            nic.tx_least = min(nic.tx_least, least)     # not every ring was asked
            return ring
        function = bits_after(asked, function)
        if function == first:
            break
    return -1


cdef inline void prefetch_turn(Nic* nic, int32_t function) noexcept nogil:
    """What the turns of the next functions in number order will look at is brought into the cache, step by step."""
    cdef Ring* ring
    if function + TURNS_AHEAD >= nic.num_functions:
        return
    prefetch(&nic.functions[function + TURNS_AHEAD])
    ring = &nic.rings[nic.functions[function + TURNS_AHEAD - 1].first_tx]
    prefetch(ring)
    prefetch(&ring.rows)
    prefetch(&ring.ready)
    ring = &nic.rings[nic.functions[function + TURNS_AHEAD - 2].first_tx]
    prefetch(lane_front(&ring.chip))
    prefetch(lane_at(&ring.chip, ring.chip.head + 1))
    prefetch(lane_front(&ring.unpaired))
    if nic.books:
        ring = &nic.rings[nic.functions[function + TURNS_AHEAD - 3].first_tx]
        if not lane_empty(&ring.unpaired):
            prefetch(&nic.ledger.groups[first_rowless(ring).group].queued)


cdef inline void decide_tx_scheduler(Nic* nic) noexcept nogil:
    """Grant one turn. A frame's first turn takes its room in the Tx buffer."""
    cdef int32_t index = pick(nic), nbytes, request, begins = 0
    cdef uint64_t address
    cdef Ring* ring
    cdef Descriptor* head
    if unlikely(index < 0):
        return
    ring = &nic.rings[index]
    head = <Descriptor*>lane_front(&ring.chip)
    if likely(head.slot == NO_ROW_YET):
        head.slot = make_row(nic, ring, head.nbytes)
    concerns_packet(nic, head.slot)
    nic.last_function = ring.function
    nic.functions[ring.function].last_ring = index
    if nic.books:
        take_turn(nic, head.slot, ring.asked == 0)
    if ring.asked == 0:
        begins = frame_length(head.nbytes)
        nic.tx_room -= head.nbytes
        if nic.record_rows:
            stamp(nic, &nic.rows[head.slot], STAGE_SCHEDULED, nic.now)
    address = head.address + <uint64_t>ring.asked
    nbytes = read_piece(nic, address, head.nbytes - ring.asked)
    request = request_new(nic, CLASS_PAYLOAD, index, address, nbytes, ring.asked, head.slot)
    prefetch_bytes(nic, ring.domain, address)
    ring.asked += nbytes
    if ring.asked < head.nbytes:
        note_begun(nic, ring, True)
    else:
        ring.asked = 0
        lane_pop(&ring.chip)
        note_begun(nic, ring, False)
        note_waiting(nic, index, ring.held - 1)
        review_taken(nic, ring, index, nic.tx_few)
    prefetch_turn(nic, ring.function)
    if unlikely(nic.shaping):
        shape(nic, ring.function, begins)
    if may_pick(nic):
        touch(nic, TX_SCHEDULER)
    ask_for_payload(nic, request)
