"""Frames and interrupts through the standalone door, with rings written by hand."""

from __future__ import annotations

import pytest
from device_bench import BUFFER, COMMAND, RING, US, X520, Bench, frames, receive, send

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.config_pf import PF, VF_MSIX_BAR
from nicmodel.datasheet.config_space import PF_RID
from nicmodel.datasheet.descriptors import rx_read, rx_status, tx_data, tx_done
from nicmodel.device import ALL_ONES
from nicmodel.sim.plane import NO_AGENT, AgentConfig, Direction, FlowConfig, Payload

VF_ENABLE, VF_MSE = 1, 8                                   # of the SR-IOV control register

# frames through rings written by hand -----------------------------------------------------------------------------

def test_frames_leave_in_order_and_their_descriptors_report(plane):
    bench, data = Bench(plane), frames(10)
    guest, ring = send(bench, 1, data)
    assert not tx_done(guest.read(ring, 16))
    bench.wait()
    assert [frame for frame, _ in bench.out] == data
    times = [time for _, time in bench.out]
    gaps = [later - sooner for sooner, later in zip(times, times[1:], strict=False)]
    assert gaps == [(len(frame) + 24) * 800 for frame in data[1:]], "back to back at 10 Gb/s, with FCS, preamble and gap"
    assert all(tx_done(guest.read(ring + 16 * n, 16)) for n in range(10)) and not tx_done(guest.read(ring + 160, 16))
    assert bench.read(2, vf.VFTDH) == bench.read(2, vf.VFTDT) == 10
    assert bench.device.plane.results()["functions"]["tx_packets"].tolist() == [0, 0, 10]
    assert bench.device.faults == []


def test_a_doorbell_at_a_bar_that_does_not_decode_rings_nothing(plane):
    """VF MSE is cleared while the VF's ring runs: its tail register is as far away as any other. What is posted counts again
    with the next doorbell that arrives."""
    bench, data = Bench(plane), frames(4)
    guest, ring = send(bench, 1, data[:1])
    bench.wait()
    for n, frame in enumerate(data[1:], start=1):
        guest.write(ring + 16 * n, tx_data(place := guest.allocate(BUFFER), len(frame)))
        guest.write(place, frame)
    device, control = bench.device, PF.capability("Sriov").at + 0x08
    word = device.config_read(PF_RID, control, 2)
    device.config_write(PF_RID, control, 2, word & ~VF_MSE)
    bench.write(2, vf.VFTDT, 4)
    bench.wait()
    assert len(bench.out) == 1 and bench.read(2, vf.VFTDT) == ALL_ONES
    assert device.endpoint.refused["memory access to a BAR that does not decode"] == 2
    device.config_write(PF_RID, control, 2, word)
    assert bench.read(2, vf.VFTDT) == 1
    bench.write(2, vf.VFTDT, 4)
    bench.wait()
    assert [frame for frame, _ in bench.out] == data
    assert device.plane.results()["functions"]["doorbells"].tolist() == [0, 0, 2]


def test_vfs_that_come_back_decode_as_vf_mse_says(plane):
    bench = Bench(plane)
    control = PF.capability("Sriov").at + 0x08
    word = bench.device.config_read(PF_RID, control, 2)
    for again in (word, word & ~VF_MSE):
        bench.device.config_write(PF_RID, control, 2, word & ~VF_ENABLE)
        bench.wait()
        assert bench.read(2, vf.VFTDT) == ALL_ONES
        bench.device.config_write(PF_RID, control, 2, again)
        bench.wait()
        assert (bench.read(2, vf.VFTDT) == ALL_ONES) == (again != word)


@pytest.mark.parametrize("missing", ["TE", "VFTE", "ENABLE", "BME"])
def test_a_ring_that_is_not_enabled_everywhere_sends_nothing(plane, missing):
    bench = Bench(plane)
    send(bench, 0, frames(2))
    if missing == "TE":
        bench.write(0, pf.DMATXCTL, 0)
    elif missing == "VFTE":
        bench.write(0, pf.VFTE, 2)
    elif missing == "ENABLE":
        bench.write(1, vf.VFTXDCTL, 0)
    else:
        bench.device.config_write(bench.device.endpoint.rid_of(1), COMMAND, 2, 0)
    bench.wait()
    assert bench.out == []


def test_vfs_that_are_disabled_under_way_send_nothing_more(plane):
    """At once, without the steps that come before it: bus mastering of each is still on."""
    bench = Bench(plane)
    for number in range(2):
        send(bench, number, frames(50))
    while len(bench.out) < 5:
        bench.device.run_until(int(bench.device.clock.now) + US // 10)
    bench.device.config_write(PF_RID, PF.capability("Sriov").at + 8, 2, 0)
    left = len(bench.out)
    bench.wait(100)
    assert left <= len(bench.out) <= left + 1, "the frame that is on the wire leaves"


def test_frames_without_bytes_are_shown_to_nobody(plane):
    bench = Bench(plane, payload=Payload.LENGTHS)
    send(bench, 0, frames(3))
    bench.wait()
    assert bench.out == [] and bench.device.plane.results()["functions"]["tx_packets"].tolist() == [0, 3, 0]


def test_frames_from_the_wire_land_in_the_buffers_of_the_vf(plane):
    bench, data = Bench(plane), frames(5, size=61)
    guest, ring, places = receive(bench, 1, buffers=8)
    for frame in data:
        bench.device.frame_in(frame)
    bench.wait()
    for n, frame in enumerate(data):
        assert rx_status(guest.read(ring + 16 * n, 16)) == (True, True, len(frame), 0)
        assert guest.read(places[n], len(frame) + 1) == frame + b"\0"
    assert not rx_status(guest.read(ring + 80, 16))[0]
    assert bench.read(2, vf.VFRDH) == 5 and bench.out == []


@pytest.mark.parametrize("drop", [True, False])
def test_frames_without_a_descriptor_are_dropped_and_counted_or_wait(plane, drop):
    bench = Bench(plane)
    bench.write(1, vf.VFSRRCTL, vf.VFSRRCTL.BSIZEPACKET.put(2) | vf.VFSRRCTL.DROP_EN.put(drop))
    guest, ring, places = receive(bench, 0, buffers=2)

    def counts() -> tuple[int, int, int]:
        row = bench.device.plane.results()["functions"][1]
        return int(row["rx_offered"]), int(row["rx_packets"]), int(row["drop_no_descriptor"])

    for frame in frames(5):
        bench.device.frame_in(frame)
    bench.wait()
    assert counts() == (5, 2, 3 if drop else 0)
    for n in range(2, 5):
        guest.write(ring + 16 * n, rx_read(places[0]))
    bench.write(1, vf.VFRDT, 5)
    bench.wait()
    assert counts() == ((5, 2, 3) if drop else (5, 5, 0))


def test_frames_in_and_pauses_keep_their_time(plane):
    """A frame offered at t is in memory soon after; a PAUSE keeps the wire silent for its quanta of 64 bytes."""
    bench = Bench(plane)
    guest, ring, _ = receive(bench, 0, buffers=2)
    at = int(bench.device.clock.now) + 7 * US
    bench.device.frame_in(frames(1)[0], at)
    bench.device.run_until(at)
    assert not rx_status(guest.read(ring, 16))[0]
    bench.wait(2)
    assert rx_status(guest.read(ring, 16))[0]
    silent = Bench(plane)
    silent.device.pause_in(1000)
    began = int(silent.device.clock.now)
    send(silent, 0, frames(1))
    silent.wait(100)
    ends = began + X520.pause_reaction_ps + 1000 * 64 * 800
    assert ends < silent.out[0][1] < ends + US


def test_dma_outside_the_guests_memory_is_a_fault_and_no_frame(plane):
    bench = Bench(plane)
    guest = bench.attach(1)
    ring = guest.allocate(16 * RING)
    guest.write(ring, tx_data(guest.base + guest.size, 100))
    bench.enable_both_directions()
    bench.vf_ring(0, ring)
    bench.write(1, vf.VFTDT, 1)
    bench.wait()
    assert [fault.args[0] for fault in bench.device.faults] == [1]


# interrupts -------------------------------------------------------------------------------------------------------

def interrupts(bench: Bench) -> list[tuple[int, int, int]]:
    heard: list[tuple[int, int, int]] = []
    bench.device.on_msix = lambda function, vector, time: heard.append((function, vector, time))
    return heard


def test_a_frame_raises_the_vector_of_its_queue_after_its_data(plane):
    bench = Bench(plane)
    heard, called = interrupts(bench), []
    bench.device.connect_interrupt(2, 1, called.append)
    bench.enable_msix(2, vector=1)
    bench.write(2, vf.VTIVAR, 0x81)                                       # Rx queue 0: vector 1, valid
    bench.write(2, vf.VTEIMS, 2)
    guest, ring, _ = receive(bench, 1, buffers=2)
    seen = []
    bench.device.connect_interrupt(2, 1, lambda vector: seen.append((vector, rx_status(guest.read(ring, 16))[0])))
    bench.device.frame_in(frames(1)[0])
    bench.wait()
    assert [(function, vector) for function, vector, _ in heard] == [(2, 1)]
    assert seen == [(1, True)], "the write-back is in memory when the message arrives"


def test_a_masked_vector_pends_and_fires_when_unmasked(plane):
    bench = Bench(plane)
    heard = interrupts(bench)
    bench.enable_msix(1)
    bench.device.bar_write(1, VF_MSIX_BAR, 12, 1)                         # masked in the table
    bench.write(1, vf.VTEIMS, 1)
    bench.write(1, vf.VTEICS, 1)
    bench.wait()
    pba = 0x2000
    assert heard == [] and bench.device.bar_read(1, VF_MSIX_BAR, pba)[0] == 1
    bench.device.bar_write(1, VF_MSIX_BAR, 12, 0)
    bench.wait()
    assert [row[:2] for row in heard] == [(1, 0)] and bench.device.bar_read(1, VF_MSIX_BAR, pba)[0] == 0


def test_an_agent_sends_until_it_is_stopped(plane):
    bench = Bench(plane)
    guest, _ = send(bench, 0, [])
    bench.wait()                                                # an agent needs a ring that is open
    flow = bench.device.plane.add_flow(FlowConfig(Direction.TX, (64,), 0x02_00_00_00_FF_01, 0x02_00_00_00_00_01))
    agent = bench.device.start_agent(AgentConfig(
        1, 0, NO_AGENT, flow, guest.allocate(RING * BUFFER), 0, BUFFER, 0, NO_AGENT, 1, 1, 1, 1, 1, 8, 8, poll_ps=US))
    bench.wait()
    assert len(bench.out) > RING
    bench.device.stop_agent(agent)
    bench.wait()                                                # what was posted still leaves
    before = len(bench.out)
    bench.wait()
    assert len(bench.out) == before
