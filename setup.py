"""Builds the compiled data plane. Everything else about the project is in pyproject.toml.

NICMODEL_CHECKED=1 builds it with its invariants looked at, bounds checked and undefined behaviour trapped;
NICMODEL_CHECKED=address says what was wrong and looks at every memory access besides (the process must preload the
compiler's libasan). Each of the three has a folder of its own below build/, so that none is taken for another:

    NICMODEL_CHECKED=1 python setup.py build        # build/checked/lib*: put it on PYTHONPATH
"""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent
CHECKED = os.environ.get("NICMODEL_CHECKED", "0")
FLAVOURS = {"": "release", "0": "release", "1": "checked", "address": "address"}
# What the rooms call inline is inlined, even where the compiler thinks a function has grown enough: the loop is one.
INLINE = "-DCYTHON_INLINE=__inline__ __attribute__((always_inline))"
# The code of a packet's way is about as large as the first cache for it: no room is spent on where a jump lands.
DENSE = ["-fno-align-jumps", "-fno-align-loops", "-fno-align-labels"]
SANITIZERS = "-fsanitize=address,undefined"
# A constant of an enum is an int in C: one shifted by more than it holds is not a number, and no warning stops a build.
NEVER = ["-Werror=shift-count-overflow", "-Werror=shift-overflow"]
# Nor is a sum that overflows. Python's own flags let it wrap; a checked build stops.
TRAP = ["-O1", "-g", "-DNICMODEL_CHECKED", "-fno-wrapv"]
FLAGS = {
    "release": ["-O3", "-fno-strict-aliasing", "-fno-semantic-interposition", "-Wno-unused-function", INLINE, *DENSE],
    "checked": [*TRAP, "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"],
    "address": [*TRAP, SANITIZERS, "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"],
}


def flavour() -> str:
    """What NICMODEL_CHECKED asks for."""
    if CHECKED not in FLAVOURS:
        raise SystemExit(f'NICMODEL_CHECKED="{CHECKED}" is not allowed: it must be 0, 1 or address')
    return FLAVOURS[CHECKED]


def compile_flags() -> list[str]:
    """Flags for the compiler at hand; MSVC takes its own defaults."""
    if sys.platform == "win32":
        return ["/DNICMODEL_CHECKED"] if flavour() != "release" else []
    return FLAGS[flavour()] + NEVER


def link_flags() -> list[str]:
    """The sanitizers' libraries, where they are used."""
    return [SANITIZERS] if SANITIZERS in compile_flags() else []


def extensions() -> list[Extension]:
    """The compiled plane: one translation unit, which includes its rooms."""
    sources = sorted((HERE / "nicmodel").rglob("*.pyx"))
    return [Extension(".".join(path.relative_to(HERE).with_suffix("").parts), [path.relative_to(HERE).as_posix()],
                      extra_compile_args=compile_flags(), extra_link_args=link_flags()) for path in sources]


def what_is_missing(compiler: Sequence[str], include: str) -> str | None:
    """One sentence about the first tool that the build needs and cannot find; None if it can go ahead.

    `compiler` is the command that compiles (empty: setuptools finds it by itself), `include` the folder of Python.h.
    """
    program = [word for word in compiler[:2] if Path(word).name not in ("ccache", "sccache")][:1]
    if program and shutil.which(program[0]) is None:
        return (f'nicmodel needs a C compiler to build its data plane, and "{program[0]}" is not here '
                "(Debian: apt install gcc libc6-dev; or set CC).")
    if not (Path(include) / "Python.h").is_file():
        return (f"nicmodel needs the C headers of Python to build its data plane, and {include} has no Python.h "
                "(Debian: apt install python3-dev).")
    return None


class BuildOrSayWhy(build_ext):
    """Cython and the compiler, on all cores; without a compiler it ends in one sentence that names what is missing."""

    def finalize_options(self) -> None:
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count() or 1
        if self.inplace and flavour() != "release":
            raise SystemExit("a checked build stays out of the source folder: use `python setup.py build`")

    def build_extensions(self) -> None:
        missing = what_is_missing(getattr(self.compiler, "compiler_so", None) or (), sysconfig.get_path("include"))
        if missing:
            raise SystemExit(missing)
        for extension, generated in zip(self.extensions, cythonized(), strict=True):
            extension.sources = generated.sources
        super().build_extensions()


def cythonized() -> list[Extension]:
    """The extensions with their generated C."""
    from Cython.Build import cythonize

    checked = flavour() != "release"
    return cythonize(extensions(), build_dir=f"build/{flavour()}/c", nthreads=os.cpu_count() or 1, quiet=True,
                     compiler_directives={
                         "language_level": 3, "boundscheck": checked, "wraparound": False, "cdivision": True,
                         "initializedcheck": checked, "embedsignature": True, "binding": True})


if __name__ == "__main__":
    os.chdir(HERE)
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildOrSayWhy},
          options={"build": {"build_base": f"build/{flavour()}"}})
