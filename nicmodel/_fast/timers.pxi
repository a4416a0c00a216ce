"""Events of unordered sources: near the end in a sorted lane, further away in a heap."""

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
    return likely(timers.count == 0) or (not lane_empty(&timers.near)
                                         and earlier(near_at(timers, timers.near.head), &timers.far[0]))


cdef inline int64_t near_time(Timers* timers) noexcept nogil:
    """The earliest of the lane's, or NEVER."""
    return NEVER if lane_empty(&timers.near) else near_at(timers, timers.near.head).time


cdef inline int64_t first_time(Timers* timers) noexcept nogil:
    if likely(timers.count == 0):
        return near_time(timers)
    return min(near_time(timers), timers.far[0].time)


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
    if likely(position == timers.near.head or not earlier(&timer, near_at(timers, position - 1))):
        (<Timer*>lane_push(nic, &timers.near))[0] = timer
        return
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
