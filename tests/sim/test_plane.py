"""What a plane is told: no plane is asked to run what the adapter's registers cannot say."""

from dataclasses import replace

import pytest

from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import RingConfig


@pytest.mark.parametrize("name, wrong, told", [
    ("size", 1, "at least 2 descriptors"), ("base", 0x1008, "whole descriptors"), ("head", 8, "head inside"),
    ("vector", 64, "64 vectors"), ("wthresh", 128, "7 bits"), ("wthresh", -1, "7 bits")])
def test_a_ring_is_one_that_registers_can_describe(name, wrong, told):
    ring = RingConfig(0, 0x1000, 8, 0, head=7, vector=63, wthresh=127)
    with pytest.raises(ModelBug, match=told):
        replace(ring, **{name: wrong})
