"""The root complex with IDO or an IOMMU (`docs/time.md`, 3): what becomes of a TLP is known when it is there.

  start_to_root   a TLP has started on its way up
  arrive_at_root  it is there: it joins its scope, and its page is looked up (iommu)
  translated      it may touch memory as soon as its scope lets it
  settle          a scope's TLPs in order of arrival, up to the first write that is not translated
  commit_at_root  a write is visible

Every commit is set to `write_latency` after the moment of setting, so commits are visible in the order in which they
were set: that lane needs no sorting, RO or not.
"""

cdef inline Scope* scope_of(Nic* nic, int32_t function) noexcept nogil:
    return &nic.scopes[function if nic.ido else 0]


cdef void start_to_root(Nic* nic, int32_t index, int64_t end) noexcept nogil:
    cdef Side* side = &nic.sides[index]
    side.at_root = nic.tlps[index].kind != TLP_READ and nic.tlps[index].kind != TLP_ANSWER      # an answer ends as it arrives
    side.shift = <uint8_t>shift_of(nic, nic.tlps[index].domain) if nic.tlps[index].domain >= 0 else 0
    side.translated = side.settled = 0
    side.relaxed = nic.relaxed and nic.tlps[index].kind == TLP_RX_PAYLOAD
    set_when(nic, RANK_UP_END, end)


cdef void arrive_at_root(Nic* nic, int32_t index) noexcept nogil:
    """The last byte of a write, a message or a read is here."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef bint message_domain = is_message_domain(nic, tlp.domain)
    if tlp.kind == TLP_RX_PAYLOAD and tlp.last and is_live(nic, tlp):
        settle_arrivals(nic, nic.now)       # who arrived earlier asked for room earlier
        end_rx_payload(nic, tlp.ref, nic.now, payload_waited(nic, tlp))
    if nic.books:
        reach_memory(nic, index)
    if message_domain and tlp.kind != TLP_READ:
        nic.sides[index].at_root = 0
        release_posted(nic, &nic.down, tlp.nbytes, nic.now)
        commit_write(nic, index)
        tlp_free(nic, index)
        return
    if tlp.kind == TLP_READ and scope_of(nic, tlp.function).head < 0:
        clear_read(nic, scope_of(nic, tlp.function), index)
    else:
        join_scope(nic, scope_of(nic, tlp.function), index)
    if nic.iommu.entries and tlp.domain >= 0 and not message_domain:
        look_up(nic, index)
    else:
        translated(nic, index, True)


cdef void join_scope(Nic* nic, Scope* scope, int32_t index) noexcept nogil:
    nic.sides[index].in_scope = 1
    nic.sides[index].next = -1
    if scope.head < 0:
        scope.head = index
    else:
        nic.sides[scope.tail].next = index
    scope.tail = index


cdef void translated(Nic* nic, int32_t index, bint mapped) noexcept nogil:
    """A TLP's page is known, or it has none; what that sets free happens now."""
    cdef Side* side = &nic.sides[index]
    cdef Tlp* tlp = &nic.tlps[index]
    side.translated = 1
    tlp.mapped = mapped
    if nic.books:
        tlp_book(nic, index).since = nic.now
    if not mapped:
        post_upcall(nic, UPCALL_FAULT, 3, tlp.function, TRANSLATION_FAULT, <int64_t>tlp.address, 0)
    if tlp.kind == TLP_READ and side.settled:
        sample_in_time(nic, index)
        return
    if side.relaxed:
        set_commit(nic, scope_of(nic, tlp.function), index)
    settle(nic, scope_of(nic, tlp.function))


cdef inline void clear_read(Nic* nic, Scope* scope, int32_t index) noexcept nogil:
    """All writes before it have their commits: the read knows which one it waits for."""
    nic.sides[index].settled = 1
    nic.sides[index].not_before = scope.latest


cdef void settle(Nic* nic, Scope* scope) noexcept nogil:
    """Writes get their commits, if they have none; reads learn which commit they wait for. What is first afterwards is a write
    that is not translated."""
    cdef int32_t index
    cdef Side* side
    while scope.head >= 0:
        index = scope.head
        side = &nic.sides[index]
        if nic.tlps[index].kind == TLP_READ:
            scope.head = side.next
            side.in_scope = 0
            clear_read(nic, scope, index)
            if side.translated:
                sample_in_time(nic, index)
            continue
        if not side.translated:
            return
        scope.head = side.next
        side.in_scope = 0
        if not side.settled:
            set_commit(nic, scope, index)
        elif not side.at_root:
            tlp_free(nic, index)        # it was relaxed, and has been visible for some time


cdef void set_commit(Nic* nic, Scope* scope, int32_t index) noexcept nogil:
    """A write will be visible, and its credits return then. Like any other it takes an event only if somebody hears of it."""
    cdef Tlp* tlp = &nic.tlps[index]
    nic.sides[index].settled = 1
    scope.latest = nic.now + nic.write_latency
    release_posted(nic, &nic.down, tlp.nbytes, scope.latest)
    if nic.books:
        leave_order(nic, index, scope.latest)
        release_write_at(nic, index, scope.latest)
    if tlp.kind == TLP_RX_PAYLOAD and not nic.relaxed and is_unseen(nic):
        nic.sides[index].at_root = 0
        tlp_free(nic, index)
    else:
        commit_at(nic, index, scope.latest)


cdef void sample_in_time(Nic* nic, int32_t index) noexcept nogil:
    """A read samples now, or when the writes before it are in memory."""
    if nic.books:
        tlp_book(nic, index).waits.write_order = max(nic.now, nic.sides[index].not_before) - tlp_book(nic, index).since
    if nic.sides[index].not_before > nic.now:
        push_sorted(nic, &nic.mem_reads, nic.sides[index].not_before, index)
        update_root_event(nic)
    else:
        sample(nic, index)


cdef inline void update_root_event(Nic* nic) noexcept nogil:
    """The slot that MEM_READ shares with WALK_DONE."""
    set_when(nic, RANK_MEM_READ, earliest(front_time(&nic.mem_reads), front_time(&nic.iommu.walking)))


cdef void commit_timed_at_root(Nic* nic) noexcept nogil:
    """MEM_READ: a read samples; or, behind those of its time, WALK_DONE."""
    cdef Lane* lane = &nic.mem_reads if front_time(&nic.mem_reads) == nic.now else &nic.iommu.walking
    cdef int32_t index = front_timed(lane).index
    lane_pop(lane)
    if lane == &nic.mem_reads:
        sample(nic, index)
    else:
        enter_stage(nic, RANK_WALK_DONE)
        commit_walk_done(nic, index)
    update_root_event(nic)


cdef void commit_at_root(Nic* nic, int32_t index) noexcept nogil:
    """The write is visible. Older ones of its scope may still wait for their pages."""
    cdef Side* side = &nic.sides[index]
    side.at_root = 0
    commit_write(nic, index)
    if not side.in_scope:
        tlp_free(nic, index)
