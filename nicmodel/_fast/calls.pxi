"""Calls of the control plane, as they take effect: rank CALL, in call order. The door has checked them."""

cdef enum:
    CALL_OPEN_RING = NUM_TABLES     # behind those that set an entry of a table
    CALL_CLOSE_RING
    CALL_RESET_FUNCTION
    CALL_START_AGENT
    CALL_STOP_AGENT
    CALL_MMIO_WRITE
    CALL_MMIO_READ
    CALL_MMIO_ANSWER
    CALL_INJECT
    CALL_DMA_ANSWER


cdef Call* call_new(Nic* nic, int kind, int64_t at) noexcept nogil:
    """An empty call stamped `at`; NULL when memory has run out. The pointer is good until the next call."""
    cdef int32_t index = nic.free_call, room, each
    cdef Call* calls
    if index < 0:
        room = 64 if nic.num_calls == 0 else 2 * nic.num_calls
        calls = <Call*>realloc(nic.calls, room * sizeof(Call))
        if calls == NULL:
            latch(nic, FAULT_MEMORY, ROOM_CALLS, room * <int64_t>sizeof(Call))
            return NULL
        nic.calls = calls
        for each in range(nic.num_calls, room):
            calls[each].next_free = each + 1 if each + 1 < room else -1
        index = nic.num_calls
        nic.num_calls = room
    nic.free_call = nic.calls[index].next_free
    nic.calls[index].kind = kind
    nic.calls[index].data = NULL
    schedule(nic, RANK_CALL, at, 0, index, 0)
    return &nic.calls[index]


cdef void enter_function(Function* function, Ring* ring, int32_t index) noexcept nogil:
    """The ring is among its function's open rings, in number order."""
    cdef bint sends = ring.direction == DIRECTION_TX
    cdef int32_t* rings = function.tx_rings if sends else function.rx_rings
    cdef int32_t* count = &function.num_tx if sends else &function.num_rx
    cdef int32_t at = count[0]
    while at and rings[at - 1] > index:
        rings[at] = rings[at - 1]
        at -= 1
    rings[at] = index
    count[0] += 1
    if sends:
        function.first_tx = rings[0]
    else:
        function.first_rx = rings[0]


cdef bint function_room(Nic* nic, Function* function) noexcept nogil:
    """Room for one more ring in both lists, in steps of powers of two."""
    cdef int32_t count = max(function.num_tx, function.num_rx)
    cdef int32_t* rings
    if count & (count - 1):
        return True
    rings = <int32_t*>realloc(function.tx_rings, (2 * count + 2) * sizeof(int32_t))
    if rings != NULL:
        function.tx_rings = rings
        rings = <int32_t*>realloc(function.rx_rings, (2 * count + 2) * sizeof(int32_t))
        if rings != NULL:
            function.rx_rings = rings
            return True
    latch(nic, FAULT_MEMORY, ROOM_RINGS, (2 * count + 2) * <int64_t>sizeof(int32_t))
    return False


cdef void open_ring(Nic* nic, int64_t* words) noexcept nogil:
    """A ring opens, empty, at its head. Without bus mastering it does not."""
    cdef int32_t index = <int32_t>words[0]
    cdef Ring* ring = &nic.rings[index]
    close_ring(nic, index)
    if not nic.functions[words[1]].bus_master or not function_room(nic, &nic.functions[words[1]]):
        return
    ring.function = <int32_t>words[1]
    ring.base = <uint64_t>words[2]
    ring.size = <int32_t>words[3]
    ring.domain = <int32_t>words[4]
    ring.next = ring.tail = ring.ready_slot = <int32_t>words[5]
    ring.buffer_bytes = <int32_t>words[6]
    ring.vector = VECTORS_PER_FUNCTION * ring.function + <int32_t>words[7] if words[7] >= 0 else -1
    ring.wthresh = <int16_t>words[8]
    ring.is_open = 1
    ring.agent = NOBODY_YET
    enter_function(&nic.functions[ring.function], ring, index)


cdef void set_ring_vector(Nic* nic, int32_t index, int32_t vector) noexcept nogil:
    """An open ring raises another vector from now on."""
    if nic.rings[index].is_open:
        nic.rings[index].vector = VECTORS_PER_FUNCTION * nic.rings[index].function + vector if vector >= 0 else -1


cdef void set_bus_master(Nic* nic, int32_t function, bint on) noexcept nogil:
    if not on and nic.functions[function].bus_master:
        reset_function(nic, function)
    nic.functions[function].bus_master = on
    touch(nic, MSIX)


cdef void perform(Nic* nic, Call* call) noexcept nogil:
    cdef int64_t* words = call.words
    cdef int kind = call.kind
    if kind == CALL_MMIO_WRITE:
        write_register(nic, <int32_t>words[0], <int32_t>words[1], <int32_t>words[2], words[3])
    elif kind == CALL_MMIO_READ:
        read_register(nic, <int32_t>words[0], <int32_t>words[1], <int32_t>words[2], <int32_t>words[3])
    elif kind == CALL_MMIO_ANSWER:
        answer_access(nic, <int32_t>words[2], <int32_t>words[0], words[1])
    elif kind == CALL_INJECT:
        offer_injected(nic, call.data, call.nbytes, call.data_class, words[0])
        call.data = NULL
    elif kind == CALL_DMA_ANSWER:
        answer_read(nic, <int32_t>words[0], call.data, call.nbytes)
    elif kind == CALL_HOT:
        map_put(nic, &nic.hot, <uint64_t>words[0], words[1])
    elif kind == CALL_VECTOR:
        set_vector(nic, <int32_t>words[0], words[1] != 0, words[2])
    elif kind == CALL_RAISE:
        request_vector(nic, <int32_t>words[0])
    elif kind == CALL_FILTER:
        set_filter(nic, <int32_t>words[0], words[1] != 0, <uint64_t>words[2], <int32_t>words[3], <int32_t>words[4])
    elif kind == CALL_DEFAULT_POOL:
        nic.default_pool = <int32_t>words[1]
    elif kind == CALL_LOOPBACK:
        set_loopback(nic, words[1] != 0)
    elif kind == CALL_BME:
        set_bus_master(nic, <int32_t>words[0], words[1] != 0)
    elif kind == CALL_DECODE:
        nic.functions[words[0]].decodes = words[1] != 0
    elif kind == CALL_MAX_FRAME:
        nic.max_frame = <int32_t>words[1]
    elif kind == CALL_NO_DESCRIPTOR:
        nic.functions[words[0]].drop_policy = words[1] != 0
    elif kind == CALL_PAUSE:
        schedule(nic, RANK_PAUSE, nic.now + nic.pause_reaction, words[0], words[1], 0)
    elif kind == CALL_RING_VECTOR:
        set_ring_vector(nic, <int32_t>words[0], <int32_t>words[1])
    elif kind == CALL_RSS:
        set_rss(nic, <int32_t>words[0], <uint32_t>words[1], <int32_t>words[2], <int32_t>words[3])
    elif kind == CALL_RSS_KEY:
        set_rss_key(nic, <int32_t>words[0] // RSS_KEY_STEP, <int32_t>words[0] % RSS_KEY_STEP, <uint64_t>words[1])
    elif kind == CALL_RSS_TABLE:
        put32(nic.spreads[words[0] // RSS_TABLE_STEP].table + ENTRIES_A_WORD * (words[0] % RSS_TABLE_STEP), <uint64_t>words[1])
    elif kind == CALL_PAGE_SHIFT:
        nic.arenas[words[0]].shift = <int32_t>words[1]
    elif kind == CALL_SHAPER:
        set_shaper(nic, <int32_t>words[0], words[1], words[2])
    elif kind == CALL_WIRE:
        set_wire(nic, words[1])
    elif kind == CALL_RETRAIN:
        retrain(nic, words + 1)
    elif kind == CALL_SOURCES:
        check_sources(nic, <int32_t>words[0], words[1])
    elif kind == CALL_OPEN_RING:
        open_ring(nic, words)
    elif kind == CALL_CLOSE_RING:
        close_ring(nic, <int32_t>words[0])
    elif kind == CALL_RESET_FUNCTION:
        reset_function(nic, <int32_t>words[0])
    elif kind == CALL_START_AGENT:
        start_agent(nic, <int32_t>words[0])
    elif kind == CALL_STOP_AGENT:
        stop_agent(nic, <int32_t>words[0])


cdef void commit_call(Nic* nic) noexcept nogil:
    """The next call takes effect."""
    cdef int32_t index = <int32_t>timer_pop(nic, RANK_CALL).a
    cdef Call* call = &nic.calls[index]
    settle_commits(nic, nic.now)
    settle_arrivals(nic, nic.now)
    settle_ready(nic, nic.now)
    perform(nic, call)
    if call.data != NULL:
        buffer_return(nic, call.data, call.data_class)
    call.next_free = nic.free_call
    nic.free_call = index
