"""What the compiled plane remembers of PCIe, as C structs: TLPs, the link, tags, the root complex and its IOMMU.

TLPs are named by index, as rows and rings are (`parts`).
"""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from nicmodel._fast.containers cimport Bits, Lane

cdef enum:
    TLP_RX_PAYLOAD = 0
    TLP_RX_WRITEBACK
    TLP_TX_WRITEBACK
    TLP_MESSAGE
    TLP_ORPHAN          # a started write of a revoked ring: bytes only
    TLP_READ            # ref: row of a payload
    TLP_COMPLETION      # a read on its way back
    TLP_ANSWER          # ref: MMIO read id
    TLP_REGISTER_WRITE
    TLP_REGISTER_READ   # ref: MMIO read id
    UPDATE_P            # a DLLP in flight
    UPDATE_NP
    UPDATE_C

cdef struct Tlp:
    # One transaction from the block that asks to the block that resumes, in a slot of `tlps`; lanes pass its index.
    # A read keeps its slot until its last completion has arrived. 64 bytes.
    uint64_t age            # in its direction
    int64_t ready           # when it was queued | with `books`, a request: when it was asked for
    uint64_t address        # of a completion: of what is left
    int64_t value           # register value | first row of a Tx write-back | orphan's bytes | read: bytes left | a clock
    int32_t nbytes          # of payload, or asked for
    int32_t ref             # row | vector | MMIO read id | next free slot
    int32_t ring            # index in `rings`, or -1
    int32_t offset          # in its operation | register offset
    uint32_t epoch          # of its ring
    int32_t domain
    uint16_t function
    uint16_t wire_bytes     # of a completion: found as it leaves
    uint8_t kind
    uint8_t last            # of its operation
    uint8_t klass           # read: CLASS_ | register access: BAR | orphan: size class of its bytes
    uint8_t mapped          # with an IOMMU: its page has been found

cdef struct Side:
    # What else is to be known of a TLP, by those rules that ask for it.
    int64_t not_before      # read at the root: the commit that it waits for
    int32_t next            # in a list: requests that ask for a tag | posted TLPs of a function | TLPs of a scope
    int32_t next_in_walk
    uint8_t at_root         # posted: it has started and is not visible yet
    uint8_t in_scope
    uint8_t translated
    uint8_t settled         # write: its commit is set; read: all writes before it have theirs
    uint8_t relaxed
    uint8_t shift           # of its page

cdef struct Scope:
    # TLPs at the root that are ordered among each other, in order of arrival up to the last that is not settled.
    int32_t head
    int32_t tail
    int64_t latest          # commit set so far

cdef struct Page:
    # An entry of the IOTLB.
    uint64_t page
    uint64_t space          # domain and page shift
    uint32_t hashed
    int32_t next_of_hash
    int32_t older
    int32_t newer

cdef struct Walk:
    uint64_t page
    uint64_t space
    uint32_t hashed
    int32_t next_of_hash
    int32_t next            # in its queue | next free slot
    int32_t function        # of its first TLP
    int32_t first           # TLPs that wait for it
    int32_t last
    int32_t mapped
    int32_t sample          # `books`

cdef struct WalkQueue:
    int32_t head
    int32_t tail

cdef struct Translation:
    # Of a TLP.
    int64_t time
    uint64_t serial         # of its arrival

cdef struct PlannedWalk:
    uint64_t page
    uint64_t space
    int64_t arrives         # its first TLP
    int64_t done
    uint64_t next_of_hash   # behind its position in `planned`
    uint32_t hashed
    int32_t mapped
    int32_t function        # of its first TLP
    int32_t sample          # `books`

cdef struct Sampling:
    # A read that will sample memory | a TLP that will be blocked.
    int64_t time
    Translation freed       # the translation that sets it free, its own or that of a write before it
    uint64_t address
    int32_t index           # of the TLP | its function

cdef struct Iommu:
    int32_t plans           # what becomes of a TLP is known when it starts: `walks`
    Lane planned            # PlannedWalk
    uint64_t going          # the first of them that is not done when a TLP arrives
    int64_t next_done       # when it will be, or NEVER
    uint64_t begun          # `books`: walks before this one have
    uint64_t sampled        # and the next that notes what has been served when it enters its line
    uint64_t* planned_heads     # by hash: a position in `planned`, plus 1
    int64_t* free_at        # when each walker has done what it was given
    int32_t num_walkers
    int32_t next_walker     # who is free first
    int64_t waited          # up to here it is known whether a walk waits
    uint64_t arrivals
    Translation settled     # the latest of all writes so far
    Lane reads              # Sampling
    Lane looking            # Timed: those of them that look at something
    int64_t answer_slack    # how long after its time any other may be answered
    Lane blocked            # Sampling
    # as it happens
    Page* pages
    int32_t entries         # 0: no IOMMU
    int32_t used
    int32_t oldest
    int32_t newest
    int32_t* page_heads     # by hash
    uint64_t page_mask
    Walk* walks
    int32_t num_walks
    int32_t free_walk
    int32_t* walk_heads     # by hash
    uint64_t walk_mask
    int32_t queued
    int32_t by_turns        # a queue each function, else one for all
    int32_t last_function
    WalkQueue* queues
    Bits waiting            # queues that are not empty
    Bits idle               # walkers
    int32_t* working        # walk of each walker
    Lane walking            # Timed: walkers that work, as they end; those of one time by number, for so they began
    int64_t walk_ps

cdef struct Asking:
    # Requests of one class and function that have no tag.
    int32_t head
    int32_t tail
    int32_t listed          # `oldest`: it is among the candidates

cdef struct Direction:
    int64_t free            # ticks
    int64_t byte_ticks      # what a byte takes
    int64_t next_due        # the earliest of the six below, and of c_due and c_idle: DLLPs that this end owes its partner
    int64_t skp_due
    int64_t ack_due
    int64_t p_due           # of the first unreported release
    int64_t p_idle          # of the periodic report
    int64_t np_due
    int64_t np_idle
    uint64_t age
    int32_t arbiter
    int32_t wake            # its slot of `when`
    int32_t line            # LINE_ of its posted line; non-posted and completion follow
    int32_t end_rank
    int32_t blamed          # `three_causes` of its lines; 0: all are empty
    int32_t flying          # slot of the TLP in flight
    uint8_t flying_kind     # its TLP_, or UPDATE_
    uint8_t flying_last     # the last completion of its read
    uint8_t reports_p       # the pool that this end grants is finite
    uint8_t reports_np
    int64_t ph              # credits the sender holds; of infinite ones more than it can spend
    int64_t pd
    int64_t nph
    int32_t waiting         # TLPs in the three lines
    int32_t starved         # one of them waits for credits, which the other direction brings
    int32_t wants           # `books`: of some credits those that are left are spoken for
    int32_t rules           # what goes first is decided by more than age, or completions need credits
    Lane posted             # slots of TLPs
    Lane nonposted
    Lane completion
    int64_t last_end        # when its last TLP has arrived, or will have
    # Released by this end and not reported; releases to come are known as soon as a transfer has started.
    int64_t owed_ph
    int64_t owed_pd
    int64_t owed_nph
    Lane p_releases         # Timed: data credits, with a header each
    Lane np_releases        # Timed
    int64_t update_headers  # what the UpdateFC in flight carries
    int64_t update_data
    int64_t ack_for         # when the first TLP arrives that is not covered
    int64_t p_first         # when the first credits are released that are not reported
    int64_t np_first
    # options
    int64_t c_first
    int64_t c_due
    int64_t c_idle
    int64_t owed_ch
    int64_t owed_cd
    Lane c_releases         # Timed
    int32_t reports_c
    int64_t ch              # completion credits that the sender holds
    int64_t cd
    int32_t by_turns        # lines go in turns
    int32_t turn            # the line that is asked first
    int32_t* first_posted   # with IDO: by function, its oldest waiting posted TLP, or -1; the next is in `sides`
    int32_t* last_posted
    int64_t share           # of the link's byte time, of WHOLE_SHARE
    int64_t stalled         # `free` as the last retrain set it
    int64_t ended           # and as it was before
    int64_t most_ph         # credits that the sender was given at first
    int64_t most_pd
    int64_t most_nph
    int64_t most_ch
    int64_t most_cd
    # books
    int64_t tlps
    int64_t tlp_bytes
    int64_t dllp_bytes
    int64_t skp_bytes
    int64_t busy_ticks

cdef enum:
    CLASS_RX_DESCRIPTOR = 0
    CLASS_TX_DESCRIPTOR = 1
    CLASS_PAYLOAD = 2

cdef struct WriteOp:
    # One operation of a writer: an Rx frame and its descriptor, or a Tx write-back span.
    uint64_t address
    uint64_t position       # Tx: first row of the span, in Ring.rows
    int32_t ring
    int32_t row             # Rx
    int32_t nbytes
    int32_t done
    int32_t descriptor      # Rx: the payload is out, the descriptor is next
