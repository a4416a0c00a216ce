"""A plane's memory from a `PlaneConfig`, and its end."""

cdef int64_t duration_of(object config, str cycles) except -1:
    """A duration in cycles; one that never passes is as long as another."""
    return min(getattr(config, cycles) * config.core_ps, <object>NEVER)


cdef int configure(Nic* nic, object config) except -1:
    """Copy every number of the configuration; a duration in cycles becomes one in ps."""
    nic.core = config.core_ps
    nic.far = min((<int64_t>1 << (EDGE_SHIFT - 2)) // nic.core, 1 << 22)   # where the reciprocal is exact, in 64 bits
    nic.per_core = <int64_t>((<uint64_t>1 << EDGE_SHIFT) // <uint64_t>nic.core) + 1
    nic.wire_ticks = config.wire_byte_ticks
    nic.up.share = config.up_share
    nic.down.share = config.down_share
    set_byte_ticks(nic, config.pcie_byte_ticks)
    nic.ack = config.ack_ps
    nic.fc = config.fc_ps
    nic.skp = config.skp_ps
    nic.skp_bytes = config.skp_bytes
    nic.mps = config.mps
    nic.mrrs = config.mrrs
    nic.rcb = config.rcb
    nic.split_rcb = config.split_rcb
    nic.tags_free = nic.tags = config.tags
    nic.read_buffer_free = nic.read_buffer = config.read_buffer
    nic.read_latency = config.read_latency_ps + config.remote_ps
    nic.read_jitter = config.read_jitter_ps
    nic.write_latency = config.write_latency_ps
    nic.register_interval = duration_of(config, "register_cycles")
    nic.register_latency = duration_of(config, "register_latency_cycles")
    nic.tx_pipe = duration_of(config, "tx_pipe_cycles")
    nic.rx_pipe = duration_of(config, "rx_pipe_cycles")
    nic.tx_cache = config.tx_cache
    nic.tx_few = min(config.tx_threshold, config.tx_cache)
    nic.rx_cache = config.rx_cache
    nic.rx_few = min(config.rx_threshold, config.rx_cache)
    nic.tx_room = nic.tx_buffer = config.tx_buffer
    nic.rx_room = nic.rx_buffer = config.rx_buffer
    nic.pause_reaction = config.pause_reaction_ps
    nic.payload = config.payload
    nic.seed = config.seed
    nic.record_rows = config.record_rows
    nic.record_interrupts = config.record_interrupts
    nic.frames_out = config.frames_out
    nic.num_functions = config.num_functions
    nic.num_rings = config.num_rings
    nic.books = config.books
    configure_options(nic, config)
    return 0


cdef void open_direction(Nic* nic, Direction* way, int arbiter, int wake, int line, int end_rank) noexcept nogil:
    way.arbiter = arbiter
    way.wake = wake
    way.line = line
    way.end_rank = end_rank
    lane_init(&way.posted, sizeof(int32_t))
    lane_init(&way.nonposted, sizeof(int32_t))
    lane_init(&way.completion, sizeof(int32_t))
    lane_init(&way.p_releases, sizeof(Timed))
    lane_init(&way.np_releases, sizeof(Timed))
    lane_init(&way.c_releases, sizeof(Timed))
    way.p_first = way.np_first = way.c_first = way.c_due = way.c_idle = NEVER
    way.skp_due = nic.skp if nic.skp > 0 else NEVER
    way.ack_due = way.p_due = way.np_due = way.p_idle = way.np_idle = NEVER


cdef void open_lanes(Nic* nic) noexcept nogil:
    cdef int each
    for each in range(NUM_RANKS):
        lane_init(&nic.timers[each].near, sizeof(Timer))
    lane_init(&nic.blocks, sizeof(uint8_t*))
    lane_init(&nic.free_rows, sizeof(int32_t))
    lane_init(&nic.mem_commits, sizeof(Timed))
    lane_init(&nic.loud_commits, sizeof(Timed))
    lane_init(&nic.mem_reads, sizeof(Timed))
    lane_init(&nic.iommu.walking, sizeof(Timed))
    lane_init(&nic.iommu.planned, sizeof(PlannedWalk))
    lane_init(&nic.iommu.reads, sizeof(Sampling))
    lane_init(&nic.iommu.looking, sizeof(Timed))
    lane_init(&nic.iommu.blocked, sizeof(Sampling))
    lane_init(&nic.read_dones, sizeof(Timed))
    lane_init(&nic.accesses, sizeof(int32_t))
    lane_init(&nic.register_pipe, sizeof(Timed))
    for each in range(3):
        lane_init(&nic.asking[each], sizeof(int32_t))
        lane_init(&nic.candidates[each].near, sizeof(Timer))
    lane_init(&nic.free_cores, sizeof(int32_t))
    lane_init(&nic.tx_ready, sizeof(Timed))
    lane_init(&nic.tx_reports, sizeof(Timed))
    lane_init(&nic.tx_pipe_lane, sizeof(Timed))
    lane_init(&nic.tx_wire, sizeof(Timed))
    lane_init(&nic.rx_wire, sizeof(Offer))
    lane_init(&nic.rx_pipe_lane, sizeof(Timed))
    lane_init(&nic.rx_rooms_back, sizeof(RoomBack))
    for each in range(2):
        lane_init(&nic.ingress[each], sizeof(int32_t))
        lane_init(&nic.writers[each], sizeof(WriteOp))
    lane_init(&nic.runnable, sizeof(int32_t))
    lane_init(&nic.interrupts, sizeof(Interrupt))
    lane_init(&nic.upcalls, sizeof(QueuedUpcall))


cdef bint open_ring_memory(Nic* nic, int32_t index) noexcept nogil:
    cdef Ring* ring = &nic.rings[index]
    cdef int32_t cache = nic.tx_cache if index < nic.num_rings else nic.rx_cache
    ring.direction = DIRECTION_TX if index < nic.num_rings else DIRECTION_RX
    ring.number = index if index < nic.num_rings else index - nic.num_rings
    ring.agent = NOBODY_YET
    ring.level = -1
    if index < nic.num_rings:
        lane_init(&nic.doorbells[index], sizeof(Doorbell))
    lane_init(&ring.rows, sizeof(int32_t))
    lane_init(&ring.chip, sizeof(Descriptor))
    lane_init(&ring.unpaired, sizeof(Rowless) if index < nic.num_rings else sizeof(int32_t))
    ring.fetched = <uint8_t*>calloc(cache + 1, DESCRIPTOR_BYTES)
    return ring.fetched != NULL


cdef bint allocate_arrays(Nic* nic) noexcept nogil:
    """All arrays whose size the configuration fixes."""
    cdef int32_t each, vectors = nic.num_functions * VECTORS_PER_FUNCTION
    nic.functions = <Function*>lines_grow(NULL, 0, nic.num_functions * sizeof(Function), &nic.function_memory)
    nic.counters = <int64_t*>calloc(<size_t>nic.num_functions * NUM_COUNTERS, sizeof(int64_t))
    nic.inside = <int64_t*>calloc(<size_t>nic.num_functions * 2, sizeof(int64_t))
    nic.vector_bits = <VectorBits*>calloc(nic.num_functions, sizeof(VectorBits))
    nic.vectors = <Vector*>calloc(vectors, sizeof(Vector))
    nic.rings = <Ring*>lines_grow(NULL, 0, (2 * nic.num_rings + 1) * sizeof(Ring), &nic.ring_memory)
    nic.doorbells = <Lane*>calloc(nic.num_rings + 1, sizeof(Lane))
    nic.latency = <int64_t*>calloc(<size_t>nic.num_functions * 2 * LATENCY_BINS + 1, sizeof(int64_t))
    nic.spreads = <Spread*>calloc(nic.num_functions, sizeof(Spread))
    nic.received = <int64_t*>calloc(nic.num_rings + 1, sizeof(int64_t))
    if nic.functions == NULL or nic.vector_bits == NULL or nic.vectors == NULL or nic.rings == NULL or nic.latency == NULL \
            or nic.spreads == NULL or nic.received == NULL or nic.doorbells == NULL or nic.counters == NULL or nic.inside == NULL:
        return False
    for each in range(BINS_AHEAD):
        nic.latency_next[each] = received_bins(nic, nic.num_functions)
    for each in range(nic.num_functions):
        nic.functions[each].drop_policy = nic.functions[each].decodes = 1
        nic.functions[each].last_ring = nic.functions[each].first_rx = -1
    for each in range(vectors):
        nic.vectors[each].agent = -1
    for each in range(2 * nic.num_rings):
        if not open_ring_memory(nic, each):
            return False
    return (bits_init(&nic.tx_fetchable, nic.num_rings) and bits_init(&nic.rx_fetchable, nic.num_rings)
            and bits_init(&nic.tx_waiting, nic.num_functions) and bits_init(&nic.tx_begun, nic.num_functions)
            and bits_init(&nic.requesting, nic.num_functions))


cdef Nic* nic_new(object config) except NULL:
    """A plane before its first instant."""
    cdef Nic* nic = <Nic*>calloc(1, sizeof(Nic))
    cdef int each
    if nic == NULL:
        raise MemoryError("memory has run out")
    open_lanes(nic)
    try:
        configure(nic, config)
        grant_credits(&nic.up, &nic.down, config, "host")
        grant_credits(&nic.down, &nic.up, config, "device")
        if not allocate_arrays(nic) or not allocate_options(nic, config.walkers) or not open_ledger(nic, config) \
                or not tlps_grow(nic) or not rows_grow(nic, -1):
            raise MemoryError("memory has run out")
    except BaseException:
        nic_free(nic)
        raise
    nic.now = nic.at_stage = nic.at_function = nic.at_packet = -1
    for each in range(NUM_SLOTS):
        nic.due[each] = due_key(NEVER, each)
    for each in range(NUM_SLOTS):
        set_when(nic, each, NEVER)
    open_direction(nic, &nic.up, UPSTREAM, WAKE_UP, LINE_UP_POSTED, RANK_UP_END)
    open_direction(nic, &nic.down, DOWNSTREAM, WAKE_DOWN, LINE_DOWN_POSTED, RANK_DOWN_END)
    advertise(&nic.up)
    advertise(&nic.down)
    update_next_due(&nic.up)
    update_next_due(&nic.down)
    set_when(nic, WAKE_UP, nic.up.next_due)
    set_when(nic, WAKE_DOWN, nic.down.next_due)
    nic.port_wake = nic.reorder_wake = nic.wire_start = nic.wire_end = NEVER
    nic.ahead = 1
    nic.wire_row = nic.last_vector = nic.last_function = -1
    nic.default_pool = nic.free_tlp = nic.free_call = -1
    nic.max_frame = STANDARD_FRAME
    for each in range(NUM_LINES):
        nic.line_cause[each] = CAUSE_NONE
    return nic


cdef void nic_free(Nic* nic) noexcept nogil:
    """Give everything back, byte buffers included."""
    cdef int32_t each
    cdef uint64_t position
    if nic == NULL:
        return
    for position in range(nic.blocks.head, nic.blocks.tail):
        free((<void**>(nic.blocks.items + (position & nic.blocks.mask) * sizeof(void*)))[0])
    if nic.rings != NULL:
        for each in range(2 * nic.num_rings):
            lane_free(&nic.rings[each].rows)
            lane_free(&nic.rings[each].chip)
            lane_free(&nic.rings[each].unpaired)
            free(nic.rings[each].fetched)
    if nic.doorbells != NULL:
        for each in range(nic.num_rings):
            lane_free(&nic.doorbells[each])
    free(nic.doorbells)
    free(nic.counters)
    free(nic.inside)
    if nic.functions != NULL:
        for each in range(nic.num_functions):
            free(nic.functions[each].tx_rings)
            free(nic.functions[each].rx_rings)
    for each in range(nic.num_flows):
        free(nic.flows[each].sizes)
        free(nic.flows[each].head)
    for each in range(NUM_RANKS):
        lane_free(&nic.timers[each].near)
        free(nic.timers[each].far)
    for each in range(3):
        lane_free(&nic.asking[each])
        lane_free(&nic.candidates[each].near)
        free(nic.candidates[each].far)
        free(nic.below_cap[each].words)
    free_options(nic)
    free_ledger(nic)
    free(nic.sides)
    for each in range(2):
        lane_free(&nic.ingress[each])
        lane_free(&nic.writers[each])
    free_way(&nic.up)
    free_way(&nic.down)
    lane_free(&nic.blocks)
    lane_free(&nic.free_rows)
    lane_free(&nic.mem_commits)
    lane_free(&nic.loud_commits)
    lane_free(&nic.mem_reads)
    lane_free(&nic.iommu.walking)
    lane_free(&nic.iommu.planned)
    lane_free(&nic.iommu.reads)
    lane_free(&nic.iommu.looking)
    lane_free(&nic.iommu.blocked)
    lane_free(&nic.read_dones)
    lane_free(&nic.accesses)
    lane_free(&nic.register_pipe)
    lane_free(&nic.tx_ready)
    lane_free(&nic.tx_reports)
    lane_free(&nic.tx_pipe_lane)
    lane_free(&nic.tx_wire)
    lane_free(&nic.rx_wire)
    lane_free(&nic.rx_pipe_lane)
    lane_free(&nic.rx_rooms_back)
    lane_free(&nic.runnable)
    lane_free(&nic.interrupts)
    lane_free(&nic.upcalls)
    map_free(&nic.hot)
    map_free(&nic.filter_first)
    free(nic.filters)
    free(nic.function_memory.block)
    free(nic.vector_bits)
    free(nic.vectors)
    free(nic.ring_memory.block)
    free(nic.arenas)
    free(nic.flow_memory.block)
    free(nic.spreads)
    free(nic.connections)
    free(nic.received)
    for each in range(nic.num_agents):
        lane_free(&nic.agents[each].reports)
    free(nic.agents)
    free(nic.row_memory.block)
    free(nic.record_memory.block)
    free(nic.done)
    free(nic.tlp_memory.block)
    free(nic.calls)
    free(nic.latency)
    free(nic.tx_fetchable.words)
    free(nic.rx_fetchable.words)
    free(nic.tx_waiting.words)
    free(nic.tx_begun.words)
    free(nic.requesting.words)
    free(nic.marks)
    free(nic)


cdef void free_way(Direction* way) noexcept nogil:
    lane_free(&way.posted)
    lane_free(&way.nonposted)
    lane_free(&way.completion)
    lane_free(&way.p_releases)
    lane_free(&way.np_releases)
    lane_free(&way.c_releases)
    free(way.first_posted)
    free(way.last_posted)
