"""The pages in docs/ name what exists, link to what exists, and examples run, there and in the README."""

from __future__ import annotations

import importlib
import io
import re
import shlex
import tomllib
from contextlib import redirect_stdout
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from nicmodel.lab import cli
from nicmodel.lab.loading import build
from nicmodel.lab.validation.experiments import EXPERIMENTS

ROOT = Path(__file__).parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCED = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
PATH = re.compile(r"[\w.]+(/[\w.]+)*/?(\.(py|pyx|pxd|md|toml))?")
DOTTED = re.compile(r"(nicmodel|drivers)(\.\w+)+")
ROOMS = ("", "nicmodel", "docs", "nicmodel/datasheet")     # where a path in a page may begin
IDENTIFIER = re.compile(r"(?!NDIS_|point_)[A-Za-z]+_\w+")   # not Microsoft's, nor columns that are put together as a sweep ends
SOURCES = (".py", ".pyx", ".pxi", ".pxd", ".toml", ".csv")
DATASHEET = {p.stem for p in (ROOT / "nicmodel/datasheet").glob("*.py")}


@cache
def words() -> set[str]:
    """Every word in the code, and the names that it puts together."""
    files = [ROOT / "setup.py", *(file for room in ("nicmodel", "drivers", "tests/planes") for file in (ROOT / room).rglob("*"))]
    return {word for file in files if file.suffix in SOURCES for word in re.findall(r"\w+", file.read_text())} | set(EXPERIMENTS)


def spans(page: Path) -> list[str]:
    """Everything in backticks outside fenced blocks."""
    return SPAN.findall(FENCED.sub("", page.read_text()))


def found(path: str) -> Path | None:
    return next((ROOT / room / path for room in ROOMS if (ROOT / room / path).exists()), None)


def defines(path: Path, name: str) -> bool:
    """Does a source file define a function or class of this name?"""
    pattern = rf"^\s*(def|class|cdef|cpdef)\b[^=#\n]*?\b{name}\b\s*[(:]"
    return re.search(pattern, path.read_text(), re.MULTILINE) is not None


def resolves(dotted: str) -> bool:
    """Does a dotted name lead somewhere?"""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            if not hasattr(thing, name):
                return name in getattr(thing, "__annotations__", {})
            thing = getattr(thing, name)
        return True
    return False


def problem(span: str) -> str | None:
    """What is wrong with something in backticks, or None; most spans claim nothing that can be looked up."""
    if "::" in span:
        path, name = span.split("::")
        file = found(path)
        return None if file and defines(file, name) else f"{span}: no such file or function"
    if DOTTED.fullmatch(span) and not found(span):
        return None if resolves(span) else f"{span} does not exist"
    first, _, rest = span.partition(".")
    if first in DATASHEET and re.fullmatch(r"\w+", rest) and rest not in ("py", "md"):
        return None if resolves(f"nicmodel.datasheet.{span}") else f"{span} does not exist"
    if IDENTIFIER.fullmatch(span) and span not in words():
        return f"no code knows {span}"
    looks_like_path = "/" in span or span.endswith((".py", ".pyx", ".pxd", ".md", ".toml"))
    if looks_like_path and PATH.fullmatch(span) and not found(span):
        return f"there is no {span}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_names_exist(page):
    wrong = [told for span in spans(page) if (told := problem(span))]
    assert not wrong, wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert not [target for target in targets if not (page.parent / target).exists()]


def blocks(page: str, language: str) -> list[str]:
    """Fenced blocks of a language; "" is what a program prints, or what is typed."""
    return [text for said, text in FENCED.findall((ROOT / page).read_text()) if said == language]


def printed(codes: list[str]) -> str:
    """What code prints that stands in several blocks of one page, without the spaces that lines end with."""
    names: dict[str, object] = {}
    with redirect_stdout(io.StringIO()) as out:
        for code in codes:
            exec(code, names)
    return without_ends(out.getvalue())


def without_ends(text: str) -> str:
    return "".join(line.rstrip() + "\n" for line in text.splitlines())


@pytest.mark.parametrize("plane", ["fast", "reference"])
def test_the_device_example_runs(plane):
    codes = blocks("docs/device.md", "python")
    assert len(codes) == 2 and all('plane="fast"' in code for code in codes)
    printed([code.replace('plane="fast"', f'plane="{plane}"') for code in codes])


def test_the_frames_of_the_ndis_page_arrive():
    (code,) = blocks("docs/ndis.md", "python")
    assert printed([code]) == ""


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{page.name}" for page in PAGES if "```toml" in page.read_text())])
def test_pieces_of_scenarios_can_be_run(page):
    for text in blocks(page, "toml"):
        build({"num_vfs": 4, "duration": "1ms"} | tomllib.loads(text), page)


def test_the_readme_s_python_prints_what_stands_below_it():
    fences = FENCED.findall((ROOT / "README.md").read_text())
    examples = [(code, below) for (language, code), (other, below) in pairwise(fences) if (language, other) == ("python", "")]
    assert [code for code, _ in examples] == blocks("README.md", "python") != []
    for code, below in examples:
        assert printed([code]) == below


def test_the_readme_s_run_prints_what_the_main_job_prints(capsys, monkeypatch):
    """But for the time it took, and the place where a line is broken."""
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert cli.main(["run", "vf_scaling"]) == 0
    page = next(text for text in blocks("README.md", "") if text.startswith("vf_scaling: "))
    assert timeless(page) == timeless(capsys.readouterr().out)


def test_the_worked_example_of_explain_prints_what_stands_below_it(capsys, monkeypatch):
    """Line by line, in this order; "..." stands for what the page leaves out."""
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    command, page = blocks("docs/explain.md", "")
    assert cli.main([*shlex.split(command.replace("\\\n", " "))[1:], "--workers", "1"]) == 0
    left = " ".join(capsys.readouterr().out.split())
    for line in (" ".join(line.removesuffix("...").split()) for line in page.splitlines()):
        if line:
            _, found, left = left.partition(line)
            assert found, line


def timeless(report: str) -> str:
    report = re.sub(r"[\d.]+ s of wall time", "a wall time", re.sub(r"[\d,]+\s+packets/s", "a speed", report))
    return " ".join(report.split())


@pytest.mark.parametrize("span", ["nicmodel/sim/plan.py", "nicmodel.sim.plane.DataPlan", "sim/clock.py::stop",
                                  "timing.WAIT_DIVIDER", "tx_bufer", "_fast/tx.pyx::doorbell", "drivers.vf.VfMini"])
def test_a_wrong_name_would_be_seen(span):
    assert problem(span)


def test_exit_statuses_are_told_alike_in_the_readme_and_where_they_are_given():
    told = re.search(r"Exit status: .*? measured\.", " ".join((cli.__doc__ or "").split()))
    assert told and told[0] in " ".join((ROOT / "README.md").read_text().split())
