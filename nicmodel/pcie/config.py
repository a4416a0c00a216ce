"""One configuration space: 4096 bytes that obey their datasheet rows. It knows no function and no device.

        software ──write──► byte enables ─► RO/RW/RW1C masks ─► guards ─► bytes ─► watchers, triggers
        hardware ──put──────────────────────────────────────────────────► bytes ─► watchers

A *guard* decides what a field takes (`NumVFs is held while VF Enable is 1`); a *watcher* hears of a change
once the whole write has landed; a *trigger* hears of a 1 written to a W1 bit; a *source* supplies a live
value on reads. All are bound by `Register.Field` (or `Register`, for a register of one nameless field).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral

from nicmodel.datasheet.config_space import (
    RW,
    RW1C,
    SPACE_BYTES,
    STICKY,
    SURVIVES,
    W1,
    ConfigField,
    ConfigRegister,
    ConfigTable,
)
from nicmodel.sim.errors import ModelBug

Guard = Callable[[int, int], int]           # (old, proposed) -> what the field takes
Watcher = Callable[[int, int], None]        # (old, new)


class Place:
    """A field at its bits of the whole space."""

    def __init__(self, register: ConfigRegister, field: ConfigField):
        self.field = field
        self.span = slice(register.at, register.at + register.nbytes)
        self.nbytes = register.nbytes
        self.first_byte = register.at + field.lsb // 8
        self.last_byte = register.at + (field.lsb + field.width - 1) // 8

    def meets(self, offset: int, size: int) -> bool:
        """Does an access to these bytes reach the field?"""
        return self.first_byte < offset + size and offset <= self.last_byte

    def get(self, data: bytes | bytearray) -> int:
        return self.field.get(int.from_bytes(data[self.span], "little"))

    def put(self, data: bytearray, value: int) -> None:
        word = int.from_bytes(data[self.span], "little") & ~self.field.mask | self.field.put(value)
        data[self.span] = word.to_bytes(self.nbytes, "little")

    def fill(self, data: bytearray) -> None:
        """Set every bit of the field."""
        self.put(data, -1)


class ConfigLayout:
    """A table resolved for one device: reset bytes and access masks. `values` fills what it leaves open."""

    def __init__(self, table: ConfigTable, values: Mapping[str, int]):
        self.places: dict[str, Place] = {}
        reset, writable, clearable = (bytearray(SPACE_BYTES) for _ in range(3))
        survivors = {level: bytearray(SPACE_BYTES) for level in SURVIVES}
        for register in table.registers:
            for field in register.all_fields:
                place = Place(register, field)
                self.places[f"{register.name}.{field.name}".removesuffix(".")] = place
                value = field.reset if isinstance(field.reset, int) else values[field.reset]
                if value >> field.width:
                    raise ModelBug(f"{register.name}.{field.name} cannot hold {value:#x}")
                place.put(reset, value)
                place.fill(survivors[field.survives])
                if field.access == RW:
                    place.fill(writable)
                elif field.access == RW1C:
                    place.fill(clearable)
        self.reset, self.writable, self.clearable = bytes(reset), bytes(writable), bytes(clearable)
        self.survivors = {level: int.from_bytes(bits, "little") for level, bits in survivors.items()}


class ConfigSpace:
    """The configuration space of one function, after power-up.

    Accesses are 1, 2 or 4 bytes within one dword, as a configuration request is; anything else is a
    `ModelBug` of the caller.
    """

    def __init__(self, layout: ConfigLayout):
        self.layout = layout
        self._bytes = bytearray(layout.reset)
        self._known: dict[str, int] = {}                   # fields got since anything may have changed
        self._guards: dict[Place, Guard] = {}
        self._watchers: dict[Place, Watcher] = {}
        self._triggers: dict[Place, Callable[[], None]] = {}
        self._sources: dict[Place, Callable[[], int]] = {}

    # behaviour by name ------------------------------------------------------------------------------------

    def guard(self, name: str, decide: Guard) -> None:
        """`decide(old, new)` says what is stored where software's write would change a field."""
        self._guards[self.layout.places[name]] = decide

    def watch(self, name: str, hear: Watcher) -> None:
        """`hear(old, new)` runs after a write of software's has changed a field."""
        self._watchers[self.layout.places[name]] = hear

    def trigger(self, name: str, act: Callable[[], None]) -> None:
        """`act()` runs when 1 is written to a W1 bit. ModelBug for another kind of bit."""
        place = self.layout.places[name]
        if place.field.access != W1:
            raise ModelBug(f"{name} is no W1 bit")
        self._triggers[place] = act

    def source(self, name: str, live: Callable[[], int]) -> None:
        """What software reads in a field is `live()`, not what is stored."""
        self._sources[self.layout.places[name]] = live
        self._known.clear()

    # the device's side ------------------------------------------------------------------------------------

    def get(self, name: str) -> int:
        """A field's value as software would read it."""
        value = self._known.get(name)
        if value is None:
            place = self.layout.places[name]
            if place in self._sources:
                return self._sources[place]()
            value = self._known[name] = place.get(self._bytes)
        return value

    def stored(self, name: str) -> int:
        """What was last written to a field, live source or not."""
        return self.layout.places[name].get(self._bytes)

    def put(self, name: str, value: int) -> None:
        """The device sets a field; neither its guard nor its watcher hears of it."""
        self.layout.places[name].put(self._bytes, value)
        self._known.clear()

    def reset(self, *spared: str) -> None:
        """Reset values everywhere but in bits that survive (sticky ones, and those of the `spared` levels).

        Watchers hear nothing: who resets a function knows what goes with it.
        """
        kept = 0
        for level in (STICKY, *spared):
            kept |= self.layout.survivors[level]
        old, fresh = (int.from_bytes(data, "little") for data in (self._bytes, self.layout.reset))
        self._known.clear()
        self._bytes = bytearray((old & kept | fresh & ~kept).to_bytes(SPACE_BYTES, "little"))

    # software's side --------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        """What software reads; bytes that no row describes read 0."""
        check_request(offset, size)
        live = [place for place in self._sources if place.meets(offset, size)]
        seen = bytearray(self._bytes) if live else self._bytes
        for place in live:
            place.put(seen, self._sources[place]())
        return int.from_bytes(seen[offset:offset + size], "little")

    def write(self, offset: int, size: int, value: int) -> None:
        """What software writes: only the enabled bytes, only what the rows allow."""
        check_request(offset, size)
        if (type(value) is not int and not isinstance(value, Integral)) or not 0 <= value < 1 << 8 * size:
            raise ModelBug(f"{value!r} does not fit into {size} bytes of configuration space")
        written = int(value).to_bytes(size, "little")
        before, after = self._bytes, bytearray(self._bytes)
        for n, byte in enumerate(written, offset):
            taken = after[n] & ~self.layout.writable[n] | byte & self.layout.writable[n]
            after[n] = taken & ~(byte & self.layout.clearable[n])
        for place, decide in self._guards.items():
            if place.meets(offset, size) and place.get(after) != place.get(before):
                place.put(after, decide(place.get(before), place.get(after)))
        self._known.clear()
        self._bytes = after
        changes = [(hear, place.get(before), place.get(after)) for place, hear in self._watchers.items()
                   if place.meets(offset, size)]
        for hear, old, new in changes:
            if old != new:
                hear(old, new)
        for place, act in self._triggers.items():
            if place.meets(offset, size) and written[place.first_byte - offset] >> place.field.lsb % 8 & 1:
                act()

    def dump(self) -> bytes:
        """All 4096 bytes as software reads them."""
        return b"".join(self.read(offset, 4).to_bytes(4, "little") for offset in range(0, SPACE_BYTES, 4))


def check_request(offset: int, size: int) -> None:
    """A configuration request is 1, 2 or 4 bytes within one dword."""
    if type(offset) is not int and not isinstance(offset, Integral):
        raise ModelBug(f"configuration space has no offset {offset!r}")
    if size not in (1, 2, 4) or not 0 <= offset <= SPACE_BYTES - size or offset % 4 + size > 4:
        raise ModelBug(f"{size} bytes at {offset:#x} are no configuration request")
