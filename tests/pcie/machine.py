"""An endpoint, a host that enumerates it, and a device that only remembers what it was told.

    root.* ──configuration requests──► Endpoint ──FunctionEvents──► Heard
"""

from __future__ import annotations

from typing import Any

from nicmodel.datasheet.config_pf import PF
from nicmodel.datasheet.profiles import PROFILES, Profile
from nicmodel.pcie import root
from nicmodel.pcie.endpoint import Endpoint

PF_RID = 0x0100
SRIOV = PF.capability("Sriov").at
CONTROL, NUM_VFS, FIRST_OFFSET, STRIDE, PAGE = (SRIOV + at for at in (0x08, 0x10, 0x14, 0x16, 0x20))
VF_ENABLE, VF_MSE, ARI = 0x01, 0x08, 0x10
COMMAND, MSE, BME = 0x04, 0x2, 0x4
DEVCTL, FLR = 0xA8, 0x8000
MSIX = 0x72
X520, VF100G = PROFILES["x520"], PROFILES["vf100g"]


class Heard:
    """Function events in order, as tuples: (verb, arguments...)."""

    def __init__(self) -> None:
        self.log: list[tuple[Any, ...]] = []

    def __getattr__(self, verb: str) -> Any:
        return lambda *args: self.log.append((verb, *args))

    def take(self, *verbs: str) -> list[tuple[Any, ...]]:
        """What was heard since the last `take`, of these verbs only if any are named."""
        log, self.log = self.log, []
        return [entry for entry in log if not verbs or entry[0] in verbs]


class Machine:
    """`read`/`write` go to the PF unless `rid` says otherwise."""

    def __init__(self, profile: Profile = X520, num_vfs: int = 0, **enumeration: Any):
        self.heard = Heard()
        self.endpoint = Endpoint(profile, self.heard)
        self.enumerated = root.enumerate_device(self.endpoint, **enumeration)
        self.rids = root.enable_vfs(self.endpoint, num_vfs).rids if num_vfs else ()
        self.heard.take()

    def read(self, offset: int, size: int = 4, rid: int = PF_RID) -> int:
        return self.endpoint.config_read(rid, offset, size)

    def write(self, offset: int, size: int, value: int, rid: int = PF_RID) -> None:
        self.endpoint.config_write(rid, offset, size, value)

    def image(self, index: int) -> bytes:
        """Configuration space, MSI-X table and PBA of a function."""
        function = self.endpoint.function(index)
        assert function is not None
        table = b"".join(function.msix.read(at, 4).to_bytes(4, "little") for at in range(0, 0x2010, 4))
        return function.space.dump() + table
