"""Scenarios from files, shipped names and `--set`: what a person wrote, as a `Scenario` or one sentence.

Every way in ends in `build`, so that a key means and refuses the same in a file, on the command line and in
Python.
"""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from numbers import Integral
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from nicmodel.lab.files import reason
from nicmodel.lab.keys import Section, walk
from nicmodel.lab.names import meant, nearest_or
from nicmodel.lab.scenario import Scenario
from nicmodel.lab.together import together
from nicmodel.sim.errors import ScenarioError
from nicmodel.sim.units import quoted

COMMAND_LINE = "--set"
BY_VF = ("driver.mutants", "traffic.loads")  # tables whose keys are VF numbers, and pf for a driver
MAX_FILE = 1 << 20  # bytes; a scenario is a page of text


def shipped() -> dict[str, Any]:
    """Names of the shipped scenarios and where their files are."""
    folder = resources.files("nicmodel.lab.scenarios")
    return {
        entry.name.removesuffix(".toml"): entry
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".toml")
    }


def load(name: str | Path, overrides: Mapping[str, Any] | None = None, where: str = COMMAND_LINE) -> Scenario:
    """The scenario of a shipped name or a TOML file, with some keys replaced. Raises ScenarioError."""
    data, file = read(name)
    return build(data, file, overrides, where)


def read(name: str | Path) -> tuple[dict[str, Any], str]:
    """The raw keys of a shipped name or a TOML file, and the name that errors shall use."""
    if not isinstance(name, str | Path):
        raise ScenarioError(f"{name!r} is no scenario: write the name of a shipped one or of a TOML file")
    known = shipped()
    looks_like_file = isinstance(name, Path) or name.endswith(".toml") or "/" in name
    if not looks_like_file and name in known:
        return _parse(known[name].read_bytes(), f"{name}.toml", name)
    path = Path(name)
    if not looks_like_file and not path.is_file():
        raise ScenarioError(
            f'there is no scenario "{name}"; '
            f"{nearest_or(str(name), known, 'the nearest shipped one', 'nicmodel list names the shipped ones')}, "
            "and a file of your own ends in .toml"
        )
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE + 1)
    except (OSError, ValueError) as error:
        why = reason(error) if isinstance(error, OSError) else str(error)
        raise ScenarioError(f"the scenario cannot be read: {why}", file=str(name)) from None
    if len(content) > MAX_FILE:
        raise ScenarioError("the scenario cannot be read: it is larger than 1 MiB", file=str(name))
    return _parse(content, str(name), path.stem)


def _parse(content: bytes, file: str, identity: str) -> tuple[dict[str, Any], str]:
    try:
        data = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise ScenarioError("the scenario is not UTF-8 text", file=file) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ScenarioError(f"the scenario is not TOML: {error}".replace("\n", " "), file=file) from None
    return {"id": identity} | data, file


def build(
    data: Mapping[str, Any],
    file: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    where: str = COMMAND_LINE,
) -> Scenario:
    """A scenario from raw keys; dotted keys of `overrides` replace what `data` says. Raises ScenarioError.

    `file` and `where` are what errors call the origin of `data` and of `overrides`.
    """
    raw = _plain(copy.deepcopy(dict(data)))
    replaced: dict[str, Any] = {}
    for key, value in flat(overrides or {}):
        if key in replaced:
            raise ScenarioError(f"{key} is set twice: write it once", key=key, file=where)
        replaced[key] = _plain(value)
        _place(raw, key, replaced[key], where)

    def origin(key: str) -> str | None:
        given = any(key == k or key.startswith(k + ".") for k in replaced)
        alone = key not in data and any(k.startswith(key + ".") for k in replaced)     # a table that the file does not have
        return where if given or alone else file

    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        key, sentence = _explain(error)
        raise ScenarioError(sentence, key=key, file=origin(key)) from None
    misfit = together(scenario)
    if misfit:
        raise ScenarioError(f"{misfit[0]}: {misfit[1]}", key=misfit[0], file=origin(misfit[0]))
    for number, expectation in enumerate(scenario.expect):
        unknown = expectation.unknown_name(scenario.num_vfs)
        if unknown:
            key = f"expect.{number}.what"
            raise ScenarioError(f"{key}: {unknown}", key=key, file=origin(key))
    return scenario


def parse_set(assignments: Iterable[str]) -> dict[str, Any]:
    """`key=value` texts of the command line as overrides. Raises ScenarioError.

    >>> parse_set(["num_vfs=4", "pcie.mps=256B", "traffic.pf=true"])
    {'num_vfs': 4, 'pcie.mps': '256B', 'traffic.pf': True}
    """
    overrides: dict[str, Any] = {}
    for key, text in map(split_assignment, assignments):
        if key in overrides:
            raise ScenarioError(f"{key} is set twice: write it once", key=key, file=COMMAND_LINE)
        overrides[key] = value_of(text)
    return overrides


def split_assignment(text: str) -> tuple[str, str]:
    """The key and the text after the first `=`."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise ScenarioError(f'"{text}" is not a setting: write key=value, like num_vfs=16', file=COMMAND_LINE)
    if not text.isascii() and text != text.encode(errors="replace").decode():       # bytes of another encoding: a file has none
        raise ScenarioError(f'"{text}" is not UTF-8 text', file=COMMAND_LINE)
    return key.strip(), value.strip()


def split_values(assignments: Iterable[str]) -> dict[str, list[Any]]:
    """`key=a,b,c` texts of a sweep: every key's values. Commas in brackets, braces and quotes do not split.

    >>> split_values(["num_vfs=1,2,4", "traffic.sizes=[64,512],[64]", "doc='both, \\"each\\", all',none"])
    {'num_vfs': [1, 2, 4], 'traffic.sizes': [[64, 512], [64]], 'doc': ['both, "each", all', 'none']}
    """
    values: dict[str, list[Any]] = {}
    for key, text in map(split_assignment, assignments):
        if key in values:
            raise ScenarioError(
                f"{key} is set twice: write all its values after one {COMMAND_LINE}",
                key=key,
                file=COMMAND_LINE,
            )
        values[key] = [value_of(part) for part in _split_commas(text)]
    return values


def _split_commas(text: str) -> list[str]:
    parts, depth, quote = [""], 0, ""
    for letter in text:
        if letter == "," and depth == 0 and not quote:
            parts.append("")
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        else:
            depth += (letter in "[{") - (letter in "]}")
        parts[-1] += letter
    if not all(part.strip() for part in parts):
        raise ScenarioError(f'"{text}" has an empty value between its commas', file=COMMAND_LINE)
    return [part.strip() for part in parts]


def value_of(text: str) -> Any:
    """A TOML value if the text is one; else the text itself, so that units and names need no quotes.

    >>> value_of("3"), value_of("[3, 4]"), value_of("256B"), value_of("3\\nseed = 4")
    (3, [3, 4], '256B', '3\\nseed = 4')
    """
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    value = parsed.get("value")
    known = isinstance(value, bool | int | float | str | list | dict) and len(parsed) == 1
    return value if known else text


def flat(overrides: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys of nested tables, so that `pcie={"mps": 256}` leaves the other keys of [pcie] alone."""
    for key, value in overrides.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield prefix + str(key), value


def _plain(value: Any) -> Any:
    """The same with Python's own integers: arrays and data frames have others."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, Integral) and not isinstance(value, int) else value


def _place(raw: dict[str, Any], key: str, value: Any, where: str) -> None:
    *sections, leaf = key.split(".")
    if not all((*sections, leaf)):
        raise ScenarioError(f'"{key}" is not a key: write key or table.key, like pcie.mps', key=key, file=where)
    here = raw
    values = {known for known in known_keys() if known not in BY_VF}
    for depth, section in enumerate(sections, start=1):
        below = here.setdefault(section, {})
        if not isinstance(below, dict) or ".".join(sections[:depth]) in values:
            raise ScenarioError(
                f"{key} is not a key: {section} has no keys below it"
                + (f"; the nearest known key is {near}" if (near := meant(key, known_keys())) else ""),
                key=key,
                file=where,
            )
        here = below
    here[leaf] = value


def _explain(error: ValidationError) -> tuple[str, str]:
    """The first complaint of pydantic as a key and a sentence of ours."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) or '""' for part in first["loc"]) or "scenario"
    if first["type"] == "extra_forbidden":
        return key, f"{key} is not a key; {known_instead(key, [*known_keys(), *entry_keys(key)])}"
    if first["type"] == "missing":
        return key, f"{key} is missing"
    if first["type"] in ("model_type", "model_attributes_type", "dict_type"):
        table, _, number = key.rpartition(".")
        written = f"[[{table}]]" if number.isdigit() and table in lists_of_tables() else f"[{key}]"
        return key, f"{key}: {quoted(first['input'])} is not allowed: {key} is a table of keys, written {written}"
    if first["type"] == "tuple_type":
        entries = f", each written [[{key}]]" if key in lists_of_tables() else ""
        return key, f"{key}: {quoted(first['input'])} is not allowed: {key} is a list{entries}"
    sentence = first["msg"].removeprefix("Value error, ")
    return key, f"{key}: {sentence}".replace("\n", " ")


def known_keys() -> list[str]:
    """Every key a scenario may hold, dotted."""
    return [key for key, _ in walk(Scenario)]


def lists_of_tables() -> dict[str, type[Section]]:
    """The keys that hold a list of tables, and what a table is."""
    within = {key: next(iter(get_args(field.annotation)), None) for key, field in walk(Scenario)}
    return {key: entry for key, entry in within.items() if isinstance(entry, type) and issubclass(entry, Section)}


def entry_keys(key: str) -> list[str]:
    """The keys of the table that a key like ``faults.events.0.at`` is in."""
    table, _, _ = key.rpartition(".")
    entry = lists_of_tables().get(table.rpartition(".")[0])
    return [f"{table}.{name}" for name in entry.model_fields] if entry else []


def known_instead(key: str, known: list[str]) -> str:
    """What is said of an unknown key: the known one that it is most likely meant to be, or else which keys its table has."""
    table, _, name = key.rpartition(".")
    names = names_in(table, known)
    same = next((other for other in known if other.rpartition(".")[2] == name), None)
    if same is not None:
        return f"the nearest known key is {same}"
    if (near := meant(name, names)) is not None:
        return f"the nearest known key is {f'{table}.{near}'.removeprefix('.')}"
    return f"{table or 'a scenario'} has {', '.join(names or names_in('', known))}"


def names_in(table: str, known: list[str]) -> list[str]:
    """The names of the keys and tables in a table; "" is the whole scenario."""
    start = f"{table}." if table else ""
    return sorted({key[len(start):].partition(".")[0] for key in known if key.startswith(start)})
