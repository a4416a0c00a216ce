"""A driver of the user's own that fails, or is no driver: one sentence that names class, entry point, failure and line."""

from __future__ import annotations

import json

import pytest

import nicmodel as nm
from nicmodel.lab import machine
from nicmodel.lab.cli import main

MINE = """
from drivers.pf import PfMiniport
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import Status


class Constructor(VfMiniport):
    def __init__(self, ndis, handle, settings):
        raise ValueError("no luck")                                          # Constructor


class Entry(VfMiniport):
    def driver_entry(self):
        return 1 // 0                                                        # Entry


class Step(VfMiniport):
    def allocate_rings(self):
        raise KeyError("rings")                                              # Step


class Restart(VfMiniport):
    def restart(self):
        yield self.ndis.NdisMSleep(1000)
        raise RuntimeError("two\\nlines")                                     # Restart


class Pause(VfMiniport):
    def pause(self):
        raise OSError("pause")                                               # Pause


class Request(VfMiniport):
    def oid_request(self, kind, oid, buffer):
        return oid.nothing                                                   # Request


class Process(VfMiniport):
    def restart(self):
        self.ndis.env.process(self.later())
        return (yield from super().restart())

    def later(self):
        yield self.ndis.NdisMSleep(1000)
        raise IndexError("too late")                                         # Process


class Message(PfMiniport):
    def on_other(self, message):
        if self.ndis.virtualized:
            raise ValueError("heard")                                        # Message


class Exits(VfMiniport):
    def initialize(self):
        raise SystemExit(3)                                                  # Exits


class Interrupts(VfMiniport):
    def initialize(self):
        raise KeyboardInterrupt                                              # Interrupts


class Frees(VfMiniport):
    def halt(self):
        block = self.ndis.NdisAllocateMemory(64)
        for _ in range(2):
            self.ndis.NdisFreeMemory(block)                                  # Frees
        yield from super().halt()


class Answers(VfMiniport):
    def read_configuration(self):
        return True


class GivesUp(VfMiniport):
    def self_test(self):
        return Status.RESOURCES


class PfGivesUp(PfMiniport):
    def decide_features(self):
        return Status.FAILURE


class RefusesTheSwitch(PfMiniport):
    def create_switch(self, parameters):
        return Status.INVALID_PARAMETER


class RefusesVPorts(PfMiniport):
    def oid_request(self, kind, oid, buffer):
        return Status.FAILURE if oid.name == "NIC_SWITCH_CREATE_VPORT" else super().oid_request(kind, oid, buffer)


class Odd(Exception):
    def __init__(self, *, x):
        self.x = x


class Unmakable(VfMiniport):
    def initialize(self):
        raise Odd(x=1)                                                       # Unmakable


class NoStatus(VfMiniport):
    def restart(self):
        return 77


class Waits(VfMiniport):
    def initialize(self):
        yield self.ndis.env.event()                                          # Waits


class Polls(VfMiniport):
    def initialize(self):
        while True:
            yield self.ndis.NdisMSleep(1_000_000_000)                        # Polls


class Spins(VfMiniport):
    def initialize(self):
        while True:
            yield self.ndis.NdisMSleep(1)                                    # Spins


class Yields(VfMiniport):
    def initialize(self):
        yield 7                                                              # Yields


class Pf(PfMiniport):
    def initialize(self):
        raise ValueError("pf")                                               # Pf


class NoRestart:
    switch_creation = "none"

    def driver_entry(self):
        return Status.SUCCESS

    initialize = pause = halt = oid_request = driver_entry


class Signature(VfMiniport):
    def oid_request(self, kind):
        return Status.SUCCESS


class Made(VfMiniport):
    def __init__(self):
        pass


class ReturnsNothing(VfMiniport):
    def driver_entry(self):
        super().driver_entry()


class InitializesToNothing(VfMiniport):
    def initialize(self):
        yield from super().initialize()
"""
LINES = {line.rpartition("# ")[2]: number for number, line in enumerate(MINE.splitlines(), start=1) if "# " in line}
STUMBLES = {
    "Constructor": "Constructor raised ValueError: no luck in its constructor",
    "Entry": "Entry raised ZeroDivisionError: integer division or modulo by zero in DriverEntry",
    "Step": "Step raised KeyError: 'rings' in MiniportInitializeEx",
    "Restart": "Restart raised RuntimeError: two lines in MiniportRestart",
    "Request": "Request raised AttributeError: 'Oid' object has no attribute 'nothing' in MiniportOidRequest",
    "Process": "Process raised IndexError: too late in later",
    "Message": "Message raised ValueError: heard in a message interrupt",
    "Exits": "Exits raised SystemExit: 3 in MiniportInitializeEx",
    "Unmakable": "Unmakable raised Odd in MiniportInitializeEx",
    "Waits": "Waits does not return in MiniportInitializeEx",
    "Polls": "Polls does not return in MiniportInitializeEx",
    "Spins": "Spins does not return in MiniportInitializeEx",
    "Yields": 'Yields waits in a way that is none (Invalid yield value "7") in MiniportInitializeEx',
    "Pf": "Pf raised ValueError: pf in MiniportInitializeEx",
}
RUN = ("run", "one_vf", "--set", "duration=20us", "--set", "warmup=0", "--set", "expect=[]")


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    """Runs `nicmodel` where mine.py is; returns status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "syntax.py").write_text("class X(:\n")
    (tmp_path / "leaves.py").write_text("raise SystemExit\n")

    def run(*arguments):
        status = main(list(map(str, arguments)))
        return status, *capsys.readouterr()
    return run


@pytest.mark.parametrize("name", STUMBLES)
@pytest.mark.parametrize("how", ("rules", "run"))
def test_a_driver_that_stumbles_is_one_sentence(command, monkeypatch, name, how):
    if name == "Spins":                     # a million steps an adapter take seconds
        monkeypatch.setattr(machine, "DRIVER_STEPS", 10_000)
    if how == "rules":
        arguments = ("rules", "one_vf", "--driver", f"mine.py:{name}")
    else:
        arguments = (*RUN, "--set", f"driver.mutants.{'pf' if name in ('Message', 'Pf') else 0}=mine.py:{name}")
    status, out, err = command(*arguments)
    assert status == 1 and out == "" and err.count("\n") == 1
    assert STUMBLES[name] in err and err.endswith(f"(mine.py, line {LINES[name]})\n")


def test_an_entry_point_of_the_end_stumbles_where_it_is_called(command):
    status, out, err = command("rules", "one_vf", "--driver", "mine.py:Pause")
    said = f"VF0: Pause raised OSError: pause in MiniportPause (mine.py, line {LINES['Pause']})"
    assert (status, out, err) == (1, "", f"nicmodel: {said}\n")
    assert command(*RUN, "--set", "driver.mutants.0=mine.py:Pause")[0] == 0


@pytest.mark.parametrize("arguments", [
    ("rules", "one_vf", "--driver", "mine.py:Interrupts"), (*RUN, "--set", "driver.mutants.0=mine.py:Interrupts")])
def test_an_interrupt_that_a_driver_raises_itself_is_its_own(command, arguments):
    said = f"Interrupts raised KeyboardInterrupt in initialize (mine.py, line {LINES['Interrupts']})"
    assert command(*arguments) == (1, "", f"nicmodel: {said}\n")


def test_what_is_given_back_twice_stumbles_where_that_is(command):
    said = "VF0: Frees raised ValueError: memory that the miniport does not have is given back in MiniportHaltEx"
    status, out, err = command("rules", "one_vf", "--driver", "mine.py:Frees")
    assert (status, out, err) == (1, "", f"nicmodel: {said} (mine.py, line {LINES['Frees']})\n")


def test_a_step_that_returns_no_status_is_named(command):
    status, out, err = command("rules", "one_vf", "--driver", "mine.py:Answers")
    assert status == 1 and out == "" and err.count("\n") == 1
    assert "Answers raised TypeError: read_configuration returned True, which is no status in MiniportInitializeEx" in err


def test_a_driver_that_fails_without_a_breach_is_told_where(command):
    said = "VF0 did not come up: MiniportInitializeEx returned RESOURCES (self_test returned RESOURCES)."
    assert json.loads(command("rules", "one_vf", "--driver", "mine.py:GivesUp", "--json")[1])["failed"] == [said]
    assert said in command("rules", "one_vf", "--driver", "mine.py:GivesUp")[1]
    assert json.loads(command("rules", "one_vf", "--json")[1])["failed"] == []
    both = command("rules", "--set", "num_vfs=2", "--driver", "0=mine.py:GivesUp", "--driver", "1=mine.py:GivesUp", "--json")[1]
    assert json.loads(both)["failed"] == [said, said.replace("VF0", "VF1")]
    out = command(*RUN, "--set", "driver.mutants.0=mine.py:GivesUp")[1]
    assert "VF 0 is closed: MiniportInitializeEx returned RESOURCES (self_test returned RESOURCES)." in out


@pytest.mark.parametrize("driver, says", [
    ("RefusesTheSwitch", "PF did not come up: CREATE_SWITCH ended with INVALID_PARAMETER."),
    ("RefusesVPorts", "VF0 did not come up: CREATE_VPORT ended with FAILURE."),
])
def test_what_a_pf_refuses_is_named_with_the_step(command, driver, says):
    judged = json.loads(command("rules", "one_vf", "--driver", f"pf=mine.py:{driver}", "--json")[1])
    assert judged["failed"] == [says]
    assert "NDIS of PF" not in {row["evidence"] for row in judged["rows"] if row["verdict"] == "broken"}


@pytest.mark.parametrize("driver, says", [
    ("PfGivesUp", "MiniportInitializeEx returned FAILURE (decide_features returned FAILURE)"),
    ("RefusesTheSwitch", "CREATE_SWITCH ended with INVALID_PARAMETER"),
])
def test_vfs_of_a_pf_that_fails_are_not_blamed(command, driver, says):
    out = " ".join(command(*RUN, "--set", f"driver.mutants.pf=mine.py:{driver}")[1].split())
    assert f"The PF is closed: {says}; virtualization stays off." in out
    assert "VF 0 is closed: it did not come up because of the PF's driver." in out


def test_a_restart_without_a_status_is_one_sentence(command):
    status, _, err = command("rules", "one_vf", "--driver", "mine.py:NoStatus")
    assert (status, err) == (1, "nicmodel: VF0: NoStatus returned 77, which is no status in MiniportRestart (mine.py)\n")


@pytest.mark.parametrize(("driver", "says"), [
    ("mine.py:NoRestart", "it has no restart, which every driver has"),
    ("mine.py:Signature", "oid_request is called with (self, kind, oid, buffer)"),
    ("mine.py:Made", "its constructor is called with (ndis, handle, settings)"),
    ("syntax.py:X", "syntax.py cannot be imported: SyntaxError"),
    ("leaves.py:X", "leaves.py cannot be imported: SystemExit"),
    (":", '":" is not allowed: write module:Class or file.py:Class'), (":Good", "write module:Class or file.py:Class"),
    (".mine:Good", "write module:Class or file.py:Class"), ("mine.py:", "write module:Class or file.py:Class"),
])
@pytest.mark.parametrize("how", (("rules", "one_vf", "--driver"), (*RUN, "--set")))
def test_what_is_no_driver_is_bad_input(command, driver, says, how):
    status, out, err = command(*how, f"driver.mutants.0={driver}" if how[0] == "run" else driver)
    assert status == 2 and out == "" and says in err and err.count("\n") == 1


@pytest.mark.parametrize(("driver", "rule"), [("ReturnsNothing", "GEN-DRV-02"), ("InitializesToNothing", "GEN-INIT-11")])
def test_an_entry_point_that_returns_nothing_breaks_its_rule(command, driver, rule):
    out = command("rules", "one_vf", "--driver", f"mine.py:{driver}", "--json")[1]
    row = next(row for row in json.loads(out)["rows"] if row["id"] == rule)
    assert row["verdict"] == "broken" and "status" in row["evidence"]


DEAF = """
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import Oid, Status


class Deaf(VfMiniport):
    def oid_request(self, kind, oid, buffer):
        return Status.FAILURE if oid == Oid.GEN_CURRENT_PACKET_FILTER else super().oid_request(kind, oid, buffer)
"""


def test_a_file_may_be_named_from_here(command):
    assert command(*RUN, "--set", "driver.mutants.0=./mine.py:GivesUp")[0] == 0


def test_a_vf_whose_driver_refuses_the_packet_filter_is_told_of(command, tmp_path):
    (tmp_path / "deaf.py").write_text(DEAF)
    out = " ".join(command(*RUN, "--set", f"driver.mutants.0={tmp_path / 'deaf.py'}:Deaf")[1].split())
    assert "VF 0 runs, but its guest does not use it: packet filter set ended with FAILURE." in out


SMALL = """
from dataclasses import replace

from drivers.vf import VfMiniport


class SmallPasses(VfMiniport):
    def __init__(self, ndis, handle, settings):
        rings = tuple(replace(ring, tx_batch=2, rx_batch=2, pass_cost_ps=1_000_000) for ring in settings.rings)
        super().__init__(ndis, handle, replace(settings, rings=rings))
"""


@pytest.mark.parametrize("direction", ["tx", "rx"])
def test_a_core_that_ones_own_driver_fills_with_small_passes_is_its_limit(tmp_path, direction):
    """Two frames a microsecond are all that it takes: full passes are those that it asks for, not the scenario's of 32."""
    (tmp_path / "small.py").write_text(SMALL)
    load = "saturated" if direction == "tx" else "20%"
    names = [vf["bottleneck"] for vf in nm.run(
        "vf_scaling", num_vfs=2, direction=direction, load=load, warmup="400us", duration="200us",
        driver={"mutants": {"0": f"{tmp_path / 'small.py'}:SmallPasses"}}).simulated["vfs"]]
    assert names == ["vcpu", "vcpu" if direction == "tx" else "offered load"]


ASKS = """
from dataclasses import replace

from drivers.vf import VfMiniport


class Asks(VfMiniport):
    asked = {}

    def __init__(self, ndis, handle, settings):
        super().__init__(ndis, handle, replace(settings, rings=tuple(replace(ring, **self.asked) for ring in settings.rings)))


class Large(Asks):
    asked = {"ring_size": 8192}


class NoBatch(Asks):
    asked = {"tx_batch": 0}


class Awake(Asks):
    asked = {"irq_latency_ps": 0}


class Beyond(VfMiniport):
    def oid_request(self, kind, oid, buffer):
        self.pairs[0].index = 500 if oid.name == "GEN_CURRENT_PACKET_FILTER" else 0
        return super().oid_request(kind, oid, buffer)


class Elsewhere(VfMiniport):
    def self_test(self):
        return self.handle.memory_write(5, b"x")


class Vector(VfMiniport):
    def self_test(self):
        return self.handle.connect_interrupt(99, print)


class Apart(VfMiniport):
    def self_test(self):
        self.ndis.env.process(later(self.ndis))


def later(ndis):
    yield ndis.NdisMSleep(1000)
    raise IndexError("too late")
"""


@pytest.mark.parametrize(("name", "says"), [
    ("Large", "VF0: Large raised ValueError: domain 1 is full: 16777216 bytes asked, "),
    ("NoBatch", "VF0: NoBatch raised ValueError: an agent's batches are at least 1: "),
    ("Awake", "VF0: Awake raised ValueError: an agent wakes later than its interrupt: "),
    ("Beyond", "VF0: Beyond raised ValueError: there is no queue 500 for a ring agent: the adapter has 128"),
    ("Elsewhere", "VF0: Elsewhere raised ValueError: domain 1 has no bytes at 0x5+1 in MiniportInitializeEx (asks.py, line "),
    ("Vector", "VF0: Vector raised ValueError: a function has 64 vectors from 0 on, and -1 is none: not 99 in MiniportInitia"),
    ("Apart", "asks.py raised IndexError: too late in later (asks.py, line "),
])
def test_what_no_machine_can_give_is_a_mistake_of_the_driver_that_asks_for_it(command, tmp_path, name, says):
    (tmp_path / "asks.py").write_text(ASKS)
    for arguments in (("rules", "one_vf", "--driver", f"asks.py:{name}"), (*RUN, "--set", f"driver.mutants.0=asks.py:{name}")):
        status, out, err = command(*arguments)
        assert (status, out, err.count("\n")) == (1, "", 1) and err.startswith(f"nicmodel: {says}")
