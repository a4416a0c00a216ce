"""The build: nothing is left out of a wheel or an sdist, and a build that cannot be says what is missing."""

from __future__ import annotations

import fnmatch
import importlib.util
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from setuptools import Distribution

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
BUILT = {".c", ".cpp", ".so", ".pyd", ".html", ".pyc"}          # what a build leaves behind


def in_packages(suffixes: set[str] | None = None) -> list[Path]:
    """Files of the packages, relative to the root, without products of a build."""
    return [path.relative_to(ROOT) for top in ("nicmodel", "drivers") for path in sorted((ROOT / top).rglob("*"))
            if path.is_file() and path.suffix not in BUILT and "__pycache__" not in path.parts
            and (suffixes is None or path.suffix in suffixes)]


@pytest.fixture
def load(monkeypatch):
    """setup.py as a module, as NICMODEL_CHECKED has it."""
    def loaded(checked: str = "0") -> ModuleType:
        monkeypatch.setenv("NICMODEL_CHECKED", checked)
        spec = importlib.util.spec_from_file_location("nicmodel_setup", ROOT / "setup.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return loaded


def test_every_package_on_disk_is_in_the_wheel():
    on_disk = {".".join(path.parent.parts) for path in in_packages({".py"}) if path.name == "__init__.py"}
    assert set(PROJECT["packages"]) == on_disk
    assert len(PROJECT["packages"]) == len(set(PROJECT["packages"])) > 5


def test_every_file_of_a_package_is_in_the_wheel():
    """Python files go by themselves; every other file needs a pattern of package-data."""
    left_out = [path for path in in_packages() if path.suffix != ".py" and not any(
        fnmatch.fnmatch(path.name, pattern) for pattern in PROJECT["package-data"].get(".".join(path.parent.parts), ()))]
    assert not left_out
    assert sum(path.suffix in (".pxd", ".pxi") for path in in_packages()) > 10


def test_every_room_of_the_compiled_plane_is_built(load, monkeypatch):
    monkeypatch.chdir(ROOT)
    built = {Path(extension.sources[0]) for extension in load().extensions()}
    assert built == set(in_packages({".pyx"})) == {Path("nicmodel/_fastpath.pyx")}
    included = re.findall(r'^include "(.+)"$', Path("nicmodel/_fastpath.pyx").read_text(), re.MULTILINE)
    assert sorted(Path("nicmodel") / name for name in included) == sorted(in_packages({".pxi"}))


def test_what_only_prefetches_is_inline():
    """A compiler takes a function that does nothing else for one without effect, and drops its calls."""
    defined = [line for path in in_packages({".pxi"}) for line in (ROOT / path).read_text().splitlines()
               if re.match(r"cdef .*\bprefetch_\w+\(", line)]
    assert len(defined) > 8
    assert not [line for line in defined if not line.startswith("cdef inline ")]


def test_an_sdist_can_be_built_and_tested(tmp_path):
    subprocess.run([sys.executable, "setup.py", "-q", "egg_info", "--egg-base", str(tmp_path)], cwd=ROOT, check=True)
    held = {Path(line) for line in (tmp_path / "nicmodel.egg-info" / "SOURCES.txt").read_text().splitlines()}
    wanted = {Path(name) for name in ("setup.py", "pyproject.toml", "Makefile", "README.md", "LICENSE", "tests/conftest.py",
                                      "tests/smoke.py", "tests/planes/corpus.py", "benches/simpy_pipeline.py")}
    assert not wanted - held
    assert not set(in_packages()) - held
    assert not [path for path in held if path.suffix in BUILT or path.parts[0] == "build"]


def test_without_a_compiler_one_sentence_names_it(load):
    told = load().what_is_missing(["absent-cc", "-O2"], sysconfig.get_path("include"))
    assert told.startswith('nicmodel needs a C compiler to build its data plane, and "absent-cc" is not here')
    assert told.endswith(".") and ". " not in told and "\n" not in told
    assert '"absent-cc"' in load().what_is_missing(["/usr/bin/ccache", "absent-cc"], sysconfig.get_path("include"))


def test_without_python_headers_one_sentence_names_them(load, tmp_path):
    told = load().what_is_missing([sys.executable], str(tmp_path))
    assert told.startswith("nicmodel needs the C headers of Python") and str(tmp_path) in told
    (tmp_path / "Python.h").touch()
    assert load().what_is_missing([sys.executable], str(tmp_path)) is None
    assert load().what_is_missing([], str(tmp_path)) is None


def test_the_build_stops_at_that_sentence(load):
    module = load()
    command = module.BuildOrSayWhy(Distribution())
    command.compiler = SimpleNamespace(compiler_so=["absent-cc"])
    with pytest.raises(SystemExit, match='C compiler .* "absent-cc" is not here'):
        command.build_extensions()


def test_flavours_of_the_build_do_not_mix(load, monkeypatch):
    assert [load(checked).flavour() for checked in ("", "0", "1", "address")] == ["release", "release", "checked", "address"]
    with pytest.raises(SystemExit, match='NICMODEL_CHECKED="yes" is not allowed: it must be 0, 1 or address'):
        load("yes").flavour()
    command = load("1").BuildOrSayWhy(Distribution())
    command.inplace = True
    with pytest.raises(SystemExit, match="stays out of the source folder"):
        command.finalize_options()


@pytest.mark.skipif(sys.platform == "win32", reason="MSVC has no such flags")
def test_the_checked_build_looks_at_invariants_and_undefined_behaviour(load):
    for checked in ("1", "address"):
        flags = load(checked).compile_flags()
        assert "-DNICMODEL_CHECKED" in flags and any("undefined" in flag for flag in flags)
    assert not [flag for flag in load("0").compile_flags() if "CHECKED" in flag or "sanitize" in flag]
    assert load("1").link_flags() == [] and load("address").link_flags() == ["-fsanitize=address,undefined"]
