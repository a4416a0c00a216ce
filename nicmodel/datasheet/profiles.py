"""Adapters and hosts as tables. A number carries its unit in its name and its source in a comment, or says *assumed*.

A profile is data; no code asks which profile it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

SRIOV_MAX_FRAME = 9728       # bytes, FCS included: one limit for all pools
KB = 1 << 10
NS = 1_000


@dataclass(frozen=True)
class Profile:
    """An adapter: identity, link, port, on-chip resources and pipeline."""

    name: str
    doc: str
    # identity and SR-IOV
    device_id: int
    vf_device_id: int
    total_vfs: int               # TotalVFs in configuration space
    max_vfs: int                 # VFs a scenario may use: one pool stays with the PF
    queue_pairs: int
    queues_per_pool: int
    vf_rss_queues: int           # over which a VF may spread what it receives; 0: RSS is not for VFs
    vf_reta_entries: int         # of a VF's own indirection table
    pf_vectors: int
    vf_vectors: int
    mac_base: int                # PF address; VF v has mac_base + 1 + v
    receive_addresses: int       # exact filters
    # PCIe
    pcie_gen: int
    lanes: int
    mpss: int                    # bytes
    mps: int                     # what a platform usually sets
    mrrs: int
    tags: int
    read_buffer: int             # bytes reserved for completions
    device_ph: int               # credits the adapter advertises for MMIO
    device_pd: int
    device_nph: int
    # port and core
    link_gbps: int
    core_ps: int
    max_frame: int               # bytes, FCS included
    tx_buffer: int
    rx_buffer: int
    tx_cache: int                # descriptors on chip per queue
    tx_threshold: int            # fetch when fewer wait
    rx_cache: int
    rx_threshold: int
    register_cycles: int
    register_latency_cycles: int
    tx_pipe_cycles: int
    rx_pipe_cycles: int
    pause_reaction_ps: int


X520 = Profile(
    name="x520",
    doc="Intel 82599 (X520): 10 GbE, PCIe Gen2 x8, 64 pools of which the PF keeps one",
    device_id=0x10FB, vf_device_id=0x10ED,                        # 82599 config space
    total_vfs=64, max_vfs=63, queue_pairs=128, queues_per_pool=2,  # 82599 7.10, TotalVFs as dumped from boards
    vf_rss_queues=0, vf_reta_entries=0,                           # 82599: one key and one table for all pools, not the VFs'
    pf_vectors=64, vf_vectors=3,                                  # 82599 MSI-X capability
    mac_base=0x00_1B_21_00_00_00,                                 # an Intel OUI, locally chosen serial
    receive_addresses=128,                                        # 82599 8.2.3.7.8
    pcie_gen=2, lanes=8, mpss=512, mps=256, mrrs=512,             # 82599 LinkCap, DevCap; MPS as platforms set it
    tags=32,                                                      # DevCap: no extended tags
    read_buffer=16 * KB,                                          # assumed
    device_ph=16, device_pd=64, device_nph=8,                     # assumed
    link_gbps=10,
    core_ps=6400,                                                 # 156.25 MHz, the XGMII clock; data path clock assumed equal
    max_frame=SRIOV_MAX_FRAME,                                    # 82599 with SR-IOV: 9.5 KB
    tx_buffer=160 * KB, rx_buffer=512 * KB,                       # 82599 packet buffers
    tx_cache=40, tx_threshold=32,                                 # 82599: up to 40 Tx descriptors on chip; PTHRESH 32
    rx_cache=32, rx_threshold=24,                                 # assumed (82599 documents none)
    register_cycles=1, register_latency_cycles=8,                 # assumed
    tx_pipe_cycles=40, rx_pipe_cycles=50,                         # assumed
    pause_reaction_ps=600 * NS,                                   # assumed; 802.3 allows 60 quanta at 10 Gb/s
)

VF100G = Profile(
    name="vf100g",
    doc="the same programming interface scaled: 100 GbE, PCIe Gen4 x16, up to 256 VFs (an extension, no real part)",
    device_id=0x10FB, vf_device_id=0x10ED,
    total_vfs=256, max_vfs=256, queue_pairs=514, queues_per_pool=2,
    vf_rss_queues=2, vf_reta_entries=64,                          # X550: registers of a VF's own; the pool's queues
    pf_vectors=64, vf_vectors=3,
    mac_base=0x00_1B_21_80_00_00,
    receive_addresses=512,                                        # all that the register rows have
    pcie_gen=4, lanes=16, mpss=512, mps=256, mrrs=512,
    tags=256,                                                     # extended tags
    read_buffer=128 * KB,                                         # assumed
    device_ph=64, device_pd=256, device_nph=32,                   # assumed
    link_gbps=100,
    core_ps=1600,                                                 # 625 MHz, assumed
    max_frame=SRIOV_MAX_FRAME,
    tx_buffer=1024 * KB, rx_buffer=2048 * KB,                     # assumed
    tx_cache=64, tx_threshold=48, rx_cache=64, rx_threshold=48,   # assumed
    register_cycles=1, register_latency_cycles=16,                # assumed
    tx_pipe_cycles=120, rx_pipe_cycles=150,                       # assumed
    pause_reaction_ps=600 * NS,                                   # assumed
)

PROFILES = {profile.name: profile for profile in (X520, VF100G)}


@dataclass(frozen=True)
class HostProfile:
    """A server: memory latency, flow control it advertises, interrupt and driver costs. All *_ps are ps."""

    name: str
    doc: str
    read_latency_ps: int         # root complex and memory, request at the root to completion ready
    read_jitter_ps: int
    write_latency_ps: int        # posted write at the root to visible
    host_ph: int
    host_pd: int
    host_nph: int
    rcb: int
    split_rcb: bool
    irq_latency_ps: int          # MSI-X commit to the first instruction of the handler
    irq_cost_ps: int             # CPU time of taking one interrupt
    pass_cost_ps: int            # CPU time of one pass over the rings, empty
    tx_packet_cost_ps: int       # CPU time per frame sent
    rx_packet_cost_ps: int       # CPU time per frame received
    doorbell_cost_ps: int = 0    # CPU time per tail written
    core_switch_ps: int = 0      # CPU time of taking up another driver's pass on a shared core
    # completions and requests with data; 0 is infinite
    host_npd: int = 0
    host_cplh: int = 0
    host_cpld: int = 0
    # extras of a read; shares are of 65536 reads
    remote_ps: int = 0
    dram_ps: int = 55 * NS       # PCIe sheet: LLC hit against DRAM 54 to 80 ns
    dram_share: int = 0
    tail_ps: int = 350 * NS      # the same: p99.9 against median of E5 hosts
    tail_share: int = 0
    # IOMMU; without entries there is none
    iotlb_entries: int = 0
    walkers: int = 6             # validation notes: walks proceed about five to six at a time
    walk_ps: int = 280 * NS      # PCIe sheet: a miss costs 214 to 330 ns, 280 on Broadwell


# Latencies: medians of public pcie-bench data on Xeon E5 (413-480 ns device side, of which the link takes some) and
# the sheet's suggestions; costs of a polling-class driver: a few tens of ns per packet. Credits: assumed.
XEON = HostProfile(
    name="xeon", doc="a current server, warm last-level cache, local socket",
    read_latency_ps=400 * NS, read_jitter_ps=30 * NS, write_latency_ps=220 * NS,
    host_ph=127, host_pd=2047, host_nph=127, rcb=64, split_rcb=False,
    irq_latency_ps=1500 * NS, irq_cost_ps=300 * NS, pass_cost_ps=60 * NS, tx_packet_cost_ps=20 * NS,
    rx_packet_cost_ps=25 * NS, doorbell_cost_ps=0)

# The same server in other states. Source: pcie-bench's published files, in the steps between their medians.
XEON_DRAM = replace(XEON, name="xeon_dram", doc="xeon, every read from DRAM", dram_share=1 << 16)
XEON_REMOTE = replace(XEON, name="xeon_remote", doc="xeon, memory on the other socket", remote_ps=80 * NS)
XEON_TAIL = replace(XEON, name="xeon_tail", doc="xeon, half of the reads from DRAM, one in a thousand late",
                    dram_share=1 << 15, tail_share=66)
XEON_IOMMU = replace(XEON, name="xeon_iommu", doc="xeon with the IOMMU on: 64 IOTLB entries, six walkers",
                     iotlb_entries=64)

HOSTS = {host.name: host for host in (XEON, XEON_DRAM, XEON_REMOTE, XEON_TAIL, XEON_IOMMU)}
