"""Ring agents (`docs/time.md`, 8).

  start_agent        Rx descriptors are posted, the first pass is due
  commit_agent_wake  an interrupt (-1), a poll (its number) or an offered packet (0) wakes it
  decide_vcpu        a pass starts: what it sees now decides what it does at its end
  commit_agent_done  the pass ends: reaped, refilled, posted, doorbells rung; go on or wait

What it finds in memory, and leaves there: `cpu`.
"""

cdef enum:
    BY_INTERRUPT = -1
    BY_OFFER = 0        # polls count from 1


# ---- its life --------------------------------------------------------------------------------------

cdef void wake(Nic* nic, int32_t index) noexcept nogil:
    """Idle: a pass starts in this instant. Busy: another follows at once."""
    cdef Agent* agent = &nic.agents[index]
    agent.woken = 1
    if likely(not agent.busy and not agent.queued):
        agent.queued = 1
        if unlikely(agent.core >= 0):
            join_core(nic, agent.core, index)
        else:
            push_index(nic, &nic.runnable, index)
            touch(nic, VCPU)


cdef bint may_own(Nic* nic, int32_t index) noexcept nogil:
    """Is the ring open and wholly in memory, and has nobody driven it since it was opened? An agent may have none (-1)."""
    cdef Ring* ring
    if index < 0:
        return True
    ring = &nic.rings[index]
    return (ring.is_open and ring.agent == NOBODY_YET
            and host_bytes(nic, ring.domain, ring.base, <uint64_t>ring.size * DESCRIPTOR_BYTES) != NULL)


cdef bint agent_works_in(Nic* nic, int32_t domain) noexcept nogil:
    """Does an agent run, with a ring in this domain?"""
    cdef Agent* agent
    cdef int32_t each
    for each in range(nic.num_agents):
        agent = &nic.agents[each]
        if agent.live and ((agent.tx_ring >= 0 and nic.rings[agent.tx_ring].domain == domain)
                           or (agent.rx_ring >= 0 and nic.rings[agent.rx_ring].domain == domain)):
            return True
    return False


cdef void start_agent(Nic* nic, int32_t index) noexcept nogil:
    """It owns its rings from now on. Its Rx half posts size - 1 descriptors before the first pass."""
    cdef Agent* agent = &nic.agents[index]
    cdef Ring* ring
    if not (may_own(nic, agent.tx_ring) and may_own(nic, agent.rx_ring)):
        agent.ringless = 1
        return
    agent.live = 1
    if agent.vector >= 0:
        vector_of(nic, VECTORS_PER_FUNCTION * agent.function + agent.vector).agent = index
    if agent.tx_ring >= 0:
        ring = &nic.rings[agent.tx_ring]
        ring.agent = index
        agent.tx_slot = ring.tail
    if agent.rx_ring >= 0:
        ring = &nic.rings[agent.rx_ring]
        ring.agent = index
        agent.rx_slot = ring.tail
        refill(nic, agent, agent.rx_slot, ring.size - 1)
    agent.rx_due = 1
    wake(nic, index)


cdef void stop_agent(Nic* nic, int32_t index) noexcept nogil:
    nic.agents[index].stopped = 1


cdef void kill_agent(Nic* nic, int32_t index) noexcept nogil:
    """One of its rings was revoked: it does nothing more. A ring that stays open stays its own."""
    nic.agents[index].live = 0
    if nic.agents[index].core >= 0:
        leave_core(nic, index)


cdef void commit_agent_wake(Nic* nic) noexcept nogil:
    cdef Timer timer = timer_pop(nic, RANK_AGENT_WAKE)
    cdef int32_t index = <int32_t>timer.a
    cdef int64_t reason = timer.b
    cdef Agent* agent = &nic.agents[index]
    if unlikely(not agent.live or (reason > BY_OFFER and reason != agent.looks)):
        return
    if reason != BY_OFFER:
        agent.rx_due = 1
        agent.by_interrupt |= reason == BY_INTERRUPT
    wake(nic, index)


# ---- a pass starts ---------------------------------------------------------------------------------

cdef inline int32_t free_slots(Nic* nic, Agent* agent) noexcept nogil:
    return nic.rings[agent.tx_ring].size - 1 - agent.tx_out


cdef inline bint sends(Agent* agent) noexcept nogil:
    return agent.tx_ring >= 0 and agent.flow >= 0 and not agent.stopped


cdef inline int32_t most_at_once(Nic* nic, Agent* agent, int32_t most) noexcept nogil:
    """How many of `most` packets a flow without spacing offers by now: all from its start on, up to its last."""
    cdef Flow* flow = &nic.flows[agent.flow]
    if flow.start > nic.now:
        return 0
    if flow.count >= 0 and flow.count - agent.posted < most:
        return <int32_t>(flow.count - agent.posted)
    return most


cdef int32_t to_post(Nic* nic, Agent* agent, int32_t room) noexcept nogil:
    """How many new frames: as many as are offered by now and fit, at most a batch."""
    cdef int32_t most = room if room < agent.tx_batch else agent.tx_batch, count = 0
    if unlikely(not sends(agent)):
        return 0
    if likely(nic.flows[agent.flow].interval == 0):
        return most_at_once(nic, agent, most)
    while count < most and nominal_time(nic, agent.flow, agent.posted + count) <= nic.now:
        count += 1
    return count


cdef inline void prefetch_pass(Nic* nic, Agent* agent) noexcept nogil:
    """What the agent's next pass will look at first is brought into the cache."""
    prefetch_all(agent, sizeof(Agent))
    if agent.tx_ring >= 0:
        prefetch(lane_front(&agent.reports))
    if agent.flow >= 0:
        prefetch(&nic.flows[agent.flow])


cdef inline void prefetch_posts(Nic* nic, Agent* agent) noexcept nogil:
    """And where its end will write its first descriptors."""
    prefetch_all(descriptor_at(nic, &nic.rings[agent.tx_ring], agent.tx_slot), POSTS_AHEAD * DESCRIPTOR_BYTES)


cdef inline int64_t cost_of(int64_t packets, int64_t cost) noexcept nogil:
    """What so many packets cost, fewer than 2^31: at most NEVER."""
    return packets * cost if likely(cost <= NEVER >> 31) or packets <= NEVER // cost else NEVER


cdef void start_pass(Nic* nic, int32_t index) noexcept nogil:
    cdef Agent* agent = &nic.agents[index]
    cdef int64_t cost = agent.pass_cost
    concerns(nic, agent.function)
    agent.pass_tx_reaped = seen_tx(nic, agent) if agent.tx_ring >= 0 else 0
    agent.looked = agent.rx_due
    agent.pass_rx_reaped = seen_rx(nic, agent) if agent.looked and agent.rx_ring >= 0 else 0
    agent.pass_posted = 0
    if agent.tx_ring >= 0:
        agent.pass_posted = to_post(nic, agent, free_slots(nic, agent) + agent.pass_tx_reaped)
    if agent.pass_posted:
        prefetch_posts(nic, agent)
    if agent.by_interrupt:
        cost += agent.irq_cost
    cost += cost_of(agent.pass_posted, agent.tx_packet_cost) + cost_of(agent.pass_rx_reaped, agent.rx_packet_cost)
    if unlikely(agent.doorbell_cost):
        cost += ((agent.pass_posted > 0) + (agent.pass_rx_reaped > 0)) * agent.doorbell_cost
    cost = min(cost, NEVER)
    if unlikely(agent.core >= 0):
        cost += take_core(nic, &nic.cores[agent.core], index)
    agent.busy = 1
    agent.woken = 0
    agent.by_interrupt = 0
    agent.rx_due = 0
    agent.looks += agent.looked
    agent.began = nic.now
    agent.spent += cost if cost > 1 else 1
    agent.passes += 1
    schedule(nic, RANK_AGENT_DONE, nic.now + (cost if cost > 1 else 1), index, index, 0)


cdef void decide_vcpu(Nic* nic) noexcept nogil:
    """Every woken agent that is idle and has a core of its own starts its pass; a shared core takes the next in its line."""
    cdef int32_t index
    settle_commits(nic, nic.now + 1)
    settle_rx_room(nic)
    if unlikely(nic.num_cores):
        start_shared(nic)
    while not lane_empty(&nic.runnable):
        index = pop_index(&nic.runnable)
        nic.agents[index].queued = 0
        if likely(nic.agents[index].live):
            start_pass(nic, index)


# ---- a pass ends -----------------------------------------------------------------------------------

cdef void reap(Nic* nic, Ring* ring, int32_t count, bint received) noexcept nogil:
    """REAPED of the oldest rows of a ring."""
    cdef int32_t _each, index
    cdef uint64_t end = ring.reaped + <uint64_t>count
    if received or nic.record_rows:
        for _each in range(count):
            prefetch_stamps(nic, ring, ring.reaped + <uint64_t>_each, end, STAGE_REAPED)
            if ring.reaped + <uint64_t>_each + ROWS_AHEAD < end:
                prefetch(&nic.rows[row_at(ring, ring.reaped + <uint64_t>_each + ROWS_AHEAD)])
            index = row_at(ring, ring.reaped + <uint64_t>_each)
            stamp(nic, &nic.rows[index], STAGE_REAPED, nic.now)
            if received:
                if nic.books:
                    end_wait_for_driver(nic, ring, index)
                deliver_rx(nic, &nic.rows[index])
    if received:
        nic.received[ring.number] += count
    ring.reaped = end
    let_go(nic, ring)


cdef void post_frames(Nic* nic, Agent* agent) noexcept nogil:
    """Every rs_batch-th packet of the agent asks for a report, and so does the last of the pass."""
    cdef int32_t each, since = 0
    cdef bint report
    for each in range(agent.pass_posted):
        agent.report_cursor += 1
        since += 1
        report = agent.report_cursor == agent.rs_batch or each == agent.pass_posted - 1
        post_frame(nic, agent, report)
        if report:
            push_index(nic, &agent.reports, since)
            since = 0
        if agent.report_cursor == agent.rs_batch:
            agent.report_cursor = 0
    write_tail(nic, agent.function, agent.tx_ring, agent.tx_slot)


cdef bint goes_on(Nic* nic, Agent* agent) noexcept nogil:
    """Is there reason for another pass at once?"""
    if unlikely(agent.woken) or agent.rx_due:
        return True
    if unlikely(agent.tx_ring < 0):
        return False
    if agent.pass_tx_reaped >= agent.tx_batch or agent.pass_posted == agent.tx_batch:
        return True
    return to_post(nic, agent, free_slots(nic, agent)) > 0


cdef void wait_for_an_offer(Nic* nic, int32_t index) noexcept nogil:
    """Set the timer of the next packet, if there is room for it."""
    cdef Agent* agent = &nic.agents[index]
    cdef int64_t offered
    if not sends(agent) or free_slots(nic, agent) <= 0:
        return
    offered = nominal_time(nic, agent.flow, agent.posted)
    if offered < NEVER and offered > agent.timer:
        agent.timer = offered
        schedule(nic, RANK_AGENT_WAKE, offered, index, index, BY_OFFER)


cdef void commit_agent_done(Nic* nic, int32_t index) noexcept nogil:
    cdef Agent* agent = &nic.agents[index]
    cdef int32_t tail, size
    concerns(nic, agent.function)
    agent.busy = 0
    if unlikely(agent.core >= 0):
        free_core(nic, agent.core)
    if unlikely(not agent.live):
        return
    settle_commits(nic, nic.now + 1)        # it may write where they have
    if agent.tx_ring >= 0:
        reap(nic, &nic.rings[agent.tx_ring], agent.pass_tx_reaped, False)
        agent.tx_out -= agent.pass_tx_reaped
    if agent.pass_rx_reaped:
        reap(nic, &nic.rings[agent.rx_ring], agent.pass_rx_reaped, True)
        agent.received += agent.pass_rx_reaped
        size = nic.rings[agent.rx_ring].size
        tail = agent.rx_slot - 1 if agent.rx_slot else size - 1
        agent.rx_slot += agent.pass_rx_reaped
        if agent.rx_slot >= size:
            agent.rx_slot -= size
        refill(nic, agent, tail, agent.pass_rx_reaped)
    if agent.pass_posted:
        post_frames(nic, agent)
    if agent.rx_ring >= 0 and agent.pass_rx_reaped == agent.rx_batch:
        agent.rx_due = 1
    if unlikely(agent.poll > 0) and agent.looked and not agent.rx_due:
        schedule(nic, RANK_AGENT_WAKE, nic.now + agent.poll, index, index, agent.looks)
    if goes_on(nic, agent):
        wake(nic, index)
    else:
        wait_for_an_offer(nic, index)
