"""A received frame from its arrival to its write-back."""

from libc.stdint cimport int32_t

from nicmodel._fast.types cimport Nic

cdef void commit_wire_rx_end(Nic* nic) noexcept nogil
cdef void loop_back(Nic* nic, int32_t sent) noexcept nogil
cdef void decide_switch_ingress(Nic* nic) noexcept nogil
cdef void commit_rx_pipe(Nic* nic) noexcept nogil
cdef void commit_rx_descriptors(Nic* nic, int32_t index) noexcept nogil
cdef void end_rx_payload(Nic* nic, int32_t index) noexcept nogil
cdef void commit_rx_writeback(Nic* nic, int32_t index) noexcept nogil
