"""One driver image for both functions of the adapter: it becomes what its partition and its device allow.

The page on initialising a VF's miniport says that in the parent partition the driver must not come up as a VF, and should
come up as a PF if it can (VF-INIT-05); the PF's page says the reverse of a child (PF-INIT-05). So MiniportInitializeEx asks
for the partition first, looks at the device, and hands everything else to the miniport of that role. A VF's device in the
parent partition cannot be a PF: there the start fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.miniport import MiniportBase
from drivers.pf import PfMiniport, PfSettings
from drivers.vf import VfMiniport, VfSettings
from nicmodel.datasheet.ndis import Oid, PartitionType, RequestType, Status
from nicmodel.datasheet.profiles import PROFILES
from nicmodel.pcie.handle import Steps

PF_DEVICES = frozenset(profile.device_id for profile in PROFILES.values())


@dataclass(frozen=True)
class EitherSettings:
    """What a user chooses of either role."""

    vf: VfSettings | None = None
    pf: PfSettings | None = None


class EitherMiniport(MiniportBase):
    """A VF in a child partition, a PF in the parent. ``role`` is the miniport it has become, None before and after.

    Every entry point but `driver_entry` and `initialize` is the role's; without a role it is a DriverFault.
    """

    switch_creation = PfMiniport.switch_creation
    serves_both = True                   # may stand for a PF's driver and for a VF's

    def __init__(self, ndis: Any, handle: Any, settings: EitherSettings | VfSettings | PfSettings | None = None):
        """Settings of one role are enough where the other is not to be had."""
        if isinstance(settings, VfSettings):
            settings = EitherSettings(vf=settings)
        elif isinstance(settings, PfSettings):
            settings = EitherSettings(pf=settings)
        super().__init__(ndis, handle, settings or EitherSettings())
        self.role: VfMiniport | PfMiniport | None = None

    def initialize(self) -> Steps:
        """VF-INIT-03, -04, -05, PF-INIT-05: partition, device, role; FAILURE where there is no role."""
        home = self.partition()
        if home is PartitionType.MS_HV_CHILD:
            self.role = VfMiniport(self.ndis, self.handle, self.settings.vf)
        elif home is PartitionType.MS_HV_PARENT and (yield from self.is_pf()):
            self.role = PfMiniport(self.ndis, self.handle, self.settings.pf)
        if self.role is None:
            return Status.FAILURE
        return (yield from self.role.initialize())

    def is_pf(self) -> Steps:
        """Whether this is the physical function; a VF's identity reads all ones where it is not made up for it."""
        identity = yield from self.ndis.NdisMGetBusData(0, 4)
        return len(identity) == 4 and int.from_bytes(identity[2:], "little") in PF_DEVICES

    def _as(self) -> VfMiniport | PfMiniport:
        if self.role is None:
            raise self.fault("this driver has no role: it has not been initialised")
        return self.role

    def restart(self) -> Steps:
        return (yield from self._as().restart())

    def pause(self) -> Steps:
        yield from self._as().pause()

    def halt(self) -> Steps:
        yield from self._as().halt()
        self.role = None

    def reset(self) -> Steps:
        return (yield from self._as().reset())

    def shutdown(self) -> None:
        self._as().shutdown()

    def device_pnp_event(self, event: str) -> None:
        self._as().device_pnp_event(event)

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status | Steps:
        return self._as().oid_request(kind, oid, buffer)
