"""MSI-X: requests, throttles, messages."""

from libc.stdint cimport int32_t, int64_t

from nicmodel._fast.types cimport Nic

cdef void request_vector(Nic* nic, int32_t number) noexcept nogil
cdef void set_vector(Nic* nic, int32_t number, bint enabled, int64_t itr) noexcept nogil
cdef void commit_itr(Nic* nic, int32_t number) noexcept nogil
cdef void decide_msix(Nic* nic) noexcept nogil
cdef void commit_message(Nic* nic, int32_t number) noexcept nogil
cdef void take_back_requests(Nic* nic, int32_t function) noexcept nogil
