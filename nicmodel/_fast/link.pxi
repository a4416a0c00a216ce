"""The two directions of the PCIe link (`docs/time.md`, 2).

A direction does one transfer at a time and knows nothing of its clients: it moves the oldest eligible TLP and
hands it over at its end. Each direction also carries the DLLPs its sender owes: Acks and UpdateFCs for what
came the other way. It wakes by itself once: when it is free and something waits, or when the next DLLP is due
and it is free. While the other end does not wait for credits DLLPs are sent afterwards, with their own times
(`catch_up`). RO, IDO, turns, completion credits and retraining are in `passing`.

The credits a sender holds are kept as their number, limit minus consumed. The door lets a receiver advertise no
more than half of what a count has room for, so this says the same as the modular test of the page.
"""


# ---- TLPs ------------------------------------------------------------------------------------------

cdef inline int32_t memory_tlp_bytes(Nic* nic, uint64_t address, int32_t payload) noexcept nogil:
    """Twin of `pcie_link.memory_tlp_bytes`, with the digest."""
    return nic.framing + (HEADER_4DW_BYTES if address >> 32 else HEADER_3DW_BYTES) + ((payload + 3) & ~3)


cdef inline int32_t completion_tlp_bytes(Nic* nic, int32_t payload) noexcept nogil:
    """Twin of `pcie_link.completion_tlp_bytes`, with the digest."""
    return nic.framing + COMPLETION_HEADER_BYTES + ((payload + 3) & ~3)


cdef inline int64_t data_credits(int32_t payload) noexcept nogil:
    return (payload + DATA_CREDIT_BYTES - 1) >> 4


cdef bint tlps_grow(Nic* nic) noexcept nogil:
    """More slots, chained. False when memory has run out."""
    cdef int32_t room = 64 if nic.num_tlps == 0 else 2 * nic.num_tlps, each
    cdef Side* sides
    nic.tlps = <Tlp*>lines_grow(nic.tlps, nic.num_tlps * sizeof(Tlp), room * sizeof(Tlp), &nic.tlp_memory)
    if nic.tlp_memory.full:
        latch(nic, FAULT_MEMORY, ROOM_TLPS, room * <int64_t>sizeof(Tlp))
        return False
    sides = <Side*>realloc(nic.sides, room * sizeof(Side))
    if sides == NULL:
        latch(nic, FAULT_MEMORY, ROOM_TLPS, room * <int64_t>sizeof(Side))
        return False
    nic.sides = sides
    memset(sides + nic.num_tlps, 0, (room - nic.num_tlps) * sizeof(Side))
    if nic.books and not tlp_books_grow(nic, room):
        return False
    for each in range(nic.num_tlps, room):
        nic.tlps[each].ref = each + 1 if each + 1 < room else -1
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


cdef inline void occupy(Nic* nic, Direction* way, int64_t time, int64_t ready, int64_t nbytes) noexcept nogil:
    """A transfer starts by the decision of `time`."""
    cdef int64_t ticks = nbytes * nic.pcie_ticks
    way.free = start_tick(time, way.free, ready) + ticks
    way.busy_ticks += ticks


# ---- what falls due --------------------------------------------------------------------------------

cdef inline void find_next_due(Direction* way) noexcept nogil:
    way.next_due = earliest(earliest(way.skp_due, way.ack_due),
                            earliest(earliest(way.p_due, way.p_idle), earliest(way.np_due, way.np_idle)))
    if unlikely(way.reports_c):
        way.next_due = earliest(way.next_due, earliest(way.c_due, way.c_idle))


cdef inline void set_wake(Nic* nic, Direction* way, int64_t time) noexcept nogil:
    """The direction's arbiter is touched at `time`."""
    cdef int64_t* when = nic.when
    when[way.wake] = time
    nic.link_when = earliest_of(when[RANK_READ_DONE], when[RANK_DOWN_END], when[WAKE_UP], when[WAKE_DOWN])


cdef inline void note_due(Nic* nic, Direction* way, int64_t due) noexcept nogil:
    """A DLLP falls due on this direction: it can go once the link is free."""
    if due < way.next_due:
        way.next_due = due
    if due <= nic.now:
        touch(nic, way.arbiter)
    elif unlikely(partner_of(nic, way).starved):
        due = max(due, round_up(way.free))
        if due < nic.when[way.wake]:
            set_wake(nic, way, due)


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
    catch_up(nic, other)
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
    catch_up(nic, other)
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
    land_update(nic, way, nic.now)
    return True


cdef inline Direction* partner_of(Nic* nic, Direction* way) noexcept nogil:
    return &nic.down if way == &nic.up else &nic.up


cdef void land_update(Nic* nic, Direction* way, int64_t time) noexcept nogil:
    """Its last byte was there at `time`."""
    cdef Direction* sender = partner_of(nic, way)
    if way.flying_kind == UPDATE_P:
        sender.ph += way.update_headers
        sender.pd += way.update_data
    elif way.flying_kind == UPDATE_NP:
        sender.nph += way.update_headers
    else:
        sender.ch += way.update_headers
        sender.cd += way.update_data
    if nic.books and sender == &nic.up:
        report_credits(nic, way.flying_kind, way.update_headers, way.update_data, time)
    if sender.waiting:
        touch(nic, sender.arbiter)


# ---- starting a transfer ---------------------------------------------------------------------------

cdef void start_update(Nic* nic, Direction* way, int64_t time, int64_t seen, int kind, int64_t due, int64_t headers,
                       int64_t data) noexcept nogil:
    """An UpdateFC starts: what it carries is final, the sender has it at its end, which may have passed by `seen`."""
    way.flying_kind = <uint8_t>kind
    way.update_headers = headers
    way.update_data = data
    occupy(nic, way, time, due, DLLP_BYTES)
    way.dllp_bytes += DLLP_BYTES
    if round_up(way.free) > seen:
        set_when(nic, way.end_rank, round_up(way.free))
    else:
        land_update(nic, way, round_up(way.free))


cdef inline int64_t find_report(Nic* nic, Lane* releases, int64_t* first) noexcept nogil:
    """When an UpdateFC is due for the `first` release that the last one did not report."""
    first[0] = front_time(releases)
    return NEVER if first[0] == NEVER else first[0] + nic.fc


cdef void start_dllp(Nic* nic, Direction* way, int64_t time, int64_t seen) noexcept nogil:
    """Start what is due at `time`, at or before `seen`, in the order SKP, Ack, UpdateFC-P, UpdateFC-NP, UpdateFC-Cpl."""
    cdef Direction* partner = partner_of(nic, way)
    collect_releases(way, time)
    if way.skp_due <= time:
        occupy(nic, way, time, way.skp_due, nic.skp_bytes)
        way.skp_bytes += nic.skp_bytes
        way.skp_due = way.skp_due + nic.skp if nic.skp > 0 else NEVER
    elif way.ack_due <= time:
        occupy(nic, way, time, way.ack_due, DLLP_BYTES)
        way.dllp_bytes += DLLP_BYTES
        way.ack_for = partner.last_end
        way.ack_due = partner.last_end + nic.ack if partner.last_end > time else NEVER
    elif way.p_due <= time or way.p_idle <= time:
        start_update(nic, way, time, seen, UPDATE_P, earliest(way.p_due, way.p_idle), way.owed_ph, way.owed_pd)
        way.owed_ph = way.owed_pd = 0
        way.p_due = find_report(nic, &way.p_releases, &way.p_first)
        way.p_idle = time + UPDATE_FC_IDLE_PS
    elif way.np_due <= time or way.np_idle <= time:
        start_update(nic, way, time, seen, UPDATE_NP, earliest(way.np_due, way.np_idle), way.owed_nph, 0)
        way.owed_nph = 0
        way.np_due = find_report(nic, &way.np_releases, &way.np_first)
        way.np_idle = time + UPDATE_FC_IDLE_PS
    else:
        start_update(nic, way, time, seen, UPDATE_C, earliest(way.c_due, way.c_idle), way.owed_ch, way.owed_cd)
        way.owed_ch = way.owed_cd = 0
        way.c_due = find_report(nic, &way.c_releases, &way.c_first)
        way.c_idle = time + UPDATE_FC_IDLE_PS
    find_next_due(way)


cdef void send_overdue(Nic* nic, Direction* way, int64_t before, int64_t seen) noexcept nogil:
    """DLLPs that could start before this time have, and have ended if it was by `seen`: no TLP was in their way, and
    nobody waited for what they carry."""
    cdef int64_t time = max(way.next_due, round_up(way.free))
    while time < before:
        start_dllp(nic, way, time, seen)
        time = max(way.next_due, round_up(way.free))


cdef inline void catch_up(Nic* nic, Direction* way) noexcept nogil:
    """DLLPs of this direction that could start before now have."""
    if way.next_due < nic.now:
        send_overdue(nic, way, nic.now, nic.now)


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
    if tlp.value == 0 and tlp.klass == CLASS_PAYLOAD:
        prefetch(&nic.rows[tlp.ref])
        prefetch(&nic.rings[tlp.ring].rows)
    return completion_tlp_bytes(nic, chunk)


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
    occupy(nic, way, nic.now, tlp.ready, nbytes)
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


cdef inline bint blames_pool(int32_t causes) noexcept nogil:
    """Does a line wait for credits?"""
    return (causes & 255) == CAUSE_POOL + 1 or (causes >> 8 & 255) == CAUSE_POOL + 1 or causes >> 16 == CAUSE_POOL + 1


cdef inline void open_books(Nic* nic, Direction* way, int all_causes) noexcept nogil:
    """The causes of three lines, plus one, a byte each."""
    if way.blamed != all_causes:
        way.blamed = all_causes
        blame(nic, way.line, (all_causes & 255) - 1)
        blame(nic, way.line + 1, (all_causes >> 8 & 255) - 1)
        blame(nic, way.line + 2, (all_causes >> 16) - 1)


cdef inline void decide_direction(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """UPSTREAM or DOWNSTREAM: one transfer, if the link is free and anything may go."""
    cdef int64_t now = nic.now << 10
    catch_up(nic, way)
    catch_up(nic, partner)
    if way.free <= now:
        if unlikely(way.next_due <= nic.now):
            start_dllp(nic, way, nic.now, nic.now)
        elif way.waiting:
            start_tlp(nic, way, partner)
    if way.waiting or way.blamed:
        blame_lines(nic, way, way.free > now)
        way.starved = blames_pool(way.blamed)
    wake_direction(nic, way, partner.starved)
    if unlikely(way.starved):
        send_overdue(nic, partner, nic.now + 1, nic.now)
        wake_direction(nic, partner, True)


cdef inline void wake_direction(Nic* nic, Direction* way, bint watched) noexcept nogil:
    """It decides again when the link is free, if anything waits for that, or when a DLLP may go that somebody waits for."""
    cdef int64_t wake = NEVER
    if way.waiting and way.free > nic.now << 10:
        wake = round_up(way.free)
    elif watched:
        wake = max(way.next_due, round_up(way.free))
    if wake != nic.when[way.wake]:
        set_wake(nic, way, wake)
