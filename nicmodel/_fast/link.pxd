"""The two directions of the PCIe link: three lines each, credits, DLLPs, and the one transfer in flight."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from nicmodel._fast.books cimport touch
from nicmodel._fast.facts cimport (
    COMPLETION_HEADER_BYTES, DATA_CREDIT_BYTES, FRAMING_BYTES, HEADER_3DW_BYTES, HEADER_4DW_BYTES,
)
from nicmodel._fast.lanes cimport lane_push
from nicmodel._fast.types cimport Direction, Lane, Nic
from nicmodel._fast.parts cimport Tlp

cdef inline int32_t memory_tlp_bytes(uint64_t address, int32_t payload) noexcept nogil:
    """Twin of `pcie_link.memory_tlp_bytes`."""
    return FRAMING_BYTES + (HEADER_4DW_BYTES if address >> 32 else HEADER_3DW_BYTES) + ((payload + 3) & ~3)

cdef inline int32_t completion_tlp_bytes(int32_t payload) noexcept nogil:
    """Twin of `pcie_link.completion_tlp_bytes`."""
    return FRAMING_BYTES + COMPLETION_HEADER_BYTES + ((payload + 3) & ~3)

cdef inline int64_t data_credits(int32_t payload) noexcept nogil:
    return (payload + DATA_CREDIT_BYTES - 1) >> 4

cdef inline Tlp* queue_tlp(Nic* nic, Direction* way, Lane* line, int kind) noexcept nogil:
    """A TLP joins a line of the direction; the caller fills in the rest."""
    cdef Tlp* tlp = <Tlp*>lane_push(nic, line)
    tlp.age = way.age
    way.age += 1
    tlp.ready = nic.now
    tlp.kind = kind
    tlp.ring = -1
    tlp.epoch = 0
    tlp.last = 0
    tlp.offset = 0
    touch(nic, way.arbiter)
    return tlp

cdef inline int64_t start_tick(int64_t now, int64_t free, int64_t ready) noexcept nogil:
    """When the winner of a decision at `now` starts: at once after its predecessor if it was there in time."""
    if free > (now - 1) << 10 and ready < now:
        return free
    return now << 10

cdef inline int64_t round_up(int64_t ticks) noexcept nogil:
    return (ticks + 1023) >> 10

cdef void note_retry(Nic* nic) noexcept nogil
cdef void note_arrival(Nic* nic, Direction* other) noexcept nogil
cdef void release_posted(Nic* nic, Direction* other, int32_t payload) noexcept nogil
cdef void release_nonposted(Nic* nic, Direction* other) noexcept nogil
cdef bint take_credits(Nic* nic, Direction* way) noexcept nogil
cdef void decide_direction(Nic* nic, Direction* way) noexcept nogil
cdef void commit_dllp(Nic* nic) noexcept nogil
cdef void commit_link_free(Nic* nic) noexcept nogil
