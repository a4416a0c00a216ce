"""Rates of functions (`docs/time.md`, 5.4).

A function that its shaper holds back leaves the set of those that the scheduler asks until its SHAPER event, unless
one of its frames has begun: that one has been paid for.
"""

cdef inline bint is_shaped(Nic* nic, int32_t function) noexcept nogil:
    """May no frame of this function begin?"""
    return nic.shapers[function].shaped > ticks(nic.now)


cdef void review_shaper(Nic* nic, int32_t index) noexcept nogil:
    """Is the function among those that the scheduler asks? If only its shaper keeps it out, SHAPER will ask again."""
    cdef Function* function = &nic.functions[index]
    cdef Shaper* shaper = &nic.shapers[index]
    cdef int32_t each
    cdef int64_t when
    if nic.books:
        settle_hold(nic, index, nic.now)
    if function.waiting_rings == 0:
        return
    if is_shaped(nic, index):
        when = ceil_ps(shaper.shaped)
        if shaper.reminded != when:
            shaper.reminded = when
            # The scheduler decides at edges only: an instant less.
            schedule(nic, RANK_SHAPER, edge_from(nic, when), index, index, 0)
        if function.begun_rings == 0:
            bits_remove(&nic.tx_waiting, index)
            return
    bits_add(&nic.tx_waiting, index)
    for each in range(function.num_tx):
        if nic.rings[function.tx_rings[each]].held:
            nic.tx_least = min(nic.tx_least, room_needed(&nic.rings[function.tx_rings[each]]))
    touch(nic, TX_SCHEDULER)


cdef void pay(Nic* nic, int32_t function, int64_t nbytes) noexcept nogil:
    """A frame of this function begins."""
    cdef Shaper* shaper = &nic.shapers[function]
    cdef int64_t saved = ticks(nic.now) - shaper.burst * shaper.byte_ticks
    if shaper.byte_ticks:
        shaper.shaped = (shaper.shaped if shaper.shaped > saved else saved) + nbytes * shaper.byte_ticks
    if nic.books:
        begin_hold(nic, function)


cdef int64_t scaled(int64_t part, int64_t new, int64_t whole) noexcept nogil:
    """part x new / whole for part < whole, bit by bit of `new`: the product may be longer than a word."""
    cdef int64_t quotient = 0, rest = 0
    cdef int bit
    for bit in range(bit_length(<uint64_t>new) - 1, -1, -1):
        quotient *= 2
        rest = 2 * rest + (part if new >> bit & 1 else 0)
        while rest >= whole:
            rest -= whole
            quotient += 1
    return quotient


cdef bint is_held_back(Nic* nic, Ring* ring) noexcept nogil:
    """Does the shaper keep back this ring's next frame? Asked where another ring of the function has one under way."""
    return not ring.begun and is_shaped(nic, ring.function)


cdef void shape(Nic* nic, int32_t function, int32_t length) noexcept nogil:
    """A turn has been granted, the first one of a frame of this length; 0: not the first."""
    if length:
        pay(nic, function, length)
    if is_shaped(nic, function):
        review_shaper(nic, function)


cdef void set_shaper(Nic* nic, int32_t function, int64_t byte_ticks, int64_t burst) noexcept nogil:
    """A new rate applies to what is still to be paid."""
    cdef Shaper* shaper = &nic.shapers[function]
    cdef int64_t left = max(0, shaper.shaped - ticks(nic.now)), old = shaper.byte_ticks
    if old and byte_ticks:
        shaper.shaped = ticks(nic.now) + left // old * byte_ticks + scaled(left % old, byte_ticks, old)
    else:
        shaper.shaped = ticks(nic.now) - burst * byte_ticks        # nothing is to be paid: the whole burst is saved
    shaper.byte_ticks = byte_ticks
    shaper.burst = burst
    nic.shaping = 1
    if nic.books:
        begin_hold(nic, function)
        touch(nic, TX_SCHEDULER)
    review_shaper(nic, function)
