"""Frames of NDIS through a VF: NET_BUFFER_LISTs to send and to indicate, over rings that the driver runs itself.

Whoever hands over a list owns it again when we complete it; a list that we indicate is ours again when it comes back. With
rings in the hands of agents there is no place for a list, and it fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drivers.miniport import US
from drivers.rings import DRAIN_PATIENCE_PS, PythonRings, QueuePair
from drivers.vf_hardware import VfHardware
from nicmodel.datasheet.ndis import Status
from nicmodel.ndis.net_buffers import NetBufferList
from nicmodel.pcie.handle import Steps

LOOK_PS = 10 * US                        # how often a pause looks whether every list is back


class VfFrames(VfHardware):
    """MiniportSendNetBufferLists, MiniportReturnNetBufferLists and MiniportCancelSend of a VF."""

    rings: list[PythonRings]
    pairs: list[QueuePair]
    running: bool
    recovering: bool
    packet_filter: int
    lent: int = 0                        # lists that we indicated and that are not back

    def send_net_buffer_lists(self, lists: Sequence[NetBufferList]) -> None:
        """NBL-01, -02, -03: queued on the first ring, or completed at once with the reason."""
        for each in lists:
            status = self.why_not(each)
            if status is None:
                self.rings[0].send([each.frame], each)
            else:
                self.complete_sends([each], status)

    def why_not(self, each: NetBufferList) -> Status | None:
        """The status of a list that cannot be sent now; None for one that can."""
        if not self.running:
            return Status.PAUSED
        if self.recovering:
            return Status.RESET_IN_PROGRESS
        if not self.rings or not self.packet_filter:
            return Status.FAILURE
        good = 0 < len(each.frame) <= self.rings[0].pair.settings.tx_stride
        return None if good else Status.INVALID_LENGTH

    def complete_sends(self, lists: Sequence[NetBufferList], status: Status) -> None:
        """NBL-01: theirs again."""
        for each in lists:
            each.status = status
        if lists:
            self.ndis.NdisMSendNetBufferListsComplete(list(lists))

    def cancel_send(self, cancel_id: Any) -> None:
        """NBL-01: what is marked and waits for a descriptor is not sent; what the hardware has is sent."""
        for rings in self.rings:
            self.complete_sends(rings.withdraw(lambda each: each.cancel_id == cancel_id), Status.SEND_ABORTED)

    def indicate(self, frames: list[bytes]) -> None:
        """NBL-05: a new list a frame if a protocol takes lists, else the bare frames."""
        if not self.ndis.has_binding():
            self.ndis.NdisMIndicateReceiveNetBufferLists(frames)
            return
        lists = [NetBufferList(frame) for frame in frames]
        self.lent += len(lists)
        self.ndis.NdisMIndicateReceiveNetBufferLists(lists)

    def return_net_buffer_lists(self, lists: Sequence[NetBufferList]) -> None:
        """NBL-04: one step nearer to the end of a pause."""
        self.lent -= len(lists)

    def abort_sends(self, status: Status = Status.RESET_IN_PROGRESS) -> None:
        """NBL-01, GEN-RESET-01: what a reset has swept away is completed before the reset is."""
        for rings in self.rings:
            self.complete_sends(rings.withdraw_all(), status)

    def finish_frames(self) -> Steps:
        """NBL-04: sends that are under way end, those that cannot are given up; then lists that were indicated come back."""
        deadline = self.ndis.env.now + DRAIN_PATIENCE_PS
        while not all(rings.idle for rings in self.rings) and self.ndis.env.now < deadline and self.pairs[0].is_open:
            yield self.ndis.NdisMSleep(LOOK_PS)
            for rings in self.rings:
                rings.reap_sent()
        self.abort_sends(Status.FAILURE)
        while self.lent:
            yield self.ndis.NdisMSleep(LOOK_PS)
