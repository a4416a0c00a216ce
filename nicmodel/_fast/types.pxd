"""The whole plane as one C struct: every room is handed a `Nic*` and nothing else."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from nicmodel._fast.containers cimport Bits, Lane, Map, Timers
from nicmodel._fast.facts cimport NUM_CAUSES, NUM_LINES, NUM_RANKS
from nicmodel._fast.parts cimport (
    Agent, Arena, Call, Direction, Filter, Flow, Function, Offer, Record, Ring, Row, Tlp, Vector,
)

cdef enum:
    # Slots of `when` beyond the ranks: times at which an arbiter is touched and nothing is committed.
    WAKE_UP = NUM_RANKS
    WAKE_DOWN
    WAKE_WIRE_RX
    WAKE_TICK           # a ps arbiter touched backwards decides one ps later
    NUM_GROUPS = (NUM_RANKS + 4 + 3) >> 2
    NUM_WHEN = NUM_GROUPS << 2
    NUM_CLASSES = 24    # sizes of byte buffers: 1 << class

cdef struct Nic:
    # instants
    int64_t now
    int64_t edge            # first core edge >= now
    int64_t horizon         # every instant before it has run
    int64_t when[NUM_WHEN]  # next event of every rank, next wake of every arbiter that wakes by itself
    int64_t soonest[NUM_GROUPS]     # of every four of them
    int32_t committing      # group of the event being committed, looked at in a checked build
    uint32_t touched        # arbiters
    int32_t halt            # news or a fault: the run ends after this instant
    int32_t fault
    int32_t fault_line
    int64_t fault_value
    Timers timers[NUM_RANKS]
    # configuration
    int64_t core
    int64_t far             # further than this, the next edge is found by division
    int64_t wire_ticks
    int64_t pcie_ticks
    int64_t ack
    int64_t fc
    int64_t skp
    int64_t skp_bytes
    int32_t mps
    int32_t mrrs
    int32_t rcb
    int32_t split_rcb
    int64_t read_latency
    int64_t read_jitter
    int64_t write_latency
    int64_t register_interval
    int64_t register_latency
    int64_t tx_pipe
    int64_t rx_pipe
    int32_t tx_cache
    int32_t tx_threshold
    int32_t rx_cache
    int32_t rx_threshold
    int64_t pause_reaction
    int32_t payload
    uint64_t seed
    int32_t record_rows
    int32_t record_interrupts
    int32_t frames_out
    int32_t num_functions
    int32_t num_rings
    # tables
    int32_t max_frame
    int32_t loopback
    int32_t default_pool
    Map hot
    Filter* filters
    int32_t num_filters
    Map filter_first        # MAC to its lowest valid slot
    # things
    Function* functions
    Vector* vectors
    Ring* rings
    Arena* arenas
    int32_t num_arenas
    Flow* flows
    int32_t num_flows
    Agent* agents
    int32_t num_agents
    Row* rows
    int32_t num_rows
    int32_t room_rows
    int32_t free_row
    Row blank               # a row as it is born
    int64_t row_serial
    Record* records
    int64_t room_records
    Tlp* tlps
    int32_t num_tlps
    int32_t free_tlp
    Call* calls
    int32_t num_calls
    int32_t free_call
    uint8_t* free_buffers[NUM_CLASSES]
    int32_t buffers[NUM_CLASSES]
    Lane blocks             # what buffers were cut from
    # link and root
    Direction up
    Direction down
    int64_t last_commit     # of a posted write
    Lane mem_commits        # Timed: slots of TLPs
    Lane mem_reads
    Lane read_dones         # when there is no jitter
    Lane accesses           # slots of TLPs
    Lane register_pipe      # Timed: slots of TLPs
    int64_t port_free
    int64_t port_wake
    # tags
    Lane asking[3]          # slots of TLPs
    int32_t tag_turn
    int32_t tags_blamed     # one of the three lines has a cause
    int64_t tags_free
    int64_t read_buffer_free
    # Tx
    Bits tx_fetchable       # rings
    Bits tx_waiting         # functions
    int32_t last_tx_fetch
    int32_t last_function
    int64_t tx_room
    int64_t tx_least        # no frame that waits for the scheduler needs less room than this
    Lane tx_ready           # int32: rows
    Lane tx_pipe_lane       # Timed: rows
    Lane tx_wire            # Timed: rows
    int64_t pause_until
    int64_t wire_free
    int32_t wire_row        # flying
    int64_t wire_start      # when the head of `tx_wire` starts, if nothing comes between; NEVER: nothing is planned
    # Rx
    Bits rx_fetchable
    int32_t last_rx_fetch
    int64_t rx_room
    Lane rx_rooms_back      # RoomBack, in order of time
    Lane rx_wire            # Offer
    Offer arriving
    int64_t wire_rx_free
    Lane ingress[2]         # int32: rows of `wire` and `loopback`
    int32_t ingress_turn
    Lane rx_pipe_lane       # Timed: rows
    int64_t wire_books[2][3]    # Tx, Rx: frames, bytes, busy ticks
    # writers, interrupts, agents
    Lane writers[2]         # WriteOp: rx_write, tx_writeback
    int32_t writer_turn
    Bits requesting         # functions with a requesting vector outside its interval
    int32_t last_vector
    Lane runnable           # int32: agents
    # books
    int64_t* latency
    int64_t line_clock[NUM_LINES][NUM_CAUSES]
    int32_t line_cause[NUM_LINES]
    int64_t line_since[NUM_LINES]
    Lane interrupts         # Interrupt
    Lane news               # News
    int64_t dma_serial
    char scrap[256]         # where a push lands when memory has run out
