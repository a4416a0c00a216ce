"""Structs of the containers: lanes, timers, maps, bit sets. What they do is in `lanes`."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


cdef struct Lane:
    # A ring buffer in order of arrival. Positions only grow; an item lives at position & mask.
    char* items
    uint64_t head
    uint64_t tail
    int32_t mask            # items it holds before it grows, less one: one less than a power of two, or -1
    uint32_t item_bytes

cdef struct Lines:
    # Memory of an array that begins with a cache line.
    void* block
    int32_t full            # it could not grow

cdef struct Timed:
    # An item of a lane in order of time: a pipe, or a line that remembers when it was joined.
    int64_t time
    int32_t index
    int32_t nbytes          # `tx_wire`: of the frame

cdef struct Timer:
    # An event of an unordered source; key = source << 44 | serial, so (time, key) is the order.
    int64_t time
    uint64_t key
    int64_t a
    int64_t b

cdef struct Timers:
    # Events of a rank whose sources keep no order among themselves, earliest first: a sorted lane for those that
    # belong near its end, as nearly all do, and a heap for the others.
    Lane near               # Timer, in order
    Timer* far              # a heap
    int32_t count
    int32_t room
    uint64_t serial

cdef struct Map:
    # 64-bit keys to 64-bit values, linear probing; nothing is ever taken out.
    uint64_t* keys
    int64_t* values
    uint8_t* used
    uint64_t mask
    uint64_t count

cdef struct Bits:
    # A set of small integers, asked for the next member in turns.
    uint64_t* words
    int32_t count
    int32_t members
