"""Configuration space of the physical function: an 82599 port. Facts only.

One-port model: header type 00, and no next function in ARI. Identity and values: public dumps of 82599
boards; layouts and access: PCI Express base specification.
"""

from __future__ import annotations

from nicmodel.datasheet.config_space import (
    FLR,
    HWINIT,
    RO,
    RW,
    RW1C,
    STICKY,
    W1,
    Capability,
    ConfigTable,
    bar,
)
from nicmodel.datasheet.config_space import ConfigField as Field
from nicmodel.datasheet.config_space import ConfigRegister as Register

BASE = "PCIe base, config chapter"
DUMP = "82599 config space"
BAR0_BYTES = 512 << 10       # 128 KB of registers and the flash window, the usual X520 size. 82599
BAR4_BYTES = 16 << 10        # MSI-X table and PBA. 82599
VF_BAR_BYTES = 16 << 10      # natural size of VF BAR0 (registers) and VF BAR3 (MSI-X). 82599
PF_BARS = {0: BAR0_BYTES, 4: BAR4_BYTES}               # implemented BARs, all 64-bit: number -> bytes
VF_BARS = {0: VF_BAR_BYTES, 3: VF_BAR_BYTES}
REGISTER_BAR = 0             # BAR0 of the PF and of a VF. 82599
PF_MSIX_BAR, VF_MSIX_BAR = 4, 3
MSIX_ENTRY_BYTES = 16        # address, data and control. PCIe base, config chapter
MSIX_PBA_OFFSET = 0x2000     # the table is at offset 0 of the same BAR. 82599

# First VF Offset by the ARI Capable Hierarchy bit, and the stride. Board dumps with and without ARI.
FIRST_VF_OFFSET = {1: 128, 0: 384}
VF_STRIDE = 2


def identity(vendor: int, device: int | str) -> tuple[Register, ...]:
    """Vendor and device; the rest of the identity is common to both kinds of function."""
    return (Register("VendorId", 0x00, 2, vendor, HWINIT, source=DUMP),
            Register("DeviceId", 0x02, 2, device, HWINIT, source=DUMP))


# What a PF and its VFs show alike.
STATUS = Register("Status", 0x06, 2, source=BASE, fields=(
    Field("InterruptStatus", 3, doc="INTx is not modelled: reads 0"),
    Field("CapabilityList", 4, reset=1),
    Field("MasterDataParityError", 8, 1, RW1C, doc="poison seen or sent while parity response is on"),
    Field("SignalledTargetAbort", 11, 1, RW1C), Field("ReceivedTargetAbort", 12, 1, RW1C),
    Field("ReceivedMasterAbort", 13, 1, RW1C), Field("SignalledSystemError", 14, 1, RW1C),
    Field("DetectedParityError", 15, 1, RW1C)))
CLASS = (Register("RevisionId", 0x08, 1, 0x01, HWINIT, source="82599 production parts"),
         Register("ClassCode", 0x09, 3, 0x020000, HWINIT, doc="Ethernet controller", source=DUMP))
SUBSYSTEM = (
    Register("SubsystemVendorId", 0x2C, 2, 0x8086, HWINIT, source="board vendor's choice; assumed Intel"),
    Register("SubsystemId", 0x2E, 2, 0x0003, HWINIT, source="board vendor's choice; assumed an X520 board"))

HEADER = (
    *identity(0x8086, "device_id"),
    Register("Command", 0x04, 2, source=BASE, fields=(
        Field("IoEnable", 0, doc="no I/O BAR: reads 0"),
        Field("MemoryEnable", 1, 1, RW, doc="MSE: gates decode of the memory BARs"),
        Field("BusMaster", 2, 1, RW, doc="BME: gates issue of memory requests, MSI-X messages included"),
        Field("ParityResponse", 6, 1, RW), Field("SerrEnable", 8, 1, RW), Field("IntxDisable", 10, 1, RW))),
    STATUS, *CLASS,
    Register("CacheLineSize", 0x0C, 1, access=RW, doc="no effect; firmware writes it", source=BASE),
    Register("LatencyTimer", 0x0D, 1, source=BASE),
    Register("HeaderType", 0x0E, 1, 0x00, HWINIT, doc="type 0, one physical function",
             source="82599 config space, one port"),
    Register("Bist", 0x0F, 1, source=BASE),
    *bar("Bar0", 0x10, BAR0_BYTES, DUMP),
    Register("Bar2", 0x18, 4, doc="the optional I/O BAR is left out", source=DUMP),
    Register("Bar3", 0x1C, 4, source=DUMP),
    *bar("Bar4", 0x20, BAR4_BYTES, DUMP),
    Register("CardbusCis", 0x28, 4, source=BASE),
    *SUBSYSTEM,
    Register("ExpansionRom", 0x30, 4, doc="left out", source="82599 config space, optional"),
    Register("CapabilityPointer", 0x34, 1, 0x40, source=DUMP),
    Register("InterruptLine", 0x3C, 1, access=RW, doc="software's scratch", source=BASE),
    Register("InterruptPin", 0x3D, 1, 0x01, HWINIT, doc="INTA; INTx messages are not modelled",
             source=DUMP),
)

PM = Capability("Pm", 0x01, 0x40, 0x50, source=DUMP, doc="power management", rows=(
    Register("Capabilities", 0x2, 2, 0x4823, doc="version 3, DSI, PME from D0 and D3hot; no D1, no D2",
             source=DUMP),
    Register("Control", 0x4, 2, source=DUMP, fields=(
        Field("PowerState", 0, 2, RW, doc="0 D0, 3 D3hot; 1 and 2 are dropped"),
        Field("NoSoftReset", 3, doc="0: D3hot to D0 resets the function"),
        Field("PmeEnable", 8, 1, RW, survives=STICKY), Field("DataSelect", 9, 4, RW),
        Field("DataScale", 13, 2, reset=1), Field("PmeStatus", 15, 1, RW1C, survives=STICKY))),
    Register("Data", 0x7, 1, doc="power data is not modelled: reads 0", source=BASE)))

MSI = Capability("Msi", 0x05, 0x50, 0x70, source=DUMP, doc="registers only; no message leaves", rows=(
    Register("Control", 0x2, 2, source=DUMP, fields=(
        Field("Enable", 0, 1, RW), Field("MultipleCapable", 1, 3), Field("MultipleEnable", 4, 3, RW),
        Field("Address64", 7, reset=1), Field("PerVectorMask", 8, reset=1))),
    Register("AddressLow", 0x4, 4, source=BASE, fields=(Field("Address", 2, 30, RW),)),
    Register("AddressHigh", 0x8, 4, access=RW, source=BASE),
    Register("Data", 0xC, 2, access=RW, source=BASE),
    Register("Mask", 0x10, 4, source=BASE, fields=(Field("Vector0", 0, 1, RW),)),
    Register("Pending", 0x14, 4, source=BASE)))


def msix(size: str, table_bar: int, source: str) -> Capability:
    """MSI-X at 70: table at offset 0 and PBA at offset 2000h of one BAR."""
    return Capability("Msix", 0x11, 0x70, 0xA0, source=source, rows=(
        Register("Control", 0x2, 2, source=source, fields=(
            Field("TableSize", 0, 11, HWINIT, size, doc="vectors - 1"),
            Field("FunctionMask", 14, 1, RW), Field("Enable", 15, 1, RW))),
        Register("Table", 0x4, 4, source=source, fields=(
            Field("Bir", 0, 3, HWINIT, table_bar), Field("Offset", 3, 29, HWINIT, 0))),
        Register("Pba", 0x8, 4, source=source, fields=(
            Field("Bir", 0, 3, HWINIT, table_bar), Field("Offset", 3, 29, HWINIT, MSIX_PBA_OFFSET >> 3)))))


MSIX = msix("pf_vectors_minus_1", PF_MSIX_BAR, DUMP)

# Read alike in PF and VF.
EXPRESS_CAPABILITIES = Register("Capabilities", 0x02, 2, source=DUMP, fields=(
    Field("Version", 0, 4, HWINIT, 2), Field("PortType", 4, 4, HWINIT, 0, doc="endpoint"),
    Field("InterruptMessage", 9, 5, HWINIT, 0)))
DEV_CAP = Register("DevCap", 0x04, 4, source=DUMP, fields=(
    Field("MaxPayload", 0, 3, HWINIT, "max_payload_code"), Field("Phantom", 3, 2, doc="0, as ARI demands"),
    Field("ExtendedTag", 5, 1, HWINIT, "extended_tags"),
    Field("L0sLatency", 6, 3, HWINIT, 3, doc="below 512 ns"),
    Field("L1Latency", 9, 3, HWINIT, 6, doc="below 64 us"), Field("RoleBasedErrors", 15, reset=1),
    Field("SlotPower", 18, 10), Field("Flr", 28, reset=1, doc="function-level reset, mandatory with SR-IOV")))
DEV_STA = Register("DevSta", 0x0A, 2, source=BASE, fields=(
    Field("CorrectableDetected", 0, 1, RW1C), Field("NonFatalDetected", 1, 1, RW1C),
    Field("FatalDetected", 2, 1, RW1C), Field("UnsupportedRequestDetected", 3, 1, RW1C),
    Field("AuxPower", 4), Field("TransactionsPending", 5, doc="a non-posted request is unanswered")))
LINK_CAP = Register("LinkCap", 0x0C, 4, source="82599 config space; speed and width of the profile", fields=(
    Field("MaxSpeed", 0, 4, HWINIT, "max_speed"), Field("MaxWidth", 4, 6, HWINIT, "max_width"),
    Field("Aspm", 10, 2, HWINIT, 1, doc="L0s"), Field("L0sExit", 12, 3, HWINIT, 3),
    Field("L1Exit", 15, 3, HWINIT, 4), Field("PortNumber", 24, 8, HWINIT, 0)))
DEV_CAP2 = Register("DevCap2", 0x24, 4, source=DUMP, fields=(
    Field("TimeoutRanges", 0, 4, HWINIT, 0xF, doc="A to D"), Field("TimeoutDisable", 4, reset=1)))
LINK_CAP2 = Register("LinkCap2", 0x2C, 4, source=BASE, fields=(
    Field("Speeds", 1, 7, HWINIT, "speeds_vector"),))

EXPRESS = Capability("Express", 0x10, 0xA0, 0xE0, source=DUMP, doc="PCI Express, v2 layout", rows=(
    EXPRESS_CAPABILITIES, DEV_CAP,
    Register("DevCtl", 0x08, 2, source=DUMP, fields=(
        Field("CorrectableReport", 0, 1, RW), Field("NonFatalReport", 1, 1, RW),
        Field("FatalReport", 2, 1, RW), Field("UnsupportedReport", 3, 1, RW),
        Field("RelaxedOrdering", 4, 1, RW, 1),
        Field("MaxPayload", 5, 3, RW, 0, FLR, "0 = 128 B, doubling per step; legal up to DevCap's"),
        Field("ExtendedTag", 8, 1, RW, 0, doc="8-bit tags; resets to 0 as on parts before PCIe 4.0"),
        Field("Phantom", 9), Field("AuxPower", 10), Field("NoSnoop", 11, 1, RW, 1),
        Field("MaxReadRequest", 12, 3, RW, 2, doc="0 = 128 B, doubling per step"),
        Field("InitiateFlr", 15, 1, W1, doc="function-level reset"))),
    DEV_STA, LINK_CAP,
    Register("LinkCtl", 0x10, 2, source=BASE, fields=(
        Field("Aspm", 0, 2, RW, 0, FLR), Field("Rcb", 3, 1, RW, 0, FLR, "0 = 64 B, 1 = 128 B"),
        Field("CommonClock", 6, 1, RW, 0, FLR), Field("ExtendedSynch", 7, 1, RW, 0, FLR))),
    Register("LinkSta", 0x12, 2, source="PCIe base; what the model's link negotiated", fields=(
        Field("Speed", 0, 4, HWINIT, "speed"), Field("Width", 4, 6, HWINIT, "width"),
        Field("SlotClock", 12, reset=1))),
    DEV_CAP2,
    Register("DevCtl2", 0x28, 2, source=DUMP, fields=(
        Field("TimeoutValue", 0, 4, RW, doc="0 = 50 us to 50 ms"), Field("TimeoutDisable", 4, 1, RW))),
    LINK_CAP2,
    Register("LinkCtl2", 0x30, 2, source="82599 config space (target speed)", fields=(
        Field("TargetSpeed", 0, 4, RW, "max_speed", STICKY),)),
    Register("LinkSta2", 0x32, 2, source=BASE)))

VPD = Capability("Vpd", 0x03, 0xE0, 0x00, source="82599 config space, optional", rows=(
    Register("Address", 0x2, 2, source=BASE, fields=(
        Field("Address", 2, 13, RW, doc="byte address into the VPD image, whole dwords"),
        Field("Flag", 15, 1, RW, doc="write 0 to read, 1 to write; reads inverted once done, here at once"))),
    Register("Data", 0x4, 4, doc="live: the dword at Address; the image is write-protected", source=BASE)))


def vpd_image(name: bytes) -> bytes:
    """Identifier string, read-only section with its checksum, end tag. PCI base, vital product data."""
    head = b"\x82" + len(name).to_bytes(2, "little") + name + b"\x90\x04\x00RV\x01"
    return head + bytes([-sum(head) & 0xFF]) + b"\x78"


VPD_IMAGE = vpd_image(b"nicmodel 82599-compatible adapter")       # board vendor's choice, assumed

# (bit, name) of AER's error registers. PCIe base, AER chapter.
UNCORRECTABLE = ((4, "DataLinkProtocol"), (5, "SurpriseDown"), (12, "PoisonedTlp"), (13, "FlowControl"),
                 (14, "CompletionTimeout"), (15, "CompleterAbort"), (16, "UnexpectedCompletion"),
                 (17, "ReceiverOverflow"), (18, "MalformedTlp"), (19, "Ecrc"), (20, "UnsupportedRequest"))
CORRECTABLE = ((0, "Receiver"), (6, "BadTlp"), (7, "BadDllp"), (8, "ReplayRollover"), (12, "ReplayTimer"),
               (13, "AdvisoryNonFatal"))
FATAL = ("DataLinkProtocol", "FlowControl", "ReceiverOverflow", "MalformedTlp")   # 82599 board listings
MASKED = ("AdvisoryNonFatal",)                                                    # 82599 board listings


def errors(bits: tuple[tuple[int, str], ...], access: str, ones: tuple[str, ...] = ()) -> tuple[Field, ...]:
    """One sticky field per error bit; those named in `ones` reset to 1."""
    return tuple(Field(name, bit, 1, access, int(name in ones), STICKY) for bit, name in bits)


AER_SOURCE = "PCIe base, AER chapter"
AER_LOGS = (
    Register("UncorrectableStatus", 0x04, 4, fields=errors(UNCORRECTABLE, RW1C), source=AER_SOURCE),
    Register("CorrectableStatus", 0x10, 4, fields=errors(CORRECTABLE, RW1C), source=AER_SOURCE),
    *(Register(f"HeaderLog{n}", 0x1C + 4 * n, 4, survives=STICKY, source=AER_SOURCE) for n in range(4)))
AER = Capability("Aer", 0x0001, 0x100, 0x140, 1, source=DUMP, rows=(
    *AER_LOGS,
    Register("UncorrectableMask", 0x08, 4, fields=errors(UNCORRECTABLE, RW), source=AER_SOURCE),
    Register("UncorrectableSeverity", 0x0C, 4, fields=errors(UNCORRECTABLE, RW, FATAL), doc="1: fatal",
             source="82599 board listings"),
    Register("CorrectableMask", 0x14, 4, fields=errors(CORRECTABLE, RW, MASKED),
             source="82599 board listings"),
    Register("Control", 0x18, 4, source="82599 board listings (ECRC capable)", fields=(
        Field("FirstError", 0, 5, RO, 0, STICKY), Field("EcrcGenerateCapable", 5, reset=1),
        Field("EcrcGenerate", 6, 1, RW, 0, STICKY), Field("EcrcCheckCapable", 7, reset=1),
        Field("EcrcCheck", 8, 1, RW, 0, STICKY)))))

DSN = Capability("Dsn", 0x0003, 0x140, 0x150, 1, source=DUMP, doc="serial number, EUI-64", rows=(
    Register("Low", 0x4, 4, "serial_low", HWINIT, source="82599: made of the MAC address"),
    Register("High", 0x8, 4, "serial_high", HWINIT, source="82599: made of the MAC address")))


def ari(next_capability: int, source: str) -> Capability:
    """ARI at 150. No function groups, no next function: one port, and VFs are never on that chain."""
    return Capability("Ari", 0x000E, 0x150, next_capability, 1, source=source, rows=(
        Register("Capability", 0x4, 2, source=source, fields=(
            Field("MfvcGroups", 0), Field("AcsGroups", 1), Field("NextFunction", 8, 8))),
        Register("Control", 0x6, 2, source=BASE, doc="no groups to enable")))


ARI = ari(0x160, "82599 config space, one port")

SRIOV = Capability("Sriov", 0x0010, 0x160, 0x000, 1, source=DUMP, rows=(
    Register("Capabilities", 0x04, 4, doc="no VF migration; ARI hierarchy not preserved (assumed)",
             source=DUMP),
    Register("Control", 0x08, 2, source="PCIe base, SR-IOV chapter", fields=(
        Field("VfEnable", 0, 1, RW, doc="VFs exist while it is 1"), Field("MigrationEnable", 1),
        Field("MigrationInterrupt", 2),
        Field("VfMemoryEnable", 3, 1, RW, doc="VF MSE: one gate for the windows of all VFs"),
        Field("AriHierarchy", 4, 1, RW, doc="may change only while VF Enable is 0"))),
    Register("Status", 0x0A, 2, source="PCIe base, SR-IOV chapter"),
    Register("InitialVfs", 0x0C, 2, "total_vfs", HWINIT, source=DUMP),
    Register("TotalVfs", 0x0E, 2, "total_vfs", HWINIT, source=DUMP),
    Register("NumVfs", 0x10, 2, access=RW, doc="held while VF Enable is 1; values above TotalVFs are dropped",
             source="PCIe base, SR-IOV chapter"),
    Register("DependencyLink", 0x12, 1, 0, HWINIT, doc="own function number", source=DUMP),
    Register("FirstVfOffset", 0x14, 2, FIRST_VF_OFFSET[0], doc="128 with the ARI bit, 384 without",
             source="82599 board dumps"),
    Register("VfStride", 0x16, 2, VF_STRIDE, source=DUMP),
    Register("VfDeviceId", 0x1A, 2, "vf_device_id", HWINIT, source=DUMP),
    Register("SupportedPageSizes", 0x1C, 4, 0x553, HWINIT, doc="bit n: 2^(12 + n) bytes",
             source=DUMP),
    Register("SystemPageSize", 0x20, 4, 1, RW, doc="one bit of the supported ones; held while VF Enable is 1",
             source="PCIe base, SR-IOV chapter"),
    *bar("VfBar0", 0x24, VF_BAR_BYTES, DUMP),
    Register("VfBar2", 0x2C, 4, source=DUMP),
    *bar("VfBar3", 0x30, VF_BAR_BYTES, DUMP),
    Register("VfBar5", 0x38, 4, source=DUMP),
    Register("MigrationState", 0x3C, 4, source=DUMP)))

PF = ConfigTable("PF", HEADER, (PM, MSI, MSIX, EXPRESS, VPD, AER, DSN, ARI, SRIOV))
