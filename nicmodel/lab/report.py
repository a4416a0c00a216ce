"""What a person reads after a run: tables and sentences made from the same figures as the JSON.

Rich renderables only; sums of the figures are all that is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from nicmodel.datasheet.ethernet import MINIMUM_FRAME
from nicmodel.lab.expect import Expectation
from nicmodel.lab.life_report import life_report
from nicmodel.lab.look import counted, plain
from nicmodel.lab.results import BINS, DIRECTIONS, RunResult
from nicmodel.lab.steadiness import STEADY
from nicmodel.lab.waiting import utilisation_line, waiting_table
from nicmodel.sim.plane import PF_FUNCTION
from nicmodel.sim.units import DURATION

ROOMY = 1000  # columns: more than any table takes

if TYPE_CHECKING:
    import pandas as pd

    from nicmodel.lab.replay import Replayed


def run_report(result: RunResult) -> RenderableType:
    """A run: table per VF, totals, links, fairness, expectations, rules, and how long it took."""
    parts: list[RenderableType] = [Text(headline(result), style="bold"), VfTables(result.simulated)]
    if any(queue["rx_packets"] for row in result.simulated["vfs"] for queue in row.get("queues", ())):
        parts.append(queue_table(result))
    if result.measured.books and anything_moved(result):
        parts.append(waiting_table(result.measured.books))
    if result.measured.life is not None:
        parts += life_report(result.simulated["life"])
    notes = (*totals(result), *cap(result), *steadiness(result), *closings(result), *breaches(result), *wall(result))
    parts += [Text(line) for line in notes]
    parts += [
        expectation_line(e, verdict)
        for e, verdict in zip(result.scenario.expect, result.simulated["expect"], strict=True)
    ]
    if result.interrupted:
        parts.append(Text("Stopped early: the figures are of what was measured so far.", style="bold"))
    return Group(*parts)


def headline(result: RunResult) -> str:
    """What ran, in one line."""
    s = result.scenario
    sizes = (
        f"{s.sizes[0]} B"
        if len(set(s.sizes)) == 1
        else f"mix of {len(s.sizes)} sizes ({min(s.sizes)}-{max(s.sizes)} B)"
    )
    return (
        f"{s.id}: {counted(s.num_vfs, 'VF')} on {s.profile}, {sizes}, {s.direction}"
        f", load {s.load}{own_loads(s.traffic.loads)}, PCIe Gen{s.pcie.gen} x{s.pcie.lanes}, seed {s.seed}"
    )


def own_loads(loads: Mapping[str, Any]) -> str:
    """The loads of VFs that have one of their own, behind that of the others; of many only how many.

    >>> own_loads({"0": "saturated"}), own_loads(dict.fromkeys("0123", "5%")), own_loads({})
    (' (VF 0 saturated)', ' (4 VFs have their own)', '')
    """
    if len(loads) > 3:
        return f" ({len(loads)} VFs have their own)"
    return f" ({', '.join(f'VF {vf} {load}' for vf, load in loads.items())})" if loads else ""


@dataclass(frozen=True)
class VfTables:
    """A row a VF (and the PF if it had traffic), columns for each direction that carried frames; where there is no room for both
    directions side by side, one below the other."""

    simulated: dict[str, Any]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = self.simulated["vfs"] + ([self.simulated["pf"]] if has_traffic(self.simulated["pf"]) else [])
        shown = [d for d in DIRECTIONS if any(row[f"{d}_packets"] for row in rows)] or ["tx"]

        def fits(part: list[str]) -> bool:
            table = vf_table(rows, part, between="\n")
            return Measurement.get(console, options.update(width=ROOMY), table).maximum <= options.max_width

        for part in [shown] if fits(shown) else [[direction] for direction in shown]:
            yield vf_table(rows, part, fold=not fits(part), last=part[-1] == shown[-1])


def vf_table(rows: list[dict[str, Any]], shown: list[str], fold: bool = False, last: bool = True, between: str = " ") -> Table:
    """Figures of some directions, and in the last table what was dropped, in either; folded, where even one line is too narrow
    for them, rather than cut. `between` the words of what was dropped a line may end."""
    table = plain("VF", "state", right=("VF",), whole=() if fold else ("VF", "state"))
    for direction in shown:
        name = direction.capitalize()
        for heading in (f"{name} packets", "Mpps", "Gb/s", "p50 us", "p99 us"):
            table.add_column(heading, justify="right", no_wrap=not fold, overflow="fold")
    if last:
        table.add_column("drops", overflow="fold")
    for row in rows:
        cells = ["PF" if row["vf"] is None else str(row["vf"]), row["state"]]
        for direction in shown:
            cells += direction_cells(row, direction)
        if last:
            cells.append(drops(row["drops"]).replace(" ", between))
        table.add_row(*cells, style="dim" if row["state"] == "closed" else None)
    return table


def queue_table(result: RunResult) -> Table:
    """A row a VF with several queues: what each of them received, and its part of the VF's frames."""
    table = plain("VF", right=("VF",))
    rows = result.simulated["vfs"]
    for queue in rows[0]["queues"]:
        for heading in (f"Rx queue {queue['queue']}", "Mpps", "share"):
            table.add_column(heading, justify="right", overflow="fold")
    for row in rows:
        total = sum(queue["rx_packets"] for queue in row["queues"])
        cells = [
            (f"{queue['rx_packets']:,}", f"{queue['rx_mpps']:.3f}", f"{100 * queue['rx_packets'] / max(1, total):.1f} %")
            for queue in row["queues"]
        ]
        table.add_row(str(row["vf"]), *(cell for group in cells for cell in group))
    return table


def direction_cells(row: dict[str, Any], direction: str) -> list[str]:
    rates, latency = row[direction], row[direction]["latency_ns"]
    times = [f"{latency[q] / 1000:.2f}" for q in ("p50", "p99")] if latency else ["-", "-"]
    return [f"{row[f'{direction}_packets']:,}", f"{rates['mpps']:.3f}", f"{rates['gbps']:.3f}", *times]


def anything_moved(result: RunResult) -> bool:
    return any(result.simulated["totals"][f"{direction}_packets"] for direction in DIRECTIONS)


def has_traffic(row: dict[str, Any]) -> bool:
    return bool(row["tx_packets"] or row["rx_packets"] or any(row["drops"].values()))


def drops(by_reason: dict[str, int]) -> str:
    """Drops by reason; a dash if there were none.

    >>> drops({"reset": 0, "no_descriptor": 1200}), drops({"reset": 0})
    ('no_descriptor 1,200', '-')
    """
    return ", ".join(f"{reason} {n:,}" for reason, n in by_reason.items() if n) or "-"


def totals(result: RunResult) -> Iterable[str]:
    """Totals of all functions, links, fairness, and what a latency means."""
    simulated = result.simulated
    summed = simulated["totals"]
    everyone = [simulated["pf"], *simulated["vfs"]]
    for direction in DIRECTIONS:
        if summed[f"{direction}_packets"]:
            mpps, gbps = (sum(row[direction][key] for row in everyone) for key in ("mpps", "gbps"))
            yield (
                f"{direction.capitalize()} total  {summed[f'{direction}_packets']:,} packets, {mpps:.3f} Mpps"
                f", {gbps:.3f} Gb/s"
            )
    if not anything_moved(result):
        yield "Moved     nothing: no packet was sent or delivered in the window"
    yield f"Drops     {drops(summed['drops'])}"
    links = ", ".join(
        f"{link['name']} {link['direction']} {100 * link['utilisation']:.1f} %" for link in simulated["links"]
    )
    yield f"Links     {links}"
    if not anything_moved(result):
        return
    if simulated["utilisation"]:
        yield f"Busy      {utilisation_line(simulated['utilisation'])}"
    fairness = "-" if summed["jain"] is None else f"{summed['jain']:.6f}"
    yield f"Fairness  Jain index {fairness} over the frame bytes of running VFs"
    yield f"Latency   {BINS}"


def cap(result: RunResult) -> Iterable[str]:
    """A line if the scenario's cap on packets has ended the run before its duration did."""
    s, window_ps = result.scenario, int(result.measured.window_ps)
    if s.packets and window_ps < s.duration and not result.interrupted:
        yield (
            f"Capped    packets = {s.packets} ended the run: {time_text(window_ps)} of {time_text(s.duration)} were measured; "
            "packets = 0 is no cap"
        )


THEY_CHANGE = f"packets or latency change by more than {100 * STEADY:g} %, within the window or from what was before it"
HOW_TO_STEADY = "double warmup until they no longer do; if they go up and down, double duration"


def steadiness(result: RunResult) -> Iterable[str]:
    """A warning if the window was not of one piece. More warm-up does not help against what was to happen in it."""
    s, window_ps = result.scenario, int(result.measured.window_ps)
    times = [fault.at for fault in s.faults.events] + [event.at for event in s.life.events]
    within = [at for at in times if s.warmup <= at < s.warmup + window_ps]
    if result.simulated["totals"]["steady"] is False:
        how = (f"{counted(len(within), 'event')} of the scenario began in it; warmup and duration choose what is measured, "
               "before, during or after" if within else HOW_TO_STEADY)
        yield f"Warning   {THEY_CHANGE}{', or it was cut' if result.interrupted or not within else ''}: {how}"


def closings(result: RunResult) -> Iterable[str]:
    """A sentence for every function that did not come up, or came up in vain."""
    pf, failures = result.simulated["pf"], result.measured.failures
    if pf["state"] == "closed":
        why = f"its driver broke {pf['rule']}" if pf["rule"] else failures[PF_FUNCTION]
        yield f"The PF is closed: {why}; virtualization stays off."
    for row in result.simulated["vfs"]:
        if row["state"] == "closed":
            blamed = row["rule"] or "the PF's driver"
            why = failures.get(1 + row["vf"], f"it did not come up because of {blamed}")
            yield f"VF {row['vf']} is closed: {why}."
        elif row["state"] == "silent":
            yield f"VF {row['vf']} is silent: its driver runs, and none of its queues is open."
    yield from result.measured.unused


def breaches(result: RunResult) -> Iterable[str]:
    """A line for every broken rule, with its evidence."""
    for verdict in result.broken_rules:
        yield f"Rule {verdict.rule} is broken by {verdict.adapter}: {verdict.evidence}"


def wall(result: RunResult) -> Iterable[str]:
    """Simulated and wall time."""
    speed = result.wall["packets_per_second"]
    pace = f", {speed:,.0f} packets/s" if speed else ""
    yield (
        f"Time      {time_text(result.meta['simulated_ps'])} simulated, of which the window is "
        f"{time_text(result.meta['window_ps'])}; {result.wall['seconds']:.2f} s of wall time on the "
        f"{result.wall['plane']} plane{pace}"
    )


def time_text(ps: int) -> str:
    """A time for reading, three decimals at most.

    >>> time_text(1_234_567_890), time_text(500)
    ('1.235 ms', '500 ps')
    """
    unit = max(
        (u for u in ("ps", "ns", "us", "ms", "s") if DURATION.units[u] <= max(ps, 1)),
        key=lambda u: DURATION.units[u],
    )
    return f"{ps / DURATION.units[unit]:.3f}".rstrip("0").rstrip(".") + f" {unit}"


def expectation_line(expectation: Expectation, verdict: dict[str, Any]) -> Text:
    """An expectation: its bound, what came out, and whether it is met."""
    bounds = [
        f"{word} {value}"
        for word in ("below", "above", "equals")
        if (value := getattr(expectation, word)) is not None
    ]
    got = "no figure" if verdict["got"] is None else f"{verdict['got']:.6g}"
    outcome = "met" if verdict["ok"] else "NOT MET"
    return Text(
        f"Expected  {expectation.what} {' and '.join(bounds)}: got {got}, {outcome} ({expectation.source})",
        style="" if verdict["ok"] else "bold",
    )


def sweep_notes(frame: pd.DataFrame) -> Iterable[str]:
    """A line each for points whose window was not of one piece, and for those that miss an expectation."""
    points = frame.drop_duplicates("point")
    unsteady, unmet = (int(each.sum()) for each in doubts(points).values())
    of_all = f"of {counted(len(points), 'point')}"
    if unsteady:
        yield f"Warning   in {unsteady} {of_all} {THEY_CHANGE} (point_steady): {HOW_TO_STEADY}"
    if unmet:
        yield f"Expected  in {unmet} {of_all} an expectation of the scenario is missed (point_unmet: how many)"


def doubts(points: pd.DataFrame) -> dict[str, pd.Series]:
    """What there may be against points of a sweep, and against which it is."""
    return {"unsteady": points["point_steady"] == False, "unmet": points["point_unmet"] > 0}  # noqa: E712 (or None)


def distrust(points: pd.DataFrame) -> list[str]:
    """Why one would look at a point of a sweep again before believing it; - if nothing is known against it."""
    found = doubts(points)
    return [", ".join(name for name, is_so in zip(found, point, strict=True) if is_so) or "-"
            for point in zip(*found.values(), strict=True)]


def rows_table(rows: list[dict[str, Any]], columns: Iterable[str]) -> Table:
    """A plain table of rows of text."""
    table = plain(*columns)
    for row in rows:
        table.add_row(*("-" if row.get(c) is None else str(row[c]) for c in columns))
    return table


def replay_report(replayed: Replayed) -> RenderableType:
    """A replay: counts per VF, what was left out and why, and whether every byte survived."""
    otherwise = "cut short" if replayed.interrupted else "NOT INTACT"
    rows = [
        {
            "VF": v.vf,
            "sent": f"{v.sent:,}",
            "on the wire": f"{v.on_wire:,}",
            "received": f"{v.received:,}",
            "out": _survival(v.sent, v.tx_ok, otherwise),
            "back": _survival(v.sent, v.rx_ok, otherwise),
        }
        for v in replayed.vfs
    ]
    lines = [
        f"{replayed.capture}: {counted(replayed.frames, 'frame')} through {counted(replayed.scenario.num_vfs, 'VF')} of "
        f"{replayed.scenario.profile}"
    ]
    lines += [f"Left out  {n:,} {why}" for why, n in replayed.skipped.items()]
    if replayed.padded:
        lines.append(f"Padded    {replayed.padded:,} below the Ethernet minimum of {MINIMUM_FRAME} bytes, with zeros")
    if replayed.strays:
        lines.append(f"Strays    {replayed.strays:,} on the wire that nobody sent")
    if replayed.interrupted:
        lines.append("Stopped early: the counts are of what was moved so far.")
    elif not replayed.frames:
        lines.append("There was nothing to replay.")
    elif replayed.ok:
        lines.append("Every frame left the wire and came back to its VF, in order, byte for byte.")
    else:
        lines.append("Not every frame survived.")
    return Group(Text(lines[0], style="bold"), rows_table(rows, list(rows[0])), *map(Text, lines[1:]))


def _survival(sent: int, ok: bool, otherwise: str) -> str:
    return "-" if not sent else "intact" if ok else otherwise
