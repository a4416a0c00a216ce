"""Ring agents: the compiled half of a miniport, one queue pair on a vCPU of its own."""

from libc.stdint cimport int32_t, int64_t

from nicmodel._fast.types cimport Nic

cdef void start_agent(Nic* nic, int32_t index) noexcept nogil
cdef void stop_agent(Nic* nic, int32_t index) noexcept nogil
cdef void kill_agent(Nic* nic, int32_t index) noexcept nogil
cdef void commit_agent_wake(Nic* nic, int32_t index, int64_t wait) noexcept nogil
cdef void commit_agent_done(Nic* nic, int32_t index) noexcept nogil
cdef void decide_vcpu(Nic* nic) noexcept nogil
