"""What a driver holds: verbs for one function's configuration space, registers, memory, interrupts and rings.

Drivers are SimPy processes. `read`, `config_read`, `config_write` and `sleep` give an event to yield; a
posted `write` is a plain call; what waits in several steps is a generator (`yield from`). Misuse is a
`DriverFault`; memory that there is not, and an agent or a vector that cannot be, are a `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Protocol, cast

import simpy

from nicmodel.datasheet.config_pf import MSIX, MSIX_ENTRY_BYTES, REGISTER_BAR
from nicmodel.datasheet.timing import CONFIG_ACCESS_PS, MSIX_ADDRESS
from nicmodel.pcie.capabilities import classic, in_time
from nicmodel.pcie.config import check_request
from nicmodel.sim.errors import DriverFault, ModelBug
from nicmodel.sim.memory import Domain
from nicmodel.sim.plane import NO_AGENT, AgentConfig

if TYPE_CHECKING:
    from nicmodel.datasheet.registers import Register, RegisterAt

Steps = Generator[Any, Any, Any]        # what waits: it yields SimPy events, and may return something
WORD = 1 << 32

CONTROL, TABLE = MSIX["Control"], MSIX["Table"]         # a VF's capability has the same rows
ENABLE, FUNCTION_MASK = CONTROL["Enable"].mask, CONTROL["FunctionMask"].mask


class HandleOps(Protocol):
    """What the device does for its handles. Configuration accesses are instant; the handle adds the time."""

    def mmio_write(self, function: int, bar: int, offset: int, value: int) -> None:
        """A posted 32-bit write, in call order."""

    def mmio_read(self, function: int, bar: int, offset: int) -> simpy.Event:
        """An event that gives the 32-bit value when the completion is back."""

    def config_read(self, rid: int, offset: int, size: int) -> int:
        """A value of 1, 2 or 4 bytes; all ones where no function has this routing ID."""

    def config_write(self, rid: int, offset: int, size: int, value: int) -> None:
        """Write 1, 2 or 4 bytes; dropped where no function has this routing ID."""

    def connect_interrupt(self, function: int, vector: int, callback: Callable[[int], None]) -> None:
        """`callback(vector)` runs when a message reaches the host, instead of an earlier one. ModelBug for what is not there."""

    def start_agent(self, config: AgentConfig) -> int:
        """Hand rings to an agent; returns the number by which `stop_agent` knows it."""

    def stop_agent(self, agent: int) -> None:
        """The agent posts nothing more; what it posted is still reaped."""


class FunctionHandle:
    """One function (0 = PF, 1 + v = VF v) in one guest's hands.

    `first_queue` is the absolute queue that the function's own queue 0 is: 0 for the PF, which sees absolute
    numbers; v times the queues of a pool for VF v.
    """

    def __init__(self, ops: HandleOps, env: simpy.Environment, index: int, rid: int, domain: Domain,
                 first_queue: int = 0):
        self.ops, self.env, self.index, self.rid, self.domain = ops, env, index, rid, domain
        self.first_queue = first_queue
        self.name = f"VF{index - 1}" if index else "PF"

    def fault(self, message: str) -> DriverFault:
        """A fault of this function's driver, now."""
        return DriverFault(message, None, int(self.env.now), self.name)

    # configuration space ------------------------------------------------------------------------------------

    def config_read(self, offset: int, size: int, rid: int | None = None) -> simpy.Event:
        """Yields the value, sampled when the access completes. Takes `CONFIG_ACCESS_PS`. `size` is 1, 2 or 4 bytes of one dword.

        A bus driver names the function it means by `rid`; a miniport has only its own.
        """
        self._check_config(offset, size)
        whose = self.rid if rid is None else rid
        return self._after(CONFIG_ACCESS_PS, lambda: self.ops.config_read(whose, offset, size))

    def config_write(self, offset: int, size: int, value: int, rid: int | None = None) -> simpy.Event:
        """Takes effect when the access completes. Takes `CONFIG_ACCESS_PS`. `rid` as in `config_read`."""
        self._check_config(offset, size)
        if not 0 <= value < 1 << 8 * size:
            raise self.fault(f"{value:#x} does not fit {size} bytes of configuration space")
        whose = self.rid if rid is None else rid
        return self._after(CONFIG_ACCESS_PS, lambda: self.ops.config_write(whose, offset, size, value))

    def _check_config(self, offset: int, size: int) -> None:
        try:
            check_request(offset, size)
        except ModelBug as bug:
            raise self.fault(str(bug)) from None

    def _after(self, delay_ps: int, do: Callable[[], Any]) -> simpy.Event:
        done, timer = simpy.Event(self.env), self.env.timeout(delay_ps)
        cast(list, timer.callbacks).append(lambda _event: done.succeed(do()))
        return done

    # registers ---------------------------------------------------------------------------------------------

    def write(self, register: RegisterAt | Register, value: int) -> None:
        """A posted 32-bit write to BAR0. It takes effect when it arrives, after those written before it."""
        if not 0 <= value < WORD:
            raise self.fault(f"{value:#x} does not fit the 32 bits of {register}")
        self.ops.mmio_write(self.index, REGISTER_BAR, register.offset, value)

    def read(self, register: RegisterAt | Register) -> simpy.Event:
        """Yields the 32-bit value, when its completion is back. Never passes the writes before it."""
        return self.ops.mmio_read(self.index, REGISTER_BAR, register.offset)

    def set_flags(self, register: RegisterAt | Register, mask: int) -> Steps:
        """Read, set the bits of `mask`, write. The write is posted: it has not arrived when this is over."""
        word = yield self.read(register)
        self.write(register, word | mask)

    def clear_flags(self, register: RegisterAt | Register, mask: int) -> Steps:
        """Read, clear the bits of `mask`, write, posted as in `set_flags`."""
        word = yield self.read(register)
        self.write(register, word & ~mask)

    def wait_set(self, register: RegisterAt | Register, mask: int, timeout_ps: int, poll_ps: int) -> Steps:
        """Poll until all bits of `mask` are 1; returns the word. DriverFault after `timeout_ps`."""
        return (yield from self._wait(register, mask, mask, timeout_ps, poll_ps))

    def wait_clear(self, register: RegisterAt | Register, mask: int, timeout_ps: int, poll_ps: int) -> Steps:
        """Poll until all bits of `mask` are 0; returns the word. DriverFault after `timeout_ps`."""
        return (yield from self._wait(register, mask, 0, timeout_ps, poll_ps))

    def _wait(self, register: RegisterAt | Register, mask: int, want: int, timeout_ps: int,
              poll_ps: int) -> Steps:
        deadline = self.env.now + timeout_ps
        while True:
            word = yield self.read(register)
            if word & mask == want:
                return word
            if self.env.now + poll_ps > deadline:
                raise self.fault(f"register {register.offset:#x} stays at {word:#010x}: "
                                 f"bits {mask:#x} did not become {want:#x} in {timeout_ps} ps")
            yield self.sleep(poll_ps)

    def sleep(self, ps: int) -> simpy.Event:
        """Comes after so many ps."""
        return self.env.timeout(ps)

    # memory ------------------------------------------------------------------------------------------------

    def allocate(self, nbytes: int, align: int = 128) -> int:
        """The address of fresh zero bytes that driver and device share. ValueError when the guest has no more."""
        return cast(int, self._asked(self.domain.allocate, nbytes, align))

    def memory_read(self, address: int, nbytes: int) -> bytes:
        """Bytes of the guest's memory, now. ValueError for what is outside."""
        return cast(bytes, self._asked(self.domain.read, address, nbytes))

    def memory_write(self, address: int, data: bytes) -> None:
        """Change bytes of the guest's memory, now. ValueError for what is outside."""
        self._asked(self.domain.write, address, data)

    def _asked(self, do: Callable[..., Any], *args: Any, **fields: Any) -> Any:
        """What the driver asks for; what cannot be is a mistake in its code, not in the model's."""
        try:
            return do(*args, **fields)
        except ModelBug as bug:
            raise ValueError(str(bug)) from None

    # interrupts --------------------------------------------------------------------------------------------

    def connect_interrupt(self, vector: int, callback: Callable[[int], None]) -> None:
        """`callback(vector)` runs when a message of this vector reaches the host; time stands still meanwhile.

        Messages come once `enable_msix` has unmasked the vector. ValueError for a vector that no function has.
        """
        self._asked(self.ops.connect_interrupt, self.index, vector, callback)

    def enable_msix(self, vectors: int) -> Steps:
        """Program and unmask the first `vectors` entries and enable MSI-X.

        In the order of operating systems: enable with everything masked, fill the entries, read one back so
        that the posted writes have arrived, then lift the function mask. DriverFault for more than the table has.
        """
        at = yield from self._find_msix()
        control = yield self.config_read(at + CONTROL.at, CONTROL.nbytes)
        size = CONTROL["TableSize"].get(control) + 1
        if not 0 < vectors <= size:
            raise self.fault(f"{vectors} MSI-X vectors asked of a table of {size}")
        bar, start = yield from self._msix_table(at)
        yield self.config_write(at + CONTROL.at, CONTROL.nbytes, control | ENABLE | FUNCTION_MASK)
        for vector in range(vectors):
            for n, word in enumerate((MSIX_ADDRESS, MSIX_ADDRESS >> 32, vector, 0)):
                self.ops.mmio_write(self.index, bar, start + MSIX_ENTRY_BYTES * vector + 4 * n, word % WORD)
        yield self.ops.mmio_read(self.index, bar, start)
        yield self.config_write(at + CONTROL.at, CONTROL.nbytes, (control | ENABLE) & ~FUNCTION_MASK)

    def set_msix_entry(self, entry: int, message: int, masked: bool) -> Steps:
        """Point one entry of the MSI-X table at a message, masked or not; done when the table has it."""
        bar, start = yield from self._msix_table((yield from self._find_msix()))
        start += MSIX_ENTRY_BYTES * entry
        for offset, word in ((12, 1), (8, message), (12, int(masked))):      # never half-written and unmasked
            self.ops.mmio_write(self.index, bar, start + offset, word)
        yield self.ops.mmio_read(self.index, bar, start)

    def _find_msix(self) -> Steps:
        at = yield from in_time(classic(MSIX.id), self.config_read)
        if not at:
            raise self.fault(f"no capability {MSIX.id:#04x} in configuration space")
        return at

    def _msix_table(self, at: int) -> Steps:
        """BAR and offset of the table of the MSI-X capability that stands at `at`."""
        table = yield self.config_read(at + TABLE.at, TABLE.nbytes)
        return TABLE["Bir"].get(table), table & TABLE["Offset"].mask

    # ring agents -------------------------------------------------------------------------------------------

    def start_ring_agent(self, **agent_fields: Any) -> int:
        """Hand rings to an agent of the data plane. Fields of `AgentConfig`; rings as the function counts.

        Returns the number that `stop_ring_agent` takes. The agent does nothing if one of its rings is closed, or has been used
        since it was opened (docs/time.md, 8). ValueError for a field that cannot be, TypeError for one that is missing. A queue
        that the adapter does not have is a ValueError under the lab, a ModelBug of a device by itself.
        """
        fields = dict(agent_fields, function=self.index)
        for ring in ("tx_ring", "rx_ring"):
            own = fields.get(ring, NO_AGENT)
            fields[ring] = own + self.first_queue if own >= 0 else own
        return self.ops.start_agent(self._asked(AgentConfig, **fields))

    def stop_ring_agent(self, agent: int) -> None:
        """The agent posts nothing more; what it posted is still reaped."""
        self.ops.stop_agent(agent)
