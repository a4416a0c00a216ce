"""TX_DESC_FETCH and RX_DESC_FETCH: one descriptor read per edge, rings in turns by number (`docs/time.md`, 5 and 6).

Whether a ring may fetch is kept in a bit, reviewed whenever something it depends on changes; with `fetch` =
`fewest` also in the set of those rings that have as many descriptors on chip.
"""

cdef inline int32_t to_fetch(Ring* ring) noexcept nogil:
    """Descriptors the driver has handed over and nobody has asked for."""
    return ring.tail - ring.next if ring.tail >= ring.next else ring.tail - ring.next + ring.size


cdef void move_to_level(Nic* nic, Ring* ring, int32_t level) noexcept nogil:
    """The ring may fetch and has `level` descriptors on chip; -1: it may not."""
    cdef bint sends = ring.direction == DIRECTION_TX
    cdef Bits* of_level = nic.tx_of_level if sends else nic.rx_of_level
    cdef Bits* levels = &nic.tx_levels if sends else &nic.rx_levels
    if ring.level == level:
        return
    if ring.level >= 0:
        bits_remove(&of_level[ring.level], ring.number)
        if of_level[ring.level].members == 0:
            bits_remove(levels, ring.level)
    if level >= 0:
        bits_add(&of_level[level], ring.number)
        bits_add(levels, level)
    ring.level = level


cdef inline int32_t next_to_fetch(Nic* nic, bint sends, int32_t last) noexcept nogil:
    """The first ring in turns of those that may fetch, or of those of them with the fewest descriptors; -1: none."""
    cdef int32_t level
    if likely(not nic.fetch_fewest):
        return bits_after(&nic.tx_fetchable if sends else &nic.rx_fetchable, last)
    level = bits_after(&nic.tx_levels if sends else &nic.rx_levels, -1)
    return bits_after(&nic.tx_of_level[level] if sends else &nic.rx_of_level[level], last) if level >= 0 else -1


cdef void review_fetch(Nic* nic, int32_t index) noexcept nogil:
    """May this ring fetch? Open, no fetch out, something to fetch, few enough on chip."""
    cdef Ring* ring = &nic.rings[index]
    cdef bint sends = ring.direction == DIRECTION_TX
    cdef Bits* fetchable = &nic.tx_fetchable if sends else &nic.rx_fetchable
    cdef int32_t few = nic.tx_few if sends else nic.rx_few
    if ring.is_open and not ring.fetching and ring.tail != ring.next and ring.held < few:
        bits_add(fetchable, ring.number)
        touch(nic, TX_DESC_FETCH if sends else RX_DESC_FETCH)
        if unlikely(nic.fetch_fewest):
            move_to_level(nic, ring, ring.held)
    else:
        bits_remove(fetchable, ring.number)
        if unlikely(nic.fetch_fewest):
            move_to_level(nic, ring, -1)


cdef inline void review_taken(Nic* nic, Ring* ring, int32_t index, int32_t few) noexcept nogil:
    """One of the ring's descriptors on chip has been taken. Whether it may fetch changes only as their number falls below `few`;
    with `fewest` every number counts."""
    if unlikely(ring.held == few - 1 or nic.fetch_fewest):
        review_fetch(nic, index)


cdef void decide_fetch(Nic* nic, int direction) noexcept nogil:
    """Start the next ring's fetch: as many as available, as the cache holds, as stand before the ring's end."""
    cdef bint sends = direction == DIRECTION_TX
    cdef Bits* fetchable = &nic.tx_fetchable if sends else &nic.rx_fetchable
    cdef int32_t* last = &nic.last_tx_fetch if sends else &nic.last_rx_fetch
    cdef int32_t number = next_to_fetch(nic, sends, last[0]), index, count
    cdef uint64_t address
    cdef Ring* ring
    if unlikely(number < 0):
        return
    last[0] = number
    nic.ledger.grants[TX_DESC_FETCH if sends else RX_DESC_FETCH] += 1
    index = number if sends else nic.num_rings + number
    ring = &nic.rings[index]
    concerns(nic, ring.function)
    count = min(to_fetch(ring), (nic.tx_cache if sends else nic.rx_cache) - ring.held, ring.size - ring.next)
    ring.fetch_first = ring.next
    ring.fetch_count = count
    ring.next += count
    if ring.next == ring.size:
        ring.next = 0
    address = ring.base + <uint64_t>ring.fetch_first * DESCRIPTOR_BYTES
    ring.fetching = <int16_t>ask_in_pieces(nic, CLASS_TX_DESCRIPTOR if sends else CLASS_RX_DESCRIPTOR, index, address,
                                           count * DESCRIPTOR_BYTES)
    prefetch_all(ring, sizeof(Ring))        # for `prefetch_descriptors`, and the end of the fetch
    prefetch_copy(nic, ring, address, count * DESCRIPTOR_BYTES)
    bits_remove(fetchable, number)
    if unlikely(nic.fetch_fewest):
        move_to_level(nic, ring, -1)
    if fetchable.members:
        touch(nic, TX_DESC_FETCH if sends else RX_DESC_FETCH)


cdef inline void prefetch_copy(Nic* nic, Ring* ring, uint64_t address, int32_t nbytes) noexcept nogil:
    """Descriptors will be read there, as the host wrote them some time ago: they come into the cache, and where they will go."""
    cdef uint8_t* host = host_bytes(nic, ring.domain, address, <uint64_t>nbytes)
    prefetch_all(ring.fetched, nbytes)
    if likely(host != NULL):
        prefetch_all(host, nbytes)


cdef inline void prefetch_descriptors(Nic* nic, int32_t index) noexcept nogil:
    """What the end of a fetch will look at first is brought into the cache."""
    cdef Ring* ring = &nic.rings[index]
    if ring.direction == DIRECTION_TX:
        prefetch_all(lane_front(&nic.doorbells[index]), sizeof(Doorbell))
        prefetch(lane_back(&ring.unpaired))
    prefetch_all(lane_back(&ring.chip), ring.fetch_count * sizeof(Descriptor))


cdef int32_t ring_head(Nic* nic, int32_t index) noexcept nogil:
    """The head register. Tx: the first descriptor not retired; Rx: the first that no frame has taken."""
    cdef Ring* ring = &nic.rings[index]
    if ring.direction == DIRECTION_TX and ring.retired < ring.rows.tail:
        if ring.retired == end_of_made(ring):
            return first_rowless(ring).slot
        return nic.rows[row_at(ring, ring.retired)].slot
    if ring.direction == DIRECTION_RX and ring.held:
        return (<Descriptor*>lane_front(&ring.chip)).slot
    return ring.fetch_first if ring.fetching else ring.next


cdef bint commit_fetched(Nic* nic, int32_t index) noexcept nogil:
    """One read request of a fetch is answered; was it the last?"""
    nic.rings[index].fetching -= 1
    return nic.rings[index].fetching == 0
