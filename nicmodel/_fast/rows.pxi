"""The books (`docs/time.md`, 10): what packets wait for, and what they take over from the TLPs that carried them.

A row's book is one line of the cache, for many rows wait at a time. Waits of 2^32 ps and more, and those that few rows have,
stand apart, in books that do not exist before they are needed.
"""

cdef inline RareBook* rare_book(Nic* nic, int32_t index) noexcept nogil:
    """Only of a row that has one."""
    return &nic.ledger.rare_rows[index]


cdef RareBook* open_rare(Nic* nic, int32_t index) noexcept nogil:
    """As `rare_book`, which this row needs now."""
    cdef RareBook* rare
    if unlikely(not nic.ledger.rare):
        open_rare_books(nic)
        if not nic.ledger.rare:
            return <RareBook*>nic.scrap
    rare = &nic.ledger.rare_rows[index]
    if not nic.ledger.has_rare[index]:
        nic.ledger.has_rare[index] = 1
        rare.before = 0
        rare.which = 0
        rare.sample = 0
    return rare


cdef inline void wait_rarely(RareBook* rare, int wait, int64_t waited) noexcept nogil:
    """The row has waited for this, too, or for longer."""
    if rare.which >> wait & 1:
        rare.waits[wait] += waited
    else:
        rare.waits[wait] = waited
        rare.which |= <uint64_t>1 << wait


cdef inline int64_t rare_wait(RareBook* rare, int wait) noexcept nogil:
    return rare.waits[wait] if rare.which >> wait & 1 else 0


cdef uint32_t put_aside(Nic* nic, int32_t index, int wait, int64_t waited) noexcept nogil:
    """A row's wait that has no place in its book, or is too long for it."""
    wait_rarely(open_rare(nic, index), wait, waited)
    return 0


cdef inline uint32_t brief(Nic* nic, int32_t index, int wait, int64_t waited) noexcept nogil:
    """A row's wait as its book has it."""
    return <uint32_t>waited if likely(waited >> 32 == 0) else put_aside(nic, index, wait, waited)


# ---- a Tx row --------------------------------------------------------------------------------------

cdef void take_over_long(Nic* nic, int32_t index, ReadWaits* waits, int64_t walkers) noexcept nogil:
    """Some wait of the read is long."""
    cdef RowBook* row = row_book(nic, index)
    row.tags = brief(nic, index, WAIT_TAGS, waits.tags)
    row.read_buffer = brief(nic, index, WAIT_READ_BUFFER, waits.read_buffer)
    row.up_credits = brief(nic, index, WAIT_UP_CREDITS, waits.up_credits)
    row.up_link = brief(nic, index, WAIT_UP_LINK, waits.up_link)
    row.write_order = brief(nic, index, WAIT_WRITE_ORDER, waits.write_order)
    row.down_credits = brief(nic, index, WAIT_DOWN_CREDITS, waits.down_credits)
    row.down_link = brief(nic, index, WAIT_DOWN_LINK, waits.down_link)
    row.walkers = brief(nic, index, WAIT_WALKERS, walkers)


cdef void take_over_rare(Nic* nic, int32_t index, TlpBook* read) noexcept nogil:
    """The read has waited for what few wait for."""
    cdef RareBook* rare = open_rare(nic, index)
    if read.tag_cap:
        wait_rarely(rare, WAIT_TAG_CAP, read.tag_cap)
    if read.dma_issue:
        wait_rarely(rare, WAIT_DMA_ISSUE, read.dma_issue)


cdef inline void take_over_payload(Nic* nic, int32_t index) noexcept nogil:
    """All data is on board, with the request that has just been answered: its waits are the row's."""
    cdef RowBook* row = row_book(nic, index)
    cdef TlpBook* read = tlp_book(nic, nic.down.flying)
    cdef ReadWaits* waits = &read.waits
    row.asking = brief(nic, index, WAIT_SCHEDULER, read.asked - row.since)
    row.since = nic.edge
    if unlikely(read.tag_cap | read.dma_issue):
        take_over_rare(nic, index, read)
    if unlikely((waits.tags | waits.read_buffer | waits.up_credits | waits.up_link | waits.write_order | waits.down_credits
                 | waits.down_link | read.walkers) >> 32):
        take_over_long(nic, index, waits, read.walkers)
        return
    row.tags = <uint32_t>waits.tags
    row.read_buffer = <uint32_t>waits.read_buffer
    row.up_credits = <uint32_t>waits.up_credits
    row.up_link = <uint32_t>waits.up_link
    row.write_order = <uint32_t>waits.write_order
    row.down_credits = <uint32_t>waits.down_credits
    row.down_link = <uint32_t>waits.down_link
    row.walkers = <uint32_t>read.walkers


cdef inline void join_reorder(Nic* nic, int32_t index) noexcept nogil:
    """The frame is ready: it may have waited for an older one of its ring, and waits for the pipeline."""
    cdef RowBook* row
    if unlikely(not nic.rows[index].good):
        return
    row = row_book(nic, index)
    row.reorder = brief(nic, index, WAIT_REORDER, nic.now - row.since if nic.now > row.since else 0)
    row.since = waits_from(nic, LINE_TX_READY)


cdef inline int64_t paused_part(Nic* nic, int64_t since, int64_t until) noexcept nogil:
    """How long the wire is empty, and paused or down, between two times, of which the later follows its last change."""
    return max(0, min(nic.pause_until, until) - max(nic.pause_from, since))


cdef inline void leave_for_wire(Nic* nic, Timed* head, int64_t time) noexcept nogil:
    """The frame that passed the switch at `head.time` starts by the decision of `time`, both maybe a while ago. When it
    entered the pipeline follows."""
    cdef RowBook* row = row_book(nic, head.index)
    cdef int64_t waited = time - head.time
    row.pipe = brief(nic, head.index, WAIT_TX_PIPE, head.time - nic.tx_pipe - row.since)
    if unlikely(nic.ledger.changed_pause):
        put_aside(nic, head.index, WAIT_PAUSE, paused_part(nic, head.time, time))
        waited -= rare_wait(open_rare(nic, head.index), WAIT_PAUSE)
    row.last = brief(nic, head.index, WAIT_WIRE, waited)
    serve_frame(nic, head.index, time)


cdef void end_at_switch(Nic* nic, int32_t index) noexcept nogil:
    """A sent frame is at the switch, and goes no further."""
    row_book(nic, index).pipe = brief(nic, index, WAIT_TX_PIPE, nic.now - nic.tx_pipe - row_book(nic, index).since)
    row_book(nic, index).last = 0


cdef void change_pause(Nic* nic) noexcept nogil:
    """The wire is about to be paused, resumed or changed: what has been of the waits for it is settled."""
    cdef uint64_t position = nic.tx_wire.head
    cdef Timed* item
    while position < nic.tx_wire.tail:
        item = <Timed*>lane_at(&nic.tx_wire, position)
        if item.time >= nic.now:
            break
        put_aside(nic, item.index, WAIT_PAUSE, paused_part(nic, item.time, nic.now))
        position += 1
    nic.ledger.changed_pause = 1


# ---- a received row --------------------------------------------------------------------------------

cdef inline void join_parser(Nic* nic, int32_t index, int line, int64_t time) noexcept nogil:
    """A frame that arrived at `time` waits for the parser; what is known ahead are edges, one after the other."""
    cdef int64_t edge = edge_of(nic, time)
    cdef bint waits = nic.line_cause[LINE_INGRESS + line] == CAUSE_SERVER
    if likely(nic.ahead):
        if edge > nic.ingress_last:
            nic.ledger.parser_busy = NEVER
        waits = nic.ledger.parser_busy < time
        if edge <= nic.ingress_last:
            if nic.ledger.parser_busy == NEVER:
                nic.ledger.parser_busy = nic.ingress_last
            nic.line_clock[LINE_INGRESS][CAUSE_SERVER] += nic.core
    row_book(nic, index).since = time if waits else edge


cdef int64_t parser_overshoot(Nic* nic, int64_t time) noexcept nogil:
    """What the clock of `ingress` is ahead of `time`, with the parser for the wire alone; nothing if nobody has waited: NEVER."""
    return max(0, nic.ingress_last - max(time, nic.ledger.parser_busy))


cdef void share_parser(Nic* nic) noexcept nogil:
    """Frames of the wire are about to wait in a line: its clock goes with it from now on."""
    cdef bint waits = nic.ledger.parser_busy < nic.now and nic.ingress_last >= nic.now
    nic.line_clock[LINE_INGRESS][CAUSE_SERVER] -= parser_overshoot(nic, nic.now)
    nic.ledger.parser_busy = NEVER
    blame(nic, LINE_INGRESS, CAUSE_SERVER if waits else CAUSE_NONE)


cdef void blame_parser(Nic* nic) noexcept nogil:
    """SWITCH_INGRESS has decided."""
    cdef int line
    for line in range(2):
        blame(nic, LINE_INGRESS + line, CAUSE_NONE if lane_empty(&nic.ingress[line]) else CAUSE_SERVER)


cdef inline void leave_parser(Nic* nic, int32_t index) noexcept nogil:
    """STEERED: so it is known when it entered."""
    cdef RowBook* row = row_book(nic, index)
    nic.ledger.grants[SWITCH_INGRESS] += 1
    row.pipe = brief(nic, index, WAIT_RX_PIPE, nic.now - nic.rx_pipe - row.since)
    row.since = nic.now


cdef inline void join_writers(Nic* nic, int32_t index) noexcept nogil:
    """A frame has its descriptor."""
    cdef RowBook* row = row_book(nic, index)
    row.room = brief(nic, index, WAIT_NO_DESCRIPTOR, nic.now - row.since)
    row.since = waits_from(nic, LINE_RX_WRITE)


cdef void leave_writers(Nic* nic, WriteOp* op, int kind) noexcept nogil:
    """A TLP is moved; with the first of a payload its frame has waited."""
    nic.ledger.grants[WRITERS] += 1
    if kind == TLP_RX_PAYLOAD and op.done == 0:
        row_book(nic, op.row).turn = brief(nic, op.row, WAIT_WRITERS, nic.now - row_book(nic, op.row).since)


cdef inline void blame_writers(Nic* nic) noexcept nogil:
    """WRITERS has decided."""
    blame(nic, LINE_RX_WRITE, CAUSE_NONE if lane_empty(&nic.writers[RX_WRITE]) else CAUSE_SERVER)


cdef inline void note_written(Nic* nic, Tlp* tlp, int64_t time) noexcept nogil:
    """A write commits at `time`."""
    if tlp.kind == TLP_RX_WRITEBACK:
        row_book(nic, tlp.ref).since = time


cdef void end_wait_for_driver(Nic* nic, Ring* ring, int32_t index) noexcept nogil:
    """REAPED, by the pass under way."""
    row_book(nic, index).last = brief(nic, index, WAIT_DRIVER, nic.agents[ring.agent].began - row_book(nic, index).since)
