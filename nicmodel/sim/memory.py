"""Host memory by domain: one guest's arena of real bytes, and a plain allocator for its drivers."""

from __future__ import annotations

import mmap

import numpy as np

from nicmodel.datasheet.timing import DOMAIN_BASE
from nicmodel.sim.errors import ModelBug


class Domain:
    """One guest's memory: `size` bytes at `base`. Untouched pages cost nothing.

    `memory` may be an outside uint8 array (mmap, shared memory) of `size` bytes. Addresses are guest addresses. ModelBug for a
    size, a base or an array that does not fit.
    """

    def __init__(self, index: int, size: int, memory: np.ndarray | None = None, base: int = DOMAIN_BASE):
        if size < 1 or not 0 <= base <= (1 << 64) - size:
            raise ModelBug(f"domain {index} has at least one byte, below 2**64: not {size} at {base:#x}")
        if memory is not None and (memory.dtype, memory.shape) != (np.uint8, (size,)):
            raise ModelBug(f"domain {index} has {size} bytes, but its array {memory.shape} of {memory.dtype}")
        self.index, self.size, self.base = index, size, base
        self.memory = np.frombuffer(mmap.mmap(-1, size), np.uint8) if memory is None else memory
        self._next = base

    def allocate(self, nbytes: int, align: int = 128) -> int:
        """The address of `nbytes` fresh bytes, aligned; never freed. Raises ModelBug when the arena is full.

        They are zeros, unless they were written before or the array came with something else.
        """
        address = -(-self._next // align) * align
        if address + nbytes > self.base + self.size:
            raise ModelBug(f"domain {self.index} is full: {nbytes} bytes asked, {self.size} in all")
        self._next = address + nbytes
        return address

    def _slice(self, address: int, nbytes: int) -> slice:
        start = address - self.base
        if not 0 <= start <= self.size - nbytes:
            raise ModelBug(f"domain {self.index} has no bytes at {address:#x}+{nbytes}")
        return slice(start, start + nbytes)

    def read(self, address: int, nbytes: int) -> bytes:
        """Bytes at a guest address. Raises ModelBug for what is outside."""
        return self.memory[self._slice(address, nbytes)].tobytes()

    def write(self, address: int, data: bytes) -> None:
        """Change bytes at a guest address. Raises ModelBug for what is outside."""
        self.memory[self._slice(address, len(data))] = np.frombuffer(data, np.uint8)
