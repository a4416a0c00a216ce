"""The machine that a data plane is made for, in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from nicmodel.sim.plane import WHOLE_SHARE, Payload


@dataclass(frozen=True)
class PlaneConfig:
    """Every number a plane needs, resolved: device.py makes it from a profile and a scenario.

    ``*_ps`` are ps, ``*_ticks`` 1/1024 ps, ``*_cycles`` core cycles; credits of 0 are infinite, shares are of WHOLE_SHARE.
    The last group names a policy per arbiter, a row of `policies.POLICIES`.
    """

    num_functions: int
    num_rings: int                  # per direction
    core_ps: int
    wire_byte_ticks: int
    pcie_byte_ticks: int
    ack_ps: int
    fc_ps: int
    skp_ps: int
    skp_bytes: int
    mps: int
    mrrs: int
    rcb: int
    split_rcb: bool
    tags: int
    read_buffer: int
    host_ph: int
    host_pd: int
    host_nph: int
    device_ph: int
    device_pd: int
    device_nph: int
    read_latency_ps: int
    read_jitter_ps: int
    write_latency_ps: int
    register_cycles: int
    register_latency_cycles: int
    tx_pipe_cycles: int
    rx_pipe_cycles: int
    tx_cache: int
    tx_threshold: int
    rx_cache: int
    rx_threshold: int
    tx_buffer: int
    rx_buffer: int
    pause_reaction_ps: int
    payload: Payload = Payload.LENGTHS
    seed: int = 1
    record_rows: bool = True
    record_interrupts: bool = True
    frames_out: bool = False        # FRAME_OUT upcalls
    books: bool = False             # the sums of docs/time.md §10; `results` are zero without
    # the rest of the link
    up_share: int = WHOLE_SHARE     # of `pcie_byte_ticks` that a byte takes on the way up: for what `explain` asks
    down_share: int = WHOLE_SHARE
    host_npd: int = 0
    host_cplh: int = 0
    host_cpld: int = 0
    device_npd: int = 0
    device_cplh: int = 0
    device_cpld: int = 0
    relaxed_ordering: bool = False
    ido: bool = False
    tlp_digest_bytes: int = 0       # ECRC: 4 on every TLP of both directions, or none
    tag_cap: int = 0                # tags that one function may hold; 0: all
    tag_reserve: int = 0            # tags that payload reads leave free
    read_cycles: int = 0            # between two granted reads; 0: as many as fit at one edge
    write_cycles: int = 1           # between two TLPs of the writers
    # the rest of the host
    remote_ps: int = 0              # extra of every read
    dram_ps: int = 0                # extra of `dram_share` of the reads
    dram_share: int = 0
    tail_ps: int = 0
    tail_share: int = 0
    iotlb_entries: int = 0          # 0: no IOMMU
    walkers: int = 1
    walk_ps: int = 1
    core_switch_ps: int = 0
    # policies
    upstream: str = "age"
    downstream: str = "age"
    tag_classes: str = "round_robin"
    tag_functions: str = "oldest"
    fetch: str = "round_robin"
    writers: str = "round_robin"
    walks: str = "oldest"
    completions: str = "burst"
