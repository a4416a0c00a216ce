"""Filters: which function a destination belongs to."""

from libc.stdint cimport int32_t, uint64_t

from nicmodel._fast.types cimport Nic

cdef int32_t match_filter(Nic* nic, uint64_t mac, int32_t vlan) noexcept nogil
cdef void set_filter(Nic* nic, int32_t slot, bint valid, uint64_t mac, int32_t vlan, int32_t function) noexcept nogil
