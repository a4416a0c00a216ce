"""A function handle that lets the judge watch: same verbs, each access reported before it happens.

Drivers get this instead of the bare handle, so that rules about registers are judged like rules about
calls. It adds no time and changes no access.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from nicmodel.datasheet.registers import Register, RegisterAt

if TYPE_CHECKING:
    from nicmodel.ndis.library import NdisLibrary
    from nicmodel.pcie.handle import FunctionHandle


class ObservedHandle:
    """Wraps a `FunctionHandle`: its verbs, as it documents them; everything not named here is the handle's own, and unseen.

    A miniport reaches the configuration space of its own function only: there is no `rid`. A wait for bits is told as one read.
    """

    def __init__(self, handle: FunctionHandle, ndis: NdisLibrary):
        self._handle, self._watch = handle, ndis.access
        self._judge, self._env = ndis.checker.access, ndis.env           # reads and writes are many: straight to the judge

    def __getattr__(self, name: str) -> Any:
        return getattr(self._handle, name)

    def write(self, register: RegisterAt | Register, value: int) -> None:
        self._judge("write", {"register": register.name, "value": value, "index": register.index}, self._env)
        self._handle.write(register, value)

    def read(self, register: RegisterAt | Register) -> Any:
        self._judge("read", {"register": register.name, "index": register.index}, self._env)
        return self._handle.read(register)

    def set_flags(self, register: RegisterAt | Register, mask: int) -> Generator[Any, Any, None]:
        word = yield self.read(register)
        self.write(register, word | mask)

    def clear_flags(self, register: RegisterAt | Register, mask: int) -> Generator[Any, Any, None]:
        word = yield self.read(register)
        self.write(register, word & ~mask)

    def wait_set(self, register: RegisterAt | Register, *args: Any, **kwargs: Any) -> Any:
        self._watch("read", register=register.name, index=register.index)
        return self._handle.wait_set(register, *args, **kwargs)

    def wait_clear(self, register: RegisterAt | Register, *args: Any, **kwargs: Any) -> Any:
        self._watch("read", register=register.name, index=register.index)
        return self._handle.wait_clear(register, *args, **kwargs)

    def config_read(self, offset: int, size: int) -> Any:
        self._watch("config_read", offset=offset, size=size)
        return self._handle.config_read(offset, size)

    def config_write(self, offset: int, size: int, value: int) -> Any:
        self._watch("config_write", offset=offset, size=size, value=value)
        return self._handle.config_write(offset, size, value)

    def sleep(self, ps: int) -> Any:
        self._watch("sleep", ps=ps)
        return self._handle.sleep(ps)

    def stop_ring_agent(self, agent: int) -> None:
        self._watch("stop_ring_agent", agent=agent)
        self._handle.stop_ring_agent(agent)

    def start_ring_agent(self, **fields: Any) -> int:
        self._watch("start_ring_agent", **{k: fields[k] for k in ("tx_ring", "rx_ring") if k in fields})
        return self._handle.start_ring_agent(**fields)
