"""Byte buffers: what frames and calls carry, in sizes of powers of two, kept for the next of their size."""

cdef inline void buffer_return(Nic* nic, uint8_t* data, uint8_t data_class) noexcept nogil:
    (<uint8_t**>data)[0] = nic.free_buffers[data_class]
    nic.free_buffers[data_class] = data


cdef uint8_t* buffer_take(Nic* nic, int32_t nbytes, uint8_t* data_class) noexcept nogil:
    """A buffer of at least `nbytes`, of a size class from 64 bytes on; NULL only when memory has run out."""
    cdef int klass = bit_length(<uint64_t>(nbytes - 1)) if nbytes > 64 else 6
    cdef int32_t count, each
    cdef uint8_t* block
    cdef uint8_t* data
    if unlikely(klass >= NUM_CLASSES):
        latch(nic, FAULT_MEMORY, ROOM_BUFFERS, nbytes)
        return NULL
    data_class[0] = <uint8_t>klass
    if unlikely(nic.free_buffers[klass] == NULL):
        count = nic.buffers[klass] if nic.buffers[klass] else 16
        block = <uint8_t*>malloc((<size_t>count) << klass)
        if block == NULL:
            latch(nic, FAULT_MEMORY, ROOM_BUFFERS, (<int64_t>count) << klass)
            return NULL
        (<uint8_t**>lane_push(nic, &nic.blocks))[0] = block
        nic.buffers[klass] += count
        for each in range(count):
            buffer_return(nic, block + ((<size_t>each) << klass), <uint8_t>klass)
    data = nic.free_buffers[klass]
    nic.free_buffers[klass] = (<uint8_t**>data)[0]
    return data
