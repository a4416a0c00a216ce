"""CPU cores that agents share (`docs/time.md`, 8): one pass at a time, in the order in which agents asked.

An agent with a core of its own never comes here.
"""

cdef int32_t core_new(Nic* nic) except -1:
    """One more core; which."""
    cdef Core* cores = <Core*>realloc(nic.cores, (nic.num_cores + 1) * sizeof(Core))
    if cores == NULL:
        raise MemoryError("memory has run out")
    nic.cores = cores
    lane_init(&cores[nic.num_cores].line, sizeof(int32_t))
    cores[nic.num_cores].running = cores[nic.num_cores].last = -1
    nic.num_cores += 1
    return nic.num_cores - 1


cdef void look_at_core(Nic* nic, int32_t index) noexcept nogil:
    """It may have a pass to start."""
    if nic.cores[index].running < 0 and not lane_empty(&nic.cores[index].line):
        push_index(nic, &nic.free_cores, index)
        touch(nic, VCPU)


cdef void join_core(Nic* nic, int32_t core, int32_t index) noexcept nogil:
    """A woken agent wants a pass."""
    push_index(nic, &nic.cores[core].line, index)
    look_at_core(nic, core)


cdef bint is_number(Nic* nic, void* item, int32_t number) noexcept nogil:
    return (<int32_t*>item)[0] == number


cdef void leave_core(Nic* nic, int32_t index) noexcept nogil:
    """A dead agent waits for nothing; a pass that has begun keeps its core to its end."""
    lane_filter(nic, &nic.cores[nic.agents[index].core].line, is_number, index)
    nic.agents[index].queued = 0


cdef int64_t take_core(Nic* nic, Core* core, int32_t index) noexcept nogil:
    """A pass of this agent starts; what the switch from another agent costs."""
    cdef int64_t cost = nic.core_switch if core.last >= 0 and core.last != index else 0
    core.running = core.last = index
    return cost


cdef void free_core(Nic* nic, int32_t index) noexcept nogil:
    """A pass has ended; who goes on joins the line after this, in the same commit."""
    nic.cores[index].running = -1
    look_at_core(nic, index)


cdef void start_shared(Nic* nic) noexcept nogil:
    """Every free core takes the first in its line."""
    cdef Core* core
    cdef int32_t index
    while not lane_empty(&nic.free_cores):
        core = &nic.cores[pop_index(&nic.free_cores)]
        if core.running < 0 and not lane_empty(&core.line):
            index = pop_index(&core.line)
            nic.agents[index].queued = 0
            start_pass(nic, index)
