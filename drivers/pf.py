"""The PF miniport: parent partition, static or dynamic switch creation, and the adapter behind every VF.

`INITIALIZE` follows the seven steps of Microsoft's guidelines for a PF's MiniportInitializeEx; each step's
docstring begins with the rule ids it serves (datasheet.rules). Features and capabilities are in `pf_features`, requests
come in through `pf_requests`, the switch is in `pf_switch`, the VFs' mailboxes in `pf_mailbox`; reset, power and halt are in
`pf_life`. The driver sees NDIS, its handle and the datasheet, nothing inside the device.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drivers.miniport import MiniportBase, StepList
from drivers.pf_blocks import PfBlocks
from drivers.pf_features import PfFeatures
from drivers.pf_functions import PfFunctions
from drivers.pf_hardware import PfHardware
from drivers.pf_life import PfLife
from drivers.pf_mailbox import PfMailbox
from drivers.pf_requests import Serve
from drivers.pf_switch import NicSwitch
from drivers.rings import PythonRings, QueuePair, RingSettings
from nicmodel.datasheet import ndis as n
from nicmodel.datasheet.ethernet import STANDARD_FRAME
from nicmodel.datasheet.ndis import Oid, PartitionType, RequestType, Status
from nicmodel.datasheet.ndis_structures import AddDeviceRegistrationAttributes, made
from nicmodel.datasheet.registers_pf import EICR, LINKS
from nicmodel.pcie.handle import Steps

QUERY, SET, METHOD = RequestType
MESSAGES = 2


@dataclass(frozen=True)
class PfSettings:
    """What a user chooses of the PF's driver.

    ``max_vfs`` is what the adapter supports (the PF keeps a pool); ``pf_vports`` of their pools may go to further VPorts
    of the PF instead. ``mac_slots`` are the address filters that the hardware has; ``max_frame_bytes`` includes FCS and a tag.
    ``rings`` opens the PF's own queue pair for traffic; without it the PF only serves its VFs. ``itr_ps`` throttles its
    interrupts, as in `VfSettings`.
    """

    max_vfs: int = 63
    pf_vports: int = 0
    mac_slots: int = 128
    max_frame_bytes: int = STANDARD_FRAME
    rings: RingSettings | None = None
    python_rings: bool = False
    itr_ps: int = 0
    link_gbps: int = 10
    drop_without_descriptor: bool = True
    anti_spoofing: bool = False          # a VF sends from the addresses, and in the VLANs, of its filters only
    vport_moderation: bool = True        # interrupts are throttled VPort by VPort
    vf_rss: bool = False                 # the hardware gives every pool receive side scaling of its own


class PfMiniport(PfLife, PfFunctions):
    """The PF's driver. It creates its switch statically, during initialisation."""

    switch_creation = "static"
    ROLE_OIDS = n.PF_OIDS

    def __init__(self, ndis: Any, handle: Any, settings: PfSettings | None = None):
        super().__init__(ndis, handle, settings or PfSettings())
        self.features: frozenset[str] = frozenset()
        self.max_num_vfs = 0
        self.pooled = False
        self.switch = NicSwitch(self, 0, self.settings.mac_slots, self.settings.pf_vports)
        self.mailbox = PfMailbox(self, self.switch)
        self.blocks = PfBlocks(self, self.switch)
        self.pair: QueuePair | None = None
        self.rings: PythonRings | None = None
        self._service: Any = None                # the running mailbox service, if any
        self._again = False                      # news came while it ran
        self._context = 0

    # DriverEntry and MiniportAddDevice -------------------------------------------------------------------

    def driver_entry(self) -> Status:
        """PF-INIT-01: optional PnP handlers are set from inside MiniportSetOptions."""
        return self.ndis.NdisMRegisterMiniportDriver(MajorNdisVersion=6, MinorNdisVersion=30,
                                                     SetOptionsHandler=self.set_options)

    def set_options(self) -> Status:
        """PF-INIT-01: we want MiniportAddDevice, and a say in our resources."""
        return self.ndis.NdisSetOptionalHandlers(
            AddDevice=self.add_device, RemoveDevice=self.remove_device, StartDevice=self.start_device,
            FilterResourceRequirements=self.filter_resource_requirements)

    def add_device(self) -> Status:
        """PF-INIT-02, -03, -04: software only; the context goes to NDIS."""
        self._context = self.ndis.NdisAllocateMemory(64)
        return self.ndis.NdisMSetMiniportAttributes(made(AddDeviceRegistrationAttributes,
                                                         MiniportAddDeviceContext=self._context))

    def filter_resource_requirements(self, wanted: Any) -> Status:
        """INTR-04, -10: two messages are all we use, one for our queues and one for everything else."""
        wanted.messages = min(wanted.messages, MESSAGES)
        return Status.SUCCESS

    def start_device(self) -> Status:
        """PF-INIT-03: nothing to do before MiniportInitializeEx."""
        return Status.SUCCESS

    def remove_device(self) -> None:
        """PF-INIT-04: undo MiniportAddDevice."""
        self.ndis.NdisFreeMemory(self._context)

    # MiniportInitializeEx ------------------------------------------------------------------------------

    def check_partition(self) -> Status:
        """PF-INIT-05, -06: a PF lives in the parent; without Hyper-V it is an ordinary NIC."""
        self.home = self.partition()
        return Status.FAILURE if self.home in (None, PartitionType.MS_HV_CHILD) else Status.SUCCESS

    def choose_vfs(self) -> None:
        """PF-INIT-12: as many VFs as the keywords ask for, from the start."""
        self.pooled = self.sriov
        self.switch.num_vfs = self.max_num_vfs if self.sriov and n.NUM_VFS in self.configuration else 0

    def register_interrupts(self) -> Steps:
        """GEN-INIT-09: one queue message and one for everything else."""
        return (yield from self.register_handlers([self.on_queue, self.on_other]))

    def create_nic_switch(self) -> Steps:
        """PF-INIT-12, SWITCH-08: only now, with the hardware configured, do the VFs appear."""
        status = yield from self.enable_virtualization()
        if status == Status.SUCCESS:
            self.hold(self.disable_virtualization)
        return status

    INITIALIZE: StepList = (
        check_partition,
        PfFeatures.read_configuration,
        PfFeatures.decide_features,
        choose_vfs,
        MiniportBase.set_registration_attributes,
        MiniportBase.obtain_resources,
        PfHardware.reset_adapter,
        MiniportBase.set_general_attributes,
        PfFeatures.report_capabilities,
        MiniportBase.register_dma,
        PfHardware.allocate_rings,
        register_interrupts,
        PfLife.configure_hardware,
        create_nic_switch,
    )

    # MiniportRestart and MiniportPause -------------------------------------------------------------------

    RESTART: StepList = (PfHardware.open_data_path, PfHardware.route_interrupts, PfHardware.announce,
                         PfHardware.report_link)

    def restart(self) -> Steps:
        """The data path opens: every step of RESTART in order. VFs learn of it, and may talk to us from then on."""
        status = yield from super().restart()
        self._running = status == Status.SUCCESS
        return status

    def pause(self) -> Steps:
        """GEN-STATE-02: our own rings stop; the VFs' do not."""
        self._running = False
        self.set_packet_filter(0)
        if self.pair is not None and not self.gone:
            yield from self.pair.close()

    # interrupts ----------------------------------------------------------------------------------------

    def on_queue(self, vector: int) -> None:
        """Rings that Python runs are served here; those of an agent never interrupt us."""
        if self.rings is not None and self.packet_filter:
            self.rings.interrupt()

    def on_other(self, vector: int) -> None:
        """Serve the mailboxes, or look at the link; news that come meanwhile make one more round."""
        self._again = True
        if self.switch.created and self._service is None and self.available:
            self._service = self.ndis.env.process(self.attend(self._serve()))

    def _serve(self) -> Steps:
        while self._again and self.available:
            self._again = False
            self.handle.write(EICR, EICR.MAILBOX.mask)            # news from here on send another message
            if not (yield from self.mailbox.service()):
                yield from self.look_at_link()                    # whoever asked for us was no VF
        self._service = None

    def look_at_link(self) -> Steps:
        """G-14, BACKCH-06: a link that has changed is NDIS's to know, and every VF's."""
        up = bool((yield self.handle.read(LINKS)) & LINKS.UP.mask)
        if up is not self.blocks.link_up and self.available:
            self.handle.write(EICR, EICR.LSC.mask)
            self.indicate_link(up)
            yield from self.mailbox.ping()

    # the switch ----------------------------------------------------------------------------------------

    def create_switch(self, parameters: Any) -> Status | Steps:
        """SWITCH-03: what was configured at initialisation, or nothing."""
        return self.switch.create(parameters)

    def delete_switch(self, parameters: Any) -> Status | Steps:
        """SWITCH-13: software goes now, hardware at halt."""
        return self.switch.delete(parameters.SwitchId)

    # requests ------------------------------------------------------------------------------------------

    def generic_request(self, kind: RequestType, oid: Oid, buffer: Any) -> Status | Steps:
        """The packet filter and our own power; whatever else is common to all miniports."""
        if (kind, oid) == (RequestType.SET, Oid.GEN_CURRENT_PACKET_FILTER):
            return self.set_packet_filter(buffer)
        if (kind, oid) == (RequestType.SET, Oid.PNP_SET_POWER):
            return self.set_power(buffer)
        could = self.moderates_vports
        status = self.common_request(kind, oid, buffer)
        if self.moderates_vports is not could:
            self.indicate_capabilities()
        return status

    def indicate_link(self, up: bool) -> None:
        """BACKCH-06: NDIS learns of the link, and so does every VF."""
        super().indicate_link(up)
        self.blocks.link_changed(up)

    SERVED: dict[tuple[RequestType, Oid], Serve] = {
        (METHOD, Oid.NIC_SWITCH_CREATE_SWITCH): lambda pf, r: pf.create_switch(r.information),
        (SET, Oid.NIC_SWITCH_DELETE_SWITCH): lambda pf, r: pf.delete_switch(r.information),
        (SET, Oid.NIC_SWITCH_PARAMETERS): lambda pf, r: pf.switch.set_parameters(r.information),
        (METHOD, Oid.NIC_SWITCH_CREATE_VPORT): lambda pf, r: pf.switch.create_vport(r.information),
        (SET, Oid.NIC_SWITCH_VPORT_PARAMETERS): lambda pf, r: pf.switch.set_vport(r.information),
        (SET, Oid.NIC_SWITCH_DELETE_VPORT): lambda pf, r: pf.switch.delete_vport(r.information.VPortId),
        (METHOD, Oid.NIC_SWITCH_ALLOCATE_VF): lambda pf, r: pf.switch.allocate_vf(r.information),
        (SET, Oid.NIC_SWITCH_FREE_VF): lambda pf, r: pf.switch.free_vf(r.information.VFId),
        (METHOD, Oid.SRIOV_READ_VF_CONFIG_SPACE): lambda pf, r: pf.read_config_space(r),
        (SET, Oid.SRIOV_WRITE_VF_CONFIG_SPACE): lambda pf, r: pf.write_config_space(r),
        (METHOD, Oid.SRIOV_READ_VF_CONFIG_BLOCK): lambda pf, r: pf.blocks.read(r),
        (SET, Oid.SRIOV_WRITE_VF_CONFIG_BLOCK): lambda pf, r: pf.blocks.write(r),
        (SET, Oid.SRIOV_RESET_VF): lambda pf, r: pf.reset_vf(r.information.VFId),
        (SET, Oid.SRIOV_SET_VF_POWER_STATE): lambda pf, r: pf.set_vf_power(r.information),
        (METHOD, Oid.SRIOV_VF_VENDOR_DEVICE_ID): lambda pf, r: pf.vendor_device_id(r),
        (QUERY, Oid.SRIOV_PROBED_BARS): lambda pf, r: pf.probed_bars(r),
        (METHOD, Oid.SRIOV_BAR_RESOURCES): lambda pf, r: pf.bar_resources(r),
        (METHOD, Oid.RECEIVE_FILTER_SET_FILTER): lambda pf, r: pf.switch.filters.set(r),
        (SET, Oid.RECEIVE_FILTER_CLEAR_FILTER): lambda pf, r: pf.switch.filters.clear(r.information),
        (SET, Oid.RECEIVE_FILTER_MOVE_FILTER): lambda pf, r: pf.switch.filters.move(r.information),
    }
    """OID-02: every request of the PF's, by kind; a test holds it against the table of requests."""


class DynamicPfMiniport(PfMiniport):
    """The PF's driver that creates its switch, and its VFs, when NDIS asks for a switch."""

    switch_creation = "dynamic"
    INITIALIZE: StepList = tuple(step for step in PfMiniport.INITIALIZE
                                 if step not in (PfMiniport.choose_vfs, PfMiniport.create_nic_switch))
    CREATE_SWITCH: StepList = (PfHardware.configure_pools, PfHardware.open_default_pool,
                               PfLife.enable_virtualization)
    LEAVE_SWITCH: StepList = (PfHardware.leave_pools, PfHardware.open_default_pool)

    def create_switch(self, parameters: Any) -> Steps:
        """SWITCH-04, -08, PF-INIT-13: validate, configure, and only then let the VFs appear; a failure leaves nothing."""
        if not self.switch.accepts(parameters) or parameters.NumVFs > self.max_num_vfs:
            return Status.INVALID_PARAMETER
        self.close_default_pool()
        self.pooled, self.switch.num_vfs = True, parameters.NumVFs
        status = yield from self.run(self.CREATE_SWITCH)
        if status != Status.SUCCESS:
            yield from self.undo_switch()
            return status
        return self.switch.give_birth(parameters.SwitchFriendlyName.text)

    def delete_switch(self, parameters: Any) -> Steps:
        """SWITCH-12, -13: virtualization off and hardware free first; then the software, and the default VPort with it."""
        if not self.switch.is_idle(parameters.SwitchId):
            return Status.INVALID_PARAMETER
        status = yield from self.undo_switch()
        return self.switch.delete(parameters.SwitchId) if status == Status.SUCCESS else status

    def undo_switch(self) -> Steps:
        """The adapter as it was before CREATE_SWITCH; if virtualization cannot be turned off, as it is."""
        status = yield from self.disable_virtualization()
        if status != Status.SUCCESS:
            return status
        self.close_default_pool()
        self.pooled, self.switch.num_vfs = False, 0
        return (yield from self.run(self.LEAVE_SWITCH))


PF_MINIPORTS: dict[str, type[PfMiniport]] = {each.switch_creation: each for each in (PfMiniport, DynamicPfMiniport)}
"""Both ways of creating the switch, by their names in a scenario."""
