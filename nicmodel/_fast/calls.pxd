"""Calls of the control plane, as they take effect."""

from libc.stdint cimport int64_t

from nicmodel._fast.types cimport Call, Nic

cdef enum:
    CALL_HOT = 0            # these in the order of plane.TABLES
    CALL_VECTOR
    CALL_RAISE
    CALL_FILTER
    CALL_DEFAULT_POOL
    CALL_LOOPBACK
    CALL_BME
    CALL_MAX_FRAME
    CALL_NO_DESCRIPTOR
    CALL_PAUSE
    CALL_RING_VECTOR
    CALL_OPEN_RING
    CALL_CLOSE_RING
    CALL_RESET_FUNCTION
    CALL_START_AGENT
    CALL_STOP_AGENT
    CALL_MMIO_WRITE
    CALL_MMIO_READ
    CALL_MMIO_ANSWER
    CALL_INJECT
    CALL_DMA_ANSWER

cdef Call* call_new(Nic* nic, int kind, int64_t at) noexcept nogil
cdef void commit_call(Nic* nic) noexcept nogil
