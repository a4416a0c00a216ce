"""Host memory as the adapter and the drivers see it, and the bytes of generated frames."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from nicmodel._fast.facts cimport PAYLOAD_FULL, PAYLOAD_HEADERS
from nicmodel._fast.types cimport Flow, Nic

cdef enum:
    HEADER_BYTES = 64       # what payload mode `headers` moves

cdef inline int32_t moving(Nic* nic, int32_t nbytes) noexcept nogil:
    """How many bytes of a frame the payload mode moves."""
    if nic.payload == PAYLOAD_FULL:
        return nbytes
    if nic.payload == PAYLOAD_HEADERS:
        return nbytes if nbytes < HEADER_BYTES else HEADER_BYTES
    return 0

cdef inline int32_t moving_part(int32_t moved, int32_t offset, int32_t nbytes) noexcept nogil:
    """How many of the bytes [offset, offset + nbytes) are among the first `moved`."""
    cdef int32_t left = moved - offset
    if left <= 0:
        return 0
    return left if left < nbytes else nbytes

cdef inline uint8_t* host_bytes(Nic* nic, int32_t domain, uint64_t address, uint64_t nbytes) noexcept nogil:
    """Where these bytes live, or NULL if they are not all in the arena."""
    cdef uint64_t offset
    if <uint32_t>domain >= <uint32_t>nic.num_arenas:
        return NULL
    offset = address - nic.arenas[domain].base
    if address < nic.arenas[domain].base or offset > nic.arenas[domain].size:
        return NULL
    if nbytes > nic.arenas[domain].size - offset:
        return NULL
    return nic.arenas[domain].memory + offset

cdef inline bint is_message_domain(Nic* nic, int32_t domain) noexcept nogil:
    return 0 <= domain < nic.num_arenas and nic.arenas[domain].messages

cdef inline void put16(uint8_t* at, uint64_t value) noexcept nogil:
    at[0] = <uint8_t>value
    at[1] = <uint8_t>(value >> 8)

cdef inline void put32(uint8_t* at, uint64_t value) noexcept nogil:
    put16(at, value)
    put16(at + 2, value >> 16)

cdef inline void put64(uint8_t* at, uint64_t value) noexcept nogil:
    put32(at, value)
    put32(at + 4, value >> 32)

cdef inline uint64_t get32(uint8_t* at) noexcept nogil:
    return at[0] | <uint64_t>at[1] << 8 | <uint64_t>at[2] << 16 | <uint64_t>at[3] << 24

cdef inline uint64_t get64(uint8_t* at) noexcept nogil:
    return get32(at) | get32(at + 4) << 32

cdef void read_host(Nic* nic, int32_t function, int32_t domain, uint64_t address, uint64_t reported,
                    uint8_t* into, int32_t nbytes) noexcept nogil
cdef void write_host(Nic* nic, int32_t function, int32_t domain, uint64_t address, uint64_t reported,
                     uint8_t* data, int32_t nbytes) noexcept nogil
cdef void make_frame(Flow* flow, int64_t number, uint8_t* into, int32_t nbytes) noexcept nogil
cdef void parse_frame(uint8_t* data, int32_t nbytes, uint64_t* mac, int32_t* vlan) noexcept nogil
