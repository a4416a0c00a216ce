"""A Tx descriptor from doorbell to write-back, a Tx frame from its data to the switch."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from nicmodel._fast.types cimport Nic, Request

cdef void ring_doorbell(Nic* nic, int32_t index, int64_t posted, int32_t tail) noexcept nogil
cdef void commit_tx_descriptors(Nic* nic, int32_t index) noexcept nogil
cdef void commit_tx_payload(Nic* nic, Request* request) noexcept nogil
cdef void decide_tx_reorder(Nic* nic) noexcept nogil
cdef void commit_tx_pipe(Nic* nic) noexcept nogil
cdef void commit_tx_writeback(Nic* nic, int32_t index, uint64_t first, uint64_t end) noexcept nogil
