"""MSIX: one message per edge, behind the data it announces (`docs/time.md`, 7).

A vector *requests* until its message is queued. `throttled` marks the vectors that requested inside their
interval and have an ITR event to come; all other requesting, enabled vectors of a bus-mastering function are
eligible.
"""

cdef inline int32_t owner_of(int32_t number) noexcept nogil:
    """The function of a vector that is numbered among those of all."""
    return <int32_t>(<uint32_t>number // VECTORS_PER_FUNCTION)


cdef inline int32_t place_of(int32_t number) noexcept nogil:
    """Its place among those of its function."""
    return <int32_t>(<uint32_t>number % VECTORS_PER_FUNCTION)


cdef inline uint64_t bit_of(int32_t number) noexcept nogil:
    """In a `VectorBits`."""
    return (<uint64_t>1) << place_of(number)


cdef inline Vector* vector_of(Nic* nic, int32_t number) noexcept nogil:
    return &nic.vectors[place_of(number) * nic.num_functions + owner_of(number)]


cdef void request_vector(Nic* nic, int32_t number) noexcept nogil:
    """A write-back is queued, or Python raises the vector. -1: the ring has none."""
    cdef VectorBits* bits
    if number < 0:
        return
    bits = &nic.vector_bits[owner_of(number)]
    bits.requesting |= bit_of(number)
    if nic.now >= vector_of(nic, number).interval_end:
        bits_add(&nic.requesting, owner_of(number))
        touch(nic, MSIX)
    elif not bits.throttled & bit_of(number):
        bits.throttled |= bit_of(number)
        schedule(nic, RANK_ITR, vector_of(nic, number).interval_end, number, number, 0)


cdef void set_vector(Nic* nic, int32_t number, bint enabled, int64_t itr) noexcept nogil:
    cdef VectorBits* bits = &nic.vector_bits[owner_of(number)]
    bits.enabled = bits.enabled | bit_of(number) if enabled else bits.enabled & ~bit_of(number)
    vector_of(nic, number).itr = itr
    touch(nic, MSIX)


cdef void commit_itr(Nic* nic, int32_t number) noexcept nogil:
    nic.vector_bits[owner_of(number)].throttled &= ~bit_of(number)
    if nic.vector_bits[owner_of(number)].requesting & bit_of(number):
        bits_add(&nic.requesting, owner_of(number))
    touch(nic, MSIX)


cdef void take_back_requests(Nic* nic, int32_t function) noexcept nogil:
    """Revocation: the vectors of this function request nothing any more."""
    nic.vector_bits[function].requesting = 0
    bits_remove(&nic.requesting, function)


cdef int32_t next_vector(Nic* nic) noexcept nogil:
    """The first eligible vector in turns after the last granted one, or -1."""
    cdef int32_t last = nic.last_vector
    cdef int32_t start = owner_of(last) if last >= 0 else 0
    cdef uint64_t later = ~(bit_of(last) | (bit_of(last) - 1)) if last >= 0 else ~<uint64_t>0
    cdef uint64_t found
    cdef int32_t function = start, first
    found = eligible(nic, start) & later
    if found:
        return VECTORS_PER_FUNCTION * start + low_bit(found)
    first = function = bits_after(&nic.requesting, start)
    while function >= 0:
        found = eligible(nic, function)
        if found:
            return VECTORS_PER_FUNCTION * function + low_bit(found)
        function = bits_after(&nic.requesting, function)
        if function == first:
            return -1
    return -1


cdef inline uint64_t eligible(Nic* nic, int32_t index) noexcept nogil:
    cdef VectorBits* bits = &nic.vector_bits[index]
    return bits.requesting & bits.enabled & ~bits.throttled if nic.functions[index].bus_master else 0


cdef inline void prefetch_message(Nic* nic, Function* function, int32_t number) noexcept nogil:
    """What its arrival will look at is brought into the cache."""
    cdef Ring* ring = &nic.rings[function.first_tx]
    cdef int32_t agent = vector_of(nic, number).agent
    prefetch(function.tx_rings)
    prefetch(function.rx_rings)
    prefetch(&ring.rows)
    prefetch(&ring.base)
    if agent >= 0:
        prefetch(&nic.agents[agent].live)


cdef void decide_msix(Nic* nic) noexcept nogil:
    cdef int32_t number = next_vector(nic)
    cdef VectorBits* bits
    cdef Tlp* tlp
    cdef int32_t message
    if number < 0:
        return
    bits = &nic.vector_bits[owner_of(number)]
    bits.requesting &= ~bit_of(number)
    if bits.requesting & ~bits.throttled == 0:
        bits_remove(&nic.requesting, owner_of(number))
    nic.last_vector = number
    concerns(nic, owner_of(number))
    vector_of(nic, number).interval_end = nic.now + vector_of(nic, number).itr
    message = tlp_new(nic, TLP_MESSAGE)
    nic.ledger.grants[MSIX] += 1
    tlp = &nic.tlps[message]
    tlp.ref = number
    tlp.function = <uint16_t>owner_of(number)
    tlp.nbytes = MSIX_BYTES
    tlp.wire_bytes = <uint16_t>memory_tlp_bytes(nic, 0, MSIX_BYTES)
    prefetch_message(nic, &nic.functions[owner_of(number)], number)
    queue_posted(nic, &nic.up, message)
    touch(nic, MSIX)


cdef void announce_rows(Nic* nic, Ring* ring) noexcept nogil:
    """Stamp what is written back and was not announced before, if there are records to stamp."""
    cdef uint64_t position = ring.interrupted
    cdef Record* record
    if not nic.record_rows:
        return
    if position < ring.rows.head:
        position = ring.rows.head
    while position < ring.written:
        prefetch_stamps(nic, ring, position, ring.written, STAGE_INTERRUPTED)
        record = record_of(nic, row_at(ring, position))
        if record.at[STAGE_WRITTEN_BACK] >= 0:
            record.at[STAGE_INTERRUPTED] = nic.now
        position += 1
    ring.interrupted = position


cdef void commit_message(Nic* nic, int32_t number) noexcept nogil:
    """A message is at the root complex: stamp what it announces, then wake the agent, or tell Python."""
    cdef int32_t index = owner_of(number), each, vector = place_of(number), agent = vector_of(nic, number).agent
    cdef Function* function = &nic.functions[index]
    cdef Interrupt* interrupt
    counter_of(nic, index, COUNT_INTERRUPTS)[0] += 1
    if unlikely(nic.record_interrupts):
        interrupt = <Interrupt*>lane_push(nic, &nic.interrupts)
        interrupt.time = nic.now
        interrupt.function = index
        interrupt.vector = vector
    for each in range(function.num_tx):
        if nic.rings[function.tx_rings[each]].vector == number:
            announce_rows(nic, &nic.rings[function.tx_rings[each]])
    for each in range(function.num_rx):
        if nic.rings[function.rx_rings[each]].vector == number:
            announce_rows(nic, &nic.rings[function.rx_rings[each]])
    if agent >= 0 and nic.agents[agent].live:
        prefetch_pass(nic, &nic.agents[agent])
        schedule(nic, RANK_AGENT_WAKE, nic.now + nic.agents[agent].irq_latency, agent, agent, BY_INTERRUPT)
    else:
        post_upcall(nic, UPCALL_MSIX, 3, index, vector, 0, 0)
