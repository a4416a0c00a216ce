"""Replay: the frames of a capture go out through VFs to the wire, and from the wire back into VFs.

This file says which VF sends which frame and whether every byte survived; the testbench moves the frames.

Maps: `round-robin` (frame k to VF k mod n; the default), a VF number (all frames), `by-source` (each source
address gets the next VF in the order of appearance), or a list of source addresses, `*` standing for the
others: `52:54:00:12:34:56=0,52:54:00:12:34:57=1,*=2`. Frames whose source is not in the list are left out and
counted.

A replay takes the keys that say what the machine is (`BASE` is what it is otherwise). Those that say what is sent and when,
what a ring agent's CPU time is, and what is kept or judged, it refuses: the capture, and rings that run in Python, have nothing
of that.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nicmodel
from nicmodel.lab.captures import MIN_UNPADDED, Capture, read_capture
from nicmodel.lab.loading import build, flat, known_keys
from nicmodel.lab.run import check_call
from nicmodel.lab.scenario import SCHEMA, Scenario
from nicmodel.sim.errors import ScenarioError

if TYPE_CHECKING:
    from nicmodel.lab.testbench import Progress, ReplayResult

ROUND_ROBIN, BY_SOURCE, UNMAPPED = "round-robin", "by-source", "from a source that --vf does not name"
BASE = {
    "id": "replay",
    "doc": "Frames of a capture through VFs.",
    "profile": "x520",
    "num_vfs": 4,
    "payload": "full",
    "direction": "both",
}
UNUSED = {  # tables and keys that a replay does not use
    "frame_size", "direction", "load", "warmup", "duration", "packets", "traffic", "faults", "life", "record", "expect",
    "nic.vf_rate", "nic.vf_burst", "host.irq_latency", "host.cores", "host.core_switch",
    *(f"driver.{name}" for name in ("batch", "rs_batch", "poll", "pass_cost", "irq_cost", "tx_cost", "rx_cost", "doorbell_cost")),
}
_NAMES = ("id", "doc", "schema")
_MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
MAP_HELP = (
    "write round-robin, by-source, a VF number, or source addresses like "
    "52:54:00:12:34:56=0,52:54:00:12:34:57=1,*=2"
)


@dataclass
class Verdict:
    """What became of the frames one VF sent and was to receive."""

    vf: int
    sent: int = 0
    on_wire: int = 0
    received: int = 0
    tx_ok: bool = True
    rx_ok: bool = True


@dataclass
class Replayed:
    """A replay's outcome: per VF, and the frames that left the wire as (time in ps, bytes without FCS)."""

    capture: str
    scenario: Scenario
    frames: int
    skipped: dict[str, int]
    vfs: list[Verdict]
    wire: list[tuple[int, bytes]]
    padded: int
    strays: int
    interrupted: bool = False
    wall: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether every frame sent came out on the wire and came back to its VF, in order, byte for byte."""
        return self.strays == 0 and not self.interrupted and all(v.tx_ok and v.rx_ok for v in self.vfs)

    def to_dict(self) -> dict[str, Any]:
        """What the JSON holds."""
        rows = [
            {
                "vf": v.vf,
                "sent": v.sent,
                "on_wire": v.on_wire,
                "received": v.received,
                "tx_ok": v.tx_ok,
                "rx_ok": v.rx_ok,
            }
            for v in self.vfs
        ]
        return {
            "schema": SCHEMA,
            "meta": {
                "capture": self.capture,
                "version": nicmodel.__version__,
                "config": self.scenario.config(),
            },
            "simulated": {
                "frames": self.frames,
                "skipped": self.skipped,
                "vfs": rows,
                "padded": self.padded,
                "strays": self.strays,
                "ok": self.ok,
                "interrupted": self.interrupted,
            },
            "wall": self.wall,
        }


def assign(frames: Sequence[bytes], vf_map: str, num_vfs: int) -> list[int | None]:
    """The VF of each frame, None where the map names none. Raises ScenarioError.

    >>> assign([bytes(14)] * 3, "round-robin", 2), assign([bytes(14)], "1", 2)
    ([0, 1, 0], [1])
    """
    if vf_map == ROUND_ROBIN:
        return [k % num_vfs for k in range(len(frames))]
    sources = [frame[6:12] for frame in frames]
    if vf_map == BY_SOURCE:
        order = {source: k % num_vfs for k, source in enumerate(dict.fromkeys(sources))}
        return [order[source] for source in sources]
    if "=" not in vf_map:
        vf = _vf(vf_map, num_vfs)
        return [vf] * len(frames)
    table: dict[bytes | None, int] = {}
    for entry in vf_map.split(","):
        mac, _, number = entry.strip().lower().replace("-", ":").partition("=")
        if mac != "*" and not _MAC.fullmatch(mac):
            raise ScenarioError(f'"{mac}" is not an address: {MAP_HELP}', file="--vf")
        table[None if mac == "*" else bytes.fromhex(mac.replace(":", ""))] = _vf(number, num_vfs)
    return [table.get(source, table.get(None)) for source in sources]


def _vf(text: str, num_vfs: int) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ScenarioError(f'"{text}" is not a map of frames to VFs: {MAP_HELP}', file="--vf")
    if len(text) > 4 or int(text) >= num_vfs:
        raise ScenarioError(
            f"there is no VF {text}: VFs are numbered 0 to {num_vfs - 1} (set num_vfs)", file="--vf"
        )
    return int(text)


def replay(
    path: str | Path,
    scenario: Scenario,
    vf_map: str = ROUND_ROBIN,
    *,
    plane: str = "fast",
    progress: Progress | None = None,
    stop: threading.Event | None = None,
) -> Replayed:
    """Send a capture's frames through VFs and back. Raises ScenarioError."""
    check_call(plane, progress, stop)
    if scenario.payload != "full":
        raise ScenarioError(
            f"payload: {scenario.payload} is not allowed: a replay moves every byte, which is full",
            key="payload",
        )
    for key, asked in (("faults.events", scenario.faults.events), ("life", scenario.life.on)):
        if asked:
            raise ScenarioError(f"{key}: a replay has none: nothing happens but its frames", key=key)
    check_keys(scenario)
    capture: Capture = read_capture(Path(path), scenario.adapter.max_frame)
    chosen = assign(capture.frames, vf_map, scenario.num_vfs)
    frames = [frame for frame, vf in zip(capture.frames, chosen, strict=True) if vf is not None]
    assignment = [vf for vf in chosen if vf is not None]
    skipped = dict(capture.skipped) | ({UNMAPPED: n} if (n := len(chosen) - len(frames)) else {})
    if not frames:
        verdicts = [Verdict(vf) for vf in range(scenario.num_vfs)]
        return Replayed(str(path), scenario, 0, skipped, verdicts, [], 0, 0)
    from nicmodel.lab.testbench import replay_frames

    result = replay_frames(frames, assignment, scenario, plane=plane, progress=progress, stop=stop)
    return judge(str(path), scenario, frames, assignment, skipped, result, plane)


def machine(settings: Mapping[str, Any]) -> Scenario:
    """A replay's scenario: `BASE`, with some keys replaced. Whatever the value, a key that a replay does not use is told
    to be one. Raises ScenarioError."""
    for key, _ in flat(settings):
        if is_unused(key):
            raise _unused(key)
    return build(BASE, "replay", settings)


def is_unused(key: str) -> bool:
    """Whether a replay does not use a key."""
    return key in UNUSED or key.partition(".")[0] in UNUSED


def check_keys(scenario: Scenario) -> None:
    """Refuse what a replay would not use: anything else than what adapter and host have by themselves."""
    own = {"profile": scenario.profile, "num_vfs": scenario.num_vfs, "host.profile": scenario.host.profile}
    plain = build(BASE, overrides=own)
    for key in filter(is_unused, known_keys()):
        if _value(scenario, key) != _value(plain, key):
            raise _unused(key)


def _unused(key: str) -> ScenarioError:
    """What is said of a key that a replay does not use."""
    used = [name for name in known_keys() if not is_unused(name) and name not in _NAMES]
    table = key.rpartition(".")[0]
    beside = ", ".join(name.rpartition(".")[2] for name in used if table and name.startswith(f"{table}."))
    top = ", ".join(name for name in used if "." not in name)
    tables = ", ".join(dict.fromkeys(f"[{name.partition('.')[0]}]" for name in used if "." in name))
    takes = f"of [{table}] it takes {beside}" if beside else f"it takes {top}, and keys of {tables}"
    return ScenarioError(f"{key}: a replay does not use it: {takes}", key=key)


def _value(scenario: Scenario, key: str) -> Any:
    return reduce(getattr, key.split("."), scenario)


def judge(
    capture: str,
    scenario: Scenario,
    frames: Sequence[bytes],
    assignment: Sequence[int],
    skipped: dict[str, int],
    result: ReplayResult,
    plane: str,
) -> Replayed:
    """Compare what was sent with what left the wire and what each VF received.

    A frame below the Ethernet minimum may have been padded with zeros on the wire; that is counted, and is no
    loss. Per VF the order must hold; between VFs the wire may interleave as it likes. Of frames that look alike nobody can
    tell whose is missing: then no VF that sent such a frame is intact.
    """
    wire = [frame for _, frame in result.wire_frames]
    sent: dict[int, list[bytes]] = {vf: [] for vf in range(scenario.num_vfs)}
    for frame, vf in zip(frames, assignment, strict=True):
        sent[vf].append(frame)
    received: dict[int, list[bytes]] = {vf: [] for vf in range(scenario.num_vfs)}
    for vf, frame, *_ in result.received:
        received.setdefault(vf, []).append(frame)
    on_wire = list(map(canonical, wire))
    strays = sum((Counter(on_wire) - Counter(map(canonical, frames))).values())
    padded = sum((Counter(wire) - Counter(frames)).values()) - strays
    missing = Counter(map(canonical, frames)) - Counter(on_wire)
    verdicts = []
    for vf, own in sent.items():
        expected = list(map(canonical, own))
        complete = in_order(expected, on_wire) == len(own) and missing.keys().isdisjoint(expected)
        found = len(own) if complete else sum((Counter(expected) & Counter(on_wire)).values())
        back = list(map(canonical, received[vf]))
        verdicts.append(
            Verdict(
                vf, sent=len(own), on_wire=found, received=len(back), tx_ok=complete, rx_ok=back == expected
            )
        )
    return Replayed(
        capture,
        scenario,
        len(frames),
        skipped,
        verdicts,
        list(result.wire_frames),
        padded,
        strays,
        interrupted=result.interrupted,
        wall={"plane": plane, "seconds": result.wall_seconds},
    )


def canonical(frame: bytes) -> bytes:
    """A frame as the wire may carry it: padded with zeros to the Ethernet minimum."""
    return frame.ljust(MIN_UNPADDED, b"\0")


def in_order(wanted: Sequence[bytes], stream: Any) -> int:
    """How many of `wanted` occur in `stream`, in their order.

    >>> in_order([b"a", b"c"], [b"a", b"b", b"c"]), in_order([b"c", b"a"], [b"a", b"b", b"c"])
    (2, 1)
    """
    found = 0
    for frame in stream:
        if found < len(wanted) and frame == wanted[found]:
            found += 1
    return found
