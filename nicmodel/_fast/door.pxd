"""The door between Python and the compiled plane."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from nicmodel._fast.types cimport Call, Nic


cdef class Door:
    cdef Nic* nic
    cdef dict memories          # domain -> numpy array, kept alive
    cdef dict unanswered        # DMA read id -> request
    cdef set mmio_reads         # ids that Python may answer
    cdef int64_t mmio_serial

    cdef list take_upcalls(self)
    cdef Call* call(self, int kind, int64_t at) except NULL
    cdef int note_bytes(self, Call* call, const uint8_t[::1] data) except -1
    cdef int32_t ring_index(self, direction, ring) except -1
    cdef int check_function(self, function) except -1
    cdef int check_access(self, function, bar, offset) except -1
