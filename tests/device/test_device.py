"""The standalone door: a device without lab, NDIS or drivers, plugged in, accessed and given time."""

from __future__ import annotations

import subprocess
import sys

import pytest
from device_bench import BUS_MASTER, COMMAND, US, X520, Bench, frames, receive, send

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.config_pf import EXPRESS, PF_BARS, PF_MSIX_BAR
from nicmodel.datasheet.config_space import PF_RID
from nicmodel.datasheet.pcie_link import GENERATIONS
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.datasheet.timing import VF_ENABLE_SETTLE_PS
from nicmodel.device import ALL_ONES, Device, plane_config
from nicmodel.pcie import root
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import NEVER

# plug and play ----------------------------------------------------------------------------------------------------

def test_the_door_opens_without_lab_ndis_and_drivers():
    loaded = subprocess.run([sys.executable, "-c", "import sys, nicmodel.device; print(*sys.modules)"], check=True,
                            capture_output=True, text=True).stdout.split()
    assert "nicmodel.nic.nic" in loaded
    assert not [name for name in loaded if name.startswith(("nicmodel.lab", "nicmodel.ndis", "drivers"))]


def test_enumeration_places_and_enables_the_pf(plane):
    device = Bench(plane, num_vfs=0).device
    assert device.config_read(PF_RID, 0, 4) == 0x10FB_8086
    assert device.config_read(PF_RID, COMMAND, 2) & 6 == 6
    for bar in PF_BARS:
        base = device.endpoint.base(0, bar)
        assert base and device.endpoint.decode(base + 4) == (0, bar, 4)


@pytest.mark.parametrize("rcb", (64, 128))
def test_the_root_ports_completion_boundary_is_the_planes(rcb):
    device = Device(X520, plane_config(X520, rcb=rcb), plane="reference")
    device.enumerate()
    link = root.Function(device, PF_RID)
    assert EXPRESS["LinkCtl"]["Rcb"].get(link.get(EXPRESS["LinkCtl"], link.capability(EXPRESS.id))) == rcb // 128


def test_vfs_appear_after_their_time_and_vanish(plane):
    bench = Bench(plane, num_vfs=2, enable=False)
    device, absent = bench.device, 0xFFFF_FFFF
    rids = [device.endpoint.rid_of(function) for function in (1, 2)]
    assert [device.config_read(rid, 0, 4) for rid in rids] == [absent] * 2
    settled = device.enable_vfs(2)
    began = int(device.clock.now)
    device.clock.run(until=settled)
    assert int(device.clock.now) - began == VF_ENABLE_SETTLE_PS
    assert [device.config_read(rid, COMMAND, 2) for rid in rids] == [0, 0]
    assert bench.read(0, pf.STATUS) & pf.STATUS.IOV_ACTIVE.mask
    assert bench.read(2, vf.VFSTATUS) == bench.read(0, pf.STATUS)
    root.disable_vfs(device)
    assert [device.config_read(rid, 0, 4) for rid in rids] == [absent] * 2
    assert device.endpoint.num_vfs == 0 and bench.read(2, vf.VFSTATUS) == ALL_ONES
    assert not bench.read(0, pf.STATUS) & pf.STATUS.IOV_ACTIVE.mask


def test_the_link_that_was_negotiated_is_the_planes_too():
    device = Device(PROFILES["vf100g"], plane="reference", gen=3, lanes=8)
    assert device.config.pcie_byte_ticks == GENERATIONS[3].byte_ticks(8) != GENERATIONS[4].byte_ticks(16)
    link = root.Function(device, PF_RID)
    word = link.get(EXPRESS["LinkSta"], link.capability(EXPRESS.id))
    assert (EXPRESS["LinkSta"]["Speed"].get(word), EXPRESS["LinkSta"]["Width"].get(word)) == (3, 8)


def test_more_vfs_than_the_plane_was_made_for_are_refused():
    with pytest.raises(ModelBug, match="made for 2"):
        Bench("fast", num_vfs=2, enable=False).device.enable_vfs(3)


# register accesses ------------------------------------------------------------------------------------------------

def test_a_read_that_nobody_answers_is_all_ones(plane):
    """A BAR that does not decode, a VF that does not exist: Unsupported Request; writes there are dropped. Each is counted, and
    logged by the function, or by the PF if there is none."""
    bench = Bench(plane, num_vfs=2, enable=False)
    device = bench.device

    def refused():
        status = root.Function(device, PF_RID)
        at = status.capability(EXPRESS.id)
        word = status.get(EXPRESS["DevSta"], at)
        status.set(EXPRESS["DevSta"], word, at)                           # write 1 to clear
        return device.endpoint.refused["memory access to a BAR that does not decode"], word & 0xF

    assert bench.read(1, vf.VFSTATUS) == ALL_ONES and refused() == (1, 0b1001)
    assert bench.read(0, pf.STATUS) not in (0, ALL_ONES)
    device.config_write(PF_RID, COMMAND, 2, BUS_MASTER)                   # memory decode off
    bench.write(0, pf.CTRL_EXT, pf.CTRL_EXT.DRV_LOAD.mask)
    bench.wait(1)
    assert refused() == (2, 0b1010), "a posted one is an error of its own"
    assert bench.read(0, pf.STATUS) == ALL_ONES and refused() == (3, 0b1001)
    assert device.bar_read(0, PF_MSIX_BAR, 0)[0] == ALL_ONES
    device.config_write(PF_RID, COMMAND, 2, BUS_MASTER | 2)
    assert not bench.read(0, pf.CTRL_EXT) & pf.CTRL_EXT.DRV_LOAD.mask


def test_a_read_pushes_the_write_before_it_and_takes_time(plane):
    bench = Bench(plane)
    before = int(bench.device.clock.now)
    bench.write(1, vf.VFTDLEN, 1024)
    value, at = bench.device.bar_read(1, 0, vf.VFTDLEN.offset_of(0))
    assert value == 1024
    assert 50_000 < at - before < US and at == int(bench.device.clock.now)


def test_split_reads_come_back_in_order_and_later_than_they_were_sent(plane):
    bench = Bench(plane)
    bench.write(1, vf.VFTDLEN, 1024)
    bench.write(2, vf.VFTDLEN, 2048)
    sent, back = int(bench.device.clock.now), []
    for function in (1, 2):
        bench.device.start_read(function, 0, vf.VFTDLEN.offset_of(0), lambda value, time: back.append((value, time)))
    assert back == []
    bench.wait(2)
    assert [value for value, _ in back] == [1024, 2048] and sent < back[0][1] < back[1][1]


@pytest.mark.parametrize("where", ["read", "frame", "interrupt", "connected interrupt", "event", "process"])
def test_a_blocking_read_inside_a_callback_is_refused(plane, where):
    bench = Bench(plane)
    refused = []

    def callback(*_args) -> None:
        with pytest.raises(ModelBug, match="start_read"):
            bench.read(0, pf.STATUS)
        bench.device.start_read(0, 0, pf.STATUS.offset, lambda value, _time: refused.append(value))

    if where == "read":
        bench.device.start_read(0, 0, pf.STATUS.offset, callback)
    elif where == "event":
        bench.device.clock.call_at(int(bench.device.clock.now) + 1, callback)
    elif where == "process":
        def process():
            yield bench.device.clock.timeout(1)
            callback()

        bench.device.clock.process(process())
    elif where == "frame":
        bench.device.on_frame = callback
        send(bench, 0, frames(1))
    else:
        if where == "interrupt":
            bench.device.on_msix = callback
        else:
            bench.device.connect_interrupt(1, 0, callback)
        bench.enable_msix(1)
        bench.write(1, vf.VTEIMS, 1)
        bench.write(1, vf.VTEICS, 1)
    bench.wait()
    assert len(refused) == 1 and refused[0] & pf.STATUS.LU.mask
    assert bench.read(0, pf.STATUS) == refused[0], "outside callbacks it works again"


# time -------------------------------------------------------------------------------------------------------------

def test_next_output_time_is_a_lower_bound(plane):
    """Run only to just before it, again and again: nothing may ever come out of such a step."""
    bench = Bench(plane)
    heard: list[int] = []
    clock = bench.device.clock
    bench.device.on_frame = lambda _frame, time: heard.append(time)
    bench.device.on_msix = lambda _function, _vector, time: heard.append(time)
    bench.enable_msix(1)
    bench.write(1, vf.VTEIMS, 1)
    bench.write(1, vf.VTIVAR, 0x8000)                                     # Tx queue 0: vector 0
    send(bench, 0, frames(3))
    bench.device.start_read(1, 0, vf.VFTDT.offset_of(0), lambda _value, time: heard.append(time))
    steps, end = 0, int(clock.now) + 10 * US
    while (bound := bench.device.next_output_time()) < end:
        assert bound >= int(clock.now)
        before = len(heard)
        bench.device.run_until(bound)
        assert len(heard) == before, "something came out before the bound"
        bench.device.run_until(bound + 1)
        assert all(time >= bound for time in heard[before:])
        steps += 1
    assert len(heard) == 7, "three frames, a message for each, and a read"
    assert len(heard) < steps < 10 * US / 1600, "a bound that is always now would be of no use"


def test_two_runs_to_the_same_time_are_one_run(plane):
    """Where runs are cut has no effect: the property that stepping by other simulators rests on."""
    whole, pieces = Bench(plane), Bench(plane)
    for bench in (whole, pieces):
        send(bench, 0, frames(6))
    end = int(whole.device.clock.now) + 10 * US
    whole.device.run_until(end)
    for time in range(int(pieces.device.clock.now) + 777, end, 12_345):
        pieces.device.run_until(time)
    pieces.device.run_until(end)
    assert whole.out == pieces.out and len(whole.out) == 6


def test_time_does_not_run_backwards(plane):
    device = Bench(plane, num_vfs=0).device
    device.run_until(US)
    device.run_until(US)
    with pytest.raises(ModelBug, match="has passed"):
        device.run_until(US - 1)


def test_an_idle_device_has_only_upkeep_ahead(plane):
    """No output is ever promised for the past, and a quiet device's next instant is finite upkeep or never."""
    device = Bench(plane, num_vfs=0).device
    device.run_until(5 * US)
    assert 5 * US <= device.next_output_time() <= NEVER


# what is no call ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("call, why", [
    (lambda device: device.config_write(PF_RID, 0, 1, 256), "256 does not fit into 1 bytes"),
    (lambda device: device.config_write(PF_RID, 0, 4, -1), "-1 does not fit into 4 bytes"),
    (lambda device: device.config_write(99, 0, 3, 0), "no configuration request"),
    (lambda device: device.config_read(99, 0, 1 << 40), "no configuration request"),
    (lambda device: device.config_read(0, 1.5, 1), "no offset 1.5"),
    (lambda device: device.run_until(float("nan")), "not a whole number"),
    (lambda device: device.run_until(1.5), "not a whole number"),
    (lambda device: device.attach(3, Domain(3, 4096)), "no function 3"),
    (lambda device: device.connect_interrupt(3, 0, print), "no function 3"),
    (lambda device: device.connect_interrupt(0, 64, print), "64 vectors"),
    (lambda device: device.frame_in("frame"), "a str is not"), (lambda device: device.frame_in(5), "a int is not"),
    (lambda device: device.bar_write(0, 0, 0, 1 << 32), "32 bits"), (lambda device: device.pause_in(1 << 16), "table 'pause'")],
    ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_no_call_is_refused_in_a_sentence_and_changes_nothing(call, why, plane):
    bench = Bench(plane)
    now, refused = bench.device.clock.now, bench.device.endpoint.refused.copy()
    with pytest.raises(ModelBug, match=why):
        call(bench.device)
    bench.wait()
    assert bench.device.clock.now == now + 20 * US and bench.device.endpoint.refused == refused
    assert bench.read(0, pf.STATUS) & pf.STATUS.LU.mask


def test_bytes_are_taken_as_they_are_when_a_call_is_made(plane):
    """Whoever made it may use its buffer again."""
    bench = Bench(plane)
    guest, _, places = receive(bench, 0, 4)
    frame = bytearray(frames(1)[0])
    bench.device.frame_in(frame)
    sent = bytes(frame)
    frame[14:] = bytes(len(frame) - 14)
    bench.wait()
    assert guest.read(places[0], len(sent)) == sent
