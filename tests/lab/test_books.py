"""The books of a window, from made-up sums: differences, shares, utilisation, the bottleneck rule, prediction, steadiness."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from made_books import CAPACITIES, CONFIG, PS, WORKLOAD, sums, window

from nicmodel.datasheet.arbiters import CAUSES, LINES, ORDER
from nicmodel.datasheet.books import POOLS, RESOURCES, SERVED, WAIT, WAITS
from nicmodel.lab import books, gains
from nicmodel.lab.books import NOBODY, OFFERED
from nicmodel.lab.interference import interference
from nicmodel.lab.loading import build
from nicmodel.lab.settings import plane_settings
from nicmodel.lab.workload import workload
from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import Direction


def sent(function=1, packets=100):
    return {(function, "tx_packets"): packets}


# what is kept ---------------------------------------------------------------------------------------------
def test_a_plane_without_books_has_no_window():
    zeros = sums()
    zeros["pools"]["capacity"] = 0
    assert books.window(zeros, zeros, PS, WORKLOAD) is None
    assert books.window({"functions": 0}, {"functions": 0}, PS, WORKLOAD) is None
    assert books.window(sums(), sums(), PS, replace(WORKLOAD, config=replace(CONFIG, books=False))) is None
    assert books.window(sums(), sums(), 0, WORKLOAD) is None


def test_a_window_is_the_difference_of_its_edges():
    opened = sums(waits={(1, 0, -1): 500, (1, 0, WAIT["wire"]): 200}, grants={(2,): 7}, agents={(0, "busy_ps"): 30},
                  pools={(0, "used"): 40, (0, "queued"): 10}, functions=sent(packets=5))
    closed = sums(waits={(1, 0, -1): 900, (1, 0, WAIT["wire"]): 500}, grants={(2,): 9}, agents={(0, "busy_ps"): 100},
                  pools={(0, "used"): 90, (0, "queued"): 20}, functions=sent(packets=8))
    before = copy.deepcopy(opened)
    w = books.window(opened, closed, PS, WORKLOAD)
    assert (w.waits[1, 0, -1], w.grants[2], w.agents[0, 2], w.held[0], w.functions[1]["tx_packets"]) == (400, 2, 70, 40, 3)
    assert books.waited(w, [1], Direction.TX)[WAIT["wire"]] == 300
    assert all((before[name] == opened[name]).all() for name in before)


@pytest.mark.parametrize("values", [{"waits": {(1, 0, -1): 10, (1, 0, 3): 11}}, {"waits": {(1, 1, 3): -1, (1, 1, -1): 4}}])
def test_packets_that_wait_longer_than_they_live_are_a_bug(values):
    with pytest.raises(ModelBug, match="waited longer"):
        window(**values)


def test_a_pool_that_loses_something_is_a_bug():
    with pytest.raises(ModelBug, match="read_buffer do not add up"):
        window(audit={(1, "free"): CONFIG.read_buffer - 64})


# waiting --------------------------------------------------------------------------------------------------
def test_shares_include_service_and_add_up():
    w = window(waits={(1, 0, -1): 1000, (1, 0, WAIT["wire"]): 600, (1, 1, -1): 1000, (1, 1, WAIT["driver"]): 250})
    assert books.shares(books.waited(w, [1], Direction.TX)) == {"wire": 0.6, "service": 0.4}
    assert list(books.shares(books.waited(w, [1])).items()) == [("service", 0.575), ("wire", 0.3), ("driver", 0.125)]
    assert books.shares(books.waited(w, [2])) is None


# utilisation ----------------------------------------------------------------------------------------------
def test_a_link_is_busy_for_its_ticks_and_a_pool_for_what_is_held_and_not_queued():
    found = books.shared(window(links={(1, "busy_ticks"): PS * 512}, pools={
        (0, "used"): CONFIG.tags * PS, (0, "queued"): CONFIG.tags * PS // 4, (4, "used"): CONFIG.host_ph * PS // 10,
        (6, "used"): CONFIG.host_nph * PS // 5, (7, "used"): CONFIG.device_ph * PS * 3 // 10,
        (8, "used"): CONFIG.device_pd * PS // 2}))
    assert (found["down_link"], found["tags"], found["up_link"]) == (0.5, 0.75, 0)
    assert found["up_credits"] == pytest.approx(0.2, rel=0.01), "of the kinds of credits the fullest"
    assert found["down_credits"] == 0.5


def test_a_wire_that_frames_wait_for_is_needed_though_it_is_paused():
    paused = LINES.index("tx_wire"), CAUSES.index("pool")
    assert books.shared(window(links={(2, "busy_ticks"): PS * 512}, lines={paused: PS // 4}))["wire"] == 0.75


def test_what_is_infinite_is_never_full():
    workload = replace(WORKLOAD, config=replace(CONFIG, host_ph=0))
    assert books.credit_loads(window(workload, pools={(4, "used"): 10**12}), "up_credits")["host_ph"] == 0
    assert CONFIG.device_cplh == 0 and books.credit_loads(window(pools={(9, "used"): 10**12}), "down_credits")["device_cplh"] == 0


def test_core_servers_take_edges_and_walkers_their_walks():
    workload = replace(WORKLOAD, config=replace(CONFIG, core_ps=1000, write_cycles=3, read_cycles=2, walkers=2))
    grants = {(ORDER[arbiter],): 1000 for arbiter, _ in books.CORE_SERVERS.values()}
    walkers = SERVED.index("walkers")
    found = books.shared(window(workload, grants=grants, served={(walkers, 1): PS, (walkers, 2): PS // 2}))
    assert {name: found[name] for name in books.CORE_SERVERS} == {
        "scheduler": 0.1, "tx_pipe": 0.1, "rx_pipe": 0.1, "writers": 0.3, "register_port": 0.1, "dma_issue": 0.2}
    assert found["walkers"] == 0.75


def test_a_core_that_nearly_empty_passes_keep_busy_is_no_limit():
    """100 frames of 20 ns in 25 passes of 4: of the 8 us around them full passes would need an eighth."""
    busy = 100 * 20_000 + 8_000_000
    w = window(functions=sent(), agents={(0, "busy_ps"): busy, (0, "passes"): 25})
    assert books.own(w, 1) == {"vcpu": pytest.approx((2_000_000 + 1_000_000) / PS)}
    full = window(replace(WORKLOAD, batch=4), functions=sent(), agents={(0, "busy_ps"): busy, (0, "passes"): 25})
    assert books.own(full, 1) == {"vcpu": 1.0}


def test_a_shared_core_is_that_of_all_its_agents():
    agents = {(row, name): amount for row in (0, 1) for name, amount in (("core", 7), ("busy_ps", PS // 4), ("passes", 1))}
    agents |= {(2, "busy_ps"): 5, (2, "passes"): 1}
    w = window(replace(WORKLOAD, batch=1), functions=sent(1, 1) | sent(2, 1), agents=agents)
    assert books.own(w, 1) == books.own(w, 2) == {"vcpu": 0.5}
    assert books.own(w, 3)["vcpu"] < 0.01


def test_a_shaper_is_as_busy_as_its_bytes_and_a_cap_as_its_tags():
    workload = replace(WORKLOAD, shaper_ticks=8 * 1024 * 1000, config=replace(CONFIG, tag_cap=4))
    w = window(workload, functions={(1, "tx_bytes"): 1000}, own_tags={(1, 0): 3 * PS, (1, 1): PS})
    assert books.own(w, 1) == {"vcpu": 0.0, "shaper": 0.8, "tag_cap": 0.5}
    assert "shaper" not in books.own(w, 0)
    wide = replace(WORKLOAD, config=replace(CONFIG, tag_cap=2 * CONFIG.tags))
    assert books.own(window(wide, own_tags={(1, 0): CONFIG.tags * PS}), 1)["tag_cap"] == 1.0, "no cap is above all tags"


def test_tags_that_payload_may_not_take_are_no_capacity():
    workload = replace(WORKLOAD, config=replace(CONFIG, tag_reserve=CONFIG.tags // 4))
    assert books.pool_load(window(workload, pools={(0, "used"): CONFIG.tags * PS // 2}), "tags") == pytest.approx(2 / 3)


def test_frames_that_are_not_delivered_did_not_need_the_wire():
    """Of 100 frames 20 found no room, 80 came to function 1: 60 were delivered, 15 dropped, 5 more wait than before."""
    counts = {(1, "rx_offered"): 80, (1, "rx_packets"): 60, (1, "drop_no_descriptor"): 15,
              (0, "rx_offered"): 20, (0, "drop_rx_buffer_full"): 20}
    wire = {(3, "busy_ticks"): PS * 1024}
    assert books.crossed_loads(window(functions=counts, links=wire), 1)["wire_rx"] == pytest.approx(60 / 80 * 80 / 100)
    drained = {(1, "rx_offered"): 80, (1, "rx_packets"): 90}
    assert books.crossed_loads(window(functions=drained, links=wire), 1)["wire_rx"] == 1.0


def test_every_resource_has_a_utilisation_and_every_wait_for_one_names_it():
    workload = replace(WORKLOAD, shaper_ticks=1, config=replace(CONFIG, tag_cap=4))
    w = window(workload)
    loads = {**books.own(w, 1), **books.shared(w)}
    assert set(loads) == {row.name for row in RESOURCES}
    assert {wait.resource for wait in WAITS} - {""} <= set(loads)
    assert {row.name for row in RESOURCES if row.kind == "own"} == set(books.own(w, 1))


# the rule -------------------------------------------------------------------------------------------------
def busy(**loads):
    """A window in which function 1 sends, with these loads."""
    links = {(row, "busy_ticks"): int(loads.pop(name) * PS * 1024) for name, row in books.LINKS.items() if name in loads}
    agents = {(0, "busy_ps"): int(loads.pop("vcpu", 0) * PS), (0, "passes"): 1}
    pools = {(POOLS.index(name), "used"): int(load * PS) * CAPACITIES[POOLS.index(name)] for name, load in loads.items()}
    lines = {at: 1 for places in books.LACKED.values() for at in places}
    return dict(links=links, agents=agents, pools=pools, functions=sent(), served={(SERVED.index("wire"), 1): 1}, lines=lines)


@pytest.mark.parametrize(("loads", "name"), [
    ({"wire": 1.0, "down_link": 0.955}, "wire"),
    ({"wire": 1.0, "down_link": 0.965}, "wire or down_link"),
    ({"wire": 0.97, "down_link": 1.0}, "down_link or wire"),
    ({"wire": 0.955, "tags": 0.9}, NOBODY),
    ({"tags": 0.97, "up_link": 0.2}, "tags"),
    ({"wire": 1.0, "vcpu": 0.97}, "vcpu"),
    ({"wire": 0.99, "vcpu": 0.9}, "wire"),
    ({"rx_buffer": 1.0, "wire_rx": 1.0, "tags": 0.3}, NOBODY),       # not on its way
])
def test_the_rule(loads, name):
    assert books.bottleneck(window(replace(WORKLOAD, batch=1), **busy(**loads)), 1) == name


@pytest.mark.parametrize("name", [name for name, lines in books.LACKED.items() if lines and name != "tag_cap"])
def test_a_pool_that_nothing_waited_for_is_no_limit_however_full(name):
    pool = {"up_credits": "up_ph", "down_credits": "down_ph"}.get(name, name)
    full = busy(**{pool: 1.0})
    assert books.bottleneck(window(**full), 1) == name
    assert gains.without(window(**full), 1, Direction.TX, ("wire",)).count(1.0) == 1
    alone = window(**full | {"lines": {at: ps for at, ps in full["lines"].items() if at not in books.LACKED[name]}})
    assert books.utilisation(alone, 1)[name] == 1.0, "it is full all the same"
    assert books.bottleneck(alone, 1) == NOBODY and 1.0 not in gains.without(alone, 1, Direction.TX, ("wire",))


def test_a_function_that_moved_nothing_has_no_bottleneck():
    w = window(functions=sent())
    assert books.bottleneck(w, 2) is None and books.bottleneck(w, 1) == NOBODY


@pytest.mark.parametrize(("packets", "name"), [(98, OFFERED), (97, "wire")])
def test_a_function_that_got_what_it_was_offered_is_limited_by_that(packets, name):
    workload = replace(WORKLOAD, offered_ticks=(PS * 1024 // 100, 0))
    assert books.bottleneck(window(workload, **busy(wire=1.0) | {"functions": sent(1, packets)}), 1) == name


def test_who_got_what_it_was_offered_is_limited_by_nothing_of_its_own():
    """However full that is: more of it would bring nothing."""
    workload = replace(WORKLOAD, batch=1, offered_ticks=(PS * 1024 // 100, 0))
    assert books.bottleneck(window(workload, **busy(vcpu=0.98)), 1) == OFFERED
    assert books.bottleneck(window(workload, **busy(vcpu=0.98) | {"functions": sent(1, 97)}), 1) == "vcpu"


def test_a_direction_has_got_what_it_was_offered_or_not():
    workload = replace(WORKLOAD, offered_ticks=(PS * 1024 // 100, PS * 1024 // 50))
    w = window(workload, functions={(1, "tx_packets"): 100, (1, "rx_packets"): 40})
    assert books.gets_all_offered(w, 1, Direction.TX) and not books.gets_all_offered(w, 1, Direction.RX)
    assert not books.gets_all_offered(window(functions=sent(1, 100)), 1, Direction.TX), "saturated"


@pytest.mark.parametrize(("got", "line", "name"), [
    (100, 0.5, OFFERED), (97, 0.5, "up_link"), (100, 0.97, "up_link or wire_rx"), (100, 0, "up_link")],
    ids=["its share", "less", "the line is full", "from VFs alone"])
def test_a_saturated_peer_offers_a_share_of_a_line_that_others_leave_free(got, line, name):
    workload = replace(WORKLOAD, share_ticks=PS * 1024 // 100)
    counts = {(1, "rx_packets"): got, (1, "rx_offered"): got}
    full = {(0, "busy_ticks"): PS * 1024, (3, "busy_ticks"): int(line * PS * 1024)}
    assert books.limited_by(window(workload, functions=counts, links=full), 1, Direction.RX) == name


def test_a_saturated_peer_beside_others_is_found_in_a_scenario():
    def share(**traffic):
        s = build({}, "a", {"profile": "x520", "num_vfs": 4, "direction": "rx", "frame_size": 64} | traffic)
        return workload(s, plane_settings(s)).share_ticks

    quarter = 4 * (64 + 20) * 800 * 1024
    assert share(load="10%") == 0
    assert share(load="10%", **{"traffic.loads": {"2": "saturated"}}) == share(load="saturated") == quarter


@pytest.mark.parametrize(("offered", "wire", "name"), [(102, 0, OFFERED), (103, 0, NOBODY), (102, 1, NOBODY), (0, 0, NOBODY)])
def test_who_gets_all_that_other_functions_send_is_limited_by_that(offered, wire, name):
    counts = {(1, "rx_packets"): 100, (1, "rx_offered"): offered}
    w = window(functions=counts, links={(3, "busy_ticks"): wire})
    assert books.limited_by(w, 1, Direction.RX) == name
    assert not books.follows_senders(window(functions=counts | sent(1, 100)), 1, Direction.TX)


def test_what_is_full_limits_who_gets_all_that_other_functions_send():
    counts = {(1, "rx_packets"): 100, (1, "rx_offered"): 100}
    assert books.limited_by(window(**busy(up_link=1.0) | {"functions": counts}), 1, Direction.RX) == "up_link"
    spent = {(0, "busy_ps"): PS, (0, "passes"): 100, (0, "received"): 100}
    assert books.limited_by(window(replace(WORKLOAD, batch=1), functions=counts, agents=spent), 1, Direction.RX) == "vcpu"


def test_each_direction_has_its_own_limit():
    """The receive wire does not limit sending, nor a shaper receiving."""
    both = sent(1, 100) | {(1, "rx_packets"): 100, (1, "rx_offered"): 100}
    w = window(**busy(wire_rx=1.0, up_link=0.5) | {"functions": both})
    assert (books.limited_by(w, 1, Direction.TX), books.limited_by(w, 1, Direction.RX)) == (NOBODY, "wire_rx")
    assert books.bottleneck(w, 1) == f"{NOBODY} (Tx), wire_rx (Rx)"
    shaped = replace(WORKLOAD, shaper_ticks=PS * 1024 // 6400)
    w = window(shaped, **busy(wire_rx=1.0) | {"functions": both | {(1, "tx_bytes"): 6400}})
    assert (books.limited_by(w, 1, Direction.TX), books.limited_by(w, 1, Direction.RX)) == ("shaper", "wire_rx")
    assert books.bottleneck(window(**busy(up_link=1.0) | {"functions": both}), 1) == "up_link"


def test_a_pass_takes_no_more_than_a_ring_has_room_for():
    scenario = build({"ring_size": 64, "driver": {"batch": 1024}}, "x", {})
    assert workload(scenario, CONFIG).batch == 63


def test_a_gain_is_bounded_by_the_factor_and_by_the_next_resource():
    w = window(**busy(wire=1.0, down_link=0.8, up_link=0.5))
    assert gains.gain(w, 1, Direction.TX, ["wire"], 1.1) == 1.1 and gains.gain(w, 1, Direction.TX, ["wire"], 2.0) == 1.25
    assert gains.gain(w, 1, Direction.TX, ["up_link"], 1.1) == 1.0


def test_a_gain_is_bounded_by_what_is_offered():
    offered = replace(WORKLOAD, offered_ticks=(PS * 1024 // 100, 0))
    w = window(offered, **busy(wire=1.0) | {"functions": sent(1, 96)})
    assert gains.gain(w, 1, Direction.TX, ["wire"], 1.1) == pytest.approx(100 / 96)


def test_what_is_added_to_a_shared_resource_goes_to_those_whom_it_limits():
    w = window(**busy(wire=1.0, down_link=0.4))
    assert gains.gain(w, 1, Direction.TX, ["wire"], 1.1, 0.25) == pytest.approx(1.4)
    assert gains.gain(w, 1, Direction.TX, ["wire"], 2.0, 0.25) == 2.5


@pytest.mark.parametrize(("resource", "part"), [
    ("wire", 0.75), ("up_link", 0.5), ("tags", 0.2), ("tx_pipe", 0.4), ("wire_rx", 0.1), ("writers", 0.25), ("walkers", 1.0)])
def test_whose_part_of_a_resource_is_how_large(resource, part):
    """By service, by tags held, or by packets that crossed it; all of what nobody took."""
    wire, up = SERVED.index("wire"), SERVED.index("up")
    served = {(wire, 1): 30, (wire, 2): 10, (up, 1): 5, (up, 3): 5}
    packets = {(1, "tx_packets"): 40, (2, "tx_packets"): 60, (1, "rx_packets"): 10, (3, "rx_packets"): 90}
    w = window(served=served, functions=packets, own_tags={(1, 0): 30, (2, 0): 120, (1, 1): 0})
    assert gains.part_of(w, resource, [(1, way) for way in books.WAYS]) == pytest.approx(part)


TX, RX = books.WAYS


@pytest.mark.parametrize(("resource", "streams", "known"), [
    ("wire", [(1, TX)], True), ("rx_pipe", [(3, RX)], True),             # crossed in one direction alone
    ("dma_issue", [(1, TX), (1, RX)], False), ("dma_issue", [(1, TX), (1, RX), (2, TX), (3, RX)], True),
    ("up_link", [(1, TX)], False), ("up_link", [(1, TX), (1, RX)], True), ("tags", [(2, TX)], True),
    ("tag_cap", [(1, TX)], False), ("tag_cap", [(2, TX), (3, RX)], True), ("shaper", [(1, TX)], True)])
def test_whose_part_of_a_resource_is_known(resource, streams, known):
    """Of VF 0, which sends and receives, of one that sends and of one that receives."""
    w = window(functions={(1, "tx_packets"): 1, (1, "rx_packets"): 1, (2, "tx_packets"): 1, (3, "rx_packets"): 1})
    assert gains.is_part_known(w, resource, streams) == known


def test_a_core_s_time_goes_to_what_is_sent_and_received_by_what_frames_cost():
    """VFs 0 and 1 share a core: 6 and 4 frames sent, of 20 ns each, and 8 and 0 received, of 25 ns."""
    w = window(functions={(1, "tx_packets"): 6, (2, "tx_packets"): 4}, agents={
        (0, "core"): 0, (1, "core"): 0, (0, "busy_ps"): 400_000, (1, "busy_ps"): 100_000, (0, "received"): 8,
        (0, "passes"): 2, (1, "passes"): 4, (2, "busy_ps"): 7})
    shared = gains.part_of_core(w, 1, [(1, TX)]), gains.part_of_core(w, 2, [(1, TX), (2, TX)])
    assert shared == (pytest.approx(150 / 500), pytest.approx(250 / 500))
    assert gains.part_of_core(w, 1, [(1, TX), (1, RX), (2, TX)]) == gains.part_of_core(w, 3, [(3, RX)]) == 1
    assert gains.beyond_frames(w, [1, 2]) == pytest.approx(1 - 400 / 500)


# interference --------------------------------------------------------------------------------------------------
def test_a_wait_is_split_among_those_served_meanwhile():
    wire = SERVED.index("wire")
    w = window(interference={(wire, 1, 2): 300, (wire, 1, 3): 100}, functions=sent(packets=4),
               waits={(1, 0, -1): 90_000, (1, 0, WAIT["wire"]): 80_000})
    assert interference(w) == [{"victim": 0, "culprit": 1, "server": "wire", "ns": 15.0},
                                     {"victim": 0, "culprit": 2, "server": "wire", "ns": 5.0}]


def test_limits_of_a_scenario():
    s = build({"load": "30%", "num_vfs": 2, "nic": {"vf_rate": "1Gbps"}, "driver": {"batch": 8}}, "x", {})
    found = workload(s, plane_settings(s))
    assert found.config.books and found.batch == 8 and found.shaper_ticks == 8_192_000
    assert found.offered_ticks == (s.interval_ticks(Direction.TX), s.interval_ticks(Direction.RX))
    assert workload(build({"direction": "rx"}, "x", {}), found.config).offered_ticks == (0, 0)


@pytest.mark.parametrize(("intervals", "name"), [(0, NOBODY), (1, NOBODY), (2, OFFERED)])
def test_frames_that_wait_for_the_driver_to_look_are_not_held_back(intervals, name):
    """96 of 100 have been taken, and one may be at the window's edge."""
    interval = PS // 100
    of_both = replace(WORKLOAD, offered_ticks=(1024 * interval,) * 2, look_ps=intervals * interval)
    taken = {(1, "rx_packets"): 96, (1, "rx_offered"): 100}
    assert books.limited_by(window(of_both, functions=taken), 1, Direction.RX) == name
    assert books.limited_by(window(of_both, **busy(up_link=1.0) | {"functions": taken}), 1, Direction.RX) == "up_link"
    assert books.limited_by(window(of_both, functions=sent(1, 96)), 1, Direction.TX) == NOBODY


def test_how_long_they_may_wait_is_a_scenario_s():
    def look_ps(**driver):
        s = build({}, "a", {"driver": driver})
        return workload(s, plane_settings(s)).look_ps

    assert (look_ps(), look_ps(itr="20us"), look_ps(poll="5us")) == (0, 20_000_000, 5_000_000)
