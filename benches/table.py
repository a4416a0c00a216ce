"""The speed table: from the JSON of `make bench` to Markdown, and into the README.

    python -m benches.table bench.json             # print it
    python -m benches.table bench.json --readme    # replace the table in README.md
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- speed table: python -m benches.table bench.json --readme -->", "<!-- end of speed table -->"
# Benches by name, in the order of the table, and what a reader should know of each.
ROWS = {
    "test_direction[tx]": "Tx, 64 B, 63 VFs of `x520`: a 10 GbE port at line rate",
    "test_direction[rx]": "Rx, likewise",
    "test_direction[both]": "both ways, likewise",
    "test_driven_by_miniports[tx]": "Tx with the scenario's default driver: an interrupt a pass, a report a packet",
    "test_frame[1518]": "both ways, 1518 B",
    "test_vfs_on_vf100g[1]": "Tx, 64 B, 1 VF of `vf100g`",
    "test_vfs_on_vf100g[256]": "Tx, 64 B, 256 VFs of `vf100g`",
    "test_payload[full]": "both ways, 64 B, every byte moved (`payload = \"full\"`)",
    "test_rows[recorded]": "Tx, 64 B, one row a packet kept in memory",
    "test_with_books_over_without[tx]": "Tx, 64 B, 63 VFs, with the books kept",
    "test_with_books_over_without[both]": "both ways, likewise",
    "test_everything_on": "both ways, 64 B: shapers, IOTLB missing, read jitter",
    "test_with_books_over_without[everything]": "likewise, with the books kept",
    "test_reference_plane[tx]": "Tx, 64 B, 8 VFs on the reference plane",
}
RATIOS = {
    "times_the_reference_plane": "{} times the reference plane",
    "times_a_SimPy_pipeline": "{} times a hand-written SimPy pipeline of the same stages",
    "percent_of_the_cost_with_1_VF": "a packet with 256 VFs costs {} % of one with 1 VF (both machines run alternately)",
    "percent_of_the_cost_of_a_TLP_with_64_B": "with frames of 1518 B a TLP costs {} % of one with 64 B",
    "packets_in_a_calibration_kernel": "{} packets while the calibration kernel sorts 200,000 integers",
}


def processor(info: dict[str, Any]) -> str:
    """What the figures were measured on: names alone say little, so its family and model, as processors tell them, too."""
    cpu = info.get("cpu", {})
    numbers = "".join(f", {name} {cpu[name]}" for name in ("family", "model") if name in cpu)
    return f"{cpu.get('brand_raw') or info['machine']}{numbers}"


def table(report: dict[str, Any]) -> str:
    """Markdown: packets per CPU second by row, then the ratios of the same run, and the processor."""
    by_name = {bench["name"]: bench["extra_info"] for bench in report["benchmarks"]}
    lines = ["| one core, run loop alone | million packets a CPU second |", "| --- | --- |"]
    for name, text in ROWS.items():
        if name in by_name:
            lines.append(f"| {text} | {by_name[name]['packets_per_cpu_second'] / 1e6:.3g} |")
    ratios = {key: info[key] for info in by_name.values() for key in RATIOS if key in info}
    told = "; ".join(text.format(f"{ratios[key]:,.0f}") for key, text in RATIOS.items() if key in ratios)
    return "\n".join([*lines, "", f"In the same run: {told}. Processor: {processor(report['machine_info'])}."])


def into(page: str, text: str) -> str:
    """The page with its speed table replaced. Raises ValueError if it has no place for one."""
    place = re.compile(re.escape(BEGIN) + r".*?" + re.escape(END), re.DOTALL)
    if not place.search(page):
        raise ValueError(f"the page has no lines {BEGIN} and {END}")
    return place.sub(lambda _: f"{BEGIN}\n{text}\n{END}", page)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("json", type=Path, help="what `make bench` wrote")
    parser.add_argument("--readme", action="store_true", help="replace the table in README.md")
    options = parser.parse_args()
    text = table(json.loads(options.json.read_text()))
    print(text)
    if options.readme:
        README.write_text(into(README.read_text(), text))
    return 0


if __name__ == "__main__":
    sys.exit(main())
