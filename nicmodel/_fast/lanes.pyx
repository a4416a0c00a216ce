"""Containers of the compiled plane: the parts that allocate. See `lanes.pxd`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from nicmodel._fast.parts cimport FAULT_MEMORY, NO_FAULT
from nicmodel._fast.types cimport Bits, Heap, Lane, Map, Nic
from nicmodel._fast.containers cimport Timer


cdef void latch(Nic* nic, int fault, int line, int64_t value) noexcept nogil:
    """Remember the first fault; the run stops after this instant and the door raises it."""
    if nic.fault == NO_FAULT:
        nic.fault = fault
        nic.fault_line = line
        nic.fault_value = value


cdef void lane_init(Lane* lane, uint32_t item_bytes) noexcept nogil:
    memset(lane, 0, sizeof(Lane))
    lane.item_bytes = item_bytes


cdef void lane_free(Lane* lane) noexcept nogil:
    free(lane.items)
    lane.items = NULL
    lane.head = lane.tail = lane.mask = 0


cdef bint lane_grow(Nic* nic, Lane* lane) noexcept nogil:
    """Double the room; positions stay what they are."""
    cdef uint64_t room = 16 if lane.items == NULL else 2 * (lane.mask + 1)
    cdef uint64_t position
    cdef size_t size = lane.item_bytes
    cdef char* items = <char*>malloc(room * size)
    if items == NULL:
        latch(nic, FAULT_MEMORY, 1, <int64_t>(room * size))
        return False
    for position in range(lane.head, lane.tail):
        memcpy(items + (position & (room - 1)) * size, lane.items + (position & lane.mask) * size, size)
    free(lane.items)
    lane.items = items
    lane.mask = room - 1
    return True


cdef inline bint earlier(Timer* left, Timer* right) noexcept nogil:
    return left.time < right.time or (left.time == right.time and left.key < right.key)


cdef void heap_push(Nic* nic, Heap* heap, int64_t time, uint64_t source, int64_t a, int64_t b) noexcept nogil:
    cdef Timer* items
    cdef Timer timer
    cdef int32_t hole, parent, room
    if heap.count == heap.room:
        room = 16 if heap.room == 0 else 2 * heap.room
        items = <Timer*>realloc(heap.items, room * sizeof(Timer))
        if items == NULL:
            latch(nic, FAULT_MEMORY, 2, room)
            return
        heap.items = items
        heap.room = room
    timer.time = time
    timer.key = source << 44 | heap.serial
    timer.a = a
    timer.b = b
    heap.serial += 1
    hole = heap.count
    heap.count += 1
    items = heap.items
    while hole:
        parent = (hole - 1) >> 1
        if not earlier(&timer, &items[parent]):
            break
        items[hole] = items[parent]
        hole = parent
    items[hole] = timer


cdef Timer heap_pop(Heap* heap) noexcept nogil:
    """The earliest timer; the heap is not empty."""
    cdef Timer* items = heap.items
    cdef Timer first = items[0]
    cdef Timer moved
    cdef int32_t hole = 0, child, count
    heap.count -= 1
    count = heap.count
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
            latch(nic, FAULT_MEMORY, 3, <int64_t>room)
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
