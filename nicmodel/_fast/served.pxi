"""The books of servers (`docs/time.md`, 10): whom they served, and who was in the way of those that waited meanwhile.

One in SAMPLE entries of a line notes what its server has served so far; what has been served more when it leaves was in its way.
"""

cdef inline int64_t* served_of(Nic* nic, int server) noexcept nogil:
    """By function."""
    return nic.ledger.served[server]


cdef inline void serve(Nic* nic, int server, int32_t function, int64_t amount) noexcept nogil:
    served_of(nic, server)[function] += amount


# ---- samples ---------------------------------------------------------------------------------------

cdef bint samples_grow(Nic* nic) noexcept nogil:
    cdef Ledger* ledger = &nic.ledger
    cdef int32_t room = 64 if ledger.num_samples == 0 else 2 * ledger.num_samples, each
    cdef Sample* samples = <Sample*>realloc(ledger.samples, room * sizeof(Sample))
    cdef int64_t* seen
    if samples == NULL:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, room * <int64_t>sizeof(Sample))
        return False
    ledger.samples = samples
    seen = <int64_t*>realloc(ledger.seen, <size_t>room * nic.num_functions * sizeof(int64_t))
    if seen == NULL:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, room * <int64_t>nic.num_functions * <int64_t>sizeof(int64_t))
        return False
    ledger.seen = seen
    for each in range(ledger.num_samples, room):
        samples[each].next = each + 1 if each + 1 < room else -1
    ledger.free_sample = ledger.num_samples
    ledger.num_samples = room
    return True


cdef void take_sample(Nic* nic, int server, int32_t* sample, int32_t piece) noexcept nogil:
    """Notes what the server has served; joins the list at `sample`, in which later ones come last."""
    cdef Ledger* ledger = &nic.ledger
    cdef int32_t index
    if unlikely(ledger.free_sample < 0 and not samples_grow(nic)):
        return
    index = ledger.free_sample
    ledger.free_sample = ledger.samples[index].next
    while sample[0]:
        sample = &ledger.samples[sample[0] - 1].next
    sample[0] = index + 1
    ledger.samples[index].next = 0
    ledger.samples[index].piece = piece
    memcpy(ledger.seen + <size_t>index * nic.num_functions, served_of(nic, server), nic.num_functions * sizeof(int64_t))


cdef void forget_sample(Nic* nic, int32_t* sample) noexcept nogil:
    """Whatever is in the list counts no more."""
    cdef Ledger* ledger = &nic.ledger
    cdef int32_t index
    while sample[0]:
        index = sample[0] - 1
        sample[0] = ledger.samples[index].next
        ledger.samples[index].next = ledger.free_sample
        ledger.free_sample = index


cdef void end_sample(Nic* nic, int32_t* sample, int server, int32_t victim) noexcept nogil:
    """The first of the list leaves its line: what has been served meanwhile was in the way of its function."""
    cdef Ledger* ledger = &nic.ledger
    cdef int32_t index = sample[0] - 1, function
    cdef int64_t* seen = ledger.seen + <size_t>index * nic.num_functions
    cdef int64_t* served = served_of(nic, server)
    cdef int64_t* row = ledger.interference + (<size_t>server * nic.num_functions + victim) * nic.num_functions
    for function in range(nic.num_functions):
        row[function] += served[function] - seen[function]
    sample[0] = ledger.samples[index].next
    ledger.samples[index].next = ledger.free_sample
    ledger.free_sample = index


cdef inline bint is_sampled(Nic* nic, int line) noexcept nogil:
    """An entry of a line is counted: is it one of the sampled?"""
    cdef int32_t due = nic.ledger.due[line]
    nic.ledger.due[line] = due - 1 if due else SAMPLE - 1
    return due == 0


cdef inline void sample_entry(Nic* nic, int line, int server, int32_t* sample) noexcept nogil:
    """Something joins a line."""
    if unlikely(is_sampled(nic, line)):
        take_sample(nic, server, sample, 0)


# ---- completions: those of a read are one item in their line ---------------------------------------

cdef int32_t cut_completions(Nic* nic, Tlp* tlp, int32_t* before_last) noexcept nogil:
    """Into how many a read is cut, and how many bytes on the link all but the last are."""
    cdef uint64_t address = tlp.address
    cdef int32_t count = 1, left = tlp.nbytes, chunk = completion_chunk(nic, address, left)
    while chunk < left:
        count += 1
        before_last[0] += completion_tlp_bytes(nic, chunk)
        address += chunk
        left -= chunk
        chunk = completion_chunk(nic, address, left)
    return count


cdef inline void join_completions(Nic* nic, int32_t index, TlpBook* book) noexcept nogil:
    """All completions of a read join their line, or, where reads take turns, the first."""
    cdef Tlp* tlp = &nic.tlps[index]
    cdef int32_t count = 1, before_last = 0
    if unlikely(nic.split_rcb or tlp.nbytes > nic.mps):
        count = cut_completions(nic, tlp, &before_last)
    book.since = nic.now
    book.own = before_last * nic.down.byte_ticks >> TICK_BITS
    sample_completions(nic, index, 1 if nic.interleaved else count)


cdef inline void sample_completions(Nic* nic, int32_t index, int32_t count) noexcept nogil:
    """So many join it."""
    cdef int32_t before = nic.ledger.due[LINE_DOWN_COMPLETION]
    while unlikely(before < count):
        tlp_book(nic, index).started = 0
        take_sample(nic, SERVED_DOWN, &tlp_book(nic, index).sample, before)
        before += SAMPLE
    nic.ledger.due[LINE_DOWN_COMPLETION] = before - count


cdef void end_samples(Nic* nic, int server, Tlp* tlp, TlpBook* book) noexcept nogil:
    """A sampled TLP starts; of the completions of a read, one of them."""
    if tlp.kind == TLP_COMPLETION:
        book.started += 1
        if nic.ledger.samples[book.sample - 1].piece + 1 != book.started:
            return
    end_sample(nic, &book.sample, server, tlp.function)


# ---- the wire: frames join its line before it is known ---------------------------------------------

cdef inline void sample_frames(Nic* nic, int64_t time) noexcept nogil:
    """Up to `time` no other frame has started: sampled ones that have passed the switch note that."""
    cdef uint64_t position = nic.ledger.wire_position + <uint64_t>nic.ledger.due[LINE_TX_WIRE]
    cdef Timed* item
    while position < nic.tx_wire.tail:
        item = <Timed*>lane_at(&nic.tx_wire, position)
        if likely(item.time > time):
            return
        take_sample(nic, SERVED_WIRE, &open_rare(nic, item.index).sample, 0)
        nic.ledger.wire_position = position + 1
        nic.ledger.due[LINE_TX_WIRE] = SAMPLE - 1
        position += SAMPLE


cdef inline void serve_frame(Nic* nic, int32_t index, int64_t time) noexcept nogil:
    """A frame starts on the wire by the decision of `time`."""
    cdef Row* row = &nic.rows[index]
    sample_frames(nic, time)
    if unlikely(nic.ledger.has_rare[index]) and rare_book(nic, index).sample:
        end_sample(nic, &rare_book(nic, index).sample, SERVED_WIRE, row.function)
    serve(nic, SERVED_WIRE, row.function, (frame_length(row.nbytes) + AROUND_BYTES) * nic.wire_ticks)


cdef void note_frames(Nic* nic) noexcept nogil:
    """Frames are about to be taken out of the line: those that have joined it by now have been counted."""
    cdef int64_t left
    sample_frames(nic, nic.now - 1)
    left = <int64_t>(nic.tx_wire.head - nic.ledger.wire_position)
    if left > 0:                        # they have started
        nic.ledger.wire_position += <uint64_t>left
        nic.ledger.due[LINE_TX_WIRE] -= <int32_t>left
    while nic.ledger.wire_position < nic.tx_wire.tail:
        if (<Timed*>lane_at(&nic.tx_wire, nic.ledger.wire_position)).time >= nic.now:
            return
        nic.ledger.wire_position += 1
        nic.ledger.due[LINE_TX_WIRE] -= 1


cdef void update_wire_sample(Nic* nic) noexcept nogil:
    """They have been taken out: the first that is still to come."""
    cdef uint64_t position = nic.tx_wire.head
    while position < nic.tx_wire.tail and (<Timed*>lane_at(&nic.tx_wire, position)).time < nic.now:
        position += 1
    nic.ledger.wire_position = position
