"""A plane's memory from a `PlaneConfig`, and its end."""

from nicmodel._fast.types cimport Nic

cdef Nic* nic_new(object config) except NULL
cdef void nic_free(Nic* nic) noexcept nogil
