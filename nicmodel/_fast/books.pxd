"""What every room writes down: touches, event times, stamps, counters, blame, rows, news for Python.

Nothing here decides. The hot parts are inline; `books.pyx` holds what allocates.
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from nicmodel._fast.facts cimport (
    CAUSE_NONE, COUNT_RX_BYTES, COUNT_RX_PACKETS, COUNT_TX_BYTES, COUNT_TX_PACKETS, DELIVERED, DIRECTION_RX,
    DIRECTION_TX, LATENCY_BINS, LATENCY_SUBBINS, STAGE_ARRIVED, STAGE_POSTED,
)
from nicmodel._fast.lanes cimport bit_length, check, heap_push
from nicmodel._fast.parts cimport IN_PIPE, News
from nicmodel._fast.types cimport Function, Nic, Ring, Row

cdef inline void touch(Nic* nic, int arbiter) noexcept nogil:
    """The arbiter's inputs changed: it decides at its next tick, or in this instant if its turn is to come."""
    nic.touched |= (<uint32_t>1) << arbiter

# ---- events ----------------------------------------------------------------------------------------

cdef inline void set_when(Nic* nic, int rank, int64_t time) noexcept nogil:
    """The next event of this rank is at `time`."""
    check(nic, time >= nic.now, 10, rank)
    nic.when[rank] = time
    if time == nic.now:
        nic.due |= (<uint32_t>1) << rank

cdef inline void schedule(Nic* nic, int rank, int64_t time, int64_t source, int64_t a, int64_t b) noexcept nogil:
    """An event of an unordered source."""
    heap_push(nic, &nic.timers[rank], time, <uint64_t>source, a, b)
    if time < nic.when[rank] or time == nic.now:
        set_when(nic, rank, nic.timers[rank].items[0].time)

# ---- rows ------------------------------------------------------------------------------------------

cdef int32_t row_new(Nic* nic, int kind, int32_t function, int32_t length) noexcept nogil
cdef void row_forget_bytes(Nic* nic, Row* row) noexcept nogil
cdef void row_free(Nic* nic, int32_t index) noexcept nogil

cdef inline void row_release(Nic* nic, int32_t index, int hold) noexcept nogil:
    """One of the two holders of a row lets go; with the last the row may be used again."""
    nic.rows[index].held &= ~hold
    if hold == IN_PIPE:
        row_forget_bytes(nic, &nic.rows[index])
    if nic.rows[index].held == 0:
        row_free(nic, index)

cdef inline int latency_bin(int64_t value) noexcept nogil:
    """Twin of `counters.latency_bin`."""
    cdef int octave
    cdef int64_t index
    if value < LATENCY_SUBBINS:
        return <int>value if value > 0 else 0
    octave = bit_length(<uint64_t>value) - 6
    index = octave * LATENCY_SUBBINS + (value >> (octave - 1)) - LATENCY_SUBBINS
    return <int>index if index < LATENCY_BINS else LATENCY_BINS - 1

cdef inline void count_latency(Nic* nic, int32_t function, int direction, int64_t value) noexcept nogil:
    nic.latency[(2 * function + direction) * LATENCY_BINS + latency_bin(value)] += 1

cdef inline void deliver_tx(Nic* nic, Row* row) noexcept nogil:
    """A sent frame has left the adapter, or has turned around in its switch."""
    cdef Function* function = &nic.functions[row.function]
    row.outcome = DELIVERED
    function.counters[COUNT_TX_PACKETS] += 1
    function.counters[COUNT_TX_BYTES] += row.length
    function.inside[DIRECTION_TX] -= 1
    count_latency(nic, row.function, DIRECTION_TX, nic.now - row.at[STAGE_POSTED])

cdef inline void deliver_rx(Nic* nic, Row* row) noexcept nogil:
    """A received frame is the driver's."""
    cdef Function* function = &nic.functions[row.function]
    row.outcome = DELIVERED
    function.counters[COUNT_RX_PACKETS] += 1
    function.counters[COUNT_RX_BYTES] += row.length
    function.inside[DIRECTION_RX] -= 1
    count_latency(nic, row.function, DIRECTION_RX, nic.now - row.at[STAGE_ARRIVED])

cdef void offer_rx(Nic* nic, Row* row, int32_t function) noexcept nogil
cdef void drop_row(Nic* nic, Row* row, int reason) noexcept nogil

cdef void let_go(Nic* nic, Ring* ring) noexcept nogil

# ---- blame -----------------------------------------------------------------------------------------

cdef inline void blame(Nic* nic, int line, int cause) noexcept nogil:
    """From now on the line waits for `cause` (CAUSE_NONE: it is empty)."""
    cdef int before = nic.line_cause[line]
    if before == cause:
        return
    if before != CAUSE_NONE:
        nic.line_clock[line][before] += nic.now - nic.line_since[line]
    nic.line_cause[line] = cause
    nic.line_since[line] = nic.now

# ---- news ------------------------------------------------------------------------------------------

cdef News* tell(Nic* nic, int kind, int num_args, int64_t a, int64_t b, int64_t c, int64_t d) noexcept nogil

# ---- byte buffers ----------------------------------------------------------------------------------

cdef uint8_t* buffer_take(Nic* nic, int32_t nbytes, uint8_t* data_class) noexcept nogil

cdef inline void buffer_return(Nic* nic, uint8_t* data, uint8_t data_class) noexcept nogil:
    (<uint8_t**>data)[0] = nic.free_buffers[data_class]
    nic.free_buffers[data_class] = data
