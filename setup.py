"""Builds the compiled data plane. Everything else about the project is in pyproject.toml.

NICMODEL_CHECKED=1 builds it with its invariants looked at, bounds checked and undefined behaviour trapped.
"""

import os
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

HERE = Path(__file__).parent
CHECKED = os.environ.get("NICMODEL_CHECKED", "0") not in ("", "0")


def compile_flags() -> list[str]:
    """Flags for the compiler at hand; MSVC takes its own defaults."""
    if sys.platform == "win32":
        return ["/DNICMODEL_CHECKED"] if CHECKED else []
    if CHECKED:
        return ["-O1", "-g", "-DNICMODEL_CHECKED", "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"]
    return ["-O3", "-fno-strict-aliasing", "-fno-semantic-interposition", "-Wno-unused-function"]


def extensions() -> list[Extension]:
    """One extension a room, and the door."""
    sources = [*sorted((HERE / "nicmodel" / "_fast").glob("*.pyx")), HERE / "nicmodel" / "_fastpath.pyx"]
    return [Extension(".".join(path.relative_to(HERE).with_suffix("").parts), [str(path.relative_to(HERE))],
                      extra_compile_args=compile_flags()) for path in sources]


class BuildOrSayWhy(build_ext):
    """Without a compiler the build ends in one sentence that names what is missing."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            if "command" in str(error) and "failed" in str(error) and "exit" in str(error):
                raise
            raise SystemExit("nicmodel needs a C compiler and the Python headers (Debian: apt install gcc "
                             f"python3-dev) to build its data plane: {error}") from error


def cythonized() -> list[Extension]:
    """The extensions with their generated C."""
    from Cython.Build import cythonize

    return cythonize(extensions(), nthreads=os.cpu_count() or 1, force=CHECKED, compiler_directives={
        "language_level": 3, "boundscheck": CHECKED, "wraparound": False, "cdivision": True,
        "initializedcheck": CHECKED, "embedsignature": True, "binding": True})


if __name__ == "__main__":
    os.chdir(HERE)
    setup(ext_modules=cythonized(), cmdclass={"build_ext": BuildOrSayWhy})
