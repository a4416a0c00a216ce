"""Containers of the compiled plane: ring-buffer lanes, timer heaps, bit sets, hash maps.

Nothing here knows a packet. Growth is by doubling; when memory runs out the fault is latched and the push
lands in scrap, so that callers need no error path.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from nicmodel._fast.types cimport Bits, Heap, Lane, Map, Nic
from nicmodel._fast.containers cimport Timer

cdef extern from *:
    """
    #ifdef NICMODEL_CHECKED
    #define NICMODEL_IS_CHECKED 1
    #else
    #define NICMODEL_IS_CHECKED 0
    #endif
    #if defined(__GNUC__) || defined(__clang__)
    #define nicmodel_low_bit(x) __builtin_ctzll(x)
    #define nicmodel_bit_length(x) (64 - __builtin_clzll(x))
    #else
    static int nicmodel_low_bit(unsigned long long x) { int n = 0; while (!(x & 1)) { x >>= 1; n++; } return n; }
    static int nicmodel_bit_length(unsigned long long x) { int n = 0; while (x) { x >>= 1; n++; } return n; }
    #endif
    """
    const int CHECKED "NICMODEL_IS_CHECKED"
    int low_bit "nicmodel_low_bit"(uint64_t) noexcept nogil         # of a number that is not 0
    int bit_length "nicmodel_bit_length"(uint64_t) noexcept nogil   # likewise

cdef void latch(Nic* nic, int fault, int line, int64_t value) noexcept nogil

cdef inline void check(Nic* nic, bint holds, int line, int64_t value) noexcept nogil:
    """An invariant, looked at in a checked build only; `line` names it."""
    if CHECKED and not holds:
        latch(nic, 2, line, value)

# ---- lanes -----------------------------------------------------------------------------------------

cdef void lane_init(Lane* lane, uint32_t item_bytes) noexcept nogil
cdef void lane_free(Lane* lane) noexcept nogil
cdef bint lane_grow(Nic* nic, Lane* lane) noexcept nogil

cdef inline uint64_t lane_count(Lane* lane) noexcept nogil:
    return lane.tail - lane.head

cdef inline bint lane_empty(Lane* lane) noexcept nogil:
    return lane.tail == lane.head

cdef inline void* lane_at(Lane* lane, uint64_t position) noexcept nogil:
    return lane.items + (position & lane.mask) * lane.item_bytes

cdef inline void* lane_front(Lane* lane) noexcept nogil:
    return lane.items + (lane.head & lane.mask) * lane.item_bytes

cdef inline void lane_pop(Lane* lane) noexcept nogil:
    lane.head += 1

cdef inline void lane_clear(Lane* lane) noexcept nogil:
    lane.head = lane.tail

cdef inline void* lane_push(Nic* nic, Lane* lane) noexcept nogil:
    """Room for one more item at the back. The pointer is good until the next push."""
    cdef void* item
    if lane.items == NULL or lane.tail - lane.head > lane.mask:
        if not lane_grow(nic, lane):
            return nic.scrap
    item = lane.items + (lane.tail & lane.mask) * lane.item_bytes
    lane.tail += 1
    return item

cdef inline void push_index(Nic* nic, Lane* lane, int32_t index) noexcept nogil:
    (<int32_t*>lane_push(nic, lane))[0] = index

cdef inline int32_t index_at(Lane* lane, uint64_t position) noexcept nogil:
    return (<int32_t*>lane_at(lane, position))[0]

cdef inline int32_t pop_index(Lane* lane) noexcept nogil:
    cdef int32_t index = (<int32_t*>lane_front(lane))[0]
    lane.head += 1
    return index

# ---- heaps -----------------------------------------------------------------------------------------

cdef void heap_push(Nic* nic, Heap* heap, int64_t time, uint64_t source, int64_t a, int64_t b) noexcept nogil
cdef Timer heap_pop(Heap* heap) noexcept nogil

# ---- bit sets --------------------------------------------------------------------------------------

cdef inline void bits_add(Bits* bits, int32_t member) noexcept nogil:
    bits.words[member >> 6] |= (<uint64_t>1) << (member & 63)

cdef inline void bits_remove(Bits* bits, int32_t member) noexcept nogil:
    bits.words[member >> 6] &= ~((<uint64_t>1) << (member & 63))

cdef inline int32_t bits_after(Bits* bits, int32_t last) noexcept nogil:
    """The first member in turns after `last` (which itself comes last), or -1."""
    cdef int32_t words = (bits.count + 63) >> 6
    cdef int32_t start = last + 1 if last + 1 < bits.count else 0
    cdef int32_t word = start >> 6
    cdef int32_t _step
    cdef uint64_t found = bits.words[word] & (~<uint64_t>0 << (start & 63))
    for _step in range(words + 1):
        if found:
            return (word << 6) + low_bit(found)
        word = word + 1 if word + 1 < words else 0
        found = bits.words[word]
    return -1

cdef bint bits_init(Bits* bits, int32_t count) noexcept nogil

# ---- maps ------------------------------------------------------------------------------------------

cdef bint map_put(Nic* nic, Map* table, uint64_t key, int64_t value) noexcept nogil
cdef void map_clear(Map* table) noexcept nogil
cdef void map_free(Map* table) noexcept nogil

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
