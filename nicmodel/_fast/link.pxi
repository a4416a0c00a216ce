"""The two directions of the PCIe link (`docs/time.md`, 2).

A direction does one transfer at a time and knows nothing of its clients: it moves the oldest eligible TLP and
hands it over at its end. Each direction also carries the DLLPs its sender owes (`dllps`). It wakes by itself once: when
it is free and something waits, or when a DLLP may go that somebody waits for. So what joins a line of a busy link leaves the
arbiter alone (`wait_for_link`), unless a credit is missing. A read request or a completion that finds
nobody before it or beside it starts where it would join its line: the arbiter, asked later in the instant, would decide
the same (`send_request`, `send_completions`). RO, IDO, turns, completion credits and retraining are in `passing`.

What either direction does is one function in C, not one for each that calls it: the code of a packet's way is about as
large as the processor's first cache for it.

The credits a sender holds are kept as their number, limit minus consumed. The door lets a receiver advertise no
more than half of what a count has room for, so this says the same as the modular test of the page.
"""


# ---- lines ----------------------------------------------------------------------------------------

cdef inline int line_number(Direction* way, Lane* line) noexcept nogil:
    """Its LINE_."""
    return way.line + (0 if line == &way.posted else 1 if line == &way.nonposted else 2)


cdef inline bint all_may_go(Nic* nic, Direction* way) noexcept nogil:
    """Has every TLP that waits here or may come its credits, and do no rules apply?"""
    return way.ph >= 1 and way.nph >= 1 and way.pd >= data_credits(nic.mps) and not way.rules


cdef inline void wait_for_link(Nic* nic, Direction* way, Lane* line) noexcept nogil:
    """A TLP has joined a line, and the link is busy: that is what the line waits for, and there is nothing to decide before."""
    cdef int number = line_number(way, line)
    if lane_count(line) == 1:
        way.blamed |= cause_byte(CAUSE_SERVER, number - way.line)
        blame(nic, number, CAUSE_SERVER)
    if when(nic, way.wake) != ceil_ps(way.free):
        set_wake(nic, way, ceil_ps(way.free))


cdef inline void queue_tlp(Nic* nic, Direction* way, Lane* line, int32_t index) noexcept nogil:
    """A TLP joins a line of the direction."""
    cdef Tlp* tlp = &nic.tlps[index]
    tlp.age = way.age
    tlp.ready = nic.now
    way.age += 1
    way.waiting += 1
    push_index(nic, line, index)
    if way.free > ticks(nic.now) and all_may_go(nic, way):
        wait_for_link(nic, way, line)
    else:
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


cdef enum:
    TICK_BITS = 10


if 1 << TICK_BITS != TICKS_PER_PS:
    raise ModelBug("a ps has another number of ticks")


cdef inline int64_t ticks(int64_t ps) noexcept nogil:
    """A time in ticks."""
    return ps << TICK_BITS


cdef inline int64_t ceil_ps(int64_t time) noexcept nogil:
    """A time in ticks as ps, rounded up."""
    return (time + TICKS_PER_PS - 1) >> TICK_BITS


cdef inline int64_t start_time(int64_t free, int64_t ready, int64_t now) noexcept nogil:
    """When the winner of a decision at `now` starts, in ticks: at once after its predecessor if it was ready in time."""
    return free if free > ticks(now - 1) and ready < now else ticks(now)


cdef inline void set_byte_ticks(Nic* nic, int64_t byte_ticks) noexcept nogil:
    """The link's byte time, and with it that of either direction."""
    nic.up.byte_ticks = byte_ticks * nic.up.share // WHOLE_SHARE
    nic.down.byte_ticks = byte_ticks * nic.down.share // WHOLE_SHARE


cdef inline void occupy(Direction* way, int64_t time, int64_t ready, int64_t nbytes) noexcept nogil:
    """A transfer that was ready at `ready` starts by the decision of `time`."""
    cdef int64_t lasts = nbytes * way.byte_ticks
    way.free = start_time(way.free, ready, time) + lasts
    way.busy_ticks += lasts


# ---- starting a transfer ---------------------------------------------------------------------------

cdef inline bint has_posted_credits(Direction* way, Tlp* tlp) noexcept nogil:
    return way.ph >= 1 and way.pd >= data_credits(tlp.nbytes)


cdef inline int32_t completion_chunk(Nic* nic, uint64_t address, int32_t left) noexcept nogil:
    """Bytes of the next completion of a read of which `left` bytes from `address` on are unanswered."""
    cdef int32_t room
    if unlikely(nic.split_rcb):
        room = nic.rcb - <int32_t>(address & (nic.rcb - 1))
    elif left <= nic.mps:
        return left
    else:
        room = <int32_t>(((address + nic.mps) & ~<uint64_t>(nic.rcb - 1)) - address)
    return left if left < room else room


cdef inline void prefetch_end(Nic* nic, Tlp* tlp) noexcept nogil:
    """What the end of a payload's read will look at is brought into the cache."""
    if tlp.klass == CLASS_PAYLOAD:
        prefetch(&nic.rows[tlp.ref])
        prefetch(&nic.rings[tlp.ring].ready)
        prefetch_stamp(nic, tlp.ref, STAGE_DATA_FETCHED)


cdef inline int32_t start_completion(Nic* nic, Direction* way, Tlp* tlp) noexcept nogil:
    """A read's completions wait as one item and leave one by one; bytes of this one on the link."""
    cdef int32_t chunk
    if unlikely(tlp.kind != TLP_COMPLETION):
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
    if tlp.value == 0:
        prefetch_end(nic, tlp)
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
        tlp = &nic.tlps[index]
        oldest_posted = tlp.age
        if has_posted_credits(way, tlp):
            winner = index
            age = oldest_posted
    if not lane_empty(&way.nonposted):
        index = front_index(&way.nonposted)
        tlp = &nic.tlps[index]
        if tlp.age < oldest_posted and way.nph >= 1:
            winner = index
            age = tlp.age
            line = 1
    if not lane_empty(&way.completion):
        index = front_index(&way.completion)
        tlp = &nic.tlps[index]
        if tlp.age < oldest_posted and tlp.age < age:
            winner = index
            line = 2
    if unlikely(winner < 0):
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
    send_tlp(nic, way, partner, winner, nbytes, True)


cdef void send_tlp(Nic* nic, Direction* way, Direction* partner, int32_t winner, int32_t nbytes, bint from_line) noexcept nogil:
    """The TLP is on the link, out of its line or past it, and what follows from that."""
    cdef Tlp* tlp = &nic.tlps[winner]
    occupy(way, nic.now, tlp.ready, nbytes)
    way.tlps += 1
    way.tlp_bytes += nbytes
    way.flying = winner
    way.flying_kind = tlp.kind
    way.last_end = ceil_ps(way.free)
    if nic.books and from_line:
        leave_link(nic, way, winner, nbytes)
    elif nic.books:
        pass_link(nic, way, winner, nbytes)
    note_arrival(nic, partner, way.last_end)
    if way == &nic.up:
        reach_root(nic, winner, way.last_end)
    else:
        set_when(nic, RANK_DOWN_END, way.last_end)


cdef inline bint is_idle(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """Nothing waits, nothing flies or is due, nobody waits for a credit, and no rules apply: the arbiter would start what is
    ready now. DLLPs that could start before now have."""
    catch_up(nic, way)
    catch_up(nic, partner)
    return (way.waiting == 0 and way.free <= ticks(nic.now) and way.next_due > nic.now
            and not (way.rules | way.starved | partner.starved))


cdef inline void send_request(Nic* nic, int32_t index) noexcept nogil:
    """A read request takes the way up; at once if it is the only one of this instant and nobody else may want it."""
    cdef Direction* way = &nic.up
    if nic.touched & TAGS_TO_UPSTREAM or not is_idle(nic, way, &nic.down) or way.nph < 1:
        queue_tlp(nic, way, &way.nonposted, index)
        return
    nic.tlps[index].ready = nic.now
    way.nph -= 1
    send_tlp(nic, way, &nic.down, index, nic.tlps[index].wire_bytes, False)


cdef inline void queue_completions(Nic* nic, int32_t index) noexcept nogil:
    """All completions of a read join the way down as one item, which the link cuts as they leave."""
    cdef Tlp* tlp = &nic.tlps[index]
    tlp.kind = TLP_COMPLETION
    tlp.value = tlp.nbytes
    queue_tlp(nic, &nic.down, &nic.down.completion, index)


cdef inline void send_completions(Nic* nic, int32_t index) noexcept nogil:
    """A read is answered; at once if by one completion, if no other is in this instant, and if nobody else wants the way
    down."""
    cdef Direction* way = &nic.down
    cdef Tlp* tlp = &nic.tlps[index]
    if (when(nic, RANK_READ_DONE) == nic.now or when(nic, RANK_DOWN_END) != NEVER or not is_idle(nic, way, &nic.up)
            or completion_chunk(nic, tlp.address, tlp.nbytes) < tlp.nbytes):
        queue_completions(nic, index)
        return
    tlp.kind = TLP_COMPLETION
    tlp.ready = nic.now
    way.flying_last = True
    prefetch_end(nic, tlp)
    send_tlp(nic, way, &nic.up, index, completion_tlp_bytes(nic, tlp.nbytes), False)


# ---- deciding --------------------------------------------------------------------------------------

cdef inline void blame_lines(Nic* nic, Direction* way, bint busy) noexcept nogil:
    """What each of the three lines waits for; the books are opened only if that has changed."""
    cdef int32_t cause = CAUSE_SERVER if busy else CAUSE_TURN
    if likely(all_may_go(nic, way)):
        open_books(nic, way, byte_of_line(&way.posted, cause, 0) | byte_of_line(&way.nonposted, cause, 1)
                   | byte_of_line(&way.completion, cause, 2))
        way.starved = False
        return
    blame_lacking(nic, way, cause)
    way.starved = blames(way.blamed, CAUSE_POOL)


cdef void blame_lacking(Nic* nic, Direction* way, int32_t else_cause) noexcept nogil:
    """Likewise, where some TLP may lack a credit."""
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
    open_books(nic, way, three_causes(posted_cause, nonposted_cause, completion_cause))


cdef inline void open_books(Nic* nic, Direction* way, int32_t causes) noexcept nogil:
    """The causes of its three lines are these."""
    cdef int32_t changed = way.blamed ^ causes
    way.blamed = causes
    if changed & 255:
        blame(nic, way.line, cause_in(causes, 0))
    if changed >> 8 & 255:
        blame(nic, way.line + 1, cause_in(causes, 1))
    if changed >> 16:
        blame(nic, way.line + 2, cause_in(causes, 2))


cdef void decide_direction(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """UPSTREAM or DOWNSTREAM: one transfer, if the link is free and anything may go."""
    cdef int64_t now = ticks(nic.now)
    catch_up(nic, way)
    catch_up(nic, partner)
    if likely(way.free <= now):
        if unlikely(way.next_due <= nic.now):
            start_dllp(nic, way, nic.now, nic.now)
        elif likely(way.waiting):
            start_tlp(nic, way, partner)
    if way.waiting or way.blamed:
        blame_lines(nic, way, way.free > now)
    if unlikely(way.starved | way.wants) and nic.books:
        review_credits(nic, way)
    wake_direction(nic, way, partner.starved)
    if unlikely(way.starved):
        send_overdue(nic, partner, nic.now + 1, nic.now)
        wake_direction(nic, partner, True)


cdef inline void wake_direction(Nic* nic, Direction* way, bint watched) noexcept nogil:
    """It decides again when the link is free, if anything waits for that, or when a DLLP may go that somebody waits for."""
    cdef int64_t wake = NEVER
    if way.waiting and way.free > ticks(nic.now):
        wake = ceil_ps(way.free)
    elif unlikely(watched):
        wake = max(way.next_due, ceil_ps(way.free))
    if wake != when(nic, way.wake):
        set_wake(nic, way, wake)
