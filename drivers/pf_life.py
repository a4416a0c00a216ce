"""The PF beyond starting and stopping: configured, virtualized, reset, asleep, shut down, removed, halted.

Sequences are lists of steps of `pf_hardware`. What the driver knows of switch, VFs and filters outlives a reset and low
power: the hardware is programmed anew from it.
"""

from __future__ import annotations

from drivers.miniport import StepList
from drivers.pf_hardware import PfHardware
from nicmodel.datasheet.ndis import SURPRISE_REMOVED, PowerState, Status
from nicmodel.datasheet.registers_pf import CTRL_EXT
from nicmodel.pcie.handle import Steps


class PfLife(PfHardware):
    """What happens to a PF between its start and its end."""

    _running = False                    # between MiniportRestart and MiniportPause

    # configured and virtualized ------------------------------------------------------------------------

    CONFIGURE: StepList = (PfHardware.configure_pools, PfHardware.configure_port, PfHardware.open_default_pool)

    def configure_hardware(self) -> Steps:
        """PF-INIT-12: pools, queues, loopback and drop policy for the VFs that the keywords ask for; the port."""
        return (yield from self.run(self.CONFIGURE))

    def enable_virtualization(self) -> Steps:
        """SWITCH-08: NumVFs and VF Enable, if there is a VF to enable."""
        if not self.sriov or not self.switch.num_vfs:
            return Status.SUCCESS
        return (yield from self.ndis.NdisMEnableVirtualization(self.switch.num_vfs, True))

    def disable_virtualization(self) -> Steps:
        """SWITCH-10, -12: if it is on and the hardware is still there."""
        if self.gone or not self.ndis.virtualized:
            return Status.SUCCESS
        return (yield from self.ndis.NdisMEnableVirtualization(0, False))

    # reset, power, shutdown, removal, halt -------------------------------------------------------------

    QUIESCE: StepList = (PfHardware.mask_interrupts, PfHardware.drop_link, PfHardware.silence_vfs,
                         PfHardware.stop_rings, PfHardware.stop_dma)
    REBUILD: StepList = (PfHardware.reset_adapter, configure_hardware, PfHardware.restore_switch)

    def reset(self) -> Steps:
        """GEN-RESET-01, RESET-07, G-08: quiesce, rebuild from what we remember; VF ids, VPorts and filters survive.

        NDIS need not set anything again. VFs see the PF go and come back, and greet it again. HARD_ERRORS in low power, from
        which only D0 leads back (POWER-04).
        """
        if not self.available:
            return Status.HARD_ERRORS
        self.available, packet_filter = False, self.packet_filter
        status = yield from self.run((*self.QUIESCE, *self.REBUILD, *(self.RESTART if self._running else ())))
        self.available = True
        if status != Status.SUCCESS:
            return Status.HARD_ERRORS
        if self._running and packet_filter:
            self.packet_filter = 0
            self.set_packet_filter(packet_filter)
        return Status.SUCCESS

    def set_power(self, state: int) -> Status | Steps:
        """POWER-04, G-08: low power quiesces the VFs and drops the link; full power rebuilds, then NDIS restarts us."""
        if state not in (PowerState.D0, PowerState.D3):
            return Status.NOT_SUPPORTED                  # the device knows neither D1 nor D2
        awake = state == PowerState.D0
        if awake is self.available:
            return Status.SUCCESS
        return self._wake() if awake else self._sleep()

    def _sleep(self) -> Steps:
        status = yield from self.run(self.QUIESCE)
        self.available = False
        return status

    def _wake(self) -> Steps:
        status = yield from self.run(self.REBUILD)
        self.available = status == Status.SUCCESS
        return status

    def shutdown(self) -> None:
        """MiniportShutdownEx: no interrupt, no DMA; nothing is given back, nothing waited for."""
        self.mask_interrupts()
        self.stop_dma()

    def device_pnp_event(self, event: str) -> None:
        """GEN-OID-04: the device is gone. No request is accepted and no register touched from here on."""
        self.gone = event == SURPRISE_REMOVED

    def halt(self) -> Steps:
        """HALT-PF-01, -03, -04, GEN-HALT-02, -03: interrupts off, then everything back in reverse order, the VFs first."""
        self.halting = True
        if not self.gone:
            self.mask_interrupts()
            yield from self.handle.clear_flags(CTRL_EXT, CTRL_EXT.DRV_LOAD.mask)
            self.switch.abandon()
            yield from self.disable_virtualization()
        else:
            self.switch.lose()
        yield from self.release()

    def set_packet_filter(self, mask: int) -> Status:
        """Our own traffic flows from the first filter that is not empty."""
        opening, closing = mask and not self.packet_filter, self.packet_filter and not mask
        self.packet_filter = mask
        if self.pair is not None and opening:
            if self.rings is not None:
                self.rings.start()
            else:
                self.pair.start_agent()
        elif self.pair is not None and closing:
            self.pair.stop_agent()
        return Status.SUCCESS
