"""The rest of the link (`docs/time.md`, 2): who may pass whom by RO and IDO, lines in turns, credits of completions,
completions of several reads in turns, and retraining.

A direction with none of these never comes here. With IDO, posted TLPs of one function are chained, so that its oldest
is known at once.
"""

cdef enum:
    POSTED_LINE = 0
    NONPOSTED_LINE = 1
    COMPLETION_LINE = 2


# ---- who may pass ----------------------------------------------------------------------------------

cdef void note_posted(Nic* nic, Direction* way, int32_t index) noexcept nogil:
    """A posted TLP is the youngest of its function that waits."""
    cdef int32_t function = nic.tlps[index].function
    nic.sides[index].next = -1
    if way.first_posted[function] < 0:
        way.first_posted[function] = index
    else:
        nic.sides[way.last_posted[function]].next = index
    way.last_posted[function] = index


cdef void note_posted_anew(Nic* nic, Direction* way) noexcept nogil:
    """TLPs have been taken out of the posted line."""
    cdef int32_t function
    cdef uint64_t position
    if not nic.ido:
        return
    for function in range(nic.num_functions):
        way.first_posted[function] = -1
    for position in range(way.posted.head, way.posted.tail):
        note_posted(nic, way, index_at(&way.posted, position))


cdef inline bint is_relaxed(Nic* nic, Tlp* tlp) noexcept nogil:
    """The RO attribute of a completion: that of its read."""
    return nic.relaxed and tlp.kind == TLP_COMPLETION and tlp.klass == CLASS_PAYLOAD


cdef inline bint is_held(Nic* nic, Direction* way, Tlp* tlp) noexcept nogil:
    """Does an older posted TLP wait that this head of another line may not pass?"""
    cdef int32_t oldest
    if is_relaxed(nic, tlp):
        return False
    if nic.ido:
        oldest = way.first_posted[tlp.function]
    else:
        oldest = -1 if lane_empty(&way.posted) else front_index(&way.posted)
    return oldest >= 0 and nic.tlps[oldest].age < tlp.age


cdef inline int64_t completion_credits(Nic* nic, Tlp* tlp) noexcept nogil:
    """Data credits of the next completion."""
    if tlp.kind != TLP_COMPLETION:
        return data_credits(tlp.nbytes)
    return data_credits(completion_chunk(nic, tlp.address, <int32_t>tlp.value))


cdef inline bint has_credits(Nic* nic, Direction* way, int line, Tlp* tlp) noexcept nogil:
    if line == POSTED_LINE:
        return has_posted_credits(way, tlp)
    if line == NONPOSTED_LINE:
        return way.nph >= 1
    return way.ch >= 1 and way.cd >= completion_credits(nic, tlp)


cdef inline Lane* line_of(Direction* way, int line) noexcept nogil:
    return &way.posted if line == POSTED_LINE else &way.nonposted if line == NONPOSTED_LINE else &way.completion


# ---- whose turn it is ------------------------------------------------------------------------------

cdef int choose_line(Nic* nic, Direction* way) noexcept nogil:
    """The line whose head goes next, or -1: the oldest eligible head, or the first in turns."""
    cdef uint64_t age = ~<uint64_t>0
    cdef int step, line, chosen = -1
    cdef Tlp* head
    for step in range(3):
        line = step
        if way.by_turns:
            line = way.turn + step
            if line >= 3:
                line -= 3
        if lane_empty(line_of(way, line)):
            continue
        head = &nic.tlps[front_index(line_of(way, line))]
        if head.age >= age or not has_credits(nic, way, line, head):
            continue
        if line != POSTED_LINE and is_held(nic, way, head):
            continue
        if way.by_turns:
            return line
        age = head.age
        chosen = line
    return chosen


cdef void release_completion(Nic* nic, Direction* other, int64_t data, int64_t time) noexcept nogil:
    """A completion will have arrived, and its buffer is free at once; `other` reports it."""
    if not other.reports_c:
        return
    push_timed(nic, &other.c_releases, time, <int32_t>data)
    note_release(nic, other, &other.c_first, &other.c_due, time)


cdef void start_by_rules(Nic* nic, Direction* way, Direction* partner) noexcept nogil:
    """Start the TLP that goes next by the rules of this link, if any."""
    cdef int line = choose_line(nic, way)
    cdef int32_t index, nbytes
    cdef int64_t data
    cdef Tlp* tlp
    if line < 0:
        return
    index = front_index(line_of(way, line))
    tlp = &nic.tlps[index]
    way.turn = line + 1 if line < 2 else 0
    if line == COMPLETION_LINE:
        data = completion_credits(nic, tlp)
        nbytes = start_completion(nic, way, tlp)
        way.ch -= 1
        way.cd -= data
        if nic.books and way == &nic.down:
            take_for_completion(nic, data)
        send_tlp(nic, way, partner, index, nbytes, True)
        release_completion(nic, partner, data, way.last_end)
        if nic.interleaved and tlp.kind == TLP_COMPLETION and tlp.value:
            lane_pop(&way.completion)       # its next one comes behind those of other reads
            push_index(nic, &way.completion, index)
            tlp.ready = nic.now
            tlp.age = way.age
            way.age += 1
            if nic.books:
                sample_completions(nic, index, 1)   # it waits on where the one before it did
        return
    lane_pop(line_of(way, line))
    way.waiting -= 1
    if line == NONPOSTED_LINE:
        way.nph -= 1
    else:
        way.ph -= 1
        way.pd -= data_credits(tlp.nbytes)
        if nic.ido:
            way.first_posted[tlp.function] = nic.sides[index].next
    send_tlp(nic, way, partner, index, tlp.wire_bytes, True)


cdef int cause_of(Nic* nic, Direction* way, int line, int posted_cause, int else_cause) noexcept nogil:
    """What a line waits for."""
    cdef Tlp* head
    if lane_empty(line_of(way, line)):
        return CAUSE_NONE
    head = &nic.tlps[front_index(line_of(way, line))]
    if not has_credits(nic, way, line, head):
        return CAUSE_POOL
    return posted_cause if line != POSTED_LINE and is_held(nic, way, head) else else_cause


cdef int32_t causes_by_rules(Nic* nic, Direction* way, int else_cause) noexcept nogil:
    """The causes of its three lines as `open_books` takes them."""
    cdef int posted_cause = cause_of(nic, way, POSTED_LINE, CAUSE_NONE, else_cause)
    return three_causes(posted_cause, cause_of(nic, way, NONPOSTED_LINE, posted_cause, else_cause),
                        cause_of(nic, way, COMPLETION_LINE, posted_cause, else_cause))


# ---- retraining ------------------------------------------------------------------------------------

cdef void review_due(Nic* nic, int64_t* first, int64_t* due, int64_t delay) noexcept nogil:
    """What has not happened yet falls due by the new delay."""
    if due[0] != NEVER and first[0] >= nic.now:
        due[0] = first[0] + delay


cdef void retrain_way(Nic* nic, Direction* way, int64_t duration) noexcept nogil:
    """Nothing starts before the end of the retrain; releases and arrivals to come were reckoned with the old delays."""
    cdef int64_t end = ticks(nic.now + duration)
    if way.free != way.stalled:
        way.ended = way.free
    if end > way.free:
        way.stalled = way.free = end
    if way.skp_due == NEVER and nic.skp > 0:
        way.skp_due = nic.now + nic.skp
    review_due(nic, &way.p_first, &way.p_due, nic.fc)
    review_due(nic, &way.np_first, &way.np_due, nic.fc)
    review_due(nic, &way.c_first, &way.c_due, nic.fc)
    review_due(nic, &way.ack_for, &way.ack_due, nic.ack)
    update_next_due(way)
    touch(nic, way.arbiter)


cdef void retrain(Nic* nic, int64_t* words) noexcept nogil:
    """The table `retrain`: duration, then what a generation and a width decide."""
    catch_up(nic, &nic.up)
    catch_up(nic, &nic.down)
    answer_reads(nic, nic.now)
    set_byte_ticks(nic, words[1])
    nic.ack = words[2]
    nic.fc = words[3]
    update_answer_slack(nic)
    nic.skp = words[4]
    nic.skp_bytes = words[5]
    retrain_way(nic, &nic.up, words[0])
    retrain_way(nic, &nic.down, words[0])
