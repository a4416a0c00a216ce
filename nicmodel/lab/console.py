"""The terminal's side of the commands: what goes to which stream, how they end, progress bars, and Ctrl-C as a flag."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import typer

from nicmodel.lab.endings import BAD_INPUT, INTERRUPTED, NOTHING_MEASURED, OK, UNMET
from nicmodel.lab.files import reason
from nicmodel.sim.errors import DriverFault, DriverStumble, ScenarioError

# What bad arguments raise. Typer carries its own click or uses the installed one, as its version has it.
USAGE_ERROR: Any = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "ClickException")
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
    """A standard stream that the caller has closed swallows what is written: nothing goes to the other one instead. A letter
    that the encoding of standard output does not have is written as its number."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")


@contextmanager
def told_of_interrupts() -> Iterator[None]:
    """Ctrl-C raises `Stopped`, where Python would raise KeyboardInterrupt; so does SIGTERM, of which Python would die."""
    defaults: dict[int, Any] = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    ours = [number for number, handler in defaults.items() if signal.getsignal(number) == handler]
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise Stopped

    for number in ours:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, defaults[number])


def ended(command: Callable[[], Any]) -> int:
    """How a command ends: its exit status, and one sentence where it could not do what was asked."""
    open_streams()
    try:
        with told_of_interrupts():
            status = command()
        sys.stdout.flush()
        return status if isinstance(status, int) else OK
    except USAGE_ERROR as error:
        path = error.ctx.command_path if getattr(error, "ctx", None) else "nicmodel"
        say(" ".join(error.format_message().split()).rstrip(".") + f"; see {path} --help")
    except (ScenarioError, DriverFault) as error:
        say(str(error))
    except DriverStumble as error:
        say(str(error))
        return UNMET
    except BrokenPipeError:
        return _reader_has_left()
    except SystemExit as error:  # typer and rich leave with 1 when the reader has left
        if not isinstance(error.__context__, OSError) or error.__context__.errno != errno.EPIPE:
            raise
        return _reader_has_left()
    except OSError as error:
        say(f"{error.filename or 'the output cannot be written'}: {reason(error)}")
    except (Stopped, KeyboardInterrupt, typer.Abort):
        say(NOTHING_MEASURED)
        return INTERRUPTED
    except Exception as error:
        from nicmodel.lab.own_drivers import blamed

        if (sentence := blamed(error)) is None:
            raise
        say(sentence)
        return UNMET
    return BAD_INPUT


def _reader_has_left() -> int:
    """Nobody reads our output any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return OK


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that Ctrl-C sets, or a batch system that ends its job; the second of them interrupts at once."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise Stopped
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


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
