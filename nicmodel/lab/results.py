"""Results of a run: integer counts from the planes, turned into figures once, here.

Only this file and `books.py` divide. Percentiles are lower edges of latency bins (`datasheet.counters`): a bin is one
picosecond wide below 64 ps and at most 1/64 of its lower edge above. It runs nothing and prints nothing.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nicmodel
from nicmodel.datasheet.counters import DROP_REASONS, bin_lower_ps
from nicmodel.datasheet.rules import BY_ID
from nicmodel.lab.books import bottleneck, limited_by, own, shares, waited
from nicmodel.lab.expect import PACKET_COUNTS, figures
from nicmodel.lab.interference import interference
from nicmodel.lab.scenario import SCHEMA
from nicmodel.sim.plane import Direction

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from nicmodel.lab.scenario import Scenario
    from nicmodel.lab.testbench import Measured

PS_PER_NS = 1000
BINS = "lower edges of bins: exact below 64 ps, from there a bin is at most 1/64 of its lower edge wide"
DIRECTIONS = ("tx", "rx")
WORST = 12  # rows of interference that a result lists


@dataclass(frozen=True, repr=False)
class RunResult:
    """What one run measured.

    vfs          data frame, a row a VF: the figures that one mostly wants
    rows         data frame, a row a packet, if the scenario records rows
    simulated    dict: all figures of the window, the same whatever plane or machine ran the scenario
    meta, wall   dicts: what ran, every key in base units; plane and seconds that it took
    ok           whether every expectation of the scenario is met
    interrupted, broken_rules, scenario, to_dict(), to_json(), plot(path)

    What each figure means: docs/metrics.md.
    """

    scenario: Scenario
    measured: Measured
    name: str = "run"

    def __repr__(self) -> str:
        from nicmodel.lab.report import headline

        return f"<RunResult {headline(self)}>"

    @cached_property
    def simulated(self) -> dict[str, Any]:
        """The figures of the measured window, as in the JSON."""
        return simulated(self.measured)

    @property
    def meta(self) -> dict[str, Any]:
        """What was run: the full configuration in base units, and what the figures mean."""
        measured = self.measured
        return {
            "scenario": self.scenario.id,
            "doc": self.scenario.doc,
            "version": nicmodel.__version__,
            "seed": self.scenario.seed,
            "config": self.scenario.config(),
            "window_ps": int(measured.window_ps),
            "simulated_ps": int(measured.simulated_ps),
            "packets": int(measured.packets),
            "latency": BINS,
        }

    @property
    def wall(self) -> dict[str, Any]:
        """What may differ from run to run: the plane, and how long it took."""
        seconds = float(self.measured.wall_seconds)
        return {
            "plane": self.measured.plane,
            "seconds": seconds,
            "packets_per_second": int(self.measured.packets) / seconds if seconds > 0 else None,
        }

    @property
    def ok(self) -> bool:
        """Whether every expectation of the scenario is met."""
        return all(e["ok"] for e in self.simulated["expect"])

    @property
    def interrupted(self) -> bool:
        """Whether `stop` ended it early."""
        return bool(self.measured.interrupted)

    @property
    def broken_rules(self) -> list[Any]:
        """Verdicts of rules that some driver broke; a rule that stands as another does is not named beside it."""
        return [row for row in self.measured.rules if row.verdict == "broken" and not BY_ID[row.rule].by]

    def to_dict(self) -> dict[str, Any]:
        """{"schema", "meta", "simulated", "wall"}: what the JSON holds."""
        return {"schema": SCHEMA, "meta": self.meta, "simulated": self.simulated, "wall": self.wall}

    def to_json(self) -> str:
        """One JSON value; `simulated` is identical to the last digit between runs and planes."""
        return json.dumps(self.to_dict(), indent=1, allow_nan=False)

    @property
    def vfs(self) -> pd.DataFrame:
        """A data frame, one row a VF, of the measured window.

        vf, state, rule                  its number; running, closed, ... (docs/metrics.md, States); the rule that closed it
        tx_packets, rx_packets           frames
        tx_bytes, rx_bytes               their bytes, FCS included
        tx_mpps, rx_mpps                 10**6 frames a second
        tx_gbps, rx_gbps                 10**9 bits of frames a second
        tx_p50_ns, tx_p99_ns, tx_max_ns  latency in ns, and rx_p50_ns, rx_p99_ns, rx_max_ns; NaN without a frame
        tx_bottleneck, rx_bottleneck     what limits it; None without books, or if nothing moved
        drop_REASON                      frames, a column for each reason
        """
        import pandas as pd

        return pd.DataFrame([flat(row) for row in self.simulated["vfs"]])

    @property
    def rows(self) -> pd.DataFrame | None:
        """A data frame, one row a packet of the whole run; None if the scenario records no rows, or they went to a file.

        serial, kind, outcome, parent, function, ring, flow, length (B), a column a stage in ps, and with books wait_CAUSE in ps:
        docs/stages.md, docs/metrics.md.
        """
        import pandas as pd

        return None if self.measured.rows is None else pd.DataFrame(self.measured.rows)

    def plot(self, path: str | Path | None = None) -> Path:
        """Draw rates and latency per VF; by default into NAME.png here, a name in .svg or .pdf gets that. Returns the file.

        Raises ScenarioError.
        """
        from nicmodel.lab.plots import plot_run

        return plot_run(self, Path(path) if path else Path(f"{self.name}.png"))


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A VF's figures as one level of columns; NaN, so that the column is one of numbers, where no latency was measured."""
    columns = {key: row[key] for key in ("vf", "state", "rule", *PACKET_COUNTS)}
    for direction in DIRECTIONS:
        rates = row[direction]
        columns |= {f"{direction}_mpps": rates["mpps"], f"{direction}_gbps": rates["gbps"]}
        columns |= {
            f"{direction}_{quantile}_ns": (rates["latency_ns"] or {}).get(quantile, math.nan)
            for quantile in ("p50", "p99", "max")
        }
        columns[f"{direction}_bottleneck"] = rates.get("bottleneck")
    return columns | {f"drop_{reason}": n for reason, n in row["drops"].items()}


def simulated(measured: Measured) -> dict[str, Any]:
    """The `simulated` part of a run's JSON."""
    vfs = [function_figures(measured, 1 + v) | {"vf": v} for v in range(measured.num_vfs)]
    pf = function_figures(measured, 0)
    everyone = [pf, *vfs]
    totals: dict[str, Any] = {count: sum(row[count] for row in everyone) for count in PACKET_COUNTS}
    totals["drops"] = {r.name: sum(row["drops"][r.name] for row in everyone) for r in DROP_REASONS}
    totals["steady"] = measured.steady
    totals["jain"] = jain([row["tx_bytes"] + row["rx_bytes"] for row in vfs if row["state"] == "running"])
    result = {
        "vfs": vfs,
        "pf": pf,
        "totals": totals,
        "links": [link_figures(link) for link in measured.links],
        "utilisation": measured.books.shared_loads if measured.books else None,
        "interference": interference(measured.books)[:WORST] if measured.books else None,
        "expect": [],
        "interrupted": bool(measured.interrupted),
    }
    if measured.life is not None:
        result["life"] = measured.life.figures()
    known = figures(result)
    result["expect"] = [expectation.judge(known) for expectation in measured.scenario.expect]
    return result


def function_figures(measured: Measured, function: int) -> dict[str, Any]:
    """One function's counts, rates, latencies and drops in the window."""
    counts, state, book = measured.functions[function], measured.states[function], measured.books
    window = int(measured.window_ps)
    row: dict[str, Any] = {"vf": None, "state": state["state"], "rule": state["rule"]}
    row |= {count: int(counts[count]) for count in PACKET_COUNTS}
    for position, direction in enumerate(DIRECTIONS):
        packets, nbytes = row[f"{direction}_packets"], row[f"{direction}_bytes"]
        waits = shares(waited(book, [function], Direction(position))) if book else None
        row[direction] = {
            "mpps": packets * 10**6 / window if window else 0.0,
            "gbps": nbytes * 8 * 1000 / window if window else 0.0,
            "latency_ns": latency_figures(measured.latency[function, position]),
            "waiting": waits,
            "bottleneck": limited_by(book, function, Direction(position)) if book else None,
        }
    row["drops"] = {reason.name: int(counts["drop_" + reason.name]) for reason in DROP_REASONS}
    if measured.queues is not None and function:
        row["queues"] = queue_figures(measured.queues[function - 1], window)
    return row | {
        "waiting": shares(waited(book, [function])) if book else None,
        "bottleneck": bottleneck(book, function) if book else None,
        "utilisation": own(book, function) if book else None,
    }


def queue_figures(received: list[int], window: int) -> list[dict[str, Any]]:
    """What each queue of a VF has received."""
    return [{"queue": queue, "rx_packets": packets, "rx_mpps": packets * 10**6 / window if window else 0.0}
            for queue, packets in enumerate(received)]


def latency_figures(bins: np.ndarray) -> dict[str, float] | None:
    """Median, 99th percentile and maximum in ns, each the lower edge of its bin; None without packets."""
    import numpy as np

    cumulative = np.cumsum(bins)
    total = int(cumulative[-1])
    if total == 0:
        return None
    ranks = {"p50": -(-total * 50 // 100), "p99": -(-total * 99 // 100), "max": total}
    return {
        name: bin_lower_ps(int(np.searchsorted(cumulative, rank))) / PS_PER_NS for name, rank in ranks.items()
    }


def link_figures(link: dict[str, Any]) -> dict[str, Any]:
    """One link direction's bytes and the part of the window in which it was busy."""
    window = int(link["window_ps"])
    return {
        "name": link["name"],
        "direction": link["direction"],
        "bytes": int(link["bytes"]),
        "utilisation": int(link["busy_ps"]) / window if window else 0.0,
    }


def jain(amounts: list[int]) -> float | None:
    """Jain's fairness index of integer amounts: 1 if all are equal, 1/n if one takes all; None if all are 0.

    >>> jain([5, 5, 5]), jain([9, 0, 0]), jain([0, 0])
    (1.0, 0.3333333333333333, None)
    """
    squares = sum(amount * amount for amount in amounts)
    return sum(amounts) ** 2 / (len(amounts) * squares) if squares else None
