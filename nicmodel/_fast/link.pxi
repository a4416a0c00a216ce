"""The two directions of the PCIe link (`docs/time.md`, 2).

A direction does one transfer at a time and knows nothing of its clients: it moves the oldest eligible TLP and
hands it over at its end. Each direction also carries the DLLPs its sender owes: Acks and UpdateFCs for what
came the other way.
"""

cdef inline int32_t memory_tlp_bytes(uint64_t address, int32_t payload) noexcept nogil:
    """Twin of `pcie_link.memory_tlp_bytes`."""
    return FRAMING_BYTES + (HEADER_4DW_BYTES if address >> 32 else HEADER_3DW_BYTES) + ((payload + 3) & ~3)

cdef inline int32_t completion_tlp_bytes(int32_t payload) noexcept nogil:
    """Twin of `pcie_link.completion_tlp_bytes`."""
    return FRAMING_BYTES + COMPLETION_HEADER_BYTES + ((payload + 3) & ~3)

cdef inline int64_t data_credits(int32_t payload) noexcept nogil:
    return (payload + DATA_CREDIT_BYTES - 1) >> 4

cdef inline Tlp* queue_tlp(Nic* nic, Direction* way, Lane* line, int kind) noexcept nogil:
    """A TLP joins a line of the direction; the caller fills in the rest."""
    cdef Tlp* tlp = <Tlp*>lane_push(nic, line)
    tlp.age = way.age
    way.age += 1
    tlp.ready = nic.now
    tlp.kind = kind
    tlp.ring = -1
    tlp.epoch = 0
    tlp.last = 0
    tlp.offset = 0
    touch(nic, way.arbiter)
    return tlp

cdef inline int64_t start_tick(int64_t now, int64_t free, int64_t ready) noexcept nogil:
    """When the winner of a decision at `now` starts: at once after its predecessor if it was there in time."""
    if free > (now - 1) << 10 and ready < now:
        return free
    return now << 10

cdef inline int64_t round_up(int64_t ticks) noexcept nogil:
    return (ticks + 1023) >> 10


# ---- what falls due --------------------------------------------------------------------------------

cdef inline int64_t earliest(int64_t left, int64_t right) noexcept nogil:
    return left if left < right else right


cdef void note_due(Nic* nic, Direction* way, int64_t due) noexcept nogil:
    """A DLLP falls due on this direction."""
    if due <= nic.now:
        touch(nic, way.arbiter)
    elif due < way.dllp_at:
        way.dllp_at = due
        set_when(nic, RANK_DLLP, earliest(nic.up.dllp_at, nic.down.dllp_at))


cdef void note_arrival(Nic* nic, Direction* other) noexcept nogil:
    """A TLP has arrived; `other` is the direction its Ack takes. Only the first uncovered one counts."""
    if other.ack_due == NEVER:
        other.ack_due = nic.now + nic.ack
        note_due(nic, other, other.ack_due)


cdef void release_posted(Nic* nic, Direction* other, int32_t payload) noexcept nogil:
    """The receiver has room for one more write of this size; `other` reports it."""
    if not other.reports_p:
        return
    other.owed_ph += 1
    other.owed_pd += data_credits(payload)
    if other.p_due == NEVER:
        other.p_due = nic.now + nic.fc
        note_due(nic, other, other.p_due)


cdef void release_nonposted(Nic* nic, Direction* other) noexcept nogil:
    """The receiver has room for one more read request; `other` reports it."""
    if not other.reports_np:
        return
    other.owed_nph += 1
    if other.np_due == NEVER:
        other.np_due = nic.now + nic.fc
        note_due(nic, other, other.np_due)


cdef void commit_dllp(Nic* nic) noexcept nogil:
    """Something falls due; the decision of this instant finds out what."""
    if nic.up.dllp_at == nic.now:
        nic.up.dllp_at = NEVER
        touch(nic, nic.up.arbiter)
    if nic.down.dllp_at == nic.now:
        nic.down.dllp_at = NEVER
        touch(nic, nic.down.arbiter)
    set_when(nic, RANK_DLLP, earliest(nic.up.dllp_at, nic.down.dllp_at))


cdef void note_retry(Nic* nic) noexcept nogil:
    set_when(nic, RANK_LINK_FREE, earliest(earliest(nic.up.retry_at, nic.down.retry_at),
                                           earliest(nic.wire_retry, nic.wire_rx_retry)))


cdef void commit_link_free(Nic* nic) noexcept nogil:
    """A busy link with something waiting may decide again."""
    if nic.up.retry_at == nic.now:
        nic.up.retry_at = NEVER
        touch(nic, nic.up.arbiter)
    if nic.down.retry_at == nic.now:
        nic.down.retry_at = NEVER
        touch(nic, nic.down.arbiter)
    if nic.wire_retry == nic.now:
        nic.wire_retry = NEVER
        touch(nic, WIRE)
    if nic.wire_rx_retry == nic.now:
        nic.wire_rx_retry = NEVER
        touch(nic, WIRE_RX)
    note_retry(nic)


# ---- starting a transfer ---------------------------------------------------------------------------

cdef inline bint has_posted_credits(Direction* way, Tlp* tlp) noexcept nogil:
    return ((not way.finite_ph or way.ph >= 1)
            and (not way.finite_pd or way.pd >= data_credits(tlp.nbytes)))


cdef void occupy(Nic* nic, Direction* way, int64_t ready, int64_t nbytes) noexcept nogil:
    way.free = start_tick(nic.now, way.free, ready) + nbytes * nic.pcie_ticks
    way.busy_ticks += nbytes * nic.pcie_ticks


cdef void start_update(Nic* nic, Direction* way, int kind, int64_t due, int64_t headers, int64_t data) noexcept nogil:
    """An UpdateFC starts: what it carries is final, the sender has it at its end."""
    way.flying.kind = kind
    way.flying.value = headers
    way.flying.address = <uint64_t>data
    occupy(nic, way, due, DLLP_BYTES)
    way.dllp_bytes += DLLP_BYTES
    set_when(nic, way.end_rank, round_up(way.free))


cdef bint start_dllp(Nic* nic, Direction* way) noexcept nogil:
    """Start what is due, if anything, in the order SKP, Ack, UpdateFC-P, UpdateFC-NP."""
    cdef int64_t due
    if way.skp_due <= nic.now:
        occupy(nic, way, way.skp_due, nic.skp_bytes)
        way.skp_bytes += nic.skp_bytes
        way.skp_due += nic.skp
        return True
    if way.ack_due <= nic.now:
        occupy(nic, way, way.ack_due, DLLP_BYTES)
        way.dllp_bytes += DLLP_BYTES
        way.ack_due = NEVER
        return True
    due = earliest(way.p_due, way.p_idle)
    if due <= nic.now:
        start_update(nic, way, TLP_UPDATE_P, due, way.owed_ph, way.owed_pd)
        way.owed_ph = way.owed_pd = 0
        way.p_due = NEVER
        way.p_idle = nic.now + UPDATE_FC_IDLE_PS
        return True
    due = earliest(way.np_due, way.np_idle)
    if due <= nic.now:
        start_update(nic, way, TLP_UPDATE_NP, due, way.owed_nph, 0)
        way.owed_nph = 0
        way.np_due = NEVER
        way.np_idle = nic.now + UPDATE_FC_IDLE_PS
        return True
    return False


cdef bint take_credits(Nic* nic, Direction* way) noexcept nogil:
    """If what has just landed in `way.flying` is an UpdateFC, its receiver gains the credits."""
    cdef Direction* sender
    if way.flying.kind != TLP_UPDATE_P and way.flying.kind != TLP_UPDATE_NP:
        return False
    sender = &nic.down if way == &nic.up else &nic.up
    if way.flying.kind == TLP_UPDATE_P:
        sender.ph += way.flying.value
        sender.pd += <int64_t>way.flying.address
    else:
        sender.nph += way.flying.value
    touch(nic, sender.arbiter)
    return True


cdef inline int32_t completion_chunk(Nic* nic, uint64_t address, int32_t left) noexcept nogil:
    """Bytes of the next completion of a read of which `left` bytes from `address` on are unanswered."""
    cdef int32_t room
    if nic.split_rcb:
        room = nic.rcb - <int32_t>(address & (nic.rcb - 1))
    elif left <= nic.mps:
        return left
    else:
        room = <int32_t>(((address + nic.mps) & ~<uint64_t>(nic.rcb - 1)) - address)
    return left if left < room else room


cdef void start_tlp(Nic* nic, Direction* way) noexcept nogil:
    """Start the oldest eligible TLP, if any. A read's completions wait as one item and leave one by one."""
    cdef Tlp* posted = NULL
    cdef Tlp* nonposted = NULL
    cdef Tlp* completion = NULL
    cdef Tlp* winner = NULL
    cdef uint64_t oldest_posted = ~<uint64_t>0
    cdef int32_t chunk
    if not lane_empty(&way.posted):
        posted = <Tlp*>lane_front(&way.posted)
        oldest_posted = posted.age
        if has_posted_credits(way, posted):
            winner = posted
    if not lane_empty(&way.nonposted):
        nonposted = <Tlp*>lane_front(&way.nonposted)
        if nonposted.age < oldest_posted and (not way.finite_nph or way.nph >= 1):
            winner = nonposted
    if not lane_empty(&way.completion):
        completion = <Tlp*>lane_front(&way.completion)
        if completion.age < oldest_posted and (winner == NULL or completion.age < winner.age):
            winner = completion
    if winner == NULL:
        return
    way.flying = winner[0]
    if winner == posted:
        way.ph -= 1
        way.pd -= data_credits(posted.nbytes)
        lane_pop(&way.posted)
    elif winner == nonposted:
        way.nph -= 1
        lane_pop(&way.nonposted)
    elif winner.kind == TLP_COMPLETION:
        chunk = completion_chunk(nic, winner.address, winner.nbytes)
        way.flying.nbytes = chunk
        way.flying.wire_bytes = completion_tlp_bytes(chunk)
        way.flying.last = chunk == winner.nbytes
        winner.address += chunk
        winner.nbytes -= chunk
        if winner.nbytes == 0:
            lane_pop(&way.completion)
    else:
        lane_pop(&way.completion)
    occupy(nic, way, way.flying.ready, way.flying.wire_bytes)
    way.tlps += 1
    way.tlp_bytes += way.flying.wire_bytes
    set_when(nic, way.end_rank, round_up(way.free))


# ---- deciding --------------------------------------------------------------------------------------

cdef void blame_lines(Nic* nic, Direction* way, bint busy) noexcept nogil:
    cdef int else_cause = CAUSE_SERVER if busy else CAUSE_TURN
    cdef int posted_cause = CAUSE_NONE, cause
    cdef uint64_t oldest_posted = ~<uint64_t>0
    cdef Tlp* head
    if not lane_empty(&way.posted):
        head = <Tlp*>lane_front(&way.posted)
        oldest_posted = head.age
        posted_cause = else_cause if has_posted_credits(way, head) else CAUSE_POOL
    blame(nic, way.line, posted_cause)
    cause = CAUSE_NONE
    if not lane_empty(&way.nonposted):
        if way.finite_nph and way.nph < 1:
            cause = CAUSE_POOL
        else:
            cause = posted_cause if oldest_posted < (<Tlp*>lane_front(&way.nonposted)).age else else_cause
    blame(nic, way.line + 1, cause)
    cause = CAUSE_NONE
    if not lane_empty(&way.completion):
        cause = posted_cause if oldest_posted < (<Tlp*>lane_front(&way.completion)).age else else_cause
    blame(nic, way.line + 2, cause)


cdef inline bint falls_due_now(Nic* nic, int64_t due, int64_t* next_due) noexcept nogil:
    """Is this due by now? If not, it may be what falls due next."""
    if due <= nic.now:
        return True
    next_due[0] = earliest(next_due[0], due)
    return False


cdef void decide_direction(Nic* nic, Direction* way) noexcept nogil:
    """UPSTREAM or DOWNSTREAM: one transfer, if the link is free and anything may go."""
    cdef int64_t next_due = NEVER
    cdef bint waits
    if way.free <= nic.now << 10 and not start_dllp(nic, way):
        start_tlp(nic, way)
    waits = falls_due_now(nic, way.skp_due, &next_due)
    waits |= falls_due_now(nic, way.ack_due, &next_due)
    waits |= falls_due_now(nic, earliest(way.p_due, way.p_idle), &next_due)
    waits |= falls_due_now(nic, earliest(way.np_due, way.np_idle), &next_due)
    if next_due != way.dllp_at:
        way.dllp_at = next_due
        set_when(nic, RANK_DLLP, earliest(nic.up.dllp_at, nic.down.dllp_at))
    waits |= not (lane_empty(&way.posted) and lane_empty(&way.nonposted) and lane_empty(&way.completion))
    if waits and way.free > nic.now << 10 and way.retry_at == NEVER:
        way.retry_at = round_up(way.free)
        note_retry(nic)
    blame_lines(nic, way, way.free > nic.now << 10)
