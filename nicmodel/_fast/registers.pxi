"""REGISTER_PORT (`docs/time.md`, 7): hot registers are performed here, all others are upcalls.

An access goes down the link as a TLP: any 64-bit address, `ring` is set in an agent's doorbell.
"""

cdef inline uint64_t register_address() noexcept nogil:
    """BARs are 64-bit: an access takes the long header."""
    return (<uint64_t>1) << 32


# ---- the way there and back ------------------------------------------------------------------------

cdef void queue_write(Nic* nic, int32_t function, int32_t bar, int32_t offset, int32_t ring, int64_t value) noexcept nogil:
    cdef int32_t index = tlp_new(nic, TLP_REGISTER_WRITE)
    cdef Tlp* tlp = &nic.tlps[index]
    tlp.function = <uint16_t>function
    tlp.klass = <uint8_t>bar
    tlp.offset = offset
    tlp.ring = ring
    tlp.value = value
    tlp.nbytes = REGISTER_BYTES
    tlp.wire_bytes = <uint16_t>memory_tlp_bytes(nic, register_address(), REGISTER_BYTES)
    queue_posted(nic, &nic.down, index)


cdef void write_register(Nic* nic, int32_t function, int32_t bar, int32_t offset, int64_t value) noexcept nogil:
    """The CPU writes a register."""
    queue_write(nic, function, bar, offset, -1, value)


cdef void write_tail(Nic* nic, int32_t function, int32_t index, int32_t tail) noexcept nogil:
    """An agent of this function rings the doorbell of its ring. What that will look at is brought into the cache."""
    queue_write(nic, function, 0, 0, index, tail)
    prefetch(&nic.rings[index])
    if index < nic.num_rings:
        prefetch(&nic.doorbells[index])


cdef void read_register(Nic* nic, int32_t function, int32_t bar, int32_t offset, int32_t request) noexcept nogil:
    """The CPU reads a register; the answer comes back as a completion."""
    cdef int32_t index = tlp_new(nic, TLP_REGISTER_READ)
    cdef Tlp* tlp = &nic.tlps[index]
    tlp.function = <uint16_t>function
    tlp.klass = <uint8_t>bar
    tlp.offset = offset
    tlp.ref = request
    tlp.nbytes = 0
    tlp.wire_bytes = <uint16_t>memory_tlp_bytes(nic, register_address(), 0)
    queue_tlp(nic, &nic.down, &nic.down.nonposted, index)


cdef void answer_access(Nic* nic, int32_t function, int32_t request, int64_t value) noexcept nogil:
    cdef int32_t index = tlp_new(nic, TLP_ANSWER)
    cdef Tlp* tlp = &nic.tlps[index]
    tlp.function = <uint16_t>function
    tlp.ref = request
    tlp.value = value
    tlp.nbytes = REGISTER_BYTES
    tlp.wire_bytes = <uint16_t>completion_tlp_bytes(nic, REGISTER_BYTES)
    queue_tlp(nic, &nic.up, &nic.up.completion, index)


# ---- the port --------------------------------------------------------------------------------------

cdef void accept_access(Nic* nic, int32_t index) noexcept nogil:
    """An access has arrived at the adapter."""
    push_index(nic, &nic.accesses, index)
    touch(nic, REGISTER_PORT)
    if nic.books:
        join_port(nic, index)


cdef void decide_register_port(Nic* nic) noexcept nogil:
    """Take the oldest access, one every `register_cycles` edges; its credits return."""
    cdef int32_t index
    if unlikely(lane_empty(&nic.accesses)):
        return
    if likely(nic.now >= nic.port_free):
        index = pop_index(&nic.accesses)
        timed_pushed(nic, &nic.register_pipe, RANK_REGISTER, nic.now + nic.register_latency, index)
        nic.port_free = nic.now + nic.register_interval
        if nic.books:
            leave_port(nic, index)
        if nic.tlps[index].kind == TLP_REGISTER_READ:
            release_nonposted(nic, &nic.up, nic.now)
        else:
            release_posted(nic, &nic.up, REGISTER_BYTES, nic.now)
            if nic.books:
                release_access(nic, index)
    if not lane_empty(&nic.accesses):
        nic.port_wake = nic.port_free


cdef void perform_access(Nic* nic, Tlp* tlp) noexcept nogil:
    cdef int64_t ring = tlp.ring
    concerns(nic, tlp.function)
    if unlikely(not nic.functions[tlp.function].decodes):
        ring = -1
    elif unlikely(ring < 0):
        ring = map_get(&nic.hot, (<uint64_t>tlp.function << 32) | (<uint64_t>tlp.klass << 24) | <uint64_t>tlp.offset,
                       -1)
    if unlikely(ring >= 0 and tlp.function != 0 and nic.rings[ring].function != tlp.function):
        # A VF reaches no ring of another function, whatever the hot table still says.
        if tlp.kind != TLP_REGISTER_WRITE:
            answer_access(nic, tlp.function, tlp.ref, 0)
    elif tlp.kind == TLP_REGISTER_WRITE:
        if ring >= 0:
            commit_doorbell(nic, <int32_t>ring, tlp)
        else:
            post_upcall(nic, UPCALL_REG_WRITE, 4, tlp.function, tlp.klass, tlp.offset, tlp.value)
    elif ring >= 0:
        answer_access(nic, tlp.function, tlp.ref, nic.rings[ring].tail)
    else:
        post_upcall(nic, UPCALL_REG_READ, 4, tlp.function, tlp.klass, tlp.offset, tlp.ref)


cdef void commit_register(Nic* nic) noexcept nogil:
    """REGISTER: the access is performed."""
    cdef int32_t index = front_timed(&nic.register_pipe).index
    timed_popped(nic, &nic.register_pipe, RANK_REGISTER)
    perform_access(nic, &nic.tlps[index])
    tlp_free(nic, index)
