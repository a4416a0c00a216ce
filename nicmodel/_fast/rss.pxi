"""Receive side scaling at the door: the connections of streams and of injected frames."""

from nicmodel.datasheet.connections import headers


cdef int32_t new_connection(Nic* nic, Connection* like) except -1:
    """Room for a connection, and its place."""
    cdef int32_t room = max(16, 2 * nic.room_connections)
    cdef Connection* connections
    if nic.num_connections == nic.room_connections:
        connections = <Connection*>realloc(nic.connections, room * sizeof(Connection))
        if connections == NULL:
            raise MemoryError("memory has run out")
        nic.connections = connections
        nic.room_connections = room
    nic.connections[nic.num_connections] = like[0]
    nic.num_connections += 1
    return nic.num_connections - 1


cdef int32_t connection_in(Nic* nic, dict known, const uint8_t[::1] frame) except -2:
    """The place of the connection of an injected frame, one place each; -1 if it carries no IP."""
    cdef Connection found
    if not find_connection(&frame[0], <int32_t>frame.shape[0], &found):
        return -1
    key = (<char*>&found)[:sizeof(Connection)]
    if key not in known:
        known[key] = new_connection(nic, &found)
    return known[key]


cdef int note_connection(Nic* nic, Flow* flow, connection) except -1:
    """A stream's frames carry these headers, and have this connection; None: they carry no IP."""
    cdef const uint8_t[::1] frame
    cdef Connection found
    flow.connection = -1
    if connection is None:
        return 0
    head = headers(connection, 0)
    frame = bytes(12) + head
    if not find_connection(&frame[0], <int32_t>frame.shape[0], &found):
        raise ModelBug(f"a flow cannot have {connection}")
    flow.connection = new_connection(nic, &found)
    flow.head_bytes = <int32_t>len(head)
    flow.head = <uint8_t*>malloc(flow.head_bytes)
    if flow.head == NULL:
        raise MemoryError("memory has run out")
    memcpy(flow.head, &frame[12], flow.head_bytes)
    return 0
