"""TLPs: how many bytes and credits they take, and the slots they live in."""

cdef inline int32_t memory_tlp_bytes(Nic* nic, uint64_t address, int32_t payload) noexcept nogil:
    """Twin of `pcie_link.memory_tlp_bytes`, with the digest."""
    return nic.framing + (HEADER_4DW_BYTES if address >> 32 else HEADER_3DW_BYTES) + ((payload + 3) & ~3)


cdef inline int32_t completion_tlp_bytes(Nic* nic, int32_t payload) noexcept nogil:
    """Twin of `pcie_link.completion_tlp_bytes`, with the digest."""
    return nic.framing + COMPLETION_HEADER_BYTES + ((payload + 3) & ~3)


cdef inline int64_t data_credits(int32_t payload) noexcept nogil:
    return <int64_t>(<uint32_t>(payload + DATA_CREDIT_BYTES - 1) // DATA_CREDIT_BYTES)


cdef enum:
    SPOILT = 0x5A       # every byte of a slot that is free, in a checked build


cdef bint tlps_grow(Nic* nic) noexcept nogil:
    """More slots, chained. False when memory has run out."""
    cdef int32_t room = 64 if nic.num_tlps == 0 else 2 * nic.num_tlps, each
    cdef Side* sides
    nic.tlps = <Tlp*>lines_grow(nic.tlps, nic.num_tlps * sizeof(Tlp), room * sizeof(Tlp), &nic.tlp_memory)
    if nic.tlp_memory.full:
        latch(nic, FAULT_MEMORY, ROOM_TLPS, room * <int64_t>sizeof(Tlp))
        return False
    sides = <Side*>realloc(nic.sides, room * sizeof(Side))
    if sides == NULL:
        latch(nic, FAULT_MEMORY, ROOM_TLPS, room * <int64_t>sizeof(Side))
        return False
    nic.sides = sides
    memset(sides + nic.num_tlps, 0, (room - nic.num_tlps) * sizeof(Side))
    if nic.books and not tlp_books_grow(nic, room):
        return False
    for each in range(nic.num_tlps, room):
        nic.tlps[each].ref = each + 1 if each + 1 < room else -1
    nic.free_tlp = nic.num_tlps
    nic.num_tlps = room
    return True


cdef inline int32_t tlp_new(Nic* nic, int kind) noexcept nogil:
    """An unused slot; the last one freed, for it is in the cache. Pointers to TLPs are void after this call."""
    cdef int32_t index
    cdef Tlp* tlp
    if unlikely(nic.free_tlp < 0):
        if not tlps_grow(nic):
            return 0
    index = nic.free_tlp
    tlp = &nic.tlps[index]
    nic.free_tlp = tlp.ref
    tlp.kind = <uint8_t>kind
    tlp.ring = tlp.domain = -1
    return index


cdef void spoil_tlp(Nic* nic, int32_t index) noexcept nogil:
    """In a checked build: what a slot held is nonsense to whoever uses it next. Whoever looks for TLPs at the root looks at all
    slots, so of that nothing may be left."""
    cdef uint8_t at_root = nic.sides[index].at_root
    memset(&nic.tlps[index], SPOILT, sizeof(Tlp))
    memset(&nic.sides[index], SPOILT, sizeof(Side))
    nic.sides[index].at_root = at_root
    check(nic, at_root == 0, HOLDS_FREE_TLPS, index)


cdef inline void tlp_free(Nic* nic, int32_t index) noexcept nogil:
    if CHECKED:
        spoil_tlp(nic, index)
    nic.tlps[index].ref = nic.free_tlp
    nic.free_tlp = index
