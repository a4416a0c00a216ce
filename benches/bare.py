"""Saturated machines without a control plane: rings, agents and flows on a bare data plane, so that a bench times the plane.

The goal's conditions are the defaults: x520, 63 VFs, 64-byte frames as fast as the rings take them, passes of 32 packets,
one completion report in 32, interrupts at most every 50 us, `lengths` payload, nothing recorded.
"""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.descriptors import DESCRIPTOR_BYTES
from nicmodel.datasheet.ethernet import AROUND_BYTES, STANDARD_FRAME
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.datasheet.profiles import HOSTS, PROFILES
from nicmodel.device import make_plane, plane_config
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import VECTORS_PER_FUNCTION, AgentConfig, DataPlane, Direction, FlowConfig, Payload, RingConfig

US = 1_000_000
OPEN_AT, SHAPED_AT, AGENTS_AT, FLOWS_AT = 1_000, 1_500, 2_000, 3_000
REMOTE_MAC = 0x02_00_00_00_FF_01
# Everything on: an IOMMU that misses nearly always, DRAM and tails (jitter is on anyway), and shapers on every VF.
EVERYTHING = {"direction": "both", "iotlb_entries": 64, "walkers": 16, "dram_share": 1 << 15, "tail_share": 66, "shaped": True}
SHAPER = (8 * 1000 * TICKS_PER_PS * 5, 3_000)   # ticks a byte and burst: 200 Mb/s, so that each of 63 VFs is held at times


def mac_of(function: int) -> int:
    return 0x02_00_00_00_00_00 + function


def bare(plane: str = "fast", *, profile: str = "x520", vfs: int = 63, frame: int = 64, direction: str = "tx",
         ring_size: int = 512, batch: int = 32, rs_batch: int = 32, itr_ps: int = 50 * US, payload: str = "lengths",
         rows: bool = False, shaped: bool = False, **config: Any) -> DataPlane:
    """A plane whose agents start at 2 ns. `config` are fields of `PlaneConfig`."""
    adapter, host = PROFILES[profile], HOSTS["xeon"]
    made = make_plane(plane, plane_config(
        adapter, host, num_vfs=vfs, payload=Payload[payload.upper()], record_rows=rows, record_interrupts=False, **config))
    sends, receives = direction in ("tx", "both"), direction in ("rx", "both")
    stride = -(-max(2048, frame) // 1024) * 1024
    made.set("max_frame", 0, (max(STANDARD_FRAME, frame),), OPEN_AT)
    for vf in range(vfs):
        function = 1 + vf
        domain = Domain(function, 2 * ring_size * (DESCRIPTOR_BYTES + stride) + 65536)
        made.attach(function, domain.base, domain.memory)
        made.set("bme", function, (1,), OPEN_AT)
        made.set("filter", function, (1, mac_of(function), -1, function), OPEN_AT)
        made.set("vector", VECTORS_PER_FUNCTION * function, (1, itr_ps), OPEN_AT)
        if shaped:
            made.set("shaper", function, SHAPER, SHAPED_AT)
        buffers = {}
        for way, wanted in ((Direction.TX, sends), (Direction.RX, receives)):
            if wanted:
                base = domain.allocate(DESCRIPTOR_BYTES * ring_size)
                buffers[way] = domain.allocate(stride * ring_size, 1024)
                made.open_ring(way, vf, RingConfig(function, base, ring_size, function, 0, stride, 0), OPEN_AT)
        flow = -1
        if sends:
            flow = made.add_flow(FlowConfig(Direction.TX, (frame,), REMOTE_MAC, mac_of(function), start_ps=AGENTS_AT))
        made.start_agent(AgentConfig(
            function, vf if sends else -1, vf if receives else -1, flow, buffers.get(Direction.TX, 0),
            buffers.get(Direction.RX, 0), stride, stride, 0, host.irq_latency_ps, host.irq_cost_ps, host.pass_cost_ps,
            host.tx_packet_cost_ps, host.rx_packet_cost_ps, batch, batch, rs_batch), AGENTS_AT)
    if receives:
        frame_ticks = (frame + AROUND_BYTES) * 8 * 1000 * TICKS_PER_PS // adapter.link_gbps
        for vf in range(vfs):
            made.add_flow(FlowConfig(Direction.RX, (frame,), mac_of(1 + vf), REMOTE_MAC, interval_ticks=vfs * frame_ticks,
                                     start_ps=FLOWS_AT + vf * frame_ticks // TICKS_PER_PS))
    return made


def go(plane: DataPlane, until: int) -> None:
    """Run to `until`."""
    while plane.run_until(until):
        pass


def delivered(plane: DataPlane) -> int:
    """Frames delivered so far, of both directions."""
    functions = plane.results()["functions"]
    return int(functions["tx_packets"].sum() + functions["rx_packets"].sum())


def run(plane: DataPlane, until: int) -> int:
    """Run to `until`; frames delivered so far."""
    go(plane, until)
    return delivered(plane)


def transferred(plane: DataPlane) -> int:
    """TLPs that the link has carried so far, in both directions."""
    return int(plane.results()["links"]["tlps"][:2].sum())
