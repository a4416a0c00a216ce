"""Captures: what is read, left out, refused and written."""

from __future__ import annotations

import io
import itertools
import shutil
import struct
import subprocess

import dpkt
import pytest
from made_captures import MAX_FRAME, block, enhanced, interface, packets, pcap, section
from scapy.all import wrpcap, wrpcapng

from nicmodel.lab import captures
from nicmodel.lab.captures import (
    CUT_SHORT,
    NOT_ETHERNET,
    OVERSIZE,
    RUNT,
    TRUNCATED,
    read_capture,
    write_capture,
)
from nicmodel.sim.errors import ScenarioError


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
