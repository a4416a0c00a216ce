"""Ring agents that a driver of one's own starts: those in vain are told of, and a full pass is what their rings have room for."""

from __future__ import annotations

import pytest

import nicmodel as nm
from nicmodel.lab.report import closings

MINE = """
from dataclasses import replace

from drivers.vf import VfMiniport


class Twice(VfMiniport):
    def start_data(self):
        super().start_data()
        self.pairs[0].start_agent()


class Closed(VfMiniport):
    def start_data(self):
        super().start_data()
        self.handle.start_ring_agent(
            tx_ring=-1, rx_ring=1, flow=-1, tx_buffers=0, rx_buffers=0, tx_stride=0, rx_stride=2048, vector=-1, irq_latency_ps=1,
            irq_cost_ps=1, pass_cost_ps=1, tx_packet_cost_ps=1, rx_packet_cost_ps=1, tx_batch=0, rx_batch=1)


class SmallRing(VfMiniport):
    def __init__(self, ndis, handle, settings):
        rings = tuple(replace(ring, ring_size=8, pass_cost_ps=100_000_000, poll_ps=3_000_000) for ring in settings.rings)
        super().__init__(ndis, handle, replace(settings, rings=rings))
"""


@pytest.fixture
def run(tmp_path):
    def run(name, **keys):
        (tmp_path / "mine.py").write_text(MINE)
        return nm.run("vf_scaling", **{"num_vfs": 2, "warmup": "200us", "duration": "2ms"} | keys,
                      driver={"mutants": {"1": f"{tmp_path / 'mine.py'}:{name}"}})
    return run


@pytest.mark.parametrize("plane", ["fast", "reference"])
@pytest.mark.parametrize(("name", "rings"), [("Twice", "Tx queue 0 and Rx queue 0"), ("Closed", "Rx queue 1")])
def test_an_agent_that_gets_no_ring_is_told_of(run, name, rings, plane):
    result = run(name, load="10kpps", plane=plane)
    assert list(closings(result)) == [f"The ring agent that VF 1's driver started for {rings} does nothing: an agent takes only "
                                      "rings that are open and have not been used."]
    assert result.simulated["vfs"][1]["tx_packets"]


def test_an_agent_that_has_only_not_had_its_turn_is_not_told_of(run):
    """In a run of an instant. Whether books are kept does not matter."""
    result = run("SmallRing", warmup="0ps", duration="1ps")
    assert not result.measured.books.agents[:, 3].any() and not list(closings(result))
    assert len(list(closings(run("Twice", load="10kpps", record={"books": False})))) == 1


def test_a_full_pass_is_what_the_ring_of_its_driver_has_room_for(run):
    """Seven frames a pass: the core is full, though the scenario's rings of 512 descriptors would take batches of 32."""
    assert [vf["bottleneck"] for vf in run("SmallRing").simulated["vfs"]] == ["vcpu", "vcpu"]
