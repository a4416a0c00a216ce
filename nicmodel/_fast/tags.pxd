"""Read requests: their tags, their share of the read buffer, and the classes in which they wait."""

from libc.stdint cimport int32_t, uint64_t

from nicmodel._fast.types cimport Nic

cdef int32_t ask(Nic* nic, int klass, int32_t ring, uint64_t address, int32_t nbytes) noexcept nogil
cdef int32_t ask_in_pieces(Nic* nic, int klass, int32_t ring, uint64_t address, int32_t nbytes) noexcept nogil
cdef int32_t read_piece(Nic* nic, uint64_t address, int32_t left) noexcept nogil
cdef void request_forget(Nic* nic, int32_t index) noexcept nogil
cdef void request_end(Nic* nic, int32_t index) noexcept nogil
cdef void decide_tags(Nic* nic) noexcept nogil
