"""What a plane is told: no plane is asked to run what the adapter's registers cannot say."""

from dataclasses import replace

import pytest

from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import RingConfig


@pytest.mark.parametrize("changes", [
    {"size": 1}, {"base": 0x1008}, {"head": 8}, {"vector": 64}, {"wthresh": 128}, {"wthresh": -1}], ids=str)
def test_a_ring_is_one_that_registers_can_describe(changes):
    ring = RingConfig(0, 0x1000, 8, 0, head=7, vector=63, wthresh=127)
    with pytest.raises(ModelBug):
        replace(ring, **changes)
