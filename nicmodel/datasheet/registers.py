"""What a register row is: where, how many, what a read and a write do, how deeply it is modelled.

Access words are those of the sheet: RO, RW, WO, RC (read clears), W1C (write 1 clears), W1S (write 1 sets). Arrays that
outgrow the real part go on in an extension region of BAR0 from 0x20000 up (`extension`): not 82599.
"""

from __future__ import annotations

from dataclasses import dataclass

FULL, PARTIAL, STORAGE = "full", "partial", "storage"


@dataclass(frozen=True)
class Field:
    """Bits of a register."""

    name: str
    lsb: int
    width: int = 1
    doc: str = ""

    @property
    def mask(self) -> int:
        return ((1 << self.width) - 1) << self.lsb

    def get(self, word: int) -> int:
        return (word & self.mask) >> self.lsb

    def put(self, value: int) -> int:
        return value << self.lsb & self.mask


@dataclass(frozen=True)
class Register:
    """A 32-bit register, or an array of them. `extension` pairs (base, first index) continue the array elsewhere;
    `aliases` (base, stride, first, count) decode to the same storage.

    >>> R = Register("R", 0x100, stride=4, count=4, extension=((0x900, 2),), fields=(Field("EN", 25),))
    >>> [hex(R.offset_of(i)) for i in range(4)], hex(R.EN.mask), R[3].index
    (['0x100', '0x104', '0x900', '0x904'], '0x2000000', 3)
    """

    name: str
    at: int
    stride: int = 0
    count: int = 1
    reset: int = 0
    access: str = "RW"
    fields: tuple[Field, ...] = ()
    models: str = FULL
    hot: bool = False            # the data plane decodes it itself
    extension: tuple[tuple[int, int], ...] = ()
    aliases: tuple[tuple[int, int, int, int], ...] = ()
    doc: str = ""
    source: str = "82599 8.2.3"

    def __getattr__(self, name: str) -> Field:
        for field in object.__getattribute__(self, "fields"):
            if field.name == name:
                return field
        raise AttributeError(f"register {object.__getattribute__(self, 'name')} has no field {name}")

    def __getitem__(self, index: int) -> RegisterAt:
        return RegisterAt(self, index)

    def offset_of(self, index: int) -> int:
        """The offset of an element in its BAR. Raises IndexError past the array."""
        if not 0 <= index < self.count:
            raise IndexError(f"{self.name} has {self.count} elements, not {index + 1}")
        base, first = self.at, 0
        for further in self.extension:
            if index >= further[1]:
                base, first = further
        return base + (index - first) * self.stride

    @property
    def offset(self) -> int:
        return self.at


@dataclass(frozen=True)
class RegisterAt:
    """One element of a register array."""

    register: Register
    index: int

    @property
    def offset(self) -> int:
        return self.register.offset_of(self.index)


def bits(**named: int | tuple[int, int]) -> tuple[Field, ...]:
    """Fields from NAME=lsb or NAME=(lsb, width)."""
    return tuple(Field(name, at) if isinstance(at, int) else Field(name, *at) for name, at in named.items())


def registers_of(namespace: dict[str, object]) -> tuple[Register, ...]:
    """The rows a datasheet module declares, in order."""
    return tuple(value for value in namespace.values() if isinstance(value, Register))
