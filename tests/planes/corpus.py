"""The corpus: scripts on which both planes must agree. A failure that Hypothesis finds and shrinks joins it.

Scripts tagged "tie" force equal times: on TIES every byte time, latency and core period is a multiple of 1 ns.
"""

from __future__ import annotations

from harness import NS, US, Queue, Script, mac_of, rx_flow

from nicmodel.sim.plane import Payload

# 1 ns a byte on both links, 1 ns core: everything shares instants.
TIES = (("gen", 2), ("lanes", 2), ("core_ps", 1000), ("gbps", 8))
GEN3 = (("gen", 3), ("lanes", 8))
GEN4_100G = (("gen", 4), ("lanes", 16), ("core_ps", 1600), ("gbps", 100))
FULL, HEADERS, LENGTHS = (("payload", payload) for payload in (Payload.FULL, Payload.HEADERS, Payload.LENGTHS))
JITTER = ("read_jitter_ps", 90 * NS)
LINE_64B = 672 * 100 * 1024          # ticks of a 64-byte frame slot at 10 Gb/s


def agents(functions: int, **fields: object) -> tuple[Queue, ...]:
    return tuple(Queue(function, **fields) for function in range(1, functions + 1))   # type: ignore[arg-type]


# Functions without memory and with the highest number of all domains; function 1 is at work meanwhile.
LOST = (Queue(1), Queue(3, agent=False, rx=True), Queue(4, agent=False, rx=True))
LOST_ACTIONS = ((3 * US, "post", (1, 0, 9)), (3 * US, "post", (2, 0, 20)), (4 * US, "send", (1, 0, (60,))),
                (4 * US, "send", (2, 0, (60, 700))), (9 * US, "inject", (300, 3)), (9 * US, "inject", (300, 4)),
                (12 * US, "attach", (3,)), (13 * US, "send", (1, 1, (90, 600))), (14 * US, "send", (2, 2, (60,))))

CORPUS = (
    Script("one frame", (Queue(1, count=1),)),
    Script("one function, 64 B", agents(1)),
    Script("two functions share the wire", agents(2)),
    Script("four functions, mixed sizes", tuple(Queue(f, sizes=(64, 1518, 300 * f)) for f in (1, 2, 3, 4))),
    Script("PF and a VF", (Queue(0), Queue(1))),
    Script("1518 B frames in three reads", agents(2, sizes=(1518,)), end=60 * US),
    Script("jumbo frames", agents(1, sizes=(9000,)), config=(("tx_buffer", 20000),), end=100 * US,
           actions=((1 * NS, "set", ("max_frame", 0, 9728)),)),
    Script("two queues of one function", (Queue(1), Queue(1, vector=1), Queue(2))),
    Script("rate below the line", (Queue(1, interval_ticks=LINE_64B * 3), Queue(2, interval_ticks=LINE_64B * 5)),
           end=60 * US),
    Script("receive at line rate", (Queue(1, tx=False, rx=True),), flows=(rx_flow(1),), end=60 * US),
    Script("received frames shorter than the minimum", (Queue(1, tx=False, rx=True),), flows=(rx_flow(1, sizes=(40, 64, 30)),),
           config=(FULL,), end=60 * US),
    Script("two saturated flows share the wire", (Queue(1, tx=False, rx=True), Queue(2, tx=False, rx=True)),
           flows=(rx_flow(1), rx_flow(2, sizes=(256, 64))), end=60 * US),
    Script("receive without descriptors drops", (Queue(1, tx=False, rx=True, size=16),), flows=(rx_flow(1),),
           end=60 * US),
    Script("receive without descriptors blocks", (Queue(1, tx=False, rx=True, size=16),), flows=(rx_flow(1),),
           config=(("rx_buffer", 4096),), actions=((1 * NS, "set", ("no_descriptor", 1, 0)),), end=60 * US),
    Script("both ways", agents(2, rx=True), flows=(rx_flow(1, interval_ticks=2 * LINE_64B),
                                                   rx_flow(2, interval_ticks=2 * LINE_64B, sizes=(512,))), end=60 * US),
    Script("no filter, default pool, too long", (Queue(1, tx=False, rx=True, buffer_bytes=256),),
           flows=(rx_flow(3), rx_flow(1, sizes=(64, 512)), rx_flow(1, sizes=(2000,), start_ps=4 * US)),
           actions=((15 * US, "set", ("default_pool", 0, 1)),)),
    Script("VLAN filters", (Queue(1, tx=False, rx=True), Queue(2, tx=False, rx=True)),
           flows=(rx_flow(1, vlan=5, interval_ticks=3 * LINE_64B), rx_flow(1, interval_ticks=3 * LINE_64B)),
           actions=((1 * NS, "set", ("filter", 1, 1, mac_of(1), 0, 1)), (1 * NS, "set", ("filter", 7, 1, mac_of(1), 5, 2)))),
    Script("VF to VF", (Queue(1, dst=mac_of(2)), Queue(2, tx=False, rx=True)), loopback=True, end=60 * US),
    Script("VF to VF and wire", (Queue(1, dst=mac_of(2), rx=True), Queue(2, dst=mac_of(1), rx=True), Queue(3)),
           flows=(rx_flow(1, interval_ticks=4 * LINE_64B),), loopback=True, end=60 * US),
    Script("anti-spoofing", (Queue(1, dst=mac_of(2)), Queue(2, rx=True, sizes=(300,)), Queue(3)), loopback=True, end=60 * US,
           actions=((1 * NS, "set", ("sources", 1, 1)), (1 * NS, "set", ("sources", 2, 3)),
                    (9 * US, "set", ("filter", 1, 0, 0, 0, 0)), (20 * US, "set", ("filter", 2, 1, mac_of(2), 0, 2)),
                    (30 * US, "set", ("sources", 1, 0)),
                    (40 * US, "set", ("filter", 2, 0, 0, 0, 0)), (50 * US, "set", ("loopback", 0, 0)))),
    Script("anti-spoofing of bytes", (Queue(1, agent=False), Queue(2, agent=False, rx=True)), loopback=True,
           config=(FULL,), end=30 * US, actions=((1 * NS, "set", ("sources", 1, 1)), (1 * NS, "set", ("sources", 2, 2)),
                                                (4 * US, "send", (0, 0, (60, 300, 5))), (4 * US, "send", (1, 0, (60, 300))))),
    Script("full payload", (Queue(1, sizes=(64, 777, 1518), rx=True), Queue(2, dst=mac_of(1), sizes=(130,))),
           flows=(rx_flow(1, sizes=(64, 999), vlan=9, interval_ticks=20 * LINE_64B),), config=(FULL,), loopback=True),
    Script("headers payload", (Queue(1, sizes=(64, 777), rx=True),), flows=(rx_flow(1, sizes=(999,)),),
           config=(HEADERS,)),
    Script("read jitter", agents(3), config=(JITTER,)),
    Script("write-back threshold", agents(2, wthresh=8), end=60 * US),
    Script("report status every fourth", agents(2, agent_fields=(("rs_batch", 4),)), end=60 * US),
    Script("fetches of more than 64 descriptors", (Queue(1, size=256, agent_fields=(("tx_batch", 150), ("rs_batch", 7))),
                                                   Queue(2, agent=False, size=256)), end=60 * US,
           config=(("tx_cache", 200), ("tx_threshold", 64)), actions=((3 * US, "send", (1, 0, (60,) * 150, "rs")),
                                                                      (20 * US, "send", (1, 150, (60,) * 90, "type")))),
    Script("polling agents", agents(2, rx=True, vector=-1, agent_fields=(("poll_ps", 700 * NS), ("vector", -1))),
           flows=(rx_flow(1, interval_ticks=2 * LINE_64B),), end=60 * US),
    Script("few tags", agents(3, sizes=(600,)), config=(("tags", 3),)),
    Script("small read buffer", agents(3, sizes=(1000,)), config=(("read_buffer", 700),), end=60 * US),
    Script("few credits", agents(2, rx=True, sizes=(600,)), flows=(rx_flow(1, sizes=(600,)),),
           config=(("host_ph", 2), ("host_pd", 40), ("host_nph", 2), ("device_ph", 1), ("device_pd", 1)), end=60 * US),
    Script("infinite credits", agents(2, rx=True), flows=(rx_flow(1),),
           config=tuple((n, 0) for n in ("host_ph", "host_pd", "host_nph", "device_ph", "device_pd", "device_nph"))),
    Script("completions at RCB", agents(2, sizes=(1518,)), config=(("split_rcb", True), ("mps", 128)), machine=GEN3),
    Script("100 GbE, Gen4", agents(4, sizes=(64, 1518), rx=True), flows=(rx_flow(1), rx_flow(3, sizes=(1518,))),
           machine=GEN4_100G, config=(("tags", 128), ("tx_buffer", 1 << 20)), end=20 * US),
    Script("frames out", agents(1, count=40, sizes=(64, 200)), config=(FULL, ("frames_out", True))),
    Script("rings driven by Python", (Queue(1, agent=False, rx=True, vector=1), Queue(2)),
           actions=((3 * US, "post", (0, 0, 40)), (4 * US, "send", (0, 0, (60, 200, 1514, 40))),
                    (5 * US, "inject", (100, 1)), (5 * US, "inject", (60, 1)), (6 * US, "send", (0, 4, (61,) * 5, "rs")),
                    (7 * US, "inject", (1000, 1, 77))), config=(FULL,)),
    Script("bad descriptors", (Queue(1, agent=False),),
           actions=((3 * US, "send", (0, 0, (60, 80, 90, 61, 62), "type")), (6 * US, "send", (0, 5, (2000, 70), "")),
                    (9 * US, "send", (0, 7, (60,) * 4, "eop")))),
    Script("a driver laps its ring, and reads overtake each other", (Queue(1, agent=False, size=4), Queue(2)), end=120 * US,
           config=(("tail_ps", 20 * US), ("tail_share", 6000)),
           actions=tuple((3 * US * k, "send", (0, 3 * (k - 1) % 4, tuple(range(60 + 15 * k, 75 + 15 * k, 5))))
                         for k in range(1, 40))),
    Script("a ring starts afresh, and reads overtake each other", (Queue(1, agent=False, size=16), Queue(2)), end=90 * US,
           config=(("tail_ps", 20 * US), ("tail_share", 30000), ("seed", 9)),
           actions=((3 * US, "send", (0, 0, (60,) * 5)), (45 * US, "close", (0, 0)), (46 * US, "reopen", (0,)),
                    (47 * US, "send", (0, 0, tuple(range(60, 960, 60)))))),
    Script("registers, hot and cold", (Queue(1), Queue(2)),
           actions=((3 * US, "read", (1, 0x2018)), (3 * US, "read", (1, 0x0008)), (3 * US, "write", (2, 0x0200, 7)),
                    (4 * US, "read", (2, 0x3000)), (4 * US, "write", (1, 0x2018, 70)))),
    Script("a VF at another function's tail", (Queue(1), Queue(2)),
           actions=((1 * NS, "set", ("hot", 2 << 32 | 0x2018, 0, 0)), (3 * US, "write", (2, 0x2018, 63)),
                    (3 * US, "read", (2, 0x2018)), (3 * US, "read", (1, 0x2018)))),
    Script("a message domain", (Queue(1, agent=False, rx=True), Queue(2)), message_functions=(1,), config=(FULL,),
           actions=((3 * US, "post", (0, 0, 20)), (4 * US, "send", (0, 0, (60, 700))), (9 * US, "inject", (300, 1)))),
    Script("a message domain, of whose TLPs some move no byte", (Queue(1, agent=False, rx=True),), message_functions=(1,),
           config=(HEADERS,), actions=((3 * US, "post", (0, 0, 20)), (9 * US, "inject", (700, 1)))),
    Script("a function that nobody attached, and one that is attached late", LOST, unattached_functions=(3, 4), config=(FULL,),
           actions=LOST_ACTIONS),
    Script("a ring changes its vector", (Queue(1, agent=False, rx=True, vector=1), Queue(2)),
           actions=((3 * US, "post", (0, 0, 40)), (4 * US, "send", (0, 0, (60,) * 4)), (5 * US, "set", ("ring_vector", 0, 2)),
                    (5 * US, "set", ("ring_vector", 1, -1)), (6 * US, "send", (0, 4, (61,) * 5)), (7 * US, "inject", (99, 1)))),
    Script("agents of which one has a closed ring, one none that is open", agents(3, rx=True), flows=(rx_flow(1), rx_flow(2)),
           actions=((1500, "close", (0, 0)), (1500, "close", (1, 1)), (1500, "set", ("bme", 2, 0)), (9 * US, "reopen", (0,)),
                    (10 * US, "send", (0, 0, (60, 90))), (11 * US, "stop", (0,)))),
    Script("BARs decode no more, and again: of agents, of rings that Python drives, and of reads",
           (Queue(1, rx=True), Queue(2, agent=False, rx=True), Queue(3)), flows=(rx_flow(1),),
           actions=((5 * US, "set", ("decode", 1, 0)), (6 * US, "set", ("decode", 2, 0)), (7 * US, "send", (1, 0, (60, 90))),
                    (8 * US, "read", (2, 0x2058)), (9 * US, "read", (3, 0x2098)), (12 * US, "set", ("decode", 1, 1)),
                    (13 * US, "set", ("decode", 2, 1)), (14 * US, "read", (2, 0x2058)), (15 * US, "send", (1, 0, (60, 90))))),
    Script("an agent is stopped", agents(2), actions=((10 * US, "stop", (0,)),)),
    Script("another agent for rings that have one, stopped or not, or are closed",
           agents(3, agent_fields=(("poll_ps", 3 * US),)),
           actions=((10 * US, "stop", (0,)), (12 * US, "start", (0,)), (13 * US, "start", (1,)), (14 * US, "close", (0, 2)),
                    (15 * US, "start", (2,)))),
    # ties -----------------------------------------------------------------------------------------------------
    Script("ties: everything on one grid", agents(3, rx=True), flows=(rx_flow(1), rx_flow(2)), machine=TIES, tags=("tie",)),
    Script("ties: completions at equal ps", agents(4, sizes=(72,)), machine=TIES, tags=("tie",),
           config=(("read_jitter_ps", 3), ("tags", 8))),
    Script("ties: PAUSE at a start", agents(2), machine=TIES, tags=("tie",),
           actions=tuple((t, "set", ("pause", 0, q)) for t, q in ((8000 * NS, 3), (8084 * NS, 2), (9004 * NS, 5),
                                                                 (9100 * NS, 0), (12000 * NS, 1)))),
    Script("ties: function reset in flight", agents(3, rx=True), flows=(rx_flow(2),), machine=TIES, tags=("tie",),
           actions=((9000 * NS, "reset", (2,)), (15 * US, "reset", (1,)))),
    Script("ties: bus mastering cleared in flight", agents(3, rx=True), flows=(rx_flow(2), rx_flow(1)), tags=("tie",),
           machine=TIES, config=(("tags", 6),), actions=((9 * US, "set", ("bme", 2, 0)), (9 * US, "set", ("bme", 1, 0)))),
    Script("ties: upcall answered with no delay", agents(2), machine=TIES, tags=("tie",),
           actions=tuple((3 * US + i, "read", (1 + i % 2, 8 * i)) for i in range(12))),
    Script("ties: a core edge each ps", agents(2), machine=TIES, config=(("core_ps", 1),), tags=("tie",), end=6 * US),
    Script("ring closed and opened again", (Queue(1), Queue(2)), end=60 * US,
           actions=((9 * US, "close", (0, 0)), (20 * US, "reopen", (0,)), (21 * US, "send", (0, 0, (60, 90, 400))))),
    Script("reset under receive", (Queue(1, tx=False, rx=True), Queue(2, rx=True)), flows=(rx_flow(1), rx_flow(2)),
           actions=((11 * US, "reset", (1,)), (17 * US + 333, "set", ("bme", 2, 0))), end=40 * US),
    Script("an order that comes after the end", (Queue(0),), flows=(rx_flow(0),), end=12 * US,
           actions=((13 * US, "set", ("wire", 0, 819200)),)),
    Script("PAUSE off the grid", agents(2), actions=((8 * US + 137, "set", ("pause", 0, 9)), (11 * US, "set", ("pause", 0, 0)))),
)
