"""Host memory as the adapter sees it: a FAULT is an upcall, never an exception."""

cdef inline int32_t moving(Nic* nic, int32_t nbytes) noexcept nogil:
    """How many bytes of a frame the payload mode moves."""
    if nic.payload == PAYLOAD_FULL:
        return nbytes
    if nic.payload == PAYLOAD_HEADERS:
        return nbytes if nbytes < PAYLOAD_HEADER_BYTES else PAYLOAD_HEADER_BYTES
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
    if unlikely(<uint32_t>domain >= <uint32_t>nic.num_arenas):
        return NULL
    offset = address - nic.arenas[domain].base
    if unlikely(address < nic.arenas[domain].base or offset > nic.arenas[domain].size):
        return NULL
    if unlikely(nbytes > nic.arenas[domain].size - offset):
        return NULL
    return nic.arenas[domain].memory + offset

cdef inline void prefetch_bytes(Nic* nic, int32_t domain, uint64_t address) noexcept nogil:
    """Bytes of a frame will be read or written there: the first of them come into the cache."""
    if nic.payload:
        prefetch(host_bytes(nic, domain, address, 1))

cdef inline bint is_message_domain(Nic* nic, int32_t domain) noexcept nogil:
    return unlikely(nic.message_domains) and 0 <= domain < nic.num_arenas and nic.arenas[domain].messages

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


cdef enum:
    MOST_HEAD_BYTES = 96    # addresses, tag, IPv6, TCP, packet number
    TAGGED_BYTES = HEADER_BYTES + TAG_BYTES


cdef void read_host(Nic* nic, int32_t function, int32_t domain, uint64_t address, uint64_t reported,
                    uint8_t* into, int32_t nbytes) noexcept nogil:
    """Sample memory. What is not there reads as zeros, and Python hears of the access at `reported`."""
    cdef uint8_t* host = host_bytes(nic, domain, address, <uint64_t>nbytes)
    if likely(host != NULL):
        memcpy(into, host, nbytes)
        return
    memset(into, 0, nbytes)
    post_upcall(nic, UPCALL_FAULT, 3, function, READ_FAULT, <int64_t>reported, 0)


cdef void write_host(Nic* nic, int32_t function, int32_t domain, uint64_t address, uint64_t reported,
                     uint8_t* data, int32_t nbytes) noexcept nogil:
    """Change memory. What is not there is lost, and Python hears of it."""
    cdef uint8_t* host = host_bytes(nic, domain, address, <uint64_t>nbytes)
    if likely(host != NULL):
        memcpy(host, data, nbytes)
        return
    post_upcall(nic, UPCALL_FAULT, 3, function, WRITE_FAULT, <int64_t>reported, 0)


cdef inline int32_t get_two(const uint8_t* data) noexcept nogil:
    return data[0] << 8 | data[1]


cdef inline void put_two(uint8_t* data, int32_t value) noexcept nogil:
    data[0] = <uint8_t>(value >> 8)
    data[1] = <uint8_t>value


cdef inline void put_mac(uint8_t* data, uint64_t mac) noexcept nogil:
    """The lower bytes of a word, the first on the wire highest."""
    cdef int32_t each
    for each in range(MAC_BYTES):
        data[each] = <uint8_t>(mac >> 8 * (MAC_BYTES - 1 - each))


cdef void put_lengths(uint8_t* head, int32_t nbytes) noexcept nogil:
    """Headers from the ethertype on learn that the frame has `nbytes` after it."""
    cdef uint8_t* header = head + ETHERTYPE_BYTES
    cdef uint8_t* segment
    cdef int32_t length = (nbytes if nbytes > 0 else 0) & 0xFFFF, total = 0, each, protocol
    if get_two(head) == ETHERTYPE_IPV4:
        put_two(header + 2, length)
        put_two(header + 10, 0)
        for each in range(0, IPV4_BYTES, 2):
            total += get_two(header + each)
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        put_two(header + 10, ~total)
        protocol = header[9]
        segment = header + IPV4_BYTES
        length -= IPV4_BYTES
    else:
        length = length - IPV6_BYTES if length > IPV6_BYTES else 0
        put_two(header + 4, length)
        protocol = header[6]
        segment = header + IPV6_BYTES
    if protocol == PROTOCOL_UDP:
        put_two(segment + 4, length if length > 0 else 0)


cdef void make_frame(Flow* flow, int64_t number, uint8_t* into, int32_t nbytes, int32_t whole) noexcept nogil:
    """The first bytes of a generated frame of `whole`: addresses, tag, type or IP headers, packet number, then a ramp."""
    cdef uint8_t head[MOST_HEAD_BYTES]
    cdef int32_t at = ETHERTYPE_AT, each, vlan = vlan_of(flow.destination)
    put_mac(head, flow.destination)
    put_mac(head + MAC_BYTES, flow.src_mac)
    if unlikely(vlan):
        put_two(head + at, ETHERTYPE_VLAN)
        put_two(head + at + ETHERTYPE_BYTES, vlan)
        at += TAG_BYTES
    if unlikely(flow.head != NULL):
        memcpy(head + at, flow.head, flow.head_bytes)
        put_lengths(head + at, whole - at - ETHERTYPE_BYTES)
        at += flow.head_bytes
    else:
        put_two(head + at, ETHERTYPE_TEST)
        at += ETHERTYPE_BYTES
    for each in range(8):
        head[at + each] = <uint8_t>(<uint64_t>number >> (56 - 8 * each))
    at += 8
    memcpy(into, head, at if at < nbytes else nbytes)
    for each in range(at, nbytes):
        into[each] = <uint8_t>(number + each)


cdef uint64_t parse_source(uint8_t* data, int32_t nbytes) noexcept nogil:
    """Source of a frame; bytes that are missing count as 0."""
    cdef uint64_t mac = 0
    cdef int32_t each
    for each in range(MAC_BYTES, 2 * MAC_BYTES):
        mac = mac << 8 | (data[each] if each < nbytes else 0)
    return mac


cdef uint64_t parse_destination(uint8_t* data, int32_t nbytes) noexcept nogil:
    """Destination and VLAN identifier of a frame (0: untagged); bytes that are missing count as 0."""
    cdef uint8_t head[TAGGED_BYTES]
    cdef uint64_t mac = 0
    cdef int32_t each
    memset(head, 0, sizeof(head))
    memcpy(head, data, nbytes if nbytes < TAGGED_BYTES else TAGGED_BYTES)
    for each in range(MAC_BYTES):
        mac = mac << 8 | head[each]
    if get_two(head + ETHERTYPE_AT) == ETHERTYPE_VLAN:
        return with_vlan(mac, get_two(head + HEADER_BYTES) & VLAN_MASK)
    return mac
