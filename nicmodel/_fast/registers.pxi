"""REGISTER_PORT (`docs/time.md`, 7): hot registers are performed here, all others are news for Python.

An access goes down the link as a TLP: `address` is any 64-bit one, `ring` is set in an agent's doorbell.
"""

cdef enum:
    REGISTER_BYTES = 4


cdef inline uint64_t register_address() noexcept nogil:
    """BARs are 64-bit: an access takes the long header."""
    return (<uint64_t>1) << 32


# ---- the way there and back ------------------------------------------------------------------------

cdef Tlp* queue_write(Nic* nic, int64_t value) noexcept nogil:
    cdef Tlp* tlp = queue_tlp(nic, &nic.down, &nic.down.posted, TLP_REGISTER_WRITE)
    tlp.value = value
    tlp.nbytes = REGISTER_BYTES
    tlp.wire_bytes = memory_tlp_bytes(register_address(), REGISTER_BYTES)
    return tlp


cdef void write_register(Nic* nic, int32_t function, int32_t bar, int32_t offset, int64_t value) noexcept nogil:
    """The CPU writes a register."""
    cdef Tlp* tlp = queue_write(nic, value)
    tlp.function = function
    tlp.bar = bar
    tlp.offset = offset


cdef void write_tail(Nic* nic, int32_t index, int32_t tail) noexcept nogil:
    """An agent rings the doorbell of its ring."""
    cdef Tlp* tlp = queue_write(nic, tail)
    tlp.function = nic.rings[index].function
    tlp.bar = 0
    tlp.ring = index


cdef void read_register(Nic* nic, int32_t function, int32_t bar, int32_t offset, int32_t request) noexcept nogil:
    """The CPU reads a register; the answer comes back as a completion."""
    cdef Tlp* tlp = queue_tlp(nic, &nic.down, &nic.down.nonposted, TLP_REGISTER_READ)
    tlp.function = function
    tlp.bar = bar
    tlp.offset = offset
    tlp.ref = request
    tlp.nbytes = 0
    tlp.wire_bytes = memory_tlp_bytes(register_address(), 0)


cdef void answer_access(Nic* nic, int32_t request, int64_t value) noexcept nogil:
    cdef Tlp* tlp = queue_tlp(nic, &nic.up, &nic.up.completion, TLP_ANSWER)
    tlp.ref = request
    tlp.value = value
    tlp.nbytes = REGISTER_BYTES
    tlp.wire_bytes = completion_tlp_bytes(REGISTER_BYTES)


# ---- the port --------------------------------------------------------------------------------------

cdef void accept_access(Nic* nic, Tlp* tlp) noexcept nogil:
    """An access has arrived at the adapter."""
    (<Tlp*>lane_push(nic, &nic.accesses))[0] = tlp[0]
    touch(nic, REGISTER_PORT)


cdef void decide_register_port(Nic* nic) noexcept nogil:
    """Take the oldest access, one every `register_cycles` edges; its credits return."""
    cdef TimedTlp* access
    cdef bint first
    if lane_empty(&nic.accesses):
        return
    if nic.now >= nic.port_free:
        first = lane_empty(&nic.register_pipe)
        access = <TimedTlp*>lane_push(nic, &nic.register_pipe)
        access.time = nic.now + nic.register_latency
        access.tlp = (<Tlp*>lane_front(&nic.accesses))[0]
        lane_pop(&nic.accesses)
        nic.port_free = nic.now + nic.register_interval
        if first:
            set_when(nic, RANK_REGISTER, access.time)
        if access.tlp.kind == TLP_REGISTER_READ:
            release_nonposted(nic, &nic.up)
        else:
            release_posted(nic, &nic.up, REGISTER_BYTES)
    if not lane_empty(&nic.accesses):
        nic.port_wake = nic.port_free


cdef void commit_register(Nic* nic) noexcept nogil:
    """REGISTER: the access is performed."""
    cdef Tlp tlp = (<TimedTlp*>lane_front(&nic.register_pipe)).tlp
    cdef int64_t ring = tlp.ring
    lane_pop(&nic.register_pipe)
    set_when(nic, RANK_REGISTER, NEVER if lane_empty(&nic.register_pipe)
             else (<TimedTlp*>lane_front(&nic.register_pipe)).time)
    if ring < 0:
        ring = map_get(&nic.hot, (<uint64_t>tlp.function << 32) | (<uint64_t>tlp.bar << 24) | <uint64_t>tlp.offset,
                       -1)
    if ring >= 0 and tlp.function != 0 and nic.rings[ring].function != tlp.function:
        # A VF reaches no ring of another function, whatever the hot table still says.
        if tlp.kind != TLP_REGISTER_WRITE:
            answer_access(nic, tlp.ref, 0)
    elif tlp.kind == TLP_REGISTER_WRITE:
        if ring >= 0:
            ring_doorbell(nic, <int32_t>ring, tlp.ready, <int32_t>tlp.value)
        else:
            tell(nic, UPCALL_REG_WRITE, 4, tlp.function, tlp.bar, tlp.offset, tlp.value)
    elif ring >= 0:
        answer_access(nic, tlp.ref, nic.rings[ring].tail)
    else:
        tell(nic, UPCALL_REG_READ, 4, tlp.function, tlp.bar, tlp.offset, tlp.ref)
