"""Root complex and memory (`docs/time.md`, 3).

  reach_root         a TLP has started on its way up: when writes commit and reads sample is decided
  commit_up_end      a TLP is here that Python hears of: an answer, or an access to a message domain
  commit_mem_commit  a write is visible: bytes, stamps, credits
  commit_mem_read    a read that waited for earlier writes samples memory
  commit_read_done   memory has answered: the completions wait for the way down

With an IOMMU `walks` has what happens; with IDO, or where `walks` does not plan, nothing is known before a TLP has arrived:
`scopes`.
"""

# ---- arrivals --------------------------------------------------------------------------------------

cdef inline bint is_live(Nic* nic, Tlp* tlp) noexcept nogil:
    """Has the ring not been revoked since?"""
    return tlp.epoch == nic.rings[tlp.ring].epoch


cdef inline void reach_root(Nic* nic, int32_t index, int64_t end) noexcept nogil:
    """A TLP has started that arrives at `end`. A start is final and arrivals are in order, so that what follows from the
    arrival is known: no event is spent on it."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef int64_t time
    if unlikely(nic.root_rules):
        start_to_root(nic, index, end)
        return
    if unlikely(tlp.kind == TLP_ANSWER or is_message_domain(nic, tlp.domain)):
        set_when(nic, RANK_UP_END, end)
    elif unlikely(nic.iommu.plans):
        plan_at_root(nic, index, end)
    elif tlp.kind == TLP_READ:
        time = end if end > nic.last_commit else nic.last_commit
        if nic.books:
            order_read(nic, index, end, time)
        answer_at(nic, index, time)     # reads sample in the order of their starts
        if nic.payload == PAYLOAD_LENGTHS and tlp.klass == CLASS_PAYLOAD:
            release_nonposted(nic, &nic.down, time)     # no byte is sampled
            if nic.books:
                release_read_at(nic, index, time)
        else:
            timed_pushed(nic, &nic.mem_reads, RANK_MEM_READ, time, index)
    else:
        time = end + nic.write_latency
        nic.last_commit = time if time > nic.last_commit else nic.last_commit
        write_at(nic, index, end, nic.last_commit)


cdef inline void write_at(Nic* nic, int32_t index, int64_t end, int64_t time) noexcept nogil:
    """A write arrives at `end` and commits at `time`."""
    cdef Tlp* tlp = &nic.tlps[index]
    release_posted(nic, &nic.down, tlp.nbytes, time)
    if nic.books:
        note_written(nic, tlp, time)
    if tlp.kind == TLP_RX_PAYLOAD:
        if tlp.last:
            return_room_at(nic, tlp, end)
        if is_unseen(nic):
            tlp_free(nic, index)
            return
    commit_at(nic, index, time)


cdef void commit_up_end(Nic* nic) noexcept nogil:
    """The last byte of an upstream transfer is here, and somebody waits for it."""
    cdef int32_t index = nic.up.flying
    cdef Tlp* tlp
    set_when(nic, RANK_UP_END, NEVER)
    if take_credits(nic, &nic.up):
        return
    tlp = &nic.tlps[index]
    if tlp.kind == TLP_ANSWER:
        post_upcall(nic, UPCALL_MMIO_DONE, 2, tlp.ref, tlp.value, 0, 0)
        tlp_free(nic, index)
    elif nic.root_rules:
        arrive_at_root(nic, index)
    elif tlp.kind == TLP_READ:
        if nic.iommu.plans:
            plan_arrived(nic, index)
        elif nic.last_commit > nic.now:
            if nic.books:
                order_read(nic, index, nic.now, nic.last_commit)
            timed_pushed(nic, &nic.mem_reads, RANK_MEM_READ, nic.last_commit, index)
        else:
            sample(nic, index)
    else:
        if tlp.kind == TLP_RX_PAYLOAD and tlp.last and is_live(nic, tlp):
            settle_arrivals(nic, nic.now)
            end_rx_payload(nic, tlp.ref, nic.now, payload_waited(nic, tlp))
        release_posted(nic, &nic.down, tlp.nbytes, nic.now)
        commit_write(nic, index)
        tlp_free(nic, index)


# ---- writes ----------------------------------------------------------------------------------------

cdef inline bint is_blocked(Nic* nic, Tlp* tlp) noexcept nogil:
    """Has the IOMMU found no page for it?"""
    return unlikely(nic.iommu.entries) and not tlp.mapped


cdef inline bint is_payload_written(Nic* nic, Row* row, Tlp* tlp) noexcept nogil:
    """Is this the last of a payload's TLPs to commit? With RO that may be any of them."""
    if likely(not nic.relaxed):
        return tlp.last
    row.arrived += tlp.nbytes
    return row.arrived == row.nbytes


cdef void move_write(Nic* nic, Tlp* tlp, uint8_t* data, int32_t nbytes) noexcept nogil:
    """The bytes of a write land: in the arena, or in Python's hands."""
    cdef QueuedUpcall* upcall
    if not is_message_domain(nic, tlp.domain):
        if nbytes and not is_blocked(nic, tlp):
            write_host(nic, tlp.function, tlp.domain, tlp.address, tlp.address, data, nbytes)
        return
    upcall = post_upcall(nic, UPCALL_DMA_WRITE, 4, 0, tlp.function, <int64_t>tlp.address, tlp.nbytes)
    if nbytes:
        upcall.data = buffer_take(nic, nbytes, &upcall.data_class)
        if upcall.data != NULL:
            upcall.nbytes = nbytes
            memcpy(upcall.data, data, nbytes)


cdef inline void commit_live_write(Nic* nic, Tlp* tlp) noexcept nogil:
    cdef uint8_t written[PAGE_BYTES]        # a TLP is never longer than a page
    cdef Row* row
    cdef uint64_t position
    if tlp.kind == TLP_RX_PAYLOAD:
        row = &nic.rows[tlp.ref]
        move_write(nic, tlp, row.data + tlp.offset, moving_part(moving(nic, row.nbytes), tlp.offset, tlp.nbytes))
        if is_payload_written(nic, row, tlp):
            stamp(nic, row, STAGE_DATA_WRITTEN, nic.now)
            row_forget_bytes(nic, row)
    elif tlp.kind == TLP_RX_WRITEBACK:
        compose_writeback(nic, tlp, written)
        move_write(nic, tlp, written, tlp.nbytes)
        commit_rx_writeback(nic, tlp.ref)
    else:
        compose_writeback(nic, tlp, written)
        move_write(nic, tlp, written, tlp.nbytes)
        position = <uint64_t>tlp.value
        nic.rings[tlp.ring].visible = position + tlp.nbytes // DESCRIPTOR_BYTES
        if tlp.last:
            commit_tx_writeback(nic, tlp.ring, position - tlp.offset // DESCRIPTOR_BYTES,
                                position + tlp.nbytes // DESCRIPTOR_BYTES)


cdef void commit_write(Nic* nic, int32_t index) noexcept nogil:
    """A posted write is visible."""
    cdef Tlp* tlp = &nic.tlps[index]
    if tlp.kind == TLP_MESSAGE:
        commit_message(nic, tlp.ref)
    elif unlikely(tlp.kind == TLP_ORPHAN):
        move_write(nic, tlp, <uint8_t*>tlp.value, tlp.offset)
        if tlp.value:
            buffer_return(nic, <uint8_t*>tlp.value, tlp.klass)
    else:
        concerns(nic, tlp.function)
        commit_live_write(nic, tlp)


cdef inline bint is_unseen(Nic* nic) noexcept nogil:
    """Does the commit of received payload change nothing? It has no byte and no stamp then."""
    return nic.payload == PAYLOAD_LENGTHS and not nic.record_rows


cdef inline bint is_quiet(Nic* nic, Tlp* tlp) noexcept nogil:
    """Does nobody hear of this commit? It only changes memory and what an agent will find there."""
    return (not nic.record_rows and (tlp.kind == TLP_RX_WRITEBACK or tlp.kind == TLP_TX_WRITEBACK)
            and nic.rings[tlp.ring].agent >= 0
            and host_bytes(nic, tlp.domain, tlp.address, <uint64_t>tlp.nbytes) != NULL)


cdef inline void commit_at(Nic* nic, int32_t index, int64_t time) noexcept nogil:
    """A write commits at `time`. A quiet one takes no event: it is carried out before anybody looks."""
    push_timed(nic, &nic.mem_commits, time, index)
    if not is_quiet(nic, &nic.tlps[index]):
        timed_pushed(nic, &nic.loud_commits, RANK_MEM_COMMIT, time, index)


cdef void settle_commits(Nic* nic, int64_t before) noexcept nogil:
    """Writes that commit before this time have."""
    cdef int32_t index
    while front_time(&nic.mem_commits) < before:
        index = front_timed(&nic.mem_commits).index
        lane_pop(&nic.mem_commits)
        if unlikely(nic.root_rules):
            commit_at_root(nic, index)
        else:
            commit_write(nic, index)
            tlp_free(nic, index)


cdef void commit_mem_commit(Nic* nic) noexcept nogil:
    """Somebody hears of a commit; those before it come first."""
    settle_commits(nic, nic.now + 1)
    while front_time(&nic.loud_commits) <= nic.now:
        lane_pop(&nic.loud_commits)
    set_when(nic, RANK_MEM_COMMIT, front_time(&nic.loud_commits))


cdef void hear_commits(Nic* nic) noexcept nogil:
    """Memory has been mapped anew: every write under way gets an event again, for what it will find is no longer known."""
    cdef uint64_t position
    cdef Timed* item
    lane_clear(&nic.loud_commits)
    for position in range(nic.mem_commits.head, nic.mem_commits.tail):
        item = <Timed*>lane_at(&nic.mem_commits, position)
        push_timed(nic, &nic.loud_commits, item.time, item.index)
    set_when(nic, RANK_MEM_COMMIT, front_time(&nic.loud_commits))


# ---- reads -----------------------------------------------------------------------------------------

cdef enum:
    DRAWS_JITTER = 1
    DRAWS_DRAM = 2
    DRAWS_TAIL = 4


cdef inline int64_t draw(Nic* nic, uint64_t purpose, int32_t function, uint64_t serial, int64_t below) noexcept nogil:
    """Twin of `rng.draw`."""
    cdef uint64_t stream = purpose * STREAM_STEP + <uint64_t>function
    cdef uint64_t x
    x = nic.seed * SEED_FACTOR + stream * STREAM_FACTOR + serial * SERIAL_FACTOR
    x = (x ^ (x >> 30)) * STREAM_FACTOR
    x = (x ^ (x >> 27)) * SERIAL_FACTOR
    x = x ^ (x >> 31)
    return <int64_t>(((x >> 32) * <uint64_t>below) >> 32)


cdef int64_t drawn_rarely(Nic* nic, int32_t function, uint64_t serial) noexcept nogil:
    """What some reads pay."""
    cdef int64_t latency = 0
    if nic.draws & DRAWS_DRAM:      # no branch for a toss of a coin
        latency += nic.dram & -<int64_t>(draw(nic, DRAM_STREAM, function, serial, WHOLE_SHARE) < nic.dram_share)
    if nic.draws & DRAWS_TAIL and draw(nic, TAIL_STREAM, function, serial, WHOLE_SHARE) < nic.tail_share:
        latency += nic.tail
    return latency


cdef inline int64_t drawn_latency(Nic* nic, int32_t function) noexcept nogil:
    """What chance adds to the latency of the function's next read."""
    cdef uint64_t serial = nic.functions[function].reads
    cdef int64_t latency = draw(nic, READ_STREAM, function, serial, nic.read_jitter + 1)
    nic.functions[function].reads += 1
    if unlikely(nic.draws & (DRAWS_DRAM | DRAWS_TAIL)):
        latency += drawn_rarely(nic, function, serial)
    return latency


cdef int32_t sample_target(Nic* nic, Tlp* request, uint8_t** into) noexcept nogil:
    """Where the sampled bytes belong, and how many of them move. A revoked request has no place."""
    cdef Row* row
    cdef bint live = request.epoch == nic.rings[request.ring].epoch
    into[0] = NULL
    if request.klass != CLASS_PAYLOAD:
        if live:
            into[0] = nic.rings[request.ring].fetched + request.offset
        return request.nbytes
    if not live:
        return moving_part(moving(nic, request.offset + request.nbytes), request.offset, request.nbytes)
    row = &nic.rows[request.ref]
    if row.data == NULL and nic.payload:
        row.data = buffer_take(nic, moving(nic, row.nbytes), &row.data_class)
    if row.data != NULL:
        into[0] = row.data + request.offset
    return moving_part(moving(nic, row.nbytes), request.offset, request.nbytes)


cdef inline void answer_at(Nic* nic, int32_t index, int64_t time) noexcept nogil:
    """Memory is sampled at `time`; its answer is the READ_DONE."""
    time += nic.read_latency
    if likely(nic.draws):
        time += drawn_latency(nic, nic.tlps[index].function)
    push_sorted(nic, &nic.read_dones, time, index)
    prefetch(&nic.rings[nic.tlps[index].ring].ready)
    if nic.tlps[index].klass == CLASS_PAYLOAD:
        prefetch(&nic.rows[nic.tlps[index].ref])
    if time < when(nic, RANK_READ_DONE):
        set_when(nic, RANK_READ_DONE, time)


cdef void sample(Nic* nic, int32_t index) noexcept nogil:
    """Memory is read now; its answer is on its way. In a message domain Python answers."""
    cdef Tlp* request = &nic.tlps[index]
    cdef QueuedUpcall* upcall
    release_nonposted(nic, &nic.down, nic.now)
    if nic.books:
        release_read(nic, index)
    if is_message_domain(nic, request.domain):
        nic.dma_serial += 1
        upcall = post_upcall(nic, UPCALL_DMA_READ, 4, nic.dma_serial, request.function, <int64_t>request.address,
                             request.nbytes)
        upcall.nbytes = -1 - index      # for the door, which keeps track of unanswered reads
        return
    if nic.root_rules or nic.iommu.plans:
        answer_at(nic, index, nic.now)
    if nic.payload != PAYLOAD_LENGTHS or request.klass != CLASS_PAYLOAD:
        sample_bytes(nic, request)


cdef void sample_bytes(Nic* nic, Tlp* request) noexcept nogil:
    """Those that move are what memory holds now; of a page that is not mapped, zeros."""
    cdef uint8_t unwanted[PAGE_BYTES]
    cdef uint8_t* into
    cdef int32_t nbytes = sample_target(nic, request, &into)
    if unlikely(into == NULL):
        into = unwanted
    settle_commits(nic, nic.now + 1)
    if is_blocked(nic, request):
        memset(into, 0, nbytes)
    elif nbytes:
        read_host(nic, request.function, request.domain, request.address, request.address, into, nbytes)
    if request.klass != CLASS_PAYLOAD and is_live(nic, request):
        prefetch_descriptors(nic, request.ring)


cdef inline void commit_mem_read(Nic* nic) noexcept nogil:
    cdef int32_t index
    if unlikely(nic.root_rules):
        commit_timed_at_root(nic)
        return
    if unlikely(nic.iommu.plans):
        commit_planned(nic)
        return
    index = front_timed(&nic.mem_reads).index
    timed_popped(nic, &nic.mem_reads, RANK_MEM_READ)
    sample(nic, index)


cdef inline void commit_read_done(Nic* nic) noexcept nogil:
    cdef int32_t index = front_timed(&nic.read_dones).index
    timed_popped(nic, &nic.read_dones, RANK_READ_DONE)
    prefetch(&nic.tlps[front_timed(&nic.read_dones).index])     # the next, if there is one
    send_completions(nic, index)


cdef void answer_read(Nic* nic, int32_t index, uint8_t* data, int32_t nbytes) noexcept nogil:
    """Python answers a read of a message domain: this is its READ_DONE. Bytes that are missing are zero."""
    cdef uint8_t* into
    cdef int32_t wanted = sample_target(nic, &nic.tlps[index], &into)
    if into != NULL and wanted:
        memset(into, 0, wanted)
        memcpy(into, data, wanted if wanted < nbytes else nbytes)
    queue_completions(nic, index)
