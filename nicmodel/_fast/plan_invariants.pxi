"""What must hold of plans: starts on the way up, walks, reads that will sample memory. Looked at in a checked build only."""

cdef void audit_starts(Nic* nic, uint8_t* marks) noexcept nogil:
    """Planned starts follow each other, nothing waits beside them, and somebody looks at them in time."""
    cdef uint64_t position
    cdef int64_t end = (nic.now - 1) << 10
    cdef Timed* start
    check(nic, nic.begun == next_begun(nic) and nic.begun > nic.now, HOLDS_STARTS, nic.begun)
    if lane_empty(&nic.starts):
        return
    check(nic, nic.up.waiting == 0, HOLDS_STARTS, nic.up.waiting)
    check(nic, nic.when[WAKE_UP] <= next_look(nic), HOLDS_STARTS, nic.when[WAKE_UP])
    for position in range(nic.starts.head, nic.starts.tail):
        start = <Timed*>lane_at(&nic.starts, position)
        check(nic, 0 <= start.index < nic.num_tlps and not marks[start.index] & FREE, HOLDS_LINES, start.index)
        check(nic, start.time >= end, HOLDS_STARTS, start.time)
        end = start.time + nic.tlps[start.index].wire_bytes * nic.pcie_ticks
    check(nic, nic.up.free == end, HOLDS_STARTS, nic.up.free)


cdef void audit_plans(Nic* nic, uint8_t* marks) noexcept nogil:
    """Walks that are foreseen, and reads that will sample."""
    cdef Iommu* iommu = &nic.iommu
    cdef Sampling* item
    cdef Sampling* before = NULL
    cdef uint64_t position
    check(nic, iommu.planned.head <= iommu.going <= iommu.planned.tail, HOLDS_PLANS, <int64_t>iommu.going)
    check(nic, not nic.books or iommu.planned.head <= iommu.begun, HOLDS_PLANS, <int64_t>iommu.begun)
    if iommu.entries:
        check(nic, iommu.next_done == (planned_at(iommu, iommu.going).done if iommu.going < iommu.planned.tail else NEVER),
              HOLDS_PLANS, iommu.next_done)
    for position in range(iommu.planned.head + 1, iommu.planned.tail):
        check(nic, planned_at(iommu, position).done > planned_at(iommu, position - 1).done, HOLDS_PLANS,
              planned_at(iommu, position).done)
    for position in range(iommu.reads.head, iommu.reads.tail):
        item = <Sampling*>lane_at(&iommu.reads, position)
        check(nic, item.time > nic.now and (before == NULL or before.time <= item.time), HOLDS_PLANS, item.time)
        check(nic, 0 <= item.index < nic.num_tlps and not marks[item.index] & FREE, HOLDS_LINES, item.index)
        before = item
