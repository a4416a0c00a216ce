"""What the compiled plane's parts remember, as C structs: rows and rings, agents and flows; PCIe's are in `pcie`.

Rows, requests and rings are named by index, never by a pointer kept across calls: their arrays grow by doubling.
Times are ps; what is called free, `stalled`, `ended`, `shaped` and what says ticks is in ticks of 1/1024 ps.
"""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from nicmodel._fast.containers cimport Lane
from nicmodel._fast.facts cimport KEY_BYTES, MOST_CALL_WORDS, NUM_STAGES, TABLE_ENTRIES

# ---- packets --------------------------------------------------------------------------------------

cdef enum:
    IN_CHAIN = 1        # the ring still has to write back, interrupt or reap this row
    IN_PIPE = 2         # the frame is somewhere between its first stage and its end
    MOST_ENDS_BYTES = 36    # two IPv6 addresses and two ports
    ASKS_REPORT = 1 << 30   # beside the row in `Ring.rows`: what is to be known of it when the row is used again
    NO_ROW_YET = -1         # in place of a row: it has none yet
    UNKNOWN = -2        # in place of a function: nobody has looked since the filters changed
    MOST_ROWLESS = 64    # bits of `Rowless.reports`

cdef struct Record:
    # ROW_DTYPE of sim/results.py, field by field: kept only if rows are recorded.
    int64_t serial
    int32_t kind
    int32_t outcome
    int64_t parent
    int32_t function
    int32_t ring
    int32_t flow
    int32_t length
    int64_t at[NUM_STAGES]

cdef struct RecordLines:
    # While its row is inside: whole lines of the cache, and each stage in one of them.
    Record record
    int64_t unused[4]

cdef struct Row:
    # A frame while it is inside, and until its ring has done with its descriptor; then the slot is used again.
    # 64 bytes.
    int64_t serial
    int64_t latency_from    # POSTED or ARRIVED
    uint64_t destination    # MAC, and above it the VLAN; Tx: from the switch on, if it loops back
    uint8_t* data           # the bytes that move, NULL if none
    int32_t nbytes          # DMA bytes: the frame without FCS
    int32_t arrived         # of those, on board | received, with RO: in memory
    int32_t slot            # index of its descriptor | injected, before it has one: its connection, or -1
    int32_t flow
    int16_t function
    int16_t ring
    int32_t origin          # Rx: function that sent a looped back frame, else -1 | Tx, with `books`: its group
    uint8_t kind
    uint8_t outcome
    uint8_t data_class      # size class of `data`
    uint8_t held            # IN_CHAIN | IN_PIPE; 0: the row may be used again
    uint8_t room            # 1: it occupies Rx buffer, or Tx buffer once the scheduler has begun it
    uint8_t good            # the descriptor is legal
    uint8_t rs              # the driver asked for a report
    uint8_t complete        # all data on board

cdef struct Doorbell:
    # A tail write that has taken effect: stamps of the descriptors that it covers.
    int64_t posted
    int64_t effect
    int32_t covers          # descriptors not yet fetched
    int64_t down_credits    # what it has waited for, with `books`
    int64_t down_link
    int64_t register_port

cdef struct Descriptor:
    # A descriptor on chip.
    uint64_t address        # of its buffer in host memory
    int32_t slot            # Rx: its index in the ring | Tx: the row, or NO_ROW_YET
    int32_t nbytes          # Tx: DMA bytes

cdef struct Rowless:
    # Tx descriptors on chip that have no row before the scheduler begins their frames: at most MOST_ROWLESS that were fetched
    # together under one doorbell, what they have in common, and where the next one stands. 64 bytes.
    int64_t serial          # of the next row
    uint64_t position       # in `Ring.rows`
    int64_t posted
    int64_t doorbell
    int64_t fetched
    uint64_t reports        # which of them ask for one: the next is bit `count` - 1, the last bit 0
    int32_t slot
    int32_t count
    int32_t flow
    int32_t group           # with `books`

cdef enum:
    # Who has posted descriptors in a ring, if no agent has.
    NOBODY_YET = -1
    SOMEBODY_ELSE = -2

cdef struct Ring:
    # A line of the cache each: what the scheduler looks at, its rows, a frame's way and the next descriptors, the rest.
    # 256 bytes.
    Lane chip               # Descriptor: Tx waiting for the scheduler, Rx not yet paired
    int32_t held            # descriptors on chip: Tx waiting for the scheduler, Rx not yet paired
    int32_t begun           # Tx: the scheduler has begun a frame and not finished it
    int32_t asked           # Tx: bytes of that frame that it has asked for
    int32_t function
    int32_t agent           # that it has or had, or NOBODY_YET, ..
    int32_t domain
    int32_t number
    int16_t direction
    int16_t is_open
    Lane rows               # int32: rows in ring order, the oldest not yet done with first; Tx: as they are made, and ASKS_REPORT
    Lane unpaired           # Rx, int32: rows without a descriptor | Tx, Rowless: descriptors without a row
    # positions in `rows`
    uint64_t ready          # first not yet appended to tx_ready
    uint64_t retired        # first not yet retired
    uint64_t span           # first of the write-back span
    uint32_t complete       # Tx: rows with all data on board that wait for older ones
    int32_t ready_slot      # descriptor of the first that is not ready; -1: the driver has lapped the ring
    uint32_t epoch          # grows at every revocation: what carries an older one is void
    int32_t next            # descriptor to fetch next
    int32_t tail
    int32_t size
    int32_t span_slot       # first descriptor of the write-back span
    int32_t span_reports    # descriptors with RS in it
    int16_t wthresh
    int16_t fetching        # read requests of the descriptor fetch still out
    int32_t fetch_count
    uint64_t base
    uint8_t* fetched        # descriptors as sampled
    uint64_t visible        # behind the last whose write-back is in memory
    uint64_t written        # first whose span is not yet wholly in memory
    uint64_t reaped         # first not yet reaped by the agent
    uint64_t interrupted    # first not yet announced
    int32_t fetch_first
    int32_t level           # `fewest`: the set of rings that this one is in, or -1
    int32_t buffer_bytes
    int32_t vector          # 64 * function + vector, or -1

cdef struct Function:
    # One line of the cache. What it counts, and what its vectors do, stands side by side with the others' (`Nic.counters`,
    # `Nic.vector_bits`), for frames that follow each other are mostly those of neighbours.
    int32_t num_tx
    int32_t first_tx        # the lowest open Tx ring
    int32_t num_rx
    int32_t first_rx        # likewise, -1 if it has none
    int32_t last_ring       # last Tx ring the scheduler granted
    int32_t waiting_rings   # Tx rings with a descriptor waiting
    uint64_t reads          # sampled so far: serial of the jitter stream
    int32_t begun_rings     # of those that wait, frames that the scheduler has begun and not finished
    int16_t drop_policy
    uint8_t bus_master
    uint8_t decodes         # accesses of its BARs
    int32_t* tx_rings       # open rings in number order
    int32_t* rx_rings
    int64_t source_checks   # anti-spoofing

cdef struct VectorBits:
    # Of a function.
    uint64_t requesting
    uint64_t enabled
    uint64_t throttled      # inside their interval, with an ITR event to come

cdef struct Vector:
    int64_t itr
    int64_t interval_end
    int32_t agent           # the last agent started for it, or -1

# ---- the wire, traffic, drivers -------------------------------------------------------------------

cdef struct RoomBack:
    # A received frame's room in the Rx buffer is to return.
    int64_t time
    int32_t row
    int32_t ring            # index in `rings`
    int64_t waited          # `books`: how long for the link

cdef struct Offer:
    # A frame at the other end of the wire, or on it.
    int64_t ready
    int64_t start           # by the decision of this time
    int64_t end             # arrived
    int64_t free            # ticks: the wire, after it
    int64_t number          # of its flow | injected: its connection, or -1
    uint64_t destination    # MAC, and above it the VLAN
    uint8_t* data
    int32_t flow
    int32_t length
    int32_t nbytes
    uint8_t data_class

cdef struct Flow:
    # What its next frame needs is in the first line of the cache, what only its bytes need in the second.
    uint64_t destination    # MAC, and above it the VLAN
    int64_t interval
    int64_t start
    int64_t count
    int64_t number          # Rx: frames offered so far
    int32_t size            # of its frames, if they have one
    int32_t num_sizes
    int32_t cursor          # Rx: number mod num_sizes
    int32_t plan            # grows when its next offer is planned anew: an older timer is void
    int32_t steered         # the function that the filters name for its frames, -1 if none, or UNKNOWN
    int32_t direction
    uint64_t src_mac
    uint8_t* head           # its headers from the ethertype on, lengths left out; NULL: it carries no IP
    int32_t* sizes
    int32_t head_bytes
    int32_t connection      # in `connections`, or -1
    int64_t unused[4]       # up to whole cache lines

cdef struct Agent:
    int32_t function
    int32_t tx_ring         # index in `rings`, or -1
    int32_t rx_ring
    int32_t flow
    uint64_t tx_buffers
    uint64_t rx_buffers
    int64_t tx_stride
    int64_t rx_stride
    int32_t vector
    int64_t irq_latency
    int64_t irq_cost
    int64_t pass_cost
    int64_t tx_packet_cost
    int64_t rx_packet_cost
    int32_t tx_batch
    int32_t rx_batch
    int32_t rs_batch
    int64_t poll
    int64_t doorbell_cost
    # state
    int32_t live
    int32_t ringless        # it was to start, and got no ring
    int32_t stopped
    int32_t busy
    int32_t woken
    int32_t by_interrupt
    int32_t rx_due          # the next pass looks for received frames
    int32_t looked          # and the pass under way does
    int32_t queued          # in `runnable`, or in its core's line
    int32_t core            # shared core, or -1
    int64_t looks           # so far: a poll set before the last one is void
    int64_t timer           # last nominal time a timer was set for
    int64_t posted          # Tx packets so far
    int32_t size_cursor
    int32_t report_cursor   # posted mod rs_batch
    Lane reports            # int32: posted descriptors up to each that asks for a report, from the one before on
    int32_t tx_slot         # next to post
    int32_t tx_out          # posted and not reaped
    int32_t rx_slot         # next to clean
    int32_t pass_tx_reaped
    int32_t pass_rx_reaped
    int32_t pass_posted
    # books
    int64_t began           # the pass under way, or the last
    int64_t spent           # on all passes begun
    int64_t passes
    int64_t received
    int32_t core_number     # as configured

cdef struct Core:
    # A CPU core that agents share.
    Lane line               # int32: agents that wait for it
    int32_t running         # agent, or -1
    int32_t last            # whose pass was the last one, or -1

cdef struct Shaper:
    int64_t byte_ticks      # 0: no limit
    int64_t burst
    int64_t shaped          # ticks: the next frame may begin when this is no later than now
    int64_t reminded        # ps of the last SHAPER event

cdef struct Connection:
    # Who talks to whom, and its hash by the key and the types of the function that asked last.
    uint8_t ends[MOST_ENDS_BYTES]   # source and destination address, source and destination port
    int32_t address_bytes           # of both
    int32_t protocol
    uint64_t keyed                  # serial of that key and those types; 0: nobody has asked yet
    uint32_t hash
    int32_t is_hashed               # a type that is enabled fits

cdef struct Spread:
    # Receive side scaling of a function.
    uint32_t types          # 0: it has none
    int32_t entries
    int32_t first           # ring of queue 0
    uint64_t serial         # of the key and the types
    uint8_t key[KEY_BYTES]
    uint8_t table[TABLE_ENTRIES]

cdef struct Filter:
    uint64_t mac
    int32_t valid
    int32_t vlan
    int32_t function
    int32_t next_slot       # next valid slot of the same MAC

cdef struct Arena:
    uint8_t* memory
    uint64_t base
    uint64_t size
    int32_t messages        # a message domain
    int32_t shift           # of its pages; 0: DEFAULT_PAGE_SHIFT

cdef struct Call:
    int64_t words[MOST_CALL_WORDS]
    int32_t kind
    uint8_t* data
    int32_t nbytes
    uint8_t data_class
    int32_t next_free

cdef struct QueuedUpcall:
    # An upcall on its way to Python.
    int64_t time
    int64_t args[4]
    int32_t kind
    int32_t num_args
    uint8_t* data
    int32_t nbytes
    uint8_t data_class

cdef struct Interrupt:
    int64_t time
    int32_t function
    int32_t vector

cdef enum:
    NO_FAULT = 0
    FAULT_MEMORY
    FAULT_INVARIANT
