"""The compiled data plane: its loop, and the switch from events and arbiters to rooms.

`docs/time.md` decides what happens; `_fast/` has a room for each of its sections:

  doorbell   registers -> tx          frame arrives   wire -> rx, steer
  fetch      fetch -> tags -> link    descriptor      fetch -> tags -> link
  payload    sched -> tags -> link    payload out     writers -> link
  host       root                     host            root
  leave      tx -> wire               interrupt       irq -> agent

What is off by default has rooms of its own, entered by one test each: `passing` and `shares` behind link and tags,
`scopes` and `iommu` behind root, `cores` behind agent, `shaper` behind sched. So have the books: `waits` of TLPs, `rows` of
packets, `queues` before the scheduler, `sums`, `pools`, `served`, and their memory in `ledger`.

`types` and `parts` hold every struct, `books` what all rooms write down, `revoke` takes things back, `door` talks to
Python. The rooms are included here, into one translation unit, so that the compiler sees every call.
To follow a packet, begin at `commit_group` below: each rank is one event, each name is the room that resumes.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from nicmodel._fast.containers cimport Bits, Lane, Map, Timed, Timer, Timers
from nicmodel._fast.facts cimport *
from nicmodel._fast.ledger cimport (
    Group, Hold, Later, Ledger, Pool, RareBook, ReadWaits, RowBook, Sample, TlpBook,
)
from nicmodel._fast.parts cimport *
from nicmodel._fast.types cimport (
    NOBODY, NUM_CLASSES, NUM_GROUPS, NUM_WHEN, WAKE_DECIDE, WAKE_DOWN, WAKE_UP, Nic,
)

# One translation unit: a call from room to room is a call in C, or no call at all (docs/decisions.md).
from nicmodel.sim.errors import ModelBug

include "_fast/lanes.pxi"
include "_fast/books.pxi"
include "_fast/waits.pxi"
include "_fast/rows.pxi"
include "_fast/queues.pxi"
include "_fast/sums.pxi"
include "_fast/served.pxi"
include "_fast/pools.pxi"
include "_fast/memory.pxi"
include "_fast/link.pxi"
include "_fast/passing.pxi"
include "_fast/tags.pxi"
include "_fast/shares.pxi"
include "_fast/registers.pxi"
include "_fast/fetch.pxi"
include "_fast/sched.pxi"
include "_fast/shaper.pxi"
include "_fast/tx.pxi"
include "_fast/wire.pxi"
include "_fast/steer.pxi"
include "_fast/rx.pxi"
include "_fast/writers.pxi"
include "_fast/root.pxi"
include "_fast/scopes.pxi"
include "_fast/iommu.pxi"
include "_fast/irq.pxi"
include "_fast/agent.pxi"
include "_fast/cores.pxi"
include "_fast/revoke.pxi"
include "_fast/calls.pxi"
include "_fast/options.pxi"
include "_fast/build.pxi"
include "_fast/ledger.pxi"
include "_fast/report.pxi"
include "_fast/door.pxi"

FAULTS = {FAULT_MEMORY: "memory has run out", FAULT_INVARIANT: "an invariant does not hold",
          FAULT_CALL: "a call asks for the impossible"}

cdef enum:
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
        accept_access(nic, index)
    elif nic.down.flying_last:
        tlp = &nic.tlps[index]
        if nic.books:
            end_request(nic, index)
        request_end(nic, index)
        if tlp.epoch == nic.rings[tlp.ring].epoch:
            commit_read(nic, tlp)
        tlp_free(nic, index)


cdef inline void commit_read(Nic* nic, Tlp* tlp) noexcept nogil:
    """The last completion of a live read has arrived. None of these asks for another TLP."""
    if tlp.klass == CLASS_PAYLOAD:
        commit_tx_payload(nic, tlp.ref, tlp.ring)
    elif commit_fetched(nic, tlp.ring):
        if tlp.klass == CLASS_TX_DESCRIPTOR:
            commit_tx_descriptors(nic, tlp.ring)
        else:
            commit_rx_descriptors(nic, tlp.ring)


cdef inline void commit_wakes(Nic* nic) noexcept nogil:
    """Times at which somebody decides and nothing is committed. Whoever decides says when it wakes next."""
    if nic.when[WAKE_UP] == nic.now:
        touch(nic, UPSTREAM)
    if nic.when[WAKE_DOWN] == nic.now:
        touch(nic, DOWNSTREAM)
    if nic.when[WAKE_DECIDE] == nic.now:
        touch(nic, NOBODY)
        if nic.port_wake <= nic.now:
            nic.port_wake = NEVER
            touch(nic, REGISTER_PORT)
        if nic.reorder_wake <= nic.now:
            touch(nic, TX_REORDER)


cdef inline bint is_due(Nic* nic, int group, int slot) noexcept nogil:
    """Is this slot of `when` in the group, and due? `group` and `slot` are constants, so other groups' slots cost nothing."""
    return slot >> 2 == group and nic.when[slot] == nic.now


cdef inline void commit_group(Nic* nic, int group) noexcept nogil:
    """Apply, in order, every event that is due of the four ranks of a group."""
    nic.committing = group
    while nic.soonest[group] == nic.now:
        if is_due(nic, group, RANK_CALL):
            commit_call(nic)
        elif is_due(nic, group, RANK_PAUSE):
            commit_pause(nic, timer_pop(nic, RANK_PAUSE).a)
        elif is_due(nic, group, RANK_MEM_COMMIT):
            commit_mem_commit(nic)
        elif is_due(nic, group, RANK_MEM_READ):
            commit_mem_read(nic)
        elif is_due(nic, group, RANK_UP_END):
            commit_up_end(nic)
        elif is_due(nic, group, RANK_READ_DONE):
            commit_read_done(nic)
        elif is_due(nic, group, RANK_DOWN_END):
            commit_down_end(nic)
        elif is_due(nic, group, RANK_REGISTER):
            commit_register(nic)
        elif is_due(nic, group, RANK_TX_PIPE):
            commit_tx_pipe(nic)
        elif is_due(nic, group, RANK_RX_PIPE):
            commit_rx_pipe(nic)
        elif is_due(nic, group, RANK_WIRE_TX_END):
            commit_wire_tx_end(nic)
        elif is_due(nic, group, RANK_WIRE_RX_END):
            commit_arrivals(nic)
        elif is_due(nic, group, RANK_FLOW):
            commit_offers(nic)
        elif is_due(nic, group, RANK_ITR):
            commit_itr(nic, <int32_t>timer_pop(nic, RANK_ITR).a)
        elif is_due(nic, group, RANK_SHAPER):
            review_shaper(nic, <int32_t>timer_pop(nic, RANK_SHAPER).a)
        elif is_due(nic, group, RANK_AGENT_WAKE):
            commit_agent_wake(nic)
        else:
            commit_agent_done(nic, <int32_t>timer_pop(nic, RANK_AGENT_DONE).a)


# ---- decide: whose turn it is ----------------------------------------------------------------------

cdef inline bint has_turn(Nic* nic, int arbiter) noexcept nogil:
    """Is it touched? Then it decides now, and what touches it again is for its next tick."""
    if not nic.touched & ((<uint32_t>1) << arbiter):
        return False
    nic.touched &= ~((<uint32_t>1) << arbiter)
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


cdef inline void decide_touched(Nic* nic) noexcept nogil:
    """Every touched arbiter decides once, in the order of `arbiters.ARBITERS`; the core's only at an edge of its clock."""
    cdef bint at_edge = nic.edge == nic.now
    cdef int64_t wake
    if has_turn(nic, VCPU):
        decide_vcpu(nic)
    if at_edge and nic.touched & CORE_ARBITERS:
        decide_at_edge(nic)
    if has_turn(nic, UPSTREAM):
        decide_direction(nic, &nic.up, &nic.down)
    if has_turn(nic, DOWNSTREAM):
        decide_direction(nic, &nic.down, &nic.up)
    wake = nic.port_wake if nic.port_wake < nic.reorder_wake else nic.reorder_wake
    nic.touched &= PS_ARBITERS | CORE_ARBITERS
    if nic.touched:
        if unlikely(nic.touched & PS_ARBITERS):
            decide_late(nic)
        if unlikely(nic.touched & PS_ARBITERS):
            wake = nic.now + 1
        elif nic.touched & CORE_ARBITERS:
            wake = earliest(wake, nic.edge + nic.core if at_edge else nic.edge)
    if wake != nic.when[WAKE_DECIDE]:
        set_when(nic, WAKE_DECIDE, wake)


# ---- instants --------------------------------------------------------------------------------------

cdef inline int64_t next_instant(Nic* nic) noexcept nogil:
    """The earliest of all slots of `when`, of which every four have theirs in `soonest`."""
    cdef int64_t* soonest = nic.soonest
    cdef int64_t early = soonest[0] if soonest[0] < soonest[1] else soonest[1]
    cdef int64_t late = soonest[2] if soonest[2] < soonest[3] else soonest[3]
    cdef int64_t last = soonest[4] if soonest[4] < soonest[5] else soonest[5]
    early = early if early < late else late
    return early if early < last else last


cdef inline void find_edge(Nic* nic) noexcept nogil:
    """The first core edge at or after now: from the one before by multiplication, unless that is far away."""
    cdef int64_t ahead = nic.now - nic.edge + nic.core - 1
    if unlikely(ahead > nic.far):
        nic.edge = (nic.now + nic.core - 1) // nic.core * nic.core
    else:
        nic.edge += <int64_t>(<uint64_t>ahead * nic.per_core >> 40) * nic.core


cdef inline void run_instant(Nic* nic, int64_t time) noexcept nogil:
    """Commit everything of this time in order, then let every touched arbiter decide once."""
    nic.now = time
    find_edge(nic)
    # One line a group, written out: a loop here costs more than the events. `nic_new` checks their number.
    if nic.soonest[0] == time:
        commit_group(nic, 0)
    if nic.soonest[1] == time:
        commit_group(nic, 1)
    if nic.soonest[2] == time:
        commit_group(nic, 2)
    if nic.soonest[3] == time:
        commit_group(nic, 3)
    if nic.soonest[4] == time:
        commit_group(nic, 4)
    if nic.soonest[5] == time:
        commit_wakes(nic)
    if nic.touched:
        decide_touched(nic)


cdef void run(Nic* nic, int64_t until, int64_t budget) noexcept nogil:
    """Instants before `until`, as long as there is no news, no fault, and budget."""
    cdef int64_t time = next_instant(nic)
    nic.halt = nic.fault
    nic.budget = budget
    while time < until and nic.budget != 0:
        run_instant(nic, time)
        nic.budget -= 1
        if unlikely(nic.halt):
            nic.budget = 0
        time = next_instant(nic)
    nic.horizon = max(nic.horizon, until if nic.budget != 0 else nic.now)
    settle_commits(nic, max(nic.horizon, nic.now + 1))      # Python may look at memory


# ---- the class -------------------------------------------------------------------------------------

cdef class FastPath(Door):
    """The `DataPlane` protocol, compiled; calls and results are `Door`'s."""

    def next_time(self):
        """Time of the next instant, NEVER if there is none."""
        return next_instant(self.nic)

    def run_until(self, int64_t time, int64_t budget=-1):
        """Run every instant < time; return early after the first with news, or after `budget` instants."""
        with nogil:
            run(self.nic, time, budget)
        if self.nic.fault:
            raise ModelBug(f"{FAULTS[self.nic.fault]} at {self.nic.now} ps "
                           f"(place {self.nic.fault_line}, value {self.nic.fault_value})")
        return self.take_upcalls()
