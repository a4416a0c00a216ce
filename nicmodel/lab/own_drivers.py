"""Drivers by name: one of those broken on purpose, or a class of the user's own as ``module:Class`` or ``file.py:Class``."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drivers.mutants import MUTANTS
from nicmodel.sim.errors import ScenarioError

ENTRY_POINTS: dict[str, tuple[str, ...]] = {"driver_entry": (), "initialize": (), "restart": (), "pause": (), "halt": (),
                                            "oid_request": ("kind", "oid", "buffer")}
"""What every miniport has, and with what it is called."""
LOADED: set[str] = set()
"""Names of the modules that own drivers were found in."""


def driver_class(name: str) -> type[Any]:
    """The driver class of this name. Raises ScenarioError with what is wrong."""
    if ":" not in name:
        return MUTANTS[name].driver
    where, _, attribute = name.rpartition(":")
    if not where or not attribute or where[0] == "." and not where.endswith(".py"):     # Python: relative to which package?
        raise ScenarioError(f'"{name}" is not allowed: write module:Class or file.py:Class')
    module = _module(where)
    LOADED.add(module.__name__)
    driver = getattr(module, attribute, None)
    if not isinstance(driver, type):
        raise ScenarioError(f"{where} has no class {attribute}")
    if getattr(driver, "switch_creation", None) not in ("static", "dynamic", "none"):
        raise ScenarioError(f"{name} is no miniport: a driver has switch_creation, static or dynamic for a PF, none for a VF")
    for method, called_with in ENTRY_POINTS.items():
        if not callable(entry := getattr(driver, method, None)):
            raise ScenarioError(f"{name} is no miniport: it has no {method}, which every driver has")
        _check_signature(name, method, entry, ("self", *called_with))
    _check_signature(name, "its constructor", driver, ("ndis", "handle", "settings"))
    return driver


def file_of(name: str) -> Path:
    """The file that a driver of the user's own stands in. Raises ScenarioError if it cannot be imported from a file."""
    where = name.rpartition(":")[0]
    file = getattr(_module(where), "__file__", None)
    if file is None:
        raise ScenarioError(f"{where} is in no file")
    return Path(file)


def _check_signature(name: str, what: str, called: Any, arguments: tuple[str, ...]) -> None:
    try:
        inspect.signature(called).bind(*arguments)
    except TypeError as problem:
        raise ScenarioError(f"{name} is no miniport: {what} is called with ({', '.join(arguments)}): {problem}") from None
    except ValueError:                      # a built-in whose signature Python does not know
        return


def blamed(problem: BaseException) -> str | None:
    """What a driver of the user's own raised outside its entry points, in a process of its own for one; None if no line of
    a module that was loaded here had a part in it."""
    links: list[BaseException] = []
    link: BaseException | None = problem
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    for link in reversed(links):
        frames = [(frame, line) for frame, line in traceback.walk_tb(link.__traceback__)
                  if frame.f_globals.get("__name__") in LOADED]
        if frames:
            frame, line = frames[-1]
            said = " ".join(f"{type(link).__name__}: {link}".split()).rstrip(":")
            file, own = Path(frame.f_code.co_filename).name, frame.f_locals.get("self")
            who = file if own is None else type(own).__name__       # a function that is no method
            return f"{who} raised {said} in {frame.f_code.co_name} ({file}, line {line})"
    return None


def is_pf(driver: type[Any]) -> bool:
    """Whether a driver is a PF's: only a PF creates a switch."""
    return bool(driver.switch_creation != "none")


def may_be(driver: type[Any], kind: str) -> bool:
    """Whether a driver may be that of a "pf" or a "vf"."""
    return getattr(driver, "serves_both", False) or is_pf(driver) == (kind == "pf")


def as_overrides(options: Iterable[str]) -> dict[str, str]:
    """``[WHO=]module:Class`` as keys of a scenario; without a WHO a PF's driver is the PF's, another's VF 0's.

    >>> as_overrides(["3=drivers.vf:VfMiniport", "drivers.pf:PfMiniport"])
    {'driver.mutants.3': 'drivers.vf:VfMiniport', 'driver.mutants.pf': 'drivers.pf:PfMiniport'}
    """
    found: dict[str, str] = {}
    for option in options:
        who, equals, name = option.rpartition("=")
        if ":" not in name:
            raise ScenarioError(f'"{option}" is not allowed: write module:Class or file.py:Class', file="--driver")
        if not equals:
            who = "pf" if is_pf(driver_class(name)) else "0"
        if who != "pf" and not who.isdecimal():
            raise ScenarioError(f'"{who}" is not allowed: a driver is named by its VF number or pf', file="--driver")
        if (key := f"driver.mutants.{who}") in found:
            raise ScenarioError(f"{'the PF' if who == 'pf' else f'VF {who}'} is given two drivers", key=key, file="--driver")
        found[key] = name
    return found


def _module(where: str) -> Any:
    try:
        if not where.endswith(".py"):
            if "" not in sys.path and str(Path.cwd()) not in sys.path:
                sys.path.insert(0, str(Path.cwd()))
            return importlib.import_module(where)
        path = Path(where).resolve()
        if not path.is_file():
            raise ScenarioError(f"{where} cannot be read: no such file")
        name = f"own_driver_{path.stem}"
        known = sys.modules.get(name)
        if known is not None and known.__file__ == str(path):
            return known
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    except ScenarioError:
        raise
    except (Exception, SystemExit) as problem:      # whatever the user's module does while it is imported
        said = " ".join(f"{type(problem).__name__}: {problem}".split()).rstrip(":")
        raise ScenarioError(f"{where} cannot be imported: {said}") from problem
