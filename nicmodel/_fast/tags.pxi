"""TAGS: who may have a read request out (`docs/time.md`, 4).

A request needs one tag and as many bytes of read buffer as it asks for, and holds both until its last
completion has arrived. What a request is for is its owner's business.
"""

cdef int32_t request_new(Nic* nic) noexcept nogil:
    """An unused request. The free ones beyond the first are chained."""
    cdef int32_t index = nic.free_request, each, room
    cdef Request* requests
    if index < 0:
        room = 64 if nic.num_requests == 0 else 2 * nic.num_requests
        requests = <Request*>realloc(nic.requests, room * sizeof(Request))
        if requests == NULL:
            latch(nic, FAULT_MEMORY, 6, room)
            return 0
        nic.requests = requests
        for each in range(nic.num_requests, room):
            requests[each].next_free = each + 1 if each + 1 < room else -1
        index = nic.num_requests
        nic.num_requests = room
    nic.free_request = nic.requests[index].next_free
    return index


cdef void request_forget(Nic* nic, int32_t index) noexcept nogil:
    nic.requests[index].next_free = nic.free_request
    nic.free_request = index


cdef int32_t read_piece(Nic* nic, uint64_t address, int32_t left) noexcept nogil:
    """Bytes of one read request: at most MRRS, inside one page."""
    cdef int32_t page = PAGE_BYTES - <int32_t>(address & (PAGE_BYTES - 1))
    cdef int32_t piece = left if left < nic.mrrs else nic.mrrs
    return piece if piece < page else page


cdef int32_t ask(Nic* nic, int klass, int32_t ring, uint64_t address, int32_t nbytes) noexcept nogil:
    """One read request joins its class; the caller adds row and offset."""
    cdef int32_t index = request_new(nic)
    cdef Request* request = &nic.requests[index]
    request.klass = klass
    request.ring = ring
    request.epoch = nic.rings[ring].epoch
    request.function = nic.rings[ring].function
    request.domain = nic.rings[ring].domain
    request.address = address
    request.nbytes = nbytes
    request.row = -1
    request.offset = 0
    push_index(nic, &nic.asking[klass], index)
    touch(nic, TAGS)
    return index


cdef int32_t ask_in_pieces(Nic* nic, int klass, int32_t ring, uint64_t address, int32_t nbytes) noexcept nogil:
    """The requests of one operation; how many they are."""
    cdef int32_t offset = 0, count = 0, piece, index
    while offset < nbytes:
        piece = read_piece(nic, address + offset, nbytes - offset)
        index = ask(nic, klass, ring, address + offset, piece)
        nic.requests[index].offset = offset
        offset += piece
        count += 1
    return count


cdef void request_end(Nic* nic, int32_t index) noexcept nogil:
    """Tag and buffer return: the last completion has arrived, or the request was taken back unsent."""
    nic.tags_free += 1
    nic.read_buffer_free += nic.requests[index].nbytes
    touch(nic, TAGS)


cdef inline bint fits(Nic* nic, int klass) noexcept nogil:
    """Does the head of this class find a tag and room?"""
    if lane_empty(&nic.asking[klass]) or nic.tags_free < 1:
        return False
    return nic.requests[index_at(&nic.asking[klass], nic.asking[klass].head)].nbytes <= nic.read_buffer_free


cdef void grant(Nic* nic, int klass) noexcept nogil:
    cdef int32_t index = pop_index(&nic.asking[klass])
    cdef Request* request = &nic.requests[index]
    cdef Tlp* tlp = queue_tlp(nic, &nic.up, &nic.up.nonposted, TLP_READ)
    nic.tags_free -= 1
    nic.read_buffer_free -= request.nbytes
    check(nic, nic.read_buffer_free >= 0, 20, nic.read_buffer_free)
    tlp.ref = index
    tlp.ring = request.ring
    tlp.epoch = request.epoch
    tlp.address = request.address
    tlp.nbytes = request.nbytes
    tlp.wire_bytes = memory_tlp_bytes(request.address, 0)


cdef void decide_tags(Nic* nic) noexcept nogil:
    """Grant in turns until no head fits; whoever still waits then waits for the pool."""
    cdef int klass, step
    cdef bint granted = True
    while granted:
        granted = False
        for step in range(3):
            klass = nic.tag_turn + step
            if klass >= 3:
                klass -= 3
            if fits(nic, klass):
                grant(nic, klass)
                nic.tag_turn = klass + 1 if klass < 2 else 0
                granted = True
                break
    for klass in range(3):
        blame(nic, LINE_RX_DESCRIPTOR + klass, CAUSE_NONE if lane_empty(&nic.asking[klass]) else CAUSE_POOL)
