"""The terminal's side of the commands: what goes to which stream, progress bars, and Ctrl-C as a flag."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

OK, UNMET, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130
MIN_WIDTH = 110  # columns when standard output is no terminal


class Stopped(BaseException):
    """Ctrl-C before there was anything to keep. Not KeyboardInterrupt, of which typer makes a silent exit."""


def show(renderable: Any) -> None:
    """Print for a person."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(MIN_WIDTH, console.width))
    console.print(renderable)


def say(sentence: str) -> None:
    """A remark beside the result: one line on standard error, if that takes it."""
    with suppress(OSError):
        print(f"nicmodel: {sentence}", file=sys.stderr, flush=True)


def open_streams() -> None:
    """A standard stream that the caller has closed swallows what is written: nothing goes to the other one instead."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)


@contextmanager
def told_of_interrupts() -> Iterator[None]:
    """Ctrl-C raises `Stopped`, where Python would raise KeyboardInterrupt."""
    default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not default or threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets; a second Ctrl-C interrupts at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise Stopped
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def run_progress(title: str, quiet: bool) -> Iterator[Callable[[float, dict[str, Any]], None] | None]:
    """A bar for one run, told the finished fraction; nothing unless standard error is a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with _bar("{task.percentage:>3.0f} %  {task.fields[told]}") as bar:
        task = bar.add_task(title, total=1.0, told="")

        def tell(fraction: float, info: dict[str, Any]) -> None:
            told = ", ".join(
                f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"
                for key, value in info.items()
            )
            bar.update(task, completed=fraction, told=told)

        yield tell


@contextmanager
def sweep_progress(title: str, quiet: bool) -> Iterator[Callable[[int, int], None] | None]:
    """A bar for a sweep, told points done and points in all, with the time left."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with _bar("{task.completed:.0f}/{task.total:.0f} points") as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _bar(text: str) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn(text),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
