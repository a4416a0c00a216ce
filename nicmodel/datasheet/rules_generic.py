"""Rows: what every miniport does, PF and VF alike (GEN). Vocabulary: `datasheet.rule`."""

from __future__ import annotations

from nicmodel.datasheet.rule import BOTH, NDIS, NDIS_ONLY, SHOULD, Rule

INIT = "MiniportInitializeEx"
_DRIVER = "initializing-a-miniport-driver"
_ADAPTER = "initializing-a-miniport-adapter"
_INITIALIZE = "nc-ndis-miniport_initialize"
_ATTRIBUTES = "nf-ndis-ndismsetminiportattributes"
_REGISTRATION = "ns-ndis-_ndis_miniport_adapter_registration_attributes"
_STATES = "adapter-states-of-a-miniport-driver"
_REQUEST = "nc-ndis-miniport_oid_request"
_HALTING = "halting-a-miniport-adapter"

GENERIC: tuple[Rule, ...] = (
    Rule("GEN-DRV-01", BOTH, "DriverEntry", "The characteristics are zeroed, then filled with the NDIS version and an "
         "entry point or NULL for every handler.", _DRIVER),
    Rule("GEN-DRV-02", BOTH, "DriverEntry", "The driver registers with NdisMRegisterMiniportDriver and DriverEntry returns "
         "what that call returned.", _DRIVER),
    Rule("GEN-DRV-03", NDIS, "during registration", "MiniportSetOptions is called from inside the registration call.",
         _DRIVER),
    Rule("GEN-DRV-04", BOTH, "DriverEntry fails", "A DriverEntry that fails gives back everything it has allocated.",
         _DRIVER),
    Rule("GEN-DRV-05", BOTH, "after DriverEntry", "The driver is ready for MiniportInitializeEx from the moment "
         "DriverEntry returns.", _DRIVER, unchecked="a driver that is not ready fails in MiniportInitializeEx, where "
         "GEN-INIT judges it"),

    Rule("GEN-INIT-01", NDIS, INIT, "Initialisation runs at PASSIVE_LEVEL and no request, send or receive reaches the "
         "adapter before it returns.", f"{_ADAPTER}; {_INITIALIZE}", unchecked=NDIS_ONLY),
    Rule("GEN-INIT-02", BOTH, INIT, "The driver obtains its configuration: it opens it with NdisOpenConfigurationEx and "
         "reads it with NdisReadConfiguration.", f"{_ADAPTER}; {_INITIALIZE}"),
    Rule("GEN-INIT-03", BOTH, INIT, "The driver obtains its hardware resources before it uses them, bus data through "
         "NdisMGetBusData.", _ADAPTER),
    Rule("GEN-INIT-04", BOTH, "before any hardware or DMA resource", "Registration attributes are set with "
         "NdisMSetMiniportAttributes before anything claims hardware or DMA resources.",
         f"{_INITIALIZE}; ns-ndis-_ndis_miniport_adapter_registration_attributes", implies=("GEN-INIT-05", "GEN-INIT-08")),
    Rule("GEN-INIT-05", BOTH, "after registration attributes", "General attributes are set after the registration "
         "attributes and before any other attribute structure, always when the function will succeed.",
         f"{_INITIALIZE}; {_ATTRIBUTES}", implies=("GEN-INIT-06",)),
    Rule("GEN-INIT-06", BOTH, "after general attributes", "Every further attribute structure follows the general one, each "
         "in one call of its own.", _ATTRIBUTES),
    Rule("GEN-INIT-07", BOTH, "resource phase", "The usual order is memory, pools, locks, timers, ports, DMA, shared "
         "memory, interrupts.", _ADAPTER, SHOULD, unchecked="the page calls the order typical; what is compulsory in it is "
         "GEN-INIT-08 and -09"),
    Rule("GEN-INIT-08", BOTH, "resource phase", "A bus master calls NdisMRegisterScatterGatherDma after the registration "
         "attributes and before NdisMAllocateSharedMemory.", _INITIALIZE),
    Rule("GEN-INIT-09", BOTH, "from NdisMRegisterInterruptEx on", "Interrupt handlers may run at once, so everything they "
         "touch exists before they are registered.", _INITIALIZE),
    Rule("GEN-INIT-10", BOTH, "before success", "The driver tests that its hardware is configured properly, and waits only "
         "with NdisWaitEvent or NdisMSleep.", _INITIALIZE),
    Rule("GEN-INIT-11", BOTH, "return", "MiniportInitializeEx returns SUCCESS, NOT_ACCEPTED, RESOURCES or FAILURE and "
         "nothing else.", _INITIALIZE, implies=("VF-INIT-23",)),
    Rule("GEN-INIT-12", BOTH, "return with failure", "A failing driver releases every resource it has taken.", _ADAPTER),
    Rule("GEN-INIT-13", NDIS, "return with success", "The adapter is Paused until MiniportRestart moves it to Running.",
         _ADAPTER, tested="tests/ndis/test_adapter.py::test_a_restart_that_fails_leaves_the_adapter_paused"),
    Rule("GEN-INIT-14", BOTH, "general attributes", "SupportedOidList holds the mandatory requests and those that the "
         "driver's SR-IOV role must support.", "sr-iov-oids; mandatory-oids-for-miniport-drivers"),

    Rule("GEN-HANG-01", BOTH, "registration attributes", "The hang-check interval, rounded down to a multiple of 2 s (0 "
         "means 2 s), is longer than the initialisation takes.", _REGISTRATION),
    Rule("GEN-STATE-01", BOTH, "Paused", "A paused adapter indicates no frames and accepts none to send.", _STATES),
    Rule("GEN-STATE-02", BOTH, "MiniportPause", "Pausing cannot fail, and is over only when nothing is under way any more.",
         f"{_STATES}; nc-ndis-miniport_pause"),
    Rule("GEN-OID-01", NDIS, "MiniportOidRequest", "An adapter is given one request at a time.", _REQUEST),
    Rule("GEN-OID-02", BOTH, "MiniportOidRequest", "The call does not wait for hardware; it returns PENDING and completes "
         "later.", _REQUEST, unchecked="requests are steps that may take time in the model, so waiting inside one cannot "
         "be told from PENDING"),
    Rule("GEN-OID-03", BOTH, "MiniportOidRequest", "A request nobody knows is answered INVALID_OID, a known one that is "
         "not offered NOT_SUPPORTED.", _REQUEST),
    Rule("GEN-OID-04", BOTH, "between surprise removal and halt", "Every request is completed at once with NOT_ACCEPTED.",
         _REQUEST),
    Rule("GEN-OID-05", BOTH, "a reset meets a request", "A request that a reset interrupts is completed with "
         "REQUEST_ABORTED.", _REQUEST, unchecked="NDIS of the model gives a request up itself where a reset overtakes it"),
    Rule("GEN-OID-06", BOTH, "MiniportOidRequest", "The requests that are mandatory for every miniport are served; that "
         "they are listed is GEN-INIT-14.", "mandatory-oids-for-miniport-drivers"),
    Rule("GEN-RESET-01", BOTH, "MiniportResetEx", "A reset returns SUCCESS, PENDING, RESET_IN_PROGRESS, SOFT_ERRORS or "
         "HARD_ERRORS, after pending requests and sends were completed.", "nc-ndis-miniport_reset"),
    Rule("GEN-HALT-01", NDIS, "MiniportHaltEx", "An adapter is halted only after it was initialised, from Paused, with "
         "nothing outstanding.", _HALTING),
    Rule("GEN-HALT-02", BOTH, "MiniportHaltEx", "Halting undoes initialisation in reverse order and gives back everything.",
         f"{_HALTING}; nc-ndis-miniport_halt"),
    Rule("GEN-HALT-03", BOTH, "MiniportHaltEx after surprise removal", "The hardware is gone, and the driver does not "
         "touch it.", "nc-ndis-miniport_halt"),
)
