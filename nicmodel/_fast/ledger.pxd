"""What the books remember (`docs/time.md`, 10): beside every TLP and row, and of the whole plane. Only with `books`."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from nicmodel._fast.containers cimport Lane, Lines
from nicmodel._fast.facts cimport NUM_ARBITERS, NUM_LINES, NUM_POOLS, NUM_SERVED, NUM_WAITS

cdef struct ReadWaits:
    # What a read waits for, where nothing is limited and nobody walks.
    int64_t tags
    int64_t read_buffer
    int64_t up_credits
    int64_t up_link
    int64_t write_order
    int64_t down_credits    # of accesses too
    int64_t down_link

cdef struct TlpBook:
    # Of the TLP in the same slot of `tlps`. What it has waited is known of those that a packet follows. 128 bytes.
    ReadWaits waits
    int64_t tag_cap
    int64_t dma_issue
    int64_t walkers
    int64_t port            # access: it has waited for the register port
    int64_t asked           # read: when it was asked for
    int64_t since           # access: it waits for the port | at the root: it arrived, then was translated | it was answered
    int64_t entered         # the pool's clock of its line, as it joined it
    int64_t own             # of its tag line, with `tag_rules`: the clock of *own* | answered: what its own completions take
    int32_t sample          # 1 + the first of its samples; 0: it is not sampled
    int16_t started         # completions, while it is sampled
    uint8_t holds           # a tag

cdef struct RowBook:
    # Of the row in the same slot of `rows`, in one line of the cache: waits that last longer are in its `RareBook`. Nothing
    # of it is looked at before it has been written. Tx | Rx where a field is both.
    # What it has waited, in the order of `sums.WAITS_OF`: those of both directions, then those of Tx.
    uint32_t turn           # for the scheduler until SCHEDULED | for the writers
    uint32_t room           # for room in the Tx buffer | for a descriptor
    uint32_t up_credits     # of its last payload request | of its write-back, these four
    uint32_t up_link
    uint32_t write_order
    uint32_t walkers
    uint32_t pipe           # tx_pipe | rx_pipe
    uint32_t last           # for the wire | for the driver
    uint32_t tags           # of its last payload request, these four
    uint32_t read_buffer
    uint32_t down_credits
    uint32_t down_link
    uint32_t asking         # for the scheduler, from SCHEDULED to that request
    uint32_t reorder
    int64_t since           # it waits where it is since: SCHEDULED, DATA_FETCHED, .. | ARRIVED, .., WRITTEN_BACK

cdef enum:
    SENT_WAITS = 14         # those of a row
    RECEIVED_WAITS = 8

cdef struct Sums:
    # Of a function's delivered rows, as their books have them: what is added at every row's end. Three lines of the cache.
    int64_t sent[SENT_WAITS]
    int64_t latency[2]      # by direction
    int64_t received[RECEIVED_WAITS]

cdef struct RareBook:
    # Of the same row, what has no place there.
    int64_t before          # what of it was before SCHEDULED
    uint64_t which          # of the waits came up, a bit each; the others are nonsense
    int32_t sample          # as of a TLP, while it waits for the wire
    int64_t waits[NUM_WAITS]

cdef struct Group:
    # Tx rows of one doorbell that were fetched together: what they waited for until they waited for the scheduler. 128 bytes.
    ReadWaits waits         # of that read, and of the doorbell what was in its way down
    int64_t register_port
    int64_t descriptor_fetch
    int64_t tag_cap
    int64_t dma_issue
    int64_t walkers
    int64_t queued          # they wait for the scheduler since, and clocks as they began to | next free
    int64_t shaped
    int64_t roomless
    uint16_t rows           # inside, made or not; 0: the slot is free
    uint16_t delivered      # not yet added to their function's sums
    int16_t function
    int16_t unused

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
    int64_t data            # credits of a write; 0: a read

cdef struct Sample:
    int32_t next            # of the same TLP | next free
    int32_t piece           # completions that start before it

cdef struct Pool:
    # The integral of what is taken is `area` + taken x now.
    int64_t capacity        # 0: infinite, and no book
    uint64_t area
    uint64_t queued
    int64_t taken           # of credits; of the others the holders are counted
    int64_t spoken_for      # of those
    int32_t want            # WANT_

cdef struct Ledger:
    TlpBook* tlps
    RowBook* rows           # aligned, within `row_memory`
    Lines row_memory
    RareBook* rare_rows
    int32_t rare            # some row has, or has had, more than its book has room for
    uint8_t* has_rare       # by row: this one has
    Group* groups
    Lines group_memory
    int32_t num_groups
    int32_t free_group
    Sums* sums              # by function, aligned, within `sum_memory`
    Lines sum_memory
    int64_t* waits          # function, direction, wait: what has no place there
    int64_t* row_waits      # beside `records`
    int64_t* done_waits     # beside `done`
    int64_t grants[NUM_ARBITERS]
    # tx_queues
    int64_t not_begun       # rows that wait for the scheduler and have not begun
    int64_t turn_at         # its last turn
    int64_t full_from       # the line waits for room from then on, if the scheduler does not decide before
    uint64_t too_little     # the integral of what is left of the Tx buffer while the line waits for room: up to its last end
    Hold* holds             # by function
    Lane fetched            # int32: groups that begin to wait when the scheduler decides
    # lines that are carried out late
    int32_t changed_pause   # the wire has been paused, or changed
    int64_t parser_busy     # `ahead`: frames wait for the parser since; NEVER: none does
    # pools
    Pool pools[NUM_POOLS]
    uint64_t* own_area      # tags, by function
    uint64_t* own_queued
    Lane released_reads     # Later: what waited with a credit that is released by then
    Lane released_writes
    # who was served
    int64_t* served[NUM_SERVED]     # by function; the first holds them all
    int64_t* interference   # server, victim, culprit
    int64_t* seen           # sample, culprit
    Sample* samples
    int32_t num_samples
    int32_t free_sample
    int32_t due[NUM_LINES]  # entries that pass before the next sampled one
    uint64_t wire_position  # frames before it in `tx_wire` have been looked at; it is followed by `due` others
