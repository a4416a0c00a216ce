"""What a register row is: where, how many, what a read and a write do to each bit, how deeply it is modelled.

Access words, of a row or of one of its fields; several are joined by "/":

    RO   writes do nothing                    W1C  writing 1 clears the bit
    RW   writes are stored                    W1S  writing 1 sets the bit
    WO   reads 0; alone: nothing is stored    SC   writing 1 starts something; reads 0 once it is done
    RC   reading clears the bit               RS   reading gives the old value and sets the bit

Arrays that outgrow the real part go on in an extension region of BAR0 (`extension`): not 82599.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

FULL, PARTIAL, STORAGE = "full", "partial", "storage"
WORD = 0xFFFFFFFF
REGISTER_BYTES = 4           # what an access to one moves


@dataclass(frozen=True)
class Field:
    """Bits of a register. `access` is empty where the row's own word holds.

    >>> field = Field("WTHRESH", 16, 7)
    >>> hex(field.mask), hex(field.put(4)), field.get(0x2040000)
    ('0x7f0000', '0x40000', 4)
    """

    name: str
    lsb: int
    width: int = 1
    access: str = ""
    doc: str = ""

    @cached_property
    def mask(self) -> int:
        """The field's bits, at their place in the register."""
        return ((1 << self.width) - 1) << self.lsb

    def get(self, word: int) -> int:
        """The field's value in a word of its register."""
        return (word & self.mask) >> self.lsb

    def put(self, value: int) -> int:
        """The value at its place, all other bits 0; bits that do not fit are cut off."""
        return value << self.lsb & self.mask


@dataclass(frozen=True)
class Effects:
    """What accesses do to a row's bits, as masks.

    >>> kinds = Effects.of("RW", 0xFF, (Field("BUSY", 0, access="RO"), Field("NEWS", 4, access="RC")))
    >>> hex(kinds.after_write(0x11, 0x22)), hex(kinds.after_read(0x33)), hex(kinds.shown(0x33))
    ('0x33', '0x23', '0x33')
    """

    stored: int = 0
    sets: int = 0
    clears: int = 0
    hidden: int = 0
    read_clears: int = 0
    read_sets: int = 0

    @classmethod
    def of(cls, access: str, mask: int, fields: tuple[Field, ...]) -> Effects:
        """Of a row: each field by its own words, the rest of `mask` by the row's."""
        parts = [(field.mask, field.access) for field in fields if field.access]
        rest = mask
        for bits_of_field, _ in parts:
            rest &= ~bits_of_field
        masks = dict.fromkeys(EFFECT_OF.values(), 0)
        for bits_of_part, words in ((rest, access), *parts):
            for word in words.split("/"):
                if word in EFFECT_OF:
                    masks[EFFECT_OF[word]] |= bits_of_part
                if word == "RS":
                    masks["stored"] |= bits_of_part
        return cls(**masks)

    def after_write(self, old: int, value: int) -> int:
        """The bits once `value` has been written over `old`."""
        return (old & ~self.stored | value & self.stored | value & self.sets) & ~(value & self.clears)

    @cached_property
    def of_writing(self) -> bool:
        """Whether a write does more than store its word."""
        return self.stored != WORD or bool(self.sets | self.clears)

    @cached_property
    def of_reading(self) -> bool:
        """Whether a read changes any bit."""
        return bool(self.read_clears | self.read_sets)

    def after_read(self, old: int) -> int:
        """The bits once they have been read."""
        return old & ~self.read_clears | self.read_sets

    def shown(self, old: int) -> int:
        """What a read gives."""
        return old & ~self.hidden


EFFECT_OF = {"RW": "stored", "W1S": "sets", "W1C": "clears", "WO": "hidden", "RC": "read_clears", "RS": "read_sets"}
ACCESS_WORDS = {*EFFECT_OF, "RO", "SC"}


@dataclass(frozen=True)
class Register:
    """A 32-bit register, or an array of them. `extension` pairs (base, first index) continue the array elsewhere;
    `aliases` (base, stride, first, count) decode to the same storage; `shows` names a row whose bits this one
    sets, clears or shows; bits outside `mask` do not exist; `kept`: a reset of the VF leaves it alone; `rss`: only adapters with
    receive side scaling in VFs have it.

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
    mask: int = WORD
    shows: str = ""
    kept: bool = False
    rss: bool = False
    index: ClassVar[int] = 0     # of the only element of a row that is no array

    @cached_property
    def effects(self) -> Effects:
        """What accesses do."""
        return Effects.of(self.access, self.mask, self.fields)

    def __getattr__(self, name: str) -> Field:
        for field in object.__getattribute__(self, "fields"):
            if field.name == name:
                self.__dict__[name] = field                  # found at once from now on
                return field
        raise AttributeError(f"register {object.__getattribute__(self, 'name')} has no field {name}")

    def __getitem__(self, index: int) -> RegisterAt:
        element = self._elements.get(index)
        if element is None:
            element = self._elements[index] = RegisterAt(self, index)
        return element

    @cached_property
    def _elements(self) -> dict[int, RegisterAt]:
        return {}

    def offset_of(self, index: int) -> int:
        """The offset of an element in its BAR. Raises IndexError past the array."""
        if not 0 <= index < self.count:
            raise IndexError(f"{self.name} has {self.count} elements, not {index + 1}")
        base, first = self.at, 0
        for further in self.extension:
            if index >= further[1]:
                base, first = further
        return base + (index - first) * self.stride

    @cached_property
    def visible(self) -> int:
        """Bits that a read shows."""
        return self.effects.shown(self.mask)

    @cached_property
    def key(self) -> str:
        """The name of the row that stores the bits."""
        return self.shows or self.name

    @cached_property
    def offset(self) -> int:
        """Bytes from the start of BAR0; of an array, its first element's."""
        return self.at


@dataclass(frozen=True)
class RegisterAt:
    """One element of a register array."""

    register: Register
    index: int

    @cached_property
    def offset(self) -> int:
        """Bytes from the start of BAR0."""
        return self.register.offset_of(self.index)

    @cached_property
    def name(self) -> str:
        """The row's, without the index."""
        return self.register.name


def bits(**named: int | tuple[int, int] | tuple[int, int, str]) -> tuple[Field, ...]:
    """Fields from NAME=lsb, NAME=(lsb, width) or NAME=(lsb, width, access)."""
    return tuple(Field(name, at) if isinstance(at, int) else Field(name, *at) for name, at in named.items())


def registers_of(namespace: dict[str, object]) -> tuple[Register, ...]:
    """The rows a datasheet module declares, in order."""
    return tuple(value for value in namespace.values() if isinstance(value, Register))


def bits_in(word: int) -> list[int]:
    """Positions of the ones of a word.

    >>> bits_in(0b1010)
    [1, 3]
    """
    found = []
    while word:
        lowest = word & -word
        found.append(lowest.bit_length() - 1)
        word ^= lowest
    return found
