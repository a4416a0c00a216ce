"""Starts by plan (`docs/time.md`, 2): when a TLP joins the way up it is mostly known when it will start.

The oldest TLP goes first, so one that has its credits starts when the one before it has ended, unless a DLLP is in between. Those
that are not due yet fall due no earlier than `foresight` from now. Such a TLP joins no line: its start is noted, and
what follows from the start is carried out at the beginning of the first instant after it, which is before anybody can tell.

  queue_up           a TLP joins the way up: its start is known, or it waits in its line
  settle_starts      starts that have come
  take_back_starts   those that have not are taken back into their lines

The way up either plans or has lines. Who cannot be planned takes back what has not started; so does who revokes, and the end of
a run, for what comes then is not known. The way down is not worth it: nearly every completion has an event at its end.
"""

# ---- a plan ----------------------------------------------------------------------------------------

cdef void plan_ahead(Nic* nic) noexcept nogil:
    """How far, by the delays of the link and of the host. What waits for others at the root complex comes as it happens."""
    nic.foresight = 0 if nic.root_rules else min(nic.ack, nic.fc)
    nic.lateness = 0 if nic.iommu.plans else min(nic.foresight, nic.write_latency, nic.read_latency)


cdef inline int64_t latest_look(Nic* nic, Tlp* tlp, int64_t end) noexcept nogil:
    """By when somebody has to look at what follows from a start; the transfer ends at `end`, in ticks."""
    if tlp.kind == TLP_READ and (tlp.klass != CLASS_PAYLOAD or nic.payload != PAYLOAD_LENGTHS):
        return round_up(end)            # it samples memory then
    return round_up(end) + nic.lateness


cdef int64_t next_look(Nic* nic) noexcept nogil:
    """By when at those that are planned; NEVER if none is."""
    cdef int64_t look = NEVER
    cdef uint64_t position
    cdef Timed* start
    cdef Tlp* tlp
    for position in range(nic.starts.head, nic.starts.tail):
        start = <Timed*>lane_at(&nic.starts, position)
        tlp = &nic.tlps[start.index]
        look = earliest(look, latest_look(nic, tlp, start.time + tlp.wire_bytes * nic.pcie_ticks))
    return look


cdef inline bint is_foreseen(Nic* nic, Tlp* tlp) noexcept nogil:
    """Is it known that it will start when the link is free, and what follows from that?"""
    cdef Direction* way = &nic.up
    cdef int64_t time = max(round_up(way.free), nic.now)
    return (way.next_due > time and time - nic.now < nic.foresight and way.waiting == 0 and all_may_go(nic, way)
            and not is_message_domain(nic, tlp.domain))


cdef inline void plan_start(Nic* nic, int32_t index) noexcept nogil:
    """It starts behind those before it, and has its credits from now on."""
    cdef Direction* way = &nic.up
    cdef Tlp* tlp = &nic.tlps[index]
    cdef int64_t start = max(way.free, nic.now << 10), look
    tlp.age = way.age
    tlp.ready = nic.now
    way.age += 1
    way.free = start + tlp.wire_bytes * nic.pcie_ticks
    push_timed(nic, &nic.starts, start, index)
    nic.begun = earliest(nic.begun, round_up(start) + 1)
    if tlp.kind == TLP_READ:
        way.nph -= 1
    else:
        way.ph -= 1
        way.pd -= data_credits(tlp.nbytes)
    if nic.books:
        sample_entry(nic, line_of_planned(tlp), SERVED_UP, &tlp_book(nic, index).sample)
    look = latest_look(nic, tlp, way.free)
    if look < nic.when[WAKE_UP]:
        set_wake(nic, way, look)


cdef void queue_up(Nic* nic, Lane* line, int32_t index) noexcept nogil:
    """A read request or a write takes the way up."""
    if likely(is_foreseen(nic, &nic.tlps[index])):
        plan_start(nic, index)
    else:
        queue_up_anyway(nic, line, index)


cdef void queue_up_anyway(Nic* nic, Lane* line, int32_t index) noexcept nogil:
    """It may only seem that a DLLP is in between: one that has gone."""
    catch_up(nic, &nic.up)
    if is_foreseen(nic, &nic.tlps[index]):
        plan_start(nic, index)
    else:
        queue_in_line(nic, line, index)


cdef void queue_in_line(Nic* nic, Lane* line, int32_t index) noexcept nogil:
    """A TLP waits for the arbiter of the way up."""
    take_back_starts(nic)
    if line == &nic.up.posted:
        queue_posted(nic, &nic.up, index)
    else:
        queue_tlp(nic, &nic.up, line, index)


# ---- it comes --------------------------------------------------------------------------------------

cdef inline int line_of_planned(Tlp* tlp) noexcept nogil:
    return LINE_UP_NONPOSTED if tlp.kind == TLP_READ else LINE_UP_POSTED


cdef inline int64_t waits_in_line(Nic* nic, int line, Tlp* tlp) noexcept nogil:
    """From when on a planned TLP alone has made its line wait."""
    return max(tlp.ready, nic.line_since[line])


cdef inline void begin_planned(Nic* nic, int32_t index, int64_t start, int64_t seen) noexcept nogil:
    """A start has come; nothing has happened since. DLLPs before it have ended if it was by `seen`."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef int64_t time = round_up(start), ticks = tlp.wire_bytes * nic.pcie_ticks, end = round_up(start + ticks)
    cdef int line = line_of_planned(tlp)
    if nic.down.next_due < time:
        send_overdue(nic, &nic.down, time, seen)
    nic.up.busy_ticks += ticks
    nic.up.tlps += 1
    nic.up.tlp_bytes += tlp.wire_bytes
    nic.up.last_end = end
    nic.line_clock[line][CAUSE_SERVER] += time - waits_in_line(nic, line, tlp)
    nic.line_since[line] = time
    if nic.books:
        leave_plan(nic, index, time, ticks)
    note_arrival(nic, &nic.down, end)
    reach_root(nic, index, end)


cdef inline int64_t next_begun(Nic* nic) noexcept nogil:
    """The first planned start has come at an instant from then on."""
    return NEVER if lane_empty(&nic.starts) else round_up(front_timed(&nic.starts).time) + 1


cdef void settle_starts(Nic* nic, int64_t before) noexcept nogil:
    """Planned starts before this time have come."""
    cdef Timed* start
    at(nic, RANK_CALL)      # before any event of this instant
    while nic.begun <= before:
        check(nic, not lane_empty(&nic.starts), HOLDS_STARTS, nic.begun)
        start = front_timed(&nic.starts)
        begin_planned(nic, start.index, start.time, max(nic.now, before - 1))
        lane_pop(&nic.starts)
        nic.begun = next_begun(nic)


# ---- or it is taken back ---------------------------------------------------------------------------

cdef void return_to_line(Nic* nic, int32_t index) noexcept nogil:
    """A planned TLP waits in its line, as if it had joined it."""
    cdef Direction* way = &nic.up
    cdef Tlp* tlp = &nic.tlps[index]
    cdef int line = line_of_planned(tlp)
    if tlp.kind == TLP_READ:
        way.nph += 1
        push_index(nic, &way.nonposted, index)
    else:
        way.ph += 1
        way.pd += data_credits(tlp.nbytes)
        push_index(nic, &way.posted, index)
    way.waiting += 1
    if nic.line_cause[line] == CAUSE_NONE:
        blame_from(nic, line, CAUSE_SERVER, waits_in_line(nic, line, tlp))
        way.blamed |= (CAUSE_SERVER + 1) << 8 * (line - way.line)
    if nic.books:
        tlp_book(nic, index).entered = clock_at(nic, line, CAUSE_POOL, nic.now)


cdef void take_back_starts(Nic* nic) noexcept nogil:
    """Planned TLPs that have not started wait in their lines."""
    cdef uint64_t position
    cdef int64_t time
    if lane_empty(&nic.starts):
        return
    nic.up.free = front_timed(&nic.starts).time
    time = round_up(nic.up.free)
    for position in range(nic.starts.head, nic.starts.tail):
        return_to_line(nic, (<Timed*>lane_at(&nic.starts, position)).index)
    lane_clear(&nic.starts)
    nic.begun = NEVER
    if time > nic.now:
        set_wake(nic, &nic.up, time)
    else:
        touch(nic, UPSTREAM)
