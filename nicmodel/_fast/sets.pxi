"""Sets of small numbers, as bits, and maps of integers (open addressing)."""

# ---- bit sets --------------------------------------------------------------------------------------

cdef inline void bits_add(Bits* bits, int32_t member) noexcept nogil:
    cdef uint64_t* word = &bits.words[member >> 6]
    bits.members += 1 - <int32_t>(word[0] >> (member & 63) & 1)
    word[0] |= (<uint64_t>1) << (member & 63)

cdef inline void bits_remove(Bits* bits, int32_t member) noexcept nogil:
    cdef uint64_t* word = &bits.words[member >> 6]
    bits.members -= <int32_t>(word[0] >> (member & 63) & 1)
    word[0] &= ~((<uint64_t>1) << (member & 63))

cdef inline bint is_member_of(Bits* bits, int32_t member) noexcept nogil:
    return bits.words[member >> 6] >> (member & 63) & 1

cdef inline int32_t bits_after(Bits* bits, int32_t last) noexcept nogil:
    """The first member in turns after `last` (which itself comes last), or -1."""
    cdef int32_t start = last + 1 if last + 1 < bits.count else 0
    cdef int32_t word = start >> 6
    cdef uint64_t found
    if bits.members == 0:
        return -1
    found = bits.words[word] & (~<uint64_t>0 << (start & 63))
    while not found:
        word = word + 1 if word + 1 < (bits.count + 63) >> 6 else 0
        found = bits.words[word]
    return (word << 6) + low_bit(found)


cdef bint bits_init(Bits* bits, int32_t count) noexcept nogil:
    bits.count = count
    bits.words = <uint64_t*>calloc((count + 63) // 64 + 1, sizeof(uint64_t))
    return bits.words != NULL


# ---- maps ------------------------------------------------------------------------------------------


cdef inline uint64_t map_slot(Map* table, uint64_t key) noexcept nogil:
    cdef uint64_t slot = (key * <uint64_t>0x9E3779B97F4A7C15) >> 20 & table.mask
    while table.used[slot] and table.keys[slot] != key:
        slot = (slot + 1) & table.mask
    return slot

cdef inline int64_t map_get(Map* table, uint64_t key, int64_t absent) noexcept nogil:
    cdef uint64_t slot
    if table.count == 0:
        return absent
    slot = map_slot(table, key)
    return table.values[slot] if table.used[slot] else absent


cdef void map_clear(Map* table) noexcept nogil:
    if table.used != NULL:
        memset(table.used, 0, table.mask + 1)
    table.count = 0


cdef void map_free(Map* table) noexcept nogil:
    free(table.keys)
    free(table.values)
    free(table.used)
    memset(table, 0, sizeof(Map))


cdef bint map_put(Nic* nic, Map* table, uint64_t key, int64_t value) noexcept nogil:
    """Set a key. Half of the slots stay free, so that a search ends."""
    cdef Map bigger
    cdef uint64_t slot, room
    if table.used == NULL or 2 * (table.count + 1) > table.mask + 1:
        memset(&bigger, 0, sizeof(Map))
        room = 64 if table.used == NULL else 2 * (table.mask + 1)
        bigger.keys = <uint64_t*>malloc(room * sizeof(uint64_t))
        bigger.values = <int64_t*>malloc(room * sizeof(int64_t))
        bigger.used = <uint8_t*>calloc(room, 1)
        bigger.mask = room - 1
        if bigger.keys == NULL or bigger.values == NULL or bigger.used == NULL:
            map_free(&bigger)
            latch(nic, FAULT_MEMORY, ROOM_MAP, <int64_t>(room * sizeof(uint64_t)))
            return False
        if table.used != NULL:
            for slot in range(table.mask + 1):
                if table.used[slot]:
                    map_put(nic, &bigger, table.keys[slot], table.values[slot])
        map_free(table)
        table[0] = bigger
    slot = map_slot(table, key)
    if not table.used[slot]:
        table.used[slot] = 1
        table.keys[slot] = key
        table.count += 1
    table.values[slot] = value
    return True
