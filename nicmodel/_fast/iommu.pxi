"""The IOMMU (`docs/time.md`, 3): an IOTLB, page walks that merge, and the walkers that do them.

It translates or blocks; the order in which memory is touched afterwards is `scopes`. A lookup is one hash, a hit moves
one entry to the front of a list, a miss finds the walk of its page by another hash.
"""

cdef enum:
    # So many that nearly every chain is empty or of one: a length that the processor predicts wrongly costs more than memory.
    HEADS_A_PAGE = 8
    NUM_WALK_HEADS = 1024


# ---- keys ------------------------------------------------------------------------------------------

cdef inline uint32_t hash_of(uint64_t space, uint64_t page) noexcept nogil:
    return <uint32_t>((page * <uint64_t>0x9E3779B97F4A7C15 + space * <uint64_t>0xBF58476D1CE4E5B9) >> 29)


cdef inline int32_t shift_of(Nic* nic, int32_t domain) noexcept nogil:
    return nic.arenas[domain].shift if nic.arenas[domain].shift else DEFAULT_PAGE_SHIFT


cdef inline uint64_t space_of(int32_t domain, int32_t shift) noexcept nogil:
    return <uint64_t>domain << 6 | <uint64_t>shift


cdef inline bint has_memory(Arena* arena, uint64_t address, int32_t shift) noexcept nogil:
    """Is any byte of its page in the arena? That of the address nearly always is."""
    cdef uint64_t last = address | (((<uint64_t>1) << shift) - 1)
    cdef uint64_t first = last >> shift << shift
    if likely(address - arena.base < arena.size):
        return True
    return first < arena.base + arena.size and last >= arena.base


# ---- the IOTLB -------------------------------------------------------------------------------------

cdef inline int32_t find_page(Iommu* iommu, uint64_t space, uint64_t page, uint32_t hashed) noexcept nogil:
    cdef int32_t index = iommu.page_heads[hashed & iommu.page_mask]
    while index >= 0 and (iommu.pages[index].page != page or iommu.pages[index].space != space):
        index = iommu.pages[index].next_of_hash
    return index


cdef inline void take_out(Iommu* iommu, int32_t index) noexcept nogil:
    """An entry leaves the order of use."""
    cdef Page* entry = &iommu.pages[index]
    if entry.older >= 0:
        iommu.pages[entry.older].newer = entry.newer
    else:
        iommu.oldest = entry.newer
    if entry.newer >= 0:
        iommu.pages[entry.newer].older = entry.older
    else:
        iommu.newest = entry.older


cdef inline void put_newest(Iommu* iommu, int32_t index) noexcept nogil:
    """It is the most recently used."""
    iommu.pages[index].older = iommu.newest
    iommu.pages[index].newer = -1
    if iommu.newest >= 0:
        iommu.pages[iommu.newest].newer = index
    else:
        iommu.oldest = index
    iommu.newest = index


cdef inline void use_page(Iommu* iommu, int32_t index) noexcept nogil:
    """A hit."""
    if index != iommu.newest:
        take_out(iommu, index)
        put_newest(iommu, index)


cdef void enter_page(Iommu* iommu, uint64_t space, uint64_t page, uint32_t hashed) noexcept nogil:
    """A walked key is known from now on; the least recently used one makes room."""
    cdef uint64_t head = hashed & iommu.page_mask
    cdef int32_t index = iommu.used
    cdef int32_t* link
    if index < iommu.entries:
        iommu.used += 1
    else:
        index = iommu.oldest
        take_out(iommu, index)
        link = &iommu.page_heads[iommu.pages[index].hashed & iommu.page_mask]
        while link[0] != index:
            link = &iommu.pages[link[0]].next_of_hash
        link[0] = iommu.pages[index].next_of_hash
    iommu.pages[index].page = page
    iommu.pages[index].space = space
    iommu.pages[index].hashed = hashed
    iommu.pages[index].next_of_hash = iommu.page_heads[head]
    iommu.page_heads[head] = index
    put_newest(iommu, index)


# ---- walks -----------------------------------------------------------------------------------------

cdef int32_t walk_new(Nic* nic) noexcept nogil:
    """A slot for a walk; -1 when memory has run out."""
    cdef Iommu* iommu = &nic.iommu
    cdef int32_t index = iommu.free_walk, room = 64 if iommu.num_walks == 0 else 2 * iommu.num_walks, each
    cdef Walk* walks
    if index < 0:
        walks = <Walk*>realloc(iommu.walks, room * sizeof(Walk))
        if walks == NULL:
            latch(nic, FAULT_MEMORY, ROOM_WALKS, room * <int64_t>sizeof(Walk))
            return -1
        iommu.walks = walks
        for each in range(iommu.num_walks, room):
            walks[each].next = each + 1 if each + 1 < room else -1
        index = iommu.num_walks
        iommu.num_walks = room
    iommu.free_walk = iommu.walks[index].next
    return index


cdef void queue_walk(Iommu* iommu, int32_t index) noexcept nogil:
    """It waits for a walker."""
    cdef int32_t number = iommu.walks[index].function if iommu.by_turns else 0
    cdef WalkQueue* queue = &iommu.queues[number]
    iommu.walks[index].next = -1
    if queue.head < 0:
        queue.head = index
        bits_add(&iommu.waiting, number)
    else:
        iommu.walks[queue.tail].next = index
    queue.tail = index
    iommu.queued += 1


cdef int32_t next_walk(Iommu* iommu) noexcept nogil:
    """The oldest walk, or that of the next function in turns, leaves its queue; there is one."""
    cdef int32_t number = bits_after(&iommu.waiting, iommu.last_function) if iommu.by_turns else 0
    cdef WalkQueue* queue = &iommu.queues[number]
    cdef int32_t index = queue.head
    queue.head = iommu.walks[index].next
    if queue.head < 0:
        bits_remove(&iommu.waiting, number)
    iommu.queued -= 1
    iommu.last_function = number
    return index


cdef void forget_walk(Iommu* iommu, int32_t index) noexcept nogil:
    """It is done: TLPs that come now start another, and its slot is free."""
    cdef Walk* walk = &iommu.walks[index]
    cdef int32_t* link = &iommu.walk_heads[walk.hashed & iommu.walk_mask]
    while link[0] != index:
        link = &iommu.walks[link[0]].next_of_hash
    link[0] = walk.next_of_hash
    walk.next = iommu.free_walk
    iommu.free_walk = index


cdef void look_up(Nic* nic, int32_t index) noexcept nogil:
    """A TLP has arrived: it is translated at once, or waits for a walk of its page."""
    cdef Iommu* iommu = &nic.iommu
    cdef Tlp* tlp = &nic.tlps[index]
    cdef int32_t shift = nic.sides[index].shift, entry
    cdef uint64_t page = tlp.address >> shift, space = space_of(tlp.domain, shift)
    cdef uint32_t hashed = hash_of(space, page)
    cdef Walk* walk
    entry = find_page(iommu, space, page, hashed)
    if entry >= 0:
        use_page(iommu, entry)
        translated(nic, index, True)
        return
    nic.sides[index].next_in_walk = -1
    entry = iommu.walk_heads[hashed & iommu.walk_mask]
    while entry >= 0 and (iommu.walks[entry].page != page or iommu.walks[entry].space != space):
        entry = iommu.walks[entry].next_of_hash
    if entry >= 0:
        nic.sides[iommu.walks[entry].last].next_in_walk = index
        iommu.walks[entry].last = index
        return
    entry = walk_new(nic)
    if entry < 0:
        return
    walk = &iommu.walks[entry]
    walk.page = page
    walk.space = space
    walk.hashed = hashed
    walk.function = tlp.function
    walk.first = walk.last = index
    walk.mapped = has_memory(&nic.arenas[tlp.domain], tlp.address, shift)
    walk.next_of_hash = iommu.walk_heads[hashed & iommu.walk_mask]
    iommu.walk_heads[hashed & iommu.walk_mask] = entry
    queue_walk(iommu, entry)
    if nic.books:
        walk.sample = 0
        sample_entry(nic, LINE_WALK_QUEUE, SERVED_WALKERS, &walk.sample)
    touch(nic, WALKERS)


# ---- walkers ---------------------------------------------------------------------------------------

cdef void decide_walkers(Nic* nic) noexcept nogil:
    """WALKERS: waiting walks go to free walkers, the lowest number first."""
    cdef Iommu* iommu = &nic.iommu
    cdef int32_t walker
    while iommu.queued and iommu.idle.members:
        walker = bits_after(&iommu.idle, -1)
        bits_remove(&iommu.idle, walker)
        iommu.working[walker] = next_walk(iommu)
        if nic.books:
            start_walk(nic, &iommu.walks[iommu.working[walker]])
        push_timed(nic, &iommu.walking, nic.now + iommu.walk_ps, walker)
        update_root_event(nic)
    blame(nic, LINE_WALK_QUEUE, CAUSE_NONE if iommu.queued == 0 else CAUSE_TURN if iommu.idle.members else CAUSE_SERVER)


cdef void commit_walk_done(Nic* nic, int32_t walker) noexcept nogil:
    """WALK_DONE: its TLPs are translated, or blocked, in order of arrival."""
    cdef Iommu* iommu = &nic.iommu
    cdef Walk walk = iommu.walks[iommu.working[walker]]
    cdef int32_t index = walk.first, following
    forget_walk(iommu, iommu.working[walker])
    bits_add(&iommu.idle, walker)
    if walk.mapped:
        enter_page(iommu, walk.space, walk.page, walk.hashed)
    while index >= 0:
        following = nic.sides[index].next_in_walk
        translated(nic, index, walk.mapped)
        index = following
    touch(nic, WALKERS)


# ---- its memory ------------------------------------------------------------------------------------

cdef bint iommu_init(Nic* nic, int32_t entries, int32_t walkers) noexcept nogil:
    """Empty. False when memory has run out."""
    cdef Iommu* iommu = &nic.iommu
    cdef int32_t each, heads = 64
    while heads < HEADS_A_PAGE * entries:
        heads *= 2
    iommu.entries = entries
    iommu.oldest = iommu.newest = iommu.free_walk = -1
    iommu.last_function = nic.num_functions - 1
    iommu.num_walkers = walkers
    iommu.next_done = NEVER
    iommu.page_mask = heads - 1
    iommu.walk_mask = NUM_WALK_HEADS - 1
    iommu.pages = <Page*>calloc(entries + 1, sizeof(Page))
    iommu.page_heads = <int32_t*>malloc(heads * sizeof(int32_t))
    iommu.walk_heads = <int32_t*>malloc(NUM_WALK_HEADS * sizeof(int32_t))
    iommu.queues = <WalkQueue*>malloc(nic.num_functions * sizeof(WalkQueue))
    iommu.working = <int32_t*>calloc(walkers, sizeof(int32_t))
    iommu.free_at = <int64_t*>calloc(walkers, sizeof(int64_t))
    iommu.planned_heads = <uint64_t*>calloc(NUM_WALK_HEADS, sizeof(uint64_t))
    if (iommu.pages == NULL or iommu.page_heads == NULL or iommu.walk_heads == NULL or iommu.queues == NULL
            or iommu.working == NULL or iommu.free_at == NULL or iommu.planned_heads == NULL
            or not bits_init(&iommu.waiting, nic.num_functions) or not bits_init(&iommu.idle, walkers)):
        return False
    for each in range(heads):
        iommu.page_heads[each] = -1
    for each in range(NUM_WALK_HEADS):
        iommu.walk_heads[each] = -1
    for each in range(nic.num_functions):
        iommu.queues[each].head = -1
    for each in range(walkers):
        bits_add(&iommu.idle, each)
    return True


cdef void iommu_free(Iommu* iommu) noexcept nogil:
    free(iommu.pages)
    free(iommu.page_heads)
    free(iommu.walks)
    free(iommu.walk_heads)
    free(iommu.queues)
    free(iommu.working)
    free(iommu.free_at)
    free(iommu.planned_heads)
    free(iommu.waiting.words)
    free(iommu.idle.words)
