"""Who calls a compiled plane with what is not there is told so, and nothing has happened."""

from __future__ import annotations

import pytest
from harness import plane_config
from nicmodel._fastpath import FastPath

from nicmodel.sim.errors import ModelBug
from nicmodel.sim.plane import UpcallKind


@pytest.mark.parametrize("call, why", [
    (lambda plane: plane.mmio_write(0, 6, 0, 1, 1), "in BAR 6"),
    (lambda plane: plane.mmio_read(0, 0, 1 << 24, 1), "no register 0x1000000"),
    (lambda plane: plane.mmio_read(5, 0, 0, 1), "no function 5"), (lambda plane: plane.reset_function(5, 1), "no function 5"),
    (lambda plane: plane.stop_agent(0, 1), "no agent 0"), (lambda plane: plane.dma_answer(1, b"", 1), "waits for no answer")],
    ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_not_there_is_refused(call, why):
    plane = FastPath(plane_config())
    with pytest.raises(ModelBug, match=why):
        call(plane)
    plane.run_until(1000)


def test_a_register_read_is_answered_once():
    plane = FastPath(plane_config())
    plane.mmio_read(0, 0, 8, 1)
    asked = next(upcall for upcall in plane.run_until(10**7) if upcall.kind == UpcallKind.REG_READ)
    plane.mmio_answer(asked.args[3], 5, asked.time + 1)
    with pytest.raises(ModelBug, match="waits for no answer"):
        plane.mmio_answer(asked.args[3], 5, asked.time + 2)
