"""Containers of the compiled plane: ring-buffer lanes, timers, bit sets, hash maps.

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


# ---- bit sets --------------------------------------------------------------------------------------

cdef inline void bits_add(Bits* bits, int32_t member) noexcept nogil:
    cdef uint64_t* word = &bits.words[member >> 6]
    bits.members += 1 - <int32_t>(word[0] >> (member & 63) & 1)
    word[0] |= (<uint64_t>1) << (member & 63)

cdef inline void bits_remove(Bits* bits, int32_t member) noexcept nogil:
    cdef uint64_t* word = &bits.words[member >> 6]
    bits.members -= <int32_t>(word[0] >> (member & 63) & 1)
    word[0] &= ~((<uint64_t>1) << (member & 63))

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


# ---- timers ----------------------------------------------------------------------------------------

cdef enum:
    NEAR = 8    # how far from the end of the sorted lane a new timer may go; further, a heap is cheaper


cdef inline bint earlier(Timer* left, Timer* right) noexcept nogil:
    return left.time < right.time or (left.time == right.time and left.key < right.key)


cdef void heap_push(Nic* nic, Timers* timers, Timer* timer) noexcept nogil:
    cdef Timer* items
    cdef int32_t hole, parent, room
    if timers.count == timers.room:
        room = 16 if timers.room == 0 else 2 * timers.room
        items = <Timer*>realloc(timers.far, room * sizeof(Timer))
        if items == NULL:
            latch(nic, FAULT_MEMORY, ROOM_TIMERS, room * <int64_t>sizeof(Timer))
            return
        timers.far = items
        timers.room = room
    hole = timers.count
    timers.count += 1
    items = timers.far
    while hole:
        parent = (hole - 1) >> 1
        if not earlier(timer, &items[parent]):
            break
        items[hole] = items[parent]
        hole = parent
    items[hole] = timer[0]


cdef void heap_pop(Timers* timers) noexcept nogil:
    cdef Timer* items = timers.far
    cdef Timer moved
    cdef int32_t hole = 0, child, count
    timers.count -= 1
    count = timers.count
    moved = items[count]
    while True:
        child = 2 * hole + 1
        if child >= count:
            break
        if child + 1 < count and earlier(&items[child + 1], &items[child]):
            child += 1
        if not earlier(&items[child], &moved):
            break
        items[hole] = items[child]
        hole = child
    items[hole] = moved


cdef inline Timer* near_at(Timers* timers, uint64_t position) noexcept nogil:
    return &(<Timer*>timers.near.items)[position & timers.near.mask]


cdef inline bint near_is_first(Timers* timers) noexcept nogil:
    """Is the earliest timer in the lane? There is one."""
    if likely(timers.count == 0):
        return True
    return not lane_empty(&timers.near) and earlier(near_at(timers, timers.near.head), &timers.far[0])


cdef inline int64_t first_time(Timers* timers) noexcept nogil:
    if timers.count == 0 and lane_empty(&timers.near):
        return NEVER
    return near_at(timers, timers.near.head).time if near_is_first(timers) else timers.far[0].time


cdef enum:
    SOURCE_SHIFT = 44       # of a timer's key


cdef void timers_push(Nic* nic, Timers* timers, int64_t time, uint64_t source, int64_t a, int64_t b) noexcept nogil:
    cdef Timer timer
    cdef uint64_t position = timers.near.tail, last
    cdef uint64_t end = timers.near.head if position - timers.near.head < NEAR else position - NEAR
    timer.time = time
    timer.key = source << SOURCE_SHIFT | timers.serial
    timer.a = a
    timer.b = b
    timers.serial += 1
    while position > end and earlier(&timer, near_at(timers, position - 1)):
        position -= 1
    if unlikely(position == end and position > timers.near.head and earlier(&timer, near_at(timers, position - 1))):
        heap_push(nic, timers, &timer)
        return
    last = timers.near.tail
    if lane_push(nic, &timers.near) == nic.scrap:
        return
    while last > position:
        near_at(timers, last)[0] = near_at(timers, last - 1)[0]
        last -= 1
    near_at(timers, position)[0] = timer


cdef inline Timer timers_pop(Timers* timers) noexcept nogil:
    """The earliest timer; there is one."""
    cdef Timer first
    if near_is_first(timers):
        first = near_at(timers, timers.near.head)[0]
        lane_pop(&timers.near)
    else:
        first = timers.far[0]
        heap_pop(timers)
    return first


cdef bint bits_init(Bits* bits, int32_t count) noexcept nogil:
    bits.count = count
    bits.words = <uint64_t*>calloc((count + 63) // 64 + 1, sizeof(uint64_t))
    return bits.words != NULL


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
