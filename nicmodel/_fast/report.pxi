"""Results and upcalls as Python sees them: copies, made between two instants."""

import numpy as np

from nicmodel.sim.plane import Upcall, UpcallKind
from nicmodel.sim.results import FUNCTION_DTYPE, INTERRUPT_DTYPE, LINK_DTYPE, ROW_DTYPE

KINDS = tuple(UpcallKind)
if ROW_DTYPE.itemsize != sizeof(Record):
    raise ModelBug("Record is not ROW_DTYPE")
for size in (sizeof(Row), sizeof(Rowless), sizeof(Tlp), sizeof(Ring), sizeof(Function), sizeof(RowBook), sizeof(TlpBook),
             sizeof(RecordLines), sizeof(Group), sizeof(Flow), sizeof(Sums)):
    if size % LINE_BYTES:
        raise ModelBug("a struct of the hot arrays is not made of whole cache lines")
if sizeof(RareBook) > SCRAP_BYTES or sizeof(Offer) > SCRAP_BYTES:
    raise ModelBug("what lands in scrap has no room there")


cdef tuple by_serial(object rows, object waits):
    """Nearly in order they are, as they have ended. Without books no row has waits."""
    order = np.argsort(rows["serial"], kind="stable")
    return rows[order], waits[order] if len(waits) else waits


cdef tuple copy_done(Nic* nic):
    """Records of rows that are done and have not been taken, as they ended, and their waits."""
    rows = np.zeros(nic.num_done, ROW_DTYPE)
    cdef uint8_t[::1] out
    if nic.num_done:
        out = rows.view(np.uint8)
        memcpy(&out[0], nic.done, <size_t>nic.num_done * sizeof(Record))
    return rows, copy_sums(nic.ledger.done_waits, (nic.num_done if nic.books else 0, NUM_WAITS))


cdef tuple copy_rows(Nic* nic):
    """Recorded rows by serial, and their waits. What a row is, as against when, is recorded when it is done; here of those
    that are not."""
    cdef int32_t each
    cdef list live = [each for each in range(nic.num_rows if nic.record_rows else 0) if nic.rows[each].held]
    cdef int64_t count = len(live), at = 0
    rows = np.zeros(count, ROW_DTYPE)
    waits = np.zeros((count if nic.books else 0, NUM_WAITS), np.int64)
    cdef uint8_t[::1] out
    cdef int64_t[:, ::1] waited = waits
    if count:
        out = rows.view(np.uint8)
        for each in live:
            record_row(nic, &nic.rows[each])
            memcpy(&out[at * <int64_t>sizeof(Record)], record_of(nic, each), sizeof(Record))
            if nic.books:
                memcpy(&waited[at, 0], recorded_waits(nic, each), NUM_WAITS * sizeof(int64_t))
            at += 1
    done, done_waits = copy_done(nic)
    return by_serial(np.concatenate((done, rows)), np.concatenate((done_waits, waits)))


cdef tuple take_done(Nic* nic):
    """Rows that are done, by serial, and their waits; they are forgotten here."""
    done, waits = copy_done(nic)
    nic.num_done = 0
    return by_serial(done, waits)


cdef object copy_functions(Nic* nic):
    table = np.zeros((nic.num_functions, NUM_COUNTERS), np.int64)
    inside = np.zeros((nic.num_functions, 2), np.int64)
    cdef int64_t[:, ::1] counters = table
    cdef int64_t[:, ::1] frames = inside
    cdef int32_t each
    cdef int which
    for each in range(nic.num_functions):
        for which in range(NUM_COUNTERS):
            counters[each, which] = counter_of(nic, each, which)[0]
        for which in range(2):
            frames[each, which] = inside_of(nic, each, which)[0]
    return table.view(FUNCTION_DTYPE).reshape(nic.num_functions), inside


cdef object copy_lines(Nic* nic):
    """Cause clocks up to the time that has been run to, the running cause of each line included."""
    clocks = np.zeros((NUM_LINES, NUM_CAUSES), np.int64)
    cdef int64_t[:, ::1] out = clocks
    cdef int line, cause
    for line in range(NUM_LINES):
        for cause in range(NUM_CAUSES):
            out[line, cause] = nic.line_clock[line][cause]
        if nic.line_cause[line] != CAUSE_NONE:
            out[line, nic.line_cause[line]] += max(0, nic.horizon - nic.line_since[line])
    out[LINE_INGRESS, CAUSE_SERVER] -= parser_overshoot(nic, nic.horizon)
    out[LINE_WALK_QUEUE, CAUSE_SERVER] -= wait_to_come(nic, nic.horizon)
    return clocks


cdef int64_t busy_so_far(Nic* nic, int64_t busy_ticks, int64_t free):
    """A transfer under way has been busy up to the horizon only."""
    return busy_ticks - max(0, free - ticks(nic.horizon))


cdef tuple way_books(Nic* nic, Direction* way):
    cdef int64_t ended = way.ended if way.free == way.stalled else way.free      # a retrain is not busy time
    return (way.tlps, way.tlp_bytes, way.dllp_bytes, way.skp_bytes, busy_so_far(nic, way.busy_ticks, ended))


cdef tuple wire_books(Nic* nic, int way, int64_t free):
    return nic.wire_books[way][0], nic.wire_books[way][1], 0, 0, busy_so_far(nic, nic.wire_books[way][2], free)


cdef object copy_links(Nic* nic):
    return np.array([way_books(nic, &nic.up), way_books(nic, &nic.down), wire_books(nic, WIRE_OUT, nic.wire_free),
                     wire_books(nic, WIRE_IN, nic.rx_counted_free)], LINK_DTYPE)


cdef object copy_interrupts(Nic* nic):
    cdef int64_t count = <int64_t>lane_count(&nic.interrupts), each
    interrupts = np.zeros(count, INTERRUPT_DTYPE)
    cdef uint8_t[::1] out
    if count:
        out = interrupts.view(np.uint8)
        for each in range(count):
            memcpy(&out[each * sizeof(Interrupt)], lane_at(&nic.interrupts, nic.interrupts.head + <uint64_t>each),
                   sizeof(Interrupt))
    return interrupts


cdef object copy_latency(Nic* nic):
    """By function, direction and bin."""
    bins = np.zeros((2, nic.num_functions * LATENCY_BINS), np.int64)
    cdef int64_t[:, ::1] out = bins
    settle_latency(nic)
    memcpy(&out[0, 0], nic.latency, bins.nbytes)
    return np.stack((bins[DIRECTION_TX].reshape(LATENCY_BINS, -1).T, bins[DIRECTION_RX].reshape(-1, LATENCY_BINS)), axis=1)


cdef object copy_received(Nic* nic):
    received = np.zeros(nic.num_rings, np.int64)
    cdef int64_t[::1] out = received
    cdef int32_t each
    for each in range(nic.num_rings):
        out[each] = nic.received[each]
    return received


cdef object copy_ringless(Nic* nic):
    cdef int32_t each
    return np.array([nic.agents[each].ringless for each in range(nic.num_agents)], np.bool_)


cdef void settle_all(Nic* nic) noexcept nogil:
    """What was decided early and lies before now has happened: nobody must see the difference."""
    cdef int64_t before = max(nic.horizon, nic.now + 1)
    settle_arrivals(nic, before)
    count_offers(nic, before)
    settle_ready(nic, before)
    settle_wire(nic, before)
    send_overdue(nic, &nic.up, before, before - 1)
    send_overdue(nic, &nic.down, before, before - 1)
    if not lane_empty(&nic.tx_wire):
        count_wait(nic, nic.horizon)
    settle_books(nic, before)
    if nic.record_rows:
        make_all_rows(nic)
    if nic.touched:                     # by a frame that has left since the last edge
        nic.at_edge |= nic.touched
        nic.touched = 0
        wake_core(nic, edge_from(nic, before))


cdef void settle_job(void* nic, int64_t _a, int64_t _b) noexcept nogil:
    settle_all(<Nic*>nic)


cdef dict results(Nic* nic):
    """Everything counted and recorded; the door has settled."""
    functions, inside = copy_functions(nic)
    rows, row_waits = copy_rows(nic)
    return {"functions": functions, "latency": copy_latency(nic), "links": copy_links(nic),
            "lines": copy_lines(nic), "inside": inside, "rows": rows, "row_waits": row_waits,
            "interrupts": copy_interrupts(nic), "received": copy_received(nic), "ringless": copy_ringless(nic), **copy_books(nic)}


cdef list take_upcalls(Nic* nic, dict unanswered, dict mmio_reads):
    """The upcalls of the last instants; reads that now wait for an answer are noted."""
    cdef list upcalls = []
    cdef uint64_t position
    cdef QueuedUpcall* upcall
    cdef int each
    for position in range(nic.upcalls.head, nic.upcalls.tail):
        upcall = <QueuedUpcall*>lane_at(&nic.upcalls, position)
        data = None
        if upcall.data != NULL:
            data = PyBytes_FromStringAndSize(<char*>upcall.data, upcall.nbytes)
            buffer_return(nic, upcall.data, upcall.data_class)
        elif upcall.kind == UPCALL_DMA_READ:
            unanswered[upcall.args[0]] = -1 - upcall.nbytes
        elif upcall.kind == UPCALL_REG_READ:
            mmio_reads[upcall.args[3]] = upcall.args[0]
        args = [upcall.args[each] for each in range(upcall.num_args)]
        if UPCALL_DMA_READ <= upcall.kind <= UPCALL_FAULT:
            args[2] = <uint64_t>upcall.args[2]        # an address
        upcalls.append(tuple.__new__(Upcall, (upcall.time, KINDS[upcall.kind], tuple(args), data)))      # as Upcall(...) does
    lane_clear(&nic.upcalls)
    return upcalls
