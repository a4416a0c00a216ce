"""The books (`docs/time.md`, 10): what TLPs wait for, a hook at each place where one joins a line or leaves it.

A wait is mostly a difference of two times, for a line blames somebody as long as anything waits in it; the clock of one
cause says what part of it that cause has. So a carrier notes when it joined, and of its line's clocks no more than
it needs. Who follows takes over what the one before has waited; of packets that is `rows`. Nothing here decides, and nobody
enters without `Nic.books`.
"""

cdef inline TlpBook* tlp_book(Nic* nic, int32_t index) noexcept nogil:
    return &nic.ledger.tlps[index]


cdef inline RowBook* row_book(Nic* nic, int32_t index) noexcept nogil:
    return &nic.ledger.rows[index]


cdef inline int64_t clock_at(Nic* nic, int line, int cause, int64_t time) noexcept nogil:
    """What a line's clock of a cause shows at `time`, the one that runs included."""
    return nic.line_clock[line][cause] + (time - nic.line_since[line] if nic.line_cause[line] == cause else 0)


cdef inline int64_t waits_from(Nic* nic, int line) noexcept nogil:
    """From when on what joins a core line now waits: at once if others do, else from the arbiter's first decision."""
    return nic.now if nic.line_cause[line] == CAUSE_SERVER else nic.edge


# ---- links -----------------------------------------------------------------------------------------

cdef inline void join_link(Nic* nic, int line, int32_t index) noexcept nogil:
    """A TLP joins its line."""
    cdef TlpBook* book = tlp_book(nic, index)
    book.entered = clock_at(nic, line, CAUSE_POOL, nic.now)
    if line == LINE_DOWN_COMPLETION:
        join_completions(nic, index, book)
    elif line <= LINE_UP_NONPOSTED:
        sample_entry(nic, line, SERVED_UP, &book.sample)


cdef inline int64_t credits_lacked(Nic* nic, int line, TlpBook* book) noexcept nogil:
    """How long a TLP that leaves its line has been in it while the head lacked a credit."""
    return clock_at(nic, line, CAUSE_POOL, nic.now) - book.entered


cdef inline void start_up(Nic* nic, Tlp* tlp, TlpBook* book) noexcept nogil:
    """A TLP leaves for the root complex."""
    cdef RowBook* row
    cdef int64_t waited = nic.now - tlp.ready, lacked
    if tlp.kind == TLP_READ:
        book.waits.up_credits = credits_lacked(nic, LINE_UP_NONPOSTED, book)
        book.waits.up_link = waited - book.waits.up_credits
        book.walkers = book.waits.write_order = 0
        take_nonposted(nic)
        return
    if unlikely(tlp.kind == TLP_ANSWER):
        return
    take_posted(nic, data_credits(tlp.nbytes))
    if tlp.kind == TLP_RX_WRITEBACK:
        row = row_book(nic, tlp.ref)
        lacked = credits_lacked(nic, LINE_UP_POSTED, book)
        row.up_credits = brief(nic, tlp.ref, WAIT_UP_CREDITS, lacked)
        row.up_link = brief(nic, tlp.ref, WAIT_UP_LINK, waited - lacked)
        row.write_order = row.walkers = row.last = 0
    elif tlp.kind == TLP_RX_PAYLOAD:
        book.waits.up_link = waited


cdef inline int64_t payload_waited(Nic* nic, Tlp* tlp) noexcept nogil:
    """How long a payload's TLP has waited for the link."""
    return tlp_book(nic, <int32_t>(tlp - nic.tlps)).waits.up_link if nic.books else 0


cdef inline void start_down(Nic* nic, Tlp* tlp, TlpBook* book) noexcept nogil:
    """An access, or a completion: the last one of a read, which has waited since they were queued, or the first of them was."""
    if tlp.kind == TLP_REGISTER_WRITE:
        book.waits.down_credits = credits_lacked(nic, LINE_DOWN_POSTED, book)
        book.waits.down_link = nic.now - tlp.ready - book.waits.down_credits
        take_for_access(nic, tlp.nbytes)
    elif tlp.kind == TLP_COMPLETION and nic.down.flying_last:
        book.waits.down_credits = credits_lacked(nic, LINE_DOWN_COMPLETION, book)
        book.waits.down_link = nic.now - book.since - book.waits.down_credits


cdef inline void leave_link(Nic* nic, Direction* way, int32_t index, int64_t nbytes) noexcept nogil:
    """A TLP starts."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef TlpBook* book = tlp_book(nic, index)
    cdef int server = SERVED_UP if way == &nic.up else SERVED_DOWN
    if server == SERVED_UP:
        start_up(nic, tlp, book)
    else:
        start_down(nic, tlp, book)
    if unlikely(book.sample):
        end_samples(nic, server, tlp, book)
    serve(nic, server, tlp.function, nbytes * way.byte_ticks)


cdef inline void pass_link(Nic* nic, Direction* way, int32_t index, int64_t nbytes) noexcept nogil:
    """A read request or its one completion starts where it would join its line: it counts among the entries, and has waited
    for nothing."""
    cdef TlpBook* book = tlp_book(nic, index)
    if way == &nic.up:
        is_sampled(nic, LINE_UP_NONPOSTED)
        book.waits.up_credits = book.waits.up_link = book.walkers = book.waits.write_order = 0
        take_nonposted(nic)
        serve(nic, SERVED_UP, nic.tlps[index].function, nbytes * way.byte_ticks)
    else:
        is_sampled(nic, LINE_DOWN_COMPLETION)
        book.waits.down_credits = book.waits.down_link = book.own = 0
        serve(nic, SERVED_DOWN, nic.tlps[index].function, nbytes * way.byte_ticks)


cdef void forget_tlp(Nic* nic, int32_t index) noexcept nogil:
    """A TLP has been taken out of its line."""
    forget_sample(nic, &tlp_book(nic, index).sample)


# ---- requests --------------------------------------------------------------------------------------

cdef inline void join_tags(Nic* nic, int klass, int32_t index) noexcept nogil:
    """A request is asked for. Many wait long for a tag: until then its notes are in fields of its own that it needs later.
    Caps and pacing can only be in its way with `tag_rules`."""
    cdef TlpBook* book
    cdef int line = LINE_RX_DESCRIPTOR + klass
    nic.tlps[index].ready = nic.now
    nic.tlps[index].value = clock_at(nic, line, CAUSE_POOL, nic.now)
    if unlikely(nic.tag_rules):
        book = tlp_book(nic, index)
        book.own = clock_at(nic, line, CAUSE_OWN, nic.now)
        book.since = clock_at(nic, line, CAUSE_SERVER, nic.now)


cdef inline void leave_tags(Nic* nic, int32_t index) noexcept nogil:
    """A request has its tag and its room."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef TlpBook* book = tlp_book(nic, index)
    cdef int line = LINE_RX_DESCRIPTOR + tlp.klass
    nic.ledger.grants[TAGS] += 1
    take_tag(nic, tlp, book)
    book.tag_cap = book.dma_issue = 0
    book.asked = tlp.ready
    if book.asked == nic.now:
        book.waits.tags = book.waits.read_buffer = 0
        return
    if unlikely(nic.tag_rules):
        book.tag_cap = clock_at(nic, line, CAUSE_OWN, nic.now) - book.own
        book.dma_issue = clock_at(nic, line, CAUSE_SERVER, nic.now) - book.since
    book.waits.tags = clock_at(nic, line, CAUSE_POOL, nic.now) - tlp.value
    book.waits.read_buffer = nic.now - book.asked - book.waits.tags - book.tag_cap - book.dma_issue


cdef inline int64_t held_up(Nic* nic, int64_t write_order) noexcept nogil:
    """Of a read's wait for the writes before it, what is more than the time any write takes: that much is no queueing."""
    return max(0, write_order - nic.write_latency)


cdef inline int64_t write_held_up(Nic* nic, int64_t write_order) noexcept nogil:
    """And of a write's, what is more than the time any walk takes."""
    return max(0, write_order - nic.iommu.walk_ps)


cdef inline int64_t waited_with_tag(Nic* nic, TlpBook* book) noexcept nogil:
    """How long an answered request has queued since it had its tag."""
    return (book.waits.up_credits + book.waits.up_link + book.walkers + held_up(nic, book.waits.write_order)
            + book.waits.down_credits + max(0, book.waits.down_link - book.own))


# ---- accesses --------------------------------------------------------------------------------------

cdef void join_port(Nic* nic, int32_t index) noexcept nogil:
    tlp_book(nic, index).since = waits_from(nic, LINE_ACCESS)


cdef void leave_port(Nic* nic, int32_t index) noexcept nogil:
    nic.ledger.grants[REGISTER_PORT] += 1
    tlp_book(nic, index).port = nic.now - tlp_book(nic, index).since


cdef void blame_port(Nic* nic) noexcept nogil:
    """REGISTER_PORT has decided."""
    blame(nic, LINE_ACCESS, CAUSE_NONE if lane_empty(&nic.accesses) else CAUSE_SERVER)


cdef void note_doorbell(Nic* nic, Doorbell* doorbell, Tlp* tlp) noexcept nogil:
    """A doorbell takes effect: descriptors that it covers take over what it has waited."""
    cdef TlpBook* book = tlp_book(nic, <int32_t>(tlp - nic.tlps))
    doorbell.down_credits = book.waits.down_credits
    doorbell.down_link = book.waits.down_link
    doorbell.register_port = book.port


# ---- the root complex ------------------------------------------------------------------------------

cdef void reach_memory(Nic* nic, int32_t index) noexcept nogil:
    """A TLP is at the root complex."""
    tlp_book(nic, index).since = nic.now
    tlp_book(nic, index).walkers = tlp_book(nic, index).waits.write_order = 0


cdef void settle_served_walks(Nic* nic, int64_t before) noexcept nogil:
    """Walks that are foreseen and begin before this time have; one in SAMPLE notes, when it enters its line, what has been
    served. Who enters when another begins is first."""
    cdef Iommu* iommu = &nic.iommu
    cdef PlannedWalk* walk
    cdef PlannedWalk* entering
    cdef int64_t begins
    while iommu.begun < iommu.planned.tail:
        walk = planned_at(iommu, iommu.begun)
        begins = walk.done - iommu.walk_ps
        if unlikely(iommu.sampled < iommu.planned.tail):
            entering = planned_at(iommu, iommu.sampled)
            if entering.arrives < before and entering.arrives <= begins:
                take_sample(nic, SERVED_WALKERS, &entering.sample, 0)
                iommu.sampled += SAMPLE
                continue
        if begins >= before:
            return
        if unlikely(walk.sample):
            end_sample(nic, &walk.sample, SERVED_WALKERS, walk.function)
        serve(nic, SERVED_WALKERS, walk.function, iommu.walk_ps)
        nic.ledger.grants[WALKERS] += 1
        iommu.begun += 1


cdef void start_walk(Nic* nic, Walk* walk) noexcept nogil:
    """A walk begins: its TLPs have waited for a walker."""
    cdef int32_t index = walk.first
    nic.ledger.grants[WALKERS] += 1
    while index >= 0:
        tlp_book(nic, index).walkers = nic.now - tlp_book(nic, index).since
        index = nic.sides[index].next_in_walk
    if walk.sample:
        end_sample(nic, &walk.sample, SERVED_WALKERS, walk.function)
    serve(nic, SERVED_WALKERS, walk.function, nic.iommu.walk_ps)


cdef void leave_order(Nic* nic, int32_t index, int64_t time) noexcept nogil:
    """Its commit is set to `time`."""
    note_written(nic, &nic.tlps[index], time)
    wait_in_order(nic, index, nic.now - tlp_book(nic, index).since)


cdef void wait_in_order(Nic* nic, int32_t index, int64_t waited) noexcept nogil:
    """What a write waits from when it is translated until its commit is set. Its packet takes that over, and what it has waited
    for a walker."""
    cdef TlpBook* book = tlp_book(nic, index)
    cdef Tlp* tlp = &nic.tlps[index]
    cdef RowBook* row
    book.waits.write_order = waited
    if tlp.kind == TLP_RX_WRITEBACK:
        row = row_book(nic, tlp.ref)
        row.write_order = brief(nic, tlp.ref, WAIT_WRITE_ORDER, waited)
        row.walkers = brief(nic, tlp.ref, WAIT_WALKERS, book.walkers)
