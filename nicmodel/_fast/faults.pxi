"""What stops the compiled plane: memory that has run out and, in a checked build, an invariant that does not hold.

The first fault is latched with what is being done, to which packet of which function; the loop is left there and then,
and the door raises it once. A plane that has stopped runs no further: what it has counted can be read, and it can be
freed. In a checked build `enter_stage` and `concerns` keep the context; in any other they are nothing, and a fault knows what
the memory was wanted for.
"""

from nicmodel.datasheet.arbiters import ARBITERS
from nicmodel.datasheet.stages import EVENTS

cdef extern from *:
    """
    #include <setjmp.h>
    #include <stdint.h>
    #include <stdlib.h>
    /* The job is called through a volatile pointer: into what calls setjmp the loop must not be inlined. */
    static void nicmodel_guard(void **escape, void (*job)(void *, int64_t, int64_t), void *with, int64_t a, int64_t b) {
        void (*volatile call)(void *, int64_t, int64_t) = job;
        jmp_buf out;
        *escape = &out;
        if (setjmp(out) == 0)
            call(with, a, b);
        *escape = NULL;
    }
    #define nicmodel_leave(escape) longjmp(*(jmp_buf *)(escape), 1)
    #ifdef NICMODEL_CHECKED
    static int64_t nicmodel_grants = -1;    /* allocations that are granted before one is refused; negative: all */
    static int nicmodel_refuses_on = 0;     /* are those after it refused, too? */
    static int nicmodel_refuses(void) {
        if (nicmodel_grants != 0) {
            nicmodel_grants -= nicmodel_grants > 0;
            return 0;
        }
        nicmodel_grants -= !nicmodel_refuses_on;
        return 1;
    }
    #define nicmodel_malloc(size) (nicmodel_refuses() ? NULL : malloc(size))
    #define nicmodel_calloc(count, size) (nicmodel_refuses() ? NULL : calloc(count, size))
    #define nicmodel_realloc(old, size) (nicmodel_refuses() ? NULL : realloc(old, size))
    #else
    static int64_t nicmodel_grants;
    static int nicmodel_refuses_on;
    #define nicmodel_malloc malloc
    #define nicmodel_calloc calloc
    #define nicmodel_realloc realloc
    #endif
    """
    void guard "nicmodel_guard"(void**, void (*)(void*, int64_t, int64_t) noexcept nogil, void*, int64_t, int64_t) noexcept nogil
    void leave "nicmodel_leave"(void*) noexcept nogil
    int64_t grants "nicmodel_grants"
    int refuses_on "nicmodel_refuses_on"
    void* malloc "nicmodel_malloc"(size_t) noexcept nogil
    void* calloc "nicmodel_calloc"(size_t, size_t) noexcept nogil
    void* realloc "nicmodel_realloc"(void*, size_t) noexcept nogil
    void* unrefused_calloc "calloc"(size_t, size_t) noexcept nogil      # for what a checked build adds
    void free(void*) noexcept nogil

cdef enum:
    ROOM_LINE = 0           # what there was no memory for
    ROOM_TIMERS
    ROOM_MAP
    ROOM_ROWS
    ROOM_RECORDS
    ROOM_BUFFERS
    ROOM_TLPS
    ROOM_FILTERS
    ROOM_CALLS
    ROOM_RINGS
    ROOM_WALKS
    ROOM_BOOKS
    HOLDS_ORDER             # what does not hold
    HOLDS_TIME
    HOLDS_SOONEST
    HOLDS_TIMERS
    HOLDS_TAGS
    HOLDS_READ_BUFFER
    HOLDS_TX_BUFFER
    HOLDS_RX_BUFFER
    HOLDS_CREDITS
    HOLDS_RELEASES
    HOLDS_AGES
    HOLDS_LINES
    HOLDS_FREE_TLPS
    HOLDS_FREE_ROWS
    HOLDS_ROW_STATE
    HOLDS_INSIDE
    HOLDS_RING
    HOLDS_SETS
    HOLDS_ENDED
    HOLDS_RING_ORDER
    HOLDS_WIRE_ORDER
    HOLDS_ROWLESS
    HOLDS_PLANS
    HOLDS_WALKS
    HOLDS_SAMPLINGS
    HOLDS_STEERED
    NUM_PLACES

INVARIANTS = range(HOLDS_ORDER, NUM_PLACES)
PLACES = (
    "a line", "timers", "a hash table", "packets", "records of packets", "bytes of frames", "TLPs", "filters", "calls",
    "rings of a function", "page walks", "the books",
    "an event or a wake is set to a time that has passed", "time does not go back",
    "the earliest of each group of events is known",
    "timers are in order", "tags are free or held by a read", "the read buffer is free or held by reads",
    "the Tx buffer is free or held by frames", "the Rx buffer is free or held by frames",
    "no more credits are consumed than granted", "no more credits are released than consumed", "ages grow along a line",
    "what a line holds exists and is in order of time", "a free TLP is free once, and nowhere else", "a free packet is free once",
    "a packet that is held has a legal state", "packets inside are those that were counted in and not out",
    "a ring's positions are in order", "a set holds what it should, and says how many", "a packet has ended when it is forgotten",
    "descriptors retire in ring order", "frames before the wire are in the order of the line before it",
    "a ring's descriptors without a row are those that wait on chip",
    "the next of the walks that are foreseen to end is known", "walks that are foreseen end one after the other",
    "reads that will sample do so in order",
    "a flow remembers the function that filters name")
if len(PLACES) != NUM_PLACES:
    raise ModelBug("every place of a fault has its words")
STAGES_AT = (*(event.name for event in EVENTS), *(arbiter.name for arbiter in ARBITERS))
KINDS_OF_FAULT = {FAULT_MEMORY: "memory", FAULT_INVARIANT: "invariant"}


# ---- context ---------------------------------------------------------------------------------------

cdef inline void enter_stage(Nic* nic, int stage) noexcept nogil:
    """An event of this rank, or an arbiter (behind the ranks), has its turn."""
    if CHECKED:
        nic.at_stage = stage
        nic.at_function = -1
        nic.at_packet = -1


cdef inline void concerns(Nic* nic, int32_t function) noexcept nogil:
    if CHECKED:
        nic.at_function = function


cdef inline void concerns_packet(Nic* nic, int32_t index) noexcept nogil:
    if CHECKED:
        nic.at_function = nic.rows[index].function
        nic.at_packet = nic.rows[index].serial


cdef void latch(Nic* nic, int fault, int place, int64_t value) noexcept nogil:
    """Remember the first fault and leave the loop; the caller goes on only if it is called by the door."""
    if nic.fault == NO_FAULT:
        nic.fault = fault
        nic.limit = 0
        nic.fault_place = place
        nic.fault_value = value
    if nic.escape != NULL:
        leave(nic.escape)


cdef void latch_line(Nic* nic, Lane* lane, int64_t nbytes) noexcept nogil:
    """There is no room for a line to grow; whose it is, is known by where it is."""
    cdef int32_t each
    cdef char* where = <char*>lane
    if not CHECKED:
        for each in range(NUM_RANKS):
            if lane == &nic.timers[each].near:
                nic.at_stage = each
        if lane == &nic.asking[0] or lane == &nic.asking[1] or lane == &nic.asking[2]:
            nic.at_stage = NUM_RANKS + TAGS
        if <char*>&nic.up <= where < <char*>(&nic.up + 1):
            nic.at_stage = NUM_RANKS + UPSTREAM
        if <char*>&nic.down <= where < <char*>(&nic.down + 1):
            nic.at_stage = NUM_RANKS + DOWNSTREAM
        if lane == &nic.tx_wire:
            nic.at_stage = NUM_RANKS + WIRE
        if lane == &nic.rx_wire:
            nic.at_stage = NUM_RANKS + WIRE_RX
    if nic.rings != NULL and <char*>nic.rings <= where < <char*>(nic.rings + 2 * nic.num_rings):
        nic.at_function = nic.rings[(where - <char*>nic.rings) // <int64_t>sizeof(Ring)].function
    if nic.doorbells <= lane < nic.doorbells + nic.num_rings:
        nic.at_function = nic.rings[lane - nic.doorbells].function
    latch(nic, FAULT_MEMORY, ROOM_LINE, nbytes)


# ---- as Python sees it -----------------------------------------------------------------------------

cdef object function_name(int32_t function):
    return "PF" if function == 0 else f"VF {function - 1}"


cdef object fault_of(Nic* nic):
    """The latched fault as the exception to raise."""
    kind = KINDS_OF_FAULT[nic.fault]
    stage = STAGES_AT[nic.at_stage] if nic.at_stage >= 0 else None
    function = function_name(nic.at_function) if nic.at_function >= 0 else None
    packet = nic.at_packet if nic.at_packet >= 0 else None
    place = PLACES[nic.fault_place]
    parts = [f"at {nic.now} ps"]
    if stage:
        parts.append(f"in {stage}")
    if packet is not None:
        parts.append(f"for packet {packet}")
    if function:
        parts.append(f"of {function}")
    where = " ".join(parts)
    if nic.fault == FAULT_MEMORY:
        told = f"memory has run out {where}: there are no {nic.fault_value} bytes for {place}"
    else:
        told = f'the invariant "{place}" is broken {where} (value {nic.fault_value})'
    return ModelBug(told, kind, stage, packet, function, nic.fault_value, nic.now)


def refuse_allocations(int64_t after, bint for_good=True):
    """Let a checked build's planes have `after` more allocations, then refuse one, or all; -1: refuse none."""
    global grants, refuses_on
    if not CHECKED:
        raise ModelBug("only a checked build refuses allocations")
    grants = after
    refuses_on = for_good
