"""TX_DESC_FETCH and RX_DESC_FETCH: one descriptor read per edge, rings in turns by number (`docs/time.md`, 5 and 6).

Whether a ring may fetch is kept in a bit, reviewed whenever something it depends on changes.
"""

cdef inline int32_t to_fetch(Ring* ring) noexcept nogil:
    """Descriptors the driver has handed over and nobody has asked for."""
    return ring.tail - ring.next if ring.tail >= ring.next else ring.tail - ring.next + ring.size


cdef void review_fetch(Nic* nic, int32_t index) noexcept nogil:
    """May this ring fetch? Open, no fetch out, something to fetch, few enough on chip."""
    cdef Ring* ring = &nic.rings[index]
    cdef bint sends = ring.direction == DIRECTION_TX
    cdef Bits* fetchable = &nic.tx_fetchable if sends else &nic.rx_fetchable
    cdef int32_t threshold = nic.tx_threshold if sends else nic.rx_threshold
    cdef int32_t cache = nic.tx_cache if sends else nic.rx_cache
    if (ring.is_open and not ring.fetching and ring.tail != ring.next and ring.held < threshold
            and ring.held < cache):
        bits_add(fetchable, ring.number)
        touch(nic, TX_DESC_FETCH if sends else RX_DESC_FETCH)
    else:
        bits_remove(fetchable, ring.number)


cdef void decide_fetch(Nic* nic, int direction) noexcept nogil:
    """Start the next ring's fetch: as many as available, as the cache holds, as stand before the ring's end."""
    cdef bint sends = direction == DIRECTION_TX
    cdef Bits* fetchable = &nic.tx_fetchable if sends else &nic.rx_fetchable
    cdef int32_t* last = &nic.last_tx_fetch if sends else &nic.last_rx_fetch
    cdef int32_t number = bits_after(fetchable, last[0]), index, count
    cdef Ring* ring
    if number < 0:
        return
    last[0] = number
    index = number if sends else nic.num_rings + number
    ring = &nic.rings[index]
    count = min(to_fetch(ring), (nic.tx_cache if sends else nic.rx_cache) - ring.held, ring.size - ring.next)
    ring.fetch_first = ring.next
    ring.fetch_count = count
    ring.next += count
    if ring.next == ring.size:
        ring.next = 0
    ring.fetching = ask_in_pieces(nic, CLASS_TX_DESCRIPTOR if sends else CLASS_RX_DESCRIPTOR, index,
                                  ring.base + <uint64_t>ring.fetch_first * DESCRIPTOR_BYTES,
                                  count * DESCRIPTOR_BYTES)
    bits_remove(fetchable, number)
    if fetchable.members:
        touch(nic, TX_DESC_FETCH if sends else RX_DESC_FETCH)


cdef int32_t ring_head(Nic* nic, int32_t index) noexcept nogil:
    """The head register. Tx: the first descriptor not retired; Rx: the first that no frame has taken."""
    cdef Ring* ring = &nic.rings[index]
    if ring.direction == DIRECTION_TX and ring.retired < ring.rows.tail:
        return nic.rows[index_at(&ring.rows, ring.retired)].slot
    if ring.direction == DIRECTION_RX and ring.held:
        return (<RxDescriptor*>lane_front(&ring.chip)).slot
    return ring.fetch_first if ring.fetching else ring.next


cdef bint commit_fetched(Nic* nic, int32_t index) noexcept nogil:
    """One read request of a fetch is answered; was it the last?"""
    nic.rings[index].fetching -= 1
    return nic.rings[index].fetching == 0
