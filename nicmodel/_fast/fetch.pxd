"""Descriptor fetch of both directions: which rings may fetch, and their turns."""

from libc.stdint cimport int32_t

from nicmodel._fast.types cimport Nic, Ring

cdef inline int32_t to_fetch(Ring* ring) noexcept nogil:
    """Descriptors the driver has handed over and nobody has asked for."""
    return ring.tail - ring.next if ring.tail >= ring.next else ring.tail - ring.next + ring.size

cdef void review_fetch(Nic* nic, int32_t index) noexcept nogil
cdef void decide_fetch(Nic* nic, int direction) noexcept nogil
cdef bint commit_fetched(Nic* nic, int32_t index) noexcept nogil
cdef int32_t ring_head(Nic* nic, int32_t index) noexcept nogil
