"""Broken on purpose: what any miniport may forget (GEN-INIT)."""

from __future__ import annotations

from typing import Any

from drivers.miniport import US
from drivers.mutant import moved, mutant, without
from drivers.pf import PfMiniport
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import (
    Oid,
    Status,
)
from nicmodel.ndis.platform import Circumstances


@mutant("vf_reads_no_configuration", "GEN-INIT-02")
class ReadsNoConfiguration(VfMiniport):
    INITIALIZE = without(VfMiniport, "read_configuration")


@mutant("vf_ignores_refused_configuration", "GEN-INIT-02")
class IgnoresRefusedConfiguration(VfMiniport):
    circumstances = Circumstances(faults={"NdisOpenConfigurationEx": Status.FAILURE})

    def read_configuration(self) -> Status:
        _, configuration = self.ndis.NdisOpenConfigurationEx()
        self.ndis.NdisReadConfiguration(configuration, "*JumboPacket")
        return Status.SUCCESS


@mutant("vf_maps_nothing", "GEN-INIT-03")
class MapsNothing(VfMiniport):
    INITIALIZE = without(VfMiniport, "obtain_resources")


@mutant("vf_reads_config_space_itself", "GEN-INIT-03")
class ReadsConfigSpaceItself(VfMiniport):
    def obtain_resources(self) -> Any:
        status = yield from super().obtain_resources()
        yield self.handle.config_read(0, 4)
        return status


@mutant("vf_claims_before_registration", "GEN-INIT-04")
class ClaimsBeforeRegistration(VfMiniport):
    INITIALIZE = moved(VfMiniport, "obtain_resources", "set_registration_attributes")


@mutant("vf_sets_no_registration_attributes", "GEN-INIT-04")
class SetsNoRegistrationAttributes(VfMiniport):
    INITIALIZE = without(VfMiniport, "set_registration_attributes")


def refused(kind: str) -> Circumstances:
    """Where NDIS refuses attributes of this kind."""
    return Circumstances(faults={f"NdisMSetMiniportAttributes.{kind}": Status.BAD_VERSION})


@mutant("vf_ignores_refused_registration_attributes", "GEN-INIT-04")
class IgnoresRefusedRegistrationAttributes(VfMiniport):
    circumstances = refused("registration")

    def set_registration_attributes(self) -> Status:
        super().set_registration_attributes()
        return Status.SUCCESS


@mutant("vf_ignores_refused_general_attributes", "GEN-INIT-05")
class IgnoresRefusedGeneralAttributes(VfMiniport):
    circumstances = refused("general")

    def set_general_attributes(self) -> Status:
        super().set_general_attributes()
        return Status.SUCCESS


@mutant("pf_ignores_refused_capabilities", "PF-INIT-09")
class IgnoresRefusedCapabilities(PfMiniport):
    circumstances = refused("hardware_assist")

    def report_capabilities(self) -> Status:
        super().report_capabilities()
        return Status.SUCCESS


@mutant("vf_reports_before_general_attributes", "GEN-INIT-05")
class ReportsBeforeGeneralAttributes(VfMiniport):
    INITIALIZE = moved(VfMiniport, "report_sriov_capabilities", "set_general_attributes")


@mutant("vf_sets_no_general_attributes", "GEN-INIT-05")
class SetsNoGeneralAttributes(VfMiniport):
    INITIALIZE = without(VfMiniport, "set_general_attributes")


@mutant("vf_reports_twice", "GEN-INIT-06")
class ReportsTwice(VfMiniport):
    def report_sriov_capabilities(self) -> Status:
        super().report_sriov_capabilities()
        return super().report_sriov_capabilities()


@mutant("vf_allocates_before_dma", "GEN-INIT-08")
class AllocatesBeforeDma(VfMiniport):
    INITIALIZE = moved(VfMiniport, "allocate_rings", "register_dma")


@mutant("vf_handler_is_not_ready", "GEN-INIT-09")
class HandlerIsNotReady(VfMiniport):
    def __init__(self, ndis: Any, handle: Any, settings: Any = None):
        super().__init__(ndis, handle, settings)
        self.statistics: dict[str, int] | None = None

    def on_queue(self, vector: int) -> None:
        self.statistics["interrupts"] += 1       # type: ignore[index]  # made after registration: too late
        super().on_queue(vector)

    def self_test(self) -> Any:
        self.statistics = {"interrupts": 0}
        return super().self_test()


@mutant("vf_waits_without_ndis", "GEN-INIT-10")
class WaitsWithoutNdis(VfMiniport):
    def self_test(self) -> Any:
        yield self.handle.sleep(10 * US)
        return (yield from super().self_test())


@mutant("pf_waits_without_ndis", "GEN-INIT-10")
class PfWaitsWithoutNdis(PfMiniport):
    def reset_adapter(self) -> Any:
        yield self.handle.sleep(10 * US)
        yield from super().reset_adapter()


@mutant("vf_returns_pending", "GEN-INIT-11")
class ReturnsPending(VfMiniport):
    def initialize(self) -> Any:
        yield from super().initialize()
        return Status.PENDING


@mutant("pf_returns_bad_version", "GEN-INIT-11")
class PfReturnsBadVersion(PfMiniport):
    def decide_features(self) -> Status:
        return Status.FAILURE

    def initialize(self) -> Any:
        yield from super().initialize()
        return Status.BAD_VERSION


@mutant("pf_leaks_on_failure", "GEN-INIT-12")
class PfLeaksOnFailure(PfMiniport):
    def configure_hardware(self) -> Any:
        yield from super().configure_hardware()
        self._undo.clear()
        return Status.FAILURE


@mutant("vf_omits_mandatory_request", "GEN-INIT-14")
class OmitsMandatoryRequest(VfMiniport):
    def supported_oids(self) -> list[Oid]:
        return [oid for oid in super().supported_oids() if oid != Oid.GEN_STATISTICS]
