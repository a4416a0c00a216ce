"""The merged clock, with planes that are lists of instants (docs/time.md, 1)."""

import pytest

from nicmodel.sim.clock import Clock
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import NEVER, Upcall, UpcallKind


class Instants:
    """A plane that has instants, some of them with news, and nothing else."""

    def __init__(self, silent=(), news=()):
        self.left = sorted({*silent, *news})
        self.news, self.now, self.ran, self.until = news, 0, [], 0

    def next_time(self):
        return self.left[0] if self.left else NEVER

    def run_until(self, limit, budget=None):
        self.until = limit
        while self.left and self.left[0] < limit:
            self.now = self.left.pop(0)
            self.ran.append(self.now)
            if n := self.news.count(self.now):
                return [Upcall(self.now, UpcallKind.MSIX, (serial,)) for serial in range(n)]
        return []


@pytest.fixture(params=[1, 2], ids=["one plane", "two planes"])
def planes(request):
    return request.param


def clock_of(planes, **instants):
    """A clock with the plane, and perhaps one beside it that has nothing to do; and what was heard, with its stamps."""
    clock, heard, plane = Clock(), [], Instants(**instants)
    clock.add_plane(plane, lambda upcall: heard.append((int(clock.now), clock.stamp(), *upcall.args)))
    if planes == 2:
        clock.add_plane(Instants(), heard.append)
    return clock, plane, heard


def test_a_call_takes_effect_now_unless_that_instant_has_run(planes):
    clock, plane, heard = clock_of(planes, silent=[10], news=[20])
    stamps = []
    for time in (0, 5, 10, 15, 20, 21):
        clock.call_at(time, lambda: stamps.append(clock.stamp()))
    clock.run_to(30)
    assert stamps == [0, 5, 10, 15, 20, 21]          # events of a time come before the planes' instant of it
    assert heard == [(20, 21, 0)] and plane.ran == [10, 20]


def test_what_news_starts_is_stamped_behind_their_instant(planes):
    clock, _, heard = clock_of(planes, news=[20, 20, 20])
    clock.run_to(30)
    assert heard == [(20, 21, 0), (20, 21, 1), (20, 21, 2)]
    assert clock.now == clock.stamp() == 30


def test_nothing_of_the_time_that_is_run_to_has_run(planes):
    clock, plane, heard = clock_of(planes, silent=[25], news=[20, 30])
    events = []
    clock.call_at(30, lambda: events.append(30))
    clock.run_to(30)
    assert (clock.now, plane.ran, events, len(heard)) == (30, [20, 25], [], 1)
    clock.run_to(31)
    assert (clock.now, plane.ran, events, len(heard)) == (31, [20, 25, 30], [30], 2)


def test_silence_stops_there_too(planes):
    clock, plane, heard = clock_of(planes, silent=[25, 27], news=[30])
    clock.run_to(30)
    assert (clock.now, plane.ran, heard) == (30, [25, 27], [])


def test_a_plane_in_which_nothing_happens_is_run_to_that_time_too():
    """Its books are of all the time that has passed."""
    clock, plane, _ = clock_of(1, silent=[10])
    clock.call_at(20, lambda: None)
    clock.run_to(30)
    assert (plane.ran, plane.until) == ([10], 30)


def test_an_event_that_news_start_comes_before_the_next_instant(planes):
    clock, order = Clock(), []

    def hear(upcall):
        order.append(upcall.time)
        clock.call_at(upcall.time + 2, lambda: order.append(int(clock.now)))

    for instants in ([20, 25], [])[:planes]:
        clock.add_plane(Instants(news=instants), hear)
    clock.run_to(40)
    assert order == [20, 22, 25, 27]


@pytest.mark.parametrize("delay", [0.5, 1e-3])
def test_time_is_whole_picoseconds_and_does_not_run_backwards(delay):
    clock = Clock()
    with pytest.raises(ModelBug, match="whole number of picoseconds"):
        clock.timeout(delay)
    clock.run_to(10)
    with pytest.raises(ModelBug, match="time 9 ps has passed: it is 10 ps"):
        clock.run_to(9)


@pytest.mark.parametrize("run", [lambda clock: clock.step(), lambda clock: clock.run_to(50)])
def test_the_clock_does_not_run_inside_a_step(run):
    clock = Clock()
    refused = []

    def callback() -> None:
        with pytest.raises(ModelBug, match="cannot run the clock"):
            run(clock)
        refused.append(int(clock.now))

    clock.call_at(10, callback)
    clock.call_at(20, callback)
    clock.run_to(30)
    assert refused == [10, 20] and clock.now == 30
