"""The two directions of the PCIe link (`docs/time.md`, 2).

A direction does one transfer at a time and knows nothing of its clients: it moves the oldest eligible TLP and
hands it over at its end. Each direction also carries the DLLPs its sender owes: Acks and UpdateFCs for what
came the other way. It wakes by itself once: when it is free and something waits, or when the next DLLP is due
and it is free. RO, IDO, turns, completion credits and retraining are in `passing`.

The credits a sender holds are kept as their number, limit minus consumed. The door lets a receiver advertise no
more than half of what a count has room for, so this says the same as the modular test of the page.
"""


# ---- TLPs ------------------------------------------------------------------------------------------

cdef inline int32_t memory_tlp_bytes(uint64_t address, int32_t payload) noexcept nogil:
    """Twin of `pcie_link.memory_tlp_bytes`."""
    return FRAMING_BYTES + (HEADER_4DW_BYTES if address >> 32 else HEADER_3DW_BYTES) + ((payload + 3) & ~3)


cdef inline int32_t completion_tlp_bytes(int32_t payload) noexcept nogil:
    """Twin of `pcie_link.completion_tlp_bytes`."""
    return FRAMING_BYTES + COMPLETION_HEADER_BYTES + ((payload + 3) & ~3)


cdef inline int64_t data_credits(int32_t payload) noexcept nogil:
    return (payload + DATA_CREDIT_BYTES - 1) >> 4


cdef bint tlps_grow(Nic* nic) noexcept nogil:
    """More slots, chained. When memory has run out slot 0 serves: the run stops after this instant."""
    cdef int32_t room = 64 if nic.num_tlps == 0 else 2 * nic.num_tlps, each
    cdef Tlp* tlps = <Tlp*>realloc(nic.tlps, room * sizeof(Tlp))
    cdef Side* sides
    if tlps == NULL:
        latch(nic, FAULT_MEMORY, 6, room)
        return False
    nic.tlps = tlps
    sides = <Side*>realloc(nic.sides, room * sizeof(Side))
    if sides == NULL:
        latch(nic, FAULT_MEMORY, 11, room)
        return False
    nic.sides = sides
    memset(sides + nic.num_tlps, 0, (room - nic.num_tlps) * sizeof(Side))
    if nic.books and not tlp_books_grow(nic, room):
        return False
    for each in range(nic.num_tlps, room):
        tlps[each].ref = each + 1 if each + 1 < room else -1
    nic.free_tlp = nic.num_tlps
    nic.num_tlps = room
    return True


cdef inline int32_t tlp_new(Nic* nic, int kind) noexcept nogil:
    """An unused slot; the last one freed, for it is in the cache. Pointers to TLPs are void after this call."""
    cdef int32_t index
    if unlikely(nic.free_tlp < 0):
        if not tlps_grow(nic):
            return 0
    index = nic.free_tlp
    nic.free_tlp = nic.tlps[index].ref
    nic.tlps[index].kind = <uint8_t>kind
    nic.tlps[index].ring = -1
    return index


cdef inline void tlp_free(Nic* nic, int32_t index) noexcept nogil:
    nic.tlps[index].ref = nic.free_tlp
    nic.free_tlp = index


cdef inline void queue_tlp(Nic* nic, Direction* way, Lane* line, int32_t index) noexcept nogil:
    """A TLP joins a line of the direction."""
    cdef Tlp* tlp = &nic.tlps[index]
    tlp.age = way.age
    tlp.ready = nic.now
    way.age += 1
    way.waiting += 1
    push_index(nic, line, index)
    touch(nic, way.arbiter)
    if nic.books:
        join_link(nic, line_number(way, line), index)


cdef inline void queue_posted(Nic* nic, Direction* way, int32_t index) noexcept nogil:
    """A posted TLP joins its line."""
    queue_tlp(nic, way, &way.posted, index)
    if unlikely(nic.ido):
        note_posted(nic, way, index)


# ---- link time -------------------------------------------------------------------------------------

cdef inline int64_t earliest(int64_t left, int64_t right) noexcept nogil:
    return left if left < right else right


cdef inline int64_t start_tick(int64_t now, int64_t free, int64_t ready) noexcept nogil:
    """When the winner of a decision at `now` starts: at once after its predecessor if it was there in time."""
    if free > (now - 1) << 10 and ready < now:
        return free
    return now << 10


cdef inline int64_t round_up(int64_t ticks) noexcept nogil:
    return (ticks + 1023) >> 10


cdef inline void occupy(Nic* nic, Direction* way, int64_t ready, int64_t nbytes) noexcept nogil:
    cdef int64_t ticks = nbytes * nic.pcie_ticks
    way.free = start_tick(nic.now, way.free, ready) + ticks
    way.busy_ticks += ticks


# ---- what falls due --------------------------------------------------------------------------------

cdef inline void find_next_due(Direction* way) noexcept nogil:
    way.next_due = earliest(earliest(way.skp_due, way.ack_due),
                            earliest(earliest(way.p_due, way.p_idle), earliest(way.np_due, way.np_idle)))
    if unlikely(way.reports_c):
        way.next_due = earliest(way.next_due, earliest(way.c_due, way.c_idle))


cdef inline void note_due(Nic* nic, Direction* way, int64_t due) noexcept nogil:
    """A DLLP falls due on this direction: it can go once the link is free."""
    cdef int64_t wake
    if due < way.next_due:
        way.next_due = due
    if due <= nic.now:
        touch(nic, way.arbiter)
        return
    wake = round_up(way.free)
    if wake < due:
        wake = due
    if wake < nic.when[way.wake]:
        set_when(nic, way.wake, wake)


cdef inline void note_arrival(Nic* nic, Direction* other, int64_t time) noexcept nogil:
    """A TLP has started that arrives at `time`; `other` is the direction its Ack takes. Only the first uncovered counts."""
    if other.ack_due == NEVER:
        other.ack_for = time
        other.ack_due = time + nic.ack
        note_due(nic, other, other.ack_due)


cdef inline void note_release(Nic* nic, Direction* other, int64_t* first, int64_t* due, int64_t time) noexcept nogil:
    """Credits are released at `time`: if nothing unreported was released before, their UpdateFC is due later."""
    if time < first[0]:
        first[0] = time
        due[0] = time + nic.fc
        note_due(nic, other, due[0])


cdef inline void release_posted(Nic* nic, Direction* other, int32_t payload, int64_t time) noexcept nogil:
    """The receiver has room, or will have, for one more write of this size; `other` reports it."""
    if not other.reports_p:
        return
    if time > nic.now:
        push_timed(nic, &other.p_releases, time, <int32_t>data_credits(payload))
    else:
        other.owed_ph += 1
        other.owed_pd += data_credits(payload)
    note_release(nic, other, &other.p_first, &other.p_due, time)


cdef inline void release_nonposted(Nic* nic, Direction* other, int64_t time) noexcept nogil:
    """The receiver has room, or will have, for one more read request; `other` reports it."""
    if not other.reports_np:
        return
    if time > nic.now:
        push_timed(nic, &other.np_releases, time, 1)
    else:
        other.owed_nph += 1
    note_release(nic, other, &other.np_first, &other.np_due, time)


cdef void collect_releases(Direction* way, int64_t time) noexcept nogil:
    """What has been released by `time` is owed."""
    while front_time(&way.p_releases) <= time:
        way.owed_ph += 1
        way.owed_pd += front_timed(&way.p_releases).index
        lane_pop(&way.p_releases)
    while front_time(&way.np_releases) <= time:
        way.owed_nph += 1
        lane_pop(&way.np_releases)
    while front_time(&way.c_releases) <= time:
        way.owed_ch += 1
        way.owed_cd += front_timed(&way.c_releases).index
        lane_pop(&way.c_releases)


cdef inline bint take_credits(Nic* nic, Direction* way) noexcept nogil:
    """If what has just landed is an UpdateFC, its receiver gains the credits."""
    if likely(way.flying_kind < UPDATE_P):
        return False
    land_update(nic, way, &nic.down if way == &nic.up else &nic.up)
    return True


cdef void land_update(Nic* nic, Direction* way, Direction* sender) noexcept nogil:
    if way.flying_kind == UPDATE_P:
        sender.ph += way.update_headers
        sender.pd += way.update_data
    elif way.flying_kind == UPDATE_NP:
        sender.nph += way.update_headers
    else:
        sender.ch += way.update_headers
        sender.cd += way.update_data
    if nic.books and sender == &nic.up:
        report_credits(nic, way.flying_kind, way.update_headers, way.update_data)
    if sender.waiting:
        touch(nic, sender.arbiter)


# ---- starting a transfer ---------------------------------------------------------------------------

cdef void start_update(Nic* nic, Direction* way, int kind, int64_t due, int64_t headers, int64_t data) noexcept nogil:
    """An UpdateFC starts: what it carries is final, the sender has it at its end."""
    way.flying_kind = <uint8_t>kind
    way.update_headers = headers
    way.update_data = data
    occupy(nic, way, due, DLLP_BYTES)
    way.dllp_bytes += DLLP_BYTES
    set_when(nic, way.end_rank, round_up(way.free))


cdef inline int64_t find_report(Nic* nic, Lane* releases, int64_t* first) noexcept nogil:
    """When an UpdateFC is due for the `first` release that the last one did not report."""
    first[0] = front_time(releases)
    return NEVER if first[0] == NEVER else first[0] + nic.fc


cdef void start_dllp(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """Start what is due, in the order SKP, Ack, UpdateFC-P, UpdateFC-NP, UpdateFC-Cpl."""
    collect_releases(way, nic.now)
    if way.skp_due <= nic.now:
        occupy(nic, way, way.skp_due, nic.skp_bytes)
        way.skp_bytes += nic.skp_bytes
        way.skp_due = way.skp_due + nic.skp if nic.skp > 0 else NEVER
    elif way.ack_due <= nic.now:
        occupy(nic, way, way.ack_due, DLLP_BYTES)
        way.dllp_bytes += DLLP_BYTES
        way.ack_for = partner.last_end
        way.ack_due = partner.last_end + nic.ack if partner.last_end > nic.now else NEVER
    elif way.p_due <= nic.now or way.p_idle <= nic.now:
        start_update(nic, way, UPDATE_P, earliest(way.p_due, way.p_idle), way.owed_ph, way.owed_pd)
        way.owed_ph = way.owed_pd = 0
        way.p_due = find_report(nic, &way.p_releases, &way.p_first)
        way.p_idle = nic.now + UPDATE_FC_IDLE_PS
    elif way.np_due <= nic.now or way.np_idle <= nic.now:
        start_update(nic, way, UPDATE_NP, earliest(way.np_due, way.np_idle), way.owed_nph, 0)
        way.owed_nph = 0
        way.np_due = find_report(nic, &way.np_releases, &way.np_first)
        way.np_idle = nic.now + UPDATE_FC_IDLE_PS
    else:
        start_update(nic, way, UPDATE_C, earliest(way.c_due, way.c_idle), way.owed_ch, way.owed_cd)
        way.owed_ch = way.owed_cd = 0
        way.c_due = find_report(nic, &way.c_releases, &way.c_first)
        way.c_idle = nic.now + UPDATE_FC_IDLE_PS
    find_next_due(way)


cdef inline bint has_posted_credits(Direction* way, Tlp* tlp) noexcept nogil:
    return way.ph >= 1 and way.pd >= data_credits(tlp.nbytes)


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


cdef inline int32_t start_completion(Nic* nic, Direction* way, Tlp* tlp) noexcept nogil:
    """A read's completions wait as one item and leave one by one; bytes of this one on the link."""
    cdef int32_t chunk
    if tlp.kind != TLP_COMPLETION:
        lane_pop(&way.completion)
        way.waiting -= 1
        return tlp.wire_bytes
    chunk = completion_chunk(nic, tlp.address, <int32_t>tlp.value)
    tlp.address += chunk
    tlp.value -= chunk
    if tlp.value == 0:
        lane_pop(&way.completion)
        way.waiting -= 1
    way.flying_last = tlp.value == 0
    return completion_tlp_bytes(chunk)


cdef inline void start_tlp(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """Start the oldest eligible TLP, if any."""
    cdef Tlp* tlp
    cdef int32_t winner = -1, index, nbytes
    cdef uint64_t oldest_posted = ~<uint64_t>0, age = ~<uint64_t>0
    cdef int line = 0
    if unlikely(way.rules):
        start_by_rules(nic, way, partner)
        return
    if not lane_empty(&way.posted):
        index = front_index(&way.posted)
        oldest_posted = nic.tlps[index].age
        if has_posted_credits(way, &nic.tlps[index]):
            winner = index
            age = oldest_posted
    if not lane_empty(&way.nonposted):
        index = front_index(&way.nonposted)
        if nic.tlps[index].age < oldest_posted and way.nph >= 1:
            winner = index
            age = nic.tlps[index].age
            line = 1
    if not lane_empty(&way.completion):
        index = front_index(&way.completion)
        if nic.tlps[index].age < oldest_posted and nic.tlps[index].age < age:
            winner = index
            line = 2
    if winner < 0:
        return
    tlp = &nic.tlps[winner]
    nbytes = tlp.wire_bytes
    if line == 0:
        way.ph -= 1
        way.pd -= data_credits(tlp.nbytes)
        lane_pop(&way.posted)
        way.waiting -= 1
    elif line == 1:
        way.nph -= 1
        lane_pop(&way.nonposted)
        way.waiting -= 1
    else:
        nbytes = start_completion(nic, way, tlp)
    send_tlp(nic, way, partner, winner, nbytes)


cdef inline void send_tlp(Nic* nic, Direction* way, Direction* partner, int32_t winner, int32_t nbytes) noexcept nogil:
    """The TLP is on the link, and what follows from that."""
    cdef Tlp* tlp = &nic.tlps[winner]
    occupy(nic, way, tlp.ready, nbytes)
    way.tlps += 1
    way.tlp_bytes += nbytes
    way.flying = winner
    way.flying_kind = tlp.kind
    way.last_end = round_up(way.free)
    if nic.books:
        leave_link(nic, way, winner, nbytes)
    note_arrival(nic, partner, way.last_end)
    if way == &nic.up:
        reach_root(nic, winner, way.last_end)
    else:
        set_when(nic, RANK_DOWN_END, way.last_end)


# ---- deciding --------------------------------------------------------------------------------------

cdef inline void blame_lines(Nic* nic, Direction* way, bint busy) noexcept nogil:
    """What each of the three lines waits for; the books are opened only if that has changed."""
    cdef int else_cause = CAUSE_SERVER if busy else CAUSE_TURN
    cdef int posted_cause = CAUSE_NONE, nonposted_cause = CAUSE_NONE, completion_cause = CAUSE_NONE
    cdef uint64_t oldest_posted = ~<uint64_t>0
    cdef Tlp* head
    if unlikely(way.rules):
        open_books(nic, way, causes_by_rules(nic, way, else_cause))
        return
    if not lane_empty(&way.posted):
        head = &nic.tlps[front_index(&way.posted)]
        oldest_posted = head.age
        posted_cause = else_cause if has_posted_credits(way, head) else CAUSE_POOL
    if not lane_empty(&way.nonposted):
        nonposted_cause = else_cause
        if way.nph < 1:
            nonposted_cause = CAUSE_POOL
        elif posted_cause != else_cause and oldest_posted < nic.tlps[front_index(&way.nonposted)].age:
            nonposted_cause = posted_cause
    if not lane_empty(&way.completion):
        completion_cause = else_cause
        if posted_cause != else_cause and oldest_posted < nic.tlps[front_index(&way.completion)].age:
            completion_cause = posted_cause
    open_books(nic, way, (posted_cause + 1) | (nonposted_cause + 1) << 8 | (completion_cause + 1) << 16)


cdef inline void open_books(Nic* nic, Direction* way, int all_causes) noexcept nogil:
    """The causes of three lines, plus one, a byte each."""
    if way.blamed != all_causes:
        way.blamed = all_causes
        blame(nic, way.line, (all_causes & 255) - 1)
        blame(nic, way.line + 1, (all_causes >> 8 & 255) - 1)
        blame(nic, way.line + 2, (all_causes >> 16) - 1)


cdef inline void decide_direction(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """UPSTREAM or DOWNSTREAM: one transfer, if the link is free and anything may go."""
    cdef bint busy
    cdef int64_t wake = way.next_due
    if way.free <= nic.now << 10:
        if wake <= nic.now:
            start_dllp(nic, way, partner)
            wake = way.next_due
        elif way.waiting:
            start_tlp(nic, way, partner)
    busy = way.free > nic.now << 10
    if busy and (way.waiting or wake < round_up(way.free)):
        wake = round_up(way.free)
    if wake != nic.when[way.wake]:
        set_when(nic, way.wake, wake)
    if way.waiting or way.blamed:
        blame_lines(nic, way, busy)
