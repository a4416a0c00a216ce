"""A PF and its VFs on a fake adapter, looked at from outside: what hardware holds, what NDIS was asked for and not given back.

    machines of random sequences ─► stack, NDIS, miniports ─► FakeAdapter
                                                                └─ pool, function, held: what an observer sees of it
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, NamedTuple

import simpy
from fakes import FakeAdapter, FakeHandle, switch_state
from hypothesis import HealthCheck, settings

from drivers.pf import PfSettings
from drivers.rings import RingSettings
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import Status
from nicmodel.datasheet.registers_pf import CTRL, RAH, VLVF, VMOLR
from nicmodel.ndis.guests import Guest, Times
from nicmodel.ndis.library import NdisLibrary
from nicmodel.ndis.stack import VirtualizationStack, make_pf

EXAMPLES = int(os.environ.get("NICMODEL_EXAMPLES", "60"))
SETTINGS = settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large])
NUM_VFS, PF_VPORTS, MAC_SLOTS = 3, 2, 6
PF_SETTINGS = PfSettings(max_vfs=NUM_VFS + PF_VPORTS, pf_vports=PF_VPORTS, mac_slots=MAC_SLOTS, rings=RingSettings(flow=1))
SETTLE_PS = 10**11                       # longer than a VF needs to come back, shorter than it waits for its PF
PF = 0                                   # function numbers: VF v is function v + 1


class Pool(NamedTuple):
    """What the hardware does for one pool."""

    macs: tuple[int, ...]                # of valid receive addresses that point here
    vlans: tuple[int, ...]               # of valid VLAN slots that point here
    broadcasts: bool
    untagged: bool
    receives: bool
    sends: bool


class ResettingAdapter(FakeAdapter):
    """A fake whose software reset empties every register of every function, but those that hardware sets by itself."""

    def __init__(self, env: simpy.Environment):
        super().__init__(env)
        self.after_reset = dict(self.registers)

    def pf_ctrl(self, _: int, index: int, value: int) -> None:
        super().pf_ctrl(_, index, value)
        if value & CTRL.RST.mask:
            self.registers = dict(self.after_reset)


class LifeBench:
    """One adapter in one slot, its PF, a stack. `replug` is another adapter in that slot."""

    def __init__(self, pf_driver: Any, times: Times | None = None):
        self.env = simpy.Environment()
        self.pf_driver = pf_driver
        self.replug()
        self.stack = VirtualizationStack(self.env, *self.new_pf(), times)

    def replug(self) -> None:
        self.adapter = ResettingAdapter(self.env)
        self.handles = {function: FakeHandle(self.adapter, function) for function in range(1 + NUM_VFS)}

    def new_pf(self, num_vfs: int = NUM_VFS) -> tuple[Any, NdisLibrary]:
        return make_pf(self.env, self.pf_driver, self.handles[PF], num_vfs, PF_SETTINGS)

    def guest(self, number: int, vlan: int) -> Guest:
        return Guest(number, 0x020000000100 + number, vlan, VfMiniport, lambda vf: self.handles[1 + vf])

    def do(self, steps: Any) -> Any:
        """Run steps to their end, and then all that they have set going."""
        done = self.env.run(self.env.process(steps))
        self.env.run(self.env.now + SETTLE_PS)
        return done

    @property
    def driver(self) -> Any:
        return self.stack.pf.driver

    # what the hardware holds -------------------------------------------------------------------------

    def pool(self, pool: int) -> Pool:
        value, bit = self.adapter.value, 1 << pool
        macs = [self._mac(slot) for slot in self.address_slots() if value(0, "MPSAR_LO", slot) & bit]
        vlans = [value(0, "VLVF", slot) & VLVF.VLAN_ID.mask for slot in self.vlan_slots() if value(0, "VLVFB", 2 * slot) & bit]
        word = value(0, "VMOLR", pool)
        return Pool(tuple(sorted(macs)), tuple(sorted(vlans)), bool(word & VMOLR.BAM.mask), bool(word & VMOLR.AUPE.mask),
                    bool(value(0, "VFRE") & bit), bool(value(0, "VFTE") & bit))

    def address_slots(self) -> list[int]:
        """Receive-address slots in use, the PF's own included."""
        return [slot for slot in range(MAC_SLOTS) if self.adapter.value(0, "RAH", slot) & RAH.AV.mask]

    def vlan_slots(self) -> list[int]:
        return [slot for slot in range(64) if self.adapter.value(0, "VLVF", slot) & VLVF.VI_EN.mask]

    def vlan_table(self) -> set[int]:
        """VLAN ids that the adapter's VLAN filter lets in."""
        words = {index: word for (_, name, index), word in self.adapter.registers.items() if name == "VFTA"}
        return {32 * index + bit for index, word in words.items() for bit in range(32) if word >> bit & 1}

    def _mac(self, slot: int) -> int:
        low, high = self.adapter.value(0, "RAL", slot), self.adapter.value(0, "RAH", slot)
        return int.from_bytes((low | (high & 0xFFFF) << 32).to_bytes(6, "little"), "big")

    def vf_view(self, vf: int) -> tuple[Any, ...]:
        """All there is of one VF: its pool, registers, configuration space, mailbox, rings, and what the PF's driver knows."""
        adapter, switch, function = self.adapter, self.driver.switch, vf + 1
        return (self.pool(vf), {key: word for key, word in adapter.registers.items() if key[0] == function},
                bytes(adapter.config.get(function, b"")), dict(adapter.mailbox[vf]), tuple(adapter.memory_of_mailbox[vf]),
                tuple(agent["running"] for agent in adapter.agents.values() if agent["function"] == function),
                repr(switch.vfs.get(vf)), repr([each for each in switch.vports.values() if each.function == vf]))

    def everything(self) -> tuple[Any, ...]:
        """All that a request could change: hardware, what the PF's driver holds, what NDIS has noted and what it has lent."""
        adapter, known, switch = self.adapter, self.stack.requests.ndis.known, self.driver.switch
        noted = [[(number, bytes(each.parameters), each.owner, each.vport) for number, each in table.items()]
                 for table in (known.vfs, known.vports, known.filters)]
        return (dict(adapter.registers), {f: bytes(space) for f, space in adapter.config.items()}, repr(adapter.mailbox),
                repr(adapter.agents), switch_state(switch), sorted(switch.filters._slots), dict(switch.pools._vlans), noted,
                known.switch and bytes(known.switch), held(self.stack.pf.ndis))


# what was asked for and not given back -------------------------------------------------------------------

LENT = {"registers": ("NdisMMapIoSpace", "NdisMUnmapIoSpace"),
        "DMA": ("NdisMRegisterScatterGatherDma", "NdisMDeregisterScatterGatherDma"),
        "interrupts": ("NdisMRegisterInterruptEx", "NdisMDeregisterInterruptEx"),
        "configuration": ("NdisOpenConfigurationEx", "NdisCloseConfiguration")}


def held(ndis: NdisLibrary) -> dict[str, int]:
    """How many of each resource an adapter holds now. Nothing is given back that is not held."""
    calls = ndis.checker.seen.calls
    counts = {name: sum(call.result == Status.SUCCESS for call in calls.get(take, ())) - len(calls.get(give, ()))
              for name, (take, give) in LENT.items()}
    shared = Counter(call.result for call in calls.get("NdisMAllocateSharedMemory", ()))
    shared.subtract(call.args["address"] for call in calls.get("NdisMFreeSharedMemory", ()))
    assert all(count >= 0 for count in (*counts.values(), *shared.values())), "something was given back twice"
    vports = Counter(call.args["address"] for call in calls.get("NdisAllocateSharedMemory", ()) if not call.failed)
    vports.subtract(call.args["address"] for call in calls.get("NdisFreeSharedMemory", ()))
    assert all(count >= 0 for count in vports.values()), "memory of a VPort was given back twice"
    contexts = len(calls.get("NdisAllocateMemory", ())) - len(calls.get("NdisFreeMemory", ()))
    return counts | {"shared memory": sum(shared.values()), "memory of VPorts": sum(vports.values()), "context": contexts}


def holds_nothing(ndis: NdisLibrary, removed: bool = False) -> bool:
    """After a halt; what MiniportAddDevice took stays until the device is removed."""
    now = held(ndis)
    assert now["context"] == (ndis.role == "PF" and not removed)
    return not any(count for name, count in now.items() if name != "context")


def holds_what_a_start_takes(ndis: NdisLibrary) -> bool:
    """Registers, DMA and interrupts once; memory for rings; the configuration is closed again."""
    now = held(ndis)
    once = all(now[name] == 1 for name in ("registers", "DMA", "interrupts"))
    return once and now["shared memory"] > 0 and not now["configuration"]
