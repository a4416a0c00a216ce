"""REGISTER_PORT: MMIO accesses, in arrival order."""

from libc.stdint cimport int32_t, int64_t

from nicmodel._fast.types cimport Nic
from nicmodel._fast.parts cimport Tlp

cdef void write_register(Nic* nic, int32_t function, int32_t bar, int32_t offset, int64_t value) noexcept nogil
cdef void read_register(Nic* nic, int32_t function, int32_t bar, int32_t offset, int32_t request) noexcept nogil
cdef void write_tail(Nic* nic, int32_t index, int32_t tail) noexcept nogil
cdef void accept_access(Nic* nic, Tlp* tlp) noexcept nogil
cdef void decide_register_port(Nic* nic) noexcept nogil
cdef void commit_register(Nic* nic) noexcept nogil
cdef void answer_access(Nic* nic, int32_t request, int64_t value) noexcept nogil
