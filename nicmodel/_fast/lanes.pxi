"""Containers of the compiled plane: ring-buffer lanes, and arrays that grow; sets, maps and timers have rooms of their own.

Nothing here knows a packet. Growth is by doubling; when memory runs out the fault is latched and the loop left (`faults`);
a push of the door lands in scrap, so that callers need no error path.
"""

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
    #define nicmodel_prefetch(p) __builtin_prefetch(p)
    #else
    static int nicmodel_low_bit(unsigned long long x) { int n = 0; while (!(x & 1)) { x >>= 1; n++; } return n; }
    static int nicmodel_bit_length(unsigned long long x) { int n = 0; while (x) { x >>= 1; n++; } return n; }
    #define nicmodel_prefetch(p) ((void)(p))
    #endif
    """
    const int CHECKED "NICMODEL_IS_CHECKED"
    int low_bit "nicmodel_low_bit"(uint64_t) noexcept nogil         # of a number that is not 0
    int bit_length "nicmodel_bit_length"(uint64_t) noexcept nogil   # likewise
    # It will be looked at a few instants from now. A function that does nothing else is inline: a compiler takes one that
    # is not for a function without effect, and drops its calls.
    void prefetch "nicmodel_prefetch"(const void*) noexcept nogil
    bint likely(bint) noexcept nogil
    bint unlikely(bint) noexcept nogil


cdef inline void check(Nic* nic, bint holds, int place, int64_t value) noexcept nogil:
    """An invariant, looked at in a checked build only; `place` names it."""
    if CHECKED and not holds:
        latch(nic, FAULT_INVARIANT, place, value)


cdef enum:
    LINE_BYTES = 64         # of a cache


cdef inline void prefetch_all(void* first, size_t nbytes) noexcept nogil:
    """So many bytes from there on; they may begin anywhere in a line."""
    cdef char* line = <char*>first
    while line < <char*>first + nbytes:
        prefetch(line)
        line += LINE_BYTES
    prefetch(<char*>first + nbytes - 1)


# ---- lanes -----------------------------------------------------------------------------------------


cdef inline uint64_t lane_count(Lane* lane) noexcept nogil:
    return lane.tail - lane.head

cdef inline bint lane_empty(Lane* lane) noexcept nogil:
    return lane.tail == lane.head

cdef inline bint is_full(Lane* lane) noexcept nogil:
    return <int64_t>(lane.tail - lane.head) > lane.mask

cdef inline void* lane_at(Lane* lane, uint64_t position) noexcept nogil:
    return lane.items + (position & lane.mask) * lane.item_bytes

cdef inline void* lane_front(Lane* lane) noexcept nogil:
    return lane.items + (lane.head & lane.mask) * lane.item_bytes

cdef inline void* lane_back(Lane* lane) noexcept nogil:
    """Where the next item will be, unless the lane grows."""
    return lane.items + (lane.tail & lane.mask) * lane.item_bytes

cdef inline void lane_pop(Lane* lane) noexcept nogil:
    lane.head += 1

cdef inline void lane_clear(Lane* lane) noexcept nogil:
    lane.head = lane.tail

cdef inline void* lane_push(Nic* nic, Lane* lane) noexcept nogil:
    """Room for one more item at the back. The pointer is good until the next push."""
    cdef void* item
    if unlikely(is_full(lane)):
        if not lane_grow(nic, lane):
            return nic.scrap
    item = lane.items + (lane.tail & lane.mask) * lane.item_bytes
    lane.tail += 1
    return item

ctypedef bint (*Leaves)(Nic* nic, void* item, int32_t whose) noexcept nogil

cdef void lane_filter(Nic* nic, Lane* lane, Leaves leaves, int32_t whose) noexcept nogil:
    """Items that leave are taken out, wherever they are, and the others move up. `leaves` is asked of each in order, and
    ends what hangs on one that does; `whose` is what it is looking for."""
    cdef uint64_t position, kept = lane.head
    for position in range(lane.head, lane.tail):
        if leaves(nic, lane_at(lane, position), whose):
            continue
        if kept != position:
            memcpy(lane_at(lane, kept), lane_at(lane, position), lane.item_bytes)
        kept += 1
    lane.tail = kept

cdef inline void push_index(Nic* nic, Lane* lane, int32_t index) noexcept nogil:
    if unlikely(is_full(lane)):
        if not lane_grow(nic, lane):
            return
    (<int32_t*>lane.items)[lane.tail & lane.mask] = index
    lane.tail += 1

cdef inline void lane_extend(Nic* nic, Lane* lane, int32_t count) noexcept nogil:
    """Room for so many items at the back, of which nothing is known yet."""
    while unlikely(<int64_t>(lane.tail - lane.head) + count > <int64_t>lane.mask + 1):
        if not lane_grow(nic, lane):
            return
    lane.tail += count

cdef inline int32_t index_at(Lane* lane, uint64_t position) noexcept nogil:
    return (<int32_t*>lane.items)[position & lane.mask]

cdef inline int32_t pop_index(Lane* lane) noexcept nogil:
    cdef int32_t index = (<int32_t*>lane.items)[lane.head & lane.mask]
    lane.head += 1
    return index

cdef inline int32_t pop_last_index(Lane* lane) noexcept nogil:
    """The item that was pushed last, from the back."""
    lane.tail -= 1
    return (<int32_t*>lane.items)[lane.tail & lane.mask]

cdef inline int32_t front_index(Lane* lane) noexcept nogil:
    return (<int32_t*>lane.items)[lane.head & lane.mask]

cdef inline void push_timed(Nic* nic, Lane* lane, int64_t time, int32_t index) noexcept nogil:
    cdef Timed* item
    if unlikely(is_full(lane)):
        if not lane_grow(nic, lane):
            return
    item = &(<Timed*>lane.items)[lane.tail & lane.mask]
    item.time = time
    item.index = index
    lane.tail += 1

cdef inline void push_sorted(Nic* nic, Lane* lane, int64_t time, int32_t index) noexcept nogil:
    """Into a lane in order of time, behind what is there for the same time. It belongs near the end, or the lane is short."""
    cdef Timed* items
    cdef uint64_t position = lane.tail
    if unlikely(is_full(lane)):
        if not lane_grow(nic, lane):
            return
    items = <Timed*>lane.items
    while position > lane.head and items[(position - 1) & lane.mask].time > time:
        items[position & lane.mask] = items[(position - 1) & lane.mask]
        position -= 1
    items[position & lane.mask].time = time
    items[position & lane.mask].index = index
    lane.tail += 1

cdef inline Timed* front_timed(Lane* lane) noexcept nogil:
    return &(<Timed*>lane.items)[lane.head & lane.mask]

cdef inline int64_t front_time(Lane* lane) noexcept nogil:
    return NEVER if lane_empty(lane) else (<Timed*>lane.items)[lane.head & lane.mask].time


cdef void* lines_grow(void* items, size_t used, size_t nbytes, Lines* memory) noexcept nogil:
    """An array of `nbytes` that begins with a cache line: the old one of `used` bytes, and zeros. If memory has run out the
    old one stays, and `full` is set."""
    cdef char* block = <char*>calloc(nbytes + LINE_BYTES, 1)
    cdef char* start
    memory.full = block == NULL
    if block == NULL:
        return items
    start = block + (LINE_BYTES - <uint64_t>block % LINE_BYTES)
    if used:
        memcpy(start, items, used)
    free(memory.block)
    memory.block = block
    return start


cdef void lane_init(Lane* lane, uint32_t item_bytes) noexcept nogil:
    memset(lane, 0, sizeof(Lane))
    lane.mask = -1
    lane.item_bytes = item_bytes


cdef char* items_new(size_t nbytes) noexcept nogil:
    """Memory that begins with a cache line; what is to be freed is before it. NULL: there is none."""
    cdef char* block = <char*>malloc(nbytes + LINE_BYTES)
    cdef char* items
    if block == NULL:
        return NULL
    items = block + (LINE_BYTES - <uint64_t>block % LINE_BYTES)
    (<void**>items - 1)[0] = block
    return items


cdef void items_free(char* items) noexcept nogil:
    if items != NULL:
        free((<void**>items - 1)[0])


cdef void lane_free(Lane* lane) noexcept nogil:
    items_free(lane.items)
    lane.items = NULL
    lane.head = lane.tail = 0
    lane.mask = -1


cdef uint64_t first_room(uint64_t item_bytes) noexcept nogil:
    """A power of two."""
    cdef uint64_t room = 1
    while 2 * room * item_bytes <= 2 * LINE_BYTES:
        room *= 2
    return room


cdef bint lane_grow(Nic* nic, Lane* lane) noexcept nogil:
    """Double the room; positions stay what they are. At first it is two lines of the cache: a lane comes by all of its room."""
    cdef uint64_t room = 2 * (<uint64_t>lane.mask + 1) if lane.items != NULL else first_room(lane.item_bytes)
    cdef uint64_t position
    cdef size_t size = lane.item_bytes
    cdef char* items = items_new(room * size)
    if items == NULL:
        latch_line(nic, lane, <int64_t>(room * size))
        return False
    for position in range(lane.head, lane.tail):
        memcpy(items + (position & (room - 1)) * size, lane.items + (position & lane.mask) * size, size)
    items_free(lane.items)
    lane.items = items
    lane.mask = <int32_t>(room - 1)
    return True
