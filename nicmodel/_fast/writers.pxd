"""WRITERS and what they write: Rx frames with their descriptors, and Tx write-back spans."""

from libc.stdint cimport int32_t, uint8_t, uint64_t

from nicmodel._fast.types cimport Nic
from nicmodel._fast.parts cimport Tlp

cdef enum:
    RX_WRITE = 0
    TX_WRITEBACK = 1

cdef void write_frame(Nic* nic, int32_t ring, int32_t row) noexcept nogil
cdef void write_span(Nic* nic, int32_t ring, uint64_t position, int32_t count) noexcept nogil
cdef void decide_writers(Nic* nic) noexcept nogil
cdef void compose_writeback(Nic* nic, Tlp* tlp, uint8_t* into) noexcept nogil
