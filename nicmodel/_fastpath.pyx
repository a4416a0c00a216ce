"""The compiled data plane: its loop, and the switch from events and arbiters to rooms.

`docs/time.md` decides what happens; `_fast/` has a room for each of its sections:

  doorbell   registers -> tx          frame arrives   wire -> rx, steer
  fetch      fetch -> tags -> link    descriptor      fetch -> tags -> link
  payload    sched -> tags -> link    payload out     writers -> link
  host       root                     host            root
  leave      tx -> wire               interrupt       irq -> agent

`types` and `parts` hold every struct, `books` what all rooms write down, `revoke` takes things back, `door` talks to
Python. The rooms are included here, into one translation unit, so that the compiler sees every call.
To follow a packet, begin at `commit` below: each rank is one event, each name is the room that resumes.
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, memset

from nicmodel._fast.containers cimport Bits, Heap, Lane, Map, Timed, Timer
from nicmodel._fast.facts cimport *
from nicmodel._fast.parts cimport *
from nicmodel._fast.types cimport (
    NUM_CLASSES, NUM_GROUPS, NUM_WHEN, WAKE_DOWN, WAKE_TICK, WAKE_UP, WAKE_WIRE, WAKE_WIRE_RX, Nic,
)

# One translation unit: a call from room to room is a call in C, or no call at all (docs/decisions.md).
from nicmodel.sim.errors import ModelBug

include "_fast/lanes.pxi"
include "_fast/books.pxi"
include "_fast/memory.pxi"
include "_fast/link.pxi"
include "_fast/tags.pxi"
include "_fast/registers.pxi"
include "_fast/fetch.pxi"
include "_fast/sched.pxi"
include "_fast/tx.pxi"
include "_fast/wire.pxi"
include "_fast/steer.pxi"
include "_fast/rx.pxi"
include "_fast/writers.pxi"
include "_fast/root.pxi"
include "_fast/irq.pxi"
include "_fast/agent.pxi"
include "_fast/revoke.pxi"
include "_fast/calls.pxi"
include "_fast/build.pxi"
include "_fast/report.pxi"
include "_fast/door.pxi"

FAULTS = {FAULT_MEMORY: "memory has run out", FAULT_INVARIANT: "an invariant does not hold",
          FAULT_CALL: "a call asks for the impossible"}


# ---- commit: which room resumes --------------------------------------------------------------------

cdef void commit_down_end(Nic* nic) noexcept nogil:
    """The last byte of a downstream transfer is at the adapter."""
    cdef int32_t index = nic.down.flying
    cdef Tlp* tlp
    set_when(nic, RANK_DOWN_END, NEVER)
    if take_credits(nic, &nic.down):
        return
    note_arrival(nic, &nic.up)
    if nic.down.flying_kind != TLP_COMPLETION:
        accept_access(nic, index)
    elif nic.down.flying_last:
        tlp = &nic.tlps[index]
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


cdef void commit_edge(Nic* nic) noexcept nogil:
    """A core clock edge with something to decide; the register port may have waited for it."""
    set_when(nic, RANK_EDGE, NEVER)
    if nic.port_wake <= nic.now:
        nic.port_wake = NEVER
        touch(nic, REGISTER_PORT)


cdef void commit_timer(Nic* nic, int rank) noexcept nogil:
    """The next event of an unordered source."""
    cdef Timer timer = timer_pop(nic, rank)
    if rank == RANK_PAUSE:
        commit_pause(nic, timer.a)
    elif rank == RANK_FLOW:
        commit_flow(nic, <int32_t>timer.a)
    elif rank == RANK_ITR:
        commit_itr(nic, <int32_t>timer.a)
    elif rank == RANK_AGENT_WAKE:
        commit_agent_wake(nic, <int32_t>timer.a, timer.b)
    else:
        commit_agent_done(nic, <int32_t>timer.a)


cdef inline void wake_arbiter(Nic* nic, int slot, int arbiter) noexcept nogil:
    """The ranks DLLP and LINK_FREE: nothing is committed, so they need no place in the order."""
    set_when(nic, slot, NEVER)
    touch(nic, arbiter)


cdef void commit(Nic* nic, int rank) noexcept nogil:
    """Apply one event of this rank."""
    if rank == RANK_CALL:
        commit_call(nic)
    elif rank == RANK_MEM_COMMIT:
        commit_mem_commit(nic)
    elif rank == RANK_MEM_READ:
        commit_mem_read(nic)
    elif rank == RANK_UP_END:
        commit_up_end(nic)
    elif rank == RANK_READ_DONE:
        commit_read_done(nic)
    elif rank == RANK_DOWN_END:
        commit_down_end(nic)
    elif rank == RANK_REGISTER:
        commit_register(nic)
    elif rank == RANK_TX_PIPE:
        commit_tx_pipe(nic)
    elif rank == RANK_RX_PIPE:
        commit_rx_pipe(nic)
    elif rank == RANK_WIRE_TX_END:
        commit_wire_tx_end(nic)
    elif rank == RANK_WIRE_RX_END:
        commit_wire_rx_end(nic)
    elif rank == WAKE_UP:
        wake_arbiter(nic, WAKE_UP, UPSTREAM)
    elif rank == WAKE_DOWN:
        wake_arbiter(nic, WAKE_DOWN, DOWNSTREAM)
    elif rank == WAKE_WIRE:
        wake_arbiter(nic, WAKE_WIRE, WIRE)
    elif rank == WAKE_WIRE_RX:
        wake_arbiter(nic, WAKE_WIRE_RX, WIRE_RX)
    elif rank == WAKE_TICK:
        set_when(nic, WAKE_TICK, NEVER)
    elif rank == RANK_EDGE:
        commit_edge(nic)
    else:
        commit_timer(nic, rank)


# ---- decide: whose turn it is ----------------------------------------------------------------------

cdef void decide(Nic* nic, int arbiter) noexcept nogil:
    if arbiter == VCPU:
        decide_vcpu(nic)
    elif arbiter == REGISTER_PORT:
        decide_register_port(nic)
    elif arbiter == TX_SCHEDULER:
        decide_tx_scheduler(nic)
    elif arbiter == TX_REORDER:
        decide_tx_reorder(nic)
    elif arbiter == SWITCH_INGRESS:
        decide_switch_ingress(nic)
    elif arbiter == TX_DESC_FETCH:
        decide_fetch(nic, DIRECTION_TX)
    elif arbiter == RX_DESC_FETCH:
        decide_fetch(nic, DIRECTION_RX)
    elif arbiter == TAGS:
        decide_tags(nic)
    elif arbiter == WRITERS:
        decide_writers(nic)
    elif arbiter == MSIX:
        decide_msix(nic)
    elif arbiter == UPSTREAM:
        decide_direction(nic, &nic.up)
    elif arbiter == DOWNSTREAM:
        decide_direction(nic, &nic.down)
    elif arbiter == WIRE:
        decide_wire(nic)
    elif arbiter == WIRE_RX:
        decide_wire_rx(nic)


# ---- instants --------------------------------------------------------------------------------------

cdef inline int64_t next_instant(Nic* nic) noexcept nogil:
    """The earliest of all slots of `when`, of which every four have theirs in `soonest`."""
    cdef int64_t first = nic.soonest[0]
    cdef int group
    for group in range(1, NUM_GROUPS):
        if nic.soonest[group] < first:
            first = nic.soonest[group]
    return first


cdef inline int due_in(Nic* nic, int group) noexcept nogil:
    """The first slot of the group that is due now."""
    cdef int64_t* four = &nic.when[group << 2]
    if four[0] == nic.now:
        return group << 2
    if four[1] == nic.now:
        return (group << 2) + 1
    return (group << 2) + 2 if four[2] == nic.now else (group << 2) + 3


cdef inline void find_edge(Nic* nic) noexcept nogil:
    """The first core edge at or after now. Most instants are within a few periods of the last: no division."""
    if nic.now - nic.edge > nic.core << 3:
        nic.edge = nic.now // nic.core * nic.core
    while nic.edge < nic.now:
        nic.edge += nic.core


cdef inline void run_instant(Nic* nic, int64_t time) noexcept nogil:
    """Commit everything of this time in order, then let every touched arbiter decide once."""
    cdef uint32_t may, left
    cdef int64_t next_edge
    cdef int which
    nic.now = time
    find_edge(nic)
    for which in range(NUM_GROUPS):
        nic.committing = which
        while nic.soonest[which] == time:
            commit(nic, due_in(nic, which))
    may = <uint32_t>(PS_ARBITERS | CORE_ARBITERS) if nic.edge == time else <uint32_t>PS_ARBITERS
    left = nic.touched & may
    while left:
        which = low_bit(left)
        nic.touched &= ~((<uint32_t>1) << which)
        may &= ~<uint32_t>0 << (which + 1)
        decide(nic, which)
        left = nic.touched & may
    if unlikely(nic.touched & PS_ARBITERS):
        set_when(nic, WAKE_TICK, time + 1)
    next_edge = nic.port_wake
    if nic.touched & CORE_ARBITERS:
        next_edge = nic.edge + nic.core if nic.edge == time else nic.edge
    if next_edge != nic.when[RANK_EDGE]:
        set_when(nic, RANK_EDGE, next_edge)


cdef void run(Nic* nic, int64_t until, int64_t budget) noexcept nogil:
    """Instants before `until`, as long as there is no news, no fault, and budget."""
    cdef int64_t time = next_instant(nic)
    while time < until and budget != 0:
        run_instant(nic, time)
        budget -= 1
        nic.horizon = nic.now
        if nic.fault or not lane_empty(&nic.news):
            return
        time = next_instant(nic)
    if budget != 0 and until > nic.horizon:
        nic.horizon = until


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
