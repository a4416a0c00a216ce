"""Configuration space of a virtual function. Facts only; layouts shared with the PF come from its table.

No public dump of an 82599 VF exists. Where the 82599 is silent the rows follow the SR-IOV chapter of the PCI
Express base specification and the sibling parts (82576, I350), marked *assumed*. The erratum by which a VF's
DevCap reads 0 is not modelled.
"""

from __future__ import annotations

from nicmodel.datasheet.config_pf import (
    AER_LOGS,
    AER_SOURCE,
    CLASS,
    DEV_CAP,
    DEV_CAP2,
    DEV_STA,
    EXPRESS_CAPABILITIES,
    LINK_CAP,
    LINK_CAP2,
    STATUS,
    SUBSYSTEM,
    VF_MSIX_BAR,
    ari,
    identity,
    msix,
)
from nicmodel.datasheet.config_space import RO, RW, STICKY, W1, Capability, ConfigTable
from nicmodel.datasheet.config_space import ConfigField as Field
from nicmodel.datasheet.config_space import ConfigRegister as Register

SRIOV = "PCIe base, SR-IOV chapter"
SIBLINGS = "assumed: as in the 82576 and I350"

HEADER = (
    *identity(0xFFFF, 0xFFFF),
    Register("Command", 0x04, 2, source=SRIOV, doc="MSE is the PF's VF MSE; INTx does not exist", fields=(
        Field("IoEnable", 0), Field("MemoryEnable", 1),
        Field("BusMaster", 2, 1, RW, doc="BME of this VF alone; the PF's has no effect on it"))),
    STATUS, *CLASS,
    Register("CacheLineSize", 0x0C, 1, source=SRIOV), Register("LatencyTimer", 0x0D, 1, source=SRIOV),
    Register("HeaderType", 0x0E, 1, source=SRIOV), Register("Bist", 0x0F, 1, source=SRIOV),
    *(Register(f"Bar{n}", 0x10 + 4 * n, 4, doc="VF BARs live in the PF's capability", source=SRIOV)
      for n in range(6)),
    Register("CardbusCis", 0x28, 4, source=SRIOV),
    *SUBSYSTEM,
    Register("ExpansionRom", 0x30, 4, source=SRIOV),
    Register("CapabilityPointer", 0x34, 1, 0x70, source=SIBLINGS),
    Register("InterruptLine", 0x3C, 1, source=SRIOV),
    Register("InterruptPin", 0x3D, 1, doc="a VF never sends INTx", source=SRIOV),
)

MSIX = msix("vf_vectors_minus_1", VF_MSIX_BAR, "82599: 3 vectors; BIR and offsets as in siblings (assumed)")

EXPRESS = Capability("Express", 0x10, 0xA0, 0x00, source=SIBLINGS, rows=(
    EXPRESS_CAPABILITIES, DEV_CAP,
    Register("DevCtl", 0x08, 2, doc="the PF's settings govern; only FLR is real", source=SRIOV, fields=(
        Field("InitiateFlr", 15, 1, W1, doc="resets this VF alone"),)),
    DEV_STA, LINK_CAP,
    Register("LinkCtl", 0x10, 2, source=SRIOV),
    Register("LinkSta", 0x12, 2, doc="reads 0: a VF has no link of its own", source=SRIOV),
    DEV_CAP2,
    Register("DevCtl2", 0x28, 2, doc="the PF's settings govern", source=SRIOV),
    LINK_CAP2,
    Register("LinkCtl2", 0x30, 2, source=SRIOV),
    Register("LinkSta2", 0x32, 2, source=SRIOV)))

AER = Capability("Aer", 0x0001, 0x100, 0x150, 1, source=SIBLINGS, doc="own status and log", rows=(
    *AER_LOGS,
    Register("UncorrectableMask", 0x08, 4, doc="the PF's governs", source=SRIOV),
    Register("UncorrectableSeverity", 0x0C, 4, doc="the PF's governs", source=SRIOV),
    Register("CorrectableMask", 0x14, 4, doc="the PF's governs", source=SRIOV),
    Register("Control", 0x18, 4, source=AER_SOURCE, fields=(Field("FirstError", 0, 5, RO, 0, STICKY),))))

VF = ConfigTable("VF", HEADER, (MSIX, EXPRESS, AER, ari(0x000, SIBLINGS)))
