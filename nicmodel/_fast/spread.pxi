"""Receive side scaling: a function's indirection table names the ring by the hash of a frame's connection (`docs/time.md`, 6.4).

A connection keeps the hash that it was given last. Key and types of a function have a serial that nobody else's have, so that
a hash of another function, or of an older key, is known for what it is.
"""

cdef uint32_t toeplitz(const uint8_t* key, const uint8_t* data, int32_t nbytes) noexcept nogil:
    """For every bit that is 1, the 32 bits of the key that begin at its place."""
    cdef uint64_t window = 0        # five bytes of the key, the first of them above this byte's place
    cdef uint32_t result = 0
    cdef int32_t at, bit
    for at in range(4):
        window = window << 8 | key[at]
    for at in range(nbytes):
        window = window << 8 | key[at + 4]
        for bit in range(8):
            if data[at] << bit & 0x80:
                result ^= <uint32_t>(window >> (8 - bit))
    return result


# ---- connections -----------------------------------------------------------------------------------

cdef bint find_connection(const uint8_t* data, int32_t nbytes, Connection* found) noexcept nogil:
    """The connection of a frame; False if it carries no IP. A fragment, and what is cut short, has no ports."""
    cdef int32_t at = ETHERTYPE_AT, ethertype, protocol, ports
    memset(found, 0, sizeof(Connection))
    if nbytes >= at + ETHERTYPE_BYTES and get_two(data + at) == ETHERTYPE_VLAN:
        at += TAG_BYTES
    if nbytes < at + ETHERTYPE_BYTES:
        return False
    ethertype = get_two(data + at)
    data += at + ETHERTYPE_BYTES
    nbytes -= at + ETHERTYPE_BYTES
    if ethertype == ETHERTYPE_IPV4 and nbytes >= IPV4_BYTES and data[0] >> 4 == 4:
        found.address_bytes = 8
        memcpy(found.ends, data + 12, 8)
        ports = 4 * (data[0] & 0xF)
        protocol = data[9] if ports >= IPV4_BYTES and not get_two(data + 6) & FRAGMENT else NO_PORTS
    elif ethertype == ETHERTYPE_IPV6 and nbytes >= IPV6_BYTES and data[0] >> 4 == 6:
        found.address_bytes = 32
        memcpy(found.ends, data + 8, 32)
        ports = IPV6_BYTES
        protocol = data[6]
    else:
        return False
    if (protocol == PROTOCOL_TCP or protocol == PROTOCOL_UDP) and nbytes >= ports + PORT_BYTES:
        found.protocol = protocol
        memcpy(found.ends + found.address_bytes, data + ports, PORT_BYTES)
    return True


cdef void hash_connection(Spread* spread, Connection* connection) noexcept nogil:
    """Its hash by this key, of the most specific type that is enabled."""
    cdef bint wide = connection.address_bytes > 8
    cdef uint32_t whole = 0
    cdef int32_t nbytes = connection.address_bytes
    if connection.protocol == PROTOCOL_TCP:
        whole = HASH_TCP_IPV6 if wide else HASH_TCP_IPV4
    elif connection.protocol == PROTOCOL_UDP:
        whole = HASH_UDP_IPV6 if wide else HASH_UDP_IPV4
    connection.keyed = spread.serial
    if spread.types & whole:
        nbytes += PORT_BYTES
    connection.is_hashed = spread.types & (whole | <uint32_t>(HASH_IPV6 if wide else HASH_IPV4)) != 0
    if connection.is_hashed:
        connection.hash = toeplitz(spread.key, connection.ends, nbytes)


# ---- the ring --------------------------------------------------------------------------------------

cdef int32_t spread_ring(Nic* nic, Row* row, int32_t function) noexcept nogil:
    """The index of the ring that the function's table names, or -1 if that is no open one of its own."""
    cdef Spread* spread = &nic.spreads[function]
    cdef Connection found
    cdef Connection* connection = NULL
    cdef int32_t number = spread.first
    if row.flow >= 0:
        if nic.flows[row.flow].connection >= 0:
            connection = &nic.connections[nic.flows[row.flow].connection]
    elif row.kind == KIND_LOOPBACK:
        if row.data != NULL and find_connection(row.data, moving(nic, row.nbytes), &found):
            connection = &found
    elif row.slot >= 0:
        connection = &nic.connections[row.slot]
    if connection != NULL:
        if connection.keyed != spread.serial:
            hash_connection(spread, connection)
        if connection.is_hashed:
            number += spread.table[connection.hash & <uint32_t>(spread.entries - 1)]
    if number >= nic.num_rings:
        return -1
    number += nic.num_rings
    return number if nic.rings[number].is_open and nic.rings[number].function == function else -1


cdef inline int32_t rx_ring_of(Nic* nic, Row* row, int32_t function) noexcept nogil:
    """The index of the ring that receives a frame of the function, or -1: without a table its lowest open one."""
    if unlikely(nic.spreading) and nic.spreads[function].types:
        return spread_ring(nic, row, function)
    return nic.functions[function].first_rx


# ---- what Python sets ------------------------------------------------------------------------------

cdef void set_rss(Nic* nic, int32_t function, uint32_t types, int32_t entries, int32_t first) noexcept nogil:
    cdef Spread* spread = &nic.spreads[function]
    nic.spreading += (types != 0) - (spread.types != 0)
    nic.spread_serial += 1
    spread.types = types
    spread.entries = entries
    spread.first = first
    spread.serial = nic.spread_serial


cdef void set_rss_key(Nic* nic, int32_t function, int32_t number, uint64_t word) noexcept nogil:
    nic.spread_serial += 1
    put32(nic.spreads[function].key + 4 * number, word)
    nic.spreads[function].serial = nic.spread_serial
