"""A fake adapter for driver tests: registers that remember, a mailbox that works, resets, interrupts.

    FakeAdapter ── registers of the PF and of each VF (dicts), mailbox RAM, configuration space
         └── FakeHandle: the verbs of a function handle; reads take 1 us, writes act at once

It is no device: there are no frames and no descriptors. It knows just enough for an honest bring-up.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import simpy

from nicmodel.datasheet import registers_pf as pf
from nicmodel.datasheet import registers_vf as vf
from nicmodel.sim.errors import DriverFault

READ_PS = 1_000_000
SRIOV = 0x160
VF_BARS = range(SRIOV + 0x24, SRIOV + 0x3C, 4)         # BAR 0 and BAR 3 are 64 bits wide, 16 KB a VF
VF_DEVICE_CONTROL, INITIATE_FLR = 0xA8, 0x8000
PF_RID, FIRST_VF_RID = 0x0100, 0x0180


def key(register: Any) -> tuple[str, int]:
    """Name and index of a register row or of an element of a row."""
    return getattr(register, "register", register).name, getattr(register, "index", 0)


def switch_state(switch: Any) -> tuple[Any, ...]:
    """All in the PF's driver that a request may change; last, which pools are enabled."""
    return (switch.created, switch.name, switch.num_vfs, repr(switch.vfs), repr(switch.vports), repr(switch.filters.by_id),
            dict(switch.pools.enabled))


class FakeAdapter:
    """``total_vfs`` as the SR-IOV capability shows it; ``log`` lists (function, verb, name, index, value)."""

    def __init__(self, env: simpy.Environment, total_vfs: int = 64):
        self.env = env
        self.registers: dict[tuple[int, str, int], int] = {
            (0, "RDRXCTL", 0): pf.RDRXCTL.DMAIDONE.mask, (0, "EEC", 0): pf.EEC.ARD.mask,
            (0, "SECRXSTAT", 0): pf.SECRXSTAT.RDY.mask,
            (0, "LINKS", 0): pf.LINKS.UP.mask, (0, "RAL", 0): 0x00000002,
            (0, "RAH", 0): pf.RAH.AV.mask | 0x0100}
        self.mailbox = [dict(vfu=0, pfu=0, pfsts=0, pfack=0, rsti=1, rstd=0) for _ in range(total_vfs)]
        self.memory_of_mailbox = [[0] * 16 for _ in range(total_vfs)]
        self.log: list[tuple[int, str, str, int, int]] = []
        self.callbacks: dict[tuple[int, int], Callable[[int], None]] = {}
        self.was_enabled = False                  # VF Enable has been set at any time
        self.agents: dict[int, dict[str, Any]] = {}
        self.resets: list[int] = []               # VFs that got an FLR, in order
        self.config: dict[int, bytearray] = {}
        space = self.config[0] = bytearray(4096)
        space[0:4] = bytes.fromhex("8680fb10")
        space[0x34] = 0x70                        # MSI-X, 64 messages
        space[0x70:0x74] = b"\x11\x00\x3f\x00"
        space[0x100:0x104] = (SRIOV << 20 | 1 << 16 | 0x0003).to_bytes(4, "little")
        space[SRIOV:SRIOV + 4] = (1 << 16 | 0x0010).to_bytes(4, "little")
        for offset, value in ((0x0C, total_vfs), (0x0E, total_vfs), (0x14, 128), (0x16, 2)):
            space[SRIOV + offset:SRIOV + offset + 2] = value.to_bytes(2, "little")
        space[SRIOV + 0x1A:SRIOV + 0x1C] = (0x10ED).to_bytes(2, "little")
        for bar, base in ((0, 0x8_0000_0000), (3, 0x9_0000_0000)):
            space[VF_BARS[bar]:VF_BARS[bar] + 8] = (base | 0x4).to_bytes(8, "little")

    @property
    def num_vfs(self) -> int:
        """VFs that exist: NumVFs while VF Enable is set."""
        space = self.config[0]
        return int.from_bytes(space[SRIOV + 0x10:SRIOV + 0x12], "little") if space[SRIOV + 8] & 1 else 0

    def handle(self, function: int) -> FakeHandle:
        return FakeHandle(self, function)

    # configuration space -----------------------------------------------------------------------------

    def space(self, rid: int) -> bytearray:
        function = 0 if rid == PF_RID else 1 + (rid - FIRST_VF_RID) // 2
        return self.config.setdefault(function, bytearray(b"\xff\xff\xff\xff" + bytes(4092)))

    def config_read(self, rid: int, offset: int, size: int) -> int:
        return int.from_bytes(self.space(rid)[offset:offset + size], "little")

    def config_write(self, rid: int, offset: int, size: int, value: int) -> None:
        if rid == PF_RID and offset in VF_BARS:
            value &= {0: 0xFFFFC000, 1: 0xFFFFFFFF, 3: 0xFFFFC000, 4: 0xFFFFFFFF}.get(VF_BARS.index(offset), 0)
            value |= 0x4 if VF_BARS.index(offset) in (0, 3) else 0
        if rid != PF_RID and offset == VF_DEVICE_CONTROL and value & INITIATE_FLR:
            value &= ~INITIATE_FLR
            self.resets.append((rid - FIRST_VF_RID) // 2)
            self.vf_vfctrl((rid - FIRST_VF_RID) // 2, 0, vf.VFCTRL.RST.mask)
        self.space(rid)[offset:offset + size] = value.to_bytes(size, "little")
        if rid == PF_RID and offset == SRIOV + 8 and value & 1:
            self.was_enabled = True

    # registers ---------------------------------------------------------------------------------------

    def value(self, function: int, name: str, index: int = 0) -> int:
        return self.registers.get((function, name, index), 0)

    def write(self, function: int, register: Any, value: int) -> None:
        name, index = key(register)
        self.log.append((function, "write", name, index, value))
        special = getattr(self, ("pf_" if function == 0 else "vf_") + name.lower(), None)
        if special is not None:
            special(function - 1, index, value)
        else:
            self.registers[function, name, index] = value

    def read(self, function: int, register: Any) -> int:
        name, index = key(register)
        self.log.append((function, "read", name, index, 0))
        if name == "PFMBMEM":
            return self.memory_of_mailbox[index // 16][index % 16]
        if name == "VFMBMEM":
            return self.memory_of_mailbox[function - 1][index]
        if name == "PFMAILBOX":
            box = self.mailbox[index]
            return pf.PFMAILBOX.VFU.mask * box["vfu"] | pf.PFMAILBOX.PFU.mask * box["pfu"]
        if name == "VFMAILBOX":
            box = self.mailbox[function - 1]
            word = sum(getattr(vf.VFMAILBOX, field.upper()).mask * on for field, on in box.items())
            box.update(pfsts=0, pfack=0, rstd=0)
            return word
        if name == "EICS":
            return self.value(function, "EICR")
        if name in ("EICR", "VTEICR"):
            return self.registers.pop((function, name, index), 0)
        if name == "VFLINKS":
            return self.value(0, "LINKS")
        return self.value(function, name, index)

    # behaviour by name: pf_<register>, vf_<register> (vf first, then index and value) ---------------------

    def pf_ctrl(self, _: int, index: int, value: int) -> None:
        if value & pf.CTRL.RST.mask:
            for box in self.mailbox:
                box.update(vfu=0, pfu=0, pfsts=0, pfack=0, rsti=1, rstd=0)

    def pf_ctrl_ext(self, _: int, index: int, value: int) -> None:
        if value & pf.CTRL_EXT.PFRSTD.mask:
            for v, box in enumerate(self.mailbox):
                box.update(rsti=0, rstd=1)
                self._vf_interrupt(v)
        self.registers[0, "CTRL_EXT", 0] = value & ~pf.CTRL_EXT.PFRSTD.mask

    def pf_eicr(self, _: int, index: int, value: int) -> None:
        self.registers[0, "EICR", 0] = self.value(0, "EICR") & ~value

    def pf_eims(self, _: int, index: int, value: int) -> None:
        self.registers[0, "EIMS", 0] = self.value(0, "EIMS") | value

    def pf_eimc(self, _: int, index: int, value: int) -> None:
        self.registers[0, "EIMS", 0] = self.value(0, "EIMS") & ~value

    def pf_pfmbicr(self, _: int, index: int, value: int) -> None:
        self.registers[0, "PFMBICR", index] = self.value(0, "PFMBICR", index) & ~value

    def pf_pfvflrec(self, _: int, index: int, value: int) -> None:
        self.registers[0, "PFVFLRE", index] = self.value(0, "PFVFLRE", index) & ~value

    def pf_pfmbmem(self, _: int, index: int, value: int) -> None:
        self.memory_of_mailbox[index // 16][index % 16] = value

    def pf_pfmailbox(self, _: int, index: int, value: int) -> None:
        box = self.mailbox[index]
        if value & pf.PFMAILBOX.RVFU.mask:
            box["vfu"] = 0
        box["pfu"] = int(bool(value & pf.PFMAILBOX.PFU.mask) and not box["vfu"])
        if value & pf.PFMAILBOX.STS.mask:
            box["pfsts"] = 1
        if value & pf.PFMAILBOX.ACK.mask:
            box["pfack"] = 1
        if value & (pf.PFMAILBOX.STS.mask | pf.PFMAILBOX.ACK.mask):
            self._vf_interrupt(index)

    def vf_vfmbmem(self, v: int, index: int, value: int) -> None:
        self.memory_of_mailbox[v][index] = value

    def vf_vfmailbox(self, v: int, index: int, value: int) -> None:
        box = self.mailbox[v]
        box["vfu"] = int(bool(value & vf.VFMAILBOX.VFU.mask) and not box["pfu"])
        request, acknowledge = (bool(value & getattr(vf.VFMAILBOX, name).mask) for name in ("REQ", "ACK"))
        causes = request | acknowledge << 16
        if causes:
            word, bit = divmod(v, 16)
            self.registers[0, "PFMBICR", word] = self.value(0, "PFMBICR", word) | causes << bit
            if causes << bit & self.registers.get((0, "PFMBIMR", word), pf.PFMBIMR.reset):
                self._pf_interrupt()

    def vf_vfctrl(self, v: int, index: int, value: int) -> None:
        if value & vf.VFCTRL.RST.mask:
            word, bit = divmod(v, 32)
            for name in ("VFRE", "VFTE"):
                self.registers[0, name, word] = self.value(0, name, word) & ~(1 << bit)
            for name in ("VFRXDCTL", "VFTXDCTL"):
                for queue in range(2):
                    self.registers[v + 1, name, queue] = 0
            self.registers[v + 1, "VTEIMS", 0] = 0
            self.registers[0, "PFVFLRE", word] = self.value(0, "PFVFLRE", word) | 1 << bit
            self._pf_interrupt()

    def vf_vteims(self, v: int, index: int, value: int) -> None:
        self.registers[v + 1, "VTEIMS", 0] = self.value(v + 1, "VTEIMS") | value

    def vf_vteimc(self, v: int, index: int, value: int) -> None:
        self.registers[v + 1, "VTEIMS", 0] = self.value(v + 1, "VTEIMS") & ~value

    # interrupts --------------------------------------------------------------------------------------

    def _pf_interrupt(self) -> None:
        self.registers[0, "EICR", 0] = self.value(0, "EICR") | pf.EICR.MAILBOX.mask
        if self.value(0, "EIMS") & pf.EIMS.MAILBOX.mask:
            self._message(0, (self.value(0, "IVAR_MISC") >> 8) & 0x7F)

    def _vf_interrupt(self, v: int) -> None:
        vector = self.value(v + 1, "VTIVAR_MISC") & 0x7F
        if self.value(v + 1, "VTEIMS") >> vector & 1 and self.value(v + 1, "VTIVAR_MISC") & 0x80:
            self._message(v + 1, vector)

    def _message(self, function: int, vector: int) -> None:
        if (function, vector) in self.callbacks:
            self.env.process(self._later(self.callbacks[function, vector], vector))

    def _later(self, callback: Callable[[int], None], vector: int) -> Any:
        yield self.env.timeout(READ_PS)
        callback(vector)


class FakeHandle:
    """One function's handle."""

    def __init__(self, adapter: FakeAdapter, function: int):
        self.adapter, self.env, self.index = adapter, adapter.env, function
        self.name = "PF" if function == 0 else f"VF{function - 1}"
        self.rid = PF_RID if function == 0 else FIRST_VF_RID + 2 * (function - 1)
        self.memory = bytearray(1 << 22)
        self._next = 1 << 32

    @property
    def ops(self) -> FakeAdapter:
        return self.adapter

    def config_read(self, offset: int, size: int, rid: int | None = None) -> simpy.Event:
        return self.env.timeout(READ_PS, self.adapter.config_read(self.rid if rid is None else rid, offset, size))

    def config_write(self, offset: int, size: int, value: int, rid: int | None = None) -> simpy.Event:
        self.adapter.config_write(self.rid if rid is None else rid, offset, size, value)
        return self.env.timeout(READ_PS)

    def write(self, register: Any, value: int) -> None:
        assert 0 <= value < 1 << 32, f"{key(register)} = {value:#x}"
        self.adapter.write(self.index, register, value)

    def read(self, register: Any) -> simpy.Event:
        return self.env.timeout(READ_PS, self.adapter.read(self.index, register))

    def sleep(self, ps: int) -> simpy.Event:
        return self.env.timeout(ps)

    def wait_set(self, register: Any, mask: int, timeout_ps: int, poll_ps: int) -> Any:
        for _ in range(timeout_ps // poll_ps):
            word = yield self.read(register)
            if word & mask == mask:
                return word
            yield self.sleep(poll_ps)
        raise DriverFault("time-out", None, int(self.env.now), self.name)

    def allocate(self, nbytes: int, align: int = 128) -> int:
        self._next = -(-self._next // align) * align + nbytes
        return self._next - nbytes

    def memory_read(self, address: int, n: int) -> bytes:
        return bytes(self.memory[address - (1 << 32):address - (1 << 32) + n])

    def memory_write(self, address: int, data: bytes) -> None:
        self.memory[address - (1 << 32):address - (1 << 32) + len(data)] = data

    def connect_interrupt(self, vector: int, callback: Callable[[int], None]) -> None:
        self.adapter.callbacks[self.index, vector] = callback

    def enable_msix(self, vectors: int) -> Any:
        yield self.env.timeout(READ_PS)

    def start_ring_agent(self, **fields: Any) -> int:
        agent = len(self.adapter.agents) + 1
        self.adapter.agents[agent] = {"function": self.index, "running": True, **fields}
        return agent

    def stop_ring_agent(self, agent: int) -> None:
        self.adapter.agents[agent]["running"] = False
