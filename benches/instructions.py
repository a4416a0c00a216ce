"""Instructions a packet of the compiled plane's run loop, counted under callgrind: repeatable on a busy computer.

    python -m benches.instructions             # count, compare with the limits, exit 1 if one is passed
    python -m benches.instructions --update    # show the difference and write new limits

`instructions.json` holds what was counted; CI allows MARGIN more, for other compilers.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benches.bare import EVERYTHING

HERE = Path(__file__).parent
COUNTED = HERE / "instructions.json"
MARGIN = 0.10
US = 1_000_000
SETTLE, WINDOW = 300 * US, 150 * US
# Conditions of `bare.bare`; each is a process of its own.
CASES: dict[str, dict[str, Any]] = {
    "tx 64 B, 63 VFs": {"direction": "tx"},
    "rx 64 B, 63 VFs": {"direction": "rx"},
    "both 64 B, 63 VFs": {"direction": "both"},
    "both 1518 B, 63 VFs": {"direction": "both", "frame": 1518},
    "tx 64 B, 63 VFs, with books": {"direction": "tx", "books": True},
    "both 64 B, 63 VFs, with books": {"direction": "both", "books": True},
    "both 64 B, 63 VFs, everything on": EVERYTHING,
    "both 64 B, 63 VFs, everything on, with books": EVERYTHING | {"books": True},
    "tx 64 B, 1 VF": {"vfs": 1},
    "tx 64 B, 63 VFs, an interrupt a pass": {"itr_ps": 0, "rs_batch": 1},
}
# Counting runs inside this C function only (the Python method of that name), and starts anew at a call of the other.
LOOP, MARK = "__pyx_pw_*FastPath_*run_until*", "*ring_state*"
SUMMARY = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)


def child(conditions: dict[str, Any]) -> None:
    """One case, run by `count` under callgrind."""
    sys.path.insert(0, str(HERE))
    from bare import bare, run

    from nicmodel.sim.plane import Direction

    plane = bare(**conditions)
    before = run(plane, SETTLE)
    plane.ring_state(Direction.TX, 0)
    print("packets", run(plane, SETTLE + WINDOW) - before)


def count(conditions: dict[str, Any]) -> float:
    """Instructions a packet inside the window."""
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no", f"--toggle-collect={LOOP}", f"--zero-before={MARK}",
             f"--callgrind-out-file={folder}/out", sys.executable, "-c",
             f"from benches.instructions import child; child({conditions!r})"],
            cwd=HERE.parent, capture_output=True, text=True, check=True)
        packets = int(ran.stdout.split("packets")[1])
        parts = sorted(Path(folder).iterdir(), key=lambda p: int(p.suffix[1:] or 0))
        instructions = int(SUMMARY.findall(parts[-1].read_text())[-1])
    return instructions / packets


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--update", action="store_true", help="write what has been counted as the new limits")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        print("valgrind is not installed", file=sys.stderr)
        return 2
    known = json.loads(COUNTED.read_text()) if COUNTED.exists() else {}
    with ThreadPoolExecutor(2) as pool:
        counted = dict(zip(CASES, map(round, pool.map(count, CASES.values())), strict=True))
    passed = []
    for name, now in counted.items():
        before = known.get(name)
        print(f"{name:<40} {now:>8,} instructions a packet   " + (f"before {before:,}" if before else "new"))
        if before and now > before * (1 + MARGIN):
            passed.append(name)
    if options.update:
        COUNTED.write_text(json.dumps(counted, indent=1) + "\n")
    elif passed or set(counted) != set(known):
        print(f"more than {MARGIN:.0%} above what was counted, or new: {', '.join(passed) or 'see above'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
