"""Which pool, queue and function is which: the arithmetic of VT_MODE, and nothing else.

Pool p < NumVFs belongs to VF p, all others to the PF; pool p has queues p * queues_per_pool and on.
"""

from __future__ import annotations

from nicmodel.datasheet.registers_pf import POOLS, QUEUES
from nicmodel.sim.plane import PF_FUNCTION

QUEUES_PER_POOL = {0: 2, 1: 8, 2: 4, 3: 2}          # by GCR_EXT.VT_MODE. 82599 8.2.3.3.2


class Pools:
    """The mapping in force."""

    def __init__(self, queues: int = QUEUES) -> None:
        self.queues = min(queues, QUEUES)                # that the adapter has
        self.num_vfs = 0
        self.vt_mode = 0

    @property
    def queues_per_pool(self) -> int:
        return QUEUES_PER_POOL[self.vt_mode]

    def pool_of_queue(self, queue: int) -> int:
        return queue // self.queues_per_pool if self.vt_mode else 0

    def function_of_pool(self, pool: int) -> int:
        return 1 + pool if pool < self.num_vfs else PF_FUNCTION

    def function_of_queue(self, queue: int) -> int:
        return self.function_of_pool(self.pool_of_queue(queue)) if self.vt_mode else PF_FUNCTION

    def vf_queue(self, vf: int, index: int) -> int | None:
        """The absolute queue behind queue `index` of a VF; None if the pool has no such queue, or there are no pools."""
        queue = self.queues_per_pool * vf + index
        real = self.vt_mode and index < self.queues_per_pool and vf < self.num_vfs and queue < self.queues
        return queue if real else None


def pools_in(word: int, first: int = 0) -> list[int]:
    """Positions of the ones of a bitmap."""
    return [first + bit for bit in range(word.bit_length()) if word >> bit & 1]


__all__ = ["POOLS", "Pools", "pools_in"]
