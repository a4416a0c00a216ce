"""The books of a window: why packets waited, how busy each resource was, what limits a function.

    results() at both edges ─► Window ─► waiting, utilisation ─► bottleneck ─► predicted gain (`gains.py`)
                                     └─► who is in whose way (`interference.py`), of one piece or not (`steadiness.py`)

Integer sums come from the plane (docs/time.md 10); this file subtracts and divides them (docs/explain.md says how to read
the result). It runs nothing and prints nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet import arbiters
from nicmodel.datasheet.arbiters import ORDER
from nicmodel.datasheet.books import COUNTS, DOWN_CREDITS, LINE_WAITS, POOLS, RESOURCES, SERVED, UP_CREDITS, WAITS
from nicmodel.datasheet.pcie_link import TICKS_PER_PS
from nicmodel.sim.config import PlaneConfig
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import PF_FUNCTION, Direction

if TYPE_CHECKING:
    import numpy as np

    from nicmodel.lab.workload import Workload

FULL = 0.96                          # a resource this busy is a limit
TIE = 0.04                           # two this close cannot be told apart
MET = 0.99                           # this much of an offered rate is all of it
SERVICE, OFFERED, NOBODY = "service", "offered load", "latency or batching"
CAUSES = (*(wait.name for wait in WAITS), SERVICE)
OWN = tuple(row.name for row in RESOURCES if row.kind == "own")
# Servers of one grant at a time: their arbiter, and the field that says how many edges a grant takes (none: one edge).
CORE_SERVERS = {"scheduler": ("TX_SCHEDULER", None), "tx_pipe": ("TX_REORDER", None), "rx_pipe": ("SWITCH_INGRESS", None),
                "writers": ("WRITERS", "write_cycles"), "register_port": ("REGISTER_PORT", "register_cycles"),
                "dma_issue": ("TAGS", "read_cycles")}
LINKS = {"up_link": 0, "down_link": 1, "wire": 2, "wire_rx": 3}      # rows of `links`
WAIT_FOR = {"up": "up_link", "down": "down_link", "wire": "wire", "walkers": "walkers"}     # of SERVED
PAUSED = arbiters.LINES.index("tx_wire"), arbiters.CAUSES.index("pool")     # of `lines`: a wire is waited for, paused or down
# Where each pool, or cap, is waited for, by rows and columns of `lines`.
LACKED = {row.name: [(arbiters.LINES.index(line), cause) for line, waits in LINE_WAITS.items() for cause, wait in enumerate(waits)
                     if wait == row.name] for row in RESOURCES if row.kind == "pool" or row.name == "tag_cap"}
CREDITS = {"up_credits": UP_CREDITS, "down_credits": DOWN_CREDITS}       # what takes the part of the fullest of them
WAYS = (Direction.TX, Direction.RX)
Stream = tuple[int, Direction]       # what a function sends, or receives
SAID = {Direction.TX: "Tx", Direction.RX: "Rx"}
PACKETS = {Direction.TX: "tx_packets", Direction.RX: "rx_packets"}        # counters
CROSSED = {way: tuple(row.name for row in RESOURCES if row.kind != "own" and row.crossed in (each, "both"))
           for way, each in ((Direction.TX, "tx"), (Direction.RX, "rx"))}


@dataclass(frozen=True)
class Window:
    """Differences of two `results()`, and how long the window between them was. Arrays as in sim/results.py."""

    ps: int
    workload: Workload
    functions: np.ndarray
    links: np.ndarray                # busy ticks of the four directions
    waits: np.ndarray
    grants: np.ndarray
    agents: np.ndarray               # [agents, (function, core, busy_ps, passes, received)]
    held: np.ndarray                 # by pool: unit x ps, less what its holders waited
    own_tags: np.ndarray             # by function, as `held`
    served: np.ndarray
    interference: np.ndarray
    lines: np.ndarray                # ps by line and cause

    @cached_property
    def shared_loads(self) -> dict[str, float]:
        """Utilisation of what functions share."""
        return shared(self)

    @cached_property
    def frame_costs(self) -> list[dict[Direction, float]]:
        """By agent, the CPU time that its frames cost in each direction."""
        return frame_costs(self)

    @cached_property
    def cores(self) -> list[list[float]]:
        """By function, the load of each CPU core that its agents run on."""
        return core_loads(self)


def window(opened: dict[str, Any], closed: dict[str, Any], ps: int, workload: Workload) -> Window | None:
    """The books between two results of one plane; None if it kept none. Raises ModelBug if they do not add up."""
    if ps <= 0 or not workload.config.books or "waits" not in closed or not closed["pools"]["capacity"].any():
        return None
    audit(closed)
    import numpy as np

    def held(table: str) -> np.ndarray:
        return since(lambda r: r[table]["used"] - r[table]["queued"])

    def since(part: Any) -> np.ndarray:
        return part(closed) - part(opened)

    agents = np.array([[row[name] for name in closed["agents"].dtype.names] for row in closed["agents"]], np.int64).reshape(-1, 5)
    for row, before in zip(agents, opened["agents"], strict=False):          # an agent that started since had done nothing
        row[2:] -= before["busy_ps"], before["passes"], before["received"]
    functions = difference(closed["functions"], opened["functions"])
    return Window(ps, workload, functions, since(lambda r: r["links"]["busy_ticks"]), since(lambda r: r["waits"]),
                  since(lambda r: r["grants"]), agents, held("pools"), since(lambda r: r["own_tags"][:, 0] - r["own_tags"][:, 1]),
                  since(lambda r: r["served"]), since(lambda r: r["interference"]), since(lambda r: r["lines"]))


def difference(late: np.ndarray, early: np.ndarray) -> np.ndarray:
    """Late minus early of a structured array, column by column."""
    result = late.copy()
    for name in late.dtype.names or ():
        result[name] -= early[name]
    return result


def audit(results: dict[str, Any]) -> None:
    """Nothing waits longer than it lives, and pools lose nothing. Raises ModelBug."""
    *_, latency = results["waits"].transpose(2, 0, 1)
    if (results["waits"] < 0).any() or (results["waits"][..., :-1].sum(axis=2) > latency).any():
        raise ModelBug("packets waited longer than their latency")
    for name, row in zip(POOLS, results["audit"], strict=True):
        if row["capacity"] != row["free"] + row["held"]:
            raise ModelBug(f"{name} do not add up: of {row['capacity']} are {row['free']} free and {row['held']} held")


# waiting --------------------------------------------------------------------------------------------------------
def waited(w: Window, functions: Collection[int], direction: Direction | None = None) -> list[int]:
    """What their delivered packets waited for, by CAUSES, in ps; the last is service."""
    part = w.waits[list(functions)].sum(axis=0)
    *waits, latency = (part.sum(axis=0) if direction is None else part[direction]).tolist()
    return [*waits, latency - sum(waits)]


def shares(waits: Sequence[int]) -> dict[str, float] | None:
    """Each cause's share of the latency, longest first; None without packets."""
    latency = sum(waits)
    named = sorted(zip(waits, CAUSES, strict=True), key=lambda pair: -pair[0])
    return {cause: ps / latency for ps, cause in named if ps} if latency else None


# the rate book --------------------------------------------------------------------------------------------------
def shared(w: Window) -> dict[str, float]:
    """Utilisation of what functions share."""
    config = w.workload.config
    found = {name: int(w.links[row]) / TICKS_PER_PS / w.ps for name, row in LINKS.items()}
    found["wire"] += int(w.lines[PAUSED]) / w.ps         # needed, too
    found |= {name: pool_load(w, name) for name in POOLS if name not in COUNTS}
    found |= {name: max(credit_loads(w, name).values()) for name in CREDITS}
    found["walkers"] = int(w.served[SERVED.index("walkers")].sum()) / (config.walkers * w.ps)
    for name, (arbiter, cycles) in CORE_SERVERS.items():
        edges = int(w.grants[ORDER[arbiter]]) * (getattr(config, cycles) if cycles else 1)
        found[name] = edges * config.core_ps / w.ps
    return found


def pool_load(w: Window, name: str) -> float:
    """Utilisation of a pool; 0 if it is infinite. Of tags, those that payload reads may take."""
    capacity = capacity_of(w.workload.config, name)
    return int(w.held[POOLS.index(name)]) / (capacity * w.ps) if capacity else 0.0


def capacity_of(config: PlaneConfig, name: str) -> int:
    """How much of a pool there is, by the names of the configuration; 0: infinite."""
    if name == "tags":
        return config.tags - config.tag_reserve
    return int(getattr(config, COUNTS.get(name, name)))


def credit_loads(w: Window, name: str) -> dict[str, float]:
    """Utilisation of the host's credits (`up_credits`) or of the adapter's (`down_credits`), by the fields that say how many."""
    return {count: pool_load(w, pool) for pool, count in CREDITS[name].items()}


def own(w: Window, function: int, way: Direction | None = None) -> dict[str, float]:
    """Utilisation of what is one function's own (a shared core is that of all its agents), in one direction or either."""
    found = {}
    if (cores := w.cores[function]):
        found["vcpu"] = max(cores)
    config, counts = w.workload.config, w.functions[function]
    if w.workload.shaper_ticks and function and way != Direction.RX:
        found["shaper"] = int(counts["tx_bytes"]) * w.workload.shaper_ticks / TICKS_PER_PS / w.ps
    if config.tag_cap:
        found["tag_cap"] = int(w.own_tags[function]) / (min(config.tag_cap, config.tags) * w.ps)
    return found


def core_loads(w: Window) -> list[list[float]]:
    """By function, the load of each CPU core that its agents run on.

    A pass that is not full could take more frames at the same cost. So what counts of the time that passes cost beyond
    their frames is what full passes would have needed: a core that is kept busy by nearly empty passes is no limit.
    """
    by_core: dict[tuple[int, int], float] = {}
    places: list[list[tuple[int, int]]] = [[] for _ in w.functions]
    rows = w.agents.tolist()
    count = Counter(row[0] for row in rows)
    for position, (function, core, busy, passes, received) in enumerate(rows):
        pace = w.workload.pace(position)
        around = max(0.0, busy - sum(w.frame_costs[position].values()))
        sent = int(w.functions[function]["tx_packets"]) / count[function]
        full = min(1.0, max(sent / (pace.tx_batch * passes), received / (pace.rx_batch * passes))) if passes else 1.0
        place = place_of(core, position)
        by_core[place] = by_core.get(place, 0.0) + (busy - around * (1 - full)) / w.ps
        places[function].append(place)
    return [sorted({by_core[place] for place in own}) for own in places]


def place_of(core: int, position: int) -> tuple[int, int]:
    """The core on which an agent runs, a shared one or its own."""
    return (1, core) if core >= 0 else (0, position)


def frame_costs(w: Window) -> list[dict[Direction, float]]:
    """CPU time, in ps, that the frames of each agent cost by direction, and its passes not: agents of a function send alike."""
    rows, found = w.agents.tolist(), []
    count = Counter(row[0] for row in rows)
    for position, (function, _, _, _, received) in enumerate(rows):
        sent, pace = int(w.functions[function]["tx_packets"]) / count[function], w.workload.pace(position)
        found.append({Direction.TX: sent * pace.tx_cost_ps, Direction.RX: received * pace.rx_cost_ps})
    return found


def packets(w: Window, function: int, way: Direction) -> int:
    """Frames of a function that were delivered in a direction."""
    return int(w.functions[function][PACKETS[way]])


def ways(w: Window, function: int, way: Direction | None = None) -> list[Direction]:
    """The directions in which a function's packets moved; of one direction, that or none."""
    return [each for each in WAYS if way in (None, each) and packets(w, function, each)]


def crossed(w: Window, function: int, way: Direction | None) -> list[str]:
    """The shared resources that a function's packets crossed, in one direction or either; of the wire, if they were on it."""
    on_wire = {"wire": int(w.served[SERVED.index("wire"), function]), "wire_rx": int(w.links[LINKS["wire_rx"]])}
    names = [name for each in ways(w, function, way) for name in CROSSED[each] if on_wire.get(name, True)]
    return list(dict.fromkeys(names))


def crossed_loads(w: Window, function: int, way: Direction | None = None) -> dict[str, float]:
    """Utilisation of the shared resources that a function's packets crossed, in one direction or either.

    The wire brings frames whether or not they can be taken. Of its time towards the adapter that of frames that are dropped, or
    pile up, does not count: it was not needed, and more of it would bring nothing.
    """
    found = {name: w.shared_loads[name] for name in crossed(w, function, way)}
    if "wire_rx" in found:
        arrived, no_room = int(w.functions["rx_offered"].sum()), int(w.functions[PF_FUNCTION]["drop_rx_buffer_full"])
        mine = int(w.functions[function]["rx_offered"]) - (no_room if function == PF_FUNCTION else 0)
        if mine > 0:
            taken = min(1.0, int(w.functions[function]["rx_packets"]) / mine)
            found["wire_rx"] *= taken * (arrived - no_room) / arrived
    return found


def utilisation(w: Window, function: int, way: Direction | None = None) -> dict[str, float]:
    """Of everything that a function used, its own first."""
    return own(w, function, way) | crossed_loads(w, function, way)


def wanted(w: Window, loads: dict[str, float]) -> dict[str, float]:
    """Without pools that nothing ever waited for: however full, more of them would bring nothing. (Frames for which the Rx buffer
    has no room are dropped, and do not wait.)

    A ring has one fetch out, so one VF that receives with one tag always holds it, and needs no other.
    """
    return {name: load for name, load in loads.items() if not LACKED.get(name) or any(int(w.lines[at]) for at in LACKED[name])}


def all_offered(w: Window, function: int, way: Direction) -> int:
    """Ticks between frames offered to a function; 0: more than it takes. A saturated peer offers a share of the line, which is a
    limit of its own while others leave the line free."""
    ticks = w.workload.offered(function, way)
    if not ticks and way == Direction.RX and w.shared_loads["wire_rx"] < FULL and "wire_rx" in crossed(w, function, way):
        ticks = w.workload.share_ticks
    return ticks


def gets_all_offered(w: Window, function: int, way: Direction, edge_ps: int = 0) -> bool:
    """Whether a function got all that was offered to it in a direction, but for a frame at the window's edge, or for those of a
    longer edge."""
    ticks = all_offered(w, function, way)
    return bool(ticks) and (1 + packets(w, function, way)) * ticks + edge_ps * TICKS_PER_PS >= MET * w.ps * TICKS_PER_PS


def follows_senders(w: Window, function: int, way: Direction) -> bool:
    """Whether a function receives from functions alone, and gets all that they send but for a frame at the window's edge."""
    came, got = int(w.functions[function]["rx_offered"]), packets(w, function, Direction.RX)
    return way == Direction.RX and 0 < came <= (1 + got) / MET and "wire_rx" not in crossed(w, function, way)


def limited_by(w: Window, function: int, way: Direction) -> str | None:
    """What limits a function in a direction: a resource, "a or b", the load offered to it, or nothing that is full; None if
    nothing moved."""
    if not ways(w, function, way):
        return None
    if gets_all_offered(w, function, way):
        return OFFERED
    mine, others = wanted(w, own(w, function, way)), wanted(w, crossed_loads(w, function, way))
    if mine and max(mine.values()) >= FULL:
        return tied(mine)
    if max(others.values()) >= FULL:
        return tied(others)
    waits = way == Direction.RX and gets_all_offered(w, function, way, w.workload.look_ps)
    return OFFERED if waits or follows_senders(w, function, way) else NOBODY


def bottleneck(w: Window, function: int) -> str | None:
    """The limit of a function; where its directions differ, that of each, as "a (Tx), b (Rx)"."""
    names = {way: limited_by(w, function, way) for way in ways(w, function)}
    if len(set(names.values())) < 2:
        return next(iter(names.values()), None)
    return ", ".join(f"{name} ({SAID[way]})" for way, name in names.items())


def tied(loads: dict[str, float]) -> str:
    """The names that cannot be told from the busiest."""
    highest = max(loads.values())
    return " or ".join(sorted((name for name in loads if highest - loads[name] <= TIE), key=lambda name: -loads[name]))
