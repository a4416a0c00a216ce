"""The rest of TAGS (`docs/time.md`, 4): a cap for each function, a reserve, policies among classes and functions, pacing.

With a cap or with functions in turns, requests wait in a list for each class and function, and the lane of their class
only counts them. The candidate of a class is
then known without a search: `oldest` keeps functions below the cap in order of their oldest request (one that has
reached it since is passed over when it comes first), `round_robin` keeps them in a set.
"""

cdef enum:
    ALL_CLASSES = 7


# ---- lists by function -----------------------------------------------------------------------------

cdef inline Asking* asking_at(Nic* nic, int klass, int32_t function) noexcept nogil:
    return &nic.asking_of[klass * nic.num_functions + function]


cdef inline bint is_capped(Nic* nic, int32_t function) noexcept nogil:
    return nic.tag_cap > 0 and nic.tags_held[function] >= nic.tag_cap


cdef void list_candidate(Nic* nic, int klass, int32_t function) noexcept nogil:
    """If this function asks and is below the cap, it is among the candidates; if not, no longer."""
    cdef Asking* asking = asking_at(nic, klass, function)
    cdef bint may = asking.head >= 0 and not is_capped(nic, function)
    nic.unknown |= 1 << klass
    if nic.tag_functions == TAG_FUNCTIONS_ROUND_ROBIN:
        if may:
            bits_add(&nic.below_cap[klass], function)
        else:
            bits_remove(&nic.below_cap[klass], function)
    elif may and not asking.listed:
        asking.listed = 1
        timers_push(nic, &nic.candidates[klass], <int64_t>nic.tlps[asking.head].age, 0, function, 0)


cdef void ask_by_function(Nic* nic, int klass, int32_t request) noexcept nogil:
    """A request joins the list of its class and function."""
    cdef Asking* asking = asking_at(nic, klass, nic.tlps[request].function)
    nic.tlps[request].age = nic.asked       # until it is queued on the link
    nic.asked += 1
    nic.asking[klass].tail += 1
    nic.sides[request].next = -1
    if asking.head < 0:
        asking.head = asking.tail = request
        list_candidate(nic, klass, nic.tlps[request].function)
    else:
        nic.sides[asking.tail].next = request
        asking.tail = request


cdef void return_to_cap(Nic* nic, int32_t function) noexcept nogil:
    """A function gives a tag back; it may be below the cap again."""
    cdef int klass
    cdef bint was_capped = is_capped(nic, function)
    nic.tags_held[function] -= 1
    if was_capped:
        for klass in range(3):
            list_candidate(nic, klass, function)


cdef int32_t take_listed(Nic* nic, int klass, int32_t function) noexcept nogil:
    """The oldest request of a class and function leaves its list, with a tag."""
    cdef Asking* asking = asking_at(nic, klass, function)
    cdef int32_t request = asking.head
    cdef int other
    if nic.tag_functions != TAG_FUNCTIONS_ROUND_ROBIN:
        timers_pop(&nic.candidates[klass])
        asking.listed = 0
    asking.head = nic.sides[request].next
    nic.asking[klass].head += 1
    nic.tags_held[function] += 1
    nic.last_asking[klass] = function
    list_candidate(nic, klass, function)
    if nic.tag_functions == TAG_FUNCTIONS_ROUND_ROBIN and is_capped(nic, function):
        for other in range(3):
            bits_remove(&nic.below_cap[other], function)
    if is_capped(nic, function):
        nic.unknown = ALL_CLASSES
    return request


cdef void drop_listed(Nic* nic, int32_t ring) noexcept nogil:
    """Revocation: the ring's requests vanish, and the candidates are listed anew."""
    cdef int klass
    cdef int32_t function, request, later
    cdef Asking* asking
    for klass in range(3):
        nic.candidates[klass].count = 0
        lane_clear(&nic.candidates[klass].near)
        for function in range(nic.num_functions):
            asking = asking_at(nic, klass, function)
            request = asking.head
            asking.head = -1
            asking.listed = 0
            while request >= 0:
                later = nic.sides[request].next
                if nic.tlps[request].ring == ring:
                    tlp_free(nic, request)
                    nic.asking[klass].head += 1
                else:
                    nic.sides[request].next = -1
                    if asking.head < 0:
                        asking.head = request
                    else:
                        nic.sides[asking.tail].next = request
                    asking.tail = request
                request = later
            list_candidate(nic, klass, function)


# ---- whose turn it is ------------------------------------------------------------------------------

cdef inline Timer* first_candidate(Timers* timers) noexcept nogil:
    """The earliest; there is one."""
    return near_at(timers, timers.near.head) if near_is_first(timers) else timers.far


cdef inline int32_t candidate_of(Nic* nic, int klass) noexcept nogil:
    """The request of a class that goes next, or -1: nobody asks, or only functions that hold their cap."""
    if not nic.tag_lists:
        return -1 if lane_empty(&nic.asking[klass]) else front_index(&nic.asking[klass])
    if nic.unknown & 1 << klass:
        nic.unknown &= ~(1 << klass)
        nic.candidate[klass] = find_candidate(nic, klass)
    return nic.candidate[klass]


cdef int32_t find_candidate(Nic* nic, int klass) noexcept nogil:
    cdef Timers* listed = &nic.candidates[klass]
    cdef int32_t function
    if nic.tag_functions == TAG_FUNCTIONS_ROUND_ROBIN:
        function = bits_after(&nic.below_cap[klass], nic.last_asking[klass])
        return asking_at(nic, klass, function).head if function >= 0 else -1
    while listed.count or not lane_empty(&listed.near):
        function = <int32_t>first_candidate(listed).a
        if not is_capped(nic, function):
            return asking_at(nic, klass, function).head
        timers_pop(listed)
        asking_at(nic, klass, function).listed = 0
    return -1


cdef inline bint has_tag(Nic* nic, int klass) noexcept nogil:
    return nic.tags_free > (nic.tag_reserve if klass == CLASS_PAYLOAD else 0)


cdef inline bint would_fit(Nic* nic, int klass, int32_t request) noexcept nogil:
    return has_tag(nic, klass) and nic.tlps[request].nbytes <= nic.read_buffer_free


cdef int choose_class(Nic* nic) noexcept nogil:
    """The first class in turns of which the candidate fits, or -1."""
    cdef int first = 0 if nic.descriptors_first else nic.tag_turn, step, klass
    cdef int32_t request
    for step in range(3):
        klass = first + step
        if klass >= 3:
            klass -= 3
        request = candidate_of(nic, klass)
        if request >= 0 and would_fit(nic, klass, request):
            return klass
    return -1


cdef void grant_by_rules(Nic* nic, int klass) noexcept nogil:
    cdef int32_t index = candidate_of(nic, klass)
    if nic.tag_lists:
        take_listed(nic, klass, nic.tlps[index].function)
    else:
        lane_pop(&nic.asking[klass])
    nic.tag_turn = klass + 1 if klass < 2 else 0
    take_tag_and_room(nic, index)
    queue_tlp(nic, &nic.up, &nic.up.nonposted, index)


cdef int cause_of_class(Nic* nic, int klass) noexcept nogil:
    cdef int32_t request
    if lane_empty(&nic.asking[klass]):
        return CAUSE_NONE
    request = candidate_of(nic, klass)
    if request < 0:
        return CAUSE_OWN
    if not would_fit(nic, klass, request):
        return CAUSE_TURN if has_tag(nic, klass) else CAUSE_POOL
    return CAUSE_SERVER if nic.now < nic.next_grant else CAUSE_TURN


cdef void decide_tags_by_rules(Nic* nic) noexcept nogil:
    """As many as fit, or one and then none for `read_cycles`."""
    cdef int klass
    if nic.now >= nic.next_grant and asked_for(nic):
        klass = choose_class(nic)
        while klass >= 0:
            grant_by_rules(nic, klass)
            if nic.read_interval:
                nic.next_grant = nic.now + nic.read_interval
                break
            klass = choose_class(nic) if asked_for(nic) else -1
    if nic.read_interval and choose_class(nic) >= 0:
        touch(nic, TAGS)
    if nic.tags_blamed or asked_for(nic):
        blame_classes(nic, three_causes(cause_of_class(nic, 0), cause_of_class(nic, 1), cause_of_class(nic, 2)))
        if nic.books:
            review_read_buffer(nic)
