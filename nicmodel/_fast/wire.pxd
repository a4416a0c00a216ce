"""The wire: frames leaving, frames offered by its other end, PAUSE."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from nicmodel._fast.types cimport Nic

cdef void decide_wire(Nic* nic) noexcept nogil
cdef void commit_wire_tx_end(Nic* nic) noexcept nogil
cdef void commit_pause(Nic* nic, int64_t quanta) noexcept nogil
cdef void commit_flow(Nic* nic, int32_t index) noexcept nogil
cdef void offer_injected(Nic* nic, uint8_t* data, int32_t nbytes, uint8_t data_class) noexcept nogil
cdef void decide_wire_rx(Nic* nic) noexcept nogil
cdef int64_t nominal_time(Nic* nic, int32_t flow, int64_t number) noexcept nogil
