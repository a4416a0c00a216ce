"""Replay of captures: which VF sends what, the judge of survival, what is refused."""

from __future__ import annotations

import json

import lab_fakes
import pytest
from made_captures import MAX_FRAME, SOURCES, packets, pcap
from scapy.all import wrpcap

from nicmodel.lab import replay as module
from nicmodel.lab.captures import (
    TRUNCATED,
    read_capture,
)
from nicmodel.lab.loading import build
from nicmodel.lab.replay import BASE, assign, judge, replay
from nicmodel.sim.errors import ScenarioError


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
    assert "1framethrough1VFofx520VF" in "".join(out.split()) and "holds 1 frame that left the wire" in err


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


def test_a_replay_that_is_stopped_before_a_frame_left_keeps_the_earlier_file(command, tmp_path, monkeypatch):
    cut = lab_fakes.ReplayResult([], [])
    cut.interrupted = True
    lab_fakes.install(monkeypatch, replay_frames=lambda *_, **__: cut)
    wrpcap(str(tmp_path / "made.pcap"), packets())
    (tmp_path / "out.pcapng").write_bytes(b"an earlier one")
    status, out, err = command("replay", tmp_path / "made.pcap", "--write", tmp_path / "out.pcapng")
    assert (status, err) == (130, "") and (tmp_path / "out.pcapng").read_bytes() == b"an earlier one"
    assert "Stopped early" in out and "cut short" in out and "NOT INTACT" not in out


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
