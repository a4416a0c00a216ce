"""What a plane is told: no plane is asked to run what the adapter's registers cannot say."""

from dataclasses import replace

import pytest

from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import AgentConfig, RingConfig


@pytest.mark.parametrize("name, wrong, told", [
    ("size", 1, "at least 2 descriptors"), ("base", 0x1008, "whole descriptors"), ("head", 8, "head inside"),
    ("base", 1 << 64, "64 bits"), ("buffer_bytes", -1, "31 bits"), ("size", 1 << 31, "31 bits"),
    ("vector", 64, "64 vectors"), ("wthresh", 128, "7 bits"), ("wthresh", -1, "7 bits")])
def test_a_ring_is_one_that_registers_can_describe(name, wrong, told):
    ring = RingConfig(0, 0x1000, 8, 0, head=7, vector=63, wthresh=127)
    with pytest.raises(ModelBug, match=told):
        replace(ring, **{name: wrong})


@pytest.mark.parametrize("name, wrong, told", [
    ("irq_latency_ps", 0, "at least 1"), ("pass_cost_ps", -1, "50 bits"), ("tx_buffers", 1 << 64, "64 bits"),
    ("tx_stride", -1, "28 bits"), ("core", -2, "numbered from 0 on"),
    ("rx_batch", 1 << 31, "31 bits"), ("irq_cost_ps", 1.5, "50 bits"),
    ("rs_batch", 0, "at least 1"), ("tx_batch", 0, "at least 1"), ("rx_batch", 0, "at least 1"), ("vector", 64, "64 vectors")])
def test_an_agent_does_something_at_a_time(name, wrong, told):
    agent = AgentConfig(0, 0, 0, -1, 0, 0, 2048, 2048, 63, 1, 1, 1, 1, 1, tx_batch=1, rx_batch=1)
    with pytest.raises(ModelBug, match=told):
        replace(agent, **{name: wrong})


def test_a_ring_that_an_agent_does_not_have_needs_no_batch():
    AgentConfig(0, -1, -1, -1, 0, 0, 2048, 2048, -1, 1, 1, 1, 1, 1, tx_batch=0, rx_batch=0)
