"""DLLPs (`docs/time.md`, 2): Acks, UpdateFCs and SKPs that a direction owes for what came the other way.

While the other end does not lack a credit nobody waits for them: they are sent afterwards, with their own times, before
anybody looks at the direction (`catch_up`).
"""

# ---- what falls due --------------------------------------------------------------------------------

cdef inline void update_next_due(Direction* way) noexcept nogil:
    way.next_due = earliest(earliest(way.skp_due, way.ack_due),
                            earliest(earliest(way.p_due, way.p_idle), earliest(way.np_due, way.np_idle)))
    if unlikely(way.reports_c):
        way.next_due = earliest(way.next_due, earliest(way.c_due, way.c_idle))


cdef inline void set_wake(Nic* nic, Direction* way, int64_t time) noexcept nogil:
    """The direction's arbiter is touched at `time`."""
    check(nic, time > nic.now, HOLDS_ORDER, way.wake)
    nic.due[way.wake] = due_key(time, way.wake)
    update_link_due(nic)


cdef inline void note_due(Nic* nic, Direction* way, int64_t due) noexcept nogil:
    """A DLLP falls due on this direction: it can go once the link is free."""
    if due < way.next_due:
        way.next_due = due
    if unlikely(due <= nic.now):
        touch(nic, way.arbiter)
    elif unlikely(partner_of(nic, way).starved):
        due = max(due, ceil_ps(way.free))
        if due < when(nic, way.wake):
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
    if unlikely(not other.reports_p):
        return
    if time > nic.now:
        push_timed(nic, &other.p_releases, time, <int32_t>data_credits(payload))
    else:
        catch_up(nic, other)
        other.owed_ph += 1
        other.owed_pd += data_credits(payload)
    note_release(nic, other, &other.p_first, &other.p_due, time)


cdef inline void release_nonposted(Nic* nic, Direction* other, int64_t time) noexcept nogil:
    """The receiver has room, or had or will have it, for one more read request; `other` reports it."""
    if unlikely(not other.reports_np):
        return
    if time != nic.now:
        push_timed(nic, &other.np_releases, time, 1)
    else:
        catch_up(nic, other)
        other.owed_nph += 1
    note_release(nic, other, &other.np_first, &other.np_due, time)


cdef inline void collect_releases(Lane* releases, int64_t time, int64_t* headers, int64_t* data) noexcept nogil:
    """What has been released of a pool by `time` is owed, too."""
    while front_time(releases) <= time:
        headers[0] += 1
        data[0] += front_timed(releases).index
        lane_pop(releases)


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
    if nic.books:
        report_credits(nic, sender, way.flying_kind, way.update_headers, way.update_data, time)
    if sender.waiting:
        touch(nic, sender.arbiter)


# ---- they go ---------------------------------------------------------------------------------------

cdef void start_update(Nic* nic, Direction* way, int64_t time, int64_t seen, int kind, int64_t due, int64_t headers,
                       int64_t data) noexcept nogil:
    """An UpdateFC starts: what it carries is final, the sender has it at its end, which may have passed by `seen`."""
    way.flying_kind = <uint8_t>kind
    way.update_headers = headers
    way.update_data = data
    occupy(way, time, due, DLLP_BYTES)
    way.dllp_bytes += DLLP_BYTES
    if ceil_ps(way.free) > seen:
        set_when(nic, way.end_rank, ceil_ps(way.free))
    else:
        land_update(nic, way, ceil_ps(way.free))


cdef inline int64_t report_due(Nic* nic, Lane* releases, int64_t* first) noexcept nogil:
    """When an UpdateFC is due for the `first` release that the last one did not report."""
    first[0] = front_time(releases)
    return NEVER if first[0] == NEVER else first[0] + nic.fc


cdef void start_dllp(Nic* nic, Direction* way, int64_t time, int64_t seen) noexcept nogil:
    """Start what is due at `time`, at or before `seen`, in the order SKP, Ack, UpdateFC-P, UpdateFC-NP, UpdateFC-Cpl."""
    cdef Direction* partner = partner_of(nic, way)
    cdef int64_t none = 0
    if way.skp_due <= time:
        occupy(way, time, way.skp_due, nic.skp_bytes)
        way.skp_bytes += nic.skp_bytes
        way.skp_due = way.skp_due + nic.skp if nic.skp > 0 else NEVER
    elif way.ack_due <= time:
        occupy(way, time, way.ack_due, DLLP_BYTES)
        way.dllp_bytes += DLLP_BYTES
        way.ack_for = partner.last_end
        way.ack_due = partner.last_end + nic.ack if partner.last_end > time else NEVER
    elif way.p_due <= time or way.p_idle <= time:
        collect_releases(&way.p_releases, time, &way.owed_ph, &way.owed_pd)
        start_update(nic, way, time, seen, UPDATE_P, earliest(way.p_due, way.p_idle), way.owed_ph, way.owed_pd)
        way.owed_ph = way.owed_pd = 0
        way.p_due = report_due(nic, &way.p_releases, &way.p_first)
        way.p_idle = time + UPDATE_FC_IDLE_PS
    elif way.np_due <= time or way.np_idle <= time:
        answer_reads(nic, time + 1)
        collect_releases(&way.np_releases, time, &way.owed_nph, &none)
        start_update(nic, way, time, seen, UPDATE_NP, earliest(way.np_due, way.np_idle), way.owed_nph, 0)
        way.owed_nph = 0
        way.np_due = report_due(nic, &way.np_releases, &way.np_first)
        way.np_idle = time + UPDATE_FC_IDLE_PS
    else:
        collect_releases(&way.c_releases, time, &way.owed_ch, &way.owed_cd)
        start_update(nic, way, time, seen, UPDATE_C, earliest(way.c_due, way.c_idle), way.owed_ch, way.owed_cd)
        way.owed_ch = way.owed_cd = 0
        way.c_due = report_due(nic, &way.c_releases, &way.c_first)
        way.c_idle = time + UPDATE_FC_IDLE_PS
    update_next_due(way)


cdef void send_overdue(Nic* nic, Direction* way, int64_t before, int64_t seen) noexcept nogil:
    """DLLPs that could start before this time have, and have ended if it was by `seen`: no TLP was in their way, and
    nobody waited for what they carry."""
    cdef int64_t time = max(way.next_due, ceil_ps(way.free))
    while time < before:
        start_dllp(nic, way, time, seen)
        time = max(way.next_due, ceil_ps(way.free))


cdef inline void catch_up(Nic* nic, Direction* way) noexcept nogil:
    """DLLPs of this direction that could start before now have."""
    if way.next_due < nic.now:
        send_overdue(nic, way, nic.now, nic.now)
