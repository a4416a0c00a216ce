"""The door between Python and the compiled plane: calls are checked here, results copied out.

Exceptions are raised here and in `run_until`, nowhere below. The loop itself is `nicmodel._fastpath`.
"""

import numpy as np

from nicmodel.sim.limits import (
    BAR_BYTES, BARS, MOST_VALUE, check_access, check_agent, check_agent_number, check_arena, check_config, check_frame,
    check_function, check_ring, check_ring_config, check_run, check_settled, check_stamp, check_value, check_words, whole_bytes,
)
from nicmodel.sim.plane import TABLES

TABLE_KINDS = {name: kind for kind, name in enumerate(TABLES)}


cdef class Door:
    """All of `DataPlane` but the loop."""

    cdef Nic* nic
    cdef object config
    cdef dict memories          # domain -> numpy array, kept alive
    cdef dict unanswered        # DMA read id -> request
    cdef dict mmio_reads        # id that Python may answer -> function that is read
    cdef dict shared_cores      # number of a CPU core -> core
    cdef dict connections       # of injected frames: bytes -> its place
    cdef int64_t mmio_serial

    def __cinit__(self, config):
        self.memories = {}
        self.unanswered = {}
        self.mmio_reads = {}
        self.shared_cores = {}
        self.connections = {}
        check_config(config)
        self.config = config
        self.nic = nic_new(config)

    def __dealloc__(self):
        nic_free(self.nic)

    @property
    def now(self):
        """The last executed instant; -1 before the first."""
        return self.nic.now

    cdef int go_on(self) except -1:
        """Raise the fault that has stopped the plane; later only say that it has stopped."""
        if self.nic.fault == NO_FAULT:
            return 0
        if self.nic.fault_told:
            raise ModelBug(f"this plane has stopped for good at {self.nic.now} ps, its fault was raised then: only its "
                           "results can be read")
        self.nic.fault_told = 1
        self.nic.horizon = max(self.nic.horizon, self.nic.now)
        raise fault_of(self.nic)

    cdef int settle(self) except -1:
        """What was decided early and has happened is in the results; a plane that has stopped stays as it is."""
        if self.nic.fault == NO_FAULT:
            guard(&self.nic.escape, settle_job, self.nic, 0, 0)
            self.go_on()
        return 0

    def damage(self, int place):
        """Break an invariant in a checked build, so that its tests see it noticed; False if that is not possible now."""
        if not CHECKED:
            raise ModelBug("only a checked build is damaged on purpose")
        damaged = damage(self.nic, place)
        self.go_on()
        return damaged

    cdef list take_upcalls(self):
        return take_upcalls(self.nic, self.unanswered, self.mmio_reads)

    cdef Call* call(self, int kind, at) except NULL:
        """A call that the caller fills in. Whatever may be wrong with it has been looked at before."""
        cdef Call* call
        self.go_on()
        if not isinstance(at, int) or not self.nic.now < at < NEVER:
            check_stamp(self.nic.now, at)
        call = call_new(self.nic, kind, at)
        self.go_on()
        return call

    cdef int note_bytes(self, Call* call, const uint8_t[::1] data) except -1:
        call.nbytes = <int32_t>data.shape[0]
        call.data = buffer_take(self.nic, call.nbytes, &call.data_class)
        self.go_on()
        if call.nbytes:
            memcpy(call.data, &data[0], call.nbytes)
        return 0

    cdef int32_t ring_index(self, direction, ring) except -1:
        if not isinstance(ring, int) or direction not in (0, 1) or not 0 <= ring < self.nic.num_rings:
            check_ring(self.config, direction, ring)
        return direction * self.nic.num_rings + ring

    cdef int check_access(self, function, bar, offset, value) except -1:
        """Only what is not plainly right is looked at in Python, which has the words."""
        if isinstance(function, int) and isinstance(bar, int) and isinstance(offset, int) and isinstance(value, int):
            if (0 <= function < self.nic.num_functions and 0 <= bar < BARS and 0 <= offset < BAR_BYTES
                    and 0 <= value <= MOST_VALUE):
                return 0
        check_access(self.config, function, bar, offset, value)
        return 0

    # configuration

    def set(self, table, index, words, at):
        """Change an entry of one of `plane.TABLES`."""
        cdef Call* call
        cdef int each
        check_words(self.config, table, index, words)
        words = [int(word) for word in words]
        if table == "hot":
            words = [self.ring_index(words[0], words[1])]
        elif table == "ring_vector":
            index = self.ring_index(index % 2, index // 2)
        elif table == "page_shift":
            self.room_for_domain(index)
        call = self.call(TABLE_KINDS[table], at)
        call.words[0] = index
        for each in range(len(words)):
            call.words[1 + each] = words[each]

    cdef int room_for_domain(self, int domain) except -1:
        """A domain that nobody has attached is an arena without bytes: DMA there is a FAULT. Its number has been looked at."""
        cdef int32_t room = domain + 1
        cdef Arena* arenas
        if room > self.nic.num_arenas:
            arenas = <Arena*>realloc(self.nic.arenas, room * sizeof(Arena))
            if arenas == NULL:
                raise MemoryError("memory has run out")
            memset(arenas + self.nic.num_arenas, 0, (room - self.nic.num_arenas) * sizeof(Arena))
            self.nic.arenas = arenas
            self.nic.num_arenas = room
        return 0

    def attach(self, domain, base, memory):
        """Map a uint8 arena at `base`; None makes it a message domain."""
        cdef uint8_t[::1] view
        check_arena(domain, base, memory)
        self.room_for_domain(domain)
        if self.nic.arenas[domain].base != base or self.memories.get(domain) is not memory:
            check_settled(domain, agent_works_in(self.nic, domain))
        self.memories[domain] = memory
        self.nic.arenas[domain].memory = NULL
        self.nic.arenas[domain].size = 0
        self.nic.arenas[domain].base = base
        self.nic.arenas[domain].messages = memory is None
        self.nic.message_domains |= memory is None
        if memory is not None:
            view = memory
            self.nic.arenas[domain].size = view.shape[0]
            if view.shape[0]:
                self.nic.arenas[domain].memory = <uint8_t*>&view[0]
        hear_commits(self.nic)
        self.go_on()

    def open_ring(self, direction, ring, config, at):
        """A ring opens, empty; an open one is closed first."""
        cdef int32_t index = self.ring_index(direction, ring)
        cdef Call* call
        check_ring_config(self.config, config)
        self.room_for_domain(config.domain)
        call = self.call(CALL_OPEN_RING, at)
        words = (index, config.function, config.base, config.size, config.domain, config.head,
                 config.buffer_bytes, config.vector, config.wthresh)
        for position, word in enumerate(words):
            call.words[position] = word if word < 1 << 63 else word - (1 << 64)

    def close_ring(self, direction, ring, at):
        """Revoke and close a ring."""
        cdef int32_t index = self.ring_index(direction, ring)
        self.call(CALL_CLOSE_RING, at).words[0] = index

    def reset_function(self, function, at):
        """FLR: revoke everything of a function, close its rings."""
        check_function(self.config, function)
        self.call(CALL_RESET_FUNCTION, at).words[0] = function

    def add_flow(self, config):
        """A stream of frames; one that arrives starts by itself."""
        cdef int32_t index = self.nic.num_flows, position
        cdef int64_t first
        cdef Flow* flow
        sizes = [int(size) for size in config.sizes]
        if index & (index - 1) == 0:
            self.nic.flows = <Flow*>lines_grow(self.nic.flows, index * sizeof(Flow), (2 * index + 1) * sizeof(Flow),
                                               &self.nic.flow_memory)
            if self.nic.flow_memory.full:
                raise MemoryError("memory has run out")
        flow = &self.nic.flows[index]
        flow.sizes = <int32_t*>malloc(len(sizes) * sizeof(int32_t))
        if flow.sizes == NULL:
            raise MemoryError("memory has run out")
        flow.num_sizes = <int32_t>len(sizes)
        for position in range(flow.num_sizes):
            flow.sizes[position] = sizes[position]
        try:
            note_connection(self.nic, flow, config.connection)
        except BaseException:
            free(flow.sizes)
            raise
        flow.size = flow.sizes[0]
        flow.destination = with_vlan(config.dst_mac, config.vlan)
        flow.src_mac = config.src_mac
        flow.steered = UNKNOWN
        flow.interval = config.interval_ticks
        flow.start = config.start_ps
        flow.count = config.count
        flow.direction = config.direction
        self.nic.num_flows += 1
        if config.direction == DIRECTION_RX:
            first = nominal_time(self.nic, index, 0)
            if first < NEVER:
                schedule(self.nic, RANK_FLOW, max(first, self.nic.now + 1, self.nic.horizon), index, index, 0)
                self.go_on()
        return index

    def start_agent(self, config, at):
        """A ring agent takes over its rings."""
        cdef int32_t index = self.nic.num_agents
        cdef Agent* agents
        cdef Agent* agent
        cdef int32_t tx_ring, rx_ring
        check_agent(self.config, config, self.nic.num_flows)
        self.go_on()
        check_stamp(self.nic.now, at)           # before it exists
        tx_ring = self.ring_index(DIRECTION_TX, config.tx_ring) if config.tx_ring >= 0 else -1
        rx_ring = self.ring_index(DIRECTION_RX, config.rx_ring) if config.rx_ring >= 0 else -1
        if config.core >= 0 and config.core not in self.shared_cores:
            self.shared_cores[config.core] = core_new(self.nic)
        agents = <Agent*>realloc(self.nic.agents, (index + 1) * sizeof(Agent))
        if agents == NULL:
            raise MemoryError("memory has run out")
        self.nic.agents = agents
        agent = &agents[index]
        memset(agent, 0, sizeof(Agent))
        lane_init(&agent.reports, sizeof(int32_t))
        agent.function = config.function
        agent.tx_ring = tx_ring
        agent.rx_ring = rx_ring
        agent.flow = config.flow
        agent.tx_buffers = config.tx_buffers
        agent.rx_buffers = config.rx_buffers
        agent.tx_stride = config.tx_stride
        agent.rx_stride = config.rx_stride
        agent.vector = config.vector
        agent.irq_latency = config.irq_latency_ps
        agent.irq_cost = config.irq_cost_ps
        agent.pass_cost = config.pass_cost_ps
        agent.tx_packet_cost = config.tx_packet_cost_ps
        agent.rx_packet_cost = config.rx_packet_cost_ps
        agent.tx_batch = config.tx_batch
        agent.rx_batch = config.rx_batch
        agent.rs_batch = config.rs_batch
        agent.poll = config.poll_ps
        agent.doorbell_cost = config.doorbell_cost_ps
        agent.core = self.shared_cores[config.core] if config.core >= 0 else -1
        agent.timer = -1
        agent.core_number = config.core
        self.nic.num_agents += 1
        self.call(CALL_START_AGENT, at).words[0] = index
        return index

    def stop_agent(self, agent, at):
        """It posts nothing more, but still reaps."""
        check_agent_number(agent, self.nic.num_agents)
        self.call(CALL_STOP_AGENT, at).words[0] = agent

    # accesses

    def mmio_write(self, function, bar, offset, value, at):
        """The CPU writes a register, posted."""
        cdef Call* call
        self.check_access(function, bar, offset, value)
        call = self.call(CALL_MMIO_WRITE, at)
        call.words[0], call.words[1], call.words[2], call.words[3] = function, bar, offset, value

    def mmio_read(self, function, bar, offset, at):
        """The CPU reads a register; MMIO_DONE will name the id this returns."""
        cdef Call* call
        self.check_access(function, bar, offset, 0)
        call = self.call(CALL_MMIO_READ, at)
        call.words[0], call.words[1], call.words[2], call.words[3] = function, bar, offset, self.mmio_serial + 1
        self.mmio_serial += 1
        return self.mmio_serial

    def mmio_answer(self, request, value, at):
        """What a REG_READ asked for."""
        cdef Call* call
        if not isinstance(value, int) or not 0 <= value <= MOST_VALUE:      # a call in Python would be felt in a bring-up
            check_value(value)
        if request not in self.mmio_reads:
            raise ModelBug(f"register read {request} waits for no answer")
        call = self.call(CALL_MMIO_ANSWER, at)
        call.words[0], call.words[1], call.words[2] = request, value, self.mmio_reads.pop(request)

    def inject(self, port, frame, at):
        """The other end of the wire offers a frame, given without FCS."""
        cdef Call* call
        cdef int32_t place
        frame = whole_bytes(frame)
        check_frame(port, len(frame))
        place = connection_in(self.nic, self.connections, frame)        # before the call exists: memory may run out
        call = self.call(CALL_INJECT, at)
        call.words[0] = place
        self.note_bytes(call, frame)

    def dma_answer(self, request, data, at):
        """What a DMA_READ asked for."""
        cdef Call* call
        data = whole_bytes(data)
        if request not in self.unanswered:
            raise ModelBug(f"DMA read {request} waits for no answer")
        call = self.call(CALL_DMA_ANSWER, at)
        call.words[0] = self.unanswered.pop(request)
        self.note_bytes(call, data)

    # results

    def results(self):
        """Everything counted and recorded so far, as copies."""
        self.settle()
        return results(self.nic)

    def take_rows(self):
        """Recorded rows that are done, by serial, and their waits; `results` has only the others from now on."""
        self.settle()
        return take_done(self.nic)

    def ring_state(self, direction, ring):
        """The ring's registers: the first descriptor that is not done with, and tail."""
        cdef int32_t index = self.ring_index(direction, ring)
        self.settle()
        return {"head": ring_head(self.nic, index), "tail": self.nic.rings[index].tail}
