"""The root complex: what arrives upstream, when writes commit, when reads sample and are answered."""

from libc.stdint cimport int32_t, uint8_t

from nicmodel._fast.types cimport Nic

cdef void commit_up_end(Nic* nic) noexcept nogil
cdef void commit_mem_commit(Nic* nic) noexcept nogil
cdef void commit_mem_read(Nic* nic) noexcept nogil
cdef void commit_read_done(Nic* nic) noexcept nogil
cdef void answer_read(Nic* nic, int32_t index, uint8_t* data, int32_t nbytes) noexcept nogil
