"""The standalone door: a device without lab, NDIS or drivers, driven by configuration and register accesses alone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.config_pf import PF_BARS, PF_MSIX_BAR, VF_MSIX_BAR
from nicmodel.datasheet.config_space import PF_RID
from nicmodel.datasheet.descriptors import rx_read, rx_status, tx_data, tx_done
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.datasheet.timing import DOMAIN_BASE, MSIX_ADDRESS, VF_ENABLE_SETTLE_PS
from nicmodel.device import ALL_ONES, Device, plane_config
from nicmodel.pcie import root
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import NEVER, Payload

X520 = PROFILES["x520"]
US, KB = 1_000_000, 1 << 10
RING, BUFFER = 64, 2 * KB                                 # descriptors, bytes
COMMAND, BUS_MASTER = 0x04, 4
MSIX_CONTROL = 0x72
BROADCAST = bytes.fromhex("ffffffffffff 020000000001 88b5")


@pytest.fixture(params=["fast", "reference"])
def plane(request) -> str:
    return request.param


class Bench:
    """An enumerated x520 with `num_vfs` VFs, and a guest memory for each function that asks."""

    def __init__(self, plane: str, num_vfs: int = 2, enable: bool = True):
        self.device = Device(X520, plane_config(X520, num_vfs=num_vfs, payload=Payload.FULL, frames_out=True), plane=plane)
        self.out: list[tuple[bytes, int]] = []
        self.device.on_frame = lambda frame, time: self.out.append((frame, time))
        self.guests: dict[int, Domain] = {}
        self.device.enumerate()
        if enable and num_vfs:
            self.write(0, pf.GCR_EXT, pf.GCR_EXT.VT_MODE.put(3))
            self.device.clock.run(until=self.device.enable_vfs(num_vfs))
            for function in range(1, 1 + num_vfs):
                self.device.config_write(self.device.endpoint.rid_of(function), COMMAND, 2, BUS_MASTER)

    def write(self, function: int, row, value: int, index: int = 0) -> None:
        self.device.bar_write(function, 0, row.offset_of(index), value)

    def read(self, function: int, row, index: int = 0) -> int:
        return self.device.bar_read(function, 0, row.offset_of(index))[0]

    def wait(self, microseconds: int = 20) -> None:
        self.device.run_until(int(self.device.clock.now) + microseconds * US)

    def attach(self, function: int) -> Domain:
        domain = self.guests[function] = Domain(function, 1 << 20)
        self.device.attach(function, domain)
        return domain

    def enable_both_directions(self, pools: int = 3) -> None:
        self.write(0, pf.DMATXCTL, pf.DMATXCTL.TE.mask)
        self.write(0, pf.RXCTRL, pf.RXCTRL.RXEN.mask)
        self.write(0, pf.VFTE, pools)
        self.write(0, pf.VFRE, pools)

    def vf_ring(self, number: int, base: int, receive: bool = False) -> None:
        """Program and enable VF `number`'s queue 0 of one direction."""
        low, high, length, control = ((vf.VFRDBAL, vf.VFRDBAH, vf.VFRDLEN, vf.VFRXDCTL) if receive
                                      else (vf.VFTDBAL, vf.VFTDBAH, vf.VFTDLEN, vf.VFTXDCTL))
        for row, word in ((low, base & ALL_ONES), (high, base >> 32), (length, 16 * RING), (control, control.ENABLE.mask)):
            self.write(1 + number, row, word)

    def deliver_to(self, number: int) -> None:
        """Frames that no filter matches go to this VF."""
        self.write(0, pf.VT_CTL, pf.VT_CTL.VT_ENA.mask | pf.VT_CTL.DEF_PL.put(number))

    def enable_msix(self, function: int, vector: int = 0) -> None:
        """Address, data and unmasked control in the table; MSI-X enabled in configuration space."""
        for dword, word in enumerate((MSIX_ADDRESS, 0, 0x41 + vector, 0)):
            self.device.bar_write(function, VF_MSIX_BAR if function else PF_MSIX_BAR, 16 * vector + 4 * dword, word)
        self.device.config_write(self.device.endpoint.rid_of(function), MSIX_CONTROL, 2, 0x8000)


def frames(count: int, size: int = 200) -> list[bytes]:
    return [BROADCAST + bytes([n]) * (size - 14 + n) for n in range(count)]


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


def test_more_vfs_than_the_plane_was_made_for_are_refused():
    with pytest.raises(ModelBug, match="made for 2"):
        Bench("fast", num_vfs=2, enable=False).device.enable_vfs(3)


# register accesses ------------------------------------------------------------------------------------------------

def test_a_read_that_nobody_answers_is_all_ones(plane):
    """A BAR that does not decode, a VF that does not exist: Unsupported Request; writes there are dropped."""
    bench = Bench(plane, num_vfs=2, enable=False)
    device = bench.device
    assert bench.read(1, vf.VFSTATUS) == ALL_ONES
    assert bench.read(0, pf.STATUS) not in (0, ALL_ONES)
    device.config_write(PF_RID, COMMAND, 2, BUS_MASTER)                   # memory decode off
    bench.write(0, pf.CTRL_EXT, pf.CTRL_EXT.DRV_LOAD.mask)
    assert bench.read(0, pf.STATUS) == ALL_ONES
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


@pytest.mark.parametrize("where", ["read", "frame", "interrupt", "connected interrupt"])
def test_a_blocking_read_inside_a_callback_is_refused(plane, where):
    bench = Bench(plane)
    refused = []

    def callback(*_args) -> None:
        with pytest.raises(ModelBug, match="start_read"):
            bench.read(0, pf.STATUS)
        bench.device.start_read(0, 0, pf.STATUS.offset, lambda value, _time: refused.append(value))

    if where == "read":
        bench.device.start_read(0, 0, pf.STATUS.offset, callback)
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


# frames through rings written by hand -----------------------------------------------------------------------------

def send(bench: Bench, number: int, data: list[bytes]) -> tuple[Domain, int]:
    """VF `number` sends frames with descriptors written here; returns its memory and the ring's address."""
    guest = bench.attach(1 + number)
    ring = guest.allocate(16 * RING)
    for n, frame in enumerate(data):
        buffer = guest.allocate(BUFFER)
        guest.write(buffer, frame)
        guest.write(ring + 16 * n, tx_data(buffer, len(frame)))
    bench.enable_both_directions()
    bench.vf_ring(number, ring)
    bench.write(1 + number, vf.VFTDT, len(data))
    return guest, ring


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


def receive(bench: Bench, number: int, buffers: int) -> tuple[Domain, int, list[int]]:
    """VF `number` offers so many buffers; returns its memory, the ring's address and the buffers'."""
    guest = bench.attach(1 + number)
    ring = guest.allocate(16 * RING)
    places = [guest.allocate(BUFFER) for _ in range(buffers)]
    for n, place in enumerate(places):
        guest.write(ring + 16 * n, rx_read(place))
    bench.enable_both_directions()
    bench.deliver_to(number)
    bench.vf_ring(number, ring, receive=True)
    bench.write(1 + number, vf.VFRDT, buffers)
    bench.wait()
    return guest, ring, places


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


# memory elsewhere -------------------------------------------------------------------------------------------------

class Elsewhere:
    """A guest memory at the other end of messages: sparse bytes, and a log."""

    def __init__(self, bench: Bench, function: int, latency: int = 0):
        self.bench, self.function, self.latency = bench, function, latency
        self.memory: dict[int, int] = {}
        self.log: list[tuple[str, int, int, int]] = []
        bench.device.attach(function, None)
        bench.device.on_dma_read = self.on_read
        bench.device.on_dma_write = self.on_write

    def put(self, address: int, data: bytes) -> None:
        self.memory.update(enumerate(data, start=address))

    def get(self, address: int, length: int) -> bytes:
        return bytes(self.memory.get(address + n, 0) for n in range(length))

    def on_read(self, request: int, function: int, address: int, length: int, time: int) -> None:
        assert function == self.function and time == int(self.bench.device.clock.now)
        self.log.append(("read", address, length, time))
        self.bench.device.dma_answer(request, self.get(address, length), time + self.latency if self.latency else None)

    def on_write(self, function: int, address: int, data: bytes | None, time: int) -> None:
        assert function == self.function and data is not None
        self.log.append(("write", address, len(data), time))
        self.put(address, data)


HERE, THERE = DOMAIN_BASE + 0x1000, DOMAIN_BASE + 0x8000


def send_from_elsewhere(plane: str, latency: int) -> tuple[Bench, Elsewhere, list[bytes]]:
    bench, data = Bench(plane), frames(3, size=700)
    guest = Elsewhere(bench, 1, latency)
    for n, frame in enumerate(data):
        guest.put(HERE + 16 * n, tx_data(THERE + BUFFER * n, len(frame)))
        guest.put(THERE + BUFFER * n, frame)
    bench.enable_both_directions()
    bench.vf_ring(0, HERE)
    bench.write(1, vf.VFTDT, len(data))
    bench.wait(40)
    return bench, guest, data


def test_a_message_domain_sends_frames(plane):
    bench, guest, data = send_from_elsewhere(plane, latency=300_000)
    assert [frame for frame, _ in bench.out] == data
    assert guest.log[0][:3] == ("read", HERE, 48)
    payload = [(address, length) for kind, address, length, _ in guest.log if kind == "read" and address >= THERE]
    mrrs = bench.device.config.mrrs
    assert sorted(payload) == [piece for n, frame in enumerate(data) for piece in (
        (THERE + BUFFER * n, mrrs), (THERE + BUFFER * n + mrrs, len(frame) - mrrs))]
    assert all(tx_done(guest.get(HERE + 16 * n, 16)) for n in range(3))
    assert bench.device.faults == []


def test_the_time_of_an_answer_is_the_answerers(plane):
    """A frame needs two reads one after the other: the descriptor's and the payload's."""
    soon, late = (send_from_elsewhere(plane, latency)[0].out[0][1] for latency in (0, 2 * US))
    assert 4 * US - 20_000 <= late - soon <= 4 * US + 20_000


def test_a_message_domain_receives_frames(plane):
    bench, data = Bench(plane), frames(3, size=300)
    guest = Elsewhere(bench, 1, 300_000)
    for n in range(4):
        guest.put(HERE + 16 * n, rx_read(THERE + BUFFER * n))
    bench.enable_both_directions()
    bench.deliver_to(0)
    bench.vf_ring(0, HERE, receive=True)
    bench.write(1, vf.VFRDT, 4)
    bench.wait()
    guest.log.clear()
    for frame in data:
        bench.device.frame_in(frame)
    bench.wait()
    for n, frame in enumerate(data):
        assert guest.get(THERE + BUFFER * n, len(frame)) == frame
        assert rx_status(guest.get(HERE + 16 * n, 16)) == (True, True, len(frame), 0)
    order = [address for kind, address, _, _ in guest.log if kind == "write"]
    for n in range(3):
        assert order.index(THERE + BUFFER * n) < order.index(HERE + 16 * n), "data before the status that announces it"
    assert max(length for _, _, length, _ in guest.log) <= bench.device.config.mps


def test_a_blocking_read_inside_a_dma_callback_is_refused(plane):
    bench = Bench(plane)
    guest = Elsewhere(bench, 1)
    refused: list[bool] = []

    def on_read(*message: int, answer: Callable[..., None] = guest.on_read) -> None:
        with pytest.raises(ModelBug):
            bench.read(0, pf.STATUS)
        refused.append(True)
        answer(*message)

    bench.device.on_dma_read = on_read
    bench.enable_both_directions()
    bench.vf_ring(0, HERE)
    bench.write(1, vf.VFTDT, 1)
    bench.wait()
    assert refused


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
