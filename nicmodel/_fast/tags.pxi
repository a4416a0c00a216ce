"""TAGS: who may have a read request out (`docs/time.md`, 4).

A request needs one tag and as many bytes of read buffer as it asks for, and holds both until its last
completion has arrived. What a request is for is its owner's business. Caps, a reserve, policies and pacing are in
`shares`.
"""

cdef inline int32_t read_piece(Nic* nic, uint64_t address, int32_t left) noexcept nogil:
    """Bytes of one read request: at most MRRS, inside one page."""
    cdef int32_t page = PAGE_BYTES - <int32_t>(address & (PAGE_BYTES - 1))
    cdef int32_t piece = left if left < nic.mrrs else nic.mrrs
    return piece if piece < page else page


cdef enum:
    UP_TO_TAGS = (1 << (TAGS + 1)) - (1 << (TX_SCHEDULER + 1))      # arbiters that decide after TX_SCHEDULER, TAGS the last


cdef inline int32_t request_new(Nic* nic, int klass, int32_t index, uint64_t address, int32_t nbytes, int32_t offset,
                                int32_t row) noexcept nogil:
    """One read request of a ring; `offset` is its place in its operation, `row` that of a payload, or -1."""
    cdef int32_t request = tlp_new(nic, TLP_READ)
    cdef Tlp* tlp = &nic.tlps[request]
    cdef Ring* ring = &nic.rings[index]
    tlp.klass = <uint8_t>klass
    tlp.ring = index
    tlp.epoch = ring.epoch
    tlp.function = <uint16_t>ring.function
    tlp.domain = ring.domain
    tlp.address = address
    tlp.nbytes = nbytes
    tlp.ref = row
    tlp.offset = offset
    tlp.wire_bytes = <uint16_t>memory_tlp_bytes(nic, address, 0)
    return request


cdef inline void ask(Nic* nic, int klass, int32_t request) noexcept nogil:
    """A request joins its class."""
    if unlikely(nic.tag_lists):
        ask_by_function(nic, klass, request)
    else:
        push_index(nic, &nic.asking[klass], request)
    if nic.books:
        join_tags(nic, klass, request)
    touch(nic, TAGS)


cdef inline void ask_for_payload(Nic* nic, int32_t request) noexcept nogil:
    """TX_SCHEDULER has decided, and asks. If nobody asks already, and nobody who might has a turn before TAGS, then that grants
    it in this instant, so it is granted at once."""
    if nic.touched & UP_TO_TAGS or nic.tags_blamed | nic.tag_rules or not finds_room(nic, request):
        ask(nic, CLASS_PAYLOAD, request)
        return
    enter_stage(nic, NUM_RANKS + TAGS)
    if nic.books:
        nic.tlps[request].ready = nic.now
    take_tag_and_room(nic, request)
    nic.tag_turn = 0
    send_request(nic, request)


cdef int32_t ask_in_pieces(Nic* nic, int klass, int32_t ring, uint64_t address, int32_t nbytes) noexcept nogil:
    """The requests of one operation; how many they are."""
    cdef int32_t offset = 0, count = 0, piece
    while offset < nbytes:
        piece = read_piece(nic, address + offset, nbytes - offset)
        ask(nic, klass, request_new(nic, klass, ring, address + offset, piece, offset, -1))
        offset += piece
        count += 1
    return count


cdef inline bint asked_for(Nic* nic) noexcept nogil:
    return ((nic.asking[0].tail - nic.asking[0].head) | (nic.asking[1].tail - nic.asking[1].head)
            | (nic.asking[2].tail - nic.asking[2].head)) != 0


cdef inline void request_end(Nic* nic, int32_t index) noexcept nogil:
    """Tag and buffer return: the last completion has arrived, or the request was taken back unsent."""
    nic.tags_free += 1
    nic.read_buffer_free += nic.tlps[index].nbytes
    if unlikely(nic.tag_lists):
        return_to_cap(nic, nic.tlps[index].function)
    if asked_for(nic):
        touch(nic, TAGS)


cdef inline bint finds_room(Nic* nic, int32_t request) noexcept nogil:
    """Is there a tag for this request, and read buffer?"""
    return nic.tags_free >= 1 and nic.tlps[request].nbytes <= nic.read_buffer_free


cdef inline bint fits(Nic* nic, int klass) noexcept nogil:
    """Does the head of this class find a tag and room?"""
    return not lane_empty(&nic.asking[klass]) and finds_room(nic, front_index(&nic.asking[klass]))


cdef inline void take_tag_and_room(Nic* nic, int32_t index) noexcept nogil:
    """A request has its tag and its room in the read buffer."""
    concerns(nic, nic.tlps[index].function)
    nic.tags_free -= 1
    nic.read_buffer_free -= nic.tlps[index].nbytes
    check(nic, nic.read_buffer_free >= 0, HOLDS_READ_BUFFER, nic.read_buffer_free)
    if nic.books:
        leave_tags(nic, index)


cdef inline int32_t grant(Nic* nic, int klass) noexcept nogil:
    """The head of this class may go."""
    cdef int32_t index = pop_index(&nic.asking[klass])
    take_tag_and_room(nic, index)
    return index


cdef inline void blame_classes(Nic* nic, int32_t causes) noexcept nogil:
    """What the three lines wait for."""
    cdef int klass
    if causes == nic.tags_blamed:
        return
    nic.tags_blamed = causes
    for klass in range(3):
        blame(nic, LINE_RX_DESCRIPTOR + klass, cause_in(causes, klass))


cdef inline void decide_tags(Nic* nic) noexcept nogil:
    """Grant in turns until no head fits; whoever still waits then lacks a tag, or read buffer."""
    cdef int klass = nic.tag_turn, refused = 0, lacking
    if unlikely(nic.tag_rules):
        decide_tags_by_rules(nic)
        return
    while refused < 3 and nic.tags_free >= 1:
        if fits(nic, klass):
            queue_tlp(nic, &nic.up, &nic.up.nonposted, grant(nic, klass))
            refused = 0
            nic.tag_turn = klass + 1 if klass < 2 else 0
        else:
            refused += 1
        klass = klass + 1 if klass < 2 else 0
    lacking = CAUSE_POOL if nic.tags_free < 1 else CAUSE_TURN
    blame_classes(nic, byte_of_line(&nic.asking[0], lacking, 0) | byte_of_line(&nic.asking[1], lacking, 1)
                  | byte_of_line(&nic.asking[2], lacking, 2))
    if nic.books:
        review_read_buffer(nic)
