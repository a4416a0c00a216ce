"""A driver's author reads one sentence: whose code failed, in which entry point, how, and in which line of the author's file.

What a driver raises at its hardware is a `DriverFault`, and a failure of that driver alone; everything else is a mistake in
its code and ends the run.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any

from nicmodel.sim.errors import DriverStumble


def class_of(driver: Any) -> type[Any]:
    """A driver's class; a class that has no driver yet is its own."""
    return driver if isinstance(driver, type) else type(driver)


def file_of(driver: Any) -> str | None:
    """The file that a driver's class is written in."""
    module = sys.modules.get(class_of(driver).__module__)
    return getattr(module, "__file__", None)


def stumble(adapter: str, driver: Any, entry: str, problem: BaseException) -> DriverStumble:
    """What a driver raised in an entry point, in a sentence."""
    frames, own = traceback.extract_tb(problem.__traceback__), file_of(driver)
    where = next((frame for frame in reversed(frames) if frame.filename == own), None) or frames[-1]
    said = " ".join(str(problem).split())
    what = type(problem).__name__ + (f": {said}" if said else "")
    return sentence(adapter, driver, entry, f"raised {what}", where.filename, where.lineno)


def no_status(adapter: str, driver: Any, entry: str, given: Any) -> DriverStumble:
    """A driver's entry point gave back what is no status."""
    return sentence(adapter, driver, entry, f"returned {given!r}, which is no status", file_of(driver), None)


def stuck(adapter: str, driver: Any, entry: str, steps: Generator[Any, Any, Any], why: str) -> DriverStumble:
    """A driver's entry point that does not come to its end: where its steps stand."""
    places, own = [], file_of(driver)
    inner: Any = steps
    while getattr(inner, "gi_frame", None) is not None:
        places.append((inner.gi_frame.f_code.co_filename, inner.gi_frame.f_lineno))
        inner = inner.gi_yieldfrom
    file, line = next((place for place in reversed(places) if place[0] == own), places[-1] if places else (own, None))
    return sentence(adapter, driver, entry, why, file, line)


def sentence(adapter: str, driver: Any, entry: str, what: str, file: str | None, line: int | None) -> DriverStumble:
    """Adapter, class, entry point, what happened, file and line."""
    place = "" if file is None else f" ({Path(file).name}" + (f", line {line})" if line else ")")
    return DriverStumble(f"{adapter}: {class_of(driver).__name__} {what} in {entry}{place}")
