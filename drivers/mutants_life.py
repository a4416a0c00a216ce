"""Broken on purpose: entry, pause, requests, reset, halt, interrupts and back channel of any miniport."""

from __future__ import annotations

from typing import Any

from drivers.mutant import LIFE, mutant
from drivers.pf import PfMiniport
from drivers.vf import VfMiniport
from nicmodel.datasheet.ndis import ATTRIBUTE_BUS_MASTER, INTERFACE_PCI, MANDATORY_OIDS, Oid, RequestType, Status
from nicmodel.datasheet.ndis_structures import RegistrationAttributes, made
from nicmodel.ndis.net_buffers import NetBufferList
from nicmodel.ndis.platform import Circumstances

REFUSED = Circumstances(faults={"NdisMRegisterMiniportDriver": Status.BAD_CHARACTERISTICS})


@mutant("vf_is_of_an_older_ndis", "GEN-DRV-01")
class IsOfAnOlderNdis(VfMiniport):
    def driver_entry(self) -> Status:
        return self.ndis.NdisMRegisterMiniportDriver(MajorNdisVersion=6, MinorNdisVersion=20)


@mutant("vf_ignores_refused_registration", "GEN-DRV-02")
class IgnoresRefusedRegistration(VfMiniport):
    circumstances = REFUSED

    def driver_entry(self) -> Status:
        super().driver_entry()
        return Status.SUCCESS


@mutant("vf_leaks_in_driver_entry", "GEN-DRV-04")
class LeaksInDriverEntry(VfMiniport):
    circumstances = REFUSED

    def driver_entry(self) -> Status:
        self.ndis.NdisAllocateMemory(64)
        return super().driver_entry()


@mutant("vf_is_checked_for_hang_at_once", "GEN-HANG-01")
class IsCheckedForHangAtOnce(VfMiniport):
    def set_registration_attributes(self) -> Status:
        return self.ndis.NdisMSetMiniportAttributes(made(
            RegistrationAttributes, MiniportAdapterContext=1, AttributeFlags=ATTRIBUTE_BUS_MASTER,
            CheckForHangTimeInSeconds=1, InterfaceType=INTERFACE_PCI))


@mutant("pf_indicates_before_restart", "GEN-STATE-01")
class PfIndicatesBeforeRestart(PfMiniport):
    def register_dma(self) -> Status:
        self.ndis.NdisMIndicateReceiveNetBufferLists([bytes(60)])
        return super().register_dma()


@mutant("vf_indicates_while_paused", "GEN-STATE-01", LIFE)
class IndicatesWhilePaused(VfMiniport):
    def halt(self) -> Any:
        self.ndis.NdisMIndicateReceiveNetBufferLists([bytes(60)])
        yield from super().halt()


@mutant("vf_keeps_posting_when_paused", "GEN-STATE-02", LIFE)
class KeepsPostingWhenPaused(VfMiniport):
    def stop_data(self) -> None:
        """Nothing stops."""


@mutant("vf_fails_to_pause", "GEN-STATE-02", LIFE)
class FailsToPause(VfMiniport):
    def pause(self) -> Any:
        yield from super().pause()
        return Status.FAILURE


@mutant("vf_knows_nothing_of_stale_blocks", "OID-03", LIFE)
class KnowsNothingOfStaleBlocks(VfMiniport):
    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Any:
        stale = oid == Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK
        return Status.NOT_SUPPORTED if stale and not self.gone else super().oid_request(kind, oid, buffer)


@mutant("vf_knows_every_request", "GEN-OID-03", LIFE)
class KnowsEveryRequest(VfMiniport):
    def common_request(self, kind: RequestType, oid: Oid, buffer: Any = None) -> Any:
        return super().common_request(kind, oid, buffer) if oid in MANDATORY_OIDS else Status.NOT_SUPPORTED


@mutant("vf_has_no_statistics", "GEN-OID-06", LIFE)
class HasNoStatistics(VfMiniport):
    def common_request(self, kind: RequestType, oid: Oid, buffer: Any = None) -> Any:
        return Status.NOT_SUPPORTED if oid == Oid.GEN_STATISTICS else super().common_request(kind, oid, buffer)


@mutant("vf_accepts_requests_after_removal", "GEN-OID-04", LIFE)
class AcceptsRequestsAfterRemoval(VfMiniport):
    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Any:
        return Status.SUCCESS if self.gone else super().oid_request(kind, oid, buffer)


@mutant("vf_reset_fails_in_its_own_words", "GEN-RESET-01", LIFE)
class ResetFailsInItsOwnWords(VfMiniport):
    def reset(self) -> Any:
        yield from super().reset()
        return Status.FAILURE


@mutant("vf_leaks_at_halt", "GEN-HALT-02", LIFE)
class LeaksAtHalt(VfMiniport):
    def halt(self) -> Any:
        self._undo.pop(0)
        yield from super().halt()


@mutant("vf_halts_in_the_order_of_its_start", "GEN-HALT-02", LIFE)
class HaltsInTheOrderOfItsStart(VfMiniport):
    def halt(self) -> Any:
        self._undo.reverse()
        yield from super().halt()


@mutant("vf_writes_after_its_halt", "GEN-INIT-03", LIFE)
class WritesAfterItsHalt(VfMiniport):
    def halt(self) -> Any:
        yield from super().halt()
        self.mask_interrupts()


@mutant("vf_restarts_by_config_space", "GEN-INIT-03", LIFE)
class RestartsByConfigSpace(VfMiniport):
    def restart(self) -> Any:
        yield self.handle.config_read(0, 4)
        return (yield from super().restart())


@mutant("vf_touches_hardware_that_is_gone", "GEN-HALT-03", LIFE)
class TouchesHardwareThatIsGone(VfMiniport):
    def halt(self) -> Any:
        self.mask_interrupts()
        yield from super().halt()


@mutant("vf_registers_no_message", "INTR-02")
class RegistersNoMessage(VfMiniport):
    def register_interrupts(self) -> Any:
        return (yield from self.register_handlers([]))


@mutant("vf_ignores_refused_interrupts", "INTR-02")
class IgnoresRefusedInterrupts(VfMiniport):
    circumstances = Circumstances(faults={"NdisMRegisterInterruptEx": Status.RESOURCES})

    def register_interrupts(self) -> Any:
        yield from super().register_interrupts()


@mutant("vf_maps_messages_too_early", "INTR-05")
class MapsMessagesTooEarly(VfMiniport):
    def driver_entry(self) -> Status:
        next(self.ndis.NdisMConfigMSIXTableEntry(0, masked=True), None)
        return super().driver_entry()


@mutant("vf_serves_a_request_of_a_pf", "OID-04", LIFE)
class ServesARequestOfAPf(VfMiniport):
    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Any:
        return Status.SUCCESS if oid == Oid.NIC_SWITCH_CREATE_VPORT else super().oid_request(kind, oid, buffer)


# back channel --------------------------------------------------------------------------------------------

@mutant("pf_reads_a_block", "BACKCH-01")
class PfReadsABlock(PfMiniport):
    def register_dma(self) -> Status:
        next(self.ndis.NdisMReadConfigBlock(0, 8), None)
        return super().register_dma()


@mutant("vf_reads_a_long_block", "BACKCH-05")
class ReadsALongBlock(VfMiniport):
    def self_test(self) -> Any:
        yield from self.ndis.NdisMReadConfigBlock(0, 129)
        return (yield from super().self_test())


@mutant("pf_tells_a_vf_that_nobody_has", "BACKCH-06")
class TellsAVfThatNobodyHas(PfMiniport):
    def register_dma(self) -> Status:
        self.ndis.NdisMInvalidateConfigBlock(0, 1)
        return super().register_dma()


@mutant("vf_keeps_stale_blocks", "BACKCH-09", LIFE)
class KeepsStaleBlocks(VfMiniport):
    def self_test(self) -> Any:
        yield from self.ndis.NdisMReadConfigBlock(0, 8)
        return (yield from super().self_test())

    def oid_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Any:
        stale = oid == Oid.SRIOV_VF_INVALIDATE_CONFIG_BLOCK
        return Status.SUCCESS if stale and not self.gone else super().oid_request(kind, oid, buffer)


@mutant("vf_completes_a_send_twice", "NBL-01", LIFE)
class CompletesASendTwice(VfMiniport):
    def complete_sends(self, lists: Any, status: Status) -> None:
        super().complete_sends(lists, status)
        super().complete_sends(lists, status)


@mutant("vf_invents_a_send_status", "NBL-02", LIFE)
class InventsASendStatus(VfMiniport):
    def complete_sends(self, lists: Any, status: Status) -> None:
        super().complete_sends(lists, Status.NOT_ACCEPTED if status == Status.FAILURE else status)


@mutant("vf_fails_sends_while_it_pauses", "NBL-03", LIFE)
class FailsSendsWhileItPauses(VfMiniport):
    def why_not(self, each: Any) -> Status | None:
        return super().why_not(each) if self.running else Status.FAILURE


@mutant("vf_forgets_a_send", "NBL-04", LIFE)
class ForgetsASend(VfMiniport):
    def complete_sends(self, lists: Any, status: Status) -> None:
        """Nobody hears of it."""


@mutant("vf_indicates_a_list_twice", "NBL-05", LIFE)
class IndicatesAListTwice(VfMiniport):
    def send_net_buffer_lists(self, lists: Any) -> None:
        if self.running:
            echo = [NetBufferList(each.frame) for each in lists]
            self.lent += 2 * len(echo)
            self.ndis.NdisMIndicateReceiveNetBufferLists(echo)
            self.ndis.NdisMIndicateReceiveNetBufferLists(echo)
        super().send_net_buffer_lists(lists)
