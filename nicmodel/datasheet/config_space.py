"""Row classes of configuration space: registers, fields, capabilities, and the constants a host needs.

The tables themselves are `config_pf` (physical function) and `config_vf` (virtual function). Rows say what
software may do to each bit; what a bit does to the device is the business of `nicmodel.pcie`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

SPACE_BYTES = 4096           # one function: 000-0FF classic, 100-FFF extended. PCIe base, config chapter
EXTENDED_START = 0x100       # the extended chain always starts here. PCIe base, config chapter
PF_RID = 0x0100              # 01:00.0, the first function behind a root port. assumed

# Where a host places 64-bit windows: far above any guest memory. assumed (x86 firmware does likewise)
WINDOW_BASE = 0x3800_0000_0000
CACHE_LINE_DWORDS = 0x10     # Cache Line Size as firmware writes it: 64 bytes, in dwords. 82599 dumps
SMALLEST_PAGE = 12           # bit n of Supported and System Page Sizes means 2^(12 + n) bytes. PCIe base, SR-IOV chapter
DEFAULT_PAGE_BYTES = 1 << SMALLEST_PAGE

# A BAR: its register's bytes, and the low bits that are no address. PCIe base, config chapter
BAR_BYTES = 4
BAR_TYPE_BITS = 0xF
BAR_IO = 0x1
BAR_64 = 0x4                 # the next register is its upper half
BAR_PREFETCHABLE = 0x8

# Access words. A bit that no field claims has the register's own access.
RO = "RO"                    # writes are ignored
RW = "RW"
RW1C = "RW1C"                # writing 1 clears
HWINIT = "HwInit"            # fixed by the model's configuration, then read only
W1 = "W1"                    # writing 1 acts; always reads 0
ACCESSES = (RO, RW, RW1C, HWINIT, W1)

# What a bit survives.
NOTHING = ""                 # any reset restores its reset value
FLR = "FLR"                  # a function-level reset leaves it alone
STICKY = "STICKY"            # any reset short of power loss leaves it alone
SURVIVES = (NOTHING, FLR, STICKY)


@dataclass(frozen=True)
class ConfigField:
    """Bits of a register. `reset` is a value, or the name of a `HWINIT_VALUES` row that a profile decides."""

    name: str
    lsb: int
    width: int = 1
    access: str = RO
    reset: int | str = 0
    survives: str = NOTHING
    doc: str = ""

    @property
    def mask(self) -> int:
        """The field's bits, at their place in the register."""
        return ((1 << self.width) - 1) << self.lsb

    def get(self, word: int) -> int:
        """The field's value in a word of its register.

        >>> ConfigField("MRRS", 12, 3).get(0x2810)
        2
        """
        return (word & self.mask) >> self.lsb

    def put(self, value: int) -> int:
        """The value at its place in the register; bits that do not fit are cut off."""
        return (value << self.lsb) & self.mask


@dataclass(frozen=True)
class ConfigRegister:
    """`nbytes` bytes at offset `at` (of the capability, in a capability's rows; absolute in a table)."""

    name: str
    at: int
    nbytes: int
    reset: int | str = 0
    access: str = RO
    survives: str = NOTHING
    fields: tuple[ConfigField, ...] = ()
    doc: str = ""
    source: str = ""

    @property
    def all_fields(self) -> tuple[ConfigField, ...]:
        """The fields; the whole register as one nameless field where there are none."""
        if self.fields:
            return self.fields
        return (ConfigField("", 0, 8 * self.nbytes, self.access, self.reset, self.survives, self.doc),)

    def __getitem__(self, name: str) -> ConfigField:
        return next(each for each in self.all_fields if each.name == name)


@dataclass(frozen=True)
class Capability:
    """A capability structure: header facts, and rows with offsets relative to it. `version` 0: classic."""

    name: str
    id: int
    at: int
    next: int
    version: int = 0
    rows: tuple[ConfigRegister, ...] = ()
    doc: str = ""
    source: str = ""

    @property
    def header(self) -> ConfigRegister:
        """The register that links the chain."""
        if self.version:
            reset = self.next << 20 | self.version << 16 | self.id
            return ConfigRegister(f"{self.name}.Header", self.at, 4, reset, doc="id, version, next",
                                  source=self.source)
        return ConfigRegister(f"{self.name}.Header", self.at, 2, self.next << 8 | self.id, doc="id, next",
                              source=self.source)

    def __getitem__(self, name: str) -> ConfigRegister:
        """A row by name; its offset is relative."""
        return next(row for row in self.rows if row.name == name)

    def registers(self) -> Iterator[ConfigRegister]:
        """Header and rows at absolute offsets, named `Capability.Register`."""
        yield self.header
        for row in self.rows:
            yield replace(row, name=f"{self.name}.{row.name}", at=self.at + row.at)


@dataclass(frozen=True)
class ConfigTable:
    """The configuration space of one kind of function."""

    name: str
    header: tuple[ConfigRegister, ...]
    capabilities: tuple[Capability, ...]
    registers: tuple[ConfigRegister, ...] = field(init=False)

    def __post_init__(self) -> None:
        rows = [*self.header, *(row for capability in self.capabilities for row in capability.registers())]
        object.__setattr__(self, "registers", tuple(sorted(rows, key=lambda row: row.at)))

    def __getitem__(self, name: str) -> ConfigRegister:
        """A register by its full name, `Command` or `Sriov.Control`."""
        return next(row for row in self.registers if row.name == name)

    def capability(self, name: str) -> Capability:
        """A capability by the first part of its registers' names, `Sriov` or `Msix`. StopIteration if there is none."""
        return next(each for each in self.capabilities if each.name == name)


def bar(name: str, at: int, size: int, source: str) -> tuple[ConfigRegister, ConfigRegister]:
    """The register pair of a 64-bit prefetchable memory BAR of `size` bytes (a power of two)."""
    lsb = size.bit_length() - 1
    low = ConfigRegister(
        name, at, 4, source=source, doc=f"memory, 64-bit, prefetchable, {size >> 10} KiB, low half", fields=(
            ConfigField("Type", 0, 4, HWINIT, BAR_64 | BAR_PREFETCHABLE, doc="memory, 64-bit, prefetchable"),
            ConfigField("Base", lsb, 32 - lsb, RW, doc="base address above the size bit")))
    high = ConfigRegister(name + "High", at + 4, 4, access=RW, source=source, doc="high half of the base")
    return low, high


# Values that the profile (and the negotiated link) decide. Everything else is in the tables.
HWINIT_VALUES = {
    "device_id": "Device ID of the PF",
    "vf_device_id": "VF Device ID in the SR-IOV capability",
    "total_vfs": "InitialVFs and TotalVFs",
    "max_payload_code": "MPSS: 0 = 128 B, doubling per step",
    "extended_tags": "1 if the device can use 8-bit tags",
    "max_speed": "fastest generation of the link",
    "max_width": "lanes of the device",
    "speeds_vector": "supported speeds, bit n = Gen n + 1; 0 on parts older than PCIe 3.0",
    "speed": "negotiated generation",
    "width": "negotiated lanes",
    "pf_vectors_minus_1": "MSI-X table size field of the PF",
    "vf_vectors_minus_1": "MSI-X table size field of a VF",
    "serial_low": "low dword of the EUI-64: FF and the last three bytes of the PF's MAC address",
    "serial_high": "high dword of the EUI-64: the first three bytes of the PF's MAC address and FF",
}
