"""What more of a resource brings, by the rate book: the gain that is predicted, and whether what it rests on is known.

    Window, what limits each stream ─► the part of a resource that it takes ─► gain

docs/explain.md (5) says when a prediction is a promise.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection

from nicmodel.datasheet.books import SERVED
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.lab.books import (
    CROSSED,
    OWN,
    PACKETS,
    WAIT_FOR,
    WAYS,
    Stream,
    Window,
    all_offered,
    packets,
    place_of,
    utilisation,
    wanted,
    ways,
)
from nicmodel.sim.plane import Direction

# Bounds of the promise.
NEAR = 0.85             # the next busiest may get so full
LONG = 0.01             # of the window: so long a core's mean pass may be
NOBODYS = 0.1           # of what those whom a core limits take of it, if others take some: so much passes may cost beyond frames


def over(w: Window, function: int, way: Direction, ticks: int) -> float:
    """What a frame every so many ticks is, over what a function got; 0 ticks: as much as it takes."""
    return w.ps * TICKS_PER_PS / (ticks * packets(w, function, way)) if ticks else math.inf


def room(w: Window, function: int, way: Direction) -> float:
    """What is offered to a function in a direction, over what it got."""
    return over(w, function, way, all_offered(w, function, way))


def gain(w: Window, function: int, way: Direction, resources: Collection[str], factor: float, part: float = 1.0,
         limited: Collection[Stream] = ()) -> float:
    """The rate that is predicted, over today's, if resources that limit a function in a direction have `factor` times the
    capacity, of which those whom they limit take `part` today: what is added is theirs alone, and so is, if it is told who
    they are, what is left of other shared resources. Nobody gets more than is offered.

    Holds where they are full (FULL), the next one has room (factor x its utilisation <= NEAR), and `part` is known.
    """
    others = {name: load for name, load in wanted(w, utilisation(w, function, way)).items() if name not in resources and load > 0}
    parts = {name: part_of(w, name, limited) if limited and name not in OWN else 1.0 for name in others}
    rest = [1 + (1 / load - 1) / parts[name] for name, load in others.items()]
    return min(1 + (factor - 1) / part, *rest, over(w, function, way, w.workload.offered(function, way)))


def part_of(w: Window, resource: str, streams: Collection[Stream]) -> float:
    """The part of what is taken of a shared resource that some streams take: by their functions' service or tags held, or else
    by packets."""
    functions = {function for function, _ in streams}
    server = next((name for name, each in WAIT_FOR.items() if each == resource), None)
    if server is not None:
        taken = w.served[SERVED.index(server)]
    elif resource in ("tags", "read_buffer"):
        taken = w.own_tags
    else:
        crossing = [way for way in WAYS if resource in CROSSED[way]]
        moved = sum(packets(w, *stream) for stream in streams if stream[1] in crossing)
        everything = sum(int(w.functions[PACKETS[way]].sum()) for way in crossing)
        return moved / everything if moved else 1.0
    mine, everyone = int(taken[list(functions)].sum()), int(taken.sum())
    return mine / everyone if mine else 1.0


def is_part_known(w: Window, resource: str, streams: Collection[Stream]) -> bool:
    """Whether `part_of` some streams is what they really take of a shared resource, or of a function's own tags.

    All of it is theirs if nobody else crossed it. What crosses in one direction alone is counted by packets. Else service and
    tags are known by function, not by direction; of credits, of reads and writes that are issued, of registers, nothing is.
    """
    everyone = {(function, way) for function in range(len(w.functions)) for way in ways(w, function)}
    of_theirs = {(function, way) for function, way in everyone if any(function == each for each, _ in streams)}
    if resource in OWN:
        return of_theirs <= set(streams) or resource == "shaper"
    crossing = [way for way in WAYS if resource in CROSSED[way]]
    by_function = resource in ("tags", "read_buffer", *WAIT_FOR.values())
    return len(crossing) == 1 or (of_theirs if by_function else everyone) <= set(streams)


def part_of_core(w: Window, function: int, streams: Collection[Stream]) -> float:
    """The part of the time of a function's busiest core that some streams take: what passes cost beyond their frames goes with
    the frames."""
    mine: Counter[tuple[int, int]] = Counter()
    everyone: Counter[tuple[int, int]] = Counter()
    places = set()
    for position, (owner, core, busy, _, _) in enumerate(w.agents.tolist()):
        place = place_of(core, position)
        costs = w.frame_costs[position]
        taken = [cost for way, cost in costs.items() if (owner, way) in streams]
        part = sum(taken) / sum(costs.values()) if any(costs.values()) else float(len(taken) > 0)
        mine[place] += round(busy * part)
        everyone[place] += busy
        if owner == function:
            places.add(place)
    place = max(places, key=lambda each: everyone[each])
    return mine[place] / everyone[place] if mine[place] else 1.0


def beyond_frames(w: Window, functions: Collection[int]) -> float:
    """The part of the CPU time of some functions' agents that passes cost beyond their frames."""
    theirs = [position for position, (function, *_) in enumerate(w.agents.tolist()) if function in functions]
    busy = int(w.agents[theirs, 2].sum())
    return 1 - sum(sum(w.frame_costs[position].values()) for position in theirs) / busy if busy else 0.0


def longest_pass(w: Window, functions: Collection[int]) -> float:
    """The mean pass of that agent of some functions whose passes are the longest, in parts of the window."""
    return max((busy / passes / w.ps for function, _, busy, passes, _ in w.agents.tolist() if function in functions and passes),
               default=0.0)


def without(w: Window, function: int, way: Direction, resources: Collection[str]) -> list[float]:
    """Utilisation of everything else that a function used in a direction."""
    return [load for name, load in wanted(w, utilisation(w, function, way)).items() if name not in resources]
