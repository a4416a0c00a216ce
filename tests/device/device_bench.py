"""A bare x520 for tests of the standalone door: enumerated, with guests' memory, and rings written by hand."""

from __future__ import annotations

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.datasheet.config_pf import PF_MSIX_BAR, VF_MSIX_BAR
from nicmodel.datasheet.descriptors import rx_read, tx_data
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.datasheet.timing import MSIX_ADDRESS
from nicmodel.device import ALL_ONES, Device, plane_config
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import Payload

X520 = PROFILES["x520"]
US, KB = 1_000_000, 1 << 10
RING, BUFFER = 64, 2 * KB                                 # descriptors, bytes
COMMAND, BUS_MASTER = 0x04, 4
MSIX_CONTROL = 0x72
BROADCAST = bytes.fromhex("ffffffffffff 020000000001 88b5")


class Bench:
    """An enumerated x520 with `num_vfs` VFs, and a guest memory for each function that asks."""

    def __init__(self, plane: str, num_vfs: int = 2, enable: bool = True, payload: Payload = Payload.FULL):
        self.device = Device(X520, plane_config(X520, num_vfs=num_vfs, payload=payload, frames_out=True), plane=plane)
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

    def attach(self, function: int, index: int | None = None) -> Domain:
        """A guest memory of this index; by default the function's number."""
        domain = self.guests[function] = Domain(function if index is None else index, 1 << 20)
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


def send(bench: Bench, number: int, data: list[bytes], index: int | None = None) -> tuple[Domain, int]:
    """VF `number` sends frames with descriptors written here; returns its memory, of this index, and the ring's address."""
    guest = bench.attach(1 + number, index)
    ring = guest.allocate(16 * RING)
    for n, frame in enumerate(data):
        buffer = guest.allocate(BUFFER)
        guest.write(buffer, frame)
        guest.write(ring + 16 * n, tx_data(buffer, len(frame)))
    bench.enable_both_directions()
    bench.vf_ring(number, ring)
    bench.write(1 + number, vf.VFTDT, len(data))
    return guest, ring


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
