"""The IOMMU by plan (`docs/time.md`, 3): when a TLP starts on its way up, all is known that decides when it is translated.

Arrivals are in the order of starts, every walk takes the same time, walkers take the oldest walk, and nothing that waits
for one is ever taken back. So a walk starts when its first TLP arrives or, if that is later, when the walk is done that is as
many before it as there are walkers; and whether a key is in the IOTLB at an arrival is decided by the walks that are done by
then. No event is spent on arrivals, on walks or on their ends: a read that looks at memory takes one, when it samples, a write
none but its commit. Reads that look at nothing are answered late, several together, each as of its time.

  plan_at_root   a TLP has started: when it is translated, and what follows (of `root` otherwise)
  plan_read      a read that will sample
  answer_reads   those that look at nothing have sampled
  commit_planned one that looks at memory does, or a TLP is blocked

With RO or IDO, and with walks in turns, `scopes` and `iommu` do all this as it happens.
"""

cdef enum:
    WALKS_KEPT = 64         # so many are looked at together by the books
    WALKS_TOGETHER = 16     # and so many are settled together at most; a power of two


# ---- order -----------------------------------------------------------------------------------------

cdef inline bint is_later(Translation* translation, int64_t time, uint64_t serial) noexcept nogil:
    """By time, then by arrival: no two walks begin at one time, for each begins when another is done, or at an arrival that
    finds a walker free."""
    return translation.time > time or (translation.time == time and translation.serial > serial)


cdef Sampling* push_sampling(Nic* nic, Lane* lane, int64_t time, int64_t freed, uint64_t serial) noexcept nogil:
    """In order of time; at one time, in that of the translations that set them free; then of arrival. Its other fields are the
    caller's."""
    cdef Sampling* item = <Sampling*>lane_push(nic, lane)
    cdef Sampling* items = <Sampling*>lane.items
    cdef Sampling* before
    cdef uint64_t position = lane.tail - 1
    if unlikely(<char*>item == nic.scrap):
        return item
    while position > lane.head:
        before = &items[(position - 1) & lane.mask]
        if before.time < time or (before.time == time and not is_later(&before.freed, freed, serial)):
            break
        item[0] = before[0]
        item = before
        position -= 1
    item.time = time
    item.freed.time = freed
    item.freed.serial = serial
    return item


cdef inline void sample_by(Nic* nic, int64_t event) noexcept nogil:
    """MEM_READ, in the slot that it shares with WALK_DONE, is no later than `event`."""
    if event < when(nic, RANK_MEM_READ):
        set_when(nic, RANK_MEM_READ, event)


cdef inline int64_t sampling_time(Lane* lane) noexcept nogil:
    return NEVER if lane_empty(lane) else (<Sampling*>lane_front(lane)).time


# ---- walks -----------------------------------------------------------------------------------------

cdef inline PlannedWalk* planned_at(Iommu* iommu, uint64_t position) noexcept nogil:
    return &(<PlannedWalk*>iommu.planned.items)[position & iommu.planned.mask]


cdef void settle_walks(Nic* nic, int64_t until) noexcept nogil:
    """Walks that are done by this time are: their pages are known. Such a walk is forgotten once it has begun and is in the
    books. How many are done by an arrival is not to be guessed, so it is asked only where it matters (`is_outdated`), and now and
    then, some together."""
    cdef Iommu* iommu = &nic.iommu
    cdef PlannedWalk* walk
    while iommu.next_done <= until:
        walk = planned_at(iommu, iommu.going)
        if walk.mapped:
            enter_page(iommu, walk.space, walk.page, walk.hashed)
        iommu.going += 1
        iommu.next_done = planned_at(iommu, iommu.going).done if iommu.going < iommu.planned.tail else NEVER
    if nic.books:
        if unlikely(lane_count(&iommu.planned) > WALKS_KEPT):
            settle_served_walks(nic, nic.now)
            iommu.planned.head = min(iommu.going, iommu.begun)
        return
    if likely(until - iommu.walk_ps <= nic.now):
        iommu.planned.head = iommu.going
        return
    while iommu.planned.head < iommu.going and planned_at(iommu, iommu.planned.head).done - iommu.walk_ps <= nic.now:
        lane_pop(&iommu.planned)


cdef inline void plan_walk(Nic* nic, PlannedWalk* walk, int64_t arrives) noexcept nogil:
    """It takes the walker that is free first. `walk_queue` has waited from each arrival to the start of its walk."""
    cdef Iommu* iommu = &nic.iommu
    cdef int64_t start = max(arrives, iommu.free_at[iommu.next_walker]), since = max(arrives, iommu.waited)
    if start > since:
        nic.line_clock[LINE_WALK_QUEUE][CAUSE_SERVER] += start - since
        iommu.waited = start
    walk.arrives = arrives
    walk.done = iommu.free_at[iommu.next_walker] = start + iommu.walk_ps
    iommu.next_done = earliest(iommu.next_done, walk.done)
    iommu.next_walker = iommu.next_walker + 1 if iommu.next_walker + 1 < iommu.num_walkers else 0


cdef int64_t wait_to_come(Nic* nic, int64_t time) noexcept nogil:
    """What `walk_queue` has been told that it waits after this time."""
    cdef Iommu* iommu = &nic.iommu
    cdef int64_t wait = 0, start
    cdef uint64_t position
    for position in range(iommu.planned.head, iommu.planned.tail):
        start = planned_at(iommu, position).done - iommu.walk_ps
        if start > time:
            time = max(time, planned_at(iommu, position).arrives)
            wait += start - time
            time = start
    return wait


cdef inline PlannedWalk* find_walk(Iommu* iommu, uint64_t space, uint64_t page, uint32_t hashed) noexcept nogil:
    """The last that was planned for this key, unless its page is known to have been entered. NULL: there is none."""
    cdef uint64_t link = iommu.planned_heads[hashed & (NUM_WALK_HEADS - 1)]
    cdef PlannedWalk* walk
    while link > iommu.going:           # a link to a walk that is settled ends there
        walk = planned_at(iommu, link - 1)
        if walk.page == page and walk.space == space:
            return walk
        link = walk.next_of_hash
    return NULL


cdef inline bint is_outdated(int32_t entry, PlannedWalk* walk, int64_t time) noexcept nogil:
    """May walks that are done by now have changed what was found? An entry that was found may have been evicted; a walk that was
    found may have entered its page. What was not found has not been entered since."""
    return entry >= 0 or (walk != NULL and walk.done <= time)


cdef inline int64_t plan_translation(Nic* nic, Tlp* tlp, int64_t arrives) noexcept nogil:
    """When the TLP is translated that arrives at this time, the last so far: then, or at the end of a walk."""
    cdef Iommu* iommu = &nic.iommu
    cdef int32_t shift = shift_of(nic, tlp.domain), entry
    cdef uint64_t page = tlp.address >> shift, space = space_of(tlp.domain, shift)
    cdef uint32_t hashed = hash_of(space, page)
    cdef PlannedWalk* walk
    entry = find_page(iommu, space, page, hashed)
    walk = NULL if entry >= 0 else find_walk(iommu, space, page, hashed)
    if iommu.next_done <= arrives and is_outdated(entry, walk, arrives):
        settle_walks(nic, arrives)
        entry = find_page(iommu, space, page, hashed)
        walk = NULL
    if entry >= 0:
        use_page(iommu, entry)
        return arrives
    if walk == NULL:
        walk = <PlannedWalk*>lane_push(nic, &iommu.planned)
        walk.page = page
        walk.space = space
        walk.hashed = hashed
        walk.function = tlp.function
        walk.sample = 0
        walk.mapped = has_memory(&nic.arenas[tlp.domain], tlp.address, shift)
        walk.next_of_hash = iommu.planned_heads[hashed & (NUM_WALK_HEADS - 1)]
        iommu.planned_heads[hashed & (NUM_WALK_HEADS - 1)] = iommu.planned.tail
        plan_walk(nic, walk, arrives)
        if iommu.planned.tail & (WALKS_TOGETHER - 1) == 0:
            settle_walks(nic, arrives)
    if nic.books:
        tlp_book(nic, <int32_t>(tlp - nic.tlps)).walkers = max(0, walk.done - iommu.walk_ps - arrives)
    if unlikely(not walk.mapped):
        plan_fault(nic, tlp, walk.done)
    return walk.done


# ---- what follows ----------------------------------------------------------------------------------

cdef void plan_fault(Nic* nic, Tlp* tlp, int64_t time) noexcept nogil:
    """It will be blocked, and that is reported then."""
    cdef Sampling* item = push_sampling(nic, &nic.iommu.blocked, time, time, nic.iommu.arrivals)
    tlp.mapped = 0
    item.index = tlp.function
    item.address = tlp.address
    sample_by(nic, time)


cdef inline bint needs_sampling(Nic* nic, Tlp* tlp) noexcept nogil:
    """Is anything looked at when the read samples, or does Python hear of it?"""
    return nic.payload != PAYLOAD_LENGTHS or tlp.klass != CLASS_PAYLOAD or is_message_domain(nic, tlp.domain)


cdef void update_answer_slack(Nic* nic) noexcept nogil:
    """A read that looks at nothing may be answered late, as of its time: before its answer, and before an UpdateFC is due."""
    nic.iommu.answer_slack = max(0, min(nic.read_latency, nic.fc) - 1)
    if nic.iommu.plans:
        await_sampling(nic)


cdef inline void await_sampling(Nic* nic) noexcept nogil:
    """The next event of MEM_READ, which is also that of WALK_DONE."""
    cdef Iommu* iommu = &nic.iommu
    cdef int64_t late = NEVER if lane_empty(&iommu.reads) else sampling_time(&iommu.reads) + iommu.answer_slack
    set_when(nic, RANK_MEM_READ, earliest(late, earliest(front_time(&iommu.looking), sampling_time(&iommu.blocked))))


cdef void answer_reads(Nic* nic, int64_t before) noexcept nogil:
    """Reads that sample before this time and look at nothing are answered, up to the first that does."""
    cdef Lane* lane = &nic.iommu.reads      # empty where nothing is planned
    cdef Sampling* item
    if sampling_time(lane) >= before:
        return
    while sampling_time(lane) < before:
        item = <Sampling*>lane_front(lane)
        if needs_sampling(nic, &nic.tlps[item.index]):
            break
        release_nonposted(nic, &nic.down, item.time)
        if nic.books:
            release_read_at(nic, item.index, item.time)
        answer_at(nic, item.index, item.time)
        lane_pop(lane)
    await_sampling(nic)


cdef void plan_read(Nic* nic, int32_t index, int64_t translated) noexcept nogil:
    """A read samples when it is translated and every write before it is in memory."""
    cdef int64_t freed = translated, time
    cdef uint64_t serial = nic.iommu.arrivals
    if is_later(&nic.iommu.settled, freed, serial):
        freed = nic.iommu.settled.time
        serial = nic.iommu.settled.serial
    time = max(freed, nic.last_commit)
    if nic.books:
        order_read(nic, index, translated, time)
    push_sampling(nic, &nic.iommu.reads, time, freed, serial).index = index
    if needs_sampling(nic, &nic.tlps[index]):
        push_sorted(nic, &nic.iommu.looking, time, index)
        sample_by(nic, time)
    else:
        sample_by(nic, time + nic.iommu.answer_slack)


cdef void plan_arrived(Nic* nic, int32_t index) noexcept nogil:
    """A read of a message domain is here; it is not translated, but waits for the writes before it."""
    nic.iommu.arrivals += 1
    if nic.last_commit > nic.now:
        plan_read(nic, index, nic.now)
    else:
        sample(nic, index)


cdef void plan_at_root(Nic* nic, int32_t index, int64_t end) noexcept nogil:
    """A TLP has started that arrives at `end`. A write commits once it and all before it have been translated."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef Iommu* iommu = &nic.iommu
    cdef int64_t translated = end
    iommu.arrivals += 1
    tlp.mapped = 1
    if nic.books:
        reach_memory(nic, index)
    if tlp.domain >= 0:
        translated = plan_translation(nic, tlp, end)
    if tlp.kind == TLP_READ:
        plan_read(nic, index, translated)
        return
    if not is_later(&iommu.settled, translated, iommu.arrivals):
        iommu.settled.time = translated
        iommu.settled.serial = iommu.arrivals
    nic.last_commit = iommu.settled.time + nic.write_latency
    if nic.books:
        wait_in_order(nic, index, iommu.settled.time - translated)
        release_write_at(nic, index, nic.last_commit)
    write_at(nic, index, end, nic.last_commit)


cdef void commit_planned(Nic* nic) noexcept nogil:
    """MEM_READ: reads sample; or, behind those of its time, a TLP is blocked."""
    cdef Iommu* iommu = &nic.iommu
    cdef Sampling* item
    if sampling_time(&iommu.reads) > nic.now:
        item = <Sampling*>lane_front(&iommu.blocked)
        lane_pop(&iommu.blocked)
        await_sampling(nic)
        enter_stage(nic, RANK_WALK_DONE)
        post_upcall(nic, UPCALL_FAULT, 3, item.index, TRANSLATION_FAULT, <int64_t>item.address, 0)
        return
    answer_reads(nic, nic.now + 1)
    if sampling_time(&iommu.reads) <= nic.now:
        item = <Sampling*>lane_front(&iommu.reads)
        lane_pop(&iommu.reads)
        lane_pop(&iommu.looking)
        await_sampling(nic)
        sample(nic, item.index)
