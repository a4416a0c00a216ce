"""Which pool, queue and function is which: the arithmetic of VT_MODE, and nothing else.

Pool p < NumVFs belongs to VF p, all others to the PF; pool p has queues p * queues_per_pool and on. Without VT_MODE
there are no pools: every queue is the PF's and a VF has none.
"""

from __future__ import annotations

from nicmodel.datasheet.registers_pf import QUEUES_PER_POOL
from nicmodel.sim.plane import PF_FUNCTION


class Pools:
    """The mapping in force, over `queues` queue pairs."""

    def __init__(self, queues: int) -> None:
        self.queues = queues
        self.num_vfs = 0
        self.vt_mode = 0

    @property
    def queues_per_pool(self) -> int:
        """By the mode that VT_MODE asks for."""
        return QUEUES_PER_POOL[self.vt_mode]

    def pool_of_queue(self, queue: int) -> int:
        """The pool of an absolute queue; 0 without pools."""
        return queue // self.queues_per_pool if self.vt_mode else 0

    def queues_of_pool(self, pool: int) -> range:
        """The queues of a pool; none without pools."""
        of_a_pool = self.queues_per_pool
        return range(of_a_pool * pool, of_a_pool * (pool + 1))

    def function_of_pool(self, pool: int) -> int:
        """The VF that a pool is for; the PF where there is no such VF."""
        return 1 + pool if pool < self.num_vfs else PF_FUNCTION

    def function_of_queue(self, queue: int) -> int:
        """Whose an absolute queue is; the PF's without pools."""
        return self.function_of_pool(self.pool_of_queue(queue)) if self.vt_mode else PF_FUNCTION

    def vf_queue(self, vf: int, index: int) -> int | None:
        """The absolute queue behind queue `index` of a VF; None if the pool has no such queue."""
        of_a_pool = self.queues_per_pool
        queue = of_a_pool * vf + index
        return queue if index < of_a_pool and vf < self.num_vfs and queue < self.queues else None

    def vf_queues(self, vf: int) -> dict[int, int]:
        """A VF's own queue numbers -> absolute queues."""
        if vf >= self.num_vfs:
            return {}
        return {index: queue for index, queue in enumerate(self.queues_of_pool(vf)) if queue < self.queues}
