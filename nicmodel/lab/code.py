"""What decides a point's figures besides its scenario: the code that runs, as a hash.

That is the model's own (sources and the compiled plane), and the files that the user's own drivers stand in. What those
import in turn is not looked at, nor is what is installed beside the model.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from pathlib import Path

import drivers
import nicmodel
from nicmodel.lab.own_drivers import file_of
from nicmodel.lab.scenario import Scenario

SOURCES = (".py", ".pyx", ".pxi", ".pxd")
PACKAGES = tuple(Path(package.__path__[0]) for package in (nicmodel, drivers))
COMPILED = "nicmodel._fastpath"


class Code:
    """The code of many points: each file is read once, when it is first asked for."""

    def __init__(self) -> None:
        self.model = hash_of(model_files())
        self._own: dict[str, str] = {}

    def of(self, scenario: Scenario) -> str:
        """Equal for equal code. Raises ScenarioError for an own driver that cannot be loaded."""
        own = sorted({name for name in scenario.driver.mutants.values() if ":" in name})
        return "+".join([self.model, *map(self._own_driver, own)])

    def _own_driver(self, name: str) -> str:
        if name not in self._own:
            self._own[name] = hash_of([file_of(name)])
        return self._own[name]


def model_files() -> Iterator[Path]:
    """The model's sources in a fixed order, and the compiled plane, which may be older than they are."""
    for package in PACKAGES:
        yield from sorted(path for path in package.rglob("*") if path.suffix in SOURCES)
    spec = importlib.util.find_spec(COMPILED)
    if spec is not None and spec.origin is not None:
        yield Path(spec.origin)


def hash_of(files: Iterable[Path]) -> str:
    """A hash of files' names and bytes."""
    whole = hashlib.sha256()
    for path in files:
        whole.update(f"{path.name}:{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return whole.hexdigest()
