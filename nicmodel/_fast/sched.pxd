"""TX_SCHEDULER: whose payload is read next."""

from libc.stdint cimport int32_t

from nicmodel._fast.lanes cimport index_at
from nicmodel._fast.types cimport Nic, Ring

cdef void decide_tx_scheduler(Nic* nic) noexcept nogil
cdef void note_waiting(Nic* nic, int32_t index, int32_t held) noexcept nogil

cdef inline void skip_bad(Nic* nic, Ring* ring) noexcept nogil:
    """Bad descriptors never ask the scheduler."""
    while ring.scheduled < ring.rows.tail and not nic.rows[index_at(&ring.rows, ring.scheduled)].good:
        ring.scheduled += 1
