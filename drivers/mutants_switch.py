"""Broken on purpose: the switch, its VFs, its VPorts and its filters (SWITCH, VF-ALLOC, VPORT, FILTER, ADV-14)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from drivers.mutant import LIFE, mutant
from drivers.mutants_advertise import _Capabilities
from drivers.pf import DynamicPfMiniport, PfMiniport
from drivers.pf_filters import Filters
from drivers.pf_switch import NicSwitch
from nicmodel.datasheet.ndis import DEFAULT_VPORT_ID, INVALID_RID, NicSwitchCapabilities, Status, SwitchType, VPortState


class _Switched(PfMiniport):
    """A good PF whose switch or filters are of another class."""

    SWITCH: type[NicSwitch] = NicSwitch
    FILTERS: type[Filters] = Filters

    def __init__(self, ndis: Any, handle: Any, settings: Any = None):
        super().__init__(ndis, handle, settings)
        self.switch.__class__, self.switch.filters.__class__ = self.SWITCH, self.FILTERS


def _switch(name: str, rule: str) -> Any:
    """Enter a PF with this class of switch into the table."""
    def enter(cls: type[NicSwitch]) -> type[NicSwitch]:
        mutant(name, rule, LIFE)(type(cls.__name__, (_Switched,), {"SWITCH": cls}))
        return cls
    return enter


def _filters(name: str, rule: str) -> Any:
    """Enter a PF with this class of filters into the table."""
    def enter(cls: type[Filters]) -> type[Filters]:
        mutant(name, rule, LIFE)(type(cls.__name__, (_Switched,), {"FILTERS": cls}))
        return cls
    return enter


# the switch ----------------------------------------------------------------------------------------------

@_switch("pf_creates_any_switch", "SWITCH-03")
class CreatesAnySwitch(NicSwitch):
    def create(self, parameters: Any) -> Status:
        return self.give_birth("any") if self.accepts(parameters) else Status.INVALID_PARAMETER


@_switch("pf_creates_a_switch_of_any_type", "SWITCH-03")
class CreatesASwitchOfAnyType(NicSwitch):
    def create(self, parameters: Any) -> Status:
        parameters.SwitchType = SwitchType.EXTERNAL
        return super().create(parameters)


@_switch("pf_allocates_without_switch", "SWITCH-06")
class AllocatesWithoutSwitch(NicSwitch):
    def allocate_vf(self, parameters: Any) -> Status:
        if self.created:
            return super().allocate_vf(parameters)
        parameters.VFId, parameters.RequestorId = 0, 0x180
        return Status.SUCCESS


@_switch("pf_creates_a_second_switch", "SWITCH-07")
class CreatesASecondSwitch(NicSwitch):
    def create(self, parameters: Any) -> Status:
        return Status.SUCCESS if self.created else super().create(parameters)


@mutant("pf_enables_twice", "SWITCH-09")
class EnablesTwice(PfMiniport):
    def create_nic_switch(self) -> Any:
        status = yield from super().create_nic_switch()
        yield from self.ndis.NdisMEnableVirtualization(self.switch.num_vfs, True)
        return status


@mutant("pf_enables_fewer_than_its_switch_has", "SWITCH-03", LIFE)
class EnablesFewerThanItsSwitchHas(PfMiniport):
    def enable_virtualization(self) -> Any:
        return (yield from self.ndis.NdisMEnableVirtualization(self.switch.num_vfs - 1, True))


@mutant("pf_disables_some_vfs", "SWITCH-10", LIFE)
class DisablesSomeVfs(PfMiniport):
    def disable_virtualization(self) -> Any:
        return (yield from self.ndis.NdisMEnableVirtualization(self.switch.num_vfs, False))


@mutant("pf_disables_when_paused", "SWITCH-12", LIFE)
class DisablesWhenPaused(PfMiniport):
    def pause(self) -> Any:
        yield from self.disable_virtualization()
        yield from super().pause()


@_switch("pf_changes_any_switch", "SWITCH-15")
class ChangesAnySwitch(NicSwitch):
    def set_parameters(self, parameters: Any) -> Status:
        return Status.SUCCESS


@mutant("pf_leaves_virtualization_on", "HALT-PF-03", LIFE)
class LeavesVirtualizationOn(PfMiniport):
    def disable_virtualization(self) -> Status:      # type: ignore[override]  # nothing to wait for
        return Status.SUCCESS

    def halt(self) -> Any:
        self.mask_interrupts()
        self.switch.abandon()
        yield from self.release()


# VFs -----------------------------------------------------------------------------------------------------

@_switch("pf_gives_a_vf_away_twice", "VF-ALLOC-07")
class GivesAVfAwayTwice(NicSwitch):
    def allocate_vf(self, parameters: Any) -> Status:
        status = super().allocate_vf(parameters)
        if status == Status.RESOURCES:
            parameters.VFId, parameters.RequestorId = 0, 0x180
            return Status.SUCCESS
        return status


@_switch("pf_names_no_requester", "VF-ALLOC-08")
class NamesNoRequester(NicSwitch):
    def allocate_vf(self, parameters: Any) -> Status:
        status = super().allocate_vf(parameters)
        parameters.RequestorId = INVALID_RID
        return status


@_switch("pf_frees_any_vf", "VF-ALLOC-14")
class FreesAnyVf(NicSwitch):
    def free_vf(self, vf: int) -> Status:
        return super().free_vf(vf) if vf in self.vfs else Status.SUCCESS


@_switch("pf_never_frees_a_vf", "VF-ALLOC-15")
class NeverFreesAVf(NicSwitch):
    def free_vf(self, vf: int) -> Status:
        return Status.SUCCESS if vf in self.vfs and self.vfs[vf].vport is None else Status.INVALID_PARAMETER


# VPorts --------------------------------------------------------------------------------------------------

@_switch("pf_deletes_the_default_vport", "VPORT-01")
class DeletesTheDefaultVPort(NicSwitch):
    def delete_vport(self, vport: int) -> Status:
        return Status.SUCCESS if vport == DEFAULT_VPORT_ID else super().delete_vport(vport)


@_switch("pf_renumbers_vports", "VPORT-05")
class RenumbersVPorts(NicSwitch):
    def create_vport(self, parameters: Any) -> Status:
        status = super().create_vport(parameters)
        parameters.VPortId += 40
        return status


@_switch("pf_vport_of_a_vf_sleeps", "VPORT-06")
class VPortOfAVfSleeps(NicSwitch):
    def create_vport(self, parameters: Any) -> Status:
        status = super().create_vport(parameters)
        parameters.VPortState = VPortState.DEACTIVATED
        return status


@_switch("pf_gives_a_vf_two_vports", "VPORT-07")
class GivesAVfTwoVPorts(NicSwitch):
    def create_vport(self, parameters: Any) -> Status:
        record = self.vfs.get(parameters.AttachedFunctionId)
        return Status.SUCCESS if record is not None and record.vport is not None else super().create_vport(parameters)


@_switch("pf_vports_stay_taken", "VPORT-18")
class VPortsStayTaken(NicSwitch):
    had: set[int] = set()

    def allocate_vf(self, parameters: Any) -> Status:
        status = super().allocate_vf(parameters)
        self.had = self.had - {parameters.VFId}
        return status

    def create_vport(self, parameters: Any) -> Status:
        taken = parameters.AttachedFunctionId in self.had
        return Status.INVALID_PARAMETER if taken else super().create_vport(parameters)

    def delete_vport(self, vport: int) -> Status:
        if vport in self.vports:
            self.had = self.had | {self.vports[vport].function}
        return super().delete_vport(vport)


@_switch("pf_sees_vports_where_there_are_none", "OID-09")
class SeesVPortsWhereThereAreNone(NicSwitch):
    def delete_vport(self, vport: int) -> Status:
        return super().delete_vport(vport) if vport in self.vports else Status.SUCCESS


@_switch("pf_keeps_an_empty_switch", "SWITCH-13")
class KeepsAnEmptySwitch(NicSwitch):
    def is_idle(self, switch: int) -> bool:
        return False


class _OfThePf(PfMiniport):
    """Has a VPort for itself, and a switch of its own making."""

    switch_class: type[NicSwitch] = NicSwitch

    def __init__(self, ndis: Any, handle: Any, settings: Any = None):
        super().__init__(ndis, handle, settings)
        self.settings = replace(self.settings, pf_vports=1)
        self.switch = self.switch_class(self, 0, self.settings.mac_slots, 1)
        self.mailbox.switch = self.blocks.switch = self.switch


class _MemoryOfTheDefaultVPort(NicSwitch):
    def _share_memory(self, vport: int) -> tuple[Status, int]:
        return super()._share_memory(0)


class _MemoryStays(NicSwitch):
    def _give_back(self, vport: Any) -> None:
        """It is kept."""


@mutant("pf_shares_memory_of_the_default_vport", "VPORT-14", LIFE)
class SharesMemoryOfTheDefaultVPort(_OfThePf):
    switch_class = _MemoryOfTheDefaultVPort


@mutant("pf_keeps_memory_of_a_vport", "VPORT-18", LIFE)
class KeepsMemoryOfAVPort(_OfThePf):
    switch_class = _MemoryStays


class _Awake(NicSwitch):
    def create_vport(self, parameters: Any) -> Status:
        status = super().create_vport(parameters)
        parameters.VPortState = VPortState.ACTIVATED
        return status


@mutant("pf_vport_of_its_own_is_awake", "VPORT-06", LIFE)
class VPortOfItsOwnIsAwake(_OfThePf):
    switch_class = _Awake


@mutant("pf_takes_vports_of_vfs", "ADV-14", LIFE)
class TakesVPortsOfVfs(_Capabilities):
    """Has a VPort for itself that it did not advertise."""

    switch_changes = {"MaxNumVPorts": lambda s: s.MaxNumVFs + 1,
                      "NicSwitchCapabilities": lambda s: s.NicSwitchCapabilities & ~NicSwitchCapabilities.SINGLE_VPORT_POOL}

    def __init__(self, ndis: Any, handle: Any, settings: Any = None):
        super().__init__(ndis, handle, settings)
        self.settings = replace(self.settings, pf_vports=1)
        self.switch = NicSwitch(self, 0, self.settings.mac_slots, 1)
        self.mailbox.switch = self.blocks.switch = self.switch


# filters -------------------------------------------------------------------------------------------------

@_filters("pf_sets_filters_on_paper", "FILTER-04")
class SetsFiltersOnPaper(Filters):
    def set(self, request: Any) -> Status:
        return Status.SUCCESS


@_filters("pf_moves_any_filter", "FILTER-13")
class MovesAnyFilter(Filters):
    def move(self, parameters: Any) -> Status:
        return super().move(parameters) if parameters.FilterId in self.by_id else Status.SUCCESS


@_filters("pf_moves_filters_on_paper", "FILTER-13")
class MovesFiltersOnPaper(Filters):
    def move(self, parameters: Any) -> Status:
        entry = self.by_id.get(parameters.FilterId)
        if entry is None or entry.vport != parameters.SourceVPortId or parameters.DestVPortId not in self.switch.vports:
            return Status.INVALID_PARAMETER
        entry.vport = parameters.DestVPortId
        return Status.SUCCESS


@_filters("pf_sets_filters_on_any_vport", "OID-09")
class SetsFiltersOnAnyVPort(Filters):
    def set(self, request: Any) -> Status:
        if request.information.VPortId in self.switch.vports:
            return super().set(request)
        self.pools.write_pools(self.mac_slots - 1, 0)
        return Status.SUCCESS


@_filters("pf_keeps_filters", "OID-09")
class KeepsFilters(Filters):
    def clear(self, parameters: Any) -> Status:
        return Status.INVALID_PARAMETER


@_filters("pf_clears_filters_on_paper", "SWITCH-13")
class ClearsFiltersOnPaper(Filters):
    def clear(self, parameters: Any) -> Status:
        return Status.SUCCESS if parameters.FilterId in self.by_id else Status.INVALID_PARAMETER


@mutant("pf_takes_more_filters_than_it_says", "FILTER-17", LIFE)
class TakesMoreFiltersThanItSays(_Capabilities):
    switch_changes = {"MaxNumMacAddresses": lambda s: s.MaxNumVPorts}


# a switch made on request --------------------------------------------------------------------------------

@mutant("pf_creates_a_switch_without_vfs", "SWITCH-04", LIFE)
class CreatesASwitchWithoutVfs(DynamicPfMiniport):
    def enable_virtualization(self) -> Status:       # type: ignore[override]  # nothing to wait for
        return Status.SUCCESS


@mutant("pf_enables_before_it_configures_the_switch", "SWITCH-04", LIFE)
class EnablesBeforeItConfiguresTheSwitch(DynamicPfMiniport):
    CREATE_SWITCH = tuple(reversed(DynamicPfMiniport.CREATE_SWITCH))


@mutant("pf_keeps_vfs_of_a_deleted_switch", "SWITCH-13", LIFE)
class KeepsVfsOfADeletedSwitch(DynamicPfMiniport):
    def delete_switch(self, parameters: Any) -> Status:      # type: ignore[override]  # nothing to wait for
        return self.switch.delete(parameters.SwitchId)


@mutant("pf_enables_again_before_it_halts", "HALT-PF-04", LIFE)
class EnablesAgainBeforeItHalts(DynamicPfMiniport):
    def pause(self) -> Any:
        yield from self.ndis.NdisMEnableVirtualization(1, True)
        yield from super().pause()
