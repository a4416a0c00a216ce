"""The books close: waits and service are the latency, pools balance, what was served is what the servers did."""

from __future__ import annotations

import functools
import os
from dataclasses import replace

import numpy as np
import pytest
from comparison import BOOKS, differences
from corpus import CORPUS
from corpus_books import BOOKS_CORPUS
from harness import US, plane_config, run
from hypothesis import HealthCheck, given, settings
from nicmodel._fastpath import FastPath
from strategies import scripts
from whole import GEN2

from nicmodel.datasheet.arbiters import LINES, ORDER
from nicmodel.datasheet.books import SAMPLE, SERVED, WAITS
from nicmodel.datasheet.counters import DROP_REASONS
from nicmodel.datasheet.pcie_link import completion_tlp_bytes, memory_tlp_bytes
from nicmodel.datasheet.stages import DELIVERED, FIRST_DROP
from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.reference.plane import ReferencePath

BASE = DOMAIN_BASE                                                # 4 GiB and above: four-dword headers
SCRIPTS = (*CORPUS, *BOOKS_CORPUS)
ALL = pytest.mark.parametrize("script", SCRIPTS, ids=lambda s: s.name)


def with_them(script, **config):
    return replace(script, config=(*script.config, ("books", True), *config.items()))


@functools.cache
def booked(name):
    return run(ReferencePath, with_them(next(s for s in SCRIPTS if s.name == name)))


def machine_of(script):
    return plane_config(**{**dict(script.machine), **dict(script.config)})


def direction_of(rows):
    return (rows["kind"] != 0).astype(int)


def latency_of(rows):
    """As `latency` counts it: to the wire, the switch, the driver or the write-back."""
    tx = np.where(rows["OFF_WIRE"] >= 0, rows["OFF_WIRE"], rows["SWITCHED"]) - rows["POSTED"]
    rx = np.where(rows["REAPED"] >= 0, rows["REAPED"], rows["WRITTEN_BACK"]) - rows["ARRIVED"]
    return np.where(rows["kind"] == 0, tx, rx)


def least_service(script, rows):
    """What no packet can do without: transfers (each may begin a ps before its instant), pipelines, memory."""
    config = machine_of(script)
    host = (0, 0) if script.message_functions else (config.read_latency_ps + config.remote_ps, config.write_latency_ps)

    def link(nbytes):
        fastest = min(config.pcie_byte_ticks, GEN2[0]) if "retrain" in str(script.actions) else config.pcie_byte_ticks
        return nbytes * fastest // 1024 - 1

    tx = (link(memory_tlp_bytes(BASE, 4)) + config.register_latency_cycles * config.core_ps
          + 2 * (link(memory_tlp_bytes(BASE, 0)) + host[0]) + link(completion_tlp_bytes(16)) + link(completion_tlp_bytes(1))
          + config.tx_pipe_cycles * config.core_ps)
    wire = np.where(rows["OFF_WIRE"] >= 0, (rows["length"] + 8) * config.wire_byte_ticks // 1024 - 1, 0)
    rx = config.rx_pipe_cycles * config.core_ps + link(memory_tlp_bytes(BASE, 16)) + host[1]
    return np.where(rows["kind"] == 0, tx + wire, rx)


# waits ---------------------------------------------------------------------------------------------------------
@ALL
def test_waits_and_service_are_the_latency(script):
    """A wait is never negative, and what is left of the latency is at least what every packet needs."""
    results = booked(script.name).results
    rows, waits = results["rows"], results["row_waits"]
    delivered = rows["outcome"] == DELIVERED
    assert len(waits) == len(rows) and (waits >= 0).all()
    assert not waits[~delivered].any()
    service = latency_of(rows) - waits.sum(axis=1)
    short = delivered & (service < least_service(script, rows))
    assert not short.any(), (rows[short][0], dict(zip((w.name for w in WAITS), waits[short][0].tolist(), strict=True)))


@ALL
def test_sums_of_a_function_are_those_of_its_delivered_rows(script):
    results = booked(script.name).results
    rows, delivered = results["rows"], results["rows"]["outcome"] == DELIVERED
    both = np.column_stack([results["row_waits"], latency_of(rows)])
    for function in range(len(results["functions"])):
        for direction in (0, 1):
            mine = delivered & (rows["function"] == function) & (direction_of(rows) == direction)
            assert (both[mine].sum(axis=0) == results["waits"][function, direction]).all()
            assert mine.sum() == results["latency"][function, direction].sum()


def test_the_scripts_wait_for_everything():
    """Guard against a wait that nothing ever charges."""
    total = sum(booked(script.name).results["waits"].sum(axis=(0, 1)) for script in SCRIPTS)
    assert [wait.name for wait, ps in zip(WAITS, total, strict=False) if not ps] == []


@settings(max_examples=int(os.environ.get("NICMODEL_EXAMPLES", "150")) // 5, deadline=None,
          suppress_health_check=list(HealthCheck))
@given(scripts())
def test_books_close_on_drawn_scripts(script):
    results = run(ReferencePath, with_them(script, record_rows=True)).results
    rows, waits, audit = results["rows"], results["row_waits"], results["audit"]
    delivered = rows["outcome"] == DELIVERED
    assert (waits >= 0).all() and (waits.sum(axis=1) <= latency_of(rows))[delivered].all()
    assert waits.sum() == results["waits"][..., :-1].sum()
    assert latency_of(rows)[delivered].sum() == results["waits"][..., -1].sum()
    assert (audit["capacity"] == audit["free"] + audit["held"]).all(), audit


# pools ---------------------------------------------------------------------------------------------------------
@ALL
def test_pools_balance(script):
    audit, pools = booked(script.name).results["audit"], booked(script.name).results["pools"]
    assert (audit["capacity"] == audit["free"] + audit["held"]).all(), audit
    assert (audit["capacity"] == pools["capacity"]).all() and (audit["held"] >= 0).all() and (audit["free"] >= 0).all()
    assert (pools["queued"] <= pools["used"]).all() and (pools["used"] <= pools["capacity"] * script.end).all()
    own = booked(script.name).results["own_tags"].sum(axis=0)
    assert tuple(own) == (pools["used"][0], pools["queued"][0])


@pytest.mark.parametrize("script", BOOKS_CORPUS, ids=lambda s: s.name)
def test_pools_balance_at_any_time(script):
    held = set()
    for end in range(3 * US + 1, script.end, 811_111):
        audit = run(ReferencePath, replace(with_them(script), end=end)).results["audit"]
        assert (audit["capacity"] == audit["free"] + audit["held"]).all(), (end, audit)
        held |= set(np.nonzero(audit["held"])[0])
    assert len(held) >= 5


# what servers did ----------------------------------------------------------------------------------------------
@ALL
def test_what_was_served_is_what_the_servers_did(script):
    results = booked(script.name).results
    config = machine_of(script)
    served, links, grants = results["served"], results["links"], results["grants"]
    assert served[SERVED.index("walkers")].sum() == grants[ORDER["WALKERS"]] * config.walk_ps
    for name, link, arbiter in (("up", 0, "UPSTREAM"), ("down", 1, "DOWNSTREAM"), ("wire", 2, "WIRE")):
        assert links[link]["tlps"] == grants[ORDER[arbiter]]
        ticks = config.wire_byte_ticks if name == "wire" else config.pcie_byte_ticks
        if not {"retrain", "wire"} & {args[0] for _, _, args in script.actions}:
            assert served[SERVED.index(name)].sum() == links[link]["tlp_bytes"] * ticks
            overhead = (links[link]["dllp_bytes"] + links[link]["skp_bytes"]) * ticks
            assert 0 <= served[SERVED.index(name)].sum() + overhead - links[link]["busy_ticks"] < 10_000 * ticks


@pytest.mark.parametrize("script", [
    script for script in SCRIPTS if not any(word in str(script.actions) for word in ("wire", "reset", "bme", "close"))],
    ids=lambda script: script.name)      # elsewhere byte times change, or rows vanish from the line
def test_frames_in_the_way_on_the_wire_are_those_that_started_meanwhile(script):
    """Worked out from the rows: entries in the order of SWITCHED, starts at ON_WIRE; one in SAMPLE entries is sampled."""
    results = booked(script.name).results
    rows = results["rows"]
    config = machine_of(script)
    looped = (rows["outcome"] == DELIVERED) & (rows["OFF_WIRE"] < 0)
    spoofed = rows["outcome"] == FIRST_DROP + [reason.name for reason in DROP_REASONS].index("spoofed")
    order = rows[(rows["kind"] == 0) & (rows["SWITCHED"] >= 0) & ~looped & ~spoofed]
    order = order[np.argsort(order["SWITCHED"], kind="stable")]
    expected = np.zeros_like(results["interference"][SERVED.index("wire")])
    for victim in range(0, len(order), SAMPLE):
        row = order[victim]
        if row["ON_WIRE"] < 0:
            continue
        for other in order[:victim]:
            if other["ON_WIRE"] >= row["SWITCHED"]:
                expected[row["function"], other["function"]] += (int(other["length"]) + 20) * config.wire_byte_ticks
    assert (results["interference"][SERVED.index("wire")] == expected).all()


def test_the_scripts_interfere_everywhere():
    total = sum(booked(script.name).results["interference"] for script in SCRIPTS)
    assert all(matrix.any() for matrix in total)


# without books -------------------------------------------------------------------------------------------------
@ALL
@pytest.mark.parametrize("plane", (ReferencePath, FastPath))
def test_books_change_nothing_but_themselves(plane, script):
    """Rows, counters, links, interrupts, upcalls, memory; and the clocks of all lines but the five that only books have."""
    with_books = booked(script.name) if plane is ReferencePath else run(plane, with_them(script))
    without = run(plane, script)
    booked_results = dict(without.results)
    for key in ("waits", "row_waits", *BOOKS):
        array = without.results[key].copy()
        if key == "agents":
            array = np.concatenate([array["busy_ps"], array["passes"], array["received"]])
        assert not (array.view(np.int64) if array.dtype.names else array).any(), key
        booked_results[key] = with_books.results[key]
    five = slice(LINES.index("access"), None)
    assert not without.results["lines"][five].any()
    booked_results["lines"] = without.results["lines"].copy()
    booked_results["lines"][five] = with_books.results["lines"][five]
    told = differences(with_books, replace(without, results=booked_results))
    assert not told, told


@pytest.mark.parametrize("plane", (ReferencePath, FastPath))
def test_waits_of_rows_need_rows(plane):
    outcome = run(plane, replace(CORPUS[0], config=(("books", True), ("record_rows", False))))
    assert outcome.results["row_waits"].shape == (0, len(WAITS)) and outcome.results["waits"][1, 0, -1] > 0
