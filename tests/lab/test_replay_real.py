"""Frames of a capture through the whole machine: out of the wire and back into their VF, byte for byte."""

from __future__ import annotations

import json
import random
import shutil
import subprocess

import pytest
from drawn import DRAWN
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6ND_NS, IPv6
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import PcapNgReader, RawPcapNgReader, wrpcap

from nicmodel.lab import testbench
from nicmodel.lab.loading import build
from nicmodel.lab.replay import BASE, Replayed, is_unused, replay

PLANES = ("fast", "reference")
SENDER = "52:54:00:12:34:{:02x}"
SIZES = (*range(14, 61), 63, 64, 65, 127, 128, 129, 255, 256, 257, 508, 511, 512, 513, 1023, 1024, 1025, 1510, 1513, 1514)


def of_size(size: int, seed: int = 1) -> bytes:
    """Random bytes behind a header with a destination of every kind in turn; every third frame carries a VLAN tag."""
    dice = random.Random(f"{size} {seed}")
    destination = ("ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:fb", "33:33:00:00:00:01", "52:54:00:99:00:01")[size % 4]
    header = Ether(src=SENDER.format(size % 5), dst=destination, type=0x88B5)
    if size % 3 == 0 and size >= 18:
        header = Ether(src=header.src, dst=destination) / Dot1Q(vlan=1 + size % 4094, prio=size % 8, type=0x88B5)
    return (bytes(header) + dice.randbytes(size))[:size]


def conversation() -> list[bytes]:
    """What real hosts say: ARP, IPv4, IPv6, tagged and doubly tagged frames."""
    one, two = SENDER.format(1), SENDER.format(2)
    packets = [
        Ether(src=one, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc="10.0.0.1", pdst="10.0.0.2"),
        Ether(src=two, dst=one) / ARP(op=2, psrc="10.0.0.2", pdst="10.0.0.1"),
        Ether(src=one, dst=two) / IP(src="10.0.0.1", dst="10.0.0.2") / ICMP() / Raw(bytes(56)),
        Ether(src=one, dst="01:00:5e:00:00:fb") / IP(dst="224.0.0.251") / UDP(sport=5353, dport=5353)
        / DNS(qd=DNSQR(qname="vf.local")),
        Ether(src=two, dst="33:33:ff:00:00:01") / IPv6(dst="ff02::1:ff00:1") / ICMPv6ND_NS(tgt="fe80::1"),
        Ether(src=one, dst=two) / Dot1Q(vlan=100, prio=5) / IP(dst="10.0.0.2") / TCP(dport=80) / Raw(b"x" * 1400),
        Ether(src=two, dst=one) / Dot1AD(vlan=7) / Dot1Q(vlan=4094) / IP(dst="10.0.0.1") / UDP(sport=9, dport=9)
        / Raw(b"y" * 300),
    ]
    return [bytes(packet) for packet in packets]


@pytest.fixture
def capture(tmp_path):
    """Write frames as a capture."""
    def write(frames):
        path = tmp_path / "in.pcap"
        wrpcap(str(path), [Ether(frame) for frame in frames])
        return path
    return write


def moved(path, plane: str, vf_map: str = "round-robin", **overrides) -> Replayed:
    return replay(path, build(BASE, "replay", overrides), vf_map, plane=plane)


def check(replayed: Replayed, frames: list[bytes], assignment: list[int], spied) -> None:
    """Every VF's frames on the wire in its order, and the same back, to the byte and without padding."""
    assert replayed.ok and (replayed.frames, replayed.strays, replayed.padded) == (len(frames), 0, 0)
    assert not replayed.skipped
    times = [time for time, _ in replayed.wire]
    assert times == sorted(times) and len(set(times)) == len(times)
    wire = [frame for _, frame in replayed.wire]
    assert sorted(wire) == sorted(frames)
    for vf in range(replayed.scenario.num_vfs):
        own = [frame for frame, to in zip(frames, assignment, strict=True) if to == vf]
        assert [frame for frame in wire if frame in set(own)] == own
        assert [frame for to, frame, _ in spied.received if to == vf] == own


@pytest.fixture
def spied(monkeypatch):
    """What the machine handed over, before anybody judged it."""
    class Spy:
        received: list = []

    def spy(*args, move=testbench.replay_frames, **kwargs):
        result = move(*args, **kwargs)
        Spy.received = result.received
        return result

    monkeypatch.setattr(testbench, "replay_frames", spy)
    return Spy


@pytest.mark.parametrize("plane", PLANES)
def test_frames_of_every_size_and_kind_go_out_and_come_back(capture, plane, spied):
    frames = [of_size(size) for size in SIZES]
    check(moved(capture(frames), plane), frames, [k % 4 for k in range(len(frames))], spied)


@pytest.mark.parametrize("plane", PLANES)
def test_a_conversation_goes_out_and_comes_back(capture, plane, spied):
    frames = conversation()
    assignment = [0, 1, 0, 0, 1, 0, 1]
    check(moved(capture(frames), plane, "by-source"), frames, assignment, spied)


@pytest.mark.parametrize("plane", PLANES)
def test_frames_to_the_adapters_own_addresses_go_to_the_wire_too(capture, plane, spied):
    """Addresses that PF and VFs have on this adapter: the switch must neither keep nor redirect them."""
    base = build(BASE, "replay").adapter.mac_base
    frames = [bytes(Ether(dst=(base + n % 6).to_bytes(6, "big").hex(":"), src=SENDER.format(n), type=0x88B5)) + bytes([n] * 50)
              for n in range(14)]
    check(moved(capture(frames), plane), frames, [k % 4 for k in range(14)], spied)


def test_planes_agree_on_when_frames_leave(capture):
    path = capture([of_size(size) for size in SIZES[::3]])
    fast, reference = (moved(path, plane) for plane in PLANES)
    assert fast.wire == reference.wire and fast.to_dict()["simulated"] == reference.to_dict()["simulated"]


def test_progress_rises_from_the_way_out_to_the_end_of_the_way_back():
    frames, told = [of_size(size) for size in SIZES[::3]], []
    testbench.replay_frames(frames, [k % 4 for k in range(len(frames))], build(BASE, "replay"),
                            progress=lambda fraction, figures: told.append(fraction))
    assert told == sorted(told) and told[0] > 0 and 0.5 in told and told[-1] == 1.0


DOES_HARM = {"driver.poll": "no interrupt is asked for", "traffic.pf": "the PF's rings are made, which takes time"}


@pytest.mark.parametrize("key", sorted(key for key in DRAWN if is_unused(key) and key not in DOES_HARM))
def test_a_key_that_a_replay_refuses_would_do_nothing(key):
    frames = [of_size(size) for size in SIZES[::3]]

    def outcome(**asked):
        scenario = build(BASE, "replay", {"num_vfs": 2} | asked)
        result = testbench.replay_frames(frames, [k % 2 for k in range(len(frames))], scenario)
        return result.wire_frames, result.received

    beside = {"nic.vf_burst": {"nic.vf_rate": "1Gbps"}, "traffic.loads": {"load": "5%"}}.get(key, {})
    assert outcome(**beside, **{key: DRAWN[key][1][-1]}) == outcome()


def test_more_frames_than_rings_hold_and_jumbo_frames_pass(capture, spied):
    """One VF, 1500 frames over rings of 64: the driver must take up what did not fit; up to the largest frame."""
    jumbo = build(BASE, "replay").adapter.max_frame - 4
    frames = [of_size(60 + n % 90, seed=n) for n in range(1500)] + [of_size(size) for size in (1515, 4000, 9000, jumbo)]
    check(moved(capture(frames), "fast", "0", ring_size=64), frames, [0] * len(frames), spied)


def test_the_larger_adapter_with_many_vfs_passes_frames_too(capture, spied):
    frames = [of_size(size) for size in SIZES]
    replayed = moved(capture(frames), "fast", profile="vf100g", num_vfs=70)
    check(replayed, frames, [k % 70 for k in range(len(frames))], spied)


@pytest.mark.parametrize("change", [
    lambda frame: frame[:-1] + bytes([frame[-1] ^ 1]),        # a bit
    lambda frame: frame + b"\0",                              # a byte more, above the minimum
    lambda frame: frame[:-1],                                 # a byte less
])
def test_a_damaged_frame_is_noticed(capture, monkeypatch, change):
    """One frame changed on its way back, and one on its way out."""
    path = capture([of_size(size) for size in (200, 300, 400, 500)])
    for place in ("wire_frames", "received"):
        def damage(*args, move=testbench.replay_frames, place=place, **kwargs):
            result = move(*args, **kwargs)
            rows = getattr(result, place)
            rows[0] = tuple(change(item) if isinstance(item, bytes) else item for item in rows[0])
            return result

        with monkeypatch.context() as patch:
            patch.setattr(testbench, "replay_frames", damage)
            replayed = moved(path, "fast")
        assert not replayed.ok
        tx_ok, rx_ok = (all(getattr(vf, name) for vf in replayed.vfs) for name in ("tx_ok", "rx_ok"))
        assert (tx_ok, rx_ok) == (place != "wire_frames", place != "received")


@pytest.mark.parametrize("plane", PLANES)
def test_the_command_writes_a_capture_of_what_left_the_wire(capture, command, tmp_path, plane):
    frames = [of_size(size) for size in SIZES] + conversation()
    status, out, err = command("replay", capture(frames), "--write", tmp_path / "out.pcapng", "--plane", plane, "--json")
    assert status == 0 and "out.pcapng" not in out
    assert json.loads(out)["simulated"]["ok"] is True
    with RawPcapNgReader(str(tmp_path / "out.pcapng")) as reader:
        written = [data for data, _ in reader]
    assert sorted(written) == sorted(frames)


@pytest.mark.outside
def test_tshark_reads_the_written_capture_without_complaint(capture, command, tmp_path):
    if shutil.which("tshark") is None:
        pytest.skip("tshark is not installed")
    frames, path = conversation(), tmp_path / "out.pcapng"
    status, _, _ = command("replay", capture(frames), "--vf", "0", "--write", path)
    assert status == 0

    def tshark(*args: str) -> str:
        done = subprocess.run(["tshark", "-r", str(path), *args], capture_output=True, text=True, check=True,
                              env={"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(tmp_path)})
        complaints = [line for line in done.stderr.splitlines() if not line.startswith("Running as user")]
        assert not complaints
        return done.stdout

    fields = [line.split("\t") for line in tshark(
        "-T", "fields", "-e", "frame.len", "-e", "eth.src", "-e", "frame.time_epoch", "-e", "frame.protocols").splitlines()]
    assert [int(row[0]) for row in fields] == [len(frame) for frame in frames]
    assert [bytes.fromhex(row[1].replace(":", "")) for row in fields] == [frame[6:12] for frame in frames]
    epochs = [float(row[2]) for row in fields]
    assert epochs == sorted(epochs) and epochs[0] > 0
    told = "\n".join(row[3] for row in fields)
    for protocol in ("eth:ethertype:arp", "icmp", "udp:mdns", "icmpv6", "vlan:ethertype:ip:tcp", "ieee8021ad"):
        assert protocol in told, protocol
    assert tshark("-Y", "_ws.malformed || _ws.expert.severity >= 8388608") == ""
    with PcapNgReader(str(path)) as reader:
        assert [bytes(packet) for packet in reader] == frames
