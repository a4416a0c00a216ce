"""Drivers by name: one of those broken on purpose, or a class of the user's own as ``module:Class`` or ``file.py:Class``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from drivers.mutants import MUTANTS
from nicmodel.sim.errors import ScenarioError


def driver_class(name: str) -> type[Any]:
    """The driver class of this name. Raises ScenarioError with what is wrong."""
    if ":" not in name:
        return MUTANTS[name].driver
    where, _, attribute = name.rpartition(":")
    driver = getattr(_module(where), attribute, None)
    if not isinstance(driver, type):
        raise ScenarioError(f"{where} has no class {attribute}")
    if getattr(driver, "switch_creation", None) not in ("static", "dynamic", "none"):
        raise ScenarioError(f"{name} is no miniport: a driver has switch_creation, static or dynamic for a PF, none for a VF")
    return driver


def is_pf(driver: type[Any]) -> bool:
    """Whether a driver is a PF's: only a PF creates a switch."""
    return bool(driver.switch_creation != "none")


def as_settings(options: Iterable[str]) -> list[str]:
    """``[WHO=]module:Class`` as settings of a scenario; without a WHO a PF's driver is the PF's, another's VF 0's.

    >>> as_settings(["3=drivers.vf:VfMiniport", "drivers.pf:PfMiniport"])
    ['driver.mutants.3=drivers.vf:VfMiniport', 'driver.mutants.pf=drivers.pf:PfMiniport']
    """
    found = []
    for option in options:
        who, equals, name = option.rpartition("=")
        if ":" not in name:
            raise ScenarioError(f'--driver: "{option}" is not allowed: write module:Class or file.py:Class')
        if not equals:
            who = "pf" if is_pf(driver_class(name)) else "0"
        found.append(f"driver.mutants.{who}={name}")
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
    except Exception as problem:            # whatever the user's module does while it is imported
        raise ScenarioError(f"{where} cannot be imported: {type(problem).__name__}: {problem}") from problem
