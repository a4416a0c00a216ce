"""Files that appear whole or not at all, and folders that are known to be writable before work starts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from nicmodel.sim.errors import ScenarioError


def reason(error: OSError) -> str:
    """What went wrong, in the system's words."""
    return (os.strerror(error.errno) if error.errno else str(error)).lower()


def writable_folder(folder: Path, option: str) -> Path:
    """The folder that an option or argument names, made if it was absent and proved writable. Raises ScenarioError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ScenarioError(f"the folder {folder} cannot be written: {reason(error)}", file=option) from None
    return folder


def writable_file(path: Path, option: str, source: Path | None = None) -> Path:
    """The path, its folder proved writable, and not `source`'s. Raises ScenarioError; makes neither file nor folder."""
    if path.is_dir():
        raise ScenarioError(f"{path} is a folder", file=option)
    if source and path.exists() and source.exists() and path.samefile(source):
        raise ScenarioError(f"{path} is the file that is read: write to another", file=option)
    if not path.parent.is_dir():
        raise ScenarioError(f"the folder {path.parent} does not exist", file=option)
    writable_folder(path.parent, option)
    return path


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """What the system refuses while a file is written is told with the file's name. Raises ScenarioError."""
    try:
        yield
    except OSError as error:
        raise ScenarioError(f"cannot be written: {reason(error)}", file=str(path)) from None


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A file beside `path` to be filled, which is then put in place; on any failure `path` is untouched."""
    with writing(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    beside = Path(name)
    try:
        yield beside
        with writing(path):
            beside.chmod(0o666 & ~_umask())
            beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_whole(path: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill `path`, whole or not at all. Raises ScenarioError if it cannot."""
    with whole_file(path) as beside, writing(path):
        write(beside)
    return path


def write_text(path: Path, text: str) -> Path:
    """`path` holds this text, whole."""
    return write_whole(path, lambda beside: beside.write_text(text, encoding="utf-8"))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
