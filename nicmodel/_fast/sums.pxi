"""The books' sums (`docs/time.md`, 10): a row ends, and what it has waited joins its function's, if it is delivered.

What a Tx row has waited before it waited for the scheduler is that of all rows that were fetched with it and have its
doorbell: they are a group, whose share is added when the last of them has ended, or somebody asks.
"""

cdef enum:
    GROUP_AHEAD = 1         # a group is prefetched when so many of its rows are left


# Which wait each of a row's is, by direction (`RowBook`).
cdef int[2][SENT_WAITS] WAITS_OF
WAITS_OF[DIRECTION_TX] = [WAIT_SCHEDULER, WAIT_TX_BUFFER, WAIT_UP_CREDITS, WAIT_UP_LINK, WAIT_WRITE_ORDER, WAIT_WALKERS,
                          WAIT_TX_PIPE, WAIT_WIRE, WAIT_TAGS, WAIT_READ_BUFFER, WAIT_DOWN_CREDITS, WAIT_DOWN_LINK,
                          WAIT_SCHEDULER, WAIT_REORDER]
WAITS_OF[DIRECTION_RX] = [WAIT_WRITERS, WAIT_NO_DESCRIPTOR, WAIT_UP_CREDITS, WAIT_UP_LINK, WAIT_WRITE_ORDER, WAIT_WALKERS,
                          WAIT_RX_PIPE, WAIT_DRIVER, 0, 0, 0, 0, 0, 0]


cdef inline int64_t* seldom_of(Nic* nic, int32_t function, int direction) noexcept nogil:
    """By wait."""
    return nic.ledger.waits + (2 * function + direction) * NUM_WAITS


cdef inline int64_t* sums_of(Nic* nic, int32_t function, int direction) noexcept nogil:
    """By a row's waits."""
    return &nic.ledger.sums[function].sent[0] if direction == DIRECTION_TX else &nic.ledger.sums[function].received[0]


cdef inline uint32_t* waits_of(RowBook* book) noexcept nogil:
    return &book.turn


cdef void add_by_wait(int64_t* waits, int direction, int64_t* sums) noexcept nogil:
    """Sums in the order of a row's waits join others."""
    cdef int each
    for each in range(SENT_WAITS if direction == DIRECTION_TX else RECEIVED_WAITS):
        waits[WAITS_OF[direction][each]] += sums[each]


# ---- groups ----------------------------------------------------------------------------------------

cdef bint groups_grow(Nic* nic) noexcept nogil:
    cdef Ledger* ledger = &nic.ledger
    cdef int32_t room = 64 if ledger.num_groups == 0 else 2 * ledger.num_groups, each
    ledger.groups = <Group*>lines_grow(ledger.groups, ledger.num_groups * sizeof(Group), room * sizeof(Group),
                                       &ledger.group_memory)
    if ledger.group_memory.full:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, room * <int64_t>sizeof(Group))
        return False
    for each in range(ledger.num_groups, room):
        ledger.groups[each].queued = each + 1 if each + 1 < room else -1
    ledger.free_group = ledger.num_groups
    ledger.num_groups = room
    return True


cdef int32_t group_new(Nic* nic, int32_t function, Doorbell* doorbell, int32_t rows) noexcept nogil:
    """So many descriptors have been fetched: their doorbell's waits, the wait for the fetch, and those of that read, just
    answered."""
    cdef Ledger* ledger = &nic.ledger
    cdef TlpBook* read = tlp_book(nic, nic.down.flying)
    cdef int32_t index
    cdef Group* group
    if unlikely(ledger.free_group < 0 and not groups_grow(nic)):
        return 0
    index = ledger.free_group
    group = &ledger.groups[index]
    ledger.free_group = <int32_t>group.queued
    group.function = <int16_t>function
    group.rows = <uint16_t>rows
    group.waits = read.waits
    group.waits.down_credits += doorbell.down_credits
    group.waits.down_link += doorbell.down_link
    group.register_port = doorbell.register_port
    group.descriptor_fetch = read.asked - doorbell.effect
    group.tag_cap = read.tag_cap
    group.dma_issue = read.dma_issue
    group.walkers = read.walkers
    queue_group(nic, index)
    return index


cdef inline void add_group(int64_t* sums, Group* group, int64_t rows) noexcept nogil:
    """The share of so many of its rows."""
    add_read(sums, &group.waits, rows)
    sums[WAIT_REGISTER_PORT] += group.register_port * rows
    sums[WAIT_DESCRIPTOR_FETCH] += group.descriptor_fetch * rows
    sums[WAIT_TAG_CAP] += group.tag_cap * rows
    sums[WAIT_DMA_ISSUE] += group.dma_issue * rows
    sums[WAIT_WALKERS] += group.walkers * rows


cdef void settle_group(Nic* nic, Group* group) noexcept nogil:
    """Its delivered rows are counted."""
    add_group(seldom_of(nic, group.function, DIRECTION_TX), group, group.delivered)
    group.delivered = 0


cdef inline void leave_group(Nic* nic, Row* row) noexcept nogil:
    """A Tx row has ended."""
    cdef Group* group = &nic.ledger.groups[row.origin]
    group.rows -= 1
    if unlikely(group.rows == GROUP_AHEAD):
        prefetch_all(group, sizeof(Group))
    if group.rows == 0:
        settle_group(nic, group)
        group.queued = nic.ledger.free_group
        nic.ledger.free_group = row.origin


cdef void settle_groups(Nic* nic) noexcept nogil:
    """Somebody asks."""
    cdef int32_t each
    for each in range(nic.ledger.num_groups):
        if nic.ledger.groups[each].rows:
            settle_group(nic, &nic.ledger.groups[each])


# ---- the end of a row ------------------------------------------------------------------------------

cdef inline void add_read(int64_t* sums, ReadWaits* waits, int64_t times) noexcept nogil:
    sums[WAIT_TAGS] += waits.tags * times
    sums[WAIT_READ_BUFFER] += waits.read_buffer * times
    sums[WAIT_UP_CREDITS] += waits.up_credits * times
    sums[WAIT_UP_LINK] += waits.up_link * times
    sums[WAIT_WRITE_ORDER] += waits.write_order * times
    sums[WAIT_DOWN_CREDITS] += waits.down_credits * times
    sums[WAIT_DOWN_LINK] += waits.down_link * times


cdef void add_rare(int64_t* sums, RareBook* rare) noexcept nogil:
    cdef uint64_t left = rare.which
    while left:
        sums[low_bit(left)] += rare.waits[low_bit(left)]
        left &= left - 1


cdef void record_waits(Nic* nic, int32_t index, int direction) noexcept nogil:
    """A recorded row is delivered: what its own book has."""
    cdef int64_t waits[SENT_WAITS]
    cdef int each
    for each in range(SENT_WAITS):
        waits[each] = waits_of(row_book(nic, index))[each]
    add_by_wait(recorded_waits(nic, index), direction, waits)
    if nic.ledger.has_rare[index]:
        add_rare(recorded_waits(nic, index), rare_book(nic, index))


cdef inline void forget_rare(Nic* nic, int32_t index) noexcept nogil:
    nic.ledger.has_rare[index] = 0


cdef void close_sent(Nic* nic, Row* row, int64_t time) noexcept nogil:
    """A sent row is delivered at `time`, and its room in the Tx buffer returns."""
    cdef int32_t index = <int32_t>(row - nic.rows)
    cdef Sums* sums = &nic.ledger.sums[row.function]
    cdef RowBook book = row_book(nic, index)[0]                 # a copy: sums are elsewhere
    cdef uint32_t* waits = waits_of(&book)
    cdef int64_t waited = -<int64_t>book.turn - book.room       # since SCHEDULED
    cdef int each
    for each in range(SENT_WAITS):
        sums.sent[each] += waits[each]
        waited += waits[each]
    return_tx_room(nic, index, time, waited)
    sums.latency[DIRECTION_TX] += time - row.latency_from
    if unlikely(nic.ledger.has_rare[index]):
        add_rare(seldom_of(nic, row.function, DIRECTION_TX), rare_book(nic, index))
    if unlikely(nic.record_rows):
        add_group(recorded_waits(nic, index), &nic.ledger.groups[row.origin], 1)
        record_waits(nic, index, DIRECTION_TX)
    nic.ledger.groups[row.origin].delivered += 1
    leave_group(nic, row)
    forget_rare(nic, index)


cdef void close_received(Nic* nic, Row* row) noexcept nogil:
    """A received row is delivered."""
    cdef int32_t index = <int32_t>(row - nic.rows)
    cdef Sums* sums = &nic.ledger.sums[row.function]
    cdef uint32_t* waits = waits_of(row_book(nic, index))
    cdef int each
    for each in range(RECEIVED_WAITS):
        sums.received[each] += waits[each]
    sums.latency[DIRECTION_RX] += nic.now - row.latency_from
    if unlikely(nic.ledger.has_rare[index]):
        add_rare(seldom_of(nic, row.function, DIRECTION_RX), rare_book(nic, index))
    if unlikely(nic.record_rows):
        record_waits(nic, index, DIRECTION_RX)
    forget_rare(nic, index)


cdef void forget_row(Nic* nic, Row* row) noexcept nogil:
    """A row is dropped."""
    forget_rare(nic, <int32_t>(row - nic.rows))
    if row.kind == KIND_TX:
        leave_group(nic, row)
