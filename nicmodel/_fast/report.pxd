"""Results and news as Python sees them."""

from nicmodel._fast.types cimport Nic

cdef dict results(Nic* nic)
cdef list take_news(Nic* nic, dict unanswered, set mmio_reads)
