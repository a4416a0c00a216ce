"""The books (`docs/time.md`, 10): what TLPs and rows wait for, a hook at each place where one joins a line or leaves it.

A wait is mostly a difference of two times, for a line blames somebody as long as anything waits in it; the clock of one
cause says what part of it that cause has. So a carrier notes when it joined, and of its line's clocks no more than
it needs. Who has the next carrier takes over what the one before has waited. Nothing here decides, and nobody enters
without `Nic.books`.
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

cdef inline void join_link(Nic* nic, Direction* way, Lane* line, int32_t index) noexcept nogil:
    """A TLP joins its line."""
    cdef int which = way.line + (0 if line == &way.posted else 1 if line == &way.nonposted else 2)
    tlp_book(nic, index).entered[0] = clock_at(nic, which, CAUSE_POOL, nic.now)
    if which == LINE_UP_POSTED or which == LINE_UP_NONPOSTED:
        sample_entry(nic, which, SERVED_UP, &tlp_book(nic, index).sample)
    elif which == LINE_DOWN_COMPLETION:
        sample_completions(nic, index)


cdef inline int64_t credits_lacked(Nic* nic, int line, int32_t index) noexcept nogil:
    """How long a TLP that leaves its line has been in it while the head lacked a credit."""
    return clock_at(nic, line, CAUSE_POOL, nic.now) - tlp_book(nic, index).entered[0]


cdef inline void start_up(Nic* nic, Tlp* tlp, int32_t index) noexcept nogil:
    """A TLP leaves for the root complex."""
    cdef TlpBook* book = tlp_book(nic, index)
    cdef RowBook* row
    cdef int64_t waited = nic.now - tlp.ready
    if tlp.kind == TLP_READ:
        book.up_credits = credits_lacked(nic, LINE_UP_NONPOSTED, index)
        book.up_link = waited - book.up_credits
        book.walkers = book.write_order = 0
        take_nonposted(nic)
        return
    if tlp.kind == TLP_ANSWER:
        return
    take_posted(nic, data_credits(tlp.nbytes))
    if tlp.kind == TLP_RX_WRITEBACK:
        row = row_book(nic, tlp.ref)
        row.waits[WAIT_UP_CREDITS] = credits_lacked(nic, LINE_UP_POSTED, index)
        row.waits[WAIT_UP_LINK] = waited - row.waits[WAIT_UP_CREDITS]
    elif tlp.kind == TLP_RX_PAYLOAD and tlp.last:
        row_book(nic, tlp.ref).payload = waited


cdef inline void start_down(Nic* nic, Tlp* tlp, int32_t index) noexcept nogil:
    """An access, or a completion: of a read the last one counts."""
    cdef TlpBook* book = tlp_book(nic, index)
    if tlp.kind == TLP_REGISTER_WRITE:
        book.down_credits = credits_lacked(nic, LINE_DOWN_POSTED, index)
        book.down_link = nic.now - tlp.ready - book.down_credits
    elif tlp.kind == TLP_COMPLETION and nic.down.flying_last:
        book.down_credits = credits_lacked(nic, LINE_DOWN_COMPLETION, index)
        book.down_link = nic.now - tlp.ready - book.down_credits


cdef inline void leave_link(Nic* nic, Direction* way, int32_t index, int64_t nbytes) noexcept nogil:
    """A TLP starts."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef int server = SERVED_UP if way == &nic.up else SERVED_DOWN
    if server == SERVED_UP:
        start_up(nic, tlp, index)
    else:
        start_down(nic, tlp, index)
    if tlp_book(nic, index).sample:
        end_samples(nic, server, tlp, index)
    serve(nic, server, tlp.function, nbytes * nic.pcie_ticks)


cdef void forget_tlp(Nic* nic, int32_t index) noexcept nogil:
    """A TLP has been taken out of its line."""
    forget_sample(nic, &tlp_book(nic, index).sample)


# ---- requests --------------------------------------------------------------------------------------

cdef inline void join_tags(Nic* nic, int klass, int32_t index) noexcept nogil:
    """A request is asked for."""
    cdef TlpBook* book = tlp_book(nic, index)
    cdef int cause
    book.asked = nic.now
    for cause in range(NUM_CAUSES):
        book.entered[cause] = clock_at(nic, LINE_RX_DESCRIPTOR + klass, cause, nic.now)


cdef inline void leave_tags(Nic* nic, int32_t index) noexcept nogil:
    """A request has its tag and its room."""
    cdef TlpBook* book = tlp_book(nic, index)
    cdef int line = LINE_RX_DESCRIPTOR + nic.tlps[index].klass
    nic.ledger.grants[TAGS] += 1
    take_tag(nic, index)
    if book.asked == nic.now:
        book.tag_cap = book.tags = book.dma_issue = book.read_buffer = 0
        return
    book.tag_cap = clock_at(nic, line, CAUSE_OWN, nic.now) - book.entered[CAUSE_OWN]
    book.tags = clock_at(nic, line, CAUSE_POOL, nic.now) - book.entered[CAUSE_POOL]
    book.dma_issue = clock_at(nic, line, CAUSE_SERVER, nic.now) - book.entered[CAUSE_SERVER]
    book.read_buffer = clock_at(nic, line, CAUSE_TURN, nic.now) - book.entered[CAUSE_TURN]


cdef inline int64_t waited_with_tag(TlpBook* book) noexcept nogil:
    """How long an answered request has waited since it had its tag."""
    return (book.up_credits + book.up_link + book.walkers + book.write_order + book.down_credits + book.down_link)


cdef inline void take_over_read(RowBook* row, TlpBook* book) noexcept nogil:
    """A read's last request has come home: its waits are the row's."""
    row.waits[WAIT_TAG_CAP] += book.tag_cap
    row.waits[WAIT_TAGS] += book.tags
    row.waits[WAIT_DMA_ISSUE] += book.dma_issue
    row.waits[WAIT_READ_BUFFER] += book.read_buffer
    row.waits[WAIT_UP_CREDITS] += book.up_credits
    row.waits[WAIT_UP_LINK] += book.up_link
    row.waits[WAIT_WALKERS] += book.walkers
    row.waits[WAIT_WRITE_ORDER] += book.write_order
    row.waits[WAIT_DOWN_CREDITS] += book.down_credits
    row.waits[WAIT_DOWN_LINK] += book.down_link


# ---- accesses --------------------------------------------------------------------------------------

cdef void join_port(Nic* nic, int32_t index) noexcept nogil:
    tlp_book(nic, index).since = waits_from(nic, LINE_ACCESS)


cdef void leave_port(Nic* nic, int32_t index) noexcept nogil:
    nic.ledger.grants[REGISTER_PORT] += 1
    tlp_book(nic, index).register_port = nic.now - tlp_book(nic, index).since


cdef void blame_port(Nic* nic) noexcept nogil:
    """REGISTER_PORT has decided."""
    blame(nic, LINE_ACCESS, CAUSE_NONE if lane_empty(&nic.accesses) else CAUSE_SERVER)


cdef void note_doorbell(Nic* nic, Batch* batch, Tlp* tlp) noexcept nogil:
    """A doorbell takes effect: descriptors that it covers take over what it has waited."""
    cdef TlpBook* book = tlp_book(nic, <int32_t>(tlp - nic.tlps))
    batch.down_credits = book.down_credits
    batch.down_link = book.down_link
    batch.register_port = book.register_port


# ---- a Tx row --------------------------------------------------------------------------------------

cdef inline void take_over_fetch(Nic* nic, int32_t index, Batch* batch) noexcept nogil:
    """A row is born of a descriptor: its doorbell's waits, the wait for the fetch, and that read's waits."""
    cdef RowBook* row = row_book(nic, index)
    cdef TlpBook* read = tlp_book(nic, nic.down.flying)
    row.waits[WAIT_REGISTER_PORT] = batch.register_port
    row.waits[WAIT_DOWN_CREDITS] = batch.down_credits
    row.waits[WAIT_DOWN_LINK] = batch.down_link
    row.waits[WAIT_DESCRIPTOR_FETCH] = max(0, read.asked - batch.doorbell)
    take_over_read(row, read)


cdef inline void take_over_payload(Nic* nic, int32_t index) noexcept nogil:
    """All data is on board, with the request that has just been answered."""
    cdef RowBook* row = row_book(nic, index)
    cdef TlpBook* read = tlp_book(nic, nic.down.flying)
    row.waits[WAIT_SCHEDULER] += read.asked - row.scheduled
    row.stored = (read.asked - row.scheduled + read.tag_cap + read.tags + read.dma_issue + read.read_buffer
                  + waited_with_tag(read))
    take_over_read(row, read)
    row.since = nic.edge


cdef inline void join_reorder(Nic* nic, int32_t index) noexcept nogil:
    """The frame is ready: it may have waited for an older one of its ring, and waits for the pipeline."""
    cdef RowBook* row = row_book(nic, index)
    if nic.now > row.since and nic.rows[index].good:
        row.waits[WAIT_REORDER] = nic.now - row.since
        row.stored += nic.now - row.since
    row.since = waits_from(nic, LINE_TX_READY)


cdef inline void pass_switch(Nic* nic, RowBook* row, int64_t time) noexcept nogil:
    """A sent frame was at the switch at `time`, so it is known when it entered the pipeline."""
    row.waits[WAIT_TX_PIPE] = time - nic.tx_pipe - row.since
    row.stored += row.waits[WAIT_TX_PIPE]


cdef inline int64_t paused_part(Nic* nic, int64_t since, int64_t until) noexcept nogil:
    """How long the wire is paused or down between two times, of which the later follows its last change."""
    if since < nic.ledger.pause_since:
        since = nic.ledger.pause_since
    return max(0, min(nic.pause_until, until) - since)


cdef inline void leave_for_wire(Nic* nic, Timed* head, int64_t time) noexcept nogil:
    """The frame that passed the switch at `head.time` starts by the decision of `time`, both maybe a while ago."""
    cdef RowBook* row = row_book(nic, head.index)
    cdef int64_t paused = 0
    pass_switch(nic, row, head.time)
    if time > head.time:
        paused = row.paused + paused_part(nic, head.time, time)
        row.waits[WAIT_PAUSE] = paused
        row.waits[WAIT_WIRE] = time - head.time - paused
        row.stored += time - head.time
    serve_frame(nic, head.index, time)


cdef void change_pause(Nic* nic) noexcept nogil:
    """The wire is about to be paused, resumed or changed: what has been of the waits for it is settled."""
    cdef uint64_t position = nic.tx_wire.head
    cdef Timed* item
    while position < nic.tx_wire.tail:
        item = <Timed*>lane_at(&nic.tx_wire, position)
        if item.time >= nic.now:
            break
        row_book(nic, item.index).paused += paused_part(nic, item.time, nic.now)
        position += 1
    nic.ledger.pause_since = nic.now


# ---- a received row --------------------------------------------------------------------------------

cdef inline void join_parser(Nic* nic, int32_t index, int line, int64_t time) noexcept nogil:
    """A frame that arrived at `time` waits for the parser; what is known ahead are edges, one after the other."""
    cdef int64_t edge = edge_of(nic, time)
    cdef bint waits = nic.line_cause[LINE_INGRESS + line] == CAUSE_SERVER
    if nic.ahead:
        if edge > nic.ingress_last:
            nic.ledger.parser_busy = NEVER
        waits = nic.ledger.parser_busy < time
        if edge <= nic.ingress_last:
            if nic.ledger.parser_busy == NEVER:
                nic.ledger.parser_busy = nic.ingress_last
            nic.line_clock[LINE_INGRESS][CAUSE_SERVER] += nic.core
    row_book(nic, index).since = time if waits else edge


cdef int64_t parser_overshoot(Nic* nic, int64_t time) noexcept nogil:
    """What the clock of `ingress` is ahead of `time`, with the parser for the wire alone."""
    if nic.ledger.parser_busy == NEVER:
        return 0
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
    row.waits[WAIT_RX_PIPE] = nic.now - nic.rx_pipe - row.since
    row.since = nic.now


cdef inline void join_writers(Nic* nic, int32_t index) noexcept nogil:
    """A frame has its descriptor."""
    cdef RowBook* row = row_book(nic, index)
    row.waits[WAIT_NO_DESCRIPTOR] = nic.now - row.since
    row.since = waits_from(nic, LINE_RX_WRITE)


cdef inline void leave_writers(Nic* nic, WriteOp* op, int kind) noexcept nogil:
    """A TLP is moved; with the first of a payload its frame has waited."""
    nic.ledger.grants[WRITERS] += 1
    if kind == TLP_RX_PAYLOAD and op.done == 0:
        row_book(nic, op.row).waits[WAIT_WRITERS] = nic.now - row_book(nic, op.row).since


cdef inline void blame_writers(Nic* nic) noexcept nogil:
    """WRITERS has decided."""
    blame(nic, LINE_RX_WRITE, CAUSE_NONE if lane_empty(&nic.writers[RX_WRITE]) else CAUSE_SERVER)


cdef inline void note_written(Nic* nic, Tlp* tlp, int64_t time) noexcept nogil:
    """A write commits at `time`."""
    if tlp.kind == TLP_RX_WRITEBACK:
        row_book(nic, tlp.ref).written = time


cdef inline void end_wait_for_driver(Nic* nic, Ring* ring, int32_t index) noexcept nogil:
    """REAPED, by the pass under way."""
    row_book(nic, index).waits[WAIT_DRIVER] = nic.agents[ring.agent].began - row_book(nic, index).written


# ---- the end of a row ------------------------------------------------------------------------------

cdef inline void close_row(Nic* nic, Row* row, int direction) noexcept nogil:
    """A row is delivered: its waits join those of its function."""
    cdef int64_t* waits = row_book(nic, <int32_t>(row - nic.rows)).waits
    cdef int64_t* sums = nic.ledger.waits + (2 * row.function + direction) * (NUM_WAITS + 1)
    cdef int wait
    for wait in range(NUM_WAITS):
        sums[wait] += waits[wait]
    sums[NUM_WAITS] += nic.now - row.born
    if nic.record_rows:
        memcpy(nic.ledger.row_waits + row.serial * NUM_WAITS, waits, NUM_WAITS * sizeof(int64_t))


# ---- the root complex ------------------------------------------------------------------------------

cdef void reach_memory(Nic* nic, int32_t index) noexcept nogil:
    """A TLP is at the root complex."""
    tlp_book(nic, index).since = nic.now
    tlp_book(nic, index).walkers = tlp_book(nic, index).write_order = 0


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
    cdef TlpBook* book = tlp_book(nic, index)
    cdef Tlp* tlp = &nic.tlps[index]
    book.write_order = nic.now - book.since
    note_written(nic, tlp, time)
    if tlp.kind == TLP_RX_WRITEBACK:
        row_book(nic, tlp.ref).waits[WAIT_WALKERS] = book.walkers
        row_book(nic, tlp.ref).waits[WAIT_WRITE_ORDER] = book.write_order
