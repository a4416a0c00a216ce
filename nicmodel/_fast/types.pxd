"""The whole plane as one C struct: every room is handed a `Nic*` and nothing else."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from nicmodel._fast.containers cimport Bits, Lane, Lines, Map, Timers
from nicmodel._fast.facts cimport MSIX, NUM_CAUSES, NUM_LINES, NUM_RANKS, RANK_DLLP, WRITERS
from nicmodel._fast.ledger cimport Ledger
from nicmodel._fast.parts cimport (
    Agent, Arena, Call, Connection, Core, Filter, Flow, Function, Offer, Record, RecordLines, Ring, Row, Shaper, Spread, Vector,
    VectorBits,
)
from nicmodel._fast.pcie cimport Asking, Direction, Iommu, Scope, Side, Tlp

cdef enum:
    # Slots of `due` at which an arbiter is touched and nothing is committed, in place of the last ranks. WALK_DONE
    # shares the slot of MEM_READ, the rank before it.
    WAKE_UP = RANK_DLLP
    WAKE_DOWN
    WAKE_DECIDE         # the next edge with something to decide, or the next ps
    NUM_SLOTS
    SLOT_BITS = 5       # of a key of `due`
    SCRAP_BYTES = 256
    EDGE_SHIFT = 40     # `per_core` is a reciprocal with so many binary places
    TAGS_TO_UPSTREAM = 1 << WRITERS | 1 << MSIX     # who decides between those two, and may have a TLP for the way up
    NOBODY = 31         # touched in place of an arbiter
    NUM_CLASSES = 24    # sizes of byte buffers: 1 << class
    BINS_AHEAD = 4      # received frames whose bins of latency are on their way into the cache; a power of two

cdef struct Nic:
    # instants
    int64_t now
    int64_t edge            # first core edge >= now
    int64_t horizon         # every instant before it has run
    int64_t due[NUM_SLOTS]  # next event of every rank, next wake of every arbiter that wakes by itself: a `due_key`
    int64_t link_due        # the least of them, in groups: READ_DONE, DOWN_END, WAKE_UP, WAKE_DOWN
    int64_t port_due        # UP_END, RX_PIPE, WIRE_TX_END, WAKE_DECIDE
    int64_t host_due        # MEM_COMMIT, MEM_READ, AGENT_WAKE, AGENT_DONE
    int64_t other_due       # all others
    uint32_t touched        # arbiters
    uint32_t at_edge        # arbiters that were touched and decide at the next edge
    int64_t limit           # what is due before this key runs; 0: an upcall or a fault, the run ends after this instant
    int32_t fault
    int32_t fault_place
    int64_t fault_value
    int32_t fault_told      # it has been raised
    void* escape            # out of the loop; NULL: the door has called
    int32_t at_stage        # what is being done: a rank, or behind them an arbiter; -1: not known
    int32_t at_function     # to whom, or -1
    int64_t at_packet       # serial of its row, or -1
    Timers timers[NUM_RANKS]
    # configuration
    int64_t core
    int64_t far             # further than this, the next edge is found by division
    uint64_t per_core       # 2^40 / core, rounded up
    int64_t wire_ticks
    int64_t ack
    int64_t fc
    int64_t skp
    int64_t skp_bytes
    int32_t mps
    int32_t mrrs
    int32_t rcb
    int32_t split_rcb
    int32_t framing         # of a TLP, its digest included
    int64_t read_latency
    int64_t read_jitter
    int64_t write_latency
    int64_t register_interval
    int64_t register_latency
    int64_t tx_pipe
    int64_t rx_pipe
    int32_t tx_cache
    int32_t tx_few          # a ring with fewer descriptors on chip may fetch
    int32_t rx_cache
    int32_t rx_few
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
    int32_t checked_functions       # with anti-spoofing
    Map hot
    Filter* filters
    int32_t num_filters
    Map filter_first        # MAC to its lowest valid slot
    # things
    Function* functions
    Lines function_memory
    int64_t* counters       # by counter, then by function
    int64_t* inside         # frames; by direction, then by function
    VectorBits* vector_bits     # by function
    Vector* vectors             # by vector, then by function: they use the same few
    Ring* rings
    Lines ring_memory
    Lane* doorbells         # Doorbell, by Tx ring: those of which a descriptor has not been fetched
    Arena* arenas
    int32_t num_arenas
    int32_t message_domains     # has there been any?
    Flow* flows
    Lines flow_memory
    int32_t num_flows
    Agent* agents
    int32_t num_agents
    Row* rows
    Lines row_memory
    int32_t num_rows
    int32_t room_rows
    Lane free_rows          # int32: a stack, for the last one freed is in the cache
    int64_t row_serial
    RecordLines* records    # of rows that are not done, slot by slot; aligned, within `record_memory`
    Lines record_memory
    Record* done            # of the others, as they ended
    int64_t num_done
    int64_t room_done
    Tlp* tlps
    Lines tlp_memory
    Side* sides             # what else is to be known of TLPs, slot by slot, by those rules that ask for more
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
    Lane loud_commits       # those of them that need their event
    Lane mem_reads
    Lane read_dones         # Timed, sorted: slots of TLPs; there are no more than tags
    Lane accesses           # slots of TLPs
    Lane register_pipe      # Timed: slots of TLPs
    int64_t port_free
    int64_t port_wake
    # tags
    Lane asking[3]          # slots of TLPs
    int32_t tag_turn
    int32_t tags_blamed     # `three_causes`; 0: all are empty
    int64_t tags_free
    int64_t read_buffer_free
    # Tx
    Bits tx_fetchable       # rings
    Bits tx_waiting         # functions
    int32_t last_tx_fetch   # matters from the second fetch on: at first one ring alone may, for tails are written one an edge
    int32_t last_function
    int64_t tx_room
    Bits tx_begun           # functions with a ring whose frame has begun
    int64_t tx_least        # no frame that has not begun needs less room than this
    Lane tx_ready           # Timed: rows, with the edge at which each leaves
    int64_t ready_last      # edge of the last of them
    Lane tx_reports         # Timed: of those, edges at which something may have to be done
    int64_t reorder_wake    # the first of these
    Lane tx_pipe_lane       # Timed: rows on their way to a switch that may turn them around
    Lane tx_wire            # Timed: rows, with the time at which each has passed the switch or will have
    int64_t pause_until
    int64_t pause_from      # the wire has been empty since, and nothing starts before `pause_until`
    int64_t wire_free
    int32_t wire_row        # flying
    int64_t wire_start      # when the head of `tx_wire` starts, if nothing comes between; NEVER: nothing is planned
    int64_t wire_end        # when it, or the frame on the wire, ends
    int64_t wire_mark       # up to here its line's clock is right
    # Rx
    Bits rx_fetchable
    int32_t last_rx_fetch
    int64_t rx_room
    Lane rx_rooms_back      # RoomBack, in order of time
    Lane rx_wire            # Offer
    int64_t wire_rx_free    # after the last of them
    uint64_t rx_counted     # the first whose start has not been counted
    int64_t rx_counted_free  # the wire, after the last one counted
    int32_t ahead           # the wire has the parser for itself: its frames need an event only when they are steered
    int64_t ingress_last    # last edge at which a frame entered the parser
    int64_t ingress_ahead   # how many have been told their edge since `ahead`
    Lane ingress[2]         # int32: rows of `wire` and `loopback`
    int32_t ingress_turn
    int32_t spreading       # functions that have an indirection table
    Lane rx_pipe_lane       # Timed: rows
    Spread* spreads         # by function
    uint64_t spread_serial  # of the last change of a key or of types
    Connection* connections
    int32_t num_connections
    int32_t room_connections
    int64_t* received       # by Rx ring: frames delivered
    int64_t wire_books[2][3]    # Tx, Rx: frames, bytes, busy ticks
    # writers, interrupts, agents
    Lane writers[2]         # WriteOp: rx_write, tx_writeback
    int32_t writer_turn
    Bits requesting         # functions with a requesting vector outside its interval
    int32_t last_vector
    Lane runnable           # int32: agents
    # books
    int64_t* latency        # Tx: bin, function; Rx: function, bin; one of nobody's
    int64_t* latency_next[BINS_AHEAD]   # bins of the last received frames, not yet counted; at first nobody's
    uint32_t latency_turn   # the oldest of these
    int64_t line_clock[NUM_LINES][NUM_CAUSES]
    int32_t line_cause[NUM_LINES]
    int64_t line_since[NUM_LINES]
    Lane interrupts         # Interrupt
    Lane upcalls            # QueuedUpcall
    int64_t dma_serial
    # options of link and host: what is rare, or off by default
    int32_t relaxed         # payload is marked RO
    int32_t ido             # everything is marked IDO
    int32_t interleaved     # reads that are being answered take turns
    int32_t root_rules      # what becomes of a TLP at the root complex is known when it is there, not when it starts
    int32_t draws           # the latency of reads has parts that are drawn: DRAWS_
    int64_t dram
    int64_t dram_share
    int64_t tail
    int64_t tail_share
    Scope* scopes
    Iommu iommu
    int32_t tag_rules       # TAGS decides by more than the order of asking
    int32_t tag_lists       # requests wait by function: in `asking_of`, and in `asking` only their number
    int32_t tag_functions
    int32_t descriptors_first
    int32_t tag_cap
    int32_t tag_reserve
    int64_t read_interval
    int64_t next_grant
    uint64_t asked          # requests so far
    int32_t* tags_held      # by function
    Asking* asking_of       # by class and function
    Timers candidates[3]    # `oldest`: functions below the cap, by their oldest request
    Bits below_cap[3]       # `round_robin`: functions that ask and are below the cap
    int32_t candidate[3]    # requests that go next, or -1
    int32_t unknown         # classes of which the candidate is to be found anew
    int32_t last_asking[3]
    int32_t fetch_fewest
    Bits tx_levels          # numbers of descriptors on chip of which there is a ring that may fetch
    Bits rx_levels
    Bits* tx_of_level       # those rings
    Bits* rx_of_level
    int32_t writer_rules    # one of the next two is not its default
    int32_t rx_writes_first
    int64_t write_interval  # 0: a TLP at every edge
    int64_t next_move
    Core* cores
    int32_t num_cores
    Lane free_cores         # int32: shared cores that may have a pass to start
    int64_t core_switch
    Shaper* shapers         # by function
    int32_t shaping         # some function has been given a byte time
    int64_t pause_end       # of the partner's PAUSE; `pause_until` is NEVER while the wire is down
    int64_t wire_since      # the last change of its byte time: no frame that had not started before starts earlier
    # what pools hold in all, and a checked build's marks
    int64_t tags
    int64_t read_buffer
    int64_t tx_buffer
    int64_t rx_buffer
    uint64_t audits
    uint8_t* marks
    int32_t books           # keep them; everything of theirs is in the ledger
    Ledger ledger
    char scrap[SCRAP_BYTES]     # where a push lands when memory has run out
