"""A plane's memory from a `PlaneConfig`, and its end."""

from nicmodel.datasheet.policies import PARAMETERS, choices

MOST_HEADERS, MOST_DATA = 127, 2047         # half of what a count has room for


cdef int position_of(object config, str parameter) except -1:
    """A policy as its position among those of its parameter."""
    names = choices(parameter)
    name = getattr(config, parameter)
    if name not in names:
        raise ModelBug(f"{parameter} {name!r} is no policy; there are {', '.join(names)}")
    return names.index(name)


cdef int configure(Nic* nic, object config) except -1:
    """Copy every number of the configuration; a duration in cycles becomes one in ps."""
    nic.core = config.core_ps
    nic.far = min((1 << 38) // nic.core, 1 << 22)
    nic.per_core = (1 << 40) // nic.core + 1
    nic.wire_ticks = config.wire_byte_ticks
    nic.pcie_ticks = config.pcie_byte_ticks
    nic.ack = config.ack_ps
    nic.fc = config.fc_ps
    nic.skp = config.skp_ps
    nic.skp_bytes = config.skp_bytes
    nic.mps = config.mps
    nic.mrrs = config.mrrs
    nic.rcb = config.rcb
    nic.split_rcb = config.split_rcb
    nic.tags_free = config.tags
    nic.read_buffer_free = config.read_buffer
    nic.read_latency = config.read_latency_ps + config.remote_ps
    nic.read_jitter = config.read_jitter_ps
    nic.write_latency = config.write_latency_ps
    nic.register_interval = config.register_cycles * config.core_ps
    nic.register_latency = config.register_latency_cycles * config.core_ps
    nic.tx_pipe = config.tx_pipe_cycles * config.core_ps
    nic.rx_pipe = config.rx_pipe_cycles * config.core_ps
    nic.tx_cache = config.tx_cache
    nic.tx_threshold = config.tx_threshold
    nic.rx_cache = config.rx_cache
    nic.rx_threshold = config.rx_threshold
    nic.tx_room = config.tx_buffer
    nic.rx_room = config.rx_buffer
    nic.pause_reaction = config.pause_reaction_ps
    nic.payload = config.payload
    nic.seed = config.seed & ((1 << 64) - 1)
    nic.record_rows = config.record_rows
    nic.record_interrupts = config.record_interrupts
    nic.frames_out = config.frames_out
    nic.num_functions = config.num_functions
    nic.num_rings = config.num_rings
    configure_whole(nic, config)
    if min(config.core_ps, config.read_latency_ps, config.write_latency_ps, config.register_cycles,
           config.register_latency_cycles, config.tx_pipe_cycles, config.rx_pipe_cycles) < 1:
        raise ModelBug("every latency of a plane is at least 1")
    if config.pcie_byte_ticks * 8 < 1024 or config.wire_byte_ticks * 8 < 1024:
        raise ModelBug("a transfer on a link takes at least 1 ps")
    for size in (config.mps, config.mrrs, config.rcb):
        if size < 16 or size > 4096 or size & (size - 1):
            raise ModelBug("MPS, MRRS and RCB are powers of two from 16 to 4096")
    if config.mps < config.rcb:
        raise ModelBug("MPS is at least RCB")
    return 0


cdef int configure_whole(Nic* nic, object config) except -1:
    """The whole link and host. What is not asked for leaves its flag at 0, and its room is not entered."""
    nic.relaxed = config.relaxed_ordering
    nic.ido = config.ido
    nic.interleaved = position_of(config, "completions") == COMPLETIONS_INTERLEAVED
    nic.up.by_turns = position_of(config, "upstream") == UPSTREAM_ROUND_ROBIN
    nic.down.by_turns = position_of(config, "downstream") == DOWNSTREAM_ROUND_ROBIN
    nic.dram = config.dram_ps
    nic.dram_share = config.dram_share
    nic.tail = config.tail_ps
    nic.tail_share = config.tail_share
    nic.draws = ((DRAWS_JITTER if nic.read_jitter else 0) | (DRAWS_DRAM if nic.dram and nic.dram_share else 0)
                 | (DRAWS_TAIL if nic.tail and nic.tail_share else 0))
    nic.iommu.entries = config.iotlb_entries
    nic.iommu.by_turns = position_of(config, "walks") == WALKS_ROUND_ROBIN
    nic.iommu.walk_ps = config.walk_ps
    nic.root_rules = nic.ido or nic.iommu.entries > 0
    nic.tag_cap = config.tag_cap
    nic.tag_reserve = config.tag_reserve
    nic.tag_functions = position_of(config, "tag_functions")
    nic.descriptors_first = position_of(config, "tag_classes") == TAG_CLASSES_DESCRIPTORS_FIRST
    nic.read_interval = config.read_cycles * config.core_ps
    nic.tag_lists = nic.tag_cap > 0 or nic.tag_functions == TAG_FUNCTIONS_ROUND_ROBIN
    nic.tag_rules = nic.tag_lists or nic.tag_reserve > 0 or nic.descriptors_first or nic.read_interval > 0
    nic.fetch_fewest = position_of(config, "fetch") == FETCH_FEWEST
    nic.rx_writes_first = position_of(config, "writers") == WRITERS_RX_FIRST
    nic.write_interval = config.write_cycles * config.core_ps
    nic.writer_rules = nic.rx_writes_first or config.write_cycles > 1
    nic.core_switch = config.core_switch_ps
    if min(config.write_cycles, config.walkers, config.walk_ps) < 1:
        raise ModelBug("write_cycles, walkers and walk_ps are at least 1")
    if config.tag_reserve >= config.tags:
        raise ModelBug(f"tag_reserve {config.tag_reserve} leaves payload reads none of {config.tags} tags")
    if min(nic.read_interval, nic.tag_cap, nic.tag_reserve, nic.dram, nic.dram_share, nic.tail, nic.tail_share,
           nic.iommu.entries, nic.core_switch, config.remote_ps) < 0:
        raise ModelBug("no number of a plane is negative")
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
    way.last_end = -1
    way.ack_for = -1
    way.p_first = way.np_first = way.c_first = way.c_due = way.c_idle = NEVER
    way.skp_due = nic.skp if nic.skp > 0 else NEVER
    way.ack_due = way.p_due = way.np_due = way.p_idle = way.np_idle = NEVER


cdef int64_t advertised(object config, str field) except -1:
    """What a receiver advertises of one count; 0 is infinite, more than anybody spends."""
    cdef int64_t credits = getattr(config, field)
    most = MOST_HEADERS if field.endswith("h") else MOST_DATA
    if not 0 <= credits <= most:
        raise ModelBug(f"{field}: {credits} credits cannot be advertised, at most {most}; 0 is infinite")
    return credits if credits else NEVER


cdef int grant_credits(Direction* sender, Direction* reporter, object config, str side) except -1:
    """The sender starts with what the receiver advertised; `reporter` carries the receiver's UpdateFCs."""
    cdef int64_t npd = advertised(config, side + "_npd")    # no TLP needs one, yet a finite count is reported
    sender.ph = advertised(config, side + "_ph")
    sender.pd = advertised(config, side + "_pd")
    sender.nph = advertised(config, side + "_nph")
    sender.ch = advertised(config, side + "_cplh")
    sender.cd = advertised(config, side + "_cpld")
    reporter.reports_p = sender.ph != NEVER or sender.pd != NEVER
    reporter.reports_np = sender.nph != NEVER or npd != NEVER
    reporter.reports_c = sender.ch != NEVER or sender.cd != NEVER
    sender.rules = reporter.reports_c
    return 0


cdef void advertise(Direction* way) noexcept nogil:
    """Finite pools are reported now and then, even if nothing is released."""
    if way.reports_p:
        way.p_idle = UPDATE_FC_IDLE_PS
    if way.reports_np:
        way.np_idle = UPDATE_FC_IDLE_PS
    if way.reports_c:
        way.c_idle = UPDATE_FC_IDLE_PS


cdef void open_lanes(Nic* nic) noexcept nogil:
    cdef int each
    for each in range(NUM_RANKS):
        lane_init(&nic.timers[each].near, sizeof(Timer))
    lane_init(&nic.blocks, sizeof(uint8_t*))
    lane_init(&nic.mem_commits, sizeof(Timed))
    lane_init(&nic.mem_reads, sizeof(Timed))
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
    lane_init(&nic.news, sizeof(News))


cdef bint open_ring_memory(Nic* nic, int32_t index) noexcept nogil:
    cdef Ring* ring = &nic.rings[index]
    cdef int32_t cache = nic.tx_cache if index < nic.num_rings else nic.rx_cache
    ring.direction = 0 if index < nic.num_rings else 1
    ring.number = index if index < nic.num_rings else index - nic.num_rings
    ring.agent = ring.vector = ring.level = -1
    lane_init(&ring.doorbells, sizeof(Batch))
    lane_init(&ring.rows, sizeof(int32_t))
    lane_init(&ring.chip, sizeof(RxDescriptor))
    lane_init(&ring.frames, sizeof(int32_t))
    ring.fetched = <uint8_t*>calloc(cache + 1, 16)
    return ring.fetched != NULL


cdef bint furnish_levels(Nic* nic, Bits* levels, Bits** of_level, int32_t count) noexcept nogil:
    """Sets of rings by the number of descriptors that they have on chip."""
    cdef int32_t each
    of_level[0] = <Bits*>calloc(count, sizeof(Bits))
    if of_level[0] == NULL or not bits_init(levels, count):
        return False
    for each in range(count):
        if not bits_init(&of_level[0][each], nic.num_rings):
            return False
    return True


cdef bint furnish_way(Nic* nic, Direction* way) noexcept nogil:
    cdef int32_t each
    if nic.ido or way.by_turns:
        way.rules = 1
    elif way == &nic.down and (nic.relaxed or nic.interleaved):
        way.rules = 1
    way.first_posted = <int32_t*>malloc(nic.num_functions * sizeof(int32_t))
    way.last_posted = <int32_t*>malloc(nic.num_functions * sizeof(int32_t))
    if way.first_posted == NULL or way.last_posted == NULL:
        return False
    for each in range(nic.num_functions):
        way.first_posted[each] = way.last_posted[each] = -1
    return True


cdef bint furnish_whole(Nic* nic, int32_t walkers) noexcept nogil:
    """Arrays that only some configurations look at."""
    cdef int32_t each, tx_levels = min(nic.tx_threshold, nic.tx_cache) + 1, rx_levels = min(nic.rx_threshold, nic.rx_cache) + 1
    nic.shapers = <Shaper*>calloc(nic.num_functions, sizeof(Shaper))
    nic.scopes = <Scope*>calloc(nic.num_functions, sizeof(Scope))
    nic.tags_held = <int32_t*>calloc(nic.num_functions, sizeof(int32_t))
    nic.asking_of = <Asking*>calloc(3 * <size_t>nic.num_functions, sizeof(Asking))
    if nic.shapers == NULL or nic.scopes == NULL or nic.tags_held == NULL or nic.asking_of == NULL:
        return False
    for each in range(nic.num_functions):
        nic.scopes[each].head = -1
        nic.shapers[each].reminded = -1
    for each in range(3 * nic.num_functions):
        nic.asking_of[each].head = -1
    nic.unknown = ALL_CLASSES
    for each in range(3):
        nic.last_asking[each] = nic.num_functions - 1
        if not bits_init(&nic.below_cap[each], nic.num_functions):
            return False
    if nic.fetch_fewest:
        if (not furnish_levels(nic, &nic.tx_levels, &nic.tx_of_level, tx_levels)
                or not furnish_levels(nic, &nic.rx_levels, &nic.rx_of_level, rx_levels)):
            return False
    if nic.iommu.entries and not iommu_init(nic, nic.iommu.entries, walkers):
        return False
    return furnish_way(nic, &nic.up) and furnish_way(nic, &nic.down)


cdef bint furnish(Nic* nic) noexcept nogil:
    """All arrays whose size the configuration fixes."""
    cdef int32_t each, vectors = nic.num_functions * VECTORS_PER_FUNCTION
    nic.functions = <Function*>calloc(nic.num_functions, sizeof(Function))
    nic.vectors = <Vector*>calloc(vectors, sizeof(Vector))
    nic.rings = <Ring*>calloc(2 * nic.num_rings + 1, sizeof(Ring))
    nic.latency = <int64_t*>calloc(<size_t>nic.num_functions * 2 * LATENCY_BINS, sizeof(int64_t))
    if nic.functions == NULL or nic.vectors == NULL or nic.rings == NULL or nic.latency == NULL:
        return False
    for each in range(nic.num_functions):
        nic.functions[each].drop_policy = 1
        nic.functions[each].last_ring = -1
    for each in range(vectors):
        nic.vectors[each].agent = -1
    for each in range(2 * nic.num_rings):
        if not open_ring_memory(nic, each):
            return False
    return (bits_init(&nic.tx_fetchable, nic.num_rings) and bits_init(&nic.rx_fetchable, nic.num_rings)
            and bits_init(&nic.tx_waiting, nic.num_functions) and bits_init(&nic.requesting, nic.num_functions))


cdef Nic* nic_new(object config) except NULL:
    """A plane before its first instant."""
    if NUM_GROUPS != 6 or WAKE_UP & 3:
        raise ModelBug("next_instant and run_instant look at five groups of events and one of wakes")
    cdef Nic* nic = <Nic*>calloc(1, sizeof(Nic))
    cdef int each
    if nic == NULL:
        raise MemoryError
    open_lanes(nic)
    try:
        configure(nic, config)
        grant_credits(&nic.up, &nic.down, config, "host")
        grant_credits(&nic.down, &nic.up, config, "device")
        if not furnish(nic) or not furnish_whole(nic, config.walkers) or not tlps_grow(nic) or not rows_grow(nic):
            raise MemoryError
    except BaseException:
        nic_free(nic)
        raise
    nic.now = -1
    for each in range(NUM_WHEN):
        nic.when[each] = NEVER
    for each in range(NUM_GROUPS):
        nic.soonest[each] = NEVER
    open_direction(nic, &nic.up, UPSTREAM, WAKE_UP, LINE_UP_POSTED, RANK_UP_END)
    open_direction(nic, &nic.down, DOWNSTREAM, WAKE_DOWN, LINE_DOWN_POSTED, RANK_DOWN_END)
    advertise(&nic.up)
    advertise(&nic.down)
    find_next_due(&nic.up)
    find_next_due(&nic.down)
    set_when(nic, WAKE_UP, nic.up.next_due)
    set_when(nic, WAKE_DOWN, nic.down.next_due)
    nic.port_wake = nic.reorder_wake = nic.wire_start = NEVER
    nic.ready_last = nic.ingress_last = -1
    nic.ahead = 1
    nic.last_commit = nic.wire_row = nic.last_vector = nic.last_function = -1
    nic.last_tx_fetch = nic.last_rx_fetch = nic.default_pool = nic.free_tlp = nic.free_call = -1
    nic.max_frame = 1518
    nic.free_row = -1
    blank_row(&nic.blank)
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
            lane_free(&nic.rings[each].doorbells)
            lane_free(&nic.rings[each].rows)
            lane_free(&nic.rings[each].chip)
            lane_free(&nic.rings[each].frames)
            free(nic.rings[each].fetched)
    if nic.functions != NULL:
        for each in range(nic.num_functions):
            free(nic.functions[each].tx_rings)
            free(nic.functions[each].rx_rings)
    for each in range(nic.num_flows):
        free(nic.flows[each].sizes)
    for each in range(NUM_RANKS):
        lane_free(&nic.timers[each].near)
        free(nic.timers[each].far)
    for each in range(3):
        lane_free(&nic.asking[each])
        lane_free(&nic.candidates[each].near)
        free(nic.candidates[each].far)
        free(nic.below_cap[each].words)
    if nic.tx_of_level != NULL:
        for each in range(nic.tx_levels.count):
            free(nic.tx_of_level[each].words)
    if nic.rx_of_level != NULL:
        for each in range(nic.rx_levels.count):
            free(nic.rx_of_level[each].words)
    for each in range(nic.num_cores):
        lane_free(&nic.cores[each].line)
    lane_free(&nic.free_cores)
    iommu_free(&nic.iommu)
    free(nic.tx_of_level)
    free(nic.rx_of_level)
    free(nic.tx_levels.words)
    free(nic.rx_levels.words)
    free(nic.cores)
    free(nic.shapers)
    free(nic.scopes)
    free(nic.tags_held)
    free(nic.asking_of)
    free(nic.sides)
    for each in range(2):
        lane_free(&nic.ingress[each])
        lane_free(&nic.writers[each])
    free_way(&nic.up)
    free_way(&nic.down)
    lane_free(&nic.blocks)
    lane_free(&nic.mem_commits)
    lane_free(&nic.mem_reads)
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
    lane_free(&nic.news)
    map_free(&nic.hot)
    map_free(&nic.filter_first)
    free(nic.filters)
    free(nic.functions)
    free(nic.vectors)
    free(nic.rings)
    free(nic.arenas)
    free(nic.flows)
    free(nic.agents)
    free(nic.rows)
    free(nic.records)
    free(nic.tlps)
    free(nic.calls)
    free(nic.latency)
    free(nic.tx_fetchable.words)
    free(nic.rx_fetchable.words)
    free(nic.tx_waiting.words)
    free(nic.requesting.words)
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
