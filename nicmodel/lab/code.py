"""What decides a point's figures besides its scenario: the code that runs, as a hash.

That is the model's own (sources and the compiled plane), and the files that the user's own drivers stand in, with those of the
user's that they import, and so on. What is installed is not looked at, nor what is imported by a name made while it runs.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

import drivers
import nicmodel
from nicmodel.lab.own_drivers import file_of
from nicmodel.lab.scenario import Scenario

SOURCES = (".py", ".pyx", ".pxi", ".pxd")
PACKAGES = tuple(Path(package.__path__[0]) for package in (nicmodel, drivers))
COMPILED = "nicmodel._fastpath"
INSTALLED = tuple(Path(path).resolve() for path in set(sysconfig.get_paths().values()))


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
            self._own[name] = hash_of(files_of(name))
        return self._own[name]


def files_of(name: str) -> list[Path]:
    """The file of a driver of the user's own, and all files of the user's that it imports. Raises ScenarioError as `file_of`."""
    found: dict[Path, None] = {}
    package = name.rpartition(":")[0].rpartition(".")[0] if not name.rpartition(":")[0].endswith(".py") else ""
    waiting = [(file_of(name).resolve(), package)]
    while waiting:
        path, package = waiting.pop()
        if path not in found:
            found[path] = None
            waiting += [each for module in imported(path, package) if (each := _own_file(module)) is not None]
    return list(found)


def imported(path: Path, package: str) -> Iterator[str]:
    """The names of the modules that a file imports, and of all that may be modules."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) + 1 - node.level] if package else []
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _own_file(module: str) -> tuple[Path, str] | None:
    """The file of a module, and the package that it is in, if it is neither ours nor installed."""
    top = module.partition(".")[0]
    try:
        if not top or (top != module and _own_file(top) is None):           # to look into a package is to import it
            return None
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None
    if spec is None or not (spec.origin or "").endswith(".py"):
        return None
    path = Path(str(spec.origin)).resolve()
    if any(path.is_relative_to(folder) for folder in (*PACKAGES, *INSTALLED)):
        return None
    return path, spec.parent or ""


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
