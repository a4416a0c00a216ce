"""A guest's memory: what its drivers allocate lies in it, apart and aligned; nothing reaches beyond it."""

from __future__ import annotations

import numpy as np
import pytest

from nicmodel.sim.errors import ModelBug
from nicmodel.sim.memory import Domain

BASE = 1 << 33


def test_what_is_allocated_is_aligned_and_apart():
    domain = Domain(0, 4096, base=BASE)
    assert [domain.allocate(100), domain.allocate(1), domain.allocate(8, 1024)] == [BASE, BASE + 128, BASE + 1024]


def test_an_arena_can_be_filled_to_its_last_byte_and_no_further():
    domain = Domain(3, 4096, base=BASE)
    assert domain.allocate(4000) == BASE
    with pytest.raises(ModelBug, match="domain 3 is full: 1 bytes asked, 4096 in all"):
        domain.allocate(1)
    assert domain.allocate(96, 16) == BASE + 4000
    with pytest.raises(ModelBug, match="is full"):
        domain.allocate(1, 1)


def test_bytes_are_read_where_they_were_written():
    domain = Domain(0, 4096, base=BASE)
    domain.write(BASE + 4093, b"end")
    assert domain.read(BASE + 4092, 4) == b"\0end" and domain.memory[4093:].tobytes() == b"end"


@pytest.mark.parametrize("address, nbytes", [(BASE - 1, 1), (BASE + 4096, 1), (BASE + 4094, 3), (0, 8)])
def test_what_is_outside_is_neither_read_nor_written(address, nbytes):
    domain = Domain(0, 4096, base=BASE)
    with pytest.raises(ModelBug, match=f"no bytes at {address:#x}\\+{nbytes}"):
        domain.read(address, nbytes)
    with pytest.raises(ModelBug, match="no bytes at"):
        domain.write(address, bytes(nbytes))
    assert not domain.memory.any()


@pytest.mark.parametrize("size, fields, why", [
    (0, {}, "at least one byte"), (4096, {"base": -1}, "below 2"), (4096, {"base": (1 << 64) - 4095}, "below 2"),
    (4096, {"memory": np.zeros(4095, np.uint8)}, "has 4096 bytes"), (4096, {"memory": np.zeros(4096, np.int32)}, "of int32")])
def test_an_arena_is_of_so_many_bytes(size, fields, why):
    with pytest.raises(ModelBug, match=why):
        Domain(0, size, **fields)
