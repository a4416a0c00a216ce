"""Latencies and sizes that no profile changes, each with its source, or *assumed*."""

# MSI-X messages go to the platform's interrupt window below 4 GiB: a three-dword header. x86 platforms.
MSIX_ADDRESS = 0xFEE00000
MSIX_BYTES = 4

# Configuration accesses cost the issuing CPU this long, round trip; the link's bytes are not charged. assumed
CONFIG_ACCESS_PS = 1_000_000

# The VF window between VF Enable and the first access, and the drain after VF Disable, are 100 ms and 1 s on real
# hosts (PCIe base; Linux waits as long). The model divides both by this. assumed
WAIT_DIVISOR = 10_000
VF_ENABLE_SETTLE_PS = 100_000_000_000 // WAIT_DIVISOR
FLR_SETTLE_PS = 100_000_000_000 // WAIT_DIVISOR               # after a function level reset, likewise
VF_DISABLE_SETTLE_PS = 1_000_000_000_000 // WAIT_DIVISOR

# Guest memory starts here, so that DMA takes four-dword headers, as on hosts with more than 4 GiB. assumed
DOMAIN_BASE = 0x1_0000_0000

# A replay gives up what is missing once nothing has come for this long: more than a ring of 4096 frames of 9.5 KB takes
# at 10 Gb/s (32 ms). assumed
REPLAY_PATIENCE_PS = 50_000_000_000

# Drivers have this long, an adapter, to come to the end of what a bring-up asks of them, and so many steps of the simulation
# (one that waits in vain for a mailbox takes less than half as many); then they "do not return". assumed
DRIVER_PATIENCE_PS = 5_000_000_000_000
DRIVER_STEPS = 1_000_000

# A replay looks this often at what has come, and offers its next burst then: 16 frames of 1518 bytes at 10 Gb/s. assumed
REPLAY_STEP_PS = 20_000_000

# A guest and its virtual devices. No page gives a number; real hosts take milliseconds to seconds where `WAIT_DIVISOR` stands.
VPCI_MESSAGE_PS = 20_000_000                               # VPCI provider to client, one VMBus message. assumed
GUEST_PNP_PS = 100_000_000_000 // WAIT_DIVISOR             # device offered to its driver called: 100 ms, scaled. assumed
GRACEFUL_REMOVAL_PS = 5_000_000_000_000 // WAIT_DIVISOR    # then the device is removed by surprise: 5 s, scaled. assumed

# The synthetic path: host switch and VMBus. Orders of magnitude of a software switch: a frame takes half a microsecond of
# one host core, its way through the ring and the other side's wake-up some ten.
VMBUS_LATENCY_PS = 12_000_000        # host switch to NetVSC, or back. assumed
VMBUS_FRAME_PS = 300_000             # a guest's channel carries the next frame after this long. assumed
HOST_SWITCH_FRAME_PS = 500_000       # CPU time of the host switch, per frame and direction. assumed
HANDOVER_REACH_PS = 10_000_000       # a frame may have waited so long in a VF's ring when a hand-over takes it. assumed
HOST_SWITCH_POLL_PS = 5_000_000      # the host switch looks this often at what it has sent. assumed
