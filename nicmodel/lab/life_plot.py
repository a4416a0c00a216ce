"""The picture of a hand-over: rate over time, who does what when, and every frame, with the dark times shaded.

Draws on axes that it is given; figures it takes as they are. Readable in greyscale.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from nicmodel.lab.life_keys import PLACES
from nicmodel.lab.life_ledger import never_had
from nicmodel.sim.plane import PF_FUNCTION
from nicmodel.sim.units import TIME

if TYPE_CHECKING:
    from nicmodel.lab.life_ledger import GuestLife, Life

US = TIME["us"]
LANES = ("VS", "VPCI", "NetVSC", "VF", "NDIS", "PF")
MOST = 3                             # hand-overs shown
COLUMN = 6.5                         # inches
LETTERS = 11                         # of a title, to an inch
BINS = 120
ROOM_FOR_TEXT = 0.3              # of the width; a step with less on both sides has its text on its bar
WINDOW_STYLE: dict[str, Any] = {"color": "0.85", "zorder": 0}
FRAMES = (("delivered by the VF", "|", "0.1"), ("by the synthetic path", "|", "0.5"), ("lost", "x", "0.0"))


def shown(life: Life) -> list[dict[str, Any]]:
    """The hand-overs to draw: the first ones that had a window, of one guest if possible."""
    usable = [h for h in life.handovers if h["window"] is not None]
    same = [h for h in usable if h["guest"] == usable[0]["guest"]] if usable else []
    return (same if len(same) > 1 else usable)[:MOST]


def figure_size(life: Life) -> tuple[float, float]:
    """Inches: a column is wide enough for the names of steps on either side of their bars."""
    return max(2, len(shown(life))) * COLUMN, 8.5


def entitle(figure: Any, title: str) -> None:
    """A title, in as many lines as it needs; what looks like a formula in a name is none."""
    lines = textwrap.wrap(title, int(LETTERS * figure.get_figwidth()), break_on_hyphens=False)
    figure.suptitle("\n".join(lines), fontsize=10, parse_math=False)


def draw_life(figure: Any, life: Life, title: str) -> None:
    """Rate over the whole run on top; below, a column a hand-over: its steps, and its frames."""
    columns = shown(life)
    windows = sum(h["window"] is not None for h in life.handovers)
    entitle(figure, title + (f"; {len(columns)} of {windows} hand-overs" if windows > len(columns) else ""))
    grid = figure.add_gridspec(3, max(1, len(columns)), height_ratios=(1.3, 3.2, 0.9))
    guest = columns[0]["guest"] if columns else 0
    draw_rate(figure.add_subplot(grid[0, :]), life, guest, columns)
    for number, handover in enumerate(columns):
        steps = figure.add_subplot(grid[1, number])
        draw_steps(steps, life, handover)
        frames = figure.add_subplot(grid[2, number], sharex=steps)
        draw_frames(frames, life.guests[handover["guest"]], life.start_ps, label=number == 0)
        shade(frames, handover)


def draw_rate(axes: Any, life: Life, guest: int, columns: list[dict[str, Any]]) -> None:
    """Frames delivered to one guest over time, by path, and frames lost."""
    mine = life.guests[guest]
    width = bin_width(mine.rx_arrived, (life.end_ps - life.start_ps) // BINS)
    edges = np.arange(life.start_ps, life.end_ps + width, width)
    per_us = width / US
    centres = ((edges[:-1] + edges[1:]) / 2 - life.start_ps) / US
    paths = by_path(mine)
    heights = [np.histogram(times, edges)[0] / per_us for times in paths]
    axes.stackplot(centres, *heights[:2], labels=["over the VF", "over the synthetic path"], colors=["0.35", "0.7"], step="mid")
    axes.step(centres, heights[2], where="mid", color="0", linestyle="--", label="lost")
    for handover in columns:
        if handover["guest"] == guest:
            shade(axes, handover)
    axes.set(xlabel="time since the start of traffic [us]", ylabel=f"to guest {guest} [Mpps]", xlim=(0, centres[-1]))
    axes.set_ylim(bottom=0)
    if not len(mine.rx_arrived):
        axes.set(yticks=[])
        axes.text(0.5, 0.5, "no frame was sent to this guest", transform=axes.transAxes, ha="center", va="center")
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))         # of several hand-overs once
    axes.legend(named.values(), named, loc="upper right", ncols=5, fontsize=8, bbox_to_anchor=(1, 1.25))


def bin_width(arrived: np.ndarray, least_ps: int) -> int:
    """A bin of whole frame intervals, so that an even stream looks even."""
    interval = int(np.median(np.diff(arrived))) if len(arrived) > 1 else 1
    return max(1, -(-least_ps // max(1, interval)) * max(1, interval))


def by_path(guest: GuestLife) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times of frames that a VF delivered, that the synthetic path delivered, and that were lost."""
    had = guest.rx_delivered >= 0
    over = guest.rx_function == PF_FUNCTION
    return guest.rx_delivered[had & ~over], guest.rx_delivered[had & over], guest.rx_arrived[never_had(guest)]


def shade(axes: Any, handover: dict[str, Any]) -> None:
    """The time without frames: grey; the window itself between two lines."""
    if handover["rx_dark"]:
        axes.axvspan(*(t / US for t in handover["rx_dark"]), label="dark: no frame", **WINDOW_STYLE)
    for edge in ("begin_ps", "end_ps"):
        axes.axvline(handover["window"][edge] / US, color="0.3", linewidth=0.8, linestyle=":", label="window of the hand-over")


def extent(handover: dict[str, Any]) -> tuple[float, float]:
    """The stretch of time that a column shows, in us."""
    times = [handover["at_ps"], handover["end_ps"] or handover["window"]["end_ps"], *(handover["rx_dark"] or [])]
    first, last = min(times) / US, max(times) / US
    margin = 0.08 * (last - first)
    return first - margin, last + margin


def draw_steps(axes: Any, life: Life, handover: dict[str, Any]) -> None:
    """A lane an actor, a line a step: a bar as long as it took, its id and name beside it."""
    first, last = extent(handover)
    mine = [e for e in life.events if e["guest"] in (handover["guest"], None) and first * US <= e["at_ps"] <= last * US]
    row, middles, names = 0, [], []
    for actor in LANES:
        steps = [e for e in mine if e["actor"] == actor]
        if not steps:
            continue
        if row:
            axes.axhline(row - 0.5, color="0.6", linewidth=0.6)
        for place, event in enumerate(steps):
            draw_step(axes, event, row + place, first, last)
        middles.append(row + (len(steps) - 1) / 2)
        names.append(actor)
        row += len(steps)
    shade(axes, handover)
    lost, dark = handover["lost"], handover["rx_dark_ps"]
    said = "" if dark is None else f", {dark / US:.1f} us dark"
    axes.set_title(f"{handover['kind']}, guest {handover['guest']}: {lost['rx']} frames lost{said}\n"
                   f"({PLACES[handover['window']['place']].window})", fontsize=9)
    axes.set_yticks(middles, names)
    axes.set(xlim=(first, last), ylim=(row - 0.4, -0.6))
    axes.tick_params(labelbottom=False)
    axes.grid(visible=False, axis="y")


def draw_step(axes: Any, event: dict[str, Any], row: int, first: float, last: float) -> None:
    begin = event["at_ps"] / US
    end = (event["end_ps"] if event["end_ps"] is not None else event["at_ps"]) / US
    failed = event["status"] not in (None, "SUCCESS")
    shade_of = "0.75" if failed else "0.2"
    on_bar = max(begin - first, last - end) < ROOM_FOR_TEXT * (last - first)
    if end - begin > 0.004 * (last - first):
        axes.barh(row, end - begin, left=begin, height=0.9 if on_bar else 0.5, color=shade_of, hatch="xx" if failed else "")
    else:
        axes.plot(begin, row, "D", color=shade_of, markersize=5)
    text = f"{event['step']} {event['what']}" + (f": {event['status']}" if failed else "")
    if on_bar:
        axes.text((begin + end) / 2, row, text, ha="center", va="center", fontsize=7, color="black" if failed else "white")
        return
    left = (begin + end) / 2 < (first + last) / 2
    axes.annotate(text, (end if left else begin, row), xytext=(6 if left else -6, 0), textcoords="offset points",
                  ha="left" if left else "right", va="center", fontsize=7.5)


def draw_frames(axes: Any, guest: GuestLife, start_ps: int, *, label: bool) -> None:
    """Every frame to the guest: when it was delivered, or arrived in vain."""
    for row, ((_name, marker, colour), times) in enumerate(zip(FRAMES, by_path(guest), strict=True)):
        axes.plot((times - start_ps) / US, np.full(len(times), row), marker, color=colour, markersize=6)
    axes.set_yticks(range(len(FRAMES)), [name for name, _, _ in FRAMES] if label else [""] * len(FRAMES))
    axes.set(ylim=(len(FRAMES) - 0.5, -0.5), xlabel="time since the start of traffic [us]")
    axes.grid(visible=False, axis="y")
