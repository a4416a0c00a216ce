"""Captures and replay: what is read, left out, refused and written; the judge of survival."""

from __future__ import annotations

import io
import itertools
import json
import shutil
import struct
import subprocess

import dpkt
import lab_fakes
import pytest
from scapy.all import IP, UDP, Dot1Q, Ether, Raw, wrpcap, wrpcapng

from nicmodel.lab import captures
from nicmodel.lab import replay as module
from nicmodel.lab.captures import (
    CUT_SHORT,
    NOT_ETHERNET,
    OVERSIZE,
    RUNT,
    TRUNCATED,
    read_capture,
    write_capture,
)
from nicmodel.lab.loading import build
from nicmodel.lab.replay import BASE, assign, judge, replay
from nicmodel.sim.errors import ScenarioError

MAX_FRAME = 9728
SOURCES = ["02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"]


def packets(count=6):
    made = []
    for k in range(count):
        layers = Ether(src=SOURCES[k % 3], dst="02:00:00:00:00:ff")
        layers = layers / Dot1Q(vlan=5) if k == 1 else layers
        layers = layers / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1000 + k)
        made.append(layers / Raw(bytes(range(20 * k))))
    return made


def pcap(*records, magic=b"\xd4\xc3\xb2\xa1", order="<", link=1, extra=b""):
    """A pcap file of (captured bytes, original length)."""
    out = magic + struct.pack(order + "HHiIII", 2, 4, 0, 0, 65535, link)
    for data, length in records:
        out += struct.pack(order + "IIII", 1, 2, len(data), length) + data
    return out + extra


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order):
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order, link=1, snap=0, options=b""):
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def enhanced(order, data, length=None, number=0):
    length = len(data) if length is None else length
    return block(order, 6, struct.pack(order + "IIIII", number, 0, 0, len(data), length) + data)


def read(tmp_path, content):
    file = tmp_path / "in.pcap"
    file.write_bytes(content)
    return read_capture(file, MAX_FRAME)


@pytest.mark.parametrize("writer", [wrpcap, wrpcapng])
def test_frames_of_a_packet_library_are_read_byte_for_byte(tmp_path, writer):
    made = packets()
    writer(str(tmp_path / "made"), made)
    capture = read_capture(tmp_path / "made", MAX_FRAME)
    assert capture.frames == [bytes(p) for p in made] and not capture.skipped


@pytest.mark.parametrize(("magic", "order"), [(m, o) for m, o in captures.PCAP_MAGICS.items()])
def test_every_byte_order_and_resolution_is_read(tmp_path, magic, order):
    frame = bytes(range(64))
    assert read(tmp_path, pcap((frame, 64), magic=magic, order=order)).frames == [frame]


def test_what_cannot_be_replayed_is_left_out_and_counted(tmp_path):
    good = bytes(60)
    capture = read(
        tmp_path,
        pcap(
            (good, 60),
            (good, 1500),
            (bytes(MAX_FRAME - 3), MAX_FRAME - 3),
            (b"\1" * 13, 13),
            (bytes(MAX_FRAME - 4), MAX_FRAME - 4),
        ),
    )
    assert capture.frames == [good, bytes(MAX_FRAME - 4)]
    assert capture.skipped == {TRUNCATED: 1, OVERSIZE: 1, RUNT: 1}


@pytest.mark.parametrize("cut", [1, 15, 16, 40, 75])
def test_a_file_that_ends_within_a_record_gives_what_came_before(tmp_path, cut):
    whole = pcap((bytes(60), 60))
    tail = pcap((bytes(60), 60))[24:][:cut]
    capture = read(tmp_path, whole + tail)
    assert capture.frames == [bytes(60)] and capture.skipped == {CUT_SHORT: 1}


def test_zero_packets_are_no_error(tmp_path):
    assert read(tmp_path, pcap()).frames == []
    assert read(tmp_path, section("<") + interface("<")).frames == []


def test_a_checksum_kept_by_the_capture_is_taken_off(tmp_path):
    frame = bytes(range(64))
    with_fcs = 1 | captures.FCS_PRESENT | 2 << 28
    assert read(tmp_path, pcap((frame, 64), link=with_fcs)).frames == [frame[:60]]
    assert read(tmp_path, pcap((frame, 64), link=1 | 2 << 28)).frames == [frame], "the length counts only where it is said to"
    for length in (4, 32):      # writers give bytes or bits
        option = struct.pack("<HHB3x", 13, 1, length) + bytes(4)
        assert read(tmp_path, section("<") + interface("<", options=option) + enhanced("<", frame)).frames == [frame[:60]]


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_of_either_order_with_all_its_packet_blocks(tmp_path, order):
    frame = bytes(range(61))
    simple = block(order, 3, struct.pack(order + "I", 61) + frame)
    old = block(order, 2, struct.pack(order + "HHIIII", 0, 0, 0, 0, 61, 61) + frame)
    unknown = block(order, 0xBAD, b"1234")
    content = section(order) + interface(order) + enhanced(order, frame) + unknown + simple + old
    capture = read(
        tmp_path,
        content
        + section("<")
        + interface("<", snap=20)
        + enhanced("<", frame, 99)
        + block("<", 3, struct.pack("<I", 61) + frame[:20]),
    )
    assert capture.frames == [frame] * 3 and capture.skipped == {TRUNCATED: 2}


def test_frames_of_other_links_are_left_out(tmp_path):
    content = (
        section("<")
        + interface("<", link=113)
        + interface("<")
        + enhanced("<", bytes(60))
        + enhanced("<", bytes(62), number=1)
    )
    capture = read(tmp_path, content)
    assert capture.frames == [bytes(62)] and capture.skipped == {NOT_ETHERNET: 1}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"\x1f\x8b\x08\x00rest", "no pcap or pcapng file"),
        (b"\xd4\xc3", "no pcap or pcapng file"),
        (pcap()[:20], "ends within its header"),
        (pcap(link=113), "link type is 113, not Ethernet"),
        (b"\xd4\xc3\xb2\xa1" + struct.pack("<HHiIII", 9, 4, 0, 0, 0, 1), "version 9"),
        (pcap() + struct.pack("<IIII", 0, 0, 1 << 31, 60), "claims 2147483648 bytes"),
        (section("<")[:20], "ends within its header"),
        (section("<")[:8] + b"abcd" + section("<")[12:], "no byte-order mark"),
        (section("<") + enhanced("<", bytes(60)), "interface 0, which is not described"),
        (section("<") + struct.pack("<II", 6, 8), "a block claims 8 bytes"),
        (section("<") + struct.pack("<III", 5, 12, 16), "two lengths differ"),
        (
            section("<") + interface("<") + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 99, 99)),
            "claims 99 bytes",
        ),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path, content, says):
    with pytest.raises(ScenarioError, match=says) as error:
        read(tmp_path, content)
    assert "\n" not in str(error.value) and "in.pcap" in str(error.value)


@pytest.mark.parametrize("content, longest", [
    (pcap((bytes(60), 60)), 60), (section("<") + interface("<") + enhanced("<", bytes(60)), 92)], ids=("pcap", "pcapng"))
def test_a_record_may_be_as_long_as_the_longest(tmp_path, monkeypatch, content, longest):
    """92: a block with 32 bytes around its frame. The limit is made small here: 16 MiB of zeros would show no more."""
    monkeypatch.setattr(captures, "MAX_RECORD", longest)
    assert read(tmp_path, content).frames == [bytes(60)]
    monkeypatch.setattr(captures, "MAX_RECORD", longest - 1)
    with pytest.raises(ScenarioError, match=f"claims {longest} bytes"):
        read(tmp_path, content)


@pytest.mark.parametrize("header, blocks", [
    (section("<"), [interface("<"), enhanced("<", bytes(60))]), (pcap(), [pcap((bytes(60), 60))[len(pcap()):]])],
    ids=["pcapng", "pcap"])
def test_a_prefix_of_a_capture_is_refused_or_gives_what_is_whole_in_it(tmp_path, header, blocks):
    """A file that ends within its header is no capture; between two blocks it is a shorter one; else its last block is cut."""
    content = header + b"".join(blocks)
    ends = list(itertools.accumulate(map(len, blocks), initial=len(header)))
    for end in range(len(header)):
        says = "it is empty" if end == 0 else "it is no pcap or pcapng file" if end < 4 else "it ends within its header"
        with pytest.raises(ScenarioError, match=says):
            read(tmp_path, content[:end])
    for end in range(len(header), len(content)):
        capture = read(tmp_path, content[:end])
        assert (capture.frames, capture.skipped) == ([], {} if end in ends else {CUT_SHORT: 1}), end
    whole = read(tmp_path, content)
    assert (whole.frames, whole.skipped) == ([bytes(60)], {})


FRAMES = [(1_234_567_890_123, bytes(range(60))), (1_234_567_891_000, bytes(61)), (2 * 10**12, bytes(1514))]


def test_what_is_written_reads_back_with_its_times(tmp_path):
    file = write_capture(tmp_path / "out.pcapng", FRAMES)
    reader = dpkt.pcapng.Reader(io.BytesIO(file.read_bytes()))
    back = list(reader)
    assert [frame for _, frame in back] == [frame for _, frame in FRAMES]
    assert back[0][0] == pytest.approx(1.234567890, abs=1e-9)
    assert read_capture(file, MAX_FRAME).frames == [frame for _, frame in FRAMES]


@pytest.mark.outside
def test_tshark_reads_what_is_written_without_complaint(tmp_path):
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("tshark is not installed")
    made = [(1000 * k, bytes(p).ljust(60, b"\0")) for k, p in enumerate(packets())]
    file = write_capture(tmp_path / "out.pcapng", made)
    done = subprocess.run(
        [tshark, "-r", file, "-T", "fields", "-e", "frame.len", "-e", "frame.time_epoch"],
        capture_output=True,
        text=True,
        check=True,
    )
    complaints = [line for line in done.stderr.splitlines() if "root" not in line and line.strip()]
    assert complaints == []
    lines = done.stdout.splitlines()
    assert [int(line.split("\t")[0]) for line in lines] == [len(frame) for _, frame in made]
    assert [line.split("\t")[1][-9:] for line in lines[:4:3]] == ["000000000", "000000003"]
    assert all(float(line.split("\t")[1]) < 1 for line in lines)


def test_maps_assign_frames_to_vfs():
    frames = [bytes(p) for p in packets()]
    assert assign(frames, "round-robin", 4) == [0, 1, 2, 3, 0, 1]
    assert assign(frames, "by-source", 2) == [0, 1, 0, 0, 1, 0]
    assert assign(frames, "3", 4) == [3] * 6
    assert assign(frames, f"{SOURCES[0]}=2,{SOURCES[1].upper().replace(':', '-')}=1", 4) == [2, 1, None] * 2
    assert assign(frames, f"{SOURCES[0]}=2,*=0", 4) == [2, 0, 0] * 2


@pytest.mark.parametrize("text", ["somehow", "4", "-1", "", "02:00=1", f"{SOURCES[0]}=9", f"{SOURCES[0]}=x"])
def test_a_bad_map_is_one_sentence(text):
    with pytest.raises(ScenarioError, match="--vf: "):
        assign([bytes(60)], text, 4)


def scenario(**overrides):
    return build(BASE, None, overrides)


def test_frames_that_survive_are_said_to(testbench, command, tmp_path):
    wrpcap(str(tmp_path / "made.pcap"), packets())
    status, out, err = command("replay", tmp_path / "made.pcap", "--write", tmp_path / "out.pcapng")
    assert status == 0 and "in order, byte for byte" in out and "6 frames that left the wire" in err
    assert "Padded    1 below" in out
    back = read_capture(tmp_path / "out.pcapng", MAX_FRAME).frames
    assert back == [bytes(p).ljust(60, b"\0") for p in packets()]


def test_one_frame_and_one_vf_are_not_told_of_as_many(testbench, command, tmp_path):
    wrpcap(str(tmp_path / "made.pcap"), packets()[:1])
    _, out, err = command("replay", tmp_path / "made.pcap", "--set", "num_vfs=1", "--write", tmp_path / "out.pcapng")
    assert "made.pcap: 1 frame through 1 VF of x520\n" in out and "holds 1 frame that left the wire" in err


def test_the_replays_json_counts_per_vf(testbench, command, tmp_path):
    wrpcap(str(tmp_path / "made.pcap"), packets())
    status, out, _ = command("replay", tmp_path / "made.pcap", "--vf", f"{SOURCES[0]}=1", "--json")
    value = json.loads(out)
    assert status == 0 and value["simulated"]["skipped"] == {module.UNMAPPED: 4}
    assert [v["sent"] for v in value["simulated"]["vfs"]] == [0, 2, 0, 0] and value["simulated"]["ok"]


@pytest.mark.parametrize(
    "damage",
    [
        lambda r: r.wire_frames.pop(),
        lambda r: r.received.pop(0),
        lambda r: r.wire_frames.__setitem__(0, (0, b"\xff" * 60)),
        lambda r: r.wire_frames.append((9, b"\xee" * 60)),
        lambda r: r.received.__setitem__(0, (3, *r.received[0][1:])),
        lambda r: r.received.reverse(),
        lambda r: r.wire_frames.reverse(),
    ],
)
def test_any_loss_change_or_reordering_is_seen(monkeypatch, command, tmp_path, damage):
    def replay_frames(*args, **kw):
        result = lab_fakes.replay_frames(*args, **kw)
        damage(result)
        return result

    lab_fakes.install(monkeypatch, replay_frames=replay_frames)
    wrpcap(str(tmp_path / "made.pcap"), packets())
    status, out, _ = command("replay", tmp_path / "made.pcap", "--vf", "by-source", "--set", "num_vfs=4")
    assert status == 1 and "Not every frame survived" in out


def test_the_wire_may_interleave_vfs(testbench):
    frames = [bytes([k]) * 60 for k in range(4)]
    result = lab_fakes.ReplayResult(
        [(k, frames[n]) for k, n in enumerate((2, 0, 3, 1))],
        [(0, frames[0], 0), (1, frames[2], 0), (0, frames[1], 0), (1, frames[3], 0)],
    )
    assert judge("x", scenario(), frames, [0, 0, 1, 1], {}, result, "fast").ok


def test_a_replay_that_was_stopped_is_not_ok_even_if_nothing_is_missing():
    frames = [bytes([k]) * 60 for k in range(2)]
    result = lab_fakes.replay_frames(frames, [0, 1], scenario())
    assert judge("x", scenario(), frames, [0, 1], {}, result, "fast").ok
    result.interrupted = True
    assert not judge("x", scenario(), frames, [0, 1], {}, result, "fast").ok


def test_a_loss_is_seen_though_another_vf_sent_the_same_frame(testbench):
    same, other = bytes(60), bytes([1]) * 60
    back = [(vf, frame, 0) for vf, frame in ((0, same), (1, same), (2, other))]
    result = lab_fakes.ReplayResult([(0, same), (1, other)], back)
    judged = judge("x", scenario(num_vfs=3), [same, same, other], [0, 1, 2], {}, result, "fast")
    assert not judged.ok and [vf.tx_ok for vf in judged.vfs] == [False, False, True]


def test_nothing_to_replay_is_said(testbench, command, tmp_path):
    (tmp_path / "none.pcap").write_bytes(pcap((bytes(60), 90)))
    status, out, _ = command("replay", tmp_path / "none.pcap", "--write", tmp_path / "out.pcapng")
    assert status == 0 and "nothing to replay" in out and TRUNCATED in out
    assert read_capture(tmp_path / "out.pcapng", MAX_FRAME).frames == []


def test_a_replay_does_not_write_over_its_capture(testbench, command, tmp_path):
    wrpcap(str(tmp_path / "made.pcap"), packets())
    (tmp_path / "same.pcap").symlink_to("made.pcap")
    before = (tmp_path / "made.pcap").read_bytes()
    for name in ("made.pcap", "same.pcap"):
        status, _, err = command("replay", tmp_path / "made.pcap", "--write", tmp_path / name)
        assert status == 2 and f"--write: {tmp_path / name} is the file that is read: write to another" in err
    assert (tmp_path / "made.pcap").read_bytes() == before


def test_a_replay_moves_every_byte(testbench, tmp_path):
    with pytest.raises(ScenarioError, match="payload"):
        replay(tmp_path / "x", scenario(payload="lengths"))


@pytest.mark.parametrize(("asked", "says"), [
    ({"direction": "rx"}, "direction: a replay does not use it: it takes profile, num_vfs, seed, ring_size, queues_per_vf, "
                          r"payload, and keys of \[nic\], \[pcie\], \[host\], \[driver\]"),
    ({"load": "10%"}, "load: a replay does not use it: it takes profile, "),
    ({"traffic.connections": 4}, "traffic.connections: a replay does not use it: it takes profile, "),
    ({"record.rows": True}, "record.rows: a replay does not use it"),
    ({"life.pnp": "1us"}, "life.pnp: a replay does not use it"),
    ({"expect": [{"what": "jain", "above": 0.9, "source": "x"}]}, "expect: a replay does not use it"),
    ({"driver.poll": "1us"}, r"driver.poll: a replay does not use it: of \[driver\] it takes itr, rss, "),
    ({"nic.vf_rate": "1Gbps"}, r"nic.vf_rate: a replay does not use it: of \[nic\] it takes scheduler, "),
    ({"host.profile": "xeon_iommu", "host.cores": 2}, r"host.cores: a replay does not use it: of \[host\] it takes profile, "),
])
def test_what_a_replay_does_not_use_is_refused(testbench, tmp_path, asked, says):
    wrpcap(str(tmp_path / "made.pcap"), packets())
    with pytest.raises(ScenarioError, match=f"^{says}"):
        replay(tmp_path / "made.pcap", scenario(**asked))


@pytest.mark.parametrize("asked", [{}, {"profile": "vf100g"}, {"host.profile": "xeon_tail"}, {"num_vfs": 1}, {"seed": 2},
                                   {"driver.itr": "20us"}, {"pcie.mps": "128B"}, {"direction": "both"}])
def test_what_it_uses_is_not(testbench, tmp_path, asked):
    wrpcap(str(tmp_path / "made.pcap"), packets())
    assert replay(tmp_path / "made.pcap", scenario(**asked)).ok


@pytest.mark.parametrize("asked", [{"faults.events": [{"at": 1, "kind": "flr", "vf": 0}]}, {"life.attached": 0}])
def test_what_would_not_happen_in_a_replay_is_refused(tmp_path, asked):
    with pytest.raises(ScenarioError, match="a replay has none"):
        replay(tmp_path / "x", scenario(**asked))
