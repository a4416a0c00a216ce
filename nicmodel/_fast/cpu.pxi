"""What a ring agent finds in host memory, and what it leaves there (`docs/time.md`, 8).

It sees DD in descriptors whose write-back TLP has committed, even if the rest of their span has not. The bytes themselves are
looked at: anything may have been written over what the adapter wrote.
"""

cdef enum:
    POSTS_AHEAD = 8     # descriptors that are written next come into the cache: two lines of it
    FRAMES_POSTED_AHEAD = 4     # and so do the beginnings of frames


cdef inline uint8_t* descriptor_at(Nic* nic, Ring* ring, int32_t slot) noexcept nogil:
    """The ring of an agent that runs is in memory."""
    return nic.arenas[ring.domain].memory + (ring.base - nic.arenas[ring.domain].base) + slot * DESCRIPTOR_BYTES


# ---- what it finds ---------------------------------------------------------------------------------

cdef int32_t seen_tx(Nic* nic, Agent* agent) noexcept nogil:
    """Tx descriptors the pass reaps: up to reports that are in memory, until it has a batch."""
    cdef Ring* ring = &nic.rings[agent.tx_ring]
    cdef uint8_t* descriptors = descriptor_at(nic, ring, 0) + TX_DD_AT
    cdef int32_t written = <int32_t>(ring.visible - ring.reaped), reaped = 0, following, slot
    while not lane_empty(&agent.reports) and reaped < agent.tx_batch:
        following = reaped + front_index(&agent.reports)
        slot = agent.tx_slot - agent.tx_out + following - 1
        if slot < 0:
            slot += ring.size
        if following > written or not descriptors[slot * DESCRIPTOR_BYTES] & TX_DD:
            break
        reaped = following
        lane_pop(&agent.reports)
    return reaped


cdef int32_t seen_rx(Nic* nic, Agent* agent) noexcept nogil:
    """Rx frames the pass takes: those in memory, at most a batch."""
    cdef Ring* ring = &nic.rings[agent.rx_ring]
    cdef uint8_t* descriptors = descriptor_at(nic, ring, 0) + RX_DD_AT
    cdef int32_t most = <int32_t>min(<int64_t>(ring.visible - ring.reaped), min(agent.rx_batch, ring.size - 1)), received = 0
    cdef int32_t slot = agent.rx_slot
    while received < most and descriptors[slot * DESCRIPTOR_BYTES] & RX_DD:
        received += 1
        slot = slot + 1 if slot + 1 < ring.size else 0
    return received


# ---- what it leaves there --------------------------------------------------------------------------

cdef void refill(Nic* nic, Agent* agent, int32_t slot, int32_t count) noexcept nogil:
    """Post `count` Rx descriptors from `slot`, the tail, on and write RDT: one before the next to clean."""
    cdef Ring* ring = &nic.rings[agent.rx_ring]
    cdef uint8_t* descriptor
    cdef int32_t _each
    for _each in range(count):
        descriptor = descriptor_at(nic, ring, slot)
        prefetch(descriptor + POSTS_AHEAD * DESCRIPTOR_BYTES)
        put64(descriptor, agent.rx_buffers + <uint64_t>slot * <uint64_t>agent.rx_stride)
        put64(descriptor + 8, 0)
        slot = slot + 1 if slot + 1 < ring.size else 0
    write_tail(nic, agent.function, agent.rx_ring, agent.rx_slot - 1 if agent.rx_slot else ring.size - 1)


cdef inline void post_frame(Nic* nic, Agent* agent, bint report) noexcept nogil:
    """The next packet: its bytes, as far as the payload mode moves them, and its descriptor."""
    cdef Ring* ring = &nic.rings[agent.tx_ring]
    cdef Flow* flow = &nic.flows[agent.flow]
    cdef int32_t nbytes = take_size(flow, &agent.size_cursor) - FCS_BYTES
    cdef uint64_t address = agent.tx_buffers + <uint64_t>agent.tx_slot * <uint64_t>agent.tx_stride
    cdef uint64_t command = nbytes | TX_DTYP_DATA | TX_EOP | TX_IFCS | TX_DEXT
    cdef uint8_t* host
    if report:
        command |= TX_RS
    if nic.payload:
        prefetch_bytes(nic, ring.domain, address + <uint64_t>(FRAMES_POSTED_AHEAD * agent.tx_stride))
        host = host_bytes(nic, ring.domain, address, <uint64_t>moving(nic, nbytes))
        if likely(host != NULL):
            make_frame(flow, agent.posted, host, moving(nic, nbytes), nbytes)
    host = descriptor_at(nic, ring, agent.tx_slot)
    prefetch(host + POSTS_AHEAD * DESCRIPTOR_BYTES)
    put64(host, address)
    put32(host + 8, command)
    put32(host + 12, <uint64_t>nbytes << TX_PAYLEN_LSB)
    agent.posted += 1
    agent.tx_slot = agent.tx_slot + 1 if agent.tx_slot + 1 < ring.size else 0
    agent.tx_out += 1
