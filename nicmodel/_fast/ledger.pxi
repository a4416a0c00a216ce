"""The books' memory, and their results as Python sees them (`docs/time.md`, 10; shapes: `nicmodel/sim/results.py`)."""

from nicmodel.datasheet.books import COUNTS, POOLS
from nicmodel.sim.results import AGENT_DTYPE, AUDIT_DTYPE, POOL_DTYPE

# ---- memory ----------------------------------------------------------------------------------------

cdef bint open_ledger(Nic* nic, object config) except -1:
    """Empty books. False when memory has run out."""
    cdef Ledger* ledger = &nic.ledger
    cdef size_t functions = nic.num_functions
    cdef int32_t each
    capacities = [getattr(config, COUNTS.get(pool, pool)) for pool in POOLS]
    for each in range(NUM_POOLS):
        ledger.pools[each].capacity = capacities[each]
    ledger.turn_at = -1
    ledger.full_from = ledger.parser_busy = NEVER
    ledger.free_sample = ledger.free_group = -1
    lane_init(&ledger.fetched, sizeof(int32_t))
    lane_init(&ledger.released_reads, sizeof(Later))
    lane_init(&ledger.released_writes, sizeof(Later))
    if not nic.books:
        return True
    ledger.sums = <Sums*>lines_grow(NULL, 0, functions * sizeof(Sums), &ledger.sum_memory)
    ledger.waits = <int64_t*>calloc(functions * 2 * NUM_WAITS, sizeof(int64_t))
    ledger.holds = <Hold*>calloc(functions, sizeof(Hold))
    ledger.own_area = <uint64_t*>calloc(functions, sizeof(uint64_t))
    ledger.own_queued = <uint64_t*>calloc(functions, sizeof(uint64_t))
    ledger.served[0] = <int64_t*>calloc(functions * NUM_SERVED, sizeof(int64_t))
    ledger.interference = <int64_t*>calloc(functions * functions * NUM_SERVED, sizeof(int64_t))
    if (ledger.sum_memory.full or ledger.waits == NULL or ledger.holds == NULL or ledger.own_area == NULL
            or ledger.own_queued == NULL or ledger.served[0] == NULL or ledger.interference == NULL):
        return False
    for each in range(1, NUM_SERVED):
        ledger.served[each] = ledger.served[0] + each * functions
    for each in range(nic.num_functions):
        ledger.holds[each].since = NEVER
    return True


cdef bint tlp_books_grow(Nic* nic, int32_t room) noexcept nogil:
    """Beside `tlps`, which has `num_tlps` slots and gets `room`."""
    cdef TlpBook* books = <TlpBook*>realloc(nic.ledger.tlps, <size_t>room * sizeof(TlpBook))
    cdef int32_t each
    if books == NULL:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, room * <int64_t>sizeof(TlpBook))
        return False
    for each in range(nic.num_tlps, room):
        books[each].sample = books[each].holds = 0
    nic.ledger.tlps = books
    return True


cdef bint row_books_grow(Nic* nic, int32_t room) noexcept nogil:
    """Beside `rows`, which has `room_rows` slots and gets `room`; each book in a line of the cache."""
    cdef uint8_t* marks
    nic.ledger.rows = <RowBook*>lines_grow(nic.ledger.rows, nic.room_rows * sizeof(RowBook), room * sizeof(RowBook),
                                           &nic.ledger.row_memory)
    if nic.ledger.row_memory.full:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, room * <int64_t>sizeof(RowBook))
        return False
    marks = <uint8_t*>realloc(nic.ledger.has_rare, room)
    if marks == NULL:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, room)
        return False
    memset(marks + nic.room_rows, 0, room - nic.room_rows)
    nic.ledger.has_rare = marks
    return not nic.ledger.rare or rare_books_grow(nic, room)


cdef bint rare_books_grow(Nic* nic, int32_t room) noexcept nogil:
    """For as many rows, once there are any."""
    cdef RareBook* books = <RareBook*>realloc(nic.ledger.rare_rows, <size_t>room * sizeof(RareBook))
    if books == NULL:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, room * <int64_t>sizeof(RareBook))
        return False
    nic.ledger.rare_rows = books
    return True


cdef void open_rare_books(Nic* nic) noexcept nogil:
    """Some row has waited for what few wait for, or for long. The plane stops if there is no memory for that."""
    nic.ledger.rare = rare_books_grow(nic, nic.room_rows)


cdef bint waits_grow(Nic* nic, int64_t** waits, int64_t room) noexcept nogil:
    """Of so many recorded rows."""
    cdef size_t size = <size_t>room * NUM_WAITS * sizeof(int64_t)
    cdef int64_t* grown = <int64_t*>realloc(waits[0], size)
    if grown == NULL:
        latch(nic, FAULT_MEMORY, ROOM_BOOKS, <int64_t>size)
        return False
    waits[0] = grown
    return True


cdef inline int64_t* recorded_waits(Nic* nic, int32_t index) noexcept nogil:
    """Of the row in this slot, zero until it is delivered."""
    return nic.ledger.row_waits + <int64_t>index * NUM_WAITS


cdef void free_ledger(Nic* nic) noexcept nogil:
    cdef Ledger* ledger = &nic.ledger
    lane_free(&ledger.fetched)
    lane_free(&ledger.released_reads)
    lane_free(&ledger.released_writes)
    free(ledger.tlps)
    free(ledger.row_memory.block)
    free(ledger.rare_rows)
    free(ledger.has_rare)
    free(ledger.sum_memory.block)
    free(ledger.waits)
    free(ledger.row_waits)
    free(ledger.done_waits)
    free(ledger.holds)
    free(ledger.own_area)
    free(ledger.own_queued)
    free(ledger.group_memory.block)
    free(ledger.served[0])
    free(ledger.interference)
    free(ledger.seen)
    free(ledger.samples)


# ---- results ---------------------------------------------------------------------------------------

cdef void settle_books(Nic* nic, int64_t before) noexcept nogil:
    """What lies before this time is written down."""
    if nic.books:
        answer_reads(nic, before)
        return_rooms(nic, before - 1)
        settle_releases(nic, before)
        settle_served_walks(nic, before)
        settle_turn(nic, nic.horizon - 1)
        settle_groups(nic)


cdef object copy_sums(int64_t* sums, tuple shape):
    """An array of that shape; all zero without books."""
    cdef int64_t size = 1
    cdef int64_t[::1] out
    for each in shape:
        size *= each
    flat = np.zeros(size, np.int64)
    if sums != NULL and size:
        out = flat
        memcpy(&out[0], sums, <size_t>size * sizeof(int64_t))
    return flat.reshape(shape)


cdef object copy_waits(Nic* nic):
    """By function, direction and wait; latency last."""
    out = np.zeros((nic.num_functions, 2, NUM_WAITS + 1), np.int64)
    cdef int64_t[:, :, ::1] waits = out
    cdef int32_t function
    cdef int direction
    if not nic.books:
        return out
    out[:, :, :NUM_WAITS] = copy_sums(nic.ledger.waits, (nic.num_functions, 2, NUM_WAITS))
    for function in range(nic.num_functions):
        for direction in range(2):
            add_by_wait(&waits[function, direction, 0], direction, sums_of(nic, function, direction))
            waits[function, direction, NUM_WAITS] = nic.ledger.sums[function].latency[direction]
    return out


cdef object copy_grants(Nic* nic):
    """Frames that enter the parser, and those that start, may not have been looked at yet."""
    cdef int64_t entered = 0, passes = 0
    cdef uint64_t position
    cdef int32_t each
    if not nic.books:
        return np.zeros(NUM_ARBITERS, np.int64)
    for position in range(nic.rx_pipe_lane.head, nic.rx_pipe_lane.tail):
        entered += (<Timed*>lane_at(&nic.rx_pipe_lane, position)).time - nic.rx_pipe < max(nic.horizon, nic.now + 1)
    for each in range(nic.num_agents):
        passes += nic.agents[each].passes
    counted = copy_sums(nic.ledger.grants, (NUM_ARBITERS,))
    counted[SWITCH_INGRESS] += entered
    counted[VCPU] = passes
    counted[UPSTREAM], counted[DOWNSTREAM] = nic.up.tlps, nic.down.tlps
    counted[WIRE], counted[WIRE_RX] = nic.wire_books[WIRE_OUT][0], nic.wire_books[WIRE_IN][0]
    return counted


cdef object copy_agents(Nic* nic):
    cdef int32_t each
    cdef bint on = nic.books
    return np.array([(nic.agents[each].function, nic.agents[each].core_number, nic.agents[each].spent if on else 0,
                      nic.agents[each].passes if on else 0, nic.agents[each].received if on else 0)
                     for each in range(nic.num_agents)], AGENT_DTYPE)


cdef list count_holders(Nic* nic):
    """What is held of each pool, holder by holder."""
    cdef int64_t tags = 0, read_buffer = 0, tx_buffer = 0, rx_buffer = 0
    cdef int32_t each
    for each in range(nic.num_tlps):
        if nic.ledger.tlps[each].holds:
            tags += 1
            read_buffer += nic.tlps[each].nbytes
    for each in range(nic.num_rows):
        if nic.rows[each].held and nic.rows[each].room:
            if nic.rows[each].kind == KIND_TX:
                tx_buffer += nic.rows[each].nbytes
            else:
                rx_buffer += frame_length(nic.rows[each].nbytes)
    tx_buffer -= room_to_come(nic)
    return [tags, read_buffer, tx_buffer, rx_buffer,
            *[nic.ledger.pools[each].taken - nic.ledger.pools[each].spoken_for if nic.ledger.pools[each].capacity else 0
              for each in range(POOL_UP_PH, NUM_POOLS)]]


cdef int64_t taken_so_far(Nic* nic, uint64_t area, int64_t taken) noexcept:
    """The integral up to the horizon, of which `taken` is still out."""
    return <int64_t>(area + <uint64_t>(taken * nic.horizon))


cdef dict copy_pools(Nic* nic):
    """The arrays of pools."""
    cdef int32_t each
    cdef uint64_t area
    cdef Pool* pool
    if not nic.books:
        return {"pools": np.zeros(NUM_POOLS, POOL_DTYPE), "own_tags": np.zeros((nic.num_functions, 2), np.int64),
                "audit": np.zeros(NUM_POOLS, AUDIT_DTYPE)}
    held = count_holders(nic)
    free = (nic.tags_free, nic.read_buffer_free, nic.tx_room, nic.rx_room, nic.up.ph, nic.up.pd, nic.up.nph,
            nic.down.ph, nic.down.pd, nic.down.ch, nic.down.cd)
    tags = [0] * nic.num_functions
    for each in range(nic.num_tlps):
        if nic.ledger.tlps[each].holds:
            tags[nic.tlps[each].function] += 1
    own = [(taken_so_far(nic, nic.ledger.own_area[each], tags[each]), <int64_t>nic.ledger.own_queued[each])
           for each in range(nic.num_functions)]
    pools, audit = [], []
    for each in range(NUM_POOLS):
        pool = &nic.ledger.pools[each]
        if pool.capacity:
            area = pool.area + (room_lacked(nic) if each == POOL_TX_BUFFER else 0)
            pools.append((pool.capacity, taken_so_far(nic, area, held[each] + pool.spoken_for), <int64_t>pool.queued))
            audit.append((pool.capacity, free[each], held[each]))
        else:
            pools.append((0, 0, 0))
            audit.append((0, 0, 0))
    pools[POOL_TAGS] = (nic.ledger.pools[POOL_TAGS].capacity, sum([used for used, _ in own]), sum([queued for _, queued in own]))
    return {"pools": np.array(pools, POOL_DTYPE), "own_tags": np.array(own, np.int64),
            "audit": np.array(audit, AUDIT_DTYPE)}


cdef dict copy_books(Nic* nic):
    """All of the books but the clocks of lines."""
    functions = nic.num_functions
    return {"waits": copy_waits(nic), "grants": copy_grants(nic), "agents": copy_agents(nic), **copy_pools(nic),
            "served": copy_sums(nic.ledger.served[0], (NUM_SERVED, functions)),
            "interference": copy_sums(nic.ledger.interference, (NUM_SERVED, functions, functions))}
