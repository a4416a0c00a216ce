"""What only a checked build can do: refuse the n-th allocation, for every n, and break each invariant on purpose.

A fault is an exception that says where; it is raised once, the plane then refuses to run, and its results can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness import MS, NS, US, Queue, Run, Script, rx_flow

from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import Payload

FULL = ("payload", Payload.FULL)
SHARED = (("core", 0),)
BUSY = Script(
    "busy", (Queue(1, rx=True, sizes=(64, 600, 1518)), Queue(2, rx=True), Queue(3, agent=False, rx=True)),
    flows=(rx_flow(1, (64, 1518)), rx_flow(2, (200,), 200_000 * 1024)), end=12 * US,
    config=(FULL, ("frames_out", True), ("read_jitter_ps", 300 * NS), ("iotlb_entries", 4), ("walkers", 2), ("walk_ps", 90 * NS)),
    actions=((3 * US, "send", (2, 0, (60, 1514, 200))), (4 * US, "post", (2, 0, 20)), (5 * US, "inject", (300, 3)),
             (8 * US, "set", ("pause", 0, 40)), (9 * US, "close", (0, 1)), (10 * US, "reset", (1,))))
WHOLE = Script(
    "whole", (Queue(1, rx=True, agent_fields=SHARED), Queue(2, rx=True, dst=0x02_00_00_00_01_01, agent_fields=SHARED)),
    flows=(rx_flow(1, (64, 900), 400_000 * 1024),), loopback=True, end=10 * US,
    config=(FULL, ("iotlb_entries", 2), ("walkers", 2), ("walk_ps", 280 * NS), ("ido", True), ("tag_cap", 3),
            ("read_jitter_ps", 90 * NS), ("fetch", "fewest"), ("relaxed_ordering", True)),
    actions=((6 * US, "set", ("shaper", 2, 1_024_000, 64)), (7 * US, "set", ("wire", 0, 819_200)), (8 * US, "reset", (2,))))
PER_FUNCTION = Script(
    "per function", (Queue(1), Queue(2)), message_functions=(2,), end=6 * US,
    config=(("tag_functions", "round_robin"), ("walks", "round_robin"), ("iotlb_entries", 1), ("record_rows", False)))
SCRIPTS = (BUSY, WHOLE, PER_FUNCTION)


def refused(plane_class: type, refuse: Callable[[int, bool], None], script: Script, after: int, for_good: bool
            ) -> Exception | None:
    """Run a script with so many allocations; what it raised. A plane that exists can be read, and runs no further."""
    raised, world = None, Run.__new__(Run)
    refuse(after, for_good)
    try:
        world.__init__(plane_class, script)
        world.outcome()
    except (MemoryError, ModelBug) as error:
        raised = error
    finally:
        refuse(-1, True)
    plane = getattr(world, "plane", None)
    if plane is not None and isinstance(raised, ModelBug):
        check_stopped(plane)
        check_packet(plane, raised)
    return raised


def check_packet(plane, error: ModelBug) -> None:
    """A packet that is named is recorded, as that of the function that is named: nobody's before it is steered."""
    if error.packet is None:
        return
    rows = plane.results()["rows"]
    owners = set(rows["function"][rows["serial"] == error.packet])
    names = {None if owner < 0 else "PF" if owner == 0 else f"VF {owner - 1}" for owner in owners}
    assert names <= {error.function}, (error, owners)


def check_stopped(plane) -> None:
    """It says that it has stopped, not the same again; what it has counted can be read."""
    for again in (lambda: plane.run_until(plane.now + MS), lambda: plane.set("loopback", 0, (1,), plane.now + 1)):
        try:
            again()
        except ModelBug as error:
            assert "has stopped for good" in str(error) and error.kind is None, error
        else:
            raise AssertionError("a plane that has stopped went on")
    assert len(plane.results()["rows"]) >= 0
    plane.ring_state(0, 0)


def refuse_each(plane_class: type, refuse: Callable[[int, bool], None], script: Script, for_good: bool) -> int:
    """Refuse the first allocation, the second, ..., until none is left to refuse; how many there were."""
    after, in_the_loop, of_functions, of_packets = 0, 0, 0, 0
    while (raised := refused(plane_class, refuse, script, after, for_good)) is not None:
        if isinstance(raised, ModelBug):
            assert raised.kind == "memory" and "memory has run out" in str(raised), raised
            assert raised.value > 0 and raised.time_ps is not None, raised
            in_the_loop += raised.stage is not None
            of_functions += raised.function is not None
            of_packets += raised.packet is not None
        after += 1
    assert after > 40 and in_the_loop > 10, (after, in_the_loop)
    assert in_the_loop > of_functions > of_packets > 0, (in_the_loop, of_functions, of_packets)
    return after


def break_one(plane_class: type, place: int, words: str) -> None:
    """Break one invariant in the middle of a busy run: it is told with its place, soon."""
    world = Run(plane_class, BUSY)
    plane = world.plane
    plane.set("loopback", 0, (0,), 20 * MS)
    plane.set("max_frame", 0, (1518,), 21 * MS)     # calls to come
    plane.run_until(6 * US)
    try:
        while not plane.damage(place):
            assert plane.now < 30 * US, "there was never anything to break"
            plane.run_until(40 * US, 1)
        plane.run_until(60 * US)
    except ModelBug as error:
        assert error.kind == "invariant" and words in str(error), error
        check_stopped(plane)
        return
    raise AssertionError(f'nobody noticed that "{words}" is broken')


def jobs(plane_module) -> Iterator[tuple[str, Callable[[], None]]]:
    """Names and what to run."""
    plane_class, refuse = plane_module.FastPath, plane_module.refuse_allocations
    for script in SCRIPTS:
        for for_good in (True, False):
            name = f"{script.name}: every allocation refused {'for good' if for_good else 'once'}"
            yield name, lambda script=script, for_good=for_good: refuse_each(plane_class, refuse, script, for_good)
    for place in plane_module.INVARIANTS:
        words = plane_module.PLACES[place]
        yield f"broken: {words}", lambda place=place, words=words: break_one(plane_class, place, words)
