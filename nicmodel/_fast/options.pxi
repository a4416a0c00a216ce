"""Options of link and host from a `PlaneConfig`: credits, policies, and the arrays that only some configurations look at.

What is not asked for leaves its flag at 0, and its room is never entered.
"""

from nicmodel.datasheet.policies import choices


cdef int position_of(object config, str parameter) except -1:
    """A policy as its position among those of its parameter."""
    return choices(parameter).index(getattr(config, parameter))


cdef int configure_options(Nic* nic, object config) except -1:
    """Numbers and policies that are off by default."""
    nic.relaxed = config.relaxed_ordering
    nic.ido = config.ido
    nic.framing = FRAMING_BYTES + config.tlp_digest_bytes
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
    nic.iommu.plans = nic.iommu.entries > 0 and not (nic.ido or nic.relaxed or nic.iommu.by_turns)
    nic.root_rules = nic.ido or (nic.iommu.entries > 0 and not nic.iommu.plans)
    update_answer_slack(nic)
    nic.tag_cap = config.tag_cap
    nic.tag_reserve = config.tag_reserve
    nic.tag_functions = position_of(config, "tag_functions")
    nic.descriptors_first = position_of(config, "tag_classes") == TAG_CLASSES_DESCRIPTORS_FIRST
    nic.read_interval = duration_of(config, "read_cycles")
    nic.tag_lists = nic.tag_cap > 0 or nic.tag_functions == TAG_FUNCTIONS_ROUND_ROBIN
    nic.tag_rules = nic.tag_lists or nic.tag_reserve > 0 or nic.descriptors_first or nic.read_interval > 0
    nic.fetch_fewest = position_of(config, "fetch") == FETCH_FEWEST
    nic.rx_writes_first = position_of(config, "writers") == WRITERS_RX_FIRST
    nic.write_interval = duration_of(config, "write_cycles")
    nic.writer_rules = nic.rx_writes_first or config.write_cycles > 1
    nic.core_switch = config.core_switch_ps
    return 0


# ---- credits ---------------------------------------------------------------------------------------

cdef int64_t advertised(object config, str field) except -1:
    """What a receiver advertises of one count; 0 is infinite, more than anybody spends."""
    cdef int64_t credits = getattr(config, field)
    return credits if credits else NEVER


cdef int grant_credits(Direction* sender, Direction* reporter, object config, str side) except -1:
    """The sender starts with what the receiver advertised; `reporter` carries the receiver's UpdateFCs."""
    cdef int64_t npd = advertised(config, side + "_npd")    # no TLP needs one, yet a finite count is reported
    sender.ph = sender.most_ph = advertised(config, side + "_ph")
    sender.pd = sender.most_pd = advertised(config, side + "_pd")
    sender.nph = sender.most_nph = advertised(config, side + "_nph")
    sender.ch = sender.most_ch = advertised(config, side + "_cplh")
    sender.cd = sender.most_cd = advertised(config, side + "_cpld")
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


# ---- memory ----------------------------------------------------------------------------------------

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


cdef bint allocate_options(Nic* nic, int32_t walkers) noexcept nogil:
    """Arrays that only some configurations look at."""
    cdef int32_t each, tx_levels = nic.tx_few + 1
    cdef int32_t rx_levels = nic.rx_few + 1
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


cdef void free_options(Nic* nic) noexcept nogil:
    """Give all that back."""
    cdef int32_t each
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
