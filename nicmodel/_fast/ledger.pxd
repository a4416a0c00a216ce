"""What the books remember (`docs/time.md`, 10): beside every TLP and row, and of the whole plane. Only with `books`."""

from libc.stdint cimport int32_t, int64_t, uint64_t

from nicmodel._fast.containers cimport Lane
from nicmodel._fast.facts cimport NUM_ARBITERS, NUM_CAUSES, NUM_LINES, NUM_POOLS, NUM_WAITS

cdef struct TlpBook:
    # Of the TLP in the same slot of `tlps`. What it has waited is known of those that a packet follows.
    int64_t asked           # read: when it was asked for
    int64_t since           # access: it waits for the port since | at the root: it arrived, then it was translated
    int64_t entered[NUM_CAUSES]     # clocks of its tag line as it joined it; of its link line the one of the pool, first
    int64_t tag_cap
    int64_t tags
    int64_t dma_issue
    int64_t read_buffer
    int64_t up_credits
    int64_t up_link
    int64_t walkers
    int64_t write_order
    int64_t down_credits
    int64_t down_link
    int64_t register_port
    int32_t sample          # 1 + the first of its samples; 0: it is not sampled
    int32_t started         # completions, while it is sampled
    int32_t holds           # a tag

cdef struct RowBook:
    # Of the row in the same slot of `rows`.
    int64_t waits[NUM_WAITS]
    int64_t since           # it waits where it is since
    int64_t queued          # Tx: it has waited for the scheduler since, and clocks as it began to
    int64_t shaped
    int64_t roomless
    int64_t scheduled       # Tx: SCHEDULED
    int64_t stored          # Tx: waits since it took its room
    int64_t paused          # Tx: of its wait for the wire up to the last change of that
    int64_t payload         # Rx: what the payload's last TLP has waited for the link
    int64_t written         # Rx: WRITTEN_BACK
    int32_t sample

cdef struct Hold:
    # A function whose shaper lets no frame begin, from one time to another; and what has been of that.
    int64_t since           # NEVER: it does not hold
    int64_t until
    int64_t held            # in all, up to `since`
    int64_t own             # of the clocks of `tx_queues`, what ran meanwhile, and where they were at `since`
    int64_t pool
    int64_t own_since
    int64_t pool_since

cdef struct Later:
    # Waits of a TLP's credits, to be added when it is known from outside that they are released.
    int64_t time
    int64_t waited

cdef struct Sample:
    int32_t next            # of the same TLP | next free
    int32_t piece           # completions that start before it

cdef struct Pool:
    # The integral of what is taken is `area` + taken x now.
    int64_t capacity        # 0: infinite, and no book
    uint64_t area
    uint64_t queued
    int64_t taken           # of credits; of the others the holders are counted

cdef struct Ledger:
    TlpBook* tlps
    RowBook* rows
    int64_t* waits          # function, direction, wait; latency last
    int64_t* row_waits      # by serial
    int64_t grants[NUM_ARBITERS]
    # tx_queues
    int64_t not_begun       # rows that wait for the scheduler and have not begun
    int64_t turn_at         # its last turn
    int64_t full_from       # the line waits for room from then on, if the scheduler does not decide before
    Hold* holds             # by function
    Lane fetched            # int32: rows that begin to wait when the scheduler decides
    # lines that are carried out late
    int64_t pause_since     # `pause_until` is what it is since
    int64_t parser_busy     # `ahead`: frames wait for the parser since; NEVER: none does
    # pools
    Pool pools[NUM_POOLS]
    uint64_t* own_area      # tags, by function
    uint64_t* own_queued
    int64_t* own_taken
    Lane released_later     # Later
    # who was served
    int64_t* served         # server, function
    int64_t* interference   # server, victim, culprit
    int64_t* seen           # sample, culprit
    Sample* samples
    int32_t num_samples
    int32_t free_sample
    int32_t due[NUM_LINES]  # entries that pass before the next sampled one
    uint64_t wire_position  # frames before it in `tx_wire` have been looked at; it is followed by `due` others
