"""Revocation: closing rings, function resets, bus mastering."""

from libc.stdint cimport int32_t

from nicmodel._fast.types cimport Nic

cdef void close_ring(Nic* nic, int32_t index) noexcept nogil
cdef void reset_function(Nic* nic, int32_t function) noexcept nogil
