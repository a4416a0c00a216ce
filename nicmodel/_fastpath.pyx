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
write down, `revoke` takes things back, `faults` stops the plane, `invariants` looks at everything in a checked build, `door`
talks to Python. The rooms are included here, into one translation unit, so that the compiler sees every call.
To follow a packet, begin at `commit_in_order` below: each rank is one event, each name is the room that resumes.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from nicmodel._fast.containers cimport Bits, Lane, Lines, Map, Timed, Timer, Timers
from nicmodel._fast.facts cimport *
from nicmodel._fast.ledger cimport (
    Group, Hold, Later, Ledger, Pool, RareBook, ReadWaits, RowBook, Sample, TlpBook,
)
from nicmodel._fast.parts cimport *
from nicmodel._fast.pcie cimport *
from nicmodel._fast.types cimport (
    BINS_AHEAD, EDGE_SHIFT, NOBODY, NUM_CLASSES, NUM_WHEN, SCRAP_BYTES, WAKE_DECIDE, WAKE_DOWN, WAKE_UP, TAGS_TO_UPSTREAM, Nic,
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
include "_fast/births.pxi"
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
include "_fast/agent.pxi"
include "_fast/cores.pxi"
include "_fast/revoke.pxi"
include "_fast/calls.pxi"
include "_fast/options.pxi"
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
        find_edge(nic)
        accept_access(nic, index)
    elif nic.down.flying_last:
        tlp = &nic.tlps[index]
        concerns(nic, tlp.function)
        if nic.books:
            end_request(nic, index)
        request_end(nic, index)
        if likely(tlp.epoch == nic.rings[tlp.ring].epoch):
            find_edge(nic)
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


cdef inline void commit_wake(Nic* nic) noexcept nogil:
    """Core arbiters that wait for this edge, or for a time they have named. Whoever decides says when it wakes next."""
    nic.touched |= nic.at_edge
    nic.at_edge = 0
    touch(nic, NOBODY)
    if unlikely(nic.port_wake <= nic.now):
        nic.port_wake = NEVER
        touch(nic, REGISTER_PORT)
    if nic.reorder_wake <= nic.now:
        touch(nic, TX_REORDER)


cdef inline bint is_due(Nic* nic, int rank) noexcept nogil:
    """Is an event of this rank due? It is about to be committed."""
    if nic.when[rank] != nic.now:
        return False
    at(nic, rank)
    return True


cdef void commit_in_order(Nic* nic) noexcept nogil:
    """Apply every event that is due, of all ranks in order. Only ranks of the group of others need the edge found for them."""
    if nic.other_when == nic.now:
        find_edge(nic)
        while is_due(nic, RANK_CALL):
            commit_call(nic)
        while is_due(nic, RANK_PAUSE):
            commit_pause(nic, timer_pop(nic, RANK_PAUSE).a)
    while is_due(nic, RANK_MEM_COMMIT):
        commit_mem_commit(nic)
    while is_due(nic, RANK_MEM_READ):
        commit_mem_read(nic)
    commit_link(nic)
    if nic.other_when == nic.now:
        find_edge(nic)
        while is_due(nic, RANK_REGISTER):
            commit_register(nic)
        while is_due(nic, RANK_TX_PIPE):
            commit_tx_pipe(nic)
    commit_ports(nic)
    if nic.other_when == nic.now:
        find_edge(nic)
        while is_due(nic, RANK_WIRE_RX_END):
            commit_arrivals(nic)
        while is_due(nic, RANK_FLOW):
            commit_offers(nic)
        while is_due(nic, RANK_ITR):
            commit_itr(nic, <int32_t>timer_pop(nic, RANK_ITR).a)
        while is_due(nic, RANK_SHAPER):
            review_shaper(nic, <int32_t>timer_pop(nic, RANK_SHAPER).a)
    while is_due(nic, RANK_AGENT_WAKE):
        commit_agent_wake(nic)
    while is_due(nic, RANK_AGENT_DONE):
        commit_agent_done(nic, <int32_t>timer_pop(nic, RANK_AGENT_DONE).a)


cdef inline void commit_link(Nic* nic) noexcept nogil:
    """Ends and answers on the PCIe link, in the order of their ranks."""
    while is_due(nic, RANK_UP_END):
        commit_up_end(nic)
    if unlikely(nic.link_when == nic.now):
        while is_due(nic, RANK_READ_DONE):
            commit_read_done(nic)
        if is_due(nic, RANK_DOWN_END):
            commit_down_end(nic)


cdef inline void commit_ports(Nic* nic) noexcept nogil:
    """The two ways through the wire's port."""
    while is_due(nic, RANK_RX_PIPE):
        commit_rx_pipe(nic)
    while is_due(nic, RANK_WIRE_TX_END):
        commit_wire_tx_end(nic)


# ---- decide: whose turn it is ----------------------------------------------------------------------

cdef inline bint has_turn(Nic* nic, int arbiter) noexcept nogil:
    """Is it touched? Then it decides now, and what touches it again is for its next tick."""
    if likely(not nic.touched & ((<uint32_t>1) << arbiter)):
        return False
    nic.touched &= ~((<uint32_t>1) << arbiter)
    at(nic, NUM_RANKS + arbiter)
    return True


cdef inline void decide_at_edge(Nic* nic) noexcept nogil:
    """The core's arbiters, in order; those before the first touched one are passed over together."""
    if nic.touched & FIRST_AT_EDGE:
        if has_turn(nic, REGISTER_PORT):
            decide_register_port(nic)
            if nic.books:
                blame_port(nic)
        if has_turn(nic, TX_SCHEDULER):
            if nic.books:
                open_queues(nic)
            decide_tx_scheduler(nic)
            if nic.books:
                blame_queues(nic)
        if has_turn(nic, TX_REORDER):
            decide_tx_reorder(nic)
        if has_turn(nic, SWITCH_INGRESS):
            decide_switch_ingress(nic)
            if nic.books:
                blame_parser(nic)
    if has_turn(nic, TX_DESC_FETCH):
        decide_fetch(nic, DIRECTION_TX)
    if has_turn(nic, RX_DESC_FETCH):
        decide_fetch(nic, DIRECTION_RX)
    if has_turn(nic, TAGS):
        decide_tags(nic)
    if has_turn(nic, WRITERS):
        decide_writers(nic)
        if nic.books:
            blame_writers(nic)
    if has_turn(nic, MSIX):
        decide_msix(nic)


cdef void decide_late(Nic* nic) noexcept nogil:
    """WALKERS: no other arbiter sees in this instant what it decides, or is seen by it, so the end is as good
    as its place. What else is touched by now decides one ps later."""
    if has_turn(nic, WALKERS):
        decide_walkers(nic)
    if nic.touched & CORE_ARBITERS:
        find_edge(nic)
        nic.at_edge |= nic.touched & CORE_ARBITERS
        wake_core(nic, nic.edge if nic.edge > nic.now else nic.edge + nic.core)
    if nic.touched & PS_ARBITERS:
        nic.at_edge |= nic.touched & PS_ARBITERS
        set_when(nic, WAKE_DECIDE, nic.now + 1)


cdef inline void decide_link(Nic* nic) noexcept nogil:
    if has_turn(nic, UPSTREAM):
        decide_direction(nic, &nic.up, &nic.down)
    if has_turn(nic, DOWNSTREAM):
        decide_direction(nic, &nic.down, &nic.up)


cdef inline void decide_core(Nic* nic) noexcept nogil:
    """VCPU, and at an edge the core's arbiters; what they wait for is an instant to come."""
    cdef bint at_edge
    if has_turn(nic, VCPU):
        decide_vcpu(nic)
    find_edge(nic)
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
    if wake != nic.when[WAKE_DECIDE]:
        set_when(nic, WAKE_DECIDE, wake)


cdef inline void decide_touched(Nic* nic) noexcept nogil:
    """Every touched arbiter decides once, in the order of `arbiters.ARBITERS`; the core's only at an edge of its clock."""
    if nic.touched & ~LINK_ARBITERS:
        decide_core(nic)
    decide_link(nic)
    if unlikely(nic.touched & (PS_ARBITERS | CORE_ARBITERS)):
        decide_late(nic)
    nic.touched = 0


# ---- instants --------------------------------------------------------------------------------------

cdef inline int64_t next_instant(Nic* nic) noexcept nogil:
    """The earliest slot of `when`."""
    return earliest_of(nic.link_when, nic.port_when, nic.host_when, nic.other_when)


cdef inline void find_edge(Nic* nic) noexcept nogil:
    """The first core edge at or after now, for those who ask."""
    nic.edge = edge_from(nic, nic.now)


cdef inline int64_t edge_from(Nic* nic, int64_t time) noexcept nogil:
    """The first core edge at or after a time: from the one before by multiplication, unless that is far away."""
    cdef int64_t ahead = time - nic.edge + nic.core - 1
    if unlikely(<uint64_t>ahead > <uint64_t>nic.far):
        return (time + nic.core - 1) // nic.core * nic.core
    return nic.edge + <int64_t>(<uint64_t>ahead * nic.per_core >> EDGE_SHIFT) * nic.core


cdef inline void run_instant(Nic* nic, int64_t time) noexcept nogil:
    """Commit everything of this time in order, then let every touched arbiter decide once."""
    nic.now = time
    if nic.host_when == time or nic.other_when == time:
        commit_in_order(nic)
    elif nic.port_when == time:
        commit_link(nic)
        commit_ports(nic)
    else:
        while is_due(nic, RANK_READ_DONE):
            commit_read_done(nic)
        if is_due(nic, RANK_DOWN_END):
            commit_down_end(nic)
    if nic.link_when == time:
        if nic.when[WAKE_UP] == time:
            touch(nic, UPSTREAM)
        if nic.when[WAKE_DOWN] == time:
            touch(nic, DOWNSTREAM)
    if nic.when[WAKE_DECIDE] == time:
        commit_wake(nic)
    if nic.touched:
        decide_touched(nic)


cdef void run(Nic* nic, int64_t until, int64_t budget) noexcept nogil:
    """Instants before `until`, as long as there is no news, no fault, and budget."""
    cdef int64_t time = next_instant(nic)
    nic.limit = until if not nic.fault else 0
    while time < nic.limit and budget != 0:
        check(nic, time > nic.now, HOLDS_TIME, time)
        run_instant(nic, time)
        if CHECKED:
            audit(nic)
        budget -= 1
        time = next_instant(nic)
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

    def run_until(self, int64_t time, int64_t budget=-1):
        """Run every instant < time; return early after the first with news, or after `budget` instants."""
        self.go_on()
        with nogil:
            guard(&self.nic.escape, run_job, self.nic, time, budget)
        self.go_on()
        return self.take_upcalls()
