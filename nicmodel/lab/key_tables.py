"""The keys of a scenario, listed: what each is, what it may be, what it is by default. All of it is read off the models.

`python -m nicmodel.lab.key_tables PAGE.md` renews the tables of a page between their markers (`<!-- keys: NAME -->` and
`<!-- end -->`); without a page it prints them. `nicmodel list --keys` shows the same rows.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from nicmodel.datasheet import pages
from nicmodel.datasheet.profiles import HOSTS, PROFILES
from nicmodel.datasheet.tables import code, markdown
from nicmodel.lab.keys import HostKeys
from nicmodel.lab.load import Load
from nicmodel.lab.scenario import FILLERS, Scenario
from nicmodel.lab.validators import Allowed, as_share
from nicmodel.sim.units import BITS, BYTES, DURATION, PACKETS, Kind

MARKED = pages.marked("keys")
TOP = "scenario"  # the table of the keys that stand in no other
ENTRY = "N"  # stands in a key for the number of an entry of a list: faults.events.N.at
KINDS = (BYTES, DURATION, BITS, PACKETS)
NEEDED = "must be given"
COLUMNS = ("key", "meaning", "allowed", "default")
PROFILE, HOST = Scenario.model_fields["profile"].default, HostKeys.model_fields["profile"].default


class Key(NamedTuple):
    """A key, dotted, and the table it is in; `unit` is that of a bare number, if it is a quantity."""

    table: str
    key: str
    meaning: str
    allowed: str
    unit: str | None
    default: str


def keys(model: type[BaseModel] = Scenario, table: str = "") -> Iterator[Key]:
    """Every key of a scenario, in the order of the models: those of a table before those of the tables in it."""
    inside: list[tuple[type[BaseModel], str]] = []
    for field_name, field in model.model_fields.items():
        name = field.alias or field_name
        path = f"{table}.{name}".lstrip(".")
        if (section := is_model(field.annotation)) is not None:
            inside.append((section, path))
        elif (entry := entry_of(field.annotation)) is not None:
            inside.append((entry, f"{path}.{ENTRY}"))
        else:
            said = [*allowed(field.metadata), *inner(field.annotation)]
            kind = next((each.kind for each in said if each.kind), None)
            yield Key(table, path, field.description or "", "; each ".join(each.words for each in said),
                      kind.base if kind else None, default(table, name, field, kind))
    for section, path in inside:
        yield from keys(section, path)


def is_model(annotation: Any) -> type[BaseModel] | None:
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def entry_of(annotation: Any) -> type[BaseModel] | None:
    """What a list of tables has as its entries."""
    return is_model(next(iter(get_args(annotation)), None)) if get_origin(annotation) is tuple else None


def allowed(metadata: Sequence[Any]) -> list[Allowed]:
    """What is said last of a value says most."""
    return [each for each in metadata if isinstance(each, Allowed)][-1:]


def inner(annotation: Any) -> Iterator[Allowed]:
    """What the values in a list, in a table, or beside None may be."""
    for part in get_args(annotation):
        yield from allowed(getattr(part, "__metadata__", ()))


def default(table: str, name: str, field: FieldInfo, kind: Kind | None) -> str:
    """As its author may write it; where adapters, or hosts, have a value of their own, that of each which differs."""
    if field.is_required():
        return NEEDED
    if name not in filled(table, PROFILE, HOST):
        factory: Any = field.default_factory
        return shown(factory() if factory else field.default, kind)
    own = shown(filled(table, PROFILE, HOST)[name], kind)
    others = {**{profile: filled(table, profile, HOST)[name] for profile in PROFILES},
              **{host: filled(table, PROFILE, host)[name] for host in HOSTS}}
    return "; ".join([own, *(f"{text} ({who})" for who, value in others.items() if (text := shown(value, kind)) != own)])


def filled(table: str, profile: str, host: str) -> Mapping[str, Any]:
    """What a table has of an adapter and a host where nothing is said."""
    return FILLERS[table](PROFILES[profile], HOSTS[host]) if table in FILLERS else {}


def shown(value: Any, kind: Kind | None) -> str:
    """A value in words that TOML or `--set` would take, none where there is nothing.

    >>> shown(2048, BYTES), shown(True, None), shown(66 / 65536, None), shown((), None), shown("tx", None)
    ('2KiB', 'true', '0.1%', 'none', 'tx')
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return next(text for digits in range(9) if as_share(text := f"{round(100 * value, digits):g}%") == value)
    if isinstance(value, int):
        return kind.format(value) if kind else str(value)
    return str(value) if value and isinstance(value, str | Load) else "none"


def written(table: str) -> str:
    """How a table is written in TOML.

    >>> written("pcie"), written("faults.events.N")
    ('[pcie]', '[[faults.events]]')
    """
    return f"[[{table.removesuffix('.' + ENTRY)}]]" if table.endswith("." + ENTRY) else f"[{table}]"


def tables() -> dict[str, str]:
    """Every table by the name that markers use."""
    rows: dict[str, list[Key]] = {}
    for row in keys():
        rows.setdefault(row.table.removesuffix("." + ENTRY).replace(".", "_") or TOP, []).append(row)
    made = {name: markdown(COLUMNS, ((code(row.key.rpartition(".")[2]), row.meaning, row.allowed, row.default) for row in each))
            for name, each in rows.items()}
    kinds = markdown(("kind", "units", "a bare whole number is of", "like"),
                     ((kind.noun, ", ".join(kind.units), kind.base, code(kind.example)) for kind in KINDS))
    return {"units": kinds} | made


def renewed(text: str) -> str:
    """A page with every marked table as the models have it now. ValueError: there is no such table."""
    return pages.renewed(text, MARKED, tables())


if __name__ == "__main__":
    pages.renew(sys.argv[1:], MARKED, tables())
