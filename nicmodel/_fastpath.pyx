"""The compiled data plane: its loop, and the switch from events and arbiters to rooms.

`docs/time.md` decides what happens; `_fast/` has a room for each of its sections:

  doorbell   registers -> tx          frame arrives   wire -> rx, steer
  fetch      fetch -> tags -> link    descriptor      fetch -> tags -> link
  payload    sched -> tags -> link    payload out     writers -> link
  host       root                     host            root
  leave      tx -> wire               interrupt       irq -> agent

What is off by default has rooms of its own, entered by one test each: `passing` and `shares` behind link and tags,
`scopes`, `iommu` and `walks` behind root, `cores` behind agent, `shaper` behind sched. So have the books: `waits` of
TLPs, `rows` of packets, `queues` before the scheduler, `sums`, `pools`, `served`, and their memory in `ledger`.

`types`, `parts` and `pcie` hold every struct, `tlps` is where TLPs live and `records` where rows do, `books` what all rooms
write down, `revoke` takes things back, `faults` stops the plane, `invariants` and `census` look at everything in a checked
build, `door` talks to Python. The rooms are included here, into one translation unit, so that the compiler sees every call.
To follow a packet, begin at `resume` below: each rank is one event, each name is the room that resumes.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from nicmodel._fast.containers cimport Bits, Lane, Lines, Map, Timed, Timer, Timers
from nicmodel._fast.facts cimport *
from nicmodel._fast.ledger cimport (
    Group, Hold, Later, Ledger, Pool, RareBook, ReadWaits, RowBook, Sample, RECEIVED_WAITS, SENT_WAITS, Sums, TlpBook,
)
from nicmodel._fast.parts cimport *
from nicmodel._fast.pcie cimport *
from nicmodel._fast.types cimport (
    BINS_AHEAD, EDGE_SHIFT, NOBODY, NUM_CLASSES, NUM_SLOTS, SCRAP_BYTES, SLOT_BITS, TAGS_TO_UPSTREAM, WAKE_DECIDE, WAKE_DOWN,
    WAKE_UP, Nic,
)

from nicmodel.sim.errors import ModelBug

# One translation unit: a call from room to room is a call in C, or no call at all (docs/decisions.md).
include "_fast/faults.pxi"
include "_fast/lanes.pxi"
include "_fast/sets.pxi"
include "_fast/timers.pxi"
include "_fast/books.pxi"
include "_fast/records.pxi"
include "_fast/buffers.pxi"
include "_fast/waits.pxi"
include "_fast/rows.pxi"
include "_fast/queues.pxi"
include "_fast/sums.pxi"
include "_fast/served.pxi"
include "_fast/pools.pxi"
include "_fast/memory.pxi"
include "_fast/tlps.pxi"
include "_fast/link.pxi"
include "_fast/dllps.pxi"
include "_fast/passing.pxi"
include "_fast/tags.pxi"
include "_fast/shares.pxi"
include "_fast/registers.pxi"
include "_fast/fetch.pxi"
include "_fast/sched.pxi"
include "_fast/shaper.pxi"
include "_fast/descriptors.pxi"
include "_fast/tx.pxi"
include "_fast/wire.pxi"
include "_fast/steer.pxi"
include "_fast/spread.pxi"
include "_fast/rx.pxi"
include "_fast/writers.pxi"
include "_fast/root.pxi"
include "_fast/scopes.pxi"
include "_fast/iommu.pxi"
include "_fast/walks.pxi"
include "_fast/irq.pxi"
include "_fast/cpu.pxi"
include "_fast/agent.pxi"
include "_fast/cores.pxi"
include "_fast/revoke.pxi"
include "_fast/calls.pxi"
include "_fast/options.pxi"
include "_fast/census.pxi"
include "_fast/invariants.pxi"
include "_fast/damage.pxi"
include "_fast/build.pxi"
include "_fast/ledger.pxi"
include "_fast/report.pxi"
include "_fast/rss.pxi"
include "_fast/door.pxi"

cdef enum:
    LINK_ARBITERS = 1 << UPSTREAM | 1 << DOWNSTREAM
    FIRST_AT_EDGE = 1 << REGISTER_PORT | 1 << TX_SCHEDULER | 1 << TX_REORDER | 1 << SWITCH_INGRESS


# ---- commit: which room resumes --------------------------------------------------------------------

cdef inline void commit_down_end(Nic* nic) noexcept nogil:
    """The last byte of a downstream transfer is at the adapter."""
    cdef int32_t index = nic.down.flying
    cdef Tlp* tlp
    set_when(nic, RANK_DOWN_END, NEVER)
    if take_credits(nic, &nic.down):
        return
    if nic.down.flying_kind != TLP_COMPLETION:
        update_edge(nic)
        accept_access(nic, index)
    elif nic.down.flying_last:
        tlp = &nic.tlps[index]
        concerns(nic, tlp.function)
        if nic.books:
            end_request(nic, index)
        request_end(nic, index)
        if likely(tlp.epoch == nic.rings[tlp.ring].epoch):
            update_edge(nic)
            commit_read(nic, tlp)
        tlp_free(nic, index)


cdef inline void commit_read(Nic* nic, Tlp* tlp) noexcept nogil:
    """The last completion of a live read has arrived. None of these asks for another TLP."""
    if likely(tlp.klass == CLASS_PAYLOAD):
        concerns_packet(nic, tlp.ref)
        commit_tx_payload(nic, tlp)
    elif commit_fetched(nic, tlp.ring):
        if tlp.klass == CLASS_TX_DESCRIPTOR:
            commit_tx_descriptors(nic, tlp.ring)
        else:
            commit_rx_descriptors(nic, tlp.ring)


cdef inline void wake_core_arbiters(Nic* nic) noexcept nogil:
    """Those that wait for this edge, or for a time they have named."""
    nic.touched |= nic.at_edge
    nic.at_edge = 0
    touch(nic, NOBODY)
    if unlikely(nic.port_wake <= nic.now):
        nic.port_wake = NEVER
        touch(nic, REGISTER_PORT)
    if nic.reorder_wake <= nic.now:
        touch(nic, TX_REORDER)


cdef inline void wake_arbiters(Nic* nic, int slot) noexcept nogil:
    """Touch the arbiters that wake at this time, that of `slot` first. Whoever decides sets its next wake itself."""
    if slot == WAKE_UP:
        touch(nic, UPSTREAM)
    if slot == WAKE_DOWN or (slot == WAKE_UP and when(nic, WAKE_DOWN) == nic.now):
        touch(nic, DOWNSTREAM)
    if slot == WAKE_DECIDE or when(nic, WAKE_DECIDE) == nic.now:
        wake_core_arbiters(nic)


cdef inline bint resume(Nic* nic, int slot) noexcept nogil:
    """Commit the next event of the instant, by one jump to the room that resumes, or wake its arbiters, which comes last. Returns
    whether more may be due in it. Only ranks of the group `other_due` need `edge` brought up to date."""
    enter_stage(nic, slot)
    if slot == RANK_CALL:
        update_edge(nic)
        commit_call(nic)
    elif slot == RANK_PAUSE:
        update_edge(nic)
        commit_pause(nic, timer_pop(nic, RANK_PAUSE).a)
    elif slot == RANK_MEM_COMMIT:
        commit_mem_commit(nic)
    elif slot == RANK_MEM_READ:
        commit_mem_read(nic)
    elif slot == RANK_UP_END:
        commit_up_end(nic)
    elif slot == RANK_READ_DONE:
        commit_read_done(nic)
    elif slot == RANK_DOWN_END:
        commit_down_end(nic)
    elif slot == RANK_REGISTER:
        update_edge(nic)
        commit_register(nic)
    elif slot == RANK_TX_PIPE:
        update_edge(nic)
        commit_tx_pipe(nic)
    elif slot == RANK_RX_PIPE:
        commit_rx_pipe(nic)
    elif slot == RANK_WIRE_TX_END:
        commit_wire_tx_end(nic)
    elif slot == RANK_WIRE_RX_END:
        update_edge(nic)
        commit_arrivals(nic)
    elif slot == RANK_FLOW:
        update_edge(nic)
        commit_offers(nic)
    elif slot == RANK_ITR:
        update_edge(nic)
        commit_itr(nic, <int32_t>timer_pop(nic, RANK_ITR).a)
    elif slot == RANK_SHAPER:
        update_edge(nic)
        review_shaper(nic, <int32_t>timer_pop(nic, RANK_SHAPER).a)
    elif slot == RANK_AGENT_WAKE:
        commit_agent_wake(nic)
    elif slot == RANK_AGENT_DONE:
        commit_agent_done(nic, <int32_t>timer_pop(nic, RANK_AGENT_DONE).a)
    else:
        wake_arbiters(nic, slot)
        return False
    return True


# ---- decide: whose turn it is ----------------------------------------------------------------------

cdef inline bint takes_turn(Nic* nic, int arbiter) noexcept nogil:
    """Is it touched? Then it has its turn now, and what touches it again is for its next tick."""
    if likely(not nic.touched & ((<uint32_t>1) << arbiter)):
        return False
    nic.touched &= ~((<uint32_t>1) << arbiter)
    enter_stage(nic, NUM_RANKS + arbiter)
    return True


cdef inline void decide_at_edge(Nic* nic) noexcept nogil:
    """The core's arbiters, in order; those before the first touched one are passed over together."""
    if nic.touched & FIRST_AT_EDGE:
        if takes_turn(nic, REGISTER_PORT):
            decide_register_port(nic)
            if nic.books:
                blame_port(nic)
        if takes_turn(nic, TX_SCHEDULER):
            if nic.books:
                open_queues(nic)
            decide_tx_scheduler(nic)
            if nic.books:
                blame_queues(nic)
        if takes_turn(nic, TX_REORDER):
            decide_tx_reorder(nic)
        if takes_turn(nic, SWITCH_INGRESS):
            decide_switch_ingress(nic)
            if nic.books:
                blame_parser(nic)
    if takes_turn(nic, TX_DESC_FETCH):
        decide_fetch(nic, DIRECTION_TX)
    if takes_turn(nic, RX_DESC_FETCH):
        decide_fetch(nic, DIRECTION_RX)
    if takes_turn(nic, TAGS):
        decide_tags(nic)
    if takes_turn(nic, WRITERS):
        decide_writers(nic)
        if nic.books:
            blame_writers(nic)
    if takes_turn(nic, MSIX):
        decide_msix(nic)


cdef void decide_late(Nic* nic) noexcept nogil:
    """WALKERS: no other arbiter sees in this instant what it decides, or is seen by it, so the end is as good
    as its place. What else is touched by now decides one ps later."""
    if takes_turn(nic, WALKERS):
        decide_walkers(nic)
    if nic.touched & CORE_ARBITERS:
        update_edge(nic)
        nic.at_edge |= nic.touched & CORE_ARBITERS
        wake_core(nic, nic.edge if nic.edge > nic.now else nic.edge + nic.core)
    if nic.touched & PS_ARBITERS:
        nic.at_edge |= nic.touched & PS_ARBITERS
        set_when(nic, WAKE_DECIDE, nic.now + 1)


cdef inline void decide_core(Nic* nic) noexcept nogil:
    """VCPU, and at an edge the core's arbiters; what they wait for is an instant to come."""
    cdef bint at_edge
    if takes_turn(nic, VCPU):
        decide_vcpu(nic)
    update_edge(nic)
    at_edge = nic.edge == nic.now
    if at_edge and nic.touched & CORE_ARBITERS:
        decide_at_edge(nic)
    nic.at_edge |= nic.touched & CORE_ARBITERS
    nic.touched &= PS_ARBITERS
    wake_core(nic, nic.edge + nic.core if at_edge else nic.edge)


cdef inline void wake_core(Nic* nic, int64_t edge) noexcept nogil:
    """The next instant for those arbiters that wait for an edge, of which `edge` is the next, or for a time."""
    cdef int64_t wake = earliest(nic.port_wake, nic.reorder_wake)
    if nic.at_edge:
        wake = earliest(wake, edge)
    if wake != when(nic, WAKE_DECIDE):
        set_when(nic, WAKE_DECIDE, wake)


cdef inline void decide_touched(Nic* nic) noexcept nogil:
    """Every touched arbiter decides once, in the order of `arbiters.ARBITERS`; the core's only at an edge of its clock."""
    if nic.touched & ~LINK_ARBITERS:
        decide_core(nic)
    if takes_turn(nic, UPSTREAM):
        decide_direction(nic, &nic.up, &nic.down)
    if takes_turn(nic, DOWNSTREAM):
        decide_direction(nic, &nic.down, &nic.up)
    if unlikely(nic.touched & (PS_ARBITERS | CORE_ARBITERS)):
        decide_late(nic)
    nic.touched = 0


# ---- instants --------------------------------------------------------------------------------------

cdef inline int64_t next_due_key(Nic* nic) noexcept nogil:
    """The least of `due`."""
    return earliest_of(nic.link_due, nic.port_due, nic.host_due, nic.other_due)


cdef inline int64_t next_instant(Nic* nic) noexcept nogil:
    return due_time(next_due_key(nic))


cdef inline void update_edge(Nic* nic) noexcept nogil:
    """The first core edge at or after now, for those who ask."""
    nic.edge = edge_from(nic, nic.now)


cdef inline int64_t edge_from(Nic* nic, int64_t time) noexcept nogil:
    """The first core edge at or after a time: from the one before by multiplication, unless that is far away."""
    cdef int64_t ahead = time - nic.edge + nic.core - 1
    if unlikely(<uint64_t>ahead > <uint64_t>nic.far):
        return (time + nic.core - 1) // nic.core * nic.core
    return nic.edge + <int64_t>(<uint64_t>ahead * nic.per_core >> EDGE_SHIFT) * nic.core


cdef inline void run_instant(Nic* nic, int64_t key) noexcept nogil:
    """Commit everything of the time of this key in order, then let every touched arbiter decide once."""
    nic.now = due_time(key)
    while resume(nic, key & (1 << SLOT_BITS) - 1):
        key = next_due_key(nic)
        if due_time(key) != nic.now:
            break
    if nic.touched:
        decide_touched(nic)


cdef void run(Nic* nic, int64_t until, int64_t budget) noexcept nogil:
    """Instants before `until`, as long as there is no upcall, no fault, and budget."""
    cdef int64_t key = next_due_key(nic)
    nic.limit = due_key(until, 0) if not nic.fault else 0
    while key < nic.limit and budget != 0:
        check(nic, due_time(key) > nic.now, HOLDS_TIME, due_time(key))
        run_instant(nic, key)
        if CHECKED:
            audit(nic)
        budget -= 1
        key = next_due_key(nic)
    nic.horizon = max(nic.horizon, until if nic.limit and budget != 0 else nic.now)
    settle_commits(nic, max(nic.horizon, nic.now + 1))      # Python may look at memory


cdef void run_job(void* nic, int64_t until, int64_t budget) noexcept nogil:
    run(<Nic*>nic, until, budget)


# ---- the class -------------------------------------------------------------------------------------

cdef class FastPath(Door):
    """The `DataPlane` protocol, compiled; calls and results are `Door`'s."""

    def next_time(self):
        """Time of the next instant, or of a write that takes none but that memory shows; NEVER if there is neither."""
        return earliest(next_instant(self.nic), front_time(&self.nic.mem_commits))

    def run_until(self, time, budget=-1):
        """Run every instant < time; return early after the first with an upcall, or after `budget` instants."""
        cdef int64_t until, most
        # It is called once for every upcall: only what may not fit a word is looked at by Python.
        if type(time) is not int or type(budget) is not int or not -1 <= time <= NEVER or not -1 <= budget <= NEVER:
            time, budget = check_run(time, budget)
        until, most = time, budget
        self.go_on()
        with nogil:
            guard(&self.nic.escape, run_job, self.nic, until, most)
        self.go_on()
        return self.take_upcalls()
