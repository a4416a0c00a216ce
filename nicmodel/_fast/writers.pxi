"""WRITERS: one TLP per edge enters the posted line, the two kinds of writes in turns (`docs/time.md`, 6), or received
frames first, or one TLP every few edges.

Writes are cut at multiples of MPS (and so at pages). The last TLP of a write-back lets the ring's vector
request: its message then follows the data it announces.
"""

cdef enum:
    RX_WRITE = 0
    TX_WRITEBACK = 1


cdef inline void write_frame(Nic* nic, int32_t ring, int32_t row, uint64_t address) noexcept nogil:
    """A received frame has its descriptor: payload first, to its buffer, then the write-back over the descriptor."""
    cdef WriteOp* op = <WriteOp*>lane_push(nic, &nic.writers[RX_WRITE])
    op.ring = ring
    op.row = row
    op.address = address
    op.nbytes = nic.rows[row].nbytes
    op.done = 0
    op.descriptor = 0
    touch(nic, WRITERS)


cdef void write_span(Nic* nic, int32_t ring, uint64_t position, int32_t count) noexcept nogil:
    """A write-back span is full: `count` descriptors from row `position` of the ring on."""
    cdef WriteOp* op = <WriteOp*>lane_push(nic, &nic.writers[TX_WRITEBACK])
    op.ring = ring
    op.row = -1
    op.position = position
    op.address = nic.rings[ring].base + <uint64_t>nic.rings[ring].span_slot * DESCRIPTOR_BYTES
    op.nbytes = count * DESCRIPTOR_BYTES
    op.done = 0
    op.descriptor = 1
    touch(nic, WRITERS)


cdef inline bint move_tlp(Nic* nic, WriteOp* op, int kind) noexcept nogil:
    """The next TLP of an operation goes to the posted line; is it the last of payload or write-back?"""
    cdef Ring* ring = &nic.rings[op.ring]
    cdef uint64_t address = op.address + op.done
    cdef int32_t left = op.nbytes - op.done
    cdef int32_t nbytes = nic.mps - <int32_t>(address & (nic.mps - 1))
    cdef int32_t index = tlp_new(nic, kind)
    cdef Tlp* tlp = &nic.tlps[index]
    if nbytes > left:
        nbytes = left
    if nic.books:
        leave_writers(nic, op, kind)
    tlp.ring = op.ring
    tlp.epoch = ring.epoch
    tlp.function = <uint16_t>ring.function
    tlp.domain = ring.domain
    tlp.ref = op.row
    tlp.address = address
    tlp.nbytes = nbytes
    tlp.offset = op.done
    tlp.value = <int64_t>(op.position + <uint64_t>(op.done // DESCRIPTOR_BYTES))
    tlp.wire_bytes = <uint16_t>memory_tlp_bytes(nic, address, nbytes)
    op.done += nbytes
    tlp.last = op.done == op.nbytes
    queue_posted(nic, &nic.up, index)
    return tlp.last


cdef void compose_writeback(Nic* nic, Tlp* tlp, uint8_t* into) noexcept nogil:
    """What a write-back TLP writes. Rx: DD, EOP, whether it was looped back, the length. Tx: DD where reported."""
    cdef Ring* ring = &nic.rings[tlp.ring]
    cdef Row* row
    cdef int32_t each
    memset(into, 0, tlp.nbytes)
    if tlp.kind == TLP_RX_WRITEBACK:
        row = &nic.rows[tlp.ref]
        put32(into + 8, RX_DD | RX_EOP | (RX_LB if row.kind == KIND_LOOPBACK else 0))
        put32(into + 12, row.nbytes & 0xFFFF)
        return
    for each in range(tlp.nbytes // DESCRIPTOR_BYTES):
        if asks_report(ring, <uint64_t>tlp.value + <uint64_t>each):
            into[each * DESCRIPTOR_BYTES + TX_DD_AT] = TX_DD


cdef inline void decide_writers(Nic* nic) noexcept nogil:
    cdef int turn = nic.writer_turn, kind = TLP_TX_WRITEBACK
    cdef WriteOp* op
    cdef Ring* ring
    if unlikely(nic.writer_rules):
        if nic.now < nic.next_move:
            touch(nic, WRITERS)
            return
        if nic.rx_writes_first:
            turn = RX_WRITE
        if not (lane_empty(&nic.writers[RX_WRITE]) and lane_empty(&nic.writers[TX_WRITEBACK])):
            nic.next_move = nic.now + nic.write_interval
    if lane_empty(&nic.writers[turn]):
        turn = 1 - turn
        if unlikely(lane_empty(&nic.writers[turn])):
            return
    nic.writer_turn = 1 - turn
    op = <WriteOp*>lane_front(&nic.writers[turn])
    ring = &nic.rings[op.ring]
    concerns(nic, ring.function)
    if turn == RX_WRITE:
        kind = TLP_RX_WRITEBACK if op.descriptor else TLP_RX_PAYLOAD
    if not move_tlp(nic, op, kind):
        pass                            # the operation goes on with its next piece
    elif kind == TLP_RX_PAYLOAD:
        op.descriptor = 1
        op.address = ring.base + <uint64_t>nic.rows[op.row].slot * DESCRIPTOR_BYTES
        op.nbytes = DESCRIPTOR_BYTES
        op.done = 0
    else:
        lane_pop(&nic.writers[turn])
        request_vector(nic, ring.vector)
    if not (lane_empty(&nic.writers[RX_WRITE]) and lane_empty(&nic.writers[TX_WRITEBACK])):
        touch(nic, WRITERS)
